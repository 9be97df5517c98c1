#include "workers/projector/projector.h"

#include <stdlib.h>

#include "common/base/file.h"

static const char *const topics[] = {"requests",     "reviews",   "callbacks", "checks",
                                     "integrations", "deadlines", NULL};
static const char *const judges[] = {"checks", "integrations", "deadlines", NULL};

static const struct conf_key keys[] = {
    {"projector", "forecast", CONF_MS, offsetof(struct projector, forecast_ms), "60s", 0, NULL, 0, 86400000,
     "How often requests that will miss their deadline at the present rate are counted for /metrics; 0: "
     "never"},
    {"projector", "months_ahead", CONF_INT, offsetof(struct projector, months_ahead), "2", 0, NULL, 1, 24,
     "How many months after the present one the log has partitions for"},
    {NULL, NULL, CONF_STR, 0, NULL, 0, NULL, 0, 0, NULL},
};

static bool
wants(enum fact_type t)
{
    return t != FACT_STATUS;
}

static enum res
load_rules(struct worker *w, struct err *e)
{
    struct projector *p = w->own;
    char *path = worker_schema_path(w, "lupa.json");
    size_t n = 0;
    char *json = path ? file_read(path, 1 << 20, &n, e) : NULL;
    enum res res = json ? forget_load((struct str){json, n}, &p->lupa, e) : RES_FATAL;

    free(json);
    free(path);
    return res == RES_OK ? res : err_set(e, RES_FATAL, "[sop] schemas: lupa.json cannot be read");
}

static enum res
start(struct worker *w, struct err *e)
{
    struct projector *p = w->own;
    enum res res;

    p->data = buf_make(4 << 20);
    p->m_events =
        metric(w->app->metrics, METRIC_COUNTER, "bedelau_events_recorded", "", "Facts written to the log");
    p->m_changes =
        metric(w->app->metrics, METRIC_COUNTER, "bedelau_request_changes", "", "Changes of requests told");
    res = load_rules(w, e);
    if (res == RES_OK)
        res = months_new(w, &p->months, e);
    return res == RES_OK ? forecast_new(w, &p->forecast, e) : res;
}

static void
free_own(struct worker *w)
{
    struct projector *p = w->own;

    buf_free(&p->data);
    forget_free(p->lupa);
    forecast_free(p->forecast);
    months_free(p->months);
}

/* Of a row that is not there yet every fact is still to come. */
static void
make_row(struct berkas *b)
{
    ((struct catatan *)b->more)->rec.counts = true;
}

static void
read_row(struct worker *w, struct berkas *b, const PGresult *r, int row)
{
    struct record *c = &((struct catatan *)b->more)->rec;

    c->sidik = pg_int(r, row, 3);
    if (!PQgetisnull(r, row, 4))
        c->chain = arena_str(&w->arena, pg_text(r, row, 4));
    sums_read(b->more, w, r, row, 5);
}

static void
begin_part(struct worker *w, const struct flow_batch *b)
{
    struct projector *p = w->own;

    p->nfresh = p->ncopies = p->nclocks = 0;
    p->fresh = arena_new(&w->arena, (b->n + 1) * sizeof *p->fresh);
    p->copies = arena_new(&w->arena, (b->n + 1) * sizeof *p->copies);
    p->clocks = arena_new(&w->arena, (b->n + 1) * sizeof(const struct fact *));
    p->clock_of = arena_new(&w->arena, (b->n + 1) * sizeof(struct berkas *));
    log_ask_forgotten(w);
}

static struct str
kept_findings(struct worker *w, struct str temuan)
{
    const struct projector *p = w->own;
    struct buf out = buf_make(temuan.n + 16);
    struct str kept;

    if (!temuan.n)
        return temuan;
    forget_findings(p->lupa, temuan, &out);
    kept = out.failed ? STR("[]") : arena_str(&w->arena, buf_view(&out));
    buf_free(&out);
    return kept;
}

static void
apply(struct worker *w, struct berkas *b, struct flow_item *it, enum met met)
{
    struct projector *p = w->own;
    const struct event *ev = item_event(it);
    struct fact fact;

    if (met == MET_REPEAT && dossier_again(&b->d, &ev->fact)) {
        b->dirty = true;
        p->copies[p->ncopies++].it = it;
    }
    if (met != MET_NEW)
        return;
    log_add(w, b, it);
    record_count(&((struct catatan *)b->more)->rec, ev);
    b->dirty = true;
    fact = ev->fact;
    if (((struct catatan *)b->more)->forgotten)
        fact.temuan = kept_findings(w, fact.temuan);
    if (dossier_add(&b->d, &fact) && fact.type == FACT_DEADLINE) {
        p->clocks[p->nclocks] = &ev->fact;
        p->clock_of[p->nclocks++] = b;
    }
}

static void
write_all(struct worker *w)
{
    log_write_events(w);
    log_write_copies(w);
    worker_write(w);
    log_write_clocks(w);
    sums_write(w); /* last: the sums are locked for as short as can be */
}

/* What failed may have been a month that is not there. */
static void
undone(struct worker *w, bool whole)
{
    const struct projector *p = w->own;

    if (whole)
        months_ask(p->months);
}

int
main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "projector",
        .about = "writes the record: every fact, each request's state, each clock",
        .listen = "127.0.0.1:9484",
        .topics = topics,
        .judges = judges,
        .seen = "event_id",
        .table = "request",
        .counter = "versi",
        .columns = ", sidik, chain, rekap, hitungan",
        .writes = record_columns,
        .more_size = sizeof(struct catatan),
        .keys = keys,
        .records_unknown = true,
        .wants = wants,
        .prepare = log_prepare,
        .start = start,
        .make = make_row,
        .read = read_row,
        .load = begin_part,
        .apply = apply,
        .settle = row_settle,
        .write = write_all,
        .undone = undone,
        .free = free_own,
    };
    struct projector own = {0};

    return worker_main(argc, argv, &def, &own);
}
