#include "workers/integrator/integrator.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/caltime.h"
#include "common/base/log.h"
#include "common/json/scan.h"
#include "workers/integrator/gate.h"
#include "workers/integrator/settle_priv.h"

enum { URL_MAX = 2000, HEADERS = 28, HEADER_MAX = 400 };

struct calling {
    struct worker *w;
    struct answer *a;
};

void
call_free_answer(void *answer)
{
    struct answer *a = answer;

    free(a->body);
    free(a);
}

/* ---- the answer's way back -------------------------------------------------------------------------------------- */

static void
count_call(const struct integrator *n, const struct client_answer *ca)
{
    unsigned i = ca->fate == CLIENT_ANSWERED ? (ca->code < 300 ? 0 : 1) : ca->fate == CLIENT_NOT_SENT ? 2 : 3;

    metric_add(n->m_calls[i], 1);
    metric_observe(n->m_seconds, (double)ca->took_us / 1e6);
}

/* The place is free as soon as the answer is here: the transaction that takes it looks for waiting jobs too. */
static void
make_room(struct integrator *n)
{
    n->calling--;
    n->answered++;
}

static void
on_answer(void *arg, const struct sink_answer *sa)
{
    struct calling *c = arg;
    struct answer *a = c->a;
    const struct client_answer *ca = &sa->http;

    a->sick = sa->sick;
    a->alone = sa->alone;
    a->aside = sa->aside;
    a->fate = ca->fate;
    a->code = ca->code;
    a->retry_after_s = ca->retry_after_s;
    a->took_us = ca->took_us;
    snprintf(a->error, sizeof a->error, "%s", ca->error);
    if (ca->body.n && (a->body = malloc(ca->body.n))) {
        memcpy(a->body, ca->body.p, ca->body.n);
        a->body_len = ca->body.n;
    }
    count_call(c->w->own, ca);
    make_room(c->w->own);
    flow_post(c->w->flow, a);
    free(c);
}

/* ---- headers ---------------------------------------------------------------------------------------------------- */

struct headers {
    char url[URL_MAX];
    char text[HEADERS][HEADER_MAX];
    const char *list[HEADERS + 1];
    unsigned n;
};

static void __attribute__((format(printf, 2, 3))) add_header(struct headers *h, const char *fmt, ...)
{
    va_list ap;

    if (h->n == HEADERS)
        return;
    va_start(ap, fmt);
    vsnprintf(h->text[h->n], HEADER_MAX, fmt, ap);
    va_end(ap);
    h->list[h->n] = h->text[h->n];
    h->list[++h->n] = NULL;
}

/* A header of the contract. */
static void
add_named(void *arg, const char *name, struct str value)
{
    add_header(arg, "%s: %.*s", name, STR_FMT(value));
}

/* ---- the call --------------------------------------------------------------------------------------------------- */

/* Which call a step makes. Who cannot ask repeats, and cannot take back or follow what has no id yet. */
static enum panggilan
choose(const struct integrator *n, const struct job *job, enum jenis jenis, bool has_id)
{
    enum panggilan send = CALL_BARU + (enum panggilan)jenis;

    if (str_is(job->step, "send"))
        return send;
    if (str_is(job->step, "cancel") && has_id)
        return CALL_BATAL;
    if (has_id && (str_is(job->step, "poll") || jenis == JENIS_PENCABUTAN))
        return CALL_PANTAU;
    return contract_has(n->contract, CALL_TANYA) ? CALL_TANYA : send;
}

/* The step that the call's answer is an answer to: the job's own, unless another call had to be made. */
static void
name_step(struct answer *a)
{
    if (a->call <= CALL_PENCABUTAN)
        snprintf(a->step, sizeof a->step, "send");
    else if (a->call == CALL_TANYA)
        snprintf(a->step, sizeof a->step, "ask");
}

