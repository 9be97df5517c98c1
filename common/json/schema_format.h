/* schema_format: the built-in formats. Each says whether the whole of `s` has the format. Internal.
 * `arg` is NULL or a bool that becomes true when the answer is worth nothing, because memory is out. */
#ifndef JSON_SCHEMA_FORMAT_H
#define JSON_SCHEMA_FORMAT_H

#include "common/json/schema_impl.h"

/* schema_format.c */
bool schema_format_json_pointer(struct str s, void *arg);
bool schema_format_relative_pointer(struct str s, void *arg);
bool schema_format_uuid(struct str s, void *arg);
bool schema_format_regex(struct str s, void *arg);
bool schema_format_uri_template(struct str s, void *arg);

/* schema_format_time.c */
bool schema_format_date(struct str s, void *arg);
bool schema_format_time(struct str s, void *arg);
bool schema_format_date_time(struct str s, void *arg);
bool schema_format_duration(struct str s, void *arg);

/* schema_format_net.c */
bool schema_format_hostname(struct str s, void *arg);
bool schema_format_ipv4(struct str s, void *arg);
bool schema_format_ipv6(struct str s, void *arg);
bool schema_format_email(struct str s, void *arg);
bool schema_format_idn_email(struct str s, void *arg);

/* schema_format_idn.c */
bool schema_format_idn_hostname(struct str s, void *arg);
/* Whether an ASCII label that starts with "xn--" is the encoding of a valid label. */
bool schema_format_a_label(struct str label, void *arg);

/* schema_format_uri.c */
bool schema_format_uri(struct str s, void *arg);
bool schema_format_uri_reference(struct str s, void *arg);
bool schema_format_iri(struct str s, void *arg);
bool schema_format_iri_reference(struct str s, void *arg);

static inline bool
no_memory(void *arg)
{
    if (arg)
        *(bool *)arg = true;
    return false;
}

static inline bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool
is_alpha(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static inline bool
is_alnum(char c)
{
    return is_digit(c) || is_alpha(c);
}

static inline bool
is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static inline bool
is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

/* Reads the code point at `*i` and moves on; the text is known to be UTF-8. */
static inline uint32_t
next_code_point(struct str s, size_t *i)
{
    unsigned char c = (unsigned char)s.p[(*i)++];
    uint32_t v = c < 0x80 ? c : c < 0xe0 ? c & 31u : c < 0xf0 ? c & 15u : c & 7u;

    while (c >= 0xc0 && *i < s.n && ((unsigned char)s.p[*i] & 0xc0) == 0x80)
        v = v << 6 | ((unsigned char)s.p[(*i)++] & 63u);
    return v;
}

#endif
