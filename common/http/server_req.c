#include "common/http/server_priv.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* ---- what was asked ------------------------------------------------------------------------------------------- */

struct str
server_method(const struct server_req *req)
{
    return str_of(req->method);
}

struct str
server_path(const struct server_req *req)
{
    return req->uri.path;
}

struct str
server_seg(const struct server_req *req, unsigned i)
{
    return i < URI_SEGS && req->took[i] < URI_SEGS ? req->uri.seg[req->took[i]] : STR_NULL;
}

struct str
server_query(const struct server_req *req, const char *name)
{
    return uri_query(&req->uri, name);
}

struct str
server_header(const struct server_req *req, const char *name)
{
    const char *value = NULL;
    size_t n = 0;

    if (!MHD_lookup_connection_value_n(req->conn, MHD_HEADER_KIND, name, strlen(name), &value, &n) || !value)
        return STR_NULL;
    return (struct str){value, n};
}

struct str
server_body(const struct server_req *req)
{
    return buf_view(&req->body);
}

struct str
server_peer(const struct server_req *req)
{
    struct server_req *mine = (struct server_req *)req; /* the text is made once, at the first question */
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr_in6 *v6;
    const struct sockaddr_in *v4;

    if (mine->peer[0] || !info || !info->client_addr)
        return str_of(mine->peer);
    v6 = (const void *)info->client_addr;
    v4 = (const void *)info->client_addr;
    if (info->client_addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, mine->peer, sizeof mine->peer);
    else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], mine->peer, sizeof mine->peer);
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, mine->peer, sizeof mine->peer);
    return str_of(mine->peer);
}

struct each {
    void (*fn)(void *arg, struct str name, struct str value);
    void *arg;
};

static enum MHD_Result
each_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value,
            size_t value_n)
{
    struct each *each = arg;

    (void)kind;
    each->fn(each->arg, (struct str){name, name_n}, (struct str){value, value_n});
    return MHD_YES;
}

void
server_headers(const struct server_req *req, void (*fn)(void *arg, struct str name, struct str value),
               void *arg)
{
    struct each each = {fn, arg};

    MHD_get_connection_values_n(req->conn, MHD_HEADER_KIND, each_header, &each);
}

void
server_keep(struct server_req *req, void *mine, void (*drop)(void *mine))
{
    req->kept = mine;
    req->drop = drop;
}

void *
server_kept(const struct server_req *req)
{
    return req->kept;
}

/* ---- the answer ----------------------------------------------------------------------------------------------- */

void
server_set(struct server_req *req, const char *name, const char *value)
{
    buf_add(&req->headers, name, strlen(name) + 1);
    buf_add(&req->headers, value, strlen(value) + 1);
}

/* Takes `answer`; NULL closes the connection. */
static void
finish(struct server_req *req, int status, const char *content_type, struct MHD_Response *answer)
{
    if (req->state == SERVER_DONE) {
        if (answer)
            MHD_destroy_response(answer);
        return;
    }
    if (answer && content_type)
        MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    for (size_t i = 0; answer && !req->headers.failed && i < req->headers.n;) {
        const char *name = req->headers.p + i;
        const char *value = name + strlen(name) + 1;

        MHD_add_response_header(answer, name, value);
        i += strlen(name) + strlen(value) + 2;
    }
    req->answer = answer;
    req->status = (unsigned)status;
    server_done(req);
}

void
server_reply(struct server_req *req, int status, const char *content_type, struct str body)
{
    struct MHD_Response *answer;

    if (req->state == SERVER_DONE)
        return;
    answer = MHD_create_response_from_buffer(body.n, body.n ? (void *)(uintptr_t)body.p : (void *)"",
                                             body.n ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT);
    finish(req, status, content_type, answer);
}

void
server_abort(struct server_req *req)
{
    finish(req, 0, NULL, NULL);
}

struct part {
    size_t n; /* bytes that are given */
    char p[];
};

static ssize_t
read_part(void *arg, uint64_t pos, char *to, size_t max)
{
    const struct part *part = arg;
    size_t left = pos < part->n ? part->n - (size_t)pos : 0;

    if (!left)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    left = left < max ? left : max;
    memcpy(to, part->p + pos, left);
    return (ssize_t)left;
}

void
server_cut(struct server_req *req, int status, const char *content_type, struct str body, size_t sent)
{
    size_t n = sent < body.n ? sent : body.n;
    struct part *part = malloc(sizeof *part + n);
    struct MHD_Response *answer = NULL;

    if (part) {
        part->n = n;
        if (n)
            memcpy(part->p, body.p, n);
        answer = MHD_create_response_from_callback(body.n, 1024, read_part, part, free);
        if (!answer)
            free(part);
    }
    finish(req, status, content_type, answer);
}

void
server_problem(struct server_req *req, int status, const char *title, const char *detail)
{
    struct buf b = buf_make(1 << 16);

    buf_printf(&b, "{\"type\":\"about:blank\",\"title\":");
    buf_json(&b, str_of(title));
    buf_printf(&b, ",\"status\":%d", status);
    if (detail && *detail) {
        buf_z(&b, ",\"detail\":");
        buf_json(&b, str_of(detail));
    }
    buf_z(&b, "}\n");
    server_reply(req, status, "application/problem+json", b.failed ? STR("{}\n") : buf_view(&b));
    buf_free(&b);
}
