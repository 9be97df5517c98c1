/* rebuild: the record's tables again from its log, and the log again from the topics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "producers/ctl/ctl.h"
#include "producers/ctl/refold.h"
#include "producers/ctl/relog.h"

/* What is shown while it works, on a terminal only. */
struct bar {
    int64_t facts; /* how many the log holds */
    int shown;     /* percent */
};

static void
on_progress(void *arg, int64_t facts)
{
    struct bar *b = arg;
    int now = b->facts > 0 ? (int)(facts * 100 / b->facts) : 100;

    if (now > 100)
        now = 100;
    if (now == b->shown || !isatty(STDERR_FILENO))
        return;
    b->shown = now;
    fprintf(stderr, "\r[%-50.*s] %3d %%%s", now / 2, "##################################################",
            now, now == 100 ? "\n" : "");
}

static enum res
count_facts(struct ctl *c, int64_t *n, int64_t *last, int64_t *last_copy)
{
    PGresult *r =
        ctl_query(c,
                  "select count(*), coalesce(max(seq), 0), (select coalesce(max(seq), 0) from event_copy)"
                  " from event",
                  0, NULL);

    if (!r)
        return c->e.res;
    str_int(str_of(PQgetvalue(r, 0, 0)), n);
    str_int(str_of(PQgetvalue(r, 0, 1)), last);
    str_int(str_of(PQgetvalue(r, 0, 2)), last_copy);
    PQclear(r);
    return RES_OK;
}

/* Whoever writes requests locks their rows first: with this lock held nothing is half written, and `event` holds all
 * that was read up to now. Reading goes on. */
#define STAND_STILL "lock table request in exclusive mode"

/* ---- rebuild ---------------------------------------------------------------------------------------------------- */

struct rebuilding {
    struct refold r;
    struct bar bar;
    int64_t last, last_copy; /* newest fact and copy when the first pass began */
    json_t *unreadable;      /* requests with a fact that cannot be read: they are left as they are */
    int64_t flaws;
    int64_t changed;
};

/* A request with a fact that cannot be read would lose what that fact says. */
static void
on_later_flaw(void *arg, const struct refold_flaw *f)
{
    const struct rebuilding *b = arg;

    if (strcmp(f->what, "unreadable") == 0)
        json_array_append_new(b->unreadable, json_string(f->nomor));
}

static enum res
leave_unreadable(struct ctl *c, const struct rebuilding *b)
{
    static const char *const all[] = {
        "delete from new_request where nomor_permohonan in (select jsonb_array_elements_text($1::jsonb))",
        "delete from new_clock where nomor_permohonan in (select jsonb_array_elements_text($1::jsonb))",
        "insert into new_request select * from request where nomor_permohonan in"
        " (select jsonb_array_elements_text($1::jsonb))",
        "insert into new_clock select * from clock where nomor_permohonan in"
        " (select jsonb_array_elements_text($1::jsonb))"};
    char *list = json_dumps(b->unreadable, 0);
    const char *args[] = {list};
    enum res res = list ? RES_OK : err_set(&c->e, RES_RETRY, "out of memory");

    for (unsigned i = 0; i < 4 && res == RES_OK && json_array_size(b->unreadable); i++)
        res = ctl_exec(c, all[i], 1, args, NULL);
    free(list);
    return res;
}

static void
on_flaw(void *arg, const struct refold_flaw *f)
{
    struct rebuilding *b = arg;

    b->flaws++;
    on_later_flaw(arg, f);
    fprintf(stderr, "bedelauctl: %s: fact %lld: %s\n", f->nomor, (long long)f->seq, f->what);
}

static void
on_rebuild_progress(void *arg, int64_t facts)
{
    struct rebuilding *b = arg;

    on_progress(&b->bar, facts);
}

/* While everybody works: all that was there when it began. */
static enum res
first_pass(struct ctl *c, struct rebuilding *b)
{
    static const char *const begin[] = {
        "set statement_timeout to 0", "select pg_advisory_lock(" RECORD_LOCK ")", "begin", STAND_STILL, NULL};
    static const char *const read[] = {"commit", "begin isolation level repeatable read", NULL};
    enum res res = ctl_exec_all(c, begin);

    if (res == RES_OK)
        res = count_facts(c, &b->bar.facts, &b->last, &b->last_copy);
    if (res == RES_OK)
        res = ctl_exec_all(c, read);
    if (res == RES_OK)
        res = refold_run(&b->r);
    return res == RES_OK ? ctl_exec(c, "commit", 0, NULL, NULL) : res;
}

