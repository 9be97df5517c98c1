/* steps: what an answer does to its job. A job brings one round of a request to Bedelau ("send"), asks what became of
 * that ("ask"), follows it to its end ("poll"), and takes it back ("cancel"); "wait" makes no call. */
#include "common/json/scan.h"
#include "workers/integrator/settle_priv.h"

/* ---- send -------------------------------------------------------------------------------------------------------- */

static void
conflict(struct worker *w, struct berkas *b, struct job *job, const struct answer *a, const struct said *s)
{
    const struct integrator *n = w->own;
    struct memo memo = memo_read(w, job);

    if (memo.jenis != JENIS_PENCABUTAN && !contract_has(n->contract, CALL_TANYA)) {
        there_refused(w, b, job, a, s);
        return;
    }
    memo.conflict = true;
    memo_write(w, job, &memo);
    job_next(job, STR("ask"), w->now_us, park_reason(w, a));
}

/* There is no such integration: an ending has nothing left to do, a change nothing to change. */
static void
nothing_there(struct worker *w, struct berkas *b, struct job *job, const struct answer *a)
{
    struct memo memo = memo_read(w, job);
    struct said gone = {.id = memo.id, .status = STR("dinonaktifkan")};
    struct said unknown = {.alasan = STR("integrasi dari permohonan asal tidak ada di Bedelau")};

    if (memo.jenis == JENIS_PENCABUTAN)
        there_registered(w, b, job, a, &gone);
    else if (memo.jenis == JENIS_PERUBAHAN)
        there_refused(w, b, job, a, &unknown);
    else
        park_job(w, b, job, a, STR("send"));
}

static void
after_send(struct worker *w, struct berkas *b, struct job *job, const struct answer *a, struct said *s)
{
    if (!s->id.n && memo_read(w, job).jenis != JENIS_BARU)
        s->id = memo_read(w, job).id; /* it was in the address */
    switch (s->arti) {
    case ARTI_BERHASIL:
    case ARTI_TERDAFTAR:
        if (s->id.n)
            there_registered(w, b, job, a, s);
        else
            park_in_doubt(w, b, job, a);
        break;
    case ARTI_DITOLAK:
        there_refused(w, b, job, a, s);
        break;
    case ARTI_BENTROK:
        conflict(w, b, job, a, s);
        break;
    case ARTI_KREDENSIAL:
        park_for_access(w, job, a);
        break;
    case ARTI_TIDAK_ADA:
        nothing_there(w, b, job, a);
        break;
    case ARTI_TIDAK_JELAS:
        park_in_doubt(w, b, job, a);
        break;
    case ARTI_ULANG:
        park_job(w, b, job, a, STR("send"));
        break;
    }
}

/* ---- ask, poll --------------------------------------------------------------------------------------------------- */

/* Asked, and nothing of it is there. */
static void
not_there(struct worker *w, struct berkas *b, struct job *job, const struct answer *a)
{
    struct said another = {.alasan = STR("nomor ini sudah terdaftar di Bedelau untuk permohonan lain")};
    struct said busy = {.alasan = STR("Bedelau menolak mengakhiri integrasi ini")};
    const struct integrator *n = w->own;
    struct memo memo = memo_read(w, job);

    if (settle_withdrawn(b))
        there_cancelled(w, b, job, a->code);
    else if (job->stop.n && memo.jenis != JENIS_BARU)
        outcome_give_up(w, b, job, job->stop);
    else if (memo.conflict && memo.jenis == JENIS_PENCABUTAN)
        there_refused(w, b, job, a, &busy);
    else if (memo.conflict && contract_any(n->contract, (struct str){a->body, a->body_len}))
        there_refused(w, b, job, a, &another);
    else if (memo.conflict)
        park_job(w, b, job, a, STR("send")); /* our own call is still at work there */
    else
        job_next(job, STR("send"), w->now_us, STR("belum ada di Bedelau"));
}

/* The integration that is to end: gone, on its way, or as it ever was. */
static void
look_at_ending(struct worker *w, struct berkas *b, struct job *job, const struct answer *a, struct said *s)
{
    struct memo memo = memo_read(w, job);

    if (!s->id.n)
        s->id = memo.id;
    if (s->arti == ARTI_TIDAK_ADA) {
        nothing_there(w, b, job, a);
    } else if (str_is(s->status, "aktif")) {
        not_there(w, b, job, a);
    } else {
        memo.conflict = false; /* something else is under way there, and will have ended the next time */
        memo_write(w, job, &memo);
        there_registered(w, b, job, a, s);
    }
}

static void
after_look(struct worker *w, struct berkas *b, struct job *job, const struct answer *a, struct said *s)
{
    const struct integrator *n = w->own;
    bool there = s->arti == ARTI_BERHASIL || s->arti == ARTI_TERDAFTAR;
    bool list = a->call == CALL_TANYA;
    struct said found;

    if (s->arti == ARTI_KREDENSIAL)
        park_for_access(w, job, a);
    else if (!there && s->arti != ARTI_TIDAK_ADA)
        park_job(w, b, job, a, arena_str(&w->arena, str_of(a->step)));
    else if (memo_read(w, job).jenis == JENIS_PENCABUTAN && !list)
        look_at_ending(w, b, job, a, s);
    else if (there && !list && s->id.n)
        there_registered(w, b, job, a, s);
    else if (there && list &&
             contract_find(n->contract, (struct str){a->body, a->body_len}, job->key, &w->arena, &found))
        there_registered(w, b, job, a, &found);
    else if (list)
        not_there(w, b, job, a);
    else if (s->arti == ARTI_TIDAK_ADA)
        job_next(job, STR("ask"), w->now_us, park_reason(w, a));
    else
        park_job(w, b, job, a, STR("poll"));
}

