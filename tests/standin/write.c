#include "tests/standin/write.h"

#include "tests/standin/answer.h"

enum { REVISI_MAX = 1000000 };

static bool
number(struct str s, int *ret)
{
    int64_t n;

    if (!str_int(s, &n) || n < 1 || n > REVISI_MAX)
        return false;
    *ret = (int)n;
    return true;
}

static bool
split_key(struct write *w)
{
    const char *put = w->key.n ? memrchr(w->key.p, ':', w->key.n) : NULL;
    const char *rev = put ? memrchr(w->key.p, ':', (size_t)(put - w->key.p)) : NULL;
    const char *end = w->key.p + w->key.n;
    int revisi;

    return rev && str_eq((struct str){w->key.p, (size_t)(rev - w->key.p)}, w->body.nomor) &&
           number((struct str){rev + 1, (size_t)(put - rev - 1)}, &revisi) && revisi == w->revisi &&
           number((struct str){put + 1, (size_t)(end - put - 1)}, &w->putaran);
}

/* The member that is missing or of the wrong kind, or NULL. */
static const char *
wrong_member(const struct scan *body)
{
    if (!body->nomor.n || body->nomor.n > 64)
        return "nomor_permohonan";
    if (body->revisi < 1 || body->revisi > REVISI_MAX)
        return "revisi";
    if (!body->kode_opd.n)
        return "kode_opd";
    return body->nama.n ? NULL : "sistem.nama";
}

bool
write_read(struct standin *x, struct server_req *req, struct write *w)
{
    const char *bad;

    *w = (struct write){.key = server_header(req, "Idempotency-Key")};
    x->stats.bad_bodies++; /* until it is found good */
    if (!scan_read(&w->body, server_body(req))) {
        answer_error(x, req, 400, "JSON", NULL, NULL);
        return false;
    }
    bad = wrong_member(&w->body);
    if (bad) {
        answer_error(x, req, 422, "DATA_TIDAK_LENGKAP", bad, "Wajib diisi dengan benar.");
        return false;
    }
    w->revisi = (int)w->body.revisi;
    if (w->body.forbidden) {
        answer_error(x, req, 422, "DATA_BERLEBIH", w->body.forbidden, "Tidak boleh dikirim ke sini.");
        return false;
    }
    x->stats.bad_bodies--;
    if (split_key(w))
        return true;
    x->stats.bad_keys++;
    answer_error(x, req, 400, "KUNCI", "Idempotency-Key", "Harus nomor_permohonan:revisi:putaran.");
    return false;
}

void
write_free(struct write *w)
{
    scan_free(&w->body);
    *w = (struct write){0};
}
