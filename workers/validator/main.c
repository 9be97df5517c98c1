#include <stdlib.h>

#include "common/json/schema_fast.h"
#include "workers/validator/validator.h"

static const char *const topics[] = {"requests", "reviews", "integrations", "deadlines", NULL};
static const char *const judges[] = {"requests", "reviews", NULL};

#define REVIEW(member) (offsetof(struct validator, review) + offsetof(struct review_rules, member))
#define DOCS(member)   (offsetof(struct validator, attachments) + offsetof(struct lampiran_settings, member))

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
    {"attachments", "check", CONF_BOOL, DOCS(check), "on", 0, NULL, 0, 0,
     "Fetch and check the documents that forms name; needs store or allow"},
    {"attachments", "store", CONF_STR, DOCS(store), NULL, 0, NULL, 0, 0,
     "The gateway's address: where urn:sha256:<hex> is, http://host:port or https://host"},
    {"attachments", "store_token", CONF_STR, DOCS(store_token), "", CONF_SECRET, NULL, 0, 0,
     "A token that reads documents for all departments: bedelauctl token create --opd '*'"},
    {"attachments", "allow", CONF_STR, DOCS(allow), NULL, 0, NULL, 0, 0,
     "Other hosts that documents may be fetched from, by https: host, host:port or *.host, divided by "
     "commas"},
    {"attachments", "allow_net", CONF_STR, DOCS(allow_net), NULL, 0, NULL, 0, 0,
     "Private networks that those hosts may lead to all the same, as 10.1.0.0/16, divided by commas"},
    {"attachments", "allow_http", CONF_BOOL, DOCS(allow_http), "off", 0, NULL, 0, 0,
     "Plain http to those hosts too"},
    {"attachments", "file_root", CONF_STR, DOCS(file_root), NULL, 0, NULL, 0, 0,
     "Folder below which file:// documents may be read; default: no files"},
    {"attachments", "credentials_file", CONF_STR, DOCS(credentials_file), NULL, 0, NULL, 0, 0,
     "Lines host<TAB>Header: value for those hosts, readable by its owner alone"},
    {"attachments", "ca_file", CONF_STR, DOCS(ca_file), NULL, 0, NULL, 0, 0,
     "Certificates to trust when fetching; default: the system's"},
    {"attachments", "redirects", CONF_INT, DOCS(redirects), "3", 0, NULL, 0, 10,
     "Redirects that are followed, each judged like the first address"},
    {"attachments", "hold", CONF_MS, DOCS(hold_ms), "5m", 0, NULL, 0, 86400000,
     "How long an error that was found waits for documents that do not answer, so that all findings go out "
     "at once"},
    {"attachments", "in_flight", CONF_INT, DOCS(in_flight), "8", 0, NULL, 1, 64,
     "Forms whose documents are fetched at once; each holds at most one document (10 MiB) in memory"},
    {"attachments", "timeout", CONF_MS, DOCS(timeout_ms), "30s", 0, NULL, 50, 600000,
     "Longest a document may take; must be less than three quarters of lease"},
    {"attachments", "lease", CONF_MS, DOCS(lease_ms), "2m", 0, NULL, 100, 3600000,
     "How long a form's documents belong to the process that fetches them; after that another begins anew"},
    {"attachments", "backoff_min", CONF_MS, DOCS(pace.min_ms), "2s", 0, NULL, 1, 3600000,
     "First ceiling of the wait after a document could not be had; doubles, with full jitter"},
    {"attachments", "backoff_max", CONF_MS, DOCS(pace.max_ms), "5m", 0, NULL, 1, 86400000,
     "Last ceiling of the wait"},
    {"attachments", "retry_after_max", CONF_MS, DOCS(pace.retry_after_max_ms), "1h", 0, NULL, 1000, 86400000,
     "A longer Retry-After is cut to this"},
    {"attachments", "pdf", CONF_BOOL, DOCS(pdf), "on", 0, NULL, 0, 0,
     "Have structure and signatures judged by bedelau-pdfcheck; off: only that it begins like a PDF"},
    {"attachments", "pdf_helper", CONF_STR, DOCS(pdf_helper), NULL, 0, NULL, 0, 0,
     "Path of bedelau-pdfcheck; default: beside this program"},
    {"attachments", "pdf_limit", CONF_MS, DOCS(pdf_limit_ms), "10s", 0, NULL, 100, 600000,
     "Longest the helper may take over one document"},
    {"attachments", "signature_ca_file", CONF_STR, DOCS(signature_ca_file), NULL, 0, NULL, 0, 0,
     "Certificates that signers' certificates lead to (PEM); without it every signer's CA is unknown"},
    {NULL, NULL, CONF_STR, 0, NULL, 0, NULL, 0, 0, NULL},
};

