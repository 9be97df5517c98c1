/* officer add|off|list and opd load|list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "producers/ctl/ctl.h"
#include "workers/sop/rules/opd.h"

static int
show(struct ctl *c, int argc, char **argv, const char *sql)
{

    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){0}))
        return APP_USAGE;
    return ctl_show(c, sql, 0, NULL);
}

/* Runs `sql` with $1 = `id` and notes it; how many rows changed goes to `*n`. */
static enum res
change(struct ctl *c, const char *sql, const char *id, const char *action, int64_t *n)
{
    const char *args[] = {id};
    enum res res = ctl_db(c);

    *n = 0;
    if (res == RES_OK)
        res = ctl_exec(c, "begin", 0, NULL, NULL);
    if (res == RES_OK)
        res = ctl_exec(c, sql, 1, args, n);
    if (res == RES_OK && *n)
        res = ctl_audit(c, action, id, NULL);
    return res == RES_OK ? ctl_exec(c, "commit", 0, NULL, NULL) : res;
}

/* ---- officer ---------------------------------------------------------------------------------------------------- */

bool
ctl_officer_id(struct ctl *c, const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    if (n == strlen(id) && n >= 2 && n <= 64 && !strchr("._-", *id))
        return true;
    ctl_fail(c, APP_USAGE,
             "an officer's id has 2 to 64 letters, digits, dots, dashes; a letter or digit first");
    return false;
}

static int
officer_add(struct ctl *c, int argc, char **argv)
{
    const char *id;
    int64_t n;

    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){&id, 1, 1}) || !ctl_officer_id(c, id))
        return APP_USAGE;
    if (change(c,
               "insert into officer (id) values ($1) on conflict (id) do update set aktif = true"
               " where not officer.aktif",
               id, "officer add", &n) != RES_OK)
        return ctl_failed(c);
    if (!c->json)
        printf("%s %s\n", id, n ? "may review now" : "was there");
    else
        ctl_print(json_pack("{s:s, s:b}", "id", id, "changed", n != 0));
    return APP_OK;
}

static int
officer_off(struct ctl *c, int argc, char **argv)
{
    const char *id;
    int64_t n;

    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){&id, 1, 1}))
        return APP_USAGE;
    if (change(c, "update officer set aktif = false where id = $1 and aktif", id, "officer off", &n) !=
        RES_OK)
        return ctl_failed(c);
    if (!n)
        return ctl_fail(c, CTL_NO, "no active officer %s", id);
    if (!c->json)
        printf("%s may not review any more\n", id);
    else
        ctl_print(json_pack("{s:s, s:b}", "id", id, "changed", 1));
    return APP_OK;
}

static int
officer_list(struct ctl *c, int argc, char **argv)
{
    return show(c, argc, argv, "select id, aktif, created_at from officer order by id");
}

int
ctl_officer(struct ctl *c, int argc, char **argv)
{
    static const struct ctl_cmd cmds[] = {{"add", "", "", "", officer_add},
                                          {"off", "", "", "", officer_off},
                                          {"list", "", "", "", officer_list},
                                          {0}};

    return ctl_sub(c, cmds, argc, argv);
}

/* ---- opd -------------------------------------------------------------------------------------------------------- */

static enum res
load_row(struct ctl *c, const struct opd_row *row, struct ctl_loaded *n)
{
    char *text[OPD_COLUMNS];
    int64_t changed = 0;
    bool room = true;
    enum res res;

    for (int i = 0; i < OPD_COLUMNS; i++)
        room = (text[i] = str_dup(row->col[i])) != NULL && room;
    res = room ? ctl_exec(
                     c,
                     "insert into opd (kode_opd, nama_opd, peran) values ($1, $2, $3) on conflict (kode_opd)"
                     " do update set nama_opd = excluded.nama_opd, peran = excluded.peran"
                     " where (opd.nama_opd, opd.peran) is distinct from (excluded.nama_opd, excluded.peran)",
                     OPD_COLUMNS, (const char *const *)text, &changed)
               : err_set(&c->e, RES_FATAL, "out of memory");
    for (int i = 0; i < OPD_COLUMNS; i++)
        free(text[i]);
    n->rows++;
    n->changed += (int)changed;
    return res;
}

/* All or nothing. */
static enum res
load_table(struct ctl *c, const char *path, const struct opd *table, struct ctl_loaded *n)
{
    size_t rows;
    const struct opd_row *row = opd_rows(table, &rows);
    char detail[32];
    enum res res = ctl_db(c);

    if (res == RES_OK)
        res = ctl_exec(c, "begin", 0, NULL, NULL);
    for (size_t i = 0; i < rows && res == RES_OK; i++)
        res = load_row(c, &row[i], n);
    snprintf(detail, sizeof detail, "%d of %d rows", n->changed, n->rows);
    if (res == RES_OK && n->changed)
        res = ctl_audit(c, "opd load", path, detail);
    return res == RES_OK ? ctl_exec(c, "commit", 0, NULL, NULL) : res;
}

bool
ctl_opd_load(struct ctl *c, const char *path, struct ctl_loaded *n, int *code)
{
    size_t len;
    char *text = ctl_read(c, path, &len);
    struct opd *table = NULL;
    struct err e = {0};

    *n = (struct ctl_loaded){0};
    *code = CTL_NO;
    if (text && opd_parse((struct str){text, len}, path, &table, &e) != RES_OK)
        ctl_fail(c, CTL_NO, "%s", e.text);
    if (table)
        *code = load_table(c, path, table, n) == RES_OK ? APP_OK : ctl_failed(c);
    opd_free(table);
    free(text);
    return *code == APP_OK;
}

static int
opd_load(struct ctl *c, int argc, char **argv)
{
    const char *path;
    struct ctl_loaded n;
    int code;

    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){&path, 1, 1}))
        return APP_USAGE;
    if (!ctl_opd_load(c, path, &n, &code))
        return code;
    if (c->json)
        ctl_print(json_pack("{s:i, s:i}", "rows", n.rows, "changed", n.changed));
    else
        printf("%d OPD in the file, %d new or changed\n", n.rows, n.changed);
    return APP_OK;
}

static int
opd_list(struct ctl *c, int argc, char **argv)
{
    return show(c, argc, argv, "select kode_opd, nama_opd, peran from opd order by kode_opd");
}

int
ctl_opd(struct ctl *c, int argc, char **argv)
{
    static const struct ctl_cmd cmds[] = {
        {"load", "", "", "", opd_load}, {"list", "", "", "", opd_list}, {0}};

    return ctl_sub(c, cmds, argc, argv);
}
