/* rules: what is demanded of form PA.20, read as data: a schema whose failures return the form (E), one whose failures
 * are notes (W), rules by name for what a schema cannot say, and the catalogue that gives each finding its code and
 * sentences. Pure: knows neither Kafka nor Postgres; what is known only there comes with the form_context. */
#ifndef SOP_RULES_RULES_H
#define SOP_RULES_RULES_H

#include "common/base/buf.h"
#include "common/base/caltime.h"
#include "common/base/err.h"

struct rules; /* immutable once loaded: any number of threads may check with it */

/* Reads pa20.schema.json, pa20.notes.schema.json, pa20.findings.json and pa20.rules.json below `dir`, and the table of
 * departments `opd_file` (CSV: kode_opd,nama_opd,peran). RES_FATAL with file and place: a schema that does not
 * compile, an unknown rule, a parameter that is missing, unknown or wrong, a pointer to no member, a code without an
 * entry in the catalogue or of another level. `*ret` is the caller's. */
enum res rules_load(const char *dir, const char *opd_file, struct rules **ret, struct err *e);
void rules_free(struct rules *r);

/* Hex SHA-256 over the five files: which rules a check applied. */
const char *rules_hash(const struct rules *r);

/* What only the caller can know. KNOWN_NOT, the zero: the rule that asks is not applied. */
enum known { KNOWN_NOT, KNOWN_NO, KNOWN_YES };

struct form_context {
    struct str subject; /* nomor_permohonan of the event; STR_NULL = not known */
    int64_t today;      /* form_day of the event's effective time: it decides "today" */
    int32_t revisi;     /* extension attribute `revisi`; 0 = the event has none */
    enum known
        original_active; /* nomor_permohonan_asal is an active integration of the same department; ask only
                                  * for perubahan and pencabutan */
    enum known duplicate_open; /* another open request of jenis baru has the same kode_opd and nama_sistem */
    enum known letter_seen;   /* another request of this department has the same normal_letter(nomor_surat) */
    const int64_t *event_day; /* NULL: today. Day of the event in WIB, where somebody judges on another day */
};

/* The day of an instant in WIB: where days of the SOP begin. */
static inline int64_t
form_day(int64_t effective_us)
{
    return caltime_day_at(effective_us, CALTIME_WIB);
}

/* How many findings are listed; of more, the last says how many are left out. */
enum { RULES_FINDINGS_MAX = 500 };

struct rules_count {
    unsigned errors,
        notes; /* of those listed; the last of a cut list has the highest level of what it stands for */
};

/* Every finding at once: appends a JSON array of {kode, tingkat, lokasi, pesan, message}, those of level E first. No
 * finding quotes a value. `form` has passed scan_document. Time is bounded by the form's size and the schemas'
 * limits, memory by a few megabytes; `out` needs at most 1 MiB. */
struct rules_count rules_check(const struct rules *r, struct str form, const struct form_context *ctx,
                               struct buf *out);

/* The raw values of the members that the rules by name read, in an order that is the rule set's own: one pass over the
 * form. */
enum { RULES_FIELDS_MAX = 64 };
struct form_fields {
    struct str raw[RULES_FIELDS_MAX];
};
void rules_fields(const struct rules *r, struct str form, struct form_fields *f);

/* Whether no rule by name has a finding: rules_check then finds nothing either where both schemas have none. */
bool rules_clean(const struct rules *r, const struct form_fields *f, const struct form_context *ctx);

/* The short way to the same findings: a form that both schemas let pass, and most do, is proved so in one pass over its
 * bytes, without a tree. `tape` is the caller's, for one thread at a time; NULL (no memory) proves nothing.
 * `*in_full` tells whether it took the long way all the same. */
struct tape;
struct tape *rules_tape(const struct rules *r); /* to be freed by tape_free of common/json/schema_fast.h */
struct rules_count rules_judge(const struct rules *r, struct tape *tape, struct str form,
                               const struct form_context *ctx, struct buf *out, bool *in_full);

/* rules_judge in two halves. The first needs nothing but the form, so that it can be done as soon as the form is there; the
 * second, what is known of it by then. `form` must stay where it is between them: what was read points into it. */
struct rules_reading {
    bool proved; /* both schemas let it pass: the short way */
    struct form_fields fields;
};
void rules_read(const struct rules *r, struct tape *tape, struct str form, struct rules_reading *ret);
struct rules_count rules_judge_read(const struct rules *r, const struct rules_reading *read, struct str form,
                                    const struct form_context *ctx, struct buf *out);

/* One more finding of the catalogue, for what is judged elsewhere (dokumen_*): appends the object without a comma.
 * False when the catalogue has no such code; nothing is appended then. */
bool rules_put(const struct rules *r, const char *kode, struct str lokasi, struct buf *out);

/* The code that pa20.rules.json gives to a rule that is judged elsewhere ("dokumen_ada"), and one of its parameters
 * that is a number ("maksimum"); NULL and `otherwise` where the rule set does not have it. */
const char *rules_code(const struct rules *r, const char *aturan);
int64_t rules_number(const struct rules *r, const char *aturan, const char *parameter, int64_t otherwise);

/* On what a finding of this code depends besides the form and the rules: FINDING_TIMED is what the catalogue calls
 * bergantung_waktu (the day, other requests, where a document is), so that it may come while the form stays as it is. */
enum finding_cause { FINDING_FORM, FINDING_DOCUMENT, FINDING_TIMED };

/* FINDING_FORM for a code that the rule set does not have. */
enum finding_cause rules_cause(const struct rules *r, struct str kode);

/* Which rules dokumen_tte apply to this form, the first of them as bit 0: asked once for each form. A rule set has at
 * most RULES_SIGNING_MAX of them. */
enum { RULES_SIGNING_MAX = 16 };
uint32_t rules_signing(const struct rules *r, struct str form);

/* Whether one of those demands an electronic signature of the attachment of this jenis. */
bool rules_signed(const struct rules *r, uint32_t signing, struct str jenis);

#endif
