/* worker: what the four stateful workers share. Each keeps one row per request in a table of its own: a dossier, a
 * counter (urutan), and columns that are its own business. Every batch locks the rows of its requests in key order,
 * adds the facts to the dossiers, lets the worker derive, and writes what changed; see common/flow/flow.h. */
#ifndef SOP_WORKER_H
#define SOP_WORKER_H

#include "common/app/app.h"
#include "common/base/hash.h"
#include "common/flow/flow.h"
#include "workers/sop/dossier.h"
#include "workers/sop/settings.h"

struct almanac;
struct terms;
struct worker;
struct worker_calendar;

/* One request in the batch. */
struct berkas {
    struct str nomor;
    struct dossier d;
    int64_t urutan; /* as stored; ++ for each fact of ours */
    bool there;     /* it has a row, which is locked */
    bool dirty;     /* to be written back */
    bool kept;      /* .. all but its dossier, which is as stored */
    bool
        unreadable; /* what is stored cannot be read: nothing follows from it, and it must not be written over */
    void *more;     /* the worker's own columns: def->more_size bytes, zeroed, then read by def->read */
};

/* A column of the worker's own rows, and where its value is: a member of `more` that is a struct str (PG_TEXT, PG_BYTEA),
 * int32_t (PG_INT4), int64_t (PG_INT8, PG_TIME) or bool (PG_BOOL). STR_NULL, and INT64_MIN for a time, are NULL. */
struct worker_column {
    const char *name;
    enum pg_oid type;
    size_t member;
};

/* A thing of the worker's own (an answer, a timer) that flow_post brought. Embedded as the first member. */
struct own_item {
    struct str
        nomor; /* which request it is about; STR_NULL: none, `load` sees to it and `apply` is not called for it */
};

/* How a record stands to what was met before. */
enum met { MET_NEW, MET_REPEAT, MET_OTHER }; /* the last: its id was met with another content */

struct worker_def {
    const char *name; /* "validator" */
    const char *about;
    const char *listen;
    const char *const *topics; /* bare names; "requests" includes the departments' own; ended by NULL */
    const char *const *judges; /* bare names whose bad records are ours to set aside */
    const char *seen;          /* table of (source, id) met before, or NULL */
    bool (*remembers)(
        enum fact_type
            t); /* whose ids are kept there, NULL = all's; what is not must do nothing the second time */
    const char *table;                  /* parent rows */
    const char *counter;                /* its column of `urutan`; NULL = urutan */
    const char *columns;                /* further columns to read, each preceded by a comma */
    const struct worker_column *writes; /* and to write; ended by a name of NULL */
    size_t more_size;
    const struct conf_key *keys;
    bool records_unknown;               /* takes facts of unknown type too */
    bool reckons;                       /* with clocks: w->almanac and w->terms are there */
    void (*calendar)(struct worker *w); /* another calendar is in force; may be NULL */
    bool (*wants)(enum fact_type t);
    bool (*heeds)(const struct worker *w, const struct fact *f); /* of a wanted type, this one; may be NULL */
    /* What can be done with a record before its transaction, while the database works on the one before; may be NULL. */
    void (*prepare)(struct worker *w, struct event *ev);
    enum res (*check)(struct worker *w, struct err *e); /* settings that cannot be; may be NULL */
    enum res (*start)(struct worker *w, struct err *e);
    void (*begin)(struct worker *w,
                  const struct flow_batch *b); /* before rows are locked: worker_also; may be NULL */
    void (*make)(struct berkas *
                     b); /* gives `more` the values of a row that is not there yet, where they are not zero */
    void (*read)(struct worker *w, struct berkas *b, const PGresult *r,
                 int row);                                      /* columns from index 3 on */
    void (*load)(struct worker *w, const struct flow_batch *b); /* further statements; may be NULL */
    void (*claimed)(struct worker *w,
                    struct berkas *b); /* a row that worker_claim brought, read; before `apply` */
    void (*apply)(struct worker *w, struct berkas *b, struct flow_item *it, enum met met);
    void (*settle)(struct worker *w, struct berkas *b); /* after all items of a request; may be NULL */
    void (*write)(struct worker *w);                    /* sends the statements for w->all[].dirty */
    void (*committed)(struct worker *w, const struct flow_batch *b); /* may be NULL */
    void (*undone)(struct worker *w, bool whole);                    /* may be NULL */
    void (*drop)(void *own);                                         /* frees an own_item; may be NULL */
    void (*reload)(struct worker *w);                                /* SIGHUP; may be NULL */
    void (*stop)(struct worker *w); /* told to end: begin nothing more; may be NULL */
    bool (*busy)(
        const struct worker *w); /* what was begun has not ended: its answers are waited for; may be NULL */
    void (*status)(struct worker *w, struct buf *json); /* may be NULL */
    void (*free)(struct worker *w);                     /* may be NULL */
};

