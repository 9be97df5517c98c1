#include "producers/ctl/topics_seen.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clk.h"
#include "common/base/hash.h"
#include "common/pg/pg.h"
#include "workers/sop/fact.h"

enum { BATCH = 500, WAIT_MS = 100 };

/* A partition, and up to where it is read. */
struct reach {
    char *topic;
    int32_t partition;
    int64_t end;
    bool done;
};

struct record_seen {
    struct event *ev;
    rd_kafka_message_t *rkm;
};

struct reading {
    struct topics_seen *t;
    rd_kafka_t *rk;
    struct reach *parts;
    int n, open;
    struct event_opts opts;
    struct record_seen batch[BATCH];
    size_t nbatch;
    struct pg_args args;
};

/* ---- what is asked ---------------------------------------------------------------------------------------------- */

static enum res
list_parts(struct reading *r)
{
    struct ctl *c = r->t->c;
    char group[200];
    const char *args[] = {group};
    PGresult *found;

    snprintf(group, sizeof group, "%s-projector", c->set.group_prefix);
    found = ctl_query(c,
                      "select topic, partition, next_offset from consumer_offset"
                      " where consumer_group = $1 and next_offset > 0 order by 1, 2",
                      1, args);
    if (!found)
        return c->e.res;
    r->parts = calloc((size_t)PQntuples(found) + 1, sizeof *r->parts);
    for (int i = 0; r->parts && i < PQntuples(found); i++) {
        struct reach *p = &r->parts[r->n++];
        int64_t n = 0;

        p->topic = strdup(PQgetvalue(found, i, 0));
        str_int(str_of(PQgetvalue(found, i, 1)), &n);
        p->partition = (int32_t)n;
        str_int(str_of(PQgetvalue(found, i, 2)), &p->end);
    }
    PQclear(found);
    return r->parts ? RES_OK : err_set(&c->e, RES_RETRY, "out of memory");
}

static enum res
open_consumer(struct reading *r)
{
    static const char *const defaults[] = {
        "client.id", "bedelauctl-verify",    "group.id", "bedelauctl-verify", "enable.auto.commit",
        "false",     "enable.partition.eof", "true",     "auto.offset.reset", "earliest",
        NULL};

    return ctl_consumer(r->t->c, defaults, &r->rk);
}

/* Partitions of which nothing is left are not opened: their time is over. */
static enum res
assign(struct reading *r)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(r->n + 1);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int i = 0; i < r->n && !err; i++) {
        struct reach *p = &r->parts[i];
        int64_t low = 0;
        int64_t high = 0;

        err = rd_kafka_query_watermark_offsets(r->rk, p->topic, p->partition, &low, &high, CTL_KAFKA_MS);
        p->done = low >= p->end || high == low;
        if (high < p->end)
            p->end = high;
        if (!p->done && !err)
            rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = low;
        r->open += !p->done;
    }
    if (!err && list->cnt)
        err = rd_kafka_assign(r->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err ? err_set(&r->t->c->e, RES_RETRY, "Kafka: %s", rd_kafka_err2str(err)) : RES_OK;
}

/* ---- what is there ---------------------------------------------------------------------------------------------- */

static void
put_texts(struct reading *r, size_t member)
{
    pg_array(&r->args, PG_TEXT);
    for (size_t i = 0; i < r->nbatch; i++)
        pg_elem_text(&r->args, *(const struct str *)(const void *)((const char *)r->batch[i].ev + member));
    pg_array_end(&r->args);
}

static void
put_digests(struct reading *r, size_t member)
{
    pg_array(&r->args, PG_BYTEA);
    for (size_t i = 0; i < r->nbatch; i++)
        pg_elem_text(&r->args, (struct str){(const char *)r->batch[i].ev + member, 16});
    pg_array_end(&r->args);
}

static void
put_data_hashes(struct reading *r)
{
    pg_array(&r->args, PG_BYTEA);
    for (size_t i = 0; i < r->nbatch; i++) {
        struct str data = r->batch[i].ev->ce.data;
        unsigned char digest[HASH_SIZE];

        hash_sha256(data.p ? data : STR("null"), digest);
        pg_elem_text(&r->args, (struct str){(const char *)digest, HASH_SIZE});
    }
    pg_array_end(&r->args);
}

static void
put_places(struct reading *r)
{
    pg_array(&r->args, PG_TEXT);
    for (size_t i = 0; i < r->nbatch; i++)
        pg_elem_text(&r->args, str_of(rd_kafka_topic_name(r->batch[i].rkm->rkt)));
    pg_array_end(&r->args);
    pg_array(&r->args, PG_INT4);
    for (size_t i = 0; i < r->nbatch; i++)
        pg_elem_int4(&r->args, r->batch[i].rkm->partition);
    pg_array_end(&r->args);
    pg_array(&r->args, PG_INT8);
    for (size_t i = 0; i < r->nbatch; i++)
        pg_elem_int8(&r->args, r->batch[i].rkm->offset);
    pg_array_end(&r->args);
}

static void
tell(const struct reading *r, const rd_kafka_message_t *rkm, const char *what)
{
    const struct topics_flaw f = {rd_kafka_topic_name(rkm->rkt), rkm->partition, rkm->offset, what};

    r->t->flaw(r->t->arg, &f);
}

