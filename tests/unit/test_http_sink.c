/* The sink against an endpoint that refuses, fails, is silent or is away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <sys/mman.h>

#include "common/base/log.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test_http_sink.h"

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void
answered(void **state)
{
    struct ctx *x = *state;
    struct job *j = run(x, 0);

    assert_int_equal(j->last.http.code, 200);
    assert_false(j->last.sick || j->last.alone || j->last.aside);
    assert_int_equal(sink_state(x->sink).in_flight, 0);
    x->status = 422;
    j = run(x, 1);
    assert_int_equal(j->last.http.code, 422);
    assert_false(j->last.sick);
    x->status = 429;
    x->retry = "7";
    j = run(x, 2);
    assert_int_equal(j->last.http.retry_after_s, 7);
    assert_false(j->last.sick);
    assert_int_equal(mode(x), VALVE_CLOSED);
}

static void
bad_calls_are_rejected_and_leave_no_trace(void **state)
{
    struct ctx *x = *state;
    const char *many[SINK_HEADERS_MAX + 2] = {0};
    const char *torn[] = {"A: b\r\nC: d", NULL};

    for (int i = 0; i <= SINK_HEADERS_MAX; i++)
        many[i] = "A: b";
    assert_int_equal(start_with(x, 0, many, NULL), RES_REJECT);
    many[SINK_HEADERS_MAX] = NULL;
    assert_int_equal(start_with(x, 1, torn, NULL), RES_REJECT);
    snprintf(x->url, sizeof x->url, "ftp://127.0.0.1/");
    assert_int_equal(start_with(x, 0, NULL, NULL), RES_REJECT);
    path(x, "/call");
    assert_int_equal(sink_state(x->sink).in_flight, 0);
    assert_int_equal(start_with(x, 1, many, NULL), RES_OK);
    AWAIT(x, x->job[1].at == DONE);
    assert_int_equal(x->job[1].last.http.code, 200);
}

/* What waits is copied, goes in order, and never more at once than the limit. */
static void
beyond_the_limit_they_wait_in_order(void **state)
{
    struct ctx *x = *state;

    make(x, (struct sink_opts){.http = {.in_flight = 1}});
    x->hold = true;
    for (int i = 0; i < 5; i++)
        start(x, i);
    assert_int_equal(sink_room(x->sink), 0);
    assert_int_equal(sink_state(x->sink).waiting, 4);
    for (int i = 0; i < 5; i++) {
        AWAIT(x, x->holds);
        assert_int_equal(x->calls, i + 1);
        release(x);
        AWAIT(x, x->job[i].at == DONE);
        assert_int_equal(x->job[i].order, i + 1);
    }
    AWAIT(x, sink_room(x->sink) == 1);
}

/* So many more as are asked for may wait; what waits is given back on demand, what is under way ends as it would. */
static void
what_waits_goes_back_on_demand(void **state)
{
    struct ctx *x = *state;

    make(x, (struct sink_opts){.http = {.in_flight = 1}});
    x->hold = true;
    assert_int_equal(sink_room_ahead(x->sink, 2), 3);
    for (int i = 0; i < 3; i++)
        start(x, i);
    assert_int_equal(sink_room_ahead(x->sink, 2), 0);
    assert_int_equal(sink_room_ahead(x->sink, 3), 1);
    sink_return(x->sink);
    assert_int_equal(x->job[1].at, FLYING); /* never from inside */
    for (int i = 1; i < 3; i++) {
        AWAIT(x, x->job[i].at == DONE);
        assert_int_equal(x->job[i].last.http.fate, CLIENT_NOT_SENT);
        assert_true(x->job[i].last.sick);
    }
    AWAIT(x, x->holds);
    release(x);
    AWAIT(x, x->job[0].at == DONE);
    assert_int_equal(x->job[0].last.http.code, 200);
    assert_int_equal(x->calls, 1);
}

