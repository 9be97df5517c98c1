#include "producers/ctl/refold.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/pg/pg.h"
#include "workers/sop/record.h"
#include "workers/sop/rows.h"

enum { REQUESTS = 500, SQL_MAX = 65536, TOLD_MAX = 4 << 20 };

/* A request that is being folded, and then waits to be written. */
struct folded {
    struct str nomor;
    struct dossier d;
    struct record rec;
    int64_t versi;
    struct str fakta;
};

struct folding {
    struct refold *r;
    struct event_opts opts;
    struct arena arena;
    struct buf told;
    struct pg_args args;
    struct folded all[REQUESTS];
    size_t n; /* the last of them is being folded */
};

/* Columns of the cursor. */
enum {
    F_SEQ,
    F_SOURCE,
    F_ID,
    F_TYPE,
    F_SUBJECT,
    F_DATA,
    F_TOPIC,
    F_PARTITION,
    F_OFFSET,
    F_APPEND,
    F_EFFECTIVE,
    F_REVISI,
    F_HASH,
    F_CHAIN,
    F_FORGOTTEN
};

/* Facts in the order in which they were recorded, then the earlier copies of some. */
static void
put_facts(struct buf *b, const char *log)
{
    buf_printf(b,
               "declare facts no scroll cursor for select f.*, exists (select from forgotten g where"
               " g.nomor_permohonan = f.subject) from ("
               "select seq, source, id, type, subject, data, topic, partition, kafka_offset, append_at, "
               "effective_at, coalesce(revisi, 0), data_hash, chain from %sevent"
               " union all select null::bigint, source, id, type, subject, null, topic, partition, "
               "kafka_offset, append_at, effective_at, 0, null, null from %sevent_copy) f"
               " where ($1::text is null or f.subject = $1) and ($2::bigint < 0 or f.subject in"
               " (select subject from %sevent where seq > $2::bigint union all select subject from "
               "%sevent_copy where seq > $3::bigint))"
               " order by f.subject, f.seq nulls last",
               log, log, log, log);
}

