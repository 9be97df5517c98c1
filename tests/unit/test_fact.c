/* fact and names: who may say what where, what each type needs, whose time counts, what a repeat is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/record.h"
#include "workers/sop/fact.h"

static const struct event_opts opts = {"pre.fix", 1 << 20, INT64_C(86400000000)};
static rd_kafka_t *rk;

#define APPENDED_MS INT64_C(1795586400000) /* 2026-11-25T06:00:00Z */

/* What an event is made from; NULL members have a default. */
struct sample {
    const char *topic, *type, *source, *subject, *id, *time, *data, *more;
};

struct reading {
    struct record rec;
    struct flow_item it;
    struct err e;
    enum res res;
    char text[4096];
};

static const char *
pick(const char *z, const char *other)
{
    return z ? z : other;
}

static const struct event *
read_event(struct reading *r, const struct sample *s)
{
    char topic[100];
    rd_kafka_topic_t *rkt;

    snprintf(topic, sizeof topic, "pre.fix.%s", pick(s->topic, "requests"));
    rkt = rd_kafka_topic_new(rk, topic, NULL);
    snprintf(r->text, sizeof r->text,
             "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"%s\",\"type\":\"" SOP_TYPE_PREFIX "%s.v1\","
             "\"subject\":\"%s\",\"time\":\"%s\"%s,\"data\":%s}",
             pick(s->id, "1"), pick(s->source, "/opd/1.02"), pick(s->type, "request.submitted"),
             pick(s->subject, "BDL-2026-000123"), pick(s->time, "2026-11-25T05:00:00Z"), pick(s->more, ""),
             pick(s->data, "{\"revisi\":1}"));
    record_make(&r->rec, rkt, 5, r->text);
    record_set_time(&r->rec, APPENDED_MS);
    r->it = (struct flow_item){.rkm = &r->rec.m};
    err_clear(&r->e);
    r->res = event_read(&opts, &r->it, &r->e);
    rd_kafka_topic_destroy(rkt);
    return r->it.mine;
}

/* ---- the envelope ----------------------------------------------------------------------------------------------- */

struct verdict {
    struct sample s;
    const char *code; /* NULL: taken */
};

static void
check_all(const struct verdict *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct reading r = {0};

        read_event(&r, &row[i].s);
        if ((r.res == RES_OK) != !row[i].code ||
            (row[i].code && (!r.it.code || strcmp(r.it.code, row[i].code) != 0)))
            fail_msg("row %zu: %s %s: %s", i, res_name(r.res), r.it.code ? r.it.code : "", r.e.text);
        if (r.res != RES_OK)
            assert_null(r.it.mine);
        event_free(r.it.mine);
    }
}
#define CHECK(row) check_all(row, sizeof(row) / sizeof *(row))

static void
subjects(void **state)
{
    static const struct verdict row[] = {
        {{.subject = "ABC"}, NULL},
        {{.subject = "0.-"}, NULL},
        {{.subject = "AB"}, "BAD_SUBJECT"},
        {{.subject = "-AB"}, "BAD_SUBJECT"},
        {{.subject = ".AB"}, "BAD_SUBJECT"},
        {{.subject = "abc"}, "BAD_SUBJECT"},
        {{.subject = "A B"}, "BAD_SUBJECT"},
        {{.subject = "A/B"}, "BAD_SUBJECT"},
        {{.subject = "A\xc3\x89"
                     "C"},
         "BAD_SUBJECT"},
        {{.subject = "A234567890123456789012345678901234567890123456789012345678901234"}, NULL},
        {{.subject = "A2345678901234567890123456789012345678901234567890123456789012345"}, "BAD_SUBJECT"},
    };

    (void)state;
    CHECK(row);
}

