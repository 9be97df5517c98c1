#include "common/pg/migrate.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/file.h"
#include "common/base/hash.h"

enum { FILES_MAX = 9999, FILE_BYTES_MAX = 16 << 20 };

struct file {
    int number;
    char *name; /* owned */
    char *path; /* owned */
    char *text; /* owned; NUL-terminated */
    size_t len;
    char oldest[32];
    char hash[2 * HASH_SIZE + 1];
};

struct run {
    PGconn *pg;
    const struct migrate_opts *opts;
    struct file *files; /* sorted by number */
    size_t n;
    struct err *e;
};

/* ---- the folder ------------------------------------------------------------------------------------------------- */

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

bool
migrate_file_name(const char *file, int *number, struct str *name)
{
    struct str s = str_of(file);
    int v = 0;

    *number = 0;
    *name = STR_NULL;
    if (s.n < sizeof "0001_a.sql" - 1 || s.p[4] != '_' || !str_ends(s, STR(".sql")))
        return false;
    for (int i = 0; i < 4; i++) {
        if (!is_digit(s.p[i]))
            return false;
        v = v * 10 + (s.p[i] - '0');
    }
    for (size_t i = 5; i < s.n - 4; i++)
        if (!is_word(s.p[i]))
            return false;
    *number = v;
    *name = (struct str){s.p + 5, s.n - 9};
    return v > 0;
}

/* Takes the number before the next dot off; 0 where there is none. */
static long
next_number(struct str *s)
{
    long n = 0;

    for (; s->n && is_digit(*s->p) && n < 100000000; s->p++, s->n--)
        n = n * 10 + (*s->p - '0');
    *s = s->n && *s->p == '.' ? (struct str){s->p + 1, s->n - 1} : (struct str){0};
    return n;
}

