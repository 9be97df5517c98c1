#include "common/base/clk.h"

#include <time.h>

static int64_t
real_us(void *arg)
{
    struct timespec ts;

    (void)arg;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t
fixed_us(void *arg)
{
    return *(int64_t *)arg;
}

struct clk
clk_real(void)
{
    return (struct clk){real_us, NULL};
}

struct clk
clk_fixed(int64_t *t_us)
{
    return (struct clk){fixed_us, t_us};
}

int64_t
clk_mono_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
