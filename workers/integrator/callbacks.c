/* callbacks: what Bedelau says by itself. It comes at least once, out of order, and sometimes before the answer that
 * names its id. */
#include "common/json/scan.h"
#include "workers/integrator/settle_priv.h"

/* Attempts of a job that is made anew under an old key are counted from here, so that none overwrites an old one. */
enum { LATER_ATTEMPTS = 1000 };

/* False for what came late or twice: what is newer stands. Answers without a number are always heeded. */
static bool
heed(struct berkas *b, const struct said *s, const struct event *ev)
{
    struct urusan *u = b->more;

    if (ev && s->urutan <= u->urutan_bedelau)
        return false;
    if (s->urutan > u->urutan_bedelau)
        u->urutan_bedelau = s->urutan;
    b->dirty = true;
    return true;
}

static struct finding
finding_of(const struct worker *w, enum jenis jenis, const struct said *s, const struct event *ev)
{
    return (struct finding){.type = outcome_of_status(jenis, s->status),
                            .id_integrasi = s->id,
                            .status = s->status,
                            .alasan = s->alasan,
                            .urutan_bedelau = s->urutan,
                            .time_us = ev ? ev->fact.time_us : w->now_us,
                            .cause = ev};
}

/* ---- for an open job --------------------------------------------------------------------------------------------- */

/* The job that registered this id. */
static struct job *
job_of_id(struct worker *w, const struct urusan *u, struct str id)
{
    for (unsigned i = 0; id.n && i < u->njobs; i++)
        if (!u->jobs[i]->done && str_eq(memo_read(w, u->jobs[i]).id, id))
            return u->jobs[i];
    return NULL;
}

/* An ending also changes the original, whose row only an answer brings along: ask at once instead of believing, or as soon
 * as the call that is under way has ended. */
static void
look_now(struct worker *w, struct job *job)
{
    struct memo memo = memo_read(w, job);

    if (!job->lease) {
        job_next(job, STR("poll"), w->now_us, STR("kabar dari Bedelau"));
        return;
    }
    memo.poke = true;
    memo_write(w, job, &memo);
}

static void
take_for_job(struct worker *w, struct berkas *b, struct job *job, const struct said *s,
             const struct event *ev)
{
    enum jenis jenis = memo_read(w, job).jenis;
    struct finding f = finding_of(w, jenis, s, ev);

    if (!heed(b, s, ev))
        return;
    if (jenis == JENIS_PENCABUTAN)
        look_now(w, job);
    else if (!settle_withdrawn(b) || (jenis == JENIS_PERUBAHAN && f.type == FACT_I_COMPLETED))
        there_take_status(w, b, job, &f); /* a change that took effect cannot be taken back */
    else if (jenis == JENIS_PERUBAHAN && f.type == FACT_I_FAILED)
        there_cancelled(w, b, job, 0);
    /* else the DELETE that is under way decides */
}

/* ---- kept for later ---------------------------------------------------------------------------------------------- */

static void
keep(struct worker *w, struct berkas *b, const struct event *ev)
{
    struct urusan *u = b->more;
    struct buf out = buf_make(1 << 20);
    struct str old = u->callbacks.n > 2 ? (struct str){u->callbacks.p, u->callbacks.n - 1} : STR("[");

    buf_str(&out, old);
    buf_z(&out, old.n > 1 ? ",{\"s\":" : "{\"s\":");
    buf_json(&out, ev->ce.source);
    buf_z(&out, ",\"i\":");
    buf_json(&out, ev->ce.id);
    buf_z(&out, ",\"w\":");
    buf_int(&out, ev->fact.time_us);
    buf_z(&out, ",\"d\":");
    buf_str(&out, ev->ce.data);
    buf_z(&out, "}]");
    if (!out.failed)
        u->callbacks = arena_str(&w->arena, buf_view(&out));
    b->dirty = true;
    buf_free(&out);
}

