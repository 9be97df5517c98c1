/* steady: one event of each request at a steady rate, which waits for no answer: a slow pipeline shows as latency, not as
 * less load. */
#ifndef BENCH_STEADY_H
#define BENCH_STEADY_H

#include "tests/bench/bench.h"
#include "tests/bench/story.h"

struct steady {
    const struct bench *b; /* its rate and seed count */
    enum story_kind kind;
    int64_t n;                             /* requests 0 .. n-1 */
    void (*sending)(void *arg, int64_t i); /* just before request `i` is given to the producer */
    void *arg;
};

/* Publishes them (acks=all, linger 0) and waits until the broker has all. RES_RETRY when it has not. */
enum res steady_run(const struct steady *s, struct err *e);

#endif
