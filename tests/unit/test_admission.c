/* The table "what arrives at its one judge" of the design, section 6: every state with every fact. What is expected was
 * written down from that section by hand, a letter a cell; nothing of it is computed. */
#include "tests/unit/test_sop.h"

#include "workers/sop/admission.h"

/* A letter for each outcome. */
static const struct {
    char letter;
    enum admission a;
    const char *kode;
} outcomes[] = {
    {'.', ADMIT_NOTHING, NULL},
    {'n', ADMIT_NOTE, NULL},
    {'t', ADMIT_TAKE, NULL},
    {'u', ADMIT_TAKE_UNJUDGED, NULL},
    {'h', ADMIT_HOLD, NULL},
    {'w', ADMIT_HOLD_WITHDRAWAL, NULL},
    {'c', ADMIT_CANCEL, NULL},
    {'d', ADMIT_DECIDE, NULL},
    {'r', ADMIT_ROUND, NULL},
    {'M', REFUSE_OWNER, "NOMOR_MILIK_LAIN"},
    {'O', REFUSE_OPD, "KODE_OPD_BERBEDA"},
    {'F', REFUSE_FINAL, "SUDAH_FINAL"},
    {'A', REFUSE_ACTIVE, "SUDAH_AKTIF"},
    {'L', REFUSE_REVISI, "REVISI_LAMA"},
    {'J', REFUSE_AHEAD, "REVISI_TERLALU_JAUH"},
    {'K', REFUSE_OFFICER, "PEMERIKSA_TIDAK_DIKENAL"},
    {'P', REFUSE_PUTARAN, "PUTARAN_LAMA"},
    {'S', REFUSE_DECIDED, "SUDAH_DIPUTUSKAN"},
    {'T', REFUSE_NOT_WAITING, "TIDAK_MENUNGGU_PEMERIKSA"},
    {'E', REFUSE_REASON, "ALASAN_KOSONG"},
};

static char
letter_of(enum admission a)
{
    for (size_t i = 0; i < COUNT(outcomes); i++)
        if (outcomes[i].a == a)
            return outcomes[i].letter;
    fail_msg("no letter for %d", (int)a);
    return '?';
}

/* The columns of the table. Where revisi or putaran of a fact is told from the request's: R and p are those of its
 * newest check, 0 and 0 where there is none. */
enum column {
    LETTER,        /* request.registered */
    FORM_LOWER,    /* request.submitted: revisi R-1 */
    FORM_SAME,     /* R */
    FORM_NEXT,     /* R+1 */
    FORM_AHEAD,    /* R+2 */
    FORM_FAR,      /* R+17 */
    WITHDRAWAL,    /* request.withdrawn */
    REVIEW_LOWER,  /* review.decided: revisi R-1 */
    REVIEW_OLD,    /* R, putaran p-1 */
    REVIEW_SAME,   /* R, p */
    REVIEW_NEXT,   /* R, p+1 */
    REVIEW_HIGHER, /* R+1, putaran 1 */
    REJECTED_OLD,  /* integration.rejected: R, p-1 */
    REJECTED,      /* R, p */
    COMPLETED,     /* integration.completed: R, p */
    COLUMNS
};

static const struct {
    enum fact_type type;
    int revisi, putaran; /* beyond R and p; putaran 99: exactly 1 */
} columns[COLUMNS] = {
    [LETTER] = {FACT_REGISTERED, 0, 0},        [FORM_LOWER] = {FACT_SUBMITTED, -1, 0},
    [FORM_SAME] = {FACT_SUBMITTED, 0, 0},      [FORM_NEXT] = {FACT_SUBMITTED, 1, 0},
    [FORM_AHEAD] = {FACT_SUBMITTED, 2, 0},     [FORM_FAR] = {FACT_SUBMITTED, 17, 0},
    [WITHDRAWAL] = {FACT_WITHDRAWN, 0, 0},     [REVIEW_LOWER] = {FACT_REVIEW, -1, 99},
    [REVIEW_OLD] = {FACT_REVIEW, 0, -1},       [REVIEW_SAME] = {FACT_REVIEW, 0, 0},
    [REVIEW_NEXT] = {FACT_REVIEW, 0, 1},       [REVIEW_HIGHER] = {FACT_REVIEW, 1, 99},
    [REJECTED_OLD] = {FACT_I_REJECTED, 0, -1}, [REJECTED] = {FACT_I_REJECTED, 0, 0},
    [COMPLETED] = {FACT_I_COMPLETED, 0, 0},
};

/* One state: how the request came there, what the state is called, R, p, and a letter for each column; '-' where the
 * fact cannot be (revisi or putaran 0). */
struct state {
    const char *story, *status;
    int32_t R, putaran;
    const char *expected;
};

