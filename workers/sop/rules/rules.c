#include "workers/sop/rules/rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/caltime.h"
#include "common/base/hash.h"
#include "common/json/schema.h"

enum { FILE_MAX_BYTES = 4 << 20, FINDINGS_MAX = 500 };

struct rules {
    struct schema *errors, *notes;
    json_t *catalogue; /* array of entries */
    char hash[2 * HASH_SIZE + 1];
};

/* One check in progress. */
struct checking {
    const struct rules *r;
    struct buf *out;
    struct rules_count count;
    const char *level; /* of the schema being applied: "E" or "W" */
    struct place {     /* what was found where: the same code at the same place is one finding, and a note is
                        * dropped where an error stands */
        uint64_t code, at;
        bool error;
    } found[FINDINGS_MAX];
};

/* ---- loading ---------------------------------------------------------------------------------------------------- */

static enum res
compile(const char *dir, const char *name, struct schema **ret, struct err *e)
{
    struct schema_set *set = schema_set_new();
    struct schema_opts opts = {.format_assert = true};
    char path[4096];
    enum res res;

    if (!set)
        return err_set(e, RES_FATAL, "out of memory");
    snprintf(path, sizeof path, "%s/%s", dir, name);
    res = schema_set_add_file(set, name, path, e);
    if (res == RES_OK)
        res = schema_compile(set, name, &opts, ret, e);
    schema_set_free(set);
    return res == RES_OK ? res : err_set(e, RES_FATAL, "%s", path);
}

static enum res
add_to_hash(struct hash *h, const char *path, struct err *e)
{
    FILE *f = fopen(path, "rb");
    char chunk[8192];
    size_t n;

    if (!f)
        return err_set(e, RES_FATAL, "cannot read %s", path);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        hash_add(h, (struct str){chunk, n});
    fclose(f);
    return RES_OK;
}

static enum res
hash_files(const char *dir, char out[2 * HASH_SIZE + 1], struct err *e)
{
    static const char *const names[] = {"pa20.schema.json", "pa20.notes.schema.json", "pa20.findings.json"};
    unsigned char digest[HASH_SIZE];
    struct hash *h = NULL;
    enum res res = hash_new(&h, e);

    for (unsigned i = 0; i < 3 && res == RES_OK; i++) {
        char path[4096];

        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        res = add_to_hash(h, path, e);
    }
    if (res == RES_OK) {
        hash_end(h, digest);
        hash_hex(digest, HASH_SIZE, out);
    }
    hash_free(h);
    return res;
}

static enum res
load_catalogue(struct rules *r, const char *dir, struct err *e)
{
    char path[4096];
    json_error_t je;
    json_t *root;

    snprintf(path, sizeof path, "%s/pa20.findings.json", dir);
    root = json_load_file(path, JSON_REJECT_DUPLICATES, &je);
    if (!root)
        return err_set(e, RES_FATAL, "%s line %d: %s", path, je.line, je.text);
    r->catalogue = json_incref(json_object_get(root, "temuan"));
    json_decref(root);
    return json_is_array(r->catalogue) ? RES_OK
                                       : err_set(e, RES_FATAL, "%s: member temuan is no array", path);
}

enum res
rules_load(const char *dir, const char *opd_file, struct rules **ret, struct err *e)
{
    struct rules *r = calloc(1, sizeof *r);
    enum res res;

    *ret = NULL;
    (void)opd_file;
    if (!r)
        return err_set(e, RES_FATAL, "out of memory");
    if ((res = compile(dir, "pa20.schema.json", &r->errors, e)) == RES_OK &&
        (res = compile(dir, "pa20.notes.schema.json", &r->notes, e)) == RES_OK &&
        (res = load_catalogue(r, dir, e)) == RES_OK)
        res = hash_files(dir, r->hash, e);
    if (res != RES_OK) {
        rules_free(r);
        return res;
    }
    *ret = r;
    return RES_OK;
}

void
rules_free(struct rules *r)
{
    if (!r)
        return;
    schema_free(r->errors);
    schema_free(r->notes);
    json_decref(r->catalogue);
    free(r);
}

const char *
rules_hash(const struct rules *r)
{
    return r->hash;
}

/* ---- codes ------------------------------------------------------------------------------------------------------ */

static bool
has_keyword(const json_t *entry, const char *keyword)
{
    json_t *list = json_object_get(entry, "keyword");
    size_t i;
    json_t *k;

    json_array_foreach (list, i, k) {
        if (strcmp(json_string_value(k), keyword) == 0)
            return true;
    }
    return false;
}

/* Whether the entry is of the level that is being judged: PA20-E-.. or PA20-W-.. */
static bool
of_level(const json_t *entry, const char *level)
{
    const char *code = json_string_value(json_object_get(entry, "kode"));

    return code && strlen(code) > 5 && code[5] == *level;
}

static const json_t *
find_entry(const struct checking *c, struct str field, const char *keyword)
{
    size_t i;
    json_t *entry;

    json_array_foreach (c->r->catalogue, i, entry) {
        const char *f = json_string_value(json_object_get(entry, "field"));

        if (f && str_is(field, f) && of_level(entry, c->level) && has_keyword(entry, keyword))
            return entry;
    }
    return NULL;
}

