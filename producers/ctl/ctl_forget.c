/* forget, purge: personal data that must go, from every table (UU 27/2022; deploy/PRIVACY.md). What stays of each fact
 * is data: schemas/lupa.json. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/scan.h"
#include "common/pg/pg.h"
#include "producers/ctl/ctl.h"
#include "producers/ctl/refold.h"
#include "workers/sop/dossier.h"
#include "workers/sop/forget.h"

struct forgetting {
    struct ctl *c;
    struct forget_rules *rules;
    const char *nomor;
    const char *reason;
    struct arena arena;
    struct buf text;
    json_t *sha;       /* digests of documents that its forms named */
    int64_t documents; /* removed */
};

enum { TEXT_MAX = 8 << 20 };

static enum res
load_rules(struct ctl *c, struct forget_rules **ret)
{
    char dir[PATH_MAX];
    char path[PATH_MAX + 16];
    size_t n = 0;
    char *json;
    enum res res;

    if (!ctl_schemas(c, NULL, dir, sizeof dir))
        return RES_FATAL;
    snprintf(path, sizeof path, "%s/lupa.json", dir);
    json = ctl_read(c, path, &n);
    res = json ? forget_load((struct str){json, n}, ret, &c->e)
               : err_set(&c->e, RES_FATAL, "%s cannot be read", path);
    free(json);
    return res;
}

static enum res
exec1(struct forgetting *f, const char *sql)
{
    return ctl_exec(f->c, sql, 1, &f->nomor, NULL);
}

/* ---- may it go? ------------------------------------------------------------------------------------------------- */

static const char state_sql[] =
    "select r.status, exists (select from job_integrator where subject = $1) or exists (select from "
    "job_validator"
    " where subject = $1), exists (select from outbox_validator where key = convert_to($1, 'UTF8')) or exists"
    " (select from outbox_integrator where key = convert_to($1, 'UTF8')) or exists (select from "
    "outbox_deadline where"
    " key = convert_to($1, 'UTF8')) or exists (select from outbox_projector where key = convert_to($1, "
    "'UTF8'))"
    " from request r where r.nomor_permohonan = $1 for update";

static bool
is_final(const char *status)
{
    return strcmp(status, "selesai") == 0 || strcmp(status, "dibatalkan") == 0 ||
           strcmp(status, "ditolak") == 0;
}

/* Locks the request's row, so that whoever records its facts waits. RES_REJECT with the reason. */
static enum res
lock_ended(struct forgetting *f)
{
    struct err *e = &f->c->e;
    PGresult *r = ctl_query(f->c, state_sql, 1, &f->nomor);
    enum res res = RES_OK;

    if (!r)
        return e->res;
    if (PQntuples(r) == 0)
        res = err_set(e, RES_REJECT, "there is no request %s", f->nomor);
    else if (!is_final(PQgetvalue(r, 0, 0)))
        res = err_set(e, RES_REJECT, "%s is %s: only what has ended can be forgotten", f->nomor,
                      PQgetisnull(r, 0, 0) ? "not known yet" : PQgetvalue(r, 0, 0));
    else if (*PQgetvalue(r, 0, 1) == 't')
        res = err_set(e, RES_REJECT, "%s: a call is still owed for it (bedelauctl jobs show)", f->nomor);
    else if (*PQgetvalue(r, 0, 2) == 't')
        res =
            err_set(e, RES_RETRY, "%s: facts of it are still on their way; try again in a moment", f->nomor);
    PQclear(r);
    return res;
}

/* ---- the log ---------------------------------------------------------------------------------------------------- */

static void
note_documents(struct forgetting *f, struct str data)
{
    for (struct scan_iter it = scan_iter(scan_get(data, "lampiran")); scan_next(&it);) {
        struct str sha = scan_text(&f->arena, scan_get(it.value, "sha256"));

        if (sha.n)
            json_array_append_new(f->sha, json_stringn(sha.p, sha.n));
    }
}

