/* schema_dfa: tables of (pattern, text, answer), refusals, limits, memory, and the contracts' own patterns. */
#include "common/json/schema_dfa.h"
#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/alloc.h"
#include "tests/unit/patterns.h"

#define LABEL  "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define LABELS "^" LABEL "(\\." LABEL "){1,16}"

static const struct {
    const char *pattern, *text;
    bool found;
} table[] = {
    {"", "", true},
    {"", "x", true},
    {"b", "abc", true},
    {"b", "ac", false},
    {"^b", "ab", false},
    {"b$", "ab", true},
    {"b$", "ab\n", false},
    {"^ab$", "ab", true},
    {"^ab$", "abb", false},
    {"a|^b|c$", "xb", false},
    {"a|^b|c$", "bx", true},
    {"a|^b|c$", "xc", true},
    {"a|^b|c$", "cx", false},
    {"(^|,)x(,|$)", "a,x", true},
    {"(^|,)x(,|$)", "x,b", true},
    {"(^|,)x(,|$)", "ax", false},
    {"$^", "", true},
    {"$^", "a", false},
    {"a$b", "ab", false},
    {"a^b", "ab", false},
    {"(?:^a)+$", "a", true},
    {"(?:^a)+$", "aa", false},
    {"^(?:a$|b)*$", "ba", true},
    {"^(?:a$|b)*$", "ab", false},
    /* counts, greedy and lazy */
    {"^a{3}$", "aaa", true},
    {"^a{3}$", "aa", false},
    {"^a{2,}$", "a", false},
    {"^a{2,}?$", "aaaa", true},
    {"^a{0}b$", "b", true},
    {"^a{0}b$", "ab", false},
    {"^a{1,2}?$", "aa", true},
    {"^a{1,2}$", "aaa", false},
    {"^(a|bc){2}$", "abc", true},
    {"^(a|bc){2}$", "abca", false},
    {"^(a?){3}b$", "aab", true},
    {"^(a*)*b$", "aaab", true},
    {"^a??b+?c*?$", "abbc", true},
    {"a{", "a{", true},
    {"a{,2}", "a{,2}", true},
    {"a{,2}", "aa", false},
    {"^a{1$", "a{1", true},
    {"]}", "x]}", true},
    /* escapes */
    {"^\\d\\D\\w\\W\\s\\S$", "1a_- x", true},
    {"^\\d$", "\xd9\xa1", false}, /* U+0661, a digit that is not ASCII's */
    {"^\\w$", "\xc3\xa9", false},
    {"^\\W$", "\xc3\xa9", true},
    {"^\\s$", "\xef\xbb\xbf", true},  /* U+FEFF */
    {"^\\s$", "\xe2\x80\xa8", true},  /* U+2028 */
    {"^\\s$", "\xc2\x85", false},     /* U+0085 */
    {"^\\s$", "\xe1\xa0\x8e", false}, /* U+180E */
    {"^\\S$", "\xe2\x80\x8b", true},  /* U+200B */
    {"^\\x41\\u0042\\u{43}\\u{0000044}$", "ABCD", true},
    {"^\\ud83d\\ude00$", "\xf0\x9f\x98\x80", true},
    {"^\\u{1F600}$", "\xf0\x9f\x98\x80", true},
    {"\\ud83d", "\xf0\x9f\x98\x80", false},
    {"\\ud83d\\u0041", "A", false},
    {"^\\cJ\\t\\n\\v\\f\\r$", "\n\t\n\v\f\r", true},
    {"^\\^\\$\\\\\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\/\\-$", "^$\\.*+?()[]{}|/-", true},
    {"^.$", "\xf0\x9f\x98\x80", true},
    {"^.$", "\n", false},
    {"^.$", "\xe2\x80\xa9", false},
    {"^.$", "\xe2\x80\xaa", true},
    {"^..$", "\xc3\xa9", false},
    {"^\\p{ASCII}\\P{ASCII}\\p{Any}$", "a\xc3\xa9\n", true},
    {"^\\p{ASCII}$", "\xc3\xa9", false},
    {"\\P{Any}", "a", false},
    /* classes */
    {"^[a-c]$", "b", true},
    {"^[a-c]$", "-", false},
    {"^[-a]$", "-", true},
    {"^[a-]$", "-", true},
    {"^[a-c-e]$", "d", false},
    {"^[a-c-e]$", "-", true},
    {"^[^a]$", "\xe2\x82\xac", true},
    {"^[^a]$", "a", false},
    {"^[^a]$", "\n", true},
    {"[]", "a", false},
    {"^[^]$", "\n", true},
    {"^[[:alpha:]]$", "a]", true},
    {"^[\\b]$", "\b", true},
    {"^[\\d.]+$", "1.2", true},
    {"^[\\D]$", "1", false},
    {"^[\\d-]+$", "1-", true},
    {"^[\xc3\xa0-\xc3\xbf]+$", "\xc3\xa9\xc3\xbf", true},
    {"^[\xc3\xa0-\xc3\xbf]+$", "\xc3\x9f", false},
    {"^[\xc3\xa0-\xc3\xbf]+$", "\xc4\xa9", false},
    {"^[^\xc3\xa9]$", "\xc3\xa9", false},
    {"^[^\xc3\xa9]$", "\xc3\xa8", true},
    {"^[\\u0800-\\uffff]$", "\xe0\xa0\x80", true},
    {"^[\\u0800-\\uffff]$", "\xef\xbf\xbf", true},
    {"^[\\u0800-\\uffff]$", "\xdf\xbf", false},
    {"^[\\u0800-\\uffff]$", "\xf0\x90\x80\x80", false},
    {"^[\\u{10000}-\\u{10ffff}]$", "\xf4\x8f\xbf\xbf", true},
    {"^[^\\u{10ffff}]$", "\xf4\x8f\xbf\xbf", false},
    {"^[^\\u{10ffff}]$", "\xf4\x8f\xbf\xbe", true},
    {"^[\\ud7ff-\\ue000]{2}$", "\xed\x9f\xbf\xee\x80\x80", true},
    {"^[\\ud800-\\udfff]$", "\xee\x80\x80", false},
    {"^[^\\ud800-\\udfff]$", "\xee\x80\x80", true},
    {"^[^0-9]*([0-9][^0-9]*){3}$", "a1\xc3\xa9 2\xe2\x82\xac-3\xf0\x9f\x98\x80", true},
    {"^[^0-9]*([0-9][^0-9]*){3}$", "1\xc3\xa9 2", false},
    {"^([^0-9]){2}$", "\xc3\xa9\xe2\x82\xac", true},
    {"^([^0-9]){2}$", "\xc3\xa9", false},
    /* groups */
    {"^(?<year>\\d{4})-(?:\\d\\d)-(\\d\\d)$", "2026-03-09", true},
    {"^(?<year>\\d{4})-(?:\\d\\d)-(\\d\\d)$", "2026-3-09", false},
    {"^()(|a)$", "a", true},
    {"^(a|)$", "", true},
    {"^(a|)$", "b", false},
    /* too many states for two bytes a step */
    {LABELS "(/[!-~]*)?$", "example.go.id", true},
    {LABELS "(/[!-~]*)?$", "a-.id", false},
    {LABELS "(/[!-~]*)?$", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", true},
    {LABELS "(/[!-~]*)?$", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r", false},
    {LABELS "(/[!-~]*)?$", "a.id/x?y", true},
    {LABELS "(/[!-~]*)?$", "a.id/\xc3\xa9", false},
};

static const char *const refused[] = {
    "(?=a)",       "(?!a)",
    "(?<=a)",      "(?<!a)",
    "(a)\\1",      "(?<n>a)\\k<n>",
    "\\bx",        "\\Bx",
    "\\p{L}",      "\\P{Lu}",
    "\\p",         "a**",
    "a++",         "*a",
    "+",           "?",
    "{2}",         "a|*",
    "(*UTF)a",     "(?i)a",
    "(?",          "(",
    ")",           "a)",
    "(a",          "[a",
    "[a\\",        "a\\",
    "[b-a]",       "[a-\\d]",
    "[\\d-z]",     "\\x4",
    "\\u12",       "\\u{}",
    "\\u{110000}", "\\u{12",
    "\\c1",        "\\01",
    "\\a",         "\\Z",
    "\\_a\\e",     "[\\B]",
    "[\\1]",       "a{2,1}",
    "a{70000}",    "^*",
    "$+",          "(?<1>a)",
    "(?<>a)",      "(?<a>b)(?<a>c)",
    "a{1}{2}",     "\xff",
    "\xc3",        "\xed\xa0\x80",
    "\xc0\x80",    "[\xe2\x82",
    "(?#a)",       "\\h",
};

static double
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct schema_dfa *
make(const char *pattern)
{
    struct schema_dfa *d = NULL;
    struct err e = {0};

    if (schema_dfa_compile(str_of(pattern), 0, &d, &e) != RES_OK)
        fail_msg("%s: %s", pattern, e.text);
    assert_non_null(d);
    return d;
}

/* The loop that a caller would write. */
static bool
step_by_step(const struct schema_dfa *d, struct str s)
{
    uint32_t state = d->start;

    for (size_t i = 0; i < s.n; i++)
        state = schema_dfa_step(d, state, (unsigned char)s.p[i]);
    return schema_dfa_final(d, state);
}

static void
test_table(void **state)
{
    unsigned how[4] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct schema_dfa *d = make(table[i].pattern);
        struct str s = str_of(table[i].text);

        how[d->how]++;
        if (schema_dfa_match(d, s) != table[i].found || step_by_step(d, s) != table[i].found)
            fail_msg("%s on %s: not %d", table[i].pattern, table[i].text, table[i].found);
        schema_dfa_free(d);
    }
    assert_true(how[SCHEMA_DFA_CHAIN] && how[SCHEMA_DFA_SHIFT] && how[SCHEMA_DFA_PAIRS] &&
                how[SCHEMA_DFA_TABLE]);
}

static void
test_nul_and_empty(void **state)
{
    struct schema_dfa *d = make("^a\\0b$");

    (void)state;
    assert_true(schema_dfa_match(d, STR("a\0b")));
    assert_false(schema_dfa_match(d, STR("a")));
    assert_false(schema_dfa_match(d, STR_NULL));
    schema_dfa_free(d);
    d = make("^[^x]*$");
    assert_true(schema_dfa_match(d, STR_NULL));
    assert_true(schema_dfa_match(d, STR("\0\0")));
    schema_dfa_free(d);
    assert_int_equal(schema_dfa_compile(STR("a\0b"), 0, &d, NULL), RES_OK);
    assert_true(schema_dfa_match(d, STR("xa\0b")));
    assert_false(schema_dfa_match(d, STR("a")));
    schema_dfa_free(d);
    schema_dfa_free(NULL);
}

static void
assert_refused(struct str pattern, uint32_t max_states)
{
    struct schema_dfa *d = (struct schema_dfa *)&d;
    struct err e = {0};

    if (schema_dfa_compile(pattern, max_states, &d, &e) != RES_REJECT)
        fail_msg("%.*s: taken", STR_FMT(pattern));
    assert_null(d);
    assert_int_equal(e.res, RES_REJECT);
    assert_true(strlen(e.text) > 10);
}

static void
test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_refused(str_of(refused[i]), 0);
}

