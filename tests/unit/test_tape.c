/* tape: what it takes, what it leaves, and that it never takes what is no JSON document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json/scan.h"
#include "common/json/schema_fast.h"
#include "common/json/tape.h"

/* Names are registered by a schema that asks for them. */
struct bench {
    struct schema *schema;
    struct schema_fast *fast;
    struct tape *tape;
};

static void
open_bench(struct bench *b, const char *schema, const char *const *pick, unsigned npick)
{
    struct err e = {0};
    json_error_t je;
    json_t *doc = json_loads(schema, JSON_DECODE_ANY, &je);

    assert_non_null(doc);
    if (schema_compile_json(doc, NULL, &b->schema, &e) != RES_OK ||
        schema_fast_new((const struct schema *const *)&b->schema, 1, pick, npick, &b->fast, &e) != RES_OK)
        fail_msg("%s: %s", schema, e.text);
    json_decref(doc);
    b->tape = schema_fast_tape(b->fast);
    assert_non_null(b->tape);
}

static void
close_bench(struct bench *b)
{
    tape_free(b->tape);
    schema_fast_free(b->fast);
    schema_free(b->schema);
}

static bool
takes(struct bench *b, const char *text)
{
    return schema_fast_valid(b->fast, b->tape, str_of(text), NULL);
}

#define ANYTHING "{\"properties\":{\"a\":true,\"b\":true,\"nama\":true}}"

static void
test_what_it_takes(void **state)
{
    static const char *const good[] = {"0",
                                       "-0",
                                       "123456789012345678",
                                       "-1.5e-99",
                                       "0.5",
                                       "1E+2",
                                       "true",
                                       " null ",
                                       "\"\"",
                                       "[]",
                                       "{}",
                                       "\t[ ]\r\n",
                                       "{ \"a\" : [ 1 , { } ] , \"x\":{\"a\":1} }",
                                       "\"\\u00e9\\ud83d\\ude00\\/\\\"\"",
                                       "\"\xc3\xa9\xf0\x9f\x98\x80\"",
                                       "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
                                       "{\"a\":1,\"aa\":2,\"nam\":3,\"namaa\":4,\"\":5}",
                                       "[\"sixteen bytes or more of plain text\",\"\x7f\"]",
                                       "{\"b\":1,\"a\":2,\"nama\":3}"};
    struct bench b = {0};

    (void)state;
    open_bench(&b, ANYTHING, NULL, 0);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!takes(&b, good[i]))
            fail_msg("not taken: %s", good[i]);
    close_bench(&b);
}

/* No documents, and documents that it leaves to others. */
static void
test_what_it_leaves(void **state)
{
    static const char *const bad[] = {
        "", " ", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "tru", "nul", "True", "NaN", "[", "]",
        "[1,]", "[,1]", "[1 2]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}",
        "{\"a\" 1}", "1 2", "[1]]", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\\ud83d\"", "\"\\ude00\"",
        "\"\\ud83d\\u0041\"", "\"\\u0000\"", "\"a\tb\"", "\"\x80\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "{\"a\":1,\"a\":2}", "{\"x\":1,\"x\":2}",
        "{\"b\":{\"a\":1,\"b\":2,\"a\":3}}", "{\"sixteen bytes or more of plain text\":1,\"a\n\":2}",
        "\"open\\",
        /* left, although documents: */
        "1234567890123456789", "1e100", "{\"\\u0061\":1}",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1}"};
    struct bench b = {0};

    (void)state;
    open_bench(&b, ANYTHING, NULL, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (takes(&b, bad[i]))
            fail_msg("taken: %s", bad[i]);
    assert_false(schema_fast_valid(b.fast, b.tape, (struct str){"[\0]", 3}, NULL));
    assert_false(schema_fast_valid(b.fast, b.tape, (struct str){"\"\0\"", 3}, NULL));
    close_bench(&b);
}

/* Every prefix of a document ends somewhere inside it, and the bytes behind it are not read: they stand at the end of
 * an allocation, where the address sanitiser looks. */
static void
test_ends_anywhere(void **state)
{
    static const char text[] =
        "{\"nama\":\"a plain text of more than sixteen bytes\",\"b\":[-12.5e-7,true,null,\"\\ud83d"
        "\\ude00\\n\xc3\xa9\"],\"a\":{}}";
    struct bench b = {0};

    (void)state;
    open_bench(&b, ANYTHING, NULL, 0);
    for (size_t n = 0; n < sizeof text; n++) {
        char *copy = malloc(n + 1);

        assert_non_null(copy);
        memcpy(copy + 1, text, n);
        assert_int_equal(schema_fast_valid(b.fast, b.tape, (struct str){copy + 1, n}, NULL),
                         n == sizeof text - 1);
        free(copy);
    }
    close_bench(&b);
}

static void
check_file(struct bench *b, const char *path, bool good)
{
    FILE *f = fopen(path, "rb");
    static char text[1 << 20];
    size_t n;
    bool ok;

    assert_non_null(f);
    n = fread(text, 1, sizeof text, f);
    fclose(f);
    ok = schema_fast_valid(b->fast, b->tape, (struct str){text, n}, NULL);
    if (ok && !good)
        fail_msg("%s is taken", path);
    if (ok && scan_document((struct str){text, n}, NULL) != RES_OK)
        fail_msg("%s is taken, and not by scan_document", path);
}

static void
test_case_files(void **state)
{
    static const char *const dirs[] = {"tests/cases/json/bad", "tests/cases/json/good"};
    struct bench b = {0};

    (void)state;
    open_bench(&b, "true", NULL, 0);
    for (unsigned good = 0; good < 2; good++) {
        DIR *dir = opendir(dirs[good]);
        unsigned n = 0;

        assert_non_null(dir);
        for (struct dirent *d; (d = readdir(dir));) {
            char path[600];

            if (!str_ends(str_of(d->d_name), STR(".json")))
                continue;
            snprintf(path, sizeof path, "%s/%s", dirs[good], d->d_name);
            check_file(&b, path, good);
            n++;
        }
        closedir(dir);
        assert_true(n > 20);
    }
    close_bench(&b);
}

static void
test_picks(void **state)
{
    static const char *const pick[] = {"nama", "tidak_ada", "b", "umur"};
    struct bench b = {0};
    struct str got[4];

    (void)state;
    open_bench(&b, ANYTHING, pick, 4);
    assert_true(schema_fast_valid(
        b.fast, b.tape,
        STR("{\"x\":{\"nama\":1},\"umur\" : 12 ,\"b\":[1, {\"nama\":2}],\"nama\":\"\\u0041\"}"), got));
    assert_true(str_is(got[0], "\"\\u0041\""));
    assert_null(got[1].p);
    assert_true(str_is(got[2], "[1, {\"nama\":2}]"));
    assert_true(str_is(got[3], "12"));
    assert_true(schema_fast_valid(b.fast, b.tape, STR("[1]"), got));
    assert_null(got[0].p);
    close_bench(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_takes), cmocka_unit_test(test_what_it_leaves),
        cmocka_unit_test(test_ends_anywhere), cmocka_unit_test(test_case_files),
        cmocka_unit_test(test_picks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
