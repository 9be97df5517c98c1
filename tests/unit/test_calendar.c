/* Counting days: due dates, warnings, used and left, zones. */
#include "tests/unit/test_calendar.h"

static int64_t
warn_at(const struct calendar *cal, int64_t due_us, int64_t n, enum calendar_unit unit)
{
    struct err e = {0};
    int64_t at_us;

    if (calendar_warn_at(cal, due_us, (struct calendar_term){n, unit}, &at_us, &e) != RES_OK)
        fail_msg("%s", e.text);
    return at_us;
}

static int64_t
used(const struct calendar *cal, int64_t start_us, int64_t end_us, enum calendar_unit unit)
{
    struct err e = {0};
    int64_t n = calendar_used(cal, start_us, end_us, unit, &e);

    if (n < 0)
        fail_msg("%s", e.text);
    return n;
}

static int64_t
left(const struct calendar *cal, int64_t now_us, int64_t due_us, enum calendar_unit unit)
{
    struct err e = {0};
    int64_t n = calendar_left(cal, now_us, due_us, unit, &e);

    if (n < 0)
        fail_msg("%s", e.text);
    return n;
}

/* ---- the table of dates that the deadlines were agreed by ---- */

static const struct agreed {
    const char *start;
    const char *last[4]; /* the last counted day of 1, 2, 30 working days and 30 calendar days */
} agreed[] = {
    {"2024-08-01", {"2024-08-02", "2024-08-05", "2024-09-12", "2024-08-31"}},
    {"2024-04-05", {"2024-04-16", "2024-04-17", "2024-06-03", "2024-05-05"}},
    {"2024-11-25", {"2024-11-26", "2024-11-28", "2025-01-10", "2024-12-25"}},
    {"2025-03-27", {"2025-04-08", "2025-04-09", "2025-05-23", "2025-04-26"}},
    {"2025-08-14", {"2025-08-15", "2025-08-19", "2025-09-29", "2025-09-13"}},
    {"2026-03-17", {"2026-03-25", "2026-03-26", "2026-05-07", "2026-04-16"}},
    {"2026-11-25", {"2026-11-26", "2026-11-27", "2027-01-12", "2026-12-25"}},
    {"2026-12-31", {"2027-01-04", "2027-01-06", "2027-02-16", "2027-01-30"}},
    {"2027-05-14", {"2027-05-21", "2027-05-24", "2027-07-02", "2027-06-13"}},
};

static const struct calendar_term agreed_term[4] = {
    {1, CALENDAR_WORKDAYS}, {2, CALENDAR_WORKDAYS}, {30, CALENDAR_WORKDAYS}, {30, CALENDAR_DAYS}};

static void
test_agreed_dates(void **state)
{
    static const char *const clocks[] = {"00:00:00", "00:00:00.000001", "08:30:00",       "16:59:59.999999",
                                         "17:00:00", "23:59:59.999",    "23:59:59.999999"};
    const struct fixture *fx = *state;

    for (size_t i = 0; i < COUNT(agreed); i++)
        for (size_t c = 0; c < COUNT(clocks); c++)
            for (size_t k = 0; k < 4; k++) {
                int64_t want = wib(agreed[i].last[k], "23:59:59.999999") + 1;
                int64_t start = wib(agreed[i].start, clocks[c]);

                if (due(fx->cal, start, agreed_term[k].n, agreed_term[k].unit) != want)
                    fail_msg("%s %s column %zu", agreed[i].start, clocks[c], k);
                assert_int_equal(used(fx->cal, start, want - 1, agreed_term[k].unit), agreed_term[k].n);
                assert_int_equal(left(fx->cal, start, want, agreed_term[k].unit), agreed_term[k].n);
                assert_int_equal(warn_at(fx->cal, want, 1, agreed_term[k].unit),
                                 wib(agreed[i].last[k], "00:00:00"));
            }
}

