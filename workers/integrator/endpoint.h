/* endpoint: the way to Bedelau as [integrator] of the configuration describes it: where, with what credentials and
 * certificates, and when to leave it in peace (common/http/sink.h). */
#ifndef INTEGRATOR_ENDPOINT_H
#define INTEGRATOR_ENDPOINT_H

#include "common/app/app.h"
#include "common/http/sink.h"

struct endpoint_settings {
    int64_t auth; /* enum auth_kind */
    const char *auth_id, *auth_secret, *auth_header;
    const char *token_url, *token_scope;
    bool token_secret_in_body;
    const char *ca_file, *cert_file, *key_file, *pinned_key, *proxy;
    bool tls_insecure;
    int64_t in_flight_min, in_flight_start, breaker_failures, breaker_requests, calls_per_s;
    struct backoff probe;
};

/* RES_FATAL, naming the settings, for what cannot be. */
enum res endpoint_check(const struct endpoint_settings *set, int64_t in_flight, struct err *e);

/* The sink. `expired`: the codes that mean our credentials, ended by 0; `changed` as in struct sink_opts. */
struct endpoint_opts {
    struct app *app;
    const struct endpoint_settings *set;
    int64_t in_flight;
    const int *expired;
    void (*changed)(void *arg);
    void *arg;
};
enum res endpoint_open(const struct endpoint_opts *opts, struct sink **ret, struct err *e);

/* SIGHUP: other credentials and ceiling, and certificates read again. RES_FATAL and what stood stays where they are no
 * good. */
enum res endpoint_again(struct sink *sink, const struct endpoint_settings *set, int64_t in_flight,
                        struct err *e);

#endif
