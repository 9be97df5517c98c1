/* schema_dfa: an ECMA-262 pattern, as JSON Schema's `pattern` means it, compiled into a table of states over the bytes
 * of UTF-8. It shares nothing with the translation for PCRE2 (schema_ecma.c), so that each can be held against the other.
 *
 * The search is unanchored, `^` and `$` are the very ends of the text, one step is one code point; \d and \w are ASCII,
 * \s is white space as ECMA-262 has it, `.` is all but \n, \r, U+2028, U+2029. A lone `{`, `}` or `]` is literal.
 * Refused: look-around, back references, \b, \p other than Any and ASCII, all that ECMA-262 does not have. */
#ifndef JSON_SCHEMA_DFA_H
#define JSON_SCHEMA_DFA_H

#include "common/base/err.h"
#include "common/base/str.h"

enum {
    SCHEMA_DFA_STATES = 4096,      /* what 0 stands for */
    SCHEMA_DFA_MAX_STATES = 32767, /* a greater `max_states` is taken as this */
    SCHEMA_DFA_BRIEF = 61          /* bytes of a brief text */
};

/* How schema_dfa_match goes about it. */
enum schema_dfa_how {
    SCHEMA_DFA_CHAIN, /* which bytes may stand where does not depend on the text: no state is kept */
    SCHEMA_DFA_SHIFT, /* at most ten states: the state is a shift count, the table one word for each byte */
    SCHEMA_DFA_PAIRS, /* two bytes a step */
    SCHEMA_DFA_TABLE  /* one byte a step */
};

/* What a loop needs that runs the states itself; read it, change nothing. A state is the offset of its row in `next`.
 * Row 0 is the state that can never match, the next row the one that has matched whatever follows. Only at the end of
 * a code point does schema_dfa_final mean something. */
struct schema_dfa {
    const uint16_t *next; /* next[state + cls[byte]] is the state after the byte */
    uint32_t start;
    uint32_t accept;      /* the state that has matched whatever follows */
    uint32_t first_final; /* states from here on match when the text ends here */
    uint8_t cls[256];
    uint32_t nclass; /* columns of a row */
    uint32_t states; /* rows */
    enum schema_dfa_how how;
    /* of schema_dfa_match alone */
    uint32_t fast_start, fast_accept, fast_final; /* the same as offsets in `pair`, or shift counts */
    const uint16_t *first;                        /* nclass: offset in `pair` after one byte */
    const uint16_t *pair;                         /* pair[state + cls[a] * nclass + cls[b]] */
    const uint64_t *shift; /* 256: bits [s, s + 6) are the shift count after the byte */
    const uint8_t *bit;    /* 256: which of up to 8 sets hold the byte */
    const uint8_t *lack;   /* for each place, all bits but that of its set */
    const uint8_t *end_ok; /* for each place and the one after: a match when the text ends there */
    uint32_t places;       /* of `lack`; what comes after them is looked up in `rest` */
    uint8_t rest; /* bit of the set that all bytes after the places must be in; 0: there may be none */
    bool rest_any;
    size_t size;
    struct schema_dfa *brief; /* owned: the same for a text too short to reach the greater counts; or NULL */
};

/* RES_REJECT with the reason: outside what is said above, not a pattern, or more than `max_states` states (0:
 * SCHEMA_DFA_STATES) or more work than is good for one pattern. RES_RETRY: out of memory. `*ret` is the caller's, NULL
 * otherwise. It does not change any more: any number of threads may match with it. */
enum res schema_dfa_compile(struct str pattern, uint32_t max_states, struct schema_dfa **ret, struct err *e);
void schema_dfa_free(struct schema_dfa *d);

/* Whether the pattern is found in `s`, which is valid UTF-8 and may hold NUL. (Other bytes are memory-safe, but the
 * answer means nothing.) */
bool schema_dfa_match(const struct schema_dfa *d, struct str s);

/* Rows of the table, the two absorbing ones and those within a code point included. */
size_t schema_dfa_states(const struct schema_dfa *d);

/* Bytes of memory it takes. */
size_t schema_dfa_size(const struct schema_dfa *d);

/* For a loop of one's own: from d->start, step by step; once `decided`, no further byte changes anything; at the end,
 * `final` is the answer. */
static inline uint32_t
schema_dfa_step(const struct schema_dfa *d, uint32_t state, unsigned char byte)
{
    return d->next[state + d->cls[byte]];
}

static inline bool
schema_dfa_decided(const struct schema_dfa *d, uint32_t state)
{
    return state <= d->accept;
}

static inline bool
schema_dfa_final(const struct schema_dfa *d, uint32_t state)
{
    return state >= d->first_final || state == d->accept;
}

#endif
