/* settings: [sop] of the configuration, which every program of the family reads alike, and the files that it names. */
#ifndef SOP_SETTINGS_H
#define SOP_SETTINGS_H

#include "common/base/conf.h"
#include "common/calendar/calendar.h"
#include "workers/sop/names.h"

/* Strings belong to the `conf` that was read. */
struct sop_settings {
    int64_t tolerance_ms, event_max;
    const char *schemas_dir; /* NULL: not set, see sop_schemas */
    const char *calendar_file;
    const char *term[TAHAPS]; /* "2 hari_kerja" */
    const char *terms_file;
};
extern const struct conf_key sop_keys[];

/* The folder of contracts into `out`: as set, else "schemas" beside the build folder that this program lies in where
 * there is one, else /usr/share/bedelau/schemas. False: it does not fit. */
bool sop_schemas(const struct sop_settings *s, char *out, size_t cap);

/* `name` below the folder `schemas`, unless it is absolute. The caller frees; NULL without memory. */
char *sop_path(const char *schemas, const char *name);

/* The version of a list of holidays: the name of the file `path` up to its first dot. RES_REJECT unless that is 1 to
 * CALENDAR_VERSION_MAX letters, digits, _ and -. */
enum res sop_calendar_version(const char *path, char out[CALENDAR_VERSION_MAX + 1], struct err *e);

/* A list of holidays as text, in WIB. Results as calendar_load. `*ret` is the caller's. */
enum res sop_calendar(struct str csv, const char *version, struct calendar **ret, struct err *e);

#endif
