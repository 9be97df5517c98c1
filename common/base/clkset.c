#include "common/base/clkset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct clkset {
    int fd;
    struct loop_fd *watch;
    void (*fn)(void *arg);
    void *arg;
};

/* Far enough that it never comes by itself; the kernel cancels the wait when the clock is set (timerfd_create(2)). */
static const struct itimerspec never = {.it_value = {.tv_sec = INT64_C(1) << 40}};

static int
arm(struct clkset *c)
{
    return timerfd_settime(c->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void
on_readable(void *arg, int events)
{
    struct clkset *c = arg;
    uint64_t n;

    (void)events;
    if (read(c->fd, &n, sizeof n) < 0 && errno == ECANCELED) {
        arm(c);
        c->fn(c->arg);
    }
}

enum res
clkset_new(struct loop *loop, void (*fn)(void *arg), void *arg, struct clkset **ret, struct err *e)
{
    struct clkset *c = calloc(1, sizeof *c);

    *ret = NULL;
    if (!c)
        return err_set(e, RES_FATAL, "out of memory");
    c->fn = fn;
    c->arg = arg;
    c->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (c->fd < 0 || arm(c) < 0 || !(c->watch = loop_watch(loop, c->fd, LOOP_READ, on_readable, c))) {
        err_set(e, RES_FATAL, "timerfd: %s", strerror(errno));
        clkset_free(c);
        return RES_FATAL;
    }
    *ret = c;
    return RES_OK;
}

void
clkset_free(struct clkset *c)
{
    if (!c)
        return;
    loop_unwatch(c->watch);
    if (c->fd >= 0)
        close(c->fd);
    free(c);
}
