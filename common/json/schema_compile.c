#include "common/json/schema_run.h"

#include <stdlib.h>

json_t *
schema_gen_kw(const struct schema_gen *g, unsigned kw)
{
    return g->vocab & schema_kw[kw].vocab ? json_object_get(g->obj, schema_kw[kw].name) : NULL;
}

struct str
schema_gen_str(const json_t *string)
{
    return (struct str){json_string_value(string), json_string_length(string)};
}

enum res
schema_gen_bad(struct schema_gen *g, unsigned kw, const char *what)
{
    return err_set(g->e, RES_REJECT, "%s/%s: %s", g->s->block[g->block].loc, schema_kw_name(kw), what);
}

enum res
schema_gen_count(struct schema_gen *g, unsigned kw, uint64_t *ret)
{
    const json_t *v = schema_gen_kw(g, kw);
    struct schema_num num;

    if (!v)
        return RES_OK;
    num = schema_num_of(v);
    if (!json_is_number(v) || (num.real ? num.d < 0 || !schema_num_integral(num.d) : num.i < 0))
        return schema_gen_bad(g, kw, "must be a non-negative integer");
    if (num.real)
        *ret = num.d >= 0x1p63 ? INT64_MAX : (uint64_t)num.d;
    else
        *ret = (uint64_t)num.i;
    return RES_OK;
}

void *
schema_gen_get(struct schema_gen *g, size_t n, size_t size)
{
    void *p = schema_arena_get(&g->s->arena, n, size);

    if (!p)
        schema_no_memory(g->e);
    return p;
}

enum res
schema_gen_add(struct schema_gen *g, enum schema_kind kind, struct schema_ins ins)
{
    struct schema_vec *vec = &g->vec[kind];

    if (!schema_grow(&vec->ins, &vec->cap, vec->n, sizeof ins))
        return schema_no_memory(g->e);
    vec->ins[vec->n++] = ins;
    return RES_OK;
}

enum res
schema_gen_regex(struct schema_gen *g, unsigned kw, struct str pattern, const struct schema_regex **ret)
{
    struct schema *s = g->s;
    struct schema_regex *re = schema_gen_get(g, 1, sizeof *re);
    struct err why = {0};
    enum res rc;

    *ret = re;
    if (!re || !schema_grow(&s->regex, &s->cap_regex, s->nregex, sizeof(struct schema_regex *)))
        return schema_no_memory(g->e);
    rc = schema_regex_compile(re, &s->arena, pattern, g->opts.match_limit, &why);
    if (rc == RES_OK)
        s->regex[s->nregex++] = re;
    if (rc == RES_REJECT)
        return schema_gen_bad(g, kw, why.text);
    return rc == RES_OK ? rc : schema_no_memory(g->e);
}

static char *
make_loc(struct schema_gen *g, const struct schema_node *node)
{
    size_t n = strlen(g->set->res[node->res].uri);
    size_t m = strlen(node->ptr);
    char *loc = schema_gen_get(g, n + m + 2, 1);

    if (!loc)
        return NULL;
    memcpy(loc, g->set->res[node->res].uri, n);
    loc[n] = '#';
    memcpy(loc + n + 1, node->ptr, m);
    return loc;
}

/* Blocks are numbered when first asked for, and compiled in that order. */
enum res
schema_gen_node(struct schema_gen *g, uint32_t node, uint32_t *ret)
{
    struct schema *s = g->s;
    const struct schema_node *n = &g->set->node[node];

    for (; g->nblock_of <= node; g->nblock_of++) {
        if (!schema_grow(&g->block_of, &g->cap_block_of, g->nblock_of, sizeof *g->block_of))
            return schema_no_memory(g->e);
        g->block_of[g->nblock_of] = SCHEMA_NONE;
    }
    *ret = g->block_of[node];
    if (*ret != SCHEMA_NONE)
        return RES_OK;
    if (!schema_grow(&s->block, &s->cap_block, s->nblock, sizeof *s->block) ||
        !schema_grow(&g->node_of, &g->cap_node_of, s->nblock, sizeof *g->node_of))
        return schema_no_memory(g->e);
    s->block[s->nblock] = (struct schema_block){.res = n->res, .loc = make_loc(g, n), .json = n->json};
    if (!s->block[s->nblock].loc)
        return RES_RETRY;
    g->node_of[s->nblock] = node;
    *ret = g->block_of[node] = (uint32_t)s->nblock++;
    return RES_OK;
}

enum res
schema_gen_sub(struct schema_gen *g, unsigned kw, const char *name, const json_t *json, uint32_t *ret)
{
    struct buf ptr = buf_make(SCHEMA_MAX_TEXT);
    const struct schema_node *here = &g->set->node[g->node];
    uint32_t node = SCHEMA_NONE;
    enum res rc;

    if (!json_is_object(json) && !json_is_boolean(json)) {
        buf_free(&ptr);
        return schema_gen_bad(g, kw, "must hold schemas: objects or booleans");
    }
    buf_z(&ptr, here->ptr);
    buf_pointer(&ptr, str_of(schema_kw[kw].name));
    if (name)
        buf_pointer(&ptr, str_of(name));
    if (ptr.failed)
        rc = schema_no_memory(g->e);
    else
        rc = schema_index_node(g->set, json, here->res, buf_view(&ptr), &node, g->e);
    if (rc == RES_OK)
        rc = schema_gen_node(g, node, ret);
    buf_free(&ptr);
    return rc;
}

