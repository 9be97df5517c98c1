#include "tests/standin/api.h"

#include "common/base/clk.h"
#include "tests/standin/ending.h"
#include "tests/standin/gate.h"
#include "tests/standin/later.h"
#include "tests/standin/say.h"
#include "tests/standin/write.h"

enum { ANSWER_BYTES = 1 << 20 };

/* ---- every call ----------------------------------------------------------------------------------------------- */

/* Counts it and asks who calls; false: it has been answered. */
static bool
begin(struct call *c)
{
    struct stats *s = &c->x->stats;

    s->requests++;
    *(c->ask == ASK_POST     ? &s->post
      : c->ask == ASK_PUT    ? &s->put
      : c->ask == ASK_DELETE ? &s->deleted
                             : &s->get) += 1;
    return gate_pass(c->x, c->req);
}

static void
choose(struct call *c, struct choice choice)
{
    c->o = choice.outcome;
    c->step = choice.step;
    c->x->stats.steps += choice.step != NULL;
}

/* What the path names, or NULL: there never was such a one, or it was taken away. */
static struct book_reg *
named(const struct call *c)
{
    struct book_reg *reg = book_by_id(&c->x->book, server_seg(c->req, 0));

    return reg && !reg->gone ? reg : NULL;
}

static void
say_unknown(struct call *c)
{
    answer_error(c->x, c->req, 404, "TIDAK_ADA", NULL, NULL);
}

/* The code of a success, where a script has none of its own. */
static int
success(const struct call *c, int code)
{
    return c->o.code == 201 || c->o.code == 202 ? code : c->o.code;
}

static const struct telling *
telling(const struct call *c)
{
    return c->step ? &c->step->telling : &c->x->faults.telling;
}

/* ---- POST and PUT --------------------------------------------------------------------------------------------- */

struct act {
    struct call call;
    struct write w;
    struct book_key *key;
    struct book_nomor *nomor;
    struct book_reg *changes; /* PUT only */
    uint64_t what;            /* method, target and body, hashed; never 0 */
};

/* It ends later where it is diproses now, and where a script tells something of it. */
static bool
ends_later(const struct call *c)
{
    if (c->o.status != STATUS_DIPROSES)
        return c->step && c->step->told;
    return c->o.end != STATUS_DIPROSES || (c->step && c->step->told);
}

static struct book_new
what_is_new(const struct act *act)
{
    const struct standin *x = act->call.x;

    return (struct book_new){.key = act->key,
                             .nomor = act->nomor,
                             .revisi = act->w.revisi,
                             .putaran = act->w.putaran,
                             .url = x->callback_url ? str_of(x->callback_url) : act->w.body.url_callback,
                             .changes = act->changes,
                             .status = act->call.o.status,
                             .now_us = clk_us(clk_real())};
}

/* Nothing is answered. */
static void
register_later(struct act *act)
{
    struct call *c = &act->call;
    bool own = c->step && c->step->delay_ms >= 0;

    later_plan(c->x, &(struct later_plan){.what = what_is_new(act),
                                          .after_ms = own ? c->step->delay_ms : c->x->faults.late_ms,
                                          .end_told = ends_later(c) ? telling(c) : NULL,
                                          .end = c->o.end});
    say_failed(c, c->o.code);
}

static void
register_it(struct act *act)
{
    struct call *c = &act->call;
    struct standin *x = c->x;
    const struct telling *t = telling(c);
    const struct book_new n = what_is_new(act);
    struct book_reg *reg = book_add(&x->book, &n);
    bool first = t->first && ends_later(c) && c->o.sending != SEND_NOTHING;
    struct answer_held *held;

    if (!reg) {
        answer_error(x, c->req, 500, "MEMORI", NULL, NULL);
        return;
    }
    held =
        say_registered(c, act->changes && c->o.code == 201 ? 200 : c->o.code, reg, reg->first_status, first);
    if (first)
        ending_now(x, reg, c->o.end, t, held);
    else if (ends_later(c))
        ending_plan(x, reg, c->o.end, t);
}

