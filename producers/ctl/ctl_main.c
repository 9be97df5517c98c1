/* bedelauctl: the operators' command. */
#include <curl/curl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "producers/ctl/ctl.h"
#include "workers/sop/names.h"

#define SET(member) offsetof(struct ctl_settings, member)

static const struct conf_key keys[] = {
    {"kafka", "topic_prefix", CONF_STR, SET(topic_prefix), "bedelau", 0, NULL, 0, 0,
     "First part of every topic name"},
    {"kafka", "group_prefix", CONF_STR, SET(group_prefix), "bedelau", 0, NULL, 0, 0,
     "First part of every consumer group's name"},
    {"postgres", "conninfo", CONF_STR, SET(conninfo), NULL, CONF_SECRET, NULL, 0, 0,
     "libpq connection string or URI"},
    {"postgres", "schema", CONF_STR, SET(schema), "bedelau", 0, NULL, 0, 0, "Schema that holds all tables"},
    {"postgres", "statement_timeout", CONF_MS, SET(statement_ms), "30s", 0, NULL, 1000, 3600000,
     "The longest that one statement may take; bedelauctl: twice that"},
    {"postgres", "lock_timeout", CONF_MS, SET(lock_ms), "15s", 0, NULL, 100, 3600000,
     "The longest that a statement waits for what another session has locked"},
    {"postgres", "idle_in_transaction_session_timeout", CONF_MS, SET(idle_tx_ms), "10s", 0, NULL, 1000,
     3600000,
     "How long a command that stands still in a transaction keeps its locks; bedelauctl: six times that"},
    {"log", "format", CONF_ENUM, SET(log_format), "logfmt", 0, "logfmt|json", 0, 0, "How log lines look"},
    {"log", "level", CONF_ENUM, SET(log_level), "info", 0, "debug|info|warn|error", 0, 0,
     "The least level that is written"},
    {NULL, NULL, CONF_STR, 0, NULL, 0, NULL, 0, 0, NULL},
};

#define GATEWAY_HELP                                                                                         \
    "  --gateway URL   default $BEDELAU_GATEWAY_URL, else http://127.0.0.1:9480\n"                           \
    "  --token TOKEN   default $BEDELAU_TOKEN; others on this machine can read an argument, not the "        \
    "environment\n"

