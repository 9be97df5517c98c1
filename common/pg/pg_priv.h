/* pg_priv: what the parts of pg share: pg.c has turns, groups and results, pg_connect.c makes connections and lets them go. */
#ifndef PG_PG_PRIV_H
#define PG_PG_PRIV_H

#include "common/pg/pg.h"
#include "common/pg/session.h"

enum { STMTS_MAX = 96, LISTENS_MAX = 8 };

enum pending_kind { P_PREPARE, P_STMT, P_SYNC };

struct pending {
    enum pending_kind kind;
    const struct pg_stmt *stmt;
    pg_rows_fn rows;
    pg_end_fn end;
    void *arg;
    bool answered; /* its result came; the NULL that closes it did not yet */
    struct pending *next;
};

struct pg {
    struct loop *loop;
    struct pg_opts opts;
    struct session_want want;
    char *session; /* the statements that make a session ours */
    struct session_got
        got;        /* of the last session; its error stays until a session is good or none can be had */
    unsigned first; /* which of several hosts is tried first */
    PGconn *conn;
    enum { DOWN, CONNECTING, CHECKING, UP, REFUSED } state;
    bool
        own; /* while it is checked: the session is known to be ours alone, and is being made as we want it */
    bool told_down;
    bool flush_failed;
    unsigned epoch;
    struct loop_fd *watch;
    struct loop_timer retry;
    struct loop_timer connect_limit;
    struct loop_defer
        broke;        /* the connection failed inside a send: tell the groups from the loop, not from there */
    int64_t failures; /* connections in a row that failed, or could not be worked with */
    const struct pg_stmt *prepared[STMTS_MAX];
    unsigned nprepared;
    struct pending *head, **tail;
    struct pg_end group; /* how the group whose answers are arriving goes */
    struct pg_turn *turns, **turns_tail;
    bool busy; /* somebody has the turn */
    struct loop_defer give;
    struct {
        const char *channel;
        void (*fn)(void *arg, struct str payload);
        void *arg;
    } listen[LISTENS_MAX];
    unsigned listens;
    char why[200];
};

/* ---- pg.c ------------------------------------------------------------------------------------------------------- */

/* A further thing whose answer is awaited. */
struct pending *pg_push(struct pg *pg, enum pending_kind kind);

/* The connection is gone: every group ends with RES_RETRY, in order. A callback may push new work, which then fails in its own
 * turn of the loop. */
void pg_fail_all(struct pg *pg);

/* The socket is ready: goes on connecting, or reads what came and sends what is left. */
void pg_on_socket(void *arg, int events);

/* ---- pg_connect.c ----------------------------------------------------------------------------------------------- */

/* Timers and deferred calls, `arg` is the pg: begins to connect; gives a connection up that takes too long; tells the groups of
 * one that failed inside a send. */
void pg_connect_now(void *arg);
void pg_on_connect_limit(void *arg);
void pg_on_broke(void *arg);

/* The socket is ready, while it is being connected. */
void pg_connect_goes_on(struct pg *pg);

/* Closes the connection, without a word. */
void pg_drop_conn(struct pg *pg);

/* Closes it, tells why, and connects again in a moment. */
void pg_went_down(struct pg *pg, const char *why);

/* A session that may not write may be so for as long as it lives, though the server takes writes again or another of the hosts
 * does: a new one is made. Nobody is told, since the server answers. */
void pg_renew(struct pg *pg);

#endif
