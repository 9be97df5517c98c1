#include "common/json/schema_impl.h"

#include <stdlib.h>

struct uri { /* RFC 3986: p == NULL means absent */
    struct str scheme, authority, path, query, fragment;
};

static struct str
take(struct str *s, size_t n, size_t skip)
{
    struct str head = {s->p, n};

    s->p += n + skip;
    s->n -= n + skip;
    return head;
}

static size_t
find(struct str s, const char *set)
{
    size_t i = 0;

    while (i < s.n && !strchr(set, s.p[i]))
        i++;
    return i;
}

static struct uri
uri_parse(const char *z)
{
    struct str s = str_of(z);
    struct uri u = {0};
    size_t n = find(s, "#");

    if (n < s.n) {
        u.fragment = (struct str){s.p + n + 1, s.n - n - 1};
        s.n = n;
    }
    n = find(s, "?");
    if (n < s.n) {
        u.query = (struct str){s.p + n + 1, s.n - n - 1};
        s.n = n;
    }
    n = find(s, ":/");
    if (n > 0 && n < s.n && s.p[n] == ':')
        u.scheme = take(&s, n, 1);
    if (str_starts(s, STR("//"))) {
        take(&s, 2, 0);
        u.authority = take(&s, find(s, "/"), 0);
    }
    u.path = s;
    return u;
}

/* The path before `b->n` loses its last segment, down to `from`. */
static void
drop_segment(struct buf *b, size_t from)
{
    while (b->n > from && b->p[b->n - 1] != '/')
        b->n--;
    if (b->n > from)
        b->n--;
}

/* Appends `path` without its dot segments (5.2.4). */
static void
add_clean(struct buf *b, struct str path)
{
    size_t from = b->n;

    while (path.n) {
        size_t n = path.p[0] == '/';
        struct str seg;

        n += find((struct str){path.p + n, path.n - n}, "/");
        seg = (struct str){path.p, n};
        if (str_is(seg, "/..") || str_is(seg, "/.")) {
            if (seg.n == 3)
                drop_segment(b, from);
            if (n == path.n)
                buf_char(b, '/');
        } else if (!str_is(seg, "..") && !str_is(seg, ".")) {
            buf_str(b, seg);
        }
        take(&path, n, 0);
    }
}

static void
add_merged(struct buf *b, const struct uri *base, struct str path)
{
    struct buf tmp = buf_make(SCHEMA_MAX_TEXT);
    size_t n = base->path.n;
    size_t from = b->n;

    while (n && base->path.p[n - 1] != '/')
        n--;
    if (base->authority.p && !base->path.n)
        buf_char(&tmp, '/');
    if (n)
        buf_add(&tmp, base->path.p, n);
    buf_str(&tmp, path);
    if (tmp.failed)
        b->failed = true;
    else
        add_clean(b, buf_view(&tmp));
    if (!base->scheme.p && !base->authority.p && tmp.n && tmp.p[0] != '/' && b->n > from &&
        b->p[from] == '/') {
        memmove(b->p + from, b->p + from + 1,
                b->n - from); /* a relative base stays relative: "a/../b" is "b" */
        b->n--;
    }
    buf_free(&tmp);
}

static void
add_path(struct buf *b, const struct uri *base, const struct uri *ref)
{
    if (ref->scheme.p || ref->authority.p || (ref->path.n && ref->path.p[0] == '/'))
        add_clean(b, ref->path);
    else if (ref->path.n)
        add_merged(b, base, ref->path);
    else
        buf_str(b, base->path);
}

static char *
percent_decode(struct str s)
{
    struct buf b = buf_make(SCHEMA_MAX_TEXT);

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && i + 2 < s.n && str_hex(s.p[i + 1]) >= 0 && str_hex(s.p[i + 2]) >= 0) {
            buf_char(&b, (char)(str_hex(s.p[i + 1]) * 16 + str_hex(s.p[i + 2])));
            i += 2;
        } else {
            buf_char(&b, s.p[i]);
        }
    }
    return buf_steal(&b);
}

char *
schema_uri_resolve(const char *base_z, const char *ref_z, char **fragment)
{
    struct uri base = uri_parse(base_z);
    struct uri ref = uri_parse(ref_z);
    struct buf b = buf_make(SCHEMA_MAX_TEXT);
    struct str scheme = ref.scheme.p ? ref.scheme : base.scheme;
    struct str authority = ref.scheme.p || ref.authority.p ? ref.authority : base.authority;
    bool whole = ref.scheme.p || ref.authority.p || ref.path.n;
    struct str query = whole || ref.query.p ? ref.query : base.query;
    char *uri;

    if (scheme.p) {
        buf_str(&b, scheme);
        buf_char(&b, ':');
    }
    if (authority.p) {
        buf_z(&b, "//");
        buf_str(&b, authority);
    }
    add_path(&b, &base, &ref);
    if (query.p) {
        buf_char(&b, '?');
        buf_str(&b, query);
    }
    *fragment = percent_decode(ref.fragment);
    uri = buf_steal(&b);
    if (!uri || !*fragment) {
        free(uri);
        free(*fragment);
        *fragment = NULL;
        return NULL;
    }
    return uri;
}

bool
schema_pointer_index(struct str token, size_t *ret)
{
    int64_t v;

    *ret = 0;
    if (!token.n || token.p[0] == '-' || (token.p[0] == '0' && token.n > 1) || !str_int(token, &v))
        return false;
    *ret = (size_t)v;
    return true;
}