static void
describe(const struct integrator *n, const struct job *job, struct client_call *call, struct headers *h,
         struct answer *a)
{
    struct str trace = scan_string(scan_get(job->state, "trace"), NULL);
    struct str jenis = scan_string(scan_get(job->state, "jenis"), NULL);
    struct buf url = buf_make(URL_MAX);
    struct arena arena = {0};
    struct str id = scan_text(&arena, scan_get(job->state, "id"));
    char until[CALTIME_TEXT] = "";
    struct map_ctx ctx[] = {{"id", id},       {"nomor", job->subject}, {"kunci", job->key},
                            {"jejak", trace}, {"batas", STR_NULL},     {NULL, STR_NULL}};

    if (job->deadline_us != INT64_MIN) {
        caltime_format(job->deadline_us, until);
        ctx[4].value = str_of(until);
    }
    a->call = choose(n, job, jenis_of(jenis), id.n > 0);
    name_step(a);
    call->method = contract_method(n->contract, a->call);
    if (contract_body(n->contract, a->call))
        call->body = job->body;
    buf_z(&url, n->url);
    if (contract_url(n->contract, a->call, ctx, &url) && !url.failed)
        snprintf(h->url, sizeof h->url, "%s", url.p); /* else it stays empty, and the call is not sent */
    contract_headers(n->contract, a->call, ctx, add_named, h);
    if (call->body.n)
        add_header(h, "Content-Type: %s",
                   call->body.p[0] == '{' ? "application/json" : "application/x-www-form-urlencoded");
    buf_free(&url);
    arena_free(&arena);
}

static struct answer *
make_answer(const struct job *job)
{
    struct answer *a = calloc(1, sizeof *a);
    struct str asal = scan_string(scan_get(job->state, "asal"), NULL);

    if (!a)
        abort();
    snprintf(a->nomor, sizeof a->nomor, "%.*s", STR_FMT(job->subject));
    snprintf(a->key, sizeof a->key, "%.*s", STR_FMT(job->key));
    snprintf(a->step, sizeof a->step, "%.*s", STR_FMT(job->step));
    snprintf(a->asal, sizeof a->asal, "%.*s", STR_FMT(asal));
    a->own.nomor = str_of(a->nomor);
    a->lease = job->lease;
    a->no = job->attempts;
    a->retry_after_s = -1;
    return a;
}

/* A step that makes no call: what is to be decided needs a transaction. */
static void
begin_idle(struct calling *c)
{
    c->a->fate = CLIENT_NOT_SENT;
    make_room(c->w->own);
    flow_post(c->w->flow, c->a);
    free(c);
}

/* Until quiet_until a call may act, so it is sent early enough to have ended by then. */
static int64_t
latest_ms(const struct worker *w, const struct job *job)
{
    const struct integrator *n = w->own;
    int64_t at = clk_mono_ms() + (job->quiet_us - clk_us(w->app->clk)) / 1000 - n->timeout_ms;

    return at > 0 ? at : 1;
}

/* A brake or the end may have come between a claim and its COMMIT: nothing begins after it. */
static bool
held(struct worker *w)
{
    const struct integrator *n = w->own;

    return w->stopping || !gate_open(n->gate);
}

void
call_begin(struct worker *w, const struct job *job)
{
    struct integrator *n = w->own;
    struct calling *c = calloc(1, sizeof *c);
    struct headers h = {.url = ""};
    struct sink_call call = {.http = {.url = h.url, .headers = h.list, .timeout_ms = n->timeout_ms},
                             .key = job->subject,
                             .not_after_ms = latest_ms(w, job),
                             .fn = on_answer,
                             .arg = c};
    struct sink_answer none = {.http = {.fate = CLIENT_NOT_SENT, .retry_after_s = -1}};
    struct err e = {0};

    if (!c)
        abort();
    *c = (struct calling){w, make_answer(job)};
    n->calling++;
    if (job_is_idle(job->step)) {
        begin_idle(c);
        return;
    }
    describe(n, job, &call.http, &h, c->a);
    none.sick = held(w);
    if (none.sick)
        err_set(&e, RES_RETRY, "not sent: no call is to begin");
    else if (contract_body(n->contract, c->a->call) && !job->body.n)
        err_set(&e, RES_REJECT, "its body is not stored");
    else if (sink_start(n->sink, &call, &e) == RES_OK)
        return;
    none.http.error = e.text;
    on_answer(c, &none);
}
