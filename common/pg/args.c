#include "common/pg/args.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define PG_EPOCH_US INT64_C(946684800000000) /* 2000-01-01, in microseconds since 1970 */

struct pg_args
pg_args_make(void)
{
    return (struct pg_args){.bytes = buf_make(PG_ARGS_BYTES)};
}

void
pg_args_free(struct pg_args *a)
{
    buf_free(&a->bytes);
}

void
pg_args_reset(struct pg_args *a)
{
    buf_reset(&a->bytes);
    a->n = 0;
    a->array = 0;
}

static void
put32(struct buf *b, int32_t v)
{
    uint32_t u = htonl((uint32_t)v);

    buf_add(b, &u, 4);
}

static void
put64(struct buf *b, int64_t v)
{
    uint64_t u = __builtin_bswap64((uint64_t)v);

    buf_add(b, &u, 8);
}

static void
close_arg(struct pg_args *a, bool null)
{
    if (a->n == PG_ARGS)
        abort(); /* a statement with more parameters is a bug */
    a->null[a->n++] = null;
    a->at[a->n] = a->bytes.n;
}

void
pg_arg_text(struct pg_args *a, struct str s)
{
    buf_str(&a->bytes, s);
    close_arg(a, !s.p);
}

void
pg_arg_int8(struct pg_args *a, int64_t v)
{
    put64(&a->bytes, v);
    close_arg(a, false);
}

void
pg_arg_int4(struct pg_args *a, int32_t v)
{
    put32(&a->bytes, v);
    close_arg(a, false);
}

void
pg_arg_bool(struct pg_args *a, bool v)
{
    buf_char(&a->bytes, (char)v);
    close_arg(a, false);
}

void
pg_arg_time(struct pg_args *a, int64_t t_us)
{
    if (t_us != INT64_MIN)
        put64(&a->bytes, t_us - PG_EPOCH_US);
    close_arg(a, t_us == INT64_MIN);
}

void
pg_array(struct pg_args *a, enum pg_oid oid)
{
    a->array = a->bytes.n + 1;
    a->elems = 0;
    put32(&a->bytes, 1); /* dimensions */
    put32(&a->bytes, 1); /* may hold NULLs */
    put32(&a->bytes, (int32_t)oid);
    put32(&a->bytes, 0); /* length: patched at the end */
    put32(&a->bytes, 1); /* lower bound */
}

void
pg_array_end(struct pg_args *a)
{
    uint32_t n = htonl((uint32_t)a->elems);

    if (!a->bytes.failed)
        memcpy(a->bytes.p + a->array - 1 + 12, &n, 4);
    a->array = 0;
    close_arg(a, false);
}

static bool
elem(struct pg_args *a, bool null, int32_t size)
{
    a->elems++;
    put32(&a->bytes, null ? -1 : size);
    return !null;
}

void
pg_elem_text(struct pg_args *a, struct str s)
{
    if (elem(a, !s.p, (int32_t)s.n))
        buf_str(&a->bytes, s);
}

void
pg_elem_int8(struct pg_args *a, int64_t v)
{
    elem(a, false, 8);
    put64(&a->bytes, v);
}

void
pg_elem_int4(struct pg_args *a, int32_t v)
{
    elem(a, false, 4);
    put32(&a->bytes, v);
}

void
pg_elem_bool(struct pg_args *a, bool v)
{
    elem(a, false, 1);
    buf_char(&a->bytes, (char)v);
}

void
pg_elem_time(struct pg_args *a, int64_t t_us)
{
    if (elem(a, t_us == INT64_MIN, 8))
        put64(&a->bytes, t_us - PG_EPOCH_US);
}

void
pg_args_params(const struct pg_args *a, struct pg_params *out)
{
    for (unsigned i = 0; i < a->n; i++) {
        out->val[i] = a->null[i] ? NULL : a->bytes.p + a->at[i];
        out->len[i] = (int)(a->at[i + 1] - a->at[i]);
        out->fmt[i] = 1;
    }
}
