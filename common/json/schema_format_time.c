/* date, time, date-time (RFC 3339) and duration (its appendix A). */
#include "common/json/schema_format.h"

/* Exactly `n` digits at `*p`, moved past; -1 when they are not there. */
static int
number(struct str *s, size_t n)
{
    int v = 0;

    if (s->n < n)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(s->p[i]))
            return -1;
        v = v * 10 + (s->p[i] - '0');
    }
    s->p += n;
    s->n -= n;
    return v;
}

/* Moves past the character when it is there; `c` is lower case where it is a letter. */
static bool
mark(struct str *s, char c)
{
    if (!s->n || (s->p[0] != c && !(is_alpha(c) && (s->p[0] | 0x20) == c)))
        return false;
    s->p++;
    s->n--;
    return true;
}

static bool
read_date(struct str *s)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y;
    int m;
    int d;
    bool leap;

    if ((y = number(s, 4)) < 0 || !mark(s, '-') || (m = number(s, 2)) < 1 || m > 12 || !mark(s, '-') ||
        (d = number(s, 2)) < 1)
        return false;
    leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return d <= days[m - 1] + (m == 2 && leap);
}

/* The offset in minutes, added to `*minute`. */
static bool
read_offset(struct str *s, int *minute)
{
    int sign;
    int h;
    int m;

    if (mark(s, 'z'))
        return true;
    sign = s->n && s->p[0] == '-' ? 1 : -1;
    if (!(mark(s, '+') || mark(s, '-')) || (h = number(s, 2)) < 0 || h > 23 || !mark(s, ':') ||
        (m = number(s, 2)) < 0 || m > 59)
        return false;
    *minute += sign * (h * 60 + m);
    return true;
}

static bool
read_time(struct str *s)
{
    int h;
    int m;
    int sec;
    int minute;

    if ((h = number(s, 2)) < 0 || h > 23 || !mark(s, ':') || (m = number(s, 2)) < 0 || m > 59 ||
        !mark(s, ':') || (sec = number(s, 2)) < 0 || sec > 60)
        return false;
    if (mark(s, '.')) {
        if (number(s, 1) < 0)
            return false;
        while (number(s, 1) >= 0)
            ;
    }
    minute = h * 60 + m;
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

        if (number(s, 1) < 0)
            return -1;
        while (number(s, 1) >= 0)
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
