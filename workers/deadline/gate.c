#include <librdkafka/rdkafka.h>

#include <stdlib.h>

#include "common/base/fault.h"
#include "common/base/log.h"
#include "workers/deadline/deadline.h"

/* Three steps, because facts travel. First the validator and the integrator must have read what was in the log when we
 * asked; then what they had written into their outboxes by then must have left them; then we must have read where the
 * log ends by then. */

enum {
    TRY_MIN_MS = 5,
    TRY_MAX_MS = 100,
    NO_BROKER_MS = 1000,
    ASK_BROKER_MS = 1000,
    LIST_MS = 1000,
    PARTS_MAX = 4096
};

struct high {
    char topic[160];
    int32_t partition;
    int64_t end;
};

struct gate {
    struct worker *w;
    void (*open)(void *arg, int64_t read_us);
    void *arg;
    struct loop_timer again;
    struct pg_turn turn;
    enum { CLOSED, OTHERS, OUTBOXES, OURSELVES } step;
    int64_t since_ms; /* monotonic: first asked, and not opened since; 0 = nobody asks */
    int64_t asked_us,
        asked_ms;      /* wall clock and monotonic, just before the ends of the log were read first */
    int64_t read_us;   /* the first of these by a clock that can be believed */
    int64_t marked_us; /* the database's clock when the others had read that far */
    rd_kafka_topic_partition_list_t *list; /* partitions that matter, and when they were listed (monotonic) */
    int64_t listed_ms;
    struct high *highs;
    size_t n;
    bool known; /* highs are those of this step */
    bool told_missing;
    int64_t try_ms;
    /* what the database said */
    bool behind; /* somebody has not read as far */
    bool boxes;  /* there are rows in the others' outboxes */
    int64_t db_us;
};

static const struct pg_stmt read_stmt = {
    "gate_read",
    "select count(*), clock_timestamp() from unnest($1::text[], $2::text[], $3::int[], $4::bigint[]) "
    "u(g, t, p, e) left join consumer_offset c on c.consumer_group = u.g and c.topic = u.t "
    "and c.partition = u.p where coalesce(c.next_offset, 0) < u.e"};
static const struct pg_stmt outbox_stmt = {
    "gate_outbox",
    "select exists (select from outbox_validator where created_at <= coalesce($1::timestamptz, 'infinity')) "
    "or "
    "exists (select from outbox_integrator where created_at <= coalesce($1::timestamptz, 'infinity'))"};

/* ---- who reads what --------------------------------------------------------------------------------------------- */

/* What the clocks' facts come from, and who makes them. */
static const struct reader {
    const char *group;
    const char *topics[4];
} readers[] = {{"validator", {"requests", "reviews", "integrations"}},
               {"integrator", {"checks", "callbacks"}},
               {"deadline", {"requests", "checks", "integrations"}}};
enum { READERS = sizeof readers / sizeof readers[0], US = READERS - 1 };

/* All that anybody reads. Of those of the departments (requests.*) any number may be there. */
static const char *const wanted[] = {"requests", "reviews", "integrations", "checks", "callbacks"};
enum { WANTED = sizeof wanted / sizeof wanted[0] };

static bool
reads(const struct reader *r, const char *bare)
{
    for (unsigned i = 0; i < 4 && r->topics[i]; i++)
        if (strcmp(bare, r->topics[i]) == 0 ||
            (strcmp(r->topics[i], "requests") == 0 && strncmp(bare, "requests.", 9) == 0))
            return true;
    return false;
}

static const char *
bare_name(const struct worker *w, const char *topic)
{
    size_t n = strlen(w->event_opts.topic_prefix);

    return strncmp(topic, w->event_opts.topic_prefix, n) == 0 && topic[n] == '.' ? topic + n + 1 : "";
}

static bool
matters(const struct worker *w, const char *topic)
{
    for (unsigned i = 0; i < READERS; i++)
        if (reads(&readers[i], bare_name(w, topic)))
            return true;
    return false;
}

/* ---- where the log ends ----------------------------------------------------------------------------------------- */

/* Said once, until all are there again. */
static bool
missing(struct gate *g, const char *topic, const char *why)
{
    if (!g->told_missing)
        log_error(
            "a topic that clocks wait for cannot be seen; nothing is called missed before the hard maximum",
            LOG_Z("topic", topic), LOG_Z("why", why));
    g->told_missing = true;
    return false;
}

static bool
take_topic(struct gate *g, const struct rd_kafka_metadata_topic *t, rd_kafka_topic_partition_list_t *list)
{
    if (!matters(g->w, t->topic))
        return true;
    if (t->err || t->partition_cnt == 0)
        return missing(g, t->topic, t->err ? rd_kafka_err2str(t->err) : "it has no partitions");
    for (int p = 0; p < t->partition_cnt; p++)
        rd_kafka_topic_partition_list_add(list, t->topic, t->partitions[p].id);
    return true;
}

