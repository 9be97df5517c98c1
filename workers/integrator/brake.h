/* brake: whether a call to the endpoint may begin now, and if not, when to look again. Pure: the caller says what time it
 * is. Three brakes, any of which holds: the operator's pause, the maintenance windows of the settings, the ceiling on calls
 * per second. gate.h puts them into the running program. */
#ifndef INTEGRATOR_BRAKE_H
#define INTEGRATOR_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum { BRAKE_WINDOWS = 32, BRAKE_REASON = 512 };

#define BRAKE_NEVER INT64_MAX /* an instant that does not come */

/* ---- maintenance windows ---------------------------------------------------------------------------------------- */

/* Minutes since Monday 00:00 WIB. `to` is not part of it; it is past the week's end where the window is. */
struct brake_window {
    int32_t from, to;
};

struct brake_windows {
    struct brake_window w[BRAKE_WINDOWS];
    unsigned n;
};

/* Reads "sab 22:00-04:00, min 00:00-06:00": short Indonesian names of days (sen sel rab kam jum sab min) and a time in WIB each; an end
 * that is not after its beginning is on the next day; 00:00-24:00 is a whole day. "" has no windows. RES_FATAL with a
 * sentence that quotes the window that is wrong. */
enum res brake_parse(const char *text, struct brake_windows *ret, struct err *e);

/* Whether `t_us` (from 1970 on) lies in a window; `*change_us` is the next instant at which that changes. */
bool brake_within(const struct brake_windows *ws, int64_t t_us, int64_t *change_us);

/* ---- the ceiling ------------------------------------------------------------------------------------------------ */

/* A token bucket: `per_s` calls a second, and at most a tenth of that (at least one) at once after a rest. So no second has
 * more than per_s + brake_burst(per_s) calls. Times are of any clock that does not jump; it may stand still. */
struct brake_bucket {
    int64_t per_s; /* 0 = no ceiling */
    int64_t level; /* in millionths of a call */
    int64_t at_us; /* when `level` was right */
};

int64_t brake_burst(int64_t per_s);
struct brake_bucket brake_bucket(int64_t per_s, int64_t now_us);

/* How many calls may begin now; INT64_MAX without a ceiling. */
int64_t brake_tokens(struct brake_bucket *b, int64_t now_us);

/* A call begins. One that was not asked for before is counted too: the next waits for it. */
void brake_take(struct brake_bucket *b, int64_t now_us);

/* How long until enough calls may begin to be worth a look (half the burst, at least one), in us; 0: now. */
int64_t brake_wait_us(struct brake_bucket *b, int64_t now_us);

/* ---- both, and the pause ---------------------------------------------------------------------------------------- */

enum brake_why { BRAKE_NONE, BRAKE_UNREAD, BRAKE_PAUSED, BRAKE_MAINTENANCE };

struct brake {
    struct brake_windows windows;
    bool read; /* the pause was read from the database; until then nothing begins */
    bool paused;
    int64_t until_us; /* end of the pause, BRAKE_NEVER = by hand */
    char reason[BRAKE_REASON];
};

/* Which brake holds now (the pause is named before a window), BRAKE_NONE when neither; `*change_us` is when the answer
 * may be another by the clock alone. The ceiling is asked apart. */
enum brake_why brake_look(const struct brake *b, int64_t now_us, int64_t *change_us);

/* "paused", ..; "" for BRAKE_NONE. */
const char *brake_name(enum brake_why why);

#endif
