#include "tests/bench/steady.h"

#include <stdio.h>

enum { FLUSH_MS = 10000 };

struct sender {
    const struct steady *s;
    rd_kafka_t *rk;
    struct buf form, event;
    int64_t undelivered; /* counted where this thread polls */
    char topic[256];
};

static void
delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
    struct sender *x = m->_private;

    (void)rk;
    (void)arg;
    x->undelivered += m->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static enum res
send_one(struct sender *x, int64_t i, struct err *e)
{
    struct form f = form_make(x->s->b->seed, i, false);
    rd_kafka_resp_err_t code;

    buf_reset(&x->event);
    story_write(&f, x->s->kind, &x->form, &x->event);
    x->s->sending(x->s->arg, i);
    code = rd_kafka_producev(x->rk, RD_KAFKA_V_TOPIC(x->topic), RD_KAFKA_V_KEY(f.nomor, strlen(f.nomor)),
                             RD_KAFKA_V_VALUE(x->event.p, x->event.n),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(x), RD_KAFKA_V_END);
    rd_kafka_poll(x->rk, 0);
    return code ? err_set(e, RES_RETRY, "%s: %s", x->topic, rd_kafka_err2str(code)) : RES_OK;
}

static enum res
send_all(struct sender *x, struct err *e)
{
    int64_t begun_us = bench_now_us();
    enum res res = RES_OK;

    for (int64_t i = 0; res == RES_OK && i < x->s->n; i++) {
        bench_sleep_until(begun_us + i * 1000000 / x->s->b->rate);
        res = send_one(x, i, e);
    }
    if (res == RES_OK && rd_kafka_flush(x->rk, FLUSH_MS))
        res = err_set(e, RES_RETRY, "not acknowledged within %d ms", FLUSH_MS);
    if (res == RES_OK && x->undelivered)
        res = err_set(e, RES_RETRY, "%lld records were not delivered", (long long)x->undelivered);
    return res;
}

enum res
steady_run(const struct steady *s, struct err *e)
{
    static const char *const pairs[] = {"acks", "all",         "linger.ms",      "0", "socket.nagle.disable",
                                        "true", "partitioner", "murmur2_random", NULL};
    struct sender x = {.s = s, .form = buf_make(1 << 16), .event = buf_make(1 << 16)};
    enum res res = RES_FATAL;

    snprintf(x.topic, sizeof x.topic, "%s.%s", s->b->prefix, story_topic(s->kind));
    x.rk = bench_client(s->b, RD_KAFKA_PRODUCER, pairs, delivered, e);
    if (x.rk) {
        res = send_all(&x, e);
        rd_kafka_destroy(x.rk);
    }
    buf_free(&x.form);
    buf_free(&x.event);
    return res;
}
