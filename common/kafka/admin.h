/* admin: topics for operators' commands, by plain blocking calls. Not for the event loop. */
#ifndef KAFKA_ADMIN_H
#define KAFKA_ADMIN_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "common/base/conf.h"
#include "common/base/err.h"

struct admin_setting {
    const char *name, *value;
};

/* A topic as it should be. */
struct admin_topic {
    const char *name;
    int partitions;
    int replication;
    const struct admin_setting *settings;
    size_t n;
};

/* A client for the calls below; `timeout_ms` bounds each of them. RES_FATAL names a wrong property, RES_RETRY says that
 * no broker answered in that time. */
struct admin;
enum res admin_new(const struct conf_pass *pass, int timeout_ms, struct admin **ret, struct err *e);
void admin_free(struct admin *a); /* NULL is fine */

/* The client itself, for other calls; not the caller's. */
rd_kafka_t *admin_client(struct admin *a);

/* How many brokers the cluster has now; at least 1. */
int admin_brokers(const struct admin *a);

/* Makes the topic and waits until each partition has a leader. `*made` is false when it was there already, in which case
 * nothing of it is changed. RES_RETRY: no answer; RES_FATAL: the cluster refuses. */
enum res admin_create(struct admin *a, const struct admin_topic *topic, bool *made, struct err *e);

/* Compares a topic with how it should be; `differs` is called once per difference. A topic with more partitions than
 * asked for is fine. Same results as above. */
typedef void (*admin_differs_fn)(void *arg, const char *topic, const char *what, const char *is,
                                 const char *should);
enum res admin_check(struct admin *a, const struct admin_topic *topic, admin_differs_fn differs, void *arg,
                     struct err *e);

#endif
