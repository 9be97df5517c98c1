#include "producers/ctl/relog.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/json/scan.h"
#include "common/pg/pg.h"
#include "producers/ctl/relog_sql.h"
#include "producers/ctl/topics_read.h"
#include "workers/sop/forget.h"
#include "workers/sop/rows.h"
#include "workers/sop/rules/secret.h"

enum { BATCH = 500, BATCH_BYTES = 32 << 20, SQL_MAX = 65536 };

/* A record that the log can keep. */
struct read_row {
    struct str key, hash, source, id, type, subject, topic, data, data_hash;
    int64_t time_us, effective_us, append_us, offset;
    int32_t partition, revisi;
};
#define MEMBER(m) offsetof(struct read_row, m)
static const struct worker_column read_columns[] = {{"key", PG_BYTEA, MEMBER(key)},
                                                    {"hash", PG_BYTEA, MEMBER(hash)},
                                                    {"source", PG_TEXT, MEMBER(source)},
                                                    {"id", PG_TEXT, MEMBER(id)},
                                                    {"type", PG_TEXT, MEMBER(type)},
                                                    {"subject", PG_TEXT, MEMBER(subject)},
                                                    {"time", PG_TIME, MEMBER(time_us)},
                                                    {"effective_at", PG_TIME, MEMBER(effective_us)},
                                                    {"topic", PG_TEXT, MEMBER(topic)},
                                                    {"partition", PG_INT4, MEMBER(partition)},
                                                    {"kafka_offset", PG_INT8, MEMBER(offset)},
                                                    {"append_at", PG_TIME, MEMBER(append_us)},
                                                    {"data", PG_TEXT, MEMBER(data)},
                                                    {"data_hash", PG_BYTEA, MEMBER(data_hash)},
                                                    {"revisi", PG_INT4, MEMBER(revisi)},
                                                    {NULL, PG_TEXT, 0}};

/* What the status topic says of a request. */
struct told_row {
    struct str nomor;
    int64_t versi, sidik;
};
#define TOLD(m) offsetof(struct told_row, m)
static const struct worker_column told_columns[] = {{"nomor_permohonan", PG_TEXT, TOLD(nomor)},
                                                    {"versi", PG_INT8, TOLD(versi)},
                                                    {"sidik", PG_INT8, TOLD(sidik)},
                                                    {NULL, PG_TEXT, 0}};

struct relog {
    struct ctl *c;
    bool partial;
    struct topics_read topics;
    char group[200], status[200];
    struct event_opts opts;
    struct forget_rules *lupa;
    json_t *forgotten;  /* an object whose names are the numbers */
    struct arena arena; /* of the batch */
    struct event *events[BATCH];
    rd_kafka_message_t *records[BATCH];
    struct read_row rows[BATCH];
    size_t n, bytes;
    struct told_row told[BATCH];
    size_t ntold;
    struct pg_args args;
    struct buf text;
    int64_t read, all, bad;
    void (*progress)(void *arg, int64_t n, int64_t of);
    void *arg;
};

/* ---- which partitions ------------------------------------------------------------------------------------------- */

static const char *const topics[] = {"requests",     "reviews",   "callbacks", "checks",
                                     "integrations", "deadlines", "status"};
enum { TOPICS = sizeof topics / sizeof topics[0] };

/* Which of `topics` a full name is; departments' own are requests. TOPICS: none. */
static unsigned
which(const struct relog *l, const char *name)
{
    size_t n = strlen(l->c->set.topic_prefix);

    if (strncmp(name, l->c->set.topic_prefix, n) != 0 || name[n] != '.')
        return TOPICS;
    name += n + 1;
    if (strncmp(name, "requests.", 9) == 0)
        return 0;
    for (unsigned i = 0; i < TOPICS; i++)
        if (strcmp(name, topics[i]) == 0)
            return i;
    return TOPICS;
}

static enum res
add_topic(struct relog *l, const rd_kafka_metadata_topic_t *t)
{
    enum res res = RES_OK;

    for (int i = 0; i < t->partition_cnt && res == RES_OK; i++)
        res = topics_read_add(&l->topics, t->topic, t->partitions[i].id);
    return res;
}