/* An id that was used before for another content belongs to the dead letters, not to the log, and so does what the database
 * refused. */
static const char missing_sql[] =
    "select u.i, e.seq is not null from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], "
    "$6::bytea[], $7::text[], $8::int[], $9::bigint[])"
    " with ordinality u(subject, source, id, key, hash, data, topic, part, place, i) left join event e on "
    "e.subject = u.subject "
    "and"
    " e.source = u.source and e.id = u.id where (e.seq is null or e.data_hash <> u.data) and not exists"
    " (select from event_id x where x.key = u.key and x.hash <> u.hash) and (e.seq is not null or not exists"
    " (select from dead_letter d where d.worker = 'projector' and d.topic = u.topic and d.partition = u.part"
    " and d.kafka_offset = u.place)) order by 1";

static enum res
look_up(struct reading *r)
{
    struct pg_params p;
    PGresult *found;

    if (!r->nbatch)
        return RES_OK;
    pg_args_reset(&r->args);
    put_texts(r, offsetof(struct event, subject));
    put_texts(r, offsetof(struct event, ce.source));
    put_texts(r, offsetof(struct event, ce.id));
    put_digests(r, offsetof(struct event, seen_key));
    put_digests(r, offsetof(struct event, seen_hash));
    put_data_hashes(r);
    put_places(r);
    pg_args_params(&r->args, &p);
    found = ctl_query_params(r->t->c, missing_sql, (int)r->args.n, &p);
    for (int i = 0; found && i < PQntuples(found); i++)
        tell(r, r->batch[pg_int(found, i, 0) - 1].rkm, pg_int(found, i, 1) ? "other_data" : "not_recorded");
    PQclear(found);
    return found ? RES_OK : r->t->c->e.res;
}

static void
drop_batch(struct reading *r)
{
    for (size_t i = 0; i < r->nbatch; i++) {
        event_free(r->batch[i].ev);
        rd_kafka_message_destroy(r->batch[i].rkm);
    }
    r->nbatch = 0;
}

static enum res
keep(struct reading *r, rd_kafka_message_t *rkm)
{
    struct flow_item it = {.rkm = rkm};
    struct err e = {0};
    enum res res = RES_OK;

    r->t->read++;
    if (event_read(&r->opts, &it, &e) != RES_OK) {
        r->t->bad++;
        rd_kafka_message_destroy(rkm);
        return RES_OK;
    }
    event_identify(it.mine);
    r->batch[r->nbatch++] = (struct record_seen){it.mine, rkm};
    if (r->nbatch == BATCH) {
        res = look_up(r);
        drop_batch(r);
    }
    return res;
}

static struct reach *
find(struct reading *r, const rd_kafka_message_t *rkm)
{
    const char *topic = rkm->rkt ? rd_kafka_topic_name(rkm->rkt) : "";

    for (int i = 0; i < r->n; i++)
        if (r->parts[i].partition == rkm->partition && strcmp(r->parts[i].topic, topic) == 0)
            return &r->parts[i];
    return NULL;
}

static void
finish(struct reading *r, struct reach *p)
{
    r->open -= !p->done;
    p->done = true;
}

static enum res
take(struct reading *r, rd_kafka_message_t *rkm)
{
    struct reach *p = find(r, rkm);
    bool wanted = p && !p->done && !rkm->err && rkm->offset < p->end;

    if (p && (rkm->err == RD_KAFKA_RESP_ERR__PARTITION_EOF || (!rkm->err && rkm->offset >= p->end - 1)))
        finish(r, p);
    if (wanted)
        return keep(r, rkm);
    rd_kafka_message_destroy(rkm);
    return RES_OK;
}

static enum res
read_all(struct reading *r)
{
    int64_t last_ms = clk_mono_ms();
    enum res res = RES_OK;

    while (r->open && res == RES_OK) {
        rd_kafka_message_t *rkm = rd_kafka_consumer_poll(r->rk, WAIT_MS);

        if (rkm) {
            last_ms = clk_mono_ms();
            res = take(r, rkm);
        } else if (clk_mono_ms() - last_ms > CTL_KAFKA_MS) {
            return err_set(&r->t->c->e, RES_RETRY, "Kafka gives no record for %d s", CTL_KAFKA_MS / 1000);
        }
    }
    return res == RES_OK ? look_up(r) : res;
}

enum res
topics_seen_run(struct topics_seen *t)
{
    struct reading *r = calloc(1, sizeof *r);
    enum res res;

    if (!r)
        return err_set(&t->c->e, RES_RETRY, "out of memory");
    r->t = t;
    r->args = pg_args_make();
    r->opts = (struct event_opts){t->c->set.topic_prefix, t->c->sop.event_max, t->c->sop.tolerance_ms * 1000};
    res = list_parts(r);
    if (res == RES_OK)
        res = open_consumer(r);
    if (res == RES_OK)
        res = assign(r);
    if (res == RES_OK)
        res = read_all(r);
    drop_batch(r);
    if (r->rk) {
        rd_kafka_assign(r->rk, NULL);
        rd_kafka_consumer_close(r->rk);
        rd_kafka_destroy(r->rk);
    }
    for (int i = 0; i < r->n; i++)
        free(r->parts[i].topic);
    free(r->parts);
    pg_args_free(&r->args);
    free(r);
    return res;
}
