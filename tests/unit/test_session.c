/* What needs no database of a session with Postgres: the order of hosts, the statements, what their answers mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/pg/hosts.h"
#include "common/pg/session.h"

/* ---- hosts ------------------------------------------------------------------------------------------------------ */

static void
turned(const char *list, unsigned by, const char *want)
{
    char *got = hosts_turned(list, by);

    assert_string_equal(got, want);
    free(got);
}

static void
test_turned(void **state)
{
    (void)state;
    turned("a,b,c", 0, "a,b,c");
    turned("a,b,c", 1, "b,c,a");
    turned("a,b,c", 2, "c,a,b");
    turned("a,b,c", 3, "a,b,c");
    turned("a,b,c", 4000000001U, "c,a,b");
    turned("a", 7, "a");
    turned("", 7, "");
    turned(",b", 1, "b,"); /* an empty host is libpq's default */
    assert_null(hosts_turned(NULL, 1));
}

static void
test_hosts(void **state)
{
    struct hosts h;

    (void)state;
    hosts_from("host=a,b port=1,2 user=x", 0, &h);
    assert_true(!h.host && !h.hostaddr && !h.port);
    hosts_from("host=a,b port=1,2 user=x", 1, &h);
    assert_string_equal(h.host, "b,a");
    assert_string_equal(h.port, "2,1");
    assert_null(h.hostaddr);
    hosts_free(&h);
    hosts_from("postgresql://x@a:1,b:2,c:3/db?target_session_attrs=read-write", 2, &h);
    assert_string_equal(h.host, "c,a,b");
    assert_string_equal(h.port, "3,1,2");
    hosts_free(&h);
    hosts_from("host=a,b port=5432", 1, &h); /* one port for all stays one */
    assert_string_equal(h.port, "5432");
    hosts_free(&h);
    hosts_from("no conninfo", 1, &h);
    assert_true(!h.host && !h.hostaddr && !h.port);
}

/* ---- statements and answers ------------------------------------------------------------------------------------- */

static void
test_sql(void **state)
{
    struct session_want w = {.schema = "Skema \"x\"", .statement_ms = 1, .lock_ms = 2, .idle_tx_ms = 3};
    char *sql = session_sql(&w);

    (void)state;
    assert_non_null(strstr(sql, "set search_path to \"Skema \"\"x\"\"\";"));
    assert_non_null(strstr(sql, "statement_timeout = 1;"));
    assert_non_null(strstr(sql, "lock_timeout = 2;"));
    assert_non_null(strstr(sql, "idle_in_transaction_session_timeout = 3;"));
    assert_null(strstr(sql, "synchronous_commit"));
    assert_null(strstr(sql, "schema_migration"));
    free(sql);
    w.async_commit = true;
    w.migration = 1;
    sql = session_sql(&w);
    assert_non_null(strstr(sql, "synchronous_commit = off"));
    assert_non_null(strstr(sql, "schema_migration"));
    free(sql);
}

/* A result of one row. */
static PGresult *
row(const char *first, const char *a, const char *b)
{
    PGresAttDesc at[2] = {{.name = (char *)(uintptr_t)first}, {.name = (char *)(uintptr_t) "x"}};
    PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

    assert_int_equal(PQsetResultAttrs(r, 2, at), 1);
    assert_int_equal(PQsetvalue(r, 0, 0, (char *)(uintptr_t)a, (int)strlen(a)), 1);
    assert_int_equal(PQsetvalue(r, 0, 1, (char *)(uintptr_t)b, (int)strlen(b)), 1);
    return r;
}

static void
judged(const char *newest, const char *oldest, enum res res, const char *says)
{
    const struct session_want w = {.schema = "s", .release = "0.10", .migration = 21};
    struct session_got got = {0};
    PGresult *backend = row("backend", "4711", "");
    PGresult *r = row("newest", newest, oldest);

    session_take(&w, backend, &got);
    session_take(&w, r, &got);
    PQclear(r);
    PQclear(backend);
    assert_int_equal(got.pid, 4711);
    assert_int_equal(got.e.res, res);
    if (says && !strstr(got.e.text, says))
        fail_msg("\"%s\" does not say \"%s\"", got.e.text, says);
}

static void
test_fit(void **state)
{
    (void)state;
    judged("21", "0.1", RES_OK, NULL);
    judged("30", "0.1 0.10 0.9", RES_OK, NULL); /* newer, and says that we may */
    judged("21", "", RES_OK, NULL);
    judged("20", "0.1", RES_RETRY, "at migration 0020, and this program needs 0021");
    judged("0", "", RES_RETRY, "at migration 0000");
    judged("22", "0.1 0.11 0.2", RES_FATAL, "needs programs of 0.11 or later, and this is 0.10");
    judged("20", "1", RES_FATAL, "needs programs of 1 or later");
}

static void
test_refused(void **state)
{
    const struct session_want w = {.schema = "s", .migration = 21};
    struct session_got got = {0};
    PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR);

    (void)state;
    session_take(&w, r, &got);
    assert_int_equal(got.e.res, RES_RETRY);
    PQclear(r);
    got = (struct session_got){0};
    r = PQmakeEmptyPGresult(NULL, PGRES_COMMAND_OK);
    session_take(&w, r, &got);
    assert_int_equal(got.e.res, RES_OK);
    PQclear(r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turned), cmocka_unit_test(test_hosts),   cmocka_unit_test(test_sql),
        cmocka_unit_test(test_fit),    cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
