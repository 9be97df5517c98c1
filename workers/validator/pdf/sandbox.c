#include "workers/validator/pdf/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#else
/* cppcheck-suppress preprocessorErrorDirective */
#error "the system call filter knows x86-64 and aarch64; build with WITHOUT_QPDF=1"
#endif

static const struct {
    int what;
    rlim_t most;
} limits[] = {
    {RLIMIT_AS, SANDBOX_MEMORY}, {RLIMIT_CPU, SANDBOX_CPU_S}, {RLIMIT_CORE, 0},
    {RLIMIT_FSIZE, 0},           {RLIMIT_NPROC, 0},           {RLIMIT_NOFILE, 0},
};

bool
sandbox_limits(unsigned first_fd)
{
    bool ok = close_range(first_fd, ~0U, 0) == 0 && clearenv() == 0;

    ok = ok && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0 &&
         prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    for (size_t i = 0; ok && i < sizeof limits / sizeof *limits; i++) {
        struct rlimit r = {limits[i].most, limits[i].most};

        ok = setrlimit((__rlimit_resource_t)limits[i].what, &r) == 0;
    }
    return ok;
}

/* ---- the filter: classic BPF over struct seccomp_data ------------------------------------------------------------- */

#define ARG(n)     offsetof(struct seccomp_data, args[n]) /* the low half: both are little-endian */
#define LOAD(off)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(off))
#define RET(what)  BPF_STMT(BPF_RET | BPF_K, what)
#define ALLOW(nr)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(nr), 0, 1), RET(SECCOMP_RET_ALLOW)
#define UNLESS(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(nr), 0, 4)

/* Readable and writable at most: no PROT_EXEC, nor any bit that a kernel may add. */
#define ALLOW_NOEXEC(nr)                                                                                     \
    UNLESS(nr), LOAD(ARG(2)),                                                                                \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t) ~(PROT_READ | PROT_WRITE), 0, 1),                    \
        RET(SECCOMP_RET_KILL_PROCESS), RET(SECCOMP_RET_ALLOW)

#define ALLOW_FIRST(nr, value)                                                                               \
    UNLESS(nr), LOAD(ARG(0)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 1, 0),                  \
        RET(SECCOMP_RET_KILL_PROCESS), RET(SECCOMP_RET_ALLOW)

bool
sandbox_filter(void)
{
    /* A number of the x32 table is none of these, so it is killed like the rest. */
    static const struct sock_filter code[] = {
        LOAD(offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
        RET(SECCOMP_RET_KILL_PROCESS),
        LOAD(offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_brk),
        ALLOW(SYS_munmap),
        ALLOW(SYS_mremap),
        ALLOW(SYS_madvise),
        ALLOW(SYS_read),
        ALLOW(SYS_pread64),
        ALLOW(SYS_lseek),
        ALLOW(SYS_fstat),
        ALLOW(SYS_futex),
        ALLOW(SYS_clock_gettime),
        ALLOW(SYS_getrandom),
        ALLOW(SYS_rt_sigreturn),
        ALLOW(SYS_exit_group),
        ALLOW(SYS_exit),
        ALLOW_NOEXEC(SYS_mmap),
        ALLOW_NOEXEC(SYS_mprotect),
        ALLOW_FIRST(SYS_write, STDOUT_FILENO),
        RET(SECCOMP_RET_KILL_PROCESS),
    };
    /* the kernel only reads it */
    struct sock_fprog prog = {sizeof code / sizeof *code, (struct sock_filter *)(uintptr_t)code};

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}
