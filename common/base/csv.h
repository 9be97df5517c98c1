/* csv: one line of comma separated values (RFC 4180), without line breaks in fields. Pure. */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include "common/base/buf.h"
#include "common/base/str.h"

/* Splits the `n` bytes at `line`, its end left off, into at most `max` fields; they point into it, and it is changed where
 * quotes are taken out. Returns how many: an empty line is one empty field. 0: more than `max`, or a quote that does not
 * end, or stands within or behind a field; then `*why` says which, csv_more for the first. `why` may be NULL. */
unsigned csv_split(char *line, size_t n, struct str *fields, unsigned max, const char **why);
extern const char csv_more[];

/* Appends one field, in quotes where it holds a comma, a quote or the end of a line. */
void csv_put(struct buf *out, struct str field);

#endif