static bool
is_listed(const struct gate *g, const struct rd_kafka_metadata *md, const char *bare)
{
    for (int i = 0; i < md->topic_cnt; i++)
        if (strcmp(bare_name(g->w, md->topics[i].topic), bare) == 0)
            return true;
    return false;
}

/* A topic that this program may not describe is simply not in the list. */
static bool
take_topics(struct gate *g, const struct rd_kafka_metadata *md, rd_kafka_topic_partition_list_t *list)
{
    bool ok = true;

    for (int i = 0; ok && i < md->topic_cnt; i++)
        ok = take_topic(g, &md->topics[i], list);
    for (int i = 0; ok && i < WANTED; i++)
        ok = is_listed(g, md, wanted[i]) || missing(g, wanted[i], "the broker does not list it for us");
    return ok;
}

/* NULL when one that matters cannot be seen whole: who cannot say where it ends must not say that it has been read. */
static rd_kafka_topic_partition_list_t *
list_partitions(struct gate *g, rd_kafka_t *rk)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_partition_list_t *list;

    if (rd_kafka_metadata(rk, 1, NULL, &md, ASK_BROKER_MS))
        return NULL;
    list = rd_kafka_topic_partition_list_new(64);
    if (take_topics(g, md, list)) {
        g->told_missing = false;
    } else {
        rd_kafka_topic_partition_list_destroy(list);
        list = NULL;
    }
    rd_kafka_metadata_destroy(md);
    return list;
}

static void
forget_partitions(struct gate *g)
{
    if (g->list)
        rd_kafka_topic_partition_list_destroy(g->list);
    g->list = NULL;
}

/* What stands in the log of a topic that was made within the last second may be read late, which is told as such. */
static bool
know_partitions(struct gate *g, rd_kafka_t *rk)
{
    if (g->list && clk_mono_ms() - g->listed_ms < LIST_MS)
        return true;
    forget_partitions(g);
    g->listed_ms = clk_mono_ms();
    g->list = list_partitions(g, rk);
    return g->list && g->list->cnt <= PARTS_MAX;
}

static bool
take_end(struct gate *g, const rd_kafka_topic_partition_t *tp)
{
    struct high *h = &g->highs[g->n];

    if (tp->err)
        return false;
    snprintf(h->topic, sizeof h->topic, "%s", tp->topic);
    h->partition = tp->partition;
    h->end = tp->offset;
    g->n += tp->offset > 0;
    return true;
}

/* One request per broker: the end of every partition that matters. Blocks for as long as a broker takes to answer, a
 * millisecond as a rule and at most two seconds; done only while something is due. */
