#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "tests/bench/bench.h"

static const struct {
    const char *name;
    enum res (*run)(const struct bench *b, struct buf *out, struct err *e);
} commands[] = {{"send", send_run},   {"trip", trip_run},   {"dispatch", dispatch_run},
                {"drain", drain_run}, {"copy", copy_run},   {"visible", visible_run},
                {"calls", calls_run}, {"forms", forms_run}, {"order", order_run}};

static const char usage[] =
    "usage: bench COMMAND [options]\n"
    "  send   publish the --kinds (submitted,checked,completed) of --n requests, every --bad-every form a "
    "bad one\n"
    "  trip   publish --n requests at --rate a second after --warm more, and time each until it is selesai\n"
    "  dispatch  publish the checks of as many, and tell when each that counts was sent\n"
    "  drain  read --n records of the topics --kinds and drop them\n"
    "  visible  publish as many, and time each until its row can be read in schema --from\n"
    "  copy   COPY the event, event_id and request rows of schema --from into --to, --batch events a "
    "transaction\n"
    "  calls  make --n calls to --url, --in-flight at once\n"
    "  forms  read --n forms in memory: parsed, parsed and judged in full, judged in one pass\n"
    "  order  read a small document --n times: parsed, and judged in full once it has been\n"
    "further options: --bootstrap, --prefix, --conninfo, --seed, --apart\n";

enum { TEXT_OPTS = 7 };

static const struct option options[] = {
    {"bootstrap", required_argument, NULL, 0}, {"prefix", required_argument, NULL, 1},
    {"kinds", required_argument, NULL, 2},     {"url", required_argument, NULL, 3},
    {"conninfo", required_argument, NULL, 4},  {"from", required_argument, NULL, 5},
    {"to", required_argument, NULL, 6},        {"n", required_argument, NULL, 7},
    {"bad-every", required_argument, NULL, 8}, {"rate", required_argument, NULL, 9},
    {"warm", required_argument, NULL, 10},     {"in-flight", required_argument, NULL, 11},
    {"batch", required_argument, NULL, 12},    {"seed", required_argument, NULL, 13},
    {"apart", required_argument, NULL, 14},    {NULL, 0, NULL, 0},
};

/* False on an unknown option or a number that is none. */
static bool
read_options(int argc, char **argv, struct bench *b)
{
    const char **const texts[] = {&b->bootstrap, &b->prefix, &b->kinds, &b->url,
                                  &b->conninfo,  &b->from,   &b->to};
    int64_t *const numbers[] = {&b->n,         &b->bad_every, &b->rate, &b->warm,
                                &b->in_flight, &b->batch,     &b->seed, &b->apart};
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == '?')
            return false;
        if (c < TEXT_OPTS)
            *texts[c] = optarg;
        else if (!str_int(str_of(optarg), numbers[c - TEXT_OPTS]) || *numbers[c - TEXT_OPTS] < 0)
            return false;
    }
    return optind == argc;
}

static int
run(unsigned command, const struct bench *b)
{
    struct buf out = buf_make(1 << 20);
    struct err e = {0};
    int code = EX_OK;

    if (commands[command].run(b, &out, &e) != RES_OK) {
        fprintf(stderr, "bench %s: %s\n", commands[command].name, e.text);
        code = EX_UNAVAILABLE;
    } else {
        printf("%s\n", out.p);
    }
    buf_free(&out);
    return code;
}

int
main(int argc, char **argv)
{
    struct bench b = {.bootstrap = "",
                      .prefix = "",
                      .kinds = "submitted",
                      .url = "",
                      .conninfo = "",
                      .from = "",
                      .to = "",
                      .n = 1000,
                      .rate = 200,
                      .in_flight = 64,
                      .batch = 1000,
                      .seed = 1};

    for (unsigned i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            if (read_options(argc - 1, argv + 1, &b) && b.n > 0 && b.rate > 0 && b.in_flight > 0 &&
                b.batch > 0)
                return run(i, &b);
            break;
        }
    fputs(usage, stderr);
    return EX_USAGE;
}
