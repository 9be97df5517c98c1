/* Numbers by value, equality, uniqueness, lengths, and ECMA-262 patterns. */
#include "common/json/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static json_t *
parse(const char *text)
{
    json_error_t je;
    json_t *v = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &je);

    if (!v)
        fail_msg("%s in %s", je.text, text);
    return v;
}

struct check {
    const char *schema;
    const char *instance;
    bool valid;
};

static void
check_all(const struct check *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_t *doc = parse(c[i].schema);
        json_t *v = parse(c[i].instance);
        struct schema *s;
        struct err e = {0};

        if (schema_compile_json(doc, NULL, &s, &e) != RES_OK)
            fail_msg("%s: %s", c[i].schema, e.text);
        if (schema_valid(s, v) != c[i].valid)
            fail_msg("%s on %s is not %s", c[i].schema, c[i].instance, c[i].valid ? "valid" : "invalid");
        schema_free(s);
        json_decref(v);
        json_decref(doc);
    }
}

#define CHECK_ALL(table) check_all(table, sizeof(table) / sizeof *(table))

static void
test_numbers_compare_by_value(void **state)
{
    static const struct check c[] = {
        {"{\"const\":1}", "1.0", true},
        {"{\"const\":0}", "-0.0", true},
        {"{\"const\":1}", "true", false},
        {"{\"const\":0}", "false", false},
        {"{\"enum\":[[1],{\"a\":2.0}]}", "{\"a\":2}", true},
        {"{\"type\":\"integer\"}", "3.0", true},
        {"{\"type\":\"integer\"}", "1e300", true},
        {"{\"type\":\"integer\"}", "3.5", false},
        {"{\"type\":\"number\"}", "3", true},
        /* 2^53 + 1 and 2^53 are the same double, and are still not equal */
        {"{\"const\":9007199254740993}", "9007199254740992.0", false},
        {"{\"const\":9007199254740992}", "9007199254740992.0", true},
        {"{\"maximum\":9007199254740992.0}", "9007199254740993", false},
        {"{\"exclusiveMinimum\":9007199254740992.0}", "9007199254740993", true},
        {"{\"maximum\":9223372036854775807}", "9223372036854775808.0", false},
        {"{\"minimum\":-9223372036854775808}", "-9223372036854775808.0", true},
        {"{\"maximum\":1e300}", "9223372036854775807", true},
        {"{\"minimum\":-1e300}", "-9223372036854775807", true},
        {"{\"minimum\":1.5}", "1", false},
        {"{\"minimum\":-1.5}", "-1", true},
        {"{\"maximum\":-1.5}", "-1", false},
        {"{\"minimum\":1.5}", "2", true},
    };

    (void)state;
    CHECK_ALL(c);
}

static void
test_multiple_of_is_exact(void **state)
{
    static const struct check c[] = {
        {"{\"multipleOf\":0.01}", "0.29", true},
        {"{\"multipleOf\":0.01}", "19.99", true},
        {"{\"multipleOf\":0.01}", "4.35", true},
        {"{\"multipleOf\":0.01}", "4.355", false},
        {"{\"multipleOf\":0.1}", "0.3", true},
        {"{\"multipleOf\":0.1}", "1000000000000000.1", true},
        {"{\"multipleOf\":0.0001}", "1e308", true},
        {"{\"multipleOf\":0.123456789}", "1e308", false},
        {"{\"multipleOf\":1e-8}", "12391239123", true},
        {"{\"multipleOf\":1e-300}", "1e300", true},
        {"{\"multipleOf\":3e-300}", "1e300", false},
        {"{\"multipleOf\":1e300}", "1e-300", false},
        {"{\"multipleOf\":1e20}", "3e20", true},
        {"{\"multipleOf\":1e20}", "9223372036854775807", false},
        {"{\"multipleOf\":2.5}", "7.5", true},
        {"{\"multipleOf\":2.5}", "7", false},
        {"{\"multipleOf\":7}", "-9223372036854775808", false},
        {"{\"multipleOf\":8}", "-9223372036854775808", true},
        {"{\"multipleOf\":2.0}", "4", true},
        {"{\"multipleOf\":5}", "0", true},
        {"{\"multipleOf\":5e-324}", "1e-323", true},
        {"{\"multipleOf\":1.7976931348623157e308}", "0.5", false},
    };

    (void)state;
    CHECK_ALL(c);
}

