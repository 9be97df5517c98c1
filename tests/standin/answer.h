/* answer: sends an answer the way the outcome says: whole, cut, late or never. */
#ifndef STANDIN_ANSWER_H
#define STANDIN_ANSWER_H

#include "common/base/buf.h"
#include "tests/standin/standin.h"

/* Before the first answer, and after the server is gone. Waiting answers have a timer of their own, since the loop's
 * counts in milliseconds and would make 5 ms nearly 7. */
enum res answer_open(struct standin *x, struct err *e);
void answer_close(struct standin *x);

/* An answer that is kept back until its time comes. */
struct answer_held;

struct answer {
    int code;
    enum sending sending;
    struct str body; /* copied */
    int64_t wait_ms; /* before it; hang_ms where nothing is sent */
    bool hold;       /* until answer_release, in place of wait_ms */
};

/* Answers `req` with JSON and counts it. NULL, but with `hold` what is to be released (NULL when memory is out: the
 * connection is closed then). */
struct answer_held *answer_give(struct standin *x, struct server_req *req, const struct answer *a);

/* Sends it, or nothing when the request is gone. Exactly once for each that was held; NULL is fine. */
void answer_release(struct answer_held *held);

/* Answers `req` with JSON and counts it. `body` is copied. After latency_ms, or after hang_ms by closing. */
void answer_send(struct standin *x, struct server_req *req, int code, enum sending sending, struct str body);

/* {"kode":..,"kesalahan":[{"field":..,"pesan":..}]} at once whole; without `field` the list is empty. */
void answer_error(struct standin *x, struct server_req *req, int code, const char *kode, const char *field,
                  const char *pesan);

#endif
