/* Every case file of tests/cases/pa20: the findings of form PA.20, exactly, as every program makes them; and what files
 * cannot say: what is refused at load, cut lists, hostile forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "common/base/file.h"
#include "common/json/scan.h"
#include "common/json/schema_fast.h"
#include "tests/unit/folder.h"
#include "workers/sop/rules/cases.h"
#include "workers/sop/rules/secret.h"
#include "workers/sop/rules/source.h"

#define FORMS "schemas/forms"
#define OPD   "schemas/data/opd.csv"

static struct bench {
    struct rules *rules;
    json_t *form;
    struct cases cases;
} shared; /* loaded once */

static void
check_case(void **state)
{
    struct buf why = buf_make(1 << 16);
    struct err e = {0};
    enum res res = case_run(shared.rules, shared.form, *state, &why, &e);

    if (res != RES_OK)
        print_error("%s: %s%s\n", (const char *)*state, why.p ? why.p : "", e.text);
    buf_free(&why);
    assert_int_equal(res, RES_OK);
}

/* ---- forms that no case file can say ---------------------------------------------------------------------------- */

/* The findings of a form on 2025-10-06; the caller's. */
static json_t *
judge(struct str form, const struct form_context *ctx, struct rules_count *n)
{
    struct buf out = buf_make(1 << 20);
    json_t *list;

    assert_int_equal(scan_document(form, NULL), RES_OK);
    *n = rules_check(shared.rules, form, ctx, &out);
    assert_false(out.failed);
    list = json_loadb(out.p, out.n, 0, NULL);
    assert_non_null(list);
    assert_int_equal(json_array_size(list), n->errors + n->notes);
    buf_free(&out);
    return list;
}

static int64_t
day(const char *text)
{
    int64_t d;

    assert_true(caltime_date_parse(str_of(text), &d));
    return d;
}

static const char *
member(const json_t *list, size_t i, const char *name)
{
    return json_string_value(json_object_get(json_array_get(list, i), name));
}

static bool
has(const json_t *list, const char *code, const char *at)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(member(list, i, "kode"), code) == 0 && strcmp(member(list, i, "lokasi"), at) == 0)
            return true;
    return false;
}

static void
no_object(void **state)
{
    struct form_context ctx = {.subject = STR("X-1"), .today = day("2026-11-25")};
    struct rules_count n;
    json_t *list = judge(STR("[1]"), &ctx, &n);

    (void)state;
    assert_int_equal(n.errors, 1);
    assert_int_equal(n.notes, 0);
    json_decref(list);
}

/* A number past 64 bits is a wrong revisi, not an unreadable form. */
static void
big_number(void **state)
{
    struct form_context ctx = {.today = day("2026-11-25")};
    struct rules_count n;
    json_t *list =
        judge(STR("{\"revisi\":123456789012345678901234567890,\"tahun_pembangunan\":2020}"), &ctx, &n);

    (void)state;
    assert_true(has(list, "PA20-E-207", "/perihal"));
    assert_false(has(list, "PA20-E-900", ""));
    json_decref(list);
}

/* The name of an unknown member is the sender's: what may be a value is not repeated. */
static void
private_names(void **state)
{
    struct form_context ctx = {.today = day("2026-11-25")};
    struct rules_count n;
    char *text = json_dumps(shared.form, JSON_COMPACT);
    struct buf form = buf_make(1 << 20);
    json_t *list;
    char *all;

    (void)state;
    buf_add(&form, text, strlen(text) - 1);
    buf_z(&form, ",\"198402292010011001\":1,\"sri@batam.go.id\":1,\"nik 2171012902840001\":1,\"x\":{\"token "
                 "2171012902840001\":1}}");
    list = judge(buf_view(&form), &ctx, &n);
    all = json_dumps(list, 0);
    assert_null(strstr(all, "1984"));
    assert_null(strstr(all, "sri@"));
    assert_null(strstr(all, "2171012902840001"));
    assert_true(has(list, "PA20-E-109", "/x"));
    assert_true(has(list, "PA20-E-109", ""));
    free(all);
    free(text);
    buf_free(&form);
    json_decref(list);
}

