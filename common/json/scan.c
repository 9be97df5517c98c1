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

static bool
member(struct scanner *s, struct names *names)
{
    struct str name;

    blanks(s);
    if (s->p == s->end || *s->p != '"')
        return fault(s, "a member without a name");
    name.p = (const char *)s->p + 1;
    if (!string(s))
        return false;
    name.n = (size_t)((const char *)s->p - 1 - name.p);
    note_name(names, name, s->escaped);
    blanks(s);
    if (s->p == s->end || *s->p != ':')
        return fault(s, "a member without a colon");
    s->p++;
    return value(s);
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

enum res
scan_document(struct str text, struct err *e)
{
    const unsigned char *p = (const unsigned char *)text.p;
    struct scanner s = {.start = p, .p = p, .end = p + text.n};

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

/* ---- reading a checked document ------------------------------------------------------------------------------- */

static const char *
skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

/* `p` stands at the opening quote. A quote closes unless an odd number of backslashes is before it. */
static const char *
skip_string(const char *p, const char *end)
{
    const char *open = p + 1;

    for (p = open; p < end && (p = memchr(p, '"', (size_t)(end - p))); p++) {
        const char *q = p;

        while (q > open && q[-1] == '\\')
            q--;
        if ((p - q) % 2 == 0)
            return p + 1;
    }
    return end;
}

static const char *
skip_value(const char *p, const char *end)
{
    unsigned depth = 0;

    while (p < end) {
        char c = *p;

        if (c == '"') {
            p = skip_string(p, end);
        } else if (c == '{' || c == '[') {
            depth++;
            p++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return p;
            depth--;
            p++;
        } else if (depth == 0 && (c == ',' || c == ' ' || c == '\n' || c == '\t' || c == '\r')) {
            return p;
        } else {
            p++;
            continue;
        }
        if (depth == 0)
            return p;
    }
    return end;
}

/* Nothing may be added to NULL, not even 0. */
static const char *
end_of(struct str s)
{
    return s.n ? s.p + s.n : s.p;
}

enum scan_kind
scan_kind(struct str v)
{
    const char *end = end_of(v);
    const char *p = skip_blanks(v.p, end);

    if (p == end)
        return SCAN_NONE;
    switch (*p) {
    case '{':
        return SCAN_OBJECT;
    case '[':
        return SCAN_ARRAY;
    case '"':
        return SCAN_STRING;
    case 't':
        return SCAN_TRUE;
    case 'f':
        return SCAN_FALSE;
    case 'n':
        return SCAN_NULL;
    default:
        return SCAN_NUMBER;
    }
}

struct scan_iter
scan_iter(struct str v)
{
    enum scan_kind kind = scan_kind(v);
    struct scan_iter it = {.p = v.p, .end = end_of(v)};

    if (kind != SCAN_OBJECT && kind != SCAN_ARRAY) {
        it.p = it.end;
        return it;
    }
    it.object = kind == SCAN_OBJECT;
    it.p = skip_blanks(it.p, it.end) + 1;
    return it;
}

bool
scan_next(struct scan_iter *it)
{
    const char *p = skip_blanks(it->p, it->end);

    if (p < it->end && *p == ',')
        p = skip_blanks(p + 1, it->end);
    if (p >= it->end || *p == '}' || *p == ']')
        return false;
    if (it->object) {
        const char *key = p + 1;

        p = skip_string(p, it->end);
        it->key = (struct str){key, (size_t)(p - 1 - key)};
        p = skip_blanks(p, it->end);
        p = skip_blanks(p < it->end ? p + 1 : p, it->end);
    }
    it->value.p = p;
    it->p = skip_value(p, it->end);
    it->value.n = (size_t)(it->p - p);
    return true;
}

/* Which of the names the key is, or `n`. */
static unsigned
name_index(struct str key, const struct str *names, unsigned n)
{
    struct buf tmp = buf_make(4096);
    unsigned i = 0;

    if (memchr(key.p, '\\', key.n))
        key = scan_string((struct str){key.p - 1, key.n + 2}, &tmp);
    while (i < n && (!key.p || names[i].n != key.n || memcmp(names[i].p, key.p, key.n) != 0))
        i++;
    buf_free(&tmp);
    return i;
}

enum { PICK_MAX = 64 }; /* names in one pass */

bool
scan_pick(struct str object, const char *const *names, struct str *out, unsigned n)
{
    struct scan_iter it = scan_iter(object);
    struct str want[PICK_MAX];

    if (n > PICK_MAX) {
        scan_pick(object, names + PICK_MAX, out + PICK_MAX, n - PICK_MAX);
        n = PICK_MAX;
    }
    for (unsigned i = 0; i < n; i++) {
        out[i] = STR_NULL;
        want[i] = str_of(names[i]);
    }
    if (!it.object)
        return false;
    while (scan_next(&it)) {
        unsigned i = name_index(it.key, want, n);

        if (i < n)
            out[i] = it.value;
    }
    return true;
}

struct str
scan_get(struct str object, const char *name)
{
    struct str v;

    scan_pick(object, &name, &v, 1);
    return v;
}

static void
put_utf8(struct buf *b, int c)
{
    if (c < 0x80) {
        buf_char(b, (char)c);
    } else if (c < 0x800) {
        buf_char(b, (char)(0xc0 | c >> 6));
        buf_char(b, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_char(b, (char)(0xe0 | c >> 12));
        buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_char(b, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_char(b, (char)(0xf0 | c >> 18));
        buf_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
        buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_char(b, (char)(0x80 | (c & 0x3f)));
    }
}

/* `p` stands behind the backslash of a checked escape; returns what follows it */
static const char *
decode_escape(const char *p, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *at;
    int c;

    if (*p != 'u') {
        at = strchr(from, *p);
        buf_char(out, at ? to[at - from] : *p);
        return p + 1;
    }
    c = plain_hex4(p + 1);
    p += 5;
    if (c >= 0xd800 && c <= 0xdbff) {
        c = 0x10000 + ((c - 0xd800) << 10) + (plain_hex4(p + 2) - 0xdc00);
        p += 6;
    }
    put_utf8(out, c);
    return p;
}

struct str
scan_string(struct str raw, struct buf *store)
{
    const char *p = raw.p;
    const char *end = end_of(raw);
    size_t at;

    if (raw.n < 2 || *p != '"')
        return STR_NULL;
    p++;
    end--;
    if (!memchr(p, '\\', (size_t)(end - p)))
        return (struct str){p, (size_t)(end - p)};
    if (!store)
        return STR_NULL;
    at = store->n;
    while (p < end) {
        if (*p == '\\')
            p = decode_escape(p + 1, store);
        else
            buf_char(store, *p++);
    }
    return store->failed ? STR_NULL : (struct str){store->p + at, store->n - at};
}

struct str
scan_text(struct arena *a, struct str raw)
{
    struct buf tmp = buf_make(raw.n + 1); /* never longer than it was */
    struct str s = arena_str(a, scan_string(raw, &tmp));

    buf_free(&tmp);
    return s;
}

bool
scan_int(struct str raw, int64_t *ret)
{
    *ret = 0;
    return scan_kind(raw) == SCAN_NUMBER && str_int(raw, ret);
}