/* Moves one list of the block in hand into the program; `*ret` is where it starts. */
static enum res
flush(struct schema_gen *g, enum schema_kind kind, uint32_t *ret)
{
    struct schema *s = g->s;
    struct schema_vec *vec = &g->vec[kind];

    *ret = 0; /* code[0] is OP_END */
    for (size_t i = 0; i <= vec->n; i++) {
        if (!vec->n)
            break;
        if (!schema_grow(&s->code, &s->cap_code, s->ncode, sizeof *s->code))
            return schema_no_memory(g->e);
        if (i == 0)
            *ret = (uint32_t)s->ncode;
        s->code[s->ncode++] = i < vec->n ? vec->ins[i] : (struct schema_ins){.op = OP_END};
    }
    vec->n = 0;
    return RES_OK;
}

/* What schema_leaf_ok can judge. */
static bool
is_leaf(const struct schema *s, const struct schema_block *blk)
{
    const struct schema_ins *in = s->code + blk->any;

    while (in->op == OP_ENUM)
        in++;
    return in->op == OP_END && !blk->list[JSON_OBJECT] && !blk->list[JSON_ARRAY];
}

static size_t
length_of(const struct schema_ins *in)
{
    size_t n = 0;

    while (in[n].op != OP_END)
        n++;
    return n;
}

/* What stands for every value and what stands for one type, in one list each. */
static enum res
make_leaf(struct schema_gen *g, struct schema_block *blk)
{
    static const struct schema_ins never[] = {{.op = OP_FALSE},
                                              {.op = OP_END}}; /* 1.0 may be: that is looked at */
    const struct schema_ins *code = g->s->code;
    size_t any = length_of(code + blk->any);

    for (size_t t = JSON_OBJECT; t <= JSON_NULL; t++) {
        size_t own = length_of(code + blk->list[t]);
        struct schema_ins *to = NULL;

        if (any + own && !(to = schema_gen_get(g, any + own + 1, sizeof *to)))
            return RES_RETRY;
        if (to) {
            memcpy(to, code + blk->any, any * sizeof *to);
            memcpy(to + any, code + blk->list[t], (own + 1) * sizeof *to);
        }
        blk->leaf[t] = blk->types >> t & 1 ? to : never;
    }
    blk->flags |= BLOCK_LEAF;
    return RES_OK;
}

static enum res
flush_all(struct schema_gen *g)
{
    static const enum schema_kind kind[] = {
        [JSON_OBJECT] = KIND_OBJECT,  [JSON_ARRAY] = KIND_ARRAY, [JSON_STRING] = KIND_STRING,
        [JSON_INTEGER] = KIND_NUMBER, [JSON_REAL] = KIND_NUMBER,
    };
    uint32_t start[5] = {0};
    struct schema_block *blk = &g->s->block[g->block];
    enum res rc = RES_OK;
    bool empty = true;

    for (size_t k = 0; k < 5 && rc == RES_OK; k++) {
        empty = empty && !g->vec[k].n;
        rc = flush(g, (enum schema_kind)k, &start[k]);
    }
    blk->any = start[KIND_ANY];
    for (size_t t = JSON_OBJECT; t <= JSON_REAL; t++)
        blk->list[t] = start[kind[t]];
    if (empty && blk->types == 0xff)
        blk->flags |= BLOCK_TRIVIAL;
    else if (rc == RES_OK && is_leaf(g->s, blk))
        rc = make_leaf(g, blk);
    return rc;
}

static enum res
compile_block(struct schema_gen *g, uint32_t block)
{
    enum res rc;

    g->block = block;
    g->node = g->node_of[block];
    g->obj = g->set->node[g->node].json;
    g->s->block[block].types = 0xff;
    if (json_is_true(g->obj))
        rc = RES_OK;
    else if (json_is_false(g->obj)) {
        g->s->block[block].flags |= BLOCK_FALSE;
        rc = schema_gen_add(g, KIND_ANY, (struct schema_ins){.op = OP_FALSE, .kw = KW_FALSE});
    } else {
        rc = schema_index_vocab(g->set, g->set->node[g->node].res, g->opts.strict, &g->vocab, g->e);
        if (rc == RES_OK)
            rc = schema_gen_block(g);
    }
    return rc == RES_OK ? flush_all(g) : rc;
}

static bool
res_in_use(const struct schema_gen *g, uint32_t res)
{
    for (size_t i = 0; i < g->s->nblock; i++)
        if (g->s->block[i].res == res)
            return true;
    return false;
}

