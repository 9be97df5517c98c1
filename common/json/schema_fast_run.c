/* Runs a compiled schema over a tape. The same program as schema_run.c's, decided by other means: on bytes, by DFAs, and
 * with the right to give up. */
#include "common/json/schema_dfa.h"
#include "common/json/schema_fast_format.h"
#include "common/json/schema_fast_impl.h"

static inline bool eval(struct fast_run *r, uint32_t block, const struct tape_tok *at);

/* The answer is left to the full engine. */
static bool
unsure(struct fast_run *r)
{
    r->unsure = true;
    return false;
}

static inline bool
has_all(const struct tape *t, const struct tape_tok *at, const struct fast_names *want)
{
    const uint64_t *have = t->object[at->object].present;
    uint64_t missing = 0;

    for (unsigned i = 0; i < FAST_WORDS; i++)
        missing |= want->w[i] & ~have[i];
    return !missing;
}

/* ---- strings and numbers ---------------------------------------------------------------------------------------- */

static bool
length_ok(struct str s, bool ascii, const struct fast_ins *in)
{
    size_t n = ascii ? s.n : schema_code_points(s.p, s.n);

    return in->op == OP_MIN_LENGTH ? n >= in->n : n <= in->n;
}

static bool
format_ok(struct fast_run *r, const struct schema_format *format, struct str s)
{
    bool no_memory = false;
    bool ok = format->fn(s, format->builtin ? &no_memory : format->arg);

    return no_memory ? unsure(r) : ok;
}

static bool
strings(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    struct str s = tape_text(r->t, at);
    bool ok = s.p || unsure(r);

    for (; ok && in->op != OP_END; in++) {
        switch (in->op) {
        case OP_MIN_LENGTH:
        case OP_MAX_LENGTH:
            ok = length_ok(s, !(at->flags & (TAPE_WIDE | TAPE_ESCAPED)), in);
            break;
        case OP_PATTERN:
            ok = schema_dfa_match(in->p, s);
            break;
        case FAST_FORMAT:
            ok = (*(const schema_fast_format_fn *)in->p)(s) == FAST_YES || unsure(r);
            break;
        default:
            ok = in->op == OP_FORMAT ? format_ok(r, in->p, s) : unsure(r);
        }
    }
    return ok;
}

/* At most 18 digits: the tape takes no more. */
static int64_t
integer(struct str raw)
{
    int64_t v = 0;

    for (size_t i = raw.p[0] == '-'; i < raw.n; i++)
        v = v * 10 + (raw.p[i] - '0');
    return raw.p[0] == '-' ? -v : v;
}

static bool
bound_ok(unsigned op, int64_t v, int64_t bound)
{
    switch (op) {
    case OP_MINIMUM:
        return v >= bound;
    case OP_MAXIMUM:
        return v <= bound;
    case OP_EXCLUSIVE_MINIMUM:
        return v > bound;
    default:
        return v < bound;
    }
}

static bool
numbers(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    int64_t v;
    bool ok = true;

    if (in->op != OP_END && at->kind != JSON_INTEGER)
        return unsure(r);
    v = integer(tape_raw(r->t, at));
    for (; ok && in->op != OP_END; in++) {
        const struct schema_bound *b = in->p;

        if (in->op == OP_MULTIPLE_OF)
            ok = schema_num_multiple((struct schema_num){.i = v}, *(const struct schema_dec *)in->p);
        else
            ok = b->num.real ? unsure(r) : bound_ok(in->op, v, b->num.i);
    }
    return ok;
}

/* ---- enum ------------------------------------------------------------------------------------------------------- */

static bool
is_constant(struct fast_run *r, const json_t *want, const struct tape_tok *at)
{
    switch (json_typeof(want)) {
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        return (json_type)at->kind == json_typeof(want);
    case JSON_INTEGER:
        if (at->kind == JSON_REAL)
            return unsure(r);
        return at->kind == JSON_INTEGER && integer(tape_raw(r->t, at)) == json_integer_value(want);
    case JSON_REAL:
        return at->kind == JSON_INTEGER || at->kind == JSON_REAL ? unsure(r) : false;
    default:
        return at->kind == JSON_OBJECT || at->kind == JSON_ARRAY ? unsure(r) : false;
    }
}

/* Few strings: mostly their lengths tell them apart. */
static bool
listed(const struct schema_keys *keys, struct str s)
{
    if (keys->n > 8)
        return schema_keys_find(keys, s.p, s.n) != SCHEMA_NONE;
    for (uint32_t i = 0; i < keys->n; i++)
        if (keys->key[i].n == s.n && memcmp(keys->key[i].p, s.p, s.n) == 0)
            return true;
    return false;
}

/* FAST_CONST, or OP_ENUM. */
static bool
text_listed(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    struct str s = tape_text(r->t, at);

    if (!s.p)
        return unsure(r);
    if (in->op == FAST_CONST)
        return s.n == in->n && memcmp(s.p, in->p, s.n) == 0;
    return listed(&((const struct schema_enum *)in->p)->strings, s);
}

