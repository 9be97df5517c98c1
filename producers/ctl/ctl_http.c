#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/log.h"
#include "producers/ctl/ctl.h"

struct call {
    CURL *curl;
    struct curl_slist *headers;
    struct buf answer;
    char url[2048];
};

static size_t
on_bytes(char *p, size_t size, size_t n, void *arg)
{
    struct buf *b = arg;

    buf_add(b, p, size * n);
    return b->failed ? 0 : size * n;
}

static bool
add_header(struct call *call, const char *name, const char *value)
{
    struct buf b = buf_make(8192);
    struct curl_slist *grown;

    buf_printf(&b, "%s: %s", name, value);
    grown = b.failed || strpbrk(b.p, "\r\n") ? NULL : curl_slist_append(call->headers, b.p);
    buf_free(&b);
    if (grown)
        call->headers = grown;
    return grown != NULL;
}

static const char *
env(const char *name)
{
    const char *v = getenv(name);

    return v && *v ? v : NULL;
}

/* 0 or an exit code. */
static int
set_headers(struct ctl *c, const struct ctl_call *o, struct call *call)
{
    const char *name = o->officer ? "BEDELAU_OFFICER_TOKEN" : "BEDELAU_TOKEN";
    const char *token = o->token ? o->token : env(name);
    char bearer[512];

    if (!token)
        return ctl_fail(c, APP_CONFIG, "a token is needed: --token or %s (bedelauctl token create makes one)",
                        name);
    if (snprintf(bearer, sizeof bearer, "Bearer %s", token) >= (int)sizeof bearer)
        return ctl_fail(c, APP_CONFIG, "the token is too long");
    if (!add_header(call, "Authorization", bearer) || !add_header(call, "Accept", "application/json") ||
        !add_header(call, "Expect", "") ||
        (o->content_type && !add_header(call, "Content-Type", o->content_type)) ||
        (o->key && !add_header(call, "Idempotency-Key", o->key)))
        return ctl_fail(c, APP_USAGE, "token or key hold characters that no header may have");
    return 0;
}

static int
set_up(struct ctl *c, const struct ctl_call *o, struct call *call)
{
    const char *base = o->gateway ? o->gateway : env("BEDELAU_GATEWAY_URL");
    size_t n;

    base = base ? base : "http://127.0.0.1:9480";
    n = strlen(base);
    while (n && base[n - 1] == '/')
        n--;
    if (snprintf(call->url, sizeof call->url, "%.*s%s", (int)n, base, o->path) >= (int)sizeof call->url)
        return ctl_fail(c, APP_USAGE, "the gateway's URL is too long");
    curl_easy_setopt(call->curl, CURLOPT_URL, call->url);
    curl_easy_setopt(call->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(call->curl, CURLOPT_CUSTOMREQUEST, o->method);
    curl_easy_setopt(call->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(call->curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
    curl_easy_setopt(call->curl, CURLOPT_TIMEOUT_MS, 60000L);
    curl_easy_setopt(call->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(call->curl, CURLOPT_WRITEDATA, &call->answer);
    curl_easy_setopt(call->curl, CURLOPT_USERAGENT, "bedelauctl/" APP_VERSION);
    if (o->content_type) {
        curl_easy_setopt(call->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body.n);
        curl_easy_setopt(call->curl, CURLOPT_POSTFIELDS, o->body.p);
    }
    return 0;
}

/* The gateway's own words (RFC 9457 where it can), with nothing personal in them. */
static int
refused(struct ctl *c, const struct ctl_call *o, long status, const struct buf *answer)
{
    json_t *j = json_loadb(answer->p ? answer->p : "", answer->n, 0, NULL);
    const char *detail = json_string_value(json_object_get(j, "detail"));
    struct buf text = buf_make(4096);
    int code = CTL_NO;

    if (status == 401 || status == 403)
        code = APP_CONFIG;
    else if (status == 408 || status == 429 || status >= 500)
        code = APP_UNAVAILABLE;
    log_redact(&text, detail ? str_of(detail) : (struct str){answer->p, answer->n < 500 ? answer->n : 500});
    ctl_fail(c, code, "%s %s: HTTP %ld%s%s", o->method, o->path, status, text.n ? ": " : "",
             text.n ? text.p : "");
    buf_free(&text);
    json_decref(j);
    return code;
}

int
ctl_http(struct ctl *c, const struct ctl_call *o, json_t **answer)
{
    struct call call = {.curl = curl_easy_init(), .answer = buf_make(CTL_PAGE_MAX)};
    CURLcode cc = CURLE_OK;
    long status = 0;
    int code = call.curl ? 0 : ctl_fail(c, APP_BUG, "curl cannot start");

    *answer = NULL;
    if (!code)
        code = set_headers(c, o, &call);
    if (!code)
        code = set_up(c, o, &call);
    if (!code) {
        curl_easy_setopt(call.curl, CURLOPT_HTTPHEADER, call.headers);
        cc = curl_easy_perform(call.curl);
        curl_easy_getinfo(call.curl, CURLINFO_RESPONSE_CODE, &status);
        if (cc != CURLE_OK)
            code = ctl_fail(c, APP_UNAVAILABLE, "the gateway does not answer: %s", curl_easy_strerror(cc));
        else if (status < 200 || status > 299)
            code = refused(c, o, status, &call.answer);
        else
            *answer = json_loadb(call.answer.p ? call.answer.p : "", call.answer.n, 0, NULL);
    }
    curl_slist_free_all(call.headers);
    if (call.curl)
        curl_easy_cleanup(call.curl);
    buf_free(&call.answer);
    return code;
}
