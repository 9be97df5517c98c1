/* dossier_text: a dossier as it stands in a row. */
#include "common/json/scan.h"
#include "workers/sop/dossier.h"

/* `key` is all that stands before the value: ",\"w\":". */
static void
put_num(struct buf *b, struct str key, int64_t v)
{
    if (!v)
        return;
    buf_str(b, key);
    buf_int(b, v);
}

static void
put_raw(struct buf *b, struct str key, struct str raw)
{
    if (!raw.n)
        return;
    buf_str(b, key);
    buf_str(b, raw);
}

static void
write_fact(const struct fact *f, struct buf *b)
{
    buf_str(b, STR("{\"t\":"));
    buf_int(b, f->type);
    buf_member_text(b, STR(",\"s\":"), f->source);
    buf_member_text(b, STR(",\"i\":"), f->id);
    put_num(b, STR(",\"w\":"), f->time_us);
    put_num(b, STR(",\"am\":"), f->append.ms);
    buf_member_text(b, STR(",\"at\":"), f->append.topic);
    put_num(b, STR(",\"ap\":"), f->append.partition);
    put_num(b, STR(",\"ao\":"), f->append.offset);
    put_num(b, STR(",\"r\":"), f->revisi);
    put_num(b, STR(",\"p\":"), f->putaran);
    put_num(b, STR(",\"u\":"), f->urutan);
    put_num(b, STR(",\"v\":"), f->putusan);
    buf_member_text(b, STR(",\"ps\":"), f->sumber_pengajuan);
    buf_member_text(b, STR(",\"pi\":"), f->id_pengajuan);
    put_raw(b, STR(",\"f\":"), f->temuan);
    buf_member_text(b, STR(",\"b\":"), f->status_bedelau);
    buf_member_text(b, STR(",\"g\":"), f->id_integrasi);
    put_num(b, STR(",\"ub\":"), f->urutan_bedelau);
    put_num(b, STR(",\"h\":"), f->tahap);
    put_num(b, STR(",\"k\":"), f->keadaan);
    put_raw(b, STR(",\"j\":"), f->jam);
    buf_member_text(b, STR(",\"o\":"), f->kode_opd);
    buf_member_text(b, STR(",\"on\":"), f->nama_opd);
    buf_member_text(b, STR(",\"sn\":"), f->nama_sistem);
    buf_member_text(b, STR(",\"jp\":"), f->jenis);
    buf_char(b, '}');
}

void
dossier_write(const struct dossier *d, struct buf *out)
{
    buf_z(out, "{\"newest\":");
    buf_int(out, d->newest_us);
    buf_z(out, ",\"facts\":[");
    for (size_t i = 0; i < d->n; i++) {
        if (i)
            buf_char(out, ',');
        write_fact(&d->facts[i], out);
    }
    buf_z(out, "]}");
}

static const char fact_keys[][3] = {"t",  "s", "i", "w", "am", "at", "ap", "ao", "r", "p",  "u",  "v", "ps",
                                    "pi", "f", "b", "g", "ub", "h",  "k",  "j",  "o", "on", "sn", "jp"};
enum { FACT_KEYS = sizeof fact_keys / sizeof fact_keys[0] };

static bool
is_key(struct str key, unsigned i)
{
    const char *want = fact_keys[i];

    return key.n && key.p[0] == want[0] && (want[1] ? key.n == 2 && key.p[1] == want[1] : key.n == 1);
}

/* A fact's values as they stand in the text, each at its key's place; afterwards `it` stands behind the last. We wrote the
 * keys in this order, so the next is looked for behind the last, whatever is left out. */
static void
find_values(struct scan_iter *it, struct str m[FACT_KEYS])
{
    unsigned at = 0;

    memset(m, 0, FACT_KEYS * sizeof *m);
    while (scan_next(it)) {
        unsigned tried = 0;

        while (tried < FACT_KEYS && !is_key(it->key, at)) {
            at = at + 1 < FACT_KEYS ? at + 1 : 0;
            tried++;
        }
        if (tried < FACT_KEYS)
            m[at] = it->value;
    }
}

