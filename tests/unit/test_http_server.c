/* The server against a raw socket in the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/http/server.h"
#include "tests/unit/peer.h"

struct ctx {
    struct loop *loop;
    struct server *s;
    struct server_req *later; /* a request that waits for its answer */
    int dropped;
    int called;
};

static void
count_drop(void *mine)
{
    struct ctx *x = mine;

    x->dropped++;
}

static void
echo(void *arg, struct server_req *req)
{
    struct ctx *x = arg;
    struct buf b = buf_make(1 << 20);

    x->called++;
    assert_null(server_seg(req, 1).p);
    assert_null(server_seg(req, 99).p);
    server_keep(req, x, count_drop);
    buf_printf(&b, "%.*s|%.*s|%.*s|%.*s|%.*s|%.*s", STR_FMT(server_method(req)), STR_FMT(server_path(req)),
               STR_FMT(server_seg(req, 0)), STR_FMT(server_query(req, "q")),
               STR_FMT(server_header(req, "x-a")), STR_FMT(server_peer(req)));
    buf_char(&b, '|');
    buf_str(&b, server_body(req));
    server_set(req, "X-B", "b");
    server_reply(req, 200, "text/plain", buf_view(&b));
    server_reply(req, 500, NULL, STR("the second answer is ignored"));
    buf_free(&b);
}

static void
wait(void *arg, struct server_req *req)
{
    struct ctx *x = arg;

    x->later = req;
    server_keep(req, x, count_drop);
}

static void
cut(void *arg, struct server_req *req)
{
    (void)arg;
    server_cut(req, 200, "text/plain", STR("0123456789"), 4);
}

static void
gone(void *arg, struct server_req *req)
{
    (void)arg;
    server_abort(req);
}

static const struct server_route routes[] = {
    {"GET", "/e/{}", echo}, {"POST", "/e/{}", echo}, {"POST", "/w", wait},
    {"GET", "/cut", cut},   {"GET", "/gone", gone},  {NULL, NULL, NULL},
};

static int
setup(void **state)
{
    struct server_opts opts = {.listen = "127.0.0.1:0", .body_max = 1000, .bodies_max = 2500};
    struct ctx *x = calloc(1, sizeof *x);
    struct err e = {0};

    assert_int_equal(loop_new(&x->loop, &e), RES_OK);
    assert_int_equal(server_new(x->loop, &opts, routes, x, &x->s, &e), RES_OK);
    assert_int_not_equal(server_port(x->s), 0);
    *state = x;
    return 0;
}

static int
teardown(void **state)
{
    struct ctx *x = *state;

    server_free(x->s);
    loop_free(x->loop);
    free(x);
    return 0;
}

static int
dial(const struct ctx *x)
{
    return peer_dial(INADDR_LOOPBACK, server_port(x->s));
}

static void
say(const struct ctx *x, int fd, struct str s)
{
    int64_t end = clk_mono_ms() + 5000;

    while (s.n && clk_mono_ms() < end) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

        if (n > 0)
            s = (struct str){s.p + n, s.n - (size_t)n};
        loop_turn(x->loop, 1);
    }
    assert_int_equal(s.n, 0);
}

/* Reads until `until` was seen, or the end when it is NULL; true when the connection ended. */
static bool
hear(const struct ctx *x, int fd, const char *until, struct buf *got)
{
    int64_t end = clk_mono_ms() + 5000;
    char part[4096];

    while (clk_mono_ms() < end) {
        ssize_t n = recv(fd, part, sizeof part, 0);

        if (n == 0)
            return true;
        if (n > 0)
            buf_add(got, part, (size_t)n);
        if (until && got->p && strstr(got->p, until))
            return false;
        loop_turn(x->loop, 5);
    }
    fail_msg("waited in vain for \"%s\", have \"%s\"", until ? until : "(end)", got->p ? got->p : "");
    return false;
}

/* One request on a connection of its own. */
static void
ask(const struct ctx *x, struct str request, struct buf *got)
{
    int fd = dial(x);

    say(x, fd, request);
    hear(x, fd, NULL, got);
    close(fd);
}

static void
turn_until(const struct ctx *x, const int *v, int want)
{
    int64_t end = clk_mono_ms() + 5000;

    while (*v != want && clk_mono_ms() < end)
        loop_turn(x->loop, 5);
    assert_int_equal(*v, want);
}

