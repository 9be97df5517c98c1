#include "workers/sop/record.h"

#include "common/base/caltime.h"
#include "common/base/hash.h"
#include "common/json/scan.h"
#include "workers/sop/rekap.h"

/* ---- what is told ------------------------------------------------------------------------------------------------ */

/* `key` is all that stands before the value: ",\"revisi\":". Made for every fact, so without printf. */
static void
put_time(struct buf *b, struct str key, int64_t t_us)
{
    char text[CALTIME_TEXT];

    if (t_us == INT64_MIN)
        return;
    buf_str(b, key);
    buf_char(b, '"');
    buf_add(b, text, caltime_format(t_us, text));
    buf_char(b, '"');
}

static void
put_int(struct buf *b, struct str key, int64_t v)
{
    buf_str(b, key);
    buf_int(b, v);
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
        for (unsigned i = 0; i < 3; i++) {
            buf_z(b, i ? ",\"" : "\"");
            buf_z(b, names[i]);
            buf_z(b, "\":");
            buf_str(b, m[i].n ? m[i] : STR("\"\""));
        }
        if (scan_kind(m[3]) == SCAN_TRUE)
            buf_z(b, ",\"terlambat_ditemukan\":true");
        buf_char(b, '}');
        first = false;
    }
    buf_char(b, ']');
}

/* All that is told but `versi` and `updated_at`. */
static void
put_row(struct buf *b, struct str nomor, const struct record *c)
{
    const struct dossier_row *r = &c->row;

    buf_member_text(b, STR(",\"nomor_permohonan\":"), nomor);
    put_int(b, STR(",\"revisi\":"), r->revisi);
    put_int(b, STR(",\"putaran\":"), r->putaran);
    buf_member_text(b, STR(",\"status\":"), str_of(status_name(c->view.status)));
    buf_member_text(b, STR(",\"giliran\":"), str_of(giliran_name(c->view.giliran)));
    put_time(b, STR(",\"giliran_sejak\":"), c->view.since_us);
    buf_str(b, r->terlambat ? STR(",\"terlambat\":true") : STR(",\"terlambat\":false"));
    buf_member_text(b, STR(",\"kode_opd\":"), r->kode_opd);
    buf_member_text(b, STR(",\"nama_opd\":"), r->nama_opd);
    buf_member_text(b, STR(",\"nama_sistem\":"), r->nama_sistem);
    put_time(b, STR(",\"submitted_at\":"), r->submitted_us);
    put_time(b, STR(",\"checked_at\":"), r->checked_us);
    put_time(b, STR(",\"accepted_at\":"), r->accepted_us);
    put_time(b, STR(",\"returned_at\":"), r->returned_us);
    put_time(b, STR(",\"integrated_at\":"), r->integrated_us);
    buf_member_text(b, STR(",\"id_integrasi\":"), r->id_integrasi);
    put_int(b, STR(",\"jumlah_pengembalian\":"), r->jumlah_pengembalian);
    put_findings(b, r->temuan);
}

void
record_fold(const struct dossier *d, struct str nomor, struct record *ret, struct buf *told)
{
    dossier_look(d, &ret->view);
    dossier_row(&ret->view, &ret->row);
    ret->status = ret->giliran = STR_NULL;
    ret->newest_us = d->newest_us;
    buf_reset(told);
    put_row(told, nomor, ret);
    if (ret->view.status == STATUS_NONE)
        return;
    ret->status = str_of(status_name(ret->view.status));
    ret->giliran = str_of(giliran_name(ret->view.giliran));
    ret->sidik = (int64_t)str_hash(buf_view(told));
}

/* ---- what it counts for --------------------------------------------------------------------------------------- */

/* Of a type that is unknown here only the envelope was read. */
static int64_t
urutan_of(const struct event *ev)
{
    int64_t urutan = ev->fact.urutan;

    if (!urutan && scan_kind(ev->ce.data) == SCAN_OBJECT)
        scan_int(scan_get(ev->ce.data, "urutan"), &urutan);
    return urutan;
}

/* An outsider's counts for nothing, so its data need not be searched. */
void
record_count(struct record *r, const struct event *ev)
{
    if (r->counts && str_starts(ev->ce.source, STR("/bedelau/")))
        hitungan_add(&r->hitungan, ev->ce.source, urutan_of(ev));
}

static struct str
keep(struct arena *a, struct buf *text)
{
    struct str s = text->n ? arena_str(a, buf_view(text)) : STR_NULL;

    buf_reset(text);
    return s;
}