static enum res
shrink_fact(struct forgetting *f, const PGresult *r, int i)
{
    struct str data = str_of(PQgetvalue(r, i, 2));
    const char *args[] = {PQgetvalue(r, i, 0), NULL, f->nomor};

    note_documents(f, data);
    buf_reset(&f->text);
    forget_data(f->rules, str_of(PQgetvalue(r, i, 1)), data, &f->text);
    if (f->text.failed)
        return err_set(&f->c->e, RES_RETRY, "out of memory");
    if (str_eq(buf_view(&f->text), data))
        return RES_OK;
    args[1] = f->text.p;
    return ctl_exec(f->c, "update event set data = $2 where subject = $3 and seq = $1::bigint", 3, args,
                    NULL);
}

static enum res
shrink_log(struct forgetting *f)
{
    PGresult *r =
        ctl_query(f->c, "select seq, type, data from event where subject = $1 order by seq", 1, &f->nomor);
    enum res res = r ? RES_OK : f->c->e.res;

    for (int i = 0; r && i < PQntuples(r) && res == RES_OK; i++)
        res = shrink_fact(f, r, i);
    PQclear(r);
    return res;
}

/* ---- what the programs keep ------------------------------------------------------------------------------------- */

/* Sentences of findings, which a person may have written, stand in the facts behind each worker's row. */
static enum res
shrink_facts_of(struct forgetting *f, const char *table)
{
    char sql[200];
    struct dossier d = dossier_make(&f->arena);
    const char *args[] = {f->nomor, NULL};
    PGresult *r;
    enum res res = RES_OK;

    snprintf(sql, sizeof sql, "select fakta from %s where nomor_permohonan = $1 for update", table);
    r = ctl_query(f->c, sql, 1, &f->nomor);
    if (!r)
        return f->c->e.res;
    if (PQntuples(r) && dossier_read(&d, str_of(PQgetvalue(r, 0, 0)))) {
        for (size_t i = 0; i < d.n; i++) {
            if (!d.facts[i].temuan.n)
                continue;
            buf_reset(&f->text);
            forget_findings(f->rules, d.facts[i].temuan, &f->text);
            d.facts[i].temuan = arena_str(&f->arena, buf_view(&f->text));
        }
        buf_reset(&f->text);
        dossier_write(&d, &f->text);
        args[1] = f->text.p;
        snprintf(sql, sizeof sql, "update %s set fakta = $2 where nomor_permohonan = $1", table);
        res = ctl_exec(f->c, sql, 2, args, NULL);
    }
    PQclear(r);
    return res;
}

static enum res
shrink_request(struct forgetting *f)
{
    PGresult *r = ctl_query(f->c, "select temuan from request where nomor_permohonan = $1", 1, &f->nomor);
    const char *args[] = {f->nomor, NULL};
    enum res res;

    if (!r)
        return f->c->e.res;
    buf_reset(&f->text);
    forget_findings(f->rules, str_of(PQgetvalue(r, 0, 0)), &f->text);
    args[1] = f->text.p;
    res = ctl_exec(f->c, "update request set temuan = $2 where nomor_permohonan = $1", 2, args, NULL);
    PQclear(r);
    return res;
}

static enum res
drop_copies(struct forgetting *f)
{
    static const char *const all[] = {
        "delete from pemeriksaan_tahan where nomor_permohonan = $1",
        "update integration set callbacks = '' where nomor_permohonan = $1",
        "delete from integration_body where nomor_permohonan = $1",
        "delete from job_body_integrator where starts_with(key, $1 || ':')",
        "delete from job_body_validator where starts_with(key, $1 || ':')",
        "update attempt_integrator set error = null where starts_with(key, $1 || ':') and error is not null",
        "update attempt_validator set error = null where starts_with(key, $1 || ':') and error is not null",
        "delete from gateway_idempotency where nomor_permohonan = $1"};
    static const char *const tables[] = {"pemeriksaan", "integration", "deadline_clock", "request"};
    enum res res = RES_OK;

    for (unsigned i = 0; i < sizeof all / sizeof all[0] && res == RES_OK; i++)
        res = exec1(f, all[i]);
    for (unsigned i = 0; i < 4 && res == RES_OK; i++)
        res = shrink_facts_of(f, tables[i]);
    return res == RES_OK ? shrink_request(f) : res;
}

/* ---- one request ------------------------------------------------------------------------------------------------ */

