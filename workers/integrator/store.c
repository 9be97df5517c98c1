#include "workers/integrator/integrator.h"

static const struct pg_stmt bodies_stmt = {
    "integrator_bodies", "select nomor_permohonan, source, id, body, jenis, asal from integration_body "
                         "where nomor_permohonan = any($1::text[])"};
static const struct pg_stmt body_stmt = {
    "integrator_body", "insert into integration_body (nomor_permohonan, source, id, body, jenis, asal) "
                       "select n, s, i, b, j, nullif(a, '') from unnest($1::text[], $2::text[], $3::text[], "
                       "$4::bytea[], $5::text[], "
                       "$6::text[]) u(n, s, i, b, j, a) on conflict do nothing"};
/* Whoever waits for a request that was told as completed looks again at once. Those jobs belong to other requests, so
 * nothing but the time is touched, and a job that somebody holds is passed by: its holder looks by itself. (The sums keep
 * the tests from the indexes of due_at and of what nobody holds, which would be read whole though mostly nobody waits.) */
static const struct pg_stmt stir_stmt = {
    "integrator_stir", "update job_integrator set due_at = $2::timestamptz where key in "
                       "(select j.key from job_integrator j where j.subject = any(array("
                       "select nomor_permohonan from integration where asal = any($1::text[]))) "
                       "and j.step in ('wait', 'poll') and j.lease + 0 = 0 "
                       "and j.due_at + interval '0' > $2::timestamptz for update skip locked) returning 1"};

/* the length makes one text of two that are free */
const char store_kept_body[] =
    "select f.body from integration_body f where f.nomor_permohonan = u.subject and "
    "octet_length(f.source) || ':' || f.source || f.id = u.body_ref";

struct str
store_ref(struct worker *w, const struct badan *body)
{
    struct buf b = buf_make(16384);
    struct str ref;

    buf_printf(&b, "%zu:", body->source.n);
    buf_str(&b, body->source);
    buf_str(&b, body->id);
    ref = arena_str(&w->arena, buf_view(&b));
    buf_free(&b);
    return ref;
}

const struct worker_column store_columns[] = {
    {"callbacks", PG_TEXT, offsetof(struct urusan, callbacks)},
    {"id_integrasi", PG_TEXT, offsetof(struct urusan, id_integrasi)},
    {"urutan_bedelau", PG_INT8, offsetof(struct urusan, urutan_bedelau)},
    {"jenis", PG_TEXT, offsetof(struct urusan, nama_jenis)},
    {"asal", PG_TEXT, offsetof(struct urusan, asal)},
    {NULL, PG_TEXT, 0},
};

/* ---- reading ---------------------------------------------------------------------------------------------------- */

void
store_make(struct berkas *b)
{
    struct urusan *u = b->more;

    u->callbacks = STR("");
    u->urutan_bedelau = -1;
    u->batas_us = INT64_MIN;
}

void
store_read(struct worker *w, struct berkas *b, const PGresult *r, int row)
{
    struct urusan *u = b->more;

    u->callbacks = arena_str(&w->arena, pg_text(r, row, 3));
    u->id_integrasi = arena_str(&w->arena, pg_text(r, row, 4));
    u->urutan_bedelau = pg_int(r, row, 5);
    u->jenis = jenis_of(pg_text(r, row, 6));
    u->asal = arena_str(&w->arena, pg_text(r, row, 7));
}

static void
on_bodies(void *arg, const PGresult *r)
{
    struct worker *w = arg;

    for (int i = 0; i < PQntuples(r); i++) {
        struct berkas *b = worker_find(w, pg_text(r, i, 0));
        struct badan *body = arena_new(&w->arena, sizeof *body);
        struct urusan *u = b ? b->more : NULL;

        if (!u)
            continue;
        *body = (struct badan){.source = arena_str(&w->arena, pg_text(r, i, 1)),
                               .id = arena_str(&w->arena, pg_text(r, i, 2)),
                               .body = arena_str(&w->arena, pg_text(r, i, 3)),
                               .jenis = jenis_of(pg_text(r, i, 4)),
                               .asal = arena_str(&w->arena, pg_text(r, i, 5)),
                               .stored = true,
                               .next = u->bodies};
        u->bodies = body;
    }
}

