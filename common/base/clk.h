/* clk: the wall clock as an argument, so that tests say what time it is. */
#ifndef BASE_CLK_H
#define BASE_CLK_H

#include <stddef.h>
#include <stdint.h>

struct clk {
    int64_t (*now_us)(void *arg); /* microseconds since the Unix epoch, UTC */
    void *arg;
};

/* The machine's clock. */
struct clk clk_real(void);

/* A clock that always reads `*t_us`; the caller keeps and moves the variable. */
struct clk clk_fixed(int64_t *t_us);

static inline int64_t
clk_us(struct clk clk)
{
    return clk.now_us(clk.arg);
}

/* Monotonic milliseconds: for time-outs and leases, never for facts. */
int64_t clk_mono_ms(void);

#endif
