/* example api|sso|tautan: a valid form to edit. Its number is left out: the gateway gives a new one. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/caltime.h"
#include "producers/ctl/ctl.h"

static bool
has_method(const json_t *form, const char *method)
{
    size_t i;
    const json_t *m;

    json_array_foreach (json_object_get(form, "metode_integrasi"), i, m) {
        if (json_string_value(m) && strcmp(json_string_value(m), method) == 0)
            return true;
    }
    return false;
}

/* Files that end as accepted requests come first in this list; the folder may hold others. */
static json_t *
find_form(const char *schemas, const char *method)
{
    static const char *const files[] = {"selesai", "minimal", "terlambat"};
    char path[PATH_MAX + 64];

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        json_t *form;

        snprintf(path, sizeof path, "%s/examples/%s.json", schemas, files[i]);
        form = json_load_file(path, 0, NULL);
        if (has_method(form, method))
            return form;
        json_decref(form);
    }
    return NULL;
}

/* The letter of an example is of today: an old one would get a note. */
static void
date_today(json_t *form)
{
    char today[CALTIME_DATE];

    caltime_date_format(caltime_day_at(caltime_now(), CALTIME_WIB), today);
    json_object_set_new(form, "tanggal_surat", json_string(today));
}

int
ctl_example(struct ctl *c, int argc, char **argv)
{
    const char *method;
    const char *given = NULL;
    const struct ctl_opt opts[] = {{"schemas", &given, NULL}, {0}};
    char schemas[PATH_MAX];
    json_t *form;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&method, 1, 1}))
        return APP_USAGE;
    if (strcmp(method, "api") != 0 && strcmp(method, "sso") != 0 && strcmp(method, "tautan") != 0)
        return ctl_fail(c, APP_USAGE, "there are the examples api, sso and tautan, not %s", method);
    if (!ctl_schemas(c, given, schemas, sizeof schemas))
        return APP_CONFIG;
    form = find_form(schemas, method);
    if (!form)
        return ctl_fail(c, CTL_NO, "%s/examples holds no form with %s", schemas, method);
    json_object_del(form, "nomor_permohonan");
    date_today(form);
    ctl_print(form);
    return APP_OK;
}
