/* By what one request meets another: names and letters made comparable; and which forms an officer looks at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "workers/validator/keys.c"
#include "workers/validator/review.c"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void
test_names(void **state)
{
    static const struct {
        const char *name, *key;
    } cases[] = {
        {"Sistem Parkir", "sistem parkir"},
        {"  SISTEM \t\n  parkir  ", "sistem parkir"},
        {"Sistem\xc2\xa0Parkir\xc2\xa0", "sistem parkir"},
        {"\xc2\xa0\xc2\xa0", ""},
        {"", ""},
        {"   ", ""},
        {"E-Surat", "e-surat"},
        {"E Surat", "e surat"},
        {"ESurat", "esurat"},
        {"\xc3\x89tat \xc3\x97 \xc3\x9f", "\xc3\xa9tat \xc3\x97 \xc3\x9f"},
        {"\xc3\x80\xc3\x9e", "\xc3\xa0\xc3\xbe"},
        {"\xc2\x89", "\xc2\x89"},
        {"\xe2\x80\x93 Z", "\xe2\x80\x93 z"},
        {"@[`{", "@[`{"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out = buf_make(256);

        buf_z(&out, "");
        normal_name(str_of(cases[i].name), &out);
        assert_string_equal(out.p ? out.p : "", cases[i].key);
        buf_free(&out);
    }
}

/* `form` with ' for ". */
static struct form_keys
read_form(struct arena *arena, const char *form)
{
    struct form_keys k;
    struct str raw[KEYS_MEMBERS];
    struct ce ce = {0};
    char text[4096];
    size_t n = strlen(form);

    assert_true(n < sizeof text);
    for (size_t i = 0; i <= n; i++)
        text[i] = form[i] == '\'' ? '"' : form[i];
    ce.data = str_of(text);
    keys_pick(&ce, raw);
    keys_read(arena, raw, &k);
    return k;
}

static void
assert_key(struct str got, const char *expected)
{
    if (!expected)
        assert_null(got.p);
    else if (!str_is(got, expected))
        fail_msg("\"%.*s\" is not \"%s\"", STR_FMT(got), expected);
}

static void
test_forms(void **state)
{
    static const struct {
        const char *form, *kunci, *surat, *asal;
    } cases[] = {
        {"{'jenis_pengajuan':'baru','nama_sistem':'A  B','nomor_surat':' 470 / "
         "1/x','tanggal_surat':'2025-03-01'}",
         "a b", "470/1/X 2025", NULL},
        {"{'jenis_pengajuan':'baru','nama_sistem':'\\u0041 b'}", "a b", NULL, NULL},
        {"{'jenis_pengajuan':'perubahan','nama_sistem':'A','nomor_permohonan_asal':'BDL-2025-1'}", NULL, NULL,
         "BDL-2025-1"},
        {"{'jenis_pengajuan':'pencabutan','nama_sistem':'A','nomor_permohonan_asal':'BDL-2025-1'}", NULL,
         NULL, "BDL-2025-1"},
        /* an original is asked about for these two kinds only, and only where it can be a number at all */
        {"{'jenis_pengajuan':'baru','nama_sistem':'A','nomor_permohonan_asal':'BDL-2025-1'}", "a", NULL,
         NULL},
        {"{'jenis_pengajuan':'perubahan','nomor_permohonan_asal':'bdl 1'}", NULL, NULL, NULL},
        {"{'jenis_pengajuan':'perubahan','nomor_permohonan_asal':7}", NULL, NULL, NULL},
        {"{'jenis_pengajuan':'perubahan'}", NULL, NULL, NULL},
        {"{'nama_sistem':'A'}", NULL, NULL, NULL},
        {"{'jenis_pengajuan':'baru','nama_sistem':['A']}", NULL, NULL, NULL},
        {"{'jenis_pengajuan':'baru','nama_sistem':'  '}", NULL, NULL, NULL},
        {"{'jenis_pengajuan':'disposisi','tanggal_surat':'2025-03-01'}", NULL, NULL, NULL},
        {"{'nomor_surat':'470/1','tanggal_surat':'2025-02-30'}", NULL, NULL, NULL},
        {"{'nomor_surat':'470/1'}", NULL, NULL, NULL},
        {"{'nomor_surat':' ','tanggal_surat':'2025-03-01'}", NULL, NULL, NULL},
        {"{}", NULL, NULL, NULL},
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct form_keys k = read_form(&arena, cases[i].form);

        assert_key(k.kunci, cases[i].kunci);
        assert_key(k.surat, cases[i].surat);
        assert_key(k.asal, cases[i].asal);
    }
    arena_free(&arena);
}

