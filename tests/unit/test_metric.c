/* metric and id: the exposition to the letter, and the bits of UUIDs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/base/id.h"
#include "common/base/metric.h"

static void
exposition(void **state)
{
    struct metrics *ms = metrics_new();
    struct metric *a = metric(ms, METRIC_COUNTER, "b_records", "topic=\"x\"", "Records.");
    struct metric *g = metric(ms, METRIC_GAUGE, "a_lag_seconds", "", "Lag.");
    struct buf out = buf_make(1 << 16);

    (void)state;
    metric_add(metric(ms, METRIC_COUNTER, "b_records", "topic=\"y\"", "Records."), 2);
    assert_ptr_equal(metric(ms, METRIC_COUNTER, "b_records", "topic=\"x\"", "Records."), a);
    metric_add(a, 9007199254740991.0);
    metric_set(g, 3);
    metric_set(g, 0.25);
    assert_true(metric_value(g) == 0.25);
    metrics_write(ms, &out);
    assert_string_equal(out.p, "# TYPE a_lag_seconds gauge\n# HELP a_lag_seconds Lag.\na_lag_seconds 0.25\n"
                               "# TYPE b_records counter\n# HELP b_records Records.\n"
                               "b_records_total{topic=\"x\"} 9007199254740991\n"
                               "b_records_total{topic=\"y\"} 2\n# EOF\n");
    buf_free(&out);
    metrics_free(ms);
    metrics_free(NULL);
}

static void
histograms(void **state)
{
    static const double seen[] = {0, 0.001, 0.0011, 0.3, 60, 61};
    struct metrics *ms = metrics_new();
    struct metric *h = metric(ms, METRIC_HISTOGRAM, "t_seconds", "op=\"x\"", "Time.");
    struct buf out = buf_make(1 << 16);

    (void)state;
    for (int i = 0; i < 6; i++)
        metric_observe(h, seen[i]);
    metrics_write(ms, &out);
    assert_non_null(strstr(out.p, "t_seconds_bucket{op=\"x\",le=\"0.001\"} 2\n"));
    assert_non_null(strstr(out.p, "t_seconds_bucket{op=\"x\",le=\"0.002\"} 3\n"));
    assert_non_null(strstr(out.p, "t_seconds_bucket{op=\"x\",le=\"0.2\"} 3\n"));
    assert_non_null(strstr(out.p, "t_seconds_bucket{op=\"x\",le=\"0.5\"} 4\n"));
    assert_non_null(strstr(out.p, "t_seconds_bucket{op=\"x\",le=\"60\"} 5\n"));
    assert_non_null(strstr(out.p, "t_seconds_bucket{op=\"x\",le=\"+Inf\"} 6\n"));
    assert_non_null(strstr(out.p, "t_seconds_sum{op=\"x\"} 121.3021\nt_seconds_count{op=\"x\"} 6\n# EOF\n"));
    buf_free(&out);
    metrics_free(ms);
}

/* Families stand together whatever the order in which their series came. */
static void
families_stand_together(void **state)
{
    static const char *const name[] = {"b", "a", "c", "a", "b", "c", "a"};
    struct metrics *ms = metrics_new();
    struct buf out = buf_make(1 << 16);
    unsigned types = 0;

    (void)state;
    for (int i = 0; i < 7; i++)
        metric(ms, METRIC_GAUGE, name[i], (char[]){'l', '=', '"', (char)('0' + i), '"', 0}, "Help.");
    metrics_write(ms, &out);
    for (const char *z = out.p; (z = strstr(z, "# TYPE")); z++)
        types++;
    assert_int_equal(types, 3);
    buf_free(&out);
    metrics_free(ms);
}

/* ---- ids -------------------------------------------------------------------------------------------------------- */

static const unsigned char ns[16] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                     0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};

/* Stored ids hang on this: uuid5(NAMESPACE_DNS, "1:a2:bc") by another implementation. */
static void
derived_ids_are_fixed(void **state)
{
    const struct str parts[] = {STR("a"), STR("bc")};
    char id[ID_TEXT];

    (void)state;
    id_derive(ns, parts, 2, id);
    assert_string_equal(id, "baf709a9-1560-5dba-9de3-8786acbddb99");
}

static void
derived_ids_tell_parts_apart(void **state)
{
    const struct str part[][2] = {{STR("ab"), STR("c")}, {STR("a"), STR("bc")},     {STR(""), STR("abc")},
                                  {STR("abc"), STR("")}, {STR("1:a"), STR("2:bc")}, {STR("a\0"), STR("bc")}};
    char id[6][ID_TEXT];

    (void)state;
    for (int i = 0; i < 6; i++) {
        id_derive(ns, part[i], 2, id[i]);
        assert_int_equal(id[i][14], '5');
        assert_non_null(strchr("89ab", id[i][19]));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(id[i], id[k]);
    }
}

static void
timed_ids(void **state)
{
    char a[ID_TEXT];
    char b[ID_TEXT];
    uint64_t seen = 0;

    (void)state;
    id_time(INT64_C(1764049924123456), a);
    id_time(INT64_C(1764049924123456), b);
    assert_true(
        strtoull((char[]){a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[9], a[10], a[11], a[12], 0}, NULL,
                 16) == 1764049924123ULL);
    assert_int_equal(a[14], '7');
    assert_non_null(strchr("89ab", a[19]));
    assert_string_not_equal(a, b);
    id_time(INT64_C(1764049924124000), b);
    assert_true(strcmp(a, b) < 0);
    for (int i = 0; i < 64; i++)
        seen |= id_random();
    assert_true(seen == UINT64_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exposition),
        cmocka_unit_test(histograms),
        cmocka_unit_test(families_stand_together),
        cmocka_unit_test(derived_ids_are_fixed),
        cmocka_unit_test(derived_ids_tell_parts_apart),
        cmocka_unit_test(timed_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
