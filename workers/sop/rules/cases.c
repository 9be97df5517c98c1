#include "workers/sop/rules/cases.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/json/scan.h"
#include "common/json/schema_fast.h"
#include "workers/sop/rules/source.h"

enum { DEPTH_MAX = 8, FINDINGS_BYTES = 1 << 20 };

/* The day of a case that names none: the base form's letter is three days old then. */
static const char *const default_day = "2025-10-06";

/* ---- the folder ------------------------------------------------------------------------------------------------- */

static bool
add_path(struct cases *c, char *path)
{
    char **wide = (c->n & (c->n + 1)) == 0 ? realloc(c->path, 2 * (c->n + 1) * sizeof *wide) : c->path;

    if (!wide) {
        free(path);
        return false;
    }
    c->path = wide;
    c->path[c->n++] = path;
    return true;
}

static bool
is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static enum res list_folder(const char *dir, int depth, struct cases *c, struct err *e);

static enum res
list_entry(const char *dir, const char *name, int depth, struct cases *c, struct err *e)
{
    struct str s = str_of(name);
    char *path = NULL;
    enum res res = RES_OK;

    if (*name == '.')
        return RES_OK;
    if (asprintf(&path, "%s/%s", dir, name) < 0)
        return err_set(e, RES_FATAL, "out of memory");
    if (is_folder(path)) {
        res = list_folder(path, depth + 1, c, e);
    } else if (str_ends(s, STR(".json"))) {
        return add_path(c, path) ? RES_OK : err_set(e, RES_FATAL, "out of memory");
    }
    free(path);
    return res;
}

static enum res
list_folder(const char *dir, int depth, struct cases *c, struct err *e)
{
    struct dirent **names = NULL;
    int n = depth > DEPTH_MAX ? -1 : scandir(dir, &names, NULL, alphasort);
    enum res res = RES_OK;

    if (n < 0)
        return err_set(e, RES_FATAL, "cannot read the folder %s: %s", dir,
                       depth > DEPTH_MAX ? "nested too deeply" : strerror(errno));
    for (int i = 0; i < n; i++) {
        if (res == RES_OK)
            res = list_entry(dir, names[i]->d_name, depth, c, e);
        free(names[i]);
    }
    free(names);
    return res;
}

enum res
cases_list(const char *dir, struct cases *ret, struct err *e)
{
    *ret = (struct cases){0};
    return list_folder(dir, 0, ret, e);
}

void
cases_free(struct cases *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->path[i]);
    free(c->path);
    *c = (struct cases){0};
}

/* ---- the case --------------------------------------------------------------------------------------------------- */

/* RFC 7396. New reference. */
static json_t *
merge_patch(const json_t *target, const json_t *patch)
{
    const char *key;
    json_t *value;
    json_t *out;

    if (!json_is_object(patch))
        return json_deep_copy(patch);
    out = json_is_object(target) ? json_deep_copy(target) : json_object();
    json_object_foreach ((json_t *)(uintptr_t)patch, key, value) {
        if (json_is_null(value))
            json_object_del(out, key);
        else
            json_object_set_new(out, key, merge_patch(json_object_get(out, key), value));
    }
    return out;
}

json_t *
case_form(const json_t *c, const json_t *base)
{
    const json_t *whole = json_object_get(c, "formulir");

    return whole ? json_deep_copy(whole) : merge_patch(base, json_object_get(c, "beda"));
}

/* Only members that are known: a misspelt one would make a case that says less than it seems to. */
static enum res
check_members(const json_t *j, const char *const *known, const char *path, struct err *e)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)j, key, value) {
        unsigned i = 0;

        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (!known[i])
            return err_set(e, RES_FATAL, "%s: unknown member %s", path, key);
    }
    return RES_OK;
}

static enum res
read_day(const json_t *konteks, const char *name, int64_t *day, const char *path, struct err *e)
{
    const json_t *j = json_object_get(konteks, name);

    if (j && (!json_is_string(j) || !caltime_date_parse(str_of(json_string_value(j)), day)))
        return err_set(e, RES_FATAL, "%s: %s is no date", path, name);
    return RES_OK;
}

static enum known
known_of(const json_t *konteks, const char *name)
{
    const json_t *j = json_object_get(konteks, name);

    return json_is_boolean(j) ? json_is_true(j) ? KNOWN_YES : KNOWN_NO : KNOWN_NOT;
}

struct setting {
    struct form_context ctx;
    int64_t event_day;
};

static enum res
read_context(const json_t *konteks, const json_t *form, const char *path, struct setting *s, struct err *e)
{
    static const char *const known[] = {"hari_ini",   "tanggal_kejadian",   "subjek",       "revisi",
                                        "asal_aktif", "permohonan_terbuka", "surat_pernah", NULL};
    const char *subject = json_string_value(json_object_get(konteks, "subjek"));

    *s = (struct setting){0};
    if (!subject)
        subject = json_string_value(json_object_get(form, "nomor_permohonan"));
    caltime_date_parse(str_of(default_day), &s->ctx.today);
    s->ctx.subject = str_of(subject);
    s->ctx.revisi = (int32_t)json_integer_value(json_object_get(konteks, "revisi"));
    s->ctx.original_active = known_of(konteks, "asal_aktif");
    s->ctx.duplicate_open = known_of(konteks, "permohonan_terbuka");
    s->ctx.letter_seen = known_of(konteks, "surat_pernah");
    if (check_members(konteks, known, path, e) != RES_OK ||
        read_day(konteks, "hari_ini", &s->ctx.today, path, e) != RES_OK)
        return RES_FATAL;
    s->event_day = s->ctx.today;
    s->ctx.event_day = &s->event_day;
    return read_day(konteks, "tanggal_kejadian", &s->event_day, path, e);
}