static enum res
list_parts(struct relog *l)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(l->topics.rk, 1, NULL, &md, CTL_KAFKA_MS);
    unsigned there = 0;
    enum res res = RES_OK;

    if (err)
        return err_set(&l->c->e, RES_RETRY, "Kafka: %s", rd_kafka_err2str(err));
    for (int i = 0; i < md->topic_cnt && res == RES_OK; i++) {
        unsigned w = which(l, md->topics[i].topic);

        if (w == TOPICS || md->topics[i].partition_cnt == 0)
            continue;
        there |= 1U << w;
        res = add_topic(l, &md->topics[i]);
    }
    rd_kafka_metadata_destroy(md);
    for (unsigned i = 0; i < TOPICS && res == RES_OK && !l->partial; i++)
        if (!(there & 1U << i))
            res = err_set(&l->c->e, RES_REJECT,
                          "topic %s.%s is not there, so its facts would be lost; if that is known, --partial",
                          l->c->set.topic_prefix, topics[i]);
    return res;
}

static bool
is_status(const struct relog *l, const struct topics_part *p)
{
    return strcmp(p->topic, l->status) == 0;
}

/* The first partition whose beginning is gone, or NULL. Of the status topic the newest rows are all that is needed. */
static const struct topics_part *
cut_off(const struct relog *l)
{
    for (int i = 0; i < l->topics.n; i++)
        if (l->topics.parts[i].low > 0 && !is_status(l, &l->topics.parts[i]))
            return &l->topics.parts[i];
    return NULL;
}

static enum res
refuse_cut_off(struct relog *l)
{
    const struct topics_part *p = l->partial ? NULL : cut_off(l);

    if (!p)
        return RES_OK;
    return err_set(&l->c->e, RES_REJECT,
                   "%s partition %d begins at offset %lld: what lay before is gone by its retention, and the "
                   "record cannot be made whole from the topics. --partial takes them as far as they reach, "
                   "keeps what the old log holds of before, and names the requests that stay incomplete",
                   p->topic, (int)p->partition, (long long)p->low);
}

/* ---- how far ---------------------------------------------------------------------------------------------------- */

/* Where the projector stood as Kafka was told after each of its transactions; -1 where it was not. */
static enum res
ask_committed(struct relog *l, int64_t *at)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(l->topics.n + 1);
    rd_kafka_resp_err_t err;

    for (int i = 0; i < l->topics.n; i++)
        rd_kafka_topic_partition_list_add(list, l->topics.parts[i].topic, l->topics.parts[i].partition);
    err = rd_kafka_committed(l->topics.rk, list, CTL_KAFKA_MS);
    for (int i = 0; i < l->topics.n; i++)
        at[i] = err || list->elems[i].err ? -1 : list->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return err ? err_set(&l->c->e, RES_RETRY, "Kafka: %s", rd_kafka_err2str(err)) : RES_OK;
}

/* The same as the database has it, where that is further. */
static enum res
ask_stored(struct relog *l, int64_t *at)
{
    const char *args[] = {l->group};
    PGresult *r =
        ctl_query(l->c,
                  "select topic, partition, next_offset from consumer_offset where consumer_group = "
                  "$1 and next_offset is not null",
                  1, args);

    for (int k = 0; r && k < PQntuples(r); k++)
        for (int i = 0; i < l->topics.n; i++) {
            const struct topics_part *p = &l->topics.parts[i];
            int64_t partition = -1;
            int64_t next = -1;

            str_int(str_of(PQgetvalue(r, k, 1)), &partition);
            str_int(str_of(PQgetvalue(r, k, 2)), &next);
            if (partition == p->partition && strcmp(PQgetvalue(r, k, 0), p->topic) == 0 && next <= p->high &&
                next > at[i])
                at[i] = next;
        }
    PQclear(r);
    return r ? RES_OK : l->c->e.res;
}

/* What the projector has not read it reads, and tells, by itself afterwards. */
static enum res
set_ends(struct relog *l)
{
    int64_t *at = calloc((size_t)l->topics.n + 1, sizeof *at);
    enum res res;

    if (!at)
        return err_set(&l->c->e, RES_RETRY, "out of memory");
    res = topics_read_ask(&l->topics);
    if (res == RES_OK)
        res = ask_committed(l, at);
    if (res == RES_OK)
        res = ask_stored(l, at);
    for (int i = 0; i < l->topics.n && res == RES_OK; i++) {
        struct topics_part *p = &l->topics.parts[i];
        bool known = at[i] >= p->low && at[i] <= p->high && !is_status(l, p);
        int64_t end = known ? at[i] : p->high;

        p->next = p->next > p->low ? p->next : p->low;
        p->end = end > p->next ? end : p->next;
        l->all += p->end - p->next;
    }
    free(at);
    return res == RES_OK ? refuse_cut_off(l) : res;
}

