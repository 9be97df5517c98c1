/* Reads lines "[schema, instance, ...]" and answers each with a line "[[valid, [[instance, keyword, location], ...]],
 * ...]", or with a string that says why the schema was refused. For tests that compare with other implementations. */
#include "common/json/schema.h"

#include <stdio.h>
#include <stdlib.h>

static bool
collect(const struct schema_finding *f, void *arg)
{
    return json_array_append_new(arg, json_pack("[sss]", f->instance, f->keyword, f->location)) == 0;
}

static json_t *
check(const struct schema *s, const json_t *v)
{
    json_t *findings = json_array();
    bool valid = schema_check(s, v, collect, findings);

    if (valid != schema_valid(s, v)) {
        fprintf(stderr, "schema_valid and schema_check differ\n");
        exit(1);
    }
    return json_pack("[bo]", valid, findings);
}

static json_t *
answer(const json_t *line)
{
    struct schema *s = NULL;
    struct err e = {0};
    json_t *out;

    if (schema_compile_json(json_array_get(line, 0), NULL, &s, &e) != RES_OK)
        return json_string(e.text);
    out = json_array();
    for (size_t i = 1; i < json_array_size(line); i++)
        json_array_append_new(out, check(s, json_array_get(line, i)));
    schema_free(s);
    return out;
}

int
main(void)
{
    char *text = NULL;
    size_t cap = 0;

    while (getline(&text, &cap, stdin) > 0) {
        json_error_t je;
        json_t *line = json_loads(text, 0, &je);
        json_t *out;

        if (!line) {
            fprintf(stderr, "%s\n", je.text);
            return 1;
        }
        out = answer(line);
        json_dumpf(out, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(out);
        json_decref(line);
    }
    free(text);
    return 0;
}
