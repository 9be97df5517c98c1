#include "workers/deadline/deadline.h"

#include "common/base/caltime.h"
#include "common/base/fault.h"
#include "common/base/log.h"

/* Where a deadline cannot be computed, a year's calendar is missing. It is tried again as soon as another is loaded
 * (recount.c); and now and then, for whoever changes the file instead. */
static const int64_t LOOK_AGAIN_US = LOOK_AGAIN_S * (int64_t)1000000;

static const struct told *
find_told(const struct jadwal *j, const struct jam *k)
{
    for (size_t i = 0; i < j->n; i++)
        if (j->told[i].jam.revisi == k->revisi && j->told[i].jam.tahap == k->tahap)
            return &j->told[i];
    return NULL;
}

/* hari_terpakai of a running clock is not part of what is told: it would change every day. */
static bool
differs(const struct jam *a, const struct jam *b)
{
    return a->keadaan != b->keadaan || a->mulai_us != b->mulai_us || a->batas_us != b->batas_us ||
           a->berakhir_us != b->berakhir_us || a->satuan != b->satuan || a->hari_terpakai != b->hari_terpakai;
}

/* The calendar alone moved the end: in all else it is the clock that was told. */
static bool
moved(const struct jam *was, const struct jam *is)
{
    return was->batas_us != is->batas_us && was->mulai_us == is->mulai_us && was->jatah == is->jatah &&
           was->satuan == is->satuan;
}

/* .. and nothing else happened to it. */
static bool
only_moved(const struct jam *was, const struct jam *is)
{
    return moved(was, is) && was->berakhir_us == is->berakhir_us;
}

/* Other terms moved the end. By which terms a clock of before was given is not known: they are others where no fact can be
 * the cause. */
static bool
regranted(const struct jadwal *j, const struct jam *was, const struct jam *is)
{
    return was->batas_us != is->batas_us && was->mulai_us == is->mulai_us && (was->aturan || !j->cause) &&
           was->aturan != is->aturan;
}

static void
put_time(struct buf *b, const char *name, int64_t t_us)
{
    char text[CALTIME_TEXT];

    caltime_format(t_us, text);
    buf_printf(b, ",\"%s\":\"%s\"", name, text);
}

/* When this part was applied, by the clock that firing goes by (fire_now): one that is ahead would note a warning as given
 * that nobody was given, and take what is still to come for past. */
static int64_t
now_us(const struct worker *w)
{
    return w->now_us - ((const struct deadline *)w->own)->skew_us;
}

static int64_t
days_left(const struct worker *w, const struct jam *k)
{
    struct err e = {0};
    int64_t left;

    if (k->keadaan != KEADAAN_BERJALAN)
        return k->jatah > k->hari_terpakai ? k->jatah - k->hari_terpakai : 0;
    left = calendar_left(almanac_newest(w->almanac), now_us(w), k->batas_us, k->satuan, &e);
    return left < 0 ? 0 : left;
}

/* The fact that opened a clock is the parent of what a timer says about it. */
static void
set_parent(const struct berkas *b, const struct jam *k, struct emit *em)
{
    const struct jadwal *j = b->more;
    const struct fact *form = dossier_form(&b->d, k->revisi);

    if (j->cause) {
        em->parent_source = j->cause->ce.source;
        em->parent_id = j->cause->ce.id;
        em->traceparent = j->cause->ce.traceparent;
    } else if (form) {
        em->parent_source = form->source;
        em->parent_id = form->id;
    } else {
        em->parent_source = STR("/bedelau/deadline");
        em->parent_id = b->nomor;
    }
}

static struct str
mark(struct worker *w, const struct berkas *b, const struct jam *k, const char *what)
{
    struct buf m = buf_make(256);
    struct str s;

    buf_printf(&m, "%s:%s:%d:%s:%lld", what, tahap_name(k->tahap), k->revisi, k->kalender ? k->kalender : "",
               (long long)b->urutan);
    s = arena_str(&w->arena, buf_view(&m));
    buf_free(&m);
    return s;
}

static void
say(struct worker *w, struct berkas *b, const struct jam *k, struct buf *data, enum fact_type type)
{
    struct emit em = {.type = type, .time_us = now_us(w), .revisi = k->revisi, .data = buf_view(data)};
    char id[37];

    em.mark = mark(w, b, k, type == FACT_WARNED ? "warned" : "changed");
    set_parent(b, k, &em);
    worker_emit(w, b, &em, id);
    b->dirty = true;
}

