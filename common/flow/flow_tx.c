#include "common/flow/flow_priv.h"

#include "common/base/backoff.h"
#include "common/base/clk.h"
#include "common/base/fault.h"
#include "common/base/id.h"
#include "common/base/log.h"

static const struct backoff pace = {.min_ms = 50, .max_ms = 5000};
static const struct pg_stmt begin_stmt = {"begin", "begin"};
static const struct pg_stmt commit_stmt = {"commit", "commit"};
static const struct pg_stmt rollback_stmt = {"rollback", "rollback"};
static const struct pg_stmt savepoint_stmt = {"savepoint", "savepoint part"};
static const struct pg_stmt release_stmt = {"release", "release savepoint part"};
static const struct pg_stmt undo_stmt = {"undo_part", "rollback to savepoint part"};

/* ---- the end of a transaction ----------------------------------------------------------------------------------- */

void
flow_maybe_start(struct flow *f)
{
    if (f->state != IDLE)
        return;
    if (f->next.n == 0) {
        if (f->draining && f->drained) {
            void (*fn)(void *) = f->drained;

            f->drained = NULL;
            fn(f->drained_arg);
        }
        return;
    }
    struct batch tmp = f->cur;
    f->cur = f->next;
    f->next = tmp;
    f->how = AT_ONCE;
    f->state = TURN;
    pg_turn(f->opts.pg, &f->turn);
}

void
flow_settle(struct flow *f)
{
    f->state = IDLE;
    if (f->revoke_pending)
        flow_give_up(f);
    else if (f->moved)
        flow_take_again(f);
    else if (f->next.n)
        flow_maybe_start(f); /* before anything else, so that the database has work meanwhile */
    if (f->past.n)
        loop_defer(f->opts.loop, &f->after);
    loop_timer_stop(f->opts.loop, &f->stall);
    if (!flow_full(f) && consumer_pause(f->consumer, false))
        flow_pause_stopped(f);
    loop_defer(f->opts.loop, &f->kick);
}

void
flow_healthy(struct flow *f)
{
    if (f->faulty)
        log_info("transactions succeed again", LOG_Z("group", f->opts.group));
    f->faulty = false;
    f->failures = 0;
    f->races = 0;
}

static void
report_dead(struct flow *f, const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct flow_item *it = &b->items[i];

        if (!it->code || !it->rkm)
            continue;
        metric_add(f->m_dead, 1);
        log_warn("a record was set aside as a dead letter", LOG_Z("topic", rd_kafka_topic_name(it->rkm->rkt)),
                 LOG_I("partition", it->rkm->partition), LOG_I("offset", it->rkm->offset),
                 LOG_Z("code", it->code), LOG_Z("reason", it->why));
    }
}

static const char refused[] = "DATA_REFUSED";

/* One record after the other refused, and none applied between: then it is us. Items of the worker's own come back in other
 * ways, and say nothing of records. */
static void
note_streak(struct flow *f)
{
    bool any_good = false;
    unsigned bad = 0;

    for (size_t i = 0; i < f->cur.n; i++) {
        any_good |= f->cur.items[i].rkm && flow_live(&f->cur.items[i]);
        bad += f->cur.items[i].rkm && f->cur.items[i].code == refused;
    }
    f->streak = any_good ? 0 : f->streak + bad;
}

/* What was committed is told and freed. The next transaction is on its way by now, and does not touch what this one was
 * to tell before its answer comes. */
void
flow_tx_after(void *arg)
{
    struct flow *f = arg;

    outbox_publish(f->opts.outbox, f->rows, f->nrows);
    FAULT("flow.published");
    report_dead(f, &f->past);
    flow_batch_clear(f, &f->past);
    flow_forget_rows(f);
}

static void
set_aside(struct flow *f)
{
    struct batch empty = f->past;

    f->past = f->cur;
    f->cur = empty;
}

