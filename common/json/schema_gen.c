/* Code for the keywords that look at one value: references, logic, enum, strings, numbers, limits of size. */
#include "common/json/schema_impl.h"

#include <math.h>

static enum res
gen_type(struct schema_gen *g)
{
    static const struct {
        const char *name;
        uint32_t bits;
    } type[] = {
        {"null", 1 << JSON_NULL},
        {"boolean", 1 << JSON_TRUE | 1 << JSON_FALSE},
        {"object", 1 << JSON_OBJECT},
        {"array", 1 << JSON_ARRAY},
        {"string", 1 << JSON_STRING},
        {"integer", 1 << JSON_INTEGER},
        {"number", 1 << JSON_INTEGER | 1 << JSON_REAL},
    };
    const json_t *v = schema_gen_kw(g, KW_TYPE);
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    uint32_t bits = 0;

    if (!v)
        return RES_OK;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_is_array(v) ? json_array_get(v, i) : v);
        size_t t = 0;

        while (t < 7 && (!name || strcmp(name, type[t].name) != 0))
            t++;
        if (t == 7)
            return schema_gen_bad(g, KW_TYPE, "must be one of the seven type names or an array of them");
        bits |= type[t].bits;
    }
    g->s->block[g->block].types = bits;
    return RES_OK;
}

static enum res
gen_ref(struct schema_gen *g)
{
    const json_t *v = schema_gen_kw(g, KW_REF);
    struct schema_ins ins = {.op = OP_REF, .kw = KW_REF};
    struct err why = {0};
    uint32_t node = SCHEMA_NONE;
    enum res rc;

    if (!v)
        return RES_OK;
    if (!json_is_string(v))
        return schema_gen_bad(g, KW_REF, "must be a string");
    rc = schema_index_find(g->set, g->set->res[g->set->node[g->node].res].uri, json_string_value(v), &node,
                           &why);
    if (rc == RES_OK)
        rc = schema_gen_node(g, node, &ins.block);
    else
        rc = rc == RES_REJECT ? schema_gen_bad(g, KW_REF, why.text) : err_set(g->e, rc, "%s", why.text);
    return rc == RES_OK ? schema_gen_add(g, KIND_ANY, ins) : rc;
}

static enum res
note_dynamic(struct schema_gen *g, const char *name, struct schema_ins *ins)
{
    struct schema_dyn_ref *ref = schema_gen_get(g, 1, sizeof *ref);

    if (!ref || !schema_grow(&g->dyn, &g->cap_dyn, g->ndyn, sizeof(struct schema_dyn_ref *)))
        return schema_no_memory(g->e);
    ref->name = name;
    ref->fallback = ins->block;
    g->dyn[g->ndyn++] = ref;
    ins->op = OP_DYNAMIC_REF;
    ins->p = ref;
    return RES_OK;
}

/* Dynamic only when what it means at first is a $dynamicAnchor of that very name. */
static enum res
gen_dynamic_ref(struct schema_gen *g)
{
    const json_t *v = schema_gen_kw(g, KW_DYNAMIC_REF);
    const char *ref = json_string_value(v);
    struct schema_ins ins = {.op = OP_REF, .kw = KW_DYNAMIC_REF};
    struct err why = {0};
    const char *name;
    uint32_t node = SCHEMA_NONE;
    enum res rc;

    if (!v)
        return RES_OK;
    if (!ref)
        return schema_gen_bad(g, KW_DYNAMIC_REF, "must be a string");
    rc = schema_index_find(g->set, g->set->res[g->set->node[g->node].res].uri, ref, &node, &why);
    if (rc == RES_REJECT)
        return schema_gen_bad(g, KW_DYNAMIC_REF, why.text);
    if (rc == RES_OK)
        rc = schema_gen_node(g, node, &ins.block);
    if (rc != RES_OK)
        return err_set(g->e, rc, "%s", why.text);
    name = json_string_value(json_object_get(g->set->node[node].json, "$dynamicAnchor"));
    if (name && strchr(ref, '#') && strcmp(strchr(ref, '#') + 1, name) == 0)
        rc = note_dynamic(g, name, &ins);
    return rc == RES_OK ? schema_gen_add(g, KIND_ANY, ins) : rc;
}

