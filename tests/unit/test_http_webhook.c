#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/webhook.h"

enum { NOW = 1614265330 };

static const struct str secret = {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 38};

/* The example that the standard publishes. */
static struct webhook
example(void)
{
    return (struct webhook){.id = STR("msg_p5jXN8AQM9LWM0D4loKWxJek"),
                            .timestamp = STR("1614265330"),
                            .signature = STR("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
                            .body = STR("{\"test\": 2432232314}")};
}

static void
published_example_signs(void **state)
{
    struct webhook w = example();
    struct buf out = buf_make(128);
    struct err e = {0};

    (void)state;
    assert_int_equal(webhook_sign(&w, secret, &out, &e), RES_OK);
    assert_true(str_eq(buf_view(&out), w.signature));
    buf_free(&out);
}

static void
published_example_verifies(void **state)
{
    struct webhook w = example();
    struct err e = {0};

    (void)state;
    assert_int_equal(webhook_verify(&w, &secret, 1, NOW, WEBHOOK_TOLERANCE_S, &e), RES_OK);
}

static void
several_keys_and_signatures(void **state)
{
    struct webhook w = example();
    struct str keys[] = {STR("old raw secret"), secret};
    struct err e = {0};
    struct buf list = buf_make(512);

    (void)state;
    buf_z(&list, "v1a,ZWQyNTUxOQ== v1,AAAA ");
    assert_int_equal(webhook_sign(&w, keys[0], &list, &e), RES_OK);
    w.signature = buf_view(&list);
    assert_int_equal(webhook_verify(&w, keys, 2, NOW, 300, &e), RES_OK);
    assert_int_equal(webhook_verify(&w, &keys[1], 1, NOW, 300, &e), RES_REJECT);
    buf_free(&list);
}

static void
anything_changed_is_refused(void **state)
{
    struct webhook w[4] = {example(), example(), example(), example()};

    (void)state;
    w[0].id = STR("msg_p5jXN8AQM9LWM0D4loKWxJel");
    w[1].timestamp = STR("1614265331");
    w[2].body = STR("{\"test\": 2432232315}");
    w[3].signature = STR("v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    for (int i = 0; i < 4; i++) {
        struct err e = {0};

        assert_int_equal(webhook_verify(&w[i], &secret, 1, NOW, 300, &e), RES_REJECT);
        assert_non_null(strstr(e.text, "fits"));
    }
}

static void
time_window(void **state)
{
    static const struct {
        int64_t now;
        enum res want;
    } row[] = {{NOW + 300, RES_OK}, {NOW + 301, RES_REJECT}, {NOW - 300, RES_OK}, {NOW - 301, RES_REJECT}};
    static const char *const bad[] = {"x", "-1", "1614265330.5", "99999999999999999999"};
    struct webhook w = example();

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_int_equal(webhook_verify(&w, &secret, 1, row[i].now, 300, NULL), row[i].want);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        w.timestamp = str_of(bad[i]);
        assert_int_equal(webhook_verify(&w, &secret, 1, NOW, 300, NULL), RES_REJECT);
    }
}

static void
missing_parts_and_bad_secrets(void **state)
{
    struct webhook w = example();
    struct str bad[] = {STR("whsec_"), STR("whsec_***"), STR("")};
    struct str none = w.id;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(webhook_verify(&w, &bad[i], 1, NOW, 300, NULL), RES_FATAL);
        assert_int_equal(webhook_check(bad[i], NULL), RES_FATAL);
    }
    assert_int_equal(webhook_check(secret, NULL), RES_OK);
    assert_int_equal(webhook_verify(&w, NULL, 0, NOW, 300, NULL), RES_REJECT);
    w.id = STR_NULL;
    assert_int_equal(webhook_verify(&w, &secret, 1, NOW, 300, NULL), RES_REJECT);
    w.id = none;
    w.signature = STR_NULL;
    assert_int_equal(webhook_verify(&w, &secret, 1, NOW, 300, NULL), RES_REJECT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_example_signs),
        cmocka_unit_test(published_example_verifies),
        cmocka_unit_test(several_keys_and_signatures),
        cmocka_unit_test(anything_changed_is_refused),
        cmocka_unit_test(time_window),
        cmocka_unit_test(missing_parts_and_bad_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
