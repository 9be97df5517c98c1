#include "common/http/sink.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/caltime.h"
#include "common/base/id.h"
#include "common/http/client_priv.h"
#include "common/http/sink_priv.h"

enum { TIME_OUT = 408, TOO_MANY = 429, UNAVAILABLE = 503 };

/* ---- lists ----------------------------------------------------------------------------------------------------- */

static void
push(struct flights *l, struct flight *f)
{
    f->after = NULL;
    *l->tail = f;
    l->tail = &f->after;
    l->n++;
}

static struct flight *
pop(struct flights *l)
{
    struct flight *f = l->head;

    l->head = f->after;
    if (!l->head)
        l->tail = &l->head;
    l->n--;
    return f;
}

/* ---- what an answer says --------------------------------------------------------------------------------------- */

static bool
is_expired(const struct sink *s, const struct client_answer *a)
{
    if (a->fate != CLIENT_ANSWERED)
        return false;
    for (const int *code = s->expired; *code; code++)
        if (a->code == *code)
            return true;
    return false;
}

static enum valve_sign
sign_of_code(const struct sink *s, const struct client_answer *a)
{
    if (is_expired(s, a))
        return VALVE_BARRED;
    if (a->code == TOO_MANY || (a->code == UNAVAILABLE && a->retry_after_s >= 0))
        return VALVE_THROTTLED;
    if (a->code == TIME_OUT || a->code >= 500)
        return VALVE_FAILED;
    return a->code >= 400 ? VALVE_REFUSED : VALVE_GOOD;
}

static enum valve_sign
sign_of(const struct sink *s, const struct client_answer *a)
{
    static const enum valve_sign sign[] = {
        [CLIENT_NO_ADDRESS] = VALVE_BARRED, [CLIENT_NO_CONNECT] = VALVE_UNREACHED,
        [CLIENT_TLS] = VALVE_BARRED,        [CLIENT_TIME_OUT] = VALVE_FAILED,
        [CLIENT_CUT] = VALVE_FAILED,        [CLIENT_OWN] = VALVE_NOTHING,
    };

    return a->fate == CLIENT_ANSWERED ? sign_of_code(s, a) : sign[a->cause];
}

/* ---- room ------------------------------------------------------------------------------------------------------ */

static void
call_soon(struct sink *s)
{
    if (!s->soon.slot)
        loop_timer_set(s->loop, &s->soon, 0);
}

/* Will be answered without having been sent. `error` is copied; NULL = the sink's own reason. */
static void
end_here(struct flight *f, bool sick, const char *error)
{
    f->sick = sick;
    f->error = error ? str_dup(str_of(error)) : NULL;
    push(&f->s->ending, f);
    call_soon(f->s);
}

static void send_kept(struct flight *f);

static unsigned
room_at(struct sink *s, int64_t now_ms)
{
    unsigned room = valve_room(&s->valve, now_ms);

    return room > s->queue.n ? room - s->queue.n : 0;
}

/* After anything that may change how much may go: sends what waits, wakes the owner, or sets the alarm. All by one reading
 * of the clock, else a place that comes about in between would be nobody's. */
static void
attend(struct sink *s)
{
    int64_t now = clk_mono_ms();
    bool room;
    int64_t wake;

    while (s->queue.head && valve_admit(&s->valve, now, &s->queue.head->pass))
        send_kept(pop(&s->queue));
    room = room_at(s, now) > 0;
    if (room && !s->told_room) {
        s->tell = true;
        call_soon(s);
    }
    s->told_room = room;
    if (room || s->wake.slot)
        return;
    wake = valve_wake_ms(&s->valve, now);
    if (wake > 0)
        loop_timer_set(s->loop, &s->wake, wake);
}

/* The mode is another: who waits is not kept waiting for nobody knows how long. */
static void
turned(struct sink *s, enum valve_mode before)
{
    tell_turn(s, before);
    loop_timer_stop(s->loop, &s->wake);
    s->tell = true;
    call_soon(s);
    while (s->valve.mode != VALVE_CLOSED && s->queue.head)
        end_here(pop(&s->queue), true, NULL);
}

/* ---- the end of a call ----------------------------------------------------------------------------------------- */

static void
finish(struct flight *f, const struct client_answer *ca, enum valve_sign sign)
{
    struct sink *s = f->s;
    enum valve_mode before = s->valve.mode;
    struct valve_seen seen = {clk_mono_ms(), f->key, sign};
    uint64_t random = sign == VALVE_GOOD ? 0 : id_random(); /* for the time of a probe; it is a system call */
    struct valve_verdict d = valve_answer(&s->valve, f->pass, seen, ca->retry_after_s, random);
    struct sink_answer a = {*ca, d.sick, d.alone, d.aside};

    tell_answer(s, sign, ca);
    if (s->valve.mode != VALVE_CLOSED && sign != VALVE_NOTHING && (d.turned || f->pass.probe))
        tell_reason(s, sign, ca);
    if (d.turned)
        turned(s, before);
    f->fn(f->arg, &a);
    flight_free(f);
    attend(s);
    tell_gauges(s);
}

