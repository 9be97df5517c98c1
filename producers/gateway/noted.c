#include "producers/gateway/noted.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/json/scan.h"

enum { REASON_MAX = 500, MEDIA_MAX = 100, ID_HEX = 12, ACTOR_MAX = 8 + 2 * HASH_SIZE };

struct kept {
    char media[MEDIA_MAX + 1];
    struct buf body;
};

static void
arg_actor(struct call *call)
{
    char actor[ACTOR_MAX] = "token:";

    if (auth_is_officer(call->who)) {
        pg_arg_text(&call->args, call->who->officer);
        return;
    }
    hash_hex(call->who->hash, HASH_SIZE, actor + sizeof "token:" - 1);
    actor[sizeof "token:" - 1 + ID_HEX] = '\0';
    pg_arg_text(&call->args, str_of(actor));
}

static bool
reason_ok(struct str why)
{
    return why.n <= REASON_MAX && scan_utf8(why) && !str_has_control(why);
}

bool
noted_args(struct call *call, struct str detail)
{
    struct str why = server_header(call->req, "X-Alasan");

    if (!reason_ok(why)) {
        call_problem(call, 400, "X-Alasan is one line of UTF-8, at most %d bytes.", REASON_MAX);
        return false;
    }
    call->noted = true;
    arg_actor(call);
    pg_arg_text(&call->args, detail);
    pg_arg_text(&call->args, server_peer(call->req));
    pg_arg_text(&call->args, why.n ? why : STR_NULL);
    return true;
}

static void
kept_free(void *mine)
{
    struct kept *k = mine;

    if (!k)
        return;
    buf_free(&k->body);
    free(k);
}

void
noted_none(struct call *call)
{
    kept_free(call->mine);
    call->mine = NULL;
    call->drop = NULL;
}

void
noted_keep(struct call *call, struct str media, struct str body)
{
    struct kept *k = calloc(1, sizeof *k);

    noted_none(call);
    call->mine = k;
    call->drop = kept_free;
    if (!k)
        return;
    snprintf(k->media, sizeof k->media, "%.*s", STR_FMT(media));
    k->body = buf_make(body.n + 1);
    buf_str(&k->body, body);
}

bool
noted_give(struct call *call)
{
    struct kept *k = call->mine;

    if (!call->drop)
        return false;
    if (!k || k->body.failed) {
        call_problem(call, 503, "Out of memory.");
        return true;
    }
    server_set(call->req, "Cache-Control", "private, no-store");
    call_reply(call, 200, k->media, k->body.n ? buf_view(&k->body) : STR(""));
    return true;
}
