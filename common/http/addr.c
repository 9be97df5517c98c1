#include "common/http/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "common/base/str.h"

struct range {
    uint8_t ip[16];
    unsigned bits;
};

static const struct range closed4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* carrier-grade NAT */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local, metadata services */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays, withdrawn */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, broadcast */
};

/* Inside of 2000::/3; all that is outside of it is closed. */
static const struct range closed6[] = {
    {{0x20, 0x01, 0x00}, 23},       /* protocol assignments; Teredo is taken out first */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
    {{0x3f, 0xfe}, 16},             /* the 6bone, given back */
};

static const struct range global6 = {{0x20}, 3};

/* Where an IPv6 address of this kind keeps an IPv4 one; `mask` is what its bytes were combined with. */
static const struct carrier {
    struct range range;
    unsigned at;
    uint8_t mask;
} carriers[] = {
    {{{[10] = 0xff, [11] = 0xff}, 96}, 12, 0},  /* mapped */
    {{{0}, 96}, 12, 0},                         /* compatible; :: and ::1 are in 0/8 then */
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12, 0},    /* NAT64 */
    {{{0x20, 0x02}, 16}, 2, 0},                 /* 6to4 */
    {{{0x20, 0x01, 0x00, 0x00}, 32}, 4, 0},     /* Teredo: its server */
    {{{0x20, 0x01, 0x00, 0x00}, 32}, 12, 0xff}, /* Teredo: its client, inverted */
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned rest = bits % 8;

    if (bits >= 8 && a[0] != b[0]) /* mostly */
        return false;
    return !memcmp(a, b, bits / 8) && (!rest || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0);
}

/* Whether the two have an address in common. */
static bool
overlaps(const struct range *r, const uint8_t *ip, unsigned bits)
{
    return same_bits(ip, r->ip, r->bits < bits ? r->bits : bits);
}

static bool
touches(const struct range *r, size_t n, const uint8_t *ip, unsigned bits)
{
    for (size_t i = 0; i < n; i++)
        if (overlaps(&r[i], ip, bits))
            return true;
    return false;
}

static bool
net_public4(const uint8_t *ip, unsigned bits)
{
    return !touches(closed4, COUNT(closed4), ip, bits);
}

/* What carries IPv4 addresses is not looked at. */
static bool
net_public6(const uint8_t *ip, unsigned bits)
{
    return bits >= global6.bits && overlaps(&global6, ip, bits) &&
           !touches(closed6, COUNT(closed6), ip, bits);
}

static bool
carried_is_public(const struct carrier *c, const uint8_t *ip)
{
    uint8_t v4[4];

    for (unsigned i = 0; i < 4; i++)
        v4[i] = ip[c->at + i] ^ c->mask;
    return net_public4(v4, 32);
}

static bool
public6(const uint8_t *ip)
{
    bool carries = false;

    for (size_t i = 0; i < COUNT(carriers); i++) {
        if (!same_bits(ip, carriers[i].range.ip, carriers[i].range.bits))
            continue;
        carries = true;
        if (!carried_is_public(&carriers[i], ip))
            return false;
    }
    return carries || net_public6(ip, 128);
}

/* The bytes of the address; NULL for a family that is none of ours. A mapped one is the IPv4 address. */
static const uint8_t *
bytes_of(const struct sockaddr *at, sa_family_t *family)
{
    const uint8_t *ip;

    *family = at->sa_family;
    if (*family == AF_INET)
        return (const uint8_t *)&((const struct sockaddr_in *)(const void *)at)->sin_addr;
    if (*family != AF_INET6)
        return NULL;
    ip = ((const struct sockaddr_in6 *)(const void *)at)->sin6_addr.s6_addr;
    if (!same_bits(ip, carriers[0].range.ip, carriers[0].range.bits))
        return ip;
    *family = AF_INET;
    return ip + carriers[0].at;
}

bool
addr_public(const struct sockaddr *at)
{
    sa_family_t family;
    const uint8_t *ip = bytes_of(at, &family);

    return ip && (family == AF_INET ? net_public4(ip, 32) : public6(ip));
}

bool
addr_net_public(const struct addr_net *net)
{
    if (net->family == AF_INET)
        return net->bits && net_public4(net->ip, net->bits);
    for (size_t i = 0; i < COUNT(carriers); i++)
        if (overlaps(&carriers[i].range, net->ip, net->bits))
            return false;
    return net->family == AF_INET6 && net_public6(net->ip, net->bits);
}

/* Nothing but zeros behind the prefix: else it was meant otherwise. */
static bool
clean_tail(const struct addr_net *net, unsigned whole)
{
    for (unsigned bit = net->bits; bit < whole; bit++)
        if (net->ip[bit / 8] & 0x80 >> bit % 8)
            return false;
    return true;
}

static bool
parse(const char *text, struct addr_net *net)
{
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    char ip[INET6_ADDRSTRLEN];
    unsigned whole;
    int64_t bits;

    if (n >= sizeof ip)
        return false;
    memcpy(ip, text, n);
    ip[n] = '\0';
    net->family = strchr(ip, ':') ? AF_INET6 : AF_INET;
    whole = net->family == AF_INET ? 32 : 128;
    bits = whole;
    if (inet_pton(net->family, ip, net->ip) != 1 || (slash && !str_int(str_of(slash + 1), &bits)) ||
        bits < 1 || bits > (int64_t)whole)
        return false;
    net->bits = (unsigned)bits;
    return clean_tail(net, whole) && !(whole == 128 && same_bits(net->ip, carriers[0].range.ip, 96));
}

bool
addr_parse_cidr(const char *text, struct addr_net *ret)
{
    *ret = (struct addr_net){0};
    if (text && parse(text, ret))
        return true;
    *ret = (struct addr_net){0};
    return false;
}

bool
addr_in(const struct addr_net *net, const struct sockaddr *at)
{
    sa_family_t family;
    const uint8_t *ip = bytes_of(at, &family);

    return ip && family == net->family && net->bits && same_bits(ip, net->ip, net->bits);
}
