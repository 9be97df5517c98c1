/* book: what the stand-in has registered, in memory, in hash tables. */
#ifndef STANDIN_BOOK_H
#define STANDIN_BOOK_H

#include "tests/standin/outcome.h"

enum { BOOK_CONFLICTS = 10000 };

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
struct script;

/* One Idempotency-Key. */
struct book_key {
    struct book_name name;
    struct book_reg *first; /* what it registered, or NULL */
    uint64_t seen;          /* hash of method, target and body that it first came with; 0 = not seen */
    uint64_t body_hash;     /* the same of what was acted on or refused */
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
    unsigned script_epoch; /* which settings `script` is of */
    unsigned gets;         /* GETs and DELETEs about it so far */
    unsigned deletes;
    const struct script *script; /* of those settings; NULL = none */
    uint64_t script_used;        /* one bit per step */
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
    bool was_aktif;
    bool gone;             /* taken away: nothing of it is left but the ledger's line */
    struct ending *ending; /* the end of a 202 that is planned, or NULL */
    int64_t waktu_us;
    const char *alasan; /* static */
    struct book_key *key;
    struct book_nomor *nomor;
    struct book_name *url;    /* url_callback, or NULL */
    struct book_reg *older;   /* of the same nomor */
    struct book_reg *same_id; /* earlier one with the same id */
};

/* What the ledger holds beside registrations. */
struct book_note {
    size_t after;  /* registrations before it */
    bool conflict; /* a key that came with something else than at first; else a DELETE that took effect */
    enum ask ask;
    struct book_key *key; /* NULL: a DELETE without one */
    struct book_nomor *nomor;
    struct book_reg *reg; /* of a DELETE */
    enum status status;   /* of a DELETE: where it led to */
    unsigned urutan;
    int64_t waktu_us;
};

struct book {
    struct book_table keys;
    struct book_table nomors;
    struct book_table urls;
    struct book_reg **regs; /* in the order in which they took effect */
    size_t regs_n;
    size_t regs_cap;
    struct book_reg **ids; /* newest registration of each id, from 1 */
    struct book_note *notes;
    size_t notes_n;
    size_t notes_cap;
    size_t deletes;   /* that took effect */
    size_t conflicts; /* all of them; BOOK_CONFLICTS are kept */
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

/* Writes down that a DELETE led to the present status of `reg`; `key` may be NULL. */
void book_note_delete(struct book *b, struct book_reg *reg, struct book_key *key);

/* Writes down, when `key` has come before with something else, that it did; `what` hashes method, target and body. */
void book_see(struct book *b, struct book_key *key, struct book_nomor *nomor, enum ask ask, uint64_t what,
              int64_t now_us);

/* "INT-0000000001" into `out`. */
void book_id(const struct book_reg *reg, char out[20]);

/* Frees everything; the book is empty and usable again. */
void book_clear(struct book *b);

#endif
