/* Credentials: header lines, and tokens from a token endpoint that is our own server, on a clock of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "common/http/auth.h"
#include "common/http/server.h"
#include "tests/unit/peer.h"

enum { WAITERS = 32 };

struct waiter {
    struct ctx *x;
    struct auth_wait w;
    int times;
    int order;
    bool ok, ours;
    char why[256];
    bool again; /* waits once more from inside the callback */
};

struct ctx {
    struct loop *loop;
    struct server *s;
    struct auth *a;
    int64_t now_us;
    char url[64];
    struct waiter waiter[WAITERS];
    int told;
    bool inside;

    /* the token endpoint */
    int asked;
    bool hold;
    struct server_req *held;
    int status;
    const char *answer; /* NULL = a good one, with the number of the request as token */
    char body[512];
    char authorization[256];
    char type[64];
};

/* ---- the token endpoint ------------------------------------------------------------------------------------------ */

static void
answer(struct ctx *x, struct server_req *req)
{
    char good[128];

    snprintf(good, sizeof good, "{\"access_token\":\"t%d\",\"token_type\":\"bearer\",\"expires_in\":1000}",
             x->asked);
    server_reply(req, x->status, "application/json", str_of(x->answer ? x->answer : good));
}

static void
on_token(void *arg, struct server_req *req)
{
    struct ctx *x = arg;

    x->asked++;
    snprintf(x->body, sizeof x->body, "%.*s", STR_FMT(server_body(req)));
    snprintf(x->authorization, sizeof x->authorization, "%.*s", STR_FMT(server_header(req, "authorization")));
    snprintf(x->type, sizeof x->type, "%.*s", STR_FMT(server_header(req, "content-type")));
    assert_null(x->held); /* one at a time */
    if (x->hold)
        x->held = req;
    else
        answer(x, req);
}

static void
let_go(struct ctx *x)
{
    struct server_req *req = x->held;

    x->held = NULL;
    answer(x, req);
}

static const struct server_route routes[] = {{"POST", "/token", on_token}, {NULL, NULL, NULL}};

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static void
told(void *arg, const struct auth_outcome *o)
{
    struct waiter *w = arg;

    assert_false(w->x->inside);
    w->times++;
    w->order = ++w->x->told;
    w->ok = o->ok;
    w->ours = o->ours;
    snprintf(w->why, sizeof w->why, "%s", o->why);
    if (w->again) {
        w->again = false;
        w->x->inside = true;
        auth_await(w->x->a, &w->w);
        w->x->inside = false;
    }
}

static struct waiter *
wait_for(struct ctx *x, int i)
{
    struct waiter *w = &x->waiter[i];

    *w = (struct waiter){.x = x, .w = {.fn = told, .arg = w}};
    x->inside = true;
    auth_await(x->a, &w->w);
    x->inside = false;
    return w;
}

#define AWAIT(x, condition)                                                                                  \
    do {                                                                                                     \
        int64_t end_ = clk_mono_ms() + 10000;                                                                \
        while (!(condition) && clk_mono_ms() < end_)                                                         \
            loop_turn((x)->loop, 10);                                                                        \
        assert_true(condition);                                                                              \
    } while (0)

static struct waiter *
get(struct ctx *x)
{
    struct waiter *w = wait_for(x, 0);

    AWAIT(x, w->times);
    assert_int_equal(w->times, 1);
    return w;
}

static void
make(struct ctx *x, struct auth_opts o)
{
    struct err e = {0};

    auth_free(x->a);
    o.kind = AUTH_OAUTH2;
    o.id = o.id ? o.id : "a client";
    o.secret = o.secret ? o.secret : "s&cret=:+";
    o.token_url = o.token_url ? o.token_url : x->url;
    o.clk = clk_fixed(&x->now_us);
    assert_int_equal(auth_new(x->loop, &o, &x->a, &e), RES_OK);
}

static int
setup(void **state)
{
    struct server_opts so = {.listen = "127.0.0.1:0", .body_max = 1000};
    struct ctx *x = calloc(1, sizeof *x);
    struct err e = {0};

    assert_int_equal(loop_new(&x->loop, &e), RES_OK);
    assert_int_equal(server_new(x->loop, &so, routes, x, &x->s, &e), RES_OK);
    snprintf(x->url, sizeof x->url, "http://127.0.0.1:%u/token", server_port(x->s));
    x->now_us = INT64_C(1700000000000000);
    x->status = 200;
    make(x, (struct auth_opts){0});
    *state = x;
    return 0;
}

static int
teardown(void **state)
{
    struct ctx *x = *state;

    auth_free(x->a);
    server_free(x->s);
    loop_free(x->loop);
    free(x);
    return 0;
}

