/* webhook: signatures as Standard Webhooks say: headers webhook-id, webhook-timestamp (Unix seconds) and
 * webhook-signature (a list "v1,<base64> v1,<base64>"); signed are the bytes id.timestamp.body. */
#ifndef HTTP_WEBHOOK_H
#define HTTP_WEBHOOK_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum { WEBHOOK_TOLERANCE_S = 300 }; /* what the standard suggests */

struct webhook {
    struct str id;
    struct str timestamp; /* as the header says it */
    struct str signature; /* the header's list; not read when signing */
    struct str body;      /* the bytes as sent, never re-encoded */
};

/* Whether a secret can be used: RES_OK, or RES_FATAL for one that is empty, too long or no base64; it is not quoted. */
enum res webhook_check(struct str secret, struct err *e);

/* Appends one "v1,<base64>" for `w` by `secret`, which is "whsec_<base64>" or raw bytes; call it again, with a space
 * between, to sign with several keys. RES_FATAL for a secret that is empty or no base64. */
enum res webhook_sign(const struct webhook *w, struct str secret, struct buf *out, struct err *e);

/* RES_OK when any v1 entry fits any of the `n` secrets and the timestamp is within `tolerance_s` of `now_s`, both
 * ways. RES_REJECT says why not, without quoting the message; RES_FATAL means that our secrets are unusable. */
enum res webhook_verify(const struct webhook *w, const struct str *secrets, size_t n, int64_t now_s,
                        int64_t tolerance_s, struct err *e);

#endif
