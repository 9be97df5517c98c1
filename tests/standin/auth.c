#include "tests/standin/auth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clk.h"
#include "common/base/hash.h"
#include "common/http/uri.h"
#include "tests/standin/answer.h"
#include "tests/standin/setting.h"

enum { VALUE_MAX = 8192, TTL_MAX_S = 31536000 };

/* ---- settings ------------------------------------------------------------------------------------------------- */

static const char *const kinds[] = {"none", "oauth2", "bearer", "basic", "api_key"};

struct auth
auth_none(void)
{
    return (struct auth){.kind_name = "none",
                         .header = "X-Api-Key",
                         .expired_code = 401,
                         .token_ttl_s = 3600,
                         .expires_in_s = -1,
                         .token_calls = -1,
                         .token_code = -1};
}

void
auth_free(struct auth *a)
{
    free(a->want);
    *a = auth_none();
}

static enum res
read_kind(struct auth *a, struct err *e)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i], a->kind_name) != 0)
            continue;
        a->kind = (enum auth_kind)i;
        return RES_OK;
    }
    return err_set(e, RES_REJECT, "auth: kind is oauth2, bearer, basic, api_key or none");
}

/* "Basic <base64 of id:secret>" */
static void
basic_of(const struct auth *a, struct buf *b)
{
    struct buf pair = buf_make(VALUE_MAX);

    buf_printf(&pair, "%s:%s", a->client_id, a->client_secret);
    buf_z(b, "Basic ");
    hash_base64(b, buf_view(&pair));
    b->failed |= pair.failed;
    buf_free(&pair);
}

static enum res
make_want(struct auth *a, struct err *e)
{
    struct buf b = buf_make(VALUE_MAX);
    bool client = a->kind == AUTH_BASIC || a->kind == AUTH_OAUTH2;

    if (client ? !a->client_id || !a->client_secret : a->kind != AUTH_NONE && !a->token)
        return err_set(e, RES_REJECT, "auth: %s needs %s", a->kind_name,
                       client ? "client_id and client_secret" : "token");
    if (client)
        basic_of(a, &b);
    else if (a->kind == AUTH_BEARER)
        buf_printf(&b, "Bearer %s", a->token);
    else
        buf_z(&b, a->token ? a->token : "");
    a->want = buf_steal(&b);
    return a->want ? RES_OK : err_set(e, RES_REJECT, "auth: too long");
}

enum res
auth_read(struct auth *a, json_t *v, struct err *e)
{
    const struct setting table[] = {{"kind", SETTING_TEXT, &a->kind_name, 0, 0},
                                    {"client_id", SETTING_TEXT, &a->client_id, 0, 0},
                                    {"client_secret", SETTING_TEXT, &a->client_secret, 0, 0},
                                    {"token", SETTING_TEXT, &a->token, 0, 0},
                                    {"header", SETTING_TEXT, &a->header, 0, 0},
                                    {"expired_code", SETTING_INT, &a->expired_code, 401, 403},
                                    {"reject", SETTING_BOOL, &a->reject, 0, 0},
                                    {"token_ttl_s", SETTING_INT, &a->token_ttl_s, 0, TTL_MAX_S},
                                    {"expires_in_s", SETTING_INT, &a->expires_in_s, -1, TTL_MAX_S},
                                    {"token_calls", SETTING_INT, &a->token_calls, -1, INT64_MAX},
                                    {"token_code", SETTING_INT, &a->token_code, -1, 599},
                                    {"token_delay_ms", SETTING_INT, &a->token_delay_ms, 0, 600000},
                                    {NULL, SETTING_INT, NULL, 0, 0}};
    enum res res = setting_read_all(table, "auth", v, e);

    if (!res && (a->expired_code == 402 || (a->token_code >= 0 && a->token_code < 400)))
        res = err_set(e, RES_REJECT, "auth: expired_code is 401 or 403, token_code from 400 to 599 or null");
    if (!res)
        res = read_kind(a, e);
    return res ? res : make_want(a, e);
}

/* ---- calls ---------------------------------------------------------------------------------------------------- */

/* Uses up one of a token's calls. */
static bool
token_holds(struct standin *x, struct str value)
{
    struct auth_issued *issued = &x->issued;
    struct str head = STR("Bearer ");
    uint64_t hash;

    if (!str_starts(value, head))
        return false;
    hash = str_hash((struct str){value.p + head.n, value.n - head.n});
    for (uint64_t i = issued->n; i > 0 && i + AUTH_TOKENS > issued->n; i--) {
        struct auth_token *token = &issued->token[(i - 1) % AUTH_TOKENS];

        if (token->hash != hash)
            continue;
        if (token->until_ms <= clk_mono_ms() || !token->calls)
            return false;
        token->calls -= token->calls > 0;
        return true;
    }
    return false;
}

