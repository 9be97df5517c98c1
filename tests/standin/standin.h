/* standin: the one state of the program, handed to every handler. */
#ifndef STANDIN_STANDIN_H
#define STANDIN_STANDIN_H

#include "common/base/loop.h"
#include "common/http/client.h"
#include "common/http/server.h"
#include "tests/standin/faults.h"
#include "tests/standin/gate.h"

struct ending;
struct callback;
struct late;
struct later;

struct stats {
    uint64_t requests;
    uint64_t post;
    uint64_t put;
    uint64_t deleted;
    uint64_t get;
    uint64_t code[600];
    uint64_t hang;
    uint64_t cut;
    uint64_t closed;
    uint64_t late;         /* effects that came late */
    uint64_t steps;        /* of scripts, used up */
    uint64_t unauthorized; /* calls that auth refused */
    uint64_t tokens_asked;
    uint64_t tokens_issued;
    uint64_t tokens_refused;
    uint64_t bad_keys;         /* keys that are not nomor:revisi:putaran of the body */
    uint64_t bad_bodies;       /* no JSON object, a member missing or too many */
    uint64_t callbacks_sent;   /* answered 2xx */
    uint64_t callbacks_failed; /* given up */
};

struct standin {
    struct loop *loop;
    struct server *server;
    struct client *client;
    struct faults faults;
    struct book book;
    struct stats stats;
    struct gate_issued issued;
    const char *callback_url;    /* goes before the request's; NULL = none */
    const char *callback_secret; /* NULL = callbacks are not signed */
    struct late *late_head;      /* answers that wait, in the order of their time */
    struct late *late_tail;
    int late_fd; /* timerfd of the first of them */
    struct loop_fd *late_watch;
    struct later *laters;       /* effects that wait */
    struct ending *endings;     /* 202s that wait for their end */
    struct callback *callbacks; /* under way or waiting for the next try */
};

#endif
