/* Every case file of tests/cases/pa20: the findings of form PA.20, exactly, as the validator makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/caltime.h"
#include "workers/sop/rules/rules.c"

enum { CASES_MAX = 4096 };

struct bench {
    struct rules *rules;
    json_t *form;
};

static json_t *
merge_patch(json_t *target, json_t *patch)
{
    const char *key;
    json_t *value;

    if (!json_is_object(patch))
        return json_deep_copy(patch);
    target = json_is_object(target) ? json_deep_copy(target) : json_object();
    json_object_foreach (patch, key, value) {
        if (json_is_null(value))
            json_object_del(target, key);
        else
            json_object_set_new(target, key, merge_patch(json_object_get(target, key), value));
    }
    return target;
}

static json_t *
load(const char *path)
{
    json_error_t je;
    json_t *j = json_load_file(path, 0, &je);

    if (!j)
        fail_msg("%s line %d: %s", path, je.line, je.text);
    return j;
}

/* "kode lokasi" of each finding but those of rules by name, which depend on today and on tables. */
static json_t *
as_set(const struct rules *r, json_t *list)
{
    struct checking c = {.r = r};
    json_t *set = json_object();
    size_t i;
    json_t *f;

    json_array_foreach (list, i, f) {
        const char *code = json_string_value(json_object_get(f, "kode"));
        const json_t *entry = rule_entry(&c, code);
        char key[600];

        assert_non_null(entry);
        if (json_is_true(json_object_get(entry, "aturan")))
            continue;
        snprintf(key, sizeof key, "%s %s", code, json_string_value(json_object_get(f, "lokasi")));
        json_object_set_new(set, key, json_true());
    }
    return set;
}

static json_t *
findings(const struct bench *b, json_t *form)
{
    struct buf out = buf_make(1 << 20);
    char *text = json_dumps(form, JSON_COMPACT);
    const char *nomor = json_string_value(json_object_get(form, "nomor_permohonan"));
    struct form_context ctx = {.subject = str_of(nomor ? nomor : "X"), .today = 20700};
    struct rules_count n = rules_check(b->rules, str_of(text), &ctx, &out);
    json_t *list = json_loads(out.p, 0, NULL);

    assert_non_null(list);
    assert_int_equal(json_array_size(list), n.errors + n.notes);
    free(text);
    buf_free(&out);
    return list;
}

static struct bench shared; /* loaded once by the group's set-up */

static int
set_up(void **state)
{
    struct err e = {0};

    (void)state;
    if (rules_load("schemas/forms", "schemas/data/opd.csv", &shared.rules, &e) != RES_OK) {
        print_error("%s\n", e.text);
        return -1;
    }
    shared.form = load("schemas/examples/selesai.json");
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    rules_free(shared.rules);
    json_decref(shared.form);
    return 0;
}

static void
compare(const char *path, json_t *c)
{
    json_t *form = merge_patch(shared.form, json_object_get(c, "beda"));
    json_t *list = findings(&shared, form);
    json_t *got = as_set(shared.rules, list);
    json_t *want = as_set(shared.rules, json_object_get(c, "temuan"));
    char *a = json_dumps(got, JSON_SORT_KEYS);
    char *z = json_dumps(want, JSON_SORT_KEYS);
    bool same = strcmp(a, z) == 0;

    if (!same)
        print_error("%s\n  found  %s\n  wanted %s\n", path, a, z);
    free(a);
    free(z);
    json_decref(want);
    json_decref(got);
    json_decref(list);
    json_decref(form);
    assert_true(same);
}

static void
check_case(void **state)
{
    const char *path = *state;
    json_t *c = load(path);
    bool waits = json_object_get(c, "butuh") != NULL; /* for a format that is not asserted yet */

    if (!waits)
        compare(path, c);
    json_decref(c);
    if (waits)
        skip();
}

/* The same column twice, an error and a note at one place, a form that is no object. */
static void
no_object(void **state)
{
    struct buf out = buf_make(1 << 20);
    struct form_context ctx = {.subject = STR("X-1"), .today = 20700};
    struct rules_count n = rules_check(shared.rules, STR("[1]"), &ctx, &out);

    (void)state;
    assert_int_equal(n.errors, 1);
    assert_int_equal(n.notes, 0);
    buf_free(&out);
}

static size_t
list_cases(const char *dir, struct CMUnitTest *tests, size_t n)
{
    struct dirent **names;
    int count = scandir(dir, &names, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        char *path = NULL;

        if (strstr(names[i]->d_name, ".json") && n < CASES_MAX &&
            asprintf(&path, "%s/%s", dir, names[i]->d_name) > 0)
            tests[n++] = (struct CMUnitTest){strrchr(path, '/') + 1, check_case, NULL, NULL, path};
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return n;
}

int
main(void)
{
    struct CMUnitTest *tests = calloc(CASES_MAX + 1, sizeof *tests);
    size_t n = list_cases("tests/cases/pa20/good", tests, 0);
    int failed;

    n = list_cases("tests/cases/pa20/bad", tests, n);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(no_object);
    failed = n < 2 ? 1 : _cmocka_run_group_tests("rules", tests, n, set_up, tear_down);
    for (size_t i = 0; i + 1 < n; i++)
        free(tests[i].initial_state);
    free(tests);
    return failed;
}
