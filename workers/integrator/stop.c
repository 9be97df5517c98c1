#include "workers/integrator/settle_priv.h"

/* Without a holder: "send" and "wait" have nothing at Bedelau, unless the last call is in doubt: then its repeat tells. What is
 * registered goes first, but for a change or an ending, which cannot be taken back: what Bedelau says of it later is told all
 * the same. Any other step will come to one of these, or to an end. */
static void
honour(struct worker *w, struct berkas *b, struct job *job)
{
    struct memo memo = memo_read(w, job);
    bool change = memo.jenis != JENIS_BARU;
    bool doubt = job->attempts > memo.idle && job->quiet_us != INT64_MIN;
    bool poll = str_is(job->step, "poll") || (change && memo.told.n && str_is(job->step, "ask"));

    if (doubt && !poll)
        return;
    if (poll && !change)
        job_next(job, STR("cancel"), w->now_us, job->stop);
    else if (poll || str_is(job->step, "send") || str_is(job->step, "wait"))
        outcome_give_up(w, b, job, job->stop);
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
