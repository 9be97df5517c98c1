#include "workers/validator/validator.h"

#include "common/json/scan.h"

enum { KODE_MAX = 64 }; /* bytes of a kode_opd that is indexed */

/* What the other requests of the database hold of the names and letters that this part asks about. */
struct held_key {
    bool letter;
    struct str kode_opd, key;
};

/* A request of the part that holds a name or a letter, or held it before in this part. */
struct holder {
    const struct berkas *b;
    struct holder *next;
};

struct others {
    const struct flow_item *first; /* of the part; keys[i] are those of first[i] */
    struct form_keys *keys;
    size_t n;
    struct held_key *held;
    size_t nheld;
    struct holder **holders; /* by the hash of the name or letter; NULL until somebody asks */
    size_t mask;
    struct str *officers; /* active ones among those that the part's reviews name */
    size_t nofficers;
};

/* Forms that wait may get their turn in this part, so their keys are asked about too. */
#define WAITING(column)                                                                                      \
    "select p.kode_opd, t." column " from pemeriksaan_tahan t join pemeriksaan p using (nomor_permohonan)"   \
    " where t.nomor_permohonan = any($3::text[]) and t." column " is not null"
#define ASKED(one, two, column)                                                                              \
    "(select * from unnest($" one "::text[], $" two "::text[]) union " WAITING(column) ") u(kode, key)"
#define HOLDER(column)                                                                                       \
    " cross join lateral (select from pemeriksaan p where p.kode_opd = u.kode and p." column                 \
    " = u.key and p.nomor_permohonan <> all($3::text[]) limit 1) p"

/* In rising order, after the rows: transactions that wait for each other wait in one direction only. */
static const struct pg_stmt order_stmt = {
    "validator_order",
    "select pg_advisory_xact_lock(h) from (select distinct hashtextextended(concat_ws(E'\\x1f', "
    "current_schema(), u.kode, u.key), 0) h from " ASKED("1", "2", "kunci") " order by h offset 0) o"};

/* A statement of its own: it must see what those who held the locks have committed. */
static const struct pg_stmt others_stmt = {
    "validator_others",
    "select false, u.kode, u.key from " ASKED("1", "2", "kunci")
        HOLDER("kunci") " union all "
                        "select true, u.kode, u.key from " ASKED("4", "5", "surat") HOLDER("surat")};

static const struct pg_stmt officers_stmt = {"validator_officers",
                                             "select id from officer where aktif and id = any($1::text[])"};

/* ---- before the rows are locked --------------------------------------------------------------------------------- */

static const struct event *
live_event(const struct flow_item *it, enum fact_type type)
{
    const struct event *ev = flow_live(it) ? item_event(it) : NULL;

    return ev && ev->fact.type == type ? ev : NULL;
}

void
others_begin(struct worker *w, const struct flow_batch *b)
{
    struct validator *v = w->own;
    struct others *o = arena_new(&w->arena, sizeof *o);

    *o = (struct others){.first = b->items, .n = b->n};
    o->keys = arena_new(&w->arena, (b->n + 1) * sizeof *o->keys);
    v->others = o;
    for (size_t i = 0; i < b->n; i++) {
        const struct event *ev = live_event(&b->items[i], FACT_SUBMITTED);

        if (!ev)
            continue;
        keys_read(&w->arena, form_of(ev)->keys, &o->keys[i]);
        if (o->keys[i].asal.n)
            worker_also(w, o->keys[i].asal);
    }
}

const struct form_keys *
others_keys(const struct worker *w, const struct flow_item *it)
{
    const struct others *o = ((const struct validator *)w->own)->others;

    return live_event(it, FACT_SUBMITTED) ? &o->keys[it - o->first] : NULL;
}

/* ---- asking ----------------------------------------------------------------------------------------------------- */

static struct str
asked_kode(const struct flow_item *it)
{
    const struct event *ev = live_event(it, FACT_SUBMITTED);
    struct str kode = ev ? fact_sender(ev->ce.source) : STR_NULL;

    return kode.n <= KODE_MAX ? kode : STR_NULL;
}

