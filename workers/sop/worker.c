#include "workers/sop/worker.h"

#include <stdlib.h>

#include "common/base/id.h"
#include "common/base/log.h"
#include "common/calendar/almanac.h"
#include "common/json/scan.h"
#include "workers/sop/rows.h"
#include "workers/sop/terms.h"

/* Namespace of our derived ids: UUIDv5(DNS, "bedelau.batam.go.id"), fixed for ever. */
static const unsigned char id_namespace[16] = {0x9b, 0x1e, 0x6c, 0x52, 0x0a, 0x4f, 0x5d, 0x0e,
                                               0x8c, 0x35, 0x2f, 0x7d, 0x61, 0xb4, 0xe0, 0x13};

struct str
worker_source(const struct worker *w)
{
    return str_of(w->source);
}

/* ---- facts of ours ---------------------------------------------------------------------------------------------- */

static const char *
topic_for(const struct worker *w, enum fact_type t)
{
    if (t == FACT_CHECK || t == FACT_REFUSED)
        return w->out_topic[0];
    if (fact_is_integration(t))
        return w->out_topic[1];
    return t == FACT_STATUS ? w->out_topic[3] : w->out_topic[2];
}

void
worker_emit(struct worker *w, const struct berkas *b, const struct emit *em, char id[37])
{
    const struct str parts[] = {em->parent_source, em->parent_id, str_of(fact_type_name(em->type)), em->mark};
    struct ce_out o = {.source = worker_source(w),
                       .type = str_of(fact_type_name(em->type)),
                       .subject = b->nomor,
                       .traceparent = em->traceparent,
                       .time_us = em->time_us,
                       .data = em->data};

    id_derive(id_namespace, parts, 4, id);
    o.id = str_of(id);
    if (em->revisi) {
        o.ext_name = STR("revisi");
        o.ext_value = em->revisi;
    }
    buf_reset(&w->told);
    ce_write(&o, &w->told);
    flow_emit(w->flow, topic_for(w, em->type), b->nomor, buf_view(&w->told));
}

/* ---- reading records -------------------------------------------------------------------------------------------- */

bool
worker_judges(const struct worker *w, const char *name)
{
    struct str topic = str_of(name);
    size_t n = strlen(w->event_opts.topic_prefix) + 1;
    struct str bare = topic.n > n ? (struct str){topic.p + n, topic.n - n} : topic;

    for (const char *const *j = w->def->judges; *j; j++)
        if (str_is(bare, *j) || (strcmp(*j, "requests") == 0 && str_starts(bare, STR("requests."))))
            return true;
    return false;
}

static bool
judges(void *arg, struct str topic)
{
    return worker_judges(arg, topic.p);
}

static bool
is_for_us(const struct worker *w, const struct fact *f)
{
    if (f->type == FACT_UNKNOWN)
        return w->def->records_unknown;
    return w->def->wants(f->type) && (!w->def->heeds || w->def->heeds(w, f));
}

static enum res
parse(void *arg, struct flow_item *it, struct err *e)
{
    struct worker *w = arg;
    struct scan_members room;
    enum res res = event_read_members(&w->event_opts, it, &room, e);
    struct event *ev = it->mine;

    if (res != RES_OK)
        return res;
    if (!is_for_us(w, &ev->fact)) {
        event_free(ev);
        it->mine = NULL;
        it->skip = true;
        return RES_OK;
    }
    rows_identify(w, ev);
    if (w->def->prepare)
        w->def->prepare(w, ev);
    ev->ce.member = NULL; /* the room is gone */
    return RES_OK;
}

static void
drop_event(void *arg, void *mine)
{
    (void)arg;
    event_free(mine);
}

/* ---- flow's steps ----------------------------------------------------------------------------------------------- */

static void
load(void *arg, const struct flow_batch *b)
{
    struct worker *w = arg;

    rows_begin(w, b);
    if (w->def->reckons)
        worker_calendar_send(w);
    if (w->def->seen)
        rows_send_seen(w, b);
    rows_send_lock(w);
    if (w->def->load)
        w->def->load(w, b);
}

static void
apply_item(struct worker *w, struct flow_item *it)
{
    struct berkas *b = worker_find(w, item_nomor(it));
    enum met met = MET_NEW;

    if (!b)
        return; /* about no request: `load` has seen to it */
    if (it->rkm && w->def->seen) {
        met = rows_met(w, it);
        if (it->code)
            return;
    }
    w->def->apply(w, b, it, met);
}

