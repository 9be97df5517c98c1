/* admit: carries out what the table "what arrives at its one judge" (design, section 6; workers/sop/admission.h) says. */
#include "workers/validator/validator.h"

#include "common/json/scan.h"
#include "workers/sop/rules/normal.h"

/* ---- forms ------------------------------------------------------------------------------------------------------ */

static void
take_form(struct worker *w, struct berkas *b, struct tahan *form, bool judged)
{
    b->dirty |= dossier_add(&b->d, &form->fact);
    if (!judged)
        return;
    others_ask(w, b, form);
    judge_form(w, b, form);
}

static void
hold(struct worker *w, struct berkas *b, const struct tahan *form)
{
    struct validator *v = w->own;
    struct periksa *p = b->more;
    struct tahan *copy = arena_new(&w->arena, sizeof *copy);

    for (const struct tahan *t = p->held; t; t = t->next)
        if (str_eq(t->fact.id, form->fact.id) && str_eq(t->fact.source, form->fact.source))
            return;
    *copy = *form;
    copy->next = p->held;
    p->held = copy;
    b->dirty = true;
    metric_add(v->m_held, 1);
}

static unsigned
count_held(const struct periksa *p)
{
    unsigned n = 0;

    for (const struct tahan *t = p->held; t; t = t->next)
        n += !t->admitted;
    return n;
}

static const struct event *
as_event(struct worker *w, const struct tahan *t)
{
    struct event *ev = arena_new(&w->arena, sizeof *ev);

    ev->ce.source = t->fact.source;
    ev->ce.id = t->fact.id;
    ev->ce.type = str_of(fact_type_name(FACT_SUBMITTED));
    ev->ce.traceparent = t->traceparent;
    ev->fact = t->fact;
    return ev;
}

/* Held forms whose turn can no longer come: another form was taken for their revisi, or the request has ended. */
static void
refuse_held(struct worker *w, struct berkas *b)
{
    struct periksa *p = b->more;
    struct dossier_view v;

    dossier_look(&b->d, &v);
    for (struct tahan *t = p->held; t; t = t->next) {
        if (t->admitted || (!status_is_final(v.status) && t->fact.revisi > v.R))
            continue;
        t->admitted = true;
        judge_refuse(w, b, as_event(w, t),
                     admission_refusal(status_is_final(v.status) ? REFUSE_FINAL : REFUSE_REVISI));
    }
}

/* Among the held forms of the revisi whose turn it is, the first stored one. */
static struct tahan *
next_held(const struct periksa *p, int32_t revisi)
{
    struct tahan *first = NULL;

    for (struct tahan *t = p->held; t; t = t->next)
        if (!t->admitted && t->fact.revisi == revisi &&
            (!first || append_cmp(&t->fact.append, &first->fact.append) < 0))
            first = t;
    return first;
}

void
admit_held(struct worker *w, struct berkas *b)
{
    struct periksa *p = b->more;
    struct dossier_view v;
    struct tahan *t;

    for (dossier_look(&b->d, &v); p->held && v.status == STATUS_DIKEMBALIKAN && (t = next_held(p, v.R + 1));
         dossier_look(&b->d, &v)) {
        t->admitted = true;
        take_form(w, b, t, true);
    }
    if (p->held)
        refuse_held(w, b);
}

/* ---- withdrawals ------------------------------------------------------------------------------------------------ */

static void
cancel(struct worker *w, struct berkas *b, const struct event *ev, const struct dossier_view *v)
{
    struct verdict verdict = {.putusan = PUTUSAN_DIBATALKAN,
                              .revisi = v->R ? v->R : 1,
                              .putaran = v->C ? v->C->putaran : 1,
                              .sumber_pengajuan = v->form ? v->form->source : ev->ce.source,
                              .id_pengajuan = v->form ? v->form->id : ev->ce.id,
                              .findings = STR("[]"),
                              .oleh = STR("pemohon"),
                              .cause = &ev->fact,
                              .traceparent = ev->ce.traceparent,
                              .time_us = w->now_us};

    judge_say(w, b, &verdict);
}

