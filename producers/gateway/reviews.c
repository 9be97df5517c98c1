/* POST /v1/requests/{nomor}/review: an officer's decision. Whether it is one is judged by the validator. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/id.h"
#include "common/json/scan.h"
#include "common/kafka/ce.h"
#include "producers/gateway/form.h"
#include "producers/gateway/handlers.h"
#include "workers/sop/names.h"

enum { NOTES = 200, NOTE_CHARS = 2000 }; /* schemas/events/review.decided.v1.schema.json */

struct review {
    struct buf store;
    struct str nomor, catatan, key;
    int64_t revisi, putaran;
    enum putusan keputusan;
    char id[ID_TEXT];
};

static void
review_free(void *mine)
{
    struct review *rv = mine;

    buf_free(&rv->store);
    free(rv);
}

/* A note is a text, or an object with the text as pesan. */
static bool
note_ok(struct review *rv, struct str note)
{
    struct str text = scan_kind(note) == SCAN_OBJECT ? scan_get(note, "pesan") : note;
    size_t chars = 0;

    rv->store.n = 0;
    text = scan_kind(text) == SCAN_STRING ? scan_string(text, &rv->store) : STR_NULL;
    for (size_t i = 0; i < text.n; i++)
        chars += (text.p[i] & 0xc0) != 0x80;
    return chars >= 1 && chars <= NOTE_CHARS;
}

static bool
check_notes(struct review *rv, struct refusal *r)
{
    struct scan_iter it = scan_iter(rv->catatan);
    unsigned n = 0;

    for (; scan_next(&it); n++)
        if (n == NOTES || !note_ok(rv, it.value))
            return refusal_set(
                r, 422,
                "catatan holds at most %d notes, each a text of 1 to %d characters or an object "
                "with such a pesan.",
                NOTES, NOTE_CHARS);
    if (!n && rv->keputusan != PUTUSAN_DITERIMA)
        return refusal_set(r, 422, "A return or a refusal says why: catatan must not be empty.");
    return true;
}

static bool
read_catatan(struct review *rv, struct str body, struct refusal *r)
{
    rv->catatan = scan_get(body, "catatan");
    if (rv->catatan.p && scan_kind(rv->catatan) != SCAN_ARRAY)
        return refusal_set(r, 422, "catatan must be a list.");
    if (!rv->catatan.p)
        rv->catatan = STR("[]");
    return check_notes(rv, r);
}

static bool
read_review(struct review *rv, struct str body, struct refusal *r)
{
    if (!form_check(body, r))
        return false;
    if (!form_count(scan_get(body, "revisi"), &rv->revisi))
        return refusal_set(r, 422, "revisi must be a whole number from 1.");
    if (!form_count(scan_get(body, "putaran"), &rv->putaran))
        return refusal_set(r, 422, "putaran must be a whole number from 1.");
    rv->keputusan = putusan_of(form_text(body, "keputusan", &rv->store));
    if (rv->keputusan != PUTUSAN_DITERIMA && rv->keputusan != PUTUSAN_DIKEMBALIKAN &&
        rv->keputusan != PUTUSAN_DITOLAK)
        return refusal_set(r, 422, "keputusan must be diterima, dikembalikan or ditolak.");
    return read_catatan(rv, body, r);
}

/* The same decision, notes and all, is a repeat, unless the officer's program says by a key that it is meant anew.
 * Other notes make it another event, which the validator judges: it is not lost without a word. */
static void
make_id(struct review *rv, struct str officer)
{
    char what[64];
    const struct str parts[] = {STR("review"), officer, rv->nomor, rv->key, str_of(what), rv->catatan};

    snprintf(what, sizeof what, "%lld:%lld:%s", (long long)rv->revisi, (long long)rv->putaran,
             putusan_name(rv->keputusan));
    id_derive(gateway_ns, parts, sizeof parts / sizeof parts[0], rv->id);
}

static void
write_data(const struct review *rv, struct str officer, struct buf *out)
{
    buf_printf(out,
               "{\"revisi\":%lld,\"putaran\":%lld,\"keputusan\":\"%s\",\"catatan\":", (long long)rv->revisi,
               (long long)rv->putaran, putusan_name(rv->keputusan));
    buf_str(out, rv->catatan);
    buf_z(out, ",\"pemeriksa\":");
    buf_json(out, officer);
    buf_char(out, '}');
}

static void
acknowledged(struct call *call)
{
    const struct review *rv = call->mine;
    const struct call_receipt rc = {str_of(rv->id), STR(GATEWAY_SOURCE), rv->nomor,
                                    str_of(fact_type_name(FACT_REVIEW)), rv->revisi};

    call_accepted(call, &rc);
}

static void
publish(struct call *call)
{
    const struct review *rv = call->mine;
    struct buf data = buf_make(server_body(call->req).n + 1024);
    struct buf text = buf_make(server_body(call->req).n + 8192);
    struct ce_out o = {.id = str_of(rv->id),
                       .source = STR(GATEWAY_SOURCE),
                       .type = str_of(fact_type_name(FACT_REVIEW)),
                       .subject = rv->nomor,
                       .traceparent = call_traceparent(call),
                       .time_us = call_now_us(call),
                       .ext_name = STR("revisi"),
                       .ext_value = rv->revisi};
    struct call_record rec = {.key = rv->nomor};

    write_data(rv, call->who->officer, &data);
    o.data = buf_view(&data);
    ce_write(&o, &text);
    rec.value = buf_view(&text);
    if (data.failed || text.failed)
        call_problem(call, 503, "Out of memory.");
    else
        call_publish(call, GATEWAY_REVIEWS, &rec, 1, acknowledged);
    buf_free(&text);
    buf_free(&data);
}

void
reviews_post(struct call *call)
{
    struct review *rv = calloc(1, sizeof *rv);
    struct refusal r = {0};

    if (!rv) {
        call_problem(call, 503, "Out of memory.");
        return;
    }
    call->mine = rv;
    call->drop = review_free;
    rv->store = buf_make(16384);
    rv->nomor = server_seg(call->req, 0);
    if (!nomor_ok(rv->nomor)) {
        call_problem(call, 404, "There is no such request.");
    } else if (!call_media_is(call, "application/json")) {
        call_problem(call, 415, "The decision is sent as application/json.");
    } else if (!call_idempotency_key(call, &rv->key)) {
        return;
    } else if (!read_review(rv, server_body(call->req), &r)) {
        call_refuse(call, &r);
    } else {
        make_id(rv, call->who->officer);
        publish(call);
    }
}
