#include "workers/projector/projector.h"

#include "common/base/caltime.h"
#include "common/json/scan.h"

static const struct pg_stmt write_stmt = {
    "projector_row",
    "update request r set versi = u.versi, fakta = u.fakta, revisi = u.revisi, putaran = u.putaran, status = "
    "u.status, "
    "terlambat = u.terlambat, giliran = u.giliran, giliran_sejak = u.sejak, kode_opd = u.kode_opd, "
    "nama_opd = u.nama_opd, nama_sistem = u.nama_sistem, submitted_at = u.submitted, checked_at = u.checked, "
    "accepted_at = u.accepted, returned_at = u.returned, integrated_at = u.integrated, id_integrasi = "
    "u.id_integrasi, "
    "temuan = u.temuan, jumlah_pengembalian = u.jumlah, updated_at = u.updated, sidik = u.sidik "
    "from unnest($1::text[], $2::bigint[], $3::text[], $4::int[], $5::int[], $6::text[], $7::bool[], "
    "$8::text[], "
    "$9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[], "
    "$15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::text[], $19::text[], $20::int[], "
    "$21::timestamptz[], $22::bigint[]) "
    "u(nomor, versi, fakta, revisi, putaran, status, terlambat, giliran, sejak, kode_opd, nama_opd, "
    "nama_sistem, "
    "submitted, checked, accepted, returned, integrated, id_integrasi, temuan, jumlah, updated, sidik) "
    "where r.nomor_permohonan = u.nomor"};

/* ---- what is told ------------------------------------------------------------------------------------------------ */

static void
put_name(struct buf *b, const char *name)
{
    buf_z(b, ",\"");
    buf_z(b, name);
    buf_z(b, "\":");
}

static void
put_text(struct buf *b, const char *name, struct str s)
{
    if (!s.p)
        return;
    put_name(b, name);
    buf_json(b, s);
}

static void
put_time(struct buf *b, const char *name, int64_t t_us)
{
    char text[CALTIME_TEXT];

    if (t_us == INT64_MIN)
        return;
    caltime_format(t_us, text);
    put_name(b, name);
    buf_char(b, '"');
    buf_z(b, text);
    buf_char(b, '"');
}

/* Findings without their sentences, which may have been written by a person. */
static void
put_findings(struct buf *b, struct str temuan)
{
    static const char *const names[] = {"kode", "tingkat", "lokasi", "terlambat_ditemukan"};
    struct scan_iter it = scan_iter(temuan);
    bool first = true;

    buf_z(b, ",\"temuan\":[");
    while (scan_next(&it)) {
        struct str m[4];

        scan_pick(it.value, names, m, 4);
        buf_z(b, first ? "{" : ",{");
        for (unsigned i = 0; i < 3; i++)
            buf_printf(b, "%s\"%s\":%.*s", i ? "," : "", names[i], m[i].n ? (int)m[i].n : 2,
                       m[i].n ? m[i].p : "\"\"");
        if (scan_kind(m[3]) == SCAN_TRUE)
            buf_printf(b, ",\"%s\":true", names[3]);
        buf_char(b, '}');
        first = false;
    }
    buf_char(b, ']');
}

/* All that is told but `versi` and `updated_at`. */
static void
put_row(struct buf *b, const struct berkas *k)
{
    const struct catatan *c = k->more;
    const struct dossier_row *r = &c->row;

    put_text(b, "nomor_permohonan", k->nomor);
    buf_printf(b, ",\"revisi\":%d,\"putaran\":%d", r->revisi, r->putaran);
    put_text(b, "status", str_of(status_name(c->view.status)));
    put_text(b, "giliran", str_of(giliran_name(c->view.giliran)));
    put_time(b, "giliran_sejak", c->view.since_us);
    buf_printf(b, ",\"terlambat\":%s", r->terlambat ? "true" : "false");
    put_text(b, "kode_opd", r->kode_opd);
    put_text(b, "nama_opd", r->nama_opd);
    put_text(b, "nama_sistem", r->nama_sistem);
    put_time(b, "submitted_at", r->submitted_us);
    put_time(b, "checked_at", r->checked_us);
    put_time(b, "accepted_at", r->accepted_us);
    put_time(b, "returned_at", r->returned_us);
    put_time(b, "integrated_at", r->integrated_us);
    put_text(b, "id_integrasi", r->id_integrasi);
    buf_printf(b, ",\"jumlah_pengembalian\":%d", r->jumlah_pengembalian);
    put_findings(b, r->temuan);
}