/* 100,000 wrong items: 499 are listed, the last says how many are not. */
static void
many_findings(void **state)
{
    struct form_context ctx = {.today = day("2025-10-06")};
    json_t *form = json_deep_copy(shared.form);
    json_t *items = json_array();
    struct rules_count n;
    char *text;
    json_t *list;

    (void)state;
    for (int i = 0; i < 100000; i++)
        json_array_append_new(items, json_integer(i));
    json_object_set_new(form, "bahasa_pemrograman", items);
    text = json_dumps(form, JSON_COMPACT);
    list = judge(str_of(text), &ctx, &n);
    assert_int_equal(n.errors, RULES_FINDINGS_MAX);
    assert_string_equal(member(list, 499, "kode"), "PA20-E-999");
    /* each item, and the list that is too long */
    assert_non_null(strstr(member(list, 499, "pesan"), "99502"));
    assert_non_null(strstr(member(list, 499, "message"), "99502 more"));
    free(text);
    json_decref(list);
    json_decref(form);
}

/* ---- members that may not be kept ------------------------------------------------------------------------------- */

/* The names that are masked are those that the schema refuses. */
static void
secret_names(void **state)
{
    static const struct {
        const char *name;
        bool secret;
    } t[] = {{"password", true},   {"Password2", true},    {"userPasswd", true}, {"passwrd", false},
             {"kata_sandi", true}, {"KataSandi", true},    {"kata-sandi", true}, {"kata sandi", false},
             {"secret", true},     {"clientSecret", true}, {"token", true},      {"accessToken", true},
             {"nik", true},        {"NIK", true},          {"Nik", true},        {"nik_pemohon", true},
             {"no_nik", true},     {"noNIK", true},        {"noNik", true},      {"nonik", false},
             {"nikah", false},     {"teknik", false},      {"TEKNIK", false},    {"nikPemohon", true},
             {"1nik", true},       {"unik", false},        {"sandi", false},     {"tok", false},
             {"klinik_a", false},  {"a.nik", true},        {"xNIk1", true}};

    (void)state;
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
        struct form_context ctx = {.today = day("2025-10-06")};
        char text[128];
        char place[64];
        struct rules_count n;
        json_t *list;

        snprintf(text, sizeof text, "{\"%s\":1}", t[i].name);
        snprintf(place, sizeof place, "/%s", t[i].name);
        list = judge(str_of(text), &ctx, &n);
        if (secret_name(str_of(t[i].name)) != t[i].secret || has(list, "PA20-E-109", place) != t[i].secret ||
            secret_found(str_of(text)) != t[i].secret)
            fail_msg("%s", t[i].name);
        json_decref(list);
    }
}

static void
secret_values(void **state)
{
    static const struct {
        const char *text, *masked; /* NULL: nothing to mask */
    } t[] = {{"{\"a\":1}", NULL},
             {"{\"token\":\"abc\"}", "{\"token\":\"***\"}"},
             {" { \"a\" : 1 , \"NIK\" : 12 } ", " { \"a\" : 1 , \"NIK\" : \"***\" } "},
             {"{\"secret\":{\"x\":[1,2]},\"b\":\"token\"}", "{\"secret\":\"***\",\"b\":\"token\"}"},
             {"{\"a\":[1,{\"b\":{\"n\\u0069k\":\"1\",\"c\":1e2}}],\"password\":null}",
              "{\"a\":[1,{\"b\":{\"n\\u0069k\":\"***\",\"c\":1e2}}],\"password\":\"***\"}"},
             {"[]", NULL},
             {"\"token\"", NULL},
             {"null", NULL}};

    (void)state;
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
        struct buf out = buf_make(256);
        bool any = secret_mask(str_of(t[i].text), &out);

        if (any != (t[i].masked != NULL) || (any && !str_is(buf_view(&out), t[i].masked)) || (!any && out.n))
            fail_msg("%s became %s", t[i].text, out.p ? out.p : "");
        assert_int_equal(secret_found(str_of(t[i].text)), any);
        buf_free(&out);
    }
}

