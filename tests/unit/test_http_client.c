/* The client against our own server and against a raw peer that misbehaves, all in one loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/http/client.h"
#include "common/http/server.h"
#include "tests/unit/peer.h"

enum { CALLS = 8 };

/* What one call came to. */
struct got {
    struct ctx *x;
    int times;
    int order; /* 1 = the first that ended */
    enum client_fate fate;
    enum client_cause cause;
    int code;
    char body[256];
    char location[64];
    char error[512];
    int64_t retry_after_s;
    int64_t took_us;
    bool vetoed;
};

/* A peer on a raw socket: takes connections, reads, and does what `plan` says. */
struct peer {
    struct ctx *x;
    int fd;
    int conn;
    struct loop_fd *watch;
    struct loop_fd *conn_watch;
    const char *answer; /* written after the first request; NULL = nothing */
    bool hold;          /* keeps the connection open after that */
    int conns;
    int reads;
};

struct ctx {
    struct loop *loop;
    struct server *s;
    struct client *c;
    struct peer peer;
    struct got got[CALLS];
    struct server_req *waiting[CALLS];
    int waits;
    int ended;
    bool inside_start;
};

/* ---- our server ----------------------------------------------------------------------------------------------- */

static void
echo(void *arg, struct server_req *req)
{
    struct buf b = buf_make(4096);

    (void)arg;
    buf_printf(&b, "%.*s|%.*s|%.*s|%.*s", STR_FMT(server_method(req)), STR_FMT(server_header(req, "x-a")),
               STR_FMT(server_header(req, "content-type")), STR_FMT(server_body(req)));
    server_set(req, "Location", "/there/1");
    if (server_query(req, "retry").p) {
        char *value = str_dup(server_query(req, "retry"));

        server_set(req, "Retry-After", value);
        free(value);
    }
    server_reply(req, 201, "text/plain", buf_view(&b));
    buf_free(&b);
}

static void
wait(void *arg, struct server_req *req)
{
    struct ctx *x = arg;

    x->waiting[x->waits++] = req;
}

static void
large(void *arg, struct server_req *req)
{
    char *p = calloc(1, 5000);

    (void)arg;
    server_reply(req, 200, NULL, (struct str){p, 5000});
    free(p);
}

static void
half(void *arg, struct server_req *req)
{
    (void)arg;
    server_cut(req, 201, "text/plain", STR("0123456789"), 5);
}

static void
leave(void *arg, struct server_req *req)
{
    (void)arg;
    server_abort(req);
}

static const struct server_route routes[] = {
    {"GET", "/e", echo},     {"POST", "/e", echo},      {"PUT", "/e", echo},
    {"DELETE", "/e", echo},  {"POST", "/w", wait},      {"GET", "/large", large},
    {"POST", "/half", half}, {"POST", "/leave", leave}, {NULL, NULL, NULL},
};

/* ---- the raw peer --------------------------------------------------------------------------------------------- */

static void
peer_read(void *arg, int events)
{
    struct peer *p = arg;
    char part[8192];
    ssize_t n = recv(p->conn, part, sizeof part, 0);

    (void)events;
    p->reads += n > 0;
    if (n > 0 && p->answer && p->reads == 1) {
        assert_int_equal(send(p->conn, p->answer, strlen(p->answer), MSG_NOSIGNAL),
                         (ssize_t)strlen(p->answer));
        if (p->hold)
            return;
    } else if (n > 0 && p->hold && !p->answer) {
        return;
    }
    loop_unwatch(p->conn_watch);
    close(p->conn);
    p->conn = -1;
    p->conn_watch = NULL;
}

static void
peer_accept(void *arg, int events)
{
    struct peer *p = arg;

    (void)events;
    p->conn = accept(p->fd, NULL, NULL);
    p->conns++;
    p->conn_watch = loop_watch(p->x->loop, p->conn, LOOP_READ, peer_read, p);
}

static void
peer_open(struct ctx *x, const char *answer, bool hold)
{
    x->peer = (struct peer){
        .x = x, .fd = peer_listen(INADDR_LOOPBACK, 0), .conn = -1, .answer = answer, .hold = hold};
    x->peer.watch = loop_watch(x->loop, x->peer.fd, LOOP_READ, peer_accept, &x->peer);
}

static void
peer_stop_listening(struct peer *p)
{
    loop_unwatch(p->watch);
    p->watch = NULL;
    close(p->fd);
    p->fd = -1;
}

/* ---- calls ---------------------------------------------------------------------------------------------------- */

