/* Which findings of a return could have been told with an earlier one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "workers/validator/late.c"

#define COUNT(a)        (sizeof(a) / sizeof *(a))
#define FOUND(code, at) "{\"kode\":\"" code "\",\"tingkat\":\"E\",\"lokasi\":\"" at "\",\"pesan\":\"x\"}"
#define NOTE(at)        FOUND("PEMERIKSA", at)
#define LATE            "\"pesan\":\"x\",\"terlambat_ditemukan\":true}"
#define DOC(name, sha, n)                                                                                    \
    "{\"lampiran\":[{\"nama_berkas\":\"" name "\",\"sha256\":\"" sha "\",\"ukuran\":" n "}]}"

static const char old_rules[] = "00000001";
static const char new_rules[] = "00000002";
static struct rules *rules;

/* ---- a request's story ------------------------------------------------------------------------------------------ */

struct story {
    struct arena a;
    struct riwayat h;
    int32_t revisi;
    struct str stored;
};

static void
begin(struct story *s)
{
    *s = (struct story){0};
    assert_true(late_read(STR_NULL, STR("N-1"), &s->h));
}

static void
judge(struct story *s, const char *form, const char *aturan)
{
    struct err e = {0};

    assert_int_equal(scan_document(str_of(form), &e), RES_OK);
    late_form(&s->h, &s->a, ++s->revisi, str_of(form), aturan);
}

/* Says and returns; the history goes through its bytes, as between two transactions. How many are late. */
static unsigned
give_back(struct story *s, bool officer, const char *findings)
{
    struct buf told = buf_make(1 << 20);
    struct buf bytes = buf_make(LATE_BYTES);
    unsigned n = late_mark(&s->h, rules, officer, str_of(findings), &told);

    assert_false(told.failed);
    if (n == 0)
        assert_string_equal(told.p, findings);
    late_told(&s->h, &s->a, str_of(findings));
    late_returned(&s->h, &s->a);
    late_write(&s->h, &bytes);
    assert_false(bytes.failed);
    assert_true(late_read(arena_str(&s->a, buf_view(&bytes)), STR("N-1"), &s->h));
    buf_free(&bytes);
    buf_free(&told);
    return n;
}

/* ---- two returns ------------------------------------------------------------------------------------------------ */

struct pair {
    const char *what;
    const char *first, *then;   /* forms */
    const char *listed, *found; /* findings of the two returns */
    bool late;
    bool by_system; /* the second return */
    bool same_rules;
};

