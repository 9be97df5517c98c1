#include "workers/projector/projector.h"

#include <stdlib.h>

#include "common/base/hash.h"
#include "workers/sop/record.h"
#include "workers/sop/rules/secret.h"

static const struct pg_stmt event_stmt = {
    "projector_event",
    "insert into event (source, id, type, subject, time, effective_at, topic, partition, kafka_offset, "
    "append_at, data, data_hash, chain, revisi) select unnest($1::text[]), unnest($2::text[]), "
    "unnest($3::text[]), unnest($4::text[]), unnest($5::timestamptz[]), unnest($6::timestamptz[]), "
    "unnest($7::text[]), unnest($8::int[]), unnest($9::bigint[]), unnest($10::timestamptz[]), "
    "unnest($11::text[]), unnest($12::bytea[]), unnest($13::bytea[]), unnest($14::int[])"}; /* see rows.c */
/* Of an event that came more than once the place that is first in its topics counts, whichever was read first. */
static const struct pg_stmt copy_stmt = {"projector_copy",
                                         "insert into event_copy (source, id, type, subject, topic, "
                                         "partition, kafka_offset, append_at, effective_at) "
                                         "select * from unnest($1::text[], $2::text[], $3::text[], "
                                         "$4::text[], $5::text[], $6::int[], $7::bigint[], "
                                         "$8::timestamptz[], $9::timestamptz[]) on conflict do nothing"};
static const struct pg_stmt clock_stmt = {
    "projector_clock",
    "insert into clock as c (nomor_permohonan, revisi, tahap, mulai, batas, satuan, status, berakhir, "
    "hari_terpakai, "
    "kalender, urutan) select * from unnest($1::text[], $2::int[], $3::text[], $4::timestamptz[], "
    "$5::timestamptz[], "
    "$6::text[], $7::text[], $8::timestamptz[], $9::int[], $10::text[], $11::bigint[]) "
    "on conflict (nomor_permohonan, revisi, tahap) do update set mulai = excluded.mulai, batas = "
    "excluded.batas, "
    "satuan = excluded.satuan, status = excluded.status, berakhir = excluded.berakhir, "
    "hari_terpakai = excluded.hari_terpakai, kalender = excluded.kalender, urutan = excluded.urutan "
    "where c.urutan < excluded.urutan"};
static const struct pg_stmt forgotten_stmt = {
    "projector_forgotten", "select nomor_permohonan from forgotten where nomor_permohonan = any($1::text[])"};
static const struct pg_stmt gone_stmt = {
    "projector_gone",
    "delete from clock c using unnest($1::text[], $2::int[], $3::text[]) u(nomor, revisi, tahap) "
    "where c.nomor_permohonan = u.nomor and c.revisi = u.revisi and c.tahap = u.tahap"};

/* ---- event ------------------------------------------------------------------------------------------------------ */

static void
put_texts(struct pg_args *a, const struct fresh *f, size_t n, size_t member)
{
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, *(const struct str *)(const void *)((const char *)item_event(f[i].it) + member));
    pg_array_end(a);
}

#define EVENT(member) offsetof(struct event, member)

/* Where the records lie: topic, partition, offset, append time. */
static void
put_place(struct pg_args *a, const struct fresh *f, size_t n)
{
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, str_of(rd_kafka_topic_name(f[i].it->rkm->rkt)));
    pg_array_end(a);
    pg_array(a, PG_INT4);
    for (size_t i = 0; i < n; i++)
        pg_elem_int4(a, f[i].it->rkm->partition);
    pg_array_end(a);
    pg_array(a, PG_INT8);
    for (size_t i = 0; i < n; i++)
        pg_elem_int8(a, f[i].it->rkm->offset);
    pg_array_end(a);
    pg_array(a, PG_TIME);
    for (size_t i = 0; i < n; i++)
        pg_elem_time(a, item_event(f[i].it)->fact.append.ms * 1000);
    pg_array_end(a);
}

static void
put_effective(struct pg_args *a, const struct fresh *f, size_t n)
{
    pg_array(a, PG_TIME);
    for (size_t i = 0; i < n; i++)
        pg_elem_time(a, item_event(f[i].it)->fact.time_us);
    pg_array_end(a);
}

