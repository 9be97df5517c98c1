/* calendar check|due: the list of holidays as the programs reckon by it. */
#include "producers/ctl/ctl_calendar.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/caltime.h"
#include "producers/ctl/ctl_words.h"
#include "workers/sop/clocks.h"

/* ---- which list ------------------------------------------------------------------------------------------------- */

void
ctl_list_free(struct ctl_list *l)
{
    calendar_free(l->cal);
    free(l->csv);
    *l = (struct ctl_list){.from = ""};
}

/* The file named, else the one that the programs read. The caller frees; NULL: said why. */
static char *
find_file(struct ctl *c, const char *given)
{
    char schemas[PATH_MAX];

    if (given)
        return strdup(given);
    return ctl_schemas(c, NULL, schemas, sizeof schemas) ? sop_path(schemas, c->sop.calendar_file) : NULL;
}

int
ctl_list_file(struct ctl *c, const char *given, struct ctl_list *ret)
{
    char *path = find_file(c, given);
    int code = path ? CTL_NO : APP_CONFIG;
    enum res res;

    *ret = (struct ctl_list){.from = "file"};
    ret->csv = path ? ctl_read(c, path, &ret->n) : NULL;
    if (ret->csv) {
        res = sop_calendar_version(path, ret->version, &c->e);
        if (res == RES_OK)
            res = sop_calendar((struct str){ret->csv, ret->n}, ret->version, &ret->cal, &c->e);
        code = res == RES_OK       ? APP_OK
               : res == RES_REJECT ? ctl_fail(c, CTL_NO, "%s: %s", path, c->e.text)
                                   : ctl_failed(c);
    }
    free(path);
    return code;
}

/* Takes the row (version, csv), which was a good list when it was loaded. */
static int
take_row(struct ctl *c, const PGresult *r, struct ctl_list *ret)
{
    *ret = (struct ctl_list){.from = "database", .n = (size_t)PQgetlength(r, 0, 1)};
    snprintf(ret->version, sizeof ret->version, "%s", PQgetvalue(r, 0, 0));
    ret->csv = strdup(PQgetvalue(r, 0, 1));
    if (!ret->csv)
        return ctl_fail(c, APP_BUG, "out of memory");
    if (sop_calendar((struct str){ret->csv, ret->n}, ret->version, &ret->cal, &c->e) == RES_OK)
        return APP_OK;
    return ctl_failed(c);
}

/* Whether a database is configured and has the table: before the first migration the file is all there is. */
static enum res
find_table(struct ctl *c, bool *there)
{
    PGresult *r;

    *there = false;
    if (!c->set.conninfo)
        return RES_OK;
    r = ctl_db(c) == RES_OK ? ctl_query(c, "select to_regclass('calendar') is not null", 0, NULL) : NULL;
    if (r)
        *there = *PQgetvalue(r, 0, 0) == 't';
    PQclear(r);
    return r ? RES_OK : c->e.res;
}

int
ctl_list_in_force(struct ctl *c, struct ctl_list *ret)
{
    bool there;
    PGresult *r = NULL;
    int code = APP_OK;

    *ret = (struct ctl_list){.from = ""};
    if (find_table(c, &there) != RES_OK)
        return ctl_failed(c);
    if (there) {
        r = ctl_query(c, "select version, csv from calendar order by id desc limit 1", 0, NULL);
        if (!r)
            return ctl_failed(c);
    }
    if (r && PQntuples(r))
        code = take_row(c, r, ret);
    else
        code = ctl_list_file(c, NULL, ret);
    PQclear(r);
    return code;
}

static int
load(struct ctl *c, const char *file, struct ctl_list *ret)
{
    return file ? ctl_list_file(c, file, ret) : ctl_list_in_force(c, ret);
}

/* ---- check ------------------------------------------------------------------------------------------------------ */

/* A holiday on a weekend is listed as the decree lists it and changes nothing. */
static bool
is_wrong(enum calendar_flaw flaw)
{
    return flaw != CALENDAR_ON_WEEKEND;
}

bool
ctl_list_lacks(const struct calendar *cal, int year)
{
    int years[CALENDAR_SPAN_MAX];
    size_t n = calendar_years(cal, years, CALENDAR_SPAN_MAX);

    for (size_t i = 0; i < n; i++)
        if (years[i] == year)
            return false;
    return true;
}

