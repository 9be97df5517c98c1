/* position: where a group stands in its partitions, as the database has it. Part of flow; not for other use. */
#ifndef FLOW_POSITION_H
#define FLOW_POSITION_H

#include <librdkafka/rdkafka.h>

#include "common/base/buf.h"
#include "common/pg/pg.h"

/* One partition that is ours. */
struct position {
    char *topic;
    int32_t partition;
    int64_t next;    /* as stored: the next record to apply; -1 = from the beginning */
    int64_t fetched; /* the next record to expect from the client; records below it are repeats */
    int64_t generation;
    int64_t last_ms; /* of the record before `next`; INT64_MIN unknown */
    int64_t last_hash;
    bool verify; /* the first record must be the one before `next`, to see that the topic is still the same */
    bool stopped;       /* cannot go on without a person */
    int64_t batch_next; /* while a batch is sent: where it takes the partition; -1 = not in the batch */
    int64_t batch_ms;
    int64_t batch_hash;
    const rd_kafka_message_t *batch_last; /* the batch's own; hashed when the offsets are sent */
    bool server_time;  /* the broker says when records were appended: times of one partition do not fall */
    int64_t newest_ms; /* of all records noted */
    int64_t look_ms;   /* no record before look_next is newer; INT64_MIN: not known yet */
    int64_t look_next;
    bool changed; /* it was found to be another topic while it was read */
};

struct positions {
    struct position *all;
    size_t n;
};

enum position_verdict {
    POSITION_NEW,    /* apply it */
    POSITION_REPEAT, /* was applied before: drop it */
    POSITION_CHANGED /* not the topic we read: stop */
};

void positions_free(struct positions *ps);

/* Fills from an assignment (topics and partitions only). */
enum res positions_assign(struct positions *ps, const rd_kafka_topic_partition_list_t *parts, struct err *e);

struct position *positions_find(struct positions *ps, const char *topic, int32_t partition);

/* Sends take_offsets for all; the answer goes in by positions_taken. Before it, sessions of this program are ended that
 * have waited for their client in the middle of a transaction for 5 s: a predecessor that was stopped there would keep
 * its locks for as long as it lives, because no time-out of Postgres 15 covers a transaction that is half sent. */
void positions_take(struct positions *ps, struct pg *pg, const char *group, struct pg_args *args,
                    pg_rows_fn fn, void *arg);
void positions_taken(struct positions *ps, const PGresult *r);

/* The list to start reading from: the record before `next` where it is to be verified. Caller frees. */
rd_kafka_topic_partition_list_t *positions_list(const struct positions *ps);

/* What to do with a record that arrived; moves `fetched`. */
enum position_verdict positions_judge(struct position *p, const rd_kafka_message_t *rkm);

/* Notes that a batch holds this record. */
void positions_note(struct position *p, const rd_kafka_message_t *rkm);
void positions_forget_batch(struct positions *ps);
size_t positions_in_batch(const struct positions *ps);

/* Sends advance_offsets for the partitions of the batch. */
void positions_advance(struct positions *ps, struct pg *pg, const char *group, struct pg_args *args);

/* Where the first record stands that is newer than all that had been applied when it was last looked, to be asked of the
 * broker; only partitions of which that is known. Caller frees. */
rd_kafka_topic_partition_list_t *positions_to_look(const struct positions *ps);

/* The broker's answer for one partition, RD_KAFKA_OFFSET_END for none. True when that stands before what had been applied:
 * the broker's clock was set back, or it is another topic, which then begins with it. */
bool positions_looked(struct position *p, int64_t first_newer);

/* It is the same topic: from now on the broker is asked for what is newer than all that has been applied by now. */
void positions_looked_at(struct position *p);

/* Sends what lets the partitions that have changed be found so again by whoever takes them. */
void positions_spoil(struct positions *ps, struct pg *pg, const char *group, struct pg_args *args);

/* The batch was committed: moves `next`, and returns the list to tell Kafka (caller frees). */
rd_kafka_topic_partition_list_t *positions_commit(struct positions *ps);

/* How many cannot go on without a person, and which. Caller frees the list. */
size_t positions_stopped(const struct positions *ps);
rd_kafka_topic_partition_list_t *positions_list_stopped(const struct positions *ps);

void positions_status(const struct positions *ps, struct buf *out);

#endif
