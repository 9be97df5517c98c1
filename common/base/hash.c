#include "common/base/hash.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

enum { FEW = 256 };

struct hash {
    EVP_MD_CTX *ctx;
    EVP_MD *md;    /* looked up once: that costs as much as the hash of a short text */
    char few[FEW]; /* short pieces are put together first */
    size_t nfew;
};

void
hash_sha256(struct str s, unsigned char out[HASH_SIZE])
{
    unsigned n = 0;

    if (!EVP_Digest(s.n ? s.p : "", s.n, out, &n, EVP_sha256(), NULL) || n != HASH_SIZE)
        abort();
}

enum res
hash_new(struct hash **ret, struct err *e)
{
    struct hash *h = calloc(1, sizeof *h);

    *ret = NULL;
    if (h) {
        h->ctx = EVP_MD_CTX_new();
        h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    }
    if (!h || !h->ctx || !h->md || !EVP_DigestInit_ex(h->ctx, h->md, NULL)) {
        hash_free(h);
        return err_set(e, RES_FATAL, "cannot start a SHA-256");
    }
    *ret = h;
    return RES_OK;
}

struct hash *
hash_must(void)
{
    struct hash *h;
    struct err e;

    if (hash_new(&h, &e) != RES_OK)
        abort();
    return h;
}

static void
update(struct hash *h, const char *p, size_t n)
{
    if (n && !EVP_DigestUpdate(h->ctx, p, n))
        abort();
}

static void
update_few(struct hash *h)
{
    update(h, h->few, h->nfew);
    h->nfew = 0;
}

void
hash_add(struct hash *h, struct str s)
{
    if (s.n > FEW - h->nfew)
        update_few(h);
    if (s.n > FEW) {
        update(h, s.p, s.n);
    } else if (s.n) {
        memcpy(h->few + h->nfew, s.p, s.n);
        h->nfew += s.n;
    }
}

void
hash_add_int(struct hash *h, int64_t v)
{
    char tmp[STR_DEC];

    hash_add(h, str_dec(v, tmp));
}

void
hash_end(struct hash *h, unsigned char out[HASH_SIZE])
{
    unsigned n = 0;

    update_few(h);
    if (!EVP_DigestFinal_ex(h->ctx, out, &n) || n != HASH_SIZE || !EVP_DigestInit_ex(h->ctx, h->md, NULL))
        abort();
}

void
hash_free(struct hash *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->ctx);
    EVP_MD_free(h->md);
    free(h);
}

enum res
hash_hmac_sha256(struct str key, struct str msg, unsigned char out[HASH_SIZE], struct err *e)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0), OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    const unsigned char *k = (const unsigned char *)(key.n ? key.p : "");
    size_t n = 0;
    enum res res = RES_OK;

    memset(out, 0, HASH_SIZE);
    if (!ctx || !EVP_MAC_init(ctx, k, key.n, params) ||
        (msg.n && !EVP_MAC_update(ctx, (const unsigned char *)msg.p, msg.n)) ||
        !EVP_MAC_final(ctx, out, &n, HASH_SIZE) || n != HASH_SIZE) {
        memset(out, 0, HASH_SIZE);
        res = err_set(e, RES_FATAL, "HMAC-SHA-256 is not to be had from libcrypto");
    }
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    return res;
}

/* ---- hex and base64 ------------------------------------------------------------------------------------------- */

void
hash_hex(const void *p, size_t n, char *out)
{
    const unsigned char *u = p;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[u[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[u[i] & 15];
    }
    out[2 * n] = '\0';
}

bool
hash_unhex(struct str hex, void *out, size_t n)
{
    unsigned char *u = out;

    if (hex.n % 2 || hex.n / 2 != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int hi = str_hex(hex.p[2 * i]);
        int lo = str_hex(hex.p[2 * i + 1]);

        if (hi < 0 || lo < 0)
            return false;
        u[i] = (unsigned char)(hi << 4 | lo);
    }
    return true;
}

void
hash_base64(struct buf *b, struct str s)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *u = (const unsigned char *)s.p;

    for (size_t i = 0; i < s.n; i += 3) {
        size_t left = s.n - i;
        unsigned v =
            (unsigned)u[i] << 16 | (left > 1 ? (unsigned)u[i + 1] << 8 : 0) | (left > 2 ? u[i + 2] : 0);
        char quad[4] = {abc[v >> 18], abc[v >> 12 & 63], left > 1 ? abc[v >> 6 & 63] : '=',
                        left > 2 ? abc[v & 63] : '='};

        buf_add(b, quad, 4);
    }
    buf_add(b, "", 0);
}

static int
base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
hash_unbase64(struct buf *b, struct str s)
{
    unsigned v = 0;
    size_t pad = 0;

    while (pad < 2 && pad < s.n && s.p[s.n - 1 - pad] == '=')
        pad++;
    if (pad && s.n % 4)
        return false;
    s.n -= pad;
    if (s.n % 4 == 1)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        int d = base64_digit(s.p[i]);

        if (d < 0)
            return false;
        v = v << 6 | (unsigned)d;
        if (i % 4)
            buf_char(b, (char)(v >> (6 - 2 * (i % 4)) & 255));
    }
    buf_add(b, "", 0);
    return !b->failed;
}

/* ---- secrets -------------------------------------------------------------------------------------------------- */

bool
hash_same(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

void
hash_random(void *out, size_t n)
{
    if (n > INT_MAX || RAND_bytes(out, (int)n) != 1)
        abort();
}
