/* settle: facts, answers and callbacks of one request meet here, under its row lock. */
#include "workers/integrator/integrator.h"

#include "common/base/caltime.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/json/scan.h"

/* Attempts of a job that is made anew under an old key are counted from here, so that none overwrites an old one. */
enum { LATER_ATTEMPTS = 1000 };

/* ---- a job's own state ------------------------------------------------------------------------------------------- */

struct memo {
    struct str id;    /* id_integrasi, once known */
    struct str trace; /* traceparent */
    struct str told;  /* Bedelau's status as last told */
    int64_t parks;    /* how often it was put off */
    int64_t clock;    /* urutan of the newest deadline.changed that was heeded; 0 = none yet */
    bool conflict;    /* 409 was said: what is there may be another's */
};

static struct memo
read_memo(struct worker *w, const struct job *job)
{
    static const char *const names[] = {"id", "trace", "told", "parks", "conflict", "clock"};
    struct str m[6];
    struct memo memo = {0};

    scan_pick(job->state, names, m, 6);
    memo.id = scan_text(&w->arena, m[0]);
    memo.trace = scan_text(&w->arena, m[1]);
    memo.told = scan_text(&w->arena, m[2]);
    scan_int(m[3], &memo.parks);
    memo.conflict = scan_kind(m[4]) == SCAN_TRUE;
    scan_int(m[5], &memo.clock);
    return memo;
}

static void
write_memo(struct worker *w, struct job *job, const struct memo *memo)
{
    struct buf b = buf_make(8192);
    const struct {
        const char *name;
        struct str s;
    } texts[] = {{"id", memo->id}, {"trace", memo->trace}, {"told", memo->told}};

    buf_z(&b, "{\"parks\":");
    buf_int(&b, memo->parks);
    buf_z(&b, ",\"clock\":");
    buf_int(&b, memo->clock);
    for (unsigned i = 0; i < 3; i++)
        if (texts[i].s.n) {
            buf_printf(&b, ",\"%s\":", texts[i].name);
            buf_json(&b, texts[i].s);
        }
    buf_z(&b, memo->conflict ? ",\"conflict\":true}" : "}");
    job->state = arena_str(&w->arena, buf_view(&b));
    job->changed = true;
    buf_free(&b);
}

/* ---- what happens to a job --------------------------------------------------------------------------------------- */

/* Frees the job for its next step at `due_us`. */
static void
next_step(struct job *job, struct str step, int64_t due_us, struct str reason)
{
    job->step = step;
    job->due_us = due_us;
    job->lease = 0;
    job->reason = reason;
    job->changed = true;
}

static void
finish(struct job *job)
{
    job->done = true;
}

/* When to ask again what becomes of something that Bedelau took on. */
static int64_t
poll_wait_ms(const struct integrator *n, const struct answer *a)
{
    return a->retry_after_s >= 0 ? backoff_retry_after_ms(&n->pace, a->retry_after_s) : n->poll_ms;
}

static struct str
reason_of(struct worker *w, const struct answer *a)
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

/* Puts a job off: told once, with the reason, the first time. */
static void
park(struct worker *w, struct berkas *b, struct job *job, const struct answer *a, struct str step)
{
    const struct integrator *n = w->own;
    struct memo memo = read_memo(w, job);
    int64_t due = w->now_us + backoff_ms(&n->pace, memo.parks, a->retry_after_s, id_random()) * 1000;

    if (a->fate == CLIENT_UNKNOWN && job->quiet_us > due)
        due = job->quiet_us; /* the attempt may still act until then */
    next_step(job, step, due, reason_of(w, a));
    metric_add(n->m_parked, 1);
    if (memo.parks++ == 0 && !memo.told.n)
        outcome_tell(
            w, b, job,
            &(struct finding){
                .type = FACT_I_DELAYED, .alasan = job->reason, .kode_http = a->code, .time_us = w->now_us});
    write_memo(w, job, &memo);
}