static bool
enumerated(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    const struct schema_enum *list = in->p;
    bool ok = false;

    if (at->kind == JSON_STRING)
        return text_listed(r, in, at);
    for (uint32_t i = 0; in->op == OP_ENUM && i < list->n && !ok; i++)
        ok = is_constant(r, list->value[i], at);
    return ok;
}

/* ---- objects ---------------------------------------------------------------------------------------------------- */

static uint8_t
hits(const struct fast_object *x, const struct tape *t, const struct tape_tok *m)
{
    uint8_t hit = 0;

    if (m->id != TAPE_NONE)
        return x->hit[m->id];
    for (uint32_t i = 0; i < x->o->npattern; i++)
        if (schema_dfa_match(x->pattern[i], (struct str){t->text + m->name, m->name_n}))
            hit |= (uint8_t)(1u << i);
    return hit;
}

static bool
pattern_blocks(struct fast_run *r, const struct schema_object *o, uint8_t hit, const struct tape_tok *m)
{
    bool ok = true;

    for (uint32_t i = 0; ok && hit; i++, hit >>= 1)
        if (hit & 1)
            ok = eval(r, o->pattern[i].block, m);
    return ok;
}

static bool
member(struct fast_run *r, const struct fast_object *x, const struct tape_tok *m)
{
    uint32_t block = m->id == TAPE_NONE ? SCHEMA_NONE : x->block[m->id];
    uint8_t hit = hits(x, r->t, m);

    if (block != SCHEMA_NONE && !eval(r, block, m))
        return false;
    if (hit && !pattern_blocks(r, x->o, hit, m))
        return false;
    if (block != SCHEMA_NONE || hit || x->o->additional == SCHEMA_NONE)
        return true;
    return !x->o->closed && eval(r, x->o->additional, m);
}

static bool
all_members(struct fast_run *r, const struct fast_object *x, const struct tape_tok *at)
{
    const struct tape_tok *m = at + 1;
    const struct tape_tok *end = r->t->tok + at->next;
    bool ok = true;

    for (; ok && m < end; m = r->t->tok + m->next)
        ok = member(r, x, m);
    return ok;
}

/* The declared names that have something to meet, where the others are not asked for. */
static bool
asked_members(struct fast_run *r, const struct fast_object *x, const struct tape_tok *at)
{
    for (uint32_t i = 0; i < x->nasked; i++) {
        const struct tape_tok *m = tape_find(r->t, at, x->asked[i].id);

        if (m && !eval(r, x->asked[i].block, m))
            return false;
    }
    return true;
}

/* Whether every name is either declared or nobody's concern, by what is known of the registered names. */
static bool
no_others(const struct tape *t, const struct fast_object *x, const struct tape_tok *at)
{
    const uint64_t *have = t->object[at->object].present;
    uint64_t hit = 0, other = 0;

    for (unsigned i = 0; i < FAST_WORDS; i++) {
        hit |= have[i] & x->hit_any.w[i];
        other |= have[i] & ~x->declared.w[i];
    }
    if (x->o->npattern && (hit || at->flags & TAPE_STRANGER))
        return false;
    return x->o->additional == SCHEMA_NONE || !(other || at->flags & TAPE_STRANGER);
}

static bool
object(struct fast_run *r, const struct fast_object *x, const struct tape_tok *at)
{
    if (!has_all(r->t, at, &x->required))
        return false;
    return no_others(r->t, x, at) ? asked_members(r, x, at) : all_members(r, x, at);
}

static bool
dependent(struct fast_run *r, const struct fast_deps *deps, const struct tape_tok *at)
{
    bool ok = true;

    for (uint32_t i = 0; ok && i < deps->n; i++) {
        const struct fast_dep *dep = &deps->dep[i];

        if (!tape_find(r->t, at, dep->id))
            continue;
        ok = has_all(r->t, at, &dep->req) && (dep->block == SCHEMA_NONE || eval(r, dep->block, at));
    }
    return ok;
}

static inline bool
one_member(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    const struct tape_tok *m = tape_find(r->t, at, (uint16_t)in->n);

    return m ? eval(r, in->block, m) : in->op == FAST_OPTIONAL;
}

static bool
objects(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    switch (in->op) {
    case FAST_MEMBER:
    case FAST_OPTIONAL:
        return one_member(r, in, at);
    case OP_OBJECT:
        return object(r, in->p, at);
    case OP_REQUIRED:
        return has_all(r->t, at, in->p);
    case OP_MIN_PROPERTIES:
        return at->count >= in->n;
    case OP_MAX_PROPERTIES:
        return at->count <= in->n;
    case OP_DEPENDENT_REQUIRED:
    case OP_DEPENDENT_SCHEMAS:
        return dependent(r, in->p, at);
    default:
        return unsure(r);
    }
}

/* ---- arrays ----------------------------------------------------------------------------------------------------- */

