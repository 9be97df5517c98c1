#include "common/flow/outbox.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "common/base/clk.h"
#include "common/base/fault.h"
#include "common/base/log.h"

enum { IN_FLIGHT_MAX = 20000, LOAD_ROWS = 2000, CLEAN_MS = 40, HEADERS_MAX = 64, RESEND_MS = 1000 };

/* A row between its first sending and its removal. */
struct flying {
    struct outbox *o;
    int32_t lane;
    int64_t seq;
    bool delivered; /* acknowledged: only the row in the table is left */
    bool removing;  /* named in the removal that is under way */
    bool failed;    /* not acknowledged: to be loaded and sent again */
};

struct outbox {
    struct outbox_opts opts;
    struct pg_stmt store, load, clean, lease, notify;
    char *sql[5];
    char *names[5];
    struct pg_args args;
    struct flying **flying; /* by arrival; freed once removed */
    size_t nflying, cap;
    uint32_t lanes;       /* bit per lane that is ours */
    int64_t lease_end_ms; /* monotonic: after this we publish nothing until renewed */
    bool need_load;       /* rows are in the table that were not sent from memory */
    bool loading;
    size_t loaded;              /* rows the last load brought */
    struct outbox_row *storing; /* rows whose seq is awaited */
    size_t nstored;
    struct pg_turn turn;
    enum { WANT_LEASE = 1, WANT_CLEAN = 2, WANT_LOAD = 4 } want;
    unsigned epoch; /* of the connection when notifications were last known to arrive */
    char *channel;
    int64_t lease_asked_ms;
    struct loop_timer renew, sweep;
    struct metric *published, *failed, *waiting;
};

int32_t
outbox_lane(struct str key)
{
    return (int32_t)(str_hash(key) % OUTBOX_LANES);
}

/* ---- headers: [u16 length, name, i32 length or -1, value]* ------------------------------------------------------ */

void
outbox_headers(const struct producer_header *h, unsigned n, struct buf *out)
{
    for (unsigned i = 0; i < n; i++) {
        uint16_t name = htons((uint16_t)strlen(h[i].name));
        uint32_t size = htonl(h[i].value.p ? (uint32_t)h[i].value.n : UINT32_MAX);

        buf_add(out, &name, 2);
        buf_z(out, h[i].name);
        buf_char(out, '\0');
        buf_add(out, &size, 4);
        buf_str(out, h[i].value);
    }
}

static unsigned
unpack_headers(struct str packed, struct producer_header *h)
{
    unsigned n = 0;
    size_t i = 0;

    while (n < HEADERS_MAX && i + 7 <= packed.n) {
        uint16_t name;
        uint32_t size;

        memcpy(&name, packed.p + i, 2);
        h[n].name = packed.p + i + 2;
        i += 2 + (size_t)ntohs(name) + 1;
        if (i + 4 > packed.n || packed.p[i - 1])
            break; /* cut off: never by outbox_headers */
        memcpy(&size, packed.p + i, 4);
        size = ntohl(size);
        i += 4;
        if (size != UINT32_MAX && size > packed.n - i)
            break;
        h[n++].value = size == UINT32_MAX ? STR_NULL : (struct str){packed.p + i, size};
        i += size == UINT32_MAX ? 0 : size;
    }
    return n;
}

/* ---- sending ---------------------------------------------------------------------------------------------------- */

static void
ask(struct outbox *o, int want)
{
    o->want |= (unsigned)want;
    pg_turn(o->opts.pg, &o->turn);
}

static void
on_report(void *arg, enum res res, const char *why)
{
    struct flying *f = arg;
    struct outbox *o = f->o;

    if (res == RES_OK) {
        f->delivered = true;
        metric_add(o->published, 1);
        if (!o->sweep.slot)
            loop_timer_set(o->opts.loop, &o->sweep, CLEAN_MS);
        FAULT("outbox.delivered");
        return;
    }
    f->failed = true;
    o->need_load = true;
    metric_add(o->failed, 1);
    log_warn("a record was not acknowledged and will be sent again", LOG_Z("outbox", o->opts.worker),
             LOG_I("seq", f->seq), LOG_Z("why", why));
    loop_timer_set(o->opts.loop, &o->sweep, RESEND_MS);
}

static struct flying *
take_off(struct outbox *o, const struct outbox_row *row)
{
    struct flying *f;

    if (o->nflying == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 256;
        struct flying **grown = realloc(o->flying, cap * sizeof(struct flying *));

        if (!grown)
            return NULL;
        o->flying = grown;
        o->cap = cap;
    }
    f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    *f = (struct flying){.o = o, .lane = row->lane, .seq = row->seq};
    o->flying[o->nflying++] = f;
    return f;
}

