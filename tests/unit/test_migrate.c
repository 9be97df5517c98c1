/* What needs no database of common/pg/migrate.c: names, heads, and folders that are refused before anything is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/pg/migrate.h"
#include "tests/unit/folder.h"

static void
test_names(void **state)
{
    static const struct {
        const char *file;
        int number; /* 0: not a migration */
        const char *name;
    } cases[] = {{"0001_mechanism.sql", 1, "mechanism"},
                 {"0042_a.sql", 42, "a"},
                 {"9999_x-Y_2.sql", 9999, "x-Y_2"},
                 {"0000_x.sql", 0, NULL},
                 {"0001_.sql", 0, NULL},
                 {"001_x.sql", 0, NULL},
                 {"00001_x.sql", 0, NULL},
                 {"0001-x.sql", 0, NULL},
                 {"0001_x.sql~", 0, NULL},
                 {"0001_x.SQL", 0, NULL},
                 {"0001_x y.sql", 0, NULL},
                 {".0001_x.sql", 0, NULL},
                 {"+001_x.sql", 0, NULL},
                 {"README.md", 0, NULL},
                 {"", 0, NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str name;
        int number;
        bool good = migrate_file_name(cases[i].file, &number, &name);

        assert_int_equal(good, cases[i].number > 0);
        assert_int_equal(number, cases[i].number);
        if (good)
            assert_true(str_is(name, cases[i].name));
    }
}

static void
test_oldest(void **state)
{
    (void)state;
    assert_true(str_is(migrate_oldest(STR("-- oldest program: 0.1\ncreate")), "0.1"));
    assert_true(str_is(migrate_oldest(STR("-- oldest program:1.2.3 \r\n")), "1.2.3"));
    assert_true(str_is(migrate_oldest(STR("-- oldest program: 2")), "2"));
    assert_int_equal(migrate_oldest(STR("-- oldest program:\nx")).n, 0);
    assert_int_equal(migrate_oldest(STR("-- oldest program:")).n, 0);
    assert_int_equal(migrate_oldest(STR("create table x ();\n-- oldest program: 1")).n, 0);
    assert_int_equal(migrate_oldest(STR("")).n, 0);
}

static void
test_versions(void **state)
{
    static const struct {
        const char *a, *b;
        int cmp;
    } cases[] = {{"0.1", "0.1", 0},  {"0.9", "0.10", -1}, {"1", "0.10", 1},  {"1", "1.0", 0},
                 {"1.0.1", "1", 1},  {"", "0.1", -1},     {"2-rc1", "2", 0}, {"0.1", "99.10", -1},
                 {"0.01", "0.1", 0}, {"x", "", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str a = str_of(cases[i].a);
        struct str b = str_of(cases[i].b);
        int ab = migrate_version_cmp(a, b);
        int ba = migrate_version_cmp(b, a);

        assert_int_equal((ab > 0) - (ab < 0), cases[i].cmp);
        assert_int_equal((ba > 0) - (ba < 0), -cases[i].cmp);
    }
}

/* ---- folders ---------------------------------------------------------------------------------------------------- */

static int
set_up(void **state)
{
    static struct folder d;

    folder_make(&d);
    *state = &d;
    return 0;
}

static int
tear_down(void **state)
{
    folder_remove(*state);
    return 0;
}

/* A connection that does not exist shows that the folder is judged first. */
static void
refused(const char *dir, const char *why)
{
    struct migrate_opts opts = {.dir = dir, .schema = "x"};
    struct err e = {0};

    assert_int_equal(migrate_run(NULL, &opts, &e), RES_FATAL);
    if (!strstr(e.text, why))
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

static void
test_folders(void **state)
{
    const struct folder *d = *state;

    refused("/nonexistent/folder", "cannot read");
    refused(d->path, "no NNNN_name.sql");
    folder_write(d, "README.md", STR("x"), 0600);
    refused(d->path, "no NNNN_name.sql");
    folder_write(d, "0002_b.sql", STR(""), 0600);
    refused(d->path, "number 0001 is missing");
    folder_write(d, "0001_a.sql", STR(""), 0600);
    folder_write(d, "0004_d.sql", STR(""), 0600);
    refused(d->path, "number 0003 is missing");
    folder_write(d, "0003_c.sql", STR(""), 0600);
    folder_write(d, "0003_other.sql", STR(""), 0600);
    refused(d->path, "number 0003 is there twice");
}

static void
test_nul(void **state)
{
    const struct folder *d = *state;

    folder_write(d, "0001_a.sql", STR("select\0 1"), 0600);
    refused(d->path, "NUL");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_oldest),
        cmocka_unit_test(test_versions),
        cmocka_unit_test_setup_teardown(test_folders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nul, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
