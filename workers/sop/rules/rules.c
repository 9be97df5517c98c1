#include "workers/sop/rules/rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/json/scan.h"
#include "workers/sop/rules/format.h"
#include "workers/sop/rules/rules_priv.h"

enum { PATH_BYTES = 4096 };
enum { FORM, NOTES, FINDINGS, RULES, TABLE, SOURCES };

static const char *const names[] = {"pa20.schema.json", "pa20.notes.schema.json", "pa20.findings.json",
                                    "pa20.rules.json"};

/* ---- loading ---------------------------------------------------------------------------------------------------- */

static enum res
read_sources(const char *dir, const char *opd_file, struct source from[SOURCES], struct err *e)
{
    enum res res = RES_OK;

    for (unsigned i = 0; i < TABLE && res == RES_OK; i++) {
        char path[PATH_BYTES];

        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        res = source_read(path, &from[i], e);
    }
    return res == RES_OK ? source_read(opd_file, &from[TABLE], e) : res;
}

/* The schema location comes first: it is what the reader mends. */
static enum res
compile(const char *dir, const char *name, const json_t *doc, struct schema **ret, struct err *e)
{
    struct schema_set *set = schema_set_new();
    struct schema_opts opts = {.format_assert = true, .strict = true};
    struct err why = {0};
    enum res res;

    if (!set)
        return err_set(e, RES_FATAL, "out of memory");
    res = format_add_all(set, &why);
    if (res == RES_OK)
        res = schema_set_add(set, name, doc, &why);
    if (res == RES_OK)
        res = schema_compile(set, name, &opts, ret, &why);
    schema_set_free(set);
    return res == RES_OK ? res : err_set(e, RES_FATAL, "%s in %s", why.text, dir);
}

static enum res
load_schemas(struct rules *r, const char *dir, const struct source from[SOURCES], struct err *e)
{
    json_t *notes = NULL;
    enum res res = RES_FATAL;

    r->form = source_json(&from[FORM], e); /* kept to see what members there are */
    if (r->form)
        res = compile(dir, names[FORM], r->form, &r->errors, e);
    if (res == RES_OK && !(notes = source_json(&from[NOTES], e)))
        res = RES_FATAL;
    if (res == RES_OK)
        res = compile(dir, names[NOTES], notes, &r->notes, e);
    json_decref(notes);
    return res;
}

static enum res
make_fast(struct rules *r, const char *dir, struct err *e)
{
    const struct schema *const both[] = {r->errors, r->notes};
    struct err why = {0};

    if (schema_fast_new(both, 2, r->names, r->nnames, &r->fast, &why) == RES_OK)
        return RES_OK;
    return err_set(e, RES_FATAL, "%s in %s", why.text, dir);
}

static enum res
hash_sources(const struct source from[SOURCES], char out[2 * HASH_SIZE + 1], struct err *e)
{
    unsigned char digest[HASH_SIZE];
    struct hash *h = NULL;

    if (hash_new(&h, e) != RES_OK)
        return RES_FATAL;
    for (unsigned i = 0; i < SOURCES; i++) {
        char head[32];

        snprintf(head, sizeof head, "%zu:", from[i].n); /* so that no byte can move to the next file unseen */
        hash_add(h, str_of(head));
        hash_add(h, source_bytes(&from[i]));
    }
    hash_end(h, digest);
    hash_hex(digest, HASH_SIZE, out);
    hash_free(h);
    return RES_OK;
}

static enum res
load_all(struct rules *r, const char *dir, const struct source from[SOURCES], struct err *e)
{
    enum res res = load_schemas(r, dir, from, e);

    if (res == RES_OK)
        res = catalogue_load(&from[FINDINGS], &r->catalogue, e);
    if (res == RES_OK)
        res = named_load(r, &from[RULES], e);
    if (res == RES_OK)
        res = opd_parse(source_bytes(&from[TABLE]), from[TABLE].path, &r->opd, e);
    if (res == RES_OK)
        res = make_fast(r, dir, e);
    json_decref(r->form);
    r->form = NULL;
    return res == RES_OK ? hash_sources(from, r->hash, e) : res;
}

