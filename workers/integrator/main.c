#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "workers/integrator/brake.h"
#include "workers/integrator/gate.h"
#include "workers/integrator/integrator.h"

static const char *const topics[] = {"requests", "checks", "callbacks", "deadlines", NULL};
static const char *const judges[] = {"callbacks", NULL};

#define SET(member) offsetof(struct integrator, member)
#define WAY(member) (offsetof(struct integrator, endpoint) + offsetof(struct endpoint_settings, member))

static const struct conf_key keys[] = {
    {"integrator", "url", CONF_STR, SET(url), NULL, CONF_REQUIRED, NULL, 0, 0,
     "Base address of the integration endpoint, without /api/v1/integrasi"},
    {"integrator", "callback_url", CONF_STR, SET(callback_url), "", 0, NULL, 0, 0,
     "Where Bedelau reports the end: the gateway's /v1/callbacks/bedelau as Bedelau reaches it"},
    {"integrator", "mode", CONF_ENUM, SET(mode), "live", 0, "live|shadow|off", 0, 0,
     "live: calls go out; shadow: they are rendered and stored only; off: jobs wait"},
    {"integrator", "maintenance", CONF_STR, SET(maintenance), "", CONF_RELOAD, NULL, 0, 0,
     "Windows in WIB in which no call begins, such as: sab 22:00-04:00, min 00:00-06:00"},
    {"integrator", "calls_per_s", CONF_INT, WAY(calls_per_s), "0", CONF_RELOAD, NULL, 0, 100000,
     "Most calls that this process begins in a second, with a tenth of that at once after a rest; 0: no "
     "ceiling"},
    {"integrator", "auth", CONF_ENUM, WAY(auth), "none", 0,
     "none|api_key|basic|bearer|oauth2_client_credentials", 0, 0, "How calls are authenticated"},
    {"integrator", "auth_header", CONF_STR, WAY(auth_header), "X-Api-Key", 0, NULL, 0, 0,
     "Header that carries the key when auth = api_key"},
    {"integrator", "auth_id", CONF_STR, WAY(auth_id), NULL, CONF_RELOAD, NULL, 0, 0,
     "User name of basic, client id of oauth2_client_credentials"},
    {"integrator", "auth_secret", CONF_STR, WAY(auth_secret), "", CONF_SECRET | CONF_RELOAD, NULL, 0, 0,
     "The key, the bearer token, the password or client secret; without auth_id basic takes user:password"},
    {"integrator", "token_url", CONF_STR, WAY(token_url), NULL, 0, NULL, 0, 0,
     "Where oauth2_client_credentials gets its tokens"},
    {"integrator", "token_scope", CONF_STR, WAY(token_scope), NULL, 0, NULL, 0, 0,
     "Scope to ask for; default: none"},
    {"integrator", "token_secret_in_body", CONF_BOOL, WAY(token_secret_in_body), "false", 0, NULL, 0, 0,
     "Client id and secret as form fields, not as Basic"},
    {"integrator", "in_flight", CONF_INT, SET(in_flight), "64", 0, NULL, 1, 256,
     "Most calls at once; fewer while the endpoint fails or asks for fewer"},
    {"integrator", "in_flight_min", CONF_INT, WAY(in_flight_min), "1", 0, NULL, 1, 256,
     "Calls at once, however much of them fails"},
    {"integrator", "in_flight_start", CONF_INT, WAY(in_flight_start), "8", 0, NULL, 1, 256,
     "Calls at once in the beginning and after an outage; it grows from there"},
    {"integrator", "breaker_failures", CONF_INT, WAY(breaker_failures), "8", 0, NULL, 1, 1000,
     "Failures in a row that stop calls"},
    {"integrator", "breaker_requests", CONF_INT, WAY(breaker_requests), "3", 0, NULL, 1, 8,
     "Of so many different requests at least: one request alone stops nobody else"},
    {"integrator", "probe_min", CONF_MS, WAY(probe.min_ms), "1s", 0, NULL, 10, 3600000,
     "Shortest time before one call tries whether a stopped endpoint is well again; doubles, with full "
     "jitter"},
    {"integrator", "probe_max", CONF_MS, WAY(probe.max_ms), "30s", 0, NULL, 10, 3600000,
     "Last ceiling of that time"},
    {"integrator", "timeout", CONF_MS, SET(timeout_ms), "20s", 0, NULL, 50, 600000,
     "Longest a call may take from its sending; at most three quarters of quiet"},
    {"integrator", "lease", CONF_MS, SET(lease_ms), "60s", 0, NULL, 100, 3600000,
     "How long a job belongs to the process that calls; after that another asks what became of it"},
    {"integrator", "quiet", CONF_MS, SET(quiet_ms), "0", 0, NULL, 0, 3600000,
     "How long after its beginning a call whose end is not known may still act at the endpoint: until then "
     "it is "
     "neither asked about nor repeated; 0: as long as lease, which is the most"},
    {"integrator", "backoff_min", CONF_MS, SET(pace.min_ms), "1s", 0, NULL, 1, 3600000,
     "First ceiling of the wait after a failure; doubles, with full jitter"},
    {"integrator", "backoff_max", CONF_MS, SET(pace.max_ms), "5m", 0, NULL, 1, 86400000,
     "Last ceiling of the wait"},
    {"integrator", "poll", CONF_MS, SET(poll_ms), "60s", 0, NULL, 10, 86400000,
     "How often a registration is asked about where Bedelau gave no Retry-After"},
    {"integrator", "retry_after_max", CONF_MS, SET(pace.retry_after_max_ms), "1h", 0, NULL, 1000, 86400000,
     "A longer Retry-After is cut to this"},
    {"integrator", "ca_file", CONF_STR, WAY(ca_file), NULL, 0, NULL, 0, 0,
     "Certificates to trust; default: the system's"},
    {"integrator", "cert_file", CONF_STR, WAY(cert_file), NULL, 0, NULL, 0, 0,
     "Our certificate, for mutual TLS"},
    {"integrator", "key_file", CONF_STR, WAY(key_file), NULL, 0, NULL, 0, 0, "Its key"},
    {"integrator", "pinned_key", CONF_STR, WAY(pinned_key), NULL, 0, NULL, 0, 0,
     "Public key that the endpoint must have, as sha256//<base64>"},
    {"integrator", "proxy", CONF_STR, WAY(proxy), NULL, 0, NULL, 0, 0,
     "HTTP proxy; the environment's are never used"},
    {"integrator", "tls_insecure", CONF_BOOL, WAY(tls_insecure), "false", 0, NULL, 0, 0,
     "Do not verify the endpoint's certificate; for a laboratory only"},
    {"integrator", "contract", CONF_STR, SET(contract_file), "integrasi.kontrak.json", 0, NULL, 0, 0,
     "The endpoint's contract: a file below [sop] schemas, or a whole path"},
    {NULL, NULL, CONF_STR, 0, NULL, 0, NULL, 0, 0, NULL},
};

