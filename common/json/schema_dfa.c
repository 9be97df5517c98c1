/* Matching: four loops over tables that no one changes. */
#include "common/json/schema_dfa.h"

/* The bits that all bytes have. By eight, since the counting costs as much as the looking up. */
static uint8_t
common_bits(const uint8_t *bit, const unsigned char *p, size_t n)
{
    const unsigned char *end = p + n;
    unsigned all = 0xff;

    for (; all && end - p >= 8; p += 8)
        all &= bit[p[0]] & bit[p[1]] & bit[p[2]] & bit[p[3]] & bit[p[4]] & bit[p[5]] & bit[p[6]] & bit[p[7]];
    while (p < end)
        all &= bit[*p++];
    return (uint8_t)all;
}

/* Whether each byte is in the set of its place. */
static bool
in_place(const uint8_t *bit, const uint8_t *lack, const unsigned char *p, size_t n)
{
    const unsigned char *end = p + n;
    unsigned all = 0xff;

    for (; end - p >= 4; p += 4, lack += 4)
        all &= (bit[p[0]] | lack[0]) & (bit[p[1]] | lack[1]) & (bit[p[2]] | lack[2]) & (bit[p[3]] | lack[3]);
    while (p < end)
        all &= bit[*p++] | *lack++;
    return all == 0xff;
}

/* The text is only looked up byte by byte; no step waits for the one before. */
static bool
match_chain(const struct schema_dfa *d, const unsigned char *p, size_t n)
{
    size_t k = n < d->places ? n : d->places;

    if (!d->end_ok[k] || (n > k && !d->rest && !d->rest_any))
        return false;
    if (k && !in_place(d->bit, d->lack, p, k))
        return false;
    return d->rest_any || n == k || (common_bits(d->bit, p + k, n - k) & d->rest);
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
    size_t nclass = d->nclass;
    uint32_t s = d->fast_start;
    const unsigned char *end = p + n;

    if (n & 1)
        s = d->first[cls[*p++]];
    for (; p < end; p += 2) {
        const uint16_t *column = pair + cls[p[0]] * nclass + cls[p[1]];

        s = column[s];
        if (s <= d->fast_accept)
            break;
    }
    return s == d->fast_accept || s >= d->fast_final;
}

static bool
match_table(const struct schema_dfa *d, const unsigned char *p, size_t n)
{
    const unsigned char *end = p + n;
    const uint16_t *next = d->next;
    uint32_t s = d->start;

    while (p < end) {
        const uint16_t *column = next + d->cls[*p++];

        s = column[s];
        if (schema_dfa_decided(d, s))
            break;
    }
    return schema_dfa_final(d, s);
}

bool
schema_dfa_match(const struct schema_dfa *d, struct str s)
{
    const unsigned char *p = (const unsigned char *)(s.n ? s.p : "");

    if (d->brief && s.n <= SCHEMA_DFA_BRIEF)
        d = d->brief;
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
    return d->size + (d->brief ? d->brief->size : 0);
}
