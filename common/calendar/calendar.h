/* calendar: deadlines in working days, calendar days or seconds over a versioned list of holidays. Monday to Friday are
 * working days unless the list names them. Pure functions over data that never changes after calendar_load(), so one
 * calendar may be used by any number of threads. Instants are microseconds and days are numbers as in
 * common/base/caltime.h; a "day" is one in the calendar's own fixed zone, whatever the machine's.
 *
 * The day of the start is day 0 and is not counted; a deadline of n days falls due at 00:00 of the day after the n-th
 * counted day, exclusive: in time is what happened before it.
 *
 * Errors, for every function below that takes `e`:
 *   RES_FATAL   a weekday of a year without data would have to be judged; the text names the year. A year has data when
 *               the list has a line for it. Weekends need no data.
 *   RES_REJECT  an instant outside 0..CALTIME_MAX or a number of days outside 0..CALENDAR_N_MAX, given or arrived at.
 * Out parameters are 0 (or false) after an error. */
#ifndef CALENDAR_CALENDAR_H
#define CALENDAR_CALENDAR_H

#include "common/base/err.h"
#include "common/base/str.h"

struct calendar;

enum calendar_unit {
    CALENDAR_WORKDAYS, /* days that calendar_works() */
    CALENDAR_DAYS,     /* every day */
    CALENDAR_SECONDS   /* 1 s each from the instant itself: no day 0 and no midnight */
};

/* A length of time, such as a deadline of 30 working days. */
struct calendar_term {
    int64_t n; /* 0..CALENDAR_N_MAX */
    enum calendar_unit unit;
};

#define CALENDAR_N_MAX       INT64_C(1000000000)
#define CALENDAR_VERSION_MAX 63  /* bytes of a version */
#define CALENDAR_SPAN_MAX    100 /* years from the first to the last in one list: more is a slip of the pen */

/* Builds a calendar from CSV text as common/calendar/holidays.h says; nothing of `csv` is kept. `version` (1 to
 * CALENDAR_VERSION_MAX bytes, copied) names the data in what is derived from it. The zone is `zone_min` minutes ahead
 * of UTC, all year. On success `*ret` is the caller's, for calendar_free(); on an error it is NULL: RES_REJECT for
 * junk, with its line number; RES_FATAL for a version or zone that cannot be; RES_RETRY when memory is out. */
enum res calendar_load(struct str csv, const char *version, int zone_min, struct calendar **ret,
                       struct err *e);

/* NULL is fine. */
void calendar_free(struct calendar *cal);

/* As given to calendar_load(); lives as long as `cal`. */
const char *calendar_version(const struct calendar *cal);

/* The day that holds `t_us`, and the instant at which `day` begins, in the calendar's zone. */
int64_t calendar_day(const struct calendar *cal, int64_t t_us);
int64_t calendar_day_start(const struct calendar *cal, int64_t day);

/* Whether `day` is a working day. */
enum res calendar_works(const struct calendar *cal, int64_t day, bool *works, struct err *e);

/* The instant at which `term`, begun at `start_us`, is over. With n = 0 that is the end of the day of the start (or,
 * in seconds, the start). */
enum res calendar_due(const struct calendar *cal, int64_t start_us, struct calendar_term term,
                      int64_t *due_us, struct err *e);

/* How many were used between two instants: counted days in (day of start, day of end], or whole seconds. 0 when
 * `end_us` is not after `start_us`; -1 after an error. */
int64_t calendar_used(const struct calendar *cal, int64_t start_us, int64_t end_us, enum calendar_unit unit,
                      struct err *e);

/* How many are left at `now_us` until `due_us` as calendar_due() gave it: counted days after that of `now_us` and
 * before that of `due_us`, or seconds begun. While the term runs, calendar_used(start, now) + calendar_left(now, due)
 * is its n. 0 from `due_us` on; -1 after an error. */
int64_t calendar_left(const struct calendar *cal, int64_t now_us, int64_t due_us, enum calendar_unit unit,
                      struct err *e);

/* The instant to warn at, `ahead` before `due_us`: 00:00 of the n-th last counted day before the day of `due_us`, so
 * that n = 1 is the morning of the last counted day; in seconds `due_us` less n s. With n = 0 it is `due_us`. It may
 * lie before the start of a short term: whether to warn then is the caller's to say. */
enum res calendar_warn_at(const struct calendar *cal, int64_t due_us, struct calendar_term ahead,
                          int64_t *at_us, struct err *e);

/* Writes the years that have data, ascending, to `years` while there is room for `max`; returns how many there are
 * (`years` may be NULL when `max` is 0). */
size_t calendar_years(const struct calendar *cal, int *years, size_t max);

enum calendar_flaw {
    CALENDAR_YEAR_MISSING,      /* from the first year with data, or this year, to the last or this */
    CALENDAR_NEXT_YEAR_MISSING, /* next year, said from October on */
    CALENDAR_ON_WEEKEND,        /* a holiday that falls on a Saturday or Sunday and so changes nothing */
    CALENDAR_DUPLICATE,         /* a date that an earlier line has */
    CALENDAR_WRONG_WEEKDAY      /* the line's weekday is not the date's: one of them is mistyped */
};

struct calendar_finding {
    enum calendar_flaw flaw;
    int year;         /* that it is about */
    int64_t day;      /* that it is about; -1 for a year */
    int line;         /* of the CSV; 0 for a year */
    const char *text; /* an English sentence; valid during the call only */
};

/* Calls `found` for each flaw of the data as seen on day `today`: years first, ascending, then lines in order. Returns
 * how many there were. `found` may be NULL, to count only. */
size_t calendar_check(const struct calendar *cal, int64_t today,
                      void (*found)(void *arg, const struct calendar_finding *f), void *arg);

/* Short lower-case name of `flaw` ("year_missing"); never NULL. */
const char *calendar_flaw_name(enum calendar_flaw flaw);

#endif