static const struct ctl_cmd commands[] = {
    {"topics", "create [--print] [--opd KODE[,KODE]] [--partitions N] [--replication N] | check [..]",
     "make the topics, or compare them with how they should be",
     "  create          makes what is missing, leaves what is there; returns when all have leaders\n"
     "  check           exit 1 when something is missing or differs\n"
     "  --print         prints the kafka-topics.sh commands instead\n"
     "  --opd KODE,..   also the topics that these departments write to themselves\n"
     "  --partitions N  default 6\n"
     "  --replication N default 3, less where there are fewer brokers\n",
     ctl_topics},
    {"migrate", "[--schemas DIR]", "bring the database up to date",
     "  Applies schemas/sql in order, each file once, and loads schemas/data/opd.csv and, for views, the "
     "list\n"
     "  of [sop] calendar.\n"
     "  --schemas DIR   default $BEDELAU_SCHEMAS, else [sop] schemas\n",
     ctl_migrate},
    {"register", "FILE|- [--nomor NOMOR] [--time RFC3339]", "note that a letter or order came in",
     "  FILE is the data of request.registered (then --nomor is needed), or the whole event.\n"
     "  --nomor NOMOR   the request's number\n"
     "  --time RFC3339  when the letter came; default now\n" GATEWAY_HELP,
     ctl_register},
    {"submit", "FILE|- [--key KEY]", "hand in a form PA.20, or any event of an OPD",
     "  FILE is the form, or a CloudEvent (it has specversion). Prints the request's number.\n"
     "  --key KEY       Idempotency-Key; default from the file's bytes, so that a repeat is the same "
     "request\n" GATEWAY_HELP,
     ctl_submit},
    {"withdraw", "NOMOR --alasan TEXT [--opd KODE]", "withdraw a request",
     "  --alasan TEXT   the reason\n"
     "  --opd KODE      whose request it is; default: asks the gateway\n" GATEWAY_HELP,
     ctl_withdraw},
    {"review", "NOMOR terima|kembalikan|tolak [--catatan TEXT] [--revisi N --putaran N]",
     "decide as an officer",
     "  --catatan TEXT  why; required unless terima\n"
     "  --revisi N, --putaran N  what was looked at; default: what the gateway shows now\n"
     "  --gateway URL   default $BEDELAU_GATEWAY_URL, else http://127.0.0.1:9480\n"
     "  --token TOKEN   default $BEDELAU_OFFICER_TOKEN\n",
     ctl_review},
    {"status", "NOMOR [--timeline] [--wait STATUS[,STATUS] [--timeout 60s]]", "where a request stands",
     "  Each look is noted in the audit log: findings and reasons are people's words.\n"
     "  --timeline      instead of its row its whole story, a line per event\n"
     "  --wait STATUS,..  returns when it has one of these (terlambat counts too); exit 69 when it took too "
     "long\n"
     "  --timeout TIME  default 60s\n",
     ctl_status},
    {"list", "[--antrean] [--status S] [--opd KODE] [--terlambat] [--limit N]",
     "requests, the newest change first",
     "  --antrean       only those that somebody must act on, the longest wait first\n"
     "  --limit N       default 50\n",
     ctl_list},
    {"report", "--month YYYY-MM [--opd KODE] [--out FILE]", "the month's recapitulation as CSV",
     "  A line for each department and one for the whole city: submitted, returned, finished, days per step, "
     "on\n"
     "  time. The columns are those of the views v_rekap_opd and v_rekap_bulanan, which say what each "
     "means.\n"
     "  --month YYYY-MM  a month in WIB\n"
     "  --opd KODE       only this department\n"
     "  --out FILE       instead of standard output; written whole or not at all\n",
     ctl_report},
    {"lag", "[--timeout 10s]", "what each program has not read yet, and how old it is",
     "  Per group, topic and partition; the sum per group at the end, and the outbox rows that wait.\n"
     "  --timeout TIME  how long to look for the oldest records; default 10s\n",
     ctl_lag},
    {"token",
     "create --opd KODE[,KODE] | --officer ID [--label T] [--expires 90d] | list | revoke ID|--label T",
     "the gateway's bearer tokens",
     "  create          prints the token, the only time that it can be seen\n"
     "    --opd KODE,..   for these departments; an unknown one is added with --nama NAME;\n"
     "                    '*' alone: reads documents of all and nothing else (the validator's)\n"
     "    --officer ID    for this officer (a pseudonym, not a name)\n"
     "    --label TEXT    what it is for\n"
     "    --expires TIME  90d, 24h, ..; default: never\n"
     "  revoke          by the id that list shows, by the token, or all with --label TEXT or --officer ID\n",
     ctl_token},
    {"officer", "add ID | off ID | list", "who may review", "  ID is a pseudonym: it shows in events\n",
     ctl_officer},
    {"opd", "load FILE.csv | list", "the departments' table", "  columns kode_opd, nama_opd, peran\n",
     ctl_opd},
    {"offsets", "show [--group G] | set GROUP TOPIC PARTITION beginning|end|OFFSET",
     "where each program stands",
     "  set takes the partition away from whoever reads it, who goes on from there.\n"
     "  OFFSET is the next record to read. Skipped records are lost for that program.\n",
     ctl_offsets},
    {"dlq",
     "list [--worker W] [--limit N] | show ID [--payload] | replay ID.. [--again] | replay --code CODE",
     "records that could not be used",
     "  --limit N       default 50\n"
     "  show            what is known of one, with its headers; ID as list shows it; noted in the audit log\n"
     "    --payload     also its bytes\n"
     "  replay          publishes the record again to its topic with its key, bytes and headers, and one "
     "header\n"
     "                  bedelau-replay more. Once; what was wrong with it must be mended first\n"
     "    --code CODE   all that were set aside with this code and not replayed yet\n"
     "    --again       also what was replayed before\n",
     ctl_dlq},
    {"jobs",
     "list [--worker W] [--opd KODE] [--state S] [--limit N] | show NOMOR|KEY [--worker W] | retry "
     "NOMOR|KEY|--all-parked | cancel NOMOR|KEY --reason TEXT",
     "what is owed to the outside world, why it waits, and when next",
     "  list            earliest deadline first\n"
     "    --worker W    integrator (calls to Bedelau; the default) or validator (documents)\n"
     "    --state S     ready (due), leased (somebody is at it) or parked (waits for its time)\n"
     "    --limit N     default 50\n"
     "  show            the job and every attempt; also of a request that owes nothing any more; noted in "
     "the\n"
     "                  audit log\n"
     "  retry           parked jobs of the integrator are due now; what is leased is left alone, and nobody "
     "looks\n"
     "                  before the last call can have no effect any more\n"
     "  cancel          an officer gives up: integration.failed is told with the reason. What is under way "
     "or in\n"
     "                  doubt is found out first, what Bedelau has is taken back first; if it was "
     "integrated\n"
     "                  meanwhile, that stands\n",
     ctl_jobs},
    {"endpoint", "pause [--reason TEXT] [--until TIME] | resume | status", "brakes on the calls to Bedelau",
     "  pause           no new call begins at any integrator; calls under way end as usual, jobs wait\n"
     "    --reason TEXT  shown in /statusz and in the log\n"
     "    --until TIME  goes on by itself then: RFC 3339, or 30m, 2h, 1d from now\n"
     "  resume          calls begin again\n"
     "  status          pause, calls in flight, jobs ready and parked, and each integrator with its mode, "
     "its\n"
     "                  maintenance windows and what holds it\n",
     ctl_endpoint},
    {"verify", "[NOMOR] [--topics]",
     "prove the record: its tables against its log, the log against what was written",
     "  Folds the log anew and compares with what the tables say; follows each request's chain of facts. "
     "Exit 1\n"
     "  when anything differs. Changes nothing, and nobody waits for it.\n"
     "  NOMOR           of one request only\n"
     "  --topics        also whether all is recorded that the projector has read and the topics still hold\n",
     ctl_verify},
    {"rebuild", "[--from-kafka [--partial]]", "make the record's tables again from its log",
     "  The old ones serve meanwhile and are replaced in one transaction. Nothing is published, and versi "
     "never\n"
     "  falls. Exit 1 when the log itself has flaws (see verify).\n"
     "  --from-kafka    the log is lost or not to be trusted: make it again too, from the topics. The "
     "projector\n"
     "                  is fenced for the last part, and goes on where the reading ended. Refused where the "
     "topics\n"
     "                  do not reach back to their beginning\n"
     "  --partial       as far as they reach: what the old log holds of before stays, and requests that are "
     "not\n"
     "                  whole are named (exit 1)\n",
     ctl_rebuild},
    {"restored", "", "after a backup was put back, before the programs start: go on counting where they were",
     "  Reads what was published since the backup, and raises the programs' counters and the gateway's "
     "numbers\n"
     "  to it. Harmless at any other time, and as often as one likes. See deploy/OPERATIONS.md, \"A backup "
     "is\n"
     "  put back\".\n",
     ctl_restored},
    {"forget", "NOMOR --reason TEXT", "remove a request's personal data, for good",
     "  Of every fact only what schemas/lupa.json keeps stays; copies in the programs' tables and "
     "attachments "
     "that\n"
     "  no other request names go. Only what has ended; no replay and no rebuild bring it back. Noted in the "
     "audit\n"
     "  log. The topics let go of theirs by their retention (deploy/PRIVACY.md).\n",
     ctl_forget},
    {"purge", "--older-than TIME [--dry-run]", "forget every request that ended longer ago",
     "  --older-than TIME  such as 1825d\n"
     "  --dry-run       only counts them\n",
     ctl_purge},
    {"calendar",
     "check [FILE.csv] | load FILE.csv [--source TEXT] [--dry-run] | due START N [UNIT|--kalender] "
     "[--calendar "
     "FILE.csv] | due -",
     "the list of holidays, and when a term ends",
     "  check           what is missing or mistyped; exit 1 when something is\n"
     "  load            puts a list in force: programs take it at once, and the clocks that are open are "
     "reckoned "
     "anew.\n"
     "                  What check finds wrong is refused, and a version (the file's name up to its first "
     "dot) "
     "that is\n"
     "                  there with other content; only that next year is missing is let pass where it is so "
     "now\n"
     "    --source TEXT  where it is from; default: the file's name\n"
     "    --dry-run     how many open clocks would move; changes nothing\n"
     "  due             START is a date or an RFC 3339 time; tells the last counted day, and the instant at "
     "which "
     "the\n"
     "                  term is over\n"
     "    UNIT          hari_kerja (the default), hari_kalender or detik\n"
     "    --kalender    the same as hari_kalender\n"
     "    -             reads lines START N [UNIT], and answers each\n"
     "    --calendar FILE.csv  by this list\n"
     "  Without a file: the list in force, which is the one loaded last, and before there is one [sop] "
     "calendar\n",
     ctl_calendar},
    {"rules", "test DIR [--rules DIR] [--opd FILE] [--base FILE] | diff --rules DIR [--opd FILE]",
     "try a changed rule set before it goes live",
     "  test DIR        judges every case file below DIR (tests/cases/README.md); a line for each that "
     "fails, exit "
     "1\n"
     "  diff            which open requests the changed rules would judge otherwise: codes gone and codes "
     "new.\n"
     "                  What only the validator knows (duplicates, the original's state, documents) is left "
     "out\n"
     "  --rules DIR     the changed forms folder; test: default the running one\n"
     "  --opd FILE      its table of departments; default DIR/../data/opd.csv, else the running one\n"
     "  --base FILE     the form that cases change; default examples/selesai.json\n"
     "  --schemas DIR   the running rules; default $BEDELAU_SCHEMAS, else [sop] schemas\n",
     ctl_rules},
    {"example", "api|sso|tautan [--schemas DIR]", "print a form PA.20 to start from", "", ctl_example},
    {NULL, NULL, NULL, NULL, NULL}};

