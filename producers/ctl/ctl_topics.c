/* topics create|check: design, "Events". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "producers/ctl/ctl.h"
#include "producers/ctl/ctl_words.h"
#include "workers/sop/names.h"

enum { TOPICS_MAX = 512, SETTINGS_MAX = 8 };

#define DAYS_90_MS "7776000000"
#define DAYS_30_MS "2592000000"
#define MIB_4      "4194304"
#define MIB_5      "5242880"

enum kind { KIND_FACTS, KIND_STATUS, KIND_DEAD };

static const struct {
    const char *name; /* after the prefix */
    enum kind kind;
} all[] = {{"requests", KIND_FACTS}, {"reviews", KIND_FACTS},      {"callbacks", KIND_FACTS},
           {"checks", KIND_FACTS},   {"integrations", KIND_FACTS}, {"deadlines", KIND_FACTS},
           {"status", KIND_STATUS},  {"dead-letters", KIND_DEAD}};

struct topics {
    struct ctl *c;
    int partitions, replication;
    bool print;
    char min_insync[16];
    struct topic {
        struct admin_topic as;
        struct admin_setting settings[SETTINGS_MAX];
        char name[250];
    } * list;
    int n;
    json_t *json; /* what was done or found */
    int found;    /* differences or topics made */
};

static void
set(struct topic *t, const char *name, const char *value)
{
    t->settings[t->as.n++] = (struct admin_setting){name, value};
}

static bool
add(struct topics *ts, enum kind kind, const char *name, const char *opd)
{
    struct topic *t = &ts->list[ts->n];
    int len = snprintf(t->name, sizeof t->name, "%s.%s%s%s", ts->c->set.topic_prefix, name, opd ? "." : "",
                       opd ? opd : "");

    if (len >= (int)sizeof t->name || ts->n == TOPICS_MAX - 1) {
        ctl_fail(ts->c, APP_USAGE, "too many topics, or a name is too long");
        return false;
    }
    ts->n++;
    t->as = (struct admin_topic){t->name, ts->partitions, ts->replication, t->settings, 0};
    set(t, "message.timestamp.type", "LogAppendTime");
    set(t, "cleanup.policy", kind == KIND_STATUS ? "compact" : "delete");
    if (kind != KIND_STATUS)
        set(t, "retention.ms", kind == KIND_DEAD ? DAYS_30_MS : DAYS_90_MS);
    set(t, "max.message.bytes", kind == KIND_DEAD ? MIB_5 : MIB_4);
    set(t, "min.insync.replicas", ts->min_insync);
    set(t, "unclean.leader.election.enable", "false");
    return true;
}

static bool
add_opds(struct topics *ts, const char *list)
{
    while (list && *list) {
        size_t n = strcspn(list, ",");
        char opd[64];

        if (!kode_opd_ok((struct str){list, n}) || n >= sizeof opd) {
            ctl_fail(ts->c, APP_USAGE, "not a kode_opd: %.*s", (int)n, list);
            return false;
        }
        snprintf(opd, sizeof opd, "%.*s", (int)n, list);
        if (!add(ts, KIND_FACTS, "requests", opd))
            return false;
        list += n + (list[n] == ',');
    }
    return true;
}

/* ---- what is done ----------------------------------------------------------------------------------------------- */

static json_t *
topic_json(const struct admin_topic *t)
{
    json_t *config = json_object();

    for (size_t k = 0; k < t->n; k++)
        json_object_set_new(config, t->settings[k].name, json_string(t->settings[k].value));
    return json_pack("{s:s, s:i, s:i, s:o}", "topic", t->name, "partitions", t->partitions, "replication",
                     t->replication, "config", config);
}

static void
print_json(const struct topics *ts)
{
    json_t *list = json_array();

    for (int i = 0; i < ts->n; i++)
        json_array_append_new(list, topic_json(&ts->list[i].as));
    ctl_print(list);
}

static void
print(const struct topics *ts)
{
    if (ts->c->json) {
        print_json(ts);
        return;
    }
    for (int i = 0; i < ts->n; i++) {
        const struct admin_topic *t = &ts->list[i].as;

        printf("kafka-topics.sh --bootstrap-server \"$BOOTSTRAP\" --create --if-not-exists --topic %s"
               " --partitions %d --replication-factor %d",
               t->name, t->partitions, t->replication);
        for (size_t k = 0; k < t->n; k++)
            printf(" --config %s=%s", t->settings[k].name, t->settings[k].value);
        putchar('\n');
    }
}

