/* ctl: what the commands of bedelauctl share. One short-lived process, one command, blocking calls. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/app/app.h"
#include "common/base/conf.h"
#include "common/base/err.h"
#include "common/kafka/admin.h"
#include "common/kafka/producer.h"
#include "workers/sop/settings.h"

enum { CTL_NO = 1 }; /* exit code: what was asked for is not there or not true; the others are APP_... */

enum { CTL_KAFKA_MS = 15000, CTL_DELIVERY_MS = 30000, CTL_PAGE_MAX = 16 << 20 };
enum { CTL_CLOCKS_MS = 300000 }; /* how far the clocks of brokers and database may be apart */

/* Settings from the family's file; strings belong to `conf`. */
struct ctl_settings {
    const char *topic_prefix, *group_prefix;
    const char *conninfo, *schema; /* conninfo may be NULL: needed only by commands that ask the database */
    int64_t statement_ms, lock_ms, idle_tx_ms; /* of a worker's session; a command's may take longer */
    int64_t log_format, log_level;
};

struct ctl {
    struct ctl_settings set;
    struct sop_settings sop; /* strings as above */
    struct conf_pass kafka[2];
    struct conf *conf;
    PGconn *pg;          /* NULL until ctl_db */
    struct admin *admin; /* NULL until ctl_kafka */
    rd_kafka_t *reader;  /* NULL until ctl_record */
    struct loop *loop;   /* of the producer; both NULL until ctl_publish */
    struct producer *producer;
    const char *cmd; /* the command's name, for messages */
    bool json;
    const char *why; /* --why, or the reason that the command itself asks for; NULL: none was given */
    struct err e;    /* first cause of a failure */
};

/* A command. `run` gets the arguments after the name and returns the exit code. */
struct ctl_cmd {
    const char *name;
    const char *usage; /* what follows the name */
    const char *about; /* one line */
    const char *help;  /* options and details; may be "" */
    int (*run)(struct ctl *c, int argc, char **argv);
};

/* ---- arguments: ctl_args.c -------------------------------------------------------------------------------------- */

/* An option of a command: "--name VALUE" or "--name=VALUE" sets *value, "--name" sets *flag. */
struct ctl_opt {
    const char *name; /* without dashes; NULL ends the table */
    const char **value;
    bool *flag;
};

/* Options may stand anywhere; the rest goes to `words`, at most `max` of them, at least `min`. Fills missing words with
 * NULL. False: said on stderr what is wrong, return APP_USAGE. `--json` and `--why TEXT` are known to all. */
struct ctl_words {
    const char **words;
    int min, max;
};
bool ctl_args(struct ctl *c, int argc, char **argv, const struct ctl_opt *opts,
              const struct ctl_words *words);

/* A whole number within bounds; false and a message otherwise. */
bool ctl_number(struct ctl *c, const char *option, const char *value, int64_t min, int64_t max, int64_t *ret);

/* A time such as 60s, 5m, 24h, 90d in milliseconds; false and a message otherwise. */
bool ctl_span(struct ctl *c, const char *option, const char *value, int64_t *ms);

/* A reason that is stored and told: 1 to 500 bytes of UTF-8 on one line; false and a message otherwise. */
bool ctl_reason(struct ctl *c, const char *option, const char *value);

/* The command's subcommand of a table ended by a NULL name; NULL and a message when there is no such. */
const struct ctl_cmd *ctl_find(const struct ctl_cmd *cmds, const char *name);
int ctl_sub(struct ctl *c, const struct ctl_cmd *cmds, int argc, char **argv);

/* ---- failures: ctl_args.c --------------------------------------------------------------------------------------- */

