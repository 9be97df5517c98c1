#include "common/http/fetch_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clk.h"
#include "common/http/client.h"

enum {
    IN_FLIGHT = 8,
    TIMEOUT_MS = 30000,
    SLOW_BYTES = 1024,
    SLOW_S = 20,
    CONNECT_MS = 10000,
    DRAIN_MAX = 16384
};

/* One fetch from its start to `done`. */
struct get {
    struct fetch *f;
    struct get *next; /* among all of them */
    struct get *prev;
    struct get *next_file;    /* in the queue of files */
    struct fetch_request req; /* its url is not ours and not used again */
    struct target at;
    unsigned hops;
    int64_t took_us; /* by the hops before */
    int code;
    uint64_t bytes;
    bool too_large;
    bool stopped;
    int fd; /* of a file; -1 until its turn */
    int64_t until_ms;
};

struct fetch {
    struct loop *loop;
    struct client *client;
    struct policy policy;
    unsigned redirects;
    struct get *all;
    struct get *files;
    struct get **files_tail;
    struct loop_timer turn; /* reads the first of `files` */
    char *piece;            /* FETCH_PIECE bytes, when there may be files */
};

/* ---- the end -------------------------------------------------------------------------------------------------- */

static void
get_free(struct get *g)
{
    if (g->fd >= 0)
        close(g->fd);
    target_free(&g->at);
    free(g);
}

static void
unlist(struct get *g)
{
    if (g->next)
        g->next->prev = g->prev;
    if (g->prev)
        g->prev->next = g->next;
    else
        g->f->all = g->next;
}

static void
finish(struct get *g, enum fetch_fate fate, const char *why, int64_t retry_after_s)
{
    struct fetch_end end = {
        .fate = fate, .code = g->code, .bytes = g->bytes, .retry_after_s = retry_after_s, .why = why};

    unlist(g);
    g->req.done(g->req.arg, &end);
    get_free(g);
}

/* ---- bytes ---------------------------------------------------------------------------------------------------- */

/* Counts and hands on; false ends the fetch. */
static bool
take(struct get *g, struct str bytes)
{
    if (bytes.n > g->req.max - g->bytes) {
        g->too_large = true;
        return false;
    }
    g->bytes += bytes.n;
    g->stopped = !g->req.chunk(g->req.arg, bytes);
    return !g->stopped;
}

/* How it ended by our own doing; FETCH_OK when it did not. */
static enum fetch_fate
ours(const struct get *g, const char **why)
{
    *why = "";
    if (g->too_large) {
        *why = "longer than may be read";
        return FETCH_TOO_LARGE;
    }
    if (g->stopped) {
        *why = "stopped by its reader";
        return FETCH_STOPPED;
    }
    return FETCH_OK;
}

/* ---- HTTP ----------------------------------------------------------------------------------------------------- */

/* The page of an error is read to its end where that is near, which keeps the connection; else the call is cut. Its code
 * is all that we want. */
static bool
on_head(void *arg, const struct client_head *h)
{
    struct get *g = arg;

    g->code = h->code;
    if (h->code != 200)
        return h->announced >= 0 && h->announced <= DRAIN_MAX;
    g->too_large = h->announced > 0 && (uint64_t)h->announced > g->req.max;
    return !g->too_large;
}

static bool
on_bytes(void *arg, struct str bytes)
{
    struct get *g = arg;

    return g->code != 200 || take(g, bytes);
}

static bool
is_redirect(int code)
{
    return code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
}

static enum fetch_fate
fate_of_code(int code)
{
    if (code == 404 || code == 410)
        return FETCH_NOT_FOUND;
    if (code == 401 || code == 403)
        return FETCH_DENIED;
    if (code == 408 || code == 425 || code == 429 || (code >= 500 && code < 600))
        return FETCH_LATER;
    return FETCH_BAD_ANSWER;
}

static enum fetch_fate
fate_of_none(const struct client_answer *a)
{
    if (a->vetoed)
        return FETCH_REFUSED;
    return a->too_long ? FETCH_BAD_ANSWER : FETCH_LATER;
}

