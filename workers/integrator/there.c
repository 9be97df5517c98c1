/* there: what is at Bedelau now, is told; and what that does to the job. */
#include "common/base/log.h"
#include "workers/integrator/settle_priv.h"

void
there_take_status(struct worker *w, struct berkas *b, struct job *job, const struct finding *f)
{
    struct memo memo = memo_read(w, job);

    if (f->id_integrasi.n)
        memo.id = f->id_integrasi;
    if (f->type != FACT_I_REGISTERED || !str_eq(memo.told, f->status))
        outcome_tell(w, b, job, f);
    memo.told = f->status;
    memo_write(w, job, &memo);
    job->done = f->type != FACT_I_REGISTERED;
}

void
there_cancelled(struct worker *w, struct berkas *b, struct job *job, int code)
{
    struct finding f = {.type = FACT_I_CANCELLED,
                        .alasan = STR("dibatalkan oleh pemohon"),
                        .kode_http = code,
                        .time_us = w->now_us};

    if (!settle_withdrawn(b))
        stop_rename(job, &f);
    outcome_tell(w, b, job, &f);
    job->done = true;
    callback_take_kept(w, b);
}

void
there_refused(struct worker *w, struct berkas *b, struct job *job, const struct answer *a,
              const struct said *s)
{
    struct finding f = {.type = FACT_I_REJECTED,
                        .alasan = s->alasan,
                        .kesalahan = s->kesalahan,
                        .kode_http = a->code,
                        .time_us = w->now_us};

    if (settle_withdrawn(b)) {
        there_cancelled(w, b, job, a->code);
        return;
    }
    outcome_tell(w, b, job, &f);
    job->done = true;
}

/* A change is followed in the list of its own number: the integration's id shows whatever came last. */
static struct str
following(const struct worker *w, enum jenis jenis)
{
    const struct integrator *n = w->own;

    return jenis == JENIS_PERUBAHAN && contract_has(n->contract, CALL_TANYA) ? STR("ask") : STR("poll");
}

static void
note_id(struct worker *w, struct berkas *b, struct job *job, const struct said *s)
{
    struct urusan *u = b->more;
    struct memo memo = memo_read(w, job);

    if (!str_eq(u->id_integrasi, s->id))
        u->urutan_bedelau = -1; /* another integration counts anew */
    u->id_integrasi = memo.id = s->id;
    if (s->urutan > u->urutan_bedelau)
        u->urutan_bedelau = s->urutan;
    b->dirty = true;
    memo_write(w, job, &memo);
    if (s->strange)
        log_warn("the endpoint names a status that its contract does not have", LOG_S("nomor", job->subject));
}

/* What was withdrawn is there. A registration is taken back. A change that took effect, or an ending, cannot be: it is
 * told as it is; one that is still under way is followed until that is known. */
static void
there_though_withdrawn(struct worker *w, struct berkas *b, struct job *job, const struct answer *a,
                       const struct finding *f)
{
    enum jenis jenis = memo_read(w, job).jenis;

    if (jenis == JENIS_BARU)
        job_next(job, STR("cancel"), w->now_us, STR("dibatalkan oleh pemohon"));
    else if (f->type == FACT_I_COMPLETED)
        there_take_status(w, b, job, f);
    else if (f->type == FACT_I_FAILED)
        there_cancelled(w, b, job, a->code);
    else
        job_next(job, following(w, jenis), park_poll_us(w, a), STR("dibatalkan oleh pemohon"));
}

/* An ending is an event of the original too, whose row is locked beside ours. */
static void
note_ended(struct worker *w, struct berkas *b, const struct job *job)
{
    struct memo memo = memo_read(w, job);
    struct berkas *asal = memo.asal.n ? worker_find(w, memo.asal) : NULL;
    struct said s = {.id = memo.id, .status = STR("dinonaktifkan")};

    if (asal && asal != b && memo.jenis == JENIS_PENCABUTAN)
        callback_late(w, asal, &s, NULL);
}

static void
take_or_follow(struct worker *w, struct berkas *b, struct job *job, const struct answer *a,
               const struct finding *f)
{
    struct memo memo;
    int64_t due;

    there_take_status(w, b, job, f);
    if (job->done)
        return;
    memo = memo_read(w, job);
    due = memo.poke ? w->now_us : park_poll_us(w, a);
    memo.poke = false;
    memo_write(w, job, &memo);
    job_next(job, following(w, memo.jenis), due, STR("menunggu Bedelau"));
}

/* Bedelau has said something newer of it meanwhile: this answer was on its way longer. An end is an end all the same. */
static bool
outdated(const struct berkas *b, const struct said *s, enum fact_type type)
{
    const struct urusan *u = b->more;

    return type == FACT_I_REGISTERED && s->counted && s->urutan < u->urutan_bedelau &&
           str_eq(u->id_integrasi, s->id);
}

void
there_registered(struct worker *w, struct berkas *b, struct job *job, const struct answer *a,
                 const struct said *s)
{
    struct finding f = {.type = outcome_of_status(memo_read(w, job).jenis, s->status),
                        .id_integrasi = s->id,
                        .status = s->status,
                        .alasan = s->alasan,
                        .urutan_bedelau = s->urutan,
                        .kode_http = a->code,
                        .time_us = w->now_us};

    if (outdated(b, s, f.type) && !settle_withdrawn(b)) {
        job_next(job, following(w, memo_read(w, job).jenis), park_poll_us(w, a), STR("menunggu Bedelau"));
        return;
    }
    note_id(w, b, job, s);
    if (settle_withdrawn(b))
        there_though_withdrawn(w, b, job, a, &f);
    else
        take_or_follow(w, b, job, a, &f);
    if (f.type == FACT_I_COMPLETED && job->done)
        note_ended(w, b, job);
    callback_take_kept(w, b);
}
