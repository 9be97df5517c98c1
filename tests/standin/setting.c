#include "tests/standin/setting.h"

#include <string.h>

static enum res
read_int(const struct setting *s, json_t *v, struct err *e)
{
    int64_t got = json_is_integer(v) ? json_integer_value(v) : INT64_MIN;
    int64_t least = s->min < 0 ? 0 : s->min;

    if (json_is_null(v) && s->min == -1)
        got = -1;
    else if (got < least || got > s->max)
        return err_set(e, RES_REJECT, "%s is a whole number from %lld to %lld%s", s->name, (long long)least,
                       (long long)s->max, s->min < 0 ? " or null" : "");
    *(int64_t *)s->to = got;
    return RES_OK;
}

static enum res
read_one(const struct setting *s, json_t *v, struct err *e)
{
    if (s->kind == SETTING_INT)
        return read_int(s, v, e);
    if (s->kind == SETTING_BOOL) {
        *(bool *)s->to = json_is_true(v);
        return json_is_boolean(v) ? RES_OK : err_set(e, RES_REJECT, "%s is true or false", s->name);
    }
    *(const char **)s->to = json_string_value(v);
    return json_string_length(v) ? RES_OK : err_set(e, RES_REJECT, "%s is a text", s->name);
}

enum res
setting_read(const struct setting *table, const char *key, json_t *v, bool *found, struct err *e)
{
    *found = false;
    for (const struct setting *s = table; s->name; s++) {
        if (strcmp(key, s->name) != 0)
            continue;
        *found = true;
        return read_one(s, v, e);
    }
    return RES_OK;
}

enum res
setting_read_all(const struct setting *table, const char *what, json_t *v, struct err *e)
{
    enum res res = RES_OK;
    const char *key;
    json_t *member;
    bool found;

    if (!json_is_object(v))
        return err_set(e, RES_REJECT, "%s is an object", what);
    json_object_foreach (v, key, member) {
        if (!res)
            res = setting_read(table, key, member, &found, e);
        if (!res && !found)
            res = err_set(e, RES_REJECT, "%s has no member \"%.40s\"", what, key);
    }
    return res;
}
