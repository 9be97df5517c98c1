/* scan: the grammar by the files of tests/cases/json, the readers by tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/json/scan.h"

#define CASES "tests/cases/json/"

/* Exactly the file's bytes in memory of their own, so that a read past the end is seen by a sanitiser. */
static struct str
slurp(const char *dir, const char *file)
{
    char path[400];
    char *z = malloc(1 << 16);
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, CASES "%s/%s", dir, file);
    f = fopen(path, "r");
    if (!f)
        fail_msg("cannot open %s", path);
    n = fread(z, 1, 1 << 16, f);
    fclose(f);
    assert_true(n < 1 << 16);
    return (struct str){realloc(z, n ? n : 1), n};
}

static bool
is_case(const struct dirent *d)
{
    return str_ends(str_of(d->d_name), STR(".json"));
}

/* ---- the grammar ------------------------------------------------------------------------------------------------ */

static void
good_files(void **state)
{
    DIR *dir = opendir(CASES "good");
    unsigned n = 0;

    (void)state;
    assert_non_null(dir);
    for (struct dirent *d; (d = readdir(dir));) {
        struct err e = {0};
        struct str text;

        if (!is_case(d))
            continue;
        text = slurp("good", d->d_name);
        if (scan_document(text, &e) != RES_OK)
            fail_msg("%s: %s", d->d_name, e.text);
        free((char *)text.p);
        n++;
    }
    closedir(dir);
    assert_true(n >= 27);
}

struct reason {
    char file[64];
    char byte[8]; /* "-": anywhere */
    char why[64];
    bool met;
};

static size_t
read_reasons(struct reason *row, size_t max)
{
    FILE *f = fopen(CASES "bad/REASONS", "r");
    size_t n = 0;

    assert_non_null(f);
    while (n < max && fscanf(f, "%63[^\t]\t%7[^\t]\t%63[^\n]\n", row[n].file, row[n].byte, row[n].why) == 3)
        row[n++].met = false;
    assert_true(feof(f));
    fclose(f);
    return n;
}

static void
refused(struct reason *row)
{
    struct str text = slurp("bad", row->file);
    struct err e = {0};
    char want[160];

    if (scan_document(text, &e) != RES_REJECT)
        fail_msg("%s is taken", row->file);
    if (row->byte[0] == '-')
        snprintf(want, sizeof want, ": %s", row->why);
    else if (text.n == 0)
        snprintf(want, sizeof want, "not JSON: %s", row->why);
    else
        snprintf(want, sizeof want, "not JSON: byte %s: %s", row->byte, row->why);
    if (!str_starts(str_of(e.text), STR("not JSON: ")) || !str_ends(str_of(e.text), str_of(want)))
        fail_msg("%s: \"%s\" is not \"%s\"", row->file, e.text, want);
    row->met = true;
    free((char *)text.p);
}

/* Each file has a reason and each reason a file. */
static void
bad_files(void **state)
{
    static struct reason row[200];
    size_t n = read_reasons(row, 200);
    DIR *dir = opendir(CASES "bad");

    (void)state;
    assert_non_null(dir);
    assert_true(n >= 100 && n < 200);
    for (struct dirent *d; (d = readdir(dir));) {
        size_t i = 0;

        if (!is_case(d))
            continue;
        while (i < n && strcmp(row[i].file, d->d_name) != 0)
            i++;
        if (i == n)
            fail_msg("bad/%s has no line in REASONS", d->d_name);
        refused(&row[i]);
    }
    closedir(dir);
    for (size_t i = 0; i < n; i++)
        if (!row[i].met)
            fail_msg("REASONS names %s, which is not there", row[i].file);
}

/* Whatever is cut off a document of objects and arrays, it is none any more. */
static void
every_prefix_is_refused(void **state)
{
    static const char text[] =
        "{\"a\":[1,-2.5e+3,\"\\u00e9\\ud83d\\ude00\xc3\xa9\"],\"b\":{\"c\":null,\"d\":true}}";

    (void)state;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *cut = malloc(n ? n : 1);
        struct err e = {0};

        memcpy(cut, text, n);
        assert_int_equal(scan_document((struct str){cut, n}, &e), RES_REJECT);
        free(cut);
    }
    assert_int_equal(scan_document(str_of(text), NULL), RES_OK);
}

