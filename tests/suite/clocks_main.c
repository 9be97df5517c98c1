/* The deadline worker without Kafka and Postgres, for one request after the other: reads lines
 *
 *   {"terms": ["1 hari_kerja", ..], "steps": [{"now": us, "facts": [..]} or {"until": us}, ..], "read": us}
 *
 * and answers each with a line {"told": [{type, now, data}..], "clocks": [..], "missed": n, "status": .., "jumlah_pengembalian": n}, or
 * {"error": why}. Facts are dossier members by name, times in microseconds. After each step all that the worker knows is
 * written and read again as its row would be, as if it had been started anew. `until`: every timer that is due by then
 * goes off, with all read up to its time. `clocks` is clocks_of() at the end, with all read up to `read`.
 *
 * tests/suite/clocks.py invents the stories and knows what must come out. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "workers/deadline/deadline.h"

enum { CSV_MAX = 1 << 20, RINGS_LIMIT = 10000 };

struct sim {
    struct worker w;
    struct deadline d;
    struct terms terms;
    struct buf fakta, jam; /* the row */
    int64_t urutan, due_us;
    json_t *told;
};

/* ---- what the worker would put into its outbox -------------------------------------------------------------------- */

void
worker_emit(struct worker *w, const struct berkas *b, const struct emit *em, char id[37])
{
    struct sim *s = (struct sim *)w;
    json_error_t je;
    json_t *data = json_loadb(em->data.p, em->data.n, 0, &je);

    (void)b;
    if (!data) {
        fprintf(stderr, "%s: %.*s\n", je.text, STR_FMT(em->data));
        exit(1);
    }
    snprintf(id, 37, "%zu", json_array_size(s->told));
    json_array_append_new(s->told, json_pack("{sssIso}", "type", fact_type_name(em->type), "now",
                                             (json_int_t)em->time_us, "data", data));
}

/* ---- facts -------------------------------------------------------------------------------------------------------- */

static struct str
text(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);

    return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)} : STR_NULL;
}

