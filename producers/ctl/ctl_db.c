#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/pg/args.h"
#include "common/pg/pg.h"
#include "common/pg/session.h"
#include "producers/ctl/ctl.h"
#include "producers/ctl/ctl_words.h"

static void
on_notice(void *arg, const PGresult *r)
{
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    (void)arg;
    log_at(LOG_DEBUG, "Postgres notice", LOG_Z("text", text ? text : ""), LOG_NONE);
}

/* The schema may be missing before the first migration; a search_path does not mind. */
static enum res
set_session(struct ctl *c)
{
    char *ident = PQescapeIdentifier(c->pg, c->set.schema, strlen(c->set.schema));
    char statement[24];
    char lock[24];
    char idle[24];
    const char *args[] = {ident, statement, lock, idle};
    enum res res;

    if (!ident)
        return err_set(&c->e, RES_FATAL, "[postgres] schema: %s", PQerrorMessage(c->pg));
    snprintf(statement, sizeof statement, "%lld", (long long)c->set.statement_ms * 2);
    snprintf(lock, sizeof lock, "%lld", (long long)c->set.lock_ms);
    /* a command that is stopped in the middle gives up its locks */
    snprintf(idle, sizeof idle, "%lld", (long long)c->set.idle_tx_ms * 6);
    res = ctl_exec(c,
                   "select set_config('search_path', $1, false), set_config('timezone', 'UTC', false),"
                   " set_config('datestyle', 'ISO', false), set_config('statement_timeout', $2, false),"
                   " set_config('lock_timeout', $3, false),"
                   " set_config('idle_in_transaction_session_timeout', $4, false)",
                   4, args, NULL);
    PQfreemem(ident);
    return res;
}

static void
ask_session(struct ctl *c, const char *sql, struct session_got *got)
{
    const struct session_want want = {
        .schema = c->set.schema, .release = APP_RELEASE, .migration = APP_MIGRATION};
    PGresult *r = PQexec(c->pg, sql);

    session_take(&want, r, got);
    PQclear(r);
}

/* A session of its own: first of all, since behind a pooler anything may be answered by another one. */
static enum res
own_session(struct ctl *c)
{
    struct session_got got = {0};

    ask_session(c, SESSION_BACKEND_SQL, &got);
    if (session_is_pooled(c->pg, &got))
        session_probe(c->pg, c->set.conninfo, &got.e);
    return got.e.res == RES_OK ? RES_OK : err_set(&c->e, got.e.res, "Postgres: %s", got.e.text);
}

/* A database that this program fits; any will do where it is to be migrated. */
static enum res
fits(struct ctl *c)
{
    struct session_got got = {0};

    if (strcmp(c->cmd, "migrate") != 0)
        ask_session(c, SESSION_MIGRATION_SQL, &got);
    return got.e.res == RES_OK ? RES_OK : err_set(&c->e, RES_FATAL, "Postgres: %s", got.e.text);
}

enum res
ctl_db(struct ctl *c)
{
    /* what the conninfo says comes later in the list and wins over the first two */
    const char *const names[] = {"connect_timeout", "application_name", "dbname", NULL};
    const char *const values[] = {"10", "bedelauctl", c->set.conninfo, NULL};
    const char *text;
    size_t n;

    if (c->pg)
        return RES_OK;
    if (!c->set.conninfo)
        return err_set(&c->e, RES_FATAL, "[postgres] conninfo is required (BEDELAU_POSTGRES_CONNINFO)");
    c->pg = PQconnectdbParams(names, values, 1);
    if (!c->pg)
        return err_set(&c->e, RES_FATAL, "out of memory");
    if (PQstatus(c->pg) != CONNECTION_OK) {
        text = PQerrorMessage(c->pg);
        n = strcspn(text, "\n");
        return err_set(&c->e, RES_RETRY, "Postgres: %.*s", (int)n, text);
    }
    PQsetNoticeReceiver(c->pg, on_notice, NULL);
    if (own_session(c) == RES_OK && set_session(c) == RES_OK)
        fits(c);
    return c->e.res;
}

/* A statement that the server does not understand or that we may not send (42) is ours to mend, and never a record's fault. */
static enum res
blame(const char *state, const char *constraint)
{
    return strncmp(state, "42", 2) == 0 ? RES_FATAL : pg_blame(state, constraint);
}

/* DETAIL is left out: it may quote data. */
static void
db_failed(struct ctl *c, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (!state || PQstatus(c->pg) != CONNECTION_OK)
        err_set(&c->e, RES_RETRY, "Postgres: the connection broke");
    else if (strcmp(state, "42P01") == 0 || strcmp(state, "42883") == 0)
        err_set(&c->e, RES_FATAL, "Postgres: %s; has `bedelauctl migrate` run in schema %s?", text,
                c->set.schema);
    else
        err_set(&c->e, blame(state, PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME)),
                "Postgres: %s (SQLSTATE %s)", text, state);
}

