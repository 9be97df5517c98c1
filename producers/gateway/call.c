#include "producers/gateway/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/base/log.h"
#include "common/kafka/ce.h"
#include "producers/gateway/intake.h"

static struct loop *
loop_of(const struct call *call)
{
    return call->gw->app->loop;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void
free_if_done(struct call *call)
{
    struct gateway *gw = call->gw;

    if (!call->gone || call->pending)
        return;
    if (call->drop)
        call->drop(call->mine);
    auth_unref(call->who);
    pg_args_free(&call->args);
    free(call);
    gw->calls--;
    if (gw->stopping && !gw->calls)
        app_quit(gw->app, APP_OK);
}

static void
stop_waiting(struct call *call)
{
    loop_timer_stop(loop_of(call), &call->limit);
    if (call->counted)
        call->who->load->calls--;
    call->counted = false;
    pg_turn_cancel(call->gw->app->pg, &call->turn);
}

/* The server has done with the request, answered or not. */
static void
on_gone(void *mine)
{
    struct call *call = mine;

    stop_waiting(call);
    call->req = NULL;
    call->gone = true;
    free_if_done(call);
}

/* ---- answers ---------------------------------------------------------------------------------------------------- */

static void
count(struct call *call, int status)
{
    struct gateway *gw = call->gw;
    unsigned i = call->route->index;

    metric_add(gw->answers[i][status >= 500 ? 2 : status >= 400 ? 1 : 0], 1);
    metric_observe(gw->seconds[i], (double)(clk_mono_ms() - call->began_ms) / 1000);
}

void
call_reply(struct call *call, int status, const char *content_type, struct str body)
{
    struct server_req *req = call->req;

    if (!req)
        return;
    call->req = NULL;
    stop_waiting(call);
    count(call, status);
    if (status == 503 || status == 429)
        server_set(req, "Retry-After", status == 503 ? "5" : "1");
    server_reply(req, status, content_type, body);
}

static void
write_places(const struct refusal *r, struct buf *b)
{
    for (unsigned i = 0; i < r->places; i++) {
        buf_z(b, i ? ",{\"lokasi\":" : ",\"kesalahan\":[{\"lokasi\":");
        buf_json(b, str_of(r->place[i]));
        buf_z(b, ",\"pesan\":\"Isian ini tidak boleh dikirim.\"}");
    }
    if (r->places)
        buf_char(b, ']');
}

static void
answer_problem(struct call *call, int status, const struct refusal *r)
{
    struct buf b = buf_make(16384);

    buf_z(&b, "{\"type\":\"about:blank\",\"title\":");
    buf_json(&b, str_of(refusal_title(status)));
    buf_printf(&b, ",\"status\":%d,\"detail\":", status);
    buf_json(&b, str_of(r->detail));
    write_places(r, &b);
    buf_z(&b, "}\n");
    if (call->req && status == 401)
        server_set(call->req, "WWW-Authenticate", "Bearer");
    call_reply(call, status, "application/problem+json", b.failed ? STR("{}\n") : buf_view(&b));
    buf_free(&b);
}

void
call_problem(struct call *call, int status, const char *fmt, ...)
{
    struct refusal r = {0};
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r.detail, sizeof r.detail, fmt, ap);
    va_end(ap);
    answer_problem(call, status, &r);
}

void
call_refuse(struct call *call, const struct refusal *r)
{
    answer_problem(call, r->status ? r->status : 500, r);
}

void
call_receipt_write(const struct call_receipt *r, struct buf *out)
{
    buf_z(out, "{\"id\":");
    buf_json(out, r->id);
    buf_z(out, ",\"source\":");
    buf_json(out, r->source);
    buf_z(out, ",\"nomor_permohonan\":");
    buf_json(out, r->nomor);
    buf_z(out, ",\"type\":");
    buf_json(out, r->type);
    if (r->revisi) {
        buf_z(out, ",\"revisi\":");
        buf_int(out, r->revisi);
    }
    buf_char(out, '}');
}

void
call_accepted(struct call *call, const struct call_receipt *r)
{
    struct buf b = buf_make(16384);

    call_receipt_write(r, &b);
    buf_char(&b, '\n');
    if (b.failed)
        call_problem(call, 500, "The receipt could not be written, but the event was stored.");
    else
        call_reply(call, 202, "application/json", buf_view(&b));
    buf_free(&b);
}

static void
on_limit(void *arg)
{
    struct call *call = arg;

    call_problem(call, 503, "%s did not answer in time; send the same again later.", call->waits_for);
}

