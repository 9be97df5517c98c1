#include "common/kafka/kafka.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"

static void
on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
    (void)rk;
    /* that a connection failed is said by us, once per change, and not once per try */
    log_at(level <= 3 && strcmp(fac, "FAIL") != 0 && strcmp(fac, "ERROR") != 0 ? LOG_WARN : LOG_DEBUG,
           "librdkafka", LOG_Z("fac", fac), LOG_Z("text", text), LOG_NONE);
}

static void *
destroy(void *rk)
{
    rd_kafka_destroy(rk);
    return NULL;
}

void
kafka_destroy(rd_kafka_t *rk)
{
    struct timespec until;
    pthread_t thread;

    if (!rk)
        return;
    if (pthread_create(&thread, NULL, destroy, rk) != 0) {
        rd_kafka_destroy(rk);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += KAFKA_DESTROY_MS / 1000;
    if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) == 0)
        return;
    pthread_detach(thread);
    log_warn(
        "the Kafka client does not come to an end, as when a topic that it read is gone; it is left behind");
}

static enum res
set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *e)
{
    char why[160];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return RES_OK;
    return err_set(e, RES_FATAL, "[kafka] %s: %s", name, why);
}

enum res
kafka_conf(const char *const *defaults, const struct conf_pass *pass, rd_kafka_conf_t **ret, struct err *e)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum res res = RES_OK;

    *ret = NULL;
    rd_kafka_conf_set_log_cb(conf, on_log);
    for (; res == RES_OK && defaults && defaults[0]; defaults += 2)
        res = set(conf, defaults[0], defaults[1], e);
    for (size_t i = 0; res == RES_OK && pass && i < pass->n; i++)
        res = set(conf, pass->pairs[i].name, pass->pairs[i].value, e);
    if (res == RES_OK)
        *ret = conf;
    else
        rd_kafka_conf_destroy(conf);
    return res;
}

enum res
kafka_conf_check(const struct conf_pass *pass, struct err *e)
{
    rd_kafka_conf_t *conf;
    enum res res = kafka_conf(NULL, pass, &conf, e);

    if (conf)
        rd_kafka_conf_destroy(conf);
    return res;
}

struct kafka_wake {
    rd_kafka_queue_t *queue; /* not owned */
    int fd;
    struct loop_fd *watch;
    void (*fn)(void *arg);
    void *arg;
};

static void
on_wake(void *arg, int events)
{
    struct kafka_wake *w = arg;
    uint64_t n;

    (void)events;
    if (read(w->fd, &n, sizeof n) == sizeof n)
        w->fn(w->arg);
}

enum res
kafka_wake_new(struct loop *loop, rd_kafka_queue_t *queue, void (*fn)(void *arg), void *arg,
               struct kafka_wake **ret, struct err *e)
{
    struct kafka_wake *w = calloc(1, sizeof *w);
    uint64_t one = 1;

    *ret = NULL;
    if (!w)
        return err_set(e, RES_FATAL, "out of memory");
    *w = (struct kafka_wake){.queue = queue, .fn = fn, .arg = arg};
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    w->watch = w->fd < 0 ? NULL : loop_watch(loop, w->fd, LOOP_READ, on_wake, w);
    if (!w->watch) {
        kafka_wake_free(w);
        return err_set(e, RES_FATAL, "eventfd: %s", strerror(errno));
    }
    rd_kafka_queue_io_event_enable(queue, w->fd, &one, sizeof one);
    *ret = w;
    return RES_OK;
}

void
kafka_wake_free(struct kafka_wake *w)
{
    if (!w)
        return;
    if (w->watch)
        rd_kafka_queue_io_event_enable(w->queue, -1, NULL, 0);
    loop_unwatch(w->watch);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}
