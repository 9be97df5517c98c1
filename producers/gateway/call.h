/* call: one HTTP request from its arrival to its answer. It may wait for Postgres and for Kafka, each bounded by
 * [gateway] delivery_limit; it is answered once and freed by itself when the client and all that it waits for are done. */
#ifndef GATEWAY_CALL_H
#define GATEWAY_CALL_H

#include "producers/gateway/gateway.h"
#include "producers/gateway/refusal.h"

struct call;
typedef void (*call_fn)(struct call *call);
typedef void (*call_rows_fn)(struct call *call, const PGresult *r);

enum {
    CALL_OPEN = 1,    /* no token is asked for */
    CALL_OPD = 2,     /* only a department's token will do */
    CALL_OFFICER = 4, /* only an officer's token will do */
    CALL_LARGE = 8,   /* the body may be as long as a document */
    CALL_READER = 16  /* a token for all departments will do too */
};

/* Static data: what is served where. */
struct call_route {
    unsigned index; /* of its metrics, below GATEWAY_ROUTES */
    const char *name;
    unsigned flags;
    call_fn fn; /* called when it is known who asks */
};

struct call {
    struct gateway *gw;
    struct server_req *req; /* NULL once answered */
    const struct call_route *route;
    struct auth *who; /* NULL on open routes */
    int64_t began_ms;
    struct pg_args args; /* of the statement that call_query will send */
    void *mine;          /* the handler's own, freed by `drop` */
    void (*drop)(void *mine);
    bool noted; /* its statement writes into audit_log too (noted.h) */

    /* the machinery's */
    const char *waits_for;
    struct loop_timer limit;
    struct pg_turn turn;
    const struct pg_stmt *stmt;
    call_rows_fn rows;
    call_fn then;
    unsigned pending;  /* answers of Postgres and reports of Kafka that will still come */
    unsigned unacked;  /* of those, Kafka's */
    enum res delivery; /* the worst report */
    unsigned char token[HASH_SIZE];
    bool gone;
    bool counted; /* among its token's calls */
};

/* Takes a request on: `arg` is the app. */
void call_begin(void *arg, struct server_req *req, const struct call_route *route);

/* Answers. After the first nothing more is said. */
void call_reply(struct call *call, int status, const char *content_type, struct str body);
void call_problem(struct call *call, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void call_refuse(struct call *call, const struct refusal *r);

/* Runs one statement with call->args. `rows` (may be NULL) sees its result; `then` is called when it is committed and
 * the request still waits. Otherwise the request is answered here: 503, or 400 where the database blames the data.
 * Statements must bear to be repeated: a lost connection repeats them. */
void call_query(struct call *call, const struct pg_stmt *stmt, call_rows_fn rows, call_fn then);

/* Asks for the same statement once more, from `then`. */
void call_query_again(struct call *call);

/* Sends records; once all are acknowledged `then` is called. Otherwise the request is answered here: 503 or 413. */
struct call_record {
    struct str key, value;
};
void call_publish(struct call *call, enum gateway_topic topic, const struct call_record *rec, unsigned n,
                  call_fn then);

/* 202 with {"id","source","nomor_permohonan","type","revisi"}; a revisi of 0 is left out. */
struct call_receipt {
    struct str id, source, nomor, type;
    int64_t revisi;
};
void call_receipt_write(const struct call_receipt *r, struct buf *out);
void call_accepted(struct call *call, const struct call_receipt *r);

/* Whether the body's media type is `want` (parameters aside). */
bool call_media_is(const struct call *call, const char *want);

/* The Idempotency-Key; STR_NULL when there is none. False (and answered) when it is no printable ASCII of at most 255
 * bytes. */
bool call_idempotency_key(struct call *call, struct str *key);

/* The traceparent of the request, or STR_NULL. */
struct str call_traceparent(const struct call *call);

int64_t call_now_us(const struct call *call);

#endif
