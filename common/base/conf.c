#include "common/base/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { FILE_MAX_BYTES = 1 << 20, SECRET_MAX_BYTES = 65536, STRINGS_MAX = 4096 };

struct conf {
    char **strings; /* everything that was copied */
    size_t n;
    struct conf_pass *pass;
};

struct loading {
    const struct conf_spec *spec;
    struct conf *conf;
    const char *file;
    int line;   /* 0 = environment */
    bool *seen; /* one per key over all tables: given in the file already */
    struct err *e;
};

static char *
keep(struct conf *conf, char *z)
{
    char **grown;

    if (!z || conf->n == STRINGS_MAX)
        goto fail;
    grown = realloc(conf->strings, (conf->n + 1) * sizeof *grown);
    if (!grown)
        goto fail;
    conf->strings = grown;
    return grown[conf->n++] = z;
fail:
    free(z);
    return NULL;
}

/* ---- values --------------------------------------------------------------------------------------------------- */

static bool
parse_unit(const char *z, const char *const *units, const int64_t *factor, int64_t *ret)
{
    size_t n = strspn(z, "0123456789");
    int64_t v;

    if (!n || !str_int((struct str){z, n}, &v))
        return false;
    while (z[n] == ' ')
        n++;
    for (; *units; units++, factor++)
        if (strcasecmp(z + n, *units) == 0)
            return !__builtin_mul_overflow(v, *factor, ret);
    return false;
}

static bool
parse_ms(const char *z, int64_t *ret)
{
    static const char *const units[] = {"ms", "s", "m", "h", "d", NULL};
    static const int64_t factor[] = {1, 1000, 60000, 3600000, 86400000};

    return strcmp(z, "0") == 0 ? (*ret = 0, true) : parse_unit(z, units, factor, ret);
}

static bool
parse_bytes(const char *z, int64_t *ret)
{
    static const char *const units[] = {"", "k", "m", "g", NULL};
    static const int64_t factor[] = {1, 1024, 1048576, 1073741824};

    return parse_unit(z, units, factor, ret);
}

static bool
parse_bool(const char *z, bool *ret)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};

    for (int i = 0; i < 4; i++) {
        if (strcasecmp(z, yes[i]) == 0)
            return *ret = true, true;
        if (strcasecmp(z, no[i]) == 0)
            return *ret = false, true;
    }
    return false;
}

static bool
parse_enum(const char *z, const char *choices, int64_t *ret)
{
    int64_t i = 0;

    for (const char *p = choices;; p++, i++) {
        size_t n = strcspn(p, "|");

        if (n == strlen(z) && memcmp(p, z, n) == 0)
            return *ret = i, true;
        p += n;
        if (!*p)
            return false;
    }
}

static const char *
type_name(const struct conf_key *k)
{
    static const char *const names[] = {"text",
                                        "a whole number",
                                        "true or false",
                                        "a time such as 250ms, 10s, 5m, 24h or 7d",
                                        "a size such as 512, 64k, 10m or 1g",
                                        NULL};

    return k->type == CONF_ENUM ? k->choices : names[k->type];
}

static bool
parse_number(const struct conf_key *k, const char *z, int64_t *ret)
{
    switch (k->type) {
    case CONF_INT:
        return str_int(str_of(z), ret);
    case CONF_MS:
        return parse_ms(z, ret);
    case CONF_BYTES:
        return parse_bytes(z, ret);
    case CONF_ENUM:
        return parse_enum(z, k->choices, ret);
    default:
        return false;
    }
}

/* `value` must be owned by the conf already. */
static enum res
assign(struct loading *l, const struct conf_key *k, char *base, const char *value)
{
    int64_t v = 0;
    bool ok;

    if (k->type == CONF_STR) {
        *(const char **)(void *)(base + k->offset) = value;
        return RES_OK;
    }
    if (k->type == CONF_BOOL)
        ok = parse_bool(value, (bool *)(base + k->offset));
    else if ((ok = parse_number(k, value, &v)))
        *(int64_t *)(void *)(base + k->offset) = v;
    if (!ok)
        return err_set(l->e, RES_FATAL, "[%s] %s must be %s, not \"%s\"", k->section, k->name, type_name(k),
                       k->flags & CONF_SECRET ? "(hidden)" : value);
    if ((k->min || k->max) && (v < k->min || v > k->max))
        return err_set(l->e, RES_FATAL, "[%s] %s must be between %lld and %lld, not %s", k->section, k->name,
                       (long long)k->min, (long long)k->max, k->flags & CONF_SECRET ? "(hidden)" : value);
    return RES_OK;
}

