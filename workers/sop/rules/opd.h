/* opd: the table of departments, read from a CSV file: kode_opd,nama_opd,peran, a line each, nothing quoted. */
#ifndef SOP_RULES_OPD_H
#define SOP_RULES_OPD_H

#include "common/base/err.h"
#include "common/base/str.h"

enum opd_column { OPD_KODE, OPD_NAMA, OPD_PERAN, OPD_COLUMNS };

struct opd_row {
    struct str col[OPD_COLUMNS];
};

struct opd;

/* RES_FATAL with file and line. `*ret` is the caller's. */
enum res opd_load(const char *path, struct opd **ret, struct err *e);
void opd_free(struct opd *t);

/* The column of that name, or OPD_COLUMNS. */
enum opd_column opd_column_of(struct str name);

/* The row whose `column` is `value`, or NULL. */
const struct opd_row *opd_find(const struct opd *t, enum opd_column column, struct str value);

#endif
