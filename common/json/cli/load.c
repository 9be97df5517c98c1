#include "common/json/cli/load.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FLAGS = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL };

static bool
number_char(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* Whether the token is an integer that int64 cannot hold. */
static bool
too_wide(struct str tok)
{
    for (size_t i = 0; i < tok.n; i++)
        if (tok.p[i] == '.' || tok.p[i] == 'e' || tok.p[i] == 'E')
            return false;
    errno = 0;
    strtoll(tok.p, NULL, 10); /* the text ends in a NUL, so it stops */
    return errno == ERANGE;
}

/* Copies the text with ".0" behind each integer beyond 64 bits, so that those and only those become doubles. */
static void
widen(struct str text, struct buf *out)
{
    bool quoted = false;
    size_t i = 0;

    while (i < text.n) {
        size_t from = i;

        if (quoted || !number_char(text.p[i])) {
            if (text.p[i] == '"')
                quoted = !quoted;
            i += quoted && text.p[i] == '\\' && i + 1 < text.n ? 2 : 1;
            buf_add(out, text.p + from, i - from);
            continue;
        }
        while (i < text.n && number_char(text.p[i]))
            i++;
        buf_add(out, text.p + from, i - from);
        if (too_wide((struct str){text.p + from, i - from}))
            buf_z(out, ".0");
    }
}

/* `text` must be followed by a NUL. */
enum res
load_text(struct str text, json_t **ret, struct err *e)
{
    struct buf wide = buf_make((size_t)LOAD_MAX * 2);
    json_error_t je;

    *ret = json_loadb(text.n ? text.p : "", text.n, FLAGS, &je);
    if (!*ret && json_error_code(&je) == json_error_numeric_overflow) {
        widen(text, &wide);
        if (!wide.failed)
            *ret = json_loadb(wide.p, wide.n, FLAGS, &je);
    }
    buf_free(&wide);
    if (*ret)
        return RES_OK;
    if (json_error_code(&je) == json_error_out_of_memory)
        return err_set(e, RES_RETRY, "out of memory");
    return err_set(e, RES_REJECT, "line %d, column %d: %s", je.line, je.column, je.text);
}

static enum res
read_all(FILE *f, struct buf *b, struct err *e)
{
    size_t n;

    do {
        char *to = buf_room(b, 1 << 16);

        if (!to)
            return err_set(e, RES_FATAL, "larger than %d bytes, or memory is out", LOAD_MAX);
        n = fread(to, 1, 1 << 16, f);
        b->n += n;
        b->p[b->n] = '\0';
    } while (n);
    return ferror(f) ? err_set(e, RES_FATAL, "%s", strerror(errno)) : RES_OK;
}

static enum res
load_stream(FILE *f, json_t **ret, struct err *e)
{
    struct buf b = buf_make(LOAD_MAX + (1 << 16));
    enum res rc = read_all(f, &b, e);

    *ret = NULL;
    if (rc == RES_OK)
        rc = load_text(buf_view(&b), ret, e);
    buf_free(&b);
    return rc;
}

enum res
load_file(const char *path, json_t **ret, struct err *e)
{
    FILE *f;
    enum res rc;

    *ret = NULL;
    if (strcmp(path, "-") == 0)
        return load_stream(stdin, ret, e);
    f = fopen(path, "re");
    if (!f)
        return err_set(e, RES_FATAL, "%s", strerror(errno));
    rc = load_stream(f, ret, e);
    fclose(f);
    return rc;
}

bool
load_line(FILE *f, struct buf *line)
{
    int c = getc_unlocked(f);

    buf_reset(line);
    if (c == EOF)
        return false;
    for (; c != EOF && c != '\n'; c = getc_unlocked(f))
        buf_char(line, (char)c);
    if (!line->n)
        buf_z(line, ""); /* so that it is a string */
    return true;
}

/* ---- URIs ---- */

/* Appends `s` with its percent signs decoded; false where that makes no path of ours: a NUL, or a step upwards. */
static bool
add_decoded(struct buf *b, struct str s)
{
    size_t from = b->n;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '%' && i + 2 < s.n && str_hex(s.p[i + 1]) >= 0 && str_hex(s.p[i + 2]) >= 0) {
            c = (char)(str_hex(s.p[i + 1]) * 16 + str_hex(s.p[i + 2]));
            i += 2;
        }
        if (!c)
            return false;
        buf_char(b, c);
    }
    buf_add(b, "", 0);
    return !b->failed && !strstr(b->p + from, "../");
}

/* Appends the path as it stands in a URI. */
static void
add_encoded(struct buf *b, const char *path)
{
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;

        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
            strchr("/-._~!$&'()*+,;=:@", c))
            buf_char(b, (char)c);
        else
            buf_printf(b, "%%%02X", c);
    }
}

enum res
load_base(struct load_places *places, const char *arg, struct err *e)
{
    const char *eq = strrchr(arg, '=');
    struct load_base base = {0};

    if (!eq || eq == arg || !eq[1])
        return err_set(e, RES_FATAL, "\"%s\" is not URI=DIR", arg);
    if (places->n == LOAD_BASES)
        return err_set(e, RES_FATAL, "at most %d", LOAD_BASES);
    base.uri = (struct str){arg, (size_t)(eq - arg)};
    base.dir = realpath(eq + 1, NULL);
    if (!base.dir)
        return err_set(e, RES_FATAL, "%s: %s", eq + 1, strerror(errno));
    places->base[places->n++] = base;
    return RES_OK;
}

