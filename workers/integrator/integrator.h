/* integrator: the one authority on what happened at Bedelau (SOP step 3). Form, decision and callback meet under the
 * request's row lock; the call itself is a durable job (common/flow/jobs.h). Contract of the endpoint: domain rules,
 * section 2. */
#ifndef INTEGRATOR_INTEGRATOR_H
#define INTEGRATOR_INTEGRATOR_H

#include "common/base/backoff.h"
#include "common/calendar/calendar.h"
#include "common/flow/jobs.h"
#include "common/http/client.h"
#include "workers/integrator/map.h"
#include "workers/sop/worker.h"

/* Answers that may wait for their transaction, per call allowed in flight. */
enum { ANSWERS_PER_CALL = 4 };
enum mode { MODE_LIVE, MODE_SHADOW, MODE_OFF };
enum auth { AUTH_NONE, AUTH_API_KEY, AUTH_BASIC, AUTH_BEARER };

struct integrator {
    const char *url, *callback_url; /* settings */
    int64_t mode, auth, in_flight, timeout_ms, lease_ms, poll_ms;
    struct backoff pace;
    const char *auth_header, *auth_secret;
    const char *ca_file, *cert_file, *key_file;
    bool tls_insecure;
    struct map *map;
    struct calendar *cal;
    struct calendar_term term;
    struct client *client;
    struct jobs *jobs;
    const char *maintenance; /* settings of the gate */
    int64_t calls_per_s;
    struct gate *gate;
    struct job_answer *answers; /* of this part; in the batch's arena */
    size_t nanswers;
    unsigned calling;  /* calls under way */
    unsigned answered; /* answers that wait for their transaction */
    struct metric *m_calls[4], *m_seconds, *m_outcome[6], *m_parked;
};

/* A mapped body that waits for its decision. */
struct badan {
    struct str source, id, body;
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
    struct str trace;        /* traceparent of the form or decision of this batch */
    int64_t batas_us;        /* clock 3 as this batch tells; INT64_MIN = it does not */
    int64_t batas_urutan;    /* of the deadline.changed that told; 0 = none */
};

/* An answer on its way into a transaction. */
struct answer {
    struct own_item own;
    char nomor[72], key[112], step[8];
    int64_t lease;
    int32_t no;
    enum client_fate fate;
    int code;
    int64_t retry_after_s, took_us;
    char error[200];
    char *body;
    size_t body_len;
    char id[80]; /* the id_integrasi that was asked or deleted */
};

/* call.c: begins the call that a job's step asks for. */
void call_begin(struct worker *w, const struct job *job);
void call_free_answer(void *answer);

/* settle.c */
void settle_fact(struct worker *w, struct berkas *b, const struct event *ev);
void settle_answer(struct worker *w, struct berkas *b, const struct answer *a);
void settle_request(struct worker *w, struct berkas *b);

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

/* What Bedelau's word for a state is to us. */
enum fact_type outcome_of_status(struct str status);

/* stop.c: an officer gives up (`bedelauctl jobs cancel`). What is under way or in doubt is found out first, what Bedelau has is
 * taken back first; an end that was learned meanwhile stands. */
/* The request's jobs that were given up and are in nobody's hands: after settle_request. */
void stop_settle(struct worker *w, struct berkas *b);
/* A job that ended by being taken back was given up by an officer, not withdrawn: the finding says failed. */
void stop_rename(const struct job *job, struct finding *f);

/* store.c */
void store_load(struct worker *w, const struct flow_batch *b);
void store_make(struct berkas *b);
void store_read(struct worker *w, struct berkas *b, const PGresult *r, int row);
void store_write(struct worker *w);
extern const struct worker_column store_columns[];

#endif
