/* uri, uri-reference (RFC 3986), iri, iri-reference (RFC 3987). */
#include "common/json/schema_format.h"

/* Every character is unreserved, a sub-delimiter, a percent escape or in `more`; with `iri`, any letter of Unicode. */
static bool
only(struct str s, const char *more, bool iri)
{
    for (size_t i = 0; i < s.n;) {
        char c = s.p[i];

        if (c == '%') {
            if (i + 2 >= s.n || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2]))
                return false;
            i += 3;
        } else if ((unsigned char)c >= 0x80) {
            uint32_t v = next_code_point(s, &i);

            if (!iri || v < 0xa0 || (v & 0xfffe) == 0xfffe || (v >= 0xfdd0 && v <= 0xfdef))
                return false;
        } else if (is_alnum(c) || is_one_of(c, "-._~!$&'()*+,;=") || is_one_of(c, more)) {
            i++;
        } else {
            return false;
        }
    }
    return true;
}

static struct str
cut(struct str *s, char c)
{
    const char *at = s->n ? memchr(s->p, c, s->n) : NULL;
    struct str tail = STR_NULL;

    if (at) {
        size_t n = (size_t)(at - s->p);

        tail = (struct str){at + 1, s->n - n - 1};
        s->n = n;
    }
    return tail;
}

static bool
ip_literal(struct str s)
{
    size_t i = 1;

    if (s.n && (s.p[0] | 0x20) == 'v') {
        while (i < s.n && is_hex(s.p[i]))
            i++;
        return i > 1 && i + 1 < s.n && s.p[i] == '.' && !memchr(s.p, '%', s.n) &&
               only((struct str){s.p + i + 1, s.n - i - 1}, ":", false);
    }
    return schema_format_ipv6(s, NULL);
}

static bool
authority(struct str s, bool iri)
{
    const char *at = s.n ? memchr(s.p, '@', s.n) : NULL;
    const char *close;
    struct str port;

    if (at) {
        struct str user = {s.p, (size_t)(at - s.p)};

        if (!only(user, ":", iri))
            return false;
        s = (struct str){at + 1, s.n - user.n - 1};
    }
    if (s.n && s.p[0] == '[') {
        close = memchr(s.p, ']', s.n);
        if (!close || !ip_literal((struct str){s.p + 1, (size_t)(close - s.p) - 1}))
            return false;
        s = (struct str){close + 1, s.n - (size_t)(close - s.p) - 1};
        if (s.n && s.p[0] != ':')
            return false;
    }
    port = cut(&s, ':');
    for (size_t i = 0; i < port.n; i++)
        if (!is_digit(port.p[i]))
            return false;
    return only(s, "", iri);
}

static bool
scheme(struct str *s)
{
    size_t i = 0;

    while (i < s->n && (is_alnum(s->p[i]) || is_one_of(s->p[i], "+-.")))
        i++;
    if (!i || !is_alpha(s->p[0]) || i == s->n || s->p[i] != ':')
        return false;
    s->p += i + 1;
    s->n -= i + 1;
    return true;
}

static bool
reference(struct str s, bool iri, bool relative)
{
    struct str fragment = cut(&s, '#');
    struct str query = cut(&s, '?');
    bool absolute = scheme(&s);
    struct str path;

    if ((!absolute && !relative) || !only(fragment, ":@/?", iri) || !only(query, ":@/?", iri))
        return false;
    path = s;
    if (str_starts(s, STR("//"))) {
        s = (struct str){s.p + 2, s.n - 2};
        path = s;
        cut(&s, '/');
        if (!authority(s, iri))
            return false;
        path = (struct str){path.p + s.n, path.n - s.n};
    } else if (!absolute) { /* the first segment must not look like a scheme */
        cut(&s, '/');
        if (s.n && memchr(s.p, ':', s.n))
            return false;
    }
    return only(path, ":@/", iri);
}

bool
schema_format_uri(struct str s, void *arg)
{
    (void)arg;
    return reference(s, false, false);
}

bool
schema_format_uri_reference(struct str s, void *arg)
{
    (void)arg;
    return reference(s, false, true);
}

bool
schema_format_iri(struct str s, void *arg)
{
    (void)arg;
    return reference(s, true, false);
}

bool
schema_format_iri_reference(struct str s, void *arg)
{
    (void)arg;
    return reference(s, true, true);
}
