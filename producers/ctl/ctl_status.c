/* status NOMOR: what the record says of one request. Names of people are not in it and are not printed; free text goes
 * through the redacting formatter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clk.h"
#include "common/base/log.h"
#include "common/base/caltime.h"
#include "producers/ctl/ctl.h"
#include "producers/ctl/ctl_words.h"
#include "workers/sop/names.h"

#define REQUEST_SQL                                                                                          \
    "select nomor_permohonan, status, terlambat, giliran, giliran_sejak, revisi, putaran, versi, kode_opd, " \
    "nama_opd,"                                                                                              \
    " nama_sistem, submitted_at, checked_at, accepted_at, returned_at, integrated_at, id_integrasi,"         \
    " jumlah_pengembalian, updated_at, temuan::json as temuan from request where nomor_permohonan = $1"
#define CLOCK_SQL                                                                                            \
    "select revisi, tahap, mulai, batas, satuan, status, berakhir, hari_terpakai, kalender"                  \
    " from clock where nomor_permohonan = $1 order by revisi, mulai, tahap"
#define TIMELINE_SQL                                                                                         \
    "select waktu, peristiwa, pelaku, revisi, putaran, hasil, tahap, keterangan, batas, temuan::json as "    \
    "temuan, batas_lama, kalender, kalender_lama, oleh, round(extract(epoch from menunggu), 3) as "          \
    "menunggu_detik, kode_http, latensi_ms, "                                                                \
    "percobaan, waktu_klaim, diterima_pada, waktu_disesuaikan"                                               \
    " from v_timeline where nomor_permohonan = $1 order by waktu, seq nulls last, percobaan"
#define WAIT_SQL "select status, terlambat from request where nomor_permohonan = $1"

static const char *
text(const json_t *o, const char *name)
{
    const char *z = json_string_value(json_object_get(o, name));

    return z ? z : "";
}

/* Free text with whatever looks personal masked. */
static void
print_redacted(const char *head, const char *z)
{
    struct buf b = buf_make(1 << 16);

    log_redact(&b, str_of(z));
    if (!b.failed && b.n)
        printf("%s%s", head, b.p);
    buf_free(&b);
}

static void
print_findings(const json_t *temuan)
{
    size_t i;
    const json_t *t;

    json_array_foreach (temuan, i, t) {
        printf("    %s %s", text(t, "kode"), *text(t, "lokasi") ? text(t, "lokasi") : "/");
        print_redacted("  ", text(t, "pesan"));
        puts(json_is_true(json_object_get(t, "terlambat_ditemukan")) ? "  (terlambat ditemukan)" : "");
    }
}

/* ---- the block -------------------------------------------------------------------------------------------------- */

static void
print_line(const char *name, const char *value)
{
    printf("  %-20s %s\n", name, value);
}

static void
print_time(const char *name, const PGresult *r, int col)
{
    char when[CTL_WORDS_TIME];

    if (PQgetisnull(r, 0, col))
        return;
    ctl_words_time(ctl_time(r, 0, col), when);
    print_line(name, when);
}

static void
print_clock(const PGresult *r, int row)
{
    char batas[CTL_WORDS_TIME];
    char berakhir[CTL_WORDS_TIME];

    ctl_words_time(ctl_time(r, row, 3), batas);
    ctl_words_time(ctl_time(r, row, 6), berakhir);
    printf("    revisi %s  %-11s %-13s batas %s", PQgetvalue(r, row, 0), PQgetvalue(r, row, 1),
           PQgetvalue(r, row, 5), batas);
    if (!PQgetisnull(r, row, 6))
        printf("  berakhir %s (%s %s)", berakhir, PQgetvalue(r, row, 7), PQgetvalue(r, row, 4));
    putchar('\n');
}

static void
print_head(const PGresult *r)
{
    const char *status = PQgetvalue(r, 0, 1);

    printf("%s: %s%s\n", PQgetvalue(r, 0, 0), *status ? status : "(belum ada status)",
           *PQgetvalue(r, 0, 2) == 't' ? ", terlambat" : "");
}

static void
print_block(const PGresult *r, const PGresult *clocks)
{
    static const char *const plain[] = {"giliran",  "revisi",      "putaran",      "kode_opd",
                                        "nama_opd", "nama_sistem", "id_integrasi", "jumlah_pengembalian"};
    static const char *const times[] = {"submitted_at", "checked_at",    "accepted_at",
                                        "returned_at",  "integrated_at", "updated_at"};
    json_t *temuan = ctl_value(r, 0, PQfnumber(r, "temuan"));

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        const char *z = PQgetvalue(r, 0, PQfnumber(r, plain[i]));

        if (*z)
            print_line(plain[i], z);
        if (i == 0)
            print_time("giliran sejak", r, PQfnumber(r, "giliran_sejak"));
    }
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        print_time(times[i], r, PQfnumber(r, times[i]));
    if (PQntuples(clocks))
        puts("  batas waktu");
    for (int i = 0; i < PQntuples(clocks); i++)
        print_clock(clocks, i);
    if (json_array_size(temuan))
        puts("  temuan");
    print_findings(temuan);
    json_decref(temuan);
}

