#include "common/pg/session.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/pg/migrate.h"

/* The schema as a quoted name, else capitals would be folded. */
static void
add_schema(struct buf *b, const char *name)
{
    buf_char(b, '"');
    for (const char *p = name; *p; p++) {
        if (*p == '"')
            buf_char(b, '"');
        buf_char(b, *p);
    }
    buf_char(b, '"');
}

char *
session_sql(const struct session_want *w)
{
    struct buf b = buf_make(4096);

    buf_z(&b, "set search_path to ");
    add_schema(&b, w->schema ? w->schema : "public");
    buf_printf(&b,
               "; set statement_timeout = %lld; set lock_timeout = %lld;"
               " set idle_in_transaction_session_timeout = %lld",
               (long long)w->statement_ms, (long long)w->lock_ms, (long long)w->idle_tx_ms);
    /* each statement is planned once, though its tables may be empty then: by their indexes, not by what is in them. A
     * table without a fitting index then counts as so dear that each such statement would be compiled, for 40 ms or more */
    buf_z(&b, "; set timezone = 'UTC'; set plan_cache_mode = force_generic_plan; set enable_seqscan = off; "
              "set jit = off");
    if (w->async_commit)
        buf_z(&b, "; set synchronous_commit = off");
    /* what a client of a pooler left behind would be in our way under the same names */
    buf_z(&b, "; deallocate all; unlisten *");
    if (w->migration || w->release)
        buf_z(&b, "; " SESSION_MIGRATION_SQL);
    return buf_steal(&b);
}

/* ---- the answers ------------------------------------------------------------------------------------------------ */

static void
refused(const struct session_want *w, const PGresult *r, struct err *e)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (state && strcmp(state, "42P01") == 0)
        err_set(e, RES_RETRY, "schema %s is not migrated yet", w->schema);
    else
        err_set(e, RES_RETRY, "%s (SQLSTATE %s)", text ? text : "no answer", state ? state : "none");
}

/* The highest of a list of versions parted by blanks. */
static struct str
highest(struct str list)
{
    struct str best = STR_NULL;

    for (size_t i = 0, from = 0; i <= list.n; i++) {
        struct str one = {list.p + from, i - from};

        if (i < list.n && list.p[i] != ' ')
            continue;
        if (one.n && (!best.p || migrate_version_cmp(one, best) > 0))
            best = one;
        from = i + 1;
    }
    return best;
}

static void
take_version(const struct session_want *w, const PGresult *r, struct session_got *got)
{
    struct str oldest = highest(str_of(PQgetvalue(r, 0, 1)));

    got->newest = (int)strtol(PQgetvalue(r, 0, 0), NULL, 10);
    if (w->release && oldest.p && migrate_version_cmp(str_of(w->release), oldest) < 0)
        err_set(&got->e, RES_FATAL,
                "schema %s (migration %04d) needs programs of %.*s or later, and this is %s", w->schema,
                got->newest, STR_FMT(oldest), w->release);
    else if (w->migration && got->newest < w->migration)
        err_set(&got->e, RES_RETRY,
                "schema %s is at migration %04d, and this program needs %04d: it has to be migrated first",
                w->schema, got->newest, w->migration);
}

void
session_take(const struct session_want *w, const PGresult *r, struct session_got *got)
{
    ExecStatusType st = PQresultStatus(r);

    if (st == PGRES_TUPLES_OK && strcmp(PQfname(r, 0), "backend") == 0)
        got->pid = (int)strtol(PQgetvalue(r, 0, 0), NULL, 10);
    else if (st == PGRES_TUPLES_OK)
        take_version(w, r, got);
    else if (st != PGRES_COMMAND_OK && got->e.res == RES_OK)
        refused(w, r, &got->e);
}

bool
session_is_pooled(const PGconn *conn, const struct session_got *got)
{
    return got->pid && PQbackendPID(conn) != got->pid;
}
