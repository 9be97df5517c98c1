#include "workers/integrator/integrator.h"

static const struct pg_stmt bodies_stmt = {"integrator_bodies",
                                           "select nomor_permohonan, source, id, body from integration_body "
                                           "where nomor_permohonan = any($1::text[])"};
static const struct pg_stmt body_stmt = {
    "integrator_body",
    "insert into integration_body (nomor_permohonan, source, id, body) "
    "select * from unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) on conflict do nothing"};
const struct worker_column store_columns[] = {
    {"callbacks", PG_TEXT, offsetof(struct urusan, callbacks)},
    {"id_integrasi", PG_TEXT, offsetof(struct urusan, id_integrasi)},
    {"urutan_bedelau", PG_INT8, offsetof(struct urusan, urutan_bedelau)},
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
            const struct str all[] = {w->all[i].nomor, k->source, k->id, k->body};

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
    static const enum pg_oid oids[] = {PG_TEXT, PG_TEXT, PG_TEXT, PG_BYTEA};

    if (!any_new_body(w))
        return;
    pg_args_reset(&w->args);
    for (unsigned i = 0; i < 4; i++)
        put_bodies(w, oids[i], i);
    pg_send(w->app->pg, &body_stmt, &w->args, NULL, NULL);
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
    worker_write(w);
    write_bodies(w);
    jobs_save(n->jobs, all, count);
    if (n->nanswers)
        jobs_answered(n->jobs, n->answers, n->nanswers);
    jobs_join(n->jobs);
}
