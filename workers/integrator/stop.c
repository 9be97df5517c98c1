#include "workers/integrator/settle_priv.h"

/* A change or an ending cannot be taken back, a DELETE would end the original: what was never sent and what Bedelau still
 * works on is given up as it is, what is in doubt is asked about, not repeated. */
static void
honour_change(struct worker *w, struct berkas *b, struct job *job, const struct memo *memo)
{
    if (job->attempts == memo->idle || memo->told.n)
        outcome_give_up(w, b, job, job->stop);
    else if (str_is(job->step, "send"))
        job_next(job, STR("ask"), job->quiet_us > w->now_us ? job->quiet_us : w->now_us, job->stop);
}

/* "send" without a holder: nothing is at Bedelau, unless its last call is in doubt and nobody can be asked; then its repeat
 * tells. "poll": it is there, and goes first. Any other step will come to one of these, or to an end. */
static void
honour(struct worker *w, struct berkas *b, struct job *job)
{
    struct memo memo = memo_read(w, job);
    bool doubt = job->attempts > memo.idle && job->quiet_us != INT64_MIN;

    if (memo.jenis != JENIS_BARU)
        honour_change(w, b, job, &memo);
    else if (str_is(job->step, "send") && !doubt)
        outcome_give_up(w, b, job, job->stop);
    else if (str_is(job->step, "poll"))
        job_next(job, STR("cancel"), w->now_us, job->stop);
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