/* 401 and 403 are ours to mend: nothing is told, no patience is used up, and the log says it. */
static void
wait_for_access(struct worker *w, struct job *job, const struct answer *a)
{
    const struct integrator *n = w->own;

    log_error("the endpoint refuses our credentials; waiting", LOG_I("code", a->code),
              LOG_S("nomor", job->subject));
    next_step(job, job->step, w->now_us + n->pace.max_ms * 1000, reason_of(w, a));
}

/* ---- what Bedelau says ------------------------------------------------------------------------------------------- */

struct said {
    struct str id, status, alasan, kesalahan;
    int64_t urutan;
};

static struct said
read_said(struct worker *w, struct str body)
{
    static const char *const names[] = {"id_integrasi", "status", "alasan", "kesalahan", "urutan"};
    struct buf tmp = buf_make(1 << 20);
    struct str m[5] = {0};
    struct said s = {0};

    scan_pick(body, names, m, 5);
    s.id = arena_str(&w->arena, scan_string(m[0], &tmp));
    s.status = arena_str(&w->arena, scan_string(m[1], &tmp));
    s.alasan = arena_str(&w->arena, scan_string(m[2], &tmp));
    s.kesalahan = scan_kind(m[3]) == SCAN_ARRAY ? arena_str(&w->arena, m[3]) : STR_NULL;
    scan_int(m[4], &s.urutan);
    buf_free(&tmp);
    return s;
}

static bool
withdrawn(const struct berkas *b)
{
    struct dossier_view v;

    dossier_look(&b->d, &v);
    return v.cancelled && !v.completed;
}

static void
heed_urutan(struct urusan *u, int64_t urutan)
{
    if (urutan > u->urutan_bedelau)
        u->urutan_bedelau = urutan;
}

/* Tells a state of Bedelau's where it is new, and ends the job where it is an end. */
static void
take_status(struct worker *w, struct berkas *b, struct job *job, const struct finding *f)
{
    struct memo memo = read_memo(w, job);

    if (f->id_integrasi.n)
        memo.id = f->id_integrasi;
    if (f->type != FACT_I_REGISTERED || !str_eq(memo.told, f->status))
        outcome_tell(w, b, job, f);
    memo.told = f->status;
    write_memo(w, job, &memo);
    if (f->type != FACT_I_REGISTERED)
        finish(job);
}

static void take_kept_callbacks(struct worker *w, struct berkas *b, struct job *job);

/* 200, 201, 202, or found when asked: the registration is there. */
static void
registered(struct worker *w, struct berkas *b, struct job *job, const struct answer *a, const struct said *s)
{
    const struct integrator *n = w->own;
    struct urusan *u = b->more;
    struct finding f = {.type = outcome_of_status(s->status),
                        .id_integrasi = s->id,
                        .status = s->status,
                        .alasan = s->alasan,
                        .urutan_bedelau = s->urutan,
                        .kode_http = a->code,
                        .time_us = w->now_us};
    int64_t wait_ms = poll_wait_ms(n, a);

    u->id_integrasi = s->id;
    b->dirty = true;
    heed_urutan(u, s->urutan);
    if (withdrawn(b)) {
        struct memo memo = read_memo(w, job);

        memo.id = s->id;
        write_memo(w, job, &memo);
        next_step(job, STR("cancel"), w->now_us, STR("dibatalkan oleh pemohon"));
        return;
    }
    if (f.type == FACT_I_CANCELLED)
        f.type = FACT_I_FAILED; /* switched off before it was ever on */
    take_status(w, b, job, &f);
    if (!job->done)
        next_step(job, STR("poll"), w->now_us + wait_ms * 1000, STR("menunggu Bedelau"));
    take_kept_callbacks(w, b, job);
}

static void
rejected(struct worker *w, struct berkas *b, struct job *job, const struct answer *a, const struct said *s)
{
    struct finding f = {.type = FACT_I_REJECTED,
                        .alasan = s->alasan,
                        .kesalahan = s->kesalahan,
                        .kode_http = a->code,
                        .time_us = w->now_us};

    outcome_tell(w, b, job, &f);
    finish(job);
}

