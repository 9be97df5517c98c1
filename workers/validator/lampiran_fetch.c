/* One attempt on a form's documents: one after the other, so that memory is bounded by the attempts at once. A document
 * is counted and hashed while it arrives; it goes into memory of its own (memfd), which the helper reads and nobody can
 * change any more. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/http/uri.h"
#include "workers/validator/lampiran_priv.h"

enum { HEAD_MAX = 1024, URL_MAX = 8192, COMPLAIN_MS = 60000 };

static const char urn[] = "urn:sha256:";

struct attempt {
    struct lampiran *l;
    struct attempt *prev, *next;
    struct lampiran_answer *a; /* ours until it was posted, then NULL */
    struct arena arena;
    struct str kode_opd;
    struct dokumen doc[DOKUMEN_MAX];
    unsigned n, first, tried; /* it begins with another document each time, so that none starves */
    bool store_down;          /* the store was asked in vain: not again in this attempt */
    int64_t began_ms;
    struct loop_timer timer; /* its time is over */

    struct dokumen *cur; /* on its way */
    bool from_store;
    struct hash *hash;
    int fd; /* the document's memory; -1 = not kept */
    unsigned char head[HEAD_MAX];
    size_t nhead;
    bool is_pdf, broken; /* broken: memory failed us */
    unsigned faults;     /* of its bytes, while the helper judges the rest */
};

static void attempt_go_on(struct attempt *at);

/* ---- its end ---------------------------------------------------------------------------------------------------- */

void
lampiran_drop(void *answer)
{
    free(answer);
}

static void
post(struct attempt *at)
{
    struct lampiran_answer *a = at->a;

    if (!a)
        return;
    at->a = NULL;
    a->took_us = (clk_mono_ms() - at->began_ms) * 1000;
    at->l->answered++;
    flow_post(at->l->w->flow, a);
}

static void
let_go(struct attempt *at)
{
    if (at->fd >= 0)
        close(at->fd);
    at->fd = -1;
    at->cur = NULL;
}

static void
attempt_free(struct attempt *at)
{
    struct lampiran *l = at->l;

    loop_timer_stop(l->w->app->loop, &at->timer);
    let_go(at);
    hash_free(at->hash);
    arena_free(&at->arena);
    free(at->a);
    free(at);
    metric_set(l->m_running, --l->running);
}

static void
unlist(struct attempt *at)
{
    if (at->next)
        at->next->prev = at->prev;
    if (at->prev)
        at->prev->next = at->next;
    else
        at->l->attempts = at->next;
}

void
attempt_free_all(struct lampiran *l)
{
    struct attempt *next;

    for (struct attempt *at = l->attempts; at; at = next) {
        next = at->next;
        attempt_free(at);
    }
    l->attempts = NULL;
}

static void
finish(struct attempt *at)
{
    struct lampiran *l = at->l;

    post(at);
    unlist(at);
    attempt_free(at);
    if (lampiran_room(l) == 1)
        jobs_wake(l->jobs, 0); /* it was full */
}

/* What is under way still ends by itself, heard by nobody. */
static void
on_over(void *arg)
{
    struct attempt *at = arg;

    if (at->a && !at->a->error[0])
        snprintf(at->a->error, sizeof at->a->error, "the attempt's time was over");
    post(at);
}

/* ---- what was found --------------------------------------------------------------------------------------------- */

static void
found(struct attempt *at, unsigned faults)
{
    struct lampiran *l = at->l;
    bool any = false;

    if (!at->a)
        return;
    at->a->known[at->cur - at->doc] = DOKUMEN_KNOWN | faults;
    for (unsigned i = 0; i < DOKUMEN_FAULTS; i++)
        if (faults & (2u << i)) {
            metric_add(l->m_found[i], 1);
            any = true;
        }
    if (!any)
        metric_add(l->m_found[DOKUMEN_FAULTS], 1);
}

/* Said once a minute at most: a store that is down concerns every form. */
static void
complain(struct attempt *at, int code, const char *why)
{
    struct lampiran *l = at->l;
    int64_t now = clk_mono_ms();

    if (l->complained_ms && now - l->complained_ms < COMPLAIN_MS)
        return;
    l->complained_ms = now;
    log_warn("an attachment cannot be checked now", LOG_S("nomor", at->a->own.nomor),
             LOG_I("lampiran", at->cur->at), LOG_Z("from", at->from_store ? "store" : "host"),
             LOG_I("code", code), LOG_Z("why", why));
}

static void
not_now(struct attempt *at, const struct fetch_end *end)
{
    struct lampiran_answer *a = at->a;

    if (!a)
        return;
    metric_add(at->l->m_later, 1);
    complain(at, end->code, end->why);
    a->code = end->code;
    if (end->retry_after_s > a->retry_after_s)
        a->retry_after_s = end->retry_after_s;
    snprintf(a->error, sizeof a->error, "%s", end->why);
}

