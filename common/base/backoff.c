#include "common/base/backoff.h"

int64_t
backoff_retry_after_ms(const struct backoff *b, int64_t retry_after_s)
{
    return retry_after_s > b->retry_after_max_ms / 1000 ? b->retry_after_max_ms : retry_after_s * 1000;
}

int64_t
backoff_ms(const struct backoff *b, int64_t failures, int64_t retry_after_s, uint64_t random)
{
    int64_t floor_ms = retry_after_s > 0 ? backoff_retry_after_ms(b, retry_after_s) : 0;
    int64_t ceiling = b->min_ms;
    int64_t ms;

    while (failures-- > 0 && ceiling < b->max_ms)
        ceiling *= 2;
    if (ceiling > b->max_ms)
        ceiling = b->max_ms;
    ms = 1 + (int64_t)(random % (uint64_t)ceiling);
    return ms < floor_ms ? floor_ms + (int64_t)(random % (uint64_t)b->min_ms) : ms;
}
