#include "tests/standin/later.h"

#include <stdlib.h>

#include "common/base/clk.h"
#include "tests/standin/ending.h"

struct later {
    struct loop_timer timer;
    struct standin *x;
    struct later_plan plan;
    struct telling telling;
    char *url; /* owned */
    struct later *prev;
    struct later *next;
};

static void
drop(struct later *l)
{
    loop_timer_stop(l->x->loop, &l->timer);
    if (l->next)
        l->next->prev = l->prev;
    if (l->prev)
        l->prev->next = l->next;
    else
        l->x->laters = l->next;
    free(l->url);
    free(l);
}

static void
take_effect(struct standin *x, struct later *l)
{
    struct later_plan *p = &l->plan;
    struct book_reg *reg;

    if (x->faults.idempotent && p->what.key->first)
        return;
    p->what.now_us = clk_us(clk_real());
    reg = book_add(&x->book, &p->what);
    if (!reg)
        return;
    x->stats.late++;
    if (p->end_told)
        ending_plan(x, reg, p->end, p->end_told);
}

static void
on_time(void *arg)
{
    struct later *l = arg;

    take_effect(l->x, l);
    drop(l);
}

void
later_plan(struct standin *x, const struct later_plan *p)
{
    struct later *l = calloc(1, sizeof *l);

    if (!l)
        return;
    *l = (struct later){.timer = {.fn = on_time, .arg = l},
                        .x = x,
                        .plan = *p,
                        .url = str_dup(p->what.url),
                        .next = x->laters};
    l->plan.what.url = str_of(l->url);
    if (p->end_told) {
        l->telling = *p->end_told;
        l->plan.end_told = &l->telling;
    }
    if (l->next)
        l->next->prev = l;
    x->laters = l;
    if (p->after_ms >= 0)
        loop_timer_set(x->loop, &l->timer, p->after_ms);
}

void
later_now(struct standin *x)
{
    struct later *l = x->laters;

    while (l && l->next)
        l = l->next;
    for (struct later *newer; l; l = newer) { /* the newest stands first */
        newer = l->prev;
        on_time(l);
    }
}

size_t
later_waiting(const struct standin *x)
{
    size_t n = 0;

    for (const struct later *l = x->laters; l; l = l->next)
        n++;
    return n;
}

void
later_clear(struct standin *x)
{
    while (x->laters)
        drop(x->laters);
}
