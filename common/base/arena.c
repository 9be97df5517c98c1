#include "common/base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { BLOCK = 65536 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

void *
arena_new(struct arena *a, size_t n)
{
    size_t need = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct arena_block *b = a->head;
    void *p;

    if (!b || b->size - b->used < need) {
        size_t size = need > BLOCK ? need : BLOCK;

        b = malloc(sizeof *b + size);
        if (!b || need < n)
            abort();
        *b = (struct arena_block){.next = a->head, .size = size};
        a->head = b;
    }
    p = b->bytes + b->used;
    b->used += need;
    return memset(p, 0, n);
}

struct str
arena_str(struct arena *a, struct str s)
{
    char *p;

    if (!s.p)
        return s;
    p = arena_new(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return (struct str){p, s.n};
}

void
arena_reset(struct arena *a)
{
    while (a->head && (a->head->next || a->head->size > BLOCK)) {
        struct arena_block *b = a->head;

        a->head = b->next;
        free(b);
    }
    if (a->head)
        a->head->used = 0;
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