static void
on_job(void *arg, struct job *job)
{
    struct worker *w = arg;
    struct berkas *b = worker_find(w, job->subject);
    struct urusan *u = b ? b->more : NULL;

    if (u && u->njobs < sizeof u->jobs / sizeof u->jobs[0])
        u->jobs[u->njobs++] = job;
}

/* Bodies are needed where a decision came. */
static size_t
decided(const struct flow_batch *b, struct pg_args *a)
{
    size_t n = 0;

    pg_args_reset(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < b->n; i++) {
        const struct event *ev = flow_live(&b->items[i]) ? item_event(&b->items[i]) : NULL;

        if (ev && ev->fact.type == FACT_CHECK) {
            pg_elem_text(a, ev->subject);
            n++;
        }
    }
    pg_array_end(a);
    return n;
}

void
store_load(struct worker *w, const struct flow_batch *b)
{
    struct integrator *n = w->own;
    struct str *subjects = arena_new(&w->arena, (w->n + 1) * sizeof *subjects);
    struct jobs_query q = {subjects, w->n, &w->arena, on_job, w};

    for (size_t i = 0; i < w->n; i++)
        subjects[i] = w->all[i].nomor;
    n->answers = arena_new(&w->arena, (b->n + 1) * sizeof *n->answers);
    n->nanswers = 0;
    if (decided(b, &w->args))
        pg_send(w->app->pg, &bodies_stmt, &w->args, on_bodies, w);
    jobs_load(n->jobs, &q);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* One column of all new bodies. */
static void
put_bodies(struct worker *w, enum pg_oid oid, unsigned column)
{
    pg_array(&w->args, oid);
    for (size_t i = 0; i < w->n; i++)
        for (const struct badan *k = ((struct urusan *)w->all[i].more)->bodies; k; k = k->next) {
            const struct str all[] = {w->all[i].nomor,
                                      k->source,
                                      k->id,
                                      k->body,
                                      str_of(jenis_name(k->jenis)),
                                      k->asal.p ? k->asal : STR("")};

            if (!k->stored)
                pg_elem_text(&w->args, all[column]);
        }
    pg_array_end(&w->args);
}

static bool
any_new_body(const struct worker *w)
{
    for (size_t i = 0; i < w->n; i++)
        for (const struct badan *k = ((struct urusan *)w->all[i].more)->bodies; k; k = k->next)
            if (!k->stored)
                return true;
    return false;
}

static void
write_bodies(struct worker *w)
{
    static const enum pg_oid oids[] = {PG_TEXT, PG_TEXT, PG_TEXT, PG_BYTEA, PG_TEXT, PG_TEXT};

    if (!any_new_body(w))
        return;
    pg_args_reset(&w->args);
    for (unsigned i = 0; i < 6; i++)
        put_bodies(w, oids[i], i);
    pg_send(w->app->pg, &body_stmt, &w->args, NULL, NULL);
}

static void
write_rows(struct worker *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct urusan *u = w->all[i].more;

        u->nama_jenis = str_of(jenis_name(u->jenis));
        if (!u->asal.n)
            u->asal = STR_NULL;
    }
    worker_write(w);
}

static void
on_stirred(void *arg, const PGresult *r)
{
    const struct worker *w = arg;
    struct integrator *n = w->own;

    n->stirred |= PQntuples(r) > 0;
}

static void
stir(struct worker *w)
{
    bool any = false;

    pg_args_reset(&w->args);
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < w->n; i++)
        if (((struct urusan *)w->all[i].more)->stirred) {
            pg_elem_text(&w->args, w->all[i].nomor);
            any = true;
        }
    pg_array_end(&w->args);
    pg_arg_time(&w->args, w->now_us);
    if (any)
        pg_send(w->app->pg, &stir_stmt, &w->args, on_stirred, w);
}

void
store_write(struct worker *w)
{
    struct integrator *n = w->own;
    struct job **all = arena_new(&w->arena, (w->n * 8 + 1) * sizeof(struct job *));
    size_t count = 0;

    for (size_t i = 0; i < w->n; i++) {
        const struct urusan *u = w->all[i].more;

        for (unsigned k = 0; k < u->njobs; k++)
            all[count++] = u->jobs[k];
    }
    write_rows(w);
    write_bodies(w);
    jobs_save(n->jobs, all, count);
    if (n->nanswers)
        jobs_answered(n->jobs, n->answers, n->nanswers);
    stir(w);
    jobs_join(n->jobs);
}