static int64_t
num(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static void
read_fact(const json_t *o, struct fact *f)
{
    const json_t *at = json_object_get(o, "append");
    char type[128];

    snprintf(type, sizeof type, SOP_TYPE_PREFIX "%.*s.v1", STR_FMT(text(o, "type")));
    *f = (struct fact){.type = fact_type_of(str_of(type)),
                       .source = text(o, "source"),
                       .id = text(o, "id"),
                       .time_us = num(o, "time_us"),
                       .revisi = (int32_t)num(o, "revisi"),
                       .putaran = (int32_t)num(o, "putaran"),
                       .urutan = num(o, "urutan"),
                       .putusan = putusan_of(text(o, "putusan")),
                       .sumber_pengajuan = text(o, "sumber_pengajuan"),
                       .id_pengajuan = text(o, "id_pengajuan"),
                       .status_bedelau = text(o, "status_bedelau"),
                       .id_integrasi = text(o, "id_integrasi")};
    f->append.ms = json_integer_value(json_array_get(at, 0));
    f->append.topic = str_of(json_string_value(json_array_get(at, 1)));
    f->append.partition = (int32_t)json_integer_value(json_array_get(at, 2));
    f->append.offset = json_integer_value(json_array_get(at, 3));
}

/* ---- steps -------------------------------------------------------------------------------------------------------- */

static void
read_row(struct sim *s, struct berkas *b)
{
    struct arena *a = &s->w.arena;

    b->d = dossier_make(a);
    b->urutan = s->urutan;
    if (!dossier_read(&b->d, arena_str(a, buf_view(&s->fakta))) ||
        !told_read(a, arena_str(a, buf_view(&s->jam)), b->more)) {
        fprintf(stderr, "a row cannot be read again\n");
        exit(1);
    }
}

static void
write_row(struct sim *s, const struct berkas *b)
{
    const struct jadwal *j = b->more;

    buf_reset(&s->fakta);
    buf_reset(&s->jam);
    dossier_write(&b->d, &s->fakta);
    told_write(j, &s->jam);
    s->urutan = b->urutan;
    s->due_us = j->due_us;
}

/* As the worker's apply and settle do; `read_us` 0 = no timer. */
static void
apply(struct sim *s, const json_t *facts, int64_t now_us, int64_t read_us)
{
    struct event last = {0};
    struct jadwal j = {0};
    struct berkas b = {.nomor = STR("X"), .more = &j};
    const json_t *o;
    size_t i;

    arena_reset(&s->w.arena);
    read_row(s, &b);
    s->w.now_us = now_us;
    j.read_us = read_us;
    b.dirty = read_us != 0;
    json_array_foreach (facts, i, o) {
        read_fact(o, &last.fact);
        last.ce.source = last.fact.source;
        last.ce.id = last.fact.id;
        if (!dossier_add(&b.d, &last.fact))
            continue;
        b.dirty = true;
        j.cause = &last;
    }
    if (!b.dirty)
        return;
    change_settle(&s->w, &b);
    write_row(s, &b);
}

static void
wait_until(struct sim *s, int64_t until_us)
{
    unsigned n = 0;

    while (s->due_us != INT64_MIN && s->due_us <= until_us && n++ < RINGS_LIMIT) {
        int64_t now_us = s->due_us > s->w.now_us ? s->due_us : s->w.now_us;

        apply(s, NULL, now_us, now_us);
    }
    if (n > RINGS_LIMIT) {
        fprintf(stderr, "timers go off without end\n");
        exit(1);
    }
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

static json_t *
time_or_null(int64_t t_us)
{
    return t_us == INT64_MIN ? json_null() : json_integer(t_us);
}

static json_t *
clock_of(const struct jam *k)
{
    return json_pack("{sisssIsIsssosI}", "revisi", (int)k->revisi, "tahap", tahap_name(k->tahap), "mulai_us",
                     (json_int_t)k->mulai_us, "batas_us", (json_int_t)k->batas_us, "keadaan",
                     keadaan_name(k->keadaan), "berakhir_us", time_or_null(k->berakhir_us), "hari_terpakai",
                     (json_int_t)k->hari_terpakai);
}

static json_t *
answer(struct sim *s, const json_t *line)
{
    struct clock_rules rules = s->d.rules;
    struct jam *jam = arena_new(&s->w.arena, JAM_MAX * sizeof *jam);
    struct dossier d = dossier_make(&s->w.arena);
    struct dossier_view v;
    struct dossier_row row;
    struct err e = {0};
    json_t *clocks;
    size_t n;

    rules.cal = almanac_newest(s->w.almanac);
    rules.past = s->w.almanac;
    rules.read_us = num(line, "read");
    dossier_read(&d, arena_str(&s->w.arena, buf_view(&s->fakta)));
    dossier_look(&d, &v);
    dossier_row(&v, &row);
    if (clocks_of(&v, &rules, jam, &n, &e) != RES_OK)
        return json_pack("{ss}", "error", e.text);
    clocks = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(clocks, clock_of(&jam[i]));
    return json_pack("{sosOsisssi}", "clocks", clocks, "told", s->told, "missed",
                     (int)metric_value(s->d.m_missed), "status", status_name(v.status), "jumlah_pengembalian",
                     (int)row.jumlah_pengembalian);
}

/* Every clock by the general term; warnings as the SOP has them. */
static void
read_terms(struct sim *s, const json_t *terms)
{
    static const struct term warnings[TAHAPS] = {{.warn = {1}, .nwarn = 1},
                                                 {.warn = {1}, .nwarn = 1},
                                                 {.warn = {7, 3, 1}, .nwarn = 3},
                                                 {.warn = {1}, .nwarn = 1}};

    for (size_t i = 0; i < TAHAPS; i++) {
        s->terms.general[i] = warnings[i];
        if (!clock_term_parse(json_string_value(json_array_get(terms, i)), &s->terms.general[i].of))
            exit(1);
    }
}

static json_t *
play(struct sim *s, const json_t *line)
{
    const json_t *step;
    json_t *out;
    size_t i;

    read_terms(s, json_object_get(line, "terms"));
    buf_reset(&s->fakta);
    buf_reset(&s->jam);
    s->urutan = 0;
    s->due_us = INT64_MIN;
    s->w.now_us = 0;
    s->told = json_array();
    metric_set(s->d.m_missed, 0);
    json_array_foreach (json_object_get(line, "steps"), i, step) {
        if (json_object_get(step, "until"))
            wait_until(s, num(step, "until"));
        else
            apply(s, json_object_get(step, "facts"), num(step, "now"), 0);
    }
    out = answer(s, line);
    json_decref(s->told);
    return out;
}

static struct almanac *
read_calendar(const char *path)
{
    struct almanac *a = almanac_new();
    struct calendar *cal = NULL;
    struct err e = {0};
    size_t n;
    char *csv = file_read(path, CSV_MAX, &n, &e);

    if (!a || !csv || calendar_load((struct str){csv, n}, "suite", 420, &cal, &e) != RES_OK ||
        almanac_add(a, 0, INT64_MIN, cal, &e) != RES_OK) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    free(csv);
    return a;
}

/* argv[1]: the calendar's CSV. */
int
main(int argc, char **argv)
{
    struct sim s = {.fakta = buf_make(1 << 20), .jam = buf_make(1 << 20)};
    struct metrics *ms = metrics_new();
    char *lines = NULL;
    size_t cap = 0;

    if (argc != 2 || !ms)
        return 64;
    log_setup("clocks", LOG_LOGFMT, LOG_ERROR + 1);
    s.w.own = &s.d;
    s.w.almanac = read_calendar(argv[1]);
    s.w.terms = &s.terms;
    s.d.rules.terms = &s.terms;
    s.d.m_changed = s.d.m_warned = metric(ms, METRIC_COUNTER, "n", "", "");
    s.d.m_missed = metric(ms, METRIC_COUNTER, "missed", "", "");
    while (getline(&lines, &cap, stdin) > 0) {
        json_error_t je;
        json_t *line = json_loads(lines, 0, &je);
        json_t *out = line ? play(&s, line) : json_pack("{ss}", "error", je.text);

        json_dumpf(out, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(out);
        json_decref(line);
    }
    free(lines);
    buf_free(&s.fakta);
    buf_free(&s.jam);
    arena_free(&s.w.arena);
    almanac_free(s.w.almanac);
    metrics_free(ms);
    return 0;
}
