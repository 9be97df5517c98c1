/* pdf/sandbox: what a process can no longer do. Each case is a child of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "workers/validator/pdf/sandbox.c" /* NOLINT(bugprone-suspicious-include) */

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITISED 1 /* its shadow is larger than the limit, and its reports are system calls */
#else
#define SANITISED 0
#endif

struct act {
    const char *name;
    int (*fn)(void); /* the child's exit status */
};

/* How a child ends that is in the sandbox and does `fn`. Its descriptor 1 is a pipe. */
static int
status_of(int (*fn)(void))
{
    int ends[2];
    int status = 0;
    pid_t pid = 0;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        if (!sandbox_limits(3) || !sandbox_filter())
            _exit(99);
        _exit(fn());
    }
    close(ends[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(ends[0]);
    return status;
}

/* ---- forbidden ---------------------------------------------------------------------------------------------------- */

static int
do_open(void)
{
    return open("/dev/null", O_RDONLY);
}

static int
do_open_old(void)
{
#ifdef SYS_open
    return (int)syscall(SYS_open, "/dev/null", O_RDONLY);
#else
    return do_open();
#endif
}

static int
do_stat(void)
{
    struct stat st;

    return stat("/etc", &st);
}

static int
do_unlink(void)
{
    return unlink("/nonexistent");
}

static int
do_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static int
do_send(void)
{
    return (int)send(STDIN_FILENO, "", 1, 0);
}

static int
do_exec(void)
{
    return execve("/bin/true", (char *[]){NULL}, (char *[]){NULL});
}

static int
do_fork(void)
{
    return fork() ? 1 : 0;
}

static int
do_kill(void)
{
    return kill(getpid(), 0);
}

static int
do_kill_parent(void)
{
    return (int)syscall(SYS_kill, 1, 0);
}

static int
do_ptrace(void)
{
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int
do_write_error(void)
{
    return (int)write(STDERR_FILENO, "", 0);
}

static int
do_write_input(void)
{
    return (int)write(STDIN_FILENO, "", 0);
}

static int
do_writev(void)
{
    return (int)writev(STDOUT_FILENO, &(struct iovec){(char[]){"x"}, 1}, 1);
}

static int
do_dup(void)
{
    return dup(STDOUT_FILENO);
}

static int
do_prctl(void)
{
    return prctl(PR_SET_DUMPABLE, 1);
}

static int
do_setrlimit(void)
{
    return setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static int
do_map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int
do_make_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int
do_memfd(void)
{
    return memfd_create("x", 0);
}

static int
do_uring(void)
{
    return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int
do_read_other(void)
{
    return (int)syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static int
do_sleep(void)
{
    return nanosleep(&(struct timespec){0, 1}, NULL);
}

#ifdef __x86_64__
static int
do_x32(void)
{
    return (int)syscall(0x40000000 | SYS_lseek, STDIN_FILENO, 0, SEEK_CUR);
}

static int
do_i386(void)
{
    int nr = 20; /* getpid of the 32-bit table; writev of ours */

    __asm__ volatile("int $0x80" : "+a"(nr) : : "memory");
    return nr;
}
#endif

static void
test_forbidden(void **state)
{
    static const struct act acts[] = {
        {"open", do_open},
        {"old open", do_open_old},
        {"stat", do_stat},
        {"unlink", do_unlink},
        {"socket", do_socket},
        {"send", do_send},
        {"execve", do_exec},
        {"fork", do_fork},
        {"kill", do_kill},
        {"kill another", do_kill_parent},
        {"ptrace", do_ptrace},
        {"write to 2", do_write_error},
        {"write to 0", do_write_input},
        {"writev", do_writev},
        {"dup", do_dup},
        {"prctl", do_prctl},
        {"setrlimit", do_setrlimit},
        {"map code", do_map_code},
        {"make code", do_make_code},
        {"memfd", do_memfd},
        {"io_uring", do_uring},
        {"read another's memory", do_read_other},
        {"sleep", do_sleep},
#ifdef __x86_64__
        {"x32 table", do_x32},
        {"32-bit table", do_i386},
#endif
    };

    (void)state;
    if (SANITISED)
        skip();
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        int status = status_of(acts[i].fn);

        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("%s: status %#x", acts[i].name, (unsigned)status);
    }
}

/* ---- limited ------------------------------------------------------------------------------------------------------ */

static int
do_too_much(void)
{
    volatile char *p = malloc((size_t)600 << 20);

    return p ? 1 : 0;
}

static int
do_too_much_piecewise(void)
{
    int got = 0;

    for (; got < 600; got++) {
        volatile char *p = malloc((size_t)1 << 20);

        if (!p)
            break;
        p[0] = 1;
    }
    return got < 512 && got > 300 ? 0 : 1;
}

static void
test_limited(void **state)
{
    (void)state;
    if (SANITISED)
        skip();
    assert_int_equal(status_of(do_too_much), 0);
    assert_int_equal(status_of(do_too_much_piecewise), 0);
}

/* What sandbox_limits alone leaves, as far as it can be asked. */
static int
left_open(void)
{
    static const int zero[] = {RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_NPROC, RLIMIT_NOFILE};
    struct rlimit r;

    for (size_t i = 0; i < 4; i++)
        if (getrlimit((__rlimit_resource_t)zero[i], &r) || r.rlim_cur || r.rlim_max)
            return 10 + (int)i;
    if (getrlimit(RLIMIT_AS, &r) || r.rlim_max != (rlim_t)512 << 20)
        return 20;
    if (getrlimit(RLIMIT_CPU, &r) || r.rlim_cur != 10 || r.rlim_max != 10)
        return 21;
    if (prctl(PR_GET_DUMPABLE) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 22;
    if (getenv("PDF_SECRET") || fcntl(200, F_GETFD) != -1 || fcntl(2, F_GETFD) == -1)
        return 23;
    return 0;
}

static void
test_limits_are_set(void **state)
{
    int status = 0;
    pid_t pid = 0;

    (void)state;
    if (SANITISED)
        skip();
    assert_int_equal(setenv("PDF_SECRET", "x", 1), 0);
    assert_int_equal(dup2(STDIN_FILENO, 200), 200);
    pid = fork();
    if (pid == 0)
        _exit(sandbox_limits(3) ? left_open() : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(200);
}

/* ---- allowed ------------------------------------------------------------------------------------------------------ */

static int
do_work(void)
{
    char *p = malloc(1000);
    unsigned char random[16];
    struct timespec now;

    /* small from the heap, large from the kernel, moved by it, given back */
    for (size_t n = 1000; p && n < (size_t)100 << 20; n *= 2) {
        p = realloc(p, n);
        if (p)
            memset(p, 1, n);
    }
    if (!p || getrandom(random, sizeof random, 0) != sizeof random ||
        syscall(SYS_clock_gettime, CLOCK_REALTIME, &now))
        return 1;
    free(p);
    return write(STDOUT_FILENO, "ok", 2) == 2 ? 7 : 1;
}

static void
test_allowed(void **state)
{
    int status = 0;

    (void)state;
    if (SANITISED)
        skip();
    status = status_of(do_work);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forbidden),
        cmocka_unit_test(test_limited),
        cmocka_unit_test(test_limits_are_set),
        cmocka_unit_test(test_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
