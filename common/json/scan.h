/* scan: reads JSON (RFC 8259) in place, without a tree. A document is checked once by scan_document; everything else
 * then works on slices of it and trusts the grammar. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum scan_kind {
    SCAN_NONE,
    SCAN_OBJECT,
    SCAN_ARRAY,
    SCAN_STRING,
    SCAN_NUMBER,
    SCAN_TRUE,
    SCAN_FALSE,
    SCAN_NULL
};

enum { SCAN_DEPTH = 64, SCAN_DIGITS = 4096, SCAN_EXPONENT = 9999 };

/* RES_OK when `text` is exactly one JSON value: strict UTF-8, no BOM, no NUL (raw or as an escape), no lone surrogate,
 * no member name twice in one object, at most SCAN_DEPTH levels, no number that nobody can hold (more than SCAN_DIGITS
 * characters, or an exponent beyond SCAN_EXPONENT: Postgres' numeric takes all others). Else RES_REJECT with the byte position and reason;
 * the text itself is never quoted. RES_RETRY when memory is out. Time grows as n log n at worst. */
enum res scan_document(struct str text, struct err *e);

/* A member of an object in a checked document. */
struct scan_member {
    struct str key;   /* raw, between the quotes */
    struct str value; /* raw */
    bool escaped;     /* the key has an escape */
    unsigned
        level; /* 1: of the document itself, 2: of an object in it, behind the member whose value that is */
};

enum { SCAN_MEMBERS = 192 };
struct scan_members {
    struct scan_member all[SCAN_MEMBERS];
    unsigned n; /* more than SCAN_MEMBERS: there are more, and they were not noted */
};

/* scan_document, which notes the members of the upper two levels as it passes: they need not be looked for again. Of a
 * document that is no object, and after an error, `ret` is of no use. */
enum res scan_document_members(struct str text, struct scan_members *ret, struct err *e);

/* scan_pick of such members. */
void scan_pick_members(const struct scan_member *all, unsigned count, const char *const *names,
                       struct str *out, unsigned n);

/* Whether bytes from elsewhere (a header's value) could stand in a checked document's string: strict UTF-8 without NUL. */
bool scan_utf8(struct str text);

/* What kind of value the slice starts with (leading blanks allowed); SCAN_NONE for an empty slice. */
enum scan_kind scan_kind(struct str value);

/* One pass over the members of a checked object: `out[i]` becomes the raw value of `names[i]` or STR_NULL. Names are
 * compared decoded. False when `object` is not an object. */
bool scan_pick(struct str object, const char *const *names, struct str *out, unsigned n);

/* One member of a checked object, or STR_NULL. */
struct str scan_get(struct str object, const char *name);

/* Walks a checked object or array: start with scan_iter(value), then until scan_next is false. */
struct scan_iter {
    const char *p, *end;
    bool object;
    struct str key;   /* raw, between the quotes; objects only */
    struct str value; /* raw */
};
struct scan_iter scan_iter(struct str value);
bool scan_next(struct scan_iter *it);

/* A raw JSON string decoded: a slice of `raw` where nothing is escaped, else of `store`, which is appended to (its
 * bytes may move: give it room first or copy at once). STR_NULL when `raw` is not a string, when
 * `store` is full, and for an escaped one without a `store` (NULL). */
struct str scan_string(struct str raw, struct buf *store);

/* The same copied into an arena. */
struct str scan_text(struct arena *a, struct str raw);

/* A raw number that is a whole number within int64 (1.0 and 1e2 are not). */
bool scan_int(struct str raw, int64_t *ret);

#endif
