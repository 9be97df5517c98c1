/* record: the row, the chain and the clocks that follow from facts, and an event that comes back from the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/base/hash.h"
#include "workers/sop/record.h"

#define T0 INT64_C(1795586400000000)

static const struct event_opts opts = {"pre.fix", 1 << 20, 0};

static struct fact_row
row(const char *type, const char *data)
{
    return (struct fact_row){.source = STR("/opd/1.02"),
                             .id = STR("7"),
                             .type = str_of(type),
                             .subject = STR("BDL-2026-000123"),
                             .data = str_of(data),
                             .topic = STR("pre.fix.requests.1.02"),
                             .partition = 3,
                             .offset = 41,
                             .append_us = T0,
                             .effective_us = T0 - 5};
}

static void
an_event_comes_back_from_the_log(void **state)
{
    struct fact_row r = row(SOP_TYPE_PREFIX "request.submitted.v1",
                            "{\"revisi\":2,\"kode_opd\":\"1.02\",\"nama_opd\":\"Dinas \\u0058\"}");
    struct event *ev = NULL;
    struct err e = {0};

    (void)state;
    assert_int_equal(event_restore(&opts, &r, &ev, &e), RES_OK);
    assert_int_equal(ev->fact.type, FACT_SUBMITTED);
    assert_int_equal(ev->fact.revisi, 2);
    assert_int_equal(ev->fact.time_us, T0 - 5); /* as stored, whatever the tolerance is now */
    assert_int_equal(ev->fact.append.ms, T0 / 1000);
    assert_true(str_is(ev->fact.append.topic, "requests.1.02"));
    assert_int_equal(ev->fact.append.partition, 3);
    assert_int_equal(ev->fact.append.offset, 41);
    assert_true(str_is(ev->fact.nama_opd, "Dinas X"));
    event_free(ev);
}

static void
the_revisi_that_only_an_attribute_said(void **state)
{
    struct fact_row r = row(SOP_TYPE_PREFIX "request.submitted.v1", "{}");
    struct event *ev = NULL;
    struct err e = {0};

    (void)state;
    assert_int_equal(event_restore(&opts, &r, &ev, &e), RES_REJECT);
    assert_null(ev);
    r.revisi = 4;
    assert_int_equal(event_restore(&opts, &r, &ev, &e), RES_OK);
    assert_int_equal(ev->fact.revisi, 4);
    event_free(ev);
    r.data = STR("{\"revisi\":3}");
    assert_int_equal(event_restore(&opts, &r, &ev, &e), RES_OK);
    assert_int_equal(ev->fact.revisi, 3); /* data overrule */
    event_free(ev);
}

static void
an_unknown_type_comes_back_too(void **state)
{
    struct fact_row r = row("id.go.batam.bedelau.something.new.v9", "[1]");
    struct event *ev = NULL;
    struct err e = {0};

    (void)state;
    assert_int_equal(event_restore(&opts, &r, &ev, &e), RES_OK);
    assert_int_equal(ev->fact.type, FACT_UNKNOWN);
    event_free(ev);
}

/* Computed with sha256sum: of the hash of "{}", then of that link, the hash of "[]" and the rest. */
static void
the_chain_is_what_sha256_says(void **state)
{
    static const char *const want[] = {"947d27defbbc47bd51343ca18707796393655814e69ea8a98e74c8224e993630",
                                       "4470f1bdc1a10425fd3efffa7864a7ec51818e209b226623fffa770b17e0c50d"};
    unsigned char hash[HASH_SIZE];
    unsigned char link[2][RECORD_CHAIN];
    struct record_link l = {STR("/opd/1.02"), STR("7"), STR("t"), {(const char *)hash, HASH_SIZE}, 5, 7000,
                            STR("b.x"),       3,        41};
    char hex[2 * RECORD_CHAIN + 1];

    (void)state;
    hash_sha256(STR("{}"), hash);
    record_chain(STR_NULL, &l, link[0]);
    hash_sha256(STR("[]"), hash);
    l.id = STR("8");
    record_chain((struct str){(const char *)link[0], RECORD_CHAIN}, &l, link[1]);
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned k = 0; k < RECORD_CHAIN; k++)
            snprintf(hex + 2 * k, 3, "%02x", link[i][k]);
        assert_string_equal(hex, want[i]);
    }
}

static void
a_clock_is_read_from_its_fact(void **state)
{
    struct fact f = {
        .type = FACT_DEADLINE,
        .revisi = 1,
        .tahap = TAHAP_PEMERIKSAAN,
        .keadaan = KEADAAN_BERJALAN,
        .jam = STR("{\"mulai\":\"2026-11-25T08:00:00+07:00\",\"batas\":\"2026-11-28T00:00:00+07:00\","
                   "\"satuan\":\"hari_kerja\",\"hari_terpakai\":2,\"kalender\":\"k1\"}")};
    struct record_clock c;

    (void)state;
    assert_true(record_clock(&f, STR("N"), &c));
    assert_int_equal(c.mulai_us, INT64_C(1795568400000000));
    assert_int_equal(c.batas_us, INT64_C(1795798800000000));
    assert_int_equal(c.berakhir_us, INT64_MIN);
    assert_int_equal(c.terpakai, 2);
    assert_true(str_is(c.satuan, "hari_kerja") && str_is(c.kalender, "k1") && !c.gone);
    f.jam = STR("{\"mulai\":\"2026-11-25T08:00:00+07:00\"}");
    assert_false(record_clock(&f, STR("N"), &c));
}

static void
nothing_is_told_without_a_status(void **state)
{
    struct arena a = {0};
    struct dossier d = dossier_make(&a);
    struct record rec = {.sidik = 99};
    struct buf told = buf_make(65536);
    const struct fact f = {.type = FACT_WITHDRAWN, .source = STR("s"), .id = STR("1"), .time_us = T0};

    (void)state;
    dossier_add(&d, &f);
    record_fold(&d, STR("N"), &rec, &told);
    assert_int_equal(rec.sidik, 99);
    assert_null(rec.status.p);
    assert_int_equal(rec.newest_us, T0);
    const struct fact reg = {.type = FACT_REGISTERED, .source = STR("s"), .id = STR("2"), .time_us = T0 + 1};

    dossier_add(&d, &reg);
    record_fold(&d, STR("N"), &rec, &told);
    assert_true(str_is(rec.status, "terdaftar") && str_is(rec.giliran, "pemohon"));
    assert_int_not_equal(rec.sidik, 99);
    assert_non_null(strstr(told.p, ",\"status\":\"terdaftar\""));
    buf_free(&told);
    arena_free(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_comes_back_from_the_log),
        cmocka_unit_test(the_revisi_that_only_an_attribute_said),
        cmocka_unit_test(an_unknown_type_comes_back_too),
        cmocka_unit_test(the_chain_is_what_sha256_says),
        cmocka_unit_test(a_clock_is_read_from_its_fact),
        cmocka_unit_test(nothing_is_told_without_a_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
