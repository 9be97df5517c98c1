/* test_http_fetch: a fetch and a peer on a raw socket that says what it is told to, in one loop. Included after cmocka.h. */
#ifndef TESTS_UNIT_TEST_HTTP_FETCH_H
#define TESTS_UNIT_TEST_HTTP_FETCH_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/http/fetch.h"
#include "tests/unit/folder.h"
#include "tests/unit/peer.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

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
    uint32_t ip;
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
    struct folder dir;
    pid_t tls;
    FILE *tls_says; /* open as long as it runs: it writes there */
};

/* ---- the peer ------------------------------------------------------------------------------------------------- */

static inline void
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

static inline void
say(struct conn *c, struct str text)
{
    assert_int_equal(send(c->fd, text.p, text.n, MSG_NOSIGNAL), (ssize_t)text.n);
}

static inline void
trickle(void *arg)
{
    struct conn *c = arg;

    if (send(c->fd, c->page->again, 1, MSG_NOSIGNAL) == 1)
        loop_timer_set(c->s->loop, &c->timer, 50);
    else
        hang_up(c);
}

static inline void
pour(struct conn *c)
{
    size_t n = strlen(c->page->again);

    while (send(c->fd, c->page->again, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n)
        ;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        hang_up(c);
}

static inline void
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

static inline const struct page *
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

static inline void
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

static inline void
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

static inline void
site_open(struct site *s, struct loop *loop, uint32_t ip, unsigned port)
{
    *s = (struct site){.loop = loop, .ip = ip, .fd = peer_listen(ip, port), .heads = buf_make(1 << 20)};
    s->port = peer_port(s->fd);
    s->watch = loop_watch(loop, s->fd, LOOP_READ, on_accept, s);
}

static inline void
site_close(struct site *s)
{
    for (unsigned i = 0; i < s->conns; i++)
        hang_up(&s->conn[i]);
    loop_unwatch(s->watch);
    if (s->fd > 0)
        close(s->fd);
    buf_free(&s->heads);
}

/* Nobody has connected: the first to be accepted is who connects now. */
static inline void
site_was_left_alone(struct site *s)
{
    int64_t end = clk_mono_ms() + 20000;
    int fd = peer_dial(s->ip, s->port);

    while (!s->conns && clk_mono_ms() < end)
        loop_turn(s->loop, 10);
    assert_int_equal(s->conns, 1);
    assert_int_equal(peer_port_of(s->conn[0].fd), peer_port(fd));
    close(fd);
}

/* ---- fetching ------------------------------------------------------------------------------------------------- */

static inline bool
on_chunk(void *arg, struct str bytes)
{
    struct got *g = arg;

    buf_str(&g->body, bytes);
    return ++g->pieces != g->stop_at;
}

static inline void start(struct ctx *x, int i, const char *url, struct fetch_request req);

static inline void
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
static inline const char *
ported(struct ctx *x, int i, const char *text)
{
    char *to = x->text[i];

    to[0] = '\0';
    for (const char *p; (p = strstr(text, "%u")); text = p + 2)
        snprintf(to + strlen(to), sizeof x->text[i] - strlen(to), "%.*s%u", (int)(p - text), text, x->s.port);
    snprintf(to + strlen(to), sizeof x->text[i] - strlen(to), "%s", text);
    return to;
}

static inline void
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

static inline struct got *
await(struct ctx *x, int i)
{
    int64_t end = clk_mono_ms() + 20000;

    while (!x->got[i].times && clk_mono_ms() < end)
        loop_turn(x->loop, 10);
    assert_int_equal(x->got[i].times, 1);
    return &x->got[i];
}

static inline struct got *
run(struct ctx *x, const char *url, size_t max)
{
    char to[256];

    snprintf(to, sizeof to, "%s", ported(x, 7, url));
    start(x, 0, to, (struct fetch_request){.max = max, .timeout_ms = 15000});
    return await(x, 0);
}

/* In place of the fetch of `setup`. */
static inline void
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
static inline int
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

static inline int
teardown(void **state)
{
    struct ctx *x = *state;

    fetch_free(x->f);
    site_close(&x->s);
    site_close(&x->other);
    if (x->tls > 0) {
        kill(x->tls, SIGTERM);
        waitpid(x->tls, NULL, 0);
    }
    if (x->tls_says)
        fclose(x->tls_says);
    folder_remove(&x->dir);
    for (int i = 0; i < GOTS; i++)
        buf_free(&x->got[i].body);
    loop_free(x->loop);
    free(x);
    return 0;
}

static inline unsigned
count(const struct buf *b, const char *word)
{
    unsigned n = 0;

    for (const char *p = b->p; p && (p = strcasestr(p, word)); p++)
        n++;
    return n;
}

/* Whoever runs such tests may have proxies set, which must not be looked at. */
static inline void
set_proxies(void)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("https_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
}

#endif
