/* NIP, formats and normalisation of form PA.20: the vectors of the domain, and the edges of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "workers/sop/rules/format.h"
#include "workers/sop/rules/nip.h"
#include "workers/sop/rules/normal.h"

static bool
fits(const char *text, enum nip_kind kind)
{
    struct nip nip;

    return nip_parse(str_of(text), &nip) && nip_fits(&nip, kind);
}

/* Section 4 of the domain, word by word. */
static void
vectors(void **state)
{
    static const struct {
        const char *nip;
        bool pns, pppk;
    } t[] = {
        {"198502292010011001", false, false}, /* no such day */
        {"198402292010011001", true, true},   /* a leap day; as pppk 2010 and month-like are notes */
        {"197711201995121001", true, true},   /* exactly 18 */
        {"200001012017121001", false, true},  /* 17 */
        {"199009132025242014", false, true},  /* 24 is no month */
        {"199009132025122014", true, true},   /* month-like: a note as pppk */
        {"199009132015033001", false, false}, /* sex */
        {"199009132015031000", false, false}, /* sequence */
        {"131110468", false, false},          /* NIP lama */
    };

    (void)state;
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
        if (fits(t[i].nip, NIP_PNS) != t[i].pns || fits(t[i].nip, NIP_PPPK) != t[i].pppk)
            fail_msg("%s", t[i].nip);
        assert_int_equal(format_nip_pns(str_of(t[i].nip), NULL), t[i].pns);
        assert_int_equal(format_nip_pppk(str_of(t[i].nip), NULL), t[i].pppk);
    }
}

static void
parts(void **state)
{
    struct nip nip;

    (void)state;
    assert_true(nip_parse(STR("19840229 201001 1 001"), &nip));
    assert_int_equal(nip.born.y, 1984);
    assert_int_equal(nip.born.m, 2);
    assert_int_equal(nip.born.d, 29);
    assert_int_equal(nip.year, 2010);
    assert_int_equal(nip.month, 1);
    assert_int_equal(nip.sex, 1);
    assert_int_equal(nip.sequence, 1);
    assert_true(nip_parse(STR("1984.0229-2010\xc2\xa0"
                              "01 1 001"),
                          &nip));
    assert_false(nip_parse(STR("19840229/201001 1 001"), &nip));
    assert_int_equal(nip.year, 0);
    assert_false(nip_parse(STR("198402292010\xe2\x80\x89"
                               "011001"),
                           &nip)); /* a thin space is not one that is stripped */
    assert_false(nip_parse(STR("1984022920100110011"), &nip));
    assert_false(nip_parse(STR("18840229201001100"), &nip));
    assert_false(nip_parse(STR("188402292010011001"), &nip)); /* 1884 */
    assert_false(nip_parse(STR(""), &nip));
    assert_false(nip_parse(STR("\xd9\xa1"
                               "98402292010011001"),
                           &nip)); /* an Arabic digit */
}

static int64_t
day(int y, int m, int d)
{
    return caltime_day((struct caltime_date){y, m, d});
}

static void
ages(void **state)
{
    struct nip nip;

    (void)state;
    assert_true(nip_parse(STR("198402292010011001"), &nip));
    assert_int_equal(nip_age(&nip, day(2002, 2, 28)), 17);
    assert_int_equal(nip_age(&nip, day(2002, 3, 1)), 18);
    assert_int_equal(nip_age(&nip, day(2004, 2, 29)), 20);
    assert_int_equal(nip_age(&nip, day(1983, 2, 28)), -2);
    assert_int_equal(nip_age_appointed(&nip), 25);
    assert_true(nip_parse(STR("197711201995111001"), &nip)); /* the month of the 18th birthday */
    assert_int_equal(nip_age_appointed(&nip), 18);
    assert_true(nip_parse(STR("197711201995101001"), &nip));
    assert_int_equal(nip_age_appointed(&nip), 17);
    assert_true(nip_parse(STR("199009131980101001"), &nip)); /* appointed before birth */
    assert_int_equal(nip_age_appointed(&nip), -1);
}

static void
ahead(void **state)
{
    struct nip nip;

    (void)state;
    assert_true(nip_parse(STR("199011012025111001"), &nip));
    assert_true(nip_is_ahead(&nip, NIP_PNS, day(2025, 10, 31)));
    assert_false(nip_is_ahead(&nip, NIP_PNS, day(2025, 11, 1)));
    assert_false(nip_is_ahead(&nip, NIP_PPPK, day(2025, 1, 1)));
    assert_true(nip_is_ahead(&nip, NIP_PPPK, day(2024, 12, 31)));
}

