#include "common/flow/flow_priv.h"

#include <stdlib.h>

#include "common/base/fault.h"
#include "common/base/log.h"

void
flow_kafka_state(void *arg, bool up, const char *why)
{
    struct flow *f = arg;

    f->kafka_up = up;
    log_at(up ? LOG_INFO : LOG_WARN, up ? "Kafka answers again" : "no Kafka broker answers; waiting",
           LOG_Z("group", f->opts.group), LOG_Z("why", why), LOG_NONE);
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

static void
parse_record(struct flow *f, struct flow_item *it)
{
    struct err e = {0};
    struct str topic = str_of(rd_kafka_topic_name(it->rkm->rkt));

    if (f->opts.ops->parse(f->opts.w, it, &e) == RES_OK) {
        metric_add(it->skip ? f->m_skipped : f->m_records, 1);
        return;
    }
    if (!f->opts.judges(f->opts.w, topic)) {
        it->code = NULL;
        it->skip = true;
        metric_add(f->m_skipped, 1);
        return;
    }
    if (!it->code)
        it->code = "BAD_EVENT";
    snprintf(it->why, sizeof it->why, "%.*s", (int)sizeof it->why - 1, e.text);
}

static void
take_record(struct flow *f, rd_kafka_message_t *m)
{
    struct position *p = f->known ? positions_find(&f->ps, rd_kafka_topic_name(m->rkt), m->partition) : NULL;
    enum position_verdict v = !p || p->stopped ? POSITION_REPEAT : positions_judge(p, m);
    struct flow_item *it;

    if (v == POSITION_CHANGED)
        flow_stop_partition(f, p, "the topic was made anew: the record before our position is another one");
    if (v != POSITION_NEW) {
        rd_kafka_message_destroy(m);
        return;
    }
    it = flow_batch_add(&f->next);
    it->rkm = m;
    f->next.bytes += m->len;
    parse_record(f, it);
    FAULT("flow.record_taken");
}

static void
on_stall(void *arg)
{
    struct flow *f = arg;

    consumer_pause(f->consumer, true); /* polling goes on, so that the group does not take us for dead */
}

void
flow_collect(void *arg)
{
    struct flow *f = arg;
    rd_kafka_message_t *m;

    if (f->draining) {
        flow_maybe_start(f);
        return;
    }
    flow_retry_stopped(f);
    while ((!flow_full(f) || f->stall.slot == 0) && (m = consumer_poll(f->consumer))) {
        take_record(f, m);
        if (flow_full(f) && !f->stall.slot)
            loop_timer_set(f->opts.loop, &f->stall, STALL_MS);
        if (flow_full(f))
            break;
    }
    flow_maybe_start(f);
}

/* ---- outside ---------------------------------------------------------------------------------------------------- */

void
flow_post(struct flow *f, void *mine)
{
    flow_batch_add(&f->next)->mine = mine;
    loop_defer(f->opts.loop, &f->kick);
    FAULT("flow.item_posted");
}

bool
flow_ready(const struct flow *f, const char **why)
{
    *why = "";
    if (!pg_up(f->opts.pg))
        *why = "Postgres does not answer";
    else if (!f->kafka_up)
        *why = "no Kafka broker answers";
    else if (f->faulty)
        *why = f->why;
    else if (!f->known)
        *why = "no partitions are assigned yet";
    return !**why;
}

void
flow_status(const struct flow *f, struct buf *out)
{
    static const char *const names[] = {"idle", "waits for its turn", "in a transaction",
                                        "waits to try again"};

    buf_printf(out, "{\"state\":\"%s\",\"collected\":%zu,\"partitions\":", names[f->state], f->next.n);
    positions_status(&f->ps, out);
    buf_char(out, '}');
}

void
flow_drain(struct flow *f, void (*fn)(void *arg), void *arg)
{
    f->draining = true;
    f->drained = fn;
    f->drained_arg = arg;
    if (f->state == WAIT) {
        loop_timer_stop(f->opts.loop, &f->backoff);
        f->state = IDLE;
        flow_drop_records(f); /* what is our own is tried once more */
    }
    flow_batch_drop_records(f, &f->next);
    loop_defer(f->opts.loop, &f->kick);
}

static void
make_metrics(struct flow *f)
{
    const struct {
        struct metric **m;
        enum metric_kind kind;
        const char *name, *help;
    } all[] = {
        {&f->m_records, METRIC_COUNTER, "records", "Records taken from Kafka and understood"},
        {&f->m_skipped, METRIC_COUNTER, "records_skipped",
         "Records of unknown type or judged by another worker"},
        {&f->m_dead, METRIC_COUNTER, "dead_letters", "Records set aside as dead letters"},
        {&f->m_batches, METRIC_COUNTER, "batches", "Transactions committed"},
        {&f->m_retries, METRIC_COUNTER, "transaction_retries", "Transactions that failed by a fault of ours"},
        {&f->m_seconds, METRIC_HISTOGRAM, "transaction_seconds", "Time from BEGIN to COMMIT"},
        {&f->m_stopped, METRIC_GAUGE, "partitions_stopped", "Partitions that need a person to go on"},
    };

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        char name[96];

        snprintf(name, sizeof name, "%s%s", f->opts.metric_prefix, all[i].name);
        *all[i].m = metric(f->opts.metrics, all[i].kind, name, "", all[i].help);
    }
}

