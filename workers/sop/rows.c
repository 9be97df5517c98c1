#include "workers/sop/rows.h"

#include <stdlib.h>

#include "common/base/log.h"

struct seen_row {
    unsigned char key[16], hash[16];
    bool known; /* it was there before this part */
    bool used;  /* its first record in this part was met */
};

/* ---- statements ------------------------------------------------------------------------------------------------- */

static const char *
type_name(enum pg_oid type)
{
    static const struct {
        enum pg_oid type;
        const char *name;
    } all[] = {{PG_TEXT, "text"},   {PG_BYTEA, "bytea"},  {PG_INT4, "int"},
               {PG_INT8, "bigint"}, {PG_BOOL, "boolean"}, {PG_TIME, "timestamptz"}};

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].type == type)
            return all[i].name;
    abort();
}

static const char *
counter_of(const struct worker *w)
{
    return w->def->counter ? w->def->counter : "urutan";
}

void
columns_names(const struct worker_column *cols, struct buf *out)
{
    for (const struct worker_column *c = cols; c->name; c++)
        buf_printf(out, "%s%s", c == cols ? "" : ", ", c->name);
}

void
columns_arrays(const struct worker_column *cols, unsigned first, struct buf *out)
{
    for (const struct worker_column *c = cols; c->name; c++)
        buf_printf(out, "%s$%u::%s[]", c == cols ? "" : ", ", first++, type_name(c->type));
}

/* "nomor_permohonan, urutan, fakta, <the worker's own>"; without fakta where the dossier is kept */
static void
put_names(const struct worker *w, bool kept, struct buf *b)
{
    buf_printf(b, "nomor_permohonan, %s%s, ", counter_of(w), kept ? "" : ", fakta");
    columns_names(w->def->writes, b);
}

/* "select unnest($1::text[]) as nomor_permohonan, ..", an array for each of those. In the list of what is selected they run
 * side by side; in FROM each would first be written into a store of its own, which costs a sixth of the update. */
static void
put_unnest(const struct worker *w, bool kept, struct buf *b)
{
    unsigned n = 3;

    buf_printf(b, "select unnest($1::text[]) as nomor_permohonan, unnest($2::bigint[]) as %s", counter_of(w));
    if (!kept)
        buf_printf(b, ", unnest($%u::text[]) as fakta", n++);
    for (const struct worker_column *c = w->def->writes; c->name; c++)
        buf_printf(b, ", unnest($%u::%s[]) as %s", n++, type_name(c->type), c->name);
}

static void
put_update(const struct worker *w, bool kept, struct buf *b)
{
    buf_printf(b, "update %s p set %s = u.%s%s", w->def->table, counter_of(w), counter_of(w),
               kept ? "" : ", fakta = u.fakta");
    for (const struct worker_column *c = w->def->writes; c->name; c++)
        buf_printf(b, ", %s = u.%s", c->name, c->name);
    buf_z(b, " from (");
    put_unnest(w, kept, b);
    buf_z(b, ") u where p.nomor_permohonan = u.nomor_permohonan");
}

static void
write_update(const struct worker *w, struct buf *b)
{
    put_update(w, false, b);
}

static void
write_touch(const struct worker *w, struct buf *b)
{
    put_update(w, true, b);
}

static void
write_insert(const struct worker *w, struct buf *b)
{
    buf_printf(b, "insert into %s (", w->def->table);
    put_names(w, false, b);
    buf_z(b, ") ");
    put_unnest(w, false, b);
}

static void
write_lock(const struct worker *w, struct buf *b)
{
    buf_printf(b,
               "select nomor_permohonan, %s, fakta%s from %s where nomor_permohonan = any($1::text[]) "
               "order by nomor_permohonan collate \"C\" for update",
               counter_of(w), w->def->columns, w->def->table);
}

/* Nearly always all are new, which a plain insert does at two thirds of the cost of one that minds conflicts. Who inserts the
 * same key at the same time fails at it (23505), is done again and finds it. */
static void
write_seen(const struct worker *w, struct buf *b)
{
    const char *table = w->def->seen ? w->def->seen : "";

    buf_printf(
        b,
        "with old as materialized (select key, hash from %s where key = any($1::bytea[])), "
        "new as (insert into %s (key, hash) select u.key, u.hash from unnest($1::bytea[], $2::bytea[]) "
        "u(key, hash) where not exists (select from old where old.key = u.key) order by u.key) "
        "select key, hash from old",
        table, table);
}

