#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "workers/validator/lampiran_priv.h"

enum { LIST_MAX = 64, TOKEN_MAX = 4096, DOCUMENT_MAX = 10 << 20 };

/* Where a store of our own may be: this machine, or the building. */
static const char *const building[] = {
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", NULL};

/* ---- settings --------------------------------------------------------------------------------------------------- */

/* "host:port" of a store's address; NULL when it is none. The caller's. */
static char *
store_host(const char *url)
{
    bool https = strncmp(url, "https://", 8) == 0;
    const char *host = https ? url + 8 : url + 7;
    size_t n = strcspn(host, "/?#@");
    const char *colon = memrchr(host, ':', n);
    char *z;

    if ((!https && strncmp(url, "http://", 7) != 0) || n == 0 || host[n + strspn(host + n, "/")])
        return NULL;
    if (colon && !memchr(colon, ']', (size_t)(host + n - colon)))
        return str_dup((struct str){host, n});
    return asprintf(&z, "%.*s:%s", (int)n, host, https ? "443" : "80") < 0 ? NULL : z;
}

static enum res
check_store(const struct lampiran_settings *set, struct err *e)
{
    char *host = set->store ? store_host(set->store) : NULL;
    bool ok = !set->store || host;

    free(host);
    if (!ok)
        return err_set(e, RES_FATAL,
                       "[attachments] store must be http://host:port or https://host, without a path");
    if (set->store && !*set->store_token)
        return err_set(e, RES_FATAL,
                       "[attachments] store_token (or store_token_file) is empty although "
                       "[attachments] store is set");
    return RES_OK;
}

enum res
lampiran_check(const struct lampiran_settings *set, struct err *e)
{
    if (!set->check)
        return RES_OK;
    if (!set->store && !set->allow && !set->file_root)
        return err_set(e, RES_FATAL,
                       "[attachments] check is on but neither [attachments] store nor "
                       "[attachments] allow says where documents may be fetched; check = off "
                       "leaves them unchecked");
    if (set->timeout_ms >= lampiran_attempt_ms(set))
        return err_set(e, RES_FATAL,
                       "[attachments] timeout must be less than three quarters of [attachments] lease");
    if (set->pace.min_ms > set->pace.max_ms)
        return err_set(e, RES_FATAL,
                       "[attachments] backoff_min must not be more than [attachments] backoff_max");
    if (conf_count(set->allow) > LIST_MAX || conf_count(set->allow_net) > LIST_MAX)
        return err_set(e, RES_FATAL, "[attachments] %s names more than %d",
                       conf_count(set->allow) > LIST_MAX ? "allow" : "allow_net", LIST_MAX);
    return check_store(set, e);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static enum res
open_store(struct lampiran *l, struct err *e)
{
    const struct lampiran_settings *set = l->set;
    char *host = store_host(set->store);
    const char *const allow[] = {host, NULL};
    size_t n = strlen(set->store);
    char *credentials = NULL;
    struct fetch_opts fo = {.loop = l->w->app->loop,
                            .allow = allow,
                            .allow_net = building,
                            .allow_http = true,
                            .ca_file = set->ca_file,
                            .in_flight = (unsigned)set->in_flight,
                            .user_agent = "bedelau-validator"};
    enum res res;

    while (n && set->store[n - 1] == '/')
        n--;
    l->store_url = str_dup((struct str){set->store, n});
    if (!host || !l->store_url ||
        asprintf(&credentials, "%s\tAuthorization: Bearer %s\n", host, set->store_token) < 0) {
        free(host);
        return err_set(e, RES_FATAL, "out of memory");
    }
    fo.credentials = credentials;
    res = fetch_new(&fo, &l->store, e);
    explicit_bzero(credentials, strlen(credentials));
    free(credentials);
    free(host);
    return res;
}

/* `copy` takes the words' text. */
static enum res
split(const char *list, char **copy, const char **out)
{
    size_t n;

    *copy = strdup(list ? list : "");
    if (!*copy)
        return RES_FATAL;
    n = conf_list(*copy, (char **)(uintptr_t)out, LIST_MAX);
    out[n] = NULL;
    return RES_OK;
}

static enum res
open_hosts(struct lampiran *l, struct err *e)
{
    const struct lampiran_settings *set = l->set;
    const char *allow[LIST_MAX + 1];
    const char *nets[LIST_MAX + 1];
    char *texts[2] = {NULL, NULL};
    struct fetch_opts fo = {.loop = l->w->app->loop,
                            .allow = allow,
                            .allow_net = nets,
                            .allow_http = set->allow_http,
                            .file_root = set->file_root,
                            .credentials_file = set->credentials_file,
                            .ca_file = set->ca_file,
                            .in_flight = (unsigned)set->in_flight,
                            .redirects = (unsigned)set->redirects,
                            .user_agent = "bedelau-validator"};
    enum res res = RES_FATAL;

    if (split(set->allow, &texts[0], allow) == RES_OK && split(set->allow_net, &texts[1], nets) == RES_OK)
        res = fetch_new(&fo, &l->hosts, e);
    else
        err_set(e, RES_FATAL, "out of memory");
    free(texts[0]);
    free(texts[1]);
    return res;
}

static enum res
open_pdf(struct lampiran *l, struct err *e)
{
    const struct lampiran_settings *set = l->set;
    char *beside = set->pdf_helper ? NULL : pdf_program();
    struct pdf_opts po = {.program = set->pdf_helper ? set->pdf_helper : beside,
                          .ca_file = set->signature_ca_file,
                          .limit_ms = set->pdf_limit_ms,
                          .waiting = (unsigned)set->in_flight};
    enum res res = po.program ? pdf_new(l->w->app->loop, &po, &l->pdf, e)
                              : err_set(e, RES_FATAL, "cannot tell where bedelau-pdfcheck is");

    free(beside);
    return res;
}

static void
make_metrics(struct lampiran *l)
{
    static const char *const results[DOKUMEN_FAULTS + 1] = {
        "result=\"tidak_ada\"",   "result=\"ukuran\"", "result=\"sha256\"",           "result=\"bukan_pdf\"",
        "result=\"terenkripsi\"", "result=\"tte\"",    "result=\"ca_tidak_dikenal\"", "result=\"baik\""};
    static const char *const forms[LAMPIRAN_FORMS] = {"state=\"opened\"", "state=\"concluded\"",
                                                      "state=\"unresolved\"", "state=\"cancelled\""};
    struct metrics *ms = l->w->app->metrics;

    for (unsigned i = 0; i <= DOKUMEN_FAULTS; i++)
        l->m_found[i] = metric(ms, METRIC_COUNTER, "bedelau_attachments", results[i],
                               "Documents that were judged, once under each of their faults");
    for (unsigned i = 0; i < LAMPIRAN_FORMS; i++)
        l->m_forms[i] = metric(ms, METRIC_COUNTER, "bedelau_attachment_forms", forms[i],
                               "Forms that began to wait for their documents, and how that ended");
    l->m_later = metric(ms, METRIC_COUNTER, "bedelau_attachments_unanswered", "",
                        "Times a document could not be had for now");
    l->m_retries =
        metric(ms, METRIC_COUNTER, "bedelau_attachment_retries", "", "Times a form's documents were put off");
    l->m_running = metric(ms, METRIC_GAUGE, "bedelau_attachment_attempts", "",
                          "Forms whose documents are being fetched");
}

unsigned
lampiran_room(const struct lampiran *l)
{
    unsigned most = (unsigned)l->set->in_flight;

    if (l->running >= most || l->answered >= LAMPIRAN_ANSWERS * most)
        return 0;
    return most - l->running;
}

static unsigned
room(void *arg)
{
    return lampiran_room(arg);
}

static void
begin(void *arg, const struct job *job)
{
    attempt_begin(arg, job);
}

static enum res
open_sources(struct lampiran *l, struct err *e)
{
    enum res res = RES_OK;

    if (l->set->store)
        res = open_store(l, e);
    if (res == RES_OK && (l->set->allow || l->set->file_root))
        res = open_hosts(l, e);
    if (res == RES_OK && l->set->pdf)
        res = open_pdf(l, e);
    return res;
}

/* Also where documents are checked no more: the forms that wait must not wait for ever. */
static enum res
open_jobs(struct lampiran *l, struct err *e)
{
    struct app *app = l->w->app;
    struct jobs_opts jo = {.loop = app->loop,
                           .pg = app->pg,
                           .worker = "validator",
                           .lease_ms = l->set->lease_ms,
                           .call_ms = lampiran_attempt_ms(l->set),
                           .room = room,
                           .begin = begin,
                           .arg = l,
                           .clk = app->clk};

    return jobs_new(&jo, &l->jobs, e);
}

enum res
lampiran_new(struct worker *w, struct lampiran **ret, struct err *e)
{
    const struct validator *own = w->own;
    struct lampiran *l;
    enum res res;

    *ret = NULL;
    l = calloc(1, sizeof *l);
    if (!l)
        return err_set(e, RES_FATAL, "out of memory");
    l->w = w;
    l->set = &own->attachments;
    l->max = (size_t)rules_number(own->rules, "dokumen_ukuran", "maksimum", DOCUMENT_MAX);
    make_metrics(l);
    if (!l->set->check)
        log_warn("attachments are not checked: [attachments] check is off");
    res = l->set->check ? open_sources(l, e) : RES_OK;
    if (res == RES_OK)
        res = open_jobs(l, e);
    if (res == RES_OK)
        *ret = l;
    else
        lampiran_free(l);
    return res;
}

void
lampiran_free(struct lampiran *l)
{
    if (!l)
        return;
    fetch_free(l->store);
    fetch_free(l->hosts);
    pdf_free(l->pdf);
    attempt_free_all(l);
    jobs_free(l->jobs);
    free(l->store_url);
    free(l);
}

/* ---- around a transaction --------------------------------------------------------------------------------------- */

/* Attempts begin only now that they are durable. */
void
lampiran_committed(struct worker *w, const struct flow_batch *b)
{
    struct lampiran *l = ((const struct validator *)w->own)->documents;
    bool answered = false;

    for (size_t i = 0; i < b->n; i++)
        if (!b->items[i].rkm) {
            l->answered--;
            answered = true;
        }
    jobs_committed(l->jobs);
    if (answered && lampiran_room(l))
        jobs_room(l->jobs);
}

void
lampiran_undone(struct lampiran *l, bool whole)
{
    jobs_undone(l->jobs, whole);
}

void
lampiran_stop(struct lampiran *l)
{
    if (l->jobs)
        jobs_stop(l->jobs);
}

void
lampiran_status(const struct lampiran *l, struct buf *json)
{
    buf_printf(json, ",\"attachments\":{\"check\":%s,\"attempts\":%u,\"answers\":%u,\"pdf\":%u}",
               l->set->check ? "true" : "false", l->running, l->answered, l->pdf ? pdf_pending(l->pdf) : 0);
}
