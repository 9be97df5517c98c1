/* clocks: the SOP's deadlines as one pure function of a request's facts (domain rules, section 5). */
#ifndef SOP_CLOCKS_H
#define SOP_CLOCKS_H

#include "common/calendar/almanac.h"
#include "workers/sop/dossier.h"
#include "workers/sop/terms.h"

/* One clock of one revisi. */
struct jam {
    int32_t revisi;
    enum tahap tahap;
    enum keadaan keadaan;
    int64_t mulai_us;
    int64_t batas_us;      /* exclusive: in time is what happened before it */
    int64_t berakhir_us;   /* INT64_MIN while it runs */
    int64_t hari_terpakai; /* counted units used when it ended or was missed; 0 while it runs */
    int64_t jatah;         /* counted units it was given (less what earlier revisi used) */
    enum calendar_unit satuan;
    const char *kalender; /* version of the calendar that it was reckoned by; NULL = not known */
    uint32_t aturan;      /* version of the terms that gave it; 0 = of before there was one */
};

enum { JAM_MAX = 256 };

/* `read_us`: everything up to that instant has been read, so a running clock whose `batas` is not after it is
 * terlewat. INT64_MIN: nothing may be called missed for lack of an answer yet. `told`: the clocks as they were last
 * told, or NULL. Of those, one that had ended by other terms keeps what it was given then. */
struct clock_rules {
    const struct calendar *cal; /* in force now: by it what has not ended is reckoned */
    const struct almanac *past; /* what has ended, by the one that was in force then; NULL: by `cal` too */
    const struct terms *terms;
    int64_t read_us;
    const struct jam *told;
    size_t ntold;
};

/* All clocks of a request. Fills at most JAM_MAX, in the order revisi, tahap. RES_FATAL when the calendar lacks a
 * year. */
enum res clocks_of(const struct dossier_view *v, const struct clock_rules *rules, struct jam *out, size_t *n,
                   struct err *e);

/* One of them: true when there is such a clock. `*e` holds a text when that could not be told. */
bool clocks_find(const struct dossier_view *v, const struct clock_rules *rules, int32_t revisi,
                 enum tahap tahap, struct jam *ret, struct err *e);

/* The term of a clock: clock 1 goes by the department that registered the letter, those of a revisi by its form. */
struct term clocks_term(const struct dossier_view *v, const struct terms *terms, int32_t revisi,
                        enum tahap tahap);

#endif