static void
on_answer(void *arg, const struct client_answer *a)
{
    struct got *g = arg;

    assert_false(g->x->inside_start);
    g->times++;
    g->order = ++g->x->ended;
    g->fate = a->fate;
    g->cause = a->cause;
    g->code = a->code;
    g->retry_after_s = a->retry_after_s;
    g->took_us = a->took_us;
    g->vetoed = a->vetoed;
    snprintf(g->body, sizeof g->body, "%.*s", (int)(a->body.n < 255 ? a->body.n : 255),
             a->body.n ? a->body.p : "");
    snprintf(g->location, sizeof g->location, "%.*s", STR_FMT(a->location));
    snprintf(g->error, sizeof g->error, "%s", a->error);
}

static void
start(struct ctx *x, int i, struct client_call call)
{
    struct err e = {0};

    x->got[i] = (struct got){.x = x};
    call.fn = on_answer;
    call.arg = &x->got[i];
    x->inside_start = true;
    assert_int_equal(client_start(x->c, &call, &e), RES_OK);
    x->inside_start = false;
    assert_int_equal(x->got[i].times, 0);
}

static struct got *
await(struct ctx *x, int i)
{
    int64_t end = clk_mono_ms() + 10000;

    while (!x->got[i].times && clk_mono_ms() < end)
        loop_turn(x->loop, 10);
    assert_int_equal(x->got[i].times, 1);
    return &x->got[i];
}

static struct got *
run(struct ctx *x, const char *method, unsigned port, const char *path, struct client_call call)
{
    char url[256];

    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, path);
    call.method = method;
    call.url = url;
    start(x, 0, call);
    return await(x, 0);
}

static int
setup(void **state)
{
    struct server_opts so = {.listen = "127.0.0.1:0", .body_max = 1000};
    struct client_opts co = {.in_flight = 1};
    struct ctx *x = calloc(1, sizeof *x);
    struct err e = {0};

    assert_int_equal(loop_new(&x->loop, &e), RES_OK);
    assert_int_equal(server_new(x->loop, &so, routes, x, &x->s, &e), RES_OK);
    assert_int_equal(client_new(x->loop, &co, &x->c, &e), RES_OK);
    x->peer.fd = x->peer.conn = -1;
    *state = x;
    return 0;
}

static int
teardown(void **state)
{
    struct ctx *x = *state;

    client_free(x->c);
    server_free(x->s);
    loop_unwatch(x->peer.watch);
    loop_unwatch(x->peer.conn_watch);
    if (x->peer.fd >= 0)
        close(x->peer.fd);
    if (x->peer.conn >= 0)
        close(x->peer.conn);
    loop_free(x->loop);
    free(x);
    return 0;
}

/* ---- tests ---------------------------------------------------------------------------------------------------- */

static void
answered(void **state)
{
    struct ctx *x = *state;
    const char *headers[] = {"X-A: v", "Content-Type: application/json", NULL};
    struct got *g = run(x, "POST", server_port(x->s), "/e",
                        (struct client_call){.headers = headers, .body = STR("{\"a\":1}")});

    assert_int_equal(g->fate, CLIENT_ANSWERED);
    assert_int_equal(g->cause, CLIENT_NO_CAUSE);
    assert_int_equal(g->code, 201);
    assert_string_equal(g->body, "POST|v|application/json|{\"a\":1}");
    assert_string_equal(g->location, "/there/1");
    assert_string_equal(g->error, "");
    assert_int_equal(g->retry_after_s, -1);
    assert_true(g->took_us > 0);
    assert_int_equal(client_in_flight(x->c), 0);
}

/* Handles are used again: nothing of one call may show in the next. */
static void
methods_in_turn(void **state)
{
    static const struct {
        const char *method;
        struct str body;
        const char *want;
    } row[] = {{"POST", {"b", 1}, "POST|||b"},   {"GET", {NULL, 0}, "GET|||"},
               {"HEAD", {NULL, 0}, ""},          {"POST", {NULL, 0}, "POST|||"},
               {"PUT", {"put", 3}, "PUT|||put"}, {"DELETE", {NULL, 0}, "DELETE|||"},
               {"GET", {NULL, 0}, "GET|||"},     {"DELETE", {"d", 1}, "DELETE|||d"},
               {"POST", {"z", 1}, "POST|||z"}};
    struct ctx *x = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct got *g =
            run(x, row[i].method, server_port(x->s), "/e", (struct client_call){.body = row[i].body});

        assert_int_equal(g->code, 201);
        assert_string_equal(g->body, row[i].want);
    }
}