enum res
rules_load(const char *dir, const char *opd_file, struct rules **ret, struct err *e)
{
    struct rules *r = calloc(1, sizeof *r);
    struct source from[SOURCES] = {0};
    enum res res;

    *ret = NULL;
    if (!r)
        return err_set(e, RES_FATAL, "out of memory");
    res = read_sources(dir, opd_file, from, e);
    if (res == RES_OK)
        res = load_all(r, dir, from, e);
    for (unsigned i = 0; i < SOURCES; i++)
        source_free(&from[i]);
    if (res == RES_OK)
        *ret = r;
    else
        rules_free(r);
    return res;
}

void
rules_free(struct rules *r)
{
    if (!r)
        return;
    schema_fast_free(r->fast); /* before what it looks into */
    schema_free(r->errors);
    schema_free(r->notes);
    catalogue_free(r->catalogue);
    opd_free(r->opd);
    for (size_t i = 0; i < r->nrules; i++)
        free(r->rule[i].pointer);
    free(r->rule);
    json_decref(r->doc);
    free(r);
}

const char *
rules_hash(const struct rules *r)
{
    return r->hash;
}

/* ---- what is judged elsewhere ----------------------------------------------------------------------------------- */

static const struct rule *
rule_of(const struct rules *r, const char *aturan)
{
    for (size_t i = 0; i < r->nrules; i++)
        if (strcmp(r->rule[i].kind->name, aturan) == 0)
            return &r->rule[i];
    return NULL;
}

const char *
rules_code(const struct rules *r, const char *aturan)
{
    const struct rule *rule = rule_of(r, aturan);

    return rule ? rule->entry->code : NULL;
}

int64_t
rules_number(const struct rules *r, const char *aturan, const char *parameter, int64_t otherwise)
{
    const struct rule *rule = rule_of(r, aturan);
    const json_t *j = rule ? json_object_get(rule->parameter, parameter) : NULL;

    return json_is_integer(j) ? json_integer_value(j) : otherwise;
}

enum finding_cause
rules_cause(const struct rules *r, struct str kode)
{
    const struct entry *entry = catalogue_code(r->catalogue, kode);

    if (!entry || entry->timed)
        return entry ? FINDING_TIMED : FINDING_FORM;
    for (size_t i = 0; i < r->nrules; i++)
        if (r->rule[i].entry == entry)
            return str_starts(str_of(r->rule[i].kind->name), STR("dokumen_")) ? FINDING_DOCUMENT
                                                                              : FINDING_FORM;
    return FINDING_FORM;
}

bool
rules_put(const struct rules *r, const char *kode, struct str lokasi, struct buf *out)
{
    const struct entry *entry = catalogue_code(r->catalogue, str_of(kode));

    if (entry)
        finding_write(out, entry, lokasi, 0);
    return entry != NULL;
}

/* ---- rules by name ---------------------------------------------------------------------------------------------- */

void
rules_fields(const struct rules *r, struct str form, struct form_fields *f)
{
    memset(f, 0, sizeof *f);
    scan_pick(form, r->names, f->raw, r->nnames);
}

static void
look_at(struct judging *j, struct findings *f, const struct rule *rule, struct str pointer, struct str value)
{
    unsigned flags = rule->kind->flags;

    if (!value.p && !(flags & RULE_ABSENT))
        return;
    if (findings_has_error(f, pointer) && !(flags & RULE_WRONG))
        return;
    if (rule->kind->fn(j, rule, value))
        findings_add(f, rule->entry, pointer);
}

static void
look_at_each(struct judging *j, struct findings *f, const struct rule *rule, struct str array)
{
    struct scan_iter it = scan_iter(array);
    char pointer[128];

    if (scan_kind(array) != SCAN_ARRAY)
        return;
    for (unsigned i = 0; scan_next(&it); i++) {
        snprintf(pointer, sizeof pointer, "%s/%u", rule->pointer, i);
        look_at(j, f, rule, str_of(pointer), it.value);
    }
}

/* The rules of one level: those of E before the notes, which give way to them. */
static void
apply_named(struct judging *j, struct findings *f, char level)
{
    for (size_t i = 0; i < j->r->nrules; i++) {
        const struct rule *rule = &j->r->rule[i];
        struct str value = j->fields->raw[rule->place];

        if (!rule->kind->fn || entry_level(rule->entry) != level)
            continue;
        if (rule->each)
            look_at_each(j, f, rule, value);
        else
            look_at(j, f, rule, str_of(rule->pointer), value);
    }
}

