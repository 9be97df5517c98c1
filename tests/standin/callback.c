#include "tests/standin/callback.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clk.h"
#include "common/http/webhook.h"
#include "tests/standin/say.h"

enum { TRIES = 8, FIRST_WAIT_MS = 200, TIMEOUT_MS = 10000 };

struct callback {
    struct loop_timer timer; /* until the next try */
    struct standin *x;
    char id[48];
    char *url;
    struct buf body;
    unsigned tries;
    struct callback *then;    /* begins when this one is over; in the list too; or NULL */
    struct answer_held *held; /* released when this one is over; or NULL */
    struct callback *prev;
    struct callback *next;
};

static void
drop(struct callback *cb)
{
    struct standin *x = cb->x;

    loop_timer_stop(x->loop, &cb->timer);
    if (cb->next)
        cb->next->prev = cb->prev;
    if (cb->prev)
        cb->prev->next = cb->next;
    else
        x->callbacks = cb->next;
    buf_free(&cb->body);
    free(cb->url);
    free(cb);
}

static void try_now(void *arg);

/* It was heard or is given up: what waited for that goes on. */
static void
over(struct callback *cb, bool heard)
{
    struct callback *then = cb->then;
    struct answer_held *held = cb->held;

    *(heard ? &cb->x->stats.callbacks_sent : &cb->x->stats.callbacks_failed) += 1;
    drop(cb);
    if (then)
        try_now(then);
    answer_release(held);
}

/* 2xx is heard; everything else is tried again. */
static void
on_answer(void *arg, const struct client_answer *a)
{
    struct callback *cb = arg;
    bool heard = a->fate == CLIENT_ANSWERED && a->code / 100 == 2;

    if (heard || cb->tries >= TRIES)
        over(cb, heard);
    else
        loop_timer_set(cb->x->loop, &cb->timer, FIRST_WAIT_MS << (cb->tries - 1));
}

static enum res
sign(struct callback *cb, const char *at, struct buf *line)
{
    struct webhook w = {.id = str_of(cb->id), .timestamp = str_of(at), .body = buf_view(&cb->body)};

    buf_z(line, "webhook-signature: ");
    return webhook_sign(&w, str_of(cb->x->callback_secret), line, NULL);
}

static void
try_now(void *arg)
{
    struct callback *cb = arg;
    struct buf signature = buf_make(256);
    char at[24];
    char id[64];
    char stamp[64];
    const char *headers[] = {"Content-Type: application/json", id, stamp, NULL, NULL};
    const struct client_call call = {.method = "POST",
                                     .url = cb->url,
                                     .headers = headers,
                                     .body = buf_view(&cb->body),
                                     .timeout_ms = TIMEOUT_MS,
                                     .fn = on_answer,
                                     .arg = cb};

    snprintf(at, sizeof at, "%lld", (long long)(clk_us(clk_real()) / 1000000));
    snprintf(id, sizeof id, "webhook-id: %s", cb->id);
    snprintf(stamp, sizeof stamp, "webhook-timestamp: %s", at);
    if (cb->x->callback_secret && !sign(cb, at, &signature))
        headers[3] = signature.p;
    cb->tries++;
    if (client_start(cb->x->client, &call, NULL))
        over(cb, false);
    buf_free(&signature);
}

/* In the list, not begun; NULL when memory is out. */
static struct callback *
make(struct standin *x, const struct book_reg *reg)
{
    struct callback *cb = calloc(1, sizeof *cb);

    if (!cb)
        return NULL;
    *cb = (struct callback){.timer = {.fn = try_now, .arg = cb},
                            .x = x,
                            .url = str_dup((struct str){reg->url->z, reg->url->n}),
                            .body = buf_make(65536),
                            .next = x->callbacks};
    if (cb->next)
        cb->next->prev = cb;
    x->callbacks = cb;
    snprintf(cb->id, sizeof cb->id, "msg_INT-%010u_%u", reg->id, reg->urutan);
    say_state(reg, &cb->body);
    if (cb->url && !cb->body.failed)
        return cb;
    drop(cb);
    return NULL;
}

void
callback_send(struct standin *x, const struct callback_news *news)
{
    struct callback *before = news->now->url && news->before ? make(x, news->before) : NULL;
    struct answer_held *held = news->held;

    if (before)
        before->held = held;
    for (int64_t left = news->now->url ? news->repeat : 0; left > 0; left--) {
        struct callback *cb = make(x, news->now);

        if (!cb)
            continue;
        if (left == 1) { /* the last one leads on to the rest */
            cb->then = before;
            cb->held = before ? NULL : held;
            before = NULL;
            held = NULL;
        }
        try_now(cb);
    }
    if (before)
        try_now(before);
    else
        answer_release(held);
}

size_t
callback_waiting(const struct standin *x)
{
    size_t n = 0;

    for (const struct callback *cb = x->callbacks; cb; cb = cb->next)
        n++;
    return n;
}

void
callback_clear(struct standin *x)
{
    for (struct callback *cb = x->callbacks, *next; cb; cb = next) {
        next = cb->next;
        answer_release(cb->held);
        drop(cb);
    }
}
