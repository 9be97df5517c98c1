#include "common/flow/flow_priv.h"

#include <stdlib.h>

#include "common/base/fault.h"
#include "common/base/log.h"

static void
tell_stopped(struct flow *f)
{
    metric_set(f->m_stopped, (double)positions_stopped(&f->ps));
}

void
flow_give_up(struct flow *f)
{
    f->revoke_pending = f->moved = false;
    f->assigned = f->known = false;
    loop_timer_stop(f->opts.loop, &f->retake);
    pg_turn_cancel(f->opts.pg, &f->take_turn);
    consumer_stop(f->consumer);
    positions_free(&f->ps);
    tell_stopped(f);
    FAULT("flow.partitions_given_up");
}

/* ---- partitions ------------------------------------------------------------------------------------------------- */

static void
on_taken_rows(void *arg, const PGresult *r)
{
    struct flow *f = arg;

    if (f->asked_for == f->assignment)
        positions_taken(&f->ps, r);
}

/* Whatever begins or resumes to read does so with all partitions: those that cannot go on are kept from it. */
void
flow_pause_stopped(struct flow *f)
{
    rd_kafka_topic_partition_list_t *list;

    if (!positions_stopped(&f->ps))
        return;
    list = positions_list_stopped(&f->ps);
    rd_kafka_pause_partitions(consumer_client(f->consumer), list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void
start_reading(struct flow *f)
{
    rd_kafka_topic_partition_list_t *list = positions_list(&f->ps);
    struct err e = {0};

    if (consumer_start(f->consumer, list, &e) != RES_OK)
        log_warn("cannot begin to read", LOG_Z("group", f->opts.group), LOG_Z("why", e.text));
    flow_pause_stopped(f);
    f->known = true;
    tell_stopped(f);
    rd_kafka_topic_partition_list_destroy(list);
}

static void
on_taken(void *arg, const struct pg_end *end)
{
    struct flow *f = arg;

    pg_done(f->opts.pg);
    if (!f->assigned || f->asked_for != f->assignment || f->take_turn.queued)
        return; /* a newer assignment, or what was set since, asks for itself */
    if (end->res != RES_OK) {
        flow_note_fault(f, end);
        loop_timer_set(f->opts.loop, &f->retake, RETAKE_MS);
        return;
    }
    FAULT("flow.positions_taken");
    /* a batch that failed may have been dropped with its partitions: then no other COMMIT says that it is over */
    flow_healthy(f);
    start_reading(f);
    log_info("reads its partitions", LOG_Z("group", f->opts.group), LOG_I("partitions", (int64_t)f->ps.n));
}

void
flow_take_turn(void *arg)
{
    struct flow *f = arg;

    f->asked_for = f->assignment;
    f->epoch = pg_epoch(f->opts.pg);
    positions_spoil(&f->ps, f->opts.pg, f->opts.group, &f->args);
    positions_take(&f->ps, f->opts.pg, f->opts.group, &f->args, on_taken_rows, f);
    pg_sync(f->opts.pg, on_taken, f);
}

void
flow_retake(void *arg)
{
    struct flow *f = arg;

    /* once they are known, records are in hand that count on them: see flow_take_again() */
    if (f->assigned && !f->known && !f->revoke_pending)
        pg_turn(f->opts.pg, &f->take_turn);
}

void
flow_take_again(struct flow *f)
{
    f->moved = f->known = false;
    flow_drop_records(f);
    flow_retake(f);
}

/* As soon as no transaction is under way. */
static void
take_again_soon(struct flow *f)
{
    f->moved = true;
    if (f->state == SENT)
        return; /* flow_settle() takes them again */
    pg_turn_cancel(f->opts.pg, &f->turn);
    loop_timer_stop(f->opts.loop, &f->backoff);
    flow_settle(f);
}

/* A notice may have been missed while the session was down. Who reads on is told by the fence; a partition that stands would never be. */
void
flow_retry_stopped(struct flow *f)
{
    if (f->known && f->epoch != pg_epoch(f->opts.pg) && positions_stopped(&f->ps))
        take_again_soon(f);
}

void
flow_offsets_set(void *arg, struct str group)
{
    struct flow *f = arg;

    if (!str_is(group, f->opts.group) || !f->assigned)
        return;
    log_info("offsets were set; reading them again", LOG_Z("group", f->opts.group));
    take_again_soon(f);
}

/* ---- a topic that is made anew while it is read ------------------------------------------------------------------
 * The client says nothing of it: where the new one has more records by then than were read of the old one, it reads on from
 * there, and what is before is lost. But all that is in the new one is newer than what was read of the old. */

void
flow_look_later(struct flow *f)
{
    if (!f->look.slot)
        loop_timer_set(f->opts.loop, &f->look, LOOK_MS);
}

/* False when the broker does not say. */
static bool
ask_offsets(struct flow *f, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_t *rk = outbox_client(f->opts.outbox);

    return rk && rd_kafka_offsets_for_times(rk, list, LOOK_BROKER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Each log in `begin` that begins with the record of `newer` is another topic's: false when there is one. One that begins before
 * it is the same, and the broker's clock was set back. */
static bool
compare_begins(struct flow *f, const rd_kafka_topic_partition_list_t *newer,
               rd_kafka_topic_partition_list_t *begin)
{
    bool answered = begin->cnt == 0 || ask_offsets(f, begin);
    bool same = true;

    for (int i = 0; i < begin->cnt; i++) {
        const rd_kafka_topic_partition_t *b = &begin->elems[i];
        struct position *p = positions_find(&f->ps, b->topic, b->partition);

        if (!answered || b->err) {
            flow_look_later(f);
        } else if (rd_kafka_topic_partition_list_find(newer, b->topic, b->partition)->offset <= b->offset) {
            p->changed = true;
            same = false;
        } else {
            positions_looked_at(p);
        }
    }
    return same;
}

/* False when one of them is another topic. */
static bool
compare(struct flow *f, const rd_kafka_topic_partition_list_t *newer)
{
    rd_kafka_topic_partition_list_t *begin = rd_kafka_topic_partition_list_new(newer->cnt);
    bool same;

    for (int i = 0; i < newer->cnt; i++) {
        const rd_kafka_topic_partition_t *t = &newer->elems[i];
        struct position *p = positions_find(&f->ps, t->topic, t->partition);

        if (t->err)
            flow_look_later(f);
        else if (p && positions_looked(p, t->offset))
            rd_kafka_topic_partition_list_add(begin, t->topic, t->partition)->offset =
                RD_KAFKA_OFFSET_BEGINNING;
    }
    same = compare_begins(f, newer, begin);
    rd_kafka_topic_partition_list_destroy(begin);
    return same;
}

/* Asked over the producer's connection, where nothing waits for a fetch: a millisecond or two, and LOOK_BROKER_MS at most. */
void
flow_look(void *arg)
{
    struct flow *f = arg;
    rd_kafka_topic_partition_list_t *newer;

    if (!f->kafka_up) { /* the whole loop would wait for the limit, each time */
        flow_look_later(f);
        return;
    }
    newer = positions_to_look(&f->ps);
    if (f->known && newer->cnt && !ask_offsets(f, newer))
        flow_look_later(f);
    else if (f->known && newer->cnt && !compare(f, newer))
        take_again_soon(f); /* and find there that the record before our position is another one */
    rd_kafka_topic_partition_list_destroy(newer);
}

static void
on_assigned(void *arg, const rd_kafka_topic_partition_list_t *parts)
{
    struct flow *f = arg;
    struct err e = {0};

    f->assigned = true;
    f->assignment++;
    f->known = false;
    if (positions_assign(&f->ps, parts, &e) != RES_OK)
        abort();
    pg_turn(f->opts.pg, &f->take_turn);
}

static void
on_revoked(void *arg, bool lost)
{
    struct flow *f = arg;

    log_info("gives up its partitions", LOG_Z("group", f->opts.group), LOG_I("lost", lost));
    f->revoke_pending = true;
    flow_batch_drop_records(f, &f->next);
    if (f->state == SENT)
        return; /* flow_settle() gives them up */
    pg_turn_cancel(f->opts.pg, &f->turn);
    loop_timer_stop(f->opts.loop, &f->backoff);
    flow_drop_records(f);
    flow_settle(f);
}

void
flow_stop_partition(struct flow *f, struct position *p, const char *why)
{
    if (p->stopped)
        return;
    p->stopped = true;
    flow_pause_stopped(f);
    tell_stopped(f);
    log_error("a partition cannot go on", LOG_Z("group", f->opts.group), LOG_Z("topic", p->topic),
              LOG_I("partition", p->partition), LOG_I("next", p->next), LOG_Z("why", why),
              LOG_Z("then", f->opts.stop_hint ? f->opts.stop_hint : ""));
}

static void
on_broken(void *arg, const char *topic, int32_t partition, rd_kafka_resp_err_t err, const char *why)
{
    struct flow *f = arg;
    struct position *p = positions_find(&f->ps, topic, partition);

    if (!p || !f->known)
        return;
    if (p->verify && err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        p->verify = false; /* the record before was deleted by age: begin at the next one */
        start_reading(f);
        return;
    }
    flow_stop_partition(f, p, why);
}

const struct consumer_ops flow_consumer_ops = {flow_collect, on_assigned, on_revoked, on_broken,
                                               flow_kafka_state};
