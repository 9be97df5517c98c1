#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/caltime.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void
test_good_times(void **state)
{
    static const struct {
        const char *text;
        const char *utc;
        int64_t t_us; /* by `date -u +%s`, -1 where the text alone is the check */
    } row[] = {
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", 0},
        {"1970-01-01T07:00:00+07:00", "1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00.000001Z", 1},
        {"2026-11-25T04:07:51Z", "2026-11-25T04:07:51Z", INT64_C(1795579671000000)},
        {"2026-11-25t04:07:51z", "2026-11-25T04:07:51Z", INT64_C(1795579671000000)},
        {"2026-11-25T11:07:51+07:00", "2026-11-25T04:07:51Z", INT64_C(1795579671000000)},
        {"2026-11-24T23:07:51-05:00", "2026-11-25T04:07:51Z", INT64_C(1795579671000000)},
        {"2026-11-25T04:07:51-00:00", "2026-11-25T04:07:51Z", INT64_C(1795579671000000)},
        {"2026-11-25T04:07:51.5Z", "2026-11-25T04:07:51.500Z", INT64_C(1795579671500000)},
        {"2026-11-25T04:07:51.120Z", "2026-11-25T04:07:51.120Z", INT64_C(1795579671120000)},
        {"2026-11-25T04:07:51.1234Z", "2026-11-25T04:07:51.123400Z", INT64_C(1795579671123400)},
        {"2026-11-25T04:07:51.123456Z", "2026-11-25T04:07:51.123456Z", INT64_C(1795579671123456)},
        {"2026-11-25T04:07:51.123456999Z", "2026-11-25T04:07:51.123456Z", INT64_C(1795579671123456)},
        {"2026-11-25T04:07:51.99999999999999999999+00:00", "2026-11-25T04:07:51.999999Z", -1},
        {"2026-11-25T04:07:51.0000009Z", "2026-11-25T04:07:51Z", -1},
        {"2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z", INT64_C(1709208000000000)},
        {"2000-02-29T23:59:59Z", "2000-02-29T23:59:59Z", INT64_C(951868799000000)},
        {"2024-03-01T00:30:00+23:59", "2024-02-29T00:31:00Z", -1},
        {"2026-12-31T23:59:59.999999-00:01", "2027-01-01T00:00:59.999999Z", -1},
        {"2038-01-19T03:14:08Z", "2038-01-19T03:14:08Z", INT64_C(2147483648000000)},
        {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999)},
        /* leap seconds become the last microsecond before the next second */
        {"2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z", INT64_C(1483228799999999)},
        {"2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.999999Z", INT64_C(1483228799999999)},
        {"2017-01-01T06:59:60+07:00", "2016-12-31T23:59:59.999999Z", INT64_C(1483228799999999)},
        {"1972-06-30T23:59:60Z", "1972-06-30T23:59:59.999999Z", -1},
    };
    char out[CALTIME_TEXT];
    int64_t t_us;

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        if (!caltime_parse(str_of(row[i].text), &t_us))
            fail_msg("refused: %s", row[i].text);
        if (row[i].t_us >= 0)
            assert_int_equal(t_us, row[i].t_us);
        assert_int_equal(caltime_format(t_us, out), strlen(row[i].utc));
        assert_string_equal(out, row[i].utc);
    }
}

