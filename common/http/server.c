#include "common/http/server.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clk.h"
#include "common/http/server_priv.h"

enum { CONNS = 1000, IDLE_S = 60, MEMORY = 32768, BACKLOG = 1024, BODIES = 256 << 20 };

#define RETRY_AFTER_S "5"

/* ---- libmicrohttpd in our loop -------------------------------------------------------------------------------- */

/* Sets the timer for what libmicrohttpd waits for. A timer that fires early costs one turn, so it is only moved when it
 * would fire too late. */
static void
arm(struct server *s)
{
    MHD_UNSIGNED_LONG_LONG left;

    if (MHD_get_timeout(s->daemon, &left) != MHD_YES)
        return;
    if (s->timer.slot && s->timer.at_ms <= clk_mono_ms() + (int64_t)left)
        return;
    loop_timer_set(s->loop, &s->timer, (int64_t)left);
}

static void
run(struct server *s)
{
    MHD_run(s->daemon);
    arm(s);
}

static void
on_ready(void *arg, int events)
{
    (void)events;
    run(arg);
}

static void
on_timer(void *arg)
{
    run(arg);
}

/* ---- ends of connections -------------------------------------------------------------------------------------- */

/* libmicrohttpd is told of what comes by edges, and takes a read that did not fill its buffer for the last one: an end
 * that came together with the bytes before it is missed, and the connection kept until it is idle for too long. So the
 * end is watched for here, and the connection looked at once more. */
struct line {
    struct server *s;
    struct MHD_Connection *conn;
    struct loop_fd *watch;
    bool closed; /* while on_line_end() has it */
    bool held;
};

static void
look_again(struct line *line)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(line->conn, MHD_CONNECTION_INFO_CONNECTION_SUSPENDED);

    if (!info || info->suspended)
        return; /* it is looked at when it goes on */
    MHD_suspend_connection(line->conn);
    MHD_resume_connection(line->conn);
    run(line->s);
}

static void
on_line_end(void *arg, int events)
{
    struct line *line = arg;

    (void)events;
    loop_unwatch(line->watch);
    line->watch = NULL;
    line->held = true;
    run(line->s); /* what came before the end */
    if (!line->closed)
        look_again(line);
    line->held = false;
    if (line->closed)
        free(line);
}

static void
open_line(struct server *s, struct MHD_Connection *conn, void **mine)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct line *line = info ? calloc(1, sizeof *line) : NULL;

    if (!line)
        return; /* then its end is noticed later */
    line->s = s;
    line->conn = conn;
    line->watch = loop_watch(s->loop, info->connect_fd, LOOP_END, on_line_end, line);
    *mine = line;
}

static void
close_line(struct line *line)
{
    if (!line)
        return;
    loop_unwatch(line->watch);
    line->watch = NULL;
    line->closed = true;
    if (!line->held)
        free(line);
}

static void
on_line(void *arg, struct MHD_Connection *conn, void **mine, enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        open_line(arg, conn, mine);
    else
        close_line(*mine);
}

/* ---- those that wait ------------------------------------------------------------------------------------------ */

static void
wait_add(struct server_req *req)
{
    struct server *s = req->s;

    req->next = s->wait_head;
    if (req->next)
        req->next->prev = req;
    s->wait_head = req;
    s->waiting++;
}

static void
wait_remove(struct server_req *req)
{
    struct server *s = req->s;

    if (req->next)
        req->next->prev = req->prev;
    if (req->prev)
        req->prev->next = req->next;
    else
        s->wait_head = req->next;
    req->prev = req->next = NULL;
    s->waiting--;
}

void
server_done(struct server_req *req)
{
    bool suspended = req->state == SERVER_WAIT;

    req->state = SERVER_DONE;
    if (!suspended)
        return; /* the access handler queues it when the handler has returned */
    wait_remove(req);
    MHD_resume_connection(req->conn);
    loop_timer_set(req->s->loop, &req->s->timer, 0);
}

/* ---- the way of a request ------------------------------------------------------------------------------------- */