static void
on_committed(struct flow *f)
{
    struct flow_batch all = {f->cur.items, f->cur.n};
    rd_kafka_topic_partition_list_t *told = positions_commit(&f->ps);

    FAULT("flow.committed");
    flow_healthy(f);
    note_streak(f);
    metric_add(f->m_batches, 1);
    metric_observe(f->m_seconds, (double)(clk_mono_ms() - f->began_ms) / 1000.0);
    if (told->cnt) {
        consumer_report(f->consumer, told);
        flow_look_later(f);
    }
    rd_kafka_topic_partition_list_destroy(told);
    FAULT("flow.offsets_reported");
    f->opts.ops->committed(f->opts.w, &all);
    FAULT("flow.followed");
    pg_done(f->opts.pg);
    set_aside(f);
    flow_settle(f);
}

/* ---- rolling back ----------------------------------------------------------------------------------------------- */

static bool
fenced(const struct pg_end *end)
{
    return strcmp(end->state, "ZF001") == 0;
}

void
flow_drop_records(struct flow *f)
{
    flow_batch_drop_records(f, &f->cur);
    flow_batch_drop_records(f, &f->next);
    flow_batch_prepend(&f->next, &f->cur);
}

void
flow_note_fault(struct flow *f, const struct pg_end *end)
{
    snprintf(f->why, sizeof f->why, "%s %s", end->state, end->text);
    metric_add(f->m_retries, 1);
    if (!f->faulty)
        log_warn("a transaction failed and is tried again", LOG_Z("group", f->opts.group),
                 LOG_Z("sqlstate", end->state), LOG_Z("why", end->text));
    f->faulty = true;
}

/* Whether to blame the records: not when most of them fail alike, then it is us. */
static bool
blame_records(const struct flow *f)
{
    return f->failure.res == RES_REJECT && f->how != IN_TURN;
}

/* Somebody else made the same row, or we met in a deadlock: done again at once, it finds what they have committed. */
static bool
raced(const struct flow *f)
{
    return f->races < RACES &&
           (strcmp(f->failure.state, "23505") == 0 || strcmp(f->failure.state, "40P01") == 0);
}

static void
after_undo(struct flow *f)
{
    FAULT("flow.rolled_back");
    pg_done(f->opts.pg);
    positions_forget_batch(&f->ps);
    if (fenced(&f->failure)) {
        log_warn("another process has moved our offsets; reading them again", LOG_Z("group", f->opts.group));
        flow_drop_records(f);
        f->known = false;
        loop_timer_set(f->opts.loop, &f->retake, RETAKE_MS);
        flow_settle(f);
        return;
    }
    if (f->revoke_pending || f->moved) {
        flow_drop_records(f);
        flow_settle(f);
        return;
    }
    if (raced(f)) {
        f->races++;
        metric_add(f->m_retries, 1);
        f->how = AT_ONCE;
        f->state = TURN;
        pg_turn(f->opts.pg, &f->turn);
        return;
    }
    if (blame_records(f)) {
        f->how = f->how == AT_ONCE ? APART : IN_TURN;
        f->state = TURN;
        pg_turn(f->opts.pg, &f->turn);
        return;
    }
    flow_note_fault(f, &f->failure);
    f->how = AT_ONCE;
    f->state = WAIT;
    loop_timer_set(f->opts.loop, &f->backoff, backoff_ms(&pace, f->failures++, -1, id_random()));
}

static void
on_rolled_back(void *arg, const struct pg_end *end)
{
    (void)end; /* if that failed too the connection is gone, and the transaction with it */
    after_undo(arg);
}

static void
undo(struct flow *f, const struct pg_end *end)
{
    f->failure = *end;
    f->opts.ops->undone(f->opts.w, true);
    flow_forget_rows(f);
    for (size_t i = 0; i < f->cur.n; i++)
        if (f->cur.items[i].mine)
            f->cur.items[i].code = NULL; /* blamed by what is now undone, not by its own bytes */
    if (!pg_up(f->opts.pg)) {
        after_undo(f);
        return;
    }
    pg_send(f->opts.pg, &rollback_stmt, NULL, NULL, NULL);
    pg_sync(f->opts.pg, on_rolled_back, f);
}

/* ---- the transaction -------------------------------------------------------------------------------------------- */

static void
on_finished(void *arg, const struct pg_end *end)
{
    struct flow *f = arg;

    if (end->res == RES_OK)
        on_committed(f);
    else
        undo(f, end);
}