static void
too_large_a_request_is_413(void **state)
{
    struct ctx *x = *state;
    char big[5000] = {0};
    struct got *g = run(x, "POST", server_port(x->s), "/e", (struct client_call){.body = {big, sizeof big}});

    assert_int_equal(g->fate, CLIENT_ANSWERED);
    assert_int_equal(g->code, 413);
}

static void
refused_is_not_sent(void **state)
{
    struct ctx *x = *state;
    int fd = peer_bind(INADDR_LOOPBACK, 0); /* bound, but nobody listens */
    struct got *g = run(x, "POST", peer_port(fd), "/e?token=secret", (struct client_call){.body = STR("b")});

    close(fd);
    assert_int_equal(g->fate, CLIENT_NOT_SENT);
    assert_int_equal(g->cause, CLIENT_NO_CONNECT);
    assert_int_equal(g->code, 0);
    assert_string_not_equal(g->error, "");
    assert_null(strstr(g->error, "secret"));
}

static void
no_such_host_is_not_sent(void **state)
{
    struct ctx *x = *state;

    start(x, 0, (struct client_call){.method = "POST", .url = "http://nothing.invalid/", .body = STR("b")});
    assert_int_equal(await(x, 0)->fate, CLIENT_NOT_SENT);
    assert_int_equal(x->got[0].cause, CLIENT_NO_ADDRESS);
}

/* TLS to a peer that speaks none: bytes went out, but none of the request. */
static void
failed_handshake_is_not_sent(void **state)
{
    struct ctx *x = *state;
    char url[64];

    peer_open(x, "no TLS here\r\n", false);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", peer_port(x->peer.fd));
    start(x, 0, (struct client_call){.method = "POST", .url = url, .body = STR("b")});
    assert_int_equal(await(x, 0)->fate, CLIENT_NOT_SENT);
    assert_int_equal(x->got[0].cause, CLIENT_TLS);
    assert_int_equal(x->peer.reads, 1);
}

static void
silent_handshake_is_not_sent(void **state)
{
    struct ctx *x = *state;
    char url[64];

    peer_open(x, NULL, true);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", peer_port(x->peer.fd));
    start(x, 0, (struct client_call){.method = "POST", .url = url, .body = STR("b"), .timeout_ms = 1500});
    assert_int_equal(await(x, 0)->fate, CLIENT_NOT_SENT);
    assert_int_equal(x->got[0].cause, CLIENT_NO_CONNECT);
    assert_int_equal(x->peer.reads, 1);
}

static void
closed_after_reading_is_unknown(void **state)
{
    struct ctx *x = *state;
    struct got *g;

    peer_open(x, NULL, false);
    g = run(x, "POST", peer_port(x->peer.fd), "/e?token=secret", (struct client_call){.body = STR("b")});
    assert_int_equal(g->fate, CLIENT_UNKNOWN);
    assert_int_equal(g->cause, CLIENT_CUT);
    assert_null(strstr(g->error, "secret"));
    assert_int_equal(x->peer.conns, 1);
}

static void
cut_answers_are_unknown(void **state)
{
    static const char *const path[] = {"/half", "/leave"};
    struct ctx *x = *state;

    for (int i = 0; i < 2; i++) {
        struct got *g = run(x, "POST", server_port(x->s), path[i], (struct client_call){.body = STR("b")});

        assert_int_equal(g->fate, CLIENT_UNKNOWN);
        assert_int_equal(g->cause, CLIENT_CUT);
        assert_int_equal(g->code, 0);
        assert_string_equal(g->body, "");
    }
}

/* To libcurl that is a whole answer of 201. */
static void
answer_that_ends_amid_its_headers_is_unknown(void **state)
{
    static const char *const answer[] = {"HTTP/1.1 201 Created\r\n",
                                         "HTTP/1.1 201 Created\r\nLocation: /x\r\nCont"};

    for (int i = 0; i < 2; i++) {
        struct ctx *x = *state;
        struct got *g;

        peer_open(x, answer[i], false);
        g = run(x, "POST", peer_port(x->peer.fd), "/e", (struct client_call){.body = STR("b")});
        assert_int_equal(g->fate, CLIENT_UNKNOWN);
        assert_int_equal(g->code, 0);
        assert_non_null(strstr(g->error, "amid its headers"));
        peer_stop_listening(&x->peer);
    }
}

