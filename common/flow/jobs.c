#include "common/flow/jobs.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/id.h"
#include "common/flow/jobs_sql.h"

enum { LOOK_MS = 10000, SHY_MIN_MS = 50, SHY_MAX_MS = 1000, CLAIM_MAX = 256, BORN_MAX = 256 };

struct jobs {
    struct jobs_opts opts;
    struct pg_stmt stmt[JOBS_STMTS];
    char *sql[JOBS_STMTS];
    char *name[JOBS_STMTS];
    struct pg_args args;
    struct loop_timer timer;
    struct pg_turn turn;
    bool asking, stopped, again;
    bool backlog; /* there may be more that are due: the last claim was full, or there was no room for one */
    int64_t next_us;     /* earliest due known; INT64_MIN = unknown */
    int64_t shy_ms;      /* no look sooner than that: what is due is locked by somebody else; 0 = it is not */
    struct job *claimed; /* until the claim is committed */
    size_t nclaimed;
    unsigned asked_for;           /* by the claim under way */
    struct arena arena;           /* of the claimed */
    struct job joined[CLAIM_MAX]; /* claimed by this batch; their text is in `born_arena` */
    unsigned njoined, joined_before, join_asked;
    struct job born[BORN_MAX];   /* in this batch; their text is in `born_arena` */
    unsigned nborn, born_before; /* how many there were before this part */
    struct arena born_arena;
    int64_t saved_us; /* earliest due of what this batch saved without a lease; INT64_MAX = none */
    struct jobs_query query;
};

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static struct job
read_job(const PGresult *r, int i, struct arena *a)
{
    return (struct job){.key = arena_str(a, pg_text(r, i, 0)),
                        .subject = arena_str(a, pg_text(r, i, 1)),
                        .step = arena_str(a, pg_text(r, i, 2)),
                        .due_us = pg_time(r, i, 3),
                        .lease = pg_int(r, i, 4),
                        .attempts = (int32_t)pg_int(r, i, 5),
                        .deadline_us = pg_time(r, i, 6),
                        .quiet_us = pg_time(r, i, 7),
                        .state = arena_str(a, pg_text(r, i, 8)),
                        .reason = arena_str(a, pg_text(r, i, 9))};
}

static void
on_loaded(void *arg, const PGresult *r)
{
    struct jobs *j = arg;

    for (int i = 0; i < PQntuples(r); i++) {
        struct job *job = arena_new(j->query.arena, sizeof *job);

        *job = read_job(r, i, j->query.arena);
        job->stop = arena_str(j->query.arena, pg_text(r, i, 10));
        j->query.fn(j->query.arg, job);
    }
}

void
jobs_load(struct jobs *j, const struct jobs_query *q)
{
    j->query = *q;
    j->born_before = j->nborn;
    j->joined_before = j->njoined;
    pg_args_reset(&j->args);
    pg_array(&j->args, PG_TEXT);
    for (size_t i = 0; i < q->n; i++)
        pg_elem_text(&j->args, q->subjects[i]);
    pg_array_end(&j->args);
    pg_send(j->opts.pg, &j->stmt[LOAD], &j->args, on_loaded, j);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static bool
is_put(const struct job *job)
{
    return !job->done && (job->fresh || job->changed);
}

static bool
is_new(const struct job *job)
{
    return is_put(job) && job->fresh;
}

static bool
is_changed(const struct job *job)
{
    return is_put(job) && !job->fresh;
}

static bool
is_body(const struct job *job)
{
    return !job->done && job->fresh && job->body.p && !job->ref.n;
}

static bool
is_attempt(const struct job *job)
{
    return is_put(job) && job->lease && job->fresh;
}

static bool
is_done(const struct job *job)
{
    return job->done && !job->fresh;
}

/* The jobs that a statement is about. */
struct chosen {
    struct job *const *all;
    size_t n;
    bool (*is)(const struct job *job);
};

static size_t
count(const struct chosen *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++)
        n += c->is(c->all[i]);
    return n;
}

static void
texts_of(struct pg_args *a, const struct chosen *c, enum pg_oid oid, size_t member)
{
    pg_array(a, oid);
    for (size_t i = 0; i < c->n; i++)
        if (c->is(c->all[i]))
            pg_elem_text(a, *(const struct str *)(const void *)((const char *)c->all[i] + member));
    pg_array_end(a);
}

static void
times_of(struct pg_args *a, const struct chosen *c, size_t member)
{
    pg_array(a, PG_TIME);
    for (size_t i = 0; i < c->n; i++)
        if (c->is(c->all[i]))
            pg_elem_time(a, *(const int64_t *)(const void *)((const char *)c->all[i] + member));
    pg_array_end(a);
}

