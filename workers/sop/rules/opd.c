#include "workers/sop/rules/opd.h"

#include <stdlib.h>

#include "workers/sop/rules/file.h"

enum { ROWS_MAX = 10000 };

struct opd {
    char *text; /* the file; rows point into it */
    struct opd_row *rows;
    size_t n;
};

static const char *const names[OPD_COLUMNS] = {"kode_opd", "nama_opd", "peran"};

/* Takes the next line off `rest`, without its end. */
static struct str
next_line(struct str *rest)
{
    const char *end = memchr(rest->p, '\n', rest->n);
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    struct str line = {rest->p, n && rest->p[n - 1] == '\r' ? n - 1 : n};

    n += end != NULL;
    *rest = (struct str){rest->p + n, rest->n - n};
    return line;
}

static bool
split(struct str line, struct opd_row *row)
{
    unsigned c = 0;
    size_t from = 0;

    if (memchr(line.p, '"', line.n))
        return false;
    for (size_t i = 0; i <= line.n; i++) {
        if (i < line.n && line.p[i] != ',')
            continue;
        if (c == OPD_COLUMNS)
            return false;
        row->col[c++] = (struct str){line.p + from, i - from};
        from = i + 1;
    }
    return c == OPD_COLUMNS && row->col[OPD_KODE].n && row->col[OPD_NAMA].n;
}

static bool
is_head(const struct opd_row *row)
{
    for (unsigned c = 0; c < OPD_COLUMNS; c++)
        if (!str_is(row->col[c], names[c]))
            return false;
    return true;
}

static enum res
add_row(struct opd *t, const struct opd_row *row, int at, const char *path, struct err *e)
{
    if (t->n == ROWS_MAX)
        return err_set(e, RES_FATAL, "%s line %d: more than %d departments", path, at, ROWS_MAX);
    if (opd_find(t, OPD_KODE, row->col[OPD_KODE]))
        return err_set(e, RES_FATAL, "%s line %d: the code stands twice", path, at);
    t->rows[t->n++] = *row;
    return RES_OK;
}

static enum res
read_rows(struct opd *t, struct str text, const char *path, struct err *e)
{
    enum res res = RES_OK;

    if (str_starts(text, STR("\xef\xbb\xbf"))) /* spreadsheets write a BOM */
        text = (struct str){text.p + 3, text.n - 3};
    for (int at = 1; text.n && res == RES_OK; at++) {
        struct str line = next_line(&text);
        struct opd_row row;

        if (line.n == 0)
            continue;
        if (!split(line, &row) || (at == 1) != is_head(&row))
            return err_set(e, RES_FATAL, "%s line %d: wanted kode_opd,nama_opd,peran without quotes", path,
                           at);
        if (at > 1)
            res = add_row(t, &row, at, path, e);
    }
    if (res == RES_OK && t->n == 0)
        return err_set(e, RES_FATAL, "%s: no department", path);
    return res;
}

enum res
opd_load(const char *path, struct opd **ret, struct err *e)
{
    struct opd *t = calloc(1, sizeof *t);
    enum res res;
    size_t n = 0;

    *ret = NULL;
    if (t)
        t->rows = calloc(ROWS_MAX, sizeof *t->rows);
    if (!t || !t->rows) {
        opd_free(t);
        return err_set(e, RES_FATAL, "out of memory");
    }
    t->text = file_read(path, &n, e);
    res = t->text ? read_rows(t, (struct str){t->text, n}, path, e) : RES_FATAL;
    if (res != RES_OK) {
        opd_free(t);
        return res;
    }
    *ret = t;
    return RES_OK;
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
