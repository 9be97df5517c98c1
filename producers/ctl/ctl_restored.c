/* restored: what programs cannot know after a backup was put back: which numbers they had given away since. Each counts its
 * facts of a request one up; were it to begin below what it has told already, its next fact would be taken for an old one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/json/scan.h"
#include "common/pg/pg.h"
#include "producers/ctl/refold.h"
#include "producers/ctl/topics_read.h"
#include "workers/sop/fact.h"
#include "workers/sop/rows.h"

/* FAR: nobody numbers so many requests between two backups. Whoever may write into a topic may write any number there, and what
 * is raised to it once stays. */
enum { BATCH = 500, DIGITS = 9, FAR = 1000000, NAMED = 20 };

/* Where a worker's counter of a request is kept; a row that is not there yet begins with it. */
static const struct {
    const char *worker, *table, *counter, *also,
        *values; /* columns of a new row that its default does not say */
} counters[] = {{"validator", "pemeriksaan", "urutan", "", ""},
                {"integrator", "integration", "urutan", "", ""},
                {"deadline", "deadline_clock", "urutan", ", kalender", ", -1"},
                {"projector", "request", "versi", ", hitungan", ", '0/0 0/0 0/0'"}};
enum { COUNTERS = sizeof counters / sizeof counters[0] };

struct told_row {
    struct str worker, nomor;
    int64_t n;
};
static const struct worker_column columns[] = {{"worker", PG_TEXT, offsetof(struct told_row, worker)},
                                               {"nomor", PG_TEXT, offsetof(struct told_row, nomor)},
                                               {"n", PG_INT8, offsetof(struct told_row, n)},
                                               {NULL, PG_TEXT, 0}};

struct looking {
    struct ctl *c;
    struct topics_read topics;
    struct event_opts opts;
    struct arena arena;
    struct pg_args args;
    struct told_row rows[BATCH];
    size_t n;
    json_t *named; /* {digest: nomor}: documents of our own that forms name */
    json_t *far;   /* numbers that are too far beyond the gateway's to be its own */
    int64_t read;
};

/* ---- what was told ---------------------------------------------------------------------------------------------- */

static enum res
flush(struct looking *l)
{
    const void *rows[BATCH];
    struct pg_params p;
    PGresult *r;

    if (!l->n)
        return RES_OK;
    for (size_t i = 0; i < l->n; i++)
        rows[i] = &l->rows[i];
    pg_args_reset(&l->args);
    columns_put(&l->args, columns, rows, l->n);
    if (l->args.bytes.failed)
        return err_set(&l->c->e, RES_RETRY, "out of memory");
    pg_args_params(&l->args, &p);
    r = ctl_query_params(l->c,
                         "insert into told_so as t select worker, nomor, max(n) from unnest($1::text[], "
                         "$2::text[], $3::bigint[]) u(worker, nomor, n) group by 1, 2 on conflict (worker, "
                         "nomor) do update set n = excluded.n where excluded.n > t.n",
                         (int)l->args.n, &p);
    PQclear(r);
    l->n = 0;
    arena_reset(&l->arena);
    return r ? RES_OK : l->c->e.res;
}

static bool
all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* A number that the gateway gave: "BDL-2026-000017" is the 17th of 2026. One that is too long for it is too far, whatever it is. */
static bool
given(struct str nomor, struct told_row *t)
{
    struct str year = {nomor.p + 4, 4};
    struct str rest = {nomor.p + 9, nomor.n > 9 ? nomor.n - 9 : 0};

    if (!str_starts(nomor, STR("BDL-")) || nomor.n < 10 || nomor.p[8] != '-' || !all_digits(year) ||
        !all_digits(rest))
        return false;
    t->worker = STR("gateway");
    t->nomor = nomor;
    t->n = INT64_MAX;
    return rest.n > DIGITS || (str_int(rest, &t->n) && t->n > 0);
}

/* Whose counter the event moved on, and how far. */
static bool
counted(const struct event *ev, struct told_row *t)
{
    const char *member = ev->fact.type == FACT_STATUS ? "versi" : "urutan";

    if (fact_is_outside(ev->fact.type))
        return given(ev->subject, t);
    if (!str_starts(ev->ce.source, STR("/bedelau/")))
        return false;
    t->worker = (struct str){ev->ce.source.p + 9, ev->ce.source.n - 9};
    t->nomor = ev->subject;
    return scan_int(scan_get(ev->ce.data, member), &t->n);
}

