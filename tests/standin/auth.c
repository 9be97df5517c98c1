#include "tests/standin/auth.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "tests/standin/setting.h"

enum { VALUE_MAX = 8192, TTL_MAX_S = 31536000 };

static const char *const kinds[] = {"none", "oauth2", "bearer", "basic", "api_key"};

struct auth
auth_none(void)
{
    return (struct auth){.kind_name = "none",
                         .header = "X-Api-Key",
                         .expired_code = 401,
                         .token_ttl_s = 3600,
                         .expires_in_s = -1,
                         .token_calls = -1,
                         .token_code = -1};
}

void
auth_free(struct auth *a)
{
    free(a->want);
    *a = auth_none();
}

static enum res
read_kind(struct auth *a, struct err *e)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i], a->kind_name) != 0)
            continue;
        a->kind = (enum auth_kind)i;
        return RES_OK;
    }
    return err_set(e, RES_REJECT, "auth: kind is oauth2, bearer, basic, api_key or none");
}

/* "Basic <base64 of id:secret>" */
static void
basic_of(const struct auth *a, struct buf *b)
{
    struct buf pair = buf_make(VALUE_MAX);

    buf_printf(&pair, "%s:%s", a->client_id, a->client_secret);
    buf_z(b, "Basic ");
    hash_base64(b, buf_view(&pair));
    b->failed |= pair.failed;
    buf_free(&pair);
}

static enum res
make_want(struct auth *a, struct err *e)
{
    struct buf b = buf_make(VALUE_MAX);
    bool client = a->kind == AUTH_BASIC || a->kind == AUTH_OAUTH2;

    if (client ? !a->client_id || !a->client_secret : a->kind != AUTH_NONE && !a->token)
        return err_set(e, RES_REJECT, "auth: %s needs %s", a->kind_name,
                       client ? "client_id and client_secret" : "token");
    if (client)
        basic_of(a, &b);
    else if (a->kind == AUTH_BEARER)
        buf_printf(&b, "Bearer %s", a->token);
    else
        buf_z(&b, a->token ? a->token : "");
    a->want = buf_steal(&b);
    return a->want ? RES_OK : err_set(e, RES_REJECT, "auth: too long");
}

enum res
auth_read(struct auth *a, json_t *v, struct err *e)
{
    const struct setting table[] = {{"kind", SETTING_TEXT, &a->kind_name, 0, 0},
                                    {"client_id", SETTING_TEXT, &a->client_id, 0, 0},
                                    {"client_secret", SETTING_TEXT, &a->client_secret, 0, 0},
                                    {"token", SETTING_TEXT, &a->token, 0, 0},
                                    {"header", SETTING_TEXT, &a->header, 0, 0},
                                    {"expired_code", SETTING_INT, &a->expired_code, 401, 403},
                                    {"reject", SETTING_BOOL, &a->reject, 0, 0},
                                    {"token_ttl_s", SETTING_INT, &a->token_ttl_s, 0, TTL_MAX_S},
                                    {"expires_in_s", SETTING_INT, &a->expires_in_s, -1, TTL_MAX_S},
                                    {"token_calls", SETTING_INT, &a->token_calls, -1, INT64_MAX},
                                    {"token_code", SETTING_INT, &a->token_code, -1, 599},
                                    {"token_delay_ms", SETTING_INT, &a->token_delay_ms, 0, 600000},
                                    {NULL, SETTING_INT, NULL, 0, 0}};
    enum res res = setting_read_all(table, "auth", v, e);

    if (!res && (a->expired_code == 402 || (a->token_code >= 0 && a->token_code < 400)))
        res = err_set(e, RES_REJECT, "auth: expired_code is 401 or 403, token_code from 400 to 599 or null");
    if (!res)
        res = read_kind(a, e);
    return res ? res : make_want(a, e);
}
