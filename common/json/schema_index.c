#include "common/json/schema_impl.h"

#include <stdlib.h>

enum { MAX_NESTING = 400 };

struct place { /* where the walk is */
    uint32_t res;
    struct buf *ptr; /* from the root of `res` */
    unsigned depth;
};

enum res
schema_no_memory(struct err *e)
{
    return err_set(e, RES_RETRY, "out of memory");
}

static struct str
address_key(const json_t *const *json)
{
    return (struct str){(const char *)json, sizeof(const json_t *)};
}

static uint32_t
node_of(const struct schema_set *set, const json_t *json)
{
    return json_is_object(json) ? schema_map_get(&set->by_json, address_key(&json)) : SCHEMA_NONE;
}

static enum res
node_add(struct schema_set *set, const json_t *json, uint32_t res, struct str ptr, uint32_t *ret,
         struct err *e)
{
    struct schema_node *node;

    if (!schema_grow(&set->node, &set->cap_node, set->nnode, sizeof *set->node))
        return schema_no_memory(e);
    node = &set->node[set->nnode];
    *node = (struct schema_node){.json = json, .res = res, .ptr = str_dup(ptr)};
    if (!node->ptr)
        return schema_no_memory(e);
    *ret = (uint32_t)set->nnode++;
    if (json_is_object(json) && !schema_map_put(&set->by_json, address_key(&json), *ret))
        return schema_no_memory(e);
    return RES_OK;
}

static enum res
claim(struct schema_set *set, struct str uri, uint32_t node, struct err *e)
{
    uint32_t old = schema_map_get(&set->by_uri, uri);

    if (old != SCHEMA_NONE && old != node)
        return err_set(e, RES_REJECT, "%.*s: two schemas claim this URI", STR_FMT(uri));
    return schema_map_put(&set->by_uri, uri, node) ? RES_OK : schema_no_memory(e);
}

/* A resource whose root will be the next node. Takes `uri` on success. */
static enum res
res_add(struct schema_set *set, char *uri, uint32_t parent, uint32_t *ret, struct err *e)
{
    if (!schema_grow(&set->res, &set->cap_res, set->nres, sizeof *set->res))
        return schema_no_memory(e);
    set->res[set->nres] = (struct schema_res){.uri = uri, .node = (uint32_t)set->nnode, .parent = parent};
    *ret = (uint32_t)set->nres++;
    return RES_OK;
}

/* When `json` has an $id, `*res` becomes a new resource. */
static enum res
open_resource(struct schema_set *set, const json_t *json, uint32_t *res, struct err *e)
{
    const char *id = json_string_value(json_object_get(json, "$id"));
    char *fragment;
    char *uri;
    enum res rc;

    if (!id || id[0] == '#')
        return RES_OK;
    uri = schema_uri_resolve(set->res[*res].uri, id, &fragment);
    if (!uri)
        return schema_no_memory(e);
    free(fragment);
    rc = res_add(set, uri, *res, res, e);
    if (rc != RES_OK)
        free(uri);
    return rc;
}

static enum res
add_anchor(struct schema_set *set, const char *name, uint32_t node, struct err *e)
{
    struct buf b = buf_make(SCHEMA_MAX_TEXT);
    enum res rc;

    buf_z(&b, set->res[set->node[node].res].uri);
    buf_char(&b, '#');
    buf_z(&b, name);
    rc = b.failed ? schema_no_memory(e) : claim(set, buf_view(&b), node, e);
    buf_free(&b);
    return rc;
}

static enum res
add_anchors(struct schema_set *set, uint32_t node, struct err *e)
{
    const json_t *json = set->node[node].json;
    const char *name = json_string_value(json_object_get(json, "$anchor"));
    const char *dynamic = json_string_value(json_object_get(json, "$dynamicAnchor"));
    enum res rc = name ? add_anchor(set, name, node, e) : RES_OK;

    if (rc != RES_OK || !dynamic)
        return rc;
    if (!schema_grow(&set->dyn, &set->cap_dyn, set->ndyn, sizeof *set->dyn))
        return schema_no_memory(e);
    set->dyn[set->ndyn++] = (struct schema_dynamic){dynamic, set->node[node].res, node};
    return add_anchor(set, dynamic, node, e);
}

