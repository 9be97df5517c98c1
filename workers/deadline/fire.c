#include "workers/deadline/deadline.h"

#include <stdlib.h>

#include "common/base/log.h"

/* The alarm is set to the earliest due instant that is known; it is computed, not polled. A slow look at the table
 * every minute finds what another process stored and did not live to see. */

enum { LOOK_MS = 60000, RINGS_MAX = 500, BUSY_MS = 20 };

static const struct pg_stmt next_stmt = {"deadline_next",
                                         "select min(due_at) from deadline_clock where due_at is not null"};
static const struct pg_stmt due_stmt = {
    "deadline_due", "select nomor_permohonan from deadline_clock where due_at <= $1::timestamptz "
                    "order by due_at limit $2::int for update skip locked"};

static void
set_alarm(struct worker *w)
{
    struct deadline *d = w->own;
    int64_t wait_ms = LOOK_MS;

    if (d->next_us != INT64_MIN) {
        int64_t left = (d->next_us - clk_us(w->app->clk)) / 1000 + 1 + d->grace_ms;

        wait_ms = left < wait_ms ? left : wait_ms;
    }
    loop_timer_set(w->app->loop, &d->alarm, wait_ms < BUSY_MS ? BUSY_MS : wait_ms);
}

void
fire_note(struct worker *w, int64_t due_us)
{
    struct deadline *d = w->own;

    if (due_us == INT64_MIN || (d->next_us != INT64_MIN && due_us >= d->next_us))
        return;
    d->next_us = due_us;
    if (!d->looking && !d->ringing)
        set_alarm(w);
}

/* ---- due rows --------------------------------------------------------------------------------------------------- */

static void
on_due(void *arg, const PGresult *r)
{
    struct worker *w = arg;
    struct deadline *d = w->own;

    for (int i = 0; i < PQntuples(r); i++) {
        struct ring *ring = calloc(1, sizeof *ring);

        if (!ring)
            abort();
        snprintf(ring->nomor, sizeof ring->nomor, "%.*s", STR_FMT(pg_text(r, i, 0)));
        ring->own.nomor = str_of(ring->nomor);
        ring->read_us = d->read_us - d->grace_ms * 1000;
        d->ringing++;
        flow_post(w->flow, ring);
    }
}

static void
on_next(void *arg, const PGresult *r)
{
    struct worker *w = arg;
    struct deadline *d = w->own;

    d->next_us = pg_time(r, 0, 0);
}

static void look(struct worker *w, int64_t read_us);

static void
on_looked(void *arg, const struct pg_end *end)
{
    struct worker *w = arg;
    struct deadline *d = w->own;

    pg_done(w->app->pg);
    d->looking = false;
    if (end->res == RES_OK && d->ringing)
        return; /* fire_rung goes on */
    if (end->res == RES_OK && d->read_us != INT64_MIN)
        look(w, INT64_MIN); /* nothing more is due: what is next? */
    else
        set_alarm(w);
}

static void
on_turn(void *arg)
{
    struct worker *w = arg;
    struct deadline *d = w->own;

    pg_args_reset(&w->args);
    if (d->read_us != INT64_MIN) {
        pg_arg_time(&w->args, d->read_us - d->grace_ms * 1000);
        pg_arg_int4(&w->args, RINGS_MAX);
        pg_send(w->app->pg, &due_stmt, &w->args, on_due, w);
    } else {
        pg_send(w->app->pg, &next_stmt, NULL, on_next, w);
    }
    pg_sync(w->app->pg, on_looked, w);
}

static void
look(struct worker *w, int64_t read_us)
{
    struct deadline *d = w->own;

    d->looking = true;
    d->read_us = read_us;
    pg_turn(w->app->pg, &d->turn);
}

static void
on_open(void *arg, int64_t read_us)
{
    look(arg, read_us);
}

static bool
is_due(const struct worker *w, int64_t margin_ms)
{
    const struct deadline *d = w->own;

    return d->next_us != INT64_MIN && d->next_us + margin_ms * 1000 <= clk_us(w->app->clk);
}

static void
on_alarm(void *arg)
{
    struct worker *w = arg;
    struct deadline *d = w->own;

    if (d->looking || d->ringing)
        return;
    if (is_due(w, d->hard_ms)) {
        log_warn("clocks are past the hard maximum; they are settled by what is known");
        metric_add(d->m_late, 1);
        look(w, clk_us(w->app->clk));
    } else if (is_due(w, d->grace_ms)) {
        gate_ask(d->gate);
        loop_timer_set(w->app->loop, &d->alarm, d->hard_ms < LOOK_MS ? d->hard_ms : LOOK_MS);
    } else {
        look(w, INT64_MIN); /* what does the table say is next? */
    }
}

/* The rings of a committed batch: when all are through, look for more that is due. */
void
fire_rung(struct worker *w, const struct flow_batch *b)
{
    struct deadline *d = w->own;
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        n += !b->items[i].rkm && !((const struct ring *)b->items[i].mine)->recount;
    if (!n)
        return;
    d->ringing -= n < d->ringing ? n : d->ringing;
    if (!d->ringing && !d->looking)
        look(w, d->read_us); /* more may have been due by then */
}

enum res
fire_start(struct worker *w, struct err *e)
{
    struct deadline *d = w->own;

    d->next_us = INT64_MIN;
    d->alarm = (struct loop_timer){.fn = on_alarm, .arg = w};
    d->turn = (struct pg_turn){.fn = on_turn, .arg = w};
    loop_timer_set(w->app->loop, &d->alarm, 0);
    return gate_new(w, on_open, w, &d->gate, e);
}

void
fire_stop(struct worker *w)
{
    struct deadline *d = w->own;

    loop_timer_stop(w->app->loop, &d->alarm);
    pg_turn_cancel(w->app->pg, &d->turn);
    gate_free(d->gate);
}
