#include "workers/validator/pdf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/json/scan.h"

enum {
    LIMIT_MS = 10000,
    MOST = 2,
    WAITING = 64,
    CA_MOST = 4 << 20, /* bytes of a bundle */
    ANSWER_MOST = 256,
    DOC_TO = 0, /* the helper's descriptors */
    ANSWER_TO = 1,
    NULL_TO = 2,
    CA_TO = 3
};

/* One document: waits in the queue, then runs in a helper. Owned by the checker. */
struct check {
    struct pdf_checker *pdf;
    struct check *next; /* in the queue, or of those that run */
    void (*fn)(void *arg, const struct pdf_verdict *v);
    void *arg;
    int doc;    /* ours; -1 once the helper has it */
    int answer; /* read end of the helper's pipe */
    int pidfd;
    struct loop_fd *answer_watch, *end_watch;
    struct loop_timer timer;
    const char *why; /* the first reason why the helper's answer does not count, or NULL */
    size_t n;
    char said[ANSWER_MOST];
};

struct pdf_checker {
    struct loop *loop;
    struct pdf_opts opts; /* `program` is ours, `ca_file` NULL */
    int ca;               /* a sealed memfd with the bundle, or -1 */
    int null;
    struct check *running;
    struct check *first, **last; /* those that wait */
    unsigned n_running, n_waiting;
    struct loop_timer start; /* at once, but not from within a call */
};

static void
shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- memory as a file --------------------------------------------------------------------------------------------- */

static bool
seal(int fd)
{
    const int need = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    int have = fcntl(fd, F_ADD_SEALS, need) == 0 ? need : fcntl(fd, F_GET_SEALS);

    return have >= 0 && (have & need) == need;
}

