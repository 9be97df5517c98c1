/* schema_fast_impl: what the schema_fast*.c files share. Internal. */
#ifndef JSON_SCHEMA_FAST_IMPL_H
#define JSON_SCHEMA_FAST_IMPL_H

#include "common/json/schema_fast.h"
#include "common/json/schema_impl.h"
#include "common/json/tape.h"

enum { FAST_TOKENS = 1024, FAST_STEPS = 100000, FAST_DEPTH = 200, FAST_UNIQUE = 64, FAST_INLINE = 256 };

enum { FAST_WORDS = TAPE_NAMES / 64 };

#define FAST_SEVERAL (SCHEMA_NONE - 1)

/* A set of registered names. */
struct fast_names {
    uint64_t w[FAST_WORDS];
};

/* A member that something is asked of. */
struct fast_asked {
    uint16_t id;
    uint32_t block;
};

/* For OP_OBJECT: the schema's own tables, by the document's name numbers. */
struct fast_object {
    struct fast_names required, declared, hit_any;
    struct fast_asked *asked; /* declared names whose block asks something */
    uint32_t nasked;
    uint32_t *block;      /* by number: the block of `properties`, or SCHEMA_NONE */
    uint32_t *meets;      /* by number: the only block that the member meets, SCHEMA_NONE, or FAST_SEVERAL */
    bool deep;            /* what `meets` leads to asks nothing of values that hold no others */
    uint8_t *hit;         /* by number: which of the first 8 patternProperties match the name */
    const void **pattern; /* by pattern: what decides for names that are not registered */
    const struct schema_object *o;
};

/* For OP_DEPENDENT_REQUIRED and OP_DEPENDENT_SCHEMAS. */
struct fast_deps {
    uint32_t n;
    struct fast_dep {
        uint16_t id;
        struct fast_names req;
        uint32_t block;
    } dep[];
};

/* One instruction. `op` is a schema_op, or one of these: */
enum {
    FAST_BEYOND = OP_COUNT, /* leaves the document to the full engine */
    FAST_CONST,             /* a string: the schema_key at `p` */
    FAST_LISTED,            /* a string: one of the schema_keys at `p` */
    FAST_FORMAT,            /* a built-in format, by the function `p` points to */
    FAST_MEMBER,            /* the member of number `n` is there, and meets `block` */
    FAST_OPTIONAL,          /* the same, or is absent */
    FAST_ALONE,             /* from here on: the one before, with no other instruction beside it */
    FAST_IS = FAST_ALONE,   /* FAST_CONST */
    FAST_AMONG,             /* FAST_LISTED */
    FAST_HOLDS,             /* FAST_MEMBER */
    FAST_MAY_HOLD,          /* FAST_OPTIONAL */
    FAST_HAS                /* OP_REQUIRED */
};
struct fast_ins {
    const void *p;
    uint64_t n;
    uint32_t block;
    uint8_t op;
};

/* A subschema with what it refers to put into it: by json_type, all that a value of it must meet, ended by OP_END; NULL:
 * nothing. */
struct fast_block {
    const struct fast_ins *code[8];
};

struct fast_schema {
    const struct schema *s;
    struct fast_block *block;
    struct fast_table {
        const void *p;
        bool made;
    } * table; /* by the schema's own instruction */
};

struct schema_fast {
    struct schema_arena arena;
    struct tape_names names;
    struct fast_schema *schema;
    unsigned nschema;
    uint16_t *pick;
    unsigned npick;
    unsigned gaps;
    struct fast_pattern {
        struct str text;        /* in the schema */
        struct schema_dfa *dfa; /* NULL: refused, which may have taken long */
    } * pattern;                /* each once; owned */
    size_t npattern, cap_pattern;
};

struct fast_run {
    const struct fast_block *block;
    struct tape *t;
    uint32_t steps, depth; /* left */
    bool unsure;           /* something could not be decided: the answer counts for nothing */
};

/* schema_fast_run.c: whether the document in the tape is valid; false too when it is not known. */
bool fast_run(const struct fast_schema *fs, struct tape *t);

/* schema_fast_tables.c: `*ret` is what the instruction needs, NULL when it is beyond us. `json` is the subschema. */
enum res fast_tables(struct schema_fast *f, struct fast_schema *fs, const struct schema_ins *in,
                     const json_t *json, const void **ret, struct err *e);

/* The same for an anyOf of patterns alone: one DFA for all of them. */
enum res fast_union(struct schema_fast *f, const struct schema *s, const struct schema_list *list,
                    const void **ret, struct err *e);

/* schema_fast_names.c: numbers all names in the schemas and `pick`. */
enum res fast_collect_names(struct schema_fast *f, const char *const *pick, unsigned npick, struct err *e);
/* TAPE_NONE when it is not registered. */
uint16_t fast_number(const struct schema_fast *f, struct str name);

static inline enum res
fast_no_memory(struct err *e)
{
    return err_set(e, RES_RETRY, "out of memory");
}

static inline void
fast_put(struct fast_names *set, uint16_t id)
{
    set->w[id >> 6] |= (uint64_t)1 << (id & 63);
}

#endif