static enum res
gen_list(struct schema_gen *g, unsigned kw, enum schema_op op)
{
    const json_t *v = schema_gen_kw(g, kw);
    struct schema_list *list;
    enum res rc = RES_OK;
    char name[24];

    if (!v)
        return RES_OK;
    if (json_array_size(v) == 0)
        return schema_gen_bad(g, kw, "must be an array of at least one schema");
    list = schema_gen_get(g, 1, sizeof *list);
    if (!list || !(list->block = schema_gen_get(g, json_array_size(v), sizeof *list->block)))
        return RES_RETRY;
    for (size_t i = 0; i < json_array_size(v) && rc == RES_OK; i++) {
        snprintf(name, sizeof name, "%zu", i);
        rc = schema_gen_sub(g, kw, name, json_array_get(v, i), &list->block[list->n++]);
    }
    if (rc != RES_OK)
        return rc;
    return schema_gen_add(g, KIND_ANY, (struct schema_ins){.op = (uint8_t)op, .kw = (uint8_t)kw, .p = list});
}

static enum res
gen_not(struct schema_gen *g)
{
    const json_t *v = schema_gen_kw(g, KW_NOT);
    struct schema_ins ins = {.op = OP_NOT, .kw = KW_NOT};
    enum res rc = v ? schema_gen_sub(g, KW_NOT, NULL, v, &ins.block) : RES_OK;

    return v && rc == RES_OK ? schema_gen_add(g, KIND_ANY, ins) : rc;
}

static enum res
gen_if(struct schema_gen *g)
{
    const json_t *test = schema_gen_kw(g, KW_IF);
    const json_t *yes = schema_gen_kw(g, KW_THEN);
    const json_t *no = schema_gen_kw(g, KW_ELSE);
    struct schema_cond *cond;
    enum res rc;

    if (!test)
        return RES_OK;
    cond = schema_gen_get(g, 1, sizeof *cond);
    if (!cond)
        return RES_RETRY;
    cond->yes = cond->no = SCHEMA_NONE;
    rc = schema_gen_sub(g, KW_IF, NULL, test, &cond->test);
    if (yes && rc == RES_OK)
        rc = schema_gen_sub(g, KW_THEN, NULL, yes, &cond->yes);
    if (no && rc == RES_OK)
        rc = schema_gen_sub(g, KW_ELSE, NULL, no, &cond->no);
    return rc == RES_OK
               ? schema_gen_add(g, KIND_ANY, (struct schema_ins){.op = OP_IF, .kw = KW_IF, .p = cond})
               : rc;
}

static enum res
add_value(struct schema_enum *list, const json_t *v)
{
    struct str s = schema_gen_str(v);

    if (!json_is_string(v))
        list->value[list->n++] = v;
    else if (s.n < UINT32_MAX)
        list->strings.key[list->strings.n++] =
            (struct schema_key){.p = s.p, .n = (uint32_t)s.n, .block = SCHEMA_NONE};
    return RES_OK;
}

static enum res
gen_enum(struct schema_gen *g, unsigned kw)
{
    const json_t *v = schema_gen_kw(g, kw);
    size_t n = kw == KW_ENUM ? json_array_size(v) : 1;
    struct schema_enum *list;

    if (!v)
        return RES_OK;
    if (kw == KW_ENUM && !json_is_array(v))
        return schema_gen_bad(g, kw, "must be an array");
    list = schema_gen_get(g, 1, sizeof *list);
    if (!list || !(list->value = schema_gen_get(g, n, sizeof(const json_t *))) ||
        !(list->strings.key = schema_gen_get(g, n, sizeof *list->strings.key)))
        return RES_RETRY;
    for (size_t i = 0; i < n; i++)
        add_value(list, kw == KW_ENUM ? json_array_get(v, i) : v);
    if (!schema_keys_build(&list->strings, &g->s->arena))
        return schema_no_memory(g->e);
    return schema_gen_add(g, KIND_ANY, (struct schema_ins){.op = OP_ENUM, .kw = (uint8_t)kw, .p = list});
}

