/* app: what every program of a family does alike: arguments, configuration, log, loop, signals, the service port with
 * /metrics /healthz /readyz /statusz, and exit codes.
 *
 * PREFIX_FAULT in the environment names a place at which the process kills itself (common/base/fault.h): for tests, and refused
 * where topic prefix or schema is the family's own.
 *
 * Exit codes: 0 done, 64 usage, 69 unavailable after its limit, 70 bug, 78 configuration. */
#ifndef APP_APP_H
#define APP_APP_H

#include "common/base/clk.h"
#include "common/base/conf.h"
#include "common/base/loop.h"
#include "common/base/metric.h"
#include "common/http/server.h"
#include "common/pg/pg.h"

enum { APP_OK = 0, APP_USAGE = 64, APP_UNAVAILABLE = 69, APP_BUG = 70, APP_CONFIG = 78 };

struct app;

struct app_def {
    const char *name;                   /* "thing-worker" */
    const char *section;                /* its own section of the file, "worker" */
    const char *about;                  /* one line for --help */
    const char *env_prefix;             /* "THING" */
    const char *family;                 /* default of topic, group and schema names: "thing" */
    const char *conf_file;              /* used when it exists and no -c is given */
    const char *metric_prefix;          /* "thing_" */
    const char *listen;                 /* default of [section] listen */
    const struct conf_key *keys;        /* the program's own settings; base is what app_main is given */
    const struct conf_key *shared_keys; /* settings that the family shares; base is `shared` */
    const char *const *sections;        /* every section of the family's file, ended by NULL */
    const struct server_route *routes;  /* beside the service's own; may be NULL */
    /* What the tables cannot say of settings: RES_FATAL with both names. Called before anything is opened, and by
     * --check-config; may be NULL. */
    enum res (*check)(void *self, struct err *e);
    /* Builds the program on a running app; RES_FATAL ends it with APP_CONFIG. */
    enum res (*start)(struct app *app, void *self, struct err *e);
    /* SIGTERM: finish what is in hand, then app_quit. */
    void (*stop)(struct app *app, void *self);
    void (*free)(struct app *app, void *self);
    bool (*ready)(void *self, const char **why);
    void (*status)(void *self, struct buf *json_members); /* appends ,"name":value.. */
    void (*reload)(void *self);                           /* SIGHUP; may be NULL */
};

/* Settings that all share, read by app itself. */
struct app_settings {
    const char *topic_prefix, *group_prefix;
    const char *conninfo, *schema;
    int64_t statement_ms, lock_ms, idle_tx_ms;
    int64_t log_format, log_level;
    const char *listen;
    int64_t drain_ms;
};

struct app {
    const struct app_def *def;
    struct app_settings set;
    struct conf_pass kafka[2]; /* [0] is the operator's librdkafka properties */
    struct conf *conf;
    const char *file; /* that settings were read from; NULL = none */
    struct loop *loop;
    struct pg *pg;
    struct metrics *metrics;
    struct server *server;
    struct clk clk;
    void *self;
    int exit_code;
    bool stopping;
    bool was_ready;
    bool pg_down;   /* it was said */
    char owner[40]; /* unique per process: leases carry it */
    struct loop_timer drain, watch;
    struct metric *m_ready, *m_pg;
};

/* Runs a program; `self` is its own zeroed struct, `own` and `shared` the structs of its settings. Returns the exit code. */
struct app_run {
    void *self, *own, *shared;
};
int app_main(int argc, char **argv, const struct app_def *def, const struct app_run *run);

/* From `reload`: reads the file again into structs of the caller's (`self` is not looked at), which begin as copies of those
 * in use; what is flagged CONF_RELOAD may then be taken over. RES_FATAL as at the start; `*ret` owns the strings. */
struct conf;
enum res app_reread(const struct app *app, const struct app_run *into, struct conf **ret, struct err *e);

/* Ends the loop with an exit code. */
void app_quit(struct app *app, int code);

#endif
