/* Which addresses a fetch may ask. Nothing here opens a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>

#include "common/http/fetch_priv.h"
#include "tests/unit/alloc.h"

static const char *const no_hosts[] = {NULL};

/* ---- hosts ---------------------------------------------------------------------------------------------------- */

static enum res
judged(const char *const *allow, bool http, const char *url, struct target *t)
{
    struct fetch_opts o = {.allow = allow, .allow_http = http};
    struct policy p;
    struct err e = {0};
    enum res res;

    assert_int_equal(policy_init(&p, &o, &e), RES_OK);
    res = policy_judge(&p, NULL, url, t, &e);
    assert_true(res ? e.text[0] != '\0' && !t->url && !t->host : e.text[0] == '\0');
    policy_free(&p);
    return res;
}

static void
hosts_are_those_of_the_list(void **state)
{
    static const struct {
        const char *allow;
        const char *url;
        bool want;
    } row[] = {
        {"docs.go.id", "https://docs.go.id/a", true},
        {"docs.go.id", "https://DOCS.Go.ID/a", true},
        {"DOCS.go.id", "https://docs.go.id/a", true},
        {"docs.go.id", "HTTPS://docs.go.id", true},
        {"docs.go.id", "https://docs.go.id:443/a", true},
        {"docs.go.id", "https://docs.go.id:8443/a", false},
        {"docs.go.id", "https://docs.go.id:80/a", false},
        {"docs.go.id", "https://docs.go.id:0/a", false},
        {"docs.go.id", "https://docs.go.id:99999/a", false},
        {"docs.go.id", "https://docs.go.id./a", false},
        {"docs.go.id", "https://docs.go.id../a", false},
        {"docs.go.id", "https://docs.go.id%2e/a", false},
        {"docs.go.id", "https://.docs.go.id/a", false},
        {"docs.go.id", "https://xdocs.go.id/a", false},
        {"docs.go.id", "https://a.docs.go.id/a", false},
        {"docs.go.id", "https://docs.go.id.evil.example/a", false},
        {"docs.go.id", "https://evil.example/docs.go.id", false},
        {"docs.go.id", "https://evil.example#docs.go.id", false},
        {"docs.go.id", "https://evil.example?docs.go.id", false},
        {"docs.go.id", "https://docs.go.id@evil.example/", false},
        {"docs.go.id", "https://docs.go.id:443@evil.example/", false},
        {"docs.go.id", "https://evil.example\\@docs.go.id/", false},
        {"docs.go.id", "https://evil.example#@docs.go.id/", false},
        {"docs.go.id", "https://user@docs.go.id/", false},
        {"docs.go.id", "https://user:word@docs.go.id/", false},
        {"docs.go.id", "https://:word@docs.go.id/", false},
        {"docs.go.id", "https://a@b@docs.go.id/", false},
        {"docs.go.id", "https://docs%2ego.id/a", true}, /* decoded before it is compared, and sent decoded */
        {"docs.go.id", "https://docs.go.id\t/a", false},
        {"docs.go.id", "https://docs.go.id/a b", false},
        {"docs.go.id", "https://docs.go.id/a\\b", false},
        {"docs.go.id", " https://docs.go.id/a", false},
        {"docs.go.id", "https://docs.go.id/a\r\nX: y", false},
        {"docs.go.id", "https://docs.go.id\x7f/", false},
        {"docs.go.id", "docs.go.id/a", false},
        {"docs.go.id", "//docs.go.id/a", false},
        {"docs.go.id", "https://", false},
        {"docs.go.id", "", false},
        {"docs.go.id", "ftp://docs.go.id/a", false},
        {"docs.go.id", "gopher://docs.go.id/a", false},
        {"docs.go.id", "scp://docs.go.id/a", false},
        {"docs.go.id", "javascript:alert(1)", false},
        {"docs.go.id", "urn:sha256:00", false},
        {"docs.go.id", "file:///etc/passwd", false},
        {"docs.go.id", "https://docs\xe3\x80\x82go\xef\xbc\x8eid/a",
         true},                                             /* other full stops, as IDNA maps them */
        {"docs.go.id", "https://\xff\xfe.example/", false}, /* no UTF-8 */
        {"docs.go.id", "https://\xe2\x80\xae.example/", false},
        {"docs.go.id:8443", "https://docs.go.id:8443/a", true},
        {"docs.go.id:8443", "https://docs.go.id/a", false},
        {"docs.go.id:8443", "https://docs.go.id:443/a", false},
        {"*.docs.go.id", "https://a.docs.go.id/", true},
        {"*.docs.go.id", "https://a.b.docs.go.id/", true},
        {"*.docs.go.id", "https://docs.go.id/", false},
        {"*.docs.go.id", "https://adocs.go.id/", false},
        {"*.docs.go.id", "https://.docs.go.id/", false},
        {"*.docs.go.id", "https://a.docs.go.id:8443/", false},
        {"*.docs.go.id", "https://a.docs.go.id.evil.example/", false},
        {"*.docs.go.id:8443", "https://a.docs.go.id:8443/", true},
        {"*.docs.go.id:8443", "https://a.docs.go.id/", false},
        {"b\xc3\xbc"
         "cher.example",
         "https://xn--bcher-kva.example/", true},
        {"xn--bcher-kva.example",
         "https://b\xc3\xbc"
         "cher.example/",
         true},
        {"xn--bcher-kva.example",
         "https://B\xc3\x9c"
         "CHER.example/",
         true},
        {"xn--bcher-kva.example", "https://bucher.example/", false},
        {"127.0.0.1", "https://2130706433/", true},
        {"127.0.0.1", "https://0x7f.1/", true},
        {"127.0.0.1", "https://0177.0.0.1/", true},
        {"docs.go.id", "https://2130706433/", false},
        {"docs.go.id", "https://127.0.0.1/", false},
        {"docs.go.id", "https://[::ffff:127.0.0.1]/", false},
        {"docs.go.id", "https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", false}, /* full-width digits */
        {"[::1]", "https://[::1]/", true},
        {"[::1]", "https://[0:0:0:0:0:0:0:1]/", true},
        {"[::1]", "https://[::1%25lo]/", false},
        {"[::1]", "https://[::2]/", false},
        {"[::1]:8443", "https://[::1]:8443/", true},
    };
    struct target t;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const char *const allow[] = {"other.example", row[i].allow, NULL};
        enum res want = row[i].want ? RES_OK : RES_REJECT;
        enum res got = judged(allow, false, row[i].url, &t);

        if (got != want)
            fail_msg("%s with %s: %s", row[i].url, row[i].allow, res_name(got));
        target_free(&t);
    }
}

