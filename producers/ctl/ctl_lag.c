/* lag: what each group has not read yet. The committed offsets are read first and the ends of the logs after them, so
 * that lag is never negative. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/kafka/kafka.h"
#include "common/base/caltime.h"
#include "common/base/clk.h"
#include "producers/ctl/ctl.h"
#include "producers/ctl/ctl_words.h"

struct part {
    const char *group, *topic; /* of the result */
    int32_t partition;
    int64_t next;      /* -1: from the beginning */
    int64_t low, end;  /* of the log; -1 unknown */
    int64_t oldest_ms; /* timestamp of the oldest record not read; -1 unknown or none */
};

struct lag {
    struct ctl *c;
    PGresult *rows; /* consumer_offset */
    struct part *parts;
    int n;
    rd_kafka_t *rk; /* consumer that looks at the oldest records */
    int64_t timeout_ms;
};

/* Records that wait; 0 when the end is not known. */
static int64_t
waiting(const struct part *p)
{
    int64_t from = p->next < p->low ? p->low : p->next;

    return p->end > from ? p->end - from : 0;
}

/* ---- where the groups stand ------------------------------------------------------------------------------------- */

static enum res
read_committed(struct lag *l)
{
    const char *args[] = {l->c->set.group_prefix};

    l->rows = ctl_query(l->c,
                        "select consumer_group, topic, partition, next_offset from consumer_offset"
                        " where starts_with(consumer_group, $1 || '-') order by 1, 2, 3",
                        1, args);
    if (!l->rows)
        return l->c->e.res;
    l->n = PQntuples(l->rows);
    l->parts = calloc((size_t)l->n + 1, sizeof *l->parts);
    if (!l->parts)
        return err_set(&l->c->e, RES_FATAL, "out of memory");
    for (int i = 0; i < l->n; i++) {
        const char *next = PQgetvalue(l->rows, i, 3);

        l->parts[i] = (struct part){PQgetvalue(l->rows, i, 0),
                                    PQgetvalue(l->rows, i, 1),
                                    (int32_t)strtol(PQgetvalue(l->rows, i, 2), NULL, 10),
                                    *next ? strtoll(next, NULL, 10) : -1,
                                    -1,
                                    -1,
                                    -1};
    }
    return RES_OK;
}

/* ---- where the logs begin and end ------------------------------------------------------------------------------- */

/* `logical` is RD_KAFKA_OFFSET_BEGINNING or _END: what the protocol calls the timestamps -2 and -1. All partitions in
 * one question per broker. */
static enum res
ask_offsets(struct lag *l, int64_t logical, rd_kafka_topic_partition_list_t **ret)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(l->n + 1);
    rd_kafka_resp_err_t err;

    *ret = list;
    for (int i = 0; i < l->n; i++)
        if (!rd_kafka_topic_partition_list_find(list, l->parts[i].topic, l->parts[i].partition))
            rd_kafka_topic_partition_list_add(list, l->parts[i].topic, l->parts[i].partition)->offset =
                logical;
    err = list->cnt ? rd_kafka_offsets_for_times(l->rk, list, CTL_KAFKA_MS) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (err && err != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && err != RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return err_set(&l->c->e, RES_RETRY, "Kafka: %s", rd_kafka_err2str(err));
    return RES_OK;
}

static int64_t
answered(const rd_kafka_topic_partition_list_t *list, const struct part *p)
{
    const rd_kafka_topic_partition_t *tp = rd_kafka_topic_partition_list_find(
        (rd_kafka_topic_partition_list_t *)(uintptr_t)list, p->topic, p->partition);

    return tp && !tp->err && tp->offset >= 0 ? tp->offset : -1;
}

static enum res
read_logs(struct lag *l)
{
    rd_kafka_topic_partition_list_t *low = NULL;
    rd_kafka_topic_partition_list_t *end = NULL;
    enum res res = ask_offsets(l, RD_KAFKA_OFFSET_BEGINNING, &low);

    if (res == RES_OK)
        res = ask_offsets(l, RD_KAFKA_OFFSET_END, &end);
    for (int i = 0; res == RES_OK && i < l->n; i++) {
        l->parts[i].low = answered(low, &l->parts[i]);
        l->parts[i].end = answered(end, &l->parts[i]);
    }
    if (low)
        rd_kafka_topic_partition_list_destroy(low);
    if (end)
        rd_kafka_topic_partition_list_destroy(end);
    return res;
}

/* ---- how old what waits is -------------------------------------------------------------------------------------- */

