/* What a request counts for in the month's recapitulation, and what is odd about its facts. */
#include "tests/unit/test_sop.h"

#include "workers/sop/anomali.h"
#include "workers/sop/rekap.h"

#define NOW "@2026-11-09T10:00:00" /* a Monday */

/* What one clock's fact says beside its state. */
struct jam_data {
    const char *id; /* of the fact in the story */
    const char *json;
};

#define JAM(batas, berakhir, hari, unit)                                                                     \
    "{\"batas\":\"" batas "T00:00:00+07:00\",\"berakhir\":\"" berakhir                                       \
    "T10:00:00+07:00\",\"hari_terpakai\":" #hari ",\"satuan\":\"" unit "\"}"
#define RUNS(batas) "{\"batas\":\"" batas "T00:00:00+07:00\",\"hari_terpakai\":0,\"satuan\":\"hari_kerja\"}"

/* Appended when they happened, but for the ids in `late`, which came in the next year. */
static void
place(struct story *s, const char *late)
{
    for (size_t i = 0; i < s->n; i++) {
        s->facts[i].append.ms = s->facts[i].time_us / 1000;
        if (late && str_eq(s->facts[i].id, str_of(late)))
            s->facts[i].append.ms = wib("2027-06-01T00:00:00") / 1000;
    }
}

static void
give_clocks(struct story *s, const struct jam_data *jam)
{
    for (size_t i = 0; i < s->n; i++)
        for (const struct jam_data *j = jam; j->id; j++)
            if (str_is(s->facts[i].id, j->id))
                s->facts[i].jam = str_of(j->json);
}

static struct dossier
dossier_of(struct arena *a, const struct story *s)
{
    struct dossier d = dossier_make(a);

    for (size_t i = 0; i < s->n; i++)
        dossier_add(&d, &s->facts[i]);
    return d;
}

