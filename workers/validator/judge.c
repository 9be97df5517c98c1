/* judge: what the validator says: the verdict on a form, an officer's decision carried out, a refusal. */
#include "workers/validator/validator.h"

#include <stdlib.h>

#include "common/base/log.h"

enum { DATA_MAX = 2 << 20 };

static void
put_text(struct buf *b, const char *name, struct str s)
{
    buf_z(b, ",\"");
    buf_z(b, name);
    buf_z(b, "\":");
    buf_json(b, s);
}

static bool
is_decision(enum putusan p)
{
    return p >= PUTUSAN_DITERIMA;
}

static void
count(struct worker *w, enum putusan p)
{
    struct validator *v = w->own;

    metric_add(p == PUTUSAN_DIKEMBALIKAN ? v->m_returned
               : p == PUTUSAN_DITERIMA   ? v->m_accepted
                                         : v->m_waiting,
               1);
}

static void
check_data(struct worker *w, const struct berkas *b, const struct verdict *v, struct buf *data)
{
    const struct validator *own = w->own;

    buf_z(data, "{\"revisi\":");
    buf_int(data, v->revisi);
    buf_z(data, ",\"putaran\":");
    buf_int(data, v->putaran);
    put_text(data, "sumber_pengajuan", v->sumber_pengajuan);
    put_text(data, "id_pengajuan", v->id_pengajuan);
    put_text(data, "putusan", str_of(putusan_name(v->putusan)));
    buf_z(data, is_decision(v->putusan) ? ",\"final\":true" : ",\"final\":false");
    buf_z(data, ",\"temuan\":");
    buf_str(data, v->findings);
    put_text(data, "aturan", str_of(rules_hash(own->rules)));
    put_text(data, "oleh", v->oleh);
    buf_z(data, ",\"urutan\":");
    buf_int(data, b->urutan);
    buf_char(data, '}');
}

static void
remember(struct worker *w, struct berkas *b, const struct verdict *v, const char *id)
{
    struct fact own = {.type = FACT_CHECK,
                       .source = worker_source(w),
                       .id = str_of(id),
                       .time_us = v->time_us,
                       .append = {.ms = w->now_us / 1000, .topic = STR("checks")},
                       .revisi = v->revisi,
                       .putaran = v->putaran,
                       .urutan = b->urutan,
                       .putusan = v->putusan,
                       .sumber_pengajuan = v->sumber_pengajuan,
                       .id_pengajuan = v->id_pengajuan};

    dossier_add(&b->d, &own);
}

static struct str
mark(struct worker *w, const char *what, int32_t revisi, int32_t putaran, int64_t urutan)
{
    struct buf b = buf_make(128);
    struct str s;

    buf_printf(&b, "%s:%d:%d:%lld", what, revisi, putaran, (long long)urutan);
    s = arena_str(&w->arena, buf_view(&b));
    buf_free(&b);
    return s;
}

void
judge_say(struct worker *w, struct berkas *b, const struct verdict *v)
{
    struct buf data = buf_make(DATA_MAX);
    struct emit em = {.type = FACT_CHECK,
                      .parent_source = v->cause->source,
                      .parent_id = v->cause->id,
                      .traceparent = v->traceparent,
                      .time_us = v->time_us,
                      .revisi = v->revisi};
    struct verdict told = *v;
    char id[37];

    b->urutan++;
    b->dirty = true;
    told.findings = late_say(w, b, v);
    check_data(w, b, &told, &data);
    em.mark = mark(w, "check", v->revisi, v->putaran, b->urutan);
    em.data = buf_view(&data);
    worker_emit(w, b, &em, id);
    remember(w, b, v, id);
    count(w, v->putusan);
    buf_free(&data);
}

