/* jobs list|show|retry|cancel: what is owed to the outside world. Locks are taken in the integrator's order (the requests'
 * rows by number, then their jobs by key), so that neither waits for the other in a ring. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "producers/ctl/ctl.h"

/* A job whose lease ran out is for whoever looks next, as one that is due. */
#define STATE_SQL                                                                                            \
    "case when due_at <= clock_timestamp() then 'ready' when lease <> 0 then 'leased' else 'parked' end"

/* `fmt` with each @ replaced by the worker's name; the caller frees. */
static char *
for_worker(const char *fmt, const char *worker)
{
    struct buf b = buf_make(8192);

    for (const char *p = fmt; *p; p++) {
        if (*p == '@')
            buf_z(&b, worker);
        else
            buf_char(&b, *p);
    }
    return buf_steal(&b);
}

static PGresult *
query(struct ctl *c, const char *fmt, const char *worker, int n, const char *const *args)
{
    char *sql = for_worker(fmt, worker);
    PGresult *r = NULL;

    if (!sql)
        err_set(&c->e, RES_FATAL, "out of memory");
    else if (ctl_db(c) == RES_OK)
        r = ctl_query(c, sql, n, args);
    free(sql);
    return r;
}

static bool
known_worker(struct ctl *c, const char *worker)
{
    if (strcmp(worker, "integrator") == 0 || strcmp(worker, "validator") == 0)
        return true;
    ctl_fail(c, APP_USAGE, "--worker is integrator or validator, not %s", worker);
    return false;
}

static bool
known_state(struct ctl *c, const char *state)
{
    if (!state || strcmp(state, "ready") == 0 || strcmp(state, "leased") == 0 || strcmp(state, "parked") == 0)
        return true;
    ctl_fail(c, APP_USAGE, "--state is ready, leased or parked, not %s", state);
    return false;
}

/* ---- list, show ------------------------------------------------------------------------------------------------- */

#define JOB_COLUMNS                                                                                          \
    "j.key, j.subject, j.step, " STATE_SQL " as state, j.attempts, j.reason, j.due_at, j.deadline_at,"       \
    " j.stop_reason"

static int
list(struct ctl *c, int argc, char **argv)
{
    const char *worker = "integrator";
    const char *opd = NULL;
    const char *state = NULL;
    const char *limit = "50";
    const struct ctl_opt opts[] = {{"worker", &worker, NULL},
                                   {"opd", &opd, NULL},
                                   {"state", &state, NULL},
                                   {"limit", &limit, NULL},
                                   {0}};
    PGresult *r;
    int64_t n;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}) ||
        !ctl_number(c, "--limit", limit, 1, 1000000, &n) || !known_worker(c, worker) ||
        !known_state(c, state))
        return APP_USAGE;
    r = query(c,
              "select " JOB_COLUMNS " from job_@ j where ($1::text is null or exists (select 1 from request q"
              " where q.nomor_permohonan = j.subject collate \"default\" and q.kode_opd = $1))"
              " and ($2::text is null or " STATE_SQL " = $2)"
              " order by j.deadline_at nulls last, j.due_at, j.key limit $3::bigint",
              worker, 3, (const char *[]){opd, state, limit});
    if (!r)
        return ctl_failed(c);
    ctl_rows(c, r);
    PQclear(r);
    return APP_OK;
}

static void
print_both(struct ctl *c, const PGresult *jobs, const PGresult *attempts)
{
    const PGresult *const both[] = {jobs, attempts};
    json_t *list_of[2];

    if (!c->json) {
        if (PQntuples(jobs))
            ctl_rows(c, jobs);
        else
            puts("nothing is owed any more");
        putchar('\n');
        ctl_rows(c, attempts);
        return;
    }
    for (int k = 0; k < 2; k++) {
        list_of[k] = json_array();
        for (int i = 0; i < PQntuples(both[k]); i++)
            json_array_append_new(list_of[k], ctl_object(both[k], i));
    }
    ctl_print(json_pack("{s:o, s:o}", "jobs", list_of[0], "attempts", list_of[1]));
}

static int
show(struct ctl *c, int argc, char **argv)
{
    const char *worker = "integrator";
    const char *what;
    const struct ctl_opt opts[] = {{"worker", &worker, NULL}, {0}};
    PGresult *jobs;
    PGresult *attempts = NULL;
    int code = APP_OK;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&what, 1, 1}) || !known_worker(c, worker))
        return APP_USAGE;
    jobs = query(c,
                 "select " JOB_COLUMNS ", j.quiet_until, j.created_at from job_@ j"
                 " where j.key = $1 or j.subject = $1 order by j.key",
                 worker, 1, &what);
    if (jobs)
        attempts = query(c,
                         "select key, no, step, sent_at, answered_at, fate, code, took_us / 1000 as took_ms,"
                         " error from attempt_@ where key = $1 or starts_with(key, $1 || ':')"
                         " order by sent_at, key, no",
                         worker, 1, &what);
    if (!attempts)
        code = ctl_failed(c);
    else if (!PQntuples(jobs) && !PQntuples(attempts))
        code = ctl_fail(c, CTL_NO, "no job and no attempt of %s", what);
    else if ((code = ctl_note_read(c, "jobs show", what)) ==
             APP_OK) /* what was answered is anybody's words */
        print_both(c, jobs, attempts);
    PQclear(attempts);
    PQclear(jobs);
    return code;
}

