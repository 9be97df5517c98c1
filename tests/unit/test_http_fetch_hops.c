/* Fetches that are sent elsewhere, and TLS, which openssl's own server speaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/test_http_fetch.h"

/* ---- redirects ------------------------------------------------------------------------------------------------ */

#define MOVED(code, to) "HTTP/1.1 " code " Moved\r\nContent-Length: 0\r\nLocation: " to "\r\n\r\n"

/* `hops` redirects are followed on a site that also listens on 127.0.0.2, whose address is not opened. */
static struct got *
redirected(struct ctx *x, const char *moved, unsigned hops)
{
    const char *allow[] = {ported(x, 0, "localhost:%u"), ported(x, 1, "127.0.0.1:%u"),
                           ported(x, 2, "127.0.0.2:%u"), NULL};
    struct page pages[] = {{"/from", ported(x, 3, moved), KEEP, 0, NULL},
                           {"/loop", ported(x, 4, MOVED("302", "/loop")), KEEP, 0, NULL},
                           {"/to", OK_HEAD "Content-Length: 2\r\n\r\nok", KEEP, 0, NULL},
                           {NULL, NULL, KEEP, 0, NULL}};
    struct got *g;

    x->s.pages = pages;
    open_with(x, (struct fetch_opts){.allow = allow,
                                     .allow_net = loopback,
                                     .allow_http = true,
                                     .redirects = hops,
                                     .file_root = "/usr"});
    g = run(x, "http://localhost:%u/from?a=secret", 10);
    x->s.pages = NULL;
    return g;
}

static void
redirects(void **state)
{
    static const struct {
        const char *moved;
        unsigned hops;
        enum fetch_fate want;
        int code;
    } row[] = {
        {MOVED("302", "/to"), 0, FETCH_REFUSED, 302},
        {MOVED("301", "/to"), 1, FETCH_OK, 200},
        {MOVED("302", "to?b=secret#x"), 1, FETCH_OK, 200},
        {MOVED("303", "http://localhost:%u/to"), 1, FETCH_OK, 200},
        {MOVED("307", "//127.0.0.1:%u/to"), 1, FETCH_OK, 200},
        {MOVED("308", "http://2130706433:%u/to"), 1, FETCH_OK, 200},
        {MOVED("302", "/loop"), 3, FETCH_REFUSED, 302},
        {MOVED("302", "http://127.0.0.2:%u/to"), 5, FETCH_REFUSED, 0}, /* by its address */
        {MOVED("302", "http://localhost/to"), 5, FETCH_REFUSED, 302},  /* another port */
        {MOVED("302", "http://secret.example/to"), 5, FETCH_REFUSED, 302},
        {MOVED("302", "http://169.254.169.254/latest/meta-data/"), 5, FETCH_REFUSED, 302},
        {MOVED("302", "http://user@localhost:%u/to"), 5, FETCH_REFUSED, 302},
        {MOVED("302", "file:///usr/bin/env"), 5, FETCH_REFUSED, 302},
        {MOVED("302", "gopher://localhost:%u/to"), 5, FETCH_REFUSED, 302},
        {MOVED("302", "http://localhost:%u/t o"), 5, FETCH_REFUSED, 302},
        {MOVED("302", ""), 5, FETCH_BAD_ANSWER, 302},
        {"HTTP/1.1 302 Moved\r\nContent-Length: 0\r\n\r\n", 5, FETCH_BAD_ANSWER, 302},
        {"HTTP/1.1 302 Moved\r\nLocation: /to\r\n\r\nendless", 5, FETCH_OK, 200},
    };
    struct ctx *x = *state;

    site_open(&x->other, x->loop, 0x7f000002, x->s.port);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct got *g = redirected(x, row[i].moved, row[i].hops);

        if (g->end.fate != row[i].want || g->end.code != row[i].code)
            fail_msg("%s: fate %d, code %d (%s)", row[i].moved, g->end.fate, g->end.code, g->why);
        if (g->end.fate == FETCH_OK)
            assert_string_equal(g->body.p, "ok");
        site_close(&x->s);
        site_open(&x->s, x->loop, INADDR_LOOPBACK, x->s.port);
    }
    site_was_left_alone(&x->other);
}

static void
as_many_hops_as_allowed(void **state)
{
    struct ctx *x = *state;
    struct got *g = redirected(x, MOVED("302", "/loop"), 3);

    assert_int_equal(g->end.fate, FETCH_REFUSED);
    assert_int_equal(x->s.requests, 4);
    assert_non_null(strstr(g->why, "redirect"));
}

