/* form: what the gateway looks at in a form, and the one thing it adds. Everything here is pure. Forms are JSON
 * objects that scan_document has accepted. */
#ifndef GATEWAY_FORM_H
#define GATEWAY_FORM_H

#include "common/base/buf.h"
#include "common/base/str.h"
#include "producers/gateway/refusal.h"

/* Whether `text` is one JSON value that is taken; 400 says where it is not. */
bool form_json(struct str text, struct refusal *r);

/* The same, and that it is an object. */
bool form_check(struct str text, struct refusal *r);

/* 422 when a member at any depth is named so, with the place of each. */
bool form_no_credentials(struct str form, struct refusal *r);

/* A raw value that counts revisi or putaran: a whole number from 1 to a million, as the workers read it. `*n` is 0
 * otherwise. */
bool form_count(struct str raw, int64_t *n);

/* A member's text, decoded into `store` where it has to be; STR_NULL when it is absent or no string. `store` is given
 * room first, so that what it returned before stays where it is, as long as all of it fits `store`'s maximum. */
struct str form_text(struct str form, const char *name, struct buf *store);

/* Appends `form` with "nomor_permohonan" as its first member; every other byte stays as it was. */
void form_splice(struct str form, struct str nomor, struct buf *out);

/* The year of a date: its first four characters; STR_NULL when they are no digits. */
struct str form_year(struct str date);

#endif
