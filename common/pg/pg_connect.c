/* Connecting to Postgres: hosts in turn, the session made ours, and what follows when it goes. */
#include "common/pg/pg_priv.h"

#include "common/base/backoff.h"
#include "common/base/clk.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/pg/hosts.h"

enum { CONNECT_MS = 5000 };
static const struct backoff pace = {.min_ms = 100, .max_ms = 5000};

static void
tell(struct pg *pg, bool up, bool otherwise)
{
    if (up != pg->told_down && !otherwise)
        return;
    pg->told_down = !up;
    if (pg->opts.on_state)
        pg->opts.on_state(pg->opts.arg, up, pg->why);
}

void
pg_drop_conn(struct pg *pg)
{
    loop_unwatch(pg->watch);
    pg->watch = NULL;
    loop_timer_stop(pg->loop, &pg->connect_limit);
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->nprepared = 0;
    pg->state = DOWN;
}

static void
take_why(struct pg *pg, const char *why)
{
    snprintf(pg->why, sizeof pg->why, "%.*s", (int)sizeof pg->why - 1, why && *why ? why : "connection lost");
    pg->why[strcspn(pg->why, "\n")] = '\0';
}

void
pg_went_down(struct pg *pg, const char *why)
{
    char before[sizeof pg->why];

    snprintf(before, sizeof before, "%s", pg->why);
    take_why(pg, why);
    pg_drop_conn(pg);
    tell(pg, false, strcmp(before, pg->why) != 0);
    loop_timer_set(pg->loop, &pg->retry, backoff_ms(&pace, pg->failures++, -1, id_random()));
    pg_fail_all(pg);
}

void
pg_renew(struct pg *pg)
{
    snprintf(pg->why, sizeof pg->why, "the session may not write");
    pg->first++; /* of several hosts another is begun with */
    pg_drop_conn(pg);
    loop_timer_set(pg->loop, &pg->retry, backoff_ms(&pace, pg->failures++, -1, id_random()));
    pg_fail_all(pg);
}

void
pg_on_broke(void *arg)
{
    struct pg *pg = arg;

    if (pg->state != UP)
        pg_fail_all(pg);
    else if (pg->flush_failed || PQstatus(pg->conn) != CONNECTION_OK)
        pg_went_down(pg, PQerrorMessage(pg->conn));
}

static void
on_listening(void *arg, const struct pg_end *end)
{
    struct pg *pg = arg;

    if (end->res == RES_OK)
        pg->failures =
            0; /* not before: a standby alone lets everybody in, and refuses the first LISTEN each time */
    else if (pg->state == UP)
        log_warn("cannot listen for notifications; others' work is found by looking",
                 LOG_Z("why", end->text));
    pg_done(pg);
}

/* The first group on a new connection, before anybody's turn. */
static void
listen_all(struct pg *pg)
{
    pg->busy = true;
    for (unsigned i = 0; i < pg->listens; i++) {
        char sql[96];

        snprintf(sql, sizeof sql, "LISTEN \"%s\"", pg->listen[i].channel);
        if (PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 0))
            pg_push(pg, P_STMT);
    }
    pg_sync(pg, on_listening, pg);
}

static void
came_up(struct pg *pg)
{
    loop_timer_stop(pg->loop, &pg->connect_limit);
    if (!PQenterPipelineMode(pg->conn)) {
        pg_went_down(pg, PQerrorMessage(pg->conn));
        return;
    }
    pg_fail_all(pg); /* what was sent while down was not sent at all */
    pg->state = UP;
    pg->epoch++;
    pg->flush_failed = false;
    loop_watch_set(pg->watch, LOOP_READ);
    tell(pg, true, false);
    listen_all(pg);
}

static void
ask_session(struct pg *pg, const char *sql)
{
    if (!PQsendQuery(pg->conn, sql) || PQflush(pg->conn) < 0) {
        pg_went_down(pg, PQerrorMessage(pg->conn));
        return;
    }
    pg->state = CHECKING;
    loop_watch_set(pg->watch, LOOP_READ | LOOP_WRITE);
}

/* Connected: it is seen whether the session is ours alone, and then made as we want it, before anybody works on it. */
static void
begin_session(struct pg *pg)
{
    pg->got = (struct session_got){0};
    pg->own = false;
    if (PQsetnonblocking(pg->conn, 1))
        pg_went_down(pg, PQerrorMessage(pg->conn));
    else
        ask_session(pg, SESSION_BACKEND_SQL);
}