static unsigned
faults_of_bytes(const struct attempt *at, uint64_t bytes)
{
    unsigned char sha[HASH_SIZE];
    unsigned faults = 0;

    hash_end(at->hash, sha);
    if (bytes != (uint64_t)at->cur->ukuran)
        faults |= DOKUMEN_SIZE;
    if (!hash_same(sha, at->cur->sha256, HASH_SIZE))
        faults |= DOKUMEN_HASH;
    if (!at->is_pdf)
        faults |= DOKUMEN_NOT_PDF;
    return faults;
}

static unsigned
faults_of_signature(const struct dokumen *d, enum pdf_sign sign)
{
    if (!d->sign || sign == PDF_SIGN_VALID)
        return 0;
    return sign == PDF_SIGN_UNKNOWN_CA ? DOKUMEN_UNKNOWN_CA : DOKUMEN_UNSIGNED;
}

static unsigned
faults_of_pdf(const struct dokumen *d, const struct pdf_verdict *v)
{
    if (v->kind == PDF_OK)
        return faults_of_signature(d, v->sign);
    return v->kind == PDF_ENCRYPTED ? DOKUMEN_LOCKED : DOKUMEN_NOT_PDF;
}

static void
log_helper(const struct attempt *at, const struct pdf_verdict *v)
{
    log_warn("the PDF helper failed over an attachment", LOG_S("nomor", at->a->own.nomor),
             LOG_I("lampiran", at->cur->at), LOG_Z("why", v->why));
}

static void
on_pdf(void *arg, const struct pdf_verdict *v)
{
    struct attempt *at = arg;

    if (v->kind == PDF_NOT_JUDGED) {
        not_now(at, &(struct fetch_end){.retry_after_s = -1, .why = v->why});
    } else {
        if (v->kind == PDF_HELPER_FAILED && at->a)
            log_helper(at, v);
        found(at, at->faults | faults_of_pdf(at->cur, v));
    }
    let_go(at);
    attempt_go_on(at);
}

