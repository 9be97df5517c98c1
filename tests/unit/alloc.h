/* alloc: lets the n-th allocation of a test program fail. Include once per program; the C library's malloc is replaced,
 * so libraries are in it too. Under a sanitiser, which has its own malloc, ALLOC_SEAM is 0 and such tests are skipped. */
#ifndef TESTS_UNIT_ALLOC_H
#define TESTS_UNIT_ALLOC_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__)
#define ALLOC_SEAM 1
#else
#define ALLOC_SEAM 0
#endif

static long alloc_left = -1; /* allocations until one fails; below 0: none does */
static bool alloc_met;       /* one failed */
static bool alloc_all_later; /* the later ones fail too */
static long alloc_live;      /* allocations not yet freed */

#if ALLOC_SEAM
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool
alloc_refuse(void)
{
    if (alloc_left < 0 || alloc_left-- > 0)
        return false;
    alloc_left = alloc_all_later ? 0 : -1;
    alloc_met = true;
    errno = ENOMEM;
    return true;
}

void *
malloc(size_t n)
{
    void *p = alloc_refuse() ? NULL : __libc_malloc(n);

    alloc_live += p != NULL;
    return p;
}

void *
calloc(size_t n, size_t size)
{
    void *p = alloc_refuse() ? NULL : __libc_calloc(n, size);

    alloc_live += p != NULL;
    return p;
}

void *
realloc(void *p, size_t n)
{
    void *q = alloc_refuse() ? NULL : __libc_realloc(p, n);

    alloc_live += q && !p;
    return q;
}

void
free(void *p)
{
    alloc_live -= p != NULL;
    __libc_free(p);
}
#endif

/* Calls `run` with the 1st allocation failing, then the 2nd, .. until one run meets no failure, and all of it again with
 * every later one failing too. `run` says whether it succeeded, and frees what it made. */
static void
alloc_loop(bool (*run)(void))
{
    for (int all = 0; all < 2; all++)
        for (long n = 0;; n++) {
            long live = alloc_live;
            bool ok;

            assert_true(n < 100000);
            alloc_all_later = all;
            alloc_met = false;
            alloc_left = n;
            ok = run();
            alloc_left = -1;
            if (alloc_live != live)
                fail_msg("allocation %ld failed: %ld left behind", n, alloc_live - live);
            if (!alloc_met) {
                assert_true(ok);
                break;
            }
        }
}

#endif
