#include "workers/validator/lampiran_wait.h"

#include <stdio.h>

#include "common/json/scan.h"

/* ---- documents -------------------------------------------------------------------------------------------------- */

static bool
read_one(const struct rules *r, uint32_t signing, struct str raw, struct arena *a, struct dokumen *d)
{
    static const char *const names[] = {"uri", "sha256", "ukuran", "jenis"};
    struct str m[4];

    if (!scan_pick(raw, names, m, 4) || !scan_int(m[2], &d->ukuran) || d->ukuran <= 0)
        return false;
    d->uri = scan_text(a, m[0]);
    d->sign = rules_signed(r, signing, scan_text(a, m[3]));
    return d->uri.n > 0 && hash_unhex(scan_text(a, m[1]), d->sha256, HASH_SIZE);
}

/* Whether the address itself has an error. */
static bool
wrong_uri(struct str findings, unsigned at)
{
    struct scan_iter it = scan_iter(findings);
    char place[40];

    snprintf(place, sizeof place, "/lampiran/%u/uri", at);
    while (scan_next(&it))
        if (str_is(scan_string(scan_get(it.value, "lokasi"), NULL), place) &&
            str_is(scan_string(scan_get(it.value, "tingkat"), NULL), "E"))
            return true;
    return false;
}

unsigned
dokumen_list(const struct rules *r, struct str form, struct str findings, struct arena *a,
             struct dokumen out[DOKUMEN_MAX])
{
    struct str list = scan_get(form, "lampiran");
    struct scan_iter it = scan_iter(list);
    uint32_t signing = rules_signing(r, form);
    unsigned at = 0;
    unsigned n = 0;

    if (scan_kind(list) != SCAN_ARRAY)
        return 0;
    for (; n < DOKUMEN_MAX && scan_next(&it); at++) {
        out[n] = (struct dokumen){.at = at};
        n += read_one(r, signing, it.value, a, &out[n]) && !wrong_uri(findings, at);
    }
    return n;
}

void
dokumen_write(const struct dokumen *docs, unsigned n, struct buf *out)
{
    char hex[2 * HASH_SIZE + 1];

    buf_char(out, '[');
    for (unsigned i = 0; i < n; i++) {
        hash_hex(docs[i].sha256, HASH_SIZE, hex);
        buf_printf(out, "%s{\"at\":%u,\"sha256\":\"%s\",\"ukuran\":%lld,\"sign\":%d,\"uri\":", i ? "," : "",
                   docs[i].at, hex, (long long)docs[i].ukuran, docs[i].sign);
        buf_json(out, docs[i].uri);
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

unsigned
dokumen_read(struct str body, struct arena *a, struct dokumen out[DOKUMEN_MAX])
{
    static const char *const names[] = {"at", "sha256", "ukuran", "sign", "uri"};
    struct scan_iter it = scan_iter(body);
    unsigned n = 0;
    struct str m[5];

    for (; n < DOKUMEN_MAX && scan_next(&it); n++) {
        int64_t v[2] = {0, 0};

        scan_pick(it.value, names, m, 5);
        scan_int(m[0], &v[0]);
        scan_int(m[3], &v[1]);
        out[n] = (struct dokumen){.at = (unsigned)v[0], .sign = v[1] != 0, .uri = scan_text(a, m[4])};
        scan_int(m[2], &out[n].ukuran);
        hash_unhex(scan_string(m[1], NULL), out[n].sha256, HASH_SIZE);
    }
    return n;
}

/* ---- state ------------------------------------------------------------------------------------------------------ */

static void
put_text(struct buf *out, const char *name, struct str s)
{
    if (!s.n)
        return;
    buf_printf(out, ",\"%s\":", name);
    buf_json(out, s);
}

void
tunggu_write(const struct tunggu *t, struct buf *out)
{
    buf_printf(out, "{\"revisi\":%d,\"urutan\":%lld,\"parks\":%lld", t->revisi, (long long)t->urutan,
               (long long)t->parks);
    if (t->error_us != INT64_MIN)
        buf_printf(out, ",\"error_us\":%lld", (long long)t->error_us);
    put_text(out, "kode_opd", t->kode_opd);
    put_text(out, "kategori", t->kategori);
    put_text(out, "trace", t->trace);
    buf_z(out, ",\"dokumen\":[");
    for (unsigned i = 0; i < t->n; i++)
        buf_printf(out, "%s[%u,%u]", i ? "," : "", t->at[i], t->known[i]);
    buf_z(out, "],\"temuan\":");
    buf_str(out, t->temuan.n ? t->temuan : STR("[]"));
    buf_char(out, '}');
}

static void
read_known(struct tunggu *t, struct str list)
{
    struct scan_iter it = scan_iter(list);

    for (; t->n < DOKUMEN_MAX && scan_next(&it); t->n++) {
        struct scan_iter pair = scan_iter(it.value);
        int64_t v[2] = {0, 0};

        for (unsigned i = 0; i < 2 && scan_next(&pair); i++)
            scan_int(pair.value, &v[i]);
        t->at[t->n] = (unsigned)v[0];
        t->known[t->n] = (unsigned)v[1];
    }
}

bool
tunggu_read(struct str state, struct arena *a, struct tunggu *t)
{
    static const char *const names[] = {"revisi",   "urutan", "parks",   "error_us", "kode_opd",
                                        "kategori", "trace",  "dokumen", "temuan"};
    struct str m[9];
    int64_t revisi;

    *t = (struct tunggu){.error_us = INT64_MIN};
    if (!scan_pick(state, names, m, 9) || !scan_int(m[0], &revisi))
        return false;
    scan_int(m[1], &t->urutan);
    scan_int(m[2], &t->parks);
    if (!scan_int(m[3], &t->error_us))
        t->error_us = INT64_MIN;
    t->revisi = (int32_t)revisi;
    t->kode_opd = scan_text(a, m[4]);
    t->kategori = scan_text(a, m[5]);
    t->trace = scan_text(a, m[6]);
    read_known(t, m[7]);
    t->temuan = arena_str(a, m[8]);
    return t->n > 0; /* a form that waits names documents: without them nothing could be unknown */
}

unsigned
tunggu_unknown(const struct tunggu *t)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->n; i++)
        n += t->known[i] == 0;
    return n;
}

