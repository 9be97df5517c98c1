/* months: sees to it that the log (table `event`) has a partition for the present month and some after it. The server makes
 * them, by a function of the schema's owner; any number of processes may ask. It is asked at the start, every hour, and
 * whenever a transaction failed, since the reason may be a month that is not there: then the batch waits, and goes on by
 * itself as soon as it is. */
#include <stdlib.h>

#include "common/base/caltime.h"
#include "common/base/log.h"
#include "workers/projector/projector.h"

enum { EVERY_MS = 3600000, FAILED_MS = 60000 };

struct months {
    struct worker *w;
    struct loop_timer next;
    struct pg_turn turn;
    struct pg_args args;
    bool asking, failing;
    struct pg_end end; /* RES_RETRY with a text: the server could not make one, though it answered */
    struct metric *m_until;
};

/* Columns of the answer. */
enum { UNTIL, MADE, WHY };

static const struct pg_stmt ahead_stmt = {"projector_months", "select * from event_months_ahead($1::int)"};

static void
on_row(void *arg, const PGresult *r)
{
    struct months *m = arg;
    struct str why = pg_text(r, 0, WHY);
    char until[CALTIME_TEXT];

    if (!PQgetisnull(r, 0, UNTIL)) {
        metric_set(m->m_until, (double)pg_time(r, 0, UNTIL) / 1e6);
        caltime_format(pg_time(r, 0, UNTIL), until);
        if (pg_int(r, 0, MADE))
            log_info("months of the log were made ahead", LOG_I("made", pg_int(r, 0, MADE)),
                     LOG_Z("until", until));
    }
    m->end = (struct pg_end){.res = why.n ? RES_RETRY : RES_OK};
    snprintf(m->end.text, sizeof m->end.text, "%.*s", STR_FMT(why));
}

/* Said once per change. */
static void
note(struct months *m, const struct pg_end *end)
{
    bool failing = end->res != RES_OK;

    if (failing && !m->failing)
        log_warn("a month of the log cannot be made ahead", LOG_Z("sqlstate", end->state),
                 LOG_Z("why", end->text));
    else if (!failing && m->failing)
        log_info("months of the log are made ahead again");
    m->failing = failing;
}

static void
on_answered(void *arg, const struct pg_end *end)
{
    struct months *m = arg;

    pg_done(m->w->app->pg);
    m->asking = false;
    if (pg_up(m->w->app->pg))
        note(m, end->res == RES_OK ? &m->end : end);
    loop_timer_set(m->w->app->loop, &m->next, m->failing ? FAILED_MS : EVERY_MS);
}

static void
on_turn(void *arg)
{
    struct months *m = arg;
    const struct projector *p = m->w->own;

    pg_args_reset(&m->args);
    pg_arg_int4(&m->args, (int32_t)p->months_ahead);
    pg_send(m->w->app->pg, &ahead_stmt, &m->args, on_row, m);
    pg_sync(m->w->app->pg, on_answered, m);
}

static void
ask(void *arg)
{
    months_ask(arg);
}

void
months_ask(struct months *m)
{
    if (!m || m->asking)
        return;
    m->asking = true;
    pg_turn(m->w->app->pg, &m->turn);
}

enum res
months_new(struct worker *w, struct months **ret, struct err *e)
{
    struct months *m = *ret = calloc(1, sizeof *m);

    if (!m)
        return err_set(e, RES_FATAL, "out of memory");
    m->w = w;
    m->next = (struct loop_timer){.fn = ask, .arg = m};
    m->turn = (struct pg_turn){.fn = on_turn, .arg = m};
    m->args = pg_args_make();
    m->m_until = metric(w->app->metrics, METRIC_GAUGE, "bedelau_log_months_until_seconds", "",
                        "Unix time until which the log has months; 0 until it was asked");
    months_ask(m);
    return RES_OK;
}

void
months_free(struct months *m)
{
    if (!m)
        return;
    loop_timer_stop(m->w->app->loop, &m->next);
    pg_turn_cancel(m->w->app->pg, &m->turn);
    pg_args_free(&m->args);
    free(m);
}
