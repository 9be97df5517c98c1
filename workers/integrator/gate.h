/* gate: the brakes (brake.h) in the running program. Reads the operator's pause from the database at the start, when it is
 * told (NOTIFY brake_integrator), on every new connection and every 10 s; wakes at the instant at which a window or a pause
 * ends and at which the ceiling allows the next call; says all of it in /statusz, two metrics and the table
 * endpoint_process. Beside that it finds requests of which an officer gives up a job. */
#ifndef INTEGRATOR_GATE_H
#define INTEGRATOR_GATE_H

#include "common/app/app.h"

struct gate;

struct gate_opts {
    struct app *app;
    const char *mode;        /* "live" */
    const char *maintenance; /* windows; they were checked by brake_parse */
    int64_t calls_per_s;     /* 0 = no ceiling */
    int64_t in_flight;
    void (*open)(void *arg); /* calls may begin again, or something is due sooner: look now */
    void (*stop)(void *arg,
                 struct str nomor); /* an officer gives up a job of this request, and it can be settled */
    void (*sink)(void *arg, struct buf *out); /* what the way to the endpoint says of itself; may be NULL */
    void *arg;
};

/* Shut until the database has said whether it is paused. RES_FATAL without memory or for windows that are wrong. */
enum res gate_new(const struct gate_opts *opts, struct gate **ret, struct err *e);

/* NULL is fine. */
void gate_free(struct gate *g);

/* How many calls may begin now; 0 while a brake holds. Where it is the ceiling that says 0, `open` comes when it does no more. */
unsigned gate_room(struct gate *g);

/* A call begins. */
void gate_pass(struct gate *g);

/* Appends ,"brake":{..} */
void gate_status(const struct gate *g, struct buf *json);

#endif
