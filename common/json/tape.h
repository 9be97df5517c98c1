/* tape: one pass over the bytes of a JSON document that makes a flat list of its values: no tree, nothing copied, and no
 * memory but what the tape holds already. Names that were registered beforehand are numbered, so that members are found
 * without comparing text. Part of schema_fast.
 *
 * It takes less than all of JSON: what is rare (a name with an escape, 19 digits and more, a hundred levels) is refused,
 * never misread. Whatever it takes is a document that scan_document and jansson (JSON_REJECT_DUPLICATES) take too. */
#ifndef JSON_TAPE_H
#define JSON_TAPE_H

#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/json/schema_keys.h"

enum { TAPE_NAMES = 256, TAPE_NONE = 0xffff, TAPE_DEPTH = 32, TAPE_TABLES = 8 };

enum tape_flag {
    TAPE_ESCAPED = 1, /* a string with a backslash in it */
    TAPE_WIDE = 2,    /* a string with bytes beyond ASCII */
    TAPE_STRANGER = 4 /* an object with a name that is not registered */
};

/* One value. `kind` is jansson's json_type. */
struct tape_tok {
    uint32_t off, n; /* its bytes; of a string with both quotes */
    uint32_t next;   /* the token behind this one and all in it */
    uint32_t count;  /* members or items */
    uint32_t name;   /* of a member: where its name begins, behind the quote .. */
    uint32_t name_n; /* .. and its length */
    uint16_t id;     /* of a member: its name's number, or TAPE_NONE */
    uint16_t object; /* of an object: its entry in tape.object */
    uint8_t kind;
    uint8_t flags;
};

struct tape_object {
    uint64_t present[TAPE_NAMES / 64]; /* numbers of the names it has */
    uint16_t *slot;                    /* token by number, 0 = absent; NULL = walk the members */
};

/* The registered names. Immutable once built. */
struct tape_names {
    struct schema_keys keys;
    uint16_t n;
};

/* Reused from document to document; for one thread at a time. */
struct tape {
    const struct tape_names *names;
    const char *text;
    struct tape_tok *tok;
    uint32_t n, cap;
    struct tape_object *object;
    uint32_t nobject, cap_object;
    uint16_t *tables; /* TAPE_TABLES of names->n */
    uint32_t ntables;
    uint16_t
        *follow; /* by name, and by depth where an object begins: the name that came next the last time */
    struct buf scratch; /* a decoded string */
};

/* Room for `cap` values (at most 65,534). NULL when memory is out. `names` must live as long. */
struct tape *tape_new(const struct tape_names *names, uint32_t cap);
void tape_free(struct tape *t);

/* True when `text` is a JSON document that the tape can take; its values are then tok[0] .. tok[n - 1]. `text` must stay
 * where it is while the tape is read. */
bool tape_read(struct tape *t, struct str text);

/* Parts of the two below that are not for every day. */
const struct tape_tok *tape_search(const struct tape *t, const struct tape_tok *at, uint16_t id);
struct str tape_decode(struct tape *t, const struct tape_tok *at);

/* The member of object `at` with that number, or NULL. */
static inline const struct tape_tok *
tape_find(const struct tape *t, const struct tape_tok *at, uint16_t id)
{
    const struct tape_object *o = &t->object[at->object];

    if (!(o->present[id >> 6] >> (id & 63) & 1))
        return NULL;
    return o->slot ? &t->tok[o->slot[id]] : tape_search(t, at, id);
}

/* A string's text: a slice of the document, or decoded into t->scratch (until the next call). STR_NULL when memory is
 * out. */
static inline struct str
tape_text(struct tape *t, const struct tape_tok *at)
{
    if (at->flags & TAPE_ESCAPED)
        return tape_decode(t, at);
    return (struct str){t->text + at->off + 1, at->n - 2};
}

static inline struct str
tape_raw(const struct tape *t, const struct tape_tok *at)
{
    return (struct str){t->text + at->off, at->n};
}

#endif
