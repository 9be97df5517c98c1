/* token create|list|revoke: the text of a token is shown once and never stored. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "producers/ctl/ctl.h"
#include "producers/ctl/ctl_words.h"
#include "workers/sop/names.h"

enum { OPD_MAX = 64 }; /* the gateway reads no more */
enum { ID_HEX = 12 };  /* how much of the hash names a token in lists */

struct wanted {
    const char *opd, *nama, *officer, *label, *expires;
    char array[64 * 64]; /* opd as Postgres writes arrays */
    char seconds[24];    /* of expires */
    char token[CTL_WORDS_TOKEN];
    char hex[2 * HASH_SIZE + 1];
};

/* ---- create ----------------------------------------------------------------------------------------------------- */

static bool
check_opds(struct ctl *c, struct wanted *w)
{
    const char *p = w->opd;
    int n_opd = 0;
    bool all = p && strcmp(p, "*") == 0; /* reads documents of all departments and nothing else */
    size_t used = (size_t)snprintf(w->array, sizeof w->array, "{");

    while (p && *p) {
        size_t n = strcspn(p, ",");

        if (!all && !kode_opd_ok((struct str){p, n})) {
            ctl_fail(c, APP_USAGE, "not a kode_opd: %.*s", (int)n, p);
            return false;
        }
        used += (size_t)snprintf(w->array + used, sizeof w->array - used, "%s\"%.*s\"", used > 1 ? "," : "",
                                 (int)n, p);
        if (++n_opd > OPD_MAX || used > sizeof w->array - 64) {
            ctl_fail(c, APP_USAGE, "too many departments for one token");
            return false;
        }
        p += n + (p[n] == ',');
    }
    snprintf(w->array + used, sizeof w->array - used, "}");
    return true;
}

static bool
check(struct ctl *c, struct wanted *w)
{
    int64_t ms;

    if (!w->opd == !w->officer) {
        ctl_fail(c, APP_USAGE, "a token needs either --opd KODE[,KODE] or --officer ID");
        return false;
    }
    if (w->nama && (!w->opd || strpbrk(w->opd, ",*"))) {
        ctl_fail(c, APP_USAGE, "--nama goes with one --opd");
        return false;
    }
    if (w->officer && !ctl_officer_id(c, w->officer))
        return false;
    if (w->expires && !ctl_span(c, "--expires", w->expires, &ms))
        return false;
    if (w->expires)
        snprintf(w->seconds, sizeof w->seconds, "%lld", (long long)(ms / 1000));
    return check_opds(c, w);
}

static void
make(struct wanted *w)
{
    unsigned char random[32];
    unsigned char hash[HASH_SIZE];

    hash_random(random, sizeof random);
    ctl_words_token(random, w->token);
    hash_sha256(str_of(w->token), hash);
    hash_hex(hash, sizeof hash, w->hex);
}

static enum res
store(struct ctl *c, const struct wanted *w)
{
    const char *officer[] = {w->officer};
    const char *opd[] = {w->opd, w->nama};
    const char *args[] = {w->hex, w->array, w->officer, w->label ? w->label : "",
                          w->expires ? w->seconds : NULL};
    char id[ID_HEX + 1];
    enum res res = RES_OK;

    snprintf(id, sizeof id, "%.*s", ID_HEX, w->hex);
    if (w->officer)
        res = ctl_exec(c, "insert into officer (id) values ($1) on conflict do nothing", 1, officer, NULL);
    if (res == RES_OK && w->nama)
        res = ctl_exec(c, "insert into opd (kode_opd, nama_opd) values ($1, $2) on conflict do nothing", 2,
                       opd, NULL);
    if (res == RES_OK)
        res = ctl_exec(
            c,
            "insert into token (hash, kode_opd, officer, label, expires_at) values (decode($1, 'hex'),"
            " $2::text[], $3, $4, now() + make_interval(secs => $5::double precision))",
            5, args, NULL);
    if (res == RES_OK)
        res = ctl_audit(c, "token create", id, w->officer ? w->officer : w->opd);
    return res;
}

/* Not refused: the table may be filled later. */
static void
warn_unknown(struct ctl *c, const struct wanted *w)
{
    const char *args[] = {w->array};
    PGresult *r = ctl_query(
        c, "select k from unnest($1::text[]) k where k not in (select kode_opd from opd) order by 1", 1,
        args);

    for (int i = 0; r && i < PQntuples(r); i++)
        fprintf(stderr, "bedelauctl: note: %s is not in the table of departments (bedelauctl opd list)\n",
                PQgetvalue(r, i, 0));
    PQclear(r);
}

