#include "workers/integrator/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"

enum { USER_MAX = 256 };

static bool
is_set(const char *text)
{
    return text && *text;
}

static enum res
check_credentials(const struct endpoint_settings *set, struct err *e)
{
    if (set->auth != AUTH_NONE && !is_set(set->auth_secret))
        return err_set(e, RES_FATAL, "[integrator] auth_secret is empty although [integrator] auth is set");
    if (set->auth == AUTH_BASIC && !is_set(set->auth_id) && !strchr(set->auth_secret, ':'))
        return err_set(e, RES_FATAL,
                       "[integrator] auth = basic needs auth_id, or user:password as auth_secret");
    if (set->auth == AUTH_OAUTH2 && (!is_set(set->auth_id) || !is_set(set->token_url)))
        return err_set(e, RES_FATAL,
                       "[integrator] auth = oauth2_client_credentials needs auth_id and token_url");
    if (is_set(set->cert_file) != is_set(set->key_file))
        return err_set(e, RES_FATAL, "[integrator] cert_file and key_file go together");
    return RES_OK;
}

enum res
endpoint_check(const struct endpoint_settings *set, int64_t in_flight, struct err *e)
{
    enum res res = check_credentials(set, e);

    if (res != RES_OK)
        return res;
    if (set->probe.min_ms > set->probe.max_ms)
        return err_set(e, RES_FATAL, "[integrator] probe_min must not be more than [integrator] probe_max");
    if (set->in_flight_min > in_flight)
        return err_set(e, RES_FATAL,
                       "[integrator] in_flight_min must not be more than [integrator] in_flight");
    return RES_OK;
}

static struct client_opts
http_opts(const struct endpoint_settings *set, int64_t in_flight)
{
    return (struct client_opts){.in_flight = (unsigned)in_flight,
                                .ca_file = set->ca_file,
                                .cert_file = set->cert_file,
                                .key_file = set->key_file,
                                .pinned_key = set->pinned_key,
                                .proxy = set->proxy,
                                .tls_insecure = set->tls_insecure,
                                .user_agent = "bedelau-integrator"};
}

/* auth = basic may hold both in the secret, as "user:password"; `user` takes the first. */
static void
split_basic(const struct endpoint_settings *set, char user[USER_MAX], struct auth_opts *auth)
{
    const char *colon = strchr(set->auth_secret, ':');

    if (set->auth != AUTH_BASIC || is_set(set->auth_id) || !colon)
        return;
    snprintf(user, USER_MAX, "%.*s", (int)(colon - set->auth_secret), set->auth_secret);
    auth->id = user;
    auth->secret = colon + 1;
}

static struct auth_opts
auth_opts(const struct endpoint_settings *set, char user[USER_MAX])
{
    struct auth_opts auth = {.kind = (enum auth_kind)set->auth,
                             .id = set->auth_id,
                             .secret = set->auth_secret,
                             .header = set->auth_header,
                             .token_url = set->token_url,
                             .scope = is_set(set->token_scope) ? set->token_scope : NULL,
                             .secret_in_body = set->token_secret_in_body,
                             .http = http_opts(set, 1)};

    split_basic(set, user, &auth);
    return auth;
}

enum res
endpoint_open(const struct endpoint_opts *opts, struct sink **ret, struct err *e)
{
    const struct endpoint_settings *set = opts->set;
    char user[USER_MAX];
    int64_t start = set->in_flight_start < opts->in_flight ? set->in_flight_start : opts->in_flight;
    struct sink_opts o = {.http = http_opts(set, opts->in_flight),
                          .auth = auth_opts(set, user),
                          .valve = {.limit_start = (unsigned)start,
                                    .limit_min = (unsigned)set->in_flight_min,
                                    .per_s = (double)set->calls_per_s,
                                    .open_after = (unsigned)set->breaker_failures,
                                    .open_keys = (unsigned)set->breaker_requests,
                                    .probe = set->probe},
                          .expired = opts->expired,
                          .metrics = opts->app->metrics,
                          .metric_prefix = "bedelau_endpoint",
                          .changed = opts->changed,
                          .arg = opts->arg};

    if (set->tls_insecure)
        log_warn("the endpoint's certificate is not verified: [integrator] tls_insecure");
    return sink_new(opts->app->loop, &o, ret, e);
}

enum res
endpoint_again(struct sink *sink, const struct endpoint_settings *set, int64_t in_flight, struct err *e)
{
    char user[USER_MAX];
    struct auth_opts auth = auth_opts(set, user);
    enum res res = sink_reload(sink, e);

    if (res == RES_OK && set->auth != AUTH_NONE)
        res = sink_secrets(sink, auth.id, auth.secret, e);
    if (res == RES_OK)
        sink_pace(sink, (unsigned)in_flight, (double)set->calls_per_s);
    return res;
}
