/* contract: the loaded file, for contract.c and contract_load.c. */
#ifndef INTEGRATOR_CONTRACT_PRIV_H
#define INTEGRATOR_CONTRACT_PRIV_H

#include <jansson.h>

#include "workers/integrator/contract.h"

enum { CODES = 600, HEADERS_MAX = 12, WORDS_MAX = 64 };

/* A name and what stands for it; both live in the JSON tree. */
struct pair {
    const char *name, *value;
};

/* JSON Pointers; NULL = the endpoint does not say it. */
struct pointers {
    const char *isi; /* to what the others are relative to; "" = the whole answer */
    const char *id, *status, *urutan, *alasan;
};

struct amplop {
    const char *lokasi; /* NULL = no envelope */
    char *nilai;        /* what stands there in an answer that means well; JSON, owned */
    const char *kode;   /* where the reason for a failure stands, or NULL */
    struct pair arti[WORDS_MAX];
    unsigned narti;
};

struct contract {
    json_t *root; /* owns the names */
    struct {
        const char *method, *url;
        bool there, body, form;
        unsigned char arti[CODES];
    } call[CALLS];
    struct pair header[HEADERS_MAX], header_kirim[HEADERS_MAX];
    unsigned nheader, nheader_kirim;
    struct amplop amplop;
    struct pointers jawaban;
    struct {
        const char *isi, *nomor, *revisi, *putaran;
    } daftar;
    struct {
        const char *alasan, *kesalahan, *field, *pesan;
    } galat;
    struct pair status[WORDS_MAX];
    unsigned nstatus;
};

/* The meaning that a word of the file has; -1 = none. */
int contract_arti_of(const char *word);

#endif