enum res
rows_prepare(struct worker *w, struct err *e)
{
    static const struct {
        const char *name;
        void (*write)(const struct worker *w, struct buf *b);
    } all[] = {{"rows_seen", write_seen},
               {"rows_lock", write_lock},
               {"rows_update", write_update},
               {"rows_touch", write_touch},
               {"rows_insert", write_insert}};
    struct pg_stmt *const to[] = {&w->seen_stmt, &w->lock_stmt, &w->update_stmt, &w->touch_stmt,
                                  &w->insert_stmt};

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct buf b = buf_make(4096);

        all[i].write(w, &b);
        w->sql[i] = buf_steal(&b);
        if (!w->sql[i])
            return err_set(e, RES_FATAL, "out of memory");
        *to[i] = (struct pg_stmt){all[i].name, w->sql[i]};
    }
    return hash_new(&w->hash, e);
}

void
rows_free(struct worker *w)
{
    for (unsigned i = 0; i < sizeof w->sql / sizeof w->sql[0]; i++)
        free(w->sql[i]);
    hash_free(w->hash);
}

/* ---- requests of a part ----------------------------------------------------------------------------------------- */

static int
by_nomor(const void *a, const void *b)
{
    return str_cmp(((const struct berkas *)a)->nomor, ((const struct berkas *)b)->nomor);
}

/* Sorts the list by key and leaves each request once. */
static void
unite(struct worker *w)
{
    size_t n = w->n;

    qsort(w->all, n, sizeof *w->all, by_nomor);
    w->n = 0;
    for (size_t i = 0; i < n; i++)
        if (w->n == 0 || !str_eq(w->all[w->n - 1].nomor, w->all[i].nomor))
            w->all[w->n++].nomor = w->all[i].nomor;
}

void
worker_also(struct worker *w, struct str nomor)
{
    if (w->n == w->cap) {
        struct berkas *grown = arena_new(&w->arena, 2 * w->cap * sizeof *grown);

        memcpy(grown, w->all, w->n * sizeof *grown);
        w->all = grown;
        w->cap *= 2;
    }
    w->all[w->n++].nomor = nomor;
}

static void
make_row(struct worker *w, struct berkas *b)
{
    b->nomor = arena_str(&w->arena, b->nomor);
    b->d = dossier_make(&w->arena);
    if (w->def->more_size)
        b->more = arena_new(&w->arena, w->def->more_size);
    if (w->def->make)
        w->def->make(b);
}

void
rows_begin(struct worker *w, const struct flow_batch *b)
{
    arena_reset(&w->arena);
    w->nseen = 0;
    w->n = 0;
    w->cap = b->n + 1;
    w->all = arena_new(&w->arena, w->cap * sizeof *w->all);
    for (size_t i = 0; i < b->n; i++)
        if (flow_live(&b->items[i]) && item_nomor(&b->items[i]).n)
            w->all[w->n++].nomor = item_nomor(&b->items[i]);
    if (w->def->begin)
        w->def->begin(w, b);
    unite(w);
    for (size_t i = 0; i < w->n; i++)
        make_row(w, &w->all[i]);
}

struct berkas *
worker_find(struct worker *w, struct str nomor)
{
    struct berkas key = {.nomor = nomor};

    return bsearch(&key, w->all, w->n, sizeof *w->all, by_nomor);
}

static void
read_row(struct worker *w, struct berkas *b, const PGresult *r, int i)
{
    b->urutan = pg_int(r, i, 1);
    b->there = true;
    b->unreadable = !dossier_read(&b->d, arena_str(&w->arena, pg_text(r, i, 2)));
    if (b->unreadable)
        log_error("a stored dossier cannot be read", LOG_S("nomor", b->nomor));
    if (w->def->read)
        w->def->read(w, b, r, i);
}

static void
on_row(void *arg, const PGresult *r)
{
    struct worker *w = arg;

    for (int i = 0; i < PQntuples(r); i++) {
        struct berkas *b = worker_find(w, pg_text(r, i, 0));

        if (b)
            read_row(w, b, r, i);
    }
}

void
rows_send_lock(struct worker *w)
{
    if (!w->n)
        return;
    pg_args_reset(&w->args);
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < w->n; i++)
        pg_elem_text(&w->args, w->all[i].nomor);
    pg_array_end(&w->args);
    pg_send(w->app->pg, &w->lock_stmt, &w->args, on_row, w);
}

