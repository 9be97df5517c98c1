/* clkset: a step of the wall clock is told, and the next one too. Nobody sets the machine's clock for a test: the kernel's
 * timer is played by the functions below, which stand before the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/base/clkset.h"

static struct {
    int fd;      /* readable when the clock was set */
    int armed;   /* times */
    int flags;   /* of the last time */
    bool cancel; /* what a read finds: the clock was set, else that the instant came */
    int told;
} kernel;

int
timerfd_create(clockid_t id, int flags)
{
    assert_int_equal(id, CLOCK_REALTIME);
    assert_int_equal(flags, TFD_NONBLOCK | TFD_CLOEXEC);
    kernel.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return kernel.fd;
}

int
timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *old)
{
    uint64_t n;

    (void)old;
    assert_int_equal(fd, kernel.fd);
    assert_true(at->it_value.tv_sec > INT64_C(4000000000));
    kernel.armed++;
    kernel.flags = flags;
    eventfd_read(fd, &n);
    return 0;
}

ssize_t
read(int fd, void *buf, size_t n)
{
    assert_int_equal(fd, kernel.fd);
    if (!kernel.cancel)
        return eventfd_read(fd, buf) == 0 ? (ssize_t)n : -1;
    errno = ECANCELED;
    return -1;
}

static void
told(void *arg)
{
    (*(int *)arg)++;
}

static void
test_steps(void **state)
{
    struct loop *loop;
    struct clkset *c;

    (void)state;
    assert_int_equal(loop_new(&loop, NULL), RES_OK);
    assert_int_equal(clkset_new(loop, told, &kernel.told, &c, NULL), RES_OK);
    assert_int_equal(kernel.flags, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
    loop_turn(loop, 0);
    assert_int_equal(kernel.told, 0);
    kernel.cancel = true;
    for (int i = 1; i <= 2; i++) {
        eventfd_write(kernel.fd, 1);
        loop_turn(loop, 1000);
        assert_int_equal(kernel.told, i);
        assert_int_equal(kernel.armed, 1 + i); /* anew, else the next step would not be told */
    }
    kernel.cancel = false;
    eventfd_write(kernel.fd, 1);
    loop_turn(loop, 1000);
    assert_int_equal(kernel.told, 2);
    clkset_free(c);
    clkset_free(NULL);
    loop_free(loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_steps)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
