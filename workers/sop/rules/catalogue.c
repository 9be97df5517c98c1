#include "workers/sop/rules/catalogue.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "workers/sop/rules/source.h"

struct slot {
    const struct entry *entry; /* NULL = empty */
    const char *keyword;
};

struct catalogue {
    struct arena
        texts; /* a document of JSON would take three times as much for as long as the program runs */
    struct entry *entry;
    size_t n;
    struct slot *slot; /* open addressing, at most half full */
    size_t mask;
};

/* ---- the index -------------------------------------------------------------------------------------------------- */

static size_t
place(char level, struct str field, const char *keyword)
{
    return (size_t)(str_hash(field) * 31 + str_hash(str_of(keyword)) * 7 + (unsigned char)level);
}

static struct slot *
look(const struct catalogue *c, char level, struct str field, const char *keyword)
{
    size_t i = place(level, field, keyword) & c->mask;

    for (; c->slot[i].entry; i = (i + 1) & c->mask)
        if (entry_level(c->slot[i].entry) == level && str_is(field, c->slot[i].entry->field) &&
            strcmp(c->slot[i].keyword, keyword) == 0)
            break;
    return &c->slot[i];
}

const struct entry *
catalogue_of(const struct catalogue *c, char level, struct str field, const char *keyword)
{
    const struct entry *e = look(c, level, field, keyword)->entry;

    if (!e)
        e = look(c, level, field, "*")->entry;
    if (!e)
        e = look(c, level, STR("*"), keyword)->entry;
    return e ? e : look(c, level, STR("*"), "*")->entry;
}

const struct entry *
catalogue_code(const struct catalogue *c, struct str code)
{
    for (size_t i = 0; i < c->n; i++)
        if (str_is(code, c->entry[i].code))
            return &c->entry[i];
    return NULL;
}

/* ---- loading ---------------------------------------------------------------------------------------------------- */

/* With its NUL, in memory of our own. */
static const char *
keep(struct catalogue *c, const char *z)
{
    return z ? arena_str(&c->texts, (struct str){z, strlen(z) + 1}).p : NULL;
}

static const char *
text(struct catalogue *c, const json_t *entry, const char *name)
{
    const char *z = json_string_value(json_object_get(entry, name));

    return z && *z ? keep(c, z) : NULL;
}

static bool
is_code(const char *z)
{
    return z && strlen(z) == 10 && strncmp(z, "PA20-", 5) == 0 && (z[5] == 'E' || z[5] == 'W') &&
           z[6] == '-' && strspn(z + 7, "0123456789") == 3;
}

static enum res
read_keywords(struct catalogue *c, const struct entry *entry, const json_t *list, const char *path,
              struct err *e)
{
    size_t i;
    json_t *k;

    json_array_foreach (list, i, k) {
        const char *keyword = json_string_value(k);
        struct slot *s = keyword ? look(c, entry_level(entry), str_of(entry->field), keyword) : NULL;

        if (!s)
            return err_set(e, RES_FATAL, "%s: %s: keyword[%zu] is no text", path, entry->code, i);
        if (s->entry)
            return err_set(e, RES_FATAL, "%s: %s and %s are both for %s %s", path, s->entry->code,
                           entry->code, entry->field, keyword);
        *s = (struct slot){entry, keep(c, keyword)};
    }
    return RES_OK;
}

static enum res
read_entry(struct catalogue *c, size_t at, const json_t *j, const char *path, struct err *e)
{
    struct entry *entry = &c->entry[c->n];
    const json_t *keywords = json_object_get(j, "keyword");
    const json_t *timed = json_object_get(j, "bergantung_waktu");
    bool named = json_is_true(json_object_get(j, "aturan"));

    *entry = (struct entry){text(c, j, "kode"), text(c, j, "field"), text(c, j, "pesan"),
                            text(c, j, "message"), json_is_true(timed)};
    if (!is_code(entry->code))
        return err_set(e, RES_FATAL, "%s: temuan[%zu]: kode is not PA20-E-nnn or PA20-W-nnn", path, at);
    if (catalogue_code(c, str_of(entry->code)))
        return err_set(e, RES_FATAL, "%s: %s stands twice", path, entry->code);
    if (!entry->pesan || !entry->message)
        return err_set(e, RES_FATAL, "%s: %s lacks pesan or message", path, entry->code);
    if (named == (entry->field != NULL) || named == json_is_array(keywords))
        return err_set(e, RES_FATAL, "%s: %s has either aturan: true or field and keyword", path,
                       entry->code);
    if (timed && (!named || !json_is_true(timed)))
        return err_set(e, RES_FATAL, "%s: %s: bergantung_waktu is true, and only beside aturan: true", path,
                       entry->code);
    c->n++;
    return named ? RES_OK : read_keywords(c, entry, keywords, path, e);
}

static size_t
count_keywords(const json_t *list)
{
    size_t n = 0;
    size_t i;
    json_t *j;

    json_array_foreach (list, i, j)
        n += json_array_size(json_object_get(j, "keyword"));
    return n;
}

static enum res
read_all(struct catalogue *c, const json_t *doc, const char *path, struct err *e)
{
    const json_t *list = json_object_get(doc, "temuan");
    size_t slots = 64;
    size_t i;
    json_t *j;

    if (!json_is_array(list))
        return err_set(e, RES_FATAL, "%s: member temuan is no array", path);
    while (slots < 2 * count_keywords(list))
        slots *= 2;
    c->mask = slots - 1;
    c->slot = calloc(slots, sizeof *c->slot);
    c->entry = calloc(json_array_size(list) + 1, sizeof *c->entry);
    if (!c->slot || !c->entry)
        return err_set(e, RES_FATAL, "out of memory");
    json_array_foreach (list, i, j) {
        if (read_entry(c, i, j, path, e) != RES_OK)
            return RES_FATAL;
    }
    if (!look(c, 'E', STR("*"), "*")->entry)
        return err_set(e, RES_FATAL, "%s: no E of last resort (field *, keyword *)", path);
    return RES_OK;
}

enum res
catalogue_load(const struct source *from, struct catalogue **ret, struct err *e)
{
    struct catalogue *c = calloc(1, sizeof *c);
    json_t *doc = NULL;
    enum res res;

    *ret = NULL;
    if (!c)
        return err_set(e, RES_FATAL, "out of memory");
    doc = source_json(from, e);
    res = doc ? read_all(c, doc, from->path, e) : RES_FATAL;
    json_decref(doc);
    if (res != RES_OK) {
        catalogue_free(c);
        return res;
    }
    *ret = c;
    return RES_OK;
}

void
catalogue_free(struct catalogue *c)
{
    if (!c)
        return;
    arena_free(&c->texts);
    free(c->entry);
    free(c->slot);
    free(c);
}
