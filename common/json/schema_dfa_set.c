/* Sets of code points, and the symbols: classes of code points that no set of the pattern tells apart. */
#include "common/json/schema_dfa_impl.h"

#include <stdlib.h>

static const struct dfa_range digit[] = {{'0', '9'}};
static const struct dfa_range word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
/* WhiteSpace and LineTerminator of ECMA-262: the control ones, Zs, and U+FEFF */
static const struct dfa_range space[] = {
    {0x9, 0xd},       {0x20, 0x20},     {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
    {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}};
static const struct dfa_range newline[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

static const struct {
    char yes, no; /* the escape for the set, and for all but it */
    const struct dfa_range *r;
    size_t n;
} named[] = {
    {'d', 'D', digit, sizeof digit / sizeof *digit},
    {'w', 'W', word, sizeof word / sizeof *word},
    {'s', 'S', space, sizeof space / sizeof *space},
    {'\0', '.', newline, sizeof newline / sizeof *newline},
};

bool
dfa_set_add(struct dfa_build *b, uint32_t lo, uint32_t hi)
{
    struct dfa_range *r = dfa_add(b, &b->scratch, 1, sizeof *r);

    if (r)
        *r = (struct dfa_range){lo, hi};
    return r;
}

/* All but the `n` ascending ranges. */
static bool
add_others(struct dfa_build *b, const struct dfa_range *r, size_t n)
{
    uint32_t from = 0;

    for (size_t i = 0; i < n; i++) {
        if (r[i].lo > from && !dfa_set_add(b, from, r[i].lo - 1))
            return false;
        from = r[i].hi + 1;
    }
    return from > DFA_LAST_POINT || dfa_set_add(b, from, DFA_LAST_POINT);
}

bool
dfa_set_add_named(struct dfa_build *b, char name)
{
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (name == named[i].no)
            return add_others(b, named[i].r, named[i].n);
        for (size_t k = 0; name == named[i].yes && k < named[i].n; k++)
            if (!dfa_set_add(b, named[i].r[k].lo, named[i].r[k].hi))
                return false;
    }
    return true;
}

static int
by_lo(const void *x, const void *y)
{
    const struct dfa_range *a = x;
    const struct dfa_range *b = y;

    return a->lo < b->lo ? -1 : a->lo > b->lo;
}

/* Ascending and apart. */
static size_t
merge(struct dfa_range *r, size_t n)
{
    size_t k = 0;

    qsort(r, n, sizeof *r, by_lo);
    for (size_t i = 0; i < n; i++)
        if (k && r[i].lo <= r[k - 1].hi + 1)
            r[k - 1].hi = r[i].hi > r[k - 1].hi ? r[i].hi : r[k - 1].hi;
        else
            r[k++] = r[i];
    return k;
}

/* Surrogates are not in UTF-8: each range is cut around them. */
static bool
without_surrogates(struct dfa_build *b)
{
    for (size_t i = 0, n = b->scratch.n; i < n; i++) {
        struct dfa_range r = ((struct dfa_range *)b->scratch.p)[i];
        struct dfa_range *in = &((struct dfa_range *)b->scratch.p)[i];

        if (r.hi < 0xd800 || r.lo > 0xdfff)
            continue;
        if (r.lo >= 0xd800)
            in->lo = 0xe000;
        else
            in->hi = 0xd7ff;
        if (r.lo < 0xd800 && r.hi > 0xdfff && !dfa_set_add(b, 0xe000, r.hi))
            return false;
    }
    return true;
}

/* Sorts and merges the class being read; drops the empty ranges that are left of surrogates. */
static bool
tidy(struct dfa_build *b, bool negate)
{
    struct dfa_range *r;
    size_t n;
    size_t k = 0;

    b->scratch.n = b->scratch.n ? merge(b->scratch.p, b->scratch.n) : 0;
    if (negate) {
        n = b->scratch.n;
        r = dfa_work(b, 0, n + 1, sizeof *r);
        if (!r)
            return false;
        if (n)
            memcpy(r, b->scratch.p, n * sizeof *r);
        b->scratch.n = 0;
        if (!add_others(b, r, n))
            return false;
    }
    if (!without_surrogates(b))
        return false;
    r = b->scratch.p;
    for (size_t i = 0; i < b->scratch.n; i++)
        if (r[i].lo <= r[i].hi)
            r[k++] = r[i];
    b->scratch.n = k ? merge(r, k) : 0;
    return true;
}

bool
dfa_set_done(struct dfa_build *b, bool negate, uint32_t *ret)
{
    struct dfa_set *set;
    struct dfa_range *r;
    size_t n;

    if (!tidy(b, negate))
        return false;
    n = b->scratch.n;
    set = b->set.p;
    for (*ret = 0; *ret < b->set.n; ++*ret)
        if (set[*ret].n == n && (!n || memcmp(dfa_ranges(b, *ret), b->scratch.p, n * sizeof *r) == 0))
            break;
    if (!dfa_spend(b, *ret))
        return false;
    if (*ret == b->set.n) {
        if (*ret == DFA_MAX_SETS)
            return dfa_refuse(b, "too many different classes and letters");
        set = dfa_add(b, &b->set, 1, sizeof *set);
        r = set ? dfa_add(b, &b->range, n ? n : 1, sizeof *r) : NULL;
        if (!r)
            return false;
        *set = (struct dfa_set){.at = (uint32_t)(r - (struct dfa_range *)b->range.p), .n = (uint32_t)n};
        if (n)
            memcpy(r, b->scratch.p, n * sizeof *r);
    }
    b->scratch.n = 0;
    return true;
}

/* ---- symbols ------------------------------------------------------------------------------------------------------- */

static int
by_value(const void *x, const void *y)
{
    const uint32_t *a = x;
    const uint32_t *b = y;

    return *a < *b ? -1 : *a > *b;
}

static bool
cuts(struct dfa_build *b)
{
    static const uint32_t fixed[] = {0, 0x80, 0xd800, 0xe000};
    uint32_t *c = dfa_add(b, &b->cut, 4 + 2 * b->range.n, sizeof *c);
    size_t n = 4;
    size_t k = 0;

    if (!c)
        return false;
    memcpy(c, fixed, sizeof fixed);
    for (size_t s = 0; s < b->set.n; s++)
        for (size_t i = 0; i < ((struct dfa_set *)b->set.p)[s].n; i++) {
            struct dfa_range r = dfa_ranges(b, (uint32_t)s)[i];

            c[n++] = r.lo;
            if (r.hi < DFA_LAST_POINT)
                c[n++] = r.hi + 1;
        }
    qsort(c, n, sizeof *c, by_value);
    for (size_t i = 0; i < n; i++)
        if (!k || c[i] != c[k - 1])
            c[k++] = c[i];
    b->cut.n = k;
    return true;
}

uint32_t
dfa_interval(const struct dfa_build *b, uint32_t point)
{
    const uint32_t *c = b->cut.p;
    size_t lo = 0;
    size_t hi = b->cut.n;

    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;

        if (c[mid] <= point)
            lo = mid;
        else
            hi = mid;
    }
    return (uint32_t)lo;
}

