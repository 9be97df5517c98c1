#include "tests/standin/write.h"

#include <stdio.h>

#include "tests/standin/answer.h"

enum { REVISI_MAX = 1000000 };

static bool
text(const json_t *o, const char *name, struct str *ret)
{
    json_t *v = json_object_get(o, name);

    *ret = (struct str){json_string_value(v), json_string_length(v)};
    return json_is_string(v) && ret->n;
}

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

    return rev && str_eq((struct str){w->key.p, (size_t)(rev - w->key.p)}, w->nomor) &&
           number((struct str){rev + 1, (size_t)(put - rev - 1)}, &revisi) && revisi == w->revisi &&
           number((struct str){put + 1, (size_t)(end - put - 1)}, &w->putaran);
}

/* The member that is missing or of the wrong kind, or NULL. */
static const char *
wrong_member(struct write *w)
{
    json_t *revisi = json_object_get(w->json, "revisi");
    json_t *sistem = json_object_get(w->json, "sistem");
    struct str any;

    if (!text(w->json, "nomor_permohonan", &w->nomor) || w->nomor.n > 64)
        return "nomor_permohonan";
    if (!json_is_integer(revisi) || json_integer_value(revisi) < 1 || json_integer_value(revisi) > REVISI_MAX)
        return "revisi";
    w->revisi = (int)json_integer_value(revisi);
    if (!text(w->json, "kode_opd", &any))
        return "kode_opd";
    if (!json_is_object(sistem) || !text(sistem, "nama", &any))
        return "sistem.nama";
    text(w->json, "url_callback", &w->url_callback);
    return NULL;
}

/* What the endpoint does not need and must not be given. */
static const char *
forbidden_member(const json_t *o)
{
    static const char *const names[] = {"nip", "nik", "telepon", "password", "kata_sandi", "token", "secret"};
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            size_t n = strlen(names[i]);

            if (!strncmp(key, names[i], n) && (!key[n] || key[n] == '_'))
                return names[i];
        }
        if (json_is_object(v) && (key = forbidden_member(v)))
            return key;
    }
    return NULL;
}

bool
write_read(struct standin *x, struct server_req *req, struct write *w)
{
    struct str body = server_body(req);
    const char *bad;

    *w = (struct write){.key = server_header(req, "Idempotency-Key")};
    w->json = json_loadb(body.n ? body.p : "", body.n, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(w->json)) {
        answer_error(x, req, 400, "JSON", NULL, NULL);
        return false;
    }
    bad = wrong_member(w);
    if (bad) {
        answer_error(x, req, 422, "DATA_TIDAK_LENGKAP", bad, "Wajib diisi dengan benar.");
        return false;
    }
    bad = forbidden_member(w->json);
    if (bad) {
        answer_error(x, req, 422, "DATA_BERLEBIH", bad, "Tidak boleh dikirim ke sini.");
        return false;
    }
    if (split_key(w))
        return true;
    answer_error(x, req, 400, "KUNCI", "Idempotency-Key", "Harus nomor_permohonan:revisi:putaran.");
    return false;
}

void
write_free(struct write *w)
{
    json_decref(w->json);
    *w = (struct write){0};
}
