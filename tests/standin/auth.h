/* auth: the settings that say who may call the endpoint. */
#ifndef STANDIN_AUTH_H
#define STANDIN_AUTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum auth_kind { AUTH_NONE, AUTH_OAUTH2, AUTH_BEARER, AUTH_BASIC, AUTH_API_KEY };

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

/* Nobody is asked. */
struct auth auth_none(void);

/* Reads the object of the setting "auth". RES_REJECT says what is wrong; `a` is to be freed in any case. */
enum res auth_read(struct auth *a, json_t *v, struct err *e);
void auth_free(struct auth *a);

#endif