static enum res ask(struct get *g, struct err *e);

/* Where the answer sends us, judged like the first address and by the way that leads there. */
static enum res
next_target(struct get *g, struct str location, struct err *e)
{
    struct target to;
    enum res res;
    char *ref;

    if (g->hops++ >= g->f->redirects)
        return err_set(e, RES_REJECT, "answered with a redirect, of which %s followed",
                       g->f->redirects ? "no more are" : "none is");
    ref = str_dup(location);
    if (!ref)
        return err_set(e, RES_RETRY, "out of memory");
    res = policy_judge(&g->f->policy, g->at.url, ref, &to, e);
    free(ref);
    if (!res && to.path)
        res = err_set(e, RES_REJECT, "a redirect to a file");
    if (!res && g->at.https && !to.https)
        res = err_set(e, RES_REJECT, "a redirect from https to http");
    if (res) {
        target_free(&to);
        return res;
    }
    target_free(&g->at);
    g->at = to;
    return RES_OK;
}

static void
follow(struct get *g, const struct client_answer *a)
{
    struct err e = {0};
    enum res res;
    char why[sizeof e.text + 32];

    if (!a->location.n) {
        finish(g, FETCH_BAD_ANSWER, "a redirect that says not where to", -1);
        return;
    }
    res = next_target(g, a->location, &e);
    if (!res && g->took_us / 1000 >= g->req.timeout_ms)
        res = err_set(&e, RES_RETRY, "redirects took all of its time");
    if (!res)
        res = ask(g, &e);
    if (!res)
        return;
    snprintf(why, sizeof why, g->hops > 1 ? "%s (redirect %u)" : "%s", e.text, g->hops);
    finish(g, res == RES_REJECT ? FETCH_REFUSED : FETCH_LATER, why, -1);
}

static void
on_answer(void *arg, const struct client_answer *a)
{
    struct get *g = arg;
    const char *why;
    char status[48];
    enum fetch_fate fate = ours(g, &why);

    g->took_us += a->took_us;
    if (is_redirect(g->code)) {
        follow(g, a);
    } else if (g->code && g->code != 200) {
        snprintf(status, sizeof status, "the server answered with status %d", g->code);
        finish(g, fate_of_code(g->code), status, a->retry_after_s);
    } else if (fate || (g->code && a->fate == CLIENT_ANSWERED)) {
        finish(g, fate, why, -1);
    } else {
        finish(g, g->code ? FETCH_LATER : fate_of_none(a), a->error, -1);
    }
}

static bool
may_reach(void *arg, const struct sockaddr *to)
{
    const struct fetch *f = arg;

    return policy_reach(&f->policy, to);
}

/* Sends (or queues) the call for where `g` stands. */
static enum res
ask(struct get *g, struct err *e)
{
    const char **headers = policy_headers(&g->f->policy, &g->at);
    struct client_call call = {.method = "GET",
                               .url = g->at.url,
                               .headers = headers,
                               .timeout_ms = g->req.timeout_ms - g->took_us / 1000,
                               .fn = on_answer,
                               .head = on_head,
                               .sink = on_bytes,
                               .arg = g};
    enum res res = headers ? client_start(g->f->client, &call, e) : err_set(e, RES_RETRY, "out of memory");

    g->code = 0;
    free(headers);
    return res;
}

/* ---- files ---------------------------------------------------------------------------------------------------- */

/* A piece of the file; whether there is more, else how it ended. */
static bool
read_piece(struct get *g, enum fetch_fate *fate, const char **why)
{
    ssize_t n = read(g->fd, g->f->piece, FETCH_PIECE);

    *fate = FETCH_OK;
    *why = "";
    if (n > 0 && clk_mono_ms() < g->until_ms) {
        if (take(g, (struct str){g->f->piece, (size_t)n}))
            return true;
        *fate = ours(g, why);
    } else if (n) {
        *fate = FETCH_LATER;
        *why = n < 0 ? "the file cannot be read" : "the file took longer than it may";
    }
    return n < 0 && errno == EINTR;
}