/* The whole document is here, of so many bytes: true when its verdict comes later. */
static bool
judge(struct attempt *at, uint64_t bytes)
{
    struct lampiran *l = at->l;
    struct err e = {0};

    if (!at->a)
        return false;
    at->faults = faults_of_bytes(at, bytes);
    if (!at->is_pdf || !l->pdf) {
        found(at, at->faults);
        return false;
    }
    if (pdf_check(l->pdf, at->fd, on_pdf, at, &e) == RES_OK)
        return true;
    not_now(at, &(struct fetch_end){.retry_after_s = -1, .why = e.text});
    return false;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

/* `%PDF-` within the first KiB, as readers accept it. What has none is counted and hashed, not kept. */
static void
look_at_head(struct attempt *at)
{
    at->is_pdf = memmem(at->head, at->nhead, "%PDF-", 5) != NULL;
    if (at->is_pdf || at->fd < 0)
        return;
    close(at->fd);
    at->fd = -1;
}

static void
keep(struct attempt *at, struct str bytes)
{
    while (at->fd >= 0 && bytes.n) {
        ssize_t n = write(at->fd, bytes.p, bytes.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            at->broken = true;
            return;
        }
        bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
    }
}

static bool
on_chunk(void *arg, struct str bytes)
{
    struct attempt *at = arg;
    size_t room = HEAD_MAX - at->nhead;
    size_t n = bytes.n < room ? bytes.n : room;

    if (!at->a || at->broken)
        return false;
    hash_add(at->hash, bytes);
    if (n) {
        memcpy(at->head + at->nhead, bytes.p, n);
        at->nhead += n;
        if (at->nhead == HEAD_MAX)
            look_at_head(at);
    }
    keep(at, bytes);
    return !at->broken;
}

/* ---- asking for one --------------------------------------------------------------------------------------------- */

/* The store is ours: what it refuses to us is a fault of ours, never the form's. Of the others' hosts the same says that
 * the document cannot be had. */
static bool
is_absent(const struct attempt *at, enum fetch_fate fate)
{
    if (fate == FETCH_NOT_FOUND)
        return true;
    return !at->from_store && (fate == FETCH_REFUSED || fate == FETCH_DENIED || fate == FETCH_BAD_ANSWER);
}

static void
on_done(void *arg, const struct fetch_end *end)
{
    struct attempt *at = arg;

    if (at->nhead < HEAD_MAX)
        look_at_head(at);
    if (at->broken) { /* ours, whoever sent it */
        not_now(at, &(struct fetch_end){.retry_after_s = -1, .why = "no memory for a document"});
    } else if (end->fate == FETCH_OK) {
        if (judge(at, end->bytes))
            return;
    } else if (end->fate == FETCH_TOO_LARGE) {
        found(at, DOKUMEN_SIZE);
    } else if (is_absent(at, end->fate)) {
        found(at, DOKUMEN_ABSENT);
    } else {
        at->store_down |= at->from_store;
        not_now(at, end);
    }
    let_go(at);
    attempt_go_on(at);
}

/* urn:sha256:<hex> to the store's address, where the document must be the department's own. Empty when it is no such
 * name. */
static void
store_address(const struct attempt *at, struct str name, struct buf *url)
{
    unsigned char sha[HASH_SIZE];
    char hex[2 * HASH_SIZE + 1];

    if (!hash_unhex(name, sha, HASH_SIZE))
        return;
    hash_hex(sha, HASH_SIZE, hex);
    buf_printf(url, "%s/v1/documents/%s?kode_opd=", at->l->store_url, hex);
    uri_encode(url, at->kode_opd);
}

static void
address(struct attempt *at, struct buf *url)
{
    struct str uri = at->cur->uri;

    at->from_store = str_starts(uri, str_of(urn));
    if (!at->from_store)
        buf_str(url, uri);
    else if (at->l->store)
        store_address(at, (struct str){uri.p + sizeof urn - 1, uri.n - (sizeof urn - 1)}, url);
}

static bool
clear(struct attempt *at)
{
    unsigned char none[HASH_SIZE];

    hash_end(at->hash, none);
    at->nhead = 0;
    at->is_pdf = at->broken = false;
    at->fd = memfd_create("lampiran", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return at->fd >= 0;
}

/* True when it is on its way; else what there is to say of it was said. */
static bool
ask(struct attempt *at)
{
    struct lampiran *l = at->l;
    struct buf url = buf_make(URL_MAX);
    struct fetch *f;
    struct err e = {0};
    enum res res;

    address(at, &url);
    f = at->from_store ? l->store : l->hosts;
    if (at->from_store && f && at->store_down) {
        res = RES_RETRY; /* it was heard of already */
    } else if (!f || !url.n || url.failed) {
        res = RES_REJECT;
    } else if (!clear(at)) {
        res = err_set(&e, RES_RETRY, "no memory for a document");
    } else {
        res = fetch_start(f,
                          &(struct fetch_request){.url = url.p,
                                                  .max = l->max,
                                                  .timeout_ms = l->set->timeout_ms,
                                                  .chunk = on_chunk,
                                                  .done = on_done,
                                                  .arg = at},
                          &e);
    }
    buf_free(&url);
    if (res == RES_OK)
        return true;
    if (res == RES_REJECT)
        found(at, DOKUMEN_ABSENT);
    else if (e.text[0])
        not_now(at, &(struct fetch_end){.retry_after_s = -1, .why = e.text});
    let_go(at);
    return false;
}

static void
attempt_go_on(struct attempt *at)
{
    while (at->a && at->tried < at->n) {
        unsigned i = (at->first + at->tried++) % at->n;

        at->cur = &at->doc[i];
        if (!at->a->known[i] && ask(at))
            return;
    }
    finish(at);
}

/* ---- its beginning ---------------------------------------------------------------------------------------------- */

static void
make_answer(struct attempt *at, const struct job *job, const struct tunggu *t)
{
    struct lampiran_answer *a = at->a;

    snprintf(a->nomor, sizeof a->nomor, "%.*s", STR_FMT(job->subject));
    snprintf(a->key, sizeof a->key, "%.*s", STR_FMT(job->key));
    a->own.nomor = str_of(a->nomor);
    a->lease = job->lease;
    a->no = job->attempts;
    a->retry_after_s = -1;
    a->n = at->n;
    for (unsigned i = 0; i < t->n && i < at->n; i++)
        a->known[i] = t->known[i];
}

static struct attempt *
attempt_new(struct lampiran *l)
{
    struct attempt *at = calloc(1, sizeof *at);
    struct err e = {0};

    if (!at || !(at->a = calloc(1, sizeof *at->a)) || hash_new(&at->hash, &e) != RES_OK)
        abort();
    at->l = l;
    at->fd = -1;
    at->began_ms = clk_mono_ms();
    at->timer = (struct loop_timer){.fn = on_over, .arg = at};
    at->next = l->attempts;
    if (at->next)
        at->next->prev = at;
    l->attempts = at;
    metric_set(l->m_running, ++l->running);
    return at;
}

void
attempt_begin(struct lampiran *l, const struct job *job)
{
    struct attempt *at = attempt_new(l);
    struct tunggu t;
    bool read;

    read = tunggu_read(job->state, &at->arena, &t);
    at->kode_opd = t.kode_opd;
    at->n = dokumen_read(job->body, &at->arena, at->doc);
    at->first = at->n ? (unsigned)job->attempts % at->n : 0;
    make_answer(at, job, &t);
    if (!read || lampiran_is_over(l, &t, job->deadline_us, clk_us(l->w->app->clk)))
        at->tried = at->n; /* lampiran_settle says what follows */
    loop_timer_set(l->w->app->loop, &at->timer, lampiran_attempt_ms(l->set));
    attempt_go_on(at);
}
