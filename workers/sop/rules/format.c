#include "workers/sop/rules/format.h"

#include <strings.h>

#include "workers/sop/rules/nip.h"
#include "workers/sop/rules/normal.h"

enum res
format_add_all(struct schema_set *set, struct err *e)
{
    static const struct {
        const char *name;
        schema_format_fn fn;
    } all[] = {{"nip-pns", format_nip_pns},       {"nip-pppk", format_nip_pppk},
               {"host-go-id", format_host_go_id}, {"https-url", format_https_url},
               {"ip-publik", format_ip_public},   {"cidr-publik", format_cidr_public},
               {"telepon-id", format_phone}};

    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        if (schema_format_add(set, all[i].name, all[i].fn, NULL) != RES_OK)
            return err_set(e, RES_RETRY, "out of memory");
    return RES_OK;
}

/* ---- people ----------------------------------------------------------------------------------------------------- */

bool
format_nip_pns(struct str s, void *arg)
{
    struct nip nip;

    (void)arg;
    return nip_parse(s, &nip) && nip_fits(&nip, NIP_PNS);
}

bool
format_nip_pppk(struct str s, void *arg)
{
    struct nip nip;

    (void)arg;
    return nip_parse(s, &nip) && nip_fits(&nip, NIP_PPPK);
}

bool
format_phone(struct str s, void *arg)
{
    (void)arg;
    return normal_phone(s, NULL);
}

/* ---- hosts ------------------------------------------------------------------------------------------------------ */

static bool
is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* The length of what can be a label where `s` begins, but for hyphens at its ends. */
static size_t
label_length(struct str s)
{
    static const bool in_label[256] = {
        ['-'] = true, ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true};
    size_t n = 0;

    while (n < s.n && in_label[(unsigned char)s.p[n]])
        n++;
    return n;
}

/* The length of the host by name that `s` begins with: at least two labels, the last of two characters or more and no
 * number; `*last` takes where the last two begin. 0 when there is none. */
static size_t
host_length(struct str s, size_t *last)
{
    size_t from = 0;
    size_t before = 0;
    size_t n;

    *last = 0;
    for (;; from += n + 1) {
        struct str rest = {s.p + from, s.n - from};

        n = label_length(rest);
        if (n - 1 > 62 || rest.p[0] == '-' || rest.p[n - 1] == '-') /* none wraps round */
            return 0;
        if (n == rest.n || rest.p[n] != '.')
            break;
        before = from;
    }
    *last = before;
    return from > 0 && n >= 2 && from + n <= 253 && is_letter(s.p[from]) ? from + n : 0;
}

bool
format_host_go_id(struct str s, void *arg)
{
    const char *at = s.n ? memrchr(s.p, '@', s.n) : NULL;
    struct str host = at ? (struct str){at + 1, s.n - (size_t)(at + 1 - s.p)} : s;
    size_t last;

    (void)arg;
    return host_length(host, &last) == host.n && last > 0 && host.n - last == 5 &&
           strncasecmp(host.p + last, "go.id", 5) == 0;
}

static bool
is_port(struct str s)
{
    int64_t v;

    return s.n >= 1 && s.n <= 5 && s.p[0] >= '0' && s.p[0] <= '9' && str_int(s, &v) && v >= 1 && v <= 65535;
}

static bool
is_printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '!' || s.p[i] > '~')
            return false;
    return true;
}

static bool
ends_host(char c)
{
    return c == '/' || c == '?' || c == '#';
}

struct str
format_https_host(struct str url)
{
    struct str scheme = STR("https://");
    struct str rest;
    size_t host;
    size_t last;
    size_t n;

    if (!str_starts(url, scheme))
        return STR_NULL;
    rest = (struct str){url.p + scheme.n, url.n - scheme.n};
    n = host = host_length(rest, &last);
    while (host && n < rest.n && !ends_host(rest.p[n]))
        n++;
    if (!host ||
        (n > host && (rest.p[host] != ':' || !is_port((struct str){rest.p + host + 1, n - host - 1}))))
        return STR_NULL;
    return is_printable((struct str){rest.p + n, rest.n - n}) ? (struct str){rest.p, host} : STR_NULL;
}

bool
format_https_url(struct str s, void *arg)
{
    (void)arg;
    return format_https_host(s).p != NULL;
}
