#include "common/flow/flow.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/caltime.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/flow/position.h"
#include "common/kafka/consumer.h"

enum {
    BATCH_BYTES = 8 << 20,
    RANGES = 64,
    BACKOFF_MIN_MS = 50,
    BACKOFF_MAX_MS = 5000,
    RETAKE_MS = 1000,
    STALL_MS = 3000,
    MANY_BAD = 8
};

static const struct pg_stmt begin_stmt = {"begin", "begin"};
static const struct pg_stmt commit_stmt = {"commit", "commit"};
static const struct pg_stmt rollback_stmt = {"rollback", "rollback"};
static const struct pg_stmt savepoint_stmt = {"savepoint", "savepoint part"};
static const struct pg_stmt release_stmt = {"release", "release savepoint part"};
static const struct pg_stmt undo_stmt = {"undo_part", "rollback to savepoint part"};
static const struct pg_stmt dead_stmt = {
    "dead_letter",
    "insert into dead_letter (worker, topic, partition, kafka_offset, code, reason) "
    "select $1::text, * from unnest($2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[]) "
    "on conflict do nothing"};

struct batch {
    struct flow_item *items;
    size_t n, cap, bytes;
};

struct range {
    size_t lo, hi;
};

struct flow {
    struct flow_opts opts;
    struct consumer *consumer;
    struct positions ps;
    bool known; /* offsets were taken: records may be applied */
    bool assigned;
    bool revoke_pending; /* give up the partitions once the transaction in flight has ended */
    enum { IDLE, TURN, SENT, WAIT } state;
    bool careful; /* this batch is bisected */
    size_t bad;   /* records blamed in this batch */
    struct batch cur, next;
    struct range ranges[RANGES], range;
    size_t nranges;
    struct outbox_row *rows; /* what this transaction emits */
    size_t nrows, rows_cap, rows_mark;
    struct arena arena; /* bytes of rows */
    struct pg_args args;
    struct pg_turn turn, take_turn;
    struct pg_end failure; /* why the transaction is being rolled back */
    struct loop_timer backoff, retake, stall;
    int64_t backoff_ms;
    struct loop_defer kick;
    void (*drained)(void *arg);
    void *drained_arg;
    bool draining;
    bool faulty; /* the last transaction failed by a fault of ours */
    char why[240];
    bool kafka_up;
    int64_t began_ms;
    struct metric *m_records, *m_skipped, *m_dead, *m_batches, *m_retries, *m_seconds, *m_stopped;
};

static void start_turn(void *arg);
static void collect(void *arg);

/* ---- batches ---------------------------------------------------------------------------------------------------- */

static struct flow_item *
batch_add(struct batch *b)
{
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        struct flow_item *grown = realloc(b->items, cap * sizeof *grown);

        if (!grown)
            abort();
        b->items = grown;
        b->cap = cap;
    }
    b->items[b->n] = (struct flow_item){0};
    return &b->items[b->n++];
}

static void
item_free(struct flow *f, struct flow_item *it)
{
    if (it->mine && it->rkm)
        f->opts.ops->drop(f->opts.w, it->mine);
    else if (it->mine)
        f->opts.ops->drop_own(f->opts.w, it->mine);
    if (it->rkm)
        rd_kafka_message_destroy(it->rkm);
}

static void
batch_clear(struct flow *f, struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        item_free(f, &b->items[i]);
    b->n = b->bytes = 0;
}

/* Forgets the records, keeps what is our own. */
static void
batch_drop_records(struct flow *f, struct batch *b)
{
    size_t kept = 0;

    for (size_t i = 0; i < b->n; i++) {
        if (b->items[i].rkm) {
            item_free(f, &b->items[i]);
        } else {
            b->items[i].code = NULL;
            b->items[kept++] = b->items[i];
        }
    }
    b->n = kept;
    b->bytes = 0;
}

