/* ce: CloudEvents in both modes, good and bad by tables, and written ones read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/kafka/ce.h"
#include "tests/unit/alloc.h"

#define CORE                                                                                                 \
    "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/1.02\",\"type\":\"t\",\"subject\":\"S-1\""

/* ---- structured ------------------------------------------------------------------------------------------------- */

static void
structured(void **state)
{
    struct str text = STR(
        " {" CORE ",\"time\":\"2026-11-25T12:00:00.5+07:00\",\"dataschema\":\"u\",\"traceparent\":\"00-a\","
        "\"datacontenttype\":\"application/json\",\"revisi\":2,\"flag\":true,\"none\":null,"
        "\"quoted\":\"a\\u00e9\\n\", \"data\" : {\"z\": 1.50 , \"a\":\"\\u0061\"} } ");
    struct err e = {0};
    struct ce ce;

    (void)state;
    if (ce_from_json(text, &ce, &e) != RES_OK)
        fail_msg("%s", e.text);
    assert_true(str_is(ce.id, "1") && str_is(ce.source, "/opd/1.02") && str_is(ce.type, "t"));
    assert_true(str_is(ce.subject, "S-1") && str_is(ce.dataschema, "u") && str_is(ce.traceparent, "00-a"));
    assert_true(ce.time_us == INT64_C(1795582800500000));
    assert_true(str_is(ce.data, "{\"z\": 1.50 , \"a\":\"\\u0061\"}")); /* the very bytes */
    assert_true(str_is(ce_ext(&ce, "revisi"), "2") && str_is(ce_ext(&ce, "flag"), "true"));
    assert_true(str_is(ce_ext(&ce, "quoted"), "a\xc3\xa9\n"));
    assert_null(ce_ext(&ce, "none").p);
    assert_int_equal(ce.exts, 3);
    ce_free(&ce);
    assert_int_equal(ce_from_json(STR("{" CORE "}"), &ce, &e), RES_OK);
    assert_null(ce.data.p);
    assert_true(ce.time_us == INT64_MIN);
    ce_free(&ce);
}

static void
structured_refusals(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } row[] = {
        {"", "not JSON: empty"},
        {"{" CORE "} x", "not JSON"},
        {"[]", "not a JSON object"},
        {"\"text\"", "not a JSON object"},
        {"{\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"subject\":\"S\"}", "specversion is not 1.0"},
        {"{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"subject\":\"S\"}",
         "specversion is not 1.0"},
        {"{" CORE ",\"a\\nb\":[]}", "an attribute's name is not allowed"},
        {"{" CORE ",\"revisi\":[]}", "attribute revisi is not a string"},
        {"{\"specversion\":1.0,\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"subject\":\"S\"}",
         "is not a string"},
        {"{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\",\"subject\":\"S\"}",
         "attribute id is missing"},
        {"{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"s\",\"type\":\"t\",\"subject\":\"S\"}",
         "attribute id is missing"},
        {"{\"specversion\":\"1.0\",\"id\":null,\"source\":\"s\",\"type\":\"t\",\"subject\":\"S\"}",
         "attribute id is missing"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\",\"subject\":\"S\"}",
         "attribute source is missing"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"subject\":\"S\"}",
         "attribute type is missing"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}",
         "attribute subject is missing"},
        {"{\"specversion\":\"1.0\",\"id\":7,\"source\":\"s\",\"type\":\"t\",\"subject\":\"S\"}",
         "is not a string"},
        {"{\"specversion\":\"1.0\",\"id\":{},\"source\":\"s\",\"type\":\"t\",\"subject\":\"S\"}",
         "is not a string"},
        {"{\"specversion\":\"1.0\",\"id\":\"a\\nb\",\"source\":\"s\",\"type\":\"t\",\"subject\":\"S\"}",
         "attribute id holds a control character"},
        {"{" CORE ",\"time\":\"yesterday\"}", "time is not an RFC 3339"},
        {"{" CORE ",\"time\":\"2026-02-30T00:00:00Z\"}", "time is not an RFC 3339"},
        {"{" CORE ",\"data_base64\":\"e30=\"}", "data_base64 is not taken"},
        {"{" CORE ",\"ext\":[]}", "attribute ext is not a string"},
        {"{" CORE ",\"Ext\":\"x\"}", "name is not allowed"},
        {"{" CORE ",\"with-hyphen\":\"x\"}", "name is not allowed"},
        {"{" CORE ",\"\":\"x\"}", "name is not allowed"},
        {"{" CORE ",\"abcdefghijklmnopqrstu\":\"x\"}", "name is not allowed"},
        {"{" CORE ",\"id\":\"2\"}", "the same member name twice"},
        {"{" CORE ",\"\\u0069d\":\"2\"}", "the same member name twice"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct err e = {0};
        struct ce ce;
        enum res res = ce_from_json(str_of(row[i].text), &ce, &e);

        if (res != RES_REJECT || !strstr(e.text, row[i].why))
            fail_msg("%s: %s: %s", row[i].text, res_name(res), e.text);
        ce_free(&ce);
    }
}

