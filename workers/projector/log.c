#include "workers/projector/projector.h"

#include <stdlib.h>

#include "common/base/caltime.h"
#include "common/base/hash.h"
#include "common/json/scan.h"
#include "workers/sop/rules/secret.h"

static const struct pg_stmt event_stmt = {
    "projector_event",
    "insert into event (source, id, type, subject, time, effective_at, topic, partition, kafka_offset, "
    "append_at, data, "
    "data_hash) select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], "
    "$6::timestamptz[], $7::text[], $8::int[], $9::bigint[], $10::timestamptz[], $11::text[], $12::bytea[])"};
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
static const struct pg_stmt gone_stmt = {
    "projector_gone",
    "delete from clock c using unnest($1::text[], $2::int[], $3::text[]) u(nomor, revisi, tahap) "
    "where c.nomor_permohonan = u.nomor and c.revisi = u.revisi and c.tahap = u.tahap"};

/* ---- event ------------------------------------------------------------------------------------------------------ */

static struct str
text_of(const struct flow_item *it, unsigned column)
{
    const struct event *ev = item_event(it);
    const struct str all[] = {ev->ce.source, ev->ce.id, ev->ce.type, ev->subject};

    return all[column];
}

static void
put_event_texts(struct worker *w, const struct projector *p, unsigned column)
{
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < p->nfresh; i++)
        pg_elem_text(&w->args, text_of(p->fresh[i], column));
    pg_array_end(&w->args);
}

static void
put_event_times(struct worker *w, const struct projector *p)
{
    pg_array(&w->args, PG_TIME);
    for (size_t i = 0; i < p->nfresh; i++)
        pg_elem_time(&w->args, item_event(p->fresh[i])->ce.time_us);
    pg_array_end(&w->args);
    pg_array(&w->args, PG_TIME);
    for (size_t i = 0; i < p->nfresh; i++)
        pg_elem_time(&w->args, item_event(p->fresh[i])->fact.time_us);
    pg_array_end(&w->args);
}

static void
put_event_place(struct worker *w, const struct projector *p)
{
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < p->nfresh; i++)
        pg_elem_text(&w->args, str_of(rd_kafka_topic_name(p->fresh[i]->rkm->rkt)));
    pg_array_end(&w->args);
    pg_array(&w->args, PG_INT4);
    for (size_t i = 0; i < p->nfresh; i++)
        pg_elem_int4(&w->args, p->fresh[i]->rkm->partition);
    pg_array_end(&w->args);
    pg_array(&w->args, PG_INT8);
    for (size_t i = 0; i < p->nfresh; i++)
        pg_elem_int8(&w->args, p->fresh[i]->rkm->offset);
    pg_array_end(&w->args);
    pg_array(&w->args, PG_TIME);
    for (size_t i = 0; i < p->nfresh; i++)
        pg_elem_time(&w->args, item_event(p->fresh[i])->fact.append.ms * 1000);
    pg_array_end(&w->args);
}

static struct str
data_of(const struct flow_item *it)
{
    struct str data = item_event(it)->ce.data;

    return data.p ? data : STR("null");
}

/* A credential or NIK that a form should not have is not kept; the hash beside it is of the bytes that came. */
static void
put_masked(struct worker *w, const struct flow_item *it)
{
    struct str data = data_of(it);
    struct buf masked = buf_make(data.n * 2 + 16);

    if (fact_is_outside(item_event(it)->fact.type) && secret_mask(data, &masked))
        data = masked.failed ? STR("null") : buf_view(&masked);
    pg_elem_text(&w->args, data);
    buf_free(&masked);
}

static void
put_event_data(struct worker *w, const struct projector *p)
{
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < p->nfresh; i++)
        put_masked(w, p->fresh[i]);
    pg_array_end(&w->args);
    pg_array(&w->args, PG_BYTEA);
    for (size_t i = 0; i < p->nfresh; i++) {
        unsigned char digest[HASH_SIZE];

        hash_sha256(data_of(p->fresh[i]), digest);
        pg_elem_text(&w->args, (struct str){(const char *)digest, HASH_SIZE});
    }
    pg_array_end(&w->args);
}

void
log_write_events(struct worker *w)
{
    struct projector *p = w->own;

    if (!p->nfresh)
        return;
    pg_args_reset(&w->args);
    for (unsigned i = 0; i < 4; i++)
        put_event_texts(w, p, i);
    put_event_times(w, p);
    put_event_place(w, p);
    put_event_data(w, p);
    pg_send(w->app->pg, &event_stmt, &w->args, NULL, NULL);
    metric_add(p->m_events, (double)p->nfresh);
}

/* ---- clock ------------------------------------------------------------------------------------------------------ */

struct clock_row {
    struct str nomor, satuan, kalender;
    const struct fact *f;
    int64_t mulai_us, batas_us, berakhir_us, terpakai;
    bool gone; /* it never was: see workers/deadline/change.c */
};

