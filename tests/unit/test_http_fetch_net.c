/* Fetches over real connections: a peer on a raw socket that says what it is told to, and openssl's server for TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/http/fetch.h"

enum { CONNS = 16, GOTS = 4 };

/* What a path of the peer answers with. */
struct page {
    const char *path;
    const char *answer; /* NULL = nothing */
    enum { KEEP, CLOSE, ENDLESS, TRICKLE } then;
    size_t n;          /* bytes of the answer; 0 = to its NUL */
    const char *again; /* what ENDLESS repeats, and of which TRICKLE writes a byte at a time */
};

struct site;

struct conn {
    struct site *s;
    int fd;
    struct loop_fd *watch;
    struct loop_timer timer;
    const struct page *page;
    struct buf in;
};

/* A peer on a raw socket. */
struct site {
    struct loop *loop;
    int fd;
    unsigned port;
    struct loop_fd *watch;
    const struct page *pages;
    struct conn conn[CONNS];
    unsigned conns;
    unsigned requests;
    struct buf heads; /* all requests as they came */
};

struct got {
    struct buf body;
    unsigned pieces;
    unsigned stop_at;
    int times;
    struct fetch_end end;
    char why[300];
    struct ctx *next_of; /* starts another fetch when it is done */
};

struct ctx {
    struct loop *loop;
    struct site s;
    struct site other; /* on 127.0.0.2 */
    struct fetch *f;
    struct got got[GOTS];
    char text[8][256]; /* of pages and lists */
    char dir[64];
    pid_t tls;
    FILE *tls_says; /* open as long as it runs: it writes there */
};

/* ---- the peer ------------------------------------------------------------------------------------------------- */

static void
hang_up(struct conn *c)
{
    loop_unwatch(c->watch);
    loop_timer_stop(c->s->loop, &c->timer);
    if (c->fd >= 0)
        close(c->fd);
    buf_free(&c->in);
    c->watch = NULL;
    c->fd = -1;
}

static void
say(struct conn *c, struct str text)
{
    assert_int_equal(send(c->fd, text.p, text.n, MSG_NOSIGNAL), (ssize_t)text.n);
}

static void
trickle(void *arg)
{
    struct conn *c = arg;

    if (send(c->fd, c->page->again, 1, MSG_NOSIGNAL) == 1)
        loop_timer_set(c->s->loop, &c->timer, 50);
    else
        hang_up(c);
}

static void
pour(struct conn *c)
{
    size_t n = strlen(c->page->again);

    while (send(c->fd, c->page->again, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n)
        ;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        hang_up(c);
}

static void
answer(struct conn *c)
{
    if (c->page->answer)
        say(c, (struct str){c->page->answer, c->page->n ? c->page->n : strlen(c->page->answer)});
    if (c->page->then == CLOSE)
        hang_up(c);
    else if (c->page->then == TRICKLE)
        trickle(c);
    else if (c->page->then == ENDLESS)
        loop_watch_set(c->watch, LOOP_READ | LOOP_WRITE);
}

static const struct page *
page_of(const struct site *s, struct str head)
{
    const struct page *p = s->pages;

    for (; p && p->path; p++) {
        size_t n = strlen(p->path);

        if (head.n > n + 5 && !memcmp(head.p, "GET ", 4) && !memcmp(head.p + 4, p->path, n) &&
            strchr(" ?", head.p[4 + n]))
            return p;
    }
    fail_msg("asked for what is not there: %.*s", STR_FMT(head));
    return NULL;
}

static void
on_conn(void *arg, int events)
{
    struct conn *c = arg;
    char part[4096];
    ssize_t n;

    if (events & LOOP_READ) {
        n = recv(c->fd, part, sizeof part, 0);
        if (n <= 0) {
            hang_up(c);
            return;
        }
        buf_add(&c->in, part, (size_t)n);
        buf_add(&c->s->heads, part, (size_t)n);
        if (str_ends(buf_view(&c->in), STR("\r\n\r\n"))) {
            c->s->requests++;
            c->page = page_of(c->s, buf_view(&c->in));
            buf_reset(&c->in);
            answer(c);
        }
    }
    if (c->fd >= 0 && events & LOOP_WRITE && c->page)
        pour(c);
}

static void
on_accept(void *arg, int events)
{
    struct site *s = arg;
    struct conn *c;

    (void)events;
    assert_true(s->conns < CONNS);
    c = &s->conn[s->conns++];
    *c = (struct conn){.s = s, .fd = accept(s->fd, NULL, NULL), .timer = {.fn = trickle, .arg = c}};
    assert_true(c->fd >= 0);
    c->in = buf_make(16384);
    c->watch = loop_watch(s->loop, c->fd, LOOP_READ, on_conn, c);
}

static void
site_open(struct site *s, struct loop *loop, uint32_t ip, unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t n = sizeof at;

    *s = (struct site){
        .loop = loop, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .heads = buf_make(1 << 20)};
    at.sin_addr.s_addr = htonl(ip);
    assert_int_equal(setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, CONNS), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &n), 0);
    s->port = ntohs(at.sin_port);
    s->watch = loop_watch(loop, s->fd, LOOP_READ, on_accept, s);
}

