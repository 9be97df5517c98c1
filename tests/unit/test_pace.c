/* pace: every wait stays within what is left of the deadline, and past it nothing is hurried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workers/integrator/pace.c"

static const struct backoff pace = {.min_ms = 1000, .max_ms = 300000, .retry_after_max_ms = 3600000};

/* The longest and the shortest wait over many draws. */
static void
range(const struct pace_job *job, int64_t *least, int64_t *most)
{
    *least = INT64_MAX;
    *most = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        int64_t ms = pace_wait_ms(&pace, job, i * 0x9e3779b97f4a7c15ULL >> 7);

        *least = ms < *least ? ms : *least;
        *most = ms > *most ? ms : *most;
    }
}

static void
waits(void **state)
{
    static const struct {
        struct pace_job job;
        int64_t least_from, least_to, most_from, most_to;
    } row[] = {
        /* failures, retry_after_s, left_ms, alone */
        {{0, -1, INT64_MAX, false}, 1, 50, 950, 1000},
        {{20, -1, INT64_MAX, false}, 1, 10000, 290000, 300000},
        {{20, -1, 600000, false}, 1, 5000, 58000, 60000}, /* a tenth of ten minutes */
        {{20, -1, 50000, false}, 1, 500, 4900, 5000},
        {{20, -1, 5000, false}, 1, 50, 950, 1000}, /* but at least the first ceiling */
        {{20, -1, 0, false}, 1, 50, 950, 1000},
        {{0, -1, -1, false},
         300000,
         300050,
         300000,
         301000}, /* late: at its slowest, from the first try on */
        {{20, -1, -86400000, false}, 300000, 300500, 300900, 301000},
        {{20, 7200, 600000, false}, 3600000, 3600100, 3600000, 3601000}, /* Retry-After is a floor, cut */
        {{20, -1, INT64_MAX, true}, 1, 100000, 3400000, 3600000},
        {{0, -1, INT64_MAX, true}, 1, 50, 950, 1000},
        {{20, -1, 600000, true}, 1, 5000, 58000, 60000},
        {{20, -1, -1, true}, 300000, 301000, 3400000, 3600000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int64_t least;
        int64_t most;

        range(&row[i].job, &least, &most);
        if (least < row[i].least_from || least > row[i].least_to || most < row[i].most_from ||
            most > row[i].most_to)
            fail_msg("row %zu: %lld..%lld", i, (long long)least, (long long)most);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(waits)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
