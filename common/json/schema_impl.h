/* schema_impl: what the schema_*.c files share. Nothing here is for users of the library. */
#ifndef JSON_SCHEMA_IMPL_H
#define JSON_SCHEMA_IMPL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/base/buf.h"
#include "common/json/schema.h"
#include "common/json/schema_keys.h"

#define SCHEMA_NONE     UINT32_MAX
#define SCHEMA_MAX_TEXT ((size_t)1 << 20) /* URI or JSON Pointer */
#define SCHEMA_DIALECT  "https://json-schema.org/draft/2020-12/schema"

/* ---- keywords: schema_kw.c ---- */

enum schema_vocab {
    VOCAB_CORE = 1,
    VOCAB_APPLICATOR = 2,
    VOCAB_UNEVALUATED = 4,
    VOCAB_VALIDATION = 8,
    VOCAB_META_DATA = 16,
    VOCAB_FORMAT = 32,
    VOCAB_CONTENT = 64,
    VOCAB_FORMAT_ASSERT = 128,
    VOCAB_DEFAULT = 127
};

enum schema_sub { SUB_NONE, SUB_ONE, SUB_LIST, SUB_MAP }; /* where a keyword keeps subschemas */

/* clang-format off */
enum schema_kw {
    KW_ID, KW_SCHEMA, KW_REF, KW_ANCHOR, KW_DYNAMIC_REF, KW_DYNAMIC_ANCHOR, KW_VOCABULARY, KW_COMMENT, KW_DEFS,
    KW_DEFINITIONS, KW_ALL_OF, KW_ANY_OF, KW_ONE_OF, KW_NOT, KW_IF, KW_THEN, KW_ELSE, KW_DEPENDENT_SCHEMAS,
    KW_DEPENDENCIES, KW_PREFIX_ITEMS, KW_ITEMS, KW_CONTAINS, KW_PROPERTIES, KW_PATTERN_PROPERTIES,
    KW_ADDITIONAL_PROPERTIES, KW_PROPERTY_NAMES, KW_UNEVALUATED_ITEMS, KW_UNEVALUATED_PROPERTIES, KW_TYPE, KW_CONST,
    KW_ENUM, KW_MULTIPLE_OF, KW_MAXIMUM, KW_EXCLUSIVE_MAXIMUM, KW_MINIMUM, KW_EXCLUSIVE_MINIMUM, KW_MAX_LENGTH,
    KW_MIN_LENGTH, KW_PATTERN, KW_MAX_ITEMS, KW_MIN_ITEMS, KW_UNIQUE_ITEMS, KW_MAX_CONTAINS, KW_MIN_CONTAINS,
    KW_MAX_PROPERTIES, KW_MIN_PROPERTIES, KW_REQUIRED, KW_DEPENDENT_REQUIRED, KW_TITLE, KW_DESCRIPTION, KW_DEFAULT,
    KW_DEPRECATED, KW_READ_ONLY, KW_WRITE_ONLY, KW_EXAMPLES, KW_FORMAT, KW_CONTENT_ENCODING, KW_CONTENT_MEDIA_TYPE,
    KW_CONTENT_SCHEMA, KW_COUNT, KW_FALSE = KW_COUNT, KW_LIMIT
};
/* clang-format on */

struct schema_kw_info {
    const char *name;
    uint8_t vocab;
    uint8_t sub; /* enum schema_sub */
};

extern const struct schema_kw_info schema_kw[KW_COUNT];

/* The name that findings carry, KW_FALSE and KW_LIMIT too. */
const char *schema_kw_name(unsigned kw);
bool schema_kw_known(const char *name);
/* The vocabulary's bit; 0 when it is not known. */
unsigned schema_vocab_bit(const char *uri);

/* ---- small tools: schema_map.c ---- */

struct schema_map { /* byte string -> number; keys are copied */
    struct schema_map_slot {
        char *key;
        size_t n;
        uint32_t value;
    } * slot;
    size_t cap;
    size_t used;
};

uint32_t schema_map_get(const struct schema_map *map, struct str key);       /* SCHEMA_NONE: not there */
bool schema_map_put(struct schema_map *map, struct str key, uint32_t value); /* false: out of memory */
void schema_map_free(struct schema_map *map);

/* Makes room for one more of `size` bytes after `n` in `*p`; false when memory is out. */
bool schema_grow(void *p, size_t *cap, size_t n, size_t size);

struct schema_arena { /* zeroed pieces that are freed all at once */
    struct schema_chunk *head;
};