/* ---- records into the session's tables -------------------------------------------------------------------------- */

/* Inserts rows `from` .. `from + n - 1`, each a `size` bytes struct at `all`. */
static enum res
insert_into(struct relog *l, const char *table, const struct worker_column *cols, const char *all,
            size_t size, size_t n, const char *tail)
{
    const void *rows[BATCH];
    struct buf sql = buf_make(SQL_MAX);
    struct pg_params p;
    PGresult *r;

    for (size_t i = 0; i < n; i++)
        rows[i] = all + i * size;
    pg_args_reset(&l->args);
    columns_put(&l->args, cols, rows, n);
    buf_printf(&sql, "insert into %s as t (", table);
    columns_names(cols, &sql);
    buf_z(&sql, ") select * from unnest(");
    columns_arrays(cols, 1, &sql);
    buf_printf(&sql, ") u%s", tail);
    if (l->args.bytes.failed || sql.failed) {
        buf_free(&sql);
        return err_set(&l->c->e, RES_RETRY, "out of memory");
    }
    pg_args_params(&l->args, &p);
    r = ctl_query_params(l->c, sql.p, (int)l->args.n, &p);
    PQclear(r);
    buf_free(&sql);
    return r ? RES_OK : l->c->e.res;
}

/* What the database refuses of a record alone is a dead letter of the projector's, and no fact. */
static enum res
insert_rows(struct relog *l, size_t from, size_t n)
{
    enum res res = ctl_exec(l->c, "savepoint rows", 0, NULL, NULL);

    if (res == RES_OK)
        res =
            insert_into(l, "read_event", read_columns, (const char *)&l->rows[from], sizeof *l->rows, n, "");
    if (res != RES_REJECT)
        return res == RES_OK ? ctl_exec(l->c, "release savepoint rows", 0, NULL, NULL) : res;
    l->c->e = (struct err){0};
    res = ctl_exec(l->c, "rollback to savepoint rows", 0, NULL, NULL);
    if (n == 1) {
        l->bad++;
        return res;
    }
    if (res == RES_OK)
        res = insert_rows(l, from, n / 2);
    return res == RES_OK ? insert_rows(l, from + n / 2, n - n / 2) : res;
}

static void
drop_batch(struct relog *l)
{
    for (size_t i = 0; i < l->n; i++) {
        event_free(l->events[i]);
        rd_kafka_message_destroy(l->records[i]);
    }
    l->n = l->bytes = l->ntold = 0;
    arena_reset(&l->arena);
}

/* Of several rows of one request the newest counts: it comes last in its partition. */
static size_t
newest_told(struct relog *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->ntold; i++) {
        size_t k = 0;

        while (k < n && !str_eq(l->told[k].nomor, l->told[i].nomor))
            k++;
        l->told[k] = l->told[i].versi >= l->told[k].versi || k == n ? l->told[i] : l->told[k];
        n += k == n;
    }
    return n;
}

static enum res
flush(struct relog *l)
{
    bool own = PQtransactionStatus(l->c->pg) == PQTRANS_IDLE;
    enum res res = own ? ctl_exec(l->c, "begin", 0, NULL, NULL) : RES_OK;

    if (res == RES_OK && l->n)
        res = insert_rows(l, 0, l->n);
    if (res == RES_OK && l->ntold)
        res = insert_into(l, "told", told_columns, (const char *)l->told, sizeof *l->told, newest_told(l),
                          " on conflict (nomor_permohonan) do update set versi = excluded.versi, sidik = "
                          "excluded.sidik where excluded.versi >= t.versi");
    drop_batch(l);
    if (res == RES_OK && own)
        res = ctl_exec(l->c, "commit", 0, NULL, NULL);
    if (l->progress)
        l->progress(l->arg, l->read, l->all);
    return res;
}

/* ---- one record ------------------------------------------------------------------------------------------------- */