/* One that an item names is locked and read already, unless it was made since: then it is here now. */
static struct berkas *
join_row(struct worker *w, size_t known, struct str nomor)
{
    struct berkas key = {.nomor = nomor};
    struct berkas *b = bsearch(&key, w->all, known, sizeof *w->all, by_nomor);

    if (b)
        return b;
    worker_also(w, nomor);
    b = &w->all[w->n - 1];
    *b = (struct berkas){.nomor = nomor};
    make_row(w, b);
    return b;
}

static void
on_claimed(void *arg, const PGresult *r)
{
    struct worker *w = arg;
    size_t known = w->n;

    for (int i = 0; i < PQntuples(r); i++) {
        struct berkas *b = join_row(w, known, pg_text(r, i, 0));

        if (!b->there)
            read_row(w, b, r, i);
        w->def->claimed(w, b);
    }
    qsort(w->all, w->n, sizeof *w->all, by_nomor); /* nobody holds a pointer into it before `apply` */
}

void
worker_claim(struct worker *w, const struct pg_stmt *stmt, const struct pg_args *args)
{
    pg_send(w->app->pg, stmt, args, on_claimed, w);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* The rows of one of the statements, in key order. */
struct chosen {
    struct berkas **row;
    size_t n;
};

static struct chosen
choose(struct worker *w, bool there, bool kept)
{
    struct chosen c = {arena_new(&w->arena, (w->n + 1) * sizeof(struct berkas *)), 0};

    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].dirty && w->all[i].there == there && (w->all[i].there && w->all[i].kept) == kept)
            c.row[c.n++] = &w->all[i];
    return c;
}

static void
put_keys(struct worker *w, const struct chosen *c)
{
    struct pg_args *a = &w->args;

    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < c->n; i++)
        pg_elem_text(a, c->row[i]->nomor);
    pg_array_end(a);
    pg_array(a, PG_INT8);
    for (size_t i = 0; i < c->n; i++)
        pg_elem_int8(a, c->row[i]->urutan);
    pg_array_end(a);
}

static void
put_dossiers(struct worker *w, const struct chosen *c)
{
    struct pg_args *a = &w->args;

    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < c->n; i++) {
        buf_reset(&w->text);
        dossier_write(&c->row[i]->d, &w->text);
        pg_elem_text(a, buf_view(&w->text));
    }
    pg_array_end(a);
}

static void
put_value(struct pg_args *a, enum pg_oid type, const void *value)
{
    if (type == PG_TEXT || type == PG_BYTEA)
        pg_elem_text(a, *(const struct str *)value);
    else if (type == PG_INT4)
        pg_elem_int4(a, *(const int32_t *)value);
    else if (type == PG_INT8)
        pg_elem_int8(a, *(const int64_t *)value);
    else if (type == PG_TIME)
        pg_elem_time(a, *(const int64_t *)value);
    else
        pg_elem_bool(a, *(const bool *)value);
}

void
columns_put(struct pg_args *a, const struct worker_column *cols, const void *const *rows, size_t n)
{
    for (const struct worker_column *col = cols; col->name; col++) {
        pg_array(a, col->type);
        for (size_t i = 0; i < n; i++)
            put_value(a, col->type, (const char *)rows[i] + col->member);
        pg_array_end(a);
    }
}

static void
put_own(struct worker *w, const struct chosen *c)
{
    const void **more = arena_new(&w->arena, (c->n + 1) * sizeof *more);

    for (size_t i = 0; i < c->n; i++)
        more[i] = c->row[i]->more;
    columns_put(&w->args, w->def->writes, more, c->n);
}

static void
send_rows(struct worker *w, bool there, bool kept, const struct pg_stmt *stmt)
{
    struct chosen c = choose(w, there, kept);

    if (!c.n)
        return;
    pg_args_reset(&w->args);
    put_keys(w, &c);
    if (!kept)
        put_dossiers(w, &c);
    put_own(w, &c);
    pg_send(w->app->pg, stmt, &w->args, NULL, NULL);
}

void
worker_write(struct worker *w)
{
    send_rows(w, true, true, &w->touch_stmt);
    send_rows(w, true, false,
              &w->update_stmt); /* before inserting: what one request gives up, another may take */
    send_rows(w, false, false, &w->insert_stmt);
}

/* ---- met before? ------------------------------------------------------------------------------------------------ */

/* In the order of their bytes; the first eight of a hash decide, but for an accident. */
static int
by_key(const void *a, const void *b)
{
    const unsigned char *x = ((const struct seen_row *)a)->key;
    const unsigned char *y = ((const struct seen_row *)b)->key;
    uint64_t first[2];

    memcpy(&first[0], x, 8);
    memcpy(&first[1], y, 8);
    if (first[0] == first[1])
        return memcmp(x, y, 16);
    return __builtin_bswap64(first[0]) < __builtin_bswap64(first[1]) ? -1 : 1;
}