/* A withdrawal that came before everything else. */
static void
cancel_if_withdrawn(struct worker *w, struct berkas *b, const struct event *ev)
{
    struct periksa *p = b->more;
    struct dossier_view v;

    dossier_look(&b->d, &v);
    if (!p->ditarik || v.status == STATUS_NONE || status_is_final(v.status))
        return;
    p->ditarik = false;
    cancel(w, b, ev, &v);
}

/* ---- reviews, Bedelau's refusals --------------------------------------------------------------------------------- */

/* What review.decided allows, and what leaves room in an event of ours. */
enum { NOTE_MAX = 12000, NOTES_MAX = 512 << 10 };

static struct str
note_text(struct str note)
{
    struct str text = scan_kind(note) == SCAN_OBJECT ? scan_get(note, "pesan") : note;

    return scan_kind(text) == SCAN_STRING && text.n <= NOTE_MAX ? text : STR_NULL;
}

/* One note: a text, or {pesan} with kode, lokasi and message where the officer's program gives them. */
static void
note_as_finding(struct str note, bool error, struct buf *out)
{
    static const char *const names[] = {"kode", "lokasi", "message"};
    struct str text = note_text(note);
    struct str m[3] = {STR_NULL, STR_NULL, STR_NULL};

    if (!text.n || out->n + 2 * note.n > NOTES_MAX)
        return;
    if (scan_kind(note) == SCAN_OBJECT)
        scan_pick(note, names, m, 3);
    buf_z(out, out->n > 1 ? ",{\"kode\":" : "{\"kode\":");
    buf_str(out, scan_kind(m[0]) == SCAN_STRING ? m[0] : STR("\"PEMERIKSA\""));
    buf_printf(out, ",\"tingkat\":\"%s\",\"lokasi\":", error ? "E" : "W");
    buf_str(out, scan_kind(m[1]) == SCAN_STRING ? m[1] : STR("\"\""));
    buf_z(out, ",\"pesan\":");
    buf_str(out, text);
    buf_z(out, ",\"message\":");
    buf_str(out, scan_kind(m[2]) == SCAN_STRING ? m[2] : text);
    buf_char(out, '}');
}

/* catatan[] become findings; level E where the request goes back or is refused. */
static struct str
notes_as_findings(struct worker *w, struct str notes, bool errors)
{
    struct buf out = buf_make(1 << 20);
    struct scan_iter it = scan_iter(notes);
    struct str ret;

    buf_char(&out, '[');
    while (!it.object && scan_next(&it))
        note_as_finding(it.value, errors, &out);
    buf_char(&out, ']');
    ret = out.failed ? STR("[]") : arena_str(&w->arena, buf_view(&out));
    buf_free(&out);
    return ret;
}

static bool
blank(struct str text)
{
    struct buf tmp = buf_make(NOTE_MAX);
    bool nothing = normal_blank(scan_string(text, &tmp));

    buf_free(&tmp);
    return nothing;
}

/* A reason is a note that says something. */
static bool
reasoned(const struct event *ev)
{
    struct scan_iter it = scan_iter(scan_get(ev->ce.data, "catatan"));

    while (!it.object && scan_next(&it)) {
        struct str text = note_text(it.value);

        if (text.n && !blank(text))
            return true;
    }
    return false;
}

static struct str
officer_of(struct worker *w, const struct event *ev)
{
    return scan_text(&w->arena, scan_get(ev->ce.data, "pemeriksa"));
}

static void
decide(struct worker *w, struct berkas *b, const struct event *ev, const struct dossier_view *v)
{
    bool harsh = ev->fact.putusan != PUTUSAN_DITERIMA;
    struct verdict verdict = {.putusan = ev->fact.putusan,
                              .revisi = v->R,
                              .putaran = ev->fact.putaran,
                              .sumber_pengajuan = v->C->sumber_pengajuan,
                              .id_pengajuan = v->C->id_pengajuan,
                              .findings = notes_as_findings(w, scan_get(ev->ce.data, "catatan"), harsh),
                              .oleh = officer_of(w, ev),
                              .cause = &ev->fact,
                              .traceparent = ev->ce.traceparent,
                              .time_us = ev->fact.time_us};

    judge_say(w, b, &verdict);
}

