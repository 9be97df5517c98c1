#include "common/base/caltime.h"

#include <time.h>

/* 0000-03-01, where the count of days by years that begin in March starts, lies this many days before the epoch. */
#define DAYS_TO_EPOCH INT64_C(719468)
#define DAYS_400Y     INT64_C(146097)

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t
clamp(int64_t v, int64_t max)
{
    return v < 0 ? 0 : v > max ? max : v;
}

/* ---- dates ---- */

static bool
is_leap(int y)
{
    return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

bool
caltime_valid(struct caltime_date date)
{
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (date.y < 1 || date.y > 9999 || date.m < 1 || date.m > 12 || date.d < 1)
        return false;
    return date.d <= length[date.m - 1] + (date.m == 2 && is_leap(date.y));
}

/* Years are taken to begin in March, so that the leap day is a year's last and months have a linear length. */
int64_t
caltime_day(struct caltime_date date)
{
    int64_t y = date.y - (date.m <= 2);
    int64_t era = floor_div(y, 400);
    int64_t year = y - era * 400;
    int64_t yday = (153 * (date.m + (date.m > 2 ? -3 : 9)) + 2) / 5 + date.d - 1;

    return era * DAYS_400Y + year * 365 + year / 4 - year / 100 + yday - DAYS_TO_EPOCH;
}

struct caltime_date
caltime_date(int64_t day)
{
    int64_t era = floor_div(day + DAYS_TO_EPOCH, DAYS_400Y);
    int64_t n = day + DAYS_TO_EPOCH - era * DAYS_400Y;
    int64_t year = (n - n / 1460 + n / 36524 - n / 146096) / 365;
    int64_t yday = n - (365 * year + year / 4 - year / 100);
    int m = (int)((5 * yday + 2) / 153);

    return (struct caltime_date){
        .y = (int)(year + era * 400) + (m >= 10),
        .m = m < 10 ? m + 3 : m - 9,
        .d = (int)yday - (153 * m + 2) / 5 + 1,
    };
}

int
caltime_weekday(int64_t day)
{
    return (int)((day % 7 + 7 + 3) % 7); /* the epoch was a Thursday */
}

int64_t
caltime_day_at(int64_t t_us, int64_t zone_us)
{
    return floor_div(t_us + zone_us, CALTIME_DAY);
}

int64_t
caltime_day_start(int64_t day, int64_t zone_us)
{
    return day * CALTIME_DAY - zone_us;
}

/* ---- reading ---- */

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The two digits at `p`, or -1. */
static int
two(const char *p)
{
    return is_digit(p[0]) && is_digit(p[1]) ? (p[0] - '0') * 10 + (p[1] - '0') : -1;
}

/* The date in the 10 bytes at `p`, of any year. */
static bool
read_date(const char *p, int64_t *day)
{
    int century = two(p);
    int year = two(p + 2);
    struct caltime_date date = {century * 100 + year, two(p + 5), two(p + 8)};

    if (century < 0 || year < 0 || p[4] != '-' || p[7] != '-' || !caltime_valid(date))
        return false;
    *day = caltime_day(date);
    return true;
}

/* The time of day in the 8 bytes at `p`, in seconds; second 60 is let through. */
static bool
read_clock(const char *p, int64_t *seconds, bool *leap)
{
    int h = two(p);
    int m = two(p + 3);
    int s = two(p + 6);

    if (p[2] != ':' || p[5] != ':' || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60)
        return false;
    *seconds = h * 3600 + m * 60 + s;
    *leap = s == 60;
    return true;
}

/* Takes a fraction off the front of `s` where there is one. */
static bool
read_fraction(struct str *s, int64_t *us)
{
    int64_t unit = CALTIME_SECOND / 10;
    size_t i = 1;

    *us = 0;
    if (s->n == 0 || s->p[0] != '.')
        return true;
    for (; i < s->n && is_digit(s->p[i]); i++) {
        *us += (s->p[i] - '0') * unit;
        unit /= 10;
    }
    s->p += i;
    s->n -= i;
    return i > 1;
}

/* All of `s` as an offset from UTC, in microseconds. */
static bool
read_offset(struct str s, int64_t *us)
{
    int h;
    int m;

    *us = 0;
    if (s.n == 1)
        return s.p[0] == 'Z' || s.p[0] == 'z';
    if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':')
        return false;
    h = two(s.p + 1);
    m = two(s.p + 4);
    if (h < 0 || h > 23 || m < 0 || m > 59)
        return false;
    *us = h * CALTIME_HOUR + m * CALTIME_MINUTE;
    if (s.p[0] == '-')
        *us = -*us;
    return true;
}