/* Prints one sentence on stderr and returns `code`. */
int ctl_fail(const struct ctl *c, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Prints c->e and returns the exit code that fits: 69 for what may pass, 78 otherwise. */
int ctl_failed(struct ctl *c);

/* ---- the database: ctl_db.c ------------------------------------------------------------------------------------- */

/* Connects (once). RES_RETRY: nobody answers; RES_FATAL: not configured. */
enum res ctl_db(struct ctl *c);

/* One statement with `n` text parameters (NULL = null). NULL: failed, c->e says why. The result is the caller's. */
PGresult *ctl_query(struct ctl *c, const char *sql, int n, const char *const *args);

/* The same for statements whose rows nobody needs; `*rows` (may be NULL) gets how many rows were touched. */
enum res ctl_exec(struct ctl *c, const char *sql, int n, const char *const *args, int64_t *rows);

/* One statement, its rows in binary, for pg_text, pg_int and pg_time (common/pg/pg.h); `n` binary parameters, `p` may be
 * NULL without. Results as ctl_query. */
struct pg_params;
PGresult *ctl_query_params(struct ctl *c, const char *sql, int n, const struct pg_params *p);

/* Statements without parameters, ended by NULL, until one fails. */
enum res ctl_exec_all(struct ctl *c, const char *const *sql);

/* Whether the schema has a table or an index of this name: a set of older migrations may end before it. */
bool ctl_has(struct ctl *c, const char *name);

/* Notes a change or a read in audit_log: who ($SUDO_USER or the login name), from which host, why (c->why). `subject` and
 * `detail` may be NULL. */
enum res ctl_audit(struct ctl *c, const char *action, const char *subject, const char *detail);

/* Notes a read before anything of it is shown. 0; or an exit code, and it was said why: then nothing may be shown. */
int ctl_note_read(struct ctl *c, const char *action, const char *subject);

/* Who runs this command: $SUDO_USER or the login name. */
void ctl_actor(char *out, size_t cap);

/* Tells the integrators, with the transaction, that something was changed under them: they look at once. */
enum res ctl_tell_integrators(struct ctl *c);

/* A timestamptz of a result; INT64_MIN for null. */
int64_t ctl_time(const PGresult *r, int row, int col);

/* ---- Kafka, folders: ctl_kafka.c -------------------------------------------------------------------------------- */

/* Connects (once). Results as admin_new. */
enum res ctl_kafka(struct ctl *c);

/* ctl_record.c. The record at a place as it lies there; `*ret` is the caller's (rd_kafka_message_destroy), before
 * ctl_record_close. RES_OK with NULL: it is no longer there (its time was over, or the topic was made anew: a record
 * appended after `before_us` is another). */
struct ctl_place {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t before_us;
};
enum res ctl_record(struct ctl *c, const struct ctl_place *at, rd_kafka_message_t **ret);
void ctl_record_close(struct ctl *c);

/* Publishes one record and waits for its delivery report. RES_RETRY: it may have been taken all the same. */
enum res ctl_publish(struct ctl *c, const struct producer_record *r);

/* Whether it is configured where Kafka is; RES_FATAL otherwise. */
enum res ctl_kafka_named(struct ctl *c);

/* A consumer with these properties (name, value, .., NULL) where the configuration does not say otherwise; `*ret` is the
 * caller's. RES_FATAL: not configured, or wrongly. */
enum res ctl_consumer(struct ctl *c, const char *const *defaults, rd_kafka_t **ret);

/* The folder of contracts: `given`, else $BEDELAU_SCHEMAS, else what the other programs read (sop_schemas). False and a
 * message when there is none. */
bool ctl_schemas(struct ctl *c, const char *given, char *out, size_t cap);

/* ---- output: ctl_out.c ------------------------------------------------------------------------------------------ */

/* Rows as a table with the columns' names as heads, or as a JSON array. Times are WIB. */
void ctl_rows(const struct ctl *c, const PGresult *r);

/* Connects, asks and prints; the exit code. */
int ctl_show(struct ctl *c, const char *sql, int n, const char *const *args);

/* One column of a row as JSON: numbers, booleans, times as RFC 3339, null, else text. New reference. */
json_t *ctl_value(const PGresult *r, int row, int col);

/* A row as an object. New reference. */
json_t *ctl_object(const PGresult *r, int row);

/* Prints `j` with a newline; takes the reference. */
void ctl_print(json_t *j);

/* A whole file, "-" for standard input; NULL and a message when it cannot be read or is over CTL_PAGE_MAX. Caller
 * frees. */
char *ctl_read(struct ctl *c, const char *path, size_t *n);

/* ---- the gateway: ctl_http.c ------------------------------------------------------------------------------------ */

struct ctl_call {
    const char *method, *path; /* path begins with / */
    const char *gateway;       /* NULL: $BEDELAU_GATEWAY_URL, else the local one */
    const char *token;         /* NULL: $BEDELAU_TOKEN, for officers $BEDELAU_OFFICER_TOKEN */
    bool officer;
    const char *content_type; /* NULL without a body */
    struct str body;
    const char *key; /* Idempotency-Key; may be NULL */
};

/* Calls and waits. 0: answered with 2xx; `*answer` is the JSON (NULL when it is none), the caller's. Else an exit code,
 * and the reason was printed. */
int ctl_http(struct ctl *c, const struct ctl_call *call, json_t **answer);

/* ---- commands --------------------------------------------------------------------------------------------------- */

int ctl_topics(struct ctl *c, int argc, char **argv);
int ctl_migrate(struct ctl *c, int argc, char **argv);
int ctl_submit(struct ctl *c, int argc, char **argv);
int ctl_register(struct ctl *c, int argc, char **argv);
int ctl_withdraw(struct ctl *c, int argc, char **argv);
int ctl_review(struct ctl *c, int argc, char **argv);
int ctl_status(struct ctl *c, int argc, char **argv);
int ctl_list(struct ctl *c, int argc, char **argv);
int ctl_lag(struct ctl *c, int argc, char **argv);
int ctl_token(struct ctl *c, int argc, char **argv);
int ctl_officer(struct ctl *c, int argc, char **argv);
int ctl_opd(struct ctl *c, int argc, char **argv);
int ctl_offsets(struct ctl *c, int argc, char **argv);
int ctl_example(struct ctl *c, int argc, char **argv);
int ctl_dlq(struct ctl *c, int argc, char **argv);
int ctl_jobs(struct ctl *c, int argc, char **argv);
int ctl_endpoint(struct ctl *c, int argc, char **argv);
int ctl_calendar(struct ctl *c, int argc, char **argv);
int ctl_rules(struct ctl *c, int argc, char **argv);
int ctl_rebuild(struct ctl *c, int argc, char **argv);
int ctl_restored(struct ctl *c, int argc, char **argv);
int ctl_verify(struct ctl *c, int argc, char **argv);
int ctl_forget(struct ctl *c, int argc, char **argv);
int ctl_purge(struct ctl *c, int argc, char **argv);
int ctl_report(struct ctl *c, int argc, char **argv);

/* Whether `id` can name an officer: a pseudonym of 2 to 64 letters, digits, dots, dashes. False and a message
 * otherwise. */
bool ctl_officer_id(struct ctl *c, const char *id);

/* Loads the OPD table from CSV (kode_opd,nama_opd,peran) in one transaction. False: printed why, and `*code` is the
 * exit code. */
struct ctl_loaded {
    int rows;    /* in the file */
    int changed; /* of those, new or other than before */
};
bool ctl_opd_load(struct ctl *c, const char *path, struct ctl_loaded *n, int *code);

#endif