/* What is indexed is bounded, or a sender could stop the worker with a name that no index takes. */
static void
test_long(void **state)
{
    struct arena arena = {0};
    char form[4096];

    (void)state;
    snprintf(form, sizeof form, "{'jenis_pengajuan':'baru','nama_sistem':'%01020d'}", 0);
    assert_int_equal(read_form(&arena, form).kunci.n, 1020);
    snprintf(form, sizeof form, "{'jenis_pengajuan':'baru','nama_sistem':'%01021d'}", 0);
    assert_null(read_form(&arena, form).kunci.p);
    snprintf(form, sizeof form, "{'nomor_surat':'%0100d','tanggal_surat':'2025-03-01'}", 0);
    assert_int_equal(read_form(&arena, form).surat.n, 105);
    snprintf(form, sizeof form, "{'nomor_surat':'%0101d','tanggal_surat':'2025-03-01'}", 0);
    assert_null(read_form(&arena, form).surat.p);
    arena_free(&arena);
}

static void
test_review_modes(void **state)
{
    static const struct {
        struct review_rules rules;
        const char *kode, *kategori;
        bool manual;
    } cases[] = {
        {{.mode = REVIEW_AUTO}, "2.15.01", "strategis", false},
        {{.mode = REVIEW_MANUAL}, "2.15.01", "rendah", true},
        {{.mode = REVIEW_AUTO, .manual_opd = "1.02.01, 2.15.01"}, "2.15.01", "rendah", true},
        {{.mode = REVIEW_AUTO, .manual_opd = "1.02.01 2.15.01"}, "2.15.0", "rendah", false},
        {{.mode = REVIEW_AUTO, .manual_opd = "2.15.01"}, "2.15", "rendah", false},
        {{.mode = REVIEW_AUTO, .manual_kategori = "strategis,tinggi"}, "2.15.01", "tinggi", true},
        {{.mode = REVIEW_AUTO, .manual_kategori = "strategis,tinggi"}, "2.15.01", "rendah", false},
        {{.mode = REVIEW_AUTO, .manual_kategori = "strategis"}, "2.15.01", NULL, false},
        {{.mode = REVIEW_MANUAL, .auto_opd = "2.15.01"}, "2.15.01", "rendah", false},
        {{.mode = REVIEW_MANUAL, .auto_opd = "2.15.01"}, "1.02.01", "rendah", true},
        {{.mode = REVIEW_MANUAL, .auto_kategori = "rendah"}, "1.02.01", "rendah", false},
        {{.mode = REVIEW_MANUAL, .auto_kategori = "rendah"}, "1.02.01", NULL, true},
        /* who is to be looked at by one list is, whatever another says */
        {{.mode = REVIEW_MANUAL, .auto_opd = "2.15.01", .manual_kategori = "strategis"},
         "2.15.01",
         "strategis",
         true},
        {{.mode = REVIEW_AUTO, .manual_opd = "2.15.01", .auto_kategori = "rendah"},
         "2.15.01",
         "rendah",
         true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(review_manual(&cases[i].rules, str_of(cases[i].kode), str_of(cases[i].kategori)),
                         cases[i].manual);
}

static void
test_review_check(void **state)
{
    static const struct {
        struct review_rules rules;
        const char *words[2]; /* both are in the sentence; NULL = it is good */
    } cases[] = {
        {{0}, {NULL, NULL}},
        {{.manual_opd = "2.15.01, 1.02.01", .manual_kategori = "strategis tinggi", .auto_kategori = "rendah"},
         {NULL, NULL}},
        {{.manual_opd = "", .auto_opd = " , "}, {NULL, NULL}},
        {{.manual_kategori = "sedang"}, {"review_manual_kategori", "\"sedang\""}},
        {{.auto_kategori = "rendah;tinggi"}, {"review_auto_kategori", "\"rendah;tinggi\""}},
        {{.manual_opd = "dishub"}, {"review_manual_opd", "\"dishub\""}},
        {{.auto_opd = "2.15.01/x"}, {"review_auto_opd", "\"2.15.01/x\""}},
        {{.manual_opd = "2.15.01", .auto_opd = "1.02.01,2.15.01"}, {"review_manual_opd", "review_auto_opd"}},
        {{.manual_kategori = "tinggi", .auto_kategori = "tinggi"}, {"review_manual_kategori", "\"tinggi\""}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err e = {0};
        enum res res = review_check(&cases[i].rules, &e);

        assert_int_equal(res, cases[i].words[0] ? RES_FATAL : RES_OK);
        for (unsigned k = 0; k < 2 && cases[i].words[k]; k++)
            if (!strstr(e.text, cases[i].words[k]))
                fail_msg("%s: no %s", e.text, cases[i].words[k]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),        cmocka_unit_test(test_forms),        cmocka_unit_test(test_long),
        cmocka_unit_test(test_review_modes), cmocka_unit_test(test_review_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
