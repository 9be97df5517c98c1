/* str: a slice of bytes that somebody else owns. Not NUL-terminated; `p` may be NULL when `n` is 0. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(lit)   ((struct str){"" lit, sizeof(lit) - 1})
#define STR_NULL   ((struct str){NULL, 0})
#define STR_FMT(s) (int)(s).n, (s).n ? (s).p : "" /* for "%.*s" */

static inline struct str
str_of(const char *z)
{
    return (struct str){z, z ? strlen(z) : 0};
}

static inline bool
str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || (a.p && b.p && memcmp(a.p, b.p, a.n) == 0));
}

static inline bool
str_is(struct str a, const char *z)
{
    return str_eq(a, str_of(z));
}

static inline bool
str_starts(struct str a, struct str head)
{
    return a.n >= head.n && (head.n == 0 || memcmp(a.p, head.p, head.n) == 0);
}

static inline bool
str_ends(struct str a, struct str tail)
{
    return a.n >= tail.n && (tail.n == 0 || memcmp(a.p + a.n - tail.n, tail.p, tail.n) == 0);
}

/* The value of a hexadecimal digit, -1 of anything else. */
static inline int
str_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Byte order, shorter first on a tie: the order that row locks are taken in. */
int str_cmp(struct str a, struct str b);

/* A NUL-terminated copy for the caller to free, or NULL when memory is out. */
char *str_dup(struct str s);

/* Replaces a text that is somebody else's by a copy for the caller to free; NULL stays. False, and NULL, when memory is
 * out. */
bool str_keep(const char **z);

/* The whole of `s` as a decimal number; false on junk, overflow or nothing. `*ret` is set to 0 on failure. */
bool str_int(struct str s, int64_t *ret);

/* Two digits of a number below 100, at `p`. */
static inline void
str_two(char *p, unsigned v)
{
    p[0] = (char)('0' + v / 10);
    p[1] = (char)('0' + v % 10);
}

/* The number in decimal; the text lives in `tmp`. */
enum { STR_DEC = 24 };
struct str str_dec(int64_t v, char tmp[STR_DEC]);

/* Whether it holds a control character of ASCII. */
bool str_has_control(struct str s);

/* Takes the next line off `rest` and returns it without its LF or CRLF. */
struct str str_line(struct str *rest);

/* A text without the byte order mark that spreadsheets write before it. */
struct str str_no_bom(struct str text);

/* A well-mixed 64-bit hash: FNV-1a, then the finaliser of MurmurHash3. The same on every machine and version. */
uint64_t str_hash(struct str s);

#endif
