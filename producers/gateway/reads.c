/* GET /v1/requests/{nomor}, its timeline, and whether an event is stored. A department sees its own only; what is not
 * its own is answered like what does not exist. */
#include "common/base/caltime.h"
#include "common/json/scan.h"
#include "producers/gateway/form.h"
#include "producers/gateway/handlers.h"
#include "producers/gateway/intake.h"
#include "producers/gateway/noted.h"
#include "workers/sop/fact.h"
#include "workers/sop/names.h"

/* Both: $1 what, $2 an officer asks, $3 the departments, $4 to $7 as noted_args says. Findings and notes are in an officer's words,
 * reasons in anybody's: each look is written down. */
#define NOTED(action) NOTED_ROW("$4", action, "$1", "$5", "$6", "$7") " select told from seen"

static const struct pg_stmt request = {
    "gateway_request", NOTED_SEEN
    "select (select row_to_json(x) from (select r.nomor_permohonan, r.revisi, r.putaran, r.versi, r.status,"
    "   r.terlambat, r.giliran, r.giliran_sejak, r.kode_opd, r.nama_opd, r.nama_sistem, r.submitted_at,"
    "   r.checked_at, r.accepted_at, r.returned_at, r.integrated_at, r.id_integrasi, r.temuan::json as "
    "temuan,"
    "   r.jumlah_pengembalian, r.updated_at,"
    "   (select coalesce(json_agg(c order by c.revisi, c.mulai), '[]') from (select k.tahap, k.revisi, "
    "k.mulai,"
    "     k.batas, k.satuan, k.status, k.berakhir, k.hari_terpakai from clock k"
    "     where k.nomor_permohonan = r.nomor_permohonan) c) as jam) x)::text as told"
    "  from request r where r.nomor_permohonan = $1::text and r.status is not null"
    "   and ($2::bool or r.kode_opd = any ($3::text[]))" NOTED("request.read")};

/* A number that an outsider wrote may be anything: it is told as one where it is one. */
#define NUMBER(column) "case when t." column " ~ '^[0-9]{1,9}$' then t." column "::int end as " column

static const struct pg_stmt timeline = {
    "gateway_timeline", NOTED_SEEN
    "select json_build_object('nomor_permohonan', r.nomor_permohonan, 'riwayat',"
    "   (select coalesce(json_agg(json_strip_nulls(row_to_json(x))), '[]')"
    "    from (select t.waktu, e.type as tipe, e.source, e.id, " NUMBER("revisi") ", " NUMBER(
        "putaran") ","
                   "      t.hasil as ringkasan, t.tahap, t.keterangan, t.batas, t.batas_lama, t.temuan"
                   "      from v_timeline t join event e on e.subject = t.nomor_permohonan and e.seq = t.seq"
                   "      where t.nomor_permohonan = r.nomor_permohonan order by t.waktu, t.seq) x))::text "
                   "as told"
                   "  from request r where r.nomor_permohonan = $1::text and r.status is not null"
                   "   and ($2::bool or r.kode_opd = any ($3::text[]))" NOTED("timeline.read")};

/* Says only whether it is there: nothing of a person. */
static const struct pg_stmt event = {"gateway_event", "select at from event_id where key = $1::bytea"};

static void
arg_who(struct call *call)
{
    pg_arg_bool(&call->args, auth_is_officer(call->who));
    pg_array(&call->args, PG_TEXT);
    for (unsigned i = 0; i < call->who->nopd; i++)
        pg_elem_text(&call->args, call->who->opd[i]);
    pg_array_end(&call->args);
}

static void
on_json(struct call *call, const PGresult *r)
{
    if (PQntuples(r) == 1)
        noted_keep(call, STR("application/json"), pg_text(r, 0, 0));
    else
        noted_none(call);
}

static void
not_found(struct call *call)
{
    call_problem(call, 404, "There is no such request.");
}

static void
give(struct call *call)
{
    if (!noted_give(call))
        not_found(call);
}

static void
read_nomor(struct call *call, const struct pg_stmt *stmt)
{
    struct str nomor = server_seg(call->req, 0);

    if (!nomor_ok(nomor)) {
        not_found(call);
        return;
    }
    pg_arg_text(&call->args, nomor);
    arg_who(call);
    if (noted_args(call, STR_NULL))
        call_query(call, stmt, on_json, give);
}

void
reads_request(struct call *call)
{
    read_nomor(call, &request);
}

void
reads_timeline(struct call *call)
{
    read_nomor(call, &timeline);
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

/* The key under which the record keeps (source, id). */
static void
event_key(struct str source, struct str id, unsigned char sha[HASH_SIZE])
{
    struct buf b = buf_make(1 << 16);

    buf_printf(&b, "%zu:", source.n);
    buf_str(&b, source);
    buf_printf(&b, "%zu:", id.n);
    buf_str(&b, id);
    hash_sha256(buf_view(&b), sha);
    buf_free(&b);
}

static void
on_event(struct call *call, const PGresult *r)
{
    bool stored = PQntuples(r) > 0;
    struct buf b = buf_make(1 << 16);
    char when[CALTIME_TEXT];

    buf_printf(&b, "{\"stored\":%s,\"source\":", stored ? "true" : "false");
    buf_json(&b, server_seg(call->req, 0));
    buf_z(&b, ",\"id\":");
    buf_json(&b, server_seg(call->req, 1));
    if (stored) {
        caltime_format(pg_time(r, 0, 0), when);
        buf_printf(&b, ",\"diterima\":\"%s\"", when);
    }
    buf_z(&b, "}\n");
    if (b.failed)
        call_problem(call, 503, "Out of memory.");
    else
        call_reply(call, 200, "application/json", buf_view(&b));
    buf_free(&b);
}

static void
event_unknown(struct call *call)
{
    call_problem(call, 404, "There is no such source.");
}

void
reads_event(struct call *call)
{
    struct str source = server_seg(call->req, 0);
    struct str opd = fact_sender(source);
    unsigned char sha[HASH_SIZE];

    if (!auth_is_officer(call->who) && (!opd.p || !auth_owns(call->who, opd))) {
        event_unknown(call);
        return;
    }
    /* what is no UTF-8 names no event, and could not be told in JSON */
    if (!scan_utf8(source) || !scan_utf8(server_seg(call->req, 1))) {
        call_problem(call, 400, "source and id are percent-encoded UTF-8.");
        return;
    }
    event_key(source, server_seg(call->req, 1), sha);
    pg_arg_text(&call->args, (struct str){(const char *)sha, 16});
    call_query(call, &event, on_event, event_unknown);
}
