/* document: what is to be said of one attached document. Pure: bytes in, verdict out; no file, no output.
 *
 * - not a PDF: `%PDF-` does not lie within the first 1024 bytes, as readers ask;
 * - damaged: qpdf cannot read it, its page tree loops or nests deeper than any writer makes, it has fewer pages than it
 *   counts, or the content of a page cannot be decoded. What qpdf repairs with a warning (a wrong cross-reference table,
 *   a missing end) is not damage: readers open such files, and many producers write them;
 * - encrypted: the trailer names /Encrypt, even when the empty password opens it;
 * - without pages: readable, and no page in it.
 * The signature is judged only in a document that is fine (signature.h); in any other it is SIGN_NONE and says nothing. */
#ifndef PDF_DOCUMENT_H
#define PDF_DOCUMENT_H

#include <stddef.h>

#include "workers/validator/pdf/signature.h"

enum doc_kind { DOC_OK, DOC_NOT_PDF, DOC_DAMAGED, DOC_ENCRYPTED, DOC_NO_PAGE };

struct doc_verdict {
    enum doc_kind kind;
    int pages; /* 0 unless `kind` is DOC_OK */
    enum sign sign;
};

/* Judges the `n` bytes at `p` (any bytes; NULL with 0). `trust` holds the CAs and may be NULL: then no chain is known. */
struct doc_verdict document_judge(const unsigned char *p, size_t n, X509_STORE *trust);

#endif