/* A call that was refused for its token has done nothing: it may go once more with a fresh one. Not where others found
 * out meanwhile that fresh ones are refused too. */
static bool
worth_a_token(const struct flight *f, const struct client_answer *ca)
{
    const struct sink *s = f->s;

    return s->renews && !f->repeated && is_expired(s, ca) && (s->valve.mode == VALVE_CLOSED || f->pass.probe);
}

static void
on_answer(void *arg, const struct client_answer *ca)
{
    struct flight *f = arg;
    struct sink *s = f->s;

    if (worth_a_token(f, ca)) {
        auth_refused(s->auth, f->generation);
        f->repeated = true;
        send_kept(f);
        return;
    }
    finish(f, ca, sign_of(s, ca));
}

static void
on_token(void *arg, const struct auth_outcome *o)
{
    struct flight *f = arg;
    struct client_answer none = {
        .fate = CLIENT_NOT_SENT, .cause = CLIENT_OWN, .retry_after_s = -1, .error = o->why};

    if (o->ok)
        send_kept(f);
    else
        finish(f, &none, VALVE_BARRED);
}

static const char too_late_text[] = "not sent: it waited too long for a place or a token";

static bool
too_late(int64_t not_after_ms)
{
    return not_after_ms && clk_mono_ms() > not_after_ms;
}

/* The copied call, now or when there is a token. It has its place already. */
static void
send_kept(struct flight *f)
{
    struct sink *s = f->s;
    struct err e = {0};
    enum res res;

    if (too_late(f->not_after_ms)) {
        valve_cancel(&s->valve, f->pass);
        end_here(f, true, too_late_text);
        return;
    }

    if (auth_waits(s->auth)) {
        f->wait = (struct auth_wait){.fn = on_token, .arg = f};
        auth_await(s->auth, &f->wait);
        return;
    }
    res = flight_send(f, &f->call, on_answer, &e);
    if (!res)
        return;
    valve_cancel(&s->valve, f->pass);
    end_here(f, res == RES_RETRY, e.text);
}

/* ---- the loop's calls ------------------------------------------------------------------------------------------ */

static void
answer_here(struct flight *f)
{
    char text[SINK_REASON + 64];
    struct sink_answer a = {.http = {.fate = CLIENT_NOT_SENT, .cause = CLIENT_OWN, .retry_after_s = -1},
                            .sick = f->sick};

    snprintf(text, sizeof text, "not sent: %s", f->s->reason[0] ? f->s->reason : "the endpoint was not well");
    a.http.error = f->error ? f->error : text;
    tell_held(f->s);
    f->fn(f->arg, &a);
    flight_free(f);
}

/* What ends now; what ends while that is told waits for the next turn. */
static void
on_soon(void *arg)
{
    struct sink *s = arg;
    unsigned n = s->ending.n;
    bool tell;

    while (n-- && s->ending.head)
        answer_here(pop(&s->ending));
    attend(s);
    tell = s->tell;
    s->tell = false;
    if (tell && s->changed)
        s->changed(s->arg);
    if (s->ending.head)
        call_soon(s);
}

static void
on_wake(void *arg)
{
    struct sink *s = arg;
    enum valve_mode before = s->valve.mode;

    if (valve_tick(&s->valve, clk_mono_ms()))
        turned(s, before);
    attend(s);
    tell_gauges(s);
}

/* ---- what callers do ------------------------------------------------------------------------------------------- */

unsigned
sink_room(struct sink *s)
{
    return room_at(s, clk_mono_ms());
}

unsigned
sink_room_ahead(struct sink *s, unsigned ahead)
{
    unsigned room;

    if (s->valve.mode != VALVE_CLOSED)
        return sink_room(s);
    room = valve_room(&s->valve, clk_mono_ms()) + ahead;
    return room > s->queue.n ? room - s->queue.n : 0;
}

static const char returned_text[] = "not sent: no call is to begin";

void
sink_return(struct sink *s)
{
    while (s->queue.head)
        end_here(pop(&s->queue), true, returned_text);
}

enum res
sink_start(struct sink *s, const struct sink_call *call, struct err *e)
{
    struct valve_pass pass = {0};
    bool late = too_late(call->not_after_ms);
    bool goes = !late && !s->queue.head && valve_admit(&s->valve, clk_mono_ms(), &pass);
    struct flight *f;
    enum res res = flight_new(s, call, !goes || s->renews, &f, e);

    if (!res && goes && !s->renews)
        res = flight_send(f, &call->http, on_answer, e);
    if (res) {
        flight_free(f);
        if (goes)
            valve_cancel(&s->valve, pass);
        return res;
    }
    f->pass = pass;
    if (goes && s->renews)
        send_kept(f);
    else if (late)
        end_here(f, true, too_late_text);
    else if (!goes && s->valve.mode == VALVE_CLOSED)
        push(&s->queue, f);
    else if (!goes)
        end_here(f, true, NULL);
    attend(s);
    return RES_OK;
}