static void *
on_uri(void *arg, const char *uri, struct MHD_Connection *conn)
{
    struct server *s = arg;
    struct server_req *req = calloc(1, sizeof *req);

    (void)conn;
    if (!req)
        return NULL;
    req->s = s;
    req->body = buf_make(s->body_max);
    req->headers = buf_make(16384);
    req->uri_end = uri + strlen(uri);
    if (!uri_parse(&req->uri, uri))
        req->refuse = MHD_HTTP_BAD_REQUEST;
    return req;
}

static void
drop_body(struct server_req *req)
{
    req->s->bodies -= req->body.n;
    buf_free(&req->body);
}

static void
on_end(void *arg, struct MHD_Connection *conn, void **con_cls, enum MHD_RequestTerminationCode why)
{
    struct server_req *req = *con_cls;

    (void)arg;
    (void)conn;
    (void)why;
    *con_cls = NULL;
    if (!req)
        return;
    if (req->state == SERVER_WAIT)
        wait_remove(req);
    if (req->answer)
        MHD_destroy_response(req->answer);
    if (req->drop)
        req->drop(req->kept);
    uri_free(&req->uri);
    drop_body(req);
    buf_free(&req->headers);
    free(req);
}

static bool
serves(const struct server_route *route, const char *method)
{
    return !strcmp(route->method, method) || (!strcmp(method, "HEAD") && !strcmp(route->method, "GET"));
}

/* Finds the route; without one decides between 404 and 405 and collects what Allow says. */
static void
find_route(struct server_req *req)
{
    struct buf allow = buf_make(256);

    for (const struct server_route *r = req->s->routes; r->method && !req->route; r++) {
        if (!uri_match(&req->uri, r->path, req->took))
            continue;
        if (serves(r, req->method))
            req->route = r;
        else
            buf_printf(&allow, "%s%s%s", allow.n ? ", " : "", r->method,
                       !strcmp(r->method, "GET") ? ", HEAD" : "");
    }
    if (!req->route) {
        req->refuse = allow.n ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND;
        if (allow.n && !allow.failed)
            server_set(req, MHD_HTTP_HEADER_ALLOW, allow.p);
    }
    buf_free(&allow);
}

static void
refuse(struct server_req *req)
{
    static const struct {
        int status;
        const char *title;
        const char *detail;
    } why[] = {
        {SERVER_UNFRAMED, "Bad Request", "Say once how long the body is: one Content-Length, or chunked."},
        {400, "Bad Request", "The path is not a valid request target."},
        {404, "Not Found", "Nothing is served under this path."},
        {405, "Method Not Allowed", "The Allow header names the methods of this path."},
        {413, "Content Too Large", "The body is longer than this server accepts."},
        {503, "Service Unavailable", "Too many bodies are on their way; send it again in a moment."},
        {500, "Internal Server Error", "The request could not be read."}};
    size_t i = 0;

    if (req->refuse == MHD_HTTP_SERVICE_UNAVAILABLE)
        server_set(req, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
    while (why[i].status != req->refuse && why[i].status != 500)
        i++;
    server_problem(req, why[i].status == SERVER_UNFRAMED ? 400 : why[i].status, why[i].title, why[i].detail);
}

static enum MHD_Result
send_answer(struct server_req *req)
{
    return req->answer ? MHD_queue_response(req->conn, req->status, req->answer) : MHD_NO;
}

static enum MHD_Result
call(struct server_req *req)
{
    req->state = SERVER_CALL;
    if (req->refuse)
        refuse(req);
    else
        req->route->fn(req->s->arg, req);
    if (req->state == SERVER_DONE)
        return send_answer(req);
    req->state = SERVER_WAIT;
    wait_add(req);
    MHD_suspend_connection(req->conn);
    return MHD_YES;
}

/* Whether a raw NUL cut the target short: libmicrohttpd splits the request line in place, so the version stands one byte
 * after the target's end, unless there was more than the one blank that belongs there. */
static bool
has_nul(const struct server_req *req, const char *version)
{
    uintptr_t from = (uintptr_t)req->uri_end;
    uintptr_t to = (uintptr_t)version;

    return to > from + 1 && to - from <= req->s->memory;
}

struct framing {
    unsigned lengths, codings;
    bool chunked;
};

static enum MHD_Result
see_header(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct framing *f = arg;

    (void)kind;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0)
        f->lengths++;
    if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        f->codings++;
        f->chunked = value && strcasecmp(value, "chunked") == 0;
    }
    return MHD_YES;
}

