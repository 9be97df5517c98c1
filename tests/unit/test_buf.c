/* buf: growth up to the maximum, failure that sticks, and JSON strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "tests/unit/alloc.h"

static void
grows_and_stays_terminated(void **state)
{
    struct buf b = buf_make(100000);

    (void)state;
    assert_null(b.p);
    assert_int_equal(buf_view(&b).n, 0);
    for (int i = 0; i < 10000; i++) {
        buf_z(&b, "0123456789");
        assert_int_equal(b.p[b.n], '\0');
    }
    assert_int_equal(b.n, 100000);
    assert_false(b.failed);
    assert_memory_equal(b.p + 99990, "0123456789", 11);
    buf_free(&b);
    assert_null(b.p);
    assert_int_equal(b.max, 100000);
    buf_free(NULL);
}

/* What does not fit whole is not taken at all, and nothing after it. */
static void
stops_at_the_maximum(void **state)
{
    struct buf b = buf_make(8);

    (void)state;
    buf_z(&b, "12345678");
    assert_false(b.failed);
    buf_add(&b, "", 0);
    assert_false(b.failed);
    buf_char(&b, '9');
    assert_true(b.failed);
    assert_int_equal(b.n, 8);
    buf_reset(&b);
    assert_false(b.failed);
    assert_string_equal(b.p, "");
    buf_z(&b, "1234");
    buf_z(&b, "56789");
    buf_char(&b, 'x');
    assert_true(b.failed);
    assert_int_equal(b.n, 4);
    assert_null(buf_room(&b, 0));
    assert_null(buf_steal(&b));
    assert_false(b.failed); /* stolen from: usable again */
    buf_printf(&b, "%08d", 7);
    assert_string_equal(b.p, "00000007");
    buf_printf(&b, "%s", "");
    assert_false(b.failed);
    buf_printf(&b, "%d", 1);
    assert_true(b.failed);
    buf_free(&b);
}

static void
room_is_bounded(void **state)
{
    static const size_t too_much[] = {11, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct buf b = buf_make(10);

        assert_null(buf_room(&b, too_much[i]));
        assert_true(b.failed);
        buf_free(&b);
        buf_z(&b, "123");
        assert_null(buf_room(&b, too_much[i]));
        assert_true(b.failed);
        buf_free(&b);
    }
}

static void
numbers(void **state)
{
    static const struct {
        int64_t v;
        const char *want;
    } row[] = {{0, "0"},
               {7, "7"},
               {-1, "-1"},
               {10, "10"},
               {1000000000000, "1000000000000"},
               {INT64_MAX, "9223372036854775807"},
               {INT64_MIN, "-9223372036854775808"}};
    struct buf b = buf_make(64);

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        buf_reset(&b);
        buf_int(&b, row[i].v);
        assert_string_equal(b.p, row[i].want);
    }
    buf_free(&b);
}

static void
json_strings(void **state)
{
    static const struct {
        struct str s;
        const char *want;
    } row[] = {{STR_NULL, "\"\""},
               {STR("plain"), "\"plain\""},
               {STR("\"\\/"), "\"\\\"\\\\/\""},
               {STR("\n\t\r\b\f\x01\x1f\0"), "\"\\u000a\\u0009\\u000d\\u0008\\u000c\\u0001\\u001f\\u0000\""},
               {STR("\x7f\xc3\xa9\xf0\x9f\x98\x80"), "\"\x7f\xc3\xa9\xf0\x9f\x98\x80\""},
               {STR("a\"b\"c"), "\"a\\\"b\\\"c\""}};
    struct buf b = buf_make(128);

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        buf_reset(&b);
        buf_json(&b, row[i].s);
        assert_string_equal(b.p, row[i].want);
    }
    buf_free(&b);
}

static void
steals(void **state)
{
    struct buf b = buf_make(10);
    char *z = buf_steal(&b);

    (void)state;
    assert_string_equal(z, "");
    free(z);
    buf_z(&b, "abc");
    z = buf_steal(&b);
    assert_string_equal(z, "abc");
    free(z);
    assert_null(b.p);
    assert_int_equal(b.n, 0);
    assert_int_equal(b.max, 10);
}

static bool
write_much(void)
{
    struct buf b = buf_make(1 << 20);
    bool ok;

    for (int i = 0; i < 200; i++) {
        buf_printf(&b, "%d-%s", i, "text that makes it grow");
        buf_json(&b, STR("a\nb"));
        buf_int(&b, i);
    }
    ok = !b.failed;
    assert_true(ok || !buf_room(&b, 1));
    free(buf_steal(&b));
    return ok;
}

static void
memory_runs_out(void **state)
{
    (void)state;
    if (!ALLOC_SEAM)
        skip();
    alloc_loop(write_much);
}

static void
steps_of_a_pointer(void **state)
{
    static const char *const tokens[] = {"a", "", "~/", "0"};
    static const char *const bad[] = {"", "a", "/~", "/~2", "/a~"};
    struct buf token = buf_make(16);
    struct buf whole = buf_make(64);
    struct str p;

    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        buf_pointer(&whole, str_of(tokens[i]));
    p = buf_view(&whole);
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        assert_true(buf_pointer_next(&p, &token));
        assert_string_equal(token.p, tokens[i]);
    }
    assert_int_equal(p.n, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        p = str_of(bad[i]);
        assert_false(buf_pointer_next(&p, &token));
    }
    p = STR("/longer than the buffer");
    assert_false(buf_pointer_next(&p, &token));
    buf_free(&token);
    buf_free(&whole);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(stops_at_the_maximum),
        cmocka_unit_test(room_is_bounded),
        cmocka_unit_test(numbers),
        cmocka_unit_test(json_strings),
        cmocka_unit_test(steals),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(steps_of_a_pointer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
