/* What a form that waits for its documents is about: which are asked for, when waiting is over, what is then said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "common/json/scan.h"
#include "workers/validator/lampiran_wait.c"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define SHA      "470021ecf6d0dec0ca1750806c38467f755baa51a2a3ddb5df23fdc84f15366e"
#define DOC(jenis, uri, sha, ukuran)                                                                         \
    "{\"jenis\":\"" jenis "\",\"uri\":\"" uri "\",\"sha256\":\"" sha "\",\"ukuran\":" ukuran "}"
#define FORM(sign, docs) "{\"tanda_tangan\":{\"jenis\":\"" sign "\"},\"lampiran\":[" docs "]}"
#define URN              "urn:sha256:" SHA

static struct rules *rules;

/* ---- which documents -------------------------------------------------------------------------------------------- */

static unsigned
list(const char *form, const char *findings, struct arena *a, struct dokumen out[DOKUMEN_MAX])
{
    struct err e = {0};

    assert_int_equal(scan_document(str_of(form), &e), RES_OK);
    return dokumen_list(rules, str_of(form), str_of(findings), a, out);
}

static void
asked_for(void **state)
{
    static const struct {
        const char *what, *form, *findings;
        unsigned n, first;
    } cases[] = {
        {"none", "{}", "[]", 0, 0},
        {"no list", "{\"lampiran\":{\"uri\":\"" URN "\"}}", "[]", 0, 0},
        {"no objects", "{\"lampiran\":[1,null,\"x\",[]]}", "[]", 0, 0},
        {"one", FORM("basah", DOC("lainnya", URN, SHA, "661")), "[]", 1, 0},
        {"the second", FORM("basah", "{}," DOC("lainnya", URN, SHA, "661")), "[]", 1, 1},
        {"a digest with an escape",
         FORM("basah", DOC("lainnya", URN,
                           "\\u003470021ecf6d0dec0ca1750806c38467f755baa51a2a3ddb5df23fdc84f15366e", "661")),
         "[]", 1, 0},
        {"no size", FORM("basah", DOC("lainnya", URN, SHA, "0")), "[]", 0, 0},
        {"size no whole number", FORM("basah", DOC("lainnya", URN, SHA, "661.5")), "[]", 0, 0},
        {"size beyond counting", FORM("basah", DOC("lainnya", URN, SHA, "99999999999999999999")), "[]", 0, 0},
        {"short digest", FORM("basah", DOC("lainnya", URN, "4700", "661")), "[]", 0, 0},
        {"no address", FORM("basah", DOC("lainnya", "", SHA, "661")), "[]", 0, 0},
        {"address with an error", FORM("basah", DOC("lainnya", "ftp://x", SHA, "661")),
         "[{\"kode\":\"x\",\"tingkat\":\"E\",\"lokasi\":\"/lampiran/0/uri\"}]", 0, 0},
        {"address with a note", FORM("basah", DOC("lainnya", URN, SHA, "661")),
         "[{\"kode\":\"x\",\"tingkat\":\"W\",\"lokasi\":\"/lampiran/0/uri\"}]", 1, 0},
        {"another's error", FORM("basah", DOC("lainnya", URN, SHA, "661")),
         "[{\"kode\":\"x\",\"tingkat\":\"E\",\"lokasi\":\"/lampiran/1/uri\"}]", 1, 0},
        {"its name has an error", FORM("basah", DOC("lainnya", URN, SHA, "661")),
         "[{\"kode\":\"x\",\"tingkat\":\"E\",\"lokasi\":\"/lampiran/0/nama_berkas\"}]", 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a = {0};
        struct dokumen docs[DOKUMEN_MAX];
        unsigned n = list(cases[i].form, cases[i].findings, &a, docs);

        if (n != cases[i].n || (n && docs[0].at != cases[i].first))
            fail_msg("%s: %u documents", cases[i].what, n);
        arena_free(&a);
    }
}

static void
no_more_than_a_form_may_have(void **state)
{
    struct buf form = buf_make(1 << 16);
    struct arena a = {0};
    struct dokumen docs[DOKUMEN_MAX];

    (void)state;
    buf_z(&form, "{\"lampiran\":[");
    for (int i = 0; i < DOKUMEN_MAX + 5; i++)
        buf_printf(&form, "%s" DOC("lainnya", URN, SHA, "%d"), i ? "," : "", i + 1);
    buf_z(&form, "]}");
    assert_int_equal(list(form.p, "[]", &a, docs), DOKUMEN_MAX);
    assert_int_equal(docs[DOKUMEN_MAX - 1].ukuran, DOKUMEN_MAX);
    arena_free(&a);
    buf_free(&form);
}

static void
signature_where_demanded(void **state)
{
    static const struct {
        const char *form;
        bool sign;
    } cases[] = {
        {FORM("tte", DOC("surat_pengajuan", URN, SHA, "1")), true},
        {FORM("tte", DOC("nota_dinas", URN, SHA, "1")), true},
        {FORM("tte", DOC("lembar_disposisi", URN, SHA, "1")), true},
        {FORM("tte", DOC("formulir_pa20", URN, SHA, "1")), true},
        {FORM("\\u0074te", DOC("surat\\u005fpengajuan", URN, SHA, "1")), true}, /* the same text */
        {FORM("tte", DOC("dokumentasi_api", URN, SHA, "1")), false},
        {FORM("tte", DOC("lainnya", URN, SHA, "1")), false},
        {FORM("basah", DOC("surat_pengajuan", URN, SHA, "1")), false},
        {"{\"lampiran\":[" DOC("surat_pengajuan", URN, SHA, "1") "]}", false},
        {"{\"tanda_tangan\":\"tte\",\"lampiran\":[" DOC("surat_pengajuan", URN, SHA, "1") "]}", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a = {0};
        struct dokumen docs[DOKUMEN_MAX];

        assert_int_equal(list(cases[i].form, "[]", &a, docs), 1);
        if (docs[0].sign != cases[i].sign)
            fail_msg("%s: %d", cases[i].form, docs[0].sign);
        arena_free(&a);
    }
}

/* ---- written and read ------------------------------------------------------------------------------------------- */

static void
body_comes_back(void **state)
{
    struct dokumen docs[2] = {{.at = 0, .uri = STR("https://a.go.id/\"x\"?y=1"), .ukuran = 661, .sign = true},
                              {.at = 7, .uri = STR(URN), .ukuran = 10485760}};
    struct dokumen got[DOKUMEN_MAX];
    struct buf b = buf_make(4096);
    struct arena a = {0};
    struct err e = {0};

    (void)state;
    assert_true(hash_unhex(STR(SHA), docs[0].sha256, HASH_SIZE));
    dokumen_write(docs, 2, &b);
    assert_int_equal(scan_document(buf_view(&b), &e), RES_OK);
    assert_int_equal(dokumen_read(buf_view(&b), &a, got), 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(got[i].at, docs[i].at);
        assert_int_equal(got[i].ukuran, docs[i].ukuran);
        assert_int_equal(got[i].sign, docs[i].sign);
        assert_true(str_eq(got[i].uri, docs[i].uri));
        assert_memory_equal(got[i].sha256, docs[i].sha256, HASH_SIZE);
    }
    arena_free(&a);
    buf_free(&b);
}

static void
state_comes_back(void **state)
{
    const struct tunggu t = {.revisi = 3,
                             .kode_opd = STR("2.15.01"),
                             .kategori = STR("tinggi"),
                             .trace = STR("00-aa-bb-01"),
                             .temuan = STR("[{\"kode\":\"K\",\"tingkat\":\"E\",\"lokasi\":\"\"}]"),
                             .urutan = 12,
                             .error_us = 1700000000000000,
                             .parks = 9,
                             .n = 2,
                             .at = {0, 4},
                             .known = {0, DOKUMEN_KNOWN | DOKUMEN_HASH}};
    struct tunggu got;
    struct buf b = buf_make(4096);
    struct arena a = {0};
    struct err e = {0};

    (void)state;
    tunggu_write(&t, &b);
    assert_int_equal(scan_document(buf_view(&b), &e), RES_OK);
    assert_true(tunggu_read(buf_view(&b), &a, &got));
    assert_int_equal(got.revisi, 3);
    assert_true(got.urutan == 12);
    assert_int_equal(got.parks, 9);
    assert_true(got.error_us == t.error_us);
    assert_true(str_eq(got.kode_opd, t.kode_opd) && str_eq(got.kategori, t.kategori));
    assert_true(str_eq(got.trace, t.trace) && str_eq(got.temuan, t.temuan));
    assert_int_equal(got.n, 2);
    assert_int_equal(got.at[1], 4);
    assert_int_equal(got.known[1], DOKUMEN_KNOWN | DOKUMEN_HASH);
    assert_int_equal(tunggu_unknown(&got), 1);
    assert_int_equal(tunggu_faulty(&got), 1);
    assert_false(tunggu_read(STR("[]"), &a, &got));
    assert_false(tunggu_read(STR("{}"), &a, &got));
    assert_false(tunggu_read(STR("{\"revisi\":1}"), &a, &got));
    assert_false(tunggu_read(STR("{\"revisi\":1,\"dokumen\":[]}"), &a, &got));
    assert_true(tunggu_read(STR("{\"revisi\":1,\"dokumen\":[[4,0]]}"), &a, &got));
    assert_true(got.n == 1 && tunggu_unknown(&got) == 1);
    assert_true(got.error_us == INT64_MIN && got.urutan == 0);
    arena_free(&a);
    buf_free(&b);
}

/* ---- when it is over -------------------------------------------------------------------------------------------- */

static void
limits(void **state)
{
    static const struct {
        int64_t error, deadline, hold, want;
    } cases[] = {
        {INT64_MIN, INT64_MIN, 300, INT64_MAX}, /* no clock, no error */
        {INT64_MIN, 5000, 300, 5000},           /* the clock */
        {1000, 5000, 300, 1300},                /* an error waits for hold */
        {4900, 5000, 300, 5000},                /* but not past the clock */
        {1000, INT64_MIN, 300, 1300},
        {1000, 5000, 0, 1000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct tunggu t = {.error_us = cases[i].error};

        assert_true(tunggu_limit(&t, cases[i].deadline, cases[i].hold) == cases[i].want);
    }
}

/* ---- what is said ----------------------------------------------------------------------------------------------- */

#define ERROR "{\"kode\":\"E1\",\"tingkat\":\"E\",\"lokasi\":\"/perihal\"}"
#define NOTE  "{\"kode\":\"W1\",\"tingkat\":\"W\",\"lokasi\":\"/nama_opd\"}"

/* "KODE lokasi tingkat" of each, joined by blanks. */
static void
told(struct str findings, char *out, size_t size)
{
    struct scan_iter it = scan_iter(findings);
    size_t n = 0;

    out[0] = '\0';
    while (scan_next(&it)) {
        struct str kode = scan_string(scan_get(it.value, "kode"), NULL);
        struct str at = scan_string(scan_get(it.value, "lokasi"), NULL);

        n += (size_t)snprintf(out + n, size - n, "%s%.*s@%.*s", n ? " " : "", STR_FMT(kode), STR_FMT(at));
        assert_true(n < size);
    }
}

static void
findings_of(void **state)
{
    static const struct {
        const char *form;
        unsigned n;
        unsigned known[3];
        unsigned errors;
        const char *want;
    } cases[] = {
        {"[]", 2, {1, 1}, 0, ""},
        {"[" NOTE "]", 1, {1}, 0, "W1@/nama_opd"},
        {"[" ERROR "," NOTE "]", 1, {1}, 1, "E1@/perihal W1@/nama_opd"},
        {"[]", 1, {0}, 0, "PA20-W-121@/lampiran/0"},
        {"[]", 1, {1 | DOKUMEN_ABSENT}, 1, "PA20-E-121@/lampiran/0"},
        {"[]", 1, {1 | DOKUMEN_SIZE}, 1, "PA20-E-122@/lampiran/0"},
        {"[]", 1, {1 | DOKUMEN_HASH}, 1, "PA20-E-123@/lampiran/0"},
        {"[]", 1, {1 | DOKUMEN_NOT_PDF}, 1, "PA20-E-124@/lampiran/0"},
        {"[]", 1, {1 | DOKUMEN_LOCKED}, 1, "PA20-E-125@/lampiran/0"},
        {"[]", 1, {1 | DOKUMEN_UNSIGNED}, 1, "PA20-E-126@/lampiran/0"},
        {"[]", 1, {1 | DOKUMEN_UNKNOWN_CA}, 0, "PA20-W-126@/lampiran/0"},
        {"[]", 1, {1 | DOKUMEN_UNKNOWN_CA | DOKUMEN_HASH}, 1, "PA20-E-123@/lampiran/0"},
        {"[" ERROR "," NOTE "]",
         3,
         {0, 1 | DOKUMEN_SIZE | DOKUMEN_HASH, 1 | DOKUMEN_UNKNOWN_CA},
         3,
         "E1@/perihal PA20-E-122@/lampiran/1 PA20-E-123@/lampiran/1 W1@/nama_opd PA20-W-121@/lampiran/0 "
         "PA20-W-126@/lampiran/2"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tunggu t = {.temuan = str_of(cases[i].form), .n = cases[i].n, .at = {0, 1, 2}};
        struct buf out = buf_make(1 << 16);
        struct err e = {0};
        char got[512];

        memcpy(t.known, cases[i].known, sizeof cases[i].known);
        assert_int_equal(tunggu_findings(rules, &t, &out), cases[i].errors);
        assert_int_equal(scan_document(buf_view(&out), &e), RES_OK);
        told(buf_view(&out), got, sizeof got);
        assert_string_equal(got, cases[i].want);
        buf_free(&out);
    }
}

static void
notes_alone(void **state)
{
    struct buf out = buf_make(4096);

    (void)state;
    tunggu_notes(STR("[" ERROR "," NOTE "," ERROR "]"), &out);
    assert_string_equal(out.p, "[" NOTE "]");
    buf_reset(&out);
    tunggu_notes(STR("[" ERROR "]"), &out);
    assert_string_equal(out.p, "[]");
    buf_free(&out);
}

/* Nothing is known: one note over all documents, which is no error. */
static void
lost_state(void **state)
{
    struct buf out = buf_make(4096);
    struct err e = {0};
    char got[128];

    (void)state;
    tunggu_lost(rules, &out);
    assert_int_equal(scan_document(buf_view(&out), &e), RES_OK);
    told(buf_view(&out), got, sizeof got);
    assert_string_equal(got, "PA20-W-121@/lampiran");
    buf_free(&out);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(asked_for),
        cmocka_unit_test(no_more_than_a_form_may_have),
        cmocka_unit_test(signature_where_demanded),
        cmocka_unit_test(body_comes_back),
        cmocka_unit_test(state_comes_back),
        cmocka_unit_test(limits),
        cmocka_unit_test(findings_of),
        cmocka_unit_test(notes_alone),
        cmocka_unit_test(lost_state),
    };
    struct err e = {0};
    int failed;

    if (rules_load("schemas/forms", "schemas/data/opd.csv", &rules, &e) != RES_OK) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rules_free(rules);
    return failed;
}