/* ---- names ---------------------------------------------------------------------------------------------------- */

static const struct conf_key *
find_key(const struct conf_spec *spec, const char *section, const char *name, char **base, size_t *index)
{
    size_t i = 0;

    for (const struct conf_table *t = spec->tables; t->keys; t++)
        for (const struct conf_key *k = t->keys; k->section; k++, i++)
            if (strcmp(k->section, section) == 0 && strcmp(k->name, name) == 0) {
                *base = t->base;
                *index = i;
                return k;
            }
    return NULL;
}

static bool
section_known(const struct conf_spec *spec, const char *section)
{
    for (const struct conf_table *t = spec->tables; t->keys; t++)
        for (const struct conf_key *k = t->keys; k->section; k++)
            if (strcmp(k->section, section) == 0)
                return true;
    return false;
}

static struct conf_pass *
find_pass(const struct conf_spec *spec, const char *section)
{
    for (struct conf_pass *p = spec->pass; p && p->section; p++)
        if (strcmp(p->section, section) == 0)
            return p;
    return NULL;
}

static bool
section_foreign(const struct conf_spec *spec, const char *section)
{
    for (const char *const *s = spec->other_sections; s && *s; s++)
        if (strcmp(*s, section) == 0)
            return true;
    return false;
}

static struct conf_pair *
find_pair(struct conf_pass *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->pairs[i].name, name) == 0)
            return &p->pairs[i];
    return NULL;
}

static enum res
set_pass(struct loading *l, struct conf_pass *p, const char *name, const char *value)
{
    struct conf_pair *there = find_pair(p, name);
    struct conf_pair *grown;
    char *n = keep(l->conf, strdup(name));
    char *v = keep(l->conf, strdup(value));

    if (there && v) {
        there->value = v;
        return RES_OK;
    }
    grown = n && v ? realloc(p->pairs, (p->n + 1) * sizeof *grown) : NULL;
    if (!grown)
        return err_set(l->e, RES_FATAL, "out of memory");
    p->pairs = grown;
    p->pairs[p->n++] = (struct conf_pair){n, v};
    return RES_OK;
}

/* ---- secrets from files --------------------------------------------------------------------------------------- */

static enum res
read_secret(struct loading *l, const struct conf_key *k, const char *path, char **ret)
{
    FILE *f = fopen(path, "r");
    char *z = NULL;
    size_t cap = 0;
    ssize_t n;

    if (!f)
        return err_set(l->e, RES_FATAL, "[%s] %s_file: cannot read %s: %s", k->section, k->name, path,
                       strerror(errno));
    n = getline(&z, &cap, f);
    fclose(f);
    if (n < 0 || n > SECRET_MAX_BYTES) {
        free(z);
        return err_set(l->e, RES_FATAL, "[%s] %s_file: %s is empty or too long", k->section, k->name, path);
    }
    while (n > 0 && (z[n - 1] == '\n' || z[n - 1] == '\r'))
        z[--n] = '\0';
    *ret = keep(l->conf, z);
    return *ret ? RES_OK : err_set(l->e, RES_FATAL, "out of memory");
}

/* ---- one setting ---------------------------------------------------------------------------------------------- */

static enum res
set_known(struct loading *l, const struct conf_key *k, char *base, const char *value, bool from_file)
{
    char *v = NULL;
    enum res res = RES_OK;

    if (from_file)
        res = read_secret(l, k, value, &v);
    else if (!(v = keep(l->conf, strdup(value))))
        res = err_set(l->e, RES_FATAL, "out of memory");
    return res == RES_OK ? assign(l, k, base, v) : res;
}