static const struct line {
    const char *facts;
    struct jam_data jam[6];
    const char *late; /* the id of a fact that was received long after it happened */
    const char *text;
} table[] = {
    {"", {{0}}, NULL, "-"},
    {"R" NOW, {{0}}, NULL, "2.16.01"},
    {"F1@2026-11-30T23:59:59", {{0}}, NULL, "2.16.01 2026-11/diajukan"},
    {"F1@2026-12-01T00:00:00", {{0}}, NULL, "2.16.01 2026-12/diajukan"},
    {"F2" NOW, {{0}}, NULL, "-"}, /* before its turn: no request yet */
    {"F1" NOW " C1.1.1:ditolak@2026-12-02T10:00:00", {{0}}, NULL, "2.16.01 2026-11/diajukan 2026-12/ditolak"},
    {"F1" NOW " C1.1.1:dibatalkan", {{0}}, NULL, "2.16.01 2026-11/diajukan 2026-11/dibatalkan"},
    {"F1" NOW " C1.1.1:dikembalikan F2 C2.1.2:dikembalikan@2026-12-02T10:00:00",
     {{0}},
     NULL,
     "2.16.01 2026-11/diajukan 2026-11/dikembalikan 2026-12/dikembalikan"},
    /* the form is in */
    {"F1" NOW " D1.1:pengajuan/terpenuhi",
     {{"D1.1", JAM("2026-11-11", "2026-11-09", 0, "hari_kerja")}},
     NULL,
     "2.16.01 2026-11/diajukan 2026-11/pengajuan/hari_kerja/0/t"},
    {"F1" NOW " D1.1:pengajuan/terpenuhi",
     {{"D1.1", JAM("2026-11-11", "2026-11-09", 0, "hari_kerja")}},
     "F1",
     "2.16.01 2026-11/diajukan 2026-11/pengajuan/hari_kerja/0/f"},
    /* withdrawn, overdue: missed, but the step never ended */
    {"R" NOW " C1.1.1:dibatalkan D1.1:pengajuan/terlewat",
     {{"D1.1", JAM("2026-11-11", "2026-11-20", 9, "hari_kerja")}},
     NULL,
     "2.16.01 2026-11/dibatalkan 2026-11/terlewat"},
    /* runs, runs although missed */
    {"F1" NOW " D1.1:pemeriksaan/berjalan", {{"D1.1", RUNS("2026-11-12")}}, NULL, "2.16.01 2026-11/diajukan"},
    {"F1" NOW " D1.1:pemeriksaan/terlewat",
     {{"D1.1", RUNS("2026-12-01")}},
     NULL,
     "2.16.01 2026-11/diajukan 2026-12/terlewat"},
    /* accepted in time, late, received late */
    {"F1" NOW " C1.1.1:diterima@2026-11-10T10:00:00 D1.1:pemeriksaan/terpenuhi",
     {{"D1.1", JAM("2026-11-12", "2026-11-10", 1, "hari_kerja")}},
     NULL,
     "2.16.01 2026-11/diajukan 2026-11/pemeriksaan/hari_kerja/1/t"},
    {"F1" NOW " C1.1.1:diterima@2026-11-12T10:00:00 D1.1:pemeriksaan/terlewat",
     {{"D1.1", JAM("2026-11-12", "2026-11-12", 3, "hari_kalender")}},
     NULL,
     "2.16.01 2026-11/diajukan 2026-11/pemeriksaan/hari_kalender/3/f 2026-11/terlewat"},
    {"F1" NOW " C1.1.1:diterima@2026-11-10T10:00:00 D1.1:pemeriksaan/terpenuhi",
     {{"D1.1", JAM("2026-11-12", "2026-11-10", 1, "hari_kerja")}},
     "C1.1.1",
     "2.16.01 2026-11/diajukan 2026-11/pemeriksaan/hari_kerja/1/f"},
    /* a return pauses: nothing has ended until the next round has, and then the days of both count */
    {"F1" NOW " C1.1.1:dikembalikan@2026-11-10T10:00:00 D1.1:pemeriksaan/ditangguhkan",
     {{"D1.1", JAM("2026-11-12", "2026-11-10", 1, "hari_kerja")}},
     NULL,
     "2.16.01 2026-11/diajukan 2026-11/dikembalikan"},
    {"F1" NOW " C1.1.1:dikembalikan@2026-11-12T10:00:00 D1.1:pemeriksaan/terlewat",
     {{"D1.1", JAM("2026-11-12", "2026-11-12", 3, "hari_kerja")}},
     NULL,
     "2.16.01 2026-11/diajukan 2026-11/dikembalikan 2026-11/terlewat"},
    {"F1" NOW
     " C1.1.1:dikembalikan@2026-11-10T10:00:00 F2@2026-12-01T10:00:00 C2.1.2:diterima@2026-12-02T10:00:00"
     " D2.2:pemeriksaan/terpenuhi D1.1:pemeriksaan/terpenuhi",
     {{"D1.1", JAM("2026-11-12", "2026-11-10", 1, "hari_kerja")},
      {"D2.2", JAM("2026-12-04", "2026-12-02", 1, "hari_kerja")}},
     NULL,
     "2.16.01 2026-11/diajukan 2026-11/dikembalikan 2026-12/pemeriksaan/hari_kerja/2/t"},
    {"F1" NOW
     " C1.1.1:dikembalikan@2026-11-10T10:00:00 F2@2026-12-01T10:00:00 C2.1.2:diterima@2026-12-02T10:00:00"
     " D2.2:pemeriksaan/terpenuhi D1.1:pemeriksaan/terpenuhi",
     {{"D1.1", JAM("2026-11-12", "2026-11-10", 1, "hari_kalender")},
      {"D2.2", JAM("2026-12-04", "2026-12-02", 1, "hari_kerja")}},
     "C1.1.1",
     "2.16.01 2026-11/diajukan 2026-11/dikembalikan 2026-12/pemeriksaan/campuran/0/f"},
    /* active */
    {"F1" NOW " C1.1.1:diterima I1.1.1:completed/aktif@2026-11-20T10:00:00 D1.1:integrasi/terpenuhi",
     {{"D1.1", JAM("2026-12-22", "2026-11-20", 9, "hari_kerja")}},
     NULL,
     "2.16.01 2026-11/diajukan 2026-11/selesai 2026-11/integrasi/hari_kerja/9/t"},
    {"F1" NOW " C1.1.1:diterima D1.1:integrasi/dihentikan",
     {{"D1.1", JAM("2026-12-22", "2026-11-20", 9, "hari_kerja")}},
     NULL,
     "2.16.01 2026-11/diajukan"},
    /* a clock that never was */
    {"F1" NOW " C1.1.1:diterima@2026-11-10T10:00:00 D1.1:pemeriksaan/terpenuhi D2.2:pemeriksaan/dihentikan",
     {{"D1.1", JAM("2026-11-12", "2026-11-10", 1, "hari_kerja")},
      {"D2.2", "{\"batas\":\"2026-11-12T00:00:00+07:00\",\"ditiadakan\":true}"}},
     NULL,
     "2.16.01 2026-11/diajukan 2026-11/pemeriksaan/hari_kerja/1/t"},
    {"F1" NOW " D1.1:pemeriksaan/terlewat", {{0}}, NULL, "2.16.01 2026-11/diajukan"}, /* not one either */
};

