/* What each rule of pa20.rules.json means, by its name (schemas/README.md): small pure functions of the form's raw
 * values and the context. True = the finding is to be made. A value that is not of its kind is the schema's to say. */
#include <strings.h>

#include "common/json/scan.h"
#include "workers/sop/rules/format.h"
#include "workers/sop/rules/nip.h"
#include "workers/sop/rules/normal.h"
#include "workers/sop/rules/rules_param.h"
#include "workers/sop/rules/rules_priv.h"

/* ---- values ----------------------------------------------------------------------------------------------------- */

/* A text decoded; it lives as long as the judging. STR_NULL for what is no text. */
static struct str
text(struct judging *j, struct str raw)
{
    struct buf tmp = buf_make(raw.n + 1);
    struct str s = scan_string(raw, NULL);

    if (s.p) /* mostly it is written as it is */
        return s;
    s = scan_string(raw, &tmp);
    if (tmp.p)
        s = arena_str(&j->arena, s);
    buf_free(&tmp);
    return s;
}

static struct str
field_text(struct judging *j, unsigned field)
{
    return text(j, j->fields->raw[field]);
}

/* YYYY-MM-DD of any year, before 1970 too. */
static bool
day_of(struct judging *j, struct str raw, int64_t *day)
{
    return caltime_date_parse_any(text(j, raw), day);
}

/* Whether a text is among the values of `bila`. */
static bool
is_among(const struct rule *rule, struct str s)
{
    for (unsigned i = 0; i < rule->p.nbila; i++)
        if (str_is(s, rule->p.bila[i]))
            return true;
    return false;
}

/* ---- the envelope ----------------------------------------------------------------------------------------------- */

static bool
same_as_subject(struct judging *j, const struct rule *rule, struct str value)
{
    struct str s = text(j, value);

    (void)rule;
    return s.p && j->ctx->subject.p && !str_eq(s, j->ctx->subject);
}

static bool
same_as_extension(struct judging *j, const struct rule *rule, struct str value)
{
    int64_t v;

    (void)rule;
    return j->ctx->revisi && scan_int(value, &v) && v != j->ctx->revisi;
}

/* ---- days ------------------------------------------------------------------------------------------------------- */

static bool
not_after_today(struct judging *j, const struct rule *rule, struct str value)
{
    int64_t day;

    (void)rule;
    return day_of(j, value, &day) && day > j->ctx->today;
}

static bool
not_before_today(struct judging *j, const struct rule *rule, struct str value)
{
    int64_t day;

    (void)rule;
    return day_of(j, value, &day) && day < j->ctx->today;
}

static bool
not_after_event(struct judging *j, const struct rule *rule, struct str value)
{
    int64_t day;

    (void)rule;
    return day_of(j, value, &day) && day > (j->ctx->event_day ? *j->ctx->event_day : j->ctx->today);
}

static bool
not_after_this_year(struct judging *j, const struct rule *rule, struct str value)
{
    int64_t year;

    (void)rule;
    return scan_int(value, &year) && year > caltime_date(j->ctx->today).y;
}

static bool
not_older_than(struct judging *j, const struct rule *rule, struct str value)
{
    int64_t day;

    return day_of(j, value, &day) && j->ctx->today - day > rule->p.hari;
}

static bool
more_days_left_than(struct judging *j, const struct rule *rule, struct str value)
{
    int64_t day;

    return day_of(j, value, &day) && day - j->ctx->today <= rule->p.hari;
}