/* Every $dynamicAnchor that some $dynamicRef may reach becomes a block; that may bring new ones. */
static enum res
reach_dynamic(struct schema_gen *g, const struct schema_dyn_ref *ref)
{
    enum res rc = RES_OK;
    uint32_t block;

    for (size_t i = 0; i < g->set->ndyn && rc == RES_OK; i++) {
        const struct schema_dynamic *dyn = &g->set->dyn[i];

        if (strcmp(dyn->name, ref->name) == 0 && res_in_use(g, dyn->res))
            rc = schema_gen_node(g, dyn->node, &block);
    }
    return rc;
}

static enum res
compile_all(struct schema_gen *g)
{
    enum res rc = RES_OK;
    size_t done = 0;

    while (rc == RES_OK && done < g->s->nblock) {
        rc = compile_block(g, (uint32_t)done++);
        for (size_t i = 0; i < g->ndyn && rc == RES_OK && done == g->s->nblock; i++)
            rc = reach_dynamic(g, g->dyn[i]);
    }
    return rc;
}

/* Now that all blocks are known, lists where a $dynamicRef may lead. */
static enum res
link_dynamic(struct schema_gen *g, struct schema_dyn_ref *ref)
{
    ref->target = schema_gen_get(g, g->set->ndyn, sizeof *ref->target);
    if (!ref->target)
        return RES_RETRY;
    for (size_t i = 0; i < g->set->ndyn; i++) {
        const struct schema_dynamic *dyn = &g->set->dyn[i];
        uint32_t block = dyn->node < g->nblock_of ? g->block_of[dyn->node] : SCHEMA_NONE;

        if (block != SCHEMA_NONE && strcmp(dyn->name, ref->name) == 0)
            ref->target[ref->n++] = (struct schema_dyn_target){dyn->res, block};
    }
    return RES_OK;
}

static enum res
keep_docs(struct schema *s, const struct schema_set *set)
{
    s->doc = calloc(set->ndoc + 1, sizeof(json_t *));
    if (!s->doc)
        return RES_RETRY;
    for (; s->ndoc < set->ndoc; s->ndoc++)
        s->doc[s->ndoc] = json_incref(set->doc[s->ndoc]);
    return RES_OK;
}

static enum res
generate(struct schema_gen *g, uint32_t node)
{
    enum res rc = RES_OK;
    uint32_t block;

    if (!schema_grow(&g->s->code, &g->s->cap_code, 0, sizeof *g->s->code))
        return schema_no_memory(g->e);
    g->s->code[g->s->ncode++] = (struct schema_ins){.op = OP_END};
    rc = schema_gen_node(g, node, &block);
    if (rc == RES_OK)
        rc = compile_all(g);
    for (size_t i = 0; i < g->ndyn && rc == RES_OK; i++)
        rc = link_dynamic(g, g->dyn[i]);
    if (rc == RES_OK)
        g->s->quick = schema_quick_can(g->s);
    if (rc == RES_OK && keep_docs(g->s, g->set) != RES_OK)
        rc = schema_no_memory(g->e);
    return rc;
}

static struct schema_opts
with_defaults(const struct schema_opts *opts)
{
    struct schema_opts o = opts ? *opts : (struct schema_opts){0};

    if (!o.max_depth)
        o.max_depth = 1000;
    if (!o.max_steps)
        o.max_steps = 20000000;
    if (!o.match_limit)
        o.match_limit = 200000;
    return o;
}

enum res
schema_compile(struct schema_set *set, const char *uri, const struct schema_opts *opts, struct schema **ret,
               struct err *e)
{
    struct err own = {0};
    struct schema_gen g = {.set = set, .opts = with_defaults(opts), .e = e ? e : &own};
    uint32_t node = SCHEMA_NONE;
    enum res rc;

    *ret = NULL;
    g.s = calloc(1, sizeof *g.s);
    if (!g.s)
        return schema_no_memory(e);
    g.s->spare = schema_arena_get(&g.s->arena, 1, sizeof *g.s->spare);
    g.s->max_depth = g.opts.max_depth;
    g.s->max_steps = g.opts.max_steps;
    rc = g.s->spare ? schema_index_find(set, "", uri, &node, g.e) : schema_no_memory(e);
    if (rc == RES_OK)
        rc = generate(&g, node);
    if (rc == RES_OK) {
        *ret = g.s;
        g.s = NULL;
    }
    schema_free(g.s);
    free(g.node_of);
    free(g.block_of);
    free(g.dyn);
    for (size_t k = 0; k < 5; k++)
        free(g.vec[k].ins);
    return rc;
}

void
schema_free(struct schema *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->nregex; i++)
        schema_regex_free(s->regex[i]);
    for (size_t i = 0; i < s->ndoc; i++)
        json_decref(s->doc[i]);
    if (s->spare)
        pcre2_match_data_free(s->spare->md);
    schema_arena_free(&s->arena);
    free(s->regex);
    free(s->doc);
    free(s->code);
    free(s->block);
    free(s);
}
