#include "producers/ctl/ctl_words.h"

#include <stdio.h>
#include <string.h>

#include "common/base/caltime.h"
#include "common/base/hash.h"

/* ---- time ------------------------------------------------------------------------------------------------------- */

void
ctl_words_span(int64_t ms, char out[CTL_WORDS_SPAN])
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};
    unsigned i = 0;
    int64_t rest;

    if (ms < 1000) {
        snprintf(out, CTL_WORDS_SPAN, "%lld ms", (long long)(ms < 0 ? 0 : ms));
        return;
    }
    while (ms < units[i].ms)
        i++;
    rest = i < 3 ? ms % units[i].ms / units[i + 1].ms : 0;
    if (rest)
        snprintf(out, CTL_WORDS_SPAN, "%lld %s %lld %s", (long long)(ms / units[i].ms), units[i].name,
                 (long long)rest, units[i + 1].name);
    else
        snprintf(out, CTL_WORDS_SPAN, "%lld %s", (long long)(ms / units[i].ms), units[i].name);
}

bool
ctl_words_parse_span(const char *z, int64_t *ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    const int64_t max = INT64_C(100) * 366 * 86400000;
    size_t n = strspn(z, "0123456789");
    int64_t v;

    *ms = 0;
    if (n == 0 || !str_int((struct str){z, n}, &v))
        return false;
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(z + n, units[i].name) == 0 && v <= max / units[i].ms) {
            *ms = v * units[i].ms;
            return true;
        }
    return false;
}

void
ctl_words_time(int64_t t_us, char out[CTL_WORDS_TIME])
{
    char full[CALTIME_TEXT_WIB];

    if (t_us == INT64_MIN) {
        snprintf(out, CTL_WORDS_TIME, "-");
        return;
    }
    caltime_format_wib(t_us, full);
    snprintf(out, CTL_WORDS_TIME, "%.10s %.8s WIB", full, full + 11);
}

bool
ctl_words_pg_time(const char *z, int64_t *t_us)
{
    char rfc[CALTIME_TEXT_WIB];
    struct str s = str_of(z);

    *t_us = 0;
    if (s.n < sizeof "1970-01-01 00:00:00+00" - 1 || s.n >= sizeof rfc || s.p[10] != ' ' ||
        !str_ends(s, STR("+00")))
        return false;
    snprintf(rfc, sizeof rfc, "%.10sT%.*sZ", s.p, (int)s.n - 14, s.p + 11);
    return caltime_parse(str_of(rfc), t_us);
}

/* ---- keys and tokens -------------------------------------------------------------------------------------------- */

void
ctl_words_key(struct str bytes, char out[CTL_WORDS_KEY])
{
    unsigned char hash[HASH_SIZE];

    hash_sha256(bytes, hash);
    snprintf(out, CTL_WORDS_KEY, "ctl-");
    hash_hex(hash, sizeof hash, out + 4);
}

void
ctl_words_token(const unsigned char random[32], char out[CTL_WORDS_TOKEN])
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned held = 0; /* bits in `acc` not written yet */
    unsigned acc = 0;
    char *p = out;

    memcpy(p, "bdl_", 4);
    p += 4;
    for (unsigned i = 0; i < 32; i++) {
        acc = (acc << 8 | random[i]) & 0xffff;
        for (held += 8; held >= 6; held -= 6)
            *p++ = abc[acc >> (held - 6) & 63];
    }
    *p++ = abc[acc << (6 - held) & 63]; /* 256 bits leave 4 */
    *p = '\0';
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

bool
ctl_words_in(const char *list, const char *word)
{
    size_t n = strlen(word);

    while (*list) {
        size_t len = strcspn(list, ",");

        if (len == n && memcmp(list, word, n) == 0)
            return true;
        list += len + (list[len] == ',');
    }
    return false;
}