static void
finish(struct flow *f)
{
    flow_send_dead(f);
    if (f->nrows)
        outbox_store(f->opts.outbox, f->rows, f->nrows);
    FAULT("flow.before_commit");
    pg_send(f->opts.pg, &commit_stmt, NULL, NULL, NULL);
    pg_sync(f->opts.pg, on_finished, f);
    FAULT("flow.commit_sent");
}

static struct flow_batch
part(struct flow *f)
{
    return (struct flow_batch){f->cur.items + f->range.lo, f->range.hi - f->range.lo};
}

/* All that is live, in the order in which everybody locks. */
static void
apply_all(struct flow *f)
{
    struct flow_batch b;

    f->range = (struct range){0, f->cur.n};
    b = part(f);
    f->opts.ops->apply(f->opts.w, &b);
    FAULT("flow.applied");
    finish(f);
}

/* ---- one by one: what is refused alone, twice, is set aside ------------------------------------------------------
 * A part that is kept holds its rows while the next takes others, in the order of the records and not of the keys: two
 * processes that take batches apart would wait for each other. So each part is undone, with its locks, whether it was
 * refused or not, and what was not refused is applied at once in the end, as any batch is. */

static void next_range(struct flow *f);

static void
refuse(struct flow *f, struct flow_item *it)
{
    it->code = refused;
    snprintf(it->why, sizeof it->why, "the database refuses its data: SQLSTATE %s", f->failure.state);
    f->bad++;
    if (f->again && !it->rkm)
        log_error("an item of our own is refused by the database and dropped", LOG_Z("group", f->opts.group),
                  LOG_Z("sqlstate", f->failure.state), LOG_Z("why", f->failure.text));
}

/* At the end of the first round, what was refused is tried once more: a fault of ours that was mended meanwhile is not
 * blamed on those that came before. False when there is no more of it. */
static bool
second_try(struct flow *f)
{
    for (; f->bad && f->again < f->cur.n; f->again++) {
        struct flow_item *it = &f->cur.items[f->again];

        if (it->code != refused)
            continue;
        it->code = NULL;
        f->bad--;
        f->range = (struct range){f->again, f->again + 1};
        f->again++;
        return true;
    }
    return false;
}

/* What was found of its items while they were applied is not so any more. */
static void
forget_part(struct flow *f)
{
    f->nrows = f->rows_mark;
    f->opts.ops->undone(f->opts.w, false);
    for (size_t i = f->range.lo; i < f->range.hi; i++)
        if (f->cur.items[i].mine && f->cur.items[i].code != refused)
            f->cur.items[i].code = NULL;
}

static void
send_undo(struct flow *f)
{
    pg_send(f->opts.pg, &undo_stmt, NULL, NULL, NULL);
    pg_send(f->opts.pg, &release_stmt, NULL, NULL, NULL); /* else the next would be inside it */
}

static void
on_range_undone(void *arg, const struct pg_end *end)
{
    struct flow *f = arg;
    struct range r = f->range;

    if (end->res != RES_OK) {
        undo(f, end);
        return;
    }
    FAULT("flow.part_undone");
    if (r.hi - r.lo > 1 && f->nranges + 2 <= RANGES) {
        size_t mid = r.lo + (r.hi - r.lo) / 2;

        f->ranges[f->nranges++] = (struct range){mid, r.hi};
        f->ranges[f->nranges++] = (struct range){r.lo, mid};
    } else {
        refuse(f, &f->cur.items[r.lo]);
    }
    next_range(f);
}

/* Whether it is us: most of those that were tried in this batch, the first `n`, were refused, or all, and nothing was applied
 * for long. */
static bool
refuses_most(const struct flow *f, size_t n)
{
    size_t tried = 0;

    for (size_t i = 0; i < n; i++)
        tried += flow_live(&f->cur.items[i]) || f->cur.items[i].code == refused;
    return (f->bad > MANY_BAD && f->bad * 2 > tried) || (f->bad == tried && f->streak + f->bad > MANY_BAD);
}

static void
undo_as_ours(struct flow *f, const struct pg_end *end)
{
    struct pg_end ours = *end;

    ours.res = RES_RETRY;
    undo(f, &ours);
}

