#include "producers/ctl/relog_sql.h"

#include <stdio.h>

static enum res
ask_int(struct ctl *c, const char *sql, int64_t *ret)
{
    PGresult *r = ctl_query(c, sql, 0, NULL);

    *ret = 0;
    if (!r)
        return c->e.res;
    str_int(str_of(PQgetvalue(r, 0, 0)), ret);
    PQclear(r);
    return RES_OK;
}

/* ---- the session's tables --------------------------------------------------------------------------------------- */

static enum res
all_there(struct ctl *c)
{
    PGresult *r = ctl_query(c,
                            "select string_agg(t, ', ') from unnest(array['event', 'event_id', 'event_copy', "
                            "'request', 'clock', 'rekap', 'forgotten', 'consumer_offset', "
                            "'outbox_projector']) t where to_regclass(t) is null",
                            0, NULL);
    enum res res = r ? RES_OK : c->e.res;

    if (r && !PQgetisnull(r, 0, 0))
        res = err_set(&c->e, RES_REJECT,
                      "not there: %s. Put the definitions back first: pg_restore --schema-only of any backup "
                      "has them, or bedelauctl migrate where nothing is there at all",
                      PQgetvalue(r, 0, 0));
    PQclear(r);
    return res;
}

enum res
relog_tables(struct ctl *c)
{
    static const char *const all[] = {
        "create temp table read_event (key bytea, hash bytea, source text, id text, type text, subject text, "
        "time timestamptz, effective_at timestamptz, topic text collate \"C\", partition int, kafka_offset "
        "bigint, append_at timestamptz, data text, data_hash bytea, revisi int)",
        "create temp table told (nomor_permohonan text primary key, versi bigint, sidik bigint)",
        "create temp table reach (topic text, partition int, low bigint, stop bigint, first_at timestamptz)",
        "create temp table new_event as select * from event with no data",
        "create temp table new_event_id as select * from event_id with no data",
        "create temp table new_event_copy as select * from event_copy with no data",
        NULL};
    enum res res = all_there(c);

    return res == RES_OK ? ctl_exec_all(c, all) : res;
}

enum res
relog_note_outbox(struct ctl *c)
{
    char topic[200];
    const char *args[] = {topic};

    snprintf(topic, sizeof topic, "%s.status", c->set.topic_prefix);
    return ctl_exec(
        c,
        "insert into told as t select convert_from(key, 'UTF8'), max((convert_from(value, "
        "'UTF8')::jsonb #>> '{data,versi}')::bigint), null from outbox_projector where topic = $1 "
        "and value is not null group by 1 on conflict (nomor_permohonan) do update set versi = "
        "excluded.versi, sidik = null where excluded.versi > t.versi",
        1, args, NULL);
}

enum res
relog_take(struct ctl *c, const char *group)
{
    const char *args[] = {group};

    /* in the projector's own order: first its offsets, then the requests */
    return ctl_exec(
        c,
        "insert into consumer_offset as o (consumer_group, topic, partition, generation) select $1, topic, "
        "partition, 1 from (select topic, partition from consumer_offset where consumer_group = $1 union "
        "select topic, partition from reach) k order by 2, 3 on conflict (consumer_group, topic, partition) "
        "do update set generation = o.generation + 1",
        1, args, NULL);
}

/* ---- the new log ------------------------------------------------------------------------------------------------ */

/* Facts that lie before what the topics hold now: past their time, or of a topic that was made anew. Of a partition that gave
 * no record nothing can be confirmed, wherever it stands: one that was made anew and is still empty begins and ends at 0. */
#define OLDER                                                                                                \
    " e left join reach p on p.topic = e.topic and p.partition = e.partition where p.topic is null or "      \
    "e.kafka_offset < p.low or p.first_at is null or e.append_at < p.first_at"

#define PLACE "append_at, topic, partition, kafka_offset"

/* Of several copies that one counts which the old log has, else the first in the topics; of several contents that one which
 * was stored first, as the old log remembers it. Only what it says of a fact in every respect confirms one. */
static const char choose_sql[] =
    "create temp table chosen on commit drop as select distinct on (r.key) r.*, o.seq, o.received_at, x.at "
    "from read_event r left join event_id x on x.key = r.key left join event o on o.subject = r.subject and "
    "o.source = r.source and o.id = r.id and o.type = r.type and o.data_hash = r.data_hash and o.topic = "
    "r.topic and o.partition = r.partition and o.kafka_offset = r.kafka_offset and o.append_at = r.append_at "
    "order by r.key, x.hash is not distinct from r.hash desc, o.seq is not null desc, r.append_at, r.topic, "
    "r.partition, r.kafka_offset, o.seq";

