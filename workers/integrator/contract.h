/* contract: what the endpoint's interface looks like, as data (schemas/integrasi.kontrak.json; its members are explained
 * in schemas/README.md). The rest of the integrator knows meanings only: which call is to be made, and what an answer
 * says. The file that comes with the tree says section 2 of the domain rules. */
#ifndef INTEGRATOR_CONTRACT_H
#define INTEGRATOR_CONTRACT_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "workers/integrator/map.h"

struct contract;

/* The calls that there are: the first three bring a request there, one for each jenis_pengajuan. */
enum panggilan { CALL_BARU, CALL_PERUBAHAN, CALL_PENCABUTAN, CALL_TANYA, CALL_PANTAU, CALL_BATAL, CALLS };

/* What an answer means. */
enum arti {
    ARTI_ULANG,      /* nothing was done: the same again, later */
    ARTI_BERHASIL,   /* done, or what was asked for: the status says how far it is */
    ARTI_TERDAFTAR,  /* taken on; the end comes later */
    ARTI_DITOLAK,    /* refused for good */
    ARTI_BENTROK,    /* something else is there already */
    ARTI_KREDENSIAL, /* our credentials were not taken */
    ARTI_TIDAK_ADA,  /* there is no such thing */
    ARTI_TIDAK_JELAS /* it may have been done or not */
};

/* What an answer says. Text lives in the arena that was given. */
struct said {
    enum arti arti;
    struct str id;        /* id_integrasi; STR_NULL when there is none that could be used in an address */
    struct str status;    /* in our own words, those of event schema status_bedelau; STR_NULL = not said */
    struct str alasan;    /* decoded */
    struct str kesalahan; /* JSON array of {field, pesan}, or STR_NULL */
    int64_t urutan;       /* Bedelau's sequence number; 0 = not said */
    bool counted;         /* it was said */
    bool strange;         /* the status was no word of the contract; it counts as diproses */
};

/* RES_FATAL with the file and the place in it (a JSON Pointer) that is wrong. `*ret` is the caller's. */
enum res contract_load(const char *path, struct contract **ret, struct err *e);
void contract_free(struct contract *k);

/* Whether the endpoint has that call. Only `tanya` may be missing: then a repeat of the same call says what became of it. */
bool contract_has(const struct contract *k, enum panggilan call);

/* The HTTP codes that have that meaning for any call, in rising order, at most `max`, and 0 behind them. */
void contract_codes(const struct contract *k, enum arti arti, int *ret, unsigned max);

const char *contract_method(const struct contract *k, enum panggilan call);

/* Whether the call has a body. */
bool contract_body(const struct contract *k, enum panggilan call);

/* Whether bodies of the call go out form-encoded, not as JSON. */
bool contract_form(const struct contract *k, enum panggilan call);

/* Appends the address below the endpoint's base; false when one of its placeholders has no value. `ctx` has id, nomor,
 * kunci, jejak and batas, and is ended by a NULL name. */
bool contract_url(const struct contract *k, enum panggilan call, const struct map_ctx *ctx, struct buf *out);

/* Calls `add` for each header of the call whose placeholders all have a value (`ctx` as above). */
void contract_headers(const struct contract *k, enum panggilan call, const struct map_ctx *ctx,
                      void (*add)(void *arg, const char *name, struct str value), void *arg);

/* What an answer to a call says; `body` is as it came and need not be JSON. */
void contract_read(const struct contract *k, enum panggilan call, int code, struct str body, struct arena *a,
                   struct said *s);

/* The registration under that key ("nomor:revisi:putaran") in the answer to `tanya`; false when it is not there. */
bool contract_find(const struct contract *k, struct str body, struct str key, struct arena *a,
                   struct said *s);

/* Whether that answer holds anything at all. */
bool contract_any(const struct contract *k, struct str body);

/* What a callback says: its members are ours (event callback.received), the word for the status is the endpoint's. */
void contract_callback(const struct contract *k, struct str data, struct arena *a, struct said *s);

#endif
