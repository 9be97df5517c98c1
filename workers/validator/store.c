#include "workers/validator/validator.h"

/* clang-format off: statements read better in lines of their own */
static const struct pg_stmt held_stmt = {
    "validator_held",
    "select t.nomor_permohonan, t.revisi, t.source, t.id, t.topic, t.partition, t.kafka_offset, t.append_ms,"
    " t.effective_us, t.traceparent, t.data, coalesce(o.aktif and o.kode_opd = p.kode_opd, false), "
    "t.revisi_ext"
    " from pemeriksaan_tahan t join pemeriksaan p using (nomor_permohonan)"
    " left join pemeriksaan o on o.nomor_permohonan = t.asal where t.nomor_permohonan = any($1::text[])"};
static const struct pg_stmt hold_stmt = {
    "validator_hold",
    "insert into pemeriksaan_tahan (nomor_permohonan, revisi, source, id, topic, partition, kafka_offset,"
    " append_ms, effective_us, traceparent, data, kunci, surat, asal, revisi_ext)"
    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict do nothing"};
static const struct pg_stmt release_stmt = {
    "validator_release",
    "delete from pemeriksaan_tahan where nomor_permohonan = $1::text and revisi <= $2::int"};
/* clang-format on */

const struct worker_column store_columns[] = {
    {"kode_opd", PG_TEXT, offsetof(struct periksa, kode_opd)},
    {"kunci", PG_TEXT, offsetof(struct periksa, kunci)},
    {"surat", PG_TEXT, offsetof(struct periksa, surat)},
    {"status", PG_TEXT, offsetof(struct periksa, status)},
    {"revisi", PG_INT4, offsetof(struct periksa, revisi)},
    {"putaran", PG_INT4, offsetof(struct periksa, putaran)},
    {"aktif", PG_BOOL, offsetof(struct periksa, aktif)},
    {"ditarik", PG_BOOL, offsetof(struct periksa, ditarik)},
    {"riwayat", PG_BYTEA, offsetof(struct periksa, riwayat_stored)},
    {NULL, PG_TEXT, 0},
};

/* ---- reading ---------------------------------------------------------------------------------------------------- */

void
store_read(struct worker *w, struct berkas *b, const PGresult *r, int row)
{
    struct periksa *p = b->more;

    p->kode_opd = arena_str(&w->arena, pg_text(r, row, 3));
    p->aktif = pg_int(r, row, 4);
    p->ditarik = pg_int(r, row, 5);
    p->kunci = arena_str(&w->arena, pg_text(r, row, 6));
    p->surat = arena_str(&w->arena, pg_text(r, row, 7));
    p->riwayat_stored = arena_str(&w->arena, pg_text(r, row, 8));
}

static void
read_held(struct worker *w, const PGresult *r, int i)
{
    struct berkas *b = worker_find(w, pg_text(r, i, 0));
    struct tahan *t = arena_new(&w->arena, sizeof *t);
    struct periksa *p = b ? b->more : NULL;
    struct arena *a = &w->arena;
    struct str raw[KEYS_MEMBERS];
    struct ce form = {0};

    if (!p)
        return;
    t->fact = (struct fact){.type = FACT_SUBMITTED,
                            .revisi = (int32_t)pg_int(r, i, 1),
                            .revisi_ext = (int32_t)pg_int(r, i, 12),
                            .source = arena_str(a, pg_text(r, i, 2)),
                            .id = arena_str(a, pg_text(r, i, 3)),
                            .append = {pg_int(r, i, 7), arena_str(a, pg_text(r, i, 4)),
                                       (int32_t)pg_int(r, i, 5), pg_int(r, i, 6)},
                            .time_us = pg_int(r, i, 8),
                            .kode_opd = p->kode_opd};
    t->traceparent = arena_str(a, pg_text(r, i, 9));
    t->data = form.data = arena_str(a, pg_text(r, i, 10));
    t->original_active = pg_int(r, i, 11) ? KNOWN_YES : KNOWN_NO;
    keys_pick(&form, raw);
    keys_read(a, raw, &t->keys);
    t->stored = true;
    t->next = p->held;
    p->held = t;
}

static void
on_held(void *arg, const PGresult *r)
{
    for (int i = 0; i < PQntuples(r); i++)
        read_held(arg, r, i);
}

void
store_load(struct worker *w, const struct flow_batch *b)
{
    pg_args_reset(&w->args);
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < w->n; i++)
        pg_elem_text(&w->args, w->all[i].nomor);
    pg_array_end(&w->args);
    pg_send(w->app->pg, &held_stmt, &w->args, on_held, w);
    others_load(w, b);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static void
send_hold(struct worker *w, const struct berkas *b, const struct tahan *t)
{
    struct pg_args *a = &w->args;

    pg_args_reset(a);
    pg_arg_text(a, b->nomor);
    pg_arg_int4(a, t->fact.revisi);
    pg_arg_text(a, t->fact.source);
    pg_arg_text(a, t->fact.id);
    pg_arg_text(a, t->fact.append.topic);
    pg_arg_int4(a, t->fact.append.partition);
    pg_arg_int8(a, t->fact.append.offset);
    pg_arg_int8(a, t->fact.append.ms);
    pg_arg_int8(a, t->fact.time_us);
    pg_arg_text(a, t->traceparent);
    pg_arg_text(a, t->data);
    pg_arg_text(a, t->keys.kunci);
    pg_arg_text(a, t->keys.surat);
    pg_arg_text(a, t->keys.asal);
    pg_arg_int4(a, t->fact.revisi_ext);
    pg_send(w->app->pg, &hold_stmt, a, NULL, NULL);
}

static void
send_release(struct worker *w, const struct berkas *b, int32_t revisi)
{
    pg_args_reset(&w->args);
    pg_arg_text(&w->args, b->nomor);
    pg_arg_int4(&w->args, revisi);
    pg_send(w->app->pg, &release_stmt, &w->args, NULL, NULL);
}

static void
write_held(struct worker *w, const struct berkas *b)
{
    const struct periksa *p = b->more;

    for (const struct tahan *t = p->held; t; t = t->next) {
        if (!t->stored && !t->admitted)
            send_hold(w, b, t);
        if (t->stored && t->admitted)
            send_release(w, b, t->fact.revisi);
    }
}

static void
derive(struct worker *w, struct berkas *b)
{
    struct periksa *p = b->more;
    struct dossier_view v;

    dossier_look(&b->d, &v);
    p->status = v.status ? str_of(status_name(v.status)) : STR_NULL;
    p->revisi = v.R;
    p->putaran = v.C ? v.C->putaran : 0;
    late_keep(w, b, status_is_final(v.status));
}

void
store_write(struct worker *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].dirty)
            derive(w, &w->all[i]);
    worker_write(w);
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].dirty)
            write_held(w, &w->all[i]);
}
