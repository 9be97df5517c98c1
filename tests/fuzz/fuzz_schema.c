/* The schema engine. Input: a schema, a newline, an instance. Compiling and checking must end, both ways of asking must
 * agree, and so must the single pass (prove.h). */
#include "common/json/schema.h"
#include "tests/fuzz/prove.h"

static const struct schema_opts opts[] = {
    {.max_steps = 50000, .max_depth = 300, .match_limit = 5000},
    {.max_steps = 50000, .max_depth = 300, .match_limit = 5000, .format_assert = true, .strict = true},
};

static json_t *
parse(struct str text)
{
    return json_loadb(text.n ? text.p : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL,
                      NULL);
}

/* What every finding has; the way ends in the keyword, unless it is that of a schema. */
static bool
look(const struct schema_finding *f, void *arg)
{
    struct buf path = buf_make((size_t)1 << 22);
    bool whole = strcmp(f->keyword, "false") == 0 || strcmp(f->keyword, "limit") == 0;
    unsigned *n = arg;

    ++*n;
    schema_finding_path(f, &path);
    MUST(!path.failed);
    MUST(whole || str_ends(buf_view(&path), str_of(f->keyword)));
    MUST(whole || str_ends(str_of(f->location), str_of(f->keyword)));
    MUST(strchr(f->location, '#') && f->value && (!f->instance[0] || f->instance[0] == '/'));
    MUST(whole || f->expected);
    buf_free(&path);
    return *n < 1000;
}

static void
check(const struct schema *s, const json_t *instance)
{
    unsigned n = 0;
    bool valid = schema_valid(s, instance);

    MUST(schema_check(s, instance, look, &n) == valid);
    MUST(valid == (n == 0));
    MUST(schema_check(s, instance, NULL, NULL) == valid);
}

/* `text` is the instance as it was written. */
static void
check_fast(const struct schema *s, struct str text)
{
    struct schema_fast *f = NULL;
    struct tape *t = NULL;
    struct err e = {0};
    enum res rc = schema_fast_new(&s, 1, NULL, 0, &f, &e);

    MUST(rc == RES_OK ? f != NULL : rc == RES_REJECT && !f && e.text[0]);
    if (!f)
        return;
    MUST(t = schema_fast_tape(f));
    prove(f, t, &s, 1, NULL, 0, text);
    tape_free(t);
    schema_fast_free(f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *text = (const char *)data;
    const char *end = n ? memchr(text, '\n', n) : NULL;
    size_t head = end ? (size_t)(end - text) : n;
    json_t *doc = parse((struct str){text, head});
    json_t *instance = end ? parse((struct str){end + 1, n - head - 1}) : NULL;

    for (size_t i = 0; doc && instance && i < sizeof opts / sizeof *opts; i++) {
        struct schema *s = NULL;
        struct err e = {0};
        enum res rc = schema_compile_json(doc, &opts[i], &s, &e);

        MUST((rc == RES_OK) == (s != NULL));
        MUST(rc == RES_OK || (rc == RES_REJECT && e.text[0]));
        if (s) {
            check(s, instance);
            check_fast(s, (struct str){end + 1, n - head - 1});
        }
        schema_free(s);
    }
    json_decref(doc);
    json_decref(instance);
    return 0;
}
