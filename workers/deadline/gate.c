#include <librdkafka/rdkafka.h>

#include <stdlib.h>

#include "common/base/log.h"
#include "workers/deadline/deadline.h"

/* Two steps, because facts travel: first the validator and the integrator must have read what was in the log when we
 * asked, and have published what follows from it; then we must have read that. */

enum { TRY_MS = 100, ASK_BROKER_MS = 1000, PARTS_MAX = 4096 };

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
    enum { CLOSED, OTHERS, OURSELVES } step;
    int64_t asked_us;
    struct high *highs;
    size_t n;
    bool behind; /* somebody has not read as far */
};

static const struct pg_stmt read_stmt = {
    "gate_read", "select consumer_group, topic, partition, coalesce(next_offset, 0) from consumer_offset "
                 "where consumer_group = any($1::text[])"};
static const struct pg_stmt outbox_stmt = {
    "gate_outbox", "select (select count(*) from outbox_validator where created_at <= $1::timestamptz) + "
                   "(select count(*) from outbox_integrator where created_at <= $1::timestamptz)"};

/* ---- where the log ends ----------------------------------------------------------------------------------------- */

static bool
one_of_ours(const struct worker *w, const char *topic)
{
    size_t n = strlen(w->event_opts.topic_prefix);

    return strncmp(topic, w->event_opts.topic_prefix, n) == 0 && topic[n] == '.';
}

static rd_kafka_topic_partition_list_t *
list_partitions(const struct worker *w, rd_kafka_t *rk)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_partition_list_t *list;

    if (rd_kafka_metadata(rk, 1, NULL, &md, ASK_BROKER_MS))
        return NULL;
    list = rd_kafka_topic_partition_list_new(64);
    for (int i = 0; i < md->topic_cnt; i++)
        for (int p = 0; one_of_ours(w, md->topics[i].topic) && p < md->topics[i].partition_cnt; p++)
            rd_kafka_topic_partition_list_add(list, md->topics[i].topic, md->topics[i].partitions[p].id)
                ->offset = RD_KAFKA_OFFSET_END;
    rd_kafka_metadata_destroy(md);
    return list;
}

/* One request per broker: the end of every partition. Blocks for as long as a broker takes to answer, at most a
 * second; done only while something is due. */
static bool
read_ends(struct gate *g)
{
    rd_kafka_t *rk = flow_client(g->w->flow);
    rd_kafka_topic_partition_list_t *list = rk ? list_partitions(g->w, rk) : NULL;
    bool ok = list && rd_kafka_offsets_for_times(rk, list, ASK_BROKER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;

    g->n = 0;
    for (int i = 0; ok && i < list->cnt && g->n < PARTS_MAX; i++) {
        const rd_kafka_topic_partition_t *tp = &list->elems[i];
        struct high *h = &g->highs[g->n];

        if (tp->err) {
            ok = false;
            break;
        }
        snprintf(h->topic, sizeof h->topic, "%s", tp->topic);
        h->partition = tp->partition;
        h->end = tp->offset;
        g->n += tp->offset > 0;
    }
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
    return ok;
}

/* ---- who reads what --------------------------------------------------------------------------------------------- */

static bool
reads(const struct worker *w, const char *group, const char *topic)
{
    static const char *const validator[] = {"requests", "reviews", "integrations", NULL};
    static const char *const integrator[] = {"checks", "callbacks", NULL};
    static const char *const deadline[] = {"requests", "checks", "integrations", NULL};
    const char *name = group + strlen(w->app->set.group_prefix) + 1;
    const char *bare = topic + strlen(w->event_opts.topic_prefix) + 1;
    const char *const *all = strcmp(name, "validator") == 0    ? validator
                             : strcmp(name, "integrator") == 0 ? integrator
                                                               : deadline;

    for (; *all; all++)
        if (strcmp(bare, *all) == 0 || (strcmp(*all, "requests") == 0 && strncmp(bare, "requests.", 9) == 0))
            return true;
    return false;
}

static int64_t
stored_next(const PGresult *r, const char *group, const struct high *h)
{
    for (int i = 0; i < PQntuples(r); i++)
        if (str_is(pg_text(r, i, 0), group) && str_is(pg_text(r, i, 1), h->topic) &&
            pg_int(r, i, 2) == h->partition)
            return pg_int(r, i, 3);
    return 0;
}

static void
group_name(const struct gate *g, const char *worker, char out[160])
{
    snprintf(out, 160, "%s-%s", g->w->app->set.group_prefix, worker);
}

static void
judge_group(struct gate *g, const PGresult *r, const char *worker)
{
    char group[160];

    group_name(g, worker, group);
    for (size_t i = 0; i < g->n && !g->behind; i++)
        if (reads(g->w, group, g->highs[i].topic) && stored_next(r, group, &g->highs[i]) < g->highs[i].end)
            g->behind = true;
}

static void
on_offsets(void *arg, const PGresult *r)
{
    struct gate *g = arg;

    if (g->step == OTHERS) {
        judge_group(g, r, "validator");
        judge_group(g, r, "integrator");
    } else {
        judge_group(g, r, "deadline");
    }
}

static void
on_outbox(void *arg, const PGresult *r)
{
    struct gate *g = arg;

    if (pg_int(r, 0, 0) > 0)
        g->behind = true;
}

/* ---- the steps -------------------------------------------------------------------------------------------------- */

static void
try_later(struct gate *g)
{
    loop_timer_set(g->w->app->loop, &g->again, TRY_MS);
}

static void
on_answered(void *arg, const struct pg_end *end)
{
    struct gate *g = arg;

    pg_done(g->w->app->pg);
    if (end->res != RES_OK || g->behind) {
        try_later(g);
    } else if (g->step == OTHERS) {
        g->step = OURSELVES;
        if (read_ends(g))
            pg_turn(g->w->app->pg, &g->turn);
        else
            try_later(g);
    } else {
        g->step = CLOSED;
        g->open(g->arg, g->asked_us);
    }
}

static void
on_turn(void *arg)
{
    struct gate *g = arg;
    struct pg_args *a = &g->w->args;
    static const char *const workers[] = {"validator", "integrator", "deadline"};

    g->behind = false;
    pg_args_reset(a);
    pg_array(a, PG_TEXT);
    for (unsigned i = 0; i < 3; i++) {
        char group[160];

        group_name(g, workers[i], group);
        pg_elem_text(a, str_of(group));
    }
    pg_array_end(a);
    pg_send(g->w->app->pg, &read_stmt, a, on_offsets, g);
    if (g->step == OTHERS) {
        pg_args_reset(a);
        pg_arg_time(a, g->asked_us);
        pg_send(g->w->app->pg, &outbox_stmt, a, on_outbox, g);
    }
    pg_sync(g->w->app->pg, on_answered, g);
}

static void
on_again(void *arg)
{
    struct gate *g = arg;

    if (g->n || read_ends(g))
        pg_turn(g->w->app->pg, &g->turn);
    else
        try_later(g);
}

void
gate_ask(struct gate *g)
{
    if (g->step != CLOSED)
        return;
    g->step = OTHERS;
    g->asked_us = clk_us(g->w->app->clk);
    if (read_ends(g))
        pg_turn(g->w->app->pg, &g->turn);
    else
        try_later(g);
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
    free(g->highs);
    free(g);
}
