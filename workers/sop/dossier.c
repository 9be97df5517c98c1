#include "workers/sop/dossier.h"

#include "common/json/scan.h"

struct dossier
dossier_make(struct arena *arena)
{
    return (struct dossier){.arena = arena, .newest_us = INT64_MIN};
}

/* ---- adding ----------------------------------------------------------------------------------------------------- */

static bool
same_event(const struct fact *a, const struct fact *b)
{
    return a->type == b->type && str_eq(a->id, b->id) && str_eq(a->source, b->source);
}

static void
copy_text(struct dossier *d, struct fact *f)
{
    struct str *const all[] = {&f->source,       &f->id,       &f->append.topic,   &f->sumber_pengajuan,
                               &f->id_pengajuan, &f->temuan,   &f->status_bedelau, &f->id_integrasi,
                               &f->jam,          &f->kode_opd, &f->nama_opd,       &f->nama_sistem,
                               &f->jenis};

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        *all[i] = arena_str(d->arena, *all[i]);
}

static void
put(struct dossier *d, const struct fact *f)
{
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 4;
        struct fact *grown = arena_new(d->arena, cap * sizeof *grown);

        if (d->n)
            memcpy(grown, d->facts, d->n * sizeof *grown);
        d->facts = grown;
        d->cap = cap;
    }
    d->facts[d->n++] = *f;
}

static void
remove_at(struct dossier *d, size_t i)
{
    memmove(&d->facts[i], &d->facts[i + 1], (d->n - i - 1) * sizeof *d->facts);
    d->n--;
}

/* Only the newest state of a clock is of use. True when `f` is to be added. */
static bool
supersede_clock(struct dossier *d, const struct fact *f)
{
    for (size_t i = 0; i < d->n; i++) {
        struct fact *g = &d->facts[i];

        if (g->type != FACT_DEADLINE || g->revisi != f->revisi || g->tahap != f->tahap)
            continue;
        if (g->urutan >= f->urutan)
            return false;
        remove_at(d, i);
        return true;
    }
    return true;
}

/* Findings are shown for the newest check of a revisi only. */
static void
trim_findings(struct dossier *d, int32_t revisi)
{
    const struct fact *newest = dossier_check(d, revisi);

    for (size_t i = 0; i < d->n; i++)
        if (d->facts[i].type == FACT_CHECK && d->facts[i].revisi == revisi && &d->facts[i] != newest)
            d->facts[i].temuan = STR_NULL;
}

/* Once the form that the check names is here, no other form of that revisi can ever count. */
static void
trim_forms(struct dossier *d, int32_t revisi)
{
    const struct fact *c = dossier_check(d, revisi);
    bool named = false;

    if (!c)
        return;
    for (size_t i = 0; i < d->n; i++)
        named |= d->facts[i].type == FACT_SUBMITTED && d->facts[i].revisi == revisi &&
                 str_eq(d->facts[i].source, c->sumber_pengajuan) && str_eq(d->facts[i].id, c->id_pengajuan);
    for (size_t i = d->n; named && i-- > 0;)
        if (d->facts[i].type == FACT_SUBMITTED && d->facts[i].revisi == revisi &&
            !(str_eq(d->facts[i].source, c->sumber_pengajuan) && str_eq(d->facts[i].id, c->id_pengajuan))) {
            remove_at(d, i);
            c = dossier_check(d, revisi); /* it may have moved */
        }
}

static bool
kept(enum fact_type t)
{
    return t == FACT_REGISTERED || t == FACT_SUBMITTED || t == FACT_CHECK || fact_is_integration(t) ||
           t == FACT_DEADLINE;
}

static struct fact *
find_event(const struct dossier *d, const struct fact *f)
{
    for (size_t i = 0; i < d->n; i++)
        if (same_event(f, &d->facts[i]))
            return &d->facts[i];
    return NULL;
}

bool
dossier_again(struct dossier *d, const struct fact *f)
{
    struct fact *g = find_event(d, f);

    if (!g || append_cmp(&f->append, &g->append) >= 0)
        return false;
    g->append = f->append;
    g->append.topic = arena_str(d->arena, f->append.topic);
    g->time_us = f->time_us;
    if (f->time_us > d->newest_us)
        d->newest_us = f->time_us;
    return true;
}

