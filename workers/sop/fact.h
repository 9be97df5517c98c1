/* fact: one event of the pipeline, read once: the envelope, and those members of its data that the folds need. */
#ifndef SOP_FACT_H
#define SOP_FACT_H

#include "common/flow/flow.h"
#include "common/kafka/ce.h"
#include "workers/sop/names.h"

struct hash;

/* Where a record stands in the log. Orders competing forms: by append time, topic, partition, offset. */
struct append {
    int64_t ms;
    struct str topic; /* without the configured prefix */
    int32_t partition;
    int64_t offset;
};

/* What a fold keeps of an event. Unused members are zero or STR_NULL. */
struct fact {
    enum fact_type type;
    struct str source, id;
    int64_t time_us; /* effective time: an outsider's claim clamped to [append - tolerance, append] */
    struct append append;
    int32_t revisi;     /* 0 where the event is about none */
    int32_t revisi_ext; /* the extension attribute of an outsider's event, which data overrule; 0 = absent */
    int32_t putaran;
    int64_t urutan;       /* the worker's counter per nomor_permohonan; 0 for outsiders */
    enum putusan putusan; /* check: the verdict; review: the decision */
    struct str sumber_pengajuan, id_pengajuan; /* check: the form it judged */
    struct str temuan;                         /* check: raw JSON array */
    struct str status_bedelau, id_integrasi;
    int64_t urutan_bedelau; /* callback, integration: Bedelau's own sequence number */
    enum tahap tahap;
    enum keadaan keadaan;
    struct str jam; /* deadline.changed: the raw data, all of the clock */
    struct str kode_opd, nama_opd, nama_sistem;
    struct str jenis; /* form: jenis_pengajuan, as written */
    bool backdated;   /* the claimed time was before the tolerance, or in the future */
};

/* A record that was understood: what flow's items carry. */
struct event {
    struct ce ce;
    struct fact fact;
    struct str subject;          /* nomor_permohonan */
    unsigned char seen_key[16];  /* of (source, id): event_identify */
    unsigned char seen_hash[16]; /* of (type, subject, data): the same */
    struct buf store;            /* decoded text */
    void *more;                  /* what a worker has read of it besides; event_free frees it by free() */
};

struct event_opts {
    const char *topic_prefix; /* "bedelau" */
    int64_t size_max;         /* bytes of a record's value */
    int64_t tolerance_us;     /* how far back an outsider may date a fact */
};

/* Reads a record. RES_REJECT with it->code where it can never be used: no CloudEvent (BAD_EVENT), a subject that is no
 * nomor_permohonan (BAD_SUBJECT), a source that may not speak there or a type that has another topic (BAD_SOURCE), data that lack what the type needs
 * (BAD_DATA), or a value over the limit (TOO_LARGE). A type that is unknown gives RES_OK with fact.type FACT_UNKNOWN. On RES_OK `it->mine` is the event, to be
 * freed by event_free. */
enum res event_read(const struct event_opts *opts, struct flow_item *it, struct err *e);

/* The same, which also leaves what members data have (ce.h), for as long as `room` lives. */
enum res event_read_members(const struct event_opts *opts, struct flow_item *it, struct scan_members *room,
                            struct err *e);
void event_free(void *event);

/* An event as the log (`event`) keeps it. */
struct fact_row {
    struct str source, id, type, subject, data;
    struct str topic; /* full name */
    int32_t partition;
    int64_t offset;
    int64_t append_us, effective_us;
    int32_t revisi; /* 0 = as the data say */
};

/* Where it lies. */
struct append fact_place(const struct event_opts *opts, const struct fact_row *row);

/* Reads it back as what event_read made of the record it was. RES_REJECT where the data lack what the type needs. `*ret`
 * points into `row`, and is the caller's, to event_free; NULL after an error. */
enum res event_restore(const struct event_opts *opts, const struct fact_row *row, struct event **ret,
                       struct err *e);

/* Fills in seen_key and seen_hash, which not everybody needs; the second for who does so for many, with one that is kept. */
void event_identify(struct event *ev);
void event_identify_with(struct event *ev, struct hash *h);

/* The department in a source "/opd/<kode_opd>[/..]"; STR_NULL for our own sources. */
struct str fact_sender(struct str source);

/* -1, 0 or 1. */
int append_cmp(const struct append *a, const struct append *b);

#endif
