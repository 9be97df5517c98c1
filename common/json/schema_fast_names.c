/* Numbers the names that the schemas and the caller ask about. */
#include "common/json/schema_fast_impl.h"

/* Whether the name stands in a document as it is here: the tape compares bytes. */
static bool
is_plain(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '"' || name.p[i] == '\\' || (unsigned char)name.p[i] < 0x20)
            return false;
    return true;
}

uint16_t
fast_number(const struct schema_fast *f, struct str name)
{
    for (uint16_t i = 0; i < f->names.n; i++)
        if (str_eq((struct str){f->names.keys.key[i].p, f->names.keys.key[i].n}, name))
            return i;
    return TAPE_NONE;
}

static enum res
add_name(struct schema_fast *f, struct str name, struct err *e)
{
    if (!is_plain(name) || fast_number(f, name) != TAPE_NONE)
        return RES_OK;
    if (f->names.n == TAPE_NAMES)
        return err_set(e, RES_REJECT, "the schemas name more than %d members", TAPE_NAMES);
    f->names.keys.key[f->names.n++] =
        (struct schema_key){.p = name.p, .n = (uint32_t)name.n, .block = SCHEMA_NONE};
    f->names.keys.n = f->names.n;
    return RES_OK;
}

static enum res
add_list(struct schema_fast *f, const struct str *names, uint32_t n, struct err *e)
{
    enum res rc = RES_OK;

    for (uint32_t i = 0; rc == RES_OK && i < n; i++)
        rc = add_name(f, names[i], e);
    return rc;
}

static enum res
add_names_of(struct schema_fast *f, const struct schema_ins *in, struct err *e)
{
    const struct schema_object *o = in->p;
    const struct schema_strs *strs = in->p;
    const struct schema_deps *deps = in->p;
    enum res rc = RES_OK;

    if (in->op == OP_REQUIRED)
        return add_list(f, strs->s, strs->n, e);
    for (uint32_t i = 0; rc == RES_OK && in->op == OP_OBJECT && i < o->keys.n; i++)
        rc = add_name(f, (struct str){o->keys.key[i].p, o->keys.key[i].n}, e);
    if (in->op != OP_DEPENDENT_REQUIRED && in->op != OP_DEPENDENT_SCHEMAS)
        return rc;
    for (uint32_t i = 0; rc == RES_OK && i < deps->n; i++) {
        rc = add_name(f, deps->dep[i].name, e);
        if (rc == RES_OK)
            rc = add_list(f, deps->dep[i].req, deps->dep[i].nreq, e);
    }
    return rc;
}

static enum res
add_picks(struct schema_fast *f, const char *const *pick, unsigned n, struct err *e)
{
    enum res rc = RES_OK;

    f->pick = schema_arena_get(&f->arena, n + 1u, sizeof *f->pick);
    if (!f->pick)
        return fast_no_memory(e);
    for (; rc == RES_OK && f->npick < n; f->npick++) {
        struct str name = str_of(pick[f->npick]);

        rc = is_plain(name) ? add_name(f, name, e)
                            : err_set(e, RES_REJECT, "a picked name that needs an escape in JSON");
        f->pick[f->npick] = fast_number(f, name);
    }
    return rc;
}

enum res
fast_collect_names(struct schema_fast *f, const char *const *pick, unsigned npick, struct err *e)
{
    enum res rc = RES_OK;

    f->names.keys.key = schema_arena_get(&f->arena, TAPE_NAMES, sizeof *f->names.keys.key);
    if (!f->names.keys.key)
        return fast_no_memory(e);
    for (unsigned k = 0; k < f->nschema; k++)
        for (size_t i = 0; rc == RES_OK && i < f->schema[k].s->ncode; i++)
            rc = add_names_of(f, &f->schema[k].s->code[i], e);
    if (rc == RES_OK)
        rc = add_picks(f, pick, npick, e);
    if (rc == RES_OK && !schema_keys_build(&f->names.keys, &f->arena))
        rc = fast_no_memory(e);
    return rc;
}