static bool
may_publish(const struct outbox *o)
{
    return o->lanes && clk_mono_ms() < o->lease_end_ms;
}

/* False when it cannot be sent now: the row stays in the table and is loaded later. */
static bool
send_row(struct outbox *o, const struct outbox_row *row)
{
    struct producer_header h[HEADERS_MAX];
    struct producer_record r = {.key = row->key, .value = row->value, .headers = h};
    char topic[256];
    struct err e = {0};
    enum res res;
    struct flying *f;

    if (!may_publish(o) || o->nflying >= IN_FLIGHT_MAX || row->topic.n >= sizeof topic)
        return false;
    memcpy(topic, row->topic.p, row->topic.n);
    topic[row->topic.n] = '\0';
    r.topic = topic;
    r.nheaders = unpack_headers(row->headers, h);
    f = take_off(o, row);
    res = f ? producer_send(o->opts.producer, &r, on_report, f, &e) : RES_RETRY;
    if (res == RES_OK) {
        FAULT("outbox.row_sent");
        return true;
    }
    if (f)
        free(o->flying[--o->nflying]);
    if (res != RES_REJECT)
        return false;
    metric_add(o->failed, 1);
    log_error("a record can never be sent; it stays in the outbox", LOG_Z("outbox", o->opts.worker),
              LOG_I("seq", row->seq), LOG_Z("why", e.text));
    return true; /* what is behind it goes on */
}

void
outbox_publish(struct outbox *o, const struct outbox_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!(o->lanes & 1U << rows[i].lane))
            continue; /* the lane's holder was notified by the transaction itself */
        if (o->need_load || o->loading || !send_row(o, &rows[i]))
            o->need_load = true; /* what is behind it waits too, so that order is kept */
    }
    if (o->need_load && may_publish(o) && !o->loading)
        ask(o, WANT_LOAD);
    metric_set(o->waiting, (double)o->nflying);
}

rd_kafka_t *
outbox_client(const struct outbox *o)
{
    return producer_client(o->opts.producer);
}

size_t
outbox_pending(const struct outbox *o)
{
    return o->nflying;
}

/* ---- storing ---------------------------------------------------------------------------------------------------- */

static void
on_stored(void *arg, const PGresult *r)
{
    struct outbox *o = arg;

    for (int i = 0; i < PQntuples(r) && (size_t)i < o->nstored; i++)
        o->storing[i].seq = pg_int(r, i, 0);
}

static bool
others_hold(const struct outbox *o, const struct outbox_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(o->lanes & 1U << rows[i].lane))
            return true;
    return false;
}

void
outbox_store(struct outbox *o, struct outbox_row *rows, size_t n)
{
    struct pg_args *a = &o->args;

    pg_args_reset(a);
    pg_array(a, PG_INT4);
    for (size_t i = 0; i < n; i++)
        pg_elem_int4(a, rows[i].lane);
    pg_array_end(a);
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, rows[i].topic);
    pg_array_end(a);
    pg_array(a, PG_BYTEA);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, rows[i].key);
    pg_array_end(a);
    pg_array(a, PG_BYTEA);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, rows[i].value);
    pg_array_end(a);
    pg_array(a, PG_BYTEA);
    for (size_t i = 0; i < n; i++)
        pg_elem_text(a, rows[i].headers);
    pg_array_end(a);
    o->storing = rows;
    o->nstored = n;
    pg_send(o->opts.pg, &o->store, a, on_stored, o);
    if (others_hold(o, rows, n))
        pg_send(o->opts.pg, &o->notify, NULL, NULL, NULL); /* it is told after COMMIT */
}

/* ---- the turn: renew the lease, remove what was delivered, load what was not sent -------------------------------- */

static void
on_leased(void *arg, const PGresult *r)
{
    struct outbox *o = arg;
    uint32_t before = o->lanes;

    FAULT("outbox.leased");
    o->lanes = 0;
    for (int i = 0; i < PQntuples(r); i++)
        o->lanes |= 1U << pg_int(r, i, 0);
    o->lease_end_ms = o->lease_asked_ms + o->opts.lease_ms * 8 / 10;
    if (o->lanes & ~before || o->epoch != pg_epoch(o->opts.pg))
        o->need_load = true; /* what the last holder left, or what was notified while we were away */
    o->epoch = pg_epoch(o->opts.pg);
}

static void
send_lease(struct outbox *o)
{
    pg_args_reset(&o->args);
    pg_arg_text(&o->args, str_of(o->opts.worker));
    pg_arg_text(&o->args, str_of(o->opts.owner));
    pg_arg_int8(&o->args, o->opts.lease_ms);
    o->lease_asked_ms = clk_mono_ms();
    pg_send(o->opts.pg, &o->lease, &o->args, on_leased, o);
}