static const struct pair pairs[] = {
    {"same value, not listed", "{\"a\":\"x\",\"b\":1}", "{\"a\":\"x\",\"b\":2}", NOTE("/b"), NOTE("/a"), true,
     0, 0},
    {"changed value", "{\"a\":\"x\",\"b\":1}", "{\"a\":\"y\",\"b\":2}", NOTE("/b"), NOTE("/a"), false, 0, 0},
    {"same code listed there", "{\"a\":\"x\"}", "{\"a\":\"x\"}", NOTE("/a"), NOTE("/a"), false, 0, 0},
    {"another code listed there", "{\"a\":\"x\"}", "{\"a\":\"x\"}", FOUND("X-E-01", "/a"), NOTE("/a"), true,
     0, 0},
    {"listed with another value", "{\"a\":\"x\"}", "{\"a\":\"y\"}", NOTE("/a"), NOTE("/a"), false, 0, 0},
    {"absent, absent", "{\"b\":1}", "{\"b\":2}", NOTE("/b"), FOUND("PA20-E-207", "/perihal"), true, 0, 0},
    {"absent, there", "{\"b\":1}", "{\"b\":2,\"a\":null}", NOTE("/b"), NOTE("/a"), false, 0, 0},
    {"there, absent", "{\"b\":1,\"a\":null}", "{\"b\":2}", NOTE("/b"), NOTE("/a"), false, 0, 0},
    {"1 and 1.0", "{\"a\":1}", "{\"a\":1.0}", NOTE("/b"), NOTE("/a"), true, 0, 0},
    {"1 and 10e-1", "{\"a\":1}", "{\"a\":10e-1}", NOTE("/b"), NOTE("/a"), true, 0, 0},
    {"1200 and 1.2E+3", "{\"a\":1200}", "{\"a\":1.2E+3}", NOTE("/b"), NOTE("/a"), true, 0, 0},
    {"0 and -0.00e9", "{\"a\":0}", "{\"a\":-0.00e9}", NOTE("/b"), NOTE("/a"), true, 0, 0},
    {"0.05 and 5e-2", "{\"a\":0.05}", "{\"a\":5e-2}", NOTE("/b"), NOTE("/a"), true, 0, 0},
    {"1 and -1", "{\"a\":1}", "{\"a\":-1}", NOTE("/b"), NOTE("/a"), false, 0, 0},
    {"1 and 10", "{\"a\":1}", "{\"a\":10}", NOTE("/b"), NOTE("/a"), false, 0, 0},
    {"101 and 11", "{\"a\":101}", "{\"a\":11}", NOTE("/b"), NOTE("/a"), false, 0, 0},
    {"1 and \"1\"", "{\"a\":1}", "{\"a\":\"1\"}", NOTE("/b"), NOTE("/a"), false, 0, 0},
    {"2^53 and one more", "{\"a\":9007199254740992}", "{\"a\":9007199254740993}", NOTE("/b"), NOTE("/a"),
     false, 0, 0},
    {"true and false", "{\"a\":true}", "{\"a\":false}", NOTE("/b"), NOTE("/a"), false, 0, 0},
    {"[] and {}", "{\"a\":[]}", "{\"a\":{}}", NOTE("/b"), NOTE("/a"), false, 0, 0},
    {"order of members", "{\"a\":{\"x\":1,\"y\":[2]}}", "{\"a\":{ \"y\" : [ 2 ], \"x\" : 1 }}", NOTE("/b"),
     NOTE("/a"), true, 0, 0},
    {"order of elements", "{\"a\":[1,2]}", "{\"a\":[2,1]}", NOTE("/b"), NOTE("/a"), false, 0, 0},
    {"values change places", "{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"x\":2,\"y\":1}}", NOTE("/b"), NOTE("/a"),
     false, 0, 0},
    {"escapes", "{\"a\":\"\\u0041/\"}", "{\"\\u0061\":\"A\\/\"}", NOTE("/b"), NOTE("/a"), true, 0, 0},
    {"within a member", "{\"a\":[\"x\",\"y\"]}", "{\"a\":[\"x\",\"y\"]}", NOTE("/b"), NOTE("/a/1"), true, 0,
     0},
    {"a neighbour within it", "{\"a\":[\"x\",\"y\"]}", "{\"a\":[\"z\",\"y\"]}", NOTE("/b"), NOTE("/a/1"),
     false, 0, 0},
    {"a name with ~ and /", "{\"~/\":1}", "{\"~/\":1}", NOTE("/b"), NOTE("/~0~1"), true, 0, 0},
    {"such a name changed", "{\"~/\":1}", "{\"~/\":2}", NOTE("/b"), NOTE("/~0~1"), false, 0, 0},
    {"the whole, but its revisi", "{\"a\":1,\"revisi\":1}", "{\"revisi\":2,\"a\":1}", NOTE("/b"), NOTE(""),
     true, 0, 0},
    {"the whole", "{\"a\":1}", "{\"a\":2}", NOTE("/b"), NOTE(""), false, 0, 0},
    {"no pointer", "{\"a\":1}", "{\"a\":1}", NOTE("/b"), NOTE("a"), false, 0, 0},
    {"no place", "{\"a\":1}", "{\"a\":1}", NOTE("/b"), "{\"kode\":\"PEMERIKSA\",\"pesan\":\"x\"}", false, 0,
     0},
    {"no code", "{\"a\":1}", "{\"a\":1}", NOTE("/b"), "{\"lokasi\":\"/a\",\"pesan\":\"x\"}", false, 0, 0},
    /* documents */
    {"a document by its digest", DOC("a.pdf", "s1", "1"), DOC("b.pdf", "s1", "2"), NOTE("/b"),
     NOTE("/lampiran/0"), true, 0, 0},
    {"another document", DOC("a.pdf", "s1", "1"), DOC("a.pdf", "s2", "1"), NOTE("/b"), NOTE("/lampiran/0"),
     false, 0, 0},
    {"what is declared of it", DOC("a.pdf", "s1", "1"), DOC("b.pdf", "s1", "1"), NOTE("/b"),
     NOTE("/lampiran/0/nama_berkas"), false, 0, 0},
    {"declared as before", DOC("a.pdf", "s1", "1"), DOC("a.pdf", "s1", "1"), NOTE("/b"),
     NOTE("/lampiran/0/nama_berkas"), true, 0, 0},
    {"the list", DOC("a.pdf", "s1", "1"), DOC("b.pdf", "s1", "1"), NOTE("/b"), NOTE("/lampiran"), false, 0,
     0},
    {"an item without a digest", "{\"lampiran\":[5]}", "{\"lampiran\":[5.0]}", NOTE("/b"),
     NOTE("/lampiran/0"), true, 0, 0},
    {"another item without", "{\"lampiran\":[5]}", "{\"lampiran\":[6]}", NOTE("/b"), NOTE("/lampiran/0"),
     false, 0, 0},
    {"no such item in either", DOC("a.pdf", "s1", "1"), DOC("a.pdf", "s1", "1"), NOTE("/b"),
     NOTE("/lampiran/1"), true, 0, 0},
    /* what comes by itself: the day, other requests, where a document is */
    {"a day", "{\"tls_berlaku_sampai\":\"2026-01-01\"}", "{\"tls_berlaku_sampai\":\"2026-01-01\"}",
     NOTE("/b"), FOUND("PA20-E-343", "/tls_berlaku_sampai"), false, 0, 0},
    {"a day, by the system", "{\"tls_berlaku_sampai\":\"2026-01-01\"}",
     "{\"tls_berlaku_sampai\":\"2026-01-01\"}", NOTE("/b"), FOUND("PA20-E-343", "/tls_berlaku_sampai"), false,
     true, false},
    {"another request", "{\"nama_sistem\":\"A\"}", "{\"nama_sistem\":\"A\"}", NOTE("/b"),
     FOUND("PA20-E-323", "/nama_sistem"), false, true, false},
    {"a document that is gone", DOC("a.pdf", "s1", "1"), DOC("a.pdf", "s1", "1"),
     FOUND("PA20-W-121", "/lampiran/0"), FOUND("PA20-E-121", "/lampiran/0"), false, true, true},
    /* the system tells all it finds at once */
    {"the same rules", "{\"a\":1}", "{\"a\":1}", NOTE("/b"), FOUND("PA20-E-242", "/ip_publik"), false, true,
     true},
    {"other rules", "{\"a\":1}", "{\"a\":1}", NOTE("/b"), FOUND("PA20-E-242", "/ip_publik"), true, true,
     false},
    {"other rules, changed value", "{\"perihal\":1}", "{\"perihal\":2}", NOTE("/b"),
     FOUND("PA20-E-007", "/perihal"), false, true, false},
    {"other rules, told before", "{\"perihal\":1}", "{\"perihal\":1}", FOUND("PA20-E-007", "/perihal"),
     FOUND("PA20-E-007", "/perihal"), false, true, false},
    {"a document that was checked", DOC("a.pdf", "s1", "1"), DOC("a.pdf", "s1", "1"), NOTE("/b"),
     FOUND("PA20-E-124", "/lampiran/0"), false, true, true},
    {"a document that was not", DOC("a.pdf", "s1", "1"), DOC("b.pdf", "s1", "1"),
     FOUND("PA20-W-121", "/lampiran/0"), FOUND("PA20-E-124", "/lampiran/0"), true, true, true},
    {"another in its place", DOC("a.pdf", "s1", "1"), DOC("a.pdf", "s2", "1"),
     FOUND("PA20-W-121", "/lampiran/0"), FOUND("PA20-E-124", "/lampiran/0"), false, true, true},
    {"by an officer, the same rules", "{\"a\":1}", "{\"a\":1}", NOTE("/b"), NOTE("/a"), true, false, true},
};

