#include "common/kafka/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clk.h"
#include "common/kafka/kafka.h"

struct admin {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int timeout_ms;
    int brokers;
};

/* ---- the client ------------------------------------------------------------------------------------------------- */

static enum res
count_brokers(struct admin *a, struct err *e)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t err = rd_kafka_metadata(a->rk, 0, NULL, &md, a->timeout_ms);

    if (err)
        return err_set(e, RES_RETRY, "Kafka does not answer: %s", rd_kafka_err2str(err));
    a->brokers = md->broker_cnt;
    rd_kafka_metadata_destroy(md);
    return a->brokers > 0 ? RES_OK : err_set(e, RES_RETRY, "Kafka names no broker");
}

enum res
admin_new(const struct conf_pass *pass, int timeout_ms, struct admin **ret, struct err *e)
{
    static const char *const defaults[] = {"client.id", "admin", "log.connection.close", "false", NULL};
    rd_kafka_conf_t *conf;
    struct admin *a = NULL;
    char why[200];
    enum res res = kafka_conf(defaults, pass, &conf, e);

    *ret = NULL;
    if (res != RES_OK)
        return res;
    a = calloc(1, sizeof *a);
    if (!a) {
        rd_kafka_conf_destroy(conf);
        return err_set(e, RES_FATAL, "out of memory");
    }
    a->timeout_ms = timeout_ms;
    a->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!a->rk) {
        rd_kafka_conf_destroy(conf);
        admin_free(a);
        return err_set(e, RES_FATAL, "Kafka client: %s", why);
    }
    a->queue = rd_kafka_queue_new(a->rk);
    res = count_brokers(a, e);
    if (res == RES_OK)
        *ret = a;
    else
        admin_free(a);
    return res;
}

void
admin_free(struct admin *a)
{
    if (!a)
        return;
    if (a->queue)
        rd_kafka_queue_destroy(a->queue);
    if (a->rk)
        kafka_destroy(a->rk);
    free(a);
}

rd_kafka_t *
admin_client(struct admin *a)
{
    return a->rk;
}

int
admin_brokers(const struct admin *a)
{
    return a->brokers;
}

/* Timeouts and transport faults may pass; what a broker refuses will not. */
static enum res
failed(rd_kafka_resp_err_t err, const char *what, const char *text, struct err *e)
{
    enum res res =
        err < 0 || err == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT || err == RD_KAFKA_RESP_ERR_NOT_CONTROLLER
            ? RES_RETRY
            : RES_FATAL;

    return err_set(e, res, "%s: %s", what, text ? text : rd_kafka_err2str(err));
}

/* Waits for the answer to an admin call; the event is the caller's. */
static enum res
answer(struct admin *a, const char *what, rd_kafka_event_t **ret, struct err *e)
{
    rd_kafka_event_t *ev = rd_kafka_queue_poll(a->queue, a->timeout_ms + 5000);
    enum res res;

    *ret = NULL;
    if (!ev)
        return err_set(e, RES_RETRY, "%s: Kafka does not answer", what);
    if (!rd_kafka_event_error(ev)) {
        *ret = ev;
        return RES_OK;
    }
    res = failed(rd_kafka_event_error(ev), what, rd_kafka_event_error_string(ev), e);
    rd_kafka_event_destroy(ev);
    return res;
}

static rd_kafka_AdminOptions_t *
options(struct admin *a, rd_kafka_admin_op_t op)
{
    rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(a->rk, op);
    char why[64];

    rd_kafka_AdminOptions_set_request_timeout(o, a->timeout_ms, why, sizeof why);
    if (op == RD_KAFKA_ADMIN_OP_CREATETOPICS)
        rd_kafka_AdminOptions_set_operation_timeout(o, a->timeout_ms, why, sizeof why);
    return o;
}

/* ---- what is there ---------------------------------------------------------------------------------------------- */

struct seen {
    int partitions; /* 0: there is no such topic */
    int replication;
    int leaderless;
};

static const struct rd_kafka_metadata_topic *
find_topic(const struct rd_kafka_metadata *md, const char *name)
{
    for (int i = 0; i < md->topic_cnt; i++)
        if (strcmp(md->topics[i].topic, name) == 0)
            return &md->topics[i];
    return NULL;
}

