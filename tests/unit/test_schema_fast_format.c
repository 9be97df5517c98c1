/* schema_fast_format: what it says yes to has the format, by the full engine's word; and it says yes to the usual. */
#include "common/json/schema_fast_format.h"
#include "common/json/schema.h"
#include "common/json/schema_impl.h"
#include "tests/unit/dice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

static const struct {
    const char *format, *text;
    bool yes;
} table[] = {
    {"date", "2026-03-09", true},
    {"date", "2024-02-29", true},
    {"date", "2000-02-29", true},
    {"date", "1900-02-29", false},
    {"date", "2023-02-29", false},
    {"date", "2024-02-30", false},
    {"date", "2026-04-31", false},
    {"date", "2026-12-31", true},
    {"date", "0000-01-01", true},
    {"date", "0000-02-29", true},
    {"date", "2026-00-10", false},
    {"date", "2026-13-10", false},
    {"date", "2026-10-00", false},
    {"date", "2026-10-32", false},
    {"date", "2026-3-9", false},
    {"date", "2026/03/09", false},
    {"date", "2026-03-09 ", false},
    {"date", "20x6-03-09", false},
    {"date", "", false},
    {"date-time", "2026-03-09T10:11:12Z", true},
    {"date-time", "2026-03-09t10:11:12z", true},
    {"date-time", "2026-03-09T10:11:12.5+07:00", true},
    {"date-time", "2026-03-09T23:59:59.123456789-23:59", true},
    {"date-time", "2026-03-09T23:59:60Z", false},
    {"date-time", "2026-03-09T24:00:00Z", false},
    {"date-time", "2026-03-09T10:60:00Z", false},
    {"date-time", "2026-03-09T10:11:12", false},
    {"date-time", "2026-03-09T10:11:12.Z", false},
    {"date-time", "2026-03-09T10:11:12.5", false},
    {"date-time", "2026-03-09T10:11:12+24:00", false},
    {"date-time", "2026-03-09T10:11:12+07:60", false},
    {"date-time", "2026-03-09T10:11:12+0700", false},
    {"date-time", "2026-03-09T10:11:12Z ", false},
    {"date-time", "2026-02-29T10:11:12Z", false},
    {"date-time", "2026-03-09 10:11:12Z", false},
    {"uuid", "0190b1c2-d3e4-7f56-8901-23456789abcd", true},
    {"uuid", "0190B1C2-D3E4-7F56-8901-23456789ABCD", true},
    {"uuid", "0190b1c2-d3e4-7f56-8901-23456789abcg", false},
    {"uuid", "0190b1c2-d3e4-7f56-8901-23456789abc", false},
    {"uuid", "0190b1c2d-3e4-7f56-8901-23456789abcd", false},
    {"uuid", "0190b1c2-d3e4-7f56-8901023456789abcd", false},
    {"ipv4", "203.0.113.7", true},
    {"ipv4", "0.0.0.0", true},
    {"ipv4", "255.255.255.255", true},
    {"ipv4", "256.0.0.1", false},
    {"ipv4", "01.2.3.4", false},
    {"ipv4", "1.2.3", false},
    {"ipv4", "1.2.3.4.5", false},
    {"ipv4", "1.2.3.", false},
    {"ipv4", "1..2.3", false},
    {"ipv4", "1.2.3.4 ", false},
    {"ipv4", "1.2.3.0004", false},
    {"hostname", "example.org", true},
    {"hostname", "a", true},
    {"hostname", "1-2.EXAMPLE", true},
    {"hostname", L63 ".x", true},
    {"hostname", L63 "4.x", false},
    {"hostname", L63 "." L63 "." L63 "." L63, false},
    {"hostname", "-a.x", false},
    {"hostname", "a-.x", false},
    {"hostname", "a..x", false},
    {"hostname", ".x", false},
    {"hostname", "x.", false},
    {"hostname", "a_b", false},
    {"hostname", "xn--ls8h.example", false},
    {"hostname", "ab--c", false},
    {"hostname", "", false},
    {"email", "ayu.lestari@example.org", true},
    {"email", "a+b!#$%&'*/=?^_`{|}~-@x", true},
    {"email", L63 "4@x", true},
    {"email", L63 "45@x", false},
    {"email", ".a@x", false},
    {"email", "a.@x", false},
    {"email", "a..b@x", false},
    {"email", "@x", false},
    {"email", "a@", false},
    {"email", "a", false},
    {"email", "a@b@c", false},
    {"email", "\"a b\"@x", false},
    {"email", "a@[127.0.0.1]", false},
    {"email", "", false},
    {"uri", "https://example.org", true},
    {"uri", "https://example.org:8443/a/b?x=1&y=2#z", true},
    {"uri", "https://example.org?x", true},
    {"uri", "https://example.org:/", true},
    {"uri", "urn:sha256:0123", true},
    {"uri", "https://example.org/a%20b", true},
    {"uri", "file:/etc", true},
    {"uri", "x:", true},
    {"uri", "https://example.org/a%2", false},
    {"uri", "https://example.org/a%zz", false},
    {"uri", "https://example.org/#a#b", false},
    {"uri", "https://example.org/a b", false},
    {"uri", "https://example.org:8a/", false},
    {"uri", "https://u@example.org/", false},
    {"uri", "https://[::1]/", false},
    {"uri", "https://", false},
    {"uri", "//example.org", false},
    {"uri", "1a:b", false},
    {"uri", ":", false},
    {"uri", "", false},
};