static void
two_returns(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        const struct pair *p = &pairs[i];
        char listed[512];
        char found[512];
        struct story s;

        snprintf(listed, sizeof listed, "[%s]", p->listed);
        snprintf(found, sizeof found, "[%s]", p->found);
        begin(&s);
        judge(&s, p->first, old_rules);
        assert_int_equal(give_back(&s, true, listed), 0);
        judge(&s, p->then, p->same_rules ? old_rules : new_rules);
        if (give_back(&s, !p->by_system, found) != p->late)
            fail_msg("%s: late is not %d", p->what, p->late);
        arena_free(&s.a);
    }
}

/* ---- more of them ----------------------------------------------------------------------------------------------- */

static void
only_the_late_are_marked(void **state)
{
    static const char want[] =
        "[" NOTE("/b") ", {\"kode\":\"PEMERIKSA\",\"tingkat\":\"E\",\"lokasi\":\"/a\"," LATE
                       " ," NOTE("/c") "]";
    struct buf out = buf_make(4096);
    struct story s;

    (void)state;
    begin(&s);
    judge(&s, "{\"a\":1,\"b\":1,\"c\":1}", old_rules);
    give_back(&s, true, "[" NOTE("/c") "]");
    judge(&s, "{\"a\":1,\"b\":2,\"c\":1}", old_rules);
    assert_int_equal(
        late_mark(&s.h, rules, true, STR("[" NOTE("/b") ", " NOTE("/a") " ," NOTE("/c") "]"), &out), 1);
    assert_string_equal(out.p, want);
    buf_free(&out);
    arena_free(&s.a);
}

