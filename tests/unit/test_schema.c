/* The schema engine as its users see it: findings, locations, limits, refusals, formats, files. */
#include "common/json/schema.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "tests/unit/folder.h"

static json_t *
parse(const char *text)
{
    json_error_t je;
    json_t *v = json_loads(text, JSON_DECODE_ANY, &je);

    if (!v)
        fail_msg("%s in %s", je.text, text);
    return v;
}

static struct schema *
compile(const char *text, const struct schema_opts *opts)
{
    struct schema *s = NULL;
    struct err e = {0};
    json_t *doc = parse(text);

    if (schema_compile_json(doc, opts, &s, &e) != RES_OK)
        fail_msg("%s: %s", text, e.text);
    json_decref(doc);
    return s;
}

static bool
write_finding(const struct schema_finding *f, void *arg)
{
    struct buf *b = arg;

    buf_printf(b, "%s %s %s", f->instance[0] ? f->instance : ".", f->keyword, f->location);
    if (f->property.p)
        buf_printf(b, " [%.*s]", STR_FMT(f->property));
    buf_char(b, '\n');
    return true;
}

/* Checks `instance` and compares what comes out, a line per finding. */
static void
expect(const struct schema *s, const char *instance, const char *want)
{
    struct buf b = buf_make(1 << 20);
    json_t *v = parse(instance);
    bool ok = schema_check(s, v, write_finding, &b);

    buf_z(&b, "");
    assert_string_equal(b.n ? b.p : "", want);
    assert_int_equal(ok, !want[0]);
    assert_int_equal(schema_valid(s, v), ok);
    buf_free(&b);
    json_decref(v);
}

static void
expect_of(const char *schema, const char *instance, const char *want)
{
    struct schema *s = compile(schema, NULL);

    expect(s, instance, want);
    schema_free(s);
}

static void
test_every_finding_at_once(void **state)
{
    struct schema *s =
        compile("{\"type\":\"object\",\"required\":[\"id\",\"nama\"],\"additionalProperties\":false,"
                "\"properties\":{\"id\":{\"type\":\"string\",\"pattern\":\"^[A-Z]+$\",\"maxLength\":3},"
                "\"umur\":{\"type\":\"integer\",\"minimum\":0},"
                "\"list\":{\"items\":{\"$ref\":\"#/$defs/kecil\"}}},"
                "\"$defs\":{\"kecil\":{\"maximum\":5}}}",
                NULL);

    (void)state;
    expect(s, "{\"id\":\"AB\",\"nama\":1}", ". additionalProperties #/additionalProperties [nama]\n");
    expect(s, "{\"id\":\"abcd\",\"umur\":-1.5,\"list\":[1,9,8],\"x\":0}",
           "/id maxLength #/properties/id/maxLength\n"
           "/id pattern #/properties/id/pattern\n"
           "/umur type #/properties/umur/type\n"
           "/umur minimum #/properties/umur/minimum\n"
           "/list/1 maximum #/$defs/kecil/maximum\n"
           "/list/2 maximum #/$defs/kecil/maximum\n"
           ". additionalProperties #/additionalProperties [x]\n"
           ". required #/required [nama]\n");
    expect(s, "7", ". type #/type\n");
    schema_free(s);
}

static void
test_branches_are_one_finding(void **state)
{
    (void)state;
    expect_of("{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}", "1", ". anyOf #/anyOf\n");
    expect_of("{\"oneOf\":[{\"minimum\":1},{\"minimum\":3}]}", "5", ". oneOf #/oneOf\n");
    expect_of("{\"oneOf\":[{\"minimum\":1},{\"minimum\":3}]}", "0", ". oneOf #/oneOf\n");
    expect_of("{\"not\":{\"type\":\"null\"}}", "null", ". not #/not\n");
    expect_of("{\"contains\":{\"const\":1}}", "[2,3]", ". contains #/contains\n");
    expect_of("{\"contains\":{\"const\":1},\"minContains\":2}", "[1,3]", ". minContains #/minContains\n");
    expect_of("{\"contains\":{\"const\":1},\"maxContains\":1}", "[1,1]", ". maxContains #/maxContains\n");
    expect_of("{\"allOf\":[{\"minimum\":3},{\"multipleOf\":2}]}", "1",
              ". minimum #/allOf/0/minimum\n. multipleOf #/allOf/1/multipleOf\n");
    expect_of("{\"if\":{\"const\":1},\"then\":{\"minimum\":3},\"else\":{\"maximum\":0}}", "1",
              ". minimum #/then/minimum\n");
    expect_of("{\"if\":{\"const\":1},\"then\":{\"minimum\":3},\"else\":{\"maximum\":0}}", "2",
              ". maximum #/else/maximum\n");
}