static enum res
gen_counts(struct schema_gen *g)
{
    static const struct {
        uint8_t kw, op, kind;
    } count[] = {
        {KW_MIN_LENGTH, OP_MIN_LENGTH, KIND_STRING},
        {KW_MAX_LENGTH, OP_MAX_LENGTH, KIND_STRING},
        {KW_MIN_ITEMS, OP_MIN_ITEMS, KIND_ARRAY},
        {KW_MAX_ITEMS, OP_MAX_ITEMS, KIND_ARRAY},
        {KW_MIN_PROPERTIES, OP_MIN_PROPERTIES, KIND_OBJECT},
        {KW_MAX_PROPERTIES, OP_MAX_PROPERTIES, KIND_OBJECT},
    };
    enum res rc = RES_OK;

    for (size_t i = 0; i < sizeof count / sizeof *count && rc == RES_OK; i++) {
        const json_t *v = schema_gen_kw(g, count[i].kw);
        struct schema_ins ins = {.op = count[i].op, .kw = count[i].kw};
        uint64_t n = 0;

        rc = schema_gen_count(g, count[i].kw, &n);
        ins.n = n;
        if (v && rc == RES_OK)
            rc = schema_gen_add(g, (enum schema_kind)count[i].kind, ins);
    }
    return rc;
}

static enum res
gen_bounds(struct schema_gen *g)
{
    static const struct {
        uint8_t kw, op;
    } bound[] = {
        {KW_MINIMUM, OP_MINIMUM},
        {KW_MAXIMUM, OP_MAXIMUM},
        {KW_EXCLUSIVE_MINIMUM, OP_EXCLUSIVE_MINIMUM},
        {KW_EXCLUSIVE_MAXIMUM, OP_EXCLUSIVE_MAXIMUM},
    };
    enum res rc = RES_OK;

    for (size_t i = 0; i < sizeof bound / sizeof *bound && rc == RES_OK; i++) {
        const json_t *v = schema_gen_kw(g, bound[i].kw);
        struct schema_bound *b;

        if (!v)
            continue;
        if (!json_is_number(v))
            return schema_gen_bad(g, bound[i].kw, "must be a number");
        b = schema_gen_get(g, 1, sizeof *b);
        if (!b)
            return RES_RETRY;
        b->num = schema_num_of(v);
        b->exact = !b->num.real && b->num.i >= -((int64_t)1 << 53) && b->num.i <= (int64_t)1 << 53;
        if (b->exact)
            b->num.d = (double)b->num.i;
        rc =
            schema_gen_add(g, KIND_NUMBER, (struct schema_ins){.op = bound[i].op, .kw = bound[i].kw, .p = b});
    }
    return rc;
}

static enum res
gen_multiple(struct schema_gen *g)
{
    const json_t *v = schema_gen_kw(g, KW_MULTIPLE_OF);
    struct schema_dec *dec;

    if (!v)
        return RES_OK;
    if (!json_is_number(v) || json_number_value(v) <= 0)
        return schema_gen_bad(g, KW_MULTIPLE_OF, "must be a number above 0");
    dec = schema_gen_get(g, 1, sizeof *dec);
    if (!dec)
        return RES_RETRY;
    *dec = schema_num_dec(schema_num_of(v));
    return schema_gen_add(g, KIND_NUMBER,
                          (struct schema_ins){.op = OP_MULTIPLE_OF, .kw = KW_MULTIPLE_OF, .p = dec});
}