static void
add_members(struct buf *b, unsigned n, const char *head)
{
    for (unsigned i = 0; i < n; i++)
        buf_printf(b, "%s\"%s%u\":{\"x\":[]}", i ? "," : "", head, i);
}

/* 60,000 names took an hour when each was compared with each; the limit leaves room for a sanitiser. */
static void
large_objects_are_quick(void **state)
{
    static const char *const head[] = {"n", "\\u006e"};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct buf b = buf_make(8 << 20);
        clock_t from = clock();

        buf_char(&b, '{');
        add_members(&b, 60000, head[i]);
        buf_char(&b, '}');
        assert_false(b.failed);
        assert_int_equal(scan_document(buf_view(&b), NULL), RES_OK);
        b.n--;
        buf_z(&b, ",\"n59999\":0}");
        assert_int_equal(scan_document(buf_view(&b), NULL), RES_REJECT);
        assert_true(clock() - from < 5 * CLOCKS_PER_SEC);
        buf_free(&b);
    }
}

/* The reason tells where, never what. */
static void
reasons_do_not_quote(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(scan_document(STR("{\"nip\":\"198402292010011001\",\"nip\":1}"), &e), RES_REJECT);
    assert_null(strstr(e.text, "1984"));
    assert_null(strstr(e.text, "nip"));
}

/* ---- the readers ------------------------------------------------------------------------------------------------ */

