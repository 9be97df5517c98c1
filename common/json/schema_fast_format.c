#include "common/json/schema_fast_format.h"

enum {
    HEX = 1, /* 0-9 a-f A-F */
    ALPHA = 2,
    LABEL = 4,  /* of a host name: letters, digits, hyphen */
    ATEXT = 8,  /* of RFC 5321 */
    HOST = 16,  /* unreserved of RFC 3986 */
    PCHAR = 32, /* what path and query may have: pchar without "%", "/", "?" */
    SCHEME = 64,
    NUMBER = 128
};

#define LETTER (ALPHA | LABEL | ATEXT | HOST | PCHAR | SCHEME)

static const uint8_t kind[256] = {
    ['0' ... '9'] = NUMBER | HEX | LABEL | ATEXT | HOST | PCHAR | SCHEME,
    ['a' ... 'f'] = HEX | LETTER,
    ['g' ... 'z'] = LETTER,
    ['A' ... 'F'] = HEX | LETTER,
    ['G' ... 'Z'] = LETTER,
    ['-'] = LABEL | ATEXT | HOST | PCHAR | SCHEME,
    ['.'] = HOST | PCHAR | SCHEME,
    ['_'] = ATEXT | HOST | PCHAR,
    ['~'] = ATEXT | HOST | PCHAR,
    ['!'] = ATEXT | PCHAR,
    ['#'] = ATEXT,
    ['$'] = ATEXT | PCHAR,
    ['%'] = ATEXT,
    ['&'] = ATEXT | PCHAR,
    ['\''] = ATEXT | PCHAR,
    ['('] = PCHAR,
    [')'] = PCHAR,
    ['*'] = ATEXT | PCHAR,
    ['+'] = ATEXT | PCHAR | SCHEME,
    [','] = PCHAR,
    ['/'] = ATEXT | PCHAR,
    [':'] = PCHAR,
    [';'] = PCHAR,
    ['='] = ATEXT | PCHAR,
    ['?'] = ATEXT | PCHAR,
    ['@'] = PCHAR,
    ['^'] = ATEXT,
    ['`'] = ATEXT,
    ['{'] = ATEXT,
    ['|'] = ATEXT,
    ['}'] = ATEXT,
};

static const struct {
    const char *name;
    schema_fast_format_fn fn;
} known[] = {
    {"date", schema_fast_format_date},         {"date-time", schema_fast_format_date_time},
    {"uuid", schema_fast_format_uuid},         {"ipv4", schema_fast_format_ipv4},
    {"hostname", schema_fast_format_hostname}, {"email", schema_fast_format_email},
    {"uri", schema_fast_format_uri},
};

schema_fast_format_fn
schema_fast_format_find(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].fn;
    return NULL;
}

static enum fast_answer
answer(bool yes)
{
    return yes ? FAST_YES : FAST_UNSURE;
}

static bool
is(char c, unsigned what)
{
    return kind[(unsigned char)c] & what;
}

/* The number of two digits, or 100. */
static unsigned
two(const char *p)
{
    unsigned a = (unsigned)(unsigned char)p[0] - '0';
    unsigned b = (unsigned)(unsigned char)p[1] - '0';

    return a > 9 || b > 9 ? 100 : a * 10 + b;
}

