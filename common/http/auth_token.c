#include "common/http/auth_token.h"

#include <jansson.h>
#include <strings.h>

#include "common/base/hash.h"
#include "common/http/webform.h"

enum { LIFE_S = 300, LIFE_MAX_S = 10 * 365 * 86400 };

static void
basic_line(const struct auth_grant *g, struct buf *header)
{
    struct buf pair = buf_make(AUTH_TOKEN_MAX);

    webform_text(&pair, str_of(g->id));
    buf_char(&pair, ':');
    webform_text(&pair, str_of(g->secret));
    buf_z(header, "Authorization: Basic ");
    hash_base64(header, buf_view(&pair));
    header->failed |= pair.failed;
    buf_free(&pair);
}

void
auth_token_ask(const struct auth_grant *g, struct buf *body, struct buf *header)
{
    struct webform_pair pair[4] = {{STR("grant_type"), STR("client_credentials")}};
    size_t n = 1;

    if (g->scope)
        pair[n++] = (struct webform_pair){STR("scope"), str_of(g->scope)};
    if (g->secret_in_body) {
        pair[n++] = (struct webform_pair){STR("client_id"), str_of(g->id)};
        pair[n++] = (struct webform_pair){STR("client_secret"), str_of(g->secret)};
    } else {
        basic_line(g, header);
    }
    webform_write(body, pair, n);
}

/* ---- the answer ------------------------------------------------------------------------------------------------ */

/* The code of an error answer (5.2), where it is a word such as invalid_client; what else stands there is not repeated. */
static const char *
error_word(const json_t *root)
{
    const char *word = json_string_value(json_object_get(root, "error"));

    return word && *word && strlen(word) <= 40 && strspn(word, "abcdefghijklmnopqrstuvwxyz_") == strlen(word)
               ? word
               : NULL;
}

static enum res
refusal(int code, const json_t *root, struct err *e)
{
    bool ours = code == 400 || code == 401 || code == 403;
    const char *word = error_word(root);

    return err_set(e, ours ? RES_REJECT : RES_RETRY, "the token request was answered with %d%s%s", code,
                   word ? " " : "", word ? word : "");
}

/* Visible ASCII, as a header takes it. */
static bool
good_token(const char *token)
{
    size_t n = token ? strlen(token) : 0;

    for (size_t i = 0; i < n; i++)
        if (token[i] <= ' ' || token[i] == 0x7f)
            return false;
    return n && n <= AUTH_TOKEN_MAX;
}

/* A number; some write it as a text. What is neither, or not above 0, is not told. */
static int64_t
life_of(const json_t *root)
{
    const json_t *v = json_object_get(root, "expires_in");
    int64_t s = 0;

    if (json_is_number(v))
        s = json_number_value(v) < LIFE_MAX_S ? (int64_t)json_number_value(v) : LIFE_MAX_S;
    else if (json_is_string(v))
        str_int(str_of(json_string_value(v)), &s);
    return s <= 0 ? LIFE_S : s < LIFE_MAX_S ? s : LIFE_MAX_S;
}

static enum res
granted(const json_t *root, struct buf *line, int64_t *life_s, struct err *e)
{
    const char *token = json_string_value(json_object_get(root, "access_token"));
    const char *type = json_string_value(json_object_get(root, "token_type"));

    if (!good_token(token))
        return err_set(e, RES_RETRY, "the answer to the token request holds no access_token");
    if (!type || strcasecmp(type, "bearer") != 0)
        return err_set(e, RES_RETRY, "the answer to the token request has a token_type that is not Bearer");
    buf_z(line, "Authorization: Bearer ");
    buf_z(line, token);
    *life_s = life_of(root);
    return line->failed ? err_set(e, RES_RETRY, "out of memory") : RES_OK;
}

enum res
auth_token_read(const struct client_answer *a, struct buf *line, int64_t *life_s, struct err *e)
{
    json_t *root;
    enum res res;

    if (a->fate != CLIENT_ANSWERED)
        return err_set(e, RES_RETRY, "the token request was not answered: %s", a->error);
    root = json_loadb(a->body.n ? a->body.p : "", a->body.n, JSON_REJECT_DUPLICATES, NULL);
    if (a->code != 200)
        res = refusal(a->code, root, e);
    else if (!json_is_object(root))
        res = err_set(e, RES_RETRY, "the answer to the token request is no JSON object");
    else
        res = granted(root, line, life_s, e);
    json_decref(root);
    return res;
}
