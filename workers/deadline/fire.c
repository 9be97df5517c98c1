#include "workers/deadline/deadline.h"

#include <stdlib.h>

#include "common/base/clkset.h"
#include "common/base/fault.h"
#include "common/base/log.h"

/* The alarm is set to the earliest due instant that is known; it is computed, not polled. When it rings, the gate is
 * asked; when that opens, due rows are claimed into the flow's batches, the earliest first and locked ones skipped, and
 * each is recomputed, told and stored in the transaction that claimed it. So any number of processes share the work, and
 * whoever dies in the middle has done nothing. A slow look at the table every minute finds what another process stored
 * and did not live to see. */

enum { LOOK_MS = 60000, AGAIN_MS = 1000, GAUGE_MS = 5000, LEAST_MS = 10, CLAIM_MAX = 2500, FULL_MS = 10 };

/* A claim that the database refuses for its data is halved until it is the one row. So many of those in a row, and none settled
 * between, are our fault: no more is put off until the next look at the table. */
enum { PUT_OFF_MAX = 8 };
static const int64_t PUT_OFF_US = LOOK_AGAIN_S * (int64_t)1000000;

/* With more than these of our facts on their way no row is claimed: what is behind us takes no more. */
static const size_t OUTBOX_MAX = 8000;

/* Clocks of two machines that differ by less are taken as equal; the grace is there for that. */
static const int64_t SKEW_US = 500000;

static const struct pg_stmt next_stmt = {
    "deadline_next", "select min(due_at), clock_timestamp() from deadline_clock where due_at > "
                     "coalesce($1::timestamptz, '-infinity')"};
static const struct pg_stmt claim_stmt = {
    "deadline_claim",
    "select nomor_permohonan, urutan, fakta, jam, due_at, kalender from deadline_clock "
    "where due_at <= $1::timestamptz order by due_at limit $2::bigint for update skip locked"};
static const struct pg_stmt put_off_stmt = {
    "deadline_put_off",
    "update deadline_clock set due_at = $3::timestamptz where nomor_permohonan in (select nomor_permohonan "
    "from deadline_clock where nomor_permohonan = $2 and due_at <= $1::timestamptz for update skip locked)"};

/* ---- the clock -------------------------------------------------------------------------------------------------- */

int64_t
fire_now(const struct worker *w)
{
    const struct deadline *d = w->own;

    return clk_us(w->app->clk) - d->skew_us;
}

void
fire_compare(struct worker *w, int64_t own_us, int64_t db_us)
{
    struct deadline *d = w->own;
    int64_t ahead_us = own_us - db_us > SKEW_US ? own_us - db_us : 0;

    if (ahead_us && !d->skew_us)
        log_warn("this machine's clock is ahead of the database's, which clocks are kept by until then",
                 LOG_I("ahead_ms", ahead_us / 1000));
    d->skew_us = ahead_us;
}

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- the states ------------------------------------------------------------------------------------------------- */

static bool
is_due(const struct worker *w, int64_t margin_ms)
{
    const struct deadline *d = w->own;

    return d->next_us != INT64_MIN && d->next_us + margin_ms * 1000 <= fire_now(w);
}

/* Until the earliest known instant and so long after it; at most `most_ms`. */
static int64_t
until_due(const struct worker *w, int64_t margin_ms, int64_t most_ms)
{
    const struct deadline *d = w->own;
    int64_t left_ms;

    if (d->next_us == INT64_MIN)
        return most_ms;
    left_ms = (d->next_us - fire_now(w)) / 1000 + 1 + margin_ms;
    return most(LEAST_MS, least(left_ms, most_ms));
}

static void
set_gauge(struct worker *w)
{
    struct deadline *d = w->own;
    double late =
        is_due(w, d->grace_ms) ? (double)(fire_now(w) - d->next_us) / 1e6 - (double)d->grace_ms / 1e3 : 0;

    metric_set(d->m_overdue, late);
}

static void
rest(struct worker *w)
{
    struct deadline *d = w->own;

    d->firing = FIRE_RESTS;
    set_gauge(w);
    loop_timer_set(w->app->loop, &d->alarm, until_due(w, d->grace_ms, d->unsure ? AGAIN_MS : LOOK_MS));
}

static void
ask_table(struct worker *w)
{
    struct deadline *d = w->own;

    d->firing = FIRE_ASKS;
    pg_turn(w->app->pg, &d->turn);
}

static void
wait_for_gate(struct worker *w)
{
    struct deadline *d = w->own;
    int64_t closed_ms;

    d->firing = FIRE_WAITS;
    set_gauge(w);
    FAULT("deadline.alarm");
    gate_ask(d->gate); /* it never opens at once */
    closed_ms = least(d->hard_ms - gate_closed_ms(d->gate), GAUGE_MS);
    loop_timer_set(w->app->loop, &d->alarm, most(until_due(w, d->hard_ms, GAUGE_MS), closed_ms));
}

