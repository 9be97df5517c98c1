/* idn-hostname (RFC 5890-5892) and A-labels (punycode, RFC 3492). The derived property PVALID is taken from the
 * general categories of PCRE2's Unicode tables less the compatibility blocks; a domain with a right-to-left letter has
 * to meet the Bidi rule of RFC 5893. */
#include "common/json/schema_format.h"

#include <strings.h>

enum {
    MAX_LABEL = 63,
    BASE = 36,
    T_MIN = 1,
    T_MAX = 26,
    SKEW = 38,
    DAMP = 700,
    INITIAL_BIAS = 72,
    INITIAL_N = 128
};

struct label {
    uint32_t cp[MAX_LABEL];
    size_t n;
};

#define VIRAMA                                                                                               \
    "\\x{94d}\\x{9cd}\\x{a4d}\\x{acd}\\x{b4d}\\x{bcd}\\x{c4d}\\x{ccd}\\x{d3b}\\x{d3c}\\x{d4d}\\x{dca}\\x{"   \
    "e3a}\\x{eba}"                                                                                           \
    "\\x{f84}\\x{1039}\\x{103a}\\x{1714}\\x{1734}\\x{17d2}\\x{1a60}\\x{1b44}\\x{1baa}\\x{1bab}\\x{1bf2}\\x{" \
    "1bf3}"                                                                                                  \
    "\\x{2d7f}\\x{a806}\\x{a8c4}\\x{a953}\\x{a9c0}\\x{aaf6}\\x{abed}"
#define JOINING "\\p{Arabic}\\p{Syriac}\\p{Nko}\\p{Mandaic}\\p{Mongolian}"
/* letters that normalisation would change, old Hangul, and those that RFC 5892 2.6 names */
#define DISALLOWED                                                                                           \
    "\\x{aa}\\x{ba}\\x{2b0}-\\x{2b8}\\x{2e0}-\\x{2e4}\\x{340}\\x{341}\\x{343}\\x{344}\\x{345}\\x{374}\\x{"   \
    "640}\\x{7fa}"                                                                                           \
    "\\x{1100}-\\x{11ff}\\x{1d2c}-\\x{1d6a}\\x{1d78}\\x{1d9b}-\\x{1dbf}\\x{2071}-\\x{218f}\\x{302e}\\x{"     \
    "302f}"                                                                                                  \
    "\\x{3031}-\\x{3035}\\x{303b}\\x{3131}-\\x{318e}\\x{a960}-\\x{a97f}\\x{d7b0}-\\x{d7ff}\\x{f900}-\\x{"    \
    "fa0d}"                                                                                                  \
    "\\x{fa10}\\x{fa12}\\x{fa15}-\\x{fa1e}\\x{fa20}\\x{fa22}\\x{fa25}\\x{fa26}\\x{fa2a}-\\x{fb1d}\\x{fb1f}-" \
    "\\x{fdff}"                                                                                              \
    "\\x{fe00}-\\x{fe0f}\\x{fe70}-\\x{ffef}\\x{1d400}-\\x{1d7ff}\\x{1ee00}-\\x{1eeff}\\x{2f800}-\\x{2fa1f}"  \
    "\\x{e0000}-\\x{e0fff}"

static const char u_label[] =
    "^(?![-\\p{M}])(?!..--)"
    "(?!.*[\\x{660}-\\x{669}].*[\\x{6f0}-\\x{6f9}])(?!.*[\\x{6f0}-\\x{6f9}].*[\\x{660}-\\x{669}])"
    "(?:(?![" DISALLOWED
    "])[-\\p{Ll}\\p{Lo}\\p{Lm}\\p{Mn}\\p{Mc}\\p{Nd}\\x{6fd}\\x{6fe}\\x{f0b}\\x{3007}\\x{df}\\x{3c2}]"
    "|(?<=l)\\x{b7}(?=l)|\\x{375}(?=\\p{sc:Greek})|(?<=\\p{sc:Hebrew})[\\x{5f3}\\x{5f4}]"
    "|\\x{30fb}|(?<=[" VIRAMA "])[\\x{200c}\\x{200d}]|(?<=[" JOINING "])\\x{200c}(?=[" JOINING "]))+(?<!-)$";

#define BIDI(class) "\\p{bidiclass:" class "}"
#define BIDI_RIGHT  BIDI("r") BIDI("al")
#define BIDI_MIXED                                                                                           \
    BIDI("en")                                                                                               \
    BIDI("es") BIDI("cs") BIDI("et") BIDI("on") BIDI("bn") BIDI("nsm") /* allowed in either direction */

static const char bidi_rule[] = "^(?:(?:^|\\.)(?:"
                                "(?=[" BIDI_RIGHT "])(?![^.]*" BIDI("en") "[^.]*" BIDI("an") ")(?![^.]*" BIDI(
                                    "an") "[^.]*" BIDI("en") ")"
                                                             "(?:(?!\\.)[" BIDI_RIGHT BIDI("an") BIDI_MIXED
    "])*[" BIDI_RIGHT BIDI("en") BIDI("an") "]"
                                            "|(?=" BIDI("l") ")(?:(?!\\.)[" BIDI("l") BIDI_MIXED
    "])*[" BIDI("l") BIDI("en") "]"
                                ")" BIDI("nsm") "*(?=\\.|$))+$";