int
migrate_version_cmp(struct str a, struct str b)
{
    while (a.n || b.n) {
        long x = next_number(&a);
        long y = next_number(&b);

        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

struct str
migrate_oldest(struct str text)
{
    static const char head[] = "-- oldest program:";
    size_t n = sizeof head - 1;
    const char *end;

    if (!str_starts(text, str_of(head)))
        return STR_NULL;
    text = (struct str){text.p + n, text.n - n};
    while (text.n && *text.p == ' ') {
        text.p++;
        text.n--;
    }
    end = text.n ? memchr(text.p, '\n', text.n) : NULL;
    if (end)
        text.n = (size_t)(end - text.p);
    while (text.n && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\r'))
        text.n--;
    return text.n ? text : STR_NULL;
}

static enum res
read_text(struct run *m, struct file *f)
{
    unsigned char hash[HASH_SIZE];
    struct str oldest;

    f->text = file_read(f->path, FILE_BYTES_MAX, &f->len, m->e);
    if (!f->text)
        return RES_FATAL;
    if (strlen(f->text) != f->len)
        return err_set(m->e, RES_FATAL, "%s holds a NUL byte", f->path);
    hash_sha256((struct str){f->text, f->len}, hash);
    hash_hex(hash, sizeof hash, f->hash);
    oldest = migrate_oldest((struct str){f->text, f->len});
    snprintf(f->oldest, sizeof f->oldest, "%.*s", STR_FMT(oldest));
    return RES_OK;
}

static enum res
add_file(struct run *m, const char *entry)
{
    struct file f = {0};
    struct str name;
    struct file *grown;

    if (!migrate_file_name(entry, &f.number, &name))
        return RES_OK;
    grown = m->n < FILES_MAX ? realloc(m->files, (m->n + 1) * sizeof *grown) : NULL;
    if (!grown)
        return err_set(m->e, RES_FATAL, "out of memory, or more than %d files in %s", FILES_MAX,
                       m->opts->dir);
    m->files = grown;
    f.name = str_dup(name);
    if (asprintf(&f.path, "%s/%s", m->opts->dir, entry) < 0)
        f.path = NULL;
    m->files[m->n++] = f;
    if (!f.name || !f.path)
        return err_set(m->e, RES_FATAL, "out of memory");
    return read_text(m, &m->files[m->n - 1]);
}

static int
by_number(const void *a, const void *b)
{
    const struct file *x = a;
    const struct file *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

static enum res
read_dir(struct run *m)
{
    struct dirent **entries = NULL;
    int n = scandir(m->opts->dir, &entries, NULL, alphasort);
    enum res res = RES_OK;

    if (n < 0)
        return err_set(m->e, RES_FATAL, "cannot read %s: %s", m->opts->dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (res == RES_OK)
            res = add_file(m, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (res == RES_OK && m->n == 0)
        return err_set(m->e, RES_FATAL, "%s holds no NNNN_name.sql", m->opts->dir);
    if (res == RES_OK)
        qsort(m->files, m->n, sizeof *m->files, by_number);
    for (size_t i = 0; res == RES_OK && i < m->n; i++) {
        int want = (int)i + 1;

        if (m->files[i].number > want)
            res = err_set(m->e, RES_FATAL, "%s: number %04d is missing", m->opts->dir, want);
        else if (m->files[i].number < want)
            res =
                err_set(m->e, RES_FATAL, "%s: number %04d is there twice", m->opts->dir, m->files[i].number);
    }
    return res;
}

/* ---- the database ----------------------------------------------------------------------------------------------- */

/* Lost connections, a server that stops or is short of something, and locks that others hold may pass. */
static bool
passes(const char *state)
{
    static const char *const classes[] = {"08", "40", "53", "55", "57"};

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strncmp(state, classes[i], 2) == 0)
            return true;
    return false;
}

static enum res
pg_failed(struct run *m, const char *doing, const PGresult *r)
{
    const char *text = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;

    if (PQstatus(m->pg) != CONNECTION_OK || !state)
        return err_set(m->e, RES_RETRY, "%s: the connection broke", doing);
    return err_set(m->e, passes(state) ? RES_RETRY : RES_REJECT, "%s: %s (SQLSTATE %s)", doing,
                   text ? text : "", state);
}

/* Any number of statements without parameters. */
static enum res
run_text(struct run *m, const char *doing, const char *sql)
{
    PGresult *r = PQexec(m->pg, sql);
    ExecStatusType st = PQresultStatus(r);
    enum res res = RES_OK;

    if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK && st != PGRES_EMPTY_QUERY)
        res = pg_failed(m, doing, r);
    PQclear(r);
    return res;
}

/* One statement with text parameters; `*ret` is the caller's to PQclear. */
static enum res
query(struct run *m, const char *sql, int n, const char *const *args, PGresult **ret)
{
    PGresult *r = PQexecParams(m->pg, sql, n, NULL, args, NULL, NULL, 0);
    ExecStatusType st = PQresultStatus(r);
    enum res res = RES_OK;

    *ret = NULL;
    if (st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK) {
        *ret = r;
        return RES_OK;
    }
    res = pg_failed(m, "schema_migration", r);
    PQclear(r);
    return res;
}

static enum res
run_ident(struct run *m, const char *fmt)
{
    char *ident = PQescapeIdentifier(m->pg, m->opts->schema, strlen(m->opts->schema));
    struct buf b = buf_make(1024);
    enum res res;

    if (!ident)
        return err_set(m->e, RES_FATAL, "schema name: %s", PQerrorMessage(m->pg));
    for (const char *p = fmt; *p; p++)
        if (*p == '?')
            buf_z(&b, ident);
        else
            buf_char(&b, *p);
    res = b.failed ? err_set(m->e, RES_FATAL, "the schema's name is too long") : run_text(m, "schema", b.p);
    buf_free(&b);
    PQfreemem(ident);
    return res;
}

/* Looks first: who may not create schemas can still use one that is there. */
static enum res
open_schema(struct run *m)
{
    const char *args[] = {m->opts->schema};
    PGresult *r;
    enum res res = query(m, "select 1 from pg_namespace where nspname = $1", 1, args, &r);
    bool there = res == RES_OK && PQntuples(r) > 0;

    PQclear(r);
    if (res == RES_OK && !there)
        res = run_ident(m, "create schema if not exists ?");
    if (res == RES_OK)
        res = run_ident(m, "set search_path to ?");
    if (res == RES_OK)
        res = run_text(m, "schema_migration",
                       "set client_min_messages to warning; set lock_timeout to '15s';"
                       "create table if not exists schema_migration ("
                       "number int primary key, name text not null, sha256 text not null,"
                       "applied_at timestamptz not null default clock_timestamp(),"
                       "oldest_program text not null)");
    return res;
}

/* One at a time per schema, in whichever process: however long another one takes. A lock on a table, later, is not
 * waited for like this, since everybody else would wait behind it. */
static enum res
lock(struct run *m, bool take)
{
    const char *args[] = {m->opts->schema};
    PGresult *r;
    enum res res = query(m,
                         take ? "select pg_advisory_lock(hashtextextended('migrate:' || $1, 0))"
                              : "select pg_advisory_unlock(hashtextextended('migrate:' || $1, 0))",
                         1, args, &r);

    PQclear(r);
    return res;
}

/* What was applied must be what the folder holds: `*done` files from the first. */
static enum res
compare(struct run *m, size_t *done)
{
    PGresult *r;
    enum res res = query(m, "select number, name, sha256 from schema_migration order by number", 0, NULL, &r);
    int n = res == RES_OK ? PQntuples(r) : 0;

    *done = 0;
    for (int i = 0; res == RES_OK && i < n; i++) {
        int number = (int)strtol(PQgetvalue(r, i, 0), NULL, 10);
        const char *name = PQgetvalue(r, i, 1);

        if (number != i + 1)
            res = err_set(m->e, RES_FATAL, "the database says that %04d_%s was applied but not %04d", number,
                          name, i + 1);
        else if ((size_t)i >= m->n)
            res = err_set(m->e, RES_FATAL,
                          "the database has %04d_%s, which %s lacks: it belongs to a newer version", number,
                          name, m->opts->dir);
        else if (strcmp(PQgetvalue(r, i, 2), m->files[i].hash) != 0)
            res = err_set(m->e, RES_FATAL,
                          "%s is not what was applied as %04d_%s: an applied file may not change",
                          m->files[i].path, number, name);
    }
    *done = (size_t)n;
    PQclear(r);
    return res;
}

static enum res
record(struct run *m, const struct file *f)
{
    char number[16];
    const char *args[] = {number, f->name, f->hash, f->oldest};
    PGresult *r;
    enum res res;

    snprintf(number, sizeof number, "%d", f->number);
    res = query(m,
                "insert into schema_migration (number, name, sha256, oldest_program) "
                "values ($1::int, $2, $3, $4)",
                4, args, &r);
    PQclear(r);
    return res;
}

static enum res
apply(struct run *m, const struct file *f)
{
    char doing[128];
    enum res res;

    snprintf(doing, sizeof doing, "%04d_%.100s", f->number, f->name);
    res = run_text(m, doing, "begin");
    if (res == RES_OK)
        res = run_text(m, doing, f->text);
    if (res == RES_OK && PQtransactionStatus(m->pg) != PQTRANS_INTRANS)
        res = err_set(m->e, RES_FATAL, "%s ends its transaction itself, which it may not; what it did stays",
                      f->path);
    if (res == RES_OK)
        res = record(m, f);
    if (res == RES_OK)
        res = run_text(m, doing, "commit");
    if (res != RES_OK && PQtransactionStatus(m->pg) != PQTRANS_IDLE)
        PQclear(PQexec(m->pg, "rollback"));
    return res;
}

static enum res
apply_all(struct run *m)
{
    size_t done;
    enum res res = compare(m, &done);

    for (size_t i = 0; res == RES_OK && i < m->n; i++) {
        const struct file *f = &m->files[i];
        struct migrate_step step = {f->number, f->name, f->oldest, i >= done};

        if (step.applied)
            res = apply(m, f);
        if (res == RES_OK && m->opts->step)
            m->opts->step(m->opts->arg, &step);
    }
    return res;
}

static void
free_files(struct run *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->files[i].name);
        free(m->files[i].path);
        free(m->files[i].text);
    }
    free(m->files);
}

enum res
migrate_run(PGconn *pg, const struct migrate_opts *opts, struct err *e)
{
    struct run m = {.pg = pg, .opts = opts, .e = e};
    enum res res = read_dir(&m);

    if (res == RES_OK)
        res = run_text(&m, "session", "set statement_timeout to 0; set lock_timeout to 0");
    if (res == RES_OK)
        res = lock(&m, true);
    if (res == RES_OK) {
        res = open_schema(&m);
        if (res == RES_OK)
            res = apply_all(&m);
        if (PQstatus(pg) == CONNECTION_OK && lock(&m, false) != RES_OK && res == RES_OK)
            res = RES_RETRY;
    }
    free_files(&m);
    return res;
}
