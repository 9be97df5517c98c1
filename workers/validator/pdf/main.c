/* bedelau-pdfcheck [--ca]: judges one document and says it in one line of JSON.
 *
 *   descriptor 0   the document, a file or memory that can be read at a position
 *   descriptor 1   where the line goes: {"pdf":"ok","halaman":3,"ttd":"tidak_ada"}
 *   descriptor 3   with --ca: the CAs of signers, PEM
 *
 * Before it looks at a byte it gives up everything else (sandbox.h). Exit status 0 when it has answered and 71
 * (EX_OSERR) when the system refuses the sandbox; any other end, by a signal too, says that the document could not be
 * judged. Nothing of the document is ever written. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "workers/validator/pdf/document.h"
#include "workers/validator/pdf/sandbox.h"

enum {
    CA_FD = 3,
    MOST = 64 << 20 /* bytes of a document; four times that must fit into the memory limit */
};

/* All of `fd`, the caller's to free; NULL when it cannot be read, is too large, or memory is out. By position, since
 * several helpers may share one open file. */
static unsigned char *
read_all(int fd, size_t *n)
{
    off_t size = lseek(fd, 0, SEEK_END);
    unsigned char *p = NULL;
    size_t got = 0;

    if (size < 0 || size > MOST || (p = malloc((size_t)size + 1)) == NULL)
        return NULL;
    while (got < (size_t)size) {
        ssize_t more = pread(fd, p + got, (size_t)size - got, (off_t)got);

        if (more <= 0) {
            free(p);
            return NULL;
        }
        got += (size_t)more;
    }
    *n = got;
    return p;
}

static X509_STORE *
read_trust(void)
{
    size_t n = 0;
    unsigned char *pem = read_all(CA_FD, &n);
    X509_STORE *trust = pem ? signature_trust(pem, n) : NULL;

    free(pem);
    return trust;
}

static bool
answer(struct doc_verdict v)
{
    static const char *const kinds[] = {"ok", "bukan_pdf", "rusak", "terenkripsi", "tanpa_halaman"};
    static const char *const signs[] = {"tidak_ada", "sah", "ca_tidak_dikenal", "tidak_sah"};
    char line[128];
    int n = snprintf(line, sizeof line, "{\"pdf\":\"%s\",\"halaman\":%d,\"ttd\":\"%s\"}\n", kinds[v.kind],
                     v.pages, signs[v.sign]);

    return write(STDOUT_FILENO, line, (size_t)n) == n;
}

int
main(int argc, char **argv)
{
    bool ca = argc == 2 && strcmp(argv[1], "--ca") == 0;
    X509_STORE *trust = NULL;
    unsigned char *p = NULL;
    size_t n = 0;

    if (argc != 1 + ca)
        return EX_USAGE;
    if (!sandbox_limits(ca ? CA_FD + 1 : CA_FD) || !signature_setup() || !sandbox_filter())
        return EX_OSERR;
    if ((ca && (trust = read_trust()) == NULL) || (p = read_all(STDIN_FILENO, &n)) == NULL)
        _exit(EX_NOINPUT);
    /* no destructors: they may want what the sandbox forbids, and nothing is left to be kept */
    _exit(answer(document_judge(p, n, trust)) ? 0 : EX_IOERR);
}
