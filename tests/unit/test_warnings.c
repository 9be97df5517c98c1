/* When a running clock warns: each threshold once for each due instant, of several passed at once the nearest. */
#include "tests/unit/test_sop.h"

#include "workers/sop/warnings.h"

/* Clock 3 of 30 working days from Wednesday 2026-11-25: the last one is Tuesday 2027-01-12, the third last Friday the 8th,
 * the seventh last Thursday 2026-12-31 (1 and 5 January are holidays). */
static struct jam
clock_3(const struct calendar *cal, const char *from, int64_t n)
{
    struct jam j = {.revisi = 1, .tahap = TAHAP_INTEGRASI, .mulai_us = wib(from), .jatah = n};
    struct err e = {0};

    assert_int_equal(
        calendar_due(cal, j.mulai_us, (struct calendar_term){n, CALENDAR_WORKDAYS}, &j.batas_us, &e), RES_OK);
    return j;
}

/* What is told when it is looked at `now`, and when to look next (NULL = at the due instant). */
static void
assert_told(const struct calendar *cal, const struct jam *j, struct warned *w, const char *now, int64_t want,
            const char *next)
{
    struct term term = sop_terms()->general[TAHAP_INTEGRASI];
    int64_t next_us;
    bool changed;
    int64_t got = warnings_due(cal, j, &term, wib(now), w, &next_us, &changed);

    if (got != want || next_us != (next ? wib(next) : j->batas_us) || (got && !changed))
        fail_msg("at %s: %lld, next look %lld", now, (long long)got, (long long)next_us);
}

static void
test_each_threshold_once(void **state)
{
    struct jam j = clock_3(*state, "2026-11-25T10:00:00", 30);
    struct warned w = {0};

    assert_told(*state, &j, &w, "2026-11-25T10:00:00", 0, "2026-12-31T00:00:00");
    assert_told(*state, &j, &w, "2026-12-30T23:59:59.999999", 0, "2026-12-31T00:00:00");
    assert_told(*state, &j, &w, "2026-12-31T00:00:00", 7, "2027-01-08T00:00:00");
    assert_told(*state, &j, &w, "2026-12-31T00:00:00", 0, "2027-01-08T00:00:00");
    assert_told(*state, &j, &w, "2027-01-07T12:00:00", 0, "2027-01-08T00:00:00");
    assert_told(*state, &j, &w, "2027-01-09T00:00:00", 3, "2027-01-12T00:00:00");
    assert_told(*state, &j, &w, "2027-01-12T08:00:00", 1, NULL);
    assert_told(*state, &j, &w, "2027-01-12T23:59:59", 0, NULL);
    assert_int_equal(w.n, 1);
}

static void
test_several_at_once(void **state)
{
    struct jam j = clock_3(*state, "2026-11-25T10:00:00", 30);
    struct warned w = {0};

    assert_told(*state, &j, &w, "2027-01-10T12:00:00", 3,
                "2027-01-12T00:00:00"); /* 7 is past, and not told */
    assert_told(*state, &j, &w, "2027-01-12T12:00:00", 1, NULL);
    w = (struct warned){0};
    assert_told(*state, &j, &w, "2027-01-12T12:00:00", 1, NULL); /* 7 and 3 are past */
    w = (struct warned){0};
    assert_told(*state, &j, &w, "2027-01-13T00:00:00", 0, NULL); /* too late for a warning */
    assert_told(*state, &j, &w, "2027-01-12T12:00:00", 0, NULL); /* .. also for a clock that steps back */
}

