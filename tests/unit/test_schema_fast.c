/* schema_fast: what it proves is valid (against schema_check on jansson's tree), and that it proves what is common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>

#include "common/json/schema_fast.h"
#include "tests/unit/alloc.h"
#include "tests/unit/dice.h"

struct bench {
    struct schema *schema[2];
    unsigned n;
    struct schema_fast *fast;
    struct tape *tape;
};

static json_t *
parse(struct str text)
{
    json_error_t je;

    return json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
}

static struct schema *
compile_file(const char *path)
{
    struct schema_set *set = schema_set_new();
    struct schema_opts opts = {.format_assert = true};
    struct schema *s = NULL;
    struct err e = {0};

    if (schema_set_add_file(set, path, path, &e) != RES_OK ||
        schema_compile(set, path, &opts, &s, &e) != RES_OK)
        fail_msg("%s", e.text);
    schema_set_free(set);
    return s;
}

static void
open_fast(struct bench *b)
{
    struct err e = {0};

    if (schema_fast_new((const struct schema *const *)b->schema, b->n, NULL, 0, &b->fast, &e) != RES_OK)
        fail_msg("%s", e.text);
    b->tape = schema_fast_tape(b->fast);
    assert_non_null(b->tape);
}

static void
close_bench(struct bench *b)
{
    tape_free(b->tape);
    schema_fast_free(b->fast);
    for (unsigned i = 0; i < b->n; i++)
        schema_free(b->schema[i]);
}

/* Both answers; fails when the single pass proves what the full engine does not. */
static bool
proves(const struct bench *b, struct str text, bool *valid)
{
    bool fast = schema_fast_valid(b->fast, b->tape, text, NULL);
    json_t *doc = parse(text);

    *valid = doc != NULL;
    for (unsigned i = 0; *valid && i < b->n; i++)
        *valid = schema_valid(b->schema[i], doc);
    json_decref(doc);
    if (fast && !*valid)
        fail_msg("proved, and not valid: %.*s", STR_FMT(text));
    return fast;
}

/* ---- keywords --------------------------------------------------------------------------------------------------- */

enum want { PROVED, LEFT, INVALID }; /* LEFT: valid, and beyond the single pass */

