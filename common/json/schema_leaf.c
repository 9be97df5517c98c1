/* A leaf block asks only for a type, an enum and what a string or a number must be. Most values in a document meet one,
 * and most are valid: they are passed here without a frame. Whatever is not clearly valid takes the long way, which
 * reports. */
#include "common/json/schema_run.h"

bool
schema_listed(struct schema_run *r, const struct schema_enum *list, const json_t *v)
{
    if (json_is_string(v) && schema_keys_has(&list->strings, json_string_value(v), json_string_length(v)))
        return true;
    for (uint32_t i = 0; i < list->n; i++)
        if (schema_equal(r, list->value[i], v, 0))
            return true;
    return false;
}

static inline bool
pattern_ok(struct schema_run *r, const struct schema_regex *re, struct str s)
{
    enum schema_match match;

    if (re->walk)
        return schema_walk_match(re->walk, s);
    match = schema_run_match(r, re, s);
    r->unsure |= match == MATCH_LIMIT || match == MATCH_MEMORY;
    return match == MATCH_YES;
}

/* Neither is inlined: numbers then need few registers, and strings no more than they need. */
__attribute__((noinline)) static bool
string_ok(struct schema_run *r, const struct schema_ins *in, const json_t *v)
{
    struct str s = {json_string_value(v), json_string_length(v)};
    bool ok = true;

    for (; ok && in->op != OP_END; in++) {
        const struct schema_format *format = in->p;
        bool no_memory = false;
        const struct schema_enum *list = in->p;

        switch (in->op) {
        case OP_FALSE:
            return false;
        case OP_ENUM:
            ok = schema_keys_has(&list->strings, s.p, s.n);
            break;
        case OP_MIN_LENGTH:
            ok = schema_min_length_ok(s, in->n);
            break;
        case OP_MAX_LENGTH:
            ok = schema_max_length_ok(s, in->n);
            break;
        case OP_PATTERN:
            ok = pattern_ok(r, in->p, s);
            break;
        default:
            ok = format->fn(s, format->builtin ? &no_memory : format->arg);
            r->unsure |= no_memory;
        }
    }
    return ok;
}

/* <0, 0, >0: the value against the bound. */
static inline int
compare(const json_t *v, const struct schema_bound *bound)
{
    double d;

    if (!bound->exact)
        return schema_num_cmp(schema_num_of(v), bound->num);
    if (json_is_integer(v)) {
        json_int_t i = json_integer_value(v);

        return (i > bound->num.i) - (i < bound->num.i);
    }
    d = json_real_value(v);
    return (d > bound->num.d) - (d < bound->num.d);
}

static inline bool
bound_ok(unsigned op, const json_t *v, const struct schema_bound *bound)
{
    int c = compare(v, bound);

    if (op == OP_MINIMUM)
        return c >= 0;
    if (op == OP_MAXIMUM)
        return c <= 0;
    return op == OP_EXCLUSIVE_MINIMUM ? c > 0 : c < 0;
}

__attribute__((noinline)) static bool
other_ok(struct schema_run *r, const struct schema_ins *in, const json_t *v)
{
    bool ok = true;

    for (; ok && in->op != OP_END; in++) {
        switch (in->op) {
        case OP_FALSE:
            return false;
        case OP_ENUM:
            ok = schema_listed(r, in->p, v);
            break;
        case OP_MULTIPLE_OF:
            ok = schema_num_multiple(schema_num_of(v), *(const struct schema_dec *)in->p);
            break;
        default:
            ok = bound_ok(in->op, v, in->p);
        }
    }
    return ok;
}

bool
schema_bound_ok(unsigned op, const json_t *v, const struct schema_bound *bound)
{
    return bound_ok(op, v, bound);
}

bool
schema_leaf_ok(struct schema_run *r, const struct schema_ins *in, const json_t *v)
{
    return json_is_string(v) ? string_ok(r, in, v) : other_ok(r, in, v);
}
