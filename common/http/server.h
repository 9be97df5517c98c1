/* server: an HTTP server on libmicrohttpd that lives in the caller's event loop (no thread of its own). A handler gets
 * a request whose body has arrived whole and may answer it at once or later, from the same thread. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/base/str.h"

struct server;
struct server_req;

struct server_opts {
    const char *listen; /* "127.0.0.1:9481", "[::1]:80", ":9480" (all addresses); port 0 = any free */
    size_t body_max;    /* bytes; a longer body is answered 413 before it is read whole */
    size_t bodies_max;  /* bytes of all bodies that are held at once, more is answered 503; 0 = 256 MiB */
    unsigned conn_max;  /* connections at once; 0 = 1000 */
    unsigned idle_s;    /* a silent connection is closed after this; 0 = 60 */
    size_t memory;      /* bytes per connection for request line and headers; 0 = 32 KiB */
};

typedef void (*server_fn)(void *arg, struct server_req *req);

/* One route. `path` is literal but for `{}` segments, each of which takes one non-empty path segment. */
struct server_route {
    const char *method; /* "GET" serves HEAD too */
    const char *path;   /* "/v1/requests/{}/review" */
    server_fn fn;       /* must see to it that server_reply is called exactly once */
};

/* Listens. `routes` (ended by a NULL method) must outlive the server. A path without a route is 404, a known path
 * with another method 405 with Allow. RES_FATAL when the address is bad or taken. `*ret` is the caller's. */
enum res server_new(struct loop *loop, const struct server_opts *opts, const struct server_route *routes,
                    void *arg, struct server **ret, struct err *e);

/* The port it listens on (useful after port 0). */
unsigned server_port(const struct server *s);

/* Stops taking connections; those that are open are served on. */
void server_quiesce(struct server *s);

/* Requests that wait for their answer. */
unsigned server_waiting(const struct server *s);

/* Answers what still waits with 503, closes everything, frees. Not from inside a handler. NULL is fine. */
void server_free(struct server *s);

/* What was asked; the slices live until the answer was given. */
struct str server_method(const struct server_req *req);
struct str server_path(const struct server_req *req);                     /* percent-decoded, no query */
struct str server_seg(const struct server_req *req, unsigned i);          /* what the i-th {} took, decoded */
struct str server_query(const struct server_req *req, const char *name);  /* decoded; STR_NULL when absent */
struct str server_header(const struct server_req *req, const char *name); /* case-insensitive */
struct str server_body(const struct server_req *req);
struct str server_peer(const struct server_req *req); /* numeric address */

/* Calls fn for each request header. */
void server_headers(const struct server_req *req, void (*fn)(void *arg, struct str name, struct str value),
                    void *arg);

/* Keeps a pointer for the handler between the request and its later answer; `drop` is called when the request is
 * gone, answered or not. That a client has left is only noticed when it is answered, so every request has to be. */
void server_keep(struct server_req *req, void *mine, void (*drop)(void *mine));
void *server_kept(const struct server_req *req);

/* A header of the coming answer; both are copied. */
void server_set(struct server_req *req, const char *name, const char *value);

/* Answers; the body is copied. Once per request. */
void server_reply(struct server_req *req, int status, const char *content_type, struct str body);

/* Ends the connection without an answer. In place of server_reply. */
void server_abort(struct server_req *req);

/* Answers with headers that promise the whole body, but closes the connection after its first `sent` bytes: for tests
 * of the other side. In place of server_reply. */
void server_cut(struct server_req *req, int status, const char *content_type, struct str body, size_t sent);

/* RFC 9457: application/problem+json with status, title and detail. */
void server_problem(struct server_req *req, int status, const char *title, const char *detail);

#endif
