/* projector: writes the record (SOP: incomplete records make supervision fail). Every fact once in `event`; one row per
 * request folded from all of them; one row per clock; and each change of a request's row told on the status topic. It
 * judges nothing. */
#ifndef PROJECTOR_PROJECTOR_H
#define PROJECTOR_PROJECTOR_H

#include "workers/sop/anomali.h"
#include "workers/sop/worker.h"

/* The projector's own columns of one request. */
struct catatan {
    int64_t sidik;            /* fingerprint of what was last told */
    struct str counted;       /* what table `rekap` holds of it (workers/sop/rekap.h); empty = nothing yet */
    struct hitungan hitungan; /* of each worker's facts */
    bool counts;              /* from its first fact on; rows of before the counting have none */
    struct dossier_view view; /* filled by row_settle */
    struct dossier_row row;
    struct str status, giliran; /* by row_write, like the next */
    int64_t newest_us;
    struct str rekap, anomali, hitungan_text; /* by sums_settle, as stored; in the batch's arena */
};

struct projector {
    struct flow_item **fresh; /* facts of this part that are new, in order of arrival; in the batch's arena */
    size_t nfresh;
    const struct fact **clocks; /* clock states newer than what is known, and whose they are */
    struct berkas **clock_of;
    size_t nclocks;
    struct metric *m_events, *m_changes;
};

/* row.c: derives the row, raises versi and tells it where it differs from what was told. */
void row_settle(struct worker *w, struct berkas *b);
void row_write(struct worker *w);
extern const struct worker_column row_columns[];

/* sums.c: what the request counts for, and what is odd about it; the difference to what was counted goes to `rekap`. */
void sums_read(struct catatan *c, struct worker *w, const PGresult *r, int row, int col);
void sums_count(struct catatan *c, const struct event *ev);
void sums_settle(struct worker *w, struct berkas *b);
void sums_write(struct worker *w);

/* log.c: the append-only log and the clocks. */
void log_write_events(struct worker *w);
void log_write_clocks(struct worker *w);

#endif
