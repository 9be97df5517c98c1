/* visible: forms at a steady rate, and how long after its sending each one's row can be read in Postgres by somebody else.
 * One thread sends, one asks again and again for those that are on their way. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/steady.h"

enum { LIMIT_US = 60000000, PAUSE_US = 300, WINDOW = 64 };

struct watch {
    const struct bench *b;
    PGconn *conn;
    _Atomic int64_t *sent_us; /* monotonic; 0 = not yet */
    int64_t *seen_us;
    int64_t n;              /* those that count and those before them */
    _Atomic int64_t given;  /* how many were sent */
    _Atomic int64_t before; /* all of these were seen */
    int64_t asked;          /* questions */
    atomic_bool stop;
    atomic_bool left; /* nobody looks any more: all were seen, or it could not be asked */
    char why[200];
};

static void
sending(void *arg, int64_t i)
{
    struct watch *w = arg;

    w->sent_us[i] = bench_now_us();
    w->given = i + 1;
}

/* {"BDL-1","BDL-7"}: at most so many that were sent and not seen; how many. */
static unsigned
list_open(const struct watch *w, struct buf *list)
{
    unsigned n = 0;

    buf_reset(list);
    buf_char(list, '{');
    for (int64_t i = w->before; i < w->given && n < WINDOW; i++) {
        struct form f;

        if (w->seen_us[i])
            continue;
        f = form_make(w->b->seed, i, false);
        buf_printf(list, "%s\"%s\"", n++ ? "," : "", f.nomor);
    }
    buf_char(list, '}');
    return n;
}

static bool
look(struct watch *w, const char *list)
{
    PGresult *r = PQexecPrepared(w->conn, "seen", 1, &list, NULL, NULL, 0);
    int64_t now_us = bench_now_us();
    bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;

    w->asked++;
    for (int i = 0; ok && i < PQntuples(r); i++) {
        int64_t at = form_number(w->b->seed, str_of(PQgetvalue(r, i, 0)));

        if (at >= 0 && at < w->n && !w->seen_us[at])
            w->seen_us[at] = now_us;
    }
    while (ok && w->before < w->given && w->seen_us[w->before])
        w->before++;
    if (!ok)
        snprintf(w->why, sizeof w->why, "%s", PQerrorMessage(w->conn));
    PQclear(r);
    return ok;
}

static void *
watcher(void *arg)
{
    struct watch *w = arg;
    struct buf list = buf_make(1 << 16);

    while (!w->stop && w->before < w->n) {
        if (list_open(w, &list) && !look(w, list.p))
            break;
        bench_sleep_until(bench_now_us() + PAUSE_US);
    }
    buf_free(&list);
    w->left = true;
    return NULL;
}

static enum res
open_watch(struct watch *w, struct err *e)
{
    char sql[200];
    PGresult *r;
    enum res res = RES_OK;

    w->conn = PQconnectdb(w->b->conninfo);
    snprintf(sql, sizeof sql,
             "select nomor_permohonan from %s.request where nomor_permohonan = any($1::text[])", w->b->from);
    r = PQprepare(w->conn, "seen", sql, 1, NULL);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        res = err_set(e, RES_FATAL, "%s", PQerrorMessage(w->conn));
    PQclear(r);
    return res;
}

static enum res
run_watch(struct watch *w, struct err *e)
{
    struct steady s = {w->b, STORY_SUBMITTED, w->n, sending, w};
    int64_t limit_us;
    pthread_t thread;
    enum res res;

    if (pthread_create(&thread, NULL, watcher, w))
        return err_set(e, RES_FATAL, "no thread");
    res = steady_run(&s, e);
    limit_us = bench_now_us() + LIMIT_US;
    while (res == RES_OK && !w->left && bench_now_us() < limit_us)
        bench_sleep_until(bench_now_us() + 20000);
    w->stop = true;
    pthread_join(thread, NULL);
    if (res == RES_OK && w->before < w->n)
        return err_set(e, RES_RETRY, "of %lld rows %lld could be read %s", (long long)w->n,
                       (long long)w->before, w->why);
    return res;
}

static void
put_times(const struct watch *w, struct buf *out)
{
    int64_t n = w->b->n;
    int64_t *took = calloc((size_t)n, sizeof *took);

    for (int64_t i = 0; took && i < n; i++)
        took[i] = w->seen_us[w->b->warm + i] - w->sent_us[w->b->warm + i];
    buf_printf(out, "{\"asked\":%lld,\"visible\":", (long long)w->asked);
    if (took)
        bench_times(took, n, out);
    buf_char(out, '}');
    free(took);
}

enum res
visible_run(const struct bench *b, struct buf *out, struct err *e)
{
    struct watch w = {.b = b, .n = b->warm + b->n};
    enum res res = RES_FATAL;

    w.sent_us = calloc((size_t)w.n, sizeof *w.sent_us);
    w.seen_us = calloc((size_t)w.n, sizeof *w.seen_us);
    if (w.sent_us && w.seen_us && (res = open_watch(&w, e)) == RES_OK)
        res = run_watch(&w, e);
    if (res == RES_OK)
        put_times(&w, out);
    PQfinish(w.conn);
    free(w.sent_us);
    free(w.seen_us);
    return res;
}
