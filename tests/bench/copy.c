/* copy: the limit of writing: COPY of rows that the projector wrote into the same tables, with the same indexes, of
 * another schema. The rows are read first and are in memory when the clock starts. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/bench.h"

enum { TABLES = 3, HEAD = 19 };

static const struct {
    const char *name, *columns;
} tables[TABLES] = {
    {"event", "source, id, type, subject, time, effective_at, topic, partition, kafka_offset, append_at, "
              "data, data_hash, "
              "received_at, chain, revisi"},
    {"event_id", "key, hash, at"},
    {"request",
     "nomor_permohonan, revisi, putaran, versi, status, terlambat, giliran, giliran_sejak, kode_opd, "
     "nama_opd, "
     "nama_sistem, submitted_at, checked_at, accepted_at, returned_at, integrated_at, id_integrasi, temuan, "
     "jumlah_pengembalian, updated_at, sidik, fakta, chain, rekap, hitungan, anomali"}};

/* One table's rows in COPY's binary format, each as the server sent it. */
struct rows {
    struct buf bytes;
    size_t *at; /* where each row begins; at[n] is the end */
    size_t n, cap;
};

struct copying {
    PGconn *conn;
    struct rows rows[TABLES];
    struct err *e;
};

static enum res
failed(struct copying *c, const char *what)
{
    return err_set(c->e, RES_FATAL, "%s: %s", what, PQerrorMessage(c->conn));
}

static enum res
run(struct copying *c, const char *sql, ExecStatusType want)
{
    PGresult *r = PQexec(c->conn, sql);
    enum res res = PQresultStatus(r) == want ? RES_OK : failed(c, sql);

    PQclear(r);
    return res;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static bool
keep(struct rows *rows, const char *p, size_t n)
{
    if (rows->n + 1 >= rows->cap) {
        size_t cap = rows->cap ? 2 * rows->cap : 1024;
        size_t *at = reallocarray(rows->at, cap, sizeof *at);

        if (!at)
            return false;
        rows->at = at;
        rows->cap = cap;
    }
    rows->at[rows->n++] = rows->bytes.n;
    buf_add(&rows->bytes, p, n);
    rows->at[rows->n] = rows->bytes.n;
    return !rows->bytes.failed;
}

/* The first piece begins with the format's head, the last is its trailer of two bytes. */
static enum res
read_rows(struct copying *c, struct rows *rows)
{
    char *p;
    int n;
    bool first = true;
    bool good = true;

    while ((n = PQgetCopyData(c->conn, &p, 0)) > 0) {
        size_t skip = first ? HEAD : 0;

        if ((size_t)n > skip + 2)
            good = good && keep(rows, p + skip, (size_t)n - skip);
        first = false;
        PQfreemem(p);
    }
    if (!good)
        return err_set(c->e, RES_FATAL, "out of memory");
    PQclear(PQgetResult(c->conn));
    return n == -1 ? RES_OK : failed(c, "copy out");
}

static enum res
read_table(struct copying *c, const char *schema, unsigned t)
{
    char sql[1024];
    enum res res;

    c->rows[t].bytes = buf_make((size_t)1 << 30);
    snprintf(sql, sizeof sql, "copy (select %s from %s.%s) to stdout (format binary)", tables[t].columns,
             schema, tables[t].name);
    res = run(c, sql, PGRES_COPY_OUT);
    return res == RES_OK ? read_rows(c, &c->rows[t]) : res;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static enum res
write_rows(struct copying *c, const char *schema, unsigned t, size_t from, size_t to)
{
    static const char head[HEAD + 1] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    const struct rows *rows = &c->rows[t];
    char sql[1024];
    enum res res;
    PGresult *r;

    if (from == to)
        return RES_OK;
    snprintf(sql, sizeof sql, "copy %s.%s (%s) from stdin (format binary)", schema, tables[t].name,
             tables[t].columns);
    if ((res = run(c, sql, PGRES_COPY_IN)) != RES_OK)
        return res;
    if (PQputCopyData(c->conn, head, HEAD) != 1 ||
        PQputCopyData(c->conn, rows->bytes.p + rows->at[from], (int)(rows->at[to] - rows->at[from])) != 1 ||
        PQputCopyData(c->conn, "\377\377", 2) != 1 || PQputCopyEnd(c->conn, NULL) != 1)
        return failed(c, "copy in");
    r = PQgetResult(c->conn);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        res = failed(c, "copy in");
    PQclear(r);
    PQclear(PQgetResult(c->conn));
    return res;
}

/* One transaction per batch of events, with the same share of the other tables. */
static enum res
write_all(struct copying *c, const struct bench *b)
{
    size_t n = c->rows[0].n;
    size_t step = (size_t)b->batch;
    enum res res = RES_OK;

    for (size_t i = 0; res == RES_OK && i < n; i += step) {
        size_t end = i + step < n ? i + step : n;

        res = run(c, "begin", PGRES_COMMAND_OK);
        for (unsigned t = 0; res == RES_OK && t < TABLES; t++)
            res = write_rows(c, b->to, t, c->rows[t].n * i / n, c->rows[t].n * end / n);
        if (res == RES_OK)
            res = run(c, "commit", PGRES_COMMAND_OK);
    }
    return res;
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

/* The driver looks at the server's CPU between these two lines. */
static void
say(const char *word)
{
    puts(word);
    fflush(stdout);
    (void)!getchar();
}

static enum res
copy_between(struct copying *c, const struct bench *b, struct bench_lap *lap)
{
    enum res res = RES_OK;

    for (unsigned t = 0; res == RES_OK && t < TABLES; t++)
        res = read_table(c, b->from, t);
    if (res == RES_OK && c->rows[0].n == 0)
        res = err_set(c->e, RES_REJECT, "no rows in %s.event", b->from);
    if (res != RES_OK)
        return res;
    say("ready");
    *lap = bench_begin();
    res = write_all(c, b);
    *lap = bench_end(lap);
    say("done");
    return res;
}

enum res
copy_run(const struct bench *b, struct buf *out, struct err *e)
{
    struct copying c = {.e = e};
    struct bench_lap lap = {0};
    enum res res;

    c.conn = PQconnectdb(b->conninfo);
    res = PQstatus(c.conn) == CONNECTION_OK ? copy_between(&c, b, &lap) : failed(&c, "connect");
    buf_printf(out, "{\"events\":%zu,\"requests\":%zu,\"wall_s\":%.6f,\"cpu_s\":%.6f}", c.rows[0].n,
               c.rows[2].n, (double)lap.wall_us / 1e6, (double)lap.cpu_us / 1e6);
    for (unsigned t = 0; t < TABLES; t++) {
        buf_free(&c.rows[t].bytes);
        free(c.rows[t].at);
    }
    PQfinish(c.conn);
    return res;
}
