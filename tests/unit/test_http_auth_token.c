/* The bytes of credentials: forms, the answer to a token request, and both where memory runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/err.h"
#include "common/http/auth.h"
#include "common/http/auth_token.h"
#include "common/http/webform.h"
#include "tests/unit/alloc.h"

static void
forms(void **state)
{
    static const struct webform_pair pair[] = {{STR("a b"), STR("*-._~/")}, {STR("\xc3\xa9"), STR("")}};
    struct buf b = buf_make(100);

    (void)state;
    webform_write(&b, pair, 2);
    assert_string_equal(b.p, "a+b=*-._%7E%2F&%C3%A9=");
    buf_free(&b);
}

/* Is never taken for a refusal of our credentials. */
static bool
read_once(void)
{
    static const struct client_answer a = {
        .code = 200, .body = STR("{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"expires_in\":7}")};
    struct buf line = buf_make(100);
    struct err e = {0};
    int64_t life_s = 0;
    enum res res = auth_token_read(&a, &line, &life_s, &e);

    if (res && res != RES_RETRY)
        fail_msg("%s: %s", res_name(res), e.text);
    buf_free(&line);
    return res == RES_OK && life_s == 7;
}

static bool
change_once(void)
{
    static const struct auth_opts o = {.kind = AUTH_BASIC, .id = "u", .secret = "one"};
    struct auth *a;
    bool ok = auth_new(NULL, &o, &a, NULL) == RES_OK;

    if (ok) {
        ok = auth_secrets(a, "Aladdin", "open sesame", NULL) == RES_OK;
        assert_string_equal(auth_header(a), ok ? "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
                                               : "Authorization: Basic dTpvbmU=");
        auth_free(a);
    }
    return ok;
}

static void
out_of_memory(void **state)
{
    (void)state;
    if (!ALLOC_SEAM)
        skip();
    read_once();
    alloc_loop(read_once);
    change_once();
    alloc_loop(change_once);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
