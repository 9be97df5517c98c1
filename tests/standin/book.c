#include "tests/standin/book.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- tables --------------------------------------------------------------------------------------------------- */

static struct book_name **
place(const struct book_table *t, struct str s, uint64_t hash)
{
    size_t i = hash & (t->cap - 1);

    while (t->slot[i] && (t->slot[i]->hash != hash || !str_eq((struct str){t->slot[i]->z, t->slot[i]->n}, s)))
        i = (i + 1) & (t->cap - 1);
    return &t->slot[i];
}

static bool
room(struct book_table *t)
{
    struct book_table wide = {.cap = t->cap ? t->cap * 2 : 1024, .n = t->n};

    if ((t->n + 1) * 3 <= t->cap * 2)
        return true;
    wide.slot = calloc(wide.cap, sizeof *wide.slot);
    if (!wide.slot)
        return false;
    for (size_t i = 0; i < t->cap; i++)
        if (t->slot[i])
            *place(&wide, (struct str){t->slot[i]->z, t->slot[i]->n}, t->slot[i]->hash) = t->slot[i];
    free(t->slot);
    *t = wide;
    return true;
}

static struct book_name *
lookup(const struct book_table *t, struct str s)
{
    return t->cap ? *place(t, s, str_hash(s)) : NULL;
}

/* Found, or made with `size` zeroed bytes in front of its text. */
static struct book_name *
intern(struct book_table *t, struct str s, size_t size)
{
    struct book_name *e = lookup(t, s);

    if (e || !room(t))
        return e;
    e = calloc(1, size + s.n + 1);
    if (!e)
        return NULL;
    *e = (struct book_name){.hash = str_hash(s), .n = s.n, .z = (char *)e + size};
    if (s.n)
        memcpy(e->z, s.p, s.n);
    *place(t, s, e->hash) = e;
    t->n++;
    return e;
}

static void
clear_table(struct book_table *t)
{
    for (size_t i = 0; i < t->cap; i++)
        free(t->slot[i]);
    free(t->slot);
    *t = (struct book_table){0};
}

struct book_key *
book_key(struct book *b, struct str key)
{
    return (struct book_key *)(void *)intern(&b->keys, key, sizeof(struct book_key));
}

struct book_nomor *
book_nomor(struct book *b, struct str nomor)
{
    return (struct book_nomor *)(void *)intern(&b->nomors, nomor, sizeof(struct book_nomor));
}

struct book_nomor *
book_find(const struct book *b, struct str nomor)
{
    return (struct book_nomor *)(void *)lookup(&b->nomors, nomor);
}

/* ---- registrations -------------------------------------------------------------------------------------------- */

/* `list` with room for one more of `size` bytes, perhaps elsewhere; NULL when memory is out: it is as it was then. */
static void *
grow(void *list, size_t *cap, size_t n, size_t size)
{
    size_t want = *cap ? *cap * 2 : 1024;
    void *wide;

    if (n < *cap)
        return list;
    wide = realloc(list, want * size);
    if (wide)
        *cap = want;
    return wide;
}

/* Room for one more registration. */
static bool
grow_regs(struct book *b)
{
    struct book_reg **regs = grow(b->regs, &b->regs_cap, b->regs_n, sizeof(struct book_reg *));
    struct book_reg **ids;

    if (!regs)
        return false;
    b->regs = regs;
    ids = grow(b->ids, &b->ids_cap, b->ids_n, sizeof(struct book_reg *));
    if (!ids)
        return false;
    b->ids = ids;
    return true;
}

struct book_reg *
book_by_id(const struct book *b, struct str id)
{
    int64_t n;

    if (id.n != 14 || !str_starts(id, STR("INT-")) || !str_int((struct str){id.p + 4, 10}, &n) || n < 1 ||
        n > b->ids_n)
        return NULL;
    return b->ids[n - 1];
}

void
book_id(const struct book_reg *reg, char out[20])
{
    snprintf(out, 20, "INT-%010u", reg->id);
}

static bool
effective(enum status status)
{
    return status == STATUS_AKTIF || status == STATUS_DIPROSES;
}

