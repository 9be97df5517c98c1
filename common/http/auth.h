/* auth: what a call to an endpoint shows to be let in: a fixed header, or an access token of OAuth 2.0 by client
 * credentials (RFC 6749, 4.4). However many calls wait for a token or were refused with it, one token request is under
 * way at most. Secrets and tokens are in no error sentence. Everything from the loop's thread. */
#ifndef HTTP_AUTH_H
#define HTTP_AUTH_H

#include "common/base/clk.h"
#include "common/http/client.h"

enum auth_kind { AUTH_NONE, AUTH_API_KEY, AUTH_BASIC, AUTH_BEARER, AUTH_OAUTH2 };

struct auth;

struct auth_opts {
    enum auth_kind kind;
    const char *id;     /* basic: user name, without a colon; oauth2: client id */
    const char *secret; /* api_key: the key; basic: password; bearer: the token; oauth2: client secret */
    const char *header; /* api_key: name of the header; NULL = X-API-Key */

    /* oauth2 alone */
    const char *token_url;
    const char *scope;       /* NULL = none */
    bool secret_in_body;     /* id and secret as form fields, not as Basic */
    int64_t timeout_ms;      /* of the token request; 0 = 10000 */
    struct client_opts http; /* TLS, proxy; in_flight is not looked at */
    struct clk clk;          /* decides when a token is old; zero = a steady clock */
};

/* Why there is no token. */
struct auth_outcome {
    bool ok;
    bool ours;       /* the credentials were refused (400, 401, 403); else it is an outage */
    const char *why; /* sentence; "" when ok; lives during the call */
};

/* One that waits for a token. Caller's memory: zero it, set `fn` and `arg`. */
struct auth_wait {
    void (*fn)(void *arg, const struct auth_outcome *o);
    void *arg;
    struct auth_wait *next;
    bool queued;
};

/* Copies all of `opts`. RES_FATAL when something is missing, or holds what no header may (a line end). */
enum res auth_new(struct loop *loop, const struct auth_opts *opts, struct auth **ret, struct err *e);

/* Those who wait are not called. Not from inside a callback. NULL is fine. */
void auth_free(struct auth *a);

/* The header line to send now; valid until the loop's next turn. NULL: none to send (AUTH_NONE), or no token yet (auth_waits). A token that is
 * about to expire (60 s, or a tenth of its life) is renewed beside, while it is still used. */
const char *auth_header(struct auth *a);

/* Whether a token has to be waited for. */
bool auth_waits(const struct auth *a);

/* Calls `w->fn` when there is a token or the request for one failed; in order, never from inside here. Asks for one
 * unless that is under way. */
void auth_await(struct auth *a, struct auth_wait *w);

/* Takes `w` back; nothing where it does not wait. */
void auth_unwait(struct auth *a, struct auth_wait *w);

/* Which token auth_header gives: counts up with each. */
unsigned auth_generation(const struct auth *a);

/* A call with that token was refused: it is not used again. Nothing when a newer one is there already. Nothing for all
 * kinds but oauth2. */
void auth_refused(struct auth *a, unsigned generation);

/* Other credentials from now on; what stood before stays when they are no good (RES_FATAL). The token of before is used
 * until it expires or is refused. `id` NULL = as before. */
enum res auth_secrets(struct auth *a, const char *id, const char *secret, struct err *e);

/* Certificates of the token request, read again. RES_FATAL and the old ones stay when that fails. */
enum res auth_reload(struct auth *a, struct err *e);

/* Seconds until the token expires, -1 = there is none; token requests sent, and those of them that failed. */
struct auth_facts {
    int64_t expires_s;
    unsigned asked, failed;
};
struct auth_facts auth_facts(const struct auth *a);

#endif