void *schema_arena_get(struct schema_arena *a, size_t n, size_t size);
void schema_arena_free(struct schema_arena *a);

/* ---- URIs and pointers: schema_uri.c ---- */

/* `ref` resolved against `base` (RFC 3986 5.2; either may be relative), without its fragment, which goes to
 * `*fragment` (percent-decoded, to be freed; "" when absent). The result is to be freed; NULL: out of memory. */
char *schema_uri_resolve(const char *base, const char *ref, char **fragment);

/* `token` as an array index; false when it is none. */
bool schema_pointer_index(struct str token, size_t *ret);

/* ---- documents: schema_index.c ---- */

struct schema_node { /* one subschema */
    const json_t *json;
    char *ptr; /* JSON Pointer from its resource's root */
    uint32_t res;
};

struct schema_res { /* one schema resource: a document, or what has an $id */
    char *uri;
    uint32_t node;
    uint32_t vocab;  /* 0: not yet known */
    uint32_t parent; /* the resource it lies in, or SCHEMA_NONE */
};

struct schema_dynamic { /* one $dynamicAnchor */
    const char *name;   /* in the document */
    uint32_t res;
    uint32_t node;
};

struct schema_format {
    const char *name; /* owned by the set; NULL in a compiled schema */
    schema_format_fn fn;
    void *arg;
    bool builtin; /* then fn's argument is a bool to set when memory is out, or NULL */
};

struct schema_set {
    json_t **doc;
    size_t ndoc, cap_doc;
    struct schema_node *node;
    size_t nnode, cap_node;
    struct schema_res *res;
    size_t nres, cap_res;
    struct schema_dynamic *dyn;
    size_t ndyn, cap_dyn;
    struct schema_map by_uri;  /* "uri" and "uri#anchor" -> node */
    struct schema_map by_json; /* address of a json_t object -> node */
    struct schema_format *format;
    size_t nformat, cap_format;
    schema_load_fn load; /* or NULL */
    void *load_arg;
};

/* Records `doc` (takes the reference, also on failure) and every schema in it. */
enum res schema_index_doc(struct schema_set *set, const char *uri, json_t *doc, struct err *e);
/* The node of the schema that `ref` means when it stands in resource `base`. */
enum res schema_index_find(struct schema_set *set, const char *base, const char *ref, uint32_t *ret,
                           struct err *e);
/* The node of the subschema `json` at `ptr` of resource `res`; recorded now when it is not yet known. */
enum res schema_index_node(struct schema_set *set, const json_t *json, uint32_t res, struct str ptr,
                           uint32_t *ret, struct err *e);
/* The vocabularies that rule resource `res`. */
enum res schema_index_vocab(struct schema_set *set, uint32_t res, bool strict, uint32_t *ret, struct err *e);
enum res schema_no_memory(struct err *e);

/* Puts the built-in formats into a new set; false: out of memory. */
bool schema_format_builtin(struct schema_set *set);

/* The text of a built-in meta-schema, or NULL: schema_meta.c. */
const char *schema_meta(const char *uri);

/* ---- numbers and values: schema_num.c, schema_value.c ---- */

struct schema_num { /* an int64 or a double */
    bool real;
    int64_t i;
    double d;
};

struct schema_bound { /* of minimum and its kin */
    struct schema_num num;
    bool exact; /* an integer that num.d holds exactly too */
};

struct schema_dec { /* mant * 10^exp, exactly */
    uint64_t mant;
    int exp;
};

static inline struct schema_num
schema_num_of(const json_t *v)
{
    if (json_is_integer(v))
        return (struct schema_num){.i = json_integer_value(v)};
    return (struct schema_num){.real = true, .d = json_real_value(v)};
}

/* <0, 0, >0, by exact value. */
int schema_num_cmp_mixed(struct schema_num a, struct schema_num b);

static inline int
schema_num_cmp(struct schema_num a, struct schema_num b)
{
    if (!a.real && !b.real)
        return (a.i > b.i) - (a.i < b.i);
    if (a.real && b.real)
        return (a.d > b.d) - (a.d < b.d);
    return schema_num_cmp_mixed(a, b);
}

bool schema_num_integral(double d);
struct schema_dec
schema_num_dec(struct schema_num v); /* its magnitude, by the shortest digits that mean the double */
bool schema_num_multiple(struct schema_num v, struct schema_dec of);

