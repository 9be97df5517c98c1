#include "common/json/tape.h"

#include <jansson.h>
#include <stdlib.h>

#include "common/json/plain.h"
#include "common/json/scan.h"

struct tape *
tape_new(const struct tape_names *names, uint32_t cap)
{
    struct tape *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->names = names;
    t->cap = cap < TAPE_NONE ? cap : TAPE_NONE - 1;
    t->cap_object = t->cap / 4 + 16;
    t->scratch = buf_make(1 << 20);
    t->tok = malloc(t->cap * sizeof *t->tok);
    t->object = malloc(t->cap_object * sizeof *t->object);
    t->tables = malloc(((size_t)names->n * TAPE_TABLES + 1) * sizeof *t->tables);
    if (t->tok && t->object && t->tables)
        return t;
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
    free(t);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* The functions below take where they begin and return where they end; NULL: not taken. */
struct reader {
    struct tape *t;
    const char *end;
    unsigned depth;
    uint32_t guess; /* the name that may come next: members mostly come in one order */
};

/* A member's name, told apart from the others of its object. */
struct stranger {
    const char *p;
    size_t n;
};
enum { STRANGERS = 8 };

static inline const char *
blanks(const struct reader *r, const char *p)
{
    while (p < r->end && *p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    return p;
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

static const char *value(struct reader *r, const char *p, uint32_t at);

/* A token for the next value; TAPE_NONE when there is no room. */
static inline uint32_t
add(struct reader *r)
{
    return r->t->n < r->t->cap ? r->t->n++ : TAPE_NONE;
}

/* Whether the name at `p`, behind its quote, is the guessed one: then only one comparison is needed. */
static inline bool
guessed(const struct reader *r, const char *p)
{
    const struct schema_key *key = &r->t->names->keys.key[r->guess];

    return r->guess < r->t->names->n && (size_t)(r->end - p) > key->n && p[key->n] == '"' &&
           memcmp(p, key->p, key->n) == 0;
}

static inline const char *
looked_up(struct reader *r, const char *p, struct tape_tok *tok)
{
    uint8_t flags = 0;
    const char *to = string(r, p, &flags);
    uint32_t k;

    if (!to || flags & TAPE_ESCAPED)
        return NULL;
    tok->name_n = (uint32_t)(to - 1 - p);
    k = schema_keys_find(&r->t->names->keys, p, tok->name_n);
    tok->id = k == UINT32_MAX ? TAPE_NONE : (uint16_t)k;
    return to;
}

static inline const char *
name(struct reader *r, const char *p, struct tape_tok *tok)
{
    tok->name = (uint32_t)(p - r->t->text);
    if (guessed(r, p)) {
        tok->id = (uint16_t)r->guess;
        tok->name_n = r->t->names->keys.key[r->guess].n;
        p += tok->name_n + 1;
    } else if (!(p = looked_up(r, p, tok))) {
        return NULL;
    }
    if (tok->id != TAPE_NONE)
        r->guess = tok->id + 1u;
    return p;
}

/* Remembers a name that is not registered; false when it came before, or there are too many to tell. */
static bool
stranger(struct stranger *known, unsigned *n, struct str s)
{
    for (unsigned i = 0; i < *n; i++)
        if (known[i].n == s.n && memcmp(known[i].p, s.p, s.n) == 0)
            return false;
    if (*n == STRANGERS)
        return false;
    known[(*n)++] = (struct stranger){s.p, s.n};
    return true;
}

/* Notes that the object has the name; false when it had it before. */
static inline bool
note(struct tape_object *o, uint16_t id, uint32_t at)
{
    uint64_t bit = (uint64_t)1 << (id & 63);

    if (o->present[id >> 6] & bit)
        return false;
    o->present[id >> 6] |= bit;
    if (o->slot)
        o->slot[id] = (uint16_t)at;
    return true;
}

static inline const char *
member(struct reader *r, const char *p, struct tape_object *o, uint32_t at)
{
    struct tape_tok *tok = &r->t->tok[at];

    if (p == r->end || *p != '"' || !(p = name(r, p + 1, tok)))
        return NULL;
    if (tok->id != TAPE_NONE && !note(o, tok->id, at))
        return NULL;
    p = blanks(r, p);
    return p < r->end && *p == ':' ? value(r, p + 1, at) : NULL;
}

static struct tape_object *
new_object(struct reader *r)
{
    struct tape *t = r->t;
    struct tape_object *o;

    if (t->nobject == t->cap_object)
        return NULL;
    o = &t->object[t->nobject++];
    memset(o, 0, sizeof *o);
    if (r->depth <= 2 && t->ntables < TAPE_TABLES) {
        o->slot = t->tables + (size_t)t->ntables++ * t->names->n;
        memset(o->slot, 0, t->names->n * sizeof *o->slot);
    }
    return o;
}

static const char *
object(struct reader *r, const char *p, uint32_t at)
{
    struct stranger strangers[STRANGERS];
    struct tape_object *o = new_object(r);
    struct tape_tok *tok = &r->t->tok[at];
    unsigned n = 0;

    if (!o)
        return NULL;
    tok->object = (uint16_t)(o - r->t->object);
    r->guess = 0;
    if (p < r->end && *p == '}')
        return p + 1;
    for (;; p = blanks(r, p + 1)) {
        uint32_t m = add(r);
        const struct tape_tok *it = &r->t->tok[m];

        if (m == TAPE_NONE || !(p = member(r, p, o, m)))
            return NULL;
        tok->count++;
        if (it->id == TAPE_NONE) {
            tok->flags |= TAPE_STRANGER;
            if (!stranger(strangers, &n, (struct str){r->t->text + it->name, it->name_n}))
                return NULL;
        }
        p = blanks(r, p);
        if (p == r->end || *p != ',')
            return p < r->end && *p == '}' ? p + 1 : NULL;
    }
}

static const char *
array(struct reader *r, const char *p, uint32_t at)
{
    if (p < r->end && *p == ']')
        return p + 1;
    for (;; p = blanks(r, p + 1)) {
        uint32_t item = add(r);

        if (item == TAPE_NONE || !(p = value(r, p, item)))
            return NULL;
        r->t->tok[at].count++;
        p = blanks(r, p);
        if (p == r->end || *p != ',')
            return p < r->end && *p == ']' ? p + 1 : NULL;
    }
}

static const char *
nested(struct reader *r, const char *p, uint32_t at, uint8_t kind)
{
    uint32_t guess = r->guess;

    if (++r->depth > TAPE_DEPTH)
        return NULL;
    r->t->tok[at].kind = kind;
    p = blanks(r, p + 1);
    p = kind == JSON_OBJECT ? object(r, p, at) : array(r, p, at);
    r->depth--;
    r->guess = guess;
    return p;
}

static const char *
other_value(struct reader *r, const char *p, uint32_t at)
{
    struct tape_tok *tok = &r->t->tok[at];

    switch (*p) {
    case '{':
        return nested(r, p, at, JSON_OBJECT);
    case '[':
        return nested(r, p, at, JSON_ARRAY);
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

/* Fills the token of the value at `p`; its name is filled already. */
static const char *
value(struct reader *r, const char *p, uint32_t at)
{
    struct tape_tok *tok = &r->t->tok[at];
    const char *to;
    uint8_t flags = 0;

    p = blanks(r, p);
    if (p == r->end)
        return NULL;
    tok->count = 0;
    tok->flags = 0;
    if (*p == '"') {
        tok->kind = JSON_STRING;
        to = string(r, p + 1, &flags);
        tok->flags = flags;
    } else {
        to = other_value(r, p, at);
    }
    if (!to)
        return NULL;
    tok->off = (uint32_t)(p - r->t->text);
    tok->n = (uint32_t)(to - p);
    tok->next = r->t->n;
    return to;
}

bool
tape_read(struct tape *t, struct str text)
{
    struct reader r = {.t = t, .end = text.n ? text.p + text.n : text.p};
    const char *p;

    t->text = text.p;
    t->n = t->nobject = t->ntables = 0;
    if (text.n > UINT32_MAX || add(&r) == TAPE_NONE || !(p = value(&r, text.p, 0)))
        return false;
    return blanks(&r, p) == r.end;
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