static const struct conf_key *
find_secret(const struct conf_spec *spec, const char *section, const char *name, char **base, size_t *index)
{
    const struct conf_key *k;
    size_t n = strlen(name);
    char plain[128];

    if (n <= 5 || n >= sizeof plain || strcmp(name + n - 5, "_file") != 0)
        return NULL;
    memcpy(plain, name, n - 5);
    plain[n - 5] = '\0';
    k = find_key(spec, section, plain, base, index);
    return k && k->flags & CONF_SECRET ? k : NULL;
}

static enum res
set_from_file(struct loading *l, const char *section, const char *name, const char *value)
{
    char *base;
    size_t index;
    bool file = false;
    struct conf_pass *pass = find_pass(l->spec, section);
    const struct conf_key *k = find_key(l->spec, section, name, &base, &index);

    if (!k && (k = find_secret(l->spec, section, name, &base, &index)))
        file = true;
    if (k && l->seen[index])
        return err_set(l->e, RES_FATAL, "%s line %d: [%s] %s is given twice", l->file, l->line, section,
                       name);
    if (k) {
        l->seen[index] = true;
        return set_known(l, k, base, value, file);
    }
    if (pass && find_pair(pass, name))
        return err_set(l->e, RES_FATAL, "%s line %d: [%s] %s is given twice", l->file, l->line, section,
                       name);
    if (pass)
        return set_pass(l, pass, name, value);
    if (section_foreign(l->spec, section) && !section_known(l->spec, section))
        return RES_OK;
    return err_set(l->e, RES_FATAL, "%s line %d: unknown setting [%s] %s", l->file, l->line, section, name);
}

/* ---- the file ------------------------------------------------------------------------------------------------- */

static char *
trim(char *z)
{
    size_t n;

    while (isspace((unsigned char)*z))
        z++;
    n = strlen(z);
    while (n && isspace((unsigned char)z[n - 1]))
        z[--n] = '\0';
    return z;
}

static enum res
take_line(struct loading *l, char *line, char *section, size_t cap)
{
    char *z = trim(line);
    char *eq;
    size_t n = strlen(z);

    if (!*z || *z == '#' || *z == ';')
        return RES_OK;
    if (*z == '[') {
        if (n < 3 || z[n - 1] != ']' || n - 2 >= cap)
            return err_set(l->e, RES_FATAL, "%s line %d: not a [section]: %s", l->file, l->line, z);
        z[n - 1] = '\0';
        memcpy(section, z + 1, n - 1);
        if (section_known(l->spec, section) || find_pass(l->spec, section) ||
            section_foreign(l->spec, section))
            return RES_OK;
        return err_set(l->e, RES_FATAL, "%s line %d: unknown section [%s]", l->file, l->line, section);
    }
    eq = strchr(z, '=');
    if (!eq || eq == z || !*section)
        return err_set(l->e, RES_FATAL, "%s line %d: neither [section] nor key = value: %s", l->file, l->line,
                       z);
    *eq = '\0';
    return set_from_file(l, section, trim(z), trim(eq + 1));
}

static enum res
read_file(struct loading *l)
{
    FILE *f = fopen(l->file, "r");
    char section[64] = "";
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    enum res res = RES_OK;

    if (!f)
        return err_set(l->e, RES_FATAL, "cannot read %s: %s", l->file, strerror(errno));
    for (l->line = 1; res == RES_OK && (n = getline(&line, &cap, f)) >= 0; l->line++) {
        if (strlen(line) != (size_t)n || n > FILE_MAX_BYTES)
            res = err_set(l->e, RES_FATAL, "%s line %d: holds a NUL byte or is too long", l->file, l->line);
        else
            res = take_line(l, line, section, sizeof section);
    }
    if (res == RES_OK && !feof(f))
        res = err_set(l->e, RES_FATAL, "cannot read %s: %s", l->file, strerror(errno));
    free(line);
    fclose(f);
    return res;
}

/* ---- the environment ------------------------------------------------------------------------------------------ */