bool
dossier_add(struct dossier *d, const struct fact *f)
{
    if (find_event(d, f))
        return dossier_again(d, f);
    if (f->time_us > d->newest_us)
        d->newest_us = f->time_us;
    if (!kept(f->type))
        return true;
    if (f->type == FACT_DEADLINE && !supersede_clock(d, f))
        return false;
    put(d, f);
    copy_text(d, &d->facts[d->n - 1]);
    if (f->type == FACT_CHECK)
        trim_findings(d, f->revisi);
    if (f->type == FACT_CHECK || f->type == FACT_SUBMITTED)
        trim_forms(d, f->revisi);
    return true;
}

/* ---- looking ---------------------------------------------------------------------------------------------------- */

const struct fact *
dossier_check(const struct dossier *d, int32_t revisi)
{
    const struct fact *best = NULL;

    for (size_t i = 0; i < d->n; i++) {
        const struct fact *f = &d->facts[i];

        if (f->type == FACT_CHECK && f->revisi == revisi && (!best || f->urutan > best->urutan))
            best = f;
    }
    return best;
}

const struct fact *
dossier_next_check(const struct dossier *d, int32_t revisi, const struct fact *after)
{
    const struct fact *best = NULL;

    for (size_t i = 0; i < d->n; i++) {
        const struct fact *f = &d->facts[i];

        if (f->type == FACT_CHECK && f->revisi == revisi && (!after || f->urutan > after->urutan) &&
            (!best || f->urutan < best->urutan))
            best = f;
    }
    return best;
}

const struct fact *
dossier_form(const struct dossier *d, int32_t revisi)
{
    const struct fact *c = dossier_check(d, revisi);
    const struct fact *first = NULL;

    for (size_t i = 0; i < d->n; i++) {
        const struct fact *f = &d->facts[i];

        if (f->type != FACT_SUBMITTED || f->revisi != revisi)
            continue;
        if (c && str_eq(f->source, c->sumber_pengajuan) && str_eq(f->id, c->id_pengajuan))
            return f;
        if (!first || append_cmp(&f->append, &first->append) < 0)
            first = f;
    }
    return first;
}

static const struct fact *
newest_integration(const struct dossier *d, int32_t revisi, int32_t putaran)
{
    const struct fact *best = NULL;

    for (size_t i = 0; i < d->n; i++) {
        const struct fact *f = &d->facts[i];

        if (fact_is_integration(f->type) && f->revisi == revisi && f->putaran == putaran &&
            (!best || f->urutan > best->urutan))
            best = f;
    }
    return best;
}

static void
find_ends(const struct dossier *d, struct dossier_view *v)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct fact *f = &d->facts[i];

        if (f->type == FACT_I_COMPLETED && (!v->completed || f->urutan < v->completed->urutan))
            v->completed = f;
        if (f->type == FACT_I_CANCELLED || (f->type == FACT_CHECK && f->putusan == PUTUSAN_DIBATALKAN))
            v->cancelled = true;
        if (f->type == FACT_REGISTERED &&
            (!v->registered || append_cmp(&f->append, &v->registered->append) < 0))
            v->registered = f;
    }
}

static int32_t
find_R(const struct dossier *d)
{
    int32_t R = 0;

    for (int32_t r = 1; dossier_form(d, r) || dossier_check(d, r); r++) {
        const struct fact *c = dossier_check(d, r);

        R = r;
        if (!c || c->putusan != PUTUSAN_DIKEMBALIKAN)
            break;
    }
    return R;
}

/* One row of the table of section 6 each; the first that matches wins. */
static void
decide(struct dossier_view *v, enum status status, enum giliran giliran)
{
    v->status = status;
    v->giliran = giliran;
}

static void
decide_by_check(struct dossier_view *v)
{
    switch (v->C->putusan) {
    case PUTUSAN_MENUNGGU_LAMPIRAN:
        decide(v, STATUS_DIPERIKSA, GILIRAN_SISTEM);
        break;
    case PUTUSAN_MENUNGGU_PEMERIKSA:
        decide(v, STATUS_DIPERIKSA, GILIRAN_PRANATA_KOMPUTER);
        break;
    case PUTUSAN_DIKEMBALIKAN:
        decide(v, STATUS_DIKEMBALIKAN, GILIRAN_PEMOHON);
        break;
    default:
        decide(v, STATUS_DITERIMA, GILIRAN_SISTEM);
    }
}

