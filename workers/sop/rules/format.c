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
    struct buf tmp = buf_make(64);
    bool ok = normal_phone(s, &tmp);

    (void)arg;
    buf_free(&tmp);
    return ok;
}

/* ---- hosts ------------------------------------------------------------------------------------------------------ */

static bool
is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool
is_label(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_letter(s.p[i]) && (s.p[i] < '0' || s.p[i] > '9') && (s.p[i] != '-' || i == 0 || i + 1 == s.n))
            return false;
    return s.n > 0 && s.n <= 63;
}

/* Whether it is a host by name of at least two labels, the last of two characters or more and no number; `*last` takes
 * where the last two begin. */
static bool
is_host(struct str s, size_t *last)
{
    size_t from = 0;
    size_t labels = 0;
    size_t before = 0;

    for (size_t i = 0; i <= s.n && s.n <= 253; i++) {
        if (i < s.n && s.p[i] != '.')
            continue;
        if (!is_label((struct str){s.p + from, i - from}))
            return false;
        labels++;
        if (i == s.n)
            break;
        before = from;
        from = i + 1;
    }
    *last = before;
    return labels >= 2 && is_letter(s.p[from]) && s.n - from >= 2;
}

bool
format_host_go_id(struct str s, void *arg)
{
    const char *at = s.n ? memrchr(s.p, '@', s.n) : NULL;
    struct str host = at ? (struct str){at + 1, s.n - (size_t)(at + 1 - s.p)} : s;
    size_t last;

    (void)arg;
    return is_host(host, &last) && last > 0 && host.n - last == 5 &&
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

struct str
format_https_host(struct str url)
{
    struct str scheme = STR("https://");
    struct str rest;
    size_t n = 0;
    size_t host;
    size_t last;

    if (!str_starts(url, scheme) || !is_printable(url))
        return STR_NULL;
    rest = (struct str){url.p + scheme.n, url.n - scheme.n};
    while (n < rest.n && !strchr("/?#", rest.p[n]))
        n++;
    for (host = 0; host < n && rest.p[host] != ':'; host++)
        ;
    if (host < n && !is_port((struct str){rest.p + host + 1, n - host - 1}))
        return STR_NULL;
    return is_host((struct str){rest.p, host}, &last) ? (struct str){rest.p, host} : STR_NULL;
}

bool
format_https_url(struct str s, void *arg)
{
    (void)arg;
    return format_https_host(s).p != NULL;
}
