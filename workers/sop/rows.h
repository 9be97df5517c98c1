/* rows: the statements behind worker.h: which (source, id) were met, and the locked parent rows. Part of worker. */
#ifndef SOP_ROWS_H
#define SOP_ROWS_H

#include "workers/sop/worker.h"

enum res rows_prepare(struct worker *w, struct err *e);
void rows_free(struct worker *w);

/* Forgets the last part and lists the requests of this one, in key order. */
void rows_begin(struct worker *w, const struct flow_batch *b);

/* When a record comes: what its id is remembered by. */
void rows_identify(struct worker *w, struct event *ev);
void rows_send_seen(struct worker *w, const struct flow_batch *b);
void rows_send_lock(struct worker *w);

/* New or a repeat; sets it->code to ID_REUSED where the same id came with another content. */
enum met rows_met(struct worker *w, struct flow_item *it);

/* The columns of rows in SQL and as parameters: "a, b", "$4::text[], $5::int[]" counted from `first`, and one array for
 * each; `rows` are what the columns' members are of. */
void columns_names(const struct worker_column *cols, struct buf *out);
void columns_arrays(const struct worker_column *cols, unsigned first, struct buf *out);
void columns_put(struct pg_args *a, const struct worker_column *cols, const void *const *rows, size_t n);

#endif
