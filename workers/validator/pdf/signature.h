/* signature: the electronic signatures of a PDF (ISO 32000-2, 12.8; ETSI EN 319 142), judged without a network.
 *
 * A signature is the /V of a signature field of the document's form. Judged are the kinds adbe.pkcs7.detached,
 * ETSI.CAdES.detached and, as a document's time stamp, ETSI.RFC3161; one of another kind is SIGN_BROKEN, since nothing says
 * that it is intact.
 *
 * Ranges: each /ByteRange starts at 0 and leaves out exactly the hexadecimal string that is its own /Contents. The newest
 * signature must end where the file ends; earlier ones end earlier, with what was added since then covered by the newest.
 * So anything appended after the last signature is SIGN_BROKEN, but for what signers append to make a signature last: data
 * for its validation (/DSS) that can be shown to change nothing else (update.h).
 *
 * Time: a certificate must be valid when the signature was made, not today: the time is the signed attribute signingTime,
 * or else the signed dictionary's /M, or else (and where that lies in the future) now. A time stamp says its own.
 * The signer says this time; it is not proof against a signer who lies about it. Revocation is not asked about.
 *
 * Digests below SHA-224 (MD5, SHA-1) and keys or chains below 80 bits of strength do not count as intact. */
#ifndef PDF_SIGNATURE_H
#define PDF_SIGNATURE_H

#include <openssl/x509.h>
#include <qpdf/qpdf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* Better first: of several signatures the worst counts. */
enum sign {
    SIGN_NONE,       /* not signed */
    SIGN_VALID,      /* intact, and the signer's chain ends at a CA that was given */
    SIGN_UNKNOWN_CA, /* intact, but by whom cannot be said */
    SIGN_BROKEN      /* changed, covers less than it must, or cannot be read */
};

/* Makes libcrypto read whatever it would read later (no configuration file, the built-in provider, the time zone), and must
 * be called before the sandbox closes. False when libcrypto refuses. */
bool signature_setup(void);

/* The CAs of a PEM bundle, the caller's to X509_STORE_free; a CA that is not a root is trusted as it stands. NULL
 * when there is no certificate in it or one is broken. */
X509_STORE *signature_trust(const void *pem, size_t n);

/* The worst of the signatures of `q`, which was read from the `n` bytes at `p`. */
enum sign signature_judge(qpdf_data q, const unsigned char *p, size_t n, X509_STORE *trust);

#endif