/* The first call of its key, or one of an endpoint that does not know keys. */
static void
act_on(struct act *act)
{
    struct call *c = &act->call;

    if (c->o.effect == EFFECT_REFUSE) {
        act->key->refused = c->o.code;
        say_failed(c, c->o.code);
    } else if (c->o.late) {
        register_later(act);
    } else {
        register_it(act);
    }
}

static void
carry_out(struct act *act)
{
    struct call *c = &act->call;
    struct book_key *key = act->key;
    bool known = c->x->faults.idempotent && (key->first || key->refused);

    if (c->o.effect == EFFECT_NONE) {
        say_failed(c, c->o.code);
    } else if (known && key->body_hash != act->what) {
        answer_error(c->x, c->req, 409, "KUNCI_SUDAH_DIPAKAI", "Idempotency-Key", "Isi permintaan berbeda.");
    } else if (known && key->first) {
        say_registered(c, c->o.effect == EFFECT_ACT ? success(c, 200) : 200, key->first,
                       key->first->first_status, false);
    } else if (known) {
        c->o.sending = SEND_WHOLE;
        say_failed(c, key->refused);
    } else {
        key->body_hash = act->what;
        act_on(act);
    }
}

static uint64_t
what(enum ask ask, const struct book_reg *target, struct str body)
{
    uint64_t of = (uint64_t)ask << 32 | (target ? target->id : 0);

    return (str_hash(body) + of * 0x9e3779b97f4a7c15ULL) | 1;
}

static void
write_request(struct act *act)
{
    struct call *c = &act->call;
    struct standin *x = c->x;

    if (write_read(x, c->req, &act->w)) {
        act->key = book_key(&x->book, act->w.key);
        act->nomor = book_nomor(&x->book, act->w.body.nomor);
        act->what = what(c->ask, act->changes, server_body(c->req));
        if (act->key && act->nomor) {
            book_see(&x->book, act->key, act->nomor, c->ask, act->what, clk_us(clk_real()));
            choose(c, faults_choose(&x->faults, act->nomor, c->ask, act->w.key, act->key->tries++));
            carry_out(act);
        } else {
            answer_error(x, c->req, 500, "MEMORI", NULL, NULL);
        }
    }
    write_free(&act->w);
}

void
api_post(void *arg, struct server_req *req)
{
    struct act act = {.call = {.x = arg, .req = req, .ask = ASK_POST}};

    if (begin(&act.call))
        write_request(&act);
}

void
api_put(void *arg, struct server_req *req)
{
    struct act act = {.call = {.x = arg, .req = req, .ask = ASK_PUT}};

    if (!begin(&act.call))
        return;
    act.changes = named(&act.call);
    if (act.changes)
        write_request(&act);
    else
        say_unknown(&act.call);
}

/* ---- DELETE --------------------------------------------------------------------------------------------------- */

/* True where nothing of it is to be left: none that shares the id has been aktif. */
static bool
removes(const struct standin *x, const struct book_reg *reg)
{
    bool aktif = false;

    for (const struct book_reg *r = reg; r; r = r->same_id)
        aktif |= r->was_aktif;
    return x->faults.delete_removes && !aktif;
}

static void
switch_off(struct call *c, struct book_reg *reg, struct book_key *key)
{
    bool off = reg->status == STATUS_DINONAKTIFKAN;
    bool gone = removes(c->x, reg);
    bool later = !off && !gone && c->o.status == STATUS_DIPROSES;

    for (struct book_reg *r = reg; r; r = r->same_id) {
        ending_cancel(c->x, r);
        r->gone = gone;
    }
    if (!off) {
        book_set(&c->x->book, reg, later ? STATUS_DIPROSES : STATUS_DINONAKTIFKAN, clk_us(clk_real()));
        book_note_delete(&c->x->book, reg, key);
    }
    if (later && (c->o.end != STATUS_DIPROSES || (c->step && c->step->told)))
        ending_plan(c->x, reg, STATUS_DINONAKTIFKAN, telling(c));
    say_registered(c, success(c, later ? 202 : gone ? 204 : 200), reg, reg->status, false);
}

