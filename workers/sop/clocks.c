#include "workers/sop/clocks.h"

struct making {
    const struct dossier_view *v;
    const struct clock_rules *rules;
    struct jam *out;
    size_t n;
    struct err *e;
    int64_t stop_us; /* a final decision: ends what still runs */
    struct {
        int64_t n; /* counted units that revisi before this one used */
        enum calendar_unit unit;
    } used[TAHAPS];
};

/* How a clock ends: at `us` (INT64_MIN = it runs on), and what a timely end is called. */
struct end {
    int64_t us;
    enum keadaan how;
};

static bool
overdue(const struct making *m, const struct jam *j)
{
    int64_t ref = j->berakhir_us != INT64_MIN ? j->berakhir_us : m->rules->read_us;

    return ref != INT64_MIN && ref >= j->batas_us;
}

/* ---- what a clock is given --------------------------------------------------------------------------------------- */

struct term
clocks_term(const struct dossier_view *v, const struct terms *terms, int32_t revisi, enum tahap tahap)
{
    const struct fact *form = dossier_form(v->d, revisi);

    if (tahap == TAHAP_PENGAJUAN) {
        const struct fact *first = v->registered ? v->registered : form;

        return terms_of(terms, first ? first->kode_opd : STR_NULL, STR_NULL, tahap);
    }
    return terms_of(terms, form ? form->kode_opd : STR_NULL, form ? form->jenis : STR_NULL, tahap);
}

/* The clock as it was told, where it had ended and by other terms than those of today. */
static const struct jam *
kept(const struct making *m, const struct jam *j)
{
    for (size_t i = 0; i < m->rules->ntold; i++) {
        const struct jam *was = &m->rules->told[i];

        if (was->revisi == j->revisi && was->tahap == j->tahap)
            return was->berakhir_us != INT64_MIN && was->aturan != m->rules->terms->version ? was : NULL;
    }
    return NULL;
}

/* After a return what was left, at least one full unit. What was used in another unit cannot be taken off. */
static void
grant(const struct making *m, struct jam *j)
{
    const struct jam *was = kept(m, j);
    struct term term = clocks_term(m->v, m->rules->terms, j->revisi, j->tahap);
    int64_t used = m->used[j->tahap].unit == term.of.unit ? m->used[j->tahap].n : 0;

    j->satuan = was ? was->satuan : term.of.unit;
    j->aturan = was ? was->aturan : m->rules->terms->version;
    if (was)
        j->jatah = was->jatah;
    else
        j->jatah = !used || used < term.of.n ? term.of.n - used : 1;
}

static void
note_used(struct making *m, const struct jam *j)
{
    if (m->used[j->tahap].unit != j->satuan)
        m->used[j->tahap].n = 0;
    m->used[j->tahap].n += j->hari_terpakai;
    m->used[j->tahap].unit = j->satuan;
}

/* ---- what becomes of it -------------------------------------------------------------------------------------------- */

/* Its end, state and count by one calendar. RES_FATAL when that lacks a year. */
static enum res
reckon(const struct making *m, const struct calendar *cal, enum keadaan timely, struct jam *j, struct err *e)
{
    enum res res =
        calendar_due(cal, j->mulai_us, (struct calendar_term){j->jatah, j->satuan}, &j->batas_us, e);

    j->kalender = calendar_version(cal);
    if (res != RES_OK)
        return res;
    j->keadaan = overdue(m, j) ? KEADAAN_TERLEWAT : timely;
    if (j->berakhir_us != INT64_MIN)
        j->hari_terpakai = calendar_used(cal, j->mulai_us, j->berakhir_us, j->satuan, e);
    else
        j->hari_terpakai = j->keadaan == KEADAAN_TERLEWAT ? j->jatah : 0;
    return j->hari_terpakai < 0 ? e->res : RES_OK;
}

/* What has ended is history: a list that came afterwards does not judge it again, whenever its facts are read. Only where
 * the list of that time could not reckon it the first that can does. */
static enum res
reckon_ended(const struct making *m, enum keadaan timely, struct jam *j, struct err *e)
{
    const struct calendar *cal = almanac_at(m->rules->past, j->berakhir_us);
    enum res res = reckon(m, cal, timely, j, e);

    while (res == RES_FATAL && (cal = almanac_after(m->rules->past, cal))) {
        err_clear(e);
        res = reckon(m, cal, timely, j, e);
    }
    return res;
}

static enum res
add(struct making *m, struct jam j, struct end end)
{
    enum keadaan timely = end.us != INT64_MIN ? end.how : KEADAAN_BERJALAN;
    enum res res;

    if (m->n == JAM_MAX)
        return RES_OK;
    grant(m, &j);
    j.berakhir_us = end.us;
    if (end.us != INT64_MIN && m->rules->past)
        res = reckon_ended(m, timely, &j, m->e);
    else
        res = reckon(m, m->rules->cal, timely, &j, m->e);
    if (res != RES_OK)
        return res;
    if (j.tahap == TAHAP_PEMERIKSAAN || j.tahap == TAHAP_INTEGRASI)
        note_used(m, &j);
    m->out[m->n++] = j;
    return RES_OK;
}

/* ---- which clocks there are -------------------------------------------------------------------------------------- */

static int64_t
earlier(int64_t a, int64_t b)
{
    return a == INT64_MIN || (b != INT64_MIN && b < a) ? b : a;
}