static void
time_out_is_unknown(void **state)
{
    struct ctx *x = *state;
    struct got *g = run(x, "POST", server_port(x->s), "/w", (struct client_call){.timeout_ms = 100});

    assert_int_equal(g->fate, CLIENT_UNKNOWN);
    assert_int_equal(g->cause, CLIENT_TIME_OUT);
    assert_true(g->took_us >= 90000 && g->took_us < 5000000);
    assert_int_equal(x->waits, 1);
}

/* A kept connection that dies while the next request is under way. */
static void
dead_kept_connection(struct ctx *x, const char *method, bool listens, enum client_fate want, int conns)
{
    struct got *g;
    unsigned port;

    peer_open(x, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true);
    port = peer_port(x->peer.fd);
    g = run(x, method, port, "/", (struct client_call){.body = STR("b")});
    assert_int_equal(g->code, 200);
    if (!listens)
        peer_stop_listening(&x->peer);
    g = run(x, method, port, "/", (struct client_call){.body = STR("b"), .timeout_ms = 2000});
    assert_int_equal(g->fate, want);
    assert_int_equal(x->peer.conns, conns);
    assert_int_equal(x->peer.reads, 2); /* the second request came once */
}

static void
post_on_dead_kept_connection_is_not_repeated(void **state)
{
    dead_kept_connection(*state, "POST", true, CLIENT_UNKNOWN, 2);
}

static void
put_on_dead_kept_connection_stays_unknown_when_refused_then(void **state)
{
    dead_kept_connection(*state, "PUT", false, CLIENT_UNKNOWN, 1);
}

static void
answer_too_large_is_unknown(void **state)
{
    static const struct {
        size_t max;
        enum client_fate want;
    } row[] = {{4999, CLIENT_UNKNOWN}, {5000, CLIENT_ANSWERED}};
    struct ctx *x = *state;

    for (int i = 0; i < 2; i++) {
        struct got *g =
            run(x, "GET", server_port(x->s), "/large", (struct client_call){.answer_max = row[i].max});

        assert_int_equal(g->fate, row[i].want);
        assert_int_equal(strstr(g->error, "longer") != NULL, row[i].want == CLIENT_UNKNOWN);
    }
}

static void
endless_headers_are_unknown(void **state)
{
    struct ctx *x = *state;
    struct buf b = buf_make(1 << 20);
    struct got *g;

    buf_z(&b, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 2000; i++)
        buf_printf(&b, "X-%d: %080d\r\n", i, i);
    buf_z(&b, "\r\n");
    peer_open(x, b.p, true);
    g = run(x, "GET", peer_port(x->peer.fd), "/", (struct client_call){.timeout_ms = 5000});
    assert_int_equal(g->fate, CLIENT_UNKNOWN);
    assert_int_equal(g->cause, CLIENT_OWN);
    assert_non_null(strstr(g->error, "longer"));
    buf_free(&b);
}

static void
retry_after_both_forms(void **state)
{
    static const struct {
        const char *value;
        int64_t want;
    } row[] = {{"7", 7},
               {"0", 0},
               {"2300000000", 2300000000},
               {"99999999999999999999", INT64_MAX},
               {"soon", -1},
               {"-5", -1},
               {"Wed,%2021%20Oct%202015%2007:28:00%20GMT", 0}};
    struct ctx *x = *state;
    char path[128];
    char date[64];
    time_t at = time(NULL) + 100;
    struct tm tm;
    struct got *g;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        snprintf(path, sizeof path, "/e?retry=%s", row[i].value);
        g = run(x, "GET", server_port(x->s), path, (struct client_call){0});
        assert_int_equal(g->retry_after_s, row[i].want);
    }
    strftime(date, sizeof date, "%a,+%d+%b+%Y+%H:%M:%S+GMT", gmtime_r(&at, &tm));
    snprintf(path, sizeof path, "/e?retry=%s", date);
    g = run(x, "GET", server_port(x->s), path, (struct client_call){0});
    assert_true(g->retry_after_s > 90 && g->retry_after_s <= 100);
}