static void
env_name(const struct conf_spec *spec, const char *section, const char *name, struct buf *out)
{
    buf_reset(out);
    buf_printf(out, "%s_%s_%s", spec->env_prefix, section, name);
    for (size_t i = 0; i < out->n; i++)
        out->p[i] = isalnum((unsigned char)out->p[i]) ? (char)toupper((unsigned char)out->p[i]) : '_';
}

static enum res
env_key(struct loading *l, const struct conf_key *k, char *base, struct buf *name)
{
    const char *v;

    env_name(l->spec, k->section, k->name, name);
    v = name->failed ? NULL : getenv(name->p);
    if (v)
        return set_known(l, k, base, v, false);
    buf_z(name, "_FILE");
    if (name->failed)
        return err_set(l->e, RES_FATAL, "out of memory");
    v = k->flags & CONF_SECRET ? getenv(name->p) : NULL;
    return v ? set_known(l, k, base, v, true) : RES_OK;
}

extern char **environ;

/* Whether a variable is that of a table's key, or of a secret's file. */
static bool
env_is_key(const struct conf_spec *spec, const char *section, struct str var, struct buf *name)
{
    for (const struct conf_table *t = spec->tables; t->keys; t++)
        for (const struct conf_key *k = t->keys; k->section; k++) {
            if (strcmp(k->section, section) != 0)
                continue;
            env_name(spec, section, k->name, name);
            if (str_eq(buf_view(name), var))
                return true;
            buf_z(name, "_FILE");
            if (k->flags & CONF_SECRET && str_eq(buf_view(name), var))
                return true;
        }
    return false;
}

/* APP_KAFKA_BOOTSTRAP_SERVERS -> [kafka] bootstrap.servers, unless it is a key of a table */
static enum res
env_pass(struct loading *l, struct conf_pass *p, struct buf *head)
{
    struct buf tmp = buf_make(512);
    enum res res = RES_OK;

    env_name(l->spec, p->section, "", head);
    if (head->failed)
        res = err_set(l->e, RES_FATAL, "out of memory");
    for (char **v = environ; *v && res == RES_OK; v++) {
        const char *eq = strchr(*v, '=');
        char name[128];
        size_t n = eq ? (size_t)(eq - *v) : 0;

        if (n <= head->n || n - head->n >= sizeof name || memcmp(*v, head->p, head->n) != 0)
            continue;
        if (env_is_key(l->spec, p->section, (struct str){*v, n}, &tmp))
            continue;
        for (size_t i = head->n; i < n; i++)
            name[i - head->n] = (*v)[i] == '_' ? '.' : (char)tolower((unsigned char)(*v)[i]);
        name[n - head->n] = '\0';
        res = tmp.failed ? err_set(l->e, RES_FATAL, "out of memory") : set_pass(l, p, name, eq + 1);
    }
    buf_free(&tmp);
    return res;
}

static enum res
read_env(struct loading *l)
{
    struct buf name = buf_make(512);
    enum res res = RES_OK;

    for (const struct conf_table *t = l->spec->tables; t->keys; t++)
        for (const struct conf_key *k = t->keys; k->section && res == RES_OK; k++)
            res = env_key(l, k, t->base, &name);
    for (struct conf_pass *p = l->spec->pass; p && p->section && res == RES_OK; p++)
        res = env_pass(l, p, &name);
    buf_free(&name);
    return res;
}

/* ---- load, sample ----------------------------------------------------------------------------------------------- */

static size_t
count_keys(const struct conf_spec *spec)
{
    size_t n = 0;

    for (const struct conf_table *t = spec->tables; t->keys; t++)
        for (const struct conf_key *k = t->keys; k->section; k++)
            n++;
    return n;
}

static enum res
set_defaults(struct loading *l)
{
    enum res res = RES_OK;

    for (const struct conf_table *t = l->spec->tables; t->keys; t++)
        for (const struct conf_key *k = t->keys; k->section && res == RES_OK; k++)
            if (k->def)
                res = assign(l, k, t->base, k->def);
            else if (k->type == CONF_STR)
                *(const char **)(void *)((char *)t->base + k->offset) = NULL;
    return res;
}

