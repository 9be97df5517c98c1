/* The valve on a clock of ours: what opens it, what does not, how it comes back, how its limit moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/valve.h"

struct rig {
    struct valve v;
    int64_t now_ms;
    uint64_t random;
};

static void
begin(struct rig *r, struct valve_opts o)
{
    *r = (struct rig){.now_ms = 5000};
    valve_init(&r->v, &o, r->now_ms);
}

static struct valve_verdict
end(struct rig *r, struct valve_pass pass, uint64_t key, enum valve_sign sign, int64_t retry_after_s)
{
    return valve_answer(&r->v, pass, (struct valve_seen){r->now_ms, key, sign}, retry_after_s, r->random);
}

static struct valve_pass
admit(struct rig *r)
{
    struct valve_pass pass;

    assert_true(valve_admit(&r->v, r->now_ms, &pass));
    return pass;
}

/* One call after the other, so that the limit has no part in it. */
static struct valve_verdict
call(struct rig *r, uint64_t key, enum valve_sign sign)
{
    return end(r, admit(r), key, sign, -1);
}

static void
to_probe(struct rig *r)
{
    int64_t wake = valve_wake_ms(&r->v, r->now_ms);

    assert_true(wake > 0);
    r->now_ms += wake - 1;
    assert_int_equal(valve_room(&r->v, r->now_ms), 0);
    r->now_ms++;
    valve_tick(&r->v, r->now_ms);
    assert_int_equal(valve_room(&r->v, r->now_ms), 1);
    assert_int_equal(valve_wake_ms(&r->v, r->now_ms), -1);
}

static void
open_it(struct rig *r)
{
    for (uint64_t key = 1; r->v.mode == VALVE_CLOSED; key++)
        call(r, key, VALVE_FAILED);
    assert_int_equal(r->v.mode, VALVE_OPEN);
}

/* ---- the breaker ----------------------------------------------------------------------------------------------- */

static void
different_keys_open_it(void **state)
{
    struct rig r;
    struct valve_verdict d;

    (void)state;
    begin(&r, (struct valve_opts){.open_after = 4, .open_keys = 2});
    for (int i = 0; i < 3; i++) {
        d = call(&r, 1, VALVE_FAILED);
        assert_false(d.turned || d.sick);
    }
    d = call(&r, 2, VALVE_FAILED);
    assert_true(d.turned && d.sick);
    assert_int_equal(r.v.mode, VALVE_OPEN);
    assert_int_equal(valve_room(&r.v, r.now_ms), 0);
}

static void
one_key_never_opens_it(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, (struct valve_opts){.open_after = 4, .open_keys = 2});
    for (int i = 0; i < 1000; i++)
        assert_false(call(&r, 1, VALVE_FAILED).sick);
    assert_int_equal(r.v.mode, VALVE_CLOSED);
}

/* The endpoint saw nothing of them: no call can be the poison. */
static void
unreached_opens_it_by_one_key(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, (struct valve_opts){.open_after = 4, .open_keys = 2});
    for (int i = 0; i < 4; i++) {
        assert_int_equal(r.v.mode, VALVE_CLOSED);
        assert_int_equal(call(&r, 1, VALVE_UNREACHED).sick, i == 3);
    }
    assert_int_equal(r.v.mode, VALVE_OPEN);
}

static void
what_ends_a_row(void **state)
{
    static const struct {
        enum valve_sign sign;
        enum valve_mode want;
    } row[] = {{VALVE_GOOD, VALVE_CLOSED},
               {VALVE_REFUSED, VALVE_CLOSED},
               {VALVE_THROTTLED, VALVE_CLOSED},
               {VALVE_NOTHING, VALVE_OPEN}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct rig r;

        begin(&r, (struct valve_opts){.open_after = 4, .open_keys = 2});
        for (uint64_t key = 0; key < 5; key++)
            call(&r, key, key == 2 ? row[i].sign : VALVE_FAILED);
        assert_int_equal(r.v.mode, row[i].want);
    }
}

