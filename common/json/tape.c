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

struct reader {
    struct tape *t;
    const char *p, *end;
    unsigned depth;
    uint32_t guess; /* the name that may come next: members mostly come in one order */
};

/* A member's name, told apart from the others of its object. */
struct stranger {
    const char *p;
    size_t n;
};
enum { STRANGERS = 8 };

static inline void
blanks(struct reader *r)
{
    if (r->p<r->end && * r->p> ' ') /* mostly */
        return;
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
        r->p++;
}

/* RFC 3629. The length of the sequence at `p`, 0 when it is none. */
static unsigned
wide(const char *at, const char *end)
{
    const unsigned char *p = (const unsigned char *)at;
    unsigned c = *p;
    unsigned n = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;

    if (!n || (size_t)(end - at) < n)
        return 0;
    for (unsigned i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static bool
hex4(const char *p, unsigned *ret)
{
    unsigned v = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i], low = (char)(c | 0x20);

        if (!((c >= '0' && c <= '9') || (low >= 'a' && low <= 'f')))
            return false;
        v = v << 4 | (unsigned)(c <= '9' ? c - '0' : low - 'a' + 10);
    }
    *ret = v;
    return true;
}

/* The length of the escape at `p`, which is a backslash; 0 for none that is taken. */
static size_t
escape(const char *p, const char *end)
{
    unsigned u;

    if (end - p < 2)
        return 0;
    if (p[1] != 'u')
        return memchr("\"\\/bfnrt", p[1], 8) ? 2 : 0;
    if (end - p < 6 || !hex4(p + 2, &u) || u == 0 || (u >= 0xdc00 && u <= 0xdfff))
        return 0;
    if (u < 0xd800 || u > 0xdbff)
        return 6;
    if (end - p < 12 || p[6] != '\\' || p[7] != 'u' || !hex4(p + 8, &u) || u < 0xdc00 || u > 0xdfff)
        return 0;
    return 12;
}

/* r->p stands behind the opening quote; afterwards behind the closing one. */
static inline bool
string(struct reader *r, uint8_t *flags)
{
    for (;;) {
        size_t n;

        r->p = plain_end(r->p, r->end);
        if (r->p == r->end)
            return false;
        if (*r->p == '"') {
            r->p++;
            return true;
        }
        n = *r->p == '\\' ? escape(r->p, r->end) : (signed char)*r->p < 0 ? wide(r->p, r->end) : 0;
        if (!n)
            return false;
        *flags |= *r->p == '\\' ? TAPE_ESCAPED : TAPE_WIDE;
        r->p += n;
    }
}

static inline size_t
digits(struct reader *r)
{
    const char *from = r->p;

    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return (size_t)(r->p - from);
}

/* At most 18 digits before the point, 18 behind it and two of an exponent: within int64, and within double. */
static bool
number(struct reader *r, struct tape_tok *tok)
{
    size_t n;

    tok->kind = JSON_INTEGER;
    if (*r->p == '-')
        r->p++;
    if (r->p < r->end && *r->p == '0')
        r->p++;
    else if ((n = digits(r)) == 0 || n > 18)
        return false;
    if (r->p < r->end && *r->p == '.') {
        tok->kind = JSON_REAL;
        r->p++;
        if ((n = digits(r)) == 0 || n > 18)
            return false;
    }
    if (r->p < r->end && (*r->p | 0x20) == 'e') {
        tok->kind = JSON_REAL;
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            r->p++;
        if ((n = digits(r)) == 0 || n > 2)
            return false;
    }
    return true;
}

static bool
word(struct reader *r, struct tape_tok *tok, uint8_t kind, struct str w)
{
    tok->kind = kind;
    if ((size_t)(r->end - r->p) < w.n || memcmp(r->p, w.p, w.n) != 0)
        return false;
    r->p += w.n;
    return true;
}

static bool value(struct reader *r, uint32_t at);

/* A token for the next value; TAPE_NONE when there is no room. */
static inline uint32_t
add(struct reader *r)
{
    return r->t->n < r->t->cap ? r->t->n++ : TAPE_NONE;
}

/* Whether the name at r->p, behind its quote, is the guessed one: then only one comparison is needed. */
static inline bool
guessed(struct reader *r, struct tape_tok *tok)
{
    const struct schema_key *key = &r->t->names->keys.key[r->guess];

    if (r->guess >= r->t->names->n || (size_t)(r->end - r->p) <= key->n || r->p[key->n] != '"' ||
        memcmp(r->p, key->p, key->n) != 0)
        return false;
    tok->id = (uint16_t)r->guess;
    tok->name_n = key->n;
    r->p += key->n + 1;
    return true;
}

