/* buf: a growing byte buffer with a hard maximum that is given once. After any failure the buffer is `failed`,
 * further writes do nothing, and the writer asks once at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "common/base/str.h"

struct buf {
    char *p;     /* owned; NUL-terminated whenever not NULL */
    size_t n;    /* bytes in use */
    size_t cap;  /* bytes allocated */
    size_t max;  /* bytes `n` may not pass */
    bool failed; /* out of memory or past `max`: contents are not to be used */
};

/* An empty buffer that may grow to `max` bytes. Allocates nothing yet. */
struct buf buf_make(size_t max);

/* Frees the bytes; the buffer is empty, unfailed and usable again. NULL is fine. */
void buf_free(struct buf *b);

/* Empties without freeing. */
void buf_reset(struct buf *b);

/* Room for `n` more bytes; returns where they go (not counted yet) or NULL. */
char *buf_room(struct buf *b, size_t n);

void buf_add_slow(struct buf *b, const void *p, size_t n); /* of buf_add's, where there is no room yet */

/* Here, so that a literal's few bytes are a store or two. */
static inline void
buf_add(struct buf *b, const void *p, size_t n)
{
    if (b->failed || n >= b->cap - b->n || n > b->max - b->n) {
        buf_add_slow(b, p, n);
        return;
    }
    if (n && p) /* NULL has no bytes */
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

static inline void
buf_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

static inline void
buf_z(struct buf *b, const char *z)
{
    buf_add(b, z, strlen(z));
}

static inline void
buf_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_int(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* `s` as a JSON string with its quotes. Bytes are taken to be UTF-8; control characters are escaped. */
void buf_json(struct buf *b, struct str s);

/* One further member of a JSON object with a text, or not at all where `s` is STR_NULL. `key` is all that stands before the value, so
 * that it is one copy: STR(",\"name\":"). */
void buf_member_text(struct buf *b, struct str key, struct str s);

/* One more step of a JSON Pointer (RFC 6901): "/" and the token, in which ~ is ~0 and / is ~1. */
void buf_pointer(struct buf *b, struct str token);

/* Takes the next step off a JSON Pointer; its token, decoded, is all that is in `token` then. False: there is none, or it
 * is no step. */
bool buf_pointer_next(struct str *pointer, struct buf *token);

/* What is in the buffer; valid until the next write. */
static inline struct str
buf_view(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

/* Hands the bytes to the caller (to free), leaving `b` empty; NULL when it failed. Never NULL for an empty one. */
char *buf_steal(struct buf *b);

#endif
