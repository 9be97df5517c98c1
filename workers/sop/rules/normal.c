#include "workers/sop/rules/normal.h"

/* Each returns the bytes of what `s` begins with at `i`, 0 when it is none. NBSP is two bytes of UTF-8. */
static size_t
nbsp_at(struct str s, size_t i)
{
    return s.n - i >= 2 && memcmp(s.p + i, "\xc2\xa0", 2) == 0 ? 2 : 0;
}

static size_t
blank_at(struct str s, size_t i)
{
    return s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r') ? 1 : nbsp_at(s, i);
}

/* Between digits. */
static size_t
separator(struct str s, size_t i)
{
    return s.p[i] == ' ' || s.p[i] == '.' || s.p[i] == '-' ? 1 : nbsp_at(s, i);
}

bool
normal_blank(struct str text)
{
    size_t n;

    for (size_t i = 0; i < text.n; i += n)
        if (!(n = blank_at(text, i)))
            return false;
    return true;
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
        bool digit = phone.p[i] >= '0' && phone.p[i] <= '9';
        size_t skip = digit ? 0 : separator(phone, i);

        if (!skip && (!digit || n == 12))
            return false;
        if (!skip)
            digits[n++] = phone.p[i];
        i += skip ? skip : 1;
    }
    if (n < 8 || digits[0] == '0')
        return false;
    if (out) {
        buf_z(out, "+62");
        buf_add(out, digits, n);
    }
    return true;
}

/* U+00C0 to U+00DE but the sign of multiplication, whose small letters are 32 further on. */
static unsigned char
small_latin(unsigned char before, unsigned char c)
{
    return before == 0xc3 && c >= 0x80 && c <= 0x9e && c != 0x97 ? (unsigned char)(c + 0x20) : c;
}

void
normal_name(struct str name, struct buf *out)
{
    bool gap = false;
    bool any = false;

    for (size_t i = 0; i < name.n; i++) {
        size_t blank = blank_at(name, i);
        unsigned char c = (unsigned char)name.p[i];

        if (blank) {
            gap = any;
            i += blank - 1;
            continue;
        }
        if (gap)
            buf_char(out, ' ');
        gap = false;
        any = true;
        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c + 32);
        buf_char(out, (char)small_latin(i ? (unsigned char)name.p[i - 1] : 0, c));
    }
}

void
normal_letter(struct str number, struct buf *out)
{
    bool gap = false;
    char last = '/'; /* so that no blank comes first */

    for (size_t i = 0; i < number.n; i++) {
        size_t blank = blank_at(number, i);
        char c = number.p[i];

        if (blank) {
            gap = true;
            i += blank - 1;
            continue;
        }
        if (gap && last != '/' && c != '/')
            buf_char(out, ' ');
        gap = false;
        last = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        buf_char(out, last);
    }
}
