/* How a pooler lends its server processes. One client alone is given the same process again and again, so it cannot tell. Two can:
 * A ends a transaction, B begins one and stays in it, A asks again. Who lends for a session leaves A its process all the while. Who lends
 * for a transaction gives B the one that A had last, or A another one than before. And one that has no process left for B serves A all
 * the same only where A's is its own, since B stood in the queue before. */
#include "common/pg/session.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clk.h"

enum { ROUNDS = 4, ASKS = 16, CONNECT_MS = 5000, ANSWER_MS = 3000 };
enum { NONE = 0, FAILED = -1, NO_TRANSACTIONS = -2 }; /* in place of a process' number */

static const char who[] = "select pg_backend_pid()";

/* Waits for the socket; false when the time is over. */
static bool
await(const PGconn *conn, short events, int64_t end_ms)
{
    int64_t left = end_ms - clk_mono_ms();
    struct pollfd p = {.fd = PQsocket(conn), .events = events};

    return left > 0 && poll(&p, 1, (int)left) > 0;
}

/* A connection of its own to where `a` leads, the caller's to PQfinish; NULL when it was not to be had in time. Of several
 * hosts another may have no pooler before it, or another one. */
static PGconn *
open_one(const PGconn *a, const char *conninfo)
{
    const char *const keys[] = {"gssencmode", "application_name", "dbname", "host", "hostaddr", "port", NULL};
    const char *const vals[] = {"disable", "probe", conninfo, PQhost(a), PQhostaddr(a), PQport(a), NULL};
    int64_t end = clk_mono_ms() + CONNECT_MS;
    PGconn *conn = PQconnectStartParams(keys, vals, 1);
    PostgresPollingStatusType st = PGRES_POLLING_WRITING;

    while (conn && PQstatus(conn) != CONNECTION_BAD && st != PGRES_POLLING_OK && st != PGRES_POLLING_FAILED) {
        if (!await(conn, st == PGRES_POLLING_WRITING ? POLLOUT : POLLIN, end))
            break;
        st = PQconnectPoll(conn);
    }
    if (st == PGRES_POLLING_OK)
        return conn;
    PQfinish(conn);
    return NULL;
}

static int
pid_of(const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

    if (PQresultStatus(r) == PGRES_TUPLES_OK)
        return (int)strtol(PQgetvalue(r, 0, 0), NULL, 10);
    if (PQresultStatus(r) == PGRES_COMMAND_OK)
        return NONE;
    return state && strcmp(state, "08P01") == 0 ? NO_TRANSACTIONS : FAILED;
}

/* Which process answers; NONE: nobody did in time. */
static int
ask(PGconn *conn, const char *sql)
{
    int64_t end = clk_mono_ms() + ANSWER_MS;
    int pid = NONE;
    PGresult *r;

    if (!PQsendQuery(conn, sql) || PQflush(conn) < 0)
        return FAILED;
    for (;;) {
        while (PQisBusy(conn))
            if (!await(conn, POLLIN, end))
                return NONE;
            else if (!PQconsumeInput(conn))
                return FAILED;
        r = PQgetResult(conn);
        if (!r)
            return pid;
        if (pid >= NONE && pid_of(r) != NONE)
            pid = pid_of(r);
        PQclear(r);
    }
}

enum verdict { OWN, SHARED, UNKNOWN, AGAIN };

/* Asks as often as it takes to be given another process by a pooler whose other clients are busy. */
static int
ask_again(PGconn *conn, int first)
{
    int pid = first;

    for (int i = 0; i < ASKS && pid == first; i++)
        pid = ask(conn, who);
    return pid;
}

/* A had `pid` before B got `other`; A is asked again where B does not say it all. */
static enum verdict
judge(PGconn *a, int pid, int other)
{
    int again;

    if (other == NO_TRANSACTIONS || other == pid)
        return SHARED;
    again = ask_again(a, pid);
    if (again > 0 && again != pid)
        return SHARED;
    if (again <= 0 || other == FAILED)
        return UNKNOWN;
    return other == NONE ? OWN : AGAIN;
}

/* One time; AGAIN: nothing speaks against it, but somebody else may have come between A and B. */
static enum verdict
round_of(PGconn *a, const char *conninfo)
{
    PGconn *b = open_one(a, conninfo);
    int pid = b ? ask(a, who) : FAILED;
    int other = pid > 0 ? ask(b, "begin; select pg_backend_pid()") : FAILED;
    enum verdict v = pid > 0 ? judge(a, pid, other) : UNKNOWN;

    PQfinish(b);
    return v;
}

enum res
session_probe(PGconn *conn, const char *conninfo, struct err *e)
{
    enum verdict v = AGAIN;

    for (int i = 0; i < ROUNDS && v == AGAIN; i++)
        v = round_of(conn, conninfo);
    if (v == SHARED)
        return err_set(e, RES_FATAL,
                       "a pooler stands before Postgres and lends its connections for one transaction; this "
                       "needs a session: connect "
                       "to Postgres itself, or set pool_mode = session for this database");
    if (v == UNKNOWN)
        return err_set(
            e, RES_RETRY,
            "a pooler stands before Postgres, and it gives no second connection to see how it lends them");
    return RES_OK;
}
