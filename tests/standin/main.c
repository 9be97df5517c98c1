/* bedelau-standin: the integration endpoint in memory, with faults on demand. See README.md beside this file. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "tests/standin/admin.h"
#include "tests/standin/answer.h"
#include "tests/standin/api.h"
#include "tests/standin/callback.h"
#include "tests/standin/ending.h"
#include "tests/standin/gate.h"
#include "tests/standin/later.h"

enum { BODY_MAX = 1 << 20, CONNS = 20000, CALLBACKS = 64, MEMORY = 8192 };

struct options {
    const char *listen;
    const char *callback_url;
    const char *callback_secret;
    const char *faults;
    int64_t seed;
};

static const struct server_route routes[] = {
    {"POST", "/api/v1/integrasi", api_post},
    {"GET", "/api/v1/integrasi", api_list},
    {"GET", "/api/v1/integrasi/{}", api_get},
    {"PUT", "/api/v1/integrasi/{}", api_put},
    {"DELETE", "/api/v1/integrasi/{}", api_delete},
    {"POST", "/oauth/token", gate_issue},
    {"DELETE", "/oauth/token", gate_revoke},
    {"PUT", "/_faults", admin_put_faults},
    {"GET", "/_faults", admin_get_faults},
    {"GET", "/_stats", admin_get_stats},
    {"DELETE", "/_stats", admin_delete_stats},
    {"POST", "/_late", admin_late},
    {"GET", "/_ledger", admin_ledger},
    {"GET", "/healthz", admin_health},
    {"GET", "/readyz", admin_health},
    {NULL, NULL, NULL},
};

static const char usage[] =
    "usage: bedelau-standin [options]\n"
    "  --listen ADDR           host:port, port 0 = any free one (default 127.0.0.1:9490)\n"
    "  --callback-url URL      callbacks go here, whatever a request's url_callback says\n"
    "  --callback-secret S     signs callbacks (whsec_.. or raw); better in the environment:\n"
    "                          BEDELAU_STANDIN_CALLBACK_SECRET\n"
    "  --seed N                of the faults' dice (default 1)\n"
    "  --faults JSON           what PUT /_faults would take, from the start\n"
    "  --help, --version\n"
    "Prints \"listen=HOST:PORT\" on stdout when it is ready.\n";

static void
on_signal(void *arg, int sig)
{
    struct standin *x = arg;

    (void)sig;
    loop_stop(x->loop);
}

/* EX_OK to go on, -1 to end well, else the exit code. */
static int
read_options(int argc, char **argv, struct options *o)
{
    static const struct option long_options[] = {
        {"listen", required_argument, NULL, 'l'}, {"callback-url", required_argument, NULL, 'u'},
        {"seed", required_argument, NULL, 's'},   {"callback-secret", required_argument, NULL, 'k'},
        {"faults", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (c == 'l')
            o->listen = optarg;
        else if (c == 'u')
            o->callback_url = optarg;
        else if (c == 'k')
            o->callback_secret = optarg;
        else if (c == 'f')
            o->faults = optarg;
        else if (c == 'h' || c == 'v')
            return fputs(c == 'h' ? usage : "bedelau-standin " APP_VERSION "\n", stdout) < 0 ? EX_IOERR : -1;
        else if (c != 's' || !str_int(str_of(optarg), &o->seed))
            return fputs(usage, stderr) < 0 ? EX_IOERR : EX_USAGE;
    }
    if (optind == argc)
        return EX_OK;
    fprintf(stderr, "bedelau-standin: \"%s\" is no option\n", argv[optind]);
    return EX_USAGE;
}

static enum res
start(struct standin *x, const struct options *o, struct err *e)
{
    static const int sigs[] = {SIGTERM, SIGINT, 0};
    const struct server_opts server = {
        .listen = o->listen, .body_max = BODY_MAX, .conn_max = CONNS, .memory = MEMORY};
    const struct client_opts client = {.in_flight = CALLBACKS, .user_agent = "bedelau-standin"};
    enum res res = loop_new(&x->loop, e);

    x->faults = faults_none((uint64_t)o->seed);
    x->callback_url = o->callback_url;
    x->callback_secret = o->callback_secret && *o->callback_secret ? o->callback_secret : NULL;
    if (!res && o->faults)
        res = faults_read(&x->faults, str_of(o->faults), e);
    if (!res)
        res = loop_signals(x->loop, sigs, on_signal, x, e);
    if (!res)
        res = answer_open(x, e);
    if (!res)
        res = client_new(x->loop, &client, &x->client, e);
    return res ? res : server_new(x->loop, &server, routes, x, &x->server, e);
}

static void
stop(struct standin *x)
{
    server_free(x->server);
    answer_close(x);
    client_free(x->client);
    callback_clear(x);
    later_clear(x);
    ending_clear(x);
    book_clear(&x->book);
    faults_free(&x->faults);
    loop_free(x->loop);
}

int
main(int argc, char **argv)
{
    struct options o = {
        .listen = "127.0.0.1:9490", .callback_secret = getenv("BEDELAU_STANDIN_CALLBACK_SECRET"), .seed = 1};
    struct standin x = {.late_fd = -1};
    struct err e = {0};
    int code = read_options(argc, argv, &o);

    if (code)
        return code < 0 ? EX_OK : code;
    if (start(&x, &o, &e)) {
        fprintf(stderr, "bedelau-standin: %s\n", e.text);
        code = EX_CONFIG;
    } else {
        printf("listen=%.*s:%u\n", (int)(strrchr(o.listen, ':') - o.listen), o.listen, server_port(x.server));
        fflush(stdout);
        loop_run(x.loop);
    }
    stop(&x);
    return code;
}
