/* Addresses that the whole Internet can reach: IANA's special-purpose registries (RFC 6890 and its successors). */
#include <arpa/inet.h>

#include "workers/sop/rules/format.h"

struct net {
    unsigned char addr[16];
    unsigned bits; /* of the prefix */
};

/* Private, loopback, link-local, shared, documentation, benchmarks, old 6to4 relays, multicast, reserved. */
static const struct net special4[] = {{{0}, 8},
                                      {{10}, 8},
                                      {{100, 64}, 10},
                                      {{127}, 8},
                                      {{169, 254}, 16},
                                      {{172, 16}, 12},
                                      {{192, 0, 0}, 24},
                                      {{192, 0, 2}, 24},
                                      {{192, 88, 99}, 24},
                                      {{192, 168}, 16},
                                      {{198, 18}, 15},
                                      {{198, 51, 100}, 24},
                                      {{203, 0, 113}, 24},
                                      {{224}, 3}};

/* Within 2000::/3: protocol assignments with Teredo, documentation twice, 6to4, the old 6bone. */
static const struct net special6[] = {{{0x20, 0x01}, 23},
                                      {{0x20, 0x01, 0x0d, 0xb8}, 32},
                                      {{0x3f, 0xff}, 20},
                                      {{0x20, 0x02}, 16},
                                      {{0x3f, 0xfe}, 16}};
static const struct net global6 = {{0x20}, 3};

/* Whether the first `bits` bits are the same. */
static bool
same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned char mask = (unsigned char)(0xff00u >> bits % 8);

    return memcmp(a, b, whole) == 0 && (bits % 8 == 0 || (a[whole] & mask) == (b[whole] & mask));
}

static bool
overlap(const struct net *a, const struct net *b)
{
    return same_bits(a->addr, b->addr, a->bits < b->bits ? a->bits : b->bits);
}

static bool
touches(const struct net *net, const struct net *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (overlap(net, &list[i]))
            return true;
    return false;
}

static bool
is_public(const struct net *net, int family)
{
    if (family == AF_INET)
        return !touches(net, special4, sizeof special4 / sizeof *special4);
    return net->bits >= global6.bits && overlap(net, &global6) &&
           !touches(net, special6, sizeof special6 / sizeof *special6);
}

/* The family that the address is of; 0 for anything else. */
static int
read_address(struct str s, unsigned char addr[16])
{
    char z[INET6_ADDRSTRLEN];
    int family;

    if (s.n == 0 || s.n >= sizeof z || memchr(s.p, '\0', s.n))
        return 0;
    memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    family = strchr(z, ':') ? AF_INET6 : AF_INET;
    return inet_pton(family, z, addr) == 1 ? family : 0;
}

bool
format_ip_public(struct str s, void *arg)
{
    struct net net = {0};
    int family = read_address(s, net.addr);

    (void)arg;
    net.bits = family == AF_INET ? 32 : 128;
    return family && is_public(&net, family);
}

/* No bit beyond the prefix. */
static bool
is_network(const struct net *net)
{
    struct net bare = {.bits = 128};

    for (unsigned i = 0; i < net->bits; i++)
        bare.addr[i / 8] |= (unsigned char)(net->addr[i / 8] & (0x80u >> i % 8));
    return memcmp(bare.addr, net->addr, sizeof bare.addr) == 0;
}

bool
format_cidr_public(struct str s, void *arg)
{
    const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL;
    struct net net = {0};
    int64_t bits;
    int family;

    (void)arg;
    if (!slash)
        return false;
    family = read_address((struct str){s.p, (size_t)(slash - s.p)}, net.addr);
    if (!family || !str_int((struct str){slash + 1, s.n - (size_t)(slash + 1 - s.p)}, &bits) || bits < 1 ||
        bits > (family == AF_INET ? 32 : 128))
        return false;
    net.bits = (unsigned)bits;
    return is_network(&net) && is_public(&net, family);
}
