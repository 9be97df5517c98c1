/* migrate: numbered SQL files, applied once each, in order, under an advisory lock. A plain blocking connection.
 *
 * A folder holds NNNN_name.sql from 0001 on without gaps. Each file runs in a transaction of its own, together with its
 * row in `schema_migration`. Its first line may say "-- oldest program: VERSION": the oldest program that still works
 * with the database afterwards. */
#ifndef PG_MIGRATE_H
#define PG_MIGRATE_H

#include <libpq-fe.h>

#include <stdbool.h>

#include "common/base/err.h"
#include "common/base/str.h"

struct migrate_step {
    int number;
    const char *name;   /* "NNNN_name.sql" without number and ending */
    const char *oldest; /* "" when the file does not say */
    bool applied;       /* false: it was there before */
};

struct migrate_opts {
    const char *dir;    /* where the files are */
    const char *schema; /* made when it is not there; becomes the connection's search_path */
    void (*step)(void *arg,
                 const struct migrate_step *step); /* told once per file, after its COMMIT; may be NULL */
    void *arg;
};

/* Brings the schema up to date, and leaves search_path and time-outs of the session changed. RES_RETRY: the connection
 * broke, or a lock was not to be had; RES_REJECT: a file's SQL failed (nothing of it stays);
 * RES_FATAL: the folder cannot be read, has gaps, or is not the one that was applied here. */
enum res migrate_run(PGconn *pg, const struct migrate_opts *opts, struct err *e);

/* Compares versions number by number: 0.9 < 0.10 < 1; what is no digit ends a version. Negative, 0 or positive. */
int migrate_version_cmp(struct str a, struct str b);

/* The number and the name in "NNNN_name.sql"; false for any other file name. `*name` points into `file`. */
bool migrate_file_name(const char *file, int *number, struct str *name);

/* What the first line of a file gives as oldest program; STR_NULL when it does not. Points into `text`. */
struct str migrate_oldest(struct str text);

#endif
