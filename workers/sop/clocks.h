/* clocks: the SOP's deadlines as one pure function of a request's facts (domain rules, section 5). */
#ifndef SOP_CLOCKS_H
#define SOP_CLOCKS_H

#include "common/calendar/almanac.h"
#include "workers/sop/dossier.h"

/* SOP: 1 day for the form, 2 for the check, 30 for the integration; and a repair clock for the applicant. */
struct clock_terms {
    struct calendar_term of[TAHAPS];
};

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
};

enum { JAM_MAX = 256 };

/* `read_us`: everything up to that instant has been read, so a running clock whose `batas` is not after it is
 * terlewat. INT64_MIN: nothing may be called missed for lack of an answer yet. */
struct clock_rules {
    const struct calendar *cal; /* in force now: by it what has not ended is reckoned */
    const struct almanac *past; /* what has ended, by the one that was in force then; NULL: by `cal` too */
    struct clock_terms terms;
    int64_t read_us;
};

/* All clocks of a request. Fills at most JAM_MAX, in the order revisi, tahap. RES_FATAL when the calendar lacks a
 * year. */
enum res clocks_of(const struct dossier_view *v, const struct clock_rules *rules, struct jam *out, size_t *n,
                   struct err *e);

const char *satuan_name(enum calendar_unit u); /* hari_kerja, hari_kalender, detik */

/* "2 hari_kerja", "30 hari_kalender", "5 detik". */
bool clock_term_parse(const char *text, struct calendar_term *ret);

#endif
