#include "workers/integrator/integrator.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/caltime.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/json/scan.h"
#include "workers/integrator/gate.h"

enum { URL_MAX = 600, HEADERS = 8, HEADER_MAX = 400 };

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
on_answer(void *arg, const struct client_answer *ca)
{
    struct calling *c = arg;
    struct answer *a = c->a;

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

static void
add_auth(const struct integrator *n, struct headers *h)
{
    struct buf b = buf_make(HEADER_MAX);

    if (n->auth == AUTH_API_KEY)
        add_header(h, "%s: %s", n->auth_header, n->auth_secret);
    else if (n->auth == AUTH_BEARER)
        add_header(h, "Authorization: Bearer %s", n->auth_secret);
    else if (n->auth == AUTH_BASIC) {
        hash_base64(&b, str_of(n->auth_secret));
        add_header(h, "Authorization: Basic %s", b.p ? b.p : "");
    }
    buf_free(&b);
}

static void
add_request(const struct job *job, struct headers *h)
{
    struct str trace = scan_get(job->state, "trace");
    char until[CALTIME_TEXT];

    add_header(h, "Content-Type: application/json");
    add_header(h, "Idempotency-Key: %.*s", STR_FMT(job->key));
    if (scan_kind(trace) == SCAN_STRING && trace.n > 2)
        add_header(h, "traceparent: %.*s", (int)trace.n - 2, trace.p + 1);
    if (job->deadline_us != INT64_MIN) {
        caltime_format(job->deadline_us, until);
        add_header(h, "X-Request-Deadline: %s", until);
    }
}

/* ---- the call --------------------------------------------------------------------------------------------------- */

static bool
id_ok(struct str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", id.p[i]))
            return false;
    return id.n > 0 && id.n < 80;
}

/* "send", "ask", "poll", "cancel" as the endpoint's contract says them. */
static void
describe(const struct integrator *n, const struct job *job, struct client_call *call, char url[URL_MAX],
         struct answer *a)
{
    struct str id = scan_string(scan_get(job->state, "id"), NULL);

    if (id_ok(id))
        snprintf(a->id, sizeof a->id, "%.*s", STR_FMT(id));
    call->method = "GET";
    if (str_is(job->step, "send")) {
        call->method = "POST";
        call->body = job->body;
        snprintf(url, URL_MAX, "%s/api/v1/integrasi", n->url);
    } else if (str_is(job->step, "ask") || !a->id[0]) {
        snprintf(a->step, sizeof a->step, "ask");
        snprintf(url, URL_MAX, "%s/api/v1/integrasi?nomor_permohonan=%.*s", n->url, STR_FMT(job->subject));
    } else {
        call->method = str_is(job->step, "cancel") ? "DELETE" : "GET";
        snprintf(url, URL_MAX, "%s/api/v1/integrasi/%s", n->url, a->id);
    }
}

static struct answer *
make_answer(const struct job *job)
{
    struct answer *a = calloc(1, sizeof *a);

    if (!a)
        abort();
    snprintf(a->nomor, sizeof a->nomor, "%.*s", STR_FMT(job->subject));
    snprintf(a->key, sizeof a->key, "%.*s", STR_FMT(job->key));
    snprintf(a->step, sizeof a->step, "%.*s", STR_FMT(job->step));
    a->own.nomor = str_of(a->nomor);
    a->lease = job->lease;
    a->no = job->attempts;
    a->retry_after_s = -1;
    return a;
}

void
call_begin(struct worker *w, const struct job *job)
{
    struct integrator *n = w->own;
    struct calling *c = calloc(1, sizeof *c);
    struct headers h = {.n = 0};
    char url[URL_MAX];
    struct client_call call = {
        .url = url, .headers = h.list, .timeout_ms = n->timeout_ms, .fn = on_answer, .arg = c};
    struct err e = {0};

    if (!c)
        abort();
    *c = (struct calling){w, make_answer(job)};
    describe(n, job, &call, url, c->a);
    add_auth(n, &h);
    if (call.body.p)
        add_request(job, &h);
    n->calling++;
    gate_pass(n->gate);
    if (client_start(n->client, &call, &e) == RES_OK)
        return;
    on_answer(c, &(struct client_answer){.fate = CLIENT_NOT_SENT, .retry_after_s = -1, .error = e.text});
}
