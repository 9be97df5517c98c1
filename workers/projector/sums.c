#include <stdlib.h>

#include "workers/projector/projector.h"
#include "workers/sop/rekap.h"

/* In key order: two projectors wait for each other at these rows, but never in a ring. */
static const struct pg_stmt rekap_stmt = {
    "projector_rekap",
    "insert into rekap as r (bulan, kode_opd, ukuran, satuan, hari, tepat, jumlah) "
    "select (u.bulan || '-01')::date, u.kode_opd, u.ukuran, u.satuan, u.hari, u.tepat, u.jumlah "
    "from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[], $7::bigint[]) "
    "u(bulan, kode_opd, ukuran, satuan, hari, tepat, jumlah) "
    "on conflict (bulan, kode_opd, ukuran, satuan, hari, tepat) do update set jumlah = r.jumlah + "
    "excluded.jumlah"};

/* ---- one request ------------------------------------------------------------------------------------------------ */

void
sums_read(struct catatan *c, struct worker *w, const PGresult *r, int row, int col)
{
    c->counted = arena_str(&w->arena, pg_text(r, row, col));
    c->rec.counts = hitungan_read(&c->rec.hitungan, pg_text(r, row, col + 1));
}

/* ---- the batch -------------------------------------------------------------------------------------------------- */

struct sum {
    struct str kode;
    struct rekap_item it;
    int64_t n;
};

struct sums {
    struct sum *all;
    size_t n;
};

static size_t
words_in(struct str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == ' ';
    return n;
}

static void
add_items(struct sums *s, struct str text, int64_t n)
{
    struct str kode = rekap_kode(&text);
    struct sum sum = {.kode = kode, .n = n};

    while (rekap_next(&text, &sum.it))
        s->all[s->n++] = sum;
}

static int
by_sum(const void *a, const void *b)
{
    const struct sum *x = a;
    const struct sum *y = b;
    int c = str_cmp(x->it.bulan, y->it.bulan);

    c = c ? c : str_cmp(x->kode, y->kode);
    c = c ? c : str_cmp(x->it.ukuran, y->it.ukuran);
    c = c ? c : str_cmp(x->it.satuan, y->it.satuan);
    c = c ? c : (x->it.hari > y->it.hari) - (x->it.hari < y->it.hari);
    return c ? c : x->it.tepat - y->it.tepat;
}

/* Each key once, and none whose sum stays as it is. */
static void
unite(struct sums *s)
{
    size_t kept = 0;

    qsort(s->all, s->n, sizeof *s->all, by_sum);
    for (size_t i = 0; i < s->n;) {
        struct sum sum = s->all[i++];

        for (; i < s->n && by_sum(&sum, &s->all[i]) == 0; i++)
            sum.n += s->all[i].n;
        if (sum.n)
            s->all[kept++] = sum;
    }
    s->n = kept;
}

static struct sums
gather(struct worker *w)
{
    struct sums s = {0};
    size_t room = 1;

    for (size_t i = 0; i < w->n; i++) {
        const struct catatan *c = w->all[i].more;

        room += w->all[i].dirty ? words_in(c->counted) + words_in(c->rec.rekap) : 0;
    }
    s.all = arena_new(&w->arena, room * sizeof *s.all);
    for (size_t i = 0; i < w->n; i++) {
        const struct catatan *c = w->all[i].more;

        if (!w->all[i].dirty || str_eq(c->counted, c->rec.rekap))
            continue;
        add_items(&s, c->counted, -1);
        add_items(&s, c->rec.rekap, 1);
    }
    unite(&s);
    return s;
}

static void
put_texts(struct pg_args *a, const struct sums *s, size_t member)
{
    pg_array(a, PG_TEXT);
    for (size_t i = 0; i < s->n; i++)
        pg_elem_text(a, *(const struct str *)(const void *)((const char *)&s->all[i] + member));
    pg_array_end(a);
}

static void
put_numbers(struct pg_args *a, const struct sums *s)
{
    pg_array(a, PG_INT8);
    for (size_t i = 0; i < s->n; i++)
        pg_elem_int8(a, s->all[i].it.hari);
    pg_array_end(a);
    pg_array(a, PG_BOOL);
    for (size_t i = 0; i < s->n; i++)
        pg_elem_bool(a, s->all[i].it.tepat);
    pg_array_end(a);
    pg_array(a, PG_INT8);
    for (size_t i = 0; i < s->n; i++)
        pg_elem_int8(a, s->all[i].n);
    pg_array_end(a);
}

void
sums_write(struct worker *w)
{
    struct sums s = gather(w);

    if (!s.n)
        return;
    pg_args_reset(&w->args);
    put_texts(&w->args, &s, offsetof(struct sum, it.bulan));
    put_texts(&w->args, &s, offsetof(struct sum, kode));
    put_texts(&w->args, &s, offsetof(struct sum, it.ukuran));
    put_texts(&w->args, &s, offsetof(struct sum, it.satuan));
    put_numbers(&w->args, &s);
    pg_send(w->app->pg, &rekap_stmt, &w->args, NULL, NULL);
}
