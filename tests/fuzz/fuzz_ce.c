/* Events as they come from Kafka. Input: a byte that says which topic and mode; in binary mode then header lines
 * "name=value" up to an empty line; the rest is the record's value. */
#include "common/json/scan.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/record.h"
#include "workers/sop/fact.h"

enum { BINARY = 128, DATED = 64, TOPICS = 7 };

static const struct event_opts opts = {"f", 1 << 16, INT64_C(86400000000)};
static rd_kafka_topic_t *topics[TOPICS]; /* made once: each would be a new handle */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const names[TOPICS] = {"f.requests",     "f.reviews",   "f.checks",
                                              "f.integrations", "f.deadlines", "f.callbacks",
                                              "f.requests.1.02"};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[256];
    rd_kafka_t *rk;

    (void)argc;
    (void)argv;
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    MUST(rk);
    for (size_t i = 0; i < TOPICS; i++)
        MUST(topics[i] = rd_kafka_topic_new(rk, names[i], NULL));
    return 0;
}

/* Takes the header lines off `rest`. */
static rd_kafka_headers_t *
take_headers(struct str *rest)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    const char *nl;

    while (rest->n && (nl = memchr(rest->p, '\n', rest->n))) {
        size_t n = (size_t)(nl - rest->p);
        const char *eq = memchr(rest->p, '=', n);
        size_t name = eq ? (size_t)(eq - rest->p) : n;

        if (n)
            rd_kafka_header_add(headers, rest->p, (ssize_t)name, eq ? eq + 1 : NULL,
                                eq ? (ssize_t)(n - name - 1) : 0);
        rest->p += n + 1;
        rest->n -= n + 1;
        if (!n)
            break;
    }
    return headers;
}

static bool
same(struct str a, struct str b)
{
    return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0);
}

/* What was taken comes back the same when it is written and read again. */
static void
look_at_ce(const struct ce *ce)
{
    struct buf text = buf_make((size_t)1 << 22);
    struct err e = {0};
    struct ce again;
    struct ce_out out = {.id = ce->id,
                         .source = ce->source,
                         .type = ce->type,
                         .subject = ce->subject,
                         .dataschema = ce->dataschema,
                         .traceparent = ce->traceparent,
                         .time_us = ce->time_us,
                         .data = ce->data};

    MUST(ce->id.n && ce->source.n && ce->type.n && ce->exts <= CE_EXT_MAX);
    MUST(!ce->data.p || scan_document(ce->data, NULL) == RES_OK);
    if (ce->time_us == INT64_MIN)
        return;
    ce_write(&out, &text);
    MUST(!text.failed);
    if (ce_from_json(buf_view(&text), &again, &e) != RES_OK) {
        fprintf(stderr, "%s\n%.*s\n", e.text, STR_FMT(buf_view(&text)));
        abort();
    }
    MUST(same(again.id, ce->id) && same(again.source, ce->source) && same(again.type, ce->type));
    MUST(same(again.subject, ce->subject) && same(again.data, fuzz_trim(ce->data)) &&
         again.time_us == ce->time_us);
    ce_free(&again);
    buf_free(&text);
}

static void
look_at_event(rd_kafka_message_t *rkm)
{
    struct flow_item it = {.rkm = rkm};
    struct err e = {0};
    enum res rc = event_read(&opts, &it, &e);
    const struct event *ev = it.mine;

    if (rc != RES_OK && rc != RES_REJECT)
        fprintf(stderr, "%s: %s\n", res_name(rc), e.text);
    MUST((rc == RES_OK) == (ev != NULL));
    MUST(rc == RES_OK || (rc == RES_REJECT && e.text[0] && !memchr(e.text, '\n', strlen(e.text))));
    if (ev && ev->fact.type != FACT_UNKNOWN)
        MUST(ev->subject.n && ev->fact.source.n && ev->fact.id.n && ev->fact.revisi >= 0);
    event_free(it.mine);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str rest = {(const char *)data + 1, n - 1};
    struct record r;
    struct err e = {0};
    struct ce ce;
    char *payload;

    if (!n)
        return 0;
    record_make(&r, topics[data[0] % BINARY % DATED % TOPICS], 5, NULL);
    record_set_time(&r, data[0] & DATED ? INT64_C(1795586400000) : -1);
    if (data[0] & BINARY)
        rd_kafka_message_set_headers(&r.m, take_headers(&rest));
    payload = malloc(rest.n + !rest.n); /* its own bytes, so that a step beyond them shows */
    MUST(payload);
    if (rest.n)
        memcpy(payload, rest.p, rest.n);
    r.m.payload = payload;
    r.m.len = rest.n;
    if (ce_from_record(&r.m, &ce, &e) == RES_OK)
        look_at_ce(&ce);
    ce_free(&ce);
    look_at_event(&r.m);
    if (data[0] & BINARY) {
        rd_kafka_headers_t *headers = NULL;

        MUST(rd_kafka_message_detach_headers(&r.m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR);
        rd_kafka_headers_destroy(headers);
    }
    free(payload);
    return 0;
}