/* The number that it is about: its key's, as a pencabutan has one, else the registration's. */
static struct book_nomor *
nomor_of_key(struct book *b, struct str key)
{
    const char *end = key.n ? memrchr(key.p, ':', key.n) : NULL;

    end = end ? memrchr(key.p, ':', (size_t)(end - key.p)) : NULL;
    return end && end > key.p ? book_nomor(b, (struct str){key.p, (size_t)(end - key.p)}) : NULL;
}

void
api_delete(void *arg, struct server_req *req)
{
    struct call c = {.x = arg, .req = req, .ask = ASK_DELETE};
    struct str text = server_header(req, "Idempotency-Key");
    struct book_nomor *nomor = NULL;
    struct book_key *key = NULL;
    struct book_reg *reg;

    if (!begin(&c))
        return;
    reg = named(&c);
    if (!reg) {
        say_unknown(&c);
        return;
    }
    nomor = nomor_of_key(&c.x->book, text);
    key = nomor ? book_key(&c.x->book, text) : NULL;
    if (key)
        book_see(&c.x->book, key, nomor, ASK_DELETE, what(ASK_DELETE, reg, server_body(req)),
                 clk_us(clk_real()));
    if (!nomor)
        nomor = reg->nomor;
    choose(&c, faults_choose_other(&c.x->faults, nomor, ASK_DELETE, nomor->deletes++));
    if (c.o.effect == EFFECT_ACT)
        switch_off(&c, reg, key);
    else
        say_failed(&c, c.o.code);
}

/* ---- GET ------------------------------------------------------------------------------------------------------ */

/* Numbers are remembered for the sake of their GETs only where something is to happen to GETs. */
static struct book_nomor *
nomor_asked(struct call *c, struct str name)
{
    bool matters = c->x->faults.mix_get.n || c->x->faults.scripts.n;

    return matters && name.n ? book_nomor(&c->x->book, name) : NULL;
}

/* True when the GET goes on as it should. */
static bool
get_begins(struct call *c, struct str about)
{
    struct book_nomor *nomor = nomor_asked(c, about);

    choose(c, faults_choose_other(&c->x->faults, nomor, ASK_GET, nomor ? nomor->gets++ : 0));
    c->o.code = success(c, 200);
    if (c->o.effect == EFFECT_ACT)
        return true;
    say_failed(c, c->o.code);
    return false;
}

void
api_get(void *arg, struct server_req *req)
{
    struct call c = {.x = arg, .req = req, .ask = ASK_GET};
    struct buf b = buf_make(ANSWER_BYTES);
    struct book_reg *reg;

    if (!begin(&c))
        return;
    reg = named(&c);
    if (!get_begins(&c, reg ? (struct str){reg->nomor->name.z, reg->nomor->name.n} : server_path(req)))
        return;
    if (!reg) {
        say_unknown(&c);
        return;
    }
    say_state(reg, &b);
    buf_char(&b, '\n');
    say_read(&c, reg, buf_view(&b));
    buf_free(&b);
}

void
api_list(void *arg, struct server_req *req)
{
    struct call c = {.x = arg, .req = req, .ask = ASK_GET};
    struct str nomor = server_query(req, "nomor_permohonan");
    struct book_nomor *found = book_find(&c.x->book, nomor);
    struct buf b = buf_make(ANSWER_BYTES);
    const char *comma = "";

    if (!begin(&c) || !get_begins(&c, nomor))
        return;
    if (!nomor.n) {
        answer_error(c.x, req, 400, "PARAMETER", "nomor_permohonan", "Wajib diisi.");
        return;
    }
    buf_char(&b, '[');
    for (const struct book_reg *r = found ? found->newest : NULL; r && b.n < ANSWER_BYTES / 2; r = r->older) {
        if (r->gone)
            continue;
        buf_z(&b, comma);
        say_state(r, &b);
        comma = ",";
    }
    buf_z(&b, "]\n");
    say_read(&c, NULL, buf_view(&b));
    buf_free(&b);
}
