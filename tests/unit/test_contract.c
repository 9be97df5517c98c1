/* contract: the file that is in the tree and others, good and bad, and what answers mean by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "workers/integrator/contract.c"
#include "workers/integrator/contract_load.c"

#define TREE "schemas/integrasi.kontrak.json"

/* The tree's file with a JSON text in place of what stands at `name` (and `sub` below it, unless NULL); NULL = left out. */
static char *
changed(const char *name, const char *sub, const char *text)
{
    json_t *root = json_load_file(TREE, 0, NULL);
    json_t *in = sub ? json_object_get(root, name) : root;
    json_t *v = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    char *z;

    assert_non_null(in);
    assert_true(!text || v);
    if (v)
        json_object_set_new(in, sub ? sub : name, v);
    else
        json_object_del(in, sub ? sub : name);
    z = json_dumps(root, 0);
    json_decref(root);
    return z;
}

static enum res
load(const char *text, struct contract **k, struct err *e)
{
    char file[] = "/tmp/test_contract.XXXXXX";
    int fd = mkstemp(file);
    enum res res;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    err_clear(e);
    res = contract_load(file, k, e);
    unlink(file);
    return res;
}

static struct contract *
must_load(const char *text)
{
    struct contract *k;
    struct err e = {0};

    if (load(text, &k, &e) != RES_OK)
        fail_msg("%s", e.text);
    return k;
}

static struct contract *
tree(void)
{
    struct contract *k;
    struct err e = {0};

    if (contract_load(TREE, &k, &e) != RES_OK)
        fail_msg("%s", e.text);
    return k;
}

static const struct map_ctx ctx[] = {{"id", STR("INT 1/2")},
                                     {"nomor", STR("A-1")},
                                     {"kunci", STR("A-1:1:2")},
                                     {"jejak", STR_NULL},
                                     {"batas", STR("2026-01-01T00:00:00Z")},
                                     {NULL, STR_NULL}};

static void
calls_of_the_tree(void **state)
{
    static const struct {
        const char *method, *url;
    } want[CALLS] = {{"POST", "/api/v1/integrasi"},
                     {"PUT", "/api/v1/integrasi/INT%201%2F2"},
                     {"DELETE", "/api/v1/integrasi/INT%201%2F2"},
                     {"GET", "/api/v1/integrasi?nomor_permohonan=A-1"},
                     {"GET", "/api/v1/integrasi/INT%201%2F2"},
                     {"DELETE", "/api/v1/integrasi/INT%201%2F2"}};
    struct contract *k = tree();

    (void)state;
    for (unsigned i = 0; i < CALLS; i++) {
        struct buf url = buf_make(1000);

        assert_true(contract_has(k, i));
        contract_url(k, i, ctx, &url);
        assert_string_equal(url.p, want[i].url);
        assert_string_equal(contract_method(k, i), want[i].method);
        assert_int_equal(contract_body(k, i), i == CALL_BARU || i == CALL_PERUBAHAN);
        assert_false(contract_form(k, i));
        buf_free(&url);
    }
    contract_free(k);
    contract_free(NULL);
}

static void
add_line(void *arg, const char *name, struct str value)
{
    buf_printf(arg, "%s: %.*s\n", name, STR_FMT(value));
}

/* A header whose placeholder has no value is left out; those of sending go with sending alone. */
static void
headers(void **state)
{
    char *text = changed("header", NULL, "{\"X-App\":\"bedelau {nomor}\"}");
    struct contract *k = must_load(text);
    struct buf out = buf_make(1000);

    (void)state;
    contract_headers(k, CALL_PENCABUTAN, ctx, add_line, &out);
    assert_string_equal(
        out.p, "X-App: bedelau A-1\nIdempotency-Key: A-1:1:2\nX-Request-Deadline: 2026-01-01T00:00:00Z\n");
    buf_reset(&out);
    contract_headers(k, CALL_BATAL, ctx, add_line, &out);
    assert_string_equal(out.p, "X-App: bedelau A-1\n");
    buf_free(&out);
    contract_free(k);
    free(text);
}

