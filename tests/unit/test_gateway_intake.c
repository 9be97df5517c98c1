/* Events from outside: both modes, who may say what, and that data goes on byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "producers/gateway/auth.c"    /* NOLINT(bugprone-suspicious-include) */
#include "producers/gateway/form.c"    /* NOLINT(bugprone-suspicious-include) */
#include "producers/gateway/refusal.c" /* NOLINT(bugprone-suspicious-include) */
#include "producers/gateway/intake.c"  /* NOLINT(bugprone-suspicious-include) */
#include "workers/sop/fact.h"

#define NOW   INT64_C(1764043200000000) /* 2025-11-25T04:00:00Z */
#define TYPE  "\"type\":\"id.go.batam.bedelau.request.submitted.v1\""
#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct auth one = {.opd = {{"2.15.01", 7}}, .nopd = 1};
static struct auth two = {.opd = {{"2.15.01", 7}, {"2.16.01", 7}}, .nopd = 2};

/* Reads and admits a structured event; the status of the refusal, 0 when it was taken. */
static int
offer(struct intake *in, const char *json, const struct auth *who)
{
    const struct intake_from from = {who, STR(TRACE), NOW};
    struct refusal r = {0};
    bool ok;

    assert_int_equal(scan_document(str_of(json), NULL), RES_OK);
    ok = intake_structured(in, str_of(json), &r) && intake_admit(in, &from, &r);
    assert_int_equal(ok, r.status == 0);
    return r.status;
}

static void
test_source_opd(void **state)
{
    (void)state;
    assert_true(str_is(fact_sender(STR("/opd/2.15.01")), "2.15.01"));
    assert_true(str_is(fact_sender(STR("/opd/2.15.01/siptj")), "2.15.01"));
    assert_null(fact_sender(STR("/opd/")).p);
    assert_null(fact_sender(STR("/opd//x")).p);
    assert_null(fact_sender(STR("opd/2.15.01")).p);
    assert_null(fact_sender(STR("/bedelau/validator")).p);
    assert_null(fact_sender(STR_NULL).p);
}

static void
test_admit(void **state)
{
    static const struct {
        const char *json;
        int one, two; /* the answer for a token of one department, and of two */
    } cases[] = {
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01/a\"," TYPE
         ",\"subject\":\"AAA\",\"data\":{\"revisi\":1}}",
         0, 0},
        {"{\"specversion\":\"1.0\",\"id\":\"1\"," TYPE ",\"subject\":\"AAA\",\"data\":{\"revisi\":1}}", 0,
         422},
        {"{\"specversion\":\"1.0\",\"id\":\"1\"," TYPE
         ",\"subject\":\"AAA\",\"data\":{\"revisi\":1,\"kode_opd\":\"2.16.01\"}}",
         403, 0},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01\"," TYPE
         ",\"subject\":\"AAA\",\"data\":{\"kode_opd\":\"2.16.01\"}}",
         403, 422},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/9.99\"," TYPE
         ",\"subject\":\"AAA\",\"data\":{}}",
         403, 403},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.011\"," TYPE
         ",\"subject\":\"AAA\",\"data\":{}}",
         403, 403},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/bedelau/validator\"," TYPE
         ",\"subject\":\"AAA\",\"data\":{}}",
         403, 403},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/"
         "2.15.01\",\"type\":\"id.go.batam.bedelau.check."
         "completed.v1\",\"subject\":\"AAA\",\"data\":{}}",
         403, 403},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01\"," TYPE ",\"data\":{}}", 422, 422},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01\"," TYPE
         ",\"data\":{\"nomor_permohonan\":\"AAA\",\"revisi\":1}}",
         0, 0},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01\"," TYPE
         ",\"subject\":\"AAA\",\"revisi\":2,\"data\":{}}",
         0, 0},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01\"," TYPE
         ",\"subject\":\"AAA\",\"revisi\":-2,\"data\":{\"revisi\":0}}",
         422, 422},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01/a b\"," TYPE
         ",\"subject\":\"AAA\",\"data\":{\"revisi\":1}}",
         400, 400},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01\"," TYPE
         ",\"subject\":\"a b\",\"data\":{}}",
         422, 422},
        {"{\"specversion\":\"1.0\",\"source\":\"/opd/2.15.01\"," TYPE ",\"subject\":\"AAA\",\"data\":{}}",
         400, 400},
        {"{\"id\":\"1\",\"source\":\"/opd/2.15.01\"," TYPE ",\"subject\":\"AAA\",\"data\":{}}", 400, 400},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01\"," TYPE ",\"subject\":\"AAA\"}",
         422, 422},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01\"," TYPE
         ",\"subject\":\"AAA\",\"data\":\"x\"}",
         422, 422},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01\"," TYPE
         ",\"subject\":\"AAA\",\"data\":{\"nik\":\"1\"}}",
         422, 422},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01\"," TYPE
         ",\"subject\":\"AAA\",\"time\":\"yesterday\",\"data\":{}}",
         400, 400},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01\"," TYPE
         ",\"subject\":\"AAA\",\"data_base64\":\"e30=\"}",
         400, 400},
        {"{\"specversion\":\"1.0\",\"id\":{},\"source\":\"/opd/2.15.01\"," TYPE
         ",\"subject\":\"AAA\",\"data\":{}}",
         400, 400},
        {"[]", 400, 400},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct intake in;

        assert_int_equal(offer(&in, cases[i].json, &one), cases[i].one);
        intake_free(&in);
        assert_int_equal(offer(&in, cases[i].json, &two), cases[i].two);
        intake_free(&in);
    }
}

