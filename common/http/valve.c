#include "common/http/valve.h"

#include <string.h>

/* ---- settings -------------------------------------------------------------------------------------------------- */

static unsigned
or_default(unsigned n, unsigned otherwise)
{
    return n ? n : otherwise;
}

static int64_t
or_default_ms(int64_t ms, int64_t otherwise)
{
    return ms > 0 ? ms : otherwise;
}

static void
set_defaults(struct valve_opts *o)
{
    o->limit_max = or_default(o->limit_max, 64);
    o->limit_min = or_default(o->limit_min, 1);
    o->limit_start = or_default(o->limit_start, 4);
    o->open_after = or_default(o->open_after, 8);
    o->open_keys = or_default(o->open_keys, 3);
    o->window_min = or_default(o->window_min, 20);
    o->window_ms = or_default_ms(o->window_ms, 30000);
    o->probe.min_ms = or_default_ms(o->probe.min_ms, 1000);
    o->probe.max_ms = or_default_ms(o->probe.max_ms, 30000);
    o->probe.retry_after_max_ms = or_default_ms(o->probe.retry_after_max_ms, 300000);
    if (o->open_keys > VALVE_RUN_KEYS)
        o->open_keys = VALVE_RUN_KEYS;
}

/* The limit, held between its ends; the lower one gives way. */
static void
set_limit(struct valve *v, double limit)
{
    if (limit < v->opts.limit_min)
        limit = v->opts.limit_min;
    if (limit > v->opts.limit_max)
        limit = v->opts.limit_max;
    v->limit = limit;
}

/* A tenth of a second's calls may go at once, one at least. */
static double
burst(const struct valve *v)
{
    return v->opts.per_s > 10 ? v->opts.per_s / 10 : 1;
}

void
valve_init(struct valve *v, const struct valve_opts *opts, int64_t now_ms)
{
    memset(v, 0, sizeof *v);
    v->opts = *opts;
    set_defaults(&v->opts);
    set_limit(v, v->opts.limit_start);
    v->tokens = burst(v);
    v->tokens_ms = now_ms;
}

void
valve_set(struct valve *v, unsigned limit_max, double per_s)
{
    v->opts.limit_max = or_default(limit_max, 64);
    v->opts.per_s = per_s;
    set_limit(v, v->limit);
    if (v->tokens > burst(v))
        v->tokens = burst(v);
}

const char *
valve_mode_name(enum valve_mode mode)
{
    static const char *const name[] = {"closed", "half-open", "open", "paused"};

    return name[mode];
}

/* ---- room ------------------------------------------------------------------------------------------------------ */

static void
fill_tokens(struct valve *v, int64_t now_ms)
{
    if (now_ms > v->tokens_ms)
        v->tokens += (double)(now_ms - v->tokens_ms) * v->opts.per_s / 1000;
    v->tokens_ms = now_ms;
    if (v->tokens > burst(v))
        v->tokens = burst(v);
}

static bool
probe_due(const struct valve *v, int64_t now_ms)
{
    return !v->probing && now_ms >= v->probe_at_ms;
}

unsigned
valve_room(struct valve *v, int64_t now_ms)
{
    unsigned limit = (unsigned)v->limit;
    unsigned room = limit > v->in_flight ? limit - v->in_flight : 0;

    if (v->mode != VALVE_CLOSED)
        return probe_due(v, now_ms);
    if (!room || v->opts.per_s <= 0)
        return room;
    fill_tokens(v, now_ms);
    return v->tokens < room ? (unsigned)v->tokens : room;
}

bool
valve_admit(struct valve *v, int64_t now_ms, struct valve_pass *pass)
{
    if (!valve_room(v, now_ms))
        return false;
    *pass = (struct valve_pass){.seq = ++v->seq, .probe = v->mode != VALVE_CLOSED};
    v->probing |= pass->probe;
    v->in_flight++;
    if (v->opts.per_s > 0 && !pass->probe)
        v->tokens -= 1;
    return true;
}

void
valve_cancel(struct valve *v, struct valve_pass pass)
{
    v->in_flight--;
    if (pass.probe)
        v->probing = false;
}

bool
valve_tick(struct valve *v, int64_t now_ms)
{
    if (v->mode != VALVE_OPEN || now_ms < v->probe_at_ms)
        return false;
    v->mode = VALVE_HALF_OPEN;
    return true;
}

