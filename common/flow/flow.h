/* flow: a worker's inbox. Takes records from Kafka and items of the process's own (answers, timers), and applies them in
 * batches: ONE transaction moves the offsets, locks and reads the worker's rows, writes what follows, and fills the
 * outbox. Kill it anywhere: nothing is lost and nothing applied twice.
 *
 *   BEGIN; advance_offsets(..); <load>      one round trip: fences a predecessor, locks the rows in key order
 *   <apply>; outbox; dead letters; COMMIT   one round trip
 *   committed                               effects on the outside world may start now
 *
 * A record that can never succeed is dead-lettered in the same transaction. When the database blames the data of a
 * batch, the batch is bisected with savepoints until the record stands alone, and then the others are applied at once: a part
 * may be loaded and applied more than once, and undone though nothing was wrong. Everything else is a fault of ours: wait,
 * and do the same batch again. */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include <librdkafka/rdkafka.h>

#include "common/base/clk.h"
#include "common/base/conf.h"
#include "common/base/loop.h"
#include "common/base/metric.h"
#include "common/flow/outbox.h"
#include "common/pg/pg.h"

struct flow;

/* One thing to apply. */
struct flow_item {
    rd_kafka_message_t *rkm; /* the record; NULL for an item of our own */
    void *mine;              /* what `parse` made of the record, or what flow_post was given */
    const char *code;        /* set (to static text) when the record is to be dead-lettered .. */
    char why[160];           /* .. and why; never quotes the record */
    bool skip;               /* counted, not applied: an unknown type, or a record another worker judges */
};

/* The part of a batch that is being applied now. */
struct flow_batch {
    struct flow_item *items;
    size_t n;
};

struct flow_ops {
    /* Reads a record into it->mine. RES_REJECT: the record can never succeed; set it->code where another code than
     * BAD_EVENT fits. RES_OK with it->skip: not for us. */
    enum res (*parse)(void *w, struct flow_item *it, struct err *e);

    /* Sends the statements that lock and read (pg_send only, no sync). Called again for each part when bisecting. */
    void (*load)(void *w, const struct flow_batch *b);

    /* Everything `load` asked for has been answered: derive, pg_send what is to be written, flow_emit what is to be
     * told. An item found bad here gets it->code. */
    void (*apply)(void *w, const struct flow_batch *b);

    /* The transaction is durable. `b` is the whole batch. */
    void (*committed)(void *w, const struct flow_batch *b);

    /* The transaction (`whole`), or its last part, was rolled back: forget what load and apply gathered for it. */
    void (*undone)(void *w, bool whole);

    void (*drop)(void *w, void *mine);     /* frees what parse made */
    void (*drop_own)(void *w, void *mine); /* frees what flow_post was given */
};

struct flow_opts {
    struct loop *loop;
    struct pg *pg;
    struct outbox *outbox;
    const struct conf_pass *kafka;
    const char *group;
    const char *const *topics; /* names or ^patterns, ended by NULL */
    const char *dead_topic;
    const char *worker;                        /* "validator" */
    const char *header_prefix;                 /* of dead letter headers: "app-" */
    bool (*judges)(void *w, struct str topic); /* whether a bad record of this topic is ours to dead-letter */
    size_t batch_max;                          /* records per transaction; 0 = 1000 */
    const struct flow_ops *ops;
    void *w;
    struct metrics *metrics;
    const char *metric_prefix;
    const char *stop_hint; /* what a person does about a stopped partition: named in the alarm */
    struct clk clk;
};

/* True for an item that load and apply are to look at. */
static inline bool
flow_live(const struct flow_item *it)
{
    return !it->code && !it->skip;
}

enum res flow_new(const struct flow_opts *opts, struct flow **ret, struct err *e);

/* Stops taking records; calls `fn` once when the batch in hand is done. */
void flow_drain(struct flow *f, void (*fn)(void *arg), void *arg);

/* Leaves the group and frees. NULL is fine. */
void flow_free(struct flow *f);

/* Adds an item of our own to the next batch; `mine` is the flow's from now on. It is kept through rebalances and
 * faults until it was applied. */
void flow_post(struct flow *f, void *mine);

/* From `apply`: a record to be published after COMMIT. Everything is copied. */
void flow_emit(struct flow *f, const char *topic, struct str key, struct str value);

/* Whether partitions and database are both as they should be, with a reason when not. */
bool flow_ready(const struct flow *f, const char **why);

/* Writes a JSON object of partitions, positions and stops, for /statusz. */
void flow_status(const struct flow *f, struct buf *out);

#endif
