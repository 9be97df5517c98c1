#include "common/calendar/calendar.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/caltime.h"
#include "common/calendar/holidays.h"

/* Sums from the first day of the table up to, not including, a day: any count is one subtraction. */
struct sum {
    uint32_t works; /* working days */
    uint32_t blind; /* weekdays that no data tells of */
};

struct calendar {
    char version[CALENDAR_VERSION_MAX + 1];
    int64_t zone_us;
    int64_t first;        /* 1 January of the first year with data */
    int64_t end;          /* 1 January of the year after the last with data */
    struct sum *sums;     /* owned; end - first + 1 of them */
    struct holiday *list; /* owned; `n` of them, in the order of the CSV */
    size_t n;
};

static int64_t
new_year(int y)
{
    return caltime_day((struct caltime_date){y, 1, 1});
}

static bool
is_weekend(int64_t day)
{
    return caltime_weekday(day) >= 5;
}

/* ---- making ---- */

/* Sets the span of the table. A list may be in any order. */
static enum res
find_span(struct calendar *cal, struct err *e)
{
    int lo = caltime_date(cal->list[0].day).y;
    int hi = lo;

    for (size_t i = 0; i < cal->n; i++) {
        int y = caltime_date(cal->list[i].day).y;

        lo = y < lo ? y : lo;
        hi = y > hi ? y : hi;
        if (hi - lo >= CALENDAR_SPAN_MAX)
            return err_set(e, RES_REJECT, "calendar: line %d: with %d the list spans more than %d years",
                           cal->list[i].line, y, CALENDAR_SPAN_MAX);
    }
    cal->first = new_year(lo);
    cal->end = new_year(hi + 1);
    return RES_OK;
}

/* Notes the days that are off (by day of the table) and the years that have a line (by year of the span). */
static void
mark(const struct calendar *cal, bool *off, bool known[CALENDAR_SPAN_MAX])
{
    int lo = caltime_date(cal->first).y;

    for (size_t i = 0; i < cal->n; i++) {
        off[cal->list[i].day - cal->first] = true;
        known[caltime_date(cal->list[i].day).y - lo] = true;
    }
}

static enum res
make_sums(struct calendar *cal, struct err *e)
{
    size_t days = (size_t)(cal->end - cal->first);
    bool known[CALENDAR_SPAN_MAX] = {false};
    int lo = caltime_date(cal->first).y;
    bool *off = calloc(days, sizeof *off);

    cal->sums = calloc(days + 1, sizeof *cal->sums);
    if (!off || !cal->sums) {
        free(off);
        return err_set(e, RES_RETRY, "calendar: out of memory");
    }
    mark(cal, off, known);
    for (size_t i = 0; i < days; i++) {
        int64_t day = cal->first + (int64_t)i;
        bool told = known[caltime_date(day).y - lo];

        cal->sums[i + 1] = cal->sums[i];
        cal->sums[i + 1].works += told && !off[i] && !is_weekend(day);
        cal->sums[i + 1].blind += !told && !is_weekend(day);
    }
    free(off);
    return RES_OK;
}

static enum res
check_arguments(const char *version, int zone_min, struct err *e)
{
    size_t n = version ? strlen(version) : 0;

    if (n == 0 || n > CALENDAR_VERSION_MAX)
        return err_set(e, RES_FATAL, "calendar: a version has 1 to %d bytes", CALENDAR_VERSION_MAX);
    if (zone_min <= -24 * 60 || zone_min >= 24 * 60)
        return err_set(e, RES_FATAL, "calendar: a zone of %d minutes is a day or more", zone_min);
    return RES_OK;
}

