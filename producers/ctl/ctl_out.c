#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/caltime.h"
#include "common/base/file.h"
#include "producers/ctl/ctl.h"
#include "producers/ctl/ctl_words.h"

/* Type numbers of Postgres' own types; they never change. */
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT4 = 23,
    OID_JSON = 114,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    COLUMNS_MAX = 32
};

void
ctl_print(json_t *j)
{
    json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
    json_decref(j);
}

static json_t *
time_value(const PGresult *r, int row, int col)
{
    char text[CALTIME_TEXT_WIB];
    int64_t t_us = ctl_time(r, row, col);

    if (t_us == INT64_MIN)
        return json_null();
    caltime_format_wib(t_us, text);
    return json_string(text);
}

json_t *
ctl_value(const PGresult *r, int row, int col)
{
    const char *z = PQgetvalue(r, row, col);
    json_t *j = NULL;

    if (PQgetisnull(r, row, col))
        return json_null();
    switch (PQftype(r, col)) {
    case OID_BOOL:
        return json_boolean(*z == 't');
    case OID_INT4:
    case OID_INT8:
        return json_integer(strtoll(z, NULL, 10));
    case OID_NUMERIC:
        return json_real(strtod(z, NULL));
    case OID_JSON:
        j = json_loads(z, JSON_DECODE_ANY, NULL);
        break;
    case OID_TIMESTAMPTZ:
        return time_value(r, row, col);
    default:
        j = json_string(z);
        break;
    }
    return j ? j : json_null();
}

json_t *
ctl_object(const PGresult *r, int row)
{
    json_t *o = json_object();

    for (int i = 0; i < PQnfields(r); i++)
        json_object_set_new(o, PQfname(r, i), ctl_value(r, row, i));
    return o;
}

/* A cell as people read it. */
static void
cell(const PGresult *r, int row, int col, char out[256])
{
    const char *z = PQgetvalue(r, row, col);

    if (PQftype(r, col) == OID_TIMESTAMPTZ)
        ctl_words_time(ctl_time(r, row, col), out);
    else if (PQftype(r, col) == OID_BOOL)
        snprintf(out, 256, "%s", *z == 't' ? "ya" : "tidak");
    else
        snprintf(out, 256, "%s", *z ? z : "-");
    for (char *p = out; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
}

static void
print_line(const PGresult *r, int row, const int *width)
{
    int cols = PQnfields(r);
    char text[256];

    for (int i = 0; i < cols && i < COLUMNS_MAX; i++) {
        if (row < 0)
            snprintf(text, sizeof text, "%s", PQfname(r, i));
        else
            cell(r, row, i, text);
        printf("%-*s%s", i == cols - 1 ? 0 : width[i], text, i == cols - 1 ? "\n" : "  ");
    }
}

void
ctl_rows(const struct ctl *c, const PGresult *r)
{
    int width[COLUMNS_MAX] = {0};
    int rows = PQntuples(r);
    json_t *all = c->json ? json_array() : NULL;
    char text[256];

    for (int row = 0; all && row < rows; row++)
        json_array_append_new(all, ctl_object(r, row));
    if (all) {
        ctl_print(all);
        return;
    }
    for (int i = 0; i < PQnfields(r) && i < COLUMNS_MAX; i++) {
        width[i] = (int)strlen(PQfname(r, i));
        for (int row = 0; row < rows; row++) {
            cell(r, row, i, text);
            width[i] = (int)strlen(text) > width[i] ? (int)strlen(text) : width[i];
        }
    }
    for (int row = -1; row < rows; row++)
        print_line(r, row, width);
}

char *
ctl_read(struct ctl *c, const char *path, size_t *n)
{
    struct err e = {0};
    char *text = strcmp(path, "-") == 0 ? file_read_stream(stdin, "standard input", CTL_PAGE_MAX, n, &e)
                                        : file_read(path, CTL_PAGE_MAX, n, &e);

    if (!text)
        ctl_fail(c, CTL_NO, "%s", e.text);
    return text;
}
