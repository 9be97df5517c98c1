/* endpoint pause|resume|status: brakes on the integrator's calls. The row endpoint_brake is the switch; the integrators are
 * told and read it themselves. */
#include <stdio.h>
#include <string.h>

#include "common/base/caltime.h"
#include "producers/ctl/ctl.h"
#include "producers/ctl/ctl_words.h"

/* Whoever holds calls back as of now; a pause whose end has passed is none. */
#define BRAKE_SQL                                                                                            \
    "select p as paused, case when p then reason end as reason, case when p then until end as until, actor," \
    " changed_at from (select *, paused and (until is null or until > clock_timestamp()) as p from"          \
    " endpoint_brake) b"

static enum res
set_brake(struct ctl *c, const char *const *args)
{
    return ctl_exec(c,
                    "update endpoint_brake set paused = $1::boolean, reason = $2, until = $3::timestamptz,"
                    " actor = $4, changed_at = clock_timestamp()",
                    4, args, NULL);
}

/* The change, its note and the word to the integrators, or none of them. */
static enum res
change(struct ctl *c, bool pause, const char *reason, const char *until)
{
    char actor[128];
    char detail[640];
    const char *args[] = {pause ? "true" : "false", reason, until, actor};
    enum res res = ctl_exec(c, "begin", 0, NULL, NULL);

    ctl_actor(actor, sizeof actor);
    snprintf(detail, sizeof detail, "%s%s%s%s", until ? "until " : "", until ? until : "",
             until && reason ? ": " : "", reason ? reason : "");
    if (res == RES_OK)
        res = set_brake(c, args);
    if (res == RES_OK)
        res = ctl_tell_integrators(c);
    if (res == RES_OK)
        res =
            ctl_audit(c, pause ? "endpoint pause" : "endpoint resume", "integrator", *detail ? detail : NULL);
    return res == RES_OK ? ctl_exec(c, "commit", 0, NULL, NULL) : res;
}

static int
say_brake(struct ctl *c)
{
    PGresult *r = ctl_query(c, BRAKE_SQL, 0, NULL);
    char until[CTL_WORDS_TIME];

    if (!r)
        return ctl_failed(c);
    ctl_words_time(ctl_time(r, 0, 2), until);
    if (c->json)
        ctl_print(ctl_object(r, 0));
    else if (*PQgetvalue(r, 0, 0) != 't')
        puts("calls are not paused");
    else
        printf("calls are paused%s%s%s%s\n", PQgetisnull(r, 0, 2) ? "" : " until ",
               PQgetisnull(r, 0, 2) ? "" : until, PQgetisnull(r, 0, 1) ? "" : ": ", PQgetvalue(r, 0, 1));
    PQclear(r);
    return APP_OK;
}

/* RFC 3339, or how long from now, as UTC. */
static bool
read_until(struct ctl *c, const char *text, char out[CALTIME_TEXT])
{
    int64_t ms;
    int64_t t_us;

    if (ctl_words_parse_span(text, &ms))
        t_us = caltime_now() + ms * 1000;
    else if (!caltime_parse(str_of(text), &t_us)) {
        ctl_fail(c, APP_USAGE,
                 "--until must be a time such as 2026-12-01T06:00:00+07:00, or 2h from now, not %s", text);
        return false;
    }
    caltime_format(t_us, out);
    if (t_us > caltime_now())
        return true;
    ctl_fail(c, APP_USAGE, "--until %s has passed", text);
    return false;
}

static int
pause_calls(struct ctl *c, int argc, char **argv)
{
    const char *reason = NULL;
    const char *until = NULL;
    const struct ctl_opt opts[] = {{"reason", &reason, NULL}, {"until", &until, NULL}, {0}};
    char text[CALTIME_TEXT];

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}) ||
        (reason && !ctl_reason(c, "--reason", reason)) || (until && !read_until(c, until, text)))
        return APP_USAGE;
    if (!c->why)
        c->why = reason;
    if (ctl_db(c) != RES_OK || change(c, true, reason, until ? text : NULL) != RES_OK)
        return ctl_failed(c);
    return say_brake(c);
}

static int
resume_calls(struct ctl *c, int argc, char **argv)
{
    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){0}))
        return APP_USAGE;
    if (ctl_db(c) != RES_OK || change(c, false, NULL, NULL) != RES_OK)
        return ctl_failed(c);
    return say_brake(c);
}

/* ---- status ----------------------------------------------------------------------------------------------------- */

enum { BRAKE, JOBS, PROCESSES, PARTS };

static const char *const parts[PARTS] = {
    [BRAKE] = BRAKE_SQL,
    [JOBS] = "select count(*) filter (where lease <> 0 and due_at > t) as in_flight,"
             " count(*) filter (where due_at <= t) as ready,"
             " count(*) filter (where lease = 0 and due_at > t) as parked,"
             " count(*) filter (where stop_reason is not null) as given_up,"
             " min(due_at) filter (where due_at <= t) as oldest_due,"
             " min(due_at) filter (where lease = 0 and due_at > t) as next_due"
             " from job_integrator, (select clock_timestamp() as t) now",
    [PROCESSES] = "select owner, mode, shut, maintenance, calls_per_s, in_flight as at_once, sink, seen_at"
                  " from endpoint_process where seen_at > clock_timestamp() - interval '35 s' order by owner",
};

static void
print_json(PGresult *const *r)
{
    json_t *all = ctl_object(r[BRAKE], 0);
    json_t *processes = json_array();
    json_t *jobs = ctl_object(r[JOBS], 0);

    for (int i = 0; i < PQntuples(r[PROCESSES]); i++)
        json_array_append_new(processes, ctl_object(r[PROCESSES], i));
    json_object_update(all, jobs);
    json_object_set_new(all, "integrators", processes);
    json_decref(jobs);
    ctl_print(all);
}

static void
print_times(const PGresult *r)
{
    char oldest[CTL_WORDS_TIME];
    char next[CTL_WORDS_TIME];

    ctl_words_time(ctl_time(r, 0, 4), oldest);
    ctl_words_time(ctl_time(r, 0, 5), next);
    printf("%s calls in flight; %s jobs ready (oldest due %s), %s parked (next due %s), %s given up\n\n",
           PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1), oldest, PQgetvalue(r, 0, 2), next, PQgetvalue(r, 0, 3));
}

static void
print_text(struct ctl *c, PGresult *const *r)
{
    print_times(r[JOBS]);
    if (PQntuples(r[PROCESSES]))
        ctl_rows(c, r[PROCESSES]);
    else
        puts("no integrator was seen in the last 35 s");
}

static int
status(struct ctl *c, int argc, char **argv)
{
    PGresult *r[PARTS] = {NULL};
    bool all = true;
    int code = APP_OK;

    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){0}))
        return APP_USAGE;
    if (ctl_db(c) != RES_OK)
        return ctl_failed(c);
    for (int i = 0; i < PARTS && all; i++)
        all = (r[i] = ctl_query(c, parts[i], 0, NULL)) != NULL;
    if (!all)
        code = ctl_failed(c);
    else if (c->json)
        print_json(r);
    else if ((code = say_brake(c)) == APP_OK)
        print_text(c, r);
    for (int i = 0; i < PARTS; i++)
        PQclear(r[i]);
    return code;
}

int
ctl_endpoint(struct ctl *c, int argc, char **argv)
{
    static const struct ctl_cmd cmds[] = {{"pause", "", "", "", pause_calls},
                                          {"resume", "", "", "", resume_calls},
                                          {"status", "", "", "", status},
                                          {0}};

    return ctl_sub(c, cmds, argc, argv);
}