static void
test_keywords(void **state)
{
    static const struct {
        const char *schema, *doc;
        enum want want;
    } row[] = {
        {"{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}", "\"\xc3\xa9\xc3\xa9\"", PROVED},
        {"{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}", "\"\xc3\xa9\"", INVALID},
        {"{\"maxLength\":3}", "\"\\u00e9\\n\\/\"", PROVED},
        {"{\"maxLength\":2}", "\"\\u00e9\\n\\/\"", INVALID},
        {"{\"pattern\":\"^a/b$\"}", "\"a\\/b\"", PROVED},
        {"{\"pattern\":\"^a/b$\"}", "\"a\\\\/b\"", INVALID},
        {"{\"const\":\"a/b\"}", "\"a\\/b\"", PROVED},
        {"{\"const\":\"a\"}", "\"b\"", INVALID},
        {"{\"const\":\"a\"}", "1", INVALID},
        {"{\"enum\":[\"x\",\"y\",1,null,false]}", "\"y\"", PROVED},
        {"{\"enum\":[\"x\",\"y\",1,null,false]}", "1", PROVED},
        {"{\"enum\":[\"x\",\"y\",1,null,false]}", "null", PROVED},
        {"{\"enum\":[\"x\",\"y\",1,null,false]}", "true", INVALID},
        {"{\"enum\":[1]}", "1.0", LEFT},
        {"{\"enum\":[[1]]}", "[1]", LEFT},
        {"{\"type\":\"integer\"}", "1.0", LEFT},
        {"{\"type\":\"integer\"}", "1.5", INVALID},
        {"{\"type\":\"integer\",\"minimum\":-3,\"exclusiveMaximum\":7}", "-3", PROVED},
        {"{\"type\":\"integer\",\"minimum\":-3,\"exclusiveMaximum\":7}", "7", INVALID},
        {"{\"minimum\":0}", "0.5", LEFT},
        {"{\"minimum\":0.5}", "1", LEFT},
        {"{\"multipleOf\":5}", "-15", PROVED},
        {"{\"multipleOf\":5}", "16", INVALID},
        {"{\"required\":[\"a\",\"b\"]}", "{\"b\":1,\"a\":2}", PROVED},
        {"{\"required\":[\"a\",\"b\"]}", "{\"b\":1}", INVALID},
        {"{\"properties\":{\"a\":{\"type\":\"null\"}},\"required\":[\"a\"],\"additionalProperties\":false}",
         "{\"a\":null}", PROVED},
        {"{\"properties\":{\"a\":{\"type\":\"null\"}},\"additionalProperties\":false}",
         "{\"a\":null,\"z\":1}", INVALID},
        {"{\"properties\":{\"a\":true},\"additionalProperties\":{\"type\":\"integer\"}}",
         "{\"z\":1,\"a\":\"\"}", PROVED},
        {"{\"properties\":{\"a\":true},\"additionalProperties\":{\"type\":\"integer\"}}",
         "{\"z\":\"\",\"a\":1}", INVALID},
        {"{\"patternProperties\":{\"^x-\":{\"type\":\"integer\"}},\"required\":[\"x-a\"]}",
         "{\"x-a\":1,\"x-b\":2,\"y\":\"\"}", PROVED},
        {"{\"patternProperties\":{\"^x-\":{\"type\":\"integer\"}},\"required\":[\"x-a\"]}", "{\"x-a\":\"\"}",
         INVALID},
        {"{\"patternProperties\":{\"^x-\":{\"type\":\"integer\"}}}", "{\"x-b\":\"\"}", INVALID},
        {"{\"patternProperties\":{\"^x-\":true},\"additionalProperties\":false}", "{\"x-b\":\"\"}", PROVED},
        {"{\"propertyNames\":{\"maxLength\":3}}", "{\"a\":1}", LEFT},
        {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1,\"b\":1}", PROVED},
        {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"b\":1}", PROVED},
        {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}", INVALID},
        {"{\"dependentSchemas\":{\"a\":{\"maxProperties\":1}}}", "{\"a\":1,\"b\":1}", INVALID},
        {"{\"minProperties\":1,\"maxProperties\":2}", "{}", INVALID},
        {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"integer\"}}", "[\"a\",1,2]", PROVED},
        {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}", "[\"a\",1]", INVALID},
        {"{\"minItems\":1,\"maxItems\":2}", "[1,2,3]", INVALID},
        {"{\"uniqueItems\":true}", "[\"a\",\"b\",\"c\"]", PROVED},
        {"{\"uniqueItems\":true}", "[\"a\",\"b\",\"a\"]", INVALID},
        {"{\"uniqueItems\":true}", "[1,2]", LEFT},
        {"{\"contains\":{\"const\":\"x\"},\"maxContains\":1}", "[\"a\",\"x\"]", PROVED},
        {"{\"contains\":{\"const\":\"x\"},\"maxContains\":1}", "[\"x\",\"x\"]", INVALID},
        {"{\"contains\":{\"const\":\"x\"},\"minContains\":0}", "[]", PROVED},
        {"{\"allOf\":[{\"$ref\":\"#/$defs/t\"}],\"$defs\":{\"t\":{\"type\":\"string\"}}}", "\"\"", PROVED},
        {"{\"allOf\":[{\"$ref\":\"#/$defs/t\"}],\"$defs\":{\"t\":{\"type\":\"string\"}}}", "1", INVALID},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}", "3", PROVED},
        {"{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":3}]}", "3", INVALID},
        {"{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":3}]}", "2", PROVED},
        {"{\"not\":{\"type\":\"string\"}}", "1", PROVED},
        {"{\"not\":{\"minimum\":3}}", "2.5", LEFT},
        {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"maxProperties\":0}}",
         "{\"a\":1,\"b\":2}", PROVED},
        {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"maxProperties\":0}}",
         "{\"a\":1}", INVALID},
        {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"maxProperties\":0}}",
         "{\"b\":1}", INVALID},
        {"{\"properties\":{\"k\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
         "{\"k\":{\"k\":{\"k\":{}}}}", PROVED},
        {"{\"properties\":{\"k\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
         "{\"k\":{\"k\":{\"x\":{}}}}", INVALID},
        {"{\"$ref\":\"#\"}", "1", INVALID}, /* without an end: a limit */
        {"{\"unevaluatedProperties\":false,\"properties\":{\"a\":true}}", "{\"a\":1}", LEFT},
        {"{\"properties\":{\"a\\nb\":{\"type\":\"integer\"}}}", "{\"a\\nb\":1}", LEFT},
        {"{\"properties\":{\"a\\nb\":{\"type\":\"integer\"}}}", "{\"c\":1}", LEFT},
        {"{\"format\":\"date\"}", "\"2024-02-29\"", PROVED},
        {"{\"format\":\"date\"}", "\"2023-02-29\"", INVALID},
        {"true", "{\"a\":[]}", PROVED},
        {"false", "1", INVALID},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct bench b = {.n = 1};
        struct schema_opts opts = {.format_assert = true};
        struct err e = {0};
        json_t *schema = parse(str_of(row[i].schema));
        bool valid, proved;

        if (schema_compile_json(schema, &opts, &b.schema[0], &e) != RES_OK)
            fail_msg("%s: %s", row[i].schema, e.text);
        open_fast(&b);
        proved = proves(&b, str_of(row[i].doc), &valid);
        if (proved != (row[i].want == PROVED) || valid != (row[i].want != INVALID))
            fail_msg("%s of %s: proved %d valid %d", row[i].doc, row[i].schema, proved, valid);
        close_bench(&b);
        json_decref(schema);
    }
}

