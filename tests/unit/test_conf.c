/* conf: every type and its bounds, what is refused and how it is named, secrets, the environment, the sample. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/conf.h"
#include "tests/unit/alloc.h"
#include "tests/unit/folder.h"

struct settings {
    const char *text;
    const char *needed;
    const char *secret;
    const char *dotted;
    int64_t number;
    int64_t free_number;
    bool flag;
    int64_t wait;
    int64_t size;
    int64_t mode;
    int64_t pin;
};

#define AT(member) offsetof(struct settings, member)
static const struct conf_key main_keys[] = {
    {"main", "text", CONF_STR, AT(text), "hello", CONF_RELOAD, NULL, 0, 0, "A text."},
    {"main", "needed", CONF_STR, AT(needed), NULL, CONF_REQUIRED, NULL, 0, 0, "Where it is."},
    {"main", "number", CONF_INT, AT(number), "3", 0, NULL, 1, 10, "A number."},
    {"main", "free_number", CONF_INT, AT(free_number), "0", 0, NULL, 0, 0, "Any number."},
    {"main", "flag", CONF_BOOL, AT(flag), "no", 0, NULL, 0, 0, "Yes or no."},
    {"main", "wait", CONF_MS, AT(wait), "10s", 0, NULL, 0, 86400000, "How long."},
    {NULL, NULL, 0, 0, NULL, 0, NULL, 0, 0, NULL}};
static const struct conf_key more_keys[] = {
    {"more", "size", CONF_BYTES, AT(size), "64k", 0, NULL, 1, INT64_C(1) << 40, "How much."},
    {"more", "mode", CONF_ENUM, AT(mode), "live", 0, "live|shadow|off", 0, 0, "Which."},
    {"lib", "secret", CONF_STR, AT(secret), NULL, CONF_SECRET, NULL, 0, 0, "A word."},
    {"lib", "pin", CONF_INT, AT(pin), "1", CONF_SECRET, NULL, 0, 9999, "A number to hide."},
    {"lib", "with.dot", CONF_STR, AT(dotted), "", 0, NULL, 0, 0, "A name with a point."},
    {NULL, NULL, 0, 0, NULL, 0, NULL, 0, 0, NULL}};
static const char *const others[] = {"sibling", NULL};

/* What one load gives, and the file it reads. */
struct load {
    struct settings set;
    struct conf_pass pass[2];
    struct conf_table tables[3];
    struct conf_spec spec;
    struct conf *conf;
    struct err e;
    struct folder dir;
    char file[256];
};

static int
setup(void **state)
{
    static struct load l;

    l = (struct load){.pass = {{.section = "lib"}, {.section = NULL}}};
    l.tables[0] = (struct conf_table){main_keys, &l.set};
    l.tables[1] = (struct conf_table){more_keys, &l.set};
    l.spec = (struct conf_spec){"TCONF", l.tables, l.pass, others};
    folder_make(&l.dir);
    snprintf(l.file, sizeof l.file, "%s", folder_in(&l.dir, "conf"));
    *state = &l;
    return 0;
}

static int
teardown(void **state)
{
    static const char *const env[] = {"TCONF_MAIN_TEXT",       "TCONF_MAIN_NUMBER", "TCONF_LIB_SECRET",
                                      "TCONF_LIB_SECRET_FILE", "TCONF_LIB_A_B",     "TCONF_LIB_WITH_DOT",
                                      "TCONF_MAIN_NEEDED"};
    struct load *l = *state;

    conf_free(l->conf);
    for (size_t i = 0; i < sizeof env / sizeof *env; i++)
        unsetenv(env[i]);
    folder_remove(&l->dir);
    return 0;
}

static enum res
load(struct load *l, const char *text)
{
    conf_free(l->conf);
    err_clear(&l->e);
    folder_write(&l->dir, "conf", str_of(text), 0600);
    return conf_load(&l->spec, l->file, &l->conf, &l->e);
}

#define NEEDED "[main]\nneeded = x\n"

/* ---- what is taken ---------------------------------------------------------------------------------------------- */