void
judge_refuse(struct worker *w, struct berkas *b, const struct event *ev, const struct refusal *why)
{
    struct validator *own = w->own;
    struct buf data = buf_make(DATA_MAX);
    struct emit em = {.type = FACT_REFUSED,
                      .parent_source = ev->ce.source,
                      .parent_id = ev->ce.id,
                      .traceparent = ev->ce.traceparent,
                      .time_us = w->now_us,
                      .revisi = ev->fact.revisi};
    char id[37];

    b->urutan++;
    b->dirty = true;
    buf_z(&data, "{\"urutan\":");
    buf_int(&data, b->urutan);
    put_text(&data, "sumber", ev->ce.source);
    put_text(&data, "id", ev->ce.id);
    put_text(&data, "tipe", ev->ce.type);
    put_text(&data, "kode", str_of(why->kode));
    put_text(&data, "pesan", str_of(why->pesan));
    put_text(&data, "message", str_of(why->message));
    buf_char(&data, '}');
    em.mark = mark(w, why->kode, ev->fact.revisi, ev->fact.putaran, b->urutan);
    em.data = buf_view(&data);
    worker_emit(w, b, &em, id);
    metric_add(own->m_refused, 1);
    buf_free(&data);
}

/* One in SHADOW forms that took the short way takes the long one too, which is the one that counts: whether the two agree
 * is seen where the real forms are. */
enum { SHADOW = 256 };

static void
compare(struct worker *w, const struct tahan *form, const struct form_context *ctx, struct buf *findings,
        struct rules_count *n)
{
    struct validator *own = w->own;
    struct buf full = buf_make(DATA_MAX);
    struct rules_count m = rules_check(own->rules, form->data, ctx, &full);

    metric_add(own->m_shadow, 1);
    if (str_eq(buf_view(&full), buf_view(findings))) {
        buf_free(&full);
        return;
    }
    metric_add(own->m_shadow_differs, 1);
    log_error("two ways of checking a form differ; the findings of the full engine count",
              LOG_S("sumber", form->fact.source), LOG_S("id", form->fact.id),
              LOG_Z("aturan", rules_hash(own->rules)));
    buf_free(findings);
    *findings = full;
    *n = m;
}

void
form_prepare(struct worker *w, struct event *ev)
{
    struct validator *own = w->own;
    struct form_read *read;

    if (ev->fact.type != FACT_SUBMITTED)
        return;
    read = malloc(sizeof *read);
    if (!read)
        abort(); /* as an arena does */
    rules_read(own->rules, own->tape, ev->ce.data, &read->rules);
    keys_pick(&ev->ce, read->keys);
    ev->more = read;
}

static struct rules_count
find(struct worker *w, const struct tahan *form, const struct form_context *ctx, struct buf *findings)
{
    struct validator *own = w->own;
    struct rules_reading now;
    const struct rules_reading *read = form->read;
    struct rules_count n;

    if (!read) {
        rules_read(own->rules, own->tape, form->data, &now);
        read = &now;
    }
    n = rules_judge_read(own->rules, read, form->data, ctx, findings);
    metric_add(read->proved ? own->m_short : own->m_full, 1);
    if (read->proved && own->shadow++ % SHADOW == 0)
        compare(w, form, ctx, findings, &n);
    return n;
}

enum putusan
judge_putusan(const struct worker *w, unsigned errors, struct str kode_opd, struct str kategori)
{
    const struct validator *own = w->own;

    if (errors)
        return PUTUSAN_DIKEMBALIKAN;
    return review_manual(&own->review, kode_opd, kategori) ? PUTUSAN_MENUNGGU_PEMERIKSA : PUTUSAN_DITERIMA;
}

void
judge_form(struct worker *w, struct berkas *b, const struct tahan *form)
{
    struct buf findings = buf_make(DATA_MAX);
    struct form_context ctx = {.subject = b->nomor,
                               .today = form_day(form->fact.time_us),
                               .revisi = form->fact.revisi_ext,
                               .original_active = form->original_active,
                               .duplicate_open = form->duplicate_open,
                               .letter_seen = form->letter_seen};
    struct rules_count n = find(w, form, &ctx, &findings);
    struct verdict v = {.revisi = form->fact.revisi,
                        .putaran = 1,
                        .sumber_pengajuan = form->fact.source,
                        .id_pengajuan = form->fact.id,
                        .findings = buf_view(&findings),
                        .oleh = STR("sistem"),
                        .cause = &form->fact,
                        .traceparent = form->traceparent,
                        .time_us = w->now_us};

    v.putusan = judge_putusan(w, n.errors, form->fact.kode_opd, form->keys.kategori);
    if (!lampiran_open(w, b, form, &v, n.errors > 0)) {
        if (v.putusan != PUTUSAN_DITERIMA)
            late_judge(w, b, form);
        judge_say(w, b, &v);
    }
    buf_free(&findings);
}