static struct str
kept_data(struct relog *l, const struct event *ev)
{
    struct str data = ev->ce.data.p ? ev->ce.data : STR("null");
    const char *nomor = arena_str(&l->arena, ev->subject).p;

    buf_reset(&l->text);
    if (json_object_get(l->forgotten, nomor))
        forget_data(l->lupa, ev->ce.type, data, &l->text);
    else if (!fact_is_outside(ev->fact.type) || !secret_mask(data, &l->text))
        return data;
    return arena_str(&l->arena, l->text.failed ? STR("null") : buf_view(&l->text));
}

static void
keep_event(struct relog *l, struct event *ev, rd_kafka_message_t *rkm)
{
    unsigned char *digest = arena_new(&l->arena, HASH_SIZE);
    struct str data = ev->ce.data.p ? ev->ce.data : STR("null");

    event_identify(ev);
    hash_sha256(data, digest);
    l->events[l->n] = ev;
    l->records[l->n] = rkm;
    l->rows[l->n++] = (struct read_row){.key = {(const char *)ev->seen_key, sizeof ev->seen_key},
                                        .hash = {(const char *)ev->seen_hash, sizeof ev->seen_hash},
                                        .source = ev->ce.source,
                                        .id = ev->ce.id,
                                        .type = ev->ce.type,
                                        .subject = ev->subject,
                                        .topic = str_of(rd_kafka_topic_name(rkm->rkt)),
                                        .data = kept_data(l, ev),
                                        .data_hash = {(const char *)digest, HASH_SIZE},
                                        .time_us = ev->ce.time_us,
                                        .effective_us = ev->fact.time_us,
                                        .append_us = ev->fact.append.ms * 1000,
                                        .offset = rkm->offset,
                                        .partition = rkm->partition,
                                        .revisi = ev->fact.revisi};
    l->bytes += rkm->len;
}

/* The fingerprint of what was told: everything after `versi` and `updated_at` (workers/sop/record.c). */
static void
keep_told(struct relog *l, const struct event *ev)
{
    const char *told = memmem(ev->ce.data.p, ev->ce.data.n, ",\"nomor_permohonan\":", 20);
    struct told_row *t = &l->told[l->ntold];

    *t = (struct told_row){.nomor = arena_str(&l->arena, ev->subject)};
    if (!told || !scan_int(scan_get(ev->ce.data, "versi"), &t->versi))
        return;
    t->sidik = (int64_t)str_hash((struct str){told, (size_t)(ev->ce.data.p + ev->ce.data.n - 1 - told)});
    l->ntold++;
}

static enum res
on_record(void *arg, rd_kafka_message_t *rkm)
{
    struct relog *l = arg;
    struct flow_item it = {.rkm = rkm};
    struct err e = {0};
    bool understood = event_read(&l->opts, &it, &e) == RES_OK;
    const struct event *ev = it.mine;

    l->read++;
    if (understood && ev->fact.type != FACT_STATUS) {
        keep_event(l, it.mine, rkm);
    } else {
        if (understood)
            keep_told(l, ev);
        else
            l->bad += rkm->len > 0;
        event_free(it.mine);
        rd_kafka_message_destroy(rkm);
    }
    return l->n == BATCH || l->ntold == BATCH || l->bytes > BATCH_BYTES ? flush(l) : RES_OK;
}