/* An end that is moved is warned of anew, one that is moved back is not. */
static void
test_moved_and_back(void **state)
{
    struct jam j = clock_3(*state, "2026-11-25T10:00:00", 30);
    struct jam later = clock_3(*state, "2026-11-26T10:00:00", 30);
    struct warned w = {0};

    assert_told(*state, &j, &w, "2027-01-09T00:00:00", 3, "2027-01-12T00:00:00");
    assert_told(*state, &later, &w, "2027-01-09T00:00:01", 7, "2027-01-11T00:00:00");
    assert_told(*state, &j, &w, "2027-01-09T00:00:02", 0, "2027-01-12T00:00:00");
    assert_told(*state, &later, &w, "2027-01-11T00:00:00", 3, "2027-01-13T00:00:00");
    assert_told(*state, &j, &w, "2027-01-12T00:00:00", 1, NULL);
}

/* By another calendar it is the same end on another day. */
static void
test_moved_by_the_calendar(void **state)
{
    struct jam j = clock_3(*state, "2026-11-25T10:00:00", 30);
    struct jam later = clock_3(*state, "2026-11-26T10:00:00", 30);
    struct warned w = {0};

    warned_move(&w, j.batas_us, later.batas_us);
    assert_int_equal(w.n, 0);
    assert_told(*state, &j, &w, "2026-12-31T00:00:00", 7, "2027-01-08T00:00:00");
    warned_move(&w, j.batas_us, later.batas_us);
    assert_told(*state, &later, &w, "2027-01-04T00:00:00", 0, "2027-01-11T00:00:00");
    assert_told(*state, &later, &w, "2027-01-11T00:00:00", 3, "2027-01-13T00:00:00");
    warned_move(&w, later.batas_us, j.batas_us);
    assert_told(*state, &j, &w, "2027-01-11T00:00:01", 0, "2027-01-12T00:00:00");
    warned_move(&w, j.batas_us, later.batas_us); /* nothing is taken back */
    assert_told(*state, &later, &w, "2027-01-13T00:00:00", 1, NULL);
}

static void
test_the_last_few_ends(void **state)
{
    struct jam j = clock_3(*state, "2026-11-25T10:00:00", 30);
    struct warned w = {0};

    for (int i = 0; i < WARNED_KEPT + 3; i++) {
        struct jam moved = j;

        moved.batas_us += i * CALTIME_HOUR;
        assert_told(*state, &moved, &w, "2027-01-12T12:00:00", 1, NULL);
        assert_told(*state, &moved, &w, "2027-01-12T12:00:00", 0, NULL);
    }
    assert_int_equal(w.n, WARNED_KEPT);
    assert_told(*state, &j, &w, "2027-01-12T12:00:00", 1, NULL); /* forgotten, and it is told again */
}

/* After a return a clock goes on with what was left: what is longer than that is no warning. */
static void
test_longer_than_what_was_given(void **state)
{
    struct jam j = clock_3(*state, "2026-11-25T10:00:00", 2);
    struct warned w = {0};

    assert_told(*state, &j, &w, "2026-11-25T10:00:00", 0, "2026-11-27T00:00:00");
    assert_told(*state, &j, &w, "2026-11-27T00:00:00", 1, NULL);
    j = clock_3(*state, "2026-11-25T10:00:00", 3);
    w = (struct warned){0};
    assert_told(*state, &j, &w, "2026-11-25T10:00:00", 0,
                "2026-11-26T00:00:00"); /* as long as it: the first day */
    assert_told(*state, &j, &w, "2026-11-26T00:00:00", 3, "2026-11-30T00:00:00");
}

static void
test_other_thresholds(void **state)
{
    struct jam j = clock_3(*state, "2026-11-25T10:00:00", 30);
    struct term term = {.warn = {10, 5, 3}, .nwarn = 3};
    struct warned w = {0};
    int64_t next;
    bool changed;

    assert_told(*state, &j, &w, "2026-12-31T00:00:00", 7, "2027-01-08T00:00:00");
    /* 10 is longer ago than what was told; 5 and 3 are to come */
    assert_int_equal(warnings_due(*state, &j, &term, wib("2027-01-05T00:00:00"), &w, &next, &changed), 0);
    assert_false(changed);
    assert_int_equal(next, wib("2027-01-06T00:00:00"));
    assert_int_equal(warnings_due(*state, &j, &term, next, &w, &next, &changed), 5);
    assert_int_equal(next, wib("2027-01-08T00:00:00"));
    term.nwarn = 0;
    assert_int_equal(warnings_due(*state, &j, &term, next, &w, &next, &changed), 0);
    assert_int_equal(next, j.batas_us);
}

