/* hash: SHA-256, HMAC, hex, base64 and random bytes on libcrypto. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum { HASH_SIZE = 32 }; /* bytes of a SHA-256 */

/* SHA-256 of the bytes. A broken libcrypto aborts: a wrong hash would be stored as a truth. */
void hash_sha256(struct str s, unsigned char out[HASH_SIZE]);

/* SHA-256 of bytes that arrive in pieces. Who hashes often keeps one: it costs a third of hash_sha256 for a short text. */
struct hash;

/* `*ret` is the caller's, to hash_free. RES_FATAL when memory is out. */
enum res hash_new(struct hash **ret, struct err *e);
struct hash *hash_must(void); /* aborts instead, as hash_sha256 */
void hash_add(struct hash *h, struct str s);
void hash_add_int(struct hash *h, int64_t v); /* as decimal digits */

/* Writes the hash; `h` is ready for the next message afterwards. */
void hash_end(struct hash *h, unsigned char out[HASH_SIZE]);

/* NULL is fine. */
void hash_free(struct hash *h);

/* HMAC-SHA-256. RES_FATAL when libcrypto refuses; `out` is zeroed then. */
enum res hash_hmac_sha256(struct str key, struct str msg, unsigned char out[HASH_SIZE], struct err *e);

/* Lower-case hex of `n` bytes; `out` takes 2n + 1 characters and ends in NUL. */
void hash_hex(const void *p, size_t n, char *out);

/* Exactly `n` bytes from 2n hex digits of either case; false for anything else. */
bool hash_unhex(struct str hex, void *out, size_t n);

/* Appends standard base64 with padding. */
void hash_base64(struct buf *b, struct str s);

/* Appends what standard base64 says; padding may be missing, white space and other alphabets may not occur. False on
 * junk (`b` may hold a part then) or when `b` failed. */
bool hash_unbase64(struct buf *b, struct str s);

/* Compares `n` bytes in a time that does not depend on them. */
bool hash_same(const void *a, const void *b, size_t n);

/* Fills with bytes fit for keys. Aborts when the system has none. */
void hash_random(void *out, size_t n);

#endif
