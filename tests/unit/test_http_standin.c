/* The stand-in's pure parts, which no library holds: the two ways to read a body, the dice, the book. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/standin/auth.c"
#include "tests/standin/book.c"
#include "tests/standin/faults.c"
#include "tests/standin/outcome.c"
#include "tests/standin/scan.c"
#include "tests/standin/script.c"
#include "tests/standin/setting.c"

/* ---- bodies --------------------------------------------------------------------------------------------------- */

struct sample {
    const char *text;
    bool fast; /* the fast pass takes it */
    bool ok;   /* it is an object */
};

static const struct sample samples[] = {
    {"{}", true, true},
    {" { \"revisi\" : 3 , \"nomor_permohonan\":\"A-1\"}\n", true, true},
    {"{\"kode_opd\":\"1.01\",\"sistem\":{\"nama\":\"S\",\"basis\":[\"web\",[],{}]},\"url_callback\":\"http://"
     "h/\"}",
     true, true},
    {"{\"sistem\":{\"sistem\":{\"nama\":\"deep\"}},\"x\":{\"nama\":\"other\",\"kode_opd\":\"9\",\"revisi\":7}"
     "}",
     true, true},
    {"{\"\":{\"nomor_permohonan\":\"not here\"},\"[]\":{\"nip\":\"1\"}}", true, true},
    {"{\"a\":[{\"nip\":\"1\",\"kode_opd\":\"x\",\"revisi\":2}],\"revisi\":-0}", true, true},
    {"{\"sistem\":{\"token_x\":true}}", true, true},
    {"{\"nipx\":null,\"xnip\":false,\"integrasi\":{\"telepon\":1}}", true, true},
    {"{\"nomor_permohonan\":5,\"revisi\":\"1\",\"sistem\":[],\"kode_opd\":{}}", true, true},
    {"{\"nama\":\"\\u0041\"}", false, true},
    {"{\"kode_opd\":\"caf\xc3\xa9\"}", false, true},
    {"{\"revisi\":1.0}", false, true},
    {"{\"revisi\":12345678901234567}", false, true},
    {"{\"a\":[[[[[[[[[[1]]]]]]]]]]}", false, true},
    {"{\"a\":1,\"a\":2}", false, false},
    {"{\"s\":{\"a\":1,\"a\":2}}", false, false},
    {"{\"a\":01}", false, false},
    {"{\"a\":-}", false, false},
    {"{\"a\":tru}", false, false},
    {"{\"a\":truex}", false, false},
    {"{\"a\":1,}", false, false},
    {"{\"a\":[1,]}", false, false},
    {"{\"a\" 1}", false, false},
    {"{a:1}", false, false},
    {"{\"a\":\"\t\"}", false, false},
    {"{\"a\":\"\xff\"}", false, false},
    {"{} x", false, false},
    {"{", false, false},
    {"{\"a", false, false},
    {"[]", false, false},
    {"1", false, false},
    {"", false, false},
};

static void
same(const struct scan *a, const struct scan *b)
{
    assert_true(str_eq(a->nomor, b->nomor));
    assert_true(str_eq(a->kode_opd, b->kode_opd));
    assert_true(str_eq(a->nama, b->nama));
    assert_true(str_eq(a->url_callback, b->url_callback));
    assert_int_equal(a->revisi, b->revisi);
    assert_ptr_equal(a->forbidden, b->forbidden);
}

static void
what_the_fast_pass_takes_the_tree_takes_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct scan fast;
        struct scan full;

        assert_int_equal(scan_read(&fast, str_of(samples[i].text)), samples[i].ok);
        if (samples[i].fast != (fast.json == NULL && samples[i].ok))
            fail_msg("the wrong pass took: %s", samples[i].text);
        assert_int_equal(scan_read_full(&full, str_of(samples[i].text)), samples[i].ok);
        if (samples[i].ok)
            same(&fast, &full);
        scan_free(&fast);
        scan_free(&full);
    }
}

