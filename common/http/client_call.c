#include "common/http/client_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum { TIMEOUT_MS = 30000, CONNECT_MS = 3000, ANSWER_MAX = 1 << 20, MAX_AGE_S = 30 };

/* ---- a call's own memory -------------------------------------------------------------------------------------- */

enum res
client_check_url(const char *url, struct err *e)
{
    CURLU *u = curl_url();
    char *scheme = NULL;
    char *user = NULL;
    CURLUcode code = !u    ? CURLUE_OUT_OF_MEMORY
                     : url ? curl_url_set(u, CURLUPART_URL, url, 0)
                           : CURLUE_MALFORMED_INPUT;
    enum res res = RES_OK;

    if (!code)
        code = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
    if (code)
        res = code == CURLUE_OUT_OF_MEMORY ? err_set(e, RES_RETRY, "out of memory")
                                           : err_set(e, RES_REJECT, "not a URL that can be called");
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        res = err_set(e, RES_REJECT, "a URL must begin with http:// or https://, not %s", scheme);
    else if ((code = curl_url_get(u, CURLUPART_USER, &user, 0)) == CURLUE_OUT_OF_MEMORY)
        res = err_set(e, RES_RETRY, "out of memory");
    else if (!code)
        res = err_set(e, RES_REJECT, "a URL must not hold a user name or password");
    curl_free(scheme);
    curl_free(user);
    curl_url_cleanup(u);
    return res;
}

static bool
add_header(struct call *call, const char *line)
{
    struct curl_slist *list = curl_slist_append(call->headers, line);

    if (list)
        call->headers = list;
    return list != NULL;
}

/* A line end in a header would start another one. */
static bool
clean_headers(const char *const *headers)
{
    for (; headers && *headers; headers++)
        if (strpbrk(*headers, "\r\n"))
            return false;
    return true;
}

static bool
copy_headers(struct call *call, const char *const *headers)
{
    bool typed = false;
    bool ok = add_header(call, "Expect:");

    for (; ok && headers && *headers; headers++) {
        typed |= !strncasecmp(*headers, "content-type:", 13);
        ok = add_header(call, *headers);
    }
    return ok && (typed || add_header(call, "Content-Type:")); /* else curl would call it a web form */
}

enum res
call_new(const struct client_call *from, bool known, struct call **ret, struct err *e)
{
    struct call *call;
    enum res res = known ? RES_OK : client_check_url(from->url, e);

    *ret = NULL;
    if (!res && !clean_headers(from->headers))
        res = err_set(e, RES_REJECT, "a header holds a line end");
    if (res)
        return res;
    call = calloc(1, sizeof *call);
    if (!call)
        return err_set(e, RES_RETRY, "out of memory");
    call->method = str_dup(str_of(from->method));
    call->url = str_dup(str_of(from->url));
    call->body = str_dup(from->body);
    call->body_n = from->body.n;
    call->timeout_ms = from->timeout_ms > 0 ? from->timeout_ms : TIMEOUT_MS;
    call->fn = from->fn;
    call->arg = from->arg;
    call->head = from->head;
    call->sink = from->sink;
    call->answer = buf_make(from->answer_max ? from->answer_max : ANSWER_MAX);
    if (!call->method || !call->url || !call->body || !copy_headers(call, from->headers)) {
        call_free(call);
        return err_set(e, RES_RETRY, "out of memory");
    }
    *ret = call;
    return RES_OK;
}

void
call_free(struct call *call)
{
    if (!call)
        return;
    curl_slist_free_all(call->headers);
    buf_free(&call->answer);
    free(call->method);
    free(call->url);
    free(call->body);
    free(call->location);
    free(call->retry_after);
    free(call->length);
    free(call);
}

/* ---- while it runs -------------------------------------------------------------------------------------------- */

static long
bytes_sent(CURL *easy)
{
    long n = 0;

    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &n);
    return n;
}

static bool
repeatable(const struct call *call)
{
    return strcmp(call->method, "POST") != 0 && strcmp(call->method, "PATCH") != 0;
}

static bool
may_reach(struct call *call, const struct sockaddr *to)
{
    const struct client_opts *o = call->opts;
    bool may = !o->may_reach || o->may_reach(o->reach_arg, to);

    if (may)
        call->let++;
    else
        call->vetoed++;
    return may;
}

