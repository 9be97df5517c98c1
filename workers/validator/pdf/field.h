/* field: finds the signatures of a document. */
#ifndef PDF_FIELD_H
#define PDF_FIELD_H

#include <qpdf/qpdf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIELD_MOST = 64 }; /* signatures of one document */

enum field_kind { FIELD_CMS, FIELD_STAMP, FIELD_OTHER };

struct field {
    enum field_kind kind;
    int64_t range[4];        /* /ByteRange; all -1 when it is not four whole numbers */
    unsigned char *contents; /* the bytes of /Contents, owned by the list; may be NULL with n 0 */
    size_t n;
    char made[32]; /* /M as written, cut, or "" */
};

struct fields {
    struct field at[FIELD_MOST];
    unsigned n;
    unsigned nodes; /* of the form's tree that were seen */
    bool broken;    /* too many, too deep, or out of memory: the list is not whole */
};

/* Fills `fs` (zeroed by the caller) with the signed fields of the form; fields_free gives back what they hold. */
void fields_find(qpdf_data q, struct fields *fs);
void fields_free(struct fields *fs);

#endif
