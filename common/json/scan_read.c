/* scan_read: reading a document that scan_document has checked; the grammar is trusted. */
#include "common/json/plain.h"
#include "common/json/scan.h"

static const char *
skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

/* `p` stands at the opening quote. */
static const char *
skip_string(const char *p, const char *end)
{
    for (p = plain_end(p + 1, end); p < end; p = plain_end(p + 1, end)) {
        if (*p == '"')
            return p + 1;
        if (*p == '\\' && ++p == end)
            break;
    }
    return end;
}

/* `p` stands at the bracket. */
static const char *
skip_nested(const char *p, const char *end)
{
    unsigned depth = 0;

    while (p < end) {
        char c = *p;

        if (c == '"') {
            p = skip_string(p, end);
            continue;
        }
        p++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return p;
    }
    return end;
}

/* What a number or a word cannot hold. */
static bool
ends_word(char c)
{
    if (c > ',')
        return c == '}' || c == ']';
    return c == ',' || c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static const char *
skip_word(const char *p, const char *end)
{
    while (p < end && !ends_word(*p))
        p++;
    return p;
}

static const char *
skip_value(const char *p, const char *end)
{
    if (p == end)
        return end;
    if (*p == '"')
        return skip_string(p, end);
    return *p == '{' || *p == '[' ? skip_nested(p, end) : skip_word(p, end);
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
        it->key = (struct str){key, p > key ? (size_t)(p - 1 - key) : 0}; /* 0: cut off */
        p = skip_blanks(p, it->end);
        p = skip_blanks(p < it->end ? p + 1 : p, it->end);
    }
    it->value.p = p;
    it->p = skip_value(p, it->end);
    it->value.n = (size_t)(it->p - p);
    return true;
}

enum { PICK_MAX = 64 }; /* names in one pass */

/* Names that are looked for. */
struct wanted {
    struct str name[PICK_MAX];
    unsigned n;
    uint64_t known; /* a bit for each, by its length and first byte: most other names have another */
};

static uint64_t
name_bit(struct str name)
{
    return 1ULL << ((name.n + (name.n ? (unsigned char)name.p[0] * 5U : 0)) & 63);
}

static struct wanted
want(const char *const *names, struct str *out, unsigned n)
{
    struct wanted w;

    w.n = n;
    w.known = 0;
    for (unsigned i = 0; i < n; i++) {
        out[i] = STR_NULL;
        w.name[i] = str_of(names[i]);
        w.known |= name_bit(w.name[i]);
    }
    return w;
}

/* Which of the names the decoded key is, or their number. */
static unsigned
wanted_index(const struct wanted *w, struct str key)
{
    unsigned i = 0;

    if (!key.p || !(w->known & name_bit(key)))
        return w->n;
    while (i < w->n && (w->name[i].n != key.n || memcmp(w->name[i].p, key.p, key.n) != 0))
        i++;
    return i;
}

static unsigned
escaped_index(const struct wanted *w, struct str key)
{
    struct buf tmp = buf_make(4096);
    unsigned i = wanted_index(w, scan_string((struct str){key.p - 1, key.n + 2}, &tmp));

    buf_free(&tmp);
    return i;
}

static inline unsigned
name_index(const struct wanted *w, struct str key, bool escaped)
{
    return escaped ? escaped_index(w, key) : wanted_index(w, key);
}

bool
scan_pick(struct str object, const char *const *names, struct str *out, unsigned n)
{
    struct scan_iter it = scan_iter(object);
    struct wanted w;

    if (n > PICK_MAX) {
        scan_pick(object, names + PICK_MAX, out + PICK_MAX, n - PICK_MAX);
        n = PICK_MAX;
    }
    w = want(names, out, n);
    if (!it.object)
        return false;
    while (scan_next(&it)) {
        unsigned i = name_index(&w, it.key, memchr(it.key.p, '\\', it.key.n) != NULL);

        if (i < n)
            out[i] = it.value;
    }
    return true;
}

void
scan_pick_members(const struct scan_member *all, unsigned count, const char *const *names, struct str *out,
                  unsigned n)
{
    struct wanted w;

    if (n > PICK_MAX) {
        scan_pick_members(all, count, names + PICK_MAX, out + PICK_MAX, n - PICK_MAX);
        n = PICK_MAX;
    }
    w = want(names, out, n);
    for (unsigned k = 0; k < count; k++) {
        unsigned i = name_index(&w, all[k].key, all[k].escaped);

        if (i < n)
            out[i] = all[k].value;
    }
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