/* A department speaks for itself and only on its topics; nobody but a worker says what a worker decided. */
static void
who_may_say_what_where(void **state)
{
    static const char review[] = "{\"revisi\":1,\"putaran\":1,\"keputusan\":\"diterima\"}";
    static const char check[] = "{\"revisi\":1,\"putaran\":1,\"urutan\":1,\"putusan\":\"diterima\"}";
    static const struct verdict row[] = {
        {{.source = "/opd/1.02"}, NULL},
        {{.source = "/opd/1.02/siap"}, NULL},
        {{.source = "/opd/1.02", .topic = "requests.1.02"}, NULL},
        {{.source = "/opd/1.02/x", .topic = "requests.1.02"}, NULL},
        {{.source = "/opd/1.03", .topic = "requests.1.02"}, "BAD_SOURCE"},
        {{.source = "/opd/1.0", .topic = "requests.1.02"}, "BAD_SOURCE"},
        {{.source = "/opd/1.022", .topic = "requests.1.02"}, "BAD_SOURCE"},
        {{.source = "/opd/"}, "BAD_SOURCE"},
        {{.source = "/opd//x"}, "BAD_SOURCE"},
        {{.source = "opd/1.02"}, "BAD_SOURCE"},
        {{.source = "/bedelau/validator"}, "BAD_SOURCE"},
        {{.topic = "reviews", .type = "review.decided", .source = "/bedelau/gateway", .data = review}, NULL},
        {{.topic = "requests", .type = "review.decided", .data = review}, "BAD_SOURCE"},
        {{.topic = "requests.1.02", .type = "review.decided", .data = review}, "BAD_SOURCE"},
        {{.topic = "checks", .type = "check.completed", .source = "/bedelau/validator", .data = check}, NULL},
        {{.topic = "requests.1.02", .type = "check.completed", .data = check}, "BAD_SOURCE"},
        {{.topic = "integrations", .type = "check.completed", .source = "/bedelau/x", .data = check},
         "BAD_SOURCE"},
        {{.topic = "requests.1.02", .type = "integration.completed", .data = check}, "BAD_SOURCE"},
        {{.topic = "integrations", .type = "integration.completed", .source = "/bedelau/i", .data = check},
         NULL},
        {{.topic = "requests", .type = "callback.received", .data = check}, "BAD_SOURCE"},
        {{.topic = "requests", .type = "deadline.changed", .data = check}, "BAD_SOURCE"},
        {{.topic = "requests", .type = "status.changed", .data = check}, "BAD_SOURCE"},
        {{.topic = "reviews", .type = "request.submitted"}, "BAD_SOURCE"},
        {{.topic = "requests", .type = "something.new", .data = "7"}, NULL},
    };

    (void)state;
    CHECK(row);
}

/* ---- data ------------------------------------------------------------------------------------------------------- */

#define CHECKS .topic = "checks", .type = "check.completed", .source = "/bedelau/validator"
#define INTEGRATIONS                                                                                         \
    .topic = "integrations", .type = "integration.registered", .source = "/bedelau/integrator"
#define DEADLINES .topic = "deadlines", .type = "deadline.changed", .source = "/bedelau/deadline"
#define REVIEWS   .topic = "reviews", .type = "review.decided", .source = "/bedelau/gateway"
#define CALLBACKS .topic = "callbacks", .type = "callback.received", .source = "/bedelau/gateway"