/* One that waits and cannot be sent is told so; it is no failure of the endpoint. */
static void
bad_call_that_waited_is_answered(void **state)
{
    struct ctx *x = *state;

    make(x, (struct sink_opts){.http = {.in_flight = 1}});
    start(x, 0);
    snprintf(x->url, sizeof x->url, "ftp://127.0.0.1/");
    start(x, 1);
    AWAIT(x, x->job[1].at == DONE);
    assert_int_equal(x->job[1].last.http.fate, CLIENT_NOT_SENT);
    assert_non_null(strstr(x->job[1].error, "ftp"));
    assert_false(x->job[1].last.sick);
    assert_int_equal(sink_state(x->sink).in_flight, 0);
}

static void
answer_after_100_ms(void *arg)
{
    release(arg);
}

/* One connection, 50 calls that take 100 ms each and may take 500: the wait for a place does not count. */
static void
no_call_times_out_while_it_waits(void **state)
{
    struct ctx *x = *state;
    struct loop_timer t = {.fn = answer_after_100_ms, .arg = x};

    make(x, (struct sink_opts){.http = {.in_flight = 1}});
    x->hold = true;
    x->timeout_ms = 500;
    for (int i = 0; i < 50; i++)
        start(x, i);
    for (int i = 0; i < 50; i++) {
        AWAIT(x, x->holds);
        loop_timer_set(x->loop, &t, 100);
        AWAIT(x, x->job[i].at == DONE);
        assert_int_equal(x->job[i].last.http.code, 200);
    }
}

static void
changed_tells_that_there_is_room(void **state)
{
    struct ctx *x = *state;

    make(x, (struct sink_opts){.http = {.in_flight = 2}});
    x->hold = true;
    start(x, 0);
    start(x, 1);
    AWAIT(x, x->holds == 2);
    assert_int_equal(x->changes, 0);
    release(x);
    AWAIT(x, x->changes);
    AWAIT(x, x->done == 2);
    assert_int_equal(sink_room(x->sink), 2);
    x->hold = false;
    run(x, 2);
    assert_int_equal(x->changes, 1); /* there was room all the time */
}

/* ---- the breaker -------------------------------------------------------------------------------------------------- */

static void
poison_alone_does_not_open_it(void **state)
{
    struct ctx *x = *state;

    x->poison = 3;
    for (int n = 0; n < 20; n++)
        run(x, 3);
    assert_int_equal(mode(x), VALVE_CLOSED);
    assert_false(x->job[3].last.alone); /* nobody else has called */
    for (int i = 10; i < 15; i++)
        run(x, i);
    run(x, 3);
    assert_true(x->job[3].last.alone);
    assert_false(x->job[3].last.sick);
}

static void
failures_of_many_open_it(void **state)
{
    struct ctx *x = *state;
    int i = 0;

    make(x, (struct sink_opts){.valve = {.probe = {60000, 60000, 0}}});
    x->status = 500;
    while (mode(x) == VALVE_CLOSED)
        assert_int_equal(run(x, i++)->last.http.code, 500);
    assert_int_equal(i, 8);
    assert_true(x->job[7].last.sick);
    assert_false(x->job[6].last.sick);
    assert_int_equal(sink_room(x->sink), 0);
    start(x, 20); /* all the same: told, and not sent */
    assert_int_equal(x->job[20].at, FLYING);
    AWAIT(x, x->job[20].at == DONE);
    assert_true(x->job[20].last.sick);
    assert_int_equal(x->job[20].last.http.fate, CLIENT_NOT_SENT);
    assert_non_null(strstr(x->job[20].error, "answered with 500"));
    assert_int_equal(x->calls, 8);
}

/* Those that wait for a place are not kept until it recovers. */
static void
what_waits_is_given_back_when_it_opens(void **state)
{
    struct ctx *x = *state;

    make(x, (struct sink_opts){.http = {.in_flight = 1}, .valve = {.probe = {60000, 60000, 0}}});
    x->status = 500;
    for (int i = 0; i < 40; i++)
        start(x, i);
    AWAIT(x, x->done == 40);
    assert_int_equal(x->calls, 8);
    for (int i = 8; i < 40; i++)
        assert_true(x->job[i].last.sick && x->job[i].last.http.fate == CLIENT_NOT_SENT);
}