/* Next year's holidays may not have been decreed yet: a list that lacks them is no worse than one that does so too. */
static bool
is_bad(const struct ctl_findings *s, const struct calendar_finding *f)
{
    if (f->flaw == CALENDAR_NEXT_YEAR_MISSING && s->in_force && ctl_list_lacks(s->in_force, f->year))
        return false;
    return is_wrong(f->flaw);
}

static void
on_finding(void *arg, const struct calendar_finding *f)
{
    struct ctl_findings *s = arg;

    s->wrong += is_wrong(f->flaw);
    s->bad += is_bad(s, f);
    json_array_append_new(s->all,
                          json_pack("{s:s, s:b, s:i, s:i, s:s}", "flaw", calendar_flaw_name(f->flaw), "wrong",
                                    is_wrong(f->flaw), "year", f->year, "line", f->line, "text", f->text));
    if (!s->c->json)
        printf("%s: %s\n", is_wrong(f->flaw) ? "wrong" : "note ", f->text);
}

void
ctl_list_check(const struct ctl_list *l, struct ctl_findings *f)
{
    f->all = json_array();
    calendar_check(l->cal, calendar_day(l->cal, caltime_now()), on_finding, f);
}

static int
check(struct ctl *c, int argc, char **argv)
{
    const char *file;
    struct ctl_list l;
    struct ctl_findings f = {.c = c};
    int code;

    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){&file, 0, 1}))
        return APP_USAGE;
    code = load(c, file, &l);
    if (code == APP_OK) {
        ctl_list_check(&l, &f);
        if (c->json)
            ctl_print(json_pack("{s:s, s:s, s:O, s:i}", "calendar", l.version, "from", l.from, "findings",
                                f.all, "wrong", f.wrong));
        else
            printf("%s (%s): %d wrong, %d notes\n", l.version, l.from, f.wrong,
                   (int)json_array_size(f.all) - f.wrong);
        json_decref(f.all);
        code = f.wrong ? CTL_NO : APP_OK;
    }
    ctl_list_free(&l);
    return code;
}

/* ---- due -------------------------------------------------------------------------------------------------------- */

enum { LINE_WORDS = 3 };

/* One question. */
struct span {
    int64_t start_us;
    struct calendar_term term;
};

static bool
read_start(struct ctl *c, const char *z, int64_t *t_us)
{
    char full[64];

    snprintf(full, sizeof full, "%sT00:00:00+07:00", z);
    if (caltime_parse(str_of(z), t_us) || (strlen(z) == 10 && caltime_parse(str_of(full), t_us)))
        return true;
    ctl_fail(c, APP_USAGE, "the start is a date or an RFC 3339 time with a zone, not %s", z);
    return false;
}

static bool
read_term(struct ctl *c, const char *n, const char *unit, struct calendar_term *term)
{
    char text[64];

    if (snprintf(text, sizeof text, "%s %s", n, unit) < (int)sizeof text && clock_term_parse(text, term))
        return true;
    ctl_fail(c, APP_USAGE, "the term is a number and hari_kerja, hari_kalender or detik, not %s %s", n, unit);
    return false;
}

/* START N [UNIT]; without a unit `unit`. */
static bool
read_span(struct ctl *c, const char *const words[LINE_WORDS], const char *unit, struct span *s)
{
    return read_start(c, words[0], &s->start_us) &&
           read_term(c, words[1], words[2] ? words[2] : unit, &s->term);
}

/* The last day that is counted; of seconds there is none. */
static bool
last_day(const struct calendar *cal, const struct span *s, int64_t due_us, char out[CALTIME_DATE])
{
    if (s->term.unit == CALENDAR_SECONDS)
        return false;
    caltime_date_format(calendar_day(cal, due_us) - 1, out);
    return true;
}

/* New reference. */
static json_t *
as_json(const struct calendar *cal, const struct span *s, int64_t due_us)
{
    char from[CALTIME_TEXT_WIB];
    char until[CALTIME_TEXT_WIB];
    char last[CALTIME_DATE];
    json_t *j;

    caltime_format_wib(s->start_us, from);
    caltime_format_wib(due_us, until);
    j = json_pack("{s:s, s:s, s:I, s:s, s:s}", "mulai", from, "batas", until, "n", (json_int_t)s->term.n,
                  "satuan", satuan_name(s->term.unit), "kalender", calendar_version(cal));
    if (last_day(cal, s, due_us, last))
        json_object_set_new(j, "hari_terakhir", json_string(last));
    return j;
}

