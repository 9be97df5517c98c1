/* kafka: what producers and consumers share: configuration, log routing, and a queue's wake-up joined to the loop. */
#ifndef KAFKA_KAFKA_H
#define KAFKA_KAFKA_H

#include <librdkafka/rdkafka.h>

#include "common/base/conf.h"
#include "common/base/err.h"
#include "common/base/loop.h"

/* A configuration of `defaults` (name, value pairs ended by NULL) overridden by the operator's `pass`. RES_FATAL names
 * the property that is unknown or impossible. `*ret` is the caller's until rd_kafka_new takes it. */
enum res kafka_conf(const char *const *defaults, const struct conf_pass *pass, rd_kafka_conf_t **ret,
                    struct err *e);

/* Checks the operator's properties without connecting. */
enum res kafka_conf_check(const struct conf_pass *pass, struct err *e);

/* Destroys a client, and waits no longer for that than KAFKA_DESTROY_MS: a consumer of librdkafka 2.0.2 whose topic was deleted
 * never comes to an end. It is then left behind, said so in the log; for programs that end. NULL is fine. */
enum { KAFKA_DESTROY_MS = 3000 };
void kafka_destroy(rd_kafka_t *rk);

/* Watches a queue: `fn` runs in the loop when it turns from empty to non-empty. Drain it until NULL each time. */
struct kafka_wake;
enum res kafka_wake_new(struct loop *loop, rd_kafka_queue_t *queue, void (*fn)(void *arg), void *arg,
                        struct kafka_wake **ret, struct err *e);
void kafka_wake_free(struct kafka_wake *w);

#endif
