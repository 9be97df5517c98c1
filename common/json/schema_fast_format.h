/* schema_fast_format: quick looks at the usual shapes of some formats, for a scanner that only needs to know that a text
 * has its format. Written apart from schema_format_*.c, so that each can be held against the other: FAST_YES
 * promises that schema_format_ok says true; anything else is left to it. No function allocates, and none reads outside
 * of `s`, which may hold any bytes. */
#ifndef JSON_SCHEMA_FAST_FORMAT_H
#define JSON_SCHEMA_FAST_FORMAT_H

#include "common/base/str.h"

enum fast_answer { FAST_UNSURE = 0, FAST_YES };

typedef enum fast_answer (*schema_fast_format_fn)(struct str s);

/* The function for a format of that name, or NULL: this one is always left to the full engine. */
schema_fast_format_fn schema_fast_format_find(const char *name);

/* full-date of RFC 3339: all of them, the day within its Gregorian month. */
enum fast_answer schema_fast_format_date(struct str s);
/* date-time of RFC 3339; leap seconds are left. */
enum fast_answer schema_fast_format_date_time(struct str s);
/* 8-4-4-4-12 hexadecimal digits: all of them. */
enum fast_answer schema_fast_format_uuid(struct str s);
/* Four numbers to 255 without leading zeros: all of them. */
enum fast_answer schema_fast_format_ipv4(struct str s);
/* Labels of letters, digits and hyphens (RFC 1123); those that may be A-labels are left. */
enum fast_answer schema_fast_format_hostname(struct str s);
/* Dot-atom, "@", and a host name as above; quoted local parts and address literals are left. */
enum fast_answer schema_fast_format_email(struct str s);
/* Scheme, "//" with a plain host and perhaps a port or no authority at all, path, query, fragment (RFC 3986); user names
 * and address literals are left. */
enum fast_answer schema_fast_format_uri(struct str s);

#endif
