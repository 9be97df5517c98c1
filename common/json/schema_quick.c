/* The program run for its answer alone, before anything is reported: no frames, since no finding will say where it
 * stands. Most values are valid, and need no more. What it cannot decide (a limit, 1.0 as an integer) is left to
 * schema_enter. */
#include "common/json/schema_run.h"

enum {
    QUICK_STEPS = 100000
}; /* so that what is left to schema_enter has cost little more than it does there */

static bool enter(struct schema_run *r, const struct schema_block *blk, const json_t *v);

static bool
unsure(struct schema_run *r)
{
    r->unsure = true;
    return false;
}

static inline bool
meets(struct schema_run *r, uint32_t block, const json_t *v)
{
    const struct schema_block *blk = &r->s->block[block];

    return schema_passes(r, blk, v) || enter(r, blk, v);
}

/* ---- objects ---------------------------------------------------------------------------------------------------- */

/* As lookup_pass in schema_run_obj.c: few names in a big object that may hold any others. */
static bool
names_looked_up(struct schema_run *r, const struct schema_object *o, const json_t *v)
{
    uint64_t absent = o->required;
    bool ok = true;

    for (uint32_t i = 0; i < o->keys.n && ok; i++) {
        const struct schema_key *key = &o->keys.key[i];
        const json_t *member = json_object_getn(v, key->p, key->n);

        if (member)
            absent &= ~key->bit;
        ok = !member || !key->declared || meets(r, key->block, member);
    }
    return ok && !absent;
}

static bool
object(struct schema_run *r, const struct schema_object *o, const json_t *v)
{
    json_t *obj = (json_t *)(uintptr_t)v; /* iterating changes nothing */
    const struct schema_key *next = o->keys.key;
    const struct schema_key *end = next + o->keys.n;
    uint64_t absent = o->required;

    if (o->open && (size_t)o->keys.n * 2 < json_object_size(v))
        return names_looked_up(r, o, v);
    for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it)) {
        const struct schema_key *key =
            schema_keys_next(&o->keys, json_object_iter_key(it), json_object_iter_key_len(it), next, end);
        uint32_t block = o->additional;

        if (key) {
            next = key + 1;
            absent &= ~key->bit;
            block = key->declared ? key->block : block;
        }
        if (block != SCHEMA_NONE && !meets(r, block, json_object_iter_value(it)))
            return false;
    }
    return !absent;
}

static bool
required(const struct schema_strs *names, const json_t *v)
{
    for (uint32_t i = 0; i < names->n; i++)
        if (!json_object_getn(v, names->s[i].p, names->s[i].n))
            return false;
    return true;
}

static bool
objects(struct schema_run *r, const struct schema_ins *in, const json_t *v)
{
    switch (in->op) {
    case OP_OBJECT:
        return object(r, in->p, v);
    case OP_REQUIRED:
        return required(in->p, v);
    case OP_MIN_PROPERTIES:
        return json_object_size(v) >= in->n;
    default:
        return json_object_size(v) <= in->n;
    }
}

/* ---- arrays ----------------------------------------------------------------------------------------------------- */

static bool
items(struct schema_run *r, const struct schema_array *a, const json_t *v)
{
    size_t n = json_array_size(v);

    for (size_t i = 0; i < n; i++) {
        uint32_t block = i < a->nprefix ? a->prefix[i] : a->items;

        if (block == SCHEMA_NONE)
            break;
        if (!meets(r, block, json_array_get(v, i)))
            return false;
    }
    return true;
}

static bool
contains(struct schema_run *r, const struct schema_contains *c, const json_t *v)
{
    size_t size = json_array_size(v);
    uint64_t n = 0;

    for (size_t i = 0; i < size && n <= c->max && (n < c->min || c->max != UINT64_MAX); i++)
        n += meets(r, c->block, json_array_get(v, i));
    return n >= c->min && n <= c->max;
}

static bool
arrays(struct schema_run *r, const struct schema_ins *in, const json_t *v)
{
    switch (in->op) {
    case OP_ARRAY:
        return items(r, in->p, v);
    case OP_CONTAINS:
        return contains(r, in->p, v);
    case OP_MIN_ITEMS:
        return json_array_size(v) >= in->n;
    case OP_MAX_ITEMS:
        return json_array_size(v) <= in->n;
    default:
        return schema_unique(r, v);
    }
}

