/* How bedelauctl reads its arguments. Programs are no library, so their files are taken in whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "producers/ctl/ctl_args.c"  /* NOLINT(bugprone-suspicious-include) */
#include "producers/ctl/ctl_words.c" /* NOLINT(bugprone-suspicious-include) */

enum { WORDS = 2 };

struct got {
    char text[128]; /* what the pointers point into */
    const char *words[WORDS];
    const char *value;
    bool flag, json;
};

/* Reads `line`, split at blanks, with --value V and --flag and one to two words. */
static bool
read_args(struct got *g, const char *line)
{
    struct ctl c = {.cmd = "test"};
    const struct ctl_opt opts[] = {{"value", &g->value, NULL}, {"flag", NULL, &g->flag}, {0}};
    char *argv[16];
    char *save = NULL;
    int argc = 0;
    bool good;

    *g = (struct got){0};
    snprintf(g->text, sizeof g->text, "%s", line);
    for (char *z = strtok_r(g->text, " ", &save); z && argc < 16; z = strtok_r(NULL, " ", &save))
        argv[argc++] = z;
    good = ctl_args(&c, argc, argv, opts, &(struct ctl_words){g->words, 1, WORDS});
    g->json = c.json;
    return good;
}

static void
test_options(void **state)
{
    struct got g;

    (void)state;
    assert_true(read_args(&g, "a --value 1 --flag b"));
    assert_true(g.flag && !g.json);
    assert_string_equal(g.value, "1");
    assert_string_equal(g.words[0], "a");
    assert_string_equal(g.words[1], "b");
    assert_true(read_args(&g, "--value=x=y a --json"));
    assert_true(g.json && !g.flag);
    assert_string_equal(g.value, "x=y");
    assert_null(g.words[1]);
    assert_true(read_args(&g, "--value --flag -"));
    assert_false(g.flag);
    assert_string_equal(g.value, "--flag");
    assert_string_equal(g.words[0], "-");
    assert_true(read_args(&g, "-- --flag"));
    assert_false(g.flag);
    assert_string_equal(g.words[0], "--flag");
}

static void
test_refused(void **state)
{
    static const char *const lines[] = {"",          "--flag",    "a b c",      "a --nosuch",
                                        "a --val 1", "a --value", "a --flag=1", "a --values=1"};
    struct got g;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_false(read_args(&g, lines[i]));
}

static void
test_number(void **state)
{
    struct ctl c = {.cmd = "test"};
    int64_t n;

    (void)state;
    assert_true(ctl_number(&c, "--n", "7", 1, 7, &n));
    assert_int_equal(n, 7);
    assert_false(ctl_number(&c, "--n", "8", 1, 7, &n));
    assert_false(ctl_number(&c, "--n", "0", 1, 7, &n));
    assert_false(ctl_number(&c, "--n", "7x", 1, 7, &n));
    assert_false(ctl_number(&c, "--n", "", 1, 7, &n));
}

static int
seven(struct ctl *c, int argc, char **argv)
{
    (void)c;
    (void)argv;
    return 7 + argc;
}

static void
test_sub(void **state)
{
    static const struct ctl_cmd cmds[] = {{"seven", "", "", "", seven}, {0}};
    struct ctl c = {.cmd = "test"};
    char name[] = "seven";
    char word[] = "x";
    char part[] = "sev";
    char *argv[] = {name, word, NULL};
    char *other[] = {part, NULL};

    (void)state;
    assert_int_equal(ctl_sub(&c, cmds, 2, argv), 8);
    assert_int_equal(ctl_sub(&c, cmds, 1, other), APP_USAGE);
    assert_int_equal(ctl_sub(&c, cmds, 0, argv), APP_USAGE);
}

static void
test_codes(void **state)
{
    struct ctl c = {.cmd = "test"};

    (void)state;
    err_set(&c.e, RES_RETRY, "x");
    assert_int_equal(ctl_failed(&c), APP_UNAVAILABLE);
    err_clear(&c.e);
    err_set(&c.e, RES_FATAL, "x");
    assert_int_equal(ctl_failed(&c), APP_CONFIG);
    err_clear(&c.e);
    err_set(&c.e, RES_REJECT, "x");
    assert_int_equal(ctl_failed(&c), APP_BUG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options), cmocka_unit_test(test_refused), cmocka_unit_test(test_number),
        cmocka_unit_test(test_sub),     cmocka_unit_test(test_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
