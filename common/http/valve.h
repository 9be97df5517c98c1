/* valve: how much may go to one endpoint now, decided from what came back. No clock, no loop, no memory of its own: the
 * caller tells the time (milliseconds of any steady clock) and what each call came to. Three things in one: a circuit
 * breaker with probes, a limit of calls at once that adapts, and a ceiling on calls per second. */
#ifndef HTTP_VALVE_H
#define HTTP_VALVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/backoff.h"

enum valve_mode {
    VALVE_CLOSED,    /* as an electric circuit: calls flow */
    VALVE_HALF_OPEN, /* a probe is due or under way */
    VALVE_OPEN,      /* too many failures: nothing before the next probe */
    VALVE_PAUSED     /* what no waiting mends by itself: credentials, TLS, DNS; probes all the same */
};

/* What a call says of the endpoint. */
enum valve_sign {
    VALVE_GOOD,      /* it did what it was asked */
    VALVE_REFUSED,   /* it is well and does not want this call */
    VALVE_THROTTLED, /* it is well and wants fewer calls */
    VALVE_FAILED,    /* it saw the call and failed, or was silent */
    VALVE_UNREACHED, /* it saw nothing of the call: so the call cannot be at fault */
    VALVE_BARRED,    /* credentials, TLS, DNS: pauses at once */
    VALVE_NOTHING    /* nothing: this side ended it */
};

enum { VALVE_SEEN = 128, VALVE_RUN_KEYS = 8 };

struct valve_opts {
    unsigned limit_start; /* calls at once in the beginning and after each recovery; 0 = 4 */
    unsigned limit_min;   /* it never shrinks below; 0 = 1 */
    unsigned limit_max;   /* nor grows above; 0 = 64 */
    double per_s;         /* ceiling on calls begun per second; 0 = none */
    unsigned open_after;  /* failures in a row that open; 0 = 8 */
    unsigned open_keys;   /* different keys among them, at most VALVE_RUN_KEYS; 0 = 3 */
    int64_t window_ms; /* answers older than this are no evidence; 0 = 30000. The last VALVE_SEEN are kept */
    unsigned window_min; /* answers in the window before a share of them counts; 0 = 20 */
    struct backoff
        probe; /* time before a probe: min_ms and then full jitter below a ceiling from min_ms to max_ms;
                           * 0 = 1000, 30000; Retry-After up to 300000 */
};

/* One call that may go. */
struct valve_pass {
    uint64_t seq;
    bool probe;
};

struct valve_seen {
    int64_t at_ms;
    uint64_t key;
    enum valve_sign sign;
};

/* Read what you like; written by the functions below only. */
struct valve {
    struct valve_opts opts;
    enum valve_mode mode;
    int64_t probe_at_ms; /* while not closed */
    bool probing;        /* one is under way */
    bool throttled;      /* opened because it wants fewer calls */
    unsigned probes;     /* that failed since it was last closed */
    uint64_t probe_key;  /* of the last that failed */
    double limit;        /* whole calls count */
    double bad;          /* moving share of answers that shrink */
    uint64_t seq;        /* calls admitted */
    uint64_t shrunk_at;  /* seq when the limit last shrank */
    uint64_t closed_at;  /* seq when it last closed: calls from before are no evidence */
    unsigned in_flight;
    double tokens;
    int64_t tokens_ms;
    unsigned run;           /* failures in a row */
    unsigned run_unreached; /* those among them of which the endpoint saw nothing */
    uint64_t run_key[VALVE_RUN_KEYS];
    unsigned run_keys; /* different ones */
    struct valve_seen seen[VALVE_SEEN];
    unsigned seen_n; /* ever */
};

/* What an answer means for its call. */
struct valve_verdict {
    bool sick;   /* the endpoint's failure, not the call's */
    bool alone;  /* it failed while more than half of the others' calls in the window did well */
    bool aside;  /* sick, and the probe before it was of the same key: let another call probe */
    bool turned; /* the mode is another now */
};

void valve_init(struct valve *v, const struct valve_opts *opts, int64_t now_ms);

/* Calls that may begin now. */
unsigned valve_room(struct valve *v, int64_t now_ms);

/* Takes a place for a call; false when there is none. */
bool valve_admit(struct valve *v, int64_t now_ms, struct valve_pass *pass);

/* Gives it back, the call was not made. */
void valve_cancel(struct valve *v, struct valve_pass pass);

/* What the call came to, and when. `retry_after_s` -1 = none told; `random` is any number. */
struct valve_verdict valve_answer(struct valve *v, struct valve_pass pass, struct valve_seen what,
                                  int64_t retry_after_s, uint64_t random);

/* Lets time pass: an open valve whose time is over becomes half-open. True when it did. */
bool valve_tick(struct valve *v, int64_t now_ms);

/* Milliseconds until room may come by time alone, at least 1; -1 = it does not, or is there. */
int64_t valve_wake_ms(struct valve *v, int64_t now_ms);

/* Something was mended (credentials, certificates): a probe is due at once. */
void valve_probe_now(struct valve *v, int64_t now_ms);

/* Other limits from now on. */
void valve_set(struct valve *v, unsigned limit_max, double per_s);

const char *valve_mode_name(enum valve_mode mode); /* "half-open" */

#endif
