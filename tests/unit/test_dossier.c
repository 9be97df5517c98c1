/* The fold: the status table row by row, any order and any repeats, and the dossier as text. */
#include "tests/unit/test_sop.h"

static struct dossier
dossier_of(struct arena *a, const struct fact *facts, size_t n)
{
    struct dossier d = dossier_make(a);

    for (size_t i = 0; i < n; i++)
        dossier_add(&d, &facts[i]);
    return d;
}

/* ---- the status table ---- */

static const struct line {
    const char *facts;
    const char *status;
    const char *giliran;
    int32_t revisi;
    int32_t putaran;
} table[] = {
    /* nothing that makes a request */
    {"", "", "sistem", 0, 0},
    {"V K", "", "sistem", 0, 0},
    {"F2", "", "sistem", 0, 0}, /* before its turn */
    {"D1.1:pengajuan/terlewat", "", "sistem", 0, 0},
    /* 9 registered only; 8 form R, no check yet */
    {"R", "terdaftar", "pemohon", 0, 0},
    {"R V K D1.1:pengajuan/terlewat", "terdaftar", "pemohon", 0, 0},
    {"R F2", "terdaftar", "pemohon", 0, 0},
    {"R F1", "diajukan", "sistem", 1, 1},
    {"F1", "diajukan", "sistem", 1, 1},
    {"F1 F2", "diajukan", "sistem", 1, 1},
    {"F1 C1.1.1:dikembalikan F2", "diajukan", "sistem", 2, 1},
    {"F1 C1.1.1:dikembalikan F2 C2.1.2:dikembalikan F3", "diajukan", "sistem", 3, 1},
    {"F1 C1.1.1:dikembalikan F3", "dikembalikan", "pemohon", 1, 1},
    {"C1.1.1:dikembalikan F2", "diajukan", "sistem", 2, 1}, /* the first form is not here yet */
    /* 7 the newest check of R */
    {"F1 C1.1.1:menunggu_lampiran", "diperiksa", "sistem", 1, 1},
    {"F1 C1.1.1:menunggu_pemeriksa", "diperiksa", "pranata_komputer", 1, 1},
    {"F1 C1.1.1:menunggu_lampiran C1.1.2:menunggu_pemeriksa", "diperiksa", "pranata_komputer", 1, 1},
    {"F1 C1.1.1:dikembalikan", "dikembalikan", "pemohon", 1, 1},
    {"F1 C1.1.1:diterima", "diterima", "sistem", 1, 1},
    {"C1.1.1:diterima", "diterima", "sistem", 1, 1},
    {"F1 C1.1.1:dikembalikan F2 C2.1.2:diterima", "diterima", "sistem", 2, 1},
    {"F1 C1.1.1:diterima D1.1:integrasi/terlewat", "diterima", "sistem", 1, 1},
    /* 6 registered or delayed at Bedelau */
    {"F1 C1.1.1:diterima I1.1.1:delayed", "diintegrasikan", "bedelau", 1, 1},
    {"F1 C1.1.1:diterima I1.1.1:registered/diproses", "diintegrasikan", "bedelau", 1, 1},
    {"F1 C1.1.1:diterima I1.1.1:registered/menunggu_perbaikan", "diintegrasikan", "pemohon", 1, 1},
    {"F1 C1.1.1:diterima I1.1.1:registered/menunggu_perbaikan I1.1.2:delayed/diproses", "diintegrasikan",
     "bedelau", 1, 1},
    {"F1 I1.1.1:registered/diproses", "diintegrasikan", "bedelau", 1, 1}, /* the check is not here yet */
    {"F1 C1.1.1:dikembalikan F2 I1.1.1:registered/diproses", "diajukan", "sistem", 2, 1},
    /* 5 rejected, until the next putaran is judged */
    {"F1 C1.1.1:diterima I1.1.1:rejected", "diperiksa", "pranata_komputer", 1, 1},
    {"F1 C1.1.1:diterima I1.1.1:rejected C1.2.2:menunggu_pemeriksa", "diperiksa", "pranata_komputer", 1, 2},
    {"F1 C1.1.1:diterima I1.1.1:rejected C1.2.2:diterima", "diterima", "sistem", 1, 2},
    {"F1 C1.1.1:diterima I1.1.1:rejected C1.2.2:dikembalikan", "dikembalikan", "pemohon", 1, 2},
    {"F1 C1.1.1:diterima I1.1.1:rejected C1.2.2:diterima I1.2.2:registered/diproses", "diintegrasikan",
     "bedelau", 1, 2},
    {"F1 C1.1.1:diterima I1.1.1:delayed I1.1.2:rejected", "diperiksa", "pranata_komputer", 1, 1},
    /* 4 failed */
    {"F1 C1.1.1:diterima I1.1.1:registered/diproses I1.1.2:failed/gagal", "gagal_integrasi",
     "pranata_komputer", 1, 1},
    {"F1 C1.1.1:diterima I1.1.1:failed/gagal C1.2.2:diterima", "diterima", "sistem", 1, 2},
    {"F1 C1.1.1:diterima I1.1.1:failed/gagal C1.2.2:dikembalikan F2", "diajukan", "sistem", 2, 1},
    /* 3 ditolak: before what Bedelau says of this revisi */
    {"F1 C1.1.1:ditolak", "ditolak", "selesai", 1, 1},
    {"F1 C1.1.1:diterima I1.1.1:failed/gagal C1.2.2:ditolak", "ditolak", "selesai", 1, 2},
    {"F1 C1.1.1:ditolak I1.1.1:failed/gagal", "ditolak", "selesai", 1, 1},
    {"F1 C1.1.1:ditolak F2", "ditolak", "selesai", 1, 1},
    /* 2 dibatalkan: before ditolak, whichever revisi */
    {"R C1.1.1:dibatalkan", "dibatalkan", "selesai", 1, 1},
    {"F1 C1.1.1:dikembalikan C1.1.2:dibatalkan", "dibatalkan", "selesai", 1, 1},
    {"F1 C1.1.1:dikembalikan C1.1.2:dibatalkan F2", "dibatalkan", "selesai", 1, 1},
    {"F1 C1.1.1:dibatalkan C1.1.2:ditolak", "dibatalkan", "selesai", 1, 1},
    {"F1 C1.1.1:diterima I1.1.1:registered/diproses I1.1.2:cancelled", "dibatalkan", "selesai", 1, 1},
    {"F1 C1.1.1:diterima I1.1.1:cancelled C1.2.2:menunggu_pemeriksa", "dibatalkan", "selesai", 1, 2},
    /* 1 selesai: before all */
    {"F1 C1.1.1:diterima I1.1.1:completed/aktif", "selesai", "selesai", 1, 1},
    {"F1 C1.1.1:diterima I1.1.1:completed/aktif I1.1.2:completed/dinonaktifkan", "selesai", "selesai", 1, 1},
    {"F1 C1.1.1:diterima I1.1.1:completed/aktif C1.1.2:dibatalkan", "selesai", "selesai", 1, 1},
    {"F1 C1.1.1:diterima I1.1.1:cancelled I1.1.2:completed/aktif", "selesai", "selesai", 1, 1},
    {"F1 C1.1.1:diterima I1.1.1:completed/aktif C1.2.2:ditolak", "selesai", "selesai", 1, 2},
    {"I1.1.1:completed/aktif", "selesai", "selesai", 0, 0},
};

