/* rules_priv: what the files of the rule engine share. */
#ifndef SOP_RULES_RULES_PRIV_H
#define SOP_RULES_RULES_PRIV_H

#include <jansson.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/json/schema_fast.h"
#include "workers/sop/rules/catalogue.h"
#include "workers/sop/rules/nip.h"
#include "workers/sop/rules/opd.h"
#include "workers/sop/rules/rules.h"
#include "workers/sop/rules/source.h"

enum { RULE_LIST_MAX = 8 };

/* What a rule's parameters may say; each rule reads its own. Texts belong to the document. */
struct rule_params {
    int64_t hari, minimum, maksimum;
    int64_t tanggal;       /* a day */
    enum opd_column kolom; /* of the table */
    const char *nilai;
    unsigned jenis; /* fields of the form, as indexes of form_fields */
    unsigned kunci[RULE_LIST_MAX], nkunci;
    unsigned dari[RULE_LIST_MAX], ndari;
    const char *bila[RULE_LIST_MAX]; /* values; of the field bila_field where `bila_field_given` */
    unsigned nbila, bila_field;
    bool bila_field_given;
    const char *bila_pointer; /* of a rule judged elsewhere: it may go deeper than a field; NULL = always */
};

struct rule;

/* One check in progress, as a rule sees it. */
struct judging {
    const struct rules *r;
    const struct form_context *ctx;
    const struct form_fields *fields;
    struct arena arena; /* of decoded text */
    struct known_nip {  /* the one read last: several rules ask for each */
        struct str raw;
        struct nip nip;
        bool ok;
    } nip;
};

/* True: the finding is to be made. `value` is the raw value at the rule's place, STR_NULL where it is absent. */
typedef bool (*rule_fn)(struct judging *j, const struct rule *rule, struct str value);

enum rule_flag {
    RULE_ABSENT = 1,    /* looked at where its place is absent too */
    RULE_WRONG = 2,     /* and where it has an E already */
    RULE_ELSEWHERE = 4, /* judged by others: dokumen_*, batas_temuan */
    RULE_WHOLE = 8      /* its place is the whole form */
};

struct rule_kind {
    const char *name;
    rule_fn fn;
    unsigned needs, may; /* parameters, bits of enum param in rules_named.c */
    unsigned flags;
};

/* One rule of pa20.rules.json. */
struct rule {
    const struct rule_kind *kind;
    const struct entry *entry;
    const char *lokasi; /* as it stands there */
    char *pointer;      /* without the "/" and "*" of "each"; owned */
    unsigned place;     /* field */
    bool each;          /* of the array at its place */
    struct rule_params p;
    const json_t *parameter;
};

struct rules {
    struct schema *errors, *notes;
    struct schema_fast *fast; /* over both */
    json_t *form;             /* while loading: pa20.schema.json, for the names of its members */
    struct catalogue *catalogue;
    struct opd *opd;
    json_t *doc; /* pa20.rules.json */
    struct rule *rule;
    size_t nrules;
    const char *names[RULES_FIELDS_MAX]; /* of form_fields */
    unsigned nnames;
    unsigned listed_max;                        /* batas_temuan */
    const struct entry *rest_error, *rest_note; /* what stands for those left out */
    char hash[2 * HASH_SIZE + 1];
};

/* ---- rules_named.c: pa20.rules.json ----------------------------------------------------------------------------- */

enum res named_load(struct rules *r, const struct source *from, struct err *e);

/* rules_fn.c: what each name means. Ended by a NULL name. */
extern const struct rule_kind rule_kinds[];

/* ---- rules_find.c: findings ------------------------------------------------------------------------------------- */

struct findings;

/* Begins the array in `out`. NULL when memory is out. */
struct findings *findings_new(const struct rules *r, struct buf *out);
void findings_free(struct findings *f);

/* One finding: the same code at the same place is one, a note where an error stands is none, no more than the most are
 * written. */
void findings_add(struct findings *f, const struct entry *entry, struct str pointer);

/* The schema's failures as findings of that level. */
void findings_of_schema(struct findings *f, const struct schema *s, char level, const json_t *form);

/* Whether an E stands there. */
bool findings_has_error(const struct findings *f, struct str pointer);

/* Ends the array, with what was left out. */
struct rules_count findings_end(struct findings *f);

/* Appends {kode, tingkat, lokasi, pesan, message}; "{n}" in a sentence becomes `n`. */
void finding_write(struct buf *out, const struct entry *entry, struct str pointer, uint64_t n);

#endif
