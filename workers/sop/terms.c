#include "workers/sop/terms.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json/schema.h"
#include "workers/sop/rules/source.h"

/* ---- words ------------------------------------------------------------------------------------------------------ */

static const char *const satuans[] = {"hari_kerja", "hari_kalender", "detik"};

const char *
satuan_name(enum calendar_unit u)
{
    return satuans[u];
}

bool
clock_term_parse(const char *text, struct calendar_term *ret)
{
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits + strspn(text + digits, " ");

    *ret = (struct calendar_term){0};
    if (!str_int((struct str){text, digits}, &ret->n) || ret->n > CALENDAR_N_MAX)
        return false;
    for (int i = 0; i < 3; i++)
        if (strcmp(unit, satuans[i]) == 0) {
            ret->unit = (enum calendar_unit)i;
            return true;
        }
    return false;
}

static bool
possible(struct calendar_term t)
{
    return t.n > 0 && (t.unit == CALENDAR_SECONDS || t.n <= TERM_DAYS_MAX);
}

/* ---- the file --------------------------------------------------------------------------------------------------- */

struct reading {
    const struct terms_from *from;
    struct terms *t;
    struct err *e;
};

/* What is wrong comes before the path, which may be long. */
static enum res
wrong(struct reading *r, const char *place, const char *what)
{
    return err_set(r->e, RES_FATAL, "[sop] terms: %s: %s, in %s", place, what, r->from->file);
}

static bool
on_finding(const struct schema_finding *f, void *arg)
{
    char what[96];

    snprintf(what, sizeof what, "%s%s%.*s of its schema is not met", f->keyword, f->property.n ? " " : "",
             (int)(f->property.n < 40 ? f->property.n : 40), f->property.n ? f->property.p : "");
    wrong(arg, f->instance[0] ? f->instance : "/", what);
    return false;
}

static enum res
compile(const char *path, struct schema **ret, struct err *e)
{
    struct schema_set *set = schema_set_new();
    struct schema_opts opts = {.format_assert = true, .strict = true};
    struct err why = {0};
    enum res res;

    *ret = NULL;
    if (!set)
        return err_set(e, RES_FATAL, "out of memory");
    res = schema_set_add_file(set, "jam", path, &why);
    if (res == RES_OK)
        res = schema_compile(set, "jam", &opts, ret, &why);
    schema_set_free(set);
    return res == RES_OK ? res : err_set(e, RES_FATAL, "%s in %s", why.text, path);
}

static enum res
load_doc(struct reading *r)
{
    struct schema *schema = NULL;
    enum res res = compile(r->from->schema_file, &schema, r->e);
    struct err why = {0};

    if (res == RES_OK && !(r->t->doc = source_load(r->from->file, &why)))
        res = err_set(r->e, RES_FATAL, "[sop] terms: %s", why.text);
    if (res == RES_OK && !schema_check(schema, r->t->doc, on_finding, r))
        res = wrong(r, "/", "its schema is not met");
    schema_free(schema);
    return res;
}

static struct str
text_of(const json_t *o, const char *name)
{
    const char *z = json_string_value(json_object_get(o, name));

    return z ? str_of(z) : STR_NULL;
}

static void
read_warnings(const json_t *list, struct term *t)
{
    size_t i;
    const json_t *v;

    t->nwarn = 0;
    json_array_foreach (list, i, v) {
        int64_t units = (int64_t)json_number_value(v); /* 7.0 is an integer too */
        unsigned at = t->nwarn++;

        for (; at > 0 && t->warn[at - 1] < units; at--)
            t->warn[at] = t->warn[at - 1];
        t->warn[at] = units;
    }
}

static enum res
read_term(struct reading *r, const struct term_exception *x, enum tahap i, const json_t *v, struct term *t)
{
    char place[80];

    if (clock_term_parse(json_string_value(v), &t->of) && possible(t->of))
        return RES_OK;
    snprintf(place, sizeof place, "/pengecualian/%zu/batas/%s", x->at, tahap_name(i));
    return wrong(r, place, "more than 1000 days, or more seconds than can be");
}

