#include "common/flow/position.h"

#include <stdlib.h>

#include "common/base/log.h"

static const struct pg_stmt take_stmt = {"take_offsets",
                                         "select * from take_offsets($1::text, $2::text[], $3::int[])"};
/* No record is of that time. */
static const struct pg_stmt spoil_stmt = {
    "spoil_offset",
    "update consumer_offset set last_timestamp = 0 where consumer_group = $1::text and topic = $2::text "
    "and partition = $3::int and generation = $4::bigint"};
static const struct pg_stmt break_stmt = {"break_stalled", "select break_stalled('5 s')"};
static const struct pg_stmt advance_stmt = {
    "advance_offsets", "select advance_offsets($1::text, $2::text[], $3::int[], $4::bigint[], $5::bigint[], "
                       "$6::bigint[], $7::bigint[], $8::bigint[])"};

void
positions_free(struct positions *ps)
{
    for (size_t i = 0; i < ps->n; i++)
        free(ps->all[i].topic);
    free(ps->all);
    *ps = (struct positions){0};
}

enum res
positions_assign(struct positions *ps, const rd_kafka_topic_partition_list_t *parts, struct err *e)
{
    positions_free(ps);
    ps->all = calloc((size_t)parts->cnt + 1, sizeof *ps->all);
    for (int i = 0; ps->all && i < parts->cnt; i++) {
        struct position *p = &ps->all[i];

        *p = (struct position){.partition = parts->elems[i].partition,
                               .next = -1,
                               .batch_next = -1,
                               .newest_ms = INT64_MIN,
                               .look_ms = INT64_MIN};
        p->topic = strdup(parts->elems[i].topic);
        if (!p->topic)
            break;
        ps->n++;
    }
    if (ps->n == (size_t)parts->cnt && ps->all)
        return RES_OK;
    positions_free(ps);
    return err_set(e, RES_RETRY, "out of memory");
}

struct position *
positions_find(struct positions *ps, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < ps->n; i++)
        if (ps->all[i].partition == partition && strcmp(ps->all[i].topic, topic) == 0)
            return &ps->all[i];
    return NULL;
}

static void
on_broken(void *arg, const PGresult *r)
{
    (void)arg;
    if (PQntuples(r) && pg_int(r, 0, 0) > 0)
        log_warn("ended the database sessions of programs that had stopped in the middle of a transaction",
                 LOG_I("sessions", pg_int(r, 0, 0)));
}

void
positions_take(struct positions *ps, struct pg *pg, const char *group, struct pg_args *args, pg_rows_fn fn,
               void *arg)
{
    pg_send(pg, &break_stmt, NULL, on_broken, NULL);
    pg_args_reset(args);
    pg_arg_text(args, str_of(group));
    pg_array(args, PG_TEXT);
    for (size_t i = 0; i < ps->n; i++)
        pg_elem_text(args, str_of(ps->all[i].topic));
    pg_array_end(args);
    pg_array(args, PG_INT4);
    for (size_t i = 0; i < ps->n; i++)
        pg_elem_int4(args, ps->all[i].partition);
    pg_array_end(args);
    pg_send(pg, &take_stmt, args, fn, arg);
}

static struct position *
find_row(struct positions *ps, const PGresult *r, int row)
{
    struct str topic = pg_text(r, row, 0);

    for (size_t i = 0; i < ps->n; i++)
        if (ps->all[i].partition == pg_int(r, row, 1) && str_is(topic, ps->all[i].topic))
            return &ps->all[i];
    return NULL;
}

void
positions_taken(struct positions *ps, const PGresult *r)
{
    for (int i = 0; i < PQntuples(r); i++) {
        struct position *p = find_row(ps, r, i);

        if (!p)
            continue;
        p->next = PQgetisnull(r, i, 2) ? -1 : pg_int(r, i, 2);
        p->generation = pg_int(r, i, 3);
        p->last_ms = PQgetisnull(r, i, 4) ? INT64_MIN : pg_int(r, i, 4);
        p->last_hash = pg_int(r, i, 5);
        p->verify = p->next > 0 && p->last_ms != INT64_MIN;
        p->newest_ms = p->look_ms = p->last_ms;
        p->look_next = p->next;
        p->changed = false;
        p->fetched = p->next;
        p->stopped = false;
        p->batch_next = -1;
    }
}

rd_kafka_topic_partition_list_t *
positions_list(const struct positions *ps)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)ps->n);

    for (size_t i = 0; i < ps->n; i++) {
        const struct position *p = &ps->all[i];

        rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset =
            p->next < 0 ? RD_KAFKA_OFFSET_BEGINNING : p->next - p->verify;
    }
    return list;
}

static int64_t
record_hash(const rd_kafka_message_t *rkm)
{
    uint64_t k = str_hash((struct str){rkm->key, rkm->key_len});

    return (int64_t)(str_hash((struct str){rkm->payload, rkm->len}) ^ (k << 1 | k >> 63));
}

enum position_verdict
positions_judge(struct position *p, const rd_kafka_message_t *rkm)
{
    if (p->verify) {
        bool same = rkm->offset == p->next - 1 && rd_kafka_message_timestamp(rkm, NULL) == p->last_ms &&
                    record_hash(rkm) == p->last_hash;

        if (!same)
            return POSITION_CHANGED;
        p->verify = false;
        return POSITION_REPEAT;
    }
    if (rkm->offset < p->fetched)
        return POSITION_REPEAT;
    p->fetched = rkm->offset + 1;
    return POSITION_NEW;
}

