/* lampiran_wait: what a form that waits for its documents is about, and when its waiting is over. Pure: neither Kafka
 * nor Postgres nor clock. */
#ifndef VALIDATOR_LAMPIRAN_WAIT_H
#define VALIDATOR_LAMPIRAN_WAIT_H

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "workers/sop/rules/rules.h"

enum { DOKUMEN_MAX = 20 }; /* of one form; pa20.schema.json allows no more */

/* What was found of a document. 0 = not known yet. */
enum dokumen_fault {
    DOKUMEN_KNOWN = 1,
    DOKUMEN_ABSENT = 2,      /* is not there, or may not be asked for, and that will not change by itself */
    DOKUMEN_SIZE = 4,        /* another size than declared, or too large to be read */
    DOKUMEN_HASH = 8,        /* other bytes than declared */
    DOKUMEN_NOT_PDF = 16,    /* no PDF, damaged, without a page, or nothing that could be judged */
    DOKUMEN_LOCKED = 32,     /* encrypted */
    DOKUMEN_UNSIGNED = 64,   /* a signature is demanded and absent or broken */
    DOKUMEN_UNKNOWN_CA = 128 /* intact, by whom cannot be said: a note */
};
enum { DOKUMEN_FAULTS = 7, DOKUMEN_ERRORS = 0x7e };

/* One document as its form declares it. Text is a slice of the form or in an arena. */
struct dokumen {
    unsigned at; /* index in lampiran[] */
    struct str uri;
    unsigned char sha256[HASH_SIZE];
    int64_t ukuran;
    bool sign; /* an electronic signature is demanded */
};

/* The documents of a form that can be asked for at all: those whose size, digest and address are as they have to be. Of the
 * others `findings`, what the rules found, speaks already. */
unsigned dokumen_list(const struct rules *r, struct str form, struct str findings, struct arena *a,
                      struct dokumen out[DOKUMEN_MAX]);

/* As a job's body, and back; text into `a`. */
void dokumen_write(const struct dokumen *docs, unsigned n, struct buf *out);
unsigned dokumen_read(struct str body, struct arena *a, struct dokumen out[DOKUMEN_MAX]);

/* A job's state. */
struct tunggu {
    int32_t revisi;
    struct str kode_opd, kategori, trace;
    struct str temuan; /* of the form: raw JSON array */
    int64_t urutan;    /* of the newest deadline.changed that was heeded; 0 = none yet */
    int64_t error_us;  /* when the first error of form or document was found; INT64_MIN = none */
    int64_t parks;     /* attempts that left something unknown */
    unsigned n;
    unsigned at[DOKUMEN_MAX];
    unsigned known[DOKUMEN_MAX]; /* enum dokumen_fault */
};

void tunggu_write(const struct tunggu *t, struct buf *out);

/* Text is copied into `a`. False when it is none of ours. */
bool tunggu_read(struct str state, struct arena *a, struct tunggu *t);

/* How many documents are not known yet, and how many have errors. */
unsigned tunggu_unknown(const struct tunggu *t);
unsigned tunggu_faulty(const struct tunggu *t);

/* When waiting ends whatever is known: the clock's end (INT64_MIN = none), or `hold_us` after the first error. INT64_MAX
 * = never. */
int64_t tunggu_limit(const struct tunggu *t, int64_t deadline_us, int64_t hold_us);

/* Appends the JSON array of all findings: those of the form and, under /lampiran/N, of each document, E first. Returns
 * how many errors there are. */
unsigned tunggu_findings(const struct rules *r, const struct tunggu *t, struct buf *out);

/* The JSON array for a form whose state cannot be read: a note that its documents were not checked. */
void tunggu_lost(const struct rules *r, struct buf *out);

/* Only the notes of an array of findings. */
void tunggu_notes(struct str findings, struct buf *out);

#endif
