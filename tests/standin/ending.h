/* ending: the later end of a 202: the status changes after callback_after_ms and the callback goes out. */
#ifndef STANDIN_ENDING_H
#define STANDIN_ENDING_H

#include "tests/standin/standin.h"

/* Plans the end of `reg`; with callback_after_ms null there is none. */
void ending_plan(struct standin *x, struct book_reg *reg, enum status end);

/* Takes a planned end back. */
void ending_cancel(struct standin *x, struct book_reg *reg);

/* Takes all back. */
void ending_clear(struct standin *x);

#endif
