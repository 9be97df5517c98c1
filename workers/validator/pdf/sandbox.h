/* sandbox: takes from this process whatever judging a document in memory does not need. */
#ifndef PDF_SANDBOX_H
#define PDF_SANDBOX_H

#include <stdbool.h>

enum {
    SANDBOX_MEMORY = 512 << 20, /* bytes of address space */
    SANDBOX_CPU_S = 10
};

/* Closes every descriptor from `first_fd` on, clears the environment, and sets what cannot be undone: no new
 * privileges, no core file, not traceable, SIGKILL when the parent dies, limits of memory, processor time (the kernel
 * kills at its end), files, file size and processes. False when the kernel refuses any of it: do not go on. */
bool sandbox_limits(unsigned first_fd);

/* From here on the process may read and seek in descriptors that are open, write to descriptor 1, get and give back
 * memory that is not executable, ask for the time and for random bytes, and exit. Any other system call is SIGSYS, which
 * cannot be caught here. Cannot be undone. Libraries that read files, start threads or ask for the time zone must
 * have done so. False when the kernel has no seccomp filters. */
bool sandbox_filter(void);

#endif
