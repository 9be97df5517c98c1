/* record: Kafka records made by hand, of a topic of a client that knows no broker. */
#ifndef TESTS_UNIT_RECORD_H
#define TESTS_UNIT_RECORD_H

#include <librdkafka/rdkafka.h>

#include <stdint.h>
#include <string.h>

/* The library keeps more behind what it shows: zeros there are no headers, and a timestamp of 0. */
struct record {
    rd_kafka_message_t m;
    char room[1024];
};

static inline void
record_make(struct record *r, rd_kafka_topic_t *rkt, int64_t offset, const char *payload)
{
    memset(r, 0, sizeof *r);
    r->m.rkt = rkt;
    r->m.offset = offset;
    r->m.payload = (void *)(uintptr_t)payload;
    r->m.len = payload ? strlen(payload) : 0;
    r->m.key = r->room + sizeof r->room - 1;
}

/* Gives it an append time. Where the library keeps that is found by asking it, with another number in each place. */
static inline void
record_set_time(struct record *r, int64_t ms)
{
    struct record probe = {.m = {.offset = 0}};
    int64_t place;

    for (int64_t i = 0; i < (int64_t)(sizeof probe.room / sizeof i); i++)
        memcpy(probe.room + i * 8, &i, sizeof i);
    place = rd_kafka_message_timestamp(&probe.m, NULL);
    memcpy(r->room + place * 8, &ms, sizeof ms);
}

#endif
