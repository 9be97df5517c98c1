/* err: one result type everywhere; it says what to do next, not only that something failed. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum res {
    RES_OK = 0,
    RES_RETRY,  /* a fault of ours or of a peer that may pass: wait and do the same again */
    RES_REJECT, /* this input can never succeed: dead-letter it, go on with the next */
    RES_FATAL   /* nothing will help without a person: wrong configuration, a bug, no disk */
};

struct err {
    enum res res;
    char text[256];
};

/* Records `res` and a formatted reason, and returns the `res` that stands. The first cause is kept: a later call
 * on an `e` that already holds a text changes nothing. `e` may be NULL. */
enum res err_set(struct err *e, enum res res, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Forgets what `e` held, for its next use. */
void err_clear(struct err *e);

/* Short lower-case name of `res` ("retry"), for logs and metrics; never NULL. */
const char *res_name(enum res res);

#endif
