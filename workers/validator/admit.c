/* admit: the table "what arrives at its one judge" of the design, section 6, one function per fact. */
#include "workers/validator/validator.h"

#include "common/json/scan.h"

/* How far ahead, and how many, forms are held for their turn: a sender cannot fill the table. */
enum { HELD_AHEAD = 16, HELD_MAX = 16 };

static const struct refusal other_owner = {
    "NOMOR_MILIK_LAIN", "Nomor permohonan ini milik perangkat daerah lain; gunakan nomor Anda sendiri.",
    "This request number belongs to another department; use one of your own."};
static const struct refusal other_opd = {"KODE_OPD_BERBEDA",
                                         "Kode perangkat daerah pada formulir bukan kode pengirim.",
                                         "The form names a department other than its sender."};
static const struct refusal old_revisi = {
    "REVISI_LAMA",
    "Revisi ini sudah diterima sebelumnya; naikkan revisi satu angka setelah permohonan dikembalikan.",
    "This revision was taken before; raise it by one after the request was returned."};
static const struct refusal too_far = {
    "REVISI_TERLALU_JAUH",
    "Revisi ini terlalu jauh di depan; ajukan revisi berikutnya setelah permohonan dikembalikan.",
    "This revision is too far ahead; submit the next one after the request was returned."};
static const struct refusal is_final = {
    "SUDAH_FINAL", "Permohonan ini sudah selesai, dibatalkan atau ditolak; ajukan permohonan baru.",
    "This request is finished, cancelled or refused; submit a new one."};
static const struct refusal is_active = {
    "SUDAH_AKTIF", "Integrasi sudah aktif; ajukan permohonan dengan jenis pencabutan untuk mengakhirinya.",
    "The integration is active; submit a request of kind pencabutan to end it."};
static const struct refusal not_waiting = {
    "TIDAK_MENUNGGU_PEMERIKSA",
    "Permohonan ini tidak sedang menunggu keputusan pemeriksa untuk revisi dan putaran itu.",
    "This request does not wait for an officer's decision on that revision and round."};
static const struct refusal no_reason = {
    "ALASAN_KOSONG", "Keputusan mengembalikan atau menolak harus disertai catatan.",
    "A decision to return or refuse needs a note that gives the reason."};

/* "/opd/<kode>[/..]" to the code; STR_NULL for our own sources. */
static struct str
sender(struct str source)
{
    struct str head = STR("/opd/");
    size_t n = head.n;

    if (!str_starts(source, head))
        return STR_NULL;
    while (n < source.n && source.p[n] != '/')
        n++;
    return (struct str){source.p + head.n, n - head.n};
}

/* A number belongs to the department that used it first. */
static bool
owns(struct worker *w, struct berkas *b, const struct event *ev)
{
    struct periksa *p = b->more;
    struct str kode = sender(ev->ce.source);

    if (!p->kode_opd.p) {
        p->kode_opd = arena_str(&w->arena, kode);
        b->dirty = true;
        return true;
    }
    return str_eq(p->kode_opd, kode);
}

/* ---- forms ------------------------------------------------------------------------------------------------------ */

