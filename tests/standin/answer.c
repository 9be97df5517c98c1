#include "tests/standin/answer.h"

#include <stdlib.h>

/* An answer that waits. */
struct late {
    struct loop_timer timer;
    struct loop *loop;
    struct server_req *req;
    int code;
    enum sending sending;
    size_t n;
    char body[];
};

static void
give(struct server_req *req, int code, enum sending sending, struct str body)
{
    if (sending == SEND_WHOLE)
        server_reply(req, code, "application/json", body);
    else if (sending == SEND_HALF)
        server_cut(req, code, "application/json", body, body.n / 2);
    else
        server_abort(req);
}

static void
on_time(void *arg)
{
    struct late *late = arg;

    give(late->req, late->code, late->sending, (struct str){late->body, late->n});
}

static void
drop_late(void *mine)
{
    struct late *late = mine;

    loop_timer_stop(late->loop, &late->timer);
    free(late);
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

void
answer_send(struct standin *x, struct server_req *req, int code, enum sending sending, struct str body)
{
    int64_t wait_ms = sending == SEND_NOTHING ? x->faults.hang_ms : x->faults.latency_ms;
    struct late *late;

    count(x, code, sending);
    if (wait_ms <= 0) {
        give(req, code, sending, body);
        return;
    }
    late = calloc(1, sizeof *late + body.n);
    if (!late) {
        server_abort(req);
        return;
    }
    *late = (struct late){.timer = {.fn = on_time, .arg = late},
                          .loop = x->loop,
                          .req = req,
                          .code = code,
                          .sending = sending,
                          .n = body.n};
    if (body.n)
        memcpy(late->body, body.p, body.n);
    server_keep(req, late, drop_late);
    loop_timer_set(x->loop, &late->timer, wait_ms);
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
