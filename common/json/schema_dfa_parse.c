/* The grammar of ECMA-262 patterns, read into a tree. */
#include "common/json/schema_dfa_impl.h"

struct parse {
    struct dfa_build *b;
    struct str s;
    size_t i;
    unsigned depth;
};

static bool alternatives(struct parse *m, uint32_t *ret);

static int
peek(const struct parse *m, size_t ahead)
{
    return m->i + ahead < m->s.n ? (unsigned char)m->s.p[m->i + ahead] : -1;
}

static bool
take(struct parse *m, const char *z)
{
    struct str word = str_of(z);

    if (!str_starts((struct str){m->s.p + m->i, m->s.n - m->i}, word))
        return false;
    m->i += word.n;
    return true;
}

static bool
is_decimal(int c)
{
    return c >= '0' && c <= '9';
}

static bool
is_letter(int c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static int
hex_value(int c)
{
    if (is_decimal(c))
        return c - '0';
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* UINT32_MAX after a refusal. */
static uint32_t
node(struct parse *m, struct dfa_node of)
{
    struct dfa_node *n = dfa_add(m->b, &m->b->node, 1, sizeof *n);

    if (!n)
        return UINT32_MAX;
    *n = of;
    n->next = DFA_NONE;
    return (uint32_t)(m->b->node.n - 1);
}

static struct dfa_node *
node_at(const struct parse *m, uint32_t i)
{
    return (struct dfa_node *)m->b->node.p + i;
}

static bool
simple_node(struct parse *m, enum dfa_kind kind, uint32_t set, uint32_t *ret)
{
    *ret = node(m, (struct dfa_node){.kind = kind, .child = DFA_NONE, .set = set});
    return *ret != UINT32_MAX;
}

/* The class being read becomes a node. */
static bool
set_node(struct parse *m, bool negate, uint32_t *ret)
{
    uint32_t set;

    return dfa_set_done(m->b, negate, &set) && simple_node(m, DFA_SET, set, ret);
}

/* ---- characters ---------------------------------------------------------------------------------------------------- */

/* One code point of the pattern's own text, which must be UTF-8. */
static bool
code_point(struct parse *m, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    unsigned char c = (unsigned char)m->s.p[m->i++];
    unsigned more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    uint32_t v = c < 0x80 ? c : c & (0x3fu >> more);

    if ((c >= 0x80 && c < 0xc0) || c > 0xf4)
        return dfa_refuse(m->b, "it is not UTF-8");
    for (unsigned k = 0; k < more; k++, m->i++) {
        if ((peek(m, 0) & 0xc0) != 0x80 || peek(m, 0) < 0)
            return dfa_refuse(m->b, "it is not UTF-8");
        v = v << 6 | ((uint32_t)peek(m, 0) & 63);
    }
    if (v < least[more] || v > DFA_LAST_POINT || (v >= 0xd800 && v < 0xe000))
        return dfa_refuse(m->b, "it is not UTF-8");
    *ret = v;
    return true;
}

/* Exactly `n` hexadecimal digits; nothing is read when they are not there. */
static bool
hex_digits(struct parse *m, size_t n, uint32_t *ret)
{
    uint32_t v = 0;

    for (size_t k = 0; k < n; k++) {
        int d = hex_value(peek(m, k));

        if (d < 0)
            return false;
        v = v * 16 + (uint32_t)d;
    }
    m->i += n;
    *ret = v;
    return true;
}

static bool
braced_hex(struct parse *m, uint32_t *ret)
{
    uint32_t v = 0;
    size_t k = 0;

    for (; hex_value(peek(m, k)) >= 0; k++) {
        v = v * 16 + (uint32_t)hex_value(peek(m, k));
        if (v > DFA_LAST_POINT)
            return dfa_refuse(m->b, "\\u{} beyond the last code point");
    }
    if (!k || peek(m, k) != '}')
        return dfa_refuse(m->b, "malformed \\u{}");
    m->i += k + 1;
    *ret = v;
    return true;
}

/* After "\u". Two halves of a surrogate pair are one code point. */
static bool
unicode_escape(struct parse *m, uint32_t *ret)
{
    uint32_t low;
    size_t back;

    if (take(m, "{"))
        return braced_hex(m, ret);
    if (!hex_digits(m, 4, ret))
        return dfa_refuse(m->b, "\\u needs four hexadecimal digits");
    back = m->i;
    if (*ret < 0xd800 || *ret > 0xdbff || !take(m, "\\u"))
        return true;
    if (hex_digits(m, 4, &low) && low >= 0xdc00 && low <= 0xdfff)
        *ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
    else
        m->i = back;
    return true;
}

/* The escapes that mean one character, after the backslash and `c`. */
static bool
char_escape(struct parse *m, int c, uint32_t *ret)
{
    static const char control[] = "t\tn\nv\vf\fr\r";
    const char *at;

    if (c == 'u')
        return unicode_escape(m, ret);
    if (c == 'x')
        return hex_digits(m, 2, ret) || dfa_refuse(m->b, "\\x needs two hexadecimal digits");
    if (c == 'c') {
        if (!is_letter(peek(m, 0)))
            return dfa_refuse(m->b, "\\c needs a letter");
        *ret = (uint32_t)m->s.p[m->i++] & 31;
        return true;
    }
    *ret = (uint32_t)c;
    if (c == '0') {
        *ret = 0;
        return !is_decimal(peek(m, 0)) || dfa_refuse(m->b, "an octal escape");
    }
    at = is_letter(c) ? strchr(control, c) : NULL;
    if (at)
        *ret = (uint32_t)at[1];
    return at || (c > 0x20 && c < 0x7f && !is_letter(c) && !is_decimal(c)) ||
           dfa_refuse(m->b, "an escape that ECMA-262 does not have or a table of states cannot say");
}

/* After \p or \P: into the class being read. */
static bool
property(struct parse *m, bool negate)
{
    bool ascii = take(m, "{ASCII}");

    if (!ascii && !take(m, "{Any}"))
        return dfa_refuse(m->b, "a Unicode property other than Any and ASCII");
    if (negate)
        return !ascii || dfa_set_add(m->b, 0x80, DFA_LAST_POINT);
    return dfa_set_add(m->b, 0, ascii ? 0x7f : DFA_LAST_POINT);
}

/* The escapes that mean a set, after the backslash and `c`: `*is` says whether it was one. */
static bool
set_escape(struct parse *m, int c, bool *is)
{
    *is = true;
    if (c == 'p' || c == 'P')
        return property(m, c == 'P');
    *is = is_letter(c) && strchr("dDwWsS", c);
    return !*is || dfa_set_add_named(m->b, (char)c);
}

/* ---- classes ------------------------------------------------------------------------------------------------------- */

/* One atom of a class. `*set`: it was a set and is added already; else `*ret` is its code point. */
static bool
class_atom(struct parse *m, bool *set, uint32_t *ret)
{
    int c;

    *set = false;
    if (peek(m, 0) < 0)
        return dfa_refuse(m->b, "a class without its ]");
    if (!take(m, "\\"))
        return code_point(m, ret);
    c = peek(m, 0);
    if (c < 0)
        return dfa_refuse(m->b, "a backslash at the end");
    m->i++;
    if (!set_escape(m, c, set))
        return false;
    if (*set)
        return true;
    if (c != 'b')
        return char_escape(m, c, ret);
    *ret = '\b';
    return true;
}

/* An atom, or two with a hyphen between them. */
static bool
class_part(struct parse *m)
{
    uint32_t lo = 0;
    uint32_t hi = 0;
    bool set;
    bool set2;

    if (!class_atom(m, &set, &lo))
        return false;
    if (peek(m, 0) != '-' || peek(m, 1) == ']')
        return set || dfa_set_add(m->b, lo, lo);
    m->i++;
    if (!class_atom(m, &set2, &hi))
        return false;
    if (set || set2 || lo > hi)
        return dfa_refuse(m->b, "not a range of a class");
    return dfa_set_add(m->b, lo, hi);
}

static bool class(struct parse *m, uint32_t *ret)
{
    bool negate = take(m, "^");

    while (!take(m, "]"))
        if (!class_part(m))
            return false;
    return set_node(m, negate, ret);
}

/* ---- groups and quantifiers ---------------------------------------------------------------------------------------- */

static bool
group_name(struct parse *m)
{
    struct str name = {m->s.p + m->i, 0};
    const struct str *known = m->b->name.p;
    struct str *add;

    for (; is_letter(peek(m, 0)) || peek(m, 0) == '_' || (name.n && is_decimal(peek(m, 0))); m->i++)
        name.n++;
    if (!name.n || name.n > 32 || !take(m, ">"))
        return dfa_refuse(m->b, "not the name of a group");
    for (size_t i = 0; i < m->b->name.n; i++)
        if (str_eq(known[i], name))
            return dfa_refuse(m->b, "two groups of one name");
    if (!dfa_spend(m->b, m->b->name.n))
        return false;
    add = dfa_add(m->b, &m->b->name, 1, sizeof *add);
    if (add)
        *add = name;
    return add;
}

/* After "(". */
static bool
group(struct parse *m, uint32_t *ret)
{
    if (take(m, "?=") || take(m, "?!") || take(m, "?<=") || take(m, "?<!"))
        return dfa_refuse(m->b, "look-around");
    if (!take(m, "?:")) {
        if (take(m, "?<")) {
            if (!group_name(m))
                return false;
        } else if (peek(m, 0) == '?') {
            return dfa_refuse(m->b, "an unknown kind of group");
        }
    }
    if (++m->depth > DFA_MAX_DEPTH)
        return dfa_refuse(m->b, "too many groups in groups");
    if (!alternatives(m, ret))
        return false;
    m->depth--;
    return take(m, ")") || dfa_refuse(m->b, "a group without its )");
}

/* A number of digits at `*k` ahead; false when there is none. */
static bool
count(const struct parse *m, size_t *k, uint32_t *ret)
{
    size_t from = *k;

    for (*ret = 0; is_decimal(peek(m, *k)); ++*k)
        *ret = *ret > DFA_MAX_COUNT ? *ret : *ret * 10 + (uint32_t)(peek(m, *k) - '0');
    return *k > from;
}

/* The quantifier at the cursor, moved past; false: there is none ("{" may stand for itself). */
static bool
quantifier(struct parse *m, uint32_t *min, uint32_t *max)
{
    int c = peek(m, 0);
    size_t k = 1;

    *min = c == '+';
    *max = c == '?' ? 1 : DFA_NONE;
    if (c == '{') {
        if (!count(m, &k, min))
            return false;
        *max = *min;
        if (peek(m, k) == ',') {
            k++;
            if (!count(m, &k, max))
                *max = DFA_NONE;
        }
        if (peek(m, k++) != '}')
            return false;
    } else if (c != '*' && c != '+' && c != '?') {
        return false;
    }
    m->i += k;
    take(m, "?"); /* lazy or greedy finds the same texts */
    return true;
}

/* ---- terms --------------------------------------------------------------------------------------------------------- */

static bool
escape(struct parse *m, uint32_t *ret)
{
    int c = peek(m, 0);
    uint32_t v = 0;
    bool is;

    if (c < 0)
        return dfa_refuse(m->b, "a backslash at the end");
    if (c == 'b' || c == 'B')
        return dfa_refuse(m->b, "a word boundary");
    if (c == 'k' || (c >= '1' && c <= '9'))
        return dfa_refuse(m->b, "a back reference");
    m->i++;
    if (!set_escape(m, c, &is))
        return false;
    if (!is && (!char_escape(m, c, &v) || !dfa_set_add(m->b, v, v)))
        return false;
    return set_node(m, false, ret);
}

/* `*repeats`: whether a quantifier may follow. */
static bool
atom(struct parse *m, bool *repeats, uint32_t *ret)
{
    uint32_t v = 0;
    uint32_t min;
    uint32_t max;

    *repeats = true;
    if (quantifier(m, &min, &max))
        return dfa_refuse(m->b, "nothing to repeat");
    if (take(m, "("))
        return group(m, ret);
    if (take(m, "["))
        return class(m, ret);
    if (take(m, "\\"))
        return escape(m, ret);
    if (take(m, "."))
        return dfa_set_add_named(m->b, '.') && set_node(m, false, ret);
    *repeats = false;
    if (take(m, "^"))
        return simple_node(m, DFA_BEGIN, 0, ret);
    if (take(m, "$"))
        return simple_node(m, DFA_END, 0, ret);
    *repeats = true;
    return code_point(m, &v) && dfa_set_add(m->b, v, v) && set_node(m, false, ret);
}

static bool
term(struct parse *m, uint32_t *ret)
{
    struct dfa_node of = {.kind = DFA_REPEAT};
    bool repeats;

    if (!atom(m, &repeats, &of.child))
        return false;
    *ret = of.child;
    if (!quantifier(m, &of.min, &of.max))
        return true;
    if (!repeats)
        return dfa_refuse(m->b, "nothing to repeat");
    if (of.min > DFA_MAX_COUNT || (of.max != DFA_NONE && of.max > DFA_MAX_COUNT) || of.min > of.max)
        return dfa_refuse(m->b, "the numbers of a quantifier");
    if (m->b->brief && of.max >= SCHEMA_DFA_BRIEF)
        of.max = DFA_NONE;
    *ret = node(m, of);
    return *ret != UINT32_MAX;
}

static bool
sequence(struct parse *m, uint32_t *ret)
{
    uint32_t last = DFA_NONE;
    uint32_t t;

    while (peek(m, 0) >= 0 && peek(m, 0) != '|' && peek(m, 0) != ')') {
        if (!term(m, &t))
            return false;
        node_at(m, t)->next = last;
        last = t;
    }
    if (last == DFA_NONE)
        return simple_node(m, DFA_EMPTY, 0, ret);
    *ret = last;
    if (node_at(m, last)->next == DFA_NONE)
        return true;
    *ret = node(m, (struct dfa_node){.kind = DFA_CAT, .child = last});
    return *ret != UINT32_MAX;
}

static bool
alternatives(struct parse *m, uint32_t *ret)
{
    uint32_t last = DFA_NONE;
    uint32_t t;

    do {
        if (!sequence(m, &t))
            return false;
        node_at(m, t)->next = last;
        last = t;
    } while (take(m, "|"));
    *ret = last;
    if (node_at(m, last)->next == DFA_NONE)
        return true;
    *ret = node(m, (struct dfa_node){.kind = DFA_ALT, .child = last});
    return *ret != UINT32_MAX;
}

bool
dfa_parse(struct dfa_build *b, struct str pattern)
{
    struct parse m = {.b = b, .s = {pattern.n ? pattern.p : "", pattern.n}};

    if (pattern.n > DFA_MAX_PATTERN)
        return dfa_refuse(b, "it is too long");
    if (!alternatives(&m, &b->root))
        return false;
    return m.i == m.s.n || dfa_refuse(b, "a ) without its group");
}