static void
check_line(const struct line *l)
{
    struct arena a = {0};
    struct story s;
    struct dossier d;
    struct dossier_view v;
    struct dossier_row r;

    story_read(&s, l->facts);
    d = dossier_of(&a, s.facts, s.n);
    dossier_look(&d, &v);
    dossier_row(&v, &r);
    if (strcmp(status_name(v.status), l->status) || strcmp(giliran_name(v.giliran), l->giliran) ||
        r.revisi != l->revisi || r.putaran != l->putaran)
        fail_msg("\"%s\" is %s %s %d.%d, not %s %s %d.%d", l->facts, status_name(v.status),
                 giliran_name(v.giliran), r.revisi, r.putaran, l->status, l->giliran, l->revisi, l->putaran);
    arena_free(&a);
}

static void
test_status_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        check_line(&table[i]);
}

/* ---- the row's other columns ---- */

struct looked {
    struct arena a;
    struct story s;
    struct dossier d;
    struct dossier_view v;
    struct dossier_row r;
};

static void
look_at(struct looked *k, const char *facts)
{
    arena_free(&k->a);
    k->a = (struct arena){0};
    story_read(&k->s, facts);
    k->d = dossier_of(&k->a, k->s.facts, k->s.n);
    dossier_look(&k->d, &k->v);
    dossier_row(&k->v, &k->r);
}

