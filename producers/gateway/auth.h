/* auth: who speaks. Bearer tokens are looked up by their SHA-256 and remembered for a short while, so that a request
 * normally costs no round trip; a revoked token is refused when that while has passed. */
#ifndef GATEWAY_AUTH_H
#define GATEWAY_AUTH_H

#include <libpq-fe.h>

#include "common/base/hash.h"
#include "common/base/str.h"
#include "common/pg/pg.h"

enum { AUTH_OPD_MAX = 64 };

/* Requests of one token that wait for their answer. It outlives what is known of the token, which is asked anew every few
 * seconds, so that a limit holds over that too. */
struct auth_load {
    unsigned refs;
    unsigned calls;
    unsigned char hash[HASH_SIZE];
};

/* What a token stands for; counted, because requests outlive their place in the cache. */
struct auth {
    unsigned refs;
    struct auth_load *load;
    unsigned char hash[HASH_SIZE];
    int64_t fresh_until_ms; /* monotonic */
    int64_t expires_us;     /* INT64_MIN = never */
    struct str officer;     /* pseudonymous id; STR_NULL for a department's token */
    bool aktif;             /* an officer may act */
    struct str opd[AUTH_OPD_MAX];
    unsigned nopd;
    char *mem; /* owns the text above */
};

/* The token of "Bearer <token>", in any case of the word; STR_NULL when the header says something else. */
struct str auth_bearer(struct str header);

/* The statement that looks a token up by its hash, and what its answer says; NULL for no row or no memory. The caller
 * holds one reference. */
extern const struct pg_stmt auth_lookup;
struct auth *auth_from_row(const PGresult *r, const unsigned char hash[HASH_SIZE]);

struct auth *auth_ref(struct auth *a);
void auth_unref(struct auth *a); /* NULL is fine */

bool auth_is_officer(const struct auth *a);

/* Whether the token is bound to that department. */
bool auth_owns(const struct auth *a, struct str kode_opd);

/* Whether the token is bound to all departments ('*'): it reads documents, saying for whom, and nothing else. */
bool auth_is_reader(const struct auth *a);

/* A cache of fixed size: a newer token takes the place of an older one that falls on the same slot. */
struct auth_cache;
struct auth_cache *auth_cache_new(void); /* NULL when memory is out */
void auth_cache_free(struct auth_cache *c);

/* Who the hash stands for, or NULL when that must be asked. The caller gets a reference. */
struct auth *auth_cache_get(struct auth_cache *c, const unsigned char hash[HASH_SIZE], int64_t mono_ms,
                            int64_t now_us);

/* Remembers until `until_ms` (monotonic); the same token's load of before is `a`'s from now on. */
void auth_cache_put(struct auth_cache *c, struct auth *a, int64_t until_ms);

#endif
