#include "workers/sop/admission.h"

static const struct refusal refusals[ADMISSIONS] = {
    [REFUSE_OWNER] = {"NOMOR_MILIK_LAIN",
                      "Nomor permohonan ini milik perangkat daerah lain; gunakan nomor Anda sendiri.",
                      "This request number belongs to another department; use one of your own."},
    [REFUSE_OPD] = {"KODE_OPD_BERBEDA", "Kode perangkat daerah pada data bukan kode pengirim.",
                    "The data name a department other than their sender."},
    [REFUSE_FINAL] = {"SUDAH_FINAL",
                      "Permohonan ini sudah selesai, dibatalkan atau ditolak; ajukan permohonan baru.",
                      "This request is finished, cancelled or refused; submit a new one."},
    [REFUSE_ACTIVE] =
        {"SUDAH_AKTIF",
         "Integrasi sudah aktif; ajukan permohonan dengan jenis pencabutan untuk mengakhirinya.",
         "The integration is active; submit a request of kind pencabutan to end it."},
    [REFUSE_REVISI] =
        {"REVISI_LAMA",
         "Revisi ini sudah diterima sebelumnya; yang berlaku adalah revisi terbaru, dan pengajuan ulang "
         "menaikkan revisi satu angka setelah permohonan dikembalikan.",
         "This revision was taken before; the newest one counts, and a resubmission raises it by one "
         "after the request was returned."},
    [REFUSE_AHEAD] =
        {"REVISI_TERLALU_JAUH",
         "Revisi ini terlalu jauh di depan; ajukan revisi berikutnya setelah permohonan dikembalikan.",
         "This revision is too far ahead; submit the next one after the request was returned."},
    [REFUSE_OFFICER] = {"PEMERIKSA_TIDAK_DIKENAL",
                        "Pemeriksa ini tidak terdaftar atau tidak aktif; hubungi pengelola sistem.",
                        "This officer is not registered or not active; ask the operators."},
    [REFUSE_PUTARAN] =
        {"PUTARAN_LAMA",
         "Putaran pemeriksaan ini sudah lewat; muat ulang permohonan dan putuskan putaran terbaru.",
         "This round is over; load the request again and decide the newest round."},
    [REFUSE_DECIDED] = {"SUDAH_DIPUTUSKAN",
                        "Revisi dan putaran ini sudah diputuskan; keputusan pertama yang berlaku.",
                        "This revision and round was decided already; the first decision counts."},
    [REFUSE_NOT_WAITING] =
        {"TIDAK_MENUNGGU_PEMERIKSA",
         "Permohonan ini tidak sedang menunggu keputusan pemeriksa untuk revisi dan putaran itu.",
         "This request does not wait for an officer's decision on that revision and round."},
    [REFUSE_REASON] = {"ALASAN_KOSONG", "Keputusan mengembalikan atau menolak harus disertai catatan.",
                       "A decision to return or refuse needs a note that gives the reason."},
};

const struct refusal *
admission_refusal(enum admission a)
{
    return a < ADMISSIONS && refusals[a].kode ? &refusals[a] : NULL;
}

/* ---- what departments say --------------------------------------------------------------------------------------- */

static enum admission
submitted(const struct dossier_view *v, int32_t r, const struct standing *s)
{
    bool first = r == 1 && (v->status == STATUS_NONE || v->status == STATUS_TERDAFTAR);
    bool mended = v->status == STATUS_DIKEMBALIKAN && r == v->R + 1;

    if (status_is_final(v->status))
        return REFUSE_FINAL;
    if (r <= v->R)
        return REFUSE_REVISI;
    if (first ||
        mended) /* a judgement could be an acceptance, which begins the call that the withdrawal forbids */
        return s->withdrawn ? ADMIT_TAKE_UNJUDGED : ADMIT_TAKE;
    return r > v->R + ADMISSION_AHEAD || s->held >= ADMISSION_HELD ? REFUSE_AHEAD : ADMIT_HOLD;
}

static enum admission
withdrawn(const struct dossier_view *v)
{
    if (v->status == STATUS_NONE)
        return ADMIT_HOLD_WITHDRAWAL;
    if (v->status == STATUS_SELESAI)
        return REFUSE_ACTIVE;
    return status_is_final(v->status) ? REFUSE_FINAL : ADMIT_CANCEL;
}

static enum admission
department(const struct dossier_view *v, const struct fact *f, const struct standing *s)
{
    if (s->foreign)
        return REFUSE_OWNER;
    if (s->other_opd)
        return REFUSE_OPD;
    if (f->type == FACT_SUBMITTED)
        return submitted(v, f->revisi, s);
    return f->type == FACT_WITHDRAWN ? withdrawn(v) : ADMIT_NOTE;
}

/* ---- what officers say ------------------------------------------------------------------------------------------ */

/* An officer's or the validator's own word on the round; a cancellation is none. */
static bool
decided(const struct fact *c)
{
    return c->putusan == PUTUSAN_DITERIMA || c->putusan == PUTUSAN_DIKEMBALIKAN ||
           c->putusan == PUTUSAN_DITOLAK;
}

/* The round that may be decided now; 0 = none. */
static int32_t
open_round(const struct dossier_view *v)
{
    if (v->status == STATUS_GAGAL_INTEGRASI && v->C)
        return v->C->putaran + 1;
    if (v->status == STATUS_DIPERIKSA && v->C && v->C->putusan == PUTUSAN_MENUNGGU_PEMERIKSA)
        return v->C->putaran;
    return 0;
}

/* Whoever may not decide is told just that; then what is wrong with the decision, the most particular first. */
static enum admission
review(const struct dossier_view *v, const struct fact *f, const struct standing *s)
{
    bool same = v->C && f->revisi == v->R;

    if (!s->known_officer)
        return REFUSE_OFFICER;
    if (f->revisi < v->R)
        return REFUSE_REVISI;
    if (same && f->putaran < v->C->putaran)
        return REFUSE_PUTARAN;
    if (same && f->putaran == v->C->putaran && decided(v->C))
        return REFUSE_DECIDED;
    if (status_is_final(v->status))
        return REFUSE_FINAL;
    if (!same || f->putaran != open_round(v))
        return REFUSE_NOT_WAITING;
    return f->putusan == PUTUSAN_DITERIMA || s->reasoned ? ADMIT_DECIDE : REFUSE_REASON;
}

/* ---- what Bedelau says ------------------------------------------------------------------------------------------ */

static enum admission
rejected(const struct dossier_view *v, const struct fact *f)
{
    bool judged_last = v->C && f->revisi == v->R && f->putaran == v->C->putaran;

    return judged_last && !status_is_final(v->status) ? ADMIT_ROUND : ADMIT_NOTE;
}

enum admission
admission(const struct dossier_view *v, const struct fact *f, const struct standing *s)
{
    if (f->type <= FACT_WITHDRAWN)
        return department(v, f, s);
    if (f->type == FACT_REVIEW)
        return review(v, f, s);
    if (f->type == FACT_I_REJECTED)
        return rejected(v, f);
    return fact_is_integration(f->type) ? ADMIT_NOTE : ADMIT_NOTHING;
}