/* ---- cancel, wait ------------------------------------------------------------------------------------------------ */

static void
after_cancel(struct worker *w, struct berkas *b, struct job *job, const struct answer *a, struct said *s)
{
    bool well = s->arti == ARTI_BERHASIL || s->arti == ARTI_TERDAFTAR;

    if (well && (s->arti == ARTI_TERDAFTAR || str_is(s->status, "diproses")))
        job_next(job, STR("cancel"), park_poll_us(w, a), STR("menunggu Bedelau")); /* not gone yet */
    else if (well || s->arti == ARTI_TIDAK_ADA)
        there_cancelled(w, b, job, a->code);
    else if (s->arti == ARTI_KREDENSIAL)
        park_for_access(w, job, a);
    else
        park_job(w, b, job, a, STR("cancel"));
}

/* A change or an ending waits for the id of what it is about: facts come in any order. */
static void
after_wait(struct worker *w, struct berkas *b, struct job *job, const struct answer *a, struct said *s)
{
    struct memo memo = memo_read(w, job);
    const struct berkas *asal = memo.asal.n ? worker_find(w, memo.asal) : NULL;
    const struct urusan *its = asal ? asal->more : NULL;
    struct dossier_view v = {0};

    (void)s;
    memo.idle++;
    if (asal)
        dossier_look(&asal->d, &v);
    if (v.completed && its->id_integrasi.n) {
        memo.id = its->id_integrasi;
        memo.parks = 0; /* those were not the endpoint's */
        memo_write(w, job, &memo);
        job_next(job, STR("send"), w->now_us, STR_NULL);
        return;
    }
    memo_write(w, job, &memo);
    job_next(job, STR("wait"), w->now_us + park_us(w, job, memo.parks, a),
             STR("menunggu id_integrasi permohonan asal"));
    if (memo.parks++ == 0 && !settle_withdrawn(b))
        outcome_tell(w, b, job,
                     &(struct finding){.type = FACT_I_DELAYED, .alasan = job->reason, .time_us = w->now_us});
    memo_write(w, job, &memo);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void
note_answer(struct worker *w, const struct answer *a)
{
    static const char *const fates[] = {"answered", "not_sent", "unknown"};
    struct integrator *n = w->own;

    n->answers[n->nanswers++] = (struct job_answer){.key = arena_str(&w->arena, str_of(a->key)),
                                                    .no = a->no,
                                                    .fate = fates[a->fate],
                                                    .code = a->code,
                                                    .took_us = a->took_us,
                                                    .error = arena_str(&w->arena, str_of(a->error))};
}

static void
read_answer(struct worker *w, const struct answer *a, struct said *s)
{
    const struct integrator *n = w->own;

    *s = (struct said){.arti = a->fate == CLIENT_UNKNOWN ? ARTI_TIDAK_JELAS : ARTI_ULANG};
    if (a->fate == CLIENT_ANSWERED)
        contract_read(n->contract, a->call, a->code, (struct str){a->body, a->body_len}, &w->arena, s);
}

/* An answer whose lease is gone counts only when it found the thing itself; somebody else is asking already. */
static bool
counts_when_late(struct worker *w, const struct job *job, const struct answer *a, const struct said *s)
{
    const struct integrator *n = w->own;
    struct said found;

    if (s->arti != ARTI_BERHASIL && s->arti != ARTI_TERDAFTAR)
        return false;
    if (a->call == CALL_PANTAU && memo_read(w, job).jenis == JENIS_PENCABUTAN)
        return str_is(s->status, "dinonaktifkan");
    return a->call != CALL_TANYA ||
           contract_find(n->contract, (struct str){a->body, a->body_len}, job->key, &w->arena, &found);
}

/* The job has ended meanwhile. A registration that was made all the same is not forgotten. */
static void
without_job(struct worker *w, struct berkas *b, const struct answer *a, const struct said *s)
{
    struct urusan *u = b->more;

    if (a->call > CALL_PERUBAHAN || !s->id.n || (s->arti != ARTI_BERHASIL && s->arti != ARTI_TERDAFTAR))
        return;
    if (!u->id_integrasi.n) {
        u->id_integrasi = s->id;
        b->dirty = true;
    }
    callback_late(w, b, s, NULL);
}

static void
take_answer(struct worker *w, struct berkas *b, struct job *job, const struct answer *a, struct said *s)
{
    static const struct {
        const char *step;
        void (*fn)(struct worker *w, struct berkas *b, struct job *job, const struct answer *a,
                   struct said *s);
    } steps[] = {{"send", after_send},
                 {"ask", after_look},
                 {"poll", after_look},
                 {"cancel", after_cancel},
                 {"wait", after_wait}};

    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (strcmp(a->step, steps[i].step) == 0)
            steps[i].fn(w, b, job, a, s);
}

void
settle_answer(struct worker *w, struct berkas *b, const struct answer *a)
{
    struct job *job = job_find(b->more, str_of(a->key));
    bool ours = job && job->lease == a->lease;
    struct said s;

    note_answer(w, a);
    read_answer(w, a, &s);
    if (ours && a->fate != CLIENT_UNKNOWN)
        job->quiet_us = INT64_MIN; /* nothing of it is under way any more */
    if (!job)
        without_job(w, b, a, &s);
    else if (a->sick && ours)
        park_sick(w, job, a);
    else if (ours || counts_when_late(w, job, a, &s))
        take_answer(w, b, job, a, &s);
}
