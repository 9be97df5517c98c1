#include "workers/integrator/integrator.h"

#include "common/json/scan.h"
#include "workers/integrator/settle_priv.h"

static const char *const names[] = {"baru", "perubahan", "pencabutan"};

const char *
jenis_name(enum jenis jenis)
{
    return names[jenis];
}

enum jenis
jenis_of(struct str name)
{
    for (unsigned i = 0; i < 3; i++)
        if (str_is(name, names[i]))
            return (enum jenis)i;
    return JENIS_BARU;
}

/* Switched off is what an ending asks for; to all else it is the end before it was ever on. */
enum fact_type
outcome_of_status(enum jenis jenis, struct str status)
{
    if (str_is(status, jenis == JENIS_PENCABUTAN ? "dinonaktifkan" : "aktif"))
        return FACT_I_COMPLETED;
    if (str_is(status, "gagal") || (str_is(status, "dinonaktifkan") && jenis != JENIS_PENCABUTAN))
        return FACT_I_FAILED;
    return FACT_I_REGISTERED;
}

/* "nomor:revisi:putaran" */
static void
read_key(struct str key, int32_t *revisi, int32_t *putaran)
{
    int64_t v[2] = {0, 0};
    size_t end = key.n;

    for (int i = 1; i >= 0; i--) {
        size_t from = end;

        while (from > 0 && key.p[from - 1] != ':')
            from--;
        str_int((struct str){key.p + from, end - from}, &v[i]);
        end = from ? from - 1 : 0;
    }
    *revisi = (int32_t)v[0];
    *putaran = (int32_t)v[1];
}

/* The acceptance that opened the job is the parent of what we say of it. */
static const struct fact *
acceptance(const struct berkas *b, int32_t revisi, int32_t putaran)
{
    for (const struct fact *c = NULL; (c = dossier_next_check(&b->d, revisi, c));)
        if (c->putusan == PUTUSAN_DITERIMA && c->putaran == putaran)
            return c;
    return NULL;
}

static void
write_data(const struct berkas *b, const struct fact *own, const struct job *job, const struct finding *f,
           struct buf *data)
{
    buf_printf(data, "{\"revisi\":%d,\"putaran\":%d,\"urutan\":%lld,\"percobaan\":%d", own->revisi,
               own->putaran, (long long)b->urutan, job->attempts - (int)memo_idle(job));
    memo_text(data, "id_integrasi", own->id_integrasi);
    memo_text(data, "status_bedelau", f->status);
    if (f->urutan_bedelau > 0)
        buf_printf(data, ",\"urutan_bedelau\":%lld", (long long)f->urutan_bedelau);
    if (f->kode_http)
        buf_printf(data, ",\"kode_http\":%d", f->kode_http);
    memo_text(data, "alasan", f->alasan);
    buf_z(data, ",\"kesalahan\":");
    buf_str(data, f->kesalahan.n ? f->kesalahan : STR("[]"));
    buf_char(data, '}');
}

static void
set_parent(const struct finding *f, const struct fact *accepted, const struct berkas *b, struct emit *em)
{
    em->parent_source = STR("/bedelau/integrator");
    em->parent_id = b->nomor;
    if (accepted) {
        em->parent_source = accepted->source;
        em->parent_id = accepted->id;
    }
    if (f->cause) {
        em->parent_source = f->cause->ce.source;
        em->parent_id = f->cause->ce.id;
        em->traceparent = f->cause->ce.traceparent;
    }
}

void
outcome_tell(struct worker *w, struct berkas *b, const struct job *job, const struct finding *f)
{
    struct integrator *n = w->own;
    struct urusan *u = b->more;
    struct buf data = buf_make(1 << 20);
    struct fact own = {.type = f->type,
                       .source = worker_source(w),
                       .time_us = f->time_us,
                       .append = {.ms = w->now_us / 1000, .topic = STR("integrations")},
                       .urutan = ++b->urutan,
                       .id_integrasi = f->id_integrasi.n ? f->id_integrasi : u->id_integrasi,
                       .status_bedelau = f->status};
    struct str trace = scan_get(job->state, "trace");
    struct emit em = {.type = f->type, .time_us = f->time_us};
    char mark[64];
    char id[37];

    read_key(job->key, &own.revisi, &own.putaran);
    write_data(b, &own, job, f, &data);
    snprintf(mark, sizeof mark, "%d:%d:%lld", own.revisi, own.putaran, (long long)b->urutan);
    em.mark = str_of(mark);
    em.revisi = own.revisi;
    if (scan_kind(trace) == SCAN_STRING && trace.n > 2)
        em.traceparent = (struct str){trace.p + 1, trace.n - 2};
    em.data = buf_view(&data);
    set_parent(f, acceptance(b, own.revisi, own.putaran), b, &em);
    worker_emit(w, b, &em, id);
    own.id = str_of(id);
    dossier_add(&b->d, &own);
    b->dirty = true;
    if (f->id_integrasi.n)
        u->id_integrasi = f->id_integrasi;
    u->stirred |= f->type == FACT_I_COMPLETED;
    metric_add(n->m_outcome[f->type - FACT_I_REGISTERED], 1);
    buf_free(&data);
}

void
outcome_give_up(struct worker *w, struct berkas *b, struct job *job, struct str alasan)
{
    struct finding f = {.type = FACT_I_FAILED,
                        .alasan = alasan.n ? alasan : STR("dihentikan oleh petugas"),
                        .time_us = w->now_us};

    outcome_tell(w, b, job, &f);
    job->done = true;
}