#define STR_LIT(lit)                                                                                         \
    {                                                                                                        \
        lit, sizeof(lit) - 1                                                                                 \
    }
#define CLOSE "Host: h\r\nConnection: close\r\n"

static void
tells_what_was_asked(void **state)
{
    struct ctx *x = *state;
    struct buf got = buf_make(65536);

    ask(x, STR("POST /e/a%2Fb?q=c+d HTTP/1.1\r\n" CLOSE "X-A: v\r\nContent-Length: 5\r\n\r\nhello"), &got);
    assert_non_null(strstr(got.p, "HTTP/1.1 200 "));
    assert_non_null(strstr(got.p, "X-B: b\r\n"));
    assert_non_null(strstr(got.p, "POST|/e/a/b|a/b|c d|v|127.0.0.1|hello"));
    turn_until(x, &x->dropped, 1);
    buf_free(&got);
}

static void
head_has_no_body(void **state)
{
    struct ctx *x = *state;
    struct buf got = buf_make(65536);

    ask(x, STR("HEAD /e/a HTTP/1.1\r\n" CLOSE "\r\n"), &got);
    assert_non_null(strstr(got.p, "HTTP/1.1 200 "));
    assert_string_equal(strstr(got.p, "\r\n\r\n"), "\r\n\r\n");
    assert_non_null(strstr(got.p, "Content-Length: 24\r\n")); /* HEAD|/e/a|a|||127.0.0.1| */
    buf_free(&got);
}

static void
refusals(void **state)
{
    static const char *const row[][2] = {
        {"GET /none HTTP/1.1\r\n" CLOSE "\r\n", " 404 "},
        {"PUT /e/x HTTP/1.1\r\n" CLOSE "Content-Length: 2\r\n\r\nab", " 405 "},
        {"PUT /e/x HTTP/1.1\r\n" CLOSE "\r\n", "Allow: GET, HEAD, POST\r\n"},
        {"GET /e/a%00b HTTP/1.1\r\n" CLOSE "\r\n", " 400 "},
        {"GET /e/%zz HTTP/1.1\r\n" CLOSE "\r\n", "application/problem+json"},
        {"POST /e/x HTTP/1.1\r\n" CLOSE "Content-Length: 900000000\r\n\r\n", " 413 "},
        {"POST /e/x HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", " 400 "},
        {"POST /e/x HTTP/1.1\r\nContent-Length: 2\r\ncontent-length: 9\r\n\r\nab", "Connection: close"},
        {"POST /e/x HTTP/1.1\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
         "Say once"},
        {"POST /e/x HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", " 400 "},
        {"POST /e/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", " 400 "},
    };
    struct ctx *x = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct buf got = buf_make(65536);

        ask(x, str_of(row[i][0]), &got);
        if (!strstr(got.p, row[i][1]))
            fail_msg("no \"%s\" in \"%s\"", row[i][1], got.p);
        buf_free(&got);
    }
    assert_int_equal(x->called, 0);
}

static void
raw_nul_in_the_target_is_refused(void **state)
{
    static const struct str row[] = {
        STR_LIT("GET /e/a\0b HTTP/1.1\r\n" CLOSE "\r\n"),
        STR_LIT("GET /e/a\0 HTTP/1.1\r\n" CLOSE "\r\n"),
        STR_LIT("GET /e/a?q=1\0b HTTP/1.1\r\n" CLOSE "\r\n"),
        STR_LIT("GET /e/a \0 HTTP/1.1\r\n" CLOSE "\r\n"),
    };
    struct ctx *x = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct buf got = buf_make(65536);

        ask(x, row[i], &got);
        if (!strstr(got.p, " 400 "))
            fail_msg("%zu: %s", i, got.p);
        buf_free(&got);
    }
}

static void
body_maximum_is_exact(void **state)
{
    struct ctx *x = *state;

    for (int n = 999; n <= 1001; n++) {
        struct buf out = buf_make(65536);
        struct buf got = buf_make(65536);

        buf_printf(&out, "POST /e/x HTTP/1.1\r\n" CLOSE "Content-Length: %d\r\n\r\n%0*d", n, n, 0);
        ask(x, buf_view(&out), &got);
        assert_non_null(strstr(got.p, n <= 1000 ? " 200 " : " 413 "));
        buf_free(&out);
        buf_free(&got);
    }
    assert_int_equal(x->called, 2);
}