/* What is left of `from` goes before what `to` holds. */
static void
batch_prepend(struct batch *to, struct batch *from)
{
    for (size_t i = 0; i < to->n; i++)
        *batch_add(from) = to->items[i];
    from->bytes += to->bytes;
    to->n = to->bytes = 0;
    struct batch tmp = *to;
    *to = *from;
    *from = tmp;
}

static bool
batch_full(const struct flow *f)
{
    return f->next.n >= f->opts.batch_max || f->next.bytes >= BATCH_BYTES;
}

/* ---- emitting --------------------------------------------------------------------------------------------------- */

static struct outbox_row *
new_row(struct flow *f)
{
    if (f->nrows == f->rows_cap) {
        size_t cap = f->rows_cap ? f->rows_cap * 2 : 64;
        struct outbox_row *grown = realloc(f->rows, cap * sizeof *grown);

        if (!grown)
            abort();
        f->rows = grown;
        f->rows_cap = cap;
    }
    f->rows[f->nrows] = (struct outbox_row){0};
    return &f->rows[f->nrows++];
}

void
flow_emit(struct flow *f, const char *topic, struct str key, struct str value)
{
    struct outbox_row *row = new_row(f);

    row->lane = outbox_lane(key);
    row->topic = arena_str(&f->arena, str_of(topic));
    row->key = arena_str(&f->arena, key);
    row->value = arena_str(&f->arena, value);
}

static void
forget_rows(struct flow *f)
{
    f->nrows = 0;
    arena_reset(&f->arena);
}

/* ---- dead letters ----------------------------------------------------------------------------------------------- */

static unsigned
own_headers(struct flow *f, const struct flow_item *it, struct producer_header *h)
{
    const char *const names[] = {"worker",           "code",          "reason",   "origin-topic",
                                 "origin-partition", "origin-offset", "failed-at"};
    char part[16];
    char off[24];
    char at[32];
    const char *const values[] = {f->opts.worker, it->code, it->why, rd_kafka_topic_name(it->rkm->rkt),
                                  part,           off,      at};

    snprintf(part, sizeof part, "%d", it->rkm->partition);
    snprintf(off, sizeof off, "%lld", (long long)it->rkm->offset);
    caltime_format(clk_us(f->opts.clk), at);
    for (unsigned i = 0; i < 7; i++) {
        struct buf name = buf_make(128);

        buf_printf(&name, "%s%s", f->opts.header_prefix, names[i]);
        h[i].name = arena_str(&f->arena, buf_view(&name)).p;
        h[i].value = arena_str(&f->arena, str_of(values[i]));
        buf_free(&name);
    }
    return 7;
}

static unsigned
their_headers(const rd_kafka_message_t *rkm, struct producer_header *h, unsigned max)
{
    rd_kafka_headers_t *hdrs;
    const char *name;
    const void *value;
    size_t size;
    unsigned n = 0;

    if (rd_kafka_message_headers(rkm, &hdrs) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    while (n < max && rd_kafka_header_get_all(hdrs, n, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        h[n].name = name;
        h[n++].value = (struct str){value, size};
    }
    return n;
}

/* The record's key, bytes and headers as they came, and behind them what we say of it. */
static void
emit_dead(struct flow *f, const struct flow_item *it)
{
    struct producer_header h[48];
    struct buf packed = buf_make(1 << 20);
    struct outbox_row *row = new_row(f);
    unsigned n = their_headers(it->rkm, h, 40);

    n += own_headers(f, it, h + n);
    outbox_headers(h, n, &packed);
    row->key = arena_str(&f->arena, (struct str){it->rkm->key, it->rkm->key_len});
    row->value = arena_str(&f->arena, (struct str){it->rkm->payload, it->rkm->len});
    row->headers = arena_str(&f->arena, buf_view(&packed));
    row->topic = arena_str(&f->arena, str_of(f->opts.dead_topic));
    row->lane = outbox_lane(row->key);
    buf_free(&packed);
}

static void
dead_args(struct flow *f)
{
    const struct batch *b = &f->cur;
    struct pg_args *a = &f->args;

    pg_args_reset(a);
    pg_arg_text(a, str_of(f->opts.worker));
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].code && b->items[i].rkm)
            pg_elem_text(a, str_of(rd_kafka_topic_name(b->items[i].rkm->rkt)));
    pg_array_end(a);
    pg_array(a, PG_INT4);
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].code && b->items[i].rkm)
            pg_elem_int4(a, b->items[i].rkm->partition);
    pg_array_end(a);
    pg_array(a, PG_INT8);
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].code && b->items[i].rkm)
            pg_elem_int8(a, b->items[i].rkm->offset);
    pg_array_end(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].code && b->items[i].rkm)
            pg_elem_text(a, str_of(b->items[i].code));
    pg_array_end(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].code && b->items[i].rkm)
            pg_elem_text(a, str_of(b->items[i].why));
    pg_array_end(a);
}

