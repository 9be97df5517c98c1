/* What reading a form costs: the tree, the tree and the full engine, the single pass with all rules. */
#include <jansson.h>
#include <stdlib.h>

#include "common/json/scan.h"
#include "common/json/schema_fast.h"
#include "tests/bench/bench.h"
#include "tests/bench/form.h"
#include "workers/sop/rules/rules.h"

enum { FORMS_MAX = 20000 };

/* All forms of a run, made beforehand. */
struct forms {
    struct rules *rules;
    struct tape *tape;
    int64_t today;
    size_t n, bytes;
    struct buf *text;
    struct str *nomor;
};

/* One way of reading; returns whether the form was found without fault. */
typedef bool (*read_fn)(const struct forms *f, size_t i);

static struct form_context
context(const struct forms *f, size_t i)
{
    return (struct form_context){.subject = f->nomor[i], .today = f->today, .revisi = 1};
}

static bool
by_tree(const struct forms *f, size_t i)
{
    json_error_t je;
    json_t *doc = json_loadb(f->text[i].p, f->text[i].n, JSON_REJECT_DUPLICATES, &je);

    json_decref(doc);
    return doc != NULL;
}

static bool
by_grammar(const struct forms *f, size_t i)
{
    return scan_document(buf_view(&f->text[i]), NULL) == RES_OK;
}

static bool
by_full_engine(const struct forms *f, size_t i)
{
    struct form_context ctx = context(f, i);
    struct buf out = buf_make(1 << 20);
    struct rules_count n = rules_check(f->rules, buf_view(&f->text[i]), &ctx, &out);

    buf_free(&out);
    return n.errors + n.notes == 0;
}

static bool
by_single_pass(const struct forms *f, size_t i)
{
    struct form_context ctx = context(f, i);
    struct buf out = buf_make(1 << 20);
    bool in_full;
    struct rules_count n = rules_judge(f->rules, f->tape, buf_view(&f->text[i]), &ctx, &out, &in_full);

    buf_free(&out);
    return n.errors + n.notes == 0 && !in_full;
}

static void
measure(const struct forms *f, const char *name, read_fn fn, struct buf *out)
{
    struct bench_lap lap = bench_begin();
    size_t good = 0;

    for (size_t i = 0; i < f->n; i++)
        good += fn(f, i);
    lap = bench_end(&lap);
    buf_printf(out, ",\"%s_ns\":%.1f,\"%s_good\":%zu", name, (double)lap.cpu_us * 1000 / (double)f->n, name,
               good);
}

static enum res
make(const struct bench *b, struct forms *f, struct err *e)
{
    f->n = b->n < FORMS_MAX ? (size_t)b->n : FORMS_MAX;
    f->text = calloc(f->n, sizeof *f->text);
    f->nomor = calloc(f->n, sizeof *f->nomor);
    if (!f->text || !f->nomor)
        return err_set(e, RES_FATAL, "out of memory");
    for (size_t i = 0; i < f->n; i++) {
        struct form form = form_make(b->seed, (int64_t)i, false);

        f->text[i] = buf_make(1 << 16);
        form_write(&form, &f->text[i]);
        f->nomor[i] = str_of(str_dup(str_of(form.nomor)));
        f->bytes += f->text[i].n;
    }
    f->today = form_day(caltime_now());
    return RES_OK;
}

static void
drop(struct forms *f)
{
    for (size_t i = 0; i < f->n; i++) {
        buf_free(&f->text[i]);
        free((char *)(uintptr_t)f->nomor[i].p);
    }
    free(f->text);
    free(f->nomor);
    tape_free(f->tape);
    rules_free(f->rules);
}

enum res
forms_run(const struct bench *b, struct buf *out, struct err *e)
{
    struct forms f = {0};
    enum res res = rules_load("schemas/forms", "schemas/data/opd.csv", &f.rules, e);

    if (res == RES_OK)
        res = make(b, &f, e);
    f.tape = res == RES_OK ? rules_tape(f.rules) : NULL;
    if (f.tape) {
        by_full_engine(&f, 0); /* the first call pays for what later ones find ready */
        buf_printf(out, "{\"forms\":%zu,\"bytes\":%zu", f.n, f.bytes / f.n);
        measure(&f, "parse", by_tree, out);
        measure(&f, "grammar", by_grammar, out);
        measure(&f, "full", by_full_engine, out);
        measure(&f, "single", by_single_pass, out);
        buf_char(out, '}');
    }
    drop(&f);
    return res;
}
