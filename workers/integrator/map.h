/* map: turns a form into the endpoint's body by a template that is data (schemas/integrasi.map.json): objects, leaves
 * {"$": "/member"} that copy the form's bytes as they are, and leaves {"ctx": "name"} that come from configuration.
 * Members that the form lacks are left out. */
#ifndef INTEGRATOR_MAP_H
#define INTEGRATOR_MAP_H

#include "common/base/buf.h"
#include "common/base/err.h"

struct map;

/* RES_FATAL with the file's name when it cannot be used. `*ret` is the caller's. */
enum res map_load(const char *path, struct map **ret, struct err *e);
void map_free(struct map *m);

/* A value from outside the form, by name. */
struct map_ctx {
    const char *name;
    struct str value;
};

/* Appends the body for a checked form; `ctx` ends with a NULL name. */
void map_render(const struct map *m, struct str form, const struct map_ctx *ctx, struct buf *out);

#endif
