/* schema_fast: proves a document valid in one pass over its bytes, without a tree, and hands out its members as slices.
 * It says "valid" only for what schema_check on the jansson tree (read with JSON_REJECT_DUPLICATES) would say valid, were
 * it not for a limit (max_depth, max_steps, match_limit): a proof that went another way may be had where it gave up.
 * Whatever it cannot prove it leaves to them, which alone make findings. Most documents are valid, and for those this is
 * all the work there is.
 *
 *   schema_fast_new(&order, 1, names, 2, &fast, &e);
 *   tape = schema_fast_tape(fast);
 *   if (!schema_fast_valid(fast, tape, text, member)) { json_loadb(..); schema_check(order, ..); }
 */
#ifndef JSON_SCHEMA_FAST_H
#define JSON_SCHEMA_FAST_H

#include "common/json/schema.h"

struct schema_fast; /* immutable: for any number of threads */
struct tape;        /* reused from document to document; for one thread at a time */

/* For documents that are to meet all `n` schemas, which must outlive it. `pick` names `npick` members of the document
 * whose bytes are wanted. RES_REJECT: more names than it can number, or a pattern in a schema that a name list cannot
 * hold; RES_RETRY: out of memory. `*ret` is the caller's, NULL after a failure. */
enum res schema_fast_new(const struct schema *const *all, unsigned n, const char *const *pick, unsigned npick,
                         struct schema_fast **ret, struct err *e);
void schema_fast_free(struct schema_fast *f);

/* NULL when memory is out. Takes about 50 KB, and holds documents of a thousand values. */
struct tape *schema_fast_tape(const struct schema_fast *f);
void tape_free(struct tape *t);

/* True when `text` is proved valid; then `picked[i]` is the raw value of `pick[i]` (strings with their quotes), STR_NULL
 * for a member that is absent. False: not proved. `picked` may be NULL. Never allocates but for strings with escapes. */
bool schema_fast_valid(const struct schema_fast *f, struct tape *t, struct str text, struct str *picked);

/* How much of a schema is beyond it: instructions that always leave the document to the full engine. For tests and for
 * whoever writes a schema that is to be fast. */
unsigned schema_fast_gaps(const struct schema_fast *f);

#endif
