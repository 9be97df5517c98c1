/* calendar check|due: the list of holidays as the deadline worker reads it. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/caltime.h"
#include "producers/ctl/ctl.h"
#include "producers/ctl/ctl_words.h"
#include "workers/sop/clocks.h"

/* The file named, else the one that the deadline worker reads. The caller frees; NULL: said why. */
static char *
find_file(struct ctl *c, const char *given)
{
    char schemas[PATH_MAX];

    if (given)
        return strdup(given);
    return ctl_schemas(c, NULL, schemas, sizeof schemas) ? sop_path(schemas, c->sop.calendar_file) : NULL;
}

/* 0 or an exit code. `*ret` is the caller's. */
static int
load(struct ctl *c, const char *given, struct calendar **ret)
{
    char *path = find_file(c, given);
    size_t n = 0;
    char *csv = path ? ctl_read(c, path, &n) : NULL;
    int code = path ? CTL_NO : APP_CONFIG;
    enum res res;

    *ret = NULL;
    if (csv) {
        res = sop_calendar((struct str){csv, n}, path, ret, &c->e);
        code = res == RES_OK       ? APP_OK
               : res == RES_REJECT ? ctl_fail(c, CTL_NO, "%s: %s", path, c->e.text)
                                   : ctl_failed(c);
    }
    free(csv);
    free(path);
    return code;
}

/* ---- check ------------------------------------------------------------------------------------------------------ */

struct seen {
    const struct ctl *c;
    json_t *all;
    int wrong;
};

/* A holiday on a weekend is listed as the decree lists it and changes nothing. */
static bool
is_wrong(enum calendar_flaw flaw)
{
    return flaw != CALENDAR_ON_WEEKEND;
}

static void
on_finding(void *arg, const struct calendar_finding *f)
{
    struct seen *s = arg;

    s->wrong += is_wrong(f->flaw);
    json_array_append_new(s->all,
                          json_pack("{s:s, s:b, s:i, s:i, s:s}", "flaw", calendar_flaw_name(f->flaw), "wrong",
                                    is_wrong(f->flaw), "year", f->year, "line", f->line, "text", f->text));
    if (!s->c->json)
        printf("%s: %s\n", is_wrong(f->flaw) ? "wrong" : "note ", f->text);
}

static int
check(struct ctl *c, int argc, char **argv)
{
    const char *file;
    struct calendar *cal;
    struct seen s = {.c = c};
    int code;

    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){&file, 0, 1}))
        return APP_USAGE;
    code = load(c, file, &cal);
    if (code != APP_OK)
        return code;
    s.all = json_array();
    calendar_check(cal, calendar_day(cal, caltime_now()), on_finding, &s);
    if (c->json)
        ctl_print(json_pack("{s:s, s:O, s:i}", "calendar", calendar_version(cal), "findings", s.all, "wrong",
                            s.wrong));
    else
        printf("%s: %d wrong, %d notes\n", calendar_version(cal), s.wrong,
               (int)json_array_size(s.all) - s.wrong);
    json_decref(s.all);
    calendar_free(cal);
    return s.wrong ? CTL_NO : APP_OK;
}

/* ---- due -------------------------------------------------------------------------------------------------------- */

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
read_term(struct ctl *c, const char *const *words, struct calendar_term *term)
{
    char text[64];

    if (snprintf(text, sizeof text, "%s %s", words[0], words[1]) < (int)sizeof text &&
        clock_term_parse(text, term))
        return true;
    ctl_fail(c, APP_USAGE, "the term is a number and hari_kerja, hari_kalender or detik, not %s %s", words[0],
             words[1]);
    return false;
}

static void
print_due(const struct ctl *c, const char *version, const int64_t at_us[2], struct calendar_term term)
{
    char from[CALTIME_TEXT_WIB];
    char until[CALTIME_TEXT_WIB];

    caltime_format_wib(at_us[0], from);
    caltime_format_wib(at_us[1], until);
    if (c->json) {
        ctl_print(json_pack("{s:s, s:s, s:I, s:s, s:s}", "mulai", from, "batas", until, "n",
                            (json_int_t)term.n, "satuan", satuan_name(term.unit), "kalender", version));
        return;
    }
    ctl_words_time(at_us[0], from);
    ctl_words_time(at_us[1], until);
    printf("%s + %lld %s: before %s (%s)\n", from, (long long)term.n, satuan_name(term.unit), until, version);
}

static int
due(struct ctl *c, int argc, char **argv)
{
    const char *words[3] = {NULL};
    const char *file = NULL;
    const struct ctl_opt opts[] = {{"calendar", &file, NULL}, {0}};
    struct calendar_term term;
    struct calendar *cal;
    int64_t at_us[2];
    int code;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){words, 3, 3}) ||
        !read_start(c, words[0], &at_us[0]) || !read_term(c, words + 1, &term))
        return APP_USAGE;
    code = load(c, file, &cal);
    if (code != APP_OK)
        return code;
    if (calendar_due(cal, at_us[0], term, &at_us[1], &c->e) == RES_OK)
        print_due(c, calendar_version(cal), at_us, term);
    else
        code = ctl_fail(c, CTL_NO, "%s", c->e.text);
    calendar_free(cal);
    return code;
}

int
ctl_calendar(struct ctl *c, int argc, char **argv)
{
    static const struct ctl_cmd cmds[] = {{"check", "", "", "", check}, {"due", "", "", "", due}, {0}};

    return ctl_sub(c, cmds, argc, argv);
}