/* ---- references within references ------------------------------------------------------------------------------- */

enum { LEVELS = 8, EACH = 3 };

/* Each level refers to the next one three times; the last asks something that is beyond the single pass, of objects. */
static json_t *
multiplied(void)
{
    json_t *defs = json_pack("{s:{s:i,s:{s:i}}}", "d8", "minLength", 2, "propertyNames", "maxLength", 3);

    for (int i = 0; i < LEVELS; i++) {
        json_t *all = json_array();
        char name[16], ref[32];

        snprintf(name, sizeof name, "d%d", i);
        snprintf(ref, sizeof ref, "#/$defs/d%d", i + 1);
        for (int k = 0; k < EACH; k++)
            json_array_append_new(all, json_pack("{s:s}", "$ref", ref));
        json_object_set_new(defs, name, json_pack("{s:o}", "allOf", all));
    }
    return json_pack("{s:s,s:o}", "$ref", "#/$defs/d0", "$defs", defs);
}

/* Put in place without a bound, 8 levels of 3 are some 10,000 instructions, and 13 of 8 are more than memory holds. */
static void
test_references_do_not_multiply(void **state)
{
    struct bench b = {.n = 1};
    struct err e = {0};
    json_t *doc = multiplied();
    bool valid;

    (void)state;
    assert_int_equal(schema_compile_json(doc, NULL, &b.schema[0], &e), RES_OK);
    json_decref(doc);
    open_fast(&b);
    assert_in_range(schema_fast_gaps(b.fast), 1, 2000);
    assert_true(proves(&b, STR("\"ab\""), &valid));
    assert_false(proves(&b, STR("\"a\""), &valid));
    assert_false(valid);
    assert_false(proves(&b, STR("{\"abc\":1}"), &valid));
    assert_true(valid);
    close_bench(&b);
}

/* ---- limits ----------------------------------------------------------------------------------------------------- */

static bool
note_limit(const struct schema_finding *f, void *arg)
{
    unsigned *n = arg;

    assert_string_equal(f->keyword, "limit");
    assert_true(str_is(f->property, "regex"));
    ++*n;
    return true;
}

/* The table of states has no limit to give up at: what it proves, the full engine finds nothing against. */
static void
test_limit_is_no_finding(void **state)
{
    static const char text[] = "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac\"";
    struct schema_opts opts = {.match_limit = 1000};
    struct bench b = {.n = 1};
    struct err e = {0};
    json_t *schema = parse(STR("{\"pattern\":\"^((a+)+b|a*c)$\"}")), *doc = parse(str_of(text));
    unsigned limits = 0;

    (void)state;
    assert_int_equal(schema_compile_json(schema, &opts, &b.schema[0], &e), RES_OK);
    open_fast(&b);
    assert_true(schema_fast_valid(b.fast, b.tape, str_of(text), NULL));
    assert_false(schema_check(b.schema[0], doc, note_limit, &limits));
    assert_int_equal(limits, 1);
    close_bench(&b);
    json_decref(schema);
    json_decref(doc);
}

/* ---- form PA.20, as an example of a large schema ------------------------------------------------------------------ */

static void
open_form(struct bench *b)
{
    *b = (struct bench){.n = 2};
    b->schema[0] = compile_file("schemas/forms/pa20.schema.json");
    b->schema[1] = compile_file("schemas/forms/pa20.notes.schema.json");
    open_fast(b);
}

static void
test_whole_of_a_real_schema(void **state)
{
    static const char *const forms[] = {"schemas/examples/selesai.json", "schemas/examples/minimal.json"};
    struct bench b;

    (void)state;
    open_form(&b);
    assert_int_equal(schema_fast_gaps(b.fast), 0);
    for (unsigned i = 0; i < 2; i++) {
        json_error_t je;
        json_t *doc = json_load_file(forms[i], 0, &je);
        char *text = json_dumps(doc, i ? JSON_INDENT(2) : JSON_COMPACT);
        bool valid;

        assert_true(proves(&b, str_of(text), &valid));
        free(text);
        json_decref(doc);
    }
    close_bench(&b);
}