/* Wherever in a long text it stands. */
static void
secret_places(void **state)
{
    static const char *const names[] = {"xpassword", "PASSWD", "kata-sandi", "aSecret",
                                        "token9",    "nik",    "noNik"};

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        for (unsigned n = 0; n < sizeof names / sizeof *names; n++) {
            struct buf text = buf_make(1024);
            struct buf out = buf_make(1024);

            buf_printf(&text, "{\"%0*d\":\"kategori komunikasi, pas: unik\",\"%s\":1}", (int)i + 1, 0,
                       names[n]);
            assert_true(secret_mask(buf_view(&text), &out));
            assert_true(str_ends(buf_view(&out), STR("\":\"***\"}")));
            memcpy(text.p + text.n - 7, "aaa", 3); /* the end of the word */
            assert_false(secret_found(buf_view(&text)));
            buf_free(&text);
            buf_free(&out);
        }
}

/* ---- agreement with the shorter way ----------------------------------------------------------------------------- */

/* rules_clean says yes only where rules_check has no finding of a rule by name, and of the base form it does. */
static void
clean_agrees(void **state)
{
    struct form_context ctx = {.subject = STR("2.15.01-DEMO-001"), .today = day("2025-10-06")};
    struct form_fields f;
    char *text = json_dumps(shared.form, JSON_COMPACT);

    (void)state;
    rules_fields(shared.rules, str_of(text), &f);
    assert_true(rules_clean(shared.rules, &f, &ctx));
    ctx.today = day("2025-10-02"); /* before the letter */
    assert_false(rules_clean(shared.rules, &f, &ctx));
    ctx.today = day("2025-10-06");
    ctx.subject = STR("2.15.01-DEMO-002");
    assert_false(rules_clean(shared.rules, &f, &ctx));
    ctx.subject = STR("2.15.01-DEMO-001");
    ctx.duplicate_open = KNOWN_YES;
    assert_false(rules_clean(shared.rules, &f, &ctx));
    free(text);
}

/* Of all case forms, whatever else is known than what they say: the short way says the same, byte for byte. */
static void
short_way_agrees(void **state)
{
    struct tape *tape = rules_tape(shared.rules);
    unsigned found = 0, full_ways = 0;

    (void)state;
    assert_non_null(tape);
    for (size_t i = 0; i < shared.cases.n; i++) {
        json_t *c = source_load(shared.cases.path[i], NULL);
        json_t *form = case_form(c, shared.form);
        struct form_context ctx = {.subject = STR("2.15.01-DEMO-001"),
                                   .today = day(i % 3 ? "2025-10-06" : "2027-03-01"),
                                   .duplicate_open = (enum known)(i % 3),
                                   .letter_seen = (enum known)(i / 3 % 3)};
        struct buf full = buf_make(1 << 20), brief = buf_make(1 << 20);
        struct rules_count n, m;
        bool in_full;
        char *text;

        text = json_dumps(form, JSON_COMPACT | JSON_ENCODE_ANY);
        n = rules_check(shared.rules, str_of(text), &ctx, &full);
        m = rules_judge(shared.rules, tape, str_of(text), &ctx, &brief, &in_full);
        full_ways += in_full;
        if (n.errors != m.errors || n.notes != m.notes || !str_eq(buf_view(&full), buf_view(&brief)))
            fail_msg("%s: %s, the short way %s", shared.cases.path[i], full.p, brief.p);
        found += n.errors + n.notes > 0;
        buf_free(&full);
        buf_free(&brief);
        free(text);
        json_decref(form);
        json_decref(c);
    }
    assert_true(found > 100 && found < shared.cases.n);
    assert_true(full_ways <= found && full_ways > 100);
    tape_free(tape);
}