static void
answers_by_the_tree(void **state)
{
    static const struct {
        enum panggilan call;
        int code;
        const char *body;
        enum arti arti;
        const char *id, *status, *alasan, *kesalahan;
    } row[] = {
        {CALL_BARU, 201, "{\"id_integrasi\":\"I1\",\"status\":\"aktif\"}", ARTI_BERHASIL, "I1", "aktif", "",
         ""},
        {CALL_BARU, 202, "{\"id_integrasi\":17,\"status\":\"diproses\"}", ARTI_TERDAFTAR, "17", "diproses",
         "", ""},
        {CALL_BARU, 201, "{\"id_integrasi\":\"..\"}", ARTI_BERHASIL, "", "", "", ""},
        {CALL_BARU, 201, "{\"id_integrasi\":\"I\\u000a\"}", ARTI_BERHASIL, "", "", "", ""},
        {CALL_BARU, 201, "{\"id_integrasi\":\"I\",\"status\":\"lain\"}", ARTI_BERHASIL, "I", "diproses", "",
         ""},
        {CALL_BARU, 201, "<html>", ARTI_BERHASIL, "", "", "", ""},
        {CALL_BARU, 200, "", ARTI_BERHASIL, "", "", "", ""},
        {CALL_BARU, 422,
         "{\"kesalahan\":[{\"field\":\"a.b\",\"pesan\":\"Salah "
         "\\\"x\\\"\"},{\"pesan\":\"Lain\"},3,\"teks\"]}",
         ARTI_DITOLAK, "", "", "",
         "[{\"field\":\"a.b\",\"pesan\":\"Salah \\\"x\\\"\"},{\"pesan\":\"Lain\"},{\"pesan\":\"teks\"}]"},
        {CALL_PERUBAHAN, 400, "{\"alasan\":\"begitu\"}", ARTI_DITOLAK, "", "", "begitu", ""},
        {CALL_BARU, 401, "", ARTI_KREDENSIAL, "", "", "", ""},
        {CALL_PANTAU, 403, "", ARTI_KREDENSIAL, "", "", "", ""},
        {CALL_PANTAU, 404, "", ARTI_TIDAK_ADA, "", "", "", ""},
        {CALL_BARU, 409, "", ARTI_BENTROK, "", "", "", ""},
        {CALL_BARU, 408, "", ARTI_ULANG, "", "", "", ""},
        {CALL_BARU, 425, "", ARTI_ULANG, "", "", "", ""},
        {CALL_BARU, 429, "", ARTI_ULANG, "", "", "", ""},
        {CALL_BARU, 302, "", ARTI_ULANG, "", "", "", ""},
        {CALL_BARU, 503, "", ARTI_ULANG, "", "", "", ""},
        {CALL_BARU, 999, "", ARTI_ULANG, "", "", "", ""},
        {CALL_PENCABUTAN, 204, "", ARTI_BERHASIL, "", "dinonaktifkan", "", ""},
        {CALL_PENCABUTAN, 202, "", ARTI_TERDAFTAR, "", "diproses", "", ""},
        {CALL_PANTAU, 200, "{\"id_integrasi\":\"I\",\"status\":\"gagal\",\"alasan\":\"x\",\"urutan\":4}",
         ARTI_BERHASIL, "I", "gagal", "x", ""},
    };
    struct contract *k = tree();
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct said s;

        contract_read(k, row[i].call, row[i].code, str_of(row[i].body), &a, &s);
        if (s.arti != row[i].arti || !str_is(s.id, row[i].id) || !str_is(s.status, row[i].status) ||
            !str_is(s.alasan, row[i].alasan) || !str_is(s.kesalahan, row[i].kesalahan))
            fail_msg("row %zu: %d id %.*s status %.*s alasan %.*s kesalahan %.*s", i, s.arti, STR_FMT(s.id),
                     STR_FMT(s.status), STR_FMT(s.alasan), STR_FMT(s.kesalahan));
        assert_int_equal(s.urutan, strstr(row[i].body, "urutan") ? 4 : 0);
        assert_int_equal(s.strange, strstr(row[i].body, "lain\"}") != NULL);
    }
    arena_free(&a);
    contract_free(k);
}

