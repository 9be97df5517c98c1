/* schema_dfa against the full engine's matcher (PCRE2) on generated patterns and texts: the same answer on each. The
 * texts are drawn from the patterns, then some are changed, so that both answers come up often. Seeded and repeatable:
 * TEST_SEED and TEST_ROUNDS in the environment ask for other runs. */
#include "common/json/schema_dfa.h"
#include "common/json/schema_impl.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/patterns.h"
#include "tests/unit/dice.h"

enum { TEXTS = 12, MAX_DEPTH = 4, MAX_TEXT = 400 };

/* Atoms with texts that they match. */
static const struct {
    const char *pattern;
    const char *text[4];
} atom[] = {
    {"a", {"a"}},
    {"b", {"b"}},
    {"1", {"1"}},
    {"-", {"-"}},
    {"ab", {"ab"}},
    {"\xc3\xa9", {"\xc3\xa9"}},
    {"\xe2\x82\xac", {"\xe2\x82\xac"}},
    {"\xf0\x9f\x98\x80", {"\xf0\x9f\x98\x80"}},
    {"\\.", {"."}},
    {"\\/", {"/"}},
    {"\\n", {"\n"}},
    {"\\x41", {"A"}},
    {"\\u00e9", {"\xc3\xa9"}},
    {"\\u{1f600}", {"\xf0\x9f\x98\x80"}},
    {"\\ud83d\\ude00", {"\xf0\x9f\x98\x80"}},
    {"\\ud83d", {""}},
    {"\\0", {""}},
    {"\\cJ", {"\n"}},
    {".", {"a", "1", "\xc3\xa9", "\xf0\x9f\x98\x80"}},
    {"\\d", {"0", "1", "9"}},
    {"\\D", {"a", "\xe2\x82\xac", "\n", " "}},
    {"\\w", {"a", "Z", "_", "0"}},
    {"\\W", {"-", "\xc3\xa9", " ", "\n"}},
    {"\\s", {" ", "\xc2\xa0", "\xe2\x80\xa8", "\xef\xbb\xbf"}},
    {"\\S", {"a", "\xc2\x85", "\xe2\x80\x8b", "1"}},
    {"\\p{ASCII}", {"a", "1", "\n"}},
    {"\\P{ASCII}", {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}},
    {"\\p{Any}", {"a", "\n", "\xc3\xa9"}},
    {"[a-c]", {"a", "b", "c"}},
    {"[^a-c]", {"d", "\xc3\xa9", "\n", "\xf0\x9f\x98\x80"}},
    {"[0-9]", {"0", "1", "9"}},
    {"[^0-9]", {"a", "\xc3\xa9", "\xe2\x82\xac", "-"}},
    {"[a1\xc3\xa9-]", {"a", "1", "\xc3\xa9", "-"}},
    {"[\xc3\xa0-\xc3\xbf]", {"\xc3\xa0", "\xc3\xa9", "\xc3\xbf"}},
    {"[^\xc3\xa9]", {"a", "\xc3\xa8", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}},
    {"[^\\u0800-\\uffff]", {"a", "\xc3\xa9", "\xf0\x9f\x98\x80"}},
    {"[\xe2\x82\xa0-\xe2\x82\xbf\\u{1f600}-\\u{1f64f}]",
     {"\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\xbf"}},
    {"[\\u0080-\\u{10ffff}]", {"\xc2\x80", "\xe2\x82\xac", "\xf4\x8f\xbf\xbf"}},
    {"[\\ud700-\\uefff]", {"\xed\x9f\xbf", "\xee\x80\x80"}},
    {"[\\s\\d.]", {" ", "1", "."}},
    {"[^\\s\\d]", {"a", "\xc3\xa9"}},
    {"[\\S\\n]", {"a", "\n"}},
    {"[\\W_]", {"_", "-"}},
    {"[]", {""}},
    {"[^]", {"a", "\n", "\xc3\xa9"}},
    {"[[\\]^]", {"[", "]", "^"}},
    {"[+--]", {"+", ",", "-"}},
    {"[\\b]", {"\b"}},
};