enum res
flow_new(const struct flow_opts *opts, struct flow **ret, struct err *e)
{
    struct flow *f = calloc(1, sizeof *f);
    struct consumer_opts co = {.pass = opts->kafka,
                               .group = opts->group,
                               .topics = opts->topics,
                               .ops = &flow_consumer_ops,
                               .arg = f};
    enum res res;

    *ret = NULL;
    if (!f)
        return err_set(e, RES_FATAL, "out of memory");
    f->opts = *opts;
    if (!f->opts.batch_max)
        f->opts.batch_max = 1000;
    f->kafka_up = true;
    f->args = pg_args_make();
    f->turn = (struct pg_turn){.fn = flow_tx_turn, .arg = f};
    f->take_turn = (struct pg_turn){.fn = flow_take_turn, .arg = f};
    f->backoff = (struct loop_timer){.fn = flow_tx_backoff, .arg = f};
    f->retake = (struct loop_timer){.fn = flow_retake, .arg = f};
    f->stall = (struct loop_timer){.fn = on_stall, .arg = f};
    f->look = (struct loop_timer){.fn = flow_look, .arg = f};
    f->kick = (struct loop_defer){.fn = flow_collect, .arg = f};
    f->after = (struct loop_defer){.fn = flow_tx_after, .arg = f};
    make_metrics(f);
    pg_listen(opts->pg, "offsets", flow_offsets_set, f);
    res = consumer_new(opts->loop, &co, &f->consumer, e);
    if (res != RES_OK) {
        flow_free(f);
        return res;
    }
    *ret = f;
    return RES_OK;
}

void
flow_free(struct flow *f)
{
    if (!f)
        return;
    loop_timer_stop(f->opts.loop, &f->backoff);
    loop_timer_stop(f->opts.loop, &f->retake);
    loop_timer_stop(f->opts.loop, &f->stall);
    loop_timer_stop(f->opts.loop, &f->look);
    pg_turn_cancel(f->opts.pg, &f->turn);
    pg_turn_cancel(f->opts.pg, &f->take_turn);
    flow_batch_clear(f, &f->cur);
    flow_batch_clear(f, &f->next);
    flow_batch_clear(f, &f->past);
    free(f->cur.items);
    free(f->past.items);
    free(f->next.items);
    consumer_free(f->consumer);
    positions_free(&f->ps);
    free(f->rows);
    arena_free(&f->arena);
    pg_args_free(&f->args);
    free(f);
}
