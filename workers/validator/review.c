#include "workers/validator/review.h"

#include "common/base/conf.h"
#include "workers/sop/names.h"

static bool
listed(const char *list, struct str word)
{
    struct str s;

    while ((s = conf_word(&list)).n)
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

    while ((s = conf_word(&list)).n)
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
    while (res == RES_OK && (s = conf_word(&list)).n)
        if (listed(p->automatic, s))
            res = err_set(e, RES_FATAL, "[validator] review_manual_%s and review_auto_%s both name \"%.*s\"",
                          p->what, p->what, STR_FMT(s));
    return res;
}

enum res
review_check(const struct review_rules *r, struct err *e)
{
    const struct pair opd = {"opd", r->manual_opd, r->auto_opd, kode_opd_ok, "a kode_opd"};
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
