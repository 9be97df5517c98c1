/* write: reads and checks the body and the key of a POST or PUT. */
#ifndef STANDIN_WRITE_H
#define STANDIN_WRITE_H

#include "tests/standin/scan.h"
#include "tests/standin/standin.h"

/* What a POST or PUT asks for; slices into the request and into `body`. */
struct write {
    struct scan body; /* owned */
    struct str key;   /* the Idempotency-Key, nomor:revisi:putaran */
    int revisi;
    int putaran;
};

/* False when it is wrong: `req` has been answered with 400 or 422 then. To write_free in any case. */
bool write_read(struct standin *x, struct server_req *req, struct write *w);
void write_free(struct write *w);

#endif