/* One byte changed, taken out or put in, or a piece of the form copied elsewhere in it. */
static size_t
mutate(uint64_t *dice, const char *from, size_t n, char *to)
{
    static const char bytes[] = "\"\\{}[]:, 0189aZ-./@\n\x80\xc3\xa9";
    size_t at = dice_next(dice) % n, len = dice_next(dice) % 24, to_at = dice_next(dice) % n;
    char c = bytes[dice_next(dice) % (sizeof bytes - 1)];

    memcpy(to, from, n);
    switch (dice_next(dice) % 4) {
    case 0:
        to[at] = c;
        return n;
    case 1:
        memmove(to + at, to + at + 1, n - at - 1);
        return n - 1;
    case 2:
        memmove(to + at + 1, to + at, n - at);
        to[at] = c;
        return n + 1;
    default:
        len = at + len > n ? n - at : len;
        len = to_at + len > n ? n - to_at : len;
        memmove(to + to_at, from + at, len);
        return n;
    }
}

static void
test_mutants(void **state)
{
    enum { MUTANTS = 40000 };
    uint64_t dice = 20261125;
    unsigned valid = 0, proved = 0;
    json_error_t je;
    json_t *doc = json_load_file("schemas/examples/selesai.json", 0, &je);
    char *text = json_dumps(doc, JSON_COMPACT);
    size_t n = strlen(text);
    char *mutant = calloc(1, n + 1);
    struct bench b;

    (void)state;
    open_form(&b);
    for (unsigned i = 0; i < MUTANTS; i++) {
        bool ok;

        proved += proves(&b, (struct str){mutant, mutate(&dice, text, n, mutant)}, &ok);
        valid += ok;
    }
    print_message("%u mutants, %u of them valid, %u proved\n", MUTANTS, valid, proved);
    assert_true(valid > MUTANTS / 10 && proved > valid * 9 / 10);
    close_bench(&b);
    free(mutant);
    free(text);
    json_decref(doc);
}

static void
test_case_files(void **state)
{
    static const char *const dirs[] = {"tests/cases/pa20/good", "tests/cases/pa20/bad"};
    json_error_t je;
    json_t *base = json_load_file("schemas/examples/selesai.json", 0, &je);
    unsigned n = 0, valid = 0, proved = 0;
    struct bench b;

    (void)state;
    open_form(&b);
    for (unsigned d = 0; d < 2; d++) {
        DIR *dir = opendir(dirs[d]);

        assert_non_null(dir);
        for (struct dirent *f; (f = readdir(dir));) {
            char path[600];
            json_t *doc, *change, *form, *v;
            const char *key;
            char *text;
            bool ok;

            snprintf(path, sizeof path, "%s/%s", dirs[d], f->d_name);
            doc = json_load_file(path, 0, &je);
            if (!doc)
                continue;
            change = json_object_get(doc, "beda");
            form = json_deep_copy(base);
            json_object_foreach (change, key, v) {
                if (json_is_null(v))
                    json_object_del(form, key);
                else
                    json_object_set(form, key, v);
            }
            text = json_dumps(form, JSON_COMPACT);
            proved += proves(&b, str_of(text), &ok);
            valid += ok;
            n++;
            free(text);
            json_decref(form);
            json_decref(doc);
        }
        closedir(dir);
    }
    print_message("%u case files, %u without a finding, %u proved\n", n, valid, proved);
    assert_true(n > 300 && valid > 50 && proved >= valid * 9 / 10);
    close_bench(&b);
    json_decref(base);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static struct schema *rich; /* one with every kind of table */

static bool
prepare_rich(void)
{
    static const char *const pick[] = {"a"};
    struct err e = {0};
    struct schema_fast *f = NULL;
    struct tape *t = NULL;
    enum res rc = schema_fast_new((const struct schema *const *)&rich, 1, pick, 1, &f, &e);
    bool ok;

    assert_true(rc == RES_OK ? f != NULL : rc == RES_RETRY && !f);
    t = f ? schema_fast_tape(f) : NULL;
    ok = t && schema_fast_valid(f, t, STR("{\"a\":\"x\\u0041\",\"b\":1}"), NULL);
    tape_free(t);
    schema_fast_free(f);
    return ok;
}

static void
test_no_memory(void **state)
{
    static const char text[] =
        "{\"properties\":{\"a\":{\"pattern\":\"^x[A-Z]+$\",\"maxLength\":3}},\"required\":[\"a\"],"
        "\"patternProperties\":{\"^x-\":{\"enum\":[\"1\",\"2\"]}},"
        "\"allOf\":[{\"dependentRequired\":{\"a\":[\"b\"]}},{\"required\":[\"b\"]}]}";
    struct err e = {0};
    json_t *doc = parse(str_of(text));

    (void)state;
    assert_int_equal(schema_compile_json(doc, NULL, &rich, &e), RES_OK);
    json_decref(doc);
    assert_true(prepare_rich());
    alloc_loop(prepare_rich);
    schema_free(rich);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keywords),
        cmocka_unit_test(test_references_do_not_multiply),
        cmocka_unit_test(test_limit_is_no_finding),
        cmocka_unit_test(test_whole_of_a_real_schema),
        cmocka_unit_test(test_mutants),
        cmocka_unit_test(test_case_files),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
