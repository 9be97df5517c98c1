/* The SOP's clocks as a function of a request's facts: which there are, when they are due, how they end. */
#include "tests/unit/test_sop.h"

/* A story's clocks as of `read`. */
struct looked {
    const struct calendar *cal;
    struct arena a;
    struct story s;
    struct dossier_view v;
    struct dossier d;
    struct jam jam[JAM_MAX];
    size_t n;
};

static void
forget(struct looked *k)
{
    arena_free(&k->a);
    k->a = (struct arena){0};
}

static enum res
try_clocks(struct looked *k, const char *facts, const struct clock_rules *rules, struct err *e)
{
    forget(k);
    story_read(&k->s, facts);
    k->d = dossier_make(&k->a);
    for (size_t i = 0; i < k->s.n; i++)
        dossier_add(&k->d, &k->s.facts[i]);
    dossier_look(&k->d, &k->v);
    return clocks_of(&k->v, rules, k->jam, &k->n, e);
}

static void
look_at(struct looked *k, const char *facts, const char *read)
{
    struct clock_rules rules = sop_rules(k->cal, read ? wib(read) : INT64_MIN);
    struct err e = {0};

    if (try_clocks(k, facts, &rules, &e) != RES_OK)
        fail_msg("%s", e.text);
}

static const struct jam *
find(const struct looked *k, int32_t revisi, enum tahap tahap)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->jam[i].revisi == revisi && k->jam[i].tahap == tahap)
            return &k->jam[i];
    fail_msg("revisi %d has no clock %s", revisi, tahap_name(tahap));
    return NULL;
}

/* What is expected of one clock, times as WIB; NULL = it runs. */
struct want {
    int32_t revisi;
    enum tahap tahap;
    enum keadaan keadaan;
    const char *mulai, *batas, *berakhir;
    int64_t terpakai;
};

static void
assert_time(const struct want *w, const char *what, int64_t got, const char *want)
{
    char text[CALTIME_TEXT_WIB];

    if (got == (want ? wib(want) : INT64_MIN))
        return;
    caltime_format_wib(got, text);
    fail_msg("%d %s: %s is %s, not %s", w->revisi, tahap_name(w->tahap), what,
             got == INT64_MIN ? "none" : text, want ? want : "none");
}

static void
assert_clocks(const struct looked *k, const struct want *want, size_t n)
{
    assert_int_equal(k->n, n);
    for (size_t i = 0; i < n; i++) {
        const struct want *w = &want[i];
        const struct jam *j = find(k, w->revisi, w->tahap);

        if (j->keadaan != w->keadaan)
            fail_msg("%d %s is %s, not %s", w->revisi, tahap_name(w->tahap), keadaan_name(j->keadaan),
                     keadaan_name(w->keadaan));
        assert_time(w, "mulai", j->mulai_us, w->mulai);
        assert_time(w, "batas", j->batas_us, w->batas);
        assert_time(w, "berakhir", j->berakhir_us, w->berakhir);
        if (j->hari_terpakai != w->terpakai)
            fail_msg("%d %s used %lld days, not %lld", w->revisi, tahap_name(w->tahap),
                     (long long)j->hari_terpakai, (long long)w->terpakai);
    }
}

#define ASSERT_CLOCKS(k, ...)                                                                                \
    do {                                                                                                     \
        const struct want want_[] = {__VA_ARGS__};                                                           \
        assert_clocks(k, want_, COUNT(want_));                                                               \
    } while (0)

/* ---- due instants ---- */

/* The dates that the deadlines were agreed by: the last counted day of 1, 2 and 30 working days. */
static const struct agreed {
    const char *start, *one, *two, *thirty;
} agreed[] = {
    {"2024-08-01", "2024-08-02", "2024-08-05", "2024-09-12"},
    {"2024-04-05", "2024-04-16", "2024-04-17", "2024-06-03"},
    {"2024-11-25", "2024-11-26", "2024-11-28", "2025-01-10"},
    {"2025-03-27", "2025-04-08", "2025-04-09", "2025-05-23"},
    {"2025-08-14", "2025-08-15", "2025-08-19", "2025-09-29"},
    {"2026-03-17", "2026-03-25", "2026-03-26", "2026-05-07"},
    {"2026-11-25", "2026-11-26", "2026-11-27", "2027-01-12"},
    {"2026-12-31", "2027-01-04", "2027-01-06", "2027-02-16"},
    {"2027-05-14", "2027-05-21", "2027-05-24", "2027-07-02"},
};

