#include "common/calendar/holidays.h"

#include <stdlib.h>

#include "common/base/caltime.h"
#include "common/base/csv.h"

enum { TANGGAL, HARI, JENIS, KETERANGAN, FIELDS };

static const char *const header[FIELDS] = {"tanggal", "hari", "jenis", "keterangan"};
static const char *const weekdays[] = {"Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"};
static const char *const kinds[] = {"libur_nasional", "cuti_bersama"};

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

/* Index of `s` in the `n` names, or -1. */
static int
find(struct str s, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (str_is(s, names[i]))
            return i;
    return -1;
}

/* Splits into exactly FIELDS fields, unquoted in place. Returns NULL, or what is wrong. */
static const char *
split(struct str line, struct str field[FIELDS])
{
    const char *why;
    unsigned n = csv_split((char *)(uintptr_t)line.p, line.n, field, FIELDS, &why); /* our own copy */

    if (n == 0)
        return why == csv_more ? "more than four fields" : why;
    return n < FIELDS ? "fewer than four fields" : NULL;
}

/* Each returns NULL, or what is wrong with the line. */
static const char *
check_header(struct str line)
{
    struct str field[FIELDS];

    if (split(line, field))
        return "the header is not tanggal,hari,jenis,keterangan";
    for (int i = 0; i < FIELDS; i++)
        if (!str_is(field[i], header[i]))
            return "the header is not tanggal,hari,jenis,keterangan";
    return NULL;
}

static const char *
read_line(struct str line, struct holiday *day)
{
    struct str field[FIELDS];
    const char *wrong = str_has_control(line) ? "a control character" : split(line, field);

    if (wrong)
        return wrong;
    if (!caltime_date_parse(field[TANGGAL], &day->day))
        return "tanggal is not a date YYYY-MM-DD from 1970 to 9999";
    day->weekday = find(field[HARI], weekdays, COUNT(weekdays));
    if (day->weekday < 0)
        return "hari is not the Indonesian name of a weekday";
    if (find(field[JENIS], kinds, COUNT(kinds)) < 0)
        return "jenis is neither libur_nasional nor cuti_bersama";
    return field[KETERANGAN].n ? NULL : "keterangan is empty";
}

static enum res
read_lines(struct str text, struct holiday *days, size_t *n, struct err *e)
{
    int number = 0;

    while (text.n) {
        struct str line = str_line(&text);
        const char *wrong;

        number++;
        if (line.n == 0 && number > 1)
            continue;
        wrong = number == 1 ? check_header(line) : read_line(line, &days[*n]);
        if (wrong)
            return err_set(e, RES_REJECT, "calendar: line %d: %s", number, wrong);
        if (number > 1)
            days[(*n)++].line = number;
    }
    if (*n == 0)
        return err_set(e, RES_REJECT, "calendar: no day in it");
    return RES_OK;
}

static size_t
count_lines(struct str text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n;
}

enum res
holidays_parse(struct str csv, struct holiday **ret, size_t *n, struct err *e)
{
    struct holiday *days = NULL;
    char *copy = NULL;
    enum res res;

    *ret = NULL;
    *n = 0;
    if (csv.n > HOLIDAYS_MAX_BYTES)
        return err_set(e, RES_REJECT, "calendar: larger than %d bytes", HOLIDAYS_MAX_BYTES);
    days = calloc(count_lines(csv), sizeof *days);
    copy = str_dup(csv);
    if (!days || !copy) {
        res = err_set(e, RES_RETRY, "calendar: out of memory");
        goto out;
    }
    res = read_lines(str_no_bom((struct str){copy, csv.n}), days, n, e);
    if (res == RES_OK) {
        *ret = days;
        days = NULL; /* now the caller's */
    } else {
        *n = 0;
    }
out:
    free(copy);
    free(days);
    return res;
}
