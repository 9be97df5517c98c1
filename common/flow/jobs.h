/* jobs: effects on the outside world that are owed, as rows. A job has a step ("send", "ask", ..), a due time, a lease
 * and a deadline. Waiting, retrying and polling cost one row.
 *
 * A job may be born leased: stored already leased to this process, with its attempt, in the transaction that caused it,
 * and begun right after COMMIT. Everything else (retries, leases that ran out, jobs of processes that died) is claimed
 * with SKIP LOCKED, earliest deadline first. An attempt is committed before its call goes out. A holder whose lease ran
 * out may have acted: a "send" found that way becomes an "ask". Tables: job_<worker>, job_body_<worker>,
 * attempt_<worker>. */
#ifndef FLOW_JOBS_H
#define FLOW_JOBS_H

#include "common/base/arena.h"
#include "common/base/clk.h"
#include "common/base/loop.h"
#include "common/pg/pg.h"

struct jobs;

struct job {
    struct str key;     /* unique; the idempotency key of the effect */
    struct str subject; /* what it is about: the parent row's key */
    struct str step;
    int64_t due_us; /* next look; while leased, the lease's end */
    int64_t lease;  /* token; 0 = free */
    int32_t attempts;
    int64_t deadline_us; /* INT64_MIN = none */
    int64_t quiet_us;    /* an attempt in doubt may still act until then; INT64_MIN = none */
    struct str state;    /* JSON of the owner's */
    struct str reason;   /* why it waits; STR_NULL = it does not */
    struct str stop;     /* why somebody gives it up; STR_NULL = nobody does. See below */
    struct str body;     /* claimed jobs, and new ones when saved; immutable */
    struct str
        ref; /* new ones: where the owner keeps that body already (jobs_opts.kept_body); STR_NULL = nowhere */
    bool fresh;   /* to be inserted with its body */
    bool done;    /* to be removed */
    bool changed; /* to be written */
};

/* `stop` is of loaded jobs only. Others write it (column stop_reason), jobs_save never does; the owner ends such a job as soon
 * as nothing of it is under way or in doubt. */

struct jobs_opts {
    struct loop *loop;
    struct pg *pg;
    const char *worker;
    const char
        *kept_body; /* query of the body of job `u` by u.subject and u.body_ref; NULL: no job has a `ref` */
    int64_t lease_ms;
    int64_t call_ms;                                 /* longest a call may take; less than the lease */
    unsigned (*room)(void *arg);                     /* how many calls could begin now */
    void (*begin)(void *arg, const struct job *job); /* claimed and committed: begin the call */
    void *arg;
    struct clk clk;
};

enum res jobs_new(const struct jobs_opts *opts, struct jobs **ret, struct err *e);
void jobs_free(struct jobs *j);

/* Begins a part of a batch: asks (pg_send) for all jobs of these subjects; each is copied into `arena` and given to `fn`. The parents' rows must
 * be locked already. */
struct jobs_query {
    const struct str *subjects;
    size_t n;
    struct arena *arena;
    void (*fn)(void *arg, struct job *job);
    void *arg;
};
void jobs_load(struct jobs *j, const struct jobs_query *q);

/* Writes (pg_send) what is fresh, changed or done; and for each fresh job with a lease its attempt (a claim stores its own). */
void jobs_save(struct jobs *j, struct job *const *all, size_t n);

/* An attempt's end, recorded even when its lease is gone. */
struct job_answer {
    struct str key;
    int32_t no;
    const char *fate;
    int code;
    int64_t took_us;
    struct str error;
};
void jobs_answered(struct jobs *j, const struct job_answer *all, size_t n);

/* Leases a fresh job to this process, where there is room for its attempt; else it is left to be claimed. It is copied:
 * `begin` gets it after COMMIT. Before jobs_save, and in the part that made it. */
void jobs_bear(struct jobs *j, struct job *job);

/* After jobs_save: where the last claim left some behind, takes along in this transaction what there is room for; it
 * begins after COMMIT, as what was born does. One commit then ends calls and begins others. */
void jobs_join(struct jobs *j);

/* The batch is durable: what was born or taken along begins, and what was saved without a lease is looked for when it is due. */
void jobs_committed(struct jobs *j);

/* The batch (`whole`), or its last part, was rolled back: what was born in it was not. */
void jobs_undone(struct jobs *j, bool whole);

/* Something is due at that time, or may be: look then. */
void jobs_wake(struct jobs *j, int64_t due_us);

/* Room came free: looks at once where something was left for want of it, else what is due next is known already. */
void jobs_room(struct jobs *j);

/* No more claims, and nothing is born leased: others will find it. */
void jobs_stop(struct jobs *j);

#endif
