#include "common/http/webform.h"

static bool
plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '*' ||
           c == '-' || c == '.' || c == '_';
}

void
webform_text(struct buf *b, struct str s)
{
    static const char digit[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char code[3] = {'%', digit[c >> 4], digit[c & 15]};

        if (plain(s.p[i]) || c == ' ')
            buf_char(b, c == ' ' ? '+' : s.p[i]);
        else
            buf_add(b, code, sizeof code);
    }
}

void
webform_write(struct buf *b, const struct webform_pair *pair, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_char(b, '&');
        webform_text(b, pair[i].name);
        buf_char(b, '=');
        webform_text(b, pair[i].value);
    }
}