/* Why, and where the calendar or other terms moved it, from where. `was` is what was told before, NULL = nothing. */
static void
put_cause(struct buf *b, const struct jadwal *j, const struct jam *was, const struct jam *k)
{
    buf_printf(b, ",\"sebab\":\"%s\"",
               was && only_moved(was, k)     ? "kalender"
               : j->cause                    ? fact_type_name(j->cause->fact.type)
               : was && regranted(j, was, k) ? "aturan"
                                             : "waktu");
    if (!was || (!moved(was, k) && !regranted(j, was, k)))
        return;
    put_time(b, "batas_lama", was->batas_us);
    if (was->kalender && moved(was, k))
        buf_printf(b, ",\"kalender_lama\":\"%s\"", was->kalender);
}

static void
say_changed(struct worker *w, struct berkas *b, const struct jam *was, const struct jam *k,
            const char *mark_as)
{
    struct deadline *d = w->own;
    struct buf data = buf_make(4096);
    bool missed = k->keadaan == KEADAAN_TERLEWAT && (!was || was->keadaan != KEADAAN_TERLEWAT);

    b->urutan++;
    buf_printf(&data, "{\"revisi\":%d,\"tahap\":\"%s\",\"keadaan\":\"%s\",\"urutan\":%lld", k->revisi,
               tahap_name(k->tahap), keadaan_name(k->keadaan), (long long)b->urutan);
    put_time(&data, "mulai", k->mulai_us);
    put_time(&data, "batas", k->batas_us);
    if (k->berakhir_us != INT64_MIN)
        put_time(&data, "berakhir", k->berakhir_us);
    buf_printf(&data, ",\"satuan\":\"%s\",\"hari_terpakai\":%lld,\"sisa_hari\":%lld,\"kalender\":\"%s\"",
               satuan_name(k->satuan), (long long)k->hari_terpakai, (long long)days_left(w, k),
               k->kalender ? k->kalender : "");
    buf_printf(&data, ",\"aturan\":\"%08x\"", k->aturan);
    put_cause(&data, b->more, was, k);
    buf_printf(&data, "%s}", mark_as);
    say(w, b, k, &data, FACT_DEADLINE);
    if (missed)
        FAULT("deadline.missed_told");
    FAULT("deadline.change_told");
    metric_add(missed ? d->m_missed : d->m_changed, 1);
    buf_free(&data);
}

static void
say_warned(struct worker *w, struct berkas *b, const struct jam *k, int64_t threshold)
{
    struct deadline *d = w->own;
    struct buf data = buf_make(4096);

    b->urutan++;
    buf_printf(&data, "{\"revisi\":%d,\"tahap\":\"%s\",\"sisa_hari\":%lld,\"urutan\":%lld", k->revisi,
               tahap_name(k->tahap), (long long)threshold, (long long)b->urutan);
    put_time(&data, "batas", k->batas_us);
    buf_char(&data, '}');
    say(w, b, k, &data, FACT_WARNED);
    FAULT("deadline.warning_told");
    metric_add(d->m_warned, 1);
    buf_free(&data);
}

/* Warns of what has come due by all that was read, so that nobody is warned whose answer is in the log; returns the next
 * instant at which this running clock wants to be looked at. */
static int64_t
warn(struct worker *w, struct berkas *b, struct told *t, const struct term *term)
{
    const struct jadwal *j = b->more;
    int64_t next;
    bool changed;
    int64_t threshold = warnings_due(almanac_newest(w->almanac), &t->jam, term,
                                     j->read_us ? j->read_us : INT64_MIN, &t->warned, &next, &changed);

    b->dirty |= changed;
    if (threshold && now_us(w) < t->jam.batas_us)
        say_warned(w, b, &t->jam, threshold);
    return next;
}

/* What was said of a clock binds what is said next: a warning is not repeated because the end moved, and what was called
 * missed stays so while its end, wherever the calendar or other terms put it, has passed: whether something in time is still unread
 * was asked then, and what is read later corrects it. */