static void
envelopes(void **state)
{
    static const struct {
        int code;
        const char *body;
        enum arti arti;
        const char *id;
    } row[] = {
        {200, "{\"ok\":\"ya\",\"data\":{\"id\":\"I1\"}}", ARTI_BERHASIL, "I1"},
        {202, "{\"ok\":\"y\\u0061\",\"data\":{\"id\":\"I1\"}}", ARTI_TERDAFTAR, "I1"},
        {200, "{\"ok\":\"tidak\",\"e\":{\"c\":\"BURUK\"}}", ARTI_DITOLAK, ""},
        {200, "{\"ok\":false,\"e\":{\"c\":7}}", ARTI_KREDENSIAL, ""},
        {200, "{\"ok\":\"tidak\",\"e\":{\"c\":\"?\"}}", ARTI_BENTROK, ""},
        {200, "{\"ok\":\"tidak\"}", ARTI_BENTROK, ""},
        {200, "{\"data\":{\"id\":\"I1\"}}", ARTI_TIDAK_JELAS, "I1"},
        {200, "<html>", ARTI_TIDAK_JELAS, ""},
        {404, "{\"ok\":\"ya\"}", ARTI_TIDAK_ADA, ""},
    };
    char *text =
        changed("amplop", NULL,
                "{\"lokasi\":\"/ok\",\"nilai\":\"ya\",\"kode\":\"/e/c\",\"arti\":{\"BURUK\":\"ditolak\","
                "\"7\":\"kredensial\",\"*\":\"bentrok\"}}");
    struct contract *k = must_load(text);
    struct arena a = {0};

    (void)state;
    k->jawaban.isi = "/data";
    k->jawaban.id = "/id";
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct said s;

        contract_read(k, CALL_BARU, row[i].code, str_of(row[i].body), &a, &s);
        if (s.arti != row[i].arti || !str_is(s.id, row[i].id))
            fail_msg("row %zu: %d id %.*s", i, s.arti, STR_FMT(s.id));
    }
    k->amplop.narti = 0; /* nothing said of failures: they pass */
    contract_free(k);
    free(text);
    arena_free(&a);
}

static void
lists(void **state)
{
    static const char list[] =
        "[{\"id_integrasi\":\"I3\",\"nomor_permohonan\":\"A-1\",\"revisi\":1,\"putaran\":3},"
        "{\"id_integrasi\":\"I2\",\"nomor_permohonan\":\"A-1\",\"revisi\":1,\"putaran\":2,"
        "\"status\":\"aktif\"},{\"nomor_permohonan\":\"A-1\",\"revisi\":2,\"putaran\":1}]";
    static const struct {
        const char *body, *key, *id;
    } row[] = {{list, "A-1:1:2", "I2"}, {list, "A-1:1:3", "I3"},  {list, "A-1:1:1", NULL},
               {list, "A-1:2:1", NULL}, {list, "A-1:1:22", NULL}, {list, "A:1:2", NULL},
               {"[]", "A-1:1:2", NULL}, {"{}", "A-1:1:2", NULL},  {"", "A-1:1:2", NULL},
               {"[", "A-1:1:2", NULL}};
    struct contract *k = tree();
    struct arena a = {0};
    struct said s;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        bool found = contract_find(k, str_of(row[i].body), str_of(row[i].key), &a, &s);

        if (found != (row[i].id != NULL) || (found && !str_is(s.id, row[i].id)))
            fail_msg("row %zu", i);
    }
    k->daftar.revisi = k->daftar.putaran = NULL; /* an endpoint that knows numbers only: its newest */
    assert_true(contract_find(k, str_of(list), STR("A-1:7:7"), &a, &s));
    assert_true(str_is(s.id, "I3"));
    arena_free(&a);
    contract_free(k);
}

static void
callbacks(void **state)
{
    char *text = changed("status", NULL, "{\"ACTIVE\":\"aktif\"}");
    struct contract *k = must_load(text);
    struct arena a = {0};
    struct said s;

    (void)state;
    contract_callback(k, STR("{\"id_integrasi\":\"I\",\"status\":\"ACTIVE\",\"urutan\":3,\"alasan\":\"x\"}"),
                      &a, &s);
    assert_true(str_is(s.id, "I") && str_is(s.status, "aktif") && str_is(s.alasan, "x") && s.urutan == 3);
    arena_free(&a);
    contract_free(k);
    free(text);
}

