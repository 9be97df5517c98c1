#include "tests/standin/script.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/standin/setting.h"

enum { BODY_MAX = 1 << 20, WAIT_MAX_MS = 86400000 };

/* ---- reading -------------------------------------------------------------------------------------------------- */

static bool
find_ask(const char *name, size_t n, unsigned *ret)
{
    static const struct {
        struct str name;
        unsigned asks;
    } methods[] = {{{"POST", 4}, ASK_POST},
                   {{"PUT", 3}, ASK_PUT},
                   {{"DELETE", 6}, ASK_DELETE},
                   {{"GET", 3}, ASK_GET},
                   {{"*", 1}, ASK_WRITE | ASK_GET}};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (str_eq(methods[i].name, (struct str){name, n})) {
            *ret = methods[i].asks;
            return true;
        }
    }
    return false;
}

/* A code (503) or a word, which may begin with a method: "cut", "POST 503", "GET hang". */
static bool
read_word(struct step *step, json_t *v)
{
    const char *word = json_string_value(v);
    const char *blank = word ? strchr(word, ' ') : NULL;
    char code[16];

    if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) < 1000) {
        snprintf(code, sizeof code, "%d", (int)json_integer_value(v));
        word = code;
    }
    if (blank && !find_ask(word, (size_t)(blank - word), &step->asks))
        return false;
    return word && outcome_find(blank ? blank + 1 : word, &step->outcome);
}

static enum res
read_status(struct step *step, const char *word, struct err *e)
{
    if (word && outcome_find_status(word, &step->outcome.end))
        return RES_OK;
    return err_set(e, RES_REJECT,
                   "script: callback is true, false, a status, or an object of status, "
                   "after_ms, repeat, twice, reversed, first");
}

static enum res
read_callback(struct step *step, json_t *v, struct err *e)
{
    struct telling *t = &step->telling;
    const char *status = NULL;
    const struct setting table[] = {{"status", SETTING_TEXT, &status, 0, 0},
                                    {"after_ms", SETTING_INT, &t->after_ms, -1, WAIT_MAX_MS},
                                    {"repeat", SETTING_INT, &t->repeat, 1, 10},
                                    {"twice", SETTING_BOOL, &t->twice, 0, 0},
                                    {"reversed", SETTING_BOOL, &t->reversed, 0, 0},
                                    {"first", SETTING_BOOL, &t->first, 0, 0},
                                    {NULL, SETTING_INT, NULL, 0, 0}};
    enum res res = RES_OK;

    t->on = !json_is_false(v);
    step->told = t->on;
    if (json_is_boolean(v))
        return RES_OK;
    if (!json_is_object(v))
        return read_status(step, json_string_value(v), e);
    res = setting_read_all(table, "script: callback", v, e);
    return res || !status ? res : read_status(step, status, e);
}

/* A text stays as it is; other JSON is written compactly. */
static enum res
read_body(struct step *step, json_t *v, struct err *e)
{
    struct str text = {json_string_value(v), json_string_length(v)};

    step->body = json_is_string(v) ? str_dup(text)
                                   : json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
    if (!step->body)
        return err_set(e, RES_RETRY, "out of memory");
    return strlen(step->body) > BODY_MAX ? err_set(e, RES_REJECT, "script: a body is too long") : RES_OK;
}

static enum res
read_method(struct step *step, json_t *v, struct err *e)
{
    const char *word = json_string_value(v);

    return word && find_ask(word, strlen(word), &step->asks)
               ? RES_OK
               : err_set(e, RES_REJECT, "script: method is POST, PUT, DELETE, GET or *");
}

static enum res
read_retry_after(struct step *step, json_t *v, struct err *e)
{
    const struct setting table[] = {{"retry_after_s", SETTING_INT, &step->retry_after_s, -1, 4000000000},
                                    {NULL, SETTING_INT, NULL, 0, 0}};
    bool found;

    step->retry_after = json_string_value(v);
    return step->retry_after ? RES_OK : setting_read(table, "retry_after_s", v, &found, e);
}

static enum res
read_member(struct step *step, const char *key, json_t *v, struct err *e)
{
    const struct setting table[] = {{"delay_ms", SETTING_INT, &step->delay_ms, 0, 600000},
                                    {NULL, SETTING_INT, NULL, 0, 0}};
    bool found;
    enum res res;

    if (!strcmp(key, "code") || !strcmp(key, "apply"))
        return RES_OK; /* read before */
    if (!strcmp(key, "method"))
        return read_method(step, v, e);
    if (!strcmp(key, "retry_after_s"))
        return read_retry_after(step, v, e);
    if (!strcmp(key, "body"))
        return read_body(step, v, e);
    if (!strcmp(key, "callback"))
        return read_callback(step, v, e);
    res = setting_read(table, key, v, &found, e);
    return res || found ? res : err_set(e, RES_REJECT, "script: a step has no member \"%.40s\"", key);
}

