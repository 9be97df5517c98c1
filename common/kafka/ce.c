#include "common/kafka/ce.h"

#include "common/base/caltime.h"
#include "common/json/scan.h"

enum { STORE_MAX = 65536, ATTR_MAX = 1024 };

static struct str *
core_attr(struct ce *ce, struct str name)
{
    const struct {
        struct str name;
        struct str *to;
    } core[] = {
        {STR("id"), &ce->id},
        {STR("source"), &ce->source},
        {STR("type"), &ce->type},
        {STR("subject"), &ce->subject},
        {STR("time"), &ce->time},
        {STR("dataschema"), &ce->dataschema},
        {STR("traceparent"), &ce->traceparent},
    };

    for (unsigned i = 0; i < sizeof core / sizeof core[0]; i++)
        if (str_eq(core[i].name, name))
            return core[i].to;
    return NULL;
}

static bool
is_core(struct ce *ce, struct str name)
{
    return str_is(name, "specversion") || str_is(name, "datacontenttype") || core_attr(ce, name);
}

static bool
ext_name_ok(struct str name)
{
    if (name.n == 0 || name.n > 20)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!((name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= '0' && name.p[i] <= '9')))
            return false;
    return true;
}

bool
ce_attr(struct ce *ce, struct str name, struct str value)
{
    struct str *to = core_attr(ce, name);

    if (to) {
        *to = value;
        return true;
    }
    if (is_core(ce, name) || !ext_name_ok(name))
        return is_core(ce, name); /* checked elsewhere */
    if (ce->exts < CE_EXT_MAX) {
        ce->ext[ce->exts].name = name;
        ce->ext[ce->exts++].value = value;
    }
    return true;
}

static enum res
check_attr(struct str value, const char *name, struct err *e)
{
    if (value.n == 0)
        return err_set(e, RES_REJECT, "no CloudEvent: attribute %s is missing", name);
    if (value.n > ATTR_MAX)
        return err_set(e, RES_REJECT, "attribute %s is longer than %d bytes", name, ATTR_MAX);
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
            return err_set(e, RES_REJECT, "attribute %s holds a control character", name);
    return RES_OK;
}

enum res
ce_check(struct ce *ce, struct err *e)
{
    enum res res;

    ce->time_us = INT64_MIN;
    if ((res = check_attr(ce->id, "id", e)) || (res = check_attr(ce->source, "source", e)) ||
        (res = check_attr(ce->type, "type", e)) || (res = check_attr(ce->subject, "subject", e)))
        return res;
    if (ce->traceparent.n && (res = check_attr(ce->traceparent, "traceparent", e)))
        return res;
    if (ce->time.n && !caltime_parse(ce->time, &ce->time_us))
        return err_set(e, RES_REJECT, "attribute time is not an RFC 3339 date and time");
    return RES_OK;
}

/* ---- structured ------------------------------------------------------------------------------------------------- */

static bool
decode_value(struct ce *ce, struct str raw, struct str *ret)
{
    enum scan_kind kind = scan_kind(raw);

    if (kind == SCAN_STRING)
        *ret = scan_string(raw, &ce->store);
    else if (kind == SCAN_NUMBER || kind == SCAN_TRUE || kind == SCAN_FALSE)
        *ret = raw;
    else
        return false;
    return ret->p != NULL;
}

static enum res
take_member(struct ce *ce, struct str name, struct str raw, struct str *version, struct err *e)
{
    struct str v;

    if (str_is(name, "data")) {
        ce->data = raw;
        return RES_OK;
    }
    if (str_is(name, "data_base64"))
        return err_set(e, RES_REJECT, "data_base64 is not taken: data must be JSON");
    if (scan_kind(raw) == SCAN_NULL)
        return RES_OK;
    if (!decode_value(ce, raw, &v) || (scan_kind(raw) != SCAN_STRING && is_core(ce, name)))
        return is_core(ce, name) || ext_name_ok(name)
                   ? err_set(e, RES_REJECT, "attribute %.*s is not a string", STR_FMT(name))
                   : err_set(e, RES_REJECT,
                             "no CloudEvent: an attribute's name is not allowed"); /* nor quoted */
    if (str_is(name, "specversion"))
        *version = v;
    if (!ce_attr(ce, name, v))
        return err_set(e, RES_REJECT, "no CloudEvent: an attribute's name is not allowed");
    return RES_OK;
}

/* Members that were not noted, since they are many. */
static enum res
take_all(struct str text, struct ce *ce, struct str *version, struct err *e)
{
    enum res res = RES_OK;

    for (struct scan_iter it = scan_iter(text); res == RES_OK && scan_next(&it);)
        res = take_member(ce, scan_string((struct str){it.key.p - 1, it.key.n + 2}, &ce->store), it.value,
                          version, e);
    return res;
}

/* What stands in `data` comes behind it. */
static void
keep_members(struct ce *ce, const struct scan_members *noted, unsigned at)
{
    unsigned end = at + 1;

    while (end < noted->n && noted->all[end].level == 2)
        end++;
    ce->member = &noted->all[at + 1];
    ce->members = end - at - 1;
}

static enum res
take_noted(struct ce *ce, const struct scan_members *noted, struct str *version, struct err *e)
{
    enum res res = RES_OK;

    for (unsigned i = 0; res == RES_OK && i < noted->n; i++) {
        const struct scan_member *m = &noted->all[i];

        if (m->level != 1)
            continue;
        res = take_member(
            ce, m->escaped ? scan_string((struct str){m->key.p - 1, m->key.n + 2}, &ce->store) : m->key,
            m->value, version, e);
        if (ce->data.p == m->value.p)
            keep_members(ce, noted, i);
    }
    return res;
}

