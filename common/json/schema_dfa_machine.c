/* From the tree to a nondeterministic machine (Thompson's), and from that to states by the construction of subsets. The
 * machine is built from its end, so that each part knows where it leads. */
#include "common/json/schema_dfa_impl.h"

enum { MATCHED = 1 }; /* state 0 is dead: it has no member */

static const struct dfa_node *
node_at(const struct dfa_build *b, uint32_t i)
{
    return (const struct dfa_node *)b->node.p + i;
}

static struct dfa_inst *
inst_at(const struct dfa_build *b, uint32_t i)
{
    return (struct dfa_inst *)b->inst.p + i;
}

static bool
inst(struct dfa_build *b, struct dfa_inst of, uint32_t *ret)
{
    struct dfa_inst *in = dfa_add(b, &b->inst, 1, sizeof *in);

    *ret = (uint32_t)(b->inst.n - 1);
    if (in)
        *in = of;
    return in;
}

/* How many nodes a part makes once its counts are written out, never less than the work of writing; stops counting
 * beyond the limit. */
static uint64_t
cost(const struct dfa_build *b, uint32_t i)
{
    const struct dfa_node *n = node_at(b, i);
    uint64_t sum = 1;

    if (n->kind == DFA_REPEAT) {
        uint64_t times = n->max == DFA_NONE ? n->min + 1 : n->max;

        sum += times * (1 + cost(b, n->child));
    } else {
        for (uint32_t c = n->child; c != DFA_NONE && sum <= DFA_MAX_MACHINE; c = node_at(b, c)->next)
            sum += 1 + cost(b, c);
    }
    return sum > DFA_MAX_MACHINE ? DFA_MAX_MACHINE + 1 : sum;
}

static bool emit(struct dfa_build *b, uint32_t i, uint32_t to, uint32_t *ret);

static bool
emit_repeat(struct dfa_build *b, const struct dfa_node n, uint32_t to, uint32_t *ret)
{
    uint32_t loop;
    uint32_t body;

    *ret = to;
    if (n.max == DFA_NONE) {
        if (!inst(b, (struct dfa_inst){.op = DFA_OP_SPLIT, .out2 = to}, &loop) ||
            !emit(b, n.child, loop, &body))
            return false;
        inst_at(b, loop)->out = body;
        *ret = loop;
    } else {
        for (uint32_t k = n.min; k < n.max; k++)
            if (!emit(b, n.child, *ret, &body) ||
                !inst(b, (struct dfa_inst){.op = DFA_OP_SPLIT, .out = body, .out2 = to}, ret))
                return false;
    }
    for (uint32_t k = 0; k < n.min; k++)
        if (!emit(b, n.child, *ret, ret))
            return false;
    return true;
}

static bool
emit_alternatives(struct dfa_build *b, uint32_t child, uint32_t to, uint32_t *ret)
{
    uint32_t way;

    if (!emit(b, child, to, ret))
        return false;
    while ((child = node_at(b, child)->next) != DFA_NONE)
        if (!emit(b, child, to, &way) ||
            !inst(b, (struct dfa_inst){.op = DFA_OP_SPLIT, .out = way, .out2 = *ret}, ret))
            return false;
    return true;
}

/* Writes part `i` so that it leads to `to`; `*ret` is where it is entered. */
static bool
emit(struct dfa_build *b, uint32_t i, uint32_t to, uint32_t *ret)
{
    const struct dfa_node n = *node_at(b, i);

    switch (n.kind) {
    case DFA_SET:
        return inst(b, (struct dfa_inst){.op = DFA_OP_SET, .set = n.set, .out = to}, ret);
    case DFA_BEGIN:
        return inst(b, (struct dfa_inst){.op = DFA_OP_BEGIN, .out = to}, ret);
    case DFA_END:
        return inst(b, (struct dfa_inst){.op = DFA_OP_END, .out = to}, ret);
    case DFA_REPEAT:
        return emit_repeat(b, n, to, ret);
    case DFA_ALT:
        return emit_alternatives(b, n.child, to, ret);
    case DFA_CAT:
        *ret = to;
        for (uint32_t c = n.child; c != DFA_NONE; c = node_at(b, c)->next)
            if (!emit(b, c, *ret, ret))
                return false;
        return true;
    case DFA_EMPTY:
        break;
    }
    *ret = to;
    return true;
}

bool
dfa_machine(struct dfa_build *b)
{
    uint32_t match;
    uint32_t skip;
    uint32_t start;

    if (cost(b, b->root) > DFA_MAX_MACHINE)
        return dfa_refuse(b, "its counts make it too large");
    if (!inst(b, (struct dfa_inst){.op = DFA_OP_MATCH}, &match) || !emit(b, b->root, match, &start) ||
        !inst(b, (struct dfa_inst){.op = DFA_OP_SET, .set = b->any}, &skip) ||
        !inst(b, (struct dfa_inst){.op = DFA_OP_SPLIT, .out = start, .out2 = skip}, &b->entry))
        return false;
    inst_at(b, skip)->out = b->entry; /* the search begins at any code point */
    return true;
}

