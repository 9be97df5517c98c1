#include "tests/standin/admin.h"

#include <stdlib.h>

#include "common/base/buf.h"
#include "tests/standin/api.h"
#include "tests/standin/callback.h"
#include "tests/standin/ending.h"

enum { STATS_BYTES = 1 << 20 };

void
admin_put_faults(void *arg, struct server_req *req)
{
    struct standin *x = arg;
    struct err e = {0};

    if (faults_read(&x->faults, server_body(req), &e))
        server_problem(req, 400, "Bad Request", e.text);
    else
        admin_get_faults(arg, req);
}

void
admin_get_faults(void *arg, struct server_req *req)
{
    struct standin *x = arg;
    char *text = x->faults.json ? json_dumps(x->faults.json, JSON_COMPACT) : NULL;

    server_reply(req, 200, "application/json", text ? str_of(text) : STR("{}"));
    free(text);
}

static void
show_codes(const struct stats *stats, struct buf *b)
{
    const char *comma = "";

    buf_z(b, ",\"answers\":{");
    for (int code = 200; code < 600; code++) {
        if (!stats->code[code])
            continue;
        buf_printf(b, "%s\"%d\":%llu", comma, code, (unsigned long long)stats->code[code]);
        comma = ",";
    }
    buf_printf(b, "%s\"hang\":%llu,\"cut\":%llu,\"closed\":%llu}", comma, (unsigned long long)stats->hang,
               (unsigned long long)stats->cut, (unsigned long long)stats->closed);
}

void
admin_get_stats(void *arg, struct server_req *req)
{
    struct standin *x = arg;
    const struct stats *s = &x->stats;
    struct buf b = buf_make(STATS_BYTES);

    buf_printf(
        &b, "{\"requests\":%llu,\"unique\":%zu,\"duplicates\":%zu,\"active\":%zu,\"registrations\":%zu",
        (unsigned long long)s->requests, x->book.unique, x->book.duplicates, x->book.active, x->book.regs_n);
    buf_printf(&b, ",\"post\":%llu,\"put\":%llu,\"delete\":%llu,\"get\":%llu", (unsigned long long)s->post,
               (unsigned long long)s->put, (unsigned long long)s->deleted, (unsigned long long)s->get);
    show_codes(s, &b);
    buf_printf(&b, ",\"callbacks\":{\"sent\":%llu,\"failed\":%llu,\"waiting\":%zu}}\n",
               (unsigned long long)s->callbacks_sent, (unsigned long long)s->callbacks_failed,
               callback_waiting(x));
    server_reply(req, 200, "application/json", buf_view(&b));
    buf_free(&b);
}

void
admin_delete_stats(void *arg, struct server_req *req)
{
    struct standin *x = arg;

    ending_clear(x);
    book_clear(&x->book);
    x->stats = (struct stats){0};
    server_reply(req, 204, NULL, STR_NULL);
}

static void
show_entry(const struct book_reg *reg, struct buf *b)
{
    api_show(reg, b);
    b->n--; /* its closing brace: some more members follow */
    buf_z(b, ",\"kunci\":");
    buf_json(b, (struct str){reg->key->name.z, reg->key->name.n});
    buf_printf(b, ",\"metode\":\"%s\",\"duplikat\":%s}", reg->put ? "PUT" : "POST",
               reg->duplicate ? "true" : "false");
}

void
admin_ledger(void *arg, struct server_req *req)
{
    struct standin *x = arg;
    struct buf b = buf_make(SIZE_MAX / 4);
    int64_t from;
    int64_t limit;

    str_int(server_query(req, "from"), &from);
    if (!str_int(server_query(req, "limit"), &limit) || limit < 0)
        limit = INT64_MAX;
    buf_char(&b, '[');
    for (size_t i = from > 0 ? (size_t)from : 0; i < x->book.regs_n && limit-- > 0; i++) {
        if (b.n > 1)
            buf_z(&b, ",\n");
        show_entry(x->book.regs[i], &b);
    }
    buf_z(&b, "]\n");
    if (b.failed)
        server_problem(req, 500, "Internal Server Error",
                       "The ledger does not fit in memory; use from and limit.");
    else
        server_reply(req, 200, "application/json", buf_view(&b));
    buf_free(&b);
}

void
admin_health(void *arg, struct server_req *req)
{
    (void)arg;
    server_reply(req, 200, "text/plain", STR("ok\n"));
}