static int64_t
minute(int64_t n)
{
    return wib("2026-11-02T08:00:00") + n * CALTIME_MINUTE;
}

static void
assert_text(struct str s, const char *want)
{
    if (!str_is(s, want))
        fail_msg("\"%.*s\" is not \"%s\"", STR_FMT(s), want);
}

static void
test_times(void **state)
{
    struct looked k = {0};

    (void)state;
    look_at(&k, "R F1 C1.1.1:diterima I1.1.1:rejected C1.2.2:dikembalikan F2 C2.1.3:diterima "
                "I2.1.2:rejected C2.2.4:diterima I2.2.3:completed/aktif I2.2.4:completed/dinonaktifkan");
    assert_int_equal(k.r.submitted_us, minute(5));
    assert_int_equal(k.r.checked_us, minute(8));
    assert_int_equal(k.r.accepted_us, minute(8));
    assert_int_equal(k.r.returned_us, INT64_MIN); /* of the newest revisi */
    assert_int_equal(k.r.integrated_us, minute(9));
    assert_int_equal(k.r.jumlah_pengembalian, 1);
    assert_text(k.r.id_integrasi, "b-1");
    assert_int_equal(k.d.newest_us, minute(10));
    look_at(&k, "F1 C1.1.1:dikembalikan");
    assert_int_equal(k.r.returned_us, minute(1));
    assert_int_equal(k.r.accepted_us, INT64_MIN);
    assert_text(k.r.temuan, "[{\"kode\":\"PA20-E-001\",\"tingkat\":\"E\"}]");
    look_at(&k, "C1.1.1:diterima");
    assert_int_equal(k.r.submitted_us, INT64_MIN);
    look_at(&k, "R K@2026-11-05T00:00:00");
    assert_int_equal(k.d.newest_us, wib("2026-11-05T00:00:00")); /* of any fact */
    arena_free(&k.a);
}

static void
test_turn_since(void **state)
{
    static const struct {
        const char *facts;
        int64_t minutes;
    } cases[] = {
        {"R", 0},
        {"R V F1 V", 2},
        {"F1 C1.1.1:menunggu_lampiran C1.1.2:menunggu_pemeriksa", 2},
        {"F1 C1.1.1:dikembalikan K", 1},
        {"F1 C1.1.1:diterima I1.1.1:delayed I1.1.2:registered/diproses", 2},
        {"F1 C1.1.1:diterima I1.1.1:delayed I1.1.2:registered/menunggu_perbaikan "
         "I1.1.3:delayed/menunggu_perbaikan",
         3},
        {"F1 C1.1.1:diterima I1.1.1:registered/menunggu_perbaikan I1.1.2:registered/diproses", 3},
        {"F1 C1.1.1:diterima I1.1.1:rejected", 2},
        {"F1 C1.1.1:diterima I1.1.1:failed/gagal", 2},
        {"F1 C1.1.1:dibatalkan I1.1.1:cancelled", 1},
        {"F1 C1.1.1:diterima I1.1.1:completed/aktif I1.1.2:completed/dinonaktifkan", 2},
        {"F1 C1.1.1:ditolak", 1},
    };
    struct looked k = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        look_at(&k, cases[i].facts);
        if (k.v.since_us != minute(cases[i].minutes))
            fail_msg("\"%s\": the turn is counted from another fact", cases[i].facts);
    }
    look_at(&k, "K");
    assert_int_equal(k.v.since_us, INT64_MIN);
    arena_free(&k.a);
}