static void
what_each_type_needs(void **state)
{
    static const struct verdict row[] = {
        {{.data = "[]"}, "BAD_DATA"},
        {{.data = "null"}, "BAD_DATA"},
        {{.data = "{}"}, "BAD_DATA"},
        {{.data = "{\"revisi\":0}"}, "BAD_DATA"},
        {{.data = "{\"revisi\":-1}"}, "BAD_DATA"},
        {{.data = "{\"revisi\":1.0}"}, "BAD_DATA"},
        {{.data = "{\"revisi\":\"1\"}"}, "BAD_DATA"},
        {{.data = "{\"revisi\":1000000}"}, NULL},
        {{.data = "{\"revisi\":1000001}"}, "BAD_DATA"},
        {{.data = "{\"revisi\":99999999999999999999}"}, "BAD_DATA"},
        {{.data = "{}", .more = ",\"revisi\":3"}, NULL},
        {{.data = "{}", .more = ",\"revisi\":\"3\""}, NULL},
        {{.data = "{}", .more = ",\"revisi\":\"x\""}, "BAD_DATA"},
        {{.type = "request.registered", .data = "{}"}, NULL},
        {{.type = "request.withdrawn", .data = "{}"}, NULL},
        {{CHECKS, .data = "{\"revisi\":1,\"putaran\":1,\"urutan\":1,\"putusan\":\"dibatalkan\"}"}, NULL},
        {{CHECKS, .data = "{\"revisi\":1,\"putaran\":1,\"urutan\":1,\"putusan\":\"lain\"}"}, "BAD_DATA"},
        {{CHECKS, .data = "{\"revisi\":1,\"putaran\":1,\"urutan\":1}"}, "BAD_DATA"},
        {{CHECKS, .data = "{\"revisi\":1,\"putaran\":1,\"putusan\":\"diterima\"}"}, "BAD_DATA"},
        {{CHECKS, .data = "{\"revisi\":1,\"urutan\":1,\"putusan\":\"diterima\"}"}, "BAD_DATA"},
        {{INTEGRATIONS, .data = "{\"revisi\":1,\"putaran\":1,\"urutan\":1}"}, NULL},
        {{INTEGRATIONS, .data = "{\"revisi\":1,\"putaran\":1}"}, "BAD_DATA"},
        {{INTEGRATIONS, .data = "{\"putaran\":1,\"urutan\":1}"}, "BAD_DATA"},
        {{DEADLINES, .data = "{\"revisi\":1,\"urutan\":1,\"tahap\":\"integrasi\",\"keadaan\":\"berjalan\"}"},
         NULL},
        {{DEADLINES, .data = "{\"revisi\":1,\"urutan\":1,\"tahap\":\"lain\",\"keadaan\":\"berjalan\"}"},
         "BAD_DATA"},
        {{DEADLINES, .data = "{\"revisi\":1,\"urutan\":1,\"tahap\":\"integrasi\"}"}, "BAD_DATA"},
        {{DEADLINES, .data = "{\"revisi\":1,\"tahap\":\"integrasi\",\"keadaan\":\"berjalan\"}"}, "BAD_DATA"},
        {{REVIEWS, .data = "{\"revisi\":1,\"putaran\":1,\"keputusan\":\"ditolak\"}"}, NULL},
        {{REVIEWS, .data = "{\"revisi\":1,\"putaran\":1,\"keputusan\":\"dibatalkan\"}"}, "BAD_DATA"},
        {{REVIEWS, .data = "{\"revisi\":1,\"putaran\":1,\"keputusan\":\"menunggu_pemeriksa\"}"}, "BAD_DATA"},
        {{REVIEWS, .data = "{\"revisi\":1,\"keputusan\":\"diterima\"}"}, "BAD_DATA"},
        {{CALLBACKS, .data = "{\"id_integrasi\":\"x\",\"status\":\"aktif\",\"urutan\":4}"}, NULL},
        {{CALLBACKS, .data = "{\"status\":\"aktif\"}"}, "BAD_DATA"},
        {{CALLBACKS, .data = "{\"id_integrasi\":\"x\"}"}, "BAD_DATA"},
    };

    (void)state;
    CHECK(row);
}

