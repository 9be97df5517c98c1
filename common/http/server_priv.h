/* server_priv: what server.c (the daemon, the way of a request) and server_req.c (the handler's side) share. */
#ifndef HTTP_SERVER_PRIV_H
#define HTTP_SERVER_PRIV_H

#include <microhttpd.h>

#include "common/base/buf.h"
#include "common/http/server.h"
#include "common/http/uri.h"

/* Bytes past body_max that are read and dropped so that the client gets to read its 413. */
enum { SERVER_SLACK = 1 << 20 };

/* In `refuse`: 400, because the headers do not say in one way where the body ends. */
enum { SERVER_UNFRAMED = 1 };

enum server_state {
    SERVER_URI,  /* request line seen */
    SERVER_BODY, /* headers seen, body comes */
    SERVER_CALL, /* inside the handler */
    SERVER_WAIT, /* the handler returned without an answer: the connection is suspended */
    SERVER_DONE  /* answered: `answer` is to be queued, or the connection to be closed when it is NULL */
};

struct server_req {
    struct server *s;
    struct MHD_Connection *conn;
    enum server_state state;
    int refuse; /* status that stands before the handler is asked, or 0 */
    size_t dropped;
    const char *uri_end; /* where libmicrohttpd's text of the request target ends */
    const char *method;  /* libmicrohttpd's, lives as long as the request */
    const struct server_route *route;
    struct uri uri;
    unsigned char took[URI_SEGS];
    struct buf body;
    struct buf headers; /* "name\0value\0".. of the coming answer */
    struct MHD_Response *answer;
    unsigned status;
    void *kept;
    void (*drop)(void *mine);
    char peer[64];
    struct server_req *prev; /* among those that wait */
    struct server_req *next;
};

struct server {
    struct loop *loop;
    size_t memory; /* of a connection */
    struct MHD_Daemon *daemon;
    struct loop_fd *watch;
    struct loop_timer timer;
    const struct server_route *routes;
    void *arg;
    size_t body_max;
    size_t bodies_max;
    size_t bodies; /* bytes that requests hold */
    unsigned port;
    unsigned waiting;
    struct server_req *wait_head;
};

/* The answer is ready (or the connection is to be closed): queues it now or wakes the connection. */
void server_done(struct server_req *req);

#endif
