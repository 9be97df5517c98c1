#include "tests/standin/admin.h"

#include <stdlib.h>

#include "common/base/buf.h"
#include "tests/standin/callback.h"
#include "tests/standin/ending.h"
#include "tests/standin/later.h"
#include "tests/standin/say.h"

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

static void
show_kit(const struct standin *x, struct buf *b)
{
    const struct stats *s = &x->stats;

    buf_printf(b, ",\"tokens\":{\"requests\":%llu,\"issued\":%llu,\"refused\":%llu}",
               (unsigned long long)s->tokens_asked, (unsigned long long)s->tokens_issued,
               (unsigned long long)s->tokens_refused);
    buf_printf(b, ",\"late\":{\"done\":%llu,\"waiting\":%zu}", (unsigned long long)s->late, later_waiting(x));
    buf_printf(b, ",\"violations\":{\"conflict\":%zu,\"key\":%llu,\"body\":%llu}", x->book.conflicts,
               (unsigned long long)s->bad_keys, (unsigned long long)s->bad_bodies);
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
    buf_printf(&b, ",\"deleted\":%zu,\"steps\":%llu,\"unauthorized\":%llu", x->book.deletes,
               (unsigned long long)s->steps, (unsigned long long)s->unauthorized);
    show_kit(x, &b);
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

    later_clear(x);
    ending_clear(x);
    book_clear(&x->book);
    x->stats = (struct stats){0};
    server_reply(req, 204, NULL, STR_NULL);
}

void
admin_late(void *arg, struct server_req *req)
{
    later_now(arg);
    server_reply(req, 204, NULL, STR_NULL);
}

static const char *
method(enum ask ask)
{
    return ask == ASK_POST ? "POST" : ask == ASK_PUT ? "PUT" : "DELETE";
}

/* The last members of a line: which call it was. */
static void
show_call(const struct book_key *key, enum ask ask, struct buf *b)
{
    buf_z(b, ",\"kunci\":");
    if (key)
        buf_json(b, (struct str){key->name.z, key->name.n});
    else
        buf_z(b, "null");
    buf_printf(b, ",\"metode\":\"%s\"", method(ask));
}

static void
show_reg(const struct book_reg *reg, struct buf *b)
{
    say_state(reg, b);
    b->n--; /* its closing brace: some more members follow */
    show_call(reg->key, reg->put ? ASK_PUT : ASK_POST, b);
    buf_printf(b, ",\"isi\":\"%016llx\",\"duplikat\":%s}", (unsigned long long)reg->key->body_hash,
               reg->duplicate ? "true" : "false");
}

static void
show_note(const struct book_note *n, struct buf *b)
{
    struct book_reg reg;

    if (n->conflict) {
        buf_z(b, "{\"pelanggaran\":\"conflict\",\"nomor_permohonan\":");
        buf_json(b, (struct str){n->nomor->name.z, n->nomor->name.n});
    } else {
        reg = *n->reg; /* as it was then */
        reg.status = n->status;
        reg.urutan = n->urutan;
        reg.waktu_us = n->waktu_us;
        reg.alasan = NULL;
        say_state(&reg, b);
        b->n--;
    }
    show_call(n->key, n->ask, b);
    buf_char(b, '}');
}

/* The `line`-th of all, in the order in which they happened; `*note` counts the notes so far. */
static void
show_line(const struct book *book, size_t line, size_t *note, bool show, struct buf *b)
{
    size_t reg = line - *note;
    bool is_note = *note < book->notes_n && (reg == book->regs_n || book->notes[*note].after <= reg);

    if (show && b->n > 1)
        buf_z(b, ",\n");
    if (show && is_note)
        show_note(&book->notes[*note], b);
    else if (show)
        show_reg(book->regs[reg], b);
    *note += is_note;
}

void
admin_ledger(void *arg, struct server_req *req)
{
    struct standin *x = arg;
    size_t all = x->book.regs_n + x->book.notes_n;
    size_t note = 0;
    struct buf b = buf_make(SIZE_MAX / 4);
    int64_t from;
    int64_t limit;

    str_int(server_query(req, "from"), &from);
    if (!str_int(server_query(req, "limit"), &limit) || limit < 0)
        limit = INT64_MAX;
    buf_char(&b, '[');
    for (size_t i = 0; i < all && limit > 0; i++) {
        bool show = (int64_t)i >= from;

        show_line(&x->book, i, &note, show, &b);
        limit -= show;
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
