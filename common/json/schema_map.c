#include "common/json/schema_impl.h"

#include <stdlib.h>

static struct schema_map_slot *
map_slot(const struct schema_map *map, struct str key)
{
    size_t i = (size_t)str_hash(key) & (map->cap - 1);

    while (map->slot[i].key && !str_eq((struct str){map->slot[i].key, map->slot[i].n}, key))
        i = (i + 1) & (map->cap - 1);
    return &map->slot[i];
}

uint32_t
schema_map_get(const struct schema_map *map, struct str key)
{
    struct schema_map_slot *slot = map->cap ? map_slot(map, key) : NULL;

    return slot && slot->key ? slot->value : SCHEMA_NONE;
}

static bool
map_double(struct schema_map *map)
{
    struct schema_map next = {.cap = map->cap ? map->cap * 2 : 64, .used = map->used};

    next.slot = calloc(next.cap, sizeof *next.slot);
    if (!next.slot)
        return false;
    for (size_t i = 0; i < map->cap; i++)
        if (map->slot[i].key)
            *map_slot(&next, (struct str){map->slot[i].key, map->slot[i].n}) = map->slot[i];
    free(map->slot);
    *map = next;
    return true;
}

bool
schema_map_put(struct schema_map *map, struct str key, uint32_t value)
{
    struct schema_map_slot *slot;

    if (map->used * 2 >= map->cap && !map_double(map))
        return false;
    slot = map_slot(map, key);
    if (!slot->key) {
        slot->key = str_dup(key);
        if (!slot->key)
            return false;
        slot->n = key.n;
        map->used++;
    }
    slot->value = value;
    return true;
}

void
schema_map_free(struct schema_map *map)
{
    for (size_t i = 0; i < map->cap; i++)
        free(map->slot[i].key);
    free(map->slot);
    *map = (struct schema_map){0};
}

bool
schema_grow(void *p, size_t *cap, size_t n, size_t size)
{
    size_t want = *cap ? *cap * 2 : 16;
    void *old;
    void *q;

    if (n < *cap)
        return true;
    memcpy(&old, p, sizeof old); /* `p` points to a pointer of some type */
    q = reallocarray(old, want, size);
    if (!q)
        return false;
    memcpy(p, &q, sizeof q);
    *cap = want;
    return true; /* cppcheck-suppress memleak ; `*p` has it */
}

struct schema_chunk {
    struct schema_chunk *next;
    size_t n, cap;
    _Alignas(max_align_t) char bytes[];
};

void *
schema_arena_get(struct schema_arena *a, size_t n, size_t size)
{
    struct schema_chunk *c = a->head;
    size_t want;
    void *p;

    if (__builtin_mul_overflow(n, size, &want) || want > SIZE_MAX / 2)
        return NULL;
    want = (want + 15) & ~(size_t)15;
    if (!c || want > c->cap - c->n) {
        size_t cap = want > 4000 ? want : 4000;

        c = malloc(sizeof *c + cap);
        if (!c)
            return NULL;
        *c = (struct schema_chunk){.next = a->head, .cap = cap};
        a->head = c;
    }
    p = c->bytes + c->n;
    c->n += want;
    memset(p, 0, want);
    return p;
}

void
schema_arena_free(struct schema_arena *a)
{
    while (a->head) {
        struct schema_chunk *c = a->head;

        a->head = c->next;
        free(c);
    }
}

uint32_t
schema_keys_find_word(const struct schema_keys *keys, const char *p, size_t n, struct schema_word w)
{
    uint32_t i;

    if (!keys->n)
        return SCHEMA_NONE;
    i = schema_word_hash(w, n) & keys->mask;
    while (keys->slot[i] != SCHEMA_NONE && !schema_key_is(&keys->key[keys->slot[i]], p, n, w))
        i = (i + 1) & keys->mask;
    return keys->slot[i];
}

bool
schema_keys_build(struct schema_keys *keys, struct schema_arena *arena)
{
    uint32_t cap = 4;
    uint32_t *slot;

    while (cap < keys->n * 3)
        cap *= 2;
    slot = schema_arena_get(arena, cap, sizeof *slot);
    if (!slot)
        return false;
    memset(slot, 0xff, cap * sizeof *slot);
    keys->mask = cap - 1;
    keys->slot = slot;
    for (uint32_t k = 0; k < keys->n; k++) {
        struct schema_key *key = &keys->key[k];
        uint32_t i;

        key->w = schema_words(key->p, key->n);
        i = schema_word_hash(key->w, key->n) & keys->mask;
        while (slot[i] != SCHEMA_NONE)
            i = (i + 1) & keys->mask;
        slot[i] = k;
    }
    return true;
}
