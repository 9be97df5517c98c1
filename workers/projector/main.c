#include "workers/projector/projector.h"

static const char *const topics[] = {"requests",     "reviews",   "callbacks", "checks",
                                     "integrations", "deadlines", NULL};
static const char *const judges[] = {"checks", "integrations", "deadlines", NULL};

static bool
wants(enum fact_type t)
{
    return t != FACT_STATUS;
}

static enum res
start(struct worker *w, struct err *e)
{
    struct projector *p = w->own;

    (void)e;
    p->m_events =
        metric(w->app->metrics, METRIC_COUNTER, "bedelau_events_recorded", "", "Facts written to the log");
    p->m_changes =
        metric(w->app->metrics, METRIC_COUNTER, "bedelau_request_changes", "", "Changes of requests told");
    return RES_OK;
}

/* Of a row that is not there yet every fact is still to come. */
static void
make_row(struct berkas *b)
{
    ((struct catatan *)b->more)->counts = true;
}

static void
read_row(struct worker *w, struct berkas *b, const PGresult *r, int row)
{
    struct catatan *c = b->more;

    c->sidik = pg_int(r, row, 3);
    sums_read(c, w, r, row, 4);
}

static void
begin_part(struct worker *w, const struct flow_batch *b)
{
    struct projector *p = w->own;

    p->nfresh = p->nclocks = 0;
    p->fresh = arena_new(&w->arena, (b->n + 1) * sizeof(struct flow_item *));
    p->clocks = arena_new(&w->arena, (b->n + 1) * sizeof(const struct fact *));
    p->clock_of = arena_new(&w->arena, (b->n + 1) * sizeof(struct berkas *));
}

static void
apply(struct worker *w, struct berkas *b, struct flow_item *it, enum met met)
{
    struct projector *p = w->own;
    const struct event *ev = item_event(it);

    if (met == MET_REPEAT)
        b->dirty |= dossier_again(&b->d, &ev->fact);
    if (met != MET_NEW)
        return;
    p->fresh[p->nfresh++] = it;
    sums_count(b->more, ev);
    b->dirty = true;
    if (dossier_add(&b->d, &ev->fact) && ev->fact.type == FACT_DEADLINE) {
        p->clocks[p->nclocks] = &ev->fact;
        p->clock_of[p->nclocks++] = b;
    }
}

static void
write_all(struct worker *w)
{
    log_write_events(w);
    row_write(w);
    log_write_clocks(w);
    sums_write(w); /* last: the sums are locked for as short as can be */
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
        .columns = ", sidik, rekap, hitungan",
        .writes = row_columns,
        .more_size = sizeof(struct catatan),
        .records_unknown = true,
        .wants = wants,
        .start = start,
        .make = make_row,
        .read = read_row,
        .load = begin_part,
        .apply = apply,
        .settle = row_settle,
        .write = write_all,
    };
    struct projector own = {0};

    return worker_main(argc, argv, &def, &own);
}
