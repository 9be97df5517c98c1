/* pdf: has documents judged by bedelau-pdfcheck, a process without files, network or credentials, from an event loop.
 * Whatever a document does to the helper, the worker gets a verdict within the time limit. One thread: the loop's. */
#ifndef VALIDATOR_PDF_H
#define VALIDATOR_PDF_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/base/str.h"

enum pdf_kind {
    PDF_OK,
    PDF_NOT_PDF,   /* no `%PDF-` within the first 1024 bytes */
    PDF_DAMAGED,   /* cannot be read */
    PDF_ENCRYPTED, /* with an empty password too */
    PDF_NO_PAGE,   /* sound but without pages */
    PDF_HELPER_FAILED, /* the document brought the helper down: it could not be judged, and would not be the next time */
    PDF_NOT_JUDGED /* our fault, not the document's: no helper could be started. Ask again later; no finding */
};

/* Said of a document that is PDF_OK; of any other it is PDF_SIGN_NONE and means nothing. Of several signatures the worst
 * counts; the rules are in pdf/signature.h. */
enum pdf_sign {
    PDF_SIGN_NONE,       /* not signed */
    PDF_SIGN_VALID,      /* intact, by a signer whose CA was given */
    PDF_SIGN_UNKNOWN_CA, /* intact, by whom cannot be said: all of them where no bundle was given */
    PDF_SIGN_BROKEN      /* changed after signing, or does not cover the whole document */
};

struct pdf_verdict {
    enum pdf_kind kind;
    enum pdf_sign sign;
    int64_t pages;   /* 0 unless PDF_OK */
    const char *why; /* of the last two, for the log: a fixed sentence; else "" */
};

struct pdf_opts {
    const char *program; /* path of bedelau-pdfcheck */
    const char
        *ca_file;     /* PEM of the CAs that signers' certificates lead to, or NULL; read once, by pdf_new */
    int64_t limit_ms; /* for one document; 0: 10,000 */
    unsigned most;    /* helpers at once; 0: 2 */
    unsigned waiting; /* documents that may wait for a helper; 0: 64 */
};

struct pdf_checker;

/* `*ret` is the caller's, to pdf_free; `loop` must outlive it and `opts` is copied. RES_FATAL when the program is not there
 * (a build without qpdf has none) or the bundle cannot be read or holds no certificate. */
enum res pdf_new(struct loop *loop, const struct pdf_opts *opts, struct pdf_checker **ret, struct err *e);

/* Kills the helpers that run and waits for their end; verdicts that are due are never said. NULL is fine. */
void pdf_free(struct pdf_checker *pdf);

/* Has the document in `fd` judged: a memfd that is sealed or can be (MFD_ALLOW_SEALING, no writable mapping); nobody can
 * change it from then on. The descriptor stays the caller's, who may close it at once. RES_OK: `fn` will be called once,
 * from the loop, never from in here; `v` is valid during the call; `fn` may check further documents but not free the
 * checker. RES_RETRY: too many wait, or the system lacks descriptors or memory; RES_FATAL: `fd` cannot be sealed. `fn` is
 * not called then. */
enum res pdf_check(struct pdf_checker *pdf, int fd, void (*fn)(void *arg, const struct pdf_verdict *v),
                   void *arg, struct err *e);

/* The same of bytes, which are copied. */
enum res pdf_check_bytes(struct pdf_checker *pdf, struct str bytes,
                         void (*fn)(void *arg, const struct pdf_verdict *v), void *arg, struct err *e);

/* Documents that are waiting or being judged. */
unsigned pdf_pending(const struct pdf_checker *pdf);

/* Where the helper of this installation is: beside the running program. The caller's to free; NULL when that cannot
 * be told. */
char *pdf_program(void);

#endif