static inline bool
name(struct reader *r, struct tape_tok *tok)
{
    uint8_t flags = 0;
    uint32_t k;

    tok->name = (uint32_t)(r->p - r->t->text);
    if (!guessed(r, tok)) {
        const char *from = r->p;

        if (!string(r, &flags) || flags & TAPE_ESCAPED)
            return false;
        tok->name_n = (uint32_t)(r->p - 1 - from);
        k = schema_keys_find(&r->t->names->keys, from, tok->name_n);
        tok->id = k == UINT32_MAX ? TAPE_NONE : (uint16_t)k;
    }
    if (tok->id != TAPE_NONE)
        r->guess = tok->id + 1u;
    return true;
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

static bool
member(struct reader *r, struct tape_object *o, uint32_t *at)
{
    struct tape_tok *tok;

    if (r->p == r->end || *r->p != '"' || (*at = add(r)) == TAPE_NONE)
        return false;
    r->p++;
    tok = &r->t->tok[*at];
    if (!name(r, tok))
        return false;
    if (tok->id != TAPE_NONE) {
        uint64_t bit = (uint64_t)1 << (tok->id & 63);

        if (o->present[tok->id >> 6] & bit)
            return false;
        o->present[tok->id >> 6] |= bit;
        if (o->slot)
            o->slot[tok->id] = (uint16_t)*at;
    }
    blanks(r);
    if (r->p == r->end || *r->p != ':')
        return false;
    r->p++;
    return value(r, *at);
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

/* After a member or item: true to go on with the next; false at the end, when *ok tells whether it is one. */
static inline bool
next(struct reader *r, char close, bool *ok)
{
    blanks(r);
    *ok = r->p < r->end && (*r->p == ',' || *r->p == close);
    if (!*ok || *r->p++ == close)
        return false;
    blanks(r);
    return true;
}

static bool
object(struct reader *r, uint32_t at)
{
    struct stranger strangers[STRANGERS];
    struct tape_object *o = new_object(r);
    struct tape_tok *tok = &r->t->tok[at];
    unsigned n = 0;
    uint32_t m;
    bool ok = true;

    if (!o)
        return false;
    tok->object = (uint16_t)(o - r->t->object);
    r->guess = 0;
    if (r->p < r->end && *r->p == '}') {
        r->p++;
        return true;
    }
    do {
        const struct tape_tok *it;

        if (!member(r, o, &m))
            return false;
        it = &r->t->tok[m];
        tok->count++;
        if (it->id != TAPE_NONE)
            continue;
        tok->flags |= TAPE_STRANGER;
        if (!stranger(strangers, &n, (struct str){r->t->text + it->name, it->name_n}))
            return false;
    } while (next(r, '}', &ok));
    return ok;
}

static bool
array(struct reader *r, uint32_t at)
{
    struct tape_tok *tok = &r->t->tok[at];
    uint32_t item;
    bool ok = true;

    if (r->p < r->end && *r->p == ']') {
        r->p++;
        return true;
    }
    do {
        if ((item = add(r)) == TAPE_NONE || !value(r, item))
            return false;
        tok->count++;
    } while (next(r, ']', &ok));
    return ok;
}

static bool
nested(struct reader *r, uint32_t at, uint8_t kind)
{
    uint32_t guess = r->guess;
    bool ok;

    if (++r->depth > TAPE_DEPTH)
        return false;
    r->t->tok[at].kind = kind;
    r->p++;
    blanks(r);
    ok = kind == JSON_OBJECT ? object(r, at) : array(r, at);
    r->depth--;
    r->guess = guess;
    return ok;
}

/* Fills the token of the value at r->p; its name is filled already. */
static bool
value(struct reader *r, uint32_t at)
{
    struct tape_tok *tok = &r->t->tok[at];
    const char *from;
    bool ok;

    blanks(r);
    if (r->p == r->end)
        return false;
    from = r->p;
    tok->count = 0;
    tok->flags = 0;
    switch (*r->p) {
    case '"':
        tok->kind = JSON_STRING;
        r->p++;
        ok = string(r, &tok->flags);
        break;
    case '{':
        ok = nested(r, at, JSON_OBJECT);
        break;
    case '[':
        ok = nested(r, at, JSON_ARRAY);
        break;
    case 't':
        ok = word(r, tok, JSON_TRUE, STR("true"));
        break;
    case 'f':
        ok = word(r, tok, JSON_FALSE, STR("false"));
        break;
    case 'n':
        ok = word(r, tok, JSON_NULL, STR("null"));
        break;
    default:
        ok = (*r->p == '-' || (*r->p >= '0' && *r->p <= '9')) && number(r, tok);
    }
    tok->off = (uint32_t)(from - r->t->text);
    tok->n = (uint32_t)(r->p - from);
    tok->next = r->t->n;
    return ok;
}

bool
tape_read(struct tape *t, struct str text)
{
    struct reader r = {.t = t, .p = text.p, .end = text.p + text.n};

    t->text = text.p;
    t->n = t->nobject = t->ntables = 0;
    if (text.n > UINT32_MAX || add(&r) == TAPE_NONE || !value(&r, 0))
        return false;
    blanks(&r);
    return r.p == r.end;
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