/* Every sample with one byte changed: the fast pass never takes what the tree refuses or reads otherwise. */
static void
changed_bytes(void **state)
{
    static const char put[] = "\"{}[]:,0-e. \\x\n";
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        for (size_t at = 0; samples[i].text[at]; at++) {
            for (const char *c = put; *c; c++) {
                struct scan fast;
                struct scan full;
                bool ok;

                snprintf(text, sizeof text, "%s", samples[i].text);
                text[at] = *c;
                ok = scan_read(&fast, str_of(text));
                assert_int_equal(scan_read_full(&full, str_of(text)), ok);
                if (ok)
                    same(&fast, &full);
                scan_free(&fast);
                scan_free(&full);
            }
        }
    }
}

/* ---- faults --------------------------------------------------------------------------------------------------- */

static struct faults
settings(const char *text)
{
    struct faults f = faults_none(1);
    struct err e = {0};

    if (faults_read(&f, str_of(text), &e))
        fail_msg("%s", e.text);
    return f;
}

static void
dice_are_fair_and_the_same_each_time(void **state)
{
    struct faults f = settings("{\"seed\":7,\"mix\":{\"503\":0.2,\"202\":0.3}}");
    struct faults g = settings("{\"seed\":8,\"mix\":{\"503\":0.2,\"202\":0.3}}");
    int seen[600] = {0};
    int differ = 0;

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        char key[32];
        struct str k = {key, (size_t)snprintf(key, sizeof key, "BDL-%u:1:1", i / 4)};
        struct outcome o = faults_choose(&f, NULL, ASK_POST, k, i % 4).outcome;

        seen[o.code]++;
        assert_int_equal(faults_choose(&f, NULL, ASK_POST, k, i % 4).outcome.code, o.code);
        differ += faults_choose(&g, NULL, ASK_POST, k, i % 4).outcome.code != o.code;
    }
    assert_in_range(seen[503], 1850, 2150);
    assert_in_range(seen[202], 2850, 3150);
    assert_int_equal(seen[201], 10000 - seen[503] - seen[202]);
    assert_in_range(differ, 4000, 8000);
    faults_free(&f);
    faults_free(&g);
}

static void
rules_go_first_and_their_last_word_stays(void **state)
{
    static const char text[] =
        "{\"mix\":{\"500\":1},\"rules\":[{\"nomor\":\"X\",\"sequence\":[\"503\",\"202\"]},"
        "{\"nomor\":\"T-*\",\"sequence\":[\"202_tetap\"]}]}";
    static const int want[] = {503, 202, 202, 202};
    struct faults f = settings(text);
    struct book b = {0};
    struct err e = {0};

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(
                faults_choose(&f, book_nomor(&b, STR("X")), ASK_POST, STR("X:1:1"), i).outcome.code, want[i]);
        assert_int_equal(faults_read(&f, STR("{"), &e), RES_REJECT);   /* leaves the rules as they are */
        assert_int_equal(faults_read(&f, str_of(text), NULL), RES_OK); /* starts them anew */
    }
    assert_string_equal(
        faults_choose(&f, book_nomor(&b, STR("T-1")), ASK_POST, STR("T-1:1:1"), 0).outcome.name, "202_tetap");
    assert_int_equal(faults_choose(&f, book_nomor(&b, STR("XX")), ASK_POST, STR("XX:1:1"), 0).outcome.code,
                     500);
    book_clear(&b);
    faults_free(&f);
}