/* ---- states -------------------------------------------------------------------------------------------------------- */

/* Where the subset under way is gathered. Bits over the machine's nodes. */
struct subset {
    struct dfa_build *b;
    size_t words;
    uint64_t *seen;
    uint64_t *ended;  /* seen when the text ends here */
    uint32_t *stack;  /* room for each node */
    uint32_t *member; /* the SET nodes, ascending */
    uint32_t n;
    bool at_start;
    bool matched; /* whatever follows */
    bool final;   /* when the text ends here */
};

static bool
put(uint64_t *set, uint32_t i)
{
    uint64_t bit = 1ull << (i & 63);

    if (set[i >> 6] & bit)
        return false;
    set[i >> 6] |= bit;
    return true;
}

/* All that is reached from `from` without a code point; with `at_end`, `$` lets through. */
static bool
reach(struct subset *s, uint32_t from, bool at_end)
{
    uint64_t *seen = at_end ? s->ended : s->seen;
    uint64_t steps = 0;
    size_t top = 0;

    if (put(seen, from))
        s->stack[top++] = from;
    while (top) {
        const struct dfa_inst *in = inst_at(s->b, s->stack[--top]);
        bool open = in->op == DFA_OP_SPLIT || (in->op == DFA_OP_BEGIN && s->at_start) ||
                    (in->op == DFA_OP_END && at_end);

        steps++;
        if (in->op == DFA_OP_MATCH)
            *(at_end ? &s->final : &s->matched) = true;
        if (open && put(seen, in->out))
            s->stack[top++] = in->out;
        if (in->op == DFA_OP_SPLIT && put(seen, in->out2))
            s->stack[top++] = in->out2;
    }
    return dfa_spend(s->b, steps + 1);
}

/* The members of what was reached, and whether the text may end there; empties `seen`. */
static bool
close_subset(struct subset *s)
{
    bool ends = false;

    s->n = 0;
    s->final = s->matched;
    for (size_t w = 0; w < s->words; w++)
        for (uint64_t bits = s->seen[w]; bits; bits &= bits - 1) {
            uint32_t i = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits);

            if (inst_at(s->b, i)->op == DFA_OP_SET) {
                s->member[s->n++] = i;
            } else if (inst_at(s->b, i)->op == DFA_OP_END && !s->final) {
                ends = true;
                if (!reach(s, i, true))
                    return false;
            }
        }
    memset(s->seen, 0, s->words * sizeof *s->seen);
    if (ends)
        memset(s->ended, 0, s->words * sizeof *s->ended);
    return dfa_spend(s->b, s->words / 4 + s->n);
}

/* The states found so far; members of state i: pool[at[i]] up to pool[at[i + 1]]. */
struct found {
    struct dfa_vec *pool; /* uint32_t */
    struct dfa_vec *at;   /* uint32_t [n + 1] */
    uint32_t *slot;       /* a hash table of states plus one, at most half full */
    uint32_t mask;
    uint32_t limit;
};

static uint64_t
hash_of(const uint32_t *p, uint32_t n, bool final)
{
    return str_hash((struct str){(const char *)p, n * sizeof *p}) + final;
}

static bool
is_state(const struct dfa_build *b, const struct found *f, uint32_t i, const struct subset *s)
{
    const uint32_t *at = f->at->p;

    return at[i + 1] - at[i] == s->n && ((const uint8_t *)b->raw.final.p)[i] == s->final &&
           (!s->n || memcmp((const uint32_t *)f->pool->p + at[i], s->member, s->n * sizeof *s->member) == 0);
}

/* The slot that holds the subset, or the empty one where it belongs. */
static uint32_t *
find(const struct dfa_build *b, const struct found *f, const struct subset *s)
{
    uint32_t h = (uint32_t)hash_of(s->member, s->n, s->final) & f->mask;

    while (f->slot[h] && !is_state(b, f, f->slot[h] - 1, s))
        h = (h + 1) & f->mask;
    return &f->slot[h];
}

/* The start is not in the table, since it is never found again. */
static bool
grow(struct dfa_build *b, struct found *f)
{
    uint32_t size = f->mask ? 2 * (f->mask + 1) : 256;
    const uint32_t *at = f->at->p;

    f->slot = dfa_work(b, 2, size, sizeof *f->slot);
    if (!f->slot)
        return false;
    f->mask = size - 1;
    for (uint32_t i = 0; i < b->raw.n; i++) {
        const uint32_t *p = (const uint32_t *)f->pool->p + at[i];
        uint32_t h = (uint32_t)hash_of(p, at[i + 1] - at[i], ((const uint8_t *)b->raw.final.p)[i]) & f->mask;

        while (f->slot[h])
            h = (h + 1) & f->mask;
        if (i != MATCHED && i != b->raw.start)
            f->slot[h] = i + 1;
    }
    return true;
}

