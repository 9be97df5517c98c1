#include "producers/gateway/intake.h"

#include <stdio.h>
#include <strings.h>

#include "common/base/caltime.h"
#include "common/json/scan.h"
#include "producers/gateway/form.h"
#include "workers/sop/fact.h"
#include "workers/sop/names.h"

enum { STORE_MAX = 65536, NAME_MAX_BYTES = 255 };

void
intake_init(struct intake *in)
{
    *in = (struct intake){.store = buf_make(STORE_MAX)};
    in->ce = (struct ce){.store = buf_make(STORE_MAX), .time_us = INT64_MIN};
}

void
intake_free(struct intake *in)
{
    ce_free(&in->ce);
    buf_free(&in->store);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static bool
take_member(struct intake *in, const struct scan_iter *it, struct str *version, struct refusal *r)
{
    enum scan_kind kind = scan_kind(it->value);
    struct str v = it->value;

    if (str_is(it->key, "data")) {
        in->ce.data = it->value;
        return true;
    }
    if (str_is(it->key, "data_base64"))
        return refusal_set(r, 400, "data_base64 is not taken: data must be JSON.");
    if (kind == SCAN_NULL)
        return true;
    if (kind == SCAN_STRING)
        v = scan_string(it->value, &in->ce.store);
    if (kind == SCAN_OBJECT || kind == SCAN_ARRAY || !v.p)
        return refusal_no_event(r, "an attribute is neither text nor number");
    if (str_is(it->key, "specversion"))
        *version = v;
    if (!ce_attr(&in->ce, it->key, v))
        return refusal_no_event(r, "an attribute's name is not allowed");
    return true;
}

bool
intake_structured(struct intake *in, struct str object, struct refusal *r)
{
    struct scan_iter it = scan_iter(object);
    struct str version = STR_NULL;

    intake_init(in);
    in->enveloped = true;
    if (!it.object)
        return refusal_no_event(r, "not a JSON object");
    if (!buf_room(&in->ce.store, STORE_MAX)) /* decoded text must not move */
        return refusal_set(r, 503, "Out of memory.");
    while (scan_next(&it))
        if (!take_member(in, &it, &version, r))
            return false;
    if (!str_is(version, "1.0"))
        return refusal_no_event(r, "specversion is not 1.0");
    return true;
}

/* Appends `s` with %XX decoded; what is no code stays as it is. */
static struct str
decode_percent(struct buf *store, struct str s)
{
    size_t from = store->n;

    for (size_t i = 0; i < s.n; i++) {
        int hi = s.p[i] == '%' && i + 2 < s.n ? str_hex(s.p[i + 1]) : -1;
        int lo = hi >= 0 ? str_hex(s.p[i + 2]) : -1;

        if (lo >= 0) {
            buf_char(store, (char)(unsigned char)(hi * 16 + lo));
            i += 2;
        } else {
            buf_char(store, s.p[i]);
        }
    }
    return store->failed ? STR_NULL : (struct str){store->p + from, store->n - from};
}

void
intake_header(struct intake *in, struct str name, struct str value)
{
    struct buf *store = &in->ce.store;
    struct str key;
    size_t from;

    if (name.n <= 3 || strncasecmp(name.p, "ce-", 3) != 0)
        return;
    if (!store->p && !buf_room(store, STORE_MAX)) /* decoded text must not move */
        return;
    from = store->n;
    for (size_t i = 3; i < name.n; i++)
        buf_char(store, (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i]));
    key = (struct str){store->p + from, store->n - from};
    ce_attr(&in->ce, key, decode_percent(store, value));
}

bool
intake_binary(struct intake *in, struct str body, struct refusal *r)
{
    if (in->ce.store.failed)
        return refusal_no_event(r, "the ce- headers are too long");
    in->ce.data = body;
    return form_check(body, r);
}

/* ---- checks ----------------------------------------------------------------------------------------------------- */

