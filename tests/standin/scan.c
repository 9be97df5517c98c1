#include "tests/standin/scan.h"

enum { DEPTH = 8, MEMBERS = 32, DIGITS = 15 };

/* ---- what is taken -------------------------------------------------------------------------------------------- */

static const char *
forbidden_name(struct str name)
{
    static const char *const names[] = {"nip", "nik", "telepon", "password", "kata_sandi", "token", "secret"};

    if (!name.n || !strchr("ntpks", name.p[0]))
        return NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct str head = str_of(names[i]);

        if (str_starts(name, head) && (name.n == head.n || name.p[head.n] == '_'))
            return names[i];
    }
    return NULL;
}

/* Where the string called `name`, `depth` levels down in `parent`, goes, or NULL. */
static struct str *
place_of(struct scan *s, unsigned depth, struct str parent, struct str name)
{
    if (depth == 2 && str_is(parent, "sistem"))
        return str_is(name, "nama") ? &s->nama : NULL;
    if (depth != 1)
        return NULL;
    if (str_is(name, "nomor_permohonan"))
        return &s->nomor;
    if (str_is(name, "kode_opd"))
        return &s->kode_opd;
    return str_is(name, "url_callback") ? &s->url_callback : NULL;
}

/* ---- the fast pass: each returns false for "not mine" --------------------------------------------------------- */

struct cursor {
    const char *p;
    const char *end; /* a NUL stands there */
    unsigned arrays; /* how many of them we are in: nothing is taken there */
    struct scan *s;
};

static bool value(struct cursor *c, unsigned depth, struct str parent, struct str name);

static void
skip_space(struct cursor *c)
{
    while (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t')
        c->p++;
}

static bool
take(struct cursor *c, char want)
{
    skip_space(c);
    if (*c->p != want)
        return false;
    c->p++;
    skip_space(c);
    return true;
}

static bool
string(struct cursor *c, struct str *ret)
{
    const char *from = ++c->p;

    while (*c->p >= 0x20 && *c->p < 0x7f && *c->p != '"' && *c->p != '\\')
        c->p++;
    *ret = (struct str){from, (size_t)(c->p - from)};
    return *c->p++ == '"';
}

static bool
integer(struct cursor *c, struct str *ret)
{
    const char *from = c->p;

    c->p += *c->p == '-';
    if (*c->p == '0' && c->p[1] >= '0' && c->p[1] <= '9')
        return false;
    while (*c->p >= '0' && *c->p <= '9')
        c->p++;
    *ret = (struct str){from, (size_t)(c->p - from)};
    return ret->n && ret->n <= DIGITS && c->p[-1] != '-' && *c->p != '.' && *c->p != 'e' && *c->p != 'E';
}

static bool
literal(struct cursor *c)
{
    static const struct str words[] = {{"true", 4}, {"false", 5}, {"null", 4}};

    for (size_t i = 0; i < 3; i++) {
        if (!str_starts((struct str){c->p, (size_t)(c->end - c->p)}, words[i]))
            continue;
        c->p += words[i].n;
        return true;
    }
    return false;
}

static bool
array(struct cursor *c, unsigned depth)
{
    take(c, '[');
    if (take(c, ']'))
        return true;
    c->arrays++;
    do
        if (!value(c, depth + 1, STR_NULL, STR_NULL))
            return false;
    while (take(c, ','));
    c->arrays--;
    return take(c, ']');
}

static bool
object(struct cursor *c, unsigned depth, struct str name)
{
    struct str seen[MEMBERS];
    unsigned n = 0;

    take(c, '{');
    if (take(c, '}'))
        return true;
    do {
        if (n == MEMBERS || *c->p != '"' || !string(c, &seen[n]) || !take(c, ':'))
            return false;
        for (unsigned i = 0; i < n; i++)
            if (str_eq(seen[i], seen[n]))
                return false;
        if (!c->s->forbidden && !c->arrays)
            c->s->forbidden = forbidden_name(seen[n]);
        if (!value(c, depth + 1, name, seen[n]))
            return false;
        n++;
    } while (take(c, ','));
    return take(c, '}');
}

static bool
value(struct cursor *c, unsigned depth, struct str parent, struct str name)
{
    struct str *to = c->arrays ? NULL : place_of(c->s, depth, parent, name);
    struct str got;

    if (depth > DEPTH)
        return false;
    if (*c->p == '{')
        return object(c, depth, name);
    if (*c->p == '[')
        return array(c, depth);
    if (*c->p == '"') {
        if (!string(c, &got))
            return false;
        if (to)
            *to = got;
        return true;
    }
    if (*c->p != '-' && (*c->p < '0' || *c->p > '9'))
        return literal(c);
    if (!integer(c, &got))
        return false;
    if (depth == 1 && !c->arrays && str_is(name, "revisi"))
        str_int(got, &c->s->revisi);
    return true;
}

static bool
read_fast(struct scan *s, struct str body)
{
    struct cursor c = {body.p, body.p + body.n, 0, s};

    skip_space(&c);
    if (*c.p != '{' || !object(&c, 0, STR_NULL))
        return false;
    skip_space(&c);
    return c.p == c.end;
}

/* ---- the tree ------------------------------------------------------------------------------------------------- */

static struct str
member(const json_t *o, const char *name)
{
    json_t *v = json_object_get(o, name);

    return (struct str){json_string_value(v), json_string_length(v)};
}

static const char *
forbidden_member(json_t *o)
{
    const char *key;
    const char *found = NULL;
    json_t *v;

    json_object_foreach (o, key, v) {
        if (!found)
            found = forbidden_name(str_of(key));
        if (!found && json_is_object(v))
            found = forbidden_member(v);
    }
    return found;
}

bool
scan_read_full(struct scan *s, struct str body)
{
    json_t *o = json_loadb(body.n ? body.p : "", body.n, JSON_REJECT_DUPLICATES, NULL);

    *s = (struct scan){.json = o};
    if (!json_is_object(o))
        return false;
    s->nomor = member(o, "nomor_permohonan");
    s->kode_opd = member(o, "kode_opd");
    s->url_callback = member(o, "url_callback");
    s->nama = member(json_object_get(o, "sistem"), "nama");
    s->revisi = json_integer_value(json_object_get(o, "revisi"));
    s->forbidden = forbidden_member(o);
    return true;
}

bool
scan_read(struct scan *s, struct str body)
{
    *s = (struct scan){0};
    return (body.n && read_fast(s, body)) || scan_read_full(s, body);
}

void
scan_free(struct scan *s)
{
    json_decref(s->json);
    *s = (struct scan){0};
}
