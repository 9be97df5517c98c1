/* gate: the brakes (brake.h) in the running program. Reads the operator's pause from the database at the start, when it is
 * told (NOTIFY brake_integrator), on every new connection and every 10 s; wakes at the instant at which a window or a pause
 * ends; says all of it in /statusz, two metrics and the table
 * endpoint_process. Beside that it finds requests of which an officer gives up a job. */
#ifndef INTEGRATOR_GATE_H
#define INTEGRATOR_GATE_H

#include "common/app/app.h"

struct gate;

struct gate_opts {
    struct app *app;
    const char *mode;        /* "live" */
    const char *maintenance; /* windows; they were checked by brake_parse */
    int64_t calls_per_s;     /* to be told; 0 = no ceiling */
    int64_t in_flight;
    void (*open)(void *arg); /* calls may begin again, or something is due sooner: look now */
    void (*shut)(void *arg); /* a brake holds now: what has not been sent is to go back */
    void (*stop)(void *arg,
                 struct str nomor); /* an officer gives up a job of this request, and it can be settled */
    void (*sink)(void *arg, struct buf *out); /* what the way to the endpoint says of itself; may be NULL */
    void *arg;
};

/* Shut until the database has said whether it is paused. RES_FATAL without memory or for windows that are wrong. */
enum res gate_new(const struct gate_opts *opts, struct gate **ret, struct err *e);

/* NULL is fine. */
void gate_free(struct gate *g);

/* Other windows and ceiling (to be told) from now on; the text stays the caller's. RES_FATAL for windows that are wrong. */
enum res gate_again(struct gate *g, const char *maintenance, int64_t calls_per_s, struct err *e);

/* Whether no brake holds. `open` comes when it is so again. */
bool gate_open(struct gate *g);

/* Appends ,"brake":{..} */
void gate_status(const struct gate *g, struct buf *json);

#endif
