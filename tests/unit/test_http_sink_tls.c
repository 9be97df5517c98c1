/* The sink against a TLS server (openssl s_server), with certificates that are exchanged while it runs. Skipped where
 * there is no openssl program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/folder.h"
#include "tests/unit/test_http_sink.h"

/* Where the certificates are: ours.pem signs, server.pem and good.pem are signed by it; other.pem signs itself. */
struct tls {
    struct folder dir;
    pid_t server;
    unsigned port;
    struct ctx *x;
};

static const char *
in(const struct tls *t, const char *file)
{
    static char text[4][128];
    static unsigned n;

    n = (n + 1) % 4;
    snprintf(text[n], sizeof text[n], "%s/%s", t->dir.path, file);
    return text[n];
}

static int
shell(const struct tls *t, const char *command)
{
    char text[1024];
    int status = -1;
    pid_t pid;

    snprintf(text, sizeof text, "cd %s && { %s; } >/dev/null 2>&1", t->dir.path, command);
    pid = fork();
    if (!pid) {
        execl("/bin/sh", "sh", "-c", text, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return status;
}

static void
copy(const struct tls *t, const char *from, const char *to)
{
    char text[128];

    snprintf(text, sizeof text, "cp %s %s", from, to);
    assert_int_equal(shell(t, text), 0);
}

#define NEW "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "

static bool
make_certificates(const struct tls *t)
{
    return !shell(t, "command -v openssl") &&
           !shell(t, NEW "-subj /CN=ours -keyout ours.key -out ours.pem") &&
           !shell(t, NEW "-subj /CN=other -keyout other.key -out other.pem") &&
           !shell(t, "printf 'subjectAltName=DNS:localhost' >san; for n in server good; do "
                     "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$n "
                     "-keyout $n.key -out $n.csr && "
                     "openssl x509 -req -in $n.csr -CA ours.pem -CAkey ours.key -CAcreateserial -days 2 "
                     "-extfile san -out $n.pem || exit 1; done");
}

/* Its first line tells the port. */
static unsigned
read_port(int fd)
{
    FILE *from = fdopen(fd, "r");
    char line[256];
    unsigned port = 0;

    while (!port && fgets(line, sizeof line, from))
        if (!strncmp(line, "ACCEPT ", 7) && strrchr(line, ':'))
            port = (unsigned)atoi(strrchr(line, ':') + 1);
    fclose(from);
    return port;
}

static void
serve(struct tls *t, bool asks_for_certificate)
{
    const char *argv[] = {"openssl",
                          "s_server",
                          "-accept",
                          "127.0.0.1:0",
                          "-www",
                          "-cert",
                          in(t, "server.pem"),
                          "-key",
                          in(t, "server.key"),
                          "-CAfile",
                          in(t, "ours.pem"),
                          asks_for_certificate ? "-Verify" : NULL,
                          "1",
                          "-verify_return_error",
                          NULL};
    int out[2];

    assert_int_equal(pipe(out), 0);
    t->server = fork();
    if (!t->server) {
        dup2(out[1], 1);
        dup2(open("/dev/null", O_WRONLY), 2);
        signal(SIGPIPE, SIG_IGN);
        execvp(argv[0], (char **)(uintptr_t)argv);
        _exit(127);
    }
    close(out[1]);
    t->port = read_port(out[0]);
    assert_int_not_equal(t->port, 0);
    snprintf(t->x->url, sizeof t->x->url, "https://localhost:%u/", t->port);
    t->x->method = "GET";
}

static int
tls_setup(void **state)
{
    struct tls *t = calloc(1, sizeof *t);

    folder_make(&t->dir);
    if (setup((void **)&t->x))
        return 1;
    *state = t;
    return 0;
}

static int
tls_teardown(void **state)
{
    struct tls *t = *state;

    if (t->server) {
        kill(t->server, SIGKILL);
        waitpid(t->server, NULL, 0);
    }
    folder_remove(&t->dir);
    teardown((void **)&t->x);
    free(t);
    return 0;
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void
unknown_signer_pauses_until_it_is_known(void **state)
{
    struct tls *t = *state;
    struct ctx *x = t->x;

    if (!make_certificates(t))
        skip();
    serve(t, false);
    copy(t, "other.pem", "ca.pem");
    make(x, (struct sink_opts){.http = {.ca_file = in(t, "ca.pem")}});
    hire(x, 10);
    AWAIT(x, mode(x) == VALVE_PAUSED);
    AWAIT(x, x->job[0].asides > 1);
    assert_int_equal(x->job[0].last.http.cause, CLIENT_TLS);
    assert_int_equal(x->job[0].last.http.fate, CLIENT_NOT_SENT);
    assert_non_null(strstr(sink_state(x->sink).reason, "certificate"));
    copy(t, "ours.pem", "ca.pem");
    assert_int_equal(sink_reload(x->sink, NULL), RES_OK);
    AWAIT(x, x->done == 10);
    assert_int_equal(mode(x), VALVE_CLOSED);
    for (int i = 0; i < 10; i++)
        assert_int_equal(x->job[i].attempts, 0);
}

/* TLS 1.3 tells of a client's certificate that it does not take only after the handshake. */
static void
our_certificate_is_read_again(void **state)
{
    struct tls *t = *state;
    struct ctx *x = t->x;

    if (!make_certificates(t))
        skip();
    serve(t, true);
    copy(t, "other.pem", "mine.pem");
    copy(t, "other.key", "mine.key");
    make(x, (struct sink_opts){.http = {.ca_file = in(t, "ours.pem"),
                                        .cert_file = in(t, "mine.pem"),
                                        .key_file = in(t, "mine.key")}});
    hire(x, 10);
    AWAIT(x, mode(x) == VALVE_PAUSED);
    AWAIT(x, x->job[0].answers > 1);
    assert_int_equal(x->job[0].last.http.cause, CLIENT_TLS);
    copy(t, "good.pem", "mine.pem");
    copy(t, "good.key", "mine.key");
    assert_int_equal(sink_reload(x->sink, NULL), RES_OK);
    AWAIT(x, x->done == 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(x->job[i].attempts, 0);
}

static void
another_key_than_the_pinned_one_pauses(void **state)
{
    struct tls *t = *state;
    struct ctx *x = t->x;

    if (!make_certificates(t))
        skip();
    serve(t, false);
    make(x, (struct sink_opts){.http = {.ca_file = in(t, "ours.pem"), .pinned_key = "sha256//AAAA"},
                               .valve = {.probe = {60000, 60000, 0}}});
    run(x, 0);
    assert_int_equal(x->job[0].last.http.cause, CLIENT_TLS);
    assert_int_equal(mode(x), VALVE_PAUSED);
}

static void
files_that_are_none_are_refused(void **state)
{
    struct tls *t = *state;
    struct {
        struct client_opts o;
        const char *says;
    } row[] = {
        {{.ca_file = "/nowhere/ca.pem"}, "cannot read ca_file /nowhere/ca.pem"},
        {{.ca_file = "/dev/null"}, "holds no certificate"},
        {{.key_file = "/dev/null"}, "without cert_file"},
        {{.cert_file = "x", .key_file = "/nowhere/key.pem"}, "cannot read key_file"},
        {{.cert_file = "x", .key_file = "/dev/null"}, "no private key"},
        {{.cert_file = "x", .key_file = "y"}, "is not the key"},
    };
    char cert[128], key[128];

    if (!make_certificates(t))
        skip();
    snprintf(cert, sizeof cert, "%s/good.pem", t->dir.path);
    snprintf(key, sizeof key, "%s/other.key", t->dir.path);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct sink_opts o = {.http = row[i].o};
        struct sink *s;
        struct err e = {0};

        o.http.cert_file = o.http.cert_file ? cert : NULL;
        o.http.key_file = o.http.key_file && !strcmp(o.http.key_file, "y") ? key : o.http.key_file;
        assert_int_equal(sink_new(t->x->loop, &o, &s, &e), RES_FATAL);
        assert_null(s);
        assert_non_null(strstr(e.text, row[i].says));
    }
}

/* What is under way ends; a file that is no good changes nothing. */
static void
reload_drops_nothing(void **state)
{
    struct tls *t = *state;
    struct ctx *x = t->x;

    if (!make_certificates(t))
        skip();
    copy(t, "good.pem", "mine.pem");
    copy(t, "good.key", "mine.key");
    make(x, (struct sink_opts){.http = {.cert_file = in(t, "mine.pem"), .key_file = in(t, "mine.key")}});
    x->hold = true;
    start(x, 0);
    start(x, 1);
    AWAIT(x, x->holds == 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sink_reload(x->sink, NULL), RES_OK);
    copy(t, "other.key", "mine.key");
    assert_int_equal(sink_reload(x->sink, NULL), RES_FATAL);
    start(x, 2);
    AWAIT(x, x->holds == 3);
    release(x);
    AWAIT(x, x->done == 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(x->job[i].last.http.code, 200);
    x->hold = false;
    assert_int_equal(run(x, 3)->last.http.code, 200);
}

#define TLS(f) cmocka_unit_test_setup_teardown(f, tls_setup, tls_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TLS(unknown_signer_pauses_until_it_is_known),
        TLS(our_certificate_is_read_again),
        TLS(another_key_than_the_pinned_one_pauses),
        TLS(files_that_are_none_are_refused),
        TLS(reload_drops_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