void
callback_take_kept(struct worker *w, struct berkas *b)
{
    static const char *const names[] = {"s", "i", "w", "d"};
    struct urusan *u = b->more;
    struct str kept = u->callbacks;

    if (!kept.n)
        return;
    u->callbacks = STR("");
    for (struct scan_iter it = scan_iter(kept); scan_next(&it);) {
        struct event ev = {0};
        struct str m[4];

        scan_pick(it.value, names, m, 4);
        ev.ce.source = scan_text(&w->arena, m[0]);
        ev.ce.id = scan_text(&w->arena, m[1]);
        scan_int(m[2], &ev.fact.time_us);
        ev.ce.data = m[3];
        callback_take(w, b, &ev);
    }
}

/* ---- after the end ----------------------------------------------------------------------------------------------- */

/* Bedelau goes on with what was cancelled: it is taken back once more (design, section 6). */
static void
cancel_again(struct worker *w, struct berkas *b, const struct dossier_view *v, const struct said *s)
{
    struct urusan *u = b->more;
    struct job *job;

    if (!v->C || !job_room(u) || job_of_id(w, u, s->id) ||
        job_find(u, job_key(w, b, v->C->revisi, v->C->putaran)))
        return;
    job = arena_new(&w->arena, sizeof *job);
    *job = (struct job){.key = job_key(w, b, v->C->revisi, v->C->putaran),
                        .subject = b->nomor,
                        .attempts = LATER_ATTEMPTS,
                        .deadline_us = INT64_MIN,
                        .quiet_us = INT64_MIN,
                        .fresh = true};
    memo_write(w, job, &(struct memo){.id = s->id, .told = s->status});
    job_next(job, STR("cancel"), w->now_us, STR("dibatalkan oleh pemohon"));
    u->jobs[u->njobs++] = job;
}

static void
tell_of(struct worker *w, struct berkas *b, const struct fact *round, const struct finding *f)
{
    struct job ghost = {.key = job_key(w, b, round->revisi, round->putaran), .subject = b->nomor};

    outcome_tell(w, b, &ghost, f);
}

/* Told as failed. Bedelau's own word for that outlasts an answer that is older than it; an operator's does not. */
static bool
failed(const struct dossier_view *v, const struct event *ev)
{
    return v->I && v->I->type == FACT_I_FAILED && (ev || !v->I->status_bedelau.n);
}

void
callback_late(struct worker *w, struct berkas *b, const struct said *s, const struct event *ev)
{
    const struct urusan *u = b->more;
    struct finding f = finding_of(w, u->jenis, s, ev);
    bool off = str_is(s->status, "dinonaktifkan");
    struct dossier_view v;

    dossier_look(&b->d, &v);
    if (ev && v.status == STATUS_DIBATALKAN && v.C && job_find(u, job_key(w, b, v.C->revisi, v.C->putaran))) {
        keep(w, b, ev); /* another id than that of the round which is being taken back: one after the other */
        return;
    }
    if (str_eq(u->id_integrasi, s->id) && !heed(b, s, ev))
        return; /* another id counts by itself */
    if (v.completed) {
        f.type = FACT_I_COMPLETED;
        if (off && !(v.I && str_is(v.I->status_bedelau, "dinonaktifkan")))
            tell_of(w, b, v.completed, &f); /* it was on once, and is off now */
    } else if (v.status == STATUS_DIBATALKAN && u->jenis == JENIS_BARU) {
        if (!off)
            cancel_again(w, b, &v, s);
    } else if (f.type == FACT_I_COMPLETED && v.C && (v.status == STATUS_DIBATALKAN || failed(&v, ev))) {
        tell_of(w, b, v.C, &f); /* what is there is there, whatever was said of it */
    }
}

/* Cancelled, and nothing is under way: whatever Bedelau has under this number is one too many. */
static bool
over(const struct berkas *b)
{
    const struct urusan *u = b->more;

    for (unsigned i = 0; i < u->njobs; i++)
        if (!u->jobs[i]->done)
            return false;
    return settle_withdrawn(b);
}

void
callback_take(struct worker *w, struct berkas *b, const struct event *ev)
{
    const struct integrator *n = w->own;
    const struct urusan *u = b->more;
    struct said s;
    struct job *job;

    contract_callback(n->contract, ev->ce.data, &w->arena, &s);
    job = job_of_id(w, u, s.id);
    if (job)
        take_for_job(w, b, job, &s, ev);
    else if (!str_eq(u->id_integrasi, s.id) && !over(b))
        keep(w, b, ev);
    else
        callback_late(w, b, &s, ev);
}
