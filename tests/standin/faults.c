#include "tests/standin/faults.h"

#include <stdlib.h>

struct faults
faults_none(uint64_t seed)
{
    return (struct faults){.seed = seed,
                           .idempotent = true,
                           .retry_after_s = -1,
                           .callback_after_ms = 1000,
                           .callbacks = true,
                           .callback_repeat = 1,
                           .hang_ms = 60000};
}

void
faults_free(struct faults *f)
{
    json_decref(f->json);
    free(f->rules);
    *f = faults_none(f->seed);
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

static enum res
read_mix(json_t *v, const char *name, struct faults_mix *mix, struct err *e)
{
    const char *key;
    json_t *share;
    double sum = 0;

    if (!json_is_object(v) || json_object_size(v) > FAULTS_MIX)
        return err_set(e, RES_REJECT, "%s is an object of at most %d outcomes", name, FAULTS_MIX);
    json_object_foreach (v, key, share) {
        struct faults_share *item = &mix->item[mix->n++];

        if (!outcome_find(key, &item->outcome))
            return err_set(e, RES_REJECT, "%s: no outcome is called \"%.20s\"", name, key);
        item->share = json_is_number(share) ? json_number_value(share) : -1;
        if (!(item->share >= 0 && item->share <= 1))
            return err_set(e, RES_REJECT, "%s: the share of \"%s\" is a number from 0 to 1", name, key);
        sum += item->share;
    }
    return sum > 1.000001 ? err_set(e, RES_REJECT, "%s: the shares sum up to more than 1", name) : RES_OK;
}

static enum res
read_sequence(json_t *list, struct faults_rule *rule, struct err *e)
{
    size_t i;
    json_t *v;

    if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > FAULTS_SEQUENCE)
        return err_set(e, RES_REJECT, "rules: sequence is a list of 1 to %d outcomes", FAULTS_SEQUENCE);
    json_array_foreach (list, i, v)
        if (!json_is_string(v) || !outcome_find(json_string_value(v), &rule->sequence[rule->n++]))
            return err_set(e, RES_REJECT, "rules: entry %zu of a sequence is no outcome", i);
    return RES_OK;
}

static enum res
read_rules(json_t *list, struct faults *f, struct err *e)
{
    size_t i;
    json_t *v;
    enum res res = RES_OK;

    if (!json_is_array(list) || json_array_size(list) > FAULTS_RULES)
        return err_set(e, RES_REJECT, "rules is a list of at most %d", FAULTS_RULES);
    f->rules = calloc(json_array_size(list) + 1, sizeof *f->rules);
    if (!f->rules)
        return err_set(e, RES_RETRY, "out of memory");
    json_array_foreach (list, i, v) {
        struct faults_rule *rule = &f->rules[f->rules_n++];

        rule->nomor = str_of(json_string_value(json_object_get(v, "nomor")));
        if (!rule->nomor.n || json_object_size(v) != 2)
            return err_set(e, RES_REJECT, "rules: entry %zu has not just nomor and sequence", i);
        rule->prefix = str_ends(rule->nomor, STR("*"));
        rule->nomor.n -= rule->prefix;
        res = read_sequence(json_object_get(v, "sequence"), rule, e);
        if (res)
            return res;
    }
    return RES_OK;
}

struct number {
    const char *name;
    int64_t *to;
    int64_t min;
    int64_t max;
};

static enum res
read_number(const struct number *n, json_t *v, struct err *e)
{
    if (json_is_null(v) && n->min == -1) {
        *n->to = -1;
        return RES_OK;
    }
    *n->to = json_is_integer(v) ? json_integer_value(v) : INT64_MIN;
    if (*n->to < n->min || *n->to > n->max)
        return err_set(e, RES_REJECT, "%s is a whole number from %lld to %lld%s", n->name,
                       n->min < 0 ? 0 : (long long)n->min, (long long)n->max, n->min < 0 ? " or null" : "");
    return RES_OK;
}

