#include "tests/standin/say.h"

#include <stdio.h>
#include <time.h>

enum { BODY_MAX = 1 << 20 };

void
say_state(const struct book_reg *reg, struct buf *b)
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

/* ---- Retry-After ---------------------------------------------------------------------------------------------- */

static void
set_seconds(struct call *c, int64_t wait_s)
{
    time_t at = time(NULL) + (time_t)wait_s;
    char text[64];
    struct tm tm;

    if (wait_s < 0)
        return;
    if (c->x->faults.retry_after_date)
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
    else
        snprintf(text, sizeof text, "%lld", (long long)wait_s);
    server_set(c->req, "Retry-After", text);
}

/* A step's own goes with any code; the settings' where it `belongs`. */
static void
set_retry_after(struct call *c, bool belongs)
{
    const struct step *step = c->step;

    if (step && step->retry_after)
        server_set(c->req, "Retry-After", step->retry_after);
    else if (step && step->retry_after_s > -2)
        set_seconds(c, step->retry_after_s);
    else if (belongs)
        set_seconds(c, c->x->faults.retry_after_s);
}

/* ---- bodies --------------------------------------------------------------------------------------------------- */

/* A script's body with {id} and {nomor} filled in. */
static void
fill(struct buf *b, const char *body, const struct book_reg *reg)
{
    char id[20] = "";
    const char *hole;

    if (reg)
        book_id(reg, id);
    for (; (hole = strchr(body, '{')); body = hole) {
        buf_add(b, body, (size_t)(hole - body));
        if (!strncmp(hole, "{id}", 4)) {
            buf_z(b, id);
            hole += 4;
        } else if (!strncmp(hole, "{nomor}", 7)) {
            buf_str(b, reg ? (struct str){reg->nomor->name.z, reg->nomor->name.n} : STR_NULL);
            hole += 7;
        } else {
            buf_char(b, *hole++);
        }
    }
    buf_z(b, body);
}

static struct answer_held *
give(struct call *c, const struct answer *usual, const struct book_reg *reg)
{
    const struct step *step = c->step;
    struct answer a = *usual;
    struct buf b = buf_make(BODY_MAX * 4);
    struct answer_held *held;

    a.wait_ms = step && step->delay_ms >= 0 ? step->delay_ms : c->x->faults.latency_ms;
    if (step && step->body) {
        fill(&b, step->body, reg);
        a.body = buf_view(&b);
    }
    held = answer_give(c->x, c->req, &a);
    buf_free(&b);
    return held;
}

static struct str
failure_text(int code)
{
    static const char refused[] =
        "{\"kode\":\"DITOLAK\",\"kesalahan\":[{\"field\":\"sistem.url\",\"pesan\":\"Alamat "
        "tidak dapat dijangkau.\"},{\"field\":\"integrasi.metode\",\"pesan\":\"Metode tidak "
        "didukung untuk sistem ini.\"}]}\n";
    static const char fault[] = "{\"kode\":\"GANGGUAN\",\"kesalahan\":[]}\n";
    static const char lie[] = "{\"id_integrasi\":\"INT-0000000000\",\"status\":\"aktif\"}\n";

    if (code / 100 == 2)
        return str_of(lie);
    return str_of(code == 400 || code == 422 ? refused : fault);
}

struct answer_held *
say_registered(struct call *c, int code, const struct book_reg *reg, enum status status, bool hold)
{
    struct answer a = {.code = code, .sending = c->o.sending, .hold = hold};
    char id[20];
    char z[96];
    int n;

    if (code / 100 != 2) {
        a.body = failure_text(code);
        set_retry_after(c, code == 429 || code == 503 || code == 425);
        return give(c, &a, reg);
    }
    book_id(reg, id);
    if (status == STATUS_DIPROSES) {
        snprintf(z, sizeof z, "/api/v1/integrasi/%s", id);
        server_set(c->req, "Location", z);
    }
    set_retry_after(c, status == STATUS_DIPROSES);
    n = snprintf(z, sizeof z, "{\"id_integrasi\":\"%s\",\"status\":\"%s\"}\n", id, outcome_status(status));
    a.body = (struct str){z, (size_t)n};
    return give(c, &a, reg);
}

void
say_failed(struct call *c, int code)
{
    const struct answer a = {.code = code, .sending = c->o.sending, .body = failure_text(code)};

    set_retry_after(c, code == 429 || code == 503 || code == 425);
    give(c, &a, NULL);
}

void
say_read(struct call *c, const struct book_reg *reg, struct str text)
{
    const struct answer a = {.code = c->o.code, .sending = c->o.sending, .body = text};

    set_retry_after(c, reg && reg->status == STATUS_DIPROSES);
    give(c, &a, reg);
}