static void
print_text(const struct calendar *cal, const struct span *s, int64_t due_us)
{
    char from[CTL_WORDS_TIME];
    char until[CTL_WORDS_TIME];
    char last[CALTIME_DATE];

    ctl_words_time(s->start_us, from);
    ctl_words_time(due_us, until);
    printf("%s + %lld %s: ", from, (long long)s->term.n, satuan_name(s->term.unit));
    if (last_day(cal, s, due_us, last))
        printf("last counted day %s, ", last);
    printf("before %s (%s)\n", until, calendar_version(cal));
}

/* JSON on one line, for who reads line by line. */
static void
print_line(json_t *j)
{
    json_dumpf(j, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(j);
}

static int
answer(struct ctl *c, const struct calendar *cal, const struct span *s, void (*print)(json_t *j))
{
    int64_t due_us;
    struct err e = {0};

    if (calendar_due(cal, s->start_us, s->term, &due_us, &e) != RES_OK)
        return ctl_fail(c, CTL_NO, "%s", e.text);
    if (c->json)
        print(as_json(cal, s, due_us));
    else
        print_text(cal, s, due_us);
    return APP_OK;
}

/* Cuts a line into two or three words, in place. */
static bool
cut_line(struct ctl *c, char *line, const char *words[LINE_WORDS])
{
    char *at = NULL;
    int n = 0;

    words[0] = words[1] = words[2] = NULL;
    for (char *w = strtok_r(line, " \t\r\n", &at); w; w = strtok_r(NULL, " \t\r\n", &at)) {
        if (n < LINE_WORDS)
            words[n] = w;
        n++;
    }
    if (n == 2 || n == LINE_WORDS)
        return true;
    ctl_fail(c, APP_USAGE, "a line is START N [UNIT]");
    return false;
}

/* Lines of standard input, an answer each; what cannot be reckoned is said on stderr, and the rest goes on. */
static int
due_lines(struct ctl *c, const struct calendar *cal, const char *unit)
{
    const char *words[LINE_WORDS];
    char *line = NULL;
    size_t cap = 0;
    struct span s;
    int code = APP_OK;

    while (code != APP_USAGE && getline(&line, &cap, stdin) > 0) {
        if (!cut_line(c, line, words) || !read_span(c, words, unit, &s))
            code = APP_USAGE;
        else if (answer(c, cal, &s, print_line) != APP_OK)
            code = CTL_NO;
    }
    free(line);
    return code;
}

/* The words and options of `due`. */
struct ask {
    const char *words[LINE_WORDS];
    const char *file;
    bool days;
};

static bool
read_ask(struct ctl *c, int argc, char **argv, struct ask *a, struct span *s)
{
    const struct ctl_opt opts[] = {{"calendar", &a->file, NULL}, {"kalender", NULL, &a->days}, {0}};

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){a->words, 1, LINE_WORDS}))
        return false;
    if (strcmp(a->words[0], "-") == 0 && !a->words[1])
        return true;
    if (a->words[1] && !(a->days && a->words[2]))
        return read_span(c, a->words, a->days ? "hari_kalender" : "hari_kerja", s);
    if (a->words[1])
        ctl_fail(c, APP_USAGE, "say either --kalender or %s", a->words[2]);
    else
        ctl_fail(c, APP_USAGE, "after the start stands a number of days");
    return false;
}

static int
due(struct ctl *c, int argc, char **argv)
{
    struct ask a = {.file = NULL};
    struct span s = {0};
    struct ctl_list l;
    int code;

    if (!read_ask(c, argc, argv, &a, &s))
        return APP_USAGE;
    code = load(c, a.file, &l);
    if (code == APP_OK && a.words[1])
        code = answer(c, l.cal, &s, ctl_print);
    else if (code == APP_OK)
        code = due_lines(c, l.cal, a.days ? "hari_kalender" : "hari_kerja");
    ctl_list_free(&l);
    return code;
}

int
ctl_calendar(struct ctl *c, int argc, char **argv)
{
    static const struct ctl_cmd cmds[] = {
        {"check", "", "", "", check}, {"load", "", "", "", ctl_calendar_load}, {"due", "", "", "", due}, {0}};

    return ctl_sub(c, cmds, argc, argv);
}