static void
members(void **state)
{
    struct reading r = {0};
    const struct event *ev = read_event(
        &r,
        &(struct sample){.source = "/opd/1.02",
                         .data = "{\"revisi\":2,\"kode_opd\":\"1.0\\u0032\",\"nama_opd\":\"Dinas "
                                 "\\\"X\\\"\",\"nama_sistem\":\"S\",\"jenis_pengajuan\":\"pencabutan\"}"});

    (void)state;
    assert_int_equal(r.res, RES_OK);
    assert_int_equal(ev->fact.type, FACT_SUBMITTED);
    assert_int_equal(ev->fact.revisi, 2);
    assert_true(str_is(ev->fact.kode_opd, "1.02") && str_is(ev->fact.nama_opd, "Dinas \"X\""));
    assert_true(str_is(ev->fact.jenis, "pencabutan"));
    assert_true(str_is(ev->fact.append.topic, "requests"));
    assert_int_equal(ev->fact.append.offset, 5);
    event_free(r.it.mine);
    ev = read_event(&r, &(struct sample){
                            CALLBACKS, .data = "{\"id_integrasi\":\"x\",\"status\":\"aktif\",\"urutan\":4}"});
    assert_int_equal(ev->fact.urutan, 0); /* Bedelau's number is not a worker's */
    assert_int_equal(ev->fact.urutan_bedelau, 4);
    event_free(r.it.mine);
    event_free(NULL);
}

/* ---- time, identity, order ---------------------------------------------------------------------------------------- */

/* An outsider's time is clamped to the day before the record was appended. */
static void
whose_time_counts(void **state)
{
    static const struct {
        const char *time;
        int64_t outside; /* microseconds from the append time */
        bool flagged;
    } row[] = {{"2026-11-25T06:00:00Z", 0, false},
               {"2026-11-25T12:00:00+07:00", -3600000000, false},
               {"2026-11-24T06:00:00Z", -86400000000, false},
               {"2026-11-24T05:59:59.999999Z", -86400000000, true},
               {"2026-11-25T06:00:00.000001Z", 0, true}};
    struct reading r = {0};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const struct event *ev = read_event(&r, &(struct sample){.time = row[i].time});

        assert_true(ev->fact.time_us - APPENDED_MS * 1000 == row[i].outside);
        assert_int_equal(ev->fact.backdated, row[i].flagged);
        event_free(r.it.mine);
        ev = read_event(&r, &(struct sample){CHECKS, .time = row[i].time,
                                             .data = "{\"revisi\":1,\"putaran\":1,\"urutan\":1,"
                                                     "\"putusan\":\"diterima\"}"});
        assert_true(ev->fact.time_us == ev->ce.time_us); /* ours is not clamped */
        assert_false(ev->fact.backdated);
        event_free(r.it.mine);
    }
}

/* A form of more members than are noted while it is checked. */
static void
many_members(void **state)
{
    struct reading r = {0};
    struct buf data = buf_make(4096);
    const struct event *ev;

    (void)state;
    buf_z(&data, "{\"revisi\":3");
    for (int i = 0; i < 300; i++)
        buf_printf(&data, ",\"m%d\":1", i);
    buf_z(&data, ",\"kode_opd\":\"1.02\"}");
    ev = read_event(&r, &(struct sample){.data = data.p, .more = ",\"revisi\":9"});
    assert_int_equal(r.res, RES_OK);
    assert_int_equal(ev->fact.revisi, 3);
    assert_true(str_is(ev->fact.kode_opd, "1.02"));
    assert_true(str_is(ce_ext(&ev->ce, "revisi"), "9"));
    event_free(r.it.mine);
    buf_free(&data);
}

static void
what_a_repeat_is(void **state)
{
    static const struct {
        struct sample s;
        bool same_key, same_hash;
    } row[] = {{{.id = "1"}, true, true},
               {{.time = "2026-11-25T05:30:00Z"}, true, true},
               {{.more = ",\"traceparent\":\"00-b\""}, true, true},
               {{.id = "2"}, false, true},
               {{.source = "/opd/1.03"}, false, true},
               {{.source = "/opd/1.0", .id = "21"}, false, true}, /* parts do not run into each other */
               {{.data = "{\"revisi\":1 }"}, true, false},
               {{.subject = "BDL-2026-000124"}, true, false},
               {{.type = "request.withdrawn"}, true, false}};
    struct reading first;
    const struct event *a = read_event(&first, &(struct sample){.id = "1"});

    (void)state;
    event_identify(first.it.mine);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct reading r = {0};
        const struct event *b = read_event(&r, &row[i].s);

        event_identify(r.it.mine);
        assert_int_equal(memcmp(a->seen_key, b->seen_key, 16) == 0, row[i].same_key);
        assert_int_equal(memcmp(a->seen_hash, b->seen_hash, 16) == 0, row[i].same_hash);
        event_free(r.it.mine);
    }
    event_free(first.it.mine);
}