/* ---- any value -------------------------------------------------------------------------------------------------- */

static unsigned
count_of(struct schema_run *r, const struct schema_list *list, const json_t *v, unsigned enough)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < list->n && n < enough; i++)
        n += meets(r, list->block[i], v);
    return n;
}

static bool
all_of(struct schema_run *r, const struct schema_list *list, const json_t *v)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (!meets(r, list->block[i], v))
            return false;
    return true;
}

static bool
conditional(struct schema_run *r, const struct schema_cond *c, const json_t *v)
{
    uint32_t then = meets(r, c->test, v) ? c->yes : c->no;

    return then == SCHEMA_NONE || meets(r, then, v);
}

static bool
logic(struct schema_run *r, const struct schema_ins *in, const json_t *v)
{
    switch (in->op) {
    case OP_REF:
        return meets(r, in->block, v);
    case OP_ALL_OF:
        return all_of(r, in->p, v);
    case OP_ANY_OF:
        return count_of(r, in->p, v, 1) == 1;
    case OP_ONE_OF:
        return count_of(r, in->p, v, 2) == 1;
    case OP_NOT:
        return !meets(r, in->block, v);
    case OP_IF:
        return conditional(r, in->p, v);
    case OP_ENUM:
        return schema_listed(r, in->p, v);
    default:
        return false; /* OP_FALSE */
    }
}

static inline bool
of_kind(struct schema_run *r, const struct schema_ins *in, const json_t *v)
{
    bool ok = true;

    switch (json_typeof(v)) {
    case JSON_OBJECT:
        for (; ok && in->op != OP_END; in++)
            ok = objects(r, in, v);
        return ok;
    case JSON_ARRAY:
        for (; ok && in->op != OP_END; in++)
            ok = arrays(r, in, v);
        return ok;
    default:
        return schema_leaf_ok(r, in, v);
    }
}

static bool
run(struct schema_run *r, const struct schema_block *blk, const json_t *v)
{
    const struct schema_ins *code = r->s->code;
    uint32_t own = blk->list[json_typeof(v)];
    bool ok = true;

    for (const struct schema_ins *in = code + blk->any; ok && in->op != OP_END; in++)
        ok = logic(r, in, v);
    return ok && (!own || of_kind(r, code + own, v));
}

/* A leaf that did not pass is wrong, but for a real that is an integer. Not inlined: meets is, everywhere. */
__attribute__((noinline)) static bool
enter(struct schema_run *r, const struct schema_block *blk, const json_t *v)
{
    bool ok;

    if (!r->steps || !r->depth || r->unsure || r->limit)
        return unsure(r);
    if (blk->flags & BLOCK_LEAF)
        return !(blk->types >> json_typeof(v) & 1) && schema_admits(blk, v) ? unsure(r) : false;
    if (!schema_admits(blk, v))
        return false;
    r->steps--;
    r->depth--;
    ok = run(r, blk, v);
    r->depth++;
    return ok;
}

bool
schema_quick_can(const struct schema *s)
{
    for (size_t i = 0; i < s->ncode; i++) {
        const struct schema_ins *in = &s->code[i];
        const struct schema_object *o = in->p;

        if (in->op == OP_DYNAMIC_REF || in->op == OP_UNEVALUATED_PROPERTIES ||
            in->op == OP_UNEVALUATED_ITEMS || in->op == OP_DEPENDENT_REQUIRED ||
            in->op == OP_DEPENDENT_SCHEMAS || (in->op == OP_OBJECT && !o->only_declared))
            return false;
    }
    return true;
}

bool
schema_quick(struct schema_run *r, const json_t *v, bool *valid)
{
    struct schema_run q = *r;

    q.cb = NULL;
    q.steps = r->steps < QUICK_STEPS ? r->steps : QUICK_STEPS;
    *valid = meets(&q, 0, v);
    r->md = q.md;
    return !q.unsure && !q.limit;
}
