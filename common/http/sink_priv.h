/* sink_priv: what sink.c (the engine), sink_flight.c (one call), sink_tell.c (log, metrics, status) and sink_tls.c share. */
#ifndef HTTP_SINK_PRIV_H
#define HTTP_SINK_PRIV_H

#include "common/http/sink.h"

enum { SINK_REASON = 256, SINK_EXPIRED = 8, SINK_RESULTS = VALVE_NOTHING + 2 };

struct sink_metrics {
    struct metric *result[SINK_RESULTS]; /* by sign; the last: held back */
    struct metric *mode[VALVE_PAUSED + 1];
    struct metric *seconds, *limit, *in_flight, *waiting, *stops, *tokens, *token_failures;
};

/* A call on its way through. */
struct flight {
    struct sink *s;
    struct flight *next, *prev; /* all of the sink's */
    struct flight *after;       /* in the queue, or among those that end here */
    void (*fn)(void *arg, const struct sink_answer *a);
    void *arg;
    uint64_t key;
    int64_t not_after_ms;
    struct valve_pass pass;
    unsigned generation; /* of the token it went with */
    bool repeated;       /* with a fresh token */
    bool sick;           /* what it is told when it ends here */
    char *error;         /* and the sentence; NULL = the sink's reason */
    struct auth_wait wait;
    struct client_call call; /* copied where it may have to be sent later or again; else zero */
};

struct flights {
    struct flight *head;
    struct flight **tail;
    unsigned n;
};

struct sink {
    struct loop *loop;
    char *name;
    struct client_opts http; /* copied */
    struct client_opts token_http;
    int expired[SINK_EXPIRED];
    bool renews; /* a refused call is worth a fresh token */
    void (*changed)(void *arg);
    void *arg;

    struct client *client;
    struct auth *auth;
    struct valve valve;
    struct flight *all;
    struct flights queue;   /* wait for room */
    struct flights ending;  /* will be answered without having been sent */
    struct loop_timer wake; /* room by time */
    struct loop_timer soon; /* calls back what ends here, and `changed` */
    bool told_room;         /* the owner knows that there is room */
    bool tell;
    char reason[SINK_REASON];
    int64_t since_us;
    struct auth_facts facts; /* counted so far */
    bool counts;
    struct sink_metrics m;
};

/* sink_flight.c */

/* A flight with what it may need later; not sent, in the list of all. RES_REJECT, RES_RETRY as sink_start. */
enum res flight_new(struct sink *s, const struct sink_call *call, bool keep, struct flight **ret,
                    struct err *e);

/* Out of the list of all; NULL is fine. */
void flight_free(struct flight *f);

/* Hands the call to the client with the credentials of now, which must be there. */
enum res flight_send(struct flight *f, const struct client_call *call,
                     void (*fn)(void *arg, const struct client_answer *a), struct err *e);

/* sink_tell.c */
void tell_metrics_new(struct sink *s, struct metrics *ms, const char *prefix);
void tell_answer(struct sink *s, enum valve_sign sign, const struct client_answer *a);
void tell_held(struct sink *s);
void tell_gauges(struct sink *s);

/* Writes down why the endpoint is not called. */
void tell_reason(struct sink *s, enum valve_sign sign, const struct client_answer *a);

/* The mode is another than `before`: since when, metrics, one line in the log. */
void tell_turn(struct sink *s, enum valve_mode before);

/* sink_tls.c: whether the files are what they are said to be; RES_FATAL with the file's name and why not. */
enum res tls_check(const struct client_opts *o, struct err *e);

#endif
