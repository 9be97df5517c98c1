/* projector: writes the record (SOP: incomplete records make supervision fail). Every fact once in `event`; one row per
 * request folded from all of them; one row per clock; and each change of a request's row told on the status topic. It
 * judges nothing. */
#ifndef PROJECTOR_PROJECTOR_H
#define PROJECTOR_PROJECTOR_H

#include "common/base/hash.h"
#include "workers/sop/forget.h"
#include "workers/sop/record.h"

/* The projector's own of one request. */
struct catatan {
    struct record rec;  /* first: its columns are written from here */
    struct str counted; /* what table `rekap` holds of it (workers/sop/rekap.h); empty = nothing yet */
    bool forgotten;     /* its personal data are gone: what comes is kept without them */
};

/* A fact of this part that is written to the log. */
struct fresh {
    struct flow_item *it;
    bool forgotten;
    unsigned char hash[HASH_SIZE], chain[RECORD_CHAIN];
};

struct forecast;
struct months;

struct projector {
    struct fresh *fresh; /* facts of this part that are new, in order of arrival; in the batch's arena */
    size_t nfresh;
    struct fresh *copies; /* further copies of known facts that lie before the known one */
    size_t ncopies;
    const struct fact **clocks; /* clock states newer than what is known, and whose they are */
    struct berkas **clock_of;
    size_t nclocks;
    struct buf data; /* scratch: of a status.changed */
    struct forget_rules *lupa;
    struct metric *m_events, *m_changes;
    int64_t forecast_ms, months_ahead; /* settings */
    struct forecast *forecast;
    struct months *months;
};

/* row.c: derives the row, raises versi and tells it where it differs from what was told. */
void row_settle(struct worker *w, struct berkas *b);

/* sums.c: what a request counts for; the difference to what was counted goes to `rekap`. */
void sums_read(struct catatan *c, struct worker *w, const PGresult *r, int row, int col);
void sums_write(struct worker *w);

/* log.c: the append-only log and the clocks. */
void log_prepare(struct worker *w, struct event *ev); /* its data's hash, when the record comes */
void log_add(struct worker *w, struct berkas *b, struct flow_item *it); /* a new fact: it gets its link */
void log_ask_forgotten(struct worker *w);
void log_write_events(struct worker *w);
void log_write_copies(struct worker *w);
void log_write_clocks(struct worker *w);

/* forecast.c: numbers of what will be late, asked of the record now and then. `*ret` is NULL where the setting says never. */
enum res forecast_new(struct worker *w, struct forecast **ret, struct err *e);
void forecast_free(struct forecast *f);

/* months.c: the months of the log that are to come are made ahead. */
enum res months_new(struct worker *w, struct months **ret, struct err *e);
void months_ask(struct months *m); /* looks as soon as the connection is free; NULL is fine */
void months_free(struct months *m);

#endif