static void
defaults(void **state)
{
    struct load *l = *state;

    assert_int_equal(load(l, NEEDED), RES_OK);
    assert_string_equal(l->set.text, "hello");
    assert_string_equal(l->set.needed, "x");
    assert_null(l->set.secret);
    assert_true(l->set.number == 3 && !l->set.flag && l->set.wait == 10000 && l->set.size == 65536);
    assert_true(l->set.mode == 0 && l->set.pin == 1);
    assert_string_equal(l->set.dotted, "");
}

/* One setting in [main] or [more] and what it becomes; NULL text: refused, with these words. */
struct value {
    const char *line;
    size_t at;
    int64_t want;
    const char *why;
};

static void
values(void **state)
{
    static const struct value row[] = {
        {"number=1", AT(number), 1, NULL},
        {"number = 10 ", AT(number), 10, NULL},
        {"number=0", 0, 0, "[main] number must be between 1 and 10, not 0"},
        {"number=11", 0, 0, "[main] number must be between 1 and 10, not 11"},
        {"number=", 0, 0, "[main] number must be a whole number, not \"\""},
        {"number=3x", 0, 0, "[main] number must be a whole number, not \"3x\""},
        {"number=3 # three", 0, 0, "[main] number must be a whole number, not \"3 # three\""},
        {"number=0x3", 0, 0, "a whole number"},
        {"number=3.0", 0, 0, "a whole number"},
        {"number=99999999999999999999", 0, 0, "a whole number"},
        {"free_number=-9223372036854775808", AT(free_number), INT64_MIN, NULL},
        {"free_number=9223372036854775807", AT(free_number), INT64_MAX, NULL},
        {"wait=0", AT(wait), 0, NULL},
        {"wait=0s", AT(wait), 0, NULL},
        {"wait=250ms", AT(wait), 250, NULL},
        {"wait=2s", AT(wait), 2000, NULL},
        {"wait=3 m", AT(wait), 180000, NULL},
        {"wait=4H", AT(wait), 14400000, NULL},
        {"wait=1d", AT(wait), 86400000, NULL},
        {"wait=2d", 0, 0, "[main] wait must be between 0 and 86400000"},
        {"wait=10", 0, 0, "[main] wait must be a time such as"},
        {"wait=-1s", 0, 0, "a time such as"},
        {"wait=1.5s", 0, 0, "a time such as"},
        {"wait=1s2", 0, 0, "a time such as"},
        {"wait=1w", 0, 0, "a time such as"},
        {"wait=s", 0, 0, "a time such as"},
        {"wait=106751991168d", 0, 0, "a time such as"}, /* beyond 64 bits */
        {"[more]\nsize=1", AT(size), 1, NULL},
        {"[more]\nsize=64k", AT(size), 65536, NULL},
        {"[more]\nsize=2M", AT(size), 2097152, NULL},
        {"[more]\nsize=3 g", AT(size), INT64_C(3221225472), NULL},
        {"[more]\nsize=0", 0, 0, "[more] size must be between 1 and"},
        {"[more]\nsize=1kb", 0, 0, "a size such as"},
        {"[more]\nsize=9223372036854775807k", 0, 0, "a size such as"},
        {"[more]\nmode=live", AT(mode), 0, NULL},
        {"[more]\nmode=shadow", AT(mode), 1, NULL},
        {"[more]\nmode=off", AT(mode), 2, NULL},
        {"[more]\nmode=sha", 0, 0, "[more] mode must be live|shadow|off, not \"sha\""},
        {"[more]\nmode=live|shadow", 0, 0, "live|shadow|off"},
        {"[more]\nmode=", 0, 0, "live|shadow|off"},
        {"[more]\nmode=Live", 0, 0, "live|shadow|off"},
    };
    struct load *l = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char text[200];
        enum res res;

        snprintf(text, sizeof text, NEEDED "%s\n", row[i].line);
        res = load(l, text);
        if (res != (row[i].why ? RES_FATAL : RES_OK) || (row[i].why && !strstr(l->e.text, row[i].why)))
            fail_msg("%s: %s: %s", row[i].line, res_name(res), l->e.text);
        if (!row[i].why)
            assert_true(*(int64_t *)(void *)((char *)&l->set + row[i].at) == row[i].want);
    }
}