static void
apply(void *arg, const struct flow_batch *b)
{
    struct worker *w = arg;

    w->now_us = clk_us(w->app->clk);
    for (size_t i = 0; i < b->n; i++)
        if (flow_live(&b->items[i]))
            apply_item(w, &b->items[i]);
    for (size_t i = 0; w->def->settle && i < w->n; i++)
        w->def->settle(w, &w->all[i]);
    w->def->write(w);
}

/* The connection is ours: no claim is under way. What has been begun outside comes back as an item, after which this is
 * called again. */
static void
on_last_turn(void *arg)
{
    struct worker *w = arg;

    pg_done(w->app->pg);
    if (!w->def->busy || !w->def->busy(w))
        app_quit(w->app, APP_OK);
}

/* Everything in hand is applied. */
static void
finish_stop(void *arg)
{
    struct worker *w = arg;

    if (pg_up(w->app->pg))
        pg_turn(w->app->pg, &w->last_turn);
    else
        app_quit(w->app, APP_OK);
}

static void
committed(void *arg, const struct flow_batch *b)
{
    struct worker *w = arg;

    if (w->def->committed)
        w->def->committed(w, b);
    if (w->stopping)
        flow_drain(w->flow, finish_stop, w);
}

static void
undone(void *arg, bool whole)
{
    struct worker *w = arg;

    if (w->def->undone)
        w->def->undone(w, whole);
}