/* From localhost to 127.0.0.1 and back: the key goes with the first and the third request, not with the second. */
static void
credentials_stay_with_their_host(void **state)
{
    struct ctx *x = *state;
    const char *allow[] = {ported(x, 0, "localhost:%u"), ported(x, 1, "127.0.0.1:%u"), NULL};
    struct page pages[] = {{"/1", ported(x, 2, MOVED("302", "http://127.0.0.1:%u/2")), KEEP, 0, NULL},
                           {"/2", ported(x, 3, MOVED("302", "http://localhost:%u/3")), KEEP, 0, NULL},
                           {"/3", OK_HEAD "Content-Length: 2\r\n\r\nok", KEEP, 0, NULL},
                           {NULL, NULL, KEEP, 0, NULL}};
    const char *second;

    folder_make(&x->dir);
    folder_write(&x->dir, "c", str_of(ported(x, 4, "localhost:%u\tX-Key: one\n")), 0600);
    x->s.pages = pages;
    open_with(x, (struct fetch_opts){.allow = allow,
                                     .allow_net = loopback,
                                     .allow_http = true,
                                     .redirects = 2,
                                     .credentials_file = folder_in(&x->dir, "c")});
    assert_int_equal(run(x, "http://localhost:%u/1", 10)->end.fate, FETCH_OK);
    second = strstr(x->s.heads.p, "GET /2");
    assert_non_null(second);
    assert_int_equal(count(&x->s.heads, "X-Key: one\r\n"), 2);
    assert_null(memmem(second, (size_t)(strstr(second, "GET /3") - second), "X-Key", 5));
    assert_non_null(strstr(strstr(second, "GET /3"), "X-Key: one"));
    assert_true(strstr(x->s.heads.p, "X-Key") < second);
}

/* ---- TLS ------------------------------------------------------------------------------------------------------ */

static void
shell(const struct ctx *x, const char *line)
{
    char all[1024];

    snprintf(all, sizeof all, "cd %s && { %s; } >log 2>&1", x->dir.path, line);
    if (system(all)) /* NOLINT(cert-env33-c): openssl's own tool, with words of our own */
        fail_msg("failed, see its log: %s", line);
}

#define NEW_KEY "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "

/* openssl's server on a free port, with a certificate of our authority for `name`; files are whole answers. */
static unsigned
tls_serve(struct ctx *x, const char *name)
{
    char line[512];
    char said[256] = "";
    int out[2];
    unsigned port = 0;

    shell(x, "openssl req -x509 " NEW_KEY "-subj '/CN=test authority' -keyout ca.key -out ca.pem");
    snprintf(line, sizeof line,
             "openssl req -x509 -CA ca.pem -CAkey ca.key " NEW_KEY
             "-subj /CN=test -addext subjectAltName=DNS:%s "
             "-addext basicConstraints=critical,CA:FALSE -keyout s.key -out s.pem",
             name);
    shell(x, line);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    x->tls = fork();
    if (!x->tls) {
        dup2(out[1], 1);
        if (chdir(x->dir.path) == 0 && freopen("served", "w", stderr))
            execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", "s.pem", "-key",
                   "s.key", "-HTTP", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    x->tls_says = fdopen(out[0], "r");
    while (!port && fgets(said, sizeof said, x->tls_says))
        sscanf(said, "ACCEPT 127.0.0.1:%u", &port); /* NOLINT(cert-err34-c) */
    assert_true(port > 0);
    return port;
}

static struct got *
over_tls(struct ctx *x, const char *name, bool trusted, const char *path)
{
    unsigned port = tls_serve(x, name);
    char entry[64];
    char url[128];
    const char *allow[] = {entry, ported(x, 0, "localhost:%u"), NULL};

    snprintf(entry, sizeof entry, "localhost:%u", port);
    snprintf(url, sizeof url, "https://%s%s", entry, path);
    open_with(x, (struct fetch_opts){.allow = allow,
                                     .allow_net = loopback,
                                     .allow_http = true,
                                     .redirects = 3,
                                     .ca_file = trusted ? folder_in(&x->dir, "ca.pem") : NULL});
    return run(x, url, 10);
}

static void
tls_of_an_own_authority(void **state)
{
    struct ctx *x = *state;
    struct got *g;

    folder_make(&x->dir);
    folder_write(&x->dir, "doc", STR(OK_HEAD "Content-Length: 2\r\n\r\nok"), 0600);
    g = over_tls(x, "localhost", true, "/doc");
    if (g->end.fate != FETCH_OK)
        fail_msg("fate %d: %s", g->end.fate, g->why);
    assert_string_equal(g->body.p, "ok");
}

static void
tls_of_another_name(void **state)
{
    struct ctx *x = *state;
    struct got *g;

    folder_make(&x->dir);
    g = over_tls(x, "other.example", true, "/doc?secret");
    assert_int_equal(g->end.fate, FETCH_LATER);
    assert_int_equal(g->end.code, 0);
    assert_non_null(strstr(g->why, "certificate"));
}

static void
tls_of_an_unknown_authority(void **state)
{
    struct ctx *x = *state;
    struct got *g;

    folder_make(&x->dir);
    g = over_tls(x, "localhost", false, "/doc?secret");
    assert_int_equal(g->end.fate, FETCH_LATER);
    assert_non_null(strstr(g->why, "certificate"));
}

/* Never from https down to http, although both hosts and http are allowed. */
static void
redirect_out_of_tls_is_refused(void **state)
{
    struct ctx *x = *state;
    struct got *g;

    folder_make(&x->dir);
    folder_write(&x->dir, "from", str_of(ported(x, 1, MOVED("302", "http://localhost:%u/to"))), 0600);
    g = over_tls(x, "localhost", true, "/from");
    assert_int_equal(g->end.fate, FETCH_REFUSED);
    assert_int_equal(g->end.code, 302);
    assert_non_null(strstr(g->why, "from https to http"));
    assert_int_equal(x->s.conns, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(redirects),
        T(as_many_hops_as_allowed),
        T(credentials_stay_with_their_host),
        T(tls_of_an_own_authority),
        T(tls_of_another_name),
        T(tls_of_an_unknown_authority),
        T(redirect_out_of_tls_is_refused),
    };

    set_proxies();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