/* Attachments that were stored with us: urn:sha256:<digest>. */
static void
note_documents(struct looking *l, const struct event *ev)
{
    struct scan_iter it = scan_iter(scan_get(ev->ce.data, "lampiran"));

    while (!it.object && scan_next(&it)) {
        struct str uri = scan_text(&l->arena, scan_get(it.value, "uri"));

        if (str_starts(uri, STR("urn:sha256:")) && uri.n == 11 + 64)
            json_object_set_new(l->named, uri.p + 11, json_stringn(ev->subject.p, ev->subject.n));
    }
}

static enum res
on_record(void *arg, rd_kafka_message_t *rkm)
{
    struct looking *l = arg;
    struct flow_item it = {.rkm = rkm};
    struct err e = {0};
    struct told_row *t = &l->rows[l->n];

    l->read++;
    *t = (struct told_row){0};
    if (event_read(&l->opts, &it, &e) == RES_OK && ((struct event *)it.mine)->fact.type == FACT_SUBMITTED)
        note_documents(l, it.mine);
    if (it.mine && counted(it.mine, t)) {
        t->worker = arena_str(&l->arena, t->worker);
        t->nomor = arena_str(&l->arena, t->nomor);
        l->n++;
    }
    event_free(it.mine);
    rd_kafka_message_destroy(rkm);
    return l->n == BATCH ? flush(l) : RES_OK;
}

/* ---- from where ------------------------------------------------------------------------------------------------- */

static enum res
list_parts(struct looking *l)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(l->topics.rk, 1, NULL, &md, CTL_KAFKA_MS);
    size_t n = strlen(l->c->set.topic_prefix);
    enum res res = RES_OK;

    if (err)
        return err_set(&l->c->e, RES_RETRY, "Kafka: %s", rd_kafka_err2str(err));
    for (int i = 0; i < md->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *t = &md->topics[i];

        if (strncmp(t->topic, l->c->set.topic_prefix, n) != 0 || t->topic[n] != '.' ||
            strcmp(t->topic + n, ".dead-letters") == 0)
            continue;
        for (int k = 0; k < t->partition_cnt && res == RES_OK; k++)
            res = topics_read_add(&l->topics, t->topic, t->partitions[k].id);
    }
    rd_kafka_metadata_destroy(md);
    return res == RES_OK ? topics_read_ask(&l->topics) : res;
}

/* What a worker has told since the backup lies after what the projector had read by then. */
static enum res
set_begins(struct looking *l)
{
    char group[200];
    const char *args[] = {group};
    PGresult *r;

    snprintf(group, sizeof group, "%s-projector", l->c->set.group_prefix);
    r = ctl_query(l->c,
                  "select topic, partition, next_offset from consumer_offset where consumer_group = $1 and "
                  "next_offset is not null",
                  1, args);
    for (int i = 0; i < l->topics.n && r; i++) {
        struct topics_part *p = &l->topics.parts[i];

        p->next = p->low;
        p->end = p->high;
        for (int k = 0; k < PQntuples(r); k++) {
            int64_t partition = -1;
            int64_t next = 0;

            str_int(str_of(PQgetvalue(r, k, 1)), &partition);
            str_int(str_of(PQgetvalue(r, k, 2)), &next);
            if (partition == p->partition && strcmp(PQgetvalue(r, k, 0), p->topic) == 0 && next > p->low &&
                next <= p->high)
                p->next = next;
        }
    }
    PQclear(r);
    return r ? RES_OK : l->c->e.res;
}

/* What the projector has read by now stands in the record. */
static enum res
ask_record(struct ctl *c)
{
    return ctl_exec(
        c,
        "insert into told_so as t select w, nomor_permohonan, split_part(split_part(hitungan, ' ', "
        "k), '/', 2)::bigint from request, (values (1, 'validator'), (2, 'integrator'), (3, "
        "'deadline')) v(k, w) where hitungan is not null and split_part(split_part(hitungan, ' ', "
        "k), '/', 2)::bigint > 0 on conflict (worker, nomor) do update set n = excluded.n where "
        "excluded.n > t.n",
        0, NULL, NULL);
}