/* ---- fixed credentials ------------------------------------------------------------------------------------------- */

static void
lines_of_fixed_credentials(void **state)
{
    static const struct {
        struct auth_opts o;
        const char *want;
    } row[] = {
        {{.kind = AUTH_NONE}, NULL},
        {{.kind = AUTH_API_KEY, .secret = "k1"}, "X-API-Key: k1"},
        {{.kind = AUTH_API_KEY, .secret = "k1", .header = "X-Kunci"}, "X-Kunci: k1"},
        {{.kind = AUTH_BEARER, .secret = "abc"}, "Authorization: Bearer abc"},
        {{.kind = AUTH_BASIC, .id = "Aladdin", .secret = "open sesame"},
         "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, /* RFC 7617, 2 */
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct ctx *x = *state;
        struct auth *a;

        assert_int_equal(auth_new(x->loop, &row[i].o, &a, NULL), RES_OK);
        assert_false(auth_waits(a));
        if (row[i].want)
            assert_string_equal(auth_header(a), row[i].want);
        else
            assert_null(auth_header(a));
        auth_free(a);
    }
}

static void
what_cannot_be_sent_is_refused(void **state)
{
    static const struct auth_opts bad[] = {
        {.kind = AUTH_API_KEY},
        {.kind = AUTH_API_KEY, .secret = "a\r\nX: hidden"},
        {.kind = AUTH_API_KEY, .secret = "hidden", .header = "A B"},
        {.kind = AUTH_API_KEY, .secret = "hidden", .header = ""},
        {.kind = AUTH_BEARER, .secret = ""},
        {.kind = AUTH_BASIC, .secret = "hidden"},
        {.kind = AUTH_BASIC, .id = "a:b", .secret = "hidden"},
        {.kind = AUTH_OAUTH2, .id = "a", .secret = "hidden"},
        {.kind = AUTH_OAUTH2, .id = "a", .secret = "hidden", .token_url = "ftp://127.0.0.1/"},
        {.kind = AUTH_OAUTH2, .secret = "hidden", .token_url = "http://127.0.0.1/"},
    };
    struct ctx *x = *state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct auth *a = x->a;
        struct err e = {0};

        assert_int_equal(auth_new(x->loop, &bad[i], &a, &e), RES_FATAL);
        assert_null(a);
        assert_true(e.text[0]);
        assert_null(strstr(e.text, "hidden"));
    }
}

