/* rebuild, verify: the record against its log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "producers/ctl/ctl.h"
#include "producers/ctl/refold.h"

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

static enum res
run_all(struct ctl *c, const char *const *sql)
{
    enum res res = RES_OK;

    for (; *sql && res == RES_OK; sql++)
        res = ctl_exec(c, *sql, 0, NULL, NULL);
    return res;
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
    enum res res = run_all(c, begin);

    if (res == RES_OK)
        res = count_facts(c, &b->bar.facts, &b->last, &b->last_copy);
    if (res == RES_OK)
        res = run_all(c, read);
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
    enum res res = run_all(c, begin);

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

int
ctl_rebuild(struct ctl *c, int argc, char **argv)
{
    struct rebuilding b = {.r = {.c = c, .after_seq = -1, .flaw = on_flaw, .progress = on_rebuild_progress}};
    int64_t requests;
    enum res res;

    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){0}))
        return APP_USAGE;
    b.r.arg = &b;
    b.bar.shown = -1;
    b.unreadable = json_array();
    res = ctl_db(c);
    if (res == RES_OK)
        res = refold_tables(c);
    if (res == RES_OK)
        res = first_pass(c, &b);
    requests = b.r.requests;
    if (res == RES_OK)
        res = second_pass(c, &b);
    json_decref(b.unreadable);
    if (res != RES_OK)
        return ctl_failed(c);
    if (c->json)
        ctl_print(json_pack("{s:I, s:I, s:I, s:I}", "facts", (json_int_t)b.bar.facts, "requests",
                            (json_int_t)requests, "changed", (json_int_t)b.changed, "flaws",
                            (json_int_t)b.flaws));
    else
        printf("%lld requests from %lld facts; %lld rows were otherwise before\n", (long long)requests,
               (long long)b.bar.facts, (long long)b.changed);
    return b.flaws ? CTL_NO : APP_OK;
}
