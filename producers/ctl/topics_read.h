/* topics_read: partitions read from a place to a place, each record once, by nobody's group. */
#ifndef CTL_TOPICS_READ_H
#define CTL_TOPICS_READ_H

#include "producers/ctl/ctl.h"

struct topics_part {
    char *topic; /* the list's own */
    int32_t partition;
    int64_t low, high; /* what the broker holds, as topics_read_ask was told */
    int64_t next, end; /* from where to where (exclusive) topics_read_run reads; the caller's to set */
    int64_t first_ms;  /* append time of the first record that was read; INT64_MIN = none was */
    bool done;
};

struct topics_read {
    struct ctl *c;
    rd_kafka_t *rk; /* by topics_read_open */
    struct topics_part *parts;
    int n, open;
    enum res (*record)(void *arg, rd_kafka_message_t *rkm); /* takes the record */
    void *arg;
};

/* A consumer under the name of `group`, which it never joins. Results as ctl_consumer. */
enum res topics_read_open(struct topics_read *t, const char *group);

/* Adds a partition. RES_RETRY: out of memory. */
enum res topics_read_add(struct topics_read *t, const char *topic, int32_t partition);

/* Asks what the broker holds of each partition. RES_RETRY: it does not answer. */
enum res topics_read_ask(struct topics_read *t);

/* Reads each partition from `next` to `end`, and leaves `next` there. RES_RETRY: Kafka gives no record for CTL_KAFKA_MS;
 * else what `record` returned. */
enum res topics_read_run(struct topics_read *t);

void topics_read_close(struct topics_read *t);

#endif