/* Each step goes to one call, of its kind, about its number. */
static void
scripts_are_used_up(void **state)
{
    static const char text[] =
        "{\"rules\":[{\"nomor\":\"X\",\"sequence\":[\"500\"]}],\"script\":{\"X*\":[\"GET 404\",503,"
        "{\"code\":429,\"method\":\"DELETE\"},\"202\"],\"XY\":[{\"code\":503,\"apply\":true}]}}";
    static const int want[] = {503, 202, 500};
    struct faults f = settings(text);
    struct book b = {0};
    struct book_nomor *x = book_nomor(&b, STR("X"));
    struct choice c;

    (void)state;
    assert_int_equal(faults_choose_other(&f, x, ASK_DELETE, 0).outcome.code, 503); /* a step for any write */
    faults_free(&f);
    f = settings(text);
    f.epoch = 2; /* other settings than those before */
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(faults_choose(&f, x, ASK_POST, STR("X:1:1"), i).outcome.code, want[i]);
    assert_int_equal(faults_choose_other(&f, x, ASK_DELETE, 0).outcome.code, 429);
    assert_int_equal(faults_choose_other(&f, x, ASK_DELETE, 1).outcome.code, 201);
    assert_int_equal(faults_choose_other(&f, x, ASK_GET, 0).outcome.code, 404);
    assert_int_equal(faults_choose_other(&f, x, ASK_GET, 1).outcome.code, 200);
    c = faults_choose(&f, book_nomor(&b, STR("XY")), ASK_PUT, STR("XY:1:1"), 0);
    assert_int_equal(c.outcome.code, 503);
    assert_int_equal(c.outcome.effect, EFFECT_ACT);
    assert_int_equal(c.outcome.status, STATUS_AKTIF);
    assert_int_equal(faults_choose(&f, book_nomor(&b, STR("XZ")), ASK_POST, STR("XZ:1:1"), 0).outcome.code,
                     503);
    book_clear(&b);
    faults_free(&f);
}

static void
what_a_step_says(void **state)
{
    struct faults f =
        settings("{\"script\":{\"A\":[{\"callback\":{\"status\":\"gagal\",\"twice\":true},\"delay_ms\":5,"
                 "\"apply\":true,\"code\":422},503]},\"callback_after_ms\":7,\"callback_reversed\":true}");
    const struct step *first = &f.scripts.item[0].steps[0];
    const struct step *second = &f.scripts.item[0].steps[1];

    (void)state;
    assert_int_equal(first->outcome.effect, EFFECT_ACT);
    assert_int_equal(first->outcome.end, STATUS_GAGAL);
    assert_int_equal(first->delay_ms, 5);
    assert_int_equal(first->telling.repeat, 2);
    assert_int_equal(first->telling.after_ms, 7); /* from the settings, wherever they stand */
    assert_true(first->told && first->telling.reversed && !second->told);
    assert_int_equal(second->telling.repeat, 1);
    assert_int_equal(second->delay_ms, -1);
    faults_free(&f);
}

static void
wrong_settings_are_refused(void **state)
{
    static const char *const bad[] = {"[]",
                                      "{\"mix\":{\"503\":0.6,\"429\":0.5}}",
                                      "{\"mix\":{\"600\":0.1}}",
                                      "{\"mix\":{\"503\":-0.1}}",
                                      "{\"latency_ms\":-1}",
                                      "{\"latency_ms\":1.5}",
                                      "{\"latency\":1}",
                                      "{\"idempotent\":1}",
                                      "{\"rules\":[{\"nomor\":\"X\"}]}",
                                      "{\"rules\":[{\"nomor\":\"X\",\"sequence\":[]}]}",
                                      "{\"rules\":[{\"nomor\":\"X\",\"sequence\":[\"?\"]}]}",
                                      "{\"seed\":null}",
                                      "{\"rules\":[{\"nomor\":\"X\",\"sequence\":[\"503\"],\"y\":1}]}"};
    struct faults f = settings("{\"latency_ms\":5,\"callback_after_ms\":null}");

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = {0};

        if (faults_read(&f, str_of(bad[i]), &e) != RES_REJECT)
            fail_msg("taken: %s", bad[i]);
        assert_string_not_equal(e.text, "");
    }
    assert_int_equal(f.latency_ms, 5);
    assert_int_equal(f.telling.after_ms, -1);
    faults_free(&f);
}

/* ---- the book ------------------------------------------------------------------------------------------------- */

static struct book_reg *
add(struct book *b, const char *nomor, int revisi, enum status status, struct book_reg *changes)
{
    char key[64];
    struct str k = {key, (size_t)snprintf(key, sizeof key, "%s:%d:1", nomor, revisi)};
    struct book_new n = {.key = book_key(b, k),
                         .nomor = book_nomor(b, str_of(nomor)),
                         .revisi = revisi,
                         .putaran = 1,
                         .url = STR("http://h/"),
                         .changes = changes,
                         .status = status};

    return book_add(b, &n);
}