static void
site_close(struct site *s)
{
    for (unsigned i = 0; i < s->conns; i++)
        hang_up(&s->conn[i]);
    loop_unwatch(s->watch);
    if (s->fd > 0)
        close(s->fd);
    buf_free(&s->heads);
}

/* ---- fetching ------------------------------------------------------------------------------------------------- */

static bool
on_chunk(void *arg, struct str bytes)
{
    struct got *g = arg;

    buf_str(&g->body, bytes);
    return ++g->pieces != g->stop_at;
}

static void start(struct ctx *x, int i, const char *url, struct fetch_request req);

static void
on_done(void *arg, const struct fetch_end *end)
{
    struct got *g = arg;

    g->times++;
    g->end = *end;
    snprintf(g->why, sizeof g->why, "%s", end->why);
    assert_int_equal(end->bytes, g->body.n);
    assert_int_equal(end->why[0] == '\0', end->fate == FETCH_OK);
    assert_null(strstr(end->why, "secret"));
    if (g->next_of)
        start(g->next_of, 1, g->next_of->text[0], (struct fetch_request){.max = 100});
}

/* Lists and pages are written with the site's port: %u in them. */
static const char *
ported(struct ctx *x, int i, const char *text)
{
    char *to = x->text[i];

    to[0] = '\0';
    for (const char *p; (p = strstr(text, "%u")); text = p + 2)
        snprintf(to + strlen(to), sizeof x->text[i] - strlen(to), "%.*s%u", (int)(p - text), text, x->s.port);
    snprintf(to + strlen(to), sizeof x->text[i] - strlen(to), "%s", text);
    return to;
}

static void
start(struct ctx *x, int i, const char *url, struct fetch_request req)
{
    struct got *g = &x->got[i];
    struct err e = {0};

    buf_free(&g->body);
    *g = (struct got){.body = buf_make(1 << 20), .stop_at = g->stop_at, .next_of = g->next_of};
    req.url = url;
    req.chunk = on_chunk;
    req.done = on_done;
    req.arg = g;
    if (fetch_start(x->f, &req, &e))
        fail_msg("%s: %s", url, e.text);
    assert_int_equal(g->times, 0);
}

static struct got *
await(struct ctx *x, int i)
{
    int64_t end = clk_mono_ms() + 20000;

    while (!x->got[i].times && clk_mono_ms() < end)
        loop_turn(x->loop, 10);
    assert_int_equal(x->got[i].times, 1);
    return &x->got[i];
}

static struct got *
run(struct ctx *x, const char *url, size_t max)
{
    char to[256];

    snprintf(to, sizeof to, "%s", ported(x, 7, url));
    start(x, 0, to, (struct fetch_request){.max = max, .timeout_ms = 15000});
    return await(x, 0);
}

/* In place of the fetch of `setup`. */
static void
open_with(struct ctx *x, struct fetch_opts o)
{
    struct err e = {0};

    fetch_free(x->f);
    o.loop = x->loop;
    if (fetch_new(&o, &x->f, &e))
        fail_msg("%s", e.text);
}

static const char *const loopback[] = {"127.0.0.1", NULL};