static void
test_seconds(void **state)
{
    struct jam j = {.revisi = 1,
                    .tahap = TAHAP_PEMERIKSAAN,
                    .mulai_us = wib("2026-11-25T10:00:00"),
                    .jatah = 60,
                    .satuan = CALENDAR_SECONDS,
                    .batas_us = wib("2026-11-25T10:01:00")};
    struct term term = {.warn = {100, 30, 5}, .nwarn = 3};
    struct warned w = {0};
    int64_t next;
    bool changed;

    assert_int_equal(warnings_due(*state, &j, &term, j.mulai_us, &w, &next, &changed), 0);
    assert_int_equal(next, wib("2026-11-25T10:00:30"));
    assert_int_equal(warnings_due(*state, &j, &term, next, &w, &next, &changed), 30);
    assert_int_equal(next, wib("2026-11-25T10:00:55"));
    assert_int_equal(warnings_due(*state, &j, &term, next, &w, &next, &changed), 5);
    assert_int_equal(next, j.batas_us);
}

static void
test_as_text(void **state)
{
    struct jam j = clock_3(*state, "2026-11-25T10:00:00", 30);
    struct warned w = {0};
    struct warned got;
    struct buf b = buf_make(4096);

    warned_write(&w, &b);
    assert_string_equal(b.p, "[]");
    assert_int_equal(warned_read(buf_view(&b)).n, 0);
    assert_told(*state, &j, &w, "2026-12-31T00:00:00", 7, "2027-01-08T00:00:00");
    j.batas_us += CALTIME_DAY;
    assert_told(*state, &j, &w, "2027-01-13T01:00:00", 1, NULL);
    buf_reset(&b);
    warned_write(&w, &b);
    got = warned_read(buf_view(&b));
    assert_int_equal(got.n, 2);
    assert_memory_equal(got.of, w.of, 2 * sizeof w.of[0]);
    assert_int_equal(warned_read(STR("[1,2,3]")).n, 1);
    assert_int_equal(warned_read(STR_NULL).n, 0);
    assert_int_equal(warned_read(STR("[1,7,2,7,3,7,4,7,5,7]")).n, WARNED_KEPT);
    buf_free(&b);
}

static void
test_rows_of_old(void **state)
{
    struct jam j = clock_3(*state, "2026-11-25T10:00:00", 30);
    struct warned w = warned_of_bits(&j, 0);

    assert_int_equal(w.n, 0);
    w = warned_of_bits(&j, 3); /* 7 and 3 */
    assert_told(*state, &j, &w, "2027-01-09T00:00:00", 0, "2027-01-12T00:00:00");
    assert_told(*state, &j, &w, "2027-01-12T00:00:00", 1, NULL);
    j.tahap = TAHAP_PENGAJUAN;
    w = warned_of_bits(&j, 1);
    assert_int_equal(w.of[0].threshold, 1);
    assert_int_equal(w.of[0].batas_us, j.batas_us);
}

static int
set_up(void **state)
{
    *state = calendar_here();
    return 0;
}

static int
tear_down(void **state)
{
    calendar_free(*state);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_threshold_once),
        cmocka_unit_test(test_several_at_once),
        cmocka_unit_test(test_moved_and_back),
        cmocka_unit_test(test_moved_by_the_calendar),
        cmocka_unit_test(test_the_last_few_ends),
        cmocka_unit_test(test_longer_than_what_was_given),
        cmocka_unit_test(test_other_thresholds),
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_as_text),
        cmocka_unit_test(test_rows_of_old),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
