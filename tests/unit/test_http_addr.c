/* Which addresses are the public internet's, row by row, and networks that are opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "common/base/str.h"
#include "common/http/addr.h"

static struct sockaddr_storage
at(const char *ip)
{
    struct sockaddr_storage s = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&s;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s;

    s.ss_family = strchr(ip, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(s.ss_family, ip, s.ss_family == AF_INET ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr) !=
        1)
        fail_msg("%s is no address", ip);
    return s;
}

static bool
is_public(const char *ip)
{
    struct sockaddr_storage s = at(ip);

    return addr_public((const struct sockaddr *)&s);
}

static const struct {
    const char *ip;
    bool want;
} verdict[] = {
    /* IPv4: both ends of every closed range, and the neighbours outside */
    {"0.0.0.0", false},
    {"0.255.255.255", false},
    {"1.0.0.0", true},
    {"9.255.255.255", true},
    {"10.0.0.0", false},
    {"10.255.255.255", false},
    {"11.0.0.0", true},
    {"100.63.255.255", true},
    {"100.64.0.0", false},
    {"100.127.255.255", false},
    {"100.128.0.0", true},
    {"126.255.255.255", true},
    {"127.0.0.1", false},
    {"127.255.255.255", false},
    {"128.0.0.0", true},
    {"169.253.255.255", true},
    {"169.254.0.0", false},
    {"169.254.169.254", false},
    {"169.255.0.0", true},
    {"172.15.255.255", true},
    {"172.16.0.0", false},
    {"172.31.255.255", false},
    {"172.32.0.0", true},
    {"191.255.255.255", true},
    {"192.0.0.0", false},
    {"192.0.0.255", false},
    {"192.0.1.0", true},
    {"192.0.2.1", false},
    {"192.0.3.0", true},
    {"192.88.98.255", true},
    {"192.88.99.1", false},
    {"192.88.100.0", true},
    {"192.167.255.255", true},
    {"192.168.0.0", false},
    {"192.168.255.255", false},
    {"192.169.0.0", true},
    {"198.17.255.255", true},
    {"198.18.0.0", false},
    {"198.19.255.255", false},
    {"198.20.0.0", true},
    {"198.51.99.255", true},
    {"198.51.100.7", false},
    {"198.51.101.0", true},
    {"203.0.112.255", true},
    {"203.0.113.9", false},
    {"203.0.114.0", true},
    {"223.255.255.255", true},
    {"224.0.0.1", false},
    {"239.255.255.255", false},
    {"240.0.0.1", false},
    {"255.255.255.254", false},
    {"255.255.255.255", false},
    {"8.8.8.8", true},
    {"103.28.12.1", true},
    /* IPv6 of its own */
    {"::", false},
    {"::1", false},
    {"100::1", false},
    {"fc00::1", false},
    {"fd12:3456::1", false},
    {"fdff:ffff::1", false},
    {"fe80::1", false},
    {"febf::1", false},
    {"fec0::1", false},
    {"ff02::1", false},
    {"ff0e::1", false},
    {"2001:db8::1", false},
    {"2001:db8:ffff::1", false},
    {"2001:db7::1", true},
    {"2001:db9::1", true},
    {"3fff::1", false},
    {"3fff:fff:ffff::1", false},
    {"3fff:1000::1", true},
    {"2001:2::1", false},
    {"2001:10::1", false},
    {"2001:1ff::1", false},
    {"2001:200::1", true},
    {"2001:4860:4860::8888", true},
    {"2404:6800::1", true},
    {"1fff::1", false},
    {"4000::1", false},
    {"5f00::1", false},
    {"2606:4700::1111", true},
    /* IPv6 around IPv4 */
    {"::ffff:127.0.0.1", false},
    {"::ffff:10.1.2.3", false},
    {"::ffff:169.254.169.254", false},
    {"::ffff:8.8.8.8", true},
    {"::ffff:0:127.0.0.1", false},
    {"::ffff:0:8.8.8.8", false},
    {"::127.0.0.1", false},
    {"::192.168.1.1", false},
    {"::8.8.8.8", true},
    {"64:ff9b::127.0.0.1", false},
    {"64:ff9b::10.0.0.1", false},
    {"64:ff9b::8.8.8.8", true},
    {"64:ff9b::1:8.8.8.8", false},
    {"64:ff9b:1::8.8.8.8", false},
    {"64:ff9b:1:808:8:800::", false},
    {"64:ff9b:2::1", false},
    {"2002:7f00:1::", false},
    {"2002:a00:1::1", false},
    {"2002:c0a8:101::1", false},
    {"2002:a9fe:a9fe::", false},
    {"2002:808:808::1", true},
    {"2001:0:808:808::f7f7:f7f7", true},  /* both 8.8.8.8 */
    {"2001:0:808:808::80ff:fffe", false}, /* client 127.0.0.1 */
    {"2001:0:7f00:1::f7f7:f7f7", false},  /* server 127.0.0.1 */
    {"2001:0:808:808::7f00:1", true},     /* client 128.255.255.254 */
    {"2001:1::1", false},
    {"3ffe::1", false}, /* the 6bone */
    {"3ffd:ffff::1", true},
};