static void
leases_of(struct pg_args *a, const struct chosen *c)
{
    pg_array(a, PG_INT8);
    for (size_t i = 0; i < c->n; i++)
        if (c->is(c->all[i]))
            pg_elem_int8(a, c->all[i]->lease);
    pg_array_end(a);
}

static void
attempts_of(struct pg_args *a, const struct chosen *c)
{
    pg_array(a, PG_INT4);
    for (size_t i = 0; i < c->n; i++)
        if (c->is(c->all[i]))
            pg_elem_int4(a, c->all[i]->attempts);
    pg_array_end(a);
}

static void
send_rows(struct jobs *j, const struct chosen *c, enum jobs_stmt which)
{
    struct pg_args *a = &j->args;

    pg_args_reset(a);
    texts_of(a, c, PG_TEXT, offsetof(struct job, key));
    texts_of(a, c, PG_TEXT, offsetof(struct job, subject));
    texts_of(a, c, PG_TEXT, offsetof(struct job, step));
    times_of(a, c, offsetof(struct job, due_us));
    leases_of(a, c);
    attempts_of(a, c);
    times_of(a, c, offsetof(struct job, deadline_us));
    times_of(a, c, offsetof(struct job, quiet_us));
    texts_of(a, c, PG_TEXT, offsetof(struct job, state));
    texts_of(a, c, PG_TEXT, offsetof(struct job, reason));
    if (which == NEW)
        texts_of(a, c, PG_TEXT, offsetof(struct job, ref));
    pg_send(j->opts.pg, &j->stmt[which], a, NULL, NULL);
}

static void
send_new(struct jobs *j, const struct chosen *c)
{
    send_rows(j, c, NEW);
}

static void
send_changed(struct jobs *j, const struct chosen *c)
{
    send_rows(j, c, PUT);
}

static void
send_bodies(struct jobs *j, const struct chosen *c)
{
    pg_args_reset(&j->args);
    texts_of(&j->args, c, PG_TEXT, offsetof(struct job, key));
    texts_of(&j->args, c, PG_BYTEA, offsetof(struct job, body));
    pg_send(j->opts.pg, &j->stmt[BODY], &j->args, NULL, NULL);
}

static void
send_attempts(struct jobs *j, const struct chosen *c)
{
    pg_args_reset(&j->args);
    texts_of(&j->args, c, PG_TEXT, offsetof(struct job, key));
    attempts_of(&j->args, c);
    leases_of(&j->args, c);
    texts_of(&j->args, c, PG_TEXT, offsetof(struct job, step));
    times_of(&j->args, c, offsetof(struct job, quiet_us));
    pg_send(j->opts.pg, &j->stmt[ATTEMPT], &j->args, NULL, NULL);
}

static void
send_removals(struct jobs *j, const struct chosen *c)
{
    pg_args_reset(&j->args);
    texts_of(&j->args, c, PG_TEXT, offsetof(struct job, key));
    pg_send(j->opts.pg, &j->stmt[REMOVE], &j->args, NULL, NULL);
}

/* A part that is rolled back after this leaves a look too many, no more. */
static void
note_saved(struct jobs *j, const struct job *job)
{
    if (!job->done && !job->lease && job->due_us < j->saved_us)
        j->saved_us = job->due_us;
}

void
jobs_save(struct jobs *j, struct job *const *all, size_t n)
{
    static const struct {
        bool (*is)(const struct job *job);
        void (*send)(struct jobs *j, const struct chosen *c);
    } kinds[] = {/* removals first: another job may take the key of one that ends in the same transaction */
                 {is_done, send_removals},
                 {is_new, send_new},
                 {is_changed, send_changed},
                 {is_body, send_bodies},
                 {is_attempt, send_attempts}};

    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct chosen c = {all, n, kinds[i].is};

        if (count(&c))
            kinds[i].send(j, &c);
    }
    for (size_t i = 0; i < n; i++)
        note_saved(j, all[i]);
}

void
jobs_answered(struct jobs *j, const struct job_answer *all, size_t n)
{
    struct pg_args *a = &j->args;

    pg_args_reset(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, all[i].key);
    pg_array_end(a);
    pg_array(a, PG_INT4);
    for (size_t i = 0; i < n; i++)
        pg_elem_int4(a, all[i].no);
    pg_array_end(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, str_of(all[i].fate));
    pg_array_end(a);
    pg_array(a, PG_INT4);
    for (size_t i = 0; i < n; i++)
        pg_elem_int4(a, all[i].code);
    pg_array_end(a);
    pg_array(a, PG_INT8);
    for (size_t i = 0; i < n; i++)
        pg_elem_int8(a, all[i].took_us);
    pg_array_end(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, all[i].error);
    pg_array_end(a);
    pg_send(j->opts.pg, &j->stmt[ANSWER], a, NULL, NULL);
}

