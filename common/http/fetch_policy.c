#include "common/http/fetch_priv.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

enum { HOST_MAX = 253, LITERAL_MAX = INET6_ADDRSTRLEN + 2 };

/* ---- hosts ---------------------------------------------------------------------------------------------------- */

/* Printable, no blank, no backslash (which some readers take for a slash), not endless. */
static bool
clean(const char *z)
{
    size_t n = 0;

    for (; z[n]; n++)
        if ((unsigned char)z[n] <= ' ' || z[n] == 0x7f || z[n] == '\\')
            return false;
    return n && n <= FETCH_URL_MAX;
}

/* Letters, digits and hyphens between single dots, none at the ends: "host." would be another text for the same host. */
static bool
good_name(const char *host)
{
    size_t n = strlen(host);

    return n && n <= HOST_MAX && strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == n &&
           host[0] != '.' && host[n - 1] != '.' && !strstr(host, "..");
}

/* "[v6]" in the one form that inet_ntop writes, into `text`; false when it is none. */
static bool
literal(const char *host, char text[LITERAL_MAX])
{
    struct in6_addr ip;
    size_t n = strlen(host);

    if (n < 4 || n - 2 >= INET6_ADDRSTRLEN || host[n - 1] != ']')
        return false;
    memcpy(text, host, n);
    text[n - 1] = '\0';
    if (inet_pton(AF_INET6, text + 1, &ip) != 1 || !inet_ntop(AF_INET6, &ip, text + 1, INET6_ADDRSTRLEN))
        return false;
    n = strlen(text);
    text[n] = ']';
    text[n + 1] = '\0';
    return true;
}

/* libcurl's reader of addresses. That memory ran out in it is no judgement on the address. */
struct reader {
    CURLU *u;
    bool out_of_memory;
};

/* libcurl does not always say that it was memory: errno does. */
static void
note_memory(struct reader *r, CURLUcode code)
{
    r->out_of_memory |= code == CURLUE_OUT_OF_MEMORY || (code && errno == ENOMEM);
}

static bool
put(struct reader *r, CURLUPart part, const char *value, unsigned flags)
{
    CURLUcode code;

    errno = 0;
    code = curl_url_set(r->u, part, value, flags);
    note_memory(r, code);
    return code == CURLUE_OK;
}

/* A part of the address, to curl_free; NULL when it is absent or memory is out. */
static char *
part_of(struct reader *r, CURLUPart part, unsigned flags)
{
    char *got = NULL;
    CURLUcode code;

    errno = 0;
    code = curl_url_get(r->u, part, &got, flags);
    note_memory(r, code);
    return code ? NULL : got;
}

static bool
has(struct reader *r, CURLUPart part)
{
    char *got = part_of(r, part, 0);

    curl_free(got);
    return got != NULL;
}

static bool
copy(struct reader *r, const char *z, char **ret)
{
    *ret = str_dup(str_of(z));
    r->out_of_memory |= !*ret;
    return *ret != NULL;
}

static bool
is_ascii(const char *z)
{
    while (*z && !(*z & 0x80))
        z++;
    return !*z;
}

/* The host in the form of IDNA, to curl_free. libcurl reads names in the locale's encoding, which here is not the
 * program's business: they are UTF-8. It calls any bad name a lack of memory. */
static char *
ascii_host(struct reader *r)
{
    char *got = part_of(r, CURLUPART_HOST, 0);
    locale_t utf8;
    locale_t old;

    if (!got || is_ascii(got))
        return got;
    curl_free(got);
    got = NULL;
    utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (!utf8)
        return NULL;
    old = uselocale(utf8);
    curl_url_get(r->u, CURLUPART_HOST, &got, CURLU_PUNYCODE);
    uselocale(old);
    freelocale(utf8);
    return got;
}