/* What it does comes first: the other members stand on it, in whatever order they are written. */
static enum res
read_outcome(struct step *step, json_t *v, struct err *e)
{
    bool object = json_is_object(v);
    json_t *code = object ? json_object_get(v, "code") : v;
    json_t *apply = json_object_get(v, "apply");

    outcome_find("ok", &step->outcome);
    if ((code || !object) && !read_word(step, code))
        return err_set(e, RES_REJECT,
                       "script: a step is a code, an outcome (\"503\", \"POST cut\") or an object");
    if (!apply)
        return RES_OK;
    outcome_apply(&step->outcome, json_is_true(apply));
    return json_is_boolean(apply) ? RES_OK : err_set(e, RES_REJECT, "script: apply is true or false");
}

static enum res
read_step(struct step *step, json_t *v, const struct telling *usual, struct err *e)
{
    enum res res;
    const char *key;
    json_t *member;

    *step = (struct step){.asks = ASK_WRITE, .delay_ms = -1, .retry_after_s = -2, .telling = *usual};
    res = read_outcome(step, v, e);
    json_object_foreach (v, key, member)
        if (!res)
            res = read_member(step, key, member, e);
    if (step->telling.twice && step->telling.repeat < 2)
        step->telling.repeat = 2;
    return res;
}

static enum res
read_script(struct script *script, const char *nomor, json_t *list, const struct telling *usual,
            struct err *e)
{
    enum res res = RES_OK;
    size_t i;
    json_t *v;

    script->nomor = str_of(nomor);
    script->prefix = str_ends(script->nomor, STR("*"));
    script->nomor.n -= script->prefix;
    if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > SCRIPT_STEPS)
        return err_set(e, RES_REJECT, "script: \"%.40s\" has a list of 1 to %d steps", nomor, SCRIPT_STEPS);
    script->steps = calloc(json_array_size(list), sizeof *script->steps);
    if (!script->steps)
        return err_set(e, RES_RETRY, "out of memory");
    json_array_foreach (list, i, v)
        if (!res)
            res = read_step(&script->steps[script->n++], v, usual, e);
    return res;
}

enum res
scripts_read(struct scripts *s, json_t *v, const struct telling *usual, struct err *e)
{
    enum res res = RES_OK;
    const char *nomor;
    json_t *list;

    if (!json_is_object(v) || json_object_size(v) > SCRIPT_MAX)
        return err_set(e, RES_REJECT, "script is an object of at most %d numbers", SCRIPT_MAX);
    s->item = calloc(json_object_size(v) + 1, sizeof *s->item);
    if (!s->item)
        return err_set(e, RES_RETRY, "out of memory");
    json_object_foreach (v, nomor, list)
        if (!res)
            res = read_script(&s->item[s->n++], nomor, list, usual, e);
    return res;
}

void
scripts_free(struct scripts *s)
{
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < s->item[i].n; k++)
            free(s->item[i].steps[k].body);
        free(s->item[i].steps);
    }
    free(s->item);
    *s = (struct scripts){0};
}

/* ---- using ---------------------------------------------------------------------------------------------------- */

static const struct script *
find_script(const struct scripts *s, struct str nomor)
{
    const struct script *by_prefix = NULL;

    for (const struct script *it = s->item; it < s->item + s->n; it++) {
        if (!it->prefix && str_eq(nomor, it->nomor))
            return it;
        if (!by_prefix && it->prefix && str_starts(nomor, it->nomor))
            by_prefix = it;
    }
    return by_prefix;
}

const struct step *
scripts_next(const struct scripts *s, unsigned epoch, struct book_nomor *nomor, enum ask ask)
{
    /* looked up once per number and settings, not at each call */
    if (nomor->script_epoch != epoch) {
        nomor->script = find_script(s, (struct str){nomor->name.z, nomor->name.n});
        nomor->script_epoch = epoch;
        nomor->script_used = 0;
    }
    for (size_t i = 0; nomor->script && i < nomor->script->n; i++) {
        uint64_t bit = 1ULL << i;

        if ((nomor->script_used & bit) || !(nomor->script->steps[i].asks & ask))
            continue;
        nomor->script_used |= bit;
        return &nomor->script->steps[i];
    }
    return NULL;
}