static void
test_property_names_in_findings(void **state)
{
    (void)state;
    expect_of("{\"propertyNames\":{\"maxLength\":2}}", "{\"a\":1,\"abc\":2}",
              ". maxLength #/propertyNames/maxLength [abc]\n");
    expect_of("{\"dependentRequired\":{\"a\":[\"b\",\"c\"]}}", "{\"a\":1,\"b\":2}",
              ". dependentRequired #/dependentRequired [c]\n");
    expect_of("{\"dependentSchemas\":{\"a\":{\"required\":[\"b\"]}}}", "{\"a\":1}",
              ". required #/dependentSchemas/a/required [b]\n");
    expect_of("{\"allOf\":[{\"properties\":{\"a\":true}}],\"unevaluatedProperties\":false}",
              "{\"a\":1,\"b\":2,\"c\":3}",
              ". unevaluatedProperties #/unevaluatedProperties [b]\n"
              ". unevaluatedProperties #/unevaluatedProperties [c]\n");
    expect_of("{\"prefixItems\":[true],\"unevaluatedItems\":false}", "[1,2,3]",
              ". unevaluatedItems #/unevaluatedItems\n");
    expect_of("{\"prefixItems\":[true],\"items\":false}", "[1,2,3]", ". items #/items\n");
    expect_of("{\"properties\":{\"a\":false}}", "{\"a\":1}", "/a false #/properties/a\n");
    expect_of("false", "{\"a\":1}", ". false #\n");
}

static void
test_pointers_are_escaped(void **state)
{
    (void)state;
    expect_of("{\"properties\":{\"a/b~c\":{\"items\":{\"type\":\"null\"}}}}", "{\"a/b~c\":[null,1,null,2]}",
              "/a~1b~0c/1 type #/properties/a~1b~0c/items/type\n"
              "/a~1b~0c/3 type #/properties/a~1b~0c/items/type\n");
    expect_of("{\"properties\":{\"\":{\"type\":\"null\"}}}", "{\"\":0}", "/ type #/properties//type\n");
    expect_of(
        "{\"$id\":\"https://example.org/a\",\"$defs\":{\"x\":{\"$id\":\"b\",\"maximum\":1}},\"$ref\":\"b\"}",
        "2", ". maximum https://example.org/b#/maximum\n");
    expect_of("{\"items\":{\"minimum\":1}}", "[1,1,1,1,1,1,1,1,1,1,0]", "/10 minimum #/items/minimum\n");
}

static bool
stop_at_two(const struct schema_finding *f, void *arg)
{
    unsigned *n = arg;

    assert_non_null(f->value);
    assert_int_equal(json_integer_value(f->expected), 5);
    return ++*n < 2;
}

static void
test_callback_can_stop(void **state)
{
    struct schema *s = compile("{\"items\":{\"maximum\":5}}", NULL);
    json_t *v = parse("[6,7,8,9,10]");
    unsigned n = 0;

    (void)state;
    assert_false(schema_check(s, v, stop_at_two, &n));
    assert_int_equal(n, 2);
    assert_false(schema_check(s, v, NULL, NULL));
    json_decref(v);
    schema_free(s);
}

