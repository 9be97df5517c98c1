/* Every allocation fails in turn, first the 1st, then the 2nd...: each run ends in success or in a clean error, and
 * nothing is left behind. The C library's malloc is replaced in this program, so jansson and PCRE2 are in it too. */
#include "common/json/schema.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__)
#define HAVE_SEAM 1
#endif

static long left = -1; /* allocations until one fails; below 0: none does */
static bool all_later; /* the later ones fail too */
static long live;      /* allocations not yet freed */

#ifdef HAVE_SEAM
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void __libc_free(void *p);

static bool
refuse(void)
{
    if (left < 0 || left-- > 0)
        return false;
    left = all_later ? 0 : -1;
    errno = ENOMEM;
    return true;
}

void *
malloc(size_t n)
{
    void *p = refuse() ? NULL : __libc_malloc(n);

    live += p != NULL;
    return p;
}

void *
calloc(size_t n, size_t size)
{
    void *p = refuse() ? NULL : __libc_calloc(n, size);

    live += p != NULL;
    return p;
}

void *
realloc(void *p, size_t n)
{
    void *q = refuse() ? NULL : __libc_realloc(p, n);

    live += q && !p;
    return q;
}

void
free(void *p)
{
    live -= p != NULL;
    __libc_free(p);
}
#endif

static const char schema_text[] =
    "{\"$id\":\"https://example.org/"
    "s\",\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{\"$ref\":"
    "\"#/$defs/x\"},\"b\":{\"enum\":[1,\"z\",{\"q\":[]}]},\"t\":{\"$dynamicRef\":\"#n\"},\"f\":{\"format\":"
    "\"idn-hostname\"}},\"patternProperties\":{\"^k[0-9]+$\":{\"uniqueItems\":true}},\"propertyNames\":{"
    "\"maxLength\":3},"
    "\"dependentRequired\":{\"b\":[\"a\"]},\"anyOf\":[{\"minProperties\":1},{\"maxProperties\":0}],\"if\":{"
    "\"required\":"
    "[\"b\"]},\"then\":{\"properties\":{\"b\":{\"not\":{\"type\":\"null\"}}}},\"unevaluatedProperties\":{"
    "\"type\":"
    "\"boolean\"},\"$defs\":{\"x\":{\"$anchor\":\"x\",\"pattern\":\"^[a-z]{2,4}$\",\"multipleOf\":0.5},\"n\":"
    "{"
    "\"$dynamicAnchor\":\"n\",\"prefixItems\":[{\"const\":1}],\"contains\":{\"minimum\":1}}}}";
static const char good_text[] =
    "{\"a\":\"abc\",\"b\":\"z\",\"t\":[1],\"k12\":[1,2,3,4,5,6,7,8,9,10],\"zz\":true,\"f\":"
    "\"b\\u00fccher.example\"}";
static const char bad_text[] = "{\"b\":5,\"t\":[0],\"k1\":[1,1],\"long\":1}";

static bool
count(const struct schema_finding *f, void *arg)
{
    unsigned *n = arg;

    if (strcmp(f->keyword, "limit") != 0)
        ++*n;
    return true;
}

/* Compiles and checks with the n-th allocation failing; false when everything went through. */
static bool
run_with_failure(const json_t *doc, const json_t *good, const json_t *bad, long n)
{
    struct schema_opts opts = {.format_assert = true};
    struct schema_set *set;
    struct schema *s = NULL;
    struct err e = {0};
    unsigned found = 0;
    enum res rc = RES_RETRY;
    bool failed;

    left = n;
    set = schema_set_new();
    if (set)
        rc = schema_set_add(set, "https://example.org/s", doc, &e);
    if (rc == RES_OK)
        rc = schema_compile(set, "https://example.org/s", &opts, &s, &e);
    assert_true(rc == RES_OK ? s != NULL : s == NULL && rc == RES_RETRY);
    failed = rc != RES_OK;
    if (s) {
        bool valid = schema_check(s, good, count, &found);

        assert_int_equal(found, 0);
        failed = !valid;
        assert_false(schema_check(s, bad, count, &found));
        failed = failed || found != 8;
    }
    left = -1;
    schema_free(s);
    schema_set_free(set);
    return failed;
}

static void
fail_in_turn(bool all)
{
    json_t *doc = json_loads(schema_text, 0, NULL);
    json_t *good = json_loads(good_text, 0, NULL);
    json_t *bad = json_loads(bad_text, 0, NULL);
    long n = 0;
    long before;
    unsigned failures = 0;

    all_later = all;
#ifndef HAVE_SEAM
    json_decref(doc);
    json_decref(good);
    json_decref(bad);
    skip();
#endif
    assert_true(doc && good && bad);
    assert_false(run_with_failure(doc, good, bad, -1));
    before = live;
    for (; n < 1000; n++) { /* PCRE2 does without JIT where it must, so some failures are not to be seen */
        failures += run_with_failure(doc, good, bad, n);
        assert_int_equal(live, before);
    }
    assert_in_range(failures, 100, 999);
    assert_false(run_with_failure(doc, good, bad, n));
    json_decref(doc);
    json_decref(good);
    json_decref(bad);
}

static void
test_one_allocation_fails(void **state)
{
    (void)state;
    fail_in_turn(false);
}

static void
test_all_allocations_fail_from_one_on(void **state)
{
    (void)state;
    fail_in_turn(true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_allocation_fails),
        cmocka_unit_test(test_all_allocations_fail_from_one_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
