/* Runs the program: entering blocks, the instructions for one value, logic and references. */
#include "common/json/schema_run.h"

static inline bool
run_list(struct schema_frame *f, uint32_t start)
{
    bool ok = true;

    for (const struct schema_ins *in = f->run->s->code + start; in->op != OP_END; in++) {
        if (schema_ops[in->op](f, in))
            continue;
        ok = false;
        if (f->run->fast)
            break;
    }
    return ok;
}

static inline bool
run_body(struct schema_frame *f)
{
    const struct schema_block *blk = f->blk;
    bool ok = schema_admits(blk, f->v) || schema_report(f, KW_TYPE);

    if (!ok && f->run->fast)
        return false;
    if (blk->any)
        ok = run_list(f, blk->any) && ok;
    if (!ok && f->run->fast)
        return false;
    if (blk->list[json_typeof(f->v)])
        ok = run_list(f, blk->list[json_typeof(f->v)]) && ok;
    return ok;
}

/* A block that asks what its own keywords have evaluated: counts afresh, then adds to what the outer one hears. */
static bool
run_tracked(struct schema_frame *f, size_t n)
{
    struct schema_seen *outer = f->seen;
    struct schema_seen own;
    bool ok;

    if (!schema_seen_init(&own, n))
        return schema_limit(f->run, f, "memory");
    f->seen = &own;
    ok = run_body(f);
    f->seen = outer;
    if (outer)
        schema_seen_merge(outer, &own);
    schema_seen_free(&own);
    return ok;
}

bool
schema_enter(struct schema_frame *f)
{
    struct schema_run *r = f->run;
    bool ok;

    if (r->limit)
        return false;
    if (!r->steps)
        return schema_limit(r, f, "steps");
    if (!r->depth)
        return schema_limit(r, f, "depth");
    r->steps--;
    r->depth--;
    if (f->blk->flags & BLOCK_TRACK_OBJECT && json_is_object(f->v))
        ok = run_tracked(f, json_object_size(f->v));
    else if (f->blk->flags & BLOCK_TRACK_ARRAY && json_is_array(f->v))
        ok = run_tracked(f, json_array_size(f->v));
    else
        ok = run_body(f);
    r->depth++;
    return ok;
}

bool
schema_enter_same(struct schema_frame *f, const struct schema_block *blk, struct schema_seen *seen)
{
    struct schema_frame sub = {
        .run = f->run, .up = f, .blk = blk, .v = f->v, .seen = seen, .step = STEP_SAME};

    return schema_enter(&sub);
}

bool
schema_enter_key(struct schema_frame *f, const struct schema_block *blk, const json_t *v, const char *key,
                 size_t n)
{
    struct schema_frame sub = {
        .run = f->run, .up = f, .blk = blk, .v = v, .key = key, .n = n, .step = STEP_KEY};

    return schema_enter(&sub);
}

bool
schema_enter_index(struct schema_frame *f, const struct schema_block *blk, const json_t *v, size_t i)
{
    struct schema_frame sub = {.run = f->run, .up = f, .blk = blk, .v = v, .n = i, .step = STEP_INDEX};

    return schema_enter(&sub);
}

/* Block `b`, which another keyword than an applicator leads to. */
static bool
refer(struct schema_frame *f, uint32_t b, unsigned kw)
{
    const struct schema_block *blk = &f->run->s->block[b];
    struct schema_frame sub = {
        .run = f->run, .up = f, .blk = blk, .v = f->v, .seen = f->seen, .n = kw, .step = STEP_REF};

    return schema_passes(f->run, blk, f->v) || schema_enter(&sub);
}

/* Whether `b` holds, without a word; what it evaluated counts only then. */
static bool
holds(struct schema_frame *f, uint32_t b)
{
    struct schema_seen own;
    bool ok;

    f->run->fast++;
    if (!f->seen) {
        ok = schema_same(f, b, NULL);
    } else if (!schema_seen_init(&own, f->seen->n)) {
        ok = schema_limit(f->run, f, "memory");
    } else {
        ok = schema_same(f, b, &own);
        if (ok)
            schema_seen_merge(f->seen, &own);
        schema_seen_free(&own);
    }
    f->run->fast--;
    return ok;
}

static bool
op_false(struct schema_frame *f, const struct schema_ins *in)
{
    return schema_report(f, in->kw);
}

static bool
op_ref(struct schema_frame *f, const struct schema_ins *in)
{
    return refer(f, in->block, in->kw);
}

/* The outermost resource of those entered that has the anchor wins. */
static bool
op_dynamic_ref(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_dyn_ref *ref = in->p;
    const struct schema_frame *at = f;
    uint32_t block = ref->fallback;

    do {
        if (at->up && at->up->blk->res == at->blk->res)
            continue;
        for (uint32_t i = 0; i < ref->n; i++)
            if (ref->target[i].res == at->blk->res)
                block = ref->target[i].block;
    } while ((at = at->up));
    return refer(f, block, in->kw);
}

static bool
op_all_of(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_list *list = in->p;
    bool ok = true;

    for (uint32_t i = 0; i < list->n && (ok || !f->run->fast); i++)
        ok = schema_same(f, list->block[i], f->seen) && ok;
    return ok;
}

