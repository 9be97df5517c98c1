#include "tests/standin/api.h"

#include <stdio.h>
#include <time.h>

#include "common/base/clk.h"
#include "tests/standin/answer.h"
#include "tests/standin/ending.h"
#include "tests/standin/write.h"

enum { LIST_MAX = 1000, ANSWER_BYTES = 1 << 20 };

/* ---- what answers say ----------------------------------------------------------------------------------------- */

void
api_show(const struct book_reg *reg, struct buf *b)
{
    time_t s = (time_t)(reg->waktu_us / 1000000);
    char id[20];
    char at[32];
    struct tm tm;

    book_id(reg, id);
    strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", gmtime_r(&s, &tm));
    buf_printf(b, "{\"id_integrasi\":\"%s\",\"nomor_permohonan\":", id);
    buf_json(b, (struct str){reg->nomor->name.z, reg->nomor->name.n});
    buf_printf(
        b, ",\"revisi\":%d,\"putaran\":%d,\"status\":\"%s\",\"urutan\":%u,\"waktu\":\"%s.%06dZ\",\"alasan\":",
        reg->revisi, reg->putaran, outcome_status(reg->status), reg->urutan, at,
        (int)(reg->waktu_us % 1000000));
    if (reg->alasan)
        buf_json(b, str_of(reg->alasan));
    else
        buf_z(b, "null");
    buf_char(b, '}');
}

static void
set_retry_after(struct standin *x, struct server_req *req)
{
    char s[24];

    if (x->faults.retry_after_s < 0)
        return;
    snprintf(s, sizeof s, "%lld", (long long)x->faults.retry_after_s);
    server_set(req, "Retry-After", s);
}

/* {id_integrasi, status}: the same bytes for the same registration, however often it is asked for. */
static void
say_registered(struct standin *x, struct server_req *req, int code, enum sending sending,
               const struct book_reg *reg, enum status status)
{
    char id[20];
    char z[96];
    int n;

    book_id(reg, id);
    if (status == STATUS_DIPROSES) {
        snprintf(z, sizeof z, "/api/v1/integrasi/%s", id);
        server_set(req, "Location", z);
        set_retry_after(x, req);
    }
    n = snprintf(z, sizeof z, "{\"id_integrasi\":\"%s\",\"status\":\"%s\"}\n", id, outcome_status(status));
    answer_send(x, req, code, sending, (struct str){z, (size_t)n});
}

/* An outcome that registers nothing. */
static void
say_refused(struct standin *x, struct server_req *req, const struct outcome *o, int code)
{
    static const char refused[] =
        "{\"kode\":\"DITOLAK\",\"kesalahan\":[{\"field\":\"sistem.url\",\"pesan\":\"Alamat "
        "tidak dapat dijangkau.\"},{\"field\":\"integrasi.metode\",\"pesan\":\"Metode tidak "
        "didukung untuk sistem ini.\"}]}\n";
    static const char fault[] = "{\"kode\":\"GANGGUAN\",\"kesalahan\":[]}\n";
    bool for_good = code == 400 || code == 422;

    if (code == 429 || code == 503 || code == 425)
        set_retry_after(x, req);
    answer_send(x, req, code, o->effect == EFFECT_ACT ? SEND_WHOLE : o->sending,
                str_of(for_good ? refused : fault));
}

/* ---- POST and PUT --------------------------------------------------------------------------------------------- */

struct act {
    const struct write *w;
    struct book_key *key;
    struct book_nomor *nomor;
    struct book_reg *changes; /* PUT only */
    struct outcome o;
};

static void
register_it(struct standin *x, struct server_req *req, const struct act *act)
{
    const struct book_new n = {.key = act->key,
                               .nomor = act->nomor,
                               .revisi = act->w->revisi,
                               .putaran = act->w->putaran,
                               .url = x->callback_url ? str_of(x->callback_url) : act->w->body.url_callback,
                               .changes = act->changes,
                               .status = act->o.status,
                               .now_us = clk_us(clk_real())};
    struct book_reg *reg = book_add(&x->book, &n);

    if (!reg) {
        answer_error(x, req, 500, "MEMORI", NULL, NULL);
        return;
    }
    if (act->o.status == STATUS_DIPROSES && act->o.end != STATUS_DIPROSES)
        ending_plan(x, reg, act->o.end);
    say_registered(x, req, act->changes && act->o.code == 201 ? 200 : act->o.code, act->o.sending, reg,
                   reg->first_status);
}

static void
carry_out(struct standin *x, struct server_req *req, struct act *act)
{
    uint64_t hash = str_hash(server_body(req));
    bool known = x->faults.idempotent && (act->key->first || act->key->refused);

    if (act->o.effect == EFFECT_NONE) {
        say_refused(x, req, &act->o, act->o.code);
    } else if (known && act->key->body_hash != hash) {
        answer_error(x, req, 409, "KUNCI_SUDAH_DIPAKAI", "Idempotency-Key", "Isi permintaan berbeda.");
    } else if (x->faults.idempotent && act->key->first) {
        say_registered(x, req, 200, act->o.effect == EFFECT_ACT ? act->o.sending : SEND_WHOLE,
                       act->key->first, act->key->first->first_status);
    } else if (known) {
        say_refused(x, req, &act->o, act->key->refused);
    } else {
        act->key->body_hash = hash;
        if (act->o.effect == EFFECT_ACT) {
            register_it(x, req, act);
            return;
        }
        act->key->refused = act->o.code;
        say_refused(x, req, &act->o, act->o.code);
    }
}