static void
public_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof verdict / sizeof *verdict; i++)
        if (is_public(verdict[i].ip) != verdict[i].want)
            fail_msg("%s: public is %d, should be %d", verdict[i].ip, !verdict[i].want, verdict[i].want);
}

/* Of a network every address is asked, of one address the same as above but for what carries IPv4. */
static void
networks_that_are_public(void **state)
{
    static const struct {
        const char *net;
        bool want;
    } row[] = {
        {"8.8.8.0/24", true},
        {"8.8.8.8/32", true},
        {"8.8.8.8", true},
        {"8.0.0.0/7", true},
        {"8.0.0.0/6", false}, /* holds 10/8 */
        {"10.0.0.0/8", false},
        {"10.1.2.0/24", false},
        {"128.0.0.0/1", false},
        {"0.0.0.0/1", false},
        {"192.0.0.0/22", false},
        {"192.0.4.0/22", true},
        {"224.0.0.0/4", false},
        {"2000::/3", false},
        {"2000::/16", true},
        {"::/2", false},
        {"2001:4860::/32", true},
        {"2001::/16", false},
        {"2001:db8:1::/48", false},
        {"2001:d00::/24", false},
        {"3ffe::/16", false},
        {"3ffe:1::/32", false},
        {"3fff:1000::/20", true},
        {"2002::/16", false},
        {"2002:808:808::/48", false},
        {"2002:808:808::1", false},
        {"2001:0:808:808::f7f7:f7f7", false},
        {"64:ff9b::808:808", false},
        {"::808:808", false},
        {"fc00::/7", false},
        {"4000::/3", false},
        {"2404:6800::1", true},
    };
    struct addr_net none = {0};

    (void)state;
    assert_false(addr_net_public(&none));
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct addr_net net;

        if (!addr_parse_cidr(row[i].net, &net))
            fail_msg("%s is no network", row[i].net);
        if (addr_net_public(&net) != row[i].want)
            fail_msg("%s: public is %d, should be %d", row[i].net, !row[i].want, row[i].want);
    }
}

static void
other_families_are_not_public(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    struct sockaddr odd = {.sa_family = 200};
    struct addr_net any;

    (void)state;
    assert_false(addr_public((const struct sockaddr *)&un));
    assert_false(addr_public(&none));
    assert_false(addr_public(&odd));
    assert_true(addr_parse_cidr("128.0.0.0/1", &any));
    assert_false(addr_in(&any, &none));
    assert_false(addr_in(&any, (const struct sockaddr *)&un));
}

static void
networks_hold_their_addresses(void **state)
{
    static const struct {
        const char *net;
        const char *ip;
        bool want;
    } row[] = {
        {"10.0.0.0/8", "10.0.0.0", true},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
        {"10.0.0.0/8", "::10.1.1.1", false},
        {"10.0.0.0/8", "64:ff9b::10.1.1.1", false},
        {"10.0.0.0/8", "a00::", false},
        {"192.168.4.0/22", "192.168.7.255", true},
        {"192.168.4.0/22", "192.168.8.0", false},
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"127.0.0.1/32", "127.0.0.1", true},
        {"128.0.0.0/1", "255.255.255.255", true},
        {"128.0.0.0/1", "127.255.255.255", false},
        {"fd00::/8", "fd12::1", true},
        {"fd00::/8", "fc12::1", false},
        {"fd00::/8", "253.0.0.1", false},
        {"fd12:3456:789a::/47", "fd12:3456:789b:ffff::1", true},
        {"::1", "::1", true},
        {"::1", "::2", false},
        {"2001:db8::/32", "2001:db8:ffff::", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"8000::/1", "::ffff:10.0.0.1", false},
    };
    struct addr_net net;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct sockaddr_storage s = at(row[i].ip);

        assert_true(addr_parse_cidr(row[i].net, &net));
        if (addr_in(&net, (const struct sockaddr *)&s) != row[i].want)
            fail_msg("%s in %s should be %d", row[i].ip, row[i].net, row[i].want);
    }
}

static void
bad_networks(void **state)
{
    static const char *const bad[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/0",
        "::/0",
        "10.0.0.0/8x",
        "10.1.0.0/8",
        "10.0.0.1/31",
        "10.0.0/8",
        "10/8",
        "010.0.0.0/8",
        "10.0.0.0/8/8",
        "fd00::/129",
        "fd00:1::/16",
        "fe80::1%eth0",
        "host",
        "host/8",
        " 10.0.0.0/8",
        "10.0.0.0 /8",
        "::ffff:10.0.0.0/104",
        "1111:2222:3333:4444:5555:6666:7777:88888888888/8",
    };
    static const struct addr_net zero;
    struct addr_net net;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        net = (struct addr_net){.family = AF_INET, .bits = 3};
        if (addr_parse_cidr(bad[i], &net))
            fail_msg("taken: '%s'", bad[i]);
        assert_memory_equal(&net, &zero, sizeof net);
    }
    assert_false(addr_parse_cidr(NULL, &net));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_or_not),
        cmocka_unit_test(networks_that_are_public),
        cmocka_unit_test(other_families_are_not_public),
        cmocka_unit_test(networks_hold_their_addresses),
        cmocka_unit_test(bad_networks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
