#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { WAIT_MS = 10000 };

int64_t
bench_now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void
bench_sleep_until(int64_t at_us)
{
    struct timespec ts = {at_us / 1000000, at_us % 1000000 * 1000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
        ;
}

static int64_t
cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* What `percent` of the sorted times do not exceed, in ms. */
static double
quantile(const int64_t *took, int64_t n, int64_t percent)
{
    int64_t at = n * percent / 100;

    return (double)took[at < n ? at : n - 1] / 1e3;
}

void
bench_times(int64_t *took, int64_t n, struct buf *out)
{
    qsort(took, (size_t)n, sizeof *took, by_value);
    buf_printf(out, "{\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}",
               quantile(took, n, 50), quantile(took, n, 90), quantile(took, n, 99), quantile(took, n, 100));
}

struct bench_lap
bench_begin(void)
{
    return (struct bench_lap){bench_now_us(), cpu_us()};
}

struct bench_lap
bench_end(const struct bench_lap *begun)
{
    return (struct bench_lap){bench_now_us() - begun->wall_us, cpu_us() - begun->cpu_us};
}

rd_kafka_t *
bench_client(const struct bench *b, rd_kafka_type_t type, const char *const *pairs,
             void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *), struct err *e)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[160] = "";
    rd_kafka_conf_res_t good = rd_kafka_conf_set(conf, "bootstrap.servers", b->bootstrap, why, sizeof why);
    rd_kafka_t *rk = NULL;

    for (; good == RD_KAFKA_CONF_OK && pairs[0]; pairs += 2)
        good = rd_kafka_conf_set(conf, pairs[0], pairs[1], why, sizeof why);
    if (delivered)
        rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    if (good == RD_KAFKA_CONF_OK)
        rk = rd_kafka_new(type, conf, why, sizeof why);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        err_set(e, RES_FATAL, "librdkafka: %s", why);
    }
    return rk;
}

enum res
bench_each(const char *list, enum res (*fn)(void *arg, struct str name, struct err *e), void *arg,
           struct err *e)
{
    enum res res = RES_OK;

    while (*list && res == RES_OK) {
        size_t n = strcspn(list, ",");

        res = fn(arg, (struct str){list, n}, e);
        list += n + (list[n] == ',');
    }
    return res;
}

/* ---- assignment ------------------------------------------------------------------------------------------------- */

struct assigning {
    rd_kafka_t *rk;
    const struct bench *b;
    rd_kafka_topic_partition_list_t *list;
    bool from_end;
};

static enum res
add_partition(struct assigning *a, const char *topic, int32_t partition, struct err *e)
{
    int64_t low;
    int64_t high;
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(a->rk, topic, partition, &low, &high, WAIT_MS);

    if (code)
        return err_set(e, RES_RETRY, "%s: %s", topic, rd_kafka_err2str(code));
    rd_kafka_topic_partition_list_add(a->list, topic, partition)->offset = a->from_end ? high : low;
    return RES_OK;
}

static enum res
add_topic(void *arg, struct str name, struct err *e)
{
    struct assigning *a = arg;
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_topic_t *rkt;
    rd_kafka_resp_err_t code;
    enum res res = RES_OK;
    char topic[256];

    snprintf(topic, sizeof topic, "%s.%.*s", a->b->prefix, STR_FMT(name));
    rkt = rd_kafka_topic_new(a->rk, topic, NULL);
    code = rd_kafka_metadata(a->rk, 0, rkt, &md, WAIT_MS);
    if (code || md->topic_cnt != 1 || md->topics[0].err)
        res = err_set(e, RES_RETRY, "%s: %s", topic, code ? rd_kafka_err2str(code) : "no such topic");
    for (int i = 0; res == RES_OK && i < md->topics[0].partition_cnt; i++)
        res = add_partition(a, topic, md->topics[0].partitions[i].id, e);
    if (md)
        rd_kafka_metadata_destroy(md);
    rd_kafka_topic_destroy(rkt);
    return res;
}

enum res
bench_assign(rd_kafka_t *rk, const struct bench *b, const char *names, bool from_end, struct err *e)
{
    struct assigning a = {rk, b, rd_kafka_topic_partition_list_new(16), from_end};
    enum res res = bench_each(names, add_topic, &a, e);
    rd_kafka_resp_err_t code = res == RES_OK ? rd_kafka_assign(rk, a.list) : RD_KAFKA_RESP_ERR_NO_ERROR;

    rd_kafka_topic_partition_list_destroy(a.list);
    return code ? err_set(e, RES_RETRY, "assign: %s", rd_kafka_err2str(code)) : res;
}
