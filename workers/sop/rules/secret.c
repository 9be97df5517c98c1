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
begins(struct str s, size_t at, const char *word)
{
    size_t n = strlen(word);

    return s.n - at >= n && strncasecmp(s.p + at, word, n) == 0;
}

/* "nik" as a word: not within one, but noNIK and no_nik are. */
static bool
is_nik(struct str s, size_t i)
{
    bool starts = i == 0 || !is_letter(s.p[i - 1]) || (is_lower(s.p[i - 1]) && s.p[i] == 'N');

    return starts && begins(s, i, "nik") && (i + 3 == s.n || !is_lower(s.p[i + 3]));
}

bool
secret_name(struct str name)
{
    static const char *const words[] = {"password",   "passwd", "katasandi", "kata_sandi",
                                        "kata-sandi", "secret", "token"};

    for (size_t i = 0; i < name.n; i++) {
        if (is_nik(name, i))
            return true;
        for (unsigned w = 0; w < sizeof words / sizeof *words; w++)
            if (begins(name, i, words[w]))
                return true;
    }
    return false;
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

bool
secret_found(struct str json)
{
    struct masking m = {.copied = json.p};

    walk(&m, json);
    return m.any;
}

bool
secret_mask(struct str json, struct buf *out)
{
    struct masking m = {out, json.p, false};

    walk(&m, json);
    if (m.any)
        buf_add(out, m.copied, json.n - (size_t)(m.copied - json.p));
    return m.any;
}
