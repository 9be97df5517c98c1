/* gateway: what all of its parts share. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "common/app/app.h"
#include "common/kafka/producer.h"
#include "producers/gateway/auth.h"
#include "workers/sop/settings.h"

#define GATEWAY_SOURCE "/bedelau/gateway"

enum {
    GATEWAY_SECRETS_MAX = 8, /* the help of callback_secret names it */
    GATEWAY_ROUTES = 10,
    GATEWAY_CLASSES = 3,
    GATEWAY_DOCUMENT_MAX = 10 << 20,
    GATEWAY_ENVELOPE_MAX = 64 << 10 /* bytes that an event may be longer than the body that it came in */
};

/* [gateway] of the configuration. */
struct gateway_set {
    int64_t body_max;
    int64_t delivery_ms;
    int64_t cache_ms;
    int64_t tolerance_ms;
    int64_t token_calls;
    const char *callback_secret;
};

enum gateway_topic { GATEWAY_REQUESTS, GATEWAY_REVIEWS, GATEWAY_CALLBACKS, GATEWAY_TOPICS };

struct gateway {
    struct app *app;
    struct gateway_set set;
    struct sop_settings sop;
    struct producer *producer;
    char *topic[GATEWAY_TOPICS];
    struct auth_cache *cache;
    char *secrets_mem;
    char *secret[GATEWAY_SECRETS_MAX];
    size_t nsecrets;
    unsigned calls; /* requests that are not gone yet */
    bool stopping;
    struct metric *answers[GATEWAY_ROUTES][GATEWAY_CLASSES];
    struct metric *seconds[GATEWAY_ROUTES];
    struct metric *delivered, *undelivered;
};

/* The UUIDv5 namespace of ids that the gateway derives. */
extern const unsigned char gateway_ns[16];

#endif
