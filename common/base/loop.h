/* loop: one thread's event loop over epoll: descriptors, timers, signals and deferred calls.
 * Everything here is called from the loop's own thread. Callbacks never nest. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_END = 4 }; /* LOOP_END: the other side sends no more */

struct loop;
struct loop_fd;

/* Timers are the caller's memory: zero it, set `fn` and `arg`, and stop it before freeing it. */
struct loop_timer {
    void (*fn)(void *arg);
    void *arg;
    int64_t at_ms; /* monotonic; meaningful while `slot` is not 0 */
    size_t slot;   /* place in the heap + 1, or 0 when stopped */
};

/* A deferred call: runs once, after the callbacks of this turn, however often it was asked for. Caller's memory. */
struct loop_defer {
    void (*fn)(void *arg);
    void *arg;
    struct loop_defer *next;
    bool queued;
};

/* `*ret` is the caller's, to loop_free; NULL on failure (RES_FATAL). */
enum res loop_new(struct loop **ret, struct err *e);
void loop_free(struct loop *loop);

/* Watches `fd` for `events` (any of the above, or 0 for none yet); level-triggered. An end is told as LOOP_READ. The descriptor stays the
 * caller's and must outlive the watch. NULL when the kernel or memory refuses. */
struct loop_fd *loop_watch(struct loop *loop, int fd, int events, void (*fn)(void *arg, int events),
                           void *arg);
void loop_watch_set(struct loop_fd *w, int events);

/* Ends the watch; safe inside its own callback. NULL is fine. */
void loop_unwatch(struct loop_fd *w);

/* (Re)arms for `delay_ms` from now; 0 or less fires in the next turn. */
void loop_timer_set(struct loop *loop, struct loop_timer *t, int64_t delay_ms);
void loop_timer_stop(struct loop *loop, struct loop_timer *t);

void loop_defer(struct loop *loop, struct loop_defer *d);

/* Blocks `sigs` (terminated by 0) for the process and hands each to `fn` from the loop instead. */
enum res loop_signals(struct loop *loop, const int *sigs, void (*fn)(void *arg, int sig), void *arg,
                      struct err *e);

/* Runs until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Waits at most `max_ms` for one turn of callbacks; for tests and for draining. */
void loop_turn(struct loop *loop, int64_t max_ms);

#endif
