/* Terms and warnings as data: what is refused, whose term counts, what clocks are given by them. */
#include "tests/unit/test_sop.h"

#include "tests/unit/alloc.h"
#include "tests/unit/folder.h"

#define SCHEMA  "schemas/data/jam.schema.json"
#define SHIPPED "schemas/data/jam.json"

static const char *const general[TAHAPS] = {"1 hari_kerja", "2 hari_kerja", "30 hari_kerja", "5 hari_kerja"};

/* A file with these exceptions, members of a JSON array. */
static enum res
load(const char *const *of, const char *exceptions, struct terms **ret, struct err *e)
{
    struct folder dir;
    struct buf b = buf_make(1 << 20);
    char path[256];
    enum res res;

    buf_printf(&b,
               "{\"peringatan\":{\"pengajuan\":[1],\"pemeriksaan\":[1],\"integrasi\":[1,7,3],"
               "\"perbaikan\":[]},\"pengecualian\":[%s]}",
               exceptions);
    folder_make(&dir);
    folder_write(&dir, "jam.json", buf_view(&b), 0600);
    snprintf(path, sizeof path, "%s", folder_in(&dir, "jam.json"));
    res = terms_load(&(struct terms_from){of, path, SCHEMA}, ret, e);
    folder_remove(&dir);
    buf_free(&b);
    return res;
}

static struct terms *
loaded(const char *exceptions)
{
    struct err e = {0};
    struct terms *t;

    if (load(general, exceptions, &t, &e) != RES_OK)
        fail_msg("%s", e.text);
    return t;
}

static void
assert_term(const struct terms *t, const char *kode, const char *jenis, enum tahap tahap, const char *want)
{
    struct term got = terms_of(t, str_of(kode), str_of(jenis), tahap);
    char text[160];
    int n = snprintf(text, sizeof text, "%lld %s", (long long)got.of.n, satuan_name(got.of.unit));

    for (unsigned i = 0; i < got.nwarn; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, " %lld", (long long)got.warn[i]);
    assert_string_equal(text, want);
}

/* ---- words ---- */

static void
test_words(void **state)
{
    static const char *const bad[] = {
        "", "2", "hari_kerja", "-1 hari_kerja", "2 hari", "2 hari_kerja x", "99999999999 detik", "1.5 detik"};
    struct calendar_term t;

    (void)state;
    assert_true(clock_term_parse("2 hari_kerja", &t));
    assert_int_equal(t.n, 2);
    assert_int_equal(t.unit, CALENDAR_WORKDAYS);
    assert_true(clock_term_parse("30 hari_kalender", &t));
    assert_int_equal(t.unit, CALENDAR_DAYS);
    assert_true(clock_term_parse("5detik", &t));
    assert_int_equal(t.unit, CALENDAR_SECONDS);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (clock_term_parse(bad[i], &t))
            fail_msg("\"%s\" is no term", bad[i]);
    for (int i = 0; i < 3; i++) {
        char text[64];

        snprintf(text, sizeof text, "7 %s", satuan_name((enum calendar_unit)i));
        assert_true(clock_term_parse(text, &t));
        assert_int_equal(t.unit, i);
    }
}

/* ---- loading ---- */

static void
test_what_is_shipped(void **state)
{
    struct terms *t;
    struct err e = {0};

    (void)state;
    if (terms_load(&(struct terms_from){general, SHIPPED, SCHEMA}, &t, &e) != RES_OK)
        fail_msg("%s", e.text);
    assert_term(t, "2.16.01", "baru", TAHAP_PENGAJUAN, "1 hari_kerja 1");
    assert_term(t, "2.16.01", "baru", TAHAP_PEMERIKSAAN, "2 hari_kerja 1");
    assert_term(t, "2.16.01", "baru", TAHAP_INTEGRASI, "30 hari_kerja 7 3 1");
    assert_term(t, "2.16.01", "baru", TAHAP_PERBAIKAN, "5 hari_kerja 1");
    terms_free(t);
    terms_free(NULL);
}