static bool
matches(const char *pattern, struct str s, void *arg)
{
    int code;
    PCRE2_SIZE where;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                   PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &code, &where, NULL);
    pcre2_match_data *md = re ? pcre2_match_data_create(1, NULL) : NULL;
    int rc = md ? pcre2_match(re, (PCRE2_SPTR)s.p, s.n, 0, 0, md, NULL) : PCRE2_ERROR_NOMEMORY;

    pcre2_match_data_free(md);
    pcre2_code_free(re);
    return rc >= 0 || (rc != PCRE2_ERROR_NOMATCH && no_memory(arg));
}

/* U+30FB, the middle dot of Katakana, needs a letter of Japanese in the same label. */
static bool
valid_u_label(struct str s, void *arg)
{
    if (!matches(u_label, s, arg))
        return false;
    return !memmem(s.p, s.n, "\xe3\x83\xbb", 3) ||
           matches("[\\p{sc:Hiragana}\\p{sc:Katakana}\\p{sc:Han}]", s, arg);
}

static uint32_t
adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;

    delta = first ? delta / DAMP : delta / 2;
    delta += delta / points;
    for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
        delta /= BASE - T_MIN;
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t
threshold(uint32_t k, uint32_t bias)
{
    return k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
}

static int
digit_of(char c)
{
    if (is_digit(c))
        return c - '0' + 26;
    return is_alpha(c) ? (c | 0x20) - 'a' : -1;
}

/* One variable-length integer, added to `*i`. */
static bool
read_delta(struct str *s, uint32_t bias, uint32_t *i)
{
    uint32_t w = 1;

    for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = threshold(k, bias);
        uint32_t step;
        int d;

        if (!s->n || (d = digit_of(s->p[0])) < 0)
            return false;
        s->p++;
        s->n--;
        if (__builtin_mul_overflow((uint32_t)d, w, &step) || __builtin_add_overflow(*i, step, i))
            return false;
        if ((uint32_t)d < t)
            return true;
        if (__builtin_mul_overflow(w, BASE - t, &w))
            return false;
    }
}

static bool
insert(struct label *l, size_t at, uint32_t cp)
{
    if (l->n == MAX_LABEL || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        return false;
    memmove(&l->cp[at + 1], &l->cp[at], (l->n - at) * sizeof *l->cp);
    l->cp[at] = cp;
    l->n++;
    return true;
}

static bool
decode(struct str s, struct label *l)
{
    const char *dash = memrchr(s.p, '-', s.n);
    uint32_t n = INITIAL_N;
    uint32_t bias = INITIAL_BIAS;
    uint32_t i = 0;
    size_t basic = dash ? (size_t)(dash - s.p) : 0;

    l->n = 0;
    while (l->n < basic) {
        l->cp[l->n] = (unsigned char)s.p[l->n];
        l->n++;
    }
    if (dash)
        s = (struct str){dash + 1, s.n - basic - 1};
    while (s.n) {
        uint32_t from = i;
        uint32_t points = (uint32_t)l->n + 1;

        if (!read_delta(&s, bias, &i))
            return false;
        bias = adapt(i - from, points, from == 0);
        n += i / points;
        i %= points;
        if (!insert(l, i++, n))
            return false;
    }
    return true;
}

static void
write_delta(struct buf *b, uint32_t bias, uint32_t q)
{
    static const char digit[] = "abcdefghijklmnopqrstuvwxyz0123456789";

    for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = threshold(k, bias);

        if (q < t)
            break;
        buf_char(b, digit[t + (q - t) % (BASE - t)]);
        q = (q - t) / (BASE - t);
    }
    buf_char(b, digit[q]);
}

static uint32_t
next_larger(const struct label *l, uint32_t n)
{
    uint32_t m = UINT32_MAX;

    for (size_t i = 0; i < l->n; i++)
        if (l->cp[i] >= n && l->cp[i] < m)
            m = l->cp[i];
    return m;
}

/* Appends the punycode of the label, without "xn--". */
static void
encode(const struct label *l, struct buf *b)
{
    uint32_t n = INITIAL_N;
    uint32_t bias = INITIAL_BIAS;
    uint32_t delta = 0;
    uint32_t basic = 0;
    uint32_t done;

    for (size_t i = 0; i < l->n; i++)
        if (l->cp[i] < 0x80) {
            buf_char(b, (char)l->cp[i]);
            basic++;
        }
    done = basic;
    if (basic)
        buf_char(b, '-');
    for (; done < l->n; delta++, n++) {
        uint32_t m = next_larger(l, n);

        delta += (m - n) * (done + 1); /* at most 63 points below 0x110000: no overflow */
        n = m;
        for (size_t i = 0; i < l->n; i++) {
            delta += l->cp[i] < n;
            if (l->cp[i] != n)
                continue;
            write_delta(b, bias, delta);
            bias = adapt(delta, done + 1, done == basic);
            delta = 0;
            done++;
        }
    }
}

