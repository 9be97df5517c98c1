/* anomali: combinations of a request's facts that the SOP knows no way to, as a pure function of them. The fold gives a row
 * whatever the facts are; what cannot be must be seen, not smoothed over. Most are of a moment (the fact that explains it
 * is still on its way) and vanish by themselves. */
#ifndef SOP_ANOMALI_H
#define SOP_ANOMALI_H

#include "workers/sop/dossier.h"

/* Appends the codes, apart by one space; nothing where nothing is odd. v_anomali says what each means:
 *
 *   selesai_tanpa_diterima     Bedelau completed a round that no check accepted
 *   integrasi_tanpa_diterima   another integration fact of such a round
 *   selesai_dan_dibatalkan     completed, and cancelled at Bedelau
 *   fakta_setelah_akhir        a decision, or a new word of the integration, after the request had ended
 *   dua_integrasi              Bedelau completed two integrations of different numbers
 *   putusan_tanpa_formulir     it has ended, and a decision is about a revisi that has no form
 *   formulir_lain              a check names a form that is not among those of its revisi
 *   dua_opd                    forms or registration of two departments under one number
 *   jam_tanpa_permohonan       a clock without the form or registration that opens it
 *   nomor_tidak_dikenal        nothing of the above, but facts of a number that has neither form nor registration
 */
void anomali_write(const struct dossier_view *v, struct buf *out);

/* How many facts of each worker were recorded for a request, and the highest urutan among them: they count one up each, so
 * that the two are equal unless a fact is missing. */
enum anomali_worker { ANOMALI_VALIDATOR, ANOMALI_INTEGRATOR, ANOMALI_DEADLINE, ANOMALI_WORKERS };
struct hitungan {
    int64_t n[ANOMALI_WORKERS], top[ANOMALI_WORKERS];
};

/* Counts a fact that was not met before; facts of outsiders, and those without urutan, count for nothing. */
void hitungan_add(struct hitungan *h, struct str source, int64_t urutan);

/* "5/5 3/3 8/8", and back; false: an empty text. */
void hitungan_write(const struct hitungan *h, struct buf *out);
bool hitungan_read(struct hitungan *h, struct str text);

/* Appends " celah_urutan_validator" and so on where a fact is missing. */
void hitungan_gaps(const struct hitungan *h, struct buf *out);

#endif
