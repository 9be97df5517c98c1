#include "common/pg/pg.h"

#include <stdlib.h>

#include "common/base/backoff.h"
#include "common/base/clk.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/pg/hosts.h"
#include "common/pg/session.h"

#define PG_EPOCH_US INT64_C(946684800000000)

enum { STMTS_MAX = 96, LISTENS_MAX = 8, CONNECT_MS = 5000 };
static const struct backoff pace = {.min_ms = 100, .max_ms = 5000};

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
    bool told_down;
    bool flush_failed;
    unsigned epoch;
    struct loop_fd *watch;
    struct loop_timer retry;
    struct loop_timer connect_limit;
    struct loop_defer
        broke;        /* the connection failed inside a send: tell the groups from the loop, not from there */
    int64_t failures; /* connections in a row that failed */
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

static void on_socket(void *arg, int events);
static void connect_now(void *arg);

/* ---- blame ------------------------------------------------------------------------------------------------------ */

enum res
pg_blame(const char *state, const char *constraint)
{
    if (strcmp(state, "23503") == 0 || strcmp(state, "23505") == 0)
        return RES_RETRY; /* our own keys: never a record's fault */
    if (strcmp(state, "23514") == 0 && !constraint)
        return RES_RETRY; /* nor is a missing partition */
    if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0)
        return RES_REJECT;
    return RES_RETRY;
}

static void
group_fail(struct pg_end *g, enum res res, const char *state, const char *text)
{
    if (g->res != RES_OK)
        return;
    g->res = res;
    snprintf(g->state, sizeof g->state, "%s", state);
    snprintf(g->text, sizeof g->text, "%s", text ? text : "");
    g->text[strcspn(g->text, "\n")] = '\0';
}

static void
group_fail_by(struct pg_end *g, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

    if (state)
        group_fail(g, pg_blame(state, PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME)), state,
                   PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
    else /* the library itself says it */
        group_fail(g, RES_RETRY, "08006", PQresultErrorMessage(r));
}

static void
group_reset(struct pg_end *g)
{
    *g = (struct pg_end){.res = RES_OK};
}

/* ---- turns ------------------------------------------------------------------------------------------------------ */

static void
give_turn(void *arg)
{
    struct pg *pg = arg;
    struct pg_turn *t = pg->turns;

    if (pg->busy || pg->state != UP || !t)
        return;
    pg->turns = t->next;
    if (!pg->turns)
        pg->turns_tail = &pg->turns;
    t->queued = false;
    pg->busy = true;
    t->fn(t->arg);
}

void
pg_turn(struct pg *pg, struct pg_turn *turn)
{
    if (turn->queued)
        return;
    turn->queued = true;
    turn->next = NULL;
    *pg->turns_tail = turn;
    pg->turns_tail = &turn->next;
    loop_defer(pg->loop, &pg->give);
}

void
pg_turn_cancel(struct pg *pg, struct pg_turn *turn)
{
    struct pg_turn **at = &pg->turns;

    if (!turn->queued)
        return;
    while (*at != turn)
        at = &(*at)->next;
    *at = turn->next;
    if (!*at)
        pg->turns_tail = at;
    turn->queued = false;
}

void
pg_done(struct pg *pg)
{
    pg->busy = false;
    loop_defer(pg->loop, &pg->give);
}

/* ---- pending work ----------------------------------------------------------------------------------------------- */

static struct pending *
push(struct pg *pg, enum pending_kind kind)
{
    struct pending *p = calloc(1, sizeof *p);

    if (!p)
        abort();
    p->kind = kind;
    *pg->tail = p;
    pg->tail = &p->next;
    return p;
}

static void
pop(struct pg *pg)
{
    struct pending *p = pg->head;

    pg->head = p->next;
    if (!pg->head)
        pg->tail = &pg->head;
    free(p);
}

/* The connection is gone: every group ends with RES_RETRY, in order. A callback may push new work, which then fails
 * in its own turn of the loop. */
static void
fail_all(struct pg *pg)
{
    struct pending *stop = NULL;
    struct pending *p = pg->head;

    pg->head = NULL;
    pg->tail = &pg->head;
    for (; p != stop;) {
        struct pending *next = p->next;

        group_fail(&pg->group, RES_RETRY, "08006", pg->why);
        if (p->kind == P_SYNC) {
            struct pg_end end = pg->group;

            group_reset(&pg->group);
            p->end(p->arg, &end);
        }
        free(p);
        p = next;
    }
    group_reset(&pg->group);
}

