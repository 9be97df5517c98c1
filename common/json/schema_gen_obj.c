/* Code for the keywords that look into objects and arrays. The order in which a block's instructions are added is the
 * order they run in: unevaluated* last. */
#include "common/json/schema_impl.h"

static enum res
check_strings(struct schema_gen *g, unsigned kw, const json_t *v)
{
    if (!json_is_array(v))
        return schema_gen_bad(g, kw, "must be an array of strings");
    for (size_t i = 0; i < json_array_size(v); i++)
        if (!json_is_string(json_array_get(v, i)))
            return schema_gen_bad(g, kw, "must be an array of strings");
    return RES_OK;
}

static enum res
gen_strs(struct schema_gen *g, unsigned kw, const json_t *v, struct schema_strs *ret)
{
    enum res rc = check_strings(g, kw, v);

    if (rc != RES_OK)
        return rc;
    ret->s = schema_gen_get(g, json_array_size(v), sizeof *ret->s);
    if (!ret->s)
        return RES_RETRY;
    for (size_t i = 0; i < json_array_size(v); i++)
        ret->s[ret->n++] = schema_gen_str(json_array_get(v, i));
    return RES_OK;
}

/* `required` on its own, or where the object pass has no room for it. */
static enum res
gen_required(struct schema_gen *g, const json_t *v)
{
    struct schema_strs *names = schema_gen_get(g, 1, sizeof *names);
    enum res rc = names ? gen_strs(g, KW_REQUIRED, v, names) : RES_RETRY;

    if (rc != RES_OK)
        return rc;
    return schema_gen_add(g, KIND_OBJECT,
                          (struct schema_ins){.op = OP_REQUIRED, .kw = KW_REQUIRED, .p = names});
}

static enum res
add_properties(struct schema_gen *g, struct schema_object *o, const json_t *v)
{
    enum res rc = RES_OK;
    const char *name;
    json_t *sub;

    json_object_foreach ((json_t *)(uintptr_t)v, name, sub) {
        struct schema_key *key = &o->keys.key[o->keys.n];

        if (rc != RES_OK)
            break;
        *key = (struct schema_key){.p = name, .n = (uint32_t)strlen(name), .declared = true};
        rc = schema_gen_sub(g, KW_PROPERTIES, name, sub, &key->block);
        o->keys.n++;
    }
    return rc;
}

static struct schema_key *
key_named(struct schema_keys *keys, struct str name)
{
    for (uint32_t i = 0; i < keys->n; i++)
        if (str_eq((struct str){keys->key[i].p, keys->key[i].n}, name))
            return &keys->key[i];
    keys->key[keys->n] = (struct schema_key){.p = name.p, .n = (uint32_t)name.n, .block = SCHEMA_NONE};
    return &keys->key[keys->n++];
}

static void
add_required(struct schema_object *o, const json_t *required)
{
    for (size_t i = 0; i < json_array_size(required); i++) {
        struct schema_key *key = key_named(&o->keys, schema_gen_str(json_array_get(required, i)));

        if (!key->bit)
            key->bit = (uint64_t)1 << o->nrequired++;
        o->required |= key->bit;
    }
}

static enum res
add_patterns(struct schema_gen *g, struct schema_object *o, const json_t *v)
{
    enum res rc = RES_OK;
    const char *name;
    json_t *sub;

    o->pattern = schema_gen_get(g, json_object_size(v), sizeof *o->pattern);
    if (!o->pattern)
        return RES_RETRY;
    json_object_foreach ((json_t *)(uintptr_t)v, name, sub) {
        struct schema_pattern_block *p = &o->pattern[o->npattern];

        if (rc == RES_OK)
            rc = schema_gen_regex(g, KW_PATTERN_PROPERTIES, str_of(name), &p->re);
        if (rc == RES_OK)
            rc = schema_gen_sub(g, KW_PATTERN_PROPERTIES, name, sub, &p->block);
        if (rc != RES_OK)
            break;
        o->npattern++;
    }
    return rc;
}