/* One site at localhost:<port>, which may be asked though it is on this machine. */
static int
setup(void **state)
{
    struct ctx *x = calloc(1, sizeof *x);
    const char *allow[] = {NULL, NULL, NULL};

    assert_int_equal(loop_new(&x->loop, NULL), RES_OK);
    site_open(&x->s, x->loop, INADDR_LOOPBACK, 0);
    allow[0] = ported(x, 5, "localhost:%u");
    allow[1] = ported(x, 6, "127.0.0.1:%u");
    open_with(x, (struct fetch_opts){.allow = allow, .allow_net = loopback, .allow_http = true});
    *state = x;
    return 0;
}

static int
teardown(void **state)
{
    struct ctx *x = *state;
    char line[128];

    fetch_free(x->f);
    site_close(&x->s);
    site_close(&x->other);
    if (x->tls > 0) {
        kill(x->tls, SIGTERM);
        waitpid(x->tls, NULL, 0);
    }
    if (x->tls_says)
        fclose(x->tls_says);
    if (x->dir[0]) {
        snprintf(line, sizeof line, "rm -rf %s", x->dir);
        assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): a path of our own */
    }
    for (int i = 0; i < GOTS; i++)
        buf_free(&x->got[i].body);
    loop_free(x->loop);
    free(x);
    return 0;
}

static unsigned
count(const struct buf *b, const char *word)
{
    unsigned n = 0;

    for (const char *p = b->p; p && (p = strcasestr(p, word)); p++)
        n++;
    return n;
}

/* ---- whole answers and their size ----------------------------------------------------------------------------- */

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

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
    for (int turn = 0; turn < 5; turn++)
        loop_turn(x->loop, 5);
    assert_int_equal(x->s.conns, 0);
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

/* ---- redirects ------------------------------------------------------------------------------------------------ */

#define MOVED(code, to) "HTTP/1.1 " code " Moved\r\nContent-Length: 0\r\nLocation: " to "\r\n\r\n"

/* `hops` redirects are followed on a site that also listens on 127.0.0.2, whose address is not opened. */
static struct got *
redirected(struct ctx *x, const char *moved, unsigned hops)
{
    const char *allow[] = {ported(x, 0, "localhost:%u"), ported(x, 1, "127.0.0.1:%u"),
                           ported(x, 2, "127.0.0.2:%u"), NULL};
    struct page pages[] = {{"/from", ported(x, 3, moved), KEEP, 0, NULL},
                           {"/loop", ported(x, 4, MOVED("302", "/loop")), KEEP, 0, NULL},
                           {"/to", OK_HEAD "Content-Length: 2\r\n\r\nok", KEEP, 0, NULL},
                           {NULL, NULL, KEEP, 0, NULL}};
    struct got *g;

    x->s.pages = pages;
    open_with(x, (struct fetch_opts){.allow = allow,
                                     .allow_net = loopback,
                                     .allow_http = true,
                                     .redirects = hops,
                                     .file_root = "/usr"});
    g = run(x, "http://localhost:%u/from?a=secret", 10);
    x->s.pages = NULL;
    return g;
}