/* ---- connecting ------------------------------------------------------------------------------------------------- */

static void
tell(struct pg *pg, bool up, bool otherwise)
{
    if (up != pg->told_down && !otherwise)
        return;
    pg->told_down = !up;
    if (pg->opts.on_state)
        pg->opts.on_state(pg->opts.arg, up, pg->why);
}

static void
drop_conn(struct pg *pg)
{
    loop_unwatch(pg->watch);
    pg->watch = NULL;
    loop_timer_stop(pg->loop, &pg->connect_limit);
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->nprepared = 0;
    pg->state = DOWN;
}

static void
went_down(struct pg *pg, const char *why)
{
    char before[sizeof pg->why];

    snprintf(before, sizeof before, "%s", pg->why);
    snprintf(pg->why, sizeof pg->why, "%s", why && *why ? why : "connection lost");
    pg->why[strcspn(pg->why, "\n")] = '\0';
    drop_conn(pg);
    tell(pg, false, strcmp(before, pg->why) != 0);
    loop_timer_set(pg->loop, &pg->retry, backoff_ms(&pace, pg->failures++, -1, id_random()));
    fail_all(pg);
}

/* A session that may not write may be so for as long as it lives, though the server takes writes again or another of the
 * hosts does: a new one is made. Nobody is told, since the server answers. */
static void
renew(struct pg *pg)
{
    snprintf(pg->why, sizeof pg->why, "the session may not write");
    drop_conn(pg);
    loop_timer_set(pg->loop, &pg->retry, backoff_ms(&pace, 0, -1, id_random()));
    fail_all(pg);
}

static void
on_broke(void *arg)
{
    struct pg *pg = arg;

    if (pg->state != UP)
        fail_all(pg);
    else if (pg->flush_failed || PQstatus(pg->conn) != CONNECTION_OK)
        went_down(pg, PQerrorMessage(pg->conn));
}

static void
on_listening(void *arg, const struct pg_end *end)
{
    struct pg *pg = arg;

    if (end->res != RES_OK && pg->state == UP)
        log_warn("cannot listen for notifications; others' work is found by looking",
                 LOG_Z("why", end->text));
    pg_done(pg);
}

/* The first group on a new connection, before anybody's turn. */
static void
listen_all(struct pg *pg)
{
    pg->busy = true;
    for (unsigned i = 0; i < pg->listens; i++) {
        char sql[96];

        snprintf(sql, sizeof sql, "LISTEN \"%s\"", pg->listen[i].channel);
        if (PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 0))
            push(pg, P_STMT);
    }
    pg_sync(pg, on_listening, pg);
}

static void
came_up(struct pg *pg)
{
    loop_timer_stop(pg->loop, &pg->connect_limit);
    if (!PQenterPipelineMode(pg->conn)) {
        went_down(pg, PQerrorMessage(pg->conn));
        return;
    }
    fail_all(pg); /* what was sent while down was not sent at all */
    pg->state = UP;
    pg->epoch++;
    pg->flush_failed = false;
    pg->failures = 0;
    loop_watch_set(pg->watch, LOOP_READ);
    tell(pg, true, false);
    listen_all(pg);
}

/* Connected: the session is made ours before anybody works on it. */
static void
begin_session(struct pg *pg)
{
    pg->got = (struct session_got){0};
    if (PQsetnonblocking(pg->conn, 1) || !PQsendQuery(pg->conn, pg->session) || PQflush(pg->conn) < 0) {
        went_down(pg, PQerrorMessage(pg->conn));
        return;
    }
    pg->state = CHECKING;
    loop_watch_set(pg->watch, LOOP_READ | LOOP_WRITE);
}

static void
session_failed(struct pg *pg)
{
    bool for_good = pg->got.e.res == RES_FATAL && pg->opts.on_refused;

    if (for_good)
        pg->told_down = true; /* on_refused tells it */
    went_down(pg, pg->got.e.text);
    if (!for_good)
        return;
    loop_timer_stop(pg->loop, &pg->retry);
    pg->state = REFUSED;
    pg->opts.on_refused(pg->opts.arg, pg->got.e.text);
}

