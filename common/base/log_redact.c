#include <ctype.h>
#include <strings.h>

#include "common/base/log.h"

/* How far ahead a word is looked at, so that a long text costs no more than its bytes. Longer than any address. */
enum { WORD_MAX = 330 };

/* What is left of the text, and what was masked or copied of it already. */
struct cursor {
    const char *start, *p, *end;
    struct buf *out;
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
    return isalnum((unsigned char)c);
}

static void
copy_to(struct cursor *c, const char *to)
{
    buf_add(c->out, c->p, (size_t)(to - c->p));
    c->p = to;
}

/* Writes the first and last characters of what stands before `to`, and stars for what is between. */
static void
mask_to(struct cursor *c, const char *to, size_t head, size_t tail, const char *stars)
{
    buf_add(c->out, c->p, head);
    buf_z(c->out, stars);
    buf_add(c->out, to - tail, tail);
    c->p = to;
}

/* ---- digits in groups ------------------------------------------------------------------------------------------- */

/* The separator that may stand inside a printed number: a blank, a no-break space, a point, a hyphen. */
static size_t
separator(const char *p, const char *end)
{
    if (p < end && (*p == ' ' || *p == '.' || *p == '-'))
        return 1;
    return end - p >= 2 && p[0] == '\xc2' && p[1] == '\xa0' ? 2 : 0;
}

struct digits {
    char d[20];
    size_t n;
    const char *end; /* behind the last group taken */
};

/* Reads groups of at most `group` digits from `p` on, apart by one kind of separator, until `want` digits are there; false
 * when no group ends there. */
static bool
take_groups(const char *p, const char *end, size_t want, size_t group, struct digits *g)
{
    char sep = 0;

    for (g->n = 0;;) {
        const char *from = p;

        while (p < end && is_digit(*p) && g->n < want)
            g->d[g->n++] = *p++;
        if (p == from || (size_t)(p - from) > group || (p < end && is_alnum(*p)))
            return false;
        g->end = p;
        if (g->n == want)
            return true;
        if (!separator(p, end) || (sep && *p != sep))
            return false;
        sep = *p;
        p += separator(p, end);
    }
}

static int
two(const char *d)
{
    return (d[0] - '0') * 10 + d[1] - '0';
}

