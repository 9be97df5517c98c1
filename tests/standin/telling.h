/* telling: when and how a later end is told to the url_callback. */
#ifndef STANDIN_TELLING_H
#define STANDIN_TELLING_H

#include <stdbool.h>
#include <stdint.h>

struct telling {
    int64_t after_ms; /* from the answer to the end; -1 = it never ends */
    int64_t repeat;   /* how often each callback is sent, at once */
    bool on;          /* false: it ends, but only who asks is told */
    bool twice;       /* repeat is at least 2 */
    bool reversed;    /* the state before the end is told too, after the end */
    bool first;       /* it ends, and this is told, before the call is answered */
};

#endif
