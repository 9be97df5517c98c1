/* Matching: four loops over tables that no one changes. */
#include "common/json/schema_dfa.h"

/* The text is only looked up byte by byte; nothing waits for the byte before. */
static bool
match_chain(const struct schema_dfa *d, const unsigned char *p, size_t n)
{
    size_t k = n < d->places ? n : d->places;
    const unsigned char *end = p + n;
    uint8_t all = 0xff;

    if (!d->end_ok[k] || (n > k && !d->rest && !d->rest_any))
        return false;
    for (size_t i = 0; i < k; i++)
        all &= d->bit[p[i]] | d->lack[i];
    if (all != 0xff)
        return false;
    if (d->rest_any)
        return true;
    p += k;
    for (all = d->rest; all && end - p >= 32; p += 32)
        for (size_t i = 0; i < 32; i++)
            all &= d->bit[p[i]];
    while (p < end)
        all &= d->bit[*p++];
    return all || n == k;
}

static bool
match_shift(const struct schema_dfa *d, const unsigned char *p, size_t n)
{
    const uint64_t *shift = d->shift;
    uint64_t s = d->fast_start;
    const unsigned char *end = p + n;

    while (end - p >= 8) {
        for (int i = 0; i < 8; i++)
            s = shift[p[i]] >> (s & 63);
        p += 8;
        if ((s & 63) <= 6)
            return (s & 63) == 6;
    }
    while (p < end)
        s = shift[*p++] >> (s & 63);
    s &= 63;
    return s == 6 || s >= d->fast_final;
}

static bool
match_pairs(const struct schema_dfa *d, const unsigned char *p, size_t n)
{
    const uint16_t *pair = d->pair;
    const uint8_t *cls = d->cls;
    uint32_t nclass = d->nclass;
    uint32_t s = d->fast_start;
    const unsigned char *end = p + n;

    if (n & 1)
        s = d->first[cls[*p++]];
    for (; p < end; p += 2) {
        s = pair[s + cls[p[0]] * nclass + cls[p[1]]];
        if (s <= d->fast_accept)
            break;
    }
    return s == d->fast_accept || s >= d->fast_final;
}

static bool
match_table(const struct schema_dfa *d, const unsigned char *p, size_t n)
{
    const unsigned char *end = p + n;
    uint32_t s = d->start;

    while (p < end) {
        s = schema_dfa_step(d, s, *p++);
        if (schema_dfa_decided(d, s))
            break;
    }
    return schema_dfa_final(d, s);
}

bool
schema_dfa_match(const struct schema_dfa *d, struct str s)
{
    const unsigned char *p = (const unsigned char *)(s.n ? s.p : "");

    switch (d->how) {
    case SCHEMA_DFA_CHAIN:
        return match_chain(d, p, s.n);
    case SCHEMA_DFA_SHIFT:
        return match_shift(d, p, s.n);
    case SCHEMA_DFA_PAIRS:
        return match_pairs(d, p, s.n);
    case SCHEMA_DFA_TABLE:
        break;
    }
    return match_table(d, p, s.n);
}

size_t
schema_dfa_states(const struct schema_dfa *d)
{
    return d->states;
}

size_t
schema_dfa_size(const struct schema_dfa *d)
{
    return d->size;
}