/* Below zero: programs of before, whose leases are above, do not know where bodies are kept (schemas/sql/0019). */
static int64_t
new_lease(void)
{
    return -((int64_t)(id_random() >> 1) | 1);
}

/* ---- born leased ------------------------------------------------------------------------------------------------ */

void
jobs_bear(struct jobs *j, struct job *job)
{
    int64_t now_us = clk_us(j->opts.clk);
    struct job *copy;

    if (j->stopped || j->nborn == BORN_MAX || j->nborn >= j->opts.room(j->opts.arg))
        return;
    job->lease = new_lease();
    job->due_us = now_us + j->opts.lease_ms * 1000;
    job->attempts = 1;
    job->quiet_us = now_us + j->opts.call_ms * 1000;
    copy = &j->born[j->nborn++];
    *copy = *job;
    for (unsigned i = 0; i < 6; i++) {
        struct str *const texts_of_it[] = {&copy->key,   &copy->subject, &copy->step,
                                           &copy->state, &copy->reason,  &copy->body};

        *texts_of_it[i] = arena_str(&j->born_arena, *texts_of_it[i]);
    }
}

void
jobs_committed(struct jobs *j)
{
    for (unsigned i = 0; i < j->nborn; i++)
        j->opts.begin(j->opts.arg, &j->born[i]);
    for (unsigned i = 0; i < j->njoined; i++)
        j->opts.begin(j->opts.arg, &j->joined[i]);
    if (j->join_asked && j->njoined < j->join_asked) { /* all that is due is taken: what comes next? */
        j->backlog = false;
        jobs_wake(j, clk_us(j->opts.clk));
    }
    if (j->saved_us != INT64_MAX)
        jobs_wake(j, j->saved_us);
    jobs_undone(j, true);
}

void
jobs_undone(struct jobs *j, bool whole)
{
    j->nborn = whole ? 0 : j->born_before;
    j->njoined = whole ? 0 : j->joined_before;
    if (!whole)
        return;
    j->born_before = j->joined_before = j->join_asked = 0;
    j->saved_us = INT64_MAX;
    arena_reset(&j->born_arena);
}

/* ---- claiming --------------------------------------------------------------------------------------------------- */

static void
set_timer(struct jobs *j)
{
    int64_t wait_ms = LOOK_MS;

    if (j->stopped)
        return;
    if (j->next_us != INT64_MIN) {
        int64_t left = (j->next_us - clk_us(j->opts.clk)) / 1000 + 1;

        left = left > 0 ? left : 0;
        left = left > j->shy_ms ? left : j->shy_ms;
        wait_ms = left < wait_ms ? left : wait_ms;
    }
    loop_timer_set(j->opts.loop, &j->timer, wait_ms);
}

void
jobs_wake(struct jobs *j, int64_t due_us)
{
    if (j->next_us == INT64_MIN || due_us < j->next_us)
        j->next_us = due_us;
    if (j->asking)
        j->again = true;
    else
        set_timer(j);
}

void
jobs_room(struct jobs *j)
{
    if (j->backlog)
        jobs_wake(j, clk_us(j->opts.clk));
}

static struct job
read_claimed(const PGresult *r, int i, struct arena *a)
{
    struct job job = read_job(r, i, a);

    job.body = arena_str(a, pg_text(r, i, 11));
    return job;
}

static void
send_claim(struct jobs *j, unsigned room, pg_rows_fn fn)
{
    struct pg_args *a = &j->args;

    pg_args_reset(a);
    pg_arg_int4(a, (int32_t)room);
    pg_arg_int8(a, new_lease());
    pg_arg_int8(a, j->opts.lease_ms);
    pg_arg_time(a, clk_us(j->opts.clk));
    pg_arg_int8(a, j->opts.call_ms);
    pg_send(j->opts.pg, &j->stmt[CLAIM], a, fn, j);
}

static void
on_joined(void *arg, const PGresult *r)
{
    struct jobs *j = arg;

    for (int i = 0; i < PQntuples(r) && j->njoined < CLAIM_MAX; i++)
        j->joined[j->njoined++] = read_claimed(r, i, &j->born_arena);
}

void
jobs_join(struct jobs *j)
{
    unsigned room = j->opts.room(j->opts.arg);
    unsigned taken = j->nborn + j->njoined;

    if (!j->backlog || j->stopped || room <= taken || j->njoined == CLAIM_MAX)
        return;
    room -= taken;
    j->join_asked = j->njoined + (room < CLAIM_MAX - j->njoined ? room : CLAIM_MAX - j->njoined);
    send_claim(j, j->join_asked - j->njoined, on_joined);
}

