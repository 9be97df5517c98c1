/* What the tape's instructions need beside themselves: tables by name number, and DFAs for patterns. */
#include "common/json/schema_dfa.h"
#include "common/json/schema_fast_format.h"
#include "common/json/schema_fast_impl.h"

struct maker {
    struct schema_fast *f;
    struct fast_schema *fs;
    const json_t *json;
    struct err *e;
};

/* False when one of the names is not registered. */
static bool
set_of(const struct schema_fast *f, const struct str *names, uint32_t n, struct fast_names *ret)
{
    for (uint32_t i = 0; i < n; i++) {
        uint16_t id = fast_number(f, names[i]);

        if (id == TAPE_NONE)
            return false;
        fast_put(ret, id);
    }
    return true;
}

/* ---- patterns --------------------------------------------------------------------------------------------------- */

static const struct fast_pattern *
known_pattern(const struct schema_fast *f, struct str pattern)
{
    for (size_t i = 0; i < f->npattern; i++)
        if (str_eq(f->pattern[i].text, pattern))
            return &f->pattern[i];
    return NULL;
}

/* `*ret` stays NULL for a pattern that no DFA can say. */
static enum res
make_dfa(struct maker *m, struct str pattern, const void **ret)
{
    struct schema_fast *f = m->f;
    const struct fast_pattern *known = known_pattern(f, pattern);
    struct schema_dfa *dfa = NULL;

    if (known) {
        *ret = known->dfa;
        return RES_OK;
    }
    if (schema_dfa_compile(pattern, 0, &dfa, NULL) == RES_RETRY)
        return fast_no_memory(m->e);
    if (!schema_grow(&f->pattern, &f->cap_pattern, f->npattern, sizeof *f->pattern)) {
        schema_dfa_free(dfa);
        return fast_no_memory(m->e);
    }
    f->pattern[f->npattern++] = (struct fast_pattern){pattern, dfa};
    *ret = dfa;
    return RES_OK;
}

/* The pattern that the block is and nothing else; STR_NULL otherwise. */
static struct str
lone_pattern(const struct schema *s, uint32_t block)
{
    const struct schema_block *blk = &s->block[block];
    const struct schema_ins *in = s->code + blk->list[JSON_STRING];
    const json_t *pattern = json_object_get(blk->json, "pattern");
    bool more = blk->any || blk->list[JSON_OBJECT] || blk->list[JSON_ARRAY] || blk->list[JSON_INTEGER];

    if (more || blk->types != 0xff || blk->flags & ~(unsigned)BLOCK_LEAF || in->op != OP_PATTERN ||
        in[1].op != OP_END)
        return STR_NULL;
    return (struct str){json_string_value(pattern), json_string_length(pattern)};
}

static bool
put_union(const struct schema *s, const struct schema_list *list, struct buf *out)
{
    for (uint32_t i = 0; i < list->n; i++) {
        struct str pattern = lone_pattern(s, list->block[i]);

        if (!pattern.p)
            return false;
        buf_z(out, i ? "|(?:" : "(?:");
        buf_str(out, pattern);
        buf_char(out, ')');
    }
    return true;
}

enum res
fast_union(struct schema_fast *f, const struct schema *s, const struct schema_list *list, const void **ret,
           struct err *e)
{
    struct maker m = {.f = f, .e = e};
    struct buf text = buf_make(SCHEMA_MAX_TEXT);
    enum res rc = RES_OK;
    char *kept;

    *ret = NULL;
    if (put_union(s, list, &text) && !text.failed) {
        kept = schema_arena_get(&f->arena, text.n, 1);
        if (kept)
            memcpy(kept, text.p, text.n);
        rc = kept ? make_dfa(&m, (struct str){kept, text.n}, ret) : fast_no_memory(e);
    }
    buf_free(&text);
    return rc;
}

/* ---- objects ---------------------------------------------------------------------------------------------------- */

static enum res
object_room(struct maker *m, struct fast_object *x)
{
    size_t n = m->f->names.n;
    struct schema_arena *arena = &m->f->arena;

    x->block = schema_arena_get(arena, n, sizeof *x->block);
    x->meets = schema_arena_get(arena, n, sizeof *x->meets);
    x->hit = schema_arena_get(arena, n, 1);
    x->asked = schema_arena_get(arena, x->o->keys.n + 1, sizeof *x->asked);
    x->pattern = schema_arena_get(arena, x->o->npattern + 1, sizeof *x->pattern);
    return x->block && x->meets && x->hit && x->asked && x->pattern ? RES_OK : fast_no_memory(m->e);
}

static bool
fill_keys(const struct maker *m, struct fast_object *x)
{
    memset(x->block, 0xff, m->f->names.n * sizeof *x->block);
    for (uint32_t i = 0; i < x->o->keys.n; i++) {
        const struct schema_key *key = &x->o->keys.key[i];
        uint16_t id = fast_number(m->f, (struct str){key->p, key->n});

        if (id == TAPE_NONE)
            return false;
        if (key->bit)
            fast_put(&x->required, id);
        if (!key->declared)
            continue;
        fast_put(&x->declared, id);
        x->block[id] = key->block;
        if (!(m->fs->s->block[key->block].flags & BLOCK_TRIVIAL))
            x->asked[x->nasked++] = (struct fast_asked){id, key->block};
    }
    return true;
}

