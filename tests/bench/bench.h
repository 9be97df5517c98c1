/* bench: the load and the limits that `make bench` measures against. One program, one command per measurement; each
 * prints one line of JSON. See README.md beside this file. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <librdkafka/rdkafka.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* The options of all commands; each uses some. */
struct bench {
    const char *bootstrap;
    const char *prefix; /* of topic names */
    const char *kinds;  /* comma-separated: submitted, checked, completed; or topics to drain */
    const char *url;
    const char *conninfo;
    const char *from, *to; /* schemas */
    int64_t n;
    int64_t bad_every; /* every so many forms is bad; 0 = none */
    int64_t rate;      /* per second */
    int64_t warm;      /* requests sent before those that count */
    int64_t in_flight;
    int64_t batch;
    int64_t seed;
    int64_t apart; /* not 0: each event is of a request of its own */
};

/* What a measured stretch took. */
struct bench_lap {
    int64_t wall_us, cpu_us;
};

/* Monotonic microseconds, and sleep until then. */
int64_t bench_now_us(void);
void bench_sleep_until(int64_t at_us);

/* Begins a lap, and ends it: wall time and this process' CPU in between. */
struct bench_lap bench_begin(void);
struct bench_lap bench_end(const struct bench_lap *begun);

/* Sorts `n` times in microseconds and writes their quantiles in ms as a JSON object: p50_ms, p90_ms, p99_ms, max_ms. */
void bench_times(int64_t *took, int64_t n, struct buf *out);

/* A client of librdkafka with these name-value pairs (ended by NULL) set; NULL with a reason. */
rd_kafka_t *bench_client(const struct bench *b, rd_kafka_type_t type, const char *const *pairs,
                         void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *), struct err *e);

/* Gives `rk` all partitions of the topics <prefix>.<name>, comma-separated in `names`, from their beginning or their
 * present end. */
enum res bench_assign(rd_kafka_t *rk, const struct bench *b, const char *names, bool from_end, struct err *e);

/* One partition list member per name in `list`: calls `fn` for each; stops at the first failure. */
enum res bench_each(const char *list, enum res (*fn)(void *arg, struct str name, struct err *e), void *arg,
                    struct err *e);

/* The commands: write their line to `out`. */
enum res send_run(const struct bench *b, struct buf *out, struct err *e);
enum res trip_run(const struct bench *b, struct buf *out, struct err *e);
enum res dispatch_run(const struct bench *b, struct buf *out, struct err *e);
enum res drain_run(const struct bench *b, struct buf *out, struct err *e);
enum res copy_run(const struct bench *b, struct buf *out, struct err *e);
enum res calls_run(const struct bench *b, struct buf *out, struct err *e);
enum res visible_run(const struct bench *b, struct buf *out, struct err *e);
enum res forms_run(const struct bench *b, struct buf *out, struct err *e);
enum res order_run(const struct bench *b, struct buf *out, struct err *e);

#endif