static enum res
fill_object(struct schema_gen *g, struct schema_object *o, const json_t *required)
{
    const json_t *properties = schema_gen_kw(g, KW_PROPERTIES);
    const json_t *patterns = schema_gen_kw(g, KW_PATTERN_PROPERTIES);
    const json_t *additional = schema_gen_kw(g, KW_ADDITIONAL_PROPERTIES);
    const json_t *names = schema_gen_kw(g, KW_PROPERTY_NAMES);
    enum res rc;

    if (properties && !json_is_object(properties))
        return schema_gen_bad(g, KW_PROPERTIES, "must be an object");
    if (patterns && !json_is_object(patterns))
        return schema_gen_bad(g, KW_PATTERN_PROPERTIES, "must be an object");
    o->additional = o->names = SCHEMA_NONE;
    o->closed = json_is_false(additional);
    o->open = !patterns && !additional && !names;
    o->only_declared = !patterns && !names;
    o->keys.key =
        schema_gen_get(g, json_object_size(properties) + json_array_size(required), sizeof *o->keys.key);
    if (!o->keys.key)
        return RES_RETRY;
    rc = add_properties(g, o, properties);
    if (rc == RES_OK)
        add_required(o, required);
    if (rc == RES_OK)
        rc = add_patterns(g, o, patterns);
    if (rc == RES_OK && additional)
        rc = schema_gen_sub(g, KW_ADDITIONAL_PROPERTIES, NULL, additional, &o->additional);
    if (rc == RES_OK && names)
        rc = schema_gen_sub(g, KW_PROPERTY_NAMES, NULL, names, &o->names);
    if (rc == RES_OK && !schema_keys_build(&o->keys, &g->s->arena))
        rc = schema_no_memory(g->e);
    return rc;
}

static enum res
gen_object(struct schema_gen *g)
{
    const json_t *required = schema_gen_kw(g, KW_REQUIRED);
    struct schema_object *o;
    bool pass = schema_gen_kw(g, KW_PROPERTIES) || schema_gen_kw(g, KW_PATTERN_PROPERTIES) ||
                schema_gen_kw(g, KW_ADDITIONAL_PROPERTIES) || schema_gen_kw(g, KW_PROPERTY_NAMES);
    enum res rc = required ? check_strings(g, KW_REQUIRED, required) : RES_OK;

    if (rc == RES_OK && required && (!pass || json_array_size(required) > 64)) {
        rc = gen_required(g, required);
        required = NULL;
    }
    if (rc != RES_OK || !pass)
        return rc;
    o = schema_gen_get(g, 1, sizeof *o);
    rc = o ? fill_object(g, o, required) : RES_RETRY;
    if (rc != RES_OK)
        return rc;
    return schema_gen_add(g, KIND_OBJECT, (struct schema_ins){.op = OP_OBJECT, .kw = KW_PROPERTIES, .p = o});
}

/* One member of dependentRequired (`v` an array of names) or dependentSchemas. */
static enum res
add_dep(struct schema_gen *g, unsigned kw, const char *name, const json_t *v, struct schema_dep *dep)
{
    struct schema_strs req = {0};
    enum res rc;

    *dep = (struct schema_dep){.name = str_of(name), .block = SCHEMA_NONE};
    if (kw == KW_DEPENDENT_REQUIRED || (kw == KW_DEPENDENCIES && json_is_array(v)))
        rc = gen_strs(g, kw, v, &req);
    else
        rc = schema_gen_sub(g, kw, name, v, &dep->block);
    dep->nreq = req.n;
    dep->req = req.s;
    return rc;
}

static enum res
gen_deps(struct schema_gen *g, unsigned kw, enum schema_op op)
{
    const json_t *v = schema_gen_kw(g, kw);
    struct schema_deps *deps;
    enum res rc = RES_OK;
    const char *name;
    json_t *sub;

    if (!v)
        return RES_OK;
    if (!json_is_object(v))
        return schema_gen_bad(g, kw, "must be an object");
    deps = schema_gen_get(g, 1, sizeof *deps);
    if (!deps || !(deps->dep = schema_gen_get(g, json_object_size(v), sizeof *deps->dep)))
        return RES_RETRY;
    json_object_foreach ((json_t *)(uintptr_t)v, name, sub) {
        if (rc == RES_OK)
            rc = add_dep(g, kw, name, sub, &deps->dep[deps->n++]);
    }
    if (rc != RES_OK)
        return rc;
    return schema_gen_add(g, KIND_OBJECT,
                          (struct schema_ins){.op = (uint8_t)op, .kw = (uint8_t)kw, .p = deps});
}

static enum res
add_prefix(struct schema_gen *g, struct schema_array *a, const json_t *v)
{
    enum res rc = RES_OK;
    char name[24];

    if (v && json_array_size(v) == 0)
        return schema_gen_bad(g, KW_PREFIX_ITEMS, "must be an array of at least one schema");
    a->prefix = schema_gen_get(g, json_array_size(v), sizeof *a->prefix);
    if (!a->prefix)
        return RES_RETRY;
    for (size_t i = 0; i < json_array_size(v) && rc == RES_OK; i++) {
        snprintf(name, sizeof name, "%zu", i);
        rc = schema_gen_sub(g, KW_PREFIX_ITEMS, name, json_array_get(v, i), &a->prefix[a->nprefix++]);
    }
    return rc;
}

