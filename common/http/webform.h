/* webform: bodies as application/x-www-form-urlencoded (URL Standard, section 5.2: a blank is +, all but A-Z a-z 0-9
 * * - . _ is %XX of its bytes). */
#ifndef HTTP_WEBFORM_H
#define HTTP_WEBFORM_H

#include "common/base/buf.h"

struct webform_pair {
    struct str name, value;
};

/* Appends one text, escaped. */
void webform_text(struct buf *b, struct str s);

/* Appends `name=value`, joined by &. `b` tells when it is full. */
void webform_write(struct buf *b, const struct webform_pair *pair, size_t n);

#endif