unsigned
tunggu_faulty(const struct tunggu *t)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->n; i++)
        n += (t->known[i] & DOKUMEN_ERRORS) != 0;
    return n;
}

int64_t
tunggu_limit(const struct tunggu *t, int64_t deadline_us, int64_t hold_us)
{
    int64_t limit = deadline_us == INT64_MIN ? INT64_MAX : deadline_us;

    if (t->error_us != INT64_MIN && t->error_us + hold_us < limit)
        limit = t->error_us + hold_us;
    return limit;
}

/* ---- findings --------------------------------------------------------------------------------------------------- */

static const struct {
    enum dokumen_fault fault;
    const char *aturan;
    bool error;
} faults[DOKUMEN_FAULTS] = {
    {DOKUMEN_ABSENT, "dokumen_ada", true},
    {DOKUMEN_SIZE, "dokumen_ukuran", true},
    {DOKUMEN_HASH, "dokumen_sha256", true},
    {DOKUMEN_NOT_PDF, "dokumen_pdf", true},
    {DOKUMEN_LOCKED, "dokumen_tidak_terenkripsi", true},
    {DOKUMEN_UNSIGNED, "dokumen_tte", true},
    {DOKUMEN_UNKNOWN_CA, "dokumen_ca_dikenal", false},
};

static void
comma(struct buf *out)
{
    if (out->n && out->p[out->n - 1] != '[')
        buf_char(out, ',');
}

/* Copies the findings of one level; returns how many. */
static unsigned
copy_level(struct str findings, const char *level, struct buf *out)
{
    struct scan_iter it = scan_iter(findings);
    unsigned n = 0;

    while (scan_next(&it)) {
        if (!str_is(scan_string(scan_get(it.value, "tingkat"), NULL), level))
            continue;
        comma(out);
        buf_str(out, it.value);
        n++;
    }
    return n;
}

/* False, and nothing appended, where the rule set does not have the rule. */
static bool
put(const struct rules *r, const char *aturan, unsigned at, struct buf *out)
{
    const char *kode = rules_code(r, aturan);
    char place[32];

    if (!kode)
        return false;
    snprintf(place, sizeof place, "/lampiran/%u", at);
    comma(out);
    return rules_put(r, kode, str_of(place), out);
}

static unsigned
put_errors(const struct rules *r, const struct tunggu *t, struct buf *out)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->n; i++)
        for (unsigned k = 0; k < DOKUMEN_FAULTS; k++)
            if (faults[k].error && t->known[i] & faults[k].fault)
                n += put(r, faults[k].aturan, t->at[i], out);
    return n;
}

/* A note at a place that has an error is dropped. */
static void
put_notes(const struct rules *r, const struct tunggu *t, struct buf *out)
{
    for (unsigned i = 0; i < t->n; i++) {
        if (t->known[i] == 0)
            put(r, "dokumen_belum_diperiksa", t->at[i], out);
        for (unsigned k = 0; !(t->known[i] & DOKUMEN_ERRORS) && k < DOKUMEN_FAULTS; k++)
            if (!faults[k].error && t->known[i] & faults[k].fault)
                put(r, faults[k].aturan, t->at[i], out);
    }
}

unsigned
tunggu_findings(const struct rules *r, const struct tunggu *t, struct buf *out)
{
    unsigned errors;

    buf_char(out, '[');
    errors = copy_level(t->temuan, "E", out);
    errors += put_errors(r, t, out);
    copy_level(t->temuan, "W", out);
    put_notes(r, t, out);
    buf_char(out, ']');
    return errors;
}

void
tunggu_lost(const struct rules *r, struct buf *out)
{
    const char *kode = rules_code(r, "dokumen_belum_diperiksa");

    buf_char(out, '[');
    if (kode)
        rules_put(r, kode, STR("/lampiran"), out);
    buf_char(out, ']');
}

void
tunggu_notes(struct str findings, struct buf *out)
{
    buf_char(out, '[');
    copy_level(findings, "W", out);
    buf_char(out, ']');
}
