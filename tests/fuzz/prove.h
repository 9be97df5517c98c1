/* prove: what schema_fast promises, held to for one document. Of all that it calls valid, scan_document and jansson take
 * the text, schema_valid says the same of every schema, and the picked slices are scan_pick's. */
#ifndef TESTS_FUZZ_PROVE_H
#define TESTS_FUZZ_PROVE_H

#include <string.h>

#include "common/json/scan.h"
#include "common/json/schema_fast.h"
#include "tests/fuzz/fuzz.h"

enum { PROVE_PICKS = 64 };

static bool
prove_limit(const struct schema_finding *f, void *arg)
{
    bool *only = arg;

    *only = *only && strcmp(f->keyword, "limit") == 0;
    return *only;
}

/* The full engine may give up at a limit of its own (a pattern's steps, levels of references) what is proved otherwise. */
static void
prove_schema(const struct schema *s, const json_t *doc)
{
    bool only_limits = true;

    if (schema_valid(s, doc))
        return;
    schema_check(s, doc, prove_limit, &only_limits);
    MUST(only_limits);
}

static void
prove_picks(struct str text, const char *const *pick, unsigned n, const struct str *picked)
{
    struct str want[PROVE_PICKS];

    scan_pick(text, pick, want, n);
    for (unsigned i = 0; i < n; i++)
        MUST(picked[i].p == want[i].p && picked[i].n == want[i].n);
}

/* `f` was made of the `n` schemas `all` and of `pick`. Whether it proved the text. */
static bool
prove(const struct schema_fast *f, struct tape *t, const struct schema *const *all, unsigned n,
      const char *const *pick, unsigned npick, struct str text)
{
    struct str picked[PROVE_PICKS];
    json_t *doc;

    MUST(npick <= PROVE_PICKS);
    memset(picked, 0xff, sizeof picked);
    if (!schema_fast_valid(f, t, text, picked))
        return false;
    MUST(scan_document(text, NULL) == RES_OK);
    doc = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    MUST(doc);
    for (unsigned i = 0; i < n; i++)
        prove_schema(all[i], doc);
    prove_picks(text, pick, npick, picked);
    json_decref(doc);
    return true;
}

#endif
