#include "common/app/app.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/app/notify.h"
#include "common/app/trim.h"
#include "common/base/fault.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/kafka/kafka.h"

/* librdkafka 2.0.2 rounds its timers down to a millisecond and spins until they are due; a wake-up that may come that
 * much later costs nothing here and lets an idle program sleep. Inherited by every thread made from now on. */
enum { TIMER_SLACK_NS = 1000000 };

#define SET(member) offsetof(struct app_settings, member)

static const struct conf_key base_keys[] = {
    {"kafka", "topic_prefix", CONF_STR, SET(topic_prefix), NULL, CONF_REQUIRED, NULL, 0, 0,
     "First part of every topic name"},
    {"kafka", "group_prefix", CONF_STR, SET(group_prefix), NULL, CONF_REQUIRED, NULL, 0, 0,
     "First part of every consumer group's name"},
    {"postgres", "conninfo", CONF_STR, SET(conninfo), NULL, CONF_REQUIRED | CONF_SECRET, NULL, 0, 0,
     "libpq connection string or URI; several hosts are tried in turn"},
    {"postgres", "schema", CONF_STR, SET(schema), NULL, CONF_REQUIRED, NULL, 0, 0,
     "Schema that holds all tables"},
    {"postgres", "statement_timeout", CONF_MS, SET(statement_ms), "30s", 0, NULL, 1000, 3600000,
     "The longest that one statement may take"},
    {"postgres", "lock_timeout", CONF_MS, SET(lock_ms), "15s", 0, NULL, 100, 3600000,
     "The longest that a statement waits for what another session has locked; then the transaction is tried "
     "again"},
    {"postgres", "idle_in_transaction_session_timeout", CONF_MS, SET(idle_tx_ms), "10s", 0, NULL, 1000,
     3600000,
     "How long a process that stands still in a transaction keeps its locks; then Postgres ends its session"},
    {"log", "format", CONF_ENUM, SET(log_format), "logfmt", 0, "logfmt|json", 0, 0, "How log lines look"},
    {"log", "level", CONF_ENUM, SET(log_level), "info", CONF_RELOAD, "debug|info|warn|error", 0, 0,
     "The least level that is written"},
    {NULL, NULL, CONF_STR, 0, NULL, 0, NULL, 0, 0, NULL},
};

enum { LOG_KEY = 7 }; /* where [log] begins in base_keys */

/* ---- configuration ---------------------------------------------------------------------------------------------- */

struct args {
    const char *file;
    bool check, sample;
};

/* The tables of one program; `service` is its listen and drain keys. */
struct tables {
    struct conf_key defaults[sizeof base_keys / sizeof base_keys[0]];
    struct conf_key service[3];
    struct conf_table table[5];
    struct conf_spec spec;
};

static void
make_tables(struct tables *t, struct app *app, const struct app_run *run)
{
    const struct app_def *d = app->def;
    unsigned n = 0;

    memcpy(t->defaults, base_keys, sizeof base_keys);
    t->defaults[0].def = t->defaults[1].def = t->defaults[3].def = d->family;
    t->service[0] = (struct conf_key){
        d->section, "listen",
        CONF_STR,   SET(listen),
        d->listen,  0,
        NULL,       0,
        0,          "Address and port of the service's own pages; loopback unless it is public"};
    t->service[1] = (struct conf_key){d->section, "drain_limit",
                                      CONF_MS,    SET(drain_ms),
                                      "10s",      0,
                                      NULL,       100,
                                      600000,     "How long a stop may take before it is made short"};
    t->service[2] = (struct conf_key){0};
    t->table[n++] = (struct conf_table){t->defaults, &app->set};
    if (d->shared_keys)
        t->table[n++] = (struct conf_table){d->shared_keys, run->shared};
    t->table[n++] = (struct conf_table){t->service, &app->set};
    if (d->keys)
        t->table[n++] = (struct conf_table){d->keys, run->own};
    t->table[n] = (struct conf_table){NULL, NULL};
    app->kafka[0] = (struct conf_pass){.section = "kafka"};
    t->spec = (struct conf_spec){d->env_prefix, t->table, app->kafka, d->sections};
}

