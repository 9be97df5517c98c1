#include "workers/projector/projector.h"

#include "common/base/caltime.h"
#include "common/json/scan.h"

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
    sums_settle(w, b);
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

/* ---- the columns ------------------------------------------------------------------------------------------------- */

#define ROW(member)  (offsetof(struct catatan, row) + offsetof(struct dossier_row, member))
#define VIEW(member) (offsetof(struct catatan, view) + offsetof(struct dossier_view, member))

const struct worker_column row_columns[] = {
    {"revisi", PG_INT4, ROW(revisi)},
    {"putaran", PG_INT4, ROW(putaran)},
    {"status", PG_TEXT, offsetof(struct catatan, status)},
    {"terlambat", PG_BOOL, ROW(terlambat)},
    {"giliran", PG_TEXT, offsetof(struct catatan, giliran)},
    {"giliran_sejak", PG_TIME, VIEW(since_us)},
    {"kode_opd", PG_TEXT, ROW(kode_opd)},
    {"nama_opd", PG_TEXT, ROW(nama_opd)},
    {"nama_sistem", PG_TEXT, ROW(nama_sistem)},
    {"submitted_at", PG_TIME, ROW(submitted_us)},
    {"checked_at", PG_TIME, ROW(checked_us)},
    {"accepted_at", PG_TIME, ROW(accepted_us)},
    {"returned_at", PG_TIME, ROW(returned_us)},
    {"integrated_at", PG_TIME, ROW(integrated_us)},
    {"id_integrasi", PG_TEXT, ROW(id_integrasi)},
    {"temuan", PG_TEXT, ROW(temuan)},
    {"jumlah_pengembalian", PG_INT4, ROW(jumlah_pengembalian)},
    {"updated_at", PG_TIME, offsetof(struct catatan, newest_us)},
    {"sidik", PG_INT8, offsetof(struct catatan, sidik)},
    {"rekap", PG_TEXT, offsetof(struct catatan, rekap)},
    {"hitungan", PG_TEXT, offsetof(struct catatan, hitungan_text)},
    {"anomali", PG_TEXT, offsetof(struct catatan, anomali)},
    {NULL, PG_TEXT, 0},
};

void
row_write(struct worker *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct catatan *c = w->all[i].more;
        enum status status = c->view.status;

        if (!w->all[i].dirty)
            continue;
        c->status = status ? str_of(status_name(status)) : STR_NULL;
        c->giliran = status ? str_of(giliran_name(c->view.giliran)) : STR_NULL;
        c->newest_us = w->all[i].d.newest_us;
    }
    worker_write(w);
}