static void
send_dead(struct flow *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->cur.n; i++) {
        if (!f->cur.items[i].code || !f->cur.items[i].rkm)
            continue;
        emit_dead(f, &f->cur.items[i]);
        n++;
    }
    if (!n)
        return;
    dead_args(f);
    pg_send(f->opts.pg, &dead_stmt, &f->args, NULL, NULL);
}

/* ---- the end of a transaction ----------------------------------------------------------------------------------- */

static void
maybe_start(struct flow *f)
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
    f->careful = false;
    f->state = TURN;
    pg_turn(f->opts.pg, &f->turn);
}

static void
give_up_partitions(struct flow *f)
{
    f->revoke_pending = false;
    f->assigned = f->known = false;
    loop_timer_stop(f->opts.loop, &f->retake);
    pg_turn_cancel(f->opts.pg, &f->take_turn);
    consumer_stop(f->consumer);
    positions_free(&f->ps);
}

static void
settle(struct flow *f)
{
    f->state = IDLE;
    if (f->revoke_pending)
        give_up_partitions(f);
    loop_timer_stop(f->opts.loop, &f->stall);
    if (!batch_full(f))
        consumer_pause(f->consumer, false);
    loop_defer(f->opts.loop, &f->kick);
}

static void
healthy(struct flow *f)
{
    if (f->faulty)
        log_info("transactions succeed again", LOG_Z("group", f->opts.group));
    f->faulty = false;
    f->backoff_ms = 0;
}

static void
report_dead(struct flow *f)
{
    for (size_t i = 0; i < f->cur.n; i++) {
        const struct flow_item *it = &f->cur.items[i];

        if (!it->code || !it->rkm)
            continue;
        metric_add(f->m_dead, 1);
        log_warn("a record was set aside as a dead letter", LOG_Z("topic", rd_kafka_topic_name(it->rkm->rkt)),
                 LOG_I("partition", it->rkm->partition), LOG_I("offset", it->rkm->offset),
                 LOG_Z("code", it->code), LOG_Z("reason", it->why));
    }
}

static void
on_committed(struct flow *f)
{
    struct flow_batch all = {f->cur.items, f->cur.n};
    rd_kafka_topic_partition_list_t *told = positions_commit(&f->ps);

    healthy(f);
    metric_add(f->m_batches, 1);
    metric_observe(f->m_seconds, (double)(clk_mono_ms() - f->began_ms) / 1000.0);
    if (told->cnt)
        consumer_report(f->consumer, told);
    rd_kafka_topic_partition_list_destroy(told);
    pg_done(f->opts.pg);
    outbox_publish(f->opts.outbox, f->rows, f->nrows);
    f->opts.ops->committed(f->opts.w, &all);
    report_dead(f);
    batch_clear(f, &f->cur);
    forget_rows(f);
    settle(f);
}

/* ---- rolling back ----------------------------------------------------------------------------------------------- */

static bool
fenced(const struct pg_end *end)
{
    return strcmp(end->state, "ZF001") == 0;
}