static bool
wants(enum fact_type t)
{
    return t == FACT_REGISTERED || t == FACT_SUBMITTED || t == FACT_WITHDRAWN || t == FACT_REVIEW ||
           t == FACT_DEADLINE || fact_is_integration(t);
}

/* Of clocks only the end of a running check, for documents that are waited for. */
static bool
heeds(const struct worker *w, const struct fact *f)
{
    const struct validator *v = w->own;

    return f->type != FACT_DEADLINE ||
           (v->attachments.check && f->tahap == TAHAP_PEMERIKSAAN && f->keadaan == KEADAAN_BERJALAN);
}

static enum res
check(struct worker *w, struct err *e)
{
    const struct validator *v = w->own;

    enum res res = review_check(&v->review, e);

    return res == RES_OK ? lampiran_check(&v->attachments, e) : res;
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
    v->m_late_system = metric(ms, METRIC_COUNTER, "bedelau_findings_late", "oleh=\"sistem\"",
                              "Findings of a return that could have been told with an earlier one");
    v->m_late_officer = metric(ms, METRIC_COUNTER, "bedelau_findings_late", "oleh=\"pemeriksa\"",
                               "Findings of a return that could have been told with an earlier one");
    v->m_short = metric(ms, METRIC_COUNTER, "bedelau_forms_read", "way=\"single_pass\"",
                        "Forms by how they were checked");
    v->m_full =
        metric(ms, METRIC_COUNTER, "bedelau_forms_read", "way=\"full\"", "Forms by how they were checked");
    v->m_shadow =
        metric(ms, METRIC_COUNTER, "bedelau_forms_compared", "", "Forms checked both ways, to compare");
    v->m_shadow_differs = metric(ms, METRIC_COUNTER, "bedelau_forms_compared_differ", "",
                                 "Forms that two ways of checking found different: a fault of this program");
    return res == RES_OK ? lampiran_new(w, &v->documents, e) : res;
}

static void
apply(struct worker *w, struct berkas *b, struct flow_item *it, enum met met)
{
    const struct event *ev = item_event(it);

    if (!ev) {
        lampiran_answer(w, b, it->mine);
        admit_held(w, b);
        admit_round(w, b);
    } else if (met != MET_NEW) {
        return;
    } else if (ev->fact.type == FACT_DEADLINE) {
        lampiran_deadline(w, b, ev);
    } else {
        admit(w, b, it);
    }
}

static void
load(struct worker *w, const struct flow_batch *b)
{
    store_load(w, b);
    lampiran_load(w, b);
}

static void
write_all(struct worker *w)
{
    store_write(w);
    lampiran_write(w);
}

static void
undone(struct worker *w, bool whole)
{
    const struct validator *v = w->own;

    lampiran_undone(v->documents, whole);
}

static void
stop(struct worker *w)
{
    const struct validator *v = w->own;

    lampiran_stop(v->documents);
}

static void
status(struct worker *w, struct buf *json)
{
    const struct validator *v = w->own;

    lampiran_status(v->documents, json);
}

static void
free_own(struct worker *w)
{
    struct validator *v = w->own;

    lampiran_free(v->documents);
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
        .columns = ", kode_opd, aktif, ditarik, kunci, surat, riwayat",
        .writes = store_columns,
        .more_size = sizeof(struct periksa),
        .keys = keys,
        .reckons = true,
        .wants = wants,
        .heeds = heeds,
        .prepare = form_prepare,
        .check = check,
        .start = start,
        .begin = others_begin,
        .read = store_read,
        .load = load,
        .apply = apply,
        .settle = lampiran_settle,
        .write = write_all,
        .committed = lampiran_committed,
        .undone = undone,
        .drop = lampiran_drop,
        .stop = stop,
        .status = status,
        .free = free_own,
    };
    struct validator own = {0};

    return worker_main(argc, argv, &def, &own);
}