static bool
items(struct fast_run *r, const struct schema_array *a, const struct tape_tok *at)
{
    const struct tape_tok *it = at + 1;
    bool ok = true;

    for (uint32_t i = 0; ok && i < at->count; i++, it = r->t->tok + it->next) {
        uint32_t block = i < a->nprefix ? a->prefix[i] : a->items;

        if (block == SCHEMA_NONE)
            break;
        ok = eval(r, block, it);
    }
    return ok;
}

static bool
contains(struct fast_run *r, const struct schema_contains *c, const struct tape_tok *at)
{
    const struct tape_tok *it = at + 1;
    uint64_t n = 0;

    for (uint32_t i = 0; i < at->count && n <= c->max; i++, it = r->t->tok + it->next) {
        if (n >= c->min && c->max == UINT64_MAX)
            break;
        n += eval(r, c->block, it);
    }
    return n >= c->min && n <= c->max;
}

/* Plain strings, and not too many of them. */
static bool
unique(struct fast_run *r, const struct tape_tok *at)
{
    const struct tape_tok *it = at + 1;
    struct str seen[FAST_UNIQUE];

    if (at->count < 2)
        return true;
    if (at->count > FAST_UNIQUE)
        return unsure(r);
    for (uint32_t i = 0; i < at->count; i++, it = r->t->tok + it->next) {
        if (it->kind != JSON_STRING || it->flags & TAPE_ESCAPED)
            return unsure(r);
        seen[i] = tape_raw(r->t, it);
        for (uint32_t k = 0; k < i; k++)
            if (str_eq(seen[k], seen[i]))
                return false;
    }
    return true;
}

static bool
arrays(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    switch (in->op) {
    case OP_ARRAY:
        return items(r, in->p, at);
    case OP_CONTAINS:
        return contains(r, in->p, at);
    case OP_MIN_ITEMS:
        return at->count >= in->n;
    case OP_MAX_ITEMS:
        return at->count <= in->n;
    case OP_UNIQUE:
        return unique(r, at);
    default:
        return unsure(r);
    }
}

/* ---- any value -------------------------------------------------------------------------------------------------- */

static unsigned
count_of(struct fast_run *r, const struct schema_list *list, const struct tape_tok *at, unsigned enough)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < list->n && n < enough; i++)
        n += eval(r, list->block[i], at);
    return n;
}

static bool
conditional(struct fast_run *r, const struct schema_cond *c, const struct tape_tok *at)
{
    uint32_t then = eval(r, c->test, at) ? c->yes : c->no;

    return then == SCHEMA_NONE || eval(r, then, at);
}

static bool
logic(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    switch (in->op) {
    case FAST_CONST:
    case OP_ENUM:
        return enumerated(r, in, at);
    case OP_REF:
        return eval(r, in->block, at);
    case OP_ANY_OF:
        return count_of(r, in->p, at, 1) == 1;
    case OP_ONE_OF:
        return count_of(r, in->p, at, 2) == 1;
    case OP_NOT:
        return !eval(r, in->block, at);
    case OP_IF:
        return conditional(r, in->p, at);
    case OP_FALSE:
        return false;
    default:
        return unsure(r);
    }
}

static bool
by_kind(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    bool ok = true;

    if (at->kind == JSON_STRING)
        return strings(r, in, at);
    if (at->kind == JSON_INTEGER || at->kind == JSON_REAL)
        return numbers(r, in, at);
    for (; ok && in->op != OP_END; in++)
        ok = at->kind == JSON_OBJECT ? objects(r, in, at) : arrays(r, in, at);
    return ok;
}

static inline bool
body(struct fast_run *r, const struct fast_block *blk, const struct tape_tok *at)
{
    if (!(blk->types >> at->kind & 1)) /* 1.0 may be an integer */
        return at->kind == JSON_REAL && blk->types >> JSON_INTEGER & 1 ? unsure(r) : false;
    for (const struct fast_ins *in = blk->any; in && in->op != OP_END; in++)
        if (!logic(r, in, at))
            return false;
    return !blk->list[at->kind] || by_kind(r, blk->list[at->kind], at);
}

static bool
enter(struct fast_run *r, const struct fast_block *blk, const struct tape_tok *at)
{
    bool ok;

    if (!r->steps || !r->depth || r->unsure)
        return unsure(r);
    r->steps--;
    r->depth--;
    ok = body(r, blk, at);
    r->depth++;
    return ok;
}

static inline bool
eval(struct fast_run *r, uint32_t block, const struct tape_tok *at)
{
    const struct fast_block *blk = &r->block[block];

    switch (blk->shape) {
    case SHAPE_TRIVIAL:
        return true;
    case SHAPE_TEXT:
        return at->kind == JSON_STRING && strings(r, blk->list[JSON_STRING], at);
    case SHAPE_LISTED:
        return at->kind == JSON_STRING && text_listed(r, blk->any, at);
    default:
        return enter(r, blk, at);
    }
}

bool
fast_run(const struct fast_schema *fs, struct tape *t)
{
    struct fast_run r = {.block = fs->block, .t = t, .steps = FAST_STEPS, .depth = FAST_DEPTH};

    return eval(&r, 0, t->tok) && !r.unsure;
}