/* One microsecond before midnight and midnight itself are different days of start. */
static void
test_midnight(void **state)
{
    const struct fixture *fx = *state;
    int64_t thursday = wib("2026-11-26", "23:59:59.999999");

    assert_int_equal(due(fx->cal, thursday, 1, CALENDAR_WORKDAYS), wib("2026-11-28", "00:00:00"));
    assert_int_equal(due(fx->cal, thursday + 1, 1, CALENDAR_WORKDAYS), wib("2026-12-01", "00:00:00"));
    assert_int_equal(due(fx->cal, thursday, 1, CALENDAR_DAYS), wib("2026-11-28", "00:00:00"));
    assert_int_equal(due(fx->cal, thursday + 1, 1, CALENDAR_DAYS), wib("2026-11-29", "00:00:00"));
    assert_int_equal(used(fx->cal, thursday, thursday + 1, CALENDAR_WORKDAYS), 1);
    assert_int_equal(used(fx->cal, thursday + 1, thursday + CALTIME_DAY, CALENDAR_WORKDAYS), 0);
    assert_int_equal(used(fx->cal, thursday + 1, thursday, CALENDAR_DAYS), 0);
    assert_int_equal(used(fx->cal, thursday + 5 * CALTIME_DAY, thursday, CALENDAR_DAYS), 0);
}

/* Days worth a look each: leap days, both sides of New Year, the long holidays. */
static void
test_days(void **state)
{
    static const struct {
        const char *date;
        bool works;
    } row[] = {
        {"2024-01-01", false}, {"2024-01-02", true},  {"2024-02-29", true},  {"2024-03-01", true},
        {"2024-04-05", true},  {"2024-04-08", false}, {"2024-04-15", false}, {"2024-04-16", true},
        {"2024-12-31", true},  {"2025-01-01", false}, {"2025-03-28", false}, {"2025-03-31", false},
        {"2025-04-07", false}, {"2025-04-08", true},  {"2025-08-18", false}, {"2026-03-20", false},
        {"2026-03-24", false}, {"2026-03-25", true},  {"2027-03-15", false}, {"2027-12-31", true},
        {"2026-11-28", false}, {"2026-11-29", false}, {"2026-11-30", true},
    };
    const struct fixture *fx = *state;
    struct err e = {0};
    bool works;

    for (size_t i = 0; i < COUNT(row); i++) {
        assert_int_equal(calendar_works(fx->cal, day_of(row[i].date), &works, &e), RES_OK);
        if (works != row[i].works)
            fail_msg("%s", row[i].date);
    }
    assert_int_equal(due(fx->cal, wib("2024-02-28", "10:00:00"), 1, CALENDAR_WORKDAYS),
                     wib("2024-03-01", "00:00:00"));
    assert_int_equal(due(fx->cal, wib("2024-02-28", "10:00:00"), 2, CALENDAR_DAYS),
                     wib("2024-03-02", "00:00:00"));
    assert_int_equal(due(fx->cal, wib("2025-02-28", "10:00:00"), 1, CALENDAR_DAYS),
                     wib("2025-03-02", "00:00:00"));
    assert_int_equal(due(fx->cal, wib("2024-12-31", "23:59:59"), 1, CALENDAR_WORKDAYS),
                     wib("2025-01-03", "00:00:00"));
    assert_int_equal(calendar_works(fx->cal, -1, &works, &e), RES_REJECT);
    err_clear(&e);
    assert_int_equal(calendar_works(fx->cal, CALTIME_DAY_MAX + 1, &works, &e), RES_REJECT);
}

/* ---- an independent reading: a list of dates and a loop that steps one day at a time ---- */

struct naive {
    int off[400]; /* yyyymmdd */
    int n;
};

struct ymd {
    int y, m, d;
};