#define RETURNED "R F1 C1.1.1:dikembalikan "
#define ACCEPTED RETURNED "F2 C2.1.2:diterima "
#define MANUAL   RETURNED "F2 C2.1.2:menunggu_pemeriksa "

static const struct state states[] = {
    /*                                                                   letter
     *                                                                   |lower, same, next, ahead, far
     *                                                                   ||    withdrawal
     *                                                                   ||    |lower, old, same, next, higher
     *                                                                   ||    ||    rejected old, rejected, completed */
    /* nothing known: revisi 1 is taken, others wait, a withdrawal waits; nobody decides what is not there */
    {"", NULL, 0, 0, /*                                               */ "n--thJw----T--n"},
    {"R", "terdaftar", 0, 0, /*                                       */ "n--thJc----T--n"},
    /* open, not returned: the next revisi waits */
    {"R F1", "diajukan", 1, 0, /*                                     */ "n-LhhJc---TT--n"},
    {RETURNED "F2", "diajukan", 2, 0, /*                              */ "nLLhhJcL--TT--n"},
    {RETURNED "F2 C2.1.2:menunggu_lampiran", "diperiksa", 2, 1, /*    */ "nLLhhJcL-TTT-rn"},
    {MANUAL, "diperiksa", 2, 1, /*                                    */ "nLLhhJcL-dTT-rn"},
    /* refused by Bedelau, the new round not begun: the old one was decided */
    {ACCEPTED "I2.1.1:rejected", "diperiksa", 2, 1, /*                */ "nLLhhJcL-STT-rn"},
    /* .. and begun: what was said of round 1 is over */
    {ACCEPTED "I2.1.1:rejected C2.2.3:menunggu_pemeriksa", "diperiksa", 2, 2, "nLLhhJcLPdTTnrn"},
    /* returned: the next revisi's turn */
    {"R F1 C1.1.1:dikembalikan", "dikembalikan", 1, 1, /*             */ "n-LthJc--STT-rn"},
    {"F1 C1.1.1:menunggu_pemeriksa C1.1.2:dikembalikan", "dikembalikan", 1, 1, "n-LthJc--STT-rn"},
    {RETURNED "F2 C2.1.2:dikembalikan", "dikembalikan", 2, 1, /*      */ "nLLthJcL-STT-rn"},
    {ACCEPTED "I2.1.1:rejected C2.2.3:menunggu_pemeriksa C2.2.4:dikembalikan", "dikembalikan", 2, 2,
     "nLLthJcLPSTTnrn"},
    {ACCEPTED, "diterima", 2, 1, /*                                   */ "nLLhhJcL-STT-rn"},
    {ACCEPTED "I2.1.1:registered/diproses", "diintegrasikan", 2, 1, /**/ "nLLhhJcL-STT-rn"},
    {ACCEPTED "I2.1.1:delayed", "diintegrasikan", 2, 1, /*            */ "nLLhhJcL-STT-rn"},
    {ACCEPTED "I2.1.1:registered/menunggu_perbaikan", "diintegrasikan", 2, 1, "nLLhhJcL-STT-rn"},
    /* an officer decides what failed, as a round of its own */
    {ACCEPTED "I2.1.1:failed/gagal", "gagal_integrasi", 2, 1, /*      */ "nLLhhJcL-SdT-rn"},
    {ACCEPTED "I2.1.1:rejected C2.2.3:menunggu_pemeriksa C2.2.4:diterima I2.2.2:failed/gagal",
     "gagal_integrasi", 2, 2, "nLLhhJcLPSdTnrn"},
    /* final: forms and withdrawals are refused, letters and Bedelau's words are noted */
    {ACCEPTED "I2.1.1:completed/aktif", "selesai", 2, 1, /*           */ "nFFFFFAL-SFF-nn"},
    {ACCEPTED "I2.1.1:completed/aktif I2.1.2:completed/dinonaktifkan", "selesai", 2, 1, "nFFFFFAL-SFF-nn"},
    {MANUAL "C2.1.3:ditolak", "ditolak", 2, 1, /*                     */ "nFFFFFFL-SFF-nn"},
    {MANUAL "C2.1.3:dibatalkan", "dibatalkan", 2, 1, /*               */ "nFFFFFFL-FFF-nn"},
    {ACCEPTED "C2.1.3:dibatalkan I2.1.1:cancelled", "dibatalkan", 2, 1, "nFFFFFFL-FFF-nn"},
    {"R C1.1.1:dibatalkan", "dibatalkan", 1, 1, /*                    */ "n-FFFFF--FFF-nn"},
    /* cancelled here, but Bedelau had completed it: that wins, and it is withdrawn as what is active */
    {ACCEPTED "C2.1.3:dibatalkan I2.1.1:completed/aktif", "selesai", 2, 1, "nFFFFFAL-FFF-nn"},
};