/* ---- changes: some requests at a time ---------------------------------------------------------------------------- */

enum { CHUNK = 500 };

/* What is changed in one transaction. */
struct change {
    struct ctl *c;
    const char *subjects; /* as an array */
    const char *key;      /* only this job; NULL = all of the requests' */
    const char *reason;   /* of a cancellation */
    PGresult *rows;       /* what was done; the caller's */
};

/* One column of a result as text of a Postgres array; the caller frees. */
static char *
as_array(const PGresult *r, int col)
{
    struct buf b = buf_make(1 << 20);

    buf_char(&b, '{');
    for (int i = 0; i < PQntuples(r); i++) {
        buf_z(&b, i ? ",\"" : "\"");
        for (const char *p = PQgetvalue(r, i, col); *p; p++) {
            if (*p == '"' || *p == '\\')
                buf_char(&b, '\\');
            buf_char(&b, *p);
        }
        buf_char(&b, '"');
    }
    buf_char(&b, '}');
    return buf_steal(&b);
}

static enum res
lock(const struct change *ch)
{
    static const char *const locks[] = {
        "select 1 from integration where nomor_permohonan = any($1::text[])"
        " order by nomor_permohonan collate \"C\" for update",
        "select 1 from job_integrator where subject = any($1::text[]) order by key for update"};
    enum res res = ctl_exec(ch->c, "begin", 0, NULL, NULL);

    for (int i = 0; i < 2 && res == RES_OK; i++)
        res = ctl_exec(ch->c, locks[i], 1, &ch->subjects, NULL);
    return res;
}

static enum res
run(struct change *ch, const char *sql, int n)
{
    const char *args[] = {ch->subjects, ch->key, ch->reason};
    enum res res = lock(ch);

    if (res != RES_OK)
        return res;
    ch->rows = ctl_query(ch->c, sql, n, args);
    return ch->rows ? ctl_tell_integrators(ch->c) : ch->c->e.res;
}

/* Which requests a key or a number names, as an array for the caller to free; NULL: the reason was said, and `*code` is the
 * exit code. */
static char *
find_subjects(struct ctl *c, const char *what, int *code)
{
    PGresult *r =
        query(c, "select distinct subject from job_@ where key = $1 or subject = $1", "integrator", 1, &what);
    char *found = NULL;

    if (!r)
        *code = ctl_failed(c);
    else if (!PQntuples(r))
        *code = ctl_fail(c, CTL_NO, "nothing is owed to Bedelau for %s", what);
    else if (!(found = as_array(r, 0)))
        *code = ctl_fail(c, APP_BUG, "out of memory");
    PQclear(r);
    return found;
}

/* ---- retry ------------------------------------------------------------------------------------------------------ */

/* An attempt in doubt may act until quiet_until: nobody may look before, or it would be sent twice. */
static const char retry_sql[] =
    "with was as (select key, " STATE_SQL " as state from job_integrator where subject = any($1::text[])"
    " and ($2::text is null or key = $2)), now as (update job_integrator j"
    " set due_at = greatest(clock_timestamp(), j.quiet_until) from was"
    " where j.key = was.key and was.state = 'parked' returning j.key, j.due_at)"
    " select was.key, was.state, now.key is not null as changed, now.due_at from was left join now using "
    "(key)"
    " order by was.key";

static enum res
retry_some(struct change *ch, const char *what, int64_t *changed)
{
    char detail[32];
    int64_t n = 0;
    enum res res = run(ch, retry_sql, 2);

    for (int i = 0; res == RES_OK && i < PQntuples(ch->rows); i++)
        n += *PQgetvalue(ch->rows, i, 2) == 't';
    snprintf(detail, sizeof detail, "%lld jobs", (long long)n);
    if (res == RES_OK && n)
        res = ctl_audit(ch->c, "jobs retry", what, detail);
    *changed += n;
    return res == RES_OK ? ctl_exec(ch->c, "commit", 0, NULL, NULL) : res;
}

static int
retry_one(struct ctl *c, const char *what)
{
    int code = APP_OK;
    char *subjects = find_subjects(c, what, &code);
    struct change ch = {c, subjects, strchr(what, ':') ? what : NULL, NULL, NULL};
    int64_t changed = 0;

    if (subjects && retry_some(&ch, what, &changed) != RES_OK)
        code = ctl_failed(c);
    else if (subjects)
        ctl_rows(c, ch.rows);
    PQclear(ch.rows);
    free(subjects);
    return code;
}

