/* source: the files of a rule set and of its cases. A file is read once: what is parsed is what is hashed. Internal. */
#ifndef SOP_RULES_SOURCE_H
#define SOP_RULES_SOURCE_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/base/str.h"

enum { SOURCE_MAX = 8 << 20 };

struct source {
    char *path; /* owned */
    char *text; /* owned; a NUL behind its `n` bytes */
    size_t n;
};

static inline struct str
source_bytes(const struct source *s)
{
    return (struct str){s->text, s->n};
}

/* RES_FATAL with the path and the cause. Call source_free in every case. */
enum res source_read(const char *path, struct source *ret, struct err *e);
void source_free(struct source *s);

/* Its bytes as JSON, no member twice; NULL and RES_FATAL with the line otherwise. New reference. */
json_t *source_json(const struct source *s, struct err *e);

/* Both in one, for who needs the bytes no more. */
json_t *source_load(const char *path, struct err *e);

#endif