/* In place of curl's own socket(): the address is what the name led to, however it was written. */
static curl_socket_t
on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    if (purpose != CURLSOCKTYPE_IPCXN || !may_reach(arg, &to->addr))
        return CURL_SOCKET_BAD;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* A kept connection opens no socket, so its peer is judged here. What is no address that we can read is none to reach. */
static bool
may_reuse(struct call *call, const char *peer_ip)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (!call->opts->may_reach)
        return true;
    if (inet_pton(AF_INET, peer_ip, &v4.sin_addr) == 1)
        return may_reach(call, (const struct sockaddr *)&v4);
    if (inet_pton(AF_INET6, peer_ip, &v6.sin6_addr) == 1)
        return may_reach(call, (const struct sockaddr *)&v6);
    return false;
}

/* curl is about to write the request. When a kept connection dies without an answer it comes here again with a fresh
 * one; what was sent before may have been acted on, so a POST stops here. */
static int
on_ask(void *arg, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
    struct call *call = arg;
    long sent = bytes_sent(call->easy);

    (void)own_ip;
    (void)peer_port;
    (void)own_port;
    if (!may_reuse(call, peer_ip)) {
        call->let = 0; /* whatever stood before, this is where it ends */
        call->vetoed++;
        return CURL_PREREQFUNC_ABORT;
    }
    if (call->asked && sent > call->sent_base)
        call->sent_before = true;
    call->asked = true;
    call->sent_base = sent;
    return call->sent_before && !repeatable(call) ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
    struct call *call = arg;

    if (call->sink) {
        call->stopped |= !call->stopped && !call->sink(call->arg, (struct str){p, size * n});
        return call->stopped ? 0 : size * n;
    }
    buf_add(&call->answer, p, size * n);
    call->too_large |= call->answer.failed;
    return call->answer.failed ? 0 : size * n;
}

static struct str
trimmed(struct str s)
{
    while (s.n &&
           (s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n' || s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    while (s.n && (*s.p == ' ' || *s.p == '\t')) {
        s.p++;
        s.n--;
    }
    return s;
}

/* The value of header `name` from its line, kept in `*ret`. */
static bool
keep_header(struct str line, const char *name, char **ret)
{
    size_t n = strlen(name);

    if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
        return false;
    free(*ret);
    *ret = str_dup(trimmed((struct str){line.p + n + 1, line.n - n - 1}));
    return true;
}

static void
drop_headers(struct call *call)
{
    free(call->location);
    free(call->retry_after);
    free(call->length);
    call->location = call->retry_after = call->length = NULL;
}

/* Content-Length; what is no number is none, and what is beyond a number is too much for anybody. */
static int64_t
announced(const char *value)
{
    int64_t n;

    if (!value || !value[0] || strspn(value, "0123456789") != strlen(value))
        return -1;
    return str_int(str_of(value), &n) ? n : INT64_MAX;
}

/* The empty line after an answer's headers; those of a 1xx are only the prelude. */
static bool
end_of_head(struct call *call)
{
    struct client_head h = {.announced = announced(call->length)};
    long code = 0;

    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &code);
    h.code = (int)code;
    if (code < 200)
        return true;
    call->headed = true;
    call->stopped = call->head && !call->head(call->arg, &h);
    return !call->stopped;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
    struct call *call = arg;
    struct str line = {p, size * n};

    call->header_bytes += line.n;
    if (call->header_bytes > CLIENT_HEADERS_MAX) {
        call->too_large = true;
        return 0;
    }
    if (call->headed)
        return line.n;                    /* trailers change nothing */
    if (str_starts(line, STR("HTTP/"))) { /* after an interim answer (1xx): forget what that one said */
        drop_headers(call);
        return line.n;
    }
    if (!trimmed(line).n)
        return end_of_head(call) ? line.n : 0;
    if (!keep_header(line, "location", &call->location) &&
        !keep_header(line, "retry-after", &call->retry_after) && call->head)
        keep_header(line, "content-length", &call->length);
    return line.n;
}

/* ---- options -------------------------------------------------------------------------------------------------- */

