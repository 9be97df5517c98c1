/* intake: a CloudEvent from outside on its way to Kafka: read from HTTP's pieces, checked against who sent it, and
 * written in structured mode. Everything here is pure. */
#ifndef GATEWAY_INTAKE_H
#define GATEWAY_INTAKE_H

#include "common/kafka/ce.h"
#include "producers/gateway/auth.h"
#include "producers/gateway/refusal.h"

struct intake {
    struct ce ce;     /* what was said, completed by intake_admit */
    struct buf store; /* text of our own making that `ce` points to */
    int64_t revisi;   /* the extension, or the form's; 0 = none */
    int64_t counts;   /* the form's, or the extension: data wins */
    bool enveloped;   /* structured mode: data is a member of what was sent */
    char source[64];  /* /opd/<kode_opd>, where the sender left it out */
};

/* Around the event: who sent it, when, with which trace. */
struct intake_from {
    const struct auth *who;
    struct str traceparent; /* of the HTTP request; STR_NULL = none or malformed */
    int64_t now_us;
};

/* An empty event for binary mode; also what intake_free copes with. */
void intake_init(struct intake *in);
void intake_free(struct intake *in);

/* Structured mode: `object` is one value of a document that scan_document has accepted. */
bool intake_structured(struct intake *in, struct str object, struct refusal *r);

/* Binary mode: call for each HTTP header; others than ce-* are passed over. Values are percent-decoded, as the HTTP
 * binding says. */
void intake_header(struct intake *in, struct str name, struct str value);

/* After the headers: the body is the data. */
bool intake_binary(struct intake *in, struct str body, struct refusal *r);

/* Whether `who` may say this: type, department, data, subject, credentials. Fills in source, subject, time and
 * traceparent where they are absent. */
bool intake_admit(struct intake *in, const struct intake_from *from, struct refusal *r);

/* Appends the event in structured mode; `data` byte for byte as it came. */
void intake_write(const struct intake *in, struct buf *out);

/* A W3C traceparent of version 00, or STR_NULL when it is none. */
struct str intake_traceparent(struct str header);

#endif
