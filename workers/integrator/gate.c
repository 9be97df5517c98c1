#include "workers/integrator/gate.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/caltime.h"
#include "common/base/log.h"
#include "workers/integrator/brake.h"

enum { LOOK_MS = 10000, RETRY_MS = 1000 };

struct gate {
    struct gate_opts opts;
    struct brake brake;
    enum brake_why why; /* as last told */
    int64_t change_us;  /* when it may be another by the clock */
    unsigned epoch;     /* of the connection that the pause was read on */
    unsigned asked_epoch;
    bool asking, again, told_trouble;
    bool told; /* by NOTIFY, since the last answer */
    struct loop_timer look, change;
    struct pg_turn turn;
    struct pg_args args;
    struct metric *m_paused, *m_maintenance;
};

static const struct pg_stmt tell_stmt = {
    "gate_tell",
    "insert into endpoint_process as p (owner, mode, maintenance, calls_per_s, in_flight, shut, sink, "
    "seen_at) "
    "values ($1::text, $2::text, $3::text, $4::int, $5::int, $6::text, $7::text, clock_timestamp()) "
    "on conflict (owner) do update set maintenance = excluded.maintenance, calls_per_s = "
    "excluded.calls_per_s, "
    "shut = excluded.shut, sink = excluded.sink, seen_at = excluded.seen_at"};
static const struct pg_stmt forget_stmt = {
    "gate_forget", "delete from endpoint_process where seen_at < clock_timestamp() - interval '1 hour'"};
static const struct pg_stmt read_stmt = {"gate_read", "select paused, until, reason from endpoint_brake"};
/* only those that can be settled without a call's end: settle looks again under the row lock. (The sum keeps the test from
 * the index of all that nobody holds.) */
static const struct pg_stmt stops_stmt = {
    "gate_stops",
    "select distinct subject from job_integrator where stop_reason is not null and lease + 0 = 0 "
    "and step not in ('ask', 'cancel') limit 1000"};

static int64_t
now_us(const struct gate *g)
{
    return clk_us(g->opts.app->clk);
}

/* ---- opening and shutting --------------------------------------------------------------------------------------- */

static void
look_soon(struct gate *g)
{
    if (g->asking)
        g->again = true;
    else
        loop_timer_set(g->opts.app->loop, &g->look, 0);
}

static void
say(const struct gate *g)
{
    char until[CALTIME_TEXT_WIB] = "-";

    if (g->why == BRAKE_NONE) {
        log_info("calls may begin");
        return;
    }
    if (g->change_us != BRAKE_NEVER)
        caltime_format_wib(g->change_us, until);
    log_warn("no call begins", LOG_Z("why", brake_name(g->why)),
             LOG_Z("reason", g->why == BRAKE_PAUSED ? g->brake.reason : ""), LOG_Z("until", until));
}

/* Takes stock at an instant at which the answer may have changed, and wakes at the next. A change is told at once. */
static void
update(struct gate *g)
{
    enum brake_why was = g->why;
    int64_t now = now_us(g);
    int64_t change;

    g->why = brake_look(&g->brake, now, &g->change_us);
    metric_set(g->m_paused, g->why == BRAKE_PAUSED);
    metric_set(g->m_maintenance, brake_within(&g->brake.windows, now, &change));
    if (g->change_us != BRAKE_NEVER && (g->change_us - now) / 1000 < LOOK_MS)
        loop_timer_set(g->opts.app->loop, &g->change, (g->change_us - now) / 1000 + 1);
    if (g->why == was)
        return;
    say(g);
    look_soon(g);
    if (g->why == BRAKE_NONE)
        g->opts.open(g->opts.arg);
    else
        g->opts.shut(g->opts.arg);
}

static void
on_change(void *arg)
{
    update(arg);
}

/* ---- asking the database ---------------------------------------------------------------------------------------- */

static void
on_read(void *arg, const PGresult *r)
{
    struct gate *g = arg;
    struct str reason = PQntuples(r) ? pg_text(r, 0, 2) : STR_NULL;
    int64_t until = PQntuples(r) ? pg_time(r, 0, 1) : INT64_MIN;

    g->brake.read = true;
    g->brake.paused = PQntuples(r) && pg_int(r, 0, 0);
    g->brake.until_us = until == INT64_MIN ? BRAKE_NEVER : until;
    snprintf(g->brake.reason, sizeof g->brake.reason, "%.*s", STR_FMT(reason));
}

static void
on_stops(void *arg, const PGresult *r)
{
    struct gate *g = arg;

    for (int i = 0; i < PQntuples(r); i++)
        g->opts.stop(g->opts.arg, pg_text(r, i, 0));
}

/* That the database is away is said elsewhere. */
static void
trouble(struct gate *g, const struct pg_end *end)
{
    if (g->told_trouble || !pg_up(g->opts.app->pg))
        return;
    log_error("whether calls are paused cannot be read; looking again", LOG_Z("sqlstate", end->state),
              LOG_Z("why", end->text));
    g->told_trouble = true;
}

static void
on_answered(void *arg, const struct pg_end *end)
{
    struct gate *g = arg;

    pg_done(g->opts.app->pg);
    if (end->res == RES_OK) {
        g->epoch = g->asked_epoch;
        g->told_trouble = false;
        update(g);
        if (g->told)
            g->opts.open(g->opts.arg); /* it may have been that something is due now */
        g->told = g->again;
    } else {
        trouble(g, end);
    }
    loop_timer_set(g->opts.app->loop, &g->look, end->res != RES_OK ? RETRY_MS : g->again ? 0 : LOOK_MS);
    g->asking = g->again = false;
}

