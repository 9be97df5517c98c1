#include "workers/integrator/contract.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/http/uri.h"
#include "common/json/scan.h"
#include "workers/integrator/contract_priv.h"

enum { ID_MAX = 79, LIST_MAX_BYTES = 1 << 20 };

bool
contract_has(const struct contract *k, enum panggilan call)
{
    return k->call[call].there;
}

void
contract_codes(const struct contract *k, enum arti arti, int *ret, unsigned max)
{
    unsigned n = 0;

    for (int code = 100; code < CODES; code++) {
        bool means = false;

        for (unsigned call = 0; call < CALLS; call++)
            means |= (enum arti)k->call[call].arti[code] == arti;
        if (means && n < max)
            ret[n++] = code;
    }
    ret[n] = 0;
}

const char *
contract_method(const struct contract *k, enum panggilan call)
{
    return k->call[call].method;
}

bool
contract_body(const struct contract *k, enum panggilan call)
{
    return k->call[call].body;
}

bool
contract_form(const struct contract *k, enum panggilan call)
{
    return k->call[call].form;
}

/* ---- templates -------------------------------------------------------------------------------------------------- */

/* The value of the placeholder that `p` begins with, and the placeholder's length. */
static struct str
placeholder(const char *p, const struct map_ctx *ctx, size_t *len)
{
    *len = strcspn(p, "}") + 1;
    for (; ctx->name; ctx++)
        if (strncmp(p + 1, ctx->name, *len - 2) == 0 && ctx->name[*len - 2] == '\0')
            return ctx->value;
    return STR_NULL;
}

/* False when a placeholder has no value. */
static bool
fill(const char *text, const struct map_ctx *ctx, bool encoded, struct buf *out)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "{");
        struct str value;

        buf_add(out, p, n);
        p += n;
        if (!*p)
            break;
        value = placeholder(p, ctx, &n);
        if (!value.n)
            return false;
        if (encoded)
            uri_encode(out, value);
        else
            buf_str(out, value);
        p += n;
    }
    return true;
}

bool
contract_url(const struct contract *k, enum panggilan call, const struct map_ctx *ctx, struct buf *out)
{
    return fill(k->call[call].url, ctx, true, out);
}

static void
put_headers(const struct pair *h, unsigned n, const struct map_ctx *ctx,
            void (*add)(void *arg, const char *name, struct str value), void *arg)
{
    struct buf value = buf_make(4096);

    for (unsigned i = 0; i < n; i++) {
        buf_reset(&value);
        if (fill(h[i].value, ctx, false, &value))
            add(arg, h[i].name, buf_view(&value));
    }
    buf_free(&value);
}

void
contract_headers(const struct contract *k, enum panggilan call, const struct map_ctx *ctx,
                 void (*add)(void *arg, const char *name, struct str value), void *arg)
{
    put_headers(k->header, k->nheader, ctx, add, arg);
    if (call <= CALL_PENCABUTAN)
        put_headers(k->header_kirim, k->nheader_kirim, ctx, add, arg);
}

/* ---- places in answers ------------------------------------------------------------------------------------------ */

/* What stands at a pointer into a checked document; STR_NULL when nothing does, or the pointer is NULL. */
static struct str
look(struct str doc, const char *pointer)
{
    struct buf token = buf_make(256);
    struct str left = str_of(pointer);

    if (!pointer)
        return STR_NULL;
    while (doc.n && buf_pointer_next(&left, &token))
        doc = scan_kind(doc) == SCAN_OBJECT ? scan_get(doc, token.p) : STR_NULL;
    buf_free(&token);
    return doc;
}

/* Numbers are taken as they are written: not everybody's names for things are texts. */
static struct str
text_at(struct str doc, const char *pointer, struct arena *a)
{
    struct str raw = look(doc, pointer);

    return scan_kind(raw) == SCAN_NUMBER ? arena_str(a, raw) : scan_text(a, raw);
}

/* An id goes into addresses: one that curl or the server would take for a step up is none. */
static struct str
id_at(struct str doc, const char *pointer, struct arena *a)
{
    struct str id = text_at(doc, pointer, a);

    if (!id.n || id.n > ID_MAX || str_has_control(id) || str_is(id, ".") || str_is(id, ".."))
        return STR_NULL;
    return id;
}

static const char *
word_of(const struct pair *list, unsigned n, struct str word)
{
    for (unsigned i = 0; i < n; i++)
        if (str_is(word, list[i].name))
            return list[i].value;
    return NULL;
}

static void
take_status(const struct contract *k, struct str word, struct said *s)
{
    const char *ours = word_of(k->status, k->nstatus, word);

    if (!word.n)
        return;
    s->strange = !ours;
    s->status = ours ? str_of(ours) : STR("diproses");
}

static void
read_one(const struct contract *k, struct str isi, struct arena *a, struct said *s)
{
    s->id = id_at(isi, k->jawaban.id, a);
    s->alasan = text_at(isi, k->jawaban.alasan, a);
    s->counted = scan_int(look(isi, k->jawaban.urutan), &s->urutan);
    take_status(k, text_at(isi, k->jawaban.status, a), s);
}

static void
put_item(const struct contract *k, struct str item, struct arena *a, struct buf *out)
{
    struct str field = text_at(item, k->galat.field, a);
    struct str pesan = scan_kind(item) == SCAN_STRING ? scan_text(a, item) : text_at(item, k->galat.pesan, a);

    if (!pesan.n)
        return;
    buf_z(out, out->n > 1 ? ",{" : "{");
    if (field.n) {
        buf_z(out, "\"field\":");
        buf_json(out, field);
        buf_char(out, ',');
    }
    buf_z(out, "\"pesan\":");
    buf_json(out, pesan);
    buf_char(out, '}');
}

