/* normal: the one place where what people write in several ways becomes one. Results are keys to compare by; the
 * stored bytes of a form are never altered. */
#ifndef SOP_RULES_NORMAL_H
#define SOP_RULES_NORMAL_H

#include "common/base/buf.h"

/* The digits of a NIP: space, NBSP, dot and hyphen are taken out, anything else stays. Appends to `out`. */
void normal_nip(struct str nip, struct buf *out);

/* "0812..", "0778.." and "+62812.." as "+62812..": a leading 0 is the country's. Blanks, dots and hyphens are taken
 * out. False, and nothing appended, for what is no Indonesian number of 8 to 12 digits after the prefix. `out` may be
 * NULL. */
bool normal_phone(struct str phone, struct buf *out);

/* Whether there is nothing but blanks: space, NBSP, tab to CR. */
bool normal_blank(struct str text);

/* A system's name as people mean it: small letters (ASCII and Latin-1), blanks collapsed to one and none at either end.
 * Other scripts and other spellings stay apart. Appends to `out`. */
void normal_name(struct str name, struct buf *out);

/* A letter's number as key for duplicates: capitals, blanks collapsed to one and none at either end or around '/'. */
void normal_letter(struct str number, struct buf *out);

#endif