static void
send_tell(struct gate *g)
{
    struct buf sink = buf_make(4096);
    struct pg_args *a = &g->args;

    if (g->opts.sink)
        g->opts.sink(g->opts.arg, &sink);
    pg_args_reset(a);
    pg_arg_text(a, str_of(g->opts.app->owner));
    pg_arg_text(a, str_of(g->opts.mode));
    pg_arg_text(a, str_of(g->opts.maintenance));
    pg_arg_int4(a, (int32_t)g->opts.calls_per_s);
    pg_arg_int4(a, (int32_t)g->opts.in_flight);
    pg_arg_text(a, g->why == BRAKE_NONE ? STR_NULL : str_of(brake_name(g->why)));
    pg_arg_text(a, sink.n && !sink.failed ? buf_view(&sink) : STR_NULL);
    pg_send(g->opts.app->pg, &tell_stmt, a, NULL, NULL);
    buf_free(&sink);
}

static void
on_turn(void *arg)
{
    struct gate *g = arg;
    struct pg *pg = g->opts.app->pg;

    g->asked_epoch = pg_epoch(pg);
    pg_send(pg, &read_stmt, NULL, on_read, g);
    pg_send(pg, &stops_stmt, NULL, on_stops, g);
    send_tell(g);
    pg_send(pg, &forget_stmt, NULL, NULL, NULL);
    pg_sync(pg, on_answered, g);
}

static void
on_look(void *arg)
{
    struct gate *g = arg;

    if (g->asking)
        return;
    g->asking = true;
    pg_turn(g->opts.app->pg, &g->turn);
}

static void
on_notified(void *arg, struct str payload)
{
    struct gate *g = arg;

    (void)payload;
    g->told = true;
    look_soon(g);
}

/* ---- what the calls ask ----------------------------------------------------------------------------------------- */

enum res
gate_again(struct gate *g, const char *maintenance, int64_t calls_per_s, struct err *e)
{
    struct brake_windows windows;

    if (brake_parse(maintenance, &windows, e) != RES_OK)
        return RES_FATAL;
    g->brake.windows = windows;
    g->opts.maintenance = maintenance;
    g->opts.calls_per_s = calls_per_s;
    update(g);
    look_soon(g);
    return RES_OK;
}

bool
gate_open(struct gate *g)
{
    int64_t change;

    if (g->epoch != pg_epoch(g->opts.app->pg)) { /* something may have been told to the connection before */
        look_soon(g);
        return false;
    }
    return brake_look(&g->brake, now_us(g), &change) == BRAKE_NONE;
}

void
gate_status(const struct gate *g, struct buf *json)
{
    char until[CALTIME_TEXT_WIB];
    int64_t change;
    enum brake_why why = brake_look(&g->brake, now_us(g), &change);

    buf_printf(json, ",\"brake\":{\"paused\":%s,\"shut\":\"%s\",\"reason\":",
               why == BRAKE_PAUSED ? "true" : "false", brake_name(why));
    buf_json(json, str_of(why == BRAKE_PAUSED ? g->brake.reason : ""));
    if (change != BRAKE_NEVER) {
        caltime_format_wib(change, until);
        buf_printf(json, ",\"changes_at\":\"%s\"", until);
    }
    buf_z(json, ",\"maintenance\":");
    buf_json(json, str_of(g->opts.maintenance));
    buf_printf(json, ",\"calls_per_s\":%lld}", (long long)g->opts.calls_per_s);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void
make_metrics(struct gate *g)
{
    static const char name[] = "bedelau_endpoint_paused";
    static const char help[] = "1 while no call begins, by what holds it";
    struct metrics *ms = g->opts.app->metrics;

    g->m_paused = metric(ms, METRIC_GAUGE, name, "by=\"operator\"", help);
    g->m_maintenance = metric(ms, METRIC_GAUGE, name, "by=\"maintenance\"", help);
}

enum res
gate_new(const struct gate_opts *opts, struct gate **ret, struct err *e)
{
    struct gate *g = calloc(1, sizeof *g);

    *ret = NULL;
    if (!g)
        return err_set(e, RES_FATAL, "out of memory");
    g->opts = *opts;
    if (brake_parse(opts->maintenance, &g->brake.windows, e) != RES_OK) {
        free(g);
        return RES_FATAL;
    }
    g->why = BRAKE_UNREAD;
    g->change_us = BRAKE_NEVER;
    g->args = pg_args_make();
    g->look = (struct loop_timer){.fn = on_look, .arg = g};
    g->change = (struct loop_timer){.fn = on_change, .arg = g};
    g->turn = (struct pg_turn){.fn = on_turn, .arg = g};
    make_metrics(g);
    pg_listen(opts->app->pg, "brake_integrator", on_notified, g);
    loop_timer_set(opts->app->loop, &g->look, 0);
    *ret = g;
    return RES_OK;
}

void
gate_free(struct gate *g)
{
    if (!g)
        return;
    loop_timer_stop(g->opts.app->loop, &g->look);
    loop_timer_stop(g->opts.app->loop, &g->change);
    pg_turn_cancel(g->opts.app->pg, &g->turn);
    pg_args_free(&g->args);
    free(g);
}
