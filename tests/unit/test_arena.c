/* arena: what it gives is zeroed, aligned, apart, and stays where it is until the reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>

#include "common/base/arena.h"

static void
zeroed_aligned_apart(void **state)
{
    static const size_t size[] = {1, 3, 16, 0, 17, 4096, 65536, 65537, 300000, 1};
    struct arena a = {NULL};
    unsigned char *p[200];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 200; i++) {
            size_t n = size[i % 10];

            p[i] = arena_new(&a, n);
            assert_int_equal((uintptr_t)p[i] % alignof(max_align_t), 0);
            for (size_t k = 0; k < n; k++)
                assert_int_equal(p[i][k], 0);
            memset(p[i], (int)i + 1, n);
        }
        for (unsigned i = 0; i < 200; i++)
            for (size_t k = 0; k < size[i % 10]; k++)
                assert_int_equal(p[i][k], (unsigned char)(i + 1));
        arena_reset(&a);
    }
    arena_free(&a);
    assert_null(a.head);
    arena_reset(&a);
    arena_free(&a);
}

static void
strings(void **state)
{
    struct arena a = {NULL};
    char text[] = "a\0b";
    struct str s = arena_str(&a, (struct str){text, 3});

    (void)state;
    memset(text, 'x', 3);
    assert_true(str_eq(s, STR("a\0b")));
    assert_int_equal(s.p[3], '\0');
    assert_null(arena_str(&a, STR_NULL).p);
    s = arena_str(&a, STR("")); /* an empty text is not no text */
    assert_non_null(s.p);
    assert_int_equal(s.n, 0);
    arena_free(&a);
}

/* After a reset the same block serves again, once one is large enough: a worker's memory does not grow with its batches. */
static void
reuses_its_block(void **state)
{
    struct arena a = {NULL};
    void *first = NULL;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        void *p = arena_new(&a, 8);

        if (i == 10)
            first = p;
        if (i > 10)
            assert_ptr_equal(p, first);
        arena_new(&a, 60000);
        arena_new(&a, 200000);
        if (i % 2)
            arena_new(&a, 5 << 20); /* too large to be kept */
        arena_reset(&a);
    }
    arena_free(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_aligned_apart),
        cmocka_unit_test(strings),
        cmocka_unit_test(reuses_its_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