static void
write_request(struct standin *x, struct server_req *req, struct book_reg *changes)
{
    struct write w;
    struct act act = {.w = &w, .changes = changes};

    if (write_read(x, req, &w)) {
        act.key = book_key(&x->book, w.key);
        act.nomor = book_nomor(&x->book, w.body.nomor);
        if (act.key && act.nomor) {
            act.o = faults_choose(&x->faults, act.nomor, w.key, act.key->tries++);
            carry_out(x, req, &act);
        } else {
            answer_error(x, req, 500, "MEMORI", NULL, NULL);
        }
    }
    write_free(&w);
}

void
api_post(void *arg, struct server_req *req)
{
    struct standin *x = arg;

    x->stats.requests++;
    x->stats.post++;
    write_request(x, req, NULL);
}

void
api_put(void *arg, struct server_req *req)
{
    struct standin *x = arg;
    struct book_reg *reg = book_by_id(&x->book, server_seg(req, 0));

    x->stats.requests++;
    x->stats.put++;
    if (reg)
        write_request(x, req, reg);
    else
        answer_error(x, req, 404, "TIDAK_ADA", NULL, NULL);
}

/* ---- DELETE and GET ------------------------------------------------------------------------------------------- */

static void
switch_off(struct standin *x, struct server_req *req, struct book_reg *reg, const struct outcome *o)
{
    bool off = reg->status == STATUS_DINONAKTIFKAN;
    bool later = !off && o->status == STATUS_DIPROSES;

    for (struct book_reg *r = reg; r; r = r->same_id)
        ending_cancel(x, r);
    if (later) {
        book_set(&x->book, reg, STATUS_DIPROSES, clk_us(clk_real()));
        if (o->end != STATUS_DIPROSES)
            ending_plan(x, reg, STATUS_DINONAKTIFKAN);
    } else if (!off) {
        book_set(&x->book, reg, STATUS_DINONAKTIFKAN, clk_us(clk_real()));
    }
    say_registered(x, req, later ? 202 : 200, o->sending, reg, reg->status);
}

void
api_delete(void *arg, struct server_req *req)
{
    struct standin *x = arg;
    struct str key = server_header(req, "Idempotency-Key");
    struct book_reg *reg = book_by_id(&x->book, server_seg(req, 0));
    struct outcome o;

    x->stats.requests++;
    x->stats.deleted++;
    if (!reg) {
        answer_error(x, req, 404, "TIDAK_ADA", NULL, NULL);
        return;
    }
    o = faults_choose(&x->faults, NULL, key.n ? key : server_path(req), reg->deletes++);
    if (o.effect == EFFECT_ACT)
        switch_off(x, req, reg, &o);
    else
        say_refused(x, req, &o, o.code);
}

/* True when the GET goes on as it should. */
static bool
get_begins(struct standin *x, struct server_req *req)
{
    struct outcome o = faults_choose_get(&x->faults, (unsigned)x->stats.get++);

    x->stats.requests++;
    if (o.effect == EFFECT_ACT && o.sending == SEND_WHOLE)
        return true;
    if (o.code == 200)
        return true;
    answer_send(x, req, o.code, o.sending, STR("{\"kode\":\"GANGGUAN\",\"kesalahan\":[]}\n"));
    return false;
}

void
api_get(void *arg, struct server_req *req)
{
    struct standin *x = arg;
    struct book_reg *reg = book_by_id(&x->book, server_seg(req, 0));
    struct buf b = buf_make(ANSWER_BYTES);

    if (!get_begins(x, req))
        return;
    if (!reg) {
        answer_error(x, req, 404, "TIDAK_ADA", NULL, NULL);
        return;
    }
    api_show(reg, &b);
    buf_char(&b, '\n');
    if (reg->status == STATUS_DIPROSES)
        set_retry_after(x, req);
    answer_send(x, req, 200, SEND_WHOLE, buf_view(&b));
    buf_free(&b);
}

void
api_list(void *arg, struct server_req *req)
{
    struct standin *x = arg;
    struct str nomor = server_query(req, "nomor_permohonan");
    struct book_nomor *found = book_find(&x->book, nomor);
    struct buf b = buf_make(ANSWER_BYTES);
    int n = 0;

    if (!get_begins(x, req))
        return;
    if (!nomor.n) {
        answer_error(x, req, 400, "PARAMETER", "nomor_permohonan", "Wajib diisi.");
        return;
    }
    buf_char(&b, '[');
    for (const struct book_reg *r = found ? found->newest : NULL; r && n < LIST_MAX; r = r->older) {
        if (n++)
            buf_char(&b, ',');
        api_show(r, &b);
    }
    buf_z(&b, "]\n");
    answer_send(x, req, 200, SEND_WHOLE, buf_view(&b));
    buf_free(&b);
}