static void
counts(const struct book *b, size_t unique, size_t duplicates, size_t active)
{
    assert_int_equal(b->unique, unique);
    assert_int_equal(b->duplicates, duplicates);
    assert_int_equal(b->active, active);
}

static void
book_counts_what_took_effect(void **state)
{
    struct book b = {0};
    struct book_reg *a = add(&b, "A", 1, STATUS_AKTIF, NULL);
    struct book_reg *again;
    struct book_reg *put;

    (void)state;
    counts(&b, 1, 0, 1);
    again = add(&b, "A", 1, STATUS_DIPROSES, NULL);
    counts(&b, 1, 1, 1);
    assert_int_not_equal(a->id, again->id);
    add(&b, "A", 2, STATUS_AKTIF, NULL);
    counts(&b, 2, 1, 1);
    put = add(&b, "B", 1, STATUS_DIPROSES, a);
    assert_int_equal(put->id, a->id);
    counts(&b, 3, 1, 2);
    book_set(&b, put, STATUS_GAGAL, 1);
    counts(&b, 3, 1, 1);
    book_set(&b, put, STATUS_DINONAKTIFKAN, 2); /* takes `a` along, but A has two more */
    assert_int_equal(a->status, STATUS_DINONAKTIFKAN);
    assert_int_equal(put->urutan, 4);
    counts(&b, 3, 1, 1);
    assert_ptr_equal(book_by_id(&b, STR("INT-0000000001")), put);
    assert_null(book_by_id(&b, STR("INT-0000000004")));
    assert_null(book_by_id(&b, STR("INT-000000000x")));
    assert_null(book_by_id(&b, STR("INT-0000000000")));
    book_clear(&b);
    counts(&b, 0, 0, 0);
}

static void
book_notes_what_keys_came_with(void **state)
{
    struct book b = {0};
    struct book_reg *a = add(&b, "A", 1, STATUS_AKTIF, NULL);

    (void)state;
    for (uint64_t what = 1; what <= 3; what++)
        book_see(&b, a->key, a->nomor, ASK_POST, what / 2 + 1, 5);
    book_set(&b, a, STATUS_DINONAKTIFKAN, 6);
    book_note_delete(&b, a, NULL);
    assert_int_equal(b.conflicts, 2); /* 1, then 2 and 2 */
    assert_int_equal(b.deletes, 1);
    assert_int_equal(b.notes_n, 3);
    assert_true(b.notes[1].conflict && !b.notes[2].conflict);
    assert_int_equal(b.notes[2].after, 1);
    assert_int_equal(b.notes[2].status, STATUS_DINONAKTIFKAN);
    book_clear(&b);
    for (size_t i = 0; i <= BOOK_CONFLICTS + 5; i++)
        book_see(&b, book_key(&b, STR("K")), book_nomor(&b, STR("K")), ASK_POST, i + 1, 0);
    assert_int_equal(b.conflicts, BOOK_CONFLICTS + 5);
    assert_int_equal(b.notes_n, BOOK_CONFLICTS); /* so that a broken client does not fill the memory */
    book_clear(&b);
}

static void
book_grows(void **state)
{
    struct book b = {0};
    char nomor[32];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(nomor, sizeof nomor, "N-%d", i);
        assert_non_null(add(&b, nomor, 1, STATUS_AKTIF, NULL));
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(nomor, sizeof nomor, "N-%d", i);
        assert_int_equal(book_find(&b, str_of(nomor))->newest->id, i + 1);
    }
    assert_null(book_find(&b, STR("N-5000")));
    counts(&b, 5000, 0, 5000);
    book_clear(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_fast_pass_takes_the_tree_takes_alike),
        cmocka_unit_test(changed_bytes),
        cmocka_unit_test(dice_are_fair_and_the_same_each_time),
        cmocka_unit_test(rules_go_first_and_their_last_word_stays),
        cmocka_unit_test(scripts_are_used_up),
        cmocka_unit_test(what_a_step_says),
        cmocka_unit_test(wrong_settings_are_refused),
        cmocka_unit_test(book_counts_what_took_effect),
        cmocka_unit_test(book_notes_what_keys_came_with),
        cmocka_unit_test(book_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
