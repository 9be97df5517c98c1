#include "tests/standin/ending.h"

#include <stdlib.h>

#include "common/base/clk.h"
#include "tests/standin/callback.h"

struct ending {
    struct loop_timer timer;
    struct standin *x;
    struct book_reg *reg;
    enum status end;
    struct telling telling;
    struct ending *prev;
    struct ending *next;
};

void
ending_cancel(struct standin *x, struct book_reg *reg)
{
    struct ending *end = reg->ending;

    if (!end)
        return;
    reg->ending = NULL;
    loop_timer_stop(x->loop, &end->timer);
    if (end->next)
        end->next->prev = end->prev;
    if (end->prev)
        end->prev->next = end->next;
    else
        x->endings = end->next;
    free(end);
}

void
ending_now(struct standin *x, struct book_reg *reg, enum status status, const struct telling *t,
           struct answer_held *held)
{
    const struct book_reg before = *reg;

    book_set(&x->book, reg, status, clk_us(clk_real()));
    callback_send(x, &(struct callback_news){.now = reg,
                                             .before = t->on && t->reversed ? &before : NULL,
                                             .repeat = t->on ? t->repeat : 0,
                                             .held = held});
}

static void
on_time(void *arg)
{
    struct ending *end = arg;
    struct standin *x = end->x;
    struct book_reg *reg = end->reg;
    struct telling telling = end->telling;
    enum status status = end->end;

    ending_cancel(x, reg);
    ending_now(x, reg, status, &telling, NULL);
}

void
ending_plan(struct standin *x, struct book_reg *reg, enum status status, const struct telling *t)
{
    struct ending *end;

    ending_cancel(x, reg);
    if (t->after_ms < 0)
        return;
    end = calloc(1, sizeof *end);
    if (!end)
        return;
    *end = (struct ending){.timer = {.fn = on_time, .arg = end},
                           .x = x,
                           .reg = reg,
                           .end = status,
                           .telling = *t,
                           .next = x->endings};
    if (end->next)
        end->next->prev = end;
    x->endings = end;
    reg->ending = end;
    loop_timer_set(x->loop, &end->timer, t->after_ms);
}

void
ending_clear(struct standin *x)
{
    while (x->endings)
        ending_cancel(x, x->endings->reg);
}
