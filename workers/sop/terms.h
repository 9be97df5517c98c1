/* terms: how long each clock may run, and when it warns before its end, as data. [sop] of the configuration says how long
 * in general; the file that [sop] terms names says when clocks warn, and which departments and kinds of request have
 * other terms (schemas/README.md, "Terms"). */
#ifndef SOP_TERMS_H
#define SOP_TERMS_H

#include "common/calendar/calendar.h"
#include "workers/sop/names.h"

enum { TERM_WARNINGS = 8, TERM_DAYS_MAX = 1000, TERMS_VERSION = 9 };

/* One clock's. */
struct term {
    struct calendar_term of;
    int64_t warn[TERM_WARNINGS]; /* so many units before the due instant, falling */
    unsigned nwarn;
};

/* What one department, one kind of request, or one department for one kind has of its own. */
struct term_exception {
    struct str kode_opd, jenis; /* STR_NULL = whoever */
    bool has_term[TAHAPS], has_warn[TAHAPS];
    struct term term[TAHAPS];
    size_t at; /* its place in the file */
};

/* Immutable once it is loaded. */
struct terms {
    struct term general[TAHAPS];
    struct term_exception *exceptions; /* by rising precedence */
    size_t n;
    uint32_t version;   /* other terms or warnings, another number */
    struct json_t *doc; /* what the texts point into */
};

struct terms_from {
    const char *const *general;     /* TAHAPS texts such as "2 hari_kerja": what [sop] says */
    const char *file, *schema_file; /* the exceptions, and the JSON Schema that they must satisfy */
};

/* RES_FATAL with the setting, and the place in the file, that are wrong: a text that is no term, a term of nothing or of
 * more than TERM_DAYS_MAX days, a file that its schema refuses, the same exception twice, a term of clock 1 by kind (the form is
 * not there yet), a warning longer than the term that it is of. `*ret` is the caller's, to terms_free. */
enum res terms_load(const struct terms_from *from, struct terms **ret, struct err *e);
void terms_free(struct terms *t); /* NULL is fine */

/* The term of a clock for a department and a kind, each as in the form; STR_NULL where it is not known. Length and warnings
 * each by the most particular exception that says them: department and kind, department, kind, in general. */
struct term terms_of(const struct terms *t, struct str kode_opd, struct str jenis, enum tahap tahap);

/* The version as events name it, 8 hexadecimal digits. */
void terms_version(const struct terms *t, char out[TERMS_VERSION]);

/* "2 hari_kerja", "30 hari_kalender", "5 detik". */
bool clock_term_parse(const char *text, struct calendar_term *ret);
const char *satuan_name(enum calendar_unit u); /* hari_kerja, hari_kalender, detik */

#endif
