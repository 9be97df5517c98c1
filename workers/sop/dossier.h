/* dossier: everything that the folds need to know of one request, whatever the order in which it was learned. The same
 * facts in any order with any repeats give the same dossier, and from it the same row and the same clocks.
 *
 * It is stored as text (JSON) in the worker's row, so that a person can read it too. */
#ifndef SOP_DOSSIER_H
#define SOP_DOSSIER_H

#include "common/base/arena.h"
#include "workers/sop/fact.h"

struct dossier {
    struct arena *arena; /* where the facts' text lives; the caller's */
    struct fact *facts;
    size_t n, cap;
    int64_t newest_us; /* the newest effective time of any fact seen, kept or not; INT64_MIN = none */
};

/* An empty dossier whose text will live in `arena`. */
struct dossier dossier_make(struct arena *arena);

/* Reads what dossier_write wrote; an empty text is an empty dossier. Its facts point into the text, which must live as long
 * and must not change. False when it is none of ours. */
bool dossier_read(struct dossier *d, struct str text);
void dossier_write(const struct dossier *d, struct buf *out);

/* Adds a fact as it is, whose text lives as long as the dossier: for dossier_text.c. */
void dossier_put(struct dossier *d, const struct fact *f);

/* Adds a fact; its text is copied. False when it was known already and changes nothing. Forms that a check did not
 * choose are forgotten once the chosen one is here; of clocks only the newest state is kept. */
bool dossier_add(struct dossier *d, const struct fact *f);

/* Another copy of an event that was added before. Of copies the one that stands first in the log counts, whichever is
 * read first: true when this one does, so that its place and time were taken. */
bool dossier_again(struct dossier *d, const struct fact *f);

/* What the facts say, computed once. Pointers go into the dossier; NULL where there is none. */
struct dossier_view {
    const struct dossier *d;
    int32_t R;                     /* the revisi that counts; 0 before any form or check */
    const struct fact *C;          /* its check of highest urutan */
    const struct fact *I;          /* the integration fact of highest urutan for R and C's putaran */
    const struct fact *form;       /* the form that C names, else the first of R */
    const struct fact *registered; /* the first by append */
    const struct fact *completed;  /* the first by urutan */
    bool cancelled;                /* a check dibatalkan or an integration.cancelled */
    enum status status;
    enum giliran giliran;
    int64_t since_us; /* effective time of the fact that gave the turn; INT64_MIN = none */
};

void dossier_look(const struct dossier *d, struct dossier_view *v);

/* The check of highest urutan for one revisi, or NULL. */
const struct fact *dossier_check(const struct dossier *d, int32_t revisi);

/* The form of one revisi as section 6 of the design says: the one the check names, else the first by append. */
const struct fact *dossier_form(const struct dossier *d, int32_t revisi);

/* Walks the checks of a revisi by rising urutan: pass NULL for the first. */
const struct fact *dossier_next_check(const struct dossier *d, int32_t revisi, const struct fact *after);

/* Columns of `request` that are not in the view. */
struct dossier_row {
    int32_t revisi, putaran;
    struct str kode_opd, nama_opd, nama_sistem;
    int64_t submitted_us, checked_us, accepted_us, returned_us, integrated_us; /* INT64_MIN = none */
    struct str id_integrasi;
    struct str temuan; /* raw JSON array */
    int32_t jumlah_pengembalian;
    bool terlambat;
};

void dossier_row(const struct dossier_view *v, struct dossier_row *row);

#endif