static int64_t
find_stop(const struct dossier_view *v)
{
    int64_t t = v->completed ? v->completed->time_us : INT64_MIN;

    for (size_t i = 0; i < v->d->n; i++) {
        const struct fact *f = &v->d->facts[i];

        if (f->type == FACT_I_CANCELLED ||
            (f->type == FACT_CHECK && (f->putusan == PUTUSAN_DIBATALKAN || f->putusan == PUTUSAN_DITOLAK)))
            t = earlier(t, f->time_us);
    }
    return t;
}

/* Clock 1: from the letter's registration to the form. Where nothing was registered the form opens and meets it. */
static enum res
clock_pengajuan(struct making *m)
{
    const struct fact *first = dossier_form(m->v->d, 1);
    const struct fact *reg = m->v->registered;
    struct end end = {m->stop_us, KEADAAN_DIHENTIKAN};
    struct jam j = {.revisi = 1, .tahap = TAHAP_PENGAJUAN};

    if (!first && !reg)
        return RES_OK;
    j.mulai_us = reg ? reg->time_us : INT64_MAX;
    if (first) {
        end = (struct end){first->time_us, KEADAAN_TERPENUHI};
        if (first->time_us < j.mulai_us)
            j.mulai_us = first->time_us; /* the letter was registered after the form came in, or never */
    }
    return add(m, j, end);
}

/* What the checks of one revisi say about its clocks. */
struct verdicts {
    const struct fact *decided;  /* the first decision */
    const struct fact *accepted; /* the first acceptance */
    const struct fact *returned; /* the first return */
};

static struct verdicts
find_verdicts(const struct dossier *d, int32_t r)
{
    struct verdicts w = {0};

    for (const struct fact *c = NULL; (c = dossier_next_check(d, r, c));) {
        if (!w.decided && c->putusan >= PUTUSAN_DITERIMA)
            w.decided = c;
        if (!w.accepted && c->putusan == PUTUSAN_DITERIMA)
            w.accepted = c;
        if (!w.returned && c->putusan == PUTUSAN_DIKEMBALIKAN)
            w.returned = c;
    }
    return w;
}

static struct end
end_pemeriksaan(const struct making *m, const struct verdicts *w, bool newest)
{
    if (!w->decided)
        return (struct end){m->stop_us, KEADAAN_DIHENTIKAN};
    switch (w->decided->putusan) {
    case PUTUSAN_DIKEMBALIKAN:
        return (struct end){w->decided->time_us, newest ? KEADAAN_DITANGGUHKAN : KEADAAN_TERPENUHI};
    case PUTUSAN_DIBATALKAN:
        return (struct end){w->decided->time_us, KEADAAN_DIHENTIKAN};
    default:
        return (struct end){w->decided->time_us, KEADAAN_TERPENUHI};
    }
}

static struct end
end_integrasi(const struct making *m, const struct verdicts *w, bool newest)
{
    if (m->v->completed)
        return (struct end){m->v->completed->time_us, KEADAAN_TERPENUHI};
    if (w->returned && w->returned->urutan > w->accepted->urutan)
        return (struct end){w->returned->time_us, newest ? KEADAAN_DITANGGUHKAN : KEADAAN_TERPENUHI};
    return (struct end){m->stop_us, KEADAAN_DIHENTIKAN};
}

static enum res
clock_perbaikan(struct making *m, int32_t r, const struct fact *returned)
{
    const struct fact *next = m->v->R > r ? dossier_form(m->v->d, r + 1) : NULL;
    struct jam j = {.revisi = r, .tahap = TAHAP_PERBAIKAN, .mulai_us = returned->time_us};
    struct end end = {m->stop_us, KEADAAN_DIHENTIKAN};

    if (next)
        end = (struct end){next->time_us, KEADAAN_TERPENUHI};
    return add(m, j, end);
}

/* Clocks 2 and 3 of a revisi pause at its return and go on, with what is left, in the next one. */
static enum res
clocks_of_revisi(struct making *m, int32_t r)
{
    const struct fact *form = dossier_form(m->v->d, r);
    struct verdicts w = find_verdicts(m->v->d, r);
    struct jam j = {.revisi = r, .tahap = TAHAP_PEMERIKSAAN};
    enum res res;

    if (!form)
        return RES_OK;
    j.mulai_us = form->time_us;
    res = add(m, j, end_pemeriksaan(m, &w, r == m->v->R));
    if (res == RES_OK && w.accepted) {
        j = (struct jam){.revisi = r, .tahap = TAHAP_INTEGRASI, .mulai_us = w.accepted->time_us};
        res = add(m, j, end_integrasi(m, &w, r == m->v->R));
    }
    return res == RES_OK && w.returned ? clock_perbaikan(m, r, w.returned) : res;
}

enum res
clocks_of(const struct dossier_view *v, const struct clock_rules *rules, struct jam *out, size_t *n,
          struct err *e)
{
    struct making m = {.v = v, .rules = rules, .out = out, .e = e, .stop_us = find_stop(v)};
    enum res res = clock_pengajuan(&m);

    *n = 0;
    for (int32_t r = 1; res == RES_OK && r <= v->R; r++)
        res = clocks_of_revisi(&m, r);
    if (res == RES_OK)
        *n = m.n;
    return res;
}

bool
clocks_find(const struct dossier_view *v, const struct clock_rules *rules, int32_t revisi, enum tahap tahap,
            struct jam *ret, struct err *e)
{
    struct jam all[JAM_MAX];
    size_t n;

    if (clocks_of(v, rules, all, &n, e) != RES_OK)
        return false;
    for (size_t i = 0; i < n; i++)
        if (all[i].revisi == revisi && all[i].tahap == tahap) {
            *ret = all[i];
            return true;
        }
    return false;
}