static bool
set_z(CURL *easy, CURLoption opt, const char *z)
{
    return !z || curl_easy_setopt(easy, opt, z) == CURLE_OK;
}

static bool
set_n(CURL *easy, CURLoption opt, long n)
{
    return curl_easy_setopt(easy, opt, n) == CURLE_OK;
}

bool
call_prepare(CURL *easy, const struct client_opts *opts)
{
    bool ok = set_z(easy, CURLOPT_PROTOCOLS_STR, "http,https") && set_n(easy, CURLOPT_FOLLOWLOCATION, 0) &&
              set_n(easy, CURLOPT_NOSIGNAL, 1) &&
              set_z(easy, CURLOPT_PROXY, opts->proxy ? opts->proxy : "") &&
              set_z(easy, CURLOPT_NOPROXY, "") && set_n(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1) &&
              set_n(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2) &&
              set_n(easy, CURLOPT_SSL_VERIFYPEER, !opts->tls_insecure) &&
              set_n(easy, CURLOPT_SSL_VERIFYHOST, opts->tls_insecure ? 0 : 2) &&
              set_n(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) &&
              set_n(easy, CURLOPT_MAXAGE_CONN, MAX_AGE_S) && set_n(easy, CURLOPT_TCP_NODELAY, 1) &&
              set_n(easy, CURLOPT_CONNECTTIMEOUT_MS, opts->connect_ms ? (long)opts->connect_ms : CONNECT_MS);

    if (opts->slow_bytes)
        ok = ok && set_n(easy, CURLOPT_LOW_SPEED_LIMIT, opts->slow_bytes) &&
             set_n(easy, CURLOPT_LOW_SPEED_TIME, opts->slow_s);
    if (opts->ca_file) /* alone: else those of the system's folder would be trusted beside it */
        ok = ok && !curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    return ok && set_z(easy, CURLOPT_CAINFO, opts->ca_file) &&
           set_z(easy, CURLOPT_SSLCERT, opts->cert_file) && set_z(easy, CURLOPT_SSLKEY, opts->key_file) &&
           set_z(easy, CURLOPT_PINNEDPUBLICKEY, opts->pinned_key) &&
           set_z(easy, CURLOPT_USERAGENT, opts->user_agent);
}

static bool
set_method(struct call *call, CURL *easy)
{
    const char *custom = call->method;
    bool ok;

    if (!strcmp(call->method, "HEAD"))
        return set_n(easy, CURLOPT_HTTPGET, 1) && set_n(easy, CURLOPT_NOBODY, 1) &&
               !curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
    ok = set_n(easy, CURLOPT_HTTPGET, 1); /* takes NOBODY back */
    if (call->body_n || !strcmp(custom, "POST") || !strcmp(custom, "PUT") || !strcmp(custom, "PATCH"))
        ok = ok && set_n(easy, CURLOPT_POST, 1) && !curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body) &&
             !curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_n);
    if (!strcmp(custom, "POST") || (!strcmp(custom, "GET") && !call->body_n))
        custom = NULL;
    return ok && !curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, custom);
}

bool
call_attach(struct call *call, CURL *easy)
{
    call->easy = easy;
    return set_method(call, easy) && set_z(easy, CURLOPT_URL, call->url) &&
           !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers) &&
           set_n(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms) &&
           !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) &&
           !curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) &&
           !curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) &&
           !curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) &&
           !curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ask) &&
           !curl_easy_setopt(easy, CURLOPT_PREREQDATA, call) &&
           (!call->opts->may_reach || (!curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket) &&
                                       !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call))) &&
           !curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error) &&
           !curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
}

/* ---- the end -------------------------------------------------------------------------------------------------- */

static int64_t
retry_after_s(const char *value)
{
    int64_t s;
    time_t at;

    if (!value)
        return -1;
    if (str_int(str_of(value), &s))
        return s < 0 ? -1 : s;
    if (value[0] && strspn(value, "0123456789") == strlen(value))
        return INT64_MAX;
    at = curl_getdate(value, NULL);
    if (at == -1)
        return -1;
    s = (int64_t)at - (int64_t)time(NULL);
    return s < 0 ? 0 : s;
}

