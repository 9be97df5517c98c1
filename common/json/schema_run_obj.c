/* The instructions that look into objects and arrays. */
#include "common/json/schema_run.h"

#include <stdlib.h>

bool
schema_seen_init(struct schema_seen *seen, size_t n)
{
    seen->n = n;
    seen->small = 0;
    seen->w = n <= 64 ? &seen->small : calloc(n / 64 + 1, sizeof *seen->w);
    return seen->w != NULL;
}

void
schema_seen_free(struct schema_seen *seen)
{
    if (seen->w != &seen->small)
        free(seen->w);
}

void
schema_seen_merge(struct schema_seen *to, const struct schema_seen *from)
{
    for (size_t i = 0; i * 64 < to->n; i++)
        to->w[i] |= from->w[i];
}

struct member {
    const char *name;
    size_t n;
    json_t *v;
    size_t i;                      /* position, for what is evaluated */
    const struct schema_key *next; /* which key of the schema it may be */
};

static bool
name_ok(struct schema_frame *f, uint32_t block, const struct member *m)
{
    const struct schema_block *blk = &f->run->s->block[block];
    json_t *v = json_stringn_nocheck(m->name, m->n);
    struct schema_frame sub = {
        .run = f->run, .up = f, .blk = blk, .v = v, .key = m->name, .n = m->n, .step = STEP_NAME};
    bool ok = v ? schema_enter(&sub) : schema_limit(f->run, f, "memory");

    json_decref(v);
    return ok;
}

/* Whether the pattern matches the member's name; a limit counts as no. */
static bool
pattern_hits(struct schema_frame *f, const struct schema_regex *re, const struct member *m)
{
    switch (schema_run_match(f->run, re, (struct str){m->name, m->n})) {
    case MATCH_YES:
        return true;
    case MATCH_NO:
        return false;
    case MATCH_LIMIT:
        return schema_limit(f->run, f, "regex");
    default:
        return schema_limit(f->run, f, "memory");
    }
}

static bool
patterns_ok(struct schema_frame *f, const struct schema_object *o, const struct member *m, bool *known)
{
    bool ok = true;

    for (uint32_t i = 0; i < o->npattern && (ok || !f->run->fast); i++) {
        if (!pattern_hits(f, o->pattern[i].re, m))
            continue;
        *known = true;
        schema_seen_set(f->seen, m->i);
        ok = schema_on_key(f, o->pattern[i].block, m->v, m->name, m->n) && ok;
    }
    return ok;
}

static bool
additional_ok(struct schema_frame *f, const struct schema_object *o, const struct member *m)
{
    schema_seen_set(f->seen, m->i);
    if (o->closed)
        return schema_report_at(f, KW_ADDITIONAL_PROPERTIES, (struct str){m->name, m->n});
    return schema_on_key(f, o->additional, m->v, m->name, m->n);
}

static bool
others_ok(struct schema_frame *f, const struct schema_object *o, const struct member *m, bool known)
{
    bool ok = true;

    if (o->npattern)
        ok = patterns_ok(f, o, m, &known);
    if (!known && o->additional != SCHEMA_NONE && (ok || !f->run->fast))
        ok = additional_ok(f, o, m) && ok;
    if (o->names != SCHEMA_NONE && (ok || !f->run->fast))
        ok = name_ok(f, o->names, m) && ok;
    return ok;
}

static inline bool
member_ok(struct schema_frame *f, const struct schema_object *o, struct member *m, uint64_t *missing)
{
    const struct schema_key *key =
        schema_keys_next(&o->keys, m->name, m->n, m->next, o->keys.key + o->keys.n);
    bool known = false;
    bool ok = true;

    if (key) {
        *missing &= ~key->bit;
        known = key->declared;
        m->next = key + 1;
        if (known) {
            schema_seen_set(f->seen, m->i);
            ok = schema_on_key(f, key->block, m->v, m->name, m->n);
        }
    }
    if ((known && o->only_declared) || o->open || (!ok && f->run->fast))
        return ok;
    return others_ok(f, o, m, known) && ok;
}

static bool
report_missing(struct schema_frame *f, const struct schema_object *o, uint64_t missing)
{
    for (uint32_t i = 0; missing && !f->run->fast && i < o->keys.n; i++) {
        const struct schema_key *key = &o->keys.key[i];

        if (missing & key->bit)
            schema_report_at(f, KW_REQUIRED, (struct str){key->p, key->n});
    }
    return !missing;
}

/* The few names a schema knows are looked up in a big object that may hold any others. */
static bool
lookup_pass(struct schema_frame *f, const struct schema_object *o, uint64_t *missing)
{
    bool ok = true;

    for (uint32_t i = 0; i < o->keys.n && (ok || !f->run->fast); i++) {
        const struct schema_key *key = &o->keys.key[i];
        const json_t *v = json_object_getn(f->v, key->p, key->n);

        if (v)
            *missing &= ~key->bit;
        if (v && key->declared)
            ok = schema_on_key(f, key->block, v, key->p, key->n) && ok;
    }
    return ok;
}

