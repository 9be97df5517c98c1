/* sink: sees calls to one remote endpoint through. On top of `client`: credentials, a limit of calls at once that adapts, a
 * ceiling per second, a circuit breaker and pauses, so that an endpoint that is ill is left in peace and each failure is
 * told as the call's or the endpoint's. Everything from the loop's thread. What counts as what: README.md. */
#ifndef HTTP_SINK_H
#define HTTP_SINK_H

#include "common/base/metric.h"
#include "common/http/auth.h"
#include "common/http/client.h"
#include "common/http/valve.h"

enum { SINK_HEADERS_MAX = 30 }; /* of a call, the one for authentication aside */

struct sink;

struct sink_opts {
    const char *name;        /* in logs and the status, NULL = "endpoint" */
    struct client_opts http; /* in_flight: the most calls at once, 0 = 64 */
    struct auth_opts auth;   /* with its own `http`, for the token endpoint may be another's */
    struct valve_opts valve; /* limit_max is not looked at */
    const int *expired;      /* codes that mean "your credentials", ended by 0, at most 7; NULL = 401, 403 */
    struct metrics *metrics; /* NULL = none; must outlive the sink */
    const char *metric_prefix; /* "thing_endpoint" */

    /* There may be room where there was none, or the state is another: look for work. From the loop, never from inside
     * one of these functions. May start calls; may not free the sink. May be NULL. */
    void (*changed)(void *arg);
    void *arg;
};

struct sink_answer {
    struct client_answer http; /* NOT_SENT with its own sentence where the sink did not let the call go */
    bool
        sick; /* the endpoint's failure and not this call's: put it back without counting an attempt. `http.fate` still
                 * says whether the endpoint may have acted */
    bool alone; /* it failed, while more than half of the other keys' calls in the window did well: poison */
    bool
        aside; /* sick, and it was the probe before this one too: put it behind the others, so that another probes */
};

struct sink_call {
    struct client_call http; /* without `fn`, `arg`, `head` and `sink` */
    struct str key; /* whose call this is, as evidence: failures of one key alone never open the breaker */
    int64_t
        not_after_ms; /* of clk_mono_ms: what has waited until then for a place, a token or a repeat is given back
                           * `sick` and not sent; 0 = whenever */
    void (*fn)(void *arg,
               const struct sink_answer *a); /* once, never from inside sink_start; may start calls */
    void *arg;
};

struct sink_state {
    enum valve_mode mode;
    const char *reason;    /* why it is not closed: sentence without credentials; "" when closed */
    int64_t since_us;      /* Unix time: of the last change between closed and not closed */
    int64_t next_probe_ms; /* from now, 0 = due or under way; -1 when closed */
    unsigned limit;        /* calls at once, now */
    unsigned in_flight;    /* begun, whether sent or waiting for a token */
    unsigned waiting;      /* started beyond the room */
};

/* RES_FATAL for options that cannot work, certificate files that cannot be read among them. `*ret` is the caller's. */
enum res sink_new(struct loop *loop, const struct sink_opts *opts, struct sink **ret, struct err *e);

/* Drops what waits or is in flight without calling back. Not from inside a callback. NULL is fine. */
void sink_free(struct sink *s);

/* Calls that may begin now: 0 while paused, open or full, 1 when a probe is due. */
unsigned sink_room(struct sink *s);

/* The same, and while it is closed as many more as may wait for a place, `ahead` in all: so that a place that comes free
 * is taken at once. */
unsigned sink_room_ahead(struct sink *s, unsigned ahead);

/* What waits for a place is answered `sick` and not sent: nothing more is to begin. What is under way ends as it would. */
void sink_return(struct sink *s);

/* Starts a call. Beyond the room it waits its turn while the sink is closed (its time-out starts when it is sent), else it
 * is answered `sick`. RES_REJECT for a call that can never be sent, as client_start has it, or with too many headers. */
enum res sink_start(struct sink *s, const struct sink_call *call, struct err *e);

/* `reason` is valid until the loop's next turn. */
struct sink_state sink_state(const struct sink *s);

/* Appends the state as one JSON object. */
void sink_status(const struct sink *s, struct buf *b);

/* Other credentials, as auth_secrets; a probe is due at once then. */
enum res sink_secrets(struct sink *s, const char *id, const char *secret, struct err *e);

/* Reads certificates, keys and CA files again for what is sent from now on; calls under way end as they would have. Of
 * RES_FATAL (a file that is none, a key of another certificate) the old ones stay. A probe is due at once. */
enum res sink_reload(struct sink *s, struct err *e);

/* Other ceilings from now on; `in_flight` at most what it was made with. */
void sink_pace(struct sink *s, unsigned in_flight, double per_s);

/* The endpoint is said to be well: a probe is due at once. Nothing while it is closed. */
void sink_probe(struct sink *s);

#endif