enum res
calendar_load(struct str csv, const char *version, int zone_min, struct calendar **ret, struct err *e)
{
    struct calendar *cal = NULL;
    enum res res;

    *ret = NULL;
    res = check_arguments(version, zone_min, e);
    if (res != RES_OK)
        goto out;
    cal = calloc(1, sizeof *cal);
    if (!cal) {
        res = err_set(e, RES_RETRY, "calendar: out of memory");
        goto out;
    }
    memcpy(cal->version, version, strlen(version));
    cal->zone_us = zone_min * CALTIME_MINUTE;
    res = holidays_parse(csv, &cal->list, &cal->n, e);
    if (res == RES_OK)
        res = find_span(cal, e);
    if (res == RES_OK)
        res = make_sums(cal, e);
    if (res == RES_OK) {
        *ret = cal;
        cal = NULL; /* now the caller's */
    }
out:
    calendar_free(cal);
    return res;
}

void
calendar_free(struct calendar *cal)
{
    if (!cal)
        return;
    free(cal->sums);
    free(cal->list);
    free(cal);
}

/* ---- counting ---- */

/* The sums before `day`, which may lie outside the table. */
static struct sum
sum_before(const struct calendar *cal, int64_t day)
{
    int64_t i = day < cal->first ? cal->first : day > cal->end ? cal->end : day;

    return cal->sums[i - cal->first];
}

/* Counted days in [from, to). Working days only where all of them are known. */
static int64_t
count(const struct calendar *cal, int64_t from, int64_t to, enum calendar_unit unit)
{
    if (unit == CALENDAR_DAYS)
        return to - from;
    return (int64_t)sum_before(cal, to).works - sum_before(cal, from).works;
}

static bool
is_blind(const struct calendar *cal, int64_t day)
{
    if (is_weekend(day))
        return false;
    return day < cal->first || day >= cal->end ||
           sum_before(cal, day + 1).blind != sum_before(cal, day).blind;
}

/* Whether every weekday in [from, to), which is not empty, is told of. */
static bool
all_known(const struct calendar *cal, int64_t from, int64_t to)
{
    if (from >= cal->first && to <= cal->end)
        return sum_before(cal, to).blind == sum_before(cal, from).blind;
    while (from < to && !is_blind(cal, from))
        from++;
    return from == to;
}

/* RES_FATAL, naming the year, unless every day in [from, to) can be judged. */
static enum res
judge(const struct calendar *cal, int64_t from, int64_t to, struct err *e)
{
    if (from >= to || all_known(cal, from, to))
        return RES_OK;
    while (!is_blind(cal, from))
        from++;
    return err_set(e, RES_FATAL, "calendar %s has no data for the year %d", cal->version,
                   caltime_date(from).y);
}

static enum res
check_instant(int64_t t_us, struct err *e)
{
    if (t_us >= 0 && t_us <= CALTIME_MAX)
        return RES_OK;
    return err_set(e, RES_REJECT, "calendar: an instant outside the years 1970 to 9999");
}

static enum res
check_term(int64_t t_us, struct calendar_term term, struct err *e)
{
    if (term.n < 0 || term.n > CALENDAR_N_MAX)
        return err_set(e, RES_REJECT, "calendar: %lld is not a number of days or seconds", (long long)term.n);
    return check_instant(t_us, e);
}

/* Sets `*ret` to `t_us` where that is an instant, and to 0 elsewhere. */
static enum res
give(int64_t t_us, int64_t *ret, struct err *e)
{
    enum res res = check_instant(t_us, e);

    *ret = res == RES_OK ? t_us : 0;
    return res;
}

/* The same for the start of `day`, which may be any number. */
static enum res
give_start(const struct calendar *cal, int64_t day, int64_t *ret, struct err *e)
{
    bool sane = day >= -1 && day <= CALTIME_DAY_MAX + 1; /* a zone may shift either end by less than a day */

    return give(sane ? calendar_day_start(cal, day) : -1, ret, e);
}

/* Moves `*day` on to the n-th counted day after it. Each leap is as long as what is still wanted, so it can fall short
 * but never pass it, and every day leapt over has to be judged anyway. */
static enum res
forward(const struct calendar *cal, int64_t *day, struct calendar_term term, struct err *e)
{
    int64_t from = *day + 1;

    for (int64_t left = term.n; left > 0; left = term.n - count(cal, from, *day + 1, term.unit)) {
        *day += left;
        if (term.unit == CALENDAR_WORKDAYS && judge(cal, from, *day + 1, e) != RES_OK)
            return RES_FATAL;
    }
    return RES_OK;
}