static void
test_which_form(void **state)
{
    struct looked k = {0};

    (void)state;
    look_at(&k, "F1b F1");
    assert_text(k.r.nama_sistem, "F1b"); /* the first in the log */
    look_at(&k, "F1b F1 C1.1.1:diterima");
    assert_text(k.r.nama_sistem, "F1"); /* the one that the check names */
    look_at(&k, "F1b C1.1.1:diterima F1c");
    assert_text(k.r.nama_sistem, "F1b"); /* the named one is not here yet */
    look_at(&k, "F1 F1b C1.1.1:dikembalikan>F1b F2");
    assert_text(k.r.nama_sistem, "F2");
    assert_text(dossier_form(&k.d, 1)->nama_sistem, "F1b");
    assert_int_equal(k.d.n, 3); /* the form that was not chosen is forgotten */
    look_at(&k, "R");
    assert_text(k.r.kode_opd, "2.16.01"); /* before any form: what was registered */
    assert_text(k.r.nama_sistem, "");
    arena_free(&k.a);
}

static void
test_first_by_append(void **state)
{
    struct arena a = {0};
    struct story s;
    struct dossier d;
    static const struct append order[] = {/* each before the next: time, topic, partition, offset */
                                          {999, {"requests.9", 10}, 9, 9},
                                          {1000, {"requests", 8}, 2, 8},
                                          {1000, {"requests.1", 10}, 0, 0},
                                          {1000, {"requests.1", 10}, 1, 0},
                                          {1000, {"requests.1", 10}, 1, 7}};

    (void)state;
    for (size_t i = 0; i + 1 < COUNT(order); i++) {
        assert_int_equal(append_cmp(&order[i], &order[i + 1]), -1);
        assert_int_equal(append_cmp(&order[i + 1], &order[i]), 1);
        story_read(&s, "F1 F1b");
        s.facts[0].append = order[i + 1];
        s.facts[1].append = order[i];
        d = dossier_of(&a, s.facts, 2);
        assert_text(dossier_form(&d, 1)->id, "F1b");
    }
    assert_int_equal(append_cmp(&order[0], &order[0]), 0);
    arena_free(&a);
}

static void
test_late(void **state)
{
    struct looked k = {0};

    (void)state;
    look_at(&k, "R D1.1:pengajuan/terlewat");
    assert_true(k.r.terlambat);
    look_at(&k, "R D1.1:pengajuan/terlewat D1.2:pengajuan/terpenuhi"); /* it was in time after all */
    assert_false(k.r.terlambat);
    look_at(&k, "R D1.2:pengajuan/terpenuhi D1.1:pengajuan/terlewat");
    assert_false(k.r.terlambat);
    look_at(&k, "F1 D1.1:perbaikan/terlewat"); /* the applicant's own clock */
    assert_false(k.r.terlambat);
    look_at(&k, "F1 C1.1.1:dikembalikan F2 D1.1:pemeriksaan/terlewat D2.2:pemeriksaan/berjalan");
    assert_true(k.r.terlambat); /* any revisi's */
    arena_free(&k.a);
}

/* ---- repeats ---- */

static void
test_repeats_change_nothing(void **state)
{
    struct arena a = {0};
    struct story s;
    struct dossier d;

    (void)state;
    story_read(&s, "R F1 C1.1.1:diterima I1.1.1:registered/diproses D1.1:pengajuan/terpenuhi");
    d = dossier_of(&a, s.facts, s.n);
    for (size_t i = 0; i < s.n; i++)
        assert_false(dossier_add(&d, &s.facts[i]));
    assert_int_equal(d.n, s.n);
    arena_free(&a);
}