/* ---- judging ---------------------------------------------------------------------------------------------------- */

/* What was found, written to `out`. New reference; NULL where it is not whole. */
static json_t *
as_list(const struct buf *out, struct rules_count n)
{
    json_t *list = out->failed ? NULL : json_loadb(out->p, out->n, 0, NULL);

    if (json_array_size(list) == n.errors + n.notes)
        return list;
    json_decref(list);
    return NULL;
}

json_t *
case_findings(const struct rules *r, const struct form_context *ctx, struct str form, struct rules_count *n)
{
    struct buf out = buf_make(FINDINGS_BYTES);
    json_t *list;

    *n = rules_check(r, form, ctx, &out);
    list = as_list(&out, *n);
    buf_free(&out);
    return list;
}

/* What is found the long way, which must be byte for byte what the validator's way finds, short for a form that both
 * schemas let pass: else NULL, and a word in `why`. New reference. */
static json_t *
both_ways(const struct rules *r, const struct form_context *ctx, struct str form, struct buf *why)
{
    struct buf full = buf_make(FINDINGS_BYTES);
    struct buf brief = buf_make(FINDINGS_BYTES);
    struct tape *tape = rules_tape(r);
    json_t *list = NULL;
    bool in_full;

    if (tape) {
        struct rules_count n = rules_check(r, form, ctx, &full);
        struct rules_count m = rules_judge(r, tape, form, ctx, &brief, &in_full);

        if (n.errors == m.errors && n.notes == m.notes && str_eq(buf_view(&full), buf_view(&brief)))
            list = as_list(&full, n);
        else
            buf_z(why, "the short way finds otherwise");
    }
    tape_free(tape);
    buf_free(&full);
    buf_free(&brief);
    return list;
}

static json_t *
judge(const struct rules *r, const json_t *form, const struct form_context *ctx, struct buf *why)
{
    char *text = json_dumps(form, JSON_COMPACT | JSON_ENCODE_ANY);
    json_t *list = NULL;

    if (text && scan_document(str_of(text), NULL) == RES_OK)
        list = both_ways(r, ctx, str_of(text), why);
    free(text);
    return list;
}

bool
case_has(const json_t *list, const json_t *finding)
{
    size_t i;
    json_t *f;

    json_array_foreach (list, i, f) {
        if (json_equal(json_object_get(f, "kode"), json_object_get(finding, "kode")) &&
            json_equal(json_object_get(f, "lokasi"), json_object_get(finding, "lokasi")))
            return true;
    }
    return false;
}

/* Says which of `list` are not in `other`; returns how many. */
static size_t
say_missing(const json_t *list, const json_t *other, const char *what, struct buf *why)
{
    size_t missing = 0;
    size_t i;
    json_t *f;

    json_array_foreach (list, i, f) {
        if (case_has(other, f))
            continue;
        missing++;
        buf_printf(why, "%s%s %s %s", why->n ? "; " : "", what, json_string_value(json_object_get(f, "kode")),
                   json_string_value(json_object_get(f, "lokasi")));
    }
    return missing;
}

static enum res
compare(const json_t *c, const json_t *got, struct buf *why)
{
    const json_t *want = json_object_get(c, "temuan");
    const json_t *size = json_object_get(c, "jumlah");
    size_t n = say_missing(want, got, "missing", why);

    if (!json_is_true(json_object_get(c, "sebagian")))
        n += say_missing(got, want, "too much", why);
    if (json_is_integer(size) && (json_int_t)json_array_size(got) != json_integer_value(size)) {
        buf_printf(why, "%s%zu findings", why->n ? "; " : "", json_array_size(got));
        n++;
    }
    return n ? RES_REJECT : RES_OK;
}

static enum res
run(const struct rules *r, const json_t *base, const json_t *c, const char *path, struct buf *why,
    struct err *e)
{
    json_t *form = case_form(c, base);
    struct setting s;
    json_t *got = NULL;
    enum res res = read_context(json_object_get(c, "konteks"), form, path, &s, e);

    if (res == RES_OK) {
        got = judge(r, form, &s.ctx, why);
        if (got)
            res = compare(c, got, why);
        else
            res = why->n ? RES_REJECT : err_set(e, RES_FATAL, "%s: cannot be judged", path);
    }
    json_decref(got);
    json_decref(form);
    return res;
}

enum res
case_run(const struct rules *r, const json_t *base, const char *path, struct buf *why, struct err *e)
{
    static const char *const known[] = {"beda",  "formulir", "konteks", "temuan", "lulus",
                                        "butuh", "sebagian", "jumlah",  NULL};
    json_t *c = source_load(path, e);
    enum res res;

    if (!c)
        return RES_FATAL;
    res = check_members(c, known, path, e);
    if (res == RES_OK && (!json_is_array(json_object_get(c, "temuan")) ||
                          !json_object_get(c, "beda") == !json_object_get(c, "formulir")))
        res = err_set(e, RES_FATAL, "%s: no case: it needs temuan, and either beda or formulir", path);
    if (res == RES_OK)
        res = run(r, base, c, path, why, e);
    json_decref(c);
    return res;
}