static void
half_of_a_window_opens_it(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, (struct valve_opts){.window_min = 10, .window_ms = 1000});
    for (uint64_t i = 0; i < 9; i++)
        assert_false(call(&r, i, i % 2 ? VALVE_FAILED : VALVE_GOOD).turned);
    assert_true(call(&r, 9, VALVE_FAILED).turned);
    begin(&r, (struct valve_opts){.window_min = 10, .window_ms = 1000});
    for (uint64_t i = 0; i < 200; i++) {
        r.now_ms += 200; /* there are never ten in the window */
        assert_false(call(&r, i, i % 2 ? VALVE_FAILED : VALVE_GOOD).turned);
    }
    begin(&r, (struct valve_opts){.window_min = 10});
    for (uint64_t i = 0; i < 200; i++)
        assert_false(call(&r, i % 2 ? 1 : i, i % 2 ? VALVE_FAILED : VALVE_GOOD).turned); /* one key's */
}

static void
barred_pauses_at_once(void **state)
{
    struct rig r;
    struct valve_verdict d;

    (void)state;
    begin(&r, (struct valve_opts){0});
    d = call(&r, 1, VALVE_BARRED);
    assert_true(d.sick && d.turned);
    assert_false(d.alone);
    assert_int_equal(r.v.mode, VALVE_PAUSED);
    for (int i = 0; i < 5; i++) { /* neither its failure nor another kind of it ends the pause */
        to_probe(&r);
        call(&r, 1, i % 2 ? VALVE_FAILED : VALVE_BARRED);
        assert_int_equal(r.v.mode, VALVE_PAUSED);
    }
    to_probe(&r);
    assert_true(call(&r, 1, VALVE_REFUSED).turned);
    assert_int_equal(r.v.mode, VALVE_CLOSED);
}

static void
one_probe_at_a_time(void **state)
{
    struct rig r;
    struct valve_pass pass, other;

    (void)state;
    begin(&r, (struct valve_opts){0});
    open_it(&r);
    to_probe(&r);
    assert_int_equal(r.v.mode, VALVE_HALF_OPEN);
    pass = admit(&r);
    assert_true(pass.probe);
    r.now_ms += 1000000;
    assert_int_equal(valve_room(&r.v, r.now_ms), 0);
    assert_false(valve_admit(&r.v, r.now_ms, &other));
    end(&r, pass, 1, VALVE_GOOD, -1);
    assert_int_equal(r.v.mode, VALVE_CLOSED);
}

/* min_ms, and full jitter below a ceiling that doubles from min_ms to max_ms. */
static void
time_between_probes_grows(void **state)
{
    static const int64_t longest[] = {200, 300, 500, 900, 1100, 1100};
    struct rig r;

    (void)state;
    for (int most = 0; most < 2; most++) {
        begin(&r, (struct valve_opts){.probe = {100, 1000, 60000}});
        r.random = most ? UINT64_C(100) * 200 * 400 * 800 * 1000 - 1
                        : 0; /* one less than a multiple of each ceiling */
        open_it(&r);
        for (int i = 0; i < 6; i++) {
            assert_int_equal(valve_wake_ms(&r.v, r.now_ms), most ? longest[i] : 101);
            to_probe(&r);
            call(&r, (uint64_t)i, VALVE_FAILED);
            assert_int_equal(r.v.mode, VALVE_OPEN);
        }
    }
}

static void
probe_of_the_same_key_is_told_aside(void **state)
{
    static const struct {
        uint64_t key;
        bool aside;
    } row[] = {{7, false}, {7, true}, {8, false}, {7, false}, {7, true}, {7, true}};
    struct rig r;

    (void)state;
    begin(&r, (struct valve_opts){0});
    open_it(&r);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct valve_verdict d;

        to_probe(&r);
        d = call(&r, row[i].key, VALVE_FAILED);
        assert_true(d.sick);
        assert_int_equal(d.aside, row[i].aside);
    }
}