/* What texts are changed with. */
static const char *const letter[] = {
    "a",
    "b",
    "c",
    "d",
    "A",
    "Z",
    "0",
    "1",
    "9",
    "_",
    "-",
    ".",
    ",",
    "/",
    "+",
    "[",
    "]",
    "^",
    " ",
    "\n",
    "\r",
    "\t",
    "\b",
    "\x7f",
    "\xc2\x80",
    "\xc2\x85",
    "\xc2\xa0",
    "\xc3\xa0",
    "\xc3\xa8",
    "\xc3\xa9",
    "\xc3\xbf",
    "\xdf\xbf",
    "\xe0\xa0\x80",
    "\xe2\x80\x8b",
    "\xe2\x80\xa8",
    "\xe2\x80\xa9",
    "\xe2\x82\xac",
    "\xed\x9f\xbf",
    "\xee\x80\x80",
    "\xef\xbb\xbf",
    "\xef\xbf\xbf",
    "\xf0\x90\x80\x80",
    "\xf0\x9f\x98\x80",
    "\xf0\x9f\x98\xbf",
    "\xf4\x8f\xbf\xbf",
};

enum kind { ATOM, SEQ, ALT, REPEAT, START, END };

struct part {
    enum kind kind;
    unsigned atom, n, min, max;
    unsigned child[4];
};

struct gen {
    uint64_t seed;
    struct part part[256];
    unsigned n;
    struct buf pattern;
    char text[MAX_TEXT + 8];
    size_t len;
};

static unsigned
grow(struct gen *g, unsigned depth)
{
    unsigned me = g->n++;
    unsigned dice = dice_pick(&g->seed, 20);
    struct part p = {.kind = ATOM, .atom = dice_pick(&g->seed, sizeof atom / sizeof *atom)};

    if (me > 200 || depth >= MAX_DEPTH)
        dice = 0;
    if (dice >= 16)
        p.kind = REPEAT;
    else if (dice >= 13)
        p.kind = ALT;
    else if (dice >= 7 || depth == 0)
        p.kind = SEQ;
    else if (dice == 6)
        p.kind = dice_pick(&g->seed, 2) ? START : END;
    p.n = p.kind == REPEAT ? 1 : p.kind == SEQ || p.kind == ALT ? 1 + dice_pick(&g->seed, 4) : 0;
    p.min = dice_pick(&g->seed, 3);
    p.max = dice_pick(&g->seed, 3) ? p.min + dice_pick(&g->seed, 4) : UINT32_MAX;
    for (unsigned i = 0; i < p.n; i++)
        p.child[i] = grow(g, depth + 1);
    g->part[me] = p;
    return me;
}

static void
write_count(struct gen *g, const struct part *p)
{
    if (p->max == UINT32_MAX && p->min < 2)
        buf_z(&g->pattern, p->min ? "+" : "*");
    else if (p->max == UINT32_MAX)
        buf_printf(&g->pattern, "{%u,}", p->min);
    else if (!p->min && p->max == 1)
        buf_z(&g->pattern, "?");
    else if (p->min == p->max)
        buf_printf(&g->pattern, "{%u}", p->min);
    else
        buf_printf(&g->pattern, "{%u,%u}", p->min, p->max);
    if (!dice_pick(&g->seed, 4))
        buf_z(&g->pattern, "?");
}

static void
write_part(struct gen *g, unsigned i)
{
    const struct part *p = &g->part[i];
    bool group = p->kind == REPEAT || p->kind == ALT;

    if (p->kind == ATOM)
        buf_z(&g->pattern, atom[p->atom].pattern);
    else if (p->kind == START || p->kind == END)
        buf_z(&g->pattern, p->kind == START ? "^" : "$");
    if (group && dice_pick(&g->seed, 8))
        buf_z(&g->pattern, dice_pick(&g->seed, 2) ? "(?:" : "(");
    else if (group)
        buf_printf(&g->pattern, "(?<n%u>", i);
    for (unsigned k = 0; k < p->n; k++) {
        if (k && p->kind == ALT)
            buf_z(&g->pattern, "|");
        write_part(g, p->child[k]);
    }
    if (group)
        buf_z(&g->pattern, ")");
    if (p->kind == REPEAT)
        write_count(g, p);
}