static enum res walk(struct schema_set *set, const json_t *json, struct place at, uint32_t *ret,
                     struct err *e);

static enum res
walk_child(struct schema_set *set, const json_t *json, struct place at, struct str token, struct err *e)
{
    size_t n = at.ptr->n;
    uint32_t node = SCHEMA_NONE;
    enum res rc;

    if (!json_is_object(json))
        return RES_OK;
    buf_pointer(at.ptr, token);
    rc = at.ptr->failed ? schema_no_memory(e) : walk(set, json, at, &node, e);
    at.ptr->n = n;
    return rc;
}

static enum res
walk_members(struct schema_set *set, const json_t *json, struct place at, struct err *e)
{
    enum res rc = RES_OK;
    const char *key;
    json_t *v;

    json_object_foreach ((json_t *)(uintptr_t)json, key, v) {
        if (rc == RES_OK)
            rc = walk_child(set, v, at, str_of(key), e);
    }
    for (size_t i = 0; i < json_array_size(json) && rc == RES_OK; i++) {
        char tmp[24];

        snprintf(tmp, sizeof tmp, "%zu", i);
        rc = walk_child(set, json_array_get(json, i), at, str_of(tmp), e);
    }
    return rc;
}

static enum res
walk_keyword(struct schema_set *set, const json_t *json, struct place at, size_t kw, struct err *e)
{
    const json_t *v = json_object_get(json, schema_kw[kw].name);
    size_t n = at.ptr->n;
    enum res rc;

    if (schema_kw[kw].sub == SUB_ONE)
        return walk_child(set, v, at, str_of(schema_kw[kw].name), e);
    if (!(schema_kw[kw].sub == SUB_MAP ? json_is_object(v) : json_is_array(v)))
        return RES_OK;
    buf_pointer(at.ptr, str_of(schema_kw[kw].name));
    rc = walk_members(set, v, at, e);
    at.ptr->n = n;
    return rc;
}

/* Records the schema object `json` and all below it, unless it is known. */
static enum res
walk(struct schema_set *set, const json_t *json, struct place at, uint32_t *ret, struct err *e)
{
    struct buf fresh = buf_make(SCHEMA_MAX_TEXT);
    uint32_t outer = at.res;
    enum res rc;

    *ret = node_of(set, json);
    if (*ret != SCHEMA_NONE)
        return RES_OK;
    if (at.depth++ > MAX_NESTING)
        return err_set(e, RES_REJECT, "%s: nested too deeply", set->res[at.res].uri);
    rc = open_resource(set, json, &at.res, e);
    if (at.res != outer)
        at.ptr = &fresh;
    if (rc == RES_OK)
        rc = node_add(set, json, at.res, buf_view(at.ptr), ret, e);
    if (rc == RES_OK && at.res != outer)
        rc = claim(set, str_of(set->res[at.res].uri), *ret, e);
    if (rc == RES_OK)
        rc = add_anchors(set, *ret, e);
    for (size_t kw = 0; kw < KW_COUNT && rc == RES_OK; kw++)
        if (schema_kw[kw].sub != SUB_NONE)
            rc = walk_keyword(set, json, at, kw, e);
    buf_free(&fresh);
    return rc;
}

enum res
schema_index_node(struct schema_set *set, const json_t *json, uint32_t res, struct str ptr, uint32_t *ret,
                  struct err *e)
{
    struct buf b = buf_make(SCHEMA_MAX_TEXT);
    enum res rc;

    *ret = SCHEMA_NONE;
    if (json_is_boolean(json))
        return node_add(set, json, res, ptr, ret, e);
    buf_str(&b, ptr);
    rc = b.failed ? schema_no_memory(e) : walk(set, json, (struct place){res, &b, 0}, ret, e);
    buf_free(&b);
    return rc;
}

