/* report --month: the month's recapitulation as CSV, a line for each department and one for the whole city. It reads sums
 * only: no name of a person, nothing to note in audit_log. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/caltime.h"
#include "common/base/csv.h"
#include "producers/ctl/ctl.h"

#define STEP(tahap)                                                                                          \
    ", " tahap "_jumlah, " tahap "_satuan, " tahap "_hari_rata_rata, " tahap "_hari_p90, " tahap             \
    "_tepat_waktu_persen"
#define SUMS                                                                                                 \
    "diajukan, dikembalikan, selesai, ditolak, dibatalkan, terlewat" STEP("pengajuan") STEP("pemeriksaan")   \
        STEP("integrasi") ", tepat_waktu_persen"
#define REPORT_SQL                                                                                           \
    "select bulan, kode_opd, nama_opd, " SUMS " from ("                                                      \
    "select 1 as urut, to_char(bulan, 'YYYY-MM') as bulan, kode_opd, nama_opd, " SUMS                        \
    " from v_rekap_opd where bulan = ($1 || '-01')::date and ($2::text is null or kode_opd = $2)"            \
    " union all select 2, to_char(bulan, 'YYYY-MM'), null, 'SELURUH KOTA', " SUMS                            \
    " from v_rekap_bulanan where bulan = ($1 || '-01')::date and $2::text is null) x"                        \
    " order by urut, kode_opd collate \"C\" nulls last"

enum { REPORT_MAX = 64 << 20 };

static bool
check_month(struct ctl *c, const char *month)
{
    char first[CALTIME_DATE];
    int64_t day;

    if (month && strlen(month) == CALTIME_DATE - 4) {
        snprintf(first, sizeof first, "%s-01", month);
        if (caltime_date_parse(str_of(first), &day))
            return true;
    }
    ctl_fail(c, APP_USAGE, "--month: a month as 2026-11");
    return false;
}

/* A line for the columns' names (row -1) or a row's values; what is null is an empty field. */
static void
put_line(struct buf *out, const PGresult *r, int row)
{
    for (int i = 0; i < PQnfields(r); i++) {
        if (i)
            buf_char(out, ',');
        csv_put(out, str_of(row < 0 ? PQfname(r, i) : PQgetvalue(r, row, i)));
    }
    buf_z(out, "\r\n");
}

static void
put_csv(struct buf *out, const PGresult *r)
{
    for (int row = -1; row < PQntuples(r); row++)
        put_line(out, r, row);
}

static void
put_json(struct buf *out, const PGresult *r)
{
    json_t *all = json_array();
    char *text;

    for (int row = 0; row < PQntuples(r); row++)
        json_array_append_new(all, ctl_object(r, row));
    text = json_dumps(all, JSON_INDENT(2));
    buf_z(out, text ? text : "[]");
    buf_char(out, '\n');
    free(text);
    json_decref(all);
}

/* Whole or not at all: whoever waits for the file never reads half of it. */
static int
write_file(struct ctl *c, const char *path, struct str text)
{
    struct buf part = buf_make(1 << 16);
    FILE *f = NULL;
    bool ok = false;
    int code = APP_OK;

    buf_printf(&part, "%s.%ld.part", path, (long)getpid());
    if (!part.failed)
        f = fopen(part.p, "we");
    if (f) {
        ok = fwrite(text.p, 1, text.n, f) == text.n;
        ok = fclose(f) == 0 && ok && rename(part.p, path) == 0;
    }
    if (!ok) {
        code = ctl_fail(c, CTL_NO, "%s: %s", path, strerror(errno));
        if (f)
            unlink(part.p);
    }
    buf_free(&part);
    return code;
}

static int
write_out(struct ctl *c, const char *path, const struct buf *b)
{
    if (b->failed)
        return ctl_fail(c, APP_BUG, "out of memory");
    if (path && strcmp(path, "-") != 0)
        return write_file(c, path, buf_view(b));
    return fwrite(b->p, 1, b->n, stdout) == b->n ? APP_OK
                                                 : ctl_fail(c, APP_UNAVAILABLE, "%s", strerror(errno));
}

int
ctl_report(struct ctl *c, int argc, char **argv)
{
    const char *month = NULL;
    const char *opd = NULL;
    const char *path = NULL;
    const struct ctl_opt opts[] = {{"month", &month, NULL}, {"opd", &opd, NULL}, {"out", &path, NULL}, {0}};
    struct buf out = buf_make(REPORT_MAX);
    PGresult *r = NULL;
    int code;

    if (!ctl_args(c, argc, argv, opts, &(struct ctl_words){0}) || !check_month(c, month))
        return APP_USAGE;
    if (ctl_db(c) == RES_OK)
        r = ctl_query(c, REPORT_SQL, 2, (const char *const[]){month, opd});
    if (!r)
        return ctl_failed(c);
    if (c->json)
        put_json(&out, r);
    else
        put_csv(&out, r);
    code = write_out(c, path, &out);
    buf_free(&out);
    PQclear(r);
    return code;
}
