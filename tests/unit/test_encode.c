/* encode: JSON bodies as form bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workers/integrator/encode.c"

static void
bodies(void **state)
{
    static const struct {
        const char *json, *want;
    } row[] = {
        {"{\"a\":1.50,\"b\":\"x y&z=\\u00e9\"}", "a=1.50&b=x+y%26z%3D%C3%A9"},
        {"{\"s\":{\"nama\":\"N\",\"d\":{\"e\":true}}}", "s%5Bnama%5D=N&s%5Bd%5D%5Be%5D=true"},
        {"{\"l\":[\"web\",\"api\"],\"z\":null}", "l%5B%5D=web&l%5B%5D=api&z="},
        {"{\"l\":[],\"o\":{},\"k\\u0061\":\"\\\"\"}", "ka=%22"},
        {"{\"l\":[{\"a\":1},{\"a\":2}]}", "l%5B%5D%5Ba%5D=1&l%5B%5D%5Ba%5D=2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct buf out = buf_make(1000);

        encode_form(str_of(row[i].json), &out);
        if (!str_is(buf_view(&out), row[i].want))
            fail_msg("row %zu: %.*s", i, STR_FMT(out));
        buf_free(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bodies)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
