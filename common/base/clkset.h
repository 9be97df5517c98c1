/* clkset: tells when the machine's wall clock was set: who waits for an instant of it by a monotonic timer reckons anew. */
#ifndef BASE_CLKSET_H
#define BASE_CLKSET_H

#include "common/base/loop.h"

struct clkset;

/* `fn` is called from the loop after each step of CLOCK_REALTIME, and after a sleep of the machine. `*ret` is the caller's, to
 * clkset_free before the loop; NULL on failure (RES_FATAL). */
enum res clkset_new(struct loop *loop, void (*fn)(void *arg), void *arg, struct clkset **ret, struct err *e);

/* NULL is fine. */
void clkset_free(struct clkset *c);

#endif