static void
drop_records(struct flow *f)
{
    batch_drop_records(f, &f->cur);
    batch_drop_records(f, &f->next);
    batch_prepend(&f->next, &f->cur);
}

static void
note_fault(struct flow *f)
{
    snprintf(f->why, sizeof f->why, "%s %s", f->failure.state, f->failure.text);
    metric_add(f->m_retries, 1);
    if (!f->faulty)
        log_warn("a transaction failed and is tried again", LOG_Z("group", f->opts.group),
                 LOG_Z("sqlstate", f->failure.state), LOG_Z("why", f->failure.text));
    f->faulty = true;
}

/* Whether to blame the records: not when most of them fail alike, then it is us. */
static bool
blame_records(const struct flow *f)
{
    return f->failure.res == RES_REJECT && !f->careful;
}

static void
after_undo(struct flow *f)
{
    pg_done(f->opts.pg);
    positions_forget_batch(&f->ps);
    if (fenced(&f->failure)) {
        log_warn("another process has moved our offsets; reading them again", LOG_Z("group", f->opts.group));
        drop_records(f);
        f->known = false;
        loop_timer_set(f->opts.loop, &f->retake, RETAKE_MS);
        settle(f);
        return;
    }
    if (f->revoke_pending) {
        drop_records(f);
        settle(f);
        return;
    }
    if (blame_records(f)) {
        f->careful = true;
        f->state = TURN;
        pg_turn(f->opts.pg, &f->turn);
        return;
    }
    note_fault(f);
    f->careful = false;
    f->state = WAIT;
    f->backoff_ms = f->backoff_ms ? f->backoff_ms * 2 : BACKOFF_MIN_MS;
    if (f->backoff_ms > BACKOFF_MAX_MS)
        f->backoff_ms = BACKOFF_MAX_MS;
    loop_timer_set(f->opts.loop, &f->backoff, 1 + (int64_t)(id_random() % (uint64_t)f->backoff_ms));
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
    f->opts.ops->undone(f->opts.w);
    forget_rows(f);
    for (size_t i = 0; f->careful && i < f->cur.n; i++)
        if (f->cur.items[i].code && strncmp(f->cur.items[i].code, "DATA", 4) == 0)
            f->cur.items[i].code = NULL;
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
    send_dead(f);
    if (f->nrows)
        outbox_store(f->opts.outbox, f->rows, f->nrows);
    pg_send(f->opts.pg, &commit_stmt, NULL, NULL, NULL);
    pg_sync(f->opts.pg, on_finished, f);
}

static struct flow_batch
part(struct flow *f)
{
    return (struct flow_batch){f->cur.items + f->range.lo, f->range.hi - f->range.lo};
}

static void next_range(struct flow *f);

static void
on_range_undone(void *arg, const struct pg_end *end)
{
    struct flow *f = arg;
    struct range r = f->range;

    if (end->res != RES_OK) {
        undo(f, end);
        return;
    }
    if (r.hi - r.lo > 1 && f->nranges + 2 <= RANGES) {
        size_t mid = r.lo + (r.hi - r.lo) / 2;

        f->ranges[f->nranges++] = (struct range){mid, r.hi};
        f->ranges[f->nranges++] = (struct range){r.lo, mid};
    } else {
        struct flow_item *it = &f->cur.items[r.lo];

        it->code = "DATA_REFUSED";
        snprintf(it->why, sizeof it->why, "the database refuses its data: SQLSTATE %s", f->failure.state);
        f->bad++;
    }
    next_range(f);
}

static void
range_failed(struct flow *f, const struct pg_end *end)
{
    if (end->res != RES_REJECT || (f->bad >= MANY_BAD && f->bad * 2 > f->cur.n)) {
        struct pg_end ours = *end;

        ours.res = RES_RETRY;
        undo(f, &ours);
        return;
    }
    f->failure = *end;
    f->nrows = f->rows_mark;
    f->opts.ops->undone(f->opts.w);
    pg_send(f->opts.pg, &undo_stmt, NULL, NULL, NULL);
    pg_sync(f->opts.pg, on_range_undone, f);
}

