#include "producers/ctl/topics_seen.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/pg/pg.h"
#include "producers/ctl/topics_read.h"
#include "workers/sop/fact.h"

enum { BATCH = 500 };

struct record_seen {
    struct event *ev;
    rd_kafka_message_t *rkm;
};

struct reading {
    struct topics_seen *t;
    struct topics_read topics;
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
    enum res res = RES_OK;

    snprintf(group, sizeof group, "%s-projector", c->set.group_prefix);
    found = ctl_query(c,
                      "select topic, partition, next_offset from consumer_offset"
                      " where consumer_group = $1 and next_offset > 0 order by 1, 2",
                      1, args);
    if (!found)
        return c->e.res;
    for (int i = 0; i < PQntuples(found) && res == RES_OK; i++) {
        int64_t n = 0;

        str_int(str_of(PQgetvalue(found, i, 1)), &n);
        res = topics_read_add(&r->topics, PQgetvalue(found, i, 0), (int32_t)n);
        if (res == RES_OK)
            str_int(str_of(PQgetvalue(found, i, 2)), &r->topics.parts[i].end);
    }
    PQclear(found);
    return res;
}

/* Of each partition what it still holds of what was read. */
static enum res
bound(struct reading *r)
{
    enum res res = topics_read_ask(&r->topics);

    for (int i = 0; i < r->topics.n; i++) {
        struct topics_part *p = &r->topics.parts[i];

        p->next = p->low;
        if (p->high < p->end)
            p->end = p->high;
    }
    return res;
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
keep(void *arg, rd_kafka_message_t *rkm)
{
    struct reading *r = arg;
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
    r->topics = (struct topics_read){.c = t->c, .record = keep, .arg = r};
    res = list_parts(r);
    if (res == RES_OK)
        res = topics_read_open(&r->topics, "bedelauctl-verify");
    if (res == RES_OK)
        res = bound(r);
    if (res == RES_OK)
        res = topics_read_run(&r->topics);
    if (res == RES_OK)
        res = look_up(r);
    drop_batch(r);
    topics_read_close(&r->topics);
    pg_args_free(&r->args);
    free(r);
    return res;
}
