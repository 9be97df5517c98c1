/* schema_dfa against PCRE2: a pattern, a newline, a text. What schema_dfa takes the full engine takes, unless it is
 * too large for it, and both say the same of the text. */
#include "common/json/schema_dfa.h"
#include "common/json/schema_impl.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Strict UTF-8, as jansson has it. */
static bool
is_text(struct str s)
{
    json_t *v = json_stringn(s.n ? s.p : "", s.n);
    bool ok = v;

    json_decref(v);
    return ok;
}

static void
differ(struct str pattern, struct str text, const char *what)
{
    fprintf(stderr, "%s: /%.*s/ on \"%.*s\"\n", what, STR_FMT(pattern), STR_FMT(text));
    abort();
}

static void
compare(const struct schema_dfa *d, const struct schema_regex *re, struct str pattern, struct str text)
{
    pcre2_match_data *md = NULL;
    enum schema_match want = schema_regex_match(re, text, &md);
    bool got = schema_dfa_match(d, text);
    uint32_t state = d->start;
    struct schema_walk walk;

    for (size_t i = 0; i < text.n; i++)
        state = schema_dfa_step(d, state, (unsigned char)text.p[i]);
    if (schema_dfa_final(d, state) != got)
        differ(pattern, text, "the steps say otherwise than the match");
    if ((want == MATCH_YES || want == MATCH_NO) && got != (want == MATCH_YES))
        differ(pattern, text, got ? "found, but not by PCRE2" : "found by PCRE2 alone");
    if (schema_walk_read(pattern, &walk) && schema_walk_match(&walk, text) != got)
        differ(pattern, text, "place by place it comes out otherwise");
    pcre2_match_data_free(md);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *cut = n ? memchr(data, '\n', n) : NULL;
    struct str pattern = {(const char *)data, cut ? (size_t)(cut - data) : n};
    struct str text = {(const char *)data + pattern.n + (cut != NULL), n - pattern.n - (cut != NULL)};
    struct schema_dfa *d = NULL;
    struct schema_regex re = {0};
    struct err e = {0};

    if (n > 4096 || !is_text(pattern) || schema_dfa_compile(pattern, 512, &d, &e) != RES_OK)
        return 0;
    if (schema_regex_compile(&re, NULL, pattern, 100000, &e) == RES_OK) {
        if (is_text(text))
            compare(d, &re, pattern, text);
    } else if (!strstr(e.text, "too large")) { /* a limit of PCRE2's own: no schema has such a pattern */
        differ(pattern, text, e.text);
    }
    schema_regex_free(&re);
    schema_dfa_free(d);
    return 0;
}