static void
cancelled(struct worker *w, struct berkas *b, struct job *job, const struct answer *a)
{
    struct finding f = {.type = FACT_I_CANCELLED,
                        .alasan = STR("dibatalkan oleh pemohon"),
                        .kode_http = a->code,
                        .time_us = w->now_us};

    if (!withdrawn(b))
        stop_rename(job, &f);
    outcome_tell(w, b, job, &f);
    finish(job);
}

/* ---- answers, by step -------------------------------------------------------------------------------------------- */

static struct str
body_of(const struct answer *a)
{
    struct err e = {0};
    struct str body = {a->body, a->body_len};

    return body.n && scan_document(body, &e) == RES_OK ? body : STR("{}");
}

static void
after_send(struct worker *w, struct berkas *b, struct job *job, const struct answer *a)
{
    struct said s = read_said(w, body_of(a));

    if (a->fate == CLIENT_UNKNOWN)
        park(w, b, job, a, STR("ask"));
    else if (a->fate == CLIENT_NOT_SENT)
        park(w, b, job, a, STR("send"));
    else if (a->code >= 200 && a->code <= 202 && s.id.n)
        registered(w, b, job, a, &s);
    else if (a->code == 400 || a->code == 422)
        rejected(w, b, job, a, &s);
    else if (a->code == 401 || a->code == 403)
        wait_for_access(w, job, a);
    else if (a->code == 409) {
        struct memo memo = read_memo(w, job);

        memo.conflict = true;
        write_memo(w, job, &memo);
        next_step(job, STR("ask"), w->now_us, reason_of(w, a));
    } else
        park(w, b, job, a, a->code >= 200 && a->code < 300 ? STR("ask") : STR("send"));
}

/* Our own registration in the list, newest first. */
static bool
find_ours(const struct job *job, struct str list, struct str *ret)
{
    static const char *const names[] = {"nomor_permohonan", "revisi", "putaran"};

    for (struct scan_iter it = scan_iter(list); scan_next(&it);) {
        struct str m[3];
        char key[160];

        if (!scan_pick(it.value, names, m, 3) || m[0].n < 2)
            continue;
        snprintf(key, sizeof key, "%.*s:%.*s:%.*s", (int)m[0].n - 2, m[0].p + 1, STR_FMT(m[1]),
                 STR_FMT(m[2]));
        if (str_is(job->key, key)) {
            *ret = it.value;
            return true;
        }
    }
    return false;
}

static void
after_ask(struct worker *w, struct berkas *b, struct job *job, const struct answer *a)
{
    struct str found;
    struct said s;

    if (a->fate != CLIENT_ANSWERED || (a->code != 200 && a->code != 404)) {
        if (a->code == 401 || a->code == 403)
            wait_for_access(w, job, a);
        else
            park(w, b, job, a, STR("ask"));
        return;
    }
    if (a->code == 200 && find_ours(job, body_of(a), &found)) {
        s = read_said(w, found);
        registered(w, b, job, a, &s);
    } else if (withdrawn(b)) {
        cancelled(w, b, job, a);
    } else if (read_memo(w, job).conflict) {
        s = (struct said){.alasan = STR("nomor ini sudah terdaftar di Bedelau untuk permohonan lain")};
        rejected(w, b, job, a, &s);
    } else {
        next_step(job, STR("send"), w->now_us, STR("belum ada di Bedelau"));
    }
}

static void
after_poll(struct worker *w, struct berkas *b, struct job *job, const struct answer *a)
{
    struct said s = read_said(w, body_of(a));

    if (a->fate == CLIENT_ANSWERED && a->code == 404)
        next_step(job, STR("ask"), w->now_us, reason_of(w, a));
    else if (a->fate == CLIENT_ANSWERED && a->code == 200 && s.id.n)
        registered(w, b, job, a, &s);
    else if (a->code == 401 || a->code == 403)
        wait_for_access(w, job, a);
    else
        park(w, b, job, a, STR("poll"));
}

