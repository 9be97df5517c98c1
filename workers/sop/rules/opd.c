#include "workers/sop/rules/opd.h"

#include <stdlib.h>

#include "common/base/csv.h"
#include "workers/sop/names.h"

enum { ROWS_MAX = 10000 };

struct opd {
    char *text; /* a copy of the file, unquoted in place; rows point into it */
    struct opd_row *rows;
    size_t n;
};

static const char *const names[OPD_COLUMNS] = {"kode_opd", "nama_opd", "peran"};

static bool
is_head(const struct opd_row *row)
{
    return str_is(row->col[OPD_KODE], names[OPD_KODE]) && str_is(row->col[OPD_NAMA], names[OPD_NAMA]) &&
           (!row->col[OPD_PERAN].p || str_is(row->col[OPD_PERAN], names[OPD_PERAN]));
}

/* Each returns NULL, or what is wrong with the line. */
static const char *
split(const struct opd *t, struct str line, struct opd_row *row)
{
    *row = (struct opd_row){{STR_NULL}};
    if (str_has_control(line))
        return "a control character";
    if (csv_split(t->text + (line.p - t->text), line.n, row->col, OPD_COLUMNS, NULL) < 2)
        return "not kode_opd,nama_opd,peran";
    return NULL;
}

static const char *
read_head(const struct opd *t, struct str line)
{
    struct opd_row row;

    return split(t, line, &row) || !is_head(&row) ? "the first line must be kode_opd,nama_opd,peran" : NULL;
}

static const char *
read_row(struct opd *t, struct str line)
{
    struct opd_row row;
    const char *wrong = split(t, line, &row);

    if (wrong)
        return wrong;
    if (!kode_opd_ok(row.col[OPD_KODE]))
        return "kode_opd is no code of a department";
    if (!row.col[OPD_NAMA].n)
        return "nama_opd is empty";
    if (opd_find(t, OPD_KODE, row.col[OPD_KODE]))
        return "the code stands twice";
    if (t->n == ROWS_MAX)
        return "more departments than can be held";
    t->rows[t->n++] = row;
    return NULL;
}

static enum res
read_lines(struct opd *t, struct str text, const char *name, struct err *e)
{
    int at = 0;

    do {
        struct str line = str_line(&text);
        const char *wrong = NULL;

        if (++at == 1)
            wrong = read_head(t, line);
        else if (line.n)
            wrong = read_row(t, line);
        if (wrong)
            return err_set(e, RES_FATAL, "%s line %d: %s", name, at, wrong);
    } while (text.n);
    return t->n ? RES_OK : err_set(e, RES_FATAL, "%s: no department", name);
}

enum res
opd_parse(struct str csv, const char *name, struct opd **ret, struct err *e)
{
    struct opd *t = calloc(1, sizeof *t);
    struct str text;
    enum res res;

    *ret = NULL;
    if (t) {
        t->text = str_dup(csv);
        t->rows = calloc(ROWS_MAX, sizeof *t->rows);
    }
    if (!t || !t->text || !t->rows) {
        opd_free(t);
        return err_set(e, RES_FATAL, "out of memory");
    }
    text = str_no_bom((struct str){t->text, csv.n});
    res = read_lines(t, text, name, e);
    if (res == RES_OK)
        *ret = t;
    else
        opd_free(t);
    return res;
}

void
opd_free(struct opd *t)
{
    if (!t)
        return;
    free(t->text);
    free(t->rows);
    free(t);
}

const struct opd_row *
opd_rows(const struct opd *t, size_t *n)
{
    *n = t->n;
    return t->rows;
}

enum opd_column
opd_column_of(struct str name)
{
    enum opd_column c = OPD_KODE;

    while (c < OPD_COLUMNS && !str_is(name, names[c]))
        c++;
    return c;
}

const struct opd_row *
opd_find(const struct opd *t, enum opd_column column, struct str value)
{
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->rows[i].col[column], value))
            return &t->rows[i];
    return NULL;
}