static void
text_add(struct gen *g, const char *z)
{
    size_t n = strlen(z);

    if (g->len + n <= MAX_TEXT) {
        memcpy(g->text + g->len, z, n);
        g->len += n;
    }
}

static void
draw(struct gen *g, unsigned i)
{
    const struct part *p = &g->part[i];
    unsigned times = 1;
    unsigned n = 1;

    if (p->kind == ATOM) {
        while (n < 4 && atom[p->atom].text[n])
            n++;
        text_add(g, atom[p->atom].text[dice_pick(&g->seed, n)]);
    }
    if (p->kind == REPEAT)
        times = p->min + dice_pick(&g->seed, p->max == UINT32_MAX ? 4 : p->max - p->min + 1);
    if (p->kind == ALT)
        draw(g, p->child[dice_pick(&g->seed, p->n)]);
    else
        for (; times; times--)
            for (unsigned k = 0; k < p->n; k++)
                draw(g, p->child[k]);
}

/* Takes out, puts in, or doubles one code point. */
static void
change(struct gen *g)
{
    char old[MAX_TEXT + 8];
    size_t len = g->len;
    size_t at = len ? dice_pick(&g->seed, (unsigned)len + 1) : 0;
    size_t end;
    unsigned what = dice_pick(&g->seed, 3);

    memcpy(old, g->text, len);
    while (at && at < len && ((unsigned char)old[at] & 0xc0) == 0x80)
        at--;
    for (end = at + (at < len); end < len && ((unsigned char)old[end] & 0xc0) == 0x80;)
        end++;
    g->len = at;
    if (what == 1)
        text_add(g, letter[dice_pick(&g->seed, sizeof letter / sizeof *letter)]);
    if (what == 2)
        end = at;
    if (g->len + len - end <= MAX_TEXT) {
        memcpy(g->text + g->len, old + end, len - end);
        g->len += len - end;
    }
}

/* With and without something before and after it, changed or not. */
static void
make_text(struct gen *g)
{
    g->len = 0;
    if (!dice_pick(&g->seed, 4))
        text_add(g, letter[dice_pick(&g->seed, sizeof letter / sizeof *letter)]);
    draw(g, 0);
    if (!dice_pick(&g->seed, 4))
        text_add(g, letter[dice_pick(&g->seed, sizeof letter / sizeof *letter)]);
    for (unsigned k = dice_pick(&g->seed, 4); k > 1; k--)
        change(g);
}

struct tally {
    unsigned patterns, refused, yes, no, limit;
    unsigned how[4];
    unsigned walks, brief; /* comparisons that came to schema_walk, to a brief table */
};

/* The same answer from schema_dfa, its steps one by one, PCRE2, and schema_walk where it takes the pattern. */
static void
compare(struct tally *t, const struct schema_dfa *d, const struct schema_regex *re, struct str pattern,
        struct str s)
{
    pcre2_match_data *md = NULL;
    enum schema_match want = schema_regex_match(re, s, &md);
    bool got = schema_dfa_match(d, s);
    uint32_t state = d->start;
    struct schema_walk walk;

    pcre2_match_data_free(md);
    if (want == MATCH_LIMIT) {
        t->limit++;
        return;
    }
    for (size_t i = 0; i < s.n; i++)
        state = schema_dfa_step(d, state, (unsigned char)s.p[i]);
    if (got != (want == MATCH_YES) || schema_dfa_final(d, state) != got) {
        for (size_t i = 0; i < s.n; i++)
            print_message("%02x ", (unsigned char)s.p[i]);
        fail_msg("%.*s: schema_dfa says %d, PCRE2 %d (way %d)", STR_FMT(pattern), got, want == MATCH_YES,
                 (int)d->how);
    }
    if (schema_walk_read(pattern, &walk)) {
        t->walks++;
        if (schema_walk_match(&walk, s) != got)
            fail_msg("%.*s: place by place it is %d on \"%.*s\"", STR_FMT(pattern), !got, STR_FMT(s));
    }
    t->brief += d->brief && s.n <= SCHEMA_DFA_BRIEF;
    t->yes += got;
    t->no += !got;
}

