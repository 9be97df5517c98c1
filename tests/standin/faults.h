/* faults: how the stand-in misbehaves; set by PUT /_faults, deterministic by seed. */
#ifndef STANDIN_FAULTS_H
#define STANDIN_FAULTS_H

#include <jansson.h>

#include "common/base/err.h"
#include "tests/standin/book.h"

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
    int64_t retry_after_s;     /* -1 = no header */
    int64_t callback_after_ms; /* -1 = a 202 never ends */
    bool callbacks;            /* false: a 202 ends, but only who asks is told */
    int64_t callback_repeat;   /* how often each callback is sent */
    int64_t hang_ms;           /* after which a hanging connection is closed */
    struct faults_mix mix;     /* of POST, PUT and DELETE */
    struct faults_mix mix_get; /* of GET */
    struct faults_rule *rules;
    size_t rules_n;
    unsigned epoch; /* counts the settings, so that a rule's sequence starts anew */
    json_t *json;   /* as given; owned */
};

/* No faults at all. */
struct faults faults_none(uint64_t seed);

/* Replaces `f` by what `text` says; what is not named gets its default (the seed stays). RES_REJECT names the member
 * that is wrong and leaves `f` as it was. */
enum res faults_read(struct faults *f, struct str text, struct err *e);
void faults_free(struct faults *f);

/* What to do with the n-th write of `key` (from 0) about `nomor` (NULL when unknown). Rules go before the mix. */
struct outcome faults_choose(const struct faults *f, struct book_nomor *nomor, struct str key, unsigned n);

/* What to do with the n-th GET; `code` 200 when nothing was drawn. */
struct outcome faults_choose_get(const struct faults *f, unsigned n);

#endif
