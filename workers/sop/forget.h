/* forget: what stays of a fact when a request's personal data are to go (UU 27/2022). Which members stay is data
 * (schemas/lupa.json): a list of what is kept, so that whatever else a sender put there goes. */
#ifndef SOP_FORGET_H
#define SOP_FORGET_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct forget_rules;

/* Reads the rules: {"simpan": {"check.completed": {"revisi": true, "temuan": ["kode"]}, "deadline.warned": true}}; true
 * keeps the whole, a list keeps those members of each item. RES_FATAL with the place of what is wrong. `*ret` is the
 * caller's, NULL after an error. */
enum res forget_load(struct str json, struct forget_rules **ret, struct err *e);
void forget_free(struct forget_rules *r); /* NULL is fine */

/* Appends what stays of the data of an event of this type (its full name): everything, byte for byte, or the members
 * that are kept, in the order of the rules, and "dilupakan":true; of a type without rules, and of data that are no
 * object, only that. `data` was checked as JSON. Done again it changes nothing. */
void forget_data(const struct forget_rules *r, struct str type, struct str data, struct buf *out);

/* Appends what stays of a list of findings (a JSON array). */
void forget_findings(const struct forget_rules *r, struct str temuan, struct buf *out);

#endif
