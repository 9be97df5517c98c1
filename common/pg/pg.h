/* pg: one connection to Postgres in the loop: connects and re-connects by itself, pipelines, and blames the right side.
 *
 * Work is sent in groups: any number of pg_send, then pg_sync. A group is one round trip; the first statement that
 * fails ends it. Who wants to send first waits for its turn (pg_turn), so that nobody's statements fall into another's
 * open transaction. */
#ifndef PG_PG_H
#define PG_PG_H

#include <libpq-fe.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/base/str.h"
#include "common/pg/args.h"

struct pg;

struct pg_opts {
    const char *conninfo; /* libpq's key = value or URI; several hosts are fine */
    const char *schema;   /* becomes the search_path */
    const char *app_name; /* shown in pg_stat_activity */
    int64_t statement_ms; /* statement_timeout; 0 = 30000 */
    int64_t lock_ms;      /* lock_timeout; 0 = 15000 */
    int64_t
        idle_tx_ms; /* idle_in_transaction_session_timeout: a stopped process gives up its locks; 0 = 10000 */
    bool async_commit; /* synchronous_commit=off: only for state that can be read again from its source */
    const char
        *release; /* of the program, and the migration that it needs (session.h); NULL and 0: any will do */
    int migration;
    /* Told once per change, and again while it is down when the reason is another one; may be NULL. */
    void (*on_state)(void *arg, bool up, const char *why);
    /* The database is there and can never be used by this program as it is (session.h: RES_FATAL): nothing more is tried. Not
     * NULL unless release is NULL. */
    void (*on_refused)(void *arg, const char *why);
    void *arg;
};

/* A statement; static data. Prepared on its first use on each connection. */
struct pg_stmt {
    const char *name; /* unique per process */
    const char *sql;
};

/* How a group ended. */
struct pg_end {
    enum res res;   /* RES_OK; RES_REJECT: the data is to blame (pg_blame); RES_RETRY: everything else */
    char state[6];  /* SQLSTATE of the first failure; "08006" when the connection went away */
    char text[200]; /* its message without DETAIL, which may quote data */
};

typedef void (*pg_rows_fn)(void *arg,
                           const PGresult *r); /* one successful statement's result; `r` is the library's */
typedef void (*pg_end_fn)(void *arg, const struct pg_end *end);

/* Does not wait for the server (but behind a pooler, once per connection, for session_probe). Of several hosts the next one
 * is begun with when the limit was over. RES_FATAL for a conninfo that cannot be parsed. */
enum res pg_new(struct loop *loop, const struct pg_opts *opts, struct pg **ret, struct err *e);

/* Ends pending groups with RES_RETRY and closes, for good. To be called while those who asked still live: they are
 * told. NULL is fine. */
void pg_close(struct pg *pg);

/* Closes where that was not done, and frees. NULL is fine. */
void pg_free(struct pg *pg);

bool pg_up(const struct pg *pg);

/* What is wrong with a database that answers and cannot be used (yet); NULL otherwise. */
const char *pg_unfit(const struct pg *pg);

/* Counts connections made: a change tells that notifications may have been missed. */
unsigned pg_epoch(const struct pg *pg);

/* A place in the queue for the connection; caller's memory. */
struct pg_turn {
    void (*fn)(void *arg); /* it is your turn: send groups, and pg_done when the last has ended */
    void *arg;
    struct pg_turn *next;
    bool queued;
};

/* Asks for a turn; `fn` is called from the loop when the connection is up and free. Asking again while queued does
 * nothing. */
void pg_turn(struct pg *pg, struct pg_turn *turn);

/* Withdraws a turn that is still queued. */
void pg_turn_cancel(struct pg *pg, struct pg_turn *turn);

/* Gives the connection to the next. Only when no transaction is open and no group of yours is pending. */
void pg_done(struct pg *pg);

/* Adds a statement to the current group; `args` may be reused at once. `fn` (may be NULL) gets its rows, binary. */
void pg_send(struct pg *pg, const struct pg_stmt *stmt, const struct pg_args *args, pg_rows_fn fn, void *arg);

/* Ends the group; `fn` is called once, from the loop, when all is answered or the connection went away. */
void pg_sync(struct pg *pg, pg_end_fn fn, void *arg);

/* LISTEN on a channel now and after each re-connect; `fn` gets each notification's payload. */
void pg_listen(struct pg *pg, const char *channel, void (*fn)(void *arg, struct str payload), void *arg);

/* Who is to blame for a SQLSTATE: see struct pg_end. `constraint` is the name that the server gives with it, or NULL: a row
 * that breaks a CHECK has one, a row for which there is no partition has none, and both are 23514. */
enum res pg_blame(const char *state, const char *constraint);

/* Values of a binary result; `null` columns give STR_NULL, 0 and INT64_MIN. */
struct str pg_text(const PGresult *r, int row, int col); /* text or bytea; lives as long as `r` */
int64_t pg_int(const PGresult *r, int row, int col);     /* int2, int4, int8, bool */
int64_t pg_time(const PGresult *r, int row, int col);    /* timestamptz: microseconds since 1970 */

#endif