static void
test_bad_times(void **state)
{
    static const char *const row[] = {
        "",
        "Z",
        "2026-11-25",
        "2026-11-25T04:07Z",
        "2026-11-25T04:07:51",
        "2026-11-25 04:07:51Z",
        "2026-11-25_04:07:51Z",
        "20261125T040751Z",
        "2026-11-25T04:07:51 Z",
        " 2026-11-25T04:07:51Z",
        "2026-11-25T04:07:51Z ",
        "2026-11-25T04:07:51Z\n",
        "+2026-11-25T04:07:51Z",
        "2026-11-25T04:07:51ZZ",
        "2026-11-25T04:07:51.Z",
        "2026-11-25T04:07:51,5Z",
        "2026-11-25T04:07:51.5",
        "2026-11-25T04:07:51.5.5Z",
        "2026-11-25T04:07:51.-5Z",
        "2026-11-25T04:07:51.5 Z",
        "2026-11-25T04:07:51.",
        "2026-11-25T04:07:51+07",
        "2026-11-25T04:07:51+0700",
        "2026-11-25T04:07:51+7:00",
        "2026-11-25T04:07:51+07:0",
        "2026-11-25T04:07:51+07:000",
        "2026-11-25T04:07:51+24:00",
        "2026-11-25T04:07:51+07:60",
        "2026-11-25T04:07:51 07:00",
        "2026-11-25T04:07:51+07-00",
        "2026-11-25T04:07:51+-7:00",
        "2026-11-25T04:07:51\xe2\x88\x92"
        "07:00",
        "2026-00-25T04:07:51Z",
        "2026-13-25T04:07:51Z",
        "2026-11-00T04:07:51Z",
        "2026-11-31T04:07:51Z",
        "2026-02-29T04:07:51Z",
        "2024-02-30T04:07:51Z",
        "2100-02-29T04:07:51Z",
        "2026-04-31T00:00:00Z",
        "2026-06-31T00:00:00Z",
        "2026-09-31T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-11-25T24:00:00Z",
        "2026-11-25T23:60:00Z",
        "2026-11-25T23:59:61Z",
        "2026-11-25T-1:59:51Z",
        "2026-11-25T04:7:051Z",
        "2026/11/25T04:07:51Z",
        "2026-1-025T04:07:51Z",
        "2026-11-25T04-07-51Z",
        "1969-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "-999-12-31T23:59:59Z",
        /* second 60 where no leap second can be */
        "2016-12-30T23:59:60Z",
        "2016-12-31T22:59:60Z",
        "2016-12-31T23:58:60Z",
        "2016-12-31T23:59:60+07:00",
        "9999-12-31T23:59:60-00:01",
    };
    int64_t t_us;

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        t_us = 1;
        if (caltime_parse(str_of(row[i]), &t_us))
            fail_msg("accepted: %s", row[i]);
        assert_int_equal(t_us, 0);
    }
    assert_false(caltime_parse(STR("2026-11-25T04:07:51\0Z"), &t_us));
    assert_false(caltime_parse(STR_NULL, &t_us));
}

/* Every cut of a good text is refused and reads nothing past its end (the sanitised run sees that). */
static void
test_cut_short(void **state)
{
    static const char text[] = "2026-11-25T11:07:51.123456+07:00";
    int64_t t_us;

    (void)state;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *cut = malloc(n ? n : 1);

        assert_non_null(cut);
        memcpy(cut, text, n);
        assert_false(caltime_parse((struct str){cut, n}, &t_us));
        free(cut);
    }
    assert_true(caltime_parse((struct str){text, sizeof text - 1}, &t_us));
}

/* Whatever one byte of a good text becomes, it is refused or it is a time that reads back. */
static void
test_any_byte(void **state)
{
    static const char good[] = "2024-02-29T23:59:59.5+07:00";
    char text[sizeof good];
    char out[CALTIME_TEXT];
    int accepted = 0;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof good; i++) {
        for (int c = 0; c < 256; c++) {
            int64_t t_us;
            int64_t again;

            memcpy(text, good, sizeof good);
            text[i] = (char)c;
            if (!caltime_parse((struct str){text, sizeof good - 1}, &t_us))
                continue;
            accepted++;
            assert_true(c == '-' || c == 't' || c == 'T' || c == good[i] || (c >= '0' && c <= '9'));
            caltime_format(t_us, out);
            assert_true(caltime_parse(str_of(out), &again));
            assert_int_equal(again, t_us);
        }
    }
    assert_in_range(accepted, 60, 200);
}

