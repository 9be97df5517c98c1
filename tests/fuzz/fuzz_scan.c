/* The scanner beside jansson: what scan_document takes jansson takes too, and the slices are what jansson's tree has. */
#include <jansson.h>

#include "common/json/scan.h"
#include "tests/fuzz/fuzz.h"

static json_t *
parse(struct str text, json_error_t *je)
{
    return json_loadb(text.n ? text.p : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, je);
}

static enum scan_kind
kind_of(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return SCAN_OBJECT;
    case JSON_ARRAY:
        return SCAN_ARRAY;
    case JSON_STRING:
        return SCAN_STRING;
    case JSON_INTEGER:
    case JSON_REAL:
        return SCAN_NUMBER;
    case JSON_TRUE:
        return SCAN_TRUE;
    case JSON_FALSE:
        return SCAN_FALSE;
    default:
        return SCAN_NULL;
    }
}

static void same(struct str raw, const json_t *v);

static void
same_string(struct str raw, const char *p, size_t n)
{
    struct buf store = buf_make(1 << 20);
    struct str s = scan_string(raw, &store);

    MUST(str_eq(s, (struct str){p, n}));
    buf_free(&store);
}

/* The name between its quotes, as scan_string wants it. */
static struct str
quoted(struct str key)
{
    return (struct str){key.p - 1, key.n + 2};
}

static void
same_members(struct str raw, const json_t *v)
{
    struct scan_iter it = scan_iter(raw);
    size_t n = 0;

    for (; scan_next(&it); n++) {
        struct buf store = buf_make(1 << 20);
        struct str name = it.object ? scan_string(quoted(it.key), &store) : STR_NULL;
        const json_t *member = it.object ? json_object_getn(v, name.p, name.n) : json_array_get(v, n);

        MUST(member);
        same(it.value, member);
        buf_free(&store);
    }
    MUST(n == (json_is_object(v) ? json_object_size(v) : json_array_size(v)));
}

static void
same(struct str raw, const json_t *v)
{
    int64_t i;

    MUST(scan_kind(raw) == kind_of(v));
    if (json_is_object(v) || json_is_array(v))
        same_members(raw, v);
    else if (json_is_string(v))
        same_string(raw, json_string_value(v), json_string_length(v));
    else if (json_is_integer(v))
        MUST(scan_int(raw, &i) && i == json_integer_value(v));
    else if (json_is_real(v))
        MUST(!scan_int(raw, &i));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str text = {(const char *)data, n};
    struct err e = {0};
    json_error_t je;
    enum res rc = scan_document(text, &e);
    json_t *v;

    MUST(rc == RES_OK || (rc == RES_REJECT && e.text[0]));
    if (rc != RES_OK)
        return 0;
    v = parse(text, &je);
    MUST(v || json_error_code(&je) == json_error_numeric_overflow); /* a tree has to hold it, a slice not */
    if (v)
        same(fuzz_trim(text), v);
    json_decref(v);
    return 0;
}