static void
on_range_applied(void *arg, const struct pg_end *end)
{
    if (end->res == RES_OK)
        next_range(arg);
    else
        range_failed(arg, end);
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
    pg_send(f->opts.pg, &release_stmt, NULL, NULL, NULL);
    pg_sync(f->opts.pg, on_range_applied, f);
}

static void
next_range(struct flow *f)
{
    struct flow_batch b;

    if (f->nranges == 0) {
        finish(f);
        return;
    }
    f->range = f->ranges[--f->nranges];
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
    struct flow_batch b = part(f);

    if (end->res != RES_OK) {
        undo(f, end);
    } else if (f->careful) {
        next_range(f);
    } else {
        f->opts.ops->apply(f->opts.w, &b);
        finish(f);
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

static void
start_turn(void *arg)
{
    struct flow *f = arg;
    struct flow_batch b;

    f->state = SENT;
    f->bad = 0;
    f->range = (struct range){0, f->cur.n};
    f->ranges[0] = f->range;
    f->nranges = 1;
    f->began_ms = clk_mono_ms();
    note_positions(f);
    pg_send(f->opts.pg, &begin_stmt, NULL, NULL, NULL);
    if (positions_in_batch(&f->ps))
        positions_advance(&f->ps, f->opts.pg, f->opts.group, &f->args);
    b = part(f);
    if (!f->careful)
        f->opts.ops->load(f->opts.w, &b);
    pg_sync(f->opts.pg, on_begun, f);
}

static void
on_backoff(void *arg)
{
    struct flow *f = arg;

    if (f->cur.n == 0) {
        settle(f);
        return;
    }
    f->state = TURN;
    pg_turn(f->opts.pg, &f->turn);
}

/* ---- partitions ------------------------------------------------------------------------------------------------- */

static void
on_taken_rows(void *arg, const PGresult *r)
{
    struct flow *f = arg;

    positions_taken(&f->ps, r);
}

static void
start_reading(struct flow *f)
{
    rd_kafka_topic_partition_list_t *list = positions_list(&f->ps);
    struct err e = {0};

    if (consumer_start(f->consumer, list, &e) != RES_OK)
        log_warn("cannot begin to read", LOG_Z("group", f->opts.group), LOG_Z("why", e.text));
    f->known = true;
    rd_kafka_topic_partition_list_destroy(list);
}

static void
on_taken(void *arg, const struct pg_end *end)
{
    struct flow *f = arg;

    pg_done(f->opts.pg);
    if (!f->assigned)
        return;
    if (end->res != RES_OK) {
        snprintf(f->why, sizeof f->why, "offsets cannot be read: %s", end->text);
        loop_timer_set(f->opts.loop, &f->retake, RETAKE_MS);
        return;
    }
    start_reading(f);
    log_info("reads its partitions", LOG_Z("group", f->opts.group), LOG_I("partitions", (int64_t)f->ps.n));
}

static void
take_turn(void *arg)
{
    struct flow *f = arg;

    positions_take(&f->ps, f->opts.pg, f->opts.group, &f->args, on_taken_rows, f);
    pg_sync(f->opts.pg, on_taken, f);
}

static void
on_retake(void *arg)
{
    struct flow *f = arg;

    if (f->assigned && !f->revoke_pending)
        pg_turn(f->opts.pg, &f->take_turn);
}

static void
on_assigned(void *arg, const rd_kafka_topic_partition_list_t *parts)
{
    struct flow *f = arg;
    struct err e = {0};

    f->assigned = true;
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
    batch_drop_records(f, &f->next);
    if (f->state == SENT)
        return; /* settle() gives them up */
    pg_turn_cancel(f->opts.pg, &f->turn);
    loop_timer_stop(f->opts.loop, &f->backoff);
    drop_records(f);
    settle(f);
}

static void
stop_partition(struct flow *f, struct position *p, const char *why)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    if (p->stopped)
        return;
    p->stopped = true;
    rd_kafka_topic_partition_list_add(list, p->topic, p->partition);
    rd_kafka_pause_partitions(consumer_client(f->consumer), list);
    rd_kafka_topic_partition_list_destroy(list);
    metric_add(f->m_stopped, 1);
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
    stop_partition(f, p, why);
}

static void
on_kafka_state(void *arg, bool up, const char *why)
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
        stop_partition(f, p, "the topic was made anew: the record before our position is another one");
    if (v != POSITION_NEW) {
        rd_kafka_message_destroy(m);
        return;
    }
    it = batch_add(&f->next);
    it->rkm = m;
    f->next.bytes += m->len;
    parse_record(f, it);
}

