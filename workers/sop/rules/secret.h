/* secret: members that look like a credential or a NIK by their name (X9 of the domain; the same names as
 * patternProperties of tanpa_kredensial in schemas/forms/pa20.schema.json). Their values are never stored. */
#ifndef SOP_RULES_SECRET_H
#define SOP_RULES_SECRET_H

#include "common/base/buf.h"

/* Whether a decoded member name looks like one. */
bool secret_name(struct str name);

/* Whether a checked JSON text has such a member, however deep. */
bool secret_found(struct str json);

/* Appends the text with the values of such members replaced by "***", every other byte as it was. False, and nothing
 * appended, when there is none. */
bool secret_mask(struct str json, struct buf *out);

#endif