static void
tell(struct worker *w, struct berkas *b, struct str row)
{
    struct buf data = buf_make(4 << 20);
    struct emit em = {.type = FACT_STATUS,
                      .parent_source = STR("/bedelau/projector"),
                      .parent_id = b->nomor,
                      .time_us = w->now_us,
                      .revisi = ((struct catatan *)b->more)->row.revisi};
    char mark[32];
    char id[37];

    snprintf(mark, sizeof mark, "versi:%lld", (long long)b->urutan);
    em.mark = str_of(mark);
    buf_z(&data, "{\"versi\":");
    buf_int(&data, b->urutan);
    put_time(&data, "updated_at", b->d.newest_us);
    buf_str(&data, row);
    buf_char(&data, '}');
    em.data = buf_view(&data);
    worker_emit(w, b, &em, id);
    buf_free(&data);
}

void
row_settle(struct worker *w, struct berkas *b)
{
    struct projector *p = w->own;
    struct catatan *c = b->more;
    int64_t sidik;

    if (!b->dirty)
        return;
    dossier_look(&b->d, &c->view);
    dossier_row(&c->view, &c->row);
    buf_reset(&w->text);
    put_row(&w->text, b);
    sidik = (int64_t)str_hash(buf_view(&w->text));
    if (c->view.status == STATUS_NONE || sidik == c->sidik)
        return;
    c->sidik = sidik;
    b->urutan++;
    tell(w, b, buf_view(&w->text));
    metric_add(p->m_changes, 1);
}

/* ---- the statement ----------------------------------------------------------------------------------------------- */

static void
put_ints(struct worker *w, size_t member)
{
    pg_array(&w->args, PG_INT4);
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].dirty)
            pg_elem_int4(&w->args, *(const int32_t *)(const void *)((const char *)w->all[i].more + member));
    pg_array_end(&w->args);
}

static void
put_times(struct worker *w, size_t member)
{
    pg_array(&w->args, PG_TIME);
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].dirty)
            pg_elem_time(&w->args, *(const int64_t *)(const void *)((const char *)w->all[i].more + member));
    pg_array_end(&w->args);
}

static void
put_state(struct worker *w)
{
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].dirty) {
            const struct dossier_view *v = &((const struct catatan *)w->all[i].more)->view;

            pg_elem_text(&w->args, v->status ? str_of(status_name(v->status)) : STR_NULL);
        }
    pg_array_end(&w->args);
    pg_array(&w->args, PG_BOOL);
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].dirty)
            pg_elem_bool(&w->args, ((const struct catatan *)w->all[i].more)->row.terlambat);
    pg_array_end(&w->args);
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].dirty) {
            const struct dossier_view *v = &((const struct catatan *)w->all[i].more)->view;

            pg_elem_text(&w->args, v->status ? str_of(giliran_name(v->giliran)) : STR_NULL);
        }
    pg_array_end(&w->args);
}

#define ROW(member) (offsetof(struct catatan, row) + offsetof(struct dossier_row, member))

void
row_write(struct worker *w)
{
    if (!worker_dirty(w))
        return;
    worker_row_args(w);
    put_ints(w, ROW(revisi));
    put_ints(w, ROW(putaran));
    put_state(w);
    put_times(w, offsetof(struct catatan, view) + offsetof(struct dossier_view, since_us));
    worker_row_texts(w, ROW(kode_opd));
    worker_row_texts(w, ROW(nama_opd));
    worker_row_texts(w, ROW(nama_sistem));
    put_times(w, ROW(submitted_us));
    put_times(w, ROW(checked_us));
    put_times(w, ROW(accepted_us));
    put_times(w, ROW(returned_us));
    put_times(w, ROW(integrated_us));
    worker_row_texts(w, ROW(id_integrasi));
    worker_row_texts(w, ROW(temuan));
    put_ints(w, ROW(jumlah_pengembalian));
    pg_array(&w->args, PG_TIME);
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].dirty)
            pg_elem_time(&w->args, w->all[i].d.newest_us);
    pg_array_end(&w->args);
    pg_array(&w->args, PG_INT8);
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].dirty)
            pg_elem_int8(&w->args, ((const struct catatan *)w->all[i].more)->sidik);
    pg_array_end(&w->args);
    pg_send(w->app->pg, &write_stmt, &w->args, NULL, NULL);
}