static void
on_stall(void *arg)
{
    struct flow *f = arg;

    consumer_pause(f->consumer, true); /* polling goes on, so that the group does not take us for dead */
}

static void
collect(void *arg)
{
    struct flow *f = arg;
    rd_kafka_message_t *m;

    if (f->draining) {
        maybe_start(f);
        return;
    }
    while ((!batch_full(f) || f->stall.slot == 0) && (m = consumer_poll(f->consumer))) {
        take_record(f, m);
        if (batch_full(f) && !f->stall.slot)
            loop_timer_set(f->opts.loop, &f->stall, STALL_MS);
        if (batch_full(f))
            break;
    }
    maybe_start(f);
}

/* ---- outside ---------------------------------------------------------------------------------------------------- */

void
flow_post(struct flow *f, void *mine)
{
    batch_add(&f->next)->mine = mine;
    loop_defer(f->opts.loop, &f->kick);
}

bool
flow_ready(const struct flow *f, const char **why)
{
    *why = "";
    if (!pg_up(f->opts.pg))
        *why = "Postgres does not answer";
    else if (!f->kafka_up)
        *why = "no Kafka broker answers";
    else if (!f->known)
        *why = "no partitions are assigned yet";
    else if (f->faulty)
        *why = f->why;
    return !**why;
}

rd_kafka_t *
flow_client(struct flow *f)
{
    return f->consumer ? consumer_client(f->consumer) : NULL;
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
    if (f->state == WAIT)
        f->state = IDLE;
    batch_drop_records(f, &f->next);
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
        {&f->m_stopped, METRIC_COUNTER, "partitions_stopped", "Partitions that need a person to go on"},
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
    static const struct consumer_ops ops = {collect, on_assigned, on_revoked, on_broken, on_kafka_state};
    struct flow *f = calloc(1, sizeof *f);
    struct consumer_opts co = {
        .pass = opts->kafka, .group = opts->group, .topics = opts->topics, .ops = &ops, .arg = f};
    enum res res;

    *ret = NULL;
    if (!f)
        return err_set(e, RES_FATAL, "out of memory");
    f->opts = *opts;
    if (!f->opts.batch_max)
        f->opts.batch_max = 500;
    f->kafka_up = true;
    f->args = pg_args_make();
    f->turn = (struct pg_turn){.fn = start_turn, .arg = f};
    f->take_turn = (struct pg_turn){.fn = take_turn, .arg = f};
    f->backoff = (struct loop_timer){.fn = on_backoff, .arg = f};
    f->retake = (struct loop_timer){.fn = on_retake, .arg = f};
    f->stall = (struct loop_timer){.fn = on_stall, .arg = f};
    f->kick = (struct loop_defer){.fn = collect, .arg = f};
    make_metrics(f);
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
    pg_turn_cancel(f->opts.pg, &f->turn);
    pg_turn_cancel(f->opts.pg, &f->take_turn);
    batch_clear(f, &f->cur);
    batch_clear(f, &f->next);
    free(f->cur.items);
    free(f->next.items);
    consumer_free(f->consumer);
    positions_free(&f->ps);
    free(f->rows);
    arena_free(&f->arena);
    pg_args_free(&f->args);
    free(f);
}
