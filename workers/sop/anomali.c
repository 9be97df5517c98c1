#include "workers/sop/anomali.h"

#include "common/json/scan.h"

/* Whether a fact shows the oddity, given all that is known. */
typedef bool odd(const struct dossier_view *v, const struct fact *f);

static bool
accepted(const struct dossier *d, int32_t revisi, int32_t putaran)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->facts[i].type == FACT_CHECK && d->facts[i].putusan == PUTUSAN_DITERIMA &&
            d->facts[i].revisi == revisi && d->facts[i].putaran == putaran)
            return true;
    return false;
}

static bool
completed_unaccepted(const struct dossier_view *v, const struct fact *f)
{
    return f == v->completed && !accepted(v->d, f->revisi, f->putaran);
}

static bool
told_unaccepted(const struct dossier_view *v, const struct fact *f)
{
    return fact_is_integration(f->type) && f->type != FACT_I_COMPLETED &&
           !accepted(v->d, f->revisi, f->putaran);
}

static bool
both_ends(const struct dossier_view *v, const struct fact *f)
{
    return v->completed && f->type == FACT_I_CANCELLED;
}

/* After a backup was put back a worker tells again, with further numbers, what it told before: the same decision, and all of
 * a round at Bedelau up to its end. */
static bool
decided_before(const struct dossier *d, const struct fact *f)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->facts[i].type == FACT_CHECK && d->facts[i].revisi == f->revisi &&
            d->facts[i].putaran == f->putaran && d->facts[i].putusan == f->putusan &&
            d->facts[i].urutan < f->urutan)
            return true;
    return false;
}

static bool
ends_again(const struct dossier *d, const struct fact *f)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->facts[i].type == FACT_I_COMPLETED && d->facts[i].revisi == f->revisi &&
            d->facts[i].putaran == f->putaran && d->facts[i].urutan > f->urutan)
            return true;
    return false;
}

/* A withdrawal may still be admitted beside the end. */
static bool
decided_after_end(const struct dossier_view *v, const struct fact *f)
{
    return f->type == FACT_CHECK && f->putusan != PUTUSAN_DIBATALKAN && f->time_us > v->since_us &&
           !decided_before(v->d, f);
}

/* Bedelau may switch off what is active, and while a withdrawal is under way the integration goes on until it is taken
 * back. What the integrator told before the end was before it, although the end may be dated by Bedelau's word. */
static bool
told_after_end(const struct dossier_view *v, const struct fact *f)
{
    if (f->type != FACT_I_REGISTERED && f->type != FACT_I_DELAYED && f->type != FACT_I_REJECTED)
        return false;
    if (v->status == STATUS_DIBATALKAN || str_is(f->status_bedelau, "dinonaktifkan"))
        return false;
    if (ends_again(v->d, f))
        return false;
    return v->completed ? f->urutan > v->completed->urutan : f->time_us > v->since_us;
}

static bool
after_end(const struct dossier_view *v, const struct fact *f)
{
    return status_is_final(v->status) && (decided_after_end(v, f) || told_after_end(v, f));
}

static bool
has_form(const struct dossier *d, int32_t revisi, const struct fact *named_by)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->facts[i].type == FACT_SUBMITTED && d->facts[i].revisi == revisi &&
            (!named_by || (str_eq(d->facts[i].source, named_by->sumber_pengajuan) &&
                           str_eq(d->facts[i].id, named_by->id_pengajuan))))
            return true;
    return false;
}

/* Said of what has ended only: of what is open the form may still be on its way, and v_anomali looks for it itself. */
static bool
no_form(const struct dossier_view *v, const struct fact *f)
{
    return status_is_final(v->status) && f->type == FACT_CHECK && f->putusan >= PUTUSAN_DITERIMA &&
           f->putusan != PUTUSAN_DIBATALKAN && !has_form(v->d, f->revisi, NULL);
}

static bool
other_integration(const struct dossier_view *v, const struct fact *f)
{
    return f->type == FACT_I_COMPLETED && f->id_integrasi.n && v->completed->id_integrasi.n &&
           !str_eq(f->id_integrasi, v->completed->id_integrasi);
}