/* A new state of the members in `s`. */
static bool
add_state(struct dfa_build *b, struct found *f, const struct subset *s)
{
    uint32_t *pool;
    uint32_t *at;
    uint8_t *final;

    if (b->raw.n >= f->limit)
        return dfa_refuse(b, "too many states");
    if (f->pool->n + s->n > DFA_MAX_MEMBERS || (uint64_t)(b->raw.n + 1) * b->nsym > DFA_MAX_CELLS)
        return dfa_refuse(b, "too large before it is made small");
    pool = dfa_add(b, f->pool, s->n, sizeof *pool);
    at = pool ? dfa_add(b, f->at, 1, sizeof *at) : NULL;
    final = at ? dfa_add(b, &b->raw.final, 1, 1) : NULL;
    if (!final || !dfa_add(b, &b->raw.to, b->nsym, sizeof(uint32_t)))
        return false;
    if (s->n)
        memcpy(pool, s->member, s->n * sizeof *pool);
    *at = (uint32_t)f->pool->n;
    *final = s->final;
    b->raw.n++;
    return true;
}

/* The state of the subset that was reached. */
static bool
state_of(struct dfa_build *b, struct found *f, struct subset *s, uint32_t *ret)
{
    uint32_t *slot;

    if (!close_subset(s))
        return false;
    *ret = MATCHED;
    if (s->matched)
        return true;
    slot = find(b, f, s);
    if (*slot) {
        *ret = *slot - 1;
        return true;
    }
    *ret = b->raw.n;
    *slot = b->raw.n + 1;
    return add_state(b, f, s) && (2 * b->raw.n <= f->mask || grow(b, f));
}

/* The states after one symbol from state `i`. */
static bool
leave(struct dfa_build *b, struct found *f, struct subset *s, uint32_t i)
{
    for (uint32_t sym = 0; sym < b->nsym; sym++) {
        const uint32_t *at = f->at->p;
        uint32_t to;

        s->matched = false;
        if (!dfa_spend(b, at[i + 1] - at[i]))
            return false;
        for (uint32_t k = at[i]; k < at[i + 1]; k++) {
            const struct dfa_inst *in = inst_at(b, ((uint32_t *)f->pool->p)[k]);

            if (((uint8_t *)b->has.p)[in->set * b->nsym + sym] && !reach(s, in->out, false))
                return false;
        }
        if (!state_of(b, f, s, &to))
            return false;
        ((uint32_t *)b->raw.to.p)[(size_t)i * b->nsym + sym] = to;
    }
    return true;
}

/* The two absorbing states, and the start: alone at the beginning of the text, it is never found again. */
static bool
first_states(struct dfa_build *b, struct found *f, struct subset *s)
{
    uint32_t *to;

    if (!dfa_add(b, f->at, 1, sizeof(uint32_t)) || !add_state(b, f, s))
        return false;
    s->final = true;
    if (!add_state(b, f, s))
        return false;
    to = b->raw.to.p;
    for (uint32_t k = 0; k < b->nsym; k++)
        to[b->nsym + k] = MATCHED;
    s->at_start = true;
    if (!reach(s, b->entry, false) || !close_subset(s))
        return false;
    s->at_start = false;
    b->raw.start = s->matched ? MATCHED : b->raw.n;
    return (s->matched || add_state(b, f, s)) && grow(b, f);
}

bool
dfa_states(struct dfa_build *b)
{
    struct found f = {.pool = &b->work[0], .at = &b->work[1], .limit = 8 * b->max_states + 64};
    struct subset s = {.b = b, .words = b->inst.n / 64 + 1};

    if (!dfa_work(b, 0, 0, sizeof(uint32_t)) || !dfa_work(b, 1, 0, sizeof(uint32_t)))
        return false;
    s.seen = dfa_work(b, 3, s.words, sizeof *s.seen);
    s.ended = s.seen ? dfa_work(b, 4, s.words, sizeof *s.ended) : NULL;
    s.stack = s.ended ? dfa_work(b, 5, b->inst.n, sizeof *s.stack) : NULL;
    s.member = s.stack ? dfa_work(b, 6, b->inst.n, sizeof *s.member) : NULL;
    if (!s.member)
        return false;
    if (!first_states(b, &f, &s))
        return false;
    for (uint32_t i = MATCHED + 1; i < b->raw.n; i++)
        if (!leave(b, &f, &s, i))
            return false;
    return true;
}
