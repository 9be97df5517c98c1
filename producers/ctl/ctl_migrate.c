#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/pg/migrate.h"
#include "producers/ctl/ctl_calendar.h"

struct steps {
    struct ctl *c;
    json_t *json;
    int applied;
    char names[2048]; /* of the applied, for audit_log */
};

static void
on_step(void *arg, const struct migrate_step *step)
{
    struct steps *s = arg;
    size_t n = strlen(s->names);

    json_array_append_new(s->json, json_pack("{s:i, s:s, s:b}", "number", step->number, "name", step->name,
                                             "applied", step->applied));
    if (step->applied) {
        s->applied++;
        snprintf(s->names + n, sizeof s->names - n, "%s%04d", n ? " " : "", step->number);
    }
    if (!s->c->json && step->applied)
        printf("applied %04d_%s\n", step->number, step->name);
}

static enum res
apply(struct ctl *c, const char *schemas, struct steps *s)
{
    char dir[PATH_MAX + 8];
    struct migrate_opts opts = {dir, c->set.schema, on_step, s};
    enum res res = ctl_db(c);

    snprintf(dir, sizeof dir, "%s/sql", schemas);
    if (res == RES_OK)
        res = migrate_run(c->pg, &opts, &c->e);
    if (res == RES_OK && s->applied)
        res = ctl_audit(c, "migrate", c->set.schema, s->names);
    return res;
}

/* The list of [sop] calendar, for views: they cannot read files. 0 or an exit code, and it was said why. */
static int
keep_holidays(struct ctl *c, const char *schemas)
{
    char *path = sop_path(schemas, c->sop.calendar_file);
    struct ctl_list list = {0};
    int code = APP_OK;

    if (path && access(path, R_OK) == 0 && ctl_has(c, "calendar_file"))
        code = ctl_list_file(c, path, &list);
    if (code == APP_OK && list.csv) {
        const char *args[] = {list.version, list.csv};

        if (ctl_exec(c,
                     "insert into calendar_file as f (version, csv) values ($1, $2) on conflict (one_row) do "
                     "update set version = excluded.version, csv = excluded.csv "
                     "where (f.version, f.csv) is distinct from (excluded.version, excluded.csv)",
                     2, args, NULL) != RES_OK)
            code = ctl_failed(c);
    }
    ctl_list_free(&list);
    free(path);
    return code;
}

int
ctl_migrate(struct ctl *c, int argc, char **argv)
{
    struct steps s = {.c = c};
    const char *given = NULL;
    const struct ctl_opt opts[] = {{"schemas", &given, NULL}, {0}};
    char schemas[PATH_MAX];
    char csv[PATH_MAX + 16];
    int code = APP_OK;
    struct ctl_loaded opds = {0};

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}))
        return APP_USAGE;
    if (!ctl_schemas(c, given, schemas, sizeof schemas))
        return APP_CONFIG;
    s.json = json_array();
    if (apply(c, schemas, &s) != RES_OK) {
        json_decref(s.json);
        return ctl_failed(c);
    }
    snprintf(csv, sizeof csv, "%s/data/opd.csv", schemas);
    if (access(csv, R_OK) == 0)
        ctl_opd_load(c, csv, &opds, &code);
    if (code == APP_OK)
        code = keep_holidays(c, schemas);
    if (c->json)
        ctl_print(json_pack("{s:O, s:{s:i, s:i}}", "migrations", s.json, "opd", "rows", opds.rows, "changed",
                            opds.changed));
    else
        printf("schema %s is up to date: %d of %d migrations applied now, %d of %d OPD new or changed\n",
               c->set.schema, s.applied, (int)json_array_size(s.json), opds.changed, opds.rows);
    json_decref(s.json);
    return code;
}
