#include "workers/integrator/integrator.h"

static struct finding
given_up(const struct worker *w, const struct job *job)
{
    return (struct finding){.type = FACT_I_FAILED, .alasan = job->stop, .time_us = w->now_us};
}

/* "send" without a holder: nothing is at Bedelau. "poll": it is there, and goes first. Any other step will come to one of
 * these, or to an end. */
static void
honour(struct worker *w, struct berkas *b, struct job *job)
{
    struct finding f = given_up(w, job);

    if (str_is(job->step, "send")) {
        outcome_tell(w, b, job, &f);
        job->done = true;
    } else if (str_is(job->step, "poll")) {
        job->step = STR("cancel");
        job->due_us = w->now_us;
        job->reason = job->stop;
        job->changed = true;
    }
}

static bool
to_be_stopped(const struct job *job)
{
    return !job->done && !job->lease && job->stop.n;
}

void
stop_settle(struct worker *w, struct berkas *b)
{
    const struct urusan *u = b->more;

    for (unsigned i = 0; i < u->njobs; i++) {
        struct dossier_view v;

        if (!to_be_stopped(u->jobs[i]))
            continue;
        dossier_look(&b->d, &v);
        if (!v.completed && !v.cancelled) /* else it has an end, or its withdrawal sees to it */
            honour(w, b, u->jobs[i]);
    }
}

void
stop_rename(const struct job *job, struct finding *f)
{
    if (!job->stop.n)
        return;
    f->type = FACT_I_FAILED;
    f->alasan = job->stop;
}