static void
session_answered(struct pg *pg)
{
    if (session_is_pooled(pg->conn, &pg->got)) { /* then what else it said may be of another session */
        struct err e = {0};

        if (session_probe(pg->conn, pg->opts.conninfo, &e) != RES_OK)
            pg->got.e = e;
    }
    if (pg->got.e.res == RES_OK)
        came_up(pg);
    else
        session_failed(pg);
}

static void
read_session(struct pg *pg)
{
    if (!PQconsumeInput(pg->conn)) {
        went_down(pg, PQerrorMessage(pg->conn));
        return;
    }
    loop_watch_set(pg->watch, LOOP_READ | (PQflush(pg->conn) > 0 ? LOOP_WRITE : 0));
    while (!PQisBusy(pg->conn)) {
        PGresult *r = PQgetResult(pg->conn);

        if (!r) {
            session_answered(pg);
            return;
        }
        session_take(&pg->want, r, &pg->got);
        PQclear(r);
    }
}

static void
poll_connect(struct pg *pg)
{
    PostgresPollingStatusType st = PQconnectPoll(pg->conn);
    int fd = PQsocket(pg->conn);

    if (st == PGRES_POLLING_FAILED) {
        pg->got = (struct session_got){0};
        went_down(pg, PQerrorMessage(pg->conn));
        return;
    }
    /* libpq may have moved to another socket (another host, or SSL refused): watch what it has now */
    loop_unwatch(pg->watch);
    pg->watch = loop_watch(pg->loop, fd, st == PGRES_POLLING_WRITING ? LOOP_WRITE : LOOP_READ, on_socket, pg);
    if (!pg->watch)
        went_down(pg, "cannot watch the socket");
    else if (st == PGRES_POLLING_OK)
        begin_session(pg);
}

static void
on_connect_limit(void *arg)
{
    struct pg *pg = arg;

    pg->got = (struct session_got){0};

    pg->first++; /* one of the hosts is silent: the next is begun with */
    went_down(pg, "no answer within the connect limit");
}

static void
on_notice(void *arg, const char *text)
{
    (void)arg;
    log_debug("postgres notice", LOG_Z("text", text));
}

static void
connect_now(void *arg)
{
    struct pg *pg = arg;
    struct hosts h;

    hosts_from(pg->opts.conninfo, pg->first, &h);
    {
        /* what stands before dbname (the conninfo) is only a default; GSS costs a megabyte and a round trip unless wanted */
        const char *const keys[] = {"gssencmode",
                                    "dbname",
                                    "application_name",
                                    "client_encoding",
                                    "keepalives_idle",
                                    "keepalives_interval",
                                    "keepalives_count",
                                    "tcp_user_timeout",
                                    "host",
                                    "hostaddr",
                                    "port",
                                    NULL};
        const char *const vals[] = {"disable",
                                    pg->opts.conninfo,
                                    pg->opts.app_name,
                                    "UTF8",
                                    "30",
                                    "10",
                                    "3",
                                    "30000",
                                    h.host,
                                    h.hostaddr,
                                    h.port,
                                    NULL};

        pg->conn = PQconnectStartParams(keys, vals, 1);
    }
    hosts_free(&h);
    if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
        went_down(pg, pg->conn ? PQerrorMessage(pg->conn) : "out of memory");
        return;
    }
    PQsetNoticeProcessor(pg->conn, on_notice, NULL);
    pg->state = CONNECTING;
    pg->watch = loop_watch(pg->loop, PQsocket(pg->conn), LOOP_WRITE, on_socket, pg);
    loop_timer_set(pg->loop, &pg->connect_limit, CONNECT_MS);
}

/* ---- results ---------------------------------------------------------------------------------------------------- */

static void
take_result(struct pg *pg, struct pending *p, const PGresult *r)
{
    ExecStatusType st = PQresultStatus(r);

    p->answered = true;
    if (st == PGRES_TUPLES_OK || st == PGRES_COMMAND_OK) {
        if (p->kind == P_PREPARE && pg->nprepared < STMTS_MAX)
            pg->prepared[pg->nprepared++] = p->stmt;
        if (p->rows && pg->group.res == RES_OK)
            p->rows(p->arg, r);
    } else if (st != PGRES_PIPELINE_ABORTED) {
        group_fail_by(&pg->group, r);
    }
}