static bool
wants(enum fact_type t)
{
    return t == FACT_SUBMITTED || t == FACT_CHECK || t == FACT_CALLBACK || t == FACT_DEADLINE;
}

/* Of callbacks we are the judge. What comes twice of forms and checks the dossier knows, of deadlines their number. */
static bool
remembers(enum fact_type t)
{
    return t == FACT_CALLBACK;
}

static unsigned
room(void *arg)
{
    const struct worker *w = arg;
    const struct integrator *n = w->own;
    unsigned most = (unsigned)n->in_flight + n->ahead;
    unsigned left = most - n->calling;
    unsigned pass;

    if (n->mode != MODE_LIVE || n->calling >= most ||
        n->answered >= ANSWERS_PER_CALL * (unsigned)n->in_flight)
        return 0;
    pass = gate_open(n->gate) ? sink_room_ahead(n->sink, n->ahead) : 0;
    return pass < left ? pass : left;
}

static void
begin(void *arg, const struct job *job)
{
    call_begin(arg, job);
}

static void
make_metrics(struct worker *w)
{
    static const char *const fates[] = {"result=\"ok\"", "result=\"refused\"", "result=\"not_sent\"",
                                        "result=\"unknown\""};
    static const char *const outcomes[] = {"outcome=\"registered\"", "outcome=\"delayed\"",
                                           "outcome=\"completed\"",  "outcome=\"rejected\"",
                                           "outcome=\"failed\"",     "outcome=\"cancelled\""};
    struct integrator *n = w->own;
    struct metrics *ms = w->app->metrics;

    for (unsigned i = 0; i < 4; i++)
        n->m_calls[i] =
            metric(ms, METRIC_COUNTER, "bedelau_calls", fates[i], "Calls to the endpoint by result");
    for (unsigned i = 0; i < 6; i++)
        n->m_outcome[i] =
            metric(ms, METRIC_COUNTER, "bedelau_integrations", outcomes[i], "What was told of integrations");
    n->m_seconds =
        metric(ms, METRIC_HISTOGRAM, "bedelau_call_seconds", "", "Time of a call from its sending");
    n->m_parked = metric(ms, METRIC_COUNTER, "bedelau_jobs_parked", "", "Times a job was put off");
}

