#include "common/json/scan.h"

#include <stdlib.h>

#include "common/json/plain.h"
#include "common/json/schema_keys.h"

struct scanner {
    const unsigned char *start, *p, *end;
    const char *why; /* first fault, or NULL */
    bool escaped;    /* the last string had an escape */
    unsigned depth;
    bool no_memory;
    struct scan_members *members; /* where to note them, or NULL */
};

static bool
fault(struct scanner *s, const char *why)
{
    if (!s->why)
        s->why = why;
    return false;
}

static inline void
blanks(struct scanner *s)
{
    while (s->p < s->end && *s->p <= ' ' && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
}

/* ---- strings -------------------------------------------------------------------------------------------------- */

/* s->p stands behind "\u" */
static bool
unicode_escape(struct scanner *s)
{
    int a = s->end - s->p >= 4 ? plain_hex4((const char *)s->p) : -1;

    if (a < 0)
        return fault(s, "a \\u escape without four hex digits");
    s->p += 4;
    if (a == 0)
        return fault(s, "a NUL character");
    if (a >= 0xdc00 && a <= 0xdfff)
        return fault(s, "a lone surrogate");
    if (a < 0xd800 || a > 0xdbff)
        return true;
    if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
        return fault(s, "a lone surrogate");
    a = plain_hex4((const char *)s->p + 2);
    s->p += 6;
    return (a >= 0xdc00 && a <= 0xdfff) || fault(s, "a lone surrogate");
}

static bool
escape(struct scanner *s)
{
    s->p++;
    if (s->p == s->end)
        return fault(s, "a string without an end");
    switch (*s->p++) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return true;
    case 'u':
        return unicode_escape(s);
    default:
        return fault(s, "an unknown escape");
    }
}

static bool
utf8(struct scanner *s)
{
    unsigned n = plain_wide((const char *)s->p, (const char *)s->end);

    s->p += n;
    return n || fault(s, "bytes that are not UTF-8");
}

bool
scan_utf8(struct str text)
{
    struct scanner s = {.p = (const unsigned char *)text.p};

    for (s.end = text.n ? s.p + text.n : s.p; s.p < s.end;) {
        if (!*s.p)
            return false;
        if (*s.p < 0x80)
            s.p++;
        else if (!utf8(&s))
            return false;
    }
    return true;
}

/* s->p stands on the opening quote; afterwards behind the closing one */
static bool
string(struct scanner *s)
{
    s->escaped = false;
    for (s->p++;;) {
        s->p = (const unsigned char *)plain_end((const char *)s->p, (const char *)s->end);
        if (s->p == s->end)
            return fault(s, "a string without an end");
        if (*s->p == '"') {
            s->p++;
            return true;
        }
        if (*s->p == '\\') {
            s->escaped = true;
            if (!escape(s))
                return false;
        } else if (*s->p < 0x20) {
            return fault(s, *s->p ? "a control character in a string" : "a NUL character");
        } else if (!utf8(s)) {
            return false;
        }
    }
}

/* ---- numbers and words ---------------------------------------------------------------------------------------- */

static bool
some_digits(struct scanner *s)
{
    const unsigned char *from = s->p;

    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return s->p > from || fault(s, "a malformed number");
}

/* Behind the "e" of a number. */
static bool
exponent(struct scanner *s)
{
    unsigned n = 0;

    if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
        s->p++;
    if (s->p == s->end || *s->p < '0' || *s->p > '9')
        return fault(s, "a malformed number");
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
        n = n > SCAN_EXPONENT ? n : n * 10 + *s->p - '0';
    return n <= SCAN_EXPONENT || fault(s, "a number that nobody can hold");
}

static bool
number(struct scanner *s)
{
    const unsigned char *from = s->p;

    if (*s->p == '-')
        s->p++;
    if (s->p < s->end && *s->p == '0')
        s->p++;
    else if (!some_digits(s))
        return false;
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (!some_digits(s))
            return false;
    }
    if (s->p - from > SCAN_DIGITS)
        return fault(s, "a number that nobody can hold");
    if (s->p < s->end && (*s->p | 32) == 'e') {
        s->p++;
        return exponent(s);
    }
    return true;
}

static bool
word(struct scanner *s, const char *w)
{
    size_t n = strlen(w);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, w, n) != 0)
        return fault(s, "an unknown word");
    s->p += n;
    return true;
}

/* ---- objects and arrays --------------------------------------------------------------------------------------- */

static bool value(struct scanner *s);

/* Collects the names of the object that begins behind `members` and ends before s->p, decoded, into `names`. */
static bool
gather_names(const struct scanner *s, const unsigned char *members, struct str *names, struct buf *store)
{
    struct scan_iter it = {.p = (const char *)members, .end = (const char *)s->p, .object = true};

    if (!buf_room(store, (size_t)(s->p - members))) /* decoded text must not move */
        return false;
    for (size_t n = 0; scan_next(&it); n++)
        names[n] = scan_string((struct str){it.key.p - 1, it.key.n + 2}, store);
    return !store->failed;
}

