/* lampiran: the documents that a form names. A form that was judged waits as menunggu_lampiran until each of them is
 * known (fetched, counted, hashed, its structure and signature judged by a helper), until its clock ends, or, when an
 * error was found already, until `hold` is over. One durable job per form (common/flow/jobs.h), one final check. */
#ifndef VALIDATOR_LAMPIRAN_H
#define VALIDATOR_LAMPIRAN_H

#include "common/base/backoff.h"
#include "common/flow/jobs.h"
#include "workers/sop/worker.h"
#include "workers/validator/lampiran_wait.h"

/* [attachments] */
struct lampiran_settings {
    bool check, allow_http, pdf;
    const char *store, *store_token, *allow, *allow_net, *file_root, *credentials_file, *ca_file;
    const char *pdf_helper, *signature_ca_file;
    int64_t hold_ms, in_flight, timeout_ms, lease_ms, redirects, pdf_limit_ms;
    struct backoff pace;
};

struct lampiran;

/* The jobs of one request in the batch; in its arena. */
struct lampiran_job {
    struct job *job;
    struct lampiran_job *next;
    bool cancelled; /* in this batch */
};

/* RES_FATAL with both names for settings that do not fit together. */
enum res lampiran_check(const struct lampiran_settings *set, struct err *e);

/* `*ret` is the caller's. With [attachments] check off nothing is fetched any more, and forms that still wait go to an
 * officer, or back where they have errors. The rules must be loaded. */
enum res lampiran_new(struct worker *w, struct lampiran **ret, struct err *e);
void lampiran_free(struct lampiran *l);

/* ---- within a transaction, under the request's row lock: lampiran_settle.c ---------------------------------------- */

/* A form was judged by the rules: true when it names documents that can be asked for. Then check menunggu_lampiran was
 * said, with the notes found so far (`faulty`: there are errors too, which wait), and the job is there. */
struct tahan;
struct verdict;
bool lampiran_open(struct worker *w, struct berkas *b, const struct tahan *form, const struct verdict *v,
                   bool faulty);

/* What an attempt found; `answer` is one that flow brought back. */
void lampiran_answer(struct worker *w, struct berkas *b, const void *answer);

/* Clock 2 as the deadline worker has it; what is older than what was heeded (data.urutan) changes nothing. */
void lampiran_deadline(struct worker *w, struct berkas *b, const struct event *ev);

/* After all items: jobs whose form counts no more end, new ones are born. A form whose job cannot be read goes to an
 * officer. */
void lampiran_settle(struct worker *w, struct berkas *b);

void lampiran_load(struct worker *w, const struct flow_batch *b);
void lampiran_write(struct worker *w);

/* ---- around it: lampiran.c ---------------------------------------------------------------------------------------- */

void lampiran_committed(struct worker *w, const struct flow_batch *b);
void lampiran_undone(struct lampiran *l, bool whole);
void lampiran_drop(void *answer);
void lampiran_stop(struct lampiran *l); /* no more attempts are begun */
void lampiran_status(const struct lampiran *l, struct buf *json);

#endif
