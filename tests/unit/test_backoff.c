/* backoff: each wait lies between what the pace and the peer allow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/backoff.h"

static void
pauses(void **state)
{
    static const struct backoff pace = {1000, 8000, 3600000};
    static const struct {
        int64_t failures, retry_after, least, most;
    } cases[] = {
        {0, -1, 1, 1000},
        {1, -1, 1, 2000},
        {3, -1, 1, 8000},
        {63, -1, 1, 8000},
        {INT64_MAX, -1, 1, 8000},
        {0, 0, 1, 1000},
        {0, 60, 60000, 60999},
        {0, 7200, 3600000, 3600999}, /* cut to its maximum */
        {0, INT64_MAX, 3600000, 3600999},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint64_t random = 0; random < 20000; random += 7) {
            int64_t ms = backoff_ms(&pace, cases[i].failures, cases[i].retry_after, random * 1000003);

            if (ms < cases[i].least || ms > cases[i].most)
                fail_msg("case %zu: %lld ms", i, (long long)ms);
        }
}

static void
retry_after_is_cut(void **state)
{
    static const struct backoff pace = {1000, 8000, 3600000};

    (void)state;
    assert_int_equal(backoff_retry_after_ms(&pace, 0), 0);
    assert_int_equal(backoff_retry_after_ms(&pace, 60), 60000);
    assert_int_equal(backoff_retry_after_ms(&pace, 3600), 3600000);
    assert_int_equal(backoff_retry_after_ms(&pace, 3601), 3600000);
    assert_int_equal(backoff_retry_after_ms(&pace, INT64_MAX), 3600000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pauses), cmocka_unit_test(retry_after_is_cut)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