void
load_places_free(struct load_places *places)
{
    for (size_t i = 0; i < places->n; i++)
        free(places->base[i].dir);
    places->n = 0;
}

/* What follows the base in `uri`, without a slash in front; p NULL when it lies elsewhere. */
static struct str
below(const struct load_base *base, const char *uri)
{
    struct str u = str_of(uri);
    struct str rest;

    if (!str_starts(u, base->uri))
        return STR_NULL;
    rest = (struct str){u.p + base->uri.n, u.n - base->uri.n};
    if (base->uri.p[base->uri.n - 1] == '/')
        return rest;
    return rest.n && rest.p[0] == '/' ? (struct str){rest.p + 1, rest.n - 1} : STR_NULL;
}

/* The document in the file, when there is such a file; devices and pipes are none. */
static enum res
load_regular(const char *path, json_t **doc, struct err *e)
{
    struct err why = {0};
    struct stat st;
    enum res rc;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return RES_OK;
    rc = load_file(path, doc, &why);
    return rc == RES_OK ? rc : err_set(e, rc == RES_RETRY ? rc : RES_REJECT, "%s: %s", path, why.text);
}

/* Looks for `rest` below `dir`, also with .json behind it. */
static enum res
load_below(const char *dir, struct str rest, json_t **doc, struct err *e)
{
    struct buf path = buf_make(PATH_MAX);
    enum res rc = RES_OK;

    buf_z(&path, dir);
    buf_char(&path, '/');
    if (rest.n && add_decoded(&path, rest)) {
        rc = load_regular(path.p, doc, e);
        buf_z(&path, ".json");
        if (rc == RES_OK && !*doc && !path.failed)
            rc = load_regular(path.p, doc, e);
    }
    buf_free(&path);
    return rc;
}

enum res
load_uri(const char *uri, json_t **doc, void *arg, struct err *e)
{
    const struct load_places *places = arg;
    enum res rc = RES_OK;

    *doc = NULL;
    for (size_t i = 0; i < places->n && rc == RES_OK && !*doc; i++)
        rc = load_below(places->base[i].dir, below(&places->base[i], uri), doc, e);
    if (rc == RES_OK && !*doc && str_starts(str_of(uri), STR("file:///")))
        rc = load_below("", str_of(uri + 8), doc, e);
    return rc;
}

/* ---- the schema of the command line ---- */

/* The URI of a file: its place below a base, else a file: URI. */
static void
add_file_uri(struct buf *b, const struct load_places *places, const char *path)
{
    for (size_t i = 0; i < places->n; i++) {
        const struct load_base *base = &places->base[i];
        size_t n = strlen(base->dir);

        if (strncmp(path, base->dir, n) != 0 || path[n] != '/')
            continue;
        buf_str(b, base->uri);
        add_encoded(b, path + n + (base->uri.p[base->uri.n - 1] == '/'));
        return;
    }
    buf_z(b, "file://");
    add_encoded(b, path);
}

static enum res
add_document(struct schema_set *set, const struct load_places *places, const char *path, struct buf *uri,
             struct err *e)
{
    struct err why = {0};
    json_t *doc = NULL;
    char *full = NULL;
    enum res rc = load_file(path, &doc, &why);

    if (rc != RES_OK)
        return err_set(e, rc == RES_RETRY ? rc : RES_REJECT, "%s: %s", path, why.text);
    full = realpath(strcmp(path, "-") == 0 ? "." : path, NULL);
    if (full)
        add_file_uri(uri, places, full);
    if (strcmp(path, "-") == 0)
        buf_z(uri, "/stdin"); /* what it refers to stands in the working directory */
    rc = full && !uri->failed ? schema_set_add(set, uri->p, doc, e)
                              : err_set(e, RES_RETRY, "%s", strerror(errno));
    free(full);
    json_decref(doc);
    return rc;
}

enum res
load_schema(struct schema_set *set, const struct load_places *places, const char *arg, char **uri,
            struct err *e)
{
    struct buf b = buf_make(1 << 16);
    struct stat st;
    const char *hash = strcmp(arg, "-") == 0 || stat(arg, &st) == 0 ? NULL : strrchr(arg, '#');
    char *path = str_dup((struct str){arg, hash ? (size_t)(hash - arg) : strlen(arg)});
    enum res rc = path ? RES_OK : err_set(e, RES_RETRY, "out of memory");

    if (path && strstr(path, "://") && stat(path, &st) != 0)
        buf_z(&b, path);
    else if (path)
        rc = add_document(set, places, path, &b, e);
    if (hash)
        buf_z(&b, hash);
    *uri = rc == RES_OK ? buf_steal(&b) : NULL;
    if (rc == RES_OK && !*uri)
        rc = err_set(e, RES_RETRY, "out of memory");
    buf_free(&b);
    free(path);
    return rc;
}
