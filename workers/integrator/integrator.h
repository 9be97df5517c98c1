/* integrator: the one authority on what happened at Bedelau (SOP step 3). Form, decision and callback meet under the
 * request's row lock; the call itself is a durable job (common/flow/jobs.h). Contract of the endpoint: domain rules,
 * section 2. */
#ifndef INTEGRATOR_INTEGRATOR_H
#define INTEGRATOR_INTEGRATOR_H

#include "common/base/backoff.h"
#include "common/calendar/calendar.h"
#include "common/flow/jobs.h"
#include "common/http/sink.h"
#include "workers/integrator/contract.h"
#include "workers/integrator/endpoint.h"
#include "workers/integrator/map.h"
#include "workers/sop/worker.h"

/* Answers that may wait for their transaction, per call allowed in flight. */
enum { ANSWERS_PER_CALL = 8 };
enum mode { MODE_LIVE, MODE_SHADOW, MODE_OFF };

struct integrator {
    const char *url, *callback_url; /* settings */
    int64_t mode, in_flight, timeout_ms, lease_ms, quiet_ms, poll_ms;
    struct backoff pace;
    struct endpoint_settings endpoint;
    const char *contract_file;
    struct contract *contract;
    struct map *map;
    struct sink *sink;
    struct jobs *jobs;
    const char *maintenance; /* setting of the gate */
    struct conf *again;      /* the settings as read last by SIGHUP; NULL = those of the start */
    struct gate *gate;
    struct job_answer *answers; /* of this part; in the batch's arena */
    size_t nanswers;
    unsigned calling;  /* calls under way, those that wait for their place among them */
    unsigned ahead;    /* how many may wait so: see settle_begin */
    bool stirred;      /* jobs of other requests were made due by this batch */
    unsigned answered; /* answers that wait for their transaction */
    struct metric *m_calls[4], *m_seconds, *m_outcome[6], *m_parked;
};

/* What a request is to Bedelau (PA.20 row 3). */
enum jenis { JENIS_BARU, JENIS_PERUBAHAN, JENIS_PENCABUTAN };

/* A mapped body that waits for its decision. */
struct badan {
    struct str source, id, body;
    enum jenis jenis;
    struct str asal; /* nomor_permohonan_asal of a change or an ending */
    bool stored;
    struct badan *next;
};

/* The integrator's own columns of one request. */
struct urusan {
    struct job *jobs[8]; /* of this request: one per (revisi, putaran) */
    unsigned njobs;
    struct badan *bodies;
    struct str callbacks;    /* raw JSON array of callbacks that came too early */
    struct str id_integrasi; /* as Bedelau gave it */
    int64_t urutan_bedelau;  /* highest heeded */
    enum jenis jenis;        /* of the form that was decided last, and what it is about */
    struct str asal;
    struct str nama_jenis; /* as it is stored */
    bool stirred;          /* told as completed in this batch: those that wait for it shall look */
    struct str trace;      /* traceparent of the form or decision of this batch */
    int64_t batas_us;      /* clock 3 as this batch tells; INT64_MIN = it does not */
    int64_t batas_urutan;  /* of the deadline.changed that told; 0 = none */
};

/* An answer on its way into a transaction. Steps that make no call (job_is_idle) have one too, of fate CLIENT_NOT_SENT. */
struct answer {
    struct own_item own;
    char nomor[72], key[112], step[8];
    char asal[72]; /* the request whose row is to be locked too; "" = none */
    enum panggilan call;
    int64_t lease;
    int32_t no;
    enum client_fate fate;
    int code;
    int64_t retry_after_s, took_us;
    bool sick;  /* the way to the endpoint was closed: the job was not looked at */
    bool alone; /* others succeed while this one fails */
    bool aside; /* sick, and so was the last probe by this one: others first */
    char error[200];
    char *body;
    size_t body_len;
};

/* call.c: begins the call that a job's step asks for. */
void call_begin(struct worker *w, const struct job *job);
void call_free_answer(void *answer);

/* settle.c: facts, and what follows for a request when all of its batch is known. */
void settle_begin(struct worker *w, const struct flow_batch *b);
void settle_fact(struct worker *w, struct berkas *b, const struct event *ev);
void settle_request(struct worker *w, struct berkas *b);

/* steps.c: an answer, under the request's lock. */
void settle_answer(struct worker *w, struct berkas *b, const struct answer *a);

/* outcome.c: what a call's answer or a callback means. */
struct finding {
    enum fact_type type;
    struct str id_integrasi, status, alasan, kesalahan; /* alasan decoded; kesalahan raw array */
    int64_t urutan_bedelau;
    int kode_http;
    int64_t time_us;
    const struct event *cause; /* a callback; NULL for an answer */
};
void outcome_tell(struct worker *w, struct berkas *b, const struct job *job, const struct finding *f);

/* What Bedelau's word for a state is to a request of that kind. */
enum fact_type outcome_of_status(enum jenis jenis, struct str status);

/* An operator gives the job up (stop.c): told as failed with the reason, and the job ends. Not for one that is being
 * called: what it did is not known. */
void outcome_give_up(struct worker *w, struct berkas *b, struct job *job, struct str alasan);

const char *jenis_name(enum jenis jenis);
enum jenis jenis_of(struct str name); /* JENIS_BARU when unknown */

/* stop.c: an officer gives up (`bedelauctl jobs cancel`). What is under way or in doubt is found out first, what Bedelau has is
 * taken back first; an end that was learned meanwhile stands. */
/* The request's jobs that were given up and are in nobody's hands: after settle_request. */
void stop_settle(struct worker *w, struct berkas *b);
/* A job that ended by being taken back was given up by an officer, not withdrawn: the finding says failed. */
void stop_rename(const struct job *job, struct finding *f);

/* store.c */
/* Where a form's body is kept, for struct job's `ref`, in the batch's arena; and the query that finds it. */
struct str store_ref(struct worker *w, const struct badan *body);
extern const char store_kept_body[];
void store_load(struct worker *w, const struct flow_batch *b);
void store_make(struct berkas *b);
void store_read(struct worker *w, struct berkas *b, const PGresult *r, int row);
void store_write(struct worker *w);
extern const struct worker_column store_columns[];

#endif
