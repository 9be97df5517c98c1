/* auth_token: the token request of OAuth 2.0 client credentials (RFC 6749, 4.4) as bytes: what is asked, what the answer
 * says. */
#ifndef HTTP_AUTH_TOKEN_H
#define HTTP_AUTH_TOKEN_H

#include "common/base/buf.h"
#include "common/http/client.h"

enum { AUTH_TOKEN_MAX = 16384 }; /* bytes of an access token */

struct auth_grant {
    const char *id, *secret, *scope; /* scope may be NULL */
    bool secret_in_body;
};

/* Appends the body, and to `header` the Authorization line where the secret is not in the body (2.3.1: both are escaped as
 * a form before they are joined). */
void auth_token_ask(const struct auth_grant *g, struct buf *body, struct buf *header);

/* What the answer grants: `line` gets "Authorization: Bearer ..", `*life_s` its seconds (300 where none are told). RES_RETRY
 * with a sentence when it is none; RES_REJECT when the credentials were refused. */
enum res auth_token_read(const struct client_answer *a, struct buf *line, int64_t *life_s, struct err *e);

#endif
