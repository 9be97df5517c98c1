/* late: which findings of a return could already have been seen in a form that was returned before and were not listed
 * then. Pure: neither Kafka nor Postgres nor clock.
 *
 * A finding is late where its place had the same value in one of the forms returned before, no return before listed
 * this code there with this value, and nothing but the form decides on it:
 *   - an officer's note is always so, but for a code whose finding comes by itself (FINDING_TIMED);
 *   - the system tells all that its rules find at once, so what it did not tell before was not there: its finding can be
 *     late only where the rules are others than those that the newest return went by, or, of a document, where it was said
 *     that this one had not been checked yet.
 * Values are compared as JSON means them: 1 is 1.0, members have no order, absent is absent. The value of a place is that
 * of its top-level member, of its item in lampiran[], or, for a document ("/lampiran/N"), the digest that is declared
 * for it; of the whole form, everything but `revisi`.
 *
 * Forms are not kept. Of each value 16 bits of a hash are, salted with the request's number and the place: one in 65,536
 * values has them, so that of all NIPs, telephones or addresses there could be, thousands fit, and two requests cannot
 * be compared. Who has a list of persons can test who of them fits; therefore a request's history ends with the request. A
 * changed value is taken for the same once in 65,536 times. */
#ifndef VALIDATOR_LATE_H
#define VALIDATOR_LATE_H

#include "common/base/arena.h"
#include "workers/sop/rules/rules.h"

enum {
    LATE_FORMS = 4,   /* returned forms that are remembered; older ones are compared with no more */
    LATE_MARKS = 256, /* members of one form; of further ones nothing is said */
    LATE_TOLD = 768,  /* findings; past them nothing of the request is late any more */
    LATE_BYTES = 16 << 10
};

/* One form. Bytes are its reader's or in an arena. */
struct sidik {
    int32_t revisi;  /* 0 = none */
    uint32_t aturan; /* of the hash of the rules that judged it */
    bool whole;      /* each of its members has a mark */
    struct str marks;
};

/* All that is remembered of a request. */
struct riwayat {
    uint64_t salt;
    struct sidik kini; /* the form that is judged now */
    struct sidik lalu[LATE_FORMS];
    unsigned n;        /* of lalu, the newest first */
    struct str told;   /* of the form that is judged now */
    struct str listed; /* of those returned */
    bool overflow;
};

/* Nothing remembered, or what late_write wrote; false, and then nothing, for bytes that are none of ours. `bytes` must
 * outlive `h`. */
bool late_read(struct str bytes, struct str nomor, struct riwayat *h);
void late_write(const struct riwayat *h, struct buf *out);

/* A form is judged, by the rules of this hash (hex). `form` has passed scan_document. */
void late_form(struct riwayat *h, struct arena *a, int32_t revisi, struct str form, const char *aturan);

/* These findings (a JSON array) were told of the form that is judged now, whatever the verdict. */
void late_told(struct riwayat *h, struct arena *a, struct str findings);

/* It was returned. */
void late_returned(struct riwayat *h, struct arena *a);

/* Appends the findings of a return of the form that is judged now, not told yet; the late ones with the member
 * terlambat_ditemukan. Returns how many those are; where it is 0, the bytes are as they were. */
unsigned late_mark(const struct riwayat *h, const struct rules *r, bool officer, struct str findings,
                   struct buf *out);

#endif