static bool
required_after(struct judging *j, const struct rule *rule, struct str value)
{
    struct str s = text(j, value);

    if (value.p && !s.p)
        return false; /* there, but no text */
    return j->ctx->today > rule->p.tanggal && normal_blank(s);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static bool
is_in_table(struct judging *j, const struct rule *rule, struct str value)
{
    struct str s = text(j, value);

    return s.p && !opd_find(j->r->opd, rule->p.kolom, s);
}

/* The row of `kunci`; a key without a row is another rule's finding. */
static const struct opd_row *
row_of(struct judging *j, const struct rule *rule)
{
    return opd_find(j->r->opd, OPD_KODE, field_text(j, rule->p.kunci[0]));
}

static bool
same_as_table(struct judging *j, const struct rule *rule, struct str value)
{
    const struct opd_row *row = row_of(j, rule);
    struct str s = text(j, value);

    return s.p && row && !str_eq(s, row->col[rule->p.kolom]);
}

static bool
role_in_table(struct judging *j, const struct rule *rule, struct str value)
{
    const struct opd_row *row = row_of(j, rule);

    return row && is_among(rule, text(j, value)) && !str_is(row->col[rule->p.kolom], rule->p.nilai);
}

/* ---- addresses -------------------------------------------------------------------------------------------------- */

static bool
same_case(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

/* Scheme and host whatever their case, "" as "/"; the rest to the letter. */
static bool
same_address(struct str a, struct str b)
{
    struct str ha = format_https_host(a);
    struct str hb = format_https_host(b);
    struct str ta;
    struct str tb;

    if (!ha.p || !hb.p)
        return str_eq(a, b);
    ta = (struct str){ha.p + ha.n, a.n - (size_t)(ha.p + ha.n - a.p)};
    tb = (struct str){hb.p + hb.n, b.n - (size_t)(hb.p + hb.n - b.p)};
    return same_case(ha, hb) && str_eq(ta.n ? ta : STR("/"), tb.n ? tb : STR("/"));
}

static bool
differs_from(struct judging *j, const struct rule *rule, struct str value)
{
    struct str s = text(j, value);

    for (unsigned i = 0; s.p && i < rule->p.ndari; i++) {
        struct str other = field_text(j, rule->p.dari[i]);

        if (other.p && same_address(s, other))
            return true;
    }
    return false;
}

/* An address among `dari` that cannot be read has its own finding; until it is mended nothing is said here. */
static bool
host_is_one_of(struct judging *j, const struct rule *rule, struct str value)
{
    struct str host = format_https_host(text(j, value));

    for (unsigned i = 0; i < rule->p.ndari; i++) {
        struct str raw = j->fields->raw[rule->p.dari[i]];
        struct str other = format_https_host(text(j, raw));

        if (raw.p && (!other.p || same_case(host, other)))
            return false;
    }
    return host.p != NULL;
}

/* ---- NIP -------------------------------------------------------------------------------------------------------- */

static const struct known_nip *
nip_of(struct judging *j, struct str raw)
{
    struct known_nip *known = &j->nip;

    if (known->raw.p != raw.p) {
        known->raw = raw;
        known->ok = nip_parse(text(j, raw), &known->nip);
    }
    return known;
}

/* Reads a NIP and its kind; false where the kind has none or the number is the schema's finding. */
static bool
read_nip(struct judging *j, const struct rule *rule, struct str value, struct nip *nip, enum nip_kind *kind)
{
    const struct known_nip *known = nip_of(j, value);
    struct str jenis = field_text(j, rule->p.jenis);

    *kind = str_is(jenis, "pppk") ? NIP_PPPK : NIP_PNS;
    if (!str_is(jenis, "pns") && !str_is(jenis, "pppk"))
        return false;
    if (rule->p.nbila && !is_among(rule, jenis))
        return false;
    *nip = known->nip;
    return known->ok;
}

static bool
nip_age_today(struct judging *j, const struct rule *rule, struct str value)
{
    enum nip_kind kind;
    struct nip nip;
    int age;

    if (!read_nip(j, rule, value, &nip, &kind))
        return false;
    age = nip_age(&nip, j->ctx->today);
    return age < rule->p.minimum || age > rule->p.maksimum;
}

static bool
nip_age_then(struct judging *j, const struct rule *rule, struct str value)
{
    enum nip_kind kind;
    struct nip nip;

    return read_nip(j, rule, value, &nip, &kind) && nip_age_appointed(&nip) > rule->p.maksimum;
}

static bool
nip_not_ahead(struct judging *j, const struct rule *rule, struct str value)
{
    enum nip_kind kind;
    struct nip nip;

    return read_nip(j, rule, value, &nip, &kind) && nip_is_ahead(&nip, kind, j->ctx->today);
}

/* ---- the state, which the caller knows -------------------------------------------------------------------------- */

static bool
original_is_active(struct judging *j, const struct rule *rule, struct str value)
{
    (void)rule;
    (void)value;
    return j->ctx->original_active == KNOWN_NO;
}

static bool
one_open_request(struct judging *j, const struct rule *rule, struct str value)
{
    (void)value;
    return j->ctx->duplicate_open == KNOWN_YES &&
           (!rule->p.bila_field_given || is_among(rule, field_text(j, rule->p.bila_field)));
}

static bool
letter_is_new(struct judging *j, const struct rule *rule, struct str value)
{
    (void)rule;
    (void)value;
    return j->ctx->letter_seen == KNOWN_YES;
}

/* ---- the names -------------------------------------------------------------------------------------------------- */

const struct rule_kind rule_kinds[] = {
    {"sama_dengan_subjek", same_as_subject, 0, 0, RULE_WRONG},
    {"sama_dengan_ekstensi", same_as_extension, P_EKSTENSI, 0, 0},
    {"tidak_setelah_hari_ini", not_after_today, P_ZONA, 0, 0},
    {"tidak_sebelum_hari_ini", not_before_today, P_ZONA, 0, 0},
    {"tidak_setelah_tahun_ini", not_after_this_year, P_ZONA, 0, 0},
    {"tidak_setelah_tanggal_kejadian", not_after_event, P_ZONA, 0, 0},
    {"tidak_lebih_lama_dari", not_older_than, P_HARI | P_ZONA, 0, 0},
    {"sisa_hari_lebih_dari", more_days_left_than, P_HARI | P_ZONA, 0, 0},
    {"wajib_setelah", required_after, P_TANGGAL | P_ZONA, 0, RULE_ABSENT},
    {"ada_di_tabel", is_in_table, P_TABEL | P_KOLOM, 0, 0},
    {"sama_dengan_tabel", same_as_table, P_TABEL | P_KUNCI | P_KOLOM, 0, 0},
    {"peran_tabel", role_in_table, P_TABEL | P_KUNCI | P_KOLOM | P_NILAI | P_BILA, 0, 0},
    {"berbeda_dari", differs_from, P_DARI, 0, 0},
    {"host_salah_satu_dari", host_is_one_of, P_DARI, 0, 0},
    {"nip_umur_hari_ini", nip_age_today, P_JENIS | P_MINIMUM | P_MAKSIMUM | P_ZONA, P_BILA, 0},
    {"nip_umur_pengangkatan", nip_age_then, P_JENIS | P_MAKSIMUM, P_BILA, 0},
    {"nip_pengangkatan_tidak_setelah_hari_ini", nip_not_ahead, P_JENIS | P_ZONA, P_BILA, 0},
    {"integrasi_aktif", original_is_active, 0, 0, 0},
    {"satu_permohonan_terbuka", one_open_request, 0, P_BILA, 0},
    {"surat_belum_dipakai", letter_is_new, 0, 0, 0},
    {"batas_temuan", NULL, P_MAKSIMUM, 0, RULE_ELSEWHERE | RULE_WHOLE},
    {"dokumen_ada", NULL, 0, 0, RULE_ELSEWHERE},
    {"dokumen_ukuran", NULL, P_MAKSIMUM, 0, RULE_ELSEWHERE},
    {"dokumen_sha256", NULL, 0, 0, RULE_ELSEWHERE},
    {"dokumen_pdf", NULL, 0, 0, RULE_ELSEWHERE},
    {"dokumen_tidak_terenkripsi", NULL, 0, 0, RULE_ELSEWHERE},
    {"dokumen_tte", NULL, 0, P_BILA | P_JENIS_LAMPIRAN, RULE_ELSEWHERE},
    {"dokumen_ca_dikenal", NULL, 0, 0, RULE_ELSEWHERE},
    {"dokumen_belum_diperiksa", NULL, 0, 0, RULE_ELSEWHERE},
    {NULL, NULL, 0, 0, 0},
};