static void
redirects(void **state)
{
    static const struct {
        const char *moved;
        unsigned hops;
        enum fetch_fate want;
        int code;
    } row[] = {
        {MOVED("302", "/to"), 0, FETCH_REFUSED, 302},
        {MOVED("301", "/to"), 1, FETCH_OK, 200},
        {MOVED("302", "to?b=secret#x"), 1, FETCH_OK, 200},
        {MOVED("303", "http://localhost:%u/to"), 1, FETCH_OK, 200},
        {MOVED("307", "//127.0.0.1:%u/to"), 1, FETCH_OK, 200},
        {MOVED("308", "http://2130706433:%u/to"), 1, FETCH_OK, 200},
        {MOVED("302", "/loop"), 3, FETCH_REFUSED, 302},
        {MOVED("302", "http://127.0.0.2:%u/to"), 5, FETCH_REFUSED, 0}, /* by its address */
        {MOVED("302", "http://localhost/to"), 5, FETCH_REFUSED, 302},  /* another port */
        {MOVED("302", "http://secret.example/to"), 5, FETCH_REFUSED, 302},
        {MOVED("302", "http://169.254.169.254/latest/meta-data/"), 5, FETCH_REFUSED, 302},
        {MOVED("302", "http://user@localhost:%u/to"), 5, FETCH_REFUSED, 302},
        {MOVED("302", "file:///usr/bin/env"), 5, FETCH_REFUSED, 302},
        {MOVED("302", "gopher://localhost:%u/to"), 5, FETCH_REFUSED, 302},
        {MOVED("302", "http://localhost:%u/t o"), 5, FETCH_REFUSED, 302},
        {MOVED("302", ""), 5, FETCH_BAD_ANSWER, 302},
        {"HTTP/1.1 302 Moved\r\nContent-Length: 0\r\n\r\n", 5, FETCH_BAD_ANSWER, 302},
        {"HTTP/1.1 302 Moved\r\nLocation: /to\r\n\r\nendless", 5, FETCH_OK, 200},
    };
    struct ctx *x = *state;

    site_open(&x->other, x->loop, 0x7f000002, x->s.port);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct got *g = redirected(x, row[i].moved, row[i].hops);

        if (g->end.fate != row[i].want || g->end.code != row[i].code)
            fail_msg("%s: fate %d, code %d (%s)", row[i].moved, g->end.fate, g->end.code, g->why);
        if (g->end.fate == FETCH_OK)
            assert_string_equal(g->body.p, "ok");
        site_close(&x->s);
        site_open(&x->s, x->loop, INADDR_LOOPBACK, x->s.port);
    }
    assert_int_equal(x->other.conns, 0);
}

static void
as_many_hops_as_allowed(void **state)
{
    struct ctx *x = *state;
    struct got *g = redirected(x, MOVED("302", "/loop"), 3);

    assert_int_equal(g->end.fate, FETCH_REFUSED);
    assert_int_equal(x->s.requests, 4);
    assert_non_null(strstr(g->why, "redirect"));
}

static const char *
make_dir(struct ctx *x)
{
    snprintf(x->dir, sizeof x->dir, "%s", "/tmp/fetch-XXXXXX");
    assert_non_null(mkdtemp(x->dir));
    return x->dir;
}

