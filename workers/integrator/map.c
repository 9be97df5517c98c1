#include "workers/integrator/map.h"

#include <jansson.h>
#include <stdlib.h>

#include "common/json/scan.h"

enum { OPS_MAX = 128, FIELDS_MAX = 64, DEPTH_MAX = 8 };

enum op_kind { OP_OPEN, OP_CLOSE, OP_FIELD, OP_CTX };

struct op {
    enum op_kind kind;
    const char *key;  /* NULL for the outermost object */
    const char *name; /* of the ctx value */
    unsigned field;   /* index into `fields` */
};

struct map {
    json_t *root; /* owns every name */
    struct op ops[OPS_MAX];
    unsigned nops;
    const char *fields[FIELDS_MAX];
    unsigned nfields;
};

/* ---- loading ---------------------------------------------------------------------------------------------------- */

static enum res
push(struct map *m, struct op op, struct err *e)
{
    if (m->nops == OPS_MAX)
        return err_set(e, RES_FATAL, "more than %d members", OPS_MAX);
    m->ops[m->nops++] = op;
    return RES_OK;
}

static enum res
push_field(struct map *m, const char *key, const char *pointer, struct err *e)
{
    unsigned i = 0;

    if (pointer[0] != '/' || strchr(pointer + 1, '/'))
        return err_set(e, RES_FATAL, "%s is not a pointer to a member of the form", pointer);
    while (i < m->nfields && strcmp(m->fields[i], pointer + 1) != 0)
        i++;
    if (i == FIELDS_MAX)
        return err_set(e, RES_FATAL, "more than %d members of the form", FIELDS_MAX);
    if (i == m->nfields)
        m->fields[m->nfields++] = pointer + 1;
    return push(m, (struct op){.kind = OP_FIELD, .key = key, .field = i}, e);
}

static enum res
flatten(struct map *m, const char *key, json_t *node, unsigned depth, struct err *e)
{
    const char *pointer = json_string_value(json_object_get(node, "$"));
    const char *ctx = json_string_value(json_object_get(node, "ctx"));
    const char *name;
    json_t *kid;
    enum res res;

    if (!json_is_object(node) || depth == DEPTH_MAX)
        return err_set(e, RES_FATAL, "member %s is neither an object nor a leaf", key ? key : "badan");
    if (pointer)
        return push_field(m, key, pointer, e);
    if (ctx)
        return push(m, (struct op){.kind = OP_CTX, .key = key, .name = ctx}, e);
    res = push(m, (struct op){.kind = OP_OPEN, .key = key}, e);
    json_object_foreach (node, name, kid) {
        if (res == RES_OK)
            res = flatten(m, name, kid, depth + 1, e);
    }
    return res == RES_OK ? push(m, (struct op){.kind = OP_CLOSE}, e) : res;
}

enum res
map_load(const char *path, struct map **ret, struct err *e)
{
    struct map *m = calloc(1, sizeof *m);
    json_error_t je;
    enum res res;

    *ret = NULL;
    if (!m)
        return err_set(e, RES_FATAL, "out of memory");
    m->root = json_load_file(path, JSON_REJECT_DUPLICATES, &je);
    if (!m->root)
        res = err_set(e, RES_FATAL, "%s line %d: %s", path, je.line, je.text);
    else
        res = flatten(m, NULL, json_object_get(m->root, "badan"), 0, e);
    if (res != RES_OK) {
        map_free(m);
        return res;
    }
    *ret = m;
    return RES_OK;
}

void
map_free(struct map *m)
{
    if (!m)
        return;
    json_decref(m->root);
    free(m);
}

/* ---- rendering -------------------------------------------------------------------------------------------------- */

static void
put_key(struct buf *out, const char *key, bool *first)
{
    if (!key)
        return;
    if (!*first)
        buf_char(out, ',');
    *first = false;
    buf_json(out, str_of(key));
    buf_char(out, ':');
}

static struct str
ctx_value(const struct map_ctx *ctx, const char *name)
{
    for (; ctx->name; ctx++)
        if (strcmp(ctx->name, name) == 0)
            return ctx->value;
    return STR_NULL;
}

void
map_render(const struct map *m, struct str form, const struct map_ctx *ctx, struct buf *out)
{
    struct str value[FIELDS_MAX];
    bool first = true;

    scan_pick(form, m->fields, value, m->nfields);
    for (unsigned i = 0; i < m->nops; i++) {
        const struct op *op = &m->ops[i];
        struct str v = op->kind == OP_FIELD ? value[op->field]
                       : op->kind == OP_CTX ? ctx_value(ctx, op->name)
                                            : STR_NULL;

        if (op->kind == OP_OPEN) {
            put_key(out, op->key, &first);
            buf_char(out, '{');
            first = true;
        } else if (op->kind == OP_CLOSE) {
            buf_char(out, '}');
            first = false;
        } else if (v.p) {
            put_key(out, op->key, &first);
            if (op->kind == OP_FIELD)
                buf_str(out, v);
            else
                buf_json(out, v);
        }
    }
}
