/* date, time, date-time (RFC 3339) and duration (its appendix A). */
#include "common/json/schema_format.h"

/* Moves past `n` bytes. */
static bool
pass(struct str *s, size_t n)
{
    s->p += n;
    s->n -= n;
    return true;
}

/* Moves past a digit when there is one. */
static bool
digit(struct str *s)
{
    return s->n && is_digit(s->p[0]) && pass(s, 1);
}

/* Moves past the character when it is there; `c` is lower case where it is a letter. */
static bool
mark(struct str *s, char c)
{
    if (!s->n || (s->p[0] != c && !(is_alpha(c) && (s->p[0] | 0x20) == c)))
        return false;
    return pass(s, 1);
}

/* The number that two digits are; -1 when they are none. */
static int
two(const char *p)
{
    return is_digit(p[0]) && is_digit(p[1]) ? (p[0] - '0') * 10 + (p[1] - '0') : -1;
}

/* "YYYY-MM-DD" */
static bool
read_date(struct str *s)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *p = s->p;
    int century;
    int year;
    int m;
    int d;
    bool leap;

    if (s->n < 10 || p[4] != '-' || p[7] != '-' || (century = two(p)) < 0 || (year = two(p + 2)) < 0 ||
        (m = two(p + 5)) < 1 || m > 12 || (d = two(p + 8)) < 1)
        return false;
    leap = year ? year % 4 == 0 : century % 4 == 0;
    return d <= days[m - 1] + (m == 2 && leap) && pass(s, 10);
}

/* "HH:MM", in minutes; -1 for anything else. */
static int
hour_minute(const char *p)
{
    int h = two(p);
    int m = two(p + 3);

    return h >= 0 && h < 24 && p[2] == ':' && m >= 0 && m < 60 ? h * 60 + m : -1;
}

/* The offset in minutes, added to `*minute`. */
static bool
read_offset(struct str *s, int *minute)
{
    int by;

    if (mark(s, 'z'))
        return true;
    if (s->n < 6 || (s->p[0] != '+' && s->p[0] != '-') || (by = hour_minute(s->p + 1)) < 0)
        return false;
    *minute += s->p[0] == '-' ? by : -by;
    return pass(s, 6);
}

/* "HH:MM:SS", a fraction, and the offset */
static bool
read_time(struct str *s)
{
    int minute;
    int sec;

    if (s->n < 8 || (minute = hour_minute(s->p)) < 0 || s->p[5] != ':' || (sec = two(s->p + 6)) < 0 ||
        sec > 60)
        return false;
    pass(s, 8);
    if (mark(s, '.')) {
        if (!digit(s))
            return false;
        while (digit(s))
            ;
    }
    if (!read_offset(s, &minute))
        return false;
    return sec < 60 || (minute + 1440) % 1440 == 1439; /* a leap second ends a UTC day */
}

bool
schema_format_date(struct str s, void *arg)
{
    (void)arg;
    return s.n == 10 && read_date(&s);
}

bool
schema_format_time(struct str s, void *arg)
{
    (void)arg;
    return read_time(&s) && !s.n;
}

bool
schema_format_date_time(struct str s, void *arg)
{
    (void)arg;
    return read_date(&s) && mark(&s, 't') && read_time(&s) && !s.n;
}

/* Numbers with the units in `units`, which follow one another without a gap; how many there were, or -1. */
static int
parts(struct str *s, const char *units)
{
    const char *at = NULL;
    int n = 0;

    while (s->n && s->p[0] != 'T') {
        const char *unit;

        if (!digit(s))
            return -1;
        while (digit(s))
            ;
        unit = s->n && s->p[0] ? strchr(units, s->p[0]) : NULL;
        if (!unit || (at && unit != at + 1))
            return -1;
        at = unit;
        s->p++;
        s->n--;
        n++;
    }
    return n;
}

bool
schema_format_duration(struct str s, void *arg)
{
    int dates;

    (void)arg;
    if (!mark(&s, 'P'))
        return false;
    if (s.n && s.p[s.n - 1] == 'W')
        return parts(&s, "W") == 1 && !s.n;
    dates = parts(&s, "YMD");
    if (dates < 0 || !s.n)
        return dates > 0;
    return mark(&s, 'T') && parts(&s, "HMS") > 0 && !s.n;
}
