/* book: what the stand-in has registered, in memory, in hash tables. */
#ifndef STANDIN_BOOK_H
#define STANDIN_BOOK_H

#include "tests/standin/outcome.h"

/* What every table entry begins with. */
struct book_name {
    uint64_t hash;
    size_t n;
    char *z; /* NUL-terminated, in the same allocation */
};

struct book_table {
    struct book_name **slot;
    size_t cap; /* a power of two, or 0 */
    size_t n;
};

struct book_reg;
struct ending;

/* One Idempotency-Key. */
struct book_key {
    struct book_name name;
    struct book_reg *first; /* what it registered, or NULL */
    uint64_t body_hash;     /* of the body that was acted on or refused */
    unsigned tries;
    int refused; /* code of a refusal for good, or 0 */
};

/* One nomor_permohonan. */
struct book_nomor {
    struct book_name name;
    struct book_reg *newest;
    unsigned effective;  /* registrations that are aktif or diproses */
    unsigned rule_epoch; /* which set of rules `rule_seen` counts for */
    unsigned rule_seen;
};

/* One registration: a POST or PUT that took effect. */
struct book_reg {
    unsigned id; /* of the integration; a PUT shares it with what it changes */
    int revisi;
    int putaran;
    unsigned urutan;
    enum status status;
    enum status first_status; /* as first answered: what a repeat of the key gets */
    bool put;
    bool duplicate;
    unsigned deletes;      /* DELETEs of it so far */
    struct ending *ending; /* the end of a 202 that is planned, or NULL */
    int64_t waktu_us;
    const char *alasan; /* static */
    struct book_key *key;
    struct book_nomor *nomor;
    struct book_name *url;    /* url_callback, or NULL */
    struct book_reg *older;   /* of the same nomor */
    struct book_reg *same_id; /* earlier one with the same id */
};

struct book {
    struct book_table keys;
    struct book_table nomors;
    struct book_table urls;
    struct book_reg **regs; /* in the order in which they took effect */
    size_t regs_n;
    size_t regs_cap;
    struct book_reg **ids; /* newest registration of each id, from 1 */
    unsigned ids_n;
    size_t ids_cap;
    size_t unique;
    size_t duplicates;
    size_t active; /* nomors with an effective registration */
};

/* What a registration is made of. */
struct book_new {
    struct book_key *key;
    struct book_nomor *nomor;
    int revisi;
    int putaran;
    struct str url;           /* may be empty */
    struct book_reg *changes; /* a PUT: what it changes; else NULL */
    enum status status;
    int64_t now_us;
};

/* Found or made; NULL when memory is out. The book keeps them. */
struct book_key *book_key(struct book *b, struct str key);
struct book_nomor *book_nomor(struct book *b, struct str nomor);

/* NULL when there is none. */
struct book_nomor *book_find(const struct book *b, struct str nomor);
struct book_reg *book_by_id(const struct book *b, struct str id);

/* Registers. NULL when memory is out. */
struct book_reg *book_add(struct book *b, const struct book_new *n);

/* The one place where a status changes: counts, numbers and dates it. Switching off takes along all of the same id. */
void book_set(struct book *b, struct book_reg *reg, enum status status, int64_t now_us);

/* "INT-0000000001" into `out`. */
void book_id(const struct book_reg *reg, char out[20]);

/* Frees everything; the book is empty and usable again. */
void book_clear(struct book *b);

#endif
