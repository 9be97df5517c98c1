#include "common/http/client.h"

#include <stdlib.h>

#include "common/http/client_priv.h"

enum { IN_FLIGHT = 64 };

struct client {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer timer; /* what curl waits for */
    struct loop_timer pump;  /* calls that may start now; a timer, because it can be taken back */
    struct client_opts opts; /* with copies of its strings */
    char *last_url;          /* the last that was checked: most calls go to the same */
    bool global;             /* curl_global_init was called */
    struct call *queue;
    struct call **queue_tail;
    struct call *flying;
    unsigned queued;
    unsigned in_flight;
    CURL **idle; /* prepared handles, room for opts.in_flight */
    unsigned idle_n;
    struct client *elder; /* succeeded by this one, answers what it began */
    struct client *heir;  /* this one's successor */
};

struct sock {
    struct client *c;
    curl_socket_t fd;
    struct loop_fd *watch;
};

/* ---- the end of a call ---------------------------------------------------------------------------------------- */

/* Takes the call out of curl and of the list; its handle goes back to the idle ones. */
static void
land(struct call *call)
{
    struct client *c = call->c;

    curl_multi_remove_handle(c->multi, call->easy);
    if (call->next)
        call->next->prev = call->prev;
    if (call->prev)
        call->prev->next = call->next;
    else
        c->flying = call->next;
    c->in_flight--;
}

static void
release(struct call *call)
{
    struct client *c = call->c;

    curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, NULL); /* it is the call's memory */
    c->idle[c->idle_n++] = call->easy;
    call_free(call);
}

static void
finish(struct call *call, CURLcode code)
{
    land(call);
    call_answer(call, code);
    release(call);
}

/* Succeeded, and nothing is left to answer. */
static bool
done(const struct client *c)
{
    return c->heir && !c->in_flight && !c->queue;
}

static void
reap(struct client *c)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(c->multi, &left))) {
        CURLcode code = msg->data.result;
        char *call = NULL;

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
        finish((struct call *)(void *)call, code);
    }
    if (((c->queue && c->in_flight < c->opts.in_flight) || done(c)) && !c->pump.slot)
        loop_timer_set(c->loop, &c->pump, 0);
}

/* ---- curl in our loop ----------------------------------------------------------------------------------------- */

static void
on_sock_ready(void *arg, int events)
{
    struct sock *sock = arg;
    struct client *c = sock->c; /* curl may drop `sock` in the call below */
    int mask = (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
    int running;

    curl_multi_socket_action(c->multi, sock->fd, mask, &running);
    reap(c);
}

static void
drop_sock(struct client *c, struct sock *sock)
{
    if (!sock)
        return;
    loop_unwatch(sock->watch);
    curl_multi_assign(c->multi, sock->fd, NULL);
    free(sock);
}

static struct sock *
new_sock(struct client *c, curl_socket_t fd, int events)
{
    struct sock *sock = calloc(1, sizeof *sock);

    if (!sock)
        return NULL;
    *sock = (struct sock){.c = c, .fd = fd, .watch = loop_watch(c->loop, fd, events, on_sock_ready, sock)};
    if (sock->watch)
        return sock;
    free(sock);
    return NULL;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
    struct client *c = arg;
    struct sock *sock = mine;
    int events = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        drop_sock(c, sock);
    } else if (sock) {
        loop_watch_set(sock->watch, events);
    } else {
        sock = new_sock(c, fd, events);
        curl_multi_assign(c->multi, fd, sock); /* without one the call ends by its time-out */
    }
    return 0;
}

static int
on_multi_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct client *c = arg;

    (void)multi;
    if (timeout_ms < 0)
        loop_timer_stop(c->loop, &c->timer);
    else
        loop_timer_set(c->loop, &c->timer, timeout_ms);
    return 0;
}

static void
on_timer(void *arg)
{
    struct client *c = arg;
    int running;

    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    reap(c);
}

/* ---- starting ------------------------------------------------------------------------------------------------- */

static CURL *
take_handle(struct client *c)
{
    CURL *easy;

    if (c->idle_n)
        return c->idle[--c->idle_n];
    easy = curl_easy_init();
    if (easy && !call_prepare(easy, &c->opts)) {
        curl_easy_cleanup(easy);
        easy = NULL;
    }
    return easy;
}

static struct call *
dequeue(struct client *c)
{
    struct call *call = c->queue;

    c->queue = call->next;
    if (!c->queue)
        c->queue_tail = &c->queue;
    c->queued--;
    call->next = NULL;
    return call;
}

/* Gives the call to curl, or answers it when that fails. */
static void
launch(struct client *c, struct call *call)
{
    CURL *easy = take_handle(c);
    struct client_answer a = {
        .fate = CLIENT_NOT_SENT, .cause = CLIENT_OWN, .retry_after_s = -1, .error = "no memory for a call"};

    if (easy && call_attach(call, easy) && !curl_multi_add_handle(c->multi, easy)) {
        call->next = c->flying;
        if (c->flying)
            c->flying->prev = call;
        c->flying = call;
        c->in_flight++;
        return;
    }
    if (easy)
        curl_easy_cleanup(easy);
    call->fn(call->arg, &a);
    call_free(call);
}

