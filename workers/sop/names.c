#include "workers/sop/names.h"

#define T(name) SOP_TYPE_PREFIX name ".v1"

static const char *const types[] = {
    T("request.registered"),
    T("request.submitted"),
    T("request.withdrawn"),
    T("review.decided"),
    T("callback.received"),
    T("check.completed"),
    T("check.refused"),
    T("integration.registered"),
    T("integration.delayed"),
    T("integration.completed"),
    T("integration.rejected"),
    T("integration.failed"),
    T("integration.cancelled"),
    T("deadline.changed"),
    T("deadline.warned"),
    T("status.changed"),
    "",
};
static const char *const putusans[] = {
    "", "menunggu_lampiran", "menunggu_pemeriksa", "diterima", "dikembalikan", "ditolak", "dibatalkan"};
static const char *const tahaps[] = {"pengajuan", "pemeriksaan", "integrasi", "perbaikan"};
static const char *const keadaans[] = {"berjalan", "ditangguhkan", "terpenuhi", "terlewat", "dihentikan"};
static const char *const statuses[] = {
    "",         "terdaftar",      "diajukan", "diperiksa",       "dikembalikan", "ditolak",
    "diterima", "diintegrasikan", "selesai",  "gagal_integrasi", "dibatalkan"};
static const char *const gilirans[] = {"sistem", "pemohon", "pranata_komputer", "bedelau", "selesai"};

static unsigned
find(struct str name, const char *const *all, unsigned n)
{
    unsigned i = 0;

    while (i < n && !str_is(name, all[i]))
        i++;
    return i;
}

const char *
fact_type_name(enum fact_type type)
{
    return types[type];
}

enum fact_type
fact_type_of(struct str name)
{
    return (enum fact_type)find(name, types, FACT_UNKNOWN);
}

const char *
putusan_name(enum putusan p)
{
    return putusans[p];
}

enum putusan
putusan_of(struct str name)
{
    unsigned i = name.n ? find(name, putusans, 7) : 0;

    return i < 7 ? (enum putusan)i : PUTUSAN_NONE;
}

const char *
tahap_name(enum tahap t)
{
    return tahaps[t];
}

enum tahap
tahap_of(struct str name)
{
    return (enum tahap)find(name, tahaps, TAHAPS);
}

const char *
keadaan_name(enum keadaan k)
{
    return keadaans[k];
}

enum keadaan
keadaan_of(struct str name)
{
    return (enum keadaan)find(name, keadaans, KEADAANS);
}

const char *
status_name(enum status s)
{
    return statuses[s];
}

const char *
giliran_name(enum giliran g)
{
    return gilirans[g];
}

const char *const sop_sections[] = {"kafka",     "postgres",    "log",      "sop",        "gateway",
                                    "validator", "attachments", "deadline", "integrator", "projector",
                                    "notifier",  "monitor",     "standin",  NULL};

static bool
is_code(struct str s, size_t least, size_t most)
{
    if (s.n < least || s.n > most)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!alnum && (i == 0 || (c != '.' && c != '-')))
            return false;
    }
    return true;
}

bool
nomor_ok(struct str s)
{
    return is_code(s, 3, 64);
}

bool
kode_opd_ok(struct str s)
{
    return is_code(s, 2, 40);
}