static void
secrets_are_replaced(void **state)
{
    struct ctx *x = *state;
    struct auth_opts o = {.kind = AUTH_BASIC, .id = "u", .secret = "one"};
    struct auth *a;

    assert_int_equal(auth_new(x->loop, &o, &a, NULL), RES_OK);
    assert_int_equal(auth_secrets(a, NULL, "open sesame", NULL), RES_OK);
    assert_string_equal(auth_header(a), "Authorization: Basic dTpvcGVuIHNlc2FtZQ==");
    assert_int_equal(auth_secrets(a, "Aladdin", "open sesame", NULL), RES_OK);
    assert_string_equal(auth_header(a), "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_int_equal(auth_secrets(a, NULL, "a\nb", NULL), RES_FATAL);
    assert_string_equal(auth_header(a), "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    auth_free(a);
}

/* ---- the token request ------------------------------------------------------------------------------------------- */

static void
asks_as_the_rfc_says(void **state)
{
    struct ctx *x = *state;

    assert_true(auth_waits(x->a));
    assert_null(auth_header(x->a));
    assert_true(get(x)->ok);
    assert_string_equal(x->type, "application/x-www-form-urlencoded");
    assert_string_equal(x->body, "grant_type=client_credentials");
    /* a+client:s%26cret%3D%3A%2B */
    assert_string_equal(x->authorization, "Basic YStjbGllbnQ6cyUyNmNyZXQlM0QlM0ElMkI=");
    assert_string_equal(auth_header(x->a), "Authorization: Bearer t1");
    make(x, (struct auth_opts){.secret_in_body = true, .scope = "tulis baca"});
    assert_true(get(x)->ok);
    assert_string_equal(x->authorization, "");
    assert_string_equal(x->body,
                        "grant_type=client_credentials&scope=tulis+baca&client_id=a+client&client_secret="
                        "s%26cret%3D%3A%2B");
}

static void
many_wait_for_one_request_in_order(void **state)
{
    struct ctx *x = *state;

    x->hold = true;
    for (int i = 0; i < WAITERS; i++)
        wait_for(x, i);
    AWAIT(x, x->held);
    auth_unwait(x->a, &x->waiter[5].w);
    auth_unwait(x->a, &x->waiter[WAITERS - 1].w);
    auth_unwait(x->a, &x->waiter[0].w);
    let_go(x);
    AWAIT(x, x->told == WAITERS - 3);
    assert_int_equal(x->asked, 1);
    for (int i = 1, order = 0; i < WAITERS - 1; i++)
        if (i != 5)
            assert_int_equal(x->waiter[i].order, ++order);
    assert_int_equal(x->waiter[5].times, 0);
}

static void
renewed_before_it_expires(void **state)
{
    static const struct {
        int life_s, early_s;
    } row[] = {{1000, 940}, {600, 540}, {100, 90}, {3600, 3540}};
    struct ctx *x = *state;
    char text[128];

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        make(x, (struct auth_opts){0});
        x->asked = 0;
        x->hold = false;
        snprintf(text, sizeof text, "{\"access_token\":\"old\",\"token_type\":\"Bearer\",\"expires_in\":%d}",
                 row[i].life_s);
        x->answer = text;
        assert_true(get(x)->ok);
        x->hold = true;
        x->now_us += (row[i].early_s * INT64_C(1000) - 1) * 1000;
        assert_string_equal(auth_header(x->a), "Authorization: Bearer old");
        loop_turn(x->loop, 1);
        x->now_us += 1000;
        for (int n = 0; n < 10; n++) /* used on, and one request beside */
            assert_string_equal(auth_header(x->a), "Authorization: Bearer old");
        AWAIT(x, x->held);
        assert_int_equal(x->asked, 2);
        x->answer = NULL;
        let_go(x);
        AWAIT(x, auth_generation(x->a) == 2);
        assert_string_equal(auth_header(x->a), "Authorization: Bearer t2");
    }
}

/* One that fails beside is not asked for again at once, and the token is used to its end. */
static void
failed_renewal_leaves_the_old_to_its_end(void **state)
{
    struct ctx *x = *state;

    assert_true(get(x)->ok);
    x->status = 503;
    x->now_us += 950 * INT64_C(1000000);
    assert_string_equal(auth_header(x->a), "Authorization: Bearer t1");
    AWAIT(x, auth_facts(x->a).failed == 1);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(auth_header(x->a), "Authorization: Bearer t1");
        loop_turn(x->loop, 1);
    }
    assert_int_equal(auth_facts(x->a).asked, 2);
    x->now_us += 30 * INT64_C(1000000); /* longer than the first wait */
    assert_string_equal(auth_header(x->a), "Authorization: Bearer t1");
    AWAIT(x, auth_facts(x->a).failed == 2);
    assert_int_equal(auth_facts(x->a).expires_s, 20);
    x->now_us += 20 * INT64_C(1000000);
    assert_null(auth_header(x->a));
    assert_true(auth_waits(x->a));
    assert_int_equal(auth_facts(x->a).expires_s, 0);
}

static void
refused_token_is_dropped_once(void **state)
{
    struct ctx *x = *state;
    unsigned first;

    assert_true(get(x)->ok);
    first = auth_generation(x->a);
    auth_refused(x->a, first);
    assert_null(auth_header(x->a));
    assert_true(get(x)->ok);
    auth_refused(x->a, first); /* of another call that went with the first */
    assert_string_equal(auth_header(x->a), "Authorization: Bearer t2");
    assert_int_equal(x->asked, 2);
}

static void
why_there_is_none(void **state)
{
    static const struct {
        int status;
        const char *answer;
        bool ours;
        const char *says;
    } row[] = {
        {400, "{\"error\":\"invalid_client\",\"error_description\":\"hidden\"}", true, "400 invalid_client"},
        {401, "{\"error\":\"hidden SECRET\"}", true, "answered with 401"},
        {403, "", true, "answered with 403"},
        {404, "", false, "answered with 404"},
        {500, "{}", false, "answered with 500"},
        {302, "", false, "answered with 302"},
        {200, "hidden", false, "no JSON object"},
        {200, "[]", false, "no JSON object"},
        {200, "{\"access_token\":\"hidden\",\"token_type\":\"mac\"}", false, "not Bearer"},
        {200, "{\"access_token\":\"hidden\"}", false, "not Bearer"},
        {200, "{\"access_token\":\"hidden\\r\\nX: y\",\"token_type\":\"bearer\"}", false, "no access_token"},
        {200, "{\"access_token\":\"\",\"token_type\":\"bearer\"}", false, "no access_token"},
        {200, "{\"access_token\":7,\"token_type\":\"bearer\"}", false, "no access_token"},
    };
    struct ctx *x = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct waiter *w;

        x->status = row[i].status;
        x->answer = row[i].answer;
        w = get(x);
        assert_false(w->ok);
        assert_int_equal(w->ours, row[i].ours);
        assert_non_null(strstr(w->why, row[i].says));
        assert_null(strstr(w->why, "hidden"));
        assert_null(strstr(w->why, "cret"));
        assert_int_equal(auth_facts(x->a).expires_s, -1);
    }
}