/* Takes `c` out of the line between its heir and its elder. */
static void
inherit(struct client *c)
{
    c->heir->elder = c->elder;
    if (c->elder)
        c->elder->heir = c->heir;
    c->elder = NULL;
}

static void
on_pump(void *arg)
{
    struct client *c = arg;

    while (c->queue && c->in_flight < c->opts.in_flight)
        launch(c, dequeue(c));
    if (done(c)) {
        inherit(c);
        client_free(c);
    }
}

enum res
client_start(struct client *c, const struct client_call *from, struct err *e)
{
    bool known = c->last_url && from->url && !strcmp(c->last_url, from->url);
    struct call *call;
    enum res res = call_new(from, known, &call, e);

    if (res)
        return res;
    if (!known) {
        free(c->last_url);
        c->last_url = str_dup(str_of(call->url));
    }
    call->c = c;
    call->opts = &c->opts;
    *c->queue_tail = call;
    c->queue_tail = &call->next;
    c->queued++;
    if (c->in_flight < c->opts.in_flight && !c->pump.slot)
        loop_timer_set(c->loop, &c->pump, 0);
    return RES_OK;
}

unsigned
client_in_flight(const struct client *c)
{
    return c->in_flight;
}

unsigned
client_queued(const struct client *c)
{
    return c->queued;
}

/* ---- the engine ----------------------------------------------------------------------------------------------- */

bool
client_opts_copy(struct client_opts *to, const struct client_opts *from)
{
    bool ok = true;

    *to = *from;
    ok &= str_keep(&to->ca_file);
    ok &= str_keep(&to->cert_file);
    ok &= str_keep(&to->key_file);
    ok &= str_keep(&to->pinned_key);
    ok &= str_keep(&to->proxy);
    ok &= str_keep(&to->user_agent);
    return ok;
}

void
client_opts_drop(struct client_opts *o)
{
    free((char *)(uintptr_t)o->ca_file);
    free((char *)(uintptr_t)o->cert_file);
    free((char *)(uintptr_t)o->key_file);
    free((char *)(uintptr_t)o->pinned_key);
    free((char *)(uintptr_t)o->proxy);
    free((char *)(uintptr_t)o->user_agent);
    *o = (struct client_opts){0};
}

static bool
open_multi(struct client *c)
{
    CURLM *m = c->multi = curl_multi_init();

    return m && !curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket) &&
           !curl_multi_setopt(m, CURLMOPT_SOCKETDATA, c) &&
           !curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_multi_timer) &&
           !curl_multi_setopt(m, CURLMOPT_TIMERDATA, c) &&
           !curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)c->opts.in_flight + 8);
}

/* Bad options are told now, not at the first call. */
static enum res
try_opts(struct client *c, struct err *e)
{
    CURL *easy = take_handle(c);

    if (!easy)
        return err_set(e, RES_FATAL, "libcurl does not take the options of the HTTP client");
    c->idle[c->idle_n++] = easy;
    return RES_OK;
}

enum res
client_new(struct loop *loop, const struct client_opts *opts, struct client **ret, struct err *e)
{
    struct client *c = calloc(1, sizeof *c);
    enum res res;

    *ret = NULL;
    if (!c)
        return err_set(e, RES_FATAL, "out of memory");
    c->loop = loop;
    c->queue_tail = &c->queue;
    c->timer = (struct loop_timer){.fn = on_timer, .arg = c};
    c->pump = (struct loop_timer){.fn = on_pump, .arg = c};
    c->global = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    res = client_opts_copy(&c->opts, opts) ? RES_OK : RES_FATAL;
    c->opts.in_flight = opts->in_flight ? opts->in_flight : IN_FLIGHT;
    if (c->global && !res && open_multi(c))
        c->idle = calloc(c->opts.in_flight, sizeof(CURL *));
    res = c->idle ? try_opts(c, e) : err_set(e, RES_FATAL, "cannot start libcurl");
    if (res) {
        client_free(c);
        return res;
    }
    *ret = c;
    return RES_OK;
}

void
client_succeed(struct client *c, struct client *before)
{
    struct client *last = c;

    while (last->elder)
        last = last->elder;
    last->elder = before;
    before->heir = last;
    if (done(before) && !before->pump.slot)
        loop_timer_set(before->loop, &before->pump, 0);
}

void
client_free(struct client *c)
{
    if (!c)
        return;
    client_free(c->elder);
    while (c->queue)
        call_free(dequeue(c));
    while (c->flying) {
        struct call *call = c->flying;

        land(call);
        release(call);
    }
    while (c->idle && c->idle_n)
        curl_easy_cleanup(c->idle[--c->idle_n]);
    if (c->multi)
        curl_multi_cleanup(c->multi);
    loop_timer_stop(c->loop, &c->timer);
    loop_timer_stop(c->loop, &c->pump);
    free(c->idle);
    free(c->last_url);
    client_opts_drop(&c->opts);
    if (c->global)
        curl_global_cleanup();
    free(c);
}
