/* rules test and rules diff: a changed rule set before it goes live. Prints codes and places, never a form's value. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json/scan.h"
#include "producers/ctl/ctl.h"
#include "producers/ctl/ctl_words.h"
#include "workers/sop/names.h"
#include "workers/sop/rules/cases.h"
#include "workers/sop/rules/source.h"

/* One form per open request: the first of the revision that the request is at, else the newest; a page at a time. json,
 * not jsonb: outsiders' numbers may be greater than Postgres holds. */
#define OPEN_SQL                                                                                             \
    "select r.nomor_permohonan, r.status, e.data, e.effective_at from request r"                             \
    " cross join lateral (select data, effective_at from event e where e.subject = r.nomor_permohonan"       \
    " and e.type = '" SOP_TYPE_PREFIX "request.submitted.v1'"                                                \
    " order by (e.data::json ->> 'revisi' = r.revisi::text) is true desc,"                                   \
    " case when e.data::json ->> 'revisi' = r.revisi::text then e.seq else -e.seq end limit 1) e"            \
    " where r.status is not null and r.status not in ('selesai', 'dibatalkan', 'ditolak')"                   \
    " and r.nomor_permohonan > $1 order by r.nomor_permohonan limit 100"
#define LAST_SQL                                                                                             \
    "select data::json ->> 'aturan' from event where type = '" SOP_TYPE_PREFIX "check.completed.v1'"         \
    " order by seq desc limit 1"

/* ---- loading ---------------------------------------------------------------------------------------------------- */

/* The rule set in the folder `forms`; its departments are `opd`, else the folder's own, else those of `schemas`. */
static struct rules *
load(struct ctl *c, const char *forms, const char *opd, const char *schemas)
{
    char path[PATH_MAX + 32];
    struct rules *r;

    snprintf(path, sizeof path, "%s/../data/opd.csv", forms);
    if (!opd && access(path, R_OK) != 0)
        snprintf(path, sizeof path, "%s/data/opd.csv", schemas);
    return rules_load(forms, opd ? opd : path, &r, &c->e) == RES_OK ? r : NULL;
}

static struct rules *
load_running(struct ctl *c, const char *schemas)
{
    char forms[PATH_MAX + 32];

    snprintf(forms, sizeof forms, "%s/forms", schemas);
    return load(c, forms, NULL, schemas);
}

/* ---- test ------------------------------------------------------------------------------------------------------- */

struct tally {
    size_t passed, failed;
    json_t *list; /* of those that failed, with --json */
};

static void
note(struct ctl *c, struct tally *t, const char *path, const char *why)
{
    t->failed++;
    if (c->json)
        json_array_append_new(t->list, json_pack("{s:s, s:s}", "berkas", path, "sebab", why));
    else
        printf("%s: %s\n", path, why);
}

static void
run_case(struct ctl *c, const struct rules *r, const json_t *base, const char *path, struct tally *t)
{
    struct buf why = buf_make(1 << 16);
    struct err e = {0};
    enum res res = case_run(r, base, path, &why, &e);

    if (res == RES_OK)
        t->passed++;
    else
        note(c, t, path, res == RES_REJECT && why.p ? why.p : e.text);
    buf_free(&why);
}

static int
report(struct ctl *c, const struct rules *r, struct tally *t)
{
    if (c->json)
        ctl_print(json_pack("{s:s, s:I, s:I, s:o}", "aturan", rules_hash(r), "lulus", (json_int_t)t->passed,
                            "gagal", (json_int_t)t->failed, "kasus", t->list));
    else
        printf("%zu passed, %zu failed (rules %.12s)\n", t->passed, t->failed, rules_hash(r));
    return t->failed || !t->passed ? CTL_NO : APP_OK;
}

static int
run_cases(struct ctl *c, const struct rules *r, const char *form, const char *dir)
{
    json_t *base = source_load(form, &c->e);
    struct cases all = {0};
    struct tally t = {0};
    int code;

    if (!base || cases_list(dir, &all, &c->e) != RES_OK) {
        code = ctl_failed(c);
    } else if (!all.n) {
        code = ctl_fail(c, CTL_NO, "%s holds no case", dir);
    } else {
        t.list = c->json ? json_array() : NULL;
        for (size_t i = 0; i < all.n; i++)
            run_case(c, r, base, all.path[i], &t);
        code = report(c, r, &t);
    }
    cases_free(&all);
    json_decref(base);
    return code;
}

static int
rules_test(struct ctl *c, int argc, char **argv)
{
    const char *dir;
    const char *given = NULL;
    const char *changed = NULL;
    const char *opd = NULL;
    const char *base = NULL;
    const struct ctl_opt opts[] = {{"schemas", &given, NULL},
                                   {"rules", &changed, NULL},
                                   {"opd", &opd, NULL},
                                   {"base", &base, NULL},
                                   {0}};
    char schemas[PATH_MAX];
    char path[PATH_MAX + 32];
    struct rules *r;
    int code;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&dir, 1, 1}))
        return APP_USAGE;
    if (!ctl_schemas(c, given, schemas, sizeof schemas))
        return APP_CONFIG;
    snprintf(path, sizeof path, "%s/forms", schemas);
    r = load(c, changed ? changed : path, opd, schemas);
    if (!r)
        return ctl_failed(c);
    snprintf(path, sizeof path, "%s/examples/selesai.json", schemas);
    code = run_cases(c, r, base ? base : path, dir);
    rules_free(r);
    return code;
}

/* ---- diff ------------------------------------------------------------------------------------------------------- */

struct diff {
    struct rules *running, *changed;
    json_t *list;  /* requests judged otherwise */
    int64_t forms; /* looked at */
};

