/* The single pass (prove.h). Input: a byte whose lowest bit says what follows.
 *   0: a form, held to the two schemas of PA.20; rules_judge must say what rules_check says. Bit 1: not the form, but lines
 *      of what is other in it than in an example, `"name":value`, or `"name":` for a member that is taken out: most such
 *      forms are valid, or nearly so. The other bits are what is known beside the form.
 *   1: a schema, a newline, an instance. Bit 1: strict, with formats; bit 2: a second schema stands before the instance. */
#include "common/base/file.h"
#include "tests/fuzz/prove.h"
#include "workers/sop/rules/rules_priv.h"
#include "workers/sop/rules/source.h"

enum { SCHEMAS = 1, CHANGES = 2, STRICT = 2, TWO = 4, LETTER = 64, EVENT = 128 };

static const char *const pick[] = {"a", "b", "foo", "bar", "", "x-a", "\xc3\xa9"};
enum { PICKS = sizeof pick / sizeof *pick };

static struct rules *rules; /* made once: to load them takes longer than many inputs */
static struct tape *tape;   /* used again and again, as the validator does */
static struct str example;  /* what changes are made to */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct err e = {0};

    (void)argc;
    (void)argv;
    if (rules_load("schemas/forms", "schemas/data/opd.csv", &rules, &e) != RES_OK)
        fprintf(stderr, "%s\n", e.text);
    MUST(rules);
    MUST(tape = rules_tape(rules));
    example.p = file_read("schemas/examples/selesai.json", SOURCE_MAX, &example.n, &e);
    MUST(example.p);
    return 0;
}

/* ---- forms ------------------------------------------------------------------------------------------------------ */

static enum known
known_of(unsigned two_bits)
{
    static const enum known all[] = {KNOWN_NOT, KNOWN_NO, KNOWN_YES, KNOWN_NOT};

    return all[two_bits & 3];
}

static struct form_context
context_of(unsigned bits)
{
    struct form_context ctx = {.original_active = known_of(bits >> 2),
                               .duplicate_open = known_of(bits >> 4),
                               .letter_seen = bits & LETTER ? KNOWN_YES : KNOWN_NOT};

    MUST(caltime_date_parse(STR("2025-10-06"), &ctx.today));
    if (bits & EVENT) {
        ctx.subject = STR("2.15.01-DEMO-001");
        ctx.revisi = 1;
    }
    return ctx;
}

/* Both ways to the findings, which is what the validator goes by. */
static void
judge(struct str form, const struct form_context *ctx, bool proved)
{
    struct buf full = buf_make(1 << 20), brief = buf_make(1 << 20);
    bool in_full = false;
    struct rules_count n = rules_check(rules, form, ctx, &full);
    struct rules_count m = rules_judge(rules, tape, form, ctx, &brief, &in_full);

    MUST(!full.failed && !brief.failed);
    if (!str_eq(buf_view(&full), buf_view(&brief)))
        fprintf(stderr, "%.*s\nand the short way\n%.*s\n", STR_FMT(buf_view(&full)),
                STR_FMT(buf_view(&brief)));
    MUST(str_eq(buf_view(&full), buf_view(&brief)));
    MUST(n.errors == m.errors && n.notes == m.notes && in_full == !proved);
    buf_free(&full);
    buf_free(&brief);
}

static void
form(struct str text, unsigned bits)
{
    const struct schema *const both[] = {rules->errors, rules->notes};
    struct form_context ctx = context_of(bits);
    bool proved = prove(rules->fast, tape, both, 2, rules->names, rules->nnames, text);

    if (scan_document(text, NULL) == RES_OK) /* as rules_check demands */
        judge(text, &ctx, proved);
}

/* The line off `rest`, without its end. */
static struct str
take_line(struct str *rest)
{
    const char *end = memchr(rest->p, '\n', rest->n);
    struct str line = {rest->p, end ? (size_t)(end - rest->p) : rest->n};

    rest->p += line.n + (end != NULL);
    rest->n -= line.n + (end != NULL);
    return line;
}

/* `key` is the raw name of a member, without its quotes. */
static bool
is_changed(struct str lines, struct str key)
{
    while (lines.n) {
        struct str line = take_line(&lines);

        if (line.n >= key.n + 3 && line.p[0] == '"' && memcmp(line.p + 1, key.p, key.n) == 0 &&
            memcmp(line.p + 1 + key.n, "\":", 2) == 0)
            return true;
    }
    return false;
}

static void
put_member(struct buf *out, struct str member)
{
    buf_char(out, out->n ? ',' : '{');
    buf_str(out, member);
}

/* The example with these lines in place of its own members. */
static void
change(struct str lines, struct buf *out)
{
    struct scan_iter it = scan_iter(example);

    while (scan_next(&it))
        if (!is_changed(lines, it.key))
            put_member(out, (struct str){it.key.p - 1, (size_t)(it.value.p + it.value.n - it.key.p + 1)});
    while (lines.n) {
        struct str line = take_line(&lines);

        if (line.n && line.p[line.n - 1] != ':')
            put_member(out, line);
    }
    buf_char(out, '}');
}

static void
changed(struct str lines, unsigned bits)
{
    struct buf out = buf_make(1 << 20);
    char *text;

    change(lines, &out);
    MUST(!out.failed && (text = malloc(out.n))); /* without the room that is behind it in `out` */
    memcpy(text, out.p, out.n);
    form((struct str){text, out.n}, bits);
    free(text);
    buf_free(&out);
}

/* ---- schemas ---------------------------------------------------------------------------------------------------- */

/* The line off `rest`, compiled; NULL when it is no schema. */
static struct schema *
take_schema(struct str *rest, bool strict)
{
    const struct schema_opts opts = {
        .max_steps = 50000, .max_depth = 300, .match_limit = 5000, .format_assert = strict, .strict = strict};
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : 0;
    json_t *doc = end ? json_loadb(rest->p, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL) : NULL;
    struct schema *s = NULL;
    struct err e = {0};

    if (doc)
        schema_compile_json(doc, &opts, &s, &e);
    if (s)
        *rest = (struct str){end + 1, rest->n - n - 1};
    json_decref(doc);
    return s;
}

static void
instance(const struct schema *const *all, unsigned n, struct str text)
{
    struct schema_fast *f = NULL;
    struct tape *t = NULL;
    struct err e = {0};
    enum res rc = schema_fast_new(all, n, pick, PICKS, &f, &e);

    MUST(rc == RES_OK ? f != NULL : rc == RES_REJECT && !f && e.text[0]);
    if (!f)
        return;
    MUST(t = schema_fast_tape(f));
    prove(f, t, all, n, pick, PICKS, text);
    tape_free(t);
    schema_fast_free(f);
}

static void
schemas(struct str rest, unsigned bits)
{
    unsigned n = bits & TWO ? 2 : 1;
    struct schema *s[2] = {NULL, NULL};

    s[0] = take_schema(&rest, bits & STRICT);
    if (s[0] && n == 2)
        s[1] = take_schema(&rest, bits & STRICT);
    if (s[n - 1])
        instance((const struct schema *const *)s, n, rest);
    schema_free(s[0]);
    schema_free(s[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text; /* its own bytes, so that a step beyond them shows */

    if (n < 2)
        return 0;
    MUST(text = malloc(n - 1));
    memcpy(text, data + 1, n - 1);
    if (data[0] & SCHEMAS)
        schemas((struct str){text, n - 1}, data[0]);
    else if (data[0] & CHANGES)
        changed((struct str){text, n - 1}, data[0]);
    else
        form((struct str){text, n - 1}, data[0]);
    free(text);
    return 0;
}
