#include "workers/integrator/encode.h"

#include "common/http/webform.h"
#include "common/json/scan.h"

enum { NAME_MAX_BYTES = 4096, TEXT_MAX = 4 << 20 };

static void
put_leaf(struct str name, struct str raw, struct buf *out)
{
    struct buf tmp = buf_make(TEXT_MAX);

    if (out->n)
        buf_char(out, '&');
    webform_text(out, name);
    buf_char(out, '=');
    if (scan_kind(raw) == SCAN_STRING)
        webform_text(out, scan_string(raw, &tmp));
    else if (scan_kind(raw) != SCAN_NULL)
        webform_text(out, raw);
    buf_free(&tmp);
}

/* As deep as the document is: SCAN_DEPTH at most. */
static void
put_value(struct buf *name, struct str value, struct buf *out)
{
    enum scan_kind kind = scan_kind(value);
    size_t n = name->n;

    if (kind != SCAN_OBJECT && kind != SCAN_ARRAY) {
        put_leaf(buf_view(name), value, out);
        return;
    }
    for (struct scan_iter it = scan_iter(value); scan_next(&it);) {
        struct buf key = buf_make(NAME_MAX_BYTES);

        if (n)
            buf_char(name, '[');
        if (kind == SCAN_OBJECT) { /* the key's quotes stand around it */
            struct str quoted = {it.key.p - 1, it.key.n + 2};

            buf_str(name, scan_string(quoted, &key));
        }
        if (n)
            buf_char(name, ']');
        put_value(name, it.value, out);
        name->n = n;
        buf_free(&key);
    }
}

void
encode_form(struct str object, struct buf *out)
{
    struct buf name = buf_make(NAME_MAX_BYTES);

    put_value(&name, object, out);
    buf_free(&name);
}
