#include "common/json/tape.h"

#include <jansson.h>
#include <stdlib.h>

#include "common/json/plain.h"
#include "common/json/scan.h"

struct tape *
tape_new(const struct tape_names *names, uint32_t cap)
{
    struct tape *t = calloc(1, sizeof *t);
    size_t nfollow = (size_t)names->n + TAPE_DEPTH + 1;

    if (!t)
        return NULL;
    t->names = names;
    t->cap = cap < TAPE_NONE ? cap : TAPE_NONE - 1;
    t->cap_object = t->cap / 4 + 16;
    t->scratch = buf_make(1 << 20);
    t->tok = malloc(t->cap * sizeof *t->tok);
    t->object = malloc(t->cap_object * sizeof *t->object);
    t->tables = malloc(((size_t)names->n * TAPE_TABLES + 1) * sizeof *t->tables);
    t->follow = malloc(nfollow * sizeof *t->follow);
    if (t->tok && t->object && t->tables && t->follow) {
        for (size_t i = 0; i < nfollow; i++)
            t->follow[i] = i < names->n ? (uint16_t)(i + 1) : 0;
        return t;
    }
    tape_free(t);
    return NULL;
}

void
tape_free(struct tape *t)
{
    if (!t)
        return;
    buf_free(&t->scratch);
    free(t->tok);
    free(t->object);
    free(t->tables);
    free(t->follow);
    free(t);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* The functions below take where they begin and return where they end; NULL: not taken. */
struct reader {
    struct tape *t;
    const char *text, *end;
    const struct schema_key *key; /* the registered names */
    uint32_t nkeys;
    uint32_t last; /* in t->follow: the name before in this object, or that it begins */
    unsigned depth;
};

/* Members' names that are not registered, told apart from the others of their object. */
struct strangers {
    struct str name[8];
    unsigned n;
};

/* Moves to the next byte that is no blank and returns it, NUL at the end: nothing that is taken begins with one. */
static inline char
peek(const struct reader *r, const char **p)
{
    for (; *p < r->end; ++*p)
        if (**p > ' ' || (**p != ' ' && **p != '\n' && **p != '\t' && **p != '\r'))
            return **p;
    return '\0';
}

/* The length of the escape at `p`, which is a backslash; 0 for none that is taken. */
static size_t
escape(const char *p, const char *end)
{
    int u;

    if (end - p < 2)
        return 0;
    if (p[1] != 'u')
        return p[1] && strchr("\"\\/bfnrt", p[1]) ? 2 : 0;
    u = end - p < 6 ? -1 : plain_hex4(p + 2);
    if (u <= 0 || (u >= 0xdc00 && u <= 0xdfff))
        return 0;
    if (u < 0xd800 || u > 0xdbff)
        return 6;
    u = end - p < 12 || p[6] != '\\' || p[7] != 'u' ? -1 : plain_hex4(p + 8);
    return u >= 0xdc00 && u <= 0xdfff ? 12 : 0;
}

/* What is to be looked at in a string; `p` is there. */
static const char *
string_rest(const struct reader *r, const char *p, uint8_t *flags)
{
    while (p < r->end && *p != '"') {
        size_t n = *p == '\\' ? escape(p, r->end) : (signed char)*p < 0 ? plain_wide(p, r->end) : 0;

        if (!n)
            return NULL;
        *flags |= *p == '\\' ? TAPE_ESCAPED : TAPE_WIDE;
        p = plain_end(p + n, r->end);
    }
    return p < r->end ? p + 1 : NULL;
}

/* `p` stands behind the opening quote; the result behind the closing one. */
static inline const char *
string(const struct reader *r, const char *p, uint8_t *flags)
{
    p = plain_end(p, r->end);
    if (p < r->end && *p == '"') /* mostly */
        return p + 1;
    return string_rest(r, p, flags);
}

static inline const char *
digits(const struct reader *r, const char *p)
{
    while (p < r->end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* Between one digit and `most` of them. */
static inline const char *
some_digits(const struct reader *r, const char *p, ptrdiff_t most)
{
    const char *to = digits(r, p);

    return to > p && to - p <= most ? to : NULL;
}

/* At most 18 digits before the point, 18 behind it and two of an exponent: within int64, and within double. */
static const char *
number(const struct reader *r, const char *p, struct tape_tok *tok)
{
    tok->kind = JSON_INTEGER;
    if (*p == '-')
        p++;
    p = p < r->end && *p == '0' ? p + 1 : some_digits(r, p, 18);
    if (p && p < r->end && *p == '.') {
        tok->kind = JSON_REAL;
        p = some_digits(r, p + 1, 18);
    }
    if (p && p < r->end && (*p | 0x20) == 'e') {
        tok->kind = JSON_REAL;
        p++;
        if (p < r->end && (*p == '+' || *p == '-'))
            p++;
        p = some_digits(r, p, 2);
    }
    return p;
}

static const char *
word(const struct reader *r, const char *p, struct tape_tok *tok, uint8_t kind, struct str w)
{
    tok->kind = kind;
    return (size_t)(r->end - p) >= w.n && memcmp(p, w.p, w.n) == 0 ? p + w.n : NULL;
}

static const char *other_value(struct reader *r, const char *p, uint32_t at);

/* Fills the token of the value at `p`; its name is filled already. */
__attribute__((always_inline)) static inline const char *
value(struct reader *r, const char *p, uint32_t at)
{
    struct tape_tok *tok = &r->t->tok[at];
    bool text = peek(r, &p) == '"';
    const char *to;

    tok->count = 0;
    tok->flags = 0;
    if (text) {
        tok->kind = JSON_STRING;
        to = string(r, p + 1, &tok->flags);
    } else {
        to = other_value(r, p, at);
    }
    if (!to)
        return NULL;
    tok->off = (uint32_t)(p - r->text);
    tok->n = (uint32_t)(to - p);
    tok->next = r->t->n;
    return to;
}

/* A token for the next value; TAPE_NONE when there is no room. */
static inline uint32_t
add(struct reader *r)
{
    return r->t->n < r->t->cap ? r->t->n++ : TAPE_NONE;
}

/* Whether the name at `p`, behind its quote, is `key`. */
static inline bool
is_here(const struct reader *r, const struct schema_key *key, const char *p)
{
    return (size_t)(r->end - p) > key->n && p[key->n] == '"' &&
           schema_key_is(key, p, key->n, schema_words(p, key->n));
}

static const char *
looked_up(struct reader *r, const char *p, struct tape_tok *tok)
{
    uint8_t flags = 0;
    const char *to = string(r, p, &flags);
    uint32_t k;

    if (!to || flags & TAPE_ESCAPED)
        return NULL;
    tok->id = TAPE_NONE;
    tok->name_n = (uint32_t)(to - 1 - p);
    k = schema_keys_find(&r->t->names->keys, p, tok->name_n);
    if (k != UINT32_MAX)
        tok->id = r->t->follow[r->last] = (uint16_t)k;
    return to;
}

/* A member's name, `p` behind its quote. What came behind the last one before will come again mostly: then only one
 * comparison is needed. */
static inline const char *
name(struct reader *r, const char *p, struct tape_tok *tok)
{
    uint32_t k = r->t->follow[r->last];

    tok->name = (uint32_t)(p - r->text);
    if (k < r->nkeys && is_here(r, &r->key[k], p)) {
        tok->id = (uint16_t)k;
        tok->name_n = r->key[k].n;
        p += tok->name_n + 1;
    } else {
        p = looked_up(r, p, tok);
    }
    return p;
}

/* Remembers a name that is not registered; false when it came before, or there are too many to tell. */
static bool
stranger(struct strangers *known, struct str s)
{
    for (unsigned i = 0; i < known->n; i++)
        if (str_eq(known->name[i], s))
            return false;
    if (known->n == sizeof known->name / sizeof *known->name)
        return false;
    known->name[known->n++] = s;
    return true;
}

/* Notes that the object has the name; false when it had it before. */
static inline bool
note(struct reader *r, struct tape_object *o, uint16_t id, uint32_t at)
{
    uint64_t bit = (uint64_t)1 << (id & 63);

    if (o->present[id >> 6] & bit)
        return false;
    o->present[id >> 6] |= bit;
    if (o->slot)
        o->slot[id] = (uint16_t)at;
    r->last = id;
    return true;
}

static struct tape_object *
new_object(struct reader *r, struct tape_tok *tok)
{
    struct tape *t = r->t;
    struct tape_object *o;

    if (t->nobject == t->cap_object)
        return NULL;
    tok->object = (uint16_t)t->nobject;
    o = &t->object[t->nobject++];
    memset(o, 0, sizeof *o);
    if (r->depth <= 2 && t->ntables < TAPE_TABLES) {
        o->slot = t->tables + (size_t)t->ntables++ * t->names->n;
        memset(o->slot, 0, t->names->n * sizeof *o->slot);
    }
    return o;
}

/* One member, `p` at its quote. */
static inline const char *
member(struct reader *r, const char *p, struct tape_object *o, struct strangers *known)
{
    uint32_t at = add(r);
    struct tape_tok *tok = &r->t->tok[at];

    if (at == TAPE_NONE || !(p = name(r, p + 1, tok)))
        return NULL;
    if (tok->id != TAPE_NONE ? !note(r, o, tok->id, at)
                             : !stranger(known, (struct str){r->text + tok->name, tok->name_n}))
        return NULL;
    return peek(r, &p) == ':' ? value(r, p + 1, at) : NULL;
}

static const char *
object(struct reader *r, const char *p, struct tape_tok *tok)
{
    struct strangers known = {.n = 0};
    struct tape_object *o = new_object(r, tok);
    char c = peek(r, &p);

    if (!o)
        return NULL;
    r->last = r->t->names->n + r->depth;
    if (c == '}')
        return p + 1;
    for (;; p++) {
        if (peek(r, &p) != '"' || !(p = member(r, p, o, &known)))
            return NULL;
        tok->count++;
        c = peek(r, &p);
        if (c != ',')
            break;
    }
    if (known.n)
        tok->flags |= TAPE_STRANGER;
    return c == '}' ? p + 1 : NULL;
}

static const char *
array(struct reader *r, const char *p, struct tape_tok *tok)
{
    char c = peek(r, &p);

    if (c == ']')
        return p + 1;
    for (;; p++) {
        uint32_t item = add(r);

        if (item == TAPE_NONE || !(p = value(r, p, item)))
            return NULL;
        tok->count++;
        c = peek(r, &p);
        if (c != ',')
            return c == ']' ? p + 1 : NULL;
    }
}

static const char *
nested(struct reader *r, const char *p, struct tape_tok *tok, uint8_t kind)
{
    uint32_t last = r->last;

    if (++r->depth > TAPE_DEPTH)
        return NULL;
    tok->kind = kind;
    p = kind == JSON_OBJECT ? object(r, p + 1, tok) : array(r, p + 1, tok);
    r->depth--;
    r->last = last;
    return p;
}

static const char *
other_value(struct reader *r, const char *p, uint32_t at)
{
    struct tape_tok *tok = &r->t->tok[at];

    if (p == r->end)
        return NULL;
    switch (*p) {
    case '{':
        return nested(r, p, tok, JSON_OBJECT);
    case '[':
        return nested(r, p, tok, JSON_ARRAY);
    case 't':
        return word(r, p, tok, JSON_TRUE, STR("true"));
    case 'f':
        return word(r, p, tok, JSON_FALSE, STR("false"));
    case 'n':
        return word(r, p, tok, JSON_NULL, STR("null"));
    default:
        return *p == '-' || (*p >= '0' && *p <= '9') ? number(r, p, tok) : NULL;
    }
}

bool
tape_read(struct tape *t, struct str text)
{
    const char *p = text.n ? text.p : "";
    struct reader r = {.t = t, .text = p, .end = p + text.n, .key = t->names->keys.key, .nkeys = t->names->n};

    t->text = p;
    t->n = t->nobject = t->ntables = 0;
    if (text.n > UINT32_MAX || add(&r) == TAPE_NONE || !(p = value(&r, p, 0)))
        return false;
    return peek(&r, &p) == '\0' && p == r.end;
}

/* ---- looking ---------------------------------------------------------------------------------------------------- */

const struct tape_tok *
tape_search(const struct tape *t, const struct tape_tok *at, uint16_t id)
{
    uint32_t i = (uint32_t)(at - t->tok) + 1;

    while (t->tok[i].id != id)
        i = t->tok[i].next;
    return &t->tok[i];
}

struct str
tape_decode(struct tape *t, const struct tape_tok *at)
{
    t->scratch.n = 0;
    return scan_string(tape_raw(t, at), &t->scratch);
}
