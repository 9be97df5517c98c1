/* refold: makes the record's tables again from its log, beside those that serve: the projection that `event` alone
 * gives. `verify` compares the two, `rebuild` puts the new in the old one's place. */
#ifndef CTL_REFOLD_H
#define CTL_REFOLD_H

#include "producers/ctl/ctl.h"

/* Something about the log itself that should not be. */
struct refold_flaw {
    const char *nomor;
    int64_t seq;      /* of the fact */
    const char *what; /* "broken_chain", "without_link", "altered_data", "unreadable" */
};

struct refold {
    struct ctl *c;
    const char *log;    /* what its log's tables begin with: NULL = `event`, "new_" = those of relog.h */
    const char *only;   /* this request alone; NULL = all */
    int64_t after_seq;  /* requests that have a fact after this one alone; -1 = all .. */
    int64_t after_copy; /* .. or an earlier copy after this one */
    void (*flaw)(void *arg, const struct refold_flaw *f); /* may be NULL */
    void (*progress)(void *arg, int64_t facts);           /* now and then; may be NULL */
    void *arg;
    /* counted */
    int64_t facts, requests;
    int64_t unlinked;  /* written by a program that made no chain yet */
    int64_t forgotten; /* of requests whose personal data are gone: no hash can be compared */
    int64_t masked; /* their data were kept without what should not have been sent: no hash can be compared */
};

/* The advisory lock of whoever rewrites the record or its log: rebuild for as long as it works, forget in its transaction.
 * One per schema. */
#define RECORD_LOCK "hashtextextended(current_schema() || '.record', 0)"

/* Makes the session's own tables `new_request` and `new_clock`, empty. In a transaction or not. */
enum res refold_tables(struct ctl *c);

/* Folds what the log holds as the transaction sees it into those tables: what was there of the same requests is
 * replaced. Within a transaction of the caller's. RES_RETRY and RES_FATAL as ctl_query. */
enum res refold_run(struct refold *r);

/* Where the new tables and those that serve differ: nomor_permohonan, place, what (missing, unfounded, different),
 * columns. `only`: of one request; NULL = of all. NULL: failed, c->e says why. The result is the caller's. */
PGresult *refold_compare(struct ctl *c, const char *only);

/* Brings the serving tables to what the new ones say; `versi` never falls. `*changed` counts rows. Within a transaction
 * in which nobody else writes them. */
enum res refold_swap(struct ctl *c, int64_t *changed);

#endif
