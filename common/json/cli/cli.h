/* cli: a JSON Schema validator for the command line: what its commands share. */
#ifndef JSON_CLI_CLI_H
#define JSON_CLI_CLI_H

#include <sysexits.h>

#include "common/json/cli/load.h"

enum { CLI_VALID = EX_OK, CLI_INVALID = 1 };

enum cli_output { OUTPUT_TEXT, OUTPUT_FLAG, OUTPUT_BASIC };

struct cli_validate {
    const char *name; /* of the program, for messages */
    enum cli_output output;
    struct schema_opts opts;
    uint64_t max_findings;
    struct load_places places;
    const char *schema;
    char **file; /* ends in NULL */
};

/* Validates the files and returns the exit code. */
int cli_validate(struct cli_validate *v);

struct cli_bowtie {
    const char *name;
    const char *version;
    const char *home; /* URL of whoever builds and offers this program */
};

/* Answers Bowtie's commands until `stop` or the end of `in`; returns the exit code. */
int cli_bowtie(const struct cli_bowtie *b, FILE *in, FILE *out);

#endif