static enum res
open_consumer(struct lag *l)
{
    static const char *const defaults[] = {"client.id",
                                           "bedelauctl-lag",
                                           "group.id",
                                           "bedelauctl-lag",
                                           "enable.auto.commit",
                                           "false",
                                           "auto.offset.reset",
                                           "earliest",
                                           "fetch.message.max.bytes",
                                           "65536",
                                           "queued.min.messages",
                                           "1",
                                           "fetch.wait.max.ms",
                                           "100",
                                           NULL};

    return ctl_consumer(l->c, defaults, &l->rk);
}

static struct part *
find(struct lag *l, int from, int to, const rd_kafka_message_t *rkm)
{
    const char *topic = rd_kafka_topic_name(rkm->rkt);

    for (int i = from; i < to; i++)
        if (l->parts[i].partition == rkm->partition && strcmp(l->parts[i].topic, topic) == 0)
            return &l->parts[i];
    return NULL;
}

/* The first record of each partition of one group that lags, as far as it comes in time. */
static void
read_oldest(struct lag *l, int from, int to)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(to - from);
    int64_t end = clk_mono_ms() + l->timeout_ms;
    int missing = 0;

    for (int i = from; i < to; i++)
        if (waiting(&l->parts[i])) {
            struct part *p = &l->parts[i];

            rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset =
                p->next < p->low ? p->low : p->next;
            missing++;
        }
    if (missing)
        rd_kafka_assign(l->rk, list);
    while (missing && clk_mono_ms() < end) {
        rd_kafka_message_t *rkm = rd_kafka_consumer_poll(l->rk, 100);
        struct part *p = rkm && !rkm->err ? find(l, from, to, rkm) : NULL;

        if (p && p->oldest_ms < 0) {
            p->oldest_ms = rd_kafka_message_timestamp(rkm, NULL);
            missing--;
        }
        if (rkm)
            rd_kafka_message_destroy(rkm);
    }
    rd_kafka_assign(l->rk, NULL);
    rd_kafka_topic_partition_list_destroy(list);
}

static void
read_ages(struct lag *l)
{
    int from = 0;

    while (from < l->n) {
        int to = from;

        while (to < l->n && strcmp(l->parts[to].group, l->parts[from].group) == 0)
            to++;
        read_oldest(l, from, to);
        from = to;
    }
}

/* ---- output ----------------------------------------------------------------------------------------------------- */

struct sum {
    const char *group;
    int64_t lag, oldest_ms;
};

/* Sums the group that begins at `from`; returns where the next one begins. */
static int
sum_group(const struct lag *l, int from, struct sum *s)
{
    int i = from;

    *s = (struct sum){l->parts[from].group, 0, -1};
    for (; i < l->n && strcmp(l->parts[i].group, s->group) == 0; i++) {
        const struct part *p = &l->parts[i];

        s->lag += waiting(p);
        if (p->oldest_ms >= 0 && (s->oldest_ms < 0 || p->oldest_ms < s->oldest_ms))
            s->oldest_ms = p->oldest_ms;
    }
    return i;
}

static void
age_words(int64_t oldest_ms, int64_t lag, char out[CTL_WORDS_SPAN])
{
    if (oldest_ms >= 0)
        ctl_words_span(caltime_now() / 1000 - oldest_ms, out);
    else
        snprintf(out, CTL_WORDS_SPAN, "%s", lag ? "unknown" : "-");
}

static void
print_parts(const struct lag *l)
{
    char age[CTL_WORDS_SPAN];
    char next[24];
    char end[24];

    printf("%-24s %-32s %4s %12s %12s %9s  %s\n", "group", "topic", "part", "next", "end", "lag",
           "oldest waits");
    for (int i = 0; i < l->n; i++) {
        const struct part *p = &l->parts[i];

        snprintf(next, sizeof next, p->next < 0 ? "beginning" : "%lld", (long long)p->next);
        snprintf(end, sizeof end, p->end < 0 ? "unknown" : "%lld", (long long)p->end);
        age_words(p->oldest_ms, waiting(p), age);
        printf("%-24s %-32s %4d %12s %12s %9lld  %s%s\n", p->group, p->topic, (int)p->partition, next, end,
               (long long)waiting(p), age,
               p->next >= 0 && p->end >= 0 && p->next < p->low ? "  (records are gone)" : "");
    }
}