static void
put_utf8(struct buf *b, uint32_t v)
{
    if (v < 0x80) {
        buf_char(b, (char)v);
        return;
    }
    if (v < 0x800) {
        buf_char(b, (char)(0xc0 | v >> 6));
    } else {
        buf_char(b, (char)(v < 0x10000 ? 0xe0 | v >> 12 : 0xf0 | v >> 18));
        if (v >= 0x10000)
            buf_char(b, (char)(0x80 | (v >> 12 & 63)));
        buf_char(b, (char)(0x80 | (v >> 6 & 63)));
    }
    buf_char(b, (char)(0x80 | (v & 63)));
}

/* Appends the letters of an A-label that is valid. */
static bool
a_label(struct str label, struct buf *text, void *arg)
{
    struct buf again = buf_make(4096);
    struct str code = {label.p + 4, label.n - 4};
    size_t from = text->n;
    bool beyond_ascii = false;
    struct label l;
    bool ok = label.n > 4 && label.n <= MAX_LABEL && decode(code, &l);

    if (ok) {
        for (size_t i = 0; i < l.n; i++) {
            put_utf8(text, l.cp[i]);
            beyond_ascii = beyond_ascii || l.cp[i] >= 0x80;
        }
        encode(&l, &again);
        if (text->failed || again.failed)
            ok = no_memory(arg);
        ok = ok && beyond_ascii && again.n == code.n && strncasecmp(again.p, code.p, code.n) == 0 &&
             valid_u_label((struct str){text->p + from, text->n - from}, arg);
    }
    buf_free(&again);
    return ok;
}

bool
schema_format_a_label(struct str label, void *arg)
{
    struct buf text = buf_make((size_t)MAX_LABEL * 4);
    bool ok = a_label(label, &text, arg);

    buf_free(&text);
    return ok;
}

struct domain {
    size_t ascii;    /* length in its ASCII form */
    struct buf text; /* the labels, decoded, with full stops between them */
    void *arg;
};

/* A label with letters beyond ASCII. */
static bool
u_label_ok(struct str s, struct domain *d)
{
    struct buf ascii = buf_make(4096);
    struct label l = {.n = 0};
    bool ok = true;

    for (size_t i = 0; i < s.n && ok;) {
        ok = l.n < MAX_LABEL;
        if (ok)
            l.cp[l.n++] = next_code_point(s, &i);
    }
    if (ok) {
        encode(&l, &ascii);
        d->ascii += ascii.n + 5;
        if (ascii.failed)
            no_memory(d->arg);
        ok = !ascii.failed && ascii.n + 4 <= MAX_LABEL && valid_u_label(s, d->arg);
    }
    buf_str(&d->text, s);
    buf_free(&ascii);
    return ok;
}

static bool
label_ok(struct str s, struct domain *d)
{
    if (d->ascii)
        buf_char(&d->text, '.');
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return u_label_ok(s, d);
    d->ascii += s.n + 1;
    if (s.n > 4 && strncasecmp(s.p, "xn--", 4) == 0)
        return a_label(s, &d->text, d->arg);
    buf_str(&d->text, s);
    return schema_format_hostname(s, d->arg);
}

/* Length of the label separator at `s.p[i]`, or 0: a full stop, ideographic, fullwidth or halfwidth. */
static size_t
separator(struct str s, size_t i)
{
    struct str rest = {s.p + i, s.n - i};
    bool wide = str_starts(rest, STR("\xe3\x80\x82")) || str_starts(rest, STR("\xef\xbc\x8e")) ||
                str_starts(rest, STR("\xef\xbd\xa1"));

    return rest.p[0] == '.' ? 1 : wide ? 3 : 0;
}

static bool
labels_ok(struct str s, struct domain *d)
{
    size_t from = 0;

    for (size_t i = 0; i < s.n; i++) {
        size_t n = separator(s, i);

        if (!n)
            continue;
        if (!label_ok((struct str){s.p + from, i - from}, d))
            return false;
        from = i + n;
        i = from - 1;
    }
    return label_ok((struct str){s.p + from, s.n - from}, d) && d->ascii <= 254;
}

/* RFC 5893 2: with one right-to-left letter in a domain, each of its labels has to meet the rule. */
static bool
bidi_ok(struct str s, void *arg)
{
    return !matches("[" BIDI_RIGHT BIDI("an") "]", s, arg) || matches(bidi_rule, s, arg);
}

bool
schema_format_idn_hostname(struct str s, void *arg)
{
    struct domain d = {.text = buf_make(4096), .arg = arg};
    bool ok = s.n && s.n <= 1000 && labels_ok(s, &d);

    if (ok && d.text.failed)
        ok = no_memory(arg);
    ok = ok && bidi_ok(buf_view(&d.text), arg);
    buf_free(&d.text);
    return ok;
}