enum res
app_reread(const struct app *app, const struct app_run *into, struct conf **ret, struct err *e)
{
    struct app again = {.def = app->def};
    struct tables t = {0};

    enum res res;

    make_tables(&t, &again, into);
    res = conf_load(&t.spec, app->file, ret, e);
    if (res == RES_OK)
        conf_forget_pass(*ret);
    return res;
}

static void
help(const struct app_def *d, const struct conf_spec *spec)
{
    struct buf b = buf_make(1 << 20);

    conf_sample(spec, &b);
    printf(
        "%s: %s\n\nusage: %s [-c FILE] [--check-config | --sample-config | --fault-points | --help | "
        "--version]\n\n"
        "Without -c, %s is read when it exists. %s_<SECTION>_<KEY> in the environment wins over the file.\n"
        "Settings:\n%s",
        d->name, d->about, d->name, d->conf_file, d->env_prefix, b.p ? b.p : "");
    buf_free(&b);
}

static void
sample(const struct conf_spec *spec)
{
    struct buf b = buf_make(1 << 20);

    conf_sample(spec, &b);
    fputs(b.p ? b.p : "", stdout);
    buf_free(&b);
}

static void
list_faults(void)
{
    struct buf b = buf_make(1 << 16);

    fault_list(&b);
    fputs(b.p ? b.p : "", stdout);
    buf_free(&b);
}

/* -1: go on; else an exit code. */
static int
read_args(int argc, char **argv, const struct app_def *d, const struct conf_spec *spec, struct args *a)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"check-config", no_argument, NULL, 'k'},
                                          {"sample-config", no_argument, NULL, 's'},
                                          {"fault-points", no_argument, NULL, 'f'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
        if (c == 'c')
            a->file = optarg;
        else if (c == 'k')
            a->check = true;
        else if (c == 's')
            a->sample = true;
        else if (c == 'f')
            return list_faults(), APP_OK;
        else if (c == 'h')
            return help(d, spec), APP_OK;
        else if (c == 'V')
            return printf("%s %s (librdkafka %s)\n", d->name, APP_VERSION, rd_kafka_version_str()), APP_OK;
        else
            return APP_USAGE;
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument: %s\n", d->name, argv[optind]);
        return APP_USAGE;
    }
    if (a->sample)
        return sample(spec), APP_OK;
    if (!a->file && access(d->conf_file, R_OK) == 0)
        a->file = d->conf_file;
    return -1;
}

/* ---- service pages ---------------------------------------------------------------------------------------------- */

static bool
is_ready(struct app *app, const char **why)
{
    *why = "";
    if (app->stopping)
        *why = "stopping";
    else if (!pg_up(app->pg))
        *why = pg_unfit(app->pg) ? pg_unfit(app->pg) : "Postgres does not answer";
    else if (app->def->ready)
        return app->def->ready(app->self, why);
    return !**why;
}

static void
on_healthz(void *arg, struct server_req *req)
{
    (void)arg;
    server_reply(req, 200, "text/plain", STR("ok\n"));
}

static void
on_readyz(void *arg, struct server_req *req)
{
    struct app *app = arg;
    const char *why;
    bool ready = is_ready(app, &why);

    server_reply(req, ready ? 200 : 503, "text/plain", str_of(ready ? "ready\n" : why));
}

