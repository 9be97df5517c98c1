/* hosts: the order in which the servers of a conninfo are tried. libpq begins with the first each time; one that takes connections and
 * then says nothing would keep all others from being tried within our limit. */
#ifndef PG_HOSTS_H
#define PG_HOSTS_H

#include "common/base/str.h"

/* A list parted by commas with its first `by` elements at the end; the caller frees. NULL for NULL, or where memory is out. */
char *hosts_turned(const char *list, unsigned by);

/* The servers of a conninfo, begun with the `by`-th; strings are the caller's to hosts_free, NULL = leave it to the conninfo. */
struct hosts {
    char *host, *hostaddr, *port;
};
void hosts_from(const char *conninfo, unsigned by, struct hosts *ret);
void hosts_free(struct hosts *h);

#endif