static void
decide_status(struct dossier_view *v)
{
    if (v->completed)
        decide(v, STATUS_SELESAI, GILIRAN_SELESAI);
    else if (v->cancelled)
        decide(v, STATUS_DIBATALKAN, GILIRAN_SELESAI);
    else if (v->C && v->C->putusan == PUTUSAN_DITOLAK)
        decide(v, STATUS_DITOLAK, GILIRAN_SELESAI);
    else if (v->I && v->I->type == FACT_I_FAILED)
        decide(v, STATUS_GAGAL_INTEGRASI, GILIRAN_PRANATA_KOMPUTER);
    else if (v->I && v->I->type == FACT_I_REJECTED)
        decide(v, STATUS_DIPERIKSA, GILIRAN_PRANATA_KOMPUTER);
    else if (v->I)
        decide(v, STATUS_DIINTEGRASIKAN,
               str_is(v->I->status_bedelau, "menunggu_perbaikan") ? GILIRAN_PEMOHON : GILIRAN_BEDELAU);
    else if (v->C)
        decide_by_check(v);
    else if (v->R)
        decide(v, STATUS_DIAJUKAN, GILIRAN_SISTEM);
    else if (v->registered)
        decide(v, STATUS_TERDAFTAR, GILIRAN_PEMOHON);
}

static bool
repairing(const struct fact *i)
{
    return str_is(i->status_bedelau, "menunggu_perbaikan");
}

/* Since when Bedelau (or, in repair, the applicant) has had the turn: the first of the unbroken run of facts that ends
 * in I. */
static int64_t
since_integration(const struct dossier_view *v)
{
    const struct fact *run = v->I;

    for (bool more = run != NULL; more;) {
        const struct fact *before = NULL;

        for (size_t i = 0; i < v->d->n; i++) {
            const struct fact *f = &v->d->facts[i];

            if (fact_is_integration(f->type) && f->revisi == run->revisi && f->putaran == run->putaran &&
                f->urutan < run->urutan && (!before || f->urutan > before->urutan))
                before = f;
        }
        more = before && repairing(before) == repairing(v->I);
        if (more)
            run = before;
    }
    return run ? run->time_us : INT64_MIN;
}

static int64_t
first_cancel(const struct dossier *d)
{
    int64_t t = INT64_MAX;

    for (size_t i = 0; i < d->n; i++) {
        const struct fact *f = &d->facts[i];

        if ((f->type == FACT_I_CANCELLED || (f->type == FACT_CHECK && f->putusan == PUTUSAN_DIBATALKAN)) &&
            f->time_us < t)
            t = f->time_us;
    }
    return t;
}

static int64_t
decide_since(const struct dossier_view *v)
{
    switch (v->status) {
    case STATUS_NONE:
        return INT64_MIN;
    case STATUS_SELESAI:
        return v->completed->time_us;
    case STATUS_DIBATALKAN:
        return first_cancel(v->d);
    case STATUS_TERDAFTAR:
        return v->registered->time_us;
    case STATUS_DIINTEGRASIKAN:
        return since_integration(v);
    default:
        if (v->I && v->status != STATUS_DITOLAK)
            return v->I->time_us;
        if (v->C)
            return v->C->time_us;
        return v->form ? v->form->time_us : INT64_MIN;
    }
}

void
dossier_look(const struct dossier *d, struct dossier_view *v)
{
    *v = (struct dossier_view){.d = d};
    find_ends(d, v);
    v->R = find_R(d);
    v->C = v->R ? dossier_check(d, v->R) : NULL;
    v->form = v->R ? dossier_form(d, v->R) : NULL;
    v->I = v->R ? newest_integration(d, v->R, v->C ? v->C->putaran : 1) : NULL;
    decide_status(v);
    v->since_us = decide_since(v);
}

static int64_t
last_time(const struct dossier_view *v, enum putusan p)
{
    int64_t t = INT64_MIN;

    for (const struct fact *c = NULL; (c = dossier_next_check(v->d, v->R, c));)
        if (c->putusan == p && c->time_us > t)
            t = c->time_us;
    return t;
}

