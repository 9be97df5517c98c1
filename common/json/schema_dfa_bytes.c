/* From symbols to bytes. A code point of several bytes leads through states of its own where it must; where all that a
 * first byte can begin leads to one state, that state is entered at once and stays through the bytes that follow. */
#include "common/json/schema_dfa_impl.h"

enum { MIXED = 0x10000, NOTHING = 0x10001 };

struct bytes {
    struct dfa_build *b;
    struct dfa_vec *row; /* uint16_t [256]: the states of `min`, then those within a code point */
    uint32_t nmin;
    uint8_t *stays; /* uint8_t [nmin]: entered before the code point is over */
    uint32_t *slot; /* a hash table of the states within code points */
    uint32_t mask;
    uint32_t ascii[128]; /* symbols */
    uint32_t state;      /* the one under way */
    uint32_t least; /* code point that may stand in the form under way: shorter ones have a shorter form */
};

static uint16_t (*rows(const struct bytes *m))[256]
{
    return m->row->p;
}

/* Where lo..hi leads: one state, MIXED, or NOTHING where there is no code point. */
static uint32_t
target(const struct bytes *m, uint32_t lo, uint32_t hi)
{
    struct dfa_build *b = m->b;
    const uint32_t *cut = b->cut.p;
    const uint32_t *sym = b->sym.p;
    const uint32_t *to = (const uint32_t *)b->min.to.p + (size_t)m->state * b->nsym;
    uint32_t ret = NOTHING;

    lo = lo < m->least ? m->least : lo;
    hi = hi > DFA_LAST_POINT ? DFA_LAST_POINT : hi;
    if (lo > hi || (lo >= 0xd800 && hi < 0xe000))
        return NOTHING;
    for (uint32_t i = dfa_interval(b, lo); i < b->cut.n && cut[i] <= hi; i++) {
        b->steps++;
        if (cut[i] == 0xd800)
            continue;
        if (ret != NOTHING && to[sym[i]] != ret)
            return MIXED;
        ret = to[sym[i]];
    }
    return ret;
}

/* The state within a code point that goes on as `child` says; each is made once. */
static bool
within(struct bytes *m, const uint16_t child[64], uint32_t *ret)
{
    uint32_t h = (uint32_t)str_hash((struct str){(const char *)child, 64 * sizeof *child}) & m->mask;
    uint16_t(*add)[256];

    for (; m->slot[h]; h = (h + 1) & m->mask)
        if (memcmp(rows(m)[m->slot[h]] + 0x80, child, 64 * sizeof *child) == 0) {
            *ret = m->slot[h];
            return true;
        }
    if (m->row->n >= m->b->max_states)
        return dfa_refuse(m->b, "too many states");
    add = dfa_add(m->b, m->row, 1, sizeof *add);
    if (!add)
        return false;
    memcpy(*add + 0x80, child, 64 * sizeof *child);
    *ret = m->slot[h] = (uint32_t)(m->row->n - 1);
    return true;
}

/* Where a byte leads that begins lo up to lo + 64^more - 1 with `more` bytes to follow. */
static bool
lead(struct bytes *m, uint32_t lo, unsigned more, uint32_t *ret)
{
    uint32_t span = 1u << (6 * more);
    uint16_t child[64];
    uint32_t last = NOTHING;

    if (!dfa_spend(m->b, 8))
        return false;
    *ret = target(m, lo, lo + span - 1);
    if (*ret != MIXED) {
        if (*ret != NOTHING && more)
            m->stays[*ret] = 1;
        return true;
    }
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t to;

        if (!lead(m, lo + i * (span >> 6), more - 1, &to))
            return false;
        for (uint32_t k = 0; last == NOTHING && to != NOTHING && k < i; k++)
            child[k] = (uint16_t)to; /* what cannot come is as what can: fewer columns */
        last = to == NOTHING ? last : to;
        child[i] = (uint16_t)last;
    }
    return within(m, child, ret);
}

static bool
fill(struct bytes *m)
{
    const struct dfa_build *b = m->b;
    const uint32_t *to = (const uint32_t *)b->min.to.p + (size_t)m->state * b->nsym;
    uint16_t row[256] = {0};

    for (uint32_t c = 0; c < 0x80; c++)
        row[c] = (uint16_t)to[m->ascii[c]];
    for (uint32_t c = 0xc2; c < 0xf5; c++) {
        unsigned more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        uint32_t next;

        m->least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
        if (!lead(m, (c & (0x3fu >> more)) << (6 * more), more, &next))
            return false;
        row[c] = (uint16_t)next;
    }
    row[0xc0] = row[0xc1] = row[0xc2]; /* these are not in UTF-8 */
    for (uint32_t c = 0xf5; c < 0x100; c++)
        row[c] = row[0xf4];
    memcpy(rows(m)[m->state], row, sizeof row);
    return true;
}

/* Dead, matched, not final, final: then "final" is one comparison. */
static struct schema_dfa *
in_order(struct bytes *m)
{
    struct dfa_build *b = m->b;
    uint32_t n = (uint32_t)m->row->n;
    const uint8_t *final = b->min.final.p;
    uint32_t *number = dfa_work(b, 3, n, sizeof *number);
    uint16_t(*row)[256] = number ? dfa_work(b, 4, n, sizeof *row) : NULL;
    uint32_t k = 2;
    uint32_t first_final;

    if (!row)
        return NULL;
    number[1] = 1;
    for (uint32_t i = 2; i < n; i++)
        if (i >= m->nmin || !final[i])
            number[i] = k++;
    first_final = k;
    for (uint32_t i = 2; i < m->nmin; i++)
        if (final[i])
            number[i] = k++;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t c = 0; c < 256; c++)
            row[number[i]][c] = (uint16_t)number[rows(m)[i][c]];
    return dfa_tables(b, row, n, number[b->min.start], first_final);
}

struct schema_dfa *
dfa_bytes(struct dfa_build *b)
{
    struct bytes m = {.b = b, .row = &b->work[0], .nmin = b->min.n};

    if (b->min.n > b->max_states) {
        dfa_refuse(b, "too many states");
        return NULL;
    }
    for (m.mask = 1; m.mask < 2 * b->max_states; m.mask *= 2)
        ;
    m.stays = dfa_work(b, 1, m.nmin, 1);
    m.slot = m.stays ? dfa_work(b, 2, m.mask, sizeof *m.slot) : NULL;
    if (!m.slot || !dfa_work(b, 0, m.nmin, 256 * sizeof(uint16_t)))
        return NULL;
    m.mask--;
    for (uint32_t c = 0; c < 128; c++)
        m.ascii[c] = ((const uint32_t *)b->sym.p)[dfa_interval(b, c)];
    for (m.state = 0; m.state < m.nmin; m.state++)
        if (!fill(&m))
            return NULL;
    for (uint32_t i = 0; i < m.nmin; i++)
        for (uint32_t c = 0x80; m.stays[i] && c < 0xc0; c++)
            rows(&m)[i][c] = (uint16_t)i;
    return in_order(&m);
}