static void
assert_last_day(const struct jam *j, const char *date)
{
    char text[64];

    snprintf(text, sizeof text, "%sT00:00:00", date);
    if (j->batas_us != wib(text) + CALTIME_DAY)
        fail_msg("%s: the last day is not %s", tahap_name(j->tahap), date);
}

static void
test_agreed_dates(void **state)
{
    static const char *const hours[] = {"00:00:00", "11:07:51", "23:59:59"};
    struct looked k = {.cal = *state};

    for (size_t i = 0; i < COUNT(agreed) * COUNT(hours); i++) {
        const struct agreed *a = &agreed[i % COUNT(agreed)];
        const char *h = hours[i / COUNT(agreed)];
        char facts[256];

        snprintf(facts, sizeof facts, "R@%sT%s F1@%sT%s C1.1.1:diterima@%sT%s", a->start, h, a->start, h,
                 a->start, h);
        look_at(&k, facts, NULL);
        assert_int_equal(k.n, 3);
        assert_last_day(find(&k, 1, TAHAP_PENGAJUAN), a->one);
        assert_last_day(find(&k, 1, TAHAP_PEMERIKSAAN), a->two);
        assert_last_day(find(&k, 1, TAHAP_INTEGRASI), a->thirty);
    }
    forget(&k);
}

static void
test_units(void **state)
{
    struct looked k = {.cal = *state};
    struct clock_rules rules = sop_rules(k.cal, INT64_MIN);
    struct terms terms = *sop_terms();
    struct err e = {0};

    rules.terms = &terms;
    terms.general[TAHAP_PENGAJUAN].of = (struct calendar_term){5, CALENDAR_SECONDS};
    terms.general[TAHAP_INTEGRASI].of = (struct calendar_term){30, CALENDAR_DAYS};
    assert_int_equal(try_clocks(&k, "R@2026-11-25T10:00:00 F1 C1.1.1:diterima", &rules, &e), RES_OK);
    assert_int_equal(find(&k, 1, TAHAP_PENGAJUAN)->batas_us, wib("2026-11-25T10:00:05"));
    assert_int_equal(find(&k, 1, TAHAP_PENGAJUAN)->keadaan, KEADAAN_TERLEWAT);
    assert_int_equal(find(&k, 1, TAHAP_PENGAJUAN)->hari_terpakai, 60);
    assert_int_equal(find(&k, 1, TAHAP_INTEGRASI)->batas_us, wib("2026-12-26T00:00:00"));
    assert_int_equal(find(&k, 1, TAHAP_PEMERIKSAAN)->satuan, CALENDAR_WORKDAYS);
    assert_int_equal(find(&k, 1, TAHAP_INTEGRASI)->satuan, CALENDAR_DAYS);
    forget(&k);
}

static void
test_a_year_without_data(void **state)
{
    struct looked k = {.cal = *state};
    struct clock_rules rules = sop_rules(k.cal, INT64_MIN);
    struct err e = {0};

    assert_int_equal(try_clocks(&k, "F1@2027-11-25T10:00:00 C1.1.1:diterima", &rules, &e), RES_FATAL);
    assert_non_null(strstr(e.text, "2028"));
    forget(&k);
}

/* ---- met or missed ---- */

static void
test_met_before_the_due_instant(void **state)
{
    struct looked k = {.cal = *state};

    look_at(&k, "R@2026-11-25T10:00:00 F1@2026-11-26T23:59:59.999999", "2026-11-30T00:00:00");
    assert_int_equal(find(&k, 1, TAHAP_PENGAJUAN)->keadaan, KEADAAN_TERPENUHI);
    look_at(&k, "R@2026-11-25T10:00:00 F1@2026-11-27T00:00:00", NULL);
    assert_int_equal(find(&k, 1, TAHAP_PENGAJUAN)->keadaan, KEADAAN_TERLEWAT);
    assert_int_equal(find(&k, 1, TAHAP_PENGAJUAN)->berakhir_us, wib("2026-11-27T00:00:00"));
    assert_int_equal(find(&k, 1, TAHAP_PENGAJUAN)->hari_terpakai, 2);
    forget(&k);
}