/* Bodies that wait for their answers count together; what is over is told to come again, and fits once they are gone. */
static void
bodies_are_bounded_together(void **state)
{
    struct ctx *x = *state;
    struct buf out = buf_make(65536);
    struct buf got = buf_make(65536);
    struct server_req *waits[2];
    int64_t end = clk_mono_ms() + 5000;
    int fd[2];

    buf_printf(&out, "POST /w HTTP/1.1\r\nContent-Length: 1000\r\n\r\n%0*d", 1000, 0);
    for (int i = 0; i < 2; i++) {
        x->later = NULL;
        fd[i] = dial(x);
        say(x, fd[i], buf_view(&out));
        while (!x->later && clk_mono_ms() < end)
            loop_turn(x->loop, 5);
        waits[i] = x->later;
        assert_non_null(waits[i]);
    }
    for (int last = 0; last < 2; last++) {
        buf_reset(&out);
        buf_reset(&got);
        buf_printf(&out, "POST /e/x HTTP/1.1\r\n" CLOSE "Content-Length: 501\r\n\r\n%0*d", 501, 0);
        ask(x, buf_view(&out), &got);
        assert_non_null(strstr(got.p, last ? " 200 " : " 503 "));
        assert_int_equal(strstr(got.p, "Retry-After: ") != NULL, !last);
        if (!last)
            for (int i = 0; i < 2; i++)
                server_reply(waits[i], 202, NULL, STR("later!"));
        if (!last)
            turn_until(x, &x->dropped, 2);
    }
    for (int i = 0; i < 2; i++)
        close(fd[i]);
    buf_free(&out);
    buf_free(&got);
}