/* A sealed memfd of `s` at its start, or -1 with errno. */
static int
memory_of(struct str s)
{
    int fd = memfd_create("pdf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t done = 0;

    while (fd >= 0 && done < s.n) {
        ssize_t n = write(fd, s.p + done, s.n - done);

        if (n <= 0)
            shut(&fd);
        else
            done += (size_t)n;
    }
    if (fd >= 0 && (!seal(fd) || lseek(fd, 0, SEEK_SET)))
        shut(&fd);
    return fd;
}

/* Whether `pem` holds certificates and each can be read: one that could not would fail every document. */
static bool
is_bundle(struct str pem)
{
    BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
    unsigned found = 0;
    X509 *cert = NULL;
    bool ended = false;

    while (in && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        X509_free(cert);
        found++;
    }
    ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(in);
    return found && ended;
}

static enum res
read_bundle(struct pdf_checker *pdf, const char *path, struct err *e)
{
    struct err why = {0};
    size_t n;
    char *text = file_read(path, CA_MOST, &n, &why);
    struct str pem = {text, n};
    enum res res = RES_OK;

    if (!text)
        res = err_set(e, RES_FATAL, "the signers' CAs: %s", why.text);
    else if (!is_bundle(pem))
        res = err_set(e, RES_FATAL, "the signers' CAs in %s: not one or more certificates in PEM", path);
    else if ((pdf->ca = memory_of(pem)) < 0)
        res = err_set(e, RES_FATAL, "memfd: %s", strerror(errno));
    free(text);
    return res;
}

/* ---- verdicts ----------------------------------------------------------------------------------------------------- */

/* The place of the JSON string `value` in `names`, or -1. */
static int
place_in(const char *const *names, struct str value)
{
    struct str s = scan_string(value, NULL);

    for (int i = 0; names[i]; i++)
        if (str_is(s, names[i]))
            return i;
    return -1;
}

/* Reads exactly what the helper writes, and nothing like it: its line passed a process that a document may own. */
static bool
read_verdict(struct str line, struct pdf_verdict *v)
{
    static const char *const kinds[] = {"ok", "bukan_pdf", "rusak", "terenkripsi", "tanpa_halaman", NULL};
    static const char *const signs[] = {"tidak_ada", "sah", "ca_tidak_dikenal", "tidak_sah", NULL};
    static const char *const names[] = {"pdf", "halaman", "ttd"};
    struct str value[3];
    int kind = 0;
    int sign = 0;

    if (!str_ends(line, STR("}\n")) || scan_document(line, NULL) != RES_OK ||
        !scan_pick(line, names, value, 3))
        return false;
    kind = place_in(kinds, value[0]);
    sign = place_in(signs, value[2]);
    if (kind < 0 || sign < 0 || !scan_int(value[1], &v->pages))
        return false;
    v->kind = (enum pdf_kind)kind;
    v->sign = (enum pdf_sign)sign;
    return v->kind == PDF_OK ? v->pages > 0 : v->pages == 0 && v->sign == PDF_SIGN_NONE;
}

static struct pdf_verdict
verdict_of(const struct check *c, const siginfo_t *end)
{
    struct pdf_verdict v = {.why = ""};
    const char *why = c->why;

    if (!why && end->si_code == CLD_EXITED && end->si_status == EX_OSERR)
        return (struct pdf_verdict){PDF_NOT_JUDGED, PDF_SIGN_NONE, 0, "this system has no sandbox for it"};
    if (!why && end->si_code != CLD_EXITED)
        why = end->si_status == SIGSYS ? "it did what the sandbox forbids" : "it was ended by a signal";
    if (!why && end->si_status != 0)
        why = "it gave up";
    if (!why && !read_verdict((struct str){c->said, c->n}, &v))
        why = "its answer is none";
    return why ? (struct pdf_verdict){PDF_HELPER_FAILED, PDF_SIGN_NONE, 0, why} : v;
}

/* ---- a helper's life ---------------------------------------------------------------------------------------------- */

static void
check_free(struct check *c)
{
    loop_timer_stop(c->pdf->loop, &c->timer);
    loop_unwatch(c->answer_watch);
    loop_unwatch(c->end_watch);
    shut(&c->doc);
    shut(&c->answer);
    shut(&c->pidfd);
    free(c);
}

static void
kill_helper(struct check *c, const char *why)
{
    if (!c->why)
        c->why = why;
    pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
}

static void
on_late(void *arg)
{
    kill_helper(arg, "it took too long");
}

/* Takes what the helper has said. */
static void
on_answer(void *arg, int events)
{
    struct check *c = arg;
    ssize_t n = read(c->answer, c->said + c->n, sizeof c->said - c->n);

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        c->n += (size_t)n;
    if (n > 0 && c->n < sizeof c->said)
        return;
    if (n > 0)
        kill_helper(c, "it said too much");
    loop_unwatch(c->answer_watch);
    c->answer_watch = NULL;
}

static void
unlist(struct check *c)
{
    struct check **at = &c->pdf->running;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->pdf->n_running--;
}

/* The helper is gone: what it wrote is in the pipe. */
static void
on_end(void *arg, int events)
{
    struct check *c = arg;
    struct pdf_checker *pdf = c->pdf;
    siginfo_t end = {0};
    struct pdf_verdict v;

    (void)events;
    if (waitid(P_PIDFD, (id_t)c->pidfd, &end, WEXITED | WNOHANG) == 0 && end.si_pid == 0)
        return;
    while (c->answer_watch) {
        size_t before = c->n;

        on_answer(c, LOOP_READ);
        if (c->n == before)
            break;
    }
    v = verdict_of(c, &end);
    unlist(c);
    if (pdf->first)
        loop_timer_set(pdf->loop, &pdf->start, 0);
    c->fn(c->arg, &v);
    check_free(c);
}

/* ---- starting one ------------------------------------------------------------------------------------------------- */

static int
spawn_actions(const struct check *c, int write_end, posix_spawn_file_actions_t *fa)
{
    int bad = posix_spawn_file_actions_adddup2(fa, c->doc, DOC_TO);

    bad = bad ? bad : posix_spawn_file_actions_adddup2(fa, write_end, ANSWER_TO);
    bad = bad ? bad : posix_spawn_file_actions_adddup2(fa, c->pdf->null, NULL_TO);
    if (!bad && c->pdf->ca >= 0)
        bad = posix_spawn_file_actions_adddup2(fa, c->pdf->ca, CA_TO);
    return bad ? bad : posix_spawn_file_actions_addclosefrom_np(fa, c->pdf->ca >= 0 ? CA_TO + 1 : CA_TO);
}

/* The worker blocks its signals to read them from a descriptor; the helper must not inherit that. */
static int
spawn_attributes(posix_spawnattr_t *attr)
{
    sigset_t none;
    sigset_t all;
    int bad = 0;

    sigemptyset(&none);
    sigfillset(&all);
    bad = posix_spawnattr_setsigmask(attr, &none);
    bad = bad ? bad : posix_spawnattr_setsigdefault(attr, &all);
    bad = bad ? bad : posix_spawnattr_setpgroup(attr, 0);
    return bad ? bad
               : posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP);
}

