#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/uri.h"

static void
paths(void **state)
{
    static const struct {
        const char *raw;
        const char *path; /* NULL: refused */
        unsigned segs;
    } row[] = {{"/", "/", 1},
               {"/a/b", "/a/b", 2},
               {"/a%2Fb/c", "/a/b/c", 2},
               {"/a/", "/a/", 2},
               {"/%7ex%C3%A9", "/~x\xc3\xa9", 1},
               {"http://h:1/a?b", "/a", 1},
               {"http://h", "/", 1},
               {"/a+b", "/a+b", 1},
               {"/a%00b", NULL, 0},
               {"/a%zz", NULL, 0},
               {"/a%2", NULL, 0},
               {"*", NULL, 0},
               {"", NULL, 0},
               {"a/b", NULL, 0},
               {"/a?x=%zz", "/a", 1}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct uri u;
        bool ok = uri_parse(&u, row[i].raw);

        assert_int_equal(ok, row[i].path != NULL);
        if (ok) {
            assert_true(str_is(u.path, row[i].path));
            assert_int_equal(u.segs, row[i].segs);
        }
        uri_free(&u);
    }
}

static void
matches(void **state)
{
    static const struct {
        const char *raw;
        const char *pattern;
        bool want;
        const char *took;
    } row[] = {{"/v1/x/review", "/v1/{}/review", true, "x"},
               {"/v1/a%2Fb/review", "/v1/{}/review", true, "a/b"},
               {"/v1//review", "/v1/{}/review", false, ""},
               {"/v1/x/review/", "/v1/{}/review", false, ""},
               {"/v1/x", "/v1/{}/review", false, ""},
               {"/v1/x/y", "/v1/{}", false, ""},
               {"/", "/", true, NULL},
               {"/x", "/", false, ""},
               {"/v1/x/", "/v1/{}", false, ""},
               {"/v1", "/v1", true, NULL},
               {"/0/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/x", "/0/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/x", false, ""}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct uri u;
        unsigned char took[URI_SEGS];

        assert_true(uri_parse(&u, row[i].raw));
        assert_int_equal(uri_match(&u, row[i].pattern, took), row[i].want);
        if (row[i].want && row[i].took)
            assert_true(str_is(u.seg[took[0]], row[i].took));
        uri_free(&u);
    }
}

static void
queries(void **state)
{
    struct uri u;

    (void)state;
    assert_true(uri_parse(&u, "/p?a=1&b=x%26y+z&&c&a=2&d=&e=%zz&=q"));
    assert_true(str_is(uri_query(&u, "a"), "1"));
    assert_true(str_is(uri_query(&u, "b"), "x&y z"));
    assert_int_equal(uri_query(&u, "c").n, 0);
    assert_non_null(uri_query(&u, "d").p);
    assert_int_equal(uri_query(&u, "d").n, 0);
    assert_true(str_is(uri_query(&u, "e"), "%zz"));
    assert_null(uri_query(&u, "f").p);
    uri_free(&u);
    assert_true(uri_parse(&u, "/p?"));
    assert_null(uri_query(&u, "a").p);
    uri_free(&u);
}

/* Each byte, its unreserved ones as they are, comes back by decoding. */
static void
encoded(void **state)
{
    struct buf b = buf_make(1024);
    struct uri u;

    (void)state;
    uri_encode(&b, STR("aZ09-._~ /?%+&=\xc3\xa9"));
    assert_string_equal(b.p, "aZ09-._~%20%2F%3F%25%2B%26%3D%C3%A9");
    buf_reset(&b);
    buf_z(&b, "/p?v=");
    for (int c = 1; c < 256; c++)
        uri_encode(&b, (struct str){(const char[]){(char)c}, 1});
    assert_true(uri_parse(&u, b.p));
    assert_int_equal(uri_query(&u, "v").n, 255);
    for (int c = 1; c < 256; c++)
        assert_int_equal((unsigned char)uri_query(&u, "v").p[c - 1], c);
    uri_free(&u);
    buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(matches),
        cmocka_unit_test(queries),
        cmocka_unit_test(encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
