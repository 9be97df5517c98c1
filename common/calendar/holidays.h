/* holidays: reads a list of non-working days from CSV. Used by calendar; nothing is kept between calls. */
#ifndef CALENDAR_HOLIDAYS_H
#define CALENDAR_HOLIDAYS_H

#include "common/base/err.h"
#include "common/base/str.h"

#define HOLIDAYS_MAX_BYTES (1 << 20) /* of CSV text; a hundred years of holidays are less than half of it */

/* One line of the list. */
struct holiday {
    int64_t day; /* days since 1970-01-01 */
    int line;    /* of the CSV, the header is 1 */
    int weekday; /* as the line claims, 0 Monday .. 6 Sunday; may disagree with `day` */
};

/* Reads CSV (RFC 4180 quoting within a line, LF or CRLF, a byte order mark and empty lines are skipped) with exactly
 * the header `tanggal,hari,jenis,keterangan`: date, Indonesian name of its weekday, libur_nasional or cuti_bersama,
 * and a remark that is not empty. Lines come back in the order of the text, `*ret` is the caller's to free.
 * RES_REJECT with the line's number for anything else, or when there is no day at all; RES_RETRY when memory is out.
 * `*ret` is NULL and `*n` 0 after an error. */
enum res holidays_parse(struct str csv, struct holiday **ret, size_t *n, struct err *e);

#endif