static void
flags(void **state)
{
    static const char *const yes[] = {"true", "yes", "on", "1", "TRUE", "Yes"};
    static const char *const no[] = {"false", "no", "off", "0", "FALSE", "No"};
    static const char *const neither[] = {"", "2", "y", "true ;", "enabled"};
    struct load *l = *state;
    char text[80];

    for (int i = 0; i < 6; i++) {
        snprintf(text, sizeof text, NEEDED "flag=%s\n", yes[i]);
        assert_int_equal(load(l, text), RES_OK);
        assert_true(l->set.flag);
        snprintf(text, sizeof text, NEEDED "flag=%s\n", no[i]);
        assert_int_equal(load(l, text), RES_OK);
        assert_false(l->set.flag);
    }
    for (int i = 0; i < 5; i++) {
        snprintf(text, sizeof text, NEEDED "flag=%s\n", neither[i]);
        assert_int_equal(load(l, text), RES_FATAL);
        assert_non_null(strstr(l->e.text, "[main] flag must be true or false"));
    }
}

static void
text_is_kept_whole(void **state)
{
    struct load *l = *state;

    assert_int_equal(
        load(l, "# a comment\n; another\n\n  [main]  \r\n\t needed = a # b ; c = d \t\r\n"
                "  # indented comment\n"
                "text = \"quotes stay\"\n[sibling]\nanything = goes\n[more]\nsize=1\n[main]\nnumber=4"),
        RES_OK);
    assert_string_equal(l->set.needed, "a # b ; c = d");
    assert_string_equal(l->set.text, "\"quotes stay\"");
    assert_true(l->set.size == 1 && l->set.number == 4);
}

/* ---- what is refused -------------------------------------------------------------------------------------------- */

static void
refusals(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } row[] = {
        {"", "[main] needed is required: Where it is."},
        {"[main]\nneeded=\n", "[main] needed is required: Where it is."},
        {NEEDED "typo = 1\n", "line 3: unknown setting [main] typo"},
        {NEEDED "Text = 1\n", "unknown setting [main] Text"},
        {NEEDED "[typo]\n", "line 3: unknown section [typo]"},
        {NEEDED "needed = y\n", "line 3: [main] needed is given twice"},
        {NEEDED "[more]\nsize=1\n[main]\nneeded=x\n", "line 6: [main] needed is given twice"},
        {NEEDED "[lib]\na.b=1\na.b=2\n", "line 5: [lib] a.b is given twice"},
        {NEEDED "text_file = /etc/hostname\n", "unknown setting [main] text_file"},
        {"needed = x\n", "line 1: neither [section] nor key = value: needed = x"},
        {NEEDED "= 1\n", "neither [section] nor key = value"},
        {NEEDED "words\n", "neither [section] nor key = value: words"},
        {NEEDED "[more\n", "not a [section]: [more"},
        {NEEDED "[more] # x\n", "not a [section]"},
        {NEEDED "[]\n", "not a [section]"},
        {NEEDED "[a-section-name-that-is-longer-than-what-there-is-room-for-in-here]\n", "not a [section]"},
        {"[sibling]\nx\n" NEEDED, "neither [section] nor key = value"},
    };
    struct load *l = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        enum res res = load(l, row[i].text);

        if (res != RES_FATAL || !strstr(l->e.text, row[i].why))
            fail_msg("%s: %s: \"%s\" without \"%s\"", row[i].text, res_name(res), l->e.text, row[i].why);
        assert_null(l->conf);
    }
}

