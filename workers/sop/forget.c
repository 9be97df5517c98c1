#include "workers/sop/forget.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json/scan.h"
#include "workers/sop/names.h"

enum { TYPES = 32, MEMBERS = 64, ITEM_MEMBERS = 16, VALUE_MAX = 300 };

/* A member that stays; of a list with `n` only those members of each item. */
struct member {
    const char *items[ITEM_MEMBERS];
    unsigned n;
};

struct kept {
    const char *type; /* without prefix and version */
    bool all;
    const char *names[MEMBERS];
    struct member member[MEMBERS];
    unsigned n;
};

struct forget_rules {
    json_t *text; /* what the names point into */
    struct kept types[TYPES];
    unsigned n;
};

/* ---- rules ------------------------------------------------------------------------------------------------------ */

static enum res
wrong(struct err *e, const char *type, const char *name, const char *what)
{
    return err_set(e, RES_FATAL, "/simpan/%s%s%s: %s", type, *name ? "/" : "", name, what);
}

static enum res
read_items(const char *type, const char *name, json_t *list, struct member *m, struct err *e)
{
    size_t i;
    json_t *item;

    if (json_is_true(list))
        return RES_OK;
    if (json_array_size(list) == 0 || json_array_size(list) > ITEM_MEMBERS)
        return wrong(e, type, name, "true, or a list of 1 to 16 names");
    json_array_foreach (list, i, item) {
        if (!json_is_string(item))
            return wrong(e, type, name, "a list of names");
        m->items[m->n++] = json_string_value(item);
    }
    return RES_OK;
}

static enum res
read_type(struct kept *k, json_t *members, struct err *e)
{
    const char *name;
    json_t *list;
    enum res res = RES_OK;

    k->all = json_is_true(members);
    if (k->all)
        return RES_OK;
    if (!json_is_object(members) || json_object_size(members) > MEMBERS)
        return wrong(e, k->type, "", "true, or an object of at most 64 names");
    json_object_foreach (members, name, list) {
        if (res != RES_OK)
            break;
        k->names[k->n] = name;
        res = read_items(k->type, name, list, &k->member[k->n], e);
        k->n++;
    }
    return res;
}

static enum res
read_rules(struct forget_rules *r, struct err *e)
{
    json_t *all = json_object_get(r->text, "simpan");
    const char *type;
    json_t *members;
    enum res res = RES_OK;

    if (!json_is_object(all) || json_object_size(all) > TYPES)
        return err_set(e, RES_FATAL, "/simpan: an object of at most 32 types");
    json_object_foreach (all, type, members) {
        char full[128];

        if (res != RES_OK)
            break;
        snprintf(full, sizeof full, SOP_TYPE_PREFIX "%s.v1", type);
        if (fact_type_of(str_of(full)) == FACT_UNKNOWN)
            return wrong(e, type, "", "no type of an event");
        r->types[r->n].type = type;
        res = read_type(&r->types[r->n++], members, e);
    }
    return res;
}

enum res
forget_load(struct str json, struct forget_rules **ret, struct err *e)
{
    struct forget_rules *r = calloc(1, sizeof *r);
    json_error_t je;
    enum res res;

    *ret = NULL;
    if (!r)
        return err_set(e, RES_FATAL, "out of memory");
    r->text = json_loadb(json.p ? json.p : "", json.n, JSON_REJECT_DUPLICATES, &je);
    res = r->text ? read_rules(r, e) : err_set(e, RES_FATAL, "line %d: %s", je.line, je.text);
    if (res == RES_OK)
        *ret = r;
    else
        forget_free(r);
    return res;
}

void
forget_free(struct forget_rules *r)
{
    if (!r)
        return;
    json_decref(r->text);
    free(r);
}

/* ---- what stays ------------------------------------------------------------------------------------------------- */

static const struct kept *
rules_for(const struct forget_rules *r, struct str type)
{
    for (unsigned i = 0; i < r->n; i++) {
        char full[128];

        snprintf(full, sizeof full, SOP_TYPE_PREFIX "%s.v1", r->types[i].type);
        if (str_is(type, full))
            return &r->types[i];
    }
    return NULL;
}

static void
put_member(struct buf *out, const char *name, bool *first)
{
    if (!*first)
        buf_char(out, ',');
    *first = false;
    buf_json(out, str_of(name));
    buf_char(out, ':');
}

/* A sender may have put anything anywhere: whole objects, or text of any length, never stay. */
static bool
is_small(struct str raw)
{
    enum scan_kind kind = scan_kind(raw);

    return raw.n <= VALUE_MAX && kind != SCAN_OBJECT && kind != SCAN_ARRAY;
}

static void
put_item(struct buf *out, struct str item, const struct member *m)
{
    struct str raw[ITEM_MEMBERS];
    bool first = true;

    buf_char(out, '{');
    if (scan_pick(item, m->items, raw, m->n))
        for (unsigned i = 0; i < m->n; i++)
            if (raw[i].p && is_small(raw[i])) {
                put_member(out, m->items[i], &first);
                buf_str(out, raw[i]);
            }
    buf_char(out, '}');
}

static void
put_items(struct buf *out, struct str list, const struct member *m)
{
    struct scan_iter it = scan_iter(list);
    bool first = true;

    buf_char(out, '[');
    while (scan_kind(list) == SCAN_ARRAY && scan_next(&it)) {
        if (!first)
            buf_char(out, ',');
        first = false;
        put_item(out, it.value, m);
    }
    buf_char(out, ']');
}

static bool
stays(struct str raw)
{
    struct scan_iter it = scan_iter(raw);

    if (scan_kind(raw) != SCAN_ARRAY)
        return is_small(raw);
    while (scan_next(&it))
        if (!is_small(it.value))
            return false;
    return true;
}

static void
put_some(struct buf *out, struct str data, const struct kept *k, bool *first)
{
    struct str raw[MEMBERS];

    scan_pick(data, k->names, raw, k->n);
    for (unsigned i = 0; i < k->n; i++) {
        if (!raw[i].p || (!k->member[i].n && !stays(raw[i])))
            continue;
        put_member(out, k->names[i], first);
        if (k->member[i].n)
            put_items(out, raw[i], &k->member[i]);
        else
            buf_str(out, raw[i]);
    }
}

void
forget_data(const struct forget_rules *r, struct str type, struct str data, struct buf *out)
{
    const struct kept *k = rules_for(r, type);
    bool first = true;

    if (k && k->all) {
        buf_str(out, data);
        return;
    }
    buf_char(out, '{');
    if (k && scan_kind(data) == SCAN_OBJECT)
        put_some(out, data, k, &first);
    put_member(out, "dilupakan", &first);
    buf_z(out, "true}");
}

void
forget_findings(const struct forget_rules *r, struct str temuan, struct buf *out)
{
    static const struct member none = {{NULL}, 0};
    const struct kept *k = rules_for(r, str_of(fact_type_name(FACT_CHECK)));
    const struct member *m = &none;

    for (unsigned i = 0; k && i < k->n; i++)
        if (strcmp(k->names[i], "temuan") == 0)
            m = &k->member[i];
    put_items(out, temuan, m);
}
