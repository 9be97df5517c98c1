/* hostname (RFC 1123, A-labels by RFC 5891), ipv4, ipv6, email (RFC 5321) and idn-email (RFC 6531). */
#include "common/json/schema_format.h"

#include <arpa/inet.h>
#include <strings.h>

static bool
host_label(struct str s, void *arg)
{
    if (!s.n || s.n > 63 || s.p[0] == '-' || s.p[s.n - 1] == '-')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) && s.p[i] != '-')
            return false;
    if (s.n < 4 || s.p[2] != '-' || s.p[3] != '-')
        return true;
    return strncasecmp(s.p, "xn", 2) == 0 && schema_format_a_label(s, arg);
}

bool
schema_format_hostname(struct str s, void *arg)
{
    size_t from = 0;

    if (!s.n || s.n > 253)
        return false;
    for (size_t i = 0; i <= s.n; i++) {
        if (i < s.n && s.p[i] != '.')
            continue;
        if (!host_label((struct str){s.p + from, i - from}, arg))
            return false;
        from = i + 1;
    }
    return true;
}

static bool
address(struct str s, int family)
{
    unsigned char out[16];
    char z[64];

    if (!s.n || s.n >= sizeof z || memchr(s.p, '\0', s.n))
        return false;
    memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    return inet_pton(family, z, out) == 1;
}

bool
schema_format_ipv4(struct str s, void *arg)
{
    (void)arg;
    return address(s, AF_INET);
}

bool
schema_format_ipv6(struct str s, void *arg)
{
    (void)arg;
    return address(s, AF_INET6);
}

static bool
is_atom(char c, bool idn)
{
    return is_alnum(c) || is_one_of(c, "!#$%&'*+-/=?^_`{|}~") || (idn && (unsigned char)c >= 0x80);
}

static bool
quoted_local(struct str s, bool idn)
{
    if (s.n < 2 || s.p[s.n - 1] != '"')
        return false;
    for (size_t i = 1; i < s.n - 1; i++) {
        if (s.p[i] == '\\') {
            i++;
            if (i == s.n - 1)
                return false;
        } else if (s.p[i] == '"') {
            return false;
        }
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f || (!idn && (unsigned char)s.p[i] >= 0x80))
            return false;
    }
    return true;
}

static bool
local_part(struct str s, bool idn)
{
    if (!s.n || s.n > 64)
        return false;
    if (s.p[0] == '"')
        return quoted_local(s, idn);
    for (size_t i = 0; i < s.n; i++) {
        bool inner_dot = s.p[i] == '.' && i && i + 1 < s.n && s.p[i - 1] != '.';

        if (!inner_dot && !is_atom(s.p[i], idn))
            return false;
    }
    return true;
}

static bool
mail_domain(struct str s, bool idn, void *arg)
{
    if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']') {
        s = (struct str){s.p + 1, s.n - 2};
        if (s.n > 5 && strncasecmp(s.p, "IPv6:", 5) == 0)
            return address((struct str){s.p + 5, s.n - 5}, AF_INET6);
        return address(s, AF_INET);
    }
    return idn ? schema_format_idn_hostname(s, arg) : schema_format_hostname(s, arg);
}

static bool
mailbox(struct str s, bool idn, void *arg)
{
    const char *at = s.n ? memrchr(s.p, '@', s.n) : NULL;
    size_t n;

    if (!at || s.n > 320)
        return false;
    n = (size_t)(at - s.p);
    return local_part((struct str){s.p, n}, idn) && mail_domain((struct str){at + 1, s.n - n - 1}, idn, arg);
}

bool
schema_format_email(struct str s, void *arg)
{
    return mailbox(s, false, arg);
}

bool
schema_format_idn_email(struct str s, void *arg)
{
    return mailbox(s, true, arg);
}