static void
test_write_keeps_data(void **state)
{
    struct buf out = buf_make(4096);
    struct intake in;

    (void)state;
    assert_int_equal(
        offer(&in,
              "{\"specversion\":\"1.0\",\"warna\":\"m\\u00e9\\\"\",\"data\":{ \"revisi\" : 2 ,\n "
              "\"x\":1.50 },\"id\":\"a\\\"b\"," TYPE ",\"subject\":\"AAA\"}",
              &one),
        0);
    intake_write(&in, &out);
    assert_false(out.failed);
    assert_string_equal(
        out.p, "{\"specversion\":\"1.0\",\"id\":\"a\\\"b\",\"source\":\"/opd/2.15.01\"," TYPE
               ",\"subject\":\"AAA\",\"time\":\"2025-11-25T04:00:00Z\",\"traceparent\":\"" TRACE
               "\",\"revisi\":2,\"datacontenttype\":\"application/json\",\"warna\":\"m\xc3\xa9\\\"\","
               "\"data\":{ \"revisi\" : 2 ,\n \"x\":1.50 }}");
    buf_free(&out);
    intake_free(&in);
}

static void
test_own_attributes_win(void **state)
{
    struct buf out = buf_make(4096);
    struct intake in;

    (void)state;
    assert_int_equal(offer(&in,
                           "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/opd/2.15.01/app\"," TYPE
                           ",\"subject\":\"AAA\",\"time\":\"2025-11-24T11:00:00+07:00\",\"revisi\":3,"
                           "\"traceparent\":\"mine\",\"data\":{\"revisi\":1}}",
                           &one),
                     0);
    assert_int_equal(in.revisi, 3); /* as it was sent, so that the difference is seen */
    assert_int_equal(in.counts, 1);
    intake_write(&in, &out);
    assert_non_null(strstr(out.p, "\"time\":\"2025-11-24T04:00:00Z\""));
    assert_non_null(strstr(out.p, "\"source\":\"/opd/2.15.01/app\""));
    assert_non_null(strstr(out.p, "\"traceparent\":\"mine\",\"revisi\":3,"));
    assert_null(strstr(out.p, "\"revisi\":\"3\""));
    buf_free(&out);
    intake_free(&in);
}

static void
test_long_names(void **state)
{
    struct buf text = buf_make(4096);

    (void)state;
    for (int n = 255; n <= 256; n++) {
        struct intake in;

        buf_reset(&text);
        buf_printf(&text,
                   "{\"specversion\":\"1.0\",\"id\":\"%0*d\"," TYPE
                   ",\"subject\":\"AAA\",\"data\":{\"revisi\":1}}",
                   n, 1);
        assert_int_equal(offer(&in, text.p, &one), n > 255 ? 400 : 0);
        intake_free(&in);
    }
    buf_free(&text);
}

