/* The calendar in force. It is the newest row of the table `calendar`, read by every transaction before it reckons: the
 * lock that this takes lets `bedelauctl calendar load` wait until whoever reckoned by the old one has committed, so that
 * whoever looks for such rows afterwards finds them all. The file of [sop] calendar is what holds until one was loaded. */
#include <stdlib.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/calendar/almanac.h"
#include "workers/sop/worker.h"

enum { CALENDAR_MAX = 4 << 20, LOOK_MS = 30000, RETRY_MS = 1000 };

struct worker_calendar {
    struct worker *w;
    int64_t last_id; /* the newest row that was read, whether or not it could be used */
    bool asking;
    bool again; /* told while asking: what is being read may be older */
    struct loop_timer look;
    struct pg_turn turn;
    struct pg_args args;
    struct metric *m_id;
};

/* In share mode of the rows, none of which is there as a rule: what counts is the lock of the table (ROW SHARE). */
static const struct pg_stmt read_stmt = {"calendar_read",
                                         "select id, version, csv, since from calendar where id > "
                                         "$1::bigint order by id for key share"};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static enum res
read_file(const struct worker *w, struct calendar **ret, struct err *e)
{
    char version[CALENDAR_VERSION_MAX + 1];
    char *path = worker_schema_path(w, w->sop.calendar_file);
    size_t n;
    char *csv = path ? file_read(path, CALENDAR_MAX, &n, e) : NULL;
    enum res res = RES_FATAL;

    *ret = NULL;
    if (csv)
        res = sop_calendar_version(path, version, e);
    if (csv && res == RES_OK)
        res = sop_calendar((struct str){csv, n}, version, ret, e);
    free(csv);
    free(path);
    return res == RES_OK ? res : err_set(e, RES_FATAL, "[sop] calendar cannot be read");
}

/* `since` before 1970 is since ever. */
static enum res
take_row(struct worker_calendar *k, const PGresult *r, int row, struct err *e)
{
    char version[CALENDAR_VERSION_MAX + 1];
    struct calendar *cal = NULL;
    int64_t since = pg_time(r, row, 3);
    enum res res;

    snprintf(version, sizeof version, "%.*s", STR_FMT(pg_text(r, row, 1)));
    res = sop_calendar(pg_text(r, row, 2), version, &cal, e);
    if (res == RES_OK)
        res = almanac_add(k->w->almanac, pg_int(r, row, 0), since > 0 ? since : INT64_MIN, cal, e);
    if (res != RES_OK)
        calendar_free(cal);
    return res;
}

static void
on_rows(void *arg, const PGresult *r)
{
    struct worker_calendar *k = arg;
    int64_t was = almanac_id(k->w->almanac);

    for (int i = 0; i < PQntuples(r); i++) {
        struct err e = {0};

        k->last_id = pg_int(r, i, 0);
        if (take_row(k, r, i, &e) != RES_OK)
            log_error("a loaded calendar cannot be used; the one before it stays",
                      LOG_S("version", pg_text(r, i, 1)), LOG_Z("why", e.text));
    }
    if (almanac_id(k->w->almanac) == was)
        return;
    metric_set(k->m_id, (double)almanac_id(k->w->almanac));
    log_info("another calendar is in force",
             LOG_Z("version", calendar_version(almanac_newest(k->w->almanac))));
    if (k->w->def->calendar)
        k->w->def->calendar(k->w);
}

static void
send_read(struct worker_calendar *k)
{
    pg_args_reset(&k->args);
    pg_arg_int8(&k->args, k->last_id);
    pg_send(k->w->app->pg, &read_stmt, &k->args, on_rows, k);
}

void
worker_calendar_send(struct worker *w)
{
    send_read(w->calendar);
}

/* ---- between transactions ---------------------------------------------------------------------------------------- */

static void
on_answered(void *arg, const struct pg_end *end)
{
    struct worker_calendar *k = arg;

    pg_done(k->w->app->pg);
    k->asking = false;
    loop_timer_set(k->w->app->loop, &k->look, end->res != RES_OK ? RETRY_MS : k->again ? 0 : LOOK_MS);
    k->again = false;
}

static void
on_turn(void *arg)
{
    struct worker_calendar *k = arg;

    send_read(k);
    pg_sync(k->w->app->pg, on_answered, k);
}

static void
on_look(void *arg)
{
    struct worker_calendar *k = arg;

    if (k->asking)
        return;
    k->asking = true;
    pg_turn(k->w->app->pg, &k->turn);
}

static void
on_notified(void *arg, struct str payload)
{
    struct worker_calendar *k = arg;

    (void)payload;
    if (k->asking)
        k->again = true;
    else
        loop_timer_set(k->w->app->loop, &k->look, 0);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

enum res
worker_calendar_start(struct worker *w, struct err *e)
{
    struct worker_calendar *k = calloc(1, sizeof *k);
    struct calendar *cal = NULL;
    enum res res;

    w->calendar = k;
    w->almanac = almanac_new();
    if (!k || !w->almanac)
        return err_set(e, RES_FATAL, "out of memory");
    k->w = w;
    k->args = pg_args_make();
    k->look = (struct loop_timer){.fn = on_look, .arg = k};
    k->turn = (struct pg_turn){.fn = on_turn, .arg = k};
    res = read_file(w, &cal, e);
    if (res == RES_OK)
        res = almanac_add(w->almanac, 0, INT64_MIN, cal, e);
    if (res != RES_OK) {
        calendar_free(cal);
        return res;
    }
    k->m_id = metric(w->app->metrics, METRIC_GAUGE, "bedelau_calendar", "",
                     "Id of the calendar in force; 0: the file of the settings");
    pg_listen(w->app->pg, "calendar", on_notified, k);
    loop_timer_set(w->app->loop, &k->look, 0);
    return RES_OK;
}

void
worker_calendar_free(struct worker *w)
{
    struct worker_calendar *k = w->calendar;

    if (k && k->w) {
        loop_timer_stop(w->app->loop, &k->look);
        pg_turn_cancel(w->app->pg, &k->turn);
        pg_args_free(&k->args);
    }
    free(k);
    almanac_free(w->almanac);
    w->calendar = NULL;
    w->almanac = NULL;
}