static void
flying_arrays(struct outbox *o, bool delivered_only)
{
    pg_args_reset(&o->args);
    pg_array(&o->args, PG_INT4);
    for (size_t i = 0; i < o->nflying; i++)
        if (!delivered_only || o->flying[i]->delivered)
            pg_elem_int4(&o->args, o->flying[i]->lane);
    pg_array_end(&o->args);
    pg_array(&o->args, PG_INT8);
    for (size_t i = 0; i < o->nflying; i++)
        if (!delivered_only || o->flying[i]->delivered)
            pg_elem_int8(&o->args, o->flying[i]->seq);
    pg_array_end(&o->args);
}

/* Removes from memory what `gone` says; keeps the order of the rest. */
static void
land(struct outbox *o, bool (*gone)(const struct flying *f))
{
    size_t kept = 0;

    for (size_t i = 0; i < o->nflying; i++) {
        if (gone(o->flying[i]))
            free(o->flying[i]);
        else
            o->flying[kept++] = o->flying[i];
    }
    o->nflying = kept;
    metric_set(o->waiting, (double)kept);
}

static bool
is_failed(const struct flying *f)
{
    return f->failed;
}

static bool
is_removing(const struct flying *f)
{
    return f->removing;
}

static void
on_removed(void *arg, const PGresult *r)
{
    (void)r;
    FAULT("outbox.removed");
    land(arg, is_removing);
}

static void
send_clean(struct outbox *o)
{
    bool any = false;

    for (size_t i = 0; i < o->nflying; i++)
        any |= o->flying[i]->removing = o->flying[i]->delivered;
    if (!any)
        return;
    flying_arrays(o, true);
    pg_send(o->opts.pg, &o->clean, &o->args, on_removed, o);
}

static void
on_loaded(void *arg, const PGresult *r)
{
    struct outbox *o = arg;

    o->loaded = (size_t)PQntuples(r);
    if (o->loaded)
        FAULT("outbox.loaded");
    o->need_load = false;
    for (int i = 0; i < PQntuples(r); i++) {
        struct outbox_row row = {.lane = (int32_t)pg_int(r, i, 0),
                                 .seq = pg_int(r, i, 1),
                                 .topic = pg_text(r, i, 2),
                                 .key = pg_text(r, i, 3),
                                 .value = pg_text(r, i, 4),
                                 .headers = pg_text(r, i, 5)};

        if (!send_row(o, &row)) {
            o->need_load = true;
            break;
        }
    }
    if (o->loaded == LOAD_ROWS)
        o->need_load = true;
}

static void
send_load(struct outbox *o)
{
    land(o, is_failed);
    flying_arrays(o, false);
    pg_arg_int4(&o->args, (int32_t)o->lanes);
    pg_arg_int4(&o->args, LOAD_ROWS);
    o->loading = true;
    pg_send(o->opts.pg, &o->load, &o->args, on_loaded, o);
}

static void
on_turn_end(void *arg, const struct pg_end *end)
{
    struct outbox *o = arg;

    o->loading = false;
    if (end->res != RES_OK) {
        o->need_load = true;
        for (size_t i = 0; i < o->nflying; i++)
            o->flying[i]->removing = false;
        loop_timer_set(o->opts.loop, &o->sweep, RESEND_MS);
    } else if (o->need_load && may_publish(o)) {
        loop_timer_set(o->opts.loop, &o->sweep, CLEAN_MS);
    }
    pg_done(o->opts.pg);
}

static void
on_turn(void *arg)
{
    struct outbox *o = arg;
    unsigned want = o->want;

    o->want = 0;
    if (want & WANT_LEASE)
        send_lease(o);
    if (want & WANT_CLEAN)
        send_clean(o);
    if (want & WANT_LOAD && may_publish(o))
        send_load(o);
    pg_sync(o->opts.pg, on_turn_end, o);
    if (want & WANT_CLEAN)
        FAULT("outbox.removal_sent");
}

static void
on_sweep(void *arg)
{
    struct outbox *o = arg;

    ask(o, WANT_CLEAN | (o->need_load ? WANT_LOAD : 0));
}

static void
on_renew(void *arg)
{
    struct outbox *o = arg;

    loop_timer_set(o->opts.loop, &o->renew, o->opts.lease_ms / 3);
    /* also a look at the table: a transaction that outlived its process's lease told nobody of its rows */
    ask(o, WANT_LEASE | WANT_LOAD);
}