static void
probe_that_tells_nothing_is_no_failure(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, (struct valve_opts){.probe = {100, 1000, 0}});
    open_it(&r);
    to_probe(&r);
    assert_false(call(&r, 1, VALVE_NOTHING).sick);
    assert_int_equal(r.v.mode, VALVE_HALF_OPEN);
    assert_int_equal(valve_wake_ms(&r.v, r.now_ms), 100);
    to_probe(&r);
    valve_cancel(&r.v, admit(&r)); /* not made: the next may be */
    assert_int_equal(valve_room(&r.v, r.now_ms), 1);
    assert_int_equal(r.v.in_flight, 0);
}

/* Calls from before count neither while it is open nor after it closed, and are the endpoint's failures. */
static void
late_answers_are_no_evidence(void **state)
{
    struct rig r;
    struct valve_pass late[40];

    (void)state;
    begin(&r, (struct valve_opts){.limit_start = 60, .open_after = 4, .open_keys = 2});
    for (int i = 0; i < 40; i++)
        late[i] = admit(&r);
    open_it(&r);
    assert_true(end(&r, late[0], 100, VALVE_FAILED, -1).sick);
    assert_false(end(&r, late[1], 101, VALVE_GOOD, -1).sick);
    assert_int_equal(r.v.mode, VALVE_OPEN);
    to_probe(&r);
    call(&r, 1, VALVE_GOOD);
    for (int i = 2; i < 40; i++)
        assert_true(end(&r, late[i], 100 + (uint64_t)i, i % 2 ? VALVE_FAILED : VALVE_BARRED, -1).sick);
    assert_int_equal(r.v.mode, VALVE_CLOSED);
    assert_int_equal(r.v.in_flight, 0);
}

static void
most_throttled_slows_all(void **state)
{
    struct rig r;
    struct valve_pass pass;

    (void)state;
    begin(&r, (struct valve_opts){.window_min = 10, .probe = {100, 1000, 20000}});
    for (uint64_t i = 0; i < 10; i++)
        assert_false(call(&r, i, i % 2 ? VALVE_THROTTLED : VALVE_GOOD).turned); /* half is not most */
    pass = admit(&r);
    assert_false(end(&r, pass, 11, VALVE_THROTTLED, 7).sick); /* its own Retry-After */
    assert_int_equal(r.v.mode, VALVE_OPEN);
    assert_true(r.v.throttled);
    assert_true(valve_wake_ms(&r.v, r.now_ms) >= 7000);
    to_probe(&r);
    assert_true(end(&r, admit(&r), 12, VALVE_THROTTLED, 9999999).sick);
    assert_in_range(valve_wake_ms(&r.v, r.now_ms), 20000, 20200); /* clamped */
    to_probe(&r);
    call(&r, 13, VALVE_GOOD);
    assert_int_equal(r.v.mode, VALVE_CLOSED);
}

static void
refused_connections_are_sick_when_others_fail_too(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, (struct valve_opts){0});
    assert_false(call(&r, 1, VALVE_UNREACHED).sick); /* no other has tried */
    assert_false(call(&r, 1, VALVE_UNREACHED).sick);
    assert_true(call(&r, 2, VALVE_UNREACHED).sick);
    for (uint64_t key = 10; key < 20; key++)
        call(&r, key, VALVE_GOOD);
    assert_false(call(&r, 2, VALVE_UNREACHED).sick);
}

static void
poison_is_alone(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, (struct valve_opts){.window_ms = 1000});
    assert_false(call(&r, 1, VALVE_FAILED).alone); /* no others */
    call(&r, 2, VALVE_GOOD);
    call(&r, 3, VALVE_FAILED);
    assert_false(call(&r, 1, VALVE_FAILED).alone); /* half of them */
    call(&r, 4, VALVE_REFUSED);
    assert_true(call(&r, 1, VALVE_FAILED).alone);
    r.now_ms += 2000;
    assert_false(call(&r, 1, VALVE_FAILED).alone); /* all that is long ago */
}