/* Told with a verdict that returned nothing is told all the same. */
static void
notes_count_as_told(void **state)
{
    struct story s;

    (void)state;
    begin(&s);
    judge(&s, "{\"a\":1}", old_rules);
    late_told(&s.h, &s.a, STR("[" FOUND("PA20-W-029", "/url_produksi") "]"));
    assert_int_equal(give_back(&s, true, "[" NOTE("/b") "]"), 0);
    judge(&s, "{\"a\":1}", new_rules);
    assert_int_equal(give_back(&s, false, "[" FOUND("PA20-W-029", "/url_produksi") "," NOTE("/a") "]"), 1);
    arena_free(&s.a);
}

/* Any return before counts, not the newest alone; what one of them listed is not late any more. */
static void
several_returns(void **state)
{
    struct story s;

    (void)state;
    begin(&s);
    judge(&s, "{\"a\":1,\"b\":1}", old_rules);
    assert_int_equal(give_back(&s, true, "[" NOTE("/b") "]"), 0);
    judge(&s, "{\"a\":2,\"b\":2}", old_rules);
    assert_int_equal(give_back(&s, true, "[" NOTE("/b") "]"), 0);
    judge(&s, "{\"a\":1,\"b\":3}", old_rules); /* as it was in the first */
    assert_int_equal(give_back(&s, true, "[" NOTE("/a") "]"), 1);
    judge(&s, "{\"a\":1,\"b\":3}", old_rules);
    assert_int_equal(give_back(&s, true, "[" NOTE("/a") "]"), 0);
    for (int i = 0; i < LATE_FORMS; i++) { /* listed long ago is listed */
        judge(&s, "{\"a\":1,\"b\":4}", old_rules);
        assert_int_equal(give_back(&s, true, "[" NOTE("/c") "]"), i == 0);
    }
    judge(&s, "{\"a\":1,\"b\":4}", old_rules);
    assert_int_equal(give_back(&s, true, "[" NOTE("/a") "," NOTE("/b") "]"), 1);
    assert_int_equal(s.h.n, LATE_FORMS);
    arena_free(&s.a);
}

/* ---- bounds ----------------------------------------------------------------------------------------------------- */

