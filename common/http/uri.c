#include "common/http/uri.h"

#include <stdlib.h>

/* Decodes `s` to `to`, which may be the same place; returns where it ended. A code that is none stays as it is and
 * clears `*clean`, as a NUL does. */
static char *
decode(struct str s, char *to, bool plus, bool *clean)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        int hi = c == '%' && i + 2 < s.n ? str_hex(s.p[i + 1]) : -1;
        int lo = hi >= 0 ? str_hex(s.p[i + 2]) : -1;

        if (lo >= 0) {
            c = (char)(hi << 4 | lo);
            i += 2;
        } else if (c == '%') {
            *clean = false;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (!c)
            *clean = false;
        *to++ = c;
    }
    return to;
}

/* The part of a target that is path and query; STR_NULL for a form that we do not serve. */
static struct str
origin_form(const char *raw)
{
    struct str s = str_of(raw);
    const char *slash;

    if (str_starts(s, STR("http://")) || str_starts(s, STR("https://"))) {
        slash = strchr(strstr(raw, "//") + 2, '/');
        s = slash ? str_of(slash) : STR("/");
    }
    return s.n && s.p[0] == '/' ? s : STR_NULL;
}

static bool
split_path(struct uri *u, struct str path, char **to)
{
    bool clean = true;
    char *start = *to;

    for (size_t i = 1, from = 1; i <= path.n; i++) {
        char *seg = *to + 1;

        if (i < path.n && path.p[i] != '/')
            continue;
        **to = '/';
        *to = decode((struct str){path.p + from, i - from}, seg, false, &clean);
        if (u->segs < URI_SEGS)
            u->seg[u->segs] = (struct str){seg, (size_t)(*to - seg)};
        u->segs++;
        from = i + 1;
    }
    u->path = (struct str){start, (size_t)(*to - start)};
    return clean;
}

static void
add_pair(struct uri *u, struct str s, char **to)
{
    const char *eq = memchr(s.p, '=', s.n);
    size_t n = eq ? (size_t)(eq - s.p) : s.n;
    struct uri_pair *pair = &u->pair[u->pairs++];
    bool clean = true;
    char *p = *to;

    *to = decode((struct str){s.p, n}, p, true, &clean);
    pair->name = (struct str){p, (size_t)(*to - p)};
    p = *to;
    if (eq)
        *to = decode((struct str){eq + 1, s.n - n - 1}, p, true, &clean);
    pair->value = (struct str){p, (size_t)(*to - p)};
}

static bool
split_query(struct uri *u, struct str query, char **to)
{
    size_t n = 1;

    for (size_t i = 0; i < query.n; i++)
        n += query.p[i] == '&';
    u->pair = calloc(n, sizeof *u->pair);
    if (!u->pair)
        return false;
    for (size_t i = 0, from = 0; i <= query.n; i++) {
        if (i < query.n && query.p[i] != '&')
            continue;
        if (i > from)
            add_pair(u, (struct str){query.p + from, i - from}, to);
        from = i + 1;
    }
    return true;
}

bool
uri_parse(struct uri *u, const char *raw)
{
    struct str s = origin_form(raw);
    struct str path = s;
    const char *mark;
    char *to;

    *u = (struct uri){.mem = malloc(s.n + 2)}; /* decoding never lengthens */
    if (!s.n || !u->mem)
        return false;
    mark = memchr(s.p, '?', s.n);
    if (mark)
        path.n = (size_t)(mark - s.p);
    to = u->mem;
    if (!split_path(u, path, &to))
        return false;
    return !mark || split_query(u, (struct str){mark + 1, s.n - path.n - 1}, &to);
}

void
uri_free(struct uri *u)
{
    free(u->mem);
    free(u->pair);
    *u = (struct uri){0};
}

bool
uri_match(const struct uri *u, const char *pattern, unsigned char took[URI_SEGS])
{
    unsigned i = 0;
    unsigned taken = 0;

    memset(took, URI_SEGS, URI_SEGS); /* "none" */
    if (u->segs > URI_SEGS)
        return false;
    while (*pattern == '/' && i < u->segs) {
        size_t n = strcspn(pattern + 1, "/");
        struct str want = {pattern + 1, n};

        if (str_is(want, "{}") && u->seg[i].n)
            took[taken++] = (unsigned char)i;
        else if (!str_eq(want, u->seg[i]))
            return false;
        pattern += n + 1;
        i++;
    }
    return !*pattern && i == u->segs;
}

struct str
uri_query(const struct uri *u, const char *name)
{
    for (size_t i = 0; i < u->pairs; i++)
        if (str_is(u->pair[i].name, name))
            return u->pair[i].value;
    return STR_NULL;
}

static bool
unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void
uri_encode(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (unreserved(s.p[i]))
            buf_char(b, s.p[i]);
        else
            buf_printf(b, "%%%02X", (unsigned char)s.p[i]);
}