static void
refuses(void **state)
{
    static const struct {
        const char *name, *sub, *text, *place;
    } row[] = {
        {"versi", NULL, "2", ": /versi: "},
        {"lain", NULL, "1", ": /lain: "},
        {"panggilan", NULL, NULL, ": /panggilan: "},
        {"panggilan", "baru", NULL, ": /panggilan/baru: "},
        {"panggilan", "pantau", NULL, ": /panggilan/pantau: "},
        {"panggilan", "lain", "{}", ": /panggilan/lain: "},
        {"panggilan", "baru", "{\"metode\":\"POST\",\"url\":\"/a\",\"badan\":\"xml\"}",
         ": /panggilan/baru/badan: "},
        {"panggilan", "baru", "{\"metode\":\"POST\",\"url\":\"/a\"}", ": /panggilan/baru/badan: "},
        {"panggilan", "batal", "{\"metode\":\"POST\",\"url\":\"/{id}\",\"badan\":\"json\"}",
         ": /panggilan/batal/badan: "},
        {"panggilan", "baru", "{\"metode\":\"HEAD\",\"url\":\"/a\",\"badan\":\"json\"}",
         ": /panggilan/baru/metode: "},
        {"panggilan", "baru", "{\"metode\":\"POST\",\"url\":\"a\",\"badan\":\"json\"}",
         ": /panggilan/baru/url: "},
        {"panggilan", "baru", "{\"metode\":\"POST\",\"url\":\"/{x}\",\"badan\":\"json\"}",
         ": /panggilan/baru/url: "},
        {"panggilan", "baru", "{\"metode\":\"POST\",\"url\":\"/{id\",\"badan\":\"json\"}",
         ": /panggilan/baru/url: "},
        {"panggilan", "baru", "{\"metode\":\"POST\",\"url\":\"/a\\r\\nb\",\"badan\":\"json\"}",
         ": /panggilan/baru/url: "},
        {"panggilan", "batal", "{\"metode\":\"DELETE\",\"url\":\"/a\"}", ": /panggilan/batal/url: "},
        {"panggilan", "tanya", "{\"metode\":\"GET\",\"url\":\"/a\"}", ": /panggilan/tanya/url: "},
        {"panggilan", "pantau", "{\"metode\":\"GET\",\"url\":\"/{id}\",\"kode\":{\"20\":\"berhasil\"}}",
         ": /panggilan/pantau/kode/20: "},
        {"kode", "200", "\"entah\"", ": /kode/200: "},
        {"kode", "6xx", "\"ulang\"", ": /kode/6xx: "},
        {"kode", "2x1", "\"ulang\"", ": /kode/2x1: "},
        {"kode", NULL, "[]", ": /kode: "},
        {"header", NULL, "{\"A B\":\"x\"}", ": /header/A B: "},
        {"header", NULL, "{\"authorization\":\"x\"}", ": /header/authorization: "},
        {"header", NULL, "{\"X\":\"a\\r\\nB: c\"}", ": /header/X: "},
        {"header_kirim", NULL, "{\"X\":\"{waktu}\"}", ": /header_kirim/X: "},
        {"amplop", NULL, "{\"nilai\":true}", ": /amplop: "},
        {"amplop", NULL, "{\"lokasi\":\"/a\"}", ": /amplop/nilai: "},
        {"amplop", NULL, "{\"lokasi\":\"/a\",\"nilai\":[]}", ": /amplop/nilai: "},
        {"amplop", NULL, "{\"lokasi\":\"/a\",\"nilai\":1,\"arti\":{\"x\":\"y\"}}", ": /amplop/arti/x: "},
        {"jawaban", NULL, NULL, ": /jawaban: "},
        {"jawaban", "id_integrasi", NULL, ": /jawaban: "},
        {"jawaban", "status", "\"status\"", ": /jawaban/status: "},
        {"jawaban", "status", "3", ": /jawaban/status: "},
        {"daftar", "nomor", NULL, ": /daftar: "},
        {"daftar", "revisi", "\"/a~2\"", ": /daftar/revisi: "},
        {"galat", "lain", "\"/a\"", ": /galat/lain: "},
        {"status", NULL, NULL, ": /status: "},
        {"status", "aktif", "\"hidup\"", ": /status/aktif: "},
    };
    struct contract *k;
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char *text = changed(row[i].name, row[i].sub, row[i].text);

        if (load(text, &k, &e) != RES_FATAL || !strstr(e.text, row[i].place))
            fail_msg("row %zu (%s): %s", i, row[i].place, e.text);
        assert_null(k);
        free(text);
    }
    assert_int_equal(load("{", &k, &e), RES_FATAL);
    assert_non_null(strstr(e.text, "line 1"));
    err_clear(&e);
    assert_int_equal(contract_load("/nonexistent/k.json", &k, &e), RES_FATAL);
    assert_non_null(strstr(e.text, "/nonexistent/k.json"));
}

/* Without `tanya` there is no list either. */
static void
an_endpoint_that_cannot_be_asked(void **state)
{
    char *text = changed("panggilan", "tanya", NULL);
    struct contract *k = must_load(text);

    (void)state;
    assert_false(contract_has(k, CALL_TANYA));
    contract_free(k);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_the_tree),
        cmocka_unit_test(headers),
        cmocka_unit_test(answers_by_the_tree),
        cmocka_unit_test(envelopes),
        cmocka_unit_test(lists),
        cmocka_unit_test(callbacks),
        cmocka_unit_test(refuses),
        cmocka_unit_test(an_endpoint_that_cannot_be_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
