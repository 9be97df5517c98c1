#include "common/calendar/holidays.h"

#include <stdlib.h>

#include "common/base/caltime.h"

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

static bool
has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    return false;
}

/* Length of the quoted field at the start of `s`, both quotes included; 0 when it does not end. */
static size_t
quoted_len(struct str s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] != '"')
            continue;
        if (i + 1 == s.n || s.p[i + 1] != '"')
            return i + 1;
        i++;
    }
    return 0;
}

/* Length of the bare field at the start of `s`. */
static size_t
bare_len(struct str s)
{
    const char *comma = s.n ? memchr(s.p, ',', s.n) : NULL;

    return comma ? (size_t)(comma - s.p) : s.n;
}

/* Splits into exactly FIELDS fields. Quotes around a field are dropped; a doubled quote inside stays doubled, as only
 * the remark can hold one and nobody reads it. Returns NULL, or what is wrong. */
static const char *
split(struct str line, struct str field[FIELDS])
{
    for (int i = 0; i < FIELDS; i++) {
        bool quoted = line.n && line.p[0] == '"';
        size_t n = quoted ? quoted_len(line) : bare_len(line);

        if (quoted && n == 0)
            return "a quoted field does not end";
        field[i] = quoted ? (struct str){line.p + 1, n - 2} : (struct str){line.p, n};
        if (!quoted && n && memchr(line.p, '"', n))
            return "a quote inside a field that is not quoted";
        line.p += n;
        line.n -= n;
        if (i + 1 == FIELDS)
            return line.n ? "more than four fields" : NULL;
        if (line.n == 0)
            return "fewer than four fields";
        if (line.p[0] != ',')
            return "text after a quoted field";
        line.p++;
        line.n--;
    }
    return NULL;
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
    const char *wrong = has_control(line) ? "a control character" : split(line, field);

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
    enum res res;

    *ret = NULL;
    *n = 0;
    if (csv.n > HOLIDAYS_MAX_BYTES)
        return err_set(e, RES_REJECT, "calendar: larger than %d bytes", HOLIDAYS_MAX_BYTES);
    csv = str_no_bom(csv);
    days = calloc(count_lines(csv), sizeof *days);
    if (!days)
        return err_set(e, RES_RETRY, "calendar: out of memory");
    res = read_lines(csv, days, n, e);
    if (res == RES_OK) {
        *ret = days;
        days = NULL; /* now the caller's */
    } else {
        *n = 0;
    }
    free(days);
    return res;
}
