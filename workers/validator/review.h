/* review: which forms an officer looks at before they are accepted. */
#ifndef VALIDATOR_REVIEW_H
#define VALIDATOR_REVIEW_H

#include "common/base/err.h"
#include "common/base/str.h"

enum review_mode { REVIEW_AUTO, REVIEW_MANUAL };

/* [validator] review and its overrides: lists divided by commas or blanks. */
struct review_rules {
    int64_t mode; /* enum review_mode: for whatever no list names */
    const char *manual_opd, *auto_opd;
    const char *manual_kategori, *auto_kategori;
};

/* RES_FATAL with the setting's name: an unknown kategori_se, what is no kode_opd, or the same word in both lists. */
enum res review_check(const struct review_rules *r, struct err *e);

/* Manual where a manual list names the department or the category; else auto where an auto list does; else the mode. */
bool review_manual(const struct review_rules *r, struct str kode_opd, struct str kategori);

#endif