static PGresult *
succeed(struct ctl *c, PGresult *r)
{
    ExecStatusType st = PQresultStatus(r);

    if (st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK)
        return r;
    db_failed(c, r);
    PQclear(r);
    return NULL;
}

PGresult *
ctl_query(struct ctl *c, const char *sql, int n, const char *const *args)
{
    return succeed(c, PQexecParams(c->pg, sql, n, NULL, args, NULL, NULL, 0));
}

PGresult *
ctl_query_params(struct ctl *c, const char *sql, int n, const struct pg_params *p)
{
    return succeed(
        c, PQexecParams(c->pg, sql, n, NULL, p ? p->val : NULL, p ? p->len : NULL, p ? p->fmt : NULL, 1));
}

int
ctl_show(struct ctl *c, const char *sql, int n, const char *const *args)
{
    PGresult *r = ctl_db(c) == RES_OK ? ctl_query(c, sql, n, args) : NULL;

    if (!r)
        return ctl_failed(c);
    ctl_rows(c, r);
    PQclear(r);
    return APP_OK;
}

enum res
ctl_exec(struct ctl *c, const char *sql, int n, const char *const *args, int64_t *rows)
{
    PGresult *r = ctl_query(c, sql, n, args);
    int64_t touched = 0;

    if (r)
        str_int(str_of(PQcmdTuples(r)), &touched);
    if (rows)
        *rows = touched;
    PQclear(r);
    return r ? RES_OK : c->e.res;
}

void
ctl_actor(char *out, size_t cap)
{
    const char *sudo = getenv("SUDO_USER");
    char buf[4096];
    struct passwd pw;
    struct passwd *found = NULL;

    if (sudo && *sudo)
        snprintf(out, cap, "%s", sudo);
    else if (getlogin_r(out, cap) != 0)
        snprintf(out, cap, "%s",
                 getpwuid_r(getuid(), &pw, buf, sizeof buf, &found) == 0 && found ? found->pw_name
                                                                                  : "unknown");
}

/* The host that the command runs on, and where its user is logged in from. */
static void
ctl_origin(char *out, size_t cap)
{
    const char *ssh = getenv("SSH_CLIENT");
    char host[HOST_NAME_MAX + 1] = "";

    if (gethostname(host, sizeof host - 1) != 0 || !*host)
        snprintf(host, sizeof host, "unknown");
    snprintf(out, cap, "%s%s%.*s", host, ssh && *ssh ? " from " : "", ssh ? (int)strcspn(ssh, " ") : 0,
             ssh ? ssh : "");
}

enum res
ctl_exec_all(struct ctl *c, const char *const *sql)
{
    enum res res = RES_OK;

    for (; *sql && res == RES_OK; sql++)
        res = ctl_exec(c, *sql, 0, NULL, NULL);
    return res;
}

bool
ctl_has(struct ctl *c, const char *name)
{
    PGresult *r = ctl_query(c, "select to_regclass($1) is not null", 1, &name);
    bool there = r && *PQgetvalue(r, 0, 0) == 't';

    PQclear(r);
    return there;
}

enum res
ctl_audit(struct ctl *c, const char *action, const char *subject, const char *detail)
{
    char actor[128];
    char origin[HOST_NAME_MAX + 80];
    const char *args[] = {actor, action, subject, detail, origin, c->why};

    ctl_actor(actor, sizeof actor);
    ctl_origin(origin, sizeof origin);
    if (!ctl_has(c, "audit_log_subject")) /* older migrations end before the log says from where and why */
        return ctl_exec(c, "insert into audit_log (actor, action, subject, detail) values ($1, $2, $3, $4)",
                        4, args, NULL);
    return ctl_exec(c,
                    "insert into audit_log (actor, action, subject, detail, origin, reason)"
                    " values ($1, $2, $3, $4, $5, $6)",
                    6, args, NULL);
}

int
ctl_note_read(struct ctl *c, const char *action, const char *subject)
{
    enum res res = ctl_audit(c, action, subject, NULL);

    if (res == RES_OK)
        return APP_OK;
    return ctl_fail(c, res == RES_RETRY ? APP_UNAVAILABLE : APP_CONFIG,
                    "the read cannot be noted in audit_log, so nothing is shown: %s", c->e.text);
}

enum res
ctl_tell_integrators(struct ctl *c)
{
    return ctl_exec(c, "select pg_notify('brake_integrator', '')", 0, NULL, NULL);
}

int64_t
ctl_time(const PGresult *r, int row, int col)
{
    int64_t t_us;

    if (PQgetisnull(r, row, col) || !ctl_words_pg_time(PQgetvalue(r, row, col), &t_us))
        return INT64_MIN;
    return t_us;
}
