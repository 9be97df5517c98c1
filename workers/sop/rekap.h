/* rekap: what one request counts for in the monthly recapitulation, as a pure function of its facts. The projector keeps it
 * beside the request's row and adds the difference to table `rekap`, so that the sums always equal their parts.
 *
 * A text of words apart by one space: the department's code ("-" = none, or none that can be one), then one word an item,
 * "2026-11/diajukan" or "2026-11/pemeriksaan/hari_kerja/2/t". A month is that of the fact in WIB.
 *
 *   diajukan      the first form came in                    dikembalikan   a revisi was returned (one item each)
 *   selesai, ditolak, dibatalkan   the request ended so      terlewat       a clock of a step was missed (month of `batas`)
 *   pengajuan, pemeriksaan, integrasi   that step ended (month of its end), with the unit, the counted days used in all its
 *                 rounds (a return pauses a clock and does not reset it), and whether it was in time: "t" or "f"
 *
 * In time is judged by when the fact that ended a round was received (its append time), not by the time it claims. A step
 * ends when the form is in; when the form is accepted or refused for good; when Bedelau reports it active. */
#ifndef SOP_REKAP_H
#define SOP_REKAP_H

#include "workers/sop/dossier.h"

/* Appends the text; the same for the same dossier, whatever the order in which it was learned. */
void rekap_write(const struct dossier_view *v, struct buf *out);

/* An item read back. Slices of the text. */
struct rekap_item {
    struct str bulan;  /* "2026-11" */
    struct str ukuran; /* "diajukan" */
    struct str satuan; /* "hari_kerja"; empty where there is none */
    int64_t hari;
    bool tepat; /* true where it has no meaning */
};

/* Takes the department's code off the front; empty for "-", and for an empty text. */
struct str rekap_kode(struct str *text);

/* Takes the next item; false at the end. */
bool rekap_next(struct str *text, struct rekap_item *it);

#endif
