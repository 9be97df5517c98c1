/* POST /v1/events: the CloudEvents HTTP binding, structured, binary and batch. */
#include <stdio.h>
#include <stdlib.h>

#include "common/json/scan.h"
#include "producers/gateway/form.h"
#include "producers/gateway/handlers.h"
#include "producers/gateway/intake.h"

enum { BATCH_MAX = 100 };

/* What a request brought; the slices point into its body, which lives as long as the call waits. */
struct events {
    struct intake in[BATCH_MAX];
    struct buf text[BATCH_MAX];
    unsigned n;
    bool batch;
};

static void
events_free(void *mine)
{
    struct events *ev = mine;

    for (unsigned i = 0; i < ev->n; i++) {
        intake_free(&ev->in[i]);
        buf_free(&ev->text[i]);
    }
    free(ev);
}

static bool
read_one(struct events *ev, struct str body, struct refusal *r)
{
    if (!form_json(body, r))
        return false;
    ev->n = 1;
    return intake_structured(&ev->in[0], body, r);
}

static bool
read_batch(struct events *ev, struct str body, struct refusal *r)
{
    struct scan_iter it;

    ev->batch = true;
    if (!form_json(body, r))
        return false;
    if (scan_kind(body) != SCAN_ARRAY)
        return refusal_set(r, 400, "A batch is a JSON array.");
    it = scan_iter(body);
    while (scan_next(&it)) {
        if (ev->n == BATCH_MAX)
            return refusal_set(r, 413, "A batch holds at most %d events.", BATCH_MAX);
        if (!intake_structured(&ev->in[ev->n++], it.value, r))
            return false;
    }
    return true;
}

static void
on_header(void *arg, struct str name, struct str value)
{
    intake_header(arg, name, value);
}

static bool
read_binary(struct events *ev, const struct call *call, struct refusal *r)
{
    if (!str_is(server_header(call->req, "ce-specversion"), "1.0"))
        return refusal_no_event(r, "ce-specversion is not 1.0");
    ev->n = 1;
    intake_init(&ev->in[0]);
    server_headers(call->req, on_header, &ev->in[0]);
    return intake_binary(&ev->in[0], server_body(call->req), r);
}

static bool
read_any(struct events *ev, const struct call *call, struct refusal *r)
{
    struct str body = server_body(call->req);

    if (call_media_is(call, CE_CONTENT_TYPE))
        return read_one(ev, body, r);
    if (call_media_is(call, "application/cloudevents-batch+json"))
        return read_batch(ev, body, r);
    if (call_media_is(call, "application/json") && server_header(call->req, "ce-specversion").p)
        return read_binary(ev, call, r);
    return refusal_set(r, 415,
                       "Taken are application/cloudevents+json, application/cloudevents-batch+json, and "
                       "application/json with ce- headers.");
}

/* Attributes from headers may hold anything: what goes out is read once more, as its consumers will. */
static bool
write_one(const struct intake *in, struct buf *text, struct refusal *r)
{
    struct err e = {0};
    struct ce ce;
    enum res res;

    intake_write(in, text);
    if (text->failed)
        return refusal_set(r, 503, "Out of memory.");
    res = ce_from_json(buf_view(text), &ce, &e);
    ce_free(&ce);
    return res == RES_OK || refusal_set(r, 400, "The attributes make no CloudEvent: %s", e.text);
}

static bool
admit_all(struct events *ev, const struct call *call, struct refusal *r)
{
    const struct intake_from from = {call->who, call_traceparent(call), call_now_us(call)};

    for (unsigned i = 0; i < ev->n; i++) {
        ev->text[i] = buf_make((size_t)call->gw->set.body_max + GATEWAY_ENVELOPE_MAX);
        if (intake_admit(&ev->in[i], &from, r) && write_one(&ev->in[i], &ev->text[i], r))
            continue;
        if (ev->batch) {
            const struct refusal why = *r;
            char at[16];

            snprintf(r->detail, sizeof r->detail, "Event %u of the batch (nothing was stored): %.180s", i + 1,
                     why.detail);
            snprintf(at, sizeof at, "/%u", i);
            refusal_under(r, at);
        }
        return false;
    }
    return true;
}

static struct call_receipt
receipt(const struct intake *in)
{
    const struct ce *ce = &in->ce;

    return (struct call_receipt){ce->id, ce->source, ce->subject, ce->type, in->counts};
}

static void
batch_acknowledged(struct call *call)
{
    const struct events *ev = call->mine;
    struct buf b = buf_make(1 << 20);

    buf_char(&b, '[');
    for (unsigned i = 0; i < ev->n; i++) {
        const struct call_receipt rc = receipt(&ev->in[i]);

        if (i)
            buf_char(&b, ',');
        call_receipt_write(&rc, &b);
    }
    buf_z(&b, "]\n");
    call_reply(call, 202, "application/json", buf_view(&b));
    buf_free(&b);
}

static void
acknowledged(struct call *call)
{
    const struct events *ev = call->mine;
    const struct call_receipt rc = receipt(&ev->in[0]);

    call_accepted(call, &rc);
}

void
events_post(struct call *call)
{
    struct events *ev = calloc(1, sizeof *ev);
    struct call_record rec[BATCH_MAX];
    struct refusal r = {0};

    if (!ev) {
        call_problem(call, 503, "Out of memory.");
        return;
    }
    call->mine = ev;
    call->drop = events_free;
    if (!read_any(ev, call, &r) || !admit_all(ev, call, &r)) {
        call_refuse(call, &r);
        return;
    }
    for (unsigned i = 0; i < ev->n; i++)
        rec[i] = (struct call_record){ev->in[i].ce.subject, buf_view(&ev->text[i])};
    call_publish(call, GATEWAY_REQUESTS, rec, ev->n, ev->batch ? batch_acknowledged : acknowledged);
}