static void
test_binary(void **state)
{
    const struct intake_from from = {&one, STR_NULL, NOW};
    struct refusal r = {0};
    struct intake in;

    (void)state;
    intake_init(&in);
    intake_header(&in, STR("Host"), STR("x"));
    intake_header(&in, STR("ce-specversion"), STR("1.0"));
    intake_header(&in, STR("CE-ID"), STR("a%20%22b%22%zz%4"));
    intake_header(&in, STR("ce-type"), STR("id.go.batam.bedelau.request.withdrawn.v1"));
    intake_header(&in, STR("Ce-Subject"), STR("AAA"));
    intake_header(&in, STR("ce-revisi"), STR("4"));
    intake_header(&in, STR("ce-"), STR("x"));
    assert_true(intake_binary(&in, STR("{ \"alasan\":\"salah\" }"), &r));
    assert_true(intake_admit(&in, &from, &r));
    assert_true(str_is(in.ce.id, "a \"b\"%zz%4")); /* what is no code stays */
    assert_true(str_is(in.ce.source, "/opd/2.15.01"));
    assert_true(str_is(in.ce.data, "{ \"alasan\":\"salah\" }"));
    assert_int_equal(in.revisi, 4);
    intake_free(&in);
}

static void
test_binary_with_too_much(void **state)
{
    static char big[40000];
    struct refusal r = {0};
    struct intake in;

    (void)state;
    memset(big, 'a', sizeof big);
    intake_init(&in);
    intake_header(&in, STR("ce-id"), (struct str){big, sizeof big});
    intake_header(&in, STR("ce-subject"), (struct str){big, sizeof big});
    assert_false(intake_binary(&in, STR("{}"), &r));
    assert_int_equal(r.status, 400);
    intake_free(&in);
}

static void
test_traceparent(void **state)
{
    (void)state;
    assert_true(str_is(intake_traceparent(STR(TRACE)), TRACE));
    assert_null(intake_traceparent(STR("00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")).p);
    assert_null(intake_traceparent(STR("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")).p);
    assert_null(intake_traceparent(STR("00-4bf92f35")).p);
    assert_null(intake_traceparent(STR_NULL).p);
}

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

static void
test_bearer(void **state)
{
    static char big[600];

    (void)state;
    assert_true(str_is(auth_bearer(STR("Bearer abc")), "abc"));
    assert_true(str_is(auth_bearer(STR("bEARER   abc ")), "abc"));
    assert_null(auth_bearer(STR("Basic abc")).p);
    assert_null(auth_bearer(STR("Bearer ")).p);
    assert_null(auth_bearer(STR("Bearer    ")).p);
    assert_null(auth_bearer(STR("Bearerabc")).p);
    assert_null(auth_bearer(STR_NULL).p);
    snprintf(big, sizeof big, "Bearer %0512d", 1);
    assert_int_equal(auth_bearer(str_of(big)).n, 512);
    snprintf(big, sizeof big, "Bearer %0513d", 1);
    assert_null(auth_bearer(str_of(big)).p);
}

static void
test_cache(void **state)
{
    struct auth *a = calloc(1, sizeof *a);
    struct auth *b = calloc(1, sizeof *b);
    struct auth_cache *c = auth_cache_new();

    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    *a = (struct auth){.refs = 2, .hash = {1}, .expires_us = INT64_MIN};
    *b = (struct auth){
        .refs = 2, .hash = {1, [31] = 9}, .expires_us = 1000}; /* the same slot, another token */
    assert_non_null(c);
    assert_null(auth_cache_get(c, a->hash, 0, 0));
    auth_cache_put(c, a, 500);
    assert_int_equal(a->refs, 3);
    assert_ptr_equal(auth_cache_get(c, a->hash, 499, 0), a);
    assert_int_equal(a->refs, 4);
    auth_unref(a);
    assert_null(auth_cache_get(c, b->hash, 0, 0));
    assert_null(auth_cache_get(c, a->hash, 500, 0)); /* its while has passed */
    assert_null(auth_cache_get(c, a->hash, 499, 0)); /* and it is forgotten */
    assert_int_equal(a->refs, 2);
    auth_cache_put(c, a, 500);
    auth_cache_put(c, b, 500);
    assert_null(auth_cache_get(c, a->hash, 0, 0));
    assert_ptr_equal(auth_cache_get(c, b->hash, 0, 999), b);
    auth_unref(b);
    assert_null(auth_cache_get(c, b->hash, 0, 1000)); /* expired before its while was over */
    assert_int_equal(a->refs, 2);
    assert_int_equal(b->refs, 2);
    auth_cache_put(c, b, 500);
    auth_cache_free(c);
    assert_int_equal(b->refs, 2);
    free(a);
    free(b);
}

