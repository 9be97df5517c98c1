/* Rows of 256 into the tables of schema_dfa_match: columns, and the quickest way the rows allow. */
#include "common/json/schema_dfa_impl.h"

#include <stdlib.h>

enum {
    SHIFT_STATES = 10, /* six bits each in 64 */
    PAIR_CELLS = 8192, /* 16 KB: beyond that a cache has better things to hold */
    CHAIN_SETS = 8     /* a bit each */
};

struct chain {
    uint32_t places;
    uint8_t *lack, *end_ok; /* [rows + 1] */
    uint8_t bit[256];
    unsigned sets;
    uint8_t rest;
    bool rest_any;
};

struct rows {
    const uint16_t (*row)[256];
    uint32_t n, start, first_final;
    uint8_t cls[256];
    uint32_t byte[256]; /* one byte of each class */
    uint32_t nclass;
};

/* ---- columns ------------------------------------------------------------------------------------------------------- */

/* Parts the classes by where the bytes lead in one row. */
static void
part_row(struct rows *r, const uint16_t *row)
{
    uint32_t old = r->nclass;
    uint8_t parent[256] = {0};

    for (uint32_t c = 0; c < 256; c++) {
        uint8_t k = r->cls[c];
        uint32_t i = old;

        if (row[c] == row[r->byte[k]])
            continue;
        while (i < r->nclass && (parent[i] != k || row[r->byte[i]] != row[c]))
            i++;
        if (i == r->nclass) {
            parent[i] = k;
            r->byte[i] = c;
            r->nclass++;
        }
        r->cls[c] = (uint8_t)i;
    }
}

static void
part(struct rows *r)
{
    r->nclass = 1;
    for (uint32_t i = 0; i < r->n; i++)
        part_row(r, r->row[i]);
}

/* ---- a chain: each state leads to one other or dies ---------------------------------------------------------------- */

static bool
is_final(const struct rows *r, uint32_t s)
{
    return s == 1 || s >= r->first_final;
}

/* The only state that `s` leads to, 0 when it leads nowhere; false when there are several. */
static bool
only_next(const struct rows *r, uint32_t s, uint32_t *ret)
{
    *ret = 0;
    for (uint32_t k = 0; k < r->nclass; k++) {
        uint32_t to = r->row[s][r->byte[k]];

        if (to && *ret && to != *ret)
            return false;
        *ret = to ? to : *ret;
    }
    return true;
}

/* The bit of the set of bytes on which `s` lives; 0 when there are too many sets. */
static uint8_t
set_bit(struct chain *ch, const struct rows *r, uint32_t s)
{
    for (unsigned k = 0; k < ch->sets; k++) {
        uint32_t c = 0;

        while (c < 256 && !r->row[s][c] == !(ch->bit[c] & 1u << k))
            c++;
        if (c == 256)
            return (uint8_t)(1u << k);
    }
    if (ch->sets == CHAIN_SETS)
        return 0;
    for (uint32_t c = 0; c < 256; c++)
        if (r->row[s][c])
            ch->bit[c] = (uint8_t)(ch->bit[c] | 1u << ch->sets);
    return (uint8_t)(1u << ch->sets++);
}

static bool
is_chain(struct chain *ch, const struct rows *r)
{
    uint32_t s = r->start;
    uint32_t to;
    uint8_t bit;

    for (;; s = to) {
        ch->end_ok[ch->places] = is_final(r, s);
        ch->rest_any = s == 1;
        if (s <= 1)
            return true;
        if (!only_next(r, s, &to))
            return false;
        if (!to)
            return true;
        bit = set_bit(ch, r, s);
        if (!bit)
            return false;
        if (to == s) {
            ch->rest = bit;
            return true;
        }
        if (ch->places == r->n) /* it went in a circle */
            return false;
        ch->lack[ch->places++] = (uint8_t)~bit;
    }
}

/* ---- tables -------------------------------------------------------------------------------------------------------- */

static void
fast(struct schema_dfa *d, const struct rows *r, uint32_t width)
{
    d->fast_start = r->start * width;
    d->fast_accept = width;
    d->fast_final = r->first_final * width;
}

static void
fill_shift(struct schema_dfa *d, uint64_t *shift, const struct rows *r)
{
    fast(d, r, 6);
    for (uint32_t c = 0; c < 256; c++)
        for (uint32_t s = 0; s < r->n; s++)
            shift[c] |= (uint64_t)r->row[s][c] * 6 << (6 * s);
}

