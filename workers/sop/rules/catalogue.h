/* catalogue: which code and sentences a broken rule has. Internal. */
#ifndef SOP_RULES_CATALOGUE_H
#define SOP_RULES_CATALOGUE_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "workers/sop/rules/source.h"

/* One finding's name; text belongs to the catalogue. */
struct entry {
    const char *code;  /* "PA20-E-001"; the letter is the level */
    const char *field; /* "lampiran.jenis", "*" for any; NULL for a rule by name */
    const char *pesan, *message;
    bool timed; /* bergantung_waktu: it may come while the form stays as it is; only of a rule by name */
};

struct catalogue;

static inline char
entry_level(const struct entry *e)
{
    return e->code[5];
}

/* RES_FATAL with file and entry. `*ret` is the caller's. */
enum res catalogue_load(const struct source *from, struct catalogue **ret, struct err *e);
void catalogue_free(struct catalogue *c);

/* What a failed keyword is called: the most particular entry of the level: field and keyword, the field, the keyword,
 * the last resort. NULL when there is none. */
const struct entry *catalogue_of(const struct catalogue *c, char level, struct str field,
                                 const char *keyword);

/* By code, or NULL. */
const struct entry *catalogue_code(const struct catalogue *c, struct str code);

#endif