static void
drop_own(void *arg, void *mine)
{
    struct worker *w = arg;

    if (w->def->drop)
        w->def->drop(mine);
    else
        free(mine);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

char *
worker_schema_path(const struct worker *w, const char *name)
{
    return sop_path(w->sop.schemas_dir, name);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static char *
full_topic(const char *prefix, const char *name, bool with_departments)
{
    char *z = NULL;

    if (!with_departments)
        return asprintf(&z, "%s.%s", prefix, name) < 0 ? NULL : z;
    struct buf b = buf_make(512);

    buf_char(&b, '^');
    for (const char *p = prefix; *p; p++)
        buf_printf(&b, *p == '.' ? "\\%c" : "%c", *p);
    buf_printf(&b, "\\.%s(\\..+)?$", name);
    return buf_steal(&b);
}

static void
name_topics(struct worker *w)
{
    static const char *const out[] = {"checks", "integrations", "deadlines", "status"};
    const char *prefix = w->app->set.topic_prefix;

    for (unsigned i = 0; i < 7 && w->def->topics[i]; i++)
        w->topic[i] = full_topic(prefix, w->def->topics[i], strcmp(w->def->topics[i], "requests") == 0);
    for (unsigned i = 0; i < 4; i++)
        w->out_topic[i] = full_topic(prefix, out[i], false);
    snprintf(w->dead_topic, sizeof w->dead_topic, "%s.dead-letters", prefix);
    snprintf(w->group, sizeof w->group, "%s-%s", w->app->set.group_prefix, w->def->name);
    w->event_opts = (struct event_opts){prefix, w->sop.event_max, w->sop.tolerance_ms * 1000};
}

static enum res
find_schemas(struct worker *w, struct err *e)
{
    if (!sop_schemas(&w->sop, w->schemas, sizeof w->schemas))
        return err_set(e, RES_FATAL, "[sop] schemas is too long");
    w->sop.schemas_dir = w->schemas;
    return RES_OK;
}

static enum res
open_kafka(struct worker *w, struct err *e)
{
    static const struct flow_ops ops = {parse, load, apply, committed, undone, drop_event, drop_own};
    struct app *app = w->app;
    const char *warm[] = {w->out_topic[0], w->out_topic[1], w->out_topic[2],
                          w->out_topic[3], w->dead_topic,   NULL};
    struct outbox_opts oo = {.loop = app->loop,
                             .pg = app->pg,
                             .worker = w->def->name,
                             .owner = app->owner,
                             .metrics = app->metrics,
                             .prefix = app->def->metric_prefix};
    struct flow_opts fo = {.loop = app->loop,
                           .pg = app->pg,
                           .kafka = &app->kafka[0],
                           .group = w->group,
                           .topics = (const char *const *)w->topic,
                           .dead_topic = w->dead_topic,
                           .worker = w->def->name,
                           .header_prefix = "bedelau-",
                           .judges = judges,
                           .ops = &ops,
                           .w = w,
                           .metrics = app->metrics,
                           .metric_prefix = app->def->metric_prefix,
                           .stop_hint = "see: bedelauctl offsets show; bedelauctl offsets set",
                           .clk = app->clk};
    enum res res;

    if ((res = producer_new(app->loop, &app->kafka[0], warm, &w->producer, e)))
        return res;
    oo.producer = w->producer;
    if ((res = outbox_new(&oo, &w->outbox, e)))
        return res;
    fo.outbox = w->outbox;
    return flow_new(&fo, &w->flow, e);
}

/* What can be wrong in a file that [sop] names is told before anything is begun, and to --check-config too. */
static enum res
check(void *self, struct err *e)
{
    struct worker *w = self;
    enum res res = find_schemas(w, e);

    if (res == RES_OK && w->def->reckons)
        res = worker_terms(w, &w->terms, e);
    return res == RES_OK && w->def->check ? w->def->check(w, e) : res;
}

static enum res
start(struct app *app, void *self, struct err *e)
{
    struct worker *w = self;
    enum res res;

    w->app = app;
    w->last_turn = (struct pg_turn){.fn = on_last_turn, .arg = w};
    w->args = pg_args_make();
    w->text = buf_make(16 << 20);
    w->told = buf_make(4 << 20);
    w->m_reused = metric(app->metrics, METRIC_COUNTER, "bedelau_ids_reused", "",
                         "Records whose (source, id) was met before with another content");
    w->m_differs = metric(app->metrics, METRIC_COUNTER, "bedelau_own_facts_differ", "",
                          "Facts of our own that came twice with another content");
    res = rows_prepare(w, e);
    name_topics(w);
    if (res == RES_OK && w->def->reckons)
        res = worker_calendar_start(w, e);
    if (res == RES_OK && w->def->start)
        res = w->def->start(w, e);
    return res == RES_OK ? open_kafka(w, e) : res;
}

static void
stop(struct app *app, void *self)
{
    struct worker *w = self;

    (void)app;
    w->stopping = true;
    if (w->def->stop)
        w->def->stop(w);
    flow_drain(w->flow, finish_stop, w);
}

static void
free_worker(struct app *app, void *self)
{
    struct worker *w = self;

    (void)app;
    if (w->def->free && w->app)
        w->def->free(w);
    if (w->app)
        pg_turn_cancel(w->app->pg, &w->last_turn);
    worker_calendar_free(w);
    flow_free(w->flow);
    producer_free(w->producer, 3000);
    outbox_free(w->outbox);
    rows_free(w);
    for (unsigned i = 0; i < 8; i++)
        free(w->topic[i]);
    for (unsigned i = 0; i < 4; i++)
        free(w->out_topic[i]);
    arena_free(&w->arena);
    pg_args_free(&w->args);
    buf_free(&w->text);
    buf_free(&w->told);
}

static bool
ready(void *self, const char **why)
{
    struct worker *w = self;

    return flow_ready(w->flow, why);
}

static void
status(void *self, struct buf *json)
{
    struct worker *w = self;

    buf_z(json, ",\"flow\":");
    flow_status(w->flow, json);
    buf_printf(json, ",\"outbox_in_flight\":%zu", outbox_pending(w->outbox));
    if (w->almanac)
        buf_printf(json, ",\"calendar\":\"%s\"", calendar_version(almanac_newest(w->almanac)));
    if (w->def->status)
        w->def->status(w, json);
}

static void
reload(void *self)
{
    struct worker *w = self;

    if (w->def->reload)
        w->def->reload(w);
}

int
worker_main(int argc, char **argv, const struct worker_def *def, void *own)
{
    struct worker w = {.def = def, .own = own};
    char name[64];
    int code;
    struct app_def d = {.section = def->name,
                        .about = def->about,
                        .env_prefix = "BEDELAU",
                        .family = "bedelau",
                        .conf_file = "/etc/bedelau/bedelau.conf",
                        .metric_prefix = "bedelau_",
                        .listen = def->listen,
                        .keys = def->keys,
                        .shared_keys = sop_keys,
                        .sections = sop_sections,
                        .check = check,
                        .start = start,
                        .stop = stop,
                        .free = free_worker,
                        .ready = ready,
                        .status = status,
                        .reload = reload};
    struct app_run run = {&w, own, &w.sop};

    snprintf(name, sizeof name, "bedelau-%s", def->name);
    snprintf(w.source, sizeof w.source, "/bedelau/%s", def->name);
    d.name = name;
    code = app_main(argc, argv, &d, &run);
    terms_free(w.terms);
    return code;
}