/* Those of `list` that `other` has not, as {kode, lokasi}. New reference. */
static json_t *
only_in(const json_t *list, const json_t *other)
{
    json_t *out = json_array();
    size_t i;
    json_t *f;

    json_array_foreach (list, i, f) {
        if (!case_has(other, f))
            json_array_append_new(out, json_pack("{s:O, s:O}", "kode", json_object_get(f, "kode"), "lokasi",
                                                 json_object_get(f, "lokasi")));
    }
    return out;
}

static const char *
verdict(struct rules_count n)
{
    return n.errors ? "dikembalikan" : "diterima";
}

static void
compare(struct diff *d, const PGresult *r, int row)
{
    struct str form = str_of(PQgetvalue(r, row, 2));
    struct form_context ctx = {.subject = str_of(PQgetvalue(r, row, 0)),
                               .today = form_day(ctl_time(r, row, 3))};
    struct rules_count was;
    struct rules_count will;
    json_t *before;
    json_t *after;
    json_t *gone;
    json_t *fresh;

    if (scan_document(form, NULL) != RES_OK)
        return; /* purged, or no form */
    d->forms++;
    before = case_findings(d->running, &ctx, form, &was);
    after = case_findings(d->changed, &ctx, form, &will);
    if (!before || !after)
        abort(); /* no memory: a difference is not made up */
    gone = only_in(before, after);
    fresh = only_in(after, before);
    if (json_array_size(gone) || json_array_size(fresh))
        json_array_append_new(d->list, json_pack("{s:s, s:s, s:s, s:s, s:O, s:O}", "nomor_permohonan",
                                                 PQgetvalue(r, row, 0), "status", PQgetvalue(r, row, 1),
                                                 "semula", verdict(was), "menjadi", verdict(will), "hilang",
                                                 gone, "baru", fresh));
    json_decref(gone);
    json_decref(fresh);
    json_decref(before);
    json_decref(after);
}

static enum res
compare_all(struct ctl *c, struct diff *d)
{
    char last[128] = "";
    int n;

    do {
        const char *args[] = {last};
        PGresult *r = ctl_query(c, OPEN_SQL, 1, args);

        if (!r)
            return c->e.res;
        n = PQntuples(r);
        for (int i = 0; i < n; i++)
            compare(d, r, i);
        if (n)
            snprintf(last, sizeof last, "%s", PQgetvalue(r, n - 1, 0));
        PQclear(r);
    } while (n);
    return RES_OK;
}

static const char *
text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static void
print_findings(const char *head, const json_t *list)
{
    size_t i;
    json_t *f;

    json_array_foreach (list, i, f)
        printf("    %s %s %s\n", head, text(f, "kode"), *text(f, "lokasi") ? text(f, "lokasi") : "/");
}

static void
print_diff(struct ctl *c, const struct diff *d)
{
    size_t i;
    json_t *one;

    if (c->json) {
        ctl_print(json_pack("{s:s, s:s, s:I, s:O}", "berjalan", rules_hash(d->running), "baru",
                            rules_hash(d->changed), "diperiksa", (json_int_t)d->forms, "berbeda", d->list));
        return;
    }
    json_array_foreach (d->list, i, one) {
        printf("%s  %s  %s -> %s\n", text(one, "nomor_permohonan"), text(one, "status"), text(one, "semula"),
               text(one, "menjadi"));
        print_findings("-", json_object_get(one, "hilang"));
        print_findings("+", json_object_get(one, "baru"));
    }
    printf("%lld open requests, %zu judged otherwise (rules %.12s -> %.12s)\n", (long long)d->forms,
           json_array_size(d->list), rules_hash(d->running), rules_hash(d->changed));
}

/* The validators may run by other files than those found here: then the comparison is another than it seems. */
static enum res
warn_if_other(struct ctl *c, const struct rules *running)
{
    PGresult *r = ctl_query(c, LAST_SQL, 0, NULL);

    if (!r)
        return c->e.res;
    if (PQntuples(r) && strcmp(PQgetvalue(r, 0, 0), rules_hash(running)) != 0)
        fprintf(stderr,
                "bedelauctl rules: the last check was judged by rules %.12s, those found here are %.12s\n",
                PQgetvalue(r, 0, 0), rules_hash(running));
    PQclear(r);
    return RES_OK;
}

static int
rules_diff(struct ctl *c, int argc, char **argv)
{
    const char *given = NULL;
    const char *changed = NULL;
    const char *opd = NULL;
    const struct ctl_opt opts[] = {
        {"schemas", &given, NULL}, {"rules", &changed, NULL}, {"opd", &opd, NULL}, {0}};
    struct diff d = {.list = json_array()};
    char schemas[PATH_MAX];
    int code = APP_OK;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}))
        code = APP_USAGE;
    else if (!changed)
        code = ctl_fail(c, APP_USAGE, "--rules DIR is needed: the folder of the changed rules");
    else if (!ctl_schemas(c, given, schemas, sizeof schemas))
        code = APP_CONFIG;
    else if (!(d.running = load_running(c, schemas)) || !(d.changed = load(c, changed, opd, schemas)) ||
             ctl_db(c) != RES_OK || warn_if_other(c, d.running) != RES_OK || compare_all(c, &d) != RES_OK)
        code = ctl_failed(c);
    else
        print_diff(c, &d);
    rules_free(d.running);
    rules_free(d.changed);
    json_decref(d.list);
    return code;
}

int
ctl_rules(struct ctl *c, int argc, char **argv)
{
    static const struct ctl_cmd cmds[] = {
        {"test", "", "", "", rules_test}, {"diff", "", "", "", rules_diff}, {0}};

    return ctl_sub(c, cmds, argc, argv);
}
