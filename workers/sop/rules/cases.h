/* cases: rule cases as files (tests/cases/README.md): a form, what is known beside it, and exactly what must be found.
 * Used by the tests, and by people who change a rule. */
#ifndef SOP_RULES_CASES_H
#define SOP_RULES_CASES_H

#include <jansson.h>

#include "workers/sop/rules/rules.h"

/* Every *.json below a folder, in the order of their names. */
struct cases {
    char **path; /* owned */
    size_t n;
};

/* RES_FATAL when a folder cannot be read or nests too deeply. Call cases_free in every case. */
enum res cases_list(const char *dir, struct cases *ret, struct err *e);
void cases_free(struct cases *c);

/* The form of a case read as JSON: its own, or `base` with its changes. New reference. */
json_t *case_form(const json_t *c, const json_t *base);

/* Judges one case over the form `base`, both by rules_check and as the validator does, by rules_judge. RES_OK: both found
 * what it wants; RES_REJECT: they did not, and `why` says codes and places, never values, or that the two differ;
 * RES_FATAL: the file is no case. */
enum res case_run(const struct rules *r, const json_t *base, const char *path, struct buf *why,
                  struct err *e);

/* What a rule set finds in a form (checked by scan_document), as a JSON array; NULL when memory is out. New reference. */
json_t *case_findings(const struct rules *r, const struct form_context *ctx, struct str form,
                      struct rules_count *n);

/* Whether the list has a finding of the same code at the same place. */
bool case_has(const json_t *list, const json_t *finding);

#endif