static enum res
mark_forgotten(struct forgetting *f)
{
    char actor[128];
    char *list = json_dumps(f->sha, 0);
    const char *args[] = {f->nomor, actor, f->reason, list};
    enum res res;

    ctl_actor(actor, sizeof actor);
    res = ctl_exec(
        f->c,
        "insert into forgotten as f (nomor_permohonan, actor, reason, documents) values ($1, $2, $3,"
        " array(select distinct lower(jsonb_array_elements_text($4::jsonb))))"
        " on conflict (nomor_permohonan) do update set documents = f.documents || excluded.documents",
        4, args, NULL);
    free(list);
    return res == RES_OK ? ctl_audit(f->c, "forget", f->nomor, f->reason) : res;
}

static enum res
forget_in_transaction(struct forgetting *f)
{
    enum res res = ctl_exec(f->c, "select pg_advisory_xact_lock(" RECORD_LOCK ")", 0, NULL, NULL);

    if (res == RES_OK)
        res = lock_ended(f);
    if (res == RES_OK)
        res = shrink_log(f);
    if (res == RES_OK)
        res = drop_copies(f);
    return res == RES_OK ? mark_forgotten(f) : res;
}

/* In a transaction of its own; the cause of a failure stays what it was. */
static enum res
in_transaction(struct forgetting *f, enum res (*work)(struct forgetting *f))
{
    struct err first;
    enum res res = ctl_exec(f->c, "begin", 0, NULL, NULL);

    if (res == RES_OK)
        res = work(f);
    if (res == RES_OK)
        res = ctl_exec(f->c, "commit", 0, NULL, NULL);
    first = f->c->e;
    if (res != RES_OK && PQstatus(f->c->pg) == CONNECTION_OK)
        ctl_exec(f->c, "rollback", 0, NULL, NULL);
    f->c->e = first;
    return res;
}

static enum res
forget_one(struct forgetting *f)
{
    enum res res;

    f->sha = json_array();
    res = in_transaction(f, forget_in_transaction);
    json_decref(f->sha);
    arena_reset(&f->arena);
    return res;
}

/* ---- what is left behind ---------------------------------------------------------------------------------------- */

/* Attachments that no form of a request that is not forgotten names. One pass over all forms, however many are asked for. */
static const char documents_sql[] =
    "delete from document where encode(sha256, 'hex') in (select unnest(documents) from forgotten"
    " except select lower(m[1]) from event e, regexp_matches(e.data, '[0-9a-fA-F]{64}', 'g') m"
    " where e.type = 'id.go.batam.bedelau.request.submitted.v1' and not exists"
    " (select from forgotten g where g.nomor_permohonan = e.subject))";

/* What programs stored of forgotten requests since: a form that was sent once more, or topics that were read again. */
static enum res
sweep(struct forgetting *f)
{
    static const char *const all[] = {
        "set local statement_timeout to 0",
        "delete from pemeriksaan_tahan t using forgotten f where f.nomor_permohonan = t.nomor_permohonan",
        "delete from integration_body t using forgotten f where f.nomor_permohonan = t.nomor_permohonan"};
    enum res res = RES_OK;

    for (unsigned i = 0; i < 3 && res == RES_OK; i++)
        res = ctl_exec(f->c, all[i], 0, NULL, NULL);
    if (res == RES_OK)
        res = ctl_exec(f->c, documents_sql, 0, NULL, &f->documents);
    return res == RES_OK ? ctl_exec(f->c, "update forgotten set documents = '{}' where documents <> '{}'", 0,
                                    NULL, NULL)
                         : res;
}

static int
no_more(struct forgetting *f, enum res res)
{
    int code = APP_OK;

    if (res != RES_OK)
        code = res == RES_REJECT ? ctl_fail(f->c, CTL_NO, "%s", f->c->e.text) : ctl_failed(f->c);
    forget_free(f->rules);
    arena_free(&f->arena);
    buf_free(&f->text);
    return code;
}

