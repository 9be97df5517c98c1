#include "workers/integrator/pace.h"

enum { ALONE = 12, SHARE = 10 };

/* A tenth of what is left, but not less than the first ceiling. */
static int64_t
most_ms(const struct backoff *pace, int64_t left_ms)
{
    int64_t most = left_ms / SHARE;

    return most > pace->min_ms ? most : pace->min_ms;
}

int64_t
pace_wait_ms(const struct backoff *pace, const struct pace_job *job, uint64_t random)
{
    struct backoff b = *pace;
    int64_t ms;

    if (job->alone && b.max_ms <= INT64_MAX / ALONE)
        b.max_ms *= ALONE;
    if (job->left_ms < 0) {
        ms = backoff_ms(&b, job->failures, job->retry_after_s, random);
        return ms < pace->max_ms ? pace->max_ms + (int64_t)(random % (uint64_t)pace->min_ms) : ms;
    }
    if (b.max_ms > most_ms(pace, job->left_ms))
        b.max_ms = most_ms(pace, job->left_ms);
    return backoff_ms(&b, job->failures, job->retry_after_s, random);
}