static bool
other_form(const struct dossier_view *v, const struct fact *f)
{
    return f->type == FACT_CHECK && f->putusan != PUTUSAN_DIBATALKAN && has_form(v->d, f->revisi, NULL) &&
           !has_form(v->d, f->revisi, f);
}

static bool
tells_opd(const struct fact *f)
{
    return (f->type == FACT_SUBMITTED || f->type == FACT_REGISTERED) && f->kode_opd.n > 0;
}

static bool
other_opd(const struct dossier_view *v, const struct fact *f)
{
    for (size_t i = 0; tells_opd(f) && i < v->d->n; i++)
        if (tells_opd(&v->d->facts[i]) && !str_eq(v->d->facts[i].kode_opd, f->kode_opd))
            return true;
    return false;
}

static bool
clock_alone(const struct dossier_view *v, const struct fact *f)
{
    if (f->type != FACT_DEADLINE || has_form(v->d, f->revisi, NULL))
        return false;
    return (f->tahap != TAHAP_PENGAJUAN || !v->registered) && !str_is(scan_get(f->jam, "ditiadakan"), "true");
}

void
anomali_write(const struct dossier_view *v, struct buf *out)
{
    static const struct {
        const char *code;
        odd *is;
    } all[] = {{"selesai_tanpa_diterima", completed_unaccepted},
               {"integrasi_tanpa_diterima", told_unaccepted},
               {"selesai_dan_dibatalkan", both_ends},
               {"fakta_setelah_akhir", after_end},
               {"dua_integrasi", other_integration},
               {"putusan_tanpa_formulir", no_form},
               {"formulir_lain", other_form},
               {"dua_opd", other_opd},
               {"jam_tanpa_permohonan", clock_alone}};

    for (unsigned a = 0; a < sizeof all / sizeof all[0]; a++)
        for (size_t i = 0; i < v->d->n; i++)
            if (all[a].is(v, &v->d->facts[i])) {
                buf_printf(out, "%s%s", out->n ? " " : "", all[a].code);
                break;
            }
    if (!out->n && v->status == STATUS_NONE && v->d->newest_us != INT64_MIN)
        buf_z(out, "nomor_tidak_dikenal");
}

/* ---- gaps in what the workers told ------------------------------------------------------------------------------ */

static const char *const workers[] = {"validator", "integrator", "deadline"};

void
hitungan_add(struct hitungan *h, struct str source, int64_t urutan)
{
    if (urutan <= 0 || !str_starts(source, STR("/bedelau/")))
        return;
    source = (struct str){source.p + 9, source.n - 9};
    for (unsigned i = 0; i < ANOMALI_WORKERS; i++) {
        if (!str_is(source, workers[i]))
            continue;
        h->n[i]++;
        h->top[i] = urutan > h->top[i] ? urutan : h->top[i];
    }
}

void
hitungan_write(const struct hitungan *h, struct buf *out)
{
    for (unsigned i = 0; i < ANOMALI_WORKERS; i++) {
        if (i)
            buf_char(out, ' ');
        buf_int(out, h->n[i]);
        buf_char(out, '/');
        buf_int(out, h->top[i]);
    }
}

bool
hitungan_read(struct hitungan *h, struct str text)
{
    const char *p = text.p;
    size_t left = text.n;

    *h = (struct hitungan){0};
    for (unsigned i = 0; i < 2 * ANOMALI_WORKERS && left; i++) {
        size_t n = 0;

        while (n < left && p[n] != '/' && p[n] != ' ')
            n++;
        str_int((struct str){p, n}, i % 2 ? &h->top[i / 2] : &h->n[i / 2]);
        n += n < left;
        p += n;
        left -= n;
    }
    return text.n > 0;
}

void
hitungan_gaps(const struct hitungan *h, struct buf *out)
{
    for (unsigned i = 0; i < ANOMALI_WORKERS; i++)
        if (h->n[i] != h->top[i])
            buf_printf(out, "%scelah_urutan_%s", out->n ? " " : "", workers[i]);
}
