#include "workers/validator/pdf/field.h"

#include <stdlib.h>
#include <string.h>

enum { FORM_DEPTH = 32, FORM_NODES = 20000 };

static enum field_kind
kind_of(qpdf_data q, qpdf_oh dict)
{
    qpdf_oh sub = qpdf_oh_get_key(q, dict, "/SubFilter");

    if (qpdf_oh_is_name_and_equals(q, sub, "/adbe.pkcs7.detached") ||
        qpdf_oh_is_name_and_equals(q, sub, "/ETSI.CAdES.detached"))
        return FIELD_CMS;
    return qpdf_oh_is_name_and_equals(q, sub, "/ETSI.RFC3161") ? FIELD_STAMP : FIELD_OTHER;
}

static void
read_range(qpdf_data q, qpdf_oh dict, int64_t range[4])
{
    qpdf_oh list = qpdf_oh_get_key(q, dict, "/ByteRange");
    bool ok = qpdf_oh_is_array(q, list) && qpdf_oh_get_array_n_items(q, list) == 4;

    for (int i = 0; i < 4; i++) {
        long long v = -1;

        ok = ok && qpdf_oh_get_value_as_longlong(q, qpdf_oh_get_array_item(q, list, i), &v) && v >= 0;
        range[i] = v;
    }
    if (!ok)
        memset(range, 0xff, 4 * sizeof *range);
}

static bool
read_contents(qpdf_data q, qpdf_oh dict, struct field *f)
{
    qpdf_oh value = qpdf_oh_get_key(q, dict, "/Contents");
    const char *p = NULL;

    if (!qpdf_oh_is_string(q, value))
        return true;
    p = qpdf_oh_get_binary_string_value(q, value, &f->n);
    f->contents = malloc(f->n + 1);
    if (!f->contents || !p)
        return false;
    memcpy(f->contents, p, f->n);
    return true;
}

static void
read_made(qpdf_data q, qpdf_oh dict, struct field *f)
{
    qpdf_oh value = qpdf_oh_get_key(q, dict, "/M");
    const char *z = qpdf_oh_is_string(q, value) ? qpdf_oh_get_string_value(q, value) : "";

    strncpy(f->made, z, sizeof f->made - 1);
}

static void
add(qpdf_data q, qpdf_oh dict, struct fields *fs)
{
    struct field *f = NULL;

    if (fs->n == FIELD_MOST) {
        fs->broken = true;
        return;
    }
    f = &fs->at[fs->n++];
    f->kind = kind_of(q, dict);
    read_range(q, dict, f->range);
    read_made(q, dict, f);
    if (!read_contents(q, dict, f))
        fs->broken = true;
}

/* A field's type is inherited; its kids may be fields or the widgets that show it. */
static void
walk(qpdf_data q, qpdf_oh node, bool of_sig, int depth, struct fields *fs)
{
    qpdf_oh kids;
    int n;

    if (depth > FORM_DEPTH || ++fs->nodes > FORM_NODES)
        fs->broken = true;
    if (fs->broken || !qpdf_oh_is_dictionary(q, node))
        return;
    if (qpdf_oh_has_key(q, node, "/FT"))
        of_sig = qpdf_oh_is_name_and_equals(q, qpdf_oh_get_key(q, node, "/FT"), "/Sig");
    if (of_sig && qpdf_oh_is_dictionary(q, qpdf_oh_get_key(q, node, "/V")))
        add(q, qpdf_oh_get_key(q, node, "/V"), fs);
    kids = qpdf_oh_get_key(q, node, "/Kids");
    n = qpdf_oh_is_array(q, kids) ? qpdf_oh_get_array_n_items(q, kids) : 0;
    for (int i = 0; i < n && !fs->broken; i++)
        walk(q, qpdf_oh_get_array_item(q, kids, i), of_sig, depth + 1, fs);
}

void
fields_find(qpdf_data q, struct fields *fs)
{
    qpdf_oh form = qpdf_oh_get_key_if_dict(q, qpdf_get_root(q), "/AcroForm");
    qpdf_oh list = qpdf_oh_get_key_if_dict(q, form, "/Fields");
    int n = qpdf_oh_is_array(q, list) ? qpdf_oh_get_array_n_items(q, list) : 0;

    for (int i = 0; i < n && !fs->broken; i++)
        walk(q, qpdf_oh_get_array_item(q, list, i), false, 0, fs);
}

void
fields_free(struct fields *fs)
{
    for (unsigned i = 0; i < fs->n; i++)
        free(fs->at[i].contents);
    *fs = (struct fields){.n = 0};
}
