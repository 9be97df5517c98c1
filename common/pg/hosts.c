#include "common/pg/hosts.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"

static unsigned
count(const char *list)
{
    unsigned n = 1;

    for (; *list; list++)
        n += *list == ',';
    return n;
}

char *
hosts_turned(const char *list, unsigned by)
{
    struct buf b = buf_make(1 << 16);
    const char *at = list;

    if (!list)
        return NULL;
    for (by %= count(list); by; by--)
        at = strchr(at, ',') + 1;
    buf_z(&b, at);
    if (at != list) {
        buf_char(&b, ',');
        buf_add(&b, list, (size_t)(at - list) - 1);
    }
    return buf_steal(&b);
}

void
hosts_from(const char *conninfo, unsigned by, struct hosts *ret)
{
    PQconninfoOption *all = by ? PQconninfoParse(conninfo, NULL) : NULL;

    *ret = (struct hosts){0};
    for (const PQconninfoOption *o = all; o && o->keyword; o++) {
        if (strcmp(o->keyword, "host") == 0)
            ret->host = hosts_turned(o->val, by);
        else if (strcmp(o->keyword, "hostaddr") == 0)
            ret->hostaddr = hosts_turned(o->val, by);
        else if (strcmp(o->keyword, "port") == 0)
            ret->port = hosts_turned(o->val, by);
    }
    PQconninfoFree(all);
}

void
hosts_free(struct hosts *h)
{
    free(h->host);
    free(h->hostaddr);
    free(h->port);
}