static void
one_probe_and_then_all(void **state)
{
    struct ctx *x = *state;
    int calls;

    make(x, (struct sink_opts){.valve = {.limit_start = 2}});
    x->status = 500;
    hire(x, 40);
    AWAIT(x, mode(x) == VALVE_OPEN);
    AWAIT(x, sink_state(x->sink).in_flight == 0);
    x->status = 200;
    x->hold = true;
    calls = x->calls;
    AWAIT(x, x->holds);
    assert_int_equal(mode(x), VALVE_HALF_OPEN);
    assert_int_equal(sink_room(x->sink), 0);
    for (int64_t until = clk_mono_ms() + 100; clk_mono_ms() < until;) /* several probe times */
        loop_turn(x->loop, 10);
    assert_int_equal(x->calls, calls + 1);
    release(x);
    AWAIT(x, x->holds);
    assert_int_equal(mode(x), VALVE_CLOSED);
    assert_in_range(sink_state(x->sink).in_flight, 1, 2); /* it starts low again */
    x->hold = false;
    release(x);
    AWAIT(x, x->done == 40);
}

/* A peer that takes connections and ends them. */
struct closer {
    int fd;
    int conns;
};

static void
take_and_end(void *arg, int events)
{
    struct closer *c = arg;

    (void)events;
    close(accept(c->fd, NULL, NULL));
    c->conns++;
}

static void
few_connections_while_open(void **state)
{
    struct ctx *x = *state;
    struct closer c = {.fd = peer_listen(INADDR_LOOPBACK, 0)};
    struct loop_fd *watch = loop_watch(x->loop, c.fd, LOOP_READ, take_and_end, &c);
    int64_t began;
    int conns;

    snprintf(x->url, sizeof x->url, "http://127.0.0.1:%u/", peer_port(c.fd));
    make(x, (struct sink_opts){.valve = {.probe = {50, 100, 0}}});
    hire(x, JOBS);
    AWAIT(x, mode(x) == VALVE_OPEN && sink_state(x->sink).in_flight == 0);
    began = clk_mono_ms();
    conns = c.conns;
    AWAIT(x, c.conns >= conns + 5);
    assert_true(clk_mono_ms() - began >= 4 * 50); /* the first may have been due at once */
    assert_int_equal(x->done, 0);
    loop_unwatch(watch);
    close(c.fd);
}

static void
nobody_there_is_no_calls_fault(void **state)
{
    struct ctx *x = *state;
    int fd = peer_bind(INADDR_LOOPBACK, 0);

    snprintf(x->url, sizeof x->url, "http://127.0.0.1:%u/", peer_port(fd));
    make(x, (struct sink_opts){.valve = {.probe = {60000, 60000, 0}}});
    for (int i = 0; i < 8; i++)
        assert_int_equal(run(x, i)->last.sick, i > 0);
    assert_int_equal(mode(x), VALVE_OPEN);
    for (int n = 0; n < 2; n++) { /* and of a single call too: nothing saw it */
        make(x, (struct sink_opts){.valve = {.probe = {60000, 60000, 0}}});
        for (int i = 0; i < 8; i++)
            run(x, 0);
        assert_int_equal(mode(x), VALVE_OPEN);
    }
    close(fd);
}

static void
time_outs_open_it(void **state)
{
    struct ctx *x = *state;

    make(x, (struct sink_opts){.valve = {.limit_start = 8, .probe = {60000, 60000, 0}}});
    x->hold = true;
    x->timeout_ms = 200;
    for (int i = 0; i < 8; i++)
        start(x, i);
    AWAIT(x, x->done == 8);
    assert_int_equal(mode(x), VALVE_OPEN);
    assert_int_equal(x->job[0].last.http.cause, CLIENT_TIME_OUT);
    assert_int_equal(x->job[0].last.http.fate, CLIENT_UNKNOWN);
    release(x);
}