static enum res
read_exception(struct reading *r, const json_t *o, struct term_exception *x)
{
    enum res res = RES_OK;

    x->kode_opd = text_of(o, "kode_opd");
    x->jenis = text_of(o, "jenis_pengajuan");
    for (int i = 0; i < TAHAPS && res == RES_OK; i++) {
        const json_t *batas = json_object_get(json_object_get(o, "batas"), tahap_name((enum tahap)i));
        const json_t *warn = json_object_get(json_object_get(o, "peringatan"), tahap_name((enum tahap)i));

        x->has_term[i] = batas != NULL;
        x->has_warn[i] = warn != NULL;
        read_warnings(warn, &x->term[i]);
        if (batas)
            res = read_term(r, x, (enum tahap)i, batas, &x->term[i]);
    }
    return res;
}

/* ---- what the whole must be -------------------------------------------------------------------------------------- */

static int
rank(const struct term_exception *x)
{
    return (x->kode_opd.p ? 2 : 0) + (x->jenis.p ? 1 : 0);
}

static int
by_rank(const void *a, const void *b)
{
    const struct term_exception *x = a;
    const struct term_exception *y = b;
    int c = rank(x) - rank(y);

    if (!c)
        c = str_cmp(x->kode_opd, y->kode_opd);
    return c ? c : str_cmp(x->jenis, y->jenis);
}

static enum res
check_warnings(struct reading *r, const struct term_exception *x, enum tahap i)
{
    struct term whole = terms_of(r->t, x->kode_opd, x->jenis, i);
    char place[80];
    char what[120];

    if (!x->has_warn[i] || !whole.nwarn || whole.warn[0] <= whole.of.n)
        return RES_OK;
    snprintf(place, sizeof place, "/pengecualian/%zu/peringatan/%s", x->at, tahap_name(i));
    snprintf(what, sizeof what, "%lld is more than the term: %lld %s, by its batas or [sop] %s",
             (long long)whole.warn[0], (long long)whole.of.n, satuan_name(whole.of.unit), tahap_name(i));
    return wrong(r, place, what);
}

static enum res
check_exception(struct reading *r, const struct term_exception *x, const struct term_exception *before)
{
    enum res res = RES_OK;
    char place[64];

    snprintf(place, sizeof place, "/pengecualian/%zu", x->at);
    if (before && rank(before) == rank(x) && str_eq(before->kode_opd, x->kode_opd) &&
        str_eq(before->jenis, x->jenis))
        return wrong(r, place, "the same kode_opd and jenis_pengajuan stand twice");
    if (x->jenis.p && (x->has_term[TAHAP_PENGAJUAN] || x->has_warn[TAHAP_PENGAJUAN]))
        return wrong(r, place, "pengajuan cannot depend on jenis_pengajuan, which only the form says");
    for (int i = 0; i < TAHAPS && res == RES_OK; i++)
        res = check_warnings(r, x, (enum tahap)i);
    return res;
}

static void
put_term(struct buf *b, const struct term *t)
{
    buf_printf(b, "%lld %d:", (long long)t->of.n, (int)t->of.unit);
    for (unsigned i = 0; i < t->nwarn; i++)
        buf_printf(b, "%lld,", (long long)t->warn[i]);
}