/* Birth date first: a personnel number. */
static bool
is_nip(const struct digits *g)
{
    int century = two(g->d);
    int month = two(g->d + 4);
    int day = two(g->d + 6);

    return (century == 19 || century == 20) && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Region first, then the birth date, women's days 40 higher: a citizen's number. */
static bool
is_nik(const struct digits *g)
{
    int day = two(g->d + 6) % 40;
    int month = two(g->d + 8);

    return g->d[0] != '0' && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* A number of either kind that is printed in groups. */
static bool
mask_identity(struct cursor *c)
{
    struct digits g;

    if (!(take_groups(c->p, c->end, 18, 10, &g) && is_nip(&g)) &&
        !(take_groups(c->p, c->end, 16, 6, &g) && is_nik(&g)))
        return false;
    mask_to(c, g.end, 0, 3, "***");
    return true;
}

/* ---- telephone numbers ------------------------------------------------------------------------------------------ */

/* Behind the groups that make a number of 10 to 15 digits; `*digits` counts them. */
static const char *
phone_end(const char *p, const char *end, size_t *digits)
{
    const char *last = p;

    for (*digits = 0; *digits < 10 && p < end && is_digit(*p); p = last + separator(last, end)) {
        const char *from = p;

        while (p < end && is_digit(*p))
            p++;
        if (*digits + (size_t)(p - from) > 15 || (p < end && is_alnum(*p)))
            break;
        *digits += (size_t)(p - from);
        last = p;
        if (last < end && *last == ')')
            last++;
    }
    return last[-1] == ')' ? last - 1 : last;
}

static bool
phone_head(struct str s)
{
    size_t n = 0;

    while (n < s.n && is_digit(s.p[n]))
        n++;
    return str_starts(s, STR("+62")) || (n >= 4 && str_starts(s, STR("08"))) || str_starts(s, STR("0778")) ||
           (n >= 11 && n <= 14 && str_starts(s, STR("628")));
}

static bool
mask_phone(struct cursor *c)
{
    struct str s = {c->p, (size_t)(c->end - c->p)};
    const char *to;
    size_t n;

    if (!phone_head(s) || (c->p - c->start > 1 && c->p[-1] == '.' && is_digit(c->p[-2])))
        return false; /* the latter: a decimal fraction */
    to = phone_end(c->p + (*c->p == '+'), c->end, &n);
    if (n < 9)
        return false;
    mask_to(c, to, 3, 2, "****");
    return true;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

/* 8-4-4-4-12 */
static bool
is_uuid(const char *p, const char *end)
{
    if (end - p < 36 || (end - p > 36 && is_alnum(p[36])))
        return false;
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? p[i] != '-' : !isxdigit((unsigned char)p[i]))
            return false;
    }
    return true;
}

/* A digest or a trace id: hexadecimal of a usual length, with a letter in it. */
static bool
is_digest(const char *p, const char *to)
{
    size_t n = (size_t)(to - p);
    bool letter = false;

    for (; p < to; p++) {
        if (!isxdigit((unsigned char)*p))
            return false;
        letter = letter || !is_digit(*p);
    }
    return letter && (n == 16 || n == 32 || n == 40 || n == 64 || n == 128);
}

/* A word of letters and digits, with its runs of 16 and more digits masked, and what its last run begins. */
static void
put_word(struct cursor *c, const char *to)
{
    if (is_digest(c->p, to)) {
        copy_to(c, to);
        return;
    }
    while (c->p < to) {
        const char *p = c->p;
        bool digit = is_digit(*p);

        while (p < to && is_digit(*p) == digit)
            p++;
        if (digit && p - c->p >= 16)
            mask_to(c, p, 0, 3, "***");
        else if (!digit || !mask_identity(c))
            copy_to(c, p);
    }
}

/* ---- e-mail addresses ------------------------------------------------------------------------------------------- */

static bool
mail_char(char c)
{
    return is_alnum(c) || (unsigned char)c >= 0x80 || (c && strchr("._%+-@!#$*^~", c));
}

/* Where the last "@" (or "%40", as in a query) of a word stands that begins at `p`, with a point behind it; NULL: no
 * address. */
static const char *
mail_at(const char *p, const char *end)
{
    const char *at = NULL;
    bool point = false;

    for (const char *q = p; q < end && q - p < WORD_MAX && mail_char(*q); q++) {
        if (*q == '@' || (end - q > 3 && memcmp(q, "%40", 3) == 0)) {
            at = q;
            point = false;
        } else if (*q == '.') {
            point = true;
        }
    }
    return at && at > p && point ? at : NULL;
}

static bool
mask_mail(struct cursor *c)
{
    const char *at = mail_at(c->p, c->end);
    const char *to = at;

    if (!at)
        return false;
    while (to < c->end && mail_char(*to) && (unsigned char)*to < 0x80)
        to++;
    if ((unsigned char)*c->p < 0x80)
        buf_char(c->out, *c->p);
    buf_z(c->out, "***");
    c->p = at;
    copy_to(c, to);
    return true;
}

/* ---- secrets ---------------------------------------------------------------------------------------------------- */

static const char *
value_end(const char *p, const char *end)
{
    while (p < end && !isspace((unsigned char)*p) && *p != '"' && *p != '\'' && *p != '\\')
        p++;
    return p;
}

static bool
word_ends_in(struct str w, const char *tail)
{
    size_t n = strlen(tail);

    return w.n >= n && strncasecmp(w.p + w.n - n, tail, n) == 0;
}

/* "Bearer" in any case; the others are common words too, so only as a header writes them. */
static bool
is_scheme(struct str w)
{
    static const char *const name[] = {"bearer", "basic", "digest", "token", "negotiate"};

    for (unsigned i = 0; i < sizeof name / sizeof *name; i++)
        if (w.n == strlen(name[i]) && word_ends_in(w, name[i]))
            return i == 0 || isupper((unsigned char)w.p[0]);
    return false;
}

static bool
is_secret_name(struct str w)
{
    static const char *const tail[] = {"authorization", "password", "passwd", "secret",
                                       "token",         "api_key",  "api-key"};

    for (unsigned i = 0; i < sizeof tail / sizeof *tail; i++)
        if (word_ends_in(w, tail[i]))
            return true;
    return false;
}

/* Past quotes and blanks, to where a value begins. */
static const char *
skip_quotes(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '"' || *p == '\'' || *p == '\\'))
        p++;
    return p;
}

