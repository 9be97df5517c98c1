/* validator: the one authority on submissions. It admits facts or refuses them visibly, judges each form, and carries
 * out officers' decisions (SOP steps 1 and 2; design, section 6). Parts of the program share this header. */
#ifndef VALIDATOR_VALIDATOR_H
#define VALIDATOR_VALIDATOR_H

#include "workers/sop/worker.h"
#include "workers/sop/rules/rules.h"

struct validator {
    int64_t review; /* enum review_mode */
    const char *opd_file;
    struct rules *rules;
    struct tape *tape; /* of rules_pass */
    struct metric *m_returned, *m_accepted, *m_waiting, *m_refused, *m_held;
};

enum review_mode { REVIEW_AUTO, REVIEW_MANUAL };

/* A form that waits for its turn or has just come. Text lives in the batch's arena or in the record. */
struct tahan {
    struct fact fact;
    struct str data, traceparent;
    bool stored;   /* is in pemeriksaan_tahan */
    bool admitted; /* to be removed from there */
    struct tahan *next;
};

/* The validator's own columns of one request. */
struct periksa {
    struct str kode_opd; /* whose number it is; STR_NULL = nobody's yet */
    struct str jenis, nama_sistem;
    bool aktif, ditarik;
    struct tahan *held;
};

/* admit.c: what to do with one fact, by the table of section 6. */
void admit(struct worker *w, struct berkas *b, struct flow_item *it);

/* admit.c: forms whose turn has come. */
void admit_held(struct worker *w, struct berkas *b);

/* judge.c: checks a form that was admitted and says what follows. */
void judge_form(struct worker *w, struct berkas *b, const struct tahan *form);

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

/* A fact that was not admitted: check.refused with a code and a sentence in both languages. */
struct refusal {
    const char *kode, *pesan, *message;
};
void judge_refuse(struct worker *w, struct berkas *b, const struct event *ev, const struct refusal *why);

/* store.c: the validator's statements. */
void store_load(struct worker *w, const struct flow_batch *b);
void store_read(struct worker *w, struct berkas *b, const PGresult *r, int row);
void store_write(struct worker *w);

#endif
