/* trip: requests at a steady rate through the whole pipeline; how long after its sending each one's
 * integration.completed and its status selesai can be read. One thread sends, one reads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/steady.h"

enum { LIMIT_US = 60000000 };

/* One request; monotonic microseconds, 0 = not yet. */
struct leg {
    _Atomic int64_t sent_us, completed_us, selesai_us;
};

struct trip {
    const struct bench *b;
    rd_kafka_t *consumer;
    struct leg *legs;
    int64_t n;                          /* those that count and those before them */
    _Atomic int64_t completed, selesai; /* how many */
    atomic_bool stop;
};

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static void
note(_Atomic int64_t *when, _Atomic int64_t *count)
{
    if (*when)
        return;
    *when = bench_now_us();
    (*count)++;
}

static bool
has(const rd_kafka_message_t *m, struct str text)
{
    return m->payload && memmem(m->payload, m->len, text.p, text.n);
}

static void
look(struct trip *t, const rd_kafka_message_t *m)
{
    int64_t i = m->err || !m->key ? -1 : form_number(t->b->seed, (struct str){m->key, m->key_len});

    if (i < 0 || i >= t->n)
        return;
    if (has(m, STR("integration.completed.v1")))
        note(&t->legs[i].completed_us, &t->completed);
    else if (has(m, STR("\"status\":\"selesai\"")))
        note(&t->legs[i].selesai_us, &t->selesai);
}

static void *
reader(void *arg)
{
    struct trip *t = arg;

    while (!t->stop && (t->completed < t->n || t->selesai < t->n)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(t->consumer, 100);

        if (!m)
            continue;
        look(t, m);
        rd_kafka_message_destroy(m);
    }
    return NULL;
}

/* ---- sending ---------------------------------------------------------------------------------------------------- */

static void
sending(void *arg, int64_t i)
{
    struct trip *t = arg;

    t->legs[i].sent_us = bench_now_us();
}

/* ---- figures ---------------------------------------------------------------------------------------------------- */

/* The legs that count: from sending to selesai or to completed. */
static void
put_times(const struct trip *t, bool selesai, struct buf *out)
{
    int64_t n = t->b->n;
    int64_t *took = calloc((size_t)n, sizeof *took);

    for (int64_t i = 0; took && i < n; i++) {
        const struct leg *leg = &t->legs[t->b->warm + i];

        took[i] = (selesai ? leg->selesai_us : leg->completed_us) - leg->sent_us;
    }
    if (took)
        bench_times(took, n, out);
    free(took);
}

static enum res
open_consumer(struct trip *t, struct err *e)
{
    static const char *const in[] = {
        "group.id", "bench", "enable.auto.commit", "false", "socket.nagle.disable", "true", NULL};

    t->consumer = bench_client(t->b, RD_KAFKA_CONSUMER, in, NULL, e);
    if (!t->consumer)
        return RES_FATAL;
    rd_kafka_poll_set_consumer(t->consumer);
    return bench_assign(t->consumer, t->b, "integrations,status", true, e);
}

static enum res
travel(struct trip *t, struct err *e)
{
    struct steady s = {t->b, STORY_SUBMITTED, t->n, sending, t};
    pthread_t thread;
    enum res res;
    int64_t limit_us;

    if (pthread_create(&thread, NULL, reader, t))
        return err_set(e, RES_FATAL, "no thread");
    res = steady_run(&s, e);
    limit_us = bench_now_us() + LIMIT_US;
    while (res == RES_OK && (t->completed < t->n || t->selesai < t->n) && bench_now_us() < limit_us)
        bench_sleep_until(bench_now_us() + 20000);
    t->stop = true;
    pthread_join(thread, NULL);
    if (res == RES_OK && (t->completed < t->n || t->selesai < t->n))
        return err_set(e, RES_RETRY, "of %lld requests %lld were completed and %lld selesai", (long long)t->n,
                       (long long)t->completed, (long long)t->selesai);
    return res;
}

enum res
trip_run(const struct bench *b, struct buf *out, struct err *e)
{
    struct trip t = {.b = b, .n = b->warm + b->n};
    enum res res = RES_FATAL;

    t.legs = calloc((size_t)t.n, sizeof *t.legs);
    if (t.legs && (res = open_consumer(&t, e)) == RES_OK)
        res = travel(&t, e);
    if (res == RES_OK) {
        buf_printf(out, "{\"requests\":%lld,\"rate\":%lld,\"selesai\":", (long long)b->n, (long long)b->rate);
        put_times(&t, true, out);
        buf_z(out, ",\"completed\":");
        put_times(&t, false, out);
        buf_char(out, '}');
    }
    if (t.consumer)
        rd_kafka_consumer_close(t.consumer);
    if (t.consumer)
        rd_kafka_destroy(t.consumer);
    free(t.legs);
    return res;
}
