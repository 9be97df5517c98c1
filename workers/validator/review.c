#include "workers/validator/review.h"

#include <string.h>

#define BETWEEN ", \t"

/* The next word of a list, STR_NULL at its end; `*list` moves on. */
static struct str
next_word(const char **list)
{
    struct str word;

    if (!*list)
        return STR_NULL;
    *list += strspn(*list, BETWEEN);
    word = (struct str){*list, strcspn(*list, BETWEEN)};
    *list += word.n;
    return word.n ? word : STR_NULL;
}

static bool
listed(const char *list, struct str word)
{
    struct str s;

    while ((s = next_word(&list)).n)
        if (str_eq(s, word))
            return true;
    return false;
}

/* PA.20 row 45. */
static bool
kategori_ok(struct str s)
{
    return str_is(s, "strategis") || str_is(s, "tinggi") || str_is(s, "rendah");
}

/* PA.20 row 9: ^[0-9A-Z][0-9A-Z.-]{1,39}$ */
static bool
kode_ok(struct str s)
{
    if (s.n < 2 || s.n > 40)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!alnum && (i == 0 || (c != '.' && c != '-')))
            return false;
    }
    return true;
}

struct pair {
    const char *what;
    const char *manual, *automatic;
    bool (*ok)(struct str word);
    const char *are;
};

static enum res
words_ok(const struct pair *p, const char *kind, const char *list, struct err *e)
{
    struct str s;

    while ((s = next_word(&list)).n)
        if (!p->ok(s))
            return err_set(e, RES_FATAL, "[validator] review_%s_%s: \"%.*s\" is not %s", kind, p->what,
                           STR_FMT(s), p->are);
    return RES_OK;
}

static enum res
pair_ok(const struct pair *p, struct err *e)
{
    const char *list = p->manual;
    struct str s;
    enum res res = words_ok(p, "manual", p->manual, e);

    if (res == RES_OK)
        res = words_ok(p, "auto", p->automatic, e);
    while (res == RES_OK && (s = next_word(&list)).n)
        if (listed(p->automatic, s))
            res = err_set(e, RES_FATAL, "[validator] review_manual_%s and review_auto_%s both name \"%.*s\"",
                          p->what, p->what, STR_FMT(s));
    return res;
}

enum res
review_check(const struct review_rules *r, struct err *e)
{
    const struct pair opd = {"opd", r->manual_opd, r->auto_opd, kode_ok, "a kode_opd"};
    const struct pair kategori = {"kategori", r->manual_kategori, r->auto_kategori, kategori_ok,
                                  "one of strategis, tinggi, rendah"};
    enum res res = pair_ok(&opd, e);

    return res == RES_OK ? pair_ok(&kategori, e) : res;
}

bool
review_manual(const struct review_rules *r, struct str kode_opd, struct str kategori)
{
    if (listed(r->manual_opd, kode_opd) || listed(r->manual_kategori, kategori))
        return true;
    if (listed(r->auto_opd, kode_opd) || listed(r->auto_kategori, kategori))
        return false;
    return r->mode == REVIEW_MANUAL;
}
