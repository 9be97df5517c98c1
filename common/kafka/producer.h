/* producer: sends records and reports each one's delivery, inside the loop. acks=all and one request in flight, so that
 * records of a key stay in order; one may arrive twice. A fatal error of the client re-creates it; what was not
 * acknowledged by then is reported as RES_RETRY. */
#ifndef KAFKA_PRODUCER_H
#define KAFKA_PRODUCER_H

#include <librdkafka/rdkafka.h>

#include "common/base/conf.h"
#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/base/str.h"

struct producer;

struct producer_header {
    const char *name;
    struct str value;
};

struct producer_record {
    const char *topic;
    struct str key;   /* p == NULL: no key */
    struct str value; /* p == NULL: null */
    const struct producer_header *headers;
    unsigned nheaders;
};

/* How a record ended: RES_OK acknowledged by all in-sync replicas; RES_RETRY not (send again); RES_REJECT never will
 * be (too large, no such topic for good). `why` is "" for RES_OK. */
typedef void (*producer_fn)(void *arg, enum res res, const char *why);

/* `topics` (ended by NULL) are warmed so that the first record is not a second late. The broker may be away. */
enum res producer_new(struct loop *loop, const struct conf_pass *pass, const char *const *topics,
                      struct producer **ret, struct err *e);

/* Waits at most `limit_ms` for what is in flight, then frees; what is left is reported first. NULL is fine. */
void producer_free(struct producer *p, int limit_ms);

/* Queues a copy. `fn` is called once from the loop, never from inside this call. RES_RETRY: the queue is full, nothing
 * was taken; RES_REJECT: larger than the client may send. */
enum res producer_send(struct producer *p, const struct producer_record *r, producer_fn fn, void *arg,
                       struct err *e);

/* Records not yet reported. */
unsigned producer_in_flight(const struct producer *p);

/* False from the first sign that no broker answers until one does. */
bool producer_up(const struct producer *p);

/* The client, for queries such as where a topic ends: nothing of its own holds up their answers, whereas a consumer's wait
 * behind its fetch. Not to be kept: NULL or another after a fatal error. */
rd_kafka_t *producer_client(struct producer *p);

#endif