static void
on_notified(void *arg, struct str payload)
{
    struct outbox *o = arg;

    (void)payload;
    o->need_load = true;
    if (may_publish(o))
        ask(o, WANT_LOAD);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static struct pg_stmt
stmt(struct outbox *o, unsigned i, const char *name, const char *fmt)
{
    struct buf sql = buf_make(4096);
    struct buf id = buf_make(128);

    for (const char *p = fmt; *p; p++) {
        if (*p == '@')
            buf_z(&sql, o->opts.worker);
        else
            buf_char(&sql, *p);
    }
    buf_printf(&id, "outbox_%s", name);
    o->sql[i] = buf_steal(&sql);
    o->names[i] = buf_steal(&id);
    return (struct pg_stmt){o->names[i], o->sql[i]};
}

static void
make_stmts(struct outbox *o)
{
    o->store = stmt(
        o, 0, "store",
        "insert into outbox_@ (lane, topic, key, value, headers) select lane, topic, key, value, headers "
        "from unnest($1::int[], $2::text[], $3::bytea[], $4::bytea[], $5::bytea[]) "
        "with ordinality as u(lane, topic, key, value, headers, ord) order by ord returning seq");
    o->notify = stmt(o, 4, "notify", "select pg_notify('outbox_@', '')");
    o->load = stmt(
        o, 1, "load",
        "select lane, seq, topic, key, value, headers from outbox_@ o "
        "where (1 << lane) & $3::int <> 0 and (o.lane, o.seq) not in "
        "(select * from unnest($1::int[], $2::bigint[])) order by seq limit $4::int"); /* hashed, as below */
    /* offset 0: each row is found by its key. Once the table was vacuumed while it was empty, a plain join is planned as if it
     * stayed empty, and compares every row that is there with every one that is to go. */
    o->clean = stmt(o, 2, "clean",
                    "delete from outbox_@ where ctid = any(array(select x.ctid from unnest($1::int[], "
                    "$2::bigint[]) u(l, s) cross join lateral (select o.ctid from outbox_@ o "
                    "where o.lane = u.l and o.seq = u.s offset 0) x))");
    o->lease = stmt(o, 3, "lease",
                    "insert into outbox_lane as l (worker, lane, owner, lease_until) "
                    "select $1::text, g, $2::text, clock_timestamp() + $3::bigint * interval '1 ms' "
                    "from generate_series(0, 15) g on conflict (worker, lane) do update "
                    "set owner = excluded.owner, lease_until = excluded.lease_until "
                    "where l.owner = excluded.owner or l.lease_until < clock_timestamp() returning lane");
}

enum res
outbox_new(const struct outbox_opts *opts, struct outbox **ret, struct err *e)
{
    struct outbox *o = calloc(1, sizeof *o);
    char name[96];

    *ret = NULL;
    if (!o)
        return err_set(e, RES_FATAL, "out of memory");
    o->opts = *opts;
    if (!o->opts.lease_ms)
        o->opts.lease_ms = 10000;
    o->args = pg_args_make();
    make_stmts(o);
    o->turn = (struct pg_turn){.fn = on_turn, .arg = o};
    o->renew = (struct loop_timer){.fn = on_renew, .arg = o};
    o->sweep = (struct loop_timer){.fn = on_sweep, .arg = o};
    snprintf(name, sizeof name, "%soutbox_published", opts->prefix);
    o->published = metric(opts->metrics, METRIC_COUNTER, name, "", "Records acknowledged by Kafka");
    snprintf(name, sizeof name, "%soutbox_failures", opts->prefix);
    o->failed = metric(opts->metrics, METRIC_COUNTER, name, "", "Deliveries that failed and are tried again");
    snprintf(name, sizeof name, "%soutbox_in_flight", opts->prefix);
    o->waiting =
        metric(opts->metrics, METRIC_GAUGE, name, "", "Records sent or about to be removed from the outbox");
    snprintf(name, sizeof name, "outbox_%s", opts->worker);
    o->channel = strdup(name);
    if (o->channel)
        pg_listen(opts->pg, o->channel, on_notified, o);
    loop_timer_set(opts->loop, &o->renew, 0);
    *ret = o;
    return RES_OK;
}

void
outbox_free(struct outbox *o)
{
    if (!o)
        return;
    loop_timer_stop(o->opts.loop, &o->renew);
    loop_timer_stop(o->opts.loop, &o->sweep);
    pg_turn_cancel(o->opts.pg, &o->turn);
    for (size_t i = 0; i < o->nflying; i++)
        free(o->flying[i]);
    free(o->flying);
    for (unsigned i = 0; i < 5; i++) {
        free(o->sql[i]);
        free(o->names[i]);
    }
    free(o->channel);
    pg_args_free(&o->args);
    free(o);
}
