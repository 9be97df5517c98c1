#include "workers/sop/rules/nip.h"

#include "workers/sop/rules/normal.h"

enum { NIP_DIGITS = 18, NIP_TEXT_MAX = 256 };

static bool
all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

static int
number(const char *p, int n)
{
    int v = 0;

    while (n--)
        v = v * 10 + (*p++ - '0');
    return v;
}

static bool
is_century(int year)
{
    return year >= 1900 && year <= 2099;
}

static bool
take_apart(struct str digits, struct nip *ret)
{
    struct nip nip;

    if (digits.n != NIP_DIGITS || !all_digits(digits))
        return false;
    nip = (struct nip){{number(digits.p, 4), number(digits.p + 4, 2), number(digits.p + 6, 2)},
                       number(digits.p + 8, 4),
                       number(digits.p + 12, 2),
                       number(digits.p + 14, 1),
                       number(digits.p + 15, 3)};
    if (!caltime_valid(nip.born) || !is_century(nip.born.y) || !is_century(nip.year) || nip.sex < 1 ||
        nip.sex > 2 || nip.sequence == 0)
        return false;
    *ret = nip;
    return true;
}

bool
nip_parse(struct str text, struct nip *ret)
{
    struct buf digits = buf_make(NIP_TEXT_MAX);
    bool ok;

    *ret = (struct nip){0};
    if (take_apart(text, ret)) /* mostly it is written without separators */
        return true;
    normal_nip(text, &digits);
    ok = !digits.failed && take_apart(buf_view(&digits), ret);
    buf_free(&digits);
    return ok;
}

bool
nip_fits(const struct nip *nip, enum nip_kind kind)
{
    return kind == NIP_PPPK || (nip->month >= 1 && nip->month <= 12 && nip_age_appointed(nip) >= 18);
}

int
nip_age(const struct nip *nip, int64_t day)
{
    struct caltime_date d = caltime_date(day);
    bool before = d.m < nip->born.m || (d.m == nip->born.m && d.d < nip->born.d);

    return d.y - nip->born.y - before;
}

int
nip_age_appointed(const struct nip *nip)
{
    int months = (nip->year - nip->born.y) * 12 + nip->month - nip->born.m;

    return months < 0 ? -1 : months / 12;
}

bool
nip_is_ahead(const struct nip *nip, enum nip_kind kind, int64_t day)
{
    struct caltime_date d = caltime_date(day);

    return nip->year > d.y || (kind == NIP_PNS && nip->year == d.y && nip->month > d.m);
}