/* "YYYY-MM-DD" at `p`. */
static bool
full_date(const char *p)
{
    static const uint8_t days[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned century = two(p);
    unsigned year = two(p + 2);
    unsigned month = two(p + 5);
    unsigned day = two(p + 8);

    if (century > 99 || year > 99 || month - 1 > 11 || day - 1 > 30 || p[4] != '-' || p[7] != '-')
        return false;
    if (day > 28 && (day > days[month] || (month == 2 && (year ? year : century) % 4)))
        return false;
    return true;
}

enum fast_answer
schema_fast_format_date(struct str s)
{
    return answer(s.n == 10 && full_date(s.p));
}

/* "HH:MM" at `p`. */
static bool
hour_minute(const char *p)
{
    return two(p) < 24 && p[2] == ':' && two(p + 3) < 60;
}

enum fast_answer
schema_fast_format_date_time(struct str s)
{
    size_t i = 19;

    if (s.n < 20 || !full_date(s.p) || (s.p[10] | 0x20) != 't' || !hour_minute(s.p + 11) || s.p[16] != ':' ||
        two(s.p + 17) > 59)
        return FAST_UNSURE;
    if (s.p[i] == '.') {
        for (i++; i < s.n && is(s.p[i], NUMBER); i++)
            ;
        if (i == 20)
            return FAST_UNSURE;
    }
    if (s.n - i == 1)
        return answer((s.p[i] | 0x20) == 'z');
    return answer(s.n - i == 6 && (s.p[i] == '+' || s.p[i] == '-') && hour_minute(s.p + i + 1));
}

enum fast_answer
schema_fast_format_uuid(struct str s)
{
    static const uint8_t at[] = {0,  1,  2,  3,  4,  5,  6,  7,  9,  10, 11, 12, 14, 15, 16, 17,
                                 19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35};
    unsigned all = HEX;

    if (s.n != 36 || s.p[8] != '-' || s.p[13] != '-' || s.p[18] != '-' || s.p[23] != '-')
        return FAST_UNSURE;
    for (size_t i = 0; i < sizeof at; i++)
        all &= kind[(unsigned char)s.p[at[i]]];
    return answer(all);
}

/* One number of an address at `*i`, moved past. */
static bool
octet(struct str s, size_t *i)
{
    size_t from = *i;
    unsigned v = 0;

    for (; *i < s.n && *i - from < 3 && is(s.p[*i], NUMBER); ++*i)
        v = v * 10 + (unsigned)(s.p[*i] - '0');
    return *i > from && v < 256 && (*i == from + 1 || s.p[from] != '0');
}

enum fast_answer
schema_fast_format_ipv4(struct str s)
{
    size_t i = 0;

    for (int k = 0; k < 4; k++) {
        if (k && (i >= s.n || s.p[i++] != '.'))
            return FAST_UNSURE;
        if (!octet(s, &i))
            return FAST_UNSURE;
    }
    return answer(i == s.n);
}

/* A label of n bytes, all of them LABEL. One with hyphens in the third and fourth place may be an A-label. */
static bool
plain_label(const char *p, size_t n)
{
    return n - 1 < 63 && p[0] != '-' && p[n - 1] != '-' && !(n > 3 && p[2] == '-' && p[3] == '-');
}

enum fast_answer
schema_fast_format_hostname(struct str s)
{
    size_t from = 0;

    if (s.n - 1 > 252) /* none wraps round */
        return FAST_UNSURE;
    for (size_t i = 0; i < s.n; i++) {
        if (is(s.p[i], LABEL))
            continue;
        if (s.p[i] != '.' || !plain_label(s.p + from, i - from))
            return FAST_UNSURE;
        from = i + 1;
    }
    return answer(from < s.n && plain_label(s.p + from, s.n - from));
}

enum fast_answer
schema_fast_format_email(struct str s)
{
    size_t i = 0;

    for (; i < s.n && s.p[i] != '@'; i++)
        if (!is(s.p[i], ATEXT) && !(s.p[i] == '.' && i && s.p[i - 1] != '.'))
            return FAST_UNSURE;
    if (i - 1 > 63 || i >= s.n || s.p[i - 1] == '.') /* no local part wraps round */
        return FAST_UNSURE;
    return schema_fast_format_hostname((struct str){s.p + i + 1, s.n - i - 1});
}

/* Host and perhaps port from `*i` on, moved past. */
static bool
host_port(struct str s, size_t *i)
{
    size_t from = *i;

    while (*i < s.n && is(s.p[*i], HOST))
        ++*i;
    if (*i == from)
        return false;
    if (*i < s.n && s.p[*i] == ':')
        do
            ++*i;
        while (*i < s.n && is(s.p[*i], NUMBER));
    return *i == s.n || s.p[*i] == '/' || s.p[*i] == '?' || s.p[*i] == '#';
}

/* Path, query and fragment: everything from `i` on. */
static bool
hier_rest(struct str s, size_t i)
{
    bool fragment = false;

    for (; i < s.n; i++) {
        if (is(s.p[i], PCHAR))
            continue;
        if (s.p[i] == '#' && !fragment) {
            fragment = true;
        } else if (s.p[i] == '%' && s.n - i > 2 && is(s.p[i + 1], HEX) && is(s.p[i + 2], HEX)) {
            i += 2;
        } else {
            return false;
        }
    }
    return true;
}

enum fast_answer
schema_fast_format_uri(struct str s)
{
    size_t i = 0;

    while (i < s.n && is(s.p[i], SCHEME))
        i++;
    if (!i || !is(s.p[0], ALPHA) || i == s.n || s.p[i] != ':')
        return FAST_UNSURE;
    i++;
    if (s.n - i >= 2 && s.p[i] == '/' && s.p[i + 1] == '/') {
        i += 2;
        if (!host_port(s, &i))
            return FAST_UNSURE;
    }
    return answer(hier_rest(s, i));
}
