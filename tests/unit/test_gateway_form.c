/* What the gateway looks at in a form, and the number it splices in. Programs are no library, so their files are taken
 * in whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json/scan.h"
#include "producers/gateway/form.c"    /* NOLINT(bugprone-suspicious-include) */
#include "producers/gateway/refusal.c" /* NOLINT(bugprone-suspicious-include) */
#include "workers/sop/names.h"

static void
test_splice(void **state)
{
    static const struct {
        const char *form, *want;
    } cases[] = {
        {"{}", "{\"nomor_permohonan\":\"BDL-2026-000001\"}"},
        {"{ \n }", "{\"nomor_permohonan\":\"BDL-2026-000001\" \n }"},
        {"{\"a\":1}", "{\"nomor_permohonan\":\"BDL-2026-000001\",\"a\":1}"},
        {" \t{\n  \"a\" : {\"b\":[]} ,\"c\":1.50}\r\n",
         " \t{\"nomor_permohonan\":\"BDL-2026-000001\",\n  \"a\" : {\"b\":[]} ,\"c\":1.50}\r\n"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = buf_make(1024);

        form_splice(str_of(cases[i].form), STR("BDL-2026-000001"), &out);
        assert_false(out.failed);
        assert_string_equal(out.p, cases[i].want);
        assert_int_equal(scan_document(buf_view(&out), NULL), RES_OK);
        buf_free(&out);
    }
}

static void
test_splice_without_room(void **state)
{
    struct buf out = buf_make(20);

    (void)state;
    form_splice(STR("{\"a\":1}"), STR("BDL-2026-000001"), &out);
    assert_true(out.failed);
    buf_free(&out);
}

static void
test_credentials(void **state)
{
    static const struct {
        const char *form;
        int status;
    } cases[] = {
        {"{\"nama_sistem\":\"token\",\"teknik\":{\"Nikah\":1,\"kata\":\"sandi\",\"pass\":[{\"unik\":2}]}}",
         0},
        {"{\"nama_sistem\":\"token\",\"a\":{\"password\":\"x\"}}", 422}, /* at any depth */
        {"{\"a\":[1,{\"b\":[{\"AccessToken\":1234}]}]}", 422},
        {"{\"password\":null}", 422},
        {"{\"DB_PASSWD\":\"1234\"}", 422},
        {"{\"KataSandi\":\"1234\"}", 422},
        {"{\"client-secret\":\"1234\"}", 422},
        {"{\"noNik\":\"1234\"}", 422},
        {"{\"NIK_pemohon\":\"1234\"}", 422},
        {"{\"a\":1,\"kata_sandi\":\"x\"}", 422},
        {"{\"secret\":{}}", 422},
        {"{\"token\":\"x\"}", 422},
        {"{\"n\\u0069k\":\"1234\"}", 422}, /* names are compared decoded */
        {"{\"nikah\":1}", 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct refusal r = {0};

        assert_int_equal(form_no_credentials(str_of(cases[i].form), &r), cases[i].status == 0);
        assert_int_equal(r.status, cases[i].status);
        assert_null(strstr(r.detail, "1234")); /* what was sent is never quoted */
    }
}

/* Each place is told, as a JSON Pointer, up to as many as there is room for. */
static void
test_places(void **state)
{
    struct str form =
        STR("{\"a/b~\":[0,{\"token\":\"1234\"}],\"x\":{\"secret\":{\"password\":1}},\"\":{\"n\\u0069k\":1}}");
    struct str many = STR("[{\"nik\":1},{\"nik\":1},{\"nik\":1},{\"nik\":1},{\"nik\":1},{\"nik\":1},{\"nik\":"
                          "1},{\"nik\":1},{\"nik\":1}]");
    struct refusal r = {0};
    struct buf deep = buf_make(4096);

    (void)state;
    assert_false(form_no_credentials(form, &r));
    assert_int_equal(r.places, 3);
    assert_string_equal(r.place[0], "/a~1b~0/1/token");
    assert_string_equal(r.place[1], "/x/secret");
    assert_string_equal(r.place[2], "//nik");
    refusal_under(&r, "/data");
    assert_int_equal(r.places, 3);
    assert_string_equal(r.place[2], "/data//nik");
    r = (struct refusal){0};
    assert_false(form_no_credentials(many, &r));
    assert_int_equal(r.places, REFUSAL_PLACES);
    r = (struct refusal){0};
    buf_printf(&deep, "{\"aa\":{\"%0*d\":{\"token\":1}}}", REFUSAL_PLACE_MAX, 0);
    assert_false(form_no_credentials(buf_view(&deep), &r));
    assert_string_equal(r.place[0], "/aa"); /* what does not fit is left out in whole parts */
    buf_free(&deep);
}

static void
test_count(void **state)
{
    static const struct {
        const char *raw;
        int64_t n;
    } cases[] = {{"1", 1},  {"1000000", 1000000}, {"1000001", 0}, {"0", 0},
                 {"-1", 0}, {"1.0", 0},           {"\"1\"", 0},   {"", 0}};

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t n;

        assert_int_equal(form_count(str_of(cases[i].raw), &n), cases[i].n > 0);
        assert_int_equal(n, cases[i].n);
    }
}

static void
test_check(void **state)
{
    char deep[300];
    struct refusal r = {0};

    (void)state;
    assert_true(form_check(STR("{\"a\":[1]}"), &r));
    assert_int_equal(r.status, 0);
    memset(deep, '[', 150);
    memset(deep + 150, ']', 150);
    const struct str bad[] = {
        STR(""), STR("{"), STR("[]"), STR("1"), STR("{\"a\":1,\"a\":2}"), {deep, sizeof deep}};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        r = (struct refusal){0};
        assert_false(form_check(bad[i], &r));
        assert_int_equal(r.status, 400);
    }
}

