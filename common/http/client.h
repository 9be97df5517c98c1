/* client: HTTP calls on curl_multi inside the caller's event loop. A call's time-out starts when it is sent, not when
 * it is queued: the engine has its own admission gate and never hands curl more than it may have in flight. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/base/str.h"

struct client;

struct client_opts {
    unsigned in_flight;    /* calls at once; 0 = 64 */
    int64_t connect_ms;    /* 0 = 3000 */
    const char *ca_file;   /* trusted alone; NULL = the system's */
    const char *cert_file; /* client certificate (mTLS), with key_file */
    const char *key_file;
    const char *pinned_key; /* curl's sha256//..; NULL = none */
    const char *proxy;      /* explicit; the environment's proxies are never used */
    bool tls_insecure;      /* no verification: for a laboratory only */
    const char *user_agent;
    unsigned
        slow_bytes; /* a second on average over slow_s seconds; a call that stays under it ends; 0 = no such limit */
    unsigned slow_s;

    /* Asked before every connection with the address that it goes to, and with the peer's when a kept one is used again;
     * false = not there. NULL = anywhere. Not with a proxy, whose address it would see. */
    bool (*may_reach)(void *arg, const struct sockaddr *to);
    void *reach_arg;
};

/* How far a call came: decides whether it may simply be repeated. */
enum client_fate {
    CLIENT_ANSWERED, /* a whole answer arrived: `code` is valid */
    CLIENT_NOT_SENT, /* refused, no such host, TLS failure, connect time-out: the peer saw no request */
    CLIENT_UNKNOWN   /* sent, but no whole answer: the peer may or may not have acted */
};

/* Why no whole answer came. */
enum client_cause {
    CLIENT_NO_CAUSE,   /* it came */
    CLIENT_NO_ADDRESS, /* the host's name, or the proxy's, leads nowhere or was not resolved in time */
    CLIENT_NO_CONNECT, /* refused, unreachable, no connection or handshake in time, or the proxy would not */
    CLIENT_TLS,        /* handshake, certificate, pinned key, or our own certificate was not accepted */
    CLIENT_TIME_OUT,   /* the call's time-out after a connection stood, or too slow */
    CLIENT_CUT,        /* the connection ended, or what came was no HTTP */
    CLIENT_OWN         /* this side ended it: too long, stopped, vetoed, out of memory */
};

struct client_answer {
    enum client_fate fate;
    enum client_cause cause;
    int code;              /* HTTP status, 0 when not answered */
    struct str body;       /* lives during the callback */
    struct str location;   /* Location header or STR_NULL */
    int64_t retry_after_s; /* -1 = none; seconds or date both read, not clamped, never negative otherwise */
    int64_t took_us;       /* from send to end */
    const char *error;     /* sentence without credentials or query strings; "" when answered */
    bool vetoed;           /* CLIENT_NOT_SENT because `may_reach` said no to every address */
    bool too_long;         /* the body (of a call without `sink`) or the headers passed their maximum */
};

/* What is known of an answer when its last header has come. */
struct client_head {
    int code;
    int64_t announced; /* Content-Length; -1 = none, INT64_MAX = beyond counting */
};

struct client_call {
    const char *method; /* "POST" */
    const char *url;
    const char *const *headers; /* "Name: value", ended by NULL; may be NULL */
    struct str body;            /* copied */
    int64_t timeout_ms;         /* whole call from its start; 0 = 30000 */
    size_t answer_max; /* bytes of body read; more = CLIENT_UNKNOWN with its own sentence; 0 = 1 MiB */
    void (*fn)(void *arg, const struct client_answer *a); /* called once, never from inside client_start */
    void *arg;

    /* With a `sink` the body goes there piece by piece, uncounted, and `answer.body` stays empty. `head` (may be NULL) is
     * called once before it. False from either ends the call: CLIENT_UNKNOWN. Neither may free the client. Of an answer
     * whose head came, `location` and `retry_after_s` are then told though the body did not come whole. */
    bool (*head)(void *arg, const struct client_head *h);
    bool (*sink)(void *arg, struct str bytes);
};

enum res client_new(struct loop *loop, const struct client_opts *opts, struct client **ret, struct err *e);

/* Drops what is queued or in flight without calling back. Not from inside a callback. NULL is fine. */
void client_free(struct client *c);

/* `c` takes the place of `before`, which reads nothing new: options (certificates) hold for what is started from now on.
 * Calls of `before` end as they would have, then it is freed, at the latest with `c`; it must not be used any more. */
void client_succeed(struct client *c, struct client *before);

/* Starts or queues a call; everything in `call` is copied. RES_REJECT for a bad URL or scheme (http and https only), one
 * that holds a user name or password, or a header with a line end. A POST or PATCH of which a byte was sent is never repeated silently; others
 * may be, once, when a kept connection turns out to be dead. */
enum res client_start(struct client *c, const struct client_call *call, struct err *e);

/* What client_start would say of a URL. */
enum res client_check_url(const char *url, struct err *e);

/* Calls under way and calls that wait for a place. */
unsigned client_in_flight(const struct client *c);
unsigned client_queued(const struct client *c);

#endif