static void
gate_lets_one_through_at_a_time_in_order(void **state)
{
    struct ctx *x = *state;
    char url[64];
    int64_t end = clk_mono_ms() + 5000;

    snprintf(url, sizeof url, "http://127.0.0.1:%u/w", server_port(x->s));
    for (int i = 0; i < 3; i++)
        start(x, i, (struct client_call){.method = "POST", .url = url});
    assert_int_equal(client_queued(x->c), 3);
    for (int i = 0; i < 3; i++) {
        while (x->waits <= i && clk_mono_ms() < end)
            loop_turn(x->loop, 10);
        for (int turn = 0; turn < 10; turn++)
            loop_turn(x->loop, 1);
        assert_int_equal(x->waits, i + 1);
        assert_int_equal(client_in_flight(x->c), 1);
        assert_int_equal(client_queued(x->c), 2 - (unsigned)i);
        server_reply(x->waiting[i], 200, NULL, STR("ok"));
        assert_int_equal(await(x, i)->order, i + 1);
    }
}

/* The wait in the queue does not count: three calls of 150 ms each, 300 ms allowed, one place. */
static void
time_out_starts_when_sent(void **state)
{
    struct ctx *x = *state;
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%u/w", server_port(x->s));
    for (int i = 0; i < 3; i++)
        start(x, i, (struct client_call){.method = "POST", .url = url, .timeout_ms = 300});
    for (int i = 0; i < 3; i++) {
        int64_t until;

        while (x->waits <= i)
            loop_turn(x->loop, 10);
        for (until = clk_mono_ms() + 150; clk_mono_ms() < until;)
            loop_turn(x->loop, 5);
        server_reply(x->waiting[i], 200, NULL, STR("ok"));
        assert_int_equal(await(x, i)->fate, CLIENT_ANSWERED);
    }
}

static void
bad_urls_are_rejected(void **state)
{
    static const char *const bad[] = {"ftp://h/", "file:///etc/passwd", "http://u:p@h/", "http://", "",
                                      "h/p",      "gopher://h"};
    struct ctx *x = *state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct client_call call = {.method = "GET", .url = bad[i], .fn = on_answer};
        struct err e = {0};

        assert_int_equal(client_start(x->c, &call, &e), RES_REJECT);
        assert_null(strstr(e.text, "passwd"));
    }
    assert_int_equal(client_start(x->c,
                                  &(struct client_call){.method = "GET",
                                                        .url = "http://127.0.0.1:1/",
                                                        .headers = (const char *[]){"X: a\r\nY: b", NULL}},
                                  NULL),
                     RES_REJECT);
    assert_int_equal(client_queued(x->c), 0);
}

static void
free_drops_calls_without_a_word(void **state)
{
    struct ctx *x = *state;
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%u/w", server_port(x->s));
    for (int i = 0; i < 3; i++)
        start(x, i, (struct client_call){.method = "POST", .url = url});
    while (!x->waits)
        loop_turn(x->loop, 10);
    client_free(x->c);
    x->c = NULL;
    for (int i = 0; i < 3; i++)
        assert_int_equal(x->got[i].times, 0);
}

/* ---- what only some callers use ------------------------------------------------------------------------------- */

struct gate {
    bool open;
    unsigned asked;
    char ip[INET_ADDRSTRLEN];
};

static bool
may_reach(void *arg, const struct sockaddr *to)
{
    struct gate *gate = arg;

    gate->asked++;
    assert_int_equal(to->sa_family, AF_INET);
    inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)to)->sin_addr, gate->ip, sizeof gate->ip);
    return gate->open;
}

/* Asked before the connection and each time that it is used again, though it stands. */
static void
veto_holds_for_a_kept_connection(void **state)
{
    struct ctx *x = *state;
    struct gate gate = {.open = false};
    struct client_opts o = {.in_flight = 1, .may_reach = may_reach, .reach_arg = &gate};
    struct got *g;
    unsigned port;

    client_free(x->c);
    assert_int_equal(client_new(x->loop, &o, &x->c, NULL), RES_OK);
    peer_open(x, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true);
    port = peer_port(x->peer.fd);
    g = run(x, "GET", port, "/?secret", (struct client_call){0});
    assert_int_equal(g->fate, CLIENT_NOT_SENT);
    assert_int_equal(g->cause, CLIENT_OWN);
    assert_true(g->vetoed);
    assert_null(strstr(g->error, "secret"));
    assert_string_equal(gate.ip, "127.0.0.1");
    assert_int_equal(gate.asked, 1);
    gate.open = true;
    g = run(x, "GET", port, "/", (struct client_call){0});
    assert_int_equal(g->fate, CLIENT_ANSWERED);
    assert_false(g->vetoed);
    assert_int_equal(gate.asked, 3);
    gate.open = false;
    g = run(x, "GET", port, "/", (struct client_call){0});
    assert_int_equal(g->fate, CLIENT_NOT_SENT);
    assert_true(g->vetoed);
    assert_int_equal(gate.asked, 4); /* once: no other socket was tried */
    assert_int_equal(x->peer.conns, 1);
    assert_int_equal(x->peer.reads, 1);
}

