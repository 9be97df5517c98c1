/* Runs the official JSON-Schema-Test-Suite (draft 2020-12). Usage: suite DIR EXPECTED-FAILURES.
 * Prints every case that does not go as expected and ends with "N passed, N failed". */
#include "common/json/schema_fast.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

struct suite {
    char remote_dir[1024];
    json_t *expected; /* "file | description | case" -> reason */
    unsigned passed, failed, known;
    unsigned valid, proved; /* cases that are valid, and how many of them the single pass could prove */
    char file[256];
    bool optional;
    bool format_assert;
};

struct judges {
    struct schema *schema;
    struct schema_fast *fast;
};

static json_t *
load(const char *path)
{
    json_error_t je;
    json_t *doc = json_load_file(path, JSON_ALLOW_NUL | JSON_DECODE_ANY, &je);

    if (!doc) /* integers beyond 64 bits */
        doc = json_load_file(path, JSON_ALLOW_NUL | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &je);
    if (!doc)
        fprintf(stderr, "%s:%d: %s\n", path, je.line, je.text);
    return doc;
}

static void
read_expected(struct suite *s, const char *path)
{
    FILE *f = fopen(path, "r");
    char line[1024];
    char last[1024] = "";

    s->expected = json_object();
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || !line[0])
            snprintf(last, sizeof last, "%s", line[0] ? line + 2 : "");
        else
            json_object_set_new(s->expected, line, json_string(last));
    }
    if (f)
        fclose(f);
}

static void
verdict(struct suite *s, const char *group, const char *name, bool ok, const char *why)
{
    char key[1024];
    const char *reason;

    snprintf(key, sizeof key, "%s | %s | %s", s->file, group, name);
    reason = json_string_value(json_object_get(s->expected, key));
    if (ok && !reason) {
        s->passed++;
    } else if (ok) {
        printf("PASSES, but is listed as an expected failure: %s\n", key);
        s->failed++;
    } else if (reason && s->optional) {
        printf("not passed (%s): %s\n", reason, key);
        s->known++;
    } else {
        printf("FAILED: %s%s%s\n", key, why ? ": " : "", why ? why : "");
        s->failed++;
    }
}

static bool
count(const struct schema_finding *f, void *arg)
{
    unsigned *n = arg;

    ++*n;
    return f->instance && f->keyword && f->location;
}

/* Whether the single pass over the bytes proves the document valid. */
static bool
proved(const struct schema_fast *fast, const json_t *data)
{
    char *text = json_dumps(data, JSON_ENCODE_ANY | JSON_COMPACT);
    struct tape *tape = schema_fast_tape(fast);
    bool ok = schema_fast_valid(fast, tape, str_of(text), NULL);

    tape_free(tape);
    free(text);
    return ok;
}

/* All ways of asking have to agree with the suite, and findings come exactly with a false. */
static void
run_case(struct suite *s, const char *group, const struct judges *j, const json_t *test)
{
    const struct schema *schema = j->schema;
    const json_t *data = json_object_get(test, "data");
    bool want = json_is_true(json_object_get(test, "valid"));
    unsigned findings = 0;
    bool fast = schema_valid(schema, data);
    bool full = schema_check(schema, data, count, &findings);
    bool single = proved(j->fast, data);
    const char *why = fast != full              ? "flag and findings differ"
                      : full != (findings == 0) ? "verdict and findings differ"
                      : single && !full         ? "the single pass proves what is invalid"
                                                : NULL;

    s->valid += want;
    s->proved += single;
    verdict(s, group, json_string_value(json_object_get(test, "description")), !why && full == want, why);
}

static void
run_group(struct suite *s, const json_t *group)
{
    const char *name = json_string_value(json_object_get(group, "description"));
    struct schema_opts opts = {.format_assert = s->format_assert};
    struct schema_set *set = schema_set_new();
    struct judges j = {0};
    struct err e = {0};
    const json_t *tests = json_object_get(group, "tests");

    if (schema_set_add_dir(set, "http://localhost:1234/", s->remote_dir, &e) == RES_OK &&
        schema_set_add(set, "test:", json_object_get(group, "schema"), &e) == RES_OK)
        schema_compile(set, "test:", &opts, &j.schema, &e);
    schema_set_free(set);
    if (j.schema)
        schema_fast_new((const struct schema *const *)&j.schema, 1, NULL, 0, &j.fast, &e);
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);

        if (j.fast)
            run_case(s, name, &j, test);
        else
            verdict(s, name, json_string_value(json_object_get(test, "description")), false, e.text);
    }
    schema_fast_free(j.fast);
    schema_free(j.schema);
}

static int
json_only(const struct dirent *d)
{
    return str_ends(str_of(d->d_name), STR(".json"));
}

static void
run_dir(struct suite *s, const char *dir, const char *sub)
{
    struct dirent **entry = NULL;
    char path[2048];
    json_t *doc;
    int n;

    snprintf(path, sizeof path, "%s/tests/draft2020-12/%s", dir, sub);
    n = scandir(path, &entry, json_only, alphasort);
    if (n <= 0) {
        printf("FAILED: nothing in %s\n", path);
        s->failed++;
    }
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/tests/draft2020-12/%s%s", dir, sub, entry[i]->d_name);
        snprintf(s->file, sizeof s->file, "%s%s", sub, entry[i]->d_name);
        doc = load(path);
        s->failed += !doc;
        for (size_t k = 0; k < json_array_size(doc); k++)
            run_group(s, json_array_get(doc, k));
        json_decref(doc);
        free(entry[i]);
    }
    free(entry);
}

int
main(int argc, char **argv)
{
    struct suite s = {0};
    unsigned required;

    if (argc != 3) {
        fprintf(stderr, "usage: %s DIR EXPECTED-FAILURES\n", argv[0]);
        return 2;
    }
    snprintf(s.remote_dir, sizeof s.remote_dir, "%s/remotes", argv[1]);
    read_expected(&s, argv[2]);
    run_dir(&s, argv[1], "");
    required = s.passed;
    printf("draft2020-12 required: %u passed, %u failed\n", s.passed, s.failed);
    s.optional = true;
    run_dir(&s, argv[1], "optional/");
    s.format_assert = true;
    run_dir(&s, argv[1], "optional/format/");
    if (s.known != json_object_size(s.expected)) {
        printf("FAILED: %s lists cases that do not exist\n", argv[2]);
        s.failed++;
    }
    printf("optional: %u passed, %u not passed for a stated reason\n", s.passed - required, s.known);
    printf("single pass: proves %u of the %u valid documents, and no other\n", s.proved, s.valid);
    printf("%u passed, %u failed\n", s.passed, s.failed);
    json_decref(s.expected);
    return s.failed ? 1 : 0;
}
