/* What the full engine costs on a small document that has been parsed: an order of 300 bytes, beside its parse. */
#include <jansson.h>
#include <stdlib.h>

#include "common/base/file.h"
#include "common/json/schema.h"
#include "tests/bench/bench.h"

enum { ORDER_MAX = 4096 };

struct order {
    char *text;
    size_t n;
    json_t *doc;
    struct schema *schema;
};

static bool
parse(const struct order *o)
{
    json_t *doc = json_loadb(o->text, o->n, JSON_REJECT_DUPLICATES, NULL);

    json_decref(doc);
    return doc != NULL;
}

static bool
check(const struct order *o)
{
    return schema_valid(o->schema, o->doc);
}

static void
measure(const struct order *o, const char *name, int64_t n, bool (*fn)(const struct order *), struct buf *out)
{
    struct bench_lap lap;
    int64_t good = 0;

    fn(o); /* the first call pays for what later ones find ready */
    lap = bench_begin();
    for (int64_t i = 0; i < n; i++)
        good += fn(o);
    lap = bench_end(&lap);
    buf_printf(out, ",\"%s_ns\":%.1f,\"%s_good\":%lld", name, (double)lap.cpu_us * 1000 / (double)n, name,
               (long long)good);
}

static enum res
load(struct order *o, struct err *e)
{
    const struct schema_opts opts = {.format_assert = true, .strict = true};
    json_t *schema = json_load_file("tests/bench/order.schema.json", JSON_REJECT_DUPLICATES, NULL);
    enum res res = RES_FATAL;

    o->text = file_read("tests/bench/order.json", ORDER_MAX, &o->n, e);
    o->doc = o->text ? json_loadb(o->text, o->n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (schema && o->doc)
        res = schema_compile_json(schema, &opts, &o->schema, e);
    else if (o->text)
        err_set(e, RES_FATAL, "tests/bench/order*.json cannot be read");
    json_decref(schema);
    return res;
}

enum res
order_run(const struct bench *b, struct buf *out, struct err *e)
{
    struct order o = {0};
    enum res res = load(&o, e);

    if (res == RES_OK) {
        buf_printf(out, "{\"bytes\":%zu", o.n - 1);
        measure(&o, "parse", b->n, parse, out);
        measure(&o, "check", b->n, check, out);
        buf_char(out, '}');
    }
    schema_free(o.schema);
    json_decref(o.doc);
    free(o.text);
    return res;
}
