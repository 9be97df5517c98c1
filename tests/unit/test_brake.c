/* The integrator's brakes by a clock of the test's own: windows over midnight and the week's end, the ceiling, the pause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/caltime.h"
#include "tests/unit/dice.h"
#include "workers/integrator/brake.c" /* NOLINT(bugprone-suspicious-include) */

static int64_t
at(const char *rfc3339)
{
    int64_t t_us;

    assert_true(caltime_parse(str_of(rfc3339), &t_us));
    return t_us;
}

static struct brake_windows
windows(const char *text)
{
    struct brake_windows ws;
    struct err e = {0};

    if (brake_parse(text, &ws, &e) != RES_OK)
        fail_msg("%s: %s", text, e.text);
    return ws;
}

static void
test_parse_wrong(void **state)
{
    static const struct {
        const char *text, *say;
    } cases[] = {
        {"sat 22:00-04:00", "\"sat 22:00-04:00\": a window begins with a day"},
        {"Sab 22:00-04:00", "begins with a day"},
        {"22:00-04:00", "begins with a day"},
        {"sab", "two times of a day"},
        {"sab 22:00", "two times of a day"},
        {"sab 22.00-04.00", "two times of a day"},
        {"sab 25:00-26:00", "two times of a day"},
        {"sab 24:01-04:00", "two times of a day"},
        {"sab 22:60-23:00", "two times of a day"},
        {"sab 22:00-04:0", "two times of a day"},
        {"sab 22:00-04:00 min 00:00-06:00", "two times of a day"},
        {"sab +1:00-04:00", "two times of a day"},
        {"sab 22:00-22:00", "has no length"},
        {"sab 24:00-04:00", "has no length"},
        {"sab 22:00-04:00,", "\"\": a window begins with a day"},
        {", sab 22:00-04:00", "\"\": a window begins with a day"},
        {",", "begins with a day"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct brake_windows ws;
        struct err e = {0};

        if (brake_parse(cases[i].text, &ws, &e) != RES_FATAL)
            fail_msg("taken: %s", cases[i].text);
        assert_non_null(strstr(e.text, "[integrator] maintenance"));
        if (!strstr(e.text, cases[i].say))
            fail_msg("%s: %s", cases[i].text, e.text);
    }
}

static void
test_parse_too_many(void **state)
{
    struct buf text = buf_make(4096);
    struct brake_windows ws;
    struct err e = {0};

    (void)state;
    for (unsigned i = 0; i < BRAKE_WINDOWS; i++)
        buf_z(&text, i ? ",sen 01:00-02:00" : "sen 01:00-02:00");
    assert_int_equal(windows(text.p).n, BRAKE_WINDOWS);
    buf_z(&text, ",sen 01:00-02:00");
    assert_int_equal(brake_parse(text.p, &ws, &e), RES_FATAL);
    buf_free(&text);
    assert_non_null(strstr(e.text, "more than 32 windows"));
}

/* 2026-11-28 is a Saturday. */
static void
test_within(void **state)
{
    static const struct {
        const char *text, *t;
        bool within;
        const char *change; /* NULL: never */
    } cases[] = {
        {"", "2026-11-28T12:00:00+07:00", false, NULL},
        {"  ", "2026-11-28T12:00:00+07:00", false, NULL},
        {"sab 22:00-04:00", "2026-11-28T21:59:59.999999+07:00", false, "2026-11-28T22:00:00+07:00"},
        {"sab 22:00-04:00", "2026-11-28T22:00:00+07:00", true, "2026-11-29T04:00:00+07:00"},
        {"sab 22:00-04:00", "2026-11-29T03:59:59.999999+07:00", true, "2026-11-29T04:00:00+07:00"},
        {"sab 22:00-04:00", "2026-11-29T04:00:00+07:00", false, "2026-12-05T22:00:00+07:00"},
        {"sab 22:00-04:00", "2026-11-27T23:00:00+07:00", false, "2026-11-28T22:00:00+07:00"},
        {"sab  22:00 - 04:00", "2026-11-28T23:00:00+07:00", true, "2026-11-29T04:00:00+07:00"},
        /* one goes on where the other has begun: one end */
        {"sab 22:00-04:00, min 00:00-06:00", "2026-11-28T22:00:00+07:00", true, "2026-11-29T06:00:00+07:00"},
        {"min 04:00-06:00,sab 22:00-04:00", "2026-11-28T23:00:00+07:00", true, "2026-11-29T06:00:00+07:00"},
        {"sab 22:00-23:00,sab 10:00-12:00", "2026-11-28T09:00:00+07:00", false, "2026-11-28T10:00:00+07:00"},
        {"sab 22:00-23:00,sab 10:00-12:00", "2026-11-28T12:00:00+07:00", false, "2026-11-28T22:00:00+07:00"},
        /* over the week's end */
        {"min 23:00-01:00", "2026-11-30T00:30:00+07:00", true, "2026-11-30T01:00:00+07:00"},
        {"min 23:00-01:00,sen 01:00-02:00", "2026-11-29T23:30:00+07:00", true, "2026-11-30T02:00:00+07:00"},
        {"min 23:00-01:00", "2026-11-30T01:00:00+07:00", false, "2026-12-06T23:00:00+07:00"},
        {"sen 00:00-24:00", "2026-11-30T00:00:00+07:00", true, "2026-12-01T00:00:00+07:00"},
        {"sen 00:00-24:00", "2026-12-01T00:00:00+07:00", false, "2026-12-07T00:00:00+07:00"},
        /* WIB, not UTC: 00:30 of Sunday there is Saturday here */
        {"min 00:00-01:00", "2026-11-28T17:30:00Z", true, "2026-11-28T18:00:00Z"},
        {"sen 00:00-24:00,sel 00:00-24:00,rab 00:00-24:00,kam 00:00-24:00,jum 00:00-24:00,sab 00:00-24:00,"
         "min 00:00-24:00",
         "2026-11-28T12:00:00+07:00", true, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct brake_windows ws = windows(cases[i].text);
        int64_t change;

        if (brake_within(&ws, at(cases[i].t), &change) != cases[i].within ||
            change != (cases[i].change ? at(cases[i].change) : BRAKE_NEVER))
            fail_msg("case %zu: %s at %s", i, cases[i].text, cases[i].t);
    }
}

/* What is said of the change is true: just before it nothing has changed, and at it it has. */
static void
test_change_is_exact(void **state)
{
    struct brake_windows ws =
        windows("sab 22:00-04:00, min 00:00-06:00, min 23:30-00:30, rab 12:00-13:00, rab "
                "13:00-13:01");
    int64_t from = at("2026-11-23T00:00:00+07:00");
    unsigned changes = 0;
    int64_t t = from;

    (void)state;
    while (t < from + WEEK_US) {
        int64_t change;
        int64_t next;
        bool in = brake_within(&ws, t, &change);

        assert_true(change > t);
        assert_int_equal(brake_within(&ws, change - 1, &next), in);
        assert_int_equal(next, change);
        assert_int_equal(brake_within(&ws, change, &next), !in);
        changes++;
        t = change;
    }
    assert_int_equal(changes, 7); /* out of Sunday's, into and out of three, and into Sunday's again */
}

/* Whatever is asked when: no second has more than the ceiling and one burst. */
static void
test_bucket_never_more(void **state)
{
    static const int64_t rates[] = {1, 3, 7, 19, 20, 100, 2500, 100000};

    (void)state;
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        static int64_t took[40000];
        struct brake_bucket b = brake_bucket(rates[r], 0);
        uint64_t d = r + 1;
        unsigned n = 0;
        int64_t t = 0;
        unsigned first = 0;

        while (n < 40000) {
            if (brake_tokens(&b, t) > 0) {
                brake_take(&b, t);
                took[n++] = t;
            } else {
                int64_t wait = brake_wait_us(&b, t);

                assert_true(wait > 0);
                /* sometimes it is looked too early, sometimes late */
                t += dice_pick(&d, 4) == 0 ? wait / 2 : dice_pick(&d, 4) == 0 ? wait * 3 : wait;
            }
        }
        for (unsigned i = 0; i < n; i++) {
            while (took[i] - took[first] >= 1000000)
                first++;
            assert_true(i - first + 1 <= rates[r] + brake_burst(rates[r]));
        }
    }
}

/* Who wakes when it is told to gets all that is allowed. */
static void
test_bucket_exact(void **state)
{
    struct brake_bucket b = brake_bucket(4, 0);
    unsigned n = 0;
    int64_t t = 0;

    (void)state;
    while (t < 60000000) {
        int64_t wait;

        for (; brake_tokens(&b, t) > 0; n++)
            brake_take(&b, t);
        wait = brake_wait_us(&b, t);
        if (wait > 1)
            assert_int_equal(brake_tokens(&b, t + wait - 1), 0);
        t += wait;
    }
    assert_int_equal(n, 4 * 60);
}

static void
test_bucket_edges(void **state)
{
    struct brake_bucket none = brake_bucket(0, 5);
    struct brake_bucket b = brake_bucket(50, 1000);

    (void)state;
    assert_int_equal(brake_tokens(&none, 7), INT64_MAX);
    brake_take(&none, 7);
    assert_int_equal(brake_wait_us(&none, 7), 0);
    assert_int_equal(brake_tokens(&b, 1000), 5);
    for (int i = 0; i < 8; i++) /* more than were there: the debt is waited for */
        brake_take(&b, 1000);
    assert_int_equal(brake_tokens(&b, 1000), 0);
    assert_int_equal(brake_wait_us(&b, 1000), 100000); /* to -3 + 5 = 2 */
    assert_int_equal(brake_tokens(&b, 500), 0);        /* a clock that went back gives nothing */
    assert_int_equal(brake_tokens(&b, 1000 + 80000), 1);
    assert_int_equal(brake_tokens(&b, INT64_MAX / 2), 5); /* a long rest is no more than the burst */
}

static void
test_look(void **state)
{
    struct brake b = {.windows = windows("sab 22:00-04:00")};
    int64_t noon = at("2026-11-28T12:00:00+07:00");
    int64_t night = at("2026-11-28T22:00:00+07:00");
    int64_t change;

    (void)state;
    assert_int_equal(brake_look(&b, noon, &change), BRAKE_UNREAD);
    b.read = true;
    assert_int_equal(brake_look(&b, noon, &change), BRAKE_NONE);
    assert_int_equal(change, night);
    assert_int_equal(brake_look(&b, night, &change), BRAKE_MAINTENANCE);
    b.paused = true;
    b.until_us = BRAKE_NEVER;
    assert_int_equal(brake_look(&b, night, &change), BRAKE_PAUSED);
    b.until_us = noon + 1;
    assert_int_equal(brake_look(&b, noon, &change), BRAKE_PAUSED);
    assert_int_equal(change, noon + 1);
    assert_int_equal(brake_look(&b, noon + 1, &change), BRAKE_NONE);
    assert_int_equal(change, night);
    assert_string_equal(brake_name(BRAKE_PAUSED), "paused");
    assert_string_equal(brake_name(BRAKE_NONE), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_wrong),
        cmocka_unit_test(test_parse_too_many),
        cmocka_unit_test(test_within),
        cmocka_unit_test(test_change_is_exact),
        cmocka_unit_test(test_bucket_never_more),
        cmocka_unit_test(test_bucket_exact),
        cmocka_unit_test(test_bucket_edges),
        cmocka_unit_test(test_look),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