/* ---- help ------------------------------------------------------------------------------------------------------- */

static int
help_all(void)
{
    puts("bedelauctl: operates the Bedelau pipeline.\n\nusage: bedelauctl [-c FILE] COMMAND [..]\n");
    for (const struct ctl_cmd *cmd = commands; cmd->name; cmd++)
        printf("  %-10s %s\n", cmd->name, cmd->about);
    puts("\n  bedelauctl COMMAND --help   its arguments\n"
         "  -c FILE    configuration; default $BEDELAU_CONF, else /etc/bedelau/bedelau.conf where it exists\n"
         "  --json     what it prints, as JSON\n"
         "  --why TEXT  why it is done or looked at; audit_log keeps it (name nobody in it)\n"
         "  --version\n\n"
         "Exit codes: 0 done, 1 not there or not true, 64 usage, 69 unavailable, 70 bug, 78 configuration.");
    return APP_OK;
}

static int
help_one(const struct ctl_cmd *cmd)
{
    printf("usage: bedelauctl [-c FILE] %s %s\n\n%s\n\n%s", cmd->name, cmd->usage, cmd->about, cmd->help);
    puts("  --json          what it prints, as JSON\n"
         "  --why TEXT      why; audit_log keeps it (name nobody in it)");
    return APP_OK;
}

