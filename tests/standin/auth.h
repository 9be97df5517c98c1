/* auth: who may call the endpoint, and the tokens of OAuth 2. */
#ifndef STANDIN_AUTH_H
#define STANDIN_AUTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

struct standin;
struct server_req;

enum auth_kind { AUTH_NONE, AUTH_OAUTH2, AUTH_BEARER, AUTH_BASIC, AUTH_API_KEY };
enum { AUTH_TOKENS = 256 };

/* Part of the settings. Texts live in their JSON. */
struct auth {
    enum auth_kind kind;
    const char *kind_name;
    const char *client_id;
    const char *client_secret;
    const char *token;  /* of bearer and api_key */
    const char *header; /* of api_key */
    char *want;         /* the header's value that is right, but for oauth2; owned */
    int64_t expired_code;
    bool reject;            /* every call is refused, whatever it brings */
    int64_t token_ttl_s;    /* a token's life .. */
    int64_t expires_in_s;   /* .. and what is told of it; -1 = the truth */
    int64_t token_calls;    /* how many calls a token is good for; -1 = any number */
    int64_t token_code;     /* what /oauth/token answers in place of a token; -1 = it issues */
    int64_t token_delay_ms; /* before its answer */
};

struct auth_token {
    uint64_t hash;
    int64_t until_ms; /* monotonic */
    int64_t calls;    /* left; -1 = any number */
};

/* The tokens that were issued, the newest in place of the oldest; they outlive a change of the settings. */
struct auth_issued {
    struct auth_token token[AUTH_TOKENS];
    uint64_t n; /* issued in all */
};

/* Nobody is asked. */
struct auth auth_none(void);

/* Reads the object of the setting "auth". RES_REJECT says what is wrong; `a` is to be freed in any case. */
enum res auth_read(struct auth *a, json_t *v, struct err *e);
void auth_free(struct auth *a);

/* Whether this call may go on; if not, it has been answered, and counted as unauthorized. */
bool auth_pass(struct standin *x, struct server_req *req);

/* Handlers of /oauth/token: issues (RFC 6749, section 4.4), and takes all issued tokens back. */
void auth_issue(void *arg, struct server_req *req);
void auth_revoke(void *arg, struct server_req *req);

#endif
