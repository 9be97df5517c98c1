/* later: effects that come after the client has given up: nothing is answered, and what GET says changes afterwards. */
#ifndef STANDIN_LATER_H
#define STANDIN_LATER_H

#include "tests/standin/standin.h"

struct later_plan {
    struct book_new what;
    int64_t after_ms;               /* -1 = when later_now is called */
    const struct telling *end_told; /* it ends as `end` then, told so; NULL = it stays as it is */
    enum status end;
};

/* Registers `p->what` when its time has come, unless its key has registered by then and the endpoint is idempotent. All
 * but the book's own is copied. */
void later_plan(struct standin *x, const struct later_plan *p);

/* Lets all that wait take effect, in the order in which they came. */
void later_now(struct standin *x);

/* How many wait. */
size_t later_waiting(const struct standin *x);

/* Forgets all that wait. */
void later_clear(struct standin *x);

#endif