static void
chunked_body_is_counted(void **state)
{
    struct ctx *x = *state;
    struct buf out = buf_make(65536);
    struct buf got = buf_make(65536);

    buf_z(&out, "POST /e/x HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 11; i++)
        buf_printf(&out, "64\r\n%0100d\r\n", i);
    buf_z(&out, "0\r\n\r\n");
    ask(x, buf_view(&out), &got);
    assert_non_null(strstr(got.p, " 413 "));
    assert_int_equal(x->called, 0);
    buf_free(&out);
    buf_free(&got);
}

static void
answers_later_and_keeps_the_connection(void **state)
{
    struct ctx *x = *state;
    struct buf got = buf_make(65536);
    int64_t end = clk_mono_ms() + 5000;
    int fd = dial(x);

    for (int i = 1; i <= 3; i++) {
        x->later = NULL;
        say(x, fd, STR("POST /w HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"));
        while (!x->later && clk_mono_ms() < end)
            loop_turn(x->loop, 5);
        assert_non_null(x->later);
        assert_int_equal(server_waiting(x->s), 1);
        assert_int_equal(x->dropped, i - 1);
        assert_true(str_is(server_body(x->later), "ab"));
        server_reply(x->later, 202, NULL, STR("later!"));
        assert_int_equal(server_waiting(x->s), 0);
        hear(x, fd, "later!", &got);
        assert_non_null(strstr(got.p, " 202 "));
        turn_until(x, &x->dropped, i);
        buf_reset(&got);
    }
    close(fd);
    buf_free(&got);
}

static void
client_that_left_is_dropped_when_answered(void **state)
{
    struct ctx *x = *state;
    int64_t end = clk_mono_ms() + 5000;
    int fd = dial(x);

    say(x, fd, STR("POST /w HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"));
    while (!x->later && clk_mono_ms() < end)
        loop_turn(x->loop, 5);
    assert_non_null(x->later);
    close(fd);
    loop_turn(x->loop, 5);
    assert_ptr_equal(server_kept(x->later), x);
    server_reply(x->later, 200, NULL, STR("nobody hears"));
    turn_until(x, &x->dropped, 1);
}

static void
cut_and_abort(void **state)
{
    struct ctx *x = *state;
    struct buf got = buf_make(65536);

    ask(x, STR("GET /cut HTTP/1.1\r\nHost: h\r\n\r\n"), &got);
    assert_non_null(strstr(got.p, "Content-Length: 10\r\n"));
    assert_string_equal(strstr(got.p, "\r\n\r\n"), "\r\n\r\n0123");
    buf_reset(&got);
    ask(x, STR("GET /gone HTTP/1.1\r\nHost: h\r\n\r\n"), &got);
    assert_int_equal(got.n, 0);
    buf_free(&got);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
    struct ctx *x = *state;
    struct buf got = buf_make(65536);

    ask(x, STR("GET /e/1 HTTP/1.1\r\nHost: h\r\n\r\nGET /e/2 HTTP/1.1\r\n" CLOSE "\r\n"), &got);
    assert_non_null(strstr(got.p, "|/e/1|"));
    assert_true(strstr(got.p, "|/e/1|") < strstr(got.p, "|/e/2|"));
    buf_free(&got);
}

/* What was sent and that nothing more comes reach the server in one event. */
static void
end_that_comes_with_the_bytes(void **state)
{
    static const struct {
        struct str request;
        const char *answer; /* NULL: none */
    } cases[] = {
        {STR_LIT("POST /e/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nhello"), NULL},
        {STR_LIT("POST /e/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n"), NULL},
        {STR_LIT("POST /e/1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), NULL},
        {STR_LIT("POST /e/1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"), NULL},
        {STR_LIT("POST /e/1 HTTP/1.1\r\nHost: h\r\nConten"), NULL},
        {STR_LIT("POST /e/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"), "|hello"},
        {STR_LIT(
             "POST /e/1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
         "|hello"},
        {STR_LIT("GET /e/1 HTTP/1.1\r\nHost: h\r\n\r\nGET /e/2 HTTP/1.1\r\nHost: h\r\n\r\n"), "|/e/2|"},
    };
    struct ctx *x = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf got = buf_make(65536);
        int fd = dial(x);

        loop_turn(x->loop, 100); /* accepted */
        assert_int_equal(send(fd, cases[i].request.p, cases[i].request.n, MSG_NOSIGNAL), cases[i].request.n);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        x->called = 0;
        hear(x, fd, NULL, &got);
        if (cases[i].answer)
            assert_non_null(strstr(got.p, cases[i].answer));
        else
            assert_int_equal(x->called, 0);
        close(fd);
        buf_free(&got);
    }
}

static void
stop_answers_503_to_those_who_wait(void **state)
{
    struct ctx *x = *state;
    struct buf got = buf_make(65536);
    int64_t end = clk_mono_ms() + 5000;
    int fd = dial(x);

    say(x, fd, STR("POST /w HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"));
    while (!x->later && clk_mono_ms() < end)
        loop_turn(x->loop, 5);
    server_quiesce(x->s);
    server_free(x->s);
    x->s = NULL;
    assert_int_equal(x->dropped, 1);
    assert_true(hear(x, fd, NULL, &got));
    assert_non_null(strstr(got.p, " 503 "));
    close(fd);
    buf_free(&got);
}

static void
bad_addresses(void **state)
{
    static const char *const bad[] = {"",       "127.0.0.1",  "127.0.0.1:x", "127.0.0.1:70000",
                                      "::1:80", "999.0.0.1:1"};
    struct ctx *x = *state;
    struct server_opts opts = {.body_max = 10};
    struct server *s;
    char taken[32];

    for (size_t i = 0; i <= sizeof bad / sizeof *bad; i++) {
        struct err e = {0};

        snprintf(taken, sizeof taken, "127.0.0.1:%u", server_port(x->s));
        opts.listen = i < sizeof bad / sizeof *bad ? bad[i] : taken;
        assert_int_equal(server_new(x->loop, &opts, routes, x, &s, &e), RES_FATAL);
        assert_null(s);
        assert_string_not_equal(e.text, "");
    }
    opts.listen = ":0";
    assert_int_equal(server_new(x->loop, &opts, routes, x, &s, NULL), RES_OK);
    server_free(s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(tells_what_was_asked),
        T(head_has_no_body),
        T(refusals),
        T(raw_nul_in_the_target_is_refused),
        T(body_maximum_is_exact),
        T(bodies_are_bounded_together),
        T(chunked_body_is_counted),
        T(answers_later_and_keeps_the_connection),
        T(client_that_left_is_dropped_when_answered),
        T(cut_and_abort),
        T(pipelined_requests_are_answered_in_order),
        T(end_that_comes_with_the_bytes),
        T(stop_answers_503_to_those_who_wait),
        T(bad_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