static void
test_missed_only_when_read(void **state)
{
    static const struct {
        const char *read;
        enum keadaan keadaan;
        int64_t terpakai;
    } cases[] = {
        {NULL, KEADAAN_BERJALAN, 0},
        {"2026-11-26T23:59:59.999999", KEADAAN_BERJALAN, 0},
        {"2026-11-27T00:00:00", KEADAAN_TERLEWAT, 1},
        {"2026-12-30T00:00:00", KEADAAN_TERLEWAT, 1}, /* all that it was given, and no more */
    };
    struct looked k = {.cal = *state};

    for (size_t i = 0; i < COUNT(cases); i++) {
        look_at(&k, "R@2026-11-25T10:00:00", cases[i].read);
        ASSERT_CLOCKS(&k, {1, TAHAP_PENGAJUAN, cases[i].keadaan, "2026-11-25T10:00:00", "2026-11-27T00:00:00",
                           NULL, cases[i].terpakai});
    }
    forget(&k);
}

/* ---- clock 1 ---- */

static void
test_clock_1(void **state)
{
    struct looked k = {.cal = *state};

    look_at(&k, "V K", NULL);
    assert_int_equal(k.n, 0);
    look_at(&k, "F2", NULL); /* held: not its turn */
    assert_int_equal(k.n, 0);
    look_at(&k, "F1@2026-11-03T10:00:00", NULL); /* the form opens and meets it */
    ASSERT_CLOCKS(
        &k,
        {1, TAHAP_PENGAJUAN, KEADAAN_TERPENUHI, "2026-11-03T10:00:00", "2026-11-05T00:00:00",
         "2026-11-03T10:00:00", 0},
        {1, TAHAP_PEMERIKSAAN, KEADAAN_BERJALAN, "2026-11-03T10:00:00", "2026-11-06T00:00:00", NULL, 0});
    look_at(&k, "R@2026-11-04T10:00:00 F1@2026-11-03T10:00:00",
            NULL); /* the letter was noted after the form */
    assert_int_equal(find(&k, 1, TAHAP_PENGAJUAN)->mulai_us, wib("2026-11-03T10:00:00"));
    look_at(&k, "R@2026-11-03T10:00:00 R2@2026-11-02T10:00:00", NULL); /* the first in the log counts */
    assert_int_equal(find(&k, 1, TAHAP_PENGAJUAN)->mulai_us, wib("2026-11-03T10:00:00"));
    look_at(&k, "R@2026-11-03T10:00:00 C1.1.1:dibatalkan@2026-11-04T10:00:00", NULL);
    ASSERT_CLOCKS(&k, {1, TAHAP_PENGAJUAN, KEADAAN_DIHENTIKAN, "2026-11-03T10:00:00", "2026-11-05T00:00:00",
                       "2026-11-04T10:00:00", 1});
    forget(&k);
}

/* ---- a return pauses ---- */

static void
test_a_return_pauses(void **state)
{
    struct looked k = {.cal = *state};

    look_at(&k, "F1@2026-11-02T10:00:00 C1.1.1:dikembalikan@2026-11-03T10:00:00", NULL);
    ASSERT_CLOCKS(
        &k,
        {1, TAHAP_PENGAJUAN, KEADAAN_TERPENUHI, "2026-11-02T10:00:00", "2026-11-04T00:00:00",
         "2026-11-02T10:00:00", 0},
        {1, TAHAP_PEMERIKSAAN, KEADAAN_DITANGGUHKAN, "2026-11-02T10:00:00", "2026-11-05T00:00:00",
         "2026-11-03T10:00:00", 1},
        {1, TAHAP_PERBAIKAN, KEADAAN_BERJALAN, "2026-11-03T10:00:00", "2026-11-11T00:00:00", NULL, 0});
    /* the next revisi goes on with the one day that was left, and the paused clock is closed */
    look_at(&k, "F1@2026-11-02T10:00:00 C1.1.1:dikembalikan@2026-11-03T10:00:00 F2@2026-11-06T10:00:00",
            NULL);
    ASSERT_CLOCKS(
        &k,
        {1, TAHAP_PENGAJUAN, KEADAAN_TERPENUHI, "2026-11-02T10:00:00", "2026-11-04T00:00:00",
         "2026-11-02T10:00:00", 0},
        {1, TAHAP_PEMERIKSAAN, KEADAAN_TERPENUHI, "2026-11-02T10:00:00", "2026-11-05T00:00:00",
         "2026-11-03T10:00:00", 1},
        {1, TAHAP_PERBAIKAN, KEADAAN_TERPENUHI, "2026-11-03T10:00:00", "2026-11-11T00:00:00",
         "2026-11-06T10:00:00", 3},
        {2, TAHAP_PEMERIKSAAN, KEADAAN_BERJALAN, "2026-11-06T10:00:00", "2026-11-10T00:00:00", NULL, 0});
    forget(&k);
}

