/* forecast: what view v_prakiraan says, as numbers, and the recapitulation counted up: now and then, between two batches. The record is the
 * projector's own, so nobody else needs to read it; each process asks, and all of them give the same numbers. */
#include <stdlib.h>

#include "common/base/log.h"
#include "workers/projector/projector.h"

enum { FIRST_MS = 5000 };

struct forecast {
    struct worker *w;
    struct loop_timer next;
    struct pg_turn turn;
    bool asking, failing;
    struct metric *m_open[TAHAPS], *m_late[TAHAPS], *m_unknown[TAHAPS];
};

static const struct pg_stmt ask_stmt = {"projector_forecast",
                                        "select tahap, count(*), count(*) filter (where akan_terlambat), "
                                        "count(*) filter (where akan_terlambat is null) "
                                        "from v_prakiraan group by 1"};

/* Steps of the recapitulation that have changed since they were counted: views read those from the histogram. */
static const struct pg_stmt tidy_stmt = {"projector_tidy", "select rekap_rapikan()"};

static void
on_rows(void *arg, const PGresult *r)
{
    struct forecast *f = arg;
    double of[TAHAPS][3] = {{0}};

    for (int i = 0; i < PQntuples(r); i++) {
        enum tahap t = tahap_of(pg_text(r, i, 0));

        for (int k = 0; k < 3 && t < TAHAPS; k++)
            of[t][k] = (double)pg_int(r, i, k + 1);
    }
    for (int t = 0; t < TAHAPS; t++) {
        metric_set(f->m_open[t], of[t][0]);
        metric_set(f->m_late[t], of[t][1]);
        metric_set(f->m_unknown[t], of[t][2]);
    }
}

static void
on_answered(void *arg, const struct pg_end *end)
{
    struct forecast *f = arg;

    pg_done(f->w->app->pg);
    f->asking = false;
    if ((end->res != RES_OK) != f->failing && pg_up(f->w->app->pg)) {
        f->failing = !f->failing;
        if (f->failing)
            log_warn("what will be late cannot be counted; the numbers stay as they were",
                     LOG_Z("sqlstate", end->state), LOG_Z("why", end->text));
    }
}

static void
on_turn(void *arg)
{
    struct forecast *f = arg;

    pg_send(f->w->app->pg, &ask_stmt, NULL, on_rows, f);
    pg_send(f->w->app->pg, &tidy_stmt, NULL, NULL, NULL);
    pg_sync(f->w->app->pg, on_answered, f);
}

static void
on_next(void *arg)
{
    struct forecast *f = arg;
    const struct projector *p = f->w->own;

    loop_timer_set(f->w->app->loop, &f->next, p->forecast_ms);
    if (f->asking)
        return;
    f->asking = true;
    pg_turn(f->w->app->pg, &f->turn);
}

static void
make_metrics(struct forecast *f)
{
    struct metrics *ms = f->w->app->metrics;

    for (int t = 0; t < TAHAPS; t++) {
        char label[64];

        snprintf(label, sizeof label, "tahap=\"%s\"", tahap_name((enum tahap)t));
        f->m_open[t] = metric(ms, METRIC_GAUGE, "bedelau_clocks_open", label, "Clocks that have not ended");
        f->m_late[t] = metric(ms, METRIC_GAUGE, "bedelau_forecast_late", label,
                              "Of them, those that are or will be missed at the present rate");
        f->m_unknown[t] = metric(ms, METRIC_GAUGE, "bedelau_forecast_unknown", label,
                                 "Of them, those of which that cannot be told");
    }
}

enum res
forecast_new(struct worker *w, struct forecast **ret, struct err *e)
{
    const struct projector *p = w->own;
    struct forecast *f;

    *ret = NULL;
    if (!p->forecast_ms)
        return RES_OK;
    f = calloc(1, sizeof *f);
    if (!f)
        return err_set(e, RES_FATAL, "out of memory");
    f->w = w;
    f->next = (struct loop_timer){.fn = on_next, .arg = f};
    f->turn = (struct pg_turn){.fn = on_turn, .arg = f};
    make_metrics(f);
    loop_timer_set(w->app->loop, &f->next, p->forecast_ms < FIRST_MS ? p->forecast_ms : FIRST_MS);
    *ret = f;
    return RES_OK;
}

void
forecast_free(struct forecast *f)
{
    if (!f)
        return;
    loop_timer_stop(f->w->app->loop, &f->next);
    pg_turn_cancel(f->w->app->pg, &f->turn);
    free(f);
}