static void
http_only_where_it_is_allowed(void **state)
{
    static const struct {
        const char *url;
        bool want;
    } row[] = {{"http://docs.go.id/", true},      {"http://docs.go.id:80/", true},
               {"http://docs.go.id:443/", false}, {"https://docs.go.id/", true},
               {"https://docs.go.id:80/", false}, {"http://other.go.id:81/", true},
               {"http://other.go.id/", false}};
    static const char *const allow[] = {"docs.go.id", "other.go.id:81", NULL};
    struct target t;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(judged(allow, true, row[i].url, &t), row[i].want ? RES_OK : RES_REJECT);
        target_free(&t);
    }
    assert_int_equal(judged(allow, false, "http://docs.go.id/", &t), RES_REJECT);
    assert_int_equal(judged(no_hosts, true, "http://docs.go.id/", &t), RES_REJECT);
    assert_int_equal(judged(NULL, true, "https://docs.go.id/", &t), RES_REJECT);
}

/* What is asked is the address as it was understood, not as it was written. */
static void
written_out_again(void **state)
{
    static const struct {
        const char *url;
        const char *want;
    } row[] = {
        {"HTTPS://Docs.GO.id/A?q=1#part", "https://docs.go.id/A?q=1"},
        {"https://docs.go.id", "https://docs.go.id/"},
        {"https://docs.go.id:443/x/../y", "https://docs.go.id:443/y"},
        {"https:/docs.go.id/x", "https://docs.go.id/x"},
        {"https:///docs.go.id/x", "https://docs.go.id/x"},
        {"https://docs%2ego%2Eid/x", "https://docs.go.id/x"},
        {"https://docs.go.id/%20\xc3\xbc", "https://docs.go.id/%20%c3%bc"},
        {"https://docs.go.id/a%0d%0aX:y", "https://docs.go.id/a%0d%0aX:y"},
    };
    static const char *const allow[] = {"docs.go.id", NULL};
    struct target t;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(judged(allow, false, row[i].url, &t), RES_OK);
        assert_string_equal(t.url, row[i].want);
        assert_string_equal(t.host, "docs.go.id");
        assert_int_equal(t.port, 443);
        target_free(&t);
    }
}

static void
too_long_an_address(void **state)
{
    static const char *const allow[] = {"docs.go.id", NULL};
    char url[FETCH_URL_MAX + 2] = "https://docs.go.id/";
    struct target t;

    (void)state;
    memset(url + 19, 'a', sizeof url - 20);
    assert_int_equal(judged(allow, false, url, &t), RES_REJECT);
    url[FETCH_URL_MAX] = '\0';
    assert_int_equal(judged(allow, false, url, &t), RES_OK);
    target_free(&t);
}