static void
carry_over(const struct worker *w, const struct jadwal *j, struct told *t, const struct told *before,
           const struct term *term)
{
    const struct jam *was = &before->jam;

    t->warned = before->warned;
    if (moved(was, &t->jam))
        warned_move(&t->warned, was->batas_us, t->jam.batas_us);
    else if (was->batas_us != t->jam.batas_us)
        warned_renew(almanac_newest(w->almanac), &t->jam, term, was->batas_us, now_us(w), &t->warned);
    if (was->keadaan != KEADAAN_TERLEWAT || t->jam.keadaan != KEADAAN_BERJALAN)
        return;
    if (was->batas_us != t->jam.batas_us &&
        !((moved(was, &t->jam) || regranted(j, was, &t->jam)) && t->jam.batas_us <= now_us(w)))
        return;
    t->jam.keadaan = KEADAAN_TERLEWAT;
    t->jam.hari_terpakai = t->jam.jatah;
}

static void
take(struct worker *w, struct berkas *b, const struct dossier_view *v, struct told *t,
     const struct told *before)
{
    const struct jam *was = before ? &before->jam : NULL;
    struct term term = clocks_term(v, w->terms, t->jam.revisi, t->jam.tahap);
    struct jadwal *j = b->more;
    bool late;

    t->warned = (struct warned){0};
    if (before)
        carry_over(w, j, t, before, &term);
    late = was && was->keadaan == KEADAAN_TERLEWAT && t->jam.keadaan != KEADAAN_TERLEWAT &&
           !only_moved(was, &t->jam) && !regranted(j, was, &t->jam);
    if (!was || differs(was, &t->jam))
        say_changed(w, b, was, &t->jam, late ? ",\"late_arrival\":true" : "");
    if (t->jam.keadaan == KEADAAN_BERJALAN) {
        int64_t next = warn(w, b, t, &term);

        if (j->due_us == INT64_MIN || next < j->due_us)
            j->due_us = next;
    }
}

static bool
has_clock(const struct jam *jam, size_t n, const struct jam *k)
{
    for (size_t i = 0; i < n; i++)
        if (jam[i].revisi == k->revisi && jam[i].tahap == k->tahap)
            return true;
    return false;
}

/* Clocks that were told and, by what is known now, never were: a form was read before the withdrawal that it came
 * after, and was taken for the next revisi. In any order the facts must leave the same clocks. */
static void
take_back(struct worker *w, struct berkas *b, const struct jam *jam, size_t n)
{
    const struct jadwal *j = b->more;

    for (size_t i = 0; i < j->n; i++) {
        struct jam k = j->told[i].jam;

        if (has_clock(jam, n, &k))
            continue;
        k.keadaan = KEADAAN_DIHENTIKAN;
        k.berakhir_us = k.mulai_us;
        k.hari_terpakai = 0;
        say_changed(w, b, &j->told[i].jam, &k, ",\"ditiadakan\":true");
    }
}

static const struct jam *
clocks_told(struct worker *w, const struct jadwal *j)
{
    struct jam *all = arena_new(&w->arena, (j->n + 1) * sizeof *all);

    for (size_t i = 0; i < j->n; i++)
        all[i] = j->told[i].jam;
    return all;
}

void
change_settle(struct worker *w, struct berkas *b)
{
    const struct deadline *d = w->own;
    struct jadwal *j = b->more;
    struct jam jam[JAM_MAX];
    struct told *told;
    struct clock_rules rules = d->rules;
    struct dossier_view v;
    struct err e = {0};
    size_t n;

    dossier_look(&b->d, &v);
    rules.cal = almanac_newest(w->almanac);
    rules.past = w->almanac;
    j->kalender = reckoned_by(w);
    rules.read_us = j->read_us ? j->read_us : INT64_MIN;
    rules.told = clocks_told(w, j);
    rules.ntold = j->n;
    if (clocks_of(&v, &rules, jam, &n, &e) != RES_OK) {
        log_error("a deadline cannot be computed", LOG_S("nomor", b->nomor), LOG_Z("why", e.text));
        j->due_us = now_us(w) + LOOK_AGAIN_US;
        return;
    }
    take_back(w, b, jam, n);
    told = arena_new(&w->arena, (n + 1) * sizeof *told);
    j->due_us = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        told[i].jam = jam[i];
        take(w, b, &v, &told[i], find_told(j, &jam[i]));
    }
    j->told = told;
    j->n = n;
    if (!told_open(j))
        j->kalender = NONE_OPEN;
}
