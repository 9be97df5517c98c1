/* pdf: what the worker makes of helpers that answer, hang, crash, chatter and do not start. The helpers are scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <string.h>

#include "common/base/clk.h"
#include "tests/unit/folder.h"
#include "workers/validator/pdf.c" /* NOLINT(bugprone-suspicious-include) */

#define OK_LINE "{\"pdf\":\"ok\",\"halaman\":3,\"ttd\":\"sah\"}"

enum { PATIENCE_MS = 20000 };

struct world {
    struct loop *loop;
    struct pdf_checker *pdf;
    struct folder folder;
    char program[256];
    char bundle[256];
    unsigned said; /* verdicts */
    struct pdf_verdict last;
    unsigned again; /* checks that the next verdicts start */
    unsigned most_running;
};

static int
setup(void **state)
{
    static struct world w;

    w = (struct world){.said = 0};
    folder_make(&w.folder);
    assert_int_equal(loop_new(&w.loop, NULL), RES_OK);
    snprintf(w.program, sizeof w.program, "%s", folder_in(&w.folder, "helper"));
    snprintf(w.bundle, sizeof w.bundle, "%s", folder_in(&w.folder, "ca.pem"));
    *state = &w;
    return 0;
}

static int
teardown(void **state)
{
    struct world *w = *state;

    pdf_free(w->pdf);
    loop_free(w->loop);
    folder_remove(&w->folder);
    /* whatever the test did, no child is left, dead or alive */
    return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

/* A checker whose helper is the shell script `body`. */
static void
start(struct world *w, const char *body, struct pdf_opts opts)
{
    char text[1024];

    pdf_free(w->pdf);
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", body);
    folder_write(&w->folder, "helper", str_of(text), 0700);
    opts.program = w->program;
    assert_int_equal(pdf_new(w->loop, &opts, &w->pdf, NULL), RES_OK);
}

static void
on_verdict(void *arg, const struct pdf_verdict *v)
{
    struct world *w = arg;

    w->said++;
    w->last = *v;
    if (w->pdf->n_running + 1 > w->most_running)
        w->most_running = w->pdf->n_running + 1;
    if (w->again) {
        w->again--;
        assert_int_equal(pdf_check_bytes(w->pdf, STR("lagi"), on_verdict, w, NULL), RES_OK);
    }
}

static void
check(struct world *w)
{
    unsigned before = w->said;

    assert_int_equal(pdf_check_bytes(w->pdf, STR("dokumen"), on_verdict, w, NULL), RES_OK);
    assert_int_equal(w->said, before);
}

static void
await(struct world *w, unsigned said)
{
    int64_t until = clk_mono_ms() + PATIENCE_MS;

    while (w->said < said) {
        assert_true(clk_mono_ms() < until);
        loop_turn(w->loop, 1000);
    }
    assert_int_equal(w->said, said);
}

static void
assert_failed(const struct world *w, const char *why)
{
    assert_int_equal(w->last.kind, PDF_HELPER_FAILED);
    assert_int_equal(w->last.sign, PDF_SIGN_NONE);
    assert_int_equal(w->last.pages, 0);
    assert_string_equal(w->last.why, why);
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

static void
test_answers(void **state)
{
    static const struct {
        const char *line; /* for printf of the shell */
        int kind, sign;   /* kind -1: none */
        int64_t pages;
    } cases[] = {
        {"{\"pdf\":\"ok\",\"halaman\":3,\"ttd\":\"sah\"}\\n", PDF_OK, PDF_SIGN_VALID, 3},
        {"{\"pdf\":\"ok\",\"halaman\":1,\"ttd\":\"tidak_ada\"}\\n", PDF_OK, PDF_SIGN_NONE, 1},
        {"{\"pdf\":\"ok\",\"halaman\":200,\"ttd\":\"tidak_sah\"}\\n", PDF_OK, PDF_SIGN_BROKEN, 200},
        {"{\"pdf\":\"ok\",\"halaman\":2,\"ttd\":\"ca_tidak_dikenal\"}\\n", PDF_OK, PDF_SIGN_UNKNOWN_CA, 2},
        {"{\"pdf\":\"bukan_pdf\",\"halaman\":0,\"ttd\":\"tidak_ada\"}\\n", PDF_NOT_PDF, PDF_SIGN_NONE, 0},
        {"{\"pdf\":\"rusak\",\"halaman\":0,\"ttd\":\"tidak_ada\"}\\n", PDF_DAMAGED, PDF_SIGN_NONE, 0},
        {"{\"pdf\":\"terenkripsi\",\"halaman\":0,\"ttd\":\"tidak_ada\"}\\n", PDF_ENCRYPTED, PDF_SIGN_NONE, 0},
        {"{\"pdf\":\"tanpa_halaman\",\"halaman\":0,\"ttd\":\"tidak_ada\"}\\n", PDF_NO_PAGE, PDF_SIGN_NONE, 0},
        {"", -1, 0, 0},
        {"\\n", -1, 0, 0},
        {"baik\\n", -1, 0, 0},
        {"{\"pdf\":\"ok\",\"halaman\":3,\"ttd\":\"sah\"}", -1, 0, 0},
        {"{\"pdf\":\"ok\",\"halaman\":3,\"ttd\":\"sah\"}\\n{}\\n", -1, 0, 0},
        {"{\"pdf\":\"ok\",\"halaman\":3}\\n", -1, 0, 0},
        {"{\"pdf\":\"ok\",\"halaman\":0,\"ttd\":\"sah\"}\\n", -1, 0, 0},
        {"{\"pdf\":\"ok\",\"halaman\":-3,\"ttd\":\"sah\"}\\n", -1, 0, 0},
        {"{\"pdf\":\"ok\",\"halaman\":\"3\",\"ttd\":\"sah\"}\\n", -1, 0, 0},
        {"{\"pdf\":\"OK\",\"halaman\":3,\"ttd\":\"sah\"}\\n", -1, 0, 0},
        {"{\"pdf\":\"rusak\",\"halaman\":0,\"ttd\":\"sah\"}\\n", -1, 0, 0},
        {"{\"pdf\":\"rusak\",\"halaman\":2,\"ttd\":\"tidak_ada\"}\\n", -1, 0, 0},
        {"[\"ok\",3,\"sah\"]}\\n", -1, 0, 0},
        {"\\000{\"pdf\":\"ok\",\"halaman\":3,\"ttd\":\"sah\"}\\n", -1, 0, 0},
        {"{\"pdf\":\"ok\",\"pdf\":\"ok\",\"halaman\":3,\"ttd\":\"sah\"}\\n", -1, 0, 0},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[256];

        snprintf(body, sizeof body, "printf '%s'", cases[i].line);
        start(w, body, (struct pdf_opts){0});
        check(w);
        await(w, (unsigned)i + 1);
        if (cases[i].kind < 0) {
            assert_failed(w, "its answer is none");
            continue;
        }
        assert_int_equal(w->last.kind, cases[i].kind);
        assert_int_equal(w->last.sign, cases[i].sign);
        assert_int_equal(w->last.pages, cases[i].pages);
        assert_string_equal(w->last.why, "");
    }
}

/* ---- helpers that fail -------------------------------------------------------------------------------------------- */

static void
fails(struct world *w, const char *body, int64_t limit_ms, const char *why)
{
    unsigned before = w->said;

    start(w, body, (struct pdf_opts){.limit_ms = limit_ms});
    check(w);
    await(w, before + 1);
    assert_failed(w, why);
    assert_int_equal(pdf_pending(w->pdf), 0);
}

static void
test_hang(void **state)
{
    fails(*state, "exec sleep 1000", 50, "it took too long");
}

static void
test_hang_after_answer(void **state)
{
    fails(*state, "echo '" OK_LINE "'; exec sleep 1000", 50, "it took too long");
}

/* Its own end of the pipe closed is no end. */
static void
test_hang_without_pipe(void **state)
{
    fails(*state, "trap '' TERM INT HUP; exec sleep 1000 >&-", 50, "it took too long");
}

static void
test_crash(void **state)
{
    fails(*state, "kill -SEGV $$", 0, "it was ended by a signal");
    fails(*state, "echo '" OK_LINE "'; kill -KILL $$", 0, "it was ended by a signal");
    fails(*state, "kill -SYS $$", 0, "it did what the sandbox forbids");
}

static void
test_status(void **state)
{
    fails(*state, "echo '" OK_LINE "'; exit 3", 0, "it gave up");
    start(*state, "exit 71", (struct pdf_opts){0});
    check(*state);
    await(*state, 2);
    assert_int_equal(((struct world *)*state)->last.kind, PDF_NOT_JUDGED);
}

static void
test_flood(void **state)
{
    fails(*state, "exec yes '" OK_LINE "'", 0, "it said too much");
    fails(*state, "head -c 300 /dev/zero", 0, "it said too much");
}

static void
test_not_a_program(void **state)
{
    struct world *w = *state;

    start(w, "", (struct pdf_opts){0});
    folder_write(&w->folder, "helper", STR("#!/nonexistent/shell\n"), 0700);
    check(w);
    check(w);
    await(w, 2);
    assert_int_equal(w->last.kind, PDF_NOT_JUDGED);
    assert_string_equal(w->last.why, "it could not be started");
}

/* After all of that the next document is judged as ever. */
static void
test_goes_on(void **state)
{
    struct world *w = *state;

    start(w, "read -r x; case $x in 1) exec sleep 1000;; 2) kill -SEGV $$;; *) echo '" OK_LINE "';; esac",
          (struct pdf_opts){.limit_ms = 2000, .most = 1});
    assert_int_equal(pdf_check_bytes(w->pdf, STR("1\n"), on_verdict, w, NULL), RES_OK);
    assert_int_equal(pdf_check_bytes(w->pdf, STR("2\n"), on_verdict, w, NULL), RES_OK);
    assert_int_equal(pdf_check_bytes(w->pdf, STR("3\n"), on_verdict, w, NULL), RES_OK);
    await(w, 1);
    assert_failed(w, "it took too long");
    await(w, 2);
    assert_failed(w, "it was ended by a signal");
    await(w, 3);
    assert_int_equal(w->last.kind, PDF_OK);
}

/* ---- what a helper gets ------------------------------------------------------------------------------------------- */

static void
test_sees_only_its_document(void **state)
{
    struct world *w = *state;

    assert_int_equal(setenv("PDF_TEST_SECRET", "x", 1), 0);
    assert_int_equal(dup2(STDIN_FILENO, 200), 200); /* inherited by whoever does not close it */
    start(w,
          "[ -z \"$PDF_TEST_SECRET\" ] && [ ! -e /proc/$$/fd/200 ] && [ ! -e /proc/$$/fd/3 ] && [ $# = 0 ] &&"
          "[ \"$(cat)\" = dokumen ] && [ \"$(readlink /proc/$$/fd/2)\" = /dev/null ] &&"
          "grep -q 'SigBlk:.0000000000000000' /proc/self/status && echo '" OK_LINE "'",
          (struct pdf_opts){0});
    check(w);
    await(w, 1);
    assert_int_equal(w->last.kind, PDF_OK);
    close(200);
}

static const char certificate[] = "-----BEGIN CERTIFICATE-----\n"
                                  "MIIBczCCARmgAwIBAgIUK/nuNrwRUx52LWP/ERpFXEpa+MwwCgYIKoZIzj0EAwIw\n"
                                  "DjEMMAoGA1UEAwwDVWppMCAXDTI2MTEyNTA5NTc1NloYDzIxMjYxMTAxMDk1NzU2\n"
                                  "WjAOMQwwCgYDVQQDDANVamkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARaIeJ+\n"
                                  "NDr5A2RdSr13Wi0gbOB3WBYuhHjj+ZxSrLZJACA31NgfWhuQcIzofipZaaZ5fbrM\n"
                                  "FI8qONtQ8DDM8B8oo1MwUTAdBgNVHQ4EFgQUpqWL2vYRhqwttfSh+S4oRKuAc+Qw\n"
                                  "HwYDVR0jBBgwFoAUpqWL2vYRhqwttfSh+S4oRKuAc+QwDwYDVR0TAQH/BAUwAwEB\n"
                                  "/zAKBggqhkjOPQQDAgNIADBFAiEA5ekK0Dw9kDGIlypLznEuTbZTY+YiFC2gvgUw\n"
                                  "mgympoYCIFLFi6d2LgSG2fdTGvKCzOdrBN8CYnIGwTEA4x+lz+ik\n"
                                  "-----END CERTIFICATE-----\n";

static void
test_bundle(void **state)
{
    struct world *w = *state;
    struct pdf_opts opts = {.program = w->program, .ca_file = w->bundle};
    struct err e = {0};

    folder_write(&w->folder, "ca.pem", str_of(certificate), 0600);
    start(w,
          "[ \"$*\" = --ca ] && [ \"$(head -n1 <&3)\" = '-----BEGIN CERTIFICATE-----' ] && echo '" OK_LINE
          "'",
          opts);
    check(w);
    await(w, 1);
    assert_int_equal(w->last.kind, PDF_OK);

    pdf_free(w->pdf);
    folder_write(&w->folder, "ca.pem", STR("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
                 0600);
    assert_int_equal(pdf_new(w->loop, &opts, &w->pdf, &e), RES_FATAL);
    assert_null(w->pdf);
    assert_non_null(strstr(e.text, "not one or more certificates in PEM"));
    folder_write(&w->folder, "ca.pem", STR(""), 0600);
    assert_int_equal(pdf_new(w->loop, &opts, &w->pdf, NULL), RES_FATAL);
    unlink(w->bundle);
    assert_int_equal(pdf_new(w->loop, &opts, &w->pdf, NULL), RES_FATAL);
}

static void
test_program_missing(void **state)
{
    struct world *w = *state;
    struct pdf_opts opts = {.program = "/nonexistent/bedelau-pdfcheck"};
    struct err e = {0};

    assert_int_equal(pdf_new(w->loop, &opts, &w->pdf, &e), RES_FATAL);
    assert_non_null(strstr(e.text, "a build without libqpdf has none"));
}

static void
test_memfd(void **state)
{
    struct world *w = *state;
    int fd = memfd_create("dokumen", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int plain = open(w->folder.path, O_RDONLY | O_DIRECTORY);
    int unsealable = memfd_create("dokumen", MFD_CLOEXEC);

    start(w, "[ \"$(cat)\" = isi ] && echo '" OK_LINE "'", (struct pdf_opts){0});
    assert_int_equal(write(fd, "isi", 3), 3);
    lseek(fd, 0, SEEK_SET); /* the script reads on; the real helper reads by position */
    assert_int_equal(pdf_check(w->pdf, fd, on_verdict, w, NULL), RES_OK);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    close(fd);
    await(w, 1);
    assert_int_equal(w->last.kind, PDF_OK);
    assert_int_equal(pdf_check(w->pdf, plain, on_verdict, w, NULL), RES_FATAL);
    assert_int_equal(pdf_check(w->pdf, unsealable, on_verdict, w, NULL), RES_FATAL);
    assert_int_equal(pdf_check(w->pdf, -1, on_verdict, w, NULL), RES_FATAL);
    close(plain);
    close(unsealable);
}

/* ---- many --------------------------------------------------------------------------------------------------------- */

static unsigned
open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void
test_queue(void **state)
{
    struct world *w = *state;
    unsigned before = 0;

    start(w, "exec sleep 1000", (struct pdf_opts){.limit_ms = 50, .most = 2, .waiting = 5});
    before = open_files();
    for (int i = 0; i < 5; i++)
        check(w);
    assert_int_equal(pdf_check_bytes(w->pdf, STR("x"), on_verdict, w, NULL), RES_RETRY);
    assert_int_equal(pdf_pending(w->pdf), 5);
    w->again = 3;
    await(w, 8);
    assert_int_equal(w->most_running, 2);
    assert_failed(w, "it took too long");
    assert_int_equal(pdf_pending(w->pdf), 0);
    loop_turn(w->loop, 0);
    assert_int_equal(w->said, 8);
    assert_int_equal(open_files(), before);
}

static void
test_free_with_work(void **state)
{
    struct world *w = *state;
    unsigned before = open_files();

    start(w, "exec sleep 1000", (struct pdf_opts){.most = 2});
    for (int i = 0; i < 5; i++)
        check(w);
    loop_turn(w->loop, 0);
    assert_int_equal(w->pdf->n_running, 2);
    pdf_free(w->pdf);
    w->pdf = NULL;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    loop_turn(w->loop, 0);
    assert_int_equal(w->said, 0);
    assert_int_equal(open_files(), before);
    pdf_free(NULL);
}

static void
test_program_path(void **state)
{
    char *path = pdf_program();

    (void)state;
    assert_non_null(path);
    assert_non_null(strstr(path, "/test/bedelau-pdfcheck"));
    assert_true(path[0] == '/');
    free(path);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_answers),
        T(test_hang),
        T(test_hang_after_answer),
        T(test_hang_without_pipe),
        T(test_crash),
        T(test_status),
        T(test_flood),
        T(test_not_a_program),
        T(test_goes_on),
        T(test_sees_only_its_document),
        T(test_bundle),
        T(test_program_missing),
        T(test_memfd),
        T(test_queue),
        T(test_free_with_work),
        T(test_program_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