static void
test_format(void **state)
{
    static const struct {
        int64_t t_us;
        const char *utc;
        const char *wib;
    } row[] = {
        {0, "1970-01-01T00:00:00Z", "1970-01-01T07:00:00+07:00"},
        {100000, "1970-01-01T00:00:00.100Z", "1970-01-01T07:00:00.100+07:00"},
        {1000, "1970-01-01T00:00:00.001Z", "1970-01-01T07:00:00.001+07:00"},
        {10, "1970-01-01T00:00:00.000010Z", "1970-01-01T07:00:00.000010+07:00"},
        {INT64_C(1795579671123456), "2026-11-25T04:07:51.123456Z", "2026-11-25T11:07:51.123456+07:00"},
        {INT64_C(1795625999999999), "2026-11-25T16:59:59.999999Z", "2026-11-25T23:59:59.999999+07:00"},
        {INT64_C(1795626000000000), "2026-11-25T17:00:00Z", "2026-11-26T00:00:00+07:00"},
        {-1, "1970-01-01T00:00:00Z", "1970-01-01T07:00:00+07:00"},
        {INT64_MIN, "1970-01-01T00:00:00Z", "1970-01-01T07:00:00+07:00"},
        {CALTIME_MAX, "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+07:00"},
        {INT64_MAX, "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+07:00"},
    };
    char utc[CALTIME_TEXT];
    char wib[CALTIME_TEXT_WIB];

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        assert_int_equal(caltime_format(row[i].t_us, utc), strlen(row[i].utc));
        assert_string_equal(utc, row[i].utc);
        assert_int_equal(caltime_format_wib(row[i].t_us, wib), strlen(row[i].wib));
        assert_string_equal(wib, row[i].wib);
    }
}

/* Every day of 1970..9999 in order, counted by hand: date, number, weekday and text agree, and back. */
static void
test_every_day(void **state)
{
    struct caltime_date want = {1970, 1, 1};
    int weekday = 3;
    char text[CALTIME_DATE];
    char mine[32];
    int64_t back;

    (void)state;
    for (int64_t day = 0; day <= CALTIME_DAY_MAX; day++) {
        struct caltime_date got = caltime_date(day);

        if (got.y != want.y || got.m != want.m || got.d != want.d || caltime_day(want) != day ||
            caltime_weekday(day) != weekday)
            fail_msg("day %lld", (long long)day);
        if (day % 97 == 0 || want.d > 27) {
            snprintf(mine, sizeof mine, "%04d-%02d-%02d", want.y, want.m, want.d);
            assert_int_equal(caltime_date_format(day, text), 10);
            assert_string_equal(text, mine);
            assert_true(caltime_date_parse(str_of(text), &back));
            assert_int_equal(back, day);
        }
        weekday = (weekday + 1) % 7;
        want.d++;
        if (!caltime_valid(want)) {
            want.d = 1;
            want.m++;
        }
        if (want.m > 12) {
            want.m = 1;
            want.y++;
        }
    }
    assert_int_equal(want.y, 10000);
}

