#include "common/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct buf
buf_make(size_t max)
{
    return (struct buf){.max = max};
}

void
buf_free(struct buf *b)
{
    if (!b)
        return;
    free(b->p);
    *b = buf_make(b->max);
}

void
buf_reset(struct buf *b)
{
    b->n = 0;
    b->failed = false;
    if (b->p)
        b->p[0] = '\0';
}

static bool
buf_grow(struct buf *b, size_t want)
{
    size_t cap = b->cap ? b->cap : 128;
    char *p;

    while (cap < want)
        cap *= 2;
    p = realloc(b->p, cap);
    if (!p)
        return false;
    b->p = p;
    b->cap = cap;
    return true;
}

char *
buf_room(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (n > b->max - b->n || (b->n + n + 1 > b->cap && !buf_grow(b, b->n + n + 1))) {
        b->failed = true;
        return NULL;
    }
    return b->p + b->n;
}

void
buf_add_slow(struct buf *b, const void *p, size_t n)
{
    char *to = buf_room(b, n);

    if (!to)
        return;
    if (n)
        memcpy(to, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void
buf_int(struct buf *b, int64_t v)
{
    char tmp[STR_DEC];

    buf_str(b, str_dec(v, tmp));
}

/* Once, where there is room already, which is the rule; else again where room was made. */
void
buf_printf(struct buf *b, const char *fmt, ...)
{
    char *end = b->p && !b->failed && b->n <= b->max ? b->p + b->n : NULL;
    size_t left = end ? b->cap - b->n : 0;
    va_list ap;
    va_list again;
    char *to;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(end, left, fmt, ap);
    va_end(ap);
    to = n < 0 ? NULL : buf_room(b, (size_t)n);
    if (to && (size_t)n >= left)
        vsnprintf(to, (size_t)n + 1, fmt, again);
    va_end(again);
    if (to)
        b->n += (size_t)n;
    else if (left)
        *end = '\0'; /* as it was */
}

static bool
is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* Where the first byte is that must be escaped, or the end. Eight at a time: in each test the top bit of a byte tells, and
 * what a borrow from the byte below can add, lies behind the first. */
static size_t
plain_run(struct str s, size_t i)
{
    const uint64_t ones = UINT64_MAX / 255;
    const uint64_t tops = ones << 7;

    for (; s.n - i >= 8; i += 8) {
        uint64_t v;
        uint64_t quote;
        uint64_t slash;

        memcpy(&v, s.p + i, 8);
        quote = v ^ (ones * '"');
        slash = v ^ (ones * '\\');
        if ((((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & tops)
            break;
    }
    while (i < s.n && is_plain(s.p[i]))
        i++;
    return i;
}

void
buf_json(struct buf *b, struct str s)
{
    buf_char(b, '"');
    for (size_t from = 0; from < s.n;) {
        size_t i = plain_run(s, from);

        buf_add(b, s.p + from, i - from);
        from = i + 1;
        if (i == s.n)
            break;
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_printf(b, "\\%c", s.p[i]);
        else
            buf_printf(b, "\\u%04x", s.p[i]);
    }
    buf_char(b, '"');
}

char *
buf_steal(struct buf *b)
{
    char *p;

    buf_add(b, "", 0);
    p = b->failed ? NULL : b->p;
    if (p)
        b->p = NULL;
    buf_free(b);
    return p;
}

void
buf_pointer(struct buf *b, struct str token)
{
    buf_char(b, '/');
    for (size_t i = 0; i < token.n; i++) {
        if (token.p[i] == '~' || token.p[i] == '/')
            buf_z(b, token.p[i] == '~' ? "~0" : "~1");
        else
            buf_char(b, token.p[i]);
    }
}

bool
buf_pointer_next(struct str *pointer, struct buf *token)
{
    size_t i = 1;

    buf_reset(token);
    if (!pointer->n || pointer->p[0] != '/')
        return false;
    for (; i < pointer->n && pointer->p[i] != '/'; i++) {
        char c = pointer->p[i];

        if (c == '~') {
            if (++i == pointer->n || (pointer->p[i] != '0' && pointer->p[i] != '1'))
                return false;
            c = pointer->p[i] == '0' ? '~' : '/';
        }
        buf_char(token, c);
    }
    buf_add(token, "", 0); /* so that an empty token is a string too */
    *pointer = (struct str){pointer->p + i, pointer->n - i};
    return !token->failed;
}

void
buf_member_text(struct buf *b, struct str key, struct str s)
{
    if (!s.p)
        return;
    buf_str(b, key);
    buf_json(b, s);
}