/* The copy that stands first in the log counts, whenever it is read; its sender may have dated it otherwise. */
static void
test_an_earlier_copy(void **state)
{
    struct arena a = {0};
    struct story s;
    struct dossier d;
    struct fact copy;

    (void)state;
    story_read(&s, "F1b F1");
    d = dossier_of(&a, s.facts, s.n);
    copy = s.facts[1];
    copy.append = (struct append){1, STR("requests"), 3, 12};
    copy.time_us -= CALTIME_HOUR;
    assert_true(dossier_add(&d, &copy));
    assert_false(dossier_add(&d, &s.facts[1]));
    assert_int_equal(d.n, 2);
    assert_text(dossier_form(&d, 1)->id, "F1");
    assert_int_equal(dossier_form(&d, 1)->time_us, minute(1) - CALTIME_HOUR);
    arena_free(&a);
}

/* ---- any order ---- */

static int
by_identity(const void *x, const void *y)
{
    const struct fact *a = x;
    const struct fact *b = y;
    int c = str_cmp(a->source, b->source);

    return c ? c : str_cmp(a->id, b->id);
}

/* The dossier as text, its facts in an order that does not depend on how they came; then all that follows from it. */
static void
tell(struct dossier *d, const struct clock_rules *rules, struct buf *out)
{
    buf_reset(out);
    if (d->n)
        qsort(d->facts, d->n, sizeof *d->facts, by_identity);
    dossier_write(d, out);
    buf_char(out, '\n');
    snapshot(d, rules, out);
    buf_char(out, '\0');
}

struct trial {
    const struct story *s;
    struct clock_rules rules;
    struct buf want, got;
    size_t tried;
};

/* Adds the facts in this order; where `cut` is not 0 the dossier goes through its text after so many. */
static void
try_order(struct trial *t, const struct fact *facts, size_t n, size_t cut)
{
    struct arena a = {0};
    struct dossier d = dossier_make(&a);
    struct buf text = buf_make(1 << 20);

    for (size_t i = 0; i < n; i++) {
        dossier_add(&d, &facts[i]);
        if (cut && i == cut) {
            dossier_write(&d, &text);
            d = dossier_make(&a);
            assert_true(dossier_read(&d, buf_view(&text)));
        }
    }
    tell(&d, &t->rules, t->tried ? &t->got : &t->want);
    if (t->tried++)
        assert_string_equal(buf_view(&t->got).p, buf_view(&t->want).p);
    buf_free(&text);
    arena_free(&a);
}

/* Heap's algorithm. */
static void
permute(struct trial *t, struct fact *facts, size_t k)
{
    if (k <= 1) {
        try_order(t, facts, t->s->n, 0);
        return;
    }
    for (size_t i = 0; i < k; i++) {
        size_t j = k % 2 ? 0 : i;
        struct fact f;

        permute(t, facts, k - 1);
        if (i + 1 == k)
            break;
        f = facts[j];
        facts[j] = facts[k - 1];
        facts[k - 1] = f;
    }
}

static struct trial
trial_of(const struct story *s, const struct calendar *cal)
{
    return (struct trial){.s = s,
                          .rules = sop_rules(cal, wib("2026-11-10T00:00:00")),
                          .want = buf_make(1 << 20),
                          .got = buf_make(1 << 20)};
}

static void
trial_free(struct trial *t)
{
    buf_free(&t->want);
    buf_free(&t->got);
}

static void
test_every_order(void **state)
{
    static const char *const stories[] = {
        "R F1 C1.1.1:dikembalikan F2 C2.1.2:diterima I2.1.1:registered/diproses I2.1.2:completed/aktif",
        "F1 F1b C1.1.1:menunggu_pemeriksa>F1b C1.1.2:diterima>F1b I1.1.1:rejected C1.2.3:dikembalikan>F1b F2",
        "R F1 C1.1.1:dikembalikan C1.1.2:dibatalkan F2 V K",
        "F1 C1.1.1:diterima I1.1.1:registered/diproses C1.1.2:dibatalkan I1.1.2:cancelled F2 F2b",
        "R D1.1:pengajuan/berjalan D1.2:pengajuan/terlewat D1.3:pengajuan/terpenuhi F1 R2 F1b",
    };

    for (size_t i = 0; i < COUNT(stories); i++) {
        struct story s;
        struct trial t;

        story_read(&s, stories[i]);
        t = trial_of(&s, *state);
        assert_int_equal(s.n, 7);
        permute(&t, s.facts, s.n);
        assert_int_equal(t.tried, 5040);
        trial_free(&t);
    }
}