static struct seen_row *
find_seen(struct worker *w, const unsigned char key[16])
{
    struct seen_row want = {0};

    for (unsigned i = 0; i < 16; i++)
        want.key[i] = key[i];
    return bsearch(&want, w->seen, w->nseen, sizeof *w->seen, by_key);
}

static void
on_seen(void *arg, const PGresult *r)
{
    struct worker *w = arg;

    for (int i = 0; i < PQntuples(r); i++) {
        struct seen_row *s = find_seen(w, (const unsigned char *)PQgetvalue(r, i, 0));

        if (!s)
            continue;
        memcpy(s->hash, PQgetvalue(r, i, 1), 16);
        s->known = true;
    }
}

static bool
is_remembered(const struct worker *w, const struct event *ev)
{
    return w->def->seen && (!w->def->remembers || w->def->remembers(ev->fact.type));
}

void
rows_identify(struct worker *w, struct event *ev)
{
    if (is_remembered(w, ev))
        event_identify_with(ev, w->hash);
}

/* The event whose id is to be remembered, or NULL: records only, of the worker's own sort. */
static struct event *
to_remember(const struct worker *w, const struct flow_item *it)
{
    struct event *ev = flow_live(it) ? item_event(it) : NULL;

    return ev && is_remembered(w, ev) ? ev : NULL;
}

static void
list_seen(struct worker *w, const struct flow_batch *b)
{
    size_t n = 0;

    w->seen = arena_new(&w->arena, (b->n + 1) * sizeof *w->seen);
    for (size_t i = 0; i < b->n; i++) {
        struct event *ev = to_remember(w, &b->items[i]);

        if (!ev)
            continue;
        memcpy(w->seen[n].key, ev->seen_key, 16);
        memcpy(w->seen[n++].hash, ev->seen_hash, 16);
    }
    /* stable by arrival for equal keys is not needed: the first to be applied claims the id (rows_met) */
    qsort(w->seen, n, sizeof *w->seen, by_key);
    w->nseen = 0;
    for (size_t i = 0; i < n; i++)
        if (w->nseen == 0 || by_key(&w->seen[w->nseen - 1], &w->seen[i]) != 0)
            w->seen[w->nseen++] = w->seen[i];
    for (size_t i = 0; i < b->n; i++) { /* the earliest record of the part says what is stored */
        const struct event *ev = to_remember(w, &b->items[b->n - 1 - i]);

        if (ev)
            memcpy(find_seen(w, ev->seen_key)->hash, ev->seen_hash, 16);
    }
}

void
rows_send_seen(struct worker *w, const struct flow_batch *b)
{
    list_seen(w, b);
    if (!w->nseen)
        return;
    pg_args_reset(&w->args);
    pg_array(&w->args, PG_BYTEA);
    for (size_t i = 0; i < w->nseen; i++)
        pg_elem_text(&w->args, (struct str){(const char *)w->seen[i].key, 16});
    pg_array_end(&w->args);
    pg_array(&w->args, PG_BYTEA);
    for (size_t i = 0; i < w->nseen; i++)
        pg_elem_text(&w->args, (struct str){(const char *)w->seen[i].hash, 16});
    pg_array_end(&w->args);
    pg_send(w->app->pg, &w->seen_stmt, &w->args, on_seen, w);
}

enum met
rows_met(struct worker *w, struct flow_item *it)
{
    const struct event *ev = to_remember(w, it);
    struct seen_row *s = ev ? find_seen(w, ev->seen_key) : NULL;
    bool again;

    if (!s)
        return MET_NEW;
    if (memcmp(s->hash, ev->seen_hash, 16) == 0) {
        again = s->known || s->used;
        s->used = true;
        return again ? MET_REPEAT : MET_NEW;
    }
    if (str_starts(ev->ce.source, STR("/bedelau/"))) { /* ours: after a restore; the first stored wins */
        metric_add(w->m_differs, 1);
        return MET_OTHER;
    }
    metric_add(w->m_reused, 1);
    if (!worker_judges(w, rd_kafka_topic_name(it->rkm->rkt)))
        return MET_OTHER; /* its judge sets it aside */
    it->code = "ID_REUSED";
    snprintf(it->why, sizeof it->why, "this (source, id) was used before for another content");
    return MET_OTHER;
}
