/* scan against jansson: the same verdict on generated texts, or a difference that a rule explains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/json/scan.h"

enum { SEEDS_MAX = 400, ROUNDS = 100000, TEXT_MAX = 8192 };

struct seeds {
    struct buf all[SEEDS_MAX];
    size_t n;
};

/* ---- seeds ------------------------------------------------------------------------------------------------------ */

static void
add_file(struct seeds *s, const char *dir, const char *file)
{
    struct buf *b = &s->all[s->n];
    char path[400];
    FILE *f;
    int c;

    snprintf(path, sizeof path, "%s/%s", dir, file);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_true(s->n < SEEDS_MAX);
    *b = buf_make(TEXT_MAX);
    while ((c = fgetc(f)) != EOF)
        buf_char(b, (char)c);
    fclose(f);
    if (b->failed || b->n == 0) /* too large to mutate well */
        buf_free(b);
    else
        s->n++;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int
is_json(const struct dirent *d)
{
    return str_ends(str_of(d->d_name), STR(".json"));
}

/* In the order of their names, so that the same seed gives the same texts everywhere. */
static void
add_folder(struct seeds *s, const char *dir)
{
    struct dirent **names;
    int n = scandir(dir, &names, is_json, by_name);

    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        add_file(s, dir, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

/* ---- mutations -------------------------------------------------------------------------------------------------- */

static uint64_t
draw(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % below;
}

static const struct str tokens[] = {
    STR("{"),
    STR("}"),
    STR("["),
    STR("]"),
    STR(","),
    STR(":"),
    STR("\""),
    STR("\\"),
    STR("\\u"),
    STR("\\u0000"),
    STR("\\ud83d"),
    STR("\\ude00"),
    STR("\\u0061"),
    STR("\"a\":1,"),
    STR("0"),
    STR("-"),
    STR("."),
    STR("e"),
    STR("E+"),
    STR("1e400"),
    STR("1e-400"),
    STR("9"),
    STR("99999999999"),
    STR("true"),
    STR("nul"),
    STR("null"),
    STR(" "),
    STR("\n"),
    STR("\t"),
    STR("\0"),
    STR("\x1f"),
    STR("\x7f"),
    STR("\x80"),
    STR("\xc0\xaf"),
    STR("\xed\xa0\x80"),
    STR("\xf4\x90\x80\x80"),
    STR("\xe2"),
    STR("\xc3\xa9"),
    STR("\xff"),
    STR("\xef\xbb\xbf"),
    STR("[[[[[[[["),
    STR("]]]]]]]]"),
    STR("/**/"),
    STR("\"\":{},"),
    STR("\\/"),
};

/* Replaces text[at, at + cut) by `in`. */
static void
splice(struct buf *text, size_t at, size_t cut, struct str in)
{
    struct buf to = buf_make(2 * TEXT_MAX);

    buf_add(&to, text->p, at);
    buf_str(&to, in);
    buf_add(&to, text->p + at + cut, text->n - at - cut);
    buf_free(text);
    *text = to;
}

static void
mutate(struct buf *text, const struct seeds *s, uint64_t *rnd)
{
    size_t at = draw(rnd, text->n + 1);
    size_t left = text->n - at;
    size_t cut = draw(rnd, (left < 12 ? left : 12) + 1);
    const struct buf *other = &s->all[draw(rnd, s->n)];
    char byte = (char)draw(rnd, 256);

    switch (draw(rnd, 6)) {
    case 0:
        splice(text, at, 0, tokens[draw(rnd, sizeof tokens / sizeof *tokens)]);
        break;
    case 1:
        splice(text, at, cut, STR_NULL);
        break;
    case 2: { /* the same again, where names become twins */
        char again[16];

        memcpy(again, text->p + at, cut);
        splice(text, at, 0, (struct str){again, cut});
        break;
    }
    case 3:
        splice(text, at, left > 0, (struct str){&byte, 1});
        break;
    case 4:
        splice(text, at, cut, tokens[draw(rnd, sizeof tokens / sizeof *tokens)]);
        break;
    default:
        splice(text, at, 0, (struct str){other->p, other->n < 40 ? other->n : 40});
    }
}

/* ---- the comparison --------------------------------------------------------------------------------------------- */

struct tally {
    unsigned both_took, both_refused, levels, nuls, numbers;
};

static void
differ(struct str text, const struct err *e, const json_error_t *je)
{
    struct buf shown = buf_make(1 << 20);

    for (size_t i = 0; i < text.n; i++)
        buf_printf(&shown, (unsigned char)text.p[i] - 0x20U < 0x5f ? "%c" : "\\x%02x",
                   (unsigned char)text.p[i]);
    fail_msg("scan: \"%s\", jansson: \"%s\", text: %s", e->text, je->text, shown.p);
}

/* Three rules explain a difference: jansson has no limit of SCAN_DEPTH levels; it overlooks a NUL byte behind a number and
 * takes one between tokens for the end, where scan refuses each; and it holds numbers, which have other limits than scan's,
 * who only reads their grammar: what is too small becomes 0. */
static void
compare(struct str text, struct tally *t)
{
    struct err e = {0};
    json_error_t je = {.text = ""};
    bool ours = scan_document(text, &e) == RES_OK;
    json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);

    if (ours && root)
        t->both_took++;
    else if (!ours && !root)
        t->both_refused++;
    else if (root && strstr(e.text, "too many levels"))
        t->levels++;
    else if (root && memchr(text.p, '\0', text.n))
        t->nuls++;
    else if ((root && strstr(e.text, "a number that nobody can hold")) ||
             (ours && (strstr(je.text, "too big") || strstr(je.text, "real number overflow"))))
        t->numbers++;
    else
        differ(text, &e, &je);
    json_decref(root);
}

static void
mutations_agree(void **state)
{
    static struct seeds s;
    struct tally t = {0};
    uint64_t rnd = 20261125;
    size_t sound;

    (void)state;
    add_folder(&s, "tests/cases/json/good");
    add_folder(&s, "schemas/examples");
    sound = s.n;
    add_folder(&s, "tests/cases/json/bad");
    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct buf *seed = &s.all[draw(&rnd, i % 4 ? sound : s.n)];
        unsigned edits = (unsigned)draw(&rnd, 4);
        struct buf text = buf_make(2 * TEXT_MAX);

        buf_str(&text, buf_view(seed));
        while (edits--)
            mutate(&text, &s, &rnd);
        assert_false(text.failed);
        compare(buf_view(&text), &t);
        buf_free(&text);
    }
    print_message("# both took %u, both refused %u, levels %u, nuls %u, numbers %u\n", t.both_took,
                  t.both_refused, t.levels, t.nuls, t.numbers);
    assert_true(t.both_took > ROUNDS / 20 && t.both_refused > ROUNDS / 4 && t.levels && t.nuls && t.numbers);
    while (s.n)
        buf_free(&s.all[--s.n]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(mutations_agree)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
