#include "common/json/schema_impl.h"

static bool
is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (strchr("\\^$.|?*+()[]{}", s.p[i]))
            return false;
    return true;
}

/* A pattern such as "^x-" needs no regex engine. */
static bool
as_literal(struct schema_regex *re, struct schema_arena *arena, struct str s)
{
    char *copy;

    if (memchr(s.p, '\0', s.n))
        return false;
    re->head = s.n && s.p[0] == '^';
    s.p += re->head;
    s.n -= re->head;
    re->tail = s.n && s.p[s.n - 1] == '$';
    s.n -= re->tail;
    copy = is_plain(s) ? schema_arena_get(arena, s.n + 1, 1) : NULL;
    if (!copy)
        return false;
    memcpy(copy, s.p, s.n);
    re->literal = (struct str){copy, s.n};
    return true;
}

static bool
match_literal(const struct schema_regex *re, struct str s)
{
    if (re->head && re->tail)
        return str_eq(s, re->literal);
    if (re->head)
        return str_starts(s, re->literal);
    if (re->tail)
        return str_ends(s, re->literal);
    return !re->literal.n || (s.n && memmem(s.p, s.n, re->literal.p, re->literal.n));
}

/* The same for one such as "^[A-Z]{2}-[0-9]{4,8}$". PCRE2 has taken it. */
static enum res
as_walk(struct schema_regex *re, struct schema_arena *arena, struct str pattern, struct err *e)
{
    struct schema_walk walk;
    struct schema_walk *kept;

    if (!schema_walk_read(pattern, &walk))
        return RES_OK;
    schema_regex_free(re);
    kept = schema_arena_get(arena, 1, sizeof *kept);
    if (!kept)
        return schema_no_memory(e);
    *kept = walk;
    re->walk = kept;
    return RES_OK;
}

static enum res
compile_pcre(struct schema_regex *re, struct str s, uint32_t match_limit, struct err *e)
{
    uint32_t flags = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                     PCRE2_NEVER_BACKSLASH_C;
    pcre2_compile_context *cc = pcre2_compile_context_create(NULL);
    PCRE2_UCHAR text[128] = "";
    PCRE2_SIZE where;
    int code = PCRE2_ERROR_NOMEMORY;

    if (cc) {
        pcre2_set_compile_extra_options(cc, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
        pcre2_set_parens_nest_limit(cc, 200);
        re->code = pcre2_compile((PCRE2_SPTR)s.p, s.n, flags, &code, &where, cc);
        pcre2_compile_context_free(cc);
    }
    re->limits = re->code ? pcre2_match_context_create(NULL) : NULL;
    if (re->limits) {
        pcre2_set_match_limit(re->limits, match_limit);
        pcre2_set_heap_limit(re->limits, 8192);
        re->jit = pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE) == 0;
        return RES_OK;
    }
    if (re->code || code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED) {
        schema_regex_free(re);
        return schema_no_memory(e);
    }
    pcre2_get_error_message(code, text, sizeof text);
    return err_set(e, RES_REJECT, "not a usable pattern: %s", (const char *)text);
}

enum res
schema_regex_compile(struct schema_regex *re, struct schema_arena *arena, struct str pattern,
                     uint32_t match_limit, struct err *e)
{
    struct buf b = buf_make(SCHEMA_MAX_TEXT);
    const char *why;
    enum res rc;

    *re = (struct schema_regex){0};
    if (arena && as_literal(re, arena, pattern))
        return RES_OK;
    if (!schema_regex_translate(pattern, &b, &why))
        rc = err_set(e, RES_REJECT, "not a usable pattern: %s", why);
    else
        rc = b.failed ? schema_no_memory(e) : compile_pcre(re, buf_view(&b), match_limit, e);
    buf_free(&b);
    return rc == RES_OK && arena ? as_walk(re, arena, pattern, e) : rc;
}

void
schema_regex_free(struct schema_regex *re)
{
    pcre2_code_free(re->code);
    pcre2_match_context_free(re->limits);
    re->code = NULL;
    re->limits = NULL;
}

enum schema_match
schema_regex_match(const struct schema_regex *re, struct str s, pcre2_match_data **md)
{
    PCRE2_SPTR p = (PCRE2_SPTR)(s.n ? s.p : "");
    int rc = PCRE2_ERROR_JIT_STACKLIMIT;

    if (re->walk)
        return schema_walk_match(re->walk, s) ? MATCH_YES : MATCH_NO;
    if (!re->code)
        return match_literal(re, s) ? MATCH_YES : MATCH_NO;
    if (!*md)
        *md = pcre2_match_data_create(1, NULL);
    if (!*md)
        return MATCH_MEMORY;
    if (re->jit)
        rc = pcre2_jit_match(re->code, p, s.n, 0, 0, *md, re->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(re->code, p, s.n, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, *md, re->limits);
    if (rc >= 0)
        return MATCH_YES;
    if (rc == PCRE2_ERROR_NOMATCH)
        return MATCH_NO;
    return rc == PCRE2_ERROR_NOMEMORY ? MATCH_MEMORY : MATCH_LIMIT;
}