static void
session_failed(struct pg *pg)
{
    bool for_good = pg->got.e.res == RES_FATAL && pg->opts.on_refused;

    if (for_good) { /* on_refused tells it: nothing is left to be told as a change, or as another reason */
        pg->told_down = true;
        take_why(pg, pg->got.e.text);
    }
    pg_went_down(pg, pg->got.e.text);
    if (!for_good)
        return;
    loop_timer_stop(pg->loop, &pg->retry);
    pg->state = REFUSED;
    pg->opts.on_refused(pg->opts.arg, pg->got.e.text);
}

static void
session_answered(struct pg *pg)
{
    if (!pg->own && pg->got.e.res == RES_OK && session_is_pooled(pg->conn, &pg->got))
        session_probe(pg->conn, pg->opts.conninfo, &pg->got.e);
    if (pg->got.e.res != RES_OK) {
        session_failed(pg);
    } else if (pg->own) {
        came_up(pg);
    } else {
        pg->own = true;
        ask_session(pg, pg->session);
    }
}

static void
read_session(struct pg *pg)
{
    if (!PQconsumeInput(pg->conn)) {
        pg_went_down(pg, PQerrorMessage(pg->conn));
        return;
    }
    loop_watch_set(pg->watch, LOOP_READ | (PQflush(pg->conn) > 0 ? LOOP_WRITE : 0));
    while (!PQisBusy(pg->conn)) {
        PGresult *r = PQgetResult(pg->conn);

        if (!r) {
            session_answered(pg);
            return;
        }
        session_take(&pg->want, r, &pg->got);
        PQclear(r);
    }
}

static void
poll_connect(struct pg *pg)
{
    PostgresPollingStatusType st = PQconnectPoll(pg->conn);
    int fd = PQsocket(pg->conn);

    if (st == PGRES_POLLING_FAILED) {
        pg->got = (struct session_got){0};
        pg_went_down(pg, PQerrorMessage(pg->conn));
        return;
    }
    /* libpq may have moved to another socket (another host, or SSL refused): watch what it has now */
    loop_unwatch(pg->watch);
    pg->watch =
        loop_watch(pg->loop, fd, st == PGRES_POLLING_WRITING ? LOOP_WRITE : LOOP_READ, pg_on_socket, pg);
    if (!pg->watch)
        pg_went_down(pg, "cannot watch the socket");
    else if (st == PGRES_POLLING_OK)
        begin_session(pg);
}

void
pg_on_connect_limit(void *arg)
{
    struct pg *pg = arg;

    pg->got = (struct session_got){0};

    pg->first++; /* one of the hosts is silent: the next is begun with */
    pg_went_down(pg, "no answer within the connect limit");
}

static void
on_notice(void *arg, const char *text)
{
    (void)arg;
    log_debug("postgres notice", LOG_Z("text", text));
}

void
pg_connect_now(void *arg)
{
    struct pg *pg = arg;
    struct hosts h;

    hosts_from(pg->opts.conninfo, pg->first, &h);
    {
        /* what stands before dbname (the conninfo) is only a default; GSS costs a megabyte and a round trip unless wanted */
        const char *const keys[] = {"gssencmode",
                                    "dbname",
                                    "application_name",
                                    "client_encoding",
                                    "keepalives_idle",
                                    "keepalives_interval",
                                    "keepalives_count",
                                    "tcp_user_timeout",
                                    "host",
                                    "hostaddr",
                                    "port",
                                    NULL};
        const char *const vals[] = {"disable",
                                    pg->opts.conninfo,
                                    pg->opts.app_name,
                                    "UTF8",
                                    "30",
                                    "10",
                                    "3",
                                    "30000",
                                    h.host,
                                    h.hostaddr,
                                    h.port,
                                    NULL};

        pg->conn = PQconnectStartParams(keys, vals, 1);
    }
    hosts_free(&h);
    if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
        pg_went_down(pg, pg->conn ? PQerrorMessage(pg->conn) : "out of memory");
        return;
    }
    PQsetNoticeProcessor(pg->conn, on_notice, NULL);
    pg->state = CONNECTING;
    pg->watch = loop_watch(pg->loop, PQsocket(pg->conn), LOOP_WRITE, pg_on_socket, pg);
    loop_timer_set(pg->loop, &pg->connect_limit, CONNECT_MS);
}

void
pg_connect_goes_on(struct pg *pg)
{
    if (pg->state == CONNECTING)
        poll_connect(pg);
    else
        read_session(pg);
}