static bool
member_pass(struct schema_frame *f, const struct schema_object *o, uint64_t *missing)
{
    json_t *obj = (json_t *)(uintptr_t)f->v; /* iterating changes nothing */
    struct member m = {.next = o->keys.key};
    bool ok = true;

    for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it), m.i++) {
        m.name = json_object_iter_key(it);
        m.n = json_object_iter_key_len(it);
        m.v = json_object_iter_value(it);
        ok = member_ok(f, o, &m, missing) && ok;
        if (!ok && f->run->fast)
            break;
    }
    return ok;
}

bool
schema_op_object(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_object *o = in->p;
    uint64_t missing = o->required;
    size_t n = json_object_size(f->v);
    bool ok;

    if (f->run->fast && o->nrequired > n)
        return false;
    if (o->open && !f->seen && (size_t)o->keys.n * 2 < n)
        ok = lookup_pass(f, o, &missing);
    else
        ok = member_pass(f, o, &missing);
    if (!ok && f->run->fast)
        return false;
    return report_missing(f, o, missing) && ok;
}

static bool
have_all(struct schema_frame *f, unsigned kw, const struct str *name, uint32_t n)
{
    bool ok = true;

    for (uint32_t i = 0; i < n && (ok || !f->run->fast); i++)
        if (!json_object_getn(f->v, name[i].p, name[i].n))
            ok = schema_report_at(f, kw, name[i]);
    return ok;
}

bool
schema_op_required(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_strs *names = in->p;

    return have_all(f, in->kw, names->s, names->n);
}

bool
schema_op_dependent_required(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_deps *deps = in->p;
    bool ok = true;

    for (uint32_t i = 0; i < deps->n && (ok || !f->run->fast); i++)
        if (json_object_getn(f->v, deps->dep[i].name.p, deps->dep[i].name.n))
            ok = have_all(f, in->kw, deps->dep[i].req, deps->dep[i].nreq) && ok;
    return ok;
}

bool
schema_op_dependent_schemas(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_deps *deps = in->p;
    bool ok = true;

    for (uint32_t i = 0; i < deps->n && (ok || !f->run->fast); i++) {
        const struct schema_dep *dep = &deps->dep[i];

        if (!json_object_getn(f->v, dep->name.p, dep->name.n))
            continue;
        ok = have_all(f, in->kw, dep->req, dep->nreq) && ok;
        if (dep->block != SCHEMA_NONE && (ok || !f->run->fast))
            ok = schema_same(f, dep->block, f->seen) && ok;
    }
    return ok;
}

bool
schema_op_unevaluated_properties(struct schema_frame *f, const struct schema_ins *in)
{
    json_t *obj = (json_t *)(uintptr_t)f->v; /* iterating changes nothing */
    bool closed = f->run->s->block[in->block].flags & BLOCK_FALSE;
    bool ok = true;
    size_t i = 0;

    for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it), i++) {
        struct str name = {json_object_iter_key(it), json_object_iter_key_len(it)};

        if (schema_seen_has(f->seen, i))
            continue;
        if (closed)
            ok = schema_report_at(f, in->kw, name);
        else
            ok = schema_on_key(f, in->block, json_object_iter_value(it), name.p, name.n) && ok;
        if (!ok && f->run->fast)
            return false;
        schema_seen_set(f->seen, i);
    }
    return ok;
}

bool
schema_op_array(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_array *a = in->p;
    size_t n = json_array_size(f->v);
    bool ok = true;

    for (size_t i = 0; i < n && (ok || !f->run->fast); i++) {
        uint32_t block = i < a->nprefix ? a->prefix[i] : a->items;

        if (block == SCHEMA_NONE)
            break;
        if (i >= a->nprefix && a->closed) {
            ok = schema_report(f, KW_ITEMS);
            break;
        }
        schema_seen_set(f->seen, i);
        ok = schema_on_index(f, block, json_array_get(f->v, i), i) && ok;
    }
    return ok;
}

bool
schema_op_contains(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_contains *c = in->p;
    size_t n = json_array_size(f->v);
    uint64_t hits = 0;

    f->run->fast++;
    for (size_t i = 0; i < n && hits <= c->max; i++) {
        if (!f->seen && hits >= c->min && c->max == UINT64_MAX)
            break;
        if (!schema_on_index(f, c->block, json_array_get(f->v, i), i))
            continue;
        hits++;
        schema_seen_set(f->seen, i);
    }
    f->run->fast--;
    if (hits < c->min)
        return schema_report(f, c->explicit_min ? KW_MIN_CONTAINS : KW_CONTAINS);
    return hits <= c->max || schema_report(f, KW_MAX_CONTAINS);
}

bool
schema_op_unevaluated_items(struct schema_frame *f, const struct schema_ins *in)
{
    bool closed = f->run->s->block[in->block].flags & BLOCK_FALSE;
    size_t n = json_array_size(f->v);
    bool ok = true;

    for (size_t i = 0; i < n; i++) {
        if (schema_seen_has(f->seen, i))
            continue;
        if (closed)
            return schema_report(f, in->kw);
        ok = schema_on_index(f, in->block, json_array_get(f->v, i), i) && ok;
        if (!ok && f->run->fast)
            return false;
        schema_seen_set(f->seen, i);
    }
    return ok;
}
