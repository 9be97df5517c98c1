#include "producers/gateway/form.h"

#include "common/json/scan.h"
#include "workers/sop/names.h"
#include "workers/sop/rules/secret.h"

bool
form_json(struct str text, struct refusal *r)
{
    struct err e = {0};

    return scan_document(text, &e) == RES_OK ||
           refusal_set(r, 400, "The body is not accepted as JSON: %s", e.text);
}

bool
form_check(struct str text, struct refusal *r)
{
    if (!form_json(text, r))
        return false;
    if (scan_kind(text) != SCAN_OBJECT)
        return refusal_set(r, 400, "The body must be one JSON object.");
    return true;
}

/* ---- members that look like a credential -------------------------------------------------------------------------- */

struct walk {
    struct buf at;    /* the pointer to where we are */
    struct buf store; /* a decoded name */
    struct refusal *r;
};

static void find_secrets(struct walk *w, struct str value);

static void
visit(struct walk *w, const struct scan_iter *it, unsigned index)
{
    size_t here = w->at.n;
    struct str key = STR_NULL;

    w->store.n = 0;
    if (it->object)
        key = scan_string((struct str){it->key.p - 1, it->key.n + 2}, &w->store);
    if (it->object)
        buf_pointer(&w->at, key);
    else
        buf_printf(&w->at, "/%u", index);
    if (it->object && secret_name(key))
        refusal_place(w->r, "", buf_view(&w->at));
    else
        find_secrets(w, it->value);
    w->at.n = here;
}

/* Recursion ends: scan_document allows SCAN_DEPTH levels. */
static void
find_secrets(struct walk *w, struct str value)
{
    enum scan_kind kind = scan_kind(value);
    struct scan_iter it;

    if (kind != SCAN_OBJECT && kind != SCAN_ARRAY)
        return;
    it = scan_iter(value);
    for (unsigned i = 0; scan_next(&it) && w->r->places < REFUSAL_PLACES; i++)
        visit(w, &it, i);
}

bool
form_no_credentials(struct str form, struct refusal *r)
{
    struct walk w = {.at = buf_make(2 * form.n + 1024), .store = buf_make(form.n + 1), .r = r};

    find_secrets(&w, form);
    if (w.at.failed || w.store.failed)
        refusal_set(r, 503, "Out of memory.");
    buf_free(&w.at);
    buf_free(&w.store);
    if (!r->places)
        return r->status == 0;
    return refusal_set(
        r, 422,
        "Members that look like a credential or a NIK may not be sent; kesalahan says where they are.");
}

struct str
form_text(struct str form, const char *name, struct buf *store)
{
    struct str raw = scan_get(form, name);

    if (!raw.p || scan_kind(raw) != SCAN_STRING)
        return STR_NULL;
    if (!store->p && !buf_room(store, store->max))
        return STR_NULL;
    return scan_string(raw, store);
}

bool
form_count(struct str raw, int64_t *n)
{
    if (scan_int(raw, n) && *n >= 1 && *n <= SOP_COUNT_MAX)
        return true;
    *n = 0;
    return false;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void
form_splice(struct str form, struct str nomor, struct buf *out)
{
    size_t head = 0;
    size_t next;

    while (head < form.n && form.p[head] != '{')
        head++;
    next = ++head; /* past the brace */
    while (next < form.n && is_blank(form.p[next]))
        next++;
    buf_add(out, form.p, head);
    buf_z(out, "\"nomor_permohonan\":");
    buf_json(out, nomor);
    if (next < form.n && form.p[next] != '}')
        buf_char(out, ',');
    buf_add(out, form.p + head, form.n - head);
}

struct str
form_year(struct str date)
{
    if (date.n < 4)
        return STR_NULL;
    for (size_t i = 0; i < 4; i++)
        if (date.p[i] < '0' || date.p[i] > '9')
            return STR_NULL;
    return (struct str){date.p, 4};
}
