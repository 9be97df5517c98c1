/* schema_run: a check under way: what the files that run a program share. Internal. */
#ifndef JSON_SCHEMA_RUN_H
#define JSON_SCHEMA_RUN_H

#include "common/json/schema_impl.h"

struct schema_seen { /* which members or items have been evaluated, by position */
    size_t n;
    uint64_t *w; /* `small`, or allocated */
    uint64_t small;
};

struct schema_run {
    const struct schema *s;
    schema_finding_cb cb;
    void *arg;
    uint64_t steps;    /* left */
    uint32_t depth;    /* left */
    uint32_t fast;     /* > 0: the first error ends it and nothing is reported */
    const char *limit; /* which one was hit, or NULL */
    bool limit_told;
    bool unsure; /* schema_leaf_ok came to a limit; or, in schema_quick.c, anything did */
    pcre2_match_data *md;
};

enum schema_step { STEP_SAME, STEP_KEY, STEP_INDEX, STEP_NAME, STEP_REF };

struct schema_frame { /* one subschema on one value */
    struct schema_run *run;
    const struct schema_frame *up;
    const struct schema_block *blk;
    const json_t *v;
    struct schema_seen *seen; /* NULL: nobody asks what was evaluated */
    const char *key;          /* STEP_KEY, STEP_NAME: the name, of `n` bytes; STEP_INDEX: `n` is the index;
                               * STEP_REF: `n` is the keyword that referred */
    size_t n;
    enum schema_step step;
};

typedef bool (*schema_op_fn)(struct schema_frame *f, const struct schema_ins *in);
extern const schema_op_fn schema_ops[OP_COUNT];

/* Whether the block's `type` lets the value in. */
static inline bool
schema_admits(const struct schema_block *blk, const json_t *v)
{
    if (blk->types >> json_typeof(v) & 1)
        return true;
    return json_is_real(v) && blk->types >> JSON_INTEGER & 1 && schema_num_integral(json_real_value(v));
}

/* In code points; most texts are decided by their bytes. */
static inline bool
schema_min_length_ok(struct str s, uint64_t min)
{
    return s.n >= min && (s.n / 4 >= min || schema_code_points(s.p, s.n) >= min);
}

static inline bool
schema_max_length_ok(struct str s, uint64_t max)
{
    return s.n <= max || schema_code_points(s.p, s.n) <= max;
}

bool schema_enter(struct schema_frame *f);
/* Whether the whole program can be run by schema_quick. */
bool schema_quick_can(const struct schema *s);
/* Whether the value is valid; false when that could not be decided. Reports nothing. */
bool schema_quick(struct schema_run *r, const json_t *v, bool *valid);
/* True: the value meets this list of a leaf block. False: not known, enter it. */
bool schema_leaf_ok(struct schema_run *r, const struct schema_ins *in, const json_t *v);
bool schema_listed(struct schema_run *r, const struct schema_enum *list, const json_t *v);
bool schema_bound_ok(unsigned op, const json_t *v, const struct schema_bound *bound);
/* Matches with the spare match block of the schema, or with a new one. */
enum schema_match schema_run_match(struct schema_run *r, const struct schema_regex *re, struct str s);
/* Reports keyword `kw`; always false. */
bool schema_report(struct schema_frame *f, unsigned kw);
bool schema_report_at(const struct schema_frame *f, unsigned kw, struct str property);
/* Notes that a limit was hit, reports it once; always false. `f` may be NULL. */
bool schema_limit(struct schema_run *r, const struct schema_frame *f, const char *which);
bool schema_enter_same(struct schema_frame *f, const struct schema_block *blk, struct schema_seen *seen);
bool schema_enter_key(struct schema_frame *f, const struct schema_block *blk, const json_t *v,
                      const char *key, size_t n);
bool schema_enter_index(struct schema_frame *f, const struct schema_block *blk, const json_t *v, size_t i);

/* Nothing to check, or a leaf that is valid. */
static inline bool
schema_passes(struct schema_run *r, const struct schema_block *blk, const json_t *v)
{
    const struct schema_ins *in;

    if (!(blk->flags & BLOCK_LEAF))
        return blk->flags & BLOCK_TRIVIAL;
    if (!r->steps)
        return false;
    r->steps--;
    in = blk->leaf[json_typeof(v)];
    return !in || schema_leaf_ok(r, in, v);
}

/* Block `b` on the same value, on a member's, on an item's. */
static inline bool
schema_same(struct schema_frame *f, uint32_t b, struct schema_seen *seen)
{
    const struct schema_block *blk = &f->run->s->block[b];

    return schema_passes(f->run, blk, f->v) || schema_enter_same(f, blk, seen);
}

static inline bool
schema_on_key(struct schema_frame *f, uint32_t b, const json_t *v, const char *key, size_t n)
{
    const struct schema_block *blk = &f->run->s->block[b];

    return schema_passes(f->run, blk, v) || schema_enter_key(f, blk, v, key, n);
}

static inline bool
schema_on_index(struct schema_frame *f, uint32_t b, const json_t *v, size_t i)
{
    const struct schema_block *blk = &f->run->s->block[b];

    return schema_passes(f->run, blk, v) || schema_enter_index(f, blk, v, i);
}

bool schema_seen_init(struct schema_seen *seen, size_t n);
void schema_seen_free(struct schema_seen *seen);
void schema_seen_merge(struct schema_seen *to, const struct schema_seen *from);

static inline void
schema_seen_set(struct schema_seen *seen, size_t i)
{
    if (seen && i < seen->n)
        seen->w[i / 64] |= (uint64_t)1 << (i % 64);
}

static inline bool
schema_seen_has(const struct schema_seen *seen, size_t i)
{
    return i < seen->n && (seen->w[i / 64] >> (i % 64) & 1);
}

bool schema_op_object(struct schema_frame *f, const struct schema_ins *in);
bool schema_op_required(struct schema_frame *f, const struct schema_ins *in);
bool schema_op_dependent_required(struct schema_frame *f, const struct schema_ins *in);
bool schema_op_dependent_schemas(struct schema_frame *f, const struct schema_ins *in);
bool schema_op_unevaluated_properties(struct schema_frame *f, const struct schema_ins *in);
bool schema_op_array(struct schema_frame *f, const struct schema_ins *in);
bool schema_op_contains(struct schema_frame *f, const struct schema_ins *in);
bool schema_op_unevaluated_items(struct schema_frame *f, const struct schema_ins *in);

#endif