/* Whether everybody on the way must agree where the body ends. libmicrohttpd takes the first length and passes over
 * codings that it does not know, so that what follows could be taken for another's request. */
static bool
framed_once(struct MHD_Connection *conn)
{
    struct framing f = {0};

    MHD_get_connection_values(conn, MHD_HEADER_KIND, see_header, &f);
    return f.lengths + f.codings <= 1 && (!f.codings || f.chunked);
}

/* Headers are here. A body that says itself that it is far too long is refused before it comes; one that is a little too
 * long is read and dropped first, since a client that still writes may never see an early answer. */
static enum MHD_Result
begin(struct server_req *req, struct MHD_Connection *conn, const char *method, const char *version)
{
    int64_t length = 0;

    req->conn = conn;
    req->method = method;
    req->state = SERVER_BODY;
    if (!framed_once(conn)) {
        req->refuse = SERVER_UNFRAMED;
        server_set(req, MHD_HTTP_HEADER_CONNECTION, "close");
        return call(req);
    }
    if (has_nul(req, version))
        req->refuse = MHD_HTTP_BAD_REQUEST;
    if (!req->refuse)
        find_route(req);
    str_int(server_header(req, MHD_HTTP_HEADER_CONTENT_LENGTH), &length);
    if (length > 0 && (uint64_t)length > req->s->body_max + SERVER_SLACK) {
        req->refuse = MHD_HTTP_CONTENT_TOO_LARGE;
        return call(req);
    }
    return MHD_YES;
}

/* Nobody has been asked yet whose body it is, so all of them together are bounded. */
static void
keep(struct server_req *req, const char *p, size_t n)
{
    struct server *s = req->s;
    size_t before = req->body.n;

    if (n > s->bodies_max - s->bodies) {
        req->refuse = MHD_HTTP_SERVICE_UNAVAILABLE;
        return;
    }
    buf_add(&req->body, p, n);
    if (req->body.failed)
        req->refuse = before + n > s->body_max ? MHD_HTTP_CONTENT_TOO_LARGE : 500;
    s->bodies += req->body.n - before;
}

static enum MHD_Result
take(struct server_req *req, const char *p, size_t n)
{
    if (!req->refuse)
        keep(req, p, n);
    if (!req->refuse)
        return MHD_YES;
    drop_body(req);
    req->dropped += n;
    return req->dropped > req->s->body_max + SERVER_SLACK ? MHD_NO : MHD_YES;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *conn, const char *url, const char *method, const char *version,
           const char *data, size_t *n, void **con_cls)
{
    struct server_req *req = *con_cls;
    enum MHD_Result res;

    (void)arg;
    (void)url;
    if (!req)
        return MHD_NO;
    if (req->state == SERVER_URI)
        return begin(req, conn, method, version);
    if (*n && req->state == SERVER_BODY) {
        res = take(req, data, *n);
        *n = 0;
        return res;
    }
    return req->state == SERVER_DONE ? send_answer(req) : call(req);
}

static size_t
keep_encoded(void *arg, struct MHD_Connection *conn, char *z)
{
    (void)arg;
    (void)conn;
    return strlen(z); /* uri.c decodes what is asked for */
}

/* ---- listening ------------------------------------------------------------------------------------------------ */

/* Splits "host:port", "[v6]:port", ":port" into NUL-terminated parts of the caller's. */
static bool
split_listen(const char *listen_at, char host[256], char port[8])
{
    const char *colon = strrchr(listen_at, ':');
    struct str h;
    int64_t n;

    if (!colon || !str_int(str_of(colon + 1), &n) || n < 0 || n > 65535 || strlen(colon + 1) > 5)
        return false;
    h = (struct str){listen_at, (size_t)(colon - listen_at)};
    if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
        h = (struct str){h.p + 1, h.n - 2};
    else if (memchr(h.p, ':', h.n))
        return false;
    if (h.n > 255)
        return false;
    snprintf(host, 256, "%.*s", STR_FMT(h));
    snprintf(port, 8, "%s", colon + 1);
    return true;
}

static int
listen_on(const struct addrinfo *ai)
{
    int on = 1;
    int off = 0;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (!bind(fd, ai->ai_addr, ai->ai_addrlen) && !listen(fd, BACKLOG))
        return fd;
    off = errno;
    close(fd);
    errno = off;
    return -1;
}

