/* deadline: the one authority on met or missed. Any new fact recomputes all clocks of its request by a pure function
 * (workers/sop/clocks.h) and only differences are told. A clock is called missed only when everything up to its due
 * instant has been read, by this worker and by those whose facts it waits for (design, section 6; domain, section 5). */
#ifndef DEADLINE_DEADLINE_H
#define DEADLINE_DEADLINE_H

#include "workers/sop/clocks.h"
#include "workers/sop/worker.h"

enum { WARNINGS = 3, NONE_OPEN = -1 };

/* A clock as it was last told. */
struct told {
    struct jam jam;
    uint32_t warned; /* bit per threshold that was warned of or passed over */
};

/* The worker's own columns of one request. */
struct jadwal {
    struct told *told;
    size_t n;
    struct str text;  /* both as they are stored */
    int64_t due_us;   /* next instant to look again; INT64_MIN = none */
    int64_t kalender; /* id of the calendar that its open clocks were reckoned by; NONE_OPEN */
    int64_t read_us;  /* set by a timer: everything up to then was read */
    const struct event *cause;
};

/* What a timer posts: look at this request again, everything up to `read_us` was read. */
struct ring {
    struct own_item own;
    int64_t read_us;
    bool recount; /* recount.c's: another calendar is in force, nothing is said of what was read */
    char nomor[72];
};

struct gate;
struct recount;

struct deadline {
    int64_t grace_ms, hard_ms, recount_per_s;
    struct clock_rules rules;
    struct gate *gate;
    struct recount *recount;
    struct loop_timer alarm;
    struct pg_turn turn;
    int64_t next_us; /* the earliest due instant known; INT64_MIN = none */
    bool looking;    /* due rows are being read */
    bool hard;       /* the due rows being read are past the hard maximum */
    int64_t read_us; /* what the gate vouched for */
    size_t ringing;  /* rings posted and not applied yet */
    struct metric *m_changed, *m_warned, *m_missed, *m_late;
};

/* told.c: the stored text of what was told. */
bool told_read(struct arena *a, struct str text, struct jadwal *j);
void told_write(const struct jadwal *j, struct buf *out);

/* change.c: recomputes one request and tells the differences. */
void change_settle(struct worker *w, struct berkas *b);

/* fire.c: wakes when a clock is due. */
enum res fire_start(struct worker *w, struct err *e);
void fire_stop(struct worker *w);
void fire_note(struct worker *w, int64_t due_us); /* a row was stored with this due instant */
void fire_rung(struct worker *w, const struct flow_batch *b);

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

/* Asks; `open` is called once it is so. Asking again while closed does nothing. */
void gate_ask(struct gate *g);

#endif