struct schema_run; /* schema_run.h */
/* Equality as JSON Schema has it. Counts steps on `r`; false, with the limit noted in `r`, when one is hit. */
bool schema_equal(struct schema_run *r, const json_t *a, const json_t *b, unsigned depth);
/* Whether no two items of the array are equal. */
bool schema_unique(struct schema_run *r, const json_t *array);
size_t schema_code_points(const char *p, size_t n);

/* ---- patterns: schema_regex.c ---- */

struct schema_regex {
    pcre2_code *code;            /* NULL when `walk` or `literal` decides */
    pcre2_match_context *limits; /* owned */
    bool jit;
    bool head, tail; /* the literal is anchored at the start, the end */
    struct str literal;
    const struct schema_walk *walk; /* NULL: the others decide */
};

enum schema_match { MATCH_NO, MATCH_YES, MATCH_LIMIT, MATCH_MEMORY };

/* Compiles an ECMA-262 pattern. RES_REJECT with the reason in `e`. `re` is to be freed on success only. */
enum res schema_regex_compile(struct schema_regex *re, struct schema_arena *arena, struct str pattern,
                              uint32_t match_limit, struct err *e);
void schema_regex_free(struct schema_regex *re);
/* `*md` is made at the first need and kept for the next; the caller frees it. */
enum schema_match schema_regex_match(const struct schema_regex *re, struct str s, pcre2_match_data **md);
/* Writes the PCRE2 form of an ECMA-262 pattern; false: not a pattern, `*why` says what is wrong with it. */
bool schema_regex_translate(struct str pattern, struct buf *out, const char **why);

/* ---- patterns of places: schema_walk.c ---- */

enum { SCHEMA_PLACES = 128 };

struct schema_walk {
    uint8_t bit[256];             /* which of up to 8 sets hold the byte */
    uint8_t place[SCHEMA_PLACES]; /* the set of each place, as its bit */
    uint8_t rest;                 /* of what may come behind them, `more` bytes at most */
    bool tail;                    /* which is where the text ends; else it is of no concern */
    uint32_t places, more;
};

/* False for a pattern that is not so simple. The pattern is known to be a valid one. */
bool schema_walk_read(struct str pattern, struct schema_walk *ret);
bool schema_walk_match(const struct schema_walk *walk, struct str s);

/* ---- the program: made by schema_compile.c and schema_gen.c, run by schema_run.c ---- */

/* clang-format off */
enum schema_op {
    OP_END, OP_FALSE, OP_REF, OP_DYNAMIC_REF, OP_ALL_OF, OP_ANY_OF, OP_ONE_OF, OP_NOT, OP_IF, OP_ENUM,
    OP_OBJECT, OP_REQUIRED, OP_MIN_PROPERTIES, OP_MAX_PROPERTIES, OP_DEPENDENT_REQUIRED, OP_DEPENDENT_SCHEMAS,
    OP_UNEVALUATED_PROPERTIES,
    OP_ARRAY, OP_CONTAINS, OP_MIN_ITEMS, OP_MAX_ITEMS, OP_UNIQUE, OP_UNEVALUATED_ITEMS,
    OP_MIN_LENGTH, OP_MAX_LENGTH, OP_PATTERN, OP_FORMAT,
    OP_MINIMUM, OP_MAXIMUM, OP_EXCLUSIVE_MINIMUM, OP_EXCLUSIVE_MAXIMUM, OP_MULTIPLE_OF, OP_COUNT
};
/* clang-format on */

struct schema_ins {
    uint8_t op;
    uint8_t kw;
    uint32_t block; /* the subschema, where there is just one */
    union {
        const void *p; /* one of the structs below */
        uint64_t n;
    };
};

enum { BLOCK_TRIVIAL = 1, BLOCK_TRACK_OBJECT = 2, BLOCK_TRACK_ARRAY = 4, BLOCK_FALSE = 8, BLOCK_LEAF = 16 };

struct schema_block {
    uint32_t types; /* bit 1 << json_type; an integer's bit also admits 1.0 */
    uint32_t flags;
    uint32_t res;
    uint32_t any;     /* code to run for every instance */
    uint32_t list[8]; /* code to run by json_type */
    const struct schema_ins
        *leaf[8]; /* of a BLOCK_LEAF, by json_type: all that a value must meet; NULL: nothing */
    const char *loc;
    const json_t *json; /* the schema */
};