/* The most particular entry of the level: field and keyword, the field, the keyword, the last resort. */
static const json_t *
entry_for(const struct checking *c, struct str field, const char *keyword)
{
    const json_t *entry = find_entry(c, field, keyword);

    if (!entry)
        entry = find_entry(c, field, "*");
    if (!entry)
        entry = find_entry(c, STR("*"), keyword);
    return entry ? entry : find_entry(c, STR("*"), "*");
}

/* The entry of a rule by name (pa20.rules.json). */
static const json_t *
rule_entry(const struct checking *c, const char *code)
{
    size_t i;
    json_t *entry;

    json_array_foreach (c->r->catalogue, i, entry) {
        const char *k = json_string_value(json_object_get(entry, "kode"));

        if (k && strcmp(k, code) == 0)
            return entry;
    }
    return NULL;
}

static void
put_member(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    buf_json(out, str_of(text ? text : ""));
}

static bool
found_before(const struct checking *c, uint64_t code, uint64_t at)
{
    unsigned n = c->count.errors + c->count.notes;

    for (unsigned i = 0; i < n; i++)
        if (c->found[i].at == at && (c->found[i].code == code || (*c->level == 'W' && c->found[i].error)))
            return true;
    return false;
}

static void
put_finding(struct checking *c, const json_t *entry, const char *pointer)
{
    const char *code = json_string_value(json_object_get(entry, "kode"));
    unsigned n = c->count.errors + c->count.notes;
    struct place p = {str_hash(str_of(code ? code : "")), str_hash(str_of(pointer)), *c->level == 'E'};

    if (n == FINDINGS_MAX || found_before(c, p.code, p.at))
        return;
    c->found[n] = p;
    buf_printf(c->out, "%s{\"kode\":\"%s\"", n ? "," : "", code ? code : "PA20-E-900");
    put_member(c->out, "tingkat", c->level);
    put_member(c->out, "lokasi", pointer);
    put_member(c->out, "pesan", json_string_value(json_object_get(entry, "pesan")));
    put_member(c->out, "message", json_string_value(json_object_get(entry, "message")));
    buf_char(c->out, '}');
    if (*c->level == 'E')
        c->count.errors++;
    else
        c->count.notes++;
}

/* The place's names joined by dots, array indexes left out: /lampiran/0/sha256 is lampiran.sha256. */
static void
column(const char *pointer, struct buf *out)
{
    while (*pointer == '/') {
        size_t n = strcspn(++pointer, "/");

        if (strspn(pointer, "0123456789") < n) {
            if (out->n)
                buf_char(out, '.');
            buf_add(out, pointer, n);
        }
        pointer += n;
    }
}

/* Keywords whose place is the member that is absent or too much. */
static bool
about_member(const char *keyword)
{
    return strcmp(keyword, "required") == 0 || strcmp(keyword, "dependentRequired") == 0 ||
           strcmp(keyword, "additionalProperties") == 0 || strcmp(keyword, "unevaluatedProperties") == 0;
}

/* One more step of a JSON Pointer (RFC 6901: ~ is ~0, / is ~1). */
static void
put_step(struct buf *at, struct str name)
{
    buf_char(at, '/');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '~' || name.p[i] == '/')
            buf_z(at, name.p[i] == '~' ? "~0" : "~1");
        else
            buf_char(at, name.p[i]);
    }
}

/* No finding quotes a value; and no name that the sender made up gets into one unless it has a sentence of its own. */
static bool
on_finding(const struct schema_finding *f, void *arg)
{
    struct checking *c = arg;
    struct buf at = buf_make(4096);
    struct buf field = buf_make(4096);

    buf_z(&at, f->instance);
    if (f->property.p && about_member(f->keyword)) {
        put_step(&at, f->property);
    }
    column(at.p ? at.p : "", &field);
    put_finding(c, entry_for(c, buf_view(&field), f->keyword), at.p ? at.p : "");
    buf_free(&at);
    buf_free(&field);
    return true;
}

/* ---- rules that need more than the form ------------------------------------------------------------------------- */

static void
check_subject(struct checking *c, const json_t *form, const struct form_context *ctx)
{
    const json_t *n = json_object_get(form, "nomor_permohonan");

    if (json_is_string(n) && !str_is(ctx->subject, json_string_value(n)))
        put_finding(c, rule_entry(c, "PA20-E-301"), "/nomor_permohonan");
}

/* PA.20 row 6 and X2: not after the event's day in WIB. */
static void
check_letter_date(struct checking *c, const json_t *form, const struct form_context *ctx)
{
    const json_t *d = json_object_get(form, "tanggal_surat");
    int64_t day;

    if (json_is_string(d) && caltime_date_parse(str_of(json_string_value(d)), &day) && day > ctx->today)
        put_finding(c, rule_entry(c, "PA20-E-306"), "/tanggal_surat");
}

static json_t *
parse_form(struct str form)
{
    json_error_t je;

    return json_loadb(form.p, form.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
}

struct rules_count
rules_check(const struct rules *r, struct str form, const struct form_context *ctx, struct buf *out)
{
    struct checking c = {.r = r, .out = out, .level = "E"};
    json_t *doc = parse_form(form);

    buf_char(out, '[');
    if (!doc) {
        put_finding(&c, rule_entry(&c, "PA20-E-900"), "");
    } else {
        schema_check(r->errors, doc, on_finding, &c);
        check_subject(&c, doc, ctx);
        check_letter_date(&c, doc, ctx);
        c.level = "W";
        schema_check(r->notes, doc, on_finding, &c);
    }
    json_decref(doc);
    buf_char(out, ']');
    return c.count;
}
