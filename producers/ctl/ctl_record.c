/* One record by its place, and one record out: for dead letters. */
#include <stdio.h>

#include "common/kafka/kafka.h"
#include "common/base/clk.h"
#include "common/base/loop.h"
#include "common/kafka/producer.h"
#include "producers/ctl/ctl.h"

/* ---- in --------------------------------------------------------------------------------------------------------- */

static enum res
open_reader(struct ctl *c)
{
    static const char *const defaults[] = {"client.id",
                                           "bedelauctl",
                                           "group.id",
                                           "bedelauctl",
                                           "enable.auto.commit",
                                           "false",
                                           "auto.offset.reset",
                                           "error",
                                           "queued.min.messages",
                                           "1",
                                           "fetch.wait.max.ms",
                                           "100",
                                           "log.connection.close",
                                           "false",
                                           NULL};

    if (c->reader)
        return RES_OK;
    return ctl_consumer(c, defaults, &c->reader);
}

/* RES_REJECT: the log does not hold it (any more). */
static enum res
is_held(struct ctl *c, const struct ctl_place *at)
{
    int64_t lo = 0;
    int64_t hi = 0;
    rd_kafka_resp_err_t err =
        rd_kafka_query_watermark_offsets(c->reader, at->topic, at->partition, &lo, &hi, CTL_KAFKA_MS);

    if (err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
        err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return RES_REJECT;
    if (err)
        return err_set(&c->e, RES_RETRY, "Kafka: %s", rd_kafka_err2str(err));
    return at->offset >= lo && at->offset < hi ? RES_OK : RES_REJECT;
}

/* Another record than was set aside: the topic was made anew, or the one that was meant was removed. */
static bool
is_other(const rd_kafka_message_t *rkm, const struct ctl_place *at)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(rkm, &type);

    return rkm->offset != at->offset ||
           (type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME && ms > at->before_us / 1000 + CTL_CLOCKS_MS);
}

static enum res
read_one(struct ctl *c, const struct ctl_place *at, rd_kafka_message_t **ret)
{
    int64_t end = clk_mono_ms() + CTL_KAFKA_MS;
    rd_kafka_message_t *rkm = NULL;

    while (!rkm && clk_mono_ms() < end) {
        rkm = rd_kafka_consumer_poll(c->reader, 100);
        if (rkm && rkm->err && rkm->err != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
            rd_kafka_message_destroy(rkm); /* brokers come and go: the limit decides */
            rkm = NULL;
        }
    }
    if (!rkm)
        return err_set(&c->e, RES_RETRY, "Kafka does not give the record within %d s", CTL_KAFKA_MS / 1000);
    if (!rkm->err && !is_other(rkm, at))
        *ret = rkm;
    else
        rd_kafka_message_destroy(rkm);
    return RES_OK;
}

enum res
ctl_record(struct ctl *c, const struct ctl_place *at, rd_kafka_message_t **ret)
{
    rd_kafka_topic_partition_list_t *list;
    enum res res = open_reader(c);

    *ret = NULL;
    if (res == RES_OK)
        res = is_held(c, at);
    if (res == RES_REJECT)
        return RES_OK;
    if (res != RES_OK)
        return res;
    list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, at->topic, at->partition)->offset = at->offset;
    rd_kafka_assign(c->reader, list);
    res = read_one(c, at, ret);
    rd_kafka_assign(c->reader, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    return res;
}

/* ---- out -------------------------------------------------------------------------------------------------------- */

struct sent {
    bool done;
    enum res res;
    char why[200];
};

static void
on_sent(void *arg, enum res res, const char *why)
{
    struct sent *s = arg;

    s->done = true;
    s->res = res;
    snprintf(s->why, sizeof s->why, "%s", why);
}

static enum res
open_writer(struct ctl *c)
{
    enum res res = RES_OK;

    if (!c->loop)
        res = loop_new(&c->loop, &c->e);
    if (res == RES_OK && !c->producer)
        res = producer_new(c->loop, &c->kafka[0], NULL, &c->producer, &c->e);
    return res;
}

static void
close_writer(struct ctl *c)
{
    producer_free(c->producer, 0); /* reports what is still on its way */
    c->producer = NULL;
}

enum res
ctl_publish(struct ctl *c, const struct producer_record *r)
{
    struct sent s = {false, RES_RETRY, "no delivery report"};
    int64_t end = clk_mono_ms() + CTL_DELIVERY_MS;
    enum res res = open_writer(c);

    if (res == RES_OK)
        res = producer_send(c->producer, r, on_sent, &s, &c->e);
    while (res == RES_OK && !s.done && clk_mono_ms() < end)
        loop_turn(c->loop, 100);
    if (res == RES_OK && !s.done)
        close_writer(c); /* `s` must not outlive this call */
    if (res == RES_OK && s.res != RES_OK)
        res = err_set(&c->e, s.res, "Kafka did not take the record: %s", s.why);
    return res;
}

void
ctl_record_close(struct ctl *c)
{
    close_writer(c);
    loop_free(c->loop);
    c->loop = NULL;
    if (c->reader)
        kafka_destroy(c->reader);
    c->reader = NULL;
}
