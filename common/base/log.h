/* log: one line per event on stderr, logfmt or JSON. Every value passes a redacting formatter before it is written:
 * long digit runs (personnel and identity numbers), e-mail addresses, phone numbers and bearer tokens never reach the
 * output, whatever the caller passed. Newlines are flattened, errno is kept. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

/* Set once at start, before anything is logged; `prog` must outlive the process. */
void log_setup(const char *prog, enum log_format format, enum log_level level);
void log_set_level(enum log_level level);

/* A named value of a line. Use the LOG_* makers below and end the list with LOG_END. */
struct log_field {
    const char *name; /* NULL ends the list */
    enum { LOG_F_STR, LOG_F_INT } kind;
    struct str s;
    int64_t i;
};
#define LOG_S(name, slice) ((struct log_field){name, LOG_F_STR, slice, 0})
#define LOG_Z(name, z)     ((struct log_field){name, LOG_F_STR, str_of(z), 0})
#define LOG_I(name, v)     ((struct log_field){name, LOG_F_INT, STR_NULL, v})

/* `event` is a fixed sentence; fields carry what varies. */
void log_write(enum log_level level, const char *event, const struct log_field *fields, unsigned n);

#define log_at(level, event, ...)                                                                            \
    log_write(level, event, (const struct log_field[]){__VA_ARGS__},                                         \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__, LOG_NONE)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__, LOG_NONE)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__, LOG_NONE)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__, LOG_NONE)
#define LOG_NONE       ((struct log_field){NULL, LOG_F_INT, STR_NULL, 0})

/* Appends `s` to `out` with whatever looks personal or secret masked:
 * - 16 or more digits in a row, and personnel (18) and citizens' (16) numbers printed in groups, keep their last 3;
 * - an e-mail address keeps its first letter and domain;
 * - a telephone number (+62.., 08.., 0778.., 628..) keeps its first 3 and last 2 characters;
 * - what follows "Bearer " or "Basic ", what is assigned (= or :) to a name that ends in authorization, password, passwd,
 *   secret, token or api_key, and who logs in by a URL, keep nothing.
 * UUIDs, digests with a letter, and shorter numbers stay. Stops when `out` is full. */
void log_redact(struct buf *out, struct str s);

#endif