struct str
intake_traceparent(struct str header)
{
    static const char shape[] = "00-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";

    if (header.n != sizeof shape - 1)
        return STR_NULL;
    for (size_t i = 0; i < header.n; i++) {
        char c = header.p[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');

        if (shape[i] == 'h' ? !hex : c != shape[i])
            return STR_NULL;
    }
    return header;
}

static bool
check_type(const struct intake *in, struct refusal *r)
{
    enum fact_type t = fact_type_of(in->ce.type);

    if (!in->ce.type.n)
        return refusal_no_event(r, "attribute type is missing");
    if (t != FACT_REGISTERED && t != FACT_SUBMITTED && t != FACT_WITHDRAWN)
        return refusal_set(
            r, 403, "Only request.registered, request.submitted and request.withdrawn are taken here.");
    return true;
}

static bool
check_data(const struct intake *in, struct refusal *r)
{
    if (!in->ce.data.p || scan_kind(in->ce.data) != SCAN_OBJECT)
        return refusal_set(r, 422, "data must be a JSON object.");
    if (form_no_credentials(in->ce.data, r))
        return true;
    if (in->enveloped)
        refusal_under(r, "/data");
    return false;
}

/* What the envelope's schema says of both. */
static bool
check_names(const struct ce *ce, struct refusal *r)
{
    if (!ce->id.n)
        return refusal_no_event(r, "attribute id is missing");
    if (ce->id.n > NAME_MAX_BYTES || ce->source.n > NAME_MAX_BYTES)
        return refusal_set(r, 400, "id and source have at most %d bytes.", NAME_MAX_BYTES);
    for (size_t i = 0; i < ce->source.n; i++)
        if (ce->source.p[i] <= 0x20 || ce->source.p[i] >= 0x7f)
            return refusal_set(r, 400, "The source is no URI reference: visible ASCII characters only.");
    return true;
}

/* Data wins over the extension; a form without either is about nothing that the validator could answer. */
static bool
check_revisi(struct intake *in, struct refusal *r)
{
    bool data = form_count(scan_get(in->ce.data, "revisi"), &in->counts);
    bool ext = form_count(ce_ext(&in->ce, "revisi"), &in->revisi);

    if (!data)
        in->counts = in->revisi;
    if (!ext)
        in->revisi = in->counts;
    if (!in->counts && fact_type_of(in->ce.type) == FACT_SUBMITTED)
        return refusal_set(r, 422, "revisi must be a whole number from 1, in the form.");
    return true;
}

/* The source names a department of the token's, and the data's department is the same. */
static bool
check_source(struct intake *in, const struct auth *who, struct refusal *r)
{
    struct str kode = form_text(in->ce.data, "kode_opd", &in->store);
    struct str named = fact_sender(in->ce.source);

    if (in->ce.source.n && (!named.p || !auth_owns(who, named)))
        return refusal_set(r, 403,
                           "The source must begin /opd/<kode_opd> with a code that the token is bound to.");
    if (!kode.n)
        kode = named.p ? named : who->nopd == 1 ? who->opd[0] : STR_NULL;
    if (!kode.n)
        return refusal_set(r, 422,
                           "The source is missing and the token is bound to more than one department.");
    if (!auth_owns(who, kode))
        return refusal_set(r, 403, "The token is not bound to the data's kode_opd.");
    if (named.p && !str_eq(named, kode))
        return refusal_set(r, 422, "The source and the data's kode_opd name different departments.");
    if (in->ce.source.n)
        return true;
    snprintf(in->source, sizeof in->source, "/opd/%.*s", STR_FMT(kode));
    in->ce.source = str_of(in->source);
    return true;
}

static bool
check_subject(struct intake *in, struct refusal *r)
{
    if (!in->ce.subject.n)
        in->ce.subject = form_text(in->ce.data, "nomor_permohonan", &in->store);
    if (!in->ce.subject.n)
        return refusal_set(r, 422, "The subject is missing: it is the nomor_permohonan.");
    if (!nomor_ok(in->ce.subject))
        return refusal_set(r, 422, "The subject is no nomor_permohonan: 3-64 of A-Z, 0-9, dot and hyphen.");
    return true;
}

bool
intake_admit(struct intake *in, const struct intake_from *from, struct refusal *r)
{
    struct ce *ce = &in->ce;
    struct err e = {0};

    if (!check_names(ce, r) || !check_type(in, r) || !check_data(in, r) || !check_source(in, from->who, r) ||
        !check_subject(in, r))
        return false;
    if (ce_check(ce, &e) != RES_OK)
        return refusal_set(r, 400, "%s", e.text);
    if (ce->time_us == INT64_MIN)
        ce->time_us = from->now_us;
    if (!ce->traceparent.n)
        ce->traceparent = from->traceparent;
    return check_revisi(in, r);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

void
intake_write(const struct intake *in, struct buf *out)
{
    const struct ce *ce = &in->ce;
    struct ce_out o = {.id = ce->id,
                       .source = ce->source,
                       .type = ce->type,
                       .subject = ce->subject,
                       .dataschema = ce->dataschema,
                       .traceparent = ce->traceparent,
                       .time_us = ce->time_us,
                       .ext_name = in->revisi ? STR("revisi") : STR_NULL,
                       .ext_value = in->revisi};

    ce_write(&o, out);
    if (out->failed)
        return;
    out->n--; /* its closing brace: the sender's other extensions and the data come before it */
    for (unsigned i = 0; i < ce->exts; i++) {
        if (str_is(ce->ext[i].name, "revisi"))
            continue;
        buf_printf(out, ",\"%.*s\":", STR_FMT(ce->ext[i].name));
        buf_json(out, ce->ext[i].value);
    }
    buf_z(out, ",\"data\":");
    buf_str(out, ce->data);
    buf_char(out, '}');
}