/* ---- days begin at 00:00 WIB ------------------------------------------------------------------------------------ */

static int64_t
at(const char *rfc3339)
{
    int64_t t;

    assert_true(caltime_parse(str_of(rfc3339), &t));
    return t;
}

static bool
finds(const char *time, const char *changes, const char *code, const char *place)
{
    struct form_context ctx = {.today = form_day(at(time))};
    json_t *form = json_deep_copy(shared.form);
    json_t *patch = json_loads(changes, 0, NULL);
    struct rules_count n;
    char *text;
    json_t *list;
    bool found;

    assert_non_null(patch);
    json_object_update(form, patch);
    text = json_dumps(form, JSON_COMPACT);
    list = judge(str_of(text), &ctx, &n);
    found = has(list, code, place);
    json_decref(list);
    json_decref(patch);
    json_decref(form);
    free(text);
    return found;
}

/* The last millisecond of one day in WIB and the first of the next: each date rule turns exactly there. */
static void
days_turn(void **state)
{
    static const struct {
        const char *changes, *code, *place, *before, *after;
        bool first; /* the finding is there before the turn; after it the opposite */
    } t[] = {
        {"{\"tanggal_surat\":\"2025-11-01\"}", "PA20-E-306", "/tanggal_surat",
         "2025-10-31T23:59:59.999+07:00", "2025-11-01T00:00:00+07:00", true},
        {"{\"tanggal_surat\":\"2025-11-01\"}", "PA20-E-306", "/tanggal_surat", "2025-10-31T16:59:59.999Z",
         "2025-10-31T17:00:00Z", true},
        {"{\"tanggal_surat\":\"2025-08-03\"}", "PA20-W-006", "/tanggal_surat",
         "2025-11-01T23:59:59.999+07:00", "2025-11-02T00:00:00+07:00", false},
        {"{\"tls_berlaku_sampai\":\"2025-11-01\"}", "PA20-E-343", "/tls_berlaku_sampai",
         "2025-11-01T23:59:59.999+07:00", "2025-11-02T00:00:00+07:00", false},
        {"{\"tls_berlaku_sampai\":\"2025-12-01\"}", "PA20-W-043", "/tls_berlaku_sampai",
         "2025-10-31T23:59:59.999+07:00", "2025-11-01T00:00:00+07:00", false},
        {"{\"tanggal_uji_keamanan\":\"2025-11-01\"}", "PA20-E-350", "/tanggal_uji_keamanan",
         "2025-10-31T23:59:59.999+07:00", "2025-11-01T00:00:00+07:00", true},
        {"{\"tanggal_uji_keamanan\":\"2024-11-01\"}", "PA20-W-050", "/tanggal_uji_keamanan",
         "2025-11-01T23:59:59.999+07:00", "2025-11-02T00:00:00+07:00", false},
        {"{\"tahun_pembangunan\":2026}", "PA20-E-333", "/tahun_pembangunan", "2025-12-31T23:59:59.999+07:00",
         "2026-01-01T00:00:00+07:00", true},
        {"{\"nomor_tdpse\":\" \"}", "PA20-W-036", "/nomor_tdpse", "2026-03-25T23:59:59.999+07:00",
         "2026-03-26T00:00:00+07:00", false},
        /* 18 today; 71 tomorrow; an appointment of the month that begins */
        {"{\"nip_pj_teknis\":\"200711012025212001\"}", "PA20-E-320", "/nip_pj_teknis",
         "2025-10-31T23:59:59.999+07:00", "2025-11-01T00:00:00+07:00", true},
        {"{\"nip_pemohon\":\"195411011980011001\"}", "PA20-E-312", "/nip_pemohon",
         "2025-10-31T23:59:59.999+07:00", "2025-11-01T00:00:00+07:00", false},
        {"{\"nip_pemohon\":\"199011012025111001\"}", "PA20-E-412", "/nip_pemohon",
         "2025-10-31T23:59:59.999+07:00", "2025-11-01T00:00:00+07:00", true},
        {"{\"nip_pj_teknis\":\"199009132026242014\"}", "PA20-E-420", "/nip_pj_teknis",
         "2025-12-31T23:59:59.999+07:00", "2026-01-01T00:00:00+07:00", true},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
        if (finds(t[i].before, t[i].changes, t[i].code, t[i].place) != t[i].first ||
            finds(t[i].after, t[i].changes, t[i].code, t[i].place) == t[i].first)
            fail_msg("%s does not turn between %s and %s", t[i].code, t[i].before, t[i].after);
    }
}