/* ---- Postgres --------------------------------------------------------------------------------------------------- */

static void
on_rows(void *arg, const PGresult *r)
{
    struct call *call = arg;

    if (call->rows && call->req)
        call->rows(call, r);
}

static void
answer_failure(struct call *call, const struct pg_end *end)
{
    if (end->res == RES_REJECT && !call->noted) { /* of a look all values were checked before */
        call_problem(call, 400, "The database does not accept these values.");
        return;
    }
    log_warn("a statement failed", LOG_Z("statement", call->stmt->name), LOG_Z("sqlstate", end->state),
             LOG_Z("why", end->text));
    call_problem(
        call, 503,
        call->noted
            ? "The read cannot be written into the audit log now, so nothing is shown; ask again later."
            : "The database cannot do this now; send the same again later.");
}

static void
on_end(void *arg, const struct pg_end *end)
{
    struct call *call = arg;
    struct pg *pg = call->gw->app->pg;

    pg_done(pg);
    call->pending--;
    if (call->gone || !call->req)
        free_if_done(call);
    else if (end->res == RES_OK)
        call->then(call);
    else if (end->res == RES_RETRY && !pg_up(pg))
        pg_turn(pg, &call->turn); /* the limit bounds it */
    else
        answer_failure(call, end);
}

static void
on_turn(void *arg)
{
    struct call *call = arg;

    call->pending++;
    pg_send(call->gw->app->pg, call->stmt, &call->args, on_rows, call);
    pg_sync(call->gw->app->pg, on_end, call);
}

void
call_query(struct call *call, const struct pg_stmt *stmt, call_rows_fn rows, call_fn then)
{
    call->stmt = stmt;
    call->rows = rows;
    call->then = then;
    call_query_again(call);
}

void
call_query_again(struct call *call)
{
    call->waits_for = "The database";
    if (call->args.bytes.failed)
        call_problem(call, 503, "Out of memory.");
    else if (call->req)
        pg_turn(call->gw->app->pg, &call->turn);
}

/* ---- Kafka ------------------------------------------------------------------------------------------------------ */

static void
settle(struct call *call)
{
    if (!call->req || call->unacked)
        return;
    if (call->delivery == RES_OK)
        call->then(call);
    else if (call->delivery == RES_REJECT)
        call_problem(call, 413, "The event is larger than the topic takes.");
    else
        call_problem(call, 503, "The broker did not acknowledge the event; send the same again later.");
}

static void
on_report(void *arg, enum res res, const char *why)
{
    struct call *call = arg;
    struct gateway *gw = call->gw;

    metric_add(res == RES_OK ? gw->delivered : gw->undelivered, 1);
    if (res != RES_OK)
        log_warn("an event was not acknowledged", LOG_Z("route", call->route->name), LOG_Z("why", why));
    if (res > call->delivery)
        call->delivery = res;
    call->pending--;
    call->unacked--;
    settle(call);
    free_if_done(call);
}

static enum res
send_one(struct call *call, const char *topic, const struct call_record *rec, struct err *e)
{
    const struct producer_header type = {"content-type", STR(CE_CONTENT_TYPE)};
    const struct producer_record r = {topic, rec->key, rec->value, &type, 1};
    enum res res = producer_send(call->gw->producer, &r, on_report, call, e);

    if (res == RES_OK) {
        call->pending++;
        call->unacked++;
    }
    return res;
}

void
call_publish(struct call *call, enum gateway_topic topic, const struct call_record *rec, unsigned n,
             call_fn then)
{
    struct err e = {0};

    call->waits_for = "The broker";
    call->then = then;
    call->delivery = RES_OK;
    for (unsigned i = 0; i < n && call->delivery == RES_OK; i++)
        call->delivery = send_one(call, call->gw->topic[topic], &rec[i], &e);
    if (call->delivery != RES_OK)
        log_warn("an event was not taken by the Kafka client", LOG_Z("why", e.text));
    settle(call);
}

/* ---- what was asked --------------------------------------------------------------------------------------------- */

bool
call_media_is(const struct call *call, const char *want)
{
    struct str type = server_header(call->req, "Content-Type");
    size_t n = 0;

    while (n < type.n && type.p[n] != ';' && type.p[n] != ' ')
        n++;
    return n == strlen(want) && strncasecmp(type.p, want, n) == 0;
}

