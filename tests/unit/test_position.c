/* position: which record is new, which was applied, which topic is another; and the outbox' headers and lanes. Records
 * are made by hand: no client, no broker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "common/flow/outbox.h"
#include "common/flow/position.h"
#include "tests/unit/record.h"

static struct positions
assign(void)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(3);
    struct positions ps = {0};

    rd_kafka_topic_partition_list_add(list, "a", 0);
    rd_kafka_topic_partition_list_add(list, "a", 1);
    rd_kafka_topic_partition_list_add(list, "b", 0);
    assert_int_equal(positions_assign(&ps, list, NULL), RES_OK);
    rd_kafka_topic_partition_list_destroy(list);
    return ps;
}

static void
assigned(void **state)
{
    struct positions ps = assign();
    rd_kafka_topic_partition_list_t *list;

    (void)state;
    assert_int_equal(ps.n, 3);
    assert_ptr_equal(positions_find(&ps, "a", 1), &ps.all[1]);
    assert_ptr_equal(positions_find(&ps, "b", 0), &ps.all[2]);
    assert_null(positions_find(&ps, "b", 1));
    assert_null(positions_find(&ps, "c", 0));
    assert_int_equal(positions_in_batch(&ps), 0);
    ps.all[0].next = 10;
    ps.all[1].next = 10;
    ps.all[1].verify = true;
    list = positions_list(&ps);
    assert_int_equal(list->elems[0].offset, 10);
    assert_int_equal(list->elems[1].offset, 9); /* the one before, to see that it is the same */
    assert_int_equal(list->elems[2].offset, RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_topic_partition_list_destroy(list);
    positions_free(&ps);
    assert_int_equal(ps.n, 0);
    positions_free(&ps);
}

/* Offsets have gaps, and come again after a seek. */
static void
repeats_and_gaps(void **state)
{
    static const struct {
        int64_t offset;
        enum position_verdict want;
    } row[] = {{0, POSITION_NEW},    {1, POSITION_NEW},    {1, POSITION_REPEAT}, {5, POSITION_NEW},
               {2, POSITION_REPEAT}, {5, POSITION_REPEAT}, {6, POSITION_NEW}};
    struct positions ps = assign();

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct record r;

        record_make(&r, NULL, row[i].offset, "x");
        assert_int_equal(positions_judge(&ps.all[0], &r.m), row[i].want);
    }
    positions_free(&ps);
}

/* What a batch leaves behind is what the next process compares the topic with. */
static void
a_batch_moves_its_partitions(void **state)
{
    struct positions ps = assign();
    struct record r[2];
    rd_kafka_topic_partition_list_t *told;

    (void)state;
    record_make(&r[0], NULL, 4, "one");
    record_make(&r[1], NULL, 7, "two");
    positions_note(&ps.all[1], &r[0].m);
    positions_note(&ps.all[1], &r[1].m);
    assert_int_equal(positions_in_batch(&ps), 1);
    positions_forget_batch(&ps);
    assert_int_equal(positions_in_batch(&ps), 0);
    assert_int_equal(ps.all[1].next, -1); /* rolled back: where it was */
    positions_note(&ps.all[1], &r[1].m);
    told = positions_commit(&ps);
    assert_int_equal(told->cnt, 1);
    assert_string_equal(told->elems[0].topic, "a");
    assert_int_equal(told->elems[0].partition, 1);
    assert_int_equal(told->elems[0].offset, 8);
    rd_kafka_topic_partition_list_destroy(told);
    assert_int_equal(ps.all[1].next, 8);
    assert_int_equal(positions_in_batch(&ps), 0);
    positions_free(&ps);
}