static void
put_members(struct buf *b, unsigned n)
{
    buf_char(b, '{');
    for (unsigned i = 0; i < n; i++)
        buf_printf(b, "%s\"m%u\":%u", i ? "," : "", i, i);
    buf_char(b, '}');
}

/* Of a member past the most nothing is said, nor of one that is not there. */
static void
many_members(void **state)
{
    static const struct {
        unsigned n;
        const char *found;
        unsigned late;
    } cases[] = {{LATE_MARKS - 1, NOTE("/m0") "," NOTE("/m254") "," NOTE("/x"), 3},
                 {LATE_MARKS, NOTE("/m0") "," NOTE("/m254") "," NOTE("/m255") "," NOTE("/x"), 2},
                 {4 * LATE_MARKS, NOTE("/m1") "," NOTE("/m700") "," NOTE("/x"), 1}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf form = buf_make(1 << 20);
        struct buf found = buf_make(4096);
        struct story s;

        put_members(&form, cases[i].n);
        buf_printf(&found, "[%s]", cases[i].found);
        begin(&s);
        judge(&s, form.p, old_rules);
        give_back(&s, true, "[]");
        judge(&s, form.p, old_rules);
        assert_int_equal(give_back(&s, true, found.p), cases[i].late);
        buf_free(&found);
        buf_free(&form);
        arena_free(&s.a);
    }
}

/* What was told is never forgotten in part: past the most, nothing is late any more. The bytes keep their bound. */
static void
many_findings(void **state)
{
    struct buf form = buf_make(1 << 20);
    struct story s;

    (void)state;
    begin(&s);
    put_members(&form, 2 * LATE_MARKS);
    for (unsigned k = 0; k < LATE_FORMS + 2; k++) {
        struct buf found = buf_make(1 << 20);

        buf_z(&found, "[");
        for (unsigned i = 0; i < 200; i++)
            buf_printf(&found, "%s" FOUND("K%u-%u", "/m%u"), i ? "," : "", k, i, i);
        buf_z(&found, "]");
        judge(&s, form.p, old_rules);
        assert_int_equal(give_back(&s, true, found.p), k == 0 || k > 3 ? 0 : 200);
        assert_int_equal(s.h.overflow, k > 2);
        buf_free(&found);
    }
    buf_free(&form);
    arena_free(&s.a);
}

static void
put_nested(struct buf *b, unsigned levels, unsigned n)
{
    buf_z(b, "{\"a\":");
    for (unsigned i = 0; i < levels; i++)
        buf_char(b, '[');
    for (unsigned i = 0; i < n; i++)
        buf_z(b, i ? ",1" : "1");
    for (unsigned i = 0; i < levels; i++)
        buf_char(b, ']');
    buf_char(b, '}');
}

/* The least CPU time of several. */
static clock_t
time_of(struct str form)
{
    clock_t least = 0;

    for (int i = 0; i < 5; i++) {
        struct arena a = {0};
        struct riwayat h;
        clock_t start = clock();
        clock_t took;

        late_read(STR_NULL, STR("N-1"), &h);
        late_form(&h, &a, 1, form, old_rules);
        took = clock() - start;
        least = i == 0 || took < least ? took : least;
        arena_free(&a);
    }
    return least;
}