/* Each ends soon, whatever the counts in it say. */
static void
test_too_large(void **state)
{
    static const char *const large[] = {
        "(((a{1,60000}){1,60000}){1,60000}){1,60000}",
        "((((){60000}){60000}){60000}){60000}",
        "^(a|b)*a(a|b){20}$",
        "[a-z]*x[a-z]{14}y",
        "^(([a-z]?[0-9]?){100}){100}$",
        "(.*a){30}.{30}b.{900}",
        "^a{19000}$",
    };
    struct buf b = buf_make(1 << 20);
    double start = now_ms();

    (void)state;
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        assert_refused(str_of(large[i]), 0);
    for (int i = 0; i < 101; i++)
        buf_z(&b, "(");
    for (int i = 0; i < 101; i++)
        buf_z(&b, ")");
    assert_refused(buf_view(&b), 0);
    buf_reset(&b);
    for (unsigned i = 0; i < 1100; i++)
        buf_printf(&b, "\\u{%x}", 0x4e00 + i);
    assert_refused(buf_view(&b), 0);
    buf_reset(&b);
    for (int i = 0; i < 20000; i++)
        buf_z(&b, "a");
    assert_refused(buf_view(&b), 0);
    buf_free(&b);
    print_message("refused in %.0f ms\n", now_ms() - start);
}

