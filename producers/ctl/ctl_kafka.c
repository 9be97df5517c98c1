#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/kafka/kafka.h"
#include "producers/ctl/ctl.h"

enum res
ctl_kafka_named(struct ctl *c)
{
    for (size_t i = 0; i < c->kafka[0].n; i++)
        if (strcmp(c->kafka[0].pairs[i].name, "bootstrap.servers") == 0 ||
            strcmp(c->kafka[0].pairs[i].name, "metadata.broker.list") == 0)
            return RES_OK;
    return err_set(&c->e, RES_FATAL,
                   "[kafka] bootstrap.servers is required (BEDELAU_KAFKA_BOOTSTRAP_SERVERS)");
}

enum res
ctl_kafka(struct ctl *c)
{
    if (c->admin)
        return RES_OK;
    if (ctl_kafka_named(c) != RES_OK)
        return c->e.res;
    return admin_new(&c->kafka[0], CTL_KAFKA_MS, &c->admin, &c->e);
}

bool
ctl_schemas(struct ctl *c, const char *given, char *out, size_t cap)
{
    const char *env = getenv("BEDELAU_SCHEMAS");
    const struct sop_settings dir = {.schemas_dir = given ? given : env && *env ? env : c->sop.schemas_dir};

    if (sop_schemas(&dir, out, cap) && access(out, R_OK) == 0)
        return true;
    ctl_fail(c, APP_CONFIG,
             "there is no folder %s; name it with --schemas DIR, BEDELAU_SCHEMAS or [sop] schemas", out);
    return false;
}

enum res
ctl_consumer(struct ctl *c, const char *const *defaults, rd_kafka_t **ret)
{
    rd_kafka_conf_t *conf;
    char why[200];
    enum res res = ctl_kafka_named(c);

    *ret = NULL;
    if (res == RES_OK)
        res = kafka_conf(defaults, &c->kafka[0], &conf, &c->e);
    if (res != RES_OK)
        return res;
    *ret = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!*ret) {
        rd_kafka_conf_destroy(conf);
        return err_set(&c->e, RES_FATAL, "Kafka client: %s", why);
    }
    rd_kafka_poll_set_consumer(*ret);
    return RES_OK;
}
