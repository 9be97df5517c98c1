/* What the calendar's tests share. They run from the root of the repository. */
#ifndef TESTS_TEST_CALENDAR_H
#define TESTS_TEST_CALENDAR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/caltime.h"
#include "common/calendar/calendar.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define CSV_PATH "tests/cases/calendar/kalender_id_2024_2027.csv"
#define HEADER   "tanggal,hari,jenis,keterangan\n"
#define WIB_MIN  420

struct fixture {
    char csv[16384];
    size_t n;
    struct calendar *cal;
};

static inline struct calendar *
load(struct str csv, int zone_min)
{
    struct calendar *cal = NULL;
    struct err e = {0};

    if (calendar_load(csv, "test-1", zone_min, &cal, &e) != RES_OK)
        fail_msg("%s", e.text);
    return cal;
}

static inline int
set_up(void **state)
{
    static struct fixture fx;
    FILE *file = fopen(CSV_PATH, "r");

    if (!file)
        return -1;
    fx.n = fread(fx.csv, 1, sizeof fx.csv - 1, file);
    fclose(file);
    fx.cal = load((struct str){fx.csv, fx.n}, WIB_MIN);
    *state = &fx;
    return 0;
}

static inline int
tear_down(void **state)
{
    struct fixture *fx = *state;

    calendar_free(fx->cal);
    return 0;
}

/* The instant of `date` and `clock` in WIB. */
static inline int64_t
wib(const char *date, const char *clock)
{
    char text[64];
    int64_t t_us;

    snprintf(text, sizeof text, "%sT%s+07:00", date, clock);
    if (!caltime_parse(str_of(text), &t_us))
        fail_msg("not a time: %s", text);
    return t_us;
}

static inline int64_t
day_of(const char *date)
{
    int64_t day;

    if (!caltime_date_parse(str_of(date), &day))
        fail_msg("not a date: %s", date);
    return day;
}

static inline int64_t
due(const struct calendar *cal, int64_t start_us, int64_t n, enum calendar_unit unit)
{
    struct err e = {0};
    int64_t due_us;

    if (calendar_due(cal, start_us, (struct calendar_term){n, unit}, &due_us, &e) != RES_OK)
        fail_msg("%s", e.text);
    return due_us;
}

#endif