static void
test_limits_end_a_check(void **state)
{
    struct schema_opts few = {.max_steps = 50, .max_depth = 20, .match_limit = 1000};
    struct schema *s = compile("{\"$ref\":\"#\"}", &few);

    (void)state;
    expect(s, "1", ". limit # [depth]\n");
    schema_free(s);
    s = compile("{\"items\":{\"type\":\"integer\"}}", &few);
    expect(s, "[1,2,3,4]", "");
    expect(s,
           "[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,"
           "9,0,1]",
           "/49 limit #/items [steps]\n");
    schema_free(s);
    s = compile("{\"not\":{\"pattern\":\"^(a+)+$\"}}", &few); /* must not turn into a success */
    expect(s, "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"", ". limit #/not [regex]\n");
    schema_free(s);
    s = compile("{\"properties\":{\"a\":{\"$ref\":\"#\"}}}", &few);
    expect(s, "{\"a\":{\"a\":{\"a\":1}}}", "");
    schema_free(s);
}

static json_t *
nested(unsigned depth)
{
    json_t *v = json_array();

    while (depth--) {
        json_t *outer = json_array();

        json_array_append_new(outer, v);
        v = outer;
    }
    return v;
}

static void
test_deep_documents(void **state)
{
    struct schema *s = compile("{\"items\":{\"$ref\":\"#\"}}", NULL);
    json_t *ok = nested(400);
    json_t *deep = nested(1500);

    (void)state;
    assert_true(schema_valid(s, ok));
    assert_false(schema_valid(s, deep));
    json_decref(ok);
    json_decref(deep);
    schema_free(s);
}

/* More than the run for the answer alone takes on. */
static void
test_long_documents(void **state)
{
    struct schema *s = compile("{\"items\":{\"type\":\"integer\"}}", NULL);
    json_t *doc = json_array();

    (void)state;
    for (int i = 0; i < 150000; i++)
        json_array_append_new(doc, json_integer(i));
    assert_true(schema_valid(s, doc));
    json_array_append_new(doc, json_string("x"));
    assert_false(schema_valid(s, doc));
    json_decref(doc);
    schema_free(s);
}

static void
test_bad_schemas_are_refused(void **state)
{
    static const char *const bad[][2] = {
        {"{\"type\":\"strin\"}", "#/type: "},
        {"{\"type\":5}", "#/type: "},
        {"{\"properties\":{\"a\":{\"minLength\":-1}}}", "#/properties/a/minLength: "},
        {"{\"maxItems\":1.5}", "#/maxItems: "},
        {"{\"items\":[true]}", "#/items: "},
        {"{\"properties\":[]}", "#/properties: "},
        {"{\"properties\":{\"a\":1}}", "#/properties: "},
        {"{\"patternProperties\":{\"(\":true}}", "#/patternProperties: "},
        {"{\"pattern\":\"a**\"}", "#/pattern: "},
        {"{\"pattern\":7}", "#/pattern: "},
        {"{\"required\":\"a\"}", "#/required: "},
        {"{\"required\":[1]}", "#/required: "},
        {"{\"enum\":1}", "#/enum: "},
        {"{\"allOf\":[]}", "#/allOf: "},
        {"{\"anyOf\":{}}", "#/anyOf: "},
        {"{\"prefixItems\":[]}", "#/prefixItems: "},
        {"{\"not\":[]}", "#/not: "},
        {"{\"multipleOf\":0}", "#/multipleOf: "},
        {"{\"minimum\":\"1\"}", "#/minimum: "},
        {"{\"uniqueItems\":1}", "#/uniqueItems: "},
        {"{\"contains\":true,\"minContains\":-1}", "#/minContains: "},
        {"{\"dependentRequired\":{\"a\":\"b\"}}", "#/dependentRequired: "},
        {"{\"$ref\":\"#/nowhere\"}", "#/$ref: "},
        {"{\"$ref\":\"#nowhere\"}", "#/$ref: "},
        {"{\"$ref\":\"https://example.org/none\"}", "https://example.org/none"},
        {"{\"$ref\":1}", "#/$ref: "},
        {"{\"$dynamicRef\":\"#none\"}", "#/$dynamicRef: "},
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", "2020-12"},
        {"5", "no schema"},
        {"[true]", "no schema"},
        {"{\"$defs\":{\"a\":{\"$id\":\"urn:x\"},\"b\":{\"$id\":\"urn:x\"}}}", "urn:x: two"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct schema *s = NULL;
        struct err e = {0};
        json_t *doc = parse(bad[i][0]);
        enum res rc = schema_compile_json(doc, NULL, &s, &e);

        json_decref(doc);
        if (rc != RES_REJECT || s || !strstr(e.text, bad[i][1]))
            fail_msg("%s: %s, '%s'", bad[i][0], res_name(rc), e.text);
    }
}

static void
test_strict(void **state)
{
    static const char *const bad[] = {
        "{\"maxlength\":3}",
        "{\"properties\":{\"a\":{\"required \":[]}}}",
        "{\"format\":\"no-such\"}",
        "{\"$schema\":\"https://example.org/unknown\"}",
    };
    struct schema_opts strict = {.strict = true, .format_assert = true};
    struct schema *s = compile("{\"x-note\":1,\"title\":\"a\",\"format\":\"date\"}", &strict);

    (void)state;
    schema_free(s);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *doc = parse(bad[i]);

        s = compile(bad[i], NULL);
        schema_free(s);
        assert_int_equal(schema_compile_json(doc, &strict, &s, NULL), RES_REJECT);
        json_decref(doc);
    }
}

static bool
starts_with(struct str s, void *arg)
{
    return str_starts(s, str_of(arg));
}

static void
test_own_formats(void **state)
{
    char head[] = "id:";
    struct schema_opts opts = {.format_assert = true};
    struct schema_set *set = schema_set_new();
    json_t *doc = parse("{\"properties\":{\"a\":{\"format\":\"kode\"},\"b\":{\"format\":\"date\"}}}");
    struct schema *judging;
    struct schema *silent;

    (void)state;
    assert_int_equal(schema_format_add(set, "kode", starts_with, head), RES_OK);
    assert_int_equal(schema_set_add(set, "urn:a", doc, NULL), RES_OK);
    assert_int_equal(schema_compile(set, "urn:a", &opts, &judging, NULL), RES_OK);
    assert_int_equal(schema_compile(set, "urn:a", NULL, &silent, NULL), RES_OK);
    schema_set_free(set);
    expect(judging, "{\"a\":\"id:1\",\"b\":\"2026-02-28\"}", "");
    expect(judging, "{\"a\":\"no\",\"b\":\"2026-02-29\"}",
           "/a format urn:a#/properties/a/format\n/b format urn:a#/properties/b/format\n");
    expect(judging, "{\"a\":1,\"b\":null}", "");
    expect(silent, "{\"a\":\"no\",\"b\":\"2026-02-29\"}", "");
    assert_true(schema_format_ok("ipv6", STR("::1")));
    assert_false(schema_format_ok("ipv6", STR(":1")));
    schema_free(judging);
    schema_free(silent);
    json_decref(doc);
}

static void
test_files(void **state)
{
    struct folder dir;
    struct schema_set *set = schema_set_new();
    struct err e = {0};
    struct schema *s;

    (void)state;
    folder_make(&dir);
    folder_write(&dir, "a.json", STR("{\"properties\":{\"b\":{\"$ref\":\"b.json#/$defs/x\"}}}"), 0600);
    folder_write(&dir, "b.json", STR("{\"$defs\":{\"x\":{\"type\":\"null\"}}}"), 0600);
    folder_write(&dir, "note.txt", STR("not JSON"), 0600);
    assert_int_equal(schema_set_add_dir(set, "https://example.org/s/", dir.path, &e), RES_OK);
    assert_int_equal(schema_compile(set, "https://example.org/s/a.json", NULL, &s, &e), RES_OK);
    expect(s, "{\"b\":1}", "/b type https://example.org/s/b.json#/$defs/x/type\n");
    schema_free(s);
    assert_int_equal(schema_compile(set, "https://example.org/s/b.json#/$defs/x", NULL, &s, &e), RES_OK);
    expect(s, "null", "");
    schema_free(s);
    assert_int_equal(schema_compile(set, "https://example.org/s/c.json", NULL, &s, &e), RES_REJECT);
    assert_null(s);
    schema_set_free(set);

    set = schema_set_new();
    folder_write(&dir, "c.json", STR("{\"a\":1,\"a\":2}"), 0600);
    err_clear(&e);
    assert_int_equal(schema_set_add_dir(set, "https://example.org/s/", dir.path, &e), RES_REJECT);
    assert_non_null(strstr(e.text, "c.json:1"));
    schema_set_free(set);
    folder_remove(&dir);
}

static void
test_relative_uris(void **state)
{
    struct schema_set *set = schema_set_new();
    json_t *api = parse(
        "{\"openapi\":\"3.1.0\",\"components\":{\"schemas\":{\"a b\":{\"$ref\":\"sub/kode.json#kode\"}}}}");
    json_t *kode = parse("{\"$defs\":{\"x\":{\"$anchor\":\"kode\",\"$ref\":\"../api.json#/components/n\"}}}");
    struct err e = {0};
    struct schema *s;

    (void)state;
    json_object_set_new(json_object_get(api, "components"), "n", parse("{\"minimum\":3}"));
    assert_int_equal(schema_set_add(set, "api.json", api, &e), RES_OK);
    assert_int_equal(schema_set_add(set, "sub/kode.json", kode, &e), RES_OK);
    assert_int_equal(schema_compile(set, "api.json#/components/schemas/a%20b", NULL, &s, &e), RES_OK);
    expect(s, "3", "");
    expect(s, "2", ". minimum api.json#/components/n/minimum\n");
    schema_free(s);
    assert_int_equal(schema_set_add(set, "api.json", api, &e), RES_REJECT);
    assert_non_null(strstr(e.text, "api.json: two"));
    schema_set_free(set);
    json_decref(api);
    json_decref(kode);
}

static void
test_set_is_not_needed_later(void **state)
{
    struct schema_set *set = schema_set_new();
    json_t *doc = parse(
        "{\"enum\":[{\"a\":[1,2.0]},\"x\"],\"$schema\":\"https://json-schema.org/draft/2020-12/schema\"}");
    struct schema *s;

    (void)state;
    assert_int_equal(schema_set_add(set, "urn:e", doc, NULL), RES_OK);
    json_object_clear(doc); /* a copy was taken */
    json_decref(doc);
    assert_int_equal(schema_compile(set, "urn:e", NULL, &s, NULL), RES_OK);
    schema_set_free(set);
    expect(s, "{\"a\":[1.0,2]}", "");
    expect(s, "\"x\"", "");
    expect(s, "\"y\"", ". enum urn:e#/enum\n");
    schema_free(s);
}

static void
test_meta_schema_judges_schemas(void **state)
{
    struct schema_set *set = schema_set_new();
    struct schema *s;

    (void)state;
    assert_int_equal(schema_compile(set, "https://json-schema.org/draft/2020-12/schema", NULL, &s, NULL),
                     RES_OK);
    schema_set_free(set);
    expect(s, "{\"properties\":{\"a\":{\"type\":\"string\"}}}", "");
    expect(s, "{\"properties\":{\"a\":{\"minLength\":-1}}}",
           "/properties/a/minLength minimum "
           "https://json-schema.org/draft/2020-12/meta/validation#/$defs/nonNegativeInteger/minimum\n");
    schema_free(s);
}

struct job {
    const struct schema *schema;
    const json_t *good, *bad;
    unsigned wrong;
};

static void *
check_often(void *arg)
{
    struct job *job = arg;

    for (int i = 0; i < 2000; i++)
        job->wrong += !schema_valid(job->schema, job->good) || schema_valid(job->schema, job->bad);
    return NULL;
}

static void
test_threads_share_a_schema(void **state)
{
    struct schema *s = compile("{\"items\":{\"pattern\":\"^[a-z]+[0-9]$\"},\"uniqueItems\":true}", NULL);
    json_t *good = parse("[\"ab1\",\"c2\",\"d3\",\"e4\",\"f5\",\"g6\",\"h7\",\"i8\",\"j9\",\"k1\"]");
    json_t *bad = parse("[\"ab1\",\"c2\",\"d3\",\"e4\",\"f5\",\"g6\",\"h7\",\"i8\",\"j9\",\"ab1\"]");
    struct job job[4];
    pthread_t thread[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        job[i] = (struct job){s, good, bad, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, check_often, &job[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(job[i].wrong, 0);
    }
    json_decref(good);
    json_decref(bad);
    schema_free(s);
}

static void
test_many_required_names(void **state)
{
    struct buf b = buf_make(1 << 16);
    struct schema *s;

    (void)state;
    buf_z(&b, "{\"properties\":{\"p0\":true},\"required\":[");
    for (int i = 0; i < 100; i++)
        buf_printf(&b, "%s\"p%d\"", i ? "," : "", i);
    buf_z(&b, "]}");
    s = compile(b.p, NULL);
    buf_reset(&b);
    buf_char(&b, '{');
    for (int i = 0; i < 99; i++)
        buf_printf(&b, "%s\"p%d\":0", i ? "," : "", i);
    buf_char(&b, '}');
    expect(s, b.p, ". required #/required [p99]\n");
    schema_free(s);
    buf_free(&b);
    expect_of("{\"properties\":{\"a\":{\"type\":\"null\"}},\"required\":[\"a\",\"zz\",\"a\"]}",
              "{\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"a\":1}",
              "/a type #/properties/a/type\n"
              ". required #/required [zz]\n");
}

/* The way of the check, and where the keyword stands: "/way location". */
static bool
write_path(const struct schema_finding *f, void *arg)
{
    struct buf *b = arg;

    schema_finding_path(f, b);
    buf_printf(b, " %s\n", f->location);
    return true;
}

static void
expect_paths(const char *schema, const char *instance, const char *want)
{
    struct schema *s = compile(schema, NULL);
    struct buf b = buf_make(1 << 20);
    json_t *v = parse(instance);

    assert_false(schema_check(s, v, write_path, &b));
    assert_string_equal(b.p, want);
    buf_free(&b);
    json_decref(v);
    schema_free(s);
}

static void
test_path_goes_through_references(void **state)
{
    (void)state;
    expect_paths("{\"items\":{\"$ref\":\"#/$defs/a\"},\"$defs\":{\"a\":{\"allOf\":[{\"minimum\":2}]}}}",
                 "[1]", "/items/$ref/allOf/0/minimum #/$defs/a/allOf/0/minimum\n");
    expect_paths("{\"properties\":{\"a\":{\"type\":\"null\"},\"b\":{\"$ref\":\"#/properties/a\"}}}",
                 "{\"b\":1}", "/properties/b/$ref/type #/properties/a/type\n");
    expect_paths("{\"properties\":{\"a/b~\":{\"prefixItems\":[true,false]}}}", "{\"a/b~\":[1,2]}",
                 "/properties/a~1b~0/prefixItems/1 #/properties/a~1b~0/prefixItems/1\n");
    expect_paths("{\"propertyNames\":{\"$ref\":\"#/$defs/n\"},\"$defs\":{\"n\":{\"maxLength\":1}}}",
                 "{\"ab\":1}", "/propertyNames/$ref/maxLength #/$defs/n/maxLength\n");
    expect_paths("{\"$dynamicRef\":\"#x\",\"$defs\":{\"x\":{\"$dynamicAnchor\":\"x\",\"const\":1}}}", "2",
                 "/$dynamicRef/const #/$defs/x/const\n");
    expect_paths("{\"additionalProperties\":false}", "{\"a\":1}",
                 "/additionalProperties #/additionalProperties\n");
}

/* A subschema with an $id has another location than the schema around it. */
static void
test_path_crosses_embedded_resources(void **state)
{
    (void)state;
    expect_paths("{\"properties\":{\"a/\":{\"$id\":\"urn:a\",\"maximum\":1}}}", "{\"a/\":2}",
                 "/properties/a~1/maximum urn:a#/maximum\n");
    expect_paths("{\"items\":{\"$id\":\"urn:i\",\"anyOf\":[false]}}", "[0]", "/items/anyOf urn:i#/anyOf\n");
    expect_paths("{\"allOf\":[true,{\"$id\":\"urn:b\",\"not\":{}}]}", "0", "/allOf/1/not urn:b#/not\n");
}

struct shelf { /* what a loader was asked for */
    unsigned asked;
    enum res answer;
};

static enum res
load_from_shelf(const char *uri, json_t **doc, void *arg, struct err *e)
{
    struct shelf *shelf = arg;

    shelf->asked++;
    *doc = NULL;
    if (shelf->answer != RES_OK)
        return err_set(e, shelf->answer, "the shelf fell");
    if (strcmp(uri, "https://example.org/s/b") == 0)
        *doc = parse("{\"$ref\":\"c#/$defs/n\"}");
    if (strcmp(uri, "https://example.org/s/c") == 0)
        *doc = parse("{\"$defs\":{\"n\":{\"minimum\":3}}}");
    return RES_OK;
}

static enum res
compile_from_shelf(struct shelf *shelf, const char *text, struct schema **ret, struct err *e)
{
    struct schema_set *set = schema_set_new();
    json_t *doc = parse(text);
    enum res rc;

    schema_set_loader(set, load_from_shelf, shelf);
    assert_int_equal(schema_set_add(set, "https://example.org/s/a", doc, e), RES_OK);
    rc = schema_compile(set, "https://example.org/s/a", NULL, ret, e);
    json_decref(doc);
    schema_set_free(set);
    return rc;
}

static void
test_loader_is_asked_for_what_is_missing(void **state)
{
    const char *twice = "{\"items\":{\"$ref\":\"b\"},\"contains\":{\"$ref\":\"b\"},\"not\":{\"$ref\":"
                        "\"https://json-schema.org/draft/2020-12/schema\"}}";
    struct shelf shelf = {0};
    struct schema *s = NULL;
    struct err e = {0};

    (void)state;
    assert_int_equal(compile_from_shelf(&shelf, twice, &s, &e), RES_OK);
    assert_int_equal(shelf.asked, 2); /* each once, the meta-schema never */
    expect(s, "[2,4]", "/0 minimum https://example.org/s/c#/$defs/n/minimum\n");
    schema_free(s);
    assert_int_equal(compile_from_shelf(&shelf, "{\"$ref\":\"d\"}", &s, &e), RES_REJECT);
    assert_string_equal(e.text,
                        "https://example.org/s/a#/$ref: no schema with the URI 'https://example.org/s/d' has "
                        "been added");
    err_clear(&e);
    shelf.answer = RES_RETRY;
    assert_int_equal(compile_from_shelf(&shelf, "{\"$ref\":\"d\"}", &s, &e), RES_RETRY);
    assert_non_null(strstr(e.text, "the shelf fell"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_finding_at_once),
        cmocka_unit_test(test_branches_are_one_finding),
        cmocka_unit_test(test_property_names_in_findings),
        cmocka_unit_test(test_pointers_are_escaped),
        cmocka_unit_test(test_callback_can_stop),
        cmocka_unit_test(test_limits_end_a_check),
        cmocka_unit_test(test_deep_documents),
        cmocka_unit_test(test_long_documents),
        cmocka_unit_test(test_bad_schemas_are_refused),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_own_formats),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_relative_uris),
        cmocka_unit_test(test_set_is_not_needed_later),
        cmocka_unit_test(test_meta_schema_judges_schemas),
        cmocka_unit_test(test_threads_share_a_schema),
        cmocka_unit_test(test_many_required_names),
        cmocka_unit_test(test_path_goes_through_references),
        cmocka_unit_test(test_path_crosses_embedded_resources),
        cmocka_unit_test(test_loader_is_asked_for_what_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
