#include "common/kafka/producer.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/kafka/kafka.h"

enum { TOPICS_MAX = 32, TICK_MS = 5000 };

struct producer {
    struct loop *loop;
    const struct conf_pass *pass;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct kafka_wake *wake;
    rd_kafka_topic_t *warm[TOPICS_MAX];
    char *topic[TOPICS_MAX];
    unsigned topics;
    unsigned in_flight;
    bool up;
    struct loop_timer tick;
    struct loop_defer rebuild; /* after a fatal error: not from inside its own callback */
};

/* What a record carries until its report. */
struct sending {
    struct producer *p;
    producer_fn fn;
    void *arg;
};

static enum res
outcome(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return RES_OK;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        return RES_REJECT;
    default:
        return RES_RETRY;
    }
}

static void
on_report(rd_kafka_t *rk, const rd_kafka_message_t *rkm, void *opaque)
{
    struct sending *s = rkm->_private;

    (void)rk;
    (void)opaque;
    s->p->in_flight--;
    if (!rkm->err)
        s->p->up = true;
    s->fn(s->arg, outcome(rkm->err), rkm->err ? rd_kafka_err2str(rkm->err) : "");
    free(s);
}

static void
on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct producer *p = opaque;

    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        p->up = false;
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        log_error("the Kafka client failed for good and is made anew", LOG_Z("reason", reason));
        loop_defer(p->loop, &p->rebuild);
    }
}

/* The client tells only when brokers go; that one is back shows in its statistics, so that who sends nothing while they
 * are away learns of it too. */
static int
on_stats(rd_kafka_t *rk, char *json, size_t n, void *opaque)
{
    static const char state[] = "\"state\":\"UP\"";
    struct producer *p = opaque;

    (void)rk;
    if (!p->up && memmem(json, n, state, sizeof state - 1))
        p->up = true;
    return 0; /* the text stays the client's */
}

static void
drain(void *arg)
{
    struct producer *p = arg;

    while (rd_kafka_poll(p->rk, 0) > 0)
        ;
}

static void
on_tick(void *arg)
{
    struct producer *p = arg;

    drain(p);
    loop_timer_set(p->loop, &p->tick, TICK_MS);
}

static enum res
open_client(struct producer *p, struct err *e)
{
    static const char *const defaults[] = {"acks",
                                           "all",
                                           "enable.idempotence",
                                           "false",
                                           "max.in.flight",
                                           "1",
                                           "linger.ms",
                                           "0",
                                           "partitioner",
                                           "murmur2_random",
                                           "socket.nagle.disable",
                                           "true",
                                           "message.max.bytes",
                                           "5242880",
                                           "queue.buffering.max.kbytes",
                                           "65536",
                                           "topic.metadata.refresh.fast.interval.ms",
                                           "100",
                                           "retry.backoff.ms",
                                           "5",
                                           "message.timeout.ms",
                                           "30000",
                                           "log.connection.close",
                                           "false",
                                           "statistics.interval.ms",
                                           "5000",
                                           NULL,
                                           NULL};
    rd_kafka_conf_t *conf;
    char why[200];
    enum res res = kafka_conf(defaults, p->pass, &conf, e);

    if (res != RES_OK)
        return res;
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_stats);
    rd_kafka_conf_set_opaque(conf, p);
    p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!p->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(e, RES_FATAL, "[kafka] %s", why);
    }
    p->queue = rd_kafka_queue_get_main(p->rk);
    for (unsigned i = 0; i < p->topics; i++)
        p->warm[i] = rd_kafka_topic_new(p->rk, p->topic[i], NULL);
    return kafka_wake_new(p->loop, p->queue, drain, p, &p->wake, e);
}

static void
close_client(struct producer *p)
{
    for (unsigned i = 0; i < p->topics && p->rk; i++)
        if (p->warm[i])
            rd_kafka_topic_destroy(p->warm[i]);
    kafka_wake_free(p->wake);
    p->wake = NULL;
    if (p->queue)
        rd_kafka_queue_destroy(p->queue);
    p->queue = NULL;
    if (p->rk)
        kafka_destroy(p->rk);
    p->rk = NULL;
}

/* Reports everything that was not acknowledged, so that its owner sends it again. */
static void
rebuild(void *arg)
{
    struct producer *p = arg;
    struct err e = {0};

    rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(p->rk, 1000);
    close_client(p);
    if (open_client(p, &e) != RES_OK) {
        log_error("cannot make a Kafka client", LOG_Z("reason", e.text));
        abort(); /* configuration was accepted at start, so only memory or descriptors are left */
    }
}

enum res
producer_new(struct loop *loop, const struct conf_pass *pass, const char *const *topics,
             struct producer **ret, struct err *e)
{
    struct producer *p = calloc(1, sizeof *p);
    enum res res;

    *ret = NULL;
    if (!p)
        return err_set(e, RES_FATAL, "out of memory");
    *p = (struct producer){.loop = loop, .pass = pass, .up = true};
    p->tick = (struct loop_timer){.fn = on_tick, .arg = p};
    p->rebuild = (struct loop_defer){.fn = rebuild, .arg = p};
    for (; topics && *topics && p->topics < TOPICS_MAX; topics++)
        p->topic[p->topics++] = strdup(*topics);
    res = open_client(p, e);
    if (res != RES_OK) {
        producer_free(p, 0);
        return res;
    }
    loop_timer_set(loop, &p->tick, TICK_MS);
    *ret = p;
    return RES_OK;
}

void
producer_free(struct producer *p, int limit_ms)
{
    if (!p)
        return;
    loop_timer_stop(p->loop, &p->tick);
    if (p->rk) {
        rd_kafka_flush(p->rk, limit_ms);
        rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(p->rk, 1000);
    }
    close_client(p);
    for (unsigned i = 0; i < p->topics; i++)
        free(p->topic[i]);
    free(p);
}

static rd_kafka_headers_t *
make_headers(const struct producer_record *r)
{
    rd_kafka_headers_t *h = r->nheaders ? rd_kafka_headers_new(r->nheaders) : NULL;

    for (unsigned i = 0; i < r->nheaders; i++)
        rd_kafka_header_add(h, r->headers[i].name, -1, r->headers[i].value.p, (ssize_t)r->headers[i].value.n);
    return h;
}

enum res
producer_send(struct producer *p, const struct producer_record *r, producer_fn fn, void *arg, struct err *e)
{
    struct sending *s = malloc(sizeof *s);
    rd_kafka_headers_t *h;
    rd_kafka_resp_err_t err;

    if (!s)
        return err_set(e, RES_RETRY, "out of memory");
    *s = (struct sending){p, fn, arg};
    h = make_headers(r);
    err = rd_kafka_producev(p->rk, RD_KAFKA_V_TOPIC(r->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                            RD_KAFKA_V_KEY(r->key.p, r->key.n),
                            RD_KAFKA_V_VALUE((void *)(uintptr_t)r->value.p, r->value.n),
                            RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_OPAQUE(s), RD_KAFKA_V_END);
    /* NOLINTBEGIN(clang-analyzer-unix.Malloc): on_report has `s` from now on */
    if (!err) {
        p->in_flight++;
        return RES_OK;
    }
    /* NOLINTEND(clang-analyzer-unix.Malloc) */
    if (h)
        rd_kafka_headers_destroy(h);
    free(s);
    return err_set(e, outcome(err), "%s", rd_kafka_err2str(err));
}

unsigned
producer_in_flight(const struct producer *p)
{
    return p->in_flight;
}

bool
producer_up(const struct producer *p)
{
    return p->up;
}

rd_kafka_t *
producer_client(struct producer *p)
{
    return p->rk;
}
