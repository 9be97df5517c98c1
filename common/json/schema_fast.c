/* Prepares schemas for the tape: each block becomes one flat list a kind of value, with what it refers to put in. */
#include "common/json/schema_fast.h"

#include <stdlib.h>

#include "common/json/schema_dfa.h"
#include "common/json/schema_fast_impl.h"

/* A block in the making. */
struct maker {
    struct schema_fast *f;
    struct fast_schema *fs;
    struct err *e;
    uint8_t types;
    struct list {
        struct fast_ins *ins;
        size_t n, cap;
    } list[9];               /* by json_type, and last for every value */
    unsigned depth, inlined; /* blocks put in place: references within references multiply */
};
enum { ANY = 8 };

static enum res
push(struct maker *m, unsigned kind, struct fast_ins ins)
{
    struct list *l = &m->list[kind];

    if (!schema_grow(&l->ins, &l->cap, l->n, sizeof *l->ins))
        return fast_no_memory(m->e);
    l->ins[l->n++] = ins;
    return RES_OK;
}

static bool
is_beyond(const struct schema_ins *in)
{
    return in->op == OP_DYNAMIC_REF || in->op == OP_UNEVALUATED_ITEMS || in->op == OP_UNEVALUATED_PROPERTIES;
}

/* One string alone: compared, not looked up. */
static void
as_const(struct fast_ins *ins)
{
    const struct schema_enum *list = ins->p;

    if (ins->op != OP_ENUM || list->strings.n != 1 || list->n)
        return;
    ins->op = FAST_CONST;
    ins->p = list->strings.key[0].p;
    ins->n = list->strings.key[0].n;
}

/* One member alone, and nothing said of the others: `if` and `then` mostly are so. */
static void
as_member(struct fast_ins *ins)
{
    const struct fast_object *x = ins->p;

    if (ins->op != OP_OBJECT || !x || x->nasked != 1 || x->o->keys.n != 1 || x->o->npattern ||
        x->o->additional != SCHEMA_NONE)
        return;
    ins->op = x->o->nrequired ? FAST_MEMBER : FAST_OPTIONAL;
    ins->n = x->asked[0].id;
    ins->block = x->asked[0].block;
}

/* What the instruction needs, made once, however often it is put in place. */
static enum res
table_of(struct maker *m, const struct schema_ins *in, const json_t *json, const void **ret)
{
    struct fast_table *known = &m->fs->table[in - m->fs->s->code];
    enum res rc = known->made ? RES_OK : fast_tables(m->f, m->fs, in, json, &known->p, m->e);

    known->made = rc == RES_OK;
    *ret = known->p;
    return rc;
}

static enum res
translate(struct maker *m, unsigned kind, const struct schema_ins *in, const json_t *json)
{
    struct fast_ins ins = {.n = in->n, .block = in->block, .op = in->op};
    bool sized = in->op == OP_MIN_LENGTH || in->op == OP_MAX_LENGTH || in->op == OP_MIN_ITEMS ||
                 in->op == OP_MAX_ITEMS || in->op == OP_MIN_PROPERTIES || in->op == OP_MAX_PROPERTIES;
    enum res rc = RES_OK;

    if (!sized)
        rc = table_of(m, in, json, &ins.p);
    if (in->op == OP_FORMAT && ins.p != in->p)
        ins.op = FAST_FORMAT;
    as_const(&ins);
    as_member(&ins);
    if (is_beyond(in) || (!ins.p && (in->op == OP_PATTERN || (kind == JSON_OBJECT && !sized)))) {
        ins.op = FAST_BEYOND;
        m->f->gaps++;
    }
    return rc == RES_OK ? push(m, kind, ins) : rc;
}

static enum res put_block(struct maker *m, uint32_t block);

static bool
may_inline(const struct maker *m, uint32_t block)
{
    const struct schema_block *blk = &m->fs->s->block[block];

    return m->depth < 16 && m->inlined < FAST_INLINE &&
           !(blk->flags & (BLOCK_TRACK_OBJECT | BLOCK_TRACK_ARRAY));
}

/* What the block says, here; or a reference to it, where that would go too far. */
static enum res
put(struct maker *m, uint32_t block)
{
    if (may_inline(m, block)) {
        m->inlined++;
        return put_block(m, block);
    }
    return push(m, ANY, (struct fast_ins){.op = OP_REF, .block = block});
}

static enum res
put_any(struct maker *m, const struct schema_block *blk, const struct schema_ins *in)
{
    const struct schema_list *list = in->p;
    enum res rc = RES_OK;

    if (in->op == OP_REF)
        return put(m, in->block);
    if (in->op != OP_ALL_OF)
        return translate(m, ANY, in, blk->json);
    for (uint32_t i = 0; rc == RES_OK && i < list->n; i++)
        rc = put(m, list->block[i]);
    return rc;
}

static enum res
put_block(struct maker *m, uint32_t block)
{
    const struct schema_block *blk = &m->fs->s->block[block];
    const struct schema_ins *code = m->fs->s->code;
    enum res rc = RES_OK;

    m->depth++;
    m->types &= (uint8_t)blk->types;
    for (const struct schema_ins *in = code + blk->any; rc == RES_OK && in->op != OP_END; in++)
        rc = put_any(m, blk, in);
    for (unsigned kind = JSON_OBJECT; kind <= JSON_INTEGER; kind++)
        for (const struct schema_ins *in = code + blk->list[kind]; rc == RES_OK && in->op != OP_END; in++)
            rc = translate(m, kind, in, blk->json);
    m->depth--;
    return rc;
}