int
ctl_forget(struct ctl *c, int argc, char **argv)
{
    struct forgetting f = {.c = c, .text = buf_make(TEXT_MAX)};
    const struct ctl_opt opts[] = {{"reason", &f.reason, NULL}, {0}};
    enum res res;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&f.nomor, 1, 1}))
        return APP_USAGE;
    if (!f.reason)
        return ctl_fail(c, APP_USAGE,
                        "--reason is needed: it is written down who had what forgotten and why");
    if (!c->why)
        c->why = f.reason;
    if (!ctl_reason(c, "--reason", f.reason))
        return APP_USAGE;
    res = load_rules(c, &f.rules);
    if (res == RES_OK)
        res = ctl_db(c);
    if (res == RES_OK)
        res = forget_one(&f);
    if (res == RES_OK)
        res = in_transaction(&f, sweep);
    if (res == RES_OK && c->json)
        ctl_print(json_pack("{s:s, s:I}", "nomor_permohonan", f.nomor, "documents", (json_int_t)f.documents));
    else if (res == RES_OK)
        printf(
            "%s: its personal data are gone from the database, %lld documents with them; the topics let go of"
            " theirs with time\n",
            f.nomor, (long long)f.documents);
    return no_more(&f, res);
}

/* ---- purge ------------------------------------------------------------------------------------------------------ */

static PGresult *
find_old(struct ctl *c, int64_t ms)
{
    char age[32];
    const char *args[] = {age};

    snprintf(age, sizeof age, "%lld milliseconds", (long long)ms);
    return ctl_query(
        c,
        "select nomor_permohonan from request r where status in ('selesai', 'dibatalkan', 'ditolak')"
        " and updated_at < now() - $1::interval and not exists"
        " (select from forgotten f where f.nomor_permohonan = r.nomor_permohonan) order by updated_at",
        1, args);
}

struct purged {
    int old, done, left;
};

/* Those that cannot go yet are named and left for the next time. */
static enum res
purge_all(struct forgetting *f, const PGresult *old, struct purged *p)
{
    enum res res = RES_OK;

    for (int i = 0; i < PQntuples(old); i++) {
        f->nomor = PQgetvalue(old, i, 0);
        res = forget_one(f);
        if (res == RES_RETRY && PQstatus(f->c->pg) != CONNECTION_OK)
            return res;
        p->done += res == RES_OK;
        if (res != RES_OK) {
            p->left++;
            fprintf(stderr, "bedelauctl: left: %s\n", f->c->e.text);
        }
        err_clear(&f->c->e);
    }
    return RES_OK;
}

static enum res
purge_run(struct forgetting *f, int64_t ms, bool dry, struct purged *p)
{
    char detail[200];
    PGresult *old = ctl_db(f->c) == RES_OK ? find_old(f->c, ms) : NULL;
    enum res res = old ? RES_OK : f->c->e.res;

    p->old = old ? PQntuples(old) : 0;
    if (res == RES_OK && !dry)
        res = purge_all(f, old, p);
    if (res == RES_OK && !dry)
        res = in_transaction(f, sweep);
    PQclear(old);
    snprintf(detail, sizeof detail, "older than %lld days: %d of %d requests, %lld documents",
             (long long)(ms / 86400000), p->done, p->old, (long long)f->documents);
    return res == RES_OK && !dry ? ctl_audit(f->c, "purge", NULL, detail) : res;
}

int
ctl_purge(struct ctl *c, int argc, char **argv)
{
    struct forgetting f = {.c = c, .text = buf_make(TEXT_MAX), .reason = "purge"};
    const char *age = NULL;
    bool dry = false;
    const struct ctl_opt opts[] = {{"older-than", &age, NULL}, {"dry-run", NULL, &dry}, {0}};
    struct purged p = {0};
    int64_t ms;
    enum res res;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}))
        return APP_USAGE;
    if (!age)
        return ctl_fail(c, APP_USAGE, "--older-than TIME is needed, such as 1825d");
    if (!ctl_span(c, "--older-than", age, &ms))
        return APP_USAGE;
    res = load_rules(c, &f.rules);
    if (res == RES_OK)
        res = purge_run(&f, ms, dry, &p);
    if (res == RES_OK && c->json)
        ctl_print(json_pack("{s:i, s:i, s:i, s:I}", "old", p.old, "forgotten", p.done, "left", p.left,
                            "documents", (json_int_t)f.documents));
    else if (res == RES_OK && dry)
        printf("%d requests ended longer ago\n", p.old);
    else if (res == RES_OK)
        printf("%d requests forgotten, %lld documents with them; %d left\n", p.done, (long long)f.documents,
               p.left);
    res = res == RES_OK && p.left ? err_set(&c->e, RES_REJECT, "%d requests could not be forgotten", p.left)
                                  : res;
    return no_more(&f, res);
}