static int32_t
count_returns(const struct dossier *d)
{
    int32_t n = 0;

    for (size_t i = 0; i < d->n; i++)
        n += d->facts[i].type == FACT_CHECK && d->facts[i].putusan == PUTUSAN_DIKEMBALIKAN &&
             dossier_check(d, d->facts[i].revisi) == &d->facts[i];
    return n;
}

static struct str
newest_id_integrasi(const struct dossier *d)
{
    const struct fact *best = NULL;

    for (size_t i = 0; i < d->n; i++) {
        const struct fact *f = &d->facts[i];

        if (fact_is_integration(f->type) && f->id_integrasi.n && (!best || f->urutan > best->urutan))
            best = f;
    }
    return best ? best->id_integrasi : STR_NULL;
}

void
dossier_row(const struct dossier_view *v, struct dossier_row *row)
{
    const struct fact *about = v->form ? v->form : v->registered;

    *row = (struct dossier_row){.revisi = v->R,
                                .putaran = v->C   ? v->C->putaran
                                           : v->R ? 1
                                                  : 0,
                                .submitted_us = v->form ? v->form->time_us : INT64_MIN,
                                .checked_us = v->C ? v->C->time_us : INT64_MIN,
                                .accepted_us = last_time(v, PUTUSAN_DITERIMA),
                                .returned_us = last_time(v, PUTUSAN_DIKEMBALIKAN),
                                .integrated_us = v->completed ? v->completed->time_us : INT64_MIN,
                                .id_integrasi = newest_id_integrasi(v->d),
                                .temuan = v->C && v->C->temuan.n ? v->C->temuan : STR("[]"),
                                .jumlah_pengembalian = count_returns(v->d)};
    if (about) {
        row->kode_opd = about->kode_opd;
        row->nama_opd = about->nama_opd;
        row->nama_sistem = about->nama_sistem;
    }
    for (size_t i = 0; i < v->d->n; i++)
        row->terlambat |= v->d->facts[i].type == FACT_DEADLINE &&
                          v->d->facts[i].keadaan == KEADAAN_TERLEWAT &&
                          v->d->facts[i].tahap != TAHAP_PERBAIKAN;
}

/* ---- as text ---------------------------------------------------------------------------------------------------- */

/* `key` is all that stands before the value: ",\"w\":". */
static void
put_num(struct buf *b, struct str key, int64_t v)
{
    if (!v)
        return;
    buf_str(b, key);
    buf_int(b, v);
}

static void
put_raw(struct buf *b, struct str key, struct str raw)
{
    if (!raw.n)
        return;
    buf_str(b, key);
    buf_str(b, raw);
}

static void
put_text(struct buf *b, struct str key, struct str s)
{
    if (!s.p)
        return;
    buf_str(b, key);
    buf_json(b, s);
}

static void
write_fact(const struct fact *f, struct buf *b)
{
    buf_str(b, STR("{\"t\":"));
    buf_int(b, f->type);
    put_text(b, STR(",\"s\":"), f->source);
    put_text(b, STR(",\"i\":"), f->id);
    put_num(b, STR(",\"w\":"), f->time_us);
    put_num(b, STR(",\"am\":"), f->append.ms);
    put_text(b, STR(",\"at\":"), f->append.topic);
    put_num(b, STR(",\"ap\":"), f->append.partition);
    put_num(b, STR(",\"ao\":"), f->append.offset);
    put_num(b, STR(",\"r\":"), f->revisi);
    put_num(b, STR(",\"p\":"), f->putaran);
    put_num(b, STR(",\"u\":"), f->urutan);
    put_num(b, STR(",\"v\":"), f->putusan);
    put_text(b, STR(",\"ps\":"), f->sumber_pengajuan);
    put_text(b, STR(",\"pi\":"), f->id_pengajuan);
    put_raw(b, STR(",\"f\":"), f->temuan);
    put_text(b, STR(",\"b\":"), f->status_bedelau);
    put_text(b, STR(",\"g\":"), f->id_integrasi);
    put_num(b, STR(",\"ub\":"), f->urutan_bedelau);
    put_num(b, STR(",\"h\":"), f->tahap);
    put_num(b, STR(",\"k\":"), f->keadaan);
    put_raw(b, STR(",\"j\":"), f->jam);
    put_text(b, STR(",\"o\":"), f->kode_opd);
    put_text(b, STR(",\"on\":"), f->nama_opd);
    put_text(b, STR(",\"sn\":"), f->nama_sistem);
    put_text(b, STR(",\"jp\":"), f->jenis);
    buf_char(b, '}');
}