/* The endpoint's list {field, pesan} as findings for the officer. */
static struct str
endpoint_findings(struct worker *w, struct str list)
{
    struct buf out = buf_make(1 << 20);
    struct scan_iter it = scan_iter(list);
    struct str ret;
    bool any = false;

    buf_char(&out, '[');
    while (!it.object && scan_next(&it)) {
        struct str pesan = scan_get(it.value, "pesan");
        struct str field = scan_get(it.value, "field");

        if (scan_kind(pesan) != SCAN_STRING)
            continue;
        buf_printf(&out, "%s{\"kode\":\"BEDELAU\",\"tingkat\":\"E\",\"lokasi\":", any ? "," : "");
        buf_str(&out, scan_kind(field) == SCAN_STRING ? field : STR("\"\""));
        buf_z(&out, ",\"pesan\":");
        buf_str(&out, pesan);
        buf_z(&out, ",\"message\":");
        buf_str(&out, pesan);
        buf_char(&out, '}');
        any = true;
    }
    buf_char(&out, ']');
    ret = out.failed ? STR("[]") : arena_str(&w->arena, buf_view(&out));
    buf_free(&out);
    return ret;
}

static void
new_round(struct worker *w, struct berkas *b, const struct event *ev, const struct dossier_view *v)
{
    struct verdict verdict = {.putusan = PUTUSAN_MENUNGGU_PEMERIKSA,
                              .revisi = v->R,
                              .putaran = v->C->putaran + 1,
                              .sumber_pengajuan = v->C->sumber_pengajuan,
                              .id_pengajuan = v->C->id_pengajuan,
                              .findings = endpoint_findings(w, scan_get(ev->ce.data, "kesalahan")),
                              .oleh = STR("sistem"),
                              .cause = &ev->fact,
                              .traceparent = ev->ce.traceparent,
                              .time_us = w->now_us};

    judge_say(w, b, &verdict);
}

/* Bedelau's refusal of this very round, known before the round was: topics are read again together after a backup was put
 * back. */
static const struct fact *
refused_before(const struct dossier_view *v)
{
    for (size_t i = 0; i < v->d->n; i++)
        if (v->d->facts[i].type == FACT_I_REJECTED && v->d->facts[i].revisi == v->R &&
            v->d->facts[i].putaran == v->C->putaran)
            return &v->d->facts[i];
    return NULL;
}

/* With the round that it refused the list of what was wrong stands in the log; it was told when the refusal was read. */
void
admit_round(struct worker *w, struct berkas *b)
{
    struct dossier_view v;
    const struct fact *refused;

    dossier_look(&b->d, &v);
    if (!v.C || v.C->putusan != PUTUSAN_DITERIMA || status_is_final(v.status))
        return;
    refused = refused_before(&v);
    if (!refused)
        return;
    judge_say(w, b,
              &(struct verdict){.putusan = PUTUSAN_MENUNGGU_PEMERIKSA,
                                .revisi = v.R,
                                .putaran = v.C->putaran + 1,
                                .sumber_pengajuan = v.C->sumber_pengajuan,
                                .id_pengajuan = v.C->id_pengajuan,
                                .findings = STR("[]"),
                                .oleh = STR("sistem"),
                                .cause = refused,
                                .time_us = w->now_us});
}

/* ---- the table carried out -------------------------------------------------------------------------------------- */

static bool
from_department(const struct event *ev)
{
    return ev->fact.type <= FACT_WITHDRAWN;
}

