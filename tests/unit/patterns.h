/* patterns: every `pattern` and every name of `patternProperties` in the schemas of this repository. Include once per
 * program, after cmocka.h. */
#ifndef TESTS_UNIT_PATTERNS_H
#define TESTS_UNIT_PATTERNS_H

#include <glob.h>
#include <jansson.h>
#include <string.h>

typedef void (*pattern_fn)(const char *file, const char *pattern, void *arg);

static void
patterns_walk(const char *file, json_t *v, pattern_fn fn, void *arg)
{
    const char *key;
    const char *name;
    json_t *sub;
    json_t *named;
    size_t i;

    json_object_foreach (v, key, sub) {
        if (strcmp(key, "pattern") == 0 && json_is_string(sub))
            fn(file, json_string_value(sub), arg);
        if (strcmp(key, "patternProperties") == 0)
            json_object_foreach (sub, name, named)
                fn(file, name, arg);
        patterns_walk(file, sub, fn, arg);
    }
    json_array_foreach (v, i, sub)
        patterns_walk(file, sub, fn, arg);
}

static void
patterns_each(pattern_fn fn, void *arg)
{
    glob_t g;

    assert_int_equal(glob("schemas/forms/*.json", 0, NULL, &g), 0);
    assert_int_equal(glob("schemas/events/*.json", GLOB_APPEND, NULL, &g), 0);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        json_t *v = json_load_file(g.gl_pathv[i], 0, NULL);

        assert_non_null(v);
        patterns_walk(strrchr(g.gl_pathv[i], '/') + 1, v, fn, arg);
        json_decref(v);
    }
    globfree(&g);
}

#endif
