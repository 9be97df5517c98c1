/* park: a job that is put off, and until when. */
#include "common/base/id.h"
#include "common/base/log.h"
#include "workers/integrator/pace.h"
#include "workers/integrator/settle_priv.h"

struct str
park_reason(struct worker *w, const struct answer *a)
{
    struct buf b = buf_make(512);
    struct str s;

    if (a->fate == CLIENT_ANSWERED)
        buf_printf(&b, "HTTP %d", a->code);
    else
        buf_printf(&b, "%s: %s", a->fate == CLIENT_NOT_SENT ? "tidak terkirim" : "hasil tidak diketahui",
                   a->error);
    s = arena_str(&w->arena, buf_view(&b));
    buf_free(&b);
    return s;
}

int64_t
park_us(struct worker *w, const struct job *job, int64_t parks, const struct answer *a)
{
    const struct integrator *n = w->own;
    struct pace_job pace = {
        .failures = parks, .retry_after_s = a->retry_after_s, .left_ms = INT64_MAX, .alone = a->alone};

    if (job->deadline_us != INT64_MIN)
        pace.left_ms = (job->deadline_us - w->now_us) / 1000;
    return pace_wait_ms(&n->pace, &pace, id_random()) * 1000;
}

void
park_job(struct worker *w, struct berkas *b, struct job *job, const struct answer *a, struct str step)
{
    const struct integrator *n = w->own;
    struct memo memo = memo_read(w, job);
    int64_t due = w->now_us + park_us(w, job, memo.parks, a);

    if (a->fate == CLIENT_UNKNOWN && job->quiet_us > due)
        due = job->quiet_us; /* the attempt may still act until then */
    if (str_is(step, "send") && settle_withdrawn(b))
        step = STR("ask");
    job_next(job, step, due, park_reason(w, a));
    metric_add(n->m_parked, 1);
    if (memo.parks++ == 0 && !memo.told.n)
        outcome_tell(
            w, b, job,
            &(struct finding){
                .type = FACT_I_DELAYED, .alasan = job->reason, .kode_http = a->code, .time_us = w->now_us});
    memo_write(w, job, &memo);
}

void
park_for_access(struct worker *w, struct job *job, const struct answer *a)
{
    const struct integrator *n = w->own;

    log_error("the endpoint refuses our credentials; waiting", LOG_I("code", a->code),
              LOG_S("nomor", job->subject));
    job_next(job, job->step, w->now_us + n->pace.max_ms * 1000, park_reason(w, a));
}

/* Who registers asks what became of it. */
static bool
asks(struct worker *w, const struct job *job)
{
    const struct integrator *n = w->own;

    return memo_read(w, job).jenis == JENIS_BARU && contract_has(n->contract, CALL_TANYA);
}

void
park_in_doubt(struct worker *w, struct berkas *b, struct job *job, const struct answer *a)
{
    park_job(w, b, job, a, asks(w, job) ? STR("ask") : STR("send"));
}

void
park_sick(struct worker *w, struct job *job, const struct answer *a)
{
    const struct integrator *n = w->own;
    bool in_doubt = a->fate == CLIENT_UNKNOWN && str_is(job->step, "send");
    int64_t due = w->now_us + 1000 * (a->aside ? n->endpoint.probe.max_ms : n->pace.min_ms);
    struct memo memo = memo_read(w, job);

    if (in_doubt && job->quiet_us > due)
        due = job->quiet_us;
    memo.idle += a->fate != CLIENT_UNKNOWN; /* what is refused for its credentials did nothing either */
    memo_write(w, job, &memo);
    job_next(job, in_doubt && asks(w, job) ? STR("ask") : job->step, due, park_reason(w, a));
}

int64_t
park_poll_us(const struct worker *w, const struct answer *a)
{
    const struct integrator *n = w->own;

    return w->now_us +
           1000 * (a->retry_after_s >= 0 ? backoff_retry_after_ms(&n->pace, a->retry_after_s) : n->poll_ms);
}
