#include "producers/ctl/topics_read.h"

#include <stdlib.h>
#include <string.h>

#include "common/kafka/kafka.h"
#include "common/base/clk.h"

enum { WAIT_MS = 100 };

enum res
topics_read_open(struct topics_read *t, const char *group)
{
    const char *const defaults[] = {"client.id",
                                    "bedelauctl",
                                    "group.id",
                                    group,
                                    "enable.auto.commit",
                                    "false",
                                    "enable.partition.eof",
                                    "true",
                                    "auto.offset.reset",
                                    "earliest",
                                    NULL};

    return ctl_consumer(t->c, defaults, &t->rk);
}

enum res
topics_read_add(struct topics_read *t, const char *topic, int32_t partition)
{
    struct topics_part *grown = realloc(t->parts, (size_t)(t->n + 1) * sizeof *grown);
    char *name = strdup(topic);

    if (grown)
        t->parts = grown;
    if (!grown || !name) {
        free(name);
        return err_set(&t->c->e, RES_RETRY, "out of memory");
    }
    t->parts[t->n++] = (struct topics_part){.topic = name, .partition = partition, .first_ms = INT64_MIN};
    return RES_OK;
}

enum res
topics_read_ask(struct topics_read *t)
{
    for (int i = 0; i < t->n; i++) {
        struct topics_part *p = &t->parts[i];
        rd_kafka_resp_err_t err =
            rd_kafka_query_watermark_offsets(t->rk, p->topic, p->partition, &p->low, &p->high, CTL_KAFKA_MS);

        if (err)
            return err_set(&t->c->e, RES_RETRY, "Kafka: %s", rd_kafka_err2str(err));
    }
    return RES_OK;
}

/* Partitions of which nothing is left to read are not opened: their time may be over. */
static enum res
assign(struct topics_read *t)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(t->n + 1);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

    t->open = 0;
    for (int i = 0; i < t->n; i++) {
        struct topics_part *p = &t->parts[i];

        p->done = p->next >= p->end;
        if (!p->done)
            rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = p->next;
        t->open += !p->done;
    }
    if (list->cnt)
        err = rd_kafka_assign(t->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err ? err_set(&t->c->e, RES_RETRY, "Kafka: %s", rd_kafka_err2str(err)) : RES_OK;
}

static struct topics_part *
find(struct topics_read *t, const rd_kafka_message_t *rkm)
{
    const char *topic = rkm->rkt ? rd_kafka_topic_name(rkm->rkt) : "";

    for (int i = 0; i < t->n; i++)
        if (t->parts[i].partition == rkm->partition && strcmp(t->parts[i].topic, topic) == 0)
            return &t->parts[i];
    return NULL;
}

static void
finish(struct topics_read *t, struct topics_part *p)
{
    t->open -= !p->done;
    p->done = true;
    p->next = p->end;
}

static enum res
take(struct topics_read *t, rd_kafka_message_t *rkm)
{
    struct topics_part *p = find(t, rkm);
    bool wanted = p && !p->done && !rkm->err && rkm->offset < p->end;

    if (wanted && p->first_ms == INT64_MIN)
        p->first_ms = rd_kafka_message_timestamp(rkm, NULL);
    if (p && (rkm->err == RD_KAFKA_RESP_ERR__PARTITION_EOF || (!rkm->err && rkm->offset >= p->end - 1)))
        finish(t, p);
    if (wanted)
        return t->record(t->arg, rkm);
    rd_kafka_message_destroy(rkm);
    return RES_OK;
}

enum res
topics_read_run(struct topics_read *t)
{
    int64_t last_ms = clk_mono_ms();
    enum res res = assign(t);

    while (t->open && res == RES_OK) {
        rd_kafka_message_t *rkm = rd_kafka_consumer_poll(t->rk, WAIT_MS);

        if (rkm) {
            last_ms = clk_mono_ms();
            res = take(t, rkm);
        } else if (clk_mono_ms() - last_ms > CTL_KAFKA_MS) {
            res = err_set(&t->c->e, RES_RETRY, "Kafka gives no record for %d s", CTL_KAFKA_MS / 1000);
        }
    }
    rd_kafka_assign(t->rk, NULL);
    return res;
}

void
topics_read_close(struct topics_read *t)
{
    if (t->rk) {
        rd_kafka_assign(t->rk, NULL);
        rd_kafka_consumer_close(t->rk);
        kafka_destroy(t->rk);
    }
    for (int i = 0; i < t->n; i++)
        free(t->parts[i].topic);
    free(t->parts);
    t->rk = NULL;
    t->parts = NULL;
    t->n = 0;
}