static void
check_line(const struct line *l)
{
    struct arena a = {0};
    struct buf text = buf_make(4096);
    struct story s;
    struct dossier d;
    struct dossier_view v;

    story_read(&s, l->facts);
    place(&s, l->late);
    give_clocks(&s, l->jam);
    d = dossier_of(&a, &s);
    dossier_look(&d, &v);
    rekap_write(&v, &text);
    if (!str_is(buf_view(&text), l->text))
        fail_msg("\"%s\" counts for \"%s\", not \"%s\"", l->facts, text.p, l->text);
    buf_free(&text);
    arena_free(&a);
}

static void
test_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        check_line(&table[i]);
}

static void
test_read_back(void **state)
{
    struct str text =
        STR("2.16.01 2026-11/diajukan 2026-12/integrasi/hari_kerja/13/f 2026-12/integrasi/detik/0/t");
    struct str none = STR("-");
    struct str empty = STR_NULL;
    struct rekap_item it;

    (void)state;
    assert_true(str_is(rekap_kode(&text), "2.16.01"));
    assert_true(rekap_next(&text, &it));
    assert_true(str_is(it.bulan, "2026-11") && str_is(it.ukuran, "diajukan") && it.satuan.p && !it.satuan.n);
    assert_true(it.tepat && it.hari == 0);
    assert_true(rekap_next(&text, &it));
    assert_true(str_is(it.bulan, "2026-12") && str_is(it.ukuran, "integrasi") &&
                str_is(it.satuan, "hari_kerja"));
    assert_true(!it.tepat && it.hari == 13);
    assert_true(rekap_next(&text, &it));
    assert_true(str_is(it.satuan, "detik") && it.tepat && it.hari == 0);
    assert_false(rekap_next(&text, &it));
    assert_true(str_is(rekap_kode(&none), "") && !rekap_next(&none, &it));
    assert_true(str_is(rekap_kode(&empty), "") && !rekap_next(&empty, &it));
}

/* ---- what is odd ------------------------------------------------------------------------------------------------ */

static const struct oddity {
    const char *facts;
    const char *codes;
} odd[] = {
    {"", ""},
    {"R F1 C1.1.1:menunggu_pemeriksa C1.1.2:diterima I1.1.1:registered/diproses I1.1.2:completed/aktif "
     "D1.1:pengajuan/terpenuhi",
     ""},
    {"F1 C1.1.1:diterima I1.1.1:rejected C1.2.2:diterima I1.2.2:completed/aktif", ""},
    {"F1 C1.1.1:diterima I1.1.1:completed/aktif I1.1.2:completed/dinonaktifkan C1.1.2:dibatalkan", ""},
    {"F1 C1.1.1:diterima I1.1.1:registered/diproses C1.1.2:dibatalkan I1.1.2:registered/diproses "
     "I1.1.3:cancelled",
     ""},
    {"F1 F1b C1.1.1:diterima>F1b", ""},
    {"I1.1.1:completed/aktif", "selesai_tanpa_diterima"},
    {"F1 C1.1.1:diterima I1.2.1:completed/aktif", "selesai_tanpa_diterima"},
    {"F1 C1.1.1:dikembalikan I1.1.1:registered/diproses", "integrasi_tanpa_diterima"},
    {"F1 C1.1.1:diterima I1.1.1:cancelled I1.1.2:completed/aktif", "selesai_dan_dibatalkan"},
    {"F1 C1.1.1:ditolak C1.1.2:diterima@2026-11-01T00:00:00", ""}, /* told later, but of before */
    {"F1 C1.1.1:diterima I1.1.1:completed/aktif C1.2.2:menunggu_pemeriksa", "fakta_setelah_akhir"},
    {"F1 C1.1.1:diterima I1.1.1:completed/aktif I1.1.2:registered/diproses", "fakta_setelah_akhir"},
    {"F1 C1.1.1:diterima I1.1.1:registered/diproses I1.1.2:completed/aktif@2026-11-02T08:01:30", ""},
    {"F1 C1.1.1:diterima>F1c", "formulir_lain"},
    {"C1.1.1:diterima", ""}, /* its form is still to come */
    {"C1.1.1:ditolak", "putusan_tanpa_formulir"},
    {"F1 C1.1.1:dikembalikan C2.1.2:ditolak", "putusan_tanpa_formulir"},
    {"C1.1.1:menunggu_pemeriksa C1.1.2:dibatalkan", ""},
    {"R C1.1.1:dibatalkan", ""}, /* withdrawn before a form came */
    {"F2", "nomor_tidak_dikenal"},
    {"I1.1.1:registered/diproses", "integrasi_tanpa_diterima"},
    {"R", ""},
    {"D1.1:pengajuan/berjalan", "jam_tanpa_permohonan"},
    {"R D1.1:pengajuan/berjalan", ""},
    {"R D1.1:pemeriksaan/berjalan", "jam_tanpa_permohonan"},
    {"D1.1:integrasi/berjalan I1.1.1:completed/aktif I1.1.2:cancelled",
     "selesai_tanpa_diterima integrasi_tanpa_diterima selesai_dan_dibatalkan jam_tanpa_permohonan"},
};

