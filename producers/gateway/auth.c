#include "producers/gateway/auth.h"

#include <stdlib.h>
#include <strings.h>

enum { SLOTS = 1024, TOKEN_MAX = 512 };

const struct pg_stmt auth_lookup = {
    "gateway_token",
    "select array_to_string(t.kode_opd, ' '), t.officer, coalesce(o.aktif, false), t.expires_at"
    "  from token t left join officer o on o.id = t.officer"
    " where t.hash = $1::bytea and t.revoked_at is null and (t.expires_at is null or t.expires_at > now())"};

struct str
auth_bearer(struct str header)
{
    struct str t = header;

    if (t.n < 8 || strncasecmp(t.p, "bearer ", 7) != 0)
        return STR_NULL;
    t = (struct str){t.p + 7, t.n - 7};
    while (t.n && t.p[0] == ' ')
        t = (struct str){t.p + 1, t.n - 1};
    while (t.n && t.p[t.n - 1] == ' ')
        t.n--;
    return t.n && t.n <= TOKEN_MAX ? t : STR_NULL;
}

/* Blanks part the list, since a kode_opd has none. */
static void
split_opd(struct auth *a, struct str list)
{
    size_t from = 0;

    for (size_t i = 0; i <= list.n; i++) {
        if (i < list.n && list.p[i] != ' ')
            continue;
        if (i > from && a->nopd < AUTH_OPD_MAX)
            a->opd[a->nopd++] = (struct str){list.p + from, i - from};
        from = i + 1;
    }
}

struct auth *
auth_from_row(const PGresult *r, const unsigned char hash[HASH_SIZE])
{
    struct str list, officer;
    struct auth *a;

    if (PQntuples(r) != 1)
        return NULL;
    list = pg_text(r, 0, 0);
    officer = pg_text(r, 0, 1);
    a = calloc(1, sizeof *a);
    if (a) {
        a->mem = malloc(list.n + officer.n + 1);
        a->load = calloc(1, sizeof *a->load);
    }
    if (!a || !a->mem || !a->load) {
        if (a) {
            free(a->mem);
            free(a->load);
        }
        free(a);
        return NULL;
    }
    a->refs = a->load->refs = 1;
    memcpy(a->hash, hash, HASH_SIZE);
    memcpy(a->load->hash, hash, HASH_SIZE);
    if (list.n)
        memcpy(a->mem, list.p, list.n);
    if (officer.n)
        memcpy(a->mem + list.n, officer.p, officer.n);
    split_opd(a, (struct str){a->mem, list.n});
    a->officer = officer.p ? (struct str){a->mem + list.n, officer.n} : STR_NULL;
    a->aktif = pg_int(r, 0, 2) != 0;
    a->expires_us = pg_time(r, 0, 3);
    return a;
}

struct auth *
auth_ref(struct auth *a)
{
    a->refs++;
    return a;
}

static void
load_unref(struct auth_load *load)
{
    if (load && !--load->refs)
        free(load);
}

void
auth_unref(struct auth *a)
{
    if (!a || --a->refs)
        return;
    load_unref(a->load);
    free(a->mem);
    free(a); /* NOLINT(clang-analyzer-unix.Malloc): it cannot count, and takes any reference for the last */
}

bool
auth_is_officer(const struct auth *a)
{
    return a->officer.n > 0;
}

bool
auth_owns(const struct auth *a, struct str kode_opd)
{
    for (unsigned i = 0; i < a->nopd; i++)
        if (str_eq(a->opd[i], kode_opd))
            return true;
    return false;
}

bool
auth_is_reader(const struct auth *a)
{
    return auth_owns(a, STR("*"));
}

/* ---- cache ------------------------------------------------------------------------------------------------------ */

struct auth_cache {
    struct auth *slot[SLOTS];
    struct auth_load *load[SLOTS]; /* of whom the slot held last, known still or not */
};

static unsigned
place(const unsigned char hash[HASH_SIZE])
{
    return (hash[0] | (unsigned)hash[1] << 8) % SLOTS;
}

struct auth_cache *
auth_cache_new(void)
{
    return calloc(1, sizeof(struct auth_cache));
}

void
auth_cache_free(struct auth_cache *c)
{
    for (unsigned i = 0; c && i < SLOTS; i++) {
        auth_unref(c->slot[i]);
        load_unref(c->load[i]);
    }
    free(c);
}

struct auth *
auth_cache_get(struct auth_cache *c, const unsigned char hash[HASH_SIZE], int64_t mono_ms, int64_t now_us)
{
    struct auth **at = &c->slot[place(hash)];
    struct auth *a = *at;

    if (!a || !hash_same(a->hash, hash, HASH_SIZE))
        return NULL;
    if (mono_ms < a->fresh_until_ms && (a->expires_us == INT64_MIN || now_us < a->expires_us))
        return auth_ref(a);
    *at = NULL;
    auth_unref(a);
    return NULL;
}

/* Of one token there is one load. */
static void
share_load(struct auth_load **known, struct auth *a)
{
    if (*known && a->load && hash_same((*known)->hash, a->load->hash, HASH_SIZE)) {
        load_unref(a->load);
        a->load = *known;
    } else {
        load_unref(*known);
        *known = a->load;
    }
    if (a->load)
        a->load->refs++;
}

void
auth_cache_put(struct auth_cache *c, struct auth *a, int64_t until_ms)
{
    unsigned i = place(a->hash);

    share_load(&c->load[i], a);
    auth_unref(c->slot[i]);
    a->fresh_until_ms = until_ms;
    c->slot[i] = auth_ref(a);
}