/* To curl an answer that ends amid its headers is a whole one. */
static bool
answered(const struct call *call, CURLcode code)
{
    return code == CURLE_OK && call->headed;
}

static enum client_fate
fate_of(const struct call *call, CURLcode code)
{
    if (answered(call, code))
        return CLIENT_ANSWERED;
    if (call->sent_before || (call->asked && bytes_sent(call->easy) > call->sent_base))
        return CLIENT_UNKNOWN;
    return CLIENT_NOT_SENT;
}

static const char *
sentence(struct call *call, CURLcode code)
{
    if (answered(call, code))
        return "";
    if (code == CURLE_OK)
        return "the answer ended amid its headers";
    if (call->vetoed && !call->let)
        return "the host's address is not one that may be reached";
    if (call->stopped)
        return "stopped by the reader";
    if (call->too_large)
        return "the answer is longer than this program reads";
    if (call->sent_before && code == CURLE_ABORTED_BY_CALLBACK)
        return "the kept connection ended after the request had been sent; not repeated by itself";
    if (!call->error[0])
        return curl_easy_strerror(code);
    call->error[strcspn(call->error, "?\r\n")] = '\0'; /* a query string is nobody's business */
    return call->error;
}

static bool
is_tls(const struct call *call, CURLcode code)
{
    static const CURLcode tls[] = {CURLE_SSL_CONNECT_ERROR,     CURLE_PEER_FAILED_VERIFICATION,
                                   CURLE_SSL_ENGINE_NOTFOUND,   CURLE_SSL_ENGINE_SETFAILED,
                                   CURLE_SSL_CERTPROBLEM,       CURLE_SSL_CIPHER,
                                   CURLE_USE_SSL_FAILED,        CURLE_SSL_ENGINE_INITFAILED,
                                   CURLE_SSL_CACERT_BADFILE,    CURLE_SSL_CRL_BADFILE,
                                   CURLE_SSL_ISSUER_ERROR,      CURLE_SSL_PINNEDPUBKEYNOTMATCH,
                                   CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT};

    for (size_t i = 0; i < sizeof tls / sizeof *tls; i++)
        if (code == tls[i])
            return true;
    /* TLS 1.3: a peer that does not accept our certificate says so only when the first answer is awaited */
    return (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) && strstr(call->error, "SSL_") &&
           strstr(call->error, "alert");
}

/* A time-out says where it came about only by what was done before. */
static enum client_cause
cause_of_time_out(const struct call *call)
{
    curl_off_t named = 0;

    curl_easy_getinfo(call->easy, CURLINFO_NAMELOOKUP_TIME_T, &named);
    if (call->asked || call->sent_before)
        return CLIENT_TIME_OUT;
    return named ? CLIENT_NO_CONNECT : CLIENT_NO_ADDRESS;
}

static enum client_cause
cause_of(const struct call *call, CURLcode code)
{
    if (answered(call, code))
        return CLIENT_NO_CAUSE;
    if (call->stopped || call->too_large || (call->vetoed && !call->let) || code == CURLE_OUT_OF_MEMORY)
        return CLIENT_OWN;
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY)
        return CLIENT_NO_ADDRESS;
    if (is_tls(call, code))
        return CLIENT_TLS;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return cause_of_time_out(call);
    return call->asked || call->sent_before ? CLIENT_CUT : CLIENT_NO_CONNECT;
}

void
call_answer(struct call *call, CURLcode code)
{
    struct client_answer a = {.fate = fate_of(call, code),
                              .cause = cause_of(call, code),
                              .retry_after_s = -1,
                              .error = sentence(call, code),
                              .vetoed = code && call->vetoed && !call->let,
                              .too_long = code && call->too_large};
    curl_off_t took = 0;
    long status = 0;

    curl_easy_getinfo(call->easy, CURLINFO_TOTAL_TIME_T, &took);
    a.took_us = took;
    if (a.fate == CLIENT_ANSWERED) {
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        a.code = (int)status;
        a.body = buf_view(&call->answer);
    }
    if (a.fate == CLIENT_ANSWERED || call->headed) {
        a.location = str_of(call->location);
        a.retry_after_s = retry_after_s(call->retry_after);
    }
    call->fn(call->arg, &a);
}
