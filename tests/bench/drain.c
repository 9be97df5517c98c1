/* drain: the limit of consuming: reads records and drops them. */
#include "tests/bench/bench.h"

enum { STALL_US = 15000000, BATCH = 1000 };

static enum res
read_all(rd_kafka_queue_t *queue, int64_t n, int64_t *bytes, struct err *e)
{
    rd_kafka_message_t *batch[BATCH];
    int64_t got = 0;
    int64_t last_us = bench_now_us();

    *bytes = 0;
    while (got < n) {
        ssize_t k = rd_kafka_consume_batch_queue(queue, 100, batch, BATCH);

        for (ssize_t i = 0; i < k; i++) {
            got += !batch[i]->err;
            *bytes += batch[i]->err ? 0 : (int64_t)batch[i]->len;
            rd_kafka_message_destroy(batch[i]);
        }
        if (k > 0)
            last_us = bench_now_us();
        else if (bench_now_us() - last_us > STALL_US)
            return err_set(e, RES_RETRY, "%lld of %lld records came", (long long)got, (long long)n);
    }
    return got == n ? RES_OK
                    : err_set(e, RES_REJECT, "%lld records came, not %lld", (long long)got, (long long)n);
}

enum res
drain_run(const struct bench *b, struct buf *out, struct err *e)
{
    static const char *const pairs[] = {"group.id", "bench", "enable.auto.commit", "false", NULL};
    rd_kafka_t *rk = bench_client(b, RD_KAFKA_CONSUMER, pairs, NULL, e);
    rd_kafka_queue_t *queue = NULL;
    struct bench_lap lap = {0};
    enum res res = RES_FATAL;
    int64_t bytes = 0;

    if (!rk)
        return RES_FATAL;
    rd_kafka_poll_set_consumer(rk);
    queue = rd_kafka_queue_get_consumer(rk);
    res = bench_assign(rk, b, b->kinds, false, e);
    lap = bench_begin();
    if (res == RES_OK)
        res = read_all(queue, b->n, &bytes, e);
    lap = bench_end(&lap);
    buf_printf(out, "{\"records\":%lld,\"bytes\":%lld,\"wall_s\":%.6f,\"cpu_s\":%.6f}", (long long)b->n,
               (long long)bytes, (double)lap.wall_us / 1e6, (double)lap.cpu_us / 1e6);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return res;
}
