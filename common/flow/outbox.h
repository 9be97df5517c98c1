/* outbox: records that are written in a worker's transaction and published after it. A row is removed only after its
 * delivery report; rows of one key share a lane and leave in the order they were written; one process at a time holds
 * a lane, by a lease. Delivery is at least once: consumers know repeats by the event's id. */
#ifndef FLOW_OUTBOX_H
#define FLOW_OUTBOX_H

#include "common/base/metric.h"
#include "common/kafka/producer.h"
#include "common/pg/pg.h"

enum { OUTBOX_LANES = 16 };

struct outbox;

struct outbox_opts {
    struct loop *loop;
    struct pg *pg;
    struct producer *producer;
    const char *worker; /* names the table: outbox_<worker> */
    const char *owner;  /* unique per process */
    int64_t lease_ms;   /* 0 = 10000 */
    struct metrics *metrics;
    const char *prefix; /* of metric names */
};

/* One record on its way. */
struct outbox_row {
    int32_t lane;
    int64_t seq; /* set by the database */
    struct str topic, key, value;
    struct str headers; /* packed by outbox_headers; STR_NULL = none */
};

enum res outbox_new(const struct outbox_opts *opts, struct outbox **ret, struct err *e);
void outbox_free(struct outbox *o);

/* The producer's client, for queries; see producer_client. */
rd_kafka_t *outbox_client(const struct outbox *o);

/* Which lane a key belongs to. */
int32_t outbox_lane(struct str key);

/* Packs headers for a row. */
void outbox_headers(const struct producer_header *h, unsigned n, struct buf *out);

/* Adds the rows to the transaction that is being sent; their `seq` is filled in when the group is answered. The rows
 * must stay where they are until then. */
void outbox_store(struct outbox *o, struct outbox_row *rows, size_t n);

/* After COMMIT: publishes what was stored. The rows' bytes are copied. */
void outbox_publish(struct outbox *o, const struct outbox_row *rows, size_t n);

/* Rows sent and not yet removed; 0 when nothing of ours is on its way. */
size_t outbox_pending(const struct outbox *o);

#endif