/* Of what was read, not of the file's bytes: a comment makes no other terms. */
static enum res
make_version(struct terms *t, struct err *e)
{
    struct buf b = buf_make(1 << 20);
    enum res res;

    for (int i = 0; i < TAHAPS; i++)
        put_term(&b, &t->general[i]);
    for (size_t k = 0; k < t->n; k++) {
        const struct term_exception *x = &t->exceptions[k];

        buf_printf(&b, "\n%.*s/%.*s", STR_FMT(x->kode_opd), STR_FMT(x->jenis));
        for (int i = 0; i < TAHAPS; i++) {
            buf_printf(&b, " %d%d", x->has_term[i], x->has_warn[i]);
            put_term(&b, &x->term[i]);
        }
    }
    res = b.failed ? err_set(e, RES_FATAL, "out of memory") : RES_OK;
    t->version = b.failed ? 0 : (uint32_t)str_hash(buf_view(&b));
    if (!t->version)
        t->version = 1; /* 0 is what old rows have */
    buf_free(&b);
    return res;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static enum res
read_general(struct reading *r)
{
    const json_t *warnings = json_object_get(r->t->doc, "peringatan");

    for (int i = 0; i < TAHAPS; i++) {
        struct term *t = &r->t->general[i];
        const char *name = tahap_name((enum tahap)i);
        const char *text = r->from->general[i];

        if (!clock_term_parse(text, &t->of))
            return err_set(r->e, RES_FATAL,
                           "[sop] %s must be a number and hari_kerja, hari_kalender or detik, not \"%s\"",
                           name, text);
        if (!possible(t->of))
            return err_set(r->e, RES_FATAL, "[sop] %s must be 1 or more, and at most %d days, not \"%s\"",
                           name, TERM_DAYS_MAX, text);
        read_warnings(json_object_get(warnings, name), t);
    }
    return RES_OK;
}

static enum res
read_exceptions(struct reading *r)
{
    const json_t *list = json_object_get(r->t->doc, "pengecualian");
    struct terms *t = r->t;
    enum res res = RES_OK;

    t->n = json_array_size(list);
    t->exceptions = calloc(t->n + 1, sizeof *t->exceptions);
    if (!t->exceptions)
        return err_set(r->e, RES_FATAL, "out of memory");
    for (size_t i = 0; i < t->n && res == RES_OK; i++) {
        t->exceptions[i].at = i;
        res = read_exception(r, json_array_get(list, i), &t->exceptions[i]);
    }
    if (res != RES_OK)
        return res;
    qsort(t->exceptions, t->n, sizeof *t->exceptions, by_rank);
    for (size_t i = 0; i < t->n && res == RES_OK; i++)
        res = check_exception(r, &t->exceptions[i], i ? &t->exceptions[i - 1] : NULL);
    return res;
}

enum res
terms_load(const struct terms_from *from, struct terms **ret, struct err *e)
{
    struct reading r = {.from = from, .e = e, .t = calloc(1, sizeof *r.t)};
    enum res res;

    *ret = NULL;
    if (!r.t)
        return err_set(e, RES_FATAL, "out of memory");
    res = load_doc(&r);
    if (res == RES_OK)
        res = read_general(&r);
    if (res == RES_OK)
        res = read_exceptions(&r);
    if (res == RES_OK)
        res = make_version(r.t, e);
    if (res == RES_OK)
        *ret = r.t;
    else
        terms_free(r.t);
    return res;
}

void
terms_free(struct terms *t)
{
    if (!t)
        return;
    free(t->exceptions);
    json_decref(t->doc);
    free(t);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static bool
applies(const struct term_exception *x, struct str kode_opd, struct str jenis)
{
    return (!x->kode_opd.p || str_eq(x->kode_opd, kode_opd)) && (!x->jenis.p || str_eq(x->jenis, jenis));
}

struct term
terms_of(const struct terms *t, struct str kode_opd, struct str jenis, enum tahap tahap)
{
    struct term ret = t->general[tahap];

    for (size_t i = 0; i < t->n; i++) {
        const struct term_exception *x = &t->exceptions[i];
        const struct term *own = &x->term[tahap];

        if ((!x->has_term[tahap] && !x->has_warn[tahap]) || !applies(x, kode_opd, jenis))
            continue;
        if (x->has_term[tahap])
            ret.of = own->of;
        if (x->has_warn[tahap]) {
            memcpy(ret.warn, own->warn, sizeof ret.warn);
            ret.nwarn = own->nwarn;
        }
    }
    return ret;
}

void
terms_version(const struct terms *t, char out[TERMS_VERSION])
{
    snprintf(out, TERMS_VERSION, "%08x", t->version);
}
