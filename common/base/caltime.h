/* caltime: time in one place. The only instant type is int64_t microseconds since 1970-01-01T00:00:00Z (`t_us`); the
 * only date type is int64_t days since 1970-01-01 (`day`). Proleptic Gregorian, no leap seconds counted, and no use of
 * the C library's time zones: the result never depends on TZ or on the machine. Everything here is pure and
 * thread-safe but caltime_now(), which reads the clock. */
#ifndef BASE_CALTIME_H
#define BASE_CALTIME_H

#include "common/base/str.h"

#define CALTIME_SECOND  INT64_C(1000000)
#define CALTIME_MINUTE  (60 * CALTIME_SECOND)
#define CALTIME_HOUR    (60 * CALTIME_MINUTE)
#define CALTIME_DAY     (24 * CALTIME_HOUR)
#define CALTIME_DAY_MAX INT64_C(2932896)                          /* 9999-12-31; the least is 0, 1970-01-01 */
#define CALTIME_MAX     ((CALTIME_DAY_MAX + 1) * CALTIME_DAY - 1) /* 9999-12-31T23:59:59.999999Z */
#define CALTIME_WIB     (7 * CALTIME_HOUR)                        /* western Indonesia, fixed +07:00 */

enum { CALTIME_TEXT = 32 };     /* room for any instant in UTC as text, with its NUL */
enum { CALTIME_TEXT_WIB = 40 }; /* the same with the longer +07:00 (33 bytes are used at most) */
enum { CALTIME_DATE = 11 };     /* room for a date as text, with its NUL */

/* A date of the Gregorian calendar; `m` is 1..12, `d` 1..31. */
struct caltime_date {
    int y;
    int m;
    int d;
};

/* The instant that an RFC 3339 date-time names; false, and `*t_us` 0, for anything else. Strict: `T` and `Z` in either
 * case, no space for `T`, an offset is demanded (hours to 23, minutes to 59; -00:00 is taken as UTC), a fraction of any
 * length from one digit, cut (not rounded) to microseconds. Both the written year and the instant in UTC must lie in
 * 1970..9999. A leap second is accepted only where one can be, 23:59:60 UTC at a month's end, and becomes the last
 * microsecond before the next second, whatever its fraction. */
bool caltime_parse(struct str rfc3339, int64_t *t_us);

/* `t_us` as "2026-11-25T04:07:51.123456Z": 0, 3 or 6 digits of fraction, as few as lose nothing. Returns the length.
 * An instant outside 0..CALTIME_MAX is written as the nearer end. */
size_t caltime_format(int64_t t_us, char out[CALTIME_TEXT]);

/* The same at fixed +07:00: "2026-11-25T11:07:51.123456+07:00". In the last seven hours of 9999 the local time is past
 * what RFC 3339 can write: it is written as the last microsecond of that year. */
size_t caltime_format_wib(int64_t t_us, char out[CALTIME_TEXT_WIB]);

/* Microseconds since the epoch by the machine's wall clock. */
int64_t caltime_now(void);

/* Whether there is such a date, years 1..9999. */
bool caltime_valid(struct caltime_date date);

/* Days since 1970-01-01 of a valid date (negative before it), and back. */
int64_t caltime_day(struct caltime_date date);
struct caltime_date caltime_date(int64_t day);

/* 0 Monday .. 6 Sunday. */
int caltime_weekday(int64_t day);

/* The day that holds `t_us` where clocks are `zone_us` ahead of UTC (CALTIME_WIB), and the instant that a day begins
 * there. Nothing overflows for instants and days within a few thousand years of those above. */
int64_t caltime_day_at(int64_t t_us, int64_t zone_us);
int64_t caltime_day_start(int64_t day, int64_t zone_us);

/* "2026-11-25" to its day; false, and `*day` 0, unless it is exactly that: a real date, years 1970..9999. */
bool caltime_date_parse(struct str text, int64_t *day);

/* The same for years 1..9999: before 1970 the day is negative. */
bool caltime_date_parse_any(struct str text, int64_t *day);

/* A day in 0..CALTIME_DAY_MAX as "2026-11-25" (one outside it as the nearer end). Returns the length, 10. */
size_t caltime_date_format(int64_t day, char out[CALTIME_DATE]);

#endif
