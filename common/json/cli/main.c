/* A JSON Schema validator for the command line, over the engine one folder up. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "common/json/cli/cli.h"

static const char help[] =
    "NAME\n"
    "    %1$s - validates JSON against JSON Schema draft 2020-12\n"
    "\n"
    "SYNOPSIS\n"
    "    %1$s validate [OPTION].. SCHEMA FILE..\n"
    "    %1$s bowtie [--home URL]\n"
    "    %1$s --help | --version\n"
    "\n"
    "DESCRIPTION\n"
    "    validate  compiles SCHEMA once and checks each FILE against it. SCHEMA is a file, or a URI below a "
    "--base; either\n"
    "              may end in a fragment (api.json#/components/schemas/Order). One of them may be -, "
    "standard input.\n"
    "              References lead to local files only, never to the network: relative ones to the files "
    "beside SCHEMA,\n"
    "              others below a --base.\n"
    "    bowtie    speaks the line protocol of Bowtie (https://bowtie.report) on standard input and output.\n"
    "\n"
    "OPTIONS OF validate\n"
    "    --output flag|basic   instead of text one line of JSON per file, in the formats of JSON Schema "
    "core, section 12.\n"
    "                          Where findings were left out, the line of basic has \"omittedErrors\", their "
    "number.\n"
    "    --format-assert       `format` judges; without it only where the meta-schema says so\n"
    "    --no-format-assert    the default\n"
    "    --strict              refuses a schema with unknown keywords (but x-..), formats or meta-schemas\n"
    "    --base URI=DIR        what begins with URI is read from DIR, as it is or with .json behind it; "
    "repeatable.\n"
    "                          A SCHEMA in DIR has its URI there.\n"
    "    --max-findings N      shows at most N findings of a file and the number of the others (default "
    "1000)\n"
    "\n"
    "OPTIONS OF bowtie\n"
    "    --home URL            where this build comes from: its home page and sources, with URL/issues\n"
    "\n"
    "OUTPUT\n"
    "    FILE: valid, FILE: invalid with its findings below it as\n"
    "      INSTANCE LOCATION: SENTENCE [KEYWORD at SCHEMA LOCATION]\n"
    "    FILE: undecided when a check was given up at a limit (of time, depth, or a pattern's) and nothing "
    "wrong was found\n"
    "    before, or FILE: not JSON. Of an instance nothing is shown but names and positions.\n"
    "\n"
    "EXIT STATUS\n"
    "    0   every file is valid        66  a file cannot be read\n"
    "    1   one is invalid or undecided  71  out of memory\n"
    "    64  wrong usage                74  the output cannot be written\n"
    "    65  a file is not JSON         76  bowtie: another version of the protocol\n"
    "    78  the schema cannot be read or compiled; the sentence names the place in the schema\n"
    "    Of several the largest counts; the other files are checked all the same.\n";

enum { OPT_OUTPUT = 256, OPT_ASSERT, OPT_ANNOTATE, OPT_STRICT, OPT_BASE, OPT_MAX, OPT_HOME };

static int
usage(const char *why, const char *what)
{
    const char *name = program_invocation_short_name;

    if (why)
        fprintf(stderr, "%s: %s%s%s\n", name, what ? what : "", what ? ": " : "", why);
    fprintf(stderr, "usage: %s validate [OPTION].. SCHEMA FILE.. | bowtie | --help | --version\n", name);
    return EX_USAGE;
}

static int
read_output(const char *arg, enum cli_output *ret)
{
    if (strcmp(arg, "flag") != 0 && strcmp(arg, "basic") != 0)
        return usage("must be flag or basic", "--output");
    *ret = arg[0] == 'f' ? OUTPUT_FLAG : OUTPUT_BASIC;
    return EX_OK;
}

static int
read_max(const char *arg, uint64_t *ret)
{
    int64_t n;

    if (!str_int(str_of(arg), &n) || n < 0)
        return usage("must be a number, 0 or more", "--max-findings");
    *ret = (uint64_t)n;
    return EX_OK;
}

static int
read_base(const char *arg, struct load_places *places)
{
    struct err e = {0};

    return load_base(places, arg, &e) == RES_OK ? EX_OK : usage(e.text, "--base");
}

static int
take_option(struct cli_validate *v, int c)
{
    switch (c) {
    case OPT_OUTPUT:
        return read_output(optarg, &v->output);
    case OPT_ASSERT:
    case OPT_ANNOTATE:
        v->opts.format_assert = c == OPT_ASSERT;
        return EX_OK;
    case OPT_STRICT:
        v->opts.strict = true;
        return EX_OK;
    case OPT_BASE:
        return read_base(optarg, &v->places);
    case OPT_MAX:
        return read_max(optarg, &v->max_findings);
    default:
        return usage(NULL, NULL); /* getopt has said why */
    }
}

/* What the arguments after the options have to be. */
static int
take_files(struct cli_validate *v, char **arg)
{
    unsigned dashes = 0;

    if (!arg[0] || !arg[1])
        return usage("a schema and a file are needed", NULL);
    v->schema = arg[0];
    v->file = arg + 1;
    for (char **a = arg; *a; a++)
        dashes += strcmp(*a, "-") == 0;
    return dashes > 1 ? usage("standard input can be read once", "-") : EX_OK;
}

static int
run_validate(int argc, char **argv)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, OPT_OUTPUT},
        {"format-assert", no_argument, NULL, OPT_ASSERT},
        {"no-format-assert", no_argument, NULL, OPT_ANNOTATE},
        {"strict", no_argument, NULL, OPT_STRICT},
        {"base", required_argument, NULL, OPT_BASE},
        {"max-findings", required_argument, NULL, OPT_MAX},
        {NULL, 0, NULL, 0},
    };
    struct cli_validate v = {.name = program_invocation_short_name, .max_findings = 1000};
    int code = EX_OK;
    int c;

    while (code == EX_OK && (c = getopt_long(argc, argv, "", options, NULL)) != -1)
        code = take_option(&v, c);
    if (code == EX_OK)
        code = take_files(&v, argv + optind);
    if (code == EX_OK)
        code = cli_validate(&v);
    load_places_free(&v.places);
    return code;
}

static int
run_bowtie(int argc, char **argv)
{
    static const struct option options[] = {{"home", required_argument, NULL, OPT_HOME}, {NULL, 0, NULL, 0}};
    struct cli_bowtie b = {
        .name = program_invocation_short_name, .version = APP_VERSION, .home = "about:blank"};
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c != OPT_HOME)
            return usage(NULL, NULL);
        b.home = optarg;
    }
    return argv[optind] ? usage("takes no arguments", "bowtie") : cli_bowtie(&b, stdin, stdout);
}

static int
run_command(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    if (strcmp(word, "--help") == 0)
        return printf(help, program_invocation_short_name) < 0 ? EX_IOERR : EX_OK;
    if (strcmp(word, "--version") == 0)
        return printf("%s %s\n", program_invocation_short_name, APP_VERSION) < 0 ? EX_IOERR : EX_OK;
    if (strcmp(word, "validate") == 0)
        return run_validate(argc - 1, argv + 1);
    if (strcmp(word, "bowtie") == 0)
        return run_bowtie(argc - 1, argv + 1);
    return usage(argc > 1 ? "no such command" : NULL, argc > 1 ? word : NULL);
}

int
main(int argc, char **argv)
{
    int code = run_command(argc, argv);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: standard output: %s\n", program_invocation_short_name, strerror(errno));
        return EX_IOERR;
    }
    return code;
}
