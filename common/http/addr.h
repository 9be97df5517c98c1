/* addr: which addresses a program may reach for somebody else. An address that an outsider wrote can name the machine
 * itself, its network or a cloud's metadata service; what is judged is therefore the address that a connection goes to,
 * not the name that led there. Source: IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890). */
#ifndef HTTP_ADDR_H
#define HTTP_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* A network: the first `bits` of `ip` (4 or 16 bytes, in network order). */
struct addr_net {
    sa_family_t family; /* AF_INET or AF_INET6 */
    unsigned bits;
    uint8_t ip[16];
};

/* Whether `at` is an address of the public internet. An IPv6 address that carries an IPv4 one (mapped, compatible,
 * NAT64's 64:ff9b::/96, 6to4, Teredo) is as public as that is; the local NAT64 prefix 64:ff9b:1::/48 is not public,
 * because where it keeps the IPv4 address is its network's own choice. Families other than these two are not. */
bool addr_public(const struct sockaddr *at);

/* Reads "10.0.0.0/8", "fd00::/8" or a single address. False, with `*ret` zeroed, for anything else, bits set behind the
 * prefix, a mapped network (write the IPv4 one), or a prefix of 0, which would be everything. */
bool addr_parse_cidr(const char *text, struct addr_net *ret);

/* Whether every address of `net` is one of the public internet by itself: it is no wider than that and touches nothing
 * closed. What carries IPv4 addresses (6to4, Teredo) is nobody's own network and counts as closed. */
bool addr_net_public(const struct addr_net *net);

/* Whether `at` lies in `net`. A mapped IPv6 address (::ffff:10.0.0.1) counts as the IPv4 one that it reaches. */
bool addr_in(const struct addr_net *net, const struct sockaddr *at);

#endif
