#include "common/http/auth.h"

#include <stdlib.h>

#include "common/base/backoff.h"
#include "common/base/buf.h"
#include "common/base/hash.h"
#include "common/base/id.h"
#include "common/http/auth_token.h"
#include "common/http/client_priv.h"

enum { LINE_MAX_BYTES = 2 * AUTH_TOKEN_MAX, TIMEOUT_MS = 10000, ANSWER_MAX = 65536, EARLY_MS = 60000 };

struct auth {
    struct loop *loop;
    struct auth_opts opts; /* with copies of its strings */
    char *fixed;           /* header line of a kind that never changes */

    /* oauth2 */
    struct client *client;
    char *line;  /* of the token; NULL = none */
    char *spent; /* the line of before, kept for callers in this turn */
    unsigned generation;
    int64_t expires_ms, early_ms; /* when it is old, when to ask for the next */
    int64_t quiet_ms;             /* no renewal beside before this: the last one failed */
    unsigned failed_in_row;
    bool asking;
    bool changed; /* secrets were replaced while asking */
    struct auth_wait *head;
    struct auth_wait **tail;
    unsigned waiting;
    struct loop_timer soon; /* a request that could not be sent is told from here */
    struct err sent;        /* why */
    unsigned asked, failed;
};

static const struct backoff renewals = {1000, 60000, 60000};

static int64_t
now_ms(const struct auth *a)
{
    return a->opts.clk.now_us ? clk_us(a->opts.clk) / 1000 : clk_mono_ms();
}

/* ---- fixed credentials ----------------------------------------------------------------------------------------- */

/* Wipes before it frees. */
static void
free_secret(char *z)
{
    if (z)
        explicit_bzero(z, strlen(z));
    free(z);
}

static char *
line_of(const struct auth_opts *o)
{
    struct buf b = buf_make(LINE_MAX_BYTES);
    struct buf pair = buf_make(LINE_MAX_BYTES / 2);

    if (o->kind == AUTH_API_KEY) {
        buf_z(&b, o->header);
        buf_z(&b, ": ");
        buf_z(&b, o->secret);
    } else if (o->kind == AUTH_BEARER) {
        buf_z(&b, "Authorization: Bearer ");
        buf_z(&b, o->secret);
    } else {
        buf_printf(&pair, "%s:%s", o->id, o->secret);
        buf_z(&b, "Authorization: Basic ");
        hash_base64(&b, buf_view(&pair));
    }
    b.failed |= pair.failed;
    if (pair.p)
        explicit_bzero(pair.p, pair.n);
    buf_free(&pair);
    return buf_steal(&b);
}

static bool
usable(const char *z)
{
    return z && *z && !str_has_control(str_of(z));
}