/* ---- asking ----------------------------------------------------------------------------------------------------- */

struct asked {
    struct arena arena;
    struct story story;
    struct dossier d;
    struct dossier_view v;
};

static void
tell(struct asked *a, const char *line)
{
    *a = (struct asked){0};
    a->d = dossier_make(&a->arena);
    story_read(&a->story, line);
    for (size_t i = 0; i < a->story.n; i++)
        dossier_add(&a->d, &a->story.facts[i]);
    dossier_look(&a->d, &a->v);
}

static const struct standing usual = {.known_officer = true, .reasoned = true};

static struct fact
fact_of(const struct state *s, enum column c)
{
    struct fact f = {.type = columns[c].type, .putusan = PUTUSAN_DIKEMBALIKAN};

    f.revisi = s->R + columns[c].revisi;
    f.putaran = columns[c].putaran == 99 ? 1 : s->putaran + columns[c].putaran;
    return f;
}

/* A fact that event_read would not let through. */
static bool
impossible(const struct fact *f)
{
    if (f->type == FACT_REGISTERED || f->type == FACT_WITHDRAWN || f->type == FACT_I_COMPLETED)
        return false;
    return f->revisi < 1 || (f->type != FACT_SUBMITTED && f->putaran < 1);
}

static void
check_state(const struct state *s)
{
    struct asked a;
    char got[COLUMNS + 1] = {0};

    tell(&a, s->story);
    if (s->status)
        assert_string_equal(status_name(a.v.status), s->status);
    else
        assert_int_equal(a.v.status, STATUS_NONE);
    assert_int_equal(a.v.R, s->R);
    assert_int_equal(a.v.C ? a.v.C->putaran : 0, s->putaran);
    assert_int_equal(strlen(s->expected), COLUMNS);
    for (unsigned c = 0; c < COLUMNS; c++) {
        struct fact f = fact_of(s, (enum column)c);

        got[c] = impossible(&f) ? '-' : letter_of(admission(&a.v, &f, &usual));
    }
    if (strcmp(got, s->expected) != 0)
        fail_msg("%s: \"%s\"\n  expected %s\n  got      %s", s->status ? s->status : "nothing known",
                 s->story, s->expected, got);
    arena_free(&a.arena);
}

static void
test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(states); i++)
        check_state(&states[i]);
}

/* Every status of section 6 is among the states, and "nothing known". */
static void
test_table_is_whole(void **state)
{
    bool met[STATUS_DIBATALKAN + 1] = {false};

    (void)state;
    for (size_t i = 0; i < COUNT(states); i++) {
        struct asked a;

        tell(&a, states[i].story);
        met[a.v.status] = true;
        arena_free(&a.arena);
    }
    for (unsigned i = 0; i < COUNT(met); i++)
        assert_true(met[i]);
}

/* ---- what the dossier does not say ------------------------------------------------------------------------------ */

static char
ask(const char *story, const struct fact *f, const struct standing *s)
{
    struct asked a;
    char c;

    tell(&a, story);
    c = letter_of(admission(&a.v, f, s));
    arena_free(&a.arena);
    return c;
}

/* Another department's word is refused in every state, whatever else could be said of it. */
static void
test_owner(void **state)
{
    static const enum fact_type kinds[] = {FACT_REGISTERED, FACT_SUBMITTED, FACT_WITHDRAWN};
    const struct standing foreign = {.foreign = true, .other_opd = true};
    const struct standing other = {.other_opd = true};

    (void)state;
    for (size_t i = 0; i < COUNT(states); i++)
        for (size_t k = 0; k < COUNT(kinds); k++) {
            struct fact f = {.type = kinds[k], .revisi = 1};

            assert_int_equal(ask(states[i].story, &f, &foreign), 'M');
            assert_int_equal(ask(states[i].story, &f, &other), 'O');
        }
}

/* An officer who is none is told that, and nothing about the request. */
static void
test_officer(void **state)
{
    const struct standing unknown = {.reasoned = true};

    (void)state;
    for (size_t i = 0; i < COUNT(states); i++)
        for (unsigned c = REVIEW_LOWER; c <= REVIEW_HIGHER; c++) {
            struct fact f = fact_of(&states[i], (enum column)c);

            assert_int_equal(ask(states[i].story, &f, &unknown), 'K');
        }
}

