/* backoff: how long to wait after a failure. Exponential with full jitter: somewhere below a ceiling that doubles, so that
 * many who failed together do not come back together. */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t min_ms, max_ms;     /* first and last ceiling; min_ms > 0 */
    int64_t retry_after_max_ms; /* a peer's Retry-After is cut to this */
};

/* A peer's Retry-After (seconds, from 0) in ms, cut. */
int64_t backoff_retry_after_ms(const struct backoff *b, int64_t retry_after_s);

/* At least 1 ms. `failures` before this one (0 = none); Retry-After (-1 = none) is a floor, with jitter above it; `random`
 * is any number. */
int64_t backoff_ms(const struct backoff *b, int64_t failures, int64_t retry_after_s, uint64_t random);

#endif
