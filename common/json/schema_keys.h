/* schema_keys: a fixed set of byte strings that is looked up often. Internal. A string's first and last eight bytes
 * (two words) with its length tell strings up to 16 bytes apart, so most look-ups compare three numbers. */
#ifndef JSON_SCHEMA_KEYS_H
#define JSON_SCHEMA_KEYS_H

#include <stdint.h>
#include <string.h>

struct schema_word {
    uint64_t a, b;
};

struct schema_key {
    const char *p;
    uint32_t n;
    uint32_t block; /* SCHEMA_NONE: no subschema */
    struct schema_word w;
    uint64_t bit;  /* in schema_object.required; 0: not required */
    bool declared; /* named by `properties` */
};

struct schema_keys {
    uint32_t n;
    uint32_t mask;
    const uint32_t *slot; /* SCHEMA_NONE or an index */
    struct schema_key *key;
};

static inline uint64_t
schema_load8(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t
schema_load4(const char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static inline struct schema_word
schema_words(const char *p, size_t n)
{
    if (n >= 8)
        return (struct schema_word){schema_load8(p), schema_load8(p + n - 8)};
    if (n >= 4)
        return (struct schema_word){schema_load4(p), schema_load4(p + n - 4)};
    if (n == 0)
        return (struct schema_word){0, 0};
    return (struct schema_word){(unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8,
                                (unsigned char)p[n - 1]};
}

static inline uint32_t
schema_word_hash(struct schema_word w, size_t n)
{
    uint64_t h = ((w.a ^ n * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL) ^ (w.b * 0xc4ceb9fe1a85ec53ULL);

    return (uint32_t)(h ^ h >> 32);
}

/* Whether what the two words leave out is the same: n is over 16. */
static inline bool
schema_same_middle(const char *a, const char *b, size_t n)
{
    if (n > 32)
        return memcmp(a + 8, b + 8, n - 16) == 0;
    return schema_load8(a + 8) == schema_load8(b + 8) && schema_load8(a + n - 16) == schema_load8(b + n - 16);
}

static inline bool
schema_key_is(const struct schema_key *key, const char *p, size_t n, struct schema_word w)
{
    return key->n == n && key->w.a == w.a && key->w.b == w.b && (n <= 16 || schema_same_middle(key->p, p, n));
}

/* Not inlined: what is around it then keeps its registers. */
uint32_t schema_keys_find_word(const struct schema_keys *keys, const char *p, size_t n, struct schema_word w);

/* Index of the key or SCHEMA_NONE. */
static inline uint32_t
schema_keys_find(const struct schema_keys *keys, const char *p, size_t n)
{
    return schema_keys_find_word(keys, p, n, schema_words(p, n));
}

/* Whether it is among them. Few are told apart by their lengths, without a hash. */
static inline bool
schema_keys_has(const struct schema_keys *keys, const char *p, size_t n)
{
    struct schema_word w = schema_words(p, n);

    if (keys->n > 8)
        return schema_keys_find_word(keys, p, n, w) != UINT32_MAX;
    for (uint32_t i = 0; i < keys->n; i++)
        if (schema_key_is(&keys->key[i], p, n, w))
            return true;
    return false;
}

/* The key or NULL, trying `next` first, unless it is `end`: members mostly come in the order the schema names them. */
__attribute__((always_inline)) static inline const struct schema_key *
schema_keys_next(const struct schema_keys *keys, const char *p, size_t n, const struct schema_key *next,
                 const struct schema_key *end)
{
    uint32_t k;

    if (next && next < end && next->n == n && memcmp(next->p, p, n) == 0)
        return next;
    k = schema_keys_find(keys, p, n);
    return k == UINT32_MAX ? NULL : &keys->key[k];
}

#endif