/* Posts a claim, unless what is behind us has enough for now. */
static void
claim(struct worker *w)
{
    struct deadline *d = w->own;
    struct ring *ring;

    d->firing = FIRE_CLAIMS;
    if (w->stopping)
        return;
    if (outbox_pending(w->outbox) > OUTBOX_MAX) {
        loop_timer_set(w->app->loop, &d->alarm, FULL_MS);
        return;
    }
    loop_timer_stop(w->app->loop, &d->alarm);
    ring = calloc(1, sizeof *ring);
    if (!ring)
        abort();
    d->posted_ms = clk_mono_ms();
    flow_post(w->flow, ring);
}

static void
on_open(void *arg, int64_t read_us)
{
    struct worker *w = arg;
    struct deadline *d = w->own;

    if (d->firing != FIRE_WAITS)
        return; /* it was too long in coming: the hard maximum has begun to claim */
    FAULT("deadline.gate_open");
    d->hard = false;
    d->read_us = read_us - d->grace_ms * 1000;
    claim(w);
}

/* The gate has been closed for so long that those who have waited for it as long are settled by what is known. Both
 * count: after a day of downtime all are long overdue, and the answers are still to be read. */
static bool
hard_maximum(struct worker *w)
{
    struct deadline *d = w->own;

    if (!is_due(w, d->hard_ms) || gate_closed_ms(d->gate) < d->hard_ms)
        return false;
    d->hard = true;
    d->read_us = fire_now(w) - d->hard_ms * 1000;
    claim(w);
    return true;
}

static void
on_alarm(void *arg)
{
    struct worker *w = arg;
    const struct deadline *d = w->own;

    if (d->firing == FIRE_CLAIMS)
        claim(w);
    else if (d->firing == FIRE_WAITS ? !hard_maximum(w) : d->firing == FIRE_RESTS && is_due(w, d->grace_ms))
        wait_for_gate(w);
    else if (d->firing == FIRE_RESTS)
        ask_table(w);
}

/* The clock was set: what is known of the database's, and the time until the next instant, are no longer true. */
static void
on_clock_set(void *arg)
{
    struct worker *w = arg;
    const struct deadline *d = w->own;

    log_info("the wall clock was set");
    if (d->firing == FIRE_RESTS)
        ask_table(w);
}

void
fire_note(struct worker *w, int64_t due_us)
{
    struct deadline *d = w->own;

    FAULT("deadline.due_noted");
    if (due_us != INT64_MIN && (d->noted_us == INT64_MIN || due_us < d->noted_us))
        d->noted_us = due_us;
}

/* ---- what is next, by the table --------------------------------------------------------------------------------- */

static void
on_next(void *arg, const PGresult *r)
{
    struct worker *w = arg;

    fire_compare(w, clk_us(w->app->clk), pg_time(r, 0, 1));
    ((struct deadline *)w->own)->next_us = pg_time(r, 0, 0);
}

static void
on_asked(void *arg, const struct pg_end *end)
{
    struct worker *w = arg;
    struct deadline *d = w->own;

    pg_done(w->app->pg);
    d->unsure = end->res != RES_OK;
    rest(w);
}

static void
on_turn(void *arg)
{
    struct worker *w = arg;

    pg_args_reset(&w->args);
    pg_arg_time(&w->args, INT64_MIN);
    pg_send(w->app->pg, &next_stmt, &w->args, on_next, w);
    pg_sync(w->app->pg, on_asked, w);
}

/* ---- in the flow's transaction ---------------------------------------------------------------------------------- */

static const struct flow_item *
find_claim(const struct flow_batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (!b->items[i].rkm && !item_nomor(&b->items[i]).n)
            return &b->items[i];
    return NULL;
}

static void
on_after(void *arg, const PGresult *r)
{
    struct worker *w = arg;

    ((struct deadline *)w->own)->after_us = pg_time(r, 0, 0);
}

static void
send_claim(struct worker *w)
{
    const struct deadline *d = w->own;

    pg_args_reset(&w->args);
    pg_arg_time(&w->args, d->read_us);
    pg_arg_int8(&w->args, d->asked_for);
    worker_claim(w, &claim_stmt, &w->args);
}

static void
send_put_off(struct worker *w)
{
    const struct deadline *d = w->own;

    pg_args_reset(&w->args);
    pg_arg_time(&w->args, d->read_us);
    pg_arg_text(&w->args, str_of(d->suspect));
    pg_arg_time(&w->args, fire_now(w) + PUT_OFF_US);
    pg_send(w->app->pg, &put_off_stmt, &w->args, NULL, NULL);
}

void
fire_load(struct worker *w, const struct flow_batch *b)
{
    struct deadline *d = w->own;

    if (!find_claim(b))
        return;
    d->read_us = least(d->read_us, fire_now(w)); /* the clock may have been set back since */
    d->asked_for = least(d->most, d->rate / 10 + 1);
    d->claimed = 0;
    if (d->suspect[0])
        send_put_off(w);
    else
        send_claim(w);
    pg_args_reset(&w->args);
    pg_arg_time(&w->args, d->read_us);
    pg_send(w->app->pg, &next_stmt, &w->args, on_after, w);
}

