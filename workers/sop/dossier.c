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

void
dossier_put(struct dossier *d, const struct fact *f)
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
    dossier_put(d, f);
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
