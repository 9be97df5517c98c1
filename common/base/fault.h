/* fault: named places between two steps at which a test lets the process die as if the power had failed. The names are
 * gathered by the linker, so that a program can list its own (--fault-points), and a test can ask whether all were tried.
 *
 * A place costs a call and one branch. Nothing is armed unless the environment says so at the start (app.h), and never
 * under the names of production. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include "common/base/buf.h"
#include "common/base/err.h"

struct fault_point {
    const char *name; /* "flow.before_commit" */
};

/* Marks a place; `name_` is a string literal that no other place of the program has. On the loop's thread only. */
#define FAULT(name_)                                                                                         \
    do {                                                                                                     \
        static const struct fault_point fault_here_                                                          \
            __attribute__((section("fault_points"), used)) = {name_};                                        \
        fault_pass(&fault_here_);                                                                            \
    } while (0)

/* "flow.before_commit", or "flow.before_commit:3" for the third time that it is passed. Called once, at the start. RES_FATAL
 * for a place that the program does not have, or a number that is none. */
enum res fault_arm(const char *spec, struct err *e);

/* Ends the process by SIGKILL when this is the place and the time; nothing is cleaned up, flushed or answered. */
void fault_pass(const struct fault_point *here);

/* Appends the names of the program's places, one a line. */
void fault_list(struct buf *out);

#endif