enum res
schema_index_doc(struct schema_set *set, const char *uri, json_t *doc, struct err *e)
{
    char *fragment = NULL;
    char *base = NULL;
    uint32_t node = SCHEMA_NONE;
    uint32_t res = SCHEMA_NONE;
    enum res rc;

    if (!doc || !schema_grow(&set->doc, &set->cap_doc, set->ndoc, sizeof(json_t *))) {
        json_decref(doc);
        return schema_no_memory(e);
    }
    set->doc[set->ndoc++] = doc;
    base = schema_uri_resolve(uri, "", &fragment);
    free(fragment);
    rc = base ? res_add(set, base, SCHEMA_NONE, &res, e) : schema_no_memory(e);
    if (rc != RES_OK) {
        free(base);
        return rc;
    }
    if (json_is_object(doc) || json_is_boolean(doc))
        rc = schema_index_node(set, doc, res, STR_NULL, &node, e);
    else
        rc = node_add(set, doc, res, STR_NULL, &node, e); /* a reference may still point into it */
    if (rc != RES_OK)
        return rc;
    return claim(set, str_of(set->res[res].uri), node, e);
}

/* A document that is not here yet: a built-in meta-schema, or what the loader finds. */
static enum res
fetch_doc(struct schema_set *set, const char *uri, struct err *e)
{
    const char *meta = schema_meta(uri);
    json_t *doc = NULL;
    enum res rc;

    if (meta)
        return schema_index_doc(set, uri, json_loads(meta, 0, NULL), e);
    rc = set->load ? set->load(uri, &doc, set->load_arg, e) : RES_OK;
    return rc == RES_OK && doc ? schema_index_doc(set, uri, doc, e) : rc;
}

/* The resource root found under `uri`; documents from elsewhere come in at their first use. */
static enum res
find_uri(struct schema_set *set, const char *uri, uint32_t *ret, struct err *e)
{
    enum res rc = RES_OK;

    *ret = schema_map_get(&set->by_uri, str_of(uri));
    if (*ret == SCHEMA_NONE) {
        rc = fetch_doc(set, uri, e);
        *ret = schema_map_get(&set->by_uri, str_of(uri));
    }
    if (rc == RES_OK && *ret == SCHEMA_NONE)
        rc = err_set(e, RES_REJECT, "no schema with the URI '%s' has been added", uri);
    return rc;
}

static const json_t *
child_of(const json_t *json, const struct buf *token)
{
    size_t i;

    if (json_is_object(json))
        return json_object_getn(json, token->p, token->n);
    if (json_is_array(json) && schema_pointer_index(buf_view(token), &i))
        return json_array_get(json, i);
    return NULL;
}

/* Follows `pointer` from `node` down; `*ret` is the node it ends at. */
static enum res
find_pointer(struct schema_set *set, uint32_t node, struct str pointer, uint32_t *ret, struct err *e)
{
    struct buf tok = buf_make(SCHEMA_MAX_TEXT);
    struct buf ptr = buf_make(SCHEMA_MAX_TEXT);
    const json_t *json = set->node[node].json;
    uint32_t res = set->node[node].res;
    enum res rc;

    buf_z(&ptr, set->node[node].ptr);
    while (json && buf_pointer_next(&pointer, &tok)) {
        json = child_of(json, &tok);
        node = node_of(set, json);
        if (node == SCHEMA_NONE) {
            buf_pointer(&ptr, buf_view(&tok));
            continue;
        }
        buf_reset(&ptr);
        buf_z(&ptr, set->node[node].ptr);
        res = set->node[node].res;
    }
    if (tok.failed || ptr.failed)
        rc = schema_no_memory(e);
    else if (pointer.n || !(json_is_object(json) || json_is_boolean(json)))
        rc =
            err_set(e, RES_REJECT, "%s#%.*s: there is no schema", set->res[res].uri, STR_FMT(buf_view(&ptr)));
    else
        rc = schema_index_node(set, json, res, buf_view(&ptr), ret, e);
    buf_free(&tok);
    buf_free(&ptr);
    return rc;
}

