#include "workers/sop/rules/secret.h"

#include <strings.h>

#include "common/json/scan.h"

/* ---- names ------------------------------------------------------------------------------------------------------ */

static bool
is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool
is_letter(char c)
{
    return is_lower((char)(c | 0x20));
}

static bool
begins(struct str s, size_t at, struct str word)
{
    return s.n - at >= word.n && (s.p[at + 1] | 0x20) == word.p[1] &&
           strncasecmp(s.p + at, word.p, word.n) == 0;
}

/* "nik" as a word: not within one, but noNIK and no_nik are. */
static bool
is_nik(struct str s, size_t i)
{
    bool starts = i == 0 || !is_letter(s.p[i - 1]) || (is_lower(s.p[i - 1]) && s.p[i] == 'N');

    return starts && begins(s, i, STR("nik")) && (i + 3 == s.n || !is_lower(s.p[i + 3]));
}

static bool
word_at(struct str s, size_t i)
{
    switch (s.p[i] | 0x20) {
    case 'p':
        return begins(s, i, STR("password")) || begins(s, i, STR("passwd"));
    case 'k':
        return begins(s, i, STR("katasandi")) || begins(s, i, STR("kata_sandi")) ||
               begins(s, i, STR("kata-sandi"));
    case 's':
        return begins(s, i, STR("secret"));
    case 't':
        return begins(s, i, STR("token"));
    case 'n':
        return is_nik(s, i);
    default:
        return false;
    }
}

static bool
word_in(struct str s, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (word_at(s, i))
            return true;
    return false;
}

/* Of a long text this many bytes are looked at together. */
enum { BLOCK = 64, HEAD = 3 };

/* Whether the first three letters of one of the words begin in the block; HEAD - 1 bytes more can be read behind it. Without
 * a branch, so that the compiler takes sixteen at once. */
static bool
any_head(const char *p)
{
    unsigned char any = 0;

    for (unsigned i = 0; i < BLOCK; i++) {
        unsigned char a = (unsigned char)(p[i] | 0x20);
        unsigned char b = (unsigned char)(p[i + 1] | 0x20);
        unsigned char c = (unsigned char)(p[i + 2] | 0x20);

        any |=
            (unsigned char)(((a == 'p') & (b == 'a') & (c == 's')) | ((a == 'k') & (b == 'a') & (c == 't')) |
                            ((a == 's') & (b == 'e') & (c == 'c')) | ((a == 't') & (b == 'o') & (c == 'k')) |
                            ((a == 'n') & (b == 'i') & (c == 'k')));
    }
    return any;
}

bool
secret_name(struct str name)
{
    size_t i = 0;

    for (; name.n - i >= BLOCK + HEAD - 1; i += BLOCK)
        if (any_head(name.p + i) && word_in(name, i, i + BLOCK))
            return true;
    return word_in(name, i, name.n);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

struct masking {
    struct buf *out;    /* NULL: only look */
    const char *copied; /* up to here it is in `out` */
    bool any;
};

/* `key` is raw, between its quotes. */
static bool
is_secret(struct str key)
{
    struct str quoted = {key.p - 1, key.n + 2};
    struct buf tmp = buf_make(quoted.n + 1);
    bool secret = secret_name(scan_string(quoted, &tmp));

    buf_free(&tmp);
    return secret;
}

static void
replace(struct masking *m, struct str value)
{
    m->any = true;
    if (!m->out)
        return;
    buf_add(m->out, m->copied, (size_t)(value.p - m->copied));
    buf_z(m->out, "\"***\"");
    m->copied = value.p + value.n;
}

/* As deep as scan_document lets a text be. */
static void
walk(struct masking *m, struct str json)
{
    enum scan_kind kind = scan_kind(json);
    struct scan_iter it;

    if (kind != SCAN_OBJECT && kind != SCAN_ARRAY)
        return;
    it = scan_iter(json);
    while (scan_next(&it)) {
        if (it.object && is_secret(it.key))
            replace(m, it.value);
        else
            walk(m, it.value);
    }
}

/* No name can look like one where the whole text does not: what stands around a name, quotes, bounds a word as its ends do. */
static bool
may_hold(struct str json)
{
    return secret_name(json) || (json.n && memchr(json.p, '\\', json.n));
}

bool
secret_found(struct str json)
{
    struct masking m = {.copied = json.p};

    if (may_hold(json))
        walk(&m, json);
    return m.any;
}

bool
secret_mask(struct str json, struct buf *out)
{
    struct masking m = {out, json.p, false};

    if (may_hold(json))
        walk(&m, json);
    if (m.any)
        buf_add(out, m.copied, json.n - (size_t)(m.copied - json.p));
    return m.any;
}
