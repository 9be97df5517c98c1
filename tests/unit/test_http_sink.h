/* test_http_sink: an endpoint that does as it is told, and an owner of jobs who calls it through a sink. Include after
 * cmocka.h. */
#ifndef TESTS_UNIT_TEST_HTTP_SINK_H
#define TESTS_UNIT_TEST_HTTP_SINK_H

#include <stdio.h>
#include <stdlib.h>

#include "common/http/server.h"
#include "common/http/sink.h"
#include "tests/unit/peer.h"

enum { JOBS = 64 };

struct job {
    struct ctx *x;
    enum { READY, FLYING, DONE } at;
    int answers;  /* ever */
    int attempts; /* that failed and were its own */
    int asides;
    int order; /* of those that are done, 1 = the first */
    struct sink_answer last;
    char error[256];
};

struct ctx {
    struct loop *loop;
    struct server *s;
    struct sink *sink;
    struct metrics *metrics;
    char url[96];

    /* the endpoint */
    int status;        /* of /call */
    const char *retry; /* Retry-After of it */
    int poison;        /* the job whose calls are answered 500; -1 = none */
    bool hold;         /* keeps requests in `held` */
    struct server_req *held[JOBS];
    int holds;
    int calls;   /* that came */
    int granted; /* number of the last token */
    int valid;   /* number of the one that is let in; 0 = any call is */
    int refusal; /* code for the others */
    int token_status;
    const char *secret; /* that is accepted; NULL = any */
    int tokens;         /* token requests */

    /* the owner */
    struct job job[JOBS];
    int jobs;
    int done;
    int changes;
    bool inside;
    bool works; /* takes what is to do whenever there is room */
    const char *method;
    int64_t timeout_ms;
};

/* ---- the endpoint ------------------------------------------------------------------------------------------------ */

static bool
let_in(struct ctx *x, struct server_req *req)
{
    char want[64];

    snprintf(want, sizeof want, "Bearer t%d", x->valid);
    return !x->valid || str_is(server_header(req, "authorization"), want);
}

static void
reply(struct ctx *x, struct server_req *req)
{
    char name[16];

    snprintf(name, sizeof name, "%d", x->poison);
    if (x->retry)
        server_set(req, "Retry-After", x->retry);
    server_reply(req, str_is(server_header(req, "x-job"), name) ? 500 : x->status, "text/plain", STR("ok"));
}

static void
on_call(void *arg, struct server_req *req)
{
    struct ctx *x = arg;

    x->calls++;
    if (!let_in(x, req))
        server_reply(req, x->refusal, NULL, STR(""));
    else if (x->hold)
        x->held[x->holds++] = req;
    else
        reply(x, req);
}

static void
on_key(void *arg, struct server_req *req)
{
    struct ctx *x = arg;

    x->calls++;
    if (str_is(server_header(req, "x-api-key"), x->secret))
        reply(x, req);
    else
        server_reply(req, x->refusal, NULL, STR(""));
}

static void
on_token(void *arg, struct server_req *req)
{
    struct ctx *x = arg;
    char text[128];

    x->tokens++;
    snprintf(text, sizeof text, "client_secret=%s", x->secret ? x->secret : "");
    if (x->token_status != 200 || !strstr(server_body(req).p, text)) {
        server_reply(req, x->token_status != 200 ? x->token_status : 401, NULL, STR(""));
        return;
    }
    snprintf(text, sizeof text, "{\"access_token\":\"t%d\",\"token_type\":\"Bearer\",\"expires_in\":3600}",
             ++x->granted);
    server_reply(req, 200, "application/json", str_of(text));
}

static const struct server_route routes[] = {
    {"POST", "/call", on_call}, {"POST", "/key", on_key}, {"POST", "/token", on_token}, {NULL, NULL, NULL}};

static inline void
release(struct ctx *x)
{
    int n = x->holds;

    x->holds = 0;
    for (int i = 0; i < n; i++)
        reply(x, x->held[i]);
}

/* ---- the owner --------------------------------------------------------------------------------------------------- */

static void work(struct ctx *x);

static bool
good(const struct sink_answer *a)
{
    return a->http.fate == CLIENT_ANSWERED && a->http.code < 300;
}

static void
on_answer(void *arg, const struct sink_answer *a)
{
    struct job *j = arg;
    struct ctx *x = j->x;

    assert_false(x->inside);
    assert_int_equal(j->at, FLYING);
    j->answers++;
    j->last = *a;
    j->asides += a->aside;
    snprintf(j->error, sizeof j->error, "%s", a->http.error);
    j->at = good(a) || !x->works ? DONE : READY;
    j->attempts += !good(a) && !a->sick;
    if (j->at == DONE)
        j->order = ++x->done;
    if (x->works)
        work(x);
}