static void
files_that_are_none(void **state)
{
    static const char nul[] = "[main]\nneeded=x\0y\n";
    struct load *l = *state;

    assert_int_equal(conf_load(&l->spec, "/nonexistent/conf", &l->conf, &l->e), RES_FATAL);
    assert_non_null(strstr(l->e.text, "cannot read /nonexistent/conf: No such file"));
    err_clear(&l->e);
    assert_int_equal(conf_load(&l->spec, l->dir.path, &l->conf, &l->e), RES_FATAL);
    assert_non_null(strstr(l->e.text, "Is a directory"));
    err_clear(&l->e);
    folder_write(&l->dir, "conf", (struct str){nul, sizeof nul - 1}, 0600);
    assert_int_equal(conf_load(&l->spec, l->file, &l->conf, &l->e), RES_FATAL);
    assert_non_null(strstr(l->e.text, "line 2: holds a NUL byte"));
    setenv("TCONF_MAIN_NEEDED", "here", 1);
    err_clear(&l->e);
    assert_int_equal(conf_load(&l->spec, NULL, &l->conf, &l->e), RES_OK);
    assert_string_equal(l->set.needed, "here");
}

/* ---- secrets ---------------------------------------------------------------------------------------------------- */

static void
secrets(void **state)
{
    struct load *l = *state;
    char path[300];
    char text[500];

    snprintf(path, sizeof path, "%s.secret", l->file);
    folder_write(&l->dir, "conf.secret", STR("s3 cret;#\r\nsecond line\n"), 0600);
    snprintf(text, sizeof text, NEEDED "[lib]\nsecret_file = %s\n", path);
    assert_int_equal(load(l, text), RES_OK);
    assert_string_equal(l->set.secret, "s3 cret;#");
    snprintf(text, sizeof text, NEEDED "[lib]\nsecret_file = %s\nsecret = x\n", path);
    assert_int_equal(load(l, text), RES_FATAL);
    assert_non_null(strstr(l->e.text, "[lib] secret is given twice"));
    folder_write(&l->dir, "conf.secret", STR(""), 0600);
    setenv("TCONF_LIB_SECRET_FILE", path, 1);
    assert_int_equal(load(l, NEEDED), RES_FATAL);
    assert_non_null(strstr(l->e.text, "[lib] secret_file"));
    assert_non_null(strstr(l->e.text, "is empty or too long"));
    folder_write(&l->dir, "conf.secret", STR("from file"), 0600);
    assert_int_equal(load(l, NEEDED "[lib]\nsecret=from conf\n"), RES_OK);
    assert_string_equal(l->set.secret, "from file");
    assert_int_equal(l->pass[0].n, 0); /* neither name is handed on */
    setenv("TCONF_LIB_SECRET", "from env", 1);
    assert_int_equal(load(l, NEEDED), RES_OK);
    assert_string_equal(l->set.secret, "from env");
    unlink(path);
    unsetenv("TCONF_LIB_SECRET");
    assert_int_equal(load(l, NEEDED), RES_FATAL);
    assert_non_null(strstr(l->e.text, "[lib] secret_file: cannot read"));
}

static void
secrets_are_not_told(void **state)
{
    struct load *l = *state;

    assert_int_equal(load(l, NEEDED "[lib]\npin=hunter2\n"), RES_FATAL);
    assert_null(strstr(l->e.text, "hunter2"));
    assert_int_equal(load(l, NEEDED "[lib]\npin=77777\n"), RES_FATAL);
    assert_non_null(strstr(l->e.text, "[lib] pin must be between 0 and 9999"));
    assert_null(strstr(l->e.text, "77777"));
}

/* ---- environment, passing on ------------------------------------------------------------------------------------ */

static const char *
passed(const struct load *l, const char *name)
{
    for (size_t i = 0; i < l->pass[0].n; i++)
        if (strcmp(l->pass[0].pairs[i].name, name) == 0)
            return l->pass[0].pairs[i].value;
    return NULL;
}

static void
environment_wins(void **state)
{
    struct load *l = *state;

    setenv("TCONF_MAIN_TEXT", "env", 1);
    setenv("TCONF_MAIN_NUMBER", "9", 1);
    setenv("TCONF_LIB_A_B", "env", 1);
    setenv("TCONF_LIB_WITH_DOT", "dotted", 1);
    assert_int_equal(load(l, NEEDED "text=file\nnumber=2\n[lib]\na.b=file\nc.d=x=y # z\n"), RES_OK);
    assert_string_equal(l->set.text, "env");
    assert_int_equal(l->set.number, 9);
    assert_string_equal(l->set.dotted, "dotted");
    assert_string_equal(passed(l, "a.b"), "env");
    assert_string_equal(passed(l, "c.d"), "x=y # z");
    assert_int_equal(l->pass[0].n, 2); /* what a table knows is not handed on */
    setenv("TCONF_MAIN_NUMBER", "nine", 1);
    assert_int_equal(load(l, NEEDED), RES_FATAL);
    assert_non_null(strstr(l->e.text, "[main] number must be a whole number, not \"nine\""));
    assert_int_equal(l->pass[0].n, 0);
}