/* Shuffled, each fact up to three times, the later copies further on in the log, and through the text in the middle. */
static void
try_shuffled(struct trial *t, uint64_t *seed)
{
    struct fact facts[3 * STORY_MAX];
    size_t n = 0;

    for (size_t i = 0; i < t->s->n; i++)
        for (size_t copies = 1 + pick(seed, 3); copies > 0; copies--) {
            facts[n] = t->s->facts[i];
            if (copies > 1)
                facts[n].append.offset += (int64_t)copies * 100;
            n++;
        }
    shuffle(seed, facts, n);
    try_order(t, facts, n, 1 + pick(seed, n));
}

static void
test_shuffled_and_repeated(void **state)
{
    static const char *const stories[] = {
        "R F1 F1b F1c C1.1.1:menunggu_lampiran>F1c C1.1.2:menunggu_pemeriksa>F1c C1.1.3:dikembalikan>F1c F2 "
        "F2b "
        "C2.1.4:diterima I2.1.1:delayed I2.1.2:registered/diproses I2.1.3:registered/menunggu_perbaikan "
        "I2.1.4:failed/gagal C2.2.5:diterima I2.2.5:completed/aktif V K D1.1:pengajuan/berjalan "
        "D1.2:pengajuan/terlewat D1.3:pemeriksaan/berjalan D2.4:pemeriksaan/terlewat "
        "D2.5:pemeriksaan/terpenuhi",
        "R R2 F1 C1.1.1:diterima I1.1.1:rejected C1.2.2:menunggu_pemeriksa C1.2.3:dikembalikan F2 F2b "
        "C2.1.4:dikembalikan>F2b F3 F3b F4 C3.1.5:menunggu_pemeriksa C3.1.6:ditolak",
    };
    uint64_t seed = 20260317;

    for (size_t i = 0; i < COUNT(stories); i++) {
        struct story s;
        struct trial t;

        story_read(&s, stories[i]);
        t = trial_of(&s, *state);
        try_order(&t, s.facts, s.n, 0);
        for (size_t k = 0; k < 3000; k++)
            try_shuffled(&t, &seed);
        trial_free(&t);
    }
}

/* ---- as text ---- */

static void
test_text_round_trip(void **state)
{
    struct arena a = {0};
    struct story s;
    struct dossier d;
    struct dossier back = dossier_make(&a);
    struct buf text = buf_make(1 << 20);
    struct buf again = buf_make(1 << 20);

    (void)state;
    story_read(&s, "R F1 C1.1.1:diterima I1.1.1:registered/diproses I1.1.2:completed/aktif "
                   "D1.1:integrasi/terpenuhi");
    s.facts[1].nama_sistem = STR("\"Sistem\"\\ \n\t\x01 \xc3\xa9 \xe2\x80\x93");
    s.facts[1].jenis = STR("perubahan");
    s.facts[3].urutan_bedelau = 77;
    d = dossier_of(&a, s.facts, s.n);
    dossier_write(&d, &text);
    assert_true(dossier_read(&back, buf_view(&text)));
    dossier_write(&back, &again);
    assert_true(str_eq(buf_view(&text), buf_view(&again)));
    assert_int_equal(back.n, s.n);
    assert_int_equal(back.newest_us, d.newest_us);
    assert_true(str_eq(dossier_form(&back, 1)->nama_sistem, s.facts[1].nama_sistem));
    assert_true(str_is(dossier_form(&back, 1)->jenis, "perubahan"));
    assert_true(str_eq(back.facts[5].jam, s.facts[5].jam));
    assert_int_equal(back.facts[3].urutan_bedelau, 77);
    buf_free(&text);
    buf_free(&again);
    arena_free(&a);
}