/* ---- the timeline ----------------------------------------------------------------------------------------------- */

/* How long after the step before; the answer of a call and how long it took; who decided. */
static void
print_measures(const PGresult *r, int row)
{
    char span[CTL_WORDS_SPAN];
    const char *waited = PQgetvalue(r, row, PQfnumber(r, "menunggu_detik"));
    const char *code = PQgetvalue(r, row, PQfnumber(r, "kode_http"));
    const char *ms = PQgetvalue(r, row, PQfnumber(r, "latensi_ms"));
    const char *who = PQgetvalue(r, row, PQfnumber(r, "oleh"));

    if (*who && strcmp(who, "sistem") != 0)
        printf(" (%s)", who);
    if (*code)
        printf("  HTTP %s", code);
    if (*ms)
        printf(" dalam %s ms", ms);
    if (*PQgetvalue(r, row, PQfnumber(r, "waktu_disesuaikan")) == 't')
        printf("  waktu disesuaikan");
    if (*waited) {
        ctl_words_span((int64_t)(strtod(waited, NULL) * 1000 + 0.5), span);
        printf("  +%s", span);
    }
}

/* What caused a clock's change is a type of event: as the lines before name it. */
static const char *
short_type(const char *text)
{
    size_t n = strlen(SOP_TYPE_PREFIX);

    return strncmp(text, SOP_TYPE_PREFIX, n) == 0 ? text + n : text;
}

/* An end of a clock as its fact says it. */
static void
print_end(const char *before, const char *text, const char *after)
{
    char when[CALTIME_TEXT_WIB];
    int64_t t_us;
    bool good = caltime_parse(str_of(text), &t_us);

    if (good)
        ctl_words_time(t_us, when);
    printf("%s%s%s", before, good ? when : text, after);
}

static void
print_event(const PGresult *r, int row)
{
    char when[CTL_WORDS_TIME];
    json_t *temuan = ctl_value(r, row, 9);
    const char *col[9];

    for (int i = 1; i < 9; i++)
        col[i] = PQgetvalue(r, row, i);
    ctl_words_time(ctl_time(r, row, 0), when);
    printf("%s  %-24s", when, col[1]);
    if (*col[6])
        printf(" %s", col[6]);
    if (*col[5])
        printf(" %s", col[5]);
    if (*col[8] && (strcmp(col[5], "berjalan") == 0 || *PQgetvalue(r, row, 10)))
        print_end(" sampai ", col[8], "");
    if (*PQgetvalue(r, row, 10))
        print_end(" (semula ", PQgetvalue(r, row, 10), ")");
    if (*col[3])
        printf("  revisi %s", col[3]);
    if (*col[4] && strcmp(col[4], "1") != 0)
        printf(" putaran %s", col[4]);
    printf("  oleh %s", col[2]);
    print_measures(r, row);
    print_redacted("  ", short_type(col[7]));
    putchar('\n');
    if (json_is_array(temuan))
        print_findings(temuan);
    json_decref(temuan);
}