struct schema_object {
    struct schema_keys keys;
    uint64_t required;
    uint32_t nrequired;
    uint32_t npattern;
    struct schema_pattern_block {
        const struct schema_regex *re;
        uint32_t block;
    } * pattern;
    uint32_t additional; /* SCHEMA_NONE: absent */
    uint32_t names;
    bool closed;        /* additionalProperties is false */
    bool only_declared; /* a name in `properties` has nothing more to meet */
    bool open;          /* nothing is asked of names that are not in `keys` */
};

struct schema_array {
    uint32_t nprefix;
    uint32_t *prefix;
    uint32_t items;
    bool closed;
};

struct schema_contains {
    uint32_t block;
    bool explicit_min;
    uint64_t min, max;
};

struct schema_list {
    uint32_t n;
    uint32_t *block;
};

struct schema_cond {
    uint32_t test, yes, no;
};

struct schema_dep {
    struct str name;
    uint32_t block;
    uint32_t nreq;
    struct str *req;
};

struct schema_deps {
    uint32_t n;
    struct schema_dep *dep;
};

struct schema_dyn_ref {
    const char *name;
    uint32_t fallback;
    uint32_t n;
    struct schema_dyn_target {
        uint32_t res, block;
    } * target;
};

struct schema_enum {
    struct schema_keys strings;
    uint32_t n;
    const json_t **value; /* the others */
};

struct schema_strs {
    uint32_t n;
    struct str *s;
};

struct schema {
    struct schema_ins *code;
    size_t ncode, cap_code;
    struct schema_block *block; /* block 0 is where a check starts */
    size_t nblock, cap_block;
    struct schema_arena arena;
    struct schema_regex **regex;
    size_t nregex, cap_regex;
    json_t **doc; /* kept for the constants in them */
    size_t ndoc;
    struct schema_spare *spare;
    uint32_t max_depth;
    uint64_t max_steps;
    bool quick; /* schema_quick can run it */
};

struct schema_spare { /* PCRE2's match block that the last check left for the next */
    _Atomic(pcre2_match_data *) md;
};

/* Hashes `n` keys that stand in `key` already; false: out of memory. */
bool schema_keys_build(struct schema_keys *keys, struct schema_arena *arena);

/* ---- compiling ---- */

struct schema_gen {
    struct schema_set *set;
    struct schema *s;
    struct schema_opts opts;
    struct err *e;
    uint32_t *node_of; /* by block */
    size_t cap_node_of;
    uint32_t *block_of; /* by node; SCHEMA_NONE: none yet */
    size_t nblock_of, cap_block_of;
    struct schema_dyn_ref **dyn;
    size_t ndyn, cap_dyn;
    /* the block in hand */
    uint32_t block;
    uint32_t node;
    uint32_t vocab;
    const json_t *obj;
    struct schema_vec {
        struct schema_ins *ins;
        size_t n, cap;
    } vec[5];
};

enum schema_kind { KIND_ANY, KIND_OBJECT, KIND_ARRAY, KIND_STRING, KIND_NUMBER };

/* The keyword's value in the schema in hand, when its vocabulary is in force; else NULL. */
json_t *schema_gen_kw(const struct schema_gen *g, unsigned kw);
/* RES_REJECT with the keyword's location before `what`. */
enum res schema_gen_bad(struct schema_gen *g, unsigned kw, const char *what);
/* Sets `*ret` to the keyword's value, a non-negative integer (2.0 is one too); leaves it when the keyword is absent. */
enum res schema_gen_count(struct schema_gen *g, unsigned kw, uint64_t *ret);
enum res schema_gen_add(struct schema_gen *g, enum schema_kind kind, struct schema_ins ins);
/* The block of the subschema `json` below keyword `kw` (and `name`, unless NULL). */
enum res schema_gen_sub(struct schema_gen *g, unsigned kw, const char *name, const json_t *json,
                        uint32_t *ret);
/* The block of what a reference means. */
enum res schema_gen_node(struct schema_gen *g, uint32_t node, uint32_t *ret);
enum res schema_gen_regex(struct schema_gen *g, unsigned kw, struct str pattern,
                          const struct schema_regex **ret);
/* Zeroed memory of the schema under way; NULL: out of memory, noted in the error. */
void *schema_gen_get(struct schema_gen *g, size_t n, size_t size);
struct str schema_gen_str(const json_t *string);

/* The code for every keyword of the schema in hand: schema_gen.c calls the second, in schema_gen_obj.c. */
enum res schema_gen_block(struct schema_gen *g);
enum res schema_gen_structure(struct schema_gen *g);

#endif
