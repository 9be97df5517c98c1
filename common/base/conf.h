/* conf: settings from an INI file and the environment into typed structs, described by one table per program. `--help`,
 * the sample file and the check all come from the same table.
 *
 * File: UTF-8, `[section]`, `key = value`; a line whose first character is `#` or `;` is a comment, there are no others
 * (a value may hold either). Environment: <PREFIX>_<SECTION>_<KEY> in capitals, `.` and `-` as `_`; it wins over the
 * file. A key that carries CONF_SECRET may be given as `<key>_file`: the file's first line is the value. */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

enum conf_type {
    CONF_STR,   /* const char *; NULL only where the default is NULL */
    CONF_INT,   /* int64_t */
    CONF_BOOL,  /* bool: true/false, yes/no, on/off, 1/0 */
    CONF_MS,    /* int64_t milliseconds: 250ms, 10s, 5m, 24h, 7d */
    CONF_BYTES, /* int64_t bytes: 512, 64k, 10m, 1g (powers of 1024) */
    CONF_ENUM   /* int64_t: index into `choices` */
};

enum {
    CONF_REQUIRED = 1, /* no default will do */
    CONF_SECRET = 2,   /* never printed; `_file` allowed */
    CONF_RELOAD = 4    /* may change on SIGHUP */
};

struct conf_key {
    const char *section;
    const char *name;
    enum conf_type type;
    size_t offset;   /* in the table's struct */
    const char *def; /* as it would be written in the file; NULL = unset */
    unsigned flags;
    const char *choices; /* CONF_ENUM: "live|shadow|off" */
    int64_t min, max;    /* for numbers; both 0 = no bounds */
    const char *help;    /* one sentence */
};

struct conf_table {
    const struct conf_key *keys; /* ended by a NULL section */
    void *base;                  /* the struct that offsets refer to */
};

/* Settings handed on unread, such as a client library's own properties. */
struct conf_pass {
    const char *section;
    struct conf_pair {
        char *name;
        char *value;
    } * pairs;
    size_t n;
};

struct conf_spec {
    const char *env_prefix;          /* "APP" */
    const struct conf_table *tables; /* ended by NULL keys */
    struct conf_pass *pass;          /* ended by a NULL section; may be NULL */
    const char *const
        *other_sections; /* sections of sibling programs in the same file, ended by NULL; may be NULL */
};

struct conf; /* owns every string that the structs point to */

/* Reads `file` (NULL = environment and defaults only) into the tables' structs. RES_FATAL with a sentence that names
 * section and key when something is unknown, malformed, out of bounds, missing or given twice. `*ret` is the caller's. */
enum res conf_load(const struct conf_spec *spec, const char *file, struct conf **ret, struct err *e);
void conf_free(struct conf *conf);

/* Frees what was handed on unread, so that the spec's `pass` may go before the rest. */
void conf_forget_pass(struct conf *conf);

/* A commented sample file with each key, its default, bounds and help. */
void conf_sample(const struct conf_spec *spec, struct buf *out);

/* The next word of a list value, divided by commas and blanks; `*list` moves on. STR_NULL at its end, and of NULL. */
struct str conf_word(const char **list);

/* How many words a list value has; 0 of NULL. */
size_t conf_count(const char *list);

/* Splits a list value in place the same way; returns how many, at most `max`: whoever has a limit asks conf_count first and
 * refuses more. */
size_t conf_list(char *value, char **ret, size_t max);

#endif