static void
after_cancel(struct worker *w, struct berkas *b, struct job *job, const struct answer *a)
{
    if (a->fate == CLIENT_ANSWERED && a->code == 202)
        next_step(job, STR("cancel"), w->now_us + poll_wait_ms(w->own, a) * 1000,
                  STR("menunggu Bedelau")); /* not gone yet */
    else if (a->fate == CLIENT_ANSWERED && ((a->code >= 200 && a->code < 300) || a->code == 404))
        cancelled(w, b, job, a);
    else if (a->code == 401 || a->code == 403)
        wait_for_access(w, job, a);
    else
        park(w, b, job, a, STR("cancel"));
}

static struct job *
find_job(const struct urusan *u, struct str key)
{
    for (unsigned i = 0; i < u->njobs; i++)
        if (str_eq(u->jobs[i]->key, key) && !u->jobs[i]->done)
            return u->jobs[i];
    return NULL;
}

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

/* An answer whose lease is gone counts only when it found the thing itself; somebody else is asking already. */
static bool
counts_when_late(const struct job *job, const struct answer *a)
{
    struct str found;

    if (a->fate != CLIENT_ANSWERED || a->code < 200 || a->code > 204)
        return false;
    return strcmp(a->step, "ask") != 0 || find_ours(job, body_of(a), &found);
}

void
settle_answer(struct worker *w, struct berkas *b, const struct answer *a)
{
    static const struct {
        const char *step;
        void (*fn)(struct worker *w, struct berkas *b, struct job *job, const struct answer *a);
    } steps[] = {{"send", after_send}, {"ask", after_ask}, {"poll", after_poll}, {"cancel", after_cancel}};
    struct job *job = find_job(b->more, str_of(a->key));

    note_answer(w, a);
    if (!job || (job->lease != a->lease && !counts_when_late(job, a)))
        return; /* the job has ended, or is in other hands that will learn it themselves */
    for (unsigned i = 0; i < 4; i++)
        if (strcmp(a->step, steps[i].step) == 0)
            steps[i].fn(w, b, job, a);
}

static struct str
make_key(struct worker *w, const struct berkas *b, const struct fact *check)
{
    struct buf k = buf_make(256);
    struct str s;

    buf_printf(&k, "%.*s:%d:%d", STR_FMT(b->nomor), check->revisi, check->putaran);
    s = arena_str(&w->arena, buf_view(&k));
    buf_free(&k);
    return s;
}

/* ---- callbacks --------------------------------------------------------------------------------------------------- */

static void
take_callback(struct worker *w, struct berkas *b, struct job *job, const struct event *ev,
              const struct said *s)
{
    struct urusan *u = b->more;
    struct finding f = {.type = outcome_of_status(s->status),
                        .id_integrasi = s->id,
                        .status = s->status,
                        .alasan = s->alasan,
                        .urutan_bedelau = s->urutan,
                        .time_us = ev->fact.time_us,
                        .cause = ev};

    if (s->urutan <= u->urutan_bedelau)
        return; /* came late or twice: what is newer stands */
    heed_urutan(u, s->urutan);
    b->dirty = true;
    if (withdrawn(b))
        return; /* the DELETE that is under way decides */
    if (f.type == FACT_I_CANCELLED)
        f.type = FACT_I_FAILED;
    take_status(w, b, job, &f);
}

/* The job that registered this id. */
static struct job *
job_of_id(struct worker *w, const struct urusan *u, struct str id)
{
    for (unsigned i = 0; i < u->njobs; i++)
        if (!u->jobs[i]->done && str_eq(read_memo(w, u->jobs[i]).id, id))
            return u->jobs[i];
    return NULL;
}

static void
keep_callback(struct worker *w, struct berkas *b, const struct event *ev)
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

