#include "workers/sop/rekap.h"

#include "common/base/caltime.h"
#include "common/json/scan.h"

static const char *const units[] = {"hari_kerja", "hari_kalender", "detik"};
enum { UNITS = 3, UNIT_MIXED = UNITS }; /* rounds in unlike units have no sum */

/* One clock: a step's round in one revisi. */
struct round {
    int32_t revisi;
    enum keadaan keadaan;
    int64_t batas_us, berakhir_us; /* the latter INT64_MIN while it runs */
    int64_t hari;
    int unit;
};

/* The rounds of one step by rising revisi. */
struct rounds {
    struct round *of;
    size_t n;
};

static void
put_month(struct buf *out, int64_t t_us)
{
    struct caltime_date d = caltime_date(caltime_day_at(t_us, CALTIME_WIB));

    buf_printf(out, " %04d-%02d/", d.y, d.m);
}

static void
put_count(struct buf *out, int64_t t_us, const char *ukuran)
{
    if (t_us < 0)
        return; /* INT64_MIN: not known */
    put_month(out, t_us);
    buf_z(out, ukuran);
}

/* ---- clocks ----------------------------------------------------------------------------------------------------- */

static int64_t
time_of(struct str raw)
{
    int64_t t_us;

    return scan_kind(raw) == SCAN_STRING && caltime_parse(scan_string(raw, NULL), &t_us) ? t_us : INT64_MIN;
}

static int
unit_of(struct str raw)
{
    struct str name = scan_string(raw, NULL);

    for (int i = 0; i < UNITS; i++)
        if (str_is(name, units[i]))
            return i;
    return UNIT_MIXED;
}

/* False: a clock that never was, or one without its term. */
static bool
read_round(const struct fact *f, struct round *ret)
{
    static const char *const names[] = {"batas", "berakhir", "hari_terpakai", "satuan", "ditiadakan"};
    struct str m[5];

    scan_pick(f->jam, names, m, 5);
    *ret = (struct round){.revisi = f->revisi,
                          .keadaan = f->keadaan,
                          .batas_us = time_of(m[0]),
                          .berakhir_us = time_of(m[1]),
                          .unit = unit_of(m[3])};
    scan_int(m[2], &ret->hari);
    return ret->batas_us != INT64_MIN && !str_is(m[4], "true");
}

static struct rounds
find_rounds(const struct dossier_view *v, enum tahap tahap)
{
    const struct dossier *d = v->d;
    struct rounds r = {arena_new(d->arena, (d->n + 1) * sizeof *r.of), 0};

    for (size_t i = 0; i < d->n; i++) {
        struct round one;
        size_t at = r.n;

        if (d->facts[i].type != FACT_DEADLINE || d->facts[i].tahap != tahap ||
            !read_round(&d->facts[i], &one))
            continue;
        for (; at > 0 && r.of[at - 1].revisi > one.revisi; at--)
            r.of[at] = r.of[at - 1];
        r.of[at] = one;
        r.n++;
    }
    return r;
}

/* ---- steps ------------------------------------------------------------------------------------------------------ */

static const struct fact *
first_check(const struct dossier *d, int32_t revisi, enum putusan from, enum putusan to)
{
    const struct fact *c = NULL;

    while ((c = dossier_next_check(d, revisi, c)))
        if (c->putusan >= from && c->putusan <= to)
            return c;
    return NULL;
}

/* The fact that ends the step, if its last round is that of `revisi`; NULL: it goes on, or was stopped. */
static const struct fact *
step_end(const struct dossier_view *v, enum tahap tahap, int32_t revisi)
{
    const struct fact *c;

    if (tahap == TAHAP_PENGAJUAN)
        return dossier_form(v->d, 1);
    if (tahap == TAHAP_INTEGRASI)
        return v->completed;
    c = first_check(v->d, revisi, PUTUSAN_DITERIMA, PUTUSAN_DIBATALKAN);
    return c && (c->putusan == PUTUSAN_DITERIMA || c->putusan == PUTUSAN_DITOLAK) ? c : NULL;
}