static const char *
write_in(struct ctx *x, const char *name, const char *text)
{
    static char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/%s", x->dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

/* From localhost to 127.0.0.1 and back: the key goes with the first and the third request, not with the second. */
static void
credentials_stay_with_their_host(void **state)
{
    struct ctx *x = *state;
    const char *allow[] = {ported(x, 0, "localhost:%u"), ported(x, 1, "127.0.0.1:%u"), NULL};
    struct page pages[] = {{"/1", ported(x, 2, MOVED("302", "http://127.0.0.1:%u/2")), KEEP, 0, NULL},
                           {"/2", ported(x, 3, MOVED("302", "http://localhost:%u/3")), KEEP, 0, NULL},
                           {"/3", OK_HEAD "Content-Length: 2\r\n\r\nok", KEEP, 0, NULL},
                           {NULL, NULL, KEEP, 0, NULL}};
    const char *second;

    make_dir(x);
    x->s.pages = pages;
    open_with(x, (struct fetch_opts){.allow = allow,
                                     .allow_net = loopback,
                                     .allow_http = true,
                                     .redirects = 2,
                                     .credentials_file =
                                         write_in(x, "c", ported(x, 4, "localhost:%u\tX-Key: one\n"))});
    assert_int_equal(run(x, "http://localhost:%u/1", 10)->end.fate, FETCH_OK);
    second = strstr(x->s.heads.p, "GET /2");
    assert_non_null(second);
    assert_int_equal(count(&x->s.heads, "X-Key: one\r\n"), 2);
    assert_null(memmem(second, (size_t)(strstr(second, "GET /3") - second), "X-Key", 5));
    assert_non_null(strstr(strstr(second, "GET /3"), "X-Key: one"));
    assert_true(strstr(x->s.heads.p, "X-Key") < second);
}

/* ---- TLS ------------------------------------------------------------------------------------------------------ */

static void
shell(const struct ctx *x, const char *line)
{
    char all[1024];

    snprintf(all, sizeof all, "cd %s && { %s; } >log 2>&1", x->dir, line);
    if (system(all)) /* NOLINT(cert-env33-c): openssl's own tool, with words of our own */
        fail_msg("failed, see its log: %s", line);
}

#define NEW_KEY "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "

/* openssl's server on a free port, with a certificate of our authority for `name`; files are whole answers. */
static unsigned
tls_serve(struct ctx *x, const char *name)
{
    char line[512];
    char said[256] = "";
    int out[2];
    unsigned port = 0;

    shell(x, "openssl req -x509 " NEW_KEY "-subj '/CN=test authority' -keyout ca.key -out ca.pem");
    snprintf(line, sizeof line,
             "openssl req -x509 -CA ca.pem -CAkey ca.key " NEW_KEY
             "-subj /CN=test -addext subjectAltName=DNS:%s "
             "-addext basicConstraints=critical,CA:FALSE -keyout s.key -out s.pem",
             name);
    shell(x, line);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    x->tls = fork();
    if (!x->tls) {
        dup2(out[1], 1);
        if (chdir(x->dir) == 0 && freopen("served", "w", stderr))
            execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", "s.pem", "-key",
                   "s.key", "-HTTP", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    x->tls_says = fdopen(out[0], "r");
    while (!port && fgets(said, sizeof said, x->tls_says))
        sscanf(said, "ACCEPT 127.0.0.1:%u", &port); /* NOLINT(cert-err34-c) */
    assert_true(port > 0);
    return port;
}

static struct got *
over_tls(struct ctx *x, const char *name, bool trusted, const char *path)
{
    unsigned port = tls_serve(x, name);
    char ca[128];
    char entry[64];
    char url[128];
    const char *allow[] = {entry, ported(x, 0, "localhost:%u"), NULL};

    snprintf(ca, sizeof ca, "%s/ca.pem", x->dir);
    snprintf(entry, sizeof entry, "localhost:%u", port);
    snprintf(url, sizeof url, "https://%s%s", entry, path);
    open_with(x, (struct fetch_opts){.allow = allow,
                                     .allow_net = loopback,
                                     .allow_http = true,
                                     .redirects = 3,
                                     .ca_file = trusted ? ca : NULL});
    return run(x, url, 10);
}

static void
tls_of_an_own_authority(void **state)
{
    struct ctx *x = *state;
    struct got *g;

    make_dir(x);
    write_in(x, "doc", OK_HEAD "Content-Length: 2\r\n\r\nok");
    g = over_tls(x, "localhost", true, "/doc");
    if (g->end.fate != FETCH_OK)
        fail_msg("fate %d: %s", g->end.fate, g->why);
    assert_string_equal(g->body.p, "ok");
}

static void
tls_of_another_name(void **state)
{
    struct ctx *x = *state;
    struct got *g;

    make_dir(x);
    g = over_tls(x, "other.example", true, "/doc?secret");
    assert_int_equal(g->end.fate, FETCH_LATER);
    assert_int_equal(g->end.code, 0);
    assert_non_null(strstr(g->why, "certificate"));
}

static void
tls_of_an_unknown_authority(void **state)
{
    struct ctx *x = *state;
    struct got *g;

    make_dir(x);
    g = over_tls(x, "localhost", false, "/doc?secret");
    assert_int_equal(g->end.fate, FETCH_LATER);
    assert_non_null(strstr(g->why, "certificate"));
}

/* Never from https down to http, although both hosts and http are allowed. */
static void
redirect_out_of_tls_is_refused(void **state)
{
    struct ctx *x = *state;
    struct got *g;

    make_dir(x);
    write_in(x, "from", ported(x, 1, MOVED("302", "http://localhost:%u/to")));
    g = over_tls(x, "localhost", true, "/from");
    assert_int_equal(g->end.fate, FETCH_REFUSED);
    assert_int_equal(g->end.code, 302);
    assert_non_null(strstr(g->why, "from https to http"));
    assert_int_equal(x->s.conns, 0);
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
        T(redirects),
        T(as_many_hops_as_allowed),
        T(credentials_stay_with_their_host),
        T(tls_of_an_own_authority),
        T(tls_of_another_name),
        T(tls_of_an_unknown_authority),
        T(redirect_out_of_tls_is_refused),
        T(one_starts_another),
        T(free_drops_them_without_a_word),
    };

    setenv("http_proxy", "http://127.0.0.1:1", 1); /* must not be looked at */
    setenv("https_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