static json_t *
parts_json(const struct lag *l)
{
    json_t *all = json_array();

    for (int i = 0; i < l->n; i++) {
        const struct part *p = &l->parts[i];
        json_t *o = json_pack("{s:s, s:s, s:i, s:I}", "group", p->group, "topic", p->topic, "partition",
                              (int)p->partition, "lag", (json_int_t)waiting(p));

        json_object_set_new(o, "next_offset", p->next < 0 ? json_null() : json_integer(p->next));
        json_object_set_new(o, "log_end", p->end < 0 ? json_null() : json_integer(p->end));
        json_object_set_new(o, "oldest_age_ms",
                            p->oldest_ms < 0 ? json_null()
                                             : json_integer(caltime_now() / 1000 - p->oldest_ms));
        json_array_append_new(all, o);
    }
    return all;
}

static json_t *
groups_json(const struct lag *l)
{
    json_t *all = json_array();
    struct sum s;

    for (int i = 0; i < l->n;) {
        json_t *o;

        i = sum_group(l, i, &s);
        o = json_pack("{s:s, s:I}", "group", s.group, "lag", (json_int_t)s.lag);
        json_object_set_new(o, "oldest_age_ms",
                            s.oldest_ms < 0 ? json_null() : json_integer(caltime_now() / 1000 - s.oldest_ms));
        json_array_append_new(all, o);
    }
    return all;
}

static void
print_groups(const struct lag *l)
{
    char age[CTL_WORDS_SPAN];
    struct sum s;

    puts("\nper group");
    for (int i = 0; i < l->n;) {
        i = sum_group(l, i, &s);
        age_words(s.oldest_ms, s.lag, age);
        printf("  %-24s %9lld  %s\n", s.group, (long long)s.lag, age);
    }
}

/* ---- outboxes --------------------------------------------------------------------------------------------------- */

/* One row per worker that has an outbox; which there are, the catalogue tells. */
static PGresult *
read_outboxes(struct ctl *c)
{
    PGresult *tables = ctl_query(c,
                                 "select string_agg(format('select %L::text as worker, count(*) as waiting,"
                                 " min(created_at) as oldest from %I', substr(tablename, 8), tablename),"
                                 " ' union all ' order by tablename) from pg_tables"
                                 " where schemaname = current_schema() and starts_with(tablename, 'outbox_')"
                                 " and tablename <> 'outbox_lane'",
                                 0, NULL);
    PGresult *r =
        tables && !PQgetisnull(tables, 0, 0) ? ctl_query(c, PQgetvalue(tables, 0, 0), 0, NULL) : NULL;

    PQclear(tables);
    return r;
}

static void
print_outboxes(const PGresult *r)
{
    char age[CTL_WORDS_SPAN];

    puts("\noutbox rows that wait");
    for (int i = 0; i < PQntuples(r); i++) {
        int64_t t_us = ctl_time(r, i, 2);

        age_words(t_us == INT64_MIN ? -1 : t_us / 1000, 0, age);
        printf("  %-24s %9s  %s\n", PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), age);
    }
}

static void
print_all(const struct lag *l, const PGresult *outboxes)
{
    json_t *rows;

    if (!l->c->json) {
        print_parts(l);
        print_groups(l);
        print_outboxes(outboxes);
        return;
    }
    rows = json_array();
    for (int i = 0; i < PQntuples(outboxes); i++)
        json_array_append_new(rows, ctl_object(outboxes, i));
    ctl_print(
        json_pack("{s:o, s:o, s:o}", "partitions", parts_json(l), "groups", groups_json(l), "outbox", rows));
}

int
ctl_lag(struct ctl *c, int argc, char **argv)
{
    struct lag l = {.c = c};
    const char *timeout = "10s";
    const struct ctl_opt opts[] = {{"timeout", &timeout, NULL}, {0}};
    PGresult *outboxes = NULL;
    enum res res;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}) ||
        !ctl_span(c, "--timeout", timeout, &l.timeout_ms))
        return APP_USAGE;
    res = ctl_db(c);
    if (res == RES_OK)
        res = read_committed(&l);
    if (res == RES_OK)
        res = open_consumer(&l);
    if (res == RES_OK)
        res = read_logs(&l);
    if (res == RES_OK)
        read_ages(&l);
    outboxes = res == RES_OK ? read_outboxes(c) : NULL;
    if (outboxes)
        print_all(&l, outboxes);
    if (l.rk)
        kafka_destroy(l.rk);
    PQclear(outboxes);
    PQclear(l.rows);
    free(l.parts);
    return outboxes ? APP_OK : ctl_failed(c);
}