static enum res
gen_pattern(struct schema_gen *g)
{
    const json_t *v = schema_gen_kw(g, KW_PATTERN);
    struct schema_ins ins = {.op = OP_PATTERN, .kw = KW_PATTERN};
    const struct schema_regex *re;
    enum res rc;

    if (!v)
        return RES_OK;
    if (!json_is_string(v))
        return schema_gen_bad(g, KW_PATTERN, "must be a string");
    rc = schema_gen_regex(g, KW_PATTERN, schema_gen_str(v), &re);
    ins.p = re;
    return rc == RES_OK ? schema_gen_add(g, KIND_STRING, ins) : rc;
}

static enum res
gen_format(struct schema_gen *g)
{
    const json_t *v = schema_gen_kw(g, KW_FORMAT);
    struct schema_format *own;

    if (!v || !(g->opts.format_assert || g->vocab & VOCAB_FORMAT_ASSERT))
        return RES_OK;
    if (!json_is_string(v))
        return schema_gen_bad(g, KW_FORMAT, "must be a string");
    for (size_t i = 0; i < g->set->nformat; i++) {
        if (strcmp(g->set->format[i].name, json_string_value(v)) != 0)
            continue;
        own = schema_gen_get(g, 1, sizeof *own);
        if (!own)
            return RES_RETRY;
        *own = g->set->format[i];
        own->name = NULL;
        return schema_gen_add(g, KIND_STRING,
                              (struct schema_ins){.op = OP_FORMAT, .kw = KW_FORMAT, .p = own});
    }
    return g->opts.strict ? schema_gen_bad(g, KW_FORMAT, "no such format is registered") : RES_OK;
}

static enum res
refuse_unknown(struct schema_gen *g)
{
    json_t *obj = (json_t *)(uintptr_t)g->obj; /* iterating changes nothing */
    const char *key;
    json_t *v;

    json_object_foreach (obj, key, v) {
        if (!schema_kw_known(key) && strncmp(key, "x-", 2) != 0)
            return err_set(g->e, RES_REJECT, "%s/%s: unknown keyword", g->s->block[g->block].loc, key);
    }
    return RES_OK;
}

static enum res
gen_strings(struct schema_gen *g)
{
    enum res rc = gen_counts(g);

    if (rc == RES_OK)
        rc = gen_pattern(g);
    return rc == RES_OK ? gen_format(g) : rc;
}

static enum res
gen_numbers(struct schema_gen *g)
{
    enum res rc = gen_bounds(g);

    return rc == RES_OK ? gen_multiple(g) : rc;
}

static enum res
gen_values(struct schema_gen *g)
{
    enum res rc = gen_enum(g, KW_CONST);

    return rc == RES_OK ? gen_enum(g, KW_ENUM) : rc;
}

static enum res
gen_logic(struct schema_gen *g)
{
    enum res rc = gen_list(g, KW_ALL_OF, OP_ALL_OF);

    if (rc == RES_OK)
        rc = gen_list(g, KW_ANY_OF, OP_ANY_OF);
    if (rc == RES_OK)
        rc = gen_list(g, KW_ONE_OF, OP_ONE_OF);
    if (rc == RES_OK)
        rc = gen_not(g);
    return rc == RES_OK ? gen_if(g) : rc;
}

enum res
schema_gen_block(struct schema_gen *g)
{
    static enum res (*const step[])(struct schema_gen *) = {
        gen_type,  gen_values,  gen_ref,     gen_dynamic_ref,
        gen_logic, gen_strings, gen_numbers, schema_gen_structure,
    };
    enum res rc = g->opts.strict ? refuse_unknown(g) : RES_OK;

    for (size_t i = 0; i < sizeof step / sizeof *step && rc == RES_OK; i++)
        rc = step[i](g);
    return rc;
}