/* Opens the file when it is its turn, then reads a piece. False when it ended. */
static bool
advance(struct get *g, enum fetch_fate *fate, const char **why)
{
    uint64_t size;

    if (g->fd >= 0)
        return read_piece(g, fate, why);
    g->until_ms = clk_mono_ms() + g->req.timeout_ms;
    *fate = file_open(g->f->policy.root_real, g->at.path, &g->fd, &size, why);
    if (!*fate && size > g->req.max) {
        g->too_large = true;
        *fate = ours(g, why);
    }
    return !*fate;
}

/* One piece per turn of the loop, so that a large file holds nobody up. */
static void
on_turn(void *arg)
{
    struct fetch *f = arg;
    struct get *g = f->files;
    enum fetch_fate fate;
    const char *why;
    bool more = advance(g, &fate, &why);

    if (!more) {
        f->files = g->next_file;
        if (!f->files)
            f->files_tail = &f->files;
    }
    if (f->files)
        loop_timer_set(f->loop, &f->turn, 0);
    if (!more)
        finish(g, fate, why, -1);
}

static void
queue_file(struct get *g)
{
    struct fetch *f = g->f;

    *f->files_tail = g;
    f->files_tail = &g->next_file;
    if (!f->turn.slot)
        loop_timer_set(f->loop, &f->turn, 0);
}

/* ---- starting ------------------------------------------------------------------------------------------------- */

static void
list(struct get *g)
{
    struct fetch *f = g->f;

    g->next = f->all;
    if (f->all)
        f->all->prev = g;
    f->all = g;
}

enum res
fetch_start(struct fetch *f, const struct fetch_request *req, struct err *e)
{
    struct get *g = calloc(1, sizeof *g);
    enum res res;

    if (!g)
        return err_set(e, RES_RETRY, "out of memory");
    *g = (struct get){.f = f, .req = *req, .fd = -1};
    g->req.url = NULL;
    if (g->req.timeout_ms <= 0)
        g->req.timeout_ms = TIMEOUT_MS;
    res = policy_judge(&f->policy, NULL, req->url, &g->at, e);
    if (!res && g->at.path)
        queue_file(g);
    else if (!res)
        res = ask(g, e);
    if (res)
        get_free(g);
    else
        list(g);
    return res;
}

static enum res
open_all(struct fetch *f, const struct fetch_opts *opts, struct err *e)
{
    struct client_opts co = {.in_flight = opts->in_flight ? opts->in_flight : IN_FLIGHT,
                             .connect_ms = CONNECT_MS,
                             .ca_file = opts->ca_file,
                             .user_agent = opts->user_agent,
                             .slow_bytes = SLOW_BYTES,
                             .slow_s = opts->slow_s ? opts->slow_s : SLOW_S,
                             .may_reach = may_reach,
                             .reach_arg = f};
    enum res res = policy_init(&f->policy, opts, e);

    if (!res && opts->file_root && !(f->piece = malloc(FETCH_PIECE)))
        res = err_set(e, RES_FATAL, "out of memory");
    return res ? res : client_new(opts->loop, &co, &f->client, e);
}

enum res
fetch_new(const struct fetch_opts *opts, struct fetch **ret, struct err *e)
{
    struct fetch *f = calloc(1, sizeof *f);
    enum res res;

    *ret = NULL;
    if (!f)
        return err_set(e, RES_FATAL, "out of memory");
    f->loop = opts->loop;
    f->redirects = opts->redirects;
    f->files_tail = &f->files;
    f->turn = (struct loop_timer){.fn = on_turn, .arg = f};
    res = open_all(f, opts, e);
    if (res) {
        fetch_free(f);
        return res;
    }
    *ret = f;
    return RES_OK;
}

void
fetch_free(struct fetch *f)
{
    if (!f)
        return;
    client_free(f->client); /* first: it still holds what is freed below */
    loop_timer_stop(f->loop, &f->turn);
    for (struct get *g = f->all, *next; g; g = next) {
        next = g->next;
        get_free(g);
    }
    policy_free(&f->policy);
    free(f->piece);
    free(f);
}
