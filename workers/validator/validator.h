/* validator: the one authority on submissions. It admits facts or refuses them visibly, judges each form, and carries
 * out officers' decisions (SOP steps 1 and 2; design, section 6). Parts of the program share this header. */
#ifndef VALIDATOR_VALIDATOR_H
#define VALIDATOR_VALIDATOR_H

#include "workers/sop/admission.h"
#include "workers/sop/rules/rules.h"
#include "workers/sop/worker.h"
#include "workers/validator/keys.h"
#include "workers/validator/lampiran.h"
#include "workers/validator/late.h"
#include "workers/validator/review.h"

struct validator {
    struct review_rules review;
    const char *opd_file;
    struct rules *rules;
    struct tape *tape; /* of rules_judge */
    uint64_t shadow;   /* forms that took the short way */
    struct metric *m_short, *m_full, *m_shadow, *m_shadow_differs;
    struct metric *m_returned, *m_accepted, *m_waiting, *m_refused, *m_held;
    struct metric *m_late_system, *m_late_officer; /* late findings by who made them */
    struct others *others;                         /* of the batch part; in its arena */
    struct lampiran_settings attachments;
    struct lampiran *documents;
};

/* What was read of a form when its record came, before its transaction (worker_def.prepare). */
struct form_read {
    struct rules_reading rules;
    struct str keys[KEYS_MEMBERS];
};
void form_prepare(struct worker *w, struct event *ev);

/* Of a request.submitted. */
static inline const struct form_read *
form_of(const struct event *ev)
{
    return ev->more;
}

/* A form that waits for its turn or has just come. Text lives in the batch's arena or in the record. */
struct tahan {
    struct fact fact;
    struct str data, traceparent;
    struct form_keys keys;
    const struct rules_reading *read; /* NULL: not yet */
    enum known original_active, duplicate_open, letter_seen;
    bool stored;   /* is in pemeriksaan_tahan */
    bool admitted; /* to be removed from there */
    struct tahan *next;
};

/* The validator's own columns of one request. */
struct periksa {
    struct str kode_opd; /* whose number it is; STR_NULL = nobody's yet */
    struct str kunci;    /* the system's name that this open request holds against others; STR_NULL = none */
    struct str surat;    /* the letter that its newest form names */
    struct str status;   /* by store_write, like the next two */
    int32_t revisi, putaran;
    bool aktif, ditarik;
    bool akan_aktif; /* its completion is in this batch */
    struct tahan *held;
    struct lampiran_job *jobs;
    struct str riwayat_stored; /* as the row has it */
    struct riwayat *riwayat;   /* NULL = not asked for yet */
    bool riwayat_changed;
};

/* admit.c: carries out what the table of section 6 says of one fact. */
void admit(struct worker *w, struct berkas *b, struct flow_item *it);

/* admit.c: forms whose turn has come by a verdict that no arriving fact gave. */
void admit_held(struct worker *w, struct berkas *b);

/* A new putaran where Bedelau's refusal of the one that was just accepted is known already. */
void admit_round(struct worker *w, struct berkas *b);

/* others.c: what a form's judgement needs to know of other requests. Two forms for one system that arrive together,
 * whether in one batch or in two processes, are ordered: between others_load and COMMIT this transaction alone may
 * judge forms of the same department and name. */
void others_begin(struct worker *w, const struct flow_batch *b);
void others_load(struct worker *w, const struct flow_batch *b);

/* The keys of an item's form, read once; NULL for what is no form. */
const struct form_keys *others_keys(const struct worker *w, const struct flow_item *it);

/* Answers original_active, duplicate_open and letter_seen of a form whose turn has come, and lets its request hold the
 * name where nobody else does. Only in the batch in which the form came or its turn came. */
void others_ask(struct worker *w, struct berkas *b, struct tahan *form);

/* Whether table officer had this id as active when the batch was loaded. */
bool others_officer(const struct worker *w, struct str id);

/* judge.c: checks a form that was admitted and says what follows. */
void judge_form(struct worker *w, struct berkas *b, const struct tahan *form);

/* The system's own verdict on a form with so many errors, as [validator] review says. */
enum putusan judge_putusan(const struct worker *w, unsigned errors, struct str kode_opd, struct str kategori);

/* One check.completed; `oleh` is "sistem" or an officer's id, `findings` a JSON array. */
struct verdict {
    enum putusan putusan;
    int32_t revisi, putaran;
    struct str sumber_pengajuan, id_pengajuan;
    struct str findings, oleh;
    const struct fact *cause;
    struct str traceparent;
    int64_t time_us;
};
void judge_say(struct worker *w, struct berkas *b, const struct verdict *v);

/* late_row.c: which findings of a return could have been told with an earlier one (late.h). */

/* A form is judged, and may be returned one day: it is remembered. */
void late_judge(struct worker *w, struct berkas *b, const struct tahan *form);

/* A verdict is about to be told: its findings, with the mark where they are late; in the batch's arena or as they came. */
struct str late_say(struct worker *w, struct berkas *b, const struct verdict *v);

/* What the row is to remember from now on: nothing when the request has ended. */
void late_keep(struct worker *w, struct berkas *b, bool ended);

/* A fact that was not admitted: check.refused with a code and a sentence in both languages. */
void judge_refuse(struct worker *w, struct berkas *b, const struct event *ev, const struct refusal *why);

/* store.c: the validator's statements. */
void store_load(struct worker *w, const struct flow_batch *b);
void store_read(struct worker *w, struct berkas *b, const PGresult *r, int row);
void store_write(struct worker *w);
extern const struct worker_column store_columns[];

#endif
