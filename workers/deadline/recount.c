#include <stdlib.h>

#include "common/base/fault.h"
#include "common/base/log.h"
#include "workers/deadline/deadline.h"

/* The rows that were reckoned by an older calendar are their own list of what is left: a row leaves it in the transaction
 * that reckons it anew. Some are named at a time and posted as a due clock is; the next are named when those are through,
 * and no sooner than the rate allows.
 *
 * Terms are read at the start, so what is open by others is looked for then, in the same way; later it is not, or two
 * processes that read different terms would move the same clocks to and fro. */

enum { LOOK_MS = 60000, RETRY_MS = 1000, ROUND_MAX = 500, FIRST_MS = 1000 };

struct recount {
    struct worker *w;
    struct loop_timer next;
    struct pg_turn turn;
    struct pg_args args;
    bool asking;
    size_t posted;    /* and not committed yet */
    bool refused;     /* by the database, one of them: it would be named again at once */
    size_t named;     /* by the last question .. */
    int64_t asked_id; /* .. which was for rows older than this calendar */
    int64_t began_ms; /* monotonic: the round */
    int64_t done;     /* since the calendar came, for the log */
    bool starting;    /* what is by other terms is looked for too */
    struct metric *m_recounted;
};

/* Two ranges of the index; INT64_MAX leaves the second empty. What another process has named too is found done. */
static const struct pg_stmt stale_stmt = {
    "deadline_stale",
    "(select nomor_permohonan from deadline_clock where kalender >= 0 and kalender < $1::bigint "
    "order by kalender limit $3::int) union all "
    "(select nomor_permohonan from deadline_clock where kalender >= 0 and kalender > $2::bigint "
    "order by kalender limit $3::int)"};

static int64_t
per_s(const struct recount *c)
{
    return ((const struct deadline *)c->w->own)->recount_per_s;
}

static void
look_in(struct recount *c, int64_t ms)
{
    loop_timer_set(c->w->app->loop, &c->next, ms);
}

static void
post(struct recount *c, struct str nomor)
{
    struct ring *ring = calloc(1, sizeof *ring);

    if (!ring)
        abort();
    snprintf(ring->nomor, sizeof ring->nomor, "%.*s", STR_FMT(nomor));
    ring->own.nomor = str_of(ring->nomor);
    c->named++;
    c->posted++;
    flow_post(c->w->flow, ring);
    FAULT("deadline.recount_posted");
}

static void
on_stale(void *arg, const PGresult *r)
{
    for (int i = 0; i < PQntuples(r); i++)
        post(arg, pg_text(r, i, 0));
}

static void
tell_end(struct recount *c)
{
    char version[TERMS_VERSION];

    terms_version(c->w->terms, version);
    if (c->done)
        log_info("open clocks were reckoned anew",
                 LOG_Z("calendar", calendar_version(almanac_newest(c->w->almanac))), LOG_Z("terms", version),
                 LOG_I("requests", c->done));
    c->done = 0;
}

static void
on_answered(void *arg, const struct pg_end *end)
{
    struct recount *c = arg;

    pg_done(c->w->app->pg);
    c->asking = false;
    if (c->posted)
        return; /* recount_committed goes on */
    if (end->res == RES_OK && c->asked_id == almanac_id(c->w->almanac)) {
        tell_end(c);
        c->starting = false;
        look_in(c, LOOK_MS);
    } else {
        look_in(c, end->res == RES_OK ? 0 : RETRY_MS);
    }
}

static void
on_turn(void *arg)
{
    struct recount *c = arg;

    c->named = 0;
    c->asked_id = almanac_id(c->w->almanac);
    pg_args_reset(&c->args);
    pg_arg_int8(&c->args, c->starting ? reckoned_by(c->w) : c->asked_id << 32);
    pg_arg_int8(&c->args, c->starting ? reckoned_by(c->w) : INT64_MAX);
    pg_arg_int4(&c->args, (int32_t)(per_s(c) < ROUND_MAX ? per_s(c) : ROUND_MAX));
    pg_send(c->w->app->pg, &stale_stmt, &c->args, on_stale, c);
    pg_sync(c->w->app->pg, on_answered, c);
}

static void
on_next(void *arg)
{
    struct recount *c = arg;

    if (c->asking || c->posted || c->w->stopping)
        return;
    c->asking = true;
    c->began_ms = clk_mono_ms();
    pg_turn(c->w->app->pg, &c->turn);
}

void
recount_begin(struct recount *c)
{
    if (!c->asking && !c->posted)
        look_in(c, 0);
}

void
recount_committed(struct recount *c, const struct flow_batch *b)
{
    size_t n = 0;
    size_t refused = 0;
    int64_t wait_ms;

    for (size_t i = 0; i < b->n; i++)
        if (!b->items[i].rkm && item_nomor(&b->items[i]).n) {
            n++;
            refused += b->items[i].code != NULL;
        }
    if (!n)
        return;
    FAULT("deadline.recounted");
    c->posted -= n < c->posted ? n : c->posted;
    c->done += (int64_t)(n - refused);
    c->refused |= refused > 0;
    metric_add(c->m_recounted, (double)(n - refused));
    if (c->posted)
        return;
    wait_ms = (int64_t)c->named * 1000 / per_s(c) - (clk_mono_ms() - c->began_ms);
    look_in(c, c->refused ? LOOK_MS : wait_ms > 0 ? wait_ms : 0);
    c->refused = false;
}

enum res
recount_new(struct worker *w, struct recount **ret, struct err *e)
{
    struct recount *c = calloc(1, sizeof *c);

    *ret = c;
    if (!c)
        return err_set(e, RES_FATAL, "out of memory");
    c->w = w;
    c->args = pg_args_make();
    c->next = (struct loop_timer){.fn = on_next, .arg = c};
    c->turn = (struct pg_turn){.fn = on_turn, .arg = c};
    c->m_recounted = metric(
        w->app->metrics, METRIC_COUNTER, "bedelau_clocks_recounted", "",
        "Requests whose open clocks were looked at again because another calendar or other terms are in "
        "force");
    c->starting = true;
    look_in(c, FIRST_MS);
    return RES_OK;
}

void
recount_free(struct recount *c)
{
    if (!c)
        return;
    loop_timer_stop(c->w->app->loop, &c->next);
    pg_turn_cancel(c->w->app->pg, &c->turn);
    pg_args_free(&c->args);
    free(c);
}