static void
test_what_cannot_be(void **state)
{
    static const struct {
        const char *exceptions;
        const char *said[3];
    } bad[] = {
        {"{}", {"[sop] terms", "/pengecualian/0", "anyOf"}},
        {"{\"kode_opd\":\"x y\"}", {"/pengecualian/0/kode_opd", "pattern"}},
        {"{\"jenis_pengajuan\":\"lama\"}", {"/pengecualian/0/jenis_pengajuan", "enum"}},
        {"{\"kode_opd\":\"1.01\",\"jenis\":\"baru\"}", {"/pengecualian/0", "jenis"}},
        {"{\"kode_opd\":\"1.01\",\"batas\":{\"integrasi\":30}}", {"/pengecualian/0/batas/integrasi", "type"}},
        {"{\"kode_opd\":\"1.01\",\"batas\":{\"integrasi\":\"0 detik\"}}",
         {"/pengecualian/0/batas/integrasi", "pattern"}},
        {"{\"kode_opd\":\"1.01\",\"batas\":{\"integrasi\":\"3 hari\"}}",
         {"/pengecualian/0/batas/integrasi", "pattern"}},
        {"{\"kode_opd\":\"1.01\",\"batas\":{\"integrasi\":\"1001 hari_kerja\"}}",
         {"/pengecualian/0/batas/integrasi", "1000"}},
        {"{\"kode_opd\":\"1.01\",\"batas\":{\"integrasi\":\"9999999999 detik\"}}",
         {"/pengecualian/0/batas/integrasi", "seconds"}},
        {"{\"kode_opd\":\"1.01\",\"batas\":{\"selesai\":\"1 detik\"}}", {"/pengecualian/0/batas", "selesai"}},
        {"{\"kode_opd\":\"1.01\",\"peringatan\":{\"integrasi\":[0]}}",
         {"/pengecualian/0/peringatan/integrasi/0"}},
        {"{\"kode_opd\":\"1.01\",\"peringatan\":{\"integrasi\":[1.5]}}",
         {"/pengecualian/0/peringatan/integrasi/0"}},
        {"{\"kode_opd\":\"1.01\",\"peringatan\":{\"integrasi\":[3,3]}}", {"uniqueItems"}},
        {"{\"kode_opd\":\"1.01\",\"peringatan\":{\"integrasi\":[1,2,3,4,5,6,7,8,9]}}", {"maxItems"}},
        {"{\"kode_opd\":\"1.01\",\"peringatan\":{\"integrasi\":[31]}}",
         {"/pengecualian/0/peringatan/integrasi", "31", "30 hari_kerja, by its batas or [sop] integrasi"}},
        {"{\"kode_opd\":\"1.02\"},{\"kode_opd\":\"1.01\",\"batas\":{\"pemeriksaan\":\"60 detik\"},"
         "\"peringatan\":{\"pemeriksaan\":[61]}}",
         {"/pengecualian/1/peringatan/pemeriksaan", "60 detik"}},
        {"{\"kode_opd\":\"1.01\",\"batas\":{\"integrasi\":\"5 hari_kerja\"}},"
         "{\"kode_opd\":\"1.01\",\"jenis_pengajuan\":\"baru\",\"peringatan\":{\"integrasi\":[6]}}",
         {"/pengecualian/1/peringatan/integrasi", "5 hari_kerja"}},
        {"{\"kode_opd\":\"1.01\"},{\"kode_opd\":\"1.02\"},{\"kode_opd\":\"1.01\"}", {"stand twice"}},
        {"{\"jenis_pengajuan\":\"baru\"},{\"jenis_pengajuan\":\"baru\"}", {"stand twice"}},
        {"{\"jenis_pengajuan\":\"baru\",\"batas\":{\"pengajuan\":\"2 hari_kerja\"}}",
         {"/pengecualian/0", "pengajuan", "jenis_pengajuan"}},
        {"{\"kode_opd\":\"1.01\",\"jenis_pengajuan\":\"baru\",\"peringatan\":{\"pengajuan\":[]}}",
         {"/pengecualian/0", "pengajuan", "jenis_pengajuan"}},
        {"{\"kode_opd\":\"1.01\",\"kode_opd\":\"1.02\"}", {"[sop] terms"}},
        {"{", {"[sop] terms"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err e = {0};
        struct terms *t;

        if (load(general, bad[i].exceptions, &t, &e) != RES_FATAL || t)
            fail_msg("taken: %s", bad[i].exceptions);
        for (size_t k = 0; k < COUNT(bad[i].said) && bad[i].said[k]; k++)
            if (!strstr(e.text, bad[i].said[k]) || !strstr(e.text, "[sop] terms"))
                fail_msg("%s: \"%s\" does not say %s", bad[i].exceptions, e.text, bad[i].said[k]);
    }
}

static void
test_settings_that_cannot_be(void **state)
{
    static const char *const bad[] = {"", "2 hari", "0 hari_kerja", "1001 hari_kalender", "x"};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *of[TAHAPS] = {general[0], bad[i], general[2], general[3]};
        struct err e = {0};
        struct terms *t;

        if (load(of, "", &t, &e) != RES_FATAL)
            fail_msg("taken: \"%s\"", bad[i]);
        assert_non_null(strstr(e.text, "[sop] pemeriksaan"));
    }
}

static void
test_no_such_file(void **state)
{
    struct err e = {0};
    struct terms *t;

    (void)state;
    assert_int_equal(terms_load(&(struct terms_from){general, "/nowhere/jam.json", SCHEMA}, &t, &e),
                     RES_FATAL);
    assert_non_null(strstr(e.text, "[sop] terms"));
    assert_non_null(strstr(e.text, "/nowhere/jam.json"));
}

/* Each allocation fails in turn: the terms, or a clean error. */
static bool
load_shipped(void)
{
    struct err e = {0};
    struct terms *t;
    enum res res = terms_load(&(struct terms_from){general, SHIPPED, SCHEMA}, &t, &e);

    if (res != RES_OK && (res != RES_FATAL || t || !e.text[0]))
        fail_msg("%s \"%s\"", res_name(res), e.text);
    terms_free(t);
    return res == RES_OK;
}

static void
test_without_memory(void **state)
{
    (void)state;
    if (!ALLOC_SEAM)
        skip();
    assert_true(load_shipped()); /* what is kept for good is made now */
    alloc_loop(load_shipped);
}

/* ---- whose term counts ---- */

static void
test_precedence(void **state)
{
    struct terms *t = loaded(
        "{\"kode_opd\":\"1.01\",\"jenis_pengajuan\":\"pencabutan\",\"batas\":{\"integrasi\":\"4 "
        "hari_kalender\"},"
        "\"peringatan\":{\"integrasi\":[2]}},"
        "{\"kode_opd\":\"1.01\",\"batas\":{\"pengajuan\":\"3 hari_kerja\",\"integrasi\":\"20 hari_kerja\"},"
        "\"peringatan\":{\"perbaikan\":[2,4]}},"
        "{\"jenis_pengajuan\":\"pencabutan\",\"batas\":{\"integrasi\":\"10 hari_kerja\",\"pemeriksaan\":\"1 "
        "hari_kerja\"},"
        "\"peringatan\":{\"integrasi\":[5,1]},\"keterangan\":\"menurut SK contoh\"},"
        "{\"kode_opd\":\"1.02\",\"peringatan\":{\"integrasi\":[]}}");

    (void)state;
    assert_term(t, "9.99", "baru", TAHAP_INTEGRASI, "30 hari_kerja 7 3 1");
    assert_term(t, NULL, NULL, TAHAP_INTEGRASI, "30 hari_kerja 7 3 1");
    assert_term(t, "9.99", "lama", TAHAP_INTEGRASI, "30 hari_kerja 7 3 1");
    assert_term(t, "9.99", "pencabutan", TAHAP_INTEGRASI, "10 hari_kerja 5 1");
    assert_term(t, "1.01", "baru", TAHAP_INTEGRASI,
                "20 hari_kerja 7 3 1"); /* its length, the warnings of all */
    assert_term(t, "1.01", "pencabutan", TAHAP_INTEGRASI, "4 hari_kalender 2");
    assert_term(t, "1.01", "pencabutan", TAHAP_PEMERIKSAAN,
                "1 hari_kerja 1"); /* the kind's: the others are silent */
    assert_term(t, "1.01", "pencabutan", TAHAP_PENGAJUAN, "3 hari_kerja 1");
    assert_term(t, "1.01", NULL, TAHAP_PERBAIKAN,
                "5 hari_kerja 4 2");                                  /* falling, however they were written */
    assert_term(t, "1.02", "baru", TAHAP_INTEGRASI, "30 hari_kerja"); /* never warns */
    assert_term(t, "1.02", "pencabutan", TAHAP_INTEGRASI,
                "10 hari_kerja"); /* a department comes before a kind */
    terms_free(t);
}

static void
test_version(void **state)
{
    static const char *const other[TAHAPS] = {"1 hari_kerja", "2 hari_kerja", "31 hari_kerja",
                                              "5 hari_kerja"};
    static const char *const two[] = {
        "{\"kode_opd\":\"1.01\",\"peringatan\":{\"integrasi\":[2,1]}},{\"jenis_pengajuan\":\"baru\"}",
        "{\"jenis_pengajuan\":\"baru\",\"keterangan\":\"x\"},{\"peringatan\":{\"integrasi\":[1,2]},\"kode_"
        "opd\":\"1.01\"}"};
    struct terms *t[4];
    struct err e = {0};
    char name[TERMS_VERSION];

    (void)state;
    t[0] = loaded("");
    t[1] = loaded(two[0]);
    t[2] = loaded(two[1]);
    assert_int_equal(load(other, "", &t[3], &e), RES_OK);
    assert_int_not_equal(t[0]->version, t[1]->version);
    assert_int_equal(t[1]->version, t[2]->version); /* the same, written otherwise */
    assert_int_not_equal(t[0]->version, t[3]->version);
    terms_version(t[0], name);
    assert_int_equal(strlen(name), 8);
    assert_int_equal(strtoul(name, NULL, 16), t[0]->version);
    for (size_t i = 0; i < COUNT(t); i++)
        terms_free(t[i]);
}

/* ---- clocks by them ---- */

struct looked {
    struct arena a;
    struct story s;
    struct dossier d;
    struct dossier_view v;
    struct jam jam[JAM_MAX];
    size_t n;
};

/* Forms are of jenis `jenis` (one for each revisi, NULL = not said). */
static void
look_at(struct looked *k, const char *facts, const char *const jenis[2], const struct clock_rules *rules)
{
    struct err e = {0};

    k->a = (struct arena){0};
    story_read(&k->s, facts);
    k->d = dossier_make(&k->a);
    for (size_t i = 0; i < k->s.n; i++) {
        struct fact *f = &k->s.facts[i];

        if (f->type == FACT_SUBMITTED && jenis)
            f->jenis = str_of(jenis[f->revisi - 1]);
        dossier_add(&k->d, f);
    }
    dossier_look(&k->d, &k->v);
    if (clocks_of(&k->v, rules, k->jam, &k->n, &e) != RES_OK)
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

static void
assert_given(const struct looked *k, int32_t revisi, enum tahap tahap, int64_t jatah, const char *batas)
{
    const struct jam *j = find(k, revisi, tahap);
    char text[CALTIME_TEXT_WIB];

    caltime_format_wib(j->batas_us, text);
    if (j->jatah != jatah || j->batas_us != wib(batas))
        fail_msg("%d %s: %lld until %s, not %lld until %s", revisi, tahap_name(tahap), (long long)j->jatah,
                 text, (long long)jatah, batas);
}

static void
test_clocks_by_department_and_kind(void **state)
{
    static const char *const kinds[2] = {"pencabutan", "baru"};
    struct terms *t =
        loaded("{\"kode_opd\":\"2.16.01\",\"batas\":{\"pengajuan\":\"2 hari_kerja\"}},"
               "{\"jenis_pengajuan\":\"pencabutan\",\"batas\":{\"pemeriksaan\":\"4 hari_kerja\","
               "\"integrasi\":\"10 hari_kalender\",\"perbaikan\":\"1 hari_kerja\"}}");
    struct clock_rules rules = {.cal = *state, .terms = t, .read_us = INT64_MIN};
    struct looked k;

    /* Monday 2026-11-02: registered, and the form the day after */
    look_at(&k, "R F1@2026-11-03T09:00:00 C1.1.1:diterima@2026-11-04T09:00:00", kinds, &rules);
    assert_given(&k, 1, TAHAP_PENGAJUAN, 2, "2026-11-05T00:00:00");
    assert_given(&k, 1, TAHAP_PEMERIKSAAN, 4, "2026-11-10T00:00:00");
    assert_given(&k, 1, TAHAP_INTEGRASI, 10, "2026-11-15T00:00:00");
    assert_int_equal(find(&k, 1, TAHAP_INTEGRASI)->satuan, CALENDAR_DAYS);
    assert_int_equal(find(&k, 1, TAHAP_INTEGRASI)->aturan, t->version);
    arena_free(&k.a);
    /* not said, or of before it was remembered: the SOP's */
    look_at(&k, "R F1@2026-11-03T09:00:00 C1.1.1:diterima@2026-11-04T09:00:00", NULL, &rules);
    assert_given(&k, 1, TAHAP_PEMERIKSAAN, 2, "2026-11-06T00:00:00");
    assert_given(&k, 1, TAHAP_INTEGRASI, 30, "2026-12-17T00:00:00");
    arena_free(&k.a);
    /* returned, and sent again as another kind: what was used is taken off that one's */
    look_at(&k, "F1@2026-11-03T09:00:00 C1.1.1:dikembalikan@2026-11-04T09:00:00 F2@2026-11-05T09:00:00",
            kinds, &rules);
    assert_given(&k, 1, TAHAP_PEMERIKSAAN, 4, "2026-11-10T00:00:00");
    assert_given(&k, 1, TAHAP_PERBAIKAN, 1, "2026-11-06T00:00:00");
    assert_given(&k, 2, TAHAP_PEMERIKSAAN, 1, "2026-11-07T00:00:00");
    arena_free(&k.a);
    terms_free(t);
}

/* What was used in one unit is not taken off another. */
static void
test_another_unit(void **state)
{
    static const char *const kinds[2] = {"pencabutan", "baru"};
    struct terms *t =
        loaded("{\"jenis_pengajuan\":\"pencabutan\",\"batas\":{\"pemeriksaan\":\"172800 detik\"}}");
    struct clock_rules rules = {.cal = *state, .terms = t, .read_us = INT64_MIN};
    struct looked k;

    look_at(&k, "F1@2026-11-03T09:00:00 C1.1.1:dikembalikan@2026-11-04T09:00:00 F2@2026-11-05T09:00:00",
            kinds, &rules);
    assert_given(&k, 1, TAHAP_PEMERIKSAAN, 172800, "2026-11-05T09:00:00");
    assert_int_equal(find(&k, 1, TAHAP_PEMERIKSAAN)->hari_terpakai, 86400);
    assert_given(&k, 2, TAHAP_PEMERIKSAAN, 2, "2026-11-10T00:00:00");
    arena_free(&k.a);
    terms_free(t);
}

/* Other terms move what is open, and nothing that has ended. */
static void
test_other_terms(void **state)
{
    static const char facts[] =
        "R@2026-11-02T09:00:00 F1@2026-11-04T09:00:00 C1.1.1:dikembalikan@2026-11-05T09:00:00 "
        "F2@2026-11-06T09:00:00";
    struct terms *was = loaded("");
    struct terms *is = loaded("{\"kode_opd\":\"2.16.01\",\"batas\":{\"pengajuan\":\"5 hari_kerja\","
                              "\"pemeriksaan\":\"7 hari_kerja\",\"perbaikan\":\"9 hari_kerja\"}}");
    struct clock_rules rules = {.cal = *state, .terms = was, .read_us = INT64_MIN};
    struct looked before;
    struct looked k;

    look_at(&before, facts, NULL, &rules);
    rules = (struct clock_rules){
        .cal = *state, .terms = is, .read_us = INT64_MIN, .told = before.jam, .ntold = before.n};
    look_at(&k, facts, NULL, &rules);
    assert_int_equal(find(&k, 1, TAHAP_PENGAJUAN)->keadaan, KEADAAN_TERLEWAT);
    assert_given(&k, 1, TAHAP_PENGAJUAN, 1, "2026-11-04T00:00:00");
    assert_given(&k, 1, TAHAP_PEMERIKSAAN, 2, "2026-11-07T00:00:00");
    assert_int_equal(find(&k, 1, TAHAP_PEMERIKSAAN)->aturan, was->version);
    assert_given(&k, 1, TAHAP_PERBAIKAN, 5, "2026-11-13T00:00:00");
    assert_given(&k, 2, TAHAP_PEMERIKSAAN, 6, "2026-11-17T00:00:00"); /* 7, and 1 was used */
    assert_int_equal(find(&k, 2, TAHAP_PEMERIKSAAN)->aturan, is->version);
    arena_free(&k.a);
    /* while the terms are the same, facts alone decide */
    rules.terms = was;
    look_at(&k, "R@2026-11-03T09:00:00 F1@2026-11-04T09:00:00", NULL, &rules);
    assert_given(&k, 1, TAHAP_PENGAJUAN, 1, "2026-11-05T00:00:00");
    arena_free(&k.a);
    arena_free(&before.a);
    terms_free(was);
    terms_free(is);
}

/* What was called missed and has not ended is open: as it gets a holiday, it gets a longer term. */
static void
test_a_missed_clock_that_runs(void **state)
{
    struct terms *was = loaded("");
    struct terms *is = loaded("{\"kode_opd\":\"2.16.01\",\"batas\":{\"pengajuan\":\"5 hari_kerja\"}}");
    struct clock_rules rules = {.cal = *state, .terms = was, .read_us = wib("2026-11-04T00:00:00")};
    struct looked before;
    struct looked k;

    look_at(&before, "R@2026-11-02T09:00:00", NULL, &rules);
    assert_int_equal(before.jam[0].keadaan, KEADAAN_TERLEWAT);
    rules.terms = is;
    rules.told = before.jam;
    rules.ntold = before.n;
    look_at(&k, "R@2026-11-02T09:00:00", NULL, &rules);
    assert_int_equal(k.jam[0].keadaan, KEADAAN_BERJALAN);
    assert_given(&k, 1, TAHAP_PENGAJUAN, 5, "2026-11-10T00:00:00");
    arena_free(&k.a);
    arena_free(&before.a);
    terms_free(was);
    terms_free(is);
}

static void
test_one_clock_alone(void **state)
{
    struct clock_rules rules = sop_rules(*state, INT64_MIN);
    struct looked k;
    struct jam j;
    struct err e = {0};

    look_at(&k, "F1@2026-11-03T09:00:00 C1.1.1:diterima@2026-11-04T09:00:00", NULL, &rules);
    assert_true(clocks_find(&k.v, &rules, 1, TAHAP_INTEGRASI, &j, &e));
    assert_int_equal(j.batas_us, find(&k, 1, TAHAP_INTEGRASI)->batas_us);
    assert_false(clocks_find(&k.v, &rules, 2, TAHAP_INTEGRASI, &j, &e));
    assert_int_equal(e.text[0], '\0');
    arena_free(&k.a);
    look_at(&k, "F1@2027-11-25T10:00:00", NULL, &rules);
    arena_free(&k.a);
    story_read(&k.s, "F1@2027-11-25T10:00:00 C1.1.1:diterima@2027-11-26T09:00:00");
    k.a = (struct arena){0};
    k.d = dossier_make(&k.a);
    for (size_t i = 0; i < k.s.n; i++)
        dossier_add(&k.d, &k.s.facts[i]);
    dossier_look(&k.d, &k.v);
    assert_false(clocks_find(&k.v, &rules, 1, TAHAP_INTEGRASI, &j, &e));
    assert_non_null(strstr(e.text, "2028"));
    arena_free(&k.a);
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
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_what_is_shipped),
        cmocka_unit_test(test_what_cannot_be),
        cmocka_unit_test(test_settings_that_cannot_be),
        cmocka_unit_test(test_no_such_file),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_clocks_by_department_and_kind),
        cmocka_unit_test(test_another_unit),
        cmocka_unit_test(test_other_terms),
        cmocka_unit_test(test_a_missed_clock_that_runs),
        cmocka_unit_test(test_one_clock_alone),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
