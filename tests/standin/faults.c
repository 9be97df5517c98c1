#include "tests/standin/faults.h"

#include <stdlib.h>

#include "tests/standin/setting.h"

struct faults
faults_none(uint64_t seed)
{
    return (struct faults){.seed = seed,
                           .idempotent = true,
                           .retry_after_s = -1,
                           .telling = {.after_ms = 1000, .repeat = 1, .on = true},
                           .auth = auth_none(),
                           .hang_ms = 60000,
                           .late_ms = 2000};
}

void
faults_free(struct faults *f)
{
    json_decref(f->json);
    free(f->rules);
    scripts_free(&f->scripts);
    auth_free(&f->auth);
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

static enum res
read_plain(struct faults *f, const char *key, json_t *v, bool *found, struct err *e)
{
    int64_t seed = -1;
    struct telling *t = &f->telling;
    const struct setting table[] = {{"seed", SETTING_INT, &seed, 0, INT64_MAX},
                                    {"latency_ms", SETTING_INT, &f->latency_ms, 0, 600000},
                                    {"idempotent", SETTING_BOOL, &f->idempotent, 0, 0},
                                    {"delete_removes", SETTING_BOOL, &f->delete_removes, 0, 0},
                                    {"retry_after_s", SETTING_INT, &f->retry_after_s, -1, 4000000000},
                                    {"retry_after_date", SETTING_BOOL, &f->retry_after_date, 0, 0},
                                    {"hang_ms", SETTING_INT, &f->hang_ms, 1, 600000},
                                    {"late_ms", SETTING_INT, &f->late_ms, -1, 600000},
                                    {"callbacks", SETTING_BOOL, &t->on, 0, 0},
                                    {"callback_after_ms", SETTING_INT, &t->after_ms, -1, 86400000},
                                    {"callback_repeat", SETTING_INT, &t->repeat, 1, 10},
                                    {"callback_twice", SETTING_BOOL, &t->twice, 0, 0},
                                    {"callback_reversed", SETTING_BOOL, &t->reversed, 0, 0},
                                    {"callback_first", SETTING_BOOL, &t->first, 0, 0},
                                    {NULL, SETTING_INT, NULL, 0, 0}};
    enum res res = setting_read(table, key, v, found, e);

    if (seed >= 0)
        f->seed = (uint64_t)seed;
    return res;
}

static enum res
read_setting(struct faults *f, const char *key, json_t *v, struct err *e)
{
    bool found;
    enum res res = read_plain(f, key, v, &found, e);

    if (res || found || !strcmp(key, "script"))
        return res; /* a script comes last: it stands on the other settings */
    if (!strcmp(key, "mix"))
        return read_mix(v, key, &f->mix, e);
    if (!strcmp(key, "mix_get"))
        return read_mix(v, key, &f->mix_get, e);
    if (!strcmp(key, "rules"))
        return read_rules(v, f, e);
    if (!strcmp(key, "auth"))
        return auth_read(&f->auth, v, e);
    return err_set(e, RES_REJECT, "no setting is called \"%.40s\"", key);
}

static enum res
read_all(struct faults *f, struct err *e)
{
    enum res res = RES_OK;
    json_t *script = json_object_get(f->json, "script");
    const char *key;
    json_t *v;

    if (!json_is_object(f->json))
        return err_set(e, RES_REJECT, "the settings are a JSON object");
    json_object_foreach (f->json, key, v)
        if (!res)
            res = read_setting(f, key, v, e);
    if (f->telling.twice && f->telling.repeat < 2)
        f->telling.repeat = 2;
    return res || !script ? res : scripts_read(&f->scripts, script, &f->telling, e);
}

enum res
faults_read(struct faults *f, struct str text, struct err *e)
{
    struct faults next = faults_none(f->seed);
    json_error_t je;
    enum res res;

    next.json = json_loadb(text.n ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &je);
    if (!next.json)
        return err_set(e, RES_REJECT, "line %d: %s", je.line, je.text);
    res = read_all(&next, e);
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

static bool
by_script(const struct faults *f, struct book_nomor *nomor, enum ask ask, struct choice *ret)
{
    const struct step *step = f->scripts.n && nomor ? scripts_next(&f->scripts, f->epoch, nomor, ask) : NULL;

    if (step)
        *ret = (struct choice){step->outcome, step};
    return step != NULL;
}

struct choice
faults_choose(const struct faults *f, struct book_nomor *nomor, enum ask ask, struct str key, unsigned n)
{
    struct choice c = {.step = NULL};

    if (by_script(f, nomor, ask, &c))
        return c;
    if (nomor && f->rules_n && by_rule(f, nomor, &c.outcome))
        return c;
    if (f->mix.n && draw(&f->mix, uniform(f->seed, str_hash(key), n), &c.outcome))
        return c;
    outcome_find("201", &c.outcome);
    return c;
}

/* The number and not the id goes into the dice: ids depend on the order in which numbers arrive. */
struct choice
faults_choose_other(const struct faults *f, struct book_nomor *nomor, enum ask ask, unsigned n)
{
    const struct faults_mix *mix = ask == ASK_GET ? &f->mix_get : &f->mix;
    struct choice c = {.step = NULL};

    if (by_script(f, nomor, ask, &c))
        return c;
    outcome_find("201", &c.outcome);
    if (ask == ASK_GET)
        c.outcome.code = 200;
    if (mix->n && nomor)
        draw(mix, uniform(f->seed + (uint64_t)ask, nomor->name.hash, n), &c.outcome);
    return c;
}