static bool
good_name(const char *z)
{
    return z && *z &&
           strspn(z, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~") ==
               strlen(z);
}

static enum res
check_secrets(enum auth_kind kind, const char *id, const char *secret, struct err *e)
{
    bool named = kind == AUTH_BASIC || kind == AUTH_OAUTH2;

    if (kind == AUTH_NONE)
        return RES_OK;
    if (!usable(secret))
        return err_set(e, RES_FATAL,
                       "the secret of the endpoint's credentials is missing or holds a control "
                       "character");
    if (named && !usable(id))
        return err_set(e, RES_FATAL,
                       "the user name or client id of the endpoint's credentials is missing or "
                       "holds a control character");
    if (kind == AUTH_BASIC && strchr(id, ':'))
        return err_set(e, RES_FATAL, "a user name for basic authentication must not hold a colon");
    return RES_OK;
}

static enum res
check_opts(const struct auth_opts *o, struct err *e)
{
    enum res res = check_secrets(o->kind, o->id, o->secret, e);
    struct err why = {0};

    if (!res && o->kind == AUTH_API_KEY && o->header && !good_name(o->header))
        res = err_set(e, RES_FATAL, "the header of an API key must be named as headers are");
    if (!res && o->kind == AUTH_OAUTH2 && !o->token_url)
        res = err_set(e, RES_FATAL, "oauth2_client_credentials needs the URL of the token endpoint");
    if (!res && o->kind == AUTH_OAUTH2 && client_check_url(o->token_url, &why))
        res = err_set(e, RES_FATAL, "the token endpoint: %s", why.text);
    return res;
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

static struct auth_wait *
take_first(struct auth *a)
{
    struct auth_wait *w = a->head;

    a->head = w->next;
    if (!a->head)
        a->tail = &a->head;
    a->waiting--;
    w->queued = false;
    w->next = NULL;
    return w;
}

/* Those who wait now; who comes while they are told waits for the next. */
static void
tell(struct auth *a, const struct auth_outcome *o)
{
    unsigned n = a->waiting;

    while (n-- && a->head) {
        struct auth_wait *w = take_first(a);

        w->fn(w->arg, o);
    }
}

static void
keep(struct auth *a, char *line, int64_t life_s)
{
    int64_t life_ms = life_s * 1000;
    int64_t now = now_ms(a);

    free_secret(a->spent);
    a->spent = a->line;
    a->line = line;
    a->generation++;
    a->failed_in_row = 0;
    a->expires_ms = now + life_ms;
    a->early_ms = a->expires_ms - (life_ms / 10 < EARLY_MS ? life_ms / 10 : EARLY_MS);
    a->quiet_ms = now;
}

static void ask(struct auth *a);

static void
fell_through(struct auth *a, const struct err *e)
{
    struct auth_outcome o = {.ours = e->res == RES_REJECT, .why = e->text};

    a->failed++;
    a->quiet_ms = now_ms(a) + backoff_ms(&renewals, a->failed_in_row++, -1, id_random());
    if (a->changed)
        ask(a); /* it was asked with the secrets of before */
    else
        tell(a, &o);
}

static void
on_answer(void *arg, const struct client_answer *ca)
{
    struct auth *a = arg;
    struct buf line = buf_make(LINE_MAX_BYTES);
    int64_t life_s = 0;
    struct err e = {0};
    char *text = NULL;

    a->asking = false;
    if (auth_token_read(ca, &line, &life_s, &e) == RES_OK)
        text = buf_steal(&line);
    buf_free(&line);
    if (text) {
        keep(a, text, life_s);
        tell(a, &(struct auth_outcome){.ok = true, .why = ""});
    } else {
        err_set(&e, RES_RETRY, "out of memory");
        fell_through(a, &e);
    }
}

static void
on_soon(void *arg)
{
    struct auth *a = arg;
    struct err e = a->sent; /* fell_through may ask again */

    e.res = RES_RETRY; /* nobody has refused anything */
    a->asking = false;
    fell_through(a, &e);
}

static enum res
send_ask(struct auth *a, struct err *e)
{
    const struct auth_grant g = {a->opts.id, a->opts.secret, a->opts.scope, a->opts.secret_in_body};
    struct buf body = buf_make(LINE_MAX_BYTES);
    struct buf basic = buf_make(LINE_MAX_BYTES);
    const char *headers[] = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json",
                             NULL, NULL};
    struct client_call call = {.method = "POST",
                               .url = a->opts.token_url,
                               .headers = headers,
                               .timeout_ms = a->opts.timeout_ms > 0 ? a->opts.timeout_ms : TIMEOUT_MS,
                               .answer_max = ANSWER_MAX,
                               .fn = on_answer,
                               .arg = a};
    enum res res = RES_RETRY;

    auth_token_ask(&g, &body, &basic);
    headers[2] = basic.p;
    call.body = buf_view(&body);
    if (body.failed || basic.failed)
        err_set(e, RES_RETRY, "out of memory");
    else
        res = client_start(a->client, &call, e);
    if (body.p)
        explicit_bzero(body.p, body.n);
    buf_free(&body);
    buf_free(&basic);
    return res;
}

static void
ask(struct auth *a)
{
    a->asking = true;
    a->changed = false;
    a->asked++;
    err_clear(&a->sent);
    if (send_ask(a, &a->sent) != RES_OK)
        loop_timer_set(a->loop, &a->soon, 0);
}

/* ---- what callers see ------------------------------------------------------------------------------------------- */

bool
auth_waits(const struct auth *a)
{
    return a->opts.kind == AUTH_OAUTH2 && (!a->line || now_ms(a) >= a->expires_ms);
}

const char *
auth_header(struct auth *a)
{
    int64_t now;

    if (a->opts.kind != AUTH_OAUTH2)
        return a->fixed;
    if (!a->line)
        return NULL;
    now = now_ms(a);
    if (now >= a->expires_ms)
        return NULL;
    if (now >= a->early_ms && now >= a->quiet_ms && !a->asking)
        ask(a);
    return a->line;
}

void
auth_await(struct auth *a, struct auth_wait *w)
{
    w->next = NULL;
    w->queued = true;
    *a->tail = w;
    a->tail = &w->next;
    a->waiting++;
    if (!a->asking)
        ask(a);
}

void
auth_unwait(struct auth *a, struct auth_wait *w)
{
    struct auth_wait **at = &a->head;

    if (!w->queued)
        return;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    if (!*at)
        a->tail = at;
    a->waiting--;
    w->queued = false;
}

unsigned
auth_generation(const struct auth *a)
{
    return a->generation;
}

void
auth_refused(struct auth *a, unsigned generation)
{
    if (generation != a->generation || !a->line)
        return;
    free_secret(a->spent);
    a->spent = a->line;
    a->line = NULL;
}

struct auth_facts
auth_facts(const struct auth *a)
{
    int64_t left = a->line ? a->expires_ms - now_ms(a) : -1000;

    return (struct auth_facts){
        .expires_s = left < 0 ? -1 : left / 1000, .asked = a->asked, .failed = a->failed};
}

/* ---- making, changing, freeing ---------------------------------------------------------------------------------- */

enum res
auth_secrets(struct auth *a, const char *id, const char *secret, struct err *e)
{
    struct auth_opts o = a->opts;
    enum res res = check_secrets(o.kind, id ? id : o.id, secret, e);
    char *fixed = NULL;

    if (res || o.kind == AUTH_NONE)
        return res;
    o.id = str_dup(str_of(id ? id : o.id ? o.id : ""));
    o.secret = str_dup(str_of(secret));
    if (o.kind != AUTH_OAUTH2 && o.id && o.secret)
        fixed = line_of(&o);
    if (!o.id || !o.secret || (o.kind != AUTH_OAUTH2 && !fixed)) {
        free((char *)(uintptr_t)o.id);
        free_secret((char *)(uintptr_t)o.secret);
        return err_set(e, RES_FATAL, "out of memory");
    }
    free((char *)(uintptr_t)a->opts.id);
    free_secret((char *)(uintptr_t)a->opts.secret);
    free_secret(a->fixed);
    a->opts = o;
    a->fixed = fixed;
    a->changed = true;
    a->quiet_ms = 0;
    return RES_OK;
}

enum res
auth_reload(struct auth *a, struct err *e)
{
    struct client *fresh;
    enum res res = a->client ? client_new(a->loop, &a->opts.http, &fresh, e) : RES_OK;

    if (res || !a->client)
        return res;
    client_succeed(fresh, a->client); /* a token request may be under way */
    a->client = fresh;
    return RES_OK;
}

static bool
copy_opts(struct auth *a, const struct auth_opts *from)
{
    struct auth_opts *o = &a->opts;
    bool ok = true;

    *o = *from;
    o->header = o->header ? o->header : "X-API-Key";
    ok &= client_opts_copy(&o->http, &from->http);
    ok &= str_keep(&o->id);
    ok &= str_keep(&o->secret);
    ok &= str_keep(&o->header);
    ok &= str_keep(&o->token_url);
    ok &= str_keep(&o->scope);
    return ok;
}

static enum res
build(struct auth *a, struct err *e)
{
    struct client_opts http = a->opts.http;

    if (a->opts.kind == AUTH_OAUTH2) {
        http.in_flight = 1;
        return client_new(a->loop, &http, &a->client, e);
    }
    if (a->opts.kind != AUTH_NONE && !(a->fixed = line_of(&a->opts)))
        return err_set(e, RES_FATAL, "out of memory");
    return RES_OK;
}

enum res
auth_new(struct loop *loop, const struct auth_opts *opts, struct auth **ret, struct err *e)
{
    enum res res = check_opts(opts, e);
    struct auth *a;

    *ret = NULL;
    if (res)
        return res;
    a = calloc(1, sizeof *a);
    if (!a)
        return err_set(e, RES_FATAL, "out of memory");
    a->loop = loop;
    a->tail = &a->head;
    a->soon = (struct loop_timer){.fn = on_soon, .arg = a};
    res = copy_opts(a, opts) ? build(a, e) : err_set(e, RES_FATAL, "out of memory");
    if (res)
        auth_free(a);
    else
        *ret = a;
    return res;
}

void
auth_free(struct auth *a)
{
    if (!a)
        return;
    while (a->head)
        take_first(a);
    loop_timer_stop(a->loop, &a->soon);
    client_free(a->client);
    free_secret(a->fixed);
    free_secret(a->line);
    free_secret(a->spent);
    free_secret((char *)(uintptr_t)a->opts.secret);
    free((char *)(uintptr_t)a->opts.id);
    free((char *)(uintptr_t)a->opts.header);
    free((char *)(uintptr_t)a->opts.token_url);
    free((char *)(uintptr_t)a->opts.scope);
    client_opts_drop(&a->opts.http);
    free(a);
}
