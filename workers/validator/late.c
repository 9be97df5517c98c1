#include "workers/validator/late.h"

#include <stdio.h>

#include "common/base/hash.h"
#include "common/json/scan.h"

enum {
    VERSION = 1,
    MARK_BYTES = 5, /* 24 bits of the place, 16 of the value */
    TAG_BYTES = 4,
    LEVELS = 8, /* deeper values are compared as bytes, so that a deep form costs no more than a flat one */
    EXPONENT_MAX = 1000000000
};

static uint64_t
stir(uint64_t h)
{
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53ULL;
    return h ^ (h >> 33);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static uint64_t
hash_string(struct str raw)
{
    struct str plain = scan_string(raw, NULL);
    struct buf tmp = buf_make(raw.n + 1);
    uint64_t h = str_hash(plain.p ? plain : scan_string(raw, &tmp));

    buf_free(&tmp);
    return h;
}

/* Of a member's name, which comes without its quotes. */
static uint64_t
hash_key(struct str key)
{
    return hash_string((struct str){key.p - 1, key.n + 2});
}

/* The digits between the first and the last that is not 0, and the power of ten that goes with them. */
struct decimal {
    uint64_t digits;
    int64_t exp;
    int64_t zeros; /* behind the last digit so far */
};

static void
add_digit(struct decimal *d, char c)
{
    if (c == '0') {
        d->zeros += d->digits != 0;
        return;
    }
    for (; d->zeros; d->zeros--)
        d->digits = stir(d->digits + '0');
    d->digits = stir(d->digits + (unsigned char)c);
}

static int64_t
read_exponent(struct str s)
{
    bool minus = s.n && s.p[0] == '-';
    int64_t v = 0;

    for (size_t i = s.n && (minus || s.p[0] == '+'); i < s.n && v < EXPONENT_MAX; i++)
        v = v * 10 + (s.p[i] - '0');
    return minus ? -v : v;
}

static uint64_t
hash_number(struct str s)
{
    struct decimal d = {0};
    bool point = false;
    size_t i = 0;

    for (; i < s.n && s.p[i] != 'e' && s.p[i] != 'E'; i++) {
        if (s.p[i] == '.')
            point = true;
        if (s.p[i] < '0' || s.p[i] > '9')
            continue;
        add_digit(&d, s.p[i]);
        d.exp -= point;
    }
    if (!d.digits)
        return 0;
    d.exp += d.zeros;
    if (i < s.n)
        d.exp += read_exponent((struct str){s.p + i + 1, s.n - i - 1});
    return stir(d.digits ^ (uint64_t)d.exp) + (s.p[0] == '-');
}

static uint64_t hash_value(struct str raw, unsigned levels);

/* The order of members does not count. */
static uint64_t
hash_members(struct str raw, unsigned levels)
{
    struct scan_iter it = scan_iter(raw);
    uint64_t h = 0;

    while (scan_next(&it))
        h += stir(hash_key(it.key) ^ stir(hash_value(it.value, levels)));
    return h;
}

static uint64_t
hash_elements(struct str raw, unsigned levels)
{
    struct scan_iter it = scan_iter(raw);
    uint64_t h = 0;

    while (scan_next(&it))
        h = stir(h + hash_value(it.value, levels));
    return h;
}

static uint64_t
hash_value(struct str raw, unsigned levels)
{
    enum scan_kind kind = scan_kind(raw);
    uint64_t h = 0;

    if (kind == SCAN_STRING)
        h = hash_string(raw);
    else if (kind == SCAN_NUMBER)
        h = hash_number(raw);
    else if (levels == 0 && (kind == SCAN_OBJECT || kind == SCAN_ARRAY))
        h = str_hash(raw);
    else if (kind == SCAN_OBJECT)
        h = hash_members(raw, levels - 1);
    else if (kind == SCAN_ARRAY)
        h = hash_elements(raw, levels - 1);
    return stir(h + (uint64_t)kind);
}

/* ---- places ----------------------------------------------------------------------------------------------------- */

static uint64_t
step(uint64_t place, struct str token)
{
    return stir(place ^ str_hash(token));
}

/* What a finding's place is compared by: a member, an item of lampiran[], the document of such an item. */
struct place {
    bool is; /* a JSON Pointer */
    uint64_t at;
    uint64_t document; /* 0 = the place is no document */
};

static struct place
place_of(const struct riwayat *h, struct str lokasi)
{
    struct buf token = buf_make(lokasi.n + 1);
    struct place p = {.is = true, .at = h->salt};
    struct str rest = lokasi;
    bool list = false;

    if (rest.n && (p.is = buf_pointer_next(&rest, &token))) {
        list = str_is(buf_view(&token), "lampiran");
        p.at = step(p.at, buf_view(&token));
    }
    if (rest.n && list && (p.is = buf_pointer_next(&rest, &token))) {
        p.at = step(p.at, buf_view(&token));
        if (!rest.n)
            p.document = step(p.at, STR("sha256"));
    }
    buf_free(&token);
    return p;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

static char *
put(char *p, uint64_t v, unsigned bytes)
{
    while (bytes--)
        *p++ = (char)(v >> (8 * bytes) & 0xff);
    return p;
}

static uint64_t
get(const char *p, unsigned bytes)
{
    uint64_t v = 0;

    while (bytes--)
        v = v << 8 | (unsigned char)*p++;
    return v;
}

/* ---- a form ----------------------------------------------------------------------------------------------------- */

struct marking {
    char bytes[LATE_MARKS * MARK_BYTES];
    size_t n;
    bool whole;
};

static void
put_mark(char *p, uint64_t place, uint64_t value)
{
    put(put(p, place >> 40, 3), stir(place ^ value) >> 48, 2);
}

static void
add_mark(struct marking *m, uint64_t place, uint64_t value)
{
    m->whole = m->whole && m->n < LATE_MARKS;
    if (m->whole)
        put_mark(m->bytes + MARK_BYTES * m->n++, place, value);
}

/* Marks the items of the list; returns its hash_value. */
static uint64_t
mark_items(struct marking *m, uint64_t list, struct str raw)
{
    struct scan_iter it = scan_iter(raw);
    uint64_t all = 0;
    char at[16];

    if (scan_kind(raw) != SCAN_ARRAY)
        return hash_value(raw, LEVELS);
    for (unsigned i = 0; scan_next(&it); i++) {
        uint64_t value = hash_value(it.value, LEVELS - 1);
        struct str sha = scan_kind(it.value) == SCAN_OBJECT ? scan_get(it.value, "sha256") : STR_NULL;
        int n = snprintf(at, sizeof at, "%u", i);
        uint64_t item = step(list, (struct str){at, (size_t)n});

        all = stir(all + value);
        add_mark(m, item, value);
        if (sha.p)
            add_mark(m, step(item, STR("sha256")), hash_value(sha, LEVELS));
    }
    return stir(all + SCAN_ARRAY);
}

/* The whole form first, then its members as they stand there. */
static void
mark_form(struct marking *m, uint64_t salt, struct str form)
{
    const uint64_t revisi = str_hash(STR("revisi"));
    const uint64_t lampiran = str_hash(STR("lampiran"));
    struct scan_iter it = scan_iter(form);
    uint64_t all = it.object ? 0 : hash_value(form, LEVELS);

    m->n = 1;
    m->whole = true;
    while (it.object && scan_next(&it)) {
        uint64_t key = hash_key(it.key);
        uint64_t place = stir(salt ^ key);
        uint64_t value = key == lampiran ? mark_items(m, place, it.value) : hash_value(it.value, LEVELS);

        if (key != revisi)
            all += stir(key ^ stir(value));
        add_mark(m, place, value);
    }
    put_mark(m->bytes, salt, all);
}

void
late_form(struct riwayat *h, struct arena *a, int32_t revisi, struct str form, const char *aturan)
{
    struct marking m;
    char rules[4] = {0};

    mark_form(&m, h->salt, form);
    hash_unhex((struct str){aturan, 2 * sizeof rules}, rules, sizeof rules);
    h->kini = (struct sidik){.revisi = revisi,
                             .aturan = (uint32_t)get(rules, sizeof rules),
                             .whole = m.whole,
                             .marks = arena_str(a, (struct str){m.bytes, m.n * MARK_BYTES})};
    h->told = STR_NULL;
}

/* ---- comparing -------------------------------------------------------------------------------------------------- */

/* What a form has at a place: 16 bits, or one of these. */
enum { ABSENT = -1, NOT_KNOWN = -2 };

static int32_t
value_at(const struct sidik *s, uint64_t place)
{
    for (size_t i = 0; i < s->marks.n; i += MARK_BYTES)
        if (get(s->marks.p + i, 3) == place >> 40)
            return (int32_t)get(s->marks.p + i + 3, 2);
    return s->whole ? ABSENT : NOT_KNOWN;
}

/* A finding as it is compared. Text lives in `tmp`. */
struct finding {
    struct buf tmp;
    struct str kode;
    uint64_t place;
    int32_t value;
};

/* False for what has no code or no place in a form. */
static bool
look(const struct riwayat *h, struct str raw, struct finding *f)
{
    static const char *const names[] = {"kode", "lokasi"};
    struct str m[2] = {STR_NULL, STR_NULL};
    struct place p;

    *f = (struct finding){.tmp = buf_make(raw.n + 1)};
    if (scan_kind(raw) != SCAN_OBJECT || !scan_pick(raw, names, m, 2) || scan_kind(m[1]) != SCAN_STRING)
        return false;
    p = place_of(h, scan_string(m[1], &f->tmp));
    buf_reset(&f->tmp);
    f->kode = scan_string(m[0], &f->tmp);
    f->place = p.document && value_at(&h->kini, p.document) >= 0 ? p.document : p.at;
    f->value = value_at(&h->kini, f->place);
    return p.is && f->kode.p;
}

static uint32_t
tag_of(const struct finding *f, struct str kode)
{
    return (uint32_t)(stir(stir(f->place + (uint64_t)(int64_t)f->value) ^ str_hash(kode)) >> 32);
}

static bool
has_tag(struct str tags, uint32_t tag)
{
    for (size_t i = 0; i < tags.n; i += TAG_BYTES)
        if (get(tags.p + i, TAG_BYTES) == tag)
            return true;
    return false;
}

static bool
was_visible(const struct riwayat *h, const struct finding *f)
{
    for (unsigned i = 0; f->value != NOT_KNOWN && i < h->n; i++)
        if (value_at(&h->lalu[i], f->place) == f->value)
            return true;
    return false;
}

/* Whether nothing but the form decides on such a finding, and who found it could have done so before. */
static bool
can_be_late(const struct riwayat *h, const struct rules *r, bool officer, const struct finding *f)
{
    enum finding_cause cause = rules_cause(r, f->kode);
    const char *unchecked = rules_code(r, "dokumen_belum_diperiksa");

    if (cause == FINDING_TIMED)
        return false;
    if (officer || h->kini.aturan != h->lalu[0].aturan)
        return true;
    return cause == FINDING_DOCUMENT && unchecked && has_tag(h->listed, tag_of(f, str_of(unchecked)));
}

static bool
is_late(const struct riwayat *h, const struct rules *r, bool officer, const struct finding *f)
{
    return was_visible(h, f) && !has_tag(h->listed, tag_of(f, f->kode)) && can_be_late(h, r, officer, f);
}

unsigned
late_mark(const struct riwayat *h, const struct rules *r, bool officer, struct str findings, struct buf *out)
{
    static const char member[] = ",\"terlambat_ditemukan\":true}";
    struct scan_iter it = scan_iter(findings);
    const char *copied = findings.p;
    unsigned n = 0;

    while (h->kini.revisi && !h->overflow && scan_next(&it)) {
        struct finding f;

        if (look(h, it.value, &f) && is_late(h, r, officer, &f)) {
            buf_add(out, copied, (size_t)(it.p - 1 - copied));
            buf_z(out, member);
            copied = it.p;
            n++;
        }
        buf_free(&f.tmp);
    }
    buf_add(out, copied, (size_t)(findings.p + findings.n - copied));
    return n;
}

/* ---- remembering ------------------------------------------------------------------------------------------------ */

/* Adds those of `more` that are not there. */
static void
add_tags(struct riwayat *h, struct arena *a, struct str *tags, struct str more)
{
    char bytes[LATE_TOLD * TAG_BYTES];
    struct str all = {bytes, tags->n};

    if (tags->n)
        memcpy(bytes, tags->p, tags->n);
    for (size_t i = 0; i < more.n && !h->overflow; i += TAG_BYTES) {
        if (has_tag(all, (uint32_t)get(more.p + i, TAG_BYTES)))
            continue;
        if (all.n == sizeof bytes) {
            h->overflow = true;
            break;
        }
        memcpy(bytes + all.n, more.p + i, TAG_BYTES);
        all.n += TAG_BYTES;
    }
    if (all.n != tags->n)
        *tags = arena_str(a, all);
}

void
late_told(struct riwayat *h, struct arena *a, struct str findings)
{
    struct scan_iter it = scan_iter(findings);
    struct buf tags = buf_make(LATE_BYTES);

    while (h->kini.revisi && scan_next(&it)) {
        char tag[TAG_BYTES];
        struct finding f;

        if (look(h, it.value, &f)) {
            put(tag, tag_of(&f, f.kode), TAG_BYTES);
            buf_add(&tags, tag, TAG_BYTES);
        }
        buf_free(&f.tmp);
    }
    h->overflow |= tags.failed;
    if (!tags.failed)
        add_tags(h, a, &h->told, buf_view(&tags));
    buf_free(&tags);
}

void
late_returned(struct riwayat *h, struct arena *a)
{
    if (!h->kini.revisi)
        return;
    if (h->n < LATE_FORMS)
        h->n++;
    memmove(h->lalu + 1, h->lalu, (h->n - 1) * sizeof *h->lalu);
    h->lalu[0] = h->kini;
    add_tags(h, a, &h->listed, h->told);
    h->kini = (struct sidik){0};
    h->told = STR_NULL;
}

/* ---- stored ----------------------------------------------------------------------------------------------------- */

enum { OVERFLOW = 0x80, FORM_BYTES = 11 };

static void
write_number(struct buf *out, uint64_t v, unsigned bytes)
{
    char tmp[8];

    put(tmp, v, bytes);
    buf_add(out, tmp, bytes);
}

static void
write_form(struct buf *out, const struct sidik *s)
{
    write_number(out, (uint32_t)s->revisi, 4);
    write_number(out, s->aturan, 4);
    write_number(out, s->whole, 1);
    write_number(out, s->marks.n, 2);
    buf_str(out, s->marks);
}

void
late_write(const struct riwayat *h, struct buf *out)
{
    write_number(out, VERSION, 1);
    write_number(out, h->n | (h->overflow ? OVERFLOW : 0), 1);
    write_form(out, &h->kini);
    for (unsigned i = 0; i < h->n; i++)
        write_form(out, &h->lalu[i]);
    write_number(out, h->told.n, 2);
    buf_str(out, h->told);
    write_number(out, h->listed.n, 2);
    buf_str(out, h->listed);
}

/* The next `n` bytes; false where there are not so many. */
static bool
take(struct str *in, size_t n, struct str *ret)
{
    if (n > in->n)
        return false;
    *ret = (struct str){in->p, n};
    *in = (struct str){in->p + n, in->n - n};
    return true;
}

static bool
read_form(struct str *in, struct sidik *s)
{
    struct str head;

    if (!take(in, FORM_BYTES, &head))
        return false;
    s->revisi = (int32_t)get(head.p, 4);
    s->aturan = (uint32_t)get(head.p + 4, 4);
    s->whole = head.p[8] != 0;
    return take(in, get(head.p + 9, 2), &s->marks) && s->marks.n % MARK_BYTES == 0;
}

static bool
read_tags(struct str *in, struct str *tags)
{
    struct str head;

    return take(in, 2, &head) && take(in, get(head.p, 2), tags) && tags->n % TAG_BYTES == 0 &&
           tags->n / TAG_BYTES <= LATE_TOLD;
}

static bool
read_all(struct str in, struct riwayat *h)
{
    struct str head;
    bool ok = take(&in, 2, &head) && head.p[0] == VERSION;

    if (!ok)
        return false;
    h->n = (unsigned char)head.p[1] & (OVERFLOW - 1U);
    h->overflow = ((unsigned char)head.p[1] & OVERFLOW) != 0;
    ok = h->n <= LATE_FORMS && read_form(&in, &h->kini);
    for (unsigned i = 0; ok && i < h->n; i++)
        ok = read_form(&in, &h->lalu[i]);
    return ok && read_tags(&in, &h->told) && read_tags(&in, &h->listed) && in.n == 0;
}

bool
late_read(struct str bytes, struct str nomor, struct riwayat *h)
{
    bool ok;

    *h = (struct riwayat){0};
    ok = bytes.n == 0 || read_all(bytes, h);
    if (!ok)
        *h = (struct riwayat){0};
    h->salt = stir(str_hash(nomor));
    return ok;
}