struct sink_state
sink_state(const struct sink *s)
{
    const struct valve *v = &s->valve;
    int64_t left = v->probe_at_ms - clk_mono_ms();

    return (struct sink_state){
        .mode = v->mode,
        .reason = s->reason,
        .since_us = s->since_us,
        .next_probe_ms = v->mode == VALVE_CLOSED  ? -1
                         : v->probing || left < 0 ? 0
                                                  : left,
        .limit = (unsigned)v->limit,
        .in_flight = v->in_flight,
        .waiting = s->queue.n,
    };
}

void
sink_probe(struct sink *s)
{
    if (s->valve.mode == VALVE_CLOSED)
        return;
    valve_probe_now(&s->valve, clk_mono_ms());
    loop_timer_set(s->loop, &s->wake, 0);
}

enum res
sink_secrets(struct sink *s, const char *id, const char *secret, struct err *e)
{
    enum res res = auth_secrets(s->auth, id, secret, e);

    if (!res)
        sink_probe(s);
    return res;
}

enum res
sink_reload(struct sink *s, struct err *e)
{
    struct client *fresh = NULL;
    enum res res = tls_check(&s->http, e);

    if (!res && s->renews)
        res = tls_check(&s->token_http, e);
    if (!res)
        res = client_new(s->loop, &s->http, &fresh, e);
    if (!res)
        res = auth_reload(s->auth, e);
    if (res) {
        client_free(fresh);
        return res;
    }
    client_succeed(fresh, s->client);
    s->client = fresh;
    sink_probe(s);
    return RES_OK;
}

void
sink_pace(struct sink *s, unsigned in_flight, double per_s)
{
    unsigned most = s->http.in_flight;

    valve_set(&s->valve, in_flight && in_flight < most ? in_flight : most, per_s);
    loop_timer_set(s->loop, &s->wake, 0);
}

/* ---- making and freeing ---------------------------------------------------------------------------------------- */

static enum res
take_expired(struct sink *s, const int *codes, struct err *e)
{
    static const int usual[] = {401, 403, 0};
    unsigned n = 0;

    for (codes = codes ? codes : usual; *codes; codes++) {
        if (n == SINK_EXPIRED - 1)
            return err_set(e, RES_FATAL, "at most %d codes may mean that credentials expired",
                           SINK_EXPIRED - 1);
        s->expired[n++] = *codes;
    }
    return RES_OK;
}

static enum res
take_opts(struct sink *s, const struct sink_opts *o, struct err *e)
{
    bool ok = client_opts_copy(&s->http, &o->http);

    ok &= client_opts_copy(&s->token_http, &o->auth.http);
    s->name = str_dup(str_of(o->name ? o->name : "endpoint"));
    s->http.in_flight = o->http.in_flight ? o->http.in_flight : 64;
    s->changed = o->changed;
    s->arg = o->arg;
    s->renews = o->auth.kind == AUTH_OAUTH2;
    return ok && s->name ? take_expired(s, o->expired, e) : err_set(e, RES_FATAL, "out of memory");
}

static enum res
open_parts(struct sink *s, const struct sink_opts *o, struct err *e)
{
    enum res res = tls_check(&s->http, e);

    if (!res && s->renews)
        res = tls_check(&s->token_http, e);
    if (!res)
        res = client_new(s->loop, &s->http, &s->client, e);
    if (!res)
        res = auth_new(s->loop, &o->auth, &s->auth, e);
    return res;
}

enum res
sink_new(struct loop *loop, const struct sink_opts *opts, struct sink **ret, struct err *e)
{
    struct sink *s = calloc(1, sizeof *s);
    struct valve_opts vo = opts->valve;
    enum res res;

    *ret = NULL;
    if (!s)
        return err_set(e, RES_FATAL, "out of memory");
    s->loop = loop;
    s->queue.tail = &s->queue.head;
    s->ending.tail = &s->ending.head;
    s->wake = (struct loop_timer){.fn = on_wake, .arg = s};
    s->soon = (struct loop_timer){.fn = on_soon, .arg = s};
    s->told_room = true;
    s->since_us = caltime_now();
    res = take_opts(s, opts, e);
    if (!res)
        res = open_parts(s, opts, e);
    if (res) {
        sink_free(s);
        return res;
    }
    vo.limit_max = s->http.in_flight;
    valve_init(&s->valve, &vo, clk_mono_ms());
    tell_metrics_new(s, opts->metrics, opts->metric_prefix);
    *ret = s;
    return RES_OK;
}

void
sink_free(struct sink *s)
{
    if (!s)
        return;
    auth_free(s->auth); /* forgets who waits: they are the flights' memory */
    client_free(s->client);
    while (s->all)
        flight_free(s->all);
    loop_timer_stop(s->loop, &s->wake);
    loop_timer_stop(s->loop, &s->soon);
    client_opts_drop(&s->http);
    client_opts_drop(&s->token_http);
    free(s->name);
    free(s);
}
