/* file, csv: small files whole, and one line of comma separated values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/csv.h"
#include "common/base/file.h"

/* ---- files ------------------------------------------------------------------------------------------------------ */

/* A file of `n` bytes 'a', named in `path`. */
static void
make_file(char path[32], size_t n)
{
    FILE *f;
    int fd;

    snprintf(path, 32, "/tmp/bedelau-file-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    f = fdopen(fd, "wb");
    assert_non_null(f);
    while (n--)
        assert_int_equal(fputc('a', f), 'a');
    assert_int_equal(fclose(f), 0);
}

static void
read_whole(void **state)
{
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 100000};

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct err e = {0};
        char path[32];
        size_t n = 77;
        char *text;

        make_file(path, sizes[i]);
        text = file_read(path, 100000, &n, &e);
        assert_non_null(text);
        assert_int_equal(n, sizes[i]);
        assert_int_equal(strspn(text, "a"), n);
        assert_int_equal(text[n], 0);
        assert_string_equal(e.text, "");
        free(text);
        unlink(path);
    }
}

static void
most_bytes(void **state)
{
    static const size_t sizes[] = {1, 100, 20000};

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct err e = {0};
        char path[32];
        size_t n = 77;
        char *text;

        make_file(path, sizes[i]);
        text = file_read(path, sizes[i], &n, &e);
        assert_non_null(text);
        free(text);
        assert_null(file_read(path, sizes[i] - 1, &n, &e));
        assert_int_equal(n, 0);
        assert_int_equal(e.res, RES_FATAL);
        assert_non_null(strstr(e.text, path));
        assert_non_null(strstr(e.text, "has more than"));
        unlink(path);
    }
}

static void
cause_is_said(void **state)
{
    static const char *const t[][2] = {{"/nonexistent/file", "cannot read /nonexistent/file: No such file"},
                                       {"/tmp", "cannot read /tmp: Is a directory"}};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct err e = {0};
        size_t n = 77;

        assert_null(file_read(t[i][0], 100, &n, &e));
        assert_int_equal(n, 0);
        assert_int_equal(e.res, RES_FATAL);
        assert_memory_equal(e.text, t[i][1], strlen(t[i][1]));
    }
}

static void
rest_of_a_stream(void **state)
{
    char text[] = "one two";
    FILE *in = fmemopen(text, strlen(text), "rb");
    size_t n;
    char *got;

    (void)state;
    assert_non_null(in);
    for (int i = 0; i < 4; i++)
        fgetc(in);
    got = file_read_stream(in, "here", 3, &n, NULL);
    assert_non_null(got);
    assert_string_equal(got, "two");
    free(got);
    fclose(in); /* it was still open */
}

/* ---- csv -------------------------------------------------------------------------------------------------------- */

static void
fields_of_a_line(void **state)
{
    static const struct {
        const char *line;
        unsigned n; /* 0: refused */
        const char *fields[3];
    } cases[] = {{"a,b,c", 3, {"a", "b", "c"}},
                 {"a,b,", 3, {"a", "b", ""}},
                 {"a", 1, {"a"}},
                 {"", 1, {""}},
                 {",,", 3, {"", "", ""}},
                 {"\"a, b\",c", 2, {"a, b", "c"}},
                 {"\"a \"\"b\"\"\",\"\"", 2, {"a \"b\"", ""}},
                 {"\"\"\"\"", 1, {"\""}},
                 {"a,\"b\"", 2, {"a", "b"}},
                 {"a,b,c,d", 0, {0}},
                 {"a,b,c,", 0, {0}},
                 {"\"a", 0, {0}},
                 {"\"", 0, {0}},
                 {"\"a\"\"", 0, {0}},
                 {"\"a\"b,c", 0, {0}},
                 {"a\"b,c", 0, {0}}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].line);
        char *line = malloc(len ? len : 1); /* no NUL: the length alone counts */
        struct str fields[3];
        unsigned n;

        assert_non_null(line);
        memcpy(line, cases[i].line, len);
        n = csv_split(line, len, fields, 3, NULL);
        if (n != cases[i].n)
            fail_msg("%s: %u fields", cases[i].line, n);
        for (unsigned k = 0; k < n; k++)
            if (!str_is(fields[k], cases[i].fields[k]))
                fail_msg("%s: field %u is %.*s", cases[i].line, k, STR_FMT(fields[k]));
        free(line);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_whole),       cmocka_unit_test(most_bytes),
        cmocka_unit_test(cause_is_said),    cmocka_unit_test(rest_of_a_stream),
        cmocka_unit_test(fields_of_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
