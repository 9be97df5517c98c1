/* The calendars that were in force one after the other, and which of them a clock is reckoned by. */
#include "tests/unit/test_sop.h"

#define HEAD   "tanggal,hari,jenis,keterangan\n"
#define LIST_1 HEAD "2026-01-01,Kamis,libur_nasional,Tahun Baru\n"
/* 3 November is a holiday, which was known on the 9th only; so is 7 December */
#define LIST_2 LIST_1 "2026-11-03,Selasa,libur_nasional,Libur\n2026-12-07,Senin,libur_nasional,Libur\n"
#define OLD    HEAD "2025-01-01,Rabu,libur_nasional,Tahun Baru\n"

static struct calendar *
load(const char *csv, const char *version)
{
    struct calendar *cal;
    struct err e = {0};

    if (calendar_load(str_of(csv), version, 420, &cal, &e) != RES_OK)
        fail_msg("%s", e.text);
    return cal;
}

static void
add(struct almanac *a, int64_t id, int64_t since_us, struct calendar *cal)
{
    struct err e = {0};

    if (almanac_add(a, id, since_us, cal, &e) != RES_OK)
        fail_msg("%s", e.text);
}

/* ---- the almanac ---- */

static void
test_in_force(void **state)
{
    struct almanac *a = almanac_new();
    struct calendar *cal[6];

    (void)state;
    assert_null(almanac_newest(a));
    assert_null(almanac_at(a, 0));
    assert_int_equal(almanac_id(a), -1);
    for (int i = 0; i < 6; i++) { /* more than it has room for at first */
        cal[i] = load(LIST_1, "x");
        add(a, 10 * i, i == 0 ? 100 : 100 * i, cal[i]);
    }
    assert_ptr_equal(almanac_newest(a), cal[5]);
    assert_int_equal(almanac_id(a), 50);
    assert_ptr_equal(almanac_at(a, INT64_MIN), cal[5]);
    assert_ptr_equal(almanac_at(a, 0), cal[0]); /* before the first: there is no better */
    assert_ptr_equal(almanac_at(a, 100), cal[1]);
    assert_ptr_equal(almanac_at(a, 199), cal[1]);
    assert_ptr_equal(almanac_at(a, 200), cal[2]);
    assert_ptr_equal(almanac_at(a, INT64_MAX), cal[5]);
    assert_ptr_equal(almanac_after(a, cal[2]), cal[3]);
    assert_null(almanac_after(a, cal[5]));
    almanac_free(a);
    almanac_free(NULL);
}

static void
test_order(void **state)
{
    struct almanac *a = almanac_new();
    struct calendar *cal = load(LIST_1, "x");
    struct err e = {0};

    (void)state;
    add(a, 5, 0, load(LIST_1, "x"));
    assert_int_equal(almanac_add(a, 5, 0, cal, &e), RES_FATAL);
    calendar_free(cal); /* it was not taken */
    assert_int_equal(almanac_id(a), 5);
    almanac_free(a);
}

/* ---- clocks by it ---- */

struct looked {
    struct arena arena;
    struct story story;
    struct jam jam[JAM_MAX];
    size_t n;
};

static void
look(struct looked *k, const struct almanac *a, const char *facts)
{
    struct clock_rules rules = sop_rules(almanac_newest(a), wib("2026-11-20T00:00:00"));
    struct dossier d = dossier_make(&k->arena);
    struct dossier_view v;
    struct err e = {0};

    rules.past = a;
    story_read(&k->story, facts);
    for (size_t i = 0; i < k->story.n; i++)
        dossier_add(&d, &k->story.facts[i]);
    dossier_look(&d, &v);
    if (clocks_of(&v, &rules, k->jam, &k->n, &e) != RES_OK)
        fail_msg("%s", e.text);
}

static void
assert_clock(const struct looked *k, enum tahap tahap, enum keadaan keadaan, const char *batas,
             const char *kalender)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->jam[i].tahap == tahap) {
            assert_int_equal(k->jam[i].keadaan, keadaan);
            assert_int_equal(k->jam[i].batas_us, wib(batas));
            assert_string_equal(k->jam[i].kalender, kalender);
            return;
        }
    fail_msg("no clock %s", tahap_name(tahap));
}

