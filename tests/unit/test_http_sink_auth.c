/* The sink where credentials expire, are wrong, or cannot be had: no job is lost, none is counted against. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/test_http_sink.h"

static void
refused_token_is_renewed_once_for_all(void **state)
{
    static const int code[] = {401, 403};
    struct ctx *x = *state;

    for (int n = 0; n < 2; n++) {
        x->granted = x->tokens = 0;
        x->refusal = code[n];
        make_oauth(x, (struct sink_opts){.valve = {.limit_start = 30}});
        hire(x, 30);
        AWAIT(x, x->done == 30);
        assert_int_equal(x->tokens, 1);
        x->valid = 2; /* the first has expired */
        hire(x, 30);
        AWAIT(x, x->done == 30);
        assert_int_equal(x->tokens, 2);
        assert_int_equal(mode(x), VALVE_CLOSED);
        for (int i = 0; i < 30; i++)
            assert_true(x->job[i].answers == 1 && good(&x->job[i].last));
    }
}

/* In the middle of a run, at any moment of it: nothing is lost, nothing counts as an attempt. */
static void
token_expires_in_the_middle(void **state)
{
    struct ctx *x = *state;

    make_oauth(x, (struct sink_opts){.http = {.in_flight = 8}});
    hire(x, JOBS);
    for (int at = 10; at < JOBS; at += 10) {
        AWAIT(x, x->done >= at);
        x->valid++;
    }
    AWAIT(x, x->done == JOBS);
    assert_in_range(x->tokens, x->valid - 1, x->valid); /* the last may have come too late to be met */
    for (int i = 0; i < JOBS; i++)
        assert_true(x->job[i].answers == 1 && x->job[i].attempts == 0);
}

/* A fresh token is refused as well: one repeat, then the pause; no token request per call. */
static void
fresh_token_refused_pauses(void **state)
{
    struct ctx *x = *state;

    make_oauth(x, (struct sink_opts){.valve = {.limit_start = 10, .probe = {60000, 60000, 0}}});
    x->valid = 1000;
    for (int i = 0; i < 10; i++)
        start(x, i);
    AWAIT(x, x->done == 10);
    assert_int_equal(mode(x), VALVE_PAUSED);
    assert_int_equal(x->tokens, 2);
    assert_int_equal(x->calls, 20);
    for (int i = 0; i < 10; i++)
        assert_true(x->job[i].last.sick && x->job[i].last.http.code == 401);
    assert_non_null(strstr(sink_state(x->sink).reason, "401"));
    assert_int_equal(sink_room(x->sink), 0);
}

static void
wrong_credentials_pause_and_nothing_is_lost(void **state)
{
    struct ctx *x = *state;
    int calls;

    path(x, "/key");
    x->secret = "right-0";
    make(x, (struct sink_opts){.auth = {.kind = AUTH_API_KEY, .secret = "wrong-0"},
                               .valve = {.probe = {50, 100, 0}}});
    hire(x, 40);
    AWAIT(x, mode(x) == VALVE_PAUSED && sink_state(x->sink).in_flight == 0);
    assert_true(x->calls <= 4); /* what was under way: no call is repeated */
    calls = x->calls;
    AWAIT(x, x->calls >= calls + 6); /* probes */
    assert_int_equal(x->done, 0);
    assert_true(x->job[0].asides > 0); /* another's turn to probe */
    assert_int_equal(sink_secrets(x->sink, NULL, "right-0", NULL), RES_OK);
    AWAIT(x, x->done == 40);
    assert_int_equal(mode(x), VALVE_CLOSED);
    assert_string_equal(sink_state(x->sink).reason, "");
    for (int i = 0; i < 40; i++)
        assert_int_equal(x->job[i].attempts, 0);
}

static void
no_token_pauses(void **state)
{
    struct ctx *x = *state;
    int tokens;

    x->secret = "other";
    make_oauth(x, (struct sink_opts){.valve = {.limit_start = 10}});
    hire(x, 30);
    AWAIT(x, mode(x) == VALVE_PAUSED);
    assert_int_equal(x->tokens, 1);
    assert_int_equal(x->calls, 0);
    assert_non_null(strstr(sink_state(x->sink).reason, "token request was answered with 401"));
    tokens = x->tokens;
    AWAIT(x, x->tokens >= tokens + 3);
    assert_int_equal(sink_secrets(x->sink, NULL, "other", NULL), RES_OK);
    AWAIT(x, x->done == 30);
    for (int i = 0; i < 30; i++)
        assert_int_equal(x->job[i].attempts, 0);
}

/* Other codes may mean it, and then 401 may not. */
static void
codes_that_mean_expired_are_settings(void **state)
{
    static const int codes[] = {419, 0};
    struct ctx *x = *state;

    make_oauth(x, (struct sink_opts){.expired = codes});
    x->refusal = 419;
    run(x, 0);
    x->valid = 2;
    assert_int_equal(run(x, 1)->last.http.code, 200);
    x->refusal = 401;
    x->valid = 3;
    assert_int_equal(run(x, 2)->last.http.code, 401);
    assert_false(x->job[2].last.sick);
    assert_int_equal(x->tokens, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(refused_token_is_renewed_once_for_all),
        T(token_expires_in_the_middle),
        T(fresh_token_refused_pauses),
        T(wrong_credentials_pause_and_nothing_is_lost),
        T(no_token_pauses),
        T(codes_that_mean_expired_are_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
