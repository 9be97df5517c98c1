/* plain: the bytes of JSON strings, for what reads them in place: runs that need no look, and the parts of those that do.
 * Internal. */
#ifndef JSON_PLAIN_H
#define JSON_PLAIN_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The first byte from `p` on that needs a look: a quote, a backslash, a control character, a byte beyond ASCII. */
static inline const char *
plain_end(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x20);

    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* signed: bytes from 0x80 on are below 0x20 too */
        int hits = _mm_movemask_epi8(_mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)), _mm_cmplt_epi8(v, low)));

        if (hits)
            return p + __builtin_ctz((unsigned)hits);
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (signed char)*p >= 0x20)
        p++;
    return p;
}

/* The length of the UTF-8 sequence (RFC 3629: no overlong form, no surrogate, nothing past U+10FFFF) at `at`, which is
 * beyond ASCII; 0 when it is none. */
static inline unsigned
plain_wide(const char *at, const char *end)
{
    const unsigned char *p = (const unsigned char *)at;
    unsigned c = *p;
    unsigned n = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;

    if (!n || (size_t)(end - at) < n)
        return 0;
    for (unsigned i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* Four hex digits at `p`, -1 when they are none. */
static inline int
plain_hex4(const char *p)
{
    int v = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i], low = (char)(c | 0x20);

        if (!((c >= '0' && c <= '9') || (low >= 'a' && low <= 'f')))
            return -1;
        v = v << 4 | (c <= '9' ? c - '0' : low - 'a' + 10);
    }
    return v;
}

#endif
