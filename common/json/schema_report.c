/* What a check has to say: findings and limits. */
#include "common/json/schema_run.h"

#include <stdatomic.h>

static size_t
token_size(const struct schema_frame *f)
{
    size_t n = f->n + 1;

    for (size_t i = 0; i < f->n; i++)
        n += f->key[i] == '~' || f->key[i] == '/';
    return n;
}

static size_t
index_size(size_t i)
{
    size_t n = 2;

    while (i /= 10)
        n++;
    return n;
}

/* Writes the token so that it ends before `end`; returns where it starts. */
static char *
put_token(char *end, const struct schema_frame *f)
{
    size_t i = f->n;

    if (f->step == STEP_INDEX) {
        do
            *--end = (char)('0' + i % 10);
        while (i /= 10);
    } else {
        while (i-- > 0) {
            bool special = f->key[i] == '~' || f->key[i] == '/';

            *--end = !special ? f->key[i] : f->key[i] == '~' ? '0' : '1';
            if (special)
                *--end = '~';
        }
    }
    *--end = '/';
    return end;
}

static void
put_instance(struct buf *b, const struct schema_frame *f)
{
    size_t n = 0;
    char *end;

    for (const struct schema_frame *at = f; at; at = at->up)
        n += at->step == STEP_KEY ? token_size(at) : at->step == STEP_INDEX ? index_size(at->n) : 0;
    end = buf_room(b, n);
    if (!end)
        return;
    end[n] = '\0';
    b->n += n;
    end += n;
    for (const struct schema_frame *at = f; at; at = at->up)
        if (at->step == STEP_KEY || at->step == STEP_INDEX)
            end = put_token(end, at);
}

/* The name that is under test, when the frame is below propertyNames; `*f` becomes the object's frame then. */
static struct str
name_under_test(const struct schema_frame **f)
{
    for (const struct schema_frame *at = *f; at && at->step != STEP_KEY && at->step != STEP_INDEX;
         at = at->up)
        if (at->step == STEP_NAME) {
            *f = at->up;
            return (struct str){at->key, at->n};
        }
    return STR_NULL;
}

static void
put_location(struct buf *b, const struct schema_block *blk, unsigned kw)
{
    buf_z(b, blk->loc);
    if (kw < KW_COUNT) {
        buf_char(b, '/');
        buf_z(b, schema_kw_name(kw));
    }
}

/* Where in `json` the subschema `sub` stands, by its identity: a subschema with an $id has a location of its own. */
static void
put_embedded(struct buf *b, const json_t *json, const json_t *sub)
{
    for (unsigned kw = 0; kw < KW_COUNT; kw++) {
        json_t *v = schema_kw[kw].sub == SUB_NONE ? NULL : json_object_get(json, schema_kw[kw].name);
        const char *key;
        json_t *member;
        size_t i;

        if (v == sub)
            buf_printf(b, "/%s", schema_kw[kw].name);
        json_object_foreach (v, key, member) {
            if (member == sub && schema_kw[kw].sub == SUB_MAP) {
                buf_printf(b, "/%s", schema_kw[kw].name);
                buf_pointer(b, str_of(key));
            }
        }
        json_array_foreach (v, i, member) {
            if (member == sub && schema_kw[kw].sub == SUB_LIST)
                buf_printf(b, "/%s/%zu", schema_kw[kw].name, i);
        }
    }
}

static void
put_step(struct buf *b, const struct schema_frame *f)
{
    const char *outer = f->up->blk->loc;
    size_t n = strlen(outer);

    if (f->step == STEP_REF)
        buf_printf(b, "/%s", schema_kw_name((unsigned)f->n));
    else if (strncmp(f->blk->loc, outer, n) == 0 && f->blk->loc[n] == '/')
        buf_z(b, f->blk->loc + n);
    else
        put_embedded(b, f->up->blk->json, f->blk->json);
}

static void
put_path(struct buf *b, const struct schema_frame *f)
{
    if (!f->up)
        return;
    put_path(b, f->up);
    put_step(b, f);
}

void
schema_finding_path(const struct schema_finding *finding, struct buf *out)
{
    put_path(out, finding->frame);
    if (finding->kw < KW_COUNT)
        buf_printf(out, "/%s", schema_kw_name(finding->kw));
}

static void
tell(const struct schema_frame *f, unsigned kw, struct str property)
{
    struct schema_run *r = f->run;
    struct buf instance = buf_make(SCHEMA_MAX_TEXT);
    struct buf location = buf_make(SCHEMA_MAX_TEXT);
    const struct schema_frame *at = f;
    struct str name = name_under_test(&at);

    put_instance(&instance, at);
    put_location(&location, f->blk, kw);
    if (instance.failed || location.failed) {
        r->limit = r->limit ? r->limit : "memory";
    } else {
        struct schema_finding finding = {
            .instance = instance.p,
            .keyword = schema_kw_name(kw),
            .location = location.p,
            .property = name.p && kw != KW_LIMIT ? name : property,
            .value = at->v,
            .expected = kw < KW_COUNT ? json_object_get(f->blk->json, schema_kw_name(kw)) : NULL,
            .frame = f,
            .kw = kw,
        };

        if (!r->cb(&finding, r->arg))
            r->cb = NULL;
    }
    buf_free(&instance);
    buf_free(&location);
}

bool
schema_report_at(const struct schema_frame *f, unsigned kw, struct str property)
{
    struct schema_run *r = f->run;

    if (r->fast || r->limit)
        return false;
    tell(f, kw, property);
    if (!r->cb)
        r->fast++;
    return false;
}

bool
schema_report(struct schema_frame *f, unsigned kw)
{
    if (f->run->fast)
        return false;
    return schema_report_at(f, kw, STR_NULL);
}

/* From then on every block fails at once, so the check ends soon. */
bool
schema_limit(struct schema_run *r, const struct schema_frame *f, const char *which)
{
    if (r->limit)
        return false;
    r->limit = which;
    if (r->cb && f)
        tell(f, KW_LIMIT, str_of(which));
    r->limit_told = f != NULL;
    r->fast++;
    return false;
}

enum schema_match
schema_run_match(struct schema_run *r, const struct schema_regex *re, struct str s)
{
    if (!r->md && re->code)
        r->md = atomic_exchange(&r->s->spare->md, NULL);
    return schema_regex_match(re, s, &r->md);
}

static bool
run(struct schema_run *r, const json_t *instance)
{
    struct schema_frame f = {.run = r, .blk = &r->s->block[0], .v = instance, .step = STEP_SAME};
    bool ok;

    /* without anybody to tell, no is an answer too */
    if (!r->s->quick || !schema_quick(r, instance, &ok) || (!ok && r->cb))
        ok = schema_enter(&f);
    if (r->limit && !r->limit_told && r->cb)
        tell(&f, KW_LIMIT, str_of(r->limit));
    if (r->md)
        pcre2_match_data_free(atomic_exchange(&r->s->spare->md, r->md));
    return ok && !r->limit;
}

bool
schema_valid(const struct schema *s, const json_t *instance)
{
    struct schema_run r = {.s = s, .steps = s->max_steps, .depth = s->max_depth, .fast = 1};

    return run(&r, instance);
}

bool
schema_check(const struct schema *s, const json_t *instance, schema_finding_cb cb, void *arg)
{
    struct schema_run r = {.s = s, .cb = cb, .arg = arg, .steps = s->max_steps, .depth = s->max_depth};

    r.fast = !cb;
    return run(&r, instance);
}