/* While the projector waits: what came meanwhile, and the new in the old one's place. */
static enum res
second_pass(struct ctl *c, struct rebuilding *b)
{
    static const char *const begin[] = {"begin", STAND_STILL, NULL};
    char detail[200];
    enum res res = ctl_exec_all(c, begin);

    b->r.after_seq = b->last;
    b->r.after_copy = b->last_copy;
    b->r.progress = NULL;
    b->r.flaw = on_later_flaw; /* told already */
    if (res == RES_OK)
        res = refold_run(&b->r);
    if (res == RES_OK)
        res = leave_unreadable(c, b);
    if (res == RES_OK)
        res = refold_swap(c, &b->changed);
    snprintf(detail, sizeof detail, "%lld facts, %lld rows changed", (long long)b->bar.facts,
             (long long)b->changed);
    if (res == RES_OK)
        res = ctl_audit(c, "rebuild", NULL, detail);
    return res == RES_OK ? ctl_exec(c, "commit", 0, NULL, NULL) : res;
}

static int
from_log(struct ctl *c, struct rebuilding *b)
{
    int64_t requests;
    enum res res = refold_tables(c);

    if (res == RES_OK)
        res = first_pass(c, b);
    requests = b->r.requests;
    if (res == RES_OK)
        res = second_pass(c, b);
    if (res != RES_OK)
        return ctl_failed(c);
    if (c->json)
        ctl_print(json_pack("{s:I, s:I, s:I, s:I}", "facts", (json_int_t)b->bar.facts, "requests",
                            (json_int_t)requests, "changed", (json_int_t)b->changed, "flaws",
                            (json_int_t)b->flaws));
    else
        printf("%lld requests from %lld facts; %lld rows were otherwise before\n", (long long)requests,
               (long long)b->bar.facts, (long long)b->changed);
    return b->flaws ? CTL_NO : APP_OK;
}

/* ---- from the topics --------------------------------------------------------------------------------------------- */

struct from_topics {
    struct rebuilding b;
    struct relog *log;
    struct relog_sums sums;
    bool partial;
    json_t *incomplete; /* [{nomor_permohonan, why}] */
};

static void
on_records(void *arg, int64_t n, int64_t of)
{
    struct bar *bar = arg;

    bar->facts = of;
    on_progress(bar, n);
}

/* While everybody works. */
static enum res
read_topics(struct ctl *c, struct from_topics *t)
{
    static const char *const begin[] = {"set statement_timeout to 0",
                                        "select pg_advisory_lock(" RECORD_LOCK ")", NULL};
    enum res res = ctl_exec_all(c, begin);

    if (res == RES_OK)
        res = relog_new(c, t->partial, &t->log);
    if (res == RES_OK)
        res = refold_tables(c);
    return res == RES_OK ? relog_read(t->log, on_records, &t->b.bar) : res;
}

static enum res
name_incomplete(struct ctl *c, struct from_topics *t)
{
    PGresult *r = t->partial ? relog_incomplete(t->log) : NULL;

    for (int i = 0; r && i < PQntuples(r); i++)
        json_array_append_new(t->incomplete, ctl_object(r, i));
    PQclear(r);
    return r || !t->partial ? RES_OK : c->e.res;
}

/* The new log, and the tables that it gives. */
static enum res
make_all(struct ctl *c, struct from_topics *t)
{
    enum res res = relog_read(t->log, NULL, NULL);

    if (res == RES_OK)
        res = relog_make(t->log, &t->sums);
    if (res == RES_OK)
        res = refold_run(&t->b.r);
    if (res == RES_OK)
        res = leave_unreadable(c, &t->b);
    return res == RES_OK ? name_incomplete(c, t) : res;
}

static enum res
replace_all(struct ctl *c, struct from_topics *t)
{
    char detail[300];
    enum res res = relog_versions(t->log);

    if (res == RES_OK)
        res = refold_swap(c, &t->b.changed);
    if (res == RES_OK)
        res = relog_swap(t->log, &t->sums);
    snprintf(
        detail, sizeof detail,
        "from topics%s: %lld records, %lld facts (%lld new, %lld older, %lld left out), %lld rows changed",
        t->partial ? ", partial" : "", (long long)t->sums.records, (long long)t->sums.facts,
        (long long)t->sums.found, (long long)t->sums.older, (long long)t->sums.unfounded,
        (long long)t->b.changed);
    return res == RES_OK ? ctl_audit(c, "rebuild", NULL, detail) : res;
}

