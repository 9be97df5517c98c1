#include "common/base/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/clk.h"

struct loop_fd {
    struct loop *loop;
    int fd;
    int events;
    bool dead; /* unwatched during a turn: freed when the turn ends */
    void (*fn)(void *arg, int events);
    void *arg;
    struct loop_fd *next_dead;
};

struct loop {
    int ep;
    bool stop;
    struct loop_timer **heap; /* 1-based binary heap by at_ms */
    size_t timers;
    size_t heap_cap;
    struct loop_defer *defer_head;
    struct loop_defer **defer_tail;
    struct loop_fd *dead;
    int sigfd;
    struct loop_fd *sigwatch;
    void (*sig_fn)(void *arg, int sig);
    void *sig_arg;
};

enum res
loop_new(struct loop **ret, struct err *e)
{
    struct loop *loop = calloc(1, sizeof *loop);

    *ret = NULL;
    if (!loop)
        return err_set(e, RES_FATAL, "out of memory");
    loop->sigfd = -1;
    loop->defer_tail = &loop->defer_head;
    loop->ep = epoll_create1(EPOLL_CLOEXEC);
    if (loop->ep < 0) {
        free(loop);
        return err_set(e, RES_FATAL, "epoll_create1: %s", strerror(errno));
    }
    *ret = loop;
    return RES_OK;
}

static void
bury(struct loop *loop)
{
    while (loop->dead) {
        struct loop_fd *w = loop->dead;

        loop->dead = w->next_dead;
        free(w);
    }
}

void
loop_free(struct loop *loop)
{
    if (!loop)
        return;
    loop_unwatch(loop->sigwatch);
    if (loop->sigfd >= 0)
        close(loop->sigfd);
    bury(loop);
    close(loop->ep);
    free(loop->heap);
    free(loop);
}

/* ---- descriptors ---------------------------------------------------------------------------------------------- */

static uint32_t
ep_events(int events)
{
    return (events & LOOP_READ ? (uint32_t)EPOLLIN | EPOLLRDHUP : 0) |
           (events & LOOP_WRITE ? (uint32_t)EPOLLOUT : 0) | (events & LOOP_END ? (uint32_t)EPOLLRDHUP : 0);
}

struct loop_fd *
loop_watch(struct loop *loop, int fd, int events, void (*fn)(void *arg, int events), void *arg)
{
    struct loop_fd *w = calloc(1, sizeof *w);
    struct epoll_event ev = {.events = ep_events(events)};

    if (!w)
        return NULL;
    *w = (struct loop_fd){.loop = loop, .fd = fd, .events = events, .fn = fn, .arg = arg};
    ev.data.ptr = w;
    if (epoll_ctl(loop->ep, EPOLL_CTL_ADD, fd, &ev)) {
        free(w);
        return NULL;
    }
    return w;
}

void
loop_watch_set(struct loop_fd *w, int events)
{
    struct epoll_event ev = {.events = ep_events(events), .data.ptr = w};

    if (w->events == events)
        return;
    w->events = events;
    epoll_ctl(w->loop->ep, EPOLL_CTL_MOD, w->fd, &ev);
}

void
loop_unwatch(struct loop_fd *w)
{
    if (!w || w->dead)
        return;
    epoll_ctl(w->loop->ep, EPOLL_CTL_DEL, w->fd, NULL);
    w->dead = true;
    w->next_dead = w->loop->dead;
    w->loop->dead = w;
}

/* ---- timers --------------------------------------------------------------------------------------------------- */

static void
heap_put(struct loop *loop, size_t i, struct loop_timer *t)
{
    loop->heap[i] = t;
    t->slot = i;
}

static void
heap_up(struct loop *loop, size_t i)
{
    struct loop_timer *t = loop->heap[i];

    for (; i > 1 && loop->heap[i / 2]->at_ms > t->at_ms; i /= 2)
        heap_put(loop, i, loop->heap[i / 2]);
    heap_put(loop, i, t);
}

static void
heap_down(struct loop *loop, size_t i)
{
    struct loop_timer *t = loop->heap[i];
    size_t kid;

    while ((kid = i * 2) <= loop->timers) {
        kid += kid < loop->timers && loop->heap[kid + 1]->at_ms < loop->heap[kid]->at_ms;
        if (loop->heap[kid]->at_ms >= t->at_ms)
            break;
        heap_put(loop, i, loop->heap[kid]);
        i = kid;
    }
    heap_put(loop, i, t);
}