/* A form that comes after the withdrawal is in the log, but it is no next revisi: it has no clock and closes none. */
static void
test_a_form_after_the_end(void **state)
{
    struct looked k = {.cal = *state};

    look_at(&k, "F1 C1.1.1:dikembalikan C1.1.2:dibatalkan@2026-11-04T10:00:00 F2@2026-11-05T10:00:00", NULL);
    assert_int_equal(k.n, 3);
    assert_int_equal(find(&k, 1, TAHAP_PERBAIKAN)->keadaan, KEADAAN_DIHENTIKAN);
    assert_int_equal(find(&k, 1, TAHAP_PERBAIKAN)->berakhir_us, wib("2026-11-04T10:00:00"));
    forget(&k);
}

static void
test_what_is_left(void **state)
{
    static const struct {
        const char *facts;
        int64_t jatah; /* of clock 2 in the newest revisi */
    } cases[] = {
        {"F1@2026-11-02T10:00:00 C1.1.1:dikembalikan@2026-11-02T12:00:00 F2", 2},
        {"F1@2026-11-02T10:00:00 C1.1.1:dikembalikan@2026-11-03T10:00:00 F2", 1},
        {"F1@2026-11-02T10:00:00 C1.1.1:dikembalikan@2026-11-04T10:00:00 F2", 1}, /* at least one full day */
        {"F1@2026-11-02T10:00:00 C1.1.1:dikembalikan@2026-11-20T10:00:00 F2",
         1}, /* even when it was missed */
        {"F1@2026-11-06T10:00:00 C1.1.1:dikembalikan@2026-11-08T10:00:00 F2", 2}, /* a weekend is not used */
        {"F1@2026-11-02T10:00:00 C1.1.1:dikembalikan@2026-11-03T10:00:00 F2@2026-11-04T10:00:00 "
         "C2.1.2:dikembalikan@2026-11-04T11:00:00 F3",
         1},
    };
    struct looked k = {.cal = *state};

    for (size_t i = 0; i < COUNT(cases); i++) {
        look_at(&k, cases[i].facts, NULL);
        assert_int_equal(find(&k, k.v.R, TAHAP_PEMERIKSAAN)->jatah, cases[i].jatah);
    }
    forget(&k);
}

/* The first decision ends clock 2; later putaran do not open it again. */
static void
test_clock_2_ends_once(void **state)
{
    struct looked k = {.cal = *state};

    look_at(&k,
            "F1@2026-11-02T10:00:00 C1.1.1:menunggu_pemeriksa C1.1.2:diterima@2026-11-03T10:00:00 "
            "I1.1.1:rejected@2026-11-05T10:00:00 C1.2.3:menunggu_pemeriksa "
            "C1.2.4:diterima@2026-11-10T10:00:00",
            "2026-11-20T00:00:00");
    assert_int_equal(find(&k, 1, TAHAP_PEMERIKSAAN)->keadaan, KEADAAN_TERPENUHI);
    assert_int_equal(find(&k, 1, TAHAP_PEMERIKSAAN)->berakhir_us, wib("2026-11-03T10:00:00"));
    forget(&k);
}

/* ---- clock 3 ---- */

