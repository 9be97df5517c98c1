#include "workers/sop/rows.h"

#include <stdlib.h>

#include "common/base/log.h"

struct seen_row {
    unsigned char key[16], hash[16];
    bool inserted; /* by this transaction */
    bool used;     /* its first record in this part was met */
};

/* ---- statements ------------------------------------------------------------------------------------------------- */

static struct pg_stmt
stmt(struct worker *w, unsigned i, const char *name, const char *fmt)
{
    struct buf b = buf_make(4096);

    for (const char *p = fmt; *p; p++) {
        if (*p == '@')
            buf_z(&b, w->def->table);
        else if (*p == '#')
            buf_z(&b, w->def->seen ? w->def->seen : "");
        else if (*p == '%')
            buf_z(&b, w->def->columns);
        else if (*p == '~')
            buf_z(&b, w->def->counter ? w->def->counter : "urutan");
        else
            buf_char(&b, *p);
    }
    w->sql[i] = buf_steal(&b);
    return (struct pg_stmt){name, w->sql[i]};
}

enum res
rows_prepare(struct worker *w, struct err *e)
{
    w->seen_stmt = stmt(w, 0, "rows_seen",
                        "insert into # as s (key, hash) select * from unnest($1::bytea[], $2::bytea[]) "
                        "on conflict (key) do update set key = excluded.key returning key, hash, xmax = 0");
    w->make_stmt =
        stmt(w, 1, "rows_make",
             "insert into @ (nomor_permohonan) select * from unnest($1::text[]) on conflict do nothing");
    w->lock_stmt = stmt(w, 2, "rows_lock",
                        "select nomor_permohonan, ~, fakta% from @ where nomor_permohonan = any($1::text[]) "
                        "order by nomor_permohonan collate \"C\" for update");
    w->unmake_stmt =
        stmt(w, 3, "rows_unmake", "delete from @ where nomor_permohonan = any($1::text[]) and fakta = ''");
    return w->sql[0] && w->sql[1] && w->sql[2] && w->sql[3] ? RES_OK : err_set(e, RES_FATAL, "out of memory");
}

void
rows_free(struct worker *w)
{
    for (unsigned i = 0; i < 4; i++)
        free(w->sql[i]);
}

/* ---- requests of a part ----------------------------------------------------------------------------------------- */

static int
by_nomor(const void *a, const void *b)
{
    return str_cmp(((const struct berkas *)a)->nomor, ((const struct berkas *)b)->nomor);
}

static struct str
nomor_of(const struct flow_item *it)
{
    return it->rkm ? item_event(it)->subject : ((const struct own_item *)it->mine)->nomor;
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

void
rows_begin(struct worker *w, const struct flow_batch *b)
{
    arena_reset(&w->arena);
    w->nseen = 0;
    w->n = 0;
    w->cap = b->n + 1;
    w->all = arena_new(&w->arena, w->cap * sizeof *w->all);
    for (size_t i = 0; i < b->n; i++)
        if (flow_live(&b->items[i]))
            w->all[w->n++].nomor = nomor_of(&b->items[i]);
    if (w->def->begin)
        w->def->begin(w, b);
    unite(w);
    for (size_t i = 0; i < w->n; i++) {
        w->all[i].nomor = arena_str(&w->arena, w->all[i].nomor);
        w->all[i].d = dossier_make(&w->arena);
        if (w->def->more_size)
            w->all[i].more = arena_new(&w->arena, w->def->more_size);
    }
}

struct berkas *
worker_find(struct worker *w, struct str nomor)
{
    struct berkas key = {.nomor = nomor};

    return bsearch(&key, w->all, w->n, sizeof *w->all, by_nomor);
}

static void
on_row(void *arg, const PGresult *r)
{
    struct worker *w = arg;

    for (int i = 0; i < PQntuples(r); i++) {
        struct berkas *b = worker_find(w, pg_text(r, i, 0));

        if (!b)
            continue;
        b->urutan = pg_int(r, i, 1);
        b->fresh = PQgetlength(r, i, 2) == 0;
        if (!dossier_read(&b->d, arena_str(&w->arena, pg_text(r, i, 2))))
            log_error("a stored dossier cannot be read", LOG_S("nomor", b->nomor));
        if (w->def->read)
            w->def->read(w, b, r, i);
    }
}

void
rows_send_lock(struct worker *w)
{
    pg_args_reset(&w->args);
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < w->n; i++)
        pg_elem_text(&w->args, w->all[i].nomor);
    pg_array_end(&w->args);
    pg_send(w->app->pg, &w->make_stmt, &w->args, NULL, NULL);
    pg_send(w->app->pg, &w->lock_stmt, &w->args, on_row, w);
}

void
rows_send_unmake(struct worker *w)
{
    bool any = false;

    pg_args_reset(&w->args);
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].fresh && !w->all[i].dirty) {
            pg_elem_text(&w->args, w->all[i].nomor);
            any = true;
        }
    pg_array_end(&w->args);
    if (any)
        pg_send(w->app->pg, &w->unmake_stmt, &w->args, NULL, NULL);
}

/* ---- met before? ------------------------------------------------------------------------------------------------ */

static int
by_key(const void *a, const void *b)
{
    return memcmp(((const struct seen_row *)a)->key, ((const struct seen_row *)b)->key, 16);
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
        s->inserted = pg_int(r, i, 2);
    }
}

/* Which records have an id that is to be remembered: those of the worker's own sort, records only. */
static void
list_seen(struct worker *w, const struct flow_batch *b)
{
    size_t n = 0;

    w->seen = arena_new(&w->arena, (b->n + 1) * sizeof *w->seen);
    for (size_t i = 0; i < b->n; i++) {
        const struct event *ev = flow_live(&b->items[i]) ? item_event(&b->items[i]) : NULL;

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
        const struct event *ev =
            flow_live(&b->items[b->n - 1 - i]) ? item_event(&b->items[b->n - 1 - i]) : NULL;

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
    const struct event *ev = item_event(it);
    struct seen_row *s = ev ? find_seen(w, ev->seen_key) : NULL;
    bool again;

    if (!s)
        return MET_NEW;
    if (memcmp(s->hash, ev->seen_hash, 16) == 0) {
        again = !s->inserted || s->used;
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
