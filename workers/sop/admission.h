/* admission: what the validator does with a fact that has arrived: the table "what arrives at its one judge" of the
 * design, section 6, as one pure function. It reads nothing and changes nothing; the validator carries out. */
#ifndef SOP_ADMISSION_H
#define SOP_ADMISSION_H

#include "workers/sop/dossier.h"

/* How far ahead, and how many, forms are held for their turn: a sender cannot fill the table. */
enum { ADMISSION_AHEAD = 16, ADMISSION_HELD = 16 };

enum admission {
    ADMIT_NOTHING,         /* none of the validator's facts */
    ADMIT_NOTE,            /* becomes known: a letter opens clock 1, an integration fact gives the state */
    ADMIT_TAKE,            /* the form is judged */
    ADMIT_TAKE_UNJUDGED,   /* the form is taken, but a withdrawal came before it: it is only cancelled */
    ADMIT_HOLD,            /* the form waits for its turn */
    ADMIT_HOLD_WITHDRAWAL, /* the withdrawal takes effect with the first thing that comes */
    ADMIT_CANCEL,          /* check dibatalkan */
    ADMIT_DECIDE,          /* the officer's decision becomes the check */
    ADMIT_ROUND,           /* noted, and a new putaran that waits for an officer */
    REFUSE_OWNER,          /* this and what follows: check.refused */
    REFUSE_OPD,
    REFUSE_FINAL,
    REFUSE_ACTIVE,
    REFUSE_REVISI,
    REFUSE_AHEAD,
    REFUSE_OFFICER,
    REFUSE_PUTARAN,
    REFUSE_DECIDED,
    REFUSE_NOT_WAITING,
    REFUSE_REASON,
    ADMISSIONS
};

static inline bool
admission_refused(enum admission a)
{
    return a >= REFUSE_OWNER;
}

/* What the dossier does not say. */
struct standing {
    bool foreign;       /* the number belongs to another department than the sender */
    bool other_opd;     /* the data name another department than the sender */
    bool withdrawn;     /* a withdrawal came before everything else */
    unsigned held;      /* forms of this number that wait for their turn */
    bool known_officer; /* review: decided by an officer who may */
    bool reasoned;      /* review: has at least one note */
};

/* `v` is the request as it stood before the fact. */
enum admission admission(const struct dossier_view *v, const struct fact *f, const struct standing *s);

/* What check.refused says: code and a sentence in both languages, static. NULL for what is no refusal. */
struct refusal {
    const char *kode, *pesan, *message;
};
const struct refusal *admission_refusal(enum admission a);

#endif
