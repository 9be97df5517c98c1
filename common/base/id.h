/* id: UUIDs. Version 5 (RFC 9562 5.5) makes the ids of derived facts: the same parent gives the same id, so that a
 * repeat is a repeat. Version 7 (RFC 9562 5.7) makes ids that sort by time. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdint.h>

#include "common/base/str.h"

enum { ID_TEXT = 37 }; /* 36 characters and a NUL */

/* Version 5 over `parts`, each preceded by its length so that ("ab","c") and ("a","bc") differ. */
void id_derive(const unsigned char ns[16], const struct str *parts, unsigned n, char out[ID_TEXT]);

/* Version 7 for the instant `t_us` (microseconds since the epoch) with 74 random bits. */
void id_time(int64_t t_us, char out[ID_TEXT]);

/* A random 64-bit number, for lease tokens and jitter. */
uint64_t id_random(void);

#endif