void
dossier_write(const struct dossier *d, struct buf *out)
{
    buf_z(out, "{\"newest\":");
    buf_int(out, d->newest_us);
    buf_z(out, ",\"facts\":[");
    for (size_t i = 0; i < d->n; i++) {
        if (i)
            buf_char(out, ',');
        write_fact(&d->facts[i], out);
    }
    buf_z(out, "]}");
}

static const char fact_keys[][3] = {"t",  "s", "i", "w", "am", "at", "ap", "ao", "r", "p",  "u",  "v", "ps",
                                    "pi", "f", "b", "g", "ub", "h",  "k",  "j",  "o", "on", "sn", "jp"};
enum { FACT_KEYS = sizeof fact_keys / sizeof fact_keys[0] };

static bool
is_key(struct str key, unsigned i)
{
    const char *want = fact_keys[i];

    return key.n && key.p[0] == want[0] && (want[1] ? key.n == 2 && key.p[1] == want[1] : key.n == 1);
}

/* A fact's values as they stand in the text, each at its key's place. We wrote the keys in this order, so the next is looked
 * for behind the last, whatever is left out. */
static void
find_values(struct str raw, struct str m[FACT_KEYS])
{
    unsigned at = 0;

    memset(m, 0, FACT_KEYS * sizeof *m);
    for (struct scan_iter it = scan_iter(raw); scan_next(&it);) {
        unsigned tried = 0;

        while (tried < FACT_KEYS && !is_key(it.key, at)) {
            at = at + 1 < FACT_KEYS ? at + 1 : 0;
            tried++;
        }
        if (tried < FACT_KEYS)
            m[at] = it.value;
    }
}

/* Without a copy, unless it has to be decoded. */
static struct str
get_str(struct dossier *d, struct str raw)
{
    struct str s = raw.n ? scan_string(raw, NULL) : STR_NULL;

    return s.p || !raw.n ? s : scan_text(d->arena, raw);
}

static int64_t
get_num(struct str raw)
{
    int64_t v = 0;

    if (raw.n)
        scan_int(raw, &v);
    return v;
}

static void
read_fact(struct dossier *d, struct str raw)
{
    struct str m[FACT_KEYS];
    struct fact f = {0};

    find_values(raw, m);
    f.type = (enum fact_type)get_num(m[0]);
    f.source = get_str(d, m[1]);
    f.id = get_str(d, m[2]);
    f.time_us = get_num(m[3]);
    f.append = (struct append){get_num(m[4]), get_str(d, m[5]), (int32_t)get_num(m[6]), get_num(m[7])};
    f.revisi = (int32_t)get_num(m[8]);
    f.putaran = (int32_t)get_num(m[9]);
    f.urutan = get_num(m[10]);
    f.putusan = (enum putusan)get_num(m[11]);
    f.sumber_pengajuan = get_str(d, m[12]);
    f.id_pengajuan = get_str(d, m[13]);
    f.temuan = m[14];
    f.status_bedelau = get_str(d, m[15]);
    f.id_integrasi = get_str(d, m[16]);
    f.urutan_bedelau = get_num(m[17]);
    f.tahap = (enum tahap)get_num(m[18]);
    f.keadaan = (enum keadaan)get_num(m[19]);
    f.jam = m[20];
    f.kode_opd = get_str(d, m[21]);
    f.nama_opd = get_str(d, m[22]);
    f.nama_sistem = get_str(d, m[23]);
    f.jenis = get_str(d, m[24]); /* rows of old have none */
    put(d, &f);
}

bool
dossier_read(struct dossier *d, struct str text)
{
    static const char *const names[] = {"newest", "facts"};
    struct str m[2];
    struct scan_iter it;

    if (!text.n)
        return true;
    if (!scan_pick(text, names, m, 2) || !scan_int(m[0], &d->newest_us))
        return false;
    for (it = scan_iter(m[1]); scan_next(&it);)
        read_fact(d, it.value);
    return true;
}
