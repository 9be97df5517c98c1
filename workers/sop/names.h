/* names: the words of the SOP and of the event contract, as enums and back. Indonesian where officials use them. */
#ifndef SOP_NAMES_H
#define SOP_NAMES_H

#include "common/base/str.h"

#define SOP_TYPE_PREFIX "id.go.batam.bedelau."

enum { SOP_COUNT_MAX = 1000000 }; /* revisi and putaran; what is over it is none */

/* Event types, without prefix and ".v1". Order: what outsiders say, then each worker. */
enum fact_type {
    FACT_REGISTERED,   /* request.registered: a letter or order came in (SOP step 1) */
    FACT_SUBMITTED,    /* request.submitted: form PA.20 (SOP step 1's output) */
    FACT_WITHDRAWN,    /* request.withdrawn */
    FACT_REVIEW,       /* review.decided: an officer's decision (SOP step 2) */
    FACT_CALLBACK,     /* callback.received: what Bedelau says by itself */
    FACT_CHECK,        /* check.completed (validator) */
    FACT_REFUSED,      /* check.refused (validator): a fact that was not admitted */
    FACT_I_REGISTERED, /* integration.* (integrator) */
    FACT_I_DELAYED,
    FACT_I_COMPLETED,
    FACT_I_REJECTED,
    FACT_I_FAILED,
    FACT_I_CANCELLED,
    FACT_DEADLINE, /* deadline.changed (deadline) */
    FACT_WARNED,   /* deadline.warned (deadline) */
    FACT_STATUS,   /* status.changed (projector) */
    FACT_UNKNOWN
};

/* The type's full name, "id.go.batam.bedelau.request.submitted.v1". */
const char *fact_type_name(enum fact_type type);
enum fact_type fact_type_of(struct str name);

static inline bool
fact_is_integration(enum fact_type t)
{
    return t >= FACT_I_REGISTERED && t <= FACT_I_CANCELLED;
}

/* What outsiders say has a time that is theirs to claim, so it is clamped. */
static inline bool
fact_is_outside(enum fact_type t)
{
    return t <= FACT_CALLBACK;
}

enum putusan {
    PUTUSAN_NONE,
    PUTUSAN_MENUNGGU_LAMPIRAN,
    PUTUSAN_MENUNGGU_PEMERIKSA,
    PUTUSAN_DITERIMA,
    PUTUSAN_DIKEMBALIKAN,
    PUTUSAN_DITOLAK,
    PUTUSAN_DIBATALKAN
};
const char *putusan_name(enum putusan p);
enum putusan putusan_of(struct str name); /* PUTUSAN_NONE when unknown */

enum tahap { TAHAP_PENGAJUAN, TAHAP_PEMERIKSAAN, TAHAP_INTEGRASI, TAHAP_PERBAIKAN, TAHAPS };
const char *tahap_name(enum tahap t);
enum tahap tahap_of(struct str name); /* TAHAPS when unknown */

enum keadaan {
    KEADAAN_BERJALAN,
    KEADAAN_DITANGGUHKAN,
    KEADAAN_TERPENUHI,
    KEADAAN_TERLEWAT,
    KEADAAN_DIHENTIKAN,
    KEADAANS
};
const char *keadaan_name(enum keadaan k);
enum keadaan keadaan_of(struct str name); /* KEADAANS when unknown */

enum status {
    STATUS_NONE, /* nothing that makes a request is known yet */
    STATUS_TERDAFTAR,
    STATUS_DIAJUKAN,
    STATUS_DIPERIKSA,
    STATUS_DIKEMBALIKAN,
    STATUS_DITOLAK,
    STATUS_DITERIMA,
    STATUS_DIINTEGRASIKAN,
    STATUS_SELESAI,
    STATUS_GAGAL_INTEGRASI,
    STATUS_DIBATALKAN
};
const char *status_name(enum status s);

static inline bool
status_is_final(enum status s)
{
    return s == STATUS_SELESAI || s == STATUS_DIBATALKAN || s == STATUS_DITOLAK;
}

/* Every section of the one configuration file, ended by NULL: who meets another program's passes it by. */
extern const char *const sop_sections[];

/* A request's number: ^[A-Z0-9][A-Z0-9.-]{2,63}$ (PA.20 row 1); a department's code: ^[0-9A-Z][0-9A-Z.-]{1,39}$ (row 9). */
bool nomor_ok(struct str s);
bool kode_opd_ok(struct str s);

/* Whose turn it is. */
enum giliran { GILIRAN_SISTEM, GILIRAN_PEMOHON, GILIRAN_PRANATA_KOMPUTER, GILIRAN_BEDELAU, GILIRAN_SELESAI };
const char *giliran_name(enum giliran g);

#endif