void
record_sums(struct record *r, struct arena *a, struct buf *tmp)
{
    buf_reset(tmp);
    rekap_write(&r->view, tmp);
    r->rekap = keep(a, tmp);
    anomali_write(&r->view, tmp);
    if (r->counts)
        hitungan_gaps(&r->hitungan, tmp);
    r->anomali = keep(a, tmp);
    if (r->counts)
        hitungan_write(&r->hitungan, tmp);
    r->hitungan_text = keep(a, tmp);
}

/* ---- the columns ------------------------------------------------------------------------------------------------- */

#define ROW(member)  (offsetof(struct record, row) + offsetof(struct dossier_row, member))
#define VIEW(member) (offsetof(struct record, view) + offsetof(struct dossier_view, member))

const struct worker_column record_columns[] = {
    {"revisi", PG_INT4, ROW(revisi)},
    {"putaran", PG_INT4, ROW(putaran)},
    {"status", PG_TEXT, offsetof(struct record, status)},
    {"terlambat", PG_BOOL, ROW(terlambat)},
    {"giliran", PG_TEXT, offsetof(struct record, giliran)},
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
    {"updated_at", PG_TIME, offsetof(struct record, newest_us)},
    {"sidik", PG_INT8, offsetof(struct record, sidik)},
    {"chain", PG_BYTEA, offsetof(struct record, chain)},
    {"rekap", PG_TEXT, offsetof(struct record, rekap)},
    {"hitungan", PG_TEXT, offsetof(struct record, hitungan_text)},
    {"anomali", PG_TEXT, offsetof(struct record, anomali)},
    {NULL, PG_TEXT, 0},
};

/* ---- the chain --------------------------------------------------------------------------------------------------- */

void
record_chain_with(struct str before, const struct record_link *link, struct hash *h,
                  unsigned char out[RECORD_CHAIN])
{
    const struct str texts[] = {before,   link->data_hash, link->source, STR("\n"),
                                link->id, STR("\n"),       link->type,   STR("\n")};

    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        hash_add(h, texts[i]);
    hash_add_int(h, link->effective_us);
    hash_add(h, STR("\n"));
    hash_add_int(h, link->append_us);
    hash_add(h, STR("\n"));
    hash_add(h, link->topic);
    hash_add(h, STR("\n"));
    hash_add_int(h, link->partition);
    hash_add(h, STR("\n"));
    hash_add_int(h, link->offset);
    hash_end(h, out);
}

void
record_chain(struct str before, const struct record_link *link, unsigned char out[RECORD_CHAIN])
{
    struct hash *h = hash_must();

    record_chain_with(before, link, h, out);
    hash_free(h);
}

/* ---- clocks ------------------------------------------------------------------------------------------------------ */

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

bool
record_clock(const struct fact *f, struct str nomor, struct record_clock *ret)
{
    static const char *const names[] = {"mulai",    "batas",         "berakhir",  "satuan",
                                        "kalender", "hari_terpakai", "ditiadakan"};
    struct str m[7];

    *ret = (struct record_clock){.nomor = nomor, .f = f};
    scan_pick(f->jam, names, m, 7);
    ret->mulai_us = time_member(m[0]);
    ret->batas_us = time_member(m[1]);
    ret->berakhir_us = time_member(m[2]);
    ret->satuan = plain(m[3]);
    ret->kalender = plain(m[4]);
    scan_int(m[5], &ret->terpakai);
    ret->gone = str_is(m[6], "true");
    return ret->mulai_us != INT64_MIN && ret->batas_us != INT64_MIN;
}

void
record_put_clock_keys(struct pg_args *a, const struct record_clock *rows, size_t n)
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
put_clock_times(struct pg_args *a, const struct record_clock *rows, size_t n, size_t member)
{
    pg_array(a, PG_TIME);
    for (size_t i = 0; i < n; i++)
        pg_elem_time(a, *(const int64_t *)(const void *)((const char *)&rows[i] + member));
    pg_array_end(a);
}

void
record_put_clocks(struct pg_args *a, const struct record_clock *rows, size_t n)
{
    record_put_clock_keys(a, rows, n);
    put_clock_times(a, rows, n, offsetof(struct record_clock, mulai_us));
    put_clock_times(a, rows, n, offsetof(struct record_clock, batas_us));
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, rows[i].satuan);
    pg_array_end(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, str_of(keadaan_name(rows[i].f->keadaan)));
    pg_array_end(a);
    put_clock_times(a, rows, n, offsetof(struct record_clock, berakhir_us));
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
