/* bedelau-gateway: takes requests, documents, reviews and callbacks over HTTP and writes them to Kafka as facts. It keeps
 * no state of its own but numbers, keys and documents in Postgres; any number of processes may run. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/http/webhook.h"
#include "producers/gateway/routes.h"
#include "workers/sop/names.h"

const unsigned char gateway_ns[16] = {0x3d, 0x5a, 0x91, 0x0e, 0x7c, 0x42, 0x4f, 0x6b,
                                      0x9e, 0x18, 0xd2, 0x70, 0xab, 0x35, 0xc6, 0x14};

#define SET(member) offsetof(struct gateway_set, member)

static const struct conf_key keys[] = {
    {"gateway", "body_max", CONF_BYTES, SET(body_max), "960k", 0, NULL, 1024, 960 << 10,
     "Longest body that is taken, documents aside (those: 10m); at least 64k less than [sop] event_max, "
     "so that an event with its envelope is taken by the workers too"},
    {"gateway", "delivery_limit", CONF_MS, SET(delivery_ms), "10s", 0, NULL, 100, 120000,
     "How long a request waits for Kafka and Postgres before it is answered 503"},
    {"gateway", "token_cache", CONF_MS, SET(cache_ms), "10s", 0, NULL, 0, 600000,
     "How long a token is remembered; a revoked one works that much longer"},
    {"gateway", "token_calls", CONF_INT, SET(token_calls), "500", 0, NULL, 1, 100000,
     "How many requests of one token may wait at once, so that one department leaves room for the others; "
     "more are "
     "answered 429"},
    {"gateway", "callback_secret", CONF_STR, SET(callback_secret), NULL, CONF_SECRET, NULL, 0, 0,
     "Keys that Bedelau signs callbacks with (whsec_<base64> or raw), up to 8 with blanks between while "
     "rotating; unset = callbacks are refused"},
    {"gateway", "callback_tolerance", CONF_MS, SET(tolerance_ms), "5m", 0, NULL, 1000, 86400000,
     "How old, or how far in the future, a callback's signature may be"},
    {NULL, NULL, CONF_STR, 0, NULL, 0, NULL, 0, 0, NULL},
};

/* What is answered 202 must not be set aside as too large. */
static enum res
check_sizes(const struct gateway *gw, struct err *e)
{
    if (gw->set.body_max + GATEWAY_ENVELOPE_MAX <= gw->sop.event_max)
        return RES_OK;
    return err_set(e, RES_FATAL, "[gateway] body_max must be at least %dk less than [sop] event_max",
                   GATEWAY_ENVELOPE_MAX >> 10);
}

static enum res
make_topics(struct gateway *gw, struct err *e)
{
    static const char *const names[GATEWAY_TOPICS] = {"requests", "reviews", "callbacks"};

    for (unsigned i = 0; i < GATEWAY_TOPICS; i++)
        if (asprintf(&gw->topic[i], "%s.%s", gw->app->set.topic_prefix, names[i]) < 0) {
            gw->topic[i] = NULL;
            return err_set(e, RES_FATAL, "out of memory");
        }
    return RES_OK;
}

static enum res
split_secrets(struct gateway *gw, struct err *e)
{
    if (!gw->set.callback_secret) {
        log_warn("no callback_secret is set: callbacks are refused");
        return RES_OK;
    }
    gw->secrets_mem = strdup(gw->set.callback_secret);
    if (!gw->secrets_mem)
        return err_set(e, RES_FATAL, "out of memory");
    gw->nsecrets = conf_list(gw->secrets_mem, gw->secret, GATEWAY_SECRETS_MAX);
    return RES_OK;
}

static enum res
check(void *self, struct err *e)
{
    const struct gateway *gw = self;
    const char *list = gw->set.callback_secret;
    struct err why = {0};
    struct str secret;

    if (conf_count(list) > GATEWAY_SECRETS_MAX)
        return err_set(e, RES_FATAL, "[gateway] callback_secret holds more than %d keys",
                       GATEWAY_SECRETS_MAX);
    while ((secret = conf_word(&list)).n)
        if (webhook_check(secret, &why) != RES_OK)
            return err_set(e, RES_FATAL, "[gateway] callback_secret: %s", why.text);
    return check_sizes(gw, e);
}

static enum res
start(struct app *app, void *self, struct err *e)
{
    struct gateway *gw = self;
    const char *warm[GATEWAY_TOPICS + 1] = {NULL};
    enum res res;

    gw->app = app;
    if ((res = make_topics(gw, e)) || (res = split_secrets(gw, e)))
        return res;
    memcpy(warm, gw->topic, sizeof gw->topic);
    gw->cache = auth_cache_new();
    if (!gw->cache)
        return err_set(e, RES_FATAL, "out of memory");
    routes_metrics(gw);
    return producer_new(app->loop, app->kafka, warm, &gw->producer, e);
}

static void
stop(struct app *app, void *self)
{
    struct gateway *gw = self;

    gw->stopping = true; /* the last request that goes ends the loop */
    if (!gw->calls)
        app_quit(app, APP_OK);
}

static void
gateway_free(struct app *app, void *self)
{
    struct gateway *gw = self;

    (void)app;
    producer_free(gw->producer, 2000);
    gw->producer = NULL;
    auth_cache_free(gw->cache);
    gw->cache = NULL;
    for (unsigned i = 0; i < GATEWAY_TOPICS; i++)
        free(gw->topic[i]);
    free(gw->secrets_mem);
}

static bool
ready(void *self, const char **why)
{
    const struct gateway *gw = self;

    if (producer_up(gw->producer))
        return true;
    *why = "Kafka does not answer";
    return false;
}

static void
status(void *self, struct buf *json)
{
    const struct gateway *gw = self;

    buf_printf(json, ",\"waiting\":%u,\"in_flight\":%u", gw->calls, producer_in_flight(gw->producer));
}

int
main(int argc, char **argv)
{
    static const struct app_def def = {
        .name = "bedelau-gateway",
        .section = "gateway",
        .about = "takes requests over HTTP and writes them to Kafka",
        .env_prefix = "BEDELAU",
        .family = "bedelau",
        .conf_file = "/etc/bedelau/bedelau.conf",
        .metric_prefix = "bedelau_",
        .listen = "127.0.0.1:9480",
        .keys = keys,
        .shared_keys = sop_keys,
        .sections = sop_sections,
        .routes = routes_served,
        .check = check,
        .start = start,
        .stop = stop,
        .free = gateway_free,
        .ready = ready,
        .status = status,
    };
    struct gateway gw = {0};
    const struct app_run run = {&gw, &gw.set, &gw.sop};

    return app_main(argc, argv, &def, &run);
}