static void
check_odd(const struct story *s, const struct oddity *o)
{
    struct arena a = {0};
    struct buf text = buf_make(4096);
    struct dossier d = dossier_of(&a, s);
    struct dossier_view v;

    dossier_look(&d, &v);
    buf_z(&text, "");
    anomali_write(&v, &text);
    if (!str_is(buf_view(&text), o->codes))
        fail_msg("\"%s\" is odd as \"%.*s\", not \"%s\"", o->facts, STR_FMT(buf_view(&text)), o->codes);
    buf_free(&text);
    arena_free(&a);
}

static void
test_odd(void **state)
{
    struct story s;

    (void)state;
    for (size_t i = 0; i < COUNT(odd); i++) {
        story_read(&s, odd[i].facts);
        check_odd(&s, &odd[i]);
    }
}

static void
test_two_departments(void **state)
{
    struct story s;

    (void)state;
    story_read(&s, "R F1");
    s.facts[1].kode_opd = STR("1.02.01");
    check_odd(&s, &(struct oddity){"R F1 of another", "dua_opd"});
}

static void
test_two_integrations(void **state)
{
    struct story s;

    (void)state;
    story_read(&s, "F1 C1.1.1:diterima I1.1.1:completed/aktif I1.1.2:completed/aktif");
    s.facts[2].id_integrasi = STR("b-1");
    s.facts[3].id_integrasi = STR("b-2");
    check_odd(&s, &(struct oddity){"two completed integrations", "dua_integrasi"});
    s.facts[3].id_integrasi = STR("b-1");
    check_odd(&s, &(struct oddity){"the same completed twice", ""});
}

static void
test_gaps(void **state)
{
    struct hitungan h = {0};
    struct hitungan back;
    struct buf text = buf_make(256);

    (void)state;
    assert_false(hitungan_read(&back, STR_NULL));
    hitungan_add(&h, STR("/bedelau/validator"), 1);
    hitungan_add(&h, STR("/bedelau/validator"), 3);
    hitungan_add(&h, STR("/bedelau/deadline"), 1);
    hitungan_add(&h, STR("/bedelau/gateway"), 7);
    hitungan_add(&h, STR("/opd/1.02.01"), 7);
    hitungan_add(&h, STR("/bedelau/integrator"), 0);
    hitungan_write(&h, &text);
    assert_string_equal(text.p, "2/3 0/0 1/1");
    assert_true(hitungan_read(&back, buf_view(&text)));
    assert_memory_equal(&h, &back, sizeof h);
    buf_reset(&text);
    hitungan_gaps(&h, &text);
    assert_string_equal(text.p, "celah_urutan_validator");
    hitungan_add(&h, STR("/bedelau/validator"), 2);
    buf_reset(&text);
    hitungan_gaps(&h, &text);
    assert_int_equal(text.n, 0);
    buf_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts),
                                       cmocka_unit_test(test_read_back),
                                       cmocka_unit_test(test_odd),
                                       cmocka_unit_test(test_gaps),
                                       cmocka_unit_test(test_two_departments),
                                       cmocka_unit_test(test_two_integrations)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
