/* What the parts of schema_dfa share while a pattern is compiled: pattern -> tree -> machine over sets of code points ->
 * states over symbols -> fewest states -> bytes. Internal. */
#ifndef JSON_SCHEMA_DFA_IMPL_H
#define JSON_SCHEMA_DFA_IMPL_H

#include "common/json/schema_dfa.h"

enum {
    DFA_MAX_PATTERN = 16384,   /* bytes */
    DFA_MAX_DEPTH = 100,       /* groups in groups */
    DFA_MAX_COUNT = 65535,     /* of a quantifier */
    DFA_MAX_SETS = 1024,       /* different classes and literals */
    DFA_MAX_MACHINE = 20000,   /* nodes once the counts are written out */
    DFA_MAX_CELLS = 2 << 20,   /* states times symbols before minimisation */
    DFA_MAX_MEMBERS = 4 << 20, /* nodes in all states together */
    DFA_MAX_STEPS = 32 << 20,  /* elementary steps: a quarter of a second */
    DFA_LAST_POINT = 0x10ffff,
    DFA_NONE = 0x7fffffff
};

enum dfa_kind { DFA_EMPTY, DFA_SET, DFA_BEGIN, DFA_END, DFA_CAT, DFA_ALT, DFA_REPEAT };

/* Code points lo..hi. */
struct dfa_range {
    uint32_t lo, hi;
};

/* Ranges [at, at + n) of build.range: ascending, apart, no surrogates. */
struct dfa_set {
    uint32_t at, n;
};

/* A node of the tree. Members of a CAT come last first, since the machine is built from its end. */
struct dfa_node {
    enum dfa_kind kind;
    uint32_t child; /* CAT, ALT, REPEAT; DFA_NONE: no more */
    uint32_t next;  /* sibling */
    uint32_t set;
    uint32_t min, max; /* REPEAT; max DFA_NONE: no limit */
};

enum dfa_op { DFA_OP_SET, DFA_OP_SPLIT, DFA_OP_BEGIN, DFA_OP_END, DFA_OP_MATCH };

struct dfa_inst {
    enum dfa_op op;
    uint32_t set;
    uint32_t out, out2;
};

/* An array that grows; `p` is freed with the build. */
struct dfa_vec {
    void *p;
    size_t n, cap, size; /* elements; size of one in bytes */
};

/* States over symbols. 0 is dead, 1 has matched. */
struct dfa_auto {
    uint32_t n;
    struct dfa_vec to;    /* uint32_t [n * nsym] */
    struct dfa_vec final; /* uint8_t [n] */
    uint32_t start;
};

struct dfa_build {
    struct err *e;
    enum res rc;
    uint32_t max_states;
    bool brief; /* counts that no text of SCHEMA_DFA_BRIEF bytes can pass are taken as having no limit */
    uint64_t steps;
    struct dfa_vec range;   /* struct dfa_range: of all sets */
    struct dfa_vec set;     /* struct dfa_set */
    struct dfa_vec scratch; /* struct dfa_range: of the class being read */
    struct dfa_vec node;    /* struct dfa_node */
    struct dfa_vec name;    /* struct str: names of groups, in the pattern */
    struct dfa_vec inst;    /* struct dfa_inst */
    struct dfa_vec cut;     /* uint32_t: first code points of the intervals no set tells apart, ascending */
    struct dfa_vec sym;     /* uint32_t: the symbol of each interval */
    struct dfa_vec has;     /* uint8_t [set * nsym + symbol] */
    uint32_t nsym;
    uint32_t root;  /* of the tree */
    uint32_t entry; /* of the machine */
    uint32_t any;   /* the set of all code points */
    struct dfa_auto raw, min;
    struct dfa_vec work[8]; /* of the step under way; emptied by dfa_work */
};

/* schema_dfa_build.c */

/* False, with the reason in b->e; the first one stands. */
bool dfa_refuse(struct dfa_build *b, const char *why);
bool dfa_no_memory(struct dfa_build *b);
/* Counts work done; false when it is too much. */
bool dfa_spend(struct dfa_build *b, uint64_t steps);
/* Room for `n` more elements of `size` bytes, zeroed and counted in v->n; NULL: out of memory. */
void *dfa_add(struct dfa_build *b, struct dfa_vec *v, size_t n, size_t size);
/* The i-th work array, emptied, then of `n` zeroed elements. */
void *dfa_work(struct dfa_build *b, unsigned i, size_t n, size_t size);
void dfa_build_free(struct dfa_build *b);

/* schema_dfa_set.c */

bool dfa_set_add(struct dfa_build *b, uint32_t lo, uint32_t hi); /* to the class being read */
bool dfa_set_add_named(struct dfa_build *b, char name);          /* d D w W s S . */
bool dfa_set_done(struct dfa_build *b, bool negate,
                  uint32_t *ret);                                 /* ends it; the same set, the same number */
bool dfa_symbols(struct dfa_build *b);                            /* cut, sym, has, nsym */
uint32_t dfa_interval(const struct dfa_build *b, uint32_t point); /* the interval that holds a code point */

/* schema_dfa_parse.c: node, set, root. */
bool dfa_parse(struct dfa_build *b, struct str pattern);
/* schema_dfa_machine.c: inst, entry; then raw. */
bool dfa_machine(struct dfa_build *b);
bool dfa_states(struct dfa_build *b);
/* schema_dfa_min.c: min. */
bool dfa_minimise(struct dfa_build *b);
/* schema_dfa_bytes.c: the finished thing, or NULL. */
struct schema_dfa *dfa_bytes(struct dfa_build *b);
/* schema_dfa_how.c: rows of 256 into the tables of schema_dfa_match. `row[i]` are states in order: dead, matched, not
 * final, final from `first_final` on. */
struct schema_dfa *dfa_tables(struct dfa_build *b, uint16_t (*row)[256], uint32_t n, uint32_t start,
                              uint32_t first_final);

static inline struct dfa_range *
dfa_ranges(const struct dfa_build *b, uint32_t set)
{
    return (struct dfa_range *)b->range.p + ((const struct dfa_set *)b->set.p)[set].at;
}

#endif
