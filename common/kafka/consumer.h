/* consumer: a group member whose positions are the caller's. Nothing is committed or stored by the client itself; an
 * assignment starts only when the caller says from where. */
#ifndef KAFKA_CONSUMER_H
#define KAFKA_CONSUMER_H

#include <librdkafka/rdkafka.h>

#include "common/base/conf.h"
#include "common/base/err.h"
#include "common/base/loop.h"

struct consumer;

struct consumer_ops {
    /* Records wait: call consumer_poll until it gives NULL. */
    void (*readable)(void *arg);
    /* These partitions are ours from now on: answer with consumer_start once their offsets are known. */
    void (*assigned)(void *arg, const rd_kafka_topic_partition_list_t *parts);
    /* All partitions go to others: finish what is in hand, then consumer_stop. `lost`: they are gone already. */
    void (*revoked)(void *arg, bool lost);
    /* One partition cannot go on: its offset is out of range, or the topic is gone. */
    void (*broken)(void *arg, const char *topic, int32_t partition, rd_kafka_resp_err_t err, const char *why);
    /* No broker answers, or one does again; told once per change. */
    void (*state)(void *arg, bool up, const char *why);
};

struct consumer_opts {
    const struct conf_pass *pass;
    const char *group;
    const char *const *topics; /* names, or patterns that begin with ^; ended by NULL */
    const struct consumer_ops *ops;
    void *arg;
};

enum res consumer_new(struct loop *loop, const struct consumer_opts *opts, struct consumer **ret,
                      struct err *e);

/* Leaves the group, waiting at most a few seconds for the broker. NULL is fine. */
void consumer_free(struct consumer *c);

/* The next record or NULL. The caller frees it with rd_kafka_message_destroy. */
rd_kafka_message_t *consumer_poll(struct consumer *c);

/* Begins (or moves) reading; each element's offset says from where. */
enum res consumer_start(struct consumer *c, const rd_kafka_topic_partition_list_t *parts, struct err *e);

/* Gives up all partitions, the answer to `revoked`. */
void consumer_stop(struct consumer *c);

/* Stops or goes on fetching everything that is assigned, also what the caller had paused by itself; polling must go on. False when
 * it was so already. */
bool consumer_pause(struct consumer *c, bool paused);

/* Tells the group's offsets to Kafka, for lag tools only. */
void consumer_report(struct consumer *c, const rd_kafka_topic_partition_list_t *parts);

/* The client, for queries such as watermarks. */
rd_kafka_t *consumer_client(struct consumer *c);

#endif
