/* lampiran_priv: what lampiran.c (life), lampiran_settle.c (under the row lock) and lampiran_fetch.c (one attempt on a
 * form's documents) share. */
#ifndef VALIDATOR_LAMPIRAN_PRIV_H
#define VALIDATOR_LAMPIRAN_PRIV_H

#include "common/calendar/calendar.h"
#include "common/http/fetch.h"
#include "workers/sop/clocks.h"
#include "workers/validator/lampiran.h"
#include "workers/validator/pdf.h"
#include "workers/validator/validator.h"

/* Answers that may wait for their transaction, per attempt allowed at once. */
enum { LAMPIRAN_ANSWERS = 4 };

enum lampiran_form { FORM_OPENED, FORM_CONCLUDED, FORM_UNRESOLVED, FORM_CANCELLED, LAMPIRAN_FORMS };

struct lampiran {
    struct worker *w;
    const struct lampiran_settings *set;
    size_t max;              /* bytes of a document */
    struct fetch *store;     /* the gateway's; NULL = none */
    char *store_url;         /* without a slash at its end */
    struct fetch *hosts;     /* https (http, files) of the hosts that are allowed; NULL = none */
    struct pdf_checker *pdf; /* NULL = structure and signatures are not judged */
    struct jobs *jobs;
    struct job_answer *answers; /* of this part; in the batch's arena */
    size_t nanswers;
    struct attempt *attempts; /* under way */
    unsigned running;
    unsigned answered;                          /* answers that wait for their transaction */
    int64_t complained_ms;                      /* when a fault of ours was last logged */
    struct metric *m_found[DOKUMEN_FAULTS + 1]; /* by fault, then those without */
    struct metric *m_later, *m_retries, *m_running, *m_forms[LAMPIRAN_FORMS];
};

/* What an attempt brings back. */
struct lampiran_answer {
    struct own_item own;
    char nomor[72], key[112];
    int64_t lease;
    int32_t no;
    unsigned n;
    unsigned known[DOKUMEN_MAX]; /* in the order of the job's documents; 0 = not known */
    int code;                    /* the last status that kept a document from being known */
    int64_t retry_after_s, took_us;
    char error[160];
};

/* An attempt is over before its lease. */
static inline int64_t
lampiran_attempt_ms(const struct lampiran_settings *set)
{
    return set->lease_ms * 3 / 4;
}

/* Whether waiting is over at `now_us`; where documents are checked no more it is. An attempt is always made: who was away at the clock's end must not send a form
 * to an officer unseen. */
static inline bool
lampiran_is_over(const struct lampiran *l, const struct tunggu *t, int64_t deadline_us, int64_t now_us)
{
    return !l->set->check || (t->parks > 0 && now_us >= tunggu_limit(t, deadline_us, l->set->hold_ms * 1000));
}

/* lampiran_fetch.c: a job that was claimed, or born leased, and is committed. */
void attempt_begin(struct lampiran *l, const struct job *job);
void attempt_free_all(struct lampiran *l);

/* How many attempts may begin now. */
unsigned lampiran_room(const struct lampiran *l);

#endif
