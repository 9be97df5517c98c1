#include "producers/gateway/form.h"

#include "common/json/scan.h"

bool
form_check(struct str text, struct refusal *r)
{
    struct err e = {0};

    if (scan_document(text, &e) != RES_OK)
        return refusal_set(r, 400, "The body is not accepted as JSON: %s", e.text);
    if (scan_kind(text) != SCAN_OBJECT)
        return refusal_set(r, 400, "The body must be one JSON object.");
    return true;
}

bool
form_no_credentials(struct str form, struct refusal *r)
{
    static const char *const names[] = {"password", "kata_sandi", "secret", "token", "nik"};
    enum { N = sizeof names / sizeof names[0] };
    struct str found[N];

    scan_pick(form, names, found, N);
    for (unsigned i = 0; i < N; i++)
        if (found[i].p)
            return refusal_set(
                r, 422, "The member \"%s\" may not be sent: credentials and NIK do not belong in the form.",
                names[i]);
    return true;
}

bool
form_nomor_ok(struct str s)
{
    if (s.n < 3 || s.n > 64)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!alnum && (i == 0 || (c != '.' && c != '-')))
            return false;
    }
    return true;
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
