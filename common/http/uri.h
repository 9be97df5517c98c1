/* uri: a request target taken apart: decoded path segments and query parameters; and a text made fit to be a part of one. */
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include "common/base/buf.h"
#include "common/base/str.h"

enum { URI_SEGS = 16 };

struct uri_pair {
    struct str name;
    struct str value;
};

struct uri {
    char *mem;       /* owned: the decoded bytes that the slices point into */
    struct str path; /* decoded, with its slashes */
    struct str seg[URI_SEGS];
    unsigned segs; /* past URI_SEGS when there were more: nothing matches then */
    struct uri_pair *pair;
    size_t pairs;
};

/* Reads "/a/b%20c?x=1" (or the absolute form "http://host/a"). The target is split before it is decoded, so %2F does
 * not make a segment. False for anything else, a broken percent code or a NUL in the path, or no memory. */
bool uri_parse(struct uri *u, const char *raw);
void uri_free(struct uri *u);

/* Whether the path fits `pattern`, where each `{}` takes one non-empty segment; their numbers go into `took`, URI_SEGS
 * into the rest of it. */
bool uri_match(const struct uri *u, const char *pattern, unsigned char took[URI_SEGS]);

/* The first parameter of that name, decoded (+ is a space); STR_NULL when absent, empty but not NULL for "x=". */
struct str uri_query(const struct uri *u, const char *name);

/* Appends a text as one piece of a target: all but A-Z a-z 0-9 - . _ ~ is %XX of its bytes (RFC 3986, 2.3). */
void uri_encode(struct buf *b, struct str s);

#endif