/* Splits each symbol into what is in the set and what is not. `made` has room for two numbers a symbol. */
static void
refine(struct dfa_build *b, uint32_t set, uint32_t *made)
{
    const uint32_t *c = b->cut.p;
    uint32_t *sym = b->sym.p;
    const struct dfa_range *r = dfa_ranges(b, set);
    const struct dfa_range *end = r + ((struct dfa_set *)b->set.p)[set].n;
    uint32_t n = 0;

    memset(made, 0xff, 2 * sizeof *made * b->nsym);
    for (size_t i = 0; i < b->cut.n; i++) {
        uint32_t *m;

        if (c[i] == 0xd800) /* nothing to be told apart from: as what stands before */
            continue;
        while (r < end && r->hi < c[i])
            r++;
        m = &made[2 * sym[i] + (r < end && r->lo <= c[i])];
        if (*m == UINT32_MAX)
            *m = n++;
        sym[i] = *m;
    }
    b->nsym = n;
}

static bool
memberships(struct dfa_build *b)
{
    const uint32_t *c = b->cut.p;
    const uint32_t *sym = b->sym.p;
    uint8_t *has = dfa_add(b, &b->has, b->set.n * b->nsym, 1);

    if (!has)
        return false;
    for (uint32_t s = 0; s < b->set.n; s++) {
        const struct dfa_range *r = dfa_ranges(b, s);

        for (uint32_t k = 0; k < ((struct dfa_set *)b->set.p)[s].n; k++)
            for (uint32_t i = dfa_interval(b, r[k].lo); i < b->cut.n && c[i] <= r[k].hi; i++)
                has[s * b->nsym + sym[i]] = 1;
    }
    return true;
}

bool
dfa_symbols(struct dfa_build *b)
{
    uint32_t *made;
    uint32_t *sym;

    if (!cuts(b))
        return false;
    sym = dfa_add(b, &b->sym, b->cut.n, sizeof *sym);
    made = dfa_work(b, 0, 2 * b->cut.n, sizeof *made);
    if (!sym || !made || !dfa_spend(b, (uint64_t)b->set.n * b->cut.n))
        return false;
    b->nsym = 1;
    for (uint32_t s = 0; s < b->set.n; s++)
        refine(b, s, made);
    for (size_t i = 1; i < b->cut.n; i++)
        if (((uint32_t *)b->cut.p)[i] == 0xd800)
            sym[i] = sym[i - 1];
    return memberships(b);
}