static void
test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct str s = str_of(table[i].text);
        bool yes = schema_fast_format_find(table[i].format)(s) == FAST_YES;

        if (yes != table[i].yes)
            fail_msg("%s: %s: not %d", table[i].format, table[i].text, table[i].yes);
        if (yes && !schema_format_ok(table[i].format, s))
            fail_msg("%s: %s: the full engine says no", table[i].format, table[i].text);
    }
    assert_null(schema_fast_format_find("ipv6"));
}

/* ---- generated ----------------------------------------------------------------------------------------------------- */

/* A text of the table, with what bytes near the borders of the grammar do to it. */
static size_t
make_text(uint64_t *seed, const char *from, char *out)
{
    static const char odd[] =
        "0123456789012345689aAfFgGzZ--..::@@//??##%%+tTzZ \t\n_~!$&'()*,;=[]{}|\\^`\"<>\x7f\x80\xc3\xa9\xff";
    size_t n = strlen(from);

    memcpy(out, from, n + 1);
    for (unsigned k = dice_pick(seed, 4); k; k--) {
        unsigned at = dice_pick(seed, (unsigned)n + 1);
        unsigned what = dice_pick(seed, 8);
        char c = odd[dice_pick(seed, sizeof odd)]; /* NUL too */

        if (what < 5 && at < n) {
            out[at] = c;
        } else if (what == 5 && at < n) {
            memmove(out + at, out + at + 1, n - at - 1);
            n--;
        } else if (what == 6) {
            memmove(out + at + 1, out + at, n - at);
            out[at] = c;
            n++;
        } else if (what == 7) {
            n = at;
        }
    }
    return n;
}

static void
test_generated(void **state)
{
    static const char *const format[] = {"date", "uuid", "ipv4", "date-time", "hostname", "email", "uri"};
    enum { EXACT = 3 }; /* the first three say yes to all that have the format */
    uint64_t seed = 20260313;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (size_t f = 0; f < sizeof format / sizeof *format; f++) {
        schema_fast_format_fn fn = schema_fast_format_find(format[f]);
        unsigned yes = 0;
        unsigned full = 0;

        assert_non_null(fn);
        for (unsigned i = 0; i < 200000;) {
            unsigned k = dice_pick(&seed, sizeof table / sizeof *table);
            char text[512];
            char *copy;
            struct str s;
            bool got;

            if (dice_pick(&seed, 8) && strcmp(table[k].format, format[f]) != 0)
                continue;
            i++;
            s.n = make_text(&seed, table[k].text, text);
            copy = malloc(s.n + !s.n); /* of its own, for the sanitiser to see the end */
            assert_non_null(copy);
            memcpy(copy, text, s.n);
            s.p = copy;
            got = fn(s) == FAST_YES;
            full += schema_format_ok(format[f], s);
            yes += got;
            if (got && !schema_format_ok(format[f], s))
                fail_msg("%s: %.*s: the full engine says no", format[f], STR_FMT(s));
            free(copy);
        }
        print_message("%-10s %u yes of the %u that have the format\n", format[f], yes, full);
        assert_in_range(yes, full * 6 / 10, full);
        if (f < EXACT)
            assert_int_equal(yes, full);
        assert_in_range(full, 5000, 195000);
    }
}

/* Every day of 800 years and the days that are none. */
static void
test_every_date(void **state)
{
    char z[16];

    (void)state;
    for (int y = 1600; y < 2400; y++)
        for (int m = 0; m <= 13; m++)
            for (int d = 0; d <= 32; d++) {
                struct str s = {z, (size_t)snprintf(z, sizeof z, "%04d-%02d-%02d", y, m, d)};

                if ((schema_fast_format_date(s) == FAST_YES) != schema_format_ok("date", s))
                    fail_msg("%s", z);
            }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_generated),
        cmocka_unit_test(test_every_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
