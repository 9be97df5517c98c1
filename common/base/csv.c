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

const char csv_more[] = "too many fields";

/* What is wrong where a field ended at `p`; NULL: nothing, another follows. */
static const char *
fault(const char *p, bool quoted, bool last)
{
    if (!p)
        return "a quoted field does not end";
    if (!quoted && *p == '"')
        return "a quote inside a field that is not quoted";
    if (last)
        return csv_more;
    return *p == ',' ? NULL : "text after a quoted field";
}

unsigned
csv_split(char *line, size_t n, struct str *fields, unsigned max, const char **why)
{
    char *p = line;
    const char *end = line + n;
    const char *wrong = csv_more;

    for (unsigned k = 0; k < max; k++) {
        bool quoted = p < end && *p == '"';

        p = quoted ? take_quoted(p, end, &fields[k]) : take_bare(p, end, &fields[k]);
        if (p == end)
            return k + 1;
        wrong = fault(p, quoted, k + 1 == max);
        if (wrong)
            break;
        p++;
    }
    if (why)
        *why = wrong;
    return 0;
}

void
csv_put(struct buf *out, struct str field)
{
    bool plain = true;

    for (size_t i = 0; plain && i < field.n; i++) {
        char c = field.p[i];

        plain = c != ',' && c != '"' && c != '\r' && c != '\n';
    }
    if (plain) {
        buf_str(out, field);
        return;
    }
    buf_char(out, '"');
    for (size_t i = 0; i < field.n; i++) {
        if (field.p[i] == '"')
            buf_char(out, '"');
        buf_char(out, field.p[i]);
    }
    buf_char(out, '"');
}