static bool
holds(struct standin *x, struct server_req *req)
{
    const struct auth *a = &x->faults.auth;

    if (a->kind == AUTH_API_KEY)
        return str_is(server_header(req, a->header), a->want);
    if (a->kind == AUTH_OAUTH2)
        return token_holds(x, server_header(req, "Authorization"));
    return str_is(server_header(req, "Authorization"), a->want);
}

bool
auth_pass(struct standin *x, struct server_req *req)
{
    const struct auth *a = &x->faults.auth;

    if (!a->reject && (a->kind == AUTH_NONE || holds(x, req)))
        return true;
    x->stats.unauthorized++;
    if (a->expired_code == 401)
        server_set(req, "WWW-Authenticate",
                   a->kind == AUTH_BASIC ? "Basic realm=\"standin\"" : "Bearer error=\"invalid_token\"");
    answer_error(x, req, (int)a->expired_code, "TANPA_IZIN", NULL, NULL);
    return false;
}

/* ---- tokens --------------------------------------------------------------------------------------------------- */

static void
answer_token(struct standin *x, struct server_req *req, int code, struct str body)
{
    server_set(req, "Cache-Control", "no-store");
    if (code == 401)
        server_set(req, "WWW-Authenticate", "Basic realm=\"standin\"");
    answer_give(
        x, req,
        &(struct answer){
            .code = code, .sending = SEND_WHOLE, .body = body, .wait_ms = x->faults.auth.token_delay_ms});
}

static void
refuse(struct standin *x, struct server_req *req, int code, const char *error)
{
    char body[64];
    int n = snprintf(body, sizeof body, "{\"error\":\"%s\"}\n", error);

    x->stats.tokens_refused++;
    answer_token(x, req, code, (struct str){body, (size_t)n});
}

static void
issue(struct standin *x, struct server_req *req)
{
    const struct auth *a = &x->faults.auth;
    char name[64];
    char body[256];
    int n = snprintf(name, sizeof name, "standin-%" PRIu64 "-%016" PRIx64, x->issued.n + 1,
                     str_hash(str_of(a->client_secret)) ^ x->issued.n);

    x->issued.token[x->issued.n++ % AUTH_TOKENS] =
        (struct auth_token){.hash = str_hash((struct str){name, (size_t)n}),
                            .until_ms = clk_mono_ms() + a->token_ttl_s * 1000,
                            .calls = a->token_calls};
    n = snprintf(body, sizeof body,
                 "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%" PRId64 "}\n", name,
                 a->expires_in_s < 0 ? a->token_ttl_s : a->expires_in_s);
    x->stats.tokens_issued++;
    answer_token(x, req, 200, (struct str){body, (size_t)n});
}

/* By the header (RFC 6749, section 2.3.1) or by the form. */
static bool
client_is_right(const struct auth *a, struct server_req *req, const struct uri *form)
{
    struct str header = server_header(req, "Authorization");

    if (header.n)
        return str_is(header, a->want);
    return str_is(uri_query(form, "client_id"), a->client_id) &&
           str_is(uri_query(form, "client_secret"), a->client_secret);
}

static void
judge(struct standin *x, struct server_req *req, const struct uri *form)
{
    const struct auth *a = &x->faults.auth;

    if (!client_is_right(a, req, form))
        refuse(x, req, 401, "invalid_client");
    else if (!str_is(uri_query(form, "grant_type"), "client_credentials"))
        refuse(x, req, 400, "unsupported_grant_type");
    else
        issue(x, req);
}

void
auth_issue(void *arg, struct server_req *req)
{
    struct standin *x = arg;
    const struct auth *a = &x->faults.auth;
    struct str type = server_header(req, "Content-Type");
    struct str text = server_body(req);
    struct buf target = buf_make(VALUE_MAX);
    struct uri form;

    x->stats.tokens_asked++;
    buf_z(&target, "/?");
    buf_str(&target, text);
    if (a->kind != AUTH_OAUTH2)
        refuse(x, req, 404, "invalid_request");
    else if (a->token_code >= 0)
        refuse(x, req, (int)a->token_code,
               a->token_code < 500 ? "invalid_client" : "temporarily_unavailable");
    else if (!str_starts(type, STR("application/x-www-form-urlencoded")) || target.failed ||
             memchr(text.n ? text.p : "", 0, text.n) || !uri_parse(&form, target.p))
        refuse(x, req, 400, "invalid_request");
    else {
        judge(x, req, &form);
        uri_free(&form);
    }
    buf_free(&target);
}

void
auth_revoke(void *arg, struct server_req *req)
{
    struct standin *x = arg;

    memset(x->issued.token, 0, sizeof x->issued.token);
    server_reply(req, 204, NULL, STR_NULL);
}