static void
no_such_host_pauses_at_once(void **state)
{
    struct ctx *x = *state;

    make(x, (struct sink_opts){.valve = {.probe = {60000, 60000, 0}}});
    snprintf(x->url, sizeof x->url, "http://nothing.invalid/");
    assert_true(run(x, 0)->last.sick);
    assert_int_equal(mode(x), VALVE_PAUSED);
    assert_int_equal(x->job[0].last.http.cause, CLIENT_NO_ADDRESS);
    path(x, "/call");
    sink_probe(x->sink); /* somebody says it is well */
    AWAIT(x, sink_room(x->sink) == 1);
    assert_int_equal(run(x, 1)->last.http.code, 200);
    assert_int_equal(mode(x), VALVE_CLOSED);
}

/* ---- how much ----------------------------------------------------------------------------------------------------- */

static void
limit_moves(void **state)
{
    struct ctx *x = *state;
    unsigned high;

    make(x, (struct sink_opts){.valve = {.limit_start = 2}, .http = {.in_flight = 16}});
    for (int n = 0; n < 5; n++) {
        hire(x, JOBS);
        AWAIT(x, x->done == JOBS);
    }
    high = sink_state(x->sink).limit;
    assert_true(high > 10);
    x->works = false;
    x->status = 429;
    for (int i = 0; i < 16; i++)
        start(x, i);
    AWAIT(x, sink_state(x->sink).in_flight == 0);
    for (int i = 0; i < 16; i++)
        start(x, i);
    AWAIT(x, sink_state(x->sink).in_flight == 0);
    assert_true(sink_state(x->sink).limit < high - 2);
}

/* From bucket and rate alone; `changed` comes when a call may begin, not over and over. */
static void
ceiling_per_second(void **state)
{
    struct ctx *x = *state;
    int64_t began;

    make(x, (struct sink_opts){.valve = {.per_s = 100, .limit_start = 64}});
    began = clk_mono_ms();
    hire(x, 40);
    assert_in_range(sink_state(x->sink).in_flight, 10, 30); /* 10, unless this machine is slow */
    AWAIT(x, x->done == 40);
    assert_true(clk_mono_ms() - began >= 290);
    assert_true(x->changes <= 32);
    x->works = false;
    sink_pace(x->sink, 1, 0);
    assert_int_equal(sink_room(x->sink), 1);
}

/* Beyond the ceiling they wait, without the owner's doing. */
static void
what_waits_goes_at_the_ceiling(void **state)
{
    struct ctx *x = *state;
    int64_t began = clk_mono_ms();

    make(x, (struct sink_opts){.valve = {.per_s = 100, .limit_start = 64}});
    for (int i = 0; i < 40; i++)
        start(x, i);
    assert_in_range(sink_state(x->sink).waiting, 10, 30);
    AWAIT(x, x->done == 40);
    assert_true(clk_mono_ms() - began >= 290);
}

static void
most_throttled_slows_all(void **state)
{
    struct ctx *x = *state;

    x->status = 503;
    x->retry = "30";
    for (int i = 0; i < 20; i++)
        run(x, i);
    assert_int_equal(mode(x), VALVE_OPEN);
    assert_non_null(strstr(sink_state(x->sink).reason, "fewer"));
    assert_in_range(sink_state(x->sink).next_probe_ms, 29000, 31000);
    assert_false(x->job[19].last.sick);
}

/* ---- told --------------------------------------------------------------------------------------------------------- */

