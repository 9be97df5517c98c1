/* Prepares schemas for the tape: each block becomes one flat list for each kind of value, with what it refers to put in. */
#include "common/json/schema_fast.h"

#include <stdlib.h>

#include "common/json/schema_dfa.h"
#include "common/json/schema_fast_impl.h"

enum { KINDS = 8 };

/* A block in the making. */
struct maker {
    struct schema_fast *f;
    struct fast_schema *fs;
    struct err *e;
    uint8_t types;
    struct list {
        struct fast_ins *ins;
        size_t n, cap;
    } list[KINDS];           /* by json_type */
    unsigned depth, inlined; /* blocks put in place: references within references multiply */
};

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

static bool
has_kind(const struct schema_enum *list, unsigned kind)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (json_typeof(list->value[i]) == (json_type)kind)
            return true;
    return false;
}

/* An enum as one kind of value meets it: a string among strings, a word there or not, the rest looked for. */
static struct fast_ins
enum_of(const struct schema_enum *list, unsigned kind)
{
    const struct schema_key *first = list->strings.key;

    if (kind == JSON_STRING && list->strings.n == 1)
        return (struct fast_ins){.op = FAST_CONST, .p = first};
    if (kind == JSON_STRING && list->strings.n)
        return (struct fast_ins){.op = FAST_LISTED, .p = &list->strings};
    if (kind == JSON_STRING || list->n == 0 || (kind >= JSON_TRUE && !has_kind(list, kind)))
        return (struct fast_ins){.op = OP_FALSE};
    return (struct fast_ins){.op = kind >= JSON_TRUE ? OP_END : OP_ENUM, .p = list};
}

/* What is asked of every value, for each kind. */
static enum res
push_all(struct maker *m, struct fast_ins ins)
{
    enum res rc = RES_OK;

    for (unsigned k = 0; rc == RES_OK && k < KINDS; k++) {
        struct fast_ins own = ins.op == OP_ENUM ? enum_of(ins.p, k) : ins;

        if (own.op != OP_END)
            rc = push(m, k, own);
    }
    return rc;
}

/* `kind`: of the values that the instruction is for, or KINDS. */
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
    as_member(&ins);
    if (is_beyond(in) || (!ins.p && (in->op == OP_PATTERN || (kind == JSON_OBJECT && !sized)))) {
        ins.op = FAST_BEYOND;
        m->f->gaps++;
    }
    if (rc != RES_OK)
        return rc;
    return kind == KINDS ? push_all(m, ins) : push(m, kind, ins);
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
    return push_all(m, (struct fast_ins){.op = OP_REF, .block = block});
}

/* Where all are patterns, one that finds what any of them finds. */
static enum res
put_any_of(struct maker *m, const struct schema_ins *in, const json_t *json)
{
    struct fast_ins pattern = {.op = OP_PATTERN};
    enum res rc = fast_union(m->f, m->fs->s, in->p, &pattern.p, m->e);

    if (rc != RES_OK)
        return rc;
    return pattern.p ? push(m, JSON_STRING, pattern) : translate(m, KINDS, in, json);
}

static enum res
put_any(struct maker *m, const struct schema_block *blk, const struct schema_ins *in)
{
    const struct schema_list *list = in->p;
    enum res rc = RES_OK;

    if (in->op == OP_REF)
        return put(m, in->block);
    if (in->op == OP_ANY_OF)
        return put_any_of(m, in, blk->json);
    if (in->op != OP_ALL_OF)
        return translate(m, KINDS, in, blk->json);
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
    for (unsigned kind = JSON_OBJECT; kind <= JSON_REAL; kind++)
        for (const struct schema_ins *in = code + blk->list[kind]; rc == RES_OK && in->op != OP_END; in++)
            rc = translate(m, kind, in, blk->json);
    m->depth--;
    return rc;
}

static void
as_alone(struct fast_ins *ins)
{
    static const uint8_t alone[][2] = {{FAST_CONST, FAST_IS},
                                       {FAST_LISTED, FAST_AMONG},
                                       {FAST_MEMBER, FAST_HOLDS},
                                       {FAST_OPTIONAL, FAST_MAY_HOLD},
                                       {OP_REQUIRED, FAST_HAS}};

    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        if (ins->op == alone[i][0]) {
            ins->op = alone[i][1];
            return;
        }
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
    if (l->n == 1)
        as_alone(to);
    *ret = to;
    return RES_OK;
}

/* What a kind of value meets that `type` does not let in: 1.0 may be an integer. */
static const struct fast_ins *
shut_out(const struct maker *m, unsigned kind)
{
    static const struct fast_ins wrong[] = {{.op = OP_FALSE}, {.op = OP_END}};
    static const struct fast_ins beyond[] = {{.op = FAST_BEYOND}, {.op = OP_END}};

    return kind == JSON_REAL && m->types >> JSON_INTEGER & 1 ? beyond : wrong;
}

static enum res
make_block(struct maker *m, uint32_t block)
{
    const struct schema_block *blk = &m->fs->s->block[block];
    struct fast_block *to = &m->fs->block[block];
    enum res rc = RES_OK;

    for (unsigned k = 0; k < KINDS; k++)
        m->list[k].n = 0;
    m->types = 0xff;
    m->inlined = 0;
    if (blk->flags & (BLOCK_TRACK_OBJECT | BLOCK_TRACK_ARRAY))
        rc = push_all(m, (struct fast_ins){.op = FAST_BEYOND});
    if (rc == RES_OK)
        rc = put_block(m, block);
    for (unsigned k = 0; rc == RES_OK && k < KINDS; k++)
        if (m->types >> k & 1)
            rc = settle(m, k, &to->code[k]);
        else
            to->code[k] = shut_out(m, k);
    return rc;
}

/* Whether the block lets in everything but objects and arrays unseen. */
static bool
is_deep(const struct fast_block *blk)
{
    for (unsigned k = JSON_STRING; k < KINDS; k++)
        if (blk->code[k])
            return false;
    return true;
}

/* Now that all blocks are there. */
static void
mark_deep(const struct schema_fast *f, const struct fast_schema *fs)
{
    for (size_t i = 0; i < fs->s->ncode; i++) {
        struct fast_object *x = (struct fast_object *)(uintptr_t)fs->table[i].p; /* from our own arena */

        if (fs->s->code[i].op != OP_OBJECT || !x)
            continue;
        x->deep = true;
        for (uint16_t id = 0; id < f->names.n && x->deep; id++)
            x->deep = x->meets[id] == SCHEMA_NONE ||
                      (x->meets[id] != FAST_SEVERAL && is_deep(&fs->block[x->meets[id]]));
    }
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
    if (rc == RES_OK)
        mark_deep(f, fs);
    for (unsigned k = 0; k < KINDS; k++)
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
