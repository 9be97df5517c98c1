/* Patterns that say of each place what may stand there, such as ^[A-Z]{2}-[0-9]{4,8}$, need no regex engine: one set of
 * bytes for each place, and one for what may come behind the last. ASCII only, so that a byte is a code point. */
#include "common/json/schema_impl.h"

/* Reads a pattern; every part that is not understood ends it. */
struct reading {
    struct str rest;
    struct schema_walk walk;
    unsigned sets;
    bool open; /* the step before had no fixed count: it must be the last */
};

/* Some bytes, so many of them. */
struct step {
    uint64_t set[4];
    uint32_t min, max;
};

static void
put(struct step *step, unsigned char from, unsigned char to)
{
    for (unsigned c = from; c <= to; c++)
        step->set[c / 64] |= (uint64_t)1 << c % 64;
}

static char
peek(const struct reading *r)
{
    return r->rest.n ? r->rest.p[0] : '\0';
}

static char
take(struct reading *r)
{
    char c = peek(r);

    r->rest.p += r->rest.n > 0;
    r->rest.n -= r->rest.n > 0;
    return c;
}

static bool
is_mark(char c)
{
    return c > ' ' && c < 0x7f && strchr("^$\\.*+?()[]{}|/-", c);
}

/* A character that stands for itself, perhaps behind a backslash; 0 for anything else. */
static unsigned char
literal(struct reading *r, const char *special)
{
    char c = take(r);

    if (c == '\\')
        return is_mark(peek(r)) ? (unsigned char)take(r) : 0;
    return c >= ' ' && c < 0x7f && !strchr(special, c) ? (unsigned char)c : 0;
}

/* One character of a class, or a range. A hyphen stands for itself at either end, or behind a backslash. */
static bool
read_range(struct reading *r, struct step *step, bool first)
{
    bool hyphen = peek(r) == '-';
    unsigned char from = literal(r, "[]^");
    unsigned char to = from;

    if (hyphen && !first && peek(r) != ']')
        return false;
    if (!hyphen && r->rest.n > 1 && peek(r) == '-' && r->rest.p[1] != ']') {
        take(r);
        to = literal(r, "[]^-");
    }
    if (!from || to < from)
        return false;
    put(step, from, to);
    return true;
}

static bool
read_class(struct reading *r, struct step *step)
{
    for (bool first = true; peek(r) != ']'; first = false)
        if (!read_range(r, step, first))
            return false;
    return take(r) == ']';
}

static bool
read_number(struct reading *r, uint32_t *n)
{
    size_t digits = 0;

    for (*n = 0; peek(r) >= '0' && peek(r) <= '9'; digits++)
        *n = digits < 5 ? *n * 10 + (uint32_t)(take(r) - '0') : (take(r), UINT32_MAX);
    return digits > 0 && *n < UINT16_MAX;
}

static bool
read_count(struct reading *r, struct step *step)
{
    char c = peek(r);

    if (c != '*' && c != '+' && c != '?' && c != '{')
        return true;
    take(r);
    if (c != '{') {
        step->min = c == '+';
        step->max = c == '?' ? 1 : UINT32_MAX;
    } else {
        if (!read_number(r, &step->min))
            return false;
        step->max = step->min;
        if (peek(r) == ',') {
            take(r);
            step->max = UINT32_MAX;
            if (peek(r) != '}' && !read_number(r, &step->max))
                return false;
        }
        if (take(r) != '}' || step->max < step->min || step->max == 0)
            return false;
    }
    return !peek(r) || !strchr("*+?{", peek(r));
}

/* The bit of the step's set; 0 when there are more than eight. */
static uint8_t
bit_of(struct reading *r, const struct step *step)
{
    struct schema_walk *w = &r->walk;
    unsigned bit = 0;

    for (; bit < r->sets; bit++) {
        unsigned same = 0;

        while (same < 256 && (w->bit[same] >> bit & 1) == (step->set[same / 64] >> same % 64 & 1))
            same++;
        if (same == 256)
            return (uint8_t)(1u << bit);
    }
    if (bit == 8)
        return 0;
    r->sets++;
    for (unsigned c = 0; c < 256; c++)
        w->bit[c] |= (uint8_t)((step->set[c / 64] >> c % 64 & 1) << bit);
    return (uint8_t)(1u << bit);
}

static bool
read_atom(struct reading *r, struct step *step)
{
    unsigned char c;

    if (peek(r) == '[') {
        take(r);
        return peek(r) != ']' && read_class(r, step);
    }
    c = literal(r, "^$.*+?()[]{}|");
    if (c)
        put(step, c, c);
    return c != 0;
}

static bool
read_step(struct reading *r)
{
    struct schema_walk *w = &r->walk;
    struct step step = {.min = 1, .max = 1};
    uint8_t bit;

    if (r->open || !read_atom(r, &step) || !read_count(r, &step) || step.min > SCHEMA_PLACES - w->places)
        return false;
    bit = bit_of(r, &step);
    memset(w->place + w->places, bit, step.min);
    w->places += step.min;
    r->open = step.min < step.max;
    if (r->open) {
        w->rest = bit;
        w->more = step.max - step.min;
    }
    return bit != 0;
}

bool
schema_walk_read(struct str pattern, struct schema_walk *ret)
{
    struct reading r = {.rest = pattern};

    if (take(&r) != '^')
        return false;
    while (r.rest.n && !(r.rest.n == 1 && peek(&r) == '$'))
        if (!read_step(&r))
            return false;
    r.walk.tail = r.rest.n == 1;
    *ret = r.walk;
    return true;
}

bool
schema_walk_match(const struct schema_walk *w, struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    const unsigned char *end = p + (w->tail ? s.n : w->places);
    const uint8_t *place = w->place;
    uint8_t all = 1;

    if (s.n < w->places || (w->tail && s.n - w->places > w->more))
        return false;
    for (; place < w->place + w->places; place++, p++)
        all &= (w->bit[*p] & *place) != 0;
    while (p < end)
        all &= (w->bit[*p++] & w->rest) != 0;
    return all;
}
