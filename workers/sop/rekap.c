#include "workers/sop/rekap.h"

#include "common/base/caltime.h"
#include "common/json/scan.h"

static const char *const units[] = {"hari_kerja", "hari_kalender", "detik"};
enum { UNITS = 3, UNIT_MIXED = UNITS }; /* rounds in unlike units have no sum */

/* What the fact of one clock, a step's round in one revisi, says in its data. */
struct round {
    int64_t batas_us, berakhir_us; /* the latter INT64_MIN while it runs */
    int64_t hari;
    int unit;
};

/* The clocks of one step by rising revisi. */
struct rounds {
    const struct fact **of;
    size_t n;
};

static void
put_digits(struct buf *out, int value, unsigned digits)
{
    char text[4];

    for (unsigned i = digits; i-- > 0; value /= 10)
        text[i] = (char)('0' + value % 10);
    buf_add(out, text, digits);
}

/* For every row of every batch, so without printf. */
static void
put_month(struct buf *out, int64_t t_us)
{
    struct caltime_date d = caltime_date(caltime_day_at(t_us, CALTIME_WIB));

    buf_char(out, ' ');
    put_digits(out, d.y, 4);
    buf_char(out, '-');
    put_digits(out, d.m, 2);
    buf_char(out, '/');
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

/* False: it lacks its term. */
static bool
read_round(const struct fact *f, struct round *ret)
{
    static const char *const names[] = {"batas", "berakhir", "hari_terpakai", "satuan"};
    struct str m[4];

    scan_pick(f->jam, names, m, 4);
    *ret = (struct round){.batas_us = time_of(m[0]), .berakhir_us = time_of(m[1]), .unit = unit_of(m[3])};
    scan_int(m[2], &ret->hari);
    return ret->batas_us != INT64_MIN;
}

/* A clock that never was is told as stopped (workers/deadline/change.c). */
static bool
never_was(const struct fact *f)
{
    return f->keadaan == KEADAAN_DIHENTIKAN && str_is(scan_get(f->jam, "ditiadakan"), "true");
}

static struct rounds
find_rounds(const struct dossier_view *v, enum tahap tahap, const struct fact **room)
{
    const struct dossier *d = v->d;
    struct rounds r = {room, 0};

    for (size_t i = 0; i < d->n; i++) {
        const struct fact *f = &d->facts[i];
        size_t at = r.n;

        if (f->type != FACT_DEADLINE || f->tahap != tahap || never_was(f))
            continue;
        for (; at > 0 && r.of[at - 1]->revisi > f->revisi; at--)
            r.of[at] = r.of[at - 1];
        r.of[at] = f;
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

/* A step's rounds together. */
struct total {
    int64_t hari;
    int unit;
    bool tepat;
    int64_t berakhir_us; /* of the last */
};

/* False: a clock lacks its term, or the last runs on. */
static bool
add_up(const struct dossier_view *v, const struct rounds *r, const struct fact *end, struct total *ret)
{
    *ret = (struct total){.tepat = true};
    for (size_t i = 0; i < r->n; i++) {
        const struct fact *f = r->of[i];
        const struct fact *closed = i + 1 == r->n ? end : round_end(v, f->tahap, f->revisi);
        struct round one;

        if (!read_round(f, &one))
            return false;
        ret->hari += one.hari;
        ret->unit = i == 0 || one.unit == ret->unit ? one.unit : UNIT_MIXED;
        ret->tepat = ret->tepat && f->keadaan != KEADAAN_TERLEWAT &&
                     (closed ? closed->append.ms * 1000 : one.berakhir_us) < one.batas_us;
        ret->berakhir_us = one.berakhir_us;
    }
    return ret->berakhir_us >= 0;
}

static void
put_step(const struct dossier_view *v, enum tahap tahap, const struct rounds *r, struct buf *out)
{
    const struct fact *last = r->n ? r->of[r->n - 1] : NULL;
    const struct fact *end;
    struct total all;

    if (!last || (last->keadaan != KEADAAN_TERPENUHI && last->keadaan != KEADAAN_TERLEWAT))
        return;
    end = step_end(v, tahap, last->revisi);
    if (!end || !add_up(v, r, end, &all))
        return;
    put_month(out, all.berakhir_us);
    buf_z(out, tahap_name(tahap));
    buf_char(out, '/');
    buf_z(out, all.unit == UNIT_MIXED ? "campuran" : units[all.unit]);
    buf_char(out, '/');
    buf_int(out, all.unit == UNIT_MIXED || all.hari < 0 || all.hari > INT32_MAX ? 0 : all.hari);
    buf_z(out, all.tepat ? "/t" : "/f");
}

static void
put_missed(const struct fact *f, struct buf *out)
{
    struct round one;

    if (f->keadaan == KEADAAN_TERLEWAT && read_round(f, &one))
        put_count(out, one.batas_us, "terlewat");
}

static void
put_steps(const struct dossier_view *v, struct buf *out)
{
    const struct fact **room = arena_new(v->d->arena, (v->d->n + 1) * sizeof *room);

    for (int t = TAHAP_PENGAJUAN; t <= TAHAP_INTEGRASI; t++) {
        struct rounds r = find_rounds(v, (enum tahap)t, room);

        put_step(v, (enum tahap)t, &r, out);
        for (size_t i = 0; i < r.n; i++)
            put_missed(r.of[i], out);
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
