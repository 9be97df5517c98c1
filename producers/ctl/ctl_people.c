/* officer add|off|list and opd load|list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "producers/ctl/ctl.h"
#include "producers/ctl/ctl_words.h"
#include "workers/sop/names.h"

static int
show(struct ctl *c, int argc, char **argv, const char *sql)
{
    PGresult *r;

    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){0}))
        return APP_USAGE;
    r = ctl_db(c) == RES_OK ? ctl_query(c, sql, 0, NULL) : NULL;
    if (!r)
        return ctl_failed(c);
    ctl_rows(c, r);
    PQclear(r);
    return APP_OK;
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

enum { OPD_FIELDS = 3 };

/* One line into the table. False: printed why. */
static bool
load_line(struct ctl *c, const char *path, int line, char *text, struct ctl_loaded *n)
{
    char *f[OPD_FIELDS];
    unsigned got = ctl_words_csv(text, f, OPD_FIELDS);
    const char *args[OPD_FIELDS];
    int64_t changed;

    if (got < 2 || !kode_opd_ok(str_of(f[0])) || !*f[1]) {
        ctl_fail(c, CTL_NO, "%s line %d: not kode_opd,nama_opd,peran", path, line);
        return false;
    }
    args[0] = f[0];
    args[1] = f[1];
    args[2] = got > 2 ? f[2] : "";
    if (ctl_exec(
            c,
            "insert into opd (kode_opd, nama_opd, peran) values ($1, $2, $3) on conflict (kode_opd) do update"
            " set nama_opd = excluded.nama_opd, peran = excluded.peran"
            " where (opd.nama_opd, opd.peran) is distinct from (excluded.nama_opd, excluded.peran)",
            3, args, &changed) != RES_OK)
        return false;
    n->rows++;
    n->changed += (int)changed;
    return true;
}

static bool
load_lines(struct ctl *c, const char *path, char *text, struct ctl_loaded *n)
{
    int line = 1;
    char *save = NULL;

    if (strncmp(text, "kode_opd,nama_opd", 17) != 0) {
        ctl_fail(c, CTL_NO, "%s: the first line must be kode_opd,nama_opd,peran", path);
        return false;
    }
    strtok_r(text, "\n", &save);
    for (char *z = strtok_r(NULL, "\n", &save); z; z = strtok_r(NULL, "\n", &save))
        if (!load_line(c, path, ++line, z, n))
            return false;
    return true;
}

bool
ctl_opd_load(struct ctl *c, const char *path, struct ctl_loaded *n, int *code)
{
    size_t len;
    char *text = ctl_read(c, path, &len);
    char detail[32];
    bool good = text && strlen(text) == len;

    *n = (struct ctl_loaded){0};
    if (good)
        good = ctl_db(c) == RES_OK && ctl_exec(c, "begin", 0, NULL, NULL) == RES_OK &&
               load_lines(c, path, text, n);
    snprintf(detail, sizeof detail, "%d of %d rows", n->changed, n->rows);
    if (good && n->changed)
        good = ctl_audit(c, "opd load", path, detail) == RES_OK;
    if (good)
        good = ctl_exec(c, "commit", 0, NULL, NULL) == RES_OK;
    free(text);
    *code = good ? APP_OK : *c->e.text ? ctl_failed(c) : CTL_NO;
    return good;
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