/* `p` stands behind an opening quote; `nested`: it had a backslash, as in JSON inside JSON. */
static const char *
quoted_end(const char *p, const char *end, char quote, bool nested)
{
    for (; p < end && *p != quote; p++)
        if (*p == '\\') {
            if (nested)
                return p;
            p += p + 1 < end;
        }
    return p;
}

/* One word, two where the first is a scheme. */
static const char *
bare_end(const char *p, const char *end)
{
    const char *to = value_end(p, end);

    return to < end && *to == ' ' && is_scheme((struct str){p, (size_t)(to - p)}) ? value_end(to + 1, end)
                                                                                  : to;
}

/* c->p stands behind the name of a secret: masks what follows a colon or an equals sign. */
static void
mask_assigned(struct cursor *c)
{
    const char *p = skip_quotes(c->p, c->end);
    const char *to;

    if (p == c->end || (*p != ':' && *p != '='))
        return;
    p = skip_quotes(p + 1, c->end);
    if (p[-1] == '"' || p[-1] == '\'')
        to = quoted_end(p, c->end, p[-1], p[-2] == '\\');
    else
        to = bare_end(p, c->end);
    copy_to(c, p);
    if (to > p)
        mask_to(c, to, 0, 0, "***");
}

/* c->p stands behind "Bearer" or "Basic": masks the credentials, which a blank precedes. */
static void
mask_credentials(struct cursor *c)
{
    const char *p = c->p;

    while (p < c->end && *p == ' ')
        p++;
    if (p == c->p || value_end(p, c->end) == p)
        return;
    copy_to(c, p);
    mask_to(c, value_end(p, c->end), 0, 0, "***");
}

/* c->p stands on the "://" of an URL: masks who logs in there. */
static void
mask_userinfo(struct cursor *c)
{
    const char *at = NULL;

    copy_to(c, c->p + 3);
    for (const char *p = c->p;
         p < c->end && *p != '/' && *p != '?' && !isspace((unsigned char)*p) && *p != '"'; p++)
        if (*p == '@')
            at = p;
    if (at)
        mask_to(c, at, 0, 0, "***");
}

/* ---- the text --------------------------------------------------------------------------------------------------- */

static struct str
name_at(const struct cursor *c)
{
    const char *p = c->p;

    while (p < c->end && p - c->p < WORD_MAX && (is_alnum(*p) || *p == '_' || *p == '-'))
        p++;
    return (struct str){c->p, (size_t)(p - c->p)};
}

/* At the first character of a word. */
static void
take_word(struct cursor *c)
{
    struct str name = name_at(c);
    const char *p = c->p;

    if (is_uuid(c->p, c->end)) {
        copy_to(c, c->p + 36);
    } else if (is_scheme(name) && (*name.p | 32) == 'b') {
        copy_to(c, c->p + name.n);
        mask_credentials(c);
    } else if (is_secret_name(name)) {
        copy_to(c, c->p + name.n);
        mask_assigned(c);
    } else if (!mask_mail(c) && !mask_phone(c)) {
        while (p < c->end && is_alnum(*p))
            p++;
        put_word(c, p);
    }
}

void
log_redact(struct buf *out, struct str s)
{
    struct cursor c = {.start = s.p, .p = s.p, .end = s.p + s.n, .out = out};

    while (c.p < c.end && !out->failed) {
        bool fresh = c.p == c.start || !mail_char(c.p[-1]);

        if (is_alnum(*c.p))
            take_word(&c);
        else if ((fresh && mail_char(*c.p) && mask_mail(&c)) || (*c.p == '+' && mask_phone(&c)))
            continue;
        else if (c.end - c.p > 3 && memcmp(c.p, "://", 3) == 0)
            mask_userinfo(&c);
        else
            copy_to(&c, c.p + 1);
    }
}