static void
take_sync(struct pg *pg)
{
    struct pg_end end = pg->group;
    pg_end_fn fn = pg->head->end;
    void *arg = pg->head->arg;

    pop(pg);
    group_reset(&pg->group);
    fn(arg, &end);
    if (strcmp(end.state, "25006") == 0 && pg->state == UP)
        renew(pg);
}

/* A result that belongs to no statement, where a sync was awaited: the connection is going. The sync itself stays, to
 * be ended by fail_all, so that its owner hears of it. */
static void
take_stray(struct pg *pg, const PGresult *r)
{
    group_fail_by(&pg->group, r);
}

static void
read_results(struct pg *pg)
{
    unsigned empty = 0; /* NULLs in a row that close nothing */

    while (pg->head && pg->state == UP && empty < 2 && !PQisBusy(pg->conn)) {
        PGresult *r = PQgetResult(pg->conn);

        empty = r ? 0 : empty + 1;
        if (!r && pg->head->answered) {
            pop(pg);
            empty = 0;
        } else if (r && PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
            take_sync(pg);
        } else if (r && pg->head->kind == P_SYNC) {
            take_stray(pg, r);
        } else if (r) {
            take_result(pg, pg->head, r);
        }
        PQclear(r);
    }
}

static void
read_notifications(struct pg *pg)
{
    PGnotify *n;

    while (pg->state == UP && (n = PQnotifies(pg->conn))) {
        for (unsigned i = 0; i < pg->listens; i++)
            if (strcmp(pg->listen[i].channel, n->relname) == 0)
                pg->listen[i].fn(pg->listen[i].arg, str_of(n->extra));
        PQfreemem(n);
    }
}

static void
flush(struct pg *pg)
{
    int left = PQflush(pg->conn);

    if (left < 0) {
        pg->flush_failed = true;
        loop_defer(pg->loop, &pg->broke);
        return;
    }
    loop_watch_set(pg->watch, LOOP_READ | (left ? LOOP_WRITE : 0));
}

static void
on_socket(void *arg, int events)
{
    struct pg *pg = arg;

    if (pg->state == CONNECTING || pg->state == CHECKING) {
        (pg->state == CONNECTING ? poll_connect : read_session)(pg);
        return;
    }
    if (events & LOOP_READ && !PQconsumeInput(pg->conn)) {
        read_results(pg); /* what arrived before the end, such as the server's reason */
        if (pg->state == UP)
            went_down(pg, PQerrorMessage(pg->conn));
        return;
    }
    read_results(pg);
    read_notifications(pg);
    if (pg->state == UP && PQstatus(pg->conn) != CONNECTION_OK)
        went_down(pg, PQerrorMessage(pg->conn));
    else if (pg->state == UP)
        flush(pg);
}

/* ---- sending ---------------------------------------------------------------------------------------------------- */

static bool
is_prepared(const struct pg *pg, const struct pg_stmt *stmt)
{
    for (unsigned i = 0; i < pg->nprepared; i++)
        if (pg->prepared[i] == stmt)
            return true;
    for (const struct pending *p = pg->head; p; p = p->next)
        if (p->kind == P_PREPARE && p->stmt == stmt)
            return true;
    return false;
}

static bool
send_now(struct pg *pg, const struct pg_stmt *stmt, const struct pg_args *args)
{
    struct pg_params p;

    if (args && args->bytes.failed)
        return false;
    if (args)
        pg_args_params(args, &p);
    return PQsendQueryPrepared(pg->conn, stmt->name, args ? (int)args->n : 0, p.val, p.len, p.fmt, 1);
}

void
pg_send(struct pg *pg, const struct pg_stmt *stmt, const struct pg_args *args, pg_rows_fn fn, void *arg)
{
    struct pending *p;
    bool ok = pg->state == UP;

    if (ok && !is_prepared(pg, stmt)) {
        ok = PQsendPrepare(pg->conn, stmt->name, stmt->sql, 0, NULL);
        p = push(pg, P_PREPARE);
        p->stmt = stmt;
    }
    ok = ok && send_now(pg, stmt, args);
    p = push(pg, P_STMT);
    p->stmt = stmt;
    p->rows = fn;
    p->arg = arg;
    if (!ok && pg->state == UP) /* libpq and we no longer agree on what was sent: start anew */
        went_down(pg, PQerrorMessage(pg->conn));
}