static void
put_claimed(struct pg_args *a, const struct fresh *f, size_t n)
{
    pg_array(a, PG_TIME);
    for (size_t i = 0; i < n; i++)
        pg_elem_time(a, item_event(f[i].it)->ce.time_us);
    pg_array_end(a);
}

static struct str
data_of(const struct event *ev)
{
    return ev->ce.data.p ? ev->ce.data : STR("null");
}

/* A credential or NIK that a form should not have is not kept, and of a forgotten request no personal data; the hash
 * beside it is of the bytes that came. */
static void
put_masked(struct worker *w, const struct fresh *f)
{
    const struct projector *p = w->own;
    const struct flow_item *it = f->it;
    struct str data = data_of(item_event(it));
    struct buf masked = buf_make(data.n * 2 + 64);

    if (f->forgotten) {
        forget_data(p->lupa, item_event(it)->ce.type, data, &masked);
        data = masked.failed ? STR("null") : buf_view(&masked);
    } else if (fact_is_outside(item_event(it)->fact.type) && secret_mask(data, &masked))
        data = masked.failed ? STR("null") : buf_view(&masked);
    pg_elem_text(&w->args, data);
    buf_free(&masked);
}

static void
put_data(struct worker *w, const struct fresh *f, size_t n)
{
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        put_masked(w, &f[i]);
    pg_array_end(&w->args);
    pg_array(&w->args, PG_BYTEA);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(&w->args, (struct str){(const char *)f[i].hash, HASH_SIZE});
    pg_array_end(&w->args);
    pg_array(&w->args, PG_BYTEA);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(&w->args, (struct str){(const char *)f[i].chain, RECORD_CHAIN});
    pg_array_end(&w->args);
}

/* Of what revisi a fact is: its data say so, or else an attribute that the log does not keep. */
static void
put_revisi(struct pg_args *a, const struct fresh *f, size_t n)
{
    pg_array(a, PG_INT4);
    for (size_t i = 0; i < n; i++)
        pg_elem_int4(a, item_event(f[i].it)->fact.revisi);
    pg_array_end(a);
}

void
log_prepare(struct worker *w, struct event *ev)
{
    ev->more = malloc(HASH_SIZE);
    if (!ev->more)
        abort(); /* as an arena does */
    hash_add(w->hash, data_of(ev));
    hash_end(w->hash, ev->more);
}

void
log_add(struct worker *w, struct berkas *b, struct flow_item *it)
{
    struct projector *p = w->own;
    struct record *r = &((struct catatan *)b->more)->rec;
    const struct event *ev = item_event(it);
    struct fresh *f = &p->fresh[p->nfresh++];
    struct record_link link = {ev->ce.source,
                               ev->ce.id,
                               ev->ce.type,
                               {(const char *)f->hash, HASH_SIZE},
                               ev->fact.time_us,
                               ev->fact.append.ms * 1000,
                               str_of(rd_kafka_topic_name(it->rkm->rkt)),
                               it->rkm->partition,
                               it->rkm->offset};

    f->it = it;
    f->forgotten = ((struct catatan *)b->more)->forgotten;
    memcpy(f->hash, ev->more, HASH_SIZE);
    record_chain_with(r->chain, &link, w->hash, f->chain);
    r->chain = (struct str){(const char *)f->chain, RECORD_CHAIN};
}

void
log_write_events(struct worker *w)
{
    struct projector *p = w->own;

    if (!p->nfresh)
        return;
    pg_args_reset(&w->args);
    put_texts(&w->args, p->fresh, p->nfresh, EVENT(ce.source));
    put_texts(&w->args, p->fresh, p->nfresh, EVENT(ce.id));
    put_texts(&w->args, p->fresh, p->nfresh, EVENT(ce.type));
    put_texts(&w->args, p->fresh, p->nfresh, EVENT(subject));
    put_claimed(&w->args, p->fresh, p->nfresh);
    put_effective(&w->args, p->fresh, p->nfresh);
    put_place(&w->args, p->fresh, p->nfresh);
    put_data(w, p->fresh, p->nfresh);
    put_revisi(&w->args, p->fresh, p->nfresh);
    pg_send(w->app->pg, &event_stmt, &w->args, NULL, NULL);
    metric_add(p->m_events, (double)p->nfresh);
}