/* Callbacks that came before the registration's answer. */
static void
take_kept_callbacks(struct worker *w, struct berkas *b, struct job *job)
{
    static const char *const names[] = {"s", "i", "w", "d"};
    struct urusan *u = b->more;
    struct str kept = u->callbacks;

    u->callbacks = STR("");
    for (struct scan_iter it = scan_iter(kept); scan_next(&it) && !job->done;) {
        struct event ev = {0};
        struct str m[4];
        struct said s;

        scan_pick(it.value, names, m, 4);
        ev.ce.source = scan_text(&w->arena, m[0]);
        ev.ce.id = scan_text(&w->arena, m[1]);
        scan_int(m[2], &ev.fact.time_us);
        s = read_said(w, m[3]);
        if (str_eq(s.id, u->id_integrasi))
            take_callback(w, b, job, &ev, &s);
    }
}

static bool
was_cancelled(const struct berkas *b)
{
    struct dossier_view v;

    dossier_look(&b->d, &v);
    return v.status == STATUS_DIBATALKAN;
}

/* Bedelau goes on with what was cancelled: it is taken back once more (design, section 6). */
static void
cancel_again(struct worker *w, struct berkas *b, const struct said *s)
{
    struct urusan *u = b->more;
    struct dossier_view v;
    struct job *job;

    dossier_look(&b->d, &v);
    heed_urutan(u, s->urutan);
    b->dirty = true;
    if (!v.C || u->njobs == sizeof u->jobs / sizeof u->jobs[0])
        return;
    job = arena_new(&w->arena, sizeof *job);
    *job = (struct job){.key = make_key(w, b, v.C),
                        .subject = b->nomor,
                        .attempts = LATER_ATTEMPTS,
                        .deadline_us = INT64_MIN,
                        .quiet_us = INT64_MIN,
                        .fresh = true};
    write_memo(w, job, &(struct memo){.id = s->id, .told = s->status});
    next_step(job, STR("cancel"), w->now_us, STR("dibatalkan oleh pemohon"));
    u->jobs[u->njobs++] = job;
}

static void
on_callback(struct worker *w, struct berkas *b, const struct event *ev)
{
    struct urusan *u = b->more;
    struct said s = read_said(w, ev->ce.data);
    struct job *job = job_of_id(w, b->more, s.id);

    if (job)
        take_callback(w, b, job, ev, &s);
    else if (!str_eq(u->id_integrasi, s.id))
        keep_callback(w, b, ev);
    else if (outcome_of_status(s.status) != FACT_I_CANCELLED && s.urutan > u->urutan_bedelau &&
             was_cancelled(b))
        cancel_again(w, b, &s);
}

/* ---- facts ------------------------------------------------------------------------------------------------------- */

static void
on_form(struct worker *w, struct berkas *b, const struct event *ev)
{
    const struct integrator *n = w->own;
    struct map_ctx ctx[] = {{"url_callback", str_of(n->callback_url)}, {NULL, STR_NULL}};
    struct urusan *u = b->more;
    struct badan *body = arena_new(&w->arena, sizeof *body);
    struct buf out = buf_make(4 << 20);

    map_render(n->map, ev->ce.data, ctx, &out);
    *body = (struct badan){.source = arena_str(&w->arena, ev->ce.source),
                           .id = arena_str(&w->arena, ev->ce.id),
                           .body = arena_str(&w->arena, buf_view(&out)),
                           .next = u->bodies};
    u->bodies = body;
    b->dirty = true;
    buf_free(&out);
}

/* Clock 3 as the deadline worker has it: the jobs' own deadline, unless something newer was heeded. */
static void
on_deadline(struct worker *w, struct berkas *b, const struct event *ev)
{
    struct urusan *u = b->more;
    struct str batas = scan_string(scan_get(ev->ce.data, "batas"), NULL);
    int64_t t;

    if (ev->fact.tahap != TAHAP_INTEGRASI || ev->fact.keadaan != KEADAAN_BERJALAN ||
        !caltime_parse(batas, &t))
        return;
    if (ev->fact.urutan > u->batas_urutan) {
        u->batas_us = t;
        u->batas_urutan = ev->fact.urutan;
    }
    for (unsigned i = 0; i < u->njobs; i++) {
        struct memo memo = read_memo(w, u->jobs[i]);

        if (ev->fact.urutan <= memo.clock)
            continue;
        memo.clock = ev->fact.urutan;
        u->jobs[i]->deadline_us = t;
        write_memo(w, u->jobs[i], &memo);
    }
}