/* false: schema_dfa does not take the pattern. What it takes, PCRE2 takes too. */
static bool
open_both(struct str pattern, struct schema_dfa **d, struct schema_regex *re)
{
    struct err e = {0};
    enum res rc = schema_dfa_compile(pattern, 0, d, &e);

    if (rc == RES_REJECT)
        return false;
    assert_int_equal(rc, RES_OK);
    if (schema_regex_compile(re, NULL, pattern, 1000000, &e) != RES_OK)
        fail_msg("%.*s: schema_dfa takes it, PCRE2 says %s", STR_FMT(pattern), e.text);
    return true;
}

static uint64_t
setting(const char *name, uint64_t otherwise)
{
    const char *z = getenv(name);

    return z ? strtoull(z, NULL, 10) : otherwise;
}

static void
test_generated(void **state)
{
    struct gen g = {.pattern = buf_make(1 << 16), .seed = setting("TEST_SEED", 20260311)};
    uint64_t rounds = setting("TEST_ROUNDS", 5000);
    struct tally t = {0};

    (void)state;
    print_message("seed %llu\n", (unsigned long long)g.seed);
    for (; t.patterns < rounds; t.patterns++) {
        struct schema_dfa *d = NULL;
        struct schema_regex re;

        g.n = 0;
        buf_reset(&g.pattern);
        grow(&g, 0);
        write_part(&g, 0);
        assert_false(g.pattern.failed);
        if (!open_both(buf_view(&g.pattern), &d, &re)) {
            t.refused++;
            continue;
        }
        t.how[d->how]++;
        for (int k = 0; k < TEXTS; k++) {
            make_text(&g);
            compare(&t, d, &re, buf_view(&g.pattern), (struct str){g.text, g.len});
        }
        schema_regex_free(&re);
        schema_dfa_free(d);
    }
    buf_free(&g.pattern);
    print_message("%u patterns (%u refused; chain %u, shift %u, pairs %u, table %u): %u matches, %u not, %u "
                  "past the limit\n",
                  t.patterns, t.refused, t.how[0], t.how[1], t.how[2], t.how[3], t.yes, t.no, t.limit);
    assert_in_range(t.refused, 0, rounds / 20);
    assert_in_range(t.yes, rounds, rounds * TEXTS);
    assert_in_range(t.no, rounds, rounds * TEXTS);
    for (int i = 0; i < SCHEMA_DFA_TABLE;
         i++) /* few are so large; `compare` takes steps of one byte with all */
        assert_true(t.how[i] > rounds / 100);
}

/* Patterns of odd characters, few of which are patterns: what schema_dfa takes PCRE2 takes, and says the same. */
static void
test_junk(void **state)
{
    static const char *const piece[] = {
        "(", ")", "[", "]", "{", "}",        "|",   "*",     "+",  "?",     "^",       "$",  "\\", "-",
        ",", "0", "1", "2", "a", "b",        "c",   "d",     "s",  "u",     "x",       "w",  "p",  ".",
        ":", "<", ">", "=", "!", "\xc3\xa9", "(?:", "(?<n>", "[^", "{1,2}", "\\u{e9}", "\\d"};
    struct buf b = buf_make(4096);
    uint64_t seed = setting("TEST_SEED", 20260312);
    uint64_t rounds = setting("TEST_ROUNDS", 5000) * 10;
    struct tally t = {0};

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (; t.patterns < rounds; t.patterns++) {
        struct schema_dfa *d = NULL;
        struct schema_regex re;

        buf_reset(&b);
        for (unsigned k = 1 + dice_pick(&seed, 9); k; k--)
            buf_z(&b, piece[dice_pick(&seed, sizeof piece / sizeof *piece)]);
        if (!open_both(buf_view(&b), &d, &re)) {
            t.refused++;
            continue;
        }
        for (unsigned k = 0; k < 4; k++) {
            char text[64];
            size_t n = 0;

            for (unsigned i = dice_pick(&seed, 8); i; i--)
                n += (size_t)snprintf(text + n, sizeof text - n, "%s",
                                      dice_pick(&seed, 2)
                                          ? piece[dice_pick(&seed, 34)]
                                          : letter[dice_pick(&seed, sizeof letter / sizeof *letter)]);
            compare(&t, d, &re, buf_view(&b), (struct str){text, n});
        }
        schema_regex_free(&re);
        schema_dfa_free(d);
    }
    buf_free(&b);
    print_message("%u patterns (%u refused): %u matches, %u not, %u past the limit\n", t.patterns, t.refused,
                  t.yes, t.no, t.limit);
    assert_in_range(t.refused, 1, rounds - rounds / 10);
    assert_in_range(t.yes, rounds / 10, rounds * 4);
    assert_in_range(t.no, rounds / 10, rounds * 4);
}