static int
create(struct ctl *c, int argc, char **argv)
{
    struct wanted w = {0};
    const struct ctl_opt opts[] = {{"opd", &w.opd, NULL},         {"nama", &w.nama, NULL},
                                   {"officer", &w.officer, NULL}, {"label", &w.label, NULL},
                                   {"expires", &w.expires, NULL}, {0}};

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}) || !check(c, &w))
        return APP_USAGE;
    make(&w);
    if (ctl_db(c) != RES_OK || ctl_exec(c, "begin", 0, NULL, NULL) != RES_OK || store(c, &w) != RES_OK ||
        ctl_exec(c, "commit", 0, NULL, NULL) != RES_OK)
        return ctl_failed(c);
    if (w.opd && strcmp(w.opd, "*") != 0)
        warn_unknown(c, &w);
    if (c->json)
        ctl_print(json_pack("{s:s, s:s%}", "token", w.token, "id", w.hex, (size_t)ID_HEX));
    else
        puts(w.token);
    return APP_OK;
}

/* ---- list, revoke ----------------------------------------------------------------------------------------------- */

static int
list(struct ctl *c, int argc, char **argv)
{

    if (!ctl_args(c, argc, argv, NULL, &(struct ctl_words){0}))
        return APP_USAGE;
    return ctl_show(c,
                    "select left(encode(hash, 'hex'), 12) as id, array_to_string(kode_opd, ',') as opd,"
                    " officer, label, created_at, expires_at, revoked_at"
                    " from token order by created_at, hash",
                    0, NULL);
}

/* One statement whatever names the tokens: an id, a token's text, a label, an officer. */
static enum res
revoke_all(struct ctl *c, const char *id, const char *label, const char *officer, PGresult **ret)
{
    char hex[2 * HASH_SIZE + 1] = "";
    unsigned char hash[HASH_SIZE];
    const char *args[] = {id ? hex : NULL, label, officer};

    if (id && strncmp(id, "bdl_", 4) == 0) {
        hash_sha256(str_of(id), hash);
        hash_hex(hash, sizeof hash, hex);
    } else if (id) {
        snprintf(hex, sizeof hex, "%s", id);
    }
    *ret = ctl_query(c,
                     "update token set revoked_at = now() where revoked_at is null"
                     " and ($1::text is null or starts_with(encode(hash, 'hex'), $1))"
                     " and ($2::text is null or label = $2) and ($3::text is null or officer = $3)"
                     " returning left(encode(hash, 'hex'), 12) as id",
                     3, args);
    return *ret ? RES_OK : c->e.res;
}

static int
revoke(struct ctl *c, int argc, char **argv)
{
    const char *id;
    const char *label = NULL;
    const char *officer = NULL;
    const struct ctl_opt opts[] = {{"label", &label, NULL}, {"officer", &officer, NULL}, {0}};
    PGresult *r = NULL;
    enum res res;
    int n = 0;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&id, 0, 1}))
        return APP_USAGE;
    if (!id && !label && !officer)
        return ctl_fail(c, APP_USAGE, "say which: an id of `token list`, a token, --label or --officer");
    if (id && strlen(id) < 8)
        return ctl_fail(c, APP_USAGE, "an id has at least 8 characters");
    res = ctl_db(c);
    if (res == RES_OK)
        res = ctl_exec(c, "begin", 0, NULL, NULL);
    if (res == RES_OK)
        res = revoke_all(c, id, label, officer, &r);
    for (n = r ? PQntuples(r) : 0; n > 0 && res == RES_OK; n--)
        res = ctl_audit(c, "token revoke", PQgetvalue(r, n - 1, 0), NULL);
    if (res == RES_OK)
        res = ctl_exec(c, "commit", 0, NULL, NULL);
    n = r ? PQntuples(r) : 0;
    if (res == RES_OK && n)
        ctl_rows(c, r);
    PQclear(r);
    if (res != RES_OK)
        return ctl_failed(c);
    return n ? APP_OK : ctl_fail(c, CTL_NO, "no such token, or it is revoked already");
}

int
ctl_token(struct ctl *c, int argc, char **argv)
{
    static const struct ctl_cmd cmds[] = {
        {"create", "", "", "", create}, {"list", "", "", "", list}, {"revoke", "", "", "", revoke}, {0}};

    return ctl_sub(c, cmds, argc, argv);
}
