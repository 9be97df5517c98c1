/* Fetches over real connections: answers whole, half and too long, time, addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/test_http_fetch.h"

/* ---- whole answers and their size ----------------------------------------------------------------------------- */

static void
whole_documents(void **state)
{
    static const struct page pages[] = {
        {"/length", OK_HEAD "Content-Length: 10\r\n\r\n0123456789", KEEP, 0, NULL},
        {"/chunked",
         OK_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6\r\n456789\r\n0\r\nLocation: /x\r\n\r\n",
         KEEP, 0, NULL},
        {"/close", OK_HEAD "\r\n0123456789", CLOSE, 0, NULL},
        {"/early",
         "HTTP/1.1 103 Early Hints\r\nContent-Length: 99\r\n\r\n" OK_HEAD
         "Content-Length: 10\r\n\r\n0123456789",
         KEEP, 0, NULL},
        {"/gzip", OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n0123456789", KEEP, 0, NULL},
        {NULL, NULL, KEEP, 0, NULL},
    };
    struct ctx *x = *state;

    x->s.pages = pages;
    for (const struct page *p = pages; p->path; p++) {
        char url[64];
        struct got *g;

        snprintf(url, sizeof url, "http://localhost:%%u%s?a=secret#part", p->path);
        g = run(x, url, 10);
        if (g->end.fate != FETCH_OK)
            fail_msg("%s: %s", p->path, g->why);
        assert_int_equal(g->end.code, 200);
        assert_int_equal(g->end.retry_after_s, -1);
        assert_string_equal(g->body.p, "0123456789");
    }
    assert_int_equal(count(&x->s.heads, "?a=secret HTTP/1.1"), 5);
    assert_int_equal(count(&x->s.heads, "Accept-Encoding"), 0);
    assert_int_equal(count(&x->s.heads, "Content-Type"), 0);
    assert_int_equal(count(&x->s.heads, "User-Agent"), 0);
    assert_int_equal(x->s.conns, 2); /* one was closed by the site, else it was kept */
}

static void
nothing_is_a_document(void **state)
{
    static const struct page pages[] = {{"/0", OK_HEAD "Content-Length: 0\r\n\r\n", KEEP, 0, NULL},
                                        {NULL, NULL, KEEP, 0, NULL}};
    struct ctx *x = *state;
    struct got *g;

    x->s.pages = pages;
    g = run(x, "http://localhost:%u/0", 0);
    assert_int_equal(g->end.fate, FETCH_OK);
    assert_int_equal(g->pieces, 0);
}

static void
longer_than_may_be(void **state)
{
    static const struct {
        struct page page;
        bool read; /* it has to be read to be known */
    } row[] = {
        {{"/announced", OK_HEAD "Content-Length: 11\r\n\r\n01234567890", KEEP, 0, NULL}, false},
        {{"/beyond", OK_HEAD "Content-Length: 99999999999999999999999\r\n\r\n0", KEEP, 0, NULL}, false},
        {{"/lies", OK_HEAD "Content-Length: 5\r\nContent-Length: 11\r\n\r\n01234567890", KEEP, 0, NULL},
         false},
        {{"/chunks", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n", ENDLESS, 0, "3\r\nabc\r\n"}, true},
        {{"/until", OK_HEAD "\r\n", ENDLESS, 0, "abcdefgh"}, true},
        {{"/packed", OK_HEAD "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", ENDLESS, 0,
          "3\r\nabc\r\n"},
         true},
    };
    struct ctx *x = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct page pages[] = {row[i].page, {NULL, NULL, KEEP, 0, NULL}};
        char url[64];
        struct got *g;

        x->s.pages = pages;
        snprintf(url, sizeof url, "http://localhost:%%u%s", row[i].page.path);
        g = run(x, url, 10);
        if (g->end.fate != FETCH_TOO_LARGE)
            fail_msg("%s: fate %d (%s)", row[i].page.path, g->end.fate, g->why);
        assert_true(g->body.n <= 10);
        assert_int_equal(g->end.code, 200);
        if (!row[i].read)
            assert_int_equal(g->pieces, 0);
        site_close(&x->s);
        site_open(&x->s, x->loop, INADDR_LOOPBACK, x->s.port);
    }
}

/* 100,000 zeros in a transfer coding that nobody asked for, which libcurl undoes by itself. */
static const char zeros[] =
    OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n84\r\n"
            "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\xf5\x4f\x6d\x0d\x0f"
            "\xa0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
            "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
            "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
            "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
            "\x00\x80\x57\x03\x7d\x95\x11\xd4\xa0\x86\x01\x00"
            "\r\n0\r\n\r\n";

static void
packed_transfer_is_counted_unpacked(void **state)
{
    static const struct page pages[] = {{.path = "/z", .answer = zeros, .n = sizeof zeros - 1},
                                        {.path = NULL}};
    struct ctx *x = *state;
    struct got *g;

    x->s.pages = pages;
    g = run(x, "http://localhost:%u/z", 99999);
    assert_int_equal(g->end.fate, FETCH_TOO_LARGE);
    assert_true(g->body.n < 100000);
    g = run(x, "http://localhost:%u/z", 100000);
    assert_int_equal(g->end.fate, FETCH_OK);
    assert_int_equal(g->body.n, 100000);
}

static void
stopped_by_its_reader(void **state)
{
    static const struct page pages[] = {{"/e", OK_HEAD "\r\n", ENDLESS, 0, "abcdefgh"},
                                        {NULL, NULL, KEEP, 0, NULL}};
    struct ctx *x = *state;
    struct got *g;

    x->s.pages = pages;
    x->got[0].stop_at = 2;
    g = run(x, "http://localhost:%u/e", 1 << 20);
    assert_int_equal(g->end.fate, FETCH_STOPPED);
    assert_int_equal(g->pieces, 2);
}

/* ---- other answers -------------------------------------------------------------------------------------------- */

static void
statuses(void **state)
{
    static const struct {
        int code;
        enum fetch_fate want;
    } row[] = {{201, FETCH_BAD_ANSWER}, {204, FETCH_BAD_ANSWER}, {206, FETCH_BAD_ANSWER},
               {300, FETCH_BAD_ANSWER}, {304, FETCH_BAD_ANSWER}, {400, FETCH_BAD_ANSWER},
               {401, FETCH_DENIED},     {403, FETCH_DENIED},     {404, FETCH_NOT_FOUND},
               {406, FETCH_BAD_ANSWER}, {408, FETCH_LATER},      {410, FETCH_NOT_FOUND},
               {425, FETCH_LATER},      {429, FETCH_LATER},      {451, FETCH_BAD_ANSWER},
               {500, FETCH_LATER},      {502, FETCH_LATER},      {503, FETCH_LATER},
               {599, FETCH_LATER},      {600, FETCH_BAD_ANSWER}, {999, FETCH_BAD_ANSWER}};
    struct ctx *x = *state;
    char text[128];
    struct page pages[] = {{"/s", text, KEEP, 0, NULL}, {NULL, NULL, KEEP, 0, NULL}};

    x->s.pages = pages;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        bool bare = row[i].code == 204 || row[i].code == 304;
        struct got *g;

        snprintf(text, sizeof text, "HTTP/1.1 %d So\r\nRetry-After: 7\r\n%s\r\n%s", row[i].code,
                 bare ? "" : "Content-Length: 6\r\n", bare ? "" : "secret");
        g = run(x, "http://localhost:%u/s?x=secret", 5);
        if (g->end.fate != row[i].want)
            fail_msg("%d: fate %d (%s)", row[i].code, g->end.fate, g->why);
        assert_int_equal(g->end.code, row[i].code);
        assert_int_equal(g->end.retry_after_s, 7);
        assert_int_equal(g->pieces, 0);
    }
    assert_true(x->s.conns <= 3); /* short pages of errors keep the connection */
}

/* An error's page is not waited for. */
static void
errors_with_a_page_without_an_end(void **state)
{
    static const struct page pages[] = {
        {"/a", "HTTP/1.1 503 No\r\nRetry-After: 120\r\n\r\n", ENDLESS, 0, "abcdefgh"},
        {"/b", "HTTP/1.1 503 No\r\nRetry-After: 120\r\nContent-Length: 100000000\r\n\r\n", ENDLESS, 0,
         "abcdefgh"},
        {"/c", "HTTP/1.1 503 No\r\nRetry-After: 120\r\nContent-Length: 100\r\n\r\nabc", CLOSE, 0, NULL},
        {NULL, NULL, KEEP, 0, NULL}};
    struct ctx *x = *state;

    x->s.pages = pages;
    for (const struct page *p = pages; p->path; p++) {
        char url[64];
        struct got *g;

        snprintf(url, sizeof url, "http://localhost:%%u%s", p->path);
        g = run(x, url, 1000);
        assert_int_equal(g->end.fate, FETCH_LATER);
        assert_int_equal(g->end.code, 503);
        assert_int_equal(g->end.retry_after_s, 120);
        assert_string_equal(g->why, "the server answered with status 503");
    }
}

static void
half_answers(void **state)
{
    static const struct {
        struct page page;
        enum fetch_fate want;
    } row[] = {
        {{"/cut", OK_HEAD "Content-Length: 10\r\n\r\n01234", CLOSE, 0, NULL}, FETCH_LATER},
        {{"/cutchunk", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n", CLOSE, 0, NULL},
         FETCH_LATER},
        {{"/cuthead", OK_HEAD "Content-Le", CLOSE, 0, NULL}, FETCH_LATER},
        {{"/nothing", NULL, CLOSE, 0, NULL}, FETCH_LATER},
        {{"/noise", "no HTTP at all\r\n\r\n", CLOSE, 0, NULL}, FETCH_LATER},
        {{"/heads", OK_HEAD, ENDLESS, 0, "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"},
         FETCH_BAD_ANSWER},
        {{"/prelude", "", ENDLESS, 0, "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"}, FETCH_BAD_ANSWER},
    };
    struct ctx *x = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct page pages[] = {row[i].page, {NULL, NULL, KEEP, 0, NULL}};
        char url[64];
        struct got *g;

        x->s.pages = pages;
        snprintf(url, sizeof url, "http://localhost:%%u%s?secret", row[i].page.path);
        g = run(x, url, 100);
        if (g->end.fate != row[i].want)
            fail_msg("%s: fate %d (%s)", row[i].page.path, g->end.fate, g->why);
        assert_true(g->body.n <= 5);
    }
}

static void
nobody_there(void **state)
{
    struct ctx *x = *state;
    const char *allow[] = {ported(x, 0, "localhost:%u"), "nothing.invalid:80", NULL};

    open_with(x, (struct fetch_opts){.allow = allow, .allow_net = loopback, .allow_http = true});
    site_close(&x->s);
    x->s.fd = -1;
    x->s.watch = NULL;
    x->s.conns = 0;
    assert_int_equal(run(x, "http://localhost:%u/?secret", 10)->end.fate, FETCH_LATER);
    assert_int_equal(run(x, "http://nothing.invalid/?secret", 10)->end.fate, FETCH_LATER);
}

/* ---- time ----------------------------------------------------------------------------------------------------- */

static void
silence_ends_by_its_time_out(void **state)
{
    static const struct page pages[] = {{"/q", NULL, KEEP, 0, NULL}, {NULL, NULL, KEEP, 0, NULL}};
    struct ctx *x = *state;
    struct got *g;

    x->s.pages = pages;
    start(x, 0, ported(x, 0, "http://localhost:%u/q?secret"),
          (struct fetch_request){.max = 10, .timeout_ms = 200});
    g = await(x, 0);
    assert_int_equal(g->end.fate, FETCH_LATER);
    assert_int_equal(g->end.code, 0);
    assert_int_equal(x->s.requests, 1);
}

static void
trickle_ends_before_its_time_out(void **state)
{
    static const struct page pages[] = {{"/body", OK_HEAD "Content-Length: 100000\r\n\r\n", TRICKLE, 0, "a"},
                                        {"/head", OK_HEAD, TRICKLE, 0, "X"},
                                        {NULL, NULL, KEEP, 0, NULL}};
    struct ctx *x = *state;
    const char *allow[] = {ported(x, 0, "localhost:%u"), NULL};

    x->s.pages = pages;
    open_with(x, (struct fetch_opts){.allow = allow, .allow_net = loopback, .allow_http = true, .slow_s = 1});
    for (const struct page *p = pages; p->path; p++) {
        char url[64];
        struct got *g;

        snprintf(url, sizeof url, "http://localhost:%%u%s", p->path);
        start(x, 0, ported(x, 1, url), (struct fetch_request){.max = 200000, .timeout_ms = 600000});
        g = await(x, 0);
        assert_int_equal(g->end.fate, FETCH_LATER);
        assert_non_null(strstr(g->why, "too slow"));
    }
}

/* ---- addresses ------------------------------------------------------------------------------------------------ */

/* However this machine is written, and whatever name leads to it: no connection. */
static void
loopback_is_not_reached(void **state)
{
    static const char *const host[] = {
        "localhost",       "127.0.0.1", "2130706433",      "0x7f000001",
        "017700000001",    "127.1",     "0x7f.0.0x0.1",    "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "0",         "0.0.0.0",         "[::]",
        "[::1]",           "127.0.0.2", "[::127.0.0.1]",   "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "[fe80::1]", "169.254.169.254", "[::ffff:a9fe:a9fe]",
        "10.0.0.1",        "[fd00::1]", "255.255.255.255", "[ff02::1]"};
    struct ctx *x = *state;

    for (size_t i = 0; i < sizeof host / sizeof *host; i++) {
        char entry[64];
        char url[80];
        const char *allow[] = {entry, NULL};
        struct got *g;

        snprintf(entry, sizeof entry, "%s:%u", host[i], x->s.port);
        snprintf(url, sizeof url, "http://%s/?secret", entry);
        open_with(x, (struct fetch_opts){.allow = allow, .allow_http = true});
        g = run(x, url, 10);
        if (g->end.fate != FETCH_REFUSED)
            fail_msg("%s: fate %d (%s)", host[i], g->end.fate, g->why);
        assert_int_equal(g->end.code, 0);
    }
    site_was_left_alone(&x->s);
}

static void
loopback_is_reached_where_it_is_opened(void **state)
{
    static const struct page pages[] = {{"/", OK_HEAD "Content-Length: 2\r\n\r\nok", KEEP, 0, NULL},
                                        {NULL, NULL, KEEP, 0, NULL}};
    static const char *const host[] = {"localhost", "127.0.0.1", "2130706433", "[::ffff:127.0.0.1]"};
    static const char *const nets[] = {"10.0.0.0/8", "127.0.0.0/8", NULL};
    struct ctx *x = *state;

    x->s.pages = pages;
    for (size_t i = 0; i < sizeof host / sizeof *host; i++) {
        char entry[64];
        char url[80];
        const char *allow[] = {entry, NULL};

        snprintf(entry, sizeof entry, "%s:%u", host[i], x->s.port);
        snprintf(url, sizeof url, "http://%s/", entry);
        open_with(x, (struct fetch_opts){.allow = allow, .allow_net = nets, .allow_http = true});
        if (run(x, url, 10)->end.fate != FETCH_OK)
            fail_msg("%s: %s", host[i], x->got[0].why);
    }
}

/* ---- several, and none ---------------------------------------------------------------------------------------- */

static void
one_starts_another(void **state)
{
    static const struct page pages[] = {{"/a", OK_HEAD "Content-Length: 1\r\n\r\na", KEEP, 0, NULL},
                                        {"/b", OK_HEAD "Content-Length: 1\r\n\r\nb", KEEP, 0, NULL},
                                        {NULL, NULL, KEEP, 0, NULL}};
    struct ctx *x = *state;

    x->s.pages = pages;
    x->got[0].next_of = x;
    ported(x, 0, "http://localhost:%u/b");
    run(x, "http://localhost:%u/a", 10);
    assert_int_equal(await(x, 1)->end.fate, FETCH_OK);
    assert_string_equal(x->got[0].body.p, "a");
    assert_string_equal(x->got[1].body.p, "b");
}

static void
free_drops_them_without_a_word(void **state)
{
    static const struct page pages[] = {{"/q", NULL, KEEP, 0, NULL}, {NULL, NULL, KEEP, 0, NULL}};
    struct ctx *x = *state;
    const char *allow[] = {ported(x, 0, "localhost:%u"), NULL};

    x->s.pages = pages;
    open_with(x,
              (struct fetch_opts){.allow = allow, .allow_net = loopback, .allow_http = true, .in_flight = 2});
    for (int i = 0; i < 3; i++)
        start(x, i, ported(x, 1, "http://localhost:%u/q"), (struct fetch_request){.max = 10});
    while (x->s.requests < 2)
        loop_turn(x->loop, 10);
    fetch_free(x->f);
    x->f = NULL;
    for (int i = 0; i < 3; i++)
        assert_int_equal(x->got[i].times, 0);
    assert_int_equal(x->s.requests, 2); /* the third waited for a place */
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(whole_documents),
        T(nothing_is_a_document),
        T(longer_than_may_be),
        T(packed_transfer_is_counted_unpacked),
        T(stopped_by_its_reader),
        T(statuses),
        T(errors_with_a_page_without_an_end),
        T(half_answers),
        T(nobody_there),
        T(silence_ends_by_its_time_out),
        T(trickle_ends_before_its_time_out),
        T(loopback_is_not_reached),
        T(loopback_is_reached_where_it_is_opened),
        T(one_starts_another),
        T(free_drops_them_without_a_word),
    };

    set_proxies();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