void
log_write_copies(struct worker *w)
{
    struct projector *p = w->own;

    if (!p->ncopies)
        return;
    pg_args_reset(&w->args);
    put_texts(&w->args, p->copies, p->ncopies, EVENT(ce.source));
    put_texts(&w->args, p->copies, p->ncopies, EVENT(ce.id));
    put_texts(&w->args, p->copies, p->ncopies, EVENT(ce.type));
    put_texts(&w->args, p->copies, p->ncopies, EVENT(subject));
    put_place(&w->args, p->copies, p->ncopies);
    put_effective(&w->args, p->copies, p->ncopies);
    pg_send(w->app->pg, &copy_stmt, &w->args, NULL, NULL);
}

static void
on_forgotten(void *arg, const PGresult *r)
{
    struct worker *w = arg;

    for (int i = 0; i < PQntuples(r); i++) {
        struct berkas *b = worker_find(w, pg_text(r, i, 0));

        if (b)
            ((struct catatan *)b->more)->forgotten = true;
    }
}

void
log_ask_forgotten(struct worker *w)
{
    pg_args_reset(&w->args);
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < w->n; i++)
        pg_elem_text(&w->args, w->all[i].nomor);
    pg_array_end(&w->args);
    pg_send(w->app->pg, &forgotten_stmt, &w->args, on_forgotten, w);
}

/* ---- clock ------------------------------------------------------------------------------------------------------ */

/* By key, then the newest first. */
static int
by_clock(const void *a, const void *b)
{
    const struct record_clock *x = a;
    const struct record_clock *y = b;
    int c = str_cmp(x->nomor, y->nomor);

    if (c)
        return c;
    if (x->f->revisi != y->f->revisi)
        return x->f->revisi < y->f->revisi ? -1 : 1;
    if (x->f->tahap != y->f->tahap)
        return x->f->tahap < y->f->tahap ? -1 : 1;
    return (x->f->urutan < y->f->urutan) - (x->f->urutan > y->f->urutan);
}

static bool
same_clock(const struct record_clock *a, const struct record_clock *b)
{
    return str_eq(a->nomor, b->nomor) && a->f->revisi == b->f->revisi && a->f->tahap == b->f->tahap;
}

/* One row per clock: the newest. Returns how many. */
static size_t
gather_clocks(struct worker *w, struct record_clock *rows)
{
    struct projector *p = w->own;
    size_t n = 0;
    size_t kept = 0;

    for (size_t i = 0; i < p->nclocks; i++)
        n += record_clock(p->clocks[i], p->clock_of[i]->nomor, &rows[n]);
    qsort(rows, n, sizeof *rows, by_clock);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !same_clock(&rows[kept - 1], &rows[i]))
            rows[kept++] = rows[i];
    return kept;
}

/* Moves the rows that are to go behind the others; returns how many stay. */
static size_t
part_gone(struct record_clock *rows, size_t n)
{
    size_t stay = 0;

    for (size_t i = 0; i < n; i++) {
        struct record_clock r = rows[i];

        if (r.gone)
            continue;
        rows[i] = rows[stay];
        rows[stay++] = r;
    }
    return stay;
}

void
log_write_clocks(struct worker *w)
{
    struct projector *p = w->own;
    struct record_clock *rows = arena_new(&w->arena, (p->nclocks + 1) * sizeof *rows);
    size_t n = gather_clocks(w, rows);
    size_t stay = part_gone(rows, n);

    if (stay) {
        pg_args_reset(&w->args);
        record_put_clocks(&w->args, rows, stay);
        pg_send(w->app->pg, &clock_stmt, &w->args, NULL, NULL);
    }
    if (stay < n) {
        pg_args_reset(&w->args);
        record_put_clock_keys(&w->args, rows + stay, n - stay);
        pg_send(w->app->pg, &gone_stmt, &w->args, NULL, NULL);
    }
}
