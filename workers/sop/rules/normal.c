#include "workers/sop/rules/normal.h"

/* Bytes of the separator that `s` begins with at `i`, 0 when it is none. NBSP is two bytes of UTF-8. */
static size_t
separator(struct str s, size_t i)
{
    if (s.p[i] == ' ' || s.p[i] == '.' || s.p[i] == '-')
        return 1;
    return s.n - i >= 2 && memcmp(s.p + i, "\xc2\xa0", 2) == 0 ? 2 : 0;
}

void
normal_nip(struct str nip, struct buf *out)
{
    for (size_t i = 0; i < nip.n;) {
        size_t n = separator(nip, i);

        if (!n)
            buf_char(out, nip.p[i]);
        i += n ? n : 1;
    }
}

bool
normal_phone(struct str phone, struct buf *out)
{
    char digits[16];
    size_t n = 0;
    size_t i = str_starts(phone, STR("+62")) ? 3 : str_starts(phone, STR("0")) ? 1 : 0;

    if (!i)
        return false;
    while (i < phone.n) {
        size_t skip = separator(phone, i);

        if (!skip && (phone.p[i] < '0' || phone.p[i] > '9' || n == 12))
            return false;
        if (!skip)
            digits[n++] = phone.p[i];
        i += skip ? skip : 1;
    }
    if (n < 8 || digits[0] == '0')
        return false;
    buf_z(out, "+62");
    buf_add(out, digits, n);
    return true;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void
normal_letter(struct str number, struct buf *out)
{
    bool gap = false;
    char last = '/'; /* so that no blank comes first */

    for (size_t i = 0; i < number.n; i++) {
        size_t nbsp = separator(number, i) == 2;
        char c = number.p[i];

        if (nbsp || is_blank(c)) {
            gap = true;
            i += nbsp;
            continue;
        }
        if (gap && last != '/' && c != '/')
            buf_char(out, ' ');
        gap = false;
        last = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        buf_char(out, last);
    }
}
