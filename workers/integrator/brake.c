#include "workers/integrator/brake.h"

#include "common/base/caltime.h"

enum { DAY_MIN = 24 * 60, WEEK_MIN = 7 * DAY_MIN };

#define WEEK_US (7 * CALTIME_DAY)
#define CALL    INT64_C(1000000) /* one call in a bucket */

/* ---- reading windows -------------------------------------------------------------------------------------------- */

static struct str
trim(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (struct str){s.p + 1, s.n - 1};
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Takes what is before the next `mark` off `rest`. */
static struct str
cut(struct str *rest, char mark)
{
    const char *at = rest->n ? memchr(rest->p, mark, rest->n) : NULL;
    struct str head = {rest->p, at ? (size_t)(at - rest->p) : rest->n};

    *rest = at ? (struct str){at + 1, rest->n - head.n - 1} : STR_NULL;
    return head;
}

/* 0 for Monday; -1: no day. */
static int32_t
read_day(struct str name)
{
    static const char *const days[] = {"sen", "sel", "rab", "kam", "jum", "sab", "min"};

    for (int32_t i = 0; i < 7; i++)
        if (str_is(name, days[i]))
            return i;
    return -1;
}

/* "22:00" in minutes, to 24:00; -1: no time. */
static int32_t
read_time(struct str s)
{
    int64_t h;
    int64_t m;

    if (s.n != 5 || s.p[2] != ':' || s.p[0] < '0' || s.p[0] > '9' || s.p[3] < '0' || s.p[3] > '5' ||
        !str_int((struct str){s.p, 2}, &h) || !str_int((struct str){s.p + 3, 2}, &m) || h * 60 + m > DAY_MIN)
        return -1;
    return (int32_t)(h * 60 + m);
}

/* NULL, or what is wrong with it. */
static const char *
read_window(struct str text, struct brake_window *w)
{
    struct str times = text;
    int32_t day = read_day(cut(&times, ' '));
    struct str end = trim(times);
    int32_t from = read_time(trim(cut(&end, '-')));
    int32_t to = read_time(trim(end));

    if (day < 0)
        return "a window begins with a day: sen, sel, rab, kam, jum, sab or min";
    if (from < 0 || to < 0)
        return "after the day stand two times of a day such as 22:00-04:00";
    if (from == to || from == DAY_MIN)
        return "it has no length; a whole day is 00:00-24:00";
    if (to < from)
        to += DAY_MIN;
    *w = (struct brake_window){day * DAY_MIN + from, day * DAY_MIN + to};
    return NULL;
}

enum res
brake_parse(const char *text, struct brake_windows *ret, struct err *e)
{
    struct str rest = trim(str_of(text));
    const char *wrong = NULL;

    *ret = (struct brake_windows){.n = 0};
    while (rest.p && !wrong) {
        struct str one = trim(cut(&rest, ','));

        if (ret->n == BRAKE_WINDOWS)
            return err_set(e, RES_FATAL, "[integrator] maintenance has more than %d windows", BRAKE_WINDOWS);
        if (!one.n && !rest.p && !ret->n)
            break; /* nothing at all */
        wrong = read_window(one, &ret->w[ret->n++]);
        if (wrong)
            err_set(e, RES_FATAL, "[integrator] maintenance, window \"%.*s\": %s", STR_FMT(one), wrong);
    }
    return wrong ? RES_FATAL : RES_OK;
}

/* ---- in or out -------------------------------------------------------------------------------------------------- */

/* Microseconds since Monday 00:00 WIB. */
static int64_t
week_position(int64_t t_us)
{
    return (t_us + CALTIME_WIB + 3 * CALTIME_DAY) % WEEK_US; /* 1970-01-01 was a Thursday */
}

/* How long from `pos` on one of the windows holds without a gap to the next; 0 when none holds. */
static int64_t
held_for(const struct brake_windows *ws, int64_t pos)
{
    int64_t most = 0;

    for (unsigned i = 0; i < ws->n; i++) {
        int64_t length = (ws->w[i].to - ws->w[i].from) * CALTIME_MINUTE;
        int64_t since = (pos - ws->w[i].from * CALTIME_MINUTE + WEEK_US) % WEEK_US;

        if (since < length && length - since > most)
            most = length - since;
    }
    return most;
}

static int64_t
begins_in(const struct brake_windows *ws, int64_t pos)
{
    int64_t least = BRAKE_NEVER;

    for (unsigned i = 0; i < ws->n; i++) {
        int64_t left = (ws->w[i].from * CALTIME_MINUTE - pos + WEEK_US) % WEEK_US;

        if (left < least)
            least = left;
    }
    return least;
}

bool
brake_within(const struct brake_windows *ws, int64_t t_us, int64_t *change_us)
{
    int64_t pos = week_position(t_us);
    int64_t held = 0;
    int64_t more;

    /* one window may go on where another ends */
    while (held < WEEK_US && (more = held_for(ws, (pos + held) % WEEK_US)) > 0)
        held += more;
    if (held >= WEEK_US)
        *change_us = BRAKE_NEVER;
    else if (held)
        *change_us = t_us + held;
    else
        *change_us = ws->n ? t_us + begins_in(ws, pos) : BRAKE_NEVER;
    return held > 0;
}

/* ---- the ceiling ------------------------------------------------------------------------------------------------ */

int64_t
brake_burst(int64_t per_s)
{
    return per_s < 20 ? 1 : per_s / 10;
}

struct brake_bucket
brake_bucket(int64_t per_s, int64_t now_us)
{
    return (struct brake_bucket){per_s, brake_burst(per_s) * CALL, now_us};
}

static void
fill(struct brake_bucket *b, int64_t now_us)
{
    int64_t full = brake_burst(b->per_s) * CALL;
    int64_t past_us = now_us - b->at_us;

    if (past_us <= 0)
        return;
    b->at_us = now_us;
    if (past_us > (full - b->level) / b->per_s)
        b->level = full;
    else
        b->level += past_us * b->per_s;
}

int64_t
brake_tokens(struct brake_bucket *b, int64_t now_us)
{
    if (!b->per_s)
        return INT64_MAX;
    fill(b, now_us);
    return b->level > 0 ? b->level / CALL : 0;
}

void
brake_take(struct brake_bucket *b, int64_t now_us)
{
    if (!b->per_s)
        return;
    fill(b, now_us);
    b->level -= CALL;
}

int64_t
brake_wait_us(struct brake_bucket *b, int64_t now_us)
{
    int64_t half = brake_burst(b->per_s) / 2;
    int64_t missing;

    if (!b->per_s)
        return 0;
    fill(b, now_us);
    missing = (half ? half : 1) * CALL - b->level;
    return missing <= 0 ? 0 : (missing + b->per_s - 1) / b->per_s;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

enum brake_why
brake_look(const struct brake *b, int64_t now_us, int64_t *change_us)
{
    bool paused = b->paused && now_us < b->until_us;
    bool within = brake_within(&b->windows, now_us, change_us);

    if (paused && b->until_us < *change_us)
        *change_us = b->until_us;
    if (!b->read)
        return BRAKE_UNREAD;
    if (paused)
        return BRAKE_PAUSED;
    return within ? BRAKE_MAINTENANCE : BRAKE_NONE;
}

const char *
brake_name(enum brake_why why)
{
    static const char *const names[] = {"", "unread", "paused", "maintenance"};

    return names[why];
}