int64_t
valve_wake_ms(struct valve *v, int64_t now_ms)
{
    double lack;

    if (v->mode != VALVE_CLOSED)
        return v->probing || now_ms >= v->probe_at_ms ? -1 : v->probe_at_ms - now_ms;
    if (v->opts.per_s <= 0 || (unsigned)v->limit <= v->in_flight)
        return -1;
    fill_tokens(v, now_ms);
    lack = 1 - v->tokens;
    return lack <= 0 ? -1 : 1 + (int64_t)(lack * 1000 / v->opts.per_s);
}

void
valve_probe_now(struct valve *v, int64_t now_ms)
{
    v->probe_at_ms = now_ms;
}

/* ---- evidence -------------------------------------------------------------------------------------------------- */

static bool
well(enum valve_sign sign)
{
    return sign == VALVE_GOOD || sign == VALVE_REFUSED;
}

static bool
failure(enum valve_sign sign)
{
    return sign == VALVE_FAILED || sign == VALVE_UNREACHED;
}

static void
run_ends(struct valve *v)
{
    v->run = v->run_unreached = v->run_keys = 0;
}

static bool
add_key(uint64_t *keys, unsigned *n, uint64_t key)
{
    for (unsigned i = 0; i < *n; i++)
        if (keys[i] == key)
            return false;
    if (*n < VALVE_RUN_KEYS)
        keys[(*n)++] = key;
    return true;
}

static void
remember(struct valve *v, const struct valve_seen *what)
{
    if (what->sign == VALVE_NOTHING)
        return;
    v->seen[v->seen_n++ % VALVE_SEEN] = *what;
    if (failure(what->sign)) {
        v->run++;
        v->run_unreached += what->sign == VALVE_UNREACHED;
        add_key(v->run_key, &v->run_keys, what->key);
    } else if (what->sign != VALVE_BARRED) {
        run_ends(v);
    }
}

/* Answers in the window; `others` leaves those of `key` out. */
struct tally {
    unsigned all, well, throttled, failed;
    unsigned keys; /* different ones among the failed, up to VALVE_RUN_KEYS */
};

static struct tally
count(const struct valve *v, const struct valve_seen *now, bool others)
{
    unsigned n = v->seen_n < VALVE_SEEN ? v->seen_n : VALVE_SEEN;
    uint64_t key[VALVE_RUN_KEYS];
    struct tally t = {0};

    for (unsigned i = 0; i < n; i++) {
        const struct valve_seen *s = &v->seen[i];

        if (now->at_ms - s->at_ms > v->opts.window_ms || (others && s->key == now->key))
            continue;
        t.all++;
        t.well += well(s->sign);
        t.throttled += s->sign == VALVE_THROTTLED;
        t.failed += failure(s->sign);
        if (failure(s->sign) && t.keys < v->opts.open_keys)
            add_key(key, &t.keys, s->key);
    }
    return t;
}

/* Where the endpoint saw nothing of the calls, none of them can be the poison: no different keys are asked for. */
static bool
must_open(const struct valve *v, const struct valve_seen *what)
{
    const struct valve_opts *o = &v->opts;
    struct tally t;

    if (v->run >= o->open_after && (v->run_keys >= o->open_keys || v->run_unreached >= o->open_after))
        return true;
    t = count(v, what, false);
    return t.all >= o->window_min && t.failed * 2 >= t.all && t.keys >= o->open_keys;
}

static bool
must_slow(const struct valve *v, const struct valve_seen *what)
{
    struct tally t = count(v, what, false);

    return t.all >= v->opts.window_min && t.throttled * 2 > t.all;
}

/* ---- the limit ------------------------------------------------------------------------------------------------- */

/* Proportional decrease (as DCTCP, RFC 8257): the more of the answers are bad the more it shrinks, by half when all are;
 * once per round trip, since a call that was under way at the last shrinking says nothing new. */
static void
shrink(struct valve *v, struct valve_pass pass)
{
    v->bad += (1 - v->bad) / 16;
    if (pass.seq <= v->shrunk_at)
        return;
    v->shrunk_at = v->seq;
    set_limit(v, v->limit * (1 - v->bad / 2));
}

/* One more for each limit's worth of answers, where the limit is what held calls back. */
static void
grow(struct valve *v)
{
    v->bad -= v->bad / 16;
    if ((v->in_flight + 1) * 2 > (unsigned)v->limit)
        set_limit(v, v->limit + 1 / (double)(unsigned)v->limit);
}