void
positions_note(struct position *p, const rd_kafka_message_t *rkm)
{
    rd_kafka_timestamp_type_t type;

    if (rkm->offset < p->next)
        return; /* a position never goes back */
    p->batch_next = rkm->offset + 1;
    p->batch_ms = rd_kafka_message_timestamp(rkm, &type);
    p->batch_last = rkm;
    p->server_time = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
    if (p->batch_ms > p->newest_ms)
        p->newest_ms = p->batch_ms;
}

/* ---- the same topic? --------------------------------------------------------------------------------------------- */

rd_kafka_topic_partition_list_t *
positions_to_look(const struct positions *ps)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)ps->n);

    for (size_t i = 0; i < ps->n; i++) {
        const struct position *p = &ps->all[i];

        if (!p->stopped && p->server_time && p->look_ms != INT64_MIN)
            rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = p->look_ms + 1;
    }
    return list;
}

void
positions_looked_at(struct position *p)
{
    p->look_ms = p->newest_ms;
    p->look_next = p->next;
}

bool
positions_looked(struct position *p, int64_t first_newer)
{
    if (first_newer >= 0 && first_newer < p->look_next)
        return true;
    positions_looked_at(p);
    return false;
}

void
positions_spoil(struct positions *ps, struct pg *pg, const char *group, struct pg_args *args)
{
    for (size_t i = 0; i < ps->n; i++) {
        if (!ps->all[i].changed)
            continue;
        pg_args_reset(args);
        pg_arg_text(args, str_of(group));
        pg_arg_text(args, str_of(ps->all[i].topic));
        pg_arg_int4(args, ps->all[i].partition);
        pg_arg_int8(args, ps->all[i].generation);
        pg_send(pg, &spoil_stmt, args, NULL, NULL);
    }
}

/* ---- a batch ----------------------------------------------------------------------------------------------------- */

void
positions_forget_batch(struct positions *ps)
{
    for (size_t i = 0; i < ps->n; i++)
        ps->all[i].batch_next = -1;
}

size_t
positions_in_batch(const struct positions *ps)
{
    size_t n = 0;

    for (size_t i = 0; i < ps->n; i++)
        n += ps->all[i].batch_next >= 0;
    return n;
}

/* One array of bigint, picked by field. */
static void
put_field(struct pg_args *args, const struct positions *ps, size_t offset)
{
    pg_array(args, PG_INT8);
    for (size_t i = 0; i < ps->n; i++)
        if (ps->all[i].batch_next >= 0)
            pg_elem_int8(args, *(const int64_t *)(const void *)((const char *)&ps->all[i] + offset));
    pg_array_end(args);
}

void
positions_advance(struct positions *ps, struct pg *pg, const char *group, struct pg_args *args)
{
    static const size_t fields[] = {offsetof(struct position, next), offsetof(struct position, generation),
                                    offsetof(struct position, batch_next),
                                    offsetof(struct position, batch_ms),
                                    offsetof(struct position, batch_hash)};

    for (size_t i = 0; i < ps->n; i++)
        if (ps->all[i].batch_next >= 0)
            ps->all[i].batch_hash = record_hash(ps->all[i].batch_last);
    pg_args_reset(args);
    pg_arg_text(args, str_of(group));
    pg_array(args, PG_TEXT);
    for (size_t i = 0; i < ps->n; i++)
        if (ps->all[i].batch_next >= 0)
            pg_elem_text(args, str_of(ps->all[i].topic));
    pg_array_end(args);
    pg_array(args, PG_INT4);
    for (size_t i = 0; i < ps->n; i++)
        if (ps->all[i].batch_next >= 0)
            pg_elem_int4(args, ps->all[i].partition);
    pg_array_end(args);
    for (unsigned i = 0; i < 5; i++)
        put_field(args, ps, fields[i]);
    pg_send(pg, &advance_stmt, args, NULL, NULL);
}

rd_kafka_topic_partition_list_t *
positions_commit(struct positions *ps)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)ps->n);

    for (size_t i = 0; i < ps->n; i++) {
        struct position *p = &ps->all[i];

        if (p->batch_next < 0)
            continue;
        p->next = p->batch_next;
        p->last_ms = p->batch_ms;
        p->last_hash = p->batch_hash;
        p->batch_next = -1;
        if (p->look_ms == INT64_MIN) {
            p->look_ms = p->newest_ms;
            p->look_next = p->next;
        }
        rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = p->next;
    }
    return list;
}

size_t
positions_stopped(const struct positions *ps)
{
    size_t n = 0;

    for (size_t i = 0; i < ps->n; i++)
        n += ps->all[i].stopped;
    return n;
}

rd_kafka_topic_partition_list_t *
positions_list_stopped(const struct positions *ps)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)ps->n);

    for (size_t i = 0; i < ps->n; i++)
        if (ps->all[i].stopped)
            rd_kafka_topic_partition_list_add(list, ps->all[i].topic, ps->all[i].partition);
    return list;
}

void
positions_status(const struct positions *ps, struct buf *out)
{
    buf_char(out, '[');
    for (size_t i = 0; i < ps->n; i++) {
        const struct position *p = &ps->all[i];

        buf_printf(out, "%s{\"topic\":\"%s\",\"partition\":%d,\"next\":%lld,\"stopped\":%s}", i ? "," : "",
                   p->topic, p->partition, (long long)p->next, p->stopped ? "true" : "false");
    }
    buf_char(out, ']');
}
