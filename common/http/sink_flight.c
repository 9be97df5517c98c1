#include <stdlib.h>

#include "common/http/sink_priv.h"

/* ---- a copy in one piece --------------------------------------------------------------------------------------- */

static size_t
header_count(const char *const *headers)
{
    size_t n = 0;

    while (headers && headers[n])
        n++;
    return n;
}

static size_t
size_of_copy(const struct client_call *call)
{
    size_t n = strlen(call->method) + strlen(call->url) + 2 + call->body.n;

    for (const char *const *h = call->headers; h && *h; h++)
        n += sizeof *h + strlen(*h) + 1;
    return n + sizeof(char *);
}

static char *
put_z(char **to, const char *z)
{
    size_t n = strlen(z) + 1;
    char *at = memcpy(*to, z, n);

    *to += n;
    return at;
}

/* `room` is aligned for pointers and takes size_of_copy. */
static void
copy_call(struct client_call *to, const struct client_call *from, void *room)
{
    size_t n = header_count(from->headers);
    const char **headers = room;
    char *at = (char *)(headers + n + 1);

    *to = *from;
    for (size_t i = 0; i < n; i++)
        headers[i] = put_z(&at, from->headers[i]);
    headers[n] = NULL;
    to->headers = headers;
    to->method = put_z(&at, from->method);
    to->url = put_z(&at, from->url);
    if (from->body.n)
        memcpy(at, from->body.p, from->body.n);
    to->body.p = at;
}

static void
link_in(struct sink *s, struct flight *f)
{
    f->next = s->all;
    if (s->all)
        s->all->prev = f;
    s->all = f;
}

enum res
flight_new(struct sink *s, const struct sink_call *call, bool keep, struct flight **ret, struct err *e)
{
    struct flight *f;

    *ret = NULL;
    if (call->http.head || call->http.sink)
        return err_set(e, RES_REJECT, "a call through a sink has its body read whole");
    if (!call->http.method || !call->http.url || header_count(call->http.headers) > SINK_HEADERS_MAX)
        return err_set(e, RES_REJECT, "a call needs a method and a URL, and at most %d headers",
                       SINK_HEADERS_MAX);
    f = malloc(sizeof *f + (keep ? size_of_copy(&call->http) : 0));
    if (!f)
        return err_set(e, RES_RETRY, "out of memory");
    *f = (struct flight){.s = s,
                         .fn = call->fn,
                         .arg = call->arg,
                         .key = str_hash(call->key),
                         .not_after_ms = call->not_after_ms};
    if (keep)
        copy_call(&f->call, &call->http, f + 1);
    link_in(s, f);
    *ret = f;
    return RES_OK;
}

void
flight_free(struct flight *f)
{
    if (!f)
        return;
    if (f->next)
        f->next->prev = f->prev;
    if (f->prev)
        f->prev->next = f->next;
    else
        f->s->all = f->next;
    free(f->error);
    free(f);
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

enum res
flight_send(struct flight *f, const struct client_call *call,
            void (*fn)(void *arg, const struct client_answer *a), struct err *e)
{
    const char *headers[SINK_HEADERS_MAX + 2];
    struct client_call c = *call;
    size_t n = header_count(call->headers);

    for (size_t i = 0; i < n; i++)
        headers[i] = call->headers[i];
    headers[n] = auth_header(f->s->auth); /* NULL where there is none to send */
    headers[n + (headers[n] != NULL)] = NULL;
    f->generation = auth_generation(f->s->auth);
    c.headers = headers;
    c.fn = fn;
    c.arg = f;
    return client_start(f->s->client, &c, e);
}