static void
status_metrics_and_log_without_secrets(void **state)
{
    struct ctx *x = *state;
    struct buf b = buf_make(1 << 20);
    int log = memfd_create("log", 0);
    int err = dup(2);
    char text[8192] = "";
    json_t *root;

    path(x, "/key");
    x->secret = "right-0";
    make(x, (struct sink_opts){.auth = {.kind = AUTH_API_KEY, .secret = "wr0ng"},
                               .valve = {.probe = {60000, 60000, 0}}});
    dup2(log, 2);
    run(x, 0);
    sink_status(x->sink, &b);
    root = json_loadb(b.p, b.n, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "name")), "toko");
    assert_string_equal(json_string_value(json_object_get(root, "state")), "paused");
    assert_string_equal(json_string_value(json_object_get(root, "reason")),
                        "our credentials were answered with 401");
    assert_true(json_integer_value(json_object_get(root, "next_probe_ms")) > 50000);
    assert_int_equal(json_integer_value(json_object_get(root, "limit")), 4);
    assert_true(json_is_string(json_object_get(root, "since")));
    json_decref(root);
    metrics_write(x->metrics, &b);
    assert_non_null(strstr(b.p, "t_sink_state{state=\"paused\"} 1"));
    assert_non_null(strstr(b.p, "t_sink_state{state=\"closed\"} 0"));
    assert_non_null(strstr(b.p, "t_sink_answers_total{result=\"barred\"} 1"));
    assert_non_null(strstr(b.p, "t_sink_stops_total 1"));
    assert_int_equal(sink_secrets(x->sink, NULL, "right-0", NULL), RES_OK);
    run(x, 0);
    dup2(err, 2);
    close(err);
    assert_true(pread(log, text, sizeof text - 1, 0) > 0);
    close(log);
    assert_non_null(strstr(text, "level=error"));
    assert_non_null(strstr(text, "paused"));
    assert_non_null(strstr(text, "go on"));
    assert_null(strstr(text, "wr0ng"));
    assert_null(strstr(text, "right-0"));
    assert_null(strstr(b.p, "wr0ng"));
    buf_free(&b);
}

static void
free_drops_all_without_a_word(void **state)
{
    struct ctx *x = *state;

    make_oauth(x, (struct sink_opts){.http = {.in_flight = 2}});
    for (int i = 0; i < 6; i++)
        start(x, i); /* two wait for a token, four for a place */
    make_oauth(x, (struct sink_opts){.http = {.in_flight = 2}});
    x->hold = true;
    x->valid = 0;
    for (int i = 0; i < 6; i++)
        start(x, i);
    AWAIT(x, x->holds == 2);
    make(x, (struct sink_opts){.http = {.in_flight = 2}});
    for (int i = 0; i < 6; i++)
        assert_int_equal(x->job[i].answers, 0);
    release(x);
}

/* One that goes, one that waits, one that is given back: each is told of or refused, and nothing is left behind. */
static struct ctx *scarce;

static bool
use_once(void)
{
    struct ctx *x = scarce;
    struct sink_opts o = {
        .http = {.in_flight = 1}, .auth = {.kind = AUTH_BASIC, .id = "u", .secret = "s"}, .metrics = NULL};
    struct sink_call call = {.http = {.method = "POST", .url = x->url, .body = STR("{}")},
                             .key = STR("a"),
                             .fn = on_answer,
                             .arg = &x->job[0]};
    struct err e = {0};
    struct sink *s;
    bool ok = sink_new(x->loop, &o, &s, &e) == RES_OK;

    for (int i = 0; ok && i < 2; i++) {
        enum res res = sink_start(s, &call, &e);

        ok = res == RES_OK;
        if (!ok)
            assert_int_equal(res, RES_RETRY);
    }
    sink_free(s);
    return ok;
}

static void
out_of_memory(void **state)
{
    scarce = *state;
    if (!ALLOC_SEAM)
        skip();
    use_once(); /* what libraries keep for good */
    use_once();
    alloc_loop(use_once);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(answered),
        T(bad_calls_are_rejected_and_leave_no_trace),
        T(beyond_the_limit_they_wait_in_order),
        T(what_waits_goes_back_on_demand),
        T(bad_call_that_waited_is_answered),
        T(no_call_times_out_while_it_waits),
        T(changed_tells_that_there_is_room),
        T(poison_alone_does_not_open_it),
        T(failures_of_many_open_it),
        T(what_waits_is_given_back_when_it_opens),
        T(one_probe_and_then_all),
        T(few_connections_while_open),
        T(nobody_there_is_no_calls_fault),
        T(time_outs_open_it),
        T(no_such_host_pauses_at_once),
        T(limit_moves),
        T(ceiling_per_second),
        T(what_waits_goes_at_the_ceiling),
        T(most_throttled_slows_all),
        T(status_metrics_and_log_without_secrets),
        T(free_drops_all_without_a_word),
        T(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