static struct standing
standing_of(struct worker *w, const struct berkas *b, const struct event *ev)
{
    const struct periksa *p = b->more;
    struct str kode = fact_sender(ev->ce.source);
    struct standing s = {.withdrawn = p->ditarik, .held = count_held(p)};

    if (from_department(ev)) {
        s.foreign = p->kode_opd.p && !str_eq(p->kode_opd, kode);
        s.other_opd = ev->fact.kode_opd.n && !str_eq(ev->fact.kode_opd, kode);
    } else if (ev->fact.type == FACT_REVIEW) {
        s.known_officer = others_officer(w, officer_of(w, ev));
        s.reasoned = reasoned(ev);
    }
    return s;
}

/* A number belongs to the department that used it first; what is refused uses nothing. */
static void
own_number(struct worker *w, struct berkas *b, const struct event *ev)
{
    struct periksa *p = b->more;

    if (p->kode_opd.p || !from_department(ev))
        return;
    p->kode_opd = arena_str(&w->arena, fact_sender(ev->ce.source));
    b->dirty = true;
}

/* Bedelau's newest word on it: what was aktif may have been taken back there since. */
static bool
is_active(const struct dossier *d)
{
    const struct fact *newest = NULL;

    for (size_t i = 0; i < d->n; i++) {
        const struct fact *f = &d->facts[i];

        if ((f->type == FACT_I_COMPLETED || f->type == FACT_I_CANCELLED) &&
            (!newest || f->urutan > newest->urutan))
            newest = f;
    }
    return newest && newest->type == FACT_I_COMPLETED && !str_is(newest->status_bedelau, "dinonaktifkan");
}

static void
note(struct berkas *b, const struct event *ev)
{
    struct periksa *p = b->more;

    b->dirty |= dossier_add(&b->d, &ev->fact);
    if (fact_is_integration(ev->fact.type))
        p->aktif = is_active(&b->d);
}

static void
take(struct worker *w, struct berkas *b, struct flow_item *it, enum admission a)
{
    const struct event *ev = item_event(it);
    struct tahan form = {.fact = ev->fact,
                         .data = ev->ce.data,
                         .traceparent = ev->ce.traceparent,
                         .keys = *others_keys(w, it),
                         .read = &form_of(ev)->rules};

    if (a == ADMIT_HOLD)
        hold(w, b, &form);
    else
        take_form(w, b, &form, a == ADMIT_TAKE);
}

static void
carry_out(struct worker *w, struct berkas *b, struct flow_item *it, enum admission a)
{
    const struct event *ev = item_event(it);
    struct periksa *p = b->more;
    struct dossier_view v;

    dossier_look(&b->d, &v);
    if (a == ADMIT_NOTE || a == ADMIT_ROUND)
        note(b, ev);
    if (a == ADMIT_TAKE || a == ADMIT_TAKE_UNJUDGED || a == ADMIT_HOLD)
        take(w, b, it, a);
    else if (a == ADMIT_HOLD_WITHDRAWAL)
        p->ditarik = b->dirty = true;
    else if (a == ADMIT_CANCEL)
        cancel(w, b, ev, &v);
    else if (a == ADMIT_DECIDE)
        decide(w, b, ev, &v);
    else if (a == ADMIT_ROUND)
        new_round(w, b, ev, &v);
}

/* What has ended holds no name. */
static void
release_name(struct berkas *b)
{
    struct periksa *p = b->more;
    struct dossier_view v;

    if (!p->kunci.p)
        return;
    dossier_look(&b->d, &v);
    if (!status_is_final(v.status))
        return;
    p->kunci = STR_NULL;
    b->dirty = true;
}

void
admit(struct worker *w, struct berkas *b, struct flow_item *it)
{
    const struct event *ev = item_event(it);
    struct standing s = standing_of(w, b, ev);
    struct dossier_view v;
    enum admission a;

    dossier_look(&b->d, &v);
    a = admission(&v, &ev->fact, &s);
    if (admission_refused(a)) {
        judge_refuse(w, b, ev, admission_refusal(a));
    } else {
        own_number(w, b, ev);
        carry_out(w, b, it, a);
    }
    cancel_if_withdrawn(w, b, ev);
    admit_held(w, b);
    admit_round(w, b);
    release_name(b);
}