/* A name may be written with escapes, as any JSON. */
static void
escaped_names(void **state)
{
    struct str text =
        STR("{\"specversion\":\"1.0\",\"\\u0069d\":\"1\",\"source\":\"s\",\"type\":\"t\",\"subject\":\"S\","
            "\"d\\u0061ta\":[1],\"revis\\u0069\":\"3\"}");
    struct err e = {0};
    struct ce ce;

    (void)state;
    if (ce_from_json(text, &ce, &e) != RES_OK)
        fail_msg("%s", e.text);
    assert_true(str_is(ce.id, "1") && str_is(ce.data, "[1]") && str_is(ce_ext(&ce, "revisi"), "3"));
    ce_free(&ce);
}

static void
long_attributes(void **state)
{
    struct buf text = buf_make(1 << 20);
    struct err e = {0};
    struct ce ce;

    (void)state;
    for (int n = 1024; n <= 1025; n++) {
        buf_reset(&text);
        buf_z(&text, "{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\",\"subject\":\"S\",\"id\":\"");
        for (int i = 0; i < n; i++)
            buf_char(&text, 'i');
        buf_z(&text, "\"}");
        assert_int_equal(ce_from_json(buf_view(&text), &ce, &e), n == 1024 ? RES_OK : RES_REJECT);
        ce_free(&ce);
    }
    assert_non_null(strstr(e.text, "attribute id is longer than 1024 bytes"));
    err_clear(&e);
    buf_reset(&text); /* decoded text beyond the store */
    buf_z(&text, "{" CORE ",\"ext\":\"\\n");
    for (int i = 0; i < 70000; i++)
        buf_char(&text, 'x');
    buf_z(&text, "\"}");
    assert_int_equal(ce_from_json(buf_view(&text), &ce, &e), RES_REJECT);
    ce_free(&ce);
    buf_free(&text);
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

static struct ce got;
static struct err got_e;
static enum res got_res;

/* A record that is given back undelivered has its headers as a consumer's record has. */
static void
on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    (void)opaque;
    got_res = ce_from_record(m, &got, &got_e);
    got.id = str_of(str_dup(got.id)); /* the record's bytes end with the report */
}

struct header {
    const char *name;
    struct str value;
};

/* Reads a record with these headers; no broker is asked. */
static void
read_binary(const struct header *h, unsigned n, struct str payload)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_headers_t *hdrs = rd_kafka_headers_new(n);
    rd_kafka_t *rk;

    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set(conf, "log_level", "2", NULL, 0);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    assert_non_null(rk);
    err_clear(&got_e);
    got_res = RES_FATAL;
    for (unsigned i = 0; i < n; i++)
        rd_kafka_header_add(hdrs, h[i].name, -1, h[i].value.p, (ssize_t)h[i].value.n);
    assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_HEADERS(hdrs),
                                       RD_KAFKA_V_VALUE((void *)(uintptr_t)payload.p, payload.n),
                                       RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE);
    while (rd_kafka_outq_len(rk) > 0)
        rd_kafka_poll(rk, 100);
    rd_kafka_destroy(rk);
}

static void
forget_got(void)
{
    free((char *)(uintptr_t)got.id.p);
    ce_free(&got);
}

#define BINARY                                                                                               \
    {"ce_specversion", STR("1.0")}, {"ce_source", STR("/s")}, {"ce_type", STR("t")},                         \
    {                                                                                                        \
        "ce_subject", STR("S-1")                                                                             \
    }