static void
test_lengths_count_code_points(void **state)
{
    static const struct check c[] = {
        {"{\"maxLength\":2}", "\"\\u00e9\\u00e9\"", true},
        {"{\"maxLength\":1}", "\"\\ud83d\\ude00\"", true},
        {"{\"minLength\":2}", "\"\\ud83d\\ude00\"", false},
        {"{\"minLength\":2.0}", "\"ab\"", true},
        {"{\"minLength\":4}", "\"\\u20ac\\u20ac\\u20ac\"", false},
        {"{\"minLength\":3,\"maxLength\":3}", "\"a\\u0000b\"", true},
        {"{\"maxLength\":0}", "\"\"", true},
        {"{\"minLength\":9223372036854775807}", "\"a\"", false},
    };

    (void)state;
    CHECK_ALL(c);
}

static void
test_patterns_are_ecma_262(void **state)
{
    static const struct check c[] = {
        {"{\"pattern\":\"b\"}", "\"abc\"", true},
        {"{\"pattern\":\"^b\"}", "\"abc\"", false},
        {"{\"pattern\":\"c$\"}", "\"abc\"", true},
        {"{\"pattern\":\"c$\"}", "\"abc\\n\"", false},
        {"{\"pattern\":\"^a.c$\"}", "\"a\\nc\"", false},
        {"{\"pattern\":\"^a.c$\"}", "\"a\\u2028c\"", false},
        {"{\"pattern\":\"^.$\"}", "\"\\ud83d\\ude00\"", true},
        {"{\"pattern\":\"^\\\\d$\"}", "\"\\u0665\"", false},
        {"{\"pattern\":\"^\\\\s$\"}", "\"\\ufeff\"", true},
        {"{\"pattern\":\"^[\\\\s]$\"}", "\"\\u00a0\"", true},
        {"{\"pattern\":\"^[\\\\S]$\"}", "\"\\u00a0\"", false},
        {"{\"pattern\":\"^[\\\\S]$\"}", "\"\\u00a1\"", true},
        {"{\"pattern\":\"^[^]$\"}", "\"\\n\"", true},
        {"{\"pattern\":\"[]\"}", "\"a\"", false},
        {"{\"pattern\":\"^[[:alpha:]]$\"}", "\"x\"", false}, /* a class of "[:alph", then "]" */
        {"{\"pattern\":\"^[[:alpha:]]$\"}", "\"a]\"", true},
        {"{\"pattern\":\"^[.a.]$\"}", "\"a\"", true}, /* nor are these for PCRE2 to see */
        {"{\"pattern\":\"^[:=]$\"}", "\"=\"", true},
        {"{\"pattern\":\"^[=b=]$\"}", "\"a\"", false},
        {"{\"pattern\":\"^a[]*b$\"}", "\"ab\"", true}, /* no character, any number of times */
        {"{\"pattern\":\"^a[]b$\"}", "\"ab\"", false},
        {"{\"pattern\":\"^a[]?[^]b$\"}", "\"a\\nb\"", true},
        {"{\"pattern\":\"^\\\\u{1F600}$\"}", "\"\\ud83d\\ude00\"", true},
        {"{\"pattern\":\"^\\\\ud83d\\\\ude00$\"}", "\"\\ud83d\\ude00\"", true},
        {"{\"pattern\":\"^\\\\p{Script=Greek}+$\"}", "\"\\u03b1\\u03b2\"", true},
        {"{\"pattern\":\"^\\\\p{gc=Uppercase_Letter}$\"}", "\"\\u00c9\"", true},
        {"{\"pattern\":\"^\\\\P{Lu}$\"}", "\"\\u00c9\"", false},
        {"{\"pattern\":\"^(?<y>a|b)\\\\k<y>$\"}", "\"bb\"", true},
        {"{\"pattern\":\"^(a)?\\\\1b$\"}", "\"b\"", true},
        {"{\"pattern\":\"^a{2,3}$\"}", "\"aaaa\"", false},
        {"{\"pattern\":\"^a{,3}$\"}", "\"a{,3}\"", true},
        {"{\"pattern\":\"^[\\\\b]$\"}", "\"\\b\"", true},
        {"{\"pattern\":\"^\\\\-\\\\/$\"}", "\"-/\"", true},
        {"{\"pattern\":\"^a\\u0000\"}", "\"a\\u0000b\"", true},
        {"{\"pattern\":\"(?<=a)b\"}", "\"ab\"", true},
        {"{\"pattern\":\"^$\"}", "\"\"", true},
        {"{\"pattern\":\"\"}", "\"x\"", true},
        {"{\"pattern\":\"^abc$\"}", "\"abcd\"", false},
        {"{\"pattern\":\"abc\"}", "\"zabcz\"", true},
    };

    (void)state;
    CHECK_ALL(c);
}

