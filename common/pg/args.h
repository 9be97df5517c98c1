/* args: parameters of one statement in Postgres' binary format: scalars, and arrays for `unnest`. Build, send, reset. */
#ifndef PG_ARGS_H
#define PG_ARGS_H

#include "common/base/buf.h"
#include "common/base/str.h"

enum { PG_ARGS = 32, PG_ARGS_BYTES = 256 << 20 };

enum pg_oid {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_TIME = 1184
};

struct pg_args {
    struct buf bytes;
    size_t at[PG_ARGS + 1]; /* where each parameter begins in `bytes` */
    bool null[PG_ARGS];
    unsigned n;
    size_t array; /* where the open array's header begins + 1, or 0 */
    int32_t elems;
};

struct pg_args pg_args_make(void);
void pg_args_free(struct pg_args *a);
void pg_args_reset(struct pg_args *a);

/* Scalars. A slice with p == NULL is SQL NULL. */
void pg_arg_text(struct pg_args *a, struct str s); /* text or bytea */
void pg_arg_int8(struct pg_args *a, int64_t v);
void pg_arg_int4(struct pg_args *a, int32_t v);
void pg_arg_bool(struct pg_args *a, bool v);
void pg_arg_time(struct pg_args *a, int64_t t_us); /* INT64_MIN is NULL */

/* Arrays: begin, add elements of that type, end. */
void pg_array(struct pg_args *a, enum pg_oid oid);
void pg_array_end(struct pg_args *a);
void pg_elem_text(struct pg_args *a, struct str s); /* for PG_TEXT and PG_BYTEA; p == NULL is NULL */
void pg_elem_int8(struct pg_args *a, int64_t v);
void pg_elem_int4(struct pg_args *a, int32_t v);
void pg_elem_bool(struct pg_args *a, bool v);
void pg_elem_time(struct pg_args *a, int64_t t_us); /* INT64_MIN is NULL */

/* As libpq's functions take them; points into `a`. */
struct pg_params {
    const char *val[PG_ARGS];
    int len[PG_ARGS];
    int fmt[PG_ARGS];
};
void pg_args_params(const struct pg_args *a, struct pg_params *out);

#endif
