/* ce: CloudEvents 1.0 (the CNCF specification, its JSON format and its Kafka binding), read as slices and written. */
#ifndef KAFKA_CE_H
#define KAFKA_CE_H

#include <librdkafka/rdkafka.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum { CE_EXT_MAX = 8 };

struct scan_member;
struct scan_members;

/* Attributes are decoded text; STR_NULL where absent. Everything points into the record or into `store`. */
struct ce {
    struct str id, source, type, subject, time, dataschema, traceparent;
    struct str data; /* the payload's exact bytes: JSON, checked; STR_NULL when there is none */
    int64_t time_us; /* `time` as an instant; INT64_MIN when absent */
    struct {
        struct str name, value;
    } ext[CE_EXT_MAX]; /* extension attributes, in the order met; more than CE_EXT_MAX are dropped */
    unsigned exts;
    const struct scan_member *member; /* of `data`, by ce_from_record_members; NULL = not noted */
    unsigned members;
    struct buf store;
};

/* Structured mode: the whole event as one JSON text. RES_REJECT with the reason when it is none: not JSON, no object,
 * a required attribute missing or empty, specversion other than 1.0, malformed time. Call ce_free in every case. */
enum res ce_from_json(struct str text, struct ce *ce, struct err *e);

/* A record in either mode, with or without the content-type header: binary when a ce_specversion header is there. */
enum res ce_from_record(const rd_kafka_message_t *rkm, struct ce *ce, struct err *e);

/* The same, and what members `data` has, which live in `room`. */
enum res ce_from_record_members(const rd_kafka_message_t *rkm, struct ce *ce, struct scan_members *room,
                                struct err *e);

/* scan_pick of `data`, by its members where they were noted. */
bool ce_pick(const struct ce *ce, const char *const *names, struct str *out, unsigned n);

/* Sets one attribute by its name, as the bindings do from headers; the value is not copied. False for data and
 * unknown core names that are not legal extension names. */
bool ce_attr(struct ce *ce, struct str name, struct str value);

/* Checks what is required once all attributes are set, and `data` as JSON. */
enum res ce_check(struct ce *ce, struct err *e);

/* An extension's value or STR_NULL. */
struct str ce_ext(const struct ce *ce, const char *name);

void ce_free(struct ce *ce);

/* What an event of ours is written from. Empty members are left out. */
struct ce_out {
    struct str id, source, type, subject, dataschema, traceparent;
    int64_t time_us;
    struct str ext_name; /* one integer extension */
    int64_t ext_value;
    struct str data; /* JSON, copied as it is */
};

/* Appends the event in structured mode. */
void ce_write(const struct ce_out *o, struct buf *out);

#define CE_CONTENT_TYPE "application/cloudevents+json"

#endif
