/* POST /v1/requests: a bare form PA.20. Without a number it gets the one of the letter that was registered before, else
 * a new one; the form's own bytes stay as they are. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/caltime.h"
#include "common/base/hash.h"
#include "common/base/id.h"
#include "common/json/scan.h"
#include "common/kafka/ce.h"
#include "producers/gateway/form.h"
#include "producers/gateway/handlers.h"
#include "workers/sop/names.h"

enum { STORE_MAX = 16384 };

struct request {
    struct buf store;            /* decoded text */
    struct str kode, key, nomor; /* key and nomor: STR_NULL when not given */
    unsigned char hash[HASH_SIZE];
    char id[ID_TEXT];
    char source[80];
    int64_t revisi;
    char assigned[65];
    bool same; /* the key was used for these very bytes */
    bool told; /* the statement gave a row */
};

/* $1 kode_opd, $2 key, $3 hash, $4 event id, $5 number given or null, $6 nomor_surat, $7 its year, $8 this year.
 * One statement, so that a number is taken and remembered together or not at all. No row: somebody else used the same
 * key at this moment, ask again. */
static const struct pg_stmt remember = {
    "gateway_remember",
    "with old as (select body_hash, nomor_permohonan, event_id from gateway_idempotency"
    "    where kode_opd = $1 and key = $2),"
    " reg as (select r.nomor_permohonan from request r"
    "    where $5::text is null and $6::text is not null and r.kode_opd = $1 and r.status = 'terdaftar'"
    "      and exists (select from event e where e.subject = r.nomor_permohonan"
    "        and e.type = '" SOP_TYPE_PREFIX "request.registered.v1'"
    "        and e.data::json ->> 'nomor_surat' = $6"
    "        and left(e.data::json ->> 'tanggal_surat', 4) = $7::text)"
    "    order by 1 limit 1),"
    " num as (insert into gateway_number as g (tahun, next) select $8::int, 2"
    "    where $5::text is null and not exists (select from old) and not exists (select from reg)"
    "    on conflict (tahun) do update set next = g.next + 1 returning next - 1 as n),"
    " pick as (select $5::text as nomor where $5::text is not null"
    "    union all select nomor_permohonan from reg"
    "    union all select 'BDL-' || $8::int || '-' || lpad(n::text, greatest(6, length(n::text)), '0') from "
    "num),"
    " new as (insert into gateway_idempotency (kode_opd, key, body_hash, nomor_permohonan, event_id)"
    "    select $1, $2, $3::bytea, nomor, $4 from pick where not exists (select from old)"
    "    on conflict do nothing returning body_hash, nomor_permohonan, event_id)"
    " select * from old union all select * from new"};

static void
request_free(void *mine)
{
    struct request *rq = mine;

    buf_free(&rq->store);
    free(rq);
}

/* ---- reading the form ------------------------------------------------------------------------------------------- */

static bool
read_nomor(struct request *rq, struct str form, struct refusal *r)
{
    if (!scan_get(form, "nomor_permohonan").p)
        return rq->key.p ||
               refusal_set(r, 400,
                           "A form without nomor_permohonan needs the header Idempotency-Key, so that a "
                           "repeat gets the same number.");
    rq->nomor = form_text(form, "nomor_permohonan", &rq->store);
    return nomor_ok(rq->nomor) ||
           refusal_set(r, 422, "nomor_permohonan is 3-64 of A-Z, 0-9, dot and hyphen, or left out.");
}

static bool
read_form(struct request *rq, const struct call *call, struct refusal *r)
{
    struct str form = server_body(call->req);

    if (!form_check(form, r) || !form_no_credentials(form, r))
        return false;
    rq->kode = form_text(form, "kode_opd", &rq->store);
    if (!rq->kode.n)
        return refusal_set(r, 422, "kode_opd is missing.");
    if (!auth_owns(call->who, rq->kode))
        return refusal_set(r, 403, "The token is not bound to the form's kode_opd.");
    snprintf(rq->source, sizeof rq->source, "/opd/%.*s", STR_FMT(rq->kode));
    if (!form_count(scan_get(form, "revisi"), &rq->revisi))
        return refusal_set(r, 422, "revisi must be a whole number from 1.");
    return read_nomor(rq, form, r);
}

/* The same key, or without one the same bytes, make the same id: a repeat is a repeat. */
static void
make_id(struct request *rq, struct str form)
{
    struct str hash = {(const char *)rq->hash, HASH_SIZE};
    const struct str by_key[] = {STR("key"), rq->kode, rq->key};
    const struct str by_bytes[] = {STR("form"), rq->kode, hash};

    hash_sha256(form, rq->hash);
    id_derive(gateway_ns, rq->key.p ? by_key : by_bytes, 3, rq->id);
}