#define ACCEPTED "F1@2026-11-02T10:00:00 C1.1.1:diterima@2026-11-02T12:00:00 "
#define REFUSED  ACCEPTED "I1.1.1:rejected@2026-11-04T10:00:00 "

static void
test_clock_3(void **state)
{
    static const struct {
        const char *facts;
        enum keadaan keadaan;
        const char *berakhir;
    } cases[] = {
        {ACCEPTED, KEADAAN_BERJALAN, NULL},
        {ACCEPTED "I1.1.1:delayed I1.1.2:registered/diproses", KEADAAN_BERJALAN, NULL},
        {ACCEPTED "I1.1.1:completed/aktif@2026-11-20T10:00:00 I1.1.2:completed/dinonaktifkan",
         KEADAAN_TERPENUHI, "2026-11-20T10:00:00"},
        {ACCEPTED "I1.1.1:completed/aktif@2027-01-20T10:00:00", KEADAAN_TERLEWAT, "2027-01-20T10:00:00"},
        {ACCEPTED "I1.1.1:failed/gagal", KEADAAN_BERJALAN, NULL}, /* not final */
        {REFUSED, KEADAAN_BERJALAN, NULL},                        /* Bedelau's 422 leaves it running */
        {REFUSED "C1.2.2:menunggu_pemeriksa", KEADAAN_BERJALAN, NULL},
        {REFUSED "C1.2.2:diterima@2026-11-06T10:00:00", KEADAAN_BERJALAN, NULL},
        {REFUSED "C1.2.2:dikembalikan@2026-11-06T10:00:00", KEADAAN_DITANGGUHKAN, "2026-11-06T10:00:00"},
        {REFUSED "C1.2.2:dikembalikan@2026-11-06T10:00:00 F2", KEADAAN_TERPENUHI, "2026-11-06T10:00:00"},
        {REFUSED "C1.2.2:ditolak@2026-11-06T10:00:00", KEADAAN_DIHENTIKAN, "2026-11-06T10:00:00"},
        {ACCEPTED "C1.1.2:dibatalkan@2026-11-06T10:00:00", KEADAAN_DIHENTIKAN, "2026-11-06T10:00:00"},
        {ACCEPTED "I1.1.1:cancelled@2026-11-06T10:00:00", KEADAAN_DIHENTIKAN, "2026-11-06T10:00:00"},
        {ACCEPTED "C1.1.2:dibatalkan@2026-11-06T10:00:00 I1.1.1:cancelled@2026-11-09T10:00:00",
         KEADAAN_DIHENTIKAN, "2026-11-06T10:00:00"},
    };
    struct looked k = {.cal = *state};

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct want w = {.revisi = 1, .tahap = TAHAP_INTEGRASI};
        const struct jam *j;

        look_at(&k, cases[i].facts, NULL);
        j = find(&k, 1, TAHAP_INTEGRASI);
        if (j->keadaan != cases[i].keadaan)
            fail_msg("\"%s\": %s", cases[i].facts, keadaan_name(j->keadaan));
        assert_time(&w, cases[i].facts, j->berakhir_us, cases[i].berakhir);
        assert_time(&w, "mulai", j->mulai_us, "2026-11-02T12:00:00");
        assert_time(&w, "batas", j->batas_us, "2026-12-15T00:00:00");
    }
    forget(&k);
}

static void
test_clock_3_goes_on(void **state)
{
    struct looked k = {.cal = *state};

    look_at(&k,
            REFUSED "C1.2.2:dikembalikan@2026-11-06T10:00:00 F2@2026-11-10T10:00:00 "
                    "C2.1.3:diterima@2026-11-10T12:00:00",
            NULL);
    assert_int_equal(k.n, 6);
    assert_int_equal(find(&k, 1, TAHAP_INTEGRASI)->hari_terpakai, 4);
    assert_int_equal(find(&k, 2, TAHAP_INTEGRASI)->jatah, 26);
    assert_int_equal(find(&k, 2, TAHAP_INTEGRASI)->mulai_us, wib("2026-11-10T12:00:00"));
    assert_int_equal(find(&k, 2, TAHAP_PEMERIKSAAN)->jatah, 2); /* accepted on the day it came */
    assert_int_equal(find(&k, 1, TAHAP_PERBAIKAN)->keadaan, KEADAAN_TERPENUHI);
    forget(&k);
}