/* ---- formats ---------------------------------------------------------------------------------------------------- */

struct sample {
    const char *text;
    bool good;
};

static void
check_all(bool (*format)(struct str s, void *arg), const struct sample *t, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (format(str_of(t[i].text), NULL) != t[i].good)
            fail_msg("%s is %s", t[i].text, t[i].good ? "good" : "bad");
}
#define CHECK_ALL(format, t) check_all((format), (t), sizeof(t) / sizeof *(t))

static void
hosts(void **state)
{
    static const struct sample t[] = {{"sri@batam.go.id", true},
                                      {"sri@BATAM.GO.ID", true},
                                      {"a@sub.dinas.batam.go.id", true},
                                      {"batam.go.id", true},
                                      {"sri@evilgo.id", false},
                                      {"sri@x.go.id.evil.example", false},
                                      {"sri@go.id", false},
                                      {"sri@.go.id", false},
                                      {"sri@batam.go.id.", false},
                                      {"sri@-batam.go.id", false},
                                      {"sri@batam_.go.id", false},
                                      {"sri@batam.go.id\n", false},
                                      {"sri@evil.example@batam.go.id",
                                       true}, /* that it is one address is the pattern's and email's to say */
                                      {"", false},
                                      {"@", false},
                                      {"sri@batam.xgo.id", false},
                                      {"sri@batam..go.id", false}};

    (void)state;
    CHECK_ALL(format_host_go_id, t);
}

static void
urls(void **state)
{
    static const struct sample t[] = {{"https://siptj.batam.go.id", true},
                                      {"https://siptj.batam.go.id/", true},
                                      {"https://siptj.batam.go.id:8443/a?b=c#d", true},
                                      {"https://siptj.batam.go.id?x", true},
                                      {"http://siptj.batam.go.id/", false},
                                      {"https://u:p@siptj.batam.go.id/", false},
                                      {"https://u@siptj.batam.go.id/", false},
                                      {"https://10.0.0.1/", false},
                                      {"https://103.100.20.30/", false},
                                      {"https://[2001:db8::1]/", false},
                                      {"https://localhost/", false},
                                      {"https://siptj.batam.go.id:0/", false},
                                      {"https://siptj.batam.go.id:65536/", false},
                                      {"https://siptj.batam.go.id:/", false},
                                      {"https://siptj.batam.go.id:+80/", false},
                                      {"https://siptj.batam.go.id\\@evil.example/", false},
                                      {"https://siptj.batam.go.id /", false},
                                      {"https://siptj.batam.go.id/\n", false},
                                      {"https:///x", false},
                                      {"https://", false},
                                      {"", false}};

    (void)state;
    CHECK_ALL(format_https_url, t);
    assert_true(str_is(format_https_host(STR("https://A.go.id:1/b")), "A.go.id"));
    assert_null(format_https_host(STR("https://10.0.0.1/")).p);
}

static void
addresses(void **state)
{
    static const struct sample t[] = {{"103.100.20.30", true},
                                      {"9.255.255.255", true},
                                      {"10.0.0.0", false},
                                      {"10.255.255.255", false},
                                      {"11.0.0.0", true},
                                      {"100.63.255.255", true},
                                      {"100.64.0.0", false},
                                      {"100.127.255.255", false},
                                      {"100.128.0.0", true},
                                      {"127.0.0.1", false},
                                      {"169.254.1.1", false},
                                      {"172.15.255.255", true},
                                      {"172.16.0.0", false},
                                      {"172.31.255.255", false},
                                      {"172.32.0.0", true},
                                      {"192.0.2.1", false},
                                      {"192.0.1.1", true},
                                      {"192.168.0.1", false},
                                      {"198.17.255.255", true},
                                      {"198.18.0.0", false},
                                      {"198.19.255.255", false},
                                      {"198.20.0.0", true},
                                      {"198.51.100.1", false},
                                      {"203.0.113.1", false},
                                      {"223.255.255.255", true},
                                      {"224.0.0.1", false},
                                      {"255.255.255.255", false},
                                      {"0.0.0.0", false},
                                      {"103.100.20", false},
                                      {"103.100.020.30", false},
                                      {"103.100.20.30/32", false},
                                      {"", false},
                                      {"2404:c0::1", true},
                                      {"2001:db8::1", false},
                                      {"2001::1", false},
                                      {"2001:1ff::1", false},
                                      {"2001:200::1", true},
                                      {"2002::1", false},
                                      {"3ffe::1", false},
                                      {"3fff::1", false},
                                      {"::1", false},
                                      {"::ffff:103.100.20.30", false},
                                      {"fc00::1", false},
                                      {"fe80::1", false},
                                      {"ff02::1", false},
                                      {"1fff::1", false},
                                      {"4000::1", false},
                                      {"2404::c0::1", false}};

    (void)state;
    CHECK_ALL(format_ip_public, t);
}

