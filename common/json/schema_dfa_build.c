/* Memory, refusals and the order of the steps. */
#include "common/json/schema_dfa_impl.h"

#include <stdlib.h>

bool
dfa_refuse(struct dfa_build *b, const char *why)
{
    if (b->rc == RES_OK)
        b->rc = err_set(b->e, RES_REJECT, "no table of states for this pattern: %s", why);
    return false;
}

bool
dfa_no_memory(struct dfa_build *b)
{
    if (b->rc == RES_OK)
        b->rc = err_set(b->e, RES_RETRY, "out of memory");
    return false;
}

bool
dfa_spend(struct dfa_build *b, uint64_t steps)
{
    b->steps += steps;
    return b->steps <= DFA_MAX_STEPS || dfa_refuse(b, "it takes too much work");
}

void *
dfa_add(struct dfa_build *b, struct dfa_vec *v, size_t n, size_t size)
{
    size_t cap = v->cap ? v->cap : 16;
    void *p;

    while (cap < v->n + n)
        cap *= 2;
    if (cap != v->cap) {
        p = realloc(v->p, cap * size);
        if (!p) {
            dfa_no_memory(b);
            return NULL;
        }
        v->p = p;
        v->cap = cap;
        v->size = size;
    }
    p = (char *)v->p + v->n * size;
    memset(p, 0, n * size);
    v->n += n;
    return p;
}

void *
dfa_work(struct dfa_build *b, unsigned i, size_t n, size_t size)
{
    free(b->work[i].p);
    b->work[i] = (struct dfa_vec){0};
    return dfa_add(b, &b->work[i], n, size);
}

void
dfa_build_free(struct dfa_build *b)
{
    struct dfa_vec *all[] = {&b->range,     &b->set,    &b->scratch,  &b->node, &b->name,
                             &b->inst,      &b->cut,    &b->sym,      &b->has,  &b->raw.to,
                             &b->raw.final, &b->min.to, &b->min.final};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]->p);
    for (size_t i = 0; i < sizeof b->work / sizeof *b->work; i++)
        free(b->work[i].p);
}

static bool
has_any(struct dfa_build *b)
{
    return dfa_set_add(b, 0, DFA_LAST_POINT) && dfa_set_done(b, false, &b->any);
}

/* `*steps` is what the pattern has cost so far. */
static enum res
compile(struct dfa_build b, struct str pattern, uint64_t *steps, struct schema_dfa **ret)
{
    b.steps = *steps;
    if (has_any(&b) && dfa_parse(&b, pattern) && dfa_symbols(&b) && dfa_machine(&b) && dfa_states(&b) &&
        dfa_minimise(&b))
        *ret = dfa_bytes(&b);
    *steps = b.steps;
    dfa_build_free(&b);
    return b.rc;
}

/* {0,61} is sixty states, and * is one: most texts are short enough for the latter. */
static enum res
add_brief(struct schema_dfa *d, struct dfa_build b, struct str pattern, uint64_t *steps)
{
    struct err *e = b.e;
    struct err why = {0};
    struct schema_dfa *brief = NULL;
    enum res rc;

    b.e = &why;
    b.brief = true;
    rc = compile(b, pattern, steps, &brief);
    if (rc == RES_RETRY)
        return err_set(e, rc, "%s", why.text);
    if (brief && brief->how != SCHEMA_DFA_TABLE)
        d->brief = brief;
    else
        schema_dfa_free(brief);
    return RES_OK;
}

enum res
schema_dfa_compile(struct str pattern, uint32_t max_states, struct schema_dfa **ret, struct err *e)
{
    struct dfa_build b = {.e = e, .max_states = max_states ? max_states : SCHEMA_DFA_STATES};
    uint64_t steps = 0;
    enum res rc;

    *ret = NULL;
    if (b.max_states > SCHEMA_DFA_MAX_STATES)
        b.max_states = SCHEMA_DFA_MAX_STATES;
    rc = compile(b, pattern, &steps, ret);
    if (rc == RES_OK && *ret && (*ret)->how == SCHEMA_DFA_TABLE)
        rc = add_brief(*ret, b, pattern, &steps);
    if (rc != RES_OK) {
        schema_dfa_free(*ret);
        *ret = NULL;
    }
    return rc;
}

void
schema_dfa_free(struct schema_dfa *d)
{
    if (d)
        free(d->brief);
    free(d);
}
