/* faults: how the stand-in misbehaves; set by PUT /_faults, deterministic by seed. */
#ifndef STANDIN_FAULTS_H
#define STANDIN_FAULTS_H

#include "tests/standin/auth.h"
#include "tests/standin/script.h"

enum { FAULTS_MIX = 32, FAULTS_RULES = 4096, FAULTS_SEQUENCE = 64 };

struct faults_share {
    struct outcome outcome;
    double share; /* 0..1 */
};

struct faults_mix {
    struct faults_share item[FAULTS_MIX];
    size_t n;
};

struct faults_rule {
    struct str nomor; /* into the settings */
    bool prefix;      /* it ended in a star */
    struct outcome sequence[FAULTS_SEQUENCE];
    size_t n;
};

struct faults {
    uint64_t seed;
    int64_t latency_ms;
    bool idempotent;
    bool delete_removes;   /* a DELETE before aktif leaves nothing, not a registration that is off */
    int64_t retry_after_s; /* -1 = no header */
    bool retry_after_date; /* as an HTTP date, not in seconds */
    struct telling telling;
    int64_t hang_ms;           /* after which a hanging connection is closed */
    int64_t late_ms;           /* from a call to its effect where that is late; -1 = when it is asked for */
    struct faults_mix mix;     /* of POST, PUT and DELETE */
    struct faults_mix mix_get; /* of GET */
    struct faults_rule *rules;
    size_t rules_n;
    struct scripts scripts; /* go before the rules */
    struct auth auth;
    unsigned epoch; /* counts the settings, so that sequences and scripts start anew */
    json_t *json;   /* as given; owned */
};

/* No faults at all. */
struct faults faults_none(uint64_t seed);

/* Replaces `f` by what `text` says; what is not named gets its default (the seed stays). RES_REJECT names the member
 * that is wrong and leaves `f` as it was. */
enum res faults_read(struct faults *f, struct str text, struct err *e);
void faults_free(struct faults *f);

/* What to do with one call. */
struct choice {
    struct outcome outcome;
    const struct step *step; /* of a script, else NULL; into the settings */
};

/* A POST or PUT about `nomor`, the n-th write (from 0) of `key`. Scripts go before rules, rules before the mix. */
struct choice faults_choose(const struct faults *f, struct book_nomor *nomor, enum ask ask, struct str key,
                            unsigned n);

/* A DELETE or GET about `nomor`, the n-th of its kind (from 0). Rules are not for them. Of a GET, code 200 when nothing
 * was drawn. */
struct choice faults_choose_other(const struct faults *f, struct book_nomor *nomor, enum ask ask, unsigned n);

#endif
