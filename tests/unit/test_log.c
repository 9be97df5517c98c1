/* log: what is masked, what stays, and the shape of a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"

/* ---- redaction -------------------------------------------------------------------------------------------------- */

struct pair {
    const char *text;
    const char *want; /* NULL: unchanged */
};

static void
check_pairs(const struct pair *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct buf out = buf_make(4096);
        const char *want = row[i].want ? row[i].want : row[i].text;

        log_redact(&out, str_of(row[i].text));
        if (!str_is(buf_view(&out), want))
            fail_msg("%s\n   became %s\n   not    %s", row[i].text, out.n ? out.p : "", want);
        buf_free(&out);
    }
}
#define CHECK(row) check_pairs(row, sizeof(row) / sizeof *(row))

static void
personnel_numbers(void **state)
{
    static const struct pair row[] = {
        {"198402292010011001", "***001"},
        {"NIP 198402292010011001, diterima", "NIP ***001, diterima"},
        {"nip=198402292010011001.", "nip=***001."},
        {"NIP.198402292010011001", "NIP.***001"},
        {"NIP198402292010011001x", "NIP***001x"},
        {"_198402292010011001_", "_***001_"},
        {"a-198402292010011001-b", "a-***001-b"},
        {"/v1/pegawai/198402292010011001?x=1", "/v1/pegawai/***001?x=1"},
        {"{\"nip\":\"198402292010011001\"}", "{\"nip\":\"***001\"}"},
        {"{\\\"nip\\\":\\\"198402292010011001\\\"}", "{\\\"nip\\\":\\\"***001\\\"}"},
        {"a\\n198402292010011001", "a\\n***001"},
        {"19840229 201001 1 001", "***001"},
        {"NIP. 19840229 201001 1 001 (Budi)", "NIP. ***001 (Budi)"},
        {"NIP19840229 201001 1 001", "NIP***001"},
        {"19840229.201001.1.001", "***001"},
        {"19840229-201001-1-001", "***001"},
        {"19840229\xc2\xa0"
         "201001\xc2\xa0"
         "1\xc2\xa0"
         "001",
         "***001"},
        {"19840229 2010011001", "***001"},
        {"3 19840229 201001 1 001 7", "3 ***001 7"},
        {"198402292010011001 dan 199009132025242014", "***001 dan ***014"},
        {"2171012902840001", "***001"}, /* a citizen's number */
        {"2171 0129 0284 0001", "***001"},
        {"217101 290284 0001", "***001"},
        {"217101 690284 0001", "***001"}, /* a woman's: the day is 40 higher */
        {"1234567890123456789012", "***012"},
    };

    (void)state;
    CHECK(row);
}

static void
mail_addresses(void **state)
{
    static const struct pair row[] = {
        {"agus@batam.go.id", "a***@batam.go.id"},
        {"surel agus.salim+se@batam.go.id.", "surel a***@batam.go.id."},
        {"<agus@batam.go.id>", "<a***@batam.go.id>"},
        {"mailto:agus@batam.go.id", "mailto:a***@batam.go.id"},
        {"a@b.id,c@d.id;e@f.id", "a***@b.id,c***@d.id;e***@f.id"},
        {"{\"email_pj_teknis\":\"agus@batam.go.id\"}", "{\"email_pj_teknis\":\"a***@batam.go.id\"}"},
        {"surel=agus@batam.go.id", "surel=a***@batam.go.id"},
        {"?surel=agus%40batam.go.id&x=1", "?surel=a***%40batam.go.id&x=1"},
        {"198402292010011001@batam.go.id", "1***@batam.go.id"},
        {"\xc3\xa4gus@batam.go.id", "***@batam.go.id"},
        {"_agus@batam.go.id", "_***@batam.go.id"},
        {"agus@batam.go.id@x.id", "a***@x.id"},
        {"bukan @ surel", NULL},
        {"@batam.go.id", NULL},
        {"SELECT 1 @> 2.0", NULL},
    };

    (void)state;
    CHECK(row);
}

static void
telephones(void **state)
{
    static const struct pair row[] = {
        {"+6281234567834", "+62****34"},
        {"081234567834", "081****34"},
        {"6281234567834", "628****34"},
        {"telp 0812-3456-7834.", "telp 081****34."},
        {"0812 3456 7834", "081****34"},
        {"0812.3456.7834", "081****34"},
        {"+62 812 3456 7834", "+62****34"},
        {"+62-812-3456-7834, ext", "+62****34, ext"},
        {"(+62) 812 3456 7834", "(+62****34"},
        {"(0778) 461234", "(077****34"},
        {"0778461234", "077****34"},
        {"0778-461234", "077****34"},
        {"wa.me/6281234567834", "wa.me/628****34"},
        {"{\"telepon\":\"+6281234567834\"}", "{\"telepon\":\"+62****34\"}"},
        {"081234567834 13:05", "081****34 13:05"},
        {"+62", NULL},
        {"08-11-2026 12:30", NULL},
        {"0.0812345678", NULL},
        {"0811", NULL},
    };

    (void)state;
    CHECK(row);
}