static bool
heap_room(struct loop *loop)
{
    size_t cap = loop->heap_cap ? loop->heap_cap * 2 : 64;
    struct loop_timer **heap;

    if (loop->timers + 1 < loop->heap_cap)
        return true;
    heap = realloc(loop->heap, cap * sizeof(struct loop_timer *));
    if (!heap)
        return false;
    loop->heap = heap;
    loop->heap_cap = cap;
    return true;
}

void
loop_timer_set(struct loop *loop, struct loop_timer *t, int64_t delay_ms)
{
    loop_timer_stop(loop, t);
    if (!heap_room(loop))
        abort(); /* a lost timer is a lost deadline: better a restart */
    t->at_ms = clk_mono_ms() + (delay_ms > 0 ? delay_ms : 0);
    loop->timers++;
    loop->heap[loop->timers] = t;
    heap_up(loop, loop->timers);
}

void
loop_timer_stop(struct loop *loop, struct loop_timer *t)
{
    size_t i = t->slot;
    struct loop_timer *last;

    if (!i)
        return;
    t->slot = 0;
    last = loop->heap[loop->timers--];
    if (last == t)
        return;
    heap_put(loop, i, last);
    heap_up(loop, i);
    heap_down(loop, last->slot);
}

static void
run_timers(struct loop *loop)
{
    int64_t now = clk_mono_ms();
    size_t most = loop->timers; /* a timer that re-arms itself for "now" waits for the next turn */

    while (most-- && loop->timers && loop->heap[1]->at_ms <= now) {
        struct loop_timer *t = loop->heap[1];

        loop_timer_stop(loop, t);
        t->fn(t->arg);
    }
}

/* ---- deferred calls, signals, the loop ------------------------------------------------------------------------ */

void
loop_defer(struct loop *loop, struct loop_defer *d)
{
    if (d->queued)
        return;
    d->queued = true;
    d->next = NULL;
    *loop->defer_tail = d;
    loop->defer_tail = &d->next;
}

static void
run_deferred(struct loop *loop)
{
    struct loop_defer *d = loop->defer_head;

    loop->defer_head = NULL;
    loop->defer_tail = &loop->defer_head;
    while (d) {
        struct loop_defer *next = d->next;

        d->queued = false;
        d->fn(d->arg);
        d = next;
    }
}

static void
on_signal(void *arg, int events)
{
    struct loop *loop = arg;
    struct signalfd_siginfo si;

    (void)events;
    while (read(loop->sigfd, &si, sizeof si) == sizeof si)
        loop->sig_fn(loop->sig_arg, (int)si.ssi_signo);
}

enum res
loop_signals(struct loop *loop, const int *sigs, void (*fn)(void *arg, int sig), void *arg, struct err *e)
{
    sigset_t set;

    sigemptyset(&set);
    for (; *sigs; sigs++)
        sigaddset(&set, *sigs);
    loop->sig_fn = fn;
    loop->sig_arg = arg;
    sigprocmask(SIG_BLOCK, &set, NULL);
    loop->sigfd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop->sigfd < 0)
        return err_set(e, RES_FATAL, "signalfd: %s", strerror(errno));
    loop->sigwatch = loop_watch(loop, loop->sigfd, LOOP_READ, on_signal, loop);
    return loop->sigwatch ? RES_OK : err_set(e, RES_FATAL, "cannot watch signals");
}

static int
next_timeout(const struct loop *loop, int64_t max_ms)
{
    int64_t ms = max_ms;

    if (loop->defer_head)
        return 0;
    if (loop->timers) {
        int64_t left = loop->heap[1]->at_ms - clk_mono_ms();

        ms = ms < 0 || left < ms ? left : ms;
        ms = ms < 0 ? 0 : ms;
    }
    return ms > 3600000 ? 3600000 : (int)ms;
}

void
loop_turn(struct loop *loop, int64_t max_ms)
{
    struct epoll_event ev[64];
    int n = epoll_wait(loop->ep, ev, 64, next_timeout(loop, max_ms));

    for (int i = 0; i < n; i++) {
        struct loop_fd *w = ev[i].data.ptr;
        int got = (ev[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? LOOP_READ : 0) |
                  (ev[i].events & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? LOOP_WRITE : 0);

        if (!w->dead)
            w->fn(w->arg, got);
    }
    run_timers(loop);
    run_deferred(loop);
    bury(loop);
}

void
loop_run(struct loop *loop)
{
    while (!loop->stop)
        loop_turn(loop, -1);
}

void
loop_stop(struct loop *loop)
{
    loop->stop = true;
}