/* As print_event: nothing personal leaves as JSON either. */
static json_t *
event_json(const PGresult *r, int row)
{
    json_t *o = ctl_object(r, row);
    struct buf b = buf_make(1 << 16);

    log_redact(&b, str_of(PQgetvalue(r, row, 7)));
    if (!PQgetisnull(r, row, 7))
        json_object_set_new(o, "keterangan", json_string(b.failed || !b.p ? "" : b.p));
    buf_free(&b);
    return o;
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static json_t *
rows_json(const PGresult *r, json_t *(*one)(const PGresult *r, int row))
{
    json_t *all = json_array();

    for (int i = 0; i < PQntuples(r); i++)
        json_array_append_new(all, one(r, i));
    return all;
}

static int
show(struct ctl *c, const char *nomor, bool timeline)
{
    const char *args[] = {nomor};
    PGresult *r = ctl_query(c, REQUEST_SQL, 1, args);
    PGresult *clocks = r ? ctl_query(c, CLOCK_SQL, 1, args) : NULL;
    PGresult *events = clocks && timeline ? ctl_query(c, TIMELINE_SQL, 1, args) : NULL;
    int code = APP_OK;

    if (!clocks || (timeline && !events)) {
        code = ctl_failed(c);
    } else if (!PQntuples(r)) {
        code = ctl_fail(c, CTL_NO, "nothing is known of %s", nomor);
    } else if ((code = ctl_note_read(c, timeline ? "status --timeline" : "status", nomor)) != APP_OK) {
        /* findings and reasons are people's words: not shown without a note */
    } else if (c->json) {
        json_t *o = ctl_object(r, 0);

        json_object_set_new(o, "clock", rows_json(clocks, ctl_object));
        if (events)
            json_object_set_new(o, "timeline", rows_json(events, event_json));
        ctl_print(o);
    } else {
        print_head(r);
        if (!events)
            print_block(r, clocks);
        for (int i = 0; events && i < PQntuples(events); i++)
            print_event(events, i);
    }
    PQclear(events);
    PQclear(clocks);
    PQclear(r);
    return code;
}

/* Asks the row ten times a second: it also works while the projector is away. */
static int
wait_for(struct ctl *c, const char *nomor, const char *wanted, int64_t timeout_ms)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    const char *args[] = {nomor};
    int64_t end = clk_mono_ms() + timeout_ms;
    char last[32] = "unknown";

    for (;;) {
        PGresult *r = ctl_query(c, WAIT_SQL, 1, args);
        bool there = false;

        if (!r)
            return ctl_failed(c);
        if (PQntuples(r)) {
            there = ctl_words_in(wanted, PQgetvalue(r, 0, 0)) ||
                    (*PQgetvalue(r, 0, 1) == 't' && ctl_words_in(wanted, "terlambat"));
            snprintf(last, sizeof last, "%s", PQgetvalue(r, 0, 0));
        }
        PQclear(r);
        if (there)
            return APP_OK;
        if (clk_mono_ms() >= end)
            return ctl_fail(c, APP_UNAVAILABLE, "%s is %s, not %s, after %lld s", nomor, last, wanted,
                            (long long)(timeout_ms / 1000));
        nanosleep(&pause, NULL);
    }
}

static bool
check_statuses(struct ctl *c, const char *wanted)
{
    static const char known[] =
        "terdaftar,diajukan,diperiksa,dikembalikan,ditolak,diterima,diintegrasikan,selesai,"
        "gagal_integrasi,dibatalkan,terlambat";
    char word[32];

    for (const char *p = wanted; p && *p;) {
        size_t n = strcspn(p, ",");

        snprintf(word, sizeof word, "%.*s", (int)n, p);
        if (!ctl_words_in(known, word)) {
            ctl_fail(c, APP_USAGE, "there is no status %s; there are %s", word, known);
            return false;
        }
        p += n + (p[n] == ',');
    }
    return true;
}

int
ctl_status(struct ctl *c, int argc, char **argv)
{
    const char *nomor;
    const char *wanted = NULL;
    const char *timeout = "60s";
    bool timeline = false;
    const struct ctl_opt opts[] = {
        {"timeline", NULL, &timeline}, {"wait", &wanted, NULL}, {"timeout", &timeout, NULL}, {0}};
    int64_t timeout_ms;
    int code = APP_OK;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){&nomor, 1, 1}) ||
        !ctl_span(c, "--timeout", timeout, &timeout_ms) || !check_statuses(c, wanted))
        return APP_USAGE;
    if (ctl_db(c) != RES_OK)
        return ctl_failed(c);
    if (wanted)
        code = wait_for(c, nomor, wanted, timeout_ms);
    return code == APP_OK ? show(c, nomor, timeline) : code;
}

int
ctl_list(struct ctl *c, int argc, char **argv)
{
    const char *status = NULL;
    const char *opd = NULL;
    const char *limit = "50";
    bool late = false;
    bool queue = false;
    const struct ctl_opt opts[] = {{"status", &status, NULL}, {"opd", &opd, NULL},
                                   {"limit", &limit, NULL},   {"terlambat", NULL, &late},
                                   {"antrean", NULL, &queue}, {0}};
    const char *args[4];
    int64_t n;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}) || !check_statuses(c, status) ||
        !ctl_number(c, "--limit", limit, 1, 1000000, &n))
        return APP_USAGE;
    args[0] = status;
    args[1] = opd;
    args[2] = late ? "true" : NULL;
    args[3] = limit;
    if (queue)
        return ctl_show(
            c,
            "select nomor_permohonan, revisi, status, terlambat, giliran, giliran_sejak, kode_opd,"
            " nama_sistem from v_antrean where ($1::text is null or status = $1)"
            " and ($2::text is null or kode_opd = $2) and ($3::boolean is null or terlambat = $3)"
            " order by giliran_sejak, nomor_permohonan limit $4::bigint",
            4, args);
    return ctl_show(c,
                    "select nomor_permohonan, revisi, status, terlambat, giliran, giliran_sejak, kode_opd,"
                    " nama_sistem, updated_at from request where status is not null"
                    " and ($1::text is null or status = $1) and ($2::text is null or kode_opd = $2)"
                    " and ($3::boolean is null or terlambat = $3)"
                    " order by updated_at desc nulls last, nomor_permohonan limit $4::bigint",
                    4, args);
}
