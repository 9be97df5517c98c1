/* schema: JSON Schema 2020-12 over jansson. A schema is compiled once into a flat program; a compiled schema is
 * immutable and may be used by any number of threads at once. Nothing here opens a network connection.
 *
 *   struct schema_set *set = schema_set_new();
 *   schema_set_add_file(set, "https://example.org/order", "order.json", &e);
 *   schema_compile(set, "https://example.org/order", NULL, &schema, &e);
 *   schema_set_free(set);                                  // the compiled schema lives on
 *   if (!schema_valid(schema, instance)) schema_check(schema, instance, print_finding, NULL);
 *   schema_free(schema);
 */
#ifndef JSON_SCHEMA_H
#define JSON_SCHEMA_H

#include <jansson.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct schema; /* one compiled schema */
struct
    schema_set; /* the documents and formats that schemas are compiled from; not for several threads at once */

/* All zero is the default. */
struct schema_opts {
    bool
        format_assert; /* `format` judges; without it only a meta-schema with format-assertion makes it judge */
    bool strict;       /* refuse unknown keywords (but "x-..."), unknown formats and unknown $schema */
    uint32_t max_depth;   /* nested subschema calls; 0: 1000 (about 500 bytes of C stack each) */
    uint64_t max_steps;   /* subschema calls, items and comparisons for one check; 0: 20 million */
    uint32_t match_limit; /* PCRE2's match limit for one pattern on one string; 0: 200,000 */
};

/* One finding. Everything it points to is valid only during the callback. */
struct schema_finding {
    const char *instance; /* JSON Pointer to the value that is wrong; "" is the whole document */
    const char *keyword;  /* "minLength", ...; "false" for a false schema; "limit": see schema_check */
    const char
        *location; /* of the keyword: URI of the schema resource, '#', JSON Pointer (not percent-encoded) */
    struct str property;    /* the property meant by required, dependentRequired, additionalProperties,
                             * unevaluatedProperties or a keyword below propertyNames; else empty with p == NULL */
    const json_t *value;    /* the value at `instance`, borrowed */
    const json_t *expected; /* the keyword's value in the schema, borrowed; NULL where there is none */
    const void *frame;      /* for schema_finding_path */
    unsigned kw;            /* likewise */
};

/* Appends the JSON Pointer of the way that the check took to the keyword, through every $ref: what core 12.3.1 calls
 * keywordLocation. Only during the callback. */
void schema_finding_path(const struct schema_finding *finding, struct buf *out);

/* Gets one finding; returns true to go on, false to hear no more. */
typedef bool (*schema_finding_cb)(const struct schema_finding *finding, void *arg);

/* Says whether `s` (UTF-8, may hold NUL) has the format. Called by several threads at once. */
typedef bool (*schema_format_fn)(struct str s, void *arg);

/* An empty set that knows the 2020-12 meta-schemas and the built-in formats; NULL when memory is out. */
struct schema_set *schema_set_new(void);

/* NULL is fine. Compiled schemas stay usable. */
void schema_set_free(struct schema_set *set);

/* Adds a copy of `doc`, found under `uri` and under every $id in it. `uri` is absolute or, for a document that refers
 * to nothing outside, any name ("" too). `doc` stays the caller's. RES_REJECT: two schemas claim one URI, or it is
 * nested too deeply; RES_RETRY: out of memory. After a failure the set is only good for schema_set_free. */
enum res schema_set_add(struct schema_set *set, const char *uri, const json_t *doc, struct err *e);

/* The same from a file. A `uri` of NULL stands for file:// and the resolved path. */
enum res schema_set_add_file(struct schema_set *set, const char *uri, const char *path, struct err *e);

/* Every *.json below `dir`, each under `base` followed by its path within `dir`. */
enum res schema_set_add_dir(struct schema_set *set, const char *base, const char *dir, struct err *e);

/* Finds the document that `uri` (absolute, without fragment) names. RES_OK with `*doc` NULL: there is none; else `*doc`
 * becomes the set's. Any other result ends the compilation with it. */
typedef enum res (*schema_load_fn)(const char *uri, json_t **doc, void *arg, struct err *e);

/* Asks `fn` for documents that a schema refers to and nobody has added, when it is compiled. The meta-schemas come first. */
void schema_set_loader(struct schema_set *set, schema_load_fn fn, void *arg);

/* Registers a format, or replaces a built-in one, for schemas compiled from now on. `arg` must live as long as they. */
enum res schema_format_add(struct schema_set *set, const char *name, schema_format_fn fn, void *arg);

/* Whether `s` has the built-in format `name`; true for a name that is not built in. */
bool schema_format_ok(const char *name, struct str s);

/* Compiles the schema at `uri`, which may carry a fragment ("api.json#/components/schemas/Order"). RES_REJECT: no such
 * schema, an unresolvable reference, or a keyword with a wrong value (`e` names the schema location); RES_RETRY: out of
 * memory. `opts` may be NULL. On success `*ret` is the caller's to schema_free; it is NULL otherwise. */
enum res schema_compile(struct schema_set *set, const char *uri, const struct schema_opts *opts,
                        struct schema **ret, struct err *e);

/* The same for one document that refers to nothing but itself and the meta-schemas. */
enum res schema_compile_json(const json_t *doc, const struct schema_opts *opts, struct schema **ret,
                             struct err *e);

/* NULL is fine. */
void schema_free(struct schema *s);

/* True when valid; stops at the first error and allocates next to nothing. False too when a limit is hit. */
bool schema_valid(const struct schema *s, const json_t *instance);

/* True when valid; else `cb` has been called for every error: at its leaf below properties, items, allOf, $ref, then,
 * else..., and once for a whole anyOf, oneOf, not or contains. When the check could not be finished, a finding with
 * keyword "limit" comes, whose `property` says which: "depth", "steps", "regex" or "memory"; then the result is false
 * whatever the instance. `cb` NULL: as schema_valid. */
bool schema_check(const struct schema *s, const json_t *instance, schema_finding_cb cb, void *arg);

#endif
