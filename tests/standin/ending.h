/* ending: the later end of a 202: the status changes after a while and the callback goes out. */
#ifndef STANDIN_ENDING_H
#define STANDIN_ENDING_H

#include "tests/standin/answer.h"

/* Plans that `reg` ends as `end`, told as `t` says; where that never ends there is none. */
void ending_plan(struct standin *x, struct book_reg *reg, enum status end, const struct telling *t);

/* Ends it now; `held` is released when the callbacks are heard or given up, at once where there are none. */
void ending_now(struct standin *x, struct book_reg *reg, enum status end, const struct telling *t,
                struct answer_held *held);

/* Takes a planned end back. */
void ending_cancel(struct standin *x, struct book_reg *reg);

/* Takes all back. */
void ending_clear(struct standin *x);

#endif