/* Whatever is read when, what ended before the second list is judged by the first, and what runs or ends later by the second. */
static void
test_each_by_its_time(void **state)
{
    struct almanac *a = almanac_new();
    struct looked k = {.n = 0};

    (void)state;
    add(a, 0, INT64_MIN, load(LIST_1, "satu"));
    add(a, 1, wib("2026-11-09T08:00:00"), load(LIST_2, "dua"));
    look(&k, a, "F1@2026-11-02T10:00:00 C1.1.1:diterima@2026-11-05T10:00:00");
    assert_clock(&k, TAHAP_PEMERIKSAAN, KEADAAN_TERLEWAT, "2026-11-05T00:00:00", "satu");
    assert_clock(&k, TAHAP_INTEGRASI, KEADAAN_BERJALAN, "2026-12-19T00:00:00", "dua");
    look(&k, a,
         "F1@2026-11-02T10:00:00 C1.1.1:diterima@2026-11-05T10:00:00 "
         "I1.1.1:completed/aktif@2026-11-06T10:00:00");
    assert_clock(&k, TAHAP_INTEGRASI, KEADAAN_TERPENUHI, "2026-12-18T00:00:00", "satu");
    look(&k, a,
         "F1@2026-11-02T10:00:00 C1.1.1:diterima@2026-11-05T10:00:00 "
         "I1.1.1:completed/aktif@2026-11-10T10:00:00");
    assert_clock(&k, TAHAP_INTEGRASI, KEADAAN_TERPENUHI, "2026-12-19T00:00:00", "dua");
    look(&k, a, "F1@2026-11-02T10:00:00 C1.1.1:diterima@2026-11-10T10:00:00");
    assert_clock(&k, TAHAP_PEMERIKSAAN, KEADAAN_TERLEWAT, "2026-11-06T00:00:00", "dua");
    look(&k, a, "F1@2026-11-02T10:00:00"); /* late, and not ended */
    assert_clock(&k, TAHAP_PEMERIKSAAN, KEADAAN_TERLEWAT, "2026-11-06T00:00:00", "dua");
    arena_free(&k.arena);
    almanac_free(a);
}

/* What an earlier revisi used stays what was counted then. */
static void
test_what_is_left_stays(void **state)
{
    struct almanac *a = almanac_new();
    struct looked k = {.n = 0};
    static const char facts[] =
        "F1@2026-11-02T10:00:00 C1.1.1:dikembalikan@2026-11-03T10:00:00 F2@2026-11-10T10:00:00";

    (void)state;
    add(a, 0, INT64_MIN, load(LIST_1, "satu"));
    look(&k, a, facts);
    assert_int_equal(k.jam[k.n - 1].jatah, 1);
    add(a, 1, wib("2026-11-09T08:00:00"), load(LIST_2, "dua")); /* by it the third was no working day */
    look(&k, a, facts);
    assert_int_equal(k.jam[k.n - 1].jatah, 1);
    assert_int_equal(k.jam[k.n - 1].revisi, 2);
    arena_free(&k.arena);
    almanac_free(a);
}

/* A list that lacks the year is no judge of it: the next that has it is. */
static void
test_a_year_that_came_late(void **state)
{
    struct almanac *a = almanac_new();
    struct looked k = {.n = 0};

    (void)state;
    add(a, 0, INT64_MIN, load(OLD, "lama"));
    add(a, 1, wib("2026-11-09T08:00:00"), load(LIST_1, "satu"));
    add(a, 2, wib("2026-11-10T08:00:00"), load(LIST_2, "dua"));
    look(&k, a, "F1@2026-11-02T10:00:00");
    assert_clock(&k, TAHAP_PENGAJUAN, KEADAAN_TERPENUHI, "2026-11-04T00:00:00", "satu");
    assert_clock(&k, TAHAP_PEMERIKSAAN, KEADAAN_TERLEWAT, "2026-11-06T00:00:00", "dua");
    arena_free(&k.arena);
    almanac_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_force),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_each_by_its_time),
        cmocka_unit_test(test_what_is_left_stays),
        cmocka_unit_test(test_a_year_that_came_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