/* Asks for all topics: to ask for one by name could make it on brokers that create topics by themselves. */
static enum res
look(struct admin *a, const char *name, struct seen *seen, struct err *e)
{
    const struct rd_kafka_metadata *md;
    const struct rd_kafka_metadata_topic *t;
    rd_kafka_resp_err_t err = rd_kafka_metadata(a->rk, 1, NULL, &md, a->timeout_ms);

    *seen = (struct seen){0};
    if (err)
        return failed(err, name, NULL, e);
    t = find_topic(md, name);
    if (t && t->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        seen->partitions = t->partition_cnt;
    for (int i = 0; i < seen->partitions; i++) {
        const struct rd_kafka_metadata_partition *p = &t->partitions[i];

        seen->leaderless += p->leader < 0;
        if (i == 0 || p->replica_cnt < seen->replication)
            seen->replication = p->replica_cnt;
    }
    rd_kafka_metadata_destroy(md);
    return RES_OK;
}

/* ---- create ----------------------------------------------------------------------------------------------------- */

static enum res
new_topic(const struct admin_topic *t, rd_kafka_NewTopic_t **ret, struct err *e)
{
    char why[200];
    rd_kafka_NewTopic_t *nt = rd_kafka_NewTopic_new(t->name, t->partitions, t->replication, why, sizeof why);
    enum res res = RES_OK;

    *ret = NULL;
    if (!nt)
        return err_set(e, RES_FATAL, "%s: %s", t->name, why);
    for (size_t i = 0; res == RES_OK && i < t->n; i++)
        if (rd_kafka_NewTopic_set_config(nt, t->settings[i].name, t->settings[i].value))
            res = err_set(e, RES_FATAL, "%s: setting %s is refused", t->name, t->settings[i].name);
    if (res == RES_OK)
        *ret = nt;
    else
        rd_kafka_NewTopic_destroy(nt);
    return res;
}

static enum res
create(struct admin *a, const struct admin_topic *t, bool *made, struct err *e)
{
    rd_kafka_AdminOptions_t *o = NULL;
    rd_kafka_NewTopic_t *nt;
    rd_kafka_event_t *ev = NULL;
    const rd_kafka_topic_result_t **results;
    rd_kafka_resp_err_t err;
    size_t n;
    enum res res = new_topic(t, &nt, e);

    if (res != RES_OK)
        return res;
    o = options(a, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(a->rk, &nt, 1, o, a->queue);
    res = answer(a, t->name, &ev, e);
    if (res == RES_OK) {
        results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(ev), &n);
        err = n == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
        *made = err == RD_KAFKA_RESP_ERR_NO_ERROR;
        if (err && err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            res = failed(err, t->name, n == 1 ? rd_kafka_topic_result_error_string(results[0]) : NULL, e);
        rd_kafka_event_destroy(ev);
    }
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_NewTopic_destroy(nt);
    return res;
}

/* Until each partition has a leader: a record may be written then. */
static enum res
await_leaders(struct admin *a, const char *name, struct err *e)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    int64_t end = clk_mono_ms() + a->timeout_ms;
    struct seen seen;
    enum res res;

    while ((res = look(a, name, &seen, e)) == RES_OK && (!seen.partitions || seen.leaderless)) {
        if (clk_mono_ms() > end)
            return err_set(e, RES_RETRY, "%s: %d of its partitions have no leader after %d ms", name,
                           seen.leaderless, a->timeout_ms);
        nanosleep(&pause, NULL);
    }
    return res;
}

enum res
admin_create(struct admin *a, const struct admin_topic *topic, bool *made, struct err *e)
{
    enum res res;

    *made = false;
    res = create(a, topic, made, e);
    return res == RES_OK ? await_leaders(a, topic->name, e) : res;
}

/* ---- check ------------------------------------------------------------------------------------------------------ */

static const char *
setting(const rd_kafka_ConfigEntry_t **entries, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
            return rd_kafka_ConfigEntry_value(entries[i]);
    return NULL;
}

static enum res
check_settings(struct admin *a, const struct admin_topic *t, admin_differs_fn differs, void *arg,
               struct err *e)
{
    rd_kafka_ConfigResource_t *res_name = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, t->name);
    rd_kafka_AdminOptions_t *o = options(a, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    const rd_kafka_ConfigResource_t **rs;
    const rd_kafka_ConfigEntry_t **entries;
    rd_kafka_event_t *ev = NULL;
    size_t n;
    size_t n_entries;
    enum res res;

    rd_kafka_DescribeConfigs(a->rk, &res_name, 1, o, a->queue);
    res = answer(a, t->name, &ev, e);
    if (res == RES_OK) {
        rs = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(ev), &n);
        if (n != 1 || rd_kafka_ConfigResource_error(rs[0]))
            res = failed(n == 1 ? rd_kafka_ConfigResource_error(rs[0]) : RD_KAFKA_RESP_ERR__FAIL, t->name,
                         n == 1 ? rd_kafka_ConfigResource_error_string(rs[0]) : NULL, e);
    }
    if (res == RES_OK) {
        entries = rd_kafka_ConfigResource_configs(rs[0], &n_entries);
        for (size_t i = 0; i < t->n; i++) {
            const char *is = setting(entries, n_entries, t->settings[i].name);

            if (!is || strcmp(is, t->settings[i].value) != 0)
                differs(arg, t->name, t->settings[i].name, is ? is : "unset", t->settings[i].value);
        }
    }
    if (ev)
        rd_kafka_event_destroy(ev);
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_ConfigResource_destroy(res_name);
    return res;
}

enum res
admin_check(struct admin *a, const struct admin_topic *topic, admin_differs_fn differs, void *arg,
            struct err *e)
{
    struct seen seen;
    char is[16];
    char should[16];
    enum res res = look(a, topic->name, &seen, e);

    if (res != RES_OK)
        return res;
    if (!seen.partitions) {
        differs(arg, topic->name, "topic", "missing", "there");
        return RES_OK;
    }
    snprintf(is, sizeof is, "%d", seen.partitions);
    snprintf(should, sizeof should, "%d", topic->partitions);
    if (seen.partitions < topic->partitions)
        differs(arg, topic->name, "partitions", is, should);
    snprintf(is, sizeof is, "%d", seen.replication);
    snprintf(should, sizeof should, "%d", topic->replication);
    if (seen.replication < topic->replication)
        differs(arg, topic->name, "replication.factor", is, should);
    snprintf(is, sizeof is, "%d", seen.leaderless);
    if (seen.leaderless)
        differs(arg, topic->name, "partitions without leader", is, "0");
    return check_settings(a, topic, differs, arg, e);
}