static int64_t
time_member(struct str raw)
{
    int64_t t;

    return scan_kind(raw) == SCAN_STRING && caltime_parse(scan_string(raw, NULL), &t) ? t : INT64_MIN;
}

static struct str
plain(struct str raw)
{
    return scan_kind(raw) == SCAN_STRING && raw.n >= 2 ? (struct str){raw.p + 1, raw.n - 2} : STR("");
}

static struct clock_row
read_clock(const struct fact *f, struct str nomor)
{
    static const char *const names[] = {"mulai",    "batas",         "berakhir",  "satuan",
                                        "kalender", "hari_terpakai", "ditiadakan"};
    struct clock_row c = {.nomor = nomor, .f = f};
    struct str m[7];

    scan_pick(f->jam, names, m, 7);
    c.mulai_us = time_member(m[0]);
    c.batas_us = time_member(m[1]);
    c.berakhir_us = time_member(m[2]);
    c.satuan = plain(m[3]);
    c.kalender = plain(m[4]);
    scan_int(m[5], &c.terpakai);
    c.gone = str_is(m[6], "true");
    return c;
}

/* By key, then the newest first. */
static int
by_clock(const void *a, const void *b)
{
    const struct clock_row *x = a;
    const struct clock_row *y = b;
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
same_clock(const struct clock_row *a, const struct clock_row *b)
{
    return str_eq(a->nomor, b->nomor) && a->f->revisi == b->f->revisi && a->f->tahap == b->f->tahap;
}

/* One row per clock: the newest. Returns how many. */
static size_t
gather_clocks(struct worker *w, struct clock_row *rows)
{
    struct projector *p = w->own;
    size_t n = 0;
    size_t kept = 0;

    for (size_t i = 0; i < p->nclocks; i++) {
        rows[n] = read_clock(p->clocks[i], p->clock_of[i]->nomor);
        n += rows[n].mulai_us != INT64_MIN && rows[n].batas_us != INT64_MIN;
    }
    qsort(rows, n, sizeof *rows, by_clock);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !same_clock(&rows[kept - 1], &rows[i]))
            rows[kept++] = rows[i];
    return kept;
}

static void
put_clock_keys(struct pg_args *a, const struct clock_row *rows, size_t n)
{
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, rows[i].nomor);
    pg_array_end(a);
    pg_array(a, PG_INT4);
    for (size_t i = 0; i < n; i++)
        pg_elem_int4(a, rows[i].f->revisi);
    pg_array_end(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, str_of(tahap_name(rows[i].f->tahap)));
    pg_array_end(a);
}

static void
put_clock_times(struct pg_args *a, const struct clock_row *rows, size_t n, size_t member)
{
    pg_array(a, PG_TIME);
    for (size_t i = 0; i < n; i++)
        pg_elem_time(a, *(const int64_t *)(const void *)((const char *)&rows[i] + member));
    pg_array_end(a);
}

static void
put_clock_rest(struct pg_args *a, const struct clock_row *rows, size_t n)
{
    put_clock_times(a, rows, n, offsetof(struct clock_row, mulai_us));
    put_clock_times(a, rows, n, offsetof(struct clock_row, batas_us));
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, rows[i].satuan);
    pg_array_end(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, str_of(keadaan_name(rows[i].f->keadaan)));
    pg_array_end(a);
    put_clock_times(a, rows, n, offsetof(struct clock_row, berakhir_us));
    pg_array(a, PG_INT4);
    for (size_t i = 0; i < n; i++)
        pg_elem_int4(a, (int32_t)rows[i].terpakai);
    pg_array_end(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, rows[i].kalender);
    pg_array_end(a);
    pg_array(a, PG_INT8);
    for (size_t i = 0; i < n; i++)
        pg_elem_int8(a, rows[i].f->urutan);
    pg_array_end(a);
}

/* Moves the rows that are to go behind the others; returns how many stay. */
static size_t
part_gone(struct clock_row *rows, size_t n)
{
    size_t stay = 0;

    for (size_t i = 0; i < n; i++) {
        struct clock_row r = rows[i];

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
    struct clock_row *rows = arena_new(&w->arena, (p->nclocks + 1) * sizeof *rows);
    size_t n = gather_clocks(w, rows);
    size_t stay = part_gone(rows, n);

    if (stay) {
        pg_args_reset(&w->args);
        put_clock_keys(&w->args, rows, stay);
        put_clock_rest(&w->args, rows, stay);
        pg_send(w->app->pg, &clock_stmt, &w->args, NULL, NULL);
    }
    if (stay < n) {
        pg_args_reset(&w->args);
        put_clock_keys(&w->args, rows + stay, n - stay);
        pg_send(w->app->pg, &gone_stmt, &w->args, NULL, NULL);
    }
}