static enum res
look(struct looking *l)
{
    enum res res =
        ctl_exec(l->c,
                 "create temp table told_so (worker text, nomor text collate \"C\", n bigint, primary "
                 "key (worker, nomor))",
                 0, NULL, NULL);

    if (res == RES_OK)
        res = topics_read_open(&l->topics, "bedelauctl-restored");
    if (res == RES_OK)
        res = list_parts(l);
    if (res == RES_OK)
        res = set_begins(l);
    if (res == RES_OK)
        res = topics_read_run(&l->topics);
    if (res == RES_OK)
        res = flush(l);
    return res == RES_OK ? ask_record(l->c) : res;
}

/* ---- what follows ----------------------------------------------------------------------------------------------- */

static enum res
raise_one(struct ctl *c, unsigned i, int64_t *raised)
{
    struct buf sql = buf_make(4096);
    const char *args[] = {counters[i].worker};
    int64_t n = 0;
    enum res res;

    buf_printf(
        &sql,
        "insert into %s as t (nomor_permohonan, %s%s) select nomor, n%s from told_so where worker = $1 "
        "order by nomor on conflict (nomor_permohonan) do update set %s = excluded.%s where t.%s < "
        "excluded.%s",
        counters[i].table, counters[i].counter, counters[i].also, counters[i].values, counters[i].counter,
        counters[i].counter, counters[i].counter, counters[i].counter);
    res = sql.failed ? err_set(&c->e, RES_RETRY, "out of memory") : ctl_exec(c, sql.p, 1, args, &n);
    buf_free(&sql);
    *raised += n;
    return res;
}

/* What lay in the backup's outbox was told long ago, and newer states since: told again they would come after those. Of facts
 * it does no harm, since the same id is known as a repeat. */
static enum res
drop_told(struct ctl *c)
{
    char topic[200];
    const char *args[] = {topic};

    snprintf(topic, sizeof topic, "%s.status", c->set.topic_prefix);
    return ctl_exec(c,
                    "delete from outbox_projector o using told_so t where o.topic = $1 and t.worker = "
                    "'projector' and t.nomor = convert_from(o.key, 'UTF8') and (convert_from(o.value, "
                    "'UTF8')::jsonb #>> '{data,versi}')::bigint <= t.n",
                    1, args, NULL);
}

/* The gateway's numbers that were told, with the next that it would give. */
#define GIVEN                                                                                                \
    "select t.nomor, t.n, y.tahun, coalesce(g.next, 1) as next from told_so t cross join lateral (select "   \
    "substr(t.nomor, 5, 4)::int as tahun) y left join gateway_number g using (tahun) where t.worker = "      \
    "'gateway' and t.nomor ~ '^BDL-[0-9]{4}-[0-9]+$'"

static enum res
raise_numbers(struct looking *l, int64_t *numbers)
{
    char far[24];
    char named[24];
    const char *args[] = {far, named};
    PGresult *r;

    snprintf(far, sizeof far, "%d", FAR);
    snprintf(named, sizeof named, "%d", NAMED);
    r = ctl_query(l->c,
                  "select nomor from (" GIVEN ") k where n - next >= $1::bigint order by 1 limit $2::int", 2,
                  args);
    for (int i = 0; r && i < PQntuples(r); i++)
        json_array_append_new(l->far, json_string(PQgetvalue(r, i, 0)));
    PQclear(r);
    if (!r)
        return l->c->e.res;
    return ctl_exec(l->c,
                    "insert into gateway_number as t (tahun, next) select tahun, max(n) + 1 from (" GIVEN
                    ") k where n - next < $1::bigint group by tahun order by tahun on conflict (tahun) do "
                    "update set next = excluded.next where t.next < excluded.next",
                    1, args, numbers);
}

