/* encode: a JSON body as application/x-www-form-urlencoded, for endpoints that want that. */
#ifndef INTEGRATOR_ENCODE_H
#define INTEGRATOR_ENCODE_H

#include "common/base/buf.h"

/* Appends a checked JSON object: a member of a member is a[b], an element of a list a[]. Texts decoded, all else as it is
 * written, null as nothing. */
void encode_form(struct str object, struct buf *out);

#endif