bool
call_idempotency_key(struct call *call, struct str *key)
{
    bool ok;

    *key = server_header(call->req, "Idempotency-Key");
    if (!key->p)
        return true;
    ok = key->n > 0 && key->n <= 255;
    for (size_t i = 0; ok && i < key->n; i++)
        ok = key->p[i] > 0x20 && key->p[i] < 0x7f;
    if (!ok)
        call_problem(call, 400, "Idempotency-Key must be 1 to 255 printable characters without blanks.");
    return ok;
}

struct str
call_traceparent(const struct call *call)
{
    return intake_traceparent(server_header(call->req, "traceparent"));
}

int64_t
call_now_us(const struct call *call)
{
    return clk_us(call->gw->app->clk);
}

/* ---- who asks --------------------------------------------------------------------------------------------------- */

/* What this token may not do here; NULL when it may. */
static const char *
forbidden(unsigned flags, const struct auth *who)
{
    bool officer = auth_is_officer(who);

    if (officer && !who->aktif)
        return "The officer is not active.";
    if (auth_is_reader(who) && !(flags & CALL_READER))
        return "This token reads documents only.";
    if (flags & CALL_OFFICER && !officer)
        return "Only officers may do this.";
    if (flags & CALL_OPD && (officer || !who->nopd))
        return "Only a department's token may do this.";
    return NULL;
}

/* A token's calls are counted from here until they are answered. */
static bool
too_many(struct call *call)
{
    if (!call->who)
        return false;
    call->counted = true;
    return ++call->who->load->calls > call->gw->set.token_calls;
}

/* The body's bytes are what is checked and stored: nothing here unpacks them. */
static bool
is_packed(const struct call *call)
{
    struct str coding = server_header(call->req, "Content-Encoding");

    return coding.n && (coding.n != 8 || strncasecmp(coding.p, "identity", 8) != 0);
}

static void
admit(struct call *call)
{
    unsigned flags = call->route->flags;
    int64_t max = flags & CALL_LARGE ? GATEWAY_DOCUMENT_MAX : call->gw->set.body_max;
    const char *why = call->who ? forbidden(flags, call->who) : NULL;

    pg_args_reset(&call->args);
    if (why)
        call_problem(call, 403, "%s", why);
    else if (too_many(call))
        call_problem(call, 429,
                     "Too many requests of this token wait already; send this one again in a moment.");
    else if (is_packed(call))
        call_problem(call, 415, "The body is taken as it is, without a Content-Encoding.");
    else if ((int64_t)server_body(call->req).n > max)
        call_problem(call, 413, "The body is longer than %lld bytes.", (long long)max);
    else
        call->route->fn(call);
}

static void
take_token(struct call *call, const PGresult *r)
{
    struct gateway *gw = call->gw;

    auth_unref(call->who);
    call->who = auth_from_row(r, call->token);
    if (call->who && gw->cache)
        auth_cache_put(gw->cache, call->who, clk_mono_ms() + gw->set.cache_ms);
}

static void
token_read(struct call *call)
{
    if (call->who)
        admit(call);
    else
        call_problem(call, 401, "The token is unknown, expired or revoked.");
}

static void
identify(struct call *call)
{
    struct str token = auth_bearer(server_header(call->req, "Authorization"));

    if (!token.p) {
        call_problem(call, 401, "A bearer token is needed.");
        return;
    }
    hash_sha256(token, call->token);
    call->who = auth_cache_get(call->gw->cache, call->token, clk_mono_ms(), call_now_us(call));
    if (call->who) {
        admit(call);
        return;
    }
    pg_arg_text(&call->args, (struct str){(const char *)call->token, HASH_SIZE});
    call_query(call, &auth_lookup, take_token, token_read);
}

void
call_begin(void *arg, struct server_req *req, const struct call_route *route)
{
    struct app *app = arg;
    struct gateway *gw = app->self;
    struct call *call = calloc(1, sizeof *call);

    if (!call) {
        server_problem(req, 503, "Service Unavailable", "Out of memory.");
        return;
    }
    *call = (struct call){.gw = gw, .req = req, .route = route, .args = pg_args_make()};
    call->began_ms = clk_mono_ms();
    call->waits_for = "The server";
    call->limit = (struct loop_timer){.fn = on_limit, .arg = call};
    call->turn = (struct pg_turn){.fn = on_turn, .arg = call};
    gw->calls++;
    server_keep(req, call, on_gone);
    loop_timer_set(app->loop, &call->limit, gw->set.delivery_ms);
    if (route->flags & CALL_OPEN)
        admit(call);
    else
        identify(call);
}