static void
credentials(void **state)
{
    static const struct pair row[] = {
        {"Bearer abc.def-ghi", "Bearer ***"},
        {"bearer abc/def+ghi==", "bearer ***"},
        {"BEARER  abc", "BEARER  ***"},
        {"Basic YWJjOmRlZg==", "Basic ***"},
        {"tidak boleh tanpa atau basic untuk data", "tidak boleh tanpa atau basic untuk data"},
        {"Authorization: Bearer abc/def== x", "Authorization: *** x"},
        {"authorization: Basic YWJj", "authorization: ***"},
        {"Authorization: abcdef", "Authorization: ***"},
        {"Proxy-Authorization:Digest abc", "Proxy-Authorization:***"},
        {"{\"Authorization\":\"Bearer abc.def\",\"a\":1}", "{\"Authorization\":\"***\",\"a\":1}"},
        {"{\\\"Authorization\\\":\\\"Bearer abc\\\",\\\"a\\\":1}",
         "{\\\"Authorization\\\":\\\"***\\\",\\\"a\\\":1}"},
        {"'authorization': 'Bearer abc'", "'authorization': '***'"},
        {"-H \"Authorization: Bearer abc\" -d x", "-H \"Authorization: ***\" -d x"},
        {"host=/run password=a&b,c; user=bedelau", "host=/run password=*** user=bedelau"},
        {"sasl.password=rahasia", "sasl.password=***"},
        {"{\"password\":\"a b\\\"c\"}", "{\"password\":\"***\"}"},
        {"client_secret=xyz", "client_secret=***"},
        {"?token=xyz", "?token=***"},
        {"postgresql://bedelau:rahasia@db.batam.go.id/bedelau", "postgresql://***@db.batam.go.id/bedelau"},
        {"https://bedelau.example.go.id/v1?a=b@c", NULL},
        {"password authentication failed for user \"bedelau\"", NULL},
        {"authorization is needed", NULL},
        {"token:", NULL},
        {"Bearer", NULL},
        {"Bearer \"", NULL},
    };

    (void)state;
    CHECK(row);
}

static void
no_personal_data(void **state)
{
    static const struct pair row[] = {
        {"", NULL},
        {"offset 1234567890 of 620000000001", NULL},
        {"1764049924123", NULL},
        {"at 1764049924123 1764049924124", NULL},
        {"1764049901123 456", NULL},
        {"123e4567-e89b-42d3-a456-426614174000", NULL},
        {"12345678-1234-4234-8234-081234567890", NULL},
        {"4bf92f3577b34da6a3ce929d0e0e4736", NULL},
        {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL},
        {"urn:sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", NULL},
        {"sha256 1234567890123456789012345678901234567890123456789012345678901abc", NULL},
        {"BDL-2026-000123", NULL},
        {"BDL-2026-000123:1:1", NULL},
        {"2026-11-25T05:46:05.123456Z", NULL},
        {"2026-11-25 05:46:05.123+07", NULL},
        {"127.0.0.1:25500 10.12.101.200", NULL},
        {"librdkafka 2.0.2 (0x20002ff)", NULL},
        {"SQLSTATE 23514", NULL},
        {"kode_opd 1.02.01 halaman 3", NULL},
        {"id.go.batam.bedelau.request.submitted.v1", NULL},
        {"\xc3\xa9\xe2\x82\xac", NULL},
    };

    (void)state;
    CHECK(row);
}

/* A value of many megabytes costs no more than what fits. */
static void
a_full_buffer_ends_it(void **state)
{
    struct buf text = buf_make(4 << 20);
    struct buf out = buf_make(4096);

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        static const char *const part[] = {"a.", "a-", "1 ", "x://"};
        clock_t from = clock();

        buf_reset(&text);
        buf_reset(&out);
        while (text.n < 1 << 20)
            buf_z(&text, part[i]);
        log_redact(&out, buf_view(&text));
        assert_true(out.failed);
        assert_true(clock() - from < CLOCKS_PER_SEC);
    }
    buf_free(&out);
    buf_free(&text);
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

/* stderr goes into a file between these two. */
struct catch
{
    int kept;
    FILE *file;
    char text[20000];
};

static void
catch_begin(struct catch *c)
{
    c->file = tmpfile();
    assert_non_null(c->file);
    c->kept = dup(STDERR_FILENO);
    assert_true(dup2(fileno(c->file), STDERR_FILENO) >= 0);
}