static void
kinds(void **state)
{
    static const struct {
        const char *text;
        enum scan_kind want;
    } row[] = {{"", SCAN_NONE},       {"  ", SCAN_NONE},   {" {}", SCAN_OBJECT},    {"\n[1]", SCAN_ARRAY},
               {"\"\"", SCAN_STRING}, {"true", SCAN_TRUE}, {"\tfalse", SCAN_FALSE}, {"null", SCAN_NULL},
               {"-1", SCAN_NUMBER},   {"0", SCAN_NUMBER}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_int_equal(scan_kind(str_of(row[i].text)), row[i].want);
    assert_int_equal(scan_kind(STR_NULL), SCAN_NONE);
}

static void
picks(void **state)
{
    static const char *const names[] = {"a", "missing", "\xc3\xa9", "n"};
    struct str text =
        STR(" { \"b\" : {\"a\":9} , \"\\u0061\" :\t[1, \"]}\", {}] ,\"\\u00E9\":\"x\\\"y\",\"n\":null}");
    struct str out[4];

    (void)state;
    assert_int_equal(scan_document(text, NULL), RES_OK);
    assert_true(scan_pick(text, names, out, 4));
    assert_true(str_is(out[0], "[1, \"]}\", {}]"));
    assert_null(out[1].p);
    assert_true(str_is(out[2], "\"x\\\"y\""));
    assert_true(str_is(out[3], "null"));
    assert_true(str_is(scan_get(text, "b"), "{\"a\":9}"));
    assert_null(scan_get(text, "A").p);
    assert_false(scan_pick(STR("[1]"), names, out, 4));
    assert_null(out[0].p);
    assert_false(scan_pick(STR_NULL, names, out, 4));
}

/* More names and more members than the tables on the stack hold. */
static void
many_names(void **state)
{
    enum { N = 300 };
    static char name[N][12];
    const char *names[N];
    struct str out[N];
    struct buf text = buf_make(1 << 16);

    (void)state;
    buf_char(&text, '{');
    for (unsigned i = 0; i < N; i++) {
        snprintf(name[i], sizeof name[i], "nama_%u", i);
        names[i] = name[i];
        buf_printf(&text, "%s\"%s\":%u", i ? "," : "", name[i], i);
    }
    buf_char(&text, '}');
    assert_int_equal(scan_document(buf_view(&text), NULL), RES_OK);
    assert_true(scan_pick(buf_view(&text), names, out, N));
    for (unsigned i = 0; i < N; i++) {
        int64_t v;

        assert_true(scan_int(out[i], &v) && v == i);
    }
    for (unsigned i = 1; i < N; i += 37) { /* the same name again, near and far */
        struct buf twice = buf_make(1 << 16);

        buf_printf(&twice, "%.*s,\"%s\":0}", (int)text.n - 1, text.p, name[i]);
        assert_int_equal(scan_document(buf_view(&twice), NULL), RES_REJECT);
        buf_free(&twice);
    }
    buf_free(&text);
}

/* What is noted while a document is checked is what a walk finds afterwards. */
static unsigned
same_members(const struct scan_members *noted, unsigned at, struct str object, unsigned level)
{
    for (struct scan_iter it = scan_iter(object); scan_next(&it);) {
        const struct scan_member *m = &noted->all[at++];

        assert_int_equal(m->level, level);
        assert_true(m->key.p == it.key.p && m->key.n == it.key.n);
        assert_true(m->value.p == it.value.p && m->value.n == it.value.n);
        assert_int_equal(m->escaped, memchr(it.key.p, '\\', it.key.n) != NULL);
        if (level == 1 && scan_kind(it.value) == SCAN_OBJECT)
            at = same_members(noted, at, it.value, 2);
    }
    return at;
}

static void
notes_members(void **state)
{
    static const char *const names[] = {"b", "c", "d", "none", "a\"b"};
    const struct str doc =
        STR("\n{ \"a\" : 1 , \"b\\u0062\":[{\"x\":1}],\"c\":{\"d\":{\"e\":2},\"f\" :[ ], \"a\\\"b\":3},"
            "\"g\":{},\"h\":\"{\\\"i\\\":1}\" , \"b\" : {\"\\u0062\":true} } ");
    struct scan_members noted;
    struct str by_members[5];
    struct str by_pick[5];
    struct err e = {0};

    (void)state;
    assert_int_equal(scan_document_members(doc, &noted, &e), RES_OK);
    assert_int_equal(same_members(&noted, 0, doc, 1), noted.n);
    assert_int_equal(noted.n, 10);
    scan_pick(scan_get(doc, "c"), names, by_pick, 5);
    scan_pick_members(&noted.all[3], 3, names, by_members, 5);
    assert_memory_equal(by_members, by_pick, sizeof by_pick);
    assert_true(str_is(by_members[2], "{\"e\":2}") && str_is(by_members[4], "3"));
    scan_pick_members(&noted.all[9], 1, names, by_members, 5);
    assert_true(str_is(by_members[0], "true"));
    assert_int_equal(scan_document_members(STR("[{\"a\":{\"b\":1}}]"), &noted, &e), RES_OK);
    assert_int_equal(scan_document_members(STR("{\"a\":1,}"), &noted, &e), RES_REJECT);
}

static void
notes_no_more_than_fit(void **state)
{
    struct buf doc = buf_make(1 << 16);
    struct scan_members noted;
    struct err e = {0};

    (void)state;
    for (unsigned n = SCAN_MEMBERS - 1; n <= SCAN_MEMBERS + 2; n++) {
        buf_reset(&doc);
        buf_z(&doc, "{\"n0\":{");
        for (unsigned i = 1; i < n; i++)
            buf_printf(&doc, "%s\"n%u\":%u", i > 1 ? "," : "", i, i);
        buf_z(&doc, "}}");
        assert_int_equal(scan_document_members(buf_view(&doc), &noted, &e), RES_OK);
        assert_int_equal(noted.n, n <= SCAN_MEMBERS ? n : SCAN_MEMBERS + 1);
        if (n <= SCAN_MEMBERS)
            assert_int_equal(same_members(&noted, 0, buf_view(&doc), 1), n);
    }
    buf_free(&doc);
}

/* What was not checked, a row's text that was spoiled, is read wrong but to its end. */
static void
spoiled_text_ends(void **state)
{
    const struct str doc = STR("{\"a\":[1,\"x\\\"\",{\"b\":-1.5e+3}],\"c\":true , \"d\":\"e\"}");
    char text[64];

    (void)state;
    for (size_t i = 0; i < doc.n; i++)
        for (int c = 0; c < 256; c++) {
            struct scan_iter it;
            unsigned n = 0;

            memcpy(text, doc.p, doc.n);
            text[i] = (char)c;
            for (it = scan_iter((struct str){text, doc.n}); scan_next(&it) && n < 100; n++)
                for (struct scan_iter in = scan_iter(it.value); scan_next(&in) && n < 100;)
                    n++;
            assert_true(n < 100);
        }
    for (size_t n = 0; n < doc.n; n++) {
        char *cut = malloc(n + 1); /* so that a sanitiser sees a read past the end */
        struct str all = {cut + 1, n};

        memcpy(cut + 1, doc.p, n);
        for (struct scan_iter it = scan_iter(all); scan_next(&it);)
            assert_true(it.key.n <= n && it.value.n <= n);
        scan_get(all, "c");
        free(cut);
    }
}

static void
walks(void **state)
{
    static const char *const want[] = {"1", "\"a,]\"", "[2,[3]]", "{\"k\":[4]}", "true", "-0.5e1"};
    struct scan_iter it = scan_iter(STR("[ 1 ,\"a,]\",[2,[3]], {\"k\":[4]}\n,true,-0.5e1 ]"));
    unsigned n = 0;

    (void)state;
    while (scan_next(&it)) {
        assert_true(n < 6);
        assert_true(str_is(it.value, want[n++]));
    }
    assert_int_equal(n, 6);
    assert_false(scan_next(&it));
    it = scan_iter(STR("{\"a\\\"b\":1,\"\":{}}"));
    assert_true(scan_next(&it) && str_is(it.key, "a\\\"b") && str_is(it.value, "1"));
    assert_true(scan_next(&it) && it.key.n == 0 && str_is(it.value, "{}"));
    assert_false(scan_next(&it));
    for (unsigned i = 0; i < 4; i++) {
        static const char *const none[] = {"{}", "[ ]", "\"a\"", ""};

        it = scan_iter(str_of(none[i]));
        assert_false(scan_next(&it));
    }
}

static void
strings(void **state)
{
    static const struct {
        const char *raw;
        const char *want; /* NULL: no string */
    } row[] = {{"\"\"", ""},
               {"\"abc\"", "abc"},
               {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
               {"\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
               {"\"\\ud800\\udc00x\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80x\xf4\x8f\xbf\xbf"},
               {"\"\xc3\xa9\\u00e9\"", "\xc3\xa9\xc3\xa9"},
               {"1", NULL},
               {"null", NULL},
               {"[]", NULL},
               {"", NULL}};
    struct buf store = buf_make(1024);

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct str got = scan_string(str_of(row[i].raw), &store);

        assert_int_equal(got.p != NULL, row[i].want != NULL);
        if (row[i].want)
            assert_true(str_is(got, row[i].want));
    }
    buf_free(&store);
    store = buf_make(2);
    assert_null(scan_string(STR("\"\\n\\n\\n\""), &store).p); /* does not fit: none, not half of it */
    buf_free(&store);
    assert_true(str_is(scan_string(STR("\"plain\""), &store), "plain")); /* needs no room */
    assert_null(store.p);
}

static void
whole_numbers(void **state)
{
    static const struct {
        const char *raw;
        bool ok;
        int64_t want;
    } row[] = {{"0", true, 0},
               {"-0", true, 0},
               {"42", true, 42},
               {"9223372036854775807", true, INT64_MAX},
               {"-9223372036854775808", true, INT64_MIN},
               {"9223372036854775808", false, 0},
               {"1.0", false, 0},
               {"1e2", false, 0},
               {"\"1\"", false, 0},
               {"true", false, 0},
               {"", false, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int64_t v = 7;

        assert_int_equal(scan_int(str_of(row[i].raw), &v), row[i].ok);
        assert_true(v == row[i].want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files),
        cmocka_unit_test(bad_files),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(large_objects_are_quick),
        cmocka_unit_test(reasons_do_not_quote),
        cmocka_unit_test(kinds),
        cmocka_unit_test(picks),
        cmocka_unit_test(many_names),
        cmocka_unit_test(notes_members),
        cmocka_unit_test(notes_no_more_than_fit),
        cmocka_unit_test(spoiled_text_ends),
        cmocka_unit_test(walks),
        cmocka_unit_test(strings),
        cmocka_unit_test(whole_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
