/* Reading the list of holidays and looking it over. */
#include "tests/unit/test_calendar.h"

/* Every allocation of the code under test is a calloc(): this one fails the `fail_at`-th from now. A sanitiser brings
 * its own and must keep it. */
static volatile int fail_at; /* a compiler takes it that calloc() reads no variable of ours */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FAILING_CALLOC 1
extern void *__libc_calloc(size_t n, size_t size);

__attribute__((noinline)) void *
calloc(size_t n, size_t size)
{
    if (fail_at > 0 && --fail_at == 0)
        return NULL;
    return __libc_calloc(n, size);
}
#endif
/* ---- loading ---- */

static void
test_load(void **state)
{
    const struct fixture *fx = *state;
    int years[8] = {0};
    struct calendar *cal;

    assert_string_equal(calendar_version(fx->cal), "test-1");
    assert_int_equal(calendar_years(fx->cal, years, 8), 4);
    assert_int_equal(years[0], 2024);
    assert_int_equal(years[3], 2027);
    assert_int_equal(calendar_years(fx->cal, NULL, 0), 4);
    /* CRLF, a byte order mark, quotes, empty lines, no line end at the end, any order */
    cal = load(STR("\xef\xbb\xbftanggal,hari,\"jenis\",keterangan\r\n\r\n"
                   "2026-12-25,Jumat,libur_nasional,\"Natal, \"\"raya\"\"\"\r\n\n"
                   "\"2026-01-01\",Kamis,libur_nasional,Tahun Baru"),
               WIB_MIN);
    assert_int_equal(due(cal, wib("2026-12-24", "10:00:00"), 1, CALENDAR_WORKDAYS),
                     wib("2026-12-29", "00:00:00"));
    assert_int_equal(due(cal, wib("2026-01-01", "10:00:00"), 1, CALENDAR_WORKDAYS),
                     wib("2026-01-03", "00:00:00"));
    calendar_free(cal);
    calendar_free(NULL);
}

#define GOOD "2026-01-01,Kamis,libur_nasional,Tahun Baru\n"