static void
test_dates(void **state)
{
    static const char *const bad[] = {"",           "2026-11-2",  "2026-11-251", "2026-11-31",
                                      "2026-02-29", "1969-12-31", "2026/11/25",  "2026-1-25 ",
                                      " 2026-11-2", "2026-00-10", "2026-10-00",  "20a6-10-10"};
    int64_t day;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        day = 1;
        assert_false(caltime_date_parse(str_of(bad[i]), &day));
        assert_int_equal(day, 0);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        bool old = strcmp(bad[i], "1969-12-31") == 0;

        assert_int_equal(caltime_date_parse_any(str_of(bad[i]), &day), old);
        assert_int_equal(day, old ? -1 : 0);
    }
    assert_true(caltime_date_parse_any(STR("0001-01-01"), &day));
    assert_int_equal(day, caltime_day((struct caltime_date){1, 1, 1}));
    assert_false(caltime_date_parse_any(STR("0000-12-31"), &day));
    assert_false(caltime_date_parse_any(STR("1900-02-29"), &day));
    assert_true(caltime_valid((struct caltime_date){2024, 2, 29}));
    assert_true(caltime_valid((struct caltime_date){2000, 2, 29}));
    assert_false(caltime_valid((struct caltime_date){1900, 2, 29}));
    assert_false(caltime_valid((struct caltime_date){2023, 2, 29}));
    assert_false(caltime_valid((struct caltime_date){0, 1, 1}));
    assert_false(caltime_valid((struct caltime_date){10000, 1, 1}));
    assert_false(caltime_valid((struct caltime_date){2024, 4, 31}));
    /* before the epoch: 1945-08-17 was a Friday, 1900-01-01 a Monday, 0001-01-01 too */
    assert_int_equal(caltime_day((struct caltime_date){1969, 12, 31}), -1);
    assert_int_equal(caltime_weekday(caltime_day((struct caltime_date){1945, 8, 17})), 4);
    assert_int_equal(caltime_weekday(caltime_day((struct caltime_date){1900, 1, 1})), 0);
    assert_int_equal(caltime_weekday(caltime_day((struct caltime_date){1, 1, 1})), 0);
    assert_int_equal(caltime_date(caltime_day((struct caltime_date){1, 1, 1})).y, 1);
}

static void
test_day_at(void **state)
{
    int64_t midnight;

    (void)state;
    assert_true(caltime_parse(STR("2026-11-26T00:00:00+07:00"), &midnight));
    assert_int_equal(caltime_day_at(midnight, CALTIME_WIB), caltime_day((struct caltime_date){2026, 11, 26}));
    assert_int_equal(caltime_day_at(midnight - 1, CALTIME_WIB),
                     caltime_day((struct caltime_date){2026, 11, 25}));
    assert_int_equal(caltime_day_at(midnight, 0), caltime_day((struct caltime_date){2026, 11, 25}));
    assert_int_equal(caltime_day_at(-1, 0), -1);
    assert_int_equal(caltime_day_at(0, -CALTIME_HOUR), -1);
    assert_int_equal(caltime_day_start(caltime_day((struct caltime_date){2026, 11, 26}), CALTIME_WIB),
                     midnight);
}

/* TZ changes nothing, and the C library agrees with us in UTC. */
static void
test_no_time_zone(void **state)
{
    static const char *const zones[] = {"UTC", "Asia/Jakarta", "America/New_York", "<-12>12", NULL};
    char out[CALTIME_TEXT];
    char theirs[32];
    int64_t t_us;

    (void)state;
    for (size_t i = 0; i < COUNT(zones); i++) {
        if (zones[i])
            setenv("TZ", zones[i], 1);
        else
            unsetenv("TZ");
        tzset();
        for (time_t t = 0; t < 4000000000; t += 86399 * 7) {
            struct tm tm;

            caltime_format((int64_t)t * CALTIME_SECOND, out);
            strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
            assert_string_equal(out, theirs);
            assert_true(caltime_parse(str_of(theirs), &t_us));
            assert_int_equal(t_us, (int64_t)t * CALTIME_SECOND);
        }
    }
}

static void
test_now(void **state)
{
    int64_t before = (int64_t)time(NULL) - 1;
    int64_t now = caltime_now();

    (void)state;
    assert_in_range(now / CALTIME_SECOND, before, (int64_t)time(NULL) + 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_times),   cmocka_unit_test(test_bad_times),
        cmocka_unit_test(test_cut_short),    cmocka_unit_test(test_any_byte),
        cmocka_unit_test(test_format),       cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_dates),        cmocka_unit_test(test_day_at),
        cmocka_unit_test(test_no_time_zone), cmocka_unit_test(test_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