static void
test_max_states(void **state)
{
    struct schema_dfa *d = make("^[0-9]{18}$");
    uint32_t n = (uint32_t)schema_dfa_states(d);

    (void)state;
    assert_int_equal(n, 2 + 19); /* dead, matched, 0 to 18 digits */
    assert_true(schema_dfa_size(d) > sizeof *d && schema_dfa_size(d) < 4096);
    schema_dfa_free(d);
    assert_refused(STR("^[0-9]{18}$"), n - 1);
    assert_int_equal(schema_dfa_compile(STR("^[0-9]{18}$"), n, &d, NULL), RES_OK);
    schema_dfa_free(d);
    assert_int_equal(schema_dfa_compile(STR("^[0-9]{6000}$"), UINT32_MAX, &d, NULL), RES_OK);
    schema_dfa_free(d);
    assert_refused(STR("^[0-9]{6000}$"), 0);
}

/* Counting code points needs no states for the bytes of each, and equal patterns make equal tables. */
static void
test_small(void **state)
{
    static const struct {
        const char *pattern;
        size_t states;
        enum schema_dfa_how how;
    } want[] = {
        {"^.*$|x", 6, SCHEMA_DFA_SHIFT},    {"^[^]*$", 2, SCHEMA_DFA_CHAIN},
        {"", 2, SCHEMA_DFA_CHAIN},          {"[]", 2, SCHEMA_DFA_CHAIN},
        {"^[^/]*$", 3, SCHEMA_DFA_CHAIN},   {"^[^0-9]*([0-9][^0-9]*){18}$", 21, SCHEMA_DFA_PAIRS},
        {"^(a|b|c)$", 4, SCHEMA_DFA_CHAIN}, {"^https://.", 13, SCHEMA_DFA_PAIRS},
        {"^x-", 4, SCHEMA_DFA_CHAIN},       {"[0-9]", 3, SCHEMA_DFA_SHIFT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct schema_dfa *d = make(want[i].pattern);

        if (d->states != want[i].states || d->how != want[i].how)
            fail_msg("%s: %u states, way %d", want[i].pattern, d->states, d->how);
        schema_dfa_free(d);
    }
}

static bool
compile_once(void)
{
    static const char *const pattern[] = {"^(?<n>[a-z\xc3\xa9]{2,9}|\\d+)-[^\\s]$", "^[a-c]{3}x*$",
                                          "^(ab|cd|e[^f]){3,40}(\\w|\xe2\x82\xac)$"};
    bool ok = true;

    for (size_t i = 0; i < sizeof pattern / sizeof *pattern; i++) {
        struct schema_dfa *d = NULL;
        struct err e = {0};
        enum res rc = schema_dfa_compile(str_of(pattern[i]), 0, &d, &e);

        assert_true(rc == RES_OK ? d != NULL : rc == RES_RETRY && !d && e.res == RES_RETRY);
        ok = ok && rc == RES_OK;
        schema_dfa_free(d);
    }
    return ok;
}

static void
test_memory(void **state)
{
    (void)state;
#if !ALLOC_SEAM
    skip();
#endif
    alloc_loop(compile_once);
}

/* ---- the contracts' patterns --------------------------------------------------------------------------------------- */

struct tally {
    unsigned n, large;
};

/* Prints what a pattern costs. Twenty labels of 63 characters, each counted, are the only thing that may be too large. */
static void
weigh(const char *file, const char *pattern, void *arg)
{
    struct tally *t = arg;
    struct schema_dfa *d = NULL;
    struct err e = {0};
    double start = now_ms();
    enum res rc = schema_dfa_compile(str_of(pattern), 0, &d, &e);
    double ms = now_ms() - start;

    t->n++;
    if (rc == RES_OK) {
        print_message("%-36s %6zu %7zu %7.2f %.60s\n", file, schema_dfa_states(d), schema_dfa_size(d), ms,
                      pattern);
    } else {
        print_message("%-36s %s %7.2f %.60s\n", file, e.text, ms, pattern);
        assert_non_null(strstr(pattern, "{0,61}[A-Za-z0-9])?\\.){1,20}"));
        t->large++;
    }
    schema_dfa_free(d);
}

static void
test_contracts(void **state)
{
    struct tally t = {0};

    (void)state;
    print_message("%-36s %6s %7s %7s\n", "", "states", "bytes", "ms");
    patterns_each(weigh, &t);
    print_message("%u patterns, %u too large\n", t.n, t.large);
    assert_in_range(t.n, 50, 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),      cmocka_unit_test(test_nul_and_empty),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_max_states), cmocka_unit_test(test_small),
        cmocka_unit_test(test_memory),     cmocka_unit_test(test_contracts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