static void
test_junk(void **state)
{
    static const struct {
        const char *csv;
        const char *text;
    } row[] = {
        {"", "no day"},
        {HEADER, "no day"},
        {HEADER "\n\n", "no day"},
        {GOOD, "line 1: the header"},
        {"\n" HEADER GOOD, "line 1: the header"},
        {"tanggal,hari,jenis\n" GOOD, "line 1: the header"},
        {"Tanggal,hari,jenis,keterangan\n" GOOD, "line 1: the header"},
        {"tanggal,jenis,hari,keterangan\n" GOOD, "line 1: the header"},
        {"tanggal,hari,jenis,keterangan,x\n" GOOD, "line 1: the header"},
        {"tanggal;hari;jenis;keterangan\n" GOOD, "line 1: the header"},
        {HEADER "junk\n", "line 2: fewer than four fields"},
        {HEADER GOOD "2026-12-25,Jumat,libur_nasional\n", "line 3: fewer than four fields"},
        {HEADER GOOD "\n2026-12-25,Jumat,libur_nasional,Natal,x\n", "line 4: more than four fields"},
        {HEADER "2026-12-25,Jumat,libur_nasional,\n", "line 2: keterangan"},
        {HEADER "2026-12-25,Jumat,libur_nasional,\"\"\n", "line 2: keterangan"},
        {HEADER "2026-12-25,Jumat,libur,Natal\n", "line 2: jenis"},
        {HEADER "2026-12-25,Jumat,,Natal\n", "line 2: jenis"},
        {HEADER "2026-12-25,Friday,libur_nasional,Natal\n", "line 2: hari"},
        {HEADER "2026-12-25,jumat,libur_nasional,Natal\n", "line 2: hari"},
        {HEADER "2026-12-25, Jumat,libur_nasional,Natal\n", "line 2: hari"},
        {HEADER "2026-02-29,Minggu,libur_nasional,Natal\n", "line 2: tanggal"},
        {HEADER "25-12-2026,Jumat,libur_nasional,Natal\n", "line 2: tanggal"},
        {HEADER "2026-12-25 ,Jumat,libur_nasional,Natal\n", "line 2: tanggal"},
        {HEADER "1969-12-25,Kamis,libur_nasional,Natal\n", "line 2: tanggal"},
        {HEADER ",Jumat,libur_nasional,Natal\n", "line 2: tanggal"},
        {HEADER "2026-12-25,Jumat,libur_nasional,\"Natal\n", "line 2: a quoted field does not end"},
        {HEADER "2026-12-25,Jumat,libur_nasional,\"Natal\"x\n", "line 2: more than four fields"},
        {HEADER "\"2026-12-25\"x,Jumat,libur_nasional,Natal\n", "line 2: text after a quoted field"},
        {HEADER "2026-12-25,Jumat,libur_nasional,Na\"tal\n", "line 2: a quote inside"},
        {HEADER "2026-12-25,Jumat,libur_nasional,Na\ttal\n", "line 2: a control character"},
        {HEADER "2026-12-25,Jumat,libur_nasional,Na\rtal\n", "line 2: a control character"},
        {HEADER GOOD "2126-12-25,Rabu,libur_nasional,Natal\n", "line 3: with 2126 the list spans"},
        {HEADER GOOD GOOD "1926-12-25,Sabtu,libur_nasional,Natal\n", "line 4: tanggal"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct err e = {0};
        struct calendar *cal = (struct calendar *)&e; /* to see it set to NULL */

        if (calendar_load(str_of(row[i].csv), "v", WIB_MIN, &cal, &e) != RES_REJECT ||
            !strstr(e.text, row[i].text))
            fail_msg("row %zu: '%s', not '%s'", i, e.text, row[i].text);
        assert_null(cal);
    }
}

static void
test_bad_arguments(void **state)
{
    char version[CALENDAR_VERSION_MAX + 2];
    char *large = malloc((1 << 20) + 1);
    struct calendar *cal;

    (void)state;
    assert_non_null(large);
    memset(version, 'v', sizeof version);
    version[CALENDAR_VERSION_MAX + 1] = '\0';
    assert_int_equal(calendar_load(STR(HEADER GOOD), version, WIB_MIN, &cal, NULL), RES_FATAL);
    assert_int_equal(calendar_load(STR(HEADER GOOD), "", WIB_MIN, &cal, NULL), RES_FATAL);
    assert_int_equal(calendar_load(STR(HEADER GOOD), NULL, WIB_MIN, &cal, NULL), RES_FATAL);
    assert_int_equal(calendar_load(STR(HEADER GOOD), "v", 1440, &cal, NULL), RES_FATAL);
    assert_int_equal(calendar_load(STR(HEADER GOOD), "v", -1440, &cal, NULL), RES_FATAL);
    assert_int_equal(calendar_load(STR_NULL, "v", WIB_MIN, &cal, NULL), RES_REJECT);
    memset(large, '\n', (1 << 20) + 1);
    memcpy(large, HEADER GOOD, sizeof HEADER GOOD - 1);
    assert_int_equal(calendar_load((struct str){large, (1 << 20) + 1}, "v", WIB_MIN, &cal, NULL), RES_REJECT);
    assert_null(cal);
    assert_int_equal(calendar_load((struct str){large, 1 << 20}, "v", WIB_MIN, &cal, NULL), RES_OK);
    calendar_free(cal);
    version[CALENDAR_VERSION_MAX] = '\0';
    assert_int_equal(calendar_load(STR(HEADER GOOD), version, WIB_MIN, &cal, NULL), RES_OK);
    assert_string_equal(calendar_version(cal), version);
    calendar_free(cal);
    free(large);
}

#ifdef FAILING_CALLOC
/* Each allocation fails in turn: a clean RES_RETRY and nothing made, then success. */
static void
test_no_memory(void **state)
{
    const struct fixture *fx = *state;
    struct calendar *cal = NULL;
    enum res res = RES_RETRY;
    void *volatile probe;
    int at = 0;

    fail_at = 1;
    probe = calloc(1, 1);
    free(probe);
    fail_at = 0;
    if (probe)
        skip(); /* valgrind put its own in the place of ours */
    while (res != RES_OK) {
        struct err e = {0};

        at++;
        assert_in_range(at, 1, 10);
        fail_at = at;
        res = calendar_load((struct str){fx->csv, fx->n}, "v", WIB_MIN, &cal, &e);
        fail_at = 0;
        assert_true(res == RES_OK || res == RES_RETRY);
        assert_true((res == RES_OK) == (cal != NULL));
    }
    calendar_free(cal);
    assert_int_equal(at, 5); /* so each of the four allocations was seen to fail */
}
#endif

/* Any one byte lost or changed: refused with a line, or a calendar that still answers. */
static void
test_damaged(void **state)
{
    static const char good[] = HEADER GOOD "2026-12-25,Jumat,libur_nasional,\"Natal\"\n";
    char text[sizeof good];
    int refused = 0;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof good; i++)
        for (int c = 0; c < 256; c += 3) {
            struct calendar *cal;
            struct err e = {0};

            memcpy(text, good, sizeof good);
            text[i] = (char)c;
            if (calendar_load((struct str){text, sizeof good - 1}, "v", WIB_MIN, &cal, &e) == RES_OK) {
                assert_true(calendar_years(cal, NULL, 0) >= 1);
                calendar_free(cal);
                continue;
            }
            assert_int_equal(e.res, RES_REJECT);
            assert_non_null(strstr(e.text, "calendar: "));
            refused++;
        }
    assert_in_range(refused, 5000, (sizeof good - 1) * 86 - 1);
}