static void
take_form(struct worker *w, struct berkas *b, const struct tahan *form)
{
    static const char *const names[] = {"jenis_pengajuan", "nama_sistem"};
    struct periksa *p = b->more;
    struct str raw[2];

    scan_pick(form->data, names, raw, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct buf tmp = buf_make(1 << 16);
        struct str s = arena_str(&w->arena, scan_string(raw[i], &tmp));

        *(i ? &p->nama_sistem : &p->jenis) = s;
        buf_free(&tmp);
    }
    dossier_add(&b->d, &form->fact);
    if (!p->ditarik) /* else it is not judged: an acceptance would begin the call that the withdrawal forbids */
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

static void
admit_submitted(struct worker *w, struct berkas *b, const struct event *ev)
{
    struct tahan form = {.fact = ev->fact, .data = ev->ce.data, .traceparent = ev->ce.traceparent};
    struct dossier_view v;
    int32_t r = ev->fact.revisi;

    if (!owns(w, b, ev)) {
        judge_refuse(w, b, ev, &other_owner);
        return;
    }
    if (ev->fact.kode_opd.n && !str_eq(ev->fact.kode_opd, sender(ev->ce.source))) {
        judge_refuse(w, b, ev, &other_opd);
        return;
    }
    dossier_look(&b->d, &v);
    if (status_is_final(v.status))
        judge_refuse(w, b, ev, &is_final);
    else if (r <= v.R)
        judge_refuse(w, b, ev, &old_revisi);
    else if (r == 1 || (v.status == STATUS_DIKEMBALIKAN && r == v.R + 1))
        take_form(w, b, &form);
    else if (r > v.R + HELD_AHEAD || count_held(b->more) >= HELD_MAX)
        judge_refuse(w, b, ev, &too_far);
    else
        hold(w, b, &form);
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
        judge_refuse(w, b, as_event(w, t), status_is_final(v.status) ? &is_final : &old_revisi);
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
        take_form(w, b, t);
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

static void
admit_withdrawn(struct worker *w, struct berkas *b, const struct event *ev)
{
    struct periksa *p = b->more;
    struct dossier_view v;

    if (!owns(w, b, ev)) {
        judge_refuse(w, b, ev, &other_owner);
        return;
    }
    dossier_look(&b->d, &v);
    if (v.status == STATUS_NONE)
        p->ditarik = b->dirty = true; /* held: it takes effect with the first thing that comes */
    else if (v.status == STATUS_SELESAI)
        judge_refuse(w, b, ev, &is_active);
    else if (status_is_final(v.status))
        judge_refuse(w, b, ev, &is_final);
    else
        cancel(w, b, ev, &v);
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

/* ---- registrations, reviews, Bedelau's refusals ------------------------------------------------------------------ */

static void
admit_registered(struct worker *w, struct berkas *b, const struct event *ev)
{
    if (!owns(w, b, ev)) {
        judge_refuse(w, b, ev, &other_owner);
        return;
    }
    b->dirty |= dossier_add(&b->d, &ev->fact);
}

static bool
review_fits(const struct dossier_view *v, const struct fact *review)
{
    bool waiting = v->status == STATUS_DIPERIKSA && v->C && v->C->putusan == PUTUSAN_MENUNGGU_PEMERIKSA &&
                   review->putaran == v->C->putaran;
    bool failed = v->status == STATUS_GAGAL_INTEGRASI && v->C && review->putaran == v->C->putaran + 1;

    return review->revisi == v->R && (waiting || failed);
}

/* catatan[] become findings; level E where the request goes back or is refused. */
static struct str
notes_as_findings(struct worker *w, struct str notes, bool errors)
{
    struct buf out = buf_make(1 << 20);
    struct scan_iter it = scan_iter(notes);
    struct str ret;
    bool any = false;

    buf_char(&out, '[');
    while (!it.object && scan_next(&it)) {
        if (scan_kind(it.value) != SCAN_STRING)
            continue;
        buf_printf(&out,
                   "%s{\"kode\":\"PEMERIKSA\",\"tingkat\":\"%s\",\"lokasi\":\"\",\"pesan\":", any ? "," : "",
                   errors ? "E" : "W");
        buf_str(&out, it.value);
        buf_z(&out, ",\"message\":");
        buf_str(&out, it.value);
        buf_char(&out, '}');
        any = true;
    }
    buf_char(&out, ']');
    ret = out.failed ? STR("[]") : arena_str(&w->arena, buf_view(&out));
    buf_free(&out);
    return ret;
}

static struct str
officer_of(struct worker *w, const struct event *ev)
{
    struct buf tmp = buf_make(4096);
    struct str s = arena_str(&w->arena, scan_string(scan_get(ev->ce.data, "pemeriksa"), &tmp));

    buf_free(&tmp);
    return s.n ? s : STR("pemeriksa");
}

static void
admit_review(struct worker *w, struct berkas *b, const struct event *ev)
{
    struct str notes = scan_get(ev->ce.data, "catatan");
    bool harsh = ev->fact.putusan != PUTUSAN_DITERIMA;
    struct dossier_view v;
    struct verdict verdict;

    dossier_look(&b->d, &v);
    if (!review_fits(&v, &ev->fact)) {
        judge_refuse(w, b, ev, &not_waiting);
        return;
    }
    verdict = (struct verdict){.putusan = ev->fact.putusan,
                               .revisi = v.R,
                               .putaran = ev->fact.putaran,
                               .sumber_pengajuan = v.C->sumber_pengajuan,
                               .id_pengajuan = v.C->id_pengajuan,
                               .findings = notes_as_findings(w, notes, harsh),
                               .oleh = officer_of(w, ev),
                               .cause = &ev->fact,
                               .traceparent = ev->ce.traceparent,
                               .time_us = ev->fact.time_us};
    if (harsh && str_is(verdict.findings, "[]"))
        judge_refuse(w, b, ev, &no_reason);
    else
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
admit_rejected(struct worker *w, struct berkas *b, const struct event *ev)
{
    struct dossier_view v;
    struct verdict verdict;

    dossier_look(&b->d, &v);
    if (!v.C || v.R != ev->fact.revisi || v.C->putaran != ev->fact.putaran || status_is_final(v.status))
        return; /* about a round that is over: known, and without consequence */
    verdict = (struct verdict){.putusan = PUTUSAN_MENUNGGU_PEMERIKSA,
                               .revisi = v.R,
                               .putaran = v.C->putaran + 1,
                               .sumber_pengajuan = v.C->sumber_pengajuan,
                               .id_pengajuan = v.C->id_pengajuan,
                               .findings = endpoint_findings(w, scan_get(ev->ce.data, "kesalahan")),
                               .oleh = STR("sistem"),
                               .cause = &ev->fact,
                               .traceparent = ev->ce.traceparent,
                               .time_us = w->now_us};
    judge_say(w, b, &verdict);
}

static void
admit_integration(struct worker *w, struct berkas *b, const struct event *ev)
{
    struct periksa *p = b->more;

    b->dirty |= dossier_add(&b->d, &ev->fact);
    if (ev->fact.type == FACT_I_COMPLETED)
        p->aktif = true;
    if (ev->fact.type == FACT_I_REJECTED)
        admit_rejected(w, b, ev);
}

void
admit(struct worker *w, struct berkas *b, struct flow_item *it)
{
    const struct event *ev = item_event(it);

    switch (ev->fact.type) {
    case FACT_REGISTERED:
        admit_registered(w, b, ev);
        break;
    case FACT_SUBMITTED:
        admit_submitted(w, b, ev);
        break;
    case FACT_WITHDRAWN:
        admit_withdrawn(w, b, ev);
        break;
    case FACT_REVIEW:
        admit_review(w, b, ev);
        break;
    default:
        admit_integration(w, b, ev);
    }
    cancel_if_withdrawn(w, b, ev);
    admit_held(w, b);
}
