/* say: findings in words and as output units (core, section 12). */
#ifndef JSON_CLI_SAY_H
#define JSON_CLI_SAY_H

#include "common/json/schema.h"

/* Whether the finding says that the check could not be finished. */
bool say_is_limit(const struct schema_finding *f);

/* Appends what is wrong as one sentence, without the value that is. Bounded, whatever schema and instance hold. */
void say_sentence(const struct schema_finding *f, struct buf *out);

/* Appends one line for people: instance location, sentence, keyword, schema location. */
void say_line(const struct schema_finding *f, struct buf *out);

/* Appends one output unit. */
void say_unit(const struct schema_finding *f, struct buf *out);

/* Appends `s` for a terminal: control characters, also those beyond ASCII, as \xNN. */
void say_text(struct str s, struct buf *out);

#endif
