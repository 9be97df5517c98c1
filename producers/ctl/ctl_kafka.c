#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* ../../schemas from where the program lies: build/bin in a checkout. */
static bool
beside_executable(char *out, size_t cap)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

    if (n <= 0)
        return false;
    exe[n] = '\0';
    for (int up = 0; up < 3; up++) {
        char *slash = strrchr(exe, '/');

        if (!slash)
            return false;
        *slash = '\0';
    }
    return snprintf(out, cap, "%s/schemas", exe) < (int)cap && access(out, R_OK) == 0;
}

bool
ctl_schemas(struct ctl *c, const char *given, char *out, size_t cap)
{
    const char *env = getenv("BEDELAU_SCHEMAS");
    const char *dir = given ? given : env && *env ? env : NULL;

    if (dir && snprintf(out, cap, "%s", dir) < (int)cap && access(out, R_OK) == 0)
        return true;
    if (dir) {
        ctl_fail(c, APP_CONFIG, "there is no folder %s", dir);
        return false;
    }
    if (beside_executable(out, cap))
        return true;
    snprintf(out, cap, "/usr/share/bedelau/schemas");
    if (access(out, R_OK) == 0)
        return true;
    ctl_fail(c, APP_CONFIG, "the schemas folder is not found; name it with --schemas DIR or BEDELAU_SCHEMAS");
    return false;
}