static bool
op_any_of(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_list *list = in->p;
    bool ok = false;

    for (uint32_t i = 0; i < list->n && (!ok || f->seen); i++)
        ok = holds(f, list->block[i]) || ok;
    return ok || schema_report(f, in->kw);
}

static bool
op_one_of(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_list *list = in->p;
    unsigned n = 0;

    for (uint32_t i = 0; i < list->n && n < 2; i++)
        n += holds(f, list->block[i]);
    return n == 1 || schema_report(f, in->kw);
}

static bool
op_not(struct schema_frame *f, const struct schema_ins *in)
{
    bool ok;

    f->run->fast++;
    ok = schema_same(f, in->block, NULL);
    f->run->fast--;
    return !ok || schema_report(f, in->kw);
}

static bool
op_if(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_cond *cond = in->p;
    uint32_t next;

    if (!f->seen && cond->yes == SCHEMA_NONE && cond->no == SCHEMA_NONE)
        return true;
    next = holds(f, cond->test) ? cond->yes : cond->no;
    return next == SCHEMA_NONE || schema_same(f, next, f->seen);
}

static bool
op_enum(struct schema_frame *f, const struct schema_ins *in)
{
    return schema_listed(f->run, in->p, f->v) || schema_report(f, in->kw);
}

static struct str
text_of(const struct schema_frame *f)
{
    return (struct str){json_string_value(f->v), json_string_length(f->v)};
}

static bool
op_min_length(struct schema_frame *f, const struct schema_ins *in)
{
    return schema_min_length_ok(text_of(f), in->n) || schema_report(f, in->kw);
}

static bool
op_max_length(struct schema_frame *f, const struct schema_ins *in)
{
    return schema_max_length_ok(text_of(f), in->n) || schema_report(f, in->kw);
}

static bool
op_pattern(struct schema_frame *f, const struct schema_ins *in)
{
    switch (schema_run_match(f->run, in->p, text_of(f))) {
    case MATCH_YES:
        return true;
    case MATCH_NO:
        return schema_report(f, in->kw);
    case MATCH_LIMIT:
        return schema_limit(f->run, f, "regex");
    default:
        return schema_limit(f->run, f, "memory");
    }
}

static bool
op_format(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_format *format = in->p;
    struct str s = {json_string_value(f->v), json_string_length(f->v)};

    bool no_memory = false;
    bool ok = format->fn(s, format->builtin ? &no_memory : format->arg);

    if (no_memory)
        return schema_limit(f->run, f, "memory");
    return ok || schema_report(f, in->kw);
}

static bool
op_bound(struct schema_frame *f, const struct schema_ins *in)
{
    return schema_bound_ok(in->op, f->v, in->p) || schema_report(f, in->kw);
}

static bool
op_multiple_of(struct schema_frame *f, const struct schema_ins *in)
{
    const struct schema_dec *of = in->p;

    return schema_num_multiple(schema_num_of(f->v), *of) || schema_report(f, in->kw);
}

static bool
op_min_size(struct schema_frame *f, const struct schema_ins *in)
{
    size_t n = json_is_object(f->v) ? json_object_size(f->v) : json_array_size(f->v);

    return n >= in->n || schema_report(f, in->kw);
}

static bool
op_max_size(struct schema_frame *f, const struct schema_ins *in)
{
    size_t n = json_is_object(f->v) ? json_object_size(f->v) : json_array_size(f->v);

    return n <= in->n || schema_report(f, in->kw);
}

static bool
op_unique(struct schema_frame *f, const struct schema_ins *in)
{
    return schema_unique(f->run, f->v) || schema_report(f, in->kw);
}

const schema_op_fn schema_ops[OP_COUNT] = {
    [OP_FALSE] = op_false,
    [OP_REF] = op_ref,
    [OP_DYNAMIC_REF] = op_dynamic_ref,
    [OP_ALL_OF] = op_all_of,
    [OP_ANY_OF] = op_any_of,
    [OP_ONE_OF] = op_one_of,
    [OP_NOT] = op_not,
    [OP_IF] = op_if,
    [OP_ENUM] = op_enum,
    [OP_OBJECT] = schema_op_object,
    [OP_REQUIRED] = schema_op_required,
    [OP_MIN_PROPERTIES] = op_min_size,
    [OP_MAX_PROPERTIES] = op_max_size,
    [OP_DEPENDENT_REQUIRED] = schema_op_dependent_required,
    [OP_DEPENDENT_SCHEMAS] = schema_op_dependent_schemas,
    [OP_UNEVALUATED_PROPERTIES] = schema_op_unevaluated_properties,
    [OP_ARRAY] = schema_op_array,
    [OP_CONTAINS] = schema_op_contains,
    [OP_MIN_ITEMS] = op_min_size,
    [OP_MAX_ITEMS] = op_max_size,
    [OP_UNIQUE] = op_unique,
    [OP_UNEVALUATED_ITEMS] = schema_op_unevaluated_items,
    [OP_MIN_LENGTH] = op_min_length,
    [OP_MAX_LENGTH] = op_max_length,
    [OP_PATTERN] = op_pattern,
    [OP_FORMAT] = op_format,
    [OP_MINIMUM] = op_bound,
    [OP_MAXIMUM] = op_bound,
    [OP_EXCLUSIVE_MINIMUM] = op_bound,
    [OP_EXCLUSIVE_MAXIMUM] = op_bound,
    [OP_MULTIPLE_OF] = op_multiple_of,
};