/* Moves `*day` back to the n-th counted day before it, in the same way. */
static enum res
backward(const struct calendar *cal, int64_t *day, struct calendar_term term, struct err *e)
{
    int64_t end = *day;

    for (int64_t left = term.n; left > 0; left = term.n - count(cal, *day, end, term.unit)) {
        *day -= left;
        if (term.unit == CALENDAR_WORKDAYS && judge(cal, *day, end, e) != RES_OK)
            return RES_FATAL;
    }
    return RES_OK;
}

/* ---- what callers ask ---- */

const char *
calendar_version(const struct calendar *cal)
{
    return cal->version;
}

int64_t
calendar_day(const struct calendar *cal, int64_t t_us)
{
    return caltime_day_at(t_us, cal->zone_us);
}

int64_t
calendar_day_start(const struct calendar *cal, int64_t day)
{
    return caltime_day_start(day, cal->zone_us);
}

enum res
calendar_works(const struct calendar *cal, int64_t day, bool *works, struct err *e)
{
    enum res res;

    *works = false;
    if (day < 0 || day > CALTIME_DAY_MAX)
        return err_set(e, RES_REJECT, "calendar: a day outside the years 1970 to 9999");
    res = judge(cal, day, day + 1, e);
    if (res == RES_OK)
        *works = count(cal, day, day + 1, CALENDAR_WORKDAYS) == 1;
    return res;
}

enum res
calendar_due(const struct calendar *cal, int64_t start_us, struct calendar_term term, int64_t *due_us,
             struct err *e)
{
    enum res res = check_term(start_us, term, e);
    int64_t day;

    *due_us = 0;
    if (res != RES_OK)
        return res;
    if (term.unit == CALENDAR_SECONDS)
        return give(start_us + term.n * CALTIME_SECOND, due_us, e);
    day = calendar_day(cal, start_us);
    res = forward(cal, &day, term, e);
    return res == RES_OK ? give_start(cal, day + 1, due_us, e) : res;
}

enum res
calendar_warn_at(const struct calendar *cal, int64_t due_us, struct calendar_term ahead, int64_t *at_us,
                 struct err *e)
{
    enum res res = check_term(due_us, ahead, e);
    int64_t day;

    *at_us = 0;
    if (res != RES_OK)
        return res;
    if (ahead.unit == CALENDAR_SECONDS || ahead.n == 0)
        return give(due_us - ahead.n * CALTIME_SECOND, at_us, e);
    day = calendar_day(cal, due_us);
    res = backward(cal, &day, ahead, e);
    return res == RES_OK ? give_start(cal, day, at_us, e) : res;
}

/* Counted days in [from, to), or -1. */
static int64_t
count_known(const struct calendar *cal, int64_t from, int64_t to, enum calendar_unit unit, struct err *e)
{
    if (from >= to)
        return 0;
    if (unit == CALENDAR_WORKDAYS && judge(cal, from, to, e) != RES_OK)
        return -1;
    return count(cal, from, to, unit);
}

int64_t
calendar_used(const struct calendar *cal, int64_t start_us, int64_t end_us, enum calendar_unit unit,
              struct err *e)
{
    if (check_instant(start_us, e) != RES_OK || check_instant(end_us, e) != RES_OK)
        return -1;
    if (end_us <= start_us)
        return 0;
    if (unit == CALENDAR_SECONDS)
        return (end_us - start_us) / CALTIME_SECOND;
    return count_known(cal, calendar_day(cal, start_us) + 1, calendar_day(cal, end_us) + 1, unit, e);
}

int64_t
calendar_left(const struct calendar *cal, int64_t now_us, int64_t due_us, enum calendar_unit unit,
              struct err *e)
{
    if (check_instant(now_us, e) != RES_OK || check_instant(due_us, e) != RES_OK)
        return -1;
    if (due_us <= now_us)
        return 0;
    if (unit == CALENDAR_SECONDS)
        return (due_us - now_us + CALTIME_SECOND - 1) / CALTIME_SECOND;
    return count_known(cal, calendar_day(cal, now_us) + 1, calendar_day(cal, due_us), unit, e);
}