/* Whether `t_us` is 00:00 UTC of a month's first day: the only places that a leap second can precede. */
static bool
begins_month(int64_t t_us)
{
    return t_us % CALTIME_DAY == 0 && caltime_date(t_us / CALTIME_DAY).d == 1;
}

bool
caltime_parse(struct str rfc3339, int64_t *t_us)
{
    struct str rest = rfc3339;
    int64_t day;
    int64_t seconds;
    int64_t fraction;
    int64_t offset;
    int64_t t;
    bool leap;

    *t_us = 0;
    if (rest.n < sizeof "1970-01-01T00:00:00Z" - 1 || (rest.p[10] != 'T' && rest.p[10] != 't'))
        return false;
    if (!read_date(rest.p, &day) || day < 0 || !read_clock(rest.p + 11, &seconds, &leap))
        return false;
    rest.p += 19;
    rest.n -= 19;
    if (!read_fraction(&rest, &fraction) || !read_offset(rest, &offset))
        return false;
    t = day * CALTIME_DAY + seconds * CALTIME_SECOND - offset;
    if (leap && !begins_month(t))
        return false;
    t += leap ? -1 : fraction;
    if (t < 0 || t > CALTIME_MAX)
        return false;
    *t_us = t;
    return true;
}

bool
caltime_date_parse_any(struct str text, int64_t *day)
{
    *day = 0;
    return text.n == 10 && read_date(text.p, day);
}

bool
caltime_date_parse(struct str text, int64_t *day)
{
    bool good = caltime_date_parse_any(text, day) && *day >= 0;

    *day = good ? *day : 0;
    return good;
}

/* ---- writing ---- */

static char *
put_two(char *p, unsigned v)
{
    str_two(p, v);
    return p + 2;
}

static char *
put_date(char *p, int64_t day)
{
    struct caltime_date date = caltime_date(day);

    p = put_two(p, (unsigned)date.y / 100);
    p = put_two(p, (unsigned)date.y % 100);
    *p++ = '-';
    p = put_two(p, (unsigned)date.m);
    *p++ = '-';
    return put_two(p, (unsigned)date.d);
}

/* Three digits, or six. */
static char *
put_fraction(char *p, unsigned us)
{
    p = put_two(p, us / 10000);
    if (us % 1000 == 0) {
        *p++ = (char)('0' + us / 1000 % 10);
        return p;
    }
    p = put_two(p, us / 100 % 100);
    return put_two(p, us % 100);
}

static char *
put_clock(char *p, int64_t day_us)
{
    unsigned s = (unsigned)(day_us / CALTIME_SECOND);
    unsigned us = (unsigned)(day_us % CALTIME_SECOND);

    p = put_two(p, s / 3600);
    *p++ = ':';
    p = put_two(p, s / 60 % 60);
    *p++ = ':';
    p = put_two(p, s % 60);
    if (us == 0)
        return p;
    *p++ = '.';
    return put_fraction(p, us);
}

/* `local_us` is what clocks show there, `suffix` the zone as text. */
static size_t
format(int64_t local_us, struct str suffix, char *out)
{
    char *p = put_date(out, local_us / CALTIME_DAY);

    *p++ = 'T';
    p = put_clock(p, local_us % CALTIME_DAY);
    memcpy(p, suffix.p, suffix.n);
    p += suffix.n;
    *p = '\0';
    return (size_t)(p - out);
}

size_t
caltime_format(int64_t t_us, char out[CALTIME_TEXT])
{
    return format(clamp(t_us, CALTIME_MAX), STR("Z"), out);
}

size_t
caltime_format_wib(int64_t t_us, char out[CALTIME_TEXT_WIB])
{
    return format(clamp(clamp(t_us, CALTIME_MAX) + CALTIME_WIB, CALTIME_MAX), STR("+07:00"), out);
}

size_t
caltime_date_format(int64_t day, char out[CALTIME_DATE])
{
    char *p = put_date(out, clamp(day, CALTIME_DAY_MAX));

    *p = '\0';
    return (size_t)(p - out);
}

int64_t
caltime_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail with this clock and a valid pointer */
    return (int64_t)ts.tv_sec * CALTIME_SECOND + ts.tv_nsec / 1000;
}