/* The answer of auth_lookup: one row of four columns. */
static PGresult *
row(const char *opd)
{
    static char names[4][2] = {"a", "b", "c", "d"};
    PGresAttDesc columns[4] = {0};
    PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    char text[64];

    for (unsigned i = 0; i < 4; i++)
        columns[i].name = names[i];
    assert_non_null(r);
    assert_true(PQsetResultAttrs(r, 4, columns));
    snprintf(text, sizeof text, "%s", opd);
    assert_true(PQsetvalue(r, 0, 0, text, (int)strlen(text)));
    for (int i = 1; i < 4; i++)
        assert_true(PQsetvalue(r, 0, i, NULL, -1));
    return r;
}

static struct auth *
look_up(unsigned char first)
{
    unsigned char hash[HASH_SIZE] = {first};
    PGresult *r = row("1.01.01 2.15.01");
    struct auth *a = auth_from_row(r, hash);

    assert_non_null(a);
    PQclear(r);
    return a;
}

static void
test_row(void **state)
{
    struct auth *a = look_up(1);
    PGresult *none = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

    (void)state;
    assert_true(auth_owns(a, STR("1.01.01")) && auth_owns(a, STR("2.15.01")));
    assert_false(auth_owns(a, STR("2.15")) || auth_is_officer(a) || auth_is_reader(a));
    assert_null(auth_from_row(none, a->hash));
    PQclear(none);
    auth_unref(a);
}

/* The limit counts what waits of a token, however often it was asked anew who it is, or at every request. */
static void
test_load_outlives_the_cache(void **state)
{
    struct auth_cache *c = auth_cache_new();
    struct auth *a = look_up(1), *b = look_up(1), *other = look_up(2);

    (void)state;
    auth_cache_put(c, a, 0); /* stale at once */
    a->load->calls++;
    assert_null(auth_cache_get(c, a->hash, 0, 1));
    auth_cache_put(c, b, 0);
    assert_int_equal(++b->load->calls, 2);
    auth_cache_put(c, other, 0);
    assert_int_equal(other->load->calls, 0);
    a->load->calls--;
    auth_unref(a);
    assert_int_equal(b->load->calls, 1);
    auth_unref(b);
    auth_unref(other);
    auth_cache_free(c);
}

static void
test_owns(void **state)
{
    (void)state;
    assert_true(auth_owns(&two, STR("2.16.01")));
    assert_false(auth_owns(&one, STR("2.16.01")));
    assert_false(auth_owns(&one, STR("2.15.0")));
    assert_false(auth_owns(&one, STR_NULL));
}

static void
test_split(void **state)
{
    struct auth a = {0};

    (void)state;
    split_opd(&a, STR("2.15.01 1.01.01"));
    assert_int_equal(a.nopd, 2);
    assert_true(str_is(a.opd[1], "1.01.01"));
    a.nopd = 0;
    split_opd(&a, STR(""));
    assert_int_equal(a.nopd, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source_opd),
        cmocka_unit_test(test_admit),
        cmocka_unit_test(test_write_keeps_data),
        cmocka_unit_test(test_own_attributes_win),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_binary_with_too_much),
        cmocka_unit_test(test_traceparent),
        cmocka_unit_test(test_bearer),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_row),
        cmocka_unit_test(test_load_outlives_the_cache),
        cmocka_unit_test(test_owns),
        cmocka_unit_test(test_split),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