static void
catch_end(struct catch *c)
{
    size_t n;

    dup2(c->kept, STDERR_FILENO);
    close(c->kept);
    rewind(c->file);
    n = fread(c->text, 1, sizeof c->text - 1, c->file);
    c->text[n] = '\0';
    fclose(c->file);
}

static void
logfmt_lines(void **state)
{
    static struct catch c;

    (void)state;
    log_setup("prog", LOG_LOGFMT, LOG_INFO);
    catch_begin(&c);
    errno = EAGAIN;
    log_info("two words", LOG_I("n", INT64_MIN), LOG_Z("z", "plain"), LOG_Z("empty", ""), LOG_Z("eq", "a=b"),
             LOG_S("q", STR("say \"x\"\n\ty\x7f\0z")), LOG_Z("nip", "198402292010011001"),
             LOG_Z("null", NULL));
    assert_int_equal(errno, EAGAIN);
    log_debug("not told");
    log_set_level(LOG_DEBUG);
    log_debug("told");
    log_set_level(LOG_ERROR);
    log_warn("not told");
    catch_end(&c);
    assert_non_null(
        strstr(c.text, " level=info prog=prog msg=\"two words\" n=-9223372036854775808 z=plain empty=\"\" "
                       "eq=\"a=b\" q=\"say \\\"x\\\"  y  z\" nip=***001 null=\"\"\n"));
    assert_true(str_starts(str_of(c.text), STR("time=2")));
    assert_null(strstr(c.text, "not told"));
    assert_non_null(strstr(c.text, "level=debug prog=prog msg=told\n"));
}

static json_t *
line_of(const struct catch *c)
{
    json_t *root = json_loads(c->text, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(strchr(c->text, '\n'));
    assert_int_equal(strchr(c->text, '\n') - c->text, strlen(c->text) - 1);
    assert_non_null(root);
    return root;
}

static void
json_lines(void **state)
{
    static struct catch c;
    json_t *root;

    (void)state;
    log_setup("prog", LOG_JSON, LOG_DEBUG);
    catch_begin(&c);
    log_error("it \"broke\"", LOG_I("n", 7), LOG_S("bytes", STR("\xff\xfe\xc3(\xe2\x82\xc3\xa9\0\x01\\\"")),
              LOG_Z("mail", "agus@batam.go.id"));
    catch_end(&c);
    root = line_of(&c);
    assert_string_equal(json_string_value(json_object_get(root, "level")), "error");
    assert_string_equal(json_string_value(json_object_get(root, "msg")), "it \"broke\"");
    assert_int_equal(json_integer_value(json_object_get(root, "n")), 7);
    assert_string_equal(json_string_value(json_object_get(root, "bytes")), "??"
                                                                           "?("
                                                                           "??"
                                                                           "\xc3\xa9  \\\"");
    assert_string_equal(json_string_value(json_object_get(root, "mail")), "a***@batam.go.id");
    json_decref(root);
}

/* A value that is too long is left out, a line that is too long loses its fields; both stay one line of their format. */
static void
long_lines(void **state)
{
    static struct catch c;
    char *z = malloc(5001);
    json_t *root;

    (void)state;
    memset(z, 'x', 5000);
    z[5000] = '\0';
    log_setup("prog", LOG_JSON, LOG_DEBUG);
    catch_begin(&c);
    log_info("long", LOG_Z("a", z));
    catch_end(&c);
    root = line_of(&c);
    assert_string_equal(json_string_value(json_object_get(root, "a")), "(too long)");
    json_decref(root);
    z[4000] = '\0';
    catch_begin(&c);
    log_info("longer", LOG_Z("a", z), LOG_Z("b", z), LOG_Z("c", z));
    catch_end(&c);
    root = line_of(&c);
    assert_true(json_is_true(json_object_get(root, "truncated")));
    assert_string_equal(json_string_value(json_object_get(root, "msg")), "longer");
    json_decref(root);
    log_setup("prog", LOG_LOGFMT, LOG_DEBUG);
    catch_begin(&c);
    log_info("longer", LOG_Z("a", z), LOG_Z("b", z), LOG_Z("c", z));
    catch_end(&c);
    assert_true(str_ends(str_of(c.text), STR(" prog=prog msg=longer truncated=true\n")));
    free(z);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(personnel_numbers), cmocka_unit_test(mail_addresses),
        cmocka_unit_test(telephones),        cmocka_unit_test(credentials),
        cmocka_unit_test(no_personal_data),  cmocka_unit_test(a_full_buffer_ends_it),
        cmocka_unit_test(logfmt_lines),      cmocka_unit_test(json_lines),
        cmocka_unit_test(long_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
