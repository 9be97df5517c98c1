/* PUT and GET /v1/documents/{sha256}: attachments, named by what they hold. Whoever has the bytes may own them too. */
#include <stdio.h>

#include "producers/gateway/handlers.h"
#include "producers/gateway/noted.h"

enum { MIME_MAX = 100 };

/* $1 sha256, $2 size, $3 mime, $4 data, $5 owners. */
static const struct pg_stmt put = {
    "gateway_document_put",
    "with doc as (insert into document (sha256, size, mime, data) values ($1::bytea, $2::bigint, $3, "
    "$4::bytea)"
    "    on conflict do nothing returning 1),"
    " own as (insert into document_owner (sha256, kode_opd) select $1::bytea, k from unnest($5::text[]) k"
    "    on conflict do nothing returning 1)"
    " select exists (select from doc), (select count(*) from own)"};

/* $1 sha256, $2 owners, $3 an officer asks; every look is written down. */
static const struct pg_stmt get = {
    "gateway_document_get", NOTED_SEEN
    "select mime, data from document d where d.sha256 = $1::bytea"
    "    and ($3::bool or exists (select from document_owner o"
    "      where o.sha256 = d.sha256 and o.kode_opd = any ($2::text[])))" NOTED_ROW(
        "$4", "document.read", "encode($1::bytea, 'hex')", "$5", "$6", "$7") " select mime, data from seen"};

static void
arg_opd(struct call *call)
{
    pg_array(&call->args, PG_TEXT);
    for (unsigned i = 0; i < call->who->nopd; i++)
        pg_elem_text(&call->args, call->who->opd[i]);
    pg_array_end(&call->args);
}

/* What was declared, where it is a plain media type. */
static struct str
mime_of(const struct call *call)
{
    struct str type = server_header(call->req, "Content-Type");
    bool slash = false;
    size_t n = 0;

    for (; n < type.n && type.p[n] != ';'; n++) {
        char c = type.p[n];

        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '<' || c == '>')
            return STR("application/octet-stream");
        slash |= c == '/';
    }
    if (!slash || n > MIME_MAX)
        return STR("application/octet-stream");
    return (struct str){type.p, n};
}

static void
on_put(struct call *call, const PGresult *r)
{
    call->mine = pg_int(r, 0, 0) ? call : NULL; /* a mark: stored now */
}

static void
stored(struct call *call)
{
    struct str sha = server_seg(call->req, 0);
    struct buf b = buf_make(512);
    int status = call->mine ? 201 : 200;

    buf_printf(&b, "{\"sha256\":\"%.*s\",\"ukuran\":%zu,\"uri\":\"urn:sha256:%.*s\"}\n", STR_FMT(sha),
               server_body(call->req).n, STR_FMT(sha));
    call_reply(call, status, "application/json", buf_view(&b));
    buf_free(&b);
}

/* Lower-case hex only, so that one document has one name. */
static bool
name_ok(struct str hex, unsigned char sha[HASH_SIZE])
{
    for (size_t i = 0; i < hex.n; i++)
        if (hex.p[i] >= 'A' && hex.p[i] <= 'F')
            return false;
    return hash_unhex(hex, sha, HASH_SIZE);
}

void
documents_put(struct call *call)
{
    struct str body = server_body(call->req);
    unsigned char named[HASH_SIZE];
    unsigned char sha[HASH_SIZE];

    if (!name_ok(server_seg(call->req, 0), named)) {
        call_problem(call, 422, "A document's name is its SHA-256: 64 lower-case hexadecimal digits.");
        return;
    }
    hash_sha256(body, sha);
    if (!hash_same(sha, named, HASH_SIZE)) {
        call_problem(call, 422, "The body's SHA-256 is another than the one in the path.");
        return;
    }
    pg_arg_text(&call->args, (struct str){(const char *)sha, HASH_SIZE});
    pg_arg_int8(&call->args, (int64_t)body.n);
    pg_arg_text(&call->args, mime_of(call));
    pg_arg_text(&call->args, body.n ? body : STR(""));
    arg_opd(call);
    call_query(call, &put, on_put, stored);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static void
on_get(struct call *call, const PGresult *r)
{
    if (PQntuples(r) == 1)
        noted_keep(call, pg_text(r, 0, 0), pg_text(r, 0, 1));
    else
        noted_none(call);
}

static void
not_found(struct call *call)
{
    call_problem(call, 404, "There is no such document.");
}

static void
give(struct call *call)
{
    server_set(call->req, "X-Content-Type-Options", "nosniff");
    server_set(call->req, "Content-Disposition", "attachment");
    if (!noted_give(call))
        not_found(call);
}

/* For a department's own token it is the department's; a token for all says whose the document must be. */
static void
arg_owner(struct call *call)
{
    if (!auth_is_reader(call->who)) {
        arg_opd(call);
        return;
    }
    pg_array(&call->args, PG_TEXT);
    pg_elem_text(&call->args, server_query(call->req, "kode_opd"));
    pg_array_end(&call->args);
}

void
documents_get(struct call *call)
{
    unsigned char sha[HASH_SIZE];

    if (auth_is_reader(call->who) && !server_query(call->req, "kode_opd").n) {
        call_problem(call, 422, "A token for all departments must name one: ?kode_opd=.");
        return;
    }
    if (!name_ok(server_seg(call->req, 0), sha)) {
        not_found(call);
        return;
    }
    pg_arg_text(&call->args, (struct str){(const char *)sha, HASH_SIZE});
    arg_owner(call);
    pg_arg_bool(&call->args, auth_is_officer(call->who));
    if (noted_args(call, auth_is_reader(call->who) ? server_query(call->req, "kode_opd") : STR_NULL))
        call_query(call, &get, on_get, give);
}