/* The same fact stands in the old log as it was read before; that counts. */
static const char leave_older_sql[] = "delete from chosen c using event e, older l where e.seq = l.seq and "
                                      "e.subject = c.subject and e.source = c.source and e.id = c.id";

static const char facts_sql[] =
    "insert into new_event (seq, source, id, type, subject, time, effective_at, topic, partition, "
    "kafka_offset, append_at, data, data_hash, received_at, revisi) select coalesce(seq, (select "
    "greatest(max(seq), pg_sequence_last_value(pg_get_serial_sequence('event', 'seq')), 0) from event) + "
    "row_number() over (partition by seq is null order by " PLACE ")), source, id, type, subject, time, "
    "effective_at, topic, partition, kafka_offset, append_at, data, data_hash, coalesce(received_at, now()), "
    "revisi from chosen";

static const char chain_sql[] =
    "update new_event n set chain = c.chain from (select x.seq, event_chain(row(x.*)::event) over (partition "
    "by x.subject order by x.seq) as chain from new_event x) c where c.seq = n.seq";

/* As event_identify makes them (workers/sop/fact.c). */
#define PART(x) "octet_length(" x ") || ':' || " x
static const char older_ids_sql[] =
    "insert into new_event_id (key, hash, at) select k.key, coalesce(x.hash, k.hash), coalesce(x.at, now()) "
    "from (select substring(sha256(convert_to(" PART("e.source") " || " PART(
        "e.id") ", 'UTF8')) for 16) as "
                "key, "
                "substring(sha256("
                "convert_to(" PART("e."
                                   "typ"
                                   "e") " || " PART("e.subject") " || " PART("e.data") ", "
                                                                                       "'UTF8')) "
                                                                                       "for 16) "
                                                                                       "as hash "
                                                                                       "from "
                                                                                       "event e "
                                                                                       "join "
                                                                                       "older "
                                                                                       "using "
                                                                                       "(seq)) k "
                                                                                       "left "
                                                                                       "join "
                                                                                       "event_id "
                                                                                       "x on "
                                                                                       "x.key = "
                                                                                       "k.key";

static const char copies_sql[] =
    "insert into new_event_copy (source, id, type, subject, topic, partition, kafka_offset, append_at, "
    "effective_at) select r.source, r.id, r.type, r.subject, r.topic, r.partition, r.kafka_offset, "
    "r.append_at, r.effective_at from read_event r join chosen c on c.key = r.key and c.hash = r.hash where "
    "(r.append_at, r.topic, r.partition, r.kafka_offset) < (c.append_at, c.topic, c.partition, "
    "c.kafka_offset)";

static enum res
refuse_older(struct ctl *c, const struct relog_sums *s)
{
    return err_set(
        &c->e, RES_REJECT,
        "the log holds %lld facts of before what the topics hold: one of them was made anew, or its "
        "retention has passed. --partial keeps them beside what the topics hold",
        (long long)s->older);
}

static enum res
count(struct ctl *c, struct relog_sums *s)
{
    int64_t old = 0;
    enum res res = ask_int(c, "select count(*) from new_event", &s->facts);

    if (res == RES_OK)
        res = ask_int(c, "select count(*) from chosen where seq is null", &s->found);
    if (res == RES_OK)
        res = ask_int(c, "select count(*) from event", &old);
    s->unfounded = old - (s->facts - s->found);
    return res;
}

enum res
relog_digest(struct ctl *c, bool partial, struct relog_sums *s)
{
    static const char *const begin[] = {
        "create index on read_event (key)", "analyze read_event",
        "create temp table older on commit drop as select e.seq from event" OLDER, NULL};
    static const char *const choose[] = {choose_sql, leave_older_sql, "analyze chosen", NULL};
    static const char *const make[] = {
        facts_sql,
        "insert into new_event select e.* from event e join older using (seq)",
        "alter table new_event add primary key (seq)",
        chain_sql,
        "insert into new_event_id select key, hash, coalesce(at, now()) from chosen",
        older_ids_sql,
        copies_sql,
        "insert into new_event_copy select e.* from event_copy" OLDER,
        "create index on new_event (subject)",
        "analyze new_event",
        "analyze new_event_id",
        NULL};
    enum res res = ctl_exec_all(c, begin);

    if (res == RES_OK)
        res = ask_int(c, "select count(*) from older", &s->older);
    if (res == RES_OK && s->older && !partial)
        res = refuse_older(c, s);
    if (res == RES_OK)
        res = ctl_exec_all(c, choose);
    if (res == RES_OK)
        res = ctl_exec_all(c, make);
    return res == RES_OK ? count(c, s) : res;
}

