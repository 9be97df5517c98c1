/* client_priv: what client.c (engine: multi, sockets, gate) and client_call.c (one call) share. */
#ifndef HTTP_CLIENT_PRIV_H
#define HTTP_CLIENT_PRIV_H

#include <curl/curl.h>

#include "common/base/buf.h"
#include "common/http/client.h"

enum { CLIENT_HEADERS_MAX = 1 << 16 };

/* A call: the caller's words copied, and what is known of the answer. */
struct call {
    struct client *c;
    const struct client_opts *opts; /* the client's */
    struct call *next;              /* in the queue */
    struct call *prev;              /* among those in flight */
    CURL *easy;                     /* NULL while queued */
    char *method;
    char *url;
    struct curl_slist *headers;
    char *body;
    size_t body_n;
    int64_t timeout_ms;
    void (*fn)(void *arg, const struct client_answer *a);
    void *arg;
    bool (*head)(void *arg, const struct client_head *h);
    bool (*sink)(void *arg, struct str bytes);

    struct buf answer;
    size_t header_bytes;
    char *location;
    char *retry_after;
    char *length;     /* Content-Length as it came */
    bool headed;      /* `head` was called, or would have been */
    bool stopped;     /* by `head` or `sink` */
    unsigned let;     /* addresses that `may_reach` let pass */
    unsigned vetoed;  /* and those it did not */
    bool too_large;   /* body or headers past their maximum */
    bool asked;       /* a connection stood and the request was about to be written */
    bool sent_before; /* an earlier connection took bytes of the request, then died */
    long sent_base;   /* bytes written before `asked`, by a proxy's CONNECT */
    char error[CURL_ERROR_SIZE];
};

/* Options with copies of their strings; false when memory is out. Drop them in either case. */
bool client_opts_copy(struct client_opts *to, const struct client_opts *from);
void client_opts_drop(struct client_opts *o);

/* A copy of `from`, checked; `known` when its URL was found good before. RES_REJECT for a bad URL or header, RES_RETRY
 * when memory is out. */
enum res call_new(const struct client_call *from, bool known, struct call **ret, struct err *e);
void call_free(struct call *call);

/* Options of an easy handle that never change. */
bool call_prepare(CURL *easy, const struct client_opts *opts);

/* Options that this call sets; `easy` has been through call_prepare. */
bool call_attach(struct call *call, CURL *easy);

/* Calls back with what `code` and the handle tell. */
void call_answer(struct call *call, CURLcode code);

#endif