/* ---- looking over the data ---- */

static bool
has_year(const struct calendar *cal, int y)
{
    int64_t from = new_year(y);
    int64_t to = new_year(y + 1);

    return from >= cal->first && to <= cal->end && sum_before(cal, to).blind == sum_before(cal, from).blind;
}

size_t
calendar_years(const struct calendar *cal, int *years, size_t max)
{
    size_t n = 0;

    for (int y = caltime_date(cal->first).y; new_year(y) < cal->end; y++) {
        if (!has_year(cal, y))
            continue;
        if (n < max)
            years[n] = y;
        n++;
    }
    return n;
}

/* Who is told of findings, and how many there were. */
struct report {
    void (*found)(void *arg, const struct calendar_finding *f);
    void *arg;
    size_t n;
};

static void
report(struct report *r, enum calendar_flaw flaw, const struct holiday *h, int year, const char *text)
{
    struct calendar_finding f = {flaw, year, h ? h->day : -1, h ? h->line : 0, text};

    r->n++;
    if (r->found)
        r->found(r->arg, &f);
}

static void
check_years(const struct calendar *cal, int64_t today, struct report *r)
{
    struct caltime_date now = caltime_date(today);
    int lo = caltime_date(cal->first).y;
    int hi = caltime_date(cal->end - 1).y;
    char text[96];

    for (int y = now.y < lo ? now.y : lo; y <= (now.y > hi ? now.y : hi); y++) {
        bool next = y == now.y + 1 && now.m >= 10;

        snprintf(text, sizeof text, "there is no data for the year %d", y);
        if (!has_year(cal, y) && !next)
            report(r, CALENDAR_YEAR_MISSING, NULL, y, text);
    }
    snprintf(text, sizeof text, "there is no data yet for next year, %d", now.y + 1);
    if (now.m >= 10 && !has_year(cal, now.y + 1))
        report(r, CALENDAR_NEXT_YEAR_MISSING, NULL, now.y + 1, text);
}

/* The line of the first entry with the same day before `i`, or 0. */
static int
seen_at(const struct calendar *cal, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (cal->list[k].day == cal->list[i].day)
            return cal->list[k].line;
    return 0;
}

static void
check_line(const struct calendar *cal, size_t i, struct report *r)
{
    const struct holiday *h = &cal->list[i];
    int year = caltime_date(h->day).y;
    int seen = seen_at(cal, i);
    char date[CALTIME_DATE];
    char text[128];

    caltime_date_format(h->day, date);
    if (seen) {
        snprintf(text, sizeof text, "line %d: %s is already in line %d", h->line, date, seen);
        report(r, CALENDAR_DUPLICATE, h, year, text);
    }
    if (caltime_weekday(h->day) != h->weekday) {
        snprintf(text, sizeof text, "line %d: %s is not the weekday that the line says", h->line, date);
        report(r, CALENDAR_WRONG_WEEKDAY, h, year, text);
    }
    if (is_weekend(h->day)) {
        snprintf(text, sizeof text, "line %d: %s is on a weekend and changes nothing", h->line, date);
        report(r, CALENDAR_ON_WEEKEND, h, year, text);
    }
}

size_t
calendar_check(const struct calendar *cal, int64_t today,
               void (*found)(void *arg, const struct calendar_finding *f), void *arg)
{
    struct report r = {found, arg, 0};

    check_years(cal, today, &r);
    for (size_t i = 0; i < cal->n; i++)
        check_line(cal, i, &r);
    return r.n;
}

const char *
calendar_flaw_name(enum calendar_flaw flaw)
{
    static const char *const name[] = {"year_missing", "next_year_missing", "on_weekend", "duplicate",
                                       "wrong_weekday"};

    return (unsigned)flaw < sizeof name / sizeof *name ? name[flaw] : "unknown";
}