static enum res
create(struct topics *ts, const struct admin_topic *t)
{
    bool made;
    enum res res = admin_create(ts->c->admin, t, &made, &ts->c->e);

    if (res != RES_OK)
        return res;
    ts->found += made;
    json_array_append_new(ts->json, json_pack("{s:s, s:b}", "topic", t->name, "made", made));
    if (!ts->c->json)
        printf("%s %s\n", made ? "made     " : "was there", t->name);
    return RES_OK;
}

/* Topics may come before the database: then there is nowhere to note them, which is said. */
static void
audit(struct topics *ts)
{
    struct ctl *c = ts->c;
    char detail[64];

    snprintf(detail, sizeof detail, "%d made", ts->found);
    if (ts->found && c->set.conninfo &&
        (ctl_db(c) != RES_OK || ctl_audit(c, "topics create", c->set.topic_prefix, detail) != RES_OK)) {
        fprintf(stderr, "bedelauctl: ignoring that audit_log was not written: %s\n", c->e.text);
        err_clear(&c->e);
    }
}

static void
on_difference(void *arg, const char *topic, const char *what, const char *is, const char *should)
{
    struct topics *ts = arg;

    ts->found++;
    json_array_append_new(ts->json, json_pack("{s:s, s:s, s:s, s:s}", "topic", topic, "setting", what, "is",
                                              is, "should", should));
    if (!ts->c->json)
        printf("%s: %s is %s, should be %s\n", topic, what, is, should);
}

static int
run(struct topics *ts, bool check)
{
    struct ctl *c = ts->c;
    enum res res = RES_OK;

    ts->json = json_array();
    for (int i = 0; i < ts->n && res == RES_OK; i++) {
        if (check)
            res = admin_check(c->admin, &ts->list[i].as, on_difference, ts, &c->e);
        else
            res = create(ts, &ts->list[i].as);
    }
    if (res == RES_OK && !check)
        audit(ts);
    if (res == RES_OK && c->json)
        ctl_print(json_incref(ts->json));
    else if (res == RES_OK && check && !ts->found)
        printf("%d topics are as they should be\n", ts->n);
    json_decref(ts->json);
    if (res != RES_OK)
        return ctl_failed(c);
    return check && ts->found ? CTL_NO : APP_OK;
}

/* How many replicas there can be; who only prints asks no cluster. */
static int
set_replication(struct topics *ts, const char *value)
{
    int64_t n = 3;

    if (value && !ctl_number(ts->c, "--replication", value, 1, 100, &n))
        return APP_USAGE;
    if (!ts->print && ctl_kafka(ts->c) != RES_OK)
        return ctl_failed(ts->c);
    if (!value && !ts->print && admin_brokers(ts->c->admin) < n) {
        n = admin_brokers(ts->c->admin);
        fprintf(stderr, "bedelauctl: note: %d broker(s) answer, so each record has that many copies, not 3\n",
                (int)n);
    }
    ts->replication = (int)n;
    snprintf(ts->min_insync, sizeof ts->min_insync, "%d", n > 2 ? 2 : 1);
    return APP_OK;
}

static int
topics(struct ctl *c, int argc, char **argv, bool check)
{
    struct topics ts = {.c = c};
    const char *opd = NULL;
    const char *partitions = "6";
    const char *replication = NULL;
    const struct ctl_opt opts[] = {{"print", NULL, &ts.print},
                                   {"opd", &opd, NULL},
                                   {"partitions", &partitions, NULL},
                                   {"replication", &replication, NULL},
                                   {0}};
    int64_t n;
    int code;
    bool good;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}) ||
        !ctl_number(c, "--partitions", partitions, 1, 1000, &n))
        return APP_USAGE;
    if (check && ts.print)
        return ctl_fail(c, APP_USAGE, "--print goes with create");
    ts.partitions = (int)n;
    code = set_replication(&ts, replication);
    if (code != APP_OK)
        return code;
    ts.list = calloc(TOPICS_MAX, sizeof *ts.list);
    good = ts.list != NULL;
    for (size_t i = 0; good && i < sizeof all / sizeof all[0]; i++)
        good = add(&ts, all[i].kind, all[i].name, NULL);
    code = good && add_opds(&ts, opd) ? APP_OK : APP_USAGE;
    if (code == APP_OK && ts.print)
        print(&ts);
    else if (code == APP_OK)
        code = run(&ts, check);
    free(ts.list);
    return code;
}

static int
topics_create(struct ctl *c, int argc, char **argv)
{
    return topics(c, argc, argv, false);
}

static int
topics_check(struct ctl *c, int argc, char **argv)
{
    return topics(c, argc, argv, true);
}

int
ctl_topics(struct ctl *c, int argc, char **argv)
{
    static const struct ctl_cmd cmds[] = {
        {"create", "", "", "", topics_create}, {"check", "", "", "", topics_check}, {0}};

    return ctl_sub(c, cmds, argc, argv);
}
