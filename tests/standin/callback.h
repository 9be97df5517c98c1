/* callback: tells the url_callback of a registration its status, signed, and tries again until it is heard. */
#ifndef STANDIN_CALLBACK_H
#define STANDIN_CALLBACK_H

#include "tests/standin/standin.h"

/* Sends the present status; nothing when the registration has no url_callback. */
void callback_send(struct standin *x, const struct book_reg *reg);

/* How many are under way or wait for their next try. */
size_t callback_waiting(const struct standin *x);

/* Forgets all. Only after the client is gone. */
void callback_clear(struct standin *x);

#endif