static void
count(struct book *b, struct book_reg *reg, bool was, bool is)
{
    if (!was && is && reg->nomor->effective++ == 0)
        b->active++;
    if (was && !is && --reg->nomor->effective == 0)
        b->active--;
}

static void
set_one(struct book *b, struct book_reg *reg, enum status status, int64_t now_us)
{
    count(b, reg, effective(reg->status), effective(status));
    reg->status = status;
    reg->was_aktif |= status == STATUS_AKTIF;
    reg->alasan = status == STATUS_GAGAL                ? "Integrasi gagal pada pemeriksaan Bedelau."
                  : status == STATUS_MENUNGGU_PERBAIKAN ? "Data teknis perlu diperbaiki pemohon."
                                                        : NULL;
    reg->urutan++;
    reg->waktu_us = now_us;
}

void
book_set(struct book *b, struct book_reg *reg, enum status status, int64_t now_us)
{
    set_one(b, reg, status, now_us);
    for (struct book_reg *r = reg->same_id; r && status == STATUS_DINONAKTIFKAN; r = r->same_id)
        if (r->status != status)
            set_one(b, r, status, now_us);
}

static void
link_reg(struct book *b, struct book_reg *reg, struct book_reg *changes)
{
    reg->older = reg->nomor->newest;
    reg->nomor->newest = reg;
    b->regs[b->regs_n++] = reg;
    if (changes) {
        reg->id = changes->id;
        reg->same_id = b->ids[reg->id - 1];
        reg->urutan = reg->same_id->urutan;
    } else {
        reg->id = ++b->ids_n;
    }
    b->ids[reg->id - 1] = reg;
    reg->duplicate = reg->key->first != NULL;
    if (reg->duplicate)
        b->duplicates++;
    else
        b->unique++;
    if (!reg->key->first)
        reg->key->first = reg;
}

struct book_reg *
book_add(struct book *b, const struct book_new *n)
{
    struct book_reg *reg = calloc(1, sizeof *reg);
    struct book_name *url = n->url.n ? intern(&b->urls, n->url, sizeof *url) : NULL;

    if (!reg || (n->url.n && !url) || !grow_regs(b)) {
        free(reg);
        return NULL;
    }
    *reg = (struct book_reg){.revisi = n->revisi,
                             .putaran = n->putaran,
                             .status = STATUS_GAGAL, /* not effective yet: book_set counts it */
                             .first_status = n->status,
                             .put = n->changes != NULL,
                             .key = n->key,
                             .nomor = n->nomor,
                             .url = url};
    link_reg(b, reg, n->changes);
    set_one(b, reg, n->status, n->now_us);
    return reg;
}

static void
note(struct book *b, struct book_note n)
{
    struct book_note *notes = grow(b->notes, &b->notes_cap, b->notes_n, sizeof n);

    if (!notes)
        return;
    b->notes = notes;
    n.after = b->regs_n;
    notes[b->notes_n++] = n;
}

void
book_note_delete(struct book *b, struct book_reg *reg, struct book_key *key)
{
    b->deletes++;
    note(b, (struct book_note){.ask = ASK_DELETE,
                               .key = key,
                               .nomor = reg->nomor,
                               .reg = reg,
                               .status = reg->status,
                               .urutan = reg->urutan,
                               .waktu_us = reg->waktu_us});
}

void
book_see(struct book *b, struct book_key *key, struct book_nomor *nomor, enum ask ask, uint64_t what,
         int64_t now_us)
{
    if (!key->seen)
        key->seen = what;
    if (key->seen == what || b->conflicts++ >= BOOK_CONFLICTS)
        return;
    note(b, (struct book_note){.conflict = true, .ask = ask, .key = key, .nomor = nomor, .waktu_us = now_us});
}

void
book_clear(struct book *b)
{
    for (size_t i = 0; i < b->regs_n; i++)
        free(b->regs[i]);
    free(b->regs);
    free(b->ids);
    free(b->notes);
    clear_table(&b->keys);
    clear_table(&b->nomors);
    clear_table(&b->urls);
    *b = (struct book){0};
}
