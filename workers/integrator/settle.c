/* settle: facts of one request meet here, under its row lock, and what follows from all of them. */
#include "common/base/caltime.h"
#include "common/calendar/almanac.h"
#include "common/json/scan.h"
#include "workers/integrator/encode.h"
#include "workers/integrator/settle_priv.h"
#include "workers/sop/clocks.h"

bool
settle_withdrawn(const struct berkas *b)
{
    struct dossier_view v;

    dossier_look(&b->d, &v);
    return v.cancelled && !v.completed;
}

static bool
went_well(const struct answer *a)
{
    return a->key[0] && a->fate == CLIENT_ANSWERED && !a->sick && a->code < 500;
}

/* Calls end while this batch is in its transaction, and while the next is: twice as many as ended before it may wait, so
 * that their places do not stay empty. Where an endpoint is slow or ill, that is none or a few.
 * The answer to a change or an ending is about two requests: the original's row is locked too, in key order. */
void
settle_begin(struct worker *w, const struct flow_batch *b)
{
    struct integrator *n = w->own;
    unsigned well = 0;

    for (size_t i = 0; i < b->n; i++) {
        const struct answer *a = flow_live(&b->items[i]) && !b->items[i].rkm ? b->items[i].mine : NULL;

        well += a && went_well(a);
        if (a && a->asal[0])
            worker_also(w, arena_str(&w->arena, str_of(a->asal)));
    }
    n->ahead = 2 * (well < (unsigned)n->in_flight ? well : (unsigned)n->in_flight);
}

/* ---- facts ------------------------------------------------------------------------------------------------------- */

static void
read_kind(struct worker *w, struct str form, struct badan *body)
{
    static const char *const names[] = {"jenis_pengajuan", "nomor_permohonan_asal"};
    struct str m[2] = {0};
    struct str asal;

    scan_pick(form, names, m, 2);
    body->jenis = jenis_of(scan_text(&w->arena, m[0]));
    asal = scan_text(&w->arena, m[1]);
    if (body->jenis != JENIS_BARU && nomor_ok(asal))
        body->asal = asal;
}

static const struct badan *
body_of(const struct urusan *u, struct str source, struct str id)
{
    for (const struct badan *body = u->bodies; body; body = body->next)
        if (str_eq(body->source, source) && str_eq(body->id, id))
            return body;
    return NULL;
}

static void
on_form(struct worker *w, struct berkas *b, const struct event *ev)
{
    const struct integrator *n = w->own;
    struct map_ctx ctx[] = {{"url_callback", str_of(n->callback_url)}, {NULL, STR_NULL}};
    struct urusan *u = b->more;
    struct badan *body = arena_new(&w->arena, sizeof *body);
    struct buf out = buf_make(4 << 20);
    struct buf form = buf_make(8 << 20);

    map_render(n->map, ev->ce.data, ctx, &out);
    *body = (struct badan){.source = arena_str(&w->arena, ev->ce.source),
                           .id = arena_str(&w->arena, ev->ce.id),
                           .next = u->bodies};
    read_kind(w, ev->ce.data, body);
    if (contract_form(n->contract, CALL_BARU + (enum panggilan)body->jenis))
        encode_form(buf_view(&out), &form);
    body->body = arena_str(&w->arena, buf_view(form.n ? &form : &out));
    u->bodies = body;
    b->dirty = true;
    buf_free(&out);
    buf_free(&form);
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
        struct memo memo = memo_read(w, u->jobs[i]);

        if (ev->fact.urutan <= memo.clock)
            continue;
        memo.clock = ev->fact.urutan;
        u->jobs[i]->deadline_us = t;
        memo_write(w, u->jobs[i], &memo);
    }
}

void
settle_fact(struct worker *w, struct berkas *b, const struct event *ev)
{
    if (ev->fact.type == FACT_CALLBACK) {
        callback_take(w, b, ev);
    } else if (ev->fact.type == FACT_DEADLINE) {
        on_deadline(w, b, ev);
    } else if (dossier_add(&b->d, &ev->fact)) {
        b->dirty = true;
        ((struct urusan *)b->more)->trace = ev->ce.traceparent;
        if (ev->fact.type == FACT_SUBMITTED && !body_of(b->more, ev->ce.source, ev->ce.id))
            on_form(w, b, ev);
    }
}

/* ---- new jobs, withdrawals --------------------------------------------------------------------------------------- */

/* Clock 3 as the deadline worker will compute it, from the same facts by the same terms. */
static int64_t
first_deadline(const struct worker *w, const struct berkas *b, const struct dossier_view *v)
{
    const struct urusan *u = b->more;
    const struct clock_rules rules = {
        .cal = almanac_newest(w->almanac), .past = w->almanac, .terms = w->terms, .read_us = INT64_MIN};
    struct err e = {0};
    struct jam k;

    if (u->batas_us != INT64_MIN)
        return u->batas_us;
    return clocks_find(v, &rules, v->C->revisi, TAHAP_INTEGRASI, &k, &e) ? k.batas_us : INT64_MIN;
}

/* A change or an ending first looks for the id of its original, whose row this transaction has not. */
static void
create_job(struct worker *w, struct berkas *b, const struct dossier_view *v)
{
    const struct fact *check = v->C;
    struct urusan *u = b->more;
    const struct badan *body = body_of(u, check->sumber_pengajuan, check->id_pengajuan);
    struct job *job;

    if (!body || !job_room(u))
        return; /* the form is still on its way */
    u->jenis = body->jenis;
    u->asal = body->asal;
    b->dirty = true;
    job = arena_new(&w->arena, sizeof *job);
    *job = (struct job){.key = job_key(w, b, check->revisi, check->putaran),
                        .subject = b->nomor,
                        .step = body->jenis == JENIS_BARU ? STR("send") : STR("wait"),
                        .due_us = w->now_us,
                        .deadline_us = first_deadline(w, b, v),
                        .quiet_us = INT64_MIN,
                        .body = body->body,
                        .ref = store_ref(w, body),
                        .fresh = true};
    memo_write(w, job,
               &(struct memo){
                   .trace = u->trace, .clock = u->batas_urutan, .jenis = body->jenis, .asal = body->asal});
    jobs_bear(((struct integrator *)w->own)->jobs, job);
    u->jobs[u->njobs++] = job;
}

/* A withdrawal stops what has not begun, asks where it is not known, and takes back what is there. What a change or an
 * ending has begun is followed to its end: it cannot be taken back. */
static void
withdraw(struct worker *w, struct berkas *b)
{
    struct urusan *u = b->more;

    for (unsigned i = 0; i < u->njobs; i++) {
        struct job *job = u->jobs[i];
        struct memo memo;

        if (job->done || job->lease || str_is(job->step, "cancel"))
            continue;
        memo = memo_read(w, job);
        if (job->attempts == memo.idle)
            there_cancelled(w, b, job, 0);
        else if (memo.id.n && memo.jenis == JENIS_BARU)
            job_next(job, STR("cancel"), w->now_us, STR("dibatalkan oleh pemohon"));
        else if (!str_is(job->step, "ask") && !str_is(job->step, "poll"))
            job_next(job, STR("ask"), job->quiet_us > w->now_us ? job->quiet_us : w->now_us,
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
    else if (v.C && v.C->putusan == PUTUSAN_DITERIMA && !v.I &&
             !job_find(u, job_key(w, b, v.C->revisi, v.C->putaran)))
        create_job(w, b, &v);
}
