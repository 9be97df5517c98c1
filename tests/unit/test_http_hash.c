#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/hash.h"

static void
expect_hex(const unsigned char *got, const char *want)
{
    char hex[2 * HASH_SIZE + 1];

    hash_hex(got, HASH_SIZE, hex);
    assert_string_equal(hex, want);
}

static void
sha256_vectors(void **state)
{
    unsigned char out[HASH_SIZE];
    struct hash *h;
    struct err e = {0};

    (void)state;
    hash_sha256(STR_NULL, out);
    expect_hex(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_sha256(STR("abc"), out);
    expect_hex(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(hash_new(&h, &e), RES_OK);
    for (int i = 0; i < 2; i++) {
        hash_add(h, STR("a"));
        hash_add(h, STR_NULL);
        hash_add(h, STR("bc"));
        hash_end(h, out);
        expect_hex(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    hash_free(h);
}

/* RFC 4231, cases 2 and 6 */
static void
hmac_vectors(void **state)
{
    unsigned char out[HASH_SIZE];
    char key[131];
    struct err e = {0};

    (void)state;
    assert_int_equal(hash_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out, &e), RES_OK);
    expect_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    assert_int_equal(hash_hmac_sha256((struct str){key, sizeof key},
                                      STR("Test Using Larger Than Block-Size Key - Hash Key First"), out, &e),
                     RES_OK);
    expect_hex(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void
hex_both_ways(void **state)
{
    unsigned char raw[3];

    (void)state;
    assert_true(hash_unhex(STR("00fFa1"), raw, 3));
    assert_memory_equal(raw, "\x00\xff\xa1", 3);
    assert_false(hash_unhex(STR("00ffa"), raw, 3));
    assert_false(hash_unhex(STR("00ffa12"), raw, 3));
    assert_false(hash_unhex(STR("00ffag"), raw, 3));
    assert_false(hash_unhex(STR("00ffa1"), raw, 2));
}

static void
base64_both_ways(void **state)
{
    static const char *const pair[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"\xff\xfe", "//4="},
                                          {"foobar", "Zm9vYmFy"},
                                          {"\xfb\xef", "++8="}};

    (void)state;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        struct buf b = buf_make(64);

        hash_base64(&b, str_of(pair[i][0]));
        assert_string_equal(b.p, pair[i][1]);
        buf_reset(&b);
        assert_true(hash_unbase64(&b, str_of(pair[i][1])));
        assert_string_equal(b.p, pair[i][0]);
        buf_free(&b);
    }
}

static void
base64_refuses_junk(void **state)
{
    static const char *const bad[] = {"Z", "Zg=", "Zm9v=", "Zm 9v", "Zm9v\n", "-_8=", "====", "Z===", "Zm=v"};
    struct buf b = buf_make(64);
    struct buf small = buf_make(2);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_reset(&b);
        assert_false(hash_unbase64(&b, str_of(bad[i])));
    }
    buf_reset(&b);
    assert_true(hash_unbase64(&b, STR("Zm8")));
    assert_string_equal(b.p, "fo");
    assert_false(hash_unbase64(&small, STR("Zm9v")));
    buf_free(&b);
    buf_free(&small);
}

static void
compare_and_random(void **state)
{
    unsigned char a[32] = {0};
    unsigned char b[32] = {0};

    (void)state;
    assert_true(hash_same(a, b, 32));
    hash_random(a, 32);
    assert_false(hash_same(a, b, 32));
    hash_random(b, 32);
    assert_false(hash_same(a, b, 32));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors),      cmocka_unit_test(hmac_vectors),
        cmocka_unit_test(hex_both_ways),       cmocka_unit_test(base64_both_ways),
        cmocka_unit_test(base64_refuses_junk), cmocka_unit_test(compare_and_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
