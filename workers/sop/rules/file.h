/* file: whole files of the rule set. Internal. */
#ifndef SOP_RULES_FILE_H
#define SOP_RULES_FILE_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/base/str.h"

enum { RULES_FILE_MAX = 8 << 20 };

/* The file's bytes, NUL behind them, for the caller to free; NULL and RES_FATAL in `e` otherwise. */
char *file_read(const char *path, size_t *n, struct err *e);

/* The file as JSON, no member twice; NULL and RES_FATAL with the line otherwise. New reference. */
json_t *file_json(const char *path, struct err *e);

#endif
