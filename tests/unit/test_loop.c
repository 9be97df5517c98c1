/* loop: timers, deferred calls, descriptors and signals, and what their callbacks may do to themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clk.h"
#include "common/base/loop.h"

/* What the callbacks of one test share. */
struct world {
    struct loop *loop;
    char log[64];
    struct loop_timer timer[3];
    struct loop_defer defer[2];
    struct loop_fd *watch[2];
    int pipe[2][2];
    int turns;
};

static int
setup(void **state)
{
    static struct world w;

    w = (struct world){.log = ""};
    if (loop_new(&w.loop, NULL) != RES_OK || pipe(w.pipe[0]) || pipe(w.pipe[1]))
        return -1;
    *state = &w;
    return 0;
}

static int
teardown(void **state)
{
    struct world *w = *state;

    loop_free(w->loop);
    for (int i = 0; i < 4; i++)
        close(w->pipe[i / 2][i % 2]);
    return 0;
}

static void
note(struct world *w, const char *what)
{
    size_t n = strlen(w->log);

    assert_true(n + strlen(what) < sizeof w->log);
    snprintf(w->log + n, sizeof w->log - n, "%s", what);
}

static void
say_a(void *arg)
{
    note(arg, "a");
}

static void
say_b(void *arg)
{
    note(arg, "b");
}

static void
say_c_and_stop(void *arg)
{
    struct world *w = arg;

    note(w, "c");
    loop_stop(w->loop);
}

/* Turns until `what` is in the log; the limit is far above what is needed. */
static void
turn_until(struct world *w, const char *what)
{
    int64_t end = clk_mono_ms() + 5000;

    while (strcmp(w->log, what) != 0) {
        if (clk_mono_ms() > end)
            fail_msg("\"%s\" did not become \"%s\"", w->log, what);
        loop_turn(w->loop, 50);
    }
}

/* ---- timers ----------------------------------------------------------------------------------------------------- */

static void
timers_in_order(void **state)
{
    struct world *w = *state;
    int64_t from = clk_mono_ms();

    w->timer[0] = (struct loop_timer){.fn = say_a, .arg = w};
    w->timer[1] = (struct loop_timer){.fn = say_b, .arg = w};
    w->timer[2] = (struct loop_timer){.fn = say_c_and_stop, .arg = w};
    loop_timer_set(w->loop, &w->timer[2], 30);
    loop_timer_set(w->loop, &w->timer[0], 1);
    loop_timer_set(w->loop, &w->timer[1], 60000);
    loop_timer_set(w->loop, &w->timer[1], 15); /* moved, not doubled */
    loop_run(w->loop);
    assert_string_equal(w->log, "abc");
    assert_true(clk_mono_ms() - from >= 30);
    assert_true(!w->timer[0].slot && !w->timer[1].slot && !w->timer[2].slot);
}

static void
stopped_timers_stay_silent(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++)
        w->timer[i] = (struct loop_timer){.fn = i ? say_b : say_a, .arg = w};
    loop_timer_stop(w->loop, &w->timer[0]); /* never set */
    for (int i = 0; i < 3; i++)
        loop_timer_set(w->loop, &w->timer[i], i ? 0 : -5);
    loop_timer_stop(w->loop, &w->timer[1]);
    loop_timer_stop(w->loop, &w->timer[1]);
    turn_until(w, "ab");
    loop_turn(w->loop, 0);
    assert_string_equal(w->log, "ab");
}

static void
stop_the_other(void *arg)
{
    struct world *w = arg;

    note(w, "x");
    loop_timer_stop(w->loop, &w->timer[1]);
    loop_timer_stop(w->loop, &w->timer[0]);
}

static void
a_timer_stops_one_that_is_due(void **state)
{
    struct world *w = *state;

    w->timer[0] = (struct loop_timer){.fn = stop_the_other, .arg = w};
    w->timer[1] = (struct loop_timer){.fn = stop_the_other, .arg = w};
    loop_timer_set(w->loop, &w->timer[0], 0);
    loop_timer_set(w->loop, &w->timer[1], 0);
    turn_until(w, "x");
    loop_turn(w->loop, 0);
    assert_string_equal(w->log, "x");
}