/* Bad records may come in a row before good ones: so many of them are tried before they are taken for all. */
static void
range_failed(struct flow *f, const struct pg_end *end)
{
    bool judge = f->again || f->bad >= ROW_BAD;

    if (end->res != RES_REJECT || (judge && refuses_most(f, f->again ? f->cur.n : f->range.lo))) {
        undo_as_ours(f, end);
        return;
    }
    f->failure = *end;
    forget_part(f);
    send_undo(f);
    pg_sync(f->opts.pg, on_range_undone, f);
}

static void
on_range_applied(void *arg, const struct pg_end *end)
{
    struct flow *f = arg;

    if (end->res != RES_OK) {
        range_failed(f, end);
        return;
    }
    if (f->how == APART)
        forget_part(f);
    next_range(f);
}

static void
on_range_loaded(void *arg, const struct pg_end *end)
{
    struct flow *f = arg;
    struct flow_batch b = part(f);

    if (end->res != RES_OK) {
        range_failed(f, end);
        return;
    }
    f->opts.ops->apply(f->opts.w, &b);
    FAULT("flow.part_applied");
    if (f->how == APART)
        send_undo(f);
    else
        pg_send(f->opts.pg, &release_stmt, NULL, NULL, NULL);
    pg_sync(f->opts.pg, on_range_applied, f);
}

static void
on_rest_loaded(void *arg, const struct pg_end *end)
{
    struct flow *f = arg;

    if (end->res != RES_OK)
        undo(f, end);
    else
        apply_all(f);
}

/* Every part was tried. */
static void
send_rest(struct flow *f)
{
    struct flow_batch b = {f->cur.items, f->cur.n};

    f->opts.ops->load(f->opts.w, &b);
    pg_sync(f->opts.pg, on_rest_loaded, f);
}

static void
next_range(struct flow *f)
{
    struct flow_batch b;

    if (f->nranges) {
        f->range = f->ranges[--f->nranges];
    } else if (!f->again && f->bad && refuses_most(f, f->cur.n)) {
        undo_as_ours(f, &f->failure);
        return;
    } else if (!second_try(f)) {
        if (f->how == APART)
            send_rest(f);
        else
            finish(f);
        return;
    }
    f->rows_mark = f->nrows;
    b = part(f);
    pg_send(f->opts.pg, &savepoint_stmt, NULL, NULL, NULL);
    f->opts.ops->load(f->opts.w, &b);
    pg_sync(f->opts.pg, on_range_loaded, f);
}

static void
on_begun(void *arg, const struct pg_end *end)
{
    struct flow *f = arg;

    if (end->res != RES_OK) {
        undo(f, end);
    } else if (f->how != AT_ONCE) {
        next_range(f);
    } else {
        FAULT("flow.rows_locked");
        apply_all(f);
    }
}

static void
note_positions(struct flow *f)
{
    positions_forget_batch(&f->ps);
    for (size_t i = 0; i < f->cur.n; i++) {
        const rd_kafka_message_t *m = f->cur.items[i].rkm;
        struct position *p = m ? positions_find(&f->ps, rd_kafka_topic_name(m->rkt), m->partition) : NULL;

        if (p)
            positions_note(p, m);
    }
}

void
flow_tx_turn(void *arg)
{
    struct flow *f = arg;
    struct flow_batch b;

    f->state = SENT;
    f->bad = 0;
    f->again = 0;
    f->range = (struct range){0, f->cur.n};
    f->ranges[0] = f->range;
    f->nranges = 1;
    f->began_ms = clk_mono_ms();
    note_positions(f);
    pg_send(f->opts.pg, &begin_stmt, NULL, NULL, NULL);
    if (positions_in_batch(&f->ps))
        positions_advance(&f->ps, f->opts.pg, f->opts.group, &f->args);
    b = part(f);
    if (f->how == AT_ONCE)
        f->opts.ops->load(f->opts.w, &b);
    pg_sync(f->opts.pg, on_begun, f);
    FAULT("flow.begun");
}

void
flow_tx_backoff(void *arg)
{
    struct flow *f = arg;

    if (f->cur.n == 0) {
        flow_settle(f);
        return;
    }
    if (f->cur.n + f->next.n <= 2 * f->opts.batch_max &&
        f->cur.bytes + f->next.bytes <= (size_t)2 * BATCH_BYTES)
        flow_batch_append(&f->cur, &f->next); /* whether it is us may show by those that came since */
    f->state = TURN;
    pg_turn(f->opts.pg, &f->turn);
}