/* Whether one rule, or each of an array, is silent. */
static bool
is_silent(struct judging *j, const struct rule *rule)
{
    struct str value = j->fields->raw[rule->place];
    struct scan_iter it;

    if (!rule->each)
        return (!value.p && !(rule->kind->flags & RULE_ABSENT)) || !rule->kind->fn(j, rule, value);
    it = scan_iter(value);
    while (scan_kind(value) == SCAN_ARRAY && scan_next(&it))
        if (rule->kind->fn(j, rule, it.value))
            return false;
    return true;
}

bool
rules_clean(const struct rules *r, const struct form_fields *f, const struct form_context *ctx)
{
    struct judging j = {.r = r, .ctx = ctx, .fields = f};
    bool clean = true;

    for (size_t i = 0; i < r->nrules && clean; i++)
        clean = !r->rule[i].kind->fn || is_silent(&j, &r->rule[i]);
    arena_free(&j.arena);
    return clean;
}

struct tape *
rules_tape(const struct rules *r)
{
    return schema_fast_tape(r->fast);
}

/* ---- a check ---------------------------------------------------------------------------------------------------- */

/* A whole number beyond 64 bits is read as a real: it is then out of every bound rather than no form at all. */
static json_t *
parse_form(struct str form)
{
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_error_t je;
    json_t *doc = json_loadb(form.p, form.n, flags, &je);

    if (!doc && json_error_code(&je) == json_error_numeric_overflow)
        doc = json_loadb(form.p, form.n, flags | JSON_DECODE_INT_AS_REAL, &je);
    if (!doc && json_error_code(&je) == json_error_out_of_memory)
        abort(); /* as an arena does: a verdict is not made up */
    return doc;
}

static void
check_form(struct findings *f, const json_t *doc, struct judging *j)
{
    bool object = json_is_object(doc);

    findings_of_schema(f, j->r->errors, 'E', doc);
    if (object)
        apply_named(j, f, 'E');
    findings_of_schema(f, j->r->notes, 'W', doc);
    if (object)
        apply_named(j, f, 'W');
}

struct rules_count
rules_check(const struct rules *r, struct str form, const struct form_context *ctx, struct buf *out)
{
    struct form_fields fields;
    struct judging j = {.r = r, .ctx = ctx, .fields = &fields};
    struct findings *f = findings_new(r, out);
    json_t *doc = parse_form(form);
    struct rules_count count;

    if (!f)
        abort(); /* as above */
    rules_fields(r, form, &fields);
    if (doc)
        check_form(f, doc, &j);
    else
        findings_add(f, catalogue_of(r->catalogue, 'E', STR("*"), "*"), STR(""));
    count = findings_end(f);
    findings_free(f);
    arena_free(&j.arena);
    json_decref(doc);
    return count;
}

/* Both schemas have nothing to say: only rules by name may. */
static struct rules_count
check_named(const struct rules *r, const struct form_fields *fields, const struct form_context *ctx,
            struct buf *out)
{
    struct judging j = {.r = r, .ctx = ctx, .fields = fields};
    struct findings *f = findings_new(r, out);
    struct rules_count count;

    if (!f)
        abort(); /* as in rules_check */
    apply_named(&j, f, 'E');
    apply_named(&j, f, 'W');
    count = findings_end(f);
    findings_free(f);
    arena_free(&j.arena);
    return count;
}

void
rules_read(const struct rules *r, struct tape *tape, struct str form, struct rules_reading *ret)
{
    memset(ret->fields.raw, 0, r->nnames * sizeof *ret->fields.raw);
    ret->proved = tape && schema_fast_valid(r->fast, tape, form, ret->fields.raw);
}

struct rules_count
rules_judge_read(const struct rules *r, const struct rules_reading *read, struct str form,
                 const struct form_context *ctx, struct buf *out)
{
    if (!read->proved)
        return rules_check(r, form, ctx, out);
    if (!rules_clean(r, &read->fields, ctx))
        return check_named(r, &read->fields, ctx, out);
    buf_z(out, "[]");
    return (struct rules_count){0, 0};
}

struct rules_count
rules_judge(const struct rules *r, struct tape *tape, struct str form, const struct form_context *ctx,
            struct buf *out, bool *in_full)
{
    struct rules_reading read;

    rules_read(r, tape, form, &read);
    *in_full = !read.proved;
    return rules_judge_read(r, &read, form, ctx, out);
}