/* What is newer than all that was read stands behind it, or the topic is another one. */
static void
newer_before_our_place(void **state)
{
    struct positions ps = assign();
    struct position *p = &ps.all[0];
    rd_kafka_topic_partition_list_t *list;

    (void)state;
    *p = (struct position){.topic = p->topic,
                           .next = 20,
                           .batch_next = -1,
                           .server_time = true,
                           .newest_ms = 900,
                           .look_ms = 500,
                           .look_next = 10};
    ps.all[1].look_ms = 500; /* its records' times are their senders': nothing follows from them */
    list = positions_to_look(&ps);
    assert_int_equal(list->cnt, 1); /* and of the third nothing was read */
    assert_int_equal(list->elems[0].offset, 501);
    rd_kafka_topic_partition_list_destroy(list);
    assert_true(positions_looked(p, 0));
    assert_true(positions_looked(p, 9));
    assert_int_equal(p->look_next, 10);
    assert_false(positions_looked(p, 10));
    assert_int_equal(p->look_next, 20); /* from now on it is compared with what has been read by now */
    assert_int_equal(p->look_ms, 900);
    assert_false(positions_looked(p, RD_KAFKA_OFFSET_END));
    p->next = 30;
    p->newest_ms = 950;
    assert_true(positions_looked(
        p, 19)); /* the log begins before it: a clock set back, which is not asked about twice */
    positions_looked_at(p);
    assert_int_equal(p->look_next, 30);
    assert_int_equal(p->look_ms, 950);
    list = positions_list_stopped(&ps);
    assert_int_equal(list->cnt, 0);
    rd_kafka_topic_partition_list_destroy(list);
    p->stopped = true;
    list = positions_to_look(&ps);
    assert_int_equal(list->cnt, 0);
    assert_int_equal(positions_stopped(&ps), 1);
    rd_kafka_topic_partition_list_destroy(list);
    list = positions_list_stopped(&ps);
    assert_int_equal(list->cnt, 1);
    assert_string_equal(list->elems[0].topic, "a");
    assert_int_equal(list->elems[0].partition, 0);
    rd_kafka_topic_partition_list_destroy(list);
    positions_free(&ps);
}

static void
status_is_json(void **state)
{
    struct positions ps = assign();
    struct buf out = buf_make(1000);

    (void)state;
    ps.all[2].stopped = true;
    positions_status(&ps, &out);
    assert_string_equal(out.p, "[{\"topic\":\"a\",\"partition\":0,\"next\":-1,\"stopped\":false},"
                               "{\"topic\":\"a\",\"partition\":1,\"next\":-1,\"stopped\":false},"
                               "{\"topic\":\"b\",\"partition\":0,\"next\":-1,\"stopped\":true}]");
    buf_free(&out);
    positions_free(&ps);
}

/* ---- outbox: what is stored of a record --------------------------------------------------------------------------- */

static void
packed_headers(void **state)
{
    const struct producer_header h[] = {
        {"a", STR("xy")}, {"", STR("")}, {"null", STR_NULL}, {"nul", STR("\0")}};
    struct buf out = buf_make(1000);

    (void)state;
    outbox_headers(h, 0, &out);
    assert_int_equal(out.n, 0);
    outbox_headers(h, 4, &out);
    assert_true(str_eq(buf_view(&out), STR("\0\1a\0\0\0\0\2xy"
                                           "\0\0\0\0\0\0\0"
                                           "\0\4null\0\xff\xff\xff\xff"
                                           "\0\3nul\0\0\0\0\1\0")));
    buf_free(&out);
}

/* Stored rows hang on these: a key must stay in its lane through every version. */
static void
lanes(void **state)
{
    unsigned hit = 0;

    (void)state;
    assert_int_equal(outbox_lane(STR("BDL-2026-000123")), 1);
    assert_int_equal(outbox_lane(STR_NULL), 2);
    for (int i = 0; i < 1000; i++) {
        char key[24];
        int32_t lane;

        snprintf(key, sizeof key, "BDL-2026-%06d", i);
        lane = outbox_lane(str_of(key));
        assert_in_range(lane, 0, OUTBOX_LANES - 1);
        hit |= 1U << lane;
    }
    assert_int_equal(hit, 0xffff);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assigned),
        cmocka_unit_test(repeats_and_gaps),
        cmocka_unit_test(a_batch_moves_its_partitions),
        cmocka_unit_test(newer_before_our_place),
        cmocka_unit_test(status_is_json),
        cmocka_unit_test(packed_headers),
        cmocka_unit_test(lanes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