static void
read_refusal(const struct contract *k, struct str body, struct arena *a, struct said *s)
{
    struct str list = look(body, k->galat.kesalahan);
    struct buf out = buf_make(LIST_MAX_BYTES);
    struct str alasan = text_at(body, k->galat.alasan, a);

    if (alasan.n)
        s->alasan = alasan;
    if (scan_kind(list) != SCAN_ARRAY)
        return;
    buf_char(&out, '[');
    for (struct scan_iter it = scan_iter(list); scan_next(&it);)
        put_item(k, it.value, a, &out);
    buf_char(&out, ']');
    s->kesalahan = out.failed ? STR_NULL : arena_str(a, buf_view(&out));
    buf_free(&out);
}

/* ---- what answers mean ------------------------------------------------------------------------------------------ */

static bool
same_value(struct str raw, const char *want)
{
    struct arena a = {0};
    struct str text = str_of(want);
    bool same = str_eq(raw, text);

    if (scan_kind(raw) == SCAN_STRING && scan_kind(text) == SCAN_STRING)
        same = str_eq(scan_text(&a, raw), scan_text(&a, text));
    arena_free(&a);
    return same;
}

/* A failure inside a code that means well. Without the envelope nothing is known. */
static enum arti
open_envelope(const struct contract *k, enum arti arti, struct str body, struct arena *a)
{
    const struct amplop *am = &k->amplop;
    struct str there = look(body, am->lokasi);
    const char *meaning;

    if (!am->lokasi || (arti != ARTI_BERHASIL && arti != ARTI_TERDAFTAR))
        return arti;
    if (!there.n)
        return ARTI_TIDAK_JELAS;
    if (same_value(there, am->nilai))
        return arti;
    meaning = word_of(am->arti, am->narti, text_at(body, am->kode, a));
    if (!meaning)
        meaning = word_of(am->arti, am->narti, STR("*"));
    return meaning ? (enum arti)contract_arti_of(meaning) : ARTI_ULANG;
}

/* Where the endpoint's answers name no status, the code alone says it. */
static struct str
implied(enum panggilan call, enum arti arti)
{
    if (arti == ARTI_TERDAFTAR)
        return STR("diproses");
    if (call == CALL_PENCABUTAN || call == CALL_BATAL)
        return STR("dinonaktifkan");
    return call <= CALL_PERUBAHAN ? STR("aktif") : STR("diproses");
}

void
contract_read(const struct contract *k, enum panggilan call, int code, struct str body, struct arena *a,
              struct said *s)
{
    struct str isi;
    bool good;

    *s = (struct said){0};
    if (!body.n || scan_document(body, NULL) != RES_OK)
        body = STR("{}");
    s->arti = code >= 100 && code < CODES ? (enum arti)k->call[call].arti[code] : ARTI_ULANG;
    s->arti = open_envelope(k, s->arti, body, a);
    isi = look(body, k->jawaban.isi);
    read_one(k, isi, a, s);
    good = s->arti == ARTI_BERHASIL || s->arti == ARTI_TERDAFTAR;
    if (!good)
        read_refusal(k, body, a, s);
    else if (!s->status.n && (!k->jawaban.status || call == CALL_PENCABUTAN))
        s->status = implied(call, s->arti);
}

static bool
is_ours(const struct contract *k, struct str item, struct str key, struct arena *a)
{
    struct str nomor = text_at(item, k->daftar.nomor, a);
    const char *const counts[] = {k->daftar.revisi, k->daftar.putaran};
    struct str left;

    if (!nomor.n || !str_starts(key, nomor) || key.n == nomor.n || key.p[nomor.n] != ':')
        return false;
    left = (struct str){key.p + nomor.n + 1, key.n - nomor.n - 1};
    for (unsigned i = 0; i < 2; i++) {
        const char *colon = left.n ? memchr(left.p, ':', left.n) : NULL;
        struct str part = {left.p, colon ? (size_t)(colon - left.p) : left.n};

        if (counts[i] && !str_eq(text_at(item, counts[i], a), part))
            return false;
        left = colon ? (struct str){colon + 1, left.n - part.n - 1} : STR_NULL;
    }
    return true;
}

bool
contract_any(const struct contract *k, struct str body)
{
    struct str list = body.n && scan_document(body, NULL) == RES_OK ? look(body, k->daftar.isi) : STR_NULL;
    struct scan_iter it = scan_iter(list);

    return scan_kind(list) == SCAN_ARRAY && scan_next(&it);
}

bool
contract_find(const struct contract *k, struct str body, struct str key, struct arena *a, struct said *s)
{
    struct str list;

    *s = (struct said){.arti = ARTI_BERHASIL};
    if (!body.n || scan_document(body, NULL) != RES_OK)
        return false;
    list = look(body, k->daftar.isi);
    for (struct scan_iter it = scan_iter(list); scan_kind(list) == SCAN_ARRAY && scan_next(&it);)
        if (is_ours(k, it.value, key, a)) {
            read_one(k, it.value, a, s);
            if (!s->status.n && !k->jawaban.status)
                s->status = STR("diproses");
            return s->id.n > 0;
        }
    return false;
}

void
contract_callback(const struct contract *k, struct str data, struct arena *a, struct said *s)
{
    static const char *const names[] = {"id_integrasi", "status", "alasan", "urutan"};
    struct str m[4] = {0};

    *s = (struct said){.arti = ARTI_BERHASIL};
    scan_pick(data, names, m, 4);
    s->id = scan_text(a, m[0]);
    s->alasan = scan_text(a, m[2]);
    s->counted = scan_int(m[3], &s->urutan);
    take_status(k, scan_text(a, m[1]), s);
}
