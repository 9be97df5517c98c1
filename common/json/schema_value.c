#include "common/json/schema_run.h"

#include <math.h>
#include <stdlib.h>

enum { SMALL_ARRAY = 8, MAX_VALUE_DEPTH = 2048 };

static bool
step(struct schema_run *r, unsigned depth)
{
    if (depth > MAX_VALUE_DEPTH)
        return schema_limit(r, NULL, "depth");
    if (!r->steps)
        return schema_limit(r, NULL, "steps");
    r->steps--;
    return true;
}

static struct str
text_of(const json_t *v)
{
    return (struct str){json_string_value(v), json_string_length(v)};
}

static bool
equal_arrays(struct schema_run *r, const json_t *a, const json_t *b, unsigned depth)
{
    size_t n = json_array_size(a);

    if (n != json_array_size(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!schema_equal(r, json_array_get(a, i), json_array_get(b, i), depth + 1))
            return false;
    return true;
}

static bool
equal_objects(struct schema_run *r, const json_t *a, const json_t *b, unsigned depth)
{
    json_t *obj = (json_t *)(uintptr_t)a; /* iterating changes nothing */

    if (json_object_size(a) != json_object_size(b))
        return false;
    for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it)) {
        const json_t *other = json_object_getn(b, json_object_iter_key(it), json_object_iter_key_len(it));

        if (!other || !schema_equal(r, json_object_iter_value(it), other, depth + 1))
            return false;
    }
    return true;
}

bool
schema_equal(struct schema_run *r, const json_t *a, const json_t *b, unsigned depth)
{
    if (a == b)
        return true;
    if (json_is_number(a) && json_is_number(b))
        return schema_num_cmp(schema_num_of(a), schema_num_of(b)) == 0;
    if (json_typeof(a) != json_typeof(b) || !step(r, depth))
        return false;
    switch (json_typeof(a)) {
    case JSON_STRING:
        return str_eq(text_of(a), text_of(b));
    case JSON_ARRAY:
        return equal_arrays(r, a, b, depth);
    case JSON_OBJECT:
        return equal_objects(r, a, b, depth);
    default:
        return true; /* true, false, null: one type each */
    }
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0xff51afd7ed558ccdULL;
    return h ^ h >> 32;
}

/* Equal values have equal hashes; the order of members does not count. */
static uint64_t
value_hash(struct schema_run *r, const json_t *v, unsigned depth)
{
    json_t *obj = (json_t *)(uintptr_t)v;
    uint64_t h = (uint64_t)json_typeof(v) + 1;

    if (!step(r, depth))
        return 0;
    if (json_is_number(v)) {
        double d = json_number_value(v) + 0.0; /* -0 becomes 0 */

        memcpy(&h, &d, sizeof h);
        return mix(h, 77);
    }
    if (json_is_string(v))
        return str_hash(text_of(v));
    for (size_t i = 0; i < json_array_size(v); i++)
        h = mix(h, value_hash(r, json_array_get(v, i), depth + 1));
    for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it))
        h += mix(str_hash((struct str){json_object_iter_key(it), json_object_iter_key_len(it)}),
                 value_hash(r, json_object_iter_value(it), depth + 1));
    return mix(h, json_object_size(v));
}

struct bucket {
    uint64_t hash;
    const json_t *v;
};

static bool
unique_small(struct schema_run *r, const json_t *array, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (schema_equal(r, json_array_get(array, i), json_array_get(array, k), 0) && !r->limit)
                return false;
    return true;
}

bool
schema_unique(struct schema_run *r, const json_t *array)
{
    size_t n = json_array_size(array);
    size_t cap = 32;
    struct bucket *table;
    bool unique = true;

    if (n <= SMALL_ARRAY)
        return unique_small(r, array, n);
    while (cap < n * 2)
        cap *= 2;
    table = calloc(cap, sizeof *table);
    if (!table)
        return schema_limit(r, NULL, "memory");
    for (size_t i = 0; i < n && unique && !r->limit; i++) {
        const json_t *v = json_array_get(array, i);
        uint64_t h = value_hash(r, v, 0);
        size_t at = (size_t)h & (cap - 1);

        for (; table[at].v && unique && step(r, 0); at = (at + 1) & (cap - 1))
            unique = table[at].hash != h || !schema_equal(r, table[at].v, v, 0);
        if (unique && !r->limit)
            table[at] = (struct bucket){h, v};
    }
    free(table);
    return unique;
}

/* Bytes that continue a code point, 10xxxxxx, are counted out, eight at a time. */
size_t
schema_code_points(const char *p, size_t n)
{
    size_t count = n;

    for (; n >= 8; p += 8, n -= 8) {
        uint64_t w = schema_load8(p);

        count -= (size_t)__builtin_popcountll(w & ~(w << 1) & 0x8080808080808080ULL);
    }
    for (; n; p++, n--)
        count -= ((unsigned char)*p & 0xc0) == 0x80;
    return count;
}
