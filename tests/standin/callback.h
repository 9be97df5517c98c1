/* callback: tells the url_callback of a registration its status, signed, and tries again until it is heard. */
#ifndef STANDIN_CALLBACK_H
#define STANDIN_CALLBACK_H

#include "tests/standin/answer.h"

struct callback_news {
    const struct book_reg *now;
    const struct book_reg *before; /* told after `now` was heard: the wrong way round; or NULL */
    int64_t repeat;                /* how often `now` is sent, at once */
    struct answer_held *held;      /* released when all is heard or given up; or NULL */
};

/* Tells the registration's url_callback, where it has one; what is told is copied. */
void callback_send(struct standin *x, const struct callback_news *news);

/* How many are under way or wait for their next try. */
size_t callback_waiting(const struct standin *x);

/* Forgets all. Only after the client is gone. */
void callback_clear(struct standin *x);

#endif