struct reader {
    struct got got; /* first: on_answer gets it */
    struct client_head head;
    struct buf body;
    bool want_body;
    unsigned want_pieces;
};

static bool
on_head(void *arg, const struct client_head *h)
{
    struct reader *r = arg;

    assert_int_equal(r->head.code, 0);
    r->head = *h;
    return r->want_body;
}

static bool
on_piece(void *arg, struct str bytes)
{
    struct reader *r = arg;

    assert_int_not_equal(r->head.code, 0);
    buf_str(&r->body, bytes);
    return --r->want_pieces > 0;
}

static void
read_through(struct ctx *x, struct reader *r, unsigned port)
{
    char url[64];
    struct client_call call = {.method = "GET",
                               .url = url,
                               .fn = on_answer,
                               .head = on_head,
                               .sink = on_piece,
                               .arg = r,
                               .answer_max = 1};

    snprintf(url, sizeof url, "http://127.0.0.1:%u/large", port);
    r->got = (struct got){.x = x};
    r->body = buf_make(1 << 20);
    assert_int_equal(client_start(x->c, &call, NULL), RES_OK);
    for (int64_t end = clk_mono_ms() + 10000; !r->got.times && clk_mono_ms() < end;)
        loop_turn(x->loop, 10);
    assert_int_equal(r->got.times, 1);
    assert_string_equal(r->got.body, "");
}

static void
body_to_a_sink(void **state)
{
    struct reader whole = {.want_body = true, .want_pieces = 1000};
    struct reader none = {.want_body = false};
    struct reader one = {.want_body = true, .want_pieces = 1};
    unsigned port = server_port(((struct ctx *)*state)->s);

    read_through(*state, &whole, port);
    assert_int_equal(whole.head.code, 200);
    assert_int_equal(whole.head.announced, 5000);
    assert_int_equal(whole.got.fate, CLIENT_ANSWERED);
    assert_int_equal(whole.body.n, 5000);
    read_through(*state, &none, port);
    assert_int_equal(none.got.fate, CLIENT_UNKNOWN);
    assert_int_equal(none.body.n, 0);
    read_through(*state, &one, port);
    assert_int_equal(one.got.fate, CLIENT_UNKNOWN);
    assert_string_equal(one.got.error, "stopped by the reader");
    buf_free(&whole.body);
    buf_free(&one.body);
}

/* The head is that of the answer itself: not of what went before it, nor of what trails. */
static void
head_comes_once(void **state)
{
    struct ctx *x = *state;
    struct reader r = {.want_body = true, .want_pieces = 1000};

    peer_open(x,
              "HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\nLocation: /early\r\n\r\n"
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nRetry-After: 5\r\n\r\n"
              "2\r\nok\r\n0\r\nLocation: /late\r\nRetry-After: 9\r\n\r\n",
              true);
    read_through(x, &r, peer_port(x->peer.fd));
    assert_int_equal(r.got.fate, CLIENT_ANSWERED);
    assert_int_equal(r.head.code, 200);
    assert_int_equal(r.head.announced, -1);
    assert_int_equal(r.body.n, 2);
    assert_string_equal(r.got.location, "");
    assert_int_equal(r.got.retry_after_s, 5);
    buf_free(&r.body);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(answered),
        T(methods_in_turn),
        T(too_large_a_request_is_413),
        T(refused_is_not_sent),
        T(no_such_host_is_not_sent),
        T(failed_handshake_is_not_sent),
        T(silent_handshake_is_not_sent),
        T(closed_after_reading_is_unknown),
        T(cut_answers_are_unknown),
        T(answer_that_ends_amid_its_headers_is_unknown),
        T(time_out_is_unknown),
        T(post_on_dead_kept_connection_is_not_repeated),
        T(put_on_dead_kept_connection_stays_unknown_when_refused_then),
        T(answer_too_large_is_unknown),
        T(endless_headers_are_unknown),
        T(retry_after_both_forms),
        T(gate_lets_one_through_at_a_time_in_order),
        T(time_out_starts_when_sent),
        T(bad_urls_are_rejected),
        T(free_drops_calls_without_a_word),
        T(veto_holds_for_a_kept_connection),
        T(body_to_a_sink),
        T(head_comes_once),
    };

    setenv("http_proxy", "http://127.0.0.1:1", 1); /* must not be looked at */
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
