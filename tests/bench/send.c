/* send: publishes the events of requests as fast as the broker takes them. */
#include <stdio.h>

#include "tests/bench/bench.h"
#include "tests/bench/story.h"

enum { FLUSH_MS = 60000 };

struct sending {
    const struct bench *b;
    rd_kafka_t *rk;
    struct buf form, event;
    int64_t sent, bytes, failed; /* `failed` belongs to the thread that polls: this one */
    size_t form_min, form_max;
};

static void
delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
    struct sending *s = m->_private;

    (void)rk;
    (void)arg;
    s->failed += m->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static enum res
put(struct sending *s, const struct form *f, enum story_kind k, struct err *e)
{
    char topic[256];
    rd_kafka_resp_err_t code;

    snprintf(topic, sizeof topic, "%s.%s", s->b->prefix, story_topic(k));
    buf_reset(&s->event);
    story_write(f, k, &s->form, &s->event);
    if (s->event.failed || s->form.failed)
        return err_set(e, RES_FATAL, "out of memory");
    if (k == STORY_SUBMITTED && !f->bad) {
        if (s->form.n < FORM_MIN || s->form.n > FORM_MAX)
            return err_set(e, RES_FATAL, "form %s has %zu bytes", f->nomor, s->form.n);
        s->form_min = s->form.n < s->form_min ? s->form.n : s->form_min;
        s->form_max = s->form.n > s->form_max ? s->form.n : s->form_max;
    }
    while ((code = rd_kafka_producev(
                s->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(f->nomor, strlen(f->nomor)),
                RD_KAFKA_V_VALUE(s->event.p, s->event.n), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                RD_KAFKA_V_OPAQUE(s), RD_KAFKA_V_END)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(s->rk, 100);
    s->sent++;
    s->bytes += (int64_t)s->event.n;
    return code ? err_set(e, RES_FATAL, "%s: %s", topic, rd_kafka_err2str(code)) : RES_OK;
}

static enum res
put_kind(void *arg, struct str name, struct err *e)
{
    struct sending *s = arg;
    enum story_kind k = story_kind_of(name);
    enum res res = RES_OK;

    if (k == STORY_KINDS)
        return err_set(e, RES_FATAL, "no such kind: %.*s", STR_FMT(name));
    for (int64_t i = 0; res == RES_OK && i < s->b->n; i++) {
        bool bad = s->b->bad_every && i % s->b->bad_every == s->b->bad_every - 1;
        struct form f = form_make(s->b->seed, s->b->apart ? (int64_t)k * s->b->n + i : i, bad);

        res = put(s, &f, k, e);
        rd_kafka_poll(s->rk, 0);
    }
    return res;
}

enum res
send_run(const struct bench *b, struct buf *out, struct err *e)
{
    static const char *const pairs[] = {"acks",
                                        "all",
                                        "linger.ms",
                                        "20",
                                        "queue.buffering.max.messages",
                                        "50000",
                                        "batch.num.messages",
                                        "2000",
                                        "partitioner",
                                        "murmur2_random",
                                        NULL};
    struct sending s = {
        .b = b, .form = buf_make(1 << 16), .event = buf_make(1 << 16), .form_min = FORM_MAX, .form_max = 0};
    struct bench_lap lap = bench_begin();
    enum res res = RES_FATAL;

    s.rk = bench_client(b, RD_KAFKA_PRODUCER, pairs, delivered, e);
    if (s.rk)
        res = bench_each(b->kinds, put_kind, &s, e);
    if (s.rk && res == RES_OK && rd_kafka_flush(s.rk, FLUSH_MS))
        res = err_set(e, RES_RETRY, "not acknowledged within %d ms", FLUSH_MS);
    if (res == RES_OK && s.failed)
        res = err_set(e, RES_RETRY, "%lld records were not delivered", (long long)s.failed);
    lap = bench_end(&lap);
    buf_printf(
        out,
        "{\"records\":%lld,\"bytes\":%lld,\"form_bytes_min\":%zu,\"form_bytes_max\":%zu,\"wall_s\":%.6f,"
        "\"cpu_s\":%.6f}",
        (long long)s.sent, (long long)s.bytes, s.form_max ? s.form_min : 0, s.form_max,
        (double)lap.wall_us / 1e6, (double)lap.cpu_us / 1e6);
    if (s.rk)
        rd_kafka_destroy(s.rk);
    buf_free(&s.form);
    buf_free(&s.event);
    return res;
}
