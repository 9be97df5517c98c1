/* str, err and clk: slices, numbers in text, the error that stands, and clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/base/clk.h"
#include "common/base/err.h"
#include "common/base/str.h"

static void
equal_starts_ends(void **state)
{
    (void)state;
    assert_true(str_eq(STR_NULL, STR("")));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("a"), STR("ab")));
    assert_true(str_is(STR("abc"), "abc"));
    assert_false(str_is(STR("abc\0"), "abc"));
    assert_true(str_is(STR_NULL, ""));
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR_NULL));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_false(str_starts(STR("xabc"), STR("abc")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_true(str_ends(STR("abc"), STR("")));
    assert_false(str_ends(STR("bc"), STR("abc")));
    assert_false(str_ends(STR("abcx"), STR("abc")));
    assert_null(str_of(NULL).p);
    assert_int_equal(str_of(NULL).n, 0);
}

static void
hex_digits(void **state)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";

    (void)state;
    for (int c = 0; c < 256; c++) {
        const char *at = c ? strchr(digits, c) : NULL;

        assert_int_equal(str_hex((char)c), at ? (at - digits) % 16 : -1);
    }
}

static void
order(void **state)
{
    static const struct str sorted[] = {STR_NULL,  STR("\0"), STR("A"),    STR("a"),    STR("a\0"), STR("aa"),
                                        STR("ab"), STR("b"),  STR("\x7f"), STR("\x80"), STR("\xff")};
    enum { N = sizeof sorted / sizeof *sorted };

    (void)state;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            int c = str_cmp(sorted[i], sorted[j]);

            assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
        }
}

static void
copies(void **state)
{
    char *z = str_dup((struct str){"abcdef", 3});

    (void)state;
    assert_string_equal(z, "abc");
    free(z);
    z = str_dup(STR_NULL);
    assert_string_equal(z, "");
    free(z);
}

static void
numbers(void **state)
{
    static const struct {
        struct str s;
        bool ok;
        int64_t want;
    } row[] = {{STR("0"), true, 0},
               {STR("-0"), true, 0},
               {STR("007"), true, 7},
               {STR("9223372036854775807"), true, INT64_MAX},
               {STR("-9223372036854775808"), true, INT64_MIN},
               {STR("9223372036854775808"), false, 0},
               {STR("-9223372036854775809"), false, 0},
               {STR("99999999999999999999999999"), false, 0},
               {STR(""), false, 0},
               {STR_NULL, false, 0},
               {STR("-"), false, 0},
               {STR("--1"), false, 0},
               {STR("+1"), false, 0},
               {STR(" 1"), false, 0},
               {STR("1 "), false, 0},
               {STR("1x"), false, 0},
               {STR("1\0"), false, 0},
               {STR("0x1"), false, 0},
               {STR("1.0"), false, 0},
               {STR("1e3"), false, 0},
               {STR("\xd9\xa1"), false, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int64_t v = 99;

        assert_int_equal(str_int(row[i].s, &v), row[i].ok);
        assert_true(v == row[i].want);
    }
}

/* Lanes and partitions of stored rows hang on these. */
static void
hashes_are_fixed(void **state)
{
    (void)state;
    assert_true(str_hash(STR_NULL) == str_hash(STR("")));
    assert_true(str_hash(STR("")) == UINT64_C(0xecba3df2c3383c52));
    assert_true(str_hash(STR("BDL-2026-000123")) == UINT64_C(0xd33c7303cd273661));
    assert_true(str_hash(STR("a\0b")) != str_hash(STR("a\0c")));
}

static void
first_error_stands(void **state)
{
    struct err e = {0};
    char wide[600];

    (void)state;
    assert_int_equal(err_set(&e, RES_REJECT, "%s %d", "first", 1), RES_REJECT);
    assert_int_equal(err_set(&e, RES_FATAL, "second"), RES_REJECT);
    assert_string_equal(e.text, "first 1");
    assert_int_equal(e.res, RES_REJECT);
    err_clear(&e);
    memset(wide, 'x', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    assert_int_equal(err_set(&e, RES_FATAL, "%s", wide), RES_FATAL);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_int_equal(err_set(NULL, RES_RETRY, "nobody asks"), RES_RETRY);
    assert_string_equal(res_name(RES_OK), "ok");
    assert_string_equal(res_name(RES_RETRY), "retry");
    assert_string_equal(res_name(RES_REJECT), "reject");
    assert_string_equal(res_name(RES_FATAL), "fatal");
    assert_string_equal(res_name((enum res)77), "unknown");
}

static void
clocks(void **state)
{
    int64_t t = 5;
    struct clk fixed = clk_fixed(&t);
    int64_t mono = clk_mono_ms();
    int64_t real = clk_us(clk_real());

    (void)state;
    assert_true(clk_us(fixed) == 5);
    t = -7;
    assert_true(clk_us(fixed) == -7);
    assert_true(clk_mono_ms() >= mono);
    assert_true(real > INT64_C(1700000000000000) && clk_us(clk_real()) - real < 60000000);
}

static void
lines(void **state)
{
    struct str text = str_no_bom(STR("\xef\xbb\xbf"
                                     "a\r\n\nb\rc\n\r\nd"));
    static const char *const want[] = {"a", "", "b\rc", "", "d"};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        assert_int_not_equal(text.n, 0);
        assert_true(str_is(str_line(&text), want[i]));
    }
    assert_int_equal(text.n, 0);
    assert_int_equal(str_line(&text).n, 0);
    text = STR_NULL;
    assert_int_equal(str_line(&text).n, 0);
    assert_true(str_is(str_no_bom(STR("\xef\xbb"
                                      "a")),
                       "\xef\xbb"
                       "a"));
    assert_int_equal(str_no_bom(STR_NULL).n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(equal_starts_ends),
        cmocka_unit_test(hex_digits),
        cmocka_unit_test(order),
        cmocka_unit_test(copies),
        cmocka_unit_test(numbers),
        cmocka_unit_test(hashes_are_fixed),
        cmocka_unit_test(first_error_stands),
        cmocka_unit_test(clocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