static void
append_order(void **state)
{
    static const struct append sorted[] = {{1, STR("b"), 9, 9}, {2, STR("a"), 1, 5}, {2, STR("a"), 1, 6},
                                           {2, STR("a"), 2, 0}, {2, STR("b"), 0, 0}, {3, STR("a"), 0, 0}};

    (void)state;
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            assert_int_equal(append_cmp(&sorted[i], &sorted[j]), (i > j) - (i < j));
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

static void
names_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < FACT_UNKNOWN; i++) {
        struct str name = str_of(fact_type_name((enum fact_type)i));

        assert_true(str_starts(name, STR(SOP_TYPE_PREFIX)) && str_ends(name, STR(".v1")));
        assert_int_equal(fact_type_of(name), i);
    }
    for (int i = PUTUSAN_MENUNGGU_LAMPIRAN; i <= PUTUSAN_DIBATALKAN; i++)
        assert_int_equal(putusan_of(str_of(putusan_name((enum putusan)i))), i);
    for (int i = 0; i < TAHAPS; i++)
        assert_int_equal(tahap_of(str_of(tahap_name((enum tahap)i))), i);
    for (int i = 0; i < KEADAANS; i++)
        assert_int_equal(keadaan_of(str_of(keadaan_name((enum keadaan)i))), i);
    assert_int_equal(fact_type_of(STR("")), FACT_UNKNOWN);
    assert_int_equal(fact_type_of(STR(SOP_TYPE_PREFIX "request.submitted.v2")), FACT_UNKNOWN);
    assert_int_equal(fact_type_of(STR("request.submitted.v1")), FACT_UNKNOWN);
    assert_int_equal(putusan_of(STR("")), PUTUSAN_NONE);
    assert_int_equal(putusan_of(STR_NULL), PUTUSAN_NONE);
    assert_int_equal(putusan_of(STR("Diterima")), PUTUSAN_NONE);
    assert_int_equal(tahap_of(STR("")), TAHAPS);
    assert_int_equal(keadaan_of(STR("berjalan ")), KEADAANS);
    assert_string_equal(status_name(STATUS_DIBATALKAN), "dibatalkan");
    assert_string_equal(giliran_name(GILIRAN_SELESAI), "selesai");
    assert_true(fact_is_integration(FACT_I_REGISTERED) && fact_is_integration(FACT_I_CANCELLED));
    assert_false(fact_is_integration(FACT_REFUSED) || fact_is_integration(FACT_DEADLINE));
    assert_true(fact_is_outside(FACT_CALLBACK) && !fact_is_outside(FACT_CHECK));
    assert_true(status_is_final(STATUS_DITOLAK) && !status_is_final(STATUS_GAGAL_INTEGRASI));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subjects),
        cmocka_unit_test(who_may_say_what_where),
        cmocka_unit_test(what_each_type_needs),
        cmocka_unit_test(members),
        cmocka_unit_test(whose_time_counts),
        cmocka_unit_test(many_members),
        cmocka_unit_test(what_a_repeat_is),
        cmocka_unit_test(append_order),
        cmocka_unit_test(names_and_back),
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int failed;

    rd_kafka_conf_set(conf, "log_level", "2", NULL, 0);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rd_kafka_destroy(rk);
    return failed;
}