static void
on_metrics(void *arg, struct server_req *req)
{
    struct app *app = arg;
    struct buf b = buf_make(8 << 20);
    const char *why;

    metric_set(app->m_ready, is_ready(app, &why));
    metric_set(app->m_pg, pg_up(app->pg));
    metrics_write(app->metrics, &b);
    server_reply(req, 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", buf_view(&b));
    buf_free(&b);
}

static void
on_statusz(void *arg, struct server_req *req)
{
    struct app *app = arg;
    struct buf b = buf_make(4 << 20);
    const char *why;
    bool ready = is_ready(app, &why);

    buf_printf(&b, "{\"program\":\"%s\",\"version\":\"%s\",\"ready\":%s,\"why\":", app->def->name,
               APP_VERSION, ready ? "true" : "false");
    buf_json(&b, str_of(why));
    if (app->def->status)
        app->def->status(app->self, &b);
    buf_z(&b, "}\n");
    server_reply(req, 200, "application/json", buf_view(&b));
    buf_free(&b);
}

enum { ROUTES_MAX = 32 };

/* Every handler gets the app; a program's own finds itself in app->self. */
static enum res
open_server(struct app *app, struct server_route *routes, struct err *e)
{
    static const struct server_route own[] = {{"GET", "/healthz", on_healthz},
                                              {"GET", "/readyz", on_readyz},
                                              {"GET", "/metrics", on_metrics},
                                              {"GET", "/statusz", on_statusz}};
    struct server_opts o = {.listen = app->set.listen, .body_max = 11 << 20};
    unsigned n = 4;

    memcpy(routes, own, sizeof own);
    for (const struct server_route *r = app->def->routes; r && r->method && n < ROUTES_MAX - 1; r++)
        routes[n++] = *r;
    routes[n] = (struct server_route){0};
    return server_new(app->loop, &o, routes, app, &app->server, e);
}

/* ---- signals, life ---------------------------------------------------------------------------------------------- */

void
app_quit(struct app *app, int code)
{
    app->exit_code = code;
    loop_stop(app->loop);
}

static void
on_drain_limit(void *arg)
{
    struct app *app = arg;

    log_warn("the drain limit has passed; stopping short", LOG_I("limit_ms", app->set.drain_ms));
    app_quit(app, APP_OK);
}

/* SIGHUP: the log's level, and what the program itself takes over; a file that is wrong changes nothing and is told. */
static void
reload(struct app *app)
{
    struct app_settings fresh = app->set;
    const struct conf_key keys[] = {base_keys[LOG_KEY], base_keys[LOG_KEY + 1], {0}};
    const struct conf_table tables[] = {{keys, &fresh}, {NULL, NULL}};
    const struct conf_spec spec = {app->def->env_prefix, tables, NULL, app->def->sections};
    struct conf *conf = NULL;
    struct err e = {0};

    if (conf_load(&spec, app->file, &conf, &e) == RES_OK) {
        log_set_level((enum log_level)fresh.log_level);
        log_info("settings were read again", LOG_I("log_level", fresh.log_level));
    } else {
        log_error("the settings are wrong; the old ones stay", LOG_Z("why", e.text));
    }
    conf_free(conf);
    if (app->def->reload)
        app->def->reload(app->self);
}

static void
on_signal(void *arg, int sig)
{
    struct app *app = arg;

    if (sig == SIGHUP) {
        reload(app);
        return;
    }
    if (app->stopping)
        _exit(APP_OK); /* the second time: leave now */
    app->stopping = true;
    log_info("stopping", LOG_I("signal", sig));
    notify_service("STOPPING=1");
    loop_timer_set(app->loop, &app->drain, app->set.drain_ms);
    if (app->server)
        server_quiesce(app->server);
    app->def->stop(app, app->self);
}

/* Another program, another database or another pooler is needed; waiting would not help. */
static void
on_pg_refused(void *arg, const char *why)
{
    log_error("the database cannot be used by this program", LOG_Z("why", why));
    app_quit(arg, APP_CONFIG);
}

static void
on_pg_state(void *arg, bool up, const char *why)
{
    struct app *app = arg;

    if (up)
        log_info("Postgres answers again");
    else if (app->pg && pg_unfit(app->pg))
        log_warn("the database cannot be used yet; waiting", LOG_Z("why", why));
    else
        log_warn(app->pg_down ? "Postgres still does not answer" : "Postgres does not answer; waiting",
                 LOG_Z("why", why));
    app->pg_down = !up;
}

/* Says once per change whether the program is ready. */
static void
on_watch(void *arg)
{
    struct app *app = arg;
    const char *why;
    bool ready = is_ready(app, &why);

    loop_timer_set(app->loop, &app->watch, 1000);
    if (ready == app->was_ready)
        return;
    app->was_ready = ready;
    if (ready) {
        log_info("ready");
        notify_service("READY=1");
    } else {
        log_warn("not ready", LOG_Z("why", why));
    }
}

static struct metric *
gauge(struct app *app, const char *name, const char *help)
{
    char full[96];

    snprintf(full, sizeof full, "%s%s", app->def->metric_prefix, name);
    return metric(app->metrics, METRIC_GAUGE, full, "", help);
}

static enum res
open_parts(struct app *app, struct server_route *routes, struct err *e)
{
    static const int sigs[] = {SIGTERM, SIGINT, SIGHUP, 0};
    struct pg_opts po = {.conninfo = app->set.conninfo,
                         .schema = app->set.schema,
                         .app_name = app->def->name,
                         .statement_ms = app->set.statement_ms,
                         .lock_ms = app->set.lock_ms,
                         .idle_tx_ms = app->set.idle_tx_ms,
                         .release = APP_RELEASE,
                         .migration = APP_MIGRATION,
                         .on_refused = on_pg_refused,
                         .on_state = on_pg_state,
                         .arg = app};
    enum res res;

    if ((res = loop_new(&app->loop, e)) || (res = loop_signals(app->loop, sigs, on_signal, app, e)) ||
        (res = pg_new(app->loop, &po, &app->pg, e)))
        return res;
    app->metrics = metrics_new();
    if (!app->metrics)
        return err_set(e, RES_FATAL, "out of memory");
    app->m_ready = gauge(app, "ready", "1 when the program is ready");
    app->m_pg = gauge(app, "postgres_up", "1 when Postgres answers");
    res = app->def->start(app, app->self, e);
    return res == RES_OK ? open_server(app, routes, e) : res;
}

static int
run(struct app *app)
{
    struct server_route routes[ROUTES_MAX];
    struct err e = {0};

    if (open_parts(app, routes, &e) != RES_OK) {
        log_error("cannot start", LOG_Z("why", e.text));
        app->exit_code = APP_CONFIG;
    } else {
        app_trim();
        log_info("started", LOG_Z("version", APP_VERSION), LOG_Z("librdkafka", rd_kafka_version_str()),
                 LOG_Z("listen", app->set.listen));
        on_watch(app);
        loop_run(app->loop);
    }
    if (app->loop)
        loop_timer_stop(app->loop, &app->watch);
    server_free(app->server);
    pg_close(app->pg); /* whoever waits for an answer is told while it is still there */
    app->def->free(app, app->self);
    pg_free(app->pg);
    metrics_free(app->metrics);
    loop_free(app->loop);
    return app->exit_code;
}

/* A test may have the process die at one place (fault.h); never under the names of production. */
static enum res
arm_fault(const struct app *app, struct err *e)
{
    char name[64];
    const char *spec;
    enum res res;

    snprintf(name, sizeof name, "%s_FAULT", app->def->env_prefix);
    spec = getenv(name);
    if (!spec)
        return RES_OK;
    if (strcmp(app->set.topic_prefix, app->def->family) == 0 ||
        strcmp(app->set.schema, app->def->family) == 0)
        return err_set(e, RES_FATAL,
                       "%s is for tests: not where [kafka] topic_prefix or [postgres] schema is \"%s\"", name,
                       app->def->family);
    res = fault_arm(spec, e);
    if (res == RES_OK)
        log_warn("this process is going to kill itself: a fault is armed", LOG_Z("fault", spec));
    return res;
}

int
app_main(int argc, char **argv, const struct app_def *def, const struct app_run *r)
{
    struct app app = {.def = def, .self = r->self, .clk = clk_real()};
    struct args a = {0};
    struct tables t = {0};
    struct err e = {0};
    int code;

    make_tables(&t, &app, r);
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
    code = read_args(argc, argv, def, &t.spec, &a);
    if (code >= 0)
        return code;
    log_setup(def->name, LOG_LOGFMT, LOG_INFO);
    if (conf_load(&t.spec, a.file, &app.conf, &e) != RES_OK ||
        kafka_conf_check(&app.kafka[0], &e) != RES_OK || (def->check && def->check(r->self, &e) != RES_OK) ||
        arm_fault(&app, &e) != RES_OK) {
        fprintf(stderr, "%s: %s\n", def->name, e.text);
        conf_free(app.conf);
        return APP_CONFIG;
    }
    app.file = a.file;
    log_setup(def->name, (enum log_format)app.set.log_format, (enum log_level)app.set.log_level);
    snprintf(app.owner, sizeof app.owner, "%d-%016llx", (int)getpid(), (unsigned long long)id_random());
    app.drain = (struct loop_timer){.fn = on_drain_limit, .arg = &app};
    app.watch = (struct loop_timer){.fn = on_watch, .arg = &app};
    if (a.check)
        puts("configuration is good");
    else
        code = run(&app);
    conf_free(app.conf);
    return a.check ? APP_OK : code;
}