/* An errno, or 0 with `*pid`. */
static int
spawn(const struct check *c, int write_end, pid_t *pid)
{
    char name[] = "bedelau-pdfcheck";
    char with_ca[] = "--ca";
    char *const argv[] = {name, c->pdf->ca >= 0 ? with_ca : NULL, NULL};
    char *const env[] = {NULL};
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    int bad = posix_spawn_file_actions_init(&fa);

    if (bad)
        return bad;
    bad = posix_spawnattr_init(&attr);
    if (!bad) {
        bad = spawn_actions(c, write_end, &fa);
        bad = bad ? bad : spawn_attributes(&attr);
        bad = bad ? bad : posix_spawn(pid, c->pdf->opts.program, &fa, &attr, argv, env);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&fa);
    return bad;
}

/* Without a pidfd and its watch a helper cannot be followed: it ends here. */
static bool
follow(struct check *c, pid_t pid)
{
    c->pidfd = pidfd_open(pid, 0);
    if (c->pidfd >= 0)
        c->end_watch = loop_watch(c->pdf->loop, c->pidfd, LOOP_READ, on_end, c);
    if (c->end_watch)
        c->answer_watch = loop_watch(c->pdf->loop, c->answer, LOOP_READ, on_answer, c);
    if (c->answer_watch) {
        loop_timer_set(c->pdf->loop, &c->timer, c->pdf->opts.limit_ms);
        return true;
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return false;
}

static bool
launch(struct check *c)
{
    int ends[2] = {-1, -1};
    pid_t pid = 0;
    bool ok = pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0;

    c->answer = ends[0];
    /* the helper's end may block: what it writes fits */
    ok = ok && fcntl(ends[1], F_SETFL, 0) == 0 && spawn(c, ends[1], &pid) == 0;
    shut(&ends[1]);
    shut(&c->doc);
    return ok && follow(c, pid);
}

/* Starts helpers while some document waits and there is room. */
static void
start_waiting(void *arg)
{
    static const struct pdf_verdict none = {PDF_NOT_JUDGED, PDF_SIGN_NONE, 0, "it could not be started"};
    struct pdf_checker *pdf = arg;

    while (pdf->first && pdf->n_running < pdf->opts.most) {
        struct check *c = pdf->first;

        pdf->first = c->next;
        pdf->last = pdf->first ? pdf->last : &pdf->first;
        pdf->n_waiting--;
        if (launch(c)) {
            c->next = pdf->running;
            pdf->running = c;
            pdf->n_running++;
        } else {
            c->fn(c->arg, &none);
            check_free(c);
        }
    }
}

/* ---- the checker -------------------------------------------------------------------------------------------------- */

enum res
pdf_new(struct loop *loop, const struct pdf_opts *opts, struct pdf_checker **ret, struct err *e)
{
    struct pdf_checker *pdf = calloc(1, sizeof *pdf);
    enum res res = RES_OK;

    *ret = NULL;
    if (!pdf)
        return err_set(e, RES_FATAL, "out of memory");
    pdf->loop = loop;
    pdf->opts = *opts;
    pdf->opts.ca_file = NULL;
    pdf->opts.program = str_dup(str_of(opts->program));
    pdf->opts.limit_ms = opts->limit_ms > 0 ? opts->limit_ms : LIMIT_MS;
    pdf->opts.most = opts->most ? opts->most : MOST;
    pdf->opts.waiting = opts->waiting ? opts->waiting : WAITING;
    pdf->last = &pdf->first;
    pdf->start = (struct loop_timer){.fn = start_waiting, .arg = pdf};
    pdf->ca = -1;
    pdf->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (!pdf->opts.program || pdf->null < 0)
        res = err_set(e, RES_FATAL, "/dev/null or memory is not there");
    else if (access(opts->program, X_OK))
        res =
            err_set(e, RES_FATAL, "%s, which reads attached documents: %s (a build without libqpdf has none)",
                    opts->program, strerror(errno));
    else if (opts->ca_file)
        res = read_bundle(pdf, opts->ca_file, e);
    if (res == RES_OK)
        *ret = pdf;
    else
        pdf_free(pdf);
    return res;
}

static void
end_all(struct check *c)
{
    while (c) {
        struct check *next = c->next;

        if (c->pidfd >= 0) {
            kill_helper(c, "");
            while (waitid(P_PIDFD, (id_t)c->pidfd, &(siginfo_t){0}, WEXITED) && errno == EINTR)
                ;
        }
        check_free(c);
        c = next;
    }
}

void
pdf_free(struct pdf_checker *pdf)
{
    if (!pdf)
        return;
    end_all(pdf->running);
    end_all(pdf->first);
    loop_timer_stop(pdf->loop, &pdf->start);
    shut(&pdf->ca);
    shut(&pdf->null);
    free((char *)(uintptr_t)pdf->opts.program);
    free(pdf);
}

/* Takes `doc`. */
static enum res
enqueue(struct pdf_checker *pdf, int doc, void (*fn)(void *arg, const struct pdf_verdict *v), void *arg,
        struct err *e)
{
    struct check *c = doc >= 0 ? calloc(1, sizeof *c) : NULL;

    if (!c) {
        shut(&doc);
        return err_set(e, RES_RETRY, "no memory or descriptor for a document");
    }
    *c = (struct check){.pdf = pdf, .fn = fn, .arg = arg, .doc = doc, .answer = -1, .pidfd = -1};
    c->timer = (struct loop_timer){.fn = on_late, .arg = c};
    *pdf->last = c;
    pdf->last = &c->next;
    pdf->n_waiting++;
    loop_timer_set(pdf->loop, &pdf->start, 0);
    return RES_OK;
}

static bool
is_full(const struct pdf_checker *pdf, struct err *e)
{
    if (pdf->n_waiting < pdf->opts.waiting)
        return false;
    err_set(e, RES_RETRY, "%u documents wait to be judged", pdf->n_waiting);
    return true;
}

enum res
pdf_check(struct pdf_checker *pdf, int fd, void (*fn)(void *arg, const struct pdf_verdict *v), void *arg,
          struct err *e)
{
    if (is_full(pdf, e))
        return RES_RETRY;
    if (!seal(fd))
        return err_set(e, RES_FATAL, "the document is no memory that can be sealed");
    return enqueue(pdf, fcntl(fd, F_DUPFD_CLOEXEC, CA_TO + 1), fn, arg, e);
}

enum res
pdf_check_bytes(struct pdf_checker *pdf, struct str bytes, void (*fn)(void *arg, const struct pdf_verdict *v),
                void *arg, struct err *e)
{
    return is_full(pdf, e) ? RES_RETRY : enqueue(pdf, memory_of(bytes), fn, arg, e);
}

unsigned
pdf_pending(const struct pdf_checker *pdf)
{
    return pdf->n_waiting + pdf->n_running;
}

char *
pdf_program(void)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self);
    struct buf b = buf_make(PATH_MAX + 32);

    while (n > 0 && self[n - 1] != '/')
        n--;
    if (n <= 0)
        return NULL;
    buf_add(&b, self, (size_t)n);
    buf_z(&b, "bedelau-pdfcheck");
    return buf_steal(&b);
}
