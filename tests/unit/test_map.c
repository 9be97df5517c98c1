/* map: the template that is in the tree and others, good and bad, against forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/json/scan.h"
#include "workers/integrator/map.c"

static enum res
load(const char *text, struct map **m, struct err *e)
{
    char file[] = "/tmp/test_map.XXXXXX";
    int fd = mkstemp(file);
    enum res res;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    err_clear(e);
    res = map_load(file, m, e);
    unlink(file);
    return res;
}

static void
renders(void **state)
{
    static const struct {
        const char *badan, *form, *want;
    } row[] = {
        {"{\"x\":{\"$\":\"/a\"}}", "{\"a\": 1.50 }", "{\"x\":1.50}"}, /* the very bytes */
        {"{\"x\":{\"$\":\"/a\"}}", "{\"b\":1}", "{}"},
        {"{\"x\":{\"$\":\"/a\"},\"y\":{\"$\":\"/b\"}}", "{\"b\":1}", "{\"y\":1}"},
        {"{\"x\":{\"$\":\"/a\"},\"y\":{\"$\":\"/a\"}}", "{\"a\":null}", "{\"x\":null,\"y\":null}"},
        {"{\"o\":{\"x\":{\"$\":\"/a\"}},\"z\":{\"$\":\"/b\"}}", "{\"a\":\"q\\n\",\"b\":[1, {}]}",
         "{\"o\":{\"x\":\"q\\n\"},\"z\":[1, {}]}"},
        {"{\"o\":{\"x\":{\"$\":\"/a\"}},\"z\":{\"$\":\"/b\"}}", "{}", "{\"o\":{}}"},
        {"{\"u\":{\"ctx\":\"url\"},\"x\":{\"$\":\"/a\"}}", "{\"a\":2}", "{\"u\":\"h\\\"x\",\"x\":2}"},
        {"{\"u\":{\"ctx\":\"unknown\"},\"x\":{\"$\":\"/a\"}}", "{\"a\":2}", "{\"x\":2}"},
        {"{\"u\":{\"ctx\":\"null\"}}", "{}", "{}"},
        {"{}", "{\"a\":2}", "{}"},
        {"{\"x\":{\"$\":\"/a\"}}", "{\"\\u0061\":3}", "{\"x\":3}"},
    };
    const struct map_ctx ctx[] = {{"url", STR("h\"x")}, {"null", STR_NULL}, {NULL, STR_NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct buf out = buf_make(1000);
        struct err e = {0};
        struct map *m;
        char text[300];

        snprintf(text, sizeof text, "{\"badan\":%s}", row[i].badan);
        assert_int_equal(load(text, &m, &e), RES_OK);
        map_render(m, str_of(row[i].form), ctx, &out);
        assert_string_equal(out.p, row[i].want);
        assert_int_equal(scan_document(buf_view(&out), NULL), RES_OK);
        buf_free(&out);
        map_free(m);
    }
    map_free(NULL);
}

static void
refuses(void **state)
{
    static const char *const text[] = {
        "",
        "[]",
        "{}",
        "{\"badan\":[]}",
        "{\"badan\":{\"x\":1}}",
        "{\"badan\":{\"x\":null}}",
        "{\"badan\":{\"x\":{\"$\":\"a\"}}}",
        "{\"badan\":{\"x\":{\"$\":\"/a/b\"}}}",
        "{\"badan\":{\"x\":{\"$\":\"\"}}}",
        "{\"badan\":{\"x\":{\"$\":\"/a\"},\"x\":{\"$\":\"/b\"}}}",
        "{\"badan\":{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{}}}}}}}}}}",
    };
    struct err e = {0};
    struct map *m;

    (void)state;
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        if (load(text[i], &m, &e) != RES_FATAL)
            fail_msg("%s is taken", text[i]);
        assert_null(m);
        assert_true(e.text[0]);
    }
    err_clear(&e);
    assert_int_equal(map_load("/nonexistent/map.json", &m, &e), RES_FATAL);
    assert_non_null(strstr(e.text, "/nonexistent/map.json"));
}

static void
more_than_there_is_room_for(void **state)
{
    struct buf text = buf_make(1 << 16);
    struct err e = {0};
    struct map *m;

    (void)state;
    for (int n = 64; n <= 65; n++) {
        buf_reset(&text);
        buf_z(&text, "{\"badan\":{");
        for (int i = 0; i < n; i++)
            buf_printf(&text, "%s\"x%d\":{\"$\":\"/a%d\"}", i ? "," : "", i, i);
        buf_z(&text, "}}");
        assert_int_equal(load(text.p, &m, &e), n == 64 ? RES_OK : RES_FATAL);
        map_free(m);
    }
    buf_free(&text);
}

static char *
slurp(const char *path)
{
    char *z = calloc(1, 1 << 16);
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    assert_true(fread(z, 1, (1 << 16) - 1, f) > 0);
    fclose(f);
    return z;
}

/* The template of the tree on the example form: a JSON text with what the endpoint asks for. */
static void
the_tree_s_own(void **state)
{
    const struct map_ctx ctx[] = {{"url_callback", STR("https://x.example/cb")}, {NULL, STR_NULL}};
    char *form = slurp("schemas/examples/selesai.json");
    struct buf out = buf_make(1 << 16);
    struct err e = {0};
    struct map *m;
    struct str body;

    (void)state;
    if (map_load("schemas/integrasi.map.json", &m, &e) != RES_OK)
        fail_msg("%s", e.text);
    map_render(m, str_of(form), ctx, &out);
    body = buf_view(&out);
    assert_int_equal(scan_document(body, &e), RES_OK);
    assert_true(str_eq(scan_get(body, "nomor_permohonan"), scan_get(str_of(form), "nomor_permohonan")));
    assert_true(str_eq(scan_get(scan_get(body, "sistem"), "nama"), scan_get(str_of(form), "nama_sistem")));
    assert_true(str_is(scan_get(body, "url_callback"), "\"https://x.example/cb\""));
    buf_free(&out);
    map_free(m);
    free(form);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders),
        cmocka_unit_test(refuses),
        cmocka_unit_test(more_than_there_is_room_for),
        cmocka_unit_test(the_tree_s_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