void
settle_fact(struct worker *w, struct berkas *b, const struct event *ev)
{
    if (ev->fact.type == FACT_CALLBACK) {
        on_callback(w, b, ev);
    } else if (ev->fact.type == FACT_DEADLINE) {
        on_deadline(w, b, ev);
    } else {
        b->dirty |= dossier_add(&b->d, &ev->fact);
        ((struct urusan *)b->more)->trace = ev->ce.traceparent;
        if (ev->fact.type == FACT_SUBMITTED)
            on_form(w, b, ev);
    }
}

/* ---- new jobs, withdrawals --------------------------------------------------------------------------------------- */

static const struct badan *
body_for(const struct urusan *u, const struct fact *check)
{
    for (const struct badan *body = u->bodies; body; body = body->next)
        if (str_eq(body->source, check->sumber_pengajuan) && str_eq(body->id, check->id_pengajuan))
            return body;
    return NULL;
}

static int64_t
first_deadline(const struct worker *w, const struct berkas *b, const struct fact *check)
{
    const struct integrator *n = w->own;
    const struct urusan *u = b->more;
    struct err e = {0};
    int64_t due;

    if (u->batas_us != INT64_MIN)
        return u->batas_us;
    return calendar_due(n->cal, check->time_us, n->term, &due, &e) == RES_OK ? due : INT64_MIN;
}

static void
create_job(struct worker *w, struct berkas *b, const struct fact *check)
{
    struct urusan *u = b->more;
    const struct badan *body = body_for(u, check);
    struct job *job;

    if (!body || u->njobs == sizeof u->jobs / sizeof u->jobs[0])
        return; /* the form is still on its way */
    job = arena_new(&w->arena, sizeof *job);
    *job = (struct job){.key = make_key(w, b, check),
                        .subject = b->nomor,
                        .step = STR("send"),
                        .due_us = w->now_us,
                        .deadline_us = first_deadline(w, b, check),
                        .quiet_us = INT64_MIN,
                        .body = body->body,
                        .fresh = true};
    write_memo(w, job, &(struct memo){.trace = u->trace, .clock = u->batas_urutan});
    jobs_bear(((struct integrator *)w->own)->jobs, job);
    u->jobs[u->njobs++] = job;
}

/* A withdrawal stops what has not begun, asks where it is not known, and takes back what is there. */
static void
withdraw(struct worker *w, struct berkas *b)
{
    struct urusan *u = b->more;

    for (unsigned i = 0; i < u->njobs; i++) {
        struct job *job = u->jobs[i];

        if (job->done || job->lease || str_is(job->step, "cancel"))
            continue;
        if (read_memo(w, job).id.n)
            next_step(job, STR("cancel"), w->now_us, STR("dibatalkan oleh pemohon"));
        else if (job->attempts == 0)
            cancelled(w, b, job, &(struct answer){.code = 0});
        else if (!str_is(job->step, "ask"))
            next_step(job, STR("ask"), job->quiet_us > w->now_us ? job->quiet_us : w->now_us,
                      STR("dibatalkan oleh pemohon"));
    }
}

void
settle_request(struct worker *w, struct berkas *b)
{
    struct dossier_view v;
    struct urusan *u = b->more;

    dossier_look(&b->d, &v);
    if (v.completed)
        return;
    if (v.cancelled)
        withdraw(w, b);
    else if (v.C && v.C->putusan == PUTUSAN_DITERIMA && !v.I && !find_job(u, make_key(w, b, v.C)))
        create_job(w, b, v.C);
}