static void
naive_load(struct naive *nv, const char *csv)
{
    nv->n = 0;
    for (const char *line = strchr(csv, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        struct ymd a;

        assert_int_equal(sscanf(line, "%d-%d-%d,", &a.y, &a.m, &a.d), 3);
        nv->off[nv->n++] = a.y * 10000 + a.m * 100 + a.d;
    }
    assert_int_equal(nv->n, 108);
}

static void
naive_step(struct ymd *a)
{
    static const int length[2][12] = {{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31},
                                      {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}};

    if (++a->d <= length[a->y % 4 == 0][a->m - 1])
        return;
    a->d = 1;
    if (++a->m <= 12)
        return;
    a->m = 1;
    a->y++;
}

/* 1 works, 0 does not, -1 a weekday of a year that the list does not have. */
static int
naive_works(const struct naive *nv, struct ymd a)
{
    static const int month[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4}; /* Sakamoto's rule; 0 is Sunday */
    int y = a.y - (a.m < 3);
    int weekday = (y + y / 4 - y / 100 + y / 400 + month[a.m - 1] + a.d) % 7;

    if (weekday == 0 || weekday == 6)
        return 0;
    if (a.y < 2024 || a.y > 2027)
        return -1;
    for (int i = 0; i < nv->n; i++)
        if (nv->off[i] == a.y * 10000 + a.m * 100 + a.d)
            return 0;
    return 1;
}

/* The last counted day of `n` from day `a`; false when the data ends first. */
static bool
naive_last(const struct naive *nv, struct ymd *a, int n, bool workdays)
{
    while (n > 0) {
        int works = 1;

        naive_step(a);
        if (workdays)
            works = naive_works(nv, *a);
        if (works < 0)
            return false;
        n -= works;
    }
    return true;
}

static int64_t
naive_instant(struct ymd a, const char *clock)
{
    char date[40];

    snprintf(date, sizeof date, "%04d-%02d-%02d", a.y, a.m, a.d);
    return wib(date, clock);
}

/* Every day of 2024..2027, 1, 2, 5 and 30 working and calendar days from its first and its last microsecond. */
static void
test_every_day(void **state)
{
    static const int terms[] = {1, 2, 5, 30};
    const struct fixture *fx = *state;
    struct naive nv;
    int compared = 0;
    int ended = 0;

    naive_load(&nv, fx->csv);
    for (struct ymd a = {2024, 1, 1}; a.y < 2028; naive_step(&a))
        for (size_t i = 0; i < COUNT(terms); i++)
            for (int unit = CALENDAR_WORKDAYS; unit <= CALENDAR_DAYS; unit++) {
                struct calendar_term term = {terms[i], (enum calendar_unit)unit};
                struct ymd last = a;
                struct err e = {0};
                int64_t got;

                if (!naive_last(&nv, &last, terms[i], unit == CALENDAR_WORKDAYS)) {
                    assert_int_equal(calendar_due(fx->cal, naive_instant(a, "12:00:00"), term, &got, &e),
                                     RES_FATAL);
                    assert_non_null(strstr(e.text, "2028"));
                    assert_int_equal(got, 0);
                    ended++;
                    continue;
                }
                naive_step(&last);
                if (due(fx->cal, naive_instant(a, "00:00:00"), terms[i], term.unit) !=
                        naive_instant(last, "00:00:00") ||
                    due(fx->cal, naive_instant(a, "23:59:59.999999"), terms[i], term.unit) !=
                        naive_instant(last, "00:00:00"))
                    fail_msg("%04d-%02d-%02d + %d, unit %d", a.y, a.m, a.d, terms[i], unit);
                compared++;
            }
    assert_int_equal(compared + ended, 1461 * 8);
    assert_in_range(ended, 30, 80); /* about 1 + 2 + 7 + 43 starts at the end of 2027 */
}

/* From some starts, every day of the following 14 months: used, left and warn_at against the same loop. */
static void
test_counts_every_day(void **state)
{
    const struct fixture *fx = *state;
    struct naive nv;

    naive_load(&nv, fx->csv);
    for (size_t i = 0; i < COUNT(agreed) - 1; i++) {
        struct ymd a;
        int64_t start = wib(agreed[i].start, "13:00:00");
        int64_t n = 0;
        int64_t days = 0;

        assert_int_equal(sscanf(agreed[i].start, "%d-%d-%d", &a.y, &a.m, &a.d), 3);
        for (int step = 0; step < 360; step++) {
            int works;
            int64_t now;

            naive_step(&a);
            works = naive_works(&nv, a);
            assert_true(works >= 0);
            n += works;
            days++;
            now = naive_instant(a, "23:59:59.999999");
            assert_int_equal(used(fx->cal, start, now, CALENDAR_WORKDAYS), n);
            assert_int_equal(used(fx->cal, start, naive_instant(a, "00:00:00"), CALENDAR_WORKDAYS), n);
            assert_int_equal(used(fx->cal, start, now, CALENDAR_DAYS), days);
            assert_int_equal(left(fx->cal, start, now + 1, CALENDAR_WORKDAYS), n);
            assert_int_equal(left(fx->cal, start, now + 1, CALENDAR_DAYS), days);
            if (works) {
                /* the n-th counted day from the start is the first of 1 ahead of its own end, the last of n ahead */
                assert_int_equal(due(fx->cal, start, n, CALENDAR_WORKDAYS), now + 1);
                assert_int_equal(warn_at(fx->cal, now + 1, 1, CALENDAR_WORKDAYS),
                                 naive_instant(a, "00:00:00"));
                assert_int_equal(warn_at(fx->cal, now + 1, n, CALENDAR_WORKDAYS),
                                 due(fx->cal, start, 1, CALENDAR_WORKDAYS) - CALTIME_DAY);
            }
        }
    }
}

/* While a term runs, what is used and what is left make it whole, whatever the unit. */
static void
test_used_and_left(void **state)
{
    const struct fixture *fx = *state;

    for (int unit = CALENDAR_WORKDAYS; unit <= CALENDAR_SECONDS; unit++) {
        int64_t n = unit == CALENDAR_SECONDS ? 900000 : 30;
        int64_t start = wib("2026-11-25", "10:20:30.405060");
        int64_t end = due(fx->cal, start, n, (enum calendar_unit)unit);

        for (int64_t t = start; t < end; t += 7919 * CALTIME_SECOND + 1234567) {
            int64_t sum = used(fx->cal, start, t, (enum calendar_unit)unit) +
                          left(fx->cal, t, end, (enum calendar_unit)unit);

            assert_int_equal(sum, n);
        }
        assert_int_equal(left(fx->cal, end - 1, end, (enum calendar_unit)unit), unit == CALENDAR_SECONDS);
        assert_int_equal(left(fx->cal, end, end, (enum calendar_unit)unit), 0);
        assert_int_equal(left(fx->cal, end + CALTIME_DAY, end, (enum calendar_unit)unit), 0);
    }
}

static void
test_warnings(void **state)
{
    const struct fixture *fx = *state;
    int64_t end = wib("2027-01-13", "00:00:00"); /* of 30 working days from 2026-11-25 */

    assert_int_equal(warn_at(fx->cal, end, 0, CALENDAR_WORKDAYS), end);
    assert_int_equal(warn_at(fx->cal, end + 1, 0, CALENDAR_DAYS), end + 1);
    assert_int_equal(warn_at(fx->cal, end, 1, CALENDAR_WORKDAYS), wib("2027-01-12", "00:00:00"));
    assert_int_equal(warn_at(fx->cal, end, 3, CALENDAR_WORKDAYS), wib("2027-01-08", "00:00:00"));
    assert_int_equal(warn_at(fx->cal, end, 7, CALENDAR_WORKDAYS), wib("2026-12-31", "00:00:00"));
    assert_int_equal(warn_at(fx->cal, end, 30, CALENDAR_WORKDAYS), wib("2026-11-26", "00:00:00"));
    assert_int_equal(warn_at(fx->cal, end, 3, CALENDAR_DAYS), wib("2027-01-10", "00:00:00"));
    assert_int_equal(warn_at(fx->cal, end, 3, CALENDAR_SECONDS), wib("2027-01-12", "23:59:57"));
    /* over a weekend and over the long holiday */
    assert_int_equal(warn_at(fx->cal, wib("2026-12-01", "00:00:00"), 2, CALENDAR_WORKDAYS),
                     wib("2026-11-27", "00:00:00"));
    assert_int_equal(warn_at(fx->cal, wib("2026-03-26", "00:00:00"), 2, CALENDAR_WORKDAYS),
                     wib("2026-03-17", "00:00:00"));
}

static void
test_seconds(void **state)
{
    const struct fixture *fx = *state;
    int64_t start = wib("2031-01-01", "23:59:58.500000"); /* needs no data */

    assert_int_equal(due(fx->cal, start, 0, CALENDAR_SECONDS), start);
    assert_int_equal(due(fx->cal, start, 2, CALENDAR_SECONDS), wib("2031-01-02", "00:00:00.500000"));
    assert_int_equal(used(fx->cal, start, start + 1999999, CALENDAR_SECONDS), 1);
    assert_int_equal(used(fx->cal, start, start + 2000000, CALENDAR_SECONDS), 2);
    assert_int_equal(used(fx->cal, start, start - 2000000, CALENDAR_SECONDS), 0);
    assert_int_equal(left(fx->cal, start + 1, start + 2000000, CALENDAR_SECONDS), 2);
    assert_int_equal(left(fx->cal, start + 1000000, start + 2000000, CALENDAR_SECONDS), 1);
    assert_int_equal(warn_at(fx->cal, start, 60, CALENDAR_SECONDS), wib("2031-01-01", "23:58:58.500000"));
}

/* ---- years without data ---- */

static void
refuse(const struct calendar *cal, const char *date, struct calendar_term term, enum res want,
       const char *text)
{
    struct err e = {0};
    int64_t due_us = 1;

    assert_int_equal(calendar_due(cal, wib(date, "10:00:00"), term, &due_us, &e), want);
    if (!strstr(e.text, text))
        fail_msg("no '%s' in '%s'", text, e.text);
    assert_int_equal(due_us, 0);
}

static void
test_year_without_data(void **state)
{
    static const struct calendar_term one = {1, CALENDAR_WORKDAYS};
    const struct fixture *fx = *state;
    struct err e = {0};
    int64_t at_us;
    bool works;

    refuse(fx->cal, "2027-12-31", one, RES_FATAL, "calendar test-1 has no data for the year 2028");
    refuse(fx->cal, "2027-11-25", (struct calendar_term){30, CALENDAR_WORKDAYS}, RES_FATAL, "2028");
    refuse(fx->cal, "2023-12-27", one, RES_FATAL, "2023");
    refuse(fx->cal, "1999-12-27", one, RES_FATAL, "1999");
    refuse(fx->cal, "2026-12-27", (struct calendar_term){CALENDAR_N_MAX, CALENDAR_WORKDAYS}, RES_FATAL,
           "2028");
    /* the last day with data, and a start before the data whose counted days are all in it or on a weekend */
    assert_int_equal(due(fx->cal, wib("2027-12-30", "10:00:00"), 1, CALENDAR_WORKDAYS),
                     wib("2028-01-01", "00:00:00"));
    assert_int_equal(due(fx->cal, wib("2023-12-29", "10:00:00"), 1, CALENDAR_WORKDAYS),
                     wib("2024-01-03", "00:00:00"));
    assert_int_equal(
        used(fx->cal, wib("2027-12-31", "10:00:00"), wib("2028-01-02", "10:00:00"), CALENDAR_WORKDAYS), 0);
    assert_int_equal(calendar_used(fx->cal, wib("2027-12-31", "10:00:00"), wib("2028-01-03", "00:00:00"),
                                   CALENDAR_WORKDAYS, &e),
                     -1);
    assert_int_equal(e.res, RES_FATAL);
    assert_int_equal(calendar_left(fx->cal, wib("2027-12-31", "10:00:00"), wib("2028-01-04", "00:00:00"),
                                   CALENDAR_WORKDAYS, NULL),
                     -1);
    err_clear(&e);
    assert_int_equal(calendar_warn_at(fx->cal, wib("2024-01-03", "00:00:00"),
                                      (struct calendar_term){2, one.unit}, &at_us, &e),
                     RES_FATAL);
    assert_non_null(strstr(e.text, "2023"));
    assert_int_equal(at_us, 0);
    /* other units need no data */
    assert_int_equal(due(fx->cal, wib("2040-02-28", "10:00:00"), 1, CALENDAR_DAYS),
                     wib("2040-03-01", "00:00:00"));
    assert_int_equal(
        used(fx->cal, wib("1999-12-31", "10:00:00"), wib("2000-03-01", "00:00:00"), CALENDAR_DAYS), 61);
    /* a weekend can be told without */
    err_clear(&e);
    works = true;
    assert_int_equal(calendar_works(fx->cal, day_of("2028-01-01"), &works, &e), RES_OK);
    assert_false(works);
    works = true;
    assert_int_equal(calendar_works(fx->cal, day_of("2028-01-03"), &works, &e), RES_FATAL);
    assert_false(works);
}

/* A year that is missing between two that are there. */
static void
test_gap_year(void **state)
{
    struct calendar *cal =
        load(STR(HEADER "2026-01-01,Kamis,libur_nasional,b\n2024-01-01,Senin,libur_nasional,a\n"), 420);
    int years[3] = {0};
    bool works;

    (void)state;
    refuse(cal, "2024-12-30", (struct calendar_term){2, CALENDAR_WORKDAYS}, RES_FATAL, "2025");
    refuse(cal, "2025-06-02", (struct calendar_term){1, CALENDAR_WORKDAYS}, RES_FATAL, "2025");
    refuse(cal, "2025-12-30", (struct calendar_term){1, CALENDAR_WORKDAYS}, RES_FATAL, "2025");
    assert_int_equal(due(cal, wib("2024-12-30", "10:00:00"), 1, CALENDAR_WORKDAYS),
                     wib("2025-01-01", "00:00:00"));
    assert_int_equal(due(cal, wib("2025-12-31", "10:00:00"), 1, CALENDAR_WORKDAYS),
                     wib("2026-01-03", "00:00:00"));
    refuse(cal, "2026-12-31", (struct calendar_term){1, CALENDAR_WORKDAYS}, RES_FATAL, "2027"); /* a Friday */
    assert_int_equal(
        used(cal, wib("2025-06-06", "10:00:00"), wib("2025-06-08", "10:00:00"), CALENDAR_WORKDAYS), 0);
    assert_int_equal(calendar_works(cal, day_of("2027-01-01"), &works, NULL), RES_FATAL);
    assert_int_equal(calendar_works(cal, day_of("2025-06-07"), &works, NULL), RES_OK);
    assert_int_equal(calendar_works(cal, day_of("2025-06-06"), &works, NULL), RES_FATAL);
    assert_int_equal(calendar_years(cal, years, 3), 2);
    assert_int_equal(years[0], 2024);
    assert_int_equal(years[1], 2026);
    assert_int_equal(years[2], 0);
    calendar_free(cal);
}

static void
test_out_of_range(void **state)
{
    const struct fixture *fx = *state;
    struct err e = {0};
    int64_t got;

    refuse(fx->cal, "2026-11-25", (struct calendar_term){-1, CALENDAR_WORKDAYS}, RES_REJECT, "-1");
    refuse(fx->cal, "2026-11-25", (struct calendar_term){CALENDAR_N_MAX + 1, CALENDAR_DAYS}, RES_REJECT,
           "number");
    refuse(fx->cal, "2026-11-25", (struct calendar_term){CALENDAR_N_MAX, CALENDAR_DAYS}, RES_REJECT, "9999");
    refuse(fx->cal, "9999-12-31", (struct calendar_term){86400, CALENDAR_SECONDS}, RES_REJECT, "9999");
    assert_int_equal(calendar_due(fx->cal, INT64_MAX, agreed_term[0], &got, &e), RES_REJECT);
    assert_int_equal(calendar_due(fx->cal, INT64_MIN, agreed_term[0], &got, NULL), RES_REJECT);
    assert_int_equal(calendar_warn_at(fx->cal, 5, (struct calendar_term){1, CALENDAR_SECONDS}, &got, NULL),
                     RES_REJECT);
    assert_int_equal(calendar_warn_at(fx->cal, -1, agreed_term[0], &got, NULL), RES_REJECT);
    assert_int_equal(calendar_used(fx->cal, -1, 0, CALENDAR_DAYS, NULL), -1);
    assert_int_equal(calendar_used(fx->cal, 0, INT64_MAX, CALENDAR_SECONDS, NULL), -1);
    assert_int_equal(calendar_left(fx->cal, INT64_MIN, 0, CALENDAR_SECONDS, NULL), -1);
    assert_int_equal(calendar_left(fx->cal, 0, INT64_MAX, CALENDAR_DAYS, NULL), -1);
    /* 0 days end with the day of the start */
    assert_int_equal(due(fx->cal, wib("2026-11-28", "10:00:00"), 0, CALENDAR_WORKDAYS),
                     wib("2026-11-29", "00:00:00"));
}

/* ---- zones ---- */

/* The machine's zone changes nothing. */
static void
test_machine_zone(void **state)
{
    static const char *const zones[] = {"UTC", "Asia/Jakarta", "America/New_York"};
    const struct fixture *fx = *state;

    for (size_t z = 0; z < COUNT(zones); z++) {
        struct calendar *cal;

        setenv("TZ", zones[z], 1);
        tzset();
        cal = load((struct str){fx->csv, fx->n}, WIB_MIN);
        for (size_t i = 0; i < COUNT(agreed); i++)
            for (size_t k = 0; k < 4; k++) {
                int64_t want = wib(agreed[i].last[k], "00:00:00") + CALTIME_DAY;

                assert_int_equal(
                    due(cal, wib(agreed[i].start, "00:00:00"), agreed_term[k].n, agreed_term[k].unit), want);
                assert_int_equal(
                    due(cal, wib(agreed[i].start, "23:59:59.999"), agreed_term[k].n, agreed_term[k].unit),
                    want);
            }
        calendar_free(cal);
    }
    unsetenv("TZ");
    tzset();
}

/* The calendar's own zone does: 20:00 UTC is the next day in WIB, and midnights are elsewhere. */
static void
test_own_zone(void **state)
{
    static const struct {
        int zone_min;
        const char *due;
    } row[] = {{0, "2026-11-27T00:00:00Z"},
               {420, "2026-11-28T00:00:00+07:00"},
               {540, "2026-11-28T00:00:00+09:00"},
               {-300, "2026-11-27T00:00:00-05:00"},
               {-1260, "2026-11-26T00:00:00-21:00"}};
    const struct fixture *fx = *state;
    int64_t start;
    int64_t want;

    assert_true(caltime_parse(STR("2026-11-25T20:00:00Z"), &start));
    for (size_t i = 0; i < COUNT(row); i++) {
        struct calendar *cal = load((struct str){fx->csv, fx->n}, row[i].zone_min);

        assert_true(caltime_parse(str_of(row[i].due), &want));
        assert_int_equal(due(cal, start, 1, CALENDAR_WORKDAYS), want);
        assert_int_equal(calendar_day_start(cal, calendar_day(cal, want)), want);
        assert_int_equal(calendar_day(cal, want - 1), calendar_day(cal, want) - 1);
        calendar_free(cal);
    }
}
int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agreed_dates),
        cmocka_unit_test(test_midnight),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_counts_every_day),
        cmocka_unit_test(test_used_and_left),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_year_without_data),
        cmocka_unit_test(test_gap_year),
        cmocka_unit_test(test_out_of_range),
        cmocka_unit_test(test_machine_zone),
        cmocka_unit_test(test_own_zone),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