static enum res
made(struct fetch_opts o, char text[256])
{
    struct loop *loop;
    struct fetch *f;
    struct err e = {0};
    enum res res;

    assert_int_equal(loop_new(&loop, &e), RES_OK);
    o.loop = loop;
    res = fetch_new(&o, &f, &e);
    assert_int_equal(res == RES_OK, f != NULL);
    snprintf(text, 256, "%s", e.text);
    fetch_free(f);
    loop_free(loop);
    return res;
}

static void
bad_entries_are_told_at_once(void **state)
{
    static const char *const host[] = {
        "",       "*",      "*.",      "*.*.id",      "a.*.id", "https://a.id", "a.id/",   "a.id/x",
        "a.id?x", "a@b.id", "a.id.",   ".a.id",       "a..id",  "a.id:",        "a.id:0",  "a.id:65536",
        "a.id:x", "a id",   "*.[::1]", "*.127.0.0.1", "[::1",   "[::1%25lo]",   "*.a.id.", "a\\b.id"};
    static const char *const net[] = {"", "10.0.0.0/0", "10.1.0.0/8", "localhost", "::/0"};
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof host / sizeof *host; i++) {
        const char *const list[] = {"good.id", host[i], NULL};

        if (made((struct fetch_opts){.allow = list}, text) != RES_FATAL)
            fail_msg("taken: '%s'", host[i]);
        assert_non_null(strstr(text, host[i]));
    }
    for (size_t i = 0; i < sizeof net / sizeof *net; i++) {
        const char *const list[] = {"10.0.0.0/8", net[i], NULL};

        assert_int_equal(made((struct fetch_opts){.allow = no_hosts, .allow_net = list}, text), RES_FATAL);
        assert_non_null(strstr(text, net[i]));
    }
    assert_int_equal(made((struct fetch_opts){.allow = no_hosts}, text), RES_OK);
}

static void
networks_open_what_is_closed(void **state)
{
    static const char *const nets[] = {"10.0.0.0/8", "fd00::/8", NULL};
    struct fetch_opts o = {.allow = no_hosts, .allow_net = nets};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct policy p;

    (void)state;
    assert_int_equal(policy_init(&p, &o, NULL), RES_OK);
    for (int i = 0; i < 6; i++) {
        static const struct {
            const char *ip;
            bool want;
        } row[] = {{"10.9.9.9", true}, {"192.168.0.1", false}, {"8.8.8.8", true},
                   {"fd00::1", true},  {"fe80::1", false},     {"::ffff:10.0.0.1", true}};
        bool six = strchr(row[i].ip, ':') != NULL;

        assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, row[i].ip,
                                   six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr),
                         1);
        assert_int_equal(policy_reach(&p, six ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4),
                         row[i].want);
    }
    policy_free(&p);
}

/* Memory that runs out is never taken for a judgement on the address. */
static bool
judge_once(void)
{
    static const char *const allow[] = {"*.go.id", "docs.example", NULL};
    struct fetch_opts o = {.allow = allow, .file_root = "/usr"};
    struct policy p;
    struct err e = {0};
    struct target t = {0};
    bool ok = policy_init(&p, &o, &e) == RES_OK;

    if (ok) {
        enum res res = policy_judge(&p, NULL, "https://a.GO.id:443/x?y#z", &t, &e);

        if (!res) {
            target_free(&t);
            res = policy_judge(&p, "https://docs.example/a/b", "../c", &t, &e);
        }
        if (!res) {
            assert_string_equal(t.url, "https://docs.example/c");
            target_free(&t);
            res = policy_judge(&p, NULL, "file:///usr/share/x", &t, &e);
        }
        if (res && res != RES_RETRY)
            fail_msg("%s: %s", res_name(res), e.text);
        target_free(&t);
        ok = !res;
    }
    policy_free(&p);
    return ok;
}

static void
out_of_memory(void **state)
{
    (void)state;
    if (!ALLOC_SEAM)
        skip();
    judge_once(); /* what libraries keep for good */
    alloc_loop(judge_once);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_those_of_the_list),
        cmocka_unit_test(http_only_where_it_is_allowed),
        cmocka_unit_test(written_out_again),
        cmocka_unit_test(too_long_an_address),
        cmocka_unit_test(bad_entries_are_told_at_once),
        cmocka_unit_test(networks_open_what_is_closed),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