static void
ranges(void **state)
{
    static const struct sample t[] = {{"103.100.20.0/24", true},
                                      {"103.100.20.30/32", true},
                                      {"103.100.20.30/24", false},
                                      {"0.0.0.0/0", false},
                                      {"8.0.0.0/6", false}, /* holds 10/8 */
                                      {"8.0.0.0/7", true},
                                      {"172.0.0.0/8", false},
                                      {"103.100.20.0", false},
                                      {"103.100.20.0/33", false},
                                      {"103.100.20.0/", false},
                                      {"103.100.20.0/-1", false},
                                      {"/24", false},
                                      {"", false},
                                      {"2404:c0::/32", true},
                                      {"2404:c0::/129", false},
                                      {"::/0", false},
                                      {"2000::/3", false},
                                      {"2000::/2", false},
                                      {"2001::/16", false},
                                      {"2404:c0::1/64", false},
                                      {"2404:c0::1/128", true}};

    (void)state;
    CHECK_ALL(format_cidr_public, t);
}

/* ---- normalisation ---------------------------------------------------------------------------------------------- */

static void
phones(void **state)
{
    static const struct {
        const char *text, *normal; /* NULL: none */
    } t[] = {{"+6281200000001", "+6281200000001"},
             {"081200000001", "+6281200000001"},
             {"0778123456", "+62778123456"},
             {"0812 0000-0001", "+6281200000001"},
             {"0812.0000.0001", "+6281200000001"},
             {"+62 812 0000 0001", "+6281200000001"},
             {"+6512345678", NULL},
             {"0812000", NULL},
             {"08120000", NULL},
             {"012345678", "+6212345678"},
             {"0123456789012", "+62123456789012"},
             {"01234567890123", NULL},
             {"00812000000", NULL},
             {"0812000000a", NULL},
             {"6281200000001", NULL},
             {"", NULL}};

    (void)state;
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
        struct buf out = buf_make(64);
        bool ok = normal_phone(str_of(t[i].text), &out);

        if (ok != (t[i].normal != NULL) || (ok && !str_is(buf_view(&out), t[i].normal)))
            fail_msg("%s", t[i].text);
        assert_true(ok || out.n == 0);
        assert_int_equal(format_phone(str_of(t[i].text), NULL), ok);
        buf_free(&out);
    }
}

static void
letters(void **state)
{
    static const struct {
        const char *text, *normal;
    } t[] = {{"500.11/127/DISHUB/2025", "500.11/127/DISHUB/2025"},
             {"  500.11 / 127/dishub /2025 ", "500.11/127/DISHUB/2025"},
             {"B-12   tu\t2025", "B-12 TU 2025"},
             {"B-12\xc2\xa0TU 2025", "B-12 TU 2025"},
             {"B-12TU 2025", "B-12TU 2025"},
             {" ", ""}};

    (void)state;
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
        struct buf out = buf_make(256);

        normal_letter(str_of(t[i].text), &out);
        assert_true(str_is(buf_view(&out), t[i].normal));
        buf_free(&out);
    }
}

static void
blanks(void **state)
{
    static const struct str none[] = {STR_NULL, {"", 0}, {" ", 1}, {" \t\n\v\f\r\xc2\xa0 ", 9}};
    static const struct str some[] = {{"a", 1},    {" a", 2}, {"\xc2", 1},
                                      {"\xa0", 1}, {"\0", 1}, {"\xc2\xa0.", 3}};

    (void)state;
    for (unsigned i = 0; i < sizeof none / sizeof *none; i++)
        assert_true(normal_blank(none[i]));
    for (unsigned i = 0; i < sizeof some / sizeof *some; i++)
        assert_false(normal_blank(some[i]));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),   cmocka_unit_test(parts),  cmocka_unit_test(ages),
        cmocka_unit_test(ahead),     cmocka_unit_test(hosts),  cmocka_unit_test(urls),
        cmocka_unit_test(addresses), cmocka_unit_test(ranges), cmocka_unit_test(phones),
        cmocka_unit_test(letters),   cmocka_unit_test(blanks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