/* ---- the limit -------------------------------------------------------------------------------------------------- */

/* Keeps it full for `n` answers. */
static void
saturate(struct rig *r, int n, enum valve_sign sign)
{
    struct valve_pass pass[64];
    unsigned head = 0, tail = 0;

    while (n--) {
        while (valve_room(&r->v, r->now_ms))
            pass[head++ % 64] = admit(r);
        end(r, pass[tail++ % 64], (uint64_t)n, sign, -1);
        assert_int_equal(r->v.mode, VALVE_CLOSED);
    }
    while (tail != head)
        valve_cancel(&r->v, pass[tail++ % 64]);
}

static void
limit_grows_by_one_per_round(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, (struct valve_opts){.limit_start = 4, .limit_max = 8});
    for (unsigned want = 4; want <= 8; want++) {
        assert_int_equal(valve_room(&r.v, r.now_ms), want);
        saturate(&r, (int)want, VALVE_GOOD);
    }
    saturate(&r, 100, VALVE_GOOD);
    assert_int_equal(valve_room(&r.v, r.now_ms), 8);
    begin(&r, (struct valve_opts){.limit_start = 4, .limit_max = 8});
    for (int i = 0; i < 100; i++)
        call(&r, 1, VALVE_GOOD); /* one at a time shows nothing of what it can bear */
    assert_int_equal(valve_room(&r.v, r.now_ms), 4);
}

static void
ordinary_refusals_do_not_move_it(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, (struct valve_opts){.limit_start = 10});
    saturate(&r, 500, VALVE_REFUSED);
    assert_int_equal(valve_room(&r.v, r.now_ms), 10);
}

static void
limit_shrinks_by_half_per_round_when_all_is_bad(void **state)
{
    struct rig r;
    unsigned was;

    (void)state;
    begin(&r, (struct valve_opts){.limit_start = 64, .window_min = 1000, .limit_min = 2});
    saturate(&r, 63, VALVE_THROTTLED);
    assert_int_equal(valve_room(&r.v, r.now_ms), 62); /* once, and little: it was the first bad one */
    for (int i = 0; i < 3; i++) {
        was = valve_room(&r.v, r.now_ms);
        saturate(&r, (int)was, VALVE_THROTTLED);
        assert_in_range(valve_room(&r.v, r.now_ms), was / 2, was / 2 + was / 16 + 1);
    }
    saturate(&r, 200, VALVE_THROTTLED);
    assert_int_equal(valve_room(&r.v, r.now_ms), 2);
}

static void
limit_starts_low_after_closing(void **state)
{
    struct rig r;

    (void)state;
    begin(&r, (struct valve_opts){.limit_start = 2, .limit_max = 64});
    saturate(&r, 2000, VALVE_GOOD);
    assert_true(valve_room(&r.v, r.now_ms) > 50);
    call(&r, 1, VALVE_BARRED);
    to_probe(&r);
    call(&r, 1, VALVE_GOOD);
    assert_int_equal(valve_room(&r.v, r.now_ms), 2);
}

/* Calls begun in a second by an owner with any amount of work, at an endpoint that takes `takes_ms`. Ends with none under
 * way. */
static unsigned
second_of_work(struct rig *r, int64_t takes_ms)
{
    struct {
        struct valve_pass pass;
        int64_t at_ms;
    } fly[64];
    unsigned head = 0, tail = 0;
    int64_t until = r->now_ms + 1000;

    for (; r->now_ms < until || tail != head; r->now_ms++) {
        for (; tail != head && fly[tail % 64].at_ms <= r->now_ms; tail++)
            end(r, fly[tail % 64].pass, tail, VALVE_GOOD, -1);
        for (; r->now_ms < until && valve_room(&r->v, r->now_ms); head++) {
            fly[head % 64].pass = admit(r);
            fly[head % 64].at_ms = r->now_ms + takes_ms;
        }
    }
    return head;
}