/* ---- the contracts' patterns ---------------------------------------------------------------------------------------- */

struct contracts {
    struct gen g;
    struct tally t;
    unsigned barren;                         /* patterns no text was found for */
    unsigned far[SCHEMA_DFA_MAX_STATES + 1]; /* bytes from each state to a match */
};

static bool
near(const struct contracts *c, const struct schema_dfa *d, uint32_t row, unsigned far)
{
    if (far == 0)
        return schema_dfa_final(d, row * d->nclass);
    for (uint32_t k = 0; k < d->nclass; k++)
        if (c->far[d->next[row * d->nclass + k] / d->nclass] == far - 1)
            return true;
    return false;
}

static void
measure(struct contracts *c, const struct schema_dfa *d)
{
    bool more = true;

    memset(c->far, 0xff, sizeof c->far);
    for (unsigned far = 0; more; far++) {
        more = false;
        for (uint32_t row = 0; row < d->states; row++)
            if (c->far[row] == UINT_MAX && near(c, d, row, far)) {
                c->far[row] = far;
                more = true;
            }
    }
}

/* The state after `z`. */
static uint32_t
after(const struct schema_dfa *d, uint32_t state, const char *z)
{
    for (; *z; z++)
        state = schema_dfa_step(d, state, (unsigned char)*z);
    return state;
}

/* Adds a letter that does not end in the dead state; `closer`: only one that is nearer to a match. False: there is none. */
static bool
wander_on(struct contracts *c, const struct schema_dfa *d, uint32_t *state, bool closer)
{
    unsigned nodd = sizeof letter / sizeof *letter;
    unsigned from = dice_pick(&c->g.seed, dice_pick(&c->g.seed, 8) ? 95 : 95 + nodd);

    for (unsigned i = 0; i < 95 + nodd; i++) {
        unsigned k = (from + i) % (95 + nodd);
        char ascii[2] = {(char)(' ' + k % 95), '\0'};
        const char *z = k < 95 ? ascii : letter[k - 95];
        uint32_t to = after(d, *state, z);

        if (to == 0 || (closer && c->far[to / d->nclass] >= c->far[*state / d->nclass]))
            continue;
        *state = to;
        text_add(&c->g, z);
        return true;
    }
    return false;
}

/* A walk through the states until it may end and the dice say so; from a while on it makes for a match. */
static void
wander(struct contracts *c, const struct schema_dfa *d)
{
    struct gen *g = &c->g;
    size_t patience = dice_pick(&g->seed, 60);
    uint32_t state = d->start;
    bool on = true;

    g->len = 0;
    while (on && g->len < MAX_TEXT - 4 && (!schema_dfa_final(d, state) || dice_pick(&g->seed, 6)))
        on = wander_on(c, d, &state, g->len > patience && !schema_dfa_final(d, state));
}

static void
try_pattern(const char *file, const char *pattern, void *arg)
{
    struct contracts *c = arg;
    struct schema_dfa *d = NULL;
    struct schema_regex re;
    struct err e = {0};
    unsigned yes = c->t.yes;

    (void)file;
    c->t.patterns++;
    if (schema_dfa_compile(str_of(pattern), SCHEMA_DFA_MAX_STATES, &d, &e) != RES_OK) {
        c->t.refused++;
        return;
    }
    assert_int_equal(schema_regex_compile(&re, NULL, str_of(pattern), 1000000, &e), RES_OK);
    measure(c, d);
    for (unsigned i = 0; i < 400; i++) {
        wander(c, d);
        for (unsigned k = i % 4; k; k--)
            change(&c->g);
        compare(&c->t, d, &re, str_of(pattern), (struct str){c->g.text, c->g.len});
    }
    c->barren += c->t.yes == yes;
    schema_regex_free(&re);
    schema_dfa_free(d);
}