static enum res
open_socket(const char *listen_at, int *ret, struct err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char host[256];
    char port[8];
    int rc;

    *ret = -1;
    if (!listen_at || !split_listen(listen_at, host, port))
        return err_set(e, RES_FATAL, "\"%s\" is no address to listen on (host:port)",
                       listen_at ? listen_at : "");
    rc = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
    if (rc)
        return err_set(e, RES_FATAL, "cannot listen on %s: %s", listen_at, gai_strerror(rc));
    /* all addresses: the IPv6 socket takes both kinds, so it goes first */
    for (int pass = 0; pass < 2 && *ret < 0; pass++)
        for (const struct addrinfo *ai = list; ai && *ret < 0; ai = ai->ai_next)
            if ((ai->ai_family == AF_INET6) == (pass == (host[0] != '\0')))
                *ret = listen_on(ai);
    freeaddrinfo(list);
    if (*ret < 0)
        return err_set(e, RES_FATAL, "cannot listen on %s: %s", listen_at, strerror(errno));
    return RES_OK;
}

static unsigned
port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at = {.v6 = {0}};
    socklen_t n = sizeof at;

    if (getsockname(fd, &at.any, &n))
        return 0;
    return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

static struct MHD_Daemon *
start_daemon(struct server *s, const struct server_opts *opts, int fd)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0, NULL, NULL, on_request, s,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_NOTIFY_COMPLETED,
        on_end, s, MHD_OPTION_NOTIFY_CONNECTION, on_line, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL,
        MHD_OPTION_CONNECTION_LIMIT, opts->conn_max ? opts->conn_max : CONNS, MHD_OPTION_CONNECTION_TIMEOUT,
        opts->idle_s ? opts->idle_s : IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->memory, MHD_OPTION_END);
}

static enum res
start(struct server *s, const struct server_opts *opts, struct err *e)
{
    const union MHD_DaemonInfo *info;
    int fd;
    enum res res = open_socket(opts->listen, &fd, e);

    if (res)
        return res;
    s->port = port_of(fd);
    s->daemon = start_daemon(s, opts, fd);
    if (!s->daemon) {
        close(fd);
        return err_set(e, RES_FATAL, "libmicrohttpd does not start on %s", opts->listen);
    }
    info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    s->watch = info ? loop_watch(s->loop, info->epoll_fd, LOOP_READ, on_ready, s) : NULL;
    return s->watch ? RES_OK : err_set(e, RES_FATAL, "cannot watch the server's descriptors");
}

enum res
server_new(struct loop *loop, const struct server_opts *opts, const struct server_route *routes, void *arg,
           struct server **ret, struct err *e)
{
    struct server *s = calloc(1, sizeof *s);
    enum res res;

    *ret = NULL;
    if (!s)
        return err_set(e, RES_FATAL, "out of memory");
    s->loop = loop;
    s->routes = routes;
    s->arg = arg;
    s->body_max = opts->body_max;
    s->bodies_max = opts->bodies_max ? opts->bodies_max : BODIES;
    s->memory = opts->memory ? opts->memory : MEMORY;
    s->timer = (struct loop_timer){.fn = on_timer, .arg = s};
    res = start(s, opts, e);
    if (res) {
        server_free(s);
        return res;
    }
    *ret = s;
    return RES_OK;
}

unsigned
server_port(const struct server *s)
{
    return s->port;
}

void
server_quiesce(struct server *s)
{
    int fd = MHD_quiesce_daemon(s->daemon);

    if (fd >= 0)
        close(fd);
}

unsigned
server_waiting(const struct server *s)
{
    return s->waiting;
}

void
server_free(struct server *s)
{
    if (!s)
        return;
    while (s->wait_head) {
        server_set(s->wait_head, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
        server_problem(s->wait_head, 503, "Service Unavailable", "The server is stopping.");
    }
    loop_unwatch(s->watch);
    if (s->daemon) {
        MHD_run(s->daemon); /* takes up what was resumed */
        MHD_run(s->daemon); /* sends it */
        MHD_stop_daemon(s->daemon);
    }
    loop_timer_stop(s->loop, &s->timer);
    free(s);
}
