/* A leaf block asks only for a type, an enum and what a string or a number must be. Most values in a document meet one,
 * and most are valid: they are passed here without a frame. Whatever is not clearly valid takes the long way, which
 * reports. */
#include "common/json/schema_run.h"

bool
schema_listed(struct schema_run *r, const struct schema_enum *list, const json_t *v)
{
    if (json_is_string(v) &&
        schema_keys_find(&list->strings, json_string_value(v), json_string_length(v)) != SCHEMA_NONE)
        return true;
    for (uint32_t i = 0; i < list->n; i++)
        if (schema_equal(r, list->value[i], v, 0))
            return true;
    return false;
}

static bool
string_ok(struct schema_run *r, const struct schema_ins *in, struct str s)
{
    bool ok = true;

    for (; ok && in->op != OP_END; in++) {
        if (in->op == OP_MIN_LENGTH) {
            ok = schema_min_length_ok(s, in->n);
        } else if (in->op == OP_MAX_LENGTH) {
            ok = schema_max_length_ok(s, in->n);
        } else if (in->op == OP_PATTERN) {
            ok = schema_run_match(r, in->p, s) == MATCH_YES;
        } else {
            const struct schema_format *format = in->p;
            bool no_memory = false;

            ok = format->fn(s, format->builtin ? &no_memory : format->arg);
        }
    }
    return ok;
}

bool
schema_bound_ok(unsigned op, const json_t *v, const struct schema_bound *bound)
{
    int c;

    if (bound->exact && json_is_real(v)) {
        double d = json_real_value(v);

        c = (d > bound->num.d) - (d < bound->num.d);
    } else {
        c = schema_num_cmp(schema_num_of(v), bound->num);
    }
    if (op == OP_MINIMUM)
        return c >= 0;
    if (op == OP_MAXIMUM)
        return c <= 0;
    return op == OP_EXCLUSIVE_MINIMUM ? c > 0 : c < 0;
}

static bool
number_ok(const struct schema_ins *in, const json_t *v)
{
    bool ok = true;

    for (; ok && in->op != OP_END; in++)
        if (in->op == OP_MULTIPLE_OF)
            ok = schema_num_multiple(schema_num_of(v), *(const struct schema_dec *)in->p);
        else
            ok = schema_bound_ok(in->op, v, in->p);
    return ok;
}

bool
schema_leaf_ok(struct schema_run *r, const struct schema_block *blk, const json_t *v)
{
    const struct schema_ins *code = r->s->code;

    if (!r->steps || !schema_admits(blk, v))
        return false;
    r->steps--;
    for (const struct schema_ins *in = code + blk->any; in->op != OP_END; in++)
        if (!schema_listed(r, in->p, v))
            return false;
    if (json_is_string(v) && blk->list[JSON_STRING])
        return string_ok(r, code + blk->list[JSON_STRING],
                         (struct str){json_string_value(v), json_string_length(v)});
    if (json_is_number(v) && blk->list[JSON_INTEGER])
        return number_ok(code + blk->list[JSON_INTEGER], v);
    return true;
}
