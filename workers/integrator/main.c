#include <stdio.h>
#include <stdlib.h>

#include "workers/integrator/brake.h"
#include "workers/integrator/gate.h"
#include "workers/integrator/integrator.h"
#include "workers/sop/clocks.h"

static const char *const topics[] = {"requests", "checks", "callbacks", "deadlines", NULL};
static const char *const judges[] = {"callbacks", NULL};

#define SET(member) offsetof(struct integrator, member)

static const struct conf_key keys[] = {
    {"integrator", "url", CONF_STR, SET(url), NULL, CONF_REQUIRED, NULL, 0, 0,
     "Base address of the integration endpoint, without /api/v1/integrasi"},
    {"integrator", "callback_url", CONF_STR, SET(callback_url), "", 0, NULL, 0, 0,
     "Where Bedelau reports the end: the gateway's /v1/callbacks/bedelau as Bedelau reaches it"},
    {"integrator", "mode", CONF_ENUM, SET(mode), "live", 0, "live|shadow|off", 0, 0,
     "live: calls go out; shadow: they are rendered and stored only; off: jobs wait"},
    {"integrator", "maintenance", CONF_STR, SET(maintenance), "", 0, NULL, 0, 0,
     "Windows in WIB in which no call begins, such as: sab 22:00-04:00, min 00:00-06:00"},
    {"integrator", "calls_per_s", CONF_INT, SET(calls_per_s), "0", 0, NULL, 0, 100000,
     "Most calls that this process begins in a second, with a tenth of that at once after a rest; 0: no "
     "ceiling"},
    {"integrator", "auth", CONF_ENUM, SET(auth), "none", 0, "none|api_key|basic|bearer", 0, 0,
     "How calls are authenticated"},
    {"integrator", "auth_header", CONF_STR, SET(auth_header), "X-Api-Key", 0, NULL, 0, 0,
     "Header that carries the key when auth = api_key"},
    {"integrator", "auth_secret", CONF_STR, SET(auth_secret), "", CONF_SECRET, NULL, 0, 0,
     "The key, the bearer token, or user:password"},
    {"integrator", "in_flight", CONF_INT, SET(in_flight), "64", 0, NULL, 1, 64, "Calls at once"},
    {"integrator", "timeout", CONF_MS, SET(timeout_ms), "20s", 0, NULL, 50, 600000,
     "Longest a call may take from its sending; must be less than lease"},
    {"integrator", "lease", CONF_MS, SET(lease_ms), "60s", 0, NULL, 100, 3600000,
     "How long a job belongs to the process that calls; after that another asks what became of it"},
    {"integrator", "backoff_min", CONF_MS, SET(pace.min_ms), "1s", 0, NULL, 1, 3600000,
     "First ceiling of the wait after a failure; doubles, with full jitter"},
    {"integrator", "backoff_max", CONF_MS, SET(pace.max_ms), "5m", 0, NULL, 1, 86400000,
     "Last ceiling of the wait"},
    {"integrator", "poll", CONF_MS, SET(poll_ms), "60s", 0, NULL, 10, 86400000,
     "How often a registration is asked about where Bedelau gave no Retry-After"},
    {"integrator", "retry_after_max", CONF_MS, SET(pace.retry_after_max_ms), "1h", 0, NULL, 1000, 86400000,
     "A longer Retry-After is cut to this"},
    {"integrator", "ca_file", CONF_STR, SET(ca_file), NULL, 0, NULL, 0, 0,
     "Certificates to trust; default: the system's"},
    {"integrator", "cert_file", CONF_STR, SET(cert_file), NULL, 0, NULL, 0, 0,
     "Our certificate, for mutual TLS"},
    {"integrator", "key_file", CONF_STR, SET(key_file), NULL, 0, NULL, 0, 0, "Its key"},
    {"integrator", "tls_insecure", CONF_BOOL, SET(tls_insecure), "false", 0, NULL, 0, 0,
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

static unsigned
room(void *arg)
{
    const struct worker *w = arg;
    const struct integrator *n = w->own;
    unsigned left = (unsigned)n->in_flight - n->calling;
    unsigned pass;

    if (n->mode != MODE_LIVE || n->calling >= (unsigned)n->in_flight ||
        n->answered >= ANSWERS_PER_CALL * (unsigned)n->in_flight)
        return 0;
    pass = gate_room(n->gate);
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
    struct clock_terms terms = {0};
    enum res res = worker_calendar(w, &n->cal, e);

    if (res == RES_OK)
        res = worker_terms(w, &terms, e);
    if (res == RES_OK)
        res = map_load(map, &n->map, e);
    if (res == RES_OK)
        res = contract_load(contract, &n->contract, e);
    n->term = terms.of[TAHAP_INTEGRASI];
    free(map);
    free(contract);
    return res;
}

static enum res
check_settings(struct worker *w, struct err *e)
{
    const struct integrator *n = w->own;
    struct brake_windows windows;

    if (n->timeout_ms >= n->lease_ms)
        return err_set(e, RES_FATAL, "[integrator] timeout must be less than [integrator] lease");
    if (n->pace.min_ms > n->pace.max_ms)
        return err_set(e, RES_FATAL,
                       "[integrator] backoff_min must not be more than [integrator] backoff_max");
    if (n->auth != AUTH_NONE && !*n->auth_secret)
        return err_set(e, RES_FATAL, "[integrator] auth_secret is empty although [integrator] auth is set");
    return brake_parse(n->maintenance, &windows, e);
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
open_gate(struct worker *w, struct err *e)
{
    struct integrator *n = w->own;
    struct gate_opts o = {.app = w->app,
                          .mode = modes[n->mode],
                          .maintenance = n->maintenance,
                          .calls_per_s = n->calls_per_s,
                          .in_flight = n->in_flight,
                          .open = on_open,
                          .stop = on_stop,
                          .arg = w};

    return gate_new(&o, &n->gate, e);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static enum res
start(struct worker *w, struct err *e)
{
    struct integrator *n = w->own;
    struct app *app = w->app;
    struct client_opts co = {.in_flight = (unsigned)n->in_flight,
                             .ca_file = n->ca_file,
                             .cert_file = n->cert_file,
                             .key_file = n->key_file,
                             .tls_insecure = n->tls_insecure,
                             .user_agent = "bedelau-integrator"};
    struct jobs_opts jo = {.loop = app->loop,
                           .pg = app->pg,
                           .worker = "integrator",
                           .lease_ms = n->lease_ms,
                           .call_ms = n->timeout_ms,
                           .room = room,
                           .begin = begin,
                           .arg = w,
                           .clk = app->clk};
    enum res res;

    make_metrics(w);
    if ((res = load_data(w, e)) || (res = client_new(app->loop, &co, &n->client, e)) ||
        (res = open_gate(w, e)))
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

    for (size_t i = 0; i < w->n; i++)
        if (((const struct urusan *)w->all[i].more)->stirred)
            jobs_wake(n->jobs, w->now_us);
    for (size_t i = 0; i < b->n; i++)
        if (!b->items[i].rkm) {
            n->answered--;
            answered = true;
        }
    jobs_committed(n->jobs);
    if (answered && !n->answered && room(w))
        jobs_wake(n->jobs, w->now_us);
}

static void
undone(struct worker *w, bool whole)
{
    const struct integrator *n = w->own;

    jobs_undone(n->jobs, whole);
}

static void
stop(struct worker *w)
{
    const struct integrator *n = w->own;

    jobs_stop(n->jobs);
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

    buf_printf(json, ",\"mode\":\"%s\",\"calls_in_flight\":%u", modes[n->mode], client_in_flight(n->client));
    gate_status(n->gate, json);
}

static void
free_own(struct worker *w)
{
    struct integrator *n = w->own;

    client_free(n->client);
    jobs_free(n->jobs);
    gate_free(n->gate);
    map_free(n->map);
    contract_free(n->contract);
    calendar_free(n->cal);
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
        .table = "integration",
        .columns = ", callbacks, id_integrasi, urutan_bedelau, jenis, asal",
        .writes = store_columns,
        .more_size = sizeof(struct urusan),
        .keys = keys,
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
        .stop = stop,
        .busy = busy,
        .status = status,
        .free = free_own,
    };
    struct integrator own = {0};

    return worker_main(argc, argv, &def, &own);
}