/* the text was checked as a document already */
static enum res
read_members(struct str text, struct ce *ce, const struct scan_members *noted, struct err *e)
{
    struct str version = STR_NULL;
    enum res res;

    if (scan_kind(text) != SCAN_OBJECT)
        return err_set(e, RES_REJECT, "no CloudEvent: not a JSON object");
    /* decoded text must not move */
    if (memchr(text.p, '\\', text.n) && !buf_room(&ce->store, text.n < STORE_MAX ? text.n : STORE_MAX))
        return err_set(e, RES_RETRY, "out of memory");
    if (noted->n <= SCAN_MEMBERS)
        res = take_noted(ce, noted, &version, e);
    else
        res = take_all(text, ce, &version, e);
    if (res == RES_OK && !str_is(version, "1.0"))
        res = err_set(e, RES_REJECT, "no CloudEvent: specversion is not 1.0");
    return res == RES_OK ? ce_check(ce, e) : res;
}

static enum res
read_json(struct str text, struct ce *ce, struct scan_members *room, struct err *e)
{
    enum res res = scan_document_members(text, room, e);

    return res == RES_OK ? read_members(text, ce, room, e) : res;
}

enum res
ce_from_json(struct str text, struct ce *ce, struct err *e)
{
    struct scan_members room;
    enum res res;

    *ce = (struct ce){.store = buf_make(STORE_MAX), .time_us = INT64_MIN};
    res = read_json(text, ce, &room, e);
    ce->member = NULL;
    return res;
}

/* ---- Kafka binding ---------------------------------------------------------------------------------------------- */

static enum res
read_headers(rd_kafka_headers_t *hdrs, struct ce *ce, struct err *e)
{
    const char *name;
    const void *value;
    size_t size;

    for (size_t i = 0; rd_kafka_header_get_all(hdrs, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        struct str n = str_of(name);

        if (str_starts(n, STR("ce_"))) {
            if (!scan_utf8((struct str){value, size}))
                return err_set(e, RES_REJECT, "no CloudEvent: a header's value is not UTF-8 without NUL");
            n.p += 3;
            n.n -= 3;
            if (!ce_attr(ce, n, (struct str){value, size}))
                return err_set(e, RES_REJECT, "no CloudEvent: a header's name is not allowed");
        } else if (str_is(n, "traceparent") && !ce->traceparent.n && scan_utf8((struct str){value, size})) {
            ce->traceparent = (struct str){value, size};
        }
    }
    return ce_check(ce, e);
}

static bool
binary_mode(const rd_kafka_message_t *rkm, rd_kafka_headers_t **hdrs, struct str *version)
{
    const void *v;
    size_t n;

    if (rd_kafka_message_headers(rkm, hdrs) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    if (rd_kafka_header_get_last(*hdrs, "ce_specversion", &v, &n) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *version = (struct str){v, n};
    return true;
}

enum res
ce_from_record_members(const rd_kafka_message_t *rkm, struct ce *ce, struct scan_members *room, struct err *e)
{
    struct str text = {rkm->payload, rkm->len};
    rd_kafka_headers_t *hdrs = NULL;
    struct str version = STR_NULL;
    enum res res;

    *ce = (struct ce){.store = buf_make(STORE_MAX), .time_us = INT64_MIN};
    if (!rkm->payload)
        return err_set(e, RES_REJECT, "the record is null");
    if (!binary_mode(rkm, &hdrs, &version))
        return read_json(text, ce, room, e);
    if (!str_is(version, "1.0"))
        return err_set(e, RES_REJECT, "no CloudEvent: specversion is not 1.0");
    res = scan_document(text, e);
    ce->data = text;
    return res == RES_OK ? read_headers(hdrs, ce, e) : res;
}

enum res
ce_from_record(const rd_kafka_message_t *rkm, struct ce *ce, struct err *e)
{
    struct scan_members room;
    enum res res = ce_from_record_members(rkm, ce, &room, e);

    ce->member = NULL;
    return res;
}

bool
ce_pick(const struct ce *ce, const char *const *names, struct str *out, unsigned n)
{
    if (!ce->member || scan_kind(ce->data) != SCAN_OBJECT)
        return scan_pick(ce->data, names, out, n);
    scan_pick_members(ce->member, ce->members, names, out, n);
    return true;
}

struct str
ce_ext(const struct ce *ce, const char *name)
{
    for (unsigned i = 0; i < ce->exts; i++)
        if (str_is(ce->ext[i].name, name))
            return ce->ext[i].value;
    return STR_NULL;
}

void
ce_free(struct ce *ce)
{
    buf_free(&ce->store);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static void
put_attr(struct buf *out, const char *head, struct str value)
{
    if (!value.n)
        return;
    buf_z(out, head);
    buf_json(out, value);
}

void
ce_write(const struct ce_out *o, struct buf *out)
{
    char when[32];

    buf_z(out, "{\"specversion\":\"1.0\"");
    put_attr(out, ",\"id\":", o->id);
    put_attr(out, ",\"source\":", o->source);
    put_attr(out, ",\"type\":", o->type);
    put_attr(out, ",\"subject\":", o->subject);
    caltime_format(o->time_us, when);
    put_attr(out, ",\"time\":", str_of(when));
    put_attr(out, ",\"dataschema\":", o->dataschema);
    put_attr(out, ",\"traceparent\":", o->traceparent);
    if (o->ext_name.n) {
        buf_z(out, ",\"");
        buf_str(out, o->ext_name);
        buf_z(out, "\":");
        buf_int(out, o->ext_value);
    }
    buf_z(out, ",\"datacontenttype\":\"application/json\"");
    if (o->data.n) {
        buf_z(out, ",\"data\":");
        buf_str(out, o->data);
    }
    buf_char(out, '}');
}
