#include "tests/standin/gate.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/clk.h"
#include "common/http/uri.h"
#include "tests/standin/answer.h"

enum { FORM_MAX = 8192 };

/* ---- calls ---------------------------------------------------------------------------------------------------- */

/* Uses up one of a token's calls. */
static bool
token_holds(struct standin *x, struct str value)
{
    struct gate_issued *issued = &x->issued;
    struct str head = STR("Bearer ");
    uint64_t hash;

    if (!str_starts(value, head))
        return false;
    hash = str_hash((struct str){value.p + head.n, value.n - head.n});
    for (uint64_t i = issued->n; i > 0 && i + GATE_TOKENS > issued->n; i--) {
        struct gate_token *token = &issued->token[(i - 1) % GATE_TOKENS];

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
gate_pass(struct standin *x, struct server_req *req)
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

    x->issued.token[x->issued.n++ % GATE_TOKENS] =
        (struct gate_token){.hash = str_hash((struct str){name, (size_t)n}),
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
gate_issue(void *arg, struct server_req *req)
{
    struct standin *x = arg;
    const struct auth *a = &x->faults.auth;
    struct str type = server_header(req, "Content-Type");
    struct str text = server_body(req);
    struct buf target = buf_make(FORM_MAX);
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
gate_revoke(void *arg, struct server_req *req)
{
    struct standin *x = arg;

    memset(x->issued.token, 0, sizeof x->issued.token);
    server_reply(req, 204, NULL, STR_NULL);
}
