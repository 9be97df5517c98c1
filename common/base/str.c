#include "common/base/str.h"

#include <stdlib.h>

int
str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

char *
str_dup(struct str s)
{
    char *z = malloc(s.n + 1);

    if (!z)
        return NULL;
    if (s.n)
        memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    return z;
}

bool
str_keep(const char **z)
{
    bool had = *z != NULL;

    if (had)
        *z = str_dup(str_of(*z));
    return !had || *z;
}

bool
str_int(struct str s, int64_t *ret)
{
    size_t i = s.n && s.p[0] == '-';
    bool neg = i == 1;
    bool sure = s.n - i <= 18; /* digits that cannot overflow */
    int64_t v = 0;

    *ret = 0;
    if (i == s.n)
        return false;
    for (; i < s.n; i++) {
        int d = s.p[i] - '0';

        if (d < 0 || d > 9)
            return false;
        if (sure)
            v = v * 10 + (neg ? -d : d);
        else if (__builtin_mul_overflow(v, (int64_t)10, &v) ||
                 (neg ? __builtin_sub_overflow(v, (int64_t)d, &v)
                      : __builtin_add_overflow(v, (int64_t)d, &v)))
            return false;
    }
    *ret = v;
    return true;
}

struct str
str_dec(int64_t v, char tmp[STR_DEC])
{
    char *end = tmp + STR_DEC;
    char *p = end;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    for (; u >= 100; u /= 100)
        str_two(p -= 2, (unsigned)(u % 100));
    if (u >= 10)
        str_two(p -= 2, (unsigned)u);
    else
        *--p = (char)('0' + u);
    if (v < 0)
        *--p = '-';
    return (struct str){p, (size_t)(end - p)};
}

bool
str_has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    return false;
}

struct str
str_line(struct str *rest)
{
    const char *lf = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    struct str line = {rest->p, lf ? (size_t)(lf - rest->p) : rest->n};
    size_t used = line.n + (lf != NULL);

    *rest = (struct str){rest->p + used, rest->n - used};
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

struct str
str_no_bom(struct str text)
{
    const struct str bom = STR("\xef\xbb\xbf");

    return str_starts(text, bom) ? (struct str){text.p + bom.n, text.n - bom.n} : text;
}

uint64_t
str_hash(struct str s)
{
    uint64_t h = 14695981039346656037ULL;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 1099511628211ULL;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    return h ^ (h >> 33);
}
