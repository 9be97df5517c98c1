/* warnings: which warning of a running clock is due, each threshold once for each due instant. Pure. */
#ifndef SOP_WARNINGS_H
#define SOP_WARNINGS_H

#include "common/base/arena.h"
#include "workers/sop/clocks.h"

enum { WARNED_KEPT = 4 };

/* How far warnings have come: for a due instant, the nearest threshold that was told or passed over; those above it are
 * done with too. A clock that is moved and moved back is not warned of again, so the last few due instants are kept. */
struct warned {
    struct {
        int64_t batas_us, threshold;
    } of[WARNED_KEPT];
    unsigned n;
};

/* The threshold to warn of at `now_us` (up to where everything was read); 0 = none. Of several that have come since the last look only the nearest is given.
 * All that are not ahead are noted in `w`: `*changed` says whether something was. A threshold that is longer than what
 * the clock was given is none. `*next_us`: when to look again, at the latest the due instant. */
int64_t warnings_due(const struct calendar *cal, const struct jam *j, const struct term *term, int64_t now_us,
                     struct warned *w, int64_t *next_us, bool *changed);

/* The calendar alone moved the end: what was told of the one holds of the other. */
void warned_move(struct warned *w, int64_t from_us, int64_t to_us);

/* Something else moved the end of `j`, which was `from_us`: what lies ahead anew is warned of again, what was told and is
 * past is not. */
void warned_renew(const struct calendar *cal, const struct jam *j, const struct term *term, int64_t from_us,
                  int64_t now_us, struct warned *w);

/* As text: [batas, threshold, ..]; an empty one is none. Of rows of old there is a bit per index of the thresholds that were
 * then (7, 3, 1 of clock 3, else 1), for the due instant of the clock. */
void warned_write(const struct warned *w, struct buf *out);
struct warned warned_read(struct str text);
struct warned warned_of_bits(const struct jam *j, int64_t bits);

#endif
