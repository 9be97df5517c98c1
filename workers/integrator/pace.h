/* pace: how long a job waits before its next try. Exponential with full jitter (common/base/backoff.h), shaped by what
 * is left of the request's deadline (clock 3): never more than a tenth of it, so that a late answer still finds time for
 * tries; past it nothing is hurried any more. */
#ifndef INTEGRATOR_PACE_H
#define INTEGRATOR_PACE_H

#include <stdbool.h>

#include "common/base/backoff.h"

struct pace_job {
    int64_t failures;      /* before this one */
    int64_t retry_after_s; /* the endpoint's own wish, -1 = none; it is a floor whatever the deadline */
    int64_t left_ms;       /* to the deadline, negative past it; INT64_MAX = none */
    bool alone; /* it fails while others succeed: its ceiling goes on growing, to twelve times the last */
};

/* At least 1 ms; `random` is any number. Past the deadline at least max_ms. */
int64_t pace_wait_ms(const struct backoff *pace, const struct pace_job *job, uint64_t random);

#endif