static enum res
load_data(struct worker *w, struct err *e)
{
    struct integrator *n = w->own;
    char *map = worker_schema_path(w, "integrasi.map.json");
    char *contract = worker_schema_path(w, n->contract_file);
    enum res res = map_load(map, &n->map, e);

    if (res == RES_OK)
        res = contract_load(contract, &n->contract, e);
    free(map);
    free(contract);
    return res;
}

static int64_t
quiet_ms(const struct integrator *n)
{
    return n->quiet_ms ? n->quiet_ms : n->lease_ms;
}

static enum res
check_own(const struct integrator *n, struct err *e)
{
    struct brake_windows windows;

    if (n->quiet_ms > n->lease_ms)
        return err_set(e, RES_FATAL, "[integrator] quiet must not be more than [integrator] lease");
    if (n->timeout_ms > quiet_ms(n) * 3 / 4)
        return err_set(e, RES_FATAL, "[integrator] timeout must be at most three quarters of [integrator] %s",
                       n->quiet_ms ? "quiet" : "lease");
    if (n->pace.min_ms > n->pace.max_ms)
        return err_set(e, RES_FATAL,
                       "[integrator] backoff_min must not be more than [integrator] backoff_max");
    if (endpoint_check(&n->endpoint, n->in_flight, e) != RES_OK)
        return RES_FATAL;
    return brake_parse(n->maintenance, &windows, e);
}

static enum res
check_settings(struct worker *w, struct err *e)
{
    return check_own(w->own, e);
}

/* ---- brakes ------------------------------------------------------------------------------------------------------ */

static const char *const modes[] = {"live", "shadow", "off"};

static void
on_open(void *arg)
{
    const struct worker *w = arg;
    const struct integrator *n = w->own;

    if (n->jobs)
        jobs_wake(n->jobs, clk_us(w->app->clk));
}

/* A brake holds: what was claimed and waits for its place is answered as not sent. That costs no attempt; it is due again after
 * backoff_min. What a claim brings from now on call_begin answers in the same way. */
static void
on_shut(void *arg)
{
    const struct worker *w = arg;
    const struct integrator *n = w->own;

    sink_return(n->sink);
}

/* The endpoint has room again, or stopped. Where answers wait, their transaction looks for jobs. */
static void
on_changed(void *arg)
{
    const struct worker *w = arg;
    const struct integrator *n = w->own;

    if (!n->answered)
        on_open(arg);
}

static void
say_sink(void *arg, struct buf *out)
{
    const struct worker *w = arg;
    const struct integrator *n = w->own;

    sink_status(n->sink, out);
}

/* Comes to settle as an answer does, so that it is looked at under the request's row lock; it answers nothing. */
static void
on_stop(void *arg, struct str nomor)
{
    const struct worker *w = arg;
    struct integrator *n = w->own;
    struct answer *a = calloc(1, sizeof *a);

    if (!a)
        abort();
    snprintf(a->nomor, sizeof a->nomor, "%.*s", STR_FMT(nomor));
    a->own.nomor = str_of(a->nomor);
    n->answered++;
    flow_post(w->flow, a);
}

static enum res
open_endpoint(struct worker *w, struct err *e)
{
    struct integrator *n = w->own;
    int expired[8];
    struct endpoint_opts o = {.app = w->app,
                              .set = &n->endpoint,
                              .in_flight = n->in_flight,
                              .expired = expired,
                              .changed = on_changed,
                              .arg = w};

    contract_codes(n->contract, ARTI_KREDENSIAL, expired, 7);
    return endpoint_open(&o, &n->sink, e);
}

