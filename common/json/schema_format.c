#include "common/json/schema_format.h"

#include <stdlib.h>

static const struct {
    const char *name;
    schema_format_fn fn;
} builtin[] = {
    {"date", schema_format_date},
    {"time", schema_format_time},
    {"date-time", schema_format_date_time},
    {"duration", schema_format_duration},
    {"email", schema_format_email},
    {"idn-email", schema_format_idn_email},
    {"hostname", schema_format_hostname},
    {"idn-hostname", schema_format_idn_hostname},
    {"ipv4", schema_format_ipv4},
    {"ipv6", schema_format_ipv6},
    {"uri", schema_format_uri},
    {"uri-reference", schema_format_uri_reference},
    {"iri", schema_format_iri},
    {"iri-reference", schema_format_iri_reference},
    {"uri-template", schema_format_uri_template},
    {"uuid", schema_format_uuid},
    {"json-pointer", schema_format_json_pointer},
    {"relative-json-pointer", schema_format_relative_pointer},
    {"regex", schema_format_regex},
};

static bool
set_format(struct schema_set *set, struct schema_format add)
{

    for (size_t i = 0; i < set->nformat; i++)
        if (strcmp(set->format[i].name, add.name) == 0) {
            add.name = set->format[i].name;
            set->format[i] = add;
            return true;
        }
    if (!schema_grow(&set->format, &set->cap_format, set->nformat, sizeof *set->format))
        return false;
    add.name = str_dup(str_of(add.name));
    if (!add.name)
        return false;
    set->format[set->nformat++] = add;
    return true;
}

bool
schema_format_builtin(struct schema_set *set)
{
    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        if (!set_format(
                set, (struct schema_format){.name = builtin[i].name, .fn = builtin[i].fn, .builtin = true}))
            return false;
    return true;
}

enum res
schema_format_add(struct schema_set *set, const char *name, schema_format_fn fn, void *arg)
{
    return set_format(set, (struct schema_format){.name = name, .fn = fn, .arg = arg}) ? RES_OK : RES_RETRY;
}

bool
schema_format_ok(const char *name, struct str s)
{
    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        if (strcmp(builtin[i].name, name) == 0)
            return builtin[i].fn(s, NULL);
    return true;
}

bool
schema_format_json_pointer(struct str s, void *arg)
{
    (void)arg;
    if (s.n && s.p[0] != '/')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '~' && (i + 1 == s.n || (s.p[i + 1] != '0' && s.p[i + 1] != '1')))
            return false;
    return true;
}

bool
schema_format_relative_pointer(struct str s, void *arg)
{
    size_t i = 0;

    while (i < s.n && is_digit(s.p[i]))
        i++;
    if (!i || (s.p[0] == '0' && i > 1))
        return false;
    if (i + 1 == s.n && s.p[i] == '#')
        return true;
    return schema_format_json_pointer((struct str){s.p + i, s.n - i}, arg);
}

bool
schema_format_uuid(struct str s, void *arg)
{
    (void)arg;
    if (s.n != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? s.p[i] != '-' : !is_hex(s.p[i]))
            return false;
    }
    return true;
}

bool
schema_format_regex(struct str s, void *arg)
{
    struct schema_regex re;
    struct err e = {0};
    enum res rc = schema_regex_compile(&re, NULL, s, 1000, &e);

    if (rc == RES_OK)
        schema_regex_free(&re);
    return rc == RES_RETRY ? no_memory(arg) : rc == RES_OK;
}

/* "varspec" of RFC 6570: a name, then ":n" or "*". */
static bool
var_spec(struct str s)
{
    size_t i = 0;

    while (i < s.n && (is_alnum(s.p[i]) || s.p[i] == '_' || (s.p[i] == '.' && i && s.p[i - 1] != '.') ||
                       s.p[i] == '%')) {
        if (s.p[i] == '%' && (i + 2 >= s.n || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2])))
            return false;
        i += s.p[i] == '%' ? 3 : 1;
    }
    if (!i || s.p[i - 1] == '.')
        return false;
    if (i == s.n || (s.p[i] == '*' && i + 1 == s.n))
        return true;
    if (s.p[i] != ':' || i + 1 == s.n || s.n - i > 5 || s.p[i + 1] == '0')
        return false;
    while (++i < s.n)
        if (!is_digit(s.p[i]))
            return false;
    return true;
}

static bool
expression(struct str s)
{
    size_t from = s.n && is_one_of(s.p[0], "+#./;?&=,!@|");

    for (size_t i = from; i <= s.n; i++) {
        if (i < s.n && s.p[i] != ',')
            continue;
        if (!var_spec((struct str){s.p + from, i - from}))
            return false;
        from = i + 1;
    }
    return true;
}

bool
schema_format_uri_template(struct str s, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        const char *close;

        if (c == '{') {
            close = memchr(s.p + i, '}', s.n - i);
            if (!close || !expression((struct str){s.p + i + 1, (size_t)(close - s.p) - i - 1}))
                return false;
            i = (size_t)(close - s.p);
        } else if (c <= 0x20 || c == 0x7f || is_one_of((char)c, "\"<>\\^`|}") ||
                   (c == '%' && (i + 2 >= s.n || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2])))) {
            return false;
        }
    }
    return true;
}
