/* arena: memory that is given back all at once. What it hands out never moves until arena_reset. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "common/base/buf.h"
#include "common/base/str.h"

struct arena {
    struct arena_block *head;
};

/* `n` bytes, zeroed and aligned for anything. Aborts when memory is out: a batch cannot be half read. */
void *arena_new(struct arena *a, size_t n);

/* A NUL-terminated copy of a slice; STR_NULL stays STR_NULL. */
struct str arena_str(struct arena *a, struct str s);

/* Frees all but the largest block that is not too large, which is used again. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

#endif