/* ---- what is refused at load ------------------------------------------------------------------------------------ */

static const char *const rule_files[] = {"pa20.schema.json", "pa20.notes.schema.json", "pa20.findings.json",
                                         "pa20.rules.json", "opd.csv"};

/* A copy of the rule set in which the first `from` of one file has become `to`. */
static void
copy_changed(const struct folder *dir, const char *file, const char *from, const char *to)
{
    for (unsigned i = 0; i < 5; i++) {
        char path[512];
        size_t n;
        char *text;
        struct buf out = buf_make(1 << 22);
        char *hit;

        snprintf(path, sizeof path, "%s/%s", i < 4 ? FORMS : "schemas/data", rule_files[i]);
        text = file_read(path, SOURCE_MAX, &n, NULL);
        assert_non_null(text);
        hit = strcmp(file, rule_files[i]) == 0 && *from ? strstr(text, from) : NULL;
        assert_true(hit || strcmp(file, rule_files[i]) != 0 || !*from);
        buf_add(&out, text, hit ? (size_t)(hit - text) : n);
        if (hit) {
            buf_z(&out, to);
            buf_z(&out, hit + strlen(from));
        }
        folder_write(dir, rule_files[i], buf_view(&out), 0600);
        buf_free(&out);
        free(text);
    }
}

/* Loads a changed copy; RES_OK gives its hash. */
static enum res
load_changed(const char *file, const char *from, const char *to, char hash[65], struct err *e)
{
    struct folder dir;
    struct rules *r;
    enum res res;

    folder_make(&dir);
    copy_changed(&dir, file, from, to);
    res = rules_load(dir.path, folder_in(&dir, "opd.csv"), &r, e);
    if (res == RES_OK)
        snprintf(hash, 65, "%s", rules_hash(r));
    else
        assert_null(r);
    rules_free(r);
    folder_remove(&dir);
    return res;
}