static void
binary_mode(void **state)
{
    const struct header good[] = {BINARY,
                                  {"ce_id", STR("7")},
                                  {"ce_time", STR("2026-11-25T05:00:00Z")},
                                  {"content-type", STR("application/json")},
                                  {"ce_revisi", STR("2")},
                                  {"traceparent", STR("00-a")},
                                  {"other", STR_NULL}};
    const struct header no_id[] = {BINARY};
    const struct header bad_name[] = {BINARY, {"ce_id", STR("7")}, {"ce_A", STR("x")}};
    const struct header old[] = {{"ce_specversion", STR("0.3")}, {"ce_id", STR("7")}};

    (void)state;
    read_binary(good, 10, STR("{\"a\": 1}"));
    assert_int_equal(got_res, RES_OK);
    assert_true(str_is(got.id, "7"));
    assert_int_equal(got.exts, 1);
    assert_int_equal(got.data.n, 8);
    assert_int_equal(got.traceparent.n, 4);
    assert_true(got.time_us != INT64_MIN);
    forget_got();
    read_binary(no_id, 4, STR("{}"));
    assert_int_equal(got_res, RES_REJECT);
    assert_non_null(strstr(got_e.text, "attribute id is missing"));
    forget_got();
    read_binary(bad_name, 6, STR("{}"));
    assert_int_equal(got_res, RES_REJECT);
    forget_got();
    read_binary(old, 2, STR("{}"));
    assert_int_equal(got_res, RES_REJECT);
    assert_non_null(strstr(got_e.text, "specversion"));
    forget_got();
    read_binary(good, 10, STR("{\"a\":1,\"a\":2}"));
    assert_int_equal(got_res, RES_REJECT);
    assert_non_null(strstr(got_e.text, "the same member name twice"));
    forget_got();
}

/* An attribute goes to Postgres and into other events, so its bytes must be text wherever they came from. */
static void
binary_mode_takes_text_only(void **state)
{
    static const struct str bad[] = {
        {"a\xff", 2}, {"\xc3", 1}, {"\xed\xa0\x80", 3}, {"\xc0\x80", 2}, {"a\0b", 3}};
    static const char *const names[] = {"ce_id", "ce_dataschema", "ce_revisi"};
    const struct header good[] = {BINARY, {"ce_id", STR("\xc3\xa9\xf0\x9f\x98\x80")}};
    const struct header trace[] = {BINARY, {"ce_id", STR("7")}, {"traceparent", {"\xff", 1}}};

    (void)state;
    read_binary(good, 5, STR("{}"));
    assert_int_equal(got_res, RES_OK);
    forget_got();
    read_binary(trace, 6, STR("{}")); /* no attribute of the event: passed over */
    assert_int_equal(got_res, RES_OK);
    assert_null(got.traceparent.p);
    forget_got();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            const struct header row[] = {BINARY, {names[k], bad[i]}, {"ce_id", STR("7")}};

            read_binary(row, 6, STR("{}"));
            assert_int_equal(got_res, RES_REJECT);
            assert_non_null(strstr(got_e.text, "is not UTF-8"));
            forget_got();
        }
}

/* Without any header the bytes alone tell: structured mode. */
static void
structured_without_headers(void **state)
{
    const struct header other[] = {{"x", STR("y")}};

    (void)state;
    read_binary(NULL, 0, STR("{" CORE ",\"data\":{}}"));
    assert_int_equal(got_res, RES_OK);
    forget_got();
    read_binary(other, 1, STR("{" CORE "}"));
    assert_int_equal(got_res, RES_OK);
    forget_got();
}

static void
attributes_by_name(void **state)
{
    struct ce ce = {.time_us = INT64_MIN};
    struct err e = {0};

    (void)state;
    assert_true(ce_attr(&ce, STR("specversion"), STR("1.0")));
    assert_true(ce_attr(&ce, STR("datacontenttype"), STR("application/json")));
    assert_true(ce_attr(&ce, STR("id"), STR("1")) && ce_attr(&ce, STR("source"), STR("/s")));
    assert_true(ce_attr(&ce, STR("type"), STR("t")));
    assert_int_equal(ce_check(&ce, &e), RES_REJECT);
    assert_non_null(strstr(e.text, "subject"));
    err_clear(&e);
    assert_true(ce_attr(&ce, STR("subject"), STR("S-1")));
    assert_true(ce_attr(&ce, STR("time"), STR("2026-11-25T05:00:00Z")));
    for (size_t i = 0; i < CE_EXT_MAX + 3; i++)
        assert_true(ce_attr(&ce, (struct str){"abcdefghijk" + i, 1}, STR("x")));
    assert_int_equal(ce.exts, CE_EXT_MAX);
    assert_false(ce_attr(&ce, STR("data"), STR("x")) && ce.data.p);
    assert_false(ce_attr(&ce, STR("UPPER"), STR("x")));
    assert_false(ce_attr(&ce, STR(""), STR("x")));
    assert_false(ce_attr(&ce, STR("a_b"), STR("x")));
    assert_int_equal(ce_check(&ce, &e), RES_OK);
    assert_true(ce.time_us != INT64_MIN);
    ce_attr(&ce, STR("traceparent"), STR("a\nb"));
    assert_int_equal(ce_check(&ce, &e), RES_REJECT);
}