static void
rearm(void *arg)
{
    struct world *w = arg;

    w->turns++;
    loop_timer_set(w->loop, &w->timer[0], 0);
}

/* A timer that re-arms itself for now runs once per turn and lets the rest live. */
static void
rearming_does_not_starve(void **state)
{
    struct world *w = *state;

    w->timer[0] = (struct loop_timer){.fn = rearm, .arg = w};
    w->timer[1] = (struct loop_timer){.fn = say_a, .arg = w};
    loop_timer_set(w->loop, &w->timer[0], 0);
    for (int i = 1; i <= 5; i++) {
        loop_turn(w->loop, 1000);
        assert_int_equal(w->turns, i);
    }
    loop_timer_set(w->loop, &w->timer[1], 2);
    turn_until(w, "a");
}

/* A heap of many, set, moved and stopped at random, fires in the order of its times, each once. */
enum { MANY = 500 };
struct many {
    struct loop_timer t;
    int fired;
    int64_t *last;
};

static void
fire(void *arg)
{
    struct many *m = arg;

    m->fired++;
    assert_true(m->t.at_ms >= *m->last);
    *m->last = m->t.at_ms;
}

static void
many_timers(void **state)
{
    struct world *w = *state;
    static struct many all[MANY];
    int64_t last = 0;
    uint32_t r = 1;

    for (int i = 0; i < MANY; i++)
        all[i] = (struct many){.t = {.fn = fire, .arg = &all[i]}, .last = &last};
    for (int i = 0; i < 4 * MANY; i++) {
        struct many *m = &all[(r = r * 1103515245 + 12345) >> 8 & 0xff];

        loop_timer_set(w->loop, &m->t, (r >> 16) % 40);
        loop_timer_set(w->loop, &all[i % MANY].t, (r >> 18) % 40);
        if (i % 7 == 0)
            loop_timer_stop(w->loop, &all[(r >> 20) % MANY].t);
    }
    for (int i = 0; i < MANY; i++)
        if (!all[i].t.slot)
            loop_timer_set(w->loop, &all[i].t, 5);
    for (int64_t end = clk_mono_ms() + 200; clk_mono_ms() < end;)
        loop_turn(w->loop, 10);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(all[i].fired, 1);
}

/* ---- deferred calls --------------------------------------------------------------------------------------------- */

static void
defer_again(void *arg)
{
    struct world *w = arg;

    note(w, "d");
    if (strlen(w->log) < 3)
        loop_defer(w->loop, &w->defer[0]);
}

static void
deferred_once_and_in_order(void **state)
{
    struct world *w = *state;

    w->defer[0] = (struct loop_defer){.fn = say_a, .arg = w};
    w->defer[1] = (struct loop_defer){.fn = say_b, .arg = w};
    loop_defer(w->loop, &w->defer[0]);
    loop_defer(w->loop, &w->defer[1]);
    loop_defer(w->loop, &w->defer[0]);
    loop_turn(w->loop, 10000); /* does not wait */
    assert_string_equal(w->log, "ab");
    w->log[0] = '\0';
    w->defer[0].fn = defer_again;
    loop_defer(w->loop, &w->defer[0]);
    loop_turn(w->loop, 0);
    assert_string_equal(w->log, "d"); /* asked again from inside: the next turn's */
    loop_turn(w->loop, 0);
    loop_turn(w->loop, 0);
    loop_turn(w->loop, 0);
    assert_string_equal(w->log, "ddd");
}

/* ---- descriptors ------------------------------------------------------------------------------------------------ */

static void
on_readable(void *arg, int events)
{
    struct world *w = arg;
    char c;

    assert_int_equal(events, LOOP_READ);
    assert_int_equal(read(w->pipe[0][0], &c, 1), 1);
    note(w, (char[]){c, '\0'});
}