static void
refused_at_load(void **state)
{
    static const struct {
        const char *file, *from, *to;
        const char *said[2];
    } t[] = {
        {"pa20.schema.json",
         "\"minLength\": 5",
         "\"minLength\": -5",
         {"pa20.schema.json#/properties/perihal/minLength"}},
        {"pa20.schema.json",
         "#/$defs/tanggal",
         "#/$defs/tangal",
         {"pa20.schema.json#/properties/tanggal_surat", "tangal"}},
        {"pa20.schema.json", "\"maxLength\"", "\"maxlength\"", {"pa20.schema.json#/properties", "maxlength"}},
        {"pa20.schema.json", "cidr-publik", "cidr-publi", {"ip_sumber", "format"}},
        {"pa20.notes.schema.json",
         "\"const\": \"kepala_opd\"",
         "\"enum\": \"kepala_opd\"",
         {"pa20.notes.schema.json#/allOf/0"}},
        {"pa20.notes.schema.json", "{", "[", {"pa20.notes.schema.json"}},
        {"pa20.findings.json", "PA20-E-002", "PA20-E-001", {"pa20.findings.json", "PA20-E-001 stands twice"}},
        {"pa20.findings.json", "PA20-E-002", "PA20-X-002", {"pa20.findings.json", "temuan[1]"}},
        {"pa20.findings.json",
         "\"field\": \"revisi\"",
         "\"field\": \"nomor_permohonan\"",
         {"PA20-E-001 and PA20-E-002"}},
        {"pa20.findings.json", "\"message\"", "\"pesan2\"", {"PA20-E-001 lacks"}},
        {"pa20.findings.json",
         "\"bergantung_waktu\": true",
         "\"bergantung_waktu\": false",
         {"PA20-", "bergantung_waktu"}},
        {"pa20.findings.json",
         "\"field\": \"revisi\"",
         "\"bergantung_waktu\": true, \"field\": \"revisi\"",
         {"PA20-E-002", "bergantung_waktu"}},
        {"pa20.rules.json",
         "sama_dengan_subjek",
         "sama_dengan_subyek",
         {"pa20.rules.json: aturan[0] (PA20-E-301)", "unknown rule sama_dengan_subyek"}},
        {"pa20.rules.json", "\"hari\": 90", "\"harian\": 90", {"PA20-W-006", "no parameter harian"}},
        {"pa20.rules.json", "\"hari\": 90, ", "", {"PA20-W-006", "needs the parameter hari"}},
        {"pa20.rules.json", "\"hari\": 90", "\"hari\": \"90\"", {"PA20-W-006", "hari"}},
        {"pa20.rules.json", "\"hari\": 90", "\"hari\": -1", {"PA20-W-006", "hari"}},
        {"pa20.rules.json", "Asia/Jakarta", "Asia/Makassar", {"PA20-E-306", "zona"}},
        {"pa20.rules.json", "/tanggal_surat", "/tanggal_surai", {"PA20-E-306", "/tanggal_surai"}},
        {"pa20.rules.json",
         "\"lokasi\": \"/nomor_permohonan\"",
         "\"lokasi\": \"\"",
         {"PA20-E-301", "lokasi"}},
        {"pa20.rules.json", "[\"/url_produksi\"]", "[\"/url_produk\"]", {"PA20-E-330", "/url_produk"}},
        {"pa20.rules.json", "[\"/url_produksi\"]", "[]", {"PA20-E-330", "dari"}},
        {"pa20.rules.json",
         "{\"/jenis_pengajuan\": \"baru\"}",
         "{\"/jenis\": \"baru\"}",
         {"PA20-E-323", "/jenis"}},
        {"pa20.rules.json", "\"kolom\": \"kode_opd\"", "\"kolom\": \"kode\"", {"PA20-E-309", "kolom"}},
        {"pa20.rules.json", "PA20-E-301", "PA20-E-399", {"PA20-E-399", "catalogue"}},
        {"pa20.rules.json", "PA20-E-301", "PA20-E-001", {"PA20-E-001", "catalogue"}},
        {"pa20.rules.json", "\"tingkat\": \"E\"", "\"tingkat\": \"W\"", {"PA20-E-301", "tingkat"}},
        {"pa20.rules.json", "2026-03-25", "2026-02-30", {"PA20-W-036", "tanggal"}},
        {"pa20.rules.json", "{\"maksimum\": 500}", "{\"maksimum\": 501}", {"PA20-E-999", "maksimum"}},
        {"pa20.rules.json",
         "\"minimum\": 18, \"maksimum\": 70",
         "\"minimum\": 81, \"maksimum\": 70",
         {"PA20-E-312", "minimum"}},
        {"pa20.rules.json",
         "{\"bila\": {\"/jenis_pengajuan\": \"baru\"}}",
         "{\"kunci\": \"/kode_opd\"}",
         {"PA20-E-323", "no parameter kunci"}},
        {"opd.csv", "peran", "peranan", {"opd.csv line 1"}},
        {"opd.csv", "1.02.01,", "1.01.01,", {"opd.csv line 3", "twice"}},
        {"opd.csv", "Dinas Kesehatan,", "\"Dinas Kesehatan,", {"opd.csv line 3"}},
        {"opd.csv", "Dinas Kesehatan,", ",", {"opd.csv line 3", "nama_opd"}},
        {"opd.csv", "1.02.01,", "1 02,", {"opd.csv line 3", "kode_opd"}},
        {"opd.csv", "Dinas Kesehatan,", "Dinas Kesehatan,,", {"opd.csv line 3"}},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
        struct err e = {0};
        char hash[65];
        enum res res = load_changed(t[i].file, t[i].from, t[i].to, hash, &e);

        for (unsigned k = 0; k < 2 && t[i].said[k]; k++)
            if (res != RES_FATAL || !strstr(e.text, t[i].said[k]))
                fail_msg("%s, %s as %s: result %d, \"%s\"", t[i].file, t[i].from, t[i].to, (int)res, e.text);
    }
}