static void
token_endpoint_that_is_away_is_an_outage(void **state)
{
    struct ctx *x = *state;
    int fd = peer_bind(INADDR_LOOPBACK, 0);
    char url[96];
    struct waiter *w;

    snprintf(url, sizeof url, "http://127.0.0.1:%u/?client_secret=hidden", peer_port(fd));
    make(x, (struct auth_opts){.token_url = url});
    w = get(x);
    assert_false(w->ok || w->ours);
    assert_non_null(strstr(w->why, "not answered"));
    assert_null(strstr(w->why, "hidden"));
    close(fd);
}

static void
life_that_is_told_in_other_ways(void **state)
{
    static const struct {
        const char *expires;
        int64_t want;
    } row[] = {{"", 300},
               {",\"expires_in\":\"120\"", 120},
               {",\"expires_in\":90.9", 90},
               {",\"expires_in\":-5", 300},
               {",\"expires_in\":0", 300},
               {",\"expires_in\":null", 300},
               {",\"expires_in\":\"soon\"", 300},
               {",\"expires_in\":1e300", 10 * 365 * 86400},
               {",\"expires_in\":9223372036854775807", 10 * 365 * 86400}};
    struct ctx *x = *state;
    char text[128];

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        make(x, (struct auth_opts){0});
        snprintf(text, sizeof text, "{\"access_token\":\"a\",\"token_type\":\"Bearer\"%s}", row[i].expires);
        x->answer = text;
        assert_true(get(x)->ok);
        assert_int_equal(auth_facts(x->a).expires_s, row[i].want);
    }
}

/* Asked with the old secret while it was replaced: nobody hears of that failure. */
static void
secrets_replaced_while_asking(void **state)
{
    struct ctx *x = *state;
    struct waiter *w;

    x->hold = true;
    w = wait_for(x, 0);
    AWAIT(x, x->held);
    assert_int_equal(auth_secrets(x->a, "b", "c", NULL), RES_OK);
    x->status = 401;
    let_go(x);
    AWAIT(x, x->held);
    assert_int_equal(w->times, 0);
    assert_string_equal(x->authorization, "Basic Yjpj");
    x->status = 200;
    let_go(x);
    AWAIT(x, w->times);
    assert_true(w->ok);
}

static void
who_waits_again_inside_is_told_of_the_next(void **state)
{
    struct ctx *x = *state;
    struct waiter *w;

    x->status = 401;
    w = wait_for(x, 0);
    w->again = true;
    AWAIT(x, w->times == 2);
    assert_int_equal(x->asked, 2);
}

static void
reload_keeps_the_request_under_way(void **state)
{
    struct ctx *x = *state;
    struct waiter *w;

    x->hold = true;
    w = wait_for(x, 0);
    AWAIT(x, x->held);
    for (int i = 0; i < 3; i++)
        assert_int_equal(auth_reload(x->a, NULL), RES_OK);
    let_go(x);
    AWAIT(x, w->times);
    assert_true(w->ok);
    x->hold = false;
    auth_refused(x->a, auth_generation(x->a));
    assert_true(get(x)->ok); /* by the new one */
}

static void
free_tells_nobody(void **state)
{
    struct ctx *x = *state;
    struct waiter *w;

    x->hold = true;
    w = wait_for(x, 0);
    AWAIT(x, x->held);
    assert_int_equal(auth_reload(x->a, NULL), RES_OK);
    auth_free(x->a);
    x->a = NULL;
    assert_int_equal(w->times, 0);
    let_go(x);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(lines_of_fixed_credentials),
        T(what_cannot_be_sent_is_refused),
        T(secrets_are_replaced),
        T(asks_as_the_rfc_says),
        T(many_wait_for_one_request_in_order),
        T(renewed_before_it_expires),
        T(failed_renewal_leaves_the_old_to_its_end),
        T(refused_token_is_dropped_once),
        T(why_there_is_none),
        T(token_endpoint_that_is_away_is_an_outage),
        T(life_that_is_told_in_other_ways),
        T(secrets_replaced_while_asking),
        T(who_waits_again_inside_is_told_of_the_next),
        T(reload_keeps_the_request_under_way),
        T(free_tells_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
