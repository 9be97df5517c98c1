#include "workers/sop/clocks.h"

struct making {
    const struct dossier_view *v;
    const struct clock_rules *rules;
    struct jam *out;
    size_t n;
    struct err *e;
    int64_t stop_us; /* a final decision: ends what still runs */
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
    j.satuan = m->rules->terms.of[j.tahap].unit;
    j.berakhir_us = end.us;
    if (end.us != INT64_MIN && m->rules->past)
        res = reckon_ended(m, timely, &j, m->e);
    else
        res = reckon(m, m->rules->cal, timely, &j, m->e);
    if (res == RES_OK)
        m->out[m->n++] = j;
    return res;
}

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
    struct jam j = {.revisi = 1, .tahap = TAHAP_PENGAJUAN, .jatah = m->rules->terms.of[TAHAP_PENGAJUAN].n};

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

static int64_t
left_after(const struct making *m, int64_t left)
{
    left -= m->out[m->n - 1].hari_terpakai;
    return left > 1 ? left : 1; /* at least one full day after a return */
}

static enum res
clock_perbaikan(struct making *m, int32_t r, const struct fact *returned)
{
    const struct fact *next = m->v->R > r ? dossier_form(m->v->d, r + 1) : NULL;
    struct jam j = {.revisi = r,
                    .tahap = TAHAP_PERBAIKAN,
                    .mulai_us = returned->time_us,
                    .jatah = m->rules->terms.of[TAHAP_PERBAIKAN].n};
    struct end end = {m->stop_us, KEADAAN_DIHENTIKAN};

    if (next)
        end = (struct end){next->time_us, KEADAAN_TERPENUHI};
    return add(m, j, end);
}

/* Clocks 2 and 3 of a revisi pause at its return and go on, with what is left, in the next one. */
static enum res
clocks_of_revisi(struct making *m, int32_t r, int64_t left[TAHAPS])
{
    const struct fact *form = dossier_form(m->v->d, r);
    struct verdicts w = find_verdicts(m->v->d, r);
    struct jam j = {.revisi = r, .tahap = TAHAP_PEMERIKSAAN, .jatah = left[TAHAP_PEMERIKSAAN]};
    enum res res;

    if (!form)
        return RES_OK;
    j.mulai_us = form->time_us;
    res = add(m, j, end_pemeriksaan(m, &w, r == m->v->R));
    if (res != RES_OK)
        return res;
    left[TAHAP_PEMERIKSAAN] = left_after(m, left[TAHAP_PEMERIKSAAN]);
    if (w.accepted) {
        j = (struct jam){.revisi = r,
                         .tahap = TAHAP_INTEGRASI,
                         .jatah = left[TAHAP_INTEGRASI],
                         .mulai_us = w.accepted->time_us};
        res = add(m, j, end_integrasi(m, &w, r == m->v->R));
        if (res != RES_OK)
            return res;
        left[TAHAP_INTEGRASI] = left_after(m, left[TAHAP_INTEGRASI]);
    }
    return w.returned ? clock_perbaikan(m, r, w.returned) : RES_OK;
}

enum res
clocks_of(const struct dossier_view *v, const struct clock_rules *rules, struct jam *out, size_t *n,
          struct err *e)
{
    struct making m = {.v = v, .rules = rules, .out = out, .e = e, .stop_us = find_stop(v)};
    int64_t left[TAHAPS];
    enum res res;

    *n = 0;
    for (int i = 0; i < TAHAPS; i++)
        left[i] = rules->terms.of[i].n;
    res = clock_pengajuan(&m);
    for (int32_t r = 1; res == RES_OK && r <= v->R; r++)
        res = clocks_of_revisi(&m, r, left);
    if (res == RES_OK)
        *n = m.n;
    return res;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

static const char *const satuans[] = {"hari_kerja", "hari_kalender", "detik"};

const char *
satuan_name(enum calendar_unit u)
{
    return satuans[u];
}

bool
clock_term_parse(const char *text, struct calendar_term *ret)
{
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits + strspn(text + digits, " ");

    *ret = (struct calendar_term){0};
    if (!str_int((struct str){text, digits}, &ret->n) || ret->n > CALENDAR_N_MAX)
        return false;
    for (int i = 0; i < 3; i++)
        if (strcmp(unit, satuans[i]) == 0) {
            ret->unit = (enum calendar_unit)i;
            return true;
        }
    return false;
}