/* The host as curl would send it, lower-case, to free; NULL when it is none that we take. */
static char *
host_of(struct reader *r)
{
    char *got = ascii_host(r);
    char *host = NULL;
    char text[LITERAL_MAX];

    if (!got)
        return NULL;
    for (char *p = got; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    if (good_name(got))
        copy(r, got, &host);
    else if (got[0] == '[' && literal(got, text))
        copy(r, text, &host);
    curl_free(got);
    return host;
}

static unsigned
port_of(struct reader *r, unsigned flags)
{
    char *got = part_of(r, CURLUPART_PORT, flags);
    int64_t n = 0;

    str_int(str_of(got), &n);
    curl_free(got);
    return n > 0 && n < 65536 ? (unsigned)n : 0;
}

static bool
parse_host(struct reader *r, const char *text, struct policy_host *ret)
{
    char url[HOST_MAX * 4];
    struct in_addr ip;

    if (strpbrk(text, "/?#@") || snprintf(url, sizeof url, "https://%s/", text) >= (int)sizeof url ||
        !put(r, CURLUPART_URL, url, 0) || has(r, CURLUPART_ZONEID))
        return false;
    ret->name = host_of(r);
    ret->port = port_of(r, 0);
    if (!ret->name || (!ret->port && (has(r, CURLUPART_PORT) || text[strlen(text) - 1] == ':')))
        return false;
    return !ret->below || (ret->name[0] != '[' && inet_pton(AF_INET, ret->name, &ip) != 1);
}

/* ".name" from "name". */
static bool
dot_in_front(struct policy_host *h)
{
    size_t n = strlen(h->name);
    char *dotted = malloc(n + 2);

    if (!dotted)
        return false;
    dotted[0] = '.';
    memcpy(dotted + 1, h->name, n + 1);
    free(h->name);
    h->name = dotted;
    return true;
}

bool
policy_host(const char *text, bool below, struct policy_host *ret)
{
    struct reader r = {.u = curl_url()};
    bool ok;

    *ret = (struct policy_host){.below = below && str_starts(str_of(text), STR("*."))};
    ok = r.u && clean(text) && parse_host(&r, text + (ret->below ? 2 : 0), ret) &&
         (!ret->below || dot_in_front(ret));
    curl_url_cleanup(r.u);
    if (ok)
        return true;
    free(ret->name);
    *ret = (struct policy_host){0};
    return false;
}

/* `own` is the port that an entry without one means. */
static bool
is_host(const struct policy_host *h, const struct target *t, unsigned own)
{
    struct str host = str_of(t->host);
    struct str name = str_of(h->name);

    if (t->port != (h->port ? h->port : own))
        return false;
    return h->below ? str_ends(host, name) : str_eq(host, name);
}

/* ---- what the operator set ------------------------------------------------------------------------------------ */

static size_t
count(const char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

static enum res
read_hosts(struct policy *p, const char *const *list, struct err *e)
{
    p->host = calloc(count(list) + 1, sizeof *p->host);
    if (!p->host)
        return err_set(e, RES_FATAL, "out of memory");
    for (; list && *list; list++)
        if (!policy_host(*list, true, &p->host[p->hosts++]))
            return err_set(e, RES_FATAL, "not a host, host:port or *.host: %s", *list);
    return RES_OK;
}

static enum res
read_nets(struct policy *p, const char *const *list, struct err *e)
{
    p->net = calloc(count(list) + 1, sizeof *p->net);
    if (!p->net)
        return err_set(e, RES_FATAL, "out of memory");
    for (; list && *list; list++)
        if (!addr_parse_cidr(*list, &p->net[p->nets++]))
            return err_set(e, RES_FATAL, "not a network such as 10.1.0.0/16: %s", *list);
    return RES_OK;
}

static enum res
read_root(struct policy *p, const char *root, struct err *e)
{
    struct str given = str_of(root);
    struct stat st;

    while (given.n && given.p[given.n - 1] == '/')
        given.n--;
    p->root = str_dup(given);
    p->root_real = realpath(root, NULL);
    if (!p->root)
        return err_set(e, RES_FATAL, "out of memory");
    if (!p->root_real || stat(p->root_real, &st))
        return err_set(e, RES_FATAL, "the folder of files %s: %s", root, strerror(errno));
    if (!S_ISDIR(st.st_mode) || root[0] != '/')
        return err_set(e, RES_FATAL, "the folder of files must be a folder with its whole path: %s", root);
    if (!strcmp(p->root_real, "/"))
        return err_set(e, RES_FATAL, "the folder of files must not be /, which is every file");
    return RES_OK;
}

enum res
policy_init(struct policy *p, const struct fetch_opts *opts, struct err *e)
{
    enum res res;

    *p = (struct policy){.allow_http = opts->allow_http};
    if ((res = read_hosts(p, opts->allow, e)) || (res = read_nets(p, opts->allow_net, e)))
        return res;
    if (opts->file_root && (res = read_root(p, opts->file_root, e)))
        return res;
    if (opts->credentials && (res = cred_text(p, opts->credentials, e)))
        return res;
    return opts->credentials_file ? cred_read(p, opts->credentials_file, e) : RES_OK;
}

void
policy_free(struct policy *p)
{
    for (size_t i = 0; i < p->hosts; i++)
        free(p->host[i].name);
    for (size_t i = 0; i < p->creds; i++) {
        free(p->cred[i].host.name);
        free(p->cred[i].header);
    }
    free(p->host);
    free(p->net);
    free(p->cred);
    free(p->root);
    free(p->root_real);
}

/* ---- judging -------------------------------------------------------------------------------------------------- */

void
target_free(struct target *t)
{
    free(t->url);
    free(t->host);
    free(t->path);
    *t = (struct target){0};
}

static bool
is_allowed(const struct policy *p, const struct target *t)
{
    for (size_t i = 0; i < p->hosts; i++)
        if (is_host(&p->host[i], t, t->https ? 443 : 80))
            return true;
    return false;
}

static const char no_address[] = "not an address that can be fetched";

static enum res
refuse(const struct reader *r, struct err *e, const char *why)
{
    if (r->out_of_memory)
        return err_set(e, RES_RETRY, "out of memory");
    return err_set(e, RES_REJECT, "%s", why);
}

/* The address written out again from its parts, so that nobody after us can read it otherwise. */
static enum res
write_out(struct reader *r, struct target *t, struct err *e)
{
    char *url = NULL;

    if (put(r, CURLUPART_HOST, t->host, 0) && put(r, CURLUPART_FRAGMENT, NULL, 0))
        url = part_of(r, CURLUPART_URL, 0);
    if (url)
        copy(r, url, &t->url);
    curl_free(url);
    return t->url ? RES_OK : refuse(r, e, no_address);
}

static enum res
judge_http(const struct policy *p, struct reader *r, struct target *t, struct err *e)
{
    if (!t->https && !p->allow_http)
        return err_set(e, RES_REJECT, "only https is allowed");
    if (has(r, CURLUPART_USER) || has(r, CURLUPART_PASSWORD) || has(r, CURLUPART_OPTIONS))
        return err_set(e, RES_REJECT, "an address must not hold a user name or password");
    t->host = has(r, CURLUPART_ZONEID) ? NULL : host_of(r);
    t->port = port_of(r, CURLU_DEFAULT_PORT);
    if (!t->host || r->out_of_memory)
        return refuse(r, e, "the address has no host name that can be asked");
    if (!is_allowed(p, t))
        return err_set(e, RES_REJECT, "the host is not one of those that may be asked");
    return write_out(r, t, e);
}

/* `path` behind the root and a slash; NULL when it is elsewhere. */
static const char *
below(const char *root, const char *path)
{
    size_t n = strlen(root);

    return !strncmp(path, root, n) && path[n] == '/' && path[n + 1] ? path + n + 1 : NULL;
}

/* file_open walks the path and follows no link; this only takes the root off. */
static enum res
judge_file(const struct policy *p, struct reader *r, struct target *t, struct err *e)
{
    char *path;
    const char *rest;

    if (!p->root)
        return err_set(e, RES_REJECT, "files are not allowed");
    if (has(r, CURLUPART_QUERY) || !(path = part_of(r, CURLUPART_PATH, CURLU_URLDECODE)))
        return refuse(r, e, "not the path of a file");
    if (!(rest = below(p->root, path)))
        rest = below(p->root_real, path);
    if (rest)
        copy(r, rest, &t->path);
    curl_free(path);
    return t->path ? RES_OK : refuse(r, e, "the file is not below the folder of files");
}

static enum res
judge(const struct policy *p, struct reader *r, struct target *t, struct err *e)
{
    char *scheme = part_of(r, CURLUPART_SCHEME, 0);
    enum res res;

    if (!scheme)
        return refuse(r, e, no_address);
    t->https = !strcasecmp(scheme, "https");
    if (t->https || !strcasecmp(scheme, "http"))
        res = judge_http(p, r, t, e);
    else if (!strcasecmp(scheme, "file"))
        res = judge_file(p, r, t, e);
    else
        res = err_set(e, RES_REJECT, "addresses of this scheme are not fetched");
    curl_free(scheme);
    return res;
}

enum res
policy_judge(const struct policy *p, const char *base, const char *ref, struct target *ret, struct err *e)
{
    struct reader r = {.u = curl_url()};
    enum res res;

    *ret = (struct target){0};
    r.out_of_memory = !r.u;
    if (r.u && ref && clean(ref) && (!base || put(&r, CURLUPART_URL, base, 0)) &&
        put(&r, CURLUPART_URL, ref, CURLU_URLENCODE))
        res = judge(p, &r, ret, e);
    else
        res = refuse(&r, e, no_address);
    curl_url_cleanup(r.u);
    if (res)
        target_free(ret);
    return res;
}

bool
policy_reach(const struct policy *p, const struct sockaddr *to)
{
    for (size_t i = 0; i < p->nets; i++)
        if (addr_in(&p->net[i], to))
            return true;
    return addr_public(to);
}

/* An entry without a port never goes out in the clear: it means https on 443, whatever else is allowed. */
const char **
policy_headers(const struct policy *p, const struct target *t)
{
    const char **ret = calloc(p->creds + 1, sizeof *ret);
    size_t n = 0;

    for (size_t i = 0; ret && i < p->creds; i++)
        if ((p->cred[i].host.port || t->https) && is_host(&p->cred[i].host, t, 443))
            ret[n++] = p->cred[i].header;
    return ret;
}