/* Two arrays: the senders and the keys, `member` of struct form_keys, of the forms that have both. */
static void
put_asked(struct worker *w, const struct others *o, size_t member)
{
    for (unsigned which = 0; which < 2; which++) {
        pg_array(&w->args, PG_TEXT);
        for (size_t i = 0; i < o->n; i++) {
            struct str key = *(const struct str *)(const void *)((const char *)&o->keys[i] + member);
            struct str kode = asked_kode(&o->first[i]);

            if (key.n && kode.n)
                pg_elem_text(&w->args, which ? key : kode);
        }
        pg_array_end(&w->args);
    }
}

static void
put_part(struct worker *w)
{
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < w->n; i++)
        pg_elem_text(&w->args, w->all[i].nomor);
    pg_array_end(&w->args);
}

static void
on_held(void *arg, const PGresult *r)
{
    struct worker *w = arg;
    struct others *o = ((struct validator *)w->own)->others;

    o->nheld = (size_t)PQntuples(r);
    o->held = arena_new(&w->arena, (o->nheld + 1) * sizeof *o->held);
    for (int i = 0; i < PQntuples(r); i++)
        o->held[i] = (struct held_key){pg_int(r, i, 0), arena_str(&w->arena, pg_text(r, i, 1)),
                                       arena_str(&w->arena, pg_text(r, i, 2))};
}

static void
send_order(struct worker *w, const struct others *o)
{
    pg_args_reset(&w->args);
    put_asked(w, o, offsetof(struct form_keys, kunci));
    put_part(w);
    pg_send(w->app->pg, &order_stmt, &w->args, NULL, NULL);
    put_asked(w, o, offsetof(struct form_keys, surat));
    pg_send(w->app->pg, &others_stmt, &w->args, on_held, w);
}

static void
on_officers(void *arg, const PGresult *r)
{
    struct worker *w = arg;
    struct others *o = ((struct validator *)w->own)->others;

    o->nofficers = (size_t)PQntuples(r);
    o->officers = arena_new(&w->arena, (o->nofficers + 1) * sizeof *o->officers);
    for (int i = 0; i < PQntuples(r); i++)
        o->officers[i] = arena_str(&w->arena, pg_text(r, i, 0));
}

static void
send_officers(struct worker *w, const struct flow_batch *b)
{
    struct buf tmp = buf_make(4096);

    pg_args_reset(&w->args);
    pg_array(&w->args, PG_TEXT);
    for (size_t i = 0; i < b->n; i++) {
        const struct event *ev = live_event(&b->items[i], FACT_REVIEW);
        struct str id = ev ? scan_string(scan_get(ev->ce.data, "pemeriksa"), &tmp) : STR_NULL;

        if (id.n)
            pg_elem_text(&w->args, id);
        buf_reset(&tmp);
    }
    pg_array_end(&w->args);
    pg_send(w->app->pg, &officers_stmt, &w->args, on_officers, w);
    buf_free(&tmp);
}

/* Bedelau's word that an integration is aktif counts for the whole batch it came in: who has seen it elsewhere may
 * have asked for a change already. */
static void
foresee(struct worker *w, const struct flow_item *it)
{
    const struct event *ev = live_event(it, FACT_I_COMPLETED);
    struct berkas *b = ev ? worker_find(w, ev->subject) : NULL;
    struct periksa *p = b ? b->more : NULL;

    if (p && !str_is(ev->fact.status_bedelau, "dinonaktifkan"))
        p->akan_aktif = true;
}

void
others_load(struct worker *w, const struct flow_batch *b)
{
    const struct others *o = ((const struct validator *)w->own)->others;
    bool forms = false;
    bool reviews = false;
    bool answers = false;

    for (size_t i = 0; i < b->n; i++) {
        forms |= live_event(&b->items[i], FACT_SUBMITTED) != NULL;
        reviews |= live_event(&b->items[i], FACT_REVIEW) != NULL;
        answers |= !b->items[i].rkm;
        foresee(w, &b->items[i]);
    }
    /* The last two may return a form, and then one that waits has its turn. */
    if (forms || reviews || answers)
        send_order(w, o);
    if (reviews)
        send_officers(w, b);
}

