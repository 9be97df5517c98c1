/* file: small files, whole. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdio.h>

#include "common/base/err.h"

/* The bytes of a file of at most `max` bytes with a NUL behind them, for the caller to free; `*n` says how many. NULL,
 * `*n` 0 and RES_FATAL with the path and the cause otherwise. */
char *file_read(const char *path, size_t max, size_t *n, struct err *e);

/* The same of what is left in an open stream, called `name` in the cause. The stream stays open and the caller's. */
char *file_read_stream(FILE *in, const char *name, size_t max, size_t *n, struct err *e);

#endif
