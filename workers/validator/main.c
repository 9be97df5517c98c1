#include <stdlib.h>

#include "common/json/schema_fast.h"
#include "workers/validator/validator.h"

static const char *const topics[] = {"requests", "reviews", "integrations", NULL};
static const char *const judges[] = {"requests", "reviews", NULL};

#define REVIEW(member) (offsetof(struct validator, review) + offsetof(struct review_rules, member))

static const struct conf_key keys[] = {
    {"validator", "review", CONF_ENUM, REVIEW(mode), "auto", 0, "auto|manual", 0, 0,
     "auto: a form without errors is accepted at once; manual: it waits for an officer"},
    {"validator", "review_manual_opd", CONF_STR, REVIEW(manual_opd), NULL, 0, NULL, 0, 0,
     "Departments whose forms wait for an officer whatever review says: kode_opd, divided by commas"},
    {"validator", "review_auto_opd", CONF_STR, REVIEW(auto_opd), NULL, 0, NULL, 0, 0,
     "Departments whose forms are accepted at once whatever review says, unless a review_manual list names "
     "them"},
    {"validator", "review_manual_kategori", CONF_STR, REVIEW(manual_kategori), NULL, 0, NULL, 0, 0,
     "Categories (strategis, tinggi, rendah) whose forms wait for an officer whatever review says"},
    {"validator", "review_auto_kategori", CONF_STR, REVIEW(auto_kategori), NULL, 0, NULL, 0, 0,
     "Categories whose forms are accepted at once whatever review says, unless a review_manual list names "
     "them"},
    {"validator", "opd_file", CONF_STR, offsetof(struct validator, opd_file), "data/opd.csv", 0, NULL, 0, 0,
     "Table of departments that forms are checked against, below [sop] schemas unless absolute"},
    {NULL, NULL, CONF_STR, 0, NULL, 0, NULL, 0, 0, NULL},
};

static bool
wants(enum fact_type t)
{
    return t == FACT_REGISTERED || t == FACT_SUBMITTED || t == FACT_WITHDRAWN || t == FACT_REVIEW ||
           fact_is_integration(t);
}

static enum res
check(struct worker *w, struct err *e)
{
    const struct validator *v = w->own;

    return review_check(&v->review, e);
}

static enum res
start(struct worker *w, struct err *e)
{
    struct validator *v = w->own;
    struct metrics *ms = w->app->metrics;
    char *dir = worker_schema_path(w, "forms");
    char *opd = worker_schema_path(w, v->opd_file);
    enum res res = dir && opd ? rules_load(dir, opd, &v->rules, e) : err_set(e, RES_FATAL, "out of memory");

    free(dir);
    free(opd);
    if (res == RES_OK)
        v->tape = rules_tape(v->rules);
    v->m_accepted = metric(ms, METRIC_COUNTER, "bedelau_checks", "putusan=\"diterima\"", "Checks by verdict");
    v->m_returned =
        metric(ms, METRIC_COUNTER, "bedelau_checks", "putusan=\"dikembalikan\"", "Checks by verdict");
    v->m_waiting = metric(ms, METRIC_COUNTER, "bedelau_checks", "putusan=\"lain\"", "Checks by verdict");
    v->m_refused = metric(ms, METRIC_COUNTER, "bedelau_facts_refused", "", "Facts that were not admitted");
    v->m_held = metric(ms, METRIC_COUNTER, "bedelau_forms_held", "", "Forms that wait for their turn");
    v->m_short = metric(ms, METRIC_COUNTER, "bedelau_forms_read", "way=\"single_pass\"",
                        "Forms by how they were checked");
    v->m_full =
        metric(ms, METRIC_COUNTER, "bedelau_forms_read", "way=\"full\"", "Forms by how they were checked");
    v->m_shadow =
        metric(ms, METRIC_COUNTER, "bedelau_forms_compared", "", "Forms checked both ways, to compare");
    v->m_shadow_differs = metric(ms, METRIC_COUNTER, "bedelau_forms_compared_differ", "",
                                 "Forms that two ways of checking found different: a fault of this program");
    return res;
}

static void
apply(struct worker *w, struct berkas *b, struct flow_item *it, enum met met)
{
    if (met == MET_NEW)
        admit(w, b, it);
}

static void
free_own(struct worker *w)
{
    struct validator *v = w->own;

    tape_free(v->tape);
    rules_free(v->rules);
}

int
main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "validator",
        .about = "admits and checks what departments submit (SOP steps 1 and 2)",
        .listen = "127.0.0.1:9481",
        .topics = topics,
        .judges = judges,
        .seen = "seen_validator",
        .table = "pemeriksaan",
        .columns = ", kode_opd, jenis, nama_sistem, aktif, ditarik, kunci, surat",
        .more_size = sizeof(struct periksa),
        .keys = keys,
        .wants = wants,
        .check = check,
        .start = start,
        .begin = others_begin,
        .read = store_read,
        .load = store_load,
        .apply = apply,
        .write = store_write,
        .free = free_own,
    };
    struct validator own = {0};

    return worker_main(argc, argv, &def, &own);
}