/* While the projector waits. */
static enum res
fenced(struct ctl *c, struct from_topics *t)
{
    enum res res = ctl_exec(c, "begin", 0, NULL, NULL);

    if (res == RES_OK)
        res = relog_fence(t->log);
    if (res == RES_OK)
        res = ctl_exec(c, STAND_STILL, 0, NULL, NULL);
    if (res == RES_OK)
        res = make_all(c, t);
    if (res == RES_OK)
        res = replace_all(c, t);
    return res == RES_OK ? ctl_exec(c, "commit", 0, NULL, NULL) : res;
}

static void
print_topics(struct ctl *c, const struct from_topics *t)
{
    const struct relog_sums *s = &t->sums;

    if (c->json) {
        ctl_print(json_pack(
            "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "records", (json_int_t)s->records,
            "no_events", (json_int_t)s->no_events, "facts", (json_int_t)s->facts, "found",
            (json_int_t)s->found, "older", (json_int_t)s->older, "left_out", (json_int_t)s->unfounded,
            "requests", (json_int_t)t->b.r.requests, "changed", (json_int_t)t->b.changed, "untold",
            (json_int_t)s->untold, "flaws", (json_int_t)t->b.flaws, "incomplete", t->incomplete));
        return;
    }
    for (size_t i = 0; i < json_array_size(t->incomplete); i++) {
        const json_t *one = json_array_get(t->incomplete, i);

        printf("%s is incomplete: %s\n", json_string_value(json_object_get(one, "nomor_permohonan")),
               json_string_value(json_object_get(one, "why")));
    }
    printf("%lld requests from %lld facts, of %lld records (%lld no events); %lld facts were not in the log, "
           "%lld "
           "stay that are older than the topics, %lld were in no topic and are left out; %lld rows were "
           "otherwise "
           "before\n",
           (long long)t->b.r.requests, (long long)s->facts, (long long)s->records, (long long)s->no_events,
           (long long)s->found, (long long)s->older, (long long)s->unfounded, (long long)t->b.changed);
    if (s->untold)
        printf("%lld requests are not as they were told last; their next change tells them\n",
               (long long)s->untold);
}

static int
from_topics(struct ctl *c, bool partial)
{
    struct from_topics t = {.partial = partial, .incomplete = json_array()};
    enum res res;
    int code;

    t.b = (struct rebuilding){.r = {.c = c, .log = "new_", .after_seq = -1, .flaw = on_flaw, .arg = &t.b},
                              .bar.shown = -1,
                              .unreadable = json_array()};
    res = read_topics(c, &t);
    if (res == RES_OK)
        res = fenced(c, &t);
    if (res == RES_OK)
        print_topics(c, &t);
    code = res == RES_OK       ? t.b.flaws || json_array_size(t.incomplete) ? CTL_NO : APP_OK
           : res == RES_REJECT ? ctl_fail(c, CTL_NO, "%s", c->e.text)
                               : ctl_failed(c);
    relog_free(t.log);
    json_decref(t.incomplete);
    json_decref(t.b.unreadable);
    return code;
}

int
ctl_rebuild(struct ctl *c, int argc, char **argv)
{
    struct rebuilding b = {.r = {.c = c, .after_seq = -1, .flaw = on_flaw, .progress = on_rebuild_progress}};
    bool kafka = false;
    bool partial = false;
    const struct ctl_opt opts[] = {{"from-kafka", NULL, &kafka}, {"partial", NULL, &partial}, {0}};
    int code;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}))
        return APP_USAGE;
    if (partial && !kafka)
        return ctl_fail(c, APP_USAGE, "--partial belongs to --from-kafka");
    if (ctl_db(c) != RES_OK)
        return ctl_failed(c);
    if (kafka)
        return from_topics(c, partial);
    b.r.arg = &b;
    b.bar.shown = -1;
    b.unreadable = json_array();
    code = from_log(c, &b);
    json_decref(b.unreadable);
    return code;
}