static void
test_contracts(void **state)
{
    static struct contracts c;

    (void)state;
    c = (struct contracts){.g.seed = setting("TEST_SEED", 20260314)};
    print_message("seed %llu\n", (unsigned long long)c.g.seed);
    patterns_each(try_pattern, &c);
    print_message("%u patterns (%u refused, %u never matched): %u matches, %u not\n", c.t.patterns,
                  c.t.refused, c.barren, c.t.yes, c.t.no);
    assert_in_range(c.t.refused, 0, 1);
    assert_int_equal(c.barren, 0);
    assert_int_equal(c.t.limit, 0);
    assert_true(c.t.yes > 50 * c.t.patterns && c.t.no > 50 * c.t.patterns);
}

/* Patterns that schema_walk takes, and some that it must not take for what they look like. */
static void
test_walks(void **state)
{
    static const struct {
        const char *pattern;
        bool walk;
    } row[] = {
        {"^ORD-[0-9]{4}-[0-9]{6}$", true},
        {"^[A-Z]{2}-[0-9]{4,8}$", true},
        {"^[0-9a-f]{64}$", true},
        {"^\\+62[1-9][0-9]*$", true},
        {"^[a-z-]+$", true},
        {"^[.\\-\\]]{2}a?$", true},
        {"^ab{0,3}$", true},
        {"^[a-c]{2}", true},
        {"^a{2,}", true},
        {"^a*b$", false},
        {"^a?b?$", false},
        {"^[^a]$", false},
        {"^a|b$", false},
        {"^(a)$", false},
        {"^a{0}b$", false},
        {"^a+?$", false},
        {"^\\d$", false},
        {"a$", false},
        {"^.$", false},
        {"^\xc3\xa9$", false},
        {"^[\xc3\xa9]$", false},
        {"^[]a]$", false},
        {"^abcdefghi$", false},
        {"^a{129}$", false},
    };
    static struct contracts c;

    (void)state;
    c = (struct contracts){.g.seed = setting("TEST_SEED", 20261128)};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct schema_walk walk;

        if (schema_walk_read(str_of(row[i].pattern), &walk) != row[i].walk)
            fail_msg("%s: %staken", row[i].pattern, row[i].walk ? "not " : "");
        try_pattern("", row[i].pattern, &c);
    }
    assert_true(c.t.walks > 2000 && c.t.yes > 2000 && c.t.no > 2000);
}

/* Texts about as long as SCHEMA_DFA_BRIEF, against counts about as high. */
static void
test_brief(void **state)
{
    /* the letters from c on only make classes of bytes, so that the whole is no table of pairs */
    static const char *const patterns[] = {
        "^(cdefghij)?([ab][ab-]{0,61}\\.)+b$", "^(cdefghij)?(a|ba){0,61}b{1,62}$",
        "^(cdefghij)?a{3,60}(b?a){2,61}$",     "(cdefghij)?^(ab?){0,70}-$",
        "^(cdefghij)?(a{0,61}b){0,2}$",        "^(cdefghij)?(ab|a){40,62}$"};
    uint64_t seed = setting("TEST_SEED", 20261128);
    struct tally t = {0};

    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct schema_dfa *d = NULL;
        struct schema_regex re;

        assert_true(open_both(str_of(patterns[i]), &d, &re));
        for (unsigned k = 0; k < 2000; k++) {
            char text[80];
            size_t n = 50 + dice_pick(&seed, 25);
            unsigned rare = 1 + dice_pick(&seed, 60);

            for (size_t j = 0; j < n; j++)
                text[j] = dice_pick(&seed, rare) ? 'a' : "ab.-"[dice_pick(&seed, 4)];
            if (k % 2)
                text[n - 1] = "b-"[i == 3];
            compare(&t, d, &re, str_of(patterns[i]), (struct str){text, n});
        }
        schema_regex_free(&re);
        schema_dfa_free(d);
    }
    print_message("%u matches, %u not, %u of them brief\n", t.yes, t.no, t.brief);
    assert_true(t.brief > 1000 && t.yes > 500 && t.no > 500);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated), cmocka_unit_test(test_junk),  cmocka_unit_test(test_contracts),
        cmocka_unit_test(test_walks),     cmocka_unit_test(test_brief),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
