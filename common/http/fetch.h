/* fetch: gets a document from an address that an outsider wrote, inside the caller's event loop. What may be asked is the
 * operator's: hosts by name, addresses by network, files below one folder; everything else is refused, and so is
 * whatever an allowed name turns out to lead to when it connects (addr.h). Nothing is decoded and nothing is kept: the
 * bytes go to the caller as they were sent, counted, piece by piece. */
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/base/str.h"

struct fetch;

struct fetch_opts {
    struct loop *loop;
    const char *const
        *allow; /* host names, "*.example.go.id" for all below it (not itself), "host:8443" for that
                                     port instead of the scheme's own; ended by NULL; nothing else is ever asked */
    const char *const
        *allow_net;  /* CIDRs of private address space that may be reached all the same (a store inside the
                                     building); ended by NULL; may be NULL */
    bool allow_http; /* http:// too; else https only */
    const char *file_root; /* file:// below this folder only; NULL = refused */
    const char *
        credentials_file; /* lines `host<TAB>Header: value` (# = comment), readable by its owner alone; NULL =
                                     none. A host without a port is that of https; `host:port` is both schemes' */
    const char *credentials; /* more such lines, as text; NULL = none */
    const char *ca_file;     /* NULL = the system's */
    unsigned in_flight; /* HTTP fetches at once, the rest wait; 0 = 8. Files are read one after the other */
    unsigned redirects; /* 0 = none, else followed by us, each hop judged like the first, credentials only to
                                     their own host, never https to http */
    unsigned slow_s;    /* under 1 KiB a second on average for so long = FETCH_LATER; 0 = 20 */
    const char *user_agent; /* NULL = none is sent */
};

enum fetch_fate {
    FETCH_OK,        /* status 200 and the whole body, or a whole file */
    FETCH_REFUSED,   /* by policy: host, scheme, address, redirect, what is no regular file: never again */
    FETCH_NOT_FOUND, /* 404, 410, no such file */
    FETCH_DENIED,    /* 401, 403, a file that this program may not read */
    FETCH_TOO_LARGE, /* more than `max`, announced or counted */
    FETCH_STOPPED,   /* `chunk` said so */
    FETCH_LATER,     /* no or half an answer, too slow, 408, 425, 429, 5xx, TLS, DNS: try again */
    FETCH_BAD_ANSWER /* another status, or headers without an end */
};

struct fetch_end {
    enum fetch_fate fate;
    int code;              /* the last HTTP status; 0 = none came */
    uint64_t bytes;        /* given to `chunk` */
    int64_t retry_after_s; /* -1 = none; not clamped */
    const char *
        why; /* sentence without query strings, credentials or file names; "" when FETCH_OK; lives during the callback */
};

struct fetch_request {
    const char *url;    /* copied */
    size_t max;         /* bytes; more (announced or counted) = FETCH_TOO_LARGE */
    int64_t timeout_ms; /* whole, with its redirects, from when it is sent; 0 = 30000 */
    bool (*chunk)(void *arg,
                  struct str bytes); /* in order, up to 64 KiB each, of a 200 alone; false = FETCH_STOPPED */
    void (*done)(void *arg,
                 const struct fetch_end *end); /* once, never from inside fetch_start; may start others */
    void *arg;
};

/* RES_FATAL, with a sentence without secrets, for a host, network, folder or credentials file that is not as it has to be.
 * Everything in `opts` is copied and read once. `*ret` is the caller's. */
enum res fetch_new(const struct fetch_opts *opts, struct fetch **ret, struct err *e);

/* Drops what waits or is under way without calling back. Not from inside a callback. NULL is fine. */
void fetch_free(struct fetch *f);

/* RES_REJECT: refused by policy before anything is sent, `done` is not called. RES_RETRY: out of memory. The sentence in
 * `e` holds nothing of the address. */
enum res fetch_start(struct fetch *f, const struct fetch_request *req, struct err *e);

#endif
