#include "workers/validator/pdf/document.h"

#include <qpdf/qpdf-c.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_WITHIN = 1024,
    TREE_DEPTH = 100,   /* of page tree nodes; balanced trees of real producers stay below 10 */
    TREE_NODES = 200000 /* a node takes 50 bytes of file, unless it is met many times */
};

static bool
has_header(const unsigned char *p, size_t n)
{
    return n && memmem(p, n < HEADER_WITHIN ? n : HEADER_WITHIN, "%PDF-", 5) != NULL;
}

/* True also where reading failed because of the encryption: the trailer was read before. */
static bool
is_encrypted(qpdf_data q)
{
    qpdf_oh trailer = qpdf_get_trailer(q);

    return qpdf_oh_is_initialized(q, trailer) && qpdf_oh_is_dictionary(q, trailer) &&
           qpdf_oh_has_key(q, trailer, "/Encrypt");
}

/* qpdf walks the tree by recursion: what would exhaust the stack, or never end, is refused here. */
static bool
tree_is_sound(qpdf_data q, qpdf_oh node, int depth, int *nodes)
{
    qpdf_oh kids;
    int n;
    bool ok = true;

    if (depth > TREE_DEPTH || ++*nodes > TREE_NODES)
        return false;
    kids = qpdf_oh_get_key_if_dict(q, node, "/Kids");
    n = qpdf_oh_is_array(q, kids) ? qpdf_oh_get_array_n_items(q, kids) : 0;
    for (int i = 0; ok && i < n; i++) {
        qpdf_oh kid = qpdf_oh_get_array_item(q, kids, i);

        ok = tree_is_sound(q, kid, depth + 1, nodes);
        qpdf_oh_release(q, kid);
    }
    qpdf_oh_release(q, kids);
    return ok;
}

static bool
page_is_readable(qpdf_data q, int i)
{
    qpdf_oh page = qpdf_get_page_n(q, (size_t)i);
    unsigned char *content = NULL;
    size_t n = 0;
    bool ok = qpdf_oh_is_dictionary(q, page) &&
              !(qpdf_oh_get_page_content_data(q, page, &content, &n) & (QPDF_ERRORS));

    free(content);
    qpdf_oh_release(q, page);
    return ok;
}

static enum doc_kind
count_pages(qpdf_data q, int *pages)
{
    qpdf_oh tree = qpdf_oh_get_key_if_dict(q, qpdf_get_root(q), "/Pages");
    long long said = 0; /* before qpdf mends the tree */
    int nodes = 0;

    qpdf_oh_get_value_as_longlong(q, qpdf_oh_get_key_if_dict(q, tree, "/Count"), &said);
    if (!tree_is_sound(q, tree, 0, &nodes))
        return DOC_DAMAGED;
    *pages = qpdf_get_num_pages(q);
    if (*pages < 0 || *pages < said)
        return DOC_DAMAGED;
    for (int i = 0; i < *pages; i++)
        if (!page_is_readable(q, i))
            return DOC_DAMAGED;
    if (*pages)
        return DOC_OK;
    /* what was mended lost its pages */
    return qpdf_more_warnings(q) ? DOC_DAMAGED : DOC_NO_PAGE;
}

static enum doc_kind
judge_kind(qpdf_data q, const unsigned char *p, size_t n, int *pages)
{
    int code = qpdf_read_memory(q, "", (const char *)p, n, "");

    if (is_encrypted(q))
        return DOC_ENCRYPTED;
    if (code & (QPDF_ERRORS))
        return DOC_DAMAGED;
    return count_pages(q, pages);
}

struct doc_verdict
document_judge(const unsigned char *p, size_t n, X509_STORE *trust)
{
    struct doc_verdict v = {DOC_NOT_PDF, 0, SIGN_NONE};
    qpdf_data q = NULL;
    int pages = 0;

    if (!has_header(p, n))
        return v;
    q = qpdf_init();
    qpdf_silence_errors(q);
    qpdf_set_suppress_warnings(q, QPDF_TRUE);
    v.kind = judge_kind(q, p, n, &pages);
    if (v.kind == DOC_OK) {
        v.pages = pages;
        v.sign = signature_judge(q, p, n, trust);
    }
    qpdf_get_error(q); /* one that nobody took would be written to standard error */
    qpdf_cleanup(&q);
    return v;
}
