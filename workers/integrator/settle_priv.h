/* settle: what the parts of settling share. All of it runs under the lock of the request's row. */
#ifndef INTEGRATOR_SETTLE_PRIV_H
#define INTEGRATOR_SETTLE_PRIV_H

#include "workers/integrator/integrator.h"

/* ---- memo.c: a job's own state, and how a job goes on ------------------------------------------------------------ */

struct memo {
    struct str id;    /* id_integrasi, once known; of a change or an ending that of the original */
    struct str trace; /* traceparent */
    struct str told;  /* Bedelau's status as last told */
    struct str asal;  /* the request that a change or an ending is about */
    enum jenis jenis;
    int64_t parks; /* how often it was put off */
    int64_t idle;  /* attempts that made no call */
    int64_t clock; /* urutan of the newest deadline.changed that was heeded; 0 = none yet */
    bool poke;     /* Bedelau said something meanwhile: follow at once */
    bool conflict; /* ARTI_BENTROK was said: what is there may be another's */
};

struct memo memo_read(struct worker *w, const struct job *job);
void memo_write(struct worker *w, struct job *job, const struct memo *memo);
int64_t memo_idle(const struct job *job);

/* Appends ,"name":"text" to an object, unless the text is empty. */
void memo_text(struct buf *b, const char *name, struct str s);

/* Steps that make no call. */
bool job_is_idle(struct str step);

/* Frees the job for its next step at `due_us`. */
void job_next(struct job *job, struct str step, int64_t due_us, struct str reason);

/* "nomor:revisi:putaran" in the batch's arena. */
struct str job_key(struct worker *w, const struct berkas *b, int32_t revisi, int32_t putaran);

/* The request's open job of that key, or NULL. */
struct job *job_find(const struct urusan *u, struct str key);

/* Whether there is room for one job more; what is over it waits for the next fact. */
bool job_room(const struct urusan *u);

/* ---- callbacks.c ------------------------------------------------------------------------------------------------- */

void callback_take(struct worker *w, struct berkas *b, const struct event *ev);

/* Callbacks that came before the id was known, now that it is. */
void callback_take_kept(struct worker *w, struct berkas *b);

/* Bedelau's word about a request none of whose jobs it belongs to: kept in mind, told, or taken back. `ev` is the
 * callback, NULL for an answer. */
void callback_late(struct worker *w, struct berkas *b, const struct said *s, const struct event *ev);

/* ---- park.c ------------------------------------------------------------------------------------------------------ */

/* Why an answer leaves its job waiting, in the batch's arena. */
struct str park_reason(struct worker *w, const struct answer *a);

/* How long a job waits that was put off `parks` times before. */
int64_t park_us(struct worker *w, const struct job *job, int64_t parks, const struct answer *a);

/* When to ask again what becomes of something that Bedelau took on: its Retry-After, else [integrator] poll. */
int64_t park_poll_us(const struct worker *w, const struct answer *a);

/* Puts a job off until its next try at `step`: told once, with the reason, the first time. What is withdrawn is not sent
 * again but asked about. */
void park_job(struct worker *w, struct berkas *b, struct job *job, const struct answer *a, struct str step);

/* What became of a call is not known. Who registers asks first; a change or an ending is simply repeated, under the same
 * key and with the same bytes. */
void park_in_doubt(struct worker *w, struct berkas *b, struct job *job, const struct answer *a);

/* Credentials are ours to mend: nothing is told, no patience is used up, and the log says it. */
void park_for_access(struct worker *w, struct job *job, const struct answer *a);

/* The endpoint is ill, not this call (answer.sick): the job stands again as it was, or asks where its call may have been
 * heard; no park is counted, nobody is told. `aside` puts it behind the others. */
void park_sick(struct worker *w, struct job *job, const struct answer *a);

/* ---- there.c ----------------------------------------------------------------------------------------------------- */

/* It is there: done, or taken on. */
void there_registered(struct worker *w, struct berkas *b, struct job *job, const struct answer *a,
                      const struct said *s);

/* Refused for good: a new round for the Pranata Komputer, or the end of what was withdrawn. */
void there_refused(struct worker *w, struct berkas *b, struct job *job, const struct answer *a,
                   const struct said *s);

/* Tells a state of Bedelau's where it is new, and ends the job where it is an end. */
void there_take_status(struct worker *w, struct berkas *b, struct job *job, const struct finding *f);

/* Nothing is left at Bedelau of what was withdrawn: told, and the job ends. */
void there_cancelled(struct worker *w, struct berkas *b, struct job *job, int code);

/* ---- settle.c ---------------------------------------------------------------------------------------------------- */

/* Withdrawn, and not completed before. */
bool settle_withdrawn(const struct berkas *b);

#endif
