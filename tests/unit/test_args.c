/* args and pg_blame: the binary format to the byte, and who is to blame for a SQLSTATE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/pg/args.h"
#include "common/pg/pg.h"

static void
check(const struct pg_args *a, unsigned i, struct str want)
{
    assert_true(i < a->n);
    assert_false(a->null[i]);
    assert_int_equal(a->at[i + 1] - a->at[i], want.n);
    assert_memory_equal(a->bytes.p + a->at[i], want.p, want.n);
}

static void
scalars(void **state)
{
    struct pg_args a = pg_args_make();

    (void)state;
    pg_arg_text(&a, STR("a\0b"));
    pg_arg_text(&a, STR(""));
    pg_arg_text(&a, STR_NULL);
    pg_arg_int8(&a, -2);
    pg_arg_int4(&a, 0x01020304);
    pg_arg_bool(&a, true);
    pg_arg_time(&a, INT64_C(946684800000001)); /* one microsecond past Postgres' epoch */
    pg_arg_time(&a, 0);
    pg_arg_time(&a, INT64_MIN);
    assert_int_equal(a.n, 9);
    check(&a, 0, STR("a\0b"));
    check(&a, 1, STR(""));
    assert_true(a.null[2]);
    assert_int_equal(a.at[3], a.at[2]);
    check(&a, 3, STR("\xff\xff\xff\xff\xff\xff\xff\xfe"));
    check(&a, 4, STR("\x01\x02\x03\x04"));
    check(&a, 5, STR("\x01"));
    check(&a, 6, STR("\0\0\0\0\0\0\0\x01"));
    check(&a, 7, STR("\xff\xfc\xa2\xfe\xc4\xc8\x20\x00"));
    assert_true(a.null[8]);
    pg_args_reset(&a);
    assert_int_equal(a.n, 0);
    pg_arg_bool(&a, false);
    check(&a, 0, STR("\0"));
    pg_args_free(&a);
}

#define HEAD(oid, n) "\0\0\0\x01\0\0\0\x01\0\0" oid "\0\0\0" n "\0\0\0\x01"

static void
arrays(void **state)
{
    struct pg_args a = pg_args_make();

    (void)state;
    pg_array(&a, PG_TEXT);
    pg_elem_text(&a, STR("ab"));
    pg_elem_text(&a, STR_NULL);
    pg_elem_text(&a, STR(""));
    pg_array_end(&a);
    pg_array(&a, PG_INT8);
    pg_elem_int8(&a, 1);
    pg_array_end(&a);
    pg_array(&a, PG_INT4);
    pg_elem_int4(&a, -1);
    pg_elem_int4(&a, 2);
    pg_array_end(&a);
    pg_array(&a, PG_BOOL);
    pg_elem_bool(&a, true);
    pg_array_end(&a);
    pg_array(&a, PG_TIME);
    pg_elem_time(&a, INT64_C(946684800000000));
    pg_elem_time(&a, INT64_MIN);
    pg_array_end(&a);
    pg_array(&a, PG_BYTEA);
    pg_array_end(&a);
    assert_false(a.bytes.failed);
    check(&a, 0,
          STR(HEAD("\0\x19", "\x03") "\0\0\0\x02"
                                     "ab"
                                     "\xff\xff\xff\xff"
                                     "\0\0\0\0"));
    check(&a, 1,
          STR(HEAD("\0\x14", "\x01") "\0\0\0\x08"
                                     "\0\0\0\0\0\0\0\x01"));
    check(&a, 2,
          STR(HEAD("\0\x17", "\x02") "\0\0\0\x04\xff\xff\xff\xff"
                                     "\0\0\0\x04\0\0\0\x02"));
    check(&a, 3, STR(HEAD("\0\x10", "\x01") "\0\0\0\x01\x01"));
    check(&a, 4,
          STR(HEAD("\x04\xa0", "\x02") "\0\0\0\x08\0\0\0\0\0\0\0\0"
                                       "\xff\xff\xff\xff"));
    check(&a, 5, STR(HEAD("\0\x11", "\0")));
    pg_args_free(&a);
}

/* Past its limit the whole is failed, and no array's end writes where nothing is. */
static void
too_much(void **state)
{
    struct pg_args a = pg_args_make();

    (void)state;
    a.bytes.max = 10;
    pg_array(&a, PG_INT8);
    pg_elem_int8(&a, 1);
    pg_array_end(&a);
    assert_true(a.bytes.failed);
    pg_args_free(&a);
}

static void
blame(void **state)
{
    static const struct {
        const char *state;
        enum res want;
    } row[] = {{"22P05", RES_REJECT}, {"22021", RES_REJECT}, {"22003", RES_REJECT}, {"22P02", RES_REJECT},
               {"23502", RES_REJECT}, {"23P01", RES_REJECT}, {"23505", RES_RETRY},  {"23503", RES_RETRY},
               {"23514", RES_RETRY},  {"40001", RES_RETRY},  {"40P01", RES_RETRY},  {"08006", RES_RETRY},
               {"53100", RES_RETRY},  {"25006", RES_RETRY},  {"28P01", RES_RETRY},  {"42P01", RES_RETRY},
               {"57014", RES_RETRY},  {"57P01", RES_RETRY},  {"ZF001", RES_RETRY},  {"XX000", RES_RETRY},
               {"99999", RES_RETRY},  {"2200", RES_REJECT},  {"2", RES_RETRY},      {"", RES_RETRY}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (pg_blame(row[i].state, NULL) != row[i].want)
            fail_msg("SQLSTATE %s: %s", row[i].state, res_name(pg_blame(row[i].state, NULL)));
    assert_int_equal(pg_blame("23514", "request_check"), RES_REJECT);
    assert_int_equal(pg_blame("23505", "event_pkey"), RES_RETRY);
    assert_int_equal(pg_blame("23503", "event_fkey"), RES_RETRY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),
        cmocka_unit_test(arrays),
        cmocka_unit_test(too_much),
        cmocka_unit_test(blame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
