#include <stdlib.h>

#include "common/base/log.h"
#include "workers/deadline/deadline.h"

static const char *const topics[] = {"requests", "checks", "integrations", NULL};
static const char *const judges[] = {NULL}; /* others judge; what is bad is skipped here */

static const struct conf_key keys[] = {
    {"deadline", "grace", CONF_MS, offsetof(struct deadline, grace_ms), "2s", 0, NULL, 0, 3600000,
     "How long after its due instant a clock is looked at, so that a last answer can arrive"},
    {"deadline", "hard_maximum", CONF_MS, offsetof(struct deadline, hard_ms), "15m", 0, NULL, 1000, 86400000,
     "A clock that has waited so long for everything to be read is called missed by what is known"},
    {"deadline", "fire_rate", CONF_INT, offsetof(struct deadline, rate), "50000", 0, NULL, 1, 1000000,
     "How many clocks a second a process settles at most when many are due, so that what reads the facts "
     "keeps up"},
    {"deadline", "recount_per_s", CONF_INT, offsetof(struct deadline, recount_per_s), "2000", 0, NULL, 1,
     100000,
     "After a new calendar was loaded, or a start with other terms: most requests whose open clocks this "
     "process reckons anew in a second"},
    {NULL, NULL, CONF_STR, 0, NULL, 0, NULL, 0, 0, NULL},
};

static const struct worker_column writes[] = {
    {"jam", PG_TEXT, offsetof(struct jadwal, text)},
    {"due_at", PG_TIME, offsetof(struct jadwal, due_us)},
    {"kalender", PG_INT8, offsetof(struct jadwal, kalender)},
    {NULL, PG_TEXT, 0},
};

static bool
wants(enum fact_type t)
{
    return t == FACT_REGISTERED || t == FACT_SUBMITTED || t == FACT_CHECK || fact_is_integration(t);
}

static enum res
start(struct worker *w, struct err *e)
{
    struct deadline *d = w->own;
    struct metrics *ms = w->app->metrics;
    enum res res;

    d->rules = (struct clock_rules){.terms = w->terms};
    d->m_changed =
        metric(ms, METRIC_COUNTER, "bedelau_clock_changes", "", "Clock states told, missed ones apart");
    d->m_missed = metric(ms, METRIC_COUNTER, "bedelau_clocks_missed", "", "Clocks called missed");
    d->m_warned = metric(ms, METRIC_COUNTER, "bedelau_clock_warnings", "", "Warnings told");
    d->m_late = metric(ms, METRIC_COUNTER, "bedelau_clocks_hard_maximum", "",
                       "Times that clocks were settled although not everything could be read");
    d->m_lateness = metric(ms, METRIC_HISTOGRAM, "bedelau_clock_lateness_seconds", "",
                           "From the end of the grace until a due clock was settled");
    d->m_overdue = metric(ms, METRIC_GAUGE, "bedelau_clock_overdue_seconds", "",
                          "How long the earliest clock that is due has waited beyond the grace");
    res = recount_new(w, &d->recount, e);
    return res == RES_OK ? fire_start(w, e) : res;
}

static void
on_calendar(struct worker *w)
{
    const struct deadline *d = w->own;

    if (d->recount)
        recount_begin(d->recount);
}

static void
read_row(struct worker *w, struct berkas *b, const PGresult *r, int row)
{
    struct jadwal *j = b->more;

    j->text = arena_str(&w->arena, pg_text(r, row, 3));
    if (!told_read(&w->arena, j->text, j)) {
        log_error("stored clocks cannot be read", LOG_S("nomor", b->nomor));
        b->unreadable = true;
    }
    j->was_due_us = pg_time(r, row, 4);
    j->kalender = pg_int(r, row, 5);
}

/* Another calendar or other terms are in force; another process, or a fact, may have come first. A row of before whose
 * clocks have all ended does not say so yet: it is written once, and never named again. */
static void
on_recount(const struct worker *w, struct berkas *b)
{
    const struct jadwal *j = b->more;

    if (!b->there || j->kalender == NONE_OPEN || j->kalender == reckoned_by(w))
        return;
    b->kept |= !b->dirty;
    b->dirty = true;
}

static void
apply(struct worker *w, struct berkas *b, struct flow_item *it, enum met met)
{
    struct jadwal *j = b->more;
    const struct event *ev = item_event(it);

    if (!ev) {
        on_recount(w, b);
        return;
    }
    if (met != MET_OTHER && dossier_add(&b->d, &ev->fact)) {
        b->dirty = true;
        b->kept = false;
        j->cause = ev;
    }
}

/* Nothing is told of what cannot be read, and it stays as it is stored until somebody mends it. */
static void
put_off(const struct worker *w, struct berkas *b)
{
    struct jadwal *j = b->more;

    b->kept = true;
    j->due_us = fire_now(w) + LOOK_AGAIN_S * (int64_t)1000000;
    j->kalender = reckoned_by(w);
}

static void
settle(struct worker *w, struct berkas *b)
{
    if (b->dirty && b->unreadable)
        put_off(w, b);
    else if (b->dirty)
        change_settle(w, b);
}

static void
write_text(struct worker *w, struct jadwal *j)
{
    buf_reset(&w->text);
    told_write(j, &w->text);
    j->text = arena_str(&w->arena, buf_view(&w->text));
}

static void
write_rows(struct worker *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct jadwal *j = w->all[i].more;

        if (!w->all[i].dirty)
            continue;
        if (!w->all[i].unreadable)
            write_text(w, j);
        fire_note(w, j->due_us);
    }
    worker_write(w);
}

static void
committed(struct worker *w, const struct flow_batch *b)
{
    fire_rung(w, b);
    recount_committed(((struct deadline *)w->own)->recount, b);
}

static void
free_own(struct worker *w)
{
    struct deadline *d = w->own;

    fire_stop(w);
    recount_free(d->recount);
}

int
main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "deadline",
        .about = "keeps the SOP's clocks of 1, 2 and 30 working days",
        .listen = "127.0.0.1:9482",
        .topics = topics,
        .judges = judges,
        .seen = "seen_deadline",
        .table = "deadline_clock",
        .columns = ", jam, due_at, kalender",
        .writes = writes,
        .more_size = sizeof(struct jadwal),
        .keys = keys,
        .reckons = true,
        .calendar = on_calendar,
        .wants = wants,
        .start = start,
        .read = read_row,
        .apply = apply,
        .settle = settle,
        .write = write_rows,
        .load = fire_load,
        .claimed = fire_claimed,
        .committed = committed,
        .status = fire_status,
        .free = free_own,
    };
    struct deadline own = {0};

    return worker_main(argc, argv, &def, &own);
}