/* ---- returned twice ---- */

#define TWICE                                                                                                \
    "F1@2026-03-17T10:00:00 C1.1.1:dikembalikan@2026-03-25T15:00:00 F2@2026-03-30T08:00:00 "                 \
    "C2.1.2:dikembalikan@2026-03-31T10:00:00 "

/* Over Lebaran (18 to 24 March) and Good Friday (3 April): of two days one is used by each check, and a third is given. */
static void
test_returned_twice(void **state)
{
    struct looked k = {.cal = *state};

    look_at(&k, TWICE "F3@2026-04-09T09:00:00 C3.1.3:diterima@2026-04-10T23:59:59.999999", NULL);
    ASSERT_CLOCKS(
        &k,
        {1, TAHAP_PENGAJUAN, KEADAAN_TERPENUHI, "2026-03-17T10:00:00", "2026-03-26T00:00:00",
         "2026-03-17T10:00:00", 0},
        {1, TAHAP_PEMERIKSAAN, KEADAAN_TERPENUHI, "2026-03-17T10:00:00", "2026-03-27T00:00:00",
         "2026-03-25T15:00:00", 1},
        {1, TAHAP_PERBAIKAN, KEADAAN_TERPENUHI, "2026-03-25T15:00:00", "2026-04-02T00:00:00",
         "2026-03-30T08:00:00", 3},
        {2, TAHAP_PEMERIKSAAN, KEADAAN_TERPENUHI, "2026-03-30T08:00:00", "2026-04-01T00:00:00",
         "2026-03-31T10:00:00", 1},
        {2, TAHAP_PERBAIKAN, KEADAAN_TERLEWAT, "2026-03-31T10:00:00", "2026-04-09T00:00:00",
         "2026-04-09T09:00:00", 6},
        {3, TAHAP_PEMERIKSAAN, KEADAAN_TERPENUHI, "2026-04-09T09:00:00", "2026-04-11T00:00:00",
         "2026-04-10T23:59:59.999999", 1},
        {3, TAHAP_INTEGRASI, KEADAAN_BERJALAN, "2026-04-10T23:59:59.999999", "2026-05-30T00:00:00", NULL, 0});
    forget(&k);
}

/* The applicant's clock: runs from the return, is missed when its days are over, ends with the form or with the request. */
static void
test_the_repair_clock(void **state)
{
    static const struct {
        const char *facts, *read;
        enum keadaan keadaan;
        const char *berakhir;
        int64_t terpakai;
    } cases[] = {
        {TWICE, "2026-04-08T23:59:59.999999", KEADAAN_BERJALAN, NULL, 0},
        {TWICE, "2026-04-09T00:00:00", KEADAAN_TERLEWAT, NULL, 5},
        {TWICE "F3@2026-04-08T23:59:59.999999", "2026-05-01T00:00:00", KEADAAN_TERPENUHI,
         "2026-04-08T23:59:59.999999", 5},
        {TWICE "F3@2026-04-09T00:00:00", NULL, KEADAAN_TERLEWAT, "2026-04-09T00:00:00", 6},
        {TWICE "F3@2026-03-30T09:00:00", NULL, KEADAAN_TERPENUHI, "2026-03-30T09:00:00",
         0}, /* it had been held */
        {TWICE "C2.1.3:dibatalkan@2026-04-06T10:00:00", NULL, KEADAAN_DIHENTIKAN, "2026-04-06T10:00:00", 3},
        {TWICE "C2.1.3:dibatalkan@2026-04-10T10:00:00", NULL, KEADAAN_TERLEWAT, "2026-04-10T10:00:00", 7},
        {TWICE "F4@2026-04-01T10:00:00", "2026-04-02T00:00:00", KEADAAN_BERJALAN, NULL, 0}, /* not its turn */
    };
    struct looked k = {.cal = *state};

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct want w = {.revisi = 2, .tahap = TAHAP_PERBAIKAN};
        const struct jam *j;

        look_at(&k, cases[i].facts, cases[i].read);
        j = find(&k, 2, TAHAP_PERBAIKAN);
        if (j->keadaan != cases[i].keadaan || j->hari_terpakai != cases[i].terpakai)
            fail_msg("\"%s\": %s, %lld used", cases[i].facts, keadaan_name(j->keadaan),
                     (long long)j->hari_terpakai);
        assert_time(&w, cases[i].facts, j->berakhir_us, cases[i].berakhir);
        assert_time(&w, "batas", j->batas_us, "2026-04-09T00:00:00");
    }
    forget(&k);
}

