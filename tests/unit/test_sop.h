/* What the tests of workers/sop/ share: requests told in a line of words, one word a fact.
 *
 *   R                        request.registered
 *   F1 F1b                   request.submitted, revisi 1; F1b is another form of it
 *   C1.2.3:diterima          check.completed: revisi.putaran.urutan:putusan; names form F1 of its revisi
 *   C1.2.3:diterima>F1b      .. names F1b
 *   I1.2.3:registered/aktif  integration.registered: revisi.putaran.urutan:type/status_bedelau
 *   D1.1:pengajuan/terlewat  deadline.changed: revisi.urutan:tahap/keadaan
 *   V K                      review.decided, callback.received
 *   ..@2026-03-17T10:00:00   when, in WIB; else a minute after the word before
 *
 * A fact's place in the log is its place in the line. */
#ifndef TESTS_TEST_SOP_H
#define TESTS_TEST_SOP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/caltime.h"
#include "workers/sop/clocks.h"

#define COUNT(a)   (sizeof(a) / sizeof *(a))
#define CSV_PATH   "tests/cases/calendar/kalender_id_2024_2027.csv"
#define FIRST_TIME "2026-11-02T08:00:00+07:00" /* a Monday */
#define VALIDATOR  "/bedelau/validator"
#define OPD        "/opd/2.16.01"
#define STORY_MAX  32

/* A story's facts, and the text that they point into. */
struct story {
    struct fact facts[STORY_MAX];
    size_t n;
    char words[STORY_MAX][96];
};

static inline struct str
part(char *word, char mark)
{
    char *p = strchr(word, mark);

    if (!p)
        return STR_NULL;
    *p = '\0';
    return str_of(p + 1);
}

static inline enum fact_type
integration_type(struct str name)
{
    char full[96];
    enum fact_type t;

    snprintf(full, sizeof full, SOP_TYPE_PREFIX "integration.%.*s.v1", STR_FMT(name));
    t = fact_type_of(str_of(full));
    if (!fact_is_integration(t))
        fail_msg("no such type: %s", full);
    return t;
}

static inline void
story_numbers(struct fact *f, const char *word)
{
    long long a = 0;
    long long b = 0;
    long long c = 0;
    int n = sscanf(word + 1, "%lld.%lld.%lld", &a, &b, &c);

    f->revisi = (int32_t)a;
    f->putaran = n == 3 ? (int32_t)b : 0;
    f->urutan = n == 3 ? c : b;
}

static inline void
story_form(struct fact *f)
{
    f->type = FACT_SUBMITTED;
    f->source = STR(OPD);
    f->revisi = f->id.p[1] - '0';
    f->kode_opd = STR("2.16.01");
    f->nama_opd = STR("Dinas Contoh");
    f->nama_sistem = f->id;
}

static inline void
story_check(struct fact *f, struct str what, struct str named)
{
    static const char *const first[] = {"F0", "F1", "F2", "F3", "F4", "F5"};

    f->type = FACT_CHECK;
    f->source = STR(VALIDATOR);
    f->putusan = putusan_of(what);
    f->sumber_pengajuan = STR(OPD);
    f->id_pengajuan = named.p ? named : str_of(first[f->revisi]);
    f->temuan = f->urutan % 2 ? STR("[{\"kode\":\"PA20-E-001\",\"tingkat\":\"E\"}]") : STR("[]");
    assert_int_not_equal(f->putusan, PUTUSAN_NONE);
}

static inline void
story_worker(struct fact *f, struct str what, struct str detail)
{
    if (f->id.p[0] == 'I') {
        f->type = integration_type(what);
        f->source = STR("/bedelau/integrator");
        f->status_bedelau = detail;
        f->id_integrasi = detail.p ? STR("b-1") : STR_NULL;
        return;
    }
    f->type = FACT_DEADLINE;
    f->source = STR("/bedelau/deadline");
    f->tahap = tahap_of(what);
    f->keadaan = keadaan_of(detail);
    f->jam = STR("{\"a\": \"b\"}");
    assert_int_not_equal(f->tahap, TAHAPS);
    assert_int_not_equal(f->keadaan, KEADAANS);
}

static inline int64_t
wib(const char *date_time)
{
    char text[128];
    int64_t t_us;

    snprintf(text, sizeof text, "%s+07:00", date_time);
    if (!caltime_parse(str_of(text), &t_us))
        fail_msg("not a time: %s", text);
    return t_us;
}

