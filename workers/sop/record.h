/* record: a request's row, its clocks and its chain of facts as the record keeps them: pure functions of the facts. The
 * projector computes them as facts come, bedelauctl when it proves or rebuilds what the projector wrote. */
#ifndef SOP_RECORD_H
#define SOP_RECORD_H

#include "workers/sop/anomali.h"
#include "workers/sop/dossier.h"
#include "workers/sop/worker.h"

enum { RECORD_CHAIN = 32 }; /* bytes of a chain's link */

/* What `request` says of one request, but for its number, `versi` and the facts behind it. */
struct record {
    struct dossier_view view;
    struct dossier_row row;
    struct str status, giliran; /* STR_NULL where no status follows from the facts */
    int64_t newest_us;
    int64_t sidik;            /* fingerprint of what is told of it; 0 as long as nothing is */
    struct str chain;         /* the last link, RECORD_CHAIN bytes; STR_NULL before the first fact */
    struct hitungan hitungan; /* of each worker's facts, by record_count .. */
    bool counts;              /* .. from its first fact on; rows of before the counting have none */
    struct str rekap, anomali, hitungan_text; /* by record_sums */
};

/* The columns of `request` that a struct record holds. */
extern const struct worker_column record_columns[];

/* Fills `ret` but for `chain`, and replaces `told` by the members of status.changed that come after `versi` and
 * `updated_at`. `ret` points into the dossier. `sidik` stays as it was where nothing is to be told. */
void record_fold(const struct dossier *d, struct str nomor, struct record *ret, struct buf *told);

/* Counts a fact that was not met before. */
void record_count(struct record *r, const struct event *ev);

/* What the request counts for and what is odd about it, after record_fold: `rekap`, `anomali`, `hitungan_text`, whose text
 * lives in `a`; STR_NULL where there is nothing. `tmp` is overwritten. */
void record_sums(struct record *r, struct arena *a, struct buf *tmp);

/* The chain that makes the log provable: each fact's link is SHA-256 over the link before (nothing for a request's first
 * fact) and what the log says of the fact: its source, id, type, effective and append time, and place. Who changes, drops or inserts one breaks every link after it. `data_hash` is
 * SHA-256 of the data as they came, so that data can be forgotten and the chain stands. */
struct record_link {
    struct str source, id, type;
    struct str data_hash; /* 32 bytes */
    int64_t effective_us, append_us;
    struct str topic; /* full name */
    int32_t partition;
    int64_t offset;
};
void record_chain(struct str before, const struct record_link *link, unsigned char out[RECORD_CHAIN]);
void record_chain_with(struct str before, const struct record_link *link, struct hash *h,
                       unsigned char out[RECORD_CHAIN]); /* for who makes many: `h` is kept */

/* A row of `clock`, from the data of a deadline.changed. */
struct record_clock {
    struct str nomor, satuan, kalender;
    const struct fact *f;
    int64_t mulai_us, batas_us, berakhir_us, terpakai;
    bool gone; /* it never was: see workers/deadline/change.c */
};

/* False where the fact lacks the clock's beginning or end. `ret` points into `f` and `nomor`. */
bool record_clock(const struct fact *f, struct str nomor, struct record_clock *ret);

/* Appends the eleven columns of `clock`, in the order in which it was made, as arrays; `n` rows. The first three are
 * its key. */
void record_put_clocks(struct pg_args *a, const struct record_clock *rows, size_t n);
void record_put_clock_keys(struct pg_args *a, const struct record_clock *rows, size_t n);

#endif