static enum res
raise_all(struct looking *l, int64_t *raised, int64_t *numbers)
{
    char detail[200];
    enum res res = ctl_exec(l->c, "begin", 0, NULL, NULL);

    if (res == RES_OK)
        res = ctl_exec(l->c, "select pg_advisory_xact_lock(" RECORD_LOCK ")", 0, NULL, NULL);
    if (res == RES_OK)
        res = drop_told(l->c);
    for (unsigned i = 0; i < COUNTERS && res == RES_OK; i++)
        res = raise_one(l->c, i, raised);
    if (res == RES_OK)
        res = raise_numbers(l, numbers);
    snprintf(detail, sizeof detail, "%lld records, %lld counters raised", (long long)l->read,
             (long long)*raised);
    if (res == RES_OK)
        res = ctl_audit(l->c, "restored", NULL, detail);
    return res == RES_OK ? ctl_exec(l->c, "commit", 0, NULL, NULL) : res;
}

/* [{nomor_permohonan, sha256}] of those that are not here; NULL: failed. New reference. */
static json_t *
missing_documents(struct looking *l)
{
    char *named = json_dumps(l->named, 0);
    const char *args[] = {named};
    PGresult *r = !named
                      ? NULL
                      : ctl_query(l->c,
                                  "select value as nomor_permohonan, key as sha256 from jsonb_each_text($1::"
                                  "jsonb) where lower(key) not in (select encode(sha256, 'hex') from "
                                  "document) order by 1, 2",
                                  1, args);
    json_t *all = r ? json_array() : NULL;

    for (int i = 0; r && i < PQntuples(r); i++)
        json_array_append_new(all, ctl_object(r, i));
    PQclear(r);
    free(named);
    return all;
}

static void
say(struct looking *l, int64_t raised, int64_t numbers, json_t *missing)
{
    if (l->c->json) {
        ctl_print(json_pack("{s:I, s:I, s:I, s:O, s:O}", "records", (json_int_t)l->read, "raised",
                            (json_int_t)raised, "numbers", (json_int_t)numbers, "numbers_left_out", l->far,
                            "documents", missing));
        return;
    }
    for (size_t i = 0; i < json_array_size(l->far); i++)
        printf("%s is too far beyond the gateway's numbers to be its own, and is left out\n",
               json_string_value(json_array_get(l->far, i)));
    for (size_t i = 0; i < json_array_size(missing); i++) {
        const json_t *one = json_array_get(missing, i);

        printf("%s names a document that is not here: %s\n",
               json_string_value(json_object_get(one, "nomor_permohonan")),
               json_string_value(json_object_get(one, "sha256")));
    }
    printf("%lld records were published since the backup or stand on the status topic; %lld counters were "
           "behind "
           "them%s\n",
           (long long)l->read, (long long)raised, numbers ? ", and the gateway's numbers" : "");
}

int
ctl_restored(struct ctl *c, int argc, char **argv)
{
    struct looking *l;
    int64_t raised = 0;
    int64_t numbers = 0;
    json_t *missing = NULL;
    enum res res;
    int code;

    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){0}))
        return APP_USAGE;
    if (ctl_db(c) != RES_OK)
        return ctl_failed(c);
    l = calloc(1, sizeof *l);
    if (!l)
        return ctl_fail(c, APP_UNAVAILABLE, "out of memory");
    *l = (struct looking){.c = c, .args = pg_args_make(), .named = json_object(), .far = json_array()};
    l->topics = (struct topics_read){.c = c, .record = on_record, .arg = l};
    l->opts = (struct event_opts){c->set.topic_prefix, c->sop.event_max, c->sop.tolerance_ms * 1000};
    res = ctl_exec(c, "set statement_timeout to 0", 0, NULL, NULL);
    if (res == RES_OK)
        res = look(l);
    if (res == RES_OK)
        res = raise_all(l, &raised, &numbers);
    if (res == RES_OK && !(missing = missing_documents(l)))
        res = c->e.res ? c->e.res : RES_RETRY;
    if (res == RES_OK)
        say(l, raised, numbers, missing);
    code = res != RES_OK ? ctl_failed(c) : json_array_size(missing) ? CTL_NO : APP_OK;
    json_decref(missing);
    json_decref(l->named);
    json_decref(l->far);
    topics_read_close(&l->topics);
    arena_free(&l->arena);
    pg_args_free(&l->args);
    free(l);
    return code;
}