bool
others_officer(const struct worker *w, struct str id)
{
    const struct others *o = ((const struct validator *)w->own)->others;

    for (size_t i = 0; i < o->nofficers; i++)
        if (str_eq(o->officers[i], id))
            return true;
    return false;
}

/* ---- answering -------------------------------------------------------------------------------------------------- */

static bool
held_elsewhere(const struct others *o, bool letter, struct str kode, struct str key)
{
    for (size_t i = 0; i < o->nheld; i++)
        if (o->held[i].letter == letter && str_eq(o->held[i].key, key) && str_eq(o->held[i].kode_opd, kode))
            return true;
    return false;
}

static void
note_holder(struct worker *w, const struct berkas *b, struct str key)
{
    struct others *o = ((struct validator *)w->own)->others;
    struct holder *h;
    struct holder **at = &o->holders[str_hash(key) & o->mask];

    if (!key.n)
        return;
    h = arena_new(&w->arena, sizeof *h);
    *h = (struct holder){b, *at};
    *at = h;
}

static void
index_holders(struct worker *w, struct others *o)
{
    size_t n = 1;

    while (n < 2 * w->n)
        n *= 2;
    o->holders = arena_new(&w->arena, n * sizeof(struct holder *));
    o->mask = n - 1;
    for (size_t i = 0; i < w->n; i++) {
        const struct periksa *p = w->all[i].more;

        note_holder(w, &w->all[i], p->kunci);
        note_holder(w, &w->all[i], p->surat);
    }
}

/* Requests of the part are known as they stand now, not as the database has them. */
static bool
held_here(const struct others *o, const struct berkas *but, bool letter, struct str key)
{
    const struct periksa *mine = but->more;

    for (const struct holder *h = o->holders[str_hash(key) & o->mask]; h; h = h->next) {
        const struct periksa *p = h->b->more;

        if (h->b != but && str_eq(letter ? p->surat : p->kunci, key) && str_eq(p->kode_opd, mine->kode_opd))
            return true;
    }
    return false;
}

static enum known
held_by_another(const struct worker *w, const struct berkas *b, bool letter, struct str key)
{
    const struct validator *v = w->own;
    const struct periksa *p = b->more;

    if (!key.n || !p->kode_opd.n || p->kode_opd.n > KODE_MAX)
        return KNOWN_NOT;
    return held_here(v->others, b, letter, key) || held_elsewhere(v->others, letter, p->kode_opd, key)
               ? KNOWN_YES
               : KNOWN_NO;
}

static enum known
original_active(struct worker *w, const struct berkas *b, const struct tahan *form)
{
    const struct periksa *mine = b->more;
    const struct berkas *original = form->keys.asal.n ? worker_find(w, form->keys.asal) : NULL;
    const struct periksa *p = original ? original->more : NULL;

    if (!form->keys.asal.n)
        return KNOWN_NOT;
    if (!p)
        return form->original_active; /* it waited: as it stood when this part was loaded */
    return (p->aktif || p->akan_aktif) && str_eq(p->kode_opd, mine->kode_opd) ? KNOWN_YES : KNOWN_NO;
}

void
others_ask(struct worker *w, struct berkas *b, struct tahan *form)
{
    struct others *o = ((struct validator *)w->own)->others;
    struct periksa *p = b->more;
    const struct form_keys *k = &form->keys;

    if (!o->holders)
        index_holders(w, o);
    form->original_active = original_active(w, b, form);
    form->letter_seen = held_by_another(w, b, true, k->surat);
    form->duplicate_open = held_by_another(w, b, false, k->kunci);
    if (k->kunci.n && str_eq(p->kunci, k->kunci))
        form->duplicate_open = KNOWN_NO; /* it was first and goes on being so */
    p->kunci = form->duplicate_open == KNOWN_NO ? k->kunci : STR_NULL;
    p->surat = form->letter_seen == KNOWN_NOT ? STR_NULL : k->surat;
    note_holder(w, b, p->kunci);
    note_holder(w, b, p->surat);
}