static void
on_claimed(void *arg, const PGresult *r)
{
    struct jobs *j = arg;
    int n = PQntuples(r);

    j->claimed = arena_new(&j->arena, ((size_t)n + 1) * sizeof *j->claimed);
    for (int i = 0; i < n; i++)
        j->claimed[i] = read_claimed(r, i, &j->arena);
    j->nclaimed = (size_t)n;
}

static void
on_next(void *arg, const PGresult *r)
{
    struct jobs *j = arg;

    j->next_us = pg_time(r, 0, 0);
}

/* There was room, something is due, and nothing was to be had: whoever holds it is given time. */
static void
be_shy(struct jobs *j)
{
    bool held = j->asked_for && !j->nclaimed && j->next_us != INT64_MIN && j->next_us <= clk_us(j->opts.clk);
    int64_t longer = j->shy_ms ? 2 * j->shy_ms : SHY_MIN_MS;

    j->shy_ms = !held ? 0 : longer < SHY_MAX_MS ? longer : SHY_MAX_MS;
}

static void
on_answered(void *arg, const struct pg_end *end)
{
    struct jobs *j = arg;
    unsigned room;

    pg_done(j->opts.pg);
    j->asking = false;
    if (end->res != RES_OK) {
        j->nclaimed = 0;
        loop_timer_set(j->opts.loop, &j->timer, 1000);
        return;
    }
    be_shy(j);
    for (size_t i = 0; i < j->nclaimed; i++)
        j->opts.begin(j->opts.arg, &j->claimed[i]);
    room = j->opts.room(j->opts.arg);
    j->backlog = !room || j->nclaimed >= j->asked_for;
    if (!room)
        j->next_us = INT64_MIN; /* full: jobs_room comes when a call ends */
    j->nclaimed = 0;
    if (j->again && room)
        j->next_us = clk_us(j->opts.clk); /* woken meanwhile, by what the answer may not know */
    j->again = false;
    set_timer(j);
}

static void
on_turn(void *arg)
{
    struct jobs *j = arg;
    unsigned room = j->opts.room(j->opts.arg);

    if (j->stopped) {
        j->asking = false;
        pg_done(j->opts.pg);
        return;
    }
    arena_reset(&j->arena);
    j->nclaimed = 0;
    j->asked_for = room < CLAIM_MAX ? room : CLAIM_MAX;
    if (room)
        send_claim(j, j->asked_for, on_claimed);
    pg_send(j->opts.pg, &j->stmt[NEXT], NULL, on_next, j);
    pg_sync(j->opts.pg, on_answered, j);
}

static void
on_timer(void *arg)
{
    struct jobs *j = arg;

    if (j->asking || j->stopped)
        return;
    j->asking = true;
    pg_turn(j->opts.pg, &j->turn);
}

void
jobs_stop(struct jobs *j)
{
    j->stopped = true;
    loop_timer_stop(j->opts.loop, &j->timer);
}

enum res
jobs_new(const struct jobs_opts *opts, struct jobs **ret, struct err *e)
{
    struct jobs *j = calloc(1, sizeof *j);

    *ret = NULL;
    if (!j)
        return err_set(e, RES_FATAL, "out of memory");
    j->opts = *opts;
    j->args = pg_args_make();
    j->next_us = INT64_MIN;
    j->saved_us = INT64_MAX;
    j->timer = (struct loop_timer){.fn = on_timer, .arg = j};
    j->turn = (struct pg_turn){.fn = on_turn, .arg = j};
    for (unsigned i = 0; i < JOBS_STMTS; i++) {
        if (!jobs_sql(opts, i, &j->name[i], &j->sql[i])) {
            jobs_free(j);
            return err_set(e, RES_FATAL, "out of memory");
        }
        j->stmt[i] = (struct pg_stmt){j->name[i], j->sql[i]};
    }
    loop_timer_set(opts->loop, &j->timer, 0);
    *ret = j;
    return RES_OK;
}

void
jobs_free(struct jobs *j)
{
    if (!j)
        return;
    loop_timer_stop(j->opts.loop, &j->timer);
    pg_turn_cancel(j->opts.pg, &j->turn);
    for (unsigned i = 0; i < JOBS_STMTS; i++) {
        free(j->sql[i]);
        free(j->name[i]);
    }
    pg_args_free(&j->args);
    arena_free(&j->arena);
    arena_free(&j->born_arena);
    free(j);
}
