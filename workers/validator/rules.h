/* rules: what is demanded of form PA.20, read from schemas/forms at start: a schema whose failures return the form (E),
 * one whose failures are notes (W), and the catalogue that gives each its code and sentence. */
#ifndef VALIDATOR_RULES_H
#define VALIDATOR_RULES_H

#include "common/base/buf.h"
#include "common/base/err.h"

struct rules;

/* Reads pa20.schema.json, pa20.notes.schema.json and pa20.findings.json below `dir`. RES_FATAL with the file's name.
 * `*ret` is the caller's. */
enum res rules_load(const char *dir, struct rules **ret, struct err *e);
void rules_free(struct rules *r);

/* Hex SHA-256 over the three files: which rules a check applied. */
const char *rules_hash(const struct rules *r);

struct form_context {
    struct str subject; /* nomor_permohonan of the event */
    int64_t today;      /* the event's day in WIB, as caltime counts days */
};

/* Every finding at once: appends a JSON array of {kode, tingkat, lokasi, pesan, message} and counts both levels. No
 * finding quotes a value. */
struct rules_count {
    unsigned errors, notes;
};
struct rules_count rules_check(const struct rules *r, struct str form, const struct form_context *ctx,
                               struct buf *out);

#endif
