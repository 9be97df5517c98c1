/* fuzz_pdf: documents through what bedelau-pdfcheck does with them, without its sandbox. libFuzzer; needs -lqpdf. Seeds:
 * build/test/pdf, which tests/cases/pdf/make fills. A first byte that is odd puts `%PDF-` in front, so that mutations reach
 * the parser. */
#include <stdlib.h>
#include <string.h>

#include "workers/validator/pdf/document.c"  /* NOLINT(bugprone-suspicious-include) */
#include "workers/validator/pdf/field.c"     /* NOLINT(bugprone-suspicious-include) */
#include "workers/validator/pdf/signature.c" /* NOLINT(bugprone-suspicious-include) */
#include "workers/validator/pdf/update.c"    /* NOLINT(bugprone-suspicious-include) */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    if (!signature_setup())
        abort();
    return 0;
}

static void
judge(const uint8_t *p, size_t n)
{
    struct doc_verdict v = document_judge(p, n, NULL);

    if ((v.kind == DOC_OK) != (v.pages > 0) || (v.kind != DOC_OK && v.sign != SIGN_NONE) ||
        v.sign == SIGN_VALID)
        abort(); /* no CA was given: nothing is valid */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char head[] = "%PDF-1.7\n";
    uint8_t *p = NULL;

    if (n == 0 || data[0] % 2 == 0 || (p = malloc(n + sizeof head)) == NULL) {
        judge(data, n);
        return 0;
    }
    memcpy(p, head, sizeof head - 1);
    memcpy(p + sizeof head - 1, data, n);
    judge(p, n + sizeof head - 1);
    free(p);
    return 0;
}