static enum res
open_gate(struct worker *w, struct err *e)
{
    struct integrator *n = w->own;
    struct gate_opts o = {.app = w->app,
                          .mode = modes[n->mode],
                          .maintenance = n->maintenance,
                          .calls_per_s = n->endpoint.calls_per_s,
                          .in_flight = n->in_flight,
                          .open = on_open,
                          .shut = on_shut,
                          .stop = on_stop,
                          .sink = say_sink,
                          .arg = w};

    return gate_new(&o, &n->gate, e);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static enum res
start(struct worker *w, struct err *e)
{
    struct integrator *n = w->own;
    struct app *app = w->app;
    struct jobs_opts jo = {.loop = app->loop,
                           .pg = app->pg,
                           .worker = "integrator",
                           .kept_body = store_kept_body,
                           .lease_ms = n->lease_ms,
                           .call_ms = quiet_ms(n),
                           .room = room,
                           .begin = begin,
                           .arg = w,
                           .clk = app->clk};
    enum res res;

    make_metrics(w);
    if ((res = load_data(w, e)) || (res = open_endpoint(w, e)) || (res = open_gate(w, e)))
        return res;
    return jobs_new(&jo, &n->jobs, e);
}

static void
apply(struct worker *w, struct berkas *b, struct flow_item *it, enum met met)
{
    const struct answer *a = it->rkm ? NULL : it->mine;
    const struct event *ev = item_event(it);

    if (a && a->key[0]) /* without a key: on_stop's */
        settle_answer(w, b, a);
    else if (ev && met == MET_NEW)
        settle_fact(w, b, ev);
}

static void
settle(struct worker *w, struct berkas *b)
{
    settle_request(w, b);
    stop_settle(w, b);
}

/* Calls begin only now that their attempts are durable. */
static void
committed(struct worker *w, const struct flow_batch *b)
{
    struct integrator *n = w->own;
    bool answered = false;

    if (n->stirred)
        jobs_wake(n->jobs, w->now_us);
    n->stirred = false;
    for (size_t i = 0; i < b->n; i++)
        if (!b->items[i].rkm) {
            n->answered--;
            answered = true;
        }
    jobs_committed(n->jobs);
    if (answered && !n->answered && room(w))
        jobs_room(n->jobs);
}

static void
undone(struct worker *w, bool whole)
{
    const struct integrator *n = w->own;

    jobs_undone(n->jobs, whole);
}

/* SIGHUP: what may be another while calls are under way. */
static enum res
take_again(struct integrator *n, const struct integrator *fresh, struct err *e)
{
    enum res res = check_own(fresh, e);

    if (res == RES_OK)
        res = endpoint_again(n->sink, &fresh->endpoint, n->in_flight, e);
    return res == RES_OK ? gate_again(n->gate, fresh->maintenance, fresh->endpoint.calls_per_s, e) : res;
}

static void
reload(struct worker *w)
{
    struct integrator *n = w->own;
    struct integrator fresh = *n;
    struct sop_settings sop = w->sop;
    struct conf *conf = NULL;
    struct err e = {0};

    if (app_reread(w->app, &(struct app_run){.own = &fresh, .shared = &sop}, &conf, &e) != RES_OK ||
        take_again(n, &fresh, &e) != RES_OK) {
        log_error("the endpoint's settings are wrong; the old ones stay", LOG_Z("why", e.text));
        conf_free(conf);
        return;
    }
    conf_free(n->again);
    n->again = conf;
    log_info("credentials, certificates, windows and ceiling of the endpoint were read again");
}

static void
stop(struct worker *w)
{
    const struct integrator *n = w->own;

    jobs_stop(n->jobs);
    sink_return(n->sink);
}

/* A call that is left to its fate has to be asked about later; its answer is worth the wait. */
static bool
busy(const struct worker *w)
{
    const struct integrator *n = w->own;

    return n->calling > 0 || n->answered > 0;
}

static void
status(struct worker *w, struct buf *json)
{
    const struct integrator *n = w->own;

    buf_printf(json, ",\"mode\":\"%s\",\"calls_in_flight\":%u,\"endpoint\":", modes[n->mode],
               n->calling - sink_state(n->sink).waiting);
    sink_status(n->sink, json);
    gate_status(n->gate, json);
}

static void
free_own(struct worker *w)
{
    struct integrator *n = w->own;

    sink_free(n->sink);
    jobs_free(n->jobs);
    gate_free(n->gate);
    map_free(n->map);
    contract_free(n->contract);
    conf_free(n->again);
}

int
main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "integrator",
        .about = "calls Bedelau and sees each integration through (SOP step 3)",
        .listen = "127.0.0.1:9483",
        .topics = topics,
        .judges = judges,
        .seen = "seen_integrator",
        .remembers = remembers,
        .table = "integration",
        .columns = ", callbacks, id_integrasi, urutan_bedelau, jenis, asal",
        .writes = store_columns,
        .more_size = sizeof(struct urusan),
        .keys = keys,
        .reckons = true,
        .wants = wants,
        .check = check_settings,
        .start = start,
        .begin = settle_begin,
        .make = store_make,
        .read = store_read,
        .load = store_load,
        .apply = apply,
        .settle = settle,
        .write = store_write,
        .committed = committed,
        .undone = undone,
        .drop = call_free_answer,
        .reload = reload,
        .stop = stop,
        .busy = busy,
        .status = status,
        .free = free_own,
    };
    struct integrator own = {0};

    return worker_main(argc, argv, &def, &own);
}