static inline void
story_fact(struct story *s, char *word, int64_t next_us)
{
    struct fact *f = &s->facts[s->n];
    struct str at = part(word, '@');
    struct str detail;
    struct str named;
    struct str what;

    *f = (struct fact){.source = STR(OPD), .time_us = at.p ? wib(at.p) : next_us};
    f->append = (struct append){1000 + (int64_t)s->n / 2, STR("requests"), 1, (int64_t)s->n};
    detail = part(word, '/');
    named = part(word, '>');
    what = part(word, ':');
    f->id = str_of(word);
    if (strchr("CID", word[0]))
        story_numbers(f, word);
    if (word[0] == 'R') {
        f->type = FACT_REGISTERED;
        f->kode_opd = STR("2.16.01");
    } else if (word[0] == 'F') {
        story_form(f);
    } else if (word[0] == 'C') {
        story_check(f, what, named);
    } else if (word[0] == 'V' || word[0] == 'K') {
        f->type = word[0] == 'V' ? FACT_REVIEW : FACT_CALLBACK;
    } else {
        story_worker(f, what, detail);
    }
    s->n++;
}

/* Reads a line of words; the story stays where it is, for its facts point into it. */
static inline void
story_read(struct story *s, const char *line)
{
    int64_t next_us = 0;

    s->n = 0;
    caltime_parse(STR(FIRST_TIME), &next_us);
    while (*line) {
        size_t n = strcspn(line, " ");

        if (s->n == STORY_MAX || n >= sizeof s->words[0])
            fail_msg("too long: %s", line);
        memcpy(s->words[s->n], line, n);
        s->words[s->n][n] = '\0';
        story_fact(s, s->words[s->n], next_us);
        next_us = s->facts[s->n - 1].time_us + CALTIME_MINUTE;
        line += n + strspn(line + n, " ");
    }
}

/* xorshift: the same sequence everywhere. */
static inline size_t
pick(uint64_t *seed, size_t n)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (size_t)(*seed % n);
}

static inline void
shuffle(uint64_t *seed, struct fact *facts, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = pick(seed, i);
        struct fact f = facts[j];

        facts[j] = facts[i - 1];
        facts[i - 1] = f;
    }
}

static inline struct calendar *
calendar_here(void)
{
    static char csv[16384];
    FILE *file = fopen(CSV_PATH, "r");
    struct calendar *cal = NULL;
    struct err e = {0};
    size_t n;

    if (!file)
        fail_msg("no %s: tests run from the root of the repository", CSV_PATH);
    n = fread(csv, 1, sizeof csv, file);
    fclose(file);
    if (calendar_load((struct str){csv, n}, "test-1", 420, &cal, &e) != RES_OK)
        fail_msg("%s", e.text);
    return cal;
}

/* The SOP's terms, without exceptions. */
static inline const struct terms *
sop_terms(void)
{
    static const struct terms terms = {
        .general = {{.of = {1, CALENDAR_WORKDAYS}, .warn = {1}, .nwarn = 1},
                    {.of = {2, CALENDAR_WORKDAYS}, .warn = {1}, .nwarn = 1},
                    {.of = {30, CALENDAR_WORKDAYS}, .warn = {7, 3, 1}, .nwarn = 3},
                    {.of = {5, CALENDAR_WORKDAYS}, .warn = {1}, .nwarn = 1}},
        .version = 1};

    return &terms;
}

static inline struct clock_rules
sop_rules(const struct calendar *cal, int64_t read_us)
{
    return (struct clock_rules){.cal = cal, .terms = sop_terms(), .read_us = read_us};
}

/* All that a request's facts give, as text: the row, then its clocks. */
static inline void
snapshot(const struct dossier *d, const struct clock_rules *rules, struct buf *out)
{
    struct dossier_view v;
    struct dossier_row r;
    struct jam jam[JAM_MAX];
    struct err e = {0};
    size_t n;

    dossier_look(d, &v);
    dossier_row(&v, &r);
    buf_printf(out, "%s %s %lld r%d p%d %.*s/%.*s/%.*s", status_name(v.status), giliran_name(v.giliran),
               (long long)v.since_us, r.revisi, r.putaran, STR_FMT(r.kode_opd), STR_FMT(r.nama_opd),
               STR_FMT(r.nama_sistem));
    buf_printf(out, " %lld %lld %lld %lld %lld", (long long)r.submitted_us, (long long)r.checked_us,
               (long long)r.accepted_us, (long long)r.returned_us, (long long)r.integrated_us);
    buf_printf(out, " %.*s %.*s %d %d %lld\n", STR_FMT(r.id_integrasi), STR_FMT(r.temuan),
               r.jumlah_pengembalian, r.terlambat, (long long)d->newest_us);
    if (clocks_of(&v, rules, jam, &n, &e) != RES_OK)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%d %s %s %lld %lld %lld %lld %lld\n", jam[i].revisi, tahap_name(jam[i].tahap),
                   keadaan_name(jam[i].keadaan), (long long)jam[i].mulai_us, (long long)jam[i].batas_us,
                   (long long)jam[i].berakhir_us, (long long)jam[i].hari_terpakai, (long long)jam[i].jatah);
}

#endif
