/* ECMA-262 patterns written as PCRE2 patterns: schema_regex_translate. */
#include "common/json/schema_impl.h"

#include <strings.h>

#define SPACE                                                                                                \
    "\\x{9}-\\x{d} "                                                                                         \
    "\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NOT_SPACE                                                                                            \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}"            \
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"

struct ecma {
    struct str s;
    size_t i;
    struct buf *out;
    const char *why;
    bool in_class;
    bool can_repeat; /* what was written last may take a quantifier */
};

static const struct {
    const char *name;
    const char *abbr;
} category[] = {
    {"Letter", "L"},
    {"Cased_Letter", "L&"},
    {"LC", "L&"},
    {"Uppercase_Letter", "Lu"},
    {"Lowercase_Letter", "Ll"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Combining_Mark", "M"},
    {"Nonspacing_Mark", "Mn"},
    {"Spacing_Mark", "Mc"},
    {"Enclosing_Mark", "Me"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Connector_Punctuation", "Pc"},
    {"Dash_Punctuation", "Pd"},
    {"Open_Punctuation", "Ps"},
    {"Close_Punctuation", "Pe"},
    {"Initial_Punctuation", "Pi"},
    {"Final_Punctuation", "Pf"},
    {"Other_Punctuation", "Po"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Modifier_Symbol", "Sk"},
    {"Other_Symbol", "So"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Line_Separator", "Zl"},
    {"Paragraph_Separator", "Zp"},
    {"Other", "C"},
    {"Control", "Cc"},
    {"cntrl", "Cc"},
    {"Format", "Cf"},
    {"Surrogate", "Cs"},
    {"Private_Use", "Co"},
    {"Unassigned", "Cn"},
};

static bool
bad(struct ecma *m, const char *why)
{
    if (!m->why)
        m->why = why;
    return false;
}

static int
peek(const struct ecma *m, size_t ahead)
{
    return m->i + ahead < m->s.n ? (unsigned char)m->s.p[m->i + ahead] : -1;
}

static bool
at(const struct ecma *m, const char *z)
{
    return str_starts((struct str){m->s.p + m->i, m->s.n - m->i}, str_of(z));
}

/* Reads `n` hex digits (or up to `end`) at the cursor. */
static bool
read_hex(struct ecma *m, size_t n, char end, uint32_t *ret)
{
    uint32_t v = 0;
    size_t k = 0;

    for (; (end || k < n) && peek(m, 0) >= 0 && m->s.p[m->i] != end; k++, m->i++) {
        int d = str_hex(m->s.p[m->i]);

        if (d < 0 || v > 0x10ffff)
            return bad(m, "malformed hexadecimal escape");
        v = v * 16 + (uint32_t)d;
    }
    if (!k || (!end && k < n) || v > 0x10ffff || (end && peek(m, 0) != end))
        return bad(m, "malformed hexadecimal escape");
    m->i += end != '\0';
    *ret = v;
    return true;
}

/* After "\u": a code point, a surrogate pair, or {...}. */
static bool
unicode_escape(struct ecma *m)
{
    uint32_t v = 0;
    uint32_t low = 0;

    if (peek(m, 0) == '{') {
        m->i++;
        if (!read_hex(m, 0, '}', &v))
            return false;
    } else {
        if (!read_hex(m, 4, '\0', &v))
            return false;
        if (v >= 0xd800 && v < 0xdc00 && at(m, "\\u") && peek(m, 2) != '{') {
            size_t back = m->i;

            m->i += 2;
            if (!read_hex(m, 4, '\0', &low))
                return false;
            if (low >= 0xdc00 && low < 0xe000)
                v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
            else
                m->i = back;
        }
    }
    buf_printf(m->out, "\\x{%x}", (unsigned)v);
    return true;
}

static void
property_value(struct buf *out, struct str v)
{
    char z[64];

    snprintf(z, sizeof z, "%.*s", STR_FMT(v));
    for (size_t i = 0; i < sizeof category / sizeof *category; i++)
        if (strcasecmp(category[i].name, z) == 0) {
            buf_z(out, category[i].abbr);
            return;
        }
    buf_str(out, v);
}

/* After "\p" or "\P". */
static bool
property_escape(struct ecma *m, char which)
{
    const char *close = m->i < m->s.n ? memchr(m->s.p + m->i, '}', m->s.n - m->i) : NULL;
    struct str v;
    const char *eq;

    if (peek(m, 0) != '{' || !close)
        return bad(m, "\\p needs {name}");
    v = (struct str){m->s.p + m->i + 1, (size_t)(close - m->s.p) - m->i - 1};
    m->i += v.n + 2;
    eq = v.n ? memchr(v.p, '=', v.n) : NULL;
    buf_printf(m->out, "\\%c{", which);
    if (eq) {
        struct str name = {v.p, (size_t)(eq - v.p)};

        v = (struct str){eq + 1, v.n - name.n - 1};
        if (str_is(name, "Script") || str_is(name, "sc"))
            buf_z(m->out, "sc:");
        else if (str_is(name, "Script_Extensions") || str_is(name, "scx"))
            buf_z(m->out, "scx:");
        else if (!str_is(name, "General_Category") && !str_is(name, "gc"))
            return bad(m, "unknown Unicode property");
    }
    property_value(m->out, v);
    buf_char(m->out, '}');
    return true;
}

static bool
class_escape(struct ecma *m, char c)
{
    if (c == 's')
        buf_z(m->out, m->in_class ? SPACE : "[" SPACE "]");
    else if (c == 'S')
        buf_z(m->out, m->in_class ? NOT_SPACE : "[^" SPACE "]");
    else
        buf_printf(m->out, "\\%c", c);
    return true;
}

static bool
control_escape(struct ecma *m)
{
    int c = peek(m, 0);

    if (c < 0 || !((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
        return bad(m, "\\c needs a letter");
    m->i++;
    buf_printf(m->out, "\\x{%x}", (unsigned)c & 31);
    return true;
}

/* "\k<name>", or a number. */
static bool
back_reference(struct ecma *m, char c)
{
    if (m->in_class)
        return bad(m, "a back reference in a class");
    if (c == 'k') {
        const char *close = m->i < m->s.n ? memchr(m->s.p + m->i, '>', m->s.n - m->i) : NULL;

        if (peek(m, 0) != '<' || !close)
            return bad(m, "\\k needs <name>");
        buf_z(m->out, "\\k");
        buf_add(m->out, m->s.p + m->i, (size_t)(close - m->s.p) - m->i + 1);
        m->i = (size_t)(close - m->s.p) + 1;
        return true;
    }
    buf_printf(m->out, "\\g{%c", c);
    for (; peek(m, 0) >= '0' && peek(m, 0) <= '9'; m->i++)
        buf_char(m->out, m->s.p[m->i]);
    buf_char(m->out, '}');
    return true;
}

static bool
word_boundary(struct ecma *m, char c)
{
    if (m->in_class && c == 'B')
        return bad(m, "\\B in a class");
    if (m->in_class) {
        buf_z(m->out, "\\x{8}");
    } else {
        buf_printf(m->out, "\\%c", c);
        m->can_repeat = false;
    }
    return true;
}

static bool
escape(struct ecma *m)
{
    uint32_t v = 0;
    int next = peek(m, 1);
    char c = (char)next;

    if (next < 0)
        return bad(m, "a backslash at the end");
    m->i += 2;
    m->can_repeat = true;
    if (strchr("dDwWsS", c) && c)
        return class_escape(m, c);
    if (c == 'b' || c == 'B')
        return word_boundary(m, c);
    if (c == 'u')
        return unicode_escape(m);
    if (c == 'p' || c == 'P')
        return property_escape(m, c);
    if (c == 'c')
        return control_escape(m);
    if (c == 'k' || (c >= '1' && c <= '9'))
        return back_reference(m, c);
    if (c == 'x') {
        if (!read_hex(m, 2, '\0', &v))
            return false;
        buf_printf(m->out, "\\x{%x}", (unsigned)v);
        return true;
    }
    if (c == '0' && !(peek(m, 0) >= '0' && peek(m, 0) <= '9')) {
        buf_z(m->out, "\\x{0}");
        return true;
    }
    if (c == 'v') {
        buf_z(m->out, "\\x{b}");
        return true;
    }
    if (strchr("tnrf", c) && c) {
        buf_printf(m->out, "\\%c", c);
        return true;
    }
    if ((unsigned char)c < 0x21 || (unsigned char)c > 0x7e || (c >= '0' && c <= '9') ||
        ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
        return bad(m, "an escape that ECMA-262 does not have");
    buf_printf(m->out, "\\%c", c);
    return true;
}

static bool
char_class(struct ecma *m)
{
    m->can_repeat = true;
    if (at(m, "[]")) { /* PCRE2 has it, but without what may be said of how often */
        buf_z(m->out, "[^\\x{0}-\\x{10ffff}]");
        m->i += 2;
        return true;
    }
    m->in_class = true;
    buf_char(m->out, '[');
    m->i++;
    if (peek(m, 0) == '^') {
        buf_char(m->out, '^');
        m->i++;
    } else if (peek(m, 0) == ':' || peek(m, 0) == '.' || peek(m, 0) == '=') {
        buf_char(m->out, '\\'); /* PCRE2 would take "[.a.]" for a POSIX class */
    }
    while (peek(m, 0) >= 0 && peek(m, 0) != ']') {
        if (peek(m, 0) == '\\') {
            if (!escape(m))
                return false;
            continue;
        }
        if (peek(m, 0) == '[') /* PCRE2 would look for [:name:] */
            buf_char(m->out, '\\');
        buf_char(m->out, m->s.p[m->i++]);
    }
    if (peek(m, 0) < 0)
        return bad(m, "a class without its ]");
    buf_char(m->out, ']');
    m->i++;
    m->in_class = false;
    return true;
}

/* "(" with what may follow it; verbs and other extensions of PCRE2 are no ECMA-262. */
static bool
group(struct ecma *m)
{
    static const char *const kind[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!"};
    size_t n = 1;

    if (peek(m, 1) == '*')
        return bad(m, "nothing to repeat");
    if (peek(m, 1) == '?') {
        for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
            if (at(m, kind[i]))
                n = strlen(kind[i]);
        if (n == 1 && peek(m, 2) == '<') {
            const char *close = memchr(m->s.p + m->i, '>', m->s.n - m->i);

            n = close ? (size_t)(close - m->s.p) - m->i + 1 : 1;
        }
        if (n == 1)
            return bad(m, "an unknown kind of group");
    }
    buf_add(m->out, m->s.p + m->i, n);
    m->i += n;
    m->can_repeat = false;
    return true;
}

/* Length of "{n}", "{n,}" or "{n,m}" at the cursor, else 0. */
static size_t
braces(const struct ecma *m)
{
    size_t k = 1;
    size_t digits = 0;

    for (; peek(m, k) >= '0' && peek(m, k) <= '9'; k++)
        digits++;
    if (!digits)
        return 0;
    if (peek(m, k) == ',')
        for (k++; peek(m, k) >= '0' && peek(m, k) <= '9';)
            k++;
    return peek(m, k) == '}' ? k + 1 : 0;
}

static bool
quantifier(struct ecma *m, size_t n)
{
    if (!m->can_repeat)
        return bad(m, "nothing to repeat");
    buf_add(m->out, m->s.p + m->i, n);
    m->i += n;
    if (peek(m, 0) == '?') {
        buf_char(m->out, '?');
        m->i++;
    }
    m->can_repeat = false;
    return true;
}

static bool
plain(struct ecma *m, char c)
{
    m->i++;
    m->can_repeat = !strchr("^$|", c) || !c;
    if (c == '.')
        buf_z(m->out, "[^\\n\\r\\x{2028}\\x{2029}]");
    else if (c == '{' || c == '}' || c == ']')
        buf_printf(m->out, "\\%c", c);
    else
        buf_char(m->out, c);
    return true;
}

bool
schema_regex_translate(struct str pattern, struct buf *out, const char **why)
{
    struct ecma m = {.s = pattern, .out = out};
    bool ok = true;

    buf_add(out, "", 0);
    while (ok && m.i < m.s.n) {
        char c = m.s.p[m.i];
        size_t n = c == '{' ? braces(&m) : c == '*' || c == '+' || c == '?';

        if (n)
            ok = quantifier(&m, n);
        else if (c == '\\')
            ok = escape(&m);
        else if (c == '[')
            ok = char_class(&m);
        else if (c == '(')
            ok = group(&m);
        else
            ok = plain(&m, c);
    }
    *why = m.why;
    return ok;
}
