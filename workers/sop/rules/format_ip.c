/* Addresses that the whole Internet can reach, as form PA.20 writes them. Which those are: common/http/addr.h. */
#include "common/http/addr.h"
#include "workers/sop/rules/format.h"

enum { CIDR_MAX = 64 };

static bool
is_public(struct str s, bool wide)
{
    char z[CIDR_MAX];
    struct addr_net net;

    if (s.n == 0 || s.n >= sizeof z || memchr(s.p, '\0', s.n) || wide != (memchr(s.p, '/', s.n) != NULL))
        return false;
    memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    return addr_parse_cidr(z, &net) && addr_net_public(&net);
}

bool
format_ip_public(struct str s, void *arg)
{
    (void)arg;
    return is_public(s, false);
}

bool
format_cidr_public(struct str s, void *arg)
{
    (void)arg;
    return is_public(s, true);
}