/* The next requests of those that were parked when the command began. */
static enum res
retry_next(struct ctl *c, bool *more, int64_t *changed)
{
    PGresult *found = ctl_query(c, "fetch 500 from parked", 0, NULL);
    char *subjects = found ? as_array(found, 0) : NULL;
    struct change ch = {c, subjects, NULL, NULL, NULL};
    enum res res = subjects ? RES_OK : c->e.res;

    *more = found && PQntuples(found) > 0;
    if (subjects && *more)
        res = retry_some(&ch, "--all-parked", changed);
    PQclear(ch.rows);
    PQclear(found);
    free(subjects);
    return res;
}

static int
retry_all(struct ctl *c)
{
    bool more = true;
    int64_t changed = 0;
    enum res res = ctl_db(c);

    if (res == RES_OK)
        res = ctl_exec(c,
                       "declare parked cursor with hold for select distinct subject from job_integrator"
                       " where lease = 0 and due_at > clock_timestamp() order by 1",
                       0, NULL, NULL);
    while (res == RES_OK && more)
        res = retry_next(c, &more, &changed);
    if (res != RES_OK)
        return ctl_failed(c);
    if (c->json)
        ctl_print(json_pack("{s:I}", "changed", (json_int_t)changed));
    else
        printf("%lld jobs are due now\n", (long long)changed);
    return APP_OK;
}

static int
retry(struct ctl *c, int argc, char **argv)
{
    const char *what;
    bool all = false;
    const struct ctl_opt opts[] = {{"all-parked", NULL, &all}, {0}};

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&what, 0, 1}))
        return APP_USAGE;
    if (what && !all)
        return retry_one(c, what);
    if (all && !what)
        return retry_all(c);
    return ctl_fail(c, APP_USAGE, "name a key or a number, or say --all-parked");
}

/* ---- cancel ----------------------------------------------------------------------------------------------------- */

/* The integrator settles it (workers/integrator/stop.c); a withdrawal is on its way to an end already. */
static const char cancel_sql[] =
    "update job_integrator set stop_reason = $3, due_at = case when lease = 0 and step = 'ask'"
    " then least(due_at, greatest(clock_timestamp(), quiet_until)) else due_at end"
    " where subject = any($1::text[]) and ($2::text is null or key = $2) and step <> 'cancel'"
    " returning key, case when lease <> 0 then 'a call is under way: told when its end is known'"
    " when step = 'ask' then 'what Bedelau has of it is not known: it is asked first'"
    " when step = 'send' and attempts > 0 and quiet_until is not null"
    " then 'the end of the last call is not known: its repeat tells it first'"
    " when step = 'poll' then 'Bedelau has it: taken back first where it can be' else 'told now' end as then";

static enum res
cancel_some(struct change *ch)
{
    enum res res = run(ch, cancel_sql, 3);

    for (int i = 0; res == RES_OK && i < PQntuples(ch->rows); i++)
        res = ctl_audit(ch->c, "jobs cancel", PQgetvalue(ch->rows, i, 0), ch->reason);
    return res == RES_OK ? ctl_exec(ch->c, "commit", 0, NULL, NULL) : res;
}

static int
cancel_found(struct ctl *c, const char *what, const char *subjects, const char *reason)
{
    struct change ch = {c, subjects, strchr(what, ':') ? what : NULL, reason, NULL};
    int code = APP_OK;

    if (cancel_some(&ch) != RES_OK)
        code = ctl_failed(c);
    else if (!PQntuples(ch.rows))
        code =
            ctl_fail(c, CTL_NO, "%s has ended meanwhile, or is being taken back from Bedelau already", what);
    else
        ctl_rows(c, ch.rows);
    PQclear(ch.rows);
    return code;
}

static int
cancel(struct ctl *c, int argc, char **argv)
{
    const char *what;
    const char *reason = NULL;
    const struct ctl_opt opts[] = {{"reason", &reason, NULL}, {0}};
    char *subjects;
    int code = APP_OK;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&what, 1, 1}))
        return APP_USAGE;
    if (!reason)
        return ctl_fail(c, APP_USAGE, "--reason TEXT is needed");
    if (!c->why)
        c->why = reason;
    if (!ctl_reason(c, "--reason", reason))
        return APP_USAGE;
    subjects = find_subjects(c, what, &code);
    if (subjects)
        code = cancel_found(c, what, subjects, reason);
    free(subjects);
    return code;
}

int
ctl_jobs(struct ctl *c, int argc, char **argv)
{
    static const struct ctl_cmd cmds[] = {{"list", "", "", "", list},
                                          {"show", "", "", "", show},
                                          {"retry", "", "", "", retry},
                                          {"cancel", "", "", "", cancel},
                                          {0}};

    return ctl_sub(c, cmds, argc, argv);
}
