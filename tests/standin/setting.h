/* setting: members of a JSON object read by a table, so that each setting is one line. */
#ifndef STANDIN_SETTING_H
#define STANDIN_SETTING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum setting_kind {
    SETTING_INT,  /* int64_t from min to max; min -1 also takes null and means "none" */
    SETTING_BOOL, /* bool */
    SETTING_TEXT  /* const char *, not empty; lives as long as the JSON */
};

struct setting {
    const char *name; /* NULL ends the table */
    enum setting_kind kind;
    void *to;
    int64_t min;
    int64_t max;
};

/* Reads the member `key` into its place. RES_OK with `*found` false when the table has no such name (found may not be
 * NULL); RES_REJECT says what is wrong with the value, without quoting it. */
enum res setting_read(const struct setting *table, const char *key, json_t *v, bool *found, struct err *e);

/* Reads every member of the object `v`, which is called `what` in sentences; RES_REJECT for one that the table lacks. */
enum res setting_read_all(const struct setting *table, const char *what, json_t *v, struct err *e);

#endif