static void
test_reason(void **state)
{
    static const struct {
        const char *story;
        enum putusan putusan;
        int32_t putaran;
        bool reasoned;
        char expected;
    } cases[] = {
        {MANUAL, PUTUSAN_DITERIMA, 1, false, 'd'},
        {MANUAL, PUTUSAN_DITERIMA, 1, true, 'd'},
        {MANUAL, PUTUSAN_DIKEMBALIKAN, 1, false, 'E'},
        {MANUAL, PUTUSAN_DIKEMBALIKAN, 1, true, 'd'},
        {MANUAL, PUTUSAN_DITOLAK, 1, false, 'E'},
        {MANUAL, PUTUSAN_DITOLAK, 1, true, 'd'},
        {ACCEPTED "I2.1.1:failed/gagal", PUTUSAN_DITOLAK, 2, false, 'E'},
        {ACCEPTED "I2.1.1:failed/gagal", PUTUSAN_DITERIMA, 2, false, 'd'},
        {ACCEPTED "I2.1.1:failed/gagal", PUTUSAN_DITOLAK, 3, true, 'T'},
        /* what is not to be decided is said before that the reason lacks */
        {ACCEPTED, PUTUSAN_DITOLAK, 1, false, 'S'},
        {ACCEPTED, PUTUSAN_DITOLAK, 2, false, 'T'},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct standing s = {.known_officer = true, .reasoned = cases[i].reasoned};
        struct fact f = {
            .type = FACT_REVIEW, .revisi = 2, .putaran = cases[i].putaran, .putusan = cases[i].putusan};

        assert_int_equal(ask(cases[i].story, &f, &s), cases[i].expected);
    }
}

/* A withdrawal that came first: the form is not judged, not even for a moment. */
static void
test_withdrawn_first(void **state)
{
    const struct standing s = {.withdrawn = true};
    struct fact f = {.type = FACT_SUBMITTED, .revisi = 1};

    (void)state;
    assert_int_equal(ask("", &f, &s), 'u');
    assert_int_equal(ask("R", &f, &s), 'u');
    f.revisi = 2;
    assert_int_equal(ask("", &f, &s), 'h');
    f = (struct fact){.type = FACT_WITHDRAWN};
    assert_int_equal(ask("", &f, &s), 'w');
    f = (struct fact){.type = FACT_REGISTERED};
    assert_int_equal(ask("", &f, &s), 'n');
}

/* Forms that wait are bounded in number and in how far ahead they are. */
static void
test_held(void **state)
{
    static const struct {
        const char *story;
        int32_t revisi;
        unsigned held;
        char expected;
    } cases[] = {
        {"", 2, 0, 'h'},        {"", 16, 0, 'h'},     {"", 17, 0, 'J'},     {"", 2, 15, 'h'},
        {"", 2, 16, 'J'},       {"", 1, 16, 't'},     {"R", 2, 0, 'h'},     {"R", 1000000, 0, 'J'},
        {MANUAL, 3, 0, 'h'},    {MANUAL, 18, 0, 'h'}, {MANUAL, 19, 0, 'J'}, {RETURNED, 2, 16, 't'},
        {RETURNED, 3, 16, 'J'},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct standing s = {.held = cases[i].held};
        struct fact f = {.type = FACT_SUBMITTED, .revisi = cases[i].revisi};

        if (ask(cases[i].story, &f, &s) != cases[i].expected)
            fail_msg("\"%s\", revisi %d, %u held: not %c", cases[i].story, cases[i].revisi, cases[i].held,
                     cases[i].expected);
    }
}

/* Bedelau's other words are noted in every state; what is not the validator's to judge has no consequence. */
static void
test_other_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(states); i++)
        for (unsigned t = FACT_CALLBACK; t <= FACT_UNKNOWN; t++) {
            struct fact f = {.type = (enum fact_type)t, .revisi = 1, .putaran = 1};
            bool bedelau = t >= FACT_I_REGISTERED && t <= FACT_I_CANCELLED;

            if (t != FACT_I_REJECTED)
                assert_int_equal(ask(states[i].story, &f, &usual), bedelau ? 'n' : '.');
        }
}

static void
test_refusals(void **state)
{
    (void)state;
    assert_int_equal(COUNT(outcomes), ADMISSIONS);
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        const struct refusal *r = admission_refusal(outcomes[i].a);

        assert_int_equal(admission_refused(outcomes[i].a), outcomes[i].kode != NULL);
        assert_int_equal(r != NULL, outcomes[i].kode != NULL);
        if (!r)
            continue;
        assert_string_equal(r->kode, outcomes[i].kode);
        assert_true(strlen(r->pesan) > 20 && strlen(r->message) > 20);
    }
    assert_null(admission_refusal(ADMISSIONS));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),    cmocka_unit_test(test_table_is_whole),
        cmocka_unit_test(test_owner),    cmocka_unit_test(test_officer),
        cmocka_unit_test(test_reason),   cmocka_unit_test(test_withdrawn_first),
        cmocka_unit_test(test_held),     cmocka_unit_test(test_other_facts),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
