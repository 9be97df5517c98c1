/* What needs no database of common/pg/migrate.c: names, heads, and folders that are refused before anything is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/pg/migrate.h"

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

/* ---- folders ---------------------------------------------------------------------------------------------------- */

static int
set_up(void **state)
{
    char *dir = strdup("/tmp/test_migrate.XXXXXX");

    *state = dir;
    return dir && mkdtemp(dir) ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int
tear_down(void **state)
{
    int r = nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);

    free(*state);
    return r;
}

static void
put(const char *dir, const char *name, const char *text, size_t n)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
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
    const char *dir = *state;

    refused("/nonexistent/folder", "cannot read");
    refused(dir, "no NNNN_name.sql");
    put(dir, "README.md", "x", 1);
    refused(dir, "no NNNN_name.sql");
    put(dir, "0002_b.sql", "", 0);
    refused(dir, "number 0001 is missing");
    put(dir, "0001_a.sql", "", 0);
    put(dir, "0004_d.sql", "", 0);
    refused(dir, "number 0003 is missing");
    put(dir, "0003_c.sql", "", 0);
    put(dir, "0003_other.sql", "", 0);
    refused(dir, "number 0003 is there twice");
}

static void
test_nul(void **state)
{
    put(*state, "0001_a.sql", "select\0 1", 9);
    refused(*state, "NUL");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_oldest),
        cmocka_unit_test_setup_teardown(test_folders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nul, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