/* ---- findings ---- */

struct seen {
    struct calendar_finding f[16];
    char text[16][128];
    size_t n;
};

static void
see(void *arg, const struct calendar_finding *f)
{
    struct seen *seen = arg;

    assert_true(seen->n < COUNT(seen->f));
    seen->f[seen->n] = *f;
    snprintf(seen->text[seen->n++], sizeof seen->text[0], "%s", f->text);
}

static void
test_check_flaws(void **state)
{
    static const struct {
        enum calendar_flaw flaw;
        int year;
        int line;
        const char *text;
    } want[] = {
        {CALENDAR_YEAR_MISSING, 2025, 0, "2025"},
        {CALENDAR_NEXT_YEAR_MISSING, 2027, 0, "2027"},
        {CALENDAR_DUPLICATE, 2024, 3, "line 3: 2024-01-01 is already in line 2"},
        {CALENDAR_WRONG_WEEKDAY, 2026, 4, "line 4: 2026-01-01"},
        {CALENDAR_ON_WEEKEND, 2026, 6, "line 6: 2026-05-31"},
    };
    struct calendar *cal =
        load(STR(HEADER "2024-01-01,Senin,libur_nasional,a\n2024-01-01,Senin,cuti_bersama,b\n"
                        "2026-01-01,Jumat,libur_nasional,c\n\n2026-05-31,Minggu,libur_nasional,d\n"),
             WIB_MIN);
    struct seen seen = {.n = 0};

    (void)state;
    assert_int_equal(calendar_check(cal, day_of("2026-10-01"), see, &seen), COUNT(want));
    assert_int_equal(seen.n, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_int_equal(seen.f[i].flaw, want[i].flaw);
        assert_int_equal(seen.f[i].year, want[i].year);
        assert_int_equal(seen.f[i].line, want[i].line);
        assert_true((seen.f[i].day == -1) == (want[i].line == 0));
        assert_non_null(strstr(seen.text[i], want[i].text));
    }
    /* the wrong weekday and the duplicate change nothing: the date counts */
    assert_int_equal(due(cal, wib("2026-01-01", "10:00:00"), 1, CALENDAR_WORKDAYS),
                     wib("2026-01-03", "00:00:00"));
    calendar_free(cal);
}

static void
test_check_years(void **state)
{
    static const struct {
        const char *today;
        size_t missing;
        size_t next;
    } row[] = {
        {"2026-09-30", 0, 0}, {"2026-12-31", 0, 0}, {"2027-01-01", 0, 0}, {"2027-09-30", 0, 0},
        {"2027-10-01", 0, 1}, {"2027-12-31", 0, 1}, {"2028-01-01", 1, 0}, {"2029-11-01", 2, 1},
        {"2022-05-01", 2, 0}, {"2022-10-01", 1, 1}, {"2023-10-01", 1, 0},
    };
    const struct fixture *fx = *state;
    size_t weekends = calendar_check(fx->cal, day_of("2026-01-01"), NULL, NULL);

    assert_int_equal(weekends, 20); /* holidays on a weekend, as the next test sees */
    for (size_t i = 0; i < COUNT(row); i++) {
        size_t n = calendar_check(fx->cal, day_of(row[i].today), NULL, NULL);

        if (n != weekends + row[i].missing + row[i].next)
            fail_msg("%s: %zu", row[i].today, n - weekends);
    }
}

static void
only_weekends(void *arg, const struct calendar_finding *f)
{
    (void)arg;
    assert_int_equal(f->flaw, CALENDAR_ON_WEEKEND);
    assert_true(caltime_weekday(f->day) >= 5);
}

static void
test_check_real_data(void **state)
{
    const struct fixture *fx = *state;

    assert_true(calendar_check(fx->cal, day_of("2026-11-25"), only_weekends, NULL) > 0);
    assert_string_equal(calendar_flaw_name(CALENDAR_YEAR_MISSING), "year_missing");
    assert_string_equal(calendar_flaw_name(CALENDAR_WRONG_WEEKDAY), "wrong_weekday");
    assert_string_equal(calendar_flaw_name((enum calendar_flaw)99), "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),          cmocka_unit_test(test_junk),
        cmocka_unit_test(test_bad_arguments),
#ifdef FAILING_CALLOC
        cmocka_unit_test(test_no_memory),
#endif
        cmocka_unit_test(test_damaged),       cmocka_unit_test(test_check_flaws),
        cmocka_unit_test(test_check_years),   cmocka_unit_test(test_check_real_data),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
