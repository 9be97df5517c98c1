#include "common/base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

/* A block is twice as large as the one before it, and what is kept for re-use no larger than KEPT. */
enum { BLOCK = 64 << 10, KEPT = 4 << 20 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

static void
add_block(struct arena *a, size_t need)
{
    size_t size = a->head ? 2 * a->head->size : BLOCK;
    struct arena_block *b;

    if (size > KEPT)
        size = KEPT;
    if (size < need)
        size = need;
    b = malloc(sizeof *b + size);
    if (!b)
        abort();
    *b = (struct arena_block){.next = a->head, .size = size};
    a->head = b;
}

static char *
take(struct arena *a, size_t n)
{
    size_t need = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    char *p;

    if (need < n)
        abort();
    if (!a->head || a->head->size - a->head->used < need)
        add_block(a, need);
    p = a->head->bytes + a->head->used;
    a->head->used += need;
    return p;
}

void *
arena_new(struct arena *a, size_t n)
{
    return memset(take(a, n), 0, n);
}

struct str
arena_str(struct arena *a, struct str s)
{
    char *p;

    if (!s.p)
        return s;
    p = take(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct str){p, s.n};
}

void
arena_reset(struct arena *a)
{
    struct arena_block *kept = NULL;

    for (struct arena_block *next, *b = a->head; b; b = next) {
        next = b->next;
        if (b->size > KEPT || (kept && kept->size >= b->size)) {
            free(b);
            continue;
        }
        free(kept);
        kept = b;
    }
    if (kept) {
        kept->next = NULL;
        kept->used = 0;
    }
    a->head = kept;
}

void
arena_free(struct arena *a)
{
    while (a->head) {
        struct arena_block *b = a->head;

        a->head = b->next;
        free(b);
    }
}
