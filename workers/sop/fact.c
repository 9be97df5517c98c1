#include "workers/sop/fact.h"

#include <ctype.h>
#include <stdlib.h>

#include "common/base/hash.h"
#include "common/json/scan.h"

enum { STORE_MAX = 4 << 20 };

int
append_cmp(const struct append *a, const struct append *b)
{
    int c;

    if (a->ms != b->ms)
        return a->ms < b->ms ? -1 : 1;
    if ((c = str_cmp(a->topic, b->topic)))
        return c < 0 ? -1 : 1;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

void
event_free(void *event)
{
    struct event *ev = event;

    if (!ev)
        return;
    ce_free(&ev->ce);
    buf_free(&ev->store);
    free(ev->more);
    free(ev);
}

/* ---- checks of the envelope ------------------------------------------------------------------------------------- */

struct str
fact_sender(struct str source)
{
    struct str head = STR("/opd/");
    size_t n = head.n;

    if (!str_starts(source, head))
        return STR_NULL;
    while (n < source.n && source.p[n] != '/')
        n++;
    return n > head.n ? (struct str){source.p + head.n, n - head.n} : STR_NULL;
}

/* An outsider on a request topic signs as /opd/<kode_opd>..; a department's own topic also fixes which. */
static bool
source_ok(struct str source, struct str topic)
{
    struct str own = STR("requests.");
    struct str kode = fact_sender(source);

    if (!str_starts(topic, STR("requests")))
        return true;
    if (kode.n == 0 || !str_starts(topic, own))
        return kode.n > 0;
    return str_eq(kode, (struct str){topic.p + own.n, topic.n - own.n});
}

/* Topics are apart by who may write them: an outsider's must not carry a decision or an answer. */
static bool
topic_ok(enum fact_type t, struct str topic)
{
    static const char *const home[] = {
        [FACT_REVIEW] = "reviews", [FACT_CALLBACK] = "callbacks", [FACT_CHECK] = "checks",
        [FACT_REFUSED] = "checks", [FACT_DEADLINE] = "deadlines", [FACT_WARNED] = "deadlines",
        [FACT_STATUS] = "status"};

    if (t == FACT_UNKNOWN)
        return true;
    if (t <= FACT_WITHDRAWN)
        return str_is(topic, "requests") || str_starts(topic, STR("requests."));
    return str_is(topic, fact_is_integration(t) ? "integrations" : home[t]);
}

static struct str
bare_topic(const char *topic, const char *prefix)
{
    struct str t = str_of(topic);
    size_t n = strlen(prefix);

    if (t.n > n && memcmp(t.p, prefix, n) == 0 && t.p[n] == '.')
        return (struct str){t.p + n + 1, t.n - n - 1};
    return t;
}

static int64_t
effective_time(const struct event_opts *o, const struct ce *ce, struct fact *f)
{
    int64_t append_us = f->append.ms * 1000;

    if (!fact_is_outside(f->type))
        return ce->time_us == INT64_MIN ? append_us : ce->time_us;
    if (ce->time_us == INT64_MIN)
        return append_us;
    f->backdated = ce->time_us > append_us || ce->time_us < append_us - o->tolerance_us;
    if (ce->time_us > append_us)
        return append_us;
    return ce->time_us < append_us - o->tolerance_us ? append_us - o->tolerance_us : ce->time_us;
}

/* ---- members of data -------------------------------------------------------------------------------------------- */

enum member {
    M_REVISI,
    M_PUTARAN,
    M_URUTAN,
    M_PUTUSAN,
    M_SUMBER,
    M_ID_PENGAJUAN,
    M_TEMUAN,
    M_STATUS_BEDELAU,
    M_STATUS,
    M_ID_INTEGRASI,
    M_URUTAN_BEDELAU,
    M_TAHAP,
    M_KEADAAN,
    M_KODE_OPD,
    M_NAMA_OPD,
    M_NAMA_SISTEM,
    M_KEPUTUSAN,
    M_JENIS,
    MEMBERS
};
static const char *const member_names[] = {
    "revisi",  "putaran",        "urutan",   "putusan",      "sumber_pengajuan", "id_pengajuan",
    "temuan",  "status_bedelau", "status",   "id_integrasi", "urutan_bedelau",   "tahap",
    "keadaan", "kode_opd",       "nama_opd", "nama_sistem",  "keputusan",        "jenis_pengajuan"};

struct reading {
    struct str raw[MEMBERS];
    struct event *ev;
    struct err *e;
};

static struct str
text(struct reading *r, enum member m)
{
    return scan_string(r->raw[m], &r->ev->store);
}

static int64_t
whole(struct reading *r, enum member m)
{
    int64_t v;

    return scan_int(r->raw[m], &v) ? v : 0;
}

static int32_t
small(struct reading *r, enum member m)
{
    int64_t v = whole(r, m);

    return v > 0 && v <= SOP_COUNT_MAX ? (int32_t)v : 0;
}

static enum res
lack(struct reading *r, const char *name)
{
    return err_set(r->e, RES_REJECT, "data: member %s is missing or malformed", name);
}

static enum res
read_check(struct reading *r)
{
    struct fact *f = &r->ev->fact;

    f->putusan = putusan_of(text(r, M_PUTUSAN));
    f->sumber_pengajuan = text(r, M_SUMBER);
    f->id_pengajuan = text(r, M_ID_PENGAJUAN);
    f->temuan = scan_kind(r->raw[M_TEMUAN]) == SCAN_ARRAY ? r->raw[M_TEMUAN] : STR("[]");
    if (f->putusan == PUTUSAN_NONE)
        return lack(r, "putusan");
    if (!f->putaran)
        return lack(r, "putaran");
    return f->urutan > 0 ? RES_OK : lack(r, "urutan");
}

static enum res
read_deadline(struct reading *r)
{
    struct fact *f = &r->ev->fact;

    f->tahap = tahap_of(text(r, M_TAHAP));
    f->keadaan = keadaan_of(text(r, M_KEADAAN));
    f->jam = r->ev->ce.data;
    if (f->tahap == TAHAPS)
        return lack(r, "tahap");
    if (f->keadaan == KEADAANS && f->type == FACT_DEADLINE)
        return lack(r, "keadaan");
    return f->urutan > 0 || f->type == FACT_WARNED ? RES_OK : lack(r, "urutan");
}

static enum res
read_integration(struct reading *r)
{
    struct fact *f = &r->ev->fact;

    f->status_bedelau = text(r, M_STATUS_BEDELAU);
    f->id_integrasi = text(r, M_ID_INTEGRASI);
    f->urutan_bedelau = whole(r, M_URUTAN_BEDELAU);
    if (!f->putaran)
        return lack(r, "putaran");
    return f->urutan > 0 ? RES_OK : lack(r, "urutan");
}

static enum res
read_outside(struct reading *r)
{
    struct fact *f = &r->ev->fact;

    f->kode_opd = text(r, M_KODE_OPD);
    f->nama_opd = text(r, M_NAMA_OPD);
    f->nama_sistem = text(r, M_NAMA_SISTEM);
    f->jenis = text(r, M_JENIS);
    if (f->type == FACT_REVIEW) {
        f->putusan = putusan_of(text(r, M_KEPUTUSAN));
        if (f->putusan < PUTUSAN_DITERIMA || f->putusan > PUTUSAN_DITOLAK)
            return lack(r, "keputusan");
        return f->putaran ? RES_OK : lack(r, "putaran");
    }
    if (f->type == FACT_CALLBACK) {
        f->id_integrasi = text(r, M_ID_INTEGRASI);
        f->status_bedelau = text(r, M_STATUS);
        f->urutan_bedelau = whole(r, M_URUTAN);
        f->urutan = 0;
        return f->id_integrasi.n && f->status_bedelau.n ? RES_OK : lack(r, "id_integrasi or status");
    }
    return RES_OK;
}

static bool
about_a_revision(enum fact_type t)
{
    return t != FACT_REGISTERED && t != FACT_WITHDRAWN && t != FACT_CALLBACK && t != FACT_REFUSED &&
           t != FACT_STATUS;
}

static enum res
read_data(struct event *ev, struct err *e)
{
    struct reading r = {.ev = ev, .e = e};
    struct fact *f = &ev->fact;
    int64_t ext;

    if (!ce_pick(&ev->ce, member_names, r.raw, MEMBERS))
        return err_set(e, RES_REJECT, "data is missing or no JSON object");
    if (memchr(ev->ce.data.p, '\\', ev->ce.data.n) && !buf_room(&ev->store, ev->ce.data.n))
        return err_set(e, RES_REJECT, "data is too large"); /* decoded text must not move */
    f->revisi = small(&r, M_REVISI);
    f->putaran = small(&r, M_PUTARAN);
    f->urutan = whole(&r, M_URUTAN);
    if (!f->revisi_ext && str_int(ce_ext(&ev->ce, "revisi"), &ext) && ext > 0 && ext <= SOP_COUNT_MAX)
        f->revisi_ext = (int32_t)ext;
    if (!f->revisi)
        f->revisi = f->revisi_ext;
    if (!f->revisi && about_a_revision(f->type))
        return lack(&r, "revisi");
    if (f->type == FACT_CHECK)
        return read_check(&r);
    if (f->type == FACT_DEADLINE || f->type == FACT_WARNED)
        return read_deadline(&r);
    if (fact_is_integration(f->type))
        return read_integration(&r);
    return fact_is_outside(f->type) ? read_outside(&r) : RES_OK;
}

/* ---- identity --------------------------------------------------------------------------------------------------- */

static void
digest16(struct hash *h, const struct str *parts, unsigned n, unsigned char out[16])
{
    unsigned char full[HASH_SIZE];

    for (unsigned i = 0; i < n; i++) {
        hash_add_int(h, (int64_t)parts[i].n);
        hash_add(h, STR(":"));
        hash_add(h, parts[i]);
    }
    hash_end(h, full);
    memcpy(out, full, 16);
}

void
event_identify_with(struct event *ev, struct hash *h)
{
    const struct str key[] = {ev->ce.source, ev->ce.id};
    const struct str content[] = {ev->ce.type, ev->ce.subject, ev->ce.data};

    digest16(h, key, 2, ev->seen_key);
    digest16(h, content, 3, ev->seen_hash);
}

void
event_identify(struct event *ev)
{
    struct hash *h = hash_must();

    event_identify_with(ev, h);
    hash_free(h);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static enum res
refuse(struct flow_item *it, const char *code, struct err *e, const char *why)
{
    it->code = code;
    return err_set(e, RES_REJECT, "%s", why);
}

static enum res
interpret(const struct event_opts *o, struct flow_item *it, struct event *ev, struct scan_members *room,
          struct err *e)
{
    struct fact *f = &ev->fact;
    const rd_kafka_message_t *m = it->rkm;
    enum res res;

    if ((int64_t)m->len > o->size_max)
        return refuse(it, "TOO_LARGE", e, "the record is larger than an event may be");
    res = ce_from_record_members(m, &ev->ce, room, e);
    if (res != RES_OK)
        return res;
    ev->subject = ev->ce.subject;
    f->type = fact_type_of(ev->ce.type);
    f->source = ev->ce.source;
    f->id = ev->ce.id;
    f->append =
        (struct append){rd_kafka_message_timestamp(m, NULL),
                        bare_topic(rd_kafka_topic_name(m->rkt), o->topic_prefix), m->partition, m->offset};
    if (!nomor_ok(ev->subject))
        return refuse(it, "BAD_SUBJECT", e, "the subject is no nomor_permohonan");
    if (!source_ok(ev->ce.source, f->append.topic))
        return refuse(it, "BAD_SOURCE", e, "the source may not publish there: it must begin /opd/<kode_opd>");
    if (!topic_ok(f->type, f->append.topic))
        return refuse(it, "BAD_SOURCE", e, "an event of this type may not be published there");
    f->time_us = effective_time(o, &ev->ce, f);
    if (f->type == FACT_UNKNOWN)
        return RES_OK;
    res = read_data(ev, e);
    if (res == RES_REJECT)
        it->code = "BAD_DATA";
    return res;
}

enum res
event_read_members(const struct event_opts *o, struct flow_item *it, struct scan_members *room, struct err *e)
{
    struct event *ev = calloc(1, sizeof *ev);
    enum res res;

    if (!ev)
        return err_set(e, RES_RETRY, "out of memory");
    ev->store = buf_make(STORE_MAX);
    res = interpret(o, it, ev, room, e);
    if (res == RES_OK)
        it->mine = ev;
    else
        event_free(ev);
    return res;
}

enum res
event_read(const struct event_opts *o, struct flow_item *it, struct err *e)
{
    struct scan_members room;
    enum res res = event_read_members(o, it, &room, e);

    if (res == RES_OK)
        ((struct event *)it->mine)->ce.member = NULL; /* the room is gone */
    return res;
}

struct append
fact_place(const struct event_opts *o, const struct fact_row *row)
{
    return (struct append){row->append_us / 1000, bare_topic(row->topic.p, o->topic_prefix), row->partition,
                           row->offset};
}

enum res
event_restore(const struct event_opts *o, const struct fact_row *row, struct event **ret, struct err *e)
{
    struct event *ev = calloc(1, sizeof *ev);
    enum res res;

    *ret = NULL;
    if (!ev)
        return err_set(e, RES_RETRY, "out of memory");
    ev->store = buf_make(STORE_MAX);
    ev->ce.source = row->source;
    ev->ce.id = row->id;
    ev->ce.type = row->type;
    ev->ce.subject = ev->subject = row->subject;
    ev->ce.data = row->data;
    ev->fact = (struct fact){.type = fact_type_of(row->type),
                             .source = row->source,
                             .id = row->id,
                             .time_us = row->effective_us,
                             .revisi_ext = row->revisi,
                             .append = fact_place(o, row)};
    res = ev->fact.type == FACT_UNKNOWN ? RES_OK : read_data(ev, e);
    if (res == RES_OK)
        *ret = ev;
    else
        event_free(ev);
    return res;
}