static int
name_cmp(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Same name twice among `n` members? Sorted, so that a large object costs little more than its bytes. */
static bool
check_names(struct scanner *s, const unsigned char *members, size_t n)
{
    struct buf store = buf_make(SIZE_MAX / 4);
    struct str few[64];
    struct str *names = n <= 64 ? few : malloc(n * sizeof *names);
    bool ok = false;

    if (!names || !gather_names(s, members, names, &store)) {
        s->no_memory = true;
        goto out;
    }
    qsort(names, n, sizeof *names, name_cmp);
    ok = true;
    for (size_t i = 1; ok && i < n; i++)
        ok = !str_eq(names[i - 1], names[i]) || fault(s, "the same member name twice");
out:
    if (names != few)
        free(names);
    buf_free(&store);
    return ok;
}

/* The names' hashes answer "all differ" for nearly every object; only a doubt sorts the names. */
enum { HASHES = 128 };
struct names {
    uint64_t filter[16]; /* which hashes there are, by ten of their bits */
    size_t n;
    bool doubt;
    uint32_t hash[HASHES];
};

static bool
hash_known(const struct names *names, uint32_t h)
{
    for (size_t i = 0; i < names->n; i++)
        if (names->hash[i] == h)
            return true;
    return false;
}

static void
note_name(struct names *names, struct str name, bool escaped)
{
    uint32_t h = schema_word_hash(schema_words(name.p, name.n), name.n);
    uint64_t bit = 1ULL << (h & 63);
    uint64_t *w = &names->filter[(h >> 6) & 15];

    /* an escaped name can equal a plain one */
    names->doubt = names->doubt || escaped || names->n >= HASHES || (*w & bit && hash_known(names, h));
    *w |= bit;
    if (names->n < HASHES)
        names->hash[names->n] = h;
    names->n++;
}

/* Where the member whose name was read is noted, or NULL. */
static struct scan_member *
note_member(struct scanner *s, struct str name)
{
    struct scan_members *to = s->depth <= 2 ? s->members : NULL;
    struct scan_member *m = to && to->n < SCAN_MEMBERS ? &to->all[to->n] : NULL;

    if (to && to->n <= SCAN_MEMBERS)
        to->n++;
    if (m)
        *m = (struct scan_member){.key = name, .escaped = s->escaped, .level = s->depth};
    return m;
}

static bool
member_value(struct scanner *s, struct scan_member *m)
{
    const char *from;

    blanks(s);
    from = (const char *)s->p;
    if (!value(s))
        return false;
    if (m)
        m->value = (struct str){from, (size_t)((const char *)s->p - from)};
    return true;
}

static bool
member(struct scanner *s, struct names *names)
{
    struct scan_member *noted;
    struct str name;

    blanks(s);
    if (s->p == s->end || *s->p != '"')
        return fault(s, "a member without a name");
    name.p = (const char *)s->p + 1;
    if (!string(s))
        return false;
    name.n = (size_t)((const char *)s->p - 1 - name.p);
    note_name(names, name, s->escaped);
    noted = note_member(s, name);
    blanks(s);
    if (s->p == s->end || *s->p != ':')
        return fault(s, "a member without a colon");
    s->p++;
    return member_value(s, noted);
}

static bool
enter(struct scanner *s)
{
    if (s->depth == SCAN_DEPTH)
        return fault(s, "too many levels");
    s->depth++;
    s->p++;
    blanks(s);
    return true;
}

static bool
leave(struct scanner *s)
{
    s->depth--;
    s->p++;
    return true;
}

/* s->p stands on the opening bracket */
static bool
object(struct scanner *s)
{
    const unsigned char *members = s->p + 1;
    struct names names;

    if (!enter(s))
        return false;
    if (s->p < s->end && *s->p == '}')
        return leave(s);
    memset(names.filter, 0, sizeof names.filter); /* the hashes need not be cleared */
    names.n = 0;
    names.doubt = false;
    for (;; s->p++) {
        if (!member(s, &names))
            return false;
        blanks(s);
        if (s->p == s->end || (*s->p != ',' && *s->p != '}'))
            return fault(s, "an object without an end");
        if (*s->p == '}')
            break;
    }
    return (!names.doubt || check_names(s, members, names.n)) && leave(s);
}

static bool
array(struct scanner *s)
{
    if (!enter(s))
        return false;
    if (s->p < s->end && *s->p == ']')
        return leave(s);
    for (;; s->p++) {
        if (!value(s))
            return false;
        blanks(s);
        if (s->p == s->end || (*s->p != ',' && *s->p != ']'))
            return fault(s, "an array without an end");
        if (*s->p == ']')
            return leave(s);
    }
}

static bool
value(struct scanner *s)
{
    blanks(s);
    if (s->p == s->end)
        return fault(s, "nothing where a value should stand");
    switch (*s->p) {
    case '{':
        return object(s);
    case '[':
        return array(s);
    case '"':
        return string(s);
    case 't':
        return word(s, "true");
    case 'f':
        return word(s, "false");
    case 'n':
        return word(s, "null");
    default:
        return number(s);
    }
}

static enum res
check_document(struct str text, struct scan_members *members, struct err *e)
{
    const unsigned char *p = (const unsigned char *)text.p;
    struct scanner s = {.start = p, .p = p, .end = p + text.n, .members = members};

    if (text.n == 0)
        return err_set(e, RES_REJECT, "not JSON: empty");
    if (value(&s)) {
        blanks(&s);
        if (s.p < s.end)
            fault(&s, "something behind the value");
    }
    if (s.no_memory)
        return err_set(e, RES_RETRY, "out of memory");
    if (s.why)
        return err_set(e, RES_REJECT, "not JSON: byte %zu: %s", (size_t)(s.p - s.start), s.why);
    return RES_OK;
}

enum res
scan_document(struct str text, struct err *e)
{
    return check_document(text, NULL, e);
}

enum res
scan_document_members(struct str text, struct scan_members *ret, struct err *e)
{
    ret->n = 0;
    return check_document(text, ret, e);
}
