/* plain: the run of bytes in a JSON string that need no look. Internal. */
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

#endif