/* The fact that ended an earlier round. */
static const struct fact *
round_end(const struct dossier_view *v, enum tahap tahap, int32_t revisi)
{
    if (tahap == TAHAP_INTEGRASI)
        return first_check(v->d, revisi, PUTUSAN_DIKEMBALIKAN, PUTUSAN_DIKEMBALIKAN);
    return first_check(v->d, revisi, PUTUSAN_DITERIMA, PUTUSAN_DIBATALKAN);
}

static bool
in_time(const struct round *r, const struct fact *end)
{
    int64_t at_us = end ? end->append.ms * 1000 : r->berakhir_us;

    return r->keadaan != KEADAAN_TERLEWAT && at_us < r->batas_us;
}

static void
put_step(const struct dossier_view *v, enum tahap tahap, const struct rounds *r, struct buf *out)
{
    const struct round *last = r->n ? &r->of[r->n - 1] : NULL;
    const struct fact *end = last ? step_end(v, tahap, last->revisi) : NULL;
    int64_t days = 0;
    bool tepat = true;
    int unit;

    if (!end || last->berakhir_us < 0 ||
        (last->keadaan != KEADAAN_TERPENUHI && last->keadaan != KEADAAN_TERLEWAT))
        return;
    unit = last->unit;
    for (const struct round *one = r->of; one <= last; one++) {
        days += one->hari;
        unit = one->unit == unit ? unit : UNIT_MIXED;
        tepat = tepat && in_time(one, one == last ? end : round_end(v, tahap, one->revisi));
    }
    put_month(out, last->berakhir_us);
    buf_printf(out, "%s/%s/%lld/%c", tahap_name(tahap), unit == UNIT_MIXED ? "campuran" : units[unit],
               unit == UNIT_MIXED || days < 0 || days > INT32_MAX ? 0LL : (long long)days, tepat ? 't' : 'f');
}

static void
put_steps(const struct dossier_view *v, struct buf *out)
{
    for (int t = TAHAP_PENGAJUAN; t <= TAHAP_INTEGRASI; t++) {
        struct rounds r = find_rounds(v, (enum tahap)t);

        put_step(v, (enum tahap)t, &r, out);
        for (size_t i = 0; i < r.n; i++)
            if (r.of[i].keadaan == KEADAAN_TERLEWAT)
                put_count(out, r.of[i].batas_us, "terlewat");
    }
}

/* ---- the text --------------------------------------------------------------------------------------------------- */

static void
put_returns(const struct dossier_view *v, struct buf *out)
{
    for (int32_t r = 1; r <= v->R; r++) {
        const struct fact *c = dossier_check(v->d, r);

        if (c && c->putusan == PUTUSAN_DIKEMBALIKAN)
            put_count(out, c->time_us, "dikembalikan");
    }
}

void
rekap_write(const struct dossier_view *v, struct buf *out)
{
    const struct fact *about = v->form ? v->form : v->registered;
    const struct fact *first = dossier_form(v->d, 1);

    buf_str(out, about && kode_opd_ok(about->kode_opd) ? about->kode_opd : STR("-"));
    if (first)
        put_count(out, first->time_us, "diajukan");
    put_returns(v, out);
    if (status_is_final(v->status))
        put_count(out, v->since_us, status_name(v->status));
    put_steps(v, out);
}

/* Takes what stands before `mark`, and the mark; all where there is none. */
static struct str
take(struct str *s, char mark)
{
    const char *p = s->n ? memchr(s->p, mark, s->n) : NULL;
    struct str head = {s->p, p ? (size_t)(p - s->p) : s->n};
    size_t gone = p ? head.n + 1 : head.n;

    if (gone)
        *s = (struct str){s->p + gone, s->n - gone};
    return head;
}

struct str
rekap_kode(struct str *text)
{
    struct str kode = take(text, ' ');

    return kode.n && !str_is(kode, "-") ? kode : STR("");
}

bool
rekap_next(struct str *text, struct rekap_item *it)
{
    struct str word = take(text, ' ');

    if (!word.n)
        return false;
    it->bulan = take(&word, '/');
    it->ukuran = take(&word, '/');
    it->satuan = word.n ? take(&word, '/') : STR("");
    str_int(take(&word, '/'), &it->hari);
    it->tepat = !str_is(word, "f");
    return true;
}
