/* update: whether what was appended after the newest signature changes nothing that a reader shows.
 *
 * Signers that make a signature last (PAdES LT and LTA) append certificates and revocation data as /DSS, and that is the
 * last thing in the file. It is borne only where it can be shown to be no more:
 * - both the signed part and the whole file are sound: qpdf mends neither;
 * - the catalog gains or changes /DSS, and may differ otherwise in /Extensions and /Metadata only;
 * - every other object of the signed part says the same in the whole, streams byte for byte, save the document's
 *   information, its metadata and what /DSS had before, which nothing else may refer to;
 * - no object of the signed part refers to one that the signed part does not have: an update could fill it in.
 * In doubt the answer is no. */
#ifndef PDF_UPDATE_H
#define PDF_UPDATE_H

#include <qpdf/qpdf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* `q` was read from the whole file that begins with the `signed_n` bytes at `p`. */
bool update_is_harmless(qpdf_data q, const unsigned char *p, size_t signed_n);

#endif
