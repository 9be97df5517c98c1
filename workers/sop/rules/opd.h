/* opd: the table of departments, read from CSV: a line kode_opd,nama_opd,peran and one for each department, quoted where
 * need be; peran may be left out. Whoever reads such a file reads it here: what one program loads, all can. */
#ifndef SOP_RULES_OPD_H
#define SOP_RULES_OPD_H

#include "common/base/err.h"
#include "common/base/str.h"

enum opd_column { OPD_KODE, OPD_NAMA, OPD_PERAN, OPD_COLUMNS };

struct opd_row {
    struct str col[OPD_COLUMNS];
};

struct opd;

/* RES_FATAL with `name` and the line: no such header, a code that kode_opd_ok refuses or that stands twice, a department
 * without a name, none at all, a control character. `*ret` is the caller's and keeps nothing of `csv`. */
enum res opd_parse(struct str csv, const char *name, struct opd **ret, struct err *e);
void opd_free(struct opd *t);

/* Its rows as they stand in the file; `*n` of them. */
const struct opd_row *opd_rows(const struct opd *t, size_t *n);

/* The column of that name, or OPD_COLUMNS. */
enum opd_column opd_column_of(struct str name);

/* The row whose `column` is `value`, or NULL. */
const struct opd_row *opd_find(const struct opd *t, enum opd_column column, struct str value);

#endif
