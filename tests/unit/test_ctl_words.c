/* The pure parts of bedelauctl. Programs are no library, so their file is taken in whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "producers/ctl/ctl_words.c" /* NOLINT(bugprone-suspicious-include) */
#include "workers/sop/names.h"

static void
test_span(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{INT64_MIN, "0 ms"},      {-1, "0 ms"},           {0, "0 ms"},
                 {999, "999 ms"},          {1000, "1 s"},          {1999, "1 s"},
                 {59999, "59 s"},          {60000, "1 min"},       {200000, "3 min 20 s"},
                 {3599999, "59 min 59 s"}, {3600000, "1 h"},       {3661000, "1 h 1 min"},
                 {86400000, "1 d"},        {187200000, "2 d 4 h"}, {INT64_MAX, "106751991167 d 7 h"}};
    char out[CTL_WORDS_SPAN];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ctl_words_span(cases[i].ms, out);
        assert_string_equal(out, cases[i].text);
    }
}

static void
test_parse_span(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {{"60s", 60000},
                 {"60", 60000},
                 {"250ms", 250},
                 {"5m", 300000},
                 {"24h", 86400000},
                 {"90d", 7776000000},
                 {"0", 0},
                 {"", -1},
                 {"s", -1},
                 {"-1s", -1},
                 {"1.5s", -1},
                 {"1w", -1},
                 {"10 s", -1},
                 {"99999999d", -1},
                 {"99999999999999999999", -1},
                 {"36600d", INT64_C(36600) * 86400000},
                 {"36601d", -1}};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool good = ctl_words_parse_span(cases[i].text, &ms);

        assert_int_equal(good, cases[i].ms >= 0);
        assert_int_equal(ms, good ? cases[i].ms : 0);
    }
}

static void
test_time(void **state)
{
    char out[CTL_WORDS_TIME];
    int64_t t_us;

    (void)state;
    ctl_words_time(INT64_MIN, out);
    assert_string_equal(out, "-");
    assert_true(ctl_words_pg_time("2026-11-25 18:07:51.123456+00", &t_us));
    assert_int_equal(t_us % 1000000, 123456);
    ctl_words_time(t_us, out);
    assert_string_equal(out, "2026-11-26 01:07:51 WIB");
    assert_true(ctl_words_pg_time("1970-01-01 00:00:00+00", &t_us));
    assert_int_equal(t_us, 0);
    assert_false(ctl_words_pg_time("2026-11-25 18:07:51+07", &t_us));
    assert_false(ctl_words_pg_time("2026-11-25T18:07:51+00", &t_us));
    assert_false(ctl_words_pg_time("2026-11-25 18:07:51", &t_us));
    assert_false(ctl_words_pg_time("infinity", &t_us));
    assert_false(ctl_words_pg_time("", &t_us));
    assert_false(ctl_words_pg_time("2026-11-25 18:07:51.1234567890123456789012+00", &t_us));
}

static void
test_key(void **state)
{
    char a[CTL_WORDS_KEY];
    char b[CTL_WORDS_KEY];

    (void)state;
    ctl_words_key(STR("abc"), a);
    assert_string_equal(a, "ctl-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ctl_words_key(STR("abc\n"), b);
    assert_string_not_equal(a, b);
}

static void
test_token(void **state)
{
    unsigned char random[32];
    char out[CTL_WORDS_TOKEN];

    (void)state;
    memset(random, 0, sizeof random);
    ctl_words_token(random, out);
    assert_string_equal(out, "bdl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    memset(random, 0xff, sizeof random);
    ctl_words_token(random, out);
    assert_string_equal(out, "bdl___________________________________________8");
    for (unsigned i = 0; i < 32; i++)
        random[i] = (unsigned char)i;
    ctl_words_token(random, out);
    assert_string_equal(out,
                        "bdl_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"); /* as base64 -w0 | tr +/ -_ */
    assert_int_equal(strlen(out), 47);
}

static void
test_names(void **state)
{
    (void)state;
    assert_true(kode_opd_ok(STR("1.01.01")));
    assert_true(kode_opd_ok(STR("2X")));
    assert_false(kode_opd_ok(STR("1")));
    assert_false(kode_opd_ok(STR("")));
    assert_false(kode_opd_ok(STR(".1")));
    assert_false(kode_opd_ok(STR("1a")));
    assert_false(kode_opd_ok(STR("1,2")));
    assert_false(kode_opd_ok(STR("1\"2")));
    assert_true(kode_opd_ok(STR("1234567890123456789012345678901234567890")));
    assert_false(kode_opd_ok(STR("12345678901234567890123456789012345678901")));
    assert_true(nomor_ok(STR("BDL-2026-000001")));
    assert_false(nomor_ok(STR("A1")));
    assert_false(nomor_ok(STR("A1/../x")));
}

static void
test_in(void **state)
{
    (void)state;
    assert_true(ctl_words_in("selesai", "selesai"));
    assert_true(ctl_words_in("selesai,ditolak", "ditolak"));
    assert_true(ctl_words_in("selesai,ditolak", "selesai"));
    assert_false(ctl_words_in("selesai,ditolak", "tolak"));
    assert_false(ctl_words_in("selesai", "selesa"));
    assert_false(ctl_words_in("selesa", "selesai"));
    assert_false(ctl_words_in("", "selesai"));
    assert_false(ctl_words_in("selesai", ""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_span), cmocka_unit_test(test_parse_span), cmocka_unit_test(test_time),
        cmocka_unit_test(test_key),  cmocka_unit_test(test_token),      cmocka_unit_test(test_names),
        cmocka_unit_test(test_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
