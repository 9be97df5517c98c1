#include "common/pg/pg.h"

#include <stdlib.h>

#include "common/pg/pg_priv.h"

#define PG_EPOCH_US INT64_C(946684800000000)

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

struct pending *
pg_push(struct pg *pg, enum pending_kind kind)
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

void
pg_fail_all(struct pg *pg)
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
        pg_renew(pg);
}

/* A result that belongs to no statement, where a sync was awaited: the connection is going. The sync itself stays, to
 * be ended by pg_fail_all, so that its owner hears of it. */
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

void
pg_on_socket(void *arg, int events)
{
    struct pg *pg = arg;

    if (pg->state == CONNECTING || pg->state == CHECKING) {
        pg_connect_goes_on(pg);
        return;
    }
    if (events & LOOP_READ && !PQconsumeInput(pg->conn)) {
        read_results(pg); /* what arrived before the end, such as the server's reason */
        if (pg->state == UP)
            pg_went_down(pg, PQerrorMessage(pg->conn));
        return;
    }
    read_results(pg);
    read_notifications(pg);
    if (pg->state == UP && PQstatus(pg->conn) != CONNECTION_OK)
        pg_went_down(pg, PQerrorMessage(pg->conn));
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
        p = pg_push(pg, P_PREPARE);
        p->stmt = stmt;
    }
    ok = ok && send_now(pg, stmt, args);
    p = pg_push(pg, P_STMT);
    p->stmt = stmt;
    p->rows = fn;
    p->arg = arg;
    if (!ok && pg->state == UP) /* libpq and we no longer agree on what was sent: start anew */
        pg_went_down(pg, PQerrorMessage(pg->conn));
}

void
pg_sync(struct pg *pg, pg_end_fn fn, void *arg)
{
    struct pending *p = pg_push(pg, P_SYNC);

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
    pg->retry = (struct loop_timer){.fn = pg_connect_now, .arg = pg};
    pg->connect_limit = (struct loop_timer){.fn = pg_on_connect_limit, .arg = pg};
    pg->give = (struct loop_defer){.fn = give_turn, .arg = pg};
    pg->broke = (struct loop_defer){.fn = pg_on_broke, .arg = pg};
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
    pg_drop_conn(pg);
    snprintf(pg->why, sizeof pg->why, "closing");
    pg_fail_all(pg);
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
