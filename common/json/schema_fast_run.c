/* Runs a compiled schema over a tape. The same program as schema_run.c's, decided by other means: on bytes, by DFAs, and
 * with the right to give up. */
#include "common/json/schema_dfa.h"
#include "common/json/schema_fast_format.h"
#include "common/json/schema_fast_impl.h"

static bool value(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at);
static bool logic(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at);

/* Whether the value meets the block. */
static inline bool
eval(struct fast_run *r, uint32_t block, const struct tape_tok *at)
{
    const struct fast_ins *in = r->block[block].code[at->kind];

    return !in || value(r, in, at);
}

/* The answer is left to the full engine. */
static bool
unsure(struct fast_run *r)
{
    r->unsure = true;
    return false;
}

/* Counts what may come back to the same value; r->depth is to be given back. */
static inline bool
begin(struct fast_run *r)
{
    if (!r->steps || !r->depth || r->unsure)
        return unsure(r);
    r->steps--;
    r->depth--;
    return true;
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

static inline bool
is_constant(const struct schema_key *key, struct str s)
{
    return key->n == s.n && schema_key_is(key, s.p, s.n, schema_words(s.p, s.n));
}

/* `s` may lie in the tape's scratch: whatever `logic` comes to decodes the same string to the same place. */
__attribute__((noinline)) static bool
strings(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    struct str s = tape_text(r->t, at);
    bool ok = s.p || unsure(r);

    for (; ok && in->op != OP_END; in++) {
        switch (in->op) {
        case FAST_CONST:
        case FAST_IS:
            ok = is_constant(in->p, s);
            break;
        case FAST_LISTED:
        case FAST_AMONG:
            ok = schema_keys_has(in->p, s.p, s.n);
            break;
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
        case OP_FORMAT:
            ok = format_ok(r, in->p, s);
            break;
        default:
            ok = begin(r) && logic(r, in, at);
            r->depth++;
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
bound_ok(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    const struct schema_bound *bound = in->p;
    int64_t v;

    if (at->kind != JSON_INTEGER || bound->num.real)
        return unsure(r);
    v = integer(tape_raw(r->t, at));
    switch (in->op) {
    case OP_MINIMUM:
        return v >= bound->num.i;
    case OP_MAXIMUM:
        return v <= bound->num.i;
    case OP_EXCLUSIVE_MINIMUM:
        return v > bound->num.i;
    default:
        return v < bound->num.i;
    }
}

static bool
multiple_ok(struct fast_run *r, const struct schema_dec *of, const struct tape_tok *at)
{
    if (at->kind != JSON_INTEGER)
        return unsure(r);
    return schema_num_multiple((struct schema_num){.i = integer(tape_raw(r->t, at))}, *of);
}

static bool
numbers(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    switch (in->op) {
    case OP_MINIMUM:
    case OP_MAXIMUM:
    case OP_EXCLUSIVE_MINIMUM:
    case OP_EXCLUSIVE_MAXIMUM:
        return bound_ok(r, in, at);
    case OP_MULTIPLE_OF:
        return multiple_ok(r, in->p, at);
    default:
        return logic(r, in, at);
    }
}

/* ---- enum ------------------------------------------------------------------------------------------------------- */

static bool
is_value(struct fast_run *r, const json_t *want, const struct tape_tok *at)
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

static bool
enumerated(struct fast_run *r, const struct schema_enum *list, const struct tape_tok *at)
{
    bool ok = false;

    for (uint32_t i = 0; i < list->n && !ok; i++)
        ok = is_value(r, list->value[i], at);
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
    const struct tape_tok *end = r->t->tok + at->next;
    json_type last = x->deep && !(at->flags & TAPE_STRANGER) ? JSON_ARRAY : JSON_NULL;
    bool ok = true;

    for (const struct tape_tok *m = at + 1; ok && m < end; m = r->t->tok + m->next) {
        uint32_t block = m->id == TAPE_NONE ? FAST_SEVERAL : x->meets[m->id];

        if (m->kind > last || block == SCHEMA_NONE)
            continue;
        ok = block == FAST_SEVERAL ? member(r, x, m) : eval(r, block, m);
    }
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
    return x->nasked < at->count && no_others(r->t, x, at) ? asked_members(r, x, at) : all_members(r, x, at);
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

    return m ? eval(r, in->block, m) : in->op == FAST_OPTIONAL || in->op == FAST_MAY_HOLD;
}

/* Mostly the test is whether one member is some constant. */
static bool
conditional(struct fast_run *r, const struct schema_cond *c, const struct tape_tok *at)
{
    const struct fast_ins *test = r->block[c->test].code[at->kind];
    bool hit = test && test->op == FAST_HOLDS ? one_member(r, test, at) : !test || value(r, test, at);
    uint32_t then = hit ? c->yes : c->no;

    return then == SCHEMA_NONE || eval(r, then, at);
}

static bool
objects(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    switch (in->op) {
    case FAST_MEMBER:
    case FAST_OPTIONAL:
        return one_member(r, in, at);
    case OP_IF:
        return conditional(r, in->p, at);
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
        return logic(r, in, at);
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
        return logic(r, in, at);
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
logic(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    switch (in->op) {
    case OP_ENUM:
        return enumerated(r, in->p, at);
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

    switch (at->kind) {
    case JSON_OBJECT:
        for (; ok && in->op != OP_END; in++)
            ok = objects(r, in, at);
        return ok;
    case JSON_ARRAY:
        for (; ok && in->op != OP_END; in++)
            ok = arrays(r, in, at);
        return ok;
    default:
        for (; ok && in->op != OP_END; in++)
            ok = numbers(r, in, at);
        return ok;
    }
}

__attribute__((noinline)) static bool
enter(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    bool ok;

    ok = begin(r) && by_kind(r, in, at);
    r->depth++;
    return ok;
}

/* What most tests of `if` are, without a frame. A member alone leads down the document: it need not be counted. */
static inline bool
alone(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    struct str s = {r->t->text + at->off + 1, at->n - 2};

    switch (in->op) {
    case FAST_IS:
        return is_constant(in->p, s);
    case FAST_AMONG:
        return schema_keys_has(in->p, s.p, s.n);
    case FAST_HAS:
        return has_all(r->t, at, in->p);
    default:
        return one_member(r, in, at);
    }
}

/* Other than eval: the list is not empty. */
static bool
value(struct fast_run *r, const struct fast_ins *in, const struct tape_tok *at)
{
    if (in->op >= FAST_ALONE && !(at->flags & TAPE_ESCAPED))
        return alone(r, in, at);
    return at->kind == JSON_STRING ? strings(r, in, at) : enter(r, in, at);
}

bool
fast_run(const struct fast_schema *fs, struct tape *t)
{
    struct fast_run r = {.block = fs->block, .t = t, .steps = FAST_STEPS, .depth = FAST_DEPTH};

    return eval(&r, 0, t->tok) && !r.unsure;
}
