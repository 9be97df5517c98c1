/* One field of CSV as RFC 4180 says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/csv.h"

static void
test_put(void **state)
{
    static const struct {
        const char *field, *written;
    } table[] = {{"", ""},
                 {"a b", "a b"},
                 {"a,b", "\"a,b\""},
                 {"\"", "\"\"\"\""},
                 {"a\nb", "\"a\nb\""},
                 {"\r", "\"\r\""},
                 {"x\"y", "\"x\"\"y\""},
                 {"'é", "'é"}};

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buf b = buf_make(64);

        buf_z(&b, "|");
        csv_put(&b, str_of(table[i].field));
        assert_string_equal(b.p + 1, table[i].written);
        buf_free(&b);
    }
}

static void
test_what_was_put_is_split(void **state)
{
    static const char *const fields[] = {"Dinas \"X\", dan Y", "", "2,5", "\"\""};
    struct buf b = buf_make(256);
    struct str got[4];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        if (i)
            buf_char(&b, ',');
        csv_put(&b, str_of(fields[i]));
    }
    assert_int_equal(csv_split(b.p, b.n, got, 4, NULL), 4);
    for (unsigned i = 0; i < 4; i++)
        assert_true(str_is(got[i], fields[i]));
    buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_put),
                                       cmocka_unit_test(test_what_was_put_is_split)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
