#include <stdio.h>

#include "common/base/caltime.h"
#include "common/base/log.h"
#include "common/http/sink_priv.h"

/* ---- metrics --------------------------------------------------------------------------------------------------- */

static struct metric *
series(struct metrics *ms, enum metric_kind kind, const char *prefix, const char *name, const char *label,
       const char *help)
{
    char full[128];

    snprintf(full, sizeof full, "%s_%s", prefix, name);
    return metric(ms, kind, full, label, help);
}

void
tell_metrics_new(struct sink *s, struct metrics *ms, const char *p)
{
    static const char *const result[SINK_RESULTS] = {"good",      "refused", "throttled", "failed",
                                                     "unreached", "barred",  "own",       "held"};
    char label[64];

    s->counts = ms != NULL;
    if (!ms)
        return;
    for (unsigned i = 0; i < SINK_RESULTS; i++) {
        snprintf(label, sizeof label, "result=\"%s\"", result[i]);
        s->m.result[i] =
            series(ms, METRIC_COUNTER, p, "answers", label, "Calls by what their end says of the endpoint");
    }
    for (unsigned i = 0; i <= VALVE_PAUSED; i++) {
        snprintf(label, sizeof label, "state=\"%s\"", valve_mode_name((enum valve_mode)i));
        s->m.mode[i] = series(ms, METRIC_GAUGE, p, "state", label, "1 for the state that the endpoint is in");
    }
    s->m.seconds = series(ms, METRIC_HISTOGRAM, p, "call_seconds", "", "Time from sending a call to its end");
    s->m.limit = series(ms, METRIC_GAUGE, p, "limit", "", "Calls that may be under way at once, now");
    s->m.in_flight = series(ms, METRIC_GAUGE, p, "in_flight", "", "Calls under way");
    s->m.waiting = series(ms, METRIC_GAUGE, p, "waiting", "", "Calls that wait for room");
    s->m.stops =
        series(ms, METRIC_COUNTER, p, "stops", "", "Times that calling was stopped: opened or paused");
    s->m.tokens = series(ms, METRIC_COUNTER, p, "token_requests", "", "Requests for an access token");
    s->m.token_failures =
        series(ms, METRIC_COUNTER, p, "token_failures", "", "Requests for an access token that gave none");
    metric_set(s->m.mode[s->valve.mode], 1);
    tell_gauges(s);
}

void
tell_answer(struct sink *s, enum valve_sign sign, const struct client_answer *a)
{
    if (!s->counts)
        return;
    metric_add(s->m.result[sign], 1);
    if (a->fate != CLIENT_NOT_SENT)
        metric_observe(s->m.seconds, (double)a->took_us / 1e6);
}

void
tell_held(struct sink *s)
{
    if (s->counts)
        metric_add(s->m.result[SINK_RESULTS - 1], 1);
}

void
tell_gauges(struct sink *s)
{
    struct auth_facts f;

    if (!s->counts)
        return;
    metric_set(s->m.limit, (unsigned)s->valve.limit);
    metric_set(s->m.in_flight, s->valve.in_flight);
    metric_set(s->m.waiting, s->queue.n);
    if (!s->renews)
        return;
    f = auth_facts(s->auth);
    metric_add(s->m.tokens, f.asked - s->facts.asked);
    metric_add(s->m.token_failures, f.failed - s->facts.failed);
    s->facts = f;
}

/* ---- the reason ------------------------------------------------------------------------------------------------ */

void
tell_reason(struct sink *s, enum valve_sign sign, const struct client_answer *a)
{
    const struct valve *v = &s->valve;
    char last[SINK_REASON - 80];

    if (a->fate != CLIENT_ANSWERED)
        snprintf(last, sizeof last, "%s", a->error);
    else if (sign == VALVE_BARRED)
        snprintf(last, sizeof last, "our credentials were answered with %d", a->code);
    else
        snprintf(last, sizeof last, "answered with %d", a->code);
    if (v->probes)
        snprintf(s->reason, sizeof s->reason, "%s (%u probes failed)", last, v->probes);
    else if (v->throttled)
        snprintf(s->reason, sizeof s->reason, "most answers ask for fewer calls, the last: %s", last);
    else if (v->mode == VALVE_OPEN)
        snprintf(s->reason, sizeof s->reason, "too many failures, the last: %s", last);
    else
        snprintf(s->reason, sizeof s->reason, "%s", last);
}

/* ---- the mode -------------------------------------------------------------------------------------------------- */

static void
log_turn(const struct sink *s, enum valve_mode before)
{
    enum valve_mode now = s->valve.mode;

    if (now == VALVE_CLOSED)
        log_info("calls to the endpoint go on", LOG_Z("endpoint", s->name));
    else if (now == VALVE_PAUSED)
        log_error("calls to the endpoint are paused until it is mended", LOG_Z("endpoint", s->name),
                  LOG_Z("reason", s->reason), LOG_I("probe_in_ms", sink_state(s).next_probe_ms));
    else if (before == VALVE_CLOSED)
        log_error("calls to the endpoint are stopped until it recovers", LOG_Z("endpoint", s->name),
                  LOG_Z("reason", s->reason), LOG_I("probe_in_ms", sink_state(s).next_probe_ms));
    else
        log_debug("the endpoint is probed", LOG_Z("endpoint", s->name), LOG_Z("state", valve_mode_name(now)),
                  LOG_Z("reason", s->reason), LOG_I("probe_in_ms", sink_state(s).next_probe_ms));
}

void
tell_turn(struct sink *s, enum valve_mode before)
{
    enum valve_mode now = s->valve.mode;

    if (now == VALVE_CLOSED)
        s->reason[0] = '\0';
    if ((now == VALVE_CLOSED) != (before == VALVE_CLOSED))
        s->since_us = caltime_now();
    log_turn(s, before);
    if (!s->counts)
        return;
    metric_set(s->m.mode[before], 0);
    metric_set(s->m.mode[now], 1);
    if (before == VALVE_CLOSED)
        metric_add(s->m.stops, 1);
}

/* ---- the status page ------------------------------------------------------------------------------------------- */

static void
put_int(struct buf *b, const char *name, int64_t v)
{
    buf_printf(b, ",\"%s\":%lld", name, (long long)v);
}

static void
put_z(struct buf *b, const char *name, const char *z)
{
    buf_printf(b, ",\"%s\":", name);
    buf_json(b, str_of(z));
}

void
sink_status(const struct sink *s, struct buf *b)
{
    struct sink_state st = sink_state(s);
    char since[CALTIME_TEXT];

    caltime_format(st.since_us, since);
    buf_z(b, "{\"name\":");
    buf_json(b, str_of(s->name));
    put_z(b, "state", valve_mode_name(st.mode));
    put_z(b, "reason", st.reason);
    put_z(b, "since", since);
    if (st.mode != VALVE_CLOSED)
        put_int(b, "next_probe_ms", st.next_probe_ms);
    put_int(b, "limit", st.limit);
    put_int(b, "limit_max", s->valve.opts.limit_max);
    put_int(b, "in_flight", st.in_flight);
    put_int(b, "waiting", st.waiting);
    buf_printf(b, ",\"per_s\":%g", s->valve.opts.per_s);
    if (s->renews)
        put_int(b, "token_expires_s", auth_facts(s->auth).expires_s);
    buf_char(b, '}');
}