static void
fill_hits(const struct schema_fast *f, uint32_t pattern, struct fast_object *x)
{
    for (uint16_t id = 0; id < f->names.n; id++) {
        const struct schema_key *key = &f->names.keys.key[id];

        if (!schema_dfa_match(x->pattern[pattern], (struct str){key->p, key->n}))
            continue;
        x->hit[id] |= (uint8_t)(1u << pattern);
        fast_put(&x->hit_any, id);
    }
}

/* What each registered name comes to, as far as that is one block. */
static void
fill_meets(const struct maker *m, struct fast_object *x)
{
    for (uint16_t id = 0; id < m->f->names.n; id++) {
        bool declared = x->block[id] != SCHEMA_NONE;
        uint32_t block = declared ? x->block[id] : x->o->additional;

        if (x->hit[id] || (!declared && x->o->closed))
            block = FAST_SEVERAL;
        else if (block != SCHEMA_NONE && m->fs->s->block[block].flags & BLOCK_TRIVIAL)
            block = SCHEMA_NONE;
        x->meets[id] = block;
    }
}

/* Sets *ok to false for what the tape cannot say. */
static enum res
fill_patterns(struct maker *m, struct fast_object *x, bool *ok)
{
    json_t *all = json_object_get(m->json, "patternProperties");
    enum res rc = RES_OK;
    uint32_t i = 0;
    const char *text;
    json_t *sub;

    *ok = x->o->npattern <= 8 && x->o->names == SCHEMA_NONE;
    if (!x->o->npattern || !*ok)
        return RES_OK;
    json_object_foreach (all, text, sub) {
        rc = make_dfa(m, str_of(text), &x->pattern[i]);
        if (rc != RES_OK || !(*ok = x->pattern[i] != NULL))
            break;
        fill_hits(m->f, i++, x);
    }
    return rc;
}

static enum res
make_object(struct maker *m, const struct schema_object *o, const void **ret)
{
    struct fast_object *x = schema_arena_get(&m->f->arena, 1, sizeof *x);
    bool ok = false;
    enum res rc;

    if (!x)
        return fast_no_memory(m->e);
    x->o = o;
    rc = object_room(m, x);
    if (rc == RES_OK && fill_keys(m, x))
        rc = fill_patterns(m, x, &ok);
    if (rc == RES_OK)
        fill_meets(m, x);
    if (rc == RES_OK && ok)
        *ret = x;
    return rc;
}

static enum res
make_required(struct maker *m, const struct schema_strs *names, const void **ret)
{
    struct fast_names *set = schema_arena_get(&m->f->arena, 1, sizeof *set);

    if (!set)
        return fast_no_memory(m->e);
    if (set_of(m->f, names->s, names->n, set))
        *ret = set;
    return RES_OK;
}

static enum res
make_deps(struct maker *m, const struct schema_deps *deps, const void **ret)
{
    struct fast_deps *all = schema_arena_get(&m->f->arena, 1, sizeof *all + deps->n * sizeof *all->dep);
    bool ok = true;

    if (!all)
        return fast_no_memory(m->e);
    for (; ok && all->n < deps->n; all->n++) {
        const struct schema_dep *dep = &deps->dep[all->n];
        struct fast_dep *x = &all->dep[all->n];

        x->id = fast_number(m->f, dep->name);
        x->block = dep->block;
        ok = x->id != TAPE_NONE && set_of(m->f, dep->req, dep->nreq, &x->req);
    }
    if (ok)
        *ret = all;
    return RES_OK;
}

/* A function of our own for a built-in format, where there is one; else the full engine's. */
static enum res
make_format(struct maker *m, const struct schema_format *format, const void **ret)
{
    const char *name = json_string_value(json_object_get(m->json, "format"));
    schema_fast_format_fn fn = format->builtin && name ? schema_fast_format_find(name) : NULL;
    schema_fast_format_fn *own;

    *ret = format;
    if (!fn)
        return RES_OK;
    own = schema_arena_get(&m->f->arena, 1, sizeof *own);
    if (!own)
        return fast_no_memory(m->e);
    *own = fn;
    *ret = own;
    return RES_OK;
}

enum res
fast_tables(struct schema_fast *f, struct fast_schema *fs, const struct schema_ins *in, const json_t *json,
            const void **ret, struct err *e)
{
    struct maker m = {f, fs, json, e};
    json_t *pattern = json_object_get(json, "pattern");

    *ret = NULL;
    switch (in->op) {
    case OP_OBJECT:
        return make_object(&m, in->p, ret);
    case OP_REQUIRED:
        return make_required(&m, in->p, ret);
    case OP_DEPENDENT_REQUIRED:
    case OP_DEPENDENT_SCHEMAS:
        return make_deps(&m, in->p, ret);
    case OP_PATTERN:
        return make_dfa(&m, (struct str){json_string_value(pattern), json_string_length(pattern)}, ret);
    case OP_FORMAT:
        return make_format(&m, in->p, ret);
    default:
        *ret = in->p;
        return RES_OK;
    }
}