static void
adapt(struct valve *v, struct valve_pass pass, enum valve_sign sign)
{
    if (sign == VALVE_GOOD)
        grow(v);
    else if (sign == VALVE_THROTTLED || failure(sign))
        shrink(v, pass);
}

/* ---- modes ----------------------------------------------------------------------------------------------------- */

/* `retry_after_s` is a floor, and so is the shortest time between probes. */
static void
probe_later(struct valve *v, int64_t now_ms, int64_t retry_after_s, uint64_t random)
{
    v->probe_at_ms =
        now_ms + v->opts.probe.min_ms + backoff_ms(&v->opts.probe, v->probes, retry_after_s, random);
}

static void
close_again(struct valve *v, int64_t now_ms)
{
    v->mode = VALVE_CLOSED;
    v->probes = 0;
    v->probe_key = 0;
    v->throttled = false;
    v->seen_n = 0; /* what was before is no evidence of what is */
    v->bad = 0;
    v->shrunk_at = v->closed_at = v->seq;
    run_ends(v);
    if (v->limit > v->opts.limit_start)
        set_limit(v, v->opts.limit_start);
    v->tokens = 0;
    v->tokens_ms = now_ms;
}

static void
probe_failed(struct valve *v, const struct valve_seen *what, int64_t retry_after_s, uint64_t random)
{
    if (v->mode == VALVE_HALF_OPEN)
        v->mode = VALVE_OPEN;
    if (what->sign == VALVE_BARRED)
        v->mode = VALVE_PAUSED;
    v->throttled = what->sign == VALVE_THROTTLED && v->mode == VALVE_OPEN;
    v->probes++;
    v->probe_key = what->key;
    probe_later(v, what->at_ms, retry_after_s, random);
}

static void
after_probe(struct valve *v, const struct valve_seen *what, int64_t retry_after_s, uint64_t random)
{
    v->probing = false;
    if (well(what->sign))
        close_again(v, what->at_ms);
    else if (what->sign == VALVE_NOTHING)
        v->probe_at_ms = what->at_ms + v->opts.probe.min_ms;
    else
        probe_failed(v, what, retry_after_s, random);
}

static void
while_closed(struct valve *v, struct valve_pass pass, const struct valve_seen *what, int64_t retry_after_s,
             uint64_t random)
{
    adapt(v, pass, what->sign);
    if (what->sign == VALVE_BARRED)
        v->mode = VALVE_PAUSED;
    else if ((failure(what->sign) && must_open(v, what)) ||
             (what->sign == VALVE_THROTTLED && must_slow(v, what)))
        v->mode = VALVE_OPEN;
    if (v->mode == VALVE_CLOSED)
        return;
    v->throttled = what->sign == VALVE_THROTTLED;
    probe_later(v, what->at_ms, v->throttled ? retry_after_s : -1, random);
}

/* ---- an answer ------------------------------------------------------------------------------------------------- */

/* `fresh`: it began and ended while calls flowed. A throttled call was well received then. */
static bool
is_sick(const struct valve *v, const struct valve_seen *what, bool fresh)
{
    struct tally others;

    if (well(what->sign) || what->sign == VALVE_NOTHING)
        return false;
    if (what->sign == VALVE_BARRED || !fresh)
        return true;
    if (what->sign == VALVE_THROTTLED)
        return false;
    if (v->mode != VALVE_CLOSED)
        return true;
    others = count(v, what, true);
    return what->sign == VALVE_UNREACHED && others.failed && others.well * 2 <= others.all;
}

struct valve_verdict
valve_answer(struct valve *v, struct valve_pass pass, struct valve_seen what, int64_t retry_after_s,
             uint64_t random)
{
    enum valve_mode before = v->mode;
    struct valve_verdict d = {.aside = pass.probe && v->probes && v->probe_key == what.key};
    bool fresh = before == VALVE_CLOSED && pass.seq > v->closed_at;
    struct tally others;

    v->in_flight--;
    if (pass.probe) {
        after_probe(v, &what, retry_after_s, random);
    } else if (fresh) {
        remember(v, &what);
        while_closed(v, pass, &what, retry_after_s, random);
    }
    d.turned = v->mode != before;
    d.sick = is_sick(v, &what, fresh);
    d.aside &= d.sick;
    if (what.sign == VALVE_FAILED) {
        others = count(v, &what, true);
        d.alone = others.well * 2 > others.all;
    }
    return d;
}