/* Moves a list to where it stays. */
static enum res
settle(struct maker *m, unsigned kind, const struct fast_ins **ret)
{
    const struct list *l = &m->list[kind];
    struct fast_ins *to;

    *ret = NULL;
    if (!l->n)
        return RES_OK;
    to = schema_arena_get(&m->f->arena, l->n + 1, sizeof *to);
    if (!to)
        return fast_no_memory(m->e);
    memcpy(to, l->ins, l->n * sizeof *to);
    to[l->n] = (struct fast_ins){.op = OP_END};
    *ret = to;
    return RES_OK;
}

static bool
only_strings(const struct fast_ins *in)
{
    const struct schema_enum *list = in->p;

    return in->op == FAST_CONST || (in->op == OP_ENUM && list->n == 0);
}

static enum fast_shape
shape_of(const struct fast_block *b)
{
    bool more = false;

    for (unsigned k = JSON_OBJECT; k <= JSON_REAL; k++)
        more |= k != JSON_STRING && b->list[k];
    if (b->any && only_strings(&b->any[0]) && b->any[1].op == OP_END && !b->list[JSON_STRING] &&
        b->types >> JSON_STRING & 1)
        return SHAPE_LISTED; /* no other kind is in the list, whatever is asked of it */
    if (b->types == 1 << JSON_STRING && !b->any && b->list[JSON_STRING] && !more)
        return SHAPE_TEXT;
    return !b->any && !b->list[JSON_STRING] && !more && b->types == 0xff ? SHAPE_TRIVIAL : SHAPE_ANY;
}

static enum res
make_block(struct maker *m, uint32_t block)
{
    const struct schema_block *blk = &m->fs->s->block[block];
    struct fast_block *to = &m->fs->block[block];
    enum res rc = RES_OK;

    for (unsigned k = 0; k <= ANY; k++)
        m->list[k].n = 0;
    m->types = 0xff;
    m->inlined = 0;
    if (blk->flags & (BLOCK_TRACK_OBJECT | BLOCK_TRACK_ARRAY))
        rc = push(m, ANY, (struct fast_ins){.op = FAST_BEYOND});
    if (rc == RES_OK)
        rc = put_block(m, block);
    if (rc == RES_OK)
        rc = settle(m, ANY, &to->any);
    for (unsigned k = JSON_OBJECT; rc == RES_OK && k <= JSON_INTEGER; k++)
        rc = settle(m, k, &to->list[k]);
    to->list[JSON_REAL] = to->list[JSON_INTEGER];
    to->types = m->types;
    to->shape = (uint8_t)shape_of(to);
    return rc;
}

static enum res
make_schema(struct schema_fast *f, struct fast_schema *fs, struct err *e)
{
    struct maker m = {.f = f, .fs = fs, .e = e};
    enum res rc = RES_OK;

    fs->block = schema_arena_get(&f->arena, fs->s->nblock, sizeof *fs->block);
    fs->table = schema_arena_get(&f->arena, fs->s->ncode, sizeof *fs->table);
    if (!fs->block || !fs->table)
        return fast_no_memory(e);
    for (uint32_t i = 0; rc == RES_OK && i < fs->s->nblock; i++)
        rc = make_block(&m, i);
    for (unsigned k = 0; k <= ANY; k++)
        free(m.list[k].ins);
    return rc;
}

/* ---- the interface ---------------------------------------------------------------------------------------------- */

static enum res
make(struct schema_fast *f, const struct schema *const *all, unsigned n, struct err *e)
{
    f->schema = schema_arena_get(&f->arena, n + 1u, sizeof *f->schema);
    if (!f->schema)
        return fast_no_memory(e);
    for (; f->nschema < n; f->nschema++)
        f->schema[f->nschema].s = all[f->nschema];
    return RES_OK;
}

enum res
schema_fast_new(const struct schema *const *all, unsigned n, const char *const *pick, unsigned npick,
                struct schema_fast **ret, struct err *e)
{
    struct schema_fast *f = calloc(1, sizeof *f);
    enum res rc;

    *ret = NULL;
    if (!f)
        return fast_no_memory(e);
    rc = make(f, all, n, e);
    if (rc == RES_OK)
        rc = fast_collect_names(f, pick, npick, e);
    for (unsigned k = 0; rc == RES_OK && k < n; k++)
        rc = make_schema(f, &f->schema[k], e);
    if (rc == RES_OK)
        *ret = f;
    else
        schema_fast_free(f);
    return rc;
}

void
schema_fast_free(struct schema_fast *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->npattern; i++)
        schema_dfa_free(f->pattern[i].dfa);
    free(f->pattern);
    schema_arena_free(&f->arena);
    free(f);
}

struct tape *
schema_fast_tape(const struct schema_fast *f)
{
    return tape_new(&f->names, FAST_TOKENS);
}

bool
schema_fast_valid(const struct schema_fast *f, struct tape *t, struct str text, struct str *picked)
{
    bool ok = tape_read(t, text);

    for (unsigned k = 0; ok && k < f->nschema; k++)
        ok = fast_run(&f->schema[k], t);
    for (unsigned i = 0; ok && picked && i < f->npick; i++) {
        const struct tape_tok *m = t->tok->kind == JSON_OBJECT ? tape_find(t, t->tok, f->pick[i]) : NULL;

        picked[i] = m ? tape_raw(t, m) : STR_NULL;
    }
    return ok;
}

unsigned
schema_fast_gaps(const struct schema_fast *f)
{
    return f->gaps;
}
