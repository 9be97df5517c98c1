/* session: what a session with Postgres has to be before anybody works on it: its settings, a database that this program fits, and a
 * server process of its own.
 *
 * Settings are SET after connecting and not given as start-up options, which poolers refuse or ignore. */
#ifndef PG_SESSION_H
#define PG_SESSION_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

struct session_want {
    const char *schema;   /* becomes the search_path */
    int64_t statement_ms; /* statement_timeout */
    int64_t lock_ms;      /* lock_timeout */
    int64_t idle_tx_ms;   /* idle_in_transaction_session_timeout: a stopped process gives up its locks */
    bool async_commit;    /* synchronous_commit=off */
    const char *release;  /* of this program, compared with what migrations demand; NULL = not looked at */
    int migration;        /* the newest that this program needs; 0 = not looked at */
};

/* Which process answers: first of all, since settings would stay with a session that is not ours alone. The last migration, and what
 * migrations demand: for who asks by himself. */
#define SESSION_BACKEND_SQL "select pg_backend_pid() as backend"
#define SESSION_MIGRATION_SQL                                                                                \
    "select coalesce(max(number), 0) as newest, coalesce(string_agg(distinct oldest_program, ' '), '')"      \
    " from schema_migration"

/* What these statements, and those of session_sql, answered. */
struct session_got {
    int pid;      /* of the server process; 0 = not told yet */
    int newest;   /* the last migration */
    struct err e; /* the first reason why the session cannot be used; RES_OK = none */
};

/* The statements, for the simple protocol; the caller frees. NULL: out of memory. */
char *session_sql(const struct session_want *w);

/* Takes one of their results. got->e: RES_RETRY: not now (the database is not migrated so far, or refuses); RES_FATAL: never with
 * this program, which is older than the database allows. */
void session_take(const struct session_want *w, const PGresult *r, struct session_got *got);

/* Whether the process that answers is another than the one that the connection was made to: a pooler stands between. */
bool session_is_pooled(const PGconn *conn, const struct session_got *got);

/* Whether clients of the pooler that `conn` (idle, in no pipeline; made with `conninfo`) leads to keep one server process from their
 * first statement to their last. Makes further connections to that same host and waits: some milliseconds, at most some seconds where the pooler has no
 * process left. RES_OK: they do; RES_FATAL: they share them, one transaction or statement each; RES_RETRY: it cannot be told, and
 * `conn` is of no use any more. */
enum res session_probe(PGconn *conn, const char *conninfo, struct err *e);

#endif