struct worker {
    const struct worker_def *def;
    struct app *app;
    struct sop_settings sop;
    char schemas[4096];  /* where sop.schemas_dir points to */
    struct terms *terms; /* NULL unless it reckons */
    void *own;           /* the worker's own struct, settings included */
    struct event_opts event_opts;
    struct producer *producer;
    struct outbox *outbox;
    struct flow *flow;
    struct almanac *almanac; /* the calendars in force, up to date from `apply` on; NULL unless it reckons */
    struct worker_calendar *calendar; /* how they are read */
    struct arena arena;               /* of the batch */
    struct berkas *all;               /* requests of the batch part, in key order */
    size_t n, cap;
    int64_t now_us; /* when the part began to be applied */
    struct pg_args args;
    struct buf text; /* scratch */
    struct buf told; /* scratch of worker_emit */
    struct pg_stmt seen_stmt, lock_stmt, update_stmt, touch_stmt, insert_stmt;
    struct hash *hash;     /* between two messages */
    struct seen_row *seen; /* what the table said, sorted by key */
    size_t nseen;
    char *sql[5];
    char *topic[8];     /* full names and patterns */
    char *out_topic[4]; /* checks, integrations, deadlines, status */
    char dead_topic[128];
    char group[128];
    char source[64]; /* of our facts */
    bool stopping;
    struct pg_turn last_turn;
    struct metric *m_reused, *m_differs;
};

/* Runs a worker; `own` is its zeroed struct. */
int worker_main(int argc, char **argv, const struct worker_def *def, void *own);

/* The batch's row for a nomor; NULL when it is not in the batch. */
struct berkas *worker_find(struct worker *w, struct str nomor);

/* From `begin`: locks and reads one request more, in key order with the others. `nomor` must live in w->arena. */
void worker_also(struct worker *w, struct str nomor);

/* From `load`: a statement that locks rows of the worker's table and selects what the worker's own lock selects
 * (nomor_permohonan, urutan, fakta and def->columns). It must skip locked rows, since the batch holds locks by now. The
 * rows join the batch as if an item had named them, each told to def->claimed. `args` may be reused at once. */
void worker_claim(struct worker *w, const struct pg_stmt *stmt, const struct pg_args *args);

/* A fact of ours: id derived from what caused it, `urutan` in `data` written by the caller. */
struct emit {
    enum fact_type type;
    struct str parent_source, parent_id; /* the fact that caused it */
    struct str mark;                     /* what makes it unique among that parent's children */
    struct str traceparent;
    int64_t time_us;
    int32_t revisi; /* 0 = none */
    struct str data;
};

/* Puts it into the outbox; `id` takes the new event's id. */
void worker_emit(struct worker *w, const struct berkas *b, const struct emit *em, char id[37]);

/* Our own source, "/bedelau/validator". */
struct str worker_source(const struct worker *w);

/* Sends the dirty rows: those that are there are updated, then the others inserted. Two transactions that make the same
 * row meet at its key: the second fails (23505), and finds it when it is done again. */
void worker_write(struct worker *w);

/* Whether a bad record of this topic (full name) is ours to set aside. */
bool worker_judges(const struct worker *w, const char *topic);

/* worker_calendar.c: reads the calendars into w->almanac, at the start, in each transaction, and when told (NOTIFY calendar).
 * RES_FATAL when [sop] calendar cannot be read. */
enum res worker_calendar_start(struct worker *w, struct err *e);
void worker_calendar_send(struct worker *w); /* in a transaction, before it reckons */
void worker_calendar_free(struct worker *w);

/* worker_clock.c: the terms that [sop] names; `*ret` is the caller's. RES_FATAL with the setting. */
enum res worker_terms(const struct worker *w, struct terms **ret, struct err *e);

/* A path below [sop] schemas. The caller frees. */
char *worker_schema_path(const struct worker *w, const char *name);

static inline struct event *
item_event(const struct flow_item *it)
{
    return it->rkm ? it->mine : NULL;
}

/* Which request a record, or a thing of the worker's own, is about. */
static inline struct str
item_nomor(const struct flow_item *it)
{
    return it->rkm ? item_event(it)->subject : ((const struct own_item *)it->mine)->nomor;
}

#endif
