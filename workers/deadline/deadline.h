/* deadline: the one authority on met or missed. Any new fact recomputes all clocks of its request by a pure function
 * (workers/sop/clocks.h) and only differences are told. A clock is called missed only when everything up to its due
 * instant has been read, by this worker and by those whose facts it waits for (design, section 6; domain, section 5). */
#ifndef DEADLINE_DEADLINE_H
#define DEADLINE_DEADLINE_H

#include "workers/sop/warnings.h"
#include "workers/sop/worker.h"

enum { NONE_OPEN = -1 };

/* What cannot be reckoned, or read, is tried again now and then. */
enum { LOOK_AGAIN_S = 3600 };

/* A clock as it was last told. */
struct told {
    struct jam jam;
    struct warned warned;
};

/* The worker's own columns of one request. */
struct jadwal {
    struct told *told;
    size_t n;
    struct str text;    /* both as they are stored */
    int64_t due_us;     /* next instant to look again; INT64_MIN = none */
    int64_t was_due_us; /* as it was stored */
    int64_t kalender;   /* what its open clocks were reckoned by, as reckoned_by() says; NONE_OPEN */
    int64_t read_us;    /* of a due row that was claimed: everything up to then was read; 0 = not claimed */
    const struct event *cause;
};

/* What is posted: recount.c's request to be looked at again, because another calendar or other terms are in force; or, where
 * `nomor` is empty, fire.c's claim of rows that are due. */
struct ring {
    struct own_item own;
    char nomor[72];
};

struct gate;
struct recount;
struct clkset;

/* Whoever is due is claimed in batches; fire.c says how one state leads to the next. */
enum firing {
    FIRE_RESTS,  /* until something is due, or it is time to look at the table */
    FIRE_ASKS,   /* the table what is due next */
    FIRE_WAITS,  /* for the gate */
    FIRE_CLAIMS, /* due rows, until there are no more */
};

struct deadline {
    int64_t grace_ms, hard_ms, rate, recount_per_s;
    struct clock_rules rules;
    struct gate *gate;
    struct recount *recount;
    struct clkset *clkset;
    enum firing firing;
    struct loop_timer alarm;
    struct pg_turn turn;
    int64_t next_us;  /* the earliest due instant known; INT64_MIN = none */
    int64_t noted_us; /* the earliest that the batch in hand stores; INT64_MIN = none */
    int64_t after_us; /* what the claim in hand found to be due after its own; INT64_MIN = none */
    int64_t skew_us; /* by how much this machine's clock is ahead of the database's; 0 where that is little */
    int64_t read_us; /* while claiming: what is due up to then may be settled */
    int64_t posted_ms;          /* monotonic: when the claim in hand was posted */
    int64_t asked_for, claimed; /* rows, of the claim in hand */
    bool hard;                  /* this claims what is past the hard maximum, not what the gate vouched for */
    bool unsure;                /* due rows may be left that others held */
    int64_t most;               /* rows of a claim: fewer after one was refused by the database */
    unsigned put_off;           /* in a row */
    char last[72];              /* row of the claim in hand that came last */
    char suspect[72];           /* the row that was refused alone, to be put off; empty = none */
    struct metric *m_changed, *m_warned, *m_missed, *m_late, *m_lateness, *m_overdue;
};

/* The calendar in force (its id, the upper half) and the terms (their version, the lower half): a newer calendar is greater. */
static inline int64_t
reckoned_by(const struct worker *w)
{
    return almanac_id(w->almanac) << 32 | w->terms->version;
}

/* told.c: the stored text of what was told. False when it cannot be read: no clocks then. */
bool told_read(struct arena *a, struct str text, struct jadwal *j);
void told_write(const struct jadwal *j, struct buf *out);
bool told_open(const struct jadwal *j); /* one of its clocks has not ended */

/* change.c: recomputes one request and tells the differences. */
void change_settle(struct worker *w, struct berkas *b);

/* fire.c: wakes when a clock is due, and claims the due rows into the batches. */
enum res fire_start(struct worker *w, struct err *e);
void fire_stop(struct worker *w);
void fire_note(struct worker *w,
               int64_t due_us); /* a row that the batch in hand writes has this due instant */
void fire_load(struct worker *w, const struct flow_batch *b);
void fire_claimed(struct worker *w, struct berkas *b);
void fire_rung(struct worker *w, const struct flow_batch *b);
void fire_status(struct worker *w, struct buf *json);

/* The wall clock that firing goes by: this machine's, but never far ahead of the database's. A clock that was set
 * forward by mistake calls nothing missed. */
int64_t fire_now(const struct worker *w);

/* The database said that it is `db_us` there; `own_us` was read here, not later. */
void fire_compare(struct worker *w, int64_t own_us, int64_t db_us);

/* recount.c: when another calendar is in force, goes through the rows whose open clocks were reckoned by an older one, some at
 * a time; whoever is killed in the middle leaves the rest to the others, or to himself. */
enum res recount_new(struct worker *w, struct recount **ret, struct err *e);
void recount_free(struct recount *c);
void recount_begin(struct recount *c);                                 /* another calendar is in force */
void recount_committed(struct recount *c, const struct flow_batch *b); /* some of it may be done */

/* gate.c: has everything that was in the log when asked been read by all who matter? */
enum res gate_new(struct worker *w, void (*open)(void *arg, int64_t read_us), void *arg, struct gate **ret,
                  struct err *e);
void gate_free(struct gate *g);

/* Asks; `open` is called once it is so: what came into the log before `read_us` has been read. Asking again while
 * closed does nothing. */
void gate_ask(struct gate *g);

/* For how long (ms) it has been closed since it was first asked; 0 when nobody asks. */
int64_t gate_closed_ms(const struct gate *g);

/* What it waits for, in a word. */
const char *gate_word(const struct gate *g);

#endif