/* Without a copy, unless it has to be decoded. */
static struct str
get_str(struct dossier *d, struct str raw)
{
    struct str s = raw.n ? scan_string(raw, NULL) : STR_NULL;

    return s.p || !raw.n ? s : scan_text(d->arena, raw);
}

static int64_t
get_num(struct str raw)
{
    int64_t v = 0;

    if (raw.n)
        scan_int(raw, &v);
    return v;
}

static void
read_fact(struct dossier *d, struct scan_iter *members)
{
    struct str m[FACT_KEYS];
    struct fact f = {0};

    find_values(members, m);
    f.type = (enum fact_type)get_num(m[0]);
    f.source = get_str(d, m[1]);
    f.id = get_str(d, m[2]);
    f.time_us = get_num(m[3]);
    f.append = (struct append){get_num(m[4]), get_str(d, m[5]), (int32_t)get_num(m[6]), get_num(m[7])};
    f.revisi = (int32_t)get_num(m[8]);
    f.putaran = (int32_t)get_num(m[9]);
    f.urutan = get_num(m[10]);
    f.putusan = (enum putusan)get_num(m[11]);
    f.sumber_pengajuan = get_str(d, m[12]);
    f.id_pengajuan = get_str(d, m[13]);
    f.temuan = m[14];
    f.status_bedelau = get_str(d, m[15]);
    f.id_integrasi = get_str(d, m[16]);
    f.urutan_bedelau = get_num(m[17]);
    f.tahap = (enum tahap)get_num(m[18]);
    f.keadaan = (enum keadaan)get_num(m[19]);
    f.jam = m[20];
    f.kode_opd = get_str(d, m[21]);
    f.nama_opd = get_str(d, m[22]);
    f.nama_sistem = get_str(d, m[23]);
    f.jenis = get_str(d, m[24]); /* rows of old have none */
    dossier_put(d, &f);
}

/* Takes `head` off the front of what is left; false when something else stands there. */
static bool
take(struct str *left, struct str head)
{
    if (!str_starts(*left, head))
        return false;
    *left = (struct str){left->p + head.n, left->n - head.n};
    return true;
}

/* The text as we write it, without a blank, in one go; false when it is not just so. */
static bool
read_compact(struct dossier *d, struct str left)
{
    struct str newest;

    if (!take(&left, STR("{\"newest\":")))
        return false;
    newest.p = left.p;
    while (left.n && *left.p != ',')
        left = (struct str){left.p + 1, left.n - 1};
    newest.n = (size_t)(left.p - newest.p);
    if (!scan_int(newest, &d->newest_us) || !take(&left, STR(",\"facts\":[")))
        return false;
    while (!take(&left, STR("]}"))) {
        struct scan_iter it = {.end = left.p + left.n, .object = true};

        if ((d->n && !take(&left, STR(","))) || !take(&left, STR("{")))
            return false;
        it.p = left.p;
        read_fact(d, &it);
        left = (struct str){it.p, (size_t)(it.end - it.p)};
        if (!take(&left, STR("}")))
            return false;
    }
    return left.n == 0;
}

static bool
read_any(struct dossier *d, struct str text)
{
    static const char *const names[] = {"newest", "facts"};
    struct str m[2];

    d->n = 0;
    if (!scan_pick(text, names, m, 2) || !scan_int(m[0], &d->newest_us))
        return false;
    for (struct scan_iter it = scan_iter(m[1]); scan_next(&it);) {
        struct scan_iter members = scan_iter(it.value);

        read_fact(d, &members);
    }
    return true;
}

bool
dossier_read(struct dossier *d, struct str text)
{
    return !text.n || read_compact(d, text) || read_any(d, text);
}