static enum res
find_anchor(struct schema_set *set, uint32_t node, const char *name, uint32_t *ret, struct err *e)
{
    struct buf b = buf_make(SCHEMA_MAX_TEXT);
    enum res rc = RES_OK;

    buf_z(&b, set->res[set->node[node].res].uri);
    buf_char(&b, '#');
    buf_z(&b, name);
    if (b.failed)
        rc = schema_no_memory(e);
    else
        *ret = schema_map_get(&set->by_uri, buf_view(&b));
    if (rc == RES_OK && *ret == SCHEMA_NONE)
        rc = err_set(e, RES_REJECT, "%s: there is no such anchor", b.p);
    buf_free(&b);
    return rc;
}

enum res
schema_index_find(struct schema_set *set, const char *base, const char *ref, uint32_t *ret, struct err *e)
{
    char *fragment = NULL;
    char *uri = schema_uri_resolve(base, ref, &fragment);
    enum res rc;

    *ret = SCHEMA_NONE;
    rc = uri ? find_uri(set, uri, ret, e) : schema_no_memory(e);
    if (rc == RES_OK && fragment[0] == '/')
        rc = find_pointer(set, *ret, str_of(fragment), ret, e);
    else if (rc == RES_OK && fragment[0])
        rc = find_anchor(set, *ret, fragment, ret, e);
    else if (rc == RES_OK && !json_is_object(set->node[*ret].json) && !json_is_boolean(set->node[*ret].json))
        rc = err_set(e, RES_REJECT, "%s: there is no schema, which is an object or a boolean", uri);
    free(uri);
    free(fragment);
    return rc;
}

/* What the $vocabulary of the meta-schema asks for. */
static enum res
read_vocabulary(const json_t *vocabulary, const char *uri, uint32_t *ret, struct err *e)
{
    const char *key;
    json_t *v;

    *ret = VOCAB_CORE;
    json_object_foreach ((json_t *)(uintptr_t)vocabulary, key, v) {
        unsigned bit = schema_vocab_bit(key);

        if (!bit && json_is_true(v))
            return err_set(e, RES_REJECT, "%s: requires the unknown vocabulary %s", uri, key);
        *ret |= bit;
    }
    return RES_OK;
}

/* The vocabularies of the meta-schema `uri`, which the schema resource `where` names. */
static enum res
meta_vocab(struct schema_set *set, const char *where, const char *uri, bool strict, uint32_t *ret,
           struct err *e)
{
    struct err unheard = {0};
    const json_t *vocabulary;
    uint32_t node = SCHEMA_NONE;
    enum res rc;

    *ret = VOCAB_DEFAULT;
    if (strcmp(uri, SCHEMA_DIALECT) == 0 || strcmp(uri, SCHEMA_DIALECT "#") == 0)
        return RES_OK;
    if (strstr(uri, "//json-schema.org/") && strncmp(uri, SCHEMA_DIALECT, 38) != 0)
        return err_set(e, RES_REJECT, "%s#/$schema: only draft 2020-12 is supported, not %s", where, uri);
    rc = schema_index_find(set, "", uri, &node, &unheard);
    if (rc == RES_REJECT && !strict)
        return RES_OK;
    if (rc != RES_OK)
        return err_set(e, rc, "%s#/$schema: %s", where, unheard.text);
    vocabulary = json_object_get(set->node[node].json, "$vocabulary");
    return vocabulary ? read_vocabulary(vocabulary, uri, ret, e) : RES_OK;
}

enum res
schema_index_vocab(struct schema_set *set, uint32_t res, bool strict, uint32_t *ret, struct err *e)
{
    const char *where = NULL;
    const char *uri = NULL;
    enum res rc = RES_OK;
    uint32_t r = res;

    *ret = set->res[res].vocab;
    if (*ret)
        return RES_OK;
    for (; r != SCHEMA_NONE && !uri; r = set->res[r].parent) {
        uri = json_string_value(json_object_get(set->node[set->res[r].node].json, "$schema"));
        where = set->res[r].uri;
    }
    *ret = VOCAB_DEFAULT;
    if (uri)
        rc = meta_vocab(set, where, uri, strict, ret, e);
    if (rc == RES_OK)
        set->res[res].vocab = *ret;
    return rc;
}