static enum res
read_member(struct faults *f, const char *key, json_t *v, struct err *e)
{
    int64_t seed = 0;
    const struct number numbers[] = {{"seed", &seed, 0, INT64_MAX},
                                     {"latency_ms", &f->latency_ms, 0, 600000},
                                     {"retry_after_s", &f->retry_after_s, -1, 4000000000},
                                     {"callback_after_ms", &f->callback_after_ms, -1, 86400000},
                                     {"callback_repeat", &f->callback_repeat, 1, 10},
                                     {"hang_ms", &f->hang_ms, 1, 600000}};
    enum res res;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(key, numbers[i].name))
            continue;
        res = read_number(&numbers[i], v, e);
        if (i == 0)
            f->seed = (uint64_t)seed;
        return res;
    }
    if (!strcmp(key, "mix"))
        return read_mix(v, key, &f->mix, e);
    if (!strcmp(key, "mix_get"))
        return read_mix(v, key, &f->mix_get, e);
    if (!strcmp(key, "rules"))
        return read_rules(v, f, e);
    if (strcmp(key, "idempotent") && strcmp(key, "callbacks"))
        return err_set(e, RES_REJECT, "no setting is called \"%.40s\"", key);
    if (!json_is_boolean(v))
        return err_set(e, RES_REJECT, "%s is true or false", key);
    *(key[0] == 'i' ? &f->idempotent : &f->callbacks) = json_is_true(v);
    return RES_OK;
}

enum res
faults_read(struct faults *f, struct str text, struct err *e)
{
    struct faults next = faults_none(f->seed);
    json_error_t je;
    const char *key;
    json_t *v;
    enum res res = RES_OK;

    next.json = json_loadb(text.n ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &je);
    if (!next.json)
        return err_set(e, RES_REJECT, "line %d: %s", je.line, je.text);
    if (!json_is_object(next.json))
        res = err_set(e, RES_REJECT, "the settings are a JSON object");
    json_object_foreach (next.json, key, v)
        if (!res)
            res = read_member(&next, key, v, e);
    if (res) {
        faults_free(&next);
        return res;
    }
    next.epoch = f->epoch + 1;
    faults_free(f);
    *f = next;
    return RES_OK;
}

/* ---- drawing -------------------------------------------------------------------------------------------------- */

static double
uniform(uint64_t seed, uint64_t what, uint64_t n)
{
    uint64_t z = seed + what * 0x9e3779b97f4a7c15ULL + (n + 1) * 0xd1b54a32d192ed03ULL;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    return (double)(z >> 11) / 9007199254740992.0;
}

static bool
draw(const struct faults_mix *mix, double u, struct outcome *ret)
{
    for (size_t i = 0; i < mix->n; i++) {
        u -= mix->item[i].share;
        if (u < 0) {
            *ret = mix->item[i].outcome;
            return true;
        }
    }
    return false;
}

static bool
by_rule(const struct faults *f, struct book_nomor *nomor, struct outcome *ret)
{
    struct str z = {nomor->name.z, nomor->name.n};

    for (size_t i = 0; i < f->rules_n; i++) {
        const struct faults_rule *rule = &f->rules[i];

        if (rule->prefix ? !str_starts(z, rule->nomor) : !str_eq(z, rule->nomor))
            continue;
        if (nomor->rule_epoch != f->epoch)
            nomor->rule_seen = 0;
        nomor->rule_epoch = f->epoch;
        *ret = rule->sequence[nomor->rule_seen < rule->n ? nomor->rule_seen : rule->n - 1];
        nomor->rule_seen++;
        return true;
    }
    return false;
}

struct outcome
faults_choose(const struct faults *f, struct book_nomor *nomor, struct str key, unsigned n)
{
    struct outcome o;

    if (nomor && f->rules_n && by_rule(f, nomor, &o))
        return o;
    if (f->mix.n && draw(&f->mix, uniform(f->seed, str_hash(key), n), &o))
        return o;
    outcome_find("201", &o);
    return o;
}

struct outcome
faults_choose_get(const struct faults *f, unsigned n)
{
    struct outcome o = {.code = 200};

    if (f->mix_get.n)
        draw(&f->mix_get, uniform(f->seed, 7, n), &o);
    return o;
}