static enum res
gen_array(struct schema_gen *g)
{
    const json_t *prefix = schema_gen_kw(g, KW_PREFIX_ITEMS);
    const json_t *items = schema_gen_kw(g, KW_ITEMS);
    struct schema_array *a;
    enum res rc;

    if (!prefix && !items)
        return RES_OK;
    a = schema_gen_get(g, 1, sizeof *a);
    if (!a)
        return RES_RETRY;
    a->items = SCHEMA_NONE;
    a->closed = json_is_false(items);
    rc = add_prefix(g, a, prefix);
    if (rc == RES_OK && items)
        rc = schema_gen_sub(g, KW_ITEMS, NULL, items, &a->items);
    if (rc != RES_OK)
        return rc;
    return schema_gen_add(g, KIND_ARRAY, (struct schema_ins){.op = OP_ARRAY, .kw = KW_ITEMS, .p = a});
}

static enum res
gen_contains(struct schema_gen *g)
{
    const json_t *v = schema_gen_kw(g, KW_CONTAINS);
    struct schema_contains *c;
    enum res rc;

    if (!v)
        return RES_OK;
    c = schema_gen_get(g, 1, sizeof *c);
    if (!c)
        return RES_RETRY;
    c->min = 1;
    c->max = UINT64_MAX;
    c->explicit_min = schema_gen_kw(g, KW_MIN_CONTAINS) != NULL;
    rc = schema_gen_count(g, KW_MIN_CONTAINS, &c->min);
    if (rc == RES_OK)
        rc = schema_gen_count(g, KW_MAX_CONTAINS, &c->max);
    if (rc == RES_OK)
        rc = schema_gen_sub(g, KW_CONTAINS, NULL, v, &c->block);
    if (rc != RES_OK)
        return rc;
    return schema_gen_add(g, KIND_ARRAY, (struct schema_ins){.op = OP_CONTAINS, .kw = KW_CONTAINS, .p = c});
}

static enum res
gen_unique(struct schema_gen *g)
{
    const json_t *v = schema_gen_kw(g, KW_UNIQUE_ITEMS);

    if (v && !json_is_boolean(v))
        return schema_gen_bad(g, KW_UNIQUE_ITEMS, "must be a boolean");
    if (!json_is_true(v))
        return RES_OK;
    return schema_gen_add(g, KIND_ARRAY, (struct schema_ins){.op = OP_UNIQUE, .kw = KW_UNIQUE_ITEMS});
}

static enum res
gen_unevaluated(struct schema_gen *g, unsigned kw, enum schema_op op, enum schema_kind kind)
{
    const json_t *v = schema_gen_kw(g, kw);
    struct schema_ins ins = {.op = (uint8_t)op, .kw = (uint8_t)kw};
    enum res rc;

    if (!v)
        return RES_OK;
    rc = schema_gen_sub(g, kw, NULL, v, &ins.block);
    if (rc != RES_OK)
        return rc;
    g->s->block[g->block].flags |= kind == KIND_OBJECT ? BLOCK_TRACK_OBJECT : BLOCK_TRACK_ARRAY;
    return schema_gen_add(g, kind, ins);
}

enum res
schema_gen_structure(struct schema_gen *g)
{
    enum res rc = gen_object(g);

    if (rc == RES_OK)
        rc = gen_deps(g, KW_DEPENDENT_REQUIRED, OP_DEPENDENT_REQUIRED);
    if (rc == RES_OK)
        rc = gen_deps(g, KW_DEPENDENT_SCHEMAS, OP_DEPENDENT_SCHEMAS);
    if (rc == RES_OK)
        rc = gen_deps(g, KW_DEPENDENCIES, OP_DEPENDENT_SCHEMAS);
    if (rc == RES_OK)
        rc = gen_array(g);
    if (rc == RES_OK)
        rc = gen_contains(g);
    if (rc == RES_OK)
        rc = gen_unique(g);
    if (rc == RES_OK)
        rc = gen_unevaluated(g, KW_UNEVALUATED_PROPERTIES, OP_UNEVALUATED_PROPERTIES, KIND_OBJECT);
    if (rc == RES_OK)
        rc = gen_unevaluated(g, KW_UNEVALUATED_ITEMS, OP_UNEVALUATED_ITEMS, KIND_ARRAY);
    return rc;
}
