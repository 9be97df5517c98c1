#include "common/flow/flow_priv.h"

#include <stdlib.h>

#include "common/base/caltime.h"

static const struct pg_stmt dead_stmt = {
    "dead_letter",
    "insert into dead_letter (worker, topic, partition, kafka_offset, code, reason) "
    "select $1::text, * from unnest($2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[]) "
    "on conflict do nothing"};

/* ---- emitting --------------------------------------------------------------------------------------------------- */

struct outbox_row *
flow_row(struct flow *f)
{
    if (f->nrows == f->rows_cap) {
        size_t cap = f->rows_cap ? f->rows_cap * 2 : 64;
        struct outbox_row *grown = realloc(f->rows, cap * sizeof *grown);

        if (!grown)
            abort();
        f->rows = grown;
        f->rows_cap = cap;
    }
    f->rows[f->nrows] = (struct outbox_row){0};
    return &f->rows[f->nrows++];
}

void
flow_emit(struct flow *f, const char *topic, struct str key, struct str value)
{
    struct outbox_row *row = flow_row(f);

    row->lane = outbox_lane(key);
    row->topic = arena_str(&f->arena, str_of(topic));
    row->key = arena_str(&f->arena, key);
    row->value = arena_str(&f->arena, value);
}

void
flow_forget_rows(struct flow *f)
{
    f->nrows = 0;
    arena_reset(&f->arena);
}

/* ---- dead letters ----------------------------------------------------------------------------------------------- */

/* Compressed, a record may be far larger than the broker's limit; what goes out must stay below it. */
enum { DEAD_VALUE_MAX = 4 << 20, DEAD_HEADERS_MAX = 256 << 10, DEAD_KEY_MAX = 64 << 10 };

static unsigned
own_headers(struct flow *f, const struct flow_item *it, struct producer_header *h)
{
    const char *const names[] = {"worker",           "code",          "reason",    "origin-topic",
                                 "origin-partition", "origin-offset", "failed-at", "cut-from"};
    unsigned n = it->rkm->len > DEAD_VALUE_MAX ? 8 : 7;
    char size[24];
    char part[16];
    char off[24];
    char at[32];
    const char *const values[] = {f->opts.worker, it->code, it->why, rd_kafka_topic_name(it->rkm->rkt),
                                  part,           off,      at,      size};

    snprintf(part, sizeof part, "%d", it->rkm->partition);
    snprintf(off, sizeof off, "%lld", (long long)it->rkm->offset);
    snprintf(size, sizeof size, "%zu", it->rkm->len);
    caltime_format(clk_us(f->opts.clk), at);
    for (unsigned i = 0; i < n; i++) {
        struct buf name = buf_make(128);

        buf_printf(&name, "%s%s", f->opts.header_prefix, names[i]);
        h[i].name = arena_str(&f->arena, buf_view(&name)).p;
        h[i].value = arena_str(&f->arena, str_of(values[i]));
        buf_free(&name);
    }
    return n;
}

static unsigned
their_headers(const rd_kafka_message_t *rkm, struct producer_header *h, unsigned max)
{
    rd_kafka_headers_t *hdrs;
    const char *name;
    const void *value;
    size_t size;
    size_t all = 0;
    unsigned n = 0;

    if (rd_kafka_message_headers(rkm, &hdrs) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    while (n < max && rd_kafka_header_get_all(hdrs, n, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        all += strlen(name) + size;
        h[n].name = name;
        h[n++].value = (struct str){value, size};
    }
    return all <= DEAD_HEADERS_MAX ? n : 0;
}

/* The record's key, bytes and headers as they came unless too large, and behind them what we say of it. */
static void
emit_dead(struct flow *f, const struct flow_item *it)
{
    struct producer_header h[48];
    struct buf packed = buf_make(1 << 20);
    struct str key = {it->rkm->key, it->rkm->key_len};
    size_t size = it->rkm->len < DEAD_VALUE_MAX ? it->rkm->len : DEAD_VALUE_MAX;
    struct outbox_row *row = flow_row(f);
    unsigned n = their_headers(it->rkm, h, 40);

    n += own_headers(f, it, h + n);
    outbox_headers(h, n, &packed);
    row->key = arena_str(&f->arena, key.n <= DEAD_KEY_MAX ? key : STR_NULL);
    row->value = arena_str(&f->arena, (struct str){it->rkm->payload, size});
    row->headers = arena_str(&f->arena, buf_view(&packed));
    row->topic = arena_str(&f->arena, str_of(f->opts.dead_topic));
    row->lane = outbox_lane(row->key);
    buf_free(&packed);
}

static void
dead_args(struct flow *f)
{
    const struct batch *b = &f->cur;
    struct pg_args *a = &f->args;

    pg_args_reset(a);
    pg_arg_text(a, str_of(f->opts.worker));
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].code && b->items[i].rkm)
            pg_elem_text(a, str_of(rd_kafka_topic_name(b->items[i].rkm->rkt)));
    pg_array_end(a);
    pg_array(a, PG_INT4);
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].code && b->items[i].rkm)
            pg_elem_int4(a, b->items[i].rkm->partition);
    pg_array_end(a);
    pg_array(a, PG_INT8);
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].code && b->items[i].rkm)
            pg_elem_int8(a, b->items[i].rkm->offset);
    pg_array_end(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].code && b->items[i].rkm)
            pg_elem_text(a, str_of(b->items[i].code));
    pg_array_end(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].code && b->items[i].rkm)
            pg_elem_text(a, str_of(b->items[i].why));
    pg_array_end(a);
}

void
flow_send_dead(struct flow *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->cur.n; i++) {
        if (!f->cur.items[i].code || !f->cur.items[i].rkm)
            continue;
        emit_dead(f, &f->cur.items[i]);
        n++;
    }
    if (!n)
        return;
    dead_args(f);
    pg_send(f->opts.pg, &dead_stmt, &f->args, NULL, NULL);
}