static enum res
check_required(const struct conf_spec *spec, struct err *e)
{
    for (const struct conf_table *t = spec->tables; t->keys; t++)
        for (const struct conf_key *k = t->keys; k->section; k++) {
            const char *v;

            if (!(k->flags & CONF_REQUIRED) || k->type != CONF_STR)
                continue;
            v = *(const char **)(void *)((char *)t->base + k->offset);
            if (!v || !*v)
                return err_set(e, RES_FATAL, "[%s] %s is required: %s", k->section, k->name, k->help);
        }
    return RES_OK;
}

enum res
conf_load(const struct conf_spec *spec, const char *file, struct conf **ret, struct err *e)
{
    struct loading l = {.spec = spec, .file = file, .e = e};
    enum res res = RES_FATAL;

    *ret = NULL;
    l.conf = calloc(1, sizeof *l.conf);
    l.seen = calloc(count_keys(spec) + 1, sizeof *l.seen);
    if (!l.conf || !l.seen) {
        err_set(e, RES_FATAL, "out of memory");
        goto out;
    }
    l.conf->pass = spec->pass;
    res = set_defaults(&l);
    if (res == RES_OK && file)
        res = read_file(&l);
    if (res == RES_OK)
        res = read_env(&l);
    if (res == RES_OK)
        res = check_required(spec, e);
    if (res == RES_OK) {
        *ret = l.conf;
        l.conf = NULL;
    }
out:
    free(l.seen);
    conf_free(l.conf);
    return res;
}

void
conf_forget_pass(struct conf *conf)
{
    for (struct conf_pass *p = conf->pass; p && p->section; p++) {
        free(p->pairs);
        p->pairs = NULL;
        p->n = 0;
    }
    conf->pass = NULL;
}

void
conf_free(struct conf *conf)
{
    if (!conf)
        return;
    conf_forget_pass(conf);
    for (size_t i = 0; i < conf->n; i++)
        free(conf->strings[i]);
    free(conf->strings);
    free(conf);
}

static void
sample_key(const struct conf_key *k, struct buf *out)
{
    buf_printf(out, "# %s\n# %s", k->help, k->type == CONF_ENUM ? "one of " : "");
    buf_z(out, type_name(k));
    if (k->min || k->max)
        buf_printf(out, ", %lld to %lld", (long long)k->min, (long long)k->max);
    if (k->flags & CONF_SECRET)
        buf_printf(out, "; secret: better %s_file = PATH", k->name);
    if (k->flags & CONF_REQUIRED)
        buf_z(out, "; required");
    if (k->flags & CONF_RELOAD)
        buf_z(out, "; re-read on SIGHUP");
    buf_printf(out, "\n#%s = %s\n", k->name, k->def ? k->def : "");
}

void
conf_sample(const struct conf_spec *spec, struct buf *out)
{
    const char *section = "";

    for (const struct conf_table *t = spec->tables; t->keys; t++)
        for (const struct conf_key *k = t->keys; k->section; k++) {
            if (strcmp(section, k->section) != 0)
                buf_printf(out, "\n[%s]\n", k->section);
            section = k->section;
            sample_key(k, out);
        }
    for (const struct conf_pass *p = spec->pass; p && p->section; p++)
        buf_printf(out, "\n# [%s] hands every other setting on unread\n", p->section);
}

struct str
conf_word(const char **list)
{
    static const char between[] = ", \t";
    struct str word;

    if (!*list)
        return STR_NULL;
    *list += strspn(*list, between);
    word = (struct str){*list, strcspn(*list, between)};
    *list += word.n;
    return word.n ? word : STR_NULL;
}

size_t
conf_count(const char *list)
{
    size_t n = 0;

    while (conf_word(&list).n)
        n++;
    return n;
}

size_t
conf_list(char *value, char **ret, size_t max)
{
    const char *at = value;
    struct str word;
    size_t n = 0;

    while (n < max && (word = conf_word(&at)).n) {
        ret[n++] = value + (word.p - value);
        if (*at)
            value[at++ - value] = '\0';
    }
    return n;
}