enum res
refold_tables(struct ctl *c)
{
    static const char *const all[] = {
        "create temp table new_request on commit preserve rows as select * from request with no data",
        "alter table new_request add primary key (nomor_permohonan)",
        "create temp table new_clock on commit preserve rows as select * from clock with no data",
        "alter table new_clock add primary key (nomor_permohonan, revisi, tahap)"};
    enum res res = RES_OK;

    for (unsigned i = 0; i < 4 && res == RES_OK; i++)
        res = ctl_exec(c, all[i], 0, NULL, NULL);
    return res;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static enum res
send_args(struct folding *f, const char *sql)
{
    struct ctl *c = f->r->c;
    struct pg_params p;
    PGresult *r;

    if (f->args.bytes.failed)
        return err_set(&c->e, RES_RETRY, "out of memory");
    pg_args_params(&f->args, &p);
    r = ctl_query_params(c, sql, (int)f->args.n, &p);
    PQclear(r);
    return r ? RES_OK : c->e.res;
}

/* Each statement's first parameter: which requests. */
static void
begin_args(struct folding *f)
{
    pg_args_reset(&f->args);
    pg_array(&f->args, PG_TEXT);
    for (size_t i = 0; i < f->n; i++)
        pg_elem_text(&f->args, f->all[i].nomor);
    pg_array_end(&f->args);
}

static enum res
forget_old(struct folding *f)
{
    enum res res;

    begin_args(f);
    res = send_args(f, "delete from new_request where nomor_permohonan = any($1::text[])");
    return res == RES_OK ? send_args(f, "delete from new_clock where nomor_permohonan = any($1::text[])")
                         : res;
}

static enum res
write_requests(struct folding *f)
{
    const void *rows[REQUESTS];
    struct buf sql = buf_make(SQL_MAX);
    enum res res;

    begin_args(f);
    pg_array(&f->args, PG_INT8);
    for (size_t i = 0; i < f->n; i++)
        pg_elem_int8(&f->args, f->all[i].versi);
    pg_array_end(&f->args);
    pg_array(&f->args, PG_TEXT);
    for (size_t i = 0; i < f->n; i++)
        pg_elem_text(&f->args, f->all[i].fakta);
    pg_array_end(&f->args);
    for (size_t i = 0; i < f->n; i++)
        rows[i] = &f->all[i].rec;
    columns_put(&f->args, record_columns, rows, f->n);
    buf_z(&sql, "insert into new_request (nomor_permohonan, versi, fakta, ");
    columns_names(record_columns, &sql);
    buf_z(&sql, ") select * from unnest($1::text[], $2::bigint[], $3::text[], ");
    columns_arrays(record_columns, 4, &sql);
    buf_char(&sql, ')');
    res = send_args(f, sql.p);
    buf_free(&sql);
    return res;
}

/* Appends the clocks of one request; of each its newest state is all that a dossier keeps. */
static size_t
list_clocks(const struct folded *q, struct record_clock *out)
{
    size_t n = 0;

    for (size_t i = 0; i < q->d.n; i++)
        if (q->d.facts[i].type == FACT_DEADLINE && record_clock(&q->d.facts[i], q->nomor, &out[n]))
            n += !out[n].gone;
    return n;
}

static enum res
write_clocks(struct folding *f)
{
    struct record_clock *rows;
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        n += f->all[i].d.n;
    rows = arena_new(&f->arena, (n + 1) * sizeof *rows);
    n = 0;
    for (size_t i = 0; i < f->n; i++)
        n += list_clocks(&f->all[i], rows + n);
    if (!n)
        return RES_OK;
    pg_args_reset(&f->args);
    record_put_clocks(&f->args, rows, n);
    return send_args(f,
                     "insert into new_clock (nomor_permohonan, revisi, tahap, mulai, batas, satuan, status,"
                     " berakhir, hari_terpakai, kalender, urutan) select * from unnest($1::text[],"
                     " $2::int[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[],"
                     " $8::timestamptz[], $9::int[], $10::text[], $11::bigint[])");
}

static enum res
flush(struct folding *f)
{
    enum res res = RES_OK;

    if (!f->n)
        return RES_OK;
    for (size_t i = 0; i < f->n; i++) {
        buf_reset(&f->told);
        dossier_write(&f->all[i].d, &f->told);
        f->all[i].fakta = arena_str(&f->arena, buf_view(&f->told));
        record_sums(&f->all[i].rec, &f->arena, &f->told);
    }
    if (f->r->after_seq >= 0)
        res = forget_old(f);
    if (res == RES_OK)
        res = write_requests(f);
    if (res == RES_OK)
        res = write_clocks(f);
    f->r->requests += (int64_t)f->n;
    f->n = 0;
    arena_reset(&f->arena);
    return res;
}

/* ---- folding ---------------------------------------------------------------------------------------------------- */

static void
tell_flaw(const struct folding *f, const PGresult *row, int i, const char *what)
{
    const struct refold_flaw flaw = {PQgetvalue(row, i, F_SUBJECT), pg_int(row, i, F_SEQ), what};

    if (f->r->flaw)
        f->r->flaw(f->r->arg, &flaw);
}

static struct fact_row
read_row(const PGresult *r, int i)
{
    return (struct fact_row){.source = pg_text(r, i, F_SOURCE),
                             .id = pg_text(r, i, F_ID),
                             .type = pg_text(r, i, F_TYPE),
                             .subject = pg_text(r, i, F_SUBJECT),
                             .data = pg_text(r, i, F_DATA),
                             .topic = pg_text(r, i, F_TOPIC),
                             .partition = (int32_t)pg_int(r, i, F_PARTITION),
                             .offset = pg_int(r, i, F_OFFSET),
                             .append_us = pg_time(r, i, F_APPEND),
                             .effective_us = pg_time(r, i, F_EFFECTIVE),
                             .revisi = (int32_t)pg_int(r, i, F_REVISI)};
}

/* The hash is of what came; what is kept may lack a value that should not have been sent. */
static void
check_data(struct folding *f, const PGresult *r, int i)
{
    struct str data = pg_text(r, i, F_DATA);
    enum fact_type type = fact_type_of(pg_text(r, i, F_TYPE));
    unsigned char digest[HASH_SIZE];

    hash_sha256(data, digest);
    if (str_eq(pg_text(r, i, F_HASH), (struct str){(const char *)digest, HASH_SIZE}))
        return;
    if (pg_int(r, i, F_FORGOTTEN) && type != FACT_DEADLINE && type != FACT_WARNED &&
        strstr(data.p, "\"dilupakan\":true"))
        f->r->forgotten++;
    else if (fact_is_outside(type) && strstr(data.p, "\"***\""))
        f->r->masked++;
    else
        tell_flaw(f, r, i, "altered_data");
}

/* Goes on from the stored link, so that one altered fact is told once. */
static void
check_chain(struct folding *f, struct folded *q, const PGresult *r, int i)
{
    struct record_link link = {pg_text(r, i, F_SOURCE),    pg_text(r, i, F_ID),
                               pg_text(r, i, F_TYPE),      pg_text(r, i, F_HASH),
                               pg_time(r, i, F_EFFECTIVE), pg_time(r, i, F_APPEND),
                               pg_text(r, i, F_TOPIC),     (int32_t)pg_int(r, i, F_PARTITION),
                               pg_int(r, i, F_OFFSET)};
    struct str stored = pg_text(r, i, F_CHAIN);
    unsigned char want[RECORD_CHAIN];

    if (PQgetisnull(r, i, F_CHAIN)) {
        f->r->unlinked++;
        if (q->rec.chain.p)
            tell_flaw(f, r, i, "without_link");
        return;
    }
    record_chain(q->rec.chain, &link, want);
    if (!str_eq(stored, (struct str){(const char *)want, RECORD_CHAIN}))
        tell_flaw(f, r, i, "broken_chain");
    q->rec.chain = arena_str(&f->arena, stored);
}

static void
add_copy(struct folding *f, struct folded *q, const PGresult *r, int i)
{
    struct fact_row row = read_row(r, i);
    struct fact copy = {.type = fact_type_of(row.type),
                        .source = row.source,
                        .id = row.id,
                        .time_us = row.effective_us,
                        .append = fact_place(&f->opts, &row)};

    dossier_again(&q->d, &copy);
}

static void
add_fact(struct folding *f, struct folded *q, const PGresult *r, int i)
{
    struct fact_row row = read_row(r, i);
    struct event *ev;
    struct err e = {0};

    f->r->facts++;
    check_data(f, r, i);
    check_chain(f, q, r, i);
    if (event_restore(&f->opts, &row, &ev, &e) != RES_OK) {
        tell_flaw(f, r, i, "unreadable");
        return;
    }
    dossier_add(&q->d, &ev->fact);
    record_count(&q->rec, ev);
    event_free(ev);
}

static enum res
begin_request(struct folding *f, struct str nomor)
{
    enum res res = f->n == REQUESTS ? flush(f) : RES_OK;
    struct folded *q = &f->all[f->n++];

    *q = (struct folded){
        .nomor = arena_str(&f->arena, nomor), .d = dossier_make(&f->arena), .rec = {.counts = true}};
    return res;
}

static enum res
take(struct folding *f, const PGresult *r, int i)
{
    struct str nomor = pg_text(r, i, F_SUBJECT);
    struct folded *q = f->n ? &f->all[f->n - 1] : NULL;
    enum res res = RES_OK;
    int64_t before;

    if (!q || !str_eq(q->nomor, nomor))
        res = begin_request(f, nomor);
    q = &f->all[f->n - 1];
    before = q->rec.sidik;
    if (PQgetisnull(r, i, F_SEQ))
        add_copy(f, q, r, i);
    else
        add_fact(f, q, r, i);
    record_fold(&q->d, q->nomor, &q->rec, &f->told);
    q->versi += q->rec.sidik != before;
    return res;
}

static enum res
fetch(struct folding *f, bool *more)
{
    struct ctl *c = f->r->c;
    PGresult *r = ctl_query_params(c, "fetch 1000 from facts", 0, NULL);
    enum res res = r ? RES_OK : c->e.res;
    int n = r ? PQntuples(r) : 0;

    for (int i = 0; i < n && res == RES_OK; i++)
        res = take(f, r, i);
    PQclear(r);
    *more = n > 0;
    if (f->r->progress)
        f->r->progress(f->r->arg, f->r->facts);
    return res;
}

enum res
refold_run(struct refold *r)
{
    struct folding *f = calloc(1, sizeof *f);
    char after[32];
    char after_copy[32];
    const char *args[] = {r->only, after, after_copy};
    struct buf sql = buf_make(SQL_MAX);
    bool more = true;
    enum res res;

    if (!f)
        return err_set(&r->c->e, RES_RETRY, "out of memory");
    f->r = r;
    f->opts = (struct event_opts){r->c->set.topic_prefix, r->c->sop.event_max, 0};
    f->told = buf_make(TOLD_MAX);
    f->args = pg_args_make();
    snprintf(after, sizeof after, "%lld", (long long)r->after_seq);
    snprintf(after_copy, sizeof after_copy, "%lld", (long long)r->after_copy);
    put_facts(&sql, r->log ? r->log : "");
    res = ctl_exec(r->c, sql.p, 3, args, NULL);
    buf_free(&sql);
    while (res == RES_OK && more)
        res = fetch(f, &more);
    if (res == RES_OK)
        res = flush(f);
    if (res == RES_OK)
        res = ctl_exec(r->c, "close facts", 0, NULL, NULL);
    arena_free(&f->arena);
    pg_args_free(&f->args);
    buf_free(&f->told);
    free(f);
    return res;
}

/* ---- old and new ------------------------------------------------------------------------------------------------ */

/* A table of the record: its key and the columns that are compared. */
struct side {
    const char *name;
    const char *key;
    const char *names; /* NULL: those of struct record */
};
static const struct side sides[] = {
    {"request", "nomor_permohonan", NULL},
    {"clock", "nomor_permohonan, revisi, tahap",
     "mulai, batas, satuan, status, berakhir, hari_terpakai, kalender, urutan"},
};

/* "(o.a, o.b) is distinct from (n.a, n.b)" */
static void
put_differ(struct buf *b, const char *names, const char *other)
{
    for (int side = 0; side < 2; side++) {
        buf_z(b, side ? " is distinct from (" : "(");
        for (const char *p = names; *p;) {
            size_t n = strcspn(p, ",");

            buf_printf(b, "%s%s.%.*s", p == names ? "" : ", ", side ? other : "o", (int)n, p);
            p += n + strspn(p + n, ", ");
        }
        buf_char(b, ')');
    }
}

static void
names_of(const struct side *s, struct buf *b)
{
    if (s->names)
        buf_z(b, s->names);
    else
        columns_names(record_columns, b);
}

/* Of rows that were last written before these were kept they are not there. */
static const char *const beside[] = {"hitungan", "anomali"};

static void
leave_out(struct buf *names)
{
    struct buf left = buf_make(4096);

    for (const char *p = names->p; *p;) {
        size_t n = strcspn(p, ",");
        bool out = false;

        for (unsigned i = 0; i < 2; i++)
            out |= n == strlen(beside[i]) && strncmp(p, beside[i], n) == 0;
        if (!out)
            buf_printf(&left, "%s%.*s", left.n ? ", " : "", (int)n, p);
        p += n + strspn(p + n, ", ");
    }
    buf_reset(names);
    buf_str(names, buf_view(&left));
    buf_free(&left);
}

static void
put_compare(struct buf *b, const struct side *s)
{
    struct buf names = buf_make(4096);

    names_of(s, &names);
    leave_out(&names);
    buf_printf(
        b,
        "select nomor_permohonan, '%s' as place, case when o.nomor_permohonan is null then 'missing' when"
        " n.nomor_permohonan is null then 'unfounded' else 'different' end as what,"
        " case when o.nomor_permohonan is not null and n.nomor_permohonan is not null then"
        " (select string_agg(key, ' ' order by key) from jsonb_each(to_jsonb(o)) a"
        " join jsonb_each(to_jsonb(n)) c using (key) where a.value is distinct from c.value"
        " and (key = any(string_to_array('%s', ', ')) or key in ('hitungan', 'anomali') and to_jsonb(o) ->> "
        "'hitungan' is not null)) end as columns"
        " from (select * from %s where $1::text is null or nomor_permohonan = $1) o"
        " full join new_%s n using (%s) where o.nomor_permohonan is null or"
        " n.nomor_permohonan is null or ",
        s->name, names.p, s->name, s->name, s->key);
    put_differ(b, names.p, "n");
    if (!s->names)
        buf_z(b, " or (o.hitungan is not null and (o.hitungan, o.anomali) is distinct from (n.hitungan, "
                 "n.anomali))");
    buf_free(&names);
}

/* The sums of the month against what the requests count for. */
static const char sums_sql[] =
    " union all select coalesce(r.kode_opd, w.kode_opd) || ' ' || to_char(coalesce(r.bulan, w.bulan), "
    "'YYYY-MM'), 'rekap',"
    " case when r.bulan is null then 'missing' when w.bulan is null then 'unfounded' else 'different' end,"
    " coalesce(r.ukuran, w.ukuran) from (select * from rekap where jumlah <> 0) r full join (select k.*, "
    "count(*) as n"
    " from new_request q, rekap_urai(q.rekap) k group by 1, 2, 3, 4, 5, 6) w"
    " using (bulan, kode_opd, ukuran, satuan, hari, tepat) where coalesce(r.jumlah, 0) <> coalesce(w.n, 0)";

PGresult *
refold_compare(struct ctl *c, const char *only)
{
    struct buf sql = buf_make(SQL_MAX);
    PGresult *r;

    put_compare(&sql, &sides[0]);
    buf_z(&sql, " union all ");
    put_compare(&sql, &sides[1]);
    if (!only)
        buf_z(&sql, sums_sql);
    buf_z(&sql, " order by 1, 2, 3");
    r = ctl_query(c, sql.p, 1, &only);
    buf_free(&sql);
    return r;
}

/* What the log does not give goes. */
static enum res
swap_out(struct ctl *c, const struct side *s, int64_t *n)
{
    struct buf sql = buf_make(SQL_MAX);
    enum res res;

    buf_printf(&sql, "delete from %s o where (%s) in (select %s from %s except select %s from new_%s)",
               s->name, s->key, s->key, s->name, s->key, s->name);
    res = ctl_exec(c, sql.p, 0, NULL, n);
    buf_free(&sql);
    return res;
}

static enum res
swap_in(struct ctl *c, const struct side *s, int64_t *n)
{
    struct buf sql = buf_make(SQL_MAX);
    struct buf names = buf_make(4096);
    bool request = !s->names;
    enum res res;

    names_of(s, &names);
    if (request)
        buf_z(&names, ", fakta");
    buf_printf(
        &sql,
        "insert into %s as o (%s%s, %s) select %s%s, %s from new_%s as n on conflict (%s) do update set ",
        s->name, s->key, request ? ", versi" : "", names.p, s->key, request ? ", versi" : "", names.p,
        s->name, s->key);
    for (const char *p = names.p; *p;) {
        size_t len = strcspn(p, ",");

        buf_printf(&sql, "%s%.*s = excluded.%.*s", p == names.p ? "" : ", ", (int)len, p, (int)len, p);
        p += len + strspn(p + len, ", ");
    }
    if (request)
        buf_z(&sql, ", versi = greatest(o.versi, excluded.versi)");
    buf_z(&sql, " where ");
    put_differ(&sql, names.p, "excluded");
    res = ctl_exec(c, sql.p, 0, NULL, n);
    buf_free(&names);
    buf_free(&sql);
    return res;
}

enum res
refold_swap(struct ctl *c, int64_t *changed)
{
    enum res res = RES_OK;

    *changed = 0;
    for (unsigned i = 0; i < 2 && res == RES_OK; i++) {
        int64_t out = 0;
        int64_t in = 0;

        res = swap_out(c, &sides[i], &out);
        if (res == RES_OK)
            res = swap_in(c, &sides[i], &in);
        *changed += out + in;
    }
    return res == RES_OK ? ctl_exec(c, "select rekap_jumlahkan()", 0, NULL, NULL) : res;
}