/* A change in any of the five files is another rule set; the same bytes elsewhere are the same. */
static void
hash_of_all(void **state)
{
    static const struct {
        const char *file, *from, *to;
    } t[] = {{"pa20.schema.json", "", ""},
             {"pa20.schema.json", "\"maxLength\": 255", "\"maxLength\": 254"},
             {"pa20.notes.schema.json", "\"maximum\": 15", "\"maximum\": 14"},
             {"pa20.findings.json", "belum benar", "tidak benar"},
             {"pa20.rules.json", "\"hari\": 90", "\"hari\": 91"},
             {"opd.csv", "Dinas Kesehatan", "Dinas Kesehatan Kota"},
             {"opd.csv", "Dinas Kesehatan,", "\"Dinas Kesehatan\","}};
    char hash[7][65];

    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        struct err e = {0};

        assert_int_equal(load_changed(t[i].file, t[i].from, t[i].to, hash[i], &e), RES_OK);
        assert_int_equal(strlen(hash[i]), 64);
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(hash[i], hash[k]);
    }
    assert_string_equal(hash[0], rules_hash(shared.rules));
}

/* The hash is of the bytes that were parsed: a pipe can be read but once. */
static void
read_once(void **state)
{
    struct rules *r;
    struct err e = {0};
    char path[32];
    size_t n;
    char *table = file_read(OPD, SOURCE_MAX, &n, NULL);
    int fd[2];

    (void)state;
    assert_non_null(table);
    assert_true(n < 65536); /* it must fit into the pipe */
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(write(fd[1], table, n), n);
    close(fd[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", fd[0]);
    assert_int_equal(rules_load(FORMS, path, &r, &e), RES_OK);
    assert_string_equal(rules_hash(r), rules_hash(shared.rules));
    rules_free(r);
    close(fd[0]);
    free(table);
}

/* What documents are judged by: codes and numbers are the rule set's. */
static void
judged_elsewhere(void **state)
{
    struct buf out = buf_make(4096);

    (void)state;
    assert_string_equal(rules_code(shared.rules, "dokumen_pdf"), "PA20-E-124");
    assert_null(rules_code(shared.rules, "dokumen_warna"));
    assert_int_equal(rules_cause(shared.rules, STR("PA20-E-124")), FINDING_DOCUMENT);
    assert_int_equal(rules_cause(shared.rules, STR("PA20-E-121")), FINDING_TIMED);
    assert_int_equal(rules_cause(shared.rules, STR("PA20-E-323")), FINDING_TIMED);
    assert_int_equal(rules_cause(shared.rules, STR("PA20-E-330")), FINDING_FORM);
    assert_int_equal(rules_cause(shared.rules, STR("PA20-E-001")), FINDING_FORM);
    assert_int_equal(rules_cause(shared.rules, STR("PEMERIKSA")), FINDING_FORM);
    assert_int_equal(rules_number(shared.rules, "dokumen_ukuran", "maksimum", 1), 10485760);
    assert_int_equal(rules_number(shared.rules, "dokumen_pdf", "maksimum", 7), 7);
    assert_true(rules_put(shared.rules, "PA20-E-124", STR("/lampiran/0"), &out));
    assert_non_null(
        strstr(out.p, "\"kode\":\"PA20-E-124\",\"tingkat\":\"E\",\"lokasi\":\"/lampiran/0\",\"pesan\":\""));
    assert_false(rules_put(shared.rules, "PA20-E-998", STR(""), &out));
    buf_free(&out);
}

/* A case that finds something else says so; a misspelt member is no case. */
static void
cases_can_fail(void **state)
{
    static const struct {
        const char *text, *said;
        enum res res;
    } t[] = {{"{\"beda\":{\"perihal\":null},\"temuan\":[]}", "too much PA20-E-207 /perihal", RES_REJECT},
             {"{\"beda\":{},\"temuan\":[{\"kode\":\"PA20-E-207\",\"lokasi\":\"/perihal\"}]}",
              "missing PA20-E-207 /perihal", RES_REJECT},
             {"{\"beda\":{},\"temuan\":[],\"jumlah\":1}", "0 findings", RES_REJECT},
             {"{\"beda\":{},\"temuan\":[],\"kontek\":{}}", "kontek", RES_FATAL},
             {"{\"beda\":{},\"temuan\":[],\"konteks\":{\"hari\":\"2025-01-01\"}}", "hari", RES_FATAL},
             {"{\"beda\":{},\"temuan\":[],\"konteks\":{\"hari_ini\":\"2025-02-30\"}}", "hari_ini", RES_FATAL},
             {"{\"temuan\":[]}", "no case", RES_FATAL},
             {"{", "line", RES_FATAL}};
    struct folder dir;

    (void)state;
    folder_make(&dir);
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
        struct buf why = buf_make(4096);
        struct err e = {0};

        folder_write(&dir, "a.json", str_of(t[i].text), 0600);
        assert_int_equal(case_run(shared.rules, shared.form, folder_in(&dir, "a.json"), &why, &e), t[i].res);
        assert_non_null(strstr(t[i].res == RES_FATAL ? e.text : why.p, t[i].said));
        buf_free(&why);
    }
    folder_remove(&dir);
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

static bool
load_all(void)
{
    struct err e = {0};

    shared.form = source_load("schemas/examples/selesai.json", &e);
    if (shared.form && rules_load(FORMS, OPD, &shared.rules, &e) == RES_OK &&
        cases_list("tests/cases/pa20", &shared.cases, &e) == RES_OK)
        return true;
    fprintf(stderr, "%s\n", e.text);
    return false;
}

static size_t
add_cases(struct CMUnitTest *tests)
{
    for (size_t i = 0; i < shared.cases.n; i++)
        tests[i] = (struct CMUnitTest){strrchr(shared.cases.path[i], '/') + 1, check_case, NULL, NULL,
                                       shared.cases.path[i]};
    return shared.cases.n;
}

int
main(void)
{
    static const struct CMUnitTest more[] = {
        cmocka_unit_test(no_object),        cmocka_unit_test(big_number),
        cmocka_unit_test(private_names),    cmocka_unit_test(many_findings),
        cmocka_unit_test(clean_agrees),     cmocka_unit_test(short_way_agrees),
        cmocka_unit_test(days_turn),        cmocka_unit_test(refused_at_load),
        cmocka_unit_test(hash_of_all),      cmocka_unit_test(read_once),
        cmocka_unit_test(judged_elsewhere), cmocka_unit_test(cases_can_fail),
        cmocka_unit_test(secret_names),     cmocka_unit_test(secret_values),
        cmocka_unit_test(secret_places),
    };
    struct CMUnitTest *tests;
    int failed = 1;
    size_t n;

    if (load_all() && (tests = calloc(shared.cases.n + sizeof more / sizeof *more, sizeof *tests))) {
        n = add_cases(tests);
        memcpy(tests + n, more, sizeof more);
        if (n > 400) /* an empty folder is no success */
            failed = _cmocka_run_group_tests("rules", tests, n + sizeof more / sizeof *more, NULL, NULL);
        free(tests);
    }
    cases_free(&shared.cases);
    rules_free(shared.rules);
    json_decref(shared.form);
    return failed;
}
