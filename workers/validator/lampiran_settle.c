/* What is known of documents meets its form here, under the request's row lock. */
#include "common/base/caltime.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/json/scan.h"
#include "workers/validator/lampiran_priv.h"

enum { STATE_MAX = 4 << 20 };

static const struct pg_stmt cancel_stmt = {
    "lampiran_cancel", "insert into attempt_validator (key, no, lease, step, quiet_until, answered_at, fate) "
                       "select k, n, 0, 'cancel', clock_timestamp(), clock_timestamp(), 'cancelled' "
                       "from unnest($1::text[], $2::int[]) u(k, n) on conflict do nothing"};

static struct lampiran *
of(const struct worker *w)
{
    return ((const struct validator *)w->own)->documents;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static void
remember(struct worker *w, struct berkas *b, struct job *job)
{
    struct periksa *p = b->more;
    struct lampiran_job *lj = arena_new(&w->arena, sizeof *lj);

    *lj = (struct lampiran_job){.job = job, .next = p->jobs};
    p->jobs = lj;
}

static void
on_job(void *arg, struct job *job)
{
    struct worker *w = arg;
    struct berkas *b = worker_find(w, job->subject);

    if (b)
        remember(w, b, job);
}

static bool
any_answer(const struct flow_batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (!b->items[i].rkm)
            return true;
    return false;
}

void
lampiran_load(struct worker *w, const struct flow_batch *b)
{
    struct lampiran *l = of(w);
    struct str *subjects;

    l->nanswers = 0;
    if (!l->set->check && !any_answer(b))
        return;
    subjects = arena_new(&w->arena, (w->n + 1) * sizeof *subjects);
    for (size_t i = 0; i < w->n; i++)
        subjects[i] = w->all[i].nomor;
    l->answers = arena_new(&w->arena, (b->n + 1) * sizeof *l->answers);
    jobs_load(l->jobs, &(struct jobs_query){subjects, w->n, &w->arena, on_job, w});
}

/* ---- a job's state ---------------------------------------------------------------------------------------------- */

static void
write_state(struct worker *w, struct job *job, const struct tunggu *t)
{
    struct buf out = buf_make(STATE_MAX);

    tunggu_write(t, &out);
    job->state = arena_str(&w->arena, buf_view(&out));
    job->changed = true;
    buf_free(&out);
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

/* Clock 2 of the form's revisi as the deadline worker will compute it, with what earlier ones used; INT64_MIN when the
 * calendar does not know. */
static int64_t
clock_end(struct worker *w, const struct berkas *b, int32_t revisi)
{
    const struct clock_rules rules = {
        .cal = almanac_newest(w->almanac), .past = w->almanac, .terms = w->terms, .read_us = INT64_MIN};
    struct dossier_view v;
    struct err e = {0};
    struct jam k;

    dossier_look(&b->d, &v);
    if (clocks_find(&v, &rules, revisi, TAHAP_PEMERIKSAAN, &k, &e))
        return k.batas_us;
    if (e.text[0])
        log_error("the end of clock 2 is not known", LOG_S("nomor", b->nomor), LOG_Z("error", e.text));
    return INT64_MIN;
}

static struct str
job_key(struct worker *w, const struct berkas *b, int32_t revisi)
{
    struct buf k = buf_make(256);
    struct str s;

    buf_printf(&k, "%.*s:%d", STR_FMT(b->nomor), revisi);
    s = arena_str(&w->arena, buf_view(&k));
    buf_free(&k);
    return s;
}

static void
create_job(struct worker *w, struct berkas *b, const struct dokumen *docs, const struct tunggu *t)
{
    struct job *job = arena_new(&w->arena, sizeof *job);
    struct buf body = buf_make(STATE_MAX);

    dokumen_write(docs, t->n, &body);
    *job = (struct job){.key = job_key(w, b, t->revisi),
                        .subject = b->nomor,
                        .step = STR("fetch"),
                        .due_us = w->now_us,
                        .deadline_us = clock_end(w, b, t->revisi),
                        .quiet_us = INT64_MIN,
                        .body = arena_str(&w->arena, buf_view(&body)),
                        .fresh = true};
    buf_free(&body);
    write_state(w, job, t);
    remember(w, b, job);
}

/* Only the notes go out now: a return lists everything at once. */
static void
say_waiting(struct worker *w, struct berkas *b, const struct verdict *v)
{
    struct buf notes = buf_make(STATE_MAX);
    struct verdict waiting = *v;

    tunggu_notes(v->findings, &notes);
    waiting.putusan = PUTUSAN_MENUNGGU_LAMPIRAN;
    waiting.findings = buf_view(&notes);
    judge_say(w, b, &waiting);
    buf_free(&notes);
}

bool
lampiran_open(struct worker *w, struct berkas *b, const struct tahan *form, const struct verdict *v,
              bool faulty)
{
    const struct validator *own = w->own;
    const struct periksa *p = b->more;
    struct lampiran *l = own->documents;
    struct dokumen docs[DOKUMEN_MAX];
    struct tunggu t = {.revisi = v->revisi,
                       .kode_opd = p->kode_opd,
                       .kategori = form->keys.kategori,
                       .trace = form->traceparent,
                       .temuan = v->findings,
                       .error_us = faulty ? w->now_us : INT64_MIN};

    t.n = l->set->check ? dokumen_list(own->rules, form->data, v->findings, &w->arena, docs) : 0;
    if (!t.n)
        return false;
    for (unsigned i = 0; i < t.n; i++)
        t.at[i] = docs[i].at;
    late_judge(w, b, form);
    say_waiting(w, b, v);
    create_job(w, b, docs, &t);
    metric_add(l->m_forms[FORM_OPENED], 1);
    return true;
}

/* ---- concluding ------------------------------------------------------------------------------------------------- */

static bool
waits(const struct berkas *b, int32_t revisi)
{
    struct dossier_view v;

    dossier_look(&b->d, &v);
    return v.status == STATUS_DIPERIKSA && v.R == revisi && v.C && v.C->putusan == PUTUSAN_MENUNGGU_LAMPIRAN;
}

static void
say(struct worker *w, struct berkas *b, const struct tunggu *t, enum putusan putusan, struct str findings)
{
    const struct fact *c = dossier_check(&b->d, t->revisi);
    const struct fact cause = {.source = c->sumber_pengajuan, .id = c->id_pengajuan};
    const struct verdict v = {.putusan = putusan,
                              .revisi = t->revisi,
                              .putaran = c->putaran,
                              .sumber_pengajuan = cause.source,
                              .id_pengajuan = cause.id,
                              .findings = findings,
                              .oleh = STR("sistem"),
                              .cause = &cause,
                              .traceparent = t->trace,
                              .time_us = w->now_us};

    judge_say(w, b, &v);
}

static void
conclude(struct worker *w, struct berkas *b, struct job *job, const struct tunggu *t)
{
    const struct validator *own = w->own;
    struct buf findings = buf_make(STATE_MAX);
    unsigned errors = tunggu_findings(own->rules, t, &findings);
    unsigned unknown = tunggu_unknown(t);
    enum putusan putusan =
        !errors && unknown ? PUTUSAN_MENUNGGU_PEMERIKSA : judge_putusan(w, errors, t->kode_opd, t->kategori);

    say(w, b, t, putusan, buf_view(&findings));
    buf_free(&findings);
    job->done = true;
    metric_add(own->documents->m_forms[unknown ? FORM_UNRESOLVED : FORM_CONCLUDED], 1);
}

/* What the job knew cannot be read, errors of the form among it: only an officer may decide now. */
static void
conclude_lost(struct worker *w, struct berkas *b, struct job *job, int32_t revisi)
{
    const struct validator *own = w->own;
    struct buf findings = buf_make(STATE_MAX);

    log_error("what is known of a form's attachments cannot be read; it goes to an officer",
              LOG_S("nomor", b->nomor), LOG_S("job", job->key));
    tunggu_lost(own->rules, &findings);
    say(w, b, &(struct tunggu){.revisi = revisi}, PUTUSAN_MENUNGGU_PEMERIKSA, buf_view(&findings));
    buf_free(&findings);
    job->done = true;
    metric_add(own->documents->m_forms[FORM_UNRESOLVED], 1);
}

/* ---- an attempt's answer ---------------------------------------------------------------------------------------- */

static struct job *
find_job(const struct periksa *p, struct str key)
{
    for (struct lampiran_job *lj = p->jobs; lj; lj = lj->next)
        if (!lj->job->done && str_eq(lj->job->key, key))
            return lj->job;
    return NULL;
}

static void
note_answer(struct worker *w, const struct lampiran_answer *a)
{
    struct lampiran *l = of(w);
    bool known = true;

    for (unsigned i = 0; i < a->n; i++)
        known = known && a->known[i];
    l->answers[l->nanswers++] = (struct job_answer){.key = arena_str(&w->arena, str_of(a->key)),
                                                    .no = a->no,
                                                    .fate = known ? "known" : "waiting",
                                                    .code = a->code,
                                                    .took_us = a->took_us,
                                                    .error = arena_str(&w->arena, str_of(a->error))};
}

/* What is known stays known, also from an attempt whose lease is gone. */
static void
merge(struct worker *w, struct tunggu *t, const struct lampiran_answer *a)
{
    for (unsigned i = 0; i < t->n && i < a->n; i++)
        if (!t->known[i])
            t->known[i] = a->known[i];
    if (t->error_us == INT64_MIN && tunggu_faulty(t))
        t->error_us = w->now_us;
}

static void
park(struct worker *w, struct job *job, const struct tunggu *t, const struct lampiran_answer *a)
{
    const struct lampiran *l = of(w);
    int64_t limit = tunggu_limit(t, job->deadline_us, l->set->hold_ms * 1000);
    int64_t due = w->now_us + backoff_ms(&l->set->pace, t->parks - 1, a->retry_after_s, id_random()) * 1000;
    char reason[64] = "lampiran belum dapat diperiksa";

    if (a->code)
        snprintf(reason, sizeof reason, "lampiran belum dapat diperiksa: HTTP %d", a->code);
    job->due_us = due < limit ? due : limit;
    job->lease = 0;
    job->reason = arena_str(&w->arena, str_of(reason));
    metric_add(l->m_retries, 1);
}

void
lampiran_answer(struct worker *w, struct berkas *b, const void *answer)
{
    const struct lampiran_answer *a = answer;
    struct job *job = find_job(b->more, str_of(a->key));
    struct tunggu t;

    note_answer(w, a);
    if (!job)
        return; /* it has ended */
    if (!tunggu_read(job->state, &w->arena, &t) || !waits(b, t.revisi))
        return; /* lampiran_settle ends it */
    merge(w, &t, a);
    if (job->lease == a->lease)
        t.parks++;
    if (!tunggu_unknown(&t) || lampiran_is_over(of(w), &t, job->deadline_us, w->now_us)) {
        conclude(w, b, job, &t);
        return;
    }
    if (job->lease == a->lease)
        park(w, job, &t, a);
    write_state(w, job, &t);
}

/* ---- the clock -------------------------------------------------------------------------------------------------- */

void
lampiran_deadline(struct worker *w, struct berkas *b, const struct event *ev)
{
    const struct periksa *p = b->more;
    struct str batas = scan_string(scan_get(ev->ce.data, "batas"), NULL);
    int64_t end;

    if (!caltime_parse(batas, &end))
        return;
    for (struct lampiran_job *lj = p->jobs; lj; lj = lj->next) {
        struct job *job = lj->job;
        struct tunggu t;

        if (job->done || !tunggu_read(job->state, &w->arena, &t) || t.revisi != ev->fact.revisi ||
            ev->fact.urutan <= t.urutan)
            continue;
        t.urutan = ev->fact.urutan;
        job->deadline_us = end;
        write_state(w, job, &t);
        if (!job->lease && tunggu_limit(&t, end, of(w)->set->hold_ms * 1000) < job->due_us)
            job->due_us = tunggu_limit(&t, end, of(w)->set->hold_ms * 1000);
    }
}

/* ---- after all items -------------------------------------------------------------------------------------------- */

/* Another revisi, a withdrawal, an end: what is still fetched is heard by nobody. */
static void
cancel(struct worker *w, const struct berkas *b, struct job *job)
{
    job->done = true;
    metric_add(of(w)->m_forms[FORM_CANCELLED], 1);
    log_info("attachments are no longer waited for", LOG_S("nomor", b->nomor), LOG_S("job", job->key));
}

/* Whether it is this job that the request waits for, and at which revisi: told by its key, as its state may be
 * unreadable. */
static bool
is_waited_for(struct worker *w, const struct berkas *b, const struct job *job, int32_t *revisi)
{
    struct dossier_view v;

    dossier_look(&b->d, &v);
    *revisi = v.R;
    return waits(b, v.R) && str_eq(job->key, job_key(w, b, v.R));
}

void
lampiran_settle(struct worker *w, struct berkas *b)
{
    const struct periksa *p = b->more;

    for (struct lampiran_job *lj = p->jobs; lj; lj = lj->next) {
        struct job *job = lj->job;
        struct tunggu t;
        int32_t revisi;

        if (job->done)
            continue;
        if (!is_waited_for(w, b, job, &revisi)) {
            cancel(w, b, job);
            lj->cancelled = true;
        } else if (!tunggu_read(job->state, &w->arena, &t)) {
            conclude_lost(w, b, job, revisi);
        } else if (job->fresh) {
            jobs_bear(of(w)->jobs, job);
        }
    }
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static size_t
count_jobs(const struct worker *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++)
        for (struct lampiran_job *lj = ((struct periksa *)w->all[i].more)->jobs; lj; lj = lj->next)
            n++;
    return n;
}

/* As one attempt more, that nobody makes. */
static void
write_cancelled(struct worker *w, const struct lampiran_job *const *all, size_t n)
{
    struct pg_args *a = &w->args;
    size_t gone = 0;

    pg_args_reset(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        if (all[i]->cancelled) {
            pg_elem_text(a, all[i]->job->key);
            gone++;
        }
    pg_array_end(a);
    pg_array(a, PG_INT4);
    for (size_t i = 0; i < n; i++)
        if (all[i]->cancelled)
            pg_elem_int4(a, all[i]->job->attempts + 1);
    pg_array_end(a);
    if (gone)
        pg_send(w->app->pg, &cancel_stmt, a, NULL, NULL);
}

void
lampiran_write(struct worker *w)
{
    struct lampiran *l = of(w);
    size_t n = count_jobs(w);
    const struct lampiran_job **all = arena_new(&w->arena, (n + 1) * sizeof *all);
    struct job **jobs = arena_new(&w->arena, (n + 1) * sizeof *jobs);
    size_t k = 0;

    for (size_t i = 0; i < w->n; i++)
        for (struct lampiran_job *lj = ((struct periksa *)w->all[i].more)->jobs; lj; lj = lj->next) {
            all[k] = lj;
            jobs[k++] = lj->job;
        }
    jobs_save(l->jobs, jobs, n);
    write_cancelled(w, all, n);
    if (l->nanswers)
        jobs_answered(l->jobs, l->answers, l->nanswers);
}