/* ---- what is not whole ------------------------------------------------------------------------------------------- */

/* A worker's facts count one up each; a check names a form, a clock and a round at Bedelau follow from one: what they point to
 * and is not there was lost. */
static const char incomplete_sql[] =
    "create temp table incomplete on commit drop as select nomor_permohonan, why from (select "
    "n.nomor_permohonan, concat_ws(' ', (select string_agg(w, ' ') from regexp_split_to_table(n.anomali, ' "
    "') "
    "w where w ~ '^(celah_|jam_tanpa_|formulir_lain)|_tanpa_diterima$'), case when not exists (select from "
    "new_event e where e.subject = n.nomor_permohonan and (e.type like '%.request.submitted.v1' or e.type "
    "like '%.request.registered.v1')) then 'tanpa_formulir' end) as why from new_request n) q where why <> "
    "'' "
    "union all select nomor_permohonan, 'tanpa_fakta' from (select nomor_permohonan from request union "
    "select "
    "nomor_permohonan from told) k where not exists (select from new_request n where n.nomor_permohonan = "
    "k.nomor_permohonan)";

/* The facts behind an old row are all that was folded into it, also those that the log has lost. */
static const char keep_sql[] =
    "create temp table keep on commit drop as select o.nomor_permohonan, n.chain from incomplete i join "
    "request o using (nomor_permohonan) left join new_request n using (nomor_permohonan) where "
    "n.nomor_permohonan is null or o.updated_at >= n.updated_at";

PGresult *
relog_gaps(struct ctl *c)
{
    static const char *const all[] = {
        incomplete_sql,
        keep_sql,
        "delete from new_request n using keep k where n.nomor_permohonan = k.nomor_permohonan",
        "delete from new_clock n using keep k where n.nomor_permohonan = k.nomor_permohonan",
        "insert into new_request select o.* from request o join keep using (nomor_permohonan)",
        "insert into new_clock select o.* from clock o join keep using (nomor_permohonan)",
        "update new_request n set chain = k.chain from keep k where n.nomor_permohonan = k.nomor_permohonan",
        "insert into new_request (nomor_permohonan, revisi, putaran, versi, terlambat, temuan, "
        "jumlah_pengembalian, sidik, fakta) select t.nomor_permohonan, 0, 0, t.versi, false, '[]', 0, 0, '' "
        "from incomplete i join told t using (nomor_permohonan) where not exists (select from new_request n "
        "where n.nomor_permohonan = i.nomor_permohonan)",
        NULL};

    return ctl_exec_all(c, all) == RES_OK
               ? ctl_query(c, "select nomor_permohonan, why from incomplete order by 1", 0, NULL)
               : NULL;
}

enum res
relog_raise(struct ctl *c, int64_t *untold)
{
    enum res res = ctl_exec(c,
                            "update request r set versi = t.versi from told t where r.nomor_permohonan = "
                            "t.nomor_permohonan and r.versi < t.versi",
                            0, NULL, NULL);

    return res == RES_OK ? ask_int(c,
                                   "select count(*) from request r left join told t using (nomor_permohonan) "
                                   "where r.sidik <> 0 and (t.versi is null or t.sidik <> r.sidik)",
                                   untold)
                         : res;
}

/* ---- in the old one's place ------------------------------------------------------------------------------------- */

enum res
relog_replace(struct ctl *c)
{
    static const char *const all[] = {
        "select event_months_ahead(2)", /* where the log was lost with its months */
        "delete from event e where not exists (select from new_event n where n.seq = e.seq and "
        "row(n.*)::event = e)",
        "insert into event overriding system value select n.* from new_event n where not exists (select from "
        "event e where e.seq = n.seq) order by n.seq",
        "select setval(pg_get_serial_sequence('event', 'seq'), (select greatest(max(seq), "
        "pg_sequence_last_value(pg_get_serial_sequence('event', 'seq')), 1) from event))",
        "delete from event_id e where not exists (select from new_event_id n where n.key = e.key and n.hash "
        "= "
        "e.hash)",
        "insert into event_id select * from new_event_id on conflict do nothing",
        "delete from event_copy e where not exists (select from new_event_copy n where (n.topic, "
        "n.partition, "
        "n.kafka_offset, n.append_at, n.effective_at, n.source, n.id) = (e.topic, e.partition, "
        "e.kafka_offset, e.append_at, e.effective_at, e.source, e.id))",
        "insert into event_copy (source, id, type, subject, topic, partition, kafka_offset, append_at, "
        "effective_at) select source, id, type, subject, topic, partition, kafka_offset, append_at, "
        "effective_at from new_event_copy on conflict do nothing",
        NULL};

    return ctl_exec_all(c, all);
}
