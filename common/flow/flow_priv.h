/* flow_priv: what flow's own files share. For no other use. */
#ifndef FLOW_PRIV_H
#define FLOW_PRIV_H

#include "common/base/arena.h"
#include "common/flow/flow.h"
#include "common/flow/position.h"
#include "common/kafka/consumer.h"

enum { BATCH_BYTES = 8 << 20, RANGES = 64, MANY_BAD = 8, ROW_BAD = 64, RACES = 3 };
enum { RETAKE_MS = 1000, LOOK_MS = 5000, LOOK_BROKER_MS = 1000, STALL_MS = 3000 };

struct batch {
    struct flow_item *items;
    size_t n, cap, bytes;
};

struct range {
    size_t lo, hi;
};

struct flow {
    struct flow_opts opts;
    struct consumer *consumer;
    struct positions ps;
    bool known; /* offsets were taken: records may be applied */
    bool assigned;
    unsigned assignment; /* counts them: an answer about an older one is of no use */
    unsigned asked_for;  /* the assignment whose offsets are being taken */
    unsigned epoch;      /* of the session in which they were taken last */
    bool revoke_pending; /* give up the partitions once the transaction in flight has ended */
    bool moved;          /* somebody has set offsets: read them again once it has ended */
    enum { IDLE, TURN, SENT, WAIT } state;
    enum {
        AT_ONCE, /* the whole batch */
        APART, /* bisected: each part is tried and undone, then all that was not refused is applied at once */
        IN_TURN /* bisected, each part kept: what is refused only together with others */
    } how;
    unsigned streak; /* records blamed in a row over all batches, none applied between */
    size_t bad;      /* items refused in this batch */
    size_t
        again; /* of its items: those before it had, if refused, their second try; 0 = the first round goes on */
    struct batch cur, next;
    struct batch past; /* committed; what follows from it is done while the database works on the next */
    struct range ranges[RANGES], range;
    size_t nranges;
    struct outbox_row *rows; /* what this transaction emits */
    size_t nrows, rows_cap, rows_mark;
    struct arena arena; /* bytes of rows */
    struct pg_args args;
    struct pg_turn turn, take_turn;
    struct pg_end failure; /* why the transaction is being rolled back */
    struct loop_timer backoff, retake, stall, look;
    int64_t failures; /* transactions in a row that failed by a fault of ours */
    unsigned races;   /* in which somebody else was first, since the last that was committed */
    struct loop_defer kick, after;
    void (*drained)(void *arg);
    void *drained_arg;
    bool draining;
    bool faulty; /* the last transaction failed by a fault of ours */
    char why[240];
    bool kafka_up;
    int64_t began_ms;
    struct metric *m_records, *m_skipped, *m_dead, *m_batches, *m_retries, *m_seconds, *m_stopped;
};

/* flow_batch.c */
struct flow_item *flow_batch_add(struct batch *b);
void flow_batch_clear(struct flow *f, struct batch *b);
void flow_batch_drop_records(struct flow *f,
                             struct batch *b);                /* forgets the records, keeps what is our own */
void flow_batch_append(struct batch *to, struct batch *from); /* leaves `from` empty */
void flow_batch_prepend(struct batch *to,
                        struct batch *from); /* what is left of `from` goes before what `to` holds */
bool flow_full(const struct flow *f);

/* flow_emit.c */
struct outbox_row *flow_row(struct flow *f);
void flow_forget_rows(struct flow *f);
void flow_send_dead(struct flow *f); /* dead letters of the batch, into the outbox and the table */

/* flow_tx.c */
void
flow_maybe_start(struct flow *f);  /* begins a transaction when there is something and none is under way */
void flow_settle(struct flow *f);  /* the transaction has ended: what was put off until then */
void flow_healthy(struct flow *f); /* a transaction of ours was committed: a fault is over */
void flow_drop_records(struct flow *f);
void flow_note_fault(struct flow *f, const struct pg_end *end); /* said once, until flow_healthy */
void flow_tx_turn(void *arg);
void flow_tx_after(void *arg); /* the rest of a batch that was committed */
void flow_tx_backoff(void *arg);

/* flow_parts.c */
void flow_give_up(struct flow *f);
void flow_take_turn(void *arg);
void flow_retake(void *arg);
void flow_offsets_set(void *arg, struct str group); /* a notification */
void flow_look_later(struct flow *f);               /* after records were applied */
void flow_look(void *arg);                          /* whether the topics are still those that were read */
void flow_take_again(struct flow *f);               /* drops what was read, and reads the offsets anew */
void flow_retry_stopped(struct flow *f);            /* where a notification may have been missed */
void flow_pause_stopped(struct flow *f);            /* after anything that resumes all partitions */
void flow_stop_partition(struct flow *f, struct position *p, const char *why);
extern const struct consumer_ops flow_consumer_ops;

/* flow.c */
void flow_collect(void *arg);
void flow_kafka_state(void *arg, bool up, const char *why);

#endif
