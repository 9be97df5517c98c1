#include "tests/standin/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* An answer that waits. */
struct late {
    struct standin *x;
    struct late *prev;
    struct late *next;
    int64_t due_ns; /* monotonic */
    struct server_req *req;
    int code;
    enum sending sending;
    size_t n;
    char body[];
};

/* An answer that waits for somebody. Freed by the later of its release and the end of its request. */
struct answer_held {
    struct server_req *req; /* NULL when it is gone */
    int code;
    enum sending sending;
    bool released;
    size_t n;
    char body[];
};

/* ---- those that wait ------------------------------------------------------------------------------------------ */

static int64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
arm(struct standin *x)
{
    int64_t due = x->late_head ? x->late_head->due_ns : 0;
    struct itimerspec at = {.it_value = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000}};

    timerfd_settime(x->late_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* Takes its place from the end: but for a change of the settings that is the end. */
static void
insert(struct standin *x, struct late *late)
{
    struct late *after = x->late_tail;

    while (after && after->due_ns > late->due_ns)
        after = after->prev;
    late->prev = after;
    late->next = after ? after->next : x->late_head;
    *(late->next ? &late->next->prev : &x->late_tail) = late;
    *(after ? &after->next : &x->late_head) = late;
    if (!after)
        arm(x);
}

static void
unlink_late(struct late *late)
{
    *(late->next ? &late->next->prev : &late->x->late_tail) = late->prev;
    *(late->prev ? &late->prev->next : &late->x->late_head) = late->next;
    late->req = NULL;
}

/* The request is gone, answered or because the server stops. */
static void
drop_late(void *mine)
{
    struct late *late = mine;

    if (late->req)
        unlink_late(late);
    free(late);
}

static void
drop_held(void *mine)
{
    struct answer_held *held = mine;

    held->req = NULL;
    if (held->released)
        free(held);
}

/* ---- sending -------------------------------------------------------------------------------------------------- */

static void
give(struct server_req *req, int code, enum sending sending, struct str body)
{
    if (sending == SEND_WHOLE && code == 204)
        server_reply(req, code, NULL, STR_NULL);
    else if (sending == SEND_WHOLE)
        server_reply(req, code, "application/json", body);
    else if (sending == SEND_HALF)
        server_cut(req, code, "application/json", body, body.n / 2);
    else
        server_abort(req);
}

static void
on_time(void *arg, int events)
{
    struct standin *x = arg;
    int64_t now = now_ns();
    uint64_t fired;

    (void)events;
    if (read(x->late_fd, &fired, sizeof fired) < 0)
        return;
    while (x->late_head && x->late_head->due_ns <= now) {
        struct late *late = x->late_head;
        struct server_req *req = late->req;

        unlink_late(late);
        give(req, late->code, late->sending, (struct str){late->body, late->n});
    }
    arm(x);
}

enum res
answer_open(struct standin *x, struct err *e)
{
    x->late_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (x->late_fd < 0)
        return err_set(e, RES_FATAL, "timerfd_create: %s", strerror(errno));
    x->late_watch = loop_watch(x->loop, x->late_fd, LOOP_READ, on_time, x);
    return x->late_watch ? RES_OK : err_set(e, RES_FATAL, "cannot watch a timer");
}

void
answer_close(struct standin *x)
{
    loop_unwatch(x->late_watch);
    if (x->late_fd >= 0)
        close(x->late_fd);
    x->late_fd = -1;
}

static void
count(struct standin *x, int code, enum sending sending)
{
    if (sending == SEND_NOTHING)
        x->stats.hang++;
    else if (sending == SEND_HALF)
        x->stats.cut++;
    else if (sending == SEND_CLOSE)
        x->stats.closed++;
    else
        x->stats.code[code]++;
}

/* The wait of a connection that hangs is over when it is closed. */
static void
wait(struct standin *x, struct server_req *req, const struct answer *a, int64_t wait_ms)
{
    struct late *late = calloc(1, sizeof *late + a->body.n);

    if (!late) {
        server_abort(req);
        return;
    }
    *late = (struct late){.x = x,
                          .due_ns = now_ns() + wait_ms * 1000000,
                          .req = req,
                          .code = a->code,
                          .sending = a->sending,
                          .n = a->body.n};
    if (a->body.n)
        memcpy(late->body, a->body.p, a->body.n);
    server_keep(req, late, drop_late);
    insert(x, late);
}

static struct answer_held *
hold(struct server_req *req, const struct answer *a)
{
    struct answer_held *held = calloc(1, sizeof *held + a->body.n);

    if (!held) {
        server_abort(req);
        return NULL;
    }
    *held = (struct answer_held){.req = req, .code = a->code, .sending = a->sending, .n = a->body.n};
    if (a->body.n)
        memcpy(held->body, a->body.p, a->body.n);
    server_keep(req, held, drop_held);
    return held;
}

struct answer_held *
answer_give(struct standin *x, struct server_req *req, const struct answer *a)
{
    int64_t wait_ms = a->sending == SEND_NOTHING ? x->faults.hang_ms : a->wait_ms;

    count(x, a->code, a->sending);
    if (a->hold)
        return hold(req, a);
    if (wait_ms > 0)
        wait(x, req, a, wait_ms);
    else
        give(req, a->code, a->sending, a->body);
    return NULL;
}

void
answer_release(struct answer_held *held)
{
    struct server_req *req = held ? held->req : NULL;

    if (!held)
        return;
    held->released = true;
    if (req)
        give(req, held->code, held->sending, (struct str){held->body, held->n}); /* frees it in the end */
    else
        free(held);
}

void
answer_send(struct standin *x, struct server_req *req, int code, enum sending sending, struct str body)
{
    answer_give(
        x, req,
        &(struct answer){.code = code, .sending = sending, .body = body, .wait_ms = x->faults.latency_ms});
}

void
answer_error(struct standin *x, struct server_req *req, int code, const char *kode, const char *field,
             const char *pesan)
{
    struct buf b = buf_make(4096);

    buf_printf(&b, "{\"kode\":\"%s\",\"kesalahan\":[", kode);
    if (field) {
        buf_z(&b, "{\"field\":");
        buf_json(&b, str_of(field));
        buf_z(&b, ",\"pesan\":");
        buf_json(&b, str_of(pesan));
        buf_char(&b, '}');
    }
    buf_z(&b, "]}\n");
    answer_send(x, req, code, SEND_WHOLE, buf_view(&b));
    buf_free(&b);
}
