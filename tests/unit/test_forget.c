/* forget: what stays of a fact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "workers/sop/forget.h"
#include "workers/sop/names.h"

static const char rules[] = "{\"versi\":1,\"simpan\":{"
                            "\"request.submitted\":{\"revisi\":true,\"nama_sistem\":true},"
                            "\"request.withdrawn\":{},"
                            "\"check.completed\":{\"putusan\":true,\"temuan\":[\"kode\",\"lokasi\"]},"
                            "\"deadline.changed\":true}}";

static int
setup(void **state)
{
    struct forget_rules *r;
    struct err e = {0};

    assert_int_equal(forget_load(str_of(rules), &r, &e), RES_OK);
    *state = r;
    return 0;
}

static int
teardown(void **state)
{
    forget_free(*state);
    return 0;
}

static void
what_is_kept(void **state)
{
    static const struct {
        const char *type, *data, *want;
    } cases[] = {
        {"request.submitted", "{\"nama_pemohon\":\"X\", \"revisi\": 2 ,\"nama_sistem\":\"S \\u0041\"}",
         "{\"revisi\":2,\"nama_sistem\":\"S \\u0041\",\"dilupakan\":true}"},
        {"request.submitted", "{}", "{\"dilupakan\":true}"},
        {"request.submitted", "[\"X\"]", "{\"dilupakan\":true}"},
        {"request.submitted", "null", "{\"dilupakan\":true}"},
        {"request.submitted", "{\"nama_sistem\":{\"nama\":\"X\"},\"revisi\":[1,\"a\",[\"X\"]]}",
         "{\"dilupakan\":true}"},
        {"request.submitted", "{\"revisi\":[1,\"a\"]}", "{\"revisi\":[1,\"a\"],\"dilupakan\":true}"},
        {"request.withdrawn", "{\"alasan\":\"X\"}", "{\"dilupakan\":true}"},
        {"callback.received", "{\"alasan\":\"X\"}", "{\"dilupakan\":true}"},
        {"something.else", "{\"a\":1}", "{\"dilupakan\":true}"},
        {"check.completed",
         "{\"temuan\":[{\"pesan\":\"X\",\"kode\":\"K\"},{\"lokasi\":\"/"
         "a\",\"kode\":null},7],\"putusan\":\"p\"}",
         "{\"putusan\":\"p\",\"temuan\":[{\"kode\":\"K\"},{\"kode\":null,\"lokasi\":\"/"
         "a\"},{}],\"dilupakan\":true}"},
        {"check.completed", "{\"temuan\":\"X\"}", "{\"temuan\":[],\"dilupakan\":true}"},
        {"deadline.changed", "{ \"batas\" : 1 }", "{ \"batas\" : 1 }"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf once = buf_make(4096);
        struct buf again = buf_make(4096);
        char type[128];

        snprintf(type, sizeof type, SOP_TYPE_PREFIX "%s.v1", cases[i].type);
        forget_data(*state, str_of(type), str_of(cases[i].data), &once);
        assert_string_equal(once.p, cases[i].want);
        forget_data(*state, str_of(type), buf_view(&once), &again);
        assert_string_equal(again.p, cases[i].want);
        buf_free(&once);
        buf_free(&again);
    }
}

static void
findings_are_as_in_the_fact(void **state)
{
    struct buf out = buf_make(4096);

    forget_findings(*state, STR("[{\"pesan\":\"X\",\"kode\":\"K\",\"lokasi\":\"/a\"}]"), &out);
    assert_string_equal(out.p, "[{\"kode\":\"K\",\"lokasi\":\"/a\"}]");
    buf_free(&out);
}

static void
rules_that_cannot_be(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"simpan\":[]}",
                                      "{\"simpan\":{\"request.submited\":{}}}",
                                      "{\"simpan\":{\"request.submitted\":1}}",
                                      "{\"simpan\":{\"request.submitted\":{\"a\":false}}}",
                                      "{\"simpan\":{\"request.submitted\":{\"a\":[]}}}",
                                      "{\"simpan\":{\"request.submitted\":{\"a\":[1]}}}",
                                      "{\"simpan\":{\"request.submitted\":{},\"request.submitted\":{}}}"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct forget_rules *r;
        struct err e = {0};

        assert_int_equal(forget_load(str_of(bad[i]), &r, &e), RES_FATAL);
        assert_null(r);
        assert_string_not_equal(e.text, "");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(findings_are_as_in_the_fact, setup, teardown),
        cmocka_unit_test(rules_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
