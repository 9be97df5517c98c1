/* stepped_clock: loaded into a program (LD_PRELOAD), moves its wall clock by as many nanoseconds as the file STEPPED_CLOCK
 * says, from one call to the next. The monotonic clock goes on as it was. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static const volatile int64_t *step_ns;

__attribute__((constructor)) static void
open_file(void)
{
    const char *path = getenv("STEPPED_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        abort();
    step_ns = mmap(NULL, sizeof *step_ns, PROT_READ, MAP_SHARED, fd, 0);
    if (step_ns == MAP_FAILED)
        abort();
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
    static int (*real)(clockid_t, struct timespec *);
    int64_t ns;
    int rc;

    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    rc = real(id, ts);
    if (rc != 0 || id != CLOCK_REALTIME || !step_ns)
        return rc;
    ns = (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec + *step_ns;
    ts->tv_sec = ns / 1000000000;
    ts->tv_nsec = ns % 1000000000;
    return 0;
}