/* ---- telling it ------------------------------------------------------------------------------------------------- */

static void
acknowledged(struct call *call)
{
    const struct request *rq = call->mine;
    const struct call_receipt rc = {str_of(rq->id), str_of(rq->source), rq->nomor,
                                    str_of(fact_type_name(FACT_SUBMITTED)), rq->revisi};
    char where[96];

    snprintf(where, sizeof where, "/v1/requests/%.*s", STR_FMT(rq->nomor));
    server_set(call->req, "Location", where);
    call_accepted(call, &rc);
}

static void
publish(struct call *call, struct str data)
{
    const struct request *rq = call->mine;
    struct buf text = buf_make(data.n + 8192);
    const struct ce_out o = {.id = str_of(rq->id),
                             .source = str_of(rq->source),
                             .type = str_of(fact_type_name(FACT_SUBMITTED)),
                             .subject = rq->nomor,
                             .traceparent = call_traceparent(call),
                             .time_us = call_now_us(call),
                             .ext_name = STR("revisi"),
                             .ext_value = rq->revisi,
                             .data = data};
    struct call_record rec = {.key = rq->nomor};

    ce_write(&o, &text);
    rec.value = buf_view(&text);
    if (text.failed)
        call_problem(call, 503, "Out of memory.");
    else
        call_publish(call, GATEWAY_REQUESTS, &rec, 1, acknowledged);
    buf_free(&text);
}

static void
publish_numbered(struct call *call, bool spliced)
{
    const struct request *rq = call->mine;
    struct str form = server_body(call->req);
    struct buf data = buf_make(form.n + 256);

    if (!spliced) {
        publish(call, form);
        return;
    }
    form_splice(form, rq->nomor, &data);
    if (data.failed)
        call_problem(call, 503, "Out of memory.");
    else
        publish(call, buf_view(&data));
    buf_free(&data);
}

/* ---- with a key ------------------------------------------------------------------------------------------------- */

static void
on_remembered(struct call *call, const PGresult *r)
{
    struct request *rq = call->mine;
    struct str hash, nomor;

    rq->told = PQntuples(r) > 0;
    if (!rq->told)
        return;
    hash = pg_text(r, 0, 0);
    nomor = pg_text(r, 0, 1);
    rq->same = hash.n == HASH_SIZE && hash_same(hash.p, rq->hash, HASH_SIZE);
    snprintf(rq->assigned, sizeof rq->assigned, "%.*s", STR_FMT(nomor));
}

static void
remembered(struct call *call)
{
    struct request *rq = call->mine;
    bool spliced = !rq->nomor.p;

    if (!rq->told) {
        call_query_again(call);
        return;
    }
    if (!rq->same) {
        call_problem(call, 409, "This Idempotency-Key was used for another form.");
        return;
    }
    rq->nomor = str_of(rq->assigned);
    publish_numbered(call, spliced);
}

static void
ask(struct call *call)
{
    struct request *rq = call->mine;
    struct str form = server_body(call->req);
    struct pg_args *a = &call->args;
    int64_t today = caltime_day_at(call_now_us(call), CALTIME_WIB);

    pg_arg_text(a, rq->kode);
    pg_arg_text(a, rq->key);
    pg_arg_text(a, (struct str){(const char *)rq->hash, HASH_SIZE});
    pg_arg_text(a, str_of(rq->id));
    pg_arg_text(a, rq->nomor);
    pg_arg_text(a, form_text(form, "nomor_surat", &rq->store));
    pg_arg_text(a, form_year(form_text(form, "tanggal_surat", &rq->store)));
    pg_arg_int4(a, caltime_date(today).y);
    call_query(call, &remember, on_remembered, remembered);
}

void
requests_post(struct call *call)
{
    struct request *rq = calloc(1, sizeof *rq);
    struct refusal r = {0};

    if (!rq) {
        call_problem(call, 503, "Out of memory.");
        return;
    }
    call->mine = rq;
    call->drop = request_free;
    rq->store = buf_make(STORE_MAX);
    if (!call_media_is(call, "application/json")) {
        call_problem(call, 415, "The form is sent as application/json.");
        return;
    }
    if (!call_idempotency_key(call, &rq->key))
        return;
    if (!read_form(rq, call, &r)) {
        call_refuse(call, &r);
        return;
    }
    make_id(rq, server_body(call->req));
    if (rq->key.p)
        ask(call);
    else
        publish_numbered(call, false);
}