void
pg_sync(struct pg *pg, pg_end_fn fn, void *arg)
{
    struct pending *p = push(pg, P_SYNC);

    p->end = fn;
    p->arg = arg;
    if (pg->state != UP || !PQpipelineSync(pg->conn)) {
        loop_defer(pg->loop, &pg->broke);
        return;
    }
    flush(pg);
}

void
pg_listen(struct pg *pg, const char *channel, void (*fn)(void *arg, struct str payload), void *arg)
{
    if (pg->listens == LISTENS_MAX)
        abort();
    pg->listen[pg->listens].channel = channel;
    pg->listen[pg->listens].fn = fn;
    pg->listen[pg->listens++].arg = arg;
}

unsigned
pg_epoch(const struct pg *pg)
{
    return pg->epoch;
}

const char *
pg_unfit(const struct pg *pg)
{
    return pg->state != UP && pg->got.e.res != RES_OK ? pg->got.e.text : NULL;
}

bool
pg_up(const struct pg *pg)
{
    return pg->state == UP;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static struct session_want
session_of(const struct pg_opts *o)
{
    return (struct session_want){.schema = o->schema ? o->schema : "public",
                                 .statement_ms = o->statement_ms ? o->statement_ms : 30000,
                                 .lock_ms = o->lock_ms ? o->lock_ms : 15000,
                                 .idle_tx_ms = o->idle_tx_ms ? o->idle_tx_ms : 10000,
                                 .async_commit = o->async_commit,
                                 .release = o->release,
                                 .migration = o->migration};
}

enum res
pg_new(struct loop *loop, const struct pg_opts *opts, struct pg **ret, struct err *e)
{
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(opts->conninfo, &why);
    struct pg *pg;

    *ret = NULL;
    if (!parsed) {
        err_set(e, RES_FATAL, "[postgres] conninfo: %s", why ? why : "out of memory");
        PQfreemem(why);
        return RES_FATAL;
    }
    PQconninfoFree(parsed);
    pg = calloc(1, sizeof *pg);
    if (!pg)
        return err_set(e, RES_FATAL, "out of memory");
    pg->want = session_of(opts);
    pg->session = session_sql(&pg->want);
    if (!pg->session) {
        free(pg);
        return err_set(e, RES_FATAL, "out of memory");
    }
    pg->loop = loop;
    pg->opts = *opts;
    pg->tail = &pg->head;
    pg->turns_tail = &pg->turns;
    pg->retry = (struct loop_timer){.fn = connect_now, .arg = pg};
    pg->connect_limit = (struct loop_timer){.fn = on_connect_limit, .arg = pg};
    pg->give = (struct loop_defer){.fn = give_turn, .arg = pg};
    pg->broke = (struct loop_defer){.fn = on_broke, .arg = pg};
    loop_timer_set(loop, &pg->retry, 0);
    *ret = pg;
    return RES_OK;
}

void
pg_close(struct pg *pg)
{
    if (!pg)
        return;
    loop_timer_stop(pg->loop, &pg->retry);
    drop_conn(pg);
    snprintf(pg->why, sizeof pg->why, "closing");
    fail_all(pg);
}

void
pg_free(struct pg *pg)
{
    if (!pg)
        return;
    pg_close(pg);
    free(pg->session);
    free(pg);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

struct str
pg_text(const PGresult *r, int row, int col)
{
    if (PQgetisnull(r, row, col))
        return STR_NULL;
    return (struct str){PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col)};
}

int64_t
pg_int(const PGresult *r, int row, int col)
{
    const unsigned char *p = (const unsigned char *)PQgetvalue(r, row, col);
    int n = PQgetlength(r, row, col);
    uint64_t v = 0;

    if (PQgetisnull(r, row, col))
        return 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    if (n == 4)
        return (int32_t)(uint32_t)v;
    return n == 2 ? (int16_t)(uint16_t)v : (int64_t)v;
}

int64_t
pg_time(const PGresult *r, int row, int col)
{
    return PQgetisnull(r, row, col) ? INT64_MIN : pg_int(r, row, col) + PG_EPOCH_US;
}