/* What is nested as deeply as may be is compared all the same, and costs little more than what is flat. */
static void
deep_forms(void **state)
{
    struct buf deep = buf_make(8 << 20);
    struct buf flat = buf_make(8 << 20);
    struct story s;

    (void)state;
    put_nested(&deep, SCAN_DEPTH - 1, 1 << 20);
    put_nested(&flat, 1, 1 << 20);
    begin(&s);
    judge(&s, deep.p, old_rules);
    give_back(&s, true, "[]");
    judge(&s, deep.p, old_rules);
    assert_int_equal(give_back(&s, true, "[" NOTE("/a") "]"), 1);
    assert_true(time_of(buf_view(&deep)) < 4 * time_of(buf_view(&flat)));
    buf_free(&flat);
    buf_free(&deep);
    arena_free(&s.a);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

static void
make_bytes(struct story *s, struct buf *bytes)
{
    begin(s);
    judge(s, "{\"nip_pemohon\":\"198402292010011001\",\"b\":1}", old_rules);
    give_back(s, true, "[" NOTE("/b") "]");
    judge(s, "{\"nip_pemohon\":\"198402292010011001\",\"b\":2}", old_rules);
    late_told(&s->h, &s->a, STR("[" NOTE("/b") "]"));
    late_write(&s->h, bytes);
}

static void
bytes_that_are_none_of_ours(void **state)
{
    struct buf bytes = buf_make(LATE_BYTES);
    struct riwayat h;
    struct story s;
    char *copy;

    (void)state;
    make_bytes(&s, &bytes);
    assert_true(late_read(buf_view(&bytes), STR("N-1"), &h));
    for (size_t n = 1; n < bytes.n; n++) { /* in memory of just that size, for the sanitiser */
        copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, bytes.p, n);
        assert_false(late_read((struct str){copy, n}, STR("N-1"), &h));
        assert_true(h.n == 0 && h.kini.revisi == 0);
        free(copy);
    }
    bytes.p[0]++;
    assert_false(late_read(buf_view(&bytes), STR("N-1"), &h));
    bytes.p[0]--;
    bytes.p[1] = LATE_FORMS + 1;
    assert_false(late_read(buf_view(&bytes), STR("N-1"), &h));
    buf_free(&bytes);
    arena_free(&s.a);
}

static uint32_t
nip_mark(const char *nomor, const char *nip)
{
    struct riwayat h;
    struct arena a = {0};
    char form[64];
    int32_t v;

    late_read(STR_NULL, str_of(nomor), &h);
    snprintf(form, sizeof form, "{\"nip_pemohon\":\"%s\"}", nip);
    late_form(&h, &a, 1, str_of(form), old_rules);
    v = value_at(&h.kini, step(h.salt, STR("nip_pemohon")));
    assert_true(v >= 0);
    arena_free(&a);
    return (uint32_t)v;
}

/* Five bytes a member and no more; of the NIPs of one day of birth alone, more than one has the same; and the same one is
 * told apart from itself in another request. */
static void
nothing_personal(void **state)
{
    struct buf bytes = buf_make(LATE_BYTES);
    unsigned same = 0;
    struct story s;
    char nip[32];

    (void)state;
    make_bytes(&s, &bytes);
    assert_int_equal(s.h.kini.marks.n, 3 * MARK_BYTES);
    assert_int_equal(bytes.n, 2 + 2 * (FORM_BYTES + 3 * MARK_BYTES) + 2 * (2 + TAG_BYTES));
    assert_null(memmem(bytes.p, bytes.n, "1984", 4));
    for (unsigned i = 0; i < 300000; i++) {
        snprintf(nip, sizeof nip, "19840229%04u%02u1%03u", 2010 + i / 12000, 1 + i / 1000 % 12, i % 1000);
        same += nip_mark("N-1", nip) == nip_mark("N-1", "198402292010011001");
    }
    assert_in_range(same, 2, 20);
    assert_int_not_equal(nip_mark("N-1", "198402292010011001"), nip_mark("N-2", "198402292010011001"));
    buf_free(&bytes);
    arena_free(&s.a);
}

static int
load(void **state)
{
    struct err e = {0};

    (void)state;
    if (rules_load("schemas/forms", "schemas/data/opd.csv", &rules, &e) == RES_OK)
        return 0;
    fprintf(stderr, "%s\n", e.text);
    return -1;
}

static int
unload(void **state)
{
    (void)state;
    rules_free(rules);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_returns),         cmocka_unit_test(only_the_late_are_marked),
        cmocka_unit_test(notes_count_as_told), cmocka_unit_test(several_returns),
        cmocka_unit_test(many_members),        cmocka_unit_test(many_findings),
        cmocka_unit_test(deep_forms),          cmocka_unit_test(bytes_that_are_none_of_ours),
        cmocka_unit_test(nothing_personal),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
