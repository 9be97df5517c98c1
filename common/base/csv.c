#include "common/base/csv.h"

/* The quoted field whose first quote is at `p`, unquoted in place. Returns what follows its last quote; NULL where there
 * is none. */
static char *
take_quoted(char *p, const char *end, struct str *field)
{
    char *w = p;

    *field = (struct str){p, 0};
    for (p++; p < end; p++) {
        if (*p == '"' && (p + 1 == end || p[1] != '"')) {
            field->n = (size_t)(w - field->p);
            return p + 1;
        }
        p += *p == '"';
        *w++ = *p;
    }
    return NULL;
}

/* The bare field at `p`. Returns what follows it: its comma, a stray quote or the end. */
static char *
take_bare(char *p, const char *end, struct str *field)
{
    *field = (struct str){p, 0};
    while (p < end && *p != ',' && *p != '"')
        p++;
    field->n = (size_t)(p - field->p);
    return p;
}

unsigned
csv_split(char *line, size_t n, struct str *fields, unsigned max)
{
    char *p = line;
    const char *end = line + n;

    for (unsigned k = 0; k < max; k++) {
        p = p < end && *p == '"' ? take_quoted(p, end, &fields[k]) : take_bare(p, end, &fields[k]);
        if (p == end)
            return k + 1;
        if (!p || *p != ',')
            return 0;
        p++;
    }
    return 0;
}