static bool
read_ends(struct gate *g)
{
    rd_kafka_t *rk = producer_client(g->w->producer);
    bool ok = rk && know_partitions(g, rk);

    for (int i = 0; ok && i < g->list->cnt; i++)
        g->list->elems[i].offset = RD_KAFKA_OFFSET_END;
    ok = ok && rd_kafka_offsets_for_times(rk, g->list, ASK_BROKER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
    g->n = 0;
    for (int i = 0; ok && i < g->list->cnt; i++)
        ok = take_end(g, &g->list->elems[i]);
    if (!ok)
        forget_partitions(g);
    return ok;
}

/* ---- asking the database ---------------------------------------------------------------------------------------- */

/* Calls `put` for each partition that a group of this step reads. */
static void
each_pair(struct gate *g, void (*put)(struct pg_args *a, const char *group, const struct high *h))
{
    unsigned first = g->step == OURSELVES ? US : 0;
    unsigned end = g->step == OURSELVES ? READERS : US;

    for (unsigned r = first; r < end; r++) {
        char group[160];

        snprintf(group, sizeof group, "%s-%s", g->w->app->set.group_prefix, readers[r].group);
        for (size_t i = 0; i < g->n; i++)
            if (reads(&readers[r], bare_name(g->w, g->highs[i].topic)))
                put(&g->w->args, group, &g->highs[i]);
    }
}

static void
put_group(struct pg_args *a, const char *group, const struct high *h)
{
    (void)h;
    pg_elem_text(a, str_of(group));
}

static void
put_topic(struct pg_args *a, const char *group, const struct high *h)
{
    (void)group;
    pg_elem_text(a, str_of(h->topic));
}

static void
put_partition(struct pg_args *a, const char *group, const struct high *h)
{
    (void)group;
    pg_elem_int4(a, h->partition);
}

static void
put_end(struct pg_args *a, const char *group, const struct high *h)
{
    (void)group;
    pg_elem_int8(a, h->end);
}

static void
on_read(void *arg, const PGresult *r)
{
    struct gate *g = arg;

    g->behind = pg_int(r, 0, 0) > 0;
    g->db_us = pg_time(r, 0, 1);
}

static void
on_outbox(void *arg, const PGresult *r)
{
    ((struct gate *)arg)->boxes = pg_int(r, 0, 0) > 0;
}

static void
send_read(struct gate *g)
{
    static const struct {
        enum pg_oid type;
        void (*put)(struct pg_args *a, const char *group, const struct high *h);
    } columns[] = {{PG_TEXT, put_group}, {PG_TEXT, put_topic}, {PG_INT4, put_partition}, {PG_INT8, put_end}};
    struct pg_args *a = &g->w->args;

    pg_args_reset(a);
    for (unsigned i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        pg_array(a, columns[i].type);
        each_pair(g, columns[i].put);
        pg_array_end(a);
    }
    pg_send(g->w->app->pg, &read_stmt, a, on_read, g);
}

static void
send_outbox(struct gate *g)
{
    pg_args_reset(&g->w->args);
    pg_arg_time(&g->w->args, g->step == OUTBOXES ? g->marked_us : INT64_MIN);
    pg_send(g->w->app->pg, &outbox_stmt, &g->w->args, on_outbox, g);
}

/* ---- the steps -------------------------------------------------------------------------------------------------- */

static void
try_later(struct gate *g)
{
    loop_timer_set(g->w->app->loop, &g->again, g->try_ms);
    g->try_ms = 2 * g->try_ms < TRY_MAX_MS ? 2 * g->try_ms : TRY_MAX_MS;
}

/* The ends are read anew: those of the first step say what is vouched for, those of the last what is to be read by us. */
static void
begin_step(struct gate *g)
{
    if (g->step == OTHERS) {
        g->asked_us = clk_us(g->w->app->clk);
        g->asked_ms = clk_mono_ms();
    }
    g->try_ms = TRY_MIN_MS;
    g->known = producer_up(g->w->producer) && read_ends(g);
    if (g->known)
        pg_turn(g->w->app->pg, &g->turn);
    else
        loop_timer_set(g->w->app->loop, &g->again, NO_BROKER_MS);
}

static void
next_step(struct gate *g)
{
    if (g->step == OTHERS && g->boxes) {
        g->step =
            OUTBOXES; /* what follows from what they read was written before this instant of the database */
        g->marked_us = g->db_us;
        try_later(g);
    } else if (g->step != OURSELVES) {
        FAULT("deadline.others_have_read");
        g->step = OURSELVES;
        begin_step(g);
    } else {
        FAULT("deadline.we_have_read");
        g->step = CLOSED;
        g->since_ms = 0;
        g->open(g->arg, g->read_us);
    }
}

/* By the database's clock the log was asked at most that long ago. */
static void
compare_clocks(struct gate *g)
{
    const struct deadline *d = g->w->own;

    fire_compare(g->w, g->asked_us + (clk_mono_ms() - g->asked_ms) * 1000, g->db_us);
    g->read_us = g->asked_us - d->skew_us;
}

static void
on_answered(void *arg, const struct pg_end *end)
{
    struct gate *g = arg;

    pg_done(g->w->app->pg);
    if (end->res == RES_OK && g->step == OTHERS)
        compare_clocks(g);
    if (end->res != RES_OK || g->behind || (g->step == OUTBOXES && g->boxes))
        try_later(g);
    else
        next_step(g);
}

static void
on_turn(void *arg)
{
    struct gate *g = arg;

    g->behind = g->boxes = false;
    if (g->step != OUTBOXES)
        send_read(g);
    if (g->step != OURSELVES)
        send_outbox(g);
    pg_sync(g->w->app->pg, on_answered, g);
}

static void
on_again(void *arg)
{
    struct gate *g = arg;

    if (g->known)
        pg_turn(g->w->app->pg, &g->turn);
    else
        begin_step(g);
}

void
gate_ask(struct gate *g)
{
    if (g->step != CLOSED)
        return;
    g->step = OTHERS;
    g->since_ms = clk_mono_ms();
    begin_step(g);
}

int64_t
gate_closed_ms(const struct gate *g)
{
    return g->since_ms ? clk_mono_ms() - g->since_ms : 0;
}

const char *
gate_word(const struct gate *g)
{
    static const char *const words[] = {"", "others", "outboxes", "ourselves"};

    return words[g->step];
}

enum res
gate_new(struct worker *w, void (*open)(void *arg, int64_t read_us), void *arg, struct gate **ret,
         struct err *e)
{
    struct gate *g = calloc(1, sizeof *g);

    *ret = NULL;
    if (!g || !(g->highs = calloc(PARTS_MAX, sizeof *g->highs))) {
        free(g);
        return err_set(e, RES_FATAL, "out of memory");
    }
    g->w = w;
    g->open = open;
    g->arg = arg;
    g->again = (struct loop_timer){.fn = on_again, .arg = g};
    g->turn = (struct pg_turn){.fn = on_turn, .arg = g};
    *ret = g;
    return RES_OK;
}

void
gate_free(struct gate *g)
{
    if (!g)
        return;
    loop_timer_stop(g->w->app->loop, &g->again);
    pg_turn_cancel(g->w->app->pg, &g->turn);
    forget_partitions(g);
    free(g->highs);
    free(g);
}