enum res
relog_read(struct relog *l, void (*progress)(void *arg, int64_t n, int64_t of), void *arg)
{
    enum res res = relog_note_outbox(l->c); /* first: what leaves it meanwhile is in the topic by then */

    l->progress = progress;
    l->arg = arg;
    if (res == RES_OK)
        res = set_ends(l);
    if (res == RES_OK)
        res = topics_read_run(&l->topics);
    return res == RES_OK ? flush(l) : res;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static enum res
load_rules(struct relog *l)
{
    char dir[4096];
    char path[4200];
    size_t n = 0;
    char *json;
    enum res res;

    if (!ctl_schemas(l->c, NULL, dir, sizeof dir))
        return err_set(&l->c->e, RES_FATAL, "without lupa.json it is not known what may be kept");
    snprintf(path, sizeof path, "%s/lupa.json", dir);
    json = file_read(path, 1 << 20, &n, &l->c->e);
    res = json ? forget_load((struct str){json, n}, &l->lupa, &l->c->e) : l->c->e.res;
    free(json);
    return res;
}

static enum res
ask_forgotten(struct relog *l)
{
    PGresult *r = ctl_query(l->c, "select nomor_permohonan from forgotten", 0, NULL);

    for (int i = 0; r && i < PQntuples(r); i++)
        json_object_set_new(l->forgotten, PQgetvalue(r, i, 0), json_true());
    PQclear(r);
    return r ? RES_OK : l->c->e.res;
}

enum res
relog_new(struct ctl *c, bool partial, struct relog **ret)
{
    struct relog *l = calloc(1, sizeof *l);
    enum res res;

    *ret = NULL;
    if (!l)
        return err_set(&c->e, RES_RETRY, "out of memory");
    *l = (struct relog){.c = c, .partial = partial, .args = pg_args_make(), .text = buf_make(16 << 20)};
    l->forgotten = json_object();
    l->topics = (struct topics_read){.c = c, .record = on_record, .arg = l};
    l->opts = (struct event_opts){c->set.topic_prefix, c->sop.event_max, c->sop.tolerance_ms * 1000};
    snprintf(l->group, sizeof l->group, "%s-projector", c->set.group_prefix);
    snprintf(l->status, sizeof l->status, "%s.status", c->set.topic_prefix);
    res = load_rules(l);
    if (res == RES_OK)
        res = ask_forgotten(l);
    if (res == RES_OK)
        res = relog_tables(c);
    if (res == RES_OK)
        res = topics_read_open(&l->topics, l->group);
    if (res == RES_OK)
        res = list_parts(l);
    if (res == RES_OK)
        *ret = l;
    else
        relog_free(l);
    return res;
}

void
relog_free(struct relog *l)
{
    if (!l)
        return;
    drop_batch(l);
    topics_read_close(&l->topics);
    forget_free(l->lupa);
    json_decref(l->forgotten);
    arena_free(&l->arena);
    pg_args_free(&l->args);
    buf_free(&l->text);
    free(l);
}

/* ---- within the caller's transaction ---------------------------------------------------------------------------- */

/* What the broker holds, for the statements of relog_sql. */
static enum res
store_parts(struct relog *l)
{
    enum res res = ctl_exec(l->c, "truncate reach", 0, NULL, NULL);

    for (int i = 0; i < l->topics.n && res == RES_OK; i++) {
        const struct topics_part *p = &l->topics.parts[i];
        char text[4][24];
        const char *args[] = {p->topic, text[0], text[1], text[2], p->first_ms == INT64_MIN ? NULL : text[3]};

        if (is_status(l, p))
            continue;
        snprintf(text[0], sizeof text[0], "%d", (int)p->partition);
        snprintf(text[1], sizeof text[1], "%lld", (long long)p->low);
        snprintf(text[2], sizeof text[2], "%lld", (long long)p->end);
        snprintf(text[3], sizeof text[3], "%lld", (long long)p->first_ms);
        res = ctl_exec(l->c,
                       "insert into reach values ($1, $2::int, $3::bigint, $4::bigint, "
                       "to_timestamp($5::bigint / 1000.0))",
                       5, args, NULL);
    }
    return res;
}

enum res
relog_fence(struct relog *l)
{
    enum res res = store_parts(l);

    return res == RES_OK ? relog_take(l->c, l->group) : res;
}

enum res
relog_make(struct relog *l, struct relog_sums *sums)
{
    enum res res = store_parts(l);

    if (res == RES_OK)
        res = relog_digest(l->c, l->partial, sums);
    sums->records = l->read;
    sums->no_events = l->bad;
    return res;
}

PGresult *
relog_incomplete(struct relog *l)
{
    return relog_gaps(l->c);
}

enum res
relog_versions(struct relog *l)
{
    return ctl_exec(l->c,
                    "update new_request n set versi = t.versi from told t where n.nomor_permohonan = "
                    "t.nomor_permohonan",
                    0, NULL, NULL);
}

enum res
relog_swap(struct relog *l, struct relog_sums *sums)
{
    const char *args[] = {l->group};
    enum res res = relog_raise(l->c, &sums->untold);

    if (res == RES_OK)
        res = relog_replace(l->c);
    /* without the last record's mark: whoever goes on takes the next as it is */
    return res == RES_OK
               ? ctl_exec(l->c,
                          "insert into consumer_offset as o (consumer_group, topic, partition, "
                          "next_offset, generation) select $1, topic, partition, stop, 1 from reach "
                          "order by 2, 3 on conflict (consumer_group, topic, partition) do update "
                          "set next_offset = excluded.next_offset, generation = o.generation + 1, "
                          "last_timestamp = null, last_hash = null, updated_at = now()",
                          1, args, NULL)
               : res;
}