static enum res
start_with(struct ctx *x, int i, const char *const *headers, struct err *e)
{
    char key[16];
    struct sink_call call = {.http = {.method = x->method,
                                      .url = x->url,
                                      .headers = headers,
                                      .body = STR("{}"),
                                      .timeout_ms = x->timeout_ms},
                             .key = {key, 0},
                             .fn = on_answer,
                             .arg = &x->job[i]};
    enum res res;

    call.key.n = (size_t)snprintf(key, sizeof key, "job %d", i);
    x->job[i].x = x;
    x->job[i].at = FLYING;
    x->inside = true;
    res = sink_start(x->sink, &call, e);
    x->inside = false;
    return res;
}

static void
start(struct ctx *x, int i)
{
    char name[32];
    const char *headers[] = {"Content-Type: application/json", name, NULL};

    snprintf(name, sizeof name, "X-Job: %d", i);
    assert_int_equal(start_with(x, i, headers, NULL), RES_OK);
}

/* One that failed, or was told aside, goes behind the others. */
static int
put_behind(const struct job *j)
{
    return j->attempts + j->asides;
}

static int
next_job(const struct ctx *x)
{
    int best = -1;

    for (int i = 0; i < x->jobs; i++)
        if (x->job[i].at == READY && (best < 0 || put_behind(&x->job[i]) < put_behind(&x->job[best])))
            best = i;
    return best;
}

static void
work(struct ctx *x)
{
    for (int i; sink_room(x->sink) && (i = next_job(x)) >= 0;)
        start(x, i);
}

static void
on_changed(void *arg)
{
    struct ctx *x = arg;

    assert_false(x->inside);
    x->changes++;
    if (x->works)
        work(x);
}

/* Gives the owner `n` jobs to see through. */
static inline void
hire(struct ctx *x, int n)
{
    x->works = true;
    x->jobs = n;
    for (int i = 0; i < n; i++)
        x->job[i] = (struct job){.x = x};
    x->done = 0;
    work(x);
}

#define AWAIT(x, condition)                                                                                  \
    do {                                                                                                     \
        int64_t end_ = clk_mono_ms() + 20000;                                                                \
        while (!(condition) && clk_mono_ms() < end_)                                                         \
            loop_turn((x)->loop, 10);                                                                        \
        assert_true(condition);                                                                              \
    } while (0)

static inline struct job *
run(struct ctx *x, int i)
{
    start(x, i);
    AWAIT(x, x->job[i].at == DONE);
    return &x->job[i];
}

static inline enum valve_mode
mode(struct ctx *x)
{
    return sink_state(x->sink).mode;
}

/* ---- set-up ------------------------------------------------------------------------------------------------------ */

static inline void
path(struct ctx *x, const char *to)
{
    snprintf(x->url, sizeof x->url, "http://127.0.0.1:%u%s", server_port(x->s), to);
}

/* Short times between probes unless others are given. */
static inline void
make(struct ctx *x, struct sink_opts o)
{
    struct err e = {0};

    sink_free(x->sink);
    o.valve.probe.min_ms = o.valve.probe.min_ms ? o.valve.probe.min_ms : 10;
    o.valve.probe.max_ms = o.valve.probe.max_ms ? o.valve.probe.max_ms : 20;
    o.changed = on_changed;
    o.arg = x;
    o.name = "toko";
    o.metrics = x->metrics;
    o.metric_prefix = "t_sink";
    if (sink_new(x->loop, &o, &x->sink, &e) != RES_OK)
        fail_msg("%s", e.text);
}

static inline void
make_oauth(struct ctx *x, struct sink_opts o)
{
    static char token[96];

    snprintf(token, sizeof token, "http://127.0.0.1:%u/token", server_port(x->s));
    o.auth = (struct auth_opts){
        .kind = AUTH_OAUTH2, .id = "a", .secret = "right-0", .token_url = token, .secret_in_body = true};
    x->valid = 1;
    make(x, o);
}

static int
setup(void **state)
{
    struct server_opts so = {.listen = "127.0.0.1:0", .body_max = 1000};
    struct ctx *x = calloc(1, sizeof *x);
    struct err e = {0};

    assert_int_equal(loop_new(&x->loop, &e), RES_OK);
    assert_int_equal(server_new(x->loop, &so, routes, x, &x->s, &e), RES_OK);
    x->metrics = metrics_new();
    x->status = x->token_status = 200;
    x->refusal = 401;
    x->poison = -1;
    x->method = "POST";
    x->jobs = JOBS;
    path(x, "/call");
    make(x, (struct sink_opts){0});
    *state = x;
    return 0;
}

static int
teardown(void **state)
{
    struct ctx *x = *state;

    sink_free(x->sink);
    server_free(x->s);
    metrics_free(x->metrics);
    loop_free(x->loop);
    free(x);
    return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