static void
reads_and_pauses(void **state)
{
    struct world *w = *state;

    w->watch[0] = loop_watch(w->loop, w->pipe[0][0], 0, on_readable, w);
    assert_non_null(w->watch[0]);
    assert_int_equal(write(w->pipe[0][1], "xy", 2), 2);
    loop_turn(w->loop, 5);
    assert_string_equal(w->log, ""); /* not asked for yet */
    loop_watch_set(w->watch[0], LOOP_READ);
    turn_until(w, "xy"); /* level-triggered: one byte per turn */
    loop_watch_set(w->watch[0], 0);
    assert_int_equal(write(w->pipe[0][1], "z", 1), 1);
    loop_turn(w->loop, 5);
    assert_string_equal(w->log, "xy");
    loop_unwatch(w->watch[0]);
    loop_unwatch(NULL);
    assert_null(loop_watch(w->loop, -1, LOOP_READ, on_readable, w));
}

static void
on_writable(void *arg, int events)
{
    struct world *w = arg;

    assert_int_equal(events, LOOP_WRITE);
    note(w, "w");
    loop_watch_set(w->watch[0], 0);
}

static void
writes(void **state)
{
    struct world *w = *state;

    w->watch[0] = loop_watch(w->loop, w->pipe[0][1], LOOP_WRITE, on_writable, w);
    turn_until(w, "w");
    loop_turn(w->loop, 0);
    assert_string_equal(w->log, "w");
    loop_unwatch(w->watch[0]);
}

/* The first to be called ends both: the other, ready in the same turn, is not called any more. */
static void
end_both(void *arg, int events)
{
    struct world *w = arg;

    (void)events;
    note(w, "e");
    loop_unwatch(w->watch[0]);
    loop_unwatch(w->watch[1]);
    loop_unwatch(w->watch[1]);
}

static void
unwatch_inside_a_callback(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(write(w->pipe[i][1], "x", 1), 1);
        w->watch[i] = loop_watch(w->loop, w->pipe[i][0], LOOP_READ, end_both, w);
    }
    loop_turn(w->loop, 1000);
    loop_turn(w->loop, 0);
    assert_string_equal(w->log, "e");
}

/* Ends its own watch and watches the same descriptor anew. */
static void
watch_anew(void *arg, int events)
{
    struct world *w = arg;

    (void)events;
    note(w, "n");
    loop_unwatch(w->watch[0]);
    w->watch[0] = loop_watch(w->loop, w->pipe[0][0], LOOP_READ, on_readable, w);
    assert_non_null(w->watch[0]);
}

static void
watch_inside_a_callback(void **state)
{
    struct world *w = *state;

    assert_int_equal(write(w->pipe[0][1], "x", 1), 1);
    w->watch[0] = loop_watch(w->loop, w->pipe[0][0], LOOP_READ, watch_anew, w);
    turn_until(w, "nx");
    loop_unwatch(w->watch[0]);
}

static void
on_hang_up(void *arg, int events)
{
    struct world *w = arg;

    assert_true(events & LOOP_READ);
    note(w, "h");
    loop_unwatch(w->watch[0]);
}

static void
a_closed_peer_is_told(void **state)
{
    struct world *w = *state;

    w->watch[0] = loop_watch(w->loop, w->pipe[0][0], LOOP_READ, on_hang_up, w);
    close(w->pipe[0][1]);
    turn_until(w, "h");
    w->pipe[0][1] = dup(w->pipe[0][0]);
}

/* ---- signals ---------------------------------------------------------------------------------------------------- */

static void
on_signal(void *arg, int sig)
{
    struct world *w = arg;

    note(w, sig == SIGUSR1 ? "1" : "2");
    if (sig == SIGUSR2)
        loop_stop(w->loop);
}

static void
signals(void **state)
{
    static const int sigs[] = {SIGUSR1, SIGUSR2, 0};
    struct world *w = *state;

    assert_int_equal(loop_signals(w->loop, sigs, on_signal, w, NULL), RES_OK);
    kill(getpid(), SIGUSR1);
    turn_until(w, "1");
    kill(getpid(), SIGUSR2);
    loop_run(w->loop);
    assert_string_equal(w->log, "12");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(timers_in_order),
        T(stopped_timers_stay_silent),
        T(a_timer_stops_one_that_is_due),
        T(rearming_does_not_starve),
        T(many_timers),
        T(deferred_once_and_in_order),
        T(reads_and_pauses),
        T(writes),
        T(unwatch_inside_a_callback),
        T(watch_inside_a_callback),
        T(a_closed_peer_is_told),
        T(signals),
    };

    loop_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