static void
recovery_is_no_second_outage(void **state)
{
    static const int64_t takes_ms[] = {1, 5, 50, 400};

    (void)state;
    for (size_t i = 0; i < sizeof takes_ms / sizeof *takes_ms; i++) {
        struct rig r;
        unsigned steady, first;

        begin(&r, (struct valve_opts){0});
        for (int s = 0; s < 60; s++)
            steady = second_of_work(&r, takes_ms[i]);
        assert_true(steady > 100);
        call(&r, 1, VALVE_BARRED);
        to_probe(&r);
        call(&r, 1, VALVE_GOOD);
        first = second_of_work(&r, takes_ms[i]);
        assert_in_range(first, 4, steady);
    }
}

/* ---- the ceiling per second -------------------------------------------------------------------------------------- */

static unsigned
begun_in(struct rig *r, int64_t ms)
{
    int64_t until = r->now_ms + ms;
    unsigned n = 0;

    while (r->now_ms < until) {
        int64_t wake;

        for (; valve_room(&r->v, r->now_ms); n++)
            call(r, 1, VALVE_GOOD);
        wake = valve_wake_ms(&r->v, r->now_ms);
        assert_true(wake > 0);
        r->now_ms += wake;
        assert_true(valve_room(&r->v, r->now_ms) > 0 || r->now_ms >= until); /* no wake-up in vain */
    }
    return n;
}

static void
ceiling_per_second(void **state)
{
    static const struct {
        double per_s;
        unsigned least, most;
    } row[] = {{0.5, 5, 6}, {1, 10, 11}, {7, 69, 71}, {100, 980, 1010}, {900, 8900, 9090}};
    struct rig r;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        begin(&r, (struct valve_opts){.per_s = row[i].per_s});
        assert_in_range(begun_in(&r, 10000), row[i].least, row[i].most);
    }
    valve_set(&r.v, 8, 50);
    assert_in_range(begun_in(&r, 10000), 490, 505);
}

static void
full_is_not_woken_by_time(void **state)
{
    struct rig r;
    struct valve_pass pass;

    (void)state;
    begin(&r, (struct valve_opts){.limit_start = 1, .limit_max = 1, .per_s = 1});
    pass = admit(&r);
    assert_int_equal(valve_wake_ms(&r.v, r.now_ms), -1);
    end(&r, pass, 1, VALVE_GOOD, -1);
    assert_in_range(valve_wake_ms(&r.v, r.now_ms), 1000, 1001);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(different_keys_open_it),
        cmocka_unit_test(one_key_never_opens_it),
        cmocka_unit_test(unreached_opens_it_by_one_key),
        cmocka_unit_test(what_ends_a_row),
        cmocka_unit_test(half_of_a_window_opens_it),
        cmocka_unit_test(barred_pauses_at_once),
        cmocka_unit_test(one_probe_at_a_time),
        cmocka_unit_test(time_between_probes_grows),
        cmocka_unit_test(probe_of_the_same_key_is_told_aside),
        cmocka_unit_test(probe_that_tells_nothing_is_no_failure),
        cmocka_unit_test(late_answers_are_no_evidence),
        cmocka_unit_test(most_throttled_slows_all),
        cmocka_unit_test(refused_connections_are_sick_when_others_fail_too),
        cmocka_unit_test(poison_is_alone),
        cmocka_unit_test(limit_grows_by_one_per_round),
        cmocka_unit_test(ordinary_refusals_do_not_move_it),
        cmocka_unit_test(limit_shrinks_by_half_per_round_when_all_is_bad),
        cmocka_unit_test(limit_starts_low_after_closing),
        cmocka_unit_test(recovery_is_no_second_outage),
        cmocka_unit_test(ceiling_per_second),
        cmocka_unit_test(full_is_not_woken_by_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