void
fire_claimed(struct worker *w, struct berkas *b)
{
    struct deadline *d = w->own;
    struct jadwal *j = b->more;

    FAULT("deadline.due_found");
    d->claimed++;
    snprintf(d->last, sizeof d->last, "%.*s", STR_FMT(b->nomor));
    j->read_us = d->read_us;
    b->dirty = b->kept = true;
}

static void
measure(struct worker *w)
{
    struct deadline *d = w->own;
    int64_t now_us = fire_now(w) - d->grace_ms * 1000;

    for (size_t i = 0; i < w->n; i++) {
        const struct jadwal *j = w->all[i].more;

        if (j->read_us && j->was_due_us != INT64_MIN)
            metric_observe(d->m_lateness, (double)(now_us - j->was_due_us) / 1e6);
    }
}

/* A full claim: there may be more, at the rate that is set. */
static void
go_on(struct worker *w)
{
    struct deadline *d = w->own;
    int64_t wait_ms = d->posted_ms + d->claimed * 1000 / d->rate - clk_mono_ms();

    if (wait_ms > 0)
        loop_timer_set(w->app->loop, &d->alarm, wait_ms);
    else
        claim(w);
}

/* Said once per run of claims, and only of clocks that were there. */
static void
report_hard(struct worker *w)
{
    struct deadline *d = w->own;

    if (!d->hard || !d->claimed)
        return;
    d->hard = false;
    metric_add(d->m_late, 1);
    log_warn("clocks are past the hard maximum; they are settled by what is known",
             LOG_Z("waits", gate_word(d->gate)));
}

/* Until the next look at the table. */
static void
give_up(struct worker *w)
{
    struct deadline *d = w->own;

    d->put_off = 0;
    d->next_us = INT64_MIN;
    d->unsure = false;
    rest(w);
}

/* The flow has said why. One row's data must not keep all others from being settled. */
static void
claim_refused(struct worker *w)
{
    struct deadline *d = w->own;

    if (d->suspect[0] || !d->claimed) { /* it is not the row */
        d->suspect[0] = '\0';
        give_up(w);
        return;
    }
    if (d->asked_for == 1)
        snprintf(d->suspect, sizeof d->suspect, "%s", d->last);
    d->most = most(1, d->asked_for / 2);
    claim(w);
}

static void
suspect_put_off(struct worker *w)
{
    struct deadline *d = w->own;

    log_error("a due clock cannot be settled; it is tried again in an hour",
              LOG_S("nomor", str_of(d->suspect)));
    d->suspect[0] = '\0';
    d->most = CLAIM_MAX;
    if (++d->put_off < PUT_OFF_MAX)
        claim(w);
    else
        give_up(w);
}

static void
claim_committed(struct worker *w, const struct flow_item *it)
{
    struct deadline *d = w->own;

    if (it->code) {
        claim_refused(w);
        return;
    }
    if (d->suspect[0]) {
        suspect_put_off(w);
        return;
    }
    FAULT("deadline.rung");
    if (d->claimed)
        d->put_off = 0;
    measure(w);
    report_hard(w);
    if (d->claimed == d->asked_for) {
        go_on(w);
        return;
    }
    d->most = CLAIM_MAX;
    d->next_us = d->after_us;
    d->unsure = true; /* rows that others have locked were skipped, and they may die */
    rest(w);
}

void
fire_rung(struct worker *w, const struct flow_batch *b)
{
    struct deadline *d = w->own;
    const struct flow_item *it = find_claim(b);

    if (it)
        claim_committed(w, it);
    if (d->noted_us != INT64_MIN && (d->next_us == INT64_MIN || d->noted_us < d->next_us)) {
        d->next_us = d->noted_us;
        if (d->firing == FIRE_RESTS)
            rest(w);
    }
    d->noted_us = INT64_MIN;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

void
fire_status(struct worker *w, struct buf *json)
{
    static const char *const words[] = {"rests", "asks", "waits", "claims"};
    const struct deadline *d = w->own;

    buf_printf(json, ",\"firing\":\"%s\",\"gate\":\"%s\",\"ahead_ms\":%lld", words[d->firing],
               gate_word(d->gate), (long long)d->skew_us / 1000);
}

enum res
fire_start(struct worker *w, struct err *e)
{
    struct deadline *d = w->own;
    enum res res;

    d->next_us = d->noted_us = INT64_MIN;
    d->most = CLAIM_MAX;
    d->alarm = (struct loop_timer){.fn = on_alarm, .arg = w};
    d->turn = (struct pg_turn){.fn = on_turn, .arg = w};
    res = gate_new(w, on_open, w, &d->gate, e);
    if (res == RES_OK)
        res = clkset_new(w->app->loop, on_clock_set, w, &d->clkset, e);
    if (res == RES_OK)
        ask_table(w);
    return res;
}

void
fire_stop(struct worker *w)
{
    struct deadline *d = w->own;

    loop_timer_stop(w->app->loop, &d->alarm);
    pg_turn_cancel(w->app->pg, &d->turn);
    clkset_free(d->clkset);
    gate_free(d->gate);
}