static void
test_nomor(void **state)
{
    static const struct {
        const char *nomor;
        bool good;
    } cases[] = {{"BDL-2026-000001", true},
                 {"2.15.01-DEMO-001", true},
                 {"A1B", true},
                 {"AB", false},
                 {"-AB", false},
                 {".AB", false},
                 {"AbC", false},
                 {"A B", false},
                 {"A/B", false},
                 {"", false}};
    char longest[66];

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(nomor_ok(str_of(cases[i].nomor)), cases[i].good);
    memset(longest, 'A', sizeof longest);
    assert_true(nomor_ok((struct str){longest, 64}));
    assert_false(nomor_ok((struct str){longest, 65}));
}

static void
test_text(void **state)
{
    struct str form = STR("{\"a\":\"x\\u0041y\",\"b\":\"plain\",\"c\":3,\"d\":\"2\\u002f3\"}");
    struct buf store = buf_make(64);
    struct str a = form_text(form, "a", &store);
    struct str d = form_text(form, "d", &store);

    (void)state;
    assert_true(str_is(a, "xAy")); /* still there after the next was decoded */
    assert_true(str_is(d, "2/3"));
    assert_true(str_is(form_text(form, "b", &store), "plain"));
    assert_null(form_text(form, "c", &store).p);
    assert_null(form_text(form, "e", &store).p);
    buf_free(&store);
}

static void
test_year(void **state)
{
    (void)state;
    assert_true(str_is(form_year(STR("2026-10-05")), "2026"));
    assert_null(form_year(STR("20x6-10-05")).p);
    assert_null(form_year(STR("202")).p);
    assert_null(form_year(STR_NULL).p);
}

static void
test_refusal_keeps_the_first(void **state)
{
    struct refusal r = {0};

    (void)state;
    assert_false(refusal_set(&r, 422, "first %d", 1));
    assert_false(refusal_set(&r, 400, "second"));
    assert_int_equal(r.status, 422);
    assert_string_equal(r.detail, "first 1");
    assert_string_equal(refusal_title(409), "Conflict");
    assert_string_equal(refusal_title(999), "Error");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splice),      cmocka_unit_test(test_splice_without_room),
        cmocka_unit_test(test_credentials), cmocka_unit_test(test_places),
        cmocka_unit_test(test_count),       cmocka_unit_test(test_check),
        cmocka_unit_test(test_nomor),       cmocka_unit_test(test_text),
        cmocka_unit_test(test_year),        cmocka_unit_test(test_refusal_keeps_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