static void
test_what_is_no_pattern(void **state)
{
    static const char *const bad[] = {
        "a**",  "a++",      "*a",    "(?i)a", "(*UTF)a",     "\\Z",  "\\a",         "\\Qa",
        "a\\",  "[a",       "(",     ")",     "\\p{NoSuch}", "\\pL", "\\u{110000}", "\\x1",
        "\\c1", "(?P<a>b)", "(?>a)", "\\G",   "[b-a]",       "^*",   "a{3,2}",
    };
    static const char *const good[] = {"a*?b+?c??", "[\\w-]", "(?:a|b)*", "(?=a)a",
                                       "(?!a)b",    "x{3}?",  "\\.\\*",   "[^\\]]"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (schema_format_ok("regex", str_of(bad[i])))
            fail_msg("%s was taken for a pattern", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!schema_format_ok("regex", str_of(good[i])))
            fail_msg("%s was not taken for a pattern", good[i]);
}

static void
test_unique_items(void **state)
{
    static const struct check c[] = {
        {"{\"uniqueItems\":true}", "[1,1.0]", false},
        {"{\"uniqueItems\":true}", "[1,true,\"1\",[1],{\"a\":1},null,false,0,[true]]", true},
        {"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":[2]},{\"b\":[2.0],\"a\":1}]", false},
        {"{\"uniqueItems\":true}", "[0,1,2,3,4,5,6,7,8,9,-0.0]", false},
        {"{\"uniqueItems\":true}", "[0,1,2,3,4,5,6,7,8,9,{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", false},
        {"{\"uniqueItems\":true}", "[0,1,2,3,4,5,6,7,8,9,{\"a\":1,\"b\":2},{\"b\":1,\"a\":2}]", true},
        {"{\"uniqueItems\":true}", "[0,1,2,3,4,5,6,7,8,9,9007199254740992.0,9007199254740993]", true},
        {"{\"uniqueItems\":true}", "[[],{},\"\",0,false,null,[[]],[{}],{\"a\":[]},{\"a\":{}}]", true},
        {"{\"uniqueItems\":false}", "[1,1]", true},
    };

    (void)state;
    CHECK_ALL(c);
}

static void
test_ten_thousand_unique_items(void **state)
{
    struct schema_opts opts = {.max_steps = 200000}; /* a comparison of all pairs would take 50 million */
    json_t *doc = parse("{\"uniqueItems\":true}");
    json_t *v = json_array();
    struct schema *s;

    (void)state;
    assert_int_equal(schema_compile_json(doc, &opts, &s, NULL), RES_OK);
    for (int i = 0; i < 10000; i++)
        json_array_append_new(v, json_pack("{si}", "a", i));
    assert_true(schema_valid(s, v));
    json_array_append_new(v, json_pack("{sf}", "a", 5000.0));
    assert_false(schema_valid(s, v));
    json_decref(v);
    json_decref(doc);
    schema_free(s);
}

static void
test_evaluated_past_64(void **state)
{
    json_t *doc = parse(
        "{\"anyOf\":[{\"patternProperties\":{\"^a\":{\"type\":\"integer\"}}},{\"properties\":{\"b\":true}}],"
        "\"unevaluatedProperties\":false}");
    json_t *v = json_object();
    struct schema *s;
    char name[16];

    (void)state;
    assert_int_equal(schema_compile_json(doc, NULL, &s, NULL), RES_OK);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "a%d", i);
        json_object_set_new(v, name, json_integer(i));
    }
    json_object_set_new(v, "b", json_null());
    assert_true(schema_valid(s, v));
    json_object_set_new(v, "c", json_null());
    assert_false(schema_valid(s, v));
    json_object_del(v, "c");
    json_object_set_new(v, "a150", json_null()); /* now the first branch fails, and its marks do not count */
    assert_false(schema_valid(s, v));
    json_decref(v);
    json_decref(doc);
    schema_free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_compare_by_value),  cmocka_unit_test(test_multiple_of_is_exact),
        cmocka_unit_test(test_lengths_count_code_points), cmocka_unit_test(test_patterns_are_ecma_262),
        cmocka_unit_test(test_what_is_no_pattern),        cmocka_unit_test(test_unique_items),
        cmocka_unit_test(test_ten_thousand_unique_items), cmocka_unit_test(test_evaluated_past_64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
