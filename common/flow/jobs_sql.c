#include "common/flow/jobs_sql.h"

#include <stdio.h>

#include "common/base/buf.h"

/* '@' stands for the worker, '#' for its query of a body that it keeps itself. */
static const char *const texts[JOBS_STMTS] = {
    /* locked: another process must not claim what this transaction decides about */
    [LOAD] = "select key, subject, step, due_at, lease, attempts, deadline_at, quiet_until, state, reason, "
             "stop_reason from job_@ "
             "where subject = any($1::text[]) order by key for update",
    [NEW] =
        "insert into job_@ (key, subject, step, due_at, lease, attempts, deadline_at, quiet_until, state, "
        "reason, body_ref) select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], "
        "$5::bigint[], $6::int[], $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[], "
        "$11::text[])",
    [PUT] =
        "update job_@ j set step = u.step, due_at = u.due_at, lease = u.lease, attempts = u.attempts, "
        "deadline_at = u.deadline_at, quiet_until = u.quiet_until, state = u.state, reason = u.reason "
        "from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::int[], "
        "$7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[]) u(key, subject, step, due_at, lease, "
        "attempts, deadline_at, quiet_until, state, reason) where j.key = u.key",
    [BODY] = "insert into job_body_@ (key, body, hash) select k, b, sha256(b) from unnest($1::text[], "
             "$2::bytea[]) u(k, b) "
             "on conflict do nothing",
    [REMOVE] = "with gone as (delete from job_@ where key = any($1::text[]) returning key) "
               "delete from job_body_@ b using gone where b.key = gone.key",
    [ATTEMPT] = "insert into attempt_@ (key, no, lease, step, quiet_until) select * from unnest($1::text[], "
                "$2::int[], "
                "$3::bigint[], $4::text[], $5::timestamptz[]) on conflict do nothing",
    [ANSWER] =
        "update attempt_@ a set answered_at = clock_timestamp(), fate = u.fate, code = u.code, took_us = "
        "u.took, "
        "error = u.error from unnest($1::text[], $2::int[], $3::text[], $4::int[], $5::bigint[], $6::text[]) "
        "u(key, no, fate, code, took, error) where a.key = u.key and a.no = u.no",
    /* Earliest deadline first among those that have waited longest and those whose deadlines are nearest, so that neither
     * many that wait for their time nor many that are ready are read to find a few. More than are taken are looked at,
     * for other processes may hold some. They are found again by where they lie, a hint: what has moved on meanwhile is
     * judged anew when it is locked. (One by one, and with a sum, so that no index is read whole instead.) */
    [CLAIM] =
        "with c as (select x.at, x.before from unnest(array("
        "select ctid from ((select ctid, deadline_at, due_at from job_@ where due_at <= $4::timestamptz "
        "order by due_at limit 2 * $1::int) union (select ctid, deadline_at, due_at from (select ctid, "
        "deadline_at, due_at from job_@ where lease = 0 order by deadline_at, due_at limit 2 * $1::int) d "
        "where due_at <= $4::timestamptz)) r order by deadline_at nulls last, due_at limit 2 * $1::int)) "
        "h(at) "
        "cross join lateral (select j.ctid as at, j.lease as before from job_@ j where j.ctid = h.at "
        "and j.due_at + interval '0' <= $4::timestamptz for update skip locked) x limit $1::int), "
        "u as (update job_@ j set lease = $2::bigint, due_at = $4::timestamptz + $3::bigint * interval "
        "'1 ms', "
        "attempts = j.attempts + 1, quiet_until = $4::timestamptz + $5::bigint * interval '1 ms', "
        "step = case when c.before <> 0 and j.step = 'send' then 'ask' else j.step end "
        "from c where j.ctid = c.at returning j.key, j.subject, j.step, j.due_at, j.lease, j.attempts, "
        "j.deadline_at, j.quiet_until, j.state, j.reason, j.body_ref), "
        "a as (insert into attempt_@ (key, no, lease, step, quiet_until) "
        "select key, attempts, lease, step, quiet_until from u on conflict do nothing) "
        "select u.*, case when u.body_ref is null then (select b.body from job_body_@ b where b.key = u.key) "
        "else (#) end from u",
    [NEXT] = "select min(due_at) from job_@",
};

static const char *const names[JOBS_STMTS] = {"load",    "new",    "put",   "body", "remove",
                                              "attempt", "answer", "claim", "next"};

bool
jobs_sql(const struct jobs_opts *opts, enum jobs_stmt which, char **name, char **sql)
{
    struct buf b = buf_make(8192);

    for (const char *p = texts[which]; *p; p++) {
        if (*p == '@')
            buf_z(&b, opts->worker);
        else if (*p == '#')
            buf_z(&b, opts->kept_body ? opts->kept_body : "null");
        else
            buf_char(&b, *p);
    }
    *sql = buf_steal(&b);
    if (asprintf(name, "jobs_%s", names[which]) < 0)
        *name = NULL;
    return *sql && *name;
}