/* ---- sample, lists ---------------------------------------------------------------------------------------------- */

/* The sample as it is gives the defaults; with each setting's # taken away too. */
static void
sample_parses_back(void **state)
{
    struct load *l = *state;
    struct buf sample = buf_make(1 << 16);

    conf_sample(&l->spec, &sample);
    assert_false(sample.failed);
    assert_non_null(strstr(sample.p, "#number = 3\n"));
    assert_non_null(strstr(sample.p, "a whole number, 1 to 10"));
    assert_non_null(strstr(sample.p, "one of live|shadow|off"));
    assert_non_null(strstr(sample.p, "better secret_file = PATH"));
    assert_non_null(strstr(sample.p, "; required\n"));
    assert_non_null(strstr(sample.p, "re-read on SIGHUP"));
    setenv("TCONF_MAIN_NEEDED", "x", 1);
    assert_int_equal(load(l, sample.p), RES_OK);
    assert_true(l->set.number == 3 && l->set.size == 65536);
    for (char *z = sample.p; (z = strchr(z, '\n')); z++)
        if (z[1] == '#' && z[2] != ' ')
            z[1] = ' ';
    if (load(l, sample.p) != RES_OK)
        fail_msg("%s", l->e.text);
    assert_string_equal(l->set.text, "hello");
    assert_true(l->set.number == 3 && l->set.wait == 10000 && l->set.size == 65536 && l->set.mode == 0);
    buf_free(&sample);
}

static void
lists(void **state)
{
    char text[] = " a, b\tc,,d ";
    char none[] = " , ";
    char *got[3];

    (void)state;
    assert_int_equal(conf_count(text), 4);
    assert_int_equal(conf_count(none), 0);
    assert_int_equal(conf_count(NULL), 0);
    assert_int_equal(conf_list(text, got, 3), 3);
    assert_string_equal(got[0], "a");
    assert_string_equal(got[1], "b");
    assert_string_equal(got[2], "c");
    assert_int_equal(conf_list(none, got, 3), 0);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static struct load *shared;

static bool
load_once(void)
{
    struct load *l = shared;
    bool ok;

    err_clear(&l->e);
    ok = conf_load(&l->spec, l->file, &l->conf, &l->e) == RES_OK;
    if (ok) { /* never half of it */
        assert_string_equal(l->set.text, "file");
        assert_string_equal(l->set.secret, "word");
        assert_string_equal(passed(l, "a.b"), "env");
        assert_string_equal(passed(l, "c.d"), "2");
    } else {
        assert_null(l->conf);
        assert_true(l->e.text[0]);
    }
    conf_free(l->conf);
    l->conf = NULL;
    return ok;
}

static void
memory_runs_out(void **state)
{
    struct load *l = *state;
    char path[300];
    char text[500];

    if (!ALLOC_SEAM)
        skip();
    snprintf(path, sizeof path, "%s.secret", l->file);
    folder_write(&l->dir, "conf.secret", STR("word\n"), 0600);
    setenv("TCONF_LIB_A_B", "env", 1);
    snprintf(text, sizeof text, NEEDED "text=file\n[lib]\na.b=1\nc.d=2\nsecret_file=%s\n", path);
    folder_write(&l->dir, "conf", str_of(text), 0600);
    shared = l;
    alloc_loop(load_once);
    unlink(path);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(defaults),
        T(values),
        T(flags),
        T(text_is_kept_whole),
        T(refusals),
        T(files_that_are_none),
        T(secrets),
        T(secrets_are_not_told),
        T(environment_wins),
        T(sample_parses_back),
        T(lists),
        T(memory_runs_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
