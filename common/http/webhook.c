#include "common/http/webhook.h"

#include <openssl/crypto.h>

#include "common/base/hash.h"

enum { SECRET_MAX = 4096, SIGN_MAX = 64 };

/* The key behind a secret, in `key` (the caller clears and frees it). */
static enum res
read_secret(struct str secret, struct buf *key, struct err *e)
{
    struct str head = STR("whsec_");

    if (!str_starts(secret, head))
        buf_str(key, secret);
    else if (!hash_unbase64(key, (struct str){secret.p + head.n, secret.n - head.n}))
        return err_set(e, RES_FATAL, "a webhook secret that begins with whsec_ goes on in base64");
    if (key->failed || !key->n)
        return err_set(e, RES_FATAL, "a webhook secret is empty or longer than %d bytes", SECRET_MAX);
    return RES_OK;
}

static void
forget(struct buf *b)
{
    if (b->p)
        OPENSSL_cleanse(b->p, b->cap);
    buf_free(b);
}

enum res
webhook_check(struct str secret, struct err *e)
{
    struct buf key = buf_make(SECRET_MAX);
    enum res res = read_secret(secret, &key, e);

    forget(&key);
    return res;
}

enum res
webhook_sign(const struct webhook *w, struct str secret, struct buf *out, struct err *e)
{
    struct buf key = buf_make(SECRET_MAX);
    struct buf msg = buf_make(w->id.n + w->timestamp.n + w->body.n + 2);
    unsigned char mac[HASH_SIZE];
    enum res res = read_secret(secret, &key, e);

    if (res)
        goto out;
    buf_str(&msg, w->id);
    buf_char(&msg, '.');
    buf_str(&msg, w->timestamp);
    buf_char(&msg, '.');
    buf_str(&msg, w->body);
    if (msg.failed) {
        res = err_set(e, RES_RETRY, "out of memory while signing");
        goto out;
    }
    res = hash_hmac_sha256(buf_view(&key), buf_view(&msg), mac, e);
    if (res)
        goto out;
    buf_z(out, "v1,");
    hash_base64(out, (struct str){(const char *)mac, sizeof mac});
    if (out->failed)
        res = err_set(e, RES_RETRY, "no room for a signature");
out:
    forget(&key);
    buf_free(&msg);
    return res;
}

/* Whether the list has `want` in it; looks at every entry so that the time tells nothing. */
static bool
list_has(struct str list, struct str want)
{
    bool found = false;
    size_t from = 0;

    for (size_t i = 0; i <= list.n; i++) {
        if (i < list.n && list.p[i] != ' ')
            continue;
        if (i - from == want.n && hash_same(list.p + from, want.p, want.n))
            found = true;
        from = i + 1;
    }
    return found;
}

static enum res
check_time(struct str timestamp, int64_t now_s, int64_t tolerance_s, struct err *e)
{
    int64_t at;
    int64_t apart;

    if (!str_int(timestamp, &at) || at < 0)
        return err_set(e, RES_REJECT, "webhook-timestamp is not a number of seconds");
    apart = at > now_s ? at - now_s : now_s - at;
    if (apart > tolerance_s)
        return err_set(e, RES_REJECT, "webhook-timestamp is %lld s %s, %lld are allowed", (long long)apart,
                       at > now_s ? "in the future" : "old", (long long)tolerance_s);
    return RES_OK;
}

enum res
webhook_verify(const struct webhook *w, const struct str *secrets, size_t n, int64_t now_s,
               int64_t tolerance_s, struct err *e)
{
    bool found = false;
    enum res res = RES_OK;

    if (!w->id.n || !w->timestamp.n || !w->signature.n)
        return err_set(e, RES_REJECT, "webhook-id, webhook-timestamp and webhook-signature are all needed");
    res = check_time(w->timestamp, now_s, tolerance_s, e);
    for (size_t i = 0; i < n && !res; i++) {
        struct buf own = buf_make(SIGN_MAX);

        res = webhook_sign(w, secrets[i], &own, e);
        found |= !res && list_has(w->signature, buf_view(&own));
        buf_free(&own);
    }
    if (!res && !found)
        res = err_set(e, RES_REJECT, "no entry of webhook-signature fits a known key");
    return res;
}
