#include "common/kafka/consumer.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/kafka/kafka.h"

enum { TICK_MS = 1000 };

struct consumer {
    struct loop *loop;
    struct consumer_opts opts;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct kafka_wake *wake;
    struct loop_timer tick; /* the client must be polled even when nothing arrives */
    bool paused;
    bool up;
    bool closing;
};

static void
on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *parts, void *opaque)
{
    struct consumer *c = opaque;

    if (c->closing)
        rd_kafka_assign(rk, NULL);
    else if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        c->opts.ops->assigned(c->opts.arg, parts);
    else
        c->opts.ops->revoked(c->opts.arg, rd_kafka_assignment_lost(rk));
}

static void
set_state(struct consumer *c, bool up, const char *why)
{
    if (c->up == up)
        return;
    c->up = up;
    c->opts.ops->state(c->opts.arg, up, why);
}

static void
on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        set_state(opaque, false, reason);
}

static void
readable(void *arg)
{
    struct consumer *c = arg;

    c->opts.ops->readable(c->opts.arg);
}

static void
on_tick(void *arg)
{
    struct consumer *c = arg;

    loop_timer_set(c->loop, &c->tick, TICK_MS);
    readable(c);
}

static enum res
open_client(struct consumer *c, struct err *e)
{
    /* fetch.wait.max.ms: after an assignment the first fetch asks for whichever partition was ready first, and while that
     * one has nothing all others wait as long. */
    const char *const defaults[] = {"group.id",
                                    c->opts.group,
                                    "enable.auto.commit",
                                    "false",
                                    "enable.auto.offset.store",
                                    "false",
                                    "auto.offset.reset",
                                    "error",
                                    "partition.assignment.strategy",
                                    "range",
                                    "socket.nagle.disable",
                                    "true",
                                    "fetch.wait.max.ms",
                                    "200",
                                    "fetch.error.backoff.ms",
                                    "50",
                                    "topic.metadata.refresh.interval.ms",
                                    "10000",
                                    "queued.min.messages",
                                    "20000",
                                    "queued.max.messages.kbytes",
                                    "16384",
                                    "fetch.message.max.bytes",
                                    "4194304",
                                    "session.timeout.ms",
                                    "10000",
                                    "heartbeat.interval.ms",
                                    "3000",
                                    "reconnect.backoff.max.ms",
                                    "2000",
                                    "log.connection.close",
                                    "false",
                                    "allow.auto.create.topics",
                                    "false",
                                    NULL,
                                    NULL};
    rd_kafka_conf_t *conf;
    char why[200];
    enum res res = kafka_conf(defaults, c->opts.pass, &conf, e);

    if (res != RES_OK)
        return res;
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, c);
    c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!c->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(e, RES_FATAL, "[kafka] %s", why);
    }
    rd_kafka_poll_set_consumer(c->rk);
    c->queue = rd_kafka_queue_get_consumer(c->rk);
    return kafka_wake_new(c->loop, c->queue, readable, c, &c->wake, e);
}

static enum res
subscribe(struct consumer *c, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    rd_kafka_resp_err_t err;

    for (const char *const *t = c->opts.topics; *t; t++)
        rd_kafka_topic_partition_list_add(list, *t, RD_KAFKA_PARTITION_UA);
    err = rd_kafka_subscribe(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err ? err_set(e, RES_FATAL, "subscribe: %s", rd_kafka_err2str(err)) : RES_OK;
}

enum res
consumer_new(struct loop *loop, const struct consumer_opts *opts, struct consumer **ret, struct err *e)
{
    struct consumer *c = calloc(1, sizeof *c);
    enum res res;

    *ret = NULL;
    if (!c)
        return err_set(e, RES_FATAL, "out of memory");
    *c = (struct consumer){.loop = loop, .opts = *opts, .up = true};
    c->tick = (struct loop_timer){.fn = on_tick, .arg = c};
    res = open_client(c, e);
    if (res == RES_OK)
        res = subscribe(c, e);
    if (res != RES_OK) {
        consumer_free(c);
        return res;
    }
    loop_timer_set(loop, &c->tick, TICK_MS);
    *ret = c;
    return RES_OK;
}

void
consumer_free(struct consumer *c)
{
    if (!c)
        return;
    loop_timer_stop(c->loop, &c->tick);
    kafka_wake_free(c->wake);
    c->closing = true;
    if (c->rk)
        rd_kafka_consumer_close(c->rk);
    if (c->queue)
        rd_kafka_queue_destroy(c->queue);
    if (c->rk)
        kafka_destroy(c->rk);
    free(c);
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

static bool
partition_broken(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
           err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

static void
take_error(struct consumer *c, const rd_kafka_message_t *m)
{
    if (m->rkt && partition_broken(m->err))
        c->opts.ops->broken(c->opts.arg, rd_kafka_topic_name(m->rkt), m->partition, m->err,
                            rd_kafka_message_errstr(m));
    else
        log_warn("the Kafka client reports", LOG_Z("error", rd_kafka_err2name(m->err)),
                 LOG_Z("why", rd_kafka_message_errstr(m)));
}

rd_kafka_message_t *
consumer_poll(struct consumer *c)
{
    rd_kafka_message_t *m;

    while ((m = rd_kafka_consumer_poll(c->rk, 0))) {
        if (!m->err) {
            set_state(c, true, "");
            return m;
        }
        take_error(c, m);
        rd_kafka_message_destroy(m);
    }
    return NULL;
}

/* ---- assignment ------------------------------------------------------------------------------------------------- */

enum res
consumer_start(struct consumer *c, const rd_kafka_topic_partition_list_t *parts, struct err *e)
{
    rd_kafka_topic_partition_list_t *paused = rd_kafka_topic_partition_list_copy(parts);
    rd_kafka_resp_err_t err;

    rd_kafka_resume_partitions(c->rk, paused); /* one that was paused comes back paused */
    rd_kafka_topic_partition_list_destroy(paused);
    err = rd_kafka_assign(c->rk, parts);
    c->paused = false;
    set_state(c, true, "");
    return err ? err_set(e, RES_RETRY, "assign: %s", rd_kafka_err2str(err)) : RES_OK;
}

void
consumer_stop(struct consumer *c)
{
    consumer_pause(c, false); /* a paused partition would come back paused */
    rd_kafka_assign(c->rk, NULL);
}

bool
consumer_pause(struct consumer *c, bool paused)
{
    rd_kafka_topic_partition_list_t *parts = NULL;

    if (c->paused == paused)
        return false;
    c->paused = paused;
    if (rd_kafka_assignment(c->rk, &parts) || !parts)
        return true;
    if (paused)
        rd_kafka_pause_partitions(c->rk, parts);
    else
        rd_kafka_resume_partitions(c->rk, parts);
    rd_kafka_topic_partition_list_destroy(parts);
    return true;
}

void
consumer_report(struct consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    rd_kafka_commit(c->rk, parts, 1);
}

rd_kafka_t *
consumer_client(struct consumer *c)
{
    return c->rk;
}
