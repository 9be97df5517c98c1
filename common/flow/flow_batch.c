#include "common/flow/flow_priv.h"

#include <stdlib.h>

/* ---- batches ---------------------------------------------------------------------------------------------------- */

struct flow_item *
flow_batch_add(struct batch *b)
{
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        struct flow_item *grown = realloc(b->items, cap * sizeof *grown);

        if (!grown)
            abort();
        b->items = grown;
        b->cap = cap;
    }
    b->items[b->n] = (struct flow_item){0};
    return &b->items[b->n++];
}

static void
item_free(struct flow *f, struct flow_item *it)
{
    if (it->mine && it->rkm)
        f->opts.ops->drop(f->opts.w, it->mine);
    else if (it->mine)
        f->opts.ops->drop_own(f->opts.w, it->mine);
    if (it->rkm)
        rd_kafka_message_destroy(it->rkm);
}

void
flow_batch_clear(struct flow *f, struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        item_free(f, &b->items[i]);
    b->n = b->bytes = 0;
}

/* Forgets the records, keeps what is our own. */
void
flow_batch_drop_records(struct flow *f, struct batch *b)
{
    size_t kept = 0;

    for (size_t i = 0; i < b->n; i++) {
        if (b->items[i].rkm) {
            item_free(f, &b->items[i]);
        } else {
            b->items[i].code = NULL;
            b->items[kept++] = b->items[i];
        }
    }
    b->n = kept;
    b->bytes = 0;
}

void
flow_batch_append(struct batch *to, struct batch *from)
{
    for (size_t i = 0; i < from->n; i++)
        *flow_batch_add(to) = from->items[i];
    to->bytes += from->bytes;
    from->n = from->bytes = 0;
}

/* What is left of `from` goes before what `to` holds. */
void
flow_batch_prepend(struct batch *to, struct batch *from)
{
    flow_batch_append(from, to);
    struct batch tmp = *to;
    *to = *from;
    *from = tmp;
}

bool
flow_full(const struct flow *f)
{
    return f->next.n >= f->opts.batch_max || f->next.bytes >= BATCH_BYTES;
}