/* As rows were written before forms were remembered with their kind. */
static void
test_text_of_old(void **state)
{
    struct arena a = {0};
    struct dossier d = dossier_make(&a);

    (void)state;
    assert_true(dossier_read(
        &d, STR("{\"newest\":5,\"facts\":[{\"t\":1,\"s\":\"/opd/2.16.01\",\"i\":\"F1\",\"w\":5,\"am\":1,"
                "\"at\":\"requests\",\"r\":1,\"o\":\"2.16.01\",\"sn\":\"S\"}]}")));
    assert_true(str_is(dossier_form(&d, 1)->kode_opd, "2.16.01"));
    assert_null(dossier_form(&d, 1)->jenis.p);
    arena_free(&a);
}

/* Written by another hand, with blanks, it says the same; cut off or spoiled it is refused or read in
 * part, never read past its end. */
static void
test_text_of_another_hand(void **state)
{
    struct arena a = {0};
    struct story s;
    struct dossier d;
    struct buf text = buf_make(1 << 20);
    struct buf loose = buf_make(1 << 20);

    (void)state;
    story_read(&s, "R F1 C1.1.1:diterima I1.1.1:registered/diproses D1.1:integrasi/terpenuhi");
    d = dossier_of(&a, s.facts, s.n);
    dossier_write(&d, &text);
    for (size_t i = 0; i < text.n; i++) {
        buf_char(&loose, text.p[i]);
        if (text.p[i] == ',' && (text.p[i + 1] == '"' || text.p[i + 1] == '{') && i % 3 == 0)
            buf_char(&loose, ' ');
    }
    d = dossier_make(&a);
    assert_true(dossier_read(&d, buf_view(&loose)));
    assert_int_equal(d.n, s.n);
    assert_int_equal(d.newest_us, s.facts[4].time_us);
    for (size_t i = 0; i < d.n; i++)
        assert_true(d.facts[i].type == s.facts[i].type && str_eq(d.facts[i].id, s.facts[i].id) &&
                    d.facts[i].urutan == s.facts[i].urutan && d.facts[i].time_us == s.facts[i].time_us);
    for (size_t n = 1; n < text.n; n++) {
        char *cut = malloc(n); /* so that a sanitiser sees a read past the end */

        memcpy(cut, text.p, n);
        d = dossier_make(&a);
        dossier_read(&d, (struct str){cut, n});
        assert_true(d.n <= s.n);
        free(cut);
    }
    buf_free(&text);
    buf_free(&loose);
    arena_free(&a);
}

static void
test_text_of_nothing(void **state)
{
    struct arena a = {0};
    struct dossier d = dossier_make(&a);
    struct dossier back = dossier_make(&a);
    struct buf text = buf_make(1 << 20);

    (void)state;
    dossier_write(&d, &text);
    assert_true(dossier_read(&back, buf_view(&text)));
    assert_int_equal(back.n, 0);
    assert_int_equal(back.newest_us, INT64_MIN);
    assert_true(dossier_read(&back, STR("")));
    assert_false(dossier_read(&back, STR("{\"facts\":[]}")));
    assert_false(dossier_read(&back, STR("x")));
    buf_free(&text);
    arena_free(&a);
}

static int
set_up(void **state)
{
    *state = calendar_here();
    return 0;
}

static int
tear_down(void **state)
{
    calendar_free(*state);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_table),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_turn_since),
        cmocka_unit_test(test_which_form),
        cmocka_unit_test(test_first_by_append),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_repeats_change_nothing),
        cmocka_unit_test(test_an_earlier_copy),
        cmocka_unit_test(test_every_order),
        cmocka_unit_test(test_shuffled_and_repeated),
        cmocka_unit_test(test_text_round_trip),
        cmocka_unit_test(test_text_of_old),
        cmocka_unit_test(test_text_of_another_hand),
        cmocka_unit_test(test_text_of_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