static void
null_records(void **state)
{
    rd_kafka_message_t m = {.payload = NULL, .key = (char[]){'k'}, .key_len = 1};
    struct err e = {0};
    struct ce ce;

    (void)state;
    assert_int_equal(ce_from_record(&m, &ce, &e), RES_REJECT);
    assert_string_equal(e.text, "the record is null");
    ce_free(&ce);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static void
written_is_read_back(void **state)
{
    struct ce_out o = {.id = STR("i\"1\n"),
                       .source = STR("/s"),
                       .type = STR("t.v1"),
                       .subject = STR("S-1"),
                       .dataschema = STR("u"),
                       .traceparent = STR("00-1"),
                       .time_us = INT64_C(1764049924123456),
                       .ext_name = STR("revisi"),
                       .ext_value = -3,
                       .data = STR("{\"a\": [1.0]}")};
    struct buf out = buf_make(4096);
    struct err e = {0};
    struct ce ce;

    (void)state;
    ce_write(&o, &out);
    assert_int_equal(ce_from_json(buf_view(&out), &ce, &e),
                     RES_REJECT); /* a control character, kept escaped */
    assert_non_null(strstr(e.text, "id holds a control character"));
    ce_free(&ce);
    err_clear(&e);
    o.id = STR("i\"1\\");
    buf_reset(&out);
    ce_write(&o, &out);
    if (ce_from_json(buf_view(&out), &ce, &e) != RES_OK)
        fail_msg("%s: %s", e.text, out.p);
    assert_true(str_eq(ce.id, o.id) && str_eq(ce.source, o.source) && str_eq(ce.type, o.type));
    assert_true(str_eq(ce.subject, o.subject) && str_eq(ce.dataschema, o.dataschema));
    assert_true(str_eq(ce.traceparent, o.traceparent) && str_eq(ce.data, o.data));
    assert_true(ce.time_us == o.time_us);
    assert_true(str_is(ce_ext(&ce, "revisi"), "-3"));
    ce_free(&ce);
    buf_reset(&out);
    ce_write(&(struct ce_out){.id = STR("1"), .source = STR("/s"), .type = STR("t"), .subject = STR("S")},
             &out);
    assert_null(strstr(out.p, "dataschema"));
    assert_null(strstr(out.p, "traceparent"));
    assert_null(strstr(out.p, "\"data\""));
    assert_int_equal(ce_from_json(buf_view(&out), &ce, &e), RES_OK);
    ce_free(&ce);
    buf_free(&out);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static bool
read_once(void)
{
    struct str text =
        STR("{" CORE ",\"ext\":\"a\\nb\",\"\\u0065xx\":\"\\t\",\"data\":{\"\\u0061\":1,\"b\":2}}");
    struct err e = {0};
    struct ce ce;
    enum res res = ce_from_json(text, &ce, &e);

    if (res == RES_OK)
        assert_true(str_is(ce_ext(&ce, "ext"), "a\nb") && str_is(ce_ext(&ce, "exx"), "\t"));
    else
        assert_int_equal(res, RES_RETRY); /* ours: never the record's fault */
    ce_free(&ce);
    return res == RES_OK;
}

static void
memory_runs_out(void **state)
{
    (void)state;
    if (!ALLOC_SEAM)
        skip();
    alloc_loop(read_once);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structured),
        cmocka_unit_test(structured_refusals),
        cmocka_unit_test(escaped_names),
        cmocka_unit_test(long_attributes),
        cmocka_unit_test(attributes_by_name),
        cmocka_unit_test(null_records),
        cmocka_unit_test(binary_mode),
        cmocka_unit_test(binary_mode_takes_text_only),
        cmocka_unit_test(structured_without_headers),
        cmocka_unit_test(written_is_read_back),
        cmocka_unit_test(memory_runs_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
