/* POST /v1/callbacks/bedelau: what Bedelau says by itself, signed as Standard Webhooks say. */
#include "common/http/webhook.h"

#include <stdlib.h>

#include "common/base/caltime.h"
#include "common/base/log.h"
#include "common/json/scan.h"
#include "common/kafka/ce.h"
#include "producers/gateway/form.h"
#include "producers/gateway/handlers.h"
#include "workers/sop/names.h"

/* Ids are the sender's: apart from those that the gateway derives. */
#define CALLBACK_SOURCE GATEWAY_SOURCE "/callback"

enum { ID_MAX = 255 };

struct callback {
    struct buf store; /* decoded text */
    struct str nomor;
};

static void
callback_free(void *mine)
{
    struct callback *cb = mine;

    buf_free(&cb->store);
    free(cb);
}

static void
verify(struct call *call, enum res *res, struct err *e)
{
    const struct gateway *gw = call->gw;
    struct str secrets[GATEWAY_SECRETS_MAX];
    const struct webhook w = {server_header(call->req, "webhook-id"),
                              server_header(call->req, "webhook-timestamp"),
                              server_header(call->req, "webhook-signature"), server_body(call->req)};

    for (size_t i = 0; i < gw->nsecrets; i++)
        secrets[i] = str_of(gw->secret[i]);
    *res = webhook_verify(&w, secrets, gw->nsecrets, call_now_us(call) / 1000000, gw->set.tolerance_ms / 1000,
                          e);
}

static bool
id_ok(struct str id)
{
    if (!id.n || id.n > ID_MAX)
        return false;
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] <= 0x20 || id.p[i] >= 0x7f)
            return false;
    return true;
}

static bool
read_body(struct callback *cb, struct str body, struct refusal *r)
{
    struct buf *store = &cb->store;
    int64_t urutan;
    int64_t waktu_us;

    if (!form_check(body, r))
        return false;
    cb->nomor = form_text(body, "nomor_permohonan", store);
    if (!nomor_ok(cb->nomor))
        return refusal_set(r, 422, "nomor_permohonan is missing or malformed.");
    if (!form_text(body, "id_integrasi", store).n || !form_text(body, "status", store).n)
        return refusal_set(r, 422, "id_integrasi and status must be given.");
    if (!scan_int(scan_get(body, "urutan"), &urutan) || urutan < 0)
        return refusal_set(r, 422, "urutan must be a whole number from 0: callbacks are put in order by it.");
    if (!caltime_parse(form_text(body, "waktu", store), &waktu_us))
        return refusal_set(r, 422, "waktu must be an RFC 3339 date and time.");
    return true;
}

static void
acknowledged(struct call *call)
{
    const struct callback *cb = call->mine;
    const struct call_receipt rc = {server_header(call->req, "webhook-id"), STR(CALLBACK_SOURCE), cb->nomor,
                                    str_of(fact_type_name(FACT_CALLBACK)), 0};

    call_accepted(call, &rc);
}

static void
publish(struct call *call)
{
    const struct callback *cb = call->mine;
    struct str body = server_body(call->req);
    struct buf text = buf_make(body.n + 8192);
    const struct ce_out o = {.id = server_header(call->req, "webhook-id"),
                             .source = STR(CALLBACK_SOURCE),
                             .type = str_of(fact_type_name(FACT_CALLBACK)),
                             .subject = cb->nomor,
                             .traceparent = call_traceparent(call),
                             .time_us = call_now_us(call),
                             .data = body};
    struct call_record rec = {.key = cb->nomor};

    ce_write(&o, &text);
    rec.value = buf_view(&text);
    if (text.failed)
        call_problem(call, 503, "Out of memory.");
    else
        call_publish(call, GATEWAY_CALLBACKS, &rec, 1, acknowledged);
    buf_free(&text);
}

static bool
trusted(struct call *call)
{
    struct err e = {0};
    enum res res;

    if (!call->gw->nsecrets) {
        call_problem(call, 503, "No callback secret is configured here.");
        return false;
    }
    verify(call, &res, &e);
    if (res == RES_OK)
        return true;
    log_warn("a callback was refused", LOG_Z("why", e.text));
    if (res == RES_REJECT)
        call_problem(call, 401, "%s.", e.text);
    else
        call_problem(call, 503, "The signature cannot be verified now.");
    return false;
}

void
callbacks_post(struct call *call)
{
    struct callback *cb;
    struct refusal r = {0};

    if (!trusted(call))
        return;
    cb = calloc(1, sizeof *cb);
    if (!cb) {
        call_problem(call, 503, "Out of memory.");
        return;
    }
    call->mine = cb;
    call->drop = callback_free;
    cb->store = buf_make(4096);
    if (!call_media_is(call, "application/json"))
        call_problem(call, 415, "A callback is sent as application/json.");
    else if (!id_ok(server_header(call->req, "webhook-id")))
        call_problem(call, 400, "webhook-id must be 1 to %d printable characters.", ID_MAX);
    else if (!read_body(cb, server_body(call->req), &r))
        call_refuse(call, &r);
    else
        publish(call);
}