/* Clock 3 pauses too when an officer returns what Bedelau refused, and goes on with what both revisi left. */
static void
test_clock_3_over_two_returns(void **state)
{
    struct looked k = {.cal = *state};

    look_at(&k,
            REFUSED "C1.2.2:dikembalikan@2026-11-06T10:00:00 F2@2026-11-10T10:00:00 "
                    "C2.1.3:diterima@2026-11-10T12:00:00 I2.1.2:rejected@2026-11-12T10:00:00 "
                    "C2.2.4:dikembalikan@2026-11-17T10:00:00 F3@2026-11-18T10:00:00 "
                    "C3.1.5:diterima@2026-11-18T12:00:00",
            NULL);
    assert_int_equal(find(&k, 1, TAHAP_INTEGRASI)->hari_terpakai, 4);
    assert_int_equal(find(&k, 2, TAHAP_INTEGRASI)->hari_terpakai, 5);
    assert_int_equal(find(&k, 2, TAHAP_INTEGRASI)->keadaan, KEADAAN_TERPENUHI);
    assert_int_equal(find(&k, 3, TAHAP_INTEGRASI)->jatah, 21);
    assert_int_equal(find(&k, 3, TAHAP_INTEGRASI)->batas_us, wib("2026-12-18T00:00:00"));
    assert_int_equal(find(&k, 3, TAHAP_PEMERIKSAAN)->jatah, 2);
    forget(&k);
}

/* ---- the end stops all ---- */

static void
test_final_states_stop_every_clock(void **state)
{
    static const char *const facts[] = {
        "R",
        "R F1",
        "R F1 C1.1.1:menunggu_pemeriksa",
        "R F1 C1.1.1:dikembalikan",
        "R F1 C1.1.1:dikembalikan F2",
        "R F1 C1.1.1:diterima",
        "R F1 C1.1.1:diterima I1.1.1:registered/diproses",
        "R F1 C1.1.1:diterima I1.1.1:rejected C1.2.2:dikembalikan F2 C2.1.3:diterima",
    };
    static const char *const ends[] = {"C1.1.9:dibatalkan", "C2.1.9:dibatalkan", "C1.2.9:ditolak",
                                       "I1.1.9:cancelled", "I1.1.9:completed/aktif"};
    struct looked k = {.cal = *state};
    char line[512];

    for (size_t i = 0; i < COUNT(facts) * COUNT(ends); i++) {
        const char *end = ends[i % COUNT(ends)];

        snprintf(line, sizeof line, "%s %s", facts[i / COUNT(ends)], end);
        look_at(&k, line, "2026-11-02T23:00:00");
        assert_true(k.n > 0);
        for (size_t j = 0; j < k.n; j++)
            if (k.jam[j].keadaan == KEADAAN_BERJALAN || k.jam[j].berakhir_us == INT64_MIN)
                fail_msg("\"%s\": revisi %d %s still runs", line, k.jam[j].revisi,
                         tahap_name(k.jam[j].tahap));
    }
    forget(&k);
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
        cmocka_unit_test(test_agreed_dates),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_a_year_without_data),
        cmocka_unit_test(test_met_before_the_due_instant),
        cmocka_unit_test(test_missed_only_when_read),
        cmocka_unit_test(test_clock_1),
        cmocka_unit_test(test_a_return_pauses),
        cmocka_unit_test(test_a_form_after_the_end),
        cmocka_unit_test(test_what_is_left),
        cmocka_unit_test(test_clock_2_ends_once),
        cmocka_unit_test(test_clock_3),
        cmocka_unit_test(test_clock_3_goes_on),
        cmocka_unit_test(test_returned_twice),
        cmocka_unit_test(test_the_repair_clock),
        cmocka_unit_test(test_clock_3_over_two_returns),
        cmocka_unit_test(test_final_states_stop_every_clock),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
