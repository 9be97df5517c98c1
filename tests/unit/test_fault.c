/* Places at which a process kills itself: only where it was asked to, and only the right time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/str.h"

enum { ROUNDS = 5 };

/* Passes two places in turn, and says by its exit code how far it came. */
static int
walk(const char *spec)
{
    struct err e = {0};

    if (spec && fault_arm(spec, &e) != RES_OK)
        return 70;
    for (int i = 0; i < ROUNDS; i++) {
        FAULT("test.first");
        FAULT("test.second");
    }
    return ROUNDS;
}

/* How a process that walks ends. */
static int
end_of(const char *spec)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        close(STDERR_FILENO);
        _exit(walk(spec));
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static bool
lived(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == ROUNDS;
}

static bool
was_killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void
test_only_where_asked(void **state)
{
    (void)state;
    assert_true(lived(end_of(NULL)));
    assert_true(was_killed(end_of("test.first")));
    assert_true(was_killed(end_of("test.second")));
    assert_true(was_killed(end_of("test.first:1")));
    assert_true(was_killed(end_of("test.second:5")));
    assert_true(lived(end_of("test.second:6")));
}

static void
test_what_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "test",
                                      "test.firs",
                                      "test.first:",
                                      "test.first:0",
                                      "test.first:x",
                                      "test.first:-1",
                                      "test.first:1 ",
                                      ":1"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err e = {0};

        if (fault_arm(bad[i], &e) != RES_FATAL || !e.text[0])
            fail_msg("\"%s\" was taken", bad[i]);
    }
    assert_true(lived(end_of(NULL))); /* and nothing was armed by it */
}

static void
test_list(void **state)
{
    struct buf out = buf_make(4096);
    struct str all;

    (void)state;
    fault_list(&out);
    all = buf_view(&out);
    assert_non_null(memmem(all.p, all.n, "test.first\n", 11));
    assert_non_null(memmem(all.p, all.n, "test.second\n", 12));
    buf_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_where_asked),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_list),
    };

    log_setup("test", LOG_LOGFMT, LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
