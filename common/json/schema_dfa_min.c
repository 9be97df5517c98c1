/* Fewest states: Hopcroft's refinement, by the smaller half. */
#include "common/json/schema_dfa_impl.h"

struct hopcroft {
    struct dfa_build *b;
    uint32_t n, nblock;
    /* the members of block k stand in member[first[k]] up to member[end[k]], the marked ones in front */
    uint32_t *member, *place, *block;
    uint32_t *first, *end, *marked;
    uint32_t *queue, *splitter, *touched;
    uint32_t nqueue, ntouched;
    /* the states that symbol s leads to state q: from[at[s * (n + 1) + q]] up to from[at[s * (n + 1) + q + 1]] */
    uint32_t *at, *from;
};

static bool
invert(struct hopcroft *h)
{
    struct dfa_build *b = h->b;
    const uint32_t *to = b->raw.to.p;
    uint32_t sum = 0;

    h->at = dfa_work(b, 1, (size_t)b->nsym * (h->n + 1) + 1, sizeof *h->at);
    h->from = h->at ? dfa_work(b, 2, (size_t)b->nsym * h->n, sizeof *h->from) : NULL;
    if (!h->from)
        return false;
    for (uint32_t q = 0; q < h->n; q++)
        for (uint32_t s = 0; s < b->nsym; s++)
            h->at[s * (h->n + 1) + to[q * b->nsym + s]]++;
    for (uint32_t i = 0; i < b->nsym * (h->n + 1); i++) {
        sum += h->at[i];
        h->at[i] = sum; /* the end; filling counts it down to the beginning */
    }
    for (uint32_t q = 0; q < h->n; q++)
        for (uint32_t s = 0; s < b->nsym; s++)
            h->from[--h->at[s * (h->n + 1) + to[q * b->nsym + s]]] = q;
    return true;
}

static bool
begin(struct hopcroft *h)
{
    uint32_t *p = dfa_work(h->b, 0, 9 * (size_t)h->n, sizeof *p);
    uint32_t **slice[] = {&h->member, &h->place, &h->block,    &h->first,  &h->end,
                          &h->marked, &h->queue, &h->splitter, &h->touched};
    const uint8_t *final = h->b->raw.final.p;
    uint32_t low = 0;
    uint32_t high = h->n;

    if (!p || !invert(h))
        return false;
    for (size_t i = 0; i < 9; i++)
        *slice[i] = p + i * h->n;
    for (uint32_t q = 0; q < h->n; q++) {
        h->block[q] = final[q];
        h->place[q] = final[q] ? --high : low++;
        h->member[h->place[q]] = q;
    }
    h->end[0] = h->first[1] = low; /* neither is empty: one state is dead, one has matched */
    h->end[1] = h->n;
    h->nblock = 2;
    h->queue[h->nqueue++] = 0;
    h->queue[h->nqueue++] = 1;
    return true;
}

static void
mark(struct hopcroft *h, uint32_t q)
{
    uint32_t k = h->block[q];
    uint32_t to = h->first[k] + h->marked[k];
    uint32_t other = h->member[to];

    if (h->place[q] < to)
        return;
    if (!h->marked[k]++)
        h->touched[h->ntouched++] = k;
    h->member[h->place[q]] = other;
    h->place[other] = h->place[q];
    h->member[to] = q;
    h->place[q] = to;
}

/* Parts the marked members of a block from the rest; the smaller part is the new block and is queued, which is right
 * whether or not the old one is queued still. */
static void
split(struct hopcroft *h, uint32_t k)
{
    uint32_t n = h->end[k] - h->first[k];
    uint32_t m = h->marked[k];
    uint32_t add = h->nblock;

    h->marked[k] = 0;
    if (m == n)
        return;
    if (m <= n - m) {
        h->first[add] = h->first[k];
        h->end[add] = h->first[k] += m;
    } else {
        h->first[add] = h->first[k] + m;
        h->end[add] = h->end[k];
        h->end[k] = h->first[add];
    }
    for (uint32_t i = h->first[add]; i < h->end[add]; i++)
        h->block[h->member[i]] = add;
    h->nblock++;
    h->queue[h->nqueue++] = add;
}

static bool
refine(struct hopcroft *h)
{
    uint32_t k = h->queue[--h->nqueue];
    uint32_t n = h->end[k] - h->first[k];

    memcpy(h->splitter, h->member + h->first[k], n * sizeof *h->splitter); /* it may be split itself */
    for (uint32_t s = 0; s < h->b->nsym; s++) {
        const uint32_t *at = h->at + (size_t)s * (h->n + 1);

        if (!dfa_spend(h->b, n))
            return false;
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = at[h->splitter[i]]; j < at[h->splitter[i] + 1]; j++) {
                mark(h, h->from[j]);
                h->b->steps++;
            }
        while (h->ntouched)
            split(h, h->touched[--h->ntouched]);
    }
    return true;
}

/* The blocks as states: that of the dead state 0, that of the matched one 1. */
static bool
collect(struct hopcroft *h)
{
    struct dfa_build *b = h->b;
    uint32_t nsym = b->nsym;
    uint32_t *number = h->queue; /* empty by now */
    uint32_t *to = dfa_add(b, &b->min.to, (size_t)h->nblock * nsym, sizeof *to);
    uint8_t *final = to ? dfa_add(b, &b->min.final, h->nblock, 1) : NULL;
    uint32_t n = 2;

    if (!final)
        return false;
    for (uint32_t k = 0; k < h->nblock; k++)
        number[k] = k == h->block[0] ? 0 : k == h->block[1] ? 1 : n++;
    for (uint32_t k = 0; k < h->nblock; k++) {
        uint32_t q = h->member[h->first[k]];

        final[number[k]] = ((uint8_t *)b->raw.final.p)[q];
        for (uint32_t s = 0; s < nsym; s++)
            to[number[k] * nsym + s] = number[h->block[((uint32_t *)b->raw.to.p)[(size_t)q * nsym + s]]];
    }
    b->min.n = h->nblock;
    b->min.start = number[h->block[b->raw.start]];
    return true;
}

bool
dfa_minimise(struct dfa_build *b)
{
    struct hopcroft h = {.b = b, .n = b->raw.n};

    if (!begin(&h))
        return false;
    while (h.nqueue)
        if (!refine(&h))
            return false;
    return collect(&h);
}
