/* scan: takes the members that the endpoint looks at out of a body, without a tree where it can. */
#ifndef STANDIN_SCAN_H
#define STANDIN_SCAN_H

#include <jansson.h>

#include "common/base/str.h"

/* Slices into the body, or into `json`; STR_NULL for what is not there or no string. */
struct scan {
    struct str nomor;
    struct str kode_opd;
    struct str nama; /* sistem.nama */
    struct str url_callback;
    int64_t revisi;        /* 0 when it is no whole number */
    const char *forbidden; /* a member that must not be sent, or NULL; static */
    json_t *json;          /* owned; NULL when the fast pass was enough */
};

/* Reads an object; false when it is no valid JSON object. A fast pass takes plain ASCII without escapes, fractions or
 * doubled names; whatever it cannot take goes to jansson, which alone refuses. To scan_free in any case. */
bool scan_read(struct scan *s, struct str body);

/* The same by jansson only. */
bool scan_read_full(struct scan *s, struct str body);

void scan_free(struct scan *s);

#endif