static void
fill_pairs(struct schema_dfa *d, uint16_t *first, uint16_t *pair, const struct rows *r)
{
    uint32_t nn = r->nclass * r->nclass;

    fast(d, r, nn);
    for (uint32_t k = 0; k < r->nclass; k++)
        first[k] = (uint16_t)(r->row[r->start][r->byte[k]] * nn);
    for (uint32_t s = 0; s < r->n; s++)
        for (uint32_t a = 0; a < r->nclass; a++)
            for (uint32_t b = 0; b < r->nclass; b++)
                *pair++ = (uint16_t)(r->row[r->row[s][r->byte[a]]][r->byte[b]] * nn);
}

static void
fill_chain(struct schema_dfa *d, uint8_t *at, const struct chain *ch)
{
    memcpy(at, ch->bit, 256);
    memcpy(at + 256, ch->lack, ch->places);
    memcpy(at + 256 + ch->places, ch->end_ok, ch->places + 1);
    d->bit = at;
    d->lack = at + 256;
    d->end_ok = at + 256 + ch->places;
    d->places = ch->places;
    d->rest = ch->rest;
    d->rest_any = ch->rest_any;
}

static enum schema_dfa_how
choose(struct chain *ch, const struct rows *r)
{
    if (is_chain(ch, r))
        return SCHEMA_DFA_CHAIN;
    if (r->n <= SHIFT_STATES)
        return SCHEMA_DFA_SHIFT;
    return r->n * r->nclass * r->nclass <= PAIR_CELLS ? SCHEMA_DFA_PAIRS : SCHEMA_DFA_TABLE;
}

/* Bytes of what `how` adds to the table, in words of `shift`. */
static size_t
extra(enum schema_dfa_how how, const struct chain *ch, const struct rows *r)
{
    size_t n = 0;

    if (how == SCHEMA_DFA_CHAIN)
        n = 256 + 2 * (size_t)ch->places + 1;
    else if (how == SCHEMA_DFA_SHIFT)
        n = 256 * sizeof(uint64_t);
    else if (how == SCHEMA_DFA_PAIRS)
        n = (r->nclass + r->n * r->nclass * r->nclass) * sizeof(uint16_t);
    return (n + 7) / 8 * 8;
}

static struct schema_dfa *
assemble(struct dfa_build *b, const struct rows *r, struct chain *ch)
{
    enum schema_dfa_how how = choose(ch, r);
    size_t more = extra(how, ch, r);
    size_t size = sizeof(struct schema_dfa) + more + (size_t)r->n * r->nclass * sizeof(uint16_t);
    struct schema_dfa *d = calloc(1, size);
    uint16_t *next;
    char *at;

    if (!d) {
        dfa_no_memory(b);
        return NULL;
    }
    at = (char *)(d + 1);
    next = (uint16_t *)(void *)(at + more);
    *d = (struct schema_dfa){.next = next, .nclass = r->nclass, .states = r->n, .how = how, .size = size};
    memcpy(d->cls, r->cls, sizeof d->cls);
    d->start = r->start * r->nclass;
    d->accept = r->nclass;
    d->first_final = r->first_final * r->nclass;
    for (uint32_t s = 0; s < r->n; s++)
        for (uint32_t k = 0; k < r->nclass; k++)
            *next++ = (uint16_t)(r->row[s][r->byte[k]] * r->nclass);
    if (how == SCHEMA_DFA_CHAIN) {
        fill_chain(d, (uint8_t *)at, ch);
    } else if (how == SCHEMA_DFA_SHIFT) {
        d->shift = (uint64_t *)(void *)at;
        fill_shift(d, (uint64_t *)(void *)at, r);
    } else if (how == SCHEMA_DFA_PAIRS) {
        d->first = (uint16_t *)(void *)at;
        d->pair = d->first + r->nclass;
        fill_pairs(d, (uint16_t *)(void *)at, (uint16_t *)(void *)at + r->nclass, r);
    }
    return d;
}

struct schema_dfa *
dfa_tables(struct dfa_build *b, uint16_t (*row)[256], uint32_t n, uint32_t start, uint32_t first_final)
{
    struct rows r = {.row = (const uint16_t(*)[256])row, .n = n, .start = start, .first_final = first_final};
    struct chain ch = {0};

    part(&r);
    if ((uint64_t)(n - 1) * r.nclass > UINT16_MAX) {
        dfa_refuse(b, "too many states for its classes of bytes");
        return NULL;
    }
    ch.lack = dfa_work(b, 5, (size_t)n + 1, 1);
    ch.end_ok = ch.lack ? dfa_work(b, 6, (size_t)n + 1, 1) : NULL;
    return ch.end_ok ? assemble(b, &r, &ch) : NULL;
}