static bool
wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* ---- configuration ---------------------------------------------------------------------------------------------- */

static int
read_conf(struct ctl *c, const char *file)
{
    const struct conf_table tables[] = {{keys, &c->set}, {sop_keys, &c->sop}, {NULL, NULL}};
    const struct conf_spec spec = {"BEDELAU", tables, c->kafka, sop_sections};
    const char *env = getenv("BEDELAU_CONF");
    const char *fixed = "/etc/bedelau/bedelau.conf";

    c->kafka[0] = (struct conf_pass){.section = "kafka"};
    if (!file && env && *env)
        file = env;
    if (!file && access(fixed, R_OK) == 0)
        file = fixed;
    if (conf_load(&spec, file, &c->conf, &c->e) != RES_OK)
        return ctl_failed(c);
    log_setup("bedelauctl", (enum log_format)c->set.log_format, (enum log_level)c->set.log_level);
    return APP_OK;
}

static void
close_all(struct ctl *c)
{
    if (c->pg)
        PQfinish(c->pg);
    ctl_record_close(c);
    admin_free(c->admin);
    conf_free(c->conf);
}

static int
run(const struct ctl_cmd *cmd, const char *file, bool json, int argc, char **argv)
{
    struct ctl c = {.cmd = cmd->name, .json = json};
    int code = read_conf(&c, file);

    if (code == APP_OK)
        code = cmd->run(&c, argc, argv);
    close_all(&c);
    if (fflush(stdout) != 0 && code == APP_OK)
        code = APP_UNAVAILABLE;
    return code;
}

int
main(int argc, char **argv)
{
    const struct ctl_cmd *cmd;
    const char *file = NULL;
    bool json = false;
    int i = 1;
    int code;

    setlocale(LC_CTYPE, "C.UTF-8");
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return help_all();
        if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
            return printf("bedelauctl %s (librdkafka %s)\n", APP_VERSION, rd_kafka_version_str()), APP_OK;
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
            continue;
        }
        if (strcmp(argv[i], "-c") != 0 || i + 1 == argc) {
            fprintf(stderr, "bedelauctl: unknown or incomplete option %s; see --help\n", argv[i]);
            return APP_USAGE;
        }
        file = argv[++i];
    }
    if (i < argc && strcmp(argv[i], "help") == 0)
        return help_all();
    cmd = i < argc ? ctl_find(commands, argv[i]) : NULL;
    if (!cmd) {
        fprintf(stderr, "bedelauctl: %s%s; see --help\n", i < argc ? "no such command: " : "name a command",
                i < argc ? argv[i] : "");
        return APP_USAGE;
    }
    if (wants_help(argc - i - 1, argv + i + 1))
        return help_one(cmd);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    code = run(cmd, file, json, argc - i - 1, argv + i + 1);
    curl_global_cleanup();
    return code;
}
